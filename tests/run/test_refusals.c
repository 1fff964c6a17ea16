/* Every refusal, as the user of the `hsmlet` command and of the library meets it: real processes, one table.
 * What a row says of attempts is counted where they arrive: in the traces of all who took part. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/command.h"
#include "tests/support/folder.h"
#include "tests/support/lines.h"
#include "tests/support/p11.h"
#include "tests/support/test.h"

enum { PROXIES = 2, HSMS = 2, ROUNDS = 3 };

static struct live *w;
static struct live_account acme, other; /* two tenants */
static struct live_client good;         /* of acme, with its user secret */

/* -- how to be refused -------------------------------------------------------------------------------- */

/* A client as acme would have it, but for the account and the way, with some user secret. */
static bool client_of(const struct live_account *a, const char *name, const struct live_route *route,
	struct live_client *out)
{
	bool own = strcmp(a->partition, acme.partition) == 0;

	return live_client(w, name, a, route, out) && live_client_secret(out, own ? &good : NULL, a->partition, false);
}

static bool wrong_password(const char *name, struct live_client *out)
{
	struct live_account a = acme;

	a.password[0] = a.password[0] == 'x' ? 'y' : 'x';
	return client_of(&a, name, NULL, out);
}

static bool unknown_user(const char *name, struct live_client *out)
{
	struct live_account a = acme;

	snprintf(a.user, sizeof a.user, "nobodyserve"); /* as long as acmeservice */
	return client_of(&a, name, NULL, out);
}

static bool unlisted_address(const char *name, struct live_client *out)
{
	static const struct live_tenant walled = {
		.tenant = "walled", .user = "walledservice", .partition = "WALLED", .allowed = "192.0.2.0/24",
	};
	struct live_account a;

	return live_provision(w, &walled, &a) == HL_OK && client_of(&a, name, NULL, out);
}

static bool foreign_partition(const char *name, struct live_client *out)
{
	struct live_account a = acme;

	memcpy(a.partition, other.partition, sizeof a.partition);
	return client_of(&a, name, NULL, out);
}

static bool missing_partition(const char *name, struct live_client *out)
{
	struct live_account a = acme;

	snprintf(a.partition, sizeof a.partition, "NOSUCHPARTI");
	return client_of(&a, name, NULL, out);
}

static bool wrong_secret(const char *name, struct live_client *out)
{
	return live_client(w, name, &acme, NULL, out) && live_client_secret(out, &good, acme.partition, true);
}

static bool no_secret(const char *name, struct live_client *out)
{
	return live_client(w, name, &acme, NULL, out);
}

static bool directory_down(const char *name, struct live_client *out)
{
	struct hl_addr at = live_address(w, LIVE_PROXY, 0);
	char host[HL_ADDR_TEXT];

	/* By its address: the directory that is down is the one that would answer for the name. */
	hl_addr_text(&at, host);
	host[strcspn(host, ":")] = 0;
	return client_of(&acme, name, &(struct live_route){ .host = host }, out) && live_kill(w, "directory1");
}

static bool proxies_down(const char *name, struct live_client *out)
{
	return client_of(&acme, name, NULL, out) && live_kill(w, "proxy1") && live_kill(w, "proxy2");
}

static bool hsms_down(const char *name, struct live_client *out)
{
	return client_of(&acme, name, NULL, out) && live_kill(w, "hsm1") && live_kill(w, "hsm2");
}

static bool no_such_name(const char *name, struct live_client *out)
{
	return client_of(&acme, name, &(struct live_route){ .host = "nowhere.hsmlet.test" }, out);
}

static bool write_conf(const char *name, const char *text, struct live_client *out)
{
	return client_of(&acme, name, NULL, out) && hl_test_file_write(out->conf, text, strlen(text), 0600);
}

static bool unknown_key(const char *name, struct live_client *out)
{
	return write_conf(name, "version = \"1.0\";\nprimus:\n{\n\twait_dealy = 250;\n};\n", out);
}

static bool half_a_file(const char *name, struct live_client *out)
{
	return write_conf(name, "version = \"1.0\";\nprimus:\n{\n\thsms:\n\t{\n\t\thsm0:\n", out);
}

/* Whatever was stopped runs again. */
static bool restart_all(void)
{
	static const char *const member[] = { "directory1", "proxy1", "proxy2", "hsm1", "hsm2" };
	bool ok = true;

	for (size_t i = 0; i < HL_COUNT(member); i++)
		if (live_pid(w, member[i]) == 0)
			ok = live_restart(w, member[i]) && ok;
	return ok;
}

/* -- the table ------------------------------------------------------------------------------------------ */

enum { NOBODY, GATEWAY, HSM }; /* who said no */

struct refusal {
	const char *name, *text;
	bool (*cause)(const char *name, struct live_client *out);
	int exit_code, id;
	const char *step;          /* as the command says it */
	bool exchange;             /* `secret add` with a wrong setup password, or else `secret test` */
	int said_by;
	int dials;                 /* connections that the client tried */
	int hellos, queries, shown; /* that proxies, directory and HSM saw of them */
	CK_RV rv;                  /* that an application of the provider gets; CKR_OK: it is not asked */
	unsigned number;           /* in the provider's log; 0: in that of a configuration which it could not read */
	const char *detail;        /* what the message also has */
};

#define NO_CONNECTION "none: not on a connection"
#define ALL (PROXIES * ROUNDS)

/* clang-format off */
#define REFUSALS(X) \
	X(wrong_password,    "a wrong service password",             wrong_password,    10, 300, "6 auth.result", false, GATEWAY, 1,      1,      1,   0, CKR_TOKEN_NOT_PRESENT, 0x8000004e, " at 127.") \
	X(unknown_user,      "an unknown service user",              unknown_user,      10, 300, "6 auth.result", false, GATEWAY, 1,      1,      1,   0, CKR_TOKEN_NOT_PRESENT, 0x8000004e, " at 127.") \
	X(unlisted_address,  "an address outside the allow-list",    unlisted_address,  11, 400, "6 auth.result", false, GATEWAY, 1,      1,      1,   0, CKR_TOKEN_NOT_PRESENT, 0x8000004e, " at 127.") \
	X(missing_partition, "a partition that is not there",        missing_partition, 11, 401, "6 auth.result", false, GATEWAY, 1,      1,      1,   0, CKR_TOKEN_NOT_PRESENT, 0x8000000d, " at 127.") \
	X(foreign_partition, "another tenant's partition",           foreign_partition, 11, 401, "6 auth.result", false, GATEWAY, 1,      1,      1,   0, CKR_TOKEN_NOT_PRESENT, 0x8000000d, " at 127.") \
	X(wrong_setup,       "a wrong setup password",               no_secret,         12, 500, "8 hsm.result",  true,  HSM,     1,      1,      1,   1, CKR_OK,                0,          " at 127.") \
	X(wrong_secret,      "a wrong user secret",                  wrong_secret,      12, 500, "8 hsm.result",  false, HSM,     1,      1,      1,   1, CKR_TOKEN_NOT_PRESENT, 0x8000004e, " at 127.") \
	X(directory_down,    "a directory that is down",             directory_down,    11, 404, "6 auth.result", false, NOBODY,  ROUNDS, ROUNDS, 0,   0, CKR_TOKEN_NOT_PRESENT, 0x80005015, " at 127.") \
	X(proxies_down,      "proxies that are all down",            proxies_down,      16, 702, "1 hello.proxy", false, NOBODY,  ALL,    0,      0,   0, CKR_TOKEN_NOT_PRESENT, 0x80005015, " at 127.") \
	X(hsms_down,         "HSMs that are all down",               hsms_down,         16, 703, "6 auth.result", false, NOBODY,  ALL,    ALL,    ALL, 0, CKR_TOKEN_NOT_PRESENT, 0x80005015, " at 127.") \
	X(no_such_name,      "a pool name that nobody knows",        no_such_name,      16, 700, "0 dns.pick",    false, NOBODY,  0,      0,      0,   0, CKR_TOKEN_NOT_PRESENT, 0x80005015, "nowhere.hsmlet.test") \
	X(unknown_key,       "a configuration with an unknown key",  unknown_key,       78, 100, NO_CONNECTION,   false, NOBODY,  0,      0,      0,   0, CKR_GENERAL_ERROR,     0,          "primus.cfg:4: ") \
	X(half_a_file,       "a configuration that was cut short",   half_a_file,       78, 100, NO_CONNECTION,   false, NOBODY,  0,      0,      0,   0, CKR_GENERAL_ERROR,     0,          "primus.cfg:7: ") \
	X(no_user_secret,    "a user secret that was never fetched", no_secret,         78, 103, NO_CONNECTION,   false, NOBODY,  0,      0,      0,   0, CKR_TOKEN_NOT_PRESENT, 0x8000000d, acme.partition)
/* clang-format on */

#define X(id, ...) ROW_##id,
enum { REFUSALS(X) ROWS };
#undef X

#define X(id, ...) [ROW_##id] = { #id, __VA_ARGS__ },
static const struct refusal row[] = { REFUSALS(X) };
#undef X

/* -- counting ---------------------------------------------------------------------------------------------- */

struct tally {
	int dials, hellos, queries, shown;
};

static struct tally tally_of(const struct live_client *c)
{
	static const struct line dial = { .step = "dns.pick", .way = "did", .err = "" };
	static const struct line hello = { .step = "hello.proxy", .way = "got" };
	static const struct line query = { .step = "dir.query", .way = "got" };
	static const struct line shake = { .step = "hsm.result" };
	int dials = lines_count(c->trace, &dial);

	return (struct tally){
		.dials = dials < 0 ? 0 : dials, /* it has not begun a trace yet */
		.hellos = lines_of(w, "proxy", &hello),
		.queries = lines_of(w, "directory", &query),
		.shown = lines_of(w, "hsm", &shake),
	};
}

static void counted(const struct refusal *r, const struct live_client *c, const struct tally *before)
{
	struct tally after = tally_of(c);

	CU_ASSERT_EQUAL(after.dials - before->dials, r->dials);
	CU_ASSERT_EQUAL(after.hellos - before->hellos, r->hellos);
	CU_ASSERT_EQUAL(after.queries - before->queries, r->queries);
	CU_ASSERT_EQUAL(after.shown - before->shown, r->shown);
}

/* -- one row --------------------------------------------------------------------------------------------------- */

/* Of the form of a setup password, and not the one that there is. */
static void wrong_setup(char out[HL_SETUP_PASSWORD_TEXT + 1])
{
	memcpy(out, acme.setup, HL_SETUP_PASSWORD_TEXT + 1);
	out[0] = out[0] == 'A' ? 'B' : 'A';
}

static void run_command(const struct refusal *r, const struct live_client *c, struct command_end *end)
{
	static const char *const test[] = { "secret", "test", NULL };
	const char *add[] = { "secret", "add", "--setup-password-file", NULL, NULL };
	char setup[HL_SETUP_PASSWORD_TEXT + 1], path[PATH_MAX];

	if (r->exchange) {
		wrong_setup(setup);
		live_path(w, "client/setup", path);
		add[3] = path;
		CU_ASSERT(hl_test_file_write(path, setup, strlen(setup), 0600));
	}
	CU_ASSERT(command_run(w, c, r->exchange ? add : test, end));
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* What failed and where, at which step, why, what next. */
static void four_parts(const struct refusal *r, const struct command_end *end)
{
	const struct hl_err_row *err = hl_err_row(hl_err_of_wire((uint32_t)r->id));
	char head[32], what[COMMAND_TEXT], line[COMMAND_TEXT];

	snprintf(head, sizeof head, "hsmlet: HL-%04d ", r->id);
	CU_ASSERT(command_says(end, head, what));
	CU_ASSERT(has(what, err->text) && has(what, r->detail));
	CU_ASSERT(command_says(end, "  step   ", line));
	CU_ASSERT_STRING_EQUAL(line, r->step);
	CU_ASSERT(command_says(end, "  cause  ", line));
	CU_ASSERT_STRING_EQUAL(line, err->cause);
	CU_ASSERT(command_says(end, "  next   ", line));
	CU_ASSERT_STRING_EQUAL(line, err->next);
}

static int seen(const char *role, const char *conn, const char *step, const char *err)
{
	struct line like = { .conn = conn, .step = step, .err = err };

	return lines_of(w, role, &like);
}

/* Who said no has it in its trace, and who stands behind him saw nothing of the connection. */
static void said_by(const struct refusal *r, const struct command_end *end)
{
	const char *at = strstr(end->err, "connection ");
	char id[33] = "", err[16];

	snprintf(id, sizeof id, "%.32s", at ? at + strlen("connection ") : "");
	CU_ASSERT_EQUAL(strspn(id, "0123456789abcdef"), 32);
	snprintf(err, sizeof err, "HL-%04d", r->id);
	CU_ASSERT_EQUAL(seen("directory", id, "dir.grant", r->said_by == GATEWAY ? err : ""), 1);
	CU_ASSERT(seen("proxy", id, "dir.grant", r->said_by == GATEWAY ? err : "") >= 1);
	CU_ASSERT_EQUAL(seen("proxy", id, "auth.result", "") > 0, r->said_by == HSM);
	CU_ASSERT_EQUAL(seen("hsm", id, "hsm.result", "HL-0208"), r->said_by == HSM);
	CU_ASSERT_EQUAL(seen("hsm", id, NULL, NULL) > 0, r->said_by == HSM);
}

/* The library says the same, and how often it has tried. */
static void library_agrees(const struct refusal *r, const struct live_client *c)
{
	hsmlet_options o = live_options_of(c);
	char setup[HL_SETUP_PASSWORD_TEXT + 1];
	hsmlet_error e = { 0 };
	hsmlet *h = NULL;

	wrong_setup(setup);
	CU_ASSERT_EQUAL(r->exchange ? hsmlet_exchange(&o, setup, strlen(setup), &e) : hsmlet_open(&o, &h, &e), r->id);
	CU_ASSERT_PTR_NULL(h);
	hsmlet_close(h);
	CU_ASSERT_EQUAL(e.id, r->id);
	CU_ASSERT_EQUAL(e.exit_code, r->exit_code);
	CU_ASSERT_EQUAL(e.stored, 0);
	CU_ASSERT_EQUAL(e.attempts, (unsigned)r->dials);
	CU_ASSERT_EQUAL(e.retryable, hl_err_row(hl_err_of_wire((uint32_t)r->id))->again == HL_AGAIN);
	CU_ASSERT(e.what[0] && e.cause[0] && e.next[0]);
	CU_ASSERT(r->dials == 0 || strlen(e.connection) == 32);
	CU_ASSERT(r->dials == 0 || strncmp(e.where, "127.", 4) == 0);
}

/* An application that knows nothing of all this gets a code of the standard; the provider's log has the number that the
 * modelled product has for it, and the error. */
static void provider_agrees(const struct refusal *r, const struct live_client *c)
{
	struct p11_client p = { .files = *c };
	CK_SLOT_INFO info;
	char error[64], end[64];
	int before;

	if (r->rv == CKR_OK)
		return;
	CU_ASSERT(p11_load(w));
	if (r->number == 0) {
		CU_ASSERT_EQUAL(setenv("HSMLET_CONF", c->conf, 1), 0);
		CU_ASSERT_EQUAL(p11_f->C_Initialize(NULL), r->rv);
		p11_unload();
		return;
	}
	CU_ASSERT(p11_use(w, r->name, &p) && p11_set(&p, "primus.connect_on_init", "false"));
	snprintf(error, sizeof error, "HSM_Hello() - rv: 0x%x - HL-%04d ", r->number, r->id);
	snprintf(end, sizeof end, "C_GetSlotInfo() - rv: 0x%lx", r->rv);
	before = p11_logged(&p, error); /* a row may be run again */
	CU_ASSERT_EQUAL(p11_f->C_Initialize(NULL), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_GetSlotInfo(P11_SLOT, &info), r->rv);
	p11_over();
	p11_unload();
	CU_ASSERT_EQUAL(p11_logged(&p, error), before + 1);
	CU_ASSERT_EQUAL(p11_logged(&p, end), before + 1);
}

static void refused(const struct refusal *r, struct command_end *end)
{
	struct live_client c = { .conf = "" };
	struct tally before;

	CU_ASSERT(r->cause(r->name, &c));
	before = tally_of(&c);
	run_command(r, &c, end);
	CU_ASSERT_EQUAL(end->exit_code, r->exit_code);
	four_parts(r, end);
	counted(r, &c, &before);
	if (r->said_by != NOBODY)
		said_by(r, end);
	library_agrees(r, &c);
	provider_agrees(r, &c);
	CU_ASSERT(restart_all());
}

#define X(id, ...) \
	static void id##_is_refused(void) \
	{ \
		struct command_end end; \
\
		refused(&row[ROW_##id], &end); \
	}
REFUSALS(X)
#undef X

/* -- what must not be told apart ---------------------------------------------------------------------------------- */

/* Take out what stands from `head` to the end of its line. */
static void cut(struct command_end *end, const char *head)
{
	char *at = strstr(end->err, head), *line = at ? strchr(at, '\n') : NULL;

	CU_ASSERT_PTR_NOT_NULL(line);
	if (line)
		memmove(at, line, strlen(line) + 1);
}

/* The message alone, without the proxy that was drawn and without the connection id. */
static void mask(struct command_end *end)
{
	char *message = strstr(end->err, "hsmlet: HL-");

	CU_ASSERT_PTR_NOT_NULL(message);
	if (message)
		memmove(end->err, message, strlen(message) + 1);
	cut(end, "at 127.");
}

static void look_the_same(const struct refusal *a, const struct refusal *b)
{
	struct command_end one, two;

	refused(a, &one);
	refused(b, &two);
	mask(&one);
	mask(&two);
	CU_ASSERT_STRING_EQUAL(one.err, two.err);
}

static void an_unknown_user_is_told_what_a_wrong_password_is_told(void)
{
	look_the_same(&row[ROW_wrong_password], &row[ROW_unknown_user]);
}

static void a_foreign_partition_is_told_what_a_missing_one_is_told(void)
{
	look_the_same(&row[ROW_missing_partition], &row[ROW_foreign_partition]);
}

/* -- the lock-out ------------------------------------------------------------------------------------------------------ */

/* A hundred wrong passwords, then the command. The wait is up to 300 s, by how long the hundred took. */
static void lock(const char *name, const struct live_account *a, struct command_end *end)
{
	static const char *const test[] = { "secret", "test", NULL };
	struct live_account wrong = *a;
	char line[COMMAND_TEXT];
	struct live_client c;
	hsmlet_options o;
	hsmlet_error e;
	hsmlet *h;

	wrong.password[0] = a->password[0] == 'x' ? 'y' : 'x';
	CU_ASSERT(client_of(&wrong, name, NULL, &c));
	o = live_options_of(&c);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 300);
	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 302);
	CU_ASSERT_EQUAL(e.attempts, 1);
	CU_ASSERT_EQUAL(e.retryable, 1);
	CU_ASSERT(e.retry_after_ms > 0 && e.retry_after_ms <= 300000);
	CU_ASSERT(seen("directory", e.connection, "dir.grant", "HL-0302") == 1);
	CU_ASSERT(command_run(w, &c, test, end));
	CU_ASSERT_EQUAL(end->exit_code, 14);
	CU_ASSERT(has(end->err, "HL-0302"));
	CU_ASSERT(command_says(end, "  step   ", line));
	CU_ASSERT_STRING_EQUAL(line, "6 auth.result");
	CU_ASSERT(command_says(end, "  wait   ", line));
	CU_ASSERT(strtol(line, NULL, 10) >= 1 && strtol(line, NULL, 10) <= 300);
}

static void a_hundred_wrong_passwords_lock_known_and_unknown_users_alike(void)
{
	static const struct live_tenant tenant = { "locked", "lockedservice", "LOCKED", .pin = "12345678" };
	struct command_end known, unknown;
	struct live_account a, nobody = acme;
	struct live_client right;
	hsmlet_options o = live_options_of(&good);
	hsmlet_error e;
	hsmlet *h = NULL;

	snprintf(nobody.user, sizeof nobody.user, "guesser");
	CU_ASSERT_EQUAL(live_provision(w, &tenant, &a), HL_OK);
	lock("locked", &a, &known);
	lock("guesser", &nobody, &unknown);
	mask(&known);
	mask(&unknown);
	cut(&known, "  wait   ");
	cut(&unknown, "  wait   ");
	CU_ASSERT_STRING_EQUAL(known.err, unknown.err);
	CU_ASSERT(live_client(w, "owner", &a, NULL, &right)); /* the right password does not help */
	CU_ASSERT(live_client_secret(&right, NULL, a.partition, false));
	o = live_options_of(&right);
	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 302);
	o = live_options_of(&good);
	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 0); /* another user at the same address */
	hsmlet_close(h);
}

/* After all of that. */
static void what_is_right_still_gets_in(void)
{
	static const char *const test[] = { "secret", "test", NULL };
	struct command_end end;
	struct live_client c;
	hsmlet_options o;
	hsmlet_error e;

	CU_ASSERT(command_run(w, &good, test, &end));
	CU_ASSERT_EQUAL(end.exit_code, 0);
	CU_ASSERT_STRING_EQUAL(end.err, "");
	CU_ASSERT(live_client(w, "newcomer", &acme, NULL, &c));
	o = live_options_of(&c);
	CU_ASSERT_EQUAL(hsmlet_exchange(&o, acme.setup, strlen(acme.setup), &e), 0);
}

#define X(id, text, ...) { "refused: " text, id##_is_refused },
static CU_TestInfo tests[] = {
	REFUSALS(X)
	{ "an unknown user is told what a wrong password is told",
		an_unknown_user_is_told_what_a_wrong_password_is_told },
	{ "a foreign partition is told what a missing one is told",
		a_foreign_partition_is_told_what_a_missing_one_is_told },
	{ "a hundred wrong passwords lock known and unknown users alike",
		a_hundred_wrong_passwords_lock_known_and_unknown_users_alike },
	{ "what is right still gets in", what_is_right_still_gets_in },
	CU_TEST_INFO_NULL,
};
#undef X

static bool prepare(void)
{
	static const struct live_options two = { .proxies = PROXIES, .hsms = HSMS };
	static const struct live_tenant first = { "acme", "acmeservice", "ACMEPARTONE", .pin = "12345678" };
	static const struct live_tenant second = { "zeta", "zetaservice", "ZETAPARTONE", .pin = "87654321" };

	w = live_start(&two);
	return w && live_provision(w, &first, &acme) == HL_OK && live_provision(w, &second, &other) == HL_OK &&
		live_client_ready(w, "acme", &acme, &good);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("refusals with real processes", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
