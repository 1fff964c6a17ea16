/* The load generator against a live world: that it counts right, never how fast it was. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
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
static char pin_file[PATH_MAX];

/* What a run printed on its one line, to be released by the caller; NULL: nothing that is JSON. */
static json_t *output(int fd)
{
	int64_t deadline = live_deadline();
	char text[4096];
	size_t n = 0;
	ssize_t got = 1;

	while (n < sizeof text && live_poll(fd, POLLIN, deadline) && (got = read(fd, text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	CU_ASSERT_EQUAL(got, 0);
	return n > 0 ? json_loadb(text, n, 0, NULL) : NULL;
}

/* Run it with these files and `more` options; gives its exit code. */
static int run(const struct live_client *c, char *const more[4], json_t **out)
{
	char program[PATH_MAX];
	char *argv[] = { program, "--conf", (char *)c->conf, "--secrets", (char *)c->secrets, "--pin-file",
		pin_file, "--limit", "60", more[0], more[1], more[2], more[3], NULL };
	int fds[2], status = -1;
	pid_t pid;

	snprintf(program, sizeof program, "%s/hsmlet-load", w->bin);
	CU_ASSERT_EQUAL(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		execv(program, argv);
		_exit(127);
	}
	close(fds[1]);
	*out = output(fds[0]);
	close(fds[0]);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static unsigned objects(void)
{
	hsmlet_options o = live_options_of(&client);
	hsmlet_info info = { 0 };
	hsmlet_error e;
	hsmlet *h = NULL;

	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 0);
	if (h)
		CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	hsmlet_close(h);
	return info.objects;
}

static void counts(char *const more[4], const char *op, json_int_t links, json_int_t depth, json_int_t count)
{
	json_t *j = NULL;

	CU_ASSERT_EQUAL(run(&client, more, &j), 0);
	CU_ASSERT_PTR_NOT_NULL(j);
	CU_ASSERT_EQUAL(number(j, "ops"), count);
	CU_ASSERT_EQUAL(number(j, "failed"), 0);
	CU_ASSERT_EQUAL(number(j, "links"), links);
	CU_ASSERT_EQUAL(number(j, "depth"), depth);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "op")), op);
	CU_ASSERT(json_real_value(json_object_get(j, "seconds")) > 0);
	CU_ASSERT(json_real_value(json_object_get(j, "per_second")) > 0);
	CU_ASSERT(number(j, "p50_us") > 0);
	CU_ASSERT(number(j, "p99_us") >= number(j, "p50_us"));
	json_decref(j);
}

static void one_link_signs_as_often_as_asked(void)
{
	unsigned before = objects();

	counts((char *[]){ "--count=50" , "--op=sign", NULL, NULL }, "sign", 1, 1, 50);
	CU_ASSERT_EQUAL(objects(), before); /* the key that it made is gone */
}

static void many_links_share_the_work(void)
{
	counts((char *[]){ "--count=100", "--links=4", "--depth=4", NULL }, "sign", 4, 4, 100);
	counts((char *[]){ "--count=99", "--links=3", "--depth=8", "--op=random" }, "random", 3, 8, 99);
}

static void fewer_operations_than_places_are_enough(void)
{
	counts((char *[]){ "--count=2", "--links=2", "--depth=3", "--op=random" }, "random", 2, 3, 2);
}

static void a_wrong_option_is_told(void)
{
	json_t *j;

	CU_ASSERT_EQUAL(run(&client, (char *[]){ "--links=0", NULL, NULL, NULL }, &j), 2);
	CU_ASSERT_PTR_NULL(j);
	CU_ASSERT_EQUAL(run(&client, (char *[]){ "--op=sing", NULL, NULL, NULL }, &j), 2);
	CU_ASSERT_PTR_NULL(j);
}

static void a_refusal_ends_it_with_its_exit_code(void)
{
	struct live_client wrong;
	json_t *j;

	CU_ASSERT(live_client(w, "wrong", &acme, NULL, &wrong));
	CU_ASSERT(live_client_secret(&wrong, &client, acme.partition, true));
	CU_ASSERT_EQUAL(run(&wrong, (char *[]){ "--count=5", NULL, NULL, NULL }, &j), 12);
	CU_ASSERT_PTR_NULL(j);
}

static CU_TestInfo tests[] = {
	{ "one link signs as often as asked", one_link_signs_as_often_as_asked },
	{ "many links share the work", many_links_share_the_work },
	{ "fewer operations than places are enough", fewer_operations_than_places_are_enough },
	{ "a wrong option is told", a_wrong_option_is_told },
	{ "a refusal ends it with its exit code", a_refusal_ends_it_with_its_exit_code },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options two = { .proxies = 2, .hsms = 2 };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE",
	};

	w = live_start(&two);
	if (!w || live_provision(w, &tenant, &acme) != HL_OK || !live_client_ready(w, "acme", &acme, &client))
		return false;
	live_path(w, "client/pin", pin_file);
	return hl_test_file_write(pin_file, acme.pin, strlen(acme.pin), 0600);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("load", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
