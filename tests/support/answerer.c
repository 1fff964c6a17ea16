#include "tests/support/answerer.h"

#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "tests/support/test.h"

#define HEADER 12
#define RR_A 16

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The length of the question that follows the header; 0 where it is broken. */
static size_t question(const uint8_t *q, size_t n)
{
	size_t at = HEADER;

	while (at < n && q[at] != 0)
		at += 1u + q[at];
	return at + 5 <= n ? at + 5 - HEADER : 0;
}

/* A records 10.0.x.y, each with a pointer to the name in the question (RFC 1035 4.1.4). */
static size_t put_records(uint8_t *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		/* name, type A, class IN, 5 s, 4 bytes */
		static const uint8_t fixed[] = { 0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4,
			10, 0 };

		memcpy(out + i * RR_A, fixed, sizeof fixed);
		put16(out + i * RR_A + sizeof fixed, i);
	}
	return (size_t)count * RR_A;
}

/* clang-format off */
static const struct { const char *label; unsigned rcode, records, cut; } behaviours[] = {
	{ "pool",   0,  3, 0 },
	{ "many",   0, 70, 0 },
	{ "none",   3,  0, 0 },
	{ "empty",  0,  0, 0 },
	{ "broken", 2,  0, 0 },
	{ "cut",    0,  3, 7 },
};
/* clang-format on */

static size_t answer(uint8_t *q, size_t n, uint8_t *out)
{
	size_t length = n > HEADER ? question(q, n) : 0;

	if (length == 0)
		return 0;
	for (size_t i = 0; i < HL_COUNT(behaviours); i++) {
		size_t label = strlen(behaviours[i].label);

		if (q[HEADER] != label || memcmp(q + HEADER + 1, behaviours[i].label, label) != 0)
			continue;
		memcpy(out, q, HEADER + length);
		out[2] = 0x81; /* a response, to a query with recursion desired */
		out[3] = (uint8_t)(0x80 | behaviours[i].rcode);
		put16(out + 6, behaviours[i].records);
		put16(out + 8, 0);
		put16(out + 10, 0);
		n = HEADER + length + put_records(out + HEADER + length, behaviours[i].records);
		return n - behaviours[i].cut;
	}
	return 0;
}

/* Until an empty datagram comes. */
static void *serve(void *at)
{
	struct answerer *a = at;
	uint8_t q[1500], out[1500];
	struct sockaddr_in from;

	for (;;) {
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(a->fd, q, sizeof q, 0, (struct sockaddr *)&from, &size);
		size_t length;

		if (n <= 0)
			return NULL;
		a->asked++;
		length = answer(q, (size_t)n, out);
		if (length > 0 && sendto(a->fd, out, length, 0, (struct sockaddr *)&from, size) < 0)
			return NULL;
	}
}

void answerer_open(struct answerer *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof sin;

	a->fd = socket(AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(a->fd, (struct sockaddr *)&sin, sizeof sin), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(a->fd, (struct sockaddr *)&sin, &size), 0);
	a->addr = (struct hl_addr){ .family = HL_INET, .port = ntohs(sin.sin_port) };
	memcpy(a->addr.ip, &sin.sin_addr, 4);
}

void answerer_start(struct answerer *a)
{
	answerer_open(a);
	a->running = pthread_create(&a->thread, NULL, serve, a) == 0;
	CU_ASSERT(a->running);
}

void answerer_stop(struct answerer *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(a->addr.port) };

	memcpy(&sin.sin_addr, a->addr.ip, 4);
	if (a->running) {
		CU_ASSERT_EQUAL(sendto(a->fd, "", 0, 0, (struct sockaddr *)&sin, sizeof sin), 0);
		pthread_join(a->thread, NULL);
	}
	close(a->fd);
}
