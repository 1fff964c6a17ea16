/* store.h - what a cluster keeps: four tables of rows, each with an open and a sealed part.
 *
 * The core talks to `struct hsm_store_ops`; store.c puts SQLite behind it, one file per cluster,
 * shared by its members, and scenarios/memstore.c has one in plain memory. Rows arrive sealed
 * (hsm/seal.h): this module never sees a key or a password. */
#pragma once

#include "lib/base/env.h"

enum hsm_table {
	HSM_CLUSTER,   /* partition 0, id HSM_CLUSTER_ROW and HSM_EPOCH_ROW */
	HSM_PARTITION, /* partition 0, id = hsm_partition_id(name) */
	HSM_OBJECT,    /* partition = the partition's id, id = the object's handle */
	HSM_TOKEN,     /* partition = the partition's id, id = hsm_token.id: ascends with the token's time */
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
 * and partition count, and after the changes before it there may be at most `most` rows. The changes of one
 * commit are made in their order; a row may stand there twice. */
struct hsm_put {
	struct hsm_row row;
	bool remove, expect, bound;
	uint64_t most; /* below 2^63 - 1 */
};

/* All or nothing. The core fills `put` and `puts`, calls prepare, submits `job` at once, keeps it
 * (and what the views point to) alive and unchanged, and looks at `result` after its HL_EV_JOB. A
 * commit that is submitted again is prepared again.
 *
 * HL_OK; HL_E_STORE_STALE: a row did not stand as expected, or there are more than `most`; HL_E_BUSY: another process held the
 * store for 5 s; HL_E_FULL: the disk is full; HL_E_NOMEM; HL_E_ARG: a row outside its bounds. After
 * these nothing has changed. HL_E_STORE: its fate is unknown until the store is opened anew, and
 * until then every commit ends so. */
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

/* SQLite: WAL, synchronous=FULL, one connection for reads (the loop's thread) and one for the
 * writer's lane. */
struct hsm_sqlite;
/**
 * Open the store at `path`, or create it with mode 0600; its folder must be ours alone. On HL_OK
 * `*out` is the caller's, to be closed when no commit is under way. HL_E_STORE (also a file that is
 * not a store of ours, which is left as it was), HL_E_STORE_SCHEMA (newer than ours), HL_E_MODE,
 * HL_E_CREATE, HL_E_BUSY, HL_E_FULL, HL_E_NOMEM.
 */
HL_CHECKED hl_err hsm_sqlite_open(const char *path, struct hsm_sqlite **out);
/** NULL is allowed. */
void hsm_sqlite_close(struct hsm_sqlite *s);
struct hsm_store hsm_sqlite_store(struct hsm_sqlite *s);
