#include "client/os_spin.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

void client_spin_init(struct client_spin *s)
{
	cpu_set_t cores;

	*s = (struct client_spin){ .luck = CLIENT_SPIN_LUCK };
	s->alone = sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) < 2;
}

/* The process of which one thread looks just now, whichever link it is on; 0: none does. The parent's thread is not here
 * after a fork(). */
static _Atomic pid_t looking;

static bool take_turn(void)
{
	pid_t me = getpid(), who = atomic_load_explicit(&looking, memory_order_relaxed);

	return who != me &&
		atomic_compare_exchange_strong_explicit(&looking, &who, me, memory_order_relaxed, memory_order_relaxed);
}

static bool is_worth_it(struct client_spin *s)
{
	if (s->alone)
		return false;
	if (s->luck > 0)
		return true;
	s->slept = (s->slept + 1) % CLIENT_SPIN_AGAIN;
	return s->slept == 0;
}

bool client_spin_begin(struct client_spin *s)
{
	return is_worth_it(s) && take_turn();
}

bool client_spin_end(struct client_spin *s, bool answered)
{
	atomic_store_explicit(&looking, 0, memory_order_relaxed);
	if (answered)
		s->luck = CLIENT_SPIN_LUCK;
	else if (s->luck > 0)
		s->luck--;
	return answered;
}

static bool is_empty(ssize_t got)
{
	return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

ssize_t client_spin_recv(const struct hl_env *env, int fd, void *to, size_t n)
{
	int64_t until_us = hl_mono_us(env) + CLIENT_SPIN_US;
	ssize_t got;

	while (is_empty(got = recv(fd, to, n, MSG_DONTWAIT)) && hl_mono_us(env) < until_us)
		sched_yield();
	return got;
}
