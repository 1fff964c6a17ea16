#include "tests/support/tapped.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/listen.h"
#include "tests/support/live_impl.h"

bool tapped_start(struct tapped *t, unsigned workers)
{
	static const struct hl_addr here = { .family = HL_INET, .ip = { 127, 0, 0, 1 } };
	struct live_options options = { .dumpable = true, .workers = workers }; /* a test may count what a daemon holds */
	struct hl_addr front;
	char text[HL_ADDR_TEXT];

	*t = (struct tapped){ 0 };
	t->inner = relay_start(&here, &t->inner_at);
	if (!t->inner)
		return false;
	hl_addr_text(&t->inner_at, text);
	options.hsm_address[0] = text;
	t->w = live_start(&options);
	if (!t->w)
		return false;
	t->hsm_at = live_address(t->w, LIVE_HSM, LIVE_HSM_PORT);
	t->proxy_at = live_address(t->w, LIVE_PROXY, LIVE_PORT);
	/* A client must have dialled the proxy's own host, or the directory refuses. */
	front = live_address(t->w, LIVE_PROXY, 0);
	t->outer = relay_start(&front, &t->outer_at);
	if (!t->outer)
		return false;
	relay_to(t->inner, &t->hsm_at);
	relay_to(t->outer, &t->proxy_at);
	return true;
}

bool tapped_stop(struct tapped *t)
{
	bool in_order = live_stop(t->w);

	relay_stop(t->outer);
	relay_stop(t->inner);
	*t = (struct tapped){ 0 };
	return in_order;
}

bool tapped_client(struct tapped *t, const char *name, const struct live_account *account,
	const char *client_id, struct live_client *out)
{
	struct live_route route = { .port = t->outer_at.port, .client_id = client_id };

	return live_client(t->w, name, account, &route, out);
}

bool tapped_client_ready(struct tapped *t, const char *name, const struct live_account *account,
	struct live_client *out)
{
	return tapped_client(t, name, account, NULL, out) && live_exchange(out, account);
}

int raw_dial(const struct hl_addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(to, &ss);
	int fd = n ? socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&ss, n) == 0)
		return fd;
	close(fd);
	return -1;
}

bool raw_send(int fd, struct hl_bytes bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes = hl_bytes(bytes.p + n, bytes.n - (size_t)n);
	}
	return true;
}

/* 1: there was something; 0: the peer has ended; -1: the time is up. */
static int read_more(int fd, struct hl_buf *in)
{
	uint8_t *room = hl_buf_room(in, 4096);
	ssize_t n;

	if (!room || !live_poll(fd, POLLIN, live_deadline()))
		return -1;
	n = recv(fd, room, 4096, 0);
	if (n > 0)
		hl_buf_grow(in, (size_t)n);
	return n > 0; /* a reset is an end, too */
}

bool raw_read(int fd, struct hl_buf *in)
{
	return read_more(fd, in) > 0;
}

struct hl_buf raw_read_all(int fd, bool *ended)
{
	struct hl_buf in = hl_buf(HL_BUF_MAX);
	int more;

	while ((more = read_more(fd, &in)) > 0)
		;
	*ended = more == 0;
	return in;
}
