/* module.h - what the files of the PKCS#11 provider share.
 *
 *	entry.c    C_*: into the library, out of it, with a log line       library.c  life, forks
 *	interface.c  lists of functions
 *	slot.c     slots, tokens, their mechanisms                         session.c  sessions and logins
 *	token.c    requests to the HSM behind a slot                       object.c   objects and their handles
 *	operation.c  what a session has begun                              find.c digest.c sign.c cipher.c key.c message.c
 *	dual.c     two of them at once                                     state.c    saved, to go on elsewhere
 *	hash.c     digests that are made here                              profile.c  what the provider conforms to; peek.c
 *	stream.c   data in parts that the HSM takes as they come           wrap.c derivation.c  keys from keys
 *	mechanism.c parameter.c length.c template.c ckr.c  tables          log.c      the vendor's log
 *
 * One lock, p11.lock, guards all that sessions and slots share. It is never held over a request. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "client/link.h"
#include "client/pkcs11/ckr.h"
#include "client/pkcs11/log.h"
#include "lib/base/map.h"
#include "lib/wire/messages.h"
#include "lib/wire/numbers.h"

/* The implementations, called while the library is initialised (but for those that need no life). */
#define P11_DECLARE(name, n, ...) CK_RV p11_##name(CK_PARAMS_##n(__VA_ARGS__));
CK_FUNCTIONS(P11_DECLARE)
#undef P11_DECLARE

#define P11_TRY(call) \
	do { \
		CK_RV p11_rv_ = (call); \
		if (p11_rv_ != CKR_OK) \
			return p11_rv_; \
	} while (0)

/* No application has as much memory: such a length is a mistake, and is told before anything is read. */
#define P11_BYTES_MAX (SIZE_MAX >> 20)
#define P11_TEMPLATE_MAX 64 /* attributes that a message carries */

static inline bool p11_bytes_ok(const void *p, CK_ULONG n)
{
	return n <= P11_BYTES_MAX && (p || n == 0);
}

/* -- token.c: the HSM behind a slot ---------------------------------------------------------------------------- */

/* How requests travel; tests put their own in the place of the network. */
struct p11_wire {
	hl_err (*open)(const char *conf, const char *secrets, const char *partition, void **out, char detail[512]);
	hl_err (*ask)(void *wire, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
		void *reply, struct client_call *call, unsigned limit_ms);
	void (*connection)(void *wire, uint8_t id[HL_CONNECTION_ID]);
	bool (*logged_in)(void *wire);
	void (*forget)(void *wire, uint64_t remote); /* a session object */
	void (*close)(void *wire);
	void (*free)(void *wire);
	void (*abandon)(void *wire);
};
extern const struct p11_wire p11_network;

struct p11_slot;
struct p11_template;
/** Ask for at most so long, and say in the log what failed. CKR_OK: `reply` is valid until `call->frame` is cleared, which is the caller's
 * to do in any case. A login that the HSM does not take any more is noticed here: CKR_USER_NOT_LOGGED_IN. */
CK_RV p11_ask_within(struct p11_slot *slot, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call, unsigned limit_ms);
/** The same within the limit of its kind, counted from the first request of this call of C_*: all of them together. */
CK_RV p11_ask(struct p11_slot *slot, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call);
/** The same for a request that is answered by `done`. */
CK_RV p11_ask_done(struct p11_slot *slot, const struct hl_msg *msg, const void *body);
void p11_frame_clear(struct client_call *call); /* for HL_AUTO */
/** This thread enters C_*: its time begins with what it asks first. */
void p11_call_begins(void);

/* -- slot.c ----------------------------------------------------------------------------------------------------- */

#define P11_LEFT_MAX 16

struct p11_slot {
	CK_SLOT_ID id;
	char partition[HL_NAME_TEXT + 1];
	void *wire;    /* NULL: it could not be made, and why: */
	hl_err broken;
	char why[512];
	pthread_mutex_t door; /* one login or logout at a time; taken before p11.lock */
	/* under p11.lock */
	bool logged_in; /* somebody is, */
	bool officer;   /* and that is the security officer */
	bool ready;     /* its token was found initialised: only a reset of the world makes it less */
	unsigned logouts; /* so far: operations on private keys do not outlive one */
	uint8_t seen[HL_CONNECTION_ID];  /* the one that the log has told of */
	CK_ULONG sessions, writers;
	struct hl_map objects, handles; /* by our handle; by the HSM's */
	struct hl_mechanism *mechanism; /* what the HSM offers and we know; NULL: not asked yet */
	size_t mechanisms;
	_Atomic uint64_t left[P11_LEFT_MAX]; /* streams whose operation ended before they did; under no lock */
};

/** CKR_SLOT_ID_INVALID. */
CK_RV p11_slot_of(CK_SLOT_ID id, struct p11_slot **out);
/** What the HSM has said of the token is noted. */
void p11_slot_note(struct p11_slot *slot, const struct hl_info_answer *answer);
/** What it says, noted; as p11_ask(). */
CK_RV p11_slot_info(struct p11_slot *slot, struct hl_info_answer *answer, struct client_call *call);
/** What the token does with a mechanism, for `flag`s (all of them). CKR_MECHANISM_INVALID, or that it cannot be asked. */
CK_RV p11_slot_mechanism(struct p11_slot *slot, CK_MECHANISM_TYPE type, CK_FLAGS flags, CK_MECHANISM_INFO *out);
void p11_slot_clear(struct p11_slot *slot);

/* -- library.c --------------------------------------------------------------------------------------------------- */

enum p11_state { P11_OFF, P11_STARTING, P11_ON, P11_ENDING };

struct p11_library {
	pthread_mutex_t lock;
	pthread_cond_t change; /* of state and calls */
	enum p11_state state;
	unsigned calls; /* inside, those that need it initialised */
	const struct p11_wire *wire;
	struct p11_slot *slot;
	size_t slots;
	struct hl_map sessions;
	CK_ULONG next; /* handle: never the same twice, whatever is closed or initialised meanwhile */
};
extern struct p11_library p11;

void p11_lock(void);
void p11_unlock(void);
/** A new handle; under the lock. */
CK_ULONG p11_new_handle(void);
/** Make the library this process's own: after fork() the parent's is left alone. Called first, by every entry. */
void p11_own(void);
/** A call begins that needs the library initialised, and ends. CKR_CRYPTOKI_NOT_INITIALIZED. */
CK_RV p11_begin(void);
void p11_end(void);
/** Whether C_Finalize is at work. */
bool p11_is_ending(void);

/* -- login.c --------------------------------------------------------------------------------------------------------- */

/** Whether that can be a PIN at all: CKR_ARGUMENTS_BAD, CKR_PIN_LEN_RANGE, CKR_PIN_INCORRECT for an empty one. */
CK_RV p11_check_pin(const CK_UTF8CHAR *pin, CK_ULONG n);

/* -- session.c ----------------------------------------------------------------------------------------------------- */

struct p11_session;
/** Tell the HSM that nobody is logged in any more: where it cannot be told, the connection ends, and the login with it. */
void p11_tell_logout(struct p11_slot *slot);

/* -- operation.c: what a session has begun --------------------------------------------------------------------------- */

enum p11_kind {
	P11_FIND, P11_DIGEST, P11_SIGN, P11_VERIFY, P11_ENCRYPT, P11_DECRYPT,
	P11_MESSAGE_SIGN, P11_MESSAGE_VERIFY, P11_MESSAGE_ENCRYPT, P11_MESSAGE_DECRYPT, P11_KINDS
};

/* What is known of an object, to tell errors where they belong: a copy, so the HSM has the last word. */
struct p11_facts {
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE key_type;
	bool is_private, always_authenticate;
	CK_FLAGS may;  /* CKF_SIGN and so on */
	CK_ULONG size; /* bits, of secret keys bytes; 0: unknown */
	CK_ULONG order; /* DSA: bits of the subprime; 0: unknown */
};

/* What the HSM holds of an operation whose data comes in parts. */
struct p11_stream {
	uint64_t id; /* 0: none */
	struct p11_slot *slot;
	CK_ULONG held; /* bytes that went and have not come back */
};

struct p11_operation {
	bool active;
	bool updated; /* in several parts, and at least one was given */
	const struct p11_mechanism *mechanism;
	CK_OBJECT_HANDLE key; /* ours, and the HSM's */
	uint64_t remote;
	struct p11_facts facts;
	unsigned logouts;          /* of the slot, when it began */
	bool authenticated;        /* by a login for this operation */
	struct hl_buf parameter;   /* as on the wire */
	CK_ULONG tag_n;            /* AEAD: bytes behind the data */
	struct p11_hash *hash;     /* of digests, and of data that is hashed here */
	struct hl_buf gathered;    /* data given in parts; what was found */
	struct hl_buf result;      /* that did not fit the caller's room: told again, not made again */
	bool has_result;
	struct p11_stream stream;
	bool gathers;              /* the HSM takes such data in one part only */
	struct hl_buf part;        /* what came of a part, while `part_waits`: it did not fit the caller's room */
	bool part_waits;
	bool in_message;           /* one has begun, in parts */
	struct hl_buf aad;         /* of it */
};

struct p11_session {
	CK_SESSION_HANDLE handle;
	struct p11_slot *slot;
	CK_FLAGS flags;
	bool closed;          /* under p11.lock, like refs */
	unsigned refs;
	pthread_mutex_t busy; /* one call at a time: all below */
	struct p11_operation op[P11_KINDS];
};

/** Find the session and keep others out of it, until p11_session_give(). CKR_SESSION_HANDLE_INVALID. */
CK_RV p11_session_take(CK_SESSION_HANDLE handle, struct p11_session **out);
void p11_session_give(struct p11_session **s); /* for HL_AUTO; NULL is allowed */
/* Declares `s`; leaves the function where there is no such session. */
#define P11_SESSION(s, handle) \
	HL_AUTO(p11_session_give) struct p11_session *s = NULL; \
	P11_TRY(p11_session_take(handle, &s))

bool p11_session_writes(const struct p11_session *s);
/** As the token's user, who sees private objects. */
bool p11_session_logged_in(const struct p11_session *s);
/** The login is gone; under the lock. Private objects are forgotten. */
void p11_logged_out(struct p11_slot *slot);
/** End sessions of `slot` (NULL: all). A login ends with the last of them. */
void p11_sessions_close(struct p11_slot *slot);
/** Whether the operation goes on: not one that ended with its login. */
bool p11_operation_is_active(struct p11_session *s, enum p11_kind kind);

struct p11_digest;
struct p11_hash;
/** An empty one; it is not active yet. */
void p11_operation_start(struct p11_session *s, struct p11_operation *op);
/** The checks of an Init in the order of the standard; on CKR_OK the operation is active. `mechanism` NULL ends one that
 * is active. */
CK_RV p11_operation_init(
	struct p11_session *s, enum p11_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
/** Those of them that concern mechanism and key, for one that was saved: `op` has its parameter already. */
CK_RV p11_operation_resume(struct p11_session *s, enum p11_kind kind, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
	struct p11_operation *op);
/** CKR_OPERATION_NOT_INITIALIZED; CKR_USER_NOT_LOGGED_IN, where its key wants a login for each use. */
CK_RV p11_operation_of(struct p11_session *s, enum p11_kind kind, struct p11_operation **out);
void p11_operation_end(struct p11_operation *op);
/** Take a part: it is hashed or gathered. CKR_DATA_LEN_RANGE where that is too much. */
CK_RV p11_operation_add(struct p11_operation *op, const CK_BYTE *part, CK_ULONG n);
/** The digest of it, where it has one: of C_DigestInit, or of the mechanism. */
const struct p11_digest *p11_operation_digest_of(const struct p11_operation *op);
/** Hash another part; the first one begins. `n` may be 0. */
CK_RV p11_operation_hash(struct p11_operation *op, const struct p11_digest *d, const CK_BYTE *part, CK_ULONG n);
#define P11_DIGEST_MAX 64
/** The digest of the parts so far; there was one. */
CK_RV p11_operation_digest(struct p11_operation *op, CK_BYTE out[P11_DIGEST_MAX], CK_ULONG *n);
/** The parts are over, or thrown away: the operation is as it was after its Init. */
void p11_operation_rewind(struct p11_operation *op);
/** Whether the caller only asks for the length, or has too little room for `n`: then *rv is the answer, and the
 * operation goes on. */
bool p11_asks_length(CK_ULONG n, const CK_BYTE *out, CK_ULONG *out_n, CK_RV *rv);
/** Hand the outcome over and end the operation; one that does not fit is kept, and told again. */
CK_RV p11_operation_finish(
	struct p11_operation *op, CK_RV rv, struct hl_buf *result, CK_BYTE *out, CK_ULONG *out_n);
/** The code for the operation's key: one that the HSM does not know (any more) is forgotten. */
CK_RV p11_key_rv(struct p11_slot *slot, const struct p11_operation *op, CK_RV rv);

/* -- stream.c -------------------------------------------------------------------------------------------------------------- */

enum p11_stream_way { P11_STREAM_SIGN, P11_STREAM_VERIFY, P11_STREAM_ENCRYPT, P11_STREAM_DECRYPT }; /* as on the wire */
/** Another part; the first one begins. What comes of it is appended. CKR_MECHANISM_INVALID: its data is taken in one part
 * only. After any failure there is no stream any more. */
CK_RV p11_stream_add(struct p11_slot *slot, struct p11_operation *op, enum p11_stream_way way, struct hl_bytes part,
	struct hl_buf *out);
/** No more parts; `signature` is what verifying compares with. There is no stream any more. */
CK_RV p11_stream_end(struct p11_slot *slot, struct p11_operation *op, struct hl_bytes signature, struct hl_buf *out);
/** All at once, in pieces: data that no one message holds. The result is appended. As above. */
CK_RV p11_stream_whole(struct p11_slot *slot, const struct p11_operation *op, enum p11_stream_way way,
	struct hl_bytes parameter, struct hl_bytes data, struct hl_buf *out);
/** Nobody asks for it any more. No request: the next stream to begin ends it. */
void p11_stream_leave(struct p11_operation *op);

/* -- mechanism.c ------------------------------------------------------------------------------------------------------- */

enum p11_way {
	P11_ONE,    /* the data as it is; in parts: gathered */
	P11_HASHED, /* in parts: hashed here, and the HSM gets the digest */
};

/* How long a result is, before it is there. */
struct p11_length {
	CK_ULONG n;
	bool exact; /* else it is at most that */
};

struct p11_mechanism {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE key_type, also_type;
	enum p11_way way;
	CK_MECHANISM_TYPE hash; /* HASHED: by which digest. HMAC: its digest */
	CK_ULONG block;              /* of its cipher, bytes */
	/* Into wire fields; CKR_MECHANISM_PARAM_INVALID. NULL: it takes none. */
	CK_RV (*parameter)(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op);
	CK_ULONG (*signature_n)(const struct p11_operation *op);
	/* Of `n` bytes, encrypted or decrypted; CKR_DATA_LEN_RANGE where it takes no such length. */
	CK_RV (*crypted_n)(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out);
	bool once; /* its parameter serves one message */
};

/** NULL: not one of ours. */
const struct p11_mechanism *p11_mechanism(CK_MECHANISM_TYPE type);

struct p11_digest {
	CK_MECHANISM_TYPE type;
	const char *name; /* OpenSSL's */
	CK_ULONG n;
	CK_RSA_PKCS_MGF_TYPE mgf; /* 0: none that the HSM knows */
};
const struct p11_digest *p11_digest(CK_MECHANISM_TYPE type);
/** All digests; they are made here, whatever the HSM. */
const struct p11_digest *p11_digests(size_t *n);

/* hash.c: one that is under way. */
/** CKR_HOST_MEMORY, CKR_FUNCTION_FAILED. */
CK_RV p11_hash_new(const struct p11_digest *d, struct p11_hash **out);
CK_RV p11_hash_add(struct p11_hash *h, const CK_BYTE *part, CK_ULONG n);
CK_RV p11_hash_end(struct p11_hash *h, CK_BYTE out[P11_DIGEST_MAX], CK_ULONG *n);
void p11_hash_free(struct p11_hash *h); /* NULL is allowed */
/** Append what it knows of the parts so far; false: nobody can have that. */
bool p11_hash_save(const struct p11_hash *h, struct hl_buf *out);
/** The way back. CKR_SAVED_STATE_INVALID. */
CK_RV p11_hash_load(const struct p11_digest *d, struct hl_rd *from, struct p11_hash **out);

/* parameter.c */
typedef CK_RV p11_take_parameter(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op);
p11_take_parameter p11_parameter_pss, p11_parameter_oaep, p11_parameter_eddsa;
p11_take_parameter p11_parameter_iv, p11_parameter_ctr, p11_parameter_gcm, p11_parameter_gmac;
p11_take_parameter p11_parameter_chacha, p11_parameter_aead;
/** The fields of a GCM parameter; `iv` may be empty: the HSM makes one. CKR_MECHANISM_PARAM_INVALID. */
CK_RV p11_put_gcm(struct hl_bytes iv, struct hl_bytes aad, CK_ULONG tag_bits, struct hl_buf *out);
/** The same of CKM_CHACHA20_POLY1305. */
CK_RV p11_put_aead(struct hl_bytes nonce, struct hl_bytes aad, struct hl_buf *out);

/* length.c */
CK_ULONG p11_rsa_n(const struct p11_operation *op);
CK_ULONG p11_ec_n(const struct p11_operation *op);
CK_ULONG p11_dsa_n(const struct p11_operation *op);
CK_ULONG p11_ed_n(const struct p11_operation *op);
CK_ULONG p11_hash_n(const struct p11_operation *op);
CK_ULONG p11_block_n(const struct p11_operation *op);
CK_ULONG p11_half_block_n(const struct p11_operation *op);
CK_RV p11_length_rsa(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out);
CK_RV p11_length_blocks(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out);
CK_RV p11_length_padded(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out);
CK_RV p11_length_tagged(const struct p11_operation *op, bool encrypts, CK_ULONG n, struct p11_length *out);

/* derivation.c */
/** Of keys that are made or wrapped; as p11_mechanism(). */
const struct p11_mechanism *p11_mechanism_of_keys(CK_MECHANISM_TYPE type);
CK_RV p11_parameter_kdf(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op);
#define P11_FURTHER_MAX 16
/** The further keys that a derivation's parameter, which was taken before, asks for; their number. */
size_t p11_further_keys(const CK_MECHANISM *from, const CK_DERIVED_KEY **out);

/** peek.c: copy `n` bytes (a power of 2) from an address that may be none, and is aligned if it is one; false: it is none. */
bool p11_peek(const void *at, void *out, size_t n);

/* key.c */
/* Declares an operation that is none of a session's: it lends its parameter. */
#define P11_PARAMETER(op) \
	HL_AUTO(p11_parameter_clear) struct p11_operation op = { .parameter = hl_buf(HL_PARAMETER_MAX) }
void p11_parameter_clear(struct p11_operation *op);
/** Whether the token does this with the mechanism; its parameter goes to op->parameter. CKR_MECHANISM_INVALID,
 * CKR_MECHANISM_PARAM_INVALID. */
CK_RV p11_take_mechanism(
	struct p11_session *s, const CK_MECHANISM *mechanism, CK_FLAGS flag, struct p11_operation *op);
/** Whether this session may make such an object; CKA_TOKEN is added where it is not given. CKR_SESSION_READ_ONLY,
 * CKR_USER_NOT_LOGGED_IN. */
CK_RV p11_template_session(struct p11_session *s, struct p11_template *t, bool private_by_default);

/* sign.c: one-shot (`data`), or of the parts so far (`data` NULL) */
CK_RV p11_sign(struct p11_slot *slot, struct p11_operation *op, const struct hl_bytes *data, struct hl_buf *signature);
CK_RV p11_verify(struct p11_slot *slot, struct p11_operation *op, const struct hl_bytes *data, struct hl_bytes signature);
/** Of the operation's key. */
CK_ULONG p11_signature_n(const struct p11_operation *op);

/** Take a part of what is signed or verified. */
CK_RV p11_sign_add(struct p11_session *s, enum p11_kind kind, struct p11_operation *op, struct hl_bytes part);

/** digest.c: take a part of what is digested. */
CK_RV p11_digest_add(struct p11_operation *op, struct hl_bytes part);

/* cipher.c: with the parameter given, which is that of the operation or of a message */
CK_RV p11_encrypt(struct p11_slot *slot, const struct p11_operation *op, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out);
CK_RV p11_decrypt(struct p11_slot *slot, const struct p11_operation *op, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out);

/** Another part (`kind`: P11_ENCRYPT or P11_DECRYPT). CKR_OK with `*ready`: what came of it stands in op->part, the
 * caller has room for it, and p11_part_give() ends the call. Else `*out_n` is the answer: nothing was asked for but the
 * length, or there is too little room (CKR_BUFFER_TOO_SMALL), and the same part comes again. Any other code ends it. */
CK_RV p11_part_make(struct p11_session *s, enum p11_kind kind, struct p11_operation *op, struct hl_bytes in, CK_BYTE *out,
	CK_ULONG *out_n, bool *ready);
void p11_part_give(struct p11_operation *op, CK_BYTE *out, CK_ULONG *out_n);

/* random.c */
CK_RV p11_random(struct p11_slot *slot, CK_BYTE *out, CK_ULONG n);

/* -- object.c ------------------------------------------------------------------------------------------------------------ */

/** The handle of the HSM's object; the same one as long as it is valid. 0: no memory. Under the lock. */
CK_OBJECT_HANDLE p11_object_add(struct p11_slot *slot, uint64_t remote, bool is_private);
/** The same for one that this session has just made, into `*out`. CKR_HOST_MEMORY. */
CK_RV p11_object_new(struct p11_session *s, uint64_t remote, bool is_private, CK_OBJECT_HANDLE *out);
/** Whether it is one of the application's sessions and not the token's. */
static inline bool p11_is_session_object(uint64_t remote)
{
	return (remote & HL_SESSION_OBJECT) != 0;
}
/** Session objects end with this session. Under the lock; the HSM's handles are added to `ended` (uint64_t each). */
void p11_objects_of_session(struct p11_slot *slot, CK_SESSION_HANDLE session, struct hl_buf *ended);
/** The next session object of the slot after `after` (0: the first), whosever; 0: there is none. */
CK_OBJECT_HANDLE p11_object_next(struct p11_slot *slot, CK_OBJECT_HANDLE after, uint64_t *remote);
/** From now on it belongs to this session. Under the lock. */
void p11_object_own(struct p11_slot *slot, CK_OBJECT_HANDLE handle, CK_SESSION_HANDLE session);
/** Whether all attributes of the template stand so in a session object. CKR_OBJECT_HANDLE_INVALID. */
CK_RV p11_object_matches(struct p11_slot *slot, uint64_t remote, const struct p11_template *t, bool *out);
/** CKR_OBJECT_HANDLE_INVALID. */
CK_RV p11_object_of(struct p11_slot *slot, CK_OBJECT_HANDLE handle, uint64_t *remote);
/** What is known of it, asked once. CKR_OBJECT_HANDLE_INVALID. */
CK_RV p11_object_facts(struct p11_slot *slot, CK_OBJECT_HANDLE handle, uint64_t *remote, struct p11_facts *out);
/** Whether its CKA_ALLOWED_MECHANISMS has this one, as far as is known of it: p11_object_facts() was asked before. */
bool p11_object_allows(struct p11_slot *slot, CK_OBJECT_HANDLE handle, CK_MECHANISM_TYPE type);
/** The value of a secret key that may be read, appended. CKR_KEY_INDIGESTIBLE: of this one it may not. */
CK_RV p11_object_value(struct p11_slot *slot, uint64_t remote, struct hl_buf *out);
/** The HSM has none such (any more). */
void p11_object_forget(struct p11_slot *slot, CK_OBJECT_HANDLE handle);
/** Private ones, or all; under the lock. */
void p11_objects_clear(struct p11_slot *slot, bool all);

/* -- profile.c ----------------------------------------------------------------------------------------------------------- */

/** Whether the handle stands for an object that describes the provider: public, and on no token. */
bool p11_is_profile(uint64_t remote);
/** The next of them after `after` (0: the first); 0: there is none. */
uint64_t p11_profile_next(uint64_t after);
/** Its attributes, as the HSM tells those of others. CKR_HOST_MEMORY. */
CK_RV p11_profile_attributes(
	const struct hl_attributes_get *request, struct hl_attributes *answer, struct client_call *call);

/* -- template.c ----------------------------------------------------------------------------------------------------------- */

#define P11_ARRAY_BYTES 4096

/* An application's template in the form of the wire. */
struct p11_template {
	struct hl_attribute item[P11_TEMPLATE_MAX];
	uint8_t number[P11_TEMPLATE_MAX][8];
	uint8_t array[P11_ARRAY_BYTES]; /* mechanisms, and templates inside this one */
	size_t array_n;
	size_t n;
};
/** `exact`: values must have the form of their attribute (CKR_ATTRIBUTE_VALUE_INVALID); else such a one matches nothing.
 * CKR_ARGUMENTS_BAD. It points into the application's memory and into itself. */
CK_RV p11_template(const CK_ATTRIBUTE *from, CK_ULONG n, bool exact, struct p11_template *out);
/** Add a boolean unless it is there; CKR_TEMPLATE_INCONSISTENT: there are too many. */
CK_RV p11_template_default(struct p11_template *t, CK_ATTRIBUTE_TYPE type, bool value);
/** A boolean of it, or `otherwise`. */
bool p11_template_bool(const struct p11_template *t, CK_ATTRIBUTE_TYPE type, bool otherwise);
/** A number of it, or `otherwise`. */
CK_ULONG p11_template_number(const struct p11_template *t, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise);
/** An attribute from the wire into the application's, by the rules of C_GetAttributeValue. */
CK_RV p11_attribute_give(const struct hl_attribute *from, const struct p11_facts *facts, CK_ATTRIBUTE *to);
/** Which code a refusal of the HSM is, of the attribute that `detail` names: at `set` it is one of an object that exists,
 * else of a template, `t` (and `more`, which may be NULL). */
CK_RV p11_attribute_refused(const char *detail, bool set, const struct p11_template *t, const struct p11_template *more);
