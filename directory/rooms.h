/* rooms.h - what the files of the directory's core share. */
#pragma once

#include "directory/core.h"
#include "lib/auth/lockout.h"
#include "lib/base/map.h"

#define DIR_MEMBERS 64
#define DIR_EPOCH_US (30 * 1000000ll)
#define DIR_SHAKE_MS 2000 /* from accepting a link to its open channel */
#define DIR_BEAT_MS (4 * HL_LINK_BEAT_MS) /* a member that has said nothing for so long is not there */
#define DIR_UNPROVEN_MAX 64 /* links that have not proved who dials */
#define DIR_MAKING_US 5000000 /* an HSM has this long to make a partition */
#define DIR_SETUP_LIFE_MS (7 * 24 * 3600 * 1000ull)
#define DIR_SERVICE_PASSWORD 26 /* symbols of 62: 154 bits */

struct dir_conn;

/* A proxy or an HSM that has said who it is. */
struct dir_up {
	enum hl_role role;
	char name[HL_NAME_TEXT + 1], cluster[HL_NAME_TEXT + 1], address[HL_ADDR_TEXT];
	uint8_t incarnation[HL_INCARNATION];
	bool has_incarnation;
	size_t links;          /* of its workers, each of which has its own */
	struct dir_conn *conn; /* the one that was heard last; NULL: there is none, it is down */
};

/* A proof that was accepted. The same query from the same proxy gets the same grant again. */
struct dir_grant {
	uint64_t key;            /* of the combined nonce */
	uint8_t query[HL_BINDING]; /* SHA-256 over the query and the proxy that sent it */
	struct hl_buf frame;     /* the grant, encoded */
	int64_t until_us;
};

struct dir {
	const struct hl_env *env;
	struct dir_conf conf;
	struct hl_channel_ctx *ctx;
	struct hl_wishes wishes;
	struct hl_map ports; /* port number > struct dir_conn */
	size_t unproven;     /* of these, and not closing */
	struct dir_up member[DIR_MEMBERS];
	size_t members;
	struct hl_map grants; /* key of the nonce > struct dir_grant */
	int64_t sweep_us;
	uint8_t epoch[HL_NONCE_EPOCH], epoch_before[HL_NONCE_EPOCH];
	int64_t epoch_us;    /* when the epoch changes */
	struct hl_lockout *lockout;
	uint8_t nobody[2][HL_SCRAM_HASH]; /* stored and server key of users that do not exist */
	struct dir_provision *provision;  /* list of those under way */
	uint32_t next_request;
};

enum dir_conn_state { DIR_HELLO, DIR_SHAKING, DIR_OPEN, DIR_ADMIN };

struct dir_conn {
	struct dir *dir;
	enum dir_conn_state state;
	uint32_t port;
	bool closing;
	struct hl_port io;
	struct hl_channel *channel;
	char name[HL_NAME_TEXT + 1];
	enum hl_role role;
	struct dir_up *up;           /* whose link it is; NULL: it has not said so yet */
	const struct dir_peer *peer; /* NULL: nobody we know, which the handshake will tell */
	int64_t deadline_us;
};

/* members.c */
struct dir_up *dir_member(struct dir *d, enum hl_role role, const char *name);
const struct dir_peer *dir_peer(const struct dir *d, enum hl_role role, const char *name);
void dir_member_beat(struct dir_conn *c, const struct hl_frame *f);
void dir_member_gone(struct dir_conn *c);
/** Rotate the nonce epoch where its time has come. */
void dir_epoch_time(struct dir *d, int64_t now_us);

/* authorise.c */
/** Answer a dir.query: step 4 in, step 5 out. */
void dir_authorise(struct dir_conn *c, const struct hl_frame *f);
/** Forget grants that have run out. */
void dir_grants_time(struct dir *d, int64_t now_us);
void dir_grants_clear(struct dir *d);

/* provision.c */
void dir_provision(struct dir_conn *admin, const struct hl_frame *f);
/** partition.made or refused from an HSM. */
void dir_provision_answer(struct dir_conn *hsm, const struct hl_frame *f);
/** A commit or a delivery is done; false: the job was not ours. */
bool dir_provision_job(struct dir *d, struct hl_job *job);
/** The conversation is gone: forget that it waits. */
void dir_provision_gone(struct dir_conn *c);
/** When the next of them has waited long enough; 0: none waits. */
int64_t dir_provision_deadline(const struct dir *d);
void dir_provision_time(struct dir *d, int64_t now_us);
void dir_provisions_clear(struct dir *d);
/** Take back what this directory began in an earlier life and did not end. As a commit, or as a read. */
HL_CHECKED hl_err dir_provision_sweep(struct dir *d);

/* core.c */
/** Send one message: encrypted on a link, in the clear on the admin socket. */
void dir_send(struct dir_conn *c, const struct hl_msg *m, uint32_t id, const void *body);
void dir_refuse(struct dir_conn *c, uint32_t id, hl_err err, const char *detail);
void dir_status(struct dir_conn *admin, const struct hl_frame *f);
