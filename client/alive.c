/* alive.c - whether the other end still lives: half an answer that does not go on, silence after a long pause. */
#include "client/link_impl.h"

static int64_t patience_us(const struct client *c)
{
	return (int64_t)(c->conf.patience_ms ? c->conf.patience_ms : CLIENT_PATIENCE_MS) * 1000;
}

static bool is_part(const struct client *c)
{
	return c->io.in.n > 0 || (c->channel && hl_channel_partial(c->channel));
}

void client_alive_heard(struct client *c)
{
	c->heard_us = hl_mono_us(c->env);
	c->pong_us = 0;
	c->part_us = is_part(c) ? c->heard_us + patience_us(c) : 0;
}

void client_alive_forget(struct client *c)
{
	c->heard_us = c->pong_us = c->part_us = 0;
}

/* Between us and the HSM are devices that forget connections without a word. Nobody is asked for signs of life
 * while there is nothing to do; but the first request after a pause must not wait for its whole limit. */
void client_alive_ask(struct client *c)
{
	struct hl_ping ping = { .seen_term = c->term, .seen_generation = c->generation };
	int64_t now = hl_mono_us(c->env);

	if (c->pong_us || now - c->heard_us < CLIENT_IDLE_MS * 1000)
		return;
	do
		c->next_id++;
	while (c->next_id == 0);
	if (hl_channel_send(c->channel, &c->io, &hl_msg_ping, c->next_id, &ping) == HL_OK)
		c->pong_us = now + CLIENT_PONG_MS * 1000;
}

int64_t client_alive_deadline(const struct client *c)
{
	bool part_first = c->part_us && (!c->pong_us || c->part_us < c->pong_us);

	if (c->closing || !c->connected)
		return 0;
	return part_first ? c->part_us : c->pong_us;
}

bool client_alive_is_late(const struct client *c, int64_t now_us)
{
	int64_t at = client_alive_deadline(c);

	return at && now_us >= at;
}
