/* messages.h - every message, field, bound and label of the service, in one place.
 *
 * A row F is a field: S, tag, kind, member, least, most (value, or length), flags, meaning.
 * A row L is a list: S, tag, member, message of an item, most items, flags, meaning.
 * (S stands for the message's struct; offsetof needs it.)
 * From these rows come the structs below, the codec's tables (messages.c), the trace lines, the
 * fuzz targets and doc/protocol.md. */
#pragma once

#include "lib/wire/msg.h"

#define HL_VERSION_MIN 1
#define HL_VERSION_MAX 1

#define HL_NAME_TEXT 64    /* users, partitions, members, client ids */
#define HL_LABEL 32        /* bytes of a token's label, UTF-8 */
#define HL_SECRET_BYTES 32 /* a user secret */
#define HL_BINDING 32      /* SHA-256 over the frames of steps 1 to 3 */
#define HL_MAC 32
#define HL_NONCE_EPOCH 12
#define HL_INCARNATION 8
#define HL_TOKEN 16
#define HL_SESSION_OBJECT (UINT64_C(1) << 63) /* in handles: the client keeps the object */
#define HL_HANDLE_MIN 256 /* no object has a handle below it: clients may use those for their own */
#define HL_BLOB_MAX 65536 /* a sealed object */
#define HL_KEPT_MAX 32 /* that one request makes */
#define HL_LOGIN_TICKET 128 /* a sealed login, at most */
#define HL_DATA_MAX (512u << 10)
#define HL_PARAMETER_MAX (80u << 10)
#define HL_SESSIONS_MAX 256 /* channels told at once */
#define HL_WRAPPED_MAX 65536 /* a wrapped key: the longest private key of RSA has some 4.7 KiB */
#define HL_TAG_MAX 16 /* what authenticated encryption adds */
#define HL_LOG_LINE 2048 /* of a partition's log: the longest names, escaped, make some 1,200 */
#define HL_LOG_LINES_MAX 256 /* of it told at once */
#define HL_RETRY_MAX_MS 86400000 /* the longest pause that a refusal asks for */
#define HL_ITERATIONS_MAX 10000000 /* of PBKDF2: some seconds */

/* clang-format off */
/* -- everywhere ------------------------------------------------------------------------------ */
/* Frozen for all versions, like the first two fields of hello.proxy. */
#define HL_M_REFUSED(F, L, S) \
	F(S, 1, U16, code, 1, 9999, 0, "stable id: the absolute wire code, printed HL-nnnn") \
	F(S, 2, U8,  step, 0, 9, 0, "at which step") \
	F(S, 3, U8,  retryable, 0, 1, 0, "1: the same may be tried again") \
	F(S, 4, U32, retry_after_ms, 0, HL_RETRY_MAX_MS, 0, "not before this time has passed") \
	F(S, 5, TEXT, detail, 0, 128, HL_OPT, "what exactly, where the code alone does not say it")

/* -- gateway: steps 1 to 3 and 6, in the clear ------------------------------------------------ */
#define HL_M_HELLO_PROXY(F, L, S) \
	F(S, 1, U16, version_min, 1, 65535, 0, "lowest version the client speaks (frozen)") \
	F(S, 2, U16, version_max, 1, 65535, 0, "highest version the client speaks (frozen)") \
	F(S, 3, BYTES, connection, 16, 16, 0, "connection id, random") \
	F(S, 4, TEXT, client_id, 0, HL_NAME_TEXT, HL_OPT, "free text of the client, for logs") \
	F(S, 5, TEXT, partition, 1, HL_NAME_TEXT, 0, "partition asked for") \
	F(S, 6, TEXT, pool, 1, 255, 0, "pool name that was resolved") \
	F(S, 7, TEXT, dialled, 1, 63, 0, "address and port that the client dialled") \
	F(S, 8, TEXT, scram, 1, 512, 0, "SCRAM client-first message, a= the partition") \
	L(S, 9, beside, hsm_name, 8, HL_OPT, "HSMs that other links of this client lead to, one for each link: another is preferred")

#define HL_M_HSM_NAME(F, L, S) \
	F(S, 1, TEXT, name, 1, HL_NAME_TEXT, 0, "name of the member")

#define HL_M_AUTH_REQUEST(F, L, S) \
	F(S, 1, U16, version, 1, 65535, 0, "version chosen") \
	F(S, 2, TEXT, scram, 1, 512, 0, "SCRAM server-first message")

#define HL_M_AUTH_ANSWER(F, L, S) \
	F(S, 1, TEXT, scram, 1, 512, HL_SECRET, "SCRAM client-final message with the proof")

#define HL_M_AUTH_RESULT(F, L, S) \
	F(S, 1, TEXT, scram, 1, 128, HL_SECRET, "SCRAM server-final message: the server signature") \
	F(S, 2, TEXT, hsm, 1, HL_NAME_TEXT, 0, "HSM that was reached")

/* -- service links: the first frame in the clear, the rest inside a channel ------------------- */
#define HL_M_LINK_HELLO(F, L, S) \
	F(S, 1, U8, role, 1, 3, 0, "1 proxy, 2 HSM, 3 REST") \
	F(S, 2, TEXT, name, 1, HL_NAME_TEXT, 0, "name of the member that dials") \
	F(S, 3, TEXT, peer, 1, HL_NAME_TEXT, 0, "name of the member that it means to reach") \
	F(S, 4, BYTES, connection, 16, 16, 0, "connection id, random")

#define HL_M_HEARTBEAT(F, L, S) \
	F(S, 1, U8, role, 1, 3, 0, "as in link.hello") \
	F(S, 2, TEXT, name, 1, HL_NAME_TEXT, 0, "name of the member") \
	F(S, 3, TEXT, address, 0, 63, HL_OPT, "where it takes connections") \
	F(S, 4, TEXT, cluster, 0, HL_NAME_TEXT, HL_OPT, "HSM: its cluster") \
	F(S, 5, BYTES, incarnation, 0, HL_INCARNATION, HL_OPT, "HSM: incarnation of the cluster")

#define HL_M_HEARTBEAT_ANSWER(F, L, S) \
	F(S, 1, BYTES, epoch, HL_NONCE_EPOCH, HL_NONCE_EPOCH, 0, "nonce epoch in force") \
	F(S, 2, TEXT, realm, 1, HL_NAME_TEXT, 0, "realm of the salts") \
	F(S, 3, U32, iterations, 4096, 10000000, 0, "SCRAM iteration count of the realm") \
	F(S, 4, U64, wall_ms, 0, UINT64_MAX, 0, "the directory's time")

#define HL_M_DIR_QUERY(F, L, S) \
	F(S, 1, BYTES, hello, 1, HL_FRAME_GATEWAY, HL_SECRET, "frame of step 1, exact bytes") \
	F(S, 2, BYTES, request, 1, HL_FRAME_GATEWAY, HL_SECRET, "frame of step 2, exact bytes") \
	F(S, 3, BYTES, answer, 1, HL_FRAME_GATEWAY, HL_SECRET, "frame of step 3, exact bytes") \
	F(S, 4, TEXT, peer, 1, 63, 0, "the client's address as the proxy sees it") \
	F(S, 5, TEXT, proxy, 1, HL_NAME_TEXT, 0, "name of the proxy")

#define HL_M_GRANT_TICKET(F, L, S) \
	F(S, 1, TEXT, hsm, 1, HL_NAME_TEXT, 0, "HSM that the ticket is for") \
	F(S, 2, TEXT, address, 1, 63, 0, "where it takes connections") \
	F(S, 3, BYTES, ticket, 1, 1024, HL_SECRET, "the ticket, sealed for that HSM")

#define HL_M_DIR_GRANT(F, L, S) \
	F(S, 1, BYTES, grant, 16, 16, 0, "grant id, random") \
	F(S, 2, U32, valid_ms, 1, 3600000, 0, "how long the tickets are good") \
	F(S, 3, TEXT, scram, 1, 128, HL_SECRET, "SCRAM server-final message, for step 6") \
	L(S, 4, tickets, grant_ticket, 16, 0, "one for each HSM of the cluster that is up")

#define HL_M_DIR_REFUSED(F, L, S) \
	F(S, 1, U16, code, 1, 9999, 0, "stable id, as in `refused`") \
	F(S, 2, U32, retry_after_ms, 0, HL_RETRY_MAX_MS, 0, "not before this time has passed") \
	F(S, 3, BYTES, epoch, 0, HL_NONCE_EPOCH, HL_OPT, "the epoch in force, where the old one was the reason")

#define HL_M_PARTITION_MAKE(F, L, S) \
	F(S, 1, TEXT, partition, 1, HL_NAME_TEXT, 0, "name of the new partition") \
	F(S, 2, U64, setup_life_ms, 1000, 31536000000u, 0, "life of the setup password") \
	F(S, 3, U8, life_from, 0, 1, 0, "0: from first use, 1: from issue") \
	F(S, 4, U8, pin_wanted, 0, 1, 0, "1: the PKCS#11 API was ordered") \
	F(S, 5, TEXT, setup_password, 0, 64, HL_OPT | HL_SECRET, "lab worlds: fixed, instead of a random one") \
	F(S, 6, TEXT, pin, 0, 32, HL_OPT | HL_SECRET, "lab worlds: fixed, instead of a random one") \
	F(S, 7, U8, profile, 0, 1, HL_OPT, "0: faithful; 1: lab: the PIN is the security officer's too, and without one the token is not initialised") \
	F(S, 8, BYTES, label, 0, HL_LABEL, HL_OPT, "lab: the token's")

#define HL_M_PARTITION_MADE(F, L, S) \
	F(S, 1, TEXT, setup_password, 1, 64, HL_SECRET, "five groups of five, told once") \
	F(S, 2, TEXT, pin, 0, 32, HL_OPT | HL_SECRET, "PKCS#11 password, told once")

#define HL_M_HSM_OPEN(F, L, S) \
	F(S, 1, BYTES, ticket, 1, 1024, HL_SECRET, "the ticket")

#define HL_M_HSM_OPENED(F, L, S) \
	F(S, 1, TEXT, hsm, 1, HL_NAME_TEXT, 0, "name of the HSM; from here on the link carries the channel")

/* -- never alone: the content of a ticket, before its MAC ------------------------------------ */
#define HL_M_TICKET(F, L, S) \
	F(S, 1, BYTES, grant, 16, 16, 0, "grant id") \
	F(S, 2, BYTES, binding, HL_BINDING, HL_BINDING, 0, "SHA-256 over the frames of steps 1 to 3") \
	F(S, 3, BYTES, connection, 16, 16, 0, "connection id") \
	F(S, 4, TEXT, partition, 1, HL_NAME_TEXT, 0, "partition") \
	F(S, 5, TEXT, client, 1, 63, 0, "the client's address") \
	F(S, 6, TEXT, proxy, 1, HL_NAME_TEXT, 0, "proxy that asked") \
	F(S, 7, TEXT, hsm, 1, HL_NAME_TEXT, 0, "HSM that it is for") \
	F(S, 8, U64, issued_ms, 0, UINT64_MAX, 0, "wall clock") \
	F(S, 9, U64, expires_ms, 0, UINT64_MAX, 0, "wall clock") \
	F(S, 10, BYTES, incarnation, HL_INCARNATION, HL_INCARNATION, 0, "incarnation of the cluster") \
	F(S, 11, TEXT, client_id, 0, HL_NAME_TEXT, HL_OPT, "as in hello.proxy, for the partition's log")

/* -- inside the channel: hsmlet-op/1 ---------------------------------------------------------- */
/* What the client has seen of the cluster, in every request ... */
#define HL_SEEN(F, S) \
	F(S, 1, U64, seen_term, 0, UINT64_MAX, HL_OPT, "largest term the client has seen") \
	F(S, 2, U64, seen_generation, 0, UINT64_MAX, HL_OPT, "largest store generation in that term")
/* ... and where the cluster stands, in every reply. */
#define HL_MARK(F, S) \
	F(S, 1, U64, term, 0, UINT64_MAX, 0, "term of the cluster") \
	F(S, 2, U64, generation, 0, UINT64_MAX, 0, "store generation") \
	F(S, 3, U64, time_ms, 0, UINT64_MAX, 0, "the HSM's time")

#define HL_M_HSM_RESULT(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, signature, 64, 64, 0, "Ed25519 over the channel's exported keying material") \
	F(S, 5, BYTES, identity, 0, 32, HL_OPT, "cluster identity key; on a setup channel only")

#define HL_M_OP_REFUSED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, U16, code, 1, 9999, 0, "stable id") \
	F(S, 5, U8, retryable, 0, 1, 0, "1: the same request may be sent again") \
	F(S, 6, U32, retry_after_ms, 0, HL_RETRY_MAX_MS, 0, "not before this time has passed") \
	F(S, 7, TEXT, detail, 0, 128, HL_OPT, "which attribute or field")

#define HL_M_ATTRIBUTE(F, L, S) \
	F(S, 1, U32, type, 0, UINT32_MAX, 0, "CKA_ number") \
	F(S, 2, U8, form, 0, 3, 0, "0 bytes, 1 boolean, 2 number, 3 unavailable") \
	F(S, 3, BYTES, value, 0, 65536, HL_OPT | HL_SECRET, "bytes; a boolean as one byte, a number as eight")

#define HL_M_ATTRIBUTE_TYPE(F, L, S) \
	F(S, 1, U32, type, 0, UINT32_MAX, 0, "CKA_ number")

#define HL_M_HANDLE(F, L, S) \
	F(S, 1, U64, handle, 1, UINT64_MAX, 0, "object handle") \
	F(S, 2, U8, private, 0, 1, HL_OPT, "1: only who is logged in sees it")

#define HL_M_PING(F, L, S) HL_SEEN(F, S)
#define HL_M_PONG(F, L, S) HL_MARK(F, S)

#define HL_M_SECRET_FETCH(F, L, S) HL_SEEN(F, S)
#define HL_M_SECRET_FETCHED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, secret, HL_SECRET_BYTES, HL_SECRET_BYTES, HL_SECRET, "the partition's user secret") \
	F(S, 5, U32, secret_generation, 1, UINT32_MAX, 0, "its generation")

#define HL_M_LOGIN(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, pin, 1, 256, HL_SECRET, "PKCS#11 PIN") \
	F(S, 4, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token: a wrong PIN is counted") \
	F(S, 5, U64, key, 0, UINT64_MAX, HL_OPT, "for one use of this key, which wants the PIN each time; who is logged in stays so") \
	F(S, 6, U8, role, 0, 1, HL_OPT, "whose PIN: 0 the partition's user, 1 its security officer, in the lab profile only")
#define HL_M_LOGIN_TICKET(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, ticket, 1, HL_LOGIN_TICKET, HL_SECRET, "what a login was answered with, whatever link that was on")
#define HL_M_LOGGED_IN(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, ticket, 0, HL_LOGIN_TICKET, HL_OPT | HL_SECRET, "to be shown on the next link, instead of the one before")
#define HL_M_LOGIN_STATE(F, L, S) \
	F(S, 1, TEXT, serial, 16, 16, 0, "of the partition") \
	F(S, 2, U32, pin_generation, 0, UINT32_MAX, HL_OPT, "of the PIN that was right") \
	F(S, 3, U32, secret_generation, 1, UINT32_MAX, 0, "of the user secret then") \
	F(S, 4, U64, expires_ms, 0, UINT64_MAX, 0, "wall clock") \
	F(S, 5, U8, role, 0, 1, HL_OPT, "as in login")
#define HL_M_LOGOUT(F, L, S) HL_SEEN(F, S)
#define HL_M_DONE(F, L, S) HL_MARK(F, S)

/* The lab profile: what a security officer does with a token. */
#define HL_M_PIN_SET(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, pin, 1, 256, HL_SECRET, "the PIN as it is") \
	F(S, 4, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 5, U8, role, 0, 1, HL_OPT, "whose, as in login") \
	F(S, 6, BYTES, fresh, 0, 256, HL_OPT | HL_SECRET, "the PIN as it shall be")
#define HL_M_PIN_INIT(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 4, BYTES, fresh, 0, 256, HL_OPT | HL_SECRET, "PIN of the partition's user, from now on")
#define HL_M_TOKEN_INIT(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, pin, 1, 256, HL_SECRET, "the security officer's; of a token that is not initialised: from now on") \
	F(S, 4, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 5, BYTES, label, 0, HL_LABEL, HL_OPT, "the token's, without the blanks behind it")

#define HL_M_INFO(F, L, S) HL_SEEN(F, S)
#define HL_M_INFO_ANSWER(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, TEXT, device, 1, HL_NAME_TEXT, 0, "name of the HSM") \
	F(S, 5, TEXT, version, 1, HL_NAME_TEXT, 0, "version of its software") \
	F(S, 6, TEXT, partition, 1, HL_NAME_TEXT, 0, "partition name, the token's label") \
	F(S, 7, TEXT, serial, 16, 16, 0, "serial of the partition, the same on all members") \
	F(S, 8, U32, objects, 0, UINT32_MAX, 0, "objects in the partition") \
	F(S, 9, U32, objects_max, 0, UINT32_MAX, 0, "how many it may hold") \
	F(S, 10, U8, pin_set, 0, 1, 0, "1: it has a PKCS#11 PIN") \
	F(S, 11, U8, logged_in, 0, 1, 0, "1: this channel is logged in") \
	F(S, 12, U32, pin_left, 0, UINT32_MAX, HL_OPT, "wrong PINs that are left in the window under way; 0: locked, or no PIN") \
	F(S, 13, U8, pin_failed, 0, 1, HL_OPT, "1: the last PIN was wrong") \
	F(S, 14, U8, lab, 0, 1, HL_OPT, "1: of the lab profile: the token has a label of its own and a security officer") \
	F(S, 15, BYTES, label, 0, HL_LABEL, HL_OPT, "then: the token's") \
	F(S, 16, U8, blank, 0, 1, HL_OPT, "1: the token is not initialised") \
	F(S, 17, U32, officer_left, 0, UINT32_MAX, HL_OPT, "as pin_left, of the security officer's PIN") \
	F(S, 18, U8, officer_failed, 0, 1, HL_OPT, "as pin_failed") \
	F(S, 19, U8, officer, 0, 1, HL_OPT, "1: this channel is the security officer's")

#define HL_M_LOG_LINE(F, L, S) \
	F(S, 1, U64, number, 1, UINT64_MAX, 0, "in the partition's log: 1, 2, 3, ...") \
	F(S, 2, U64, at_ms, 0, UINT64_MAX, 0, "when it happened") \
	F(S, 3, TEXT, line, 1, HL_LOG_LINE, 0, "the line, printable ASCII") \
	F(S, 4, U16, code, 0, 9999, HL_OPT, "of an error: its stable id")
#define HL_M_LOG_FETCH(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, since_ms, 0, UINT64_MAX, HL_OPT, "nothing that happened before") \
	F(S, 4, U64, from, 0, UINT64_MAX, HL_OPT, "lines behind this number, in the direction asked for; 0: all") \
	F(S, 5, U8, reverse, 0, 1, HL_OPT, "1: the latest first") \
	F(S, 6, U32, limit, 1, HL_LOG_LINES_MAX, 0, "at most so many; the HSM may look at fewer and say that there may be more")
#define HL_M_LOG_LINES(F, L, S) \
	HL_MARK(F, S) \
	L(S, 4, lines, log_line, HL_LOG_LINES_MAX, 0, "of this partition alone") \
	F(S, 5, U8, more, 0, 1, HL_OPT, "1: there may be more; ask again") \
	F(S, 6, U64, last, 0, UINT64_MAX, HL_OPT, "then: all lines up to this one were looked at")

#define HL_M_MECHANISM(F, L, S) \
	F(S, 1, U32, number, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 2, U32, min, 0, UINT32_MAX, 0, "smallest key, in the unit of the mechanism: bits, or bytes of secret keys") \
	F(S, 3, U32, max, 0, UINT32_MAX, 0, "largest key") \
	F(S, 4, U32, flags, 0, UINT32_MAX, 0, "what it does, as CKF_ flags")
#define HL_M_MECHANISMS(F, L, S) HL_SEEN(F, S)
#define HL_M_MECHANISMS_ANSWER(F, L, S) \
	HL_MARK(F, S) \
	L(S, 4, mechanisms, mechanism, 512, 0, "all that this HSM does")

#define HL_M_RANDOM(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U32, length, 1, 65536, 0, "how many bytes")
#define HL_M_RANDOM_ANSWER(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, bytes, 1, 65536, HL_SECRET, "random bytes")

#define HL_M_GENERATE(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token: 8 bytes of HSM time, 8 random") \
	F(S, 4, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	L(S, 5, template, attribute, 64, 0, "of the secret or private key, or of domain parameters") \
	L(S, 6, public_template, attribute, 64, 0, "of the public key") \
	F(S, 7, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT | HL_SECRET, "of the mechanism, where it takes one")
#define HL_M_GENERATED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, U64, handle, 1, UINT64_MAX, 0, "secret or private key, or domain parameters") \
	F(S, 5, U64, public_handle, 0, UINT64_MAX, HL_OPT, "public key") \
	L(S, 6, kept, kept, HL_KEPT_MAX, 0, "those of them that are session objects, for the client to keep")

#define HL_M_KEPT(F, L, S) \
	F(S, 1, U64, handle, HL_SESSION_OBJECT, UINT64_MAX, 0, "session object") \
	F(S, 2, U8, private, 0, 1, HL_OPT, "1: it ends with the login") \
	F(S, 3, BYTES, blob, 1, HL_BLOB_MAX, HL_SECRET, "the object, sealed")

#define HL_M_OBJECT_LOAD(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, blob, 1, HL_BLOB_MAX, HL_SECRET, "the object, as it was given to the client")

#define HL_M_OBJECT_KEPT(F, L, S) \
	HL_MARK(F, S) \
	L(S, 4, kept, kept, HL_KEPT_MAX, 0, "session objects as they are now")

#define HL_M_KEPT_STATE(F, L, S) \
	F(S, 1, TEXT, serial, 16, 16, 0, "of the partition") \
	F(S, 2, U32, blob_epoch, 0, UINT32_MAX, HL_OPT, "of the partition") \
	F(S, 3, U32, pin_generation, 0, UINT32_MAX, HL_OPT, "of the PIN; of private objects only") \
	F(S, 4, U32, secret_generation, 1, UINT32_MAX, 0, "of the user secret") \
	F(S, 5, U64, expires_ms, 0, UINT64_MAX, 0, "wall clock") \
	F(S, 6, U64, handle, HL_SESSION_OBJECT, UINT64_MAX, 0, "of the object") \
	F(S, 7, BYTES, open, 1, HL_BLOB_MAX, 0, "fields of object.row") \
	F(S, 8, BYTES, value, 0, HL_BLOB_MAX, HL_OPT | HL_SECRET, "the key value") \
	F(S, 9, U32, changes, 0, UINT32_MAX, HL_OPT, "so often it was changed")

#define HL_M_FIND(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, after, 0, UINT64_MAX, HL_OPT, "handles above this one") \
	F(S, 4, U32, limit, 1, 1024, 0, "at most so many; the HSM may look at fewer and say that there may be more") \
	L(S, 5, template, attribute, 64, 0, "all of these must match")
#define HL_M_FOUND(F, L, S) \
	HL_MARK(F, S) \
	L(S, 4, handles, handle, 1024, 0, "in ascending order") \
	F(S, 5, U8, more, 0, 1, HL_OPT, "1: there may be more; ask again") \
	F(S, 6, U64, last, 0, UINT64_MAX, HL_OPT, "then: all handles up to this one were looked at")

#define HL_M_ATTRIBUTES_GET(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, handle, 1, UINT64_MAX, 0, "object") \
	L(S, 4, types, attribute_type, 64, 0, "which attributes; an empty list means all")
#define HL_M_ATTRIBUTES(F, L, S) \
	HL_MARK(F, S) \
	L(S, 4, attributes, attribute, 64, 0, "in the order asked for; sensitive or foreign ones as unavailable")

#define HL_M_ATTRIBUTES_SET(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 4, U64, handle, 1, UINT64_MAX, 0, "object") \
	L(S, 5, attributes, attribute, 64, 0, "new values")

#define HL_M_DESTROY(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 4, U64, handle, 1, UINT64_MAX, 0, "object")

#define HL_M_CREATE(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	L(S, 4, template, attribute, 64, 0, "the whole object, its value included")
#define HL_M_CREATED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, U64, handle, 1, UINT64_MAX, 0, "of the new object") \
	L(S, 5, kept, kept, HL_KEPT_MAX, 0, "it, where it is a session object, for the client to keep")

#define HL_M_COPY(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 4, U64, handle, 1, UINT64_MAX, 0, "object that is copied") \
	L(S, 5, template, attribute, 64, 0, "what is other than there")

#define HL_M_WRAP(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, key, 1, UINT64_MAX, 0, "handle of the wrapping key") \
	F(S, 4, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 5, U64, target, 1, UINT64_MAX, 0, "handle of the key that is wrapped") \
	F(S, 6, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT | HL_SECRET, "of the mechanism, where it takes one")
#define HL_M_WRAPPED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, wrapped, 1, HL_WRAPPED_MAX, 0, "the key, encrypted")

#define HL_M_UNWRAP(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 4, U64, key, 1, UINT64_MAX, 0, "handle of the unwrapping key") \
	F(S, 5, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 6, BYTES, wrapped, 0, HL_WRAPPED_MAX, HL_OPT, "the key, encrypted") \
	F(S, 7, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT | HL_SECRET, "of the mechanism, as in wrap") \
	L(S, 8, template, attribute, 64, 0, "of the new key")

#define HL_M_DERIVE(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 4, U64, key, 1, UINT64_MAX, 0, "handle of the base key") \
	F(S, 5, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 6, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT | HL_SECRET, "of the mechanism, where it takes one") \
	L(S, 7, template, attribute, 64, 0, "of the new key, of several the first")
#define HL_M_DERIVED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, U64, handle, 1, UINT64_MAX, 0, "of the new key") \
	L(S, 5, more, handle, 16, 0, "further keys, in the order of the parameter") \
	L(S, 6, kept, kept, HL_KEPT_MAX, 0, "those of them that are session objects, for the client to keep")

/* What the field `parameter` of these requests holds, by mechanism. */
#define HL_M_PSS_PARAMETER(F, L, S) \
	F(S, 1, U32, hash, 0, UINT32_MAX, 0, "CKM_ number of the digest") \
	F(S, 2, U32, mgf, 0, UINT32_MAX, 0, "CKG_ number of the mask generation function") \
	F(S, 3, U32, salt, 0, UINT32_MAX, 0, "length of the salt, bytes")

#define HL_M_GCM_PARAMETER(F, L, S) \
	F(S, 1, BYTES, iv, 0, 256, HL_OPT, "12 to 128 bytes; to encrypt it may be empty, then the HSM makes one") \
	F(S, 2, BYTES, aad, 0, 65536, HL_OPT | HL_SECRET, "additional data, authenticated and not encrypted") \
	F(S, 3, U32, tag_bits, 0, UINT32_MAX, 0, "length of the tag: 96, 104, 112, 120 or 128 bits")

#define HL_M_IV_PARAMETER(F, L, S) \
	F(S, 1, BYTES, iv, 8, 16, 0, "as long as a block of the cipher")

#define HL_M_CTR_PARAMETER(F, L, S) \
	F(S, 1, U32, bits, 1, 128, 0, "how many bits at the end of the block count") \
	F(S, 2, BYTES, block, 16, 16, 0, "the first block of the counter")

#define HL_M_CHACHA_PARAMETER(F, L, S) \
	F(S, 1, U64, counter, 0, UINT64_MAX, HL_OPT, "number of the first block") \
	F(S, 2, BYTES, nonce, 8, 12, 0, "8 bytes beside a counter of 64 bits, 12 beside one of 32")

#define HL_M_AEAD_PARAMETER(F, L, S) \
	F(S, 1, BYTES, nonce, 12, 12, 0, "used once with its key") \
	F(S, 2, BYTES, aad, 0, 65536, HL_OPT | HL_SECRET, "additional data, authenticated and not encrypted")

#define HL_M_OAEP_PARAMETER(F, L, S) \
	F(S, 1, U32, hash, 0, UINT32_MAX, 0, "CKM_ number of the digest") \
	F(S, 2, U32, mgf, 0, UINT32_MAX, 0, "CKG_ number of the mask generation function") \
	F(S, 3, BYTES, label, 0, 1024, HL_OPT, "the encoding parameter P")

#define HL_M_EDDSA_PARAMETER(F, L, S) \
	F(S, 1, U8, prehash, 0, 1, HL_OPT, "1: the data is hashed first") \
	F(S, 2, BYTES, context, 0, 255, HL_OPT, "the context of RFC 8032")

#define HL_M_AGREE_PARAMETER(F, L, S) \
	F(S, 1, U32, kdf, 1, 255, 0, "CKD_ number of the key derivation function") \
	F(S, 2, BYTES, shared, 0, 1024, HL_OPT | HL_SECRET, "what both sides know besides, for that function") \
	F(S, 3, BYTES, public, 1, 2048, 0, "the other side's public value; a point also as a DER OCTET STRING")

#define HL_M_DATA_PARAMETER(F, L, S) \
	F(S, 1, BYTES, iv, 0, 16, HL_OPT, "as long as a block, where the mode takes one") \
	F(S, 2, BYTES, data, 8, 65536, HL_SECRET, "what is encrypted: whole blocks")

#define HL_M_KDF_PART(F, L, S) \
	F(S, 1, U32, type, 1, 4, 0, "1 what is iterated, 2 a counter, 3 the length of what is derived, 4 these bytes") \
	F(S, 2, U32, bits, 0, 64, HL_OPT, "width of a counter or length: 8 to 64, whole bytes") \
	F(S, 3, U8, little, 0, 1, HL_OPT, "1: it is little-endian") \
	F(S, 4, U32, method, 0, 2, HL_OPT, "the length is 1 the sum of the keys, 2 the sum of the segments") \
	F(S, 5, BYTES, value, 0, 4096, HL_OPT | HL_SECRET, "of bytes")

#define HL_M_KDF_KEY(F, L, S) \
	L(S, 1, template, attribute, 64, 0, "of a further key")

#define HL_M_KDF_PARAMETER(F, L, S) \
	F(S, 1, U32, prf, 0, UINT32_MAX, 0, "CKM_ number of an HMAC or CMAC") \
	F(S, 2, BYTES, iv, 0, 512, HL_OPT, "where the feedback begins") \
	L(S, 3, parts, kdf_part, 32, 0, "what each round hashes, in this order") \
	L(S, 4, more, kdf_key, 16, 0, "keys that are derived after the first")

#define HL_M_PBKDF2_PARAMETER(F, L, S) \
	F(S, 1, U32, prf, 1, 255, 0, "CKP_ number of the pseudo-random function") \
	F(S, 2, U32, iterations, 1, HL_ITERATIONS_MAX, 0, "how often it is applied") \
	F(S, 3, BYTES, salt, 1, 1024, 0, "the salt") \
	F(S, 4, BYTES, password, 0, 1024, HL_OPT | HL_SECRET, "the password")

#define HL_M_SIGN(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, key, 1, UINT64_MAX, 0, "handle of the private key") \
	F(S, 4, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 5, BYTES, data, 0, HL_DATA_MAX, HL_OPT | HL_SECRET, "what is signed") \
	F(S, 6, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT, "of the mechanism, where it takes one") \
	F(S, 7, U8, hashed, 0, 1, HL_OPT, "1: the data is the mechanism's digest of what is signed")
#define HL_M_SIGNED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, signature, 1, 4096, 0, "the signature")

#define HL_M_VERIFY(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, key, 1, UINT64_MAX, 0, "handle of the public key") \
	F(S, 4, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 5, BYTES, data, 0, HL_DATA_MAX, HL_OPT | HL_SECRET, "what was signed") \
	F(S, 6, BYTES, signature, 0, 4096, HL_OPT, "the signature") \
	F(S, 7, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT, "of the mechanism, as in sign") \
	F(S, 8, U8, hashed, 0, 1, HL_OPT, "as in sign")

#define HL_M_ENCRYPT(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, key, 1, UINT64_MAX, 0, "handle of the key") \
	F(S, 4, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 5, BYTES, data, 0, HL_DATA_MAX, HL_OPT | HL_SECRET, "what is encrypted") \
	F(S, 6, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT | HL_SECRET, "of the mechanism")
#define HL_M_ENCRYPTED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, data, 0, HL_DATA_MAX + HL_TAG_MAX, HL_OPT, "the same encrypted, with its tag at the end") \
	F(S, 5, BYTES, iv, 0, 16, HL_OPT, "the IV, where the HSM made it")

#define HL_M_DECRYPT(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, key, 1, UINT64_MAX, 0, "handle of the key") \
	F(S, 4, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 5, BYTES, data, 0, HL_DATA_MAX + HL_TAG_MAX, HL_OPT, "what was encrypted, with its tag at the end") \
	F(S, 6, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT | HL_SECRET, "of the mechanism, as in encrypt")
#define HL_M_DECRYPTED(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, data, 0, HL_DATA_MAX, HL_OPT | HL_SECRET, "the data in the clear")

/* A field `stream` makes a request one of its link: what it names ends with it, so it is never sent over another. */
#define HL_M_STREAM_BEGIN(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U8, way, 0, 3, 0, "0 sign, 1 verify, 2 encrypt, 3 decrypt") \
	F(S, 4, U64, key, 1, UINT64_MAX, 0, "handle of the key") \
	F(S, 5, U32, mechanism, 0, UINT32_MAX, 0, "CKM_ number") \
	F(S, 6, BYTES, parameter, 0, HL_PARAMETER_MAX, HL_OPT | HL_SECRET, "of the mechanism")
#define HL_M_STREAM_BEGUN(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, U64, stream, 1, UINT64_MAX, 0, "its number, random; any refusal of a request with it ends it")

#define HL_M_STREAM_UPDATE(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, stream, 1, UINT64_MAX, 0, "as in stream.begun") \
	F(S, 4, BYTES, data, 0, HL_DATA_MAX, HL_OPT | HL_SECRET, "the next piece")
#define HL_M_STREAM_FINAL(F, L, S) \
	HL_SEEN(F, S) \
	F(S, 3, U64, stream, 1, UINT64_MAX, 0, "as in stream.begun") \
	F(S, 4, BYTES, signature, 0, 4096, HL_OPT, "what verifying compares with")
#define HL_M_STREAM_DATA(F, L, S) \
	HL_MARK(F, S) \
	F(S, 4, BYTES, data, 0, HL_DATA_MAX + 2 * HL_TAG_MAX, HL_OPT | HL_SECRET, "what there is so far; at the end a signature, or the rest") \
	F(S, 5, U8, more, 0, 1, HL_OPT, "1: the end has come, and there is more of the rest: ask for the end again")

/* -- admin: a local socket, the same user ------------------------------------------------------ */
#define HL_M_ALLOWED(F, L, S) \
	F(S, 1, TEXT, range, 1, 63, 0, "address, or address/prefix")

#define HL_M_PROVISION(F, L, S) \
	F(S, 1, TEXT, tenant, 1, HL_NAME_TEXT, 0, "tenant, the <company> of the file names") \
	F(S, 2, TEXT, service_user, 1, HL_NAME_TEXT, 0, "service user") \
	F(S, 3, TEXT, partition, 1, HL_NAME_TEXT, 0, "partition") \
	F(S, 4, TEXT, package, 1, 16, 0, "SBX, ECO, ECO-CC or PLATINUM") \
	F(S, 5, U8, pkcs11, 0, 1, 0, "1: the PKCS#11 API is ordered") \
	L(S, 6, allowed, allowed, 64, 0, "addresses that may connect; empty: all") \
	F(S, 7, TEXT, service_password, 0, 64, HL_OPT | HL_SECRET, "lab worlds: fixed") \
	F(S, 8, TEXT, setup_password, 0, 64, HL_OPT | HL_SECRET, "lab worlds: fixed") \
	F(S, 9, TEXT, pin, 0, 32, HL_OPT | HL_SECRET, "lab worlds: fixed") \
	F(S, 10, U8, profile, 0, 1, HL_OPT, "as in partition.make") \
	F(S, 11, BYTES, label, 0, HL_LABEL, HL_OPT, "as in partition.make")
#define HL_M_PROVISIONED(F, L, S) \
	F(S, 1, TEXT, service_file, 1, 4096, 0, "path of the service-user file") \
	F(S, 2, TEXT, hsm_file, 1, 4096, 0, "path of the technical-user file")

#define HL_M_STATUS(F, L, S) \
	F(S, 1, U8, what, 0, 0, HL_OPT, "reserved")
#define HL_M_STATUS_MEMBER(F, L, S) \
	F(S, 1, U8, role, 1, 3, 0, "as in link.hello") \
	F(S, 2, TEXT, name, 1, HL_NAME_TEXT, 0, "name") \
	F(S, 3, TEXT, address, 0, 63, HL_OPT, "where it takes connections") \
	F(S, 4, U8, up, 0, 1, 0, "1: its link to the directory stands")
#define HL_M_STATUS_PARTITION(F, L, S) \
	F(S, 1, TEXT, partition, 1, HL_NAME_TEXT, 0, "name") \
	F(S, 2, TEXT, tenant, 1, HL_NAME_TEXT, 0, "whose") \
	F(S, 3, TEXT, service_user, 1, HL_NAME_TEXT, 0, "who opens the gateway for it") \
	F(S, 4, TEXT, package, 1, 16, 0, "service package") \
	F(S, 5, TEXT, cluster, 1, HL_NAME_TEXT, 0, "where it lives")
#define HL_M_STATUS_ANSWER(F, L, S) \
	L(S, 1, members, status_member, 256, 0, "proxies and HSMs") \
	L(S, 2, partitions, status_partition, 1024, 0, "partitions of all tenants")

#define HL_M_SESSIONS(F, L, S) \
	F(S, 1, U64, after, 0, UINT64_MAX, HL_OPT, "channels with numbers above this one") \
	F(S, 2, U32, limit, 1, HL_SESSIONS_MAX, 0, "at most so many")
#define HL_M_SESSION(F, L, S) \
	F(S, 1, U64, number, 1, UINT64_MAX, 0, "in the order in which they were opened") \
	F(S, 2, BYTES, connection, 16, 16, 0, "connection id") \
	F(S, 3, TEXT, partition, 1, HL_NAME_TEXT, 0, "partition") \
	F(S, 4, TEXT, client, 1, 63, 0, "the client's address, as the proxy saw it") \
	F(S, 5, TEXT, proxy, 1, HL_NAME_TEXT, 0, "proxy that it came through") \
	F(S, 6, U8, setup, 0, 1, HL_OPT, "1: opened with a setup password") \
	F(S, 7, U8, logged_in, 0, 1, HL_OPT, "1: logged in with the PIN") \
	F(S, 8, U64, since_ms, 0, UINT64_MAX, 0, "when it was opened, by the HSM's time") \
	F(S, 9, U64, requests, 0, UINT64_MAX, 0, "requests that came on it")
#define HL_M_SESSIONS_ANSWER(F, L, S) \
	L(S, 1, sessions, session, HL_SESSIONS_MAX, 0, "channels that are open") \
	F(S, 2, U8, more, 0, 1, HL_OPT, "1: there are more")

#define HL_M_SESSION_CLOSE(F, L, S) \
	F(S, 1, BYTES, connection, 16, 16, 0, "connection id of the channel")
#define HL_M_SESSION_CLOSED(F, L, S) \
	F(S, 1, TEXT, partition, 1, HL_NAME_TEXT, 0, "whose channel it was")

#define HL_M_TOKEN_RESET(F, L, S) \
	F(S, 1, TEXT, partition, 1, HL_NAME_TEXT, 0, "of the lab profile") \
	F(S, 2, BYTES, label, 0, HL_LABEL, HL_OPT, "the token's") \
	F(S, 3, TEXT, pin, 0, 32, HL_OPT | HL_SECRET, "of user and security officer; empty: the token is not initialised")
#define HL_M_TOKEN_WAS_RESET(F, L, S) \
	F(S, 1, U64, objects, 0, UINT64_MAX, 0, "how many it had")

/* -- never alone: what the HSM's store keeps --------------------------------------------------- */
#define HL_M_OBJECT_ROW(F, L, S) \
	L(S, 1, attributes, attribute, 64, 0, "all but the key value")

#define HL_M_CLUSTER_ROW(F, L, S) \
	F(S, 1, TEXT, cluster, 1, HL_NAME_TEXT, 0, "name of the cluster") \
	F(S, 2, BYTES, identity, 32, 32, 0, "Ed25519 public key of the cluster") \
	F(S, 3, U64, term, 0, UINT64_MAX, 0, "changes of master so far")
#define HL_M_CLUSTER_SECRET(F, L, S) \
	F(S, 1, BYTES, identity, 32, 32, HL_SECRET, "Ed25519 private key of the cluster")

#define HL_M_PARTITION_ROW(F, L, S) \
	F(S, 1, TEXT, name, 1, HL_NAME_TEXT, 0, "name, the token's label") \
	F(S, 2, TEXT, serial, 16, 16, 0, "hex, the same on all members") \
	F(S, 3, U32, secret_generation, 1, UINT32_MAX, 0, "of the user secret") \
	F(S, 4, U32, setup_generation, 1, UINT32_MAX, 0, "of the setup password") \
	F(S, 5, U64, setup_life_ms, 0, UINT64_MAX, 0, "life of the setup password") \
	F(S, 6, U8, setup_from_issue, 0, 1, 0, "1: life counts from issue, 0: from first use") \
	F(S, 7, U64, setup_issued_ms, 0, UINT64_MAX, 0, "when it was made") \
	F(S, 8, U64, setup_used_ms, 0, UINT64_MAX, HL_OPT, "first use; 0: none yet") \
	F(S, 9, U8, pin_set, 0, 1, 0, "1: there is a PKCS#11 PIN") \
	F(S, 10, BYTES, pin_salt, 0, 32, HL_OPT, "of PBKDF2") \
	F(S, 11, U32, pin_iterations, 0, UINT32_MAX, HL_OPT, "of PBKDF2-HMAC-SHA-256") \
	F(S, 12, U32, pin_failures, 0, UINT32_MAX, HL_OPT, "wrong PINs in the window under way") \
	F(S, 13, U64, pin_window_ms, 0, UINT64_MAX, HL_OPT, "when that window began") \
	F(S, 14, U64, pin_locked_ms, 0, UINT64_MAX, HL_OPT, "locked until then") \
	F(S, 15, U32, objects_max, 0, UINT32_MAX, 0, "how many objects it may hold") \
	F(S, 16, U64, token_floor_ms, 0, UINT64_MAX, HL_OPT, "effect tokens of an earlier time are forgotten") \
	F(S, 17, U8, profile, 0, 1, HL_OPT, "0: faithful, 1: lab, where keys may be used as old applications expect it, and a security officer logs in") \
	F(S, 18, U32, pin_generation, 0, UINT32_MAX, HL_OPT, "of the PIN: login tickets of an earlier one are void") \
	F(S, 19, U32, blob_epoch, 0, UINT32_MAX, HL_OPT, "session objects of an earlier one are void") \
	F(S, 20, BYTES, label, 0, HL_LABEL, HL_OPT, "lab: the token's") \
	F(S, 21, U8, blank, 0, 1, HL_OPT, "lab: 1: the token is not initialised") \
	F(S, 22, BYTES, officer_salt, 0, 32, HL_OPT, "lab: of the security officer's PIN, like all that follows") \
	F(S, 23, U32, officer_iterations, 0, UINT32_MAX, HL_OPT, "of PBKDF2-HMAC-SHA-256") \
	F(S, 24, U32, officer_failures, 0, UINT32_MAX, HL_OPT, "wrong PINs in the window under way") \
	F(S, 25, U64, officer_window_ms, 0, UINT64_MAX, HL_OPT, "when that window began") \
	F(S, 26, U64, officer_locked_ms, 0, UINT64_MAX, HL_OPT, "locked until then") \
	F(S, 27, U32, officer_generation, 0, UINT32_MAX, HL_OPT, "its login tickets of an earlier one are void")
#define HL_M_PARTITION_SECRET(F, L, S) \
	F(S, 1, BYTES, secret, HL_SECRET_BYTES, HL_SECRET_BYTES, HL_SECRET, "user secret") \
	F(S, 2, BYTES, setup_key, 32, 32, HL_SECRET, "derived from the setup password") \
	F(S, 3, BYTES, pin_hash, 0, 32, HL_OPT | HL_SECRET, "slow hash of the PIN") \
	F(S, 4, BYTES, officer_hash, 0, 32, HL_OPT | HL_SECRET, "of the security officer's PIN")

#define HL_M_TOKEN_ROW(F, L, S) \
	F(S, 1, BYTES, token, HL_TOKEN, HL_TOKEN, 0, "effect token") \
	F(S, 2, BYTES, mac, HL_MAC, HL_MAC, 0, "HMAC-SHA-256 of type and fields of the request, without what the client had seen") \
	F(S, 3, U64, made_ms, 0, UINT64_MAX, 0, "when the effect happened")
#define HL_M_TOKEN_RESULT(F, L, S) \
	F(S, 1, U16, type, 0, UINT16_MAX, HL_OPT, "type of the reply") \
	F(S, 2, BYTES, reply, 0, 65536, HL_OPT | HL_SECRET, "its fields, without the mark") \
	F(S, 3, U16, code, 0, 9999, HL_OPT, "instead of a reply: the refusal that was counted") \
	F(S, 4, U8, private, 0, 1, HL_OPT, "1: it took a login, and is told again only to who is logged in")

#define HL_M_LOG_ROW(F, L, S) \
	F(S, 1, U64, at_ms, 0, UINT64_MAX, 0, "when it happened") \
	F(S, 2, TEXT, line, 1, HL_LOG_LINE, 0, "the line, printable ASCII") \
	F(S, 3, U16, code, 0, 9999, HL_OPT, "of an error: its stable id")
/* clang-format on */

/* clang-format off */
/* member name, type, wire name, way, rows, meaning. Items before the lists that hold them. */
#define HL_MESSAGES(M) \
	M(refused,          0x0001, "refused",          "proxy > client, HSM > proxy, directory > front command, HSM > front command", HL_M_REFUSED, "the conversation ends here, and why") \
	M(hsm_name,         0,      "hsm.name",         "in hello.proxy", HL_M_HSM_NAME, "one HSM") \
	M(hello_proxy,      0x0101, "hello.proxy",      "client > proxy", HL_M_HELLO_PROXY, "step 1") \
	M(auth_request,     0x0102, "auth.request",     "proxy > client", HL_M_AUTH_REQUEST, "step 2") \
	M(auth_answer,      0x0103, "auth.answer",      "client > proxy", HL_M_AUTH_ANSWER, "step 3") \
	M(auth_result,      0x0106, "auth.result",      "proxy > client", HL_M_AUTH_RESULT, "step 6; then the bytes of the channel") \
	M(link_hello,       0x0201, "link.hello",       "proxy, HSM > directory", HL_M_LINK_HELLO, "opens a service link; then the bytes of its channel") \
	M(heartbeat,        0x0202, "heartbeat",        "proxy, HSM > directory", HL_M_HEARTBEAT, "I am here") \
	M(heartbeat_answer, 0x0203, "heartbeat.answer", "directory > proxy, HSM", HL_M_HEARTBEAT_ANSWER, "what the members need to know") \
	M(dir_query,        0x0204, "dir.query",        "proxy > directory", HL_M_DIR_QUERY, "step 4") \
	M(grant_ticket,     0,      "grant.ticket",     "in dir.grant", HL_M_GRANT_TICKET, "a ticket and where to bring it") \
	M(dir_grant,        0x0205, "dir.grant",        "directory > proxy", HL_M_DIR_GRANT, "step 5") \
	M(dir_refused,      0x0206, "dir.refused",      "directory > proxy", HL_M_DIR_REFUSED, "step 5, refused") \
	M(partition_make,   0x0210, "partition.make",   "directory > HSM", HL_M_PARTITION_MAKE, "make a partition and its first credentials") \
	M(partition_made,   0x0211, "partition.made",   "HSM > directory", HL_M_PARTITION_MADE, "its credentials, for the file") \
	M(hsm_open,         0x0301, "hsm.open",         "proxy > HSM", HL_M_HSM_OPEN, "before step 6: shows the ticket") \
	M(hsm_opened,       0x0302, "hsm.opened",       "HSM > proxy", HL_M_HSM_OPENED, "the ticket is good") \
	M(ticket,           0,      "ticket",           "in a ticket", HL_M_TICKET, "what the directory vouches for; HMAC-SHA-256 follows it") \
	M(hsm_result,       0x1001, "hsm.result",       "HSM > client", HL_M_HSM_RESULT, "step 8: the cluster proves its identity") \
	M(op_refused,       0x1002, "op.refused",       "HSM > client", HL_M_OP_REFUSED, "a request failed") \
	M(done,             0x1003, "done",             "HSM > client", HL_M_DONE, "a request without result succeeded") \
	M(attribute,        0,      "attribute",        "in templates", HL_M_ATTRIBUTE, "one attribute of an object") \
	M(attribute_type,   0,      "attribute.type",   "in attributes.get", HL_M_ATTRIBUTE_TYPE, "one attribute asked for") \
	M(handle,           0,      "handle",           "in found", HL_M_HANDLE, "one object") \
	M(ping,             0x1010, "ping",             "client > HSM", HL_M_PING, "is the link alive?") \
	M(pong,             0x1011, "pong",             "HSM > client", HL_M_PONG, "it is") \
	M(secret_fetch,     0x1012, "secret.fetch",     "client > HSM", HL_M_SECRET_FETCH, "the only request on a setup channel") \
	M(secret_fetched,   0x1013, "secret.fetched",   "HSM > client", HL_M_SECRET_FETCHED, "the user secret") \
	M(login,            0x1014, "login",            "client > HSM", HL_M_LOGIN, "log this channel in") \
	M(logout,           0x1015, "logout",           "client > HSM", HL_M_LOGOUT, "log it out") \
	M(login_ticket,     0x101c, "login.ticket",     "client > HSM", HL_M_LOGIN_TICKET, "log this channel in as another one was") \
	M(logged_in,        0x101d, "logged.in",        "HSM > client", HL_M_LOGGED_IN, "the answer to both logins, and to pin.set; with id 0, before another answer, a ticket that is renewed") \
	M(login_state,      0,      "login.state",      "in a login ticket, sealed", HL_M_LOGIN_STATE, "whose login it is, and how long") \
	M(pin_set,          0x1060, "pin.set",          "client > HSM", HL_M_PIN_SET, "change a PIN; answered by logged.in, with a ticket where the channel was logged in with that PIN") \
	M(pin_init,         0x1062, "pin.init",         "client > HSM", HL_M_PIN_INIT, "the security officer sets the user's PIN; answered by done") \
	M(token_init,       0x1064, "token.init",       "client > HSM", HL_M_TOKEN_INIT, "remove all objects and the user's PIN; answered by done") \
	M(info,             0x1016, "info",             "client > HSM", HL_M_INFO, "device and partition information") \
	M(info_answer,      0x1017, "info.answer",      "HSM > client", HL_M_INFO_ANSWER, "the answer to it") \
	M(random,           0x1018, "random",           "client > HSM", HL_M_RANDOM, "random bytes") \
	M(random_answer,    0x1019, "random.answer",    "HSM > client", HL_M_RANDOM_ANSWER, "the answer to it") \
	M(log_line,         0,      "log.line",         "in log.lines", HL_M_LOG_LINE, "one line") \
	M(log_fetch,        0x1070, "log.fetch",        "client > HSM", HL_M_LOG_FETCH, "the log of the partition") \
	M(log_lines,        0x1071, "log.lines",        "HSM > client", HL_M_LOG_LINES, "some lines of it") \
	M(mechanism,        0,      "mechanism",        "in mechanisms.answer", HL_M_MECHANISM, "one mechanism") \
	M(mechanisms,       0x101a, "mechanisms",       "client > HSM", HL_M_MECHANISMS, "what the HSM can do") \
	M(mechanisms_answer, 0x101b, "mechanisms.answer", "HSM > client", HL_M_MECHANISMS_ANSWER, "the answer to it") \
	M(kept,             0,      "kept",             "in generated and object.kept", HL_M_KEPT, "a session object") \
	M(generate,         0x1020, "generate",         "client > HSM", HL_M_GENERATE, "make a key, a key pair or domain parameters") \
	M(generated,        0x1021, "generated",        "HSM > client", HL_M_GENERATED, "its handles") \
	M(find,             0x1022, "find",             "client > HSM", HL_M_FIND, "objects by their attributes") \
	M(found,            0x1023, "found",            "HSM > client", HL_M_FOUND, "their handles") \
	M(attributes_get,   0x1024, "attributes.get",   "client > HSM", HL_M_ATTRIBUTES_GET, "attributes of an object") \
	M(attributes,       0x1025, "attributes",       "HSM > client", HL_M_ATTRIBUTES, "their values") \
	M(attributes_set,   0x1026, "attributes.set",   "client > HSM", HL_M_ATTRIBUTES_SET, "change attributes") \
	M(destroy,          0x1028, "destroy",          "client > HSM", HL_M_DESTROY, "remove an object") \
	M(object_load,      0x102a, "object.load",      "client > HSM", HL_M_OBJECT_LOAD, "bring a session object that was refused as HL-0522; answered by done") \
	M(object_kept,      0x102b, "object.kept",      "HSM > client", HL_M_OBJECT_KEPT, "with id 0, before the answer to a request that changed them") \
	M(kept_state,       0,      "kept.state",       "in a session object, sealed", HL_M_KEPT_STATE, "what it is, and how long") \
	M(create,           0x1040, "create",           "client > HSM", HL_M_CREATE, "make an object from its parts") \
	M(created,          0x1041, "created",          "HSM > client", HL_M_CREATED, "its handle; answers copy and unwrap too") \
	M(copy,             0x1042, "copy",             "client > HSM", HL_M_COPY, "copy an object") \
	M(wrap,             0x1044, "wrap",             "client > HSM", HL_M_WRAP, "encrypt a key with a key") \
	M(wrapped,          0x1045, "wrapped",          "HSM > client", HL_M_WRAPPED, "the encrypted key") \
	M(unwrap,           0x1046, "unwrap",           "client > HSM", HL_M_UNWRAP, "make a key of one that was wrapped") \
	M(derive,           0x1048, "derive",           "client > HSM", HL_M_DERIVE, "make a key from a key") \
	M(derived,          0x1049, "derived",          "HSM > client", HL_M_DERIVED, "its handle") \
	M(pss_parameter,    0,      "pss.parameter",    "in sign and verify", HL_M_PSS_PARAMETER, "parameter of the RSA PSS mechanisms") \
	M(gcm_parameter,    0,      "gcm.parameter",    "in encrypt and decrypt", HL_M_GCM_PARAMETER, "parameter of CKM_AES_GCM; of CKM_AES_GMAC without additional data") \
	M(iv_parameter,     0,      "iv.parameter",     "in encrypt, decrypt, wrap and unwrap", HL_M_IV_PARAMETER, "parameter of the CBC mechanisms") \
	M(ctr_parameter,    0,      "ctr.parameter",    "in encrypt and decrypt", HL_M_CTR_PARAMETER, "parameter of CKM_AES_CTR") \
	M(chacha_parameter, 0,      "chacha.parameter", "in encrypt and decrypt", HL_M_CHACHA_PARAMETER, "parameter of CKM_CHACHA20") \
	M(aead_parameter,   0,      "aead.parameter",   "in encrypt and decrypt", HL_M_AEAD_PARAMETER, "parameter of CKM_CHACHA20_POLY1305") \
	M(oaep_parameter,   0,      "oaep.parameter",   "in encrypt, decrypt, wrap and unwrap", HL_M_OAEP_PARAMETER, "parameter of CKM_RSA_PKCS_OAEP") \
	M(eddsa_parameter,  0,      "eddsa.parameter",  "in sign and verify", HL_M_EDDSA_PARAMETER, "parameter of CKM_EDDSA, which may be left out") \
	M(agree_parameter,  0,      "agree.parameter",  "in derive", HL_M_AGREE_PARAMETER, "parameter of the key agreements: ECDH and DH") \
	M(data_parameter,   0,      "data.parameter",   "in derive", HL_M_DATA_PARAMETER, "parameter of the derivations by encryption") \
	M(kdf_part,         0,      "kdf.part",         "in kdf.parameter", HL_M_KDF_PART, "a part of what is hashed") \
	M(kdf_key,          0,      "kdf.key",          "in kdf.parameter", HL_M_KDF_KEY, "a further key") \
	M(kdf_parameter,    0,      "kdf.parameter",    "in derive", HL_M_KDF_PARAMETER, "parameter of the derivations of NIST SP 800-108") \
	M(pbkdf2_parameter, 0,      "pbkdf2.parameter", "in generate", HL_M_PBKDF2_PARAMETER, "parameter of CKM_PKCS5_PBKD2") \
	M(sign,             0x1030, "sign",             "client > HSM", HL_M_SIGN, "sign in one part") \
	M(signed,           0x1031, "signed",           "HSM > client", HL_M_SIGNED, "the signature") \
	M(verify,           0x1032, "verify",           "client > HSM", HL_M_VERIFY, "verify in one part; answered by done or op.refused") \
	M(encrypt,          0x1034, "encrypt",          "client > HSM", HL_M_ENCRYPT, "encrypt in one part") \
	M(encrypted,        0x1035, "encrypted",        "HSM > client", HL_M_ENCRYPTED, "the encrypted data") \
	M(decrypt,          0x1036, "decrypt",          "client > HSM", HL_M_DECRYPT, "decrypt in one part") \
	M(decrypted,        0x1037, "decrypted",        "HSM > client", HL_M_DECRYPTED, "the data") \
	M(stream_begin,     0x1050, "stream.begin",     "client > HSM", HL_M_STREAM_BEGIN, "use a key with data that comes in pieces") \
	M(stream_begun,     0x1051, "stream.begun",     "HSM > client", HL_M_STREAM_BEGUN, "its number on this link") \
	M(stream_update,    0x1052, "stream.update",    "client > HSM", HL_M_STREAM_UPDATE, "a piece") \
	M(stream_final,     0x1053, "stream.final",     "client > HSM", HL_M_STREAM_FINAL, "no more of them") \
	M(stream_data,      0x1054, "stream.data",      "HSM > client", HL_M_STREAM_DATA, "what has come of it") \
	M(allowed,          0,      "allowed",          "in provision", HL_M_ALLOWED, "one entry of an allow-list") \
	M(provision,        0x2001, "provision",        "front command > directory", HL_M_PROVISION, "make a tenant, its service user and its partition") \
	M(provisioned,      0x2002, "provisioned",      "directory > front command", HL_M_PROVISIONED, "where the credential files are") \
	M(status,           0x2003, "status",           "front command > directory", HL_M_STATUS, "who is there") \
	M(status_member,    0,      "status.member",    "in status.answer", HL_M_STATUS_MEMBER, "one proxy or HSM") \
	M(status_partition, 0,      "status.partition", "in status.answer", HL_M_STATUS_PARTITION, "one partition") \
	M(status_answer,    0x2004, "status.answer",    "directory > front command", HL_M_STATUS_ANSWER, "the answer to it") \
	M(sessions,         0x2005, "sessions",         "front command > HSM", HL_M_SESSIONS, "which channels are open") \
	M(session,          0,      "session",          "in sessions.answer", HL_M_SESSION, "one channel") \
	M(sessions_answer,  0x2006, "sessions.answer",  "HSM > front command", HL_M_SESSIONS_ANSWER, "the answer to it") \
	M(session_close,    0x2007, "session.close",    "front command > HSM", HL_M_SESSION_CLOSE, "end a channel") \
	M(session_closed,   0x2008, "session.closed",   "HSM > front command", HL_M_SESSION_CLOSED, "it is ending") \
	M(token_reset,      0x2009, "token.reset",      "front command > HSM", HL_M_TOKEN_RESET, "make a lab partition as it was when it was new") \
	M(token_was_reset,  0x200a, "token.was.reset",  "HSM > front command", HL_M_TOKEN_WAS_RESET, "it is") \
	M(object_row,       0,      "object.row",       "in the HSM's store", HL_M_OBJECT_ROW, "attributes of a stored object") \
	M(cluster_row,      0,      "cluster.row",      "in the HSM's store", HL_M_CLUSTER_ROW, "the cluster itself") \
	M(cluster_secret,   0,      "cluster.secret",   "in the HSM's store, sealed", HL_M_CLUSTER_SECRET, "its identity") \
	M(partition_row,    0,      "partition.row",    "in the HSM's store", HL_M_PARTITION_ROW, "a partition") \
	M(partition_secret, 0,      "partition.secret", "in the HSM's store, sealed", HL_M_PARTITION_SECRET, "its secrets") \
	M(token_row,        0,      "token.row",        "in the HSM's store", HL_M_TOKEN_ROW, "a request that had its effect") \
	M(token_result,     0,      "token.result",     "in the HSM's store, sealed", HL_M_TOKEN_RESULT, "how it was answered") \
	M(log_row,          0,      "log.row",          "in the HSM's store", HL_M_LOG_ROW, "a line of a partition's log")
/* clang-format on */

/* For each message: its struct (struct hl_hello_proxy), its type (HL_T_hello_proxy) and its table
 * (hl_msg_hello_proxy). */
#define HL_C_U8 uint8_t
#define HL_C_U16 uint16_t
#define HL_C_U32 uint32_t
#define HL_C_U64 uint64_t
#define HL_C_BYTES struct hl_bytes
#define HL_C_TEXT struct hl_bytes
#define HL_MEMBER_F(S, tag, kind, member, least, most, flags, text) HL_C_##kind member;
#define HL_MEMBER_L(S, tag, member, item, most, flags, text) struct hl_list member;
#define M(id, type, name, way, rows, text) struct hl_##id { rows(HL_MEMBER_F, HL_MEMBER_L, id) };
HL_MESSAGES(M)
#undef M

#define M(id, type, name, way, rows, text) HL_T_##id = type,
enum { HL_MESSAGES(M) HL_T_END };
#undef M

#define M(id, type, name, way, rows, text) extern const struct hl_msg hl_msg_##id;
HL_MESSAGES(M)
#undef M
