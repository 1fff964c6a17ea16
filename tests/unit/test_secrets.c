#include "client/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "client/blind.h"
#include "client/entry.h"
#include "lib/os/files.h"
#include "tests/support/test.h"

/* Not random at all, which a test needs: xorshift64. */
static uint64_t state = 0x9e3779b97f4a7c15u;

static void draw(void *at, void *out, size_t n)
{
	uint8_t *p = out;

	(void)at;
	while (n-- > 0) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		*p++ = (uint8_t)(state >> 32);
	}
}

static const struct hl_env_ops ops = { .random = draw };
static const struct hl_env env = { .ops = &ops };

static char folder[64], path[128], error[512];

static void make_folder(void)
{
	snprintf(folder, sizeof folder, "secrets-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/.secrets.cfg", folder);
}

static void remove_folder(void)
{
	char lock[160];

	snprintf(lock, sizeof lock, "%s.lock", path);
	unlink(path);
	unlink(lock);
	CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing else was left behind */
}

/* A secret whose bytes follow from its seed. */
static hl_err put_seeded(const char *partition, unsigned seed)
{
	HL_AUTO(hl_secret_clear) struct hl_secret secret = { 0 };
	struct client_secret s = { .generation = seed + 1 };

	snprintf(s.partition, sizeof s.partition, "%s", partition);
	HL_TRY(hl_secret_make(&secret, HL_SECRET_BYTES));
	for (size_t i = 0; i < HL_SECRET_BYTES; i++) {
		secret.p[i] = (uint8_t)(seed * 31 + i * 7 + 1);
		s.identity[i] = (uint8_t)(seed * 17 + i * 3 + 5);
	}
	s.secret = secret;
	return client_secret_put(&env, path, &s, error);
}

static bool is_seeded(const struct client_secret *s, const char *partition, unsigned seed)
{
	if (strcmp(s->partition, partition) != 0 || s->generation != seed + 1 ||
		s->secret.n != HL_SECRET_BYTES)
		return false;
	for (size_t i = 0; i < HL_SECRET_BYTES; i++)
		if (s->secret.p[i] != (uint8_t)(seed * 31 + i * 7 + 1) ||
			s->identity[i] != (uint8_t)(seed * 17 + i * 3 + 5))
			return false;
	return true;
}

/* HL_OK where the entry is there and right. */
static hl_err got_seeded(const char *partition, unsigned seed)
{
	struct client_secret s = { 0 };
	hl_err err = client_secret_get(path, partition, &s, error);

	if (err == HL_OK && !is_seeded(&s, partition, seed))
		err = HL_E_BUG;
	hl_secret_clear(&s.secret);
	return err;
}

static hl_err got_password(const char *user, const char *password)
{
	HL_AUTO(hl_secret_clear) struct hl_secret s = { 0 };

	HL_TRY(client_password_get(path, user, &s, error));
	return hl_bytes_eq(hl_secret_view(&s), hl_text(password)) ? HL_OK : HL_E_BUG;
}

static hl_err put_password(const char *user, const char *password)
{
	return client_password_put(&env, path, user, hl_text(password), error);
}

static void read_file(struct hl_buf *out)
{
	CU_ASSERT_EQUAL(hl_file_read(path, HL_BUF_MAX, out), HL_OK);
}

static void write_file(struct hl_bytes text)
{
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, text), HL_OK);
}

static void what_is_put_is_got(void)
{
	struct stat st;

	make_folder();
	CU_ASSERT_EQUAL(put_seeded("PARTALPHA", 1), HL_OK);
	CU_ASSERT_EQUAL(put_seeded("part \"beta\" \\n", UINT32_MAX - 1), HL_OK);
	CU_ASSERT_EQUAL(put_password("svc", "correct horse"), HL_OK);
	CU_ASSERT_EQUAL(put_password("PARTALPHA", "another"), HL_OK);
	CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CU_ASSERT_EQUAL(got_seeded("PARTALPHA", 1), HL_OK);
	CU_ASSERT_EQUAL(got_seeded("part \"beta\" \\n", UINT32_MAX - 1), HL_OK);
	CU_ASSERT_EQUAL(got_password("svc", "correct horse"), HL_OK);
	CU_ASSERT_EQUAL(got_password("PARTALPHA", "another"), HL_OK);
	CU_ASSERT_EQUAL(put_seeded("PARTALPHA", 2), HL_OK);
	CU_ASSERT_EQUAL(put_password("svc", "x"), HL_OK);
	CU_ASSERT_EQUAL(got_seeded("PARTALPHA", 2), HL_OK);
	CU_ASSERT_EQUAL(got_password("svc", "x"), HL_OK);
	remove_folder();
}

static void what_is_removed_is_gone(void)
{
	make_folder();
	CU_ASSERT_EQUAL(client_secret_remove(path, "A", error), HL_E_SECRETS_NONE);
	CU_ASSERT_EQUAL(client_password_remove(path, "A", error), HL_E_PASSWORD_NONE);
	CU_ASSERT_EQUAL(got_seeded("A", 1), HL_E_SECRETS_NONE);
	CU_ASSERT_EQUAL(got_password("A", ""), HL_E_PASSWORD_NONE);
	CU_ASSERT_EQUAL(put_seeded("A", 1), HL_OK);
	CU_ASSERT_EQUAL(put_seeded("B", 2), HL_OK);
	CU_ASSERT_EQUAL(put_password("A", "p"), HL_OK);
	CU_ASSERT_EQUAL(client_secret_remove(path, "A", error), HL_OK);
	CU_ASSERT_EQUAL(client_secret_remove(path, "A", error), HL_E_SECRETS_NONE);
	CU_ASSERT_EQUAL(got_seeded("A", 1), HL_E_SECRETS_NONE);
	CU_ASSERT_EQUAL(got_seeded("B", 2), HL_OK);
	CU_ASSERT_EQUAL(got_password("A", "p"), HL_OK);
	CU_ASSERT_EQUAL(client_password_remove(path, "A", error), HL_OK);
	CU_ASSERT_EQUAL(got_password("A", "p"), HL_E_PASSWORD_NONE);
	CU_ASSERT_EQUAL(put_seeded("C", 3), HL_OK); /* the place of A is free again */
	CU_ASSERT_EQUAL(got_seeded("B", 2), HL_OK);
	CU_ASSERT_EQUAL(got_seeded("C", 3), HL_OK);
	remove_folder();
}

static void note(void *at, const char *name)
{
	hl_buf_printf(at, "%s ", name);
}

static void names_are_listed_in_their_order(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf names = hl_buf(256);

	make_folder();
	CU_ASSERT_EQUAL(client_secret_list(path, note, &names, error), HL_OK);
	CU_ASSERT_EQUAL(names.n, 0);
	CU_ASSERT_EQUAL(put_seeded("B", 1), HL_OK);
	CU_ASSERT_EQUAL(put_password("svc", "p"), HL_OK);
	CU_ASSERT_EQUAL(put_seeded("A", 2), HL_OK);
	CU_ASSERT_EQUAL(client_secret_list(path, note, &names, error), HL_OK);
	CU_ASSERT_EQUAL(client_password_list(path, note, &names, error), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&names), hl_text("B A svc ")));
	remove_folder();
}

static void what_cannot_be_kept_is_refused(void)
{
	struct client_secret s = { .partition = "P", .generation = 1 };
	char longest[HL_NAME_TEXT + 2];

	make_folder();
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	CU_ASSERT_EQUAL(client_secret_put(&env, path, &s, error), HL_E_ARG); /* no secret */
	CU_ASSERT_EQUAL(hl_secret_make(&s.secret, HL_SECRET_BYTES), HL_OK);
	s.generation = 0;
	CU_ASSERT_EQUAL(client_secret_put(&env, path, &s, error), HL_E_ARG);
	CU_ASSERT_EQUAL(put_seeded("", 1), HL_E_ARG);
	CU_ASSERT_EQUAL(put_seeded("tab\t", 1), HL_E_ARG);
	CU_ASSERT_EQUAL(put_password("svc", ""), HL_E_ARG);
	CU_ASSERT_EQUAL(put_password("svc", longest), HL_E_ARG);
	CU_ASSERT_EQUAL(put_password(longest, "p"), HL_E_ARG);
	CU_ASSERT_EQUAL(client_secret_remove(path, longest, error), HL_E_ARG);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	hl_secret_clear(&s.secret);
	remove_folder();
}

static bool holds(const struct hl_buf *text, const void *what, size_t n)
{
	struct hl_bytes t = hl_buf_view(text);

	for (size_t i = 0; i + n <= t.n; i++)
		if (memcmp(t.p + i, what, n) == 0)
			return true;
	return false;
}

static void no_secret_stands_in_the_file_in_clear_or_hex(void)
{
	static const char password[] = "correct horse";
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	struct client_secret s = { 0 };
	char hex[2 * HL_SECRET_BYTES + 1];

	make_folder();
	CU_ASSERT_EQUAL(put_seeded("P", 1), HL_OK);
	CU_ASSERT_EQUAL(put_password("svc", password), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_secret_get(path, "P", &s, error), HL_OK);
	read_file(&text);
	CU_ASSERT(!holds(&text, s.secret.p, 4));
	hl_hex(hl_bytes(s.secret.p, 4), hex);
	CU_ASSERT(!holds(&text, hex, 8));
	CU_ASSERT(!holds(&text, password, 4));
	hl_hex(hl_bytes(password, 4), hex);
	CU_ASSERT(!holds(&text, hex, 8));
	/* The identity is public: that it is found shows that this search finds. */
	hl_hex(hl_bytes(s.identity, sizeof s.identity), hex);
	CU_ASSERT(holds(&text, hex, 2 * sizeof s.identity));
	hl_secret_clear(&s.secret);
	remove_folder();
}

static void one_secret_looks_different_each_time(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf first = hl_buf(256), second = hl_buf(256);

	CU_ASSERT_EQUAL(client_blind(&env, hl_text("e"), hl_text("value"), &first), HL_OK);
	CU_ASSERT_EQUAL(client_blind(&env, hl_text("e"), hl_text("value"), &second), HL_OK);
	CU_ASSERT_EQUAL(first.n, 2 * (1 + 12 + 5 + 16));
	CU_ASSERT(!hl_bytes_eq(hl_buf_view(&first), hl_buf_view(&second)));
}

static void a_value_opens_in_its_own_entry_only(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf hex = hl_buf(256);
	HL_AUTO(hl_secret_clear) struct hl_secret s = { 0 };
	uint8_t *p;

	CU_ASSERT_EQUAL(client_blind(&env, hl_text("e"), hl_text("value"), &hex), HL_OK);
	CU_ASSERT_EQUAL(client_unblind(hl_text("f"), hl_buf_view(&hex), &s), HL_E_SECRETS);
	CU_ASSERT_EQUAL(client_unblind(hl_text(""), hl_buf_view(&hex), &s), HL_E_SECRETS);
	CU_ASSERT_EQUAL(client_unblind(hl_text("e"), hl_buf_view(&hex), &s), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&s), hl_text("value")));
	hl_secret_clear(&s);
	for (size_t cut = 0; cut < hex.n; cut++)
		CU_ASSERT_EQUAL(
			client_unblind(hl_text("e"), hl_bytes(hex.base, cut), &s), HL_E_SECRETS);
	p = hex.base + hex.off;
	for (size_t i = 0; i < hex.n; i++) {
		uint8_t old = p[i];

		p[i] = old == '0' ? '1' : '0'; /* another version, nonce, text or tag */
		CU_ASSERT_EQUAL(client_unblind(hl_text("e"), hl_buf_view(&hex), &s), HL_E_SECRETS);
		p[i] = 'g';
		CU_ASSERT_EQUAL(client_unblind(hl_text("e"), hl_buf_view(&hex), &s), HL_E_SECRETS);
		p[i] = old;
	}
	CU_ASSERT_EQUAL(client_blind(&env, hl_text("e"), hl_text(""), &hex), HL_E_RANGE);
}

/* -- altered files ----------------------------------------------------------------------------- */

static void make_sample(struct hl_buf *text)
{
	make_folder();
	write_file(hl_text(
		"# kept by hand\nversion = \"1.0\";\nprimus:\n{\n\tusers:\n\t{\n\t};\n};\n"));
	CU_ASSERT_EQUAL(put_seeded("P", 1), HL_OK);
	CU_ASSERT_EQUAL(put_seeded("Q", 2), HL_OK);
	CU_ASSERT_EQUAL(put_password("svc", "password"), HL_OK);
	read_file(text);
}

/* Looking for P in these bytes: HL_OK only where it is the right one. */
static hl_err got_from(struct hl_bytes text)
{
	struct client_entry e = { 0 };
	struct client_secret s = { 0 };
	hl_err err = client_entry_get("f", text, CLIENT_ENTRY_USER, "P", &e, error);

	if (err != HL_OK)
		return err;
	s.generation = e.generation;
	s.secret = e.value;
	memcpy(s.partition, e.name, sizeof e.name);
	memcpy(s.identity, e.identity, sizeof e.identity);
	if (!is_seeded(&s, "P", 1))
		err = HL_E_BUG;
	hl_secret_clear(&e.value);
	return err;
}

static void every_cut_is_refused_or_the_same(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);

	make_sample(&text);
	for (size_t cut = 1; cut < text.n; cut++) {
		hl_err err = got_from(hl_bytes(text.base, cut));

		CU_ASSERT(err == HL_E_SECRETS || (err == HL_OK && cut >= text.n - 2));
	}
	for (size_t cut = 0; cut < text.n - 2; cut += 97) {
		write_file(hl_bytes(text.base, cut));
		CU_ASSERT_EQUAL(got_seeded("P", 1), HL_E_SECRETS);
	}
	remove_folder();
}

static void bytes_that_change_are_refused_or_do_not_matter(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	uint8_t *p;

	make_sample(&text);
	p = text.base + text.off;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t old = p[i];

		for (unsigned v = 0; v < 256; v += 15) {
			hl_err err;

			p[i] = (uint8_t)v;
			err = got_from(hl_buf_view(&text));
			CU_ASSERT(err == HL_OK || err == HL_E_SECRETS || err == HL_E_SECRETS_NONE);
		}
		p[i] = old;
	}
	remove_folder();
}

/* Where `what` begins in the text; the test has put it there. */
static uint8_t *at(const struct hl_buf *text, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= text->n; i++)
		if (memcmp(text->base + text->off + i, what, n) == 0)
			return text->base + text->off + i + n;
	CU_FAIL("not in the text");
	return text->base + text->off;
}

static void every_flipped_digit_is_refused_with_its_line(void)
{
	static const struct {
		const char *before;
		size_t digits;
	} fields[] = {
		{ "secret = \"", 2 * (1 + 12 + HL_SECRET_BYTES + 16) },
		{ "identity = \"", 2 * CLIENT_IDENTITY },
		{ "generation = ", 1 },
	};
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);

	make_sample(&text);
	for (size_t f = 0; f < HL_COUNT(fields); f++) {
		uint8_t *p = at(&text, fields[f].before);

		for (size_t i = 0; i < fields[f].digits; i++) {
			uint8_t old = p[i];

			p[i] = old == '7' ? '8' : '7';
			CU_ASSERT_EQUAL(got_from(hl_buf_view(&text)), HL_E_SECRETS);
			CU_ASSERT_STRING_EQUAL(error, "f:7: the entry of \"P\" was altered");
			p[i] = old;
		}
	}
	CU_ASSERT_EQUAL(got_from(hl_buf_view(&text)), HL_OK);
	remove_folder();
}

static void two_entries_cannot_change_places(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	uint8_t *p, *q;

	make_sample(&text);
	p = at(&text, "name = \"P");
	q = at(&text, "name = \"Q");
	p[-1] = 'Q';
	q[-1] = 'P';
	CU_ASSERT_EQUAL(got_from(hl_buf_view(&text)), HL_E_SECRETS);
	p[-1] = 'P';
	/* And none may be there twice. */
	CU_ASSERT_EQUAL(got_from(hl_buf_view(&text)), HL_E_SECRETS);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "\"P\" has an entry already"));
	remove_folder();
}

static void a_malformed_file_is_never_written_over(void)
{
	static const char *const files[] = {
		"",
		"version = \"1.0\";\n",
		"primus: { };\n",
		"version = \"2.0\"; primus: { };\n",
		"version = \"1.0\"; primus: { users: { user0: { name = \"P\"; }; }; };\n",
		"version = \"1.0\"; primus: { users: { user0: 1; }; };\n",
		"version = \"1.0\"; primus: { users: { somebody: { }; }; };\n",
		"version = \"1.0\"; primus: { users = \"none\"; };\n",
		"hello\n",
	};

	make_folder();
	for (size_t i = 0; i < HL_COUNT(files); i++) {
		HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);

		write_file(hl_text(files[i]));
		CU_ASSERT_EQUAL(put_seeded("P", 1), HL_E_SECRETS);
		CU_ASSERT_EQUAL(strncmp(error, path, strlen(path)), 0);
		CU_ASSERT_EQUAL(put_password("svc", "p"), HL_E_SECRETS);
		CU_ASSERT_EQUAL(client_secret_remove(path, "P", error), HL_E_SECRETS);
		CU_ASSERT_EQUAL(got_seeded("P", 1), HL_E_SECRETS);
		read_file(&text);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&text), hl_text(files[i])));
	}
	remove_folder();
}

static void what_is_not_ours_is_kept(void)
{
	static const char *const kept[] = {
		"# by hand\n",
		"later = 1;",
		"/* } */",
		"note = \"{\";",
		"other: { users: { } ; };",
		"# end\n",
	};
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);

	make_sample(&text);
	hl_buf_reset(&text);
	hl_buf_printf(&text, "%sversion = \"1.0\"; %s primus: { %s %s\n users: { }; %s }; %s",
		kept[0], kept[1], kept[2], kept[3], kept[4], kept[5]);
	write_file(hl_buf_view(&text));
	CU_ASSERT_EQUAL(put_seeded("P", 1), HL_OK);
	CU_ASSERT_EQUAL(put_seeded("Q", 2), HL_OK);
	CU_ASSERT_EQUAL(put_password("svc", "p"), HL_OK);
	CU_ASSERT_EQUAL(client_secret_remove(path, "Q", error), HL_OK);
	hl_buf_reset(&text);
	read_file(&text);
	for (size_t i = 0; i < HL_COUNT(kept); i++)
		CU_ASSERT(holds(&text, kept[i], strlen(kept[i])));
	CU_ASSERT_EQUAL(got_seeded("P", 1), HL_OK);
	CU_ASSERT_EQUAL(got_password("svc", "p"), HL_OK);
	remove_folder();
}

static void a_file_open_to_others_is_refused(void)
{
	static const struct {
		mode_t mode;
		hl_err err;
	} rows[] = {
		{ 0600, HL_OK },
		{ 0400, HL_OK },
		{ 0640, HL_OK },
		{ 0660, HL_E_MODE },
		{ 0620, HL_E_MODE },
		{ 0604, HL_E_MODE },
		{ 0602, HL_E_MODE },
		{ 0644, HL_E_MODE },
	};

	make_folder();
	CU_ASSERT_EQUAL(put_seeded("P", 1), HL_OK);
	for (size_t i = 0; i < HL_COUNT(rows); i++) {
		CU_ASSERT_EQUAL(chmod(path, rows[i].mode), 0);
		CU_ASSERT_EQUAL(got_seeded("P", 1), rows[i].err);
	}
	CU_ASSERT_EQUAL(put_seeded("P", 2), HL_E_MODE);
	CU_ASSERT_EQUAL(client_secret_list(path, note, NULL, error), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(path, 0600), 0);
	CU_ASSERT_EQUAL(got_seeded("P", 1), HL_OK);
	remove_folder();
}

/* -- two processes ----------------------------------------------------------------------------- */

#define EACH 25

/* Puts EACH secrets and as many passwords, and removes every other one of them. */
static int work(unsigned who)
{
	char name[32];

	for (unsigned i = 0; i < EACH; i++) {
		snprintf(name, sizeof name, "%c%u", 'A' + (int)who, i);
		if (put_seeded(name, i) != HL_OK || put_password(name, name) != HL_OK)
			return 1;
		if (i % 2 == 1 && client_secret_remove(path, name, error) != HL_OK)
			return 2;
	}
	return 0;
}

static void two_processes_lose_nothing(void)
{
	char name[32];
	int status = -1;
	pid_t child;

	make_folder();
	child = fork();
	if (child == 0)
		_exit(work(1));
	CU_ASSERT(child > 0);
	CU_ASSERT_EQUAL(work(0), 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	for (unsigned who = 0; who < 2; who++)
		for (unsigned i = 0; i < EACH; i++) {
			snprintf(name, sizeof name, "%c%u", 'A' + (int)who, i);
			CU_ASSERT_EQUAL(
				got_seeded(name, i), i % 2 == 1 ? HL_E_SECRETS_NONE : HL_OK);
			CU_ASSERT_EQUAL(got_password(name, name), HL_OK);
		}
	remove_folder();
}

static CU_TestInfo tests[] = {
	{ "what is put is got", what_is_put_is_got },
	{ "what is removed is gone", what_is_removed_is_gone },
	{ "names are listed in their order", names_are_listed_in_their_order },
	{ "what cannot be kept is refused", what_cannot_be_kept_is_refused },
	{ "no secret stands in the file in clear or hex",
		no_secret_stands_in_the_file_in_clear_or_hex },
	{ "one secret looks different each time", one_secret_looks_different_each_time },
	{ "a value opens in its own entry only", a_value_opens_in_its_own_entry_only },
	{ "every cut is refused or the same", every_cut_is_refused_or_the_same },
	{ "bytes that change are refused or do not matter",
		bytes_that_change_are_refused_or_do_not_matter },
	{ "every flipped digit is refused with its line",
		every_flipped_digit_is_refused_with_its_line },
	{ "two entries cannot change places", two_entries_cannot_change_places },
	{ "a malformed file is never written over", a_malformed_file_is_never_written_over },
	{ "what is not ours is kept", what_is_not_ours_is_kept },
	{ "a file open to others is refused", a_file_open_to_others_is_refused },
	{ "two processes lose nothing", two_processes_lose_nothing },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("secrets", tests)
