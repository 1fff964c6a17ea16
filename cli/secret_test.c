/* secret_test.c - `secret test`: connect with what is stored, to each host by itself. */
#include "cli/secrets.h"

struct told {
	struct cli *c;
	json_t *all;
	const struct client_host *host; /* whose heading was printed last */
};

static void tell(void *at, const struct cli_slot_result *r)
{
	struct told *t = at;
	FILE *out = t->c->out;
	char result[CLI_ERR_TEXT] = "OK";

	if (r->err != HL_OK)
		cli_err_text(r->err, result);
	json_array_append_new(t->all,
		json_pack("{s:s, s:i, s:s, s:s}", "host", r->host->name, "slot", (int)r->slot->id, "partition",
			r->slot->partition, "result", result));
	if (t->c->global.json)
		return;
	if (t->host != r->host)
		fprintf(out, "%s: '%s' on port %u\n", r->host->name, r->host->host, r->host->port);
	t->host = r->host;
	fprintf(out, "    %s (id=%u), user=%s: %s%s%s\n", r->slot->name, r->slot->id, r->slot->partition, result,
		r->err != HL_OK ? " " : "", r->err != HL_OK ? hl_err_text(r->err) : "");
}

hl_err cli_secret_test(struct cli *c)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	const struct cli_slot_filter filter = { .partition = c->operands > 0 ? c->operand[0] : NULL, .slot_id = -1 };
	struct told told = { .c = c, .all = all };
	struct cli_slots_tested tested;
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_secrets_conf(c, &k, &conf));
	HL_TRY(cli_secrets_test(c, &k, &conf, &filter, tell, &told, &tested));
	if (!c->global.json)
		fprintf(c->out, "\nNumber of tested partitions: %u\nNumber of failures: %u\n", tested.slots, tested.failures.n);
	return cli_end_json(c, cli_failures_end(c, &tested.failures), "hsmlet-secret-test/1", json_pack("{s:O}", "slots", all));
}
