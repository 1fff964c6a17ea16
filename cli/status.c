/* status.c - `hsmlet status`: the world, its members, its partitions. */
#include "cli/admin.h"
#include "cli/life.h"
#include "cli/members.h"
#include "cli/partitions.h"
#include "cli/say.h"

static const char *state_of(const struct cli_seen *seen, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!seen[i].up)
			return "degraded";
	return "ready";
}

static hl_err print_json(struct cli *c, const struct cli_world *w, const struct cli_seen *seen, json_t *parts)
{
	return cli_print_json(c, "hsmlet-status/1",
		json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:o, s:o}", "name", w->name,
			"dir", w->dir, "state", state_of(seen, w->members), "simulator", 1, "dev", w->dev,
			"profile", w->profile, "block", w->block, "pool", w->pool, "cluster", w->cluster,
			"members", cli_members_json(seen, w->members, -1),
			"partitions", parts ? parts : json_null()));
}

hl_err cli_status(struct cli *c)
{
	HL_AUTO(cli_table_clear) struct cli_table t = CLI_PARTITION_TABLE;
	struct cli_seen seen[CLI_MEMBERS_MAX];
	json_t *parts = NULL;
	struct cli_world w;
	hl_err asked;

	HL_TRY(cli_world_find(c, &w));
	if (cli_world_running(&w) == 0)
		return cli_fail(c, HL_E_WORLD, "nothing runs of %s", w.dir);
	cli_members_look(c, &w, seen, &asked);
	if (asked == HL_OK)
		HL_TRY(cli_partitions(c, &w, &t, &parts));
	else
		cli_note(c, "HL-%04d %s: partitions and links are not known", -(int)asked, c->trouble.detail);
	if (c->global.json)
		return print_json(c, &w, seen, parts);
	json_decref(parts);
	fprintf(c->out, "world \"%s\" (simulator) in %s: %s\n", w.name, w.dir, state_of(seen, w.members));
	fprintf(c->out, "pool %s, resolver %s.1:5300, cluster %s, profile %s%s\n\n", w.pool, w.block,
		w.cluster, w.profile, w.dev ? ", dev" : "");
	HL_TRY(cli_members_table(c, seen, w.members, -1));
	fprintf(c->out, "\n");
	if (asked == HL_OK)
		cli_table_print(&t, c->out);
	return HL_OK;
}
