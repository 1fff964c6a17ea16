/* main.c - hsmlet-hsm: one member of a cluster. */
#include <stdio.h>

#include "hsm/core.h"
#include "hsm/device_store.h"
#include "hsm/private_store.h"
#include "lib/os/listen.h"
#include "lib/os/workers.h"

static const struct hl_daemon_spec spec = {
	.program = "hsmlet-hsm",
	.role = "hsm",
	.what = "An HSM of a cluster: partitions, users and keys behind an end-to-end encrypted channel.",
	.example = { "hsmlet-hsm --config etc/hsm1.cfg", "hsmlet-hsm --config etc/hsm1.cfg --ready-fd 3 3>ready" },
};

struct conf {
	struct hl_member_conf member;
	const char *cluster, *listen, *address, *directory, *directory_at, *secret;
	const char *store, *device_key, *guard, *page, *master_lock, *admin;
	int master;
	int64_t connections_max, workers;
};

enum { MASTER_REQUIRED, MASTER_ANY };
static const char *const master_words[] = { [MASTER_REQUIRED] = "required", [MASTER_ANY] = "any", NULL };

static const struct hl_config_row rows[] = {
	HL_MEMBER_ROWS(struct conf),
	HL_CONFIG_TEXT_ROW(struct conf, cluster, 1, 64, NULL, "name of the cluster"),
	HL_CONFIG_TEXT_ROW(struct conf, listen, 3, 63, NULL, "address for proxies"),
	HL_CONFIG_OPT_TEXT_ROW(struct conf, address, 3, 63, "where proxies dial this HSM; none: where it listens"),
	HL_CONFIG_TEXT_ROW(struct conf, directory, 1, 64, NULL, "name of the directory"),
	HL_CONFIG_TEXT_ROW(struct conf, directory_at, 3, 63, NULL, "where it takes links"),
	HL_CONFIG_PATH_ROW(struct conf, secret, true, "key shared with the directory, 32 bytes"),
	HL_CONFIG_PATH_ROW(struct conf, store, true, "the cluster's store"),
	HL_CONFIG_PATH_ROW(struct conf, device_key, true, "the cluster's device key"),
	HL_CONFIG_PATH_ROW(struct conf, guard, true, "how far the cluster's store has come"),
	HL_CONFIG_PATH_ROW(struct conf, page, true, "the cluster's shared page"),
	HL_CONFIG_PATH_ROW(struct conf, master_lock, true, "file that the cluster's master locks"),
	HL_CONFIG_WORD_ROW(struct conf, master, master_words, MASTER_REQUIRED, "whether new keys need a master that lives"),
	HL_CONFIG_PATH_ROW(struct conf, admin, false, "socket of the front command; none: no such socket"),
	HL_CONFIG_INT_ROW(struct conf, connections_max, 1, 100000, 4096, "", "connections at once, at each worker"),
	HL_CONFIG_INT_ROW(struct conf, workers, 1, 64, 1, "", "processes that share the work"),
};
static const struct hl_config_schema schema = HL_CONFIG_SCHEMA(struct conf, rows);

/* What the core stands on; freed after it. */
struct ground {
	struct hl_secret link_key, device_key;
	struct hsm_sqlite *store;
	struct hsm_seal *seal;
	struct hsm_shared_file *shared;
};

/* A store that was used has left a device key and a guard: without it they are refused, not begun anew. They are
 * looked for before the store, because a member that is making all three makes the store first. */
static hl_err open_store(const struct hl_env *env, const struct conf *conf, struct ground *g)
{
	bool used = hsm_private_exists(conf->device_key) || hsm_private_exists(conf->guard), fresh;

	HL_TRY(hl_member_named(conf->store, hsm_sqlite_open(conf->store, !used, &g->store)));
	HL_TRY(hl_member_named(conf->store, hsm_sqlite_is_new(g->store, &fresh)));
	HL_TRY(hl_member_named(conf->device_key, hsm_device_key_load(conf->device_key, fresh, &g->device_key)));
	return hsm_seal_new(env, hl_secret_view(&g->device_key), &g->seal);
}

/* Whose fault is it? */
static const char *file_of(const struct conf *conf, hl_err err)
{
	switch (err) {
	case HL_E_STORE_KEY:
		return conf->device_key;
	case HL_E_STORE_GUARD:
	case HL_E_MODE:
	case HL_E_CREATE:
	case HL_E_IO:
		return conf->guard;
	default:
		return conf->store;
	}
}

static hl_err begin_store(const struct conf *conf, struct ground *g)
{
	const struct hsm_macs macs = hsm_seal_macs(g->seal);
	hl_err err = hsm_sqlite_begin(g->store, &macs, conf->guard);

	return hl_member_named(file_of(conf, err), err);
}

static hl_err lay_ground(const struct hl_env *env, const struct conf *conf, struct ground *g)
{
	HL_TRY(hl_member_key(conf->secret, HL_LINK_KEY, &g->link_key));
	HL_TRY(open_store(env, conf, g));
	HL_TRY(begin_store(conf, g));
	return hl_member_named(conf->page, hsm_shared_open(conf->page, env, &g->shared));
}

/* All but the page, which the parent of workers keeps: while it lives, the cluster does. */
static void clear_secrets(struct ground *g)
{
	hsm_sqlite_close(g->store);
	hsm_seal_free(g->seal);
	hl_secret_clear(&g->link_key);
	hl_secret_clear(&g->device_key);
	g->seal = NULL;
	g->store = NULL;
}

static void clear_ground(struct ground *g)
{
	clear_secrets(g);
	hsm_shared_close(g->shared);
}

static hl_err start_core(struct hl_member *m, const struct conf *conf, struct ground *g, struct hsm **out)
{
	struct hsm_conf core = {
		.name = conf->member.name,
		.cluster = conf->cluster,
		.version = "hsmlet " VERSION " (simulator)",
		.directory = conf->directory,
		.master = hsm_master_file(conf->master_lock),
		.master_required = conf->master == MASTER_REQUIRED,
		.follows = m->daemon.worker > 0,
		.connections_max = (unsigned)conf->connections_max,
	};

	HL_TRY(hl_member_address("directory_at", conf->directory_at, &core.directory_at));
	if (conf->address)
		HL_TRY(hl_member_address("address", conf->address, &core.address));
	else
		HL_TRY(hl_member_address("listen", conf->listen, &core.address));
	HL_TRY(lay_ground(&m->env.env, conf, g));
	core.link_secret = hl_secret_view(&g->link_key);
	core.store = hsm_sqlite_store(g->store);
	core.shared = hsm_shared_file_ops(g->shared);
	core.seal = g->seal;
	return hl_member_named(conf->store, hsm_new(&m->env.env, &core, out));
}

static hl_err listen_admin(struct hl_member *m, const struct conf *conf)
{
	char path[128];
	int fd;

	if (!conf->admin)
		return HL_OK;
	/* Each worker knows its own channels only. */
	snprintf(path, sizeof path, m->daemon.worker ? "%s.%u" : "%s", conf->admin, m->daemon.worker);
	HL_TRY(hl_member_named(path, hl_listen_unix(path, &fd)));
	return hl_shell_listen(m->shell, fd, HSM_LISTEN_ADMIN, HL_LISTEN_SAME_USER);
}

static void on_stop(void *at)
{
	hsm_stop(at);
}

static hl_err serve(struct hl_member *m, const struct conf *conf, struct hsm *core)
{
	unsigned port = 0;

	HL_TRY(hl_member_shell(m, &hsm_core, core));
	HL_TRY(hl_member_listen(m, &conf->listen, 1, &port));
	HL_TRY(listen_admin(m, conf));
	m->daemon.on_stop = on_stop;
	m->daemon.at = core;
	return hl_member_run(m, &conf->member, port);
}

/* The parent of workers has joined the cluster once, by which it may have become its master; what it holds in doing so
 * it holds for all of them. It serves nobody, and keeps neither the store open nor a key. */
static hl_err lead(struct hl_member *m, const struct conf *conf, struct hsm **core, struct ground *g)
{
	hl_member_quiet(m);
	hsm_free(*core);
	*core = NULL;
	clear_secrets(g);
	return hl_workers_run(m, &conf->member, (unsigned)conf->workers, &conf->listen, 1);
}

int main(int argc, char **argv)
{
	struct hl_member m = { 0 };
	struct conf conf = { 0 };
	struct ground ground = { 0 };
	struct hsm *core = NULL;
	hl_err err = hl_member_begin(&m, &spec, argc, argv, &schema, &conf, &conf.member);

	if (err == HL_OK)
		err = start_core(&m, &conf, &ground, &core);
	if (err == HL_OK && conf.workers > 1 && !m.daemon.worker)
		err = lead(&m, &conf, &core, &ground);
	else if (err == HL_OK)
		err = serve(&m, &conf, core);
	hl_member_quiet(&m);
	hsm_free(core);
	clear_ground(&ground);
	return hl_member_end(&m, err);
}
