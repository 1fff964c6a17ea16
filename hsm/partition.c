/* partition.c - partitions: their rows, their first credentials, their lives. */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "hsm/rooms.h"
#include "lib/auth/setup.h"

void hsm_partition_clear(struct hsm_partition *p)
{
	hl_buf_clear(&p->memory);
	hl_secret_clear(&p->plain);
	*p = (struct hsm_partition){ 0 };
}

hl_err hsm_partition_load(struct hsm *h, struct hl_bytes name, struct hsm_partition *out)
{
	uint64_t id = hsm_partition_id(name);
	struct hsm_row row;
	hl_err err;

	*out = (struct hsm_partition){ .id = id, .memory = hl_buf(HL_FRAME_MAX) };
	err = h->conf.store.ops->get(h->conf.store.at, HSM_PARTITION, 0, id, &out->memory, &row);
	if (err == HL_OK)
		err = hsm_unseal(h->conf.seal, &row, &out->plain);
	if (err == HL_OK)
		err = hl_body_get(&hl_msg_partition_row, row.open, &out->row);
	if (err == HL_OK)
		err = hl_body_get(&hl_msg_partition_secret, hl_secret_view(&out->plain), &out->secret);
	if (err == HL_OK && !hl_bytes_eq(out->row.name, name))
		err = HL_E_NOT_FOUND;
	if (err == HL_OK)
		out->version = row.version;
	else
		hsm_partition_clear(out);
	return err == HL_E_NOT_FOUND ? HL_E_PARTITION : err;
}

struct hsm_rules hsm_partition_rules(const struct hsm_conn *c, const struct hsm_partition *p)
{
	return (struct hsm_rules){
		.legacy_wrap = hsm_partition_is_lab(p),
		.session_objects = true,
		.trusts = c->officer,
	};
}

hl_err hsm_rules_load(struct hsm_conn *c, struct hsm_rules *out)
{
	struct hsm_partition p;

	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	*out = hsm_partition_rules(c, &p);
	hsm_partition_clear(&p);
	return HL_OK;
}

bool hsm_setup_expired(const struct hl_partition_row *row, int64_t wall_ms)
{
	uint64_t from = row->setup_from_issue ? row->setup_issued_ms : row->setup_used_ms;

	return from != 0 && (uint64_t)wall_ms >= from + row->setup_life_ms;
}

/* -- partition.make ---------------------------------------------------------------------------------- */

struct make {
	struct hsm_task task;
	struct hl_partition_make request; /* views into task.request */
	char setup[HL_SETUP_TEXT + 1], pin[HSM_PIN_TEXT + 1];
	struct hsm_hashed hashed;
	hl_err hash_err;
	unsigned tries;
};

static void make_clear(struct hsm_task *t)
{
	struct make *m = (struct make *)t;

	OPENSSL_cleanse(m->setup, sizeof m->setup);
	OPENSSL_cleanse(m->pin, sizeof m->pin);
	OPENSSL_cleanse(&m->hashed, sizeof m->hashed);
}

static void make_end(struct make *m, hl_err err)
{
	struct hsm *h = m->task.hsm;
	struct hl_partition_made made = { .setup_password = hl_text(m->setup), .pin = hl_text(m->pin) };
	struct hl_refused no = { .code = (uint16_t)-err };

	if (err == HL_OK)
		err = hl_link_send(&h->directory, &hl_msg_partition_made, m->task.id, &made);
	else
		err = hl_link_send(&h->directory, &hl_msg_refused, m->task.id, &no);
	/* Where the link broke meanwhile, the directory takes its rows back and asks again. */
	hl_trace_life(h->env, "partition.made", err, NULL);
	hsm_task_free(&m->task);
}

static void pin_hashed(struct hsm_task *t);

/* A row that moved, or a key that came: look again. */
static void made_committed(struct hsm_task *t)
{
	struct make *m = (struct make *)t;
	hl_err err = t->change.commit.result;

	if (err == HL_E_STORE_STALE && ++m->tries < HSM_EFFECT_TRIES) {
		hsm_change_reset(&t->change);
		pin_hashed(t);
		return;
	}
	make_end(m, err == HL_E_STORE_STALE ? HL_E_BUSY : err);
}

/* A lab token is set up as its first security officer would do it, with the user's PIN; without one that is left to do. */
static void fill_pins(struct make *m, const struct hsm_partition *old, struct hsm_partition *p)
{
	const struct hsm_hashed *pin = m->request.pin_wanted ? &m->hashed : NULL;

	p->row.pin_generation = old->row.pin_generation;
	p->row.officer_generation = old->row.officer_generation;
	hsm_pin_replace(p, HSM_ROLE_USER, pin);
	if (!hsm_partition_is_lab(p))
		return;
	hsm_pin_replace(p, HSM_ROLE_OFFICER, pin);
	p->row.blank = !pin;
	p->row.label = m->request.label;
}

/* What the row will hold; the parts that a renewed partition keeps come from `old`. */
static hl_err fill(struct make *m, const struct hsm_partition *old)
{
	struct hsm *h = m->task.hsm;
	struct hsm_partition p = { .id = hsm_partition_id(m->request.partition), .version = old->version };
	struct hl_secret secret = { 0 };
	uint8_t setup_key[HL_SETUP_KEY], serial_bytes[8];
	char serial[17];
	hl_err err = hl_secret_make(&secret, HL_SECRET_BYTES);

	hl_random(h->env, serial_bytes, sizeof serial_bytes);
	hl_hex(hl_bytes(serial_bytes, sizeof serial_bytes), serial);
	if (err == HL_OK)
		hl_random(h->env, secret.p, secret.n);
	if (err == HL_OK)
		err = hl_setup_key(hl_text(m->setup), m->request.partition, setup_key);
	p.row = (struct hl_partition_row){
		.name = m->request.partition,
		.serial = old->version ? old->row.serial : hl_text(serial),
		.secret_generation = old->version ? old->row.secret_generation : 1,
		.setup_generation = old->row.setup_generation + 1,
		.setup_life_ms = m->request.setup_life_ms,
		.setup_from_issue = m->request.life_from,
		.setup_issued_ms = (uint64_t)hl_wall_ms(h->env),
		.objects_max = HSM_OBJECTS_MAX,
		.token_floor_ms = old->row.token_floor_ms,
		.profile = m->request.profile,
		.blob_epoch = old->row.blob_epoch + 1,
	};
	p.secret = (struct hl_partition_secret){
		.secret = old->version ? old->secret.secret : hl_secret_view(&secret),
		.setup_key = hl_bytes(setup_key, sizeof setup_key),
	};
	fill_pins(m, old, &p);
	m->task.change.raises = old->version > 0; /* other credentials, another policy */
	if (err == HL_OK)
		err = hsm_change_partition(h, &m->task.change, &p);
	if (err == HL_OK)
		err = hsm_log_service(h, &m->task.change, &p, h->conf.directory,
			old->version ? "Issued new setup password" : "Created partition");
	OPENSSL_cleanse(setup_key, sizeof setup_key);
	hl_secret_clear(&secret);
	return err;
}

static void hash_pin(struct hl_job *j)
{
	struct make *m = (struct make *)j;

	m->hash_err = hsm_pin_hash(hl_text(m->pin), hl_bytes(m->hashed.salt, sizeof m->hashed.salt),
		HSM_PIN_ITERATIONS, m->hashed.hash);
}

/* A partition that holds keys keeps its credentials: a new setup password then needs the security officer. A key that
 * is made after we looked does not change the partition's row, so the commit says again that there is none. */
static void pin_hashed(struct hsm_task *t)
{
	struct make *m = (struct make *)t;
	struct hsm *h = t->hsm;
	struct hsm_partition old = { 0 };
	uint64_t objects = 0;
	hl_err err = m->hash_err;

	if (err == HL_OK)
		err = hsm_partition_load(h, m->request.partition, &old);
	if (err == HL_OK)
		err = h->conf.store.ops->count(h->conf.store.at, HSM_OBJECT, old.id, &objects);
	if (err == HL_OK && objects > 0)
		err = HL_E_HOLDS_KEYS;
	if (err == HL_E_PARTITION)
		err = HL_OK;
	if (err == HL_OK)
		err = fill(m, &old);
	if (err == HL_OK)
		err = hsm_change_bound(&t->change, HSM_OBJECT, hsm_partition_id(m->request.partition), 0);
	hsm_partition_clear(&old);
	if (err == HL_OK)
		hsm_task_commit(t, made_committed);
	else
		make_end(m, err);
}

static hl_err take_or_make(struct make *m)
{
	const struct hl_env *env = m->task.hsm->env;

	if (m->request.setup_password.n > 0) {
		HL_TRY(hl_setup_check(m->request.setup_password));
		HL_TRY(hl_bytes_str(m->request.setup_password, m->setup, sizeof m->setup));
	} else {
		hl_setup_make(env, m->setup);
	}
	if (!m->request.pin_wanted)
		return HL_OK;
	hl_random(env, m->hashed.salt, sizeof m->hashed.salt);
	if (m->request.pin.n > 0)
		return hl_bytes_str(m->request.pin, m->pin, sizeof m->pin);
	hl_random_text(env, "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", HSM_PIN_MADE, m->pin);
	return HL_OK;
}

void hsm_partition_make(struct hsm *h, const struct hl_frame *f)
{
	struct make *m = (struct make *)hsm_task_new(h, NULL, f, sizeof *m);
	hl_err err;

	if (!m)
		return; /* the directory's link times out and it asks again */
	m->task.clear = make_clear;
	err = hsm_task_request(&m->task, &hl_msg_partition_make, &m->request);
	if (err == HL_OK)
		err = take_or_make(m);
	if (err != HL_OK)
		make_end(m, err);
	else if (m->request.pin_wanted)
		hsm_task_work(&m->task, HL_LANE_PIN, hash_pin, pin_hashed);
	else
		pin_hashed(&m->task);
}
