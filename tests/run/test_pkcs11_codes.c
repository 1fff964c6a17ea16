/* What goes wrong, as an application of the provider sees it: return value and number in the log, row by row, provoked with
 * real processes. The refusals of the service itself are in test_refusals.c. And what the log must not tell.
 *
 * Not here, since no real member says it to an application: that a commit failed (HL-0600; it tells nobody, and halts), that
 * a row was changed in between (HL-0601; it runs again, and is told as busy), that the store is of another schema, key or time
 * (HL-0603 to 0607; such a member does not start: test_store.c). tests/sim/test_commits.c has what the members do then, and a
 * store that is busy, for which a lock would have to be held here for four times 5 s. */
#include <netinet/in.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/pkcs11/ckr.h"
#include "client/secrets.h"
#include "lib/os/clock.h"
#include "lib/os/env.h"
#include "lib/os/files.h"
#include "tests/support/canary.h"
#include "tests/support/p11.h"
#include "tests/support/sockets.h"
#include "tests/support/test.h"

#define CLIENTS 8 /* that the proxy takes at once */
#define DAY_MS 86400000

static struct live *w;
static struct live_account acme;
static struct live_client good; /* with its user secret */

/* -- a peer that is none of ours ------------------------------------------------------------------------------ */

/* It listens where a proxy would, and says this to whoever comes: nothing (NULL), or a text; then it hangs up where it is
 * told to. */
struct stranger {
	int fd;
	uint16_t port;
	const char *says;
	bool hangs_up;
	pthread_t thread;
};

static void *meet(void *at)
{
	struct stranger *s = at;
	int held[64], n = 0, fd;

	while (n < 64 && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		if (s->says && write(fd, s->says, strlen(s->says)) < 0)
			break;
		if (s->hangs_up)
			close(fd);
		else
			held[n++] = fd;
	}
	while (n > 0)
		close(held[--n]);
	return NULL;
}

static bool stranger_begin(struct stranger *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&at, n) != 0 || listen(s->fd, 64) != 0 ||
		getsockname(s->fd, (struct sockaddr *)&at, &n) != 0)
		return false;
	s->port = ntohs(at.sin_port);
	return pthread_create(&s->thread, NULL, meet, s) == 0;
}

static void stranger_end(struct stranger *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static struct stranger stranger;

/* -- causes ------------------------------------------------------------------------------------------------------ */

static bool client_of(const char *name, const struct live_route *route, struct live_client *out)
{
	return live_client(w, name, &acme, route, out) && live_client_secret(out, &good, acme.partition, false);
}

static bool to_stranger(const char *name, struct live_client *out, const char *says, bool hangs_up)
{
	stranger = (struct stranger){ .says = says, .hangs_up = hangs_up };
	return stranger_begin(&stranger) &&
	       client_of(name, &(struct live_route){ .host = "127.0.0.1", .port = stranger.port }, out);
}

static bool another_protocol(const char *name, struct live_client *out)
{
	return to_stranger(name, out, "HTTP/1.1 400 Bad Request\r\n\r\n", false);
}

static bool a_peer_that_hangs_up(const char *name, struct live_client *out)
{
	return to_stranger(name, out, NULL, true);
}

static bool a_peer_that_is_silent(const char *name, struct live_client *out)
{
	return to_stranger(name, out, NULL, false);
}

static bool set(const struct live_client *c, const char *setting, const char *value)
{
	return p11_set(&(struct p11_client){ .files = *c }, setting, value);
}

static bool another_realm(const char *name, struct live_client *out)
{
	return client_of(name, NULL, out) && set(out, "primus.hsmlet.realm", "\"elsewhere\"");
}

/* A host without a name server. */
static bool a_silent_resolver(const char *name, struct live_client *out)
{
	return client_of(name, NULL, out) && live_pause(w, "directory1");
}

static bool another_identity(const char *name, struct live_client *out)
{
	struct client_secret s = { 0 };
	struct hl_os_env env;
	char error[512] = "";
	bool done;

	if (!client_of(name, NULL, out) || client_secret_get(out->secrets, acme.partition, &s, error) != HL_OK)
		return false;
	s.identity[0] ^= 1;
	done = hl_os_env_open(&env, &(struct hl_os_env_config){ .role = "test", .who = "test" }) == HL_OK &&
		client_secret_put(&env.env, out->secrets, &s, error) == HL_OK;
	hl_secret_clear(&s.secret);
	hl_os_env_close(&env);
	return done;
}

static bool no_password(const char *name, struct live_client *out)
{
	char error[512] = "";

	return client_of(name, NULL, out) && client_password_remove(out->secrets, acme.user, error) == HL_OK;
}

static bool open_secrets(const char *name, struct live_client *out)
{
	return client_of(name, NULL, out) && chmod(out->secrets, 0644) == 0;
}

static bool cut_secrets(const char *name, struct live_client *out)
{
	return client_of(name, NULL, out) && truncate(out->secrets, 100) == 0;
}

static bool no_secrets(const char *name, struct live_client *out)
{
	return client_of(name, NULL, out) && unlink(out->secrets) == 0;
}

/* -- what only an operator can do ---------------------------------------------------------------------------------- */

static bool edit(const char *store, const char *sql)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;
	bool done;

	live_path(w, store, path);
	done = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_busy_timeout(db, live_limit_ms()) == SQLITE_OK &&
		sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(db);
	return done;
}

/* A client of a tenant of its own, of whose service user the directory's store then says this. */
static bool user_becomes(const char *name, const char *tenant_name, const char *what, struct live_client *out)
{
	char user[32], partition[32], sql[128];
	struct live_tenant tenant = { .tenant = tenant_name, .user = user, .partition = partition };
	struct live_account a;

	snprintf(user, sizeof user, "%sservice", tenant_name);
	snprintf(partition, sizeof partition, "%sPART", tenant_name);
	snprintf(sql, sizeof sql, "UPDATE service_user SET %s WHERE name = '%s'", what, user);
	return live_provision(w, &tenant, &a) == HL_OK && live_client_ready(w, name, &a, out) &&
		edit("directory/directory.db", sql);
}

static bool opens(const struct live_client *c)
{
	hsmlet_options o = live_options_of(c);
	hsmlet_error e;
	hsmlet *h = NULL;
	bool open = hsmlet_open(&o, &h, &e) == 0;

	hsmlet_close(h);
	return open;
}

static bool move_clock(int64_t by_ms)
{
	char path[PATH_MAX];

	live_path(w, "clock", path);
	return hl_clock_advance(path, by_ms, NULL) == HL_OK;
}

static bool a_disabled_user(const char *name, struct live_client *out)
{
	return user_becomes(name, "disabled", "disabled = 1", out);
}

static bool tomorrow_it_is_over(const char *name, struct live_client *out)
{
	char what[64];

	snprintf(what, sizeof what, "expires_ms = %lld", (long long)(hl_clock_wall_ms(NULL) + DAY_MS));
	return user_becomes(name, "expired", what, out) && opens(out) && move_clock(2 * DAY_MS);
}

static bool back_to_today(void)
{
	return move_clock(-2 * DAY_MS);
}

static hsmlet *others[CLIENTS];

static bool as_many_clients_as_there_may_be(const char *name, struct live_client *out)
{
	hsmlet_options o = live_options_of(&good);
	hsmlet_error e;
	bool done = client_of(name, NULL, out);

	for (size_t i = 0; i < CLIENTS; i++)
		done = hsmlet_open(&o, &others[i], &e) == 0 && done;
	return done;
}

static bool the_others_go(void)
{
	for (size_t i = 0; i < CLIENTS; i++)
		hsmlet_close(others[i]);
	return sockets_await_none(w);
}

/* -- what undoes causes ------------------------------------------------------------------------------------------- */

static bool directory_goes_on(void)
{
	return live_resume(w, "directory1");
}

static bool stranger_goes(void)
{
	stranger_end(&stranger);
	return true;
}

/* -- the table --------------------------------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	bool (*cause)(const char *name, struct live_client *out);
	int id;
	CK_RV rv;
	unsigned number;
	bool at_once; /* C_Initialize fails, where the files are read; else the first call that needs the token does */
	bool (*undo)(void);
} rows[] = {
	{ "no-secrets", no_secrets, 103, CKR_GENERAL_ERROR, 0x80005004, true, NULL },
	{ "cut-secrets", cut_secrets, 102, CKR_GENERAL_ERROR, 0x80005006, true, NULL },
	{ "open-secrets", open_secrets, 105, CKR_GENERAL_ERROR, 0x80005006, true, NULL },
	{ "no-password", no_password, 104, CKR_TOKEN_NOT_PRESENT, 0x8000000d, false, NULL },
	{ "silent-resolver", a_silent_resolver, 701, CKR_TOKEN_NOT_PRESENT, 0x80005015, false, directory_goes_on },
	{ "another-protocol", another_protocol, 206, CKR_TOKEN_NOT_PRESENT, 0x80000002, false, stranger_goes },
	{ "hangs-up", a_peer_that_hangs_up, 705, CKR_TOKEN_NOT_PRESENT, 0x80005015, false, stranger_goes },
	{ "silent", a_peer_that_is_silent, 704, CKR_TOKEN_NOT_PRESENT, 0x8000003b, false, stranger_goes },
	{ "disabled", a_disabled_user, 402, CKR_TOKEN_NOT_PRESENT, 0x80000069, false, NULL },
	{ "expired", tomorrow_it_is_over, 403, CKR_TOKEN_NOT_PRESENT, 0x80000037, false, back_to_today },
	{ "busy", as_many_clients_as_there_may_be, 408, CKR_TOKEN_NOT_PRESENT, 0x80000018, false, the_others_go },
	{ "another-realm", another_realm, 301, CKR_TOKEN_NOT_PRESENT, 0x8000004e, false, NULL },
	{ "another-identity", another_identity, 501, CKR_TOKEN_NOT_RECOGNIZED, 0x8000004e, false, NULL },
};

/* The command says the same, with an exit code. */
static void library_agrees(const struct row *r, const struct live_client *c)
{
	hsmlet_options o = live_options_of(c);
	hsmlet_error e = { 0 };
	hsmlet *h = NULL;

	/* Without the file it misses the password before it comes to the secret. */
	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), r->cause == no_secrets ? 104 : r->id);
	CU_ASSERT_EQUAL(e.exit_code, hl_err_row(hl_err_of_wire((uint32_t)r->id))->exit_code);
	hsmlet_close(h);
}

static void run_row(const struct row *r)
{
	struct p11_client p;
	CK_SLOT_INFO info;
	char line[96];
	uint32_t number;

	CU_ASSERT(r->cause(r->name, &p.files) && p11_use(w, r->name, &p) &&
		p11_set(&p, "primus.connect_on_init", "false"));
	CU_ASSERT_EQUAL(p11_f->C_Initialize(NULL), r->at_once ? r->rv : CKR_OK);
	if (!r->at_once) {
		CU_ASSERT_EQUAL(p11_f->C_GetSlotInfo(P11_SLOT, &info), r->rv);
		p11_over();
		/* and so it stands in the table that doc/protocol.md prints */
		CU_ASSERT_EQUAL(p11_ckr(hl_err_of_wire((uint32_t)r->id), HL_STEP_HELLO, &number), r->rv);
		CU_ASSERT_EQUAL(number, r->number);
	}
	snprintf(line, sizeof line, "%s() - rv: 0x%x - HL-%04d ", r->at_once ? "readConfig" : "HSM_Hello", r->number, r->id);
	CU_ASSERT_EQUAL(p11_logged(&p, line), 1);
	library_agrees(r, &p.files);
	CU_ASSERT(!r->undo || r->undo());
}

static void every_way_to_fail_has_its_code_and_its_number(void)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++) {
		unsigned before = CU_get_number_of_failures();

		run_row(&rows[i]);
		if (CU_get_number_of_failures() > before)
			fprintf(stderr, "the row %s\n", rows[i].name);
	}
}

/* -- operations ---------------------------------------------------------------------------------------------------- */

static CK_RV make_on_an_unknown_curve(CK_SESSION_HANDLE s)
{
	static CK_BYTE curve[] = { 6, 3, 0x2a, 3, 4 };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public_key[] = { { CKA_EC_PARAMS, curve, sizeof curve } };
	CK_OBJECT_HANDLE both[2];

	return p11_f->C_GenerateKeyPair(s, &m, public_key, 1, NULL, 0, &both[0], &both[1]);
}

static CK_RV decrypt_what_was_not_encrypted(CK_SESSION_HANDLE s)
{
	CK_BYTE iv[12] = { 0 }, data[32] = { 0 }, out[32];
	CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = sizeof iv, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &gcm, sizeof gcm };
	CK_OBJECT_HANDLE key;
	CK_ULONG n = sizeof out;
	CK_RV rv = p11_make_aes(s, "codes", &key);

	if (rv == CKR_OK)
		rv = p11_f->C_DecryptInit(s, &m, key);
	return rv == CKR_OK ? p11_f->C_Decrypt(s, data, sizeof data, out, &n) : rv;
}

static CK_RV log_in_with_another_pin(CK_SESSION_HANDLE s)
{
	CK_BYTE wrong[] = "another";

	(void)p11_f->C_Logout(s);
	return p11_f->C_Login(s, CKU_USER, wrong, sizeof wrong - 1);
}

/* No file of the HSMs may grow any more: test_store.c has more of that. */
static void limit_stores(rlim_t bytes)
{
	for (unsigned i = 1; i <= 2; i++) {
		char name[8];
		struct rlimit r;

		snprintf(name, sizeof name, "hsm%u", i);
		CU_ASSERT_EQUAL(prlimit(live_pid(w, name), RLIMIT_FSIZE, NULL, &r), 0);
		r.rlim_cur = bytes < r.rlim_max ? bytes : r.rlim_max;
		CU_ASSERT_EQUAL(prlimit(live_pid(w, name), RLIMIT_FSIZE, &r, NULL), 0);
	}
}

static CK_RV make_until_the_disk_is_full(CK_SESSION_HANDLE s)
{
	char path[PATH_MAX];
	struct stat log = { 0 };
	CK_OBJECT_HANDLE key;
	CK_RV rv = CKR_OK;

	live_path(w, "hsm/cluster1.db-wal", path);
	CU_ASSERT_EQUAL(stat(path, &log), 0);
	limit_stores((rlim_t)log.st_size + 50000);
	for (unsigned i = 0; rv == CKR_OK && i < 1000; i++)
		rv = p11_make_aes(s, "codes", &key);
	limit_stores(RLIM_INFINITY);
	CU_ASSERT_EQUAL(p11_make_aes(s, "codes", &key), CKR_OK); /* there is room again */
	return rv;
}

/* A sealed row that somebody has touched. */
static CK_RV read_what_was_altered(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof class };
	CK_OBJECT_HANDLE key;
	CK_RV rv = p11_make_aes(s, "codes", &key);

	CU_ASSERT(edit("hsm/cluster1.db", "UPDATE object SET sealed = CAST(sealed || x'00' AS BLOB)"));
	if (rv == CKR_OK)
		rv = p11_f->C_GetAttributeValue(s, key, &t, 1);
	CU_ASSERT(edit("hsm/cluster1.db", "UPDATE object SET sealed = substr(sealed, 1, length(sealed) - 1)"));
	CU_ASSERT_EQUAL(p11_f->C_GetAttributeValue(s, key, &t, 1), CKR_OK);
	return rv;
}

/* The HSM that was the first to start is the master. */
static CK_RV make_without_a_master(CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE key;

	CU_ASSERT(live_kill(w, "hsm1"));
	return p11_make_aes(s, "codes", &key);
}

static void operations_that_fail_have_theirs(void)
{
	static const struct {
		CK_RV (*run)(CK_SESSION_HANDLE s);
		CK_RV rv;
		const char *line;
	} row[] = {
		{ make_on_an_unknown_curve, CKR_CURVE_NOT_SUPPORTED, "HSM_Generate() - rv: 0x80000058 - HL-0544 " },
		{ decrypt_what_was_not_encrypted, CKR_ENCRYPTED_DATA_INVALID, "HSM_Decrypt() - rv: 0x40 - HL-0519 " },
		{ make_until_the_disk_is_full, CKR_DEVICE_MEMORY, "HSM_Generate() - rv: 0x80000004 - HL-0008 " },
		{ read_what_was_altered, CKR_DEVICE_ERROR, "HSM_Attributes_get() - rv: 0x30 - HL-0602 " },
		{ make_without_a_master, CKR_FUNCTION_FAILED, "HSM_Generate() - rv: 0x6 - HL-0521 " },
		{ log_in_with_another_pin, CKR_PIN_INCORRECT, "HSM_Login() - rv: 0x8000000b - HL-0503 " },
	};
	struct p11_client p = { .files = good };

	CU_ASSERT(p11_use(w, "operations", &p));
	for (size_t i = 0; i < HL_COUNT(row); i++) {
		CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);

		CU_ASSERT_EQUAL(row[i].run(s), row[i].rv);
		CU_ASSERT_EQUAL(p11_logged(&p, row[i].line), 1);
		p11_over();
	}
	CU_ASSERT(live_restart(w, "hsm1"));
}

/* -- what the log does not tell ---------------------------------------------------------------------------------------- */

enum { PIN, KEY, DATA, WRONG, CANARIES };

static void use_everything_that_is_secret(CK_SESSION_HANDLE s, CK_BYTE key[32], CK_BYTE data[32], CK_BYTE wrong[16])
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE iv[16] = { 0 }, out[64];
	CK_ULONG n = sizeof out;
	CK_MECHANISM m = { CKM_AES_CBC, iv, sizeof iv };
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type },
		{ CKA_VALUE, key, 32 }, { CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 }, { CKA_TOKEN, &no, 1 },
		{ CKA_SENSITIVE, &yes, 1 } };
	CK_ATTRIBUTE back = { CKA_VALUE, out, sizeof out };

	CU_ASSERT_EQUAL(p11_f->C_CreateObject(s, t, HL_COUNT(t), &h), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_GetAttributeValue(s, h, &back, 1), CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_EQUAL(p11_f->C_EncryptInit(s, &m, h), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_Encrypt(s, data, 32, out, &n), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_DecryptInit(s, &m, h), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, out, n, out, &n), CKR_OK);
	CU_ASSERT_EQUAL(memcmp(out, data, 32), 0);
	CU_ASSERT_EQUAL(p11_f->C_Logout(s), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_Login(s, CKU_USER, wrong, 16), CKR_PIN_INCORRECT);
}

/* With all masks and at the highest level. */
static void no_pin_key_or_data_is_in_the_log(void)
{
	static const struct live_tenant tenant = {
		.tenant = "canary", .user = "canaryserve", .partition = "CANARY", .pin = "pin-ZkQwJm93xT",
	};
	CK_BYTE key[32], data[32], wrong[16] = "wrong-Hq7LxW42pB";
	struct canary c[CANARIES];
	struct live_account a;
	struct p11_client p;
	CK_SESSION_HANDLE s;

	for (size_t i = 0; i < 32; i++) {
		key[i] = (CK_BYTE)(37 * i + 11);
		data[i] = (CK_BYTE)(101 * i + 7);
	}
	CU_ASSERT(live_provision(w, &tenant, &a) == HL_OK && p11_client(w, "canary", &a, &p));
	CU_ASSERT(p11_set(&p, "primus.log.trace_level", "7") && p11_set(&p, "primus.log.trace_inout", "true"));
	canary_make(&c[PIN], "PIN", hl_text(a.pin));
	canary_make(&c[KEY], "key", hl_bytes(key, sizeof key));
	canary_make(&c[DATA], "data", hl_bytes(data, sizeof data));
	canary_make(&c[WRONG], "wrong PIN", hl_bytes(wrong, sizeof wrong));
	s = p11_begin_logged_in(&a);
	use_everything_that_is_secret(s, key, data, wrong);
	p11_over();
	CU_ASSERT(p11_logged(&p, "C_CreateObject() - hSession=") == 1 && p11_logged(&p, "HSM_message() - sent create") == 1);
	CU_ASSERT(p11_logged(&p, "C_Login() - hSession=") == 2 && p11_logged(&p, "pPin=***") == 2);
	for (size_t i = 0; i < CANARIES; i++)
		CU_ASSERT_FALSE(canary_in_file(&c[i], p.log, true));
}

static CU_TestInfo tests[] = {
	{ "every way to fail has its code and its number", every_way_to_fail_has_its_code_and_its_number },
	{ "operations that fail have theirs", operations_that_fail_have_theirs },
	{ "no PIN, key or data is in the log", no_pin_key_or_data_is_in_the_log },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options two = { .proxies = 1, .hsms = 2, .clients = CLIENTS };
	static const struct live_tenant tenant = { "acme", "acmeservice", "ACMEPARTONE", .pin = "12345678" };

	w = live_start(&two);
	return w && live_provision(w, &tenant, &acme) == HL_OK && live_client_ready(w, "acme", &acme, &good) && p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("codes of the provider", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
