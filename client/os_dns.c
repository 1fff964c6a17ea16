#include "client/os_dns.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <arpa/inet.h>

#include <ares.h>

#define QUERY_MS 1000 /* c-ares doubles it for the next try */
#define ALL_MS 3000
#define TRIES 3

/* What the answer of a whole pool needs over UDP: 64 records of 16 bytes, and what stands before
 * them. It is also the size that passes everywhere unfragmented. */
#define UDP_BYTES 1232

struct client_dns {
	ares_channel channel;
	bool open, done;
	hl_err err;
	uint16_t port;
	int64_t deadline_ms; /* CLOCK_MONOTONIC */
	struct hl_addr list[CLIENT_DNS_MAX];
	size_t n;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* c-ares counts its initialisations without a lock, so that one call serves all threads. */
static void start_library(void)
{
	static int status;

	status = ares_library_init(ARES_LIB_INIT_ALL);
	(void)status; /* a failure shows again when a channel is made */
}

static hl_err ares_err(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return HL_OK;
	case ARES_ENOMEM:
		return HL_E_NOMEM;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_EBADNAME:
		return HL_E_NAME;
	default:
		/* Refused, server failure, time-out, cancelled: whoever is asked again may know. */
		return HL_E_NAME_TIMEOUT;
	}
}

static void keep(struct client_dns *d, const struct ares_addrinfo *answer)
{
	for (const struct ares_addrinfo_node *a = answer->nodes; a && d->n < CLIENT_DNS_MAX;
		a = a->ai_next) {
		struct hl_addr *to = &d->list[d->n];

		if (a->ai_family != AF_INET)
			continue;
		*to = (struct hl_addr){ .family = HL_INET, .port = d->port };
		memcpy(to->ip, &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr,
			4);
		d->n++;
	}
}

/* Called from inside c-ares: it may only take notes. */
static void on_answer(void *at, int status, int timeouts, struct ares_addrinfo *answer)
{
	struct client_dns *d = at;

	(void)timeouts;
	d->err = ares_err(status);
	if (answer) {
		keep(d, answer);
		ares_freeaddrinfo(answer);
	}
	if (d->err == HL_OK && d->n == 0)
		d->err = HL_E_NAME;
	d->done = true;
}

static bool take_numeric(struct client_dns *d, const char *name)
{
	struct hl_addr a = { .port = d->port };

	if (inet_pton(AF_INET, name, a.ip) == 1)
		a.family = HL_INET;
	else if (inet_pton(AF_INET6, name, a.ip) == 1)
		a.family = HL_INET6;
	else
		return false;
	d->list[0] = a;
	d->n = 1;
	d->done = true;
	return true;
}

/* A resolver of our own answers for its world alone: no hosts file, no aliases, no search list. */
static int open_channel(struct client_dns *d, bool own)
{
	char dns_only[] = "b";
	struct ares_options o = {
		.flags = ARES_FLAG_EDNS | (own ? ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES : 0),
		.timeout = QUERY_MS,
		.tries = TRIES,
		.ednspsz = UDP_BYTES,
		.lookups = dns_only,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ;

	if (own)
		mask |= ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS; /* no domains at all */
	return ares_init_options(&d->channel, &o, mask);
}

static int use_resolver(ares_channel channel, const struct hl_addr *r)
{
	struct ares_addr_port_node node = { .udp_port = r->port, .tcp_port = r->port };

	if (r->family == HL_INET6) {
		node.family = AF_INET6;
		memcpy(&node.addr.addr6, r->ip, 16);
	} else {
		node.family = AF_INET;
		memcpy(&node.addr.addr4, r->ip, 4);
	}
	return ares_set_servers_ports(channel, &node);
}

static hl_err ask(struct client_dns *d, const char *name, const struct hl_addr *resolver)
{
	bool own = resolver && (resolver->family == HL_INET || resolver->family == HL_INET6);
	/* Sorting would open a socket for every address, and the caller draws one anyway. */
	struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT, .ai_family = AF_INET };
	int status = open_channel(d, own);

	if (status != ARES_SUCCESS)
		return ares_err(status);
	d->open = true;
	if (own)
		status = use_resolver(d->channel, resolver);
	if (status != ARES_SUCCESS)
		return ares_err(status);
	d->deadline_ms = now_ms() + ALL_MS;
	ares_getaddrinfo(d->channel, name, NULL, &hints, on_answer, d);
	return HL_OK;
}

static void freep(struct client_dns **d)
{
	client_dns_free(*d);
}

hl_err client_dns_start(
	const char *name, uint16_t port, const struct hl_addr *resolver, struct client_dns **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	HL_AUTO(freep) struct client_dns *d = NULL;

	if (!name || !*name || strlen(name) > HL_NAME_MAX)
		return HL_E_ARG;
	d = calloc(1, sizeof *d);
	if (!d)
		return HL_E_NOMEM;
	d->port = port;
	if (!take_numeric(d, name)) {
		pthread_once(&once, start_library);
		HL_TRY(ask(d, name, resolver));
	}
	*out = hl_take(d);
	return HL_OK;
}

static int ms_left(struct client_dns *d)
{
	int64_t left = d->deadline_ms - now_ms();
	struct timeval most, buf, *t;

	if (left < 0)
		left = 0;
	most = (struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
	t = ares_timeout(d->channel, &most, &buf);
	/* Rounded up: a poll that returns early would turn in circles until the time has come. */
	return (int)(t->tv_sec * 1000 + (t->tv_usec + 999) / 1000);
}

size_t client_dns_fds(struct client_dns *d, struct pollfd *fds, size_t max, int *timeout_ms)
{
	ares_socket_t sock[ARES_GETSOCK_MAXNUM];
	unsigned bits;
	size_t n = 0;

	*timeout_ms = 0;
	if (d->done)
		return 0;
	*timeout_ms = ms_left(d);
	bits = (unsigned)ares_getsock(d->channel, sock, ARES_GETSOCK_MAXNUM);
	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM && n < max; i++) {
		short want = 0;

		/* ARES_GETSOCK_WRITABLE() shifts a signed 1 into the sign. */
		if (bits >> i & 1u)
			want |= POLLIN;
		if (bits >> (ARES_GETSOCK_MAXNUM + i) & 1u)
			want |= POLLOUT;
		if (want)
			fds[n++] = (struct pollfd){ .fd = sock[i], .events = want };
	}
	return n;
}

bool client_dns_step(struct client_dns *d, const struct pollfd *fds, size_t n)
{
	for (size_t i = 0; i < n && !d->done; i++) {
		short got = fds[i].revents;
		bool broken = got & (POLLERR | POLLHUP | POLLNVAL);

		/* A failure is found by trying what was waited for. */
		ares_process_fd(d->channel,
			got & POLLIN || (broken && fds[i].events & POLLIN) ? fds[i].fd
									   : ARES_SOCKET_BAD,
			got & POLLOUT || (broken && fds[i].events & POLLOUT) ? fds[i].fd
									     : ARES_SOCKET_BAD);
	}
	if (!d->done)
		ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what timed out */
	if (!d->done && now_ms() >= d->deadline_ms)
		ares_cancel(d->channel); /* on_answer hears of it before this returns */
	return d->done;
}

hl_err client_dns_result(struct client_dns *d, const struct hl_addr **list, size_t *n)
{
	if (!d->done)
		return HL_E_DEFER;
	HL_TRY(d->err);
	*list = d->list;
	*n = d->n;
	return HL_OK;
}

void client_dns_free(struct client_dns *d)
{
	if (!d)
		return;
	if (d->open)
		ares_destroy(d->channel);
	free(d);
}
