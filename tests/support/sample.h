/* sample.h - messages of any table: random, within its bounds, and always the same ones.
 *
 * They own what they point to, so a test frees them with sample_free(). */
#pragma once

#include "lib/wire/msg.h"

/** A message with all of its fields, optional ones too; lists have items. Zeroed room for one more
 * struct hl_bytes lies behind it, at sample_extra(). Never NULL: without memory it aborts. */
void *sample_make(const struct hl_msg *m, uint64_t *state);
/** An empty one, with the same extra room. */
void *sample_room(const struct hl_msg *m);
size_t sample_extra(const struct hl_msg *m);
void sample_free(const struct hl_msg *m, void *body);

/** Replace the content of a field: the number, or so many bytes, letters or items. */
void sample_set(const struct hl_field *f, void *body, uint64_t measure, uint64_t *state);
/** The largest number that the field's kind can hold. */
uint64_t sample_most(const struct hl_field *f);
/** What its bounds speak of: the number, or how many bytes or items there are. */
uint64_t sample_measure(const struct hl_field *f, const void *body);

/** Whether `decoded` says what `made` says, items included. */
bool sample_same(const struct hl_msg *m, const void *made, const void *decoded);
