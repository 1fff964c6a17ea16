/* kept.c - session objects: the HSM seals them, this client keeps them and brings them where they are not known. */
#include "client/link_impl.h"

#include <stdlib.h>

struct kept {
	uint64_t handle;
	bool private;
	bool changed;                  /* somebody may remember an older form of it; */
	uint8_t at[HL_CONNECTION_ID];  /* not who is at the other end of this connection */
	size_t n;
	uint8_t blob[];
};

void client_forget_object(struct client *c, uint64_t handle)
{
	free(hl_map_take(&c->kept, handle));
}

/* The map must not change under a walk, so each walk takes one out. */
void client_kept_clear(struct client *c, bool all)
{
	struct kept *k;

	do {
		size_t at = 0;

		while ((k = hl_map_next(&c->kept, &at)) != NULL && !all && !k->private)
			;
		if (k)
			client_forget_object(c, k->handle);
	} while (k);
	if (all)
		hl_map_clear(&c->kept);
}

static hl_err keep(struct client *c, const struct hl_kept *from, bool changed)
{
	struct kept *k = malloc(sizeof *k + from->blob.n);
	hl_err err;

	if (!k)
		return HL_E_NOMEM;
	*k = (struct kept){ .handle = from->handle, .private = from->private, .changed = changed, .n = from->blob.n };
	memcpy(k->at, c->id, sizeof k->at);
	memcpy(k->blob, from->blob.p, k->n);
	client_forget_object(c, from->handle);
	err = hl_map_put(&c->kept, from->handle, k);
	if (err != HL_OK)
		free(k);
	return err;
}

static hl_err keep_all(struct client *c, const struct hl_list *list)
{
	struct hl_bytes at = list->raw;
	struct hl_kept one;

	while (hl_list_next(&hl_msg_kept, &at, &one))
		HL_TRY(keep(c, &one, false));
	return HL_OK;
}

/* -- what comes ---------------------------------------------------------------------------------------- */

static const struct hl_field *kept_of(const struct hl_msg *m)
{
	for (size_t i = 0; i < m->fields; i++)
		if (m->field[i].kind == HL_LIST && m->field[i].item == &hl_msg_kept)
			return &m->field[i];
	return NULL;
}

hl_err client_kept_take(struct client *c, const struct hl_msg *m, const struct hl_frame *f)
{
	const struct hl_field *field = kept_of(m);
	uint64_t body[64]; /* aligned room for any reply's struct */

	if (!field)
		return HL_OK;
	if (m->size > sizeof body)
		return HL_E_BUG;
	HL_TRY(hl_msg_get(m, f, body));
	return keep_all(c, (const struct hl_list *)(const void *)((const uint8_t *)body + field->offset));
}

void client_kept_renew(struct client *c, const struct hl_frame *f)
{
	struct hl_object_kept told;
	struct hl_bytes at;
	struct hl_kept one;

	if (f->type != HL_T_object_kept || hl_msg_get(&hl_msg_object_kept, f, &told) != HL_OK)
		return;
	at = told.kept.raw;
	while (hl_list_next(&hl_msg_kept, &at, &one))
		if (hl_map_get(&c->kept, one.handle) && keep(c, &one, true) != HL_OK)
			return; /* the older form of it stays */
}

/* -- from link to link ----------------------------------------------------------------------------------- */

bool client_keeps(const struct client *c, uint64_t handle)
{
	return hl_map_get(&c->kept, handle);
}

bool client_object_changed(const struct client *c, uint64_t handle)
{
	const struct kept *k = hl_map_get(&c->kept, handle);

	return k && k->changed;
}

void client_object_get(const struct client *c, uint64_t handle, struct hl_buf *out)
{
	const struct kept *k = hl_map_get(&c->kept, handle);

	if (k)
		hl_buf_put(out, hl_bytes(k, sizeof *k + k->n));
}

void client_object_set(struct client *c, uint64_t handle, struct hl_bytes kept)
{
	struct kept *k = kept.n >= sizeof *k ? malloc(kept.n) : NULL;

	if (!k)
		return;
	memcpy(k, kept.p, kept.n);
	memset(k->at, 0, sizeof k->at); /* it was another link's */
	client_forget_object(c, handle);
	if (hl_map_put(&c->kept, handle, k) != HL_OK)
		free(k);
}

/* -- what is asked for ----------------------------------------------------------------------------------- */

static hl_err bring(struct client *c, struct kept *k)
{
	const struct hl_object_load load = {
		.seen_term = c->term,
		.seen_generation = c->generation,
		.blob = hl_bytes(k->blob, k->n),
	};

	HL_TRY(hl_channel_send(c->channel, &c->io, &hl_msg_object_load, client_next_id(c), &load));
	memcpy(k->at, c->id, sizeof k->at);
	hl_wish_send(&c->wishes, c->port);
	return HL_OK;
}

/* What the i-th field of a request names; NULL: nothing that is kept. */
static struct kept *named(const struct client *c, const struct client_call *call, size_t i)
{
	const struct hl_field *f = &call->msg->field[i];
	const uint8_t *body = call->body;

	return f->kind == HL_U64 ? hl_map_get(&c->kept, *(const uint64_t *)(const void *)(body + f->offset)) : NULL;
}

bool client_kept_bring(struct client *c, const struct client_call *call)
{
	struct kept *k;
	unsigned brought = 0;

	for (size_t i = 0; i < call->msg->fields; i++)
		if ((k = named(c, call, i)) != NULL) {
			if (bring(c, k) != HL_OK)
				return true; /* what finds no room now is asked for again */
			brought++;
		}
	return brought > 0;
}

hl_err client_kept_refresh(struct client *c, const struct client_call *call)
{
	struct kept *k;

	for (size_t i = 0; i < call->msg->fields && c->kept.n > 0; i++)
		if ((k = named(c, call, i)) != NULL && k->changed && memcmp(k->at, c->id, sizeof k->at) != 0)
			HL_TRY(bring(c, k));
	return HL_OK;
}
