/* user.c - the partition's user: the secret of the channel, the end of a login. */
#include "hsm/rooms.h"

hl_err hsm_op_secret_fetch(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hl_secret_fetched fetched;
	struct hsm_partition p;

	(void)body, (void)detail;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	/* The channel may have been opened long ago. */
	if (hl_channel_kind(c->channel) == HL_CHANNEL_SETUP && hsm_setup_expired(&p.row, hl_wall_ms(c->hsm->env))) {
		hsm_partition_clear(&p);
		return HL_E_SETUP_EXPIRED;
	}
	fetched.secret = p.secret.secret;
	fetched.secret_generation = p.row.secret_generation;
	hsm_reply(c, &hl_msg_secret_fetched, f->id, &fetched);
	hsm_partition_clear(&p);
	return HL_OK;
}

hl_err hsm_op_logout(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hl_done done;

	(void)body, (void)detail;
	hsm_login_end(c);
	hsm_reply(c, &hl_msg_done, f->id, &done);
	return HL_OK;
}
