#include "scenarios/world.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "lib/auth/setup.h"

#define START_LIMIT_US 10000000
#define OPEN_LIMIT_US 60000000
#define CALL_LIMIT_US 60000000

static struct hl_addr address(uint8_t last, uint16_t port)
{
	return (struct hl_addr){ .family = HL_INET, .ip = { 127, 16, 0, last }, .port = port };
}

/* -- the front command's end of the admin socket ---------------------------------------------------------- */

struct world_admin {
	struct hl_wishes wishes;
	struct hl_port io;
	bool open, over, answered;
	hl_err refused;
};

static void admin_event(void *at, const struct hl_event *e)
{
	struct world_admin *a = at;
	struct hl_refused no;
	struct hl_frame f;

	if (e->kind == HL_EV_OPENED && e->err == HL_OK) {
		a->open = true;
		hl_wish_send(&a->wishes, e->port);
	}
	if (e->kind == HL_EV_ENDED || (e->kind == HL_EV_OPENED && e->err != HL_OK))
		a->over = true;
	if (e->kind != HL_EV_BYTES || hl_frame_peek(hl_buf_view(&a->io.in), HL_FRAME_MAX, &f) != HL_OK)
		return;
	a->answered = true;
	a->refused = f.type == HL_T_provisioned ? HL_OK : HL_E_TYPE;
	if (f.type == HL_T_refused && hl_msg_get(&hl_msg_refused, &f, &no) == HL_OK)
		a->refused = hl_err_of_wire(no.code);
	hl_wish_close(&a->wishes, e->port, false);
}

static bool admin_wish(void *at, struct hl_wish *out)
{
	return hl_wishes_take(&((struct world_admin *)at)->wishes, 0, out);
}

static struct hl_port *admin_port(void *at, uint32_t port)
{
	(void)port;
	return &((struct world_admin *)at)->io;
}

static const struct hl_core_ops admin_ops = { admin_event, admin_wish, admin_port };

/* -- the mailbox: files stay in memory ---------------------------------------------------------------------- */

static void keep_files(struct hl_job *j)
{
	struct dir_delivery *d = (struct dir_delivery *)j;
	struct world *w = d->mailbox;

	for (size_t i = 0; i < 2 && !d->withdraw; i++) {
		snprintf(w->texts[i], sizeof w->texts[i], "%.*s", (int)d->file[i].text.n,
			(const char *)hl_buf_view(&d->file[i].text).p);
		memcpy(d->file[i].path, d->file[i].name, sizeof d->file[i].name);
	}
	d->result = HL_OK;
}

static void prepare_delivery(void *at, struct dir_delivery *d)
{
	d->mailbox = at;
	d->job.run = keep_files;
	d->job.lane = HL_LANE_STORE;
}

/* -- members ------------------------------------------------------------------------------------------------- */

static hl_err start_directory(struct world *w)
{
	struct dir_conf conf = {
		.name = "directory1",
		.realm = "hsmlet",
		.cluster = "cluster1",
		.peer = w->peer,
		.peers = w->proxies + w->hsms,
		.mailbox = { prepare_delivery, w },
		.grant_valid_ms = 30000,
	};
	struct dir_member member[WORLD_HSMS];
	struct hl_addr links = address(21, 2500), admin = address(22, 1);

	for (size_t i = 0; i < w->hsms; i++) {
		member[i] = (struct dir_member){ .address = address((uint8_t)(31 + i), 2400) };
		memcpy(member[i].name, w->hsm[i].name, sizeof w->hsm[i].name);
	}
	HL_TRY(dir_memory_new(&w->dir_store));
	HL_TRY(dir_memory_set_cluster(w->dir_store, "cluster1", member, w->hsms));
	conf.store = dir_memory_store(w->dir_store);
	sim_enter(w->directory.node);
	HL_TRY(dir_new(sim_env(w->directory.node), &conf, &w->directory.core));
	sim_core(w->directory.node, &dir_core, w->directory.core);
	HL_TRY(sim_listen(w->directory.node, &links, DIR_LISTEN_LINKS));
	return sim_listen(w->directory.node, &admin, DIR_LISTEN_ADMIN);
}

static bool is_held(const struct world *w)
{
	return w->master && sim_alive(w->hsm[w->master->hsm].node);
}

static hl_err take_lock(const void *at)
{
	const struct world_seat *seat = at;

	if (is_held(seat->world))
		return HL_E_BUSY;
	seat->world->master = seat;
	return HL_OK;
}

static hl_err look_at_lock(const void *at)
{
	return is_held(((const struct world_seat *)at)->world) ? HL_OK : HL_E_MASTER;
}

static const struct hsm_master_ops master_ops = { take_lock, look_at_lock };

static hl_err start_hsm(struct world *w, size_t i)
{
	struct hsm_conf conf = {
		.name = w->hsm[i].name,
		.cluster = "cluster1",
		.version = "sim",
		.directory = "directory1",
		.directory_at = address(21, 2500),
		.link_secret = hl_bytes(w->link_key[w->proxies + i], 32),
		.address = address((uint8_t)(31 + i), 2400),
		.store = sim_memstore_store(w->hsm_store),
		.shared = hsm_page_shared(w->page),
		.seal = w->seal,
		.master = { &master_ops, &w->hsm[i].seat },
		.master_required = !w->master_any,
		.connections_max = 64,
	};

	w->hsm[i].seat = (struct world_seat){ w, i };
	sim_enter(w->hsm[i].node);
	HL_TRY(hsm_new(sim_env(w->hsm[i].node), &conf, &w->hsm[i].core));
	sim_core(w->hsm[i].node, &hsm_core, w->hsm[i].core);
	return HL_OK;
}

static hl_err listen_hsm(struct world *w, size_t i)
{
	struct hl_addr at = address((uint8_t)(31 + i), 2400);

	return sim_listen(w->hsm[i].node, &at, 0);
}

static hl_err start_proxy(struct world *w, size_t i)
{
	struct proxy_conf conf = {
		.name = w->proxy[i].name,
		.directory = "directory1",
		.directory_at = address(21, 2500),
		.link_secret = hl_bytes(w->link_key[i], 32),
		.address = address((uint8_t)(11 + i), 2310),
		.clients_max = 64,
	};

	sim_enter(w->proxy[i].node);
	HL_TRY(proxy_new(sim_env(w->proxy[i].node), &conf, &w->proxy[i].core));
	sim_core(w->proxy[i].node, &proxy_core, w->proxy[i].core);
	return sim_listen(w->proxy[i].node, &conf.address, 0);
}

static hl_err make_nodes(struct world *w)
{
	w->directory.node = sim_node(w->sim, "directory1");
	w->admin = sim_node(w->sim, "admin");
	for (size_t i = 0; i < w->proxies; i++) {
		snprintf(w->proxy[i].name, sizeof w->proxy[i].name, "proxy%zu", i + 1);
		w->proxy[i].node = sim_node(w->sim, w->proxy[i].name);
	}
	for (size_t i = 0; i < w->hsms; i++) {
		snprintf(w->hsm[i].name, sizeof w->hsm[i].name, "hsm%zu", i + 1);
		w->hsm[i].node = sim_node(w->sim, w->hsm[i].name);
	}
	for (size_t i = 0; i < w->proxies + w->hsms; i++) {
		bool proxy = i < w->proxies;
		struct dir_peer *p = &w->peer[i];

		hl_random(sim_env(w->admin), w->link_key[i], 32);
		p->role = proxy ? HL_ROLE_PROXY : HL_ROLE_HSM;
		memcpy(p->name, proxy ? w->proxy[i].name : w->hsm[i - w->proxies].name, sizeof w->hsm[0].name);
		HL_TRY(hl_secret_set(&p->secret, hl_bytes(w->link_key[i], 32)));
	}
	return HL_OK;
}

static hl_err make_cluster(struct world *w)
{
	uint8_t device_key[HSM_DEVICE_KEY];

	sim_enter(w->admin);
	hl_random(sim_env(w->admin), device_key, sizeof device_key);
	HL_TRY(sim_memstore_new(&w->hsm_store));
	HL_TRY(hsm_seal_new(sim_env(w->admin), hl_bytes(device_key, sizeof device_key), &w->seal));
	w->page = calloc(1, sizeof *w->page);
	if (!w->page)
		return HL_E_NOMEM;
	hsm_page_begin(w->page, sim_env(w->admin));
	return HL_OK;
}

static bool all_up(void *at)
{
	struct world *w = at;

	if (dir_members_up(w->directory.core, HL_ROLE_PROXY) != w->proxies ||
		dir_members_up(w->directory.core, HL_ROLE_HSM) != w->hsms)
		return false;
	for (size_t i = 0; i < w->proxies; i++)
		if (!proxy_ready(w->proxy[i].core))
			return false;
	return true;
}

static hl_err provision(struct world *w, struct hl_provision request);

static struct hl_provision acme(const struct world_options *o)
{
	struct hl_provision first = {
		.tenant = hl_text("acme"),
		.service_user = hl_text("acmeservice"),
		.partition = hl_text("ACMEPARTONE"),
		.pkcs11 = !o->blank,
		.profile = o->lab,
		.label = hl_text(o->lab ? "test" : ""),
	};

	if (o->dev) {
		first.service_password = hl_text("acme-service-password-0001");
		first.setup_password = hl_text("ACME0-SETUP-PASSW-ORD00-00001");
		first.pin = hl_text(o->blank ? "" : "12345678");
	}
	return first;
}

static hl_err start(struct world *w, const struct world_options *o)
{
	struct hl_addr pool[WORLD_PROXIES];

	HL_TRY(make_nodes(w));
	HL_TRY(make_cluster(w));
	HL_TRY(start_directory(w));
	for (size_t i = 0; i < w->hsms; i++) {
		HL_TRY(start_hsm(w, i));
		HL_TRY(listen_hsm(w, i));
	}
	for (size_t i = 0; i < w->proxies; i++) {
		HL_TRY(start_proxy(w, i));
		pool[i] = address((uint8_t)(11 + i), 2310);
	}
	HL_TRY(sim_name(w->sim, WORLD_POOL, pool, w->proxies));
	if (!sim_run(w->sim, all_up, w, START_LIMIT_US))
		return HL_E_TIMEOUT;
	return provision(w, acme(o));
}

hl_err world_new(uint64_t seed, size_t proxies, size_t hsms, struct world **out)
{
	return world_new_as(&(struct world_options){ .seed = seed, .proxies = proxies, .hsms = hsms }, out);
}

hl_err world_new_as(const struct world_options *options, struct world **out)
{
	struct world *w;
	hl_err err;

	if (options->proxies > WORLD_PROXIES || options->hsms > WORLD_HSMS)
		return HL_E_ARG;
	w = calloc(1, sizeof *w);
	if (!w)
		return HL_E_NOMEM;
	w->proxies = options->proxies;
	w->hsms = options->hsms;
	w->master_any = options->master_any;
	err = sim_new(options->seed, &w->sim);
	if (err == HL_OK)
		err = start(w, options);
	if (err != HL_OK) {
		world_free(w);
		return err;
	}
	*out = w;
	return HL_OK;
}

void world_kill_hsm(struct world *w, size_t i)
{
	sim_kill(w->hsm[i].node);
	hsm_free(w->hsm[i].core); /* its jobs were run when they were submitted */
	w->hsm[i].core = NULL;
}

static bool has_link(void *at)
{
	return hsm_ready(at);
}

hl_err world_restart_hsm(struct world *w, size_t i)
{
	HL_TRY(start_hsm(w, i));
	return sim_run(w->sim, has_link, w->hsm[i].core, START_LIMIT_US) ? HL_OK : HL_E_TIMEOUT;
}

void world_client_free(struct world_client *c)
{
	sim_kill(c->node);
	client_free(c->core);
	hl_secret_clear(&c->password);
	hl_secret_clear(&c->secret);
	c->core = NULL;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->clients; i++)
		if (w->client[i].node)
			world_client_free(&w->client[i]);
	for (size_t i = 0; i < w->proxies; i++)
		proxy_free(w->proxy[i].core);
	for (size_t i = 0; i < w->hsms; i++)
		hsm_free(w->hsm[i].core);
	dir_free(w->directory.core);
	for (size_t i = 0; i < w->proxies + w->hsms; i++)
		hl_secret_clear(&w->peer[i].secret);
	sim_free(w->sim);
	dir_memory_free(w->dir_store);
	sim_memstore_free(w->hsm_store);
	hsm_seal_free(w->seal);
	hl_credential_clear(&w->service);
	hl_credential_clear(&w->user);
	free(w->page);
	OPENSSL_cleanse(w, sizeof *w);
	free(w);
}

/* -- provisioning -------------------------------------------------------------------------------------------- */

static bool admin_done(void *at)
{
	return ((struct world_admin *)at)->over;
}

static hl_err read_text(const char *text, struct hl_credential *out)
{
	struct hl_credential two[2] = { 0 };
	const char *why;
	unsigned line;
	size_t n = 0;

	HL_TRY(hl_credential_read(hl_text(text), two, &n, &line, &why));
	hl_credential_clear(out);
	*out = two[0];
	return n == 1 ? HL_OK : HL_E_CRED_FILE;
}

static hl_err provision(struct world *w, struct hl_provision request)
{
	struct world_admin a = { .io = { hl_buf(HL_FRAME_MAX), hl_buf(HL_FRAME_MAX) } };
	struct hl_addr at = address(22, 1);
	hl_err err;

	request.package = hl_text("SBX");
	hl_msg_put(&a.io.out, &hl_msg_provision, 1, &request);
	hl_wish_dial(&a.wishes, HL_PORT_DIALLED | 1, &at, 0);
	sim_core(w->admin, &admin_ops, &a);
	err = sim_run(w->sim, admin_done, &a, START_LIMIT_US) ? a.refused : HL_E_TIMEOUT;
	if (err == HL_OK && !a.answered)
		err = HL_E_CLOSED;
	sim_kill(w->admin);
	hl_buf_clear(&a.io.in);
	hl_buf_clear(&a.io.out);
	hl_wishes_clear(&a.wishes);
	HL_TRY(err);
	HL_TRY(read_text(w->texts[0], &w->service));
	return read_text(w->texts[1], &w->user);
}

hl_err world_provision(struct world *w, const char *tenant, const char *service_user,
	const char *partition, const char *allowed)
{
	struct hl_allowed range = { .range = hl_text(allowed) };
	struct hl_provision request = {
		.tenant = hl_text(tenant),
		.service_user = hl_text(service_user),
		.partition = hl_text(partition),
		.pkcs11 = 1,
		.allowed = { .items = &range, .count = allowed ? 1 : 0 },
	};

	return provision(w, request);
}

/* -- clients -------------------------------------------------------------------------------------------------- */

static hl_err copy_conf(struct world_client *c, const struct client_conf_link *conf)
{
	c->conf = *conf;
	HL_TRY(hl_bytes_str(hl_text(conf->partition), c->partition, sizeof c->partition));
	HL_TRY(hl_bytes_str(hl_text(conf->service_user), c->service_user, sizeof c->service_user));
	HL_TRY(hl_secret_set(&c->password, conf->service_password));
	HL_TRY(hl_secret_set(&c->secret, conf->secret));
	if (conf->identity)
		memcpy(c->identity, conf->identity, sizeof c->identity);
	c->conf.partition = c->partition;
	c->conf.service_user = c->service_user;
	c->conf.service_password = hl_secret_view(&c->password);
	c->conf.secret = hl_secret_view(&c->secret);
	c->conf.identity = conf->identity ? c->identity : NULL;
	return HL_OK;
}

hl_err world_client(struct world *w, const struct client_conf_link *conf, struct world_client **out)
{
	struct world_client *c = &w->client[w->clients];
	char name[24];

	if (w->clients == WORLD_CLIENTS)
		return HL_E_FULL;
	snprintf(name, sizeof name, "client%zu", ++w->clients);
	c->world = w;
	c->node = sim_node(w->sim, name);
	if (!c->node)
		return HL_E_FULL;
	HL_TRY(copy_conf(c, conf));
	sim_enter(c->node);
	HL_TRY(client_new(sim_env(c->node), &c->conf, &c->core));
	sim_core(c->node, &client_core, c->core);
	*out = c;
	return HL_OK;
}

static struct client_conf_link base(struct world *w)
{
	return (struct client_conf_link){
		.host = WORLD_POOL,
		.port = 2310,
		.partition = w->user.partition,
		.client_id = "sim",
		.service_user = w->service.service_user,
		.realm = "hsmlet",
		.service_password = hl_secret_view(&w->service.service_password),
	};
}

hl_err world_setup_client(struct world *w, struct world_client **out)
{
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };
	struct client_conf_link conf = base(w);

	HL_TRY(hl_secret_make(&key, HL_SETUP_KEY));
	HL_TRY(hl_setup_key(hl_secret_view(&w->user.setup_password), hl_text(w->user.partition), key.p));
	conf.kind = HL_CHANNEL_SETUP;
	conf.secret = hl_secret_view(&key);
	return world_client(w, &conf, out);
}

hl_err world_user_client(struct world *w, struct world_client **out)
{
	struct client_conf_link conf = base(w);
	struct hl_secret_fetched fetched;
	struct hl_secret_fetch fetch = { 0 };
	struct world_client *setup;
	struct client_call call;
	hl_err err;

	HL_TRY(world_setup_client(w, &setup));
	err = world_call(setup, &hl_msg_secret_fetch, &fetch, &hl_msg_secret_fetched, &fetched, &call);
	if (err == HL_OK) {
		conf.kind = HL_CHANNEL_USER;
		conf.generation = fetched.secret_generation;
		conf.secret = fetched.secret;
		conf.identity = client_identity(setup->core);
		err = world_client(w, &conf, out);
	}
	hl_buf_clear(&call.frame);
	world_client_free(setup);
	return err;
}

static bool opened_or_failed(void *at)
{
	struct world_client *c = at;

	return client_is_open(c->core) || client_failed(c->core);
}

hl_err world_open(struct world_client *c)
{
	sim_enter(c->node);
	client_open(c->core);
	sim_pump(c->node);
	if (!sim_run(c->world->sim, opened_or_failed, c, OPEN_LIMIT_US))
		return HL_E_TIMEOUT;
	return client_is_open(c->core) ? HL_OK : client_failed(c->core)->err;
}

static bool call_done(void *at)
{
	return ((struct client_call *)at)->done;
}

hl_err world_call(struct world_client *c, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call)
{
	*call = (struct client_call){
		.msg = msg,
		.body = body,
		.expect = expect,
		.deadline_us = hl_mono_us(sim_env(c->node)) + CALL_LIMIT_US / 2,
	};
	sim_enter(c->node);
	client_submit(c->core, call);
	sim_pump(c->node);
	if (!sim_run(c->world->sim, call_done, call, CALL_LIMIT_US)) {
		client_cancel(c->core, call);
		return HL_E_TIMEOUT;
	}
	HL_TRY(call->err);
	return hl_msg_get(expect, &call->reply, reply);
}
