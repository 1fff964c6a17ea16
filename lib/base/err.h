/* err.h - every way in which something can fail, in one table.
 *
 * A code crosses the wire, is printed as HL-nnnn (its absolute value, four digits) and ends in an
 * exit code of the front command, so a code never changes its meaning and is never used again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether the same request may be sent again, unchanged, by whoever got the refusal. */
enum hl_again { HL_FINAL, HL_AGAIN };

/* clang-format off */
/* name, wire code, exit code, again?, what failed, most likely cause, what to do next.
 * 0001 general  01xx configuration and files  02xx wire  03xx gateway  04xx directory  05xx HSM
 * 06xx store  07xx reach and time */
#define HL_ERRORS(X) \
	X(HL_OK, 0, 0, HL_FINAL, "success", "", "") \
	X(HL_E_NOMEM, -1, 75, HL_AGAIN, "out of memory", "the machine or a limit has no memory left", "free some memory and try again") \
	X(HL_E_BUG, -2, 70, HL_FINAL, "an assumption of hsmlet did not hold", "a defect of hsmlet", "report it with the output of `hsmlet version`") \
	X(HL_E_ARG, -3, 2, HL_FINAL, "an argument is not usable", "a value is missing, too long or of the wrong form", "see the command's --help") \
	X(HL_E_IO, -4, 74, HL_FINAL, "input or output failed", "the disk or a descriptor refused", "see the system's own message beside this one") \
	X(HL_E_CREATE, -5, 73, HL_FINAL, "a file cannot be created", "the folder is missing or not writable", "check the path and its permissions") \
	X(HL_E_NOT_FOUND, -6, 1, HL_FINAL, "no such thing", "the name is misspelt or it was removed", "list what there is, e.g. `hsmlet key list`") \
	X(HL_E_EXISTS, -7, 1, HL_FINAL, "it exists already", "the name is taken", "choose another name or remove the old one") \
	X(HL_E_FULL, -8, 75, HL_AGAIN, "a bounded buffer or table is full", "more was sent than the limit allows", "send less at once, or try again later") \
	X(HL_E_CRYPTO, -9, 70, HL_FINAL, "a cryptographic operation failed", "the library refused its input", "report it with the output of `hsmlet version`") \
	X(HL_E_DEFER, -10, 70, HL_FINAL, "the answer comes later", "internal: a job is under way", "report it with the output of `hsmlet version`") \
	\
	X(HL_E_CONFIG, -100, 78, HL_FINAL, "the configuration is malformed", "a key is unknown, missing or out of its range", "mend the file at the line named") \
	X(HL_E_CONFIG_NONE, -101, 78, HL_FINAL, "no configuration file was found", "HSMLET_CONF is not set and no default file exists", "eval \"$(hsmlet env)\", or import credentials: `hsmlet cred import FILES`") \
	X(HL_E_SECRETS, -102, 78, HL_FINAL, "the secrets file is malformed", "it was edited by hand or cut short", "remove it and import both credential files again: `hsmlet cred import FILES`") \
	X(HL_E_SECRETS_NONE, -103, 78, HL_FINAL, "no secret is stored for this user", "the setup password was never exchanged here", "exchange it: `hsmlet secret add`") \
	X(HL_E_PASSWORD_NONE, -104, 78, HL_FINAL, "no service password is stored for this user", "the service credential file was never imported here", "import it: `hsmlet cred import FILE`") \
	X(HL_E_MODE, -105, 78, HL_FINAL, "a file with secrets is open to others", "its mode lets group or others write or read", "chmod 600 the file, 700 its folder") \
	X(HL_E_CRED_FILE, -106, 78, HL_FINAL, "a credential file cannot be understood", "a label is missing or a line was cut", "download the file again") \
	X(HL_E_KEY_FILE, -107, 1, HL_FINAL, "a file with a key cannot be imported", "it was cut or altered, or holds something else", "give a private key (PKCS #8), a public key (SubjectPublicKeyInfo) or a certificate (X.509), in PEM or DER; raw keys need --type") \
	\
	X(HL_E_SHORT, -200, 76, HL_FINAL, "a message ends early", "the peer sent fewer bytes than its fields need", "check that both sides run the same version") \
	X(HL_E_TRAIL, -201, 76, HL_FINAL, "a message has bytes left over", "the peer sent more than its fields need", "check that both sides run the same version") \
	X(HL_E_RANGE, -202, 76, HL_FINAL, "a field is outside its bounds", "a value is too long, too short or too large", "see doc/protocol.md for the limits") \
	X(HL_E_ORDER, -203, 76, HL_FINAL, "fields stand out of order", "tags must ascend and none may repeat", "check that both sides run the same version") \
	X(HL_E_FIELD, -204, 76, HL_FINAL, "a field is unknown or missing", "the peer speaks another version", "check that both sides run the same version") \
	X(HL_E_TYPE, -205, 76, HL_FINAL, "a message is unknown or out of turn", "the peer speaks another protocol", "check the port, then the versions") \
	X(HL_E_TOO_LONG, -206, 76, HL_FINAL, "a frame is longer than 1 MiB", "the peer speaks another protocol", "check the port") \
	X(HL_E_VERSION, -207, 76, HL_FINAL, "no common protocol version", "client and service are too far apart", "update the older side") \
	X(HL_E_CHANNEL, -208, 12, HL_FINAL, "the encrypted channel did not come about or broke", "the two ends do not share a secret, or bytes were altered on the way", "test the secret: `hsmlet secret test`") \
	X(HL_E_DEPTH, -209, 76, HL_FINAL, "structures are nested too deep", "at most 4 levels are allowed", "check that both sides run the same version") \
	\
	X(HL_E_SERVICE_AUTH, -300, 10, HL_FINAL, "the gateway refused the service credentials", "the service user name or its password is wrong", "store the right password: `hsmlet cred import FILE`") \
	X(HL_E_PROXY_AUTH, -301, 10, HL_FINAL, "the gateway could not prove that it knows the service password", "it is not the service it claims to be, or the realm differs", "check the pool name and the realm in primus.cfg") \
	X(HL_E_LOCKED, -302, 14, HL_AGAIN, "too many failed attempts", "100 failures within 300 s lock this user at this address", "wait for the time named, then try once") \
	X(HL_E_EPOCH, -303, 75, HL_AGAIN, "the gateway's nonce is of an old epoch", "the directory was restarted", "try again: the client does so by itself") \
	X(HL_E_SCRAM, -304, 76, HL_FINAL, "a SCRAM message is malformed", "the peer does not follow RFC 5802", "check that both sides run the same version") \
	\
	X(HL_E_ADDRESS, -400, 11, HL_FINAL, "this address is not on the allow-list", "the service user may connect only from listed addresses", "connect from a listed address, or have this one listed by the operator") \
	X(HL_E_PARTITION, -401, 11, HL_FINAL, "this service user has no such partition", "the partition name is wrong or belongs to another tenant", "see `hsmlet partition list`") \
	X(HL_E_DISABLED, -402, 11, HL_FINAL, "the service user is disabled", "an operator switched it off", "ask the operator") \
	X(HL_E_EXPIRED, -403, 13, HL_FINAL, "the credential has expired", "its lifetime has passed", "have it renewed by the operator, then import the new file: `hsmlet cred import FILE`") \
	X(HL_E_DIRECTORY, -404, 11, HL_AGAIN, "the directory service did not answer", "it is down or the proxy has lost its link to it", "see `hsmlet directory list` and `hsmlet status`") \
	X(HL_E_TICKET, -405, 11, HL_FINAL, "the HSM did not accept the ticket", "it was altered, is of another connection, or was made for another HSM", "see `hsmlet trace show`") \
	X(HL_E_STALE, -406, 75, HL_AGAIN, "the ticket is of an earlier life of the cluster", "the HSMs were restarted in between", "try again: the client does so by itself") \
	X(HL_E_USED, -407, 11, HL_FINAL, "this grant was completed before", "one grant opens one channel, once", "connect again") \
	X(HL_E_BUSY, -408, 75, HL_AGAIN, "the service is busy", "a limit on work under way is reached", "try again in a moment") \
	\
	X(HL_E_HSM_AUTH, -500, 12, HL_FINAL, "the HSM did not accept the partition's secret", "the stored user secret or the setup password is wrong", "fetch it again: `hsmlet secret add`") \
	X(HL_E_IDENTITY, -501, 12, HL_FINAL, "the HSM could not prove its cluster identity", "another host knows the partition's secret, or the cluster was made anew", "do not send a PIN; ask the operator, then `hsmlet secret add`") \
	X(HL_E_SETUP_EXPIRED, -502, 13, HL_FINAL, "the setup password has expired", "7 days have passed since its first use or its issue", "have it renewed by the operator, then import the new file: `hsmlet cred import FILE`") \
	X(HL_E_PIN, -503, 12, HL_FINAL, "the PKCS#11 PIN is wrong", "the PIN of HSMLET_PIN, --pin-file or --pin-fd is not this partition's", "check the PIN in the technical-user file") \
	X(HL_E_PIN_LOCKED, -504, 14, HL_AGAIN, "the PKCS#11 PIN is locked", "100 wrong PINs within 300 s", "wait for the time named, then try once") \
	X(HL_E_LOGIN, -505, 12, HL_FINAL, "a login with the PIN is needed", "private objects are for logged-in users", "give the PIN: HSMLET_PIN or --pin-file") \
	X(HL_E_KEY, -506, 1, HL_FINAL, "no such key", "the handle or the label is wrong, or the key is private and nobody logged in", "see `hsmlet key list`") \
	X(HL_E_MECHANISM, -507, 1, HL_FINAL, "the mechanism is not offered", "it is unknown or does not fit this key", "see doc/protocol.md for the list") \
	X(HL_E_KEY_USE, -508, 1, HL_FINAL, "the key may not be used so", "its usage attributes forbid it", "see the key's attributes: `hsmlet key show LABEL`") \
	X(HL_E_ATTRIBUTE, -509, 1, HL_FINAL, "an attribute is not acceptable", "it is unknown, has a wrong value or cannot be changed", "see the attribute named") \
	X(HL_E_SENSITIVE, -510, 1, HL_FINAL, "the attribute is sensitive", "key values never leave the HSM in the clear", "wrap the key instead") \
	X(HL_E_SIGNATURE, -511, 1, HL_FINAL, "the signature does not match", "the data, the key or the signature was changed", "compare the three with what was signed") \
	X(HL_E_DATA_LENGTH, -512, 1, HL_FINAL, "the data has the wrong length", "the mechanism takes data of a fixed or bounded length", "hash the data first, or choose a hashing mechanism") \
	X(HL_E_SETUP_ONLY, -513, 12, HL_FINAL, "this channel may only fetch the secret", "it was opened with the setup password", "connect with the stored secret") \
	X(HL_E_HOLDS_KEYS, -514, 1, HL_FINAL, "the partition holds keys", "a new setup password then needs the security officer", "ask the security officer at the HSM") \
	X(HL_E_NO_PIN, -515, 12, HL_FINAL, "the partition has no PKCS#11 PIN", "the PKCS#11 API was not ordered for it", "have it ordered by the operator when the partition is made") \
	X(HL_E_BEHIND, -516, 75, HL_AGAIN, "this HSM is behind the others", "its store is older than what the client has seen", "try again: the client asks another member") \
	X(HL_E_TOKEN, -517, 70, HL_FINAL, "this effect token stands for another request", "the client used one token twice", "report it with the output of `hsmlet version`") \
	X(HL_E_TOKEN_TIME, -518, 75, HL_AGAIN, "the effect token is too old or of the future", "a clock was moved, or the request waited for over a day", "try again: the client makes a new token of the HSM's time") \
	X(HL_E_DECRYPT, -519, 1, HL_FINAL, "the data does not decrypt", "the data, its tag, the additional data, the IV or the key is not what was encrypted", "compare them with what was encrypted") \
	X(HL_E_PARAMETER, -520, 1, HL_FINAL, "the mechanism's parameter is not acceptable", "it is missing, not of this mechanism, or has a value outside the bounds", "see doc/protocol.md for what the mechanism takes") \
	X(HL_E_MASTER, -521, 16, HL_AGAIN, "the cluster has no master", "the HSM that was its master has ended, and new keys need one", "start it again: `hsmlet hsm restart NAME`; the keys that are there go on working") \
	X(HL_E_BLOB, -522, 75, HL_AGAIN, "the HSM does not hold this session object", "it keeps some of them only, and its client all of its own", "try again: the client brings it by itself") \
	X(HL_E_UNSUPPORTED, -525, 1, HL_FINAL, "this partition does not offer that", "what a security officer does with a token is of the lab profile only", "use a lab world: `hsmlet up --profile lab`") \
	X(HL_E_BLANK, -526, 1, HL_FINAL, "the token is not initialised", "it is a spare one of a lab world, or nobody has set it up since its reset", "initialise it, e.g. `pkcs11-tool --init-token`") \
	X(HL_E_PIN_LENGTH, -527, 1, HL_FINAL, "the new PIN is too short or too long", "a PIN has 4 to 32 bytes", "choose another one") \
	X(HL_E_KEY_TYPE, -530, 1, HL_FINAL, "the key is of another type than the mechanism takes", "a key was named that is not meant for this mechanism", "name another key or another mechanism; see doc/protocol.md") \
	X(HL_E_KEY_SIZE, -531, 1, HL_FINAL, "the key has a size that the mechanism does not take", "it is too short, too long or not of a size of its type", "see doc/protocol.md for the sizes") \
	X(HL_E_TEMPLATE_INCOMPLETE, -532, 1, HL_FINAL, "the template lacks an attribute", "an attribute that such an object needs was not given", "add the attribute named") \
	X(HL_E_TEMPLATE_INCONSISTENT, -533, 1, HL_FINAL, "the template contradicts itself or the request", "two attributes exclude one another, or one stands twice or does not hold for such an object", "see the attribute named") \
	X(HL_E_ATTRIBUTE_TYPE, -534, 1, HL_FINAL, "the attribute is not known here", "it is misspelt, or such an object has none", "see doc/protocol.md for the attributes") \
	X(HL_E_ATTRIBUTE_VALUE, -535, 1, HL_FINAL, "the attribute has a value that it cannot have", "its form or length is wrong, or the value is outside its bounds", "see the attribute named") \
	X(HL_E_ATTRIBUTE_READ_ONLY, -536, 1, HL_FINAL, "the attribute is not for users to set", "the HSM sets it, or it may change in one direction only", "leave the attribute named out") \
	X(HL_E_PROHIBITED, -537, 1, HL_FINAL, "the object forbids it", "CKA_MODIFIABLE, CKA_COPYABLE or CKA_DESTROYABLE is false", "make a new object instead") \
	X(HL_E_UNEXTRACTABLE, -538, 1, HL_FINAL, "the key may not leave the HSM, wrapped or not", "its CKA_EXTRACTABLE is false", "use the key where it is") \
	X(HL_E_NOT_WRAPPABLE, -539, 1, HL_FINAL, "the key may not be wrapped by this key", "it wants a trusted key, or does not match the template of the wrapping key", "wrap it with a key that is trusted for it") \
	X(HL_E_WRAPPED, -540, 1, HL_FINAL, "the wrapped key is not valid", "it was altered, cut, or wrapped with another key or mechanism", "wrap the key again") \
	X(HL_E_WRAPPED_LENGTH, -541, 1, HL_FINAL, "the wrapped key has the wrong length", "it was cut, or wrapped with another mechanism", "wrap the key again") \
	X(HL_E_SIGNATURE_LENGTH, -542, 1, HL_FINAL, "the signature has the wrong length", "it was cut, or made with another key or mechanism", "compare key and mechanism with those of the signing") \
	X(HL_E_ENCRYPTED_LENGTH, -543, 1, HL_FINAL, "the encrypted data has the wrong length", "it was cut, or encrypted with another key or mechanism", "compare key and mechanism with those of the encryption") \
	X(HL_E_CURVE, -544, 1, HL_FINAL, "the curve is not offered", "CKA_EC_PARAMS names a curve that the HSM does not have", "see doc/protocol.md for the curves") \
	X(HL_E_DOMAIN, -545, 1, HL_FINAL, "the domain parameters are not valid", "prime, subprime and base do not belong together", "generate domain parameters, or take published ones") \
	X(HL_E_STREAM, -546, 1, HL_FINAL, "the operation in pieces has ended", "its connection broke, or an earlier piece was refused", "begin it again, with the first piece") \
	\
	X(HL_E_STORE, -600, 74, HL_FINAL, "the store refused", "the disk is full, failing or read-only", "see the daemon's log") \
	X(HL_E_STORE_STALE, -601, 75, HL_AGAIN, "the row changed in between", "another request was faster", "try again") \
	X(HL_E_STORE_SEAL, -602, 74, HL_FINAL, "a sealed row does not open", "it was altered, moved or sealed under another device key", "restore the store and its device key together") \
	X(HL_E_STORE_SCHEMA, -603, 74, HL_FINAL, "the store has a schema this version does not know", "it was written by a newer hsmlet", "use that version") \
	X(HL_E_STORE_KEY, -604, 74, HL_FINAL, "the device key is missing or belongs to another store", "files of two worlds were mixed", "restore the store and its device key together") \
	X(HL_E_STORE_BEHIND, -605, 74, HL_FINAL, "the store is older than what was acknowledged", "an older copy was put back, or the store or its log was removed or cut", "put the newest copy back, together with its -wal file if there is one") \
	X(HL_E_STORE_SUM, -606, 74, HL_FINAL, "the store is not as its members left it", "somebody else changed, added or removed rows, or the disk damaged them", "put a whole copy back that is as new as the generation file says") \
	X(HL_E_STORE_GUARD, -607, 74, HL_FINAL, "the store's generation file is missing or damaged", "it was removed, edited or cut, or belongs to another store", "put the newest copy of that file back: without it an old store looks like a new one") \
	\
	X(HL_E_NAME, -700, 16, HL_FINAL, "the pool name was not found", "it is misspelt, or the resolver does not know it", "check `host` and the resolver in primus.cfg") \
	X(HL_E_NAME_TIMEOUT, -701, 16, HL_AGAIN, "the resolver did not answer", "the directory that answers DNS is down", "see `hsmlet status`") \
	X(HL_E_PROXIES, -702, 16, HL_AGAIN, "no proxy of the pool can be reached", "they are down or the port is wrong", "see `hsmlet proxy list`") \
	X(HL_E_HSMS, -703, 16, HL_AGAIN, "no HSM of the cluster can be reached", "they are down, or the proxy cannot reach them", "see `hsmlet hsm list`") \
	X(HL_E_TIMEOUT, -704, 75, HL_AGAIN, "the time limit has passed", "a peer was too slow or silent", "see `hsmlet status` for members that are down or paused, then try again; `hsmlet trace show` has the step") \
	X(HL_E_CLOSED, -705, 76, HL_AGAIN, "the peer closed the connection", "it was restarted or ended the conversation", "try again") \
	X(HL_E_REFUSED, -706, 16, HL_AGAIN, "the connection was refused", "nothing listens at that address", "see `hsmlet status`") \
	X(HL_E_UNKNOWN, -707, 17, HL_FINAL, "the outcome is unknown", "the answer was lost and could not be asked again in time", "look whether it happened, e.g. `hsmlet key list`") \
	X(HL_E_WORLD, -708, 69, HL_FINAL, "the world is not running", "it was not started or it was stopped", "start it: `hsmlet up`") \
	X(HL_E_FORKED, -709, 70, HL_FINAL, "this handle belongs to the parent process", "a handle does not survive fork()", "open a new one in the child")
/* clang-format on */

#define X(name, code, exit, again, text, cause, next) name = code,
typedef enum hl_err { HL_ERRORS(X) } hl_err;
#undef X

struct hl_err_row {
	hl_err code;
	const char *name;  /* HL_E_... */
	int exit_code;     /* of the front command */
	enum hl_again again;
	const char *text;  /* what failed */
	const char *cause; /* the most likely one */
	const char *next;  /* the command or step that mends it */
};

/** The row of `code`; never NULL: a code of no row yields HL_E_BUG's. */
const struct hl_err_row *hl_err_row(hl_err code);

/** What failed, in words. */
const char *hl_err_text(hl_err code);

/** The code that crossed the wire as `wire` (its absolute value); HL_E_BUG where no row has it. */
hl_err hl_err_of_wire(uint32_t wire);

/** All rows, for tables and tests; `*n` is their number. */
const struct hl_err_row *hl_err_rows(unsigned *n);

#define HL_CHECKED __attribute__((warn_unused_result))
#define HL_AUTO(fn) __attribute__((cleanup(fn)))
#define HL_COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Leave this function at the first failure; HL_AUTO variables clean up. */
#define HL_TRY(call) \
	do { \
		hl_err hl_rc_ = (call); \
		if (hl_rc_ != HL_OK) \
			return hl_rc_; \
	} while (0)

/* Hand a pointer on and forget it, so that its HL_AUTO finds NULL. */
#define hl_take(p) \
	({ \
		__typeof__(p) hl_p_ = (p); \
		(p) = NULL; \
		hl_p_; \
	})
