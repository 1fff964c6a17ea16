/* imports.h - mechanisms and keys of what stands in the files of tests/vectors. */
#pragma once

#include "tests/support/objects.h"
#include "tests/support/vectors.h"

/** The mechanism CKM_ and this column, with `suffix` behind it. */
const struct hsm_mechanism *vectors_mechanism(struct vectors *v, size_t i, const char *suffix);

/** An object from its parts, good for everything; the template is then cleared. Aborts where that fails. */
void import(struct template *t, uint64_t class, uint64_t key_type, struct hsm_object *out);
/** The same for a secret key, parsed. */
struct hsm_key *import_secret(uint64_t key_type, struct hl_bytes value);
struct hsm_key *import_parsed(struct template *t, uint64_t class, uint64_t key_type);

/** Fields of a parameter, as they arrive from the wire, into an emptied buffer. */
struct hl_bytes parameter(struct hl_buf *memory, const struct hl_msg *m, const void *body);
