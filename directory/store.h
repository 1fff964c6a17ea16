/* store.h - what the directory knows: tenants, service users, partitions, allow-lists, clusters, pool.
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
};

struct dir_member {
	char name[HL_NAME_TEXT + 1]; /* of a proxy or an HSM */
	struct hl_addr address;      /* pool members: the A record and the port */
};

/* What one commit adds or changes, all or nothing. NULL parts are left alone. */
struct dir_change {
	const char *add_tenant;               /* no error where it is there already */
	const struct dir_user *add_user;      /* HL_E_EXISTS */
	const struct dir_partition *add_partition; /* HL_E_EXISTS */
	const char *allow_user;               /* whose allow-list the ranges below join */
	const char (*allow)[DIR_RANGE_TEXT];  /* "192.0.2.7", "10.0.0.0/8", "::1" */
	size_t allows;
	const char *drop_partition, *drop_user; /* HL_E_NOT_FOUND; a user takes its allow-list along */
};

struct dir_commit {
	struct hl_job job; /* first; set by prepare */
	void *store;
	const struct dir_change *change;
	hl_err result;
};

typedef bool dir_each_range(void *at, const char *range);
typedef bool dir_each_partition(void *at, const struct dir_partition *p);
typedef bool dir_each_member(void *at, const struct dir_member *m);

struct dir_store_ops {
	hl_err (*user)(void *store, struct hl_bytes name, struct dir_user *out); /* HL_E_NOT_FOUND */
	hl_err (*partition)(void *store, struct hl_bytes name, struct dir_partition *out);
	hl_err (*ranges)(void *store, const char *user, dir_each_range *each, void *at);
	hl_err (*partitions)(void *store, dir_each_partition *each, void *at);
	hl_err (*cluster)(void *store, const char *cluster, dir_each_member *each, void *at);
	hl_err (*pool)(void *store, const char *pool, dir_each_member *each, void *at);
	void (*prepare)(void *store, struct dir_commit *c);
};

struct dir_store {
	const struct dir_store_ops *ops;
	void *at;
};

/** Whether `peer` lies in `range` (address or address/prefix; IPv4-mapped IPv6 counts as IPv4). */
bool dir_range_holds(const char *range, const struct hl_addr *peer);
/** HL_E_RANGE where the text is no range. */
HL_CHECKED hl_err dir_range_check(struct hl_bytes range);

struct dir_sqlite;
/** Open or create `path` (0600). HL_E_STORE, HL_E_STORE_SCHEMA, HL_E_MODE, HL_E_NOMEM. */
HL_CHECKED hl_err dir_sqlite_open(const char *path, struct dir_sqlite **out);
void dir_sqlite_close(struct dir_sqlite *s);
struct dir_store dir_sqlite_store(struct dir_sqlite *s);
/** At start, before any loop: the members of `cluster` and of `pool` become exactly these. */
HL_CHECKED hl_err dir_sqlite_set_cluster(
	struct dir_sqlite *s, const char *cluster, const struct dir_member *member, size_t n);
HL_CHECKED hl_err dir_sqlite_set_pool(
	struct dir_sqlite *s, const char *pool, const struct dir_member *member, size_t n);
