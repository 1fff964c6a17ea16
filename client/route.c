#include "client/route.h"

#include <string.h>

hl_err client_route_init(struct client_route *r, const struct hl_env *env,
	const struct client_target *host, size_t n)
{
	*r = (struct client_route){ .env = env };
	if (n == 0 || n > CLIENT_HOSTS_MAX)
		return HL_E_ARG;
	for (size_t i = 0; i < n; i++) {
		size_t at = i;

		if (!host[i].host || !*host[i].host || strlen(host[i].host) > HL_NAME_MAX)
			return HL_E_ARG;
		for (; at > 0 && r->host[at - 1].priority > host[i].priority; at--)
			r->host[at] = r->host[at - 1];
		r->host[at] = host[i];
	}
	r->hosts = n;
	return HL_OK;
}

/* Below `limit`, and every number as likely. */
static uint32_t draw(const struct hl_env *env, uint32_t limit)
{
	uint32_t fair = UINT32_MAX - UINT32_MAX % limit, drawn;

	do
		hl_random(env, &drawn, sizeof drawn);
	while (drawn >= fair);
	return drawn % limit;
}

static void begin_round(struct client_route *r)
{
	r->next_host = 0;
	r->tries = 0;
	r->addresses = r->next_address = 0;
}

void client_route_begin(struct client_route *r)
{
	/* A number that every possible count of hosts divides would be fair; of 2^32 the difference is nothing. */
	r->turn = r->drawn ? r->turn + 1 : draw(r->env, UINT32_MAX / 2);
	r->drawn = true;
	r->round = 0;
	begin_round(r);
}

const struct client_target *client_route_host(struct client_route *r)
{
	size_t place = r->next_host, first = place, end = place;

	if (place == r->hosts)
		return NULL;
	r->next_host++;
	while (first > 0 && r->host[first - 1].priority == r->host[place].priority)
		first--;
	while (end < r->hosts && r->host[end].priority == r->host[place].priority)
		end++;
	r->at = &r->host[first + (place - first + r->turn) % (end - first)];
	r->addresses = r->next_address = 0;
	return r->at;
}

static bool was_tried(const struct client_route *r, const struct hl_addr *a)
{
	for (size_t i = 0; i < r->tries; i++)
		if (r->tried[i].port == a->port && hl_addr_same_host(&r->tried[i], a))
			return true;
	return false;
}

/* Fisher and Yates, with draws that are not biased: every order of the pool is as likely. */
static void shuffle(struct client_route *r)
{
	for (size_t i = r->addresses; i > 1; i--) {
		size_t k = draw(r->env, (uint32_t)i);
		struct hl_addr swap = r->address[i - 1];

		r->address[i - 1] = r->address[k];
		r->address[k] = swap;
	}
}

void client_route_take(struct client_route *r, const struct hl_addr *list, size_t n)
{
	for (size_t i = 0; i < n && r->tries < CLIENT_ADDRESSES; i++) {
		struct hl_addr a = list[i];

		a.port = r->at->port;
		if (was_tried(r, &a))
			continue;
		r->tried[r->tries++] = a;
		r->address[r->addresses++] = a;
	}
	shuffle(r);
}

const struct hl_addr *client_route_address(struct client_route *r)
{
	return r->next_address < r->addresses ? &r->address[r->next_address++] : NULL;
}

void client_route_again(struct client_route *r)
{
	if (r->next_address > 0)
		r->next_address--;
}

bool client_route_round(struct client_route *r, int64_t *delay_us)
{
	uint32_t most_us = CLIENT_BACK_OFF_MS * 1000u << r->round;

	if (r->round + 1 == CLIENT_ROUNDS)
		return false;
	r->round++;
	*delay_us = draw(r->env, most_us + 1);
	begin_round(r);
	return true;
}
