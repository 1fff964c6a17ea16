#include "lib/auth/credential.h"
#include "tests/support/test.h"

#include <stdio.h>

#define SETUP "aB3dE-fG4hJ-kL5mN-pQ6rS-tU7vW"

/* A text read, with what reading it said. */
struct got {
	struct hl_credential c[2];
	size_t n;
	unsigned line;
	const char *why;
	hl_err err;
};

static void forget(struct got *g)
{
	hl_credential_clear(&g->c[0]);
	hl_credential_clear(&g->c[1]);
}

static struct got read_bytes(struct hl_bytes text)
{
	struct got g = { .n = 77, .line = 77 };

	g.err = hl_credential_read(text, g.c, &g.n, &g.line, &g.why);
	if (g.err != HL_OK) { /* nothing but the place is told */
		static const struct hl_credential none;

		CU_ASSERT_EQUAL(g.err, HL_E_CRED_FILE);
		CU_ASSERT_EQUAL(g.n, 77);
		CU_ASSERT_PTR_NOT_NULL(g.why);
		CU_ASSERT_EQUAL(memcmp(&g.c[0], &none, sizeof none), 0);
		CU_ASSERT_EQUAL(memcmp(&g.c[1], &none, sizeof none), 0);
	}
	return g;
}

static struct got read_text(const char *text)
{
	return read_bytes(hl_text(text));
}

static bool is(const struct hl_secret *s, const char *want)
{
	return hl_bytes_eq(hl_secret_view(s), hl_text(want));
}

static void check_service(const struct hl_credential *c, const char *user, const char *password,
	const char *partition)
{
	CU_ASSERT_EQUAL(c->kind, HL_CREDENTIAL_SERVICE);
	CU_ASSERT_STRING_EQUAL(c->service_user, user);
	CU_ASSERT_STRING_EQUAL(c->partition, partition);
	CU_ASSERT(is(&c->service_password, password));
	CU_ASSERT_EQUAL(c->setup_password.n, 0);
	CU_ASSERT_EQUAL(c->pin.n, 0);
}

static void check_hsm(const struct hl_credential *c, const char *partition, const char *pin)
{
	CU_ASSERT_EQUAL(c->kind, HL_CREDENTIAL_HSM);
	CU_ASSERT_STRING_EQUAL(c->service_user, "");
	CU_ASSERT_STRING_EQUAL(c->partition, partition);
	CU_ASSERT(is(&c->setup_password, SETUP));
	CU_ASSERT(is(&c->pin, pin));
	CU_ASSERT_EQUAL(c->service_password.n, 0);
}

/* Reads as a service file of "svcalpha", "pass#word" and "PARTALPHA". */
static void reads_as_service(const char *text)
{
	HL_AUTO(forget) struct got g = read_text(text);

	CU_ASSERT_EQUAL(g.err, HL_OK);
	CU_ASSERT_EQUAL(g.n, 1);
	if (g.err == HL_OK)
		check_service(&g.c[0], "svcalpha", "pass#word", "PARTALPHA");
	else
		fprintf(stderr, "line %u: %s\n", g.line, g.why);
}

static void is_refused(const char *text, unsigned line, const char *why)
{
	HL_AUTO(forget) struct got g = read_text(text);

	CU_ASSERT_EQUAL(g.err, HL_E_CRED_FILE);
	if (g.err != HL_E_CRED_FILE || g.line != line || !strstr(g.why, why)) {
		fprintf(stderr, "%s\nline %u: %s\n", text, g.line, g.why ? g.why : "fine");
		CU_FAIL("refused for another reason, or not at all");
	}
}

static struct hl_credential sample(enum hl_credential_kind kind, const char *pin)
{
	struct hl_credential c = { .kind = kind, .partition = "PARTALPHA" };

	if (kind == HL_CREDENTIAL_SERVICE) {
		snprintf(c.service_user, sizeof c.service_user, "svcalpha");
		CU_ASSERT_EQUAL(hl_secret_set(&c.service_password, hl_text("pass#word")), HL_OK);
		return c;
	}
	CU_ASSERT_EQUAL(hl_secret_set(&c.setup_password, hl_text(SETUP)), HL_OK);
	CU_ASSERT_EQUAL(hl_secret_set(&c.pin, hl_text(pin)), HL_OK);
	return c;
}

/* ---- tests ---- */

static void labels_are_written_to_the_letter(void)
{
	HL_AUTO(hl_credential_clear)
	struct hl_credential service = sample(HL_CREDENTIAL_SERVICE, "");
	HL_AUTO(hl_credential_clear)
	struct hl_credential hsm = sample(HL_CREDENTIAL_HSM, "correct-horse");
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(4096);

	CU_ASSERT_EQUAL(hl_credential_write(&service, &out), HL_OK);
	CU_ASSERT_TRUE(hl_bytes_eq(hl_buf_view(&out), hl_text(
		"Service User Name: svcalpha\n"
		"Service User Password: pass#word\n"
		"HSM User Name: PARTALPHA\n")));
	hl_buf_reset(&out);
	CU_ASSERT_EQUAL(hl_credential_write(&hsm, &out), HL_OK);
	CU_ASSERT_TRUE(hl_bytes_eq(hl_buf_view(&out), hl_text(
		"HSM User Name: PARTALPHA\n"
		"HSM User Setup Password: " SETUP "\n"
		"PKCS#11 password : correct-horse\n")));
}

static void what_is_written_is_read(void)
{
	HL_AUTO(hl_credential_clear)
	struct hl_credential service = sample(HL_CREDENTIAL_SERVICE, "");
	HL_AUTO(hl_credential_clear)
	struct hl_credential hsm = sample(HL_CREDENTIAL_HSM, "a #9!'\"\\:=");
	HL_AUTO(hl_credential_clear) struct hl_credential bare = sample(HL_CREDENTIAL_HSM, "");
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(4096);

	CU_ASSERT_EQUAL(
		hl_credential_write(&hsm, &out), HL_E_ARG); /* " #" would become a comment */
	CU_ASSERT_EQUAL(out.n, 0);
	CU_ASSERT_EQUAL(hl_secret_set(&hsm.pin, hl_text("a# 9!'\"\\:=")), HL_OK);
	CU_ASSERT_EQUAL(hl_credential_write(&hsm, &out), HL_OK);
	{
		HL_AUTO(forget) struct got g = read_bytes(hl_buf_view(&out));

		CU_ASSERT_EQUAL(g.err, HL_OK);
		CU_ASSERT_EQUAL(g.n, 1);
		check_hsm(&g.c[0], "PARTALPHA", "a# 9!'\"\\:=");
	}
	hl_buf_reset(&out);
	CU_ASSERT_EQUAL(hl_credential_write(&bare, &out), HL_OK);
	{
		HL_AUTO(forget) struct got g = read_bytes(hl_buf_view(&out));

		CU_ASSERT_EQUAL(g.err, HL_OK);
		check_hsm(&g.c[0], "PARTALPHA", "");
	}
	hl_buf_reset(&out);
	CU_ASSERT_EQUAL(hl_credential_write(&service, &out), HL_OK);
	{
		HL_AUTO(forget) struct got g = read_bytes(hl_buf_view(&out));

		CU_ASSERT_EQUAL(g.err, HL_OK);
		check_service(&g.c[0], "svcalpha", "pass#word", "PARTALPHA");
	}
}

static void nothing_is_written_that_would_not_be_read(void)
{
	static const char *const bad[] = { "", " a", "a ", "#a", "a #b", "a\nb", "a\tb", "\x7f",
		"\xc3\xa9" };
	HL_AUTO(hl_credential_clear) struct hl_credential c = sample(HL_CREDENTIAL_SERVICE, "");
	HL_AUTO(hl_credential_clear) struct hl_credential hsm = sample(HL_CREDENTIAL_HSM, "");
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(4096);
	struct hl_credential kindless = { 0 };

	hl_buf_text(&out, "before");
	for (size_t i = 0; i < HL_COUNT(bad); i++) {
		CU_ASSERT_EQUAL(hl_secret_set(&c.service_password, hl_text(bad[i])), HL_OK);
		CU_ASSERT_EQUAL(hl_credential_write(&c, &out), HL_E_ARG);
		CU_ASSERT_EQUAL(out.n, 6);
	}
	CU_ASSERT_EQUAL(hl_secret_set(&c.service_password, hl_text("fine")), HL_OK);
	CU_ASSERT_EQUAL(hl_credential_write(&c, &out), HL_OK);
	hl_buf_cut(&out, 6);
	c.partition[0] = 0;
	CU_ASSERT_EQUAL(hl_credential_write(&c, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_secret_set(&hsm.setup_password, hl_text("too-short")), HL_OK);
	CU_ASSERT_EQUAL(hl_credential_write(&hsm, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_credential_write(&kindless, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(out.n, 6);
	CU_ASSERT_EQUAL(out.err, HL_OK);
}

static void a_full_buffer_is_left_as_it_was(void)
{
	HL_AUTO(hl_credential_clear) struct hl_credential c = sample(HL_CREDENTIAL_SERVICE, "");

	for (size_t max = 0; max < 60; max++) {
		HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(max);

		CU_ASSERT_EQUAL(hl_credential_write(&c, &out), HL_E_FULL);
		CU_ASSERT_EQUAL(out.n, 0);
	}
}

static void the_published_shapes_are_read(void)
{
	reads_as_service(
		"Service User Name: svcalpha              # Reverse proxy Service-User name\n"
		"Service User Password: pass#word # Reverse proxy Service-User password\n"
		"HSM User Name: PARTALPHA # Reference to HSM user/partition name\n");

	HL_AUTO(forget)
	struct got g = read_text(
		"<company>_<svc>_hsm_<user>_<date>.txt\n"
		"HSM User Name: PARTALPHA                  # HSM user/partition name\n"
		"HSM User Setup Password: " SETUP " # HSM user/partition initial password\n"
		"PKCS#11 password : correct-horse # if PKCS#11 API ordered");
	CU_ASSERT_EQUAL(g.err, HL_OK);
	CU_ASSERT_EQUAL(g.n, 1);
	check_hsm(&g.c[0], "PARTALPHA", "correct-horse");
}

static void white_space_and_line_ends_do_not_matter(void)
{
	reads_as_service(
		"\xef\xbb\xbfService User Name: svcalpha\r\nService User Password: pass#word\r\n"
		"HSM User Name: PARTALPHA\r\n");
	reads_as_service(
		"\r\n\n# a comment: HSM User Name: OTHER\n \t \n"
		"\tService  User\t Name\t:\t svcalpha \t\r\n  # HSM User Name: OTHER\n"
		"Service User Password:pass#word\n\n   HSM User Name   :PARTALPHA\t#comment\n\n");
	/* In any order, without a last newline where a blank or a comment shows the end. */
	reads_as_service("HSM User Name: PARTALPHA\nService User Password: pass#word\n"
			 "Service User Name: svcalpha ");
	reads_as_service("HSM User Name: PARTALPHA\nService User Password: pass#word\n"
			 "Service User Name: svcalpha\r");
	reads_as_service(
		"Service (Proxy) User Name: svcalpha\nService (Proxy)  User Password: pass#word\n"
		"HSM User Name: PARTALPHA\n");
}

/* clang-format off */
static const char combined[] =
	"Credentials for the native APIs (PKCS#11, JCE, CNG):\n"
	"----------------------------------------------------\n"
	"HSM User Name: PARTALPHA\n"
	"HSM User Setup Password: " SETUP "\n"
	"Service (Proxy) User Name: svcalpha\n"
	"Service (Proxy) User Password: pass#word\n"
	"PKCS#11 password : correct-horse\n"
	"\n"
	"Credentials for the REST API:\n"
	"API-Endpoint URL: https://rest.hsmlet.test:2400\n"
	"JWT-TOKEN: eyJhbGciOiJub25lIn0.e30.\n"
	"Test it with GET /v1/versionInfo and header Authorization: Bearer";
/* clang-format on */

static void a_combined_file_gives_both(void)
{
	HL_AUTO(forget) struct got g = read_text(combined);

	CU_ASSERT_EQUAL(g.err, HL_OK);
	CU_ASSERT_EQUAL_FATAL(g.n, 2);
	check_service(&g.c[0], "svcalpha", "pass#word", "PARTALPHA");
	check_hsm(&g.c[1], "PARTALPHA", "correct-horse");
}

static void what_is_missing_is_named(void)
{
	is_refused("", 0, "neither");
	is_refused("nothing of ours\n", 0, "neither");
	is_refused("HSM User Name: PARTALPHA\n", 0, "neither");
	is_refused("Service User Name: a\nService User Password: b\n", 0, "`HSM User Name`");
	is_refused("Service User Name: a\nHSM User Name: p\n", 0, "`Service User Password`");
	is_refused("Service User Password: a\nHSM User Name: p\n", 0, "`Service User Name`");
	is_refused("PKCS#11 password : a\nHSM User Name: p\n", 0, "`HSM User Setup Password`");
	is_refused("HSM User Setup Password: " SETUP "\n", 0, "`HSM User Name`");
	is_refused("Service User Name: a\nService User Password: b\nHSM User Name: p\n"
		   "PKCS#11 password : c\n",
		0, "`HSM User Setup Password`");
}

static void values_are_checked(void)
{
	char text[512], longest[200];

	is_refused("Service User Name:\n", 1, "empty");
	is_refused("\nService User Name:  \t\r\n", 2, "empty");
	is_refused("Service User Name: # forgotten\n", 1, "empty");
	is_refused("HSM User Name: P\nPKCS#11 password :\n", 2, "empty");
	is_refused("HSM User Name:#forgotten\n", 1, "begins like a comment");
	is_refused("HSM User Name: a\tb\n", 1, "printable");
	is_refused("HSM User Name: a\x01\n", 1, "printable");
	is_refused("HSM User Name: Z\xc3\xbcrich\n", 1, "printable");
	is_refused("HSM User Name: a\x7f\n", 1, "printable");
	memset(longest, 'x', sizeof longest);
	snprintf(text, sizeof text, "HSM User Name: %.*s\n", HL_NAME_TEXT + 1, longest);
	is_refused(text, 1, "too long");
	snprintf(text, sizeof text, "HSM User Name: %.*s\n", HL_NAME_TEXT, longest);
	is_refused(text, 0, "neither");
	snprintf(text, sizeof text, "\nPKCS#11 password : %.*s\n", HL_PIN_TEXT + 1, longest);
	is_refused(text, 2, "too long");
	snprintf(text, sizeof text, "Service User Password: %.*s\n", HL_SERVICE_PASSWORD_TEXT + 1,
		longest);
	is_refused(text, 1, "too long");
}

static void a_nul_ends_nothing(void)
{
	HL_AUTO(forget) struct got g = read_bytes(hl_bytes("HSM User Name: a\0b\n", 19));

	CU_ASSERT_EQUAL(g.err, HL_E_CRED_FILE);
	CU_ASSERT_EQUAL(g.line, 1);
}

static void a_setup_password_has_five_groups_of_five(void)
{
	static const char *const wrong[] = {
		"aB3dE-fG4hJ-kL5mN-pQ6rS-tU7v",
		"aB3dE-fG4hJ-kL5mN-pQ6rS-tU7vWx",
		"aB3dE-fG4hJ-kL5mN-pQ6rS",
		"aB3dE-fG4hJ-kL5mN-pQ6rS-",
		"aB3dE_fG4hJ-kL5mN-pQ6rS-tU7vW",
		"aB3dEfG4hJkL5mNpQ6rStU7vW",
		"aB3d-EfG4hJ-kL5mN-pQ6rS-tU7vW",
		"aB3dE-fG4hJ-kL5mN-pQ6rS-tU7v!",
		"aB3dE fG4hJ kL5mN pQ6rS tU7vW",
		"-B3dE-fG4hJ-kL5mN-pQ6rS-tU7vW",
	};
	char text[200];

	for (size_t i = 0; i < HL_COUNT(wrong); i++) {
		snprintf(text, sizeof text, "HSM User Name: P\nHSM User Setup Password: %s\n",
			wrong[i]);
		is_refused(text, 2, "five groups");
	}
}

static void bad_labels_are_told_by_their_line(void)
{
	is_refused("Service User Name: a\nService User Passwort: b\nHSM User Name: p\n", 2,
		"no such label");
	is_refused("# x\n\nHSM User Nmae: p\n", 3, "no such label");
	is_refused("HSM User Setup Password for p: " SETUP "\n", 1, "no such label");
	is_refused("PKCS11 password: a\n", 1, "no such label");
	is_refused("PKCS#11 Password : a\n", 1, "no such label");
	is_refused("Service (proxy) User Name: a\nHSM User Name: p\n", 0, "neither");
	is_refused("HSM User Name\nService User Name: a\n", 1, "no colon");
	is_refused("Service User Name: a\nService User Name: a\n", 2, "twice");
	is_refused("Service User Name: a\nService (Proxy) User Name: a\n", 2, "twice");
	is_refused("HSM User Name: p\n\nHSM User Name: p\n", 3, "twice");
}

/* Every cut of `text` is an error, or gives what the whole gives, but at the ends of lines: a
 * file may really end there. */
static void cut_everywhere(const char *text)
{
	HL_AUTO(forget) struct got whole = read_text(text);
	size_t n = strlen(text);

	CU_ASSERT_EQUAL_FATAL(whole.err, HL_OK);
	for (size_t cut = 0; cut < n; cut++) {
		HL_AUTO(forget) struct got g = read_bytes(hl_bytes(text, cut));
		bool line_end = cut > 0 && (text[cut - 1] == '\n' || text[cut - 1] == '\r');

		if (g.err != HL_OK || (line_end && strstr(text + cut, ":")))
			continue;
		CU_ASSERT_EQUAL(g.n, whole.n);
		for (size_t i = 0; i < whole.n; i++) {
			CU_ASSERT_STRING_EQUAL(g.c[i].service_user, whole.c[i].service_user);
			CU_ASSERT_STRING_EQUAL(g.c[i].partition, whole.c[i].partition);
			CU_ASSERT(hl_bytes_eq(hl_secret_view(&g.c[i].service_password),
				hl_secret_view(&whole.c[i].service_password)));
			CU_ASSERT(hl_bytes_eq(hl_secret_view(&g.c[i].setup_password),
				hl_secret_view(&whole.c[i].setup_password)));
			CU_ASSERT(hl_bytes_eq(
				hl_secret_view(&g.c[i].pin), hl_secret_view(&whole.c[i].pin)));
		}
	}
}

static void a_file_cut_inside_a_line_is_an_error(void)
{
	cut_everywhere(
		"Service User Name: svcalpha\nService User Password: pass#word\nHSM User Name: PART\n");
	cut_everywhere("Service User Name: svcalpha # a name\r\nService User Password: b\r\n"
		       "HSM User Name: PARTALPHA # reference\r\n\r\n# end\r\n");
	cut_everywhere("HSM User Name: PARTALPHA\nHSM User Setup Password: " SETUP
		       "\nPKCS#11 password : correct-horse\n\n");
	is_refused("Service User Name: a\nService User Password: b\nHSM User Name: PARTAL", 3,
		"no end");
	is_refused(
		"HSM User Name: p\nHSM User Setup Password: " SETUP "\nPKCS#11 pass", 3, "no end");
	is_refused("HSM User Name: p\nHSM User Setup Password: " SETUP "\nP", 3, "no end");
	is_refused("HSM User Name: p\nHSM User Setup Password: " SETUP, 2, "no end");
}

static void every_byte_changed_gives_an_error_or_whole_values(void)
{
	static const char text[] = "HSM User Name: PARTALPHA\nHSM User Setup Password: " SETUP
				   "\nPKCS#11 password : correct-horse\n";
	char copy[sizeof text];

	memcpy(copy, text, sizeof copy);
	for (size_t at = 0; at + 1 < sizeof text; at++)
		for (unsigned change = 1; change < 256; change++) {
			copy[at] = (char)(text[at] ^ (char)change);
			HL_AUTO(forget) struct got g = read_bytes(hl_bytes(copy, sizeof text - 1));

			if (g.err == HL_OK) {
				CU_ASSERT_EQUAL(g.n, 1);
				CU_ASSERT_EQUAL(g.c[0].setup_password.n, HL_SETUP_PASSWORD_TEXT);
				CU_ASSERT(g.c[0].partition[0] != 0);
			}
			copy[at] = text[at];
		}
}

static void files_are_named_by_company_service_user_and_day(void)
{
	static const struct {
		int64_t wall_ms;
		const char *date;
	} days[] = {
		{ 0, "19700101" },
		{ 86399999, "19700101" },
		{ 86400000, "19700102" },
		{ 951782400000, "20000229" },
		{ 951868800000, "20000301" },
		{ 1767225599999, "20251231" },
		{ 1769817600000, "20260131" },
		{ 1709164800000, "20240229" },
		{ 4107542400000, "21000301" },
		{ 4107456000000, "21000228" },
		{ 253402300799999, "99991231" },
	};
	char name[64], want[64];

	for (size_t i = 0; i < HL_COUNT(days); i++) {
		CU_ASSERT_EQUAL(hl_credential_name("acme", "SBX", HL_CREDENTIAL_SERVICE,
					"acmeservice", days[i].wall_ms, name, sizeof name),
			HL_OK);
		snprintf(want, sizeof want, "acme_SBX_service_acmeservice_%s.txt", days[i].date);
		CU_ASSERT_STRING_EQUAL(name, want);
	}
	CU_ASSERT_EQUAL(hl_credential_name("acme", "ECO-CC", HL_CREDENTIAL_HSM, "PARTALPHA",
				1769817600000, name, sizeof name),
		HL_OK);
	CU_ASSERT_STRING_EQUAL(name, "acme_ECO-CC_hsm_PARTALPHA_20260131.txt");
}

static void file_names_are_plain_and_fit(void)
{
	char name[64];

	CU_ASSERT_EQUAL(hl_credential_name("../A c/m\\e:*?\"<>|", "S\nX", HL_CREDENTIAL_HSM,
				"\xc3\xa9.x", 0, name, sizeof name),
		HL_OK);
	CU_ASSERT_STRING_EQUAL(name, "-.-A-c-m-e-------_S-X_hsm_--.x_19700101.txt");
	memset(name, '#', sizeof name);
	for (size_t size = 0; size < 27; size++)
		CU_ASSERT_EQUAL(
			hl_credential_name("acme", "SBX", HL_CREDENTIAL_HSM, "P", 0, name, size),
			HL_E_RANGE);
	CU_ASSERT_EQUAL(name[0], '#');
	CU_ASSERT_EQUAL(
		hl_credential_name("acme", "SBX", HL_CREDENTIAL_HSM, "P", 0, name, 28), HL_OK);
	CU_ASSERT_STRING_EQUAL(name, "acme_SBX_hsm_P_19700101.txt");
	CU_ASSERT_EQUAL(hl_credential_name("a", "b", HL_CREDENTIAL_HSM, "c", -1, name, sizeof name),
		HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_credential_name("a", "b", HL_CREDENTIAL_HSM, "c", 253402300800000, name,
				sizeof name),
		HL_E_RANGE);
	CU_ASSERT_EQUAL(
		hl_credential_name("a", "b", HL_CREDENTIAL_HSM, "c", INT64_MAX, name, sizeof name),
		HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_credential_name("", "b", HL_CREDENTIAL_HSM, "c", 0, name, sizeof name),
		HL_E_ARG);
	CU_ASSERT_EQUAL(
		hl_credential_name("a", "b", (enum hl_credential_kind)0, "c", 0, name, sizeof name),
		HL_E_ARG);
}

static CU_TestInfo tests[] = {
	{ "labels are written to the letter", labels_are_written_to_the_letter },
	{ "what is written is read", what_is_written_is_read },
	{ "nothing is written that would not be read", nothing_is_written_that_would_not_be_read },
	{ "a full buffer is left as it was", a_full_buffer_is_left_as_it_was },
	{ "the published shapes are read", the_published_shapes_are_read },
	{ "white space and line ends do not matter", white_space_and_line_ends_do_not_matter },
	{ "a combined file gives both", a_combined_file_gives_both },
	{ "what is missing is named", what_is_missing_is_named },
	{ "values are checked", values_are_checked },
	{ "a NUL ends nothing", a_nul_ends_nothing },
	{ "a setup password has five groups of five", a_setup_password_has_five_groups_of_five },
	{ "bad labels are told by their line", bad_labels_are_told_by_their_line },
	{ "a file cut inside a line is an error", a_file_cut_inside_a_line_is_an_error },
	{ "every byte changed gives an error or whole values",
		every_byte_changed_gives_an_error_or_whole_values },
	{ "files are named by company, service, user and day",
		files_are_named_by_company_service_user_and_day },
	{ "file names are plain and fit", file_names_are_plain_and_fit },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("credential", tests)
