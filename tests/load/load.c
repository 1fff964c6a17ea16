/* load.c - hsmlet-load: so many operations over so many links, so many at once on each; how long they took.
 *
 *	name > login on each link > one key > the operations, timed > the key is destroyed
 *
 * It ends after --count operations or at --limit, whichever comes first. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#include <ev.h>

#include "client/account.h"
#include "client/os_ev.h"
#include "lib/os/env.h"
#include "lib/os/files.h"
#include "lib/wire/numbers.h"

#define LINKS_MAX 256
#define DEPTH_MAX 64
#define COUNT_MAX 10000000

enum op { OP_SIGN, OP_RANDOM, OPS };
static const char *const op_names[OPS] = { "sign", "random" };

struct options {
	unsigned links, depth, count, limit_s;
	enum op op;
	const char *conf, *secrets, *pin_file;
};

struct load;

/* One of the `depth` that are under way on a link. */
struct slot {
	struct client_ev_call call;
	struct load *load;
	struct client_ev *link;
	int64_t begun_us;
};

struct load {
	struct options o;
	struct ev_loop *loop;
	struct hl_os_env env;
	bool has_env;
	struct client_account account;
	struct client_conf_link conf;
	struct client_ev *link[LINKS_MAX];
	struct slot *slot; /* links * depth */
	struct hl_secret pin;
	uint64_t key, public_key;
	struct hl_sign sign;
	struct hl_random random;
	unsigned begun, under_way;
	int32_t *took_us; /* of those that succeeded */
	unsigned succeeded, failed;
	bool late;
};

/* -- one request ------------------------------------------------------------------------------------------ */

static void say(const char *what, hl_err err, const struct client_failure *f)
{
	const struct hl_err_row *row = hl_err_row(err);

	fprintf(stderr, "hsmlet-load: %s: HL-%04d %s at %s %s. %s. %s. %s\n", what, -(int)err, row->text,
		hl_step_row(f ? f->step : HL_STEP_OPEN)->name, f ? f->where : "", row->cause, row->next,
		f ? f->detail : "");
}

static void submit(struct slot *s, const struct hl_msg *m, const void *body, const struct hl_msg *expect,
	void (*on_done)(struct client_ev_call *call))
{
	struct load *l = s->load;

	hl_buf_clear(&s->call.call.frame);
	s->call = (struct client_ev_call){ .on_done = on_done, .at = s };
	s->call.call.msg = m;
	s->call.call.body = body;
	s->call.call.expect = expect;
	s->begun_us = hl_mono_us(&l->env.env);
	s->call.call.deadline_us = s->begun_us + (int64_t)l->o.limit_s * 1000000;
	l->under_way++;
	client_ev_submit(s->link, &s->call);
}

static void over(struct load *l)
{
	if (--l->under_way == 0)
		ev_break(l->loop, EVBREAK_ALL);
}

static void on_setup(struct client_ev_call *call)
{
	struct slot *s = call->at;

	over(s->load);
}

/* Until all that was submitted is over; the first failure of the slots that took part. */
static hl_err await(struct load *l, const char *what, unsigned step)
{
	if (l->under_way > 0)
		ev_run(l->loop, 0);
	for (unsigned i = 0; i < l->o.links * l->o.depth; i += step) {
		const struct client_call *call = &l->slot[i].call.call;

		if (call->msg && (!call->done || call->err != HL_OK)) {
			hl_err err = call->done ? call->err : HL_E_TIMEOUT;

			say(what, err, &call->failure);
			return err;
		}
	}
	return HL_OK;
}

/* -- before and after ------------------------------------------------------------------------------------- */

/* One request on each link, so that all are open; the login where there is a PIN. */
static hl_err open_links(struct load *l)
{
	static const struct hl_ping ping;
	struct hl_login login = { .pin = hl_secret_view(&l->pin) };

	for (unsigned i = 0; i < l->o.links; i++) {
		struct slot *s = &l->slot[i * l->o.depth];

		if (l->pin.n > 0)
			submit(s, &hl_msg_login, &login, &hl_msg_logged_in, on_setup);
		else
			submit(s, &hl_msg_ping, &ping, &hl_msg_pong, on_setup);
	}
	return await(l, l->pin.n > 0 ? "login" : "ping", l->o.depth);
}

static hl_err make_key(struct load *l)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static const uint8_t yes = 1;
	struct hl_attribute label = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text("hsmlet-load") };
	struct hl_attribute mine[] = { label, { HL_CKA_SIGN, HL_FORM_BOOL, { &yes, 1 } } };
	struct hl_attribute theirs[] = { label, { HL_CKA_EC_PARAMS, HL_FORM_BYTES, { p256, sizeof p256 } } };
	struct hl_generate request = {
		.mechanism = HL_CKM_EC_KEY_PAIR_GEN,
		.template = { .items = mine, .count = HL_COUNT(mine) },
		.public_template = { .items = theirs, .count = HL_COUNT(theirs) },
	};
	struct hl_generated made;

	submit(&l->slot[0], &hl_msg_generate, &request, &hl_msg_generated, on_setup);
	HL_TRY(await(l, "generate", l->o.links * l->o.depth));
	HL_TRY(hl_msg_get(&hl_msg_generated, &l->slot[0].call.call.reply, &made));
	l->key = made.handle;
	l->public_key = made.public_handle;
	return HL_OK;
}

static hl_err destroy(struct load *l, uint64_t handle)
{
	struct hl_destroy request = { .handle = handle };

	submit(&l->slot[0], &hl_msg_destroy, &request, &hl_msg_done, on_setup);
	return await(l, "destroy", l->o.links * l->o.depth);
}

/* -- the operations ---------------------------------------------------------------------------------------- */

static void next(struct slot *s);

static void on_operation(struct client_ev_call *call)
{
	struct slot *s = call->at;
	struct load *l = s->load;

	if (call->call.err == HL_OK)
		l->took_us[l->succeeded++] = (int32_t)(hl_mono_us(&l->env.env) - s->begun_us);
	else if (l->failed++ == 0)
		say(op_names[l->o.op], call->call.err, &call->call.failure);
	next(s);
	over(l);
}

static void next(struct slot *s)
{
	static const uint8_t digest[32] = "thirty-two bytes to be signed...";
	struct load *l = s->load;

	/* Where everything fails there is nothing to measure. */
	if (l->begun == l->o.count || l->failed > 100)
		return;
	l->begun++;
	l->sign = (struct hl_sign){
		.key = l->key, .mechanism = HL_CKM_ECDSA, .data = hl_bytes(digest, sizeof digest)
	};
	l->random = (struct hl_random){ .length = 32 };
	if (l->o.op == OP_SIGN)
		submit(s, &hl_msg_sign, &l->sign, &hl_msg_signed, on_operation);
	else
		submit(s, &hl_msg_random, &l->random, &hl_msg_random_answer, on_operation);
}

static int ascending(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* The smallest time that so many of a hundred did not pass. */
static int32_t percentile(const struct load *l, unsigned of_100)
{
	size_t at = ((size_t)l->succeeded * of_100 + 99) / 100;

	return l->succeeded ? l->took_us[at ? at - 1 : 0] : 0;
}

static void print(struct load *l, int64_t us)
{
	double seconds = (double)us / 1e6;

	qsort(l->took_us, l->succeeded, sizeof *l->took_us, ascending);
	printf("{\"op\":\"%s\",\"links\":%u,\"depth\":%u,\"ops\":%u,\"failed\":%u,\"seconds\":%.6f,"
	       "\"per_second\":%.1f,\"p50_us\":%d,\"p99_us\":%d}\n",
		op_names[l->o.op], l->o.links, l->o.depth, l->succeeded, l->failed, seconds,
		seconds > 0 ? l->succeeded / seconds : 0, (int)percentile(l, 50), (int)percentile(l, 99));
}

static hl_err measure(struct load *l)
{
	int64_t begun = hl_mono_us(&l->env.env);

	for (unsigned i = 0; i < l->o.links * l->o.depth; i++)
		next(&l->slot[i]);
	ev_run(l->loop, 0);
	print(l, hl_mono_us(&l->env.env) - begun);
	if (l->late)
		return HL_E_TIMEOUT;
	return l->failed ? HL_E_UNKNOWN : HL_OK;
}

/* -- life ------------------------------------------------------------------------------------------------------ */

static hl_err read_pin(struct load *l)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(256);
	struct hl_bytes pin = hl_text(getenv("HSMLET_PIN"));

	if (l->o.pin_file) {
		HL_TRY(hl_file_read_private(l->o.pin_file, HL_SECRET_OF_CLIENT, 256, &text));
		pin = hl_buf_view(&text);
		while (pin.n > 0 && (pin.p[pin.n - 1] == '\n' || pin.p[pin.n - 1] == '\r'))
			pin.n--;
	}
	return pin.n > 0 ? hl_secret_set(&l->pin, pin) : HL_OK;
}

static hl_err read_files(struct load *l)
{
	struct hl_os_env_config env = { .role = "client", .who = "load" };
	struct client_account *a = &l->account;
	char detail[512] = "";
	hl_err err = client_account_find(a, l->o.conf, l->o.secrets, NULL, detail);

	if (err == HL_OK)
		err = client_account_password(a, detail);
	if (err == HL_OK)
		err = client_account_secret(a, detail);
	if (err == HL_OK)
		err = read_pin(l);
	env.clock_page = a->conf.own.clock_page;
	env.trace = a->conf.own.trace;
	if (err == HL_OK)
		err = hl_os_env_open(&l->env, &env);
	l->has_env = err == HL_OK;
	if (err != HL_OK)
		say(detail[0] ? detail : "files", err, NULL);
	return err;
}

static hl_err make_links(struct load *l)
{
	l->loop = ev_default_loop(0);
	l->slot = calloc((size_t)l->o.links * l->o.depth, sizeof *l->slot);
	l->took_us = calloc(l->o.count, sizeof *l->took_us);
	if (!l->loop || !l->slot || !l->took_us)
		return HL_E_NOMEM;
	client_account_link(&l->account, &l->conf);
	for (unsigned i = 0; i < l->o.links; i++) {
		HL_TRY(client_ev_new(
			l->loop, &l->env.env, &l->conf, &l->account.conf.own.resolver, &l->link[i]));
		for (unsigned k = 0; k < l->o.depth; k++) {
			l->slot[i * l->o.depth + k].load = l;
			l->slot[i * l->o.depth + k].link = l->link[i];
		}
	}
	return HL_OK;
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)events;
	((struct load *)w->data)->late = true;
	fprintf(stderr, "hsmlet-load: the time limit has passed\n");
	ev_break(loop, EVBREAK_ALL);
}

static hl_err whole(struct load *l)
{
	hl_err err;

	HL_TRY(open_links(l));
	if (l->o.op == OP_SIGN)
		HL_TRY(make_key(l));
	err = measure(l);
	if (l->key && !l->late) {
		hl_err after = destroy(l, l->key);

		after = after == HL_OK ? destroy(l, l->public_key) : after;
		err = err == HL_OK ? after : err;
	}
	return err;
}

static hl_err run(struct load *l)
{
	ev_timer limit;
	hl_err err;

	HL_TRY(read_files(l));
	HL_TRY(make_links(l));
	ev_timer_init(&limit, on_limit, l->o.limit_s, 0.);
	limit.data = l;
	ev_timer_start(l->loop, &limit);
	err = whole(l);
	ev_timer_stop(l->loop, &limit);
	return err;
}

static void clear(struct load *l)
{
	for (unsigned i = 0; i < l->o.links && l->link[i]; i++) {
		client_ev_close(l->link[i]);
		client_ev_free(l->link[i]);
	}
	for (unsigned i = 0; l->slot && i < l->o.links * l->o.depth; i++)
		hl_buf_clear(&l->slot[i].call.call.frame);
	free(l->slot);
	free(l->took_us);
	hl_secret_clear(&l->pin);
	if (l->has_env)
		hl_os_env_close(&l->env);
	client_account_clear(&l->account);
	if (l->loop)
		ev_loop_destroy(l->loop);
}

/* -- options ----------------------------------------------------------------------------------------------------- */

enum { KEY_LINKS = 0x100, KEY_DEPTH, KEY_COUNT, KEY_OP, KEY_LIMIT, KEY_CONF, KEY_SECRETS, KEY_PIN };

/* clang-format off */
static const struct argp_option option_rows[] = {
	{ "links",    KEY_LINKS,   "N",    0, "links, each through all eight steps (1)", 0 },
	{ "depth",    KEY_DEPTH,   "N",    0, "operations at once on each link (1)", 0 },
	{ "count",    KEY_COUNT,   "N",    0, "operations in all (1000)", 0 },
	{ "op",       KEY_OP,      "OP",   0, "sign (P-256 over a digest, the default) or random (32 bytes)", 0 },
	{ "limit",    KEY_LIMIT,   "S",    0, "give up after so many seconds (60)", 0 },
	{ "conf",     KEY_CONF,    "FILE", 0, "primus.cfg (as the library finds it)", 0 },
	{ "secrets",  KEY_SECRETS, "FILE", 0, ".secrets.cfg (as the library finds it)", 0 },
	{ "pin-file", KEY_PIN,     "FILE", 0, "file with the PIN, which signing needs (HSMLET_PIN)", 0 },
	{ 0 },
};
/* clang-format on */

static unsigned number(const char *text, unsigned most, struct argp_state *state)
{
	char *rest;
	unsigned long n = strtoul(text, &rest, 10);

	if (*rest || rest == text || n < 1 || n > most)
		argp_error(state, "%s is not a number from 1 to %u", text, most);
	return (unsigned)n;
}

static enum op operation(const char *text, struct argp_state *state)
{
	for (enum op i = 0; i < OPS; i++)
		if (strcmp(text, op_names[i]) == 0)
			return i;
	argp_error(state, "%s is not sign or random", text);
	return OP_SIGN;
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_LINKS:
		o->links = number(arg, LINKS_MAX, state);
		return 0;
	case KEY_DEPTH:
		o->depth = number(arg, DEPTH_MAX, state);
		return 0;
	case KEY_COUNT:
		o->count = number(arg, COUNT_MAX, state);
		return 0;
	case KEY_OP:
		o->op = operation(arg, state);
		return 0;
	case KEY_LIMIT:
		o->limit_s = number(arg, 3600, state);
		return 0;
	case KEY_CONF:
		o->conf = arg;
		return 0;
	case KEY_SECRETS:
		o->secrets = arg;
		return 0;
	case KEY_PIN:
		o->pin_file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const char doc[] = "Examples:\n  hsmlet-load --count 10000\n"
				  "  hsmlet-load --links 4 --depth 4 --op random\n\n"
				  "Load on a running world, and how long the operations took.";
	static const struct argp argp = { option_rows, on_option, NULL, doc, NULL, NULL, NULL };
	struct load *l = calloc(1, sizeof *l);
	hl_err err;

	if (!l)
		return hl_err_row(HL_E_NOMEM)->exit_code;
	l->o = (struct options){ .links = 1, .depth = 1, .count = 1000, .limit_s = 60 };
	argp_err_exit_status = hl_err_row(HL_E_ARG)->exit_code;
	argp_parse(&argp, argc, argv, 0, NULL, &l->o);
	hl_secret_heap();
	err = run(l);
	clear(l);
	free(l);
	return hl_err_row(err)->exit_code;
}
