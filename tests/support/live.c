#include "tests/support/live.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/clock.h"
#include "tests/support/live_impl.h"
#include "tests/support/test.h"

#define BLOCKS 20000 /* 127.16.1 to 127.115.200 */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HL_ASAN true
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HL_ASAN true
#endif
#ifndef HL_ASAN
#define HL_ASAN false
#endif

bool live_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("live: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return false;
}

/* -- waiting --------------------------------------------------------------------------------------- */

int live_limit_ms(void)
{
	return hl_test_is_slow() ? 60000 : 10000;
}

int64_t live_deadline(void)
{
	return hl_clock_mono_us() + (int64_t)live_limit_ms() * 1000;
}

bool live_poll(int fd, short events, int64_t deadline_us)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left_ms = (deadline_us - hl_clock_mono_us() + 999) / 1000;
		int n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);

		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

bool live_always_dumpable(void)
{
	return HL_ASAN;
}

/* -- processes --------------------------------------------------------------------------------------- */

static struct live_member *member_of(const struct live *w, const char *name)
{
	for (size_t i = 0; i < w->members; i++)
		if (strcmp(w->member[i].name, name) == 0)
			return (struct live_member *)&w->member[i];
	live_fail("no member %s", name);
	return NULL;
}

int live_pid(const struct live *w, const char *name)
{
	const struct live_member *m = member_of(w, name);

	return m ? m->pid : 0;
}

/* In the child: only what is safe after fork() in a process with threads. The descriptors are moved
 * out of the way first, because any of them may be one of 0 to 5 already. */
static void become(char *const argv[], int log, int ready, int die, int life)
{
	int from[] = { log, ready, die, life };

	/* A member that stands still does not notice that the test is gone. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < HL_COUNT(from); i++)
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 10);
	dup2(from[0], 1);
	dup2(from[0], 2);
	dup2(from[1], 3);
	dup2(from[2], 4);
	dup2(from[3], 5);
	execv(argv[0], argv);
	_exit(127);
}

static bool open_log(const struct live *w, const struct live_member *m, int *fd)
{
	char path[PATH_MAX], name[64];

	snprintf(name, sizeof name, "log/%s.log", m->name);
	live_path(w, name, path);
	*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return *fd >= 0 || live_fail("%s: %s", path, strerror(errno));
}

/* On success the process runs and *ready is to be read from. */
static bool spawn(struct live *w, struct live_member *m, int *ready)
{
	char program[PATH_MAX], config[PATH_MAX], name[64];
	char *argv[] = { program, "--config", config, "--name", m->name, "--ready-fd", "3",
		"--die-with-fd", "4", NULL, NULL };
	int log, ready_pipe[2], life[2];

	if (w->options.dumpable || live_always_dumpable())
		argv[9] = "--dumpable";
	snprintf(program, sizeof program, "%s/%s", w->bin, m->program);
	snprintf(name, sizeof name, "etc/%s.cfg", m->name);
	live_path(w, name, config);
	if (!open_log(w, m, &log))
		return false;
	if (pipe2(ready_pipe, O_CLOEXEC) != 0 || pipe2(life, O_CLOEXEC) != 0)
		return live_fail("pipe: %s", strerror(errno));
	m->pid = fork();
	if (m->pid == 0)
		become(argv, log, ready_pipe[1], w->die[0], life[1]);
	close(log);
	close(ready_pipe[1]);
	close(life[1]);
	m->life_fd = life[0];
	*ready = ready_pipe[0];
	return m->pid > 0 || live_fail("fork: %s", strerror(errno));
}

/* The exit status of a process that is gone or about to be; -1: it is still there. */
static int reap(struct live_member *m, int64_t deadline_us)
{
	int status = -1;

	if (!live_poll(m->life_fd, POLLIN, deadline_us))
		return -1;
	waitpid(m->pid, &status, 0);
	close(m->life_fd);
	m->pid = 0;
	return status;
}

/* SIGTERM, and SIGKILL where that does not help. True: it ended in order. */
static bool end(struct live_member *m)
{
	int status;

	if (m->pid <= 0)
		return true;
	kill(m->pid, SIGCONT);
	kill(m->pid, SIGTERM);
	status = reap(m, live_deadline());
	if (status < 0) {
		kill(m->pid, SIGKILL);
		reap(m, live_deadline());
		return live_fail("%s did not end", m->name);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return live_fail("%s ended with status %#x", m->name, (unsigned)status);
	return true;
}

/* Until it says that it listens. False with *status: it ended instead. */
static bool await_ready(struct live_member *m, int ready, int *status)
{
	int64_t deadline = live_deadline();
	char line[16];
	ssize_t n = live_poll(ready, POLLIN, deadline) ? read(ready, line, sizeof line) : -1;

	close(ready);
	*status = -1;
	if (n > 0)
		return true;
	if (n == 0)
		*status = reap(m, deadline);
	if (*status < 0) {
		live_fail("%s is not ready in time", m->name);
		end(m);
	}
	return false;
}

static bool start(struct live *w, struct live_member *m, int *status)
{
	int ready;

	*status = -1;
	return spawn(w, m, &ready) && await_ready(m, ready, status);
}

/* -- states ------------------------------------------------------------------------------------------ */

/* Ask until the directory says so. Between two questions the descriptor of the member's life is
 * watched: one that has died will not come up. */
static bool await_state(struct live *w, const struct live_member *m, enum live_state want)
{
	int64_t deadline = live_deadline();

	while (live_state(w, m->name) != want) {
		int64_t soon = hl_clock_mono_us() + 5000;

		if (hl_clock_mono_us() >= deadline)
			return live_fail("%s is not %s in time", m->name, want == LIVE_UP ? "up" : "down");
		if (m->pid > 0 && live_poll(m->life_fd, POLLIN, soon))
			return live_fail("%s has died", m->name);
	}
	return true;
}

bool live_await_up(struct live *w)
{
	for (size_t i = 1; i < w->members; i++)
		if (w->member[i].pid > 0 && !await_state(w, &w->member[i], LIVE_UP))
			return false;
	return true;
}

bool live_strike(struct live *w, const char *name)
{
	struct live_member *m = member_of(w, name);
	int status;

	if (!m || m->pid <= 0)
		return live_fail("%s does not run", name);
	if (live_poll(m->life_fd, POLLIN, 0))
		return live_fail("%s has ended by itself", name);
	kill(m->pid, SIGKILL);
	status = reap(m, live_deadline());
	if (status < 0)
		return live_fail("%s does not die", name);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

bool live_kill(struct live *w, const char *name)
{
	struct live_member *m = member_of(w, name);

	return m && live_strike(w, name) &&
		(m == &w->member[0] || w->member[0].pid == 0 || await_state(w, m, LIVE_DOWN));
}

bool live_raise(struct live *w, const char *name)
{
	struct live_member *m = member_of(w, name);
	int status;

	if (!m || m->pid > 0)
		return live_fail("%s runs", name);
	return start(w, m, &status) || live_fail("%s does not start again", name);
}

bool live_restart(struct live *w, const char *name)
{
	return live_raise(w, name) && live_await_up(w);
}

bool live_watch(struct live *w, int64_t until_us)
{
	struct pollfd life[HL_COUNT(w->member)];
	size_t n = 0;

	for (size_t i = 0; i < w->members; i++)
		if (w->member[i].pid > 0)
			life[n++] = (struct pollfd){ .fd = w->member[i].life_fd, .events = POLLIN };
	for (;;) {
		int64_t left_ms = (until_us - hl_clock_mono_us() + 999) / 1000;

		if (poll(life, n, left_ms > 0 ? (int)left_ms : 0) > 0)
			return live_fail("a member has ended by itself");
		if (left_ms <= 0)
			return true;
	}
}

int live_try(struct live *w, const char *name)
{
	struct live_member *m = member_of(w, name);
	int status;

	if (!m || m->pid > 0) {
		live_fail("%s runs", name);
		return -1;
	}
	if (start(w, m, &status))
		return 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool live_pause(struct live *w, const char *name)
{
	struct live_member *m = member_of(w, name);
	int status;

	return m && m->pid > 0 && kill(m->pid, SIGSTOP) == 0 &&
		waitpid(m->pid, &status, WUNTRACED) == m->pid && WIFSTOPPED(status);
}

bool live_resume(struct live *w, const char *name)
{
	struct live_member *m = member_of(w, name);

	return m && m->pid > 0 && kill(m->pid, SIGCONT) == 0;
}

/* -- the folder --------------------------------------------------------------------------------------- */

void live_path(const struct live *w, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%.200s", w->folder, name);
}

struct hl_addr live_address(const struct live *w, unsigned last, uint16_t port)
{
	return (struct hl_addr){
		.family = HL_INET,
		.ip = { 127, (uint8_t)w->a, (uint8_t)w->b, (uint8_t)last },
		.port = port,
	};
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static bool make_folder(struct live *w)
{
	const char *under = getenv("TMPDIR");

	snprintf(w->folder, sizeof w->folder, "%.3000s/hsmlet-live-XXXXXX", under ? under : "/tmp");
	if (mkdtemp(w->folder))
		return true;
	live_fail("%s: %s", w->folder, strerror(errno));
	w->folder[0] = 0;
	return false;
}

static bool strip(char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	if (n <= m || strcmp(path + n - m, end) != 0)
		return false;
	path[n - m] = 0;
	return true;
}

/* This program is in tests/run or tests/interop of the build folder, maybe behind libtool's script. */
static bool find_programs(struct live *w)
{
	const char *given = getenv("HL_BIN");
	ssize_t n;

	if (given) {
		snprintf(w->bin, sizeof w->bin, "%s", given);
		return true;
	}
	n = readlink("/proc/self/exe", w->bin, sizeof w->bin - 1);
	if (n <= 0)
		return live_fail("/proc/self/exe: %s", strerror(errno));
	w->bin[n] = 0;
	*strrchr(w->bin, '/') = 0;
	strip(w->bin, "/.libs");
	return strip(w->bin, "/tests/run") || strip(w->bin, "/tests/interop") ||
	       live_fail("%s: not tests/run, set HL_BIN", w->bin);
}

static void add_member(struct live *w, const char *program, const char *role, unsigned n)
{
	struct live_member *m = &w->member[w->members++];

	m->program = program;
	snprintf(m->name, sizeof m->name, "%s%u", role, n);
}

void live_dump(const struct live *w)
{
	for (size_t i = 0; w && i < w->members; i++) {
		char path[PATH_MAX], name[64], line[1024];
		FILE *f;

		snprintf(name, sizeof name, "log/%s.log", w->member[i].name);
		live_path(w, name, path);
		f = fopen(path, "re");
		fprintf(stderr, "---- %s\n", w->member[i].name);
		while (f && fgets(line, sizeof line, f))
			fputs(line, stderr);
		if (f)
			fclose(f);
	}
}

/* -- life ---------------------------------------------------------------------------------------------- */

/* Somebody else may have the block: the directory, which binds its DNS address without reuse, says so,
 * and the next one is tried. */
static bool start_directory(struct live *w)
{
	unsigned first = (unsigned)getpid() * 7u % BLOCKS;
	int taken = hl_err_row(HL_E_EXISTS)->exit_code, status;

	for (unsigned i = 0; i < BLOCKS; i++) {
		unsigned block = (first + i) % BLOCKS;

		w->a = 16 + block / 200;
		w->b = 1 + block % 200;
		if (!live_write_configs(w))
			return false;
		if (start(w, &w->member[0], &status))
			return true;
		if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != taken)
			return live_fail("the directory does not start");
	}
	return live_fail("every block is taken");
}

static bool bring_up(struct live *w)
{
	int status;

	if (!find_programs(w) || !make_folder(w) || pipe2(w->die, O_CLOEXEC) != 0 ||
		!live_make_files(w) || !start_directory(w))
		return false;
	/* The first HSM makes the cluster; the next ones find it. */
	for (size_t i = 1; i < w->members; i++)
		if (!start(w, &w->member[i], &status))
			return live_fail("%s does not start", w->member[i].name);
	return live_await_up(w);
}

struct live *live_start(const struct live_options *options)
{
	struct live *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->options = *options;
	w->options.proxies += options->proxies == 0;
	w->options.hsms += options->hsms == 0;
	w->options.workers += options->workers == 0;
	w->options.grant_valid_ms = options->grant_valid_ms ? options->grant_valid_ms : 30000;
	w->die[0] = w->die[1] = -1;
	add_member(w, "hsmlet-directory", "directory", 1);
	for (unsigned i = 1; i <= w->options.proxies; i++)
		add_member(w, "hsmlet-proxy", "proxy", i);
	for (unsigned i = 1; i <= w->options.hsms; i++)
		add_member(w, "hsmlet-hsm", "hsm", i);
	if (bring_up(w))
		return w;
	live_dump(w);
	live_stop(w);
	return NULL;
}

bool live_stop(struct live *w)
{
	bool in_order = true;

	if (!w)
		return true;
	for (size_t i = w->members; i > 0; i--)
		if (!end(&w->member[i - 1]))
			in_order = false;
	if (!in_order)
		live_dump(w);
	if (w->die[0] >= 0) {
		close(w->die[0]);
		close(w->die[1]);
	}
	if (w->folder[0])
		nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return in_order;
}
