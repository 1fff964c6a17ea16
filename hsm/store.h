/* store.h - what a cluster keeps: three tables of rows, each with an open and a sealed part.
 *
 * The core talks to `struct hsm_store_ops`; store.c puts SQLite behind it, one file per cluster,
 * shared by its members, and tests/support has one in plain memory. Rows arrive sealed (hsm/seal.h): this
 * module never sees a key or a password. */
#pragma once

#include "lib/base/env.h"

enum hsm_table {
	HSM_CLUSTER,   /* one row: partition 0, id 1 */
	HSM_PARTITION, /* partition 0, id = hsm_partition_id(name) */
	HSM_OBJECT,    /* partition = the partition's id, id = the object's handle */
	HSM_TABLES
};

struct hsm_row {
	enum hsm_table table;
	uint64_t partition, id;
	uint64_t version; /* 1 when made, one more with each change */
	struct hl_bytes open, sealed;
};

/* One change of a commit. `row.version` is the new version: 1 for a row that must not exist yet,
 * else the row must now stand at version - 1. With `remove`, it must stand at row.version. */
struct hsm_put {
	struct hsm_row row;
	bool remove;
};

/* All or nothing. The core fills it, keeps it (and what the views point to) alive, submits `job`,
 * and looks at `result` after its HL_EV_JOB. */
struct hsm_commit {
	struct hl_job job; /* first; run and lane set by hsm_store_ops.prepare */
	void *store;
	const struct hsm_put *put;
	size_t puts;
	hl_err result;       /* HL_OK, HL_E_STORE_STALE, HL_E_BUSY, HL_E_FULL, HL_E_STORE */
	uint64_t generation; /* of the store after it */
};

/* One row of a scan; false stops it. The views are valid during the call only. */
typedef bool hsm_each(void *at, const struct hsm_row *row);

struct hsm_store_ops {
	/* HL_OK with the row's parts appended to `memory` and `out` pointing into it; HL_E_NOT_FOUND. */
	hl_err (*get)(void *store, enum hsm_table table, uint64_t partition, uint64_t id,
		struct hl_buf *memory, struct hsm_row *out);
	/* Rows of a partition with an id above `after`, ascending. */
	hl_err (*scan)(void *store, enum hsm_table table, uint64_t partition, uint64_t after,
		hsm_each *each, void *at);
	hl_err (*count)(void *store, enum hsm_table table, uint64_t partition, uint64_t *out);
	/* Counts commits: never falls. */
	hl_err (*generation)(void *store, uint64_t *out);
	void (*prepare)(void *store, struct hsm_commit *c);
};

struct hsm_store {
	const struct hsm_store_ops *ops;
	void *at;
};

/* SQLite: WAL, synchronous=FULL, one connection for reads (the loop's thread) and one for the
 * writer's lane. */
struct hsm_sqlite;
/** Open or create `path` (0600). HL_E_STORE, HL_E_STORE_SCHEMA (newer than ours), HL_E_MODE, HL_E_NOMEM. */
HL_CHECKED hl_err hsm_sqlite_open(const char *path, struct hsm_sqlite **out);
void hsm_sqlite_close(struct hsm_sqlite *s);
struct hsm_store hsm_sqlite_store(struct hsm_sqlite *s);
