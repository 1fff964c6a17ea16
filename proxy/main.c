/* main.c - hsmlet-proxy: one member of the pool. */
#include "lib/os/listen.h"
#include "lib/os/member.h"
#include "proxy/core.h"

static const struct hl_daemon_spec spec = {
	.program = "hsmlet-proxy",
	.role = "proxy",
	.what = "The gateway: authenticates service users with the directory, then moves bytes that it cannot read.",
	.example = { "hsmlet-proxy --config etc/proxy1.cfg",
		"hsmlet-proxy --config etc/proxy1.cfg --ready-fd 3 3>ready" },
};

struct conf {
	struct hl_member_conf member;
	struct hl_config_list listen; /* of const char * */
	const char *address, *directory, *directory_at, *secret;
	int64_t clients_max;
};

static const struct hl_config_row rows[] = {
	HL_MEMBER_ROWS(struct conf),
	HL_CONFIG_TEXTS_ROW(struct conf, listen, 1, 8, "addresses for clients, one a port"),
	HL_CONFIG_TEXT_ROW(struct conf, address, 3, 63, NULL, "where clients dial this proxy"),
	HL_CONFIG_TEXT_ROW(struct conf, directory, 1, 64, NULL, "name of the directory"),
	HL_CONFIG_TEXT_ROW(struct conf, directory_at, 3, 63, NULL, "where it takes links"),
	HL_CONFIG_PATH_ROW(struct conf, secret, true, "key shared with the directory, 32 bytes"),
	HL_CONFIG_INT_ROW(struct conf, clients_max, 1, 100000, 4096, "", "clients at once"),
};
static const struct hl_config_schema schema = HL_CONFIG_SCHEMA(struct conf, rows);

static hl_err start_core(struct hl_member *m, const struct conf *conf, struct hl_secret *key,
	struct proxy **out)
{
	struct proxy_conf core = {
		.name = conf->member.name,
		.directory = conf->directory,
		.clients_max = (unsigned)conf->clients_max,
	};

	HL_TRY(hl_member_address("directory_at", conf->directory_at, &core.directory_at));
	HL_TRY(hl_member_address("address", conf->address, &core.address));
	HL_TRY(hl_member_key(conf->secret, HL_LINK_KEY, key));
	core.link_secret = hl_secret_view(key);
	return proxy_new(&m->env.env, &core, out);
}

static hl_err listen_all(struct hl_member *m, const struct conf *conf, unsigned *port)
{
	const char *const *text = conf->listen.items;

	for (unsigned i = 0; i < conf->listen.count; i++) {
		struct hl_addr at, real;
		int fd;

		HL_TRY(hl_member_address("listen", text[i], &at));
		HL_TRY(hl_member_named(text[i], hl_listen_tcp(&at, &fd, &real)));
		HL_TRY(hl_shell_listen(m->shell, fd, i, 0));
		*port = i == 0 ? real.port : *port;
	}
	return HL_OK;
}

static hl_err serve(struct hl_member *m, const struct conf *conf, struct proxy *core)
{
	unsigned port = 0;

	HL_TRY(hl_member_shell(m, &proxy_core, core));
	HL_TRY(listen_all(m, conf, &port));
	return hl_member_run(m, &conf->member, port);
}

int main(int argc, char **argv)
{
	struct hl_member m = { 0 };
	struct conf conf = { 0 };
	struct hl_secret key = { 0 };
	struct proxy *core = NULL;
	hl_err err = hl_member_begin(&m, &spec, argc, argv, &schema, &conf, &conf.member);

	if (err == HL_OK)
		err = start_core(&m, &conf, &key, &core);
	if (err == HL_OK)
		err = serve(&m, &conf, core);
	hl_member_quiet(&m);
	proxy_free(core);
	hl_secret_clear(&key);
	return hl_member_end(&m, err);
}
