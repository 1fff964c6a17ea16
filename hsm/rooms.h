/* rooms.h - what the files of the HSM's core share. */
#pragma once

#include <openssl/evp.h>

#include "hsm/core.h"
#include "hsm/key.h"
#include "lib/base/map.h"

#define HSM_TICKET_MS 2000 /* a proxy that has connected shows its ticket */
#define HSM_SHAKE_MS 5000  /* then the channel comes about, first use noted */

#define HSM_LOGIN_FAILURES 100 /* within the window, then the PIN is locked */
#define HSM_LOGIN_WINDOW_MS 300000
#define HSM_LOGIN_LOCK_MS 300000
#define HSM_OBJECTS_MAX 10000
#define HSM_KEY_CACHE 1024

struct hsm_conn;

/* A key that was parsed, valid while its row stands at `version`; looked at again whenever the
 * store's generation has moved. */
struct hsm_cached {
	uint64_t handle, partition, version, generation;
	bool is_private;
	struct hsm_key *key;
};

struct hsm {
	const struct hl_env *env;
	struct hsm_conf conf;
	struct hl_channel_ctx *ctx;
	struct hl_wishes wishes;
	struct hl_link directory;
	struct hl_map ports; /* port number > struct hsm_conn */
	size_t connections, channels;
	uint8_t ticket_key[32];
	EVP_PKEY *identity;
	uint8_t identity_public[32];
	uint64_t term;
	struct hl_map keys; /* handle > struct hsm_cached */
	struct hsm_task *tasks;
	int64_t deadline_us; /* of conversations that are still opening: a lower bound */
};

/* -- partition.c: rows of partitions -------------------------------------------------------------- */
struct hsm_partition {
	uint64_t id, version;
	struct hl_buf memory;     /* behind the views of `row` */
	struct hl_secret plain;   /* behind the views of `secret` */
	struct hl_partition_row row;
	struct hl_partition_secret secret;
};
/** HL_E_PARTITION where there is none, HL_E_STORE_SEAL, HL_E_STORE. */
HL_CHECKED hl_err hsm_partition_load(struct hsm *h, struct hl_bytes name, struct hsm_partition *out);
void hsm_partition_clear(struct hsm_partition *p);
/** Whether the setup password has lived long enough, at this time. */
bool hsm_setup_expired(const struct hl_partition_row *row, int64_t wall_ms);
/** partition.make from the directory. */
void hsm_partition_make(struct hsm *h, const struct hl_frame *f);

/* -- change.c: commits being built, and the tasks that wait for them -------------------------------- */
#define HSM_PUTS 4
struct hsm_change {
	struct hsm_commit commit; /* first */
	struct hsm_put put[HSM_PUTS];
	struct hl_buf open[HSM_PUTS], sealed[HSM_PUTS];
};
/** Add a row; `row->open` is copied, `secret` is sealed. */
HL_CHECKED hl_err hsm_change_put(
	struct hsm *h, struct hsm_change *c, const struct hsm_row *row, struct hl_bytes secret);
HL_CHECKED hl_err hsm_change_remove(struct hsm_change *c, const struct hsm_row *row);
/** A partition's row as it now stands in `p`, one version further. */
HL_CHECKED hl_err hsm_change_partition(struct hsm *h, struct hsm_change *c, const struct hsm_partition *p);
void hsm_change_reset(struct hsm_change *c);

/* Work that outlives the callback that began it: a job, a commit, or both in turn. Each kind of task has
 * this at its head. */
struct hsm_task {
	struct hl_job job;        /* first */
	struct hsm_change change;
	struct hsm *hsm;
	struct hsm_conn *conn;    /* NULL: it is gone, or the task is nobody's */
	uint32_t id;              /* of the request */
	struct hl_buf request;    /* copy of its frame, behind the views of the decoded request */
	void (*after)(struct hsm_task *t); /* the continuation of what is under way */
	void (*clear)(struct hsm_task *t); /* of what the kind adds; may be NULL */
	struct hsm_task *next;
};
/** A zeroed task of `size` bytes, with a copy of `f`. NULL: out of memory. */
struct hsm_task *hsm_task_new(struct hsm *h, struct hsm_conn *conn, const struct hl_frame *f, size_t size);
void hsm_task_free(struct hsm_task *t);
/** Run `run` in `lane`, then `done` back in the loop. */
void hsm_task_work(struct hsm_task *t, enum hl_lane lane, void (*run)(struct hl_job *),
	void (*done)(struct hsm_task *));
/** Commit the task's change, then `done`; the outcome is in t->change.commit.result. */
void hsm_task_commit(struct hsm_task *t, void (*done)(struct hsm_task *));

/* -- conn.c: one proxy's connection, from the ticket to the channel ------------------------------- */
enum hsm_conn_state { HSM_TICKET, HSM_SHAKING, HSM_PROVING, HSM_OPEN };

struct hsm_conn {
	struct hsm *hsm;
	enum hsm_conn_state state;
	uint32_t port;
	bool closing, counted;
	bool known; /* id is set */
	struct hl_port io;
	struct hl_channel *channel;
	int64_t deadline_us;
	uint8_t id[HL_CONNECTION_ID];
	char partition[HL_NAME_TEXT + 1], client[HL_ADDR_TEXT];
	uint64_t partition_id;
	int64_t grant_until_s; /* monotonic */
	bool logged_in;
};
HL_CHECKED hl_err hsm_conn_start(struct hsm *h, uint32_t port);
void hsm_conn_event(struct hsm_conn *c, const struct hl_event *e);
void hsm_conn_time(struct hsm_conn *c, int64_t now_us);
void hsm_conn_free(struct hsm_conn *c);
/** End it; `drain` sends first what is waiting. */
void hsm_conn_close(struct hsm_conn *c, hl_err why, bool drain);
/** Encrypt and send a reply; the mark (term, generation, time) that every reply begins with is filled in here. */
void hsm_reply(struct hsm_conn *c, const struct hl_msg *m, uint32_t id, void *body);
void hsm_refuse(struct hsm_conn *c, uint32_t id, hl_err err, const char *detail, uint32_t retry_after_ms);

/* -- keys.c: objects from the store, parsed keys kept ----------------------------------------------- */
/** The object with its value unsealed. HL_E_KEY: there is none that this connection may see. */
HL_CHECKED hl_err hsm_object_load(struct hsm_conn *c, uint64_t handle, struct hsm_object *out);
/** The parsed key, valid during the call; a job takes a share of it (hsm_key_share). HL_E_KEY. */
HL_CHECKED hl_err hsm_key_of(struct hsm_conn *c, uint64_t handle, struct hsm_cached **out);
void hsm_keys_clear(struct hsm *h);

/* -- op/: one handler a file ------------------------------------------------------------------------ */
/* HL_OK: answered; HL_E_DEFER: a task will answer; anything else is sent as op.refused, with `*detail`
 * (a static text) where that says more. `body` is the decoded request, valid during the call. */
typedef hl_err hsm_handler(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail);

hsm_handler hsm_op_ping, hsm_op_secret_fetch, hsm_op_login, hsm_op_logout, hsm_op_info, hsm_op_random,
	hsm_op_generate, hsm_op_find, hsm_op_attributes_get, hsm_op_attributes_set, hsm_op_destroy,
	hsm_op_sign, hsm_op_verify, hsm_op_encrypt, hsm_op_decrypt;

/** Look the message up in the table of operations and handle it. */
void hsm_dispatch(struct hsm_conn *c, const struct hl_frame *f);
