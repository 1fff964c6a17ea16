/* ppin_fortinet.c - `ppin --fortinet`: the secrets of one user as base64, to be pasted into an appliance. */
#include "cli/ppin.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "client/entry.h"
#include "client/secrets.h"
#include "lib/os/env.h"

#define TEXT_MAX 3072 /* more the appliance does not take */

/* What is asked for before it is printed: `SETUP [PIN]` of the user, the password of the service user. */
static hl_err store(struct ppin *p, const struct client_slot *slot)
{
	HL_AUTO(hl_secret_clear) struct hl_secret setup = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret pin = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };

	if (p->o.proxy_password) {
		HL_TRY(hl_secret_set(&password, hl_text(p->o.proxy_password)));
		HL_TRY(ppin_take_password(p, slot, &password));
	}
	if (p->c.operands == 0)
		return HL_OK;
	HL_TRY(ppin_secret(p, 0, PPIN_SETUP, slot->partition, &setup));
	if (p->c.operands > 1)
		HL_TRY(ppin_secret(p, 1, PPIN_PIN, slot->partition, &pin));
	HL_TRY(ppin_exchange(p, slot->partition, &setup, P11_NOT_ADDED));
	return ppin_try_pin(p, slot->partition, &pin);
}

/* -- the text ------------------------------------------------------------------------------------------------- */

static hl_err put_user(struct ppin *p, const struct hl_env *env, const char *partition, struct hl_buf *text)
{
	struct client_entry e = { .kind = CLIENT_ENTRY_USER };
	struct client_secret s = { 0 };
	char error[512] = "";
	hl_err err = client_secret_get(p->k.secrets, partition, &s, error);

	if (err == HL_OK) {
		e.generation = s.generation;
		e.value = s.secret;
		memcpy(e.name, s.partition, sizeof e.name);
		memcpy(e.identity, s.identity, sizeof e.identity);
		err = client_entry_put(env, p->k.secrets, text, &e, error);
	}
	hl_secret_clear(&s.secret);
	return err == HL_OK ? HL_OK : cli_fail(&p->c, err, "%s", *error ? error : partition);
}

/* One that primus.cfg has stays there. */
static hl_err put_service(struct ppin *p, const struct hl_env *env, const char *user, struct hl_buf *text)
{
	struct client_entry e = { .kind = CLIENT_ENTRY_PROXY };
	char error[512] = "";
	hl_err err = client_password_get(p->k.secrets, user, &e.value, error);

	if (err == HL_E_PASSWORD_NONE)
		return HL_OK;
	snprintf(e.name, sizeof e.name, "%s", user);
	if (err == HL_OK)
		err = client_entry_put(env, p->k.secrets, text, &e, error);
	hl_secret_clear(&e.value);
	return err == HL_OK ? HL_OK : cli_fail(&p->c, err, "%s", error);
}

static hl_err write_text(struct ppin *p, const struct client_slot *slot, struct hl_buf *text)
{
	struct hl_os_env env;
	hl_err err = hl_os_env_open(&env, &(struct hl_os_env_config){ .role = "client", .who = "ppin" });

	if (err != HL_OK)
		return cli_fail(&p->c, err, "the environment");
	err = put_user(p, &env.env, slot->partition, text);
	if (err == HL_OK)
		err = put_service(p, &env.env, slot->service_user, text);
	hl_os_env_close(&env);
	return err;
}

static hl_err print_base64(struct ppin *p, struct hl_bytes text)
{
	size_t n = 4 * ((text.n + 2) / 3);
	char *line;

	if (text.n > TEXT_MAX)
		return cli_fail(&p->c, HL_E_TOO_LONG, "%zu bytes of secrets, over %d", text.n, TEXT_MAX);
	line = malloc(n + 1);
	if (!line)
		return cli_fail(&p->c, HL_E_NOMEM, "the text");
	EVP_EncodeBlock((unsigned char *)line, text.p, (int)text.n);
	fprintf(p->c.out, "%s\n", line);
	OPENSSL_cleanse(line, n);
	free(line);
	return HL_OK;
}

hl_err ppin_fortinet(struct ppin *p)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(1u << 16);
	const struct client_slot *slot;
	hl_err err = cli_secrets_slot(&p->c, &p->conf, p->o.user, p->o.proxy_user, &slot);

	if (err != HL_OK)
		return ppin_numbered(p, err, P11_USER_UNKNOWN);
	HL_TRY(store(p, slot));
	HL_TRY(write_text(p, slot, &text));
	return print_base64(p, hl_buf_view(&text));
}
