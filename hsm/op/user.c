/* user.c - the partition's user: the secret of the channel, the end of a login. */
#include "hsm/rooms.h"

/* The channel may have been opened long ago. */
static bool is_expired(struct hsm_conn *c, const struct hsm_partition *p)
{
	return hl_channel_kind(c->channel) == HL_CHANNEL_SETUP && hsm_setup_expired(&p->row, hl_wall_ms(c->hsm->env));
}

/* The commit may have taken its time. */
static hl_err send_secret(struct hsm_conn *c, uint32_t id)
{
	struct hl_secret_fetched fetched;
	struct hsm_partition p;
	bool expired;

	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	expired = is_expired(c, &p);
	fetched.secret = p.secret.secret;
	fetched.secret_generation = p.row.secret_generation;
	if (!expired)
		hsm_reply(c, &hl_msg_secret_fetched, id, &fetched);
	hsm_partition_clear(&p);
	return expired ? HL_E_SETUP_EXPIRED : HL_OK;
}

static void noted(struct hsm_task *t)
{
	struct hsm_conn *c = t->conn;
	hl_err err = t->change.commit.result;

	if (c && !c->closing) {
		if (err == HL_OK)
			err = send_secret(c, t->id);
		if (err != HL_OK)
			hsm_task_refuse(t, err, NULL, 0);
	}
	hsm_task_free(t);
}

static hl_err check_expiry(struct hsm_conn *c)
{
	struct hsm_partition p;
	bool expired;

	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	expired = is_expired(c, &p);
	hsm_partition_clear(&p);
	return expired ? HL_E_SETUP_EXPIRED : HL_OK;
}

/* Nobody has the secret of a partition without a line about it: the line is on the disk first. */
hl_err hsm_op_secret_fetch(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hsm_task *t;
	hl_err err;

	(void)body, (void)detail;
	HL_TRY(check_expiry(c));
	t = hsm_task_new(c->hsm, c, f, sizeof *t);
	if (!t)
		return HL_E_NOMEM;
	err = hsm_log_deed(&t->change, c, "Retrieved permanent login credentials");
	if (err != HL_OK) {
		hsm_task_free(t);
		return err;
	}
	hsm_task_commit(t, noted);
	return HL_E_DEFER;
}

hl_err hsm_op_logout(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hl_done done;

	(void)body, (void)detail;
	if (hsm_login_is(c))
		hsm_log_did(c, "Logged out");
	hsm_login_end(c);
	hsm_reply(c, &hl_msg_done, f->id, &done);
	return HL_OK;
}
