/* gateway.h - one client's way through the proxy. */
#pragma once

#include "lib/base/map.h"
#include "proxy/core.h"

/* Bounds, milliseconds. */
#define PROXY_CLIENT_MS 5000   /* each step that waits for the client */
#define PROXY_QUERY_MS 1000    /* step 4 */
#define PROXY_GRANT_MS 1000    /* step 5: the directory answers */
#define PROXY_HSM_MS 3000      /* one HSM after the other, until one takes its ticket */
#define PROXY_HSM_DIAL_MS 1000
#define PROXY_HSM_ANSWER_MS 1000 /* to its ticket, while there is another HSM to go to */

/* What the conversations of one proxy share. */
struct proxy {
	const struct hl_env *env;
	struct proxy_conf conf;
	struct hl_channel_ctx *ctx;
	struct hl_wishes wishes;
	struct hl_link directory;
	struct hl_map ports;   /* port number > struct proxy_conn */
	struct hl_map queries; /* request id at the directory > struct proxy_conn */
	uint32_t next_port, next_query;
	size_t clients;
	/* Told by the directory in every heartbeat answer. */
	uint8_t epoch[HL_NONCE_EPOCH];
	char realm[HL_NAME_TEXT + 1];
	uint32_t iterations;
	bool informed;          /* epoch, realm and iterations are known */
	int64_t deadline_us;    /* the soonest of all conversations, or sooner */
};

enum proxy_side { PROXY_CLIENT, PROXY_HSM, PROXY_SIDES };

struct proxy_ticket {
	char hsm[HL_NAME_TEXT + 1];
	struct hl_addr address;
	struct hl_buf ticket;
};
#define PROXY_TICKETS 16

struct proxy_conn {
	struct proxy *proxy;
	unsigned step;       /* row of the story */
	bool ending;         /* CLOSE was wished for; waiting for ENDED of every open side */
	int64_t deadline_us; /* of the step; 0 in the relay */
	struct {
		uint32_t port;
		bool open, dialling;
		bool closing; /* we gave it up; ENDED is still to come */
		struct hl_port io;
	} side[PROXY_SIDES];
	struct hl_addr peer;
	uint8_t id[HL_CONNECTION_ID];
	bool known; /* id is set */
	/* The exact frames of steps 1 to 3: the directory checks the proof over them. */
	struct hl_buf hello, request, answer;
	uint32_t query; /* under way at the directory; 0: none */
	/* What the directory answered. */
	bool answered;
	hl_err refusal;
	uint32_t retry_after_ms;
	bool again; /* who refused says that the same may be tried again, whatever is usual for that error */
	struct hl_buf server_final;
	struct proxy_ticket ticket[PROXY_TICKETS];
	size_t tickets, next_ticket;
	hl_err hsm_err;  /* why the last HSM could not be used */
	int64_t hsms_us; /* when the time for all of them is over */
};

/** Begin with a client that was just accepted on `port`. HL_E_NOMEM; a proxy that is full answers `busy` by itself. */
HL_CHECKED hl_err proxy_conn_start(struct proxy *p, uint32_t port, const struct hl_addr *peer);
/** An event of one of its ports. It may free the conversation. */
void proxy_conn_event(struct proxy_conn *c, const struct hl_event *e);
/** The directory's answer to its query, whole frame; it goes on from there. */
void proxy_conn_answered(struct proxy_conn *c, const struct hl_frame *f);
/** The link to the directory is gone: a query under way will not be answered. */
void proxy_conn_abandoned(struct proxy_conn *c);
/** TIME: end it where its step took too long. */
void proxy_conn_time(struct proxy_conn *c, int64_t now_us);
void proxy_conn_free(struct proxy_conn *c);
