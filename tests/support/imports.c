#include "tests/support/imports.h"

#include <stdio.h>
#include <stdlib.h>

const struct hsm_mechanism *vectors_mechanism(struct vectors *v, size_t i, const char *suffix)
{
	char name[128];
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	snprintf(name, sizeof name, "CKM_%s%s", v->column[i], suffix);
	for (; n > 0; n--, m++)
		if (strcmp(m->name, name) == 0)
			return m;
	fprintf(stderr, "%s: there is no such mechanism\n", name);
	abort();
}

/* -- keys ------------------------------------------------------------------------------------------ */

static const uint32_t uses[] = { HL_CKA_ENCRYPT, HL_CKA_DECRYPT, HL_CKA_WRAP, HL_CKA_UNWRAP, HL_CKA_SIGN,
	HL_CKA_VERIFY, HL_CKA_DERIVE };

static bool may_have(uint64_t class, uint32_t use)
{
	bool out = use == HL_CKA_ENCRYPT || use == HL_CKA_WRAP || use == HL_CKA_VERIFY;

	return class == HL_CKO_SECRET_KEY || use == HL_CKA_DERIVE || (class == HL_CKO_PUBLIC_KEY) == out;
}

void import(struct template *t, uint64_t class, uint64_t key_type, struct hsm_object *out)
{
	const char *why = "";
	hl_err err;

	template_number(t, HL_CKA_CLASS, class);
	template_number(t, HL_CKA_KEY_TYPE, key_type);
	for (size_t i = 0; i < HL_COUNT(uses); i++)
		if (may_have(class, uses[i]))
			template_bool(t, uses[i], true);
	err = hsm_object_create(template_list(t), &legacy, out, &why);
	template_clear(t);
	if (err != HL_OK) {
		fprintf(stderr, "import: %s: %s\n", hl_err_text(err), why);
		abort();
	}
}

struct hsm_key *import_parsed(struct template *t, uint64_t class, uint64_t key_type)
{
	AUTO_OBJECT o = { 0 };
	struct hsm_key *k = NULL;

	import(t, class, key_type, &o);
	if (hsm_key_parse(&o, &k) != HL_OK)
		abort();
	return k;
}

struct hsm_key *import_secret(uint64_t key_type, struct hl_bytes value)
{
	struct template t = { 0 };

	template_bytes(&t, HL_CKA_VALUE, value.p, value.n);
	return import_parsed(&t, HL_CKO_SECRET_KEY, key_type);
}

struct hl_bytes parameter(struct hl_buf *memory, const struct hl_msg *m, const void *body)
{
	hl_buf_clear(memory);
	*memory = hl_buf(HL_PARAMETER_MAX);
	if (m)
		hl_body_put(memory, m, body);
	if (memory->err != HL_OK)
		abort();
	return hl_buf_view(memory);
}
