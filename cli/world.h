/* world.h - a world on disk: its folder, its members, the texts of its files.
 *
 *	world.json  etc/NAME.cfg  etc/links/A-B.key  run/NAME.lock  run/NAME.sock  log/NAME.log
 *	trace/NAME.jsonl  clock  directory/  hsm/  credentials/  client/primus.cfg  client/.secrets.cfg
 *
 * Each world has a block 127.a.b.0/24 of its own: DNS at .1, proxies from .11, the directory at .21,
 * HSMs from .31. */
#pragma once

#include <jansson.h>

#include "cli/cli.h"
#include "lib/base/core.h"
#include "lib/wire/messages.h"

#define CLI_PATH 1024
#define CLI_DIR_TEXT 88 /* with its NUL: a unix socket's name has 107 bytes, "/run/directory1.sock" 20 */
#define CLI_PROXIES_MAX 10
#define CLI_HSMS_MAX 10
#define CLI_WORKERS_MAX 64
#define CLI_STR_(x) #x
#define CLI_STR(x) CLI_STR_(x)
#define CLI_MEMBERS_MAX (1 + CLI_PROXIES_MAX + CLI_HSMS_MAX)
#define CLI_ALLOW_MAX CLI_TEXTS_MAX

/* In the order in which they start; they stop in the other. */
enum cli_role { CLI_DIRECTORY, CLI_HSM, CLI_PROXY, CLI_ROLES };

struct cli_member {
	enum cli_role role;
	char name[24], address[HL_ADDR_TEXT], program[24];
};

struct cli_world {
	char dir[CLI_DIR_TEXT];
	char name[HL_NAME_TEXT + 1];
	char block[12]; /* "127.16.0" */
	bool dev, dumpable;
	char profile[16];
	int64_t workers; /* of each proxy and each HSM */
	char pool[HL_NAME_TEXT + 1], realm[HL_NAME_TEXT + 1], cluster[HL_NAME_TEXT + 1];
	struct cli_member member[CLI_MEMBERS_MAX];
	size_t members;
	/* the first tenant */
	char tenant[HL_NAME_TEXT + 1], service_user[HL_NAME_TEXT + 1];
	char partition[HL_NAME_TEXT + 1], package[17];
	char allow[CLI_ALLOW_MAX][64];
	size_t allows;
	char service_file[CLI_PATH], hsm_file[CLI_PATH]; /* "" before it is provisioned */
	char spare_service_file[CLI_PATH], spare_hsm_file[CLI_PATH]; /* lab: of the spare partition */
};

/** "directory", "hsm", "proxy". */
const char *cli_role_name(enum cli_role role);

/** The folder that the options, the environment or the default name, absolute; it need not be there.
 * HL_E_ARG: it is too long, or has characters that a configuration cannot hold. */
HL_CHECKED hl_err cli_world_locate(struct cli *c, char dir[CLI_DIR_TEXT]);

/** Names and addresses of `proxies` and `hsms` members in w->block; replaces what was there. */
void cli_world_people(struct cli_world *w, unsigned proxies, unsigned hsms);
/** The same members at the addresses of another block. */
void cli_world_move(struct cli_world *w, const char *block);
bool cli_world_is_lab(const struct cli_world *w);
/** The directory: each world has one. */
const struct cli_member *cli_world_directory(const struct cli_world *w);
unsigned cli_world_count(const struct cli_world *w, enum cli_role role);

/** `dir/rest`, made as of printf. */
void cli_world_path(const struct cli_world *w, char out[CLI_PATH], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** world.json, pure: to JSON (a new reference, NULL without memory), and back. HL_E_CONFIG, with `why`
 * (64 bytes) naming the key at fault. */
json_t *cli_world_json(const struct cli_world *w);
HL_CHECKED hl_err cli_world_parse(const json_t *j, struct cli_world *out, char why[64]);

/** The same with the file in w->dir. HL_E_WORLD: there is none. */
HL_CHECKED hl_err cli_world_save(struct cli *c, const struct cli_world *w);
HL_CHECKED hl_err cli_world_load(struct cli *c, const char *dir, struct cli_world *out);
/** Locate and load. */
HL_CHECKED hl_err cli_world_find(struct cli *c, struct cli_world *out);

/** Append the configuration of a member, in the grammar of lib/os/config.h. Pure. */
void cli_world_config(const struct cli_world *w, const struct cli_member *m, struct hl_buf *out);
/** All files under etc/ (link secrets only where there are none), and the clock page. */
HL_CHECKED hl_err cli_world_write_files(struct cli *c, const struct cli_world *w);

/* block.c */
#define CLI_BLOCKS ((254 - 16 + 1) * 256)
/** The i-th block to be tried for the world at `dir`: "127.16.0" to "127.254.255". */
void cli_block_name(const char *dir, unsigned i, char out[12]);
/** Whether nobody answers DNS in the block: its address and port can be bound. */
bool cli_block_is_free(const char *block);
/** The first free one from the i-th on; *i becomes its number. HL_E_FULL. */
HL_CHECKED hl_err cli_block_choose(const char *dir, unsigned *i, char out[12]);
