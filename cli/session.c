/* session.c - `session list / close`: the channels that are open at the HSMs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/admin.h"
#include "cli/process.h"
#include "cli/say.h"
#include "lib/base/env.h"

struct close_options {
	bool all;
	const char *partition;
};

static const struct close_options defaults;
/* clang-format off */
#define AT(member) offsetof(struct close_options, member)
static const struct cli_option rows[] = {
	{ "all",       0, NULL,   CLI_FLAG, AT(all), 0, 0, NULL, "end every channel of the world" },
	{ "partition", 0, "NAME", CLI_TEXT, AT(partition), 0, 0, NULL, "end every channel of this partition" },
};
/* clang-format on */
const struct cli_options cli_session_close_options = CLI_OPTIONS(rows, defaults);

#define ID_TEXT (2 * HL_CONNECTION_ID + 1)

/* -- asking all HSMs --------------------------------------------------------------------------------- */

/* What was found; the texts are its own. */
struct seen {
	const struct cli_member *hsm;
	unsigned worker; /* of its processes; 0: it is one */
	char connection[ID_TEXT], partition[HL_NAME_TEXT + 1], client[HL_ADDR_TEXT], proxy[HL_NAME_TEXT + 1];
	bool setup, logged_in;
	int64_t since_ms;
	uint64_t requests;
};

struct sessions {
	struct seen *list;
	size_t n, room;
	const struct cli_member *silent[CLI_HSMS_MAX]; /* HSMs that run and could not be asked */
	size_t silents;
};

static void sessions_clear(struct sessions *s)
{
	free(s->list);
}

static hl_err keep(struct sessions *s, const struct cli_member *hsm, unsigned worker, const struct hl_session *one)
{
	struct seen seen = { .hsm = hsm,
		.worker = worker,
		.setup = one->setup,
		.logged_in = one->logged_in,
		.since_ms = (int64_t)one->since_ms,
		.requests = one->requests };

	hl_hex(one->connection, seen.connection);
	HL_TRY(hl_bytes_str(one->partition, seen.partition, sizeof seen.partition));
	HL_TRY(hl_bytes_str(one->client, seen.client, sizeof seen.client));
	HL_TRY(hl_bytes_str(one->proxy, seen.proxy, sizeof seen.proxy));
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct seen *more = reallocarray(s->list, room, sizeof *more);

		if (!more)
			return HL_E_NOMEM;
		s->list = more;
		s->room = room;
	}
	s->list[s->n++] = seen;
	return HL_OK;
}

/* One page; *after moves on, and becomes 0 with the last one. */
static hl_err ask_page(struct cli *c, const struct cli_world *w, const struct cli_member *hsm, unsigned worker,
	struct sessions *s, uint64_t *after)
{
	HL_AUTO(hl_buf_clear) struct hl_buf kept = hl_buf(CLI_ANSWER_MAX);
	struct hl_sessions ask = { .after = *after, .limit = HL_SESSIONS_MAX };
	struct hl_sessions_answer answer;
	struct hl_session one;
	struct hl_bytes at;
	uint64_t last = 0;

	HL_TRY(cli_admin_ask(
		c, w, hsm, worker, &hl_msg_sessions, &ask, &hl_msg_sessions_answer, &answer, &kept));
	at = answer.sessions.raw;
	while (hl_list_next(&hl_msg_session, &at, &one)) {
		if (one.number <= *after || keep(s, hsm, worker, &one) != HL_OK)
			return cli_fail(c, HL_E_RANGE, "the answer of %s", hsm->name);
		last = one.number;
	}
	*after = answer.more ? last : 0;
	return HL_OK;
}

static hl_err ask_one(struct cli *c, const struct cli_world *w, const struct cli_member *hsm, struct sessions *s)
{
	unsigned last = w->workers > 1 ? (unsigned)w->workers : 0;
	uint64_t after = 0;

	for (unsigned worker = last ? 1 : 0; worker <= last; worker++)
		do
			HL_TRY(ask_page(c, w, hsm, worker, s, &after));
		while (after != 0);
	return HL_OK;
}

/* One HSM that is silent must not hide what the others say; where none says anything, that is the error. */
static hl_err ask_all(struct cli *c, const struct cli_world *w, struct sessions *s)
{
	hl_err first = HL_OK;
	size_t asked = 0;

	for (size_t i = 0; i < w->members; i++) {
		const struct cli_member *m = &w->member[i];
		hl_err err;

		if (m->role != CLI_HSM || cli_member_pid(w, m) == 0)
			continue;
		err = ask_one(c, w, m, s);
		asked += err == HL_OK;
		if (err == HL_OK)
			continue;
		cli_note(c, "HL-%04d %s: its channels are not known", -(int)err, c->trouble.detail);
		s->silent[s->silents++] = m;
		first = first == HL_OK ? err : first;
	}
	if (asked > 0)
		return HL_OK;
	return first != HL_OK ? first : cli_fail(c, HL_E_WORLD, "no HSM of %s runs", w->dir);
}

/* -- list ---------------------------------------------------------------------------------------------- */

static json_t *to_json(const struct seen *s)
{
	char since[32];

	cli_time_text(s->since_ms, since);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I}", "hsm", s->hsm->name, "connection",
		s->connection, "partition", s->partition, "client", s->client, "proxy", s->proxy, "kind",
		s->setup ? "setup" : "user", "logged_in", s->logged_in, "since", since, "since_ms",
		(json_int_t)s->since_ms, "requests", (json_int_t)s->requests);
}

static hl_err print_json(struct cli *c, const struct sessions *s)
{
	json_t *all = json_array(), *silent = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(all, to_json(&s->list[i]));
	for (size_t i = 0; i < s->silents; i++)
		json_array_append_new(silent, json_string(s->silent[i]->name));
	return cli_print_json(c, "hsmlet-sessions/1", json_pack("{s:o, s:o}", "sessions", all, "silent", silent));
}

static hl_err print_table(struct cli *c, const struct sessions *s)
{
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { "HSM", "CONNECTION", "PARTITION", "CLIENT", "PROXY",
								"LOGIN", "SINCE", "REQUESTS" } };

	for (size_t i = 0; i < s->n; i++) {
		const struct seen *one = &s->list[i];
		char since[32], requests[24];

		cli_time_text(one->since_ms, since);
		snprintf(requests, sizeof requests, "%llu", (unsigned long long)one->requests);
		HL_TRY(CLI_ROW(&t, one->hsm->name, one->connection, one->partition, one->client, one->proxy,
			one->setup ? "setup" : one->logged_in ? "yes" : "no", since, requests));
	}
	cli_table_print(&t, c->out);
	return HL_OK;
}

hl_err cli_session_list(struct cli *c)
{
	HL_AUTO(sessions_clear) struct sessions s = { 0 };
	struct cli_world w;

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(ask_all(c, &w, &s));
	return c->global.json ? print_json(c, &s) : print_table(c, &s);
}

/* -- close --------------------------------------------------------------------------------------------- */

static bool is_meant(const struct cli *c, const struct seen *s)
{
	const struct close_options *o = c->options;

	if (c->operands > 0 && strncasecmp(s->connection, c->operand[0], strlen(c->operand[0])) != 0)
		return false;
	return !o->partition || strcmp(s->partition, o->partition) == 0;
}

static hl_err check_selection(struct cli *c)
{
	const struct close_options *o = c->options;

	if (o->all == (c->operands > 0 || o->partition))
		return cli_usage(c, "which? a connection id, --partition NAME or --all");
	if (c->operands > 0 && (!*c->operand[0] ||
				       strspn(c->operand[0], "0123456789abcdefABCDEF") != strlen(c->operand[0])))
		return cli_usage(c, "a connection id is written in hex digits: %s", c->operand[0]);
	return HL_OK;
}

static hl_err check_one(struct cli *c, const struct sessions *s)
{
	size_t n = 0;

	if (c->operands == 0)
		return HL_OK;
	for (size_t i = 0; i < s->n; i++)
		n += is_meant(c, &s->list[i]);
	if (n > 1)
		return cli_usage(c, "%zu open channels begin with %s", n, c->operand[0]);
	return n == 1 ? HL_OK :
			cli_next(c, cli_fail(c, HL_E_NOT_FOUND, "no open channel is called %s", c->operand[0]),
				"see `hsmlet session list`");
}

/* A name that no partition has is a mistake, and not one without channels. */
static hl_err check_partition(struct cli *c, const struct cli_world *w)
{
	const struct close_options *o = c->options;
	bool there = true;

	if (o->partition)
		HL_TRY(cli_admin_has_partition(c, w, o->partition, &there));
	return there ? HL_OK :
		       cli_next(c, cli_fail(c, HL_E_NOT_FOUND, "no partition is called %s", o->partition),
			       "see `hsmlet partition list`");
}

/* One that has ended by itself meanwhile is as good as closed. */
static hl_err close_one(struct cli *c, const struct cli_world *w, const struct seen *s)
{
	HL_AUTO(hl_buf_clear) struct hl_buf kept = hl_buf(CLI_ANSWER_MAX);
	uint8_t id[HL_CONNECTION_ID];
	struct hl_session_close ask = { .connection = hl_bytes(id, sizeof id) };
	struct hl_session_closed answer;
	size_t n;
	hl_err err = hl_unhex(s->connection, strlen(s->connection), id, sizeof id, &n);

	if (err == HL_OK)
		err = cli_admin_ask(
			c, w, s->hsm, s->worker, &hl_msg_session_close, &ask, &hl_msg_session_closed, &answer, &kept);
	return err == HL_E_NOT_FOUND ? HL_OK : err;
}

hl_err cli_session_close(struct cli *c)
{
	HL_AUTO(sessions_clear) struct sessions s = { 0 };
	HL_AUTO(cli_json_drop) json_t *gone = json_array();
	struct cli_world w;

	HL_TRY(check_selection(c));
	HL_TRY(cli_world_find(c, &w));
	HL_TRY(check_partition(c, &w));
	HL_TRY(ask_all(c, &w, &s));
	HL_TRY(check_one(c, &s));
	for (size_t i = 0; i < s.n; i++) {
		if (!is_meant(c, &s.list[i]))
			continue;
		HL_TRY(close_one(c, &w, &s.list[i]));
		json_array_append_new(gone, to_json(&s.list[i]));
	}
	cli_note(c, "closed %zu; a client that is still there opens another by itself", json_array_size(gone));
	if (c->global.json)
		return cli_print_json(c, "hsmlet-session-close/1", json_pack("{s:O}", "closed", gone));
	return HL_OK;
}
