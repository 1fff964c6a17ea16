#include "cli/life.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "cli/admin.h"
#include "cli/say.h"
#include "lib/os/clock.h"

#define LOOK_EVERY_MS 10

hl_err cli_world_lock(struct cli *c, const struct cli_world *w, struct client_lock *lock)
{
	char path[CLI_PATH];
	hl_err err;

	cli_world_path(w, path, "run/change"); /* .lock */
	errno = 0;
	err = client_lock_take(path, lock);
	if (err == HL_E_TIMEOUT)
		return cli_fail(c, HL_E_BUSY, "another command starts or stops the world at %s", w->dir);
	return err == HL_OK ? HL_OK : cli_fail_errno(c, err, path);
}

hl_err cli_member_start(
	struct cli *c, const struct cli_world *w, const struct cli_member *m, struct cli_start *s)
{
	struct cli_process *p = &s->process[s->n];

	HL_TRY(cli_process_start(c, w, m, s->die_fd, p));
	s->n++;
	return cli_process_ready(c, w, p);
}

/* One after the other: the first HSM makes what the others of its cluster share. */
hl_err cli_world_start(struct cli *c, const struct cli_world *w, struct cli_start *s)
{
	for (size_t i = 0; i < w->members; i++)
		if (cli_member_pid(w, &w->member[i]) == 0)
			HL_TRY(cli_member_start(c, w, &w->member[i], s));
	return HL_OK;
}

void cli_world_undo(struct cli_start *s)
{
	while (s->n > 0)
		cli_process_kill(&s->process[--s->n]);
}

static hl_err check_alive(struct cli *c, const struct cli_world *w, struct cli_start *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (cli_process_gone(&s->process[i]))
			return cli_process_trouble(c, w, &s->process[i]);
	return HL_OK;
}

hl_err cli_world_await(struct cli *c, const struct cli_world *w, struct cli_start *s, int64_t limit_ms)
{
	int64_t until = hl_clock_mono_us() + limit_ms * 1000;
	bool told = false;
	unsigned up = 0;

	for (;;) {
		hl_err asleep = cli_world_awake(c, w), err;

		if (asleep != HL_OK && !told)
			cli_note(c, "%s; %s", c->trouble.detail, c->trouble.next);
		told = told || asleep != HL_OK;
		err = asleep == HL_OK ? cli_admin_up(c, w, &up) : HL_E_BUSY;
		if (err == HL_OK && up + 1 == w->members) /* the directory itself is not in its list */
			return HL_OK;
		if (err != HL_OK && err != HL_E_WORLD && err != HL_E_CLOSED && err != HL_E_BUSY)
			return err;
		HL_TRY(check_alive(c, w, s));
		if (cli_signal || hl_clock_mono_us() >= until)
			return asleep != HL_OK ? asleep :
				err != HL_OK   ? err :
						 cli_fail(c, HL_E_TIMEOUT, "%u of %zu members are up", up + 1,
						      w->members);
		poll(NULL, 0, LOOK_EVERY_MS);
	}
}

hl_err cli_world_awake(struct cli *c, const struct cli_world *w)
{
	for (size_t i = 0; i < w->members; i++)
		HL_TRY(cli_member_awake(c, w, &w->member[i]));
	return HL_OK;
}

unsigned cli_world_running(const struct cli_world *w)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->members; i++)
		n += cli_member_pid(w, &w->member[i]) != 0;
	return n;
}

/* The daemons lose their clients, then their work, then the one who knows them all. */
hl_err cli_world_stop(struct cli *c, const struct cli_world *w, unsigned *ran)
{
	const struct cli_member *m[CLI_MEMBERS_MAX];
	unsigned all = 0, some;

	for (int role = CLI_ROLES - 1; role >= 0; role--) {
		size_t n = 0;

		for (size_t i = 0; i < w->members; i++)
			if (w->member[i].role == (enum cli_role)role)
				m[n++] = &w->member[i];
		HL_TRY(cli_members_stop(c, w, m, n, SIGTERM, &some));
		all += some;
	}
	if (ran)
		*ran = all;
	return HL_OK;
}
