#include "cli/world.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "lib/os/files.h"

#define SCHEMA "hsmlet-world/1"
#define WORLD_MAX (1u << 20)

/* clang-format off */
/* first address of a role in the block, its port, its program */
static const struct { const char *name, *program; unsigned first, port; } roles[] = {
	[CLI_DIRECTORY] = { "directory", "hsmlet-directory", 21, 2500 },
	[CLI_HSM]       = { "hsm",       "hsmlet-hsm",       31, 2400 },
	[CLI_PROXY]     = { "proxy",     "hsmlet-proxy",     11, 2310 },
};
/* clang-format on */

const char *cli_role_name(enum cli_role role)
{
	return roles[role].name;
}

/* -- where -------------------------------------------------------------------------------------- */

static bool is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= HL_NAME_TEXT && s[0] != '.' &&
		strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static hl_err default_folder(struct cli *c, const char *instance, char *out, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	/* XDG base directories: a path that is not absolute is to be ignored. */
	if (state && state[0] == '/')
		snprintf(out, size, "%s/hsmlet/%s", state, instance);
	else if (home && *home)
		snprintf(out, size, "%s/.local/state/hsmlet/%s", home, instance);
	else
		return cli_next(c, cli_fail(c, HL_E_ARG, "neither HOME nor XDG_STATE_HOME says where worlds are"),
			"name the world's folder: --dir DIR");
	return HL_OK;
}

static void absolute(const char *path, char *out, size_t size)
{
	char cwd[PATH_MAX], *real = realpath(path, NULL);

	if (real)
		snprintf(out, size, "%s", real);
	else if (path[0] != '/' && getcwd(cwd, sizeof cwd))
		snprintf(out, size, "%s/%s", cwd, path);
	else
		snprintf(out, size, "%s", path);
	free(real);
}

static hl_err check_folder(struct cli *c, const char *path)
{
	if (strlen(path) >= CLI_DIR_TEXT)
		return cli_next(c, cli_fail(c, HL_E_ARG, "the folder's path has %zu bytes, %d are allowed: %s",
					   strlen(path), CLI_DIR_TEXT - 1, path),
			"choose a shorter one: --dir DIR; the paths of sockets in it are limited by the system");
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\')
			return cli_fail(c, HL_E_ARG, "a folder's path has no quotes, backslashes or "
						     "control characters: %s",
				path);
	return HL_OK;
}

hl_err cli_world_locate(struct cli *c, char dir[CLI_DIR_TEXT])
{
	const char *instance = c->global.instance ? c->global.instance : "default";
	char path[PATH_MAX], full[2 * PATH_MAX];

	if (c->global.dir) {
		absolute(c->global.dir, full, sizeof full);
	} else {
		if (!is_name(instance))
			return cli_usage(c, "the name of a world is 1 to 64 of [A-Za-z0-9._-]: %s", instance);
		HL_TRY(default_folder(c, instance, path, sizeof path));
		absolute(path, full, sizeof full);
	}
	HL_TRY(check_folder(c, full));
	memcpy(dir, full, strlen(full) + 1);
	return HL_OK;
}

void cli_world_path(const struct cli_world *w, char out[CLI_PATH], const char *format, ...)
{
	size_t n = (size_t)snprintf(out, CLI_PATH, "%s/", w->dir);
	va_list args;

	va_start(args, format);
	vsnprintf(out + n, CLI_PATH - n, format, args);
	va_end(args);
}

/* -- members ------------------------------------------------------------------------------------ */

static void add_members(struct cli_world *w, enum cli_role role, unsigned n)
{
	for (unsigned i = 0; i < n && w->members < CLI_MEMBERS_MAX; i++) {
		struct cli_member *m = &w->member[w->members++];

		m->role = role;
		snprintf(m->name, sizeof m->name, "%s%u", roles[role].name, i + 1);
		snprintf(m->program, sizeof m->program, "%s", roles[role].program);
	}
}

void cli_world_people(struct cli_world *w, unsigned proxies, unsigned hsms)
{
	char block[12];

	w->members = 0;
	add_members(w, CLI_DIRECTORY, 1);
	add_members(w, CLI_HSM, hsms);
	add_members(w, CLI_PROXY, proxies);
	memcpy(block, w->block, sizeof block);
	cli_world_move(w, block);
}

void cli_world_move(struct cli_world *w, const char *block)
{
	unsigned n[CLI_ROLES] = { 0 };

	snprintf(w->block, sizeof w->block, "%s", block);
	for (size_t i = 0; i < w->members; i++) {
		struct cli_member *m = &w->member[i];

		snprintf(m->address, sizeof m->address, "%s.%u:%u", w->block,
			roles[m->role].first + n[m->role], roles[m->role].port);
		n[m->role]++;
	}
}

const struct cli_member *cli_world_directory(const struct cli_world *w)
{
	const struct cli_member *m = w->member;

	while (m->role != CLI_DIRECTORY)
		m++;
	return m;
}

unsigned cli_world_count(const struct cli_world *w, enum cli_role role)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->members; i++)
		n += w->member[i].role == role;
	return n;
}

bool cli_world_is_lab(const struct cli_world *w)
{
	return strcmp(w->profile, "lab") == 0;
}

/* -- world.json --------------------------------------------------------------------------------- */

/* EMPTY: it may be so. LATE: a world that was made before there was such a thing has none. */
enum need { NAMED, EMPTY, LATE };

/* clang-format off */
#define AT(member) offsetof(struct cli_world, member), sizeof(((struct cli_world *)0)->member)
static const struct { const char *key; size_t at, size; enum need need; } texts[] = {
	{ "name", AT(name), NAMED }, { "block", AT(block), NAMED }, { "profile", AT(profile), NAMED },
	{ "pool", AT(pool), NAMED }, { "realm", AT(realm), NAMED }, { "cluster", AT(cluster), NAMED },
	{ "tenant", AT(tenant), NAMED }, { "service_user", AT(service_user), NAMED },
	{ "partition", AT(partition), NAMED }, { "package", AT(package), NAMED },
	{ "service_file", AT(service_file), EMPTY }, { "hsm_file", AT(hsm_file), EMPTY },
	{ "spare_service_file", AT(spare_service_file), LATE }, { "spare_hsm_file", AT(spare_hsm_file), LATE },
};
/* clang-format on */

static json_t *members_json(const struct cli_world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->members; i++) {
		const struct cli_member *m = &w->member[i];

		json_array_append_new(all,
			json_pack("{s:s, s:s, s:s, s:s}", "role", cli_role_name(m->role), "name", m->name,
				"address", m->address, "program", m->program));
	}
	return all;
}

static json_t *allow_json(const struct cli_world *w)
{
	json_t *all = json_array();

	for (size_t i = 0; i < w->allows; i++)
		json_array_append_new(all, json_string(w->allow[i]));
	return all;
}

json_t *cli_world_json(const struct cli_world *w)
{
	json_t *j = json_pack("{s:s, s:b, s:b, s:I, s:o, s:o}", "schema", SCHEMA, "dev", w->dev, "dumpable",
		w->dumpable, "workers", (json_int_t)w->workers, "members", members_json(w), "allow",
		allow_json(w));

	for (size_t i = 0; j && i < HL_COUNT(texts); i++)
		json_object_set_new(j, texts[i].key, json_string((const char *)w + texts[i].at));
	return j;
}

/* A world that was made before there were any has one of each. */
static hl_err take_workers(const json_t *j, int64_t *out)
{
	const json_t *n = json_object_get(j, "workers");

	*out = n ? json_integer_value(n) : 1;
	return *out >= 1 && *out <= CLI_WORKERS_MAX ? HL_OK : HL_E_CONFIG;
}

/* For HL_E_CONFIG: which key. */
static hl_err at_key(char why[64], const char *key)
{
	snprintf(why, 64, "%s", key);
	return HL_E_CONFIG;
}

static hl_err take_text(const json_t *j, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(j, key));

	if (!text || strlen(text) >= size)
		return HL_E_CONFIG;
	memcpy(out, text, strlen(text) + 1);
	return HL_OK;
}

static hl_err take_member(const json_t *j, struct cli_member *m)
{
	const char *role = json_string_value(json_object_get(j, "role"));
	unsigned r = 0;
	struct hl_addr address;

	while (r < CLI_ROLES && !(role && strcmp(role, roles[r].name) == 0))
		r++;
	if (r == CLI_ROLES)
		return HL_E_CONFIG;
	m->role = (enum cli_role)r;
	HL_TRY(take_text(j, "name", m->name, sizeof m->name));
	HL_TRY(take_text(j, "address", m->address, sizeof m->address));
	HL_TRY(take_text(j, "program", m->program, sizeof m->program));
	if (!is_name(m->name) || strcmp(m->program, roles[r].program) != 0 ||
		hl_addr_parse(m->address, &address) != HL_OK)
		return HL_E_CONFIG;
	return HL_OK;
}

static hl_err take_lists(const json_t *j, struct cli_world *w, char why[64])
{
	const json_t *members = json_object_get(j, "members"), *allow = json_object_get(j, "allow");

	w->members = json_array_size(members);
	w->allows = json_array_size(allow);
	if (w->members == 0 || w->members > CLI_MEMBERS_MAX)
		return at_key(why, "members");
	for (size_t i = 0; i < w->members; i++)
		if (take_member(json_array_get(members, i), &w->member[i]) != HL_OK)
			return at_key(why, "members");
	if (cli_world_count(w, CLI_DIRECTORY) != 1)
		return at_key(why, "members");
	for (size_t i = 0; i < w->allows; i++) {
		const char *range = json_string_value(json_array_get(allow, i));

		if (i >= CLI_ALLOW_MAX || !range || strlen(range) >= sizeof w->allow[i])
			return at_key(why, "allow");
		memcpy(w->allow[i], range, strlen(range) + 1);
	}
	return HL_OK;
}

hl_err cli_world_parse(const json_t *j, struct cli_world *out, char why[64])
{
	const char *schema = json_string_value(json_object_get(j, "schema"));
	struct cli_world w = { 0 };

	if (!schema || strcmp(schema, SCHEMA) != 0)
		return at_key(why, "schema");
	for (size_t i = 0; i < HL_COUNT(texts); i++) {
		char *at = (char *)&w + texts[i].at;

		if (texts[i].need == LATE && !json_object_get(j, texts[i].key))
			continue;
		if (take_text(j, texts[i].key, at, texts[i].size) != HL_OK || (texts[i].need == NAMED && !is_name(at)))
			return at_key(why, texts[i].key);
	}
	if (take_workers(j, &w.workers) != HL_OK)
		return at_key(why, "workers");
	w.dev = json_is_true(json_object_get(j, "dev"));
	w.dumpable = json_is_true(json_object_get(j, "dumpable"));
	HL_TRY(take_lists(j, &w, why));
	memcpy(w.dir, out->dir, sizeof w.dir); /* where it lies is not written in it */
	*out = w;
	return HL_OK;
}

hl_err cli_world_save(struct cli *c, const struct cli_world *w)
{
	HL_AUTO(cli_json_drop) json_t *j = cli_world_json(w);
	char path[CLI_PATH], *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
	hl_err err;

	if (!text)
		return cli_fail(c, HL_E_NOMEM, "world.json");
	cli_world_path(w, path, "world.json");
	errno = 0;
	err = hl_file_write(path, 0600, hl_text(text));
	free(text);
	return err == HL_OK ? HL_OK : cli_fail_errno(c, err, path);
}

hl_err cli_world_load(struct cli *c, const char *dir, struct cli_world *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(WORLD_MAX);
	HL_AUTO(cli_json_drop) json_t *j = NULL;
	struct cli_world w = { 0 };
	char path[CLI_PATH], why[64] = "";
	json_error_t error;
	hl_err err;

	snprintf(w.dir, sizeof w.dir, "%s", dir);
	cli_world_path(&w, path, "world.json");
	err = hl_file_read(path, WORLD_MAX, &text);
	if (err == HL_E_NOT_FOUND)
		return cli_fail(c, HL_E_WORLD, "there is no world at %s", dir);
	if (err != HL_OK)
		return cli_fail_errno(c, err, path);
	j = json_loadb((const char *)hl_buf_view(&text).p, text.n, JSON_REJECT_DUPLICATES, &error);
	if (!j)
		return cli_fail(c, HL_E_CONFIG, "%s:%d: %s", path, error.line, error.text);
	if (cli_world_parse(j, &w, why) != HL_OK)
		return cli_fail(c, HL_E_CONFIG, "%s: \"%s\" is missing or wrong", path, why);
	*out = w;
	return HL_OK;
}

hl_err cli_world_find(struct cli *c, struct cli_world *out)
{
	char dir[CLI_DIR_TEXT];

	HL_TRY(cli_world_locate(c, dir));
	return cli_world_load(c, dir, out);
}
