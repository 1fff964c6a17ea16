#include "tests/support/test.h"

#include <pthread.h>
#include <signal.h>

#include <ev.h>

#include "lib/os/jobs.h"

#define JOBS 200

struct task {
	struct hl_job job;
	pthread_t ran_on;
	bool signals_blocked;
	unsigned order;
	struct task *then; /* to be submitted when this one is told */
};

struct boss {
	struct hl_jobs_owner owner;
	struct hl_jobs *jobs;
	struct ev_loop *loop;
	unsigned told, enough;
	bool wrong_thread;
	pthread_t home;
};

static unsigned order;

static void run_task(struct hl_job *j)
{
	struct task *t = (struct task *)j;
	sigset_t set;

	t->ran_on = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	t->signals_blocked = sigismember(&set, SIGTERM) == 1 && sigismember(&set, SIGCHLD) == 1;
	t->order = __atomic_add_fetch(&order, 1, __ATOMIC_RELAXED);
}

static void on_done(struct hl_jobs_owner *owner, struct hl_job *j)
{
	struct boss *b = (struct boss *)owner;
	struct task *t = (struct task *)j;

	b->wrong_thread |= !pthread_equal(pthread_self(), b->home);
	b->told++;
	if (t->then)
		hl_jobs_submit(b->jobs, &t->then->job, &b->owner);
	if (b->told == b->enough)
		ev_break(b->loop, EVBREAK_ALL);
}

static void set_up(struct boss *b, unsigned enough)
{
	*b = (struct boss){ .owner = { on_done }, .loop = ev_loop_new(0), .enough = enough };
	b->home = pthread_self();
	CU_ASSERT_EQUAL_FATAL(hl_jobs_new(b->loop, &b->jobs), HL_OK);
}

static void tear_down(struct boss *b)
{
	hl_jobs_free(b->jobs);
	ev_loop_destroy(b->loop);
}

static void on_bound(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void run_loop(struct boss *b)
{
	ev_timer bound;

	ev_timer_init(&bound, on_bound, 60., 0.);
	ev_timer_start(b->loop, &bound);
	ev_run(b->loop, 0);
	ev_timer_stop(b->loop, &bound);
}

static void all_jobs_come_back_to_the_loop(void)
{
	static struct task t[JOBS];
	struct boss b;

	set_up(&b, JOBS);
	for (unsigned i = 0; i < JOBS; i++) {
		t[i] = (struct task){ .job = { .run = run_task,
					      .lane = (enum hl_lane)(i % HL_LANES) } };
		hl_jobs_submit(b.jobs, &t[i].job, &b.owner);
	}
	CU_ASSERT_EQUAL(hl_jobs_under_way(b.jobs), JOBS);
	run_loop(&b);
	CU_ASSERT_EQUAL(b.told, JOBS);
	CU_ASSERT_EQUAL(hl_jobs_under_way(b.jobs), 0);
	CU_ASSERT_FALSE(b.wrong_thread);
	for (unsigned i = 0; i < JOBS; i++) {
		CU_ASSERT(t[i].signals_blocked);
		CU_ASSERT_FALSE(pthread_equal(t[i].ran_on, b.home));
	}
	tear_down(&b);
}

static void a_lane_of_one_thread_keeps_the_order(void)
{
	static struct task t[JOBS];
	struct boss b;

	set_up(&b, JOBS);
	for (unsigned i = 0; i < JOBS; i++) {
		t[i] = (struct task){ .job = { .run = run_task, .lane = HL_LANE_STORE } };
		hl_jobs_submit(b.jobs, &t[i].job, &b.owner);
	}
	run_loop(&b);
	for (unsigned i = 1; i < JOBS; i++) {
		CU_ASSERT(t[i].order > t[i - 1].order);
		CU_ASSERT(pthread_equal(t[i].ran_on, t[0].ran_on));
	}
	tear_down(&b);
}

static void draining_also_does_what_follows(void)
{
	struct task last = { .job = { .run = run_task, .lane = HL_LANE_STORE } };
	struct task middle = { .job = { .run = run_task, .lane = HL_LANE_PIN }, .then = &last };
	struct task first = { .job = { .run = run_task, .lane = HL_LANE_CPU }, .then = &middle };
	struct boss b;

	set_up(&b, 0);
	CU_ASSERT(hl_jobs_drain(b.jobs, 0));
	hl_jobs_submit(b.jobs, &first.job, &b.owner);
	CU_ASSERT(hl_jobs_drain(b.jobs, 60000000));
	CU_ASSERT_EQUAL(b.told, 3);
	tear_down(&b);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run_behind_the_gate(struct hl_job *j)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	run_task(j);
}

static void draining_is_bounded(void)
{
	struct task slow = { .job = { .run = run_behind_the_gate, .lane = HL_LANE_PIN } };
	struct task behind = { .job = { .run = run_task, .lane = HL_LANE_PIN } };
	struct boss b;

	set_up(&b, 0);
	pthread_mutex_lock(&gate);
	hl_jobs_submit(b.jobs, &slow.job, &b.owner);
	hl_jobs_submit(b.jobs, &behind.job, &b.owner);
	CU_ASSERT_FALSE(hl_jobs_drain(b.jobs, 2000));
	CU_ASSERT_EQUAL(hl_jobs_under_way(b.jobs), 2);
	pthread_mutex_unlock(&gate);
	CU_ASSERT(hl_jobs_drain(b.jobs, 60000000));
	CU_ASSERT_EQUAL(b.told, 2);
	tear_down(&b);
	hl_jobs_free(NULL);
}

static CU_TestInfo tests[] = {
	{ "all jobs come back to the loop", all_jobs_come_back_to_the_loop },
	{ "a lane of one thread keeps the order", a_lane_of_one_thread_keeps_the_order },
	{ "draining also does what follows", draining_also_does_what_follows },
	{ "draining is bounded", draining_is_bounded },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("jobs", tests)
