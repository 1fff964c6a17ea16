/* link.h - the client's asynchronous core: one link to one partition, through all eight steps.
 *
 * It draws an address of the pool, proves the service password to the gateway, opens the channel,
 * makes sure of the HSM, and then carries requests, answers in any order. Its shells: blocking
 * (libhsmlet.so), libev (ev.h), in memory (scenarios). */
#pragma once

#include "client/pace.h"
#include "client/route.h"
#include "lib/auth/channel.h"
#include "lib/base/env.h"
#include "lib/wire/messages.h"

struct client_conf_link {
	const char *host;         /* pool name; must outlive the core, like all below */
	uint16_t port;
	const struct client_target *hosts; /* of several names all, and then those two are not looked at; */
	size_t host_count;                 /* 0: those two alone */
	const char *partition;
	const char *client_id;    /* free text, "" for none */
	const char *service_user;
	const char *realm;
	struct hl_bytes service_password;
	enum hl_channel_kind kind; /* USER or SETUP */
	uint32_t generation;      /* of the user secret; 0 for SETUP */
	struct hl_bytes secret;   /* user secret, or the key made of the setup password */
	const uint8_t *identity;  /* USER: the pinned key of the cluster, 32 bytes; SETUP: NULL */
	unsigned open_ms;         /* most that opening may take; 0: CLIENT_OPEN_MS */
	unsigned patience_ms;     /* silence in the middle of an answer; 0: CLIENT_PATIENCE_MS */
	struct client_pace *pace; /* learns how long answers take; NULL: nobody asks */
	bool knock;               /* only steps 0 to 6: whether the gateway takes the service password. No secret is needed, and
				     no request may be made */
};

/* Bounds, milliseconds (faults.md 2.1). */
#define CLIENT_DNS_MS 3000
#define CLIENT_DIAL_MS 1000
#define CLIENT_STEP_MS 2000
#define CLIENT_RESULT_MS 6000 /* step 6: the proxy asks the directory and reaches an HSM meanwhile */
#define CLIENT_OPEN_MS 15000
#define CLIENT_CALL_MS 15000     /* of a call whose caller names no bound */
#define CLIENT_GENERATE_MS 45000 /* the same for making keys */
#define CLIENT_PATIENCE_MS 1250 /* wait_delay x wait_max_tries of primus.cfg */
#define CLIENT_IDLE_MS 30000    /* after such a pause the next request follows a ping, */
#define CLIENT_PONG_MS 1000     /* and something must come back within this time */
#define CLIENT_SILENT_MS 3000   /* where somebody waits and nothing comes for so long a ping is sent as well, */
#define CLIENT_OP_MS 5000       /* and after this time without a byte the next member is asked */
#define CLIENT_EPOCH_RETRIES 3 /* at the same proxy, after a refusal `epoch` */
#define CLIENT_RETRIES 3       /* of a request that was refused as busy, stale or behind */
#define CLIENT_PAUSE_MS 100    /* the most that is waited before the first of them, doubled for each further one */
#define CLIENT_PAUSE_MOST_MS 3200

/* How an attempt to open ended, for a four-part message. */
struct client_failure {
	hl_err err;
	enum hl_step step;
	unsigned attempts;         /* connections that were tried */
	uint32_t retry_after_ms;
	bool retryable;            /* whoever refused said so */
	char where[HL_ADDR_TEXT];  /* last address dialled, or "" */
	uint8_t connection[HL_CONNECTION_ID]; /* id of that attempt; zeros: none was made */
	char detail[129];
};

#define CLIENT_CONNECTION_TEXT (2 * HL_CONNECTION_ID + 1)
/** Which connection failed, hex; "" where none was made. */
void client_failure_connection(const struct client_failure *f, char out[CLIENT_CONNECTION_TEXT]);

/* One request. The caller owns it and what it points to until `done`. The token of a request with an effect is
 * made here: whatever stands in the body's field is not sent. Submitted again after its end, the same call keeps its
 * token: an effect that it had is then not had twice, and its first result is the answer. */
struct client_call {
	const struct hl_msg *msg;
	const void *body;
	const struct hl_msg *expect; /* the reply's message */
	int64_t deadline_us;         /* monotonic */
	struct client_kind kind;     /* what is to be learned from its answer; zeros: nothing */
	/* filled in: */
	bool done;
	hl_err err;                  /* HL_OK: `reply` holds the answer */
	struct client_failure failure; /* where err is not HL_OK */
	struct hl_frame reply;       /* views into `frame` */
	struct hl_buf frame;         /* to be cleared by the caller, done or not */
	/* the core's: */
	uint32_t id;
	bool sent;               /* on the link that is open now, */
	int64_t sent_us;         /* and when */
	bool as_user;            /* there was a login on this link when it was sent */
	bool lost;               /* it was sent before, and nobody knows what became of it */
	bool token_made;         /* `token` is this request's: made when it is first sent, kept for every later try */
	bool token_renewed;      /* the HSM did not take the time of the first one */
	uint8_t token[HL_TOKEN];
	unsigned losses, refusals, brought;
	int64_t not_before_us;   /* it is not sent again before */
	struct client_call *next;
};

struct client;
/** HL_E_ARG where a part of the configuration is missing or too long; HL_E_NOMEM; HL_E_CRYPTO. */
HL_CHECKED hl_err client_new(
	const struct hl_env *env, const struct client_conf_link *conf, struct client **out);
void client_event(struct client *c, const struct hl_event *e);
bool client_wish(struct client *c, struct hl_wish *out);
void client_free(struct client *c);
extern const struct hl_core_ops client_core;

/** Begin to open, unless that is done or under way. The end: client_is_open() (client_was_let_in() of one that only
 * knocks) or client_failed(). */
void client_open(struct client *c);
bool client_is_open(const struct client *c);
/** The end of one that only knocks: the gateway let it in, and proved itself. */
bool client_was_let_in(const struct client *c);
/** NULL while it is open, opening, or was never tried. */
const struct client_failure *client_failed(const struct client *c);

/** Whether requests of this kind have a lasting effect: one that was sent and not answered may have had it. */
bool client_has_effect(const struct hl_msg *m);
/** Queue a request; opens the link where it is not open. It ends with call->done, at its deadline at the
 * latest. Where the link breaks after it was sent, the link is opened anew, by itself, and the same request sent again
 * with the same token; a refusal as busy or stale, or as behind over a new link, is tried again some times. The end may
 * be HL_E_TIMEOUT or how the last opening failed; HL_E_UNKNOWN where it has an effect, was sent, and its fate could not
 * be learned. A login is taken along: see client_logged_in(). Where the HSM does not take it, what needs one ends as
 * HL_E_LOGIN or HL_E_KEY, and what has an effect as HL_E_UNKNOWN. A request with a field `stream` is one of its link
 * and never sent over another: HL_E_STREAM, at once where the link is not open. */
void client_submit(struct client *c, struct client_call *call);
/** Forget a call that is not done (its owner gives up waiting). */
void client_cancel(struct client *c, struct client_call *call);

/** Whether a login is held. It begins with the answer to a `login`, is shown on each new link by itself, before any
 * request, and ends when `logout` is submitted, at client_close(), or when the HSM does not take it any more: what needs
 * one then ends as HL_E_LOGIN or HL_E_KEY. */
bool client_logged_in(const struct client *c);
/** Session objects (handles with HL_SESSION_OBJECT) are kept here from the answer that tells of them, and brought to the
 * HSM where it does not know them. They end with `destroy`, the private ones with the login, all of them at
 * client_close(), and by this: nothing is sent. */
void client_forget_object(struct client *c, uint64_t handle);
/** Several links to one partition share the login and what is kept of session objects: out of one, into another. The
 * ticket's length, 0 where none is held. One that is put into a link that is open is shown on it anew, over a new
 * connection; an empty one is a logout that nobody is told of. */
size_t client_login_get(const struct client *c, uint8_t out[HL_LOGIN_TICKET]);
void client_login_set(struct client *c, struct hl_bytes ticket);
bool client_keeps(const struct client *c, uint64_t handle);
/** Whether it was changed since it was made: over each new connection it is then brought before it is used. */
bool client_object_changed(const struct client *c, uint64_t handle);
/** Opaque bytes; none where it is not kept. What finds no memory is not kept. */
void client_object_get(const struct client *c, uint64_t handle, struct hl_buf *out);
void client_object_set(struct client *c, uint64_t handle, struct hl_bytes kept);

/** In a child after fork(), whatever threads of the parent were doing: wipe the login where it stands. */
void client_abandon(struct client *c);

/** Where other links of this client lead: HSMs by name, `hsm[i]` "" where that one leads nowhere yet. From the next attempt on
 * this link asks for another one, where there is another. */
#define CLIENT_BESIDE_MAX 8
void client_keep_apart(struct client *c, const char hsm[][HL_NAME_TEXT + 1], size_t n);

/** End in order: close_notify, then the connection. The login ends with it. */
void client_close(struct client *c);

/** The cluster's identity as proved in step 8: 32 bytes, valid while open. */
const uint8_t *client_identity(const struct client *c);
/** Connection id of the present (or last) attempt: HL_CONNECTION_ID bytes. */
const uint8_t *client_connection(const struct client *c);
/** HSM reached, as told in step 6; "" before. */
const char *client_hsm(const struct client *c);
