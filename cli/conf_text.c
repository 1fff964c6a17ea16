#include "cli/conf_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/edit.h"
#include "client/link.h"

/* -- places --------------------------------------------------------------------------------------------- */

static const char *look_up(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* The first that names the file is why it is used. */
static bool is_taken(const struct cli_place *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(p[i].state, "used") == 0)
			return true;
	return false;
}

static void add_place(struct cli_place *all, size_t *n, const char *by, const char *path, const char *used)
{
	struct cli_place *p = &all[*n];

	p->by = by;
	snprintf(p->path, sizeof p->path, "%s", path ? path : "");
	if (!path)
		p->state = "not set";
	else if (strcmp(path, used) == 0 && !is_taken(all, *n))
		p->state = "used";
	else
		p->state = access(path, F_OK) == 0 ? "there" : "not there";
	++*n;
}

static void add_world(struct cli *c, bool secrets, const char *used, struct cli_place *out, size_t *n)
{
	struct cli_world w = { 0 };
	struct cli_client k;

	if (cli_world_locate(c, w.dir) != HL_OK)
		return;
	cli_client_of_world(&w, &k);
	add_place(out, n, "the world", secrets ? k.secrets : k.conf, used);
}

/* A world that was typed goes before everything, and is all. Else the first variable, the world, then the rest. */
size_t cli_client_places(struct cli *c, bool secrets, const char *used, struct cli_place out[CLI_PLACES])
{
	size_t places, n = 0;
	const struct client_search *s = secrets ? client_secrets_search(&places) : client_conf_search(&places);

	for (size_t i = 0; i < places && !c->global.world_typed; i++) {
		const char *path = s[i].variable ? look_up(s[i].variable) : s[i].path;

		add_place(out, &n, s[i].variable ? s[i].variable : "the system", path, used);
		if (i == 0)
			add_world(c, secrets, used, out, &n);
	}
	if (c->global.world_typed)
		add_world(c, secrets, used, out, &n);
	return n;
}

/* -- settings ------------------------------------------------------------------------------------------- */

enum form { TEXT, BOOL, UNSIGNED, PORT, ADDRESS, HIDDEN };

struct row {
	const char *key, *unit;
	enum form form;
	size_t at;
};

/* clang-format off */
#define CONF(m) offsetof(struct client_conf, m)
static const struct row conf_rows[] = {
	{ "wait_delay",           " ms", UNSIGNED, CONF(wait_delay_ms) },
	{ "wait_max_tries",       "",    UNSIGNED, CONF(wait_max_tries) },
	{ "connect_on_init",      "",    BOOL,     CONF(connect_on_init) },
	{ "hsmlet.resolver",      "",    ADDRESS,  CONF(own.resolver) },
	{ "hsmlet.realm",         "",    TEXT,     CONF(own.realm) },
	{ "hsmlet.clock_page",    "",    TEXT,     CONF(own.clock_page) },
	{ "hsmlet.trace",         "",    TEXT,     CONF(own.trace) },
	{ "log.file",             "",    TEXT,     CONF(log.file) },
	{ "log.write_log_file",   "",    BOOL,     CONF(log.write_log_file) },
	{ "log.write_syslog",     "",    BOOL,     CONF(log.write_syslog) },
	{ "log.trace_linenumber", "",    BOOL,     CONF(log.linenumber) },
	{ "log.trace_timestamp",  "",    BOOL,     CONF(log.timestamp) },
	{ "log.trace_function",   "",    BOOL,     CONF(log.function) },
	{ "log.trace_inout",      "",    BOOL,     CONF(log.inout) },
	{ "log.trace_pid",        "",    BOOL,     CONF(log.pid) },
	{ "log.trace_filename",   "",    BOOL,     CONF(log.filename) },
	{ "log.trace_mask",       "",    UNSIGNED, CONF(log.mask) },
	{ "log.trace_level",      "",    UNSIGNED, CONF(log.level) },
};
#define HOST(m) offsetof(struct client_host, m)
static const struct row host_rows[] = {
	{ "host",     "", TEXT,     HOST(host) },
	{ "port",     "", PORT,     HOST(port) },
	{ "priority", "", UNSIGNED, HOST(priority) },
};
#define SLOT(m) offsetof(struct client_slot, m)
static const struct row slot_rows[] = {
	{ "id",             "", UNSIGNED, SLOT(id) },
	{ "user_name",      "", TEXT,     SLOT(partition) },
	{ "client_id",      "", TEXT,     SLOT(client_id) },
	{ "proxy_user",     "", TEXT,     SLOT(service_user) },
	{ "proxy_password", "", HIDDEN,   SLOT(service_password) },
};
/* What no file changes. */
static const struct { const char *name; unsigned ms; } limits[] = {
	{ "limit of a call", CLIENT_CALL_MS },
	{ "limit of making a key", CLIENT_GENERATE_MS },
};
/* clang-format on */

struct walk {
	struct hl_bytes text;
	void (*each)(void *at, const struct cli_setting *s);
	void *at;
};

static void address_text(const struct hl_addr *a, char out[CLI_PATH])
{
	if (a->family)
		hl_addr_text(a, out);
	else
		snprintf(out, CLI_PATH, "that of the system");
}

static void value_text(const struct row *row, const void *value, char out[CLI_PATH])
{
	switch (row->form) {
	case TEXT:
		snprintf(out, CLI_PATH, "%s", (const char *)value);
		break;
	case BOOL:
		snprintf(out, CLI_PATH, "%s", *(const bool *)value ? "true" : "false");
		break;
	case UNSIGNED:
		snprintf(out, CLI_PATH, "%u%s", *(const unsigned *)value, row->unit);
		break;
	case PORT:
		snprintf(out, CLI_PATH, "%u", *(const uint16_t *)value);
		break;
	case ADDRESS:
		address_text(value, out);
		break;
	case HIDDEN:
		snprintf(out, CLI_PATH, "%s", *(const char *)value ? "(set, not shown)" : "");
		break;
	}
}

static void tell_rows(const struct walk *w, const char *group, const struct row *row, size_t n, const void *values)
{
	for (size_t i = 0; i < n; i++) {
		struct cli_setting s = { .source = "default" };

		snprintf(s.name, sizeof s.name, "%s.%s", group, row[i].key);
		value_text(&row[i], (const char *)values + row[i].at, s.value);
		s.line = client_edit_line(w->text, s.name);
		if (s.line)
			s.source = "file";
		w->each(w->at, &s);
	}
}

static void tell_host(const struct walk *w, const struct client_host *host)
{
	char group[96];

	snprintf(group, sizeof group, "primus.hsms.%s", host->name);
	tell_rows(w, group, host_rows, HL_COUNT(host_rows), host);
	for (size_t i = 0; i < host->slots; i++) {
		snprintf(group, sizeof group, "primus.hsms.%s.slots.%s", host->name, host->slot[i].name);
		tell_rows(w, group, slot_rows, HL_COUNT(slot_rows), &host->slot[i]);
	}
}

void cli_settings_each(const struct client_conf *conf, struct hl_bytes text,
	void (*each)(void *at, const struct cli_setting *s), void *at)
{
	struct walk w = { text, each, at };

	for (size_t i = 0; i < conf->hosts; i++)
		tell_host(&w, &conf->host[i]);
	tell_rows(&w, "primus", conf_rows, HL_COUNT(conf_rows), conf);
	for (size_t i = 0; i < HL_COUNT(limits); i++) {
		struct cli_setting s = { .source = "built in" };

		snprintf(s.name, sizeof s.name, "%s", limits[i].name);
		snprintf(s.value, sizeof s.value, "%u ms", limits[i].ms);
		each(at, &s);
	}
}
