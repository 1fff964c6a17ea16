/* The memory of a proxy: what has passed through it cannot be found there, in any form, while the session stands and
 * after it. The same search finds all of it in the memory of the client, a process of its own. And who may
 * not look, cannot. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "client/secrets.h"
#include "lib/wire/numbers.h"
#include "tests/support/canary.h"
#include "tests/support/key.h"
#include "tests/support/live.h"
#include "tests/support/live_impl.h"
#include "tests/support/test.h"

/* -- a client in a process of its own ---------------------------------------------------------------------- */

/* What it is told on descriptor 0, and what it tells on descriptor 1 once its session stands. */
struct told {
	char setup[HL_SETUP_PASSWORD_TEXT + 1], pin[HL_PIN_TEXT + 1];
};
struct tells {
	int rc; /* 0, or the number of an error */
	uint8_t data[32];
	char label[33];
};

static bool read_whole(int fd, void *out, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = read(fd, (uint8_t *)out + at, n - at);

		if (got <= 0 && !(got < 0 && errno == EINTR))
			return false;
		at += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static int use(hsmlet *h, const struct told *in, struct tells *out)
{
	static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };
	uint8_t signature[64];
	size_t n = sizeof signature;
	struct key_pair k;
	hsmlet_error e = { 0 };

	if (hsmlet_login(h, in->pin, strlen(in->pin), &e) != 0 || key_make_p256(h, out->label, &k, &e) != 0)
		return e.id;
	return hsmlet_sign(h, k.key, &ecdsa, out->data, sizeof out->data, signature, &n, &e);
}

/* Exchange, connect, log in, make a key with a label, sign; then stay until nobody listens. */
static int client_main(const char *conf, const char *secrets)
{
	hsmlet_options o = { .size = sizeof o, .conf = conf, .secrets = secrets };
	struct tells out = { .rc = -1 };
	struct told in;
	uint8_t label[16];
	hsmlet_error e;
	hsmlet *h = NULL;
	char byte;

	if (!read_whole(0, &in, sizeof in) || RAND_bytes(out.data, sizeof out.data) != 1 ||
		RAND_bytes(label, sizeof label) != 1)
		return 1;
	hl_hex(hl_bytes(label, sizeof label), out.label);
	out.rc = hsmlet_exchange(&o, in.setup, strlen(in.setup), &e);
	if (out.rc == 0)
		out.rc = hsmlet_open(&o, &h, &e);
	if (out.rc == 0)
		out.rc = use(h, &in, &out);
	if (write(1, &out, sizeof out) != (ssize_t)sizeof out)
		return 1;
	while (read(0, &byte, 1) > 0)
		;
	hsmlet_close(h);
	return 0;
}

struct client {
	pid_t pid;
	int to, from;
	struct tells says;
};

static void become_client(const struct live_client *files, int in, int out)
{
	char program[PATH_MAX] = "";

	dup2(in, 0);
	dup2(out, 1);
	if (readlink("/proc/self/exe", program, sizeof program - 1) > 0)
		execl(program, "client", files->conf, files->secrets, (char *)NULL);
	_exit(127);
}

static void client_start(struct client *c, const struct live_client *files, const struct live_account *a)
{
	struct told tell = { .setup = "" };
	int in[2], out[2];

	memcpy(tell.setup, a->setup, sizeof tell.setup);
	memcpy(tell.pin, a->pin, sizeof tell.pin);
	CU_ASSERT_EQUAL_FATAL(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	c->pid = fork();
	if (c->pid == 0)
		become_client(files, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	c->to = in[1];
	c->from = out[0];
	CU_ASSERT_EQUAL(write(c->to, &tell, sizeof tell), (ssize_t)sizeof tell);
	CU_ASSERT_FATAL(live_poll(c->from, POLLIN, live_deadline()));
	CU_ASSERT_FATAL(read_whole(c->from, &c->says, sizeof c->says));
	CU_ASSERT_EQUAL(c->says.rc, 0);
}

static void client_end(struct client *c)
{
	int status = -1;

	close(c->to);
	CU_ASSERT_EQUAL(waitpid(c->pid, &status, 0), c->pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(c->from);
}

/* -- images ------------------------------------------------------------------------------------------------- */

#define CANARIES 6
#define REGION_MAX (256u << 20) /* what is larger is the shadow of a sanitizer or of Valgrind */

static struct canary canary[CANARIES];
static size_t canaries;

static void watch_for(const char *name, struct hl_bytes secret)
{
	CU_ASSERT_FATAL(canaries < CANARIES && secret.n >= 8 && secret.n <= CANARY_MAX);
	canary_make(&canary[canaries++], name, secret);
}

struct image {
	size_t bytes, left_out;
	unsigned found[CANARIES]; /* regions that hold it */
	unsigned marks;           /* regions that hold `mark` */
};

static void look_at(struct image *m, struct hl_bytes region, const char *mark, const char *tell)
{
	m->bytes += region.n;
	m->marks += memmem(region.p, region.n, mark, strlen(mark)) != NULL;
	for (size_t i = 0; i < canaries; i++)
		m->found[i] += canary_in(&canary[i], region, tell);
}

/* How much of it could be read. */
static size_t read_region(int mem, uint8_t *out, unsigned long from, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = pread(mem, out + at, n - at, (off_t)(from + at));

		if (got <= 0)
			break;
		at += (size_t)got;
	}
	return at;
}

static void look_at_region(struct image *m, int mem, unsigned long from, unsigned long to, const char *mark,
	const char *tell)
{
	size_t n = to - from, got = 0;
	uint8_t *copy = n <= REGION_MAX ? malloc(n) : NULL;

	if (copy) {
		got = read_region(mem, copy, from, n);
		look_at(m, hl_bytes(copy, got), mark, tell);
	}
	m->left_out += n - got;
	free(copy);
}

/* All that is mapped and readable. What belongs to the kernel ([vvar], [vsyscall]) cannot be read so. */
static struct image image_of(pid_t pid, const char *mark, const char *tell)
{
	struct image m = { 0 };
	char path[64], line[1024], access[5];
	unsigned long from, to;
	FILE *maps;
	int mem;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(maps && mem >= 0);
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, access) == 3 && access[0] == 'r' && !strstr(line, "[v"))
			look_at_region(&m, mem, from, to, mark, tell);
	fclose(maps);
	close(mem);
	CU_ASSERT(m.bytes > 1u << 20);
	CU_ASSERT(m.left_out == 0 || live_always_dumpable() || hl_test_is_slow());
	return m;
}

static unsigned found_in(const struct image *m)
{
	unsigned all = 0;

	for (size_t i = 0; i < canaries; i++)
		all += m->found[i];
	return all;
}

static struct live *w;
static struct live_account acme;
static struct live_client files;

static bool world(bool dumpable)
{
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE",
	};
	struct live_options o = { .dumpable = dumpable, .proxies_drop = true };

	w = live_start(&o);
	return w && live_provision(w, &tenant, &acme) == HL_OK && live_client(w, "image", &acme, NULL, &files);
}

static void world_end(void)
{
	CU_ASSERT(live_stop(w));
	w = NULL;
}

static void watch_user_secret(void)
{
	struct client_secret s = { 0 };
	char error[512];

	CU_ASSERT_EQUAL(client_secret_get(files.secrets, acme.partition, &s, error), HL_OK);
	watch_for("user secret", hl_secret_view(&s.secret));
	hl_secret_clear(&s.secret);
}

static void no_secret_of_a_session_is_in_the_proxys_memory(void)
{
	struct image proxy, client;
	struct client c;
	pid_t pid;

	CU_ASSERT_FATAL(world(true));
	client_start(&c, &files, &acme);
	watch_for("service password", hl_text(acme.password));
	watch_for("setup password", hl_text(acme.setup));
	watch_for("PIN", hl_text(acme.pin));
	watch_for("plaintext", hl_bytes(c.says.data, sizeof c.says.data));
	watch_for("key label", hl_text(c.says.label));
	watch_user_secret();
	CU_ASSERT_EQUAL(canaries, CANARIES);
	pid = live_pid(w, "proxy1");
	/* Its own name, from its configuration, is there: it is this proxy, and not an empty image. */
	proxy = image_of(pid, "proxy1", "proxy");
	CU_ASSERT(proxy.marks > 0);
	CU_ASSERT_EQUAL(found_in(&proxy), 0);
	/* In a process that has never heard of our search everything is found by it. */
	client = image_of(c.pid, "ACMEPARTONE", NULL);
	CU_ASSERT(client.marks > 0);
	for (size_t i = 0; i < canaries; i++)
		CU_ASSERT(client.found[i] > 0);
	client_end(&c);
	proxy = image_of(pid, "proxy1", "proxy, after the session");
	CU_ASSERT(proxy.marks > 0);
	CU_ASSERT_EQUAL(found_in(&proxy), 0);
	world_end();
}

/* -- who may not look --------------------------------------------------------------------------------------------- */

enum { MAPS = 1, MEM = 2 }; /* that could be opened */

/* A core of the proxy would be the same image: its limit is 0, whoever looks. */
static bool leaves_no_core(pid_t pid)
{
	char path[64], line[256];
	bool none = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		unsigned long soft, hard;

		if (sscanf(line, "Max core file size %lu %lu", &soft, &hard) == 2)
			none = soft == 0 && hard == 0;
	}
	if (f)
		fclose(f);
	return none;
}

/* Root may look at everything; so the one who looks is the proxy's own user. */
static int look_as(const struct passwd *user, pid_t pid)
{
	static const struct {
		const char *name;
		int bit;
	} file[] = { { "maps", MAPS }, { "mem", MEM } };
	int seen = 0;

	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
				      setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0))
		return -1;
	for (size_t i = 0; i < HL_COUNT(file); i++) {
		char path[64];

		snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file[i].name);
		if (open(path, O_RDONLY | O_CLOEXEC) >= 0)
			seen |= file[i].bit;
		else if (errno != EACCES && errno != EPERM)
			return -1;
	}
	return seen;
}

static int seen_by_its_own_user(pid_t pid)
{
	const struct passwd *nobody = getpwnam(LIVE_NOBODY);
	int status = -1;
	pid_t child;

	CU_ASSERT_PTR_NOT_NULL_FATAL(nobody);
	child = fork();
	if (child == 0)
		_exit(look_as(nobody, pid) & 0xff);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Who owns /proc/PID: the process's user; or root, where it is not dumpable (proc(5)). */
static uid_t owner_of(pid_t pid)
{
	struct stat st = { .st_uid = (uid_t)-1 };
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	return st.st_uid;
}

static uid_t users_id(void)
{
	const struct passwd *nobody = getpwnam(LIVE_NOBODY);

	return geteuid() == 0 && nobody ? nobody->pw_uid : geteuid();
}

/* Some systems let nobody attach but a process's ancestors, whatever it allows itself. */
static bool attaching_is_free(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	bool is_free = !f || fgetc(f) == '0';

	if (f)
		fclose(f);
	return is_free;
}

static void with_dumpable_its_own_user_can_look(void)
{
	pid_t pid;
	int seen;

	CU_ASSERT_FATAL(world(true));
	pid = live_pid(w, "proxy1");
	CU_ASSERT_EQUAL(owner_of(pid), users_id());
	seen = seen_by_its_own_user(pid);
	CU_ASSERT(seen == (MAPS | MEM) || (seen == MAPS && !attaching_is_free()));
	CU_ASSERT(leaves_no_core(pid));
	world_end();
}

static void without_it_nobody_but_root_can(void)
{
	static const char *const member[] = { "directory1", "proxy1", "hsm1" };
	pid_t pid;

	if (live_always_dumpable()) {
		printf("(not in this build: its daemons are always dumpable) ");
		return;
	}
	CU_ASSERT_FATAL(world(false));
	pid = live_pid(w, "proxy1");
	CU_ASSERT_EQUAL(owner_of(pid), 0);
	CU_ASSERT_EQUAL(seen_by_its_own_user(pid), 0);
	for (size_t i = 0; i < HL_COUNT(member); i++)
		CU_ASSERT(leaves_no_core(live_pid(w, member[i])));
	world_end();
}

static CU_TestInfo tests[] = {
	{ "no secret of a session is in the proxy's memory", no_secret_of_a_session_is_in_the_proxys_memory },
	{ "with --dumpable its own user can look", with_dumpable_its_own_user_can_look },
	{ "without it nobody but root can", without_it_nobody_but_root_can },
	CU_TEST_INFO_NULL,
};

int main(int argc, char **argv)
{
	int rc;

	if (argc == 3)
		return client_main(argv[1], argv[2]);
	rc = hl_test_main("memory image", tests);
	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
