/* partition.c - `partition list`. */
#include "cli/partitions.h"

#include <string.h>

#include "cli/admin.h"
#include "cli/secrets.h"
#include "client/pkcs11/text.h"
#include "client/uri.h"

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

/* -- as PKCS#11 URIs ----------------------------------------------------------------------------------- */

/* What the token says of itself; its name alone where it cannot be reached. */
static void ask_token(
	struct cli *c, const struct cli_client *k, const char *partition, char serial[17], char label[CLIENT_URI_LABEL + 1])
{
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	hsmlet_options options = cli_client_options(k, partition);
	hsmlet_info info;
	hsmlet_error e;

	if (hsmlet_open(&options, &h, &e) == 0 && hsmlet_get_info(h, &info, &e) == 0) {
		memcpy(serial, info.serial, sizeof info.serial);
		snprintf(label, CLIENT_URI_LABEL + 1, "%s", info.label);
	} else
		cli_note(c, "HL-%04d %s: the serial of %s is not known", e.id, e.what, partition);
}

/* Those without a slot in the world's primus.cfg are no tokens yet: they have a name alone. */
static hl_err put_uri(struct cli *c, const struct cli_world *w, const char *partition, struct hl_buf *out)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	char serial[17] = "", label[CLIENT_URI_LABEL + 1], error[512];
	struct client_uri uri = { .token = label, .serial = serial, .manufacturer = P11_MAKER, .model = P11_MODEL, .slot_id = -1 };
	const struct client_slot *slot;
	struct cli_client k;

	snprintf(label, sizeof label, "%s", partition);
	cli_client_of_world(w, &k);
	if (client_conf_load(k.conf, &conf, error) == HL_OK &&
		cli_secrets_slot(c, &conf, partition, NULL, &slot) == HL_OK) {
		ask_token(c, &k, partition, serial, label);
		uri.slot_id = slot->id;
	}
	client_uri_put(out, &uri);
	hl_buf_u8(out, 0);
	return out->err == HL_OK ? HL_OK : cli_fail(c, out->err, "the URI of %s", partition);
}

static hl_err add_uris(struct cli *c, const struct cli_world *w, json_t *all)
{
	json_t *one;
	size_t i;

	json_array_foreach(all, i, one) {
		HL_AUTO(hl_buf_clear) struct hl_buf uri = hl_buf(1024);

		HL_TRY(put_uri(c, w, json_string_value(json_object_get(one, "partition")), &uri));
		json_object_set_new(one, "uri", json_string((const char *)hl_buf_view(&uri).p));
		if (!c->global.json)
			fprintf(c->out, "%s\n", (const char *)hl_buf_view(&uri).p);
	}
	return HL_OK;
}

/* -- the verb ---------------------------------------------------------------------------------------------- */

struct list_options {
	const char *output;
};

static const struct list_options defaults = { .output = "table" };
static const char *const outputs[] = { "table", "uri", NULL };
static const struct cli_option rows[] = {
	{ "output", 'o', "FORM", CLI_WORD, offsetof(struct list_options, output), 0, 0, outputs,
		"a table, or the PKCS#11 URI (RFC 7512) of each token" },
};
const struct cli_options cli_partition_list_options = CLI_OPTIONS(rows, defaults);

hl_err cli_partition_list(struct cli *c)
{
	HL_AUTO(cli_table_clear) struct cli_table t = CLI_PARTITION_TABLE;
	HL_AUTO(cli_json_drop) json_t *all = NULL;
	const struct list_options *o = c->options;
	bool uris = strcmp(o->output, "uri") == 0;
	struct cli_world w;

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(cli_partitions(c, &w, &t, &all));
	if (uris)
		HL_TRY(add_uris(c, &w, all));
	if (c->global.json)
		return cli_print_json(c, "hsmlet-partitions/1", json_pack("{s:O}", "partitions", all));
	if (!uris)
		cli_table_print(&t, c->out);
	return HL_OK;
}
