/* user.c - the partition's user: the secret of the channel, the PIN of private objects. */
#include <openssl/crypto.h>

#include "hsm/pin.h"
#include "hsm/rooms.h"

hl_err hsm_op_secret_fetch(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hl_secret_fetched fetched;
	struct hsm_partition p;

	(void)body, (void)detail;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	/* The channel may have been opened long ago. */
	if (hl_channel_kind(c->channel) == HL_CHANNEL_SETUP && hsm_setup_expired(&p.row, hl_wall_ms(c->hsm->env))) {
		hsm_partition_clear(&p);
		return HL_E_SETUP_EXPIRED;
	}
	fetched.secret = p.secret.secret;
	fetched.secret_generation = p.row.secret_generation;
	hsm_reply(c, &hl_msg_secret_fetched, f->id, &fetched);
	hsm_partition_clear(&p);
	return HL_OK;
}

hl_err hsm_op_logout(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hl_done done;

	(void)body, (void)detail;
	c->logged_in = false;
	memset(c->single, 0, sizeof c->single);
	hsm_reply(c, &hl_msg_done, f->id, &done);
	return HL_OK;
}

/* -- login: wait for the turn > hash on the PIN lane > count > answer --------------------------------------- */

struct login {
	struct hsm_turn turn; /* first */
	struct hl_bytes pin; /* in the task's request */
	uint64_t key; /* it is for one use of this one; 0: for all that the user may do */
	struct hsm_token token;
	unsigned tries;
	uint8_t salt[32], hash[HSM_PIN_HASH];
	size_t salt_n;
	uint32_t iterations;
	hl_err hashed;
	hl_err outcome; /* told after the commit */
	struct hsm_login login; /* where that is HL_OK */
	uint32_t retry_after_ms;
};

static void login_clear(struct hsm_task *t)
{
	struct login *l = (struct login *)t;

	OPENSSL_cleanse(l->hash, sizeof l->hash);
}

static void answer(struct login *l, hl_err err)
{
	struct hsm_conn *c = l->turn.task.conn;

	if (c && !c->closing) {
		if (err == HL_OK && l->key && !c->logged_in)
			err = HL_E_LOGIN; /* out again meanwhile */
		if (err == HL_OK && l->key) {
			hsm_login_single(c, l->turn.task.id, l->key);
		} else if (err == HL_OK) {
			hsm_login_answer(c, l->turn.task.id, &l->login);
		} else if (err == HL_E_CLOSED) {
			hsm_conn_close(c, err, false);
		} else {
			hsm_refuse(c, l->turn.task.id, err, NULL, l->retry_after_ms);
		}
	}
	hsm_turn_end(&l->turn);
	hsm_task_free(&l->turn.task);
}

static void count(struct login *l);

static void counted(struct hsm_task *t)
{
	struct login *l = (struct login *)t;
	hl_err err = t->change.commit.result;

	hsm_change_reset(&t->change);
	if (err == HL_E_STORE_STALE && ++l->tries < HSM_EFFECT_TRIES) {
		count(l); /* a row moved: look at it again */
		return;
	}
	if (err == HL_E_STORE_STALE)
		err = HL_E_BUSY;
	if (err == HL_OK)
		err = hsm_task_fault(t, HL_AT_HSM_COMMITTED);
	answer(l, err == HL_OK ? l->outcome : err);
}

static bool is_locked(const struct hl_partition_row *row, int64_t now, uint32_t *retry_after_ms)
{
	int64_t left_ms;

	if ((int64_t)row->pin_locked_ms <= now)
		return false;
	left_ms = (int64_t)row->pin_locked_ms - now; /* long, where the clock was put back meanwhile */
	*retry_after_ms = left_ms < HL_RETRY_MAX_MS ? (uint32_t)left_ms : HL_RETRY_MAX_MS;
	return true;
}

/* 100 wrong PINs within 300 s lock the PIN for 300 s. */
static hl_err one_more_failure(struct hl_partition_row *row, int64_t now)
{
	if (now - (int64_t)row->pin_window_ms >= HSM_LOGIN_WINDOW_MS) {
		row->pin_window_ms = (uint64_t)now;
		row->pin_failures = 0;
	}
	row->pin_failures++;
	if (row->pin_failures >= HSM_LOGIN_FAILURES) {
		row->pin_locked_ms = (uint64_t)now + HSM_LOGIN_LOCK_MS;
		row->pin_failures = 0;
	}
	return HL_E_PIN;
}

/* HL_OK: this login was counted before, as right. HL_E_NOT_FOUND: it is new. HL_E_PIN: it was counted as wrong, and is
 * not counted again. A right one lets nobody in by itself: its PIN is checked each time. */
static hl_err counted_before(struct login *l, const struct hsm_partition *p)
{
	struct hsm_result first;
	hl_err err;

	HL_TRY(hsm_token_find(l->turn.task.hsm, p, &l->token, &first));
	err = first.row.code != 0 ? hl_err_of_wire(first.row.code) : HL_OK;
	hsm_result_clear(&first);
	return err;
}

/* What is to be told; `*changed`: after a commit of the row as it now stands. */
static hl_err judge(struct login *l, struct hsm_partition *p, bool *changed)
{
	int64_t now = hl_wall_ms(l->turn.task.hsm->env);
	hl_err before = counted_before(l, p);

	*changed = false;
	if (before != HL_OK && before != HL_E_NOT_FOUND)
		return before;
	if (is_locked(&p->row, now, &l->retry_after_ms))
		return HL_E_PIN_LOCKED;
	if (hl_bytes_eq_secret(hl_bytes(l->hash, HSM_PIN_HASH), p->secret.pin_hash)) {
		*changed = before == HL_E_NOT_FOUND && p->row.pin_failures > 0;
		p->row.pin_failures = 0;
		return HL_OK;
	}
	*changed = before == HL_E_NOT_FOUND; /* else the PIN itself was changed since */
	return *changed ? one_more_failure(&p->row, now) : HL_E_PIN;
}

static hl_err record(struct login *l, struct hsm_partition *p)
{
	struct hl_token_result result = { .type = HL_T_logged_in };

	if (l->outcome != HL_OK)
		result = (struct hl_token_result){ .code = (uint16_t)-l->outcome };
	return hsm_token_record(l->turn.task.hsm, &l->turn.task.change, &l->token, p, true, &result);
}

/* The counter is an effect: its commit carries the version of the row that was looked at, and a lock that
 * was reached meanwhile wins even over a right PIN. */
static void count(struct login *l)
{
	struct hsm_conn *c = l->turn.task.conn;
	struct hsm_partition p;
	bool changed = false;
	hl_err err = c ? l->hashed : HL_E_CLOSED;

	if (err == HL_OK)
		err = hsm_partition_load(c->hsm, hl_text(c->partition), &p);
	if (err != HL_OK) {
		answer(l, err);
		return;
	}
	l->outcome = judge(l, &p, &changed);
	l->login = hsm_login_of(&p.row);
	err = changed ? record(l, &p) : l->outcome;
	hsm_partition_clear(&p);
	if (changed && err == HL_OK)
		hsm_task_commit(&l->turn.task, counted);
	else
		answer(l, err);
}

static void hash(struct hl_job *j)
{
	struct login *l = (struct login *)j;

	l->hashed = hsm_pin_hash(l->pin, hl_bytes(l->salt, l->salt_n), l->iterations, l->hash);
}

static void hashed(struct hsm_task *t)
{
	count((struct login *)t);
}

/* Before the slow hash, whatever can be told without it. */
static hl_err look(struct login *l, const struct hsm_partition *p)
{
	struct hsm_task *t = &l->turn.task;
	struct hl_login request;
	struct hl_frame f;
	hl_err before;

	if (!p->row.pin_set)
		return HL_E_NO_PIN;
	if (p->row.pin_salt.n > sizeof l->salt || p->secret.pin_hash.n != HSM_PIN_HASH)
		return HL_E_STORE_SEAL;
	HL_TRY(hl_frame_peek(hl_buf_view(&t->request), HL_FRAME_MAX, &f));
	HL_TRY(hl_msg_get(&hl_msg_login, &f, &request));
	l->key = request.key;
	if (l->key && !t->conn->logged_in)
		return HL_E_LOGIN; /* PKCS #11 v3.0, 5.6.8: it comes on top of the user's own */
	HL_TRY(hsm_token_read(t->hsm, &f, request.token, &l->token));
	before = counted_before(l, p);
	if (before != HL_OK && before != HL_E_NOT_FOUND)
		return before;
	if (is_locked(&p->row, hl_wall_ms(t->hsm->env), &l->retry_after_ms))
		return HL_E_PIN_LOCKED;
	l->pin = request.pin;
	l->salt_n = p->row.pin_salt.n;
	memcpy(l->salt, p->row.pin_salt.p, l->salt_n);
	l->iterations = p->row.pin_iterations;
	return HL_OK;
}

static hl_err begin(struct login *l)
{
	struct hsm_conn *c = l->turn.task.conn;
	struct hsm_partition p;
	hl_err err;

	if (!c || c->closing)
		return HL_E_CLOSED;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	err = look(l, &p);
	hsm_partition_clear(&p);
	return err;
}

/* The turn has come. While it was waited for, the PIN may have been locked or changed. */
static void go(struct hsm_turn *t)
{
	struct login *l = (struct login *)t;
	hl_err err = begin(l);

	if (err == HL_OK)
		hsm_task_work(&t->task, HL_LANE_PIN, hash, hashed);
	else
		answer(l, err);
}

hl_err hsm_op_login(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct login *l = (struct login *)hsm_task_new(c->hsm, c, f, sizeof *l);
	hl_err err;

	(void)body, (void)detail;
	if (!l)
		return HL_E_NOMEM;
	l->turn.task.clear = login_clear;
	l->turn.go = go;
	err = begin(l);
	if (err == HL_OK)
		err = hsm_turn_take(&l->turn, c->partition_id);
	if (err != HL_OK)
		answer(l, err);
	return HL_E_DEFER;
}
