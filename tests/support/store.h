/* store.h - the store on disk as a member has it: under a device key, with its guard beside it. */
#pragma once

#include "hsm/guard_store.h"
#include "hsm/seal.h"
#include "tests/support/folder.h"

struct hl_test_store {
	struct hl_test_folder folder;
	char path[PATH_MAX], guard[PATH_MAX];
};

/** A folder, with no store in it yet; fatal where that fails. */
void hl_test_store_begin(struct hl_test_store *w);
void hl_test_store_end(struct hl_test_store *w); /* usable with HL_AUTO */
/** The path of the store with `more` behind it: "-wal". */
void hl_test_store_file(const struct hl_test_store *w, const char *more, char out[PATH_MAX]);

/** The seal under a device key that begins with `key`; made once, never freed. */
const struct hsm_seal *hl_test_seal(uint8_t key);
/** Open and begin as hsmlet-hsm does: with this key, making a store where no guard is. */
hl_err hl_test_store_open_with(const struct hl_test_store *w, uint8_t key, struct hsm_sqlite **out);
/** With key 1. */
hl_err hl_test_store_open(const struct hl_test_store *w, struct hsm_sqlite **out);
/** How it is refused; HL_OK: it is not. */
hl_err hl_test_store_refusal(const struct hl_test_store *w);
void hl_test_store_closep(struct hsm_sqlite **s);

/** Commit these changes, by a job of its own. */
hl_err hl_test_store_commit(struct hsm_sqlite *s, const struct hsm_put *put, size_t puts);
/** An object of partition 1. */
hl_err hl_test_store_put(struct hsm_sqlite *s, uint64_t id, uint64_t version, const char *open);
/** The change that appends an entry to a partition's log, of 1000 at most; linked under key 1. */
struct hsm_put hl_test_store_entry(uint64_t partition, const char *text);
uint64_t hl_test_store_generation(struct hsm_sqlite *s);
/** What another program would do to the file; false where SQLite refuses it. */
bool hl_test_store_meddle(const struct hl_test_store *w, const char *sql);

/** A store that was used, at generation 5, and is closed: a row at least in each table, some changed, one removed. */
void hl_test_store_used(const struct hl_test_store *w);
/** Copy store, log and guard to files of the folder whose names begin with `name`. */
void hl_test_store_copy(const struct hl_test_store *w, const char *name);
/** Put store and log back from there; nobody has them open. And the guard. */
void hl_test_store_put_back(const struct hl_test_store *w, const char *name);
void hl_test_store_put_guard_back(const struct hl_test_store *w, const char *name);
/** Assert that the store is refused in this way, and that no byte of store, log and guard is changed by that. */
void hl_test_store_refused(const struct hl_test_store *w, hl_err want);
/** What the guard says; generation UINT64_MAX where it says nothing. */
struct hsm_pair hl_test_store_kept(const struct hl_test_store *w);
