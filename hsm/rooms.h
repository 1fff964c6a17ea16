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

#define HSM_TOKENS_MAX 10000     /* effect tokens kept for a partition, unless the configuration says less */
#define HSM_TOKEN_LIFE_MS 86400000 /* for so long one is honoured */
#define HSM_TOKEN_AHEAD_MS 60000 /* so far ahead of the HSM's clock its time may be */
#define HSM_TOKENS_EVICTED 64    /* at most, by one commit */
#define HSM_EFFECT_TRIES 8       /* of a request whose commits are stale */

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
	struct hl_map tokens; /* partition > struct hsm_tokens */
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
struct hsm_change {
	struct hsm_commit commit; /* first */
	struct hsm_put *put;
	struct hl_buf *memory; /* of each put: its open part, then its sealed one */
	size_t room;
};
/** Add a row; `row->open` is copied, `secret` is sealed. All of these: HL_E_NOMEM. */
HL_CHECKED hl_err hsm_change_put(
	struct hsm *h, struct hsm_change *c, const struct hsm_row *row, struct hl_bytes secret);
HL_CHECKED hl_err hsm_change_remove(struct hsm_change *c, const struct hsm_row *row);
/** The row must still stand at this version when the commit is made. */
HL_CHECKED hl_err hsm_change_expect(struct hsm_change *c, const struct hsm_row *row);
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
/** Decode the task's request; the views are valid as long as the task is. */
HL_CHECKED hl_err hsm_task_request(const struct hsm_task *t, const struct hl_msg *m, void *body);
/** Run `run` in `lane`, then `done` back in the loop. */
void hsm_task_work(struct hsm_task *t, enum hl_lane lane, void (*run)(struct hl_job *),
	void (*done)(struct hsm_task *));
/** Commit the task's change, then `done`; the outcome is in t->change.commit.result. After HL_E_STORE
 * nobody knows what happened: the process halts, and `done` is not called. */
void hsm_task_commit(struct hsm_task *t, void (*done)(struct hsm_task *));

/* -- token.c: what is kept of requests that had their effect ------------------------------------------ */
struct hsm_token {
	uint8_t bytes[HL_TOKEN];
	uint8_t mac[HL_MAC]; /* of the request */
	uint64_t time_ms, id; /* of its row */
};
/* The first result of a request that is sent again. */
struct hsm_result {
	struct hl_secret plain; /* behind the views of `row` */
	struct hl_token_result row;
};
/* How many tokens a partition has at most: so many were counted at `generation`, and each commit since
 * then added one or none. */
struct hsm_tokens {
	uint64_t count, generation;
};
/** The token of request `f`. HL_E_TOKEN_TIME, HL_E_CRYPTO. */
HL_CHECKED hl_err hsm_token_read(
	struct hsm *h, const struct hl_frame *f, struct hl_bytes token, struct hsm_token *out);
/** HL_OK: this request had its effect, and `out` (to be cleared) how it was answered. HL_E_NOT_FOUND: its
 * token is new, and its time is right. HL_E_TOKEN: it was used for another request. HL_E_TOKEN_TIME: it is
 * not there, and too old or of the future. Or as a read of the store. */
HL_CHECKED hl_err hsm_token_find(struct hsm *h, const struct hsm_partition *p,
	const struct hsm_token *t, struct hsm_result *out);
/** Add to `c`: the token with its result, the end of the oldest ones where there are too many or where they are
 * too old, and the partition's row, which is changed where `changed`, and else expected as it is. */
HL_CHECKED hl_err hsm_token_record(struct hsm *h, struct hsm_change *c, const struct hsm_token *t,
	struct hsm_partition *p, bool changed, const struct hl_token_result *result);
void hsm_result_clear(struct hsm_result *r);
/** Answer request `id` as it was answered first. */
HL_CHECKED hl_err hsm_result_send(struct hsm_conn *c, uint32_t id, const struct hsm_result *r);
/** The fields of a reply without the mark, as they are kept, at the end of `out`. HL_E_NOMEM. */
HL_CHECKED hl_err hsm_result_encode(const struct hl_msg *m, const void *body, struct hl_buf *out);
void hsm_tokens_clear(struct hsm *h);

/* -- effect.c: requests that change objects, once for each token --------------------------------------- */
/* At the head of what such an operation keeps. */
struct hsm_effect {
	struct hsm_task task; /* first */
	struct hsm_token token;
	unsigned tries;
	/* Look, decide, add rows to task.change, and fill in the reply. Run again where the commit was stale. */
	hl_err (*build)(struct hsm_effect *e, const struct hsm_partition *p, const char **detail);
	const struct hl_msg *reply;
	union {
		struct hl_done done;
		struct hl_generated generated;
	} body;
};
/** A zeroed effect of `size` bytes, with the request's copy and token; `build` and `reply` are the caller's to
 * set. HL_E_NOMEM, or as hsm_token_read(). */
HL_CHECKED hl_err hsm_effect_new(struct hsm_conn *c, const struct hl_frame *f, struct hl_bytes token,
	size_t size, struct hsm_effect **out);
/** Whether it is still to be done: HL_OK. HL_E_DEFER: it was done before and is now answered again.
 * HL_E_LOGIN: all of these need a login. Or as hsm_token_find(). */
HL_CHECKED hl_err hsm_effect_look(struct hsm_effect *e);
/** Do it: build, commit, answer, free. */
void hsm_effect_run(struct hsm_effect *e);
/** Answer (HL_E_DEFER: it is answered) and free. */
void hsm_effect_end(struct hsm_effect *e, hl_err err, const char *detail);

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
	hsm_op_mechanisms, hsm_op_generate, hsm_op_find, hsm_op_attributes_get, hsm_op_attributes_set, hsm_op_destroy,
	hsm_op_sign, hsm_op_verify, hsm_op_encrypt, hsm_op_decrypt;

/** Look the message up in the table of operations and handle it. */
void hsm_dispatch(struct hsm_conn *c, const struct hl_frame *f);
