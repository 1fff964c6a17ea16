/* gen-constants.c - the labels and limits that doc/protocol.md lists, taken from their headers. */
#include "doc/gen.h"

#include "client/blind.h"
#include "client/link.h"
#include "directory/dns.h"
#include "directory/rooms.h"
#include "hsm/pin.h"
#include "hsm/rooms.h"
#include "lib/auth/credential.h"
#include "lib/auth/identity.h"
#include "lib/auth/link.h"
#include "lib/auth/psk.h"
#include "lib/auth/scram.h"
#include "lib/auth/setup.h"
#include "lib/auth/ticket.h"
#include "lib/os/listen.h"
#include "proxy/gateway.h"

#define S(name, use) { #name, name, 0, "", use }
#define N(name, unit, use) { #name, NULL, (unsigned long long)(name), unit, use }

/* clang-format off */
static const struct gen_constant constants[] = {
	S(HL_SCRAM_SALT_LABEL,      "salt of a user: text of an HMAC, then 0x00 and the name"),
	S(HL_PSK_LABEL,             "first field of the info from which a channel's key is derived"),
	S(HL_ALPN_OP,               "ALPN of a client's channel"),
	S(HL_ALPN_LINK,             "ALPN of a service link"),
	S(HL_IDENTITY_EXPORTER,     "exporter label of the keying material that is signed in step 8"),
	S(HL_IDENTITY_PREFIX,       "what stands before it in the signed text"),
	S(HL_TICKET_LABEL,          "what stands before a ticket's fields under its MAC"),
	S(HL_LINK_TICKET_LABEL,     "text of the HMAC that derives the key of tickets"),
	S(HL_SETUP_LABEL,           "HKDF info of the key that is made of a setup password"),
	S(HSM_SEAL_CLUSTER_LABEL,   "HKDF info of the key that seals rows of the cluster"),
	S(HSM_SEAL_PARTITION_LABEL, "the same for partitions"),
	S(HSM_SEAL_OBJECT_LABEL,    "the same for objects"),
	S(HSM_SEAL_TOKEN_LABEL,     "the same for effect tokens"),
	S(HSM_TICKET_LABEL,         "the same for login tickets; and with a ticket's salt that of its own key"),
	S(HSM_BLOB_LABEL,           "the same for session objects that clients keep"),
	S(HSM_REQUEST_MAC_LABEL,    "HKDF info of the key that tells a request with an effect from another"),
	S(HSM_LOG_LINK_LABEL,       "the same of the key that links the entries of a partition's log"),
	S(CLIENT_BLIND_LABEL,       "its SHA-256 is the key that blinds values of .secrets.cfg"),

	N(HL_VERSION_MIN,           "",        "lowest protocol version spoken"),
	N(HL_VERSION_MAX,           "",        "highest protocol version spoken"),
	N(HL_FRAME_HEAD,            "bytes",   "length, type and request id of a frame"),
	N(HL_FIELD_HEAD,            "bytes",   "tag and length of a field"),
	N(HL_FRAME_MAX,             "bytes",   "largest length that a frame announces inside a channel"),
	N(HL_FRAME_GATEWAY,         "bytes",   "the same before anybody has proved anything"),
	N(HL_TAG_SKIP,              "",        "unknown tags from here on are skipped"),
	N(HL_DEPTH_MAX,             "levels",  "messages inside messages, the outermost counted"),
	N(HL_NAME_TEXT,             "bytes",   "names of users, partitions, members"),
	N(HL_DATA_MAX,              "bytes",   "data of one signature or encryption"),
	N(HL_PARAMETER_MAX,         "bytes",   "parameter of a mechanism"),
	N(HSM_IV_MIN,               "bytes",   "shortest IV"),
	N(HSM_IV_MAX,               "bytes",   "longest IV"),
	N(HSM_TAG_BITS_MIN,         "bits",    "shortest tag"),
	N(HL_TAG_MAX,               "bytes",   "longest tag"),
	N(HL_CONNECTION_ID,         "bytes",   "connection id"),
	N(HL_BINDING,               "bytes",   "B, the binding"),
	N(HL_MAC,                   "bytes",   "MAC of a ticket"),
	N(HL_TICKET_MAX,            "bytes",   "a ticket with its MAC"),
	N(HL_INCARNATION,           "bytes",   "incarnation of a cluster"),
	N(HL_NONCE_EPOCH,           "bytes",   "nonce epoch"),
	N(HL_TOKEN,                 "bytes",   "effect token"),
	N(HL_SECRET_BYTES,          "bytes",   "user secret"),
	N(HL_PSK,                   "bytes",   "pre-shared key of a channel"),
	N(HL_PSK_SECRET_MIN,        "bytes",   "shortest secret that one is derived from"),
	N(HL_PSK_FIELD_MAX,         "bytes",   "longest text in its info"),
	N(HL_IDENTITY_EXPORTED,     "bytes",   "exported keying material under the HSM's signature"),
	N(HL_SCRAM_ITERATIONS,      "",        "SCRAM iteration count"),
	N(HL_SCRAM_SALT,            "bytes",   "SCRAM salt"),
	N(HL_SCRAM_MAX,             "bytes",   "longest SCRAM message"),
	N(HL_SCRAM_NONCE_MAX,       "bytes",   "longest combined nonce"),
	N(HL_SETUP_TEXT,            "symbols", "setup password, its hyphens counted"),
	N(HL_SETUP_KEY,             "bytes",   "key made of it"),
	N(HL_SERVICE_PASSWORD_TEXT, "bytes",   "longest service password in a credential file"),
	N(DIR_SERVICE_PASSWORD,     "symbols", "service password that the directory makes"),
	N(HL_PIN_TEXT,              "bytes",   "longest PIN in a credential file"),
	N(HSM_PIN_MIN,              "bytes",   "shortest PIN that is set with pin.set, pin.init or token.init"),
	N(HSM_PIN_TEXT,             "bytes",   "longest one"),
	N(HSM_PIN_MADE,             "symbols", "PIN that the HSM makes"),
	N(HSM_PIN_ITERATIONS,       "",        "PBKDF2 iteration count of PINs"),
	N(HSM_LOGIN_FAILURES,       "",        "wrong PINs in the window that lock the PIN"),
	N(HSM_LOGIN_WINDOW_MS,      "ms",      "that window"),
	N(HSM_LOGIN_LOCK_MS,        "ms",      "how long it stays locked"),
	N(HSM_LOGIN_LIFE_MS,        "ms",      "life of a login ticket"),
	N(HSM_BLOB_LIFE_MS,         "ms",      "life of a session object"),
	N(HSM_KEY_CACHE,            "",        "parsed keys and session objects that a member holds"),
	N(HL_BLOB_MAX,              "bytes",   "longest session object, sealed"),
	N(HL_LOGIN_TICKET,          "bytes",   "longest login ticket"),
	N(HL_LOCK_FAILURES,         "",        "failed proofs in the window that lock a service user, or a partition's channels, at an address"),
	N(HL_LOCK_WINDOW_MS,        "ms",      "that window"),
	N(HL_LOCK_MS,               "ms",      "how long they stay locked"),
	N(HL_LOCK_PAIRS,            "",        "users, or partitions, at an address that are counted at a time"),
	N(HSM_OBJECTS_MAX,          "",        "objects in a partition"),
	N(HSM_LOG_LINES,            "",        "lines of a partition's log; then the oldest are overwritten"),
	N(HSM_LOG_WAIT_US,          "us",      "how long a line that belongs to no effect may wait to be written"),
	N(HSM_LOG_QUEUE,            "",        "lines that a member holds until then; what is more is counted"),
	N(HSM_LOG_QUEUE_EACH,       "",        "of them those of one partition"),
	N(HSM_SINGLE_MAX,           "",        "logins for one use of a key each that a channel has not used yet"),
	N(HSM_STREAM_MAX,           "bytes",   "that a decryption in pieces keeps back until its tag was checked"),
	N(HL_HANDLE_MIN,            "",        "the lowest handle of an object; clients may use those below for their own"),
	N(HSM_TOKENS_MAX,           "",        "effect tokens kept for a partition; then the oldest go"),
	N(HSM_TOKENS_EVICTED,       "",        "tokens that go with one commit, at most"),
	N(HSM_TOKEN_LIFE_MS,        "ms",      "age of a token from which it is not honoured, unless it is in the table"),
	N(HSM_TOKEN_AHEAD_MS,       "ms",      "how far ahead of the HSM's clock a token's time may be"),
	N(HSM_TASKS_MAX,            "",        "requests of one connection under way in jobs; further ones wait"),
	N(HSM_TURNS_MAX,            "",        "PIN checks of one partition: one under way, the others wait; then HL-0408"),
	N(DIR_UNPROVEN_MAX,         "",        "service links that have not proved who dials; the oldest makes room"),
	N(HSM_EFFECT_TRIES,         "",        "tries of a request whose commits find their rows changed"),
	N(HSM_GRANTS,               "",        "used grants that a cluster remembers"),
	N(HSM_GRANT_SLACK_S,        "s",       "how long one is remembered after its ticket has expired, at least"),
	N(DIR_EPOCH_US,             "us",      "how often the nonce epoch changes"),
	N(DIR_SETUP_LIFE_MS,        "ms",      "life of a setup password"),

	N(CLIENT_DNS_MS,            "ms",      "client: looking the pool up"),
	N(CLIENT_DIAL_MS,           "ms",      "client: one connection"),
	N(CLIENT_STEP_MS,           "ms",      "client: waiting in steps 2, 7 and 8, each"),
	N(CLIENT_RESULT_MS,         "ms",      "client: waiting in step 6"),
	N(CLIENT_OPEN_MS,           "ms",      "client: all attempts to open together"),
	N(CLIENT_CALL_MS,           "ms",      "client: one request, unless the caller says otherwise"),
	N(CLIENT_GENERATE_MS,       "ms",      "client: the same for making keys"),
	N(CLIENT_PATIENCE_MS,       "ms",      "client: silence in the middle of an answer"),
	N(CLIENT_IDLE_MS,           "ms",      "client: a request after such a pause follows a ping"),
	N(CLIENT_PONG_MS,           "ms",      "client: waiting for any byte behind that ping"),
	N(CLIENT_SILENT_MS,         "ms",      "client: silence while a request is under way, until a ping follows it"),
	N(CLIENT_OP_MS,             "ms",      "client: the same, until another member is asked"),
	N(CLIENT_ADDRESSES,         "",        "client: addresses of a round that are looked at"),
	N(CLIENT_ROUNDS,            "",        "client: rounds over all addresses"),
	N(CLIENT_BACK_OFF_MS,       "ms",      "client: longest pause behind the first round; doubled behind each"),
	N(CLIENT_EPOCH_RETRIES,     "",        "client: retries at one proxy whose epoch was old"),
	N(CLIENT_RETRIES,           "",        "client: retries of a request that was refused as busy, stale or behind"),
	N(CLIENT_PAUSE_MS,          "ms",      "client: most that is waited before the first retry, then doubled"),
	N(CLIENT_PAUSE_MOST_MS,     "ms",      "client: most that is ever waited before one"),
	N(PROXY_CLIENT_MS,          "ms",      "proxy: waiting for the client, each step"),
	N(PROXY_QUERY_MS,           "ms",      "proxy: step 4"),
	N(PROXY_GRANT_MS,           "ms",      "proxy: waiting for the directory in step 5"),
	N(PROXY_HSM_MS,             "ms",      "proxy: reaching an HSM that takes its ticket"),
	N(PROXY_HSM_DIAL_MS,        "ms",      "proxy: one connection to an HSM"),
	N(PROXY_HSM_ANSWER_MS,      "ms",      "proxy: an HSM answers its ticket, while there is another to go to"),
	N(PROXY_TICKETS,            "",        "proxy: tickets of one grant that are tried"),
	N(HSM_TICKET_MS,            "ms",      "HSM: from accepting to the ticket"),
	N(HSM_SHAKE_MS,             "ms",      "HSM: from the ticket to its signature"),
	N(DIR_SHAKE_MS,             "ms",      "directory: from accepting a link to its open channel"),
	N(DIR_MAKING_US,            "us",      "directory: an HSM has this long to make a partition"),
	N(HL_LINK_DIAL_MS,          "ms",      "service link: connecting"),
	N(HL_LINK_SHAKE_MS,         "ms",      "service link: from connecting to the open channel"),
	N(HL_LINK_BEAT_MS,          "ms",      "service link: between heartbeats"),
	N(HL_LINK_ANSWER_MS,        "ms",      "service link: waiting for the answer to one"),
	N(DIR_BEAT_MS,              "ms",      "directory: a link on which nothing comes"),
	N(HL_LINK_REST_FIRST_MS,    "ms",      "service link: most that is waited before the first redial, then doubled"),
	N(HL_LINK_REST_MOST_MS,     "ms",      "service link: most that is ever waited"),
	N(HL_KEEP_IDLE_S,           "s",       "TCP: idle time before a keep-alive probe"),
	N(HL_KEEP_INTERVAL_S,       "s",       "TCP: between probes"),
	N(HL_KEEP_PROBES,           "",        "daemons' TCP: probes without answer that end a connection"),
	N(HL_CHANNEL_REKEY_BYTES,   "bytes",   "channel: sent under one key, then it is changed"),
	N(HL_CHANNEL_REKEY_RECORDS, "records", "channel: the same"),
	N(HL_CHANNEL_REKEY_S,       "s",       "channel: time under one key, then the next message changes it"),
	N(HL_CHANNEL_UPDATES,       "",        "channel: key changes of the peer without data in between"),
	N(DIR_DNS_UDP,              "bytes",   "longest DNS answer in a datagram"),
	N(DIR_DNS_TTL_S,            "s",       "life of a DNS answer"),
	N(DIR_DNS_MEMBERS,          "",        "members of a pool"),
};
/* clang-format on */

const struct gen_constant *gen_constants(size_t *n)
{
	*n = HL_COUNT(constants);
	return constants;
}
