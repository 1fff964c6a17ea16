#include "tests/support/objects.h"

#include <stdlib.h>

const struct hl_bytes p256 = { (const uint8_t *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10 };
const struct hl_bytes p384 = { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x22", 7 };
const struct hl_bytes p521 = { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x23", 7 };

const struct hsm_rules strict = { 0 };
const struct hsm_rules legacy = { .legacy_wrap = true };

const struct hl_bytes message = { (const uint8_t *)"a message of 32 bytes, not hashed", 32 };

void template_raw(struct template *t, uint32_t type, enum hl_form form, const void *p, size_t n)
{
	t->item[t->n++] = (struct hl_attribute){ type, (uint8_t)form, hl_bytes(p, n) };
}

void template_bytes(struct template *t, uint32_t type, const void *p, size_t n)
{
	template_raw(t, type, HL_FORM_BYTES, p, n);
}

void template_bool(struct template *t, uint32_t type, bool v)
{
	t->small[t->n][0] = v;
	template_raw(t, type, HL_FORM_BOOL, t->small[t->n], 1);
}

void template_number(struct template *t, uint32_t type, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		t->small[t->n][i] = (uint8_t)(v >> 8 * (7 - i));
	template_raw(t, type, HL_FORM_NUMBER, t->small[t->n], 8);
}

const struct hl_list *template_list(struct template *t)
{
	struct hl_object_row row = { { .items = t->item, .count = t->n } };

	hl_buf_clear(&t->wire);
	t->wire = hl_buf(HL_BUF_MAX);
	hl_body_put(&t->wire, &hl_msg_object_row, &row);
	if (t->wire.err != HL_OK ||
		hl_body_get(&hl_msg_object_row, hl_buf_view(&t->wire), &t->row) != HL_OK)
		abort();
	return &t->row.attributes;
}

void template_clear(struct template *t)
{
	hl_buf_clear(&t->wire);
	*t = (struct template){ 0 };
}

hl_err make(uint32_t mechanism, struct template *private_, struct template *public_,
	struct hsm_object *key, struct hsm_object *public_key, const char **why)
{
	hl_err rc = hsm_key_generate(mechanism, hl_bytes(NULL, 0), template_list(private_),
		template_list(public_), &strict, key, public_key, why);

	template_clear(private_);
	template_clear(public_);
	return rc;
}

static void must_make(uint32_t mechanism, struct template *public_, struct hsm_object *key,
	struct hsm_object *public_key)
{
	struct template private_ = { 0 };
	const char *why;

	if (make(mechanism, &private_, public_, key, public_key, &why) != HL_OK)
		abort();
}

void make_ec_pair(struct hl_bytes params, struct hsm_object *key, struct hsm_object *public_key)
{
	struct template t = { 0 };

	template_bytes(&t, HL_CKA_EC_PARAMS, params.p, params.n);
	must_make(HL_CKM_EC_KEY_PAIR_GEN, &t, key, public_key);
}

void make_rsa_pair(uint64_t bits, struct hsm_object *key, struct hsm_object *public_key)
{
	struct template t = { 0 };

	template_number(&t, HL_CKA_MODULUS_BITS, bits);
	must_make(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, &t, key, public_key);
}

void hsm_key_freep(struct hsm_key **k)
{
	hsm_key_free(*k);
}

void pair_parse(struct pair *p)
{
	if (hsm_key_parse(&p->object, &p->key) != HL_OK ||
		hsm_key_parse(&p->public_object, &p->public_key) != HL_OK)
		abort();
}

void pair_clear(struct pair *p)
{
	hsm_key_free(p->key);
	hsm_key_free(p->public_key);
	hsm_object_clear(&p->object);
	hsm_object_clear(&p->public_object);
}

hl_err sign(struct hsm_key *k, uint32_t mechanism, struct hl_bytes data, struct hl_buf *out)
{
	hl_buf_clear(out);
	*out = hl_buf(1024);
	return hsm_key_sign(k, mechanism, hl_bytes(NULL, 0), data, out);
}

hl_err verify(struct hsm_key *k, uint32_t mechanism, struct hl_bytes data, struct hl_bytes signature)
{
	return hsm_key_verify(k, mechanism, hl_bytes(NULL, 0), data, signature);
}

/* -- pairs that are parsed, and their attributes ------------------------------------------------------------- */

void pair_make_ec(struct pair *p, struct hl_bytes params)
{
	*p = (struct pair){ 0 };
	make_ec_pair(params, &p->object, &p->public_object);
	pair_parse(p);
}

void pair_make_rsa(struct pair *p, uint64_t bits)
{
	*p = (struct pair){ 0 };
	make_rsa_pair(bits, &p->object, &p->public_object);
	pair_parse(p);
}

struct hl_bytes object_value(const struct hsm_object *o, uint32_t type)
{
	const struct hl_attribute *a = hsm_attribute(o, type);

	return a ? a->value : hl_bytes(NULL, 0);
}
