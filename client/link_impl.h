/* link_impl.h - what the files of the client's core share.
 *
 *	link.c   opening and closing, events, time       steps.c  the eight steps
 *	calls.c  requests and their answers              alive.c  whether the other end still lives
 *	ticket.c  the login, taken from link to link     kept.c   session objects */
#pragma once

#include "client/link.h"
#include "lib/auth/scram.h"
#include "lib/base/map.h"

/* Where the link stands. PAUSED: between two rounds of attempts. From AWAIT_REQUEST to AWAIT_LOGIN it waits for the peer's next word. */
enum client_state { IDLE, PAUSED, RESOLVING, DIALLING, AWAIT_REQUEST, AWAIT_RESULT, SHAKING, AWAIT_PROOF, AWAIT_LOGIN, OPEN };

struct client {
	const struct hl_env *env;
	struct client_conf_link conf;
	struct hl_channel_ctx *ctx;
	struct hl_wishes wishes;
	enum client_state state;
	bool connected;         /* the shell has a connection for `port`, or is dialling it */
	bool closing;           /* CLOSE was wished for; its end is still to come */
	bool again;             /* open anew after that end */
	bool let_in;            /* it knocked, and step 6 was as it should be */
	int64_t step_us;        /* deadline of the state */
	int64_t open_us;        /* deadline of the whole opening */
	int64_t reopen_us;      /* idle: open again then, for requests that were sent */
	unsigned reopenings;    /* that failed in a row */
	hl_err reopening;       /* how the last of them failed */
	/* steps 0 and 1 */
	struct client_route route;
	unsigned epoch_retries;
	uint32_t lookup;        /* the one that is awaited: answers to earlier ones come too late */
	hl_err name_err;        /* of the last name that led nowhere */
	hl_err told;            /* what is told of this opening if no attempt succeeds, */
	enum hl_step told_step; /* and at which step that was, */
	bool told_again;        /* and whether it may pass */
	uint32_t port;
	struct hl_port io;
	uint8_t id[HL_CONNECTION_ID];
	/* steps 1 to 6 */
	struct hl_secret keys; /* struct hl_scram_keys, kept: making them takes milliseconds */
	struct hl_scram_client scram;
	struct hl_buf hello, request, answer; /* exact frames: B is made of them */
	char hsm[HL_NAME_TEXT + 1], beside[CLIENT_BESIDE_MAX][HL_NAME_TEXT + 1];
	/* steps 7 and 8 */
	struct hl_channel *channel;
	uint8_t identity[32];
	/* what is known of the cluster */
	uint64_t term, generation;
	int64_t offset_ms; /* HSM time minus our wall clock */
	/* the login that is held; the room is made once, so that a child of fork() can wipe it whatever a thread was doing */
	struct hl_secret ticket;
	size_t ticket_n; /* 0: none is held */
	struct hl_map kept; /* session objects, by handle */
	/* signs of life, monotonic; 0: nothing is awaited */
	int64_t heard_us;         /* when the last bytes came */
	int64_t pong_us, part_us; /* something must come until then */
	int64_t ask_us;           /* where nothing has come until then, a ping goes out */
	/* what conf.pace learns */
	struct client_answers answers; /* that came with the bytes that are being read; before_us stays */
	struct client_kind answers_kind; /* theirs, where they are all of one */
	/* requests */
	struct client_call *calls;
	uint32_t next_id;
	struct client_failure failure;
};

typedef hl_err client_read_fn(struct client *c, const struct hl_frame *f);

/* steps.c */
extern const struct client_step {
	enum hl_step step;
	int limit_ms;
	client_read_fn *read; /* who reads what is awaited; NULL: no frame is */
} client_story[];
/** Go to `state`; its deadline begins. */
void client_enter(struct client *c, enum client_state state);
/** Steps 0 ends, 1 begins: the hello is put into the port. */
HL_CHECKED hl_err client_say_hello(struct client *c);

/** One that knocks has got what it came for: the connection ends. */
void client_let_in(struct client *c);
/** Nothing is left to do but requests. */
void client_opened(struct client *c);

/* ticket.c */
/** A login was answered. */
void client_ticket_take(struct client *c, const struct hl_frame *f);
/** A frame that nobody asked for: a new ticket in the place of the one that is held. */
void client_ticket_renew(struct client *c, const struct hl_frame *f);
void client_ticket_forget(struct client *c);
/** The first request on a new link: log it in too. Its answer is read by client_ticket_read(). */
HL_CHECKED hl_err client_ticket_show(struct client *c);
HL_CHECKED hl_err client_ticket_read(struct client *c, const struct hl_frame *f);

/* kept.c */
/** Keep the session objects that stand in a reply `f`. HL_E_NOMEM, or as hl_msg_get(). */
HL_CHECKED hl_err client_kept_take(struct client *c, const struct hl_msg *m, const struct hl_frame *f);
/** A frame that nobody asked for: new forms of some that are kept. */
void client_kept_renew(struct client *c, const struct hl_frame *f);
/** Send those that the call names, in front of it. false: it names none that is kept. */
bool client_kept_bring(struct client *c, const struct client_call *call);
/** Send those that the call names in front of it where they were changed and went over another connection until now: whoever
 * had them before would go by the older form. As hl_channel_send(). */
HL_CHECKED hl_err client_kept_refresh(struct client *c, const struct client_call *call);
/** Forget the private ones, or all. */
void client_kept_clear(struct client *c, bool all);

/* link.c */
/** The link was open and is no more: it is opened anew where calls are left. */
void client_broken(struct client *c, hl_err err);

/* alive.c */
/** Bytes came and were looked at. */
void client_alive_heard(struct client *c);
/** The connection is gone. */
void client_alive_forget(struct client *c);
/** Before a request: put a ping in front of it where the link was idle for long. */
void client_alive_ask(struct client *c);
/** Time has passed: ask for a sign of life where somebody waits and nothing comes. */
void client_alive_check(struct client *c, int64_t now_us);
/** When the other end is asked, or given up, unless it says something before; 0: nothing is awaited. */
int64_t client_alive_deadline(const struct client *c);
bool client_alive_is_late(const struct client *c, int64_t now_us);

/* calls.c */
/** Every reply says where the cluster stands and what time it is there. */
void client_learn_mark(struct client *c, const struct hl_done *mark);
/** The error that an op.refused stands for, with its details in `failure`. */
HL_CHECKED hl_err client_take_refusal(
	struct client *c, struct client_failure *failure, const struct hl_frame *f);
/** All bytes that came were read: learn from the answers among them. */
void client_learn_pace(struct client *c);
/** The number of another request; never 0. */
uint32_t client_next_id(struct client *c);
/** Send what is not sent yet, or is to be sent again by now. */
void client_flush_calls(struct client *c);
/** An answer: to the call that waits for it. */
HL_CHECKED hl_err client_read_reply(struct client *c, const struct hl_frame *f);
/** End all calls: with HL_E_UNKNOWN where one has an effect and was sent. */
void client_fail_calls(struct client *c, hl_err err);
/** The link broke: what was sent on it is to be sent again. */
void client_lose_calls(struct client *c);
/** An opening has failed: end the calls but those that were sent before and may still be answered, if the failure
 * may pass. */
void client_drop_calls(struct client *c, hl_err err);
/** End the calls whose deadline has passed. */
void client_time_calls(struct client *c, int64_t now_us);
/** When client_time_calls() or client_flush_calls() have something to do; 0: never. */
int64_t client_calls_deadline(const struct client *c);
/** A random time of at most CLIENT_PAUSE_MS, doubled `n` times, in microseconds. */
int64_t client_pause_us(const struct client *c, unsigned n);
