/* The benchmark against a live world, with small counts: that it runs and tells every figure, never how
 * fast anything was. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/support/folder.h"
#include "tests/support/live.h"
#include "tests/support/live_impl.h"
#include "tests/support/test.h"

#define MORE 7 /* arguments of a case */

static struct live *w;
static struct live_account acme;
static struct live_client client;
static char pin_file[PATH_MAX], json_file[PATH_MAX];

static int run_program(const char *name, char *argv[])
{
	char program[PATH_MAX];
	int status = -1;
	pid_t pid;

	snprintf(program, sizeof program, "%s/%s", w->bin, name);
	argv[0] = program;
	pid = fork();
	if (pid == 0) {
		execv(program, argv);
		_exit(127);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(char *const more[MORE])
{
	char *argv[12 + MORE + 1] = { NULL, "--conf", client.conf, "--secrets", client.secrets, "--pin-file", pin_file,
		"--world", w->folder, "--json", json_file, "--ready-ms=12.5" };

	memcpy(argv + 12, more, MORE * sizeof *more);
	return run_program("hsmlet-bench", argv);
}

static double figure(const json_t *all, const char *key, const char *part)
{
	return json_number_value(json_object_get(json_object_get(all, key), part));
}

static void every_figure_is_told_with_its_ratio_to_openssl(void)
{
	static const char *const beside[] = { "p256_p50_us", "p256_1_thread", "p256_4_threads",
		"p256_4_threads_1_link", "rsa2048_p50_us", "rsa2048_1_thread", "rsa2048_4_threads",
		"rsa2048_4_threads_1_link" };
	static const char *const alone[] = { "first_connect_p50_ms", "first_connect_p99_ms", "reconnect_p50_ms",
		"reconnect_p99_ms", "login_p50_ms", "openssl_p256", "openssl_rsa2048" };
	json_t *j, *all;

	CU_ASSERT_EQUAL(run((char *[MORE]){ "--rounds=1", "--opens=3", "--signs=8" }), 0);
	j = json_load_file(json_file, 0, NULL);
	all = json_object_get(j, "figures");
	CU_ASSERT_PTR_NOT_NULL(all);
	CU_ASSERT_EQUAL(figure(all, "ready_ms", "median"), 12.5);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(all, "memory_mib")); /* null where it may not be read */
	for (size_t i = 0; i < HL_COUNT(alone); i++)
		CU_ASSERT(figure(all, alone[i], "median") > 0);
	for (size_t i = 0; i < HL_COUNT(beside); i++) {
		CU_ASSERT(figure(all, beside[i], "median") > 0);
		CU_ASSERT(figure(all, beside[i], "to_openssl") > 0);
	}
	json_decref(j);
}

static void a_wrong_option_is_told(void)
{
	CU_ASSERT_EQUAL(run((char *[MORE]){ "--rounds=0" }), 2);
	CU_ASSERT_EQUAL(run((char *[MORE]){ "--signs=some" }), 2);
}

/* -- the provider ------------------------------------------------------------------------------------ */

static json_t *with_provider(const char *softhsm)
{
	char module[PATH_MAX + 64], soft[128];

	snprintf(module, sizeof module, "--pkcs11=%s/.libs/libhsmlet-pkcs11.so", w->bin);
	snprintf(soft, sizeof soft, "--softhsm=%s", softhsm);
	CU_ASSERT_EQUAL(run((char *[MORE]){ "--rounds=1", "--opens=1", "--logins=1", "--signs=4", "--p11-ms=1", module,
				softhsm ? soft : NULL }), 0);
	return json_load_file(json_file, 0, NULL);
}

static double told(const json_t *row, const char *side, const char *part)
{
	return json_number_value(json_object_get(json_object_get(row, side), part));
}

/* The peers are there where they are installed; where they are not, it is said. */
static void is_complete(const json_t *row, const json_t *absent, const char *side, const char *ratio)
{
	if (json_object_get(absent, side)) {
		CU_ASSERT(json_is_null(json_object_get(row, side)));
		return;
	}
	CU_ASSERT(told(row, side, "per_second") > 0);
	CU_ASSERT(json_number_value(json_object_get(row, ratio)) > 0);
}

static void the_provider_stands_beside_soft_tokens(void)
{
	json_t *j = with_provider(NULL), *p11 = json_object_get(j, "pkcs11"), *row;
	const json_t *absent = json_object_get(p11, "absent");
	json_t *rows = json_object_get(p11, "rows");
	const char *key;

	CU_ASSERT(json_object_size(rows) >= 30);
	json_object_foreach(rows, key, row) {
		CU_ASSERT(told(row, "ours", "per_second") > 0);
		CU_ASSERT(told(row, "ours", "p99_us") >= told(row, "ours", "p50_us"));
	}
	row = json_object_get(rows, "sign-p256:4");
	CU_ASSERT(json_number_value(json_object_get(row, "to_openssl")) > 0);
	is_complete(row, absent, "softhsm", "to_softhsm");
	is_complete(row, absent, "p11_kit", "to_p11_kit");
	json_decref(j);
}

static void who_is_not_installed_is_left_out(void)
{
	json_t *j = with_provider("/nowhere/libsofthsm2.so"), *p11 = json_object_get(j, "pkcs11");
	const json_t *absent = json_object_get(p11, "absent");
	const json_t *row = json_object_get(json_object_get(p11, "rows"), "sign-p256:1");

	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(absent, "softhsm")), "it is not installed");
	CU_ASSERT_PTR_NOT_NULL(json_object_get(absent, "p11_kit"));
	CU_ASSERT(told(row, "ours", "per_second") > 0);
	CU_ASSERT_PTR_NULL(json_object_get(row, "to_softhsm"));
	json_decref(j);
}

/* K-08 to K-10. Whether there is a difference is for many more timings to say, on a machine that does nothing else. */
static void a_padding_that_takes_its_time_is_found_out(void)
{
	CU_ASSERT_EQUAL(run_program("hsmlet-timing", (char *[]){ NULL, "--timings=300", "--bits=1024", "--leak=500000", NULL }), 1);
	CU_ASSERT(run_program("hsmlet-timing", (char *[]){ NULL, "--timings=100", "--bits=1024", NULL }) <= 1);
	CU_ASSERT_EQUAL(run_program("hsmlet-timing", (char *[]){ NULL, "--timings=0", NULL }), 2);
}

static CU_TestInfo tests[] = {
	{ "a padding that takes its time is found out", a_padding_that_takes_its_time_is_found_out },
	{ "every figure is told with its ratio to OpenSSL", every_figure_is_told_with_its_ratio_to_openssl },
	{ "a wrong option is told", a_wrong_option_is_told },
	{ "the provider stands beside soft tokens", the_provider_stands_beside_soft_tokens },
	{ "who is not installed is left out", who_is_not_installed_is_left_out },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE",
	};

	w = live_start(&one);
	if (!w || live_provision(w, &tenant, &acme) != HL_OK || !live_client_ready(w, "acme", &acme, &client))
		return false;
	live_path(w, "client/pin", pin_file);
	live_path(w, "client/bench.json", json_file);
	return hl_test_file_write(pin_file, acme.pin, strlen(acme.pin), 0600);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("bench", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
