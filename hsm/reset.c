/* reset.c - tokens of the lab profile made new: all that was in them is gone. The front command resets one over the HSM's
 * local socket, PINs included: hash > commit > answer. */
#include <openssl/crypto.h>

#include "hsm/rooms.h"

hl_err hsm_token_wipe(struct hsm_change *c, struct hsm_partition *p, struct hl_bytes label)
{
	struct hsm_pin officer = hsm_pin_of(p, HSM_ROLE_OFFICER);

	hsm_pin_replace(p, HSM_ROLE_USER, NULL);
	officer.failures = 0;
	officer.generation++;
	hsm_pin_put(p, HSM_ROLE_OFFICER, &officer);
	p->row.label = label;
	p->row.blank = 0;
	p->row.blob_epoch++;
	c->raises = true;
	return hsm_change_clear(c, HSM_OBJECT, p->id);
}

struct reset {
	struct hsm_task task; /* first */
	uint32_t port;        /* of the admin */
	struct hl_token_reset request; /* views into the task's copy */
	struct hsm_hashed hashed;
	hl_err hash_err;
	uint64_t objects;
	unsigned tries;
};

static void reset_clear(struct hsm_task *t)
{
	struct reset *r = (struct reset *)t;

	OPENSSL_cleanse(&r->hashed, sizeof r->hashed);
}

static void end(struct reset *r, hl_err err)
{
	struct hl_token_was_reset done = { .objects = r->objects };
	struct hsm *h = r->task.hsm;

	if (err == HL_OK)
		hsm_admin_say(h, r->port, &hl_msg_token_was_reset, r->task.id, &done);
	else
		hsm_admin_refuse(h, r->port, r->task.id, err, NULL);
	hl_trace_life(h->env, "token.reset", err, NULL);
	hsm_task_free(&r->task);
}

static void change(struct hsm_task *t);

static void committed(struct hsm_task *t)
{
	struct reset *r = (struct reset *)t;
	hl_err err = t->change.commit.result;

	if (err == HL_E_STORE_STALE && ++r->tries < HSM_EFFECT_TRIES) {
		hsm_change_reset(&t->change);
		change(t);
		return;
	}
	end(r, err == HL_E_STORE_STALE ? HL_E_BUSY : err);
}

static hl_err make_new(struct reset *r, struct hsm_partition *p)
{
	const struct hsm_hashed *pin = r->request.pin.n > 0 ? &r->hashed : NULL;
	struct hsm *h = r->task.hsm;

	if (!hsm_partition_is_lab(p))
		return HL_E_UNSUPPORTED;
	HL_TRY(h->conf.store.ops->count(h->conf.store.at, HSM_OBJECT, p->id, &r->objects));
	HL_TRY(hsm_token_wipe(&r->task.change, p, r->request.label));
	hsm_pin_replace(p, HSM_ROLE_USER, pin);
	hsm_pin_replace(p, HSM_ROLE_OFFICER, pin);
	p->row.blank = !pin;
	HL_TRY(hsm_change_partition(h, &r->task.change, p));
	return hsm_log_service(h, &r->task.change, p, "operator", "Reset token, all objects destroyed");
}

static void change(struct hsm_task *t)
{
	struct reset *r = (struct reset *)t;
	struct hsm_partition p;
	hl_err err = r->hash_err;

	if (err == HL_OK)
		err = hsm_partition_load(t->hsm, r->request.partition, &p);
	if (err == HL_OK) {
		err = make_new(r, &p);
		hsm_partition_clear(&p);
	}
	if (err == HL_OK)
		hsm_task_commit(t, committed);
	else
		end(r, err);
}

static void hash(struct hl_job *j)
{
	struct reset *r = (struct reset *)j;

	r->hash_err = hsm_pin_hash(r->request.pin, hl_bytes(r->hashed.salt, sizeof r->hashed.salt), HSM_PIN_ITERATIONS,
		r->hashed.hash);
}

void hsm_token_reset(struct hsm *h, uint32_t port, const struct hl_frame *f)
{
	struct reset *r = (struct reset *)hsm_task_new(h, NULL, f, sizeof *r);
	hl_err err;

	if (!r) {
		hsm_admin_refuse(h, port, f->id, HL_E_NOMEM, NULL);
		return;
	}
	r->task.clear = reset_clear;
	r->port = port;
	hl_random(h->env, r->hashed.salt, sizeof r->hashed.salt);
	err = hsm_task_request(&r->task, &hl_msg_token_reset, &r->request);
	if (err == HL_OK && r->request.pin.n > 0)
		err = hsm_pin_length(r->request.pin);
	if (err != HL_OK)
		end(r, err);
	else if (r->request.pin.n > 0)
		hsm_task_work(&r->task, HL_LANE_PIN, hash, change);
	else
		change(&r->task);
}
