/* chain.h - how the entries of a partition's log hang together.
 *
 * The open part of a row of HSM_LOG begins with the link of the row before it and with its own, then comes the entry:
 *
 *	| link 7 | link 8 | entry 8 |    | link 8 | link 9 | entry 9 |    ...
 *
 * A link is keyed, over partition, number, the link before and the entry: who has no key can neither change an entry
 * nor take one out of the middle. The first one of a log follows a link of zeros. */
#pragma once

#include "hsm/store.h"

/* The longest entry, in bytes. */
#define HSM_ENTRY_MAX 4096

struct hsm_entry {
	struct hl_bytes before, link; /* HSM_MAC bytes each */
	struct hl_bytes text;         /* what was appended */
};

/** The parts of a row's open part, as views of it. HL_E_SHORT, HL_E_RANGE. */
HL_CHECKED hl_err hsm_chain_read(struct hl_bytes open, struct hsm_entry *out);

/** For stores: the row that `put` appends behind `last`, the partition's newest (NULL: there is none). Its open part is
 * appended to `memory`. HL_E_STORE: `last` is no row of a log; HL_E_FULL, HL_E_NOMEM, HL_E_CRYPTO. */
HL_CHECKED hl_err hsm_chain_row(
	const struct hsm_put *put, const struct hsm_row *last, struct hl_buf *memory, struct hsm_row *out);

/** Whether the entry of `row` is what was appended there, and stands right behind `before`, the row with the number
 * before its own (NULL: that one is gone). HL_E_STORE_SUM, HL_E_CRYPTO, HL_E_NOMEM. */
HL_CHECKED hl_err hsm_chain_check(
	const struct hsm_macs *macs, const struct hsm_row *before, const struct hsm_row *row, struct hsm_entry *out);
/** The second half of that alone: the order. */
bool hsm_chain_follows(const struct hsm_row *before, const struct hsm_row *row);
