/* main.c - hsmlet-hsm: one member of a cluster. */
#include "hsm/core.h"
#include "hsm/device_store.h"
#include "lib/os/listen.h"
#include "lib/os/log.h"
#include "lib/os/member.h"

static const struct hl_daemon_spec spec = {
	.program = "hsmlet-hsm",
	.role = "hsm",
	.what = "An HSM of a cluster: partitions, users and keys behind an end-to-end encrypted channel.",
	.example = { "hsmlet-hsm --config etc/hsm1.cfg", "hsmlet-hsm --config etc/hsm1.cfg --ready-fd 3 3>ready" },
};

struct conf {
	struct hl_member_conf member;
	const char *cluster, *listen, *address, *directory, *directory_at, *secret, *store, *device_key, *page, *admin;
	int64_t connections_max;
};

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
	HL_CONFIG_PATH_ROW(struct conf, page, true, "the cluster's shared page"),
	HL_CONFIG_PATH_ROW(struct conf, admin, false, "socket of the front command; none: no such socket"),
	HL_CONFIG_INT_ROW(struct conf, connections_max, 1, 100000, 4096, "", "connections at once"),
};
static const struct hl_config_schema schema = HL_CONFIG_SCHEMA(struct conf, rows);

/* What the core stands on; freed after it. */
struct ground {
	struct hl_secret link_key, device_key;
	struct hsm_sqlite *store;
	struct hsm_seal *seal;
	struct hsm_shared_file *shared;
};

static hl_err named(const char *path, hl_err err)
{
	return hl_member_named(path, err);
}

static hl_err is_new(const struct hsm_store *store, bool *out)
{
	struct hl_buf memory = hl_buf(HL_BUF_MAX);
	struct hsm_row row;
	hl_err err = store->ops->get(store->at, HSM_CLUSTER, 0, 1, &memory, &row);

	hl_buf_clear(&memory);
	*out = err == HL_E_NOT_FOUND;
	return *out ? HL_OK : err;
}

static hl_err lay_ground(const struct hl_env *env, const struct conf *conf, struct ground *g)
{
	struct hsm_store store;
	bool fresh;

	HL_TRY(hl_member_key(conf->secret, HL_LINK_KEY, &g->link_key));
	HL_TRY(named(conf->store, hsm_sqlite_open(conf->store, &g->store)));
	store = hsm_sqlite_store(g->store);
	HL_TRY(named(conf->store, is_new(&store, &fresh)));
	HL_TRY(named(conf->device_key, hsm_device_key_load(conf->device_key, fresh, &g->device_key)));
	HL_TRY(hsm_seal_new(env, hl_secret_view(&g->device_key), &g->seal));
	HL_TRY(named(conf->device_key, hsm_seal_fits(g->seal, &store)));
	return named(conf->page, hsm_shared_open(conf->page, env, &g->shared));
}

static void clear_ground(struct ground *g)
{
	hsm_seal_free(g->seal);
	hsm_sqlite_close(g->store);
	hsm_shared_close(g->shared);
	hl_secret_clear(&g->link_key);
	hl_secret_clear(&g->device_key);
}

static hl_err start_core(struct hl_member *m, const struct conf *conf, struct ground *g, struct hsm **out)
{
	struct hsm_conf core = {
		.name = conf->member.name,
		.cluster = conf->cluster,
		.version = "hsmlet " VERSION " (simulator)",
		.directory = conf->directory,
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
	return named(conf->store, hsm_new(&m->env.env, &core, out));
}

static hl_err listen_admin(struct hl_member *m, const struct conf *conf)
{
	int fd;

	if (!conf->admin)
		return HL_OK;
	HL_TRY(named(conf->admin, hl_listen_unix(conf->admin, &fd)));
	return hl_shell_listen(m->shell, fd, HSM_LISTEN_ADMIN, HL_LISTEN_SAME_USER);
}

static hl_err serve(struct hl_member *m, const struct conf *conf, struct hsm *core)
{
	struct hl_addr at, real;
	int fd;

	HL_TRY(hl_member_shell(m, &hsm_core, core));
	HL_TRY(hl_member_address("listen", conf->listen, &at));
	HL_TRY(named(conf->listen, hl_listen_tcp(&at, &fd, &real)));
	HL_TRY(hl_shell_listen(m->shell, fd, HSM_LISTEN_PROXIES, 0));
	HL_TRY(listen_admin(m, conf));
	return hl_member_run(m, &conf->member, real.port);
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
	if (err == HL_OK)
		err = serve(&m, &conf, core);
	hl_member_quiet(&m);
	hsm_free(core);
	clear_ground(&ground);
	return hl_member_end(&m, err);
}
