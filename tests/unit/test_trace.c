#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/os/env.h"
#include "lib/os/files.h"
#include "lib/os/log.h"
#include "lib/wire/messages.h"

static char folder[32], path[64];

static void in_a_new_folder(void)
{
	strcpy(folder, "/tmp/hsmlet-trace-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/trace", folder);
}

/* Line `n` of the file as JSON; the caller's to json_decref(). */
static json_t *line(size_t n, char *text, size_t size)
{
	FILE *f = fopen(path, "r");
	json_t *got = NULL;

	for (size_t i = 0; f && i <= n; i++)
		if (!fgets(text, (int)size, f))
			text[0] = 0;
	if (f)
		fclose(f);
	got = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL(got);
	return got;
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "(none)";
}

static void open_env(struct hl_os_env *e)
{
	in_a_new_folder();
	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(e,
				      &(struct hl_os_env_config){
					      .role = "proxy", .who = "proxy1", .trace = path }),
		HL_OK);
}

static void close_env(struct hl_os_env *e)
{
	hl_os_env_close(e);
	unlink(path);
	rmdir(folder);
}

static void a_step_is_one_line_of_json(void)
{
	static const uint8_t conn[HL_CONNECTION_ID] = { 0xab, 1 };
	struct hl_hello_proxy hello = { .version_min = 1,
		.version_max = 2,
		.connection = hl_bytes(conn, 16),
		.partition = hl_text("PART\"ALPHA\\"),
		.pool = hl_text("p\xc3\xa4ol"),
		.dialled = hl_text("127.1.2.3:2310"),
		.scram = hl_text("n,,n=svc,r=abc") };
	struct hl_os_env e;
	struct stat st;
	char text[4096];
	json_t *j, *fields;

	open_env(&e);
	hl_trace_step(&e.env, HL_STEP_HELLO, HL_GOT, conn, &hl_msg_hello_proxy, &hello, HL_E_RANGE);
	j = line(0, text, sizeof text);
	CU_ASSERT_STRING_EQUAL(text_of(j, "who"), "proxy1");
	CU_ASSERT_STRING_EQUAL(text_of(j, "role"), "proxy");
	CU_ASSERT_STRING_EQUAL(text_of(j, "conn"), "ab010000000000000000000000000000");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(j, "n")), 1);
	CU_ASSERT_STRING_EQUAL(text_of(j, "step"), "hello.proxy");
	CU_ASSERT_STRING_EQUAL(text_of(j, "way"), "got");
	CU_ASSERT_STRING_EQUAL(text_of(j, "err"), "HL-0202");
	CU_ASSERT_STRING_EQUAL(text_of(j, "msg"), "hello.proxy");
	CU_ASSERT(json_integer_value(json_object_get(j, "mono_us")) > 0);
	CU_ASSERT(json_integer_value(json_object_get(j, "wall_ms")) > 1600000000000);
	fields = json_object_get(j, "fields");
	CU_ASSERT_STRING_EQUAL(text_of(fields, "partition"), "PART\"ALPHA\\");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(fields, "version_max")), 2);
	json_decref(j);
	CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	close_env(&e);
}

static void secret_fields_are_absent(void)
{
	struct hl_auth_answer answer = { .scram = hl_text("c=biws,p=VerySecretProof") };
	struct hl_login login = { .pin = hl_text("VerySecretPin") };
	struct hl_os_env e;
	char text[4096];

	open_env(&e);
	hl_trace_step(&e.env, HL_STEP_ANSWER, HL_SENT, NULL, &hl_msg_auth_answer, &answer, HL_OK);
	hl_trace_step(&e.env, HL_STEP_OPEN, HL_SENT, NULL, &hl_msg_login, &login, HL_OK);
	for (size_t n = 0; n < 2; n++) {
		json_t *j = line(n, text, sizeof text);

		CU_ASSERT_STRING_EQUAL(text_of(j, "way"), "sent");
		CU_ASSERT_PTR_NULL(strstr(text, "VerySecret"));
		CU_ASSERT_PTR_NULL(json_object_get(j, "err"));
		CU_ASSERT_PTR_NULL(json_object_get(j, "conn"));
		json_decref(j);
	}
	close_env(&e);
}

static void a_life_event_is_a_line_too(void)
{
	struct hl_os_env e;
	char text[4096];
	json_t *j;

	open_env(&e);
	hl_trace_life(&e.env, "link.up", HL_OK, "directory1\nand more");
	j = line(0, text, sizeof text);
	CU_ASSERT_STRING_EQUAL(text_of(j, "what"), "link.up");
	CU_ASSERT_STRING_EQUAL(text_of(j, "way"), "did");
	CU_ASSERT_STRING_EQUAL(text_of(j, "note"), "directory1\nand more");
	CU_ASSERT_PTR_NULL(json_object_get(j, "step"));
	json_decref(j);
	close_env(&e);
}

#define WRITERS 4
#define LINES 200

/* Lines of many processes in one file never run into each other. */
static void many_writers_keep_their_lines(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf all = hl_buf(1 << 20);
	struct hl_os_env e;
	size_t lines = 0;
	char *at, *end;

	open_env(&e);
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			for (int i = 0; i < LINES; i++)
				hl_trace_life(&e.env, "written", HL_OK, "a note of some length");
			_exit(0);
		}
	for (int w = 0; w < WRITERS; w++)
		wait(NULL);
	CU_ASSERT_EQUAL(hl_file_read(path, 1 << 20, &all), HL_OK);
	hl_buf_u8(&all, 0);
	for (at = (char *)all.base + all.off; (end = strchr(at, '\n')); at = end + 1, lines++) {
		json_t *j = json_loadb(at, (size_t)(end - at), 0, NULL);

		CU_ASSERT_PTR_NOT_NULL(j);
		json_decref(j);
	}
	CU_ASSERT_EQUAL(lines, WRITERS * LINES);
	close_env(&e);
}

static void without_a_path_nothing_is_kept(void)
{
	struct hl_os_env e;

	CU_ASSERT_EQUAL(
		hl_os_env_open(&e, &(struct hl_os_env_config){ .role = "r", .who = "w" }), HL_OK);
	hl_trace_life(&e.env, "nothing", HL_OK, NULL);
	CU_ASSERT_EQUAL(e.trace.fd, -1);
	hl_os_env_close(&e);
	CU_ASSERT_EQUAL(hl_os_env_open(&e, &(struct hl_os_env_config){ .role = "r",
						   .who = "w",
						   .trace = "/nonexistent/folder/trace" }),
		HL_E_CREATE);
	CU_ASSERT_EQUAL(hl_os_env_open(&e, &(struct hl_os_env_config){ .role = "r",
						   .who = "w",
						   .clock_page = "/nonexistent/page" }),
		HL_E_NOT_FOUND);
}

/* -- the rest of the environment ------------------------------------------------------------- */

static int halts(void)
{
	struct hl_os_env e;
	pid_t pid;
	int status = -1;
	char text[4096];
	json_t *j;

	open_env(&e);
	pid = fork();
	if (pid == 0) {
		hl_log_fd(-1);
		e.env.ops->halt(e.env.at, HL_E_STORE);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	j = line(0, text, sizeof text);
	CU_ASSERT_STRING_EQUAL(text_of(j, "what"), "halted");
	CU_ASSERT_STRING_EQUAL(text_of(j, "err"), "HL-0600");
	json_decref(j);
	close_env(&e);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void halting_ends_the_process_after_a_line(void)
{
	CU_ASSERT_EQUAL(halts(), 70);
}

static void run_it(struct hl_job *j)
{
	(void)j;
}

static void the_environment_gives_time_chance_and_jobs(void)
{
	struct hl_job a = { .run = run_it }, b = { .run = run_it };
	uint8_t x[600] = { 0 }, y[600] = { 0 };
	struct hl_fault f;
	struct hl_os_env e;

	open_env(&e);
	hl_random(&e.env, x, sizeof x);
	hl_random(&e.env, y, sizeof y);
	CU_ASSERT_NOT_EQUAL(memcmp(x, y, sizeof x), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(x + 584, y, 16), 0);
	CU_ASSERT(hl_mono_us(&e.env) > 0);
	CU_ASSERT(hl_wall_ms(&e.env) > 1600000000000);
	CU_ASSERT_FALSE(hl_fault(&e.env, HL_AT_PROXY_HELLO, 0, &f));
	hl_submit(&e.env, &a);
	hl_submit(&e.env, &b);
	CU_ASSERT_PTR_EQUAL(hl_os_env_next_job(&e), &a);
	hl_submit(&e.env, &a);
	CU_ASSERT_PTR_EQUAL(hl_os_env_next_job(&e), &b);
	CU_ASSERT_PTR_EQUAL(hl_os_env_next_job(&e), &a);
	CU_ASSERT_PTR_NULL(hl_os_env_next_job(&e));
	close_env(&e);
}

/* -- log lines ------------------------------------------------------------------------------- */

static const char *logged(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The line without its time. */
static const char *logged(const char *format, ...)
{
	static char out[200];
	va_list args;
	size_t n;

	va_start(args, format);
	n = hl_log_format(out, sizeof out, HL_LOG_WARN, "tested", format, args);
	va_end(args);
	CU_ASSERT(n < sizeof out && out[n - 1] == '\n');
	out[n - 1] = 0;
	CU_ASSERT_EQUAL(strncmp(out, "time=2", 6), 0);
	CU_ASSERT_EQUAL(strspn(out + 5, "0123456789-T:.Z"), strlen("2024-05-01T12:00:00.123Z"));
	return strchr(out, ' ') + 1;
}

static void log_values_are_escaped(void)
{
	const char *long_one =
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789";
	const char *line;

	hl_log_who("toy 1");
	CU_ASSERT_STRING_EQUAL(
		logged("a=%s b=%d", "x.y", -3), "level=warn who=\"toy 1\" event=tested a=x.y b=-3");
	hl_log_who("toy");
	CU_ASSERT_STRING_EQUAL(logged("a=%s b=%s", "x=1 y", "q\"\\\n"),
		"level=warn who=toy event=tested a=\"x=1 y\" b=\"q\\\"\\\\\\x0a\"");
	CU_ASSERT_STRING_EQUAL(logged("a=%s b=%.2s c=%.*s", "", "abc", 1, "xyz"),
		"level=warn who=toy event=tested a=\"\" b=ab c=x");
	CU_ASSERT_STRING_EQUAL(logged("a=%04d b=%lu c=%llx d=%zu e=%u f=%c g=100%%", 7, 8ul,
				       0xabcull, (size_t)9, 10u, 'z'),
		"level=warn who=toy event=tested a=0007 b=8 c=abc d=9 e=10 f=z g=100%");
	line = logged("a=%s", long_one);
	CU_ASSERT_PTR_NOT_NULL(strstr(line, " cut=1"));
	hl_log_who("hsmlet");
}

static void log_levels_have_names(void)
{
	enum hl_log_level level = HL_LOG_ERROR;

	CU_ASSERT_EQUAL(hl_log_parse("debug", &level), HL_OK);
	CU_ASSERT_EQUAL(level, HL_LOG_DEBUG);
	CU_ASSERT_EQUAL(hl_log_parse("loud", &level), HL_E_ARG);
}

static void a_log_line_below_the_limit_is_written(void)
{
	int fds[2];
	char out[512] = "";

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	hl_log_fd(fds[1]);
	hl_log(HL_LOG_DEBUG, "unheard", "a=%d", 1);
	hl_log(HL_LOG_INFO, "heard", "%s", "");
	hl_log_fd(STDERR_FILENO);
	close(fds[1]);
	CU_ASSERT(read(fds[0], out, sizeof out - 1) > 0);
	CU_ASSERT_PTR_NULL(strstr(out, "unheard"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "event=heard"));
	close(fds[0]);
}

static CU_TestInfo tests[] = {
	{ "a step is one line of JSON", a_step_is_one_line_of_json },
	{ "secret fields are absent", secret_fields_are_absent },
	{ "a life event is a line too", a_life_event_is_a_line_too },
	{ "many writers keep their lines", many_writers_keep_their_lines },
	{ "without a path nothing is kept", without_a_path_nothing_is_kept },
	{ "halting ends the process after a line", halting_ends_the_process_after_a_line },
	{ "the environment gives time, chance and jobs",
		the_environment_gives_time_chance_and_jobs },
	{ "log values are escaped", log_values_are_escaped },
	{ "log levels have names", log_levels_have_names },
	{ "a log line below the limit is written", a_log_line_below_the_limit_is_written },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("trace", tests)
