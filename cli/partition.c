/* partition.c - `partition list`. */
#include "cli/partitions.h"

#include "cli/admin.h"

static hl_err add(struct cli_table *t, json_t *all, const struct hl_status_partition *p)
{
	static const char *const keys[] = { "partition", "tenant", "service_user", "package", "cluster" };
	const struct hl_bytes values[] = { p->partition, p->tenant, p->service_user, p->package,
		p->cluster };
	char text[HL_COUNT(keys)][HL_NAME_TEXT + 1];
	json_t *one = json_object();

	for (size_t i = 0; i < HL_COUNT(keys); i++) {
		HL_TRY(hl_bytes_str(values[i], text[i], sizeof text[i]));
		json_object_set_new(one, keys[i], json_string(text[i]));
	}
	json_array_append_new(all, one);
	return CLI_ROW(t, text[0], text[1], text[2], text[3], text[4]);
}

hl_err cli_partitions(struct cli *c, const struct cli_world *w, struct cli_table *t, json_t **out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct hl_status_answer answer;
	struct hl_status_partition p;
	struct hl_bytes at;

	HL_TRY(cli_admin_status(c, w, &answer, &keep));
	at = answer.partitions.raw;
	while (hl_list_next(&hl_msg_status_partition, &at, &p))
		HL_TRY(add(t, all, &p));
	*out = json_incref(all);
	return HL_OK;
}

hl_err cli_partition_list(struct cli *c)
{
	HL_AUTO(cli_table_clear) struct cli_table t = CLI_PARTITION_TABLE;
	struct cli_world w;
	json_t *all = NULL;

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(cli_partitions(c, &w, &t, &all));
	if (c->global.json)
		return cli_print_json(c, "hsmlet-partitions/1", json_pack("{s:o}", "partitions", all));
	json_decref(all);
	cli_table_print(&t, c->out);
	return HL_OK;
}
