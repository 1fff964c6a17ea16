/* live_config.c - the files that the daemons of a live world begin with. */
#include <stdio.h>

#include "lib/os/clock.h"
#include "lib/os/env.h"
#include "lib/os/files.h"
#include "tests/support/live_impl.h"

#define LINK_KEY 32

/* Between this member and the directory. */
static void key_path(const struct live *w, const char *member, char out[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof name, "etc/links/%s-directory1.key", member);
	live_path(w, name, out);
}

static bool make_keys(const struct live *w)
{
	struct hl_os_env_config config = { .role = "test", .who = "test" };
	struct hl_os_env env;
	bool ok = hl_os_env_open(&env, &config) == HL_OK;

	for (size_t i = 1; ok && i < w->members; i++) {
		uint8_t key[LINK_KEY];
		char path[PATH_MAX];

		hl_random(&env.env, key, sizeof key);
		key_path(w, w->member[i].name, path);
		ok = hl_file_write(path, 0600, hl_bytes(key, sizeof key)) == HL_OK;
	}
	if (ok)
		hl_os_env_close(&env);
	return ok;
}

bool live_make_files(struct live *w)
{
	static const char *const folder[] = { "etc/links", "run", "log", "trace", "directory", "hsm",
		"credentials", "client" };
	char path[PATH_MAX];

	for (size_t i = 0; i < HL_COUNT(folder); i++) {
		live_path(w, folder[i], path);
		if (hl_folder_make(path, 0700) != HL_OK)
			return live_fail("%s: cannot be made", path);
	}
	live_path(w, "clock", path);
	return (hl_clock_create(path) == HL_OK && make_keys(w)) || live_fail("files cannot be made");
}

static void put_address(struct hl_buf *out, const struct live *w, const char *key, unsigned last,
	uint16_t port)
{
	struct hl_addr a = live_address(w, last, port);
	char text[HL_ADDR_TEXT];

	hl_addr_text(&a, text);
	hl_buf_printf(out, "%s = \"%s\";\n", key, text);
}

/* What every member has. */
static void put_common(struct hl_buf *out, const struct live *w, const char *name)
{
	hl_buf_printf(out, "name = \"%s\";\n", name);
	hl_buf_printf(out, "trace = \"%s/trace/%s.jsonl\";\n", w->folder, name);
	hl_buf_printf(out, "clock_page = \"%s/clock\";\n", w->folder);
	hl_buf_printf(out, "lock = \"%s/run/%s.lock\";\n", w->folder, name);
}

static void put_to_directory(struct hl_buf *out, const struct live *w, const char *name)
{
	char key[PATH_MAX];

	key_path(w, name, key);
	hl_buf_text(out, "directory = \"directory1\";\n");
	put_address(out, w, "directory_at", 21, 2500);
	hl_buf_printf(out, "secret = \"%s\";\n", key);
}

static void put_peer(struct hl_buf *out, const struct live *w, const char *role, unsigned n,
	unsigned last, uint16_t port)
{
	struct hl_addr a = live_address(w, last + n - 1, port);
	char name[32], key[PATH_MAX], text[HL_ADDR_TEXT];

	snprintf(name, sizeof name, "%s%u", role, n);
	key_path(w, name, key);
	hl_addr_text(&a, text);
	hl_buf_printf(out, "\t{ role = \"%s\"; name = \"%s\"; secret = \"%s\"; address = \"%s\"; },\n",
		role, name, key, text);
}

static void directory_config(struct hl_buf *out, const struct live *w)
{
	put_common(out, w, "directory1");
	hl_buf_text(out, "realm = \"hsmlet\";\ncluster = \"cluster1\";\npool = \"" LIVE_POOL "\";\n");
	put_address(out, w, "links", 21, 2500);
	put_address(out, w, "dns", 1, 5300);
	hl_buf_printf(out, "admin = \"%s/run/directory1.sock\";\n", w->folder);
	hl_buf_printf(out, "store = \"%s/directory/directory.db\";\n", w->folder);
	hl_buf_printf(out, "credentials = \"%s/credentials\";\n", w->folder);
	hl_buf_printf(out, "grant_valid_ms = %u;\npeers = (\n", w->options.grant_valid_ms);
	for (unsigned i = 1; i <= w->options.proxies; i++)
		put_peer(out, w, "proxy", i, LIVE_PROXY, LIVE_PORT);
	for (unsigned i = 1; i <= w->options.hsms; i++)
		put_peer(out, w, "hsm", i, LIVE_HSM, LIVE_HSM_PORT);
	/* libconfig allows no comma before the end: take the last one back. */
	hl_buf_cut(out, out->n - 2);
	hl_buf_text(out, "\n);\n");
}

static void proxy_config(struct hl_buf *out, const struct live *w, unsigned n)
{
	static const uint16_t port[] = { 2300, LIVE_PORT, 2320 };
	char name[32], text[HL_ADDR_TEXT];

	snprintf(name, sizeof name, "proxy%u", n);
	put_common(out, w, name);
	put_to_directory(out, w, name);
	if (w->options.proxies_drop)
		hl_buf_text(out, "user = \"" LIVE_NOBODY "\";\n");
	if (w->options.clients > 0)
		hl_buf_printf(out, "clients_max = %u;\n", w->options.clients);
	put_address(out, w, "address", LIVE_PROXY + n - 1, LIVE_PORT);
	hl_buf_text(out, "listen = (");
	for (size_t i = 0; i < HL_COUNT(port); i++) {
		struct hl_addr a = live_address(w, LIVE_PROXY + n - 1, port[i]);

		hl_addr_text(&a, text);
		hl_buf_printf(out, "%s\"%s\"", i ? ", " : "", text);
	}
	hl_buf_printf(out, ");\nworkers = %u;\n", w->options.workers);
}

static void hsm_config(struct hl_buf *out, const struct live *w, unsigned n)
{
	const char *address = w->options.hsm_address[n - 1];
	char name[32];

	snprintf(name, sizeof name, "hsm%u", n);
	put_common(out, w, name);
	put_to_directory(out, w, name);
	put_address(out, w, "listen", LIVE_HSM + n - 1, LIVE_HSM_PORT);
	if (address)
		hl_buf_printf(out, "address = \"%s\";\n", address);
	hl_buf_text(out, "cluster = \"cluster1\";\n");
	hl_buf_printf(out, "store = \"%s/hsm/cluster1.db\";\n", w->folder);
	hl_buf_printf(out, "device_key = \"%s/hsm/device.key\";\n", w->folder);
	hl_buf_printf(out, "guard = \"%s/hsm/generation\";\n", w->folder);
	hl_buf_printf(out, "page = \"%s/hsm/page\";\n", w->folder);
	hl_buf_printf(out, "workers = %u;\n", w->options.workers);
	hl_buf_printf(out, "master_lock = \"%s/hsm/master\";\n", w->folder);
	hl_buf_printf(out, "master = \"%s\";\n", w->options.master_any ? "any" : "required");
}

bool live_write_configs(const struct live *w)
{
	for (size_t i = 0; i < w->members; i++) {
		HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(64u << 10);
		const char *name = w->member[i].name;
		char path[PATH_MAX], file[64];

		if (i == 0)
			directory_config(&text, w);
		else if (i <= w->options.proxies)
			proxy_config(&text, w, (unsigned)i);
		else
			hsm_config(&text, w, (unsigned)i - w->options.proxies);
		snprintf(file, sizeof file, "etc/%s.cfg", name);
		live_path(w, file, path);
		if (text.err != HL_OK || hl_file_write(path, 0600, hl_buf_view(&text)) != HL_OK)
			return live_fail("%s: cannot be written", path);
	}
	return true;
}
