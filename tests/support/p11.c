#include "tests/support/p11.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>

#include "client/edit.h"
#include "lib/os/files.h"
#include "tests/support/live_impl.h"

CK_FUNCTION_LIST_3_0 *p11_f;

static void *module;

bool p11_load(const struct live *w)
{
	char path[PATH_MAX];
	CK_C_GetInterface get;
	CK_INTERFACE *found = NULL;

	snprintf(path, sizeof path, "%s/.libs/libhsmlet-pkcs11.so", w->bin);
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		return live_fail("%s", dlerror());
	*(void **)&get = p11_symbol("C_GetInterface");
	if (!get || get(NULL, NULL, &found, 0) != CKR_OK)
		return live_fail("%s: no interface", path);
	p11_f = found->pFunctionList;
	return true;
}

void p11_unload(void)
{
	p11_f = NULL;
	CU_ASSERT_EQUAL(dlclose(module), 0);
	module = NULL;
}

void *p11_symbol(const char *name)
{
	return dlsym(module, name);
}

/* -- files ---------------------------------------------------------------------------------------------------- */

bool p11_set(const struct p11_client *c, const char *setting, const char *value)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(1u << 20);
	hl_err err = hl_file_read(c->files.conf, 1u << 20, &text);

	if (err == HL_OK)
		client_edit_set(&text, setting, value);
	if (err == HL_OK)
		err = text.err;
	if (err == HL_OK)
		err = hl_file_write(c->files.conf, 0600, hl_buf_view(&text));
	return err == HL_OK || live_fail("%s: %s", setting, hl_err_text(err));
}

static bool set_log(const struct p11_client *c)
{
	char value[PATH_MAX + 128];

	snprintf(value, sizeof value,
		"{\n\tfile = \"%s\";\n\twrite_syslog = false;\n\ttrace_mask = 7;\n\ttrace_level = 6;\n}", c->log);
	return p11_set(c, "primus.log", value);
}

bool p11_use(struct live *w, const char *name, struct p11_client *c)
{
	char under[160];

	snprintf(under, sizeof under, "log/%.64s-provider.log", name);
	live_path(w, under, c->log);
	return set_log(c) && setenv("HSMLET_CONF", c->files.conf, 1) == 0 &&
	       setenv("HSMLET_SECRETS", c->files.secrets, 1) == 0;
}

bool p11_client(struct live *w, const char *name, const struct live_account *account, struct p11_client *out)
{
	return live_client_ready(w, name, account, &out->files) && p11_use(w, name, out);
}

bool p11_hosts(const struct p11_client *c, const struct live_account *account, const struct p11_host *hosts, size_t n)
{
	HL_AUTO(hl_buf_clear) struct hl_buf group = hl_buf(64u << 10);

	hl_buf_text(&group, "{\n");
	for (size_t i = 0; i < n; i++)
		hl_buf_printf(&group,
			"\thsm%zu: { host = \"%s\"; port = \"%d\"; priority = %u; slots: { slot0: { client_id = \"test\"; "
			"user_name = \"%s\"; proxy_user = \"%s\"; id = %d; }; }; };\n",
			i, hosts[i].host, LIVE_PORT, hosts[i].priority, account->partition, account->user, P11_SLOT);
	hl_buf_text(&group, "}");
	hl_buf_put(&group, hl_bytes("", 1));
	return group.err == HL_OK && p11_set(c, "primus.hsms", (const char *)hl_buf_view(&group).p);
}

bool p11_connection(const struct p11_client *c, char hex[33])
{
	FILE *f = fopen(c->log, "r");
	char line[2048];
	const char *at;
	bool found = false;

	while (f && fgets(line, sizeof line, f)) {
		at = strstr(line, "Connected to HSM");
		at = at ? strstr(at, "connection ") : NULL;
		found = (at && sscanf(at, "connection %32[0-9a-f]", hex) == 1) || found;
	}
	if (f)
		fclose(f);
	return found;
}

int p11_logged(const struct p11_client *c, const char *text)
{
	FILE *f = fopen(c->log, "r");
	char line[2048];
	int n = 0;

	while (f && fgets(line, sizeof line, f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* -- sessions and keys ------------------------------------------------------------------------------------------ */

CK_SESSION_HANDLE p11_begin_logged_in(const struct live_account *account)
{
	CK_SESSION_HANDLE s = 0;

	CU_ASSERT_EQUAL(p11_f->C_Initialize(NULL), CKR_OK);
	CU_ASSERT_EQUAL(
		p11_f->C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), CKR_OK);
	CU_ASSERT_EQUAL(
		p11_f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)account->pin, strlen(account->pin)), CKR_OK);
	return s;
}

void p11_over(void)
{
	CU_ASSERT_EQUAL(p11_f->C_Finalize(NULL), CKR_OK);
}

static CK_BBOOL yes = CK_TRUE;
static CK_BYTE p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };

CK_RV p11_make_p256(CK_SESSION_HANDLE s, const char *label, struct p11_pair *out)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	void *name = (void *)(uintptr_t)label;
	CK_ATTRIBUTE public_key[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, name, strlen(label) },
		{ CKA_VERIFY, &yes, 1 }, { CKA_EC_PARAMS, p256, sizeof p256 } };
	CK_ATTRIBUTE key[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, name, strlen(label) }, { CKA_SIGN, &yes, 1 } };

	return p11_f->C_GenerateKeyPair(s, &m, public_key, 4, key, 3, &out->public_key, &out->key);
}

CK_RV p11_make_aes(CK_SESSION_HANDLE s, const char *label, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 32;
	CK_ATTRIBUTE key[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n } };

	return p11_f->C_GenerateKey(s, &m, key, 5, out);
}

static CK_ULONG find(CK_SESSION_HANDLE s, CK_ATTRIBUTE *like, CK_OBJECT_HANDLE *out, CK_ULONG max)
{
	CK_ULONG n = 0;

	CU_ASSERT_EQUAL(p11_f->C_FindObjectsInit(s, like, 1), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_FindObjects(s, out, max, &n), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_FindObjectsFinal(s), CKR_OK);
	return n;
}

CK_ULONG p11_find(CK_SESSION_HANDLE s, const char *label, CK_OBJECT_HANDLE *out, CK_ULONG max)
{
	CK_ATTRIBUTE like = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };

	return find(s, &like, out, max);
}

CK_ULONG p11_profiles(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_PROFILE;
	CK_ATTRIBUTE like = { CKA_CLASS, &class, sizeof class };
	CK_OBJECT_HANDLE some[16];

	return find(s, &like, some, HL_COUNT(some));
}
