/* reset.c - `hsmlet reset`: the tokens of a lab world as `hsmlet up` made them. */
#include "cli/admin.h"
#include "cli/client.h"
#include "cli/raise.h"
#include "cli/say.h"

struct reset_options {
	struct cli_pin pin;
};

static const struct reset_options defaults = { .pin.pin_fd = -1 };
static const struct cli_option rows[] = { CLI_PIN_ROWS(struct reset_options) };
const struct cli_options cli_reset_options = CLI_OPTIONS(rows, defaults);

/* The PIN that user and security officer of the first token have from then on. */
static hl_err take_pin(struct cli *c, const struct cli_world *w, struct hl_secret *out)
{
	const struct reset_options *o = c->options;
	const bool given = o->pin.pin_file || o->pin.pin_fd >= 0;

	if (w->dev && !given)
		return hl_secret_set(out, hl_text(CLI_DEV_PIN)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, "the PIN");
	HL_TRY(cli_pin(c, &o->pin, out));
	if (out->n == 0)
		return cli_usage(c, "which PIN shall the first token have? --pin-file, --pin-fd or HSMLET_PIN");
	return out->n <= 32 ? HL_OK : cli_fail(c, HL_E_PIN_LENGTH, "it has %zu bytes", out->n);
}

/* The store is the cluster's, so any member will do. NULL: none runs. */
static const struct cli_member *any_hsm(const struct cli_world *w)
{
	for (size_t i = 0; i < w->members; i++)
		if (w->member[i].role == CLI_HSM && cli_member_pid(w, &w->member[i]) != 0)
			return &w->member[i];
	return NULL;
}

static hl_err reset(struct cli *c, const struct cli_world *w, const char *partition, const char *label,
	struct hl_bytes pin, uint64_t *objects)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	struct hl_token_reset ask = { .partition = hl_text(partition), .label = hl_text(label), .pin = pin };
	struct hl_token_was_reset done;
	const struct cli_member *hsm = any_hsm(w);

	if (!hsm)
		return cli_fail(c, HL_E_WORLD, "no HSM of %s runs", w->dir);
	HL_TRY(cli_admin_ask(c, w, hsm, w->workers > 1 ? 1 : 0, &hl_msg_token_reset, &ask, &hl_msg_token_was_reset,
		&done, &keep));
	*objects = done.objects;
	cli_note(c, "%s: %llu %s gone, %s", partition, (unsigned long long)done.objects,
		done.objects == 1 ? "object is" : "objects are", pin.n > 0 ? "the PINs are as at first" : "to be initialised");
	return HL_OK;
}

hl_err cli_reset(struct cli *c)
{
	HL_AUTO(hl_secret_clear) struct hl_secret pin = { 0 };
	uint64_t first, spare;
	struct cli_world w;

	HL_TRY(cli_world_find(c, &w));
	if (!cli_world_is_lab(&w))
		return cli_fail(c, HL_E_UNSUPPORTED, "the world at %s has the profile %s", w.dir, w.profile);
	HL_TRY(take_pin(c, &w, &pin));
	HL_TRY(reset(c, &w, w.partition, CLI_LAB_LABEL, hl_secret_view(&pin), &first));
	HL_TRY(reset(c, &w, CLI_SPARE_PARTITION, "", hl_bytes(NULL, 0), &spare));
	if (!c->global.json)
		return HL_OK;
	return cli_print_json(c, "hsmlet-reset/1",
		json_pack("{s:[{s:s, s:s, s:I}, {s:s, s:I}]}", "tokens", "partition", w.partition, "label", CLI_LAB_LABEL,
			"removed", (json_int_t)first, "partition", CLI_SPARE_PARTITION, "removed", (json_int_t)spare));
}
