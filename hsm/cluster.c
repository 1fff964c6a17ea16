/* cluster.c - the cluster itself: its identity, its master and the changes of master. */
#include "hsm/rooms.h"

/* The cluster's row, opened; the views are of `memory` and `plain`. */
struct cluster {
	struct hl_buf memory;
	struct hl_secret plain;
	struct hsm_row row;
	struct hl_cluster_row open;
	struct hl_cluster_secret secret;
};

static void cluster_clear(struct cluster *c)
{
	hl_secret_clear(&c->plain);
	hl_buf_clear(&c->memory);
}

/* `out` is to be cleared, also after a failure. */
static hl_err read_cluster(struct hsm *h, struct cluster *out)
{
	const struct hsm_store *store = &h->conf.store;

	*out = (struct cluster){ .memory = hl_buf(HL_FRAME_MAX) };
	HL_TRY(store->ops->get(store->at, HSM_CLUSTER, 0, HSM_CLUSTER_ROW, &out->memory, &out->row));
	HL_TRY(hsm_unseal(h->conf.seal, &out->row, &out->plain));
	HL_TRY(hl_body_get(&hl_msg_cluster_row, out->row.open, &out->open));
	if (!hl_bytes_eq(out->open.cluster, hl_text(h->conf.cluster)))
		return HL_E_STORE_KEY;
	return hl_body_get(&hl_msg_cluster_secret, hl_secret_view(&out->plain), &out->secret);
}

hl_err hsm_cluster_term(struct hsm *h, uint64_t *out)
{
	HL_AUTO(cluster_clear) struct cluster c = { 0 };

	HL_TRY(read_cluster(h, &c));
	*out = c.open.term;
	return HL_OK;
}

/* One commit with the cluster's row, at start, before there is a loop to hold up. */
static hl_err write_cluster(struct hsm *h, uint64_t version, const struct hl_cluster_row *open, struct hl_bytes identity)
{
	HL_AUTO(hl_buf_clear) struct hl_buf shown = hl_buf(HL_FRAME_MAX), hidden = hl_buf(HL_FRAME_MAX);
	HL_AUTO(hsm_change_reset) struct hsm_change change = { 0 };
	struct hsm_row row = { .table = HSM_CLUSTER, .id = HSM_CLUSTER_ROW, .version = version };

	hl_body_put(&shown, &hl_msg_cluster_row, open);
	hl_body_put(&hidden, &hl_msg_cluster_secret, &(struct hl_cluster_secret){ .identity = identity });
	HL_TRY(shown.err);
	HL_TRY(hidden.err);
	row.open = hl_buf_view(&shown);
	HL_TRY(hsm_change_put(h, &change, &row, hl_buf_view(&hidden)));
	change.commit.put = change.put;
	h->conf.store.ops->prepare(h->conf.store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	return change.commit.result;
}

/* -- identity ------------------------------------------------------------------------------------------ */

static hl_err take_identity(struct hl_bytes private_key, EVP_PKEY **key, uint8_t public_key[32])
{
	size_t n = 32;

	*key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key.p, private_key.n);
	if (!*key || EVP_PKEY_get_raw_public_key(*key, public_key, &n) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}

static hl_err load(struct hsm *h)
{
	HL_AUTO(cluster_clear) struct cluster c = { 0 };

	HL_TRY(read_cluster(h, &c));
	return take_identity(c.secret.identity, &h->identity, h->identity_public);
}

/* The first member of a new cluster makes its identity. Another member may do so at the same time: the
 * store lets one of them win, and the other finds a row that it did not expect. */
static hl_err found(struct hsm *h)
{
	HL_AUTO(hl_secret_clear) struct hl_secret seed = { 0 };
	uint8_t public_key[32];
	EVP_PKEY *key = NULL;
	hl_err err;

	HL_TRY(hl_secret_make(&seed, 32));
	hl_random(h->env, seed.p, seed.n);
	err = take_identity(hl_secret_view(&seed), &key, public_key);
	EVP_PKEY_free(key);
	HL_TRY(err);
	return write_cluster(h, 1,
		&(struct hl_cluster_row){ .cluster = hl_text(h->conf.cluster),
			.identity = hl_bytes(public_key, sizeof public_key),
			.term = 1 },
		hl_secret_view(&seed));
}

/* -- master -------------------------------------------------------------------------------------------- */

static hl_err raise_term(struct hsm *h)
{
	HL_AUTO(cluster_clear) struct cluster c = { 0 };

	HL_TRY(read_cluster(h, &c));
	c.open.term++;
	return write_cluster(h, c.row.version + 1, &c.open, c.secret.identity);
}

/* A master that died is followed by the next member that starts, and by nobody before: that the others notice is
 * what `required` is there to show. The term is raised while the lock is held, before anybody is answered. */
static hl_err take_over(struct hsm *h, bool founded)
{
	const struct hsm_master *m = &h->conf.master;
	hl_err err = m->ops && !h->conf.follows ? m->ops->take(m->at) : HL_E_BUSY;

	if (err != HL_OK)
		return err == HL_E_BUSY ? HL_OK : err;
	hl_trace_life(h->env, "master", HL_OK, h->conf.name);
	if (founded)
		return HL_OK; /* the first master is in term 1, with which the cluster began */
	do
		err = raise_term(h);
	while (err == HL_E_STORE_STALE);
	return err;
}

hl_err hsm_master_check(struct hsm *h)
{
	const struct hsm_master *m = &h->conf.master;

	return h->conf.master_required && m->ops ? m->ops->lives(m->at) : HL_OK;
}

/* -- all of it ----------------------------------------------------------------------------------------- */

hl_err hsm_cluster_join(struct hsm *h)
{
	bool founded = false;
	hl_err err = load(h);

	if (err == HL_E_NOT_FOUND) {
		err = found(h);
		founded = err == HL_OK;
		if (err == HL_OK || err == HL_E_STORE_STALE)
			err = load(h);
	}
	HL_TRY(err);
	HL_TRY(take_over(h, founded));
	return hsm_epoch_join(h);
}
