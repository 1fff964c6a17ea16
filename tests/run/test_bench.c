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

static int run(char *const more[3])
{
	char *argv[] = { NULL, "--conf", client.conf, "--secrets", client.secrets, "--pin-file", pin_file, "--world",
		w->folder, "--json", json_file, "--ready-ms=12.5", more[0], more[1], more[2], NULL };

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

	CU_ASSERT_EQUAL(run((char *[]){ "--rounds=1", "--opens=3", "--signs=8" }), 0);
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
	CU_ASSERT_EQUAL(run((char *[]){ "--rounds=0", NULL, NULL }), 2);
	CU_ASSERT_EQUAL(run((char *[]){ "--signs=some", NULL, NULL }), 2);
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
