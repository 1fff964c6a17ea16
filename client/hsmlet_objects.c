/* hsmlet_objects.c - the public API's objects: made, found, looked at, changed, destroyed. */
#include "client/hsmlet_impl.h"

#include <stdlib.h>

#include "lib/wire/numbers.h"

hl_err client_api_list(
	const hsmlet_attribute *from, size_t n, struct hl_attribute *items, struct hl_list *out)
{
	if (n > CLIENT_API_ATTRIBUTES)
		return HL_E_ARG;
	for (size_t i = 0; i < n; i++)
		items[i] = (struct hl_attribute){
			.type = from[i].type,
			.form = (uint8_t)from[i].form,
			.value = hl_bytes(from[i].value, from[i].n),
		};
	*out = (struct hl_list){ .items = items, .count = n };
	return HL_OK;
}

API int hsmlet_generate(hsmlet *h, uint32_t mechanism, const hsmlet_attribute *template_, size_t n,
	const hsmlet_attribute *public_template, size_t public_n, uint64_t *key, uint64_t *public_key,
	hsmlet_error *e)
{
	struct hl_attribute items[CLIENT_API_ATTRIBUTES], public_items[CLIENT_API_ATTRIBUTES];
	struct hl_generate request = { .mechanism = mechanism };
	struct hl_generated made;
	struct client_call call;
	int rc;

	if (client_api_list(template_, n, items, &request.template) != HL_OK ||
		client_api_list(public_template, public_n, public_items, &request.public_template) != HL_OK)
		return client_api_fail(e, HL_E_ARG, NULL, "template");
	rc = client_api_ask(h, &hl_msg_generate, &request, &hl_msg_generated, &made, &call, LIMIT_GENERATE_MS, e);
	hl_buf_clear(&call.frame);
	if (rc == 0)
		*key = made.handle;
	if (rc == 0 && public_key)
		*public_key = made.public_handle;
	return rc;
}

/* One request looks at a part of the objects; `request` is then ready for the next part. */
static int find_some(hsmlet *h, struct hl_find *request, uint64_t *handles, size_t *count, bool *more,
	int64_t until, hsmlet_error *e)
{
	const size_t most = *count + request->limit;
	struct hl_found found;
	struct hl_handle one;
	struct client_call call;
	int rc = client_api_ask_until(h, &hl_msg_find, request, &hl_msg_found, &found, &call, until, e);

	if (rc == 0) {
		for (struct hl_bytes at = found.handles.raw;
			*count < most && hl_list_next(&hl_msg_handle, &at, &one);)
			handles[(*count)++] = one.handle;
		*more = found.more;
		if (found.more && found.last <= request->after)
			rc = client_api_fail(e, HL_E_RANGE, NULL, "found"); /* it would go on for ever */
		request->after = found.last;
	}
	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_find(hsmlet *h, const hsmlet_attribute *template_, size_t n, uint64_t after,
	uint64_t *handles, size_t max, size_t *count, hsmlet_error *e)
{
	struct hl_attribute items[CLIENT_API_ATTRIBUTES];
	struct hl_find request = { .after = after };
	const int64_t until = client_api_deadline(h, LIMIT_MS);
	bool more = true;
	int rc = 0;

	*count = 0;
	if (max == 0 || client_api_list(template_, n, items, &request.template) != HL_OK)
		return client_api_fail(e, HL_E_ARG, NULL, "template");
	while (rc == 0 && more && *count < max) {
		request.limit = (uint32_t)(max - *count < 1024 ? max - *count : 1024);
		rc = find_some(h, &request, handles, count, &more, until, e);
	}
	return rc;
}

struct hsmlet_attributes {
	struct hl_buf frame; /* behind the values */
	size_t n;
	hsmlet_attribute item[CLIENT_API_ATTRIBUTES];
};

static void take_attributes(const struct hl_list *list, hsmlet_attributes *out)
{
	struct hl_attribute a;

	for (struct hl_bytes at = list->raw;
		out->n < CLIENT_API_ATTRIBUTES && hl_list_next(&hl_msg_attribute, &at, &a);) {
		bool gone = a.form == HL_FORM_UNAVAILABLE;

		out->item[out->n++] = (hsmlet_attribute){
			.type = a.type,
			.form = a.form,
			.value = gone ? NULL : a.value.p,
			.n = gone ? SIZE_MAX : a.value.n,
		};
	}
}

API int hsmlet_get_attributes(hsmlet *h, uint64_t object, const uint32_t *types, size_t n,
	hsmlet_attributes **out, hsmlet_error *e)
{
	struct hl_attribute_type items[CLIENT_API_ATTRIBUTES];
	struct hl_attributes_get request = { .handle = object, .types = { .items = items, .count = n } };
	struct hl_attributes answer;
	struct client_call call;
	hsmlet_attributes *a = n <= CLIENT_API_ATTRIBUTES ? calloc(1, sizeof *a) : NULL;
	int rc;

	if (!a)
		return client_api_fail(e, n <= CLIENT_API_ATTRIBUTES ? HL_E_NOMEM : HL_E_ARG, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		items[i].type = types[i];
	rc = client_api_ask(h, &hl_msg_attributes_get, &request, &hl_msg_attributes, &answer, &call, LIMIT_MS, e);
	a->frame = call.frame;
	if (rc == 0)
		take_attributes(&answer.attributes, a);
	if (rc == 0)
		*out = a;
	else
		hsmlet_attributes_free(a);
	return rc;
}

API size_t hsmlet_attributes_count(const hsmlet_attributes *a)
{
	return a->n;
}

API hsmlet_attribute hsmlet_attributes_at(const hsmlet_attributes *a, size_t i)
{
	return i < a->n ? a->item[i] : (hsmlet_attribute){ .form = HSMLET_UNAVAILABLE, .n = SIZE_MAX };
}

API void hsmlet_attributes_free(hsmlet_attributes *a)
{
	if (a)
		hl_buf_clear(&a->frame);
	free(a);
}

API int hsmlet_set_attributes(
	hsmlet *h, uint64_t object, const hsmlet_attribute *attributes, size_t n, hsmlet_error *e)
{
	struct hl_attribute items[CLIENT_API_ATTRIBUTES];
	struct hl_attributes_set request = { .handle = object };

	if (client_api_list(attributes, n, items, &request.attributes) != HL_OK)
		return client_api_fail(e, HL_E_ARG, NULL, "attributes");
	return client_api_done(h, &hl_msg_attributes_set, &request, e);
}

API int hsmlet_destroy(hsmlet *h, uint64_t object, hsmlet_error *e)
{
	struct hl_destroy request = { .handle = object };

	return client_api_done(h, &hl_msg_destroy, &request, e);
}

/* -- from parts, from another ------------------------------------------------------------------------------------ */

static int make(hsmlet *h, const struct hl_msg *msg, const void *body, uint64_t *object, hsmlet_error *e)
{
	struct hl_created made;
	struct client_call call;
	int rc = client_api_ask(h, msg, body, &hl_msg_created, &made, &call, LIMIT_MS, e);

	hl_buf_clear(&call.frame);
	if (rc == 0)
		*object = made.handle;
	return rc;
}

API int hsmlet_create(hsmlet *h, const hsmlet_attribute *template_, size_t n, uint64_t *object, hsmlet_error *e)
{
	struct hl_attribute items[CLIENT_API_ATTRIBUTES];
	struct hl_create request = { 0 };

	if (client_api_list(template_, n, items, &request.template) != HL_OK)
		return client_api_fail(e, HL_E_ARG, NULL, "template");
	return make(h, &hl_msg_create, &request, object, e);
}

API int hsmlet_copy(
	hsmlet *h, uint64_t from, const hsmlet_attribute *template_, size_t n, uint64_t *object, hsmlet_error *e)
{
	struct hl_attribute items[CLIENT_API_ATTRIBUTES];
	struct hl_copy request = { .handle = from };

	if (client_api_list(template_, n, items, &request.template) != HL_OK)
		return client_api_fail(e, HL_E_ARG, NULL, "template");
	return make(h, &hl_msg_copy, &request, object, e);
}
