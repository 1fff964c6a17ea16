/* proof.c - requests that rest on a PIN: what is told at once, the wait, the hash, the count. */
#include "hsm/proof.h"

#include <stdio.h>

#include <openssl/crypto.h>

static void proof_clear(struct hsm_task *t)
{
	struct hsm_proof *r = (struct hsm_proof *)t;

	OPENSSL_cleanse(r->hash, sizeof r->hash);
	OPENSSL_cleanse(&r->hashed, sizeof r->hashed);
}

static void answer(struct hsm_proof *r, hl_err err)
{
	struct hsm_conn *c = r->turn.task.conn;

	if (c && !c->closing) {
		if (err == HL_OK)
			r->kind->answer(r, c);
		else if (err == HL_E_CLOSED)
			hsm_conn_close(c, err, false);
		else
			hsm_task_refuse(&r->turn.task, err, NULL, r->retry_after_ms);
	}
	hsm_turn_end(&r->turn);
	hsm_task_free(&r->turn.task);
}

/* -- looking ------------------------------------------------------------------------------------------------- */

/* HL_OK: it was counted before, as right. HL_E_NOT_FOUND: it is new. HL_E_PIN: it was counted as wrong, and is not
 * counted again. */
static hl_err counted_before(struct hsm_proof *r, const struct hsm_partition *p)
{
	struct hsm_result first;
	hl_err err;

	HL_TRY(hsm_token_find(r->turn.task.hsm, p, &r->token, &first));
	err = first.row.code != 0 ? hl_err_of_wire(first.row.code) : HL_OK;
	hsm_result_clear(&first);
	return err;
}

/* A right PIN lets nobody in by what was counted: it is checked each time. What it did is done once. */
static bool is_done(struct hsm_proof *r, hl_err before)
{
	r->again = before == HL_OK && r->kind->apply;
	return r->again;
}

static hl_err look_at_pin(struct hsm_proof *r, const struct hsm_partition *p)
{
	struct hsm_pin pin = hsm_pin_of(p, r->role);

	if (pin.hash.n == 0)
		return r->role == HSM_ROLE_USER ? HL_E_NO_PIN : HL_E_BLANK;
	if (hsm_pin_locked(&pin, hl_wall_ms(r->turn.task.hsm->env), &r->retry_after_ms))
		return HL_E_PIN_LOCKED;
	if (pin.salt.n == 0 || pin.salt.n > sizeof r->salt || pin.hash.n != HSM_PIN_HASH)
		return HL_E_STORE_SEAL;
	memcpy(r->salt, pin.salt.p, pin.salt.n);
	r->salt_n = pin.salt.n;
	r->iterations = pin.iterations;
	return HL_OK;
}

/* Before the slow hash, whatever can be told without it. */
static hl_err look(struct hsm_proof *r, const struct hsm_partition *p)
{
	struct hsm_task *t = &r->turn.task;
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
	return r->proves ? look_at_pin(r, p) : HL_OK;
}

static hl_err begin(struct hsm_proof *r)
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

static hl_err hash_fresh(struct hsm_proof *r)
{
	return hsm_pin_hash(r->fresh, hl_bytes(r->hashed.salt, sizeof r->hashed.salt), HSM_PIN_ITERATIONS, r->hashed.hash);
}

static void hash(struct hl_job *j)
{
	struct hsm_proof *r = (struct hsm_proof *)j;

	r->hash_err = HL_OK;
	if (r->proves)
		r->hash_err = hsm_pin_hash(r->pin, hl_bytes(r->salt, r->salt_n), r->iterations, r->hash);
	if (r->hash_err == HL_OK && r->sets)
		r->hash_err = hash_fresh(r);
}

/* -- counting ------------------------------------------------------------------------------------------------ */

static void count(struct hsm_proof *r);

static void counted(struct hsm_task *t)
{
	struct hsm_proof *r = (struct hsm_proof *)t;
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
static bool is_salt_of(const struct hsm_proof *r, const struct hsm_pin *pin)
{
	return hl_bytes_eq(pin->salt, hl_bytes(r->salt, r->salt_n)) && pin->iterations == r->iterations;
}

static hl_err judge_pin(struct hsm_proof *r, struct hsm_partition *p, bool is_new, bool *changed)
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
static hl_err judge(struct hsm_proof *r, struct hsm_partition *p, bool *changed)
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
	r->turn.task.change.raises = true;
	*changed = false; /* nothing of it counts where it cannot be done */
	HL_TRY(r->kind->apply(r, p));
	*changed = true;
	return HL_OK;
}

#define DEED 64 /* characters of one */

static const char *whose(const struct hsm_proof *r)
{
	return r->role == HSM_ROLE_OFFICER ? "security officer's password" : "PKCS#11 password";
}

static const char *deed_of(const struct hsm_proof *r, char out[DEED])
{
	bool tells = r->kind->of_password;

	snprintf(out, DEED, "%s%s%s", r->kind->deed, tells ? " " : "", tells ? whose(r) : "");
	return out;
}

/* With the count, the line that tells of it. */
static hl_err note(struct hsm_proof *r, const struct hsm_partition *p)
{
	struct hsm_pin pin = hsm_pin_of(p, r->role);
	struct hsm_task *t = &r->turn.task;
	uint32_t retry_after_ms;
	char deed[DEED];
	struct hl_frame f;

	if (r->outcome == HL_OK)
		return hsm_log_deed(&t->change, t->conn, deed_of(r, deed));
	HL_TRY(hl_frame_peek(hl_buf_view(&t->request), HL_FRAME_MAX, &f));
	HL_TRY(hsm_log_counted(&t->change, t->conn, f.type, r->outcome));
	if (!hsm_pin_locked(&pin, hl_wall_ms(t->hsm->env), &retry_after_ms))
		return HL_OK;
	snprintf(deed, sizeof deed, "Locked %s", whose(r));
	return hsm_log_deed(&t->change, t->conn, deed);
}

static hl_err record(struct hsm_proof *r, struct hsm_partition *p)
{
	struct hl_token_result result = { .type = r->kind->reply->type };

	if (r->outcome != HL_OK)
		result = (struct hl_token_result){ .code = (uint16_t)-r->outcome };
	HL_TRY(note(r, p));
	return hsm_token_record(r->turn.task.hsm, &r->turn.task.change, &r->token, p, true, &result);
}

/* The counter is an effect: its commit carries the version of the row that was looked at, and a lock that was reached
 * meanwhile wins even over a right PIN. */
static void count(struct hsm_proof *r)
{
	struct hsm_conn *c = r->turn.task.conn;
	struct hsm_partition p;
	char deed[DEED];
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
	if (!changed && err == HL_OK && !r->again && !c->closing)
		hsm_log_did(c, deed_of(r, deed));
	hsm_partition_clear(&p);
	if (changed && err == HL_OK)
		hsm_task_commit(&r->turn.task, counted);
	else
		answer(r, err);
}

static void hashed(struct hsm_task *t)
{
	count((struct hsm_proof *)t);
}

/* The turn has come. While it was waited for, the PIN may have been locked or changed. */
static void go(struct hsm_turn *t)
{
	struct hsm_proof *r = (struct hsm_proof *)t;
	hl_err err = begin(r);

	if (r->sets)
		hl_random(t->task.hsm->env, r->hashed.salt, sizeof r->hashed.salt);
	if (err == HL_OK && r->outcome == HL_E_DEFER)
		hsm_task_work(&t->task, HL_LANE_PIN, hash, hashed);
	else
		answer(r, err);
}

hl_err hsm_proof_run(struct hsm_conn *c, const struct hl_frame *f, const struct hsm_proof_kind *kind)
{
	struct hsm_proof *r = (struct hsm_proof *)hsm_task_new(c->hsm, c, f, sizeof *r);
	hl_err err;

	if (!r)
		return HL_E_NOMEM;
	r->turn.task.clear = proof_clear;
	r->turn.go = go;
	r->kind = kind;
	err = begin(r);
	if (err == HL_OK && r->outcome == HL_E_DEFER) {
		err = hsm_turn_take(&r->turn, c->partition_id);
		if (err == HL_OK)
			return HL_E_DEFER;
	}
	answer(r, err);
	return HL_E_DEFER;
}
