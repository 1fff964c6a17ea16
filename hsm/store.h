/* store.h - what a cluster keeps: five tables of rows, each with an open and a sealed part.
 *
 * The core talks to `struct hsm_store_ops`; store.c puts SQLite behind it, one file per cluster,
 * shared by its members, and scenarios/memstore.c has one in plain memory. Rows arrive sealed
 * (hsm/seal.h): this module never sees a key or a password. */
#pragma once

#include "lib/base/env.h"

#define HSM_MAC 32 /* bytes */

enum hsm_table {
	HSM_CLUSTER,   /* partition 0, id HSM_CLUSTER_ROW and HSM_EPOCH_ROW */
	HSM_PARTITION, /* partition 0, id = hsm_partition_id(name) */
	HSM_OBJECT,    /* partition = the partition's id, id = the object's handle */
	HSM_TOKEN,     /* partition = the partition's id, id = hsm_token.id: ascends with the token's time */
	HSM_LOG,       /* partition = the partition's id, id: 1, 2, 3, ... without a gap; no sealed part (hsm/chain.h) */
	HSM_TABLES
};

#define HSM_CLUSTER_ROW 1
/* Both of its parts are empty; its version is the cache epoch of the cluster. */
#define HSM_EPOCH_ROW 2

/* The most that one part of a row may hold, in bytes. */
#define HSM_PART_MAX HL_BUF_MAX

struct hsm_row {
	enum hsm_table table;
	uint64_t partition, id; /* below 2^63; id is never 0 */
	uint64_t version;       /* 1 when made, one more with each change */
	struct hl_bytes open, sealed;
};

/* One change of a commit. `row.version` is the new version: 1 for a row that must not exist yet,
 * else the row must now stand at version - 1. With `remove` it must stand at row.version; with
 * `expect` too, and nothing is changed. With `bound` nothing is changed either, of the row only table
 * and partition count, and after the changes before it there may be at most `most` rows. With `clear` all rows that
 * the partition then has in the table are removed, whatever their versions. With `append`, which is how rows
 * come into HSM_LOG and no other table, row.open is an entry: the store adds it behind the partition's last one, whatever
 * that is by then, as hsm_chain_row() makes a row of it, and removes the oldest ones but for the newest `most` (above
 * 0). Nobody's append is ever stale. The changes of one
 * commit are made in their order; a row may stand there twice. */
struct hsm_put {
	struct hsm_row row;
	bool remove, expect, bound, clear, append;
	uint64_t most; /* below 2^63 - 1 */
	const struct hsm_macs *macs; /* of an entry that is appended: they link it to the one before */
};

/* All or nothing; with no changes at all it raises the generation. The core fills `put` and `puts`, calls prepare, submits `job` at once, keeps it
 * (and what the views point to) alive and unchanged, and looks at `result` after its HL_EV_JOB. A
 * commit that is submitted again is prepared again.
 *
 * HL_OK; HL_E_STORE_STALE: a row did not stand as expected, or there are more than `most`; HL_E_BUSY:
 * another process held the store or its guard for 5 s; HL_E_FULL: the disk is full, or a quota or limit
 * is reached; HL_E_NOMEM; HL_E_CRYPTO; HL_E_ARG: a row outside its bounds. After these nothing has
 * changed. After these nothing more is written, and every commit ends so, until the store is opened anew:
 * HL_E_STORE: its fate is unknown; also where it was made and the guard was not told. HL_E_STORE_BEHIND,
 * HL_E_STORE_SUM, HL_E_STORE_GUARD: nothing has changed, but store or guard are not what they were when they were
 * opened. */
struct hsm_commit {
	struct hl_job job; /* first; run and lane set by hsm_store_ops.prepare */
	void *store;
	const struct hsm_put *put;
	size_t puts;
	hl_err result;
	uint64_t generation; /* of the store after it; only with HL_OK */
	/* The store's, between prepare and the end of the job. */
	struct hsm_commit *next;
	bool done;
};

/** Whether a commit that ended so was the last one of this store. */
static inline bool hsm_store_is_lost(hl_err err)
{
	return err == HL_E_STORE || err == HL_E_STORE_BEHIND || err == HL_E_STORE_SUM || err == HL_E_STORE_GUARD;
}

/* One row of a scan; false stops it. The views are valid during the call only, and the call may not
 * use the store. */
typedef bool hsm_each(void *at, const struct hsm_row *row);

/* Reads belong to one thread, the loop's, and never wait for a writer. They end as HL_OK,
 * HL_E_NOMEM, HL_E_STORE, or HL_E_BUSY where a store that somebody left in a crash is being
 * recovered at that moment. */
struct hsm_store_ops {
	/* HL_OK with the row's parts appended to `memory` and `out` pointing into it; HL_E_NOT_FOUND.
	 * Growing `memory` moves it: what pointed into it before is invalid afterwards. */
	hl_err (*get)(void *store, enum hsm_table table, uint64_t partition, uint64_t id,
		struct hl_buf *memory, struct hsm_row *out);
	/* Rows of a partition with an id above `after`, ascending. */
	hl_err (*scan)(void *store, enum hsm_table table, uint64_t partition, uint64_t after,
		hsm_each *each, void *at);
	/* Those with an id below `before`, descending. */
	hl_err (*scan_back)(void *store, enum hsm_table table, uint64_t partition, uint64_t before,
		hsm_each *each, void *at);
	hl_err (*count)(void *store, enum hsm_table table, uint64_t partition, uint64_t *out);
	/* Counts commits: never falls. */
	hl_err (*generation)(void *store, uint64_t *out);
	/* A number that differs from the one told before where anything was committed in between, by whomever.
	 * It says nothing else, and is another for each opening of the store. */
	hl_err (*data_version)(void *store, uint64_t *out);
	/* Make `c` ready for hl_submit, which must follow: a job of the lane that runs before it may
	 * take it along, in a transaction for all that wait. */
	void (*prepare)(void *store, struct hsm_commit *c);
};

struct hsm_store {
	const struct hsm_store_ops *ops;
	void *at;
};

/** For stores: copy the parts of `row` to the end of `memory` and let `out` be `row` with views
 * of the copy. HL_E_FULL or HL_E_NOMEM of `memory`, which is then as long as before. */
HL_CHECKED hl_err hsm_row_copy(
	const struct hsm_row *row, struct hl_buf *memory, struct hsm_row *out);
/** For stores: whether the change is inside the bounds of `struct hsm_row`. */
bool hsm_put_ok(const struct hsm_put *put);

/* What stands beside the rows and has a MAC too. */
enum hsm_pair_place {
	HSM_PAIR_ROW,  /* the store's own row of generation and sum */
	HSM_PAIR_SLOT, /* the same two in a slot of the guard file */
};

/* How a store knows what it wrote itself: keyed functions of which it never sees the key. They may be
 * called on any thread. HL_OK; HL_E_CRYPTO, HL_E_NOMEM. */
struct hsm_macs {
	/* Over table, partition, id, version and both parts. */
	hl_err (*row)(const void *at, const struct hsm_row *row, uint8_t out[HSM_MAC]);
	hl_err (*pair)(const void *at, enum hsm_pair_place what, struct hl_bytes bytes, uint8_t out[HSM_MAC]);
	/* Over the same as `row`, under a key of its own: of a row of HSM_LOG without its own link. */
	hl_err (*link)(const void *at, const struct hsm_row *row, uint8_t out[HSM_MAC]);
	/* Whether the row's sealed part was made under the same key: true also where nobody can tell. */
	bool (*opens)(const void *at, const struct hsm_row *row);
	const void *at;
};

/* SQLite: WAL, synchronous=FULL, one connection for reads (the loop's thread) and one for the
 * writer's lane.
 *
 * Each row carries its MAC, and one row (generation, sum of all MACs modulo 2^256), with a MAC of its own,
 * is rewritten by each transaction: who changes, adds or removes a row without the key is found out at the
 * next start. Who puts the whole file back to what it was is found out by the guard, a file beside it that
 * keeps the newest pair (hsm/guard_store.h).
 *
 * A store is opened in two steps, since the key of its MACs may be made only where the store is new. */
struct hsm_sqlite;
/**
 * Look at the store at `path`; its folder must be ours alone. Where the file is missing or empty, make it
 * (0600) if `create`, which is for those who found neither device key nor guard before this call; else it
 * has been lost: HL_E_STORE_BEHIND. Nothing else is written. On HL_OK `*out` is the caller's, to be closed
 * when no commit is under way; until hsm_sqlite_begin() only `get` from HSM_CLUSTER and `generation` work.
 * HL_E_STORE (also a file that is not a store of ours), HL_E_STORE_SUM (one that is damaged),
 * HL_E_STORE_SCHEMA (newer than ours), HL_E_MODE, HL_E_CREATE, HL_E_BUSY, HL_E_FULL, HL_E_NOMEM.
 */
HL_CHECKED hl_err hsm_sqlite_open(const char *path, bool create, struct hsm_sqlite **out);
/** Whether it was never used: no commit and no cluster row. As a read of the store. */
HL_CHECKED hl_err hsm_sqlite_is_new(struct hsm_sqlite *s, bool *out);
/**
 * Take over an older schema, compare all rows with their MACs and their sum, and the sum with the guard file
 * `guard`, which is made where the store is new or of an older schema. `macs` is copied. After HL_OK all of
 * the store works. After anything else the store is as it was and may only be closed: HL_E_STORE_BEHIND: it
 * is not as new as the guard remembers; HL_E_STORE_SUM: somebody else changed, added or removed something;
 * HL_E_STORE_GUARD: the guard is missing beside a used store, or damaged; HL_E_STORE_KEY: `macs` are of
 * another key; HL_E_MODE, HL_E_CREATE, HL_E_IO: of the guard file or its folder; HL_E_BUSY: another process
 * held the store or the guard for 5 s; HL_E_STORE, HL_E_FULL, HL_E_CRYPTO, HL_E_NOMEM.
 */
HL_CHECKED hl_err hsm_sqlite_begin(struct hsm_sqlite *s, const struct hsm_macs *macs, const char *guard);
/** NULL is allowed. */
void hsm_sqlite_close(struct hsm_sqlite *s);
struct hsm_store hsm_sqlite_store(struct hsm_sqlite *s);
