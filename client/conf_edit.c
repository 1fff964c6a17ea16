/* conf_edit.c - bring a host, its slots and hsmlet's own settings into the text of a primus.cfg. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/conf.h"
#include "client/edit.h"
#include "client/os_files.h"
#include "lib/os/files.h"

#define ERROR_TEXT 512
#define FILE_MAX (1u << 20)
#define KEY_MAX 128
#define GROUP_MAX 64 /* hsm0 to hsm63: more than a file can hold */

/* -- one setting at a time --------------------------------------------------------------------- */

/* A text that is edited; the first failure sticks in text->err. */
struct edit {
	struct hl_buf *text;
	char group[KEY_MAX]; /* where the next settings belong */
};

static void __attribute__((format(printf, 2, 3))) enter(struct edit *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(e->group, sizeof e->group, format, args);
	va_end(args);
}

static void set(struct edit *e, const char *key, const struct hl_buf *value)
{
	char path[KEY_MAX + 32];

	snprintf(path, sizeof path, "%s.%s", e->group, key);
	if (e->text->err == HL_OK)
		e->text->err = value->err;
	client_edit_set(
		e->text, path, value->err == HL_OK ? (const char *)hl_buf_view(value).p : "");
}

static void set_number(struct edit *e, const char *key, unsigned number)
{
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(32);

	hl_buf_printf(&value, number > INT32_MAX ? "%uL" : "%u", number);
	hl_buf_u8(&value, 0);
	set(e, key, &value);
}

static void set_bool(struct edit *e, const char *key, bool v)
{
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(8);

	hl_buf_put(&value, hl_bytes(v ? "true" : "false", v ? 5 : 6));
	set(e, key, &value);
}

static void set_text(struct edit *e, const char *key, const char *s)
{
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(8 * CLIENT_PATH);
	hl_err err = client_edit_quote(&value, s);

	hl_buf_u8(&value, 0);
	if (e->text->err == HL_OK)
		e->text->err = err;
	set(e, key, &value);
}

/* Backslashes stand for themselves in a path, so a quote or one at the end cannot be written. */
static void set_path(struct edit *e, const char *key, const char *s)
{
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(2 * CLIENT_PATH);
	size_t n = strlen(s);

	if (strchr(s, '"') || (n > 0 && s[n - 1] == '\\'))
		value.err = HL_E_ARG;
	hl_buf_printf(&value, "\"%s\"", s);
	hl_buf_u8(&value, 0);
	set(e, key, &value);
}

static void unset(struct edit *e, const char *key)
{
	char path[KEY_MAX + 32];
	hl_err err;

	if (e->text->err != HL_OK)
		return;
	snprintf(path, sizeof path, "%s.%s", e->group, key);
	err = client_edit_remove(e->text, path);
	if (err != HL_OK && err != HL_E_NOT_FOUND)
		e->text->err = err;
}

/* -- the parts of the file --------------------------------------------------------------------- */

static void put_slot(struct edit *e, const struct client_slot *s)
{
	set_text(e, "client_id", s->client_id);
	set_text(e, "user_name", s->partition);
	set_text(e, "proxy_user", s->service_user);
	if (*s->service_password)
		set_text(e, "proxy_password", s->service_password);
	else
		unset(e, "proxy_password"); /* an old one would be taken for the right one */
	set_number(e, "id", s->id);
}

static void put_host(struct edit *e, const struct client_host *h)
{
	char port[8];

	snprintf(port, sizeof port, "%u", h->port);
	set_text(e, "host", h->host);
	set_text(e, "port", port);
	set_number(e, "priority", h->priority);
}

static void put_own(struct edit *e, const struct client_conf *c)
{
	char resolver[HL_ADDR_TEXT] = "";

	if (c->own.resolver.family != 0)
		hl_addr_text(&c->own.resolver, resolver);
	enter(e, "primus.hsmlet");
	set_text(e, "resolver", resolver);
	set_text(e, "realm", c->own.realm);
	set_path(e, "clock_page", c->own.clock_page);
	set_path(e, "trace", c->own.trace);
}

static void put_log(struct edit *e, const struct client_conf *c)
{
	enter(e, "primus.log");
	set_path(e, "file", c->log.file);
	set_bool(e, "write_log_file", c->log.write_log_file);
	set_bool(e, "write_syslog", c->log.write_syslog);
	set_bool(e, "trace_linenumber", c->log.linenumber);
	set_bool(e, "trace_timestamp", c->log.timestamp);
	set_bool(e, "trace_function", c->log.function);
	set_bool(e, "trace_inout", c->log.inout);
	set_bool(e, "trace_pid", c->log.pid);
	set_bool(e, "trace_filename", c->log.filename);
	set_number(e, "trace_mask", c->log.mask);
	set_number(e, "trace_level", c->log.level);
}

static void put_global(struct edit *e, const struct client_conf *c)
{
	enter(e, "primus");
	set_number(e, "wait_delay", c->wait_delay_ms);
	set_number(e, "wait_max_tries", c->wait_max_tries);
	set_bool(e, "connect_on_init", c->connect_on_init);
}

/* -- where they go ----------------------------------------------------------------------------- */

static const struct client_host *find_host(const struct client_conf *c, const struct client_host *h)
{
	for (size_t i = 0; i < c->hosts; i++)
		if (strcmp(c->host[i].host, h->host) == 0 && c->host[i].port == h->port)
			return &c->host[i];
	return NULL;
}

/* The slot of this partition; of several, which one partition may have, that with the same id. */
static const struct client_slot *find_slot(const struct client_host *h, const struct client_slot *s)
{
	const struct client_slot *found = NULL;

	for (size_t i = 0; h && i < h->slots; i++)
		if (strcmp(h->slot[i].partition, s->partition) == 0 &&
			(!found || h->slot[i].id == s->id))
			found = &h->slot[i];
	return found;
}

/* The first of primus.hsms.hsm0, primus.hsms.hsm1, ... that is free. */
static void enter_free(struct edit *e, const char *begins)
{
	struct client_place at;

	for (unsigned i = 0; i < GROUP_MAX; i++) {
		enter(e, "%s%u", begins, i);
		if (!client_edit_find(hl_buf_view(e->text), e->group, &at))
			return;
	}
	e->text->err = HL_E_FULL;
}

/* `e` stands in the group of the host: "primus.hsms." and at most 15 characters. */
static void put_slots(struct edit *e, const struct client_host *there, const struct client_host *h)
{
	char begins[48];

	snprintf(begins, sizeof begins, "%.32s.slots.slot", e->group);
	for (size_t i = 0; i < h->slots; i++) {
		const struct client_slot *old = find_slot(there, &h->slot[i]);

		if (old)
			enter(e, "%s%s", begins, old->name + strlen("slot"));
		else
			enter_free(e, begins);
		put_slot(e, &h->slot[i]);
	}
}

static void put_all(struct edit *e, const struct client_conf *there, const struct client_host *h,
	const struct client_conf *own)
{
	const struct client_host *old = find_host(there, h);

	if (e->text->n == 0) {
		hl_buf_text(e->text, "version = \"1.0\";\n");
		if (own)
			put_global(e, own);
	}
	if (old)
		enter(e, "primus.hsms.%s", old->name);
	else
		enter_free(e, "primus.hsms.hsm");
	put_host(e, h);
	put_slots(e, old, h);
}

/* Whether what is read is what was to be written. */
static bool is_there(const struct client_conf *c, const struct client_host *h)
{
	const struct client_host *host = find_host(c, h);

	if (!host || host->priority != h->priority)
		return false;
	for (size_t i = 0; i < h->slots; i++) {
		const struct client_slot *want = &h->slot[i], *got = find_slot(host, want);

		if (!got || strcmp(got->client_id, want->client_id) != 0 || got->id != want->id ||
			strcmp(got->service_user, want->service_user) != 0 ||
			strcmp(got->service_password, want->service_password) != 0)
			return false;
	}
	return true;
}

static void conf_freep(struct client_conf **c)
{
	if (*c)
		client_conf_clear(*c);
	free(*c);
}

static hl_err say(char error[ERROR_TEXT], const char *path, hl_err err)
{
	snprintf(error, ERROR_TEXT, "%s: %s", path, hl_err_text(err));
	return err;
}

hl_err client_conf_edit(const char *path, struct hl_buf *text, const struct client_host *host,
	const struct client_conf *own, char error[ERROR_TEXT])
{
	HL_AUTO(conf_freep) struct client_conf *c = calloc(1, sizeof *c);
	struct edit e = { .text = text };
	bool fresh = text->n == 0;

	if (!c)
		return say(error, path, HL_E_NOMEM);
	if (!fresh)
		HL_TRY(client_conf_parse(path, hl_buf_view(text), c, error));
	put_all(&e, c, host, own);
	if (fresh && own)
		put_log(&e, own);
	if (own)
		put_own(&e, own);
	if (text->err != HL_OK)
		return say(error, path, text->err);
	HL_TRY(client_conf_parse(path, hl_buf_view(text), c, error));
	return is_there(c, host) ? HL_OK : say(error, path, HL_E_ARG);
}

hl_err client_conf_save(const char *path, const struct client_host *host,
	const struct client_conf *own, char error[ERROR_TEXT])
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	HL_AUTO(client_lock_release) struct client_lock lock = CLIENT_LOCK_NONE;
	hl_err err;

	errno = 0;
	err = client_lock_take(path, &lock);
	if (err == HL_OK)
		err = hl_file_read(path, FILE_MAX, &text);
	if (err != HL_OK && err != HL_E_NOT_FOUND)
		return client_file_trouble(error, path, err);
	HL_TRY(client_conf_edit(path, &text, host, own, error));
	errno = 0;
	err = hl_file_write(path, 0600, hl_buf_view(&text));
	return err == HL_OK ? HL_OK : client_file_trouble(error, path, err);
}
