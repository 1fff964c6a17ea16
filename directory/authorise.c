/* authorise.c - steps 4 and 5: is this proof good, and may this user come in from there?
 *
 * Who has guessed too often is told so before his proof is looked at. Else the proof is checked first. What a wrong user might learn something from (allow-list, disabled,
 * expired, whose partition it is) is told only after a right proof; everything before it is one
 * refusal at one cost: an unknown name is checked against keys that fit nothing. */
#include <stdlib.h>

#include <openssl/evp.h>

#include "directory/rooms.h"
#include "lib/auth/scram.h"
#include "lib/auth/ticket.h"

/* A query, taken apart. Views into its frame. */
struct query {
	struct hl_dir_query q;
	struct hl_hello_proxy hello;
	struct hl_auth_request request;
	struct hl_auth_answer answer;
	struct hl_scram_first first;
	struct hl_bytes nonce;      /* the combined one */
	uint8_t binding[HL_BINDING];
	uint8_t digest[HL_BINDING]; /* over the query and who sent it */
	uint64_t key;               /* of the nonce, in the table of grants */
	struct hl_addr peer;
	uint64_t pair;              /* user and peer, for the lock-out */
	uint32_t retry_after_ms;
	struct dir_user user;
	struct dir_partition partition;
};

/* -- taking it apart ----------------------------------------------------------------------------- */

static hl_err get_frame(const struct hl_msg *m, struct hl_bytes bytes, void *body)
{
	struct hl_frame f;

	HL_TRY(hl_frame_peek(bytes, HL_FRAME_GATEWAY, &f));
	if (f.whole.n != bytes.n)
		return HL_E_TRAIL;
	return hl_msg_get(m, &f, body);
}

static hl_err digest(struct hl_bytes a, struct hl_bytes b, uint8_t out[HL_BINDING])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned n = 0;
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) && EVP_DigestUpdate(ctx, a.p, a.n) &&
		EVP_DigestUpdate(ctx, b.p, b.n) && EVP_DigestFinal_ex(ctx, out, &n);

	EVP_MD_CTX_free(ctx);
	return ok ? HL_OK : HL_E_CRYPTO;
}

static hl_err take_apart(struct dir_conn *c, const struct hl_frame *f, struct query *q)
{
	uint8_t hash[HL_BINDING];
	char peer[HL_ADDR_TEXT];

	HL_TRY(hl_msg_get(&hl_msg_dir_query, f, &q->q));
	HL_TRY(get_frame(&hl_msg_hello_proxy, q->q.hello, &q->hello));
	HL_TRY(get_frame(&hl_msg_auth_request, q->q.request, &q->request));
	HL_TRY(get_frame(&hl_msg_auth_answer, q->q.answer, &q->answer));
	if (!hl_bytes_eq(q->q.proxy, hl_text(c->name)))
		return HL_E_ARG;
	HL_TRY(hl_bytes_str(q->q.peer, peer, sizeof peer));
	HL_TRY(hl_addr_parse(peer, &q->peer));
	HL_TRY(hl_scram_first_parse(q->hello.scram, &q->first));
	HL_TRY(hl_scram_server_nonce(q->request.scram, &q->nonce));
	HL_TRY(hl_binding(q->q.hello, q->q.request, q->q.answer, q->binding));
	HL_TRY(digest(hl_bytes(q->binding, sizeof q->binding), f->body, q->digest));
	HL_TRY(digest(q->nonce, hl_bytes(NULL, 0), hash));
	memcpy(&q->key, hash, sizeof q->key);
	/* The partition that the user proved to want is the one that the hello names. */
	return hl_bytes_eq(hl_text(q->first.authzid), q->hello.partition) ? HL_OK : HL_E_SCRAM;
}

/* -- checking ------------------------------------------------------------------------------------ */

static bool begins_with_epoch(struct hl_bytes tail, const uint8_t epoch[HL_NONCE_EPOCH])
{
	char text[HL_NONCE_EPOCH / 3 * 4 + 1];
	int n = EVP_EncodeBlock((uint8_t *)text, epoch, HL_NONCE_EPOCH);

	return tail.n > (size_t)n && memcmp(tail.p, text, (size_t)n) == 0;
}

/* The nonce says in which life of this directory, and about when, the exchange began. */
static hl_err check_epoch(const struct dir *d, const struct query *q)
{
	size_t n = q->first.nonce.n;
	struct hl_bytes tail;

	if (q->nonce.n <= n || memcmp(q->nonce.p, q->first.nonce.p, n) != 0)
		return HL_E_SCRAM;
	tail = hl_bytes(q->nonce.p + n, q->nonce.n - n);
	return begins_with_epoch(tail, d->epoch) || begins_with_epoch(tail, d->epoch_before)
		? HL_OK
		: HL_E_EPOCH;
}

/* A locked pair costs no look-up and no comparison, whether the name is known or not. */
static hl_err check_lock(const struct dir *d, struct query *q)
{
	HL_TRY(hl_lockout_pair(d->lockout, hl_text(q->first.user), &q->peer, &q->pair));
	q->retry_after_ms = hl_lockout_wait_ms(d->lockout, q->pair, hl_mono_us(d->env));
	return q->retry_after_ms > 0 ? HL_E_LOCKED : HL_OK;
}

static hl_err check_proof(struct dir *d, struct query *q, struct hl_buf *server_final)
{
	struct hl_bytes name = hl_text(q->first.user);
	hl_err found = d->conf.store.ops->user(d->conf.store.at, name, &q->user);
	const uint8_t *stored = found == HL_OK ? q->user.stored : d->nobody[0];
	const uint8_t *server = found == HL_OK ? q->user.server : d->nobody[1];
	hl_err err;

	if (found != HL_OK && found != HL_E_NOT_FOUND)
		return found;
	err = hl_scram_verify(q->hello.scram, q->request.scram, q->answer.scram, stored, server,
		server_final);
	if (err == HL_OK && found != HL_OK)
		err = HL_E_SERVICE_AUTH;
	if (err == HL_E_SERVICE_AUTH)
		hl_lockout_failed(d->lockout, q->pair, hl_mono_us(d->env));
	return err;
}

struct range_walk {
	const struct hl_addr *peer;
	bool any, listed;
};

static bool see_range(void *at, const char *range)
{
	struct range_walk *w = at;

	w->any = true;
	w->listed = dir_range_holds(range, w->peer);
	return !w->listed;
}

static hl_err check_address(struct dir *d, const struct query *q)
{
	struct range_walk w = { .peer = &q->peer };

	HL_TRY(d->conf.store.ops->ranges(d->conf.store.at, q->user.name, see_range, &w));
	return !w.any || w.listed ? HL_OK : HL_E_ADDRESS;
}

/* Missing and foreign partitions look alike. */
static hl_err check_partition(struct dir *d, struct query *q)
{
	hl_err err = d->conf.store.ops->partition(d->conf.store.at, q->hello.partition, &q->partition);

	if (err == HL_E_NOT_FOUND || (err == HL_OK && strcmp(q->partition.user, q->user.name) != 0))
		return HL_E_PARTITION;
	return err;
}

/* A client that was led to a host which only passes our messages on dialled that host's address, and
 * said so in step 1, under B. */
static hl_err check_dialled(struct dir_conn *c, const struct query *q)
{
	const struct dir_up *proxy = dir_member(c->dir, HL_ROLE_PROXY, c->name);
	char text[HL_ADDR_TEXT];
	struct hl_addr dialled, own;

	if (!proxy || hl_bytes_str(q->hello.dialled, text, sizeof text) != HL_OK ||
		hl_addr_parse(text, &dialled) != HL_OK || hl_addr_parse(proxy->address, &own) != HL_OK ||
		!hl_addr_same_host(&dialled, &own))
		return HL_E_PROXY_AUTH;
	return HL_OK;
}

static hl_err check_all(struct dir_conn *c, struct query *q, struct hl_buf *server_final)
{
	struct dir *d = c->dir;

	HL_TRY(check_epoch(d, q));
	HL_TRY(check_lock(d, q));
	HL_TRY(check_proof(d, q, server_final));
	if (q->user.disabled)
		return HL_E_DISABLED;
	if (q->user.expires_ms && hl_wall_ms(d->env) >= q->user.expires_ms)
		return HL_E_EXPIRED;
	HL_TRY(check_address(d, q));
	HL_TRY(check_partition(d, q));
	return check_dialled(c, q);
}

/* -- granting ------------------------------------------------------------------------------------ */

struct offer {
	struct dir_conn *conn;
	const struct query *q;
	struct hl_dir_grant *grant;
	struct hl_grant_ticket ticket[16];
	struct hl_buf sealed[16];
	size_t n;
	hl_err err;
};

static bool offer_member(void *at, const struct dir_member *m)
{
	struct offer *o = at;
	struct dir *d = o->conn->dir;
	struct dir_up *hsm = dir_member(d, HL_ROLE_HSM, m->name);
	const struct dir_peer *peer = dir_peer(d, HL_ROLE_HSM, m->name);
	int64_t now = hl_wall_ms(d->env);
	uint8_t key[32];
	struct hl_ticket t = {
		.grant = o->grant->grant,
		.binding = hl_bytes(o->q->binding, HL_BINDING),
		.connection = o->q->hello.connection,
		.partition = o->q->hello.partition,
		.client = o->q->q.peer,
		.client_id = o->q->hello.client_id,
		.proxy = o->q->q.proxy,
		.hsm = hl_text(m->name),
		.issued_ms = (uint64_t)now,
		.expires_ms = (uint64_t)(now + o->grant->valid_ms),
	};

	if (!hsm || !peer || !hsm->conn || !hsm->has_incarnation)
		return true;
	t.incarnation = hl_bytes(hsm->incarnation, HL_INCARNATION);
	o->sealed[o->n] = hl_buf(1024);
	o->err = hl_link_ticket_key(hl_secret_view(&peer->secret), key);
	if (o->err == HL_OK)
		o->err = hl_ticket_seal(hl_bytes(key, sizeof key), &t, &o->sealed[o->n]);
	OPENSSL_cleanse(key, sizeof key);
	o->ticket[o->n] = (struct hl_grant_ticket){
		.hsm = hl_text(hsm->name),
		.address = hl_text(hsm->address),
		.ticket = hl_buf_view(&o->sealed[o->n]),
	};
	o->n++;
	return o->err == HL_OK && o->n < HL_COUNT(o->ticket);
}

static size_t links_beside(const struct query *q, const struct hl_grant_ticket *t)
{
	struct hl_bytes at = q->hello.beside.raw;
	struct hl_hsm_name one;
	size_t n = 0;

	while (hl_list_next(&hl_msg_hsm_name, &at, &one))
		n += hl_bytes_eq(one.name, t->hsm);
	return n;
}

/* A client that has links already gains nothing by one more to the same HSM: those with the fewest come first. What the client says of
 * itself is a wish and no more: it gets the same tickets. */
static void spread(struct offer *o)
{
	for (size_t i = 1; i < o->n; i++) {
		struct hl_grant_ticket t = o->ticket[i];
		size_t links = links_beside(o->q, &t), to = i;

		for (; to > 0 && links_beside(o->q, &o->ticket[to - 1]) > links; to--)
			o->ticket[to] = o->ticket[to - 1];
		o->ticket[to] = t;
	}
}

/* The proxy tries the tickets in their order: begin at a random one, so that HSMs share the load. */
static void rotate(struct offer *o)
{
	struct hl_grant_ticket turned[HL_COUNT(o->ticket)];
	uint32_t draw;

	hl_random(o->conn->dir->env, &draw, sizeof draw);
	for (size_t i = 0; i < o->n; i++)
		turned[i] = o->ticket[(i + draw) % o->n];
	memcpy(o->ticket, turned, o->n * sizeof *turned);
}

static hl_err make_grant(struct dir_conn *c, struct query *q, struct hl_bytes server_final,
	struct dir_grant *keep)
{
	struct dir *d = c->dir;
	uint8_t id[16];
	struct hl_dir_grant grant = {
		.grant = hl_bytes(id, sizeof id),
		.valid_ms = d->conf.grant_valid_ms,
		.scram = server_final,
	};
	struct offer o = { .conn = c, .q = q, .grant = &grant };
	hl_err err;

	hl_random(d->env, id, sizeof id);
	err = d->conf.store.ops->cluster(d->conf.store.at, q->partition.cluster, offer_member, &o);
	if (err == HL_OK)
		err = o.err;
	if (err == HL_OK && o.n == 0)
		err = HL_E_HSMS;
	if (err == HL_OK) {
		rotate(&o);
		spread(&o);
		grant.tickets = (struct hl_list){ .items = o.ticket, .count = o.n };
		hl_msg_put(&keep->frame, &hl_msg_dir_grant, 0, &grant);
		err = keep->frame.err;
	}
	for (size_t i = 0; i < HL_COUNT(o.sealed); i++)
		hl_buf_clear(&o.sealed[i]);
	return err;
}

static void send_grant(
	struct dir_conn *c, uint32_t id, const struct query *q, const struct dir_grant *g)
{
	struct hl_dir_grant grant;
	struct hl_frame f;

	if (hl_frame_peek(hl_buf_view(&g->frame), HL_FRAME_MAX, &f) == HL_OK &&
		hl_msg_get(&hl_msg_dir_grant, &f, &grant) == HL_OK) {
		hl_trace_step(c->dir->env, HL_STEP_GRANT, HL_SENT, q->hello.connection.p,
			&hl_msg_dir_grant, &grant, HL_OK);
		dir_send(c, &hl_msg_dir_grant, id, &grant);
	}
}

static void send_refusal(struct dir_conn *c, uint32_t id, const struct query *q, hl_err err)
{
	struct hl_dir_refused no = { .code = (uint16_t)-err, .retry_after_ms = q->retry_after_ms };
	const uint8_t *conn = q->hello.connection.n == HL_CONNECTION_ID ? q->hello.connection.p : NULL;

	if (err == HL_E_EPOCH)
		no.epoch = hl_bytes(c->dir->epoch, HL_NONCE_EPOCH);
	hl_trace_step(c->dir->env, HL_STEP_GRANT, HL_SENT, conn, &hl_msg_dir_refused, &no, err);
	dir_send(c, &hl_msg_dir_refused, id, &no);
}

static void grant_free(struct dir_grant *g)
{
	if (g)
		hl_buf_clear(&g->frame);
	free(g);
}

/* A proof is accepted once. The proxy may ask again (its link broke, an answer was lost) and gets the same
 * grant; anybody else who shows the same proof is refused. */
static hl_err decide(struct dir_conn *c, struct query *q, struct dir_grant **out)
{
	struct dir *d = c->dir;
	struct dir_grant *g = hl_map_get(&d->grants, q->key);
	struct hl_buf server_final = hl_buf(HL_SCRAM_MAX);
	hl_err err;

	if (g) {
		*out = g;
		return memcmp(g->query, q->digest, sizeof g->query) == 0 ? HL_OK : HL_E_SERVICE_AUTH;
	}
	g = calloc(1, sizeof *g);
	if (!g)
		return HL_E_NOMEM;
	g->frame = hl_buf(HL_FRAME_MAX);
	g->key = q->key;
	g->until_us = hl_mono_us(d->env) + 2 * DIR_EPOCH_US; /* no nonce lives longer */
	memcpy(g->query, q->digest, sizeof g->query);
	err = check_all(c, q, &server_final);
	if (err == HL_OK)
		err = make_grant(c, q, hl_buf_view(&server_final), g);
	if (err == HL_OK)
		err = hl_map_put(&d->grants, g->key, g);
	hl_buf_clear(&server_final);
	if (err != HL_OK)
		grant_free(g);
	else
		*out = g;
	return err;
}

void dir_authorise(struct dir_conn *c, const struct hl_frame *f)
{
	const struct hl_env *env = c->dir->env;
	struct query q = { 0 };
	struct dir_grant *g = NULL;
	hl_err err = take_apart(c, f, &q);

	if (err == HL_OK)
		hl_trace_step(env, HL_STEP_QUERY, HL_GOT, q.hello.connection.p, &hl_msg_dir_query, &q.q, HL_OK);
	if (err == HL_OK)
		err = hl_fault_err(env, HL_AT_DIR_QUERY, q.key);
	if (err == HL_OK)
		err = decide(c, &q, &g);
	if (err == HL_OK)
		err = hl_fault_err(env, HL_AT_DIR_GRANT, q.key);
	if (err == HL_OK)
		send_grant(c, f->id, &q, g);
	else
		send_refusal(c, f->id, &q, err);
	OPENSSL_cleanse(&q.user, sizeof q.user);
}

void dir_grants_time(struct dir *d, int64_t now_us)
{
	struct dir_grant *g;
	size_t at = 0;

	if (now_us < d->sweep_us)
		return;
	d->sweep_us = now_us + DIR_EPOCH_US;
	while ((g = hl_map_next(&d->grants, &at)) != NULL) {
		if (g->until_us > now_us)
			continue;
		hl_map_take(&d->grants, g->key);
		grant_free(g);
		at = 0; /* taking one out may have moved another before the cursor */
	}
}

void dir_grants_clear(struct dir *d)
{
	struct dir_grant *g;
	size_t at = 0;

	while ((g = hl_map_next(&d->grants, &at)) != NULL)
		grant_free(g);
	hl_map_clear(&d->grants);
}
