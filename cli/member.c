/* member.c - `proxy`, `hsm`, `directory`: list, kill, restart. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/life.h"
#include "cli/members.h"
#include "cli/say.h"

/* -- looking --------------------------------------------------------------------------------------- */

static void take_word(struct cli_seen *seen, size_t n, const struct hl_status_answer *answer)
{
	struct hl_bytes at = answer->members.raw;
	struct hl_status_member m;

	while (hl_list_next(&hl_msg_status_member, &at, &m))
		for (size_t i = 0; i < n; i++)
			if (hl_bytes_eq(m.name, hl_text(seen[i].member->name)))
				seen[i].up = m.up && seen[i].pid != 0 && !seen[i].paused;
}

void cli_members_look(struct cli *c, const struct cli_world *w, struct cli_seen *seen, hl_err *asked)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	struct hl_status_answer answer;

	*asked = cli_admin_status(c, w, &answer, &keep);
	for (size_t i = 0; i < w->members; i++) {
		const struct cli_member *m = &w->member[i];

		seen[i] = (struct cli_seen){ .member = m, .pid = cli_member_pid(w, m), .told = *asked == HL_OK };
		seen[i].paused = seen[i].pid && cli_process_is_paused(seen[i].pid);
		if (m->role == CLI_DIRECTORY)
			seen[i].up = seen[i].told;
	}
	if (*asked == HL_OK)
		take_word(seen, w->members, &answer);
}

const char *cli_seen_state(const struct cli_seen *s)
{
	return s->pid == 0 ? "stopped" : s->paused ? "paused" : s->up ? "up" : "down";
}

hl_err cli_members_table(struct cli *c, const struct cli_seen *seen, size_t n, int role)
{
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { "NAME", "STATE", "ADDRESS", "PID" } };

	for (size_t i = 0; i < n; i++) {
		char pid[16] = "-";

		if (role >= 0 && seen[i].member->role != (enum cli_role)role)
			continue;
		if (seen[i].pid)
			snprintf(pid, sizeof pid, "%d", (int)seen[i].pid);
		HL_TRY(CLI_ROW(&t, seen[i].member->name, cli_seen_state(&seen[i]),
			seen[i].member->address, pid));
	}
	cli_table_print(&t, c->out);
	return HL_OK;
}

json_t *cli_members_json(const struct cli_seen *seen, size_t n, int role)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct cli_member *m = seen[i].member;
		json_t *one;

		if (role >= 0 && m->role != (enum cli_role)role)
			continue;
		one = json_pack("{s:s, s:s, s:s, s:s}", "role", cli_role_name(m->role), "name", m->name,
			"address", m->address, "state", cli_seen_state(&seen[i]));
		json_object_set_new(
			one, "pid", seen[i].pid ? json_integer((json_int_t)seen[i].pid) : json_null());
		json_array_append_new(all, one);
	}
	return all;
}

/* The role that the noun of this verb stands for. */
static enum cli_role role_of(const struct cli *c)
{
	enum cli_role role = CLI_DIRECTORY;

	while (strcmp(cli_role_name(role), c->verb->noun) != 0)
		role++;
	return role;
}

hl_err cli_member_list(struct cli *c)
{
	struct cli_seen seen[CLI_MEMBERS_MAX];
	struct cli_world w;
	hl_err asked;

	HL_TRY(cli_world_find(c, &w));
	if (cli_world_running(&w) == 0)
		return cli_fail(c, HL_E_WORLD, "nothing runs of %s", w.dir);
	cli_members_look(c, &w, seen, &asked);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-members/1",
			json_pack("{s:o}", "members", cli_members_json(seen, w.members, (int)role_of(c))));
	return cli_members_table(c, seen, w.members, (int)role_of(c));
}

/* -- killing and starting again ---------------------------------------------------------------------- */

/* A name that is given twice is one member. */
static void add_once(const struct cli_member **m, size_t *n, const struct cli_member *found)
{
	for (size_t i = 0; i < *n; i++)
		if (m[i] == found)
			return;
	m[(*n)++] = found;
}

static hl_err find_members(
	struct cli *c, const struct cli_world *w, const struct cli_member *m[CLI_MEMBERS_MAX], size_t *n)
{
	enum cli_role role = role_of(c);

	*n = 0;
	for (int i = 0; i < c->operands; i++) {
		const struct cli_member *found = NULL;

		for (size_t k = 0; k < w->members; k++)
			if (w->member[k].role == role && strcmp(w->member[k].name, c->operand[i]) == 0)
				found = &w->member[k];
		if (!found)
			return cli_next(c,
				cli_fail(c, HL_E_NOT_FOUND, "this world has no %s %s", c->verb->noun,
					c->operand[i]),
				"see `hsmlet %s list`", c->verb->noun);
		add_once(m, n, found);
	}
	return HL_OK;
}

static hl_err print_done(struct cli *c, const char *schema, const struct cli_member *const *m, size_t n)
{
	json_t *names = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(names, json_string(m[i]->name));
	if (c->global.json)
		return cli_print_json(c, schema, json_pack("{s:o}", "members", names));
	json_decref(names);
	return HL_OK;
}

hl_err cli_member_kill(struct cli *c)
{
	const struct cli_member *m[CLI_MEMBERS_MAX];
	struct cli_world w;
	unsigned ran;
	size_t n;

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(find_members(c, &w, m, &n));
	HL_TRY(cli_members_stop(c, &w, m, n, SIGKILL, &ran));
	if (ran == 0)
		return cli_next(c, cli_fail(c, HL_E_WORLD, "%s was not running", m[0]->name),
			"start it: `hsmlet %s restart %s`", c->verb->noun, m[0]->name);
	cli_note(c, "killed %u", ran);
	return print_done(c, "hsmlet-kill/1", m, n);
}

/* Whether every member of the world can say that it is up. Of one that is paused that is told, and it is no reason to
 * wait: what was asked for is another. */
static bool all_can_answer(struct cli *c, const struct cli_world *w)
{
	struct cli_trouble before = c->trouble;

	if (cli_world_running(w) < w->members)
		return false;
	if (cli_world_awake(c, w) == HL_OK)
		return true;
	cli_note(c, "%s; %s", c->trouble.detail, c->trouble.next);
	c->trouble = before;
	return false;
}

/* All members, not only these: those that had a link to a directory must have found the new one. */
hl_err cli_member_restart(struct cli *c)
{
	HL_AUTO(client_lock_release) struct client_lock lock = CLIENT_LOCK_NONE;
	const struct cli_member *m[CLI_MEMBERS_MAX];
	struct cli_start s = { .die_fd = -1 };
	struct cli_world w;
	hl_err err = HL_OK;
	size_t n;

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(cli_world_lock(c, &w, &lock));
	HL_TRY(find_members(c, &w, m, &n));
	HL_TRY(cli_members_stop(c, &w, m, n, SIGTERM, NULL));
	for (size_t i = 0; i < n && err == HL_OK; i++)
		err = cli_member_start(c, &w, m[i], &s);
	if (err == HL_OK && all_can_answer(c, &w))
		err = cli_world_await(c, &w, &s, CLI_AWAIT_MS);
	if (err != HL_OK) {
		cli_world_undo(&s);
		return err;
	}
	cli_note(c, "restarted %zu", n);
	return print_done(c, "hsmlet-restart/1", m, n);
}
