#include "lib/base/core.h"

#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

void hl_addr_text(const struct hl_addr *a, char *out)
{
	char ip[INET6_ADDRSTRLEN] = "";

	switch (a->family) {
	case HL_INET:
		inet_ntop(AF_INET, a->ip, ip, sizeof ip);
		snprintf(out, HL_ADDR_TEXT, "%s:%u", ip, a->port);
		break;
	case HL_INET6:
		inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
		snprintf(out, HL_ADDR_TEXT, "[%s]:%u", ip, a->port);
		break;
	default:
		snprintf(out, HL_ADDR_TEXT, "%s", a->family == HL_UNIX ? "unix" : "none");
	}
}

hl_err hl_addr_parse(const char *text, struct hl_addr *out)
{
	struct hl_addr a = { .family = text[0] == '[' ? HL_INET6 : HL_INET };
	const char *colon = strrchr(text, ':');
	char ip[INET6_ADDRSTRLEN + 2];
	size_t n = colon ? (size_t)(colon - text) : 0;
	unsigned long port = 0;

	if (n == 0 || n >= sizeof ip || colon[1] == 0)
		return HL_E_RANGE;
	for (const char *d = colon + 1; *d; d++) {
		if (*d < '0' || *d > '9' || port > 65535)
			return HL_E_RANGE;
		port = port * 10 + (unsigned long)(*d - '0');
	}
	if (port > 65535)
		return HL_E_RANGE;
	memcpy(ip, text, n);
	ip[n] = 0;
	if (a.family == HL_INET6) {
		if (n < 3 || ip[n - 1] != ']')
			return HL_E_RANGE;
		ip[n - 1] = 0;
		if (inet_pton(AF_INET6, ip + 1, a.ip) != 1)
			return HL_E_RANGE;
	} else if (inet_pton(AF_INET, ip, a.ip) != 1) {
		return HL_E_RANGE;
	}
	a.port = (uint16_t)port;
	*out = a;
	return HL_OK;
}

/* The four bytes of an IPv4 host in either spelling, else NULL. */
static const uint8_t *v4(const struct hl_addr *a)
{
	if (a->family == HL_INET)
		return a->ip;
	if (a->family == HL_INET6 && memcmp(a->ip, mapped, sizeof mapped) == 0)
		return a->ip + sizeof mapped;
	return NULL;
}

bool hl_addr_same_host(const struct hl_addr *a, const struct hl_addr *b)
{
	const uint8_t *x = v4(a), *y = v4(b);

	if (x && y)
		return memcmp(x, y, 4) == 0;
	return a->family == HL_INET6 && b->family == HL_INET6 && memcmp(a->ip, b->ip, 16) == 0;
}

void hl_wishes_put(struct hl_wishes *w, const struct hl_wish *wish)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 8;
		struct hl_wish *ring = malloc(cap * sizeof *ring);

		if (!ring) {
			w->err = HL_E_NOMEM;
			return;
		}
		for (size_t i = 0; i < w->n; i++)
			ring[i] = w->ring[(w->first + i) % w->cap];
		free(w->ring);
		w->ring = ring;
		w->first = 0;
		w->cap = cap;
	}
	w->ring[(w->first + w->n++) % w->cap] = *wish;
}

bool hl_wishes_lost(struct hl_wishes *w)
{
	bool lost = w->err != HL_OK;

	w->err = HL_OK;
	return lost;
}

bool hl_wishes_take(struct hl_wishes *w, int64_t deadline_us, struct hl_wish *out)
{
	if (w->n > 0) {
		*out = w->ring[w->first];
		w->first = (w->first + 1) % w->cap;
		w->n--;
		return true;
	}
	if (deadline_us == w->told_us)
		return false;
	w->told_us = deadline_us;
	*out = (struct hl_wish){ .kind = HL_WISH_WAIT, .at_us = deadline_us };
	return true;
}

void hl_wishes_clear(struct hl_wishes *w)
{
	free(w->ring);
	*w = (struct hl_wishes){ 0 };
}

void hl_wish_send(struct hl_wishes *w, uint32_t port)
{
	const struct hl_wish *last = w->n ? &w->ring[(w->first + w->n - 1) % w->cap] : NULL;

	if (last && last->kind == HL_WISH_SEND && last->port == port)
		return;
	hl_wishes_put(w, &(struct hl_wish){ .kind = HL_WISH_SEND, .port = port });
}

void hl_wish_close(struct hl_wishes *w, uint32_t port, bool drain)
{
	hl_wishes_put(w, &(struct hl_wish){ .kind = HL_WISH_CLOSE, .port = port, .drain = drain });
}

void hl_wish_dial(struct hl_wishes *w, uint32_t port, const struct hl_addr *addr, int64_t at_us)
{
	hl_wishes_put(w,
		&(struct hl_wish){ .kind = HL_WISH_DIAL, .port = port, .addr = *addr, .at_us = at_us });
}

void hl_wish_relay(struct hl_wishes *w, uint32_t port, uint32_t other)
{
	hl_wishes_put(w, &(struct hl_wish){ .kind = HL_WISH_RELAY, .port = port, .other = other });
}

void hl_wish_resolve(struct hl_wishes *w, uint32_t port, const char *name, int64_t at_us)
{
	struct hl_wish wish = { .kind = HL_WISH_RESOLVE, .port = port, .at_us = at_us };

	snprintf(wish.name, sizeof wish.name, "%s", name);
	hl_wishes_put(w, &wish);
}
