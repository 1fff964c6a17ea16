/* entry.h - the entries of a .secrets.cfg, as text in memory. Pure: os_secrets.c has the file. */
#pragma once

#include "client/secrets.h"

enum client_entry_kind { CLIENT_ENTRY_USER, CLIENT_ENTRY_PROXY };

#define CLIENT_IDENTITY 32

struct client_entry {
	enum client_entry_kind kind;
	char name[HL_NAME_TEXT + 1];       /* partition, or service user */
	uint32_t generation;               /* USER */
	uint8_t identity[CLIENT_IDENTITY]; /* USER */
	struct hl_secret value;            /* the secret, or the password */
};

/* `file` stands for the file in messages; HL_E_SECRETS, HL_E_NOMEM. An empty text is a new file. */

/** The entry of this kind and name, its value unblinded; on HL_OK out->value is the caller's.
 * HL_E_SECRETS_NONE, HL_E_PASSWORD_NONE. */
HL_CHECKED hl_err client_entry_get(const char *file, struct hl_bytes text,
	enum client_entry_kind kind, const char *name, struct client_entry *out, char error[512]);

/** Bring the entry into the text, in place of one with its name. HL_E_ARG. On any error the text
 * is not to be written. */
HL_CHECKED hl_err client_entry_put(const struct hl_env *env, const char *file, struct hl_buf *text,
	const struct client_entry *e, char error[512]);

/** Take it out. HL_E_SECRETS_NONE, HL_E_PASSWORD_NONE. */
HL_CHECKED hl_err client_entry_remove(const char *file, struct hl_buf *text,
	enum client_entry_kind kind, const char *name, char error[512]);

/** Name them all, in their order. */
HL_CHECKED hl_err client_entry_list(const char *file, struct hl_bytes text,
	enum client_entry_kind kind, client_name_seen *seen, void *at, char error[512]);
