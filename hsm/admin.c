/* admin.c - the front command at an HSM: which channels are open, the end of one, lab tokens made new. */
#include <stdlib.h>

#include "hsm/rooms.h"

#define IN_MAX (64u << 10)
#define OUT_MAX (1u << 20)

struct hsm_admin {
	struct hsm *hsm;
	uint32_t port;
	bool closing;
	struct hl_port io;
};

hl_err hsm_admin_start(struct hsm *h, uint32_t port)
{
	struct hsm_admin *a = calloc(1, sizeof *a);

	if (!a || hl_map_put(&h->admins, port, a) != HL_OK) {
		free(a);
		return HL_E_NOMEM;
	}
	a->hsm = h;
	a->port = port;
	a->io.in = hl_buf(IN_MAX);
	a->io.out = hl_buf(OUT_MAX);
	return HL_OK;
}

static void admin_free(struct hsm_admin *a)
{
	hl_map_take(&a->hsm->admins, a->port);
	hl_buf_clear(&a->io.in);
	hl_buf_clear(&a->io.out);
	free(a);
}

static void admin_close(struct hsm_admin *a)
{
	if (!a->closing)
		hl_wish_close(&a->hsm->wishes, a->port, true);
	a->closing = true;
}

/* -- answers --------------------------------------------------------------------------------------- */

/* Who asks without reading the answers is let go where they would need more room than they may have. */
static void say(struct hsm_admin *a, const struct hl_msg *m, uint32_t id, const void *body)
{
	if (a->closing)
		return;
	hl_msg_put(&a->io.out, m, id, body);
	if (a->io.out.err != HL_OK)
		admin_close(a);
	else
		hl_wish_send(&a->hsm->wishes, a->port);
}

static void refuse(struct hsm_admin *a, uint32_t id, hl_err err, const char *detail)
{
	struct hl_refused no = {
		.code = (uint16_t)-err,
		.step = HL_STEP_OPEN,
		.retryable = hl_err_row(err)->again == HL_AGAIN,
		.detail = hl_text(detail),
	};

	say(a, &hl_msg_refused, id, &no);
}

static struct hl_session session_of(const struct hsm_conn *c)
{
	return (struct hl_session){
		.number = c->number,
		.connection = hl_bytes(c->id, sizeof c->id),
		.partition = hl_text(c->partition),
		.client = hl_text(c->client),
		.proxy = hl_text(c->proxy),
		.setup = hl_channel_kind(c->channel) == HL_CHANNEL_SETUP,
		.logged_in = hsm_login_is(c),
		.since_ms = (uint64_t)c->since_ms,
		.requests = c->requests,
	};
}

static hl_err list(struct hsm_admin *a, const struct hl_frame *f)
{
	struct hl_session session[HL_SESSIONS_MAX];
	struct hl_sessions_answer answer = { .sessions.items = session };
	const struct hsm_conn *c = a->hsm->first_open;
	struct hl_sessions ask;

	HL_TRY(hl_msg_get(&hl_msg_sessions, f, &ask));
	while (c && c->number <= ask.after)
		c = c->newer;
	for (; c && answer.sessions.count < ask.limit; c = c->newer)
		if (!c->closing)
			session[answer.sessions.count++] = session_of(c);
	answer.more = c != NULL;
	say(a, &hl_msg_sessions_answer, f->id, &answer);
	return HL_OK;
}

static struct hsm_conn *find(struct hsm *h, struct hl_bytes id)
{
	struct hsm_conn *c = h->first_open;

	while (c && (c->closing || !hl_bytes_eq(id, hl_bytes(c->id, sizeof c->id))))
		c = c->newer;
	return c;
}

static hl_err end_one(struct hsm_admin *a, const struct hl_frame *f)
{
	struct hl_session_close ask;
	struct hsm_conn *c;

	HL_TRY(hl_msg_get(&hl_msg_session_close, f, &ask));
	c = find(a->hsm, ask.connection);
	if (!c) {
		refuse(a, f->id, HL_E_NOT_FOUND, "connection");
		return HL_OK;
	}
	say(a, &hl_msg_session_closed, f->id,
		&(struct hl_session_closed){ .partition = hl_text(c->partition) });
	hsm_conn_end(c, HL_E_CLOSED);
	return HL_OK;
}

void hsm_admin_say(struct hsm *h, uint32_t port, const struct hl_msg *m, uint32_t id, const void *body)
{
	struct hsm_admin *a = hl_map_get(&h->admins, port);

	if (a)
		say(a, m, id, body);
}

void hsm_admin_refuse(struct hsm *h, uint32_t port, uint32_t id, hl_err err, const char *detail)
{
	struct hsm_admin *a = hl_map_get(&h->admins, port);

	if (a)
		refuse(a, id, err, detail);
}

static hl_err reset(struct hsm_admin *a, const struct hl_frame *f)
{
	hsm_token_reset(a->hsm, a->port, f);
	return HL_OK;
}

/* -- requests --------------------------------------------------------------------------------------- */

static const struct { uint16_t type; hl_err (*answer)(struct hsm_admin *a, const struct hl_frame *f); } requests[] = {
	{ HL_T_sessions, list },
	{ HL_T_session_close, end_one },
	{ HL_T_token_reset, reset },
};

static hl_err answer(struct hsm_admin *a, const struct hl_frame *f)
{
	for (size_t i = 0; i < HL_COUNT(requests); i++)
		if (requests[i].type == f->type)
			return requests[i].answer(a, f);
	return HL_E_TYPE;
}

/* What is no frame cannot be skipped, so the connection ends with the refusal. */
static void give_up(struct hsm_admin *a, uint32_t id, hl_err err)
{
	refuse(a, id, err, NULL);
	admin_close(a);
}

static void on_bytes(struct hsm_admin *a)
{
	struct hl_frame f;
	hl_err err;

	while (!a->closing && (err = hl_frame_peek(hl_buf_view(&a->io.in), IN_MAX, &f)) != HL_E_SHORT) {
		if (err != HL_OK) {
			give_up(a, 0, err);
			return;
		}
		err = answer(a, &f);
		if (err != HL_OK)
			give_up(a, f.id, err);
		hl_buf_eat(&a->io.in, f.whole.n);
	}
}

void hsm_admin_event(struct hsm *h, const struct hl_event *e)
{
	struct hsm_admin *a = hl_map_get(&h->admins, e->port);

	if (!a)
		return;
	if (e->kind == HL_EV_ENDED)
		admin_free(a);
	else if (e->kind == HL_EV_BYTES)
		on_bytes(a);
}

struct hl_port *hsm_admin_port(struct hsm *h, uint32_t port)
{
	struct hsm_admin *a = hl_map_get(&h->admins, port);

	return a ? &a->io : NULL;
}

void hsm_admins_clear(struct hsm *h)
{
	struct hsm_admin *a;
	size_t at = 0;

	while ((a = hl_map_next(&h->admins, &at)) != NULL) {
		admin_free(a);
		at = 0;
	}
	hl_map_clear(&h->admins);
}
