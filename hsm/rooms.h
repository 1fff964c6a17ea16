/* rooms.h - what the files of the HSM's core share. */
#pragma once

#include <openssl/evp.h>

#include "hsm/core.h"
#include "hsm/key.h"
#include "hsm/line.h"
#include "hsm/pin.h"
#include "lib/auth/lockout.h"
#include "lib/base/map.h"

#define HSM_TICKET_MS 2000 /* a proxy that has connected shows its ticket */
#define HSM_SHAKE_MS 5000  /* then the channel comes about, first use noted */

#define HSM_LOGIN_FAILURES 100 /* within the window, then the PIN is locked */
#define HSM_LOGIN_WINDOW_MS 300000
#define HSM_LOGIN_LOCK_MS 300000
#define HSM_LOGIN_LIFE_MS 86400000 /* of a login ticket */
#define HSM_BLOB_LIFE_MS (30 * INT64_C(86400000)) /* of a session object */
#define HSM_LOOK_US 1000000 /* so often the store is asked whether somebody changed it */
#define HSM_OBJECTS_MAX 10000
#define HSM_KEY_CACHE 1024
#define HSM_LOG_LINES 12000 /* of a partition: older ones are overwritten */
#define HSM_LOG_PAUSE_US 30000000 /* so long it rests at most where the store is busy or full */
#define HSM_LOG_WAIT_US 1000000 /* so long a line may wait for a commit that takes it along */
#define HSM_LOG_QUEUE 1024 /* lines that wait, at most; */
#define HSM_LOG_QUEUE_EACH 64 /* of one partition */

#define HSM_TOKENS_MAX 10000     /* effect tokens kept for a partition, unless the configuration says less */
#define HSM_TOKEN_LIFE_MS 86400000 /* for so long one is honoured */
#define HSM_TOKEN_AHEAD_MS 60000 /* so far ahead of the HSM's clock its time may be */
#define HSM_TOKENS_EVICTED 64    /* at most, by one commit */
#define HSM_EFFECT_TRIES 8       /* of a request whose commits are stale */
#define HSM_TASKS_MAX 32         /* of one connection, under way at once: no more of its requests are taken then */
#define HSM_STREAMS_MAX 64       /* uses in pieces that are under way on one connection, */
#define HSM_STREAMS_KEPT_MAX (8u << 20) /* and bytes of their data that it holds: what may not be seen before its tag */
#define HSM_SINGLE_MAX 16        /* logins for one use each that a connection has not used yet: the oldest goes */
#define HSM_TURN_US 30           /* after so long a connection's answers leave before its next request is looked at */
#define HSM_TURNS_MAX 32         /* PIN checks of one partition: one under way, the others wait for it */

struct hsm_conn;

/* Of which partition a session object is, as it was when that was looked at last. */
struct hsm_kept_of {
	char serial[17];
	uint32_t blob_epoch, pin_generation, secret_generation;
	uint64_t epoch; /* of the cluster */
};

/* A key that was parsed. One of the store is valid until the epoch rises, a session object is then compared. */
struct hsm_cached {
	uint64_t handle, partition;
	bool is_private;
	struct hsm_key *key;
	struct hsm_object *kept; /* a session object whole: it is in no store. Then `key` may be NULL */
	struct hsm_kept_of of;   /* and this is what it rests on */
};

/* What it takes to go on with a share of a key that may be dropped here meanwhile. */
struct hsm_claim {
	uint64_t handle;
	bool is_private;
	struct hsm_kept_of of; /* of a session object */
	uint64_t forgot;       /* hsm.forgot, when that was looked at */
};

/* A commit that changes nothing, and after which the guard covers all before it. */
struct hsm_settle {
	struct hsm_commit commit; /* first */
	struct hsm *hsm;
	bool under_way;
};

/* What this worker knows of the cluster's epoch. */
struct hsm_epoch {
	uint64_t kept;         /* what is kept in memory was read at this epoch of the shared page, or later */
	uint64_t under_way;    /* the version that the epoch's row gets by the last of our commits under way; 0: none is */
	uint64_t data_version; /* of the store, when it was looked at */
	int64_t look_us;       /* when it is looked at again */
	struct hsm_settle settle;
};

/* -- change.c: commits being built -------------------------------------------------------------------- */
struct hsm_change {
	struct hsm_commit commit; /* first */
	struct hsm_put *put;
	struct hl_buf *memory; /* of each put: its open part, then its sealed one */
	size_t room;
	bool raises;    /* something that is kept in memory changes: known of objects, to be set by whoever changes else */
	uint64_t epoch; /* what it raises the epoch to; 0: not yet */
};

/* Lines that wait to be written: a kill loses them. */
struct hsm_log {
	struct hsm_queued *line;
	size_t n, room;
	size_t writing;      /* so many, from the first one on, are in the commit under way */
	int64_t due_us;      /* when they are written at the latest; 0: none waits, or a commit is under way */
	struct hsm_change change; /* that commit */
	struct hsm *hsm;
	int64_t pause_us;    /* after a commit that found the store busy or full: doubled by each, and no effect's takes lines along */
	bool silent;         /* the store takes no commits any more: lines are dropped, and uses of keys go on without */
	bool stopping;       /* nothing waits any more */
};

struct hsm {
	const struct hl_env *env;
	struct hsm_conf conf;
	struct hl_channel_ctx *ctx;
	struct hl_wishes wishes;
	struct hl_link directory;
	struct hl_map ports; /* port number > struct hsm_conn */
	struct hl_map admins; /* port number > struct hsm_admin */
	size_t connections, channels;
	uint64_t last_channel;
	struct hsm_conn *first_open, *last_open; /* channels, in the order of their numbers */
	uint8_t ticket_key[32];
	EVP_PKEY *identity;
	uint8_t identity_public[32];
	struct hl_lockout *lockout; /* wrong secrets of channels, by partition and client */
	struct hsm_epoch epoch;
	struct hl_map keys; /* handle > struct hsm_cached, of the store */
	struct hl_map kept; /* handle > struct hsm_cached, session objects */
	uint64_t forgot;    /* so often all of both was forgotten */
	struct hl_map tokens; /* partition > struct hsm_tokens */
	struct hsm_task *tasks;
	struct hl_map turns; /* partition > struct hsm_turns */
	struct hsm_conn *resumed; /* may take requests again */
	struct hsm_conn *turning; /* have used up their turn, and have more requests */
	int64_t turn_us;          /* when they go on: at once; 0: there are none */
	struct hsm_conn *awake;   /* bytes went through them a moment ago: they hold memory for records */
	int64_t deadline_us; /* of conversations that are still opening: a lower bound */
	struct hsm_macs macs;
	struct hsm_log log;
};

/* -- cluster.c: the cluster itself: its identity, its master ----------------------------------------- */
/** Load the cluster or found it, become master where nobody is, learn where it stands. Errors of hsm_new(). */
HL_CHECKED hl_err hsm_cluster_join(struct hsm *h);
/** The term that stands in the store. As a read of the store, or HL_E_STORE_SEAL. */
HL_CHECKED hl_err hsm_cluster_term(struct hsm *h, uint64_t *out);
/** Whether new objects may be made: HL_E_MASTER where that needs a master and there is none. */
HL_CHECKED hl_err hsm_master_check(struct hsm *h);

/* -- epoch.c: where the cluster stands, and what is kept in memory ----------------------------------- */
void hsm_epoch_mark(struct hsm *h, struct hsm_mark *out);
/** Before anything that is kept in memory is used: forget it where it may have been changed. No read of the store. */
void hsm_epoch_check(struct hsm *h);
/** At start, when store and guard have been compared: tell the page what the store says. As a read of the store. */
HL_CHECKED hl_err hsm_epoch_join(struct hsm *h);
/** Before an answer that rests on a commit of which nobody may have told the page: tell it. HL_E_BUSY: that commit may
 * not be guarded yet; it is seen to, to be asked again. Or as a read of the store. */
HL_CHECKED hl_err hsm_epoch_settle(struct hsm *h);
/** Where `c` changes or removes what is kept in memory, let it raise the epoch too. To be committed at once: the
 * next one builds on it. HL_E_NOMEM, or as a read of the store. */
HL_CHECKED hl_err hsm_epoch_record(struct hsm *h, struct hsm_change *c);
/** `c` has ended; where it was made, tell the page, before anybody else is told. */
void hsm_epoch_committed(struct hsm *h, const struct hsm_change *c);
/** Look at the store where it is time: a member may have died after its commit. */
void hsm_epoch_time(struct hsm *h);

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
enum hsm_profile { HSM_PROFILE_FAITHFUL, HSM_PROFILE_LAB }; /* partition_row.profile */
static inline bool hsm_partition_is_lab(const struct hsm_partition *p)
{
	return p->row.profile == HSM_PROFILE_LAB;
}
/** What holds for objects of this partition, `c`'s. */
struct hsm_rules hsm_partition_rules(const struct hsm_conn *c, const struct hsm_partition *p);
/** The same; it is loaded. As hsm_partition_load(). */
HL_CHECKED hl_err hsm_rules_load(struct hsm_conn *c, struct hsm_rules *out);
/** Whether the setup password has lived long enough, at this time. */
bool hsm_setup_expired(const struct hl_partition_row *row, int64_t wall_ms);
/** partition.make from the directory. */
void hsm_partition_make(struct hsm *h, const struct hl_frame *f);

/* -- pins.c: the PINs of a partition ----------------------------------------------------------------- */
enum hsm_role { HSM_ROLE_USER, HSM_ROLE_OFFICER }; /* login.role */
struct hsm_pin {
	struct hl_bytes salt, hash; /* empty: there is none */
	uint32_t iterations, failures, generation;
	uint64_t window_ms, locked_ms;
};
struct hsm_pin hsm_pin_of(const struct hsm_partition *p, enum hsm_role role);
void hsm_pin_put(struct hsm_partition *p, enum hsm_role role, const struct hsm_pin *pin);
/** Another PIN, NULL: none; whatever the old one was good for is void. `by` must outlive `p`. */
void hsm_pin_replace(struct hsm_partition *p, enum hsm_role role, const struct hsm_hashed *by);
bool hsm_pin_locked(const struct hsm_pin *pin, int64_t now_ms, uint32_t *retry_after_ms);
/** One wrong PIN more: 100 within 300 s lock it for 300 s. */
void hsm_pin_failed(struct hsm_pin *pin, int64_t now_ms);
struct hsm_pin_state {
	uint32_t left; /* wrong ones in the window under way; 0: locked, or there is no PIN */
	bool failed;   /* the last one was wrong */
};
struct hsm_pin_state hsm_pin_state(const struct hsm_pin *pin, int64_t now_ms);
/** Of one that somebody chooses: HL_E_PIN_LENGTH. */
HL_CHECKED hl_err hsm_pin_length(struct hl_bytes pin);

/* -- change.c: commits being built, and the tasks that wait for them -------------------------------- */
/** Add a row; `row->open` is copied, `secret` is sealed. HL_E_MASTER: an object that is new, which needs a master. All
 * of these: HL_E_NOMEM. */
HL_CHECKED hl_err hsm_change_put(
	struct hsm *h, struct hsm_change *c, const struct hsm_row *row, struct hl_bytes secret);
HL_CHECKED hl_err hsm_change_remove(struct hsm_change *c, const struct hsm_row *row);
/** All rows of the table that the partition has then. */
HL_CHECKED hl_err hsm_change_clear(struct hsm_change *c, enum hsm_table table, uint64_t partition);
/** The row must still stand at this version when the commit is made. */
HL_CHECKED hl_err hsm_change_expect(struct hsm_change *c, const struct hsm_row *row);
/** After the changes so far, the table may hold at most so many rows of the partition. */
HL_CHECKED hl_err hsm_change_bound(
	struct hsm_change *c, enum hsm_table table, uint64_t partition, uint64_t most);
/** A partition's row as it now stands in `p`, one version further. */
HL_CHECKED hl_err hsm_change_partition(struct hsm *h, struct hsm_change *c, const struct hsm_partition *p);
/** An entry of the partition's log; it is copied. */
HL_CHECKED hl_err hsm_change_append(struct hsm *h, struct hsm_change *c, uint64_t partition, struct hl_bytes entry);
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
/** A zeroed task of `size` bytes, with a copy of `f`. It counts as one of `conn` until it is freed; a connection
 * that had HSM_TASKS_MAX of them then goes on. NULL: out of memory. */
struct hsm_task *hsm_task_new(struct hsm *h, struct hsm_conn *conn, const struct hl_frame *f, size_t size);
void hsm_task_free(struct hsm_task *t);
/** Decode the task's request; the views are valid as long as the task is. */
HL_CHECKED hl_err hsm_task_request(const struct hsm_task *t, const struct hl_msg *m, void *body);
/** Refuse the task's request, whose connection is there, and note it in the log. */
void hsm_task_refuse(struct hsm_task *t, hl_err err, const char *detail, uint32_t retry_after_ms);
/** The error of a fault that fires for the task's connection at `p`, as hl_fault_err(). */
HL_CHECKED hl_err hsm_task_fault(const struct hsm_task *t, enum hl_point p);
/** Run `run` in `lane`, then `done` back in the loop. */
void hsm_task_work(struct hsm_task *t, enum hl_lane lane, void (*run)(struct hl_job *),
	void (*done)(struct hsm_task *));
/** Commit the task's change, then `done` (at once, where it cannot even begin); the outcome is in
 * t->change.commit.result. After HL_E_STORE nobody knows what happened: the process halts, and `done` is not called. */
void hsm_task_commit(struct hsm_task *t, void (*done)(struct hsm_task *));

/* -- log.c: what a partition's users may read of what happened in it ---------------------------------- */
/* Lines of effects, for the commit that makes the effect; all: HL_E_NOMEM. */
/** What the channel's user did. */
HL_CHECKED hl_err hsm_log_deed(struct hsm_change *c, struct hsm_conn *conn, const char *what);
/** The same, to an object of the store. */
HL_CHECKED hl_err hsm_log_object(
	struct hsm_change *c, struct hsm_conn *conn, const char *what, const struct hsm_object *o);
/** What `who` of the service did to partition `p`. */
HL_CHECKED hl_err hsm_log_service(
	struct hsm *h, struct hsm_change *c, const struct hsm_partition *p, const char *who, const char *what);
/** The refusal that is counted by it. */
HL_CHECKED hl_err hsm_log_counted(struct hsm_change *c, struct hsm_conn *conn, uint16_t type, hl_err err);

/* Lines that are queued, and lost where there is no memory. */
/** The channel is open. */
void hsm_log_opened(struct hsm_conn *c);
/** It did not come about, and this is what its client was told; nothing where there is no such partition. */
void hsm_log_refused(struct hsm_conn *c, hl_err err);
/** An open channel ends: what it was used for. Once. */
void hsm_log_ended(struct hsm_conn *c);
void hsm_log_did(struct hsm_conn *c, const char *what);
/** A request of this type was refused; nothing where clients ask again by themselves. */
void hsm_log_error(struct hsm_conn *c, uint16_t type, hl_err err, const char *detail);

/** Make the commit of the lines that wait ready, for whoever makes another: its job is to be submitted before that one's,
 * and then one transaction holds both. NULL: none waits. */
struct hl_job *hsm_log_prepare(struct hsm *h);
/** Write what has waited long enough. */
void hsm_log_time(struct hsm *h);
/** The end is near: write what waits, and what is to be said of the channels that are open. */
void hsm_log_stop(struct hsm *h);
void hsm_log_clear(struct hsm *h);

/* -- turn.c: PIN checks of one partition, one after the other ------------------------------------------ */
/* At the head of what such a check keeps. */
struct hsm_turn {
	struct hsm_task task; /* first */
	struct hsm_turns *turns; /* NULL: it is in no line */
	struct hsm_turn *behind;
	bool began;
	void (*go)(struct hsm_turn *t); /* its turn has come */
};
/** Stand in the line of `partition`, and go, at once where nobody is in front: `t` may have been freed when
 * this returns. HL_E_BUSY: HSM_TURNS_MAX are in it. HL_E_NOMEM. */
HL_CHECKED hl_err hsm_turn_take(struct hsm_turn *t, uint64_t partition);
/** It is over: the next one goes. `t` need not be in a line. */
void hsm_turn_end(struct hsm_turn *t);
void hsm_turns_clear(struct hsm *h);

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
 * not there, and too old or of the future. Or as hsm_epoch_settle(). */
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
	bool private; /* it needs a login, as far as is known: what is built may show it */
	/* Look, decide, add rows to task.change, and fill in the reply. Run again where the commit was stale. */
	hl_err (*build)(struct hsm_effect *e, const struct hsm_partition *p, const char **detail);
	const struct hl_msg *reply;
	hl_err refusal; /* it was looked at, and this is kept under its token instead of a reply */
	struct hsm_rules rules; /* of the partition, as it was looked at last */
	union {
		struct hl_done done;
		struct hl_generated generated;
		struct hl_created created;
		struct hl_derived derived;
	} body;
};
/** A zeroed effect of `size` bytes, with the request's copy and token; `build` and `reply` are the caller's to
 * set. HL_E_NOMEM, or as hsm_token_read(). */
HL_CHECKED hl_err hsm_effect_new(struct hsm_conn *c, const struct hl_frame *f, struct hl_bytes token,
	size_t size, struct hsm_effect **out);
/** Whether it is still to be done: HL_OK. HL_E_DEFER: it was done before and is now answered again.
 * HL_E_LOGIN: it is about private objects. Or as hsm_token_find(). */
HL_CHECKED hl_err hsm_effect_look(struct hsm_effect *e);
/** Do it: build, commit, answer, free. HL_E_MASTER is committed, too, before it is told. */
void hsm_effect_run(struct hsm_effect *e);
/** Refuse it so that it never happens, also where it was sent before: commit, answer, free. */
void hsm_effect_refuse(struct hsm_effect *e, hl_err err);
/** Answer (HL_E_DEFER: it is answered) and free. */
void hsm_effect_end(struct hsm_effect *e, hl_err err, const char *detail);

/* -- birth.c: effects that make objects ------------------------------------------------------------------ */
struct hsm_birth;
struct hsm_birth_kind {
	const struct hl_msg *request, *reply;
	/* Whether its template asks for a private object: then nothing is made in vain for who is not logged in. NULL: it
	 * shows only in what is made. */
	bool (*private)(const struct hsm_birth *b);
	/* In the loop, once it is known that the request is new; NULL: there is nothing to do. */
	hl_err (*prepare)(struct hsm_birth *b);
	/* Fill in `object` and `objects`, by the rules of the effect; in a lane where `slow`, so without the store. */
	hl_err (*make)(struct hsm_birth *b, const char **why);
	void (*tell)(struct hsm_birth *b); /* fill in the reply: the objects have their handles */
	const char *deed; /* of the line in the log: "Generated" */
	bool late; /* one object, made anew at each try of the commit, in the loop: from what the store says then */
};
struct hsm_birth {
	struct hsm_effect effect; /* first */
	const struct hsm_birth_kind *kind;
	union { /* views into the task's copy */
		struct hl_generate generate;
		struct hl_create create;
		struct hl_copy copy;
		struct hl_unwrap unwrap;
		struct hl_derive derive;
	} request;
	bool slow;
	struct hsm_key *key; /* a share, of what it is made with */
	struct hsm_object object[HSM_DERIVED_MAX];
	size_t objects;
	struct hl_handle more[HSM_DERIVED_MAX - 1]; /* behind the reply, as these: session objects, sealed */
	struct hl_buf blob[HSM_DERIVED_MAX];
	struct hl_kept kept[HSM_DERIVED_MAX];
	size_t kept_n;
	hl_err made;
	const char *why;
};
/** Those of its objects that are no token's: their client keeps them. */
struct hl_list hsm_birth_kept(const struct hsm_birth *b);
/** The reply `created`, of a birth of one object. */
void hsm_birth_created(struct hsm_birth *b);
/** Whether a template makes a private object, where objects of its kind are so by default, or not. */
bool hsm_birth_private(const struct hl_list *template, bool by_default);
/** The key that it is made with, and whether that is slow. HL_E_KEY. */
HL_CHECKED hl_err hsm_birth_key(struct hsm_birth *b, uint64_t handle, uint32_t mechanism);
/** Handle a request of this kind with this token: HL_E_DEFER, or as hsm_effect_new(). */
HL_CHECKED hl_err hsm_birth_run(struct hsm_conn *c, const struct hl_frame *f, struct hl_bytes token,
	const struct hsm_birth_kind *kind);

/* -- work.c: uses of a key that answer with bytes ------------------------------------------------------------ */
struct hsm_work {
	const struct hl_msg *request;
	size_t most; /* bytes that come of it */
	hl_err (*run)(struct hsm_key *k, const void *body, struct hl_buf *out); /* on any thread */
	void (*send)(struct hsm_conn *c, uint32_t id, struct hl_bytes out);
};
/** Use the key `key` with `mechanism` at once, or, where that is slow, in a lane: HL_E_DEFER. HL_E_KEY, HL_E_NOMEM, or
 * what run() says. */
HL_CHECKED hl_err hsm_work_run(struct hsm_conn *c, const struct hl_frame *f, const void *body,
	const struct hsm_work *kind, uint64_t key, uint32_t mechanism);

/* The detail of HL_E_KEY where two keys are named, and it is this one. */
#define HSM_WRAPPING_KEY "wrapping key"
/* -- op/ticket.c: logins that outlive their link ------------------------------------------------------ */
/* Which login a channel has, as its ticket tells it. */
struct hsm_login {
	char serial[17]; /* of the partition */
	enum hsm_role role;
	uint32_t pin_generation, secret_generation;
	int64_t until_ms; /* the newest ticket's end */
	bool lab;         /* a token that may be initialised anew: */
	uint32_t blob_epoch; /* as it was at the login, */
	uint64_t epoch;   /* and of the shared page, when that was looked at */
};
/** What a right PIN is good for now. */
struct hsm_login hsm_login_of(const struct hsm_partition *p, enum hsm_role role);
/** The channel is logged in: answer request `id` with a ticket of it. */
void hsm_login_answer(struct hsm_conn *c, uint32_t id, const struct hsm_login *login);
/** Whether somebody is logged in. */
bool hsm_login_is(const struct hsm_conn *c);
void hsm_login_end(struct hsm_conn *c);
/** A login of before the token was initialised anew is over, as `p` says. */
void hsm_login_judge(struct hsm_conn *c, const struct hsm_partition *p);
/** The same before a request, where anything may have changed. As hsm_partition_load(). */
HL_CHECKED hl_err hsm_login_check(struct hsm_conn *c);
/** The PIN was right for one use of `key`: answer. Nobody is logged in by that, and no ticket tells of it. */
void hsm_login_single(struct hsm_conn *c, uint32_t id, uint64_t key);
/** Before a request: give a new ticket where the newest is past its half. */
void hsm_login_renew(struct hsm_conn *c);

/* -- conn.c: one proxy's connection, from the ticket to the channel ------------------------------- */
enum hsm_conn_state { HSM_TICKET, HSM_SHAKING, HSM_PROVING, HSM_OPEN };

struct hsm_conn {
	struct hsm *hsm;
	enum hsm_conn_state state;
	uint32_t port;
	bool closing;
	bool known; /* id is set */
	hl_err secret_err; /* the secret could not be read, which says nothing about whether the client has it */
	struct hl_port io;
	struct hl_channel *channel;
	int64_t deadline_us;
	uint8_t id[HL_CONNECTION_ID];
	char partition[HL_NAME_TEXT + 1], client[HL_ADDR_TEXT], client_id[HL_NAME_TEXT + 1], proxy[HL_NAME_TEXT + 1];
	uint64_t pair;       /* partition and client, in the lock-out */
	bool asked;          /* for the secret: what the client shows is being checked, */
	bool asked_setup;    /* and it is a setup password */
	uint64_t partition_id;
	int64_t grant_until_s; /* monotonic */
	bool logged_in; /* as the partition's user, */
	bool officer;   /* or as its security officer, who sees no private objects; never both */
	struct hsm_running *running; /* uses in pieces, */
	struct {
		size_t streams, kept; /* bytes */
	} ending; /* and those of which a lane makes the end: they are as large as before */
	struct hsm_login login; /* where one of them */
	unsigned logins_ended;  /* so far */
	uint64_t single[HSM_SINGLE_MAX]; /* keys that may be used once each, the PIN having been right; 0: none */
	size_t singles; /* so far: where the next one goes */
	unsigned tasks; /* under way */
	bool resumes;   /* it stands in the core's list of those */
	struct hsm_conn *next_resumed;
	bool turns;     /* likewise */
	struct hsm_conn *next_turning;
	/* of an open channel */
	uint64_t number, requests; /* number 0: it never opened */
	uint64_t uses; /* of keys */
	bool logged_end; /* its end stands in the log */
	int64_t since_ms;
	struct hsm_conn *older, *newer;
	bool awake, used; /* in the core's list of those; since it was last looked through */
	struct hsm_conn *awake_before, *awake_after;
};
HL_CHECKED hl_err hsm_conn_start(struct hsm *h, uint32_t port);
void hsm_conn_event(struct hsm_conn *c, const struct hl_event *e);
void hsm_conn_time(struct hsm_conn *c, int64_t now_us);
void hsm_conn_free(struct hsm_conn *c);
/** A task of its has ended. */
void hsm_conn_task_ended(struct hsm_conn *c);
/** After an event: connections whose tasks have ended take the requests that wait. */
void hsm_conns_resume(struct hsm *h);
/** Connections that have used up their turn go on. */
void hsm_conns_turn(struct hsm *h);
/** Once a second: channels that were not used since the last time give back what they hold for records. */
void hsm_conns_rest(struct hsm *h);
/** End an open channel in order: its client is told. */
void hsm_conn_end(struct hsm_conn *c, hl_err why);
/** End it; `drain` sends first what is waiting. */
void hsm_conn_close(struct hsm_conn *c, hl_err why, bool drain);
/** Encrypt and send a reply; the mark (term, generation, time) that every reply begins with is filled in here. */
void hsm_reply(struct hsm_conn *c, const struct hl_msg *m, uint32_t id, void *body);
void hsm_refuse(struct hsm_conn *c, uint32_t id, hl_err err, const char *detail, uint32_t retry_after_ms);

/* -- reset.c: tokens of the lab profile, as they were when they were new --------------------------------- */
/** As after token initialisation: no objects, no PIN of the user, this label; logins and session objects are void. `p`
 * must be committed with `c`. HL_E_NOMEM. */
HL_CHECKED hl_err hsm_token_wipe(struct hsm_change *c, struct hsm_partition *p, struct hl_bytes label);
/** token.reset from the front command, told to admin `port`. */
void hsm_token_reset(struct hsm *h, uint32_t port, const struct hl_frame *f);

/* -- admin.c: the front command, on a local socket ------------------------------------------------ */
HL_CHECKED hl_err hsm_admin_start(struct hsm *h, uint32_t port);
/** An event of a port that is no proxy's. */
void hsm_admin_event(struct hsm *h, const struct hl_event *e);
/** Answer request `id`; nothing happens where that admin is gone. */
void hsm_admin_say(struct hsm *h, uint32_t port, const struct hl_msg *m, uint32_t id, const void *body);
void hsm_admin_refuse(struct hsm *h, uint32_t port, uint32_t id, hl_err err, const char *detail);
/** NULL: the port is no admin's. */
struct hl_port *hsm_admin_port(struct hsm *h, uint32_t port);
void hsm_admins_clear(struct hsm *h);

/* -- keys.c: objects from the store, parsed keys kept ----------------------------------------------- */
/** The object with its value unsealed. HL_E_KEY: there is none that this connection may see; HL_E_BLOB: a session object
 * that is to be brought first. */
HL_CHECKED hl_err hsm_object_load(struct hsm_conn *c, uint64_t handle, struct hsm_object *out);
/** The parsed key, valid during the call; a job takes a share of it (hsm_key_share). HL_E_KEY, HL_E_BLOB. */
HL_CHECKED hl_err hsm_key_of(struct hsm_conn *c, uint64_t handle, struct hsm_cached **out);
/** For whoever takes a share of `k` and uses it for longer than a request. */
struct hsm_claim hsm_key_claim(const struct hsm *h, const struct hsm_cached *k);
/** Whether that may go on. HL_E_KEY: the key was destroyed, what a session object rests on was changed, or a private
 * one's user is not logged in any more. That a session object was dropped here does not matter. Or as a read of the
 * store. */
HL_CHECKED hl_err hsm_claim_check(struct hsm_conn *c, struct hsm_claim *claim);
/** It is used now. HL_E_LOGIN: it wants the PIN each time, and there was none for this use. */
HL_CHECKED hl_err hsm_key_use(struct hsm_conn *c, const struct hsm_cached *k);
/** The PIN was right for one use of this key. */
void hsm_key_allow(struct hsm_conn *c, uint64_t handle);
/** Drop all that is kept of the store. */
void hsm_keys_stale(struct hsm *h);
/** The same, and the session objects. */
void hsm_keys_clear(struct hsm *h);
/** Keep a copy of a session object, as one of the partition as it stands in `p`: in the place of an older form, and where
 * a newer one is there already, that stays. HL_E_NOMEM, or as a read of the store. */
HL_CHECKED hl_err hsm_keys_keep(struct hsm_conn *c, const struct hsm_partition *p, const struct hsm_object *o);
/** Forget a session object; there may be none. */
void hsm_keys_forget(struct hsm *h, uint64_t handle);

/* -- op/kept.c: session objects, which clients keep ---------------------------------------------------- */
static inline bool hsm_is_kept(uint64_t handle)
{
	return (handle & HL_SESSION_OBJECT) != 0;
}
/** Make a session object of `o`: give it its handle where it has none yet, and append its blob to `memory`; what the
 * client is told is in `out`, with the view of the blob from that first byte on. HL_E_TEMPLATE_INCONSISTENT with
 * `*why`: CKA_ALWAYS_AUTHENTICATE is true. HL_E_RANGE: it is too long. HL_E_NOMEM, HL_E_CRYPTO. */
HL_CHECKED hl_err hsm_kept_make(struct hsm_conn *c, const struct hsm_partition *p, struct hsm_object *o,
	struct hl_buf *blob, struct hl_kept *out, const char **why);
/** The one named is another now: tell the client. */
HL_CHECKED hl_err hsm_kept_change(struct hsm_conn *c, struct hsm_object *o);

/* -- op/: one handler a file ------------------------------------------------------------------------ */
/* HL_OK: answered; HL_E_DEFER: a task will answer; anything else is sent as op.refused, with `*detail`
 * (a static text) where that says more. `body` is the decoded request, valid during the call. */
typedef hl_err hsm_handler(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail);

hsm_handler hsm_op_ping, hsm_op_secret_fetch, hsm_op_login, hsm_op_login_ticket, hsm_op_logout, hsm_op_info,
	hsm_op_pin_set, hsm_op_pin_init, hsm_op_token_init,
	hsm_op_log_fetch, hsm_op_random, hsm_op_mechanisms, hsm_op_generate, hsm_op_find, hsm_op_attributes_get, hsm_op_attributes_set,
	hsm_op_destroy, hsm_op_object_load, hsm_op_sign, hsm_op_verify, hsm_op_encrypt, hsm_op_decrypt, hsm_op_create,
	hsm_op_copy, hsm_op_wrap, hsm_op_unwrap, hsm_op_derive, hsm_op_stream_begin, hsm_op_stream_update,
	hsm_op_stream_final;

/** op/stream.c: end all that is under way in pieces, */
void hsm_streams_clear(struct hsm_conn *c);
/** or what is so with this key; 0: with private ones. */
void hsm_streams_end(struct hsm_conn *c, uint64_t key);

/** Look the message up in the table of operations and handle it. */
void hsm_dispatch(struct hsm_conn *c, const struct hl_frame *f);
