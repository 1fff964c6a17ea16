#include "proxy/core.h"

#include <stdlib.h>

#include "proxy/gateway.h"

hl_err proxy_new(const struct hl_env *env, const struct proxy_conf *conf, struct proxy **out)
{
	struct proxy *p = calloc(1, sizeof *p);
	struct hl_link_conf link = {
		.role = HL_ROLE_PROXY,
		.self = conf->name,
		.peer = conf->directory,
		.address = conf->directory_at,
		.secret = conf->link_secret,
		.port = PROXY_PORT_DIRECTORY,
	};
	hl_err err;

	if (!p)
		return HL_E_NOMEM;
	p->env = env;
	p->conf = *conf;
	p->next_port = 2;
	err = hl_channel_ctx_new(&p->ctx);
	if (err != HL_OK) {
		free(p);
		return err;
	}
	hl_link_init(&p->directory, env, p->ctx, &p->wishes, &link);
	hl_link_start(&p->directory);
	*out = p;
	return HL_OK;
}

void proxy_free(struct proxy *p)
{
	struct proxy_conn *c;
	size_t at = 0;

	if (!p)
		return;
	/* A conversation stands in the map once for each of its ports. */
	while ((c = hl_map_next(&p->ports, &at)) != NULL) {
		proxy_conn_free(c);
		at = 0;
	}
	hl_map_clear(&p->ports);
	hl_map_clear(&p->queries);
	hl_link_clear(&p->directory);
	hl_wishes_clear(&p->wishes);
	hl_channel_ctx_free(p->ctx);
	free(p);
}

size_t proxy_clients(const struct proxy *p)
{
	return p->clients;
}

bool proxy_ready(const struct proxy *p)
{
	return p->informed && p->directory.state == HL_LINK_UP;
}

static void beat(struct proxy *p)
{
	char address[HL_ADDR_TEXT];
	struct hl_heartbeat beat = {
		.role = HL_ROLE_PROXY,
		.name = hl_text(p->conf.name),
	};

	hl_addr_text(&p->conf.address, address);
	beat.address = hl_text(address);
	/* A link that broke meanwhile says so by its ENDED. */
	if (hl_link_send(&p->directory, &hl_msg_heartbeat, 0, &beat) != HL_OK)
		hl_trace_life(p->env, "heartbeat.unsent", HL_E_DIRECTORY, p->conf.directory);
}

static void learn(struct proxy *p, const struct hl_frame *f)
{
	struct hl_heartbeat_answer a;

	if (hl_msg_get(&hl_msg_heartbeat_answer, f, &a) != HL_OK ||
		hl_bytes_str(a.realm, p->realm, sizeof p->realm) != HL_OK)
		return;
	hl_link_beat_answered(&p->directory);
	memcpy(p->epoch, a.epoch.p, HL_NONCE_EPOCH);
	p->iterations = a.iterations;
	if (!p->informed)
		hl_trace_life(p->env, "ready", HL_OK, p->conf.name);
	p->informed = true;
}

static void directory_frames(struct proxy *p)
{
	struct hl_frame f;

	while (hl_link_next(&p->directory, &f) == HL_OK) {
		struct proxy_conn *c;

		if (f.type == HL_T_heartbeat_answer) {
			learn(p, &f);
			continue;
		}
		/* An answer that nobody waits for came too late: the conversation stays refused. */
		c = hl_map_take(&p->queries, f.id);
		if (c)
			proxy_conn_answered(c, &f);
	}
}

static void directory_event(struct proxy *p, const struct hl_event *e)
{
	struct proxy_conn *c;
	size_t at = 0;

	hl_link_event(&p->directory, e);
	directory_frames(p);
	if (p->directory.state == HL_LINK_UP)
		return;
	while ((c = hl_map_next(&p->queries, &at)) != NULL) {
		hl_map_take(&p->queries, c->query);
		proxy_conn_abandoned(c);
		at = 0;
	}
}

static void clients_time(struct proxy *p)
{
	int64_t now = hl_mono_us(p->env);
	struct proxy_conn *c;
	size_t at = 0;

	if (!hl_passed(p->deadline_us, now))
		return;
	p->deadline_us = 0;
	while ((c = hl_map_next(&p->ports, &at)) != NULL) {
		if (hl_passed(c->deadline_us, now)) {
			proxy_conn_time(c, now); /* may change the map: start again */
			at = 0;
			p->deadline_us = 0;
		} else {
			p->deadline_us = hl_sooner(p->deadline_us, c->deadline_us);
		}
	}
}

void proxy_event(struct proxy *p, const struct hl_event *e)
{
	struct proxy_conn *c = hl_map_get(&p->ports, e->port);

	if (e->kind == HL_EV_ACCEPTED) {
		if (proxy_conn_start(p, e->port, &e->peer) != HL_OK)
			hl_wish_close(&p->wishes, e->port, false);
	} else if (e->kind == HL_EV_TIME) {
		directory_event(p, e);
		clients_time(p);
	} else if (e->port == PROXY_PORT_DIRECTORY) {
		directory_event(p, e);
	} else if (c) {
		proxy_conn_event(c, e);
	}
	if (hl_link_beat_due(&p->directory))
		beat(p);
}

bool proxy_wish(struct proxy *p, struct hl_wish *out)
{
	if (hl_wishes_lost(&p->wishes)) {
		p->env->ops->halt(p->env->at, HL_E_NOMEM);
		return false;
	}
	return hl_wishes_take(&p->wishes, hl_sooner(p->deadline_us, hl_link_deadline(&p->directory)), out);
}

static struct hl_port *port(struct proxy *p, uint32_t number)
{
	struct proxy_conn *c;

	if (number == PROXY_PORT_DIRECTORY)
		return &p->directory.io;
	c = hl_map_get(&p->ports, number);
	if (!c)
		return NULL;
	return &c->side[number == c->side[PROXY_HSM].port ? PROXY_HSM : PROXY_CLIENT].io;
}

static void core_event(void *core, const struct hl_event *e)
{
	proxy_event(core, e);
}

static bool core_wish(void *core, struct hl_wish *out)
{
	return proxy_wish(core, out);
}

static struct hl_port *core_port(void *core, uint32_t number)
{
	return port(core, number);
}

const struct hl_core_ops proxy_core = { core_event, core_wish, core_port };
