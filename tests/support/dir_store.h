/* dir_store.h - the directory's store, on disk or in memory, with what tests put into it and see of it. */
#pragma once

#include "directory/store.h"
#include "directory/store_sql.h"
#include "scenarios/dir_memory.h"
#include "tests/support/test.h"

/* A store of either kind, in a folder of its own. */
struct place {
	char folder[64], path[128];
	struct dir_sqlite *sqlite;
	struct dir_memory *memory;
	struct dir_store store;
};

extern struct place here;
extern bool in_memory; /* what set_up() makes */

void set_up(void);
void tear_down(void);
/** The folder alone, and the file in it. */
void make_folder(void);
void remove_folder(void);
void open_file(void);

/* -- put into it ---------------------------------------------------------------------------------------- */

hl_err commit(const struct dir_change *change);
hl_err set_pool(const char *pool, const struct dir_member *m, size_t n);
hl_err set_cluster(const char *cluster, const struct dir_member *m, size_t n);
struct dir_user user(const char *name, const char *tenant);
struct dir_partition partition(const char *name, const char *tenant, const char *owner);
struct dir_member member(const char *name, const char *address);
/** Tenant, user and partition in one commit. */
hl_err provision(const char *tenant, const char *name, const char *part);
hl_err allow(const char *name, const char *range);

/* -- seen of it ----------------------------------------------------------------------------------------- */

hl_err get_user(const char *name, struct dir_user *out);
hl_err get_partition(const char *name, struct dir_partition *out);

/* What a walk came past, joined by blanks; it stops after `most`. */
struct seen {
	char text[512];
	size_t n, most;
};

struct seen ranges(const char *name, size_t most);
struct seen partitions(size_t most);
struct seen pool(const char *name, hl_err want);
struct seen cluster(const char *name, hl_err want);
