/* tenant.c - the first tenant of a world: its partition, and in the lab profile a spare one, whose token is not initialised. */
#include <string.h>

#include "cli/admin.h"
#include "cli/client.h"
#include "cli/raise.h"
#include "cli/say.h"

/* One partition with its service user. */
struct order {
	const char *service_user, *partition, *label;
	const char *service_password, *setup_password, *pin; /* of --dev */
	bool pkcs11;
	char *service_file, *hsm_file; /* of the world, CLI_PATH bytes each */
};

static hl_err provision(struct cli *c, struct cli_world *w, const struct order *o)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	struct hl_allowed allowed[CLI_ALLOW_MAX];
	struct hl_provision request = {
		.tenant = hl_text(w->tenant),
		.service_user = hl_text(o->service_user),
		.partition = hl_text(o->partition),
		.package = hl_text(w->package),
		.pkcs11 = o->pkcs11,
		.allowed = { .items = allowed, .count = w->allows },
		.profile = cli_world_is_lab(w),
		.label = hl_text(o->label),
	};
	struct hl_provisioned made;

	for (size_t i = 0; i < w->allows; i++)
		allowed[i].range = hl_text(w->allow[i]);
	if (w->dev) {
		request.service_password = hl_text(o->service_password);
		request.setup_password = hl_text(o->setup_password);
		request.pin = hl_text(o->pin);
	}
	cli_progress(c, "provisioning %s for %s", o->partition, w->tenant);
	HL_TRY(cli_admin_ask(c, w, cli_world_directory(w), 0, &hl_msg_provision, &request, &hl_msg_provisioned,
		&made, &keep));
	if (hl_bytes_str(made.service_file, o->service_file, CLI_PATH) != HL_OK ||
		hl_bytes_str(made.hsm_file, o->hsm_file, CLI_PATH) != HL_OK)
		return cli_fail(c, HL_E_RANGE, "the directory's answer");
	return cli_world_save(c, w);
}

/* What is done already stays: an `up` that was cut short is taken up where it stopped. */
static hl_err settle(struct cli *c, struct cli_world *w, const struct order *o)
{
	bool there;

	HL_TRY(cli_admin_has_partition(c, w, o->partition, &there));
	if (!there)
		HL_TRY(provision(c, w, o));
	if (!w->dev || cli_client_has_secret(w, o->partition))
		return HL_OK;
	return cli_client_import(c, w, (const char *const[]){ o->service_file, o->hsm_file }, 2, true);
}

hl_err cli_tenant_settle(struct cli *c, struct cli_world *w)
{
	const bool lab = cli_world_is_lab(w);
	const struct order first = {
		.service_user = w->service_user, .partition = w->partition, .label = lab ? CLI_LAB_LABEL : "",
		.service_password = CLI_DEV_SERVICE_PASSWORD, .setup_password = CLI_DEV_SETUP_PASSWORD,
		.pin = CLI_DEV_PIN, .pkcs11 = true,
		.service_file = w->service_file, .hsm_file = w->hsm_file,
	};
	const struct order spare = {
		.service_user = CLI_SPARE_USER, .partition = CLI_SPARE_PARTITION, .label = "",
		.service_password = CLI_SPARE_SERVICE_PASSWORD, .setup_password = CLI_SPARE_SETUP_PASSWORD,
		.pin = "", .pkcs11 = false,
		.service_file = w->spare_service_file, .hsm_file = w->spare_hsm_file,
	};

	HL_TRY(settle(c, w, &first));
	return lab ? settle(c, w, &spare) : HL_OK;
}
