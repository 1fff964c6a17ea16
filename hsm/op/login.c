/* login.c - requests that rest on a PIN or set one: login, pin.set, pin.init, token.init.
 *
 *	wait for the turn > hash on the PIN lane > count, and do what the PIN was shown for > commit > answer
 *
 * A wrong PIN is an effect, too: its count is committed before it is told. All but login are of the lab profile. */
#include <openssl/crypto.h>

#include "hsm/rooms.h"

struct proof;

struct kind {
	const struct hl_msg *request, *reply;
	/* Fill in what the request says: whose PIN, which, and what comes of it. The views are of the task's copy. */
	hl_err (*read)(struct proof *r, const struct hl_frame *f);
	/* Whether this channel may ask for it of this partition; NULL: whoever shows the PIN may. */
	hl_err (*may)(struct proof *r, const struct hsm_partition *p);
	/* What a right PIN does to the partition; NULL: it lets in, each time it is shown. */
	hl_err (*apply)(struct proof *r, struct hsm_partition *p);
	void (*answer)(struct proof *r, struct hsm_conn *c);
};

struct proof {
	struct hsm_turn turn; /* first */
	const struct kind *kind;
	enum hsm_role role;
	struct hl_bytes token_bytes, pin, fresh, label; /* in the task's request */
	bool sets;   /* `fresh` is to be kept */
	bool proves; /* `pin` is compared with the one that is kept, whose salt is: */
	uint8_t salt[32], hash[HSM_PIN_HASH];
	size_t salt_n;
	uint32_t iterations;
	struct hsm_hashed hashed; /* `fresh` */
	hl_err hash_err;
	struct hsm_token token;
	unsigned tries;
	hl_err outcome; /* told after the commit */
	struct hsm_login login; /* where that is HL_OK */
	uint32_t retry_after_ms;
};

static void proof_clear(struct hsm_task *t)
{
	struct proof *r = (struct proof *)t;

	OPENSSL_cleanse(r->hash, sizeof r->hash);
	OPENSSL_cleanse(&r->hashed, sizeof r->hashed);
}

static void answer(struct proof *r, hl_err err)
{
	struct hsm_conn *c = r->turn.task.conn;

	if (c && !c->closing) {
		if (err == HL_OK)
			r->kind->answer(r, c);
		else if (err == HL_E_CLOSED)
			hsm_conn_close(c, err, false);
		else
			hsm_refuse(c, r->turn.task.id, err, NULL, r->retry_after_ms);
	}
	hsm_turn_end(&r->turn);
	hsm_task_free(&r->turn.task);
}

/* -- looking ------------------------------------------------------------------------------------------------- */

/* HL_OK: it was counted before, as right. HL_E_NOT_FOUND: it is new. HL_E_PIN: it was counted as wrong, and is not
 * counted again. */
static hl_err counted_before(struct proof *r, const struct hsm_partition *p)
{
	struct hsm_result first;
	hl_err err;

	HL_TRY(hsm_token_find(r->turn.task.hsm, p, &r->token, &first));
	err = first.row.code != 0 ? hl_err_of_wire(first.row.code) : HL_OK;
	hsm_result_clear(&first);
	return err;
}

/* A right PIN lets nobody in by what was counted: it is checked each time. What it did is done once. */
static bool is_done(const struct proof *r, hl_err before)
{
	return before == HL_OK && r->kind->apply;
}

static hl_err keep_salt(struct proof *r, const struct hsm_pin *pin)
{
	if (pin->salt.n == 0 || pin->salt.n > sizeof r->salt || pin->hash.n != HSM_PIN_HASH)
		return HL_E_STORE_SEAL;
	memcpy(r->salt, pin->salt.p, pin->salt.n);
	r->salt_n = pin->salt.n;
	r->iterations = pin->iterations;
	return HL_OK;
}

/* Before the slow hash, whatever can be told without it. */
static hl_err look(struct proof *r, const struct hsm_partition *p)
{
	struct hsm_task *t = &r->turn.task;
	struct hsm_pin pin;
	struct hl_frame f;
	hl_err before;

	HL_TRY(hl_frame_peek(hl_buf_view(&t->request), HL_FRAME_MAX, &f));
	HL_TRY(r->kind->read(r, &f));
	if ((r->kind->apply || r->role == HSM_ROLE_OFFICER) && !hsm_partition_is_lab(p))
		return HL_E_UNSUPPORTED;
	if (r->kind->may)
		HL_TRY(r->kind->may(r, p));
	HL_TRY(hsm_token_read(t->hsm, &f, r->token_bytes, &r->token));
	before = counted_before(r, p);
	r->outcome = is_done(r, before) ? HL_OK : HL_E_DEFER;
	if (is_done(r, before) || (before != HL_OK && before != HL_E_NOT_FOUND))
		return before;
	if (r->sets)
		HL_TRY(hsm_pin_length(r->fresh));
	if (!r->proves)
		return HL_OK;
	pin = hsm_pin_of(p, r->role);
	if (pin.hash.n == 0)
		return r->role == HSM_ROLE_USER ? HL_E_NO_PIN : HL_E_BLANK;
	if (hsm_pin_locked(&pin, hl_wall_ms(t->hsm->env), &r->retry_after_ms))
		return HL_E_PIN_LOCKED;
	return keep_salt(r, &pin);
}

static hl_err begin(struct proof *r)
{
	struct hsm_conn *c = r->turn.task.conn;
	struct hsm_partition p;
	hl_err err;

	if (!c || c->closing)
		return HL_E_CLOSED;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	err = look(r, &p);
	r->login = hsm_login_of(&p, r->role);
	hsm_partition_clear(&p);
	return err;
}

/* -- hashing ------------------------------------------------------------------------------------------------- */

static hl_err hash_fresh(struct proof *r)
{
	return hsm_pin_hash(r->fresh, hl_bytes(r->hashed.salt, sizeof r->hashed.salt), HSM_PIN_ITERATIONS, r->hashed.hash);
}

static void hash(struct hl_job *j)
{
	struct proof *r = (struct proof *)j;

	r->hash_err = HL_OK;
	if (r->proves)
		r->hash_err = hsm_pin_hash(r->pin, hl_bytes(r->salt, r->salt_n), r->iterations, r->hash);
	if (r->hash_err == HL_OK && r->sets)
		r->hash_err = hash_fresh(r);
}

/* -- counting ------------------------------------------------------------------------------------------------ */

static void count(struct proof *r);

static void counted(struct hsm_task *t)
{
	struct proof *r = (struct proof *)t;
	hl_err err = t->change.commit.result;

	hsm_change_reset(&t->change);
	if (err == HL_E_STORE_STALE && ++r->tries < HSM_EFFECT_TRIES) {
		count(r); /* a row moved: look at it again */
		return;
	}
	if (err == HL_E_STORE_STALE)
		err = HL_E_BUSY;
	if (err == HL_OK)
		err = hsm_task_fault(t, HL_AT_HSM_COMMITTED);
	answer(r, err == HL_OK ? r->outcome : err);
}

/* Another member may have changed the PIN while the old one was hashed: the client asks again. */
static bool is_salt_of(const struct proof *r, const struct hsm_pin *pin)
{
	return hl_bytes_eq(pin->salt, hl_bytes(r->salt, r->salt_n)) && pin->iterations == r->iterations;
}

static hl_err judge_pin(struct proof *r, struct hsm_partition *p, bool is_new, bool *changed)
{
	int64_t now = hl_wall_ms(r->turn.task.hsm->env);
	struct hsm_pin pin = hsm_pin_of(p, r->role);

	if (hsm_pin_locked(&pin, now, &r->retry_after_ms))
		return HL_E_PIN_LOCKED;
	if (!is_salt_of(r, &pin))
		return HL_E_BUSY;
	if (hl_bytes_eq_secret(hl_bytes(r->hash, HSM_PIN_HASH), pin.hash)) {
		*changed = is_new && pin.failures > 0;
		pin.failures = 0;
		hsm_pin_put(p, r->role, &pin);
		return HL_OK;
	}
	*changed = is_new; /* else the PIN itself was changed since */
	if (is_new)
		hsm_pin_failed(&pin, now);
	hsm_pin_put(p, r->role, &pin);
	return HL_E_PIN;
}

/* What is to be told; `*changed`: after a commit of the row as it now stands. */
static hl_err judge(struct proof *r, struct hsm_partition *p, bool *changed)
{
	bool proves = r->proves;
	hl_err before;

	*changed = false;
	if (r->kind->may) {
		HL_TRY(r->kind->may(r, p));
		if (r->proves != proves)
			return HL_E_BUSY; /* the token was initialised meanwhile, or reset */
	}
	before = counted_before(r, p);
	if (is_done(r, before) || (before != HL_OK && before != HL_E_NOT_FOUND))
		return before;
	if (r->proves)
		HL_TRY(judge_pin(r, p, before == HL_E_NOT_FOUND, changed));
	if (!r->kind->apply)
		return HL_OK;
	r->turn.task.change.raises = *changed = true;
	return r->kind->apply(r, p);
}

static hl_err record(struct proof *r, struct hsm_partition *p)
{
	struct hl_token_result result = { .type = r->kind->reply->type };

	if (r->outcome != HL_OK)
		result = (struct hl_token_result){ .code = (uint16_t)-r->outcome };
	return hsm_token_record(r->turn.task.hsm, &r->turn.task.change, &r->token, p, true, &result);
}

/* The counter is an effect: its commit carries the version of the row that was looked at, and a lock that was reached
 * meanwhile wins even over a right PIN. */
static void count(struct proof *r)
{
	struct hsm_conn *c = r->turn.task.conn;
	struct hsm_partition p;
	bool changed = false;
	hl_err err = c ? r->hash_err : HL_E_CLOSED;

	if (err == HL_OK)
		err = hsm_partition_load(c->hsm, hl_text(c->partition), &p);
	if (err != HL_OK) {
		answer(r, err);
		return;
	}
	r->outcome = judge(r, &p, &changed);
	r->login = hsm_login_of(&p, r->role);
	err = changed ? record(r, &p) : r->outcome;
	hsm_partition_clear(&p);
	if (changed && err == HL_OK)
		hsm_task_commit(&r->turn.task, counted);
	else
		answer(r, err);
}

static void hashed(struct hsm_task *t)
{
	count((struct proof *)t);
}

/* The turn has come. While it was waited for, the PIN may have been locked or changed. */
static void go(struct hsm_turn *t)
{
	struct proof *r = (struct proof *)t;
	hl_err err = begin(r);

	if (err == HL_OK && r->outcome == HL_E_DEFER)
		hsm_task_work(&t->task, HL_LANE_PIN, hash, hashed);
	else
		answer(r, err);
}

static hl_err start(struct hsm_conn *c, const struct hl_frame *f, const struct kind *kind)
{
	struct proof *r = (struct proof *)hsm_task_new(c->hsm, c, f, sizeof *r);
	hl_err err;

	if (!r)
		return HL_E_NOMEM;
	r->turn.task.clear = proof_clear;
	r->turn.go = go;
	r->kind = kind;
	hl_random(c->hsm->env, r->hashed.salt, sizeof r->hashed.salt);
	err = begin(r);
	if (err == HL_OK && r->outcome == HL_E_DEFER) {
		err = hsm_turn_take(&r->turn, c->partition_id);
		if (err == HL_OK)
			return HL_E_DEFER;
	}
	answer(r, err);
	return HL_E_DEFER;
}

/* -- login --------------------------------------------------------------------------------------------------- */

static hl_err read_login(struct proof *r, const struct hl_frame *f)
{
	struct hl_login request;

	HL_TRY(hl_msg_get(&hl_msg_login, f, &request));
	r->role = request.role;
	r->token_bytes = request.token;
	r->pin = request.pin;
	r->proves = true;
	return HL_OK;
}

static void let_in(struct proof *r, struct hsm_conn *c)
{
	hsm_login_answer(c, r->turn.task.id, &r->login);
}

hl_err hsm_op_login(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct kind kind = { &hl_msg_login, &hl_msg_logged_in, read_login, NULL, NULL, let_in };

	(void)body, (void)detail;
	return start(c, f, &kind);
}

/* -- pin.set: the old PIN, then a new one ---------------------------------------------------------------------- */

static hl_err read_pin_set(struct proof *r, const struct hl_frame *f)
{
	struct hl_pin_set request;

	HL_TRY(hl_msg_get(&hl_msg_pin_set, f, &request));
	r->role = request.role;
	r->token_bytes = request.token;
	r->pin = request.pin;
	r->fresh = request.fresh;
	r->proves = r->sets = true;
	return HL_OK;
}

static hl_err set_pin(struct proof *r, struct hsm_partition *p)
{
	hsm_pin_replace(p, r->role, &r->hashed);
	return HL_OK;
}

/* Whoever was logged in with the old PIN here is so with the new one; tickets of all others are void. */
static void tell_pin_set(struct proof *r, struct hsm_conn *c)
{
	struct hl_logged_in same = { 0 };

	if (hsm_login_is(c) && c->login.role == r->role)
		let_in(r, c);
	else
		hsm_reply(c, &hl_msg_logged_in, r->turn.task.id, &same);
}

hl_err hsm_op_pin_set(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct kind kind = { &hl_msg_pin_set, &hl_msg_logged_in, read_pin_set, NULL, set_pin, tell_pin_set };

	(void)body, (void)detail;
	return start(c, f, &kind);
}

/* -- pin.init: the user's PIN, by the security officer ------------------------------------------------------------- */

static hl_err read_pin_init(struct proof *r, const struct hl_frame *f)
{
	struct hl_pin_init request;

	HL_TRY(hl_msg_get(&hl_msg_pin_init, f, &request));
	r->role = HSM_ROLE_USER;
	r->token_bytes = request.token;
	r->fresh = request.fresh;
	r->sets = true;
	return HL_OK;
}

static hl_err is_officer(struct proof *r, const struct hsm_partition *p)
{
	struct hsm_conn *c = r->turn.task.conn;

	hsm_login_judge(c, p);
	return c->officer ? HL_OK : HL_E_LOGIN;
}

static void tell_done(struct proof *r, struct hsm_conn *c)
{
	struct hl_done done;

	hsm_reply(c, &hl_msg_done, r->turn.task.id, &done);
}

hl_err hsm_op_pin_init(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct kind kind = { &hl_msg_pin_init, &hl_msg_done, read_pin_init, is_officer, set_pin, tell_done };

	(void)body, (void)detail;
	return start(c, f, &kind);
}

/* -- token.init ------------------------------------------------------------------------------------------------------ */

static hl_err read_token_init(struct proof *r, const struct hl_frame *f)
{
	struct hl_token_init request;

	HL_TRY(hl_msg_get(&hl_msg_token_init, f, &request));
	r->role = HSM_ROLE_OFFICER;
	r->token_bytes = request.token;
	r->pin = r->fresh = request.pin;
	r->label = request.label;
	return HL_OK;
}

/* PKCS #11 v3.0, 5.5.7: "If the token has not been initialized (i.e. new from the factory), then the pPin parameter
 * becomes the initial value of the SO PIN." */
static hl_err who_initialises(struct proof *r, const struct hsm_partition *p)
{
	r->sets = p->row.blank;
	r->proves = !r->sets;
	return HL_OK;
}

static hl_err init_token(struct proof *r, struct hsm_partition *p)
{
	if (r->sets)
		hsm_pin_replace(p, HSM_ROLE_OFFICER, &r->hashed);
	return hsm_token_wipe(&r->turn.task.change, p, r->label);
}

hl_err hsm_op_token_init(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct kind kind = {
		&hl_msg_token_init, &hl_msg_done, read_token_init, who_initialises, init_token, tell_done,
	};

	(void)body, (void)detail;
	return start(c, f, &kind);
}
