/* gen-recorded.c - one connection between the four cores, in the simulator, written down with every secret in it.
 *
 *	gen-recorded              record one, to stdout (doc/record.h)
 *	gen-recorded --like FILE  nothing, and 0 where FILE is what a connection looks like now
 *
 * The simulator draws OpenSSL's randomness from a seed too, so that the same program records the same bytes again. But
 * another version of OpenSSL may draw in another order or say hello with other words. What is the same everywhere is
 * the shape: who says what to whom, with which fields of which length. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/ssl.h>

#include "client/link_impl.h"
#include "doc/record.h"
#include "lib/auth/channel_impl.h"
#include "lib/auth/identity.h"
#include "lib/base/step.h"
#include "scenarios/world.h"

#define SEED 8
#define TLS_HEAD 5

static struct record made;
static hl_err failed;

static void add(const struct record_item *like, struct hl_bytes value)
{
	hl_err err = record_add(&made, like, value);

	if (err != HL_OK)
		failed = err;
}

static void add_named(enum record_kind kind, const char *name, struct hl_bytes value)
{
	struct record_item item = { .kind = kind };

	snprintf(item.name, sizeof item.name, "%s", name);
	add(&item, value);
}

static void add_message(enum record_kind kind, unsigned step, const char *name, const char *from, const char *to,
	struct hl_bytes value)
{
	struct record_item item = { .kind = kind, .step = step };

	snprintf(item.name, sizeof item.name, "%s", name);
	snprintf(item.from, sizeof item.from, "%s", from);
	snprintf(item.to, sizeof item.to, "%s", to);
	add(&item, value);
}

/* -- in the clear: what passes between nodes ----------------------------------------------------------------- */

/* The ways that are recorded. On the client's own connection the channel begins behind the frames. */
static struct way {
	const char *from, *to;         /* nodes */
	const char *from_role, *to_role;
	unsigned frames;               /* before the channel */
	struct hl_buf in;
} ways[] = {
	{ "client2", "proxy1", "client", "proxy", 2, { 0 } },
	{ "proxy1", "client2", "proxy", "client", 2, { 0 } },
	{ "proxy1", "hsm1", "proxy", "hsm", 1, { 0 } },
	{ "hsm1", "proxy1", "hsm", "proxy", 1, { 0 } },
};

static unsigned step_of(uint16_t type)
{
	switch (type) {
	case HL_T_hello_proxy:
		return HL_STEP_HELLO;
	case HL_T_auth_request:
		return HL_STEP_REQUEST;
	case HL_T_auth_answer:
		return HL_STEP_ANSWER;
	case HL_T_dir_query:
		return HL_STEP_QUERY;
	case HL_T_dir_grant:
		return HL_STEP_GRANT;
	case HL_T_hsm_result:
		return HL_STEP_PROVED;
	default: /* around the ticket, and auth.result */
		return HL_STEP_RESULT;
	}
}

static bool take_frame(struct way *w)
{
	struct hl_frame f;

	if (hl_frame_peek(hl_buf_view(&w->in), HL_FRAME_GATEWAY, &f) != HL_OK)
		return false;
	add_message(RECORD_FRAME, step_of(f.type), hl_msg_of_type(f.type)->name, w->from_role, w->to_role, f.whole);
	hl_buf_eat(&w->in, f.whole.n);
	w->frames--;
	return true;
}

/* The connection between proxy and HSM carries the same records once more. */
static bool take_record(struct way *w)
{
	struct hl_bytes v = hl_buf_view(&w->in);
	bool client = w->from == ways[0].from, hello = client && !record_find(&made, RECORD_TLS, "client_hello");
	size_t n = v.n >= TLS_HEAD ? TLS_HEAD + ((size_t)v.p[3] << 8 | v.p[4]) : SIZE_MAX;

	if (n > v.n)
		return false;
	if (client || w->to == ways[0].from)
		add_message(RECORD_TLS, hello ? HL_STEP_TLS : HL_STEP_PROVED,
			hello ? "client_hello" : v.p[0] == 22 ? "server_hello" : v.p[0] == 20 ? "change_cipher_spec" : "protected",
			client ? "client" : "hsm", client ? "hsm" : "client", hl_bytes(v.p, n));
	hl_buf_eat(&w->in, n);
	return true;
}

static void on_chunk(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	(void)at;
	for (size_t i = 0; i < HL_COUNT(ways); i++) {
		struct way *w = &ways[i];

		if (strcmp(from, w->from) != 0 || strcmp(to, w->to) != 0)
			continue;
		hl_buf_put(&w->in, bytes);
		while (w->frames ? take_frame(w) : take_record(w))
			;
	}
}

/* -- inside channels: what is given to them, and what they are asked for ------------------------------------- */

static bool recording;

hl_err __real_hl_channel_send(struct hl_channel *c, struct hl_port *port, const struct hl_msg *m, uint32_t id,
	const void *body);
hl_err __wrap_hl_channel_send(struct hl_channel *c, struct hl_port *port, const struct hl_msg *m, uint32_t id,
	const void *body);

hl_err __wrap_hl_channel_send(struct hl_channel *c, struct hl_port *port, const struct hl_msg *m, uint32_t id,
	const void *body)
{
	static const struct {
		const struct hl_msg *m;
		const char *from, *to;
	} wanted[] = { { &hl_msg_dir_query, "proxy", "directory" }, { &hl_msg_dir_grant, "directory", "proxy" },
		{ &hl_msg_hsm_result, "hsm", "client" } };
	struct hl_buf frame = hl_buf(HL_FRAME_MAX);

	for (size_t i = 0; recording && i < HL_COUNT(wanted); i++) {
		if (m != wanted[i].m)
			continue;
		hl_msg_put(&frame, m, id, body);
		add_message(RECORD_INNER, step_of(m->type), m->name, wanted[i].from, wanted[i].to, hl_buf_view(&frame));
	}
	hl_buf_clear(&frame);
	return __real_hl_channel_send(c, port, m, id, body);
}

/* What OpenSSL tells of a connection's keys, one at a time; the order is its own. */
static struct {
	const char *label, *name;
	uint8_t value[48];
	size_t n;
} key[] = {
	{ .label = "CLIENT_HANDSHAKE_TRAFFIC_SECRET", .name = "client_handshake_traffic_secret" },
	{ .label = "SERVER_HANDSHAKE_TRAFFIC_SECRET", .name = "server_handshake_traffic_secret" },
	{ .label = "SERVER_TRAFFIC_SECRET_0", .name = "server_application_traffic_secret_0" },
	{ .label = "EXPORTER_SECRET", .name = "exporter_master_secret" },
};

static void on_key(const SSL *ssl, const char *line)
{
	char label[64], random[65], secret[2 * sizeof key[0].value + 1];

	(void)ssl;
	if (sscanf(line, "%63s %64s %96s", label, random, secret) != 3)
		failed = HL_E_BUG;
	for (size_t i = 0; failed == HL_OK && i < HL_COUNT(key); i++)
		if (strcmp(label, key[i].label) == 0)
			failed = hl_unhex(secret, strlen(secret), key[i].value, sizeof key[i].value, &key[i].n);
}

static void add_keys(void)
{
	for (size_t i = 0; i < HL_COUNT(key); i++)
		add_named(RECORD_BYTES, key[i].name, hl_bytes(key[i].value, key[i].n));
}

/* -- the connection ------------------------------------------------------------------------------------------ */

static void add_secrets(const struct world *w, const struct world_client *c)
{
	uint8_t number[4] = { (uint8_t)(c->conf.generation >> 24), (uint8_t)(c->conf.generation >> 16),
		(uint8_t)(c->conf.generation >> 8), (uint8_t)c->conf.generation };

	add_named(RECORD_TEXT, "realm", hl_text(c->conf.realm));
	add_named(RECORD_TEXT, "service_user", hl_text(c->conf.service_user));
	add_named(RECORD_TEXT, "service_password", c->conf.service_password);
	add_named(RECORD_TEXT, "partition", hl_text(c->conf.partition));
	add_named(RECORD_BYTES, "user_secret", c->conf.secret);
	add_named(RECORD_BYTES, "secret_generation", hl_bytes(number, sizeof number));
	add_named(RECORD_BYTES, "hsm_link_secret", hl_bytes(w->link_key[w->proxies], 32));
	add_named(RECORD_BYTES, "cluster_identity", hl_bytes(c->identity, sizeof c->identity));
}

static hl_err record_in(struct world *w)
{
	struct world_client *c;
	hl_err err;

	HL_TRY(world_user_client(w, &c));
	add_secrets(w, c);
	SSL_CTX_set_keylog_callback(c->core->ctx->ssl, on_key);
	for (size_t i = 0; i < HL_COUNT(ways); i++)
		ways[i].in = hl_buf(HL_BUF_MAX);
	sim_tap_set(w->sim, on_chunk, NULL);
	recording = true;
	err = world_open(c);
	recording = false;
	add_keys();
	sim_tap_set(w->sim, NULL, NULL);
	for (size_t i = 0; i < HL_COUNT(ways); i++)
		hl_buf_clear(&ways[i].in);
	return err == HL_OK ? failed : err;
}

static hl_err record_one(void)
{
	struct world *w;
	hl_err err;

	HL_TRY(world_new_as(&(struct world_options){ .seed = SEED, .proxies = 1, .hsms = 1, .dev = true }, &w));
	err = record_in(w);
	world_free(w);
	return err;
}

/* -- the shape ----------------------------------------------------------------------------------------------- */

/* The fields of a frame: their tags and lengths; of a list its items'. */
static bool same_fields(const struct hl_msg *m, struct hl_bytes a, struct hl_bytes b)
{
	struct hl_rd ra = hl_rd(a), rb = hl_rd(b);

	while (ra.left > 0 && rb.left > 0) {
		uint16_t tag = hl_rd_u16(&ra);
		uint32_t n = hl_rd_u32(&ra);

		if (tag != hl_rd_u16(&rb) || n != hl_rd_u32(&rb))
			return false;
		hl_rd_bytes(&ra, n);
		hl_rd_bytes(&rb, n);
	}
	return m && ra.err == HL_OK && rb.err == HL_OK && ra.left == rb.left;
}

/* How many records TLS makes of what it says, and how long they are, is its own affair. */
static bool same_item(const struct record_item *a, const struct record_item *b)
{
	struct hl_frame fa, fb;

	if (a->kind != b->kind || a->step != b->step || strcmp(a->name, b->name) != 0 || strcmp(a->from, b->from) != 0 ||
		strcmp(a->to, b->to) != 0)
		return false;
	if (a->kind == RECORD_TEXT)
		return a->n == b->n && memcmp(a->value, b->value, a->n) == 0;
	if (a->kind == RECORD_BYTES)
		return a->n == b->n;
	return hl_frame_peek(hl_bytes(a->value, a->n), HL_FRAME_MAX, &fa) == HL_OK &&
		hl_frame_peek(hl_bytes(b->value, b->n), HL_FRAME_MAX, &fb) == HL_OK && fa.type == fb.type &&
		same_fields(hl_msg_of_type(fa.type), fa.body, fb.body);
}

static const struct record_item *next(const struct record *r, size_t *at)
{
	while (*at < r->items && r->item[*at].kind == RECORD_TLS)
		++*at;
	return *at < r->items ? &r->item[(*at)++] : NULL;
}

static hl_err compare(const char *file)
{
	static struct record kept;
	const struct record_item *a, *b;
	size_t i = 0, k = 0;

	HL_TRY(record_read(&kept, file));
	do {
		a = next(&kept, &i);
		b = next(&made, &k);
		if ((!a) != (!b) || (a && !same_item(a, b))) {
			fprintf(stderr, "%s: %s is another now: run `make update-recorded`\n", file, a ? a->name : b->name);
			return HL_E_CONFIG;
		}
	} while (a);
	return HL_OK;
}

static hl_err run(int argc, char **argv, struct hl_buf *out)
{
	bool like = argc == 3 && strcmp(argv[1], "--like") == 0;

	if (argc != 1 && !like)
		return HL_E_ARG;
	HL_TRY(record_one());
	if (like)
		return compare(argv[2]);
	hl_buf_text(out, "# A connection of the four cores in the simulator, made by doc/gen-recorded with the published\n"
			 "# credentials of `hsmlet up --dev`. It was recorded once: OpenSSL's part differs from version to version.\n");
	record_write(&made, out);
	return out->err;
}

int main(int argc, char **argv)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(HL_BUF_MAX);
	hl_err err = run(argc, argv, &out);

	if (err == HL_OK && (out.n == 0 || fwrite(hl_buf_view(&out).p, 1, out.n, stdout) == out.n) && fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "gen-recorded: %s\n", hl_err_text(err == HL_OK ? HL_E_IO : err));
	return 1;
}
