#include "tests/support/sockets.h"

#include <poll.h>
#include <stdio.h>

#include "tests/support/live_impl.h"
#include "lib/os/clock.h"

#define LISTENING 0x0a
#define LINKS_PORT 2500

/* A line of /proc/net/tcp: addresses in the order of the machine's bytes, ports in hex. Who has no inode is held by
 * the system alone and will go by itself. */
struct row {
	uint32_t ip[2];
	unsigned port[2], state;
	unsigned long inode;
};

static bool read_row(const char *line, struct row *r)
{
	return sscanf(line, "%*d: %x:%x %x:%x %x %*s %*s %*s %*d %*d %lu", &r->ip[0], &r->port[0], &r->ip[1],
		       &r->port[1], &r->state, &r->inode) == 6;
}

static bool is_ours(const struct live *w, uint32_t ip)
{
	struct hl_addr block = live_address(w, 0, 0);

	return memcmp(&ip, block.ip, 3) == 0;
}

static bool counts(const struct live *w, const struct row *r)
{
	return (is_ours(w, r->ip[0]) || is_ours(w, r->ip[1])) && r->state != LISTENING && r->inode != 0 &&
		r->port[0] != LINKS_PORT && r->port[1] != LINKS_PORT;
}

static int count(const struct live *w, bool show)
{
	FILE *f = fopen("/proc/net/tcp", "re");
	char line[512];
	struct row r;
	int n = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof line, f)) {
		if (!read_row(line, &r) || !counts(w, &r))
			continue;
		n++;
		if (show)
			live_fail("left: %s", line);
	}
	fclose(f);
	return n;
}

int sockets_of(const struct live *w)
{
	return count(w, false);
}

bool sockets_await_none(const struct live *w)
{
	int64_t deadline = live_deadline();

	while (count(w, false) != 0) {
		if (hl_clock_mono_us() >= deadline)
			return count(w, true) == 0;
		poll(NULL, 0, 5); /* the system tells nobody when a connection ends */
	}
	return true;
}
