/* store.h - what the directory knows: tenants, service users, partitions, allow-lists, clusters,
 * pool.
 *
 * It keeps verifiers (RFC 5802 StoredKey and ServerKey), never a password. Reads are made on the
 * loop's thread, changes are jobs of HL_LANE_STORE. */
#pragma once

#include "lib/auth/scram.h"
#include "lib/base/env.h"
#include "lib/wire/messages.h"

#define DIR_RANGE_TEXT 64

struct dir_user {
	char name[HL_NAME_TEXT + 1], tenant[HL_NAME_TEXT + 1];
	uint8_t stored[HL_SCRAM_HASH], server[HL_SCRAM_HASH];
	bool disabled;
	int64_t expires_ms; /* wall clock; 0: never */
};

struct dir_partition {
	char name[HL_NAME_TEXT + 1], tenant[HL_NAME_TEXT + 1], user[HL_NAME_TEXT + 1];
	char package[17], cluster[HL_NAME_TEXT + 1];
	char maker[HL_NAME_TEXT + 1]; /* the directory that is still making it; "": it is made */
};

struct dir_member {
	char name[HL_NAME_TEXT + 1]; /* of a proxy or an HSM */
	struct hl_addr address;      /* pool members: the A record and the port */
};

/* clang-format off */
/* What one commit adds or changes, all or nothing, in this order. NULL parts are left alone. Names
 * have 1 to HL_NAME_TEXT bytes; HL_E_ARG where one is empty or has no end. */
struct dir_change {
	const char *add_tenant; /* no error where it is there already */
	const struct dir_user *add_user; /* HL_E_EXISTS; HL_E_NOT_FOUND: no such tenant */
	/* HL_E_EXISTS; HL_E_NOT_FOUND: its tenant has no such user */
	const struct dir_partition *add_partition;
	const char *allow_user; /* whose allow-list the ranges below join; HL_E_NOT_FOUND */
	const char (*allow)[DIR_RANGE_TEXT]; /* "192.0.2.7", "10.0.0.0/8", "::1"; HL_E_RANGE */
	size_t allows;
	const char *settle_partition; /* it is made; HL_E_NOT_FOUND */
	const char *drop_partition; /* HL_E_NOT_FOUND */
	/* Its allow-list goes along; HL_E_NOT_FOUND, HL_E_EXISTS: it has partitions. */
	const char *drop_user;
};
/* clang-format on */

/** The rules above that need no store: HL_E_ARG, HL_E_RANGE. Every store asks here first. */
HL_CHECKED hl_err dir_change_check(const struct dir_change *c);

/* Kept alive with its change, and untouched, from prepare until the HL_EV_JOB of `job`. */
struct dir_commit {
	struct hl_job job; /* first; set by prepare */
	void *store;
	const struct dir_change *change;
	hl_err result; /* HL_OK, one of the change's, HL_E_BUSY, HL_E_FULL, HL_E_NOMEM, HL_E_STORE */
};

typedef bool dir_each_range(void *at, const char *range);
typedef bool dir_each_partition(void *at, const struct dir_partition *p);
typedef bool dir_each_member(void *at, const struct dir_member *m);

/* Reads. A callback that answers false ends the walk, which is no error; it must not call the
 * same function again. Whatever a look-up finds or misses, it costs one search of one index. All
 * may fail with HL_E_STORE, HL_E_BUSY or HL_E_NOMEM. */
struct dir_store_ops {
	/* HL_E_NOT_FOUND */
	hl_err (*user)(void *store, struct hl_bytes name, struct dir_user *out);
	/* HL_E_NOT_FOUND */
	hl_err (*partition)(void *store, struct hl_bytes name, struct dir_partition *out);
	/* In ascending order of their text; none for a user who is not there. */
	hl_err (*ranges)(void *store, const char *user, dir_each_range *each, void *at);
	hl_err (*partitions)(void *store, dir_each_partition *each, void *at); /* by name */
	/* Members in the order in which they were set; HL_E_NOT_FOUND where there is none. */
	hl_err (*cluster)(void *store, const char *cluster, dir_each_member *each, void *at);
	/* The same; a pool's name in either case. */
	hl_err (*pool)(void *store, const char *pool, dir_each_member *each, void *at);
	/* Make `c` a job that applies c->change; the caller submits it, or runs it itself. */
	void (*prepare)(void *store, struct dir_commit *c);
};

struct dir_store {
	const struct dir_store_ops *ops;
	void *at;
};

/** Whether `peer` lies in `range` (address or address/prefix; IPv4-mapped IPv6 counts as IPv4,
 * and no IPv6 range holds an IPv4 host). Bits after the prefix do not matter. False where
 * `range` is none. */
bool dir_range_holds(const char *range, const struct hl_addr *peer);
/** HL_E_RANGE where the text is no range. */
HL_CHECKED hl_err dir_range_check(struct hl_bytes range);

struct dir_sqlite;
/**
 * Open or create `path` (0600, in a folder of ours that is closed to others). One connection
 * serves the reads, on the thread that opened it, another the commits, on the store lane.
 * HL_E_CREATE; HL_E_MODE: file or folder is open to others or not ours; HL_E_STORE_SCHEMA: a
 * newer hsmlet made it; HL_E_STORE: it is no store of a directory (its content is left as it
 * was), or it is damaged, or SQLite refuses; HL_E_BUSY, HL_E_FULL, HL_E_NOMEM.
 */
HL_CHECKED hl_err dir_sqlite_open(const char *path, struct dir_sqlite **out);
/** NULL is allowed. No commit may be under way. */
void dir_sqlite_close(struct dir_sqlite *s);
void dir_sqlite_closep(struct dir_sqlite **s); /* for HL_AUTO */
struct dir_store dir_sqlite_store(struct dir_sqlite *s);
/** At start, before any loop: the members of `cluster` and of `pool` become exactly these.
 * HL_E_ARG for a name or an address that is none, HL_E_EXISTS for a name that stands twice;
 * nothing changed then. */
HL_CHECKED hl_err dir_sqlite_set_cluster(
	struct dir_sqlite *s, const char *cluster, const struct dir_member *member, size_t n);
HL_CHECKED hl_err dir_sqlite_set_pool(
	struct dir_sqlite *s, const char *pool, const struct dir_member *member, size_t n);

/** What the two above check first: HL_E_ARG. */
HL_CHECKED hl_err dir_members_check(const char *group, const struct dir_member *member, size_t n);
