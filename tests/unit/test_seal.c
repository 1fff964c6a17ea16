#include "hsm/seal.h"

#include "tests/support/test.h"

/* Bytes that never repeat, the same in every run. */
static void on_random(void *at, void *out, size_t n)
{
	uint64_t *state = at;

	for (uint8_t *p = out; n > 0; n--) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		*p++ = (uint8_t)(*state >> 56);
	}
}

static uint64_t state;
static const struct hl_env_ops ops = { .random = on_random };
static const struct hl_env env = { .ops = &ops, .at = &state };

static const uint8_t device_key[HSM_DEVICE_KEY] = "0123456789abcdef0123456789abcde";

static void freep(struct hsm_seal **s)
{
	hsm_seal_free(*s);
}

static struct hsm_seal *made(const void *key)
{
	struct hsm_seal *s = NULL;

	CU_ASSERT_EQUAL(hsm_seal_new(&env, hl_bytes(key, HSM_DEVICE_KEY), &s), HL_OK);
	return s;
}

static struct hsm_row sample(void)
{
	return (struct hsm_row){ .table = HSM_OBJECT,
		.partition = 5,
		.id = 6,
		.version = 7,
		.open = hl_text("attributes") };
}

/* `row` with `secret` sealed into it; the bytes are in `memory`. */
static void seal_row(
	const struct hsm_seal *s, struct hsm_row *row, const char *secret, struct hl_buf *memory)
{
	CU_ASSERT_EQUAL(hsm_seal(s, row, hl_text(secret), memory), HL_OK);
	CU_ASSERT_EQUAL(memory->n, strlen(secret) + HSM_SEAL_MORE);
	row->sealed = hl_buf_view(memory);
}

static bool opens(const struct hsm_seal *s, const struct hsm_row *row, const char *secret)
{
	HL_AUTO(hl_secret_clear) struct hl_secret got = { 0 };

	return hsm_unseal(s, row, &got) == HL_OK &&
		hl_bytes_eq(hl_secret_view(&got), hl_text(secret));
}

/* It does not open, says so, and leaves what the caller had. */
static bool stays_shut(const struct hsm_seal *s, const struct hsm_row *row)
{
	HL_AUTO(hl_secret_clear) struct hl_secret got = { 0 };

	CU_ASSERT_EQUAL(hl_secret_set(&got, hl_text("before")), HL_OK);
	return hsm_unseal(s, row, &got) == HL_E_STORE_SEAL &&
		hl_bytes_eq(hl_secret_view(&got), hl_text("before"));
}

static void what_is_sealed_opens(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);

	for (unsigned t = 0; t < HSM_SEALED_TABLES; t++) {
		HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
		struct hsm_row row = sample();

		row.table = (enum hsm_table)t;
		seal_row(s, &row, "a private key", &memory);
		CU_ASSERT(opens(s, &row, "a private key"));
		CU_ASSERT_PTR_NULL(memmem(row.sealed.p, row.sealed.n, "private", 7));
	}
}

static void an_empty_secret_still_binds_the_open_part(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
	struct hsm_row row = sample();

	row.open = hl_text("");
	seal_row(s, &row, "", &memory);
	CU_ASSERT(opens(s, &row, ""));
	row.open = hl_text("x");
	CU_ASSERT(stays_shut(s, &row));
}

static bool opens_kept(const struct hsm_seal *s, uint64_t partition, struct hl_bytes sealed, const char *secret)
{
	HL_AUTO(hl_secret_clear) struct hl_secret got = { 0 };

	return hsm_unseal_kept(s, HSM_KEPT_LOGIN, partition, sealed, &got) == HL_OK &&
		hl_bytes_eq(hl_secret_view(&got), hl_text(secret));
}

static bool stays_shut_kept(const struct hsm_seal *s, uint64_t partition, struct hl_bytes sealed)
{
	HL_AUTO(hl_secret_clear) struct hl_secret got = { 0 };

	CU_ASSERT_EQUAL(hl_secret_set(&got, hl_text("before")), HL_OK);
	return hsm_unseal_kept(s, HSM_KEPT_LOGIN, partition, sealed, &got) == HL_E_STORE_SEAL &&
		hl_bytes_eq(hl_secret_view(&got), hl_text("before"));
}

static void what_clients_keep_opens_for_their_partition_alone(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key), *other = made("another key, of 32 bytes as well");
	HL_AUTO(hl_buf_clear) struct hl_buf first = hl_buf(4096), second = hl_buf(4096);

	CU_ASSERT_EQUAL(hsm_seal_kept(s, HSM_KEPT_LOGIN, 5, hl_text("a login"), &first), HL_OK);
	CU_ASSERT_EQUAL(hsm_seal_kept(s, HSM_KEPT_LOGIN, 5, hl_text("a login"), &second), HL_OK);
	CU_ASSERT_EQUAL(first.n, 7 + HSM_KEPT_MORE);
	CU_ASSERT(!hl_bytes_eq(hl_bytes(hl_buf_view(&first).p + 2 + HSM_KEPT_SALT, 7),
		hl_bytes(hl_buf_view(&second).p + 2 + HSM_KEPT_SALT, 7))); /* each has a key of its own */
	CU_ASSERT(opens_kept(s, 5, hl_buf_view(&first), "a login"));
	CU_ASSERT(opens_kept(s, 5, hl_buf_view(&second), "a login"));
	CU_ASSERT(stays_shut_kept(s, 6, hl_buf_view(&first)));
	CU_ASSERT(stays_shut_kept(other, 5, hl_buf_view(&first)));
}

static void what_clients_altered_or_cut_does_not_open(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
	uint8_t copy[7 + HSM_KEPT_MORE];

	CU_ASSERT_EQUAL(hsm_seal_kept(s, HSM_KEPT_LOGIN, 5, hl_text("a login"), &memory), HL_OK);
	CU_ASSERT_EQUAL_FATAL(memory.n, sizeof copy);
	memcpy(copy, hl_buf_view(&memory).p, sizeof copy);
	for (size_t i = 0; i < sizeof copy; i++) {
		CU_ASSERT(stays_shut_kept(s, 5, hl_bytes(copy, i)));
		copy[i] ^= 1;
		CU_ASSERT(stays_shut_kept(s, 5, hl_bytes(copy, sizeof copy)));
		copy[i] ^= 1;
	}
	CU_ASSERT(opens_kept(s, 5, hl_bytes(copy, sizeof copy), "a login"));
}

static void a_row_that_is_another_does_not_open(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
	struct hsm_row row = sample(), other;

	seal_row(s, &row, "secret", &memory);
	other = row;
	other.table = HSM_PARTITION;
	CU_ASSERT(stays_shut(s, &other));
	other = row;
	other.partition++;
	CU_ASSERT(stays_shut(s, &other));
	other = row;
	other.id++;
	CU_ASSERT(stays_shut(s, &other));
	other = row;
	other.version--;
	CU_ASSERT(stays_shut(s, &other));
	other = row;
	other.open = hl_text("Attributes");
	CU_ASSERT(stays_shut(s, &other));
	other.open = hl_text("attribute");
	CU_ASSERT(stays_shut(s, &other));
	CU_ASSERT(opens(s, &row, "secret"));
}

static void every_flipped_bit_is_found(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
	struct hsm_row row = sample();
	uint8_t bytes[128];

	seal_row(s, &row, "secret", &memory);
	memcpy(bytes, row.sealed.p, row.sealed.n);
	row.sealed.p = bytes;
	for (size_t bit = 0; bit < row.sealed.n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(stays_shut(s, &row));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT(opens(s, &row, "secret"));
}

static void every_cut_is_refused(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
	struct hsm_row row = sample();
	size_t n;

	seal_row(s, &row, "secret", &memory);
	hl_buf_u8(&memory, 0);
	row.sealed = hl_buf_view(&memory);
	CU_ASSERT(stays_shut(s, &row));
	for (n = row.sealed.n - 1; n-- > 0;) {
		row.sealed.n = n;
		CU_ASSERT(stays_shut(s, &row));
	}
}

static void another_device_key_opens_nothing(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(freep) struct hsm_seal *other = NULL;
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
	uint8_t key[HSM_DEVICE_KEY];
	struct hsm_row row = sample();

	memcpy(key, device_key, sizeof key);
	key[31] ^= 1;
	other = made(key);
	seal_row(s, &row, "secret", &memory);
	CU_ASSERT(stays_shut(other, &row));
	CU_ASSERT_EQUAL(hsm_seal_new(&env, hl_bytes(key, 31), &s), HL_E_STORE_KEY);
}

static void no_two_seals_are_alike(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(hl_buf_clear) struct hl_buf one = hl_buf(4096), two = hl_buf(4096);
	struct hsm_row row = sample();

	seal_row(s, &row, "secret", &one);
	seal_row(s, &row, "secret", &two);
	CU_ASSERT_NOT_EQUAL(memcmp(one.base + 2, two.base + 2, 12), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(one.base + 14, two.base + 14, 6), 0);
	hl_buf_clear(&two);
}

static void what_does_not_fit_is_told(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(20);
	struct hsm_row row = sample();

	CU_ASSERT_EQUAL(hsm_seal(s, &row, hl_text("secret"), &memory), HL_E_FULL);
	CU_ASSERT_EQUAL(memory.n, 0);
	CU_ASSERT_EQUAL(hsm_seal(s, &row, hl_bytes("", HSM_PART_MAX), &memory), HL_E_ARG);
	row.table = HSM_TABLES;
	CU_ASSERT_EQUAL(hsm_seal(s, &row, hl_text("secret"), &memory), HL_E_ARG);
	row.table = HSM_LOG; /* all of it stands in the open */
	CU_ASSERT_EQUAL(hsm_seal(s, &row, hl_text("secret"), &memory), HL_E_ARG);
	CU_ASSERT(stays_shut(s, &row));
}

/* Computed with another implementation: Python's hashlib, hmac, and AESGCM of its package
 * cryptography, from the description in seal.h. */
static void the_format_is_as_described(void)
{
	static const char hex[] = "0101000102030405060708090a0b764af791"
				  "f8dcb760639170a6271e4d4ada96997a06a9";
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	struct hsm_row row = sample();
	uint8_t bytes[128];
	size_t n = 0;

	CU_ASSERT_EQUAL(hl_unhex(hex, sizeof hex - 1, bytes, sizeof bytes, &n), HL_OK);
	row.sealed = hl_bytes(bytes, n);
	CU_ASSERT(opens(s, &row, "secret"));
}

static bool mac_of(const struct hsm_macs *m, const struct hsm_row *row, uint8_t out[HSM_MAC])
{
	return m->row(m->at, row, out) == HL_OK;
}

static void a_row_mac_tells_all_of_the_row_and_the_device(void)
{
	static const uint8_t another_key[HSM_DEVICE_KEY] = "another";
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(freep) struct hsm_seal *other = made(another_key);
	const struct hsm_macs m = hsm_seal_macs(s), o = hsm_seal_macs(other);
	struct hsm_row rows[8];
	uint8_t mac[HL_COUNT(rows) + 1][HSM_MAC];

	for (size_t i = 0; i < HL_COUNT(rows); i++) {
		rows[i] = sample();
		rows[i].sealed = hl_text("sealed");
	}
	rows[1].table = HSM_TOKEN;
	rows[2].partition++;
	rows[3].id++;
	rows[4].version++;
	rows[5].open = hl_text("other");
	rows[6].sealed = hl_text("other");
	rows[7].sealed = hl_bytes(NULL, 0);
	for (size_t i = 0; i < HL_COUNT(rows); i++)
		CU_ASSERT(mac_of(&m, &rows[i], mac[i]));
	CU_ASSERT(mac_of(&o, &rows[0], mac[HL_COUNT(rows)]));
	for (size_t i = 0; i < HL_COUNT(mac); i++)
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(mac[i], mac[j], HSM_MAC), 0);
	CU_ASSERT(mac_of(&m, &rows[0], mac[1]));
	CU_ASSERT_EQUAL(memcmp(mac[0], mac[1], HSM_MAC), 0);
}

static void a_pair_is_no_row_and_no_other_pair(void)
{
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	const struct hsm_macs m = hsm_seal_macs(s);
	uint8_t row[HSM_MAC], slot[HSM_MAC], again[HSM_MAC];

	CU_ASSERT_EQUAL(m.pair(m.at, HSM_PAIR_ROW, hl_text("pair"), row), HL_OK);
	CU_ASSERT_EQUAL(m.pair(m.at, HSM_PAIR_SLOT, hl_text("pair"), slot), HL_OK);
	CU_ASSERT_EQUAL(m.pair(m.at, HSM_PAIR_ROW, hl_text("pair"), again), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(row, slot, HSM_MAC), 0);
	CU_ASSERT_EQUAL(memcmp(row, again, HSM_MAC), 0);
	CU_ASSERT_EQUAL(m.pair(m.at, HSM_PAIR_ROW, hl_text("Pair"), again), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(row, again, HSM_MAC), 0);
}

/* Computed with another implementation: Python's hashlib and hmac, from the description in seal.h. */
static void the_macs_are_as_described(void)
{
	static const char *const hex[] = { "1c4f227c6422791d53669c09e2ff4e503bef45ed92b72b51469ffb1b517950e3",
		"bb7502d57983465ecec582eaaca4f2f066522a72073dd1259e62ad1449b5197d" };
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	const struct hsm_macs m = hsm_seal_macs(s);
	struct hsm_row row = sample();
	uint8_t mac[2][HSM_MAC], right[HSM_MAC];
	size_t n = 0;

	row.sealed = hl_text("sealed");
	CU_ASSERT(mac_of(&m, &row, mac[0]));
	CU_ASSERT_EQUAL(m.pair(m.at, HSM_PAIR_SLOT, hl_text("pair"), mac[1]), HL_OK);
	for (size_t i = 0; i < HL_COUNT(hex); i++) {
		CU_ASSERT_EQUAL(hl_unhex(hex[i], 2 * HSM_MAC, right, sizeof right, &n), HL_OK);
		CU_ASSERT_EQUAL(memcmp(mac[i], right, HSM_MAC), 0);
	}
}

static void rows_of_this_device_open(void)
{
	static const uint8_t another_key[HSM_DEVICE_KEY] = "another";
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(freep) struct hsm_seal *other = made(another_key);
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(4096);
	const struct hsm_macs m = hsm_seal_macs(s), o = hsm_seal_macs(other);
	struct hsm_row row = sample();

	seal_row(s, &row, "identity", &memory);
	CU_ASSERT(m.opens(m.at, &row));
	CU_ASSERT(!o.opens(o.at, &row));
}

static void names_give_ids(void)
{
	/* SHA-256 of "abc" begins ba7816bf8f01cfea (FIPS 180-4's example), of "" e3b0c44298fc1c14. */
	CU_ASSERT_EQUAL(hsm_partition_id(hl_text("abc")), 0x3a7816bf8f01cfea);
	CU_ASSERT_EQUAL(hsm_partition_id(hl_text("")), 0x63b0c44298fc1c14);
}

static void a_request_mac_tells_type_fields_and_device(void)
{
	static const uint8_t another_key[HSM_DEVICE_KEY] = "another";
	HL_AUTO(freep) struct hsm_seal *s = made(device_key);
	HL_AUTO(freep) struct hsm_seal *other = made(another_key);
	uint8_t first[HL_MAC], again[HL_MAC];

	CU_ASSERT_EQUAL(hsm_request_mac(s, 0x1020, hl_text("fields"), first), HL_OK);
	CU_ASSERT_EQUAL(hsm_request_mac(s, 0x1020, hl_text("fields"), again), HL_OK);
	CU_ASSERT_EQUAL(memcmp(first, again, HL_MAC), 0);
	CU_ASSERT_EQUAL(hsm_request_mac(s, 0x1021, hl_text("fields"), again), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(first, again, HL_MAC), 0);
	CU_ASSERT_EQUAL(hsm_request_mac(s, 0x1020, hl_text("Fields"), again), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(first, again, HL_MAC), 0);
	CU_ASSERT_EQUAL(hsm_request_mac(s, 0x1020, hl_bytes(NULL, 0), again), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(first, again, HL_MAC), 0);
	CU_ASSERT_EQUAL(hsm_request_mac(other, 0x1020, hl_text("fields"), again), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(first, again, HL_MAC), 0);
}

static CU_TestInfo tests[] = {
	{ "what is sealed opens", what_is_sealed_opens },
	{ "an empty secret still binds the open part", an_empty_secret_still_binds_the_open_part },
	{ "a row that is another does not open", a_row_that_is_another_does_not_open },
	{ "every flipped bit is found", every_flipped_bit_is_found },
	{ "every cut is refused", every_cut_is_refused },
	{ "another device key opens nothing", another_device_key_opens_nothing },
	{ "no two seals are alike", no_two_seals_are_alike },
	{ "what does not fit is told", what_does_not_fit_is_told },
	{ "the format is as described", the_format_is_as_described },
	{ "a row's MAC tells all of the row and the device", a_row_mac_tells_all_of_the_row_and_the_device },
	{ "a pair is no row and no other pair", a_pair_is_no_row_and_no_other_pair },
	{ "the MACs are as described", the_macs_are_as_described },
	{ "rows of this device open", rows_of_this_device_open },
	{ "names give ids", names_give_ids },
	{ "a request's MAC tells type, fields and device", a_request_mac_tells_type_fields_and_device },
	{ "what clients keep opens for their partition alone", what_clients_keep_opens_for_their_partition_alone },
	{ "what clients altered or cut does not open", what_clients_altered_or_cut_does_not_open },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("seal", tests)
