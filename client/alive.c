/* alive.c - whether the other end still lives: half an answer that does not go on, silence after a long pause, silence
 * while somebody waits for an answer.
 *
 *	sent ------ CLIENT_SILENT_MS without a byte ------> ping ------ until CLIENT_OP_MS ------> given up
 *	idle, sent behind a ping ------------------------------------ CLIENT_PONG_MS ------------> given up
 *
 * An HSM answers a ping before any work, so who says nothing at all stands still, or is gone. */
#include "client/link_impl.h"

static int64_t patience_us(const struct client *c)
{
	return (int64_t)(c->conf.patience_ms ? c->conf.patience_ms : CLIENT_PATIENCE_MS) * 1000;
}

static bool is_part(const struct client *c)
{
	return c->io.in.n > 0 || (c->channel && hl_channel_partial(c->channel));
}

static bool somebody_waits(const struct client *c)
{
	for (const struct client_call *call = c->calls; call; call = call->next)
		if (call->sent)
			return true;
	return false;
}

void client_alive_heard(struct client *c)
{
	c->heard_us = hl_mono_us(c->env);
	c->pong_us = 0;
	c->part_us = is_part(c) ? c->heard_us + patience_us(c) : 0;
	c->ask_us = somebody_waits(c) ? c->heard_us + CLIENT_SILENT_MS * 1000 : 0;
}

void client_alive_forget(struct client *c)
{
	c->heard_us = c->pong_us = c->part_us = c->ask_us = 0;
}

/* One that finds no room is as good as sent: the other end has not read for long. */
static void ping(struct client *c, int64_t pong_us)
{
	struct hl_ping ping = { .seen_term = c->term, .seen_generation = c->generation };

	c->pong_us = pong_us;
	if (hl_channel_send(c->channel, &c->io, &hl_msg_ping, client_next_id(c), &ping) == HL_OK)
		hl_wish_send(&c->wishes, c->port);
}

/* Between us and the HSM are devices that forget connections without a word. Nobody is asked for signs of life
 * while there is nothing to do; but the first request after a pause must not wait for its whole limit. */
void client_alive_ask(struct client *c)
{
	int64_t now = hl_mono_us(c->env);

	if (!c->ask_us)
		c->ask_us = now + CLIENT_SILENT_MS * 1000;
	if (!c->pong_us && now - c->heard_us >= CLIENT_IDLE_MS * 1000)
		ping(c, now + CLIENT_PONG_MS * 1000);
}

void client_alive_check(struct client *c, int64_t now_us)
{
	if (c->state != OPEN || c->closing || !hl_passed(c->ask_us, now_us))
		return;
	c->ask_us = 0;
	if (!c->pong_us && somebody_waits(c))
		ping(c, now_us + (CLIENT_OP_MS - CLIENT_SILENT_MS) * 1000);
}

int64_t client_alive_deadline(const struct client *c)
{
	if (c->closing || !c->connected)
		return 0;
	return hl_sooner(c->part_us, hl_sooner(c->pong_us, c->ask_us));
}

bool client_alive_is_late(const struct client *c, int64_t now_us)
{
	return !c->closing && c->connected && hl_passed(hl_sooner(c->part_us, c->pong_us), now_us);
}
