#include "client/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "client/edit.h"
#include "client/os_files.h"
#include "lib/os/config.h"
#include "lib/os/files.h"

#define ERROR_TEXT 512
#define FILE_MAX (1u << 20)

/* -- the grammar: what a primus.cfg may hold --------------------------------------------------- */

struct file_slot {
	const char *group;
	int line;
	const char *user_name, *client_id, *proxy_user, *proxy_password;
	int64_t id;
};

struct file_host {
	const char *group;
	int line;
	const char *host, *pin;
	int64_t port, priority;
	struct hl_config_list slots;
};

struct file_log {
	const char *file;
	bool write_log_file, write_syslog;
	bool trace_linenumber, trace_timestamp, trace_function, trace_inout, trace_pid,
		trace_filename;
	int64_t trace_mask, trace_level;
};

struct file_own {
	const char *resolver, *realm, *clock_page, *trace;
};

struct file_primus {
	int64_t wait_delay, wait_max_tries;
	bool connect_on_init;
	struct hl_config_list hsms;
	struct file_log log;
	struct file_own hsmlet;
};

struct file {
	int version;
	struct file_primus primus;
};

/* clang-format off */
#define PATH(S, m, d, t) \
	{ .name = #m, .kind = HL_CONFIG_PATH, .offset = HL_CONFIG_AT(S, m, const char *), .most = CLIENT_PATH - 1, .string = d, .text = t }

static const struct hl_config_row slot_rows[] = {
	HL_CONFIG_NAME_ROW(struct file_slot, group),
	HL_CONFIG_LINE_ROW(struct file_slot, line),
	HL_CONFIG_TEXT_ROW(struct file_slot, user_name, 1, HL_NAME_TEXT, NULL, "partition; equal names are one redundant partition"),
	HL_CONFIG_TEXT_ROW(struct file_slot, client_id, 0, HL_NAME_TEXT, "", "free text for the log of the HSM"),
	HL_CONFIG_TEXT_ROW(struct file_slot, proxy_user, 1, HL_NAME_TEXT, NULL, "service user"),
	HL_CONFIG_TEXT_ROW(struct file_slot, proxy_password, 0, HL_NAME_TEXT, "", "service password; better kept in .secrets.cfg"),
	HL_CONFIG_INT_ROW(struct file_slot, id, 0, INT32_MAX, 0, NULL, "slot ID of PKCS#11"),
};
static const struct hl_config_schema slot_schema = HL_CONFIG_SCHEMA(struct file_slot, slot_rows);

static const struct hl_config_row host_rows[] = {
	HL_CONFIG_NAME_ROW(struct file_host, group),
	HL_CONFIG_LINE_ROW(struct file_host, line),
	HL_CONFIG_TEXT_ROW(struct file_host, host, 1, HL_NAME_MAX, NULL, "name or address of the proxy pool"),
	HL_CONFIG_INT_TEXT_ROW(struct file_host, port, 1, 65535, true, 0, NULL, "TCP port, \"2310\" or 2310"),
	HL_CONFIG_INT_ROW(struct file_host, priority, 0, 127, 0, NULL, "smaller is preferred"),
	HL_CONFIG_OPT_TEXT_ROW(struct file_host, pin, 0, 4095, "setup password, which expires: known and refused"),
	HL_CONFIG_NAMED_ROW(struct file_host, slots, slot_schema, "slot", 1, CLIENT_SLOTS, "slot0, slot1, ..."),
};
static const struct hl_config_schema host_schema = HL_CONFIG_SCHEMA(struct file_host, host_rows);

static const struct hl_config_row log_rows[] = {
	PATH(struct file_log, file, "/tmp/primus.log", "log file"),
	HL_CONFIG_BOOL_ROW(struct file_log, write_log_file, true, "write to the file"),
	HL_CONFIG_BOOL_ROW(struct file_log, write_syslog, true, "write to syslog, LOCAL1"),
	HL_CONFIG_BOOL_ROW(struct file_log, trace_linenumber, false, "lines: number in the source"),
	HL_CONFIG_BOOL_ROW(struct file_log, trace_timestamp, true, "lines: time"),
	HL_CONFIG_BOOL_ROW(struct file_log, trace_function, true, "lines: function"),
	HL_CONFIG_BOOL_ROW(struct file_log, trace_inout, false, "lines: begin and end of a function"),
	HL_CONFIG_BOOL_ROW(struct file_log, trace_pid, true, "lines: process and thread"),
	HL_CONFIG_BOOL_ROW(struct file_log, trace_filename, false, "lines: file of the source"),
	HL_CONFIG_INT_ROW(struct file_log, trace_mask, 0, UINT32_MAX, 0, NULL, "0x01 input of calls, 0x02 messages, 0x04 received data"),
	HL_CONFIG_INT_ROW(struct file_log, trace_level, 0, 7, 4, NULL, "severity as in syslog"),
};
static const struct hl_config_schema log_schema = HL_CONFIG_SCHEMA(struct file_log, log_rows);

static const struct hl_config_row own_rows[] = {
	HL_CONFIG_OPT_TEXT_ROW(struct file_own, resolver, 0, HL_ADDR_TEXT - 1, "address:port that answers for the pool names"),
	HL_CONFIG_TEXT_ROW(struct file_own, realm, 1, HL_NAME_TEXT, "hsmlet", "realm of the salts"),
	PATH(struct file_own, clock_page, "", "page with the offset of the world's clock"),
	PATH(struct file_own, trace, "", "file for trace lines"),
};
static const struct hl_config_schema own_schema = HL_CONFIG_SCHEMA(struct file_own, own_rows);

static const struct hl_config_row primus_rows[] = {
	HL_CONFIG_INT_ROW(struct file_primus, wait_delay, 1, 60000, 250, "ms", "wait where part of an answer came"),
	HL_CONFIG_INT_ROW(struct file_primus, wait_max_tries, 1, 1000, 5, NULL, "waits before the next host is tried"),
	HL_CONFIG_BOOL_ROW(struct file_primus, connect_on_init, true, "connect in C_Initialize"),
	HL_CONFIG_NAMED_ROW(struct file_primus, hsms, host_schema, "hsm", 1, CLIENT_HOSTS, "hsm0, hsm1, ..."),
	HL_CONFIG_GROUP_ROW(struct file_primus, log, log_schema, false, "what is logged, and where"),
	HL_CONFIG_GROUP_ROW(struct file_primus, hsmlet, own_schema, false, "what hsmlet alone knows"),
};
static const struct hl_config_schema primus_schema = HL_CONFIG_SCHEMA(struct file_primus, primus_rows);

static const char *const versions[] = { "1.0", NULL };
static const struct hl_config_row file_rows[] = {
	HL_CONFIG_WORD_ROW(struct file, version, versions, 0, "version of the format"),
	HL_CONFIG_GROUP_ROW(struct file, primus, primus_schema, true, "everything"),
};
static const struct hl_config_schema file_schema = HL_CONFIG_SCHEMA(struct file, file_rows);
/* clang-format on */

/* -- from what is in the file to what the client wants to know --------------------------------- */

struct reading {
	const char *path;
	struct hl_bytes text;
	struct hl_config_error *error;
};

/* All lengths were checked by the rows above. */
static void copy(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s ? s : "");
}

#define COPY(to, from) copy(to, sizeof(to), from)

/* Names that SCRAM proves: for printable ASCII its SASLprep (RFC 4013) changes nothing. */
static hl_err check_name(const struct reading *r, int line, const char *key, const char *name)
{
	for (const char *c = name; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return hl_config_fail(
				r->error, r->path, line, "\"%s\" must be printable ASCII", key);
	return HL_OK;
}

static hl_err check_group(const struct reading *r, int line, const char *group)
{
	if (strlen(group) < sizeof((struct client_slot *)0)->name)
		return HL_OK;
	return hl_config_fail(r->error, r->path, line, "the name \"%.20s...\" is too long", group);
}

static hl_err take_slot(const struct reading *r, const struct file_slot *f, struct client_slot *out)
{
	HL_TRY(check_group(r, f->line, f->group));
	HL_TRY(check_name(r, f->line, "user_name", f->user_name));
	HL_TRY(check_name(r, f->line, "proxy_user", f->proxy_user));
	COPY(out->name, f->group);
	COPY(out->partition, f->user_name);
	COPY(out->client_id, f->client_id);
	COPY(out->service_user, f->proxy_user);
	COPY(out->service_password, f->proxy_password);
	out->id = (unsigned)f->id;
	return HL_OK;
}

/* The vendor's own text calls this key discouraged: such a password stops working when it
 * expires. */
static hl_err refuse_pin(const struct reading *r, const struct file_host *f)
{
	char path[64];
	int line;

	snprintf(path, sizeof path, "primus.hsms.%s.pin", f->group);
	line = client_edit_line(r->text, path);
	return hl_config_fail(r->error, r->path, line ? line : f->line,
		"\"pin\" (the setup password) is not supported here: exchange it by `hsmlet secret add`");
}

static hl_err take_host(const struct reading *r, const struct file_host *f, struct client_host *out)
{
	const struct file_slot *slot = f->slots.items;

	HL_TRY(check_group(r, f->line, f->group));
	if (f->pin)
		return refuse_pin(r, f);
	COPY(out->name, f->group);
	COPY(out->host, f->host);
	out->port = (uint16_t)f->port;
	out->priority = (unsigned)f->priority;
	for (size_t i = 0; i < f->slots.count; i++)
		HL_TRY(take_slot(r, &slot[i], &out->slot[out->slots++]));
	return HL_OK;
}

/* One id is one slot of PKCS#11, so it means one partition, whatever the hosts. Only slots
 * before `s` are looked at: the error is at the later one. */
static hl_err check_id(
	const struct reading *r, const struct file_primus *f, const struct file_slot *s)
{
	const struct file_host *host = f->hsms.items;

	for (size_t h = 0; h < f->hsms.count; h++) {
		const struct file_slot *other = host[h].slots.items;

		for (size_t i = 0; i < host[h].slots.count; i++) {
			if (&other[i] == s)
				return HL_OK;
			if (other[i].id == s->id && strcmp(other[i].user_name, s->user_name) != 0)
				return hl_config_fail(r->error, r->path, s->line,
					"id %d is already that of partition \"%s\" (line %d)",
					(int)s->id, other[i].user_name, other[i].line);
		}
	}
	return HL_OK;
}

static hl_err check_ids(const struct reading *r, const struct file_primus *f)
{
	const struct file_host *host = f->hsms.items;

	for (size_t h = 0; h < f->hsms.count; h++) {
		const struct file_slot *slot = host[h].slots.items;

		for (size_t i = 0; i < host[h].slots.count; i++)
			HL_TRY(check_id(r, f, &slot[i]));
	}
	return HL_OK;
}

static void take_log(const struct file_log *f, struct client_conf *out)
{
	COPY(out->log.file, f->file);
	out->log.write_log_file = f->write_log_file;
	out->log.write_syslog = f->write_syslog;
	out->log.linenumber = f->trace_linenumber;
	out->log.timestamp = f->trace_timestamp;
	out->log.function = f->trace_function;
	out->log.inout = f->trace_inout;
	out->log.pid = f->trace_pid;
	out->log.filename = f->trace_filename;
	out->log.mask = (unsigned)f->trace_mask;
	out->log.level = (unsigned)f->trace_level;
}

static hl_err take_own(const struct reading *r, const struct file_own *f, struct client_conf *out)
{
	COPY(out->own.realm, f->realm);
	COPY(out->own.clock_page, f->clock_page);
	COPY(out->own.trace, f->trace);
	if (!f->resolver || !*f->resolver ||
		hl_addr_parse(f->resolver, &out->own.resolver) == HL_OK)
		return HL_OK;
	return hl_config_fail(r->error, r->path,
		client_edit_line(r->text, "primus.hsmlet.resolver"),
		"\"resolver\" must be an address and a port like \"127.1.2.1:5300\", not \"%s\"",
		f->resolver);
}

static hl_err take_all(
	const struct reading *r, const struct file_primus *f, struct client_conf *out)
{
	const struct file_host *host = f->hsms.items;

	COPY(out->path, r->path);
	out->wait_delay_ms = (unsigned)f->wait_delay;
	out->wait_max_tries = (unsigned)f->wait_max_tries;
	out->connect_on_init = f->connect_on_init;
	take_log(&f->log, out);
	HL_TRY(take_own(r, &f->hsmlet, out));
	for (size_t i = 0; i < f->hsms.count; i++)
		HL_TRY(take_host(r, &host[i], &out->host[out->hosts++]));
	return check_ids(r, f);
}

static void conf_freep(struct client_conf **c)
{
	if (*c)
		client_conf_clear(*c);
	free(*c);
}

static hl_err parse(const char *path, struct hl_bytes text, struct client_conf *out,
	struct hl_config_error *error)
{
	HL_AUTO(hl_config_close) struct hl_config config = { 0 };
	HL_AUTO(conf_freep) struct client_conf *c = calloc(1, sizeof *c);
	struct reading r = { path, text, error };
	struct file file;

	snprintf(error->text, sizeof error->text, "%s: %s", path, hl_err_text(HL_E_NOMEM));
	if (!c)
		return HL_E_NOMEM;
	HL_TRY(hl_config_parse(path, text, &file_schema, &file, &config, error));
	HL_TRY(take_all(&r, &file.primus, c));
	*out = *c;
	return HL_OK;
}

hl_err client_conf_parse(
	const char *path, struct hl_bytes text, struct client_conf *out, char error[ERROR_TEXT])
{
	struct hl_config_error why;
	hl_err err = parse(path, text, out, &why);

	if (err != HL_OK)
		snprintf(error, ERROR_TEXT, "%s", why.text);
	return err;
}

hl_err client_conf_load(const char *path, struct client_conf *out, char error[ERROR_TEXT])
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	hl_err err;

	errno = 0;
	err = strlen(path) < CLIENT_PATH ? hl_file_read(path, FILE_MAX, &text) : HL_E_ARG;
	if (err == HL_OK)
		return client_conf_parse(path, hl_buf_view(&text), out, error);
	if (err == HL_E_NOT_FOUND)
		err = HL_E_CONFIG_NONE;
	else if (err == HL_E_TOO_LONG)
		err = HL_E_CONFIG;
	return client_file_trouble(error, path, err);
}

hl_err client_conf_faults(const char *path, client_conf_fault *each, void *at)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	HL_AUTO(conf_freep) struct client_conf *c = calloc(1, sizeof *c);
	char error[ERROR_TEXT] = "";
	hl_err err;

	if (!c)
		return HL_E_NOMEM;
	if (strlen(path) < CLIENT_PATH && hl_file_read(path, FILE_MAX, &text) == HL_OK)
		HL_TRY(hl_config_faults(path, hl_buf_view(&text), &file_schema, each, at));
	/* What each setting alone does not show: names, ids, and why the file cannot be read. */
	err = client_conf_load(path, c, error);
	if (err != HL_OK)
		each(at, error);
	return err;
}

hl_err client_conf_defaults(struct client_conf *out)
{
	static const char least[] =
		"primus: { hsms: { hsm0: { host = \"h\"; port = 1;"
		" slots: { slot0: { user_name = \"p\"; proxy_user = \"s\"; }; }; }; }; };";
	char error[ERROR_TEXT];

	/* The defaults stand in the rows above and nowhere else. */
	HL_TRY(client_conf_parse("", hl_text(least), out, error));
	memset(out->host, 0, sizeof out->host);
	out->hosts = 0;
	return HL_OK;
}

bool client_host_is(const struct client_host *h, const char *name)
{
	return strcmp(h->name, name) == 0 || strcmp(h->host, name) == 0;
}

void client_conf_clear(struct client_conf *c)
{
	OPENSSL_cleanse(c, sizeof *c);
}

/* -- where the files are ----------------------------------------------------------------------- */

static const struct client_search conf_search[] = {
	{ "HSMLET_CONF", NULL },
	{ "SECUROSYS_PKCS11_CONF", NULL },
	{ NULL, "/etc/primus/primus.cfg" },
	{ NULL, "/usr/local/primus/etc/primus.cfg" },
};
static const struct client_search secrets_search[] = {
	{ "HSMLET_SECRETS", NULL },
	{ "SECUROSYS_SECRETS_CONF", NULL },
	{ NULL, "/etc/primus/.secrets.cfg" },
	{ NULL, "/usr/local/primus/etc/.secrets.cfg" },
};

const struct client_search *client_conf_search(size_t *n)
{
	*n = HL_COUNT(conf_search);
	return conf_search;
}

const struct client_search *client_secrets_search(size_t *n)
{
	*n = HL_COUNT(secrets_search);
	return secrets_search;
}

static hl_err search(const char *(*lookup)(const char *name), const struct client_search *place, size_t n,
	hl_err none, char path[CLIENT_PATH])
{
	const char *found = NULL;

	for (size_t i = 0; i < n && !found; i++) {
		if (place[i].variable)
			found = lookup(place[i].variable);
		else if (client_file_exists(place[i].path))
			found = place[i].path;
	}
	if (!found)
		return none;
	if (strlen(found) >= CLIENT_PATH)
		return HL_E_ARG;
	copy(path, CLIENT_PATH, found);
	return HL_OK;
}

hl_err client_conf_find(const char *(*lookup)(const char *name), char path[CLIENT_PATH])
{
	return search(lookup, conf_search, HL_COUNT(conf_search), HL_E_CONFIG_NONE, path);
}

hl_err client_secrets_find(const char *(*lookup)(const char *name), char path[CLIENT_PATH])
{
	return search(lookup, secrets_search, HL_COUNT(secrets_search), HL_E_SECRETS_NONE, path);
}
