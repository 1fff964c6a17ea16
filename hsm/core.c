#include "hsm/core.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "hsm/rooms.h"

/* -- life ---------------------------------------------------------------------------------------- */

static hl_err new_lockout(struct hsm *h)
{
	uint8_t key[HL_LOCK_KEY];
	hl_err err;

	hl_random(h->env, key, sizeof key);
	err = hl_lockout_new(key, &h->lockout);
	OPENSSL_cleanse(key, sizeof key);
	return err;
}

static hl_err start(struct hsm *h)
{
	struct hl_link_conf link = {
		.role = HL_ROLE_HSM,
		.self = h->conf.name,
		.peer = h->conf.directory,
		.address = h->conf.directory_at,
		.secret = h->conf.link_secret,
		.port = HSM_PORT_DIRECTORY,
	};

	HL_TRY(hsm_cluster_join(h));
	HL_TRY(hl_link_ticket_key(h->conf.link_secret, h->ticket_key));
	HL_TRY(hl_channel_ctx_new(&h->ctx));
	HL_TRY(new_lockout(h));
	hl_link_init(&h->directory, h->env, h->ctx, &h->wishes, &link);
	hl_link_start(&h->directory);
	return HL_OK;
}

hl_err hsm_new(const struct hl_env *env, const struct hsm_conf *conf, struct hsm **out)
{
	struct hsm *h = calloc(1, sizeof *h);
	hl_err err;

	if (!h)
		return HL_E_NOMEM;
	h->env = env;
	h->conf = *conf;
	if (h->conf.tokens_max == 0)
		h->conf.tokens_max = HSM_TOKENS_MAX;
	h->epoch.look_us = hl_mono_us(env);
	h->macs = hsm_seal_macs(h->conf.seal);
	err = start(h);
	if (err != HL_OK) {
		hsm_free(h);
		return err;
	}
	*out = h;
	return HL_OK;
}

void hsm_free(struct hsm *h)
{
	struct hsm_conn *c;
	size_t at = 0;

	if (!h)
		return;
	while (h->tasks)
		hsm_task_free(h->tasks);
	while ((c = hl_map_next(&h->ports, &at)) != NULL) {
		hsm_conn_free(c);
		at = 0;
	}
	hsm_admins_clear(h);
	hsm_keys_clear(h);
	hsm_tokens_clear(h);
	hsm_turns_clear(h);
	hsm_log_clear(h);
	hl_map_clear(&h->ports);
	hl_link_clear(&h->directory);
	hl_wishes_clear(&h->wishes);
	hl_channel_ctx_free(h->ctx);
	hl_lockout_free(h->lockout);
	EVP_PKEY_free(h->identity);
	OPENSSL_cleanse(h->ticket_key, sizeof h->ticket_key);
	free(h);
}

void hsm_stop(struct hsm *h)
{
	hsm_log_stop(h);
}

void hsm_identity(const struct hsm *h, uint8_t out[32])
{
	memcpy(out, h->identity_public, 32);
}

bool hsm_ready(const struct hsm *h)
{
	return h->directory.state == HL_LINK_UP;
}

size_t hsm_channels(const struct hsm *h)
{
	return h->channels;
}

/* -- the directory --------------------------------------------------------------------------------- */

static void beat(struct hsm *h)
{
	char address[HL_ADDR_TEXT];
	struct hl_heartbeat say = {
		.role = HL_ROLE_HSM,
		.name = hl_text(h->conf.name),
		.cluster = hl_text(h->conf.cluster),
		.incarnation = hl_bytes(h->conf.shared.ops->incarnation(h->conf.shared.at), HL_INCARNATION),
	};

	hl_addr_text(&h->conf.address, address);
	say.address = hl_text(address);
	if (hl_link_send(&h->directory, &hl_msg_heartbeat, 0, &say) != HL_OK)
		hl_trace_life(h->env, "heartbeat.unsent", HL_E_DIRECTORY, h->conf.directory);
}

static void directory_event(struct hsm *h, const struct hl_event *e)
{
	struct hl_frame f;

	hl_link_event(&h->directory, e);
	while (hl_link_next(&h->directory, &f) == HL_OK) {
		if (f.type == HL_T_heartbeat_answer)
			hl_link_beat_answered(&h->directory);
		else if (f.type == HL_T_partition_make)
			hsm_partition_make(h, &f);
	}
}

/* -- events ---------------------------------------------------------------------------------------- */

static void connections_time(struct hsm *h)
{
	int64_t now = hl_mono_us(h->env);
	struct hsm_conn *c;
	size_t at = 0;

	if (!hl_passed(h->deadline_us, now))
		return;
	h->deadline_us = 0;
	while ((c = hl_map_next(&h->ports, &at)) != NULL) {
		hsm_conn_time(c, now);
		h->deadline_us = hl_sooner(h->deadline_us, c->deadline_us);
	}
}

static void accepted(struct hsm *h, const struct hl_event *e)
{
	hl_err err = e->listener == HSM_LISTEN_ADMIN ? hsm_admin_start(h, e->port) : hsm_conn_start(h, e->port);

	if (err != HL_OK)
		hl_wish_close(&h->wishes, e->port, false);
}

void hsm_event(struct hsm *h, const struct hl_event *e)
{
	struct hsm_conn *c;

	if (e->kind == HL_EV_JOB) {
		e->job->done(e->job);
	} else if (e->kind == HL_EV_ACCEPTED) {
		accepted(h, e);
	} else if (e->kind == HL_EV_TIME) {
		directory_event(h, e);
		connections_time(h);
		hsm_conns_turn(h);
		if (hl_passed(h->epoch.look_us, hl_mono_us(h->env)))
			hsm_conns_rest(h);
		hsm_epoch_time(h);
		hsm_log_time(h);
	} else if (e->port == HSM_PORT_DIRECTORY) {
		directory_event(h, e);
	} else if ((c = hl_map_get(&h->ports, e->port)) != NULL) {
		hsm_conn_event(c, e);
	} else {
		hsm_admin_event(h, e);
	}
	hsm_conns_resume(h);
	if (hl_link_beat_due(&h->directory))
		beat(h);
}

bool hsm_wish(struct hsm *h, struct hl_wish *out)
{
	int64_t at = hl_sooner(hl_sooner(h->epoch.look_us, h->deadline_us), hl_link_deadline(&h->directory));

	at = hl_sooner(hl_sooner(at, h->turn_us), h->log.due_us);
	if (hl_wishes_lost(&h->wishes)) {
		h->env->ops->halt(h->env->at, HL_E_NOMEM);
		return false;
	}
	return hl_wishes_take(&h->wishes, at, out);
}

static void core_event(void *core, const struct hl_event *e)
{
	hsm_event(core, e);
}

static bool core_wish(void *core, struct hl_wish *out)
{
	return hsm_wish(core, out);
}

static struct hl_port *core_port(void *core, uint32_t port)
{
	struct hsm *h = core;
	struct hsm_conn *c = hl_map_get(&h->ports, port);

	if (port == HSM_PORT_DIRECTORY)
		return &h->directory.io;
	return c ? &c->io : hsm_admin_port(h, port);
}

const struct hl_core_ops hsm_core = { core_event, core_wish, core_port };
