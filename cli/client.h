/* client.h - the front command as a client: which files, which secrets, the library's errors in our words. */
#pragma once

#include "cli/world.h"
#include "client/hsmlet.h"
#include "lib/base/secret.h"

struct cli_client {
	char conf[CLI_PATH], secrets[CLI_PATH];
};

/** primus.cfg and .secrets.cfg: of the world that was typed; else as HSMLET_CONF says; else of the
 * world of the environment or the default one, where it has them; else where the vendor's library looks.
 * HL_E_CONFIG_NONE. */
HL_CHECKED hl_err cli_client_find(struct cli *c, struct cli_client *out);
/** Where the provider looks, and nowhere else: HSMLET_CONF, then as the vendor's library. */
HL_CHECKED hl_err cli_client_documented(struct cli *c, struct cli_client *out);
/** .secrets.cfg where the provider looks for it; where none is yet, beside out->conf. */
void cli_client_secrets(struct cli_client *out);
/** Of this world. */
void cli_client_of_world(const struct cli_world *w, struct cli_client *out);
/** For the library's calls; `partition` NULL: the first slot. */
hsmlet_options cli_client_options(const struct cli_client *k, const char *partition);

/** The world that these files belong to; false: none, they are somebody's own. */
bool cli_client_world(struct cli *c, const struct cli_client *k, struct cli_world *out);

/** The library's error as the trouble; `e` is what its call has filled. Gives its hl_err. */
hl_err cli_client_trouble(struct cli *c, const hsmlet_error *e);
/** The same of an opening: where nobody was reached because the world of these files is stopped, that is the
 * error, HL_E_WORLD. */
hl_err cli_client_open_trouble(struct cli *c, const struct cli_client *k, const hsmlet_error *e);

/** Connect, and log in where there is a PIN. */
HL_CHECKED hl_err cli_client_open(struct cli *c, const struct cli_client *k, const char *partition,
	const struct hl_secret *pin, hsmlet **out);
static inline void cli_client_closep(hsmlet **h)
{
	hsmlet_close(*h);
}

/** Exchange the setup password of `partition` for its secret, store that, and log in with it. Where only the login failed,
 * c->trouble.stored is true. */
HL_CHECKED hl_err cli_client_exchange(struct cli *c, const struct cli_client *k, const char *partition,
	struct hl_bytes setup_password);

/** Read credential files (1 or 2, or a combined one): a slot in the world's primus.cfg, the service
 * password in its secrets; with `exchange` also the partition's secret for the setup password. */
HL_CHECKED hl_err cli_client_import(
	struct cli *c, const struct cli_world *w, const char *const *file, size_t n, bool exchange);
/** Whether the partition's secret is stored in the world's file. */
bool cli_client_has_secret(const struct cli_world *w, const char *partition);
/** The world's addresses have changed: bring its primus.cfg up to date, where there is one. */
HL_CHECKED hl_err cli_client_move(struct cli *c, const struct cli_world *w);

/* -- secrets from outside: a file, a descriptor, the environment, the terminal -------------------- */

struct cli_pin {
	const char *pin_file; /* --pin-file, HSMLET_PIN_FILE */
	int64_t pin_fd;       /* --pin-fd; -1: none */
};
/* clang-format off */
#define CLI_PIN_ROWS(S) \
	{ "pin-file", 0, "FILE", CLI_TEXT, offsetof(S, pin.pin_file), 0, 0, NULL, "file with the PKCS#11 PIN (or HSMLET_PIN in the environment)" }, \
	{ "pin-fd", 0, "N", CLI_NUMBER, offsetof(S, pin.pin_fd), 0, 1 << 20, NULL, "descriptor to read the PIN from" }
/* clang-format on */

/** The PIN, first found of: descriptor, file, HSMLET_PIN; empty where none is given. The caller clears it. */
HL_CHECKED hl_err cli_pin(struct cli *c, const struct cli_pin *from, struct hl_secret *out);

/** Whether the file behind a descriptor has one of these bits of its mode; false for what is no plain file. */
bool cli_is_open_to(int fd, mode_t mask);

/** One line (at most 256 bytes) of a file or a descriptor, without its end. `what` names it in errors.
 * HL_E_MODE: others may read the file. */
HL_CHECKED hl_err cli_secret_of_file(
	struct cli *c, const char *path, const char *what, struct hl_secret *out);
HL_CHECKED hl_err cli_secret_of_fd(
	struct cli *c, int64_t fd, const char *what, struct hl_secret *out);
/** Ask on the terminal, without echo; `prompt` as it is printed. HL_E_ARG where stdin is none. */
HL_CHECKED hl_err cli_secret_of_terminal(struct cli *c, const char *prompt, const char *what, struct hl_secret *out);
/** The same, but where stdin is no terminal its next line is taken; an empty one is an empty secret. */
HL_CHECKED hl_err cli_secret_of_stdin(struct cli *c, const char *prompt, const char *what, struct hl_secret *out);
