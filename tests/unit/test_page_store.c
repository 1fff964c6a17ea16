#include "hsm/shared.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/test.h"

/* Different in each process, as in life: a second member that began anew would show. */
static void on_random(void *at, void *out, size_t n)
{
	uint64_t *state = at;

	for (uint8_t *p = out; n > 0; n--) {
		*state =
			(*state ^ (uint64_t)getpid()) * 6364136223846793005u + 1442695040888963407u;
		*p++ = (uint8_t)(*state >> 56);
	}
}

static uint64_t state;
static const struct hl_env_ops ops = { .random = on_random };
static const struct hl_env env = { .ops = &ops, .at = &state };

struct world {
	struct hl_test_folder folder;
	char path[PATH_MAX];
};

static void world_begin(struct world *w)
{
	CU_ASSERT_FATAL(hl_test_folder_make(&w->folder));
	hl_test_folder_file(&w->folder, "cluster.page", w->path);
}

static void world_end(struct world *w)
{
	hl_test_folder_remove(&w->folder);
}

static void closep(struct hsm_shared_file **f)
{
	hsm_shared_close(*f);
}

static struct hsm_shared_file *opened(const struct world *w)
{
	struct hsm_shared_file *f = NULL;

	CU_ASSERT_EQUAL_FATAL(hsm_shared_open(w->path, &env, &f), HL_OK);
	return f;
}

static hl_err refusal(const struct world *w)
{
	HL_AUTO(closep) struct hsm_shared_file *f = NULL;
	hl_err rc = hsm_shared_open(w->path, &env, &f);

	CU_ASSERT_PTR_NULL(f);
	return rc;
}

static uint64_t incarnation(struct hsm_shared_file *f)
{
	struct hsm_shared s = hsm_shared_file_ops(f);
	uint64_t v;

	memcpy(&v, s.ops->incarnation(s.at), sizeof v);
	return v;
}

static hl_err take(struct hsm_shared_file *f, uint64_t number)
{
	struct hsm_shared s = hsm_shared_file_ops(f);
	uint8_t id[HL_CONNECTION_ID] = { 0 };

	memcpy(id, &number, sizeof number);
	return s.ops->take_grant(s.at, id, 100, 160);
}

/* A member in a process of its own: it opens the file, tells its incarnation, and stays until the
 * other end of `leave` is closed. */
struct member {
	pid_t pid;
	int told, leave;
};

static int live(const struct world *w, int tell, int leave)
{
	struct hsm_shared_file *f = NULL;
	uint64_t mine;
	char c;

	if (hsm_shared_open(w->path, &env, &f) != HL_OK)
		return 1;
	mine = incarnation(f);
	if (write(tell, &mine, sizeof mine) != sizeof mine)
		return 2;
	return read(leave, &c, 1) == 0 ? 0 : 3; /* and dies without closing */
}

static void member_start(struct member *m, const struct world *w)
{
	int told[2], leave[2];

	CU_ASSERT_EQUAL_FATAL(pipe(told), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(leave), 0);
	m->pid = fork();
	if (m->pid == 0) {
		close(leave[1]);
		_exit(live(w, told[1], leave[0]));
	}
	close(told[1]);
	close(leave[0]);
	m->told = told[0];
	m->leave = leave[1];
}

/* 0 where the member died instead. */
static uint64_t member_incarnation(const struct member *m)
{
	uint64_t v = 0;

	return read(m->told, &v, sizeof v) == sizeof v ? v : 0;
}

static void member_stop(struct member *m)
{
	int status = 0;

	close(m->leave);
	CU_ASSERT_EQUAL(waitpid(m->pid, &status, 0), m->pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(m->told);
}

static void each_life_has_its_incarnation(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	struct hsm_shared_file *f;
	uint64_t first;

	world_begin(&w);
	f = opened(&w);
	first = incarnation(f);
	CU_ASSERT_EQUAL(take(f, 1), HL_OK);
	CU_ASSERT_EQUAL(take(f, 1), HL_E_USED);
	hsm_shared_close(f);
	f = opened(&w);
	CU_ASSERT_NOT_EQUAL(incarnation(f), first);
	CU_ASSERT_EQUAL(take(f, 1), HL_OK);
	hsm_shared_close(f);
}

static void it_stays_while_somebody_holds_the_file(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	struct member m;
	struct hsm_shared_file *f;
	uint64_t first;

	world_begin(&w);
	member_start(&m, &w);
	first = member_incarnation(&m);
	CU_ASSERT_NOT_EQUAL(first, 0);
	f = opened(&w);
	CU_ASSERT_EQUAL(incarnation(f), first);
	CU_ASSERT_EQUAL(take(f, 1), HL_OK);
	member_stop(&m); /* the first has gone, the second holds on */
	CU_ASSERT_EQUAL(incarnation(f), first);
	member_start(&m, &w);
	CU_ASSERT_EQUAL(member_incarnation(&m), first);
	hsm_shared_close(f);
	f = opened(&w); /* and now the other way round */
	CU_ASSERT_EQUAL(incarnation(f), first);
	CU_ASSERT_EQUAL(take(f, 1), HL_E_USED);
	hsm_shared_close(f);
	member_stop(&m);
	f = opened(&w);
	CU_ASSERT_NOT_EQUAL(incarnation(f), first);
	hsm_shared_close(f);
}

#define MEMBERS 4

static void members_that_come_at_once_agree(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	struct member m[MEMBERS];
	struct hsm_shared_file *f;

	world_begin(&w);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < MEMBERS; i++)
			member_start(&m[i], &w);
		f = opened(&w);
		for (unsigned i = 0; i < MEMBERS; i++)
			CU_ASSERT_EQUAL(member_incarnation(&m[i]), incarnation(f));
		hsm_shared_close(f);
		/* The later ones were given the ends of the earlier ones, so they leave first. */
		for (unsigned i = MEMBERS; i-- > 0;)
			member_stop(&m[i]);
	}
}

#define IDS 2000

/* The number of grants that a process wins, told as bytes: one per id, 1 where it won. */
static void race(const struct world *w, uint8_t won[IDS])
{
	HL_AUTO(closep) struct hsm_shared_file *f = NULL;

	if (hsm_shared_open(w->path, &env, &f) != HL_OK)
		return;
	for (uint64_t i = 0; i < IDS; i++)
		won[i] = take(f, i) == HL_OK;
}

static void of_racing_processes_one_wins(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	HL_AUTO(closep) struct hsm_shared_file *f = NULL;
	uint8_t ours[IDS] = { 0 }, theirs[IDS] = { 0 };
	unsigned wrong = 0;
	size_t n = 0;
	ssize_t got;
	int out[2];
	pid_t pid;

	world_begin(&w);
	f = opened(&w); /* so that it is one life, whoever comes and goes */
	CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		race(&w, theirs);
		_exit(write(out[1], theirs, sizeof theirs) == sizeof theirs ? 0 : 1);
	}
	close(out[1]);
	race(&w, ours);
	while (n < sizeof theirs && (got = read(out[0], theirs + n, sizeof theirs - n)) > 0)
		n += (size_t)got;
	CU_ASSERT_EQUAL(n, sizeof theirs);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	close(out[0]);
	for (size_t i = 0; i < IDS; i++)
		wrong += ours[i] + theirs[i] != 1;
	CU_ASSERT_EQUAL(wrong, 0);
}

static void open_modes_are_refused(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	mode_t old = umask(0);

	world_begin(&w);
	hsm_shared_close(opened(&w));
	umask(old);
	CU_ASSERT_EQUAL(hl_test_file_mode(w.path), 0600);
	CU_ASSERT_EQUAL(chmod(w.path, 0644), 0);
	CU_ASSERT_EQUAL(refusal(&w), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.path, 0600), 0);
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0755), 0);
	CU_ASSERT_EQUAL(refusal(&w), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0700), 0);
	hsm_shared_close(opened(&w));
}

static void another_file_is_refused_and_left_alone(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	struct stat st;

	world_begin(&w);
	CU_ASSERT(hl_test_file_write(w.path, "precious", 8, 0600));
	CU_ASSERT_EQUAL(refusal(&w), HL_E_STORE);
	CU_ASSERT_EQUAL(stat(w.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 8);
}

/* One of an earlier version had another size. */
static void a_page_of_an_earlier_version_begins_anew(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	HL_AUTO(closep) struct hsm_shared_file *f = NULL;
	uint8_t old[4096] = "hmspage1";
	struct hsm_mark m;

	world_begin(&w);
	CU_ASSERT(hl_test_file_write(w.path, old, sizeof old, 0600));
	f = opened(&w);
	CU_ASSERT_EQUAL(take(f, 1), HL_OK);
	hsm_shared_file_ops(f).ops->mark(hsm_shared_file_ops(f).at, &m);
	CU_ASSERT_EQUAL(m.generation, 0);
	hsm_shared_close(hl_take(f));
	old[7] = '9';
	CU_ASSERT_EQUAL(unlink(w.path), 0);
	CU_ASSERT(hl_test_file_write(w.path, old, sizeof old, 0600));
	CU_ASSERT_EQUAL(refusal(&w), HL_E_STORE);
}

static CU_TestInfo tests[] = {
	{ "each life has its incarnation", each_life_has_its_incarnation },
	{ "it stays while somebody holds the file", it_stays_while_somebody_holds_the_file },
	{ "members that come at once agree", members_that_come_at_once_agree },
	{ "of racing processes one wins", of_racing_processes_one_wins },
	{ "files and folders open to others are refused", open_modes_are_refused },
	{ "another file is refused and left alone", another_file_is_refused_and_left_alone },
	{ "a page of an earlier version begins anew", a_page_of_an_earlier_version_begins_anew },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("page_store", tests)
