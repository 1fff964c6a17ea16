#include "client/secrets.h"

#include <errno.h>
#include <stdio.h>

#include "client/entry.h"
#include "client/os_files.h"
#include "lib/os/files.h"

#define ERROR_TEXT 512
#define FILE_MAX (1u << 20)

/* The text of the file; an empty one where there is no file. */
static hl_err read_file(const char *path, struct hl_buf *text, char error[ERROR_TEXT])
{
	hl_err err;

	errno = 0;
	err = hl_file_read_private(path, HL_SECRET_OF_CLIENT, FILE_MAX, text);
	if (err == HL_OK && text->n == 0) {
		snprintf(error, ERROR_TEXT, "%s:1: the file is empty", path);
		return HL_E_SECRETS;
	}
	if (err == HL_OK || err == HL_E_NOT_FOUND)
		return HL_OK;
	return client_file_trouble(error, path, err == HL_E_TOO_LONG ? HL_E_SECRETS : err);
}

static hl_err get(const char *path, enum client_entry_kind kind, const char *name,
	struct client_entry *out, char error[ERROR_TEXT])
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);

	HL_TRY(read_file(path, &text, error));
	return client_entry_get(path, hl_buf_view(&text), kind, name, out, error);
}

static hl_err list(const char *path, enum client_entry_kind kind, client_name_seen *seen, void *at,
	char error[ERROR_TEXT])
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);

	HL_TRY(read_file(path, &text, error));
	return client_entry_list(path, hl_buf_view(&text), kind, seen, at, error);
}

/* Read, change and replace the file under the lock: `e` is put in, or taken out where `env` is
 * NULL. */
static hl_err change(const struct hl_env *env, const char *path, const struct client_entry *e,
	char error[ERROR_TEXT])
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	HL_AUTO(client_lock_release) struct client_lock lock = CLIENT_LOCK_NONE;
	hl_err err;

	errno = 0;
	err = client_lock_take(path, &lock);
	if (err != HL_OK)
		return client_file_trouble(error, path, err);
	HL_TRY(read_file(path, &text, error));
	if (env)
		HL_TRY(client_entry_put(env, path, &text, e, error));
	else
		HL_TRY(client_entry_remove(path, &text, e->kind, e->name, error));
	errno = 0;
	err = hl_file_write(path, 0600, hl_buf_view(&text));
	return err == HL_OK ? HL_OK : client_file_trouble(error, path, err);
}

static hl_err remove_entry(
	const char *path, enum client_entry_kind kind, const char *name, char error[ERROR_TEXT])
{
	struct client_entry e = { .kind = kind };

	/* A name that is cut short here is longer than any in the file could be. */
	if (hl_bytes_str(hl_text(name), e.name, sizeof e.name) != HL_OK)
		return client_file_trouble(error, path, HL_E_ARG);
	return change(NULL, path, &e, error);
}

hl_err client_secret_get(
	const char *path, const char *partition, struct client_secret *out, char error[ERROR_TEXT])
{
	struct client_entry e;

	HL_TRY(get(path, CLIENT_ENTRY_USER, partition, &e, error));
	*out = (struct client_secret){ .generation = e.generation, .secret = e.value };
	memcpy(out->partition, e.name, sizeof e.name);
	memcpy(out->identity, e.identity, sizeof e.identity);
	return HL_OK;
}

hl_err client_secret_put(const struct hl_env *env, const char *path, const struct client_secret *s,
	char error[ERROR_TEXT])
{
	struct client_entry e = {
		.kind = CLIENT_ENTRY_USER,
		.generation = s->generation,
		.value = s->secret,
	};

	memcpy(e.name, s->partition, sizeof e.name);
	memcpy(e.identity, s->identity, sizeof e.identity);
	return change(env, path, &e, error);
}

hl_err client_secret_remove(const char *path, const char *partition, char error[ERROR_TEXT])
{
	return remove_entry(path, CLIENT_ENTRY_USER, partition, error);
}

hl_err client_secret_list(
	const char *path, client_name_seen *seen, void *at, char error[ERROR_TEXT])
{
	return list(path, CLIENT_ENTRY_USER, seen, at, error);
}

hl_err client_password_get(
	const char *path, const char *service_user, struct hl_secret *out, char error[ERROR_TEXT])
{
	struct client_entry e;

	HL_TRY(get(path, CLIENT_ENTRY_PROXY, service_user, &e, error));
	*out = e.value;
	return HL_OK;
}

hl_err client_password_put(const struct hl_env *env, const char *path, const char *service_user,
	struct hl_bytes password, char error[ERROR_TEXT])
{
	struct client_entry e = { .kind = CLIENT_ENTRY_PROXY };
	hl_err err = hl_bytes_str(hl_text(service_user), e.name, sizeof e.name);

	if (err == HL_OK)
		err = hl_secret_set(&e.value, password);
	if (err != HL_OK)
		return client_file_trouble(error, path, err == HL_E_RANGE ? HL_E_ARG : err);
	err = change(env, path, &e, error);
	hl_secret_clear(&e.value);
	return err;
}

hl_err client_password_remove(const char *path, const char *service_user, char error[ERROR_TEXT])
{
	return remove_entry(path, CLIENT_ENTRY_PROXY, service_user, error);
}

hl_err client_password_list(
	const char *path, client_name_seen *seen, void *at, char error[ERROR_TEXT])
{
	return list(path, CLIENT_ENTRY_PROXY, seen, at, error);
}
