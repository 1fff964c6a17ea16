/* keys.c - objects from the store, and the parsed keys that are kept between uses. */
#include <stdlib.h>

#include "hsm/rooms.h"

static hl_err load(struct hsm *h, uint64_t partition, uint64_t handle, struct hsm_object *out)
{
	struct hl_buf memory = hl_buf(HL_FRAME_MAX);
	struct hsm_row row;
	hl_err err = h->conf.store.ops->get(h->conf.store.at, HSM_OBJECT, partition, handle, &memory, &row);

	if (err == HL_OK)
		err = hsm_object_decode(row.open, out);
	if (err == HL_OK) {
		out->handle = handle;
		out->version = row.version;
		err = hsm_unseal(h->conf.seal, &row, &out->value);
		if (err != HL_OK)
			hsm_object_clear(out);
	}
	hl_buf_clear(&memory);
	return err == HL_E_NOT_FOUND ? HL_E_KEY : err;
}

static void cached_free(struct hsm_cached *k)
{
	hsm_key_free(k->key);
	if (k->kept) {
		hsm_object_clear(k->kept);
		free(k->kept);
	}
	free(k);
}

static void drop(struct hl_map *of, struct hsm_cached *k)
{
	hl_map_take(of, k->handle);
	cached_free(k);
}

/* Handles are random, so whoever comes finds somebody else to go: were it always the first of the table, all new ones
 * would soon share one place. */
static void make_room(struct hl_map *of, uint64_t handle)
{
	while (of->n >= HSM_KEY_CACHE) {
		size_t at = (size_t)handle & (of->cap - 1);
		struct hsm_cached *k = hl_map_next(of, &at);

		if (!k) {
			at = 0;
			k = hl_map_next(of, &at);
		}
		drop(of, k);
	}
}

static void clear(struct hl_map *of)
{
	struct hsm_cached *k;
	size_t at = 0;

	while ((k = hl_map_next(of, &at)) != NULL)
		cached_free(k);
	hl_map_clear(of);
}

void hsm_keys_stale(struct hsm *h)
{
	clear(&h->keys);
}

void hsm_keys_clear(struct hsm *h)
{
	h->forgot++;
	clear(&h->keys);
	clear(&h->kept);
}

static hl_err parse(struct hsm *h, uint64_t partition, uint64_t handle, struct hsm_cached **out)
{
	struct hsm_object o = { 0 };
	struct hsm_cached *k;
	hl_err err;

	HL_TRY(load(h, partition, handle, &o));
	k = calloc(1, sizeof *k);
	err = k ? hsm_key_parse(&o, &k->key) : HL_E_NOMEM;
	if (err == HL_OK) {
		k->handle = handle;
		k->partition = partition;
		k->is_private = hsm_attribute_bool(&o, HL_CKA_PRIVATE);
		err = hl_map_put(&h->keys, handle, k);
	}
	hsm_object_clear(&o);
	if (err == HL_OK)
		*out = k;
	else if (k)
		cached_free(k);
	return err;
}

static bool may_see(const struct hsm_conn *c, const struct hsm_cached *k)
{
	return k->partition == c->partition_id && (!k->is_private || c->logged_in);
}

/* -- session objects ------------------------------------------------------------------------------------ */

static struct hsm_kept_of state_of(const struct hsm_partition *p, bool private, uint64_t epoch)
{
	struct hsm_kept_of of = {
		.blob_epoch = p->row.blob_epoch,
		.pin_generation = private ? p->row.pin_generation : 0,
		.secret_generation = p->row.secret_generation,
		.epoch = epoch,
	};

	if (p->row.serial.n < sizeof of.serial)
		memcpy(of.serial, p->row.serial.p, p->row.serial.n);
	return of;
}

static bool is_same(const struct hsm_kept_of *a, const struct hsm_kept_of *b)
{
	return strcmp(a->serial, b->serial) == 0 && a->blob_epoch == b->blob_epoch &&
		a->pin_generation == b->pin_generation && a->secret_generation == b->secret_generation;
}

/* The epoch rises with every key that is destroyed, and a client cannot bring its objects again each time; so they stay,
 * and it is looked whether their partition still is what they were made under. */
static hl_err compare(struct hsm_conn *c, bool private, struct hsm_kept_of *of)
{
	struct hsm_kept_of now;
	struct hsm_partition p;

	if (of->epoch == c->hsm->epoch.kept)
		return HL_OK;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	now = state_of(&p, private, c->hsm->epoch.kept);
	hsm_partition_clear(&p);
	if (!is_same(of, &now))
		return HL_E_BLOB;
	*of = now;
	return HL_OK;
}

static hl_err kept_of(struct hsm_conn *c, uint64_t handle, struct hsm_cached **out)
{
	struct hsm_cached *k;
	hl_err err;

	hsm_epoch_check(c->hsm);
	k = hl_map_get(&c->hsm->kept, handle);
	if (!k)
		return HL_E_BLOB;
	if (!may_see(c, k))
		return HL_E_KEY;
	err = compare(c, k->is_private, &k->of);
	if (err == HL_E_BLOB)
		drop(&c->hsm->kept, k);
	HL_TRY(err);
	*out = k;
	return HL_OK;
}

/* A client that asks for two things at once may bring for the second what it had before the first one changed it, and so
 * may one of two links. */
static hl_err look_for_newer(struct hsm_conn *c, const struct hsm_object *o, bool *newer)
{
	struct hsm_cached *k;
	hl_err err = kept_of(c, o->handle, &k);

	*newer = err == HL_OK && k->kept->version > o->version;
	return err == HL_E_BLOB || err == HL_E_KEY ? HL_OK : err;
}

static hl_err put_kept(struct hsm_conn *c, const struct hsm_partition *p, const struct hsm_object *o)
{
	struct hsm *h = c->hsm;
	struct hsm_cached *k = calloc(1, sizeof *k);
	hl_err err = HL_E_NOMEM;

	if (k)
		k->kept = calloc(1, sizeof *k->kept);
	if (k && k->kept)
		err = hsm_object_duplicate(o, k->kept);
	hsm_keys_forget(h, o->handle);
	make_room(&h->kept, o->handle);
	if (err == HL_OK) {
		k->handle = o->handle;
		k->partition = c->partition_id;
		k->is_private = hsm_attribute_bool(o, HL_CKA_PRIVATE);
		/* The epoch may have risen since the partition was read: the first use compares. */
		k->of = state_of(p, k->is_private, UINT64_MAX);
		err = hl_map_put(&h->kept, k->handle, k);
	}
	if (err != HL_OK && k)
		cached_free(k);
	return err;
}

hl_err hsm_keys_keep(struct hsm_conn *c, const struct hsm_partition *p, const struct hsm_object *o)
{
	bool newer;

	HL_TRY(look_for_newer(c, o, &newer));
	return newer ? HL_OK : put_kept(c, p, o);
}

void hsm_keys_forget(struct hsm *h, uint64_t handle)
{
	struct hsm_cached *k = hl_map_get(&h->kept, handle);

	if (k)
		drop(&h->kept, k);
}

/* -- by their handles ------------------------------------------------------------------------------------ */

hl_err hsm_object_load(struct hsm_conn *c, uint64_t handle, struct hsm_object *out)
{
	struct hsm_cached *k;

	if (hsm_is_kept(handle)) {
		HL_TRY(kept_of(c, handle, &k));
		return hsm_object_duplicate(k->kept, out);
	}
	HL_TRY(load(c->hsm, c->partition_id, handle, out));
	if (!hsm_attribute_bool(out, HL_CKA_PRIVATE) || c->logged_in)
		return HL_OK;
	hsm_object_clear(out);
	return HL_E_KEY; /* who is not logged in does not learn that it is there */
}

hl_err hsm_key_of(struct hsm_conn *c, uint64_t handle, struct hsm_cached **out)
{
	struct hsm *h = c->hsm;
	struct hsm_cached *k;

	if (hsm_is_kept(handle)) {
		HL_TRY(kept_of(c, handle, &k));
		if (!k->key)
			HL_TRY(hsm_key_parse(k->kept, &k->key));
		*out = k;
		return HL_OK;
	}
	hsm_epoch_check(h);
	k = hl_map_get(&h->keys, handle);
	if (k && k->partition != c->partition_id) { /* of the same millisecond, and the same draw: they take turns here */
		cached_free(hl_map_take(&h->keys, handle));
		k = NULL;
	}
	if (!k) {
		make_room(&h->keys, handle);
		HL_TRY(parse(h, c->partition_id, handle, &k));
	}
	if (!may_see(c, k))
		return HL_E_KEY;
	*out = k;
	return HL_OK;
}

/* -- shares that are used for a while ---------------------------------------------------------------------- */

struct hsm_claim hsm_key_claim(const struct hsm *h, const struct hsm_cached *k)
{
	return (struct hsm_claim){ .handle = k->handle, .is_private = k->is_private, .of = k->of, .forgot = h->forgot };
}

/* A client cannot bring its object again in the middle of something, and need not: the share is all of the key, and what
 * could end it stands in the partition. */
hl_err hsm_claim_check(struct hsm_conn *c, struct hsm_claim *claim)
{
	struct hsm_cached *k;
	hl_err err;

	if (!hsm_is_kept(claim->handle))
		return hsm_key_of(c, claim->handle, &k);
	if (claim->is_private && !c->logged_in)
		return HL_E_KEY;
	hsm_epoch_check(c->hsm);
	if (claim->forgot != c->hsm->forgot)
		claim->of.epoch = UINT64_MAX;
	claim->forgot = c->hsm->forgot;
	err = compare(c, claim->is_private, &claim->of);
	return err == HL_E_BLOB ? HL_E_KEY : err;
}

/* -- keys that want the PIN for each use ------------------------------------------------------------------ */

void hsm_key_allow(struct hsm_conn *c, uint64_t handle)
{
	c->single[c->singles++ % HSM_SINGLE_MAX] = handle;
}

static bool take_single(struct hsm_conn *c, uint64_t handle)
{
	for (size_t i = 0; i < HSM_SINGLE_MAX; i++)
		if (c->single[i] == handle) {
			c->single[i] = 0;
			return true;
		}
	return false;
}

/* PKCS #11 v3.0, 4.9: with CKA_ALWAYS_AUTHENTICATE "the user has to supply the PIN for each use". Not even the login that
 * a ticket brings is one. */
hl_err hsm_key_use(struct hsm_conn *c, const struct hsm_cached *k)
{
	return !hsm_key_always_authenticates(k->key) || take_single(c, k->handle) ? HL_OK : HL_E_LOGIN;
}
