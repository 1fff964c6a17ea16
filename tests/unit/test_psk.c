#include "lib/auth/psk.h"
#include "tests/support/channels.h"
#include "tests/support/test.h"

static struct hl_psk_use use_of(const struct setting *s)
{
	return (struct hl_psk_use){ .binding = { s->binding[0], sizeof s->binding[0] },
		.initiator = s->initiator[0], .responder = s->responder[0], .name = s->name[0],
		.kind = (uint8_t)s->kind[0], .generation = s->generation[0] };
}

static void derive(const struct setting *s, uint8_t out[HL_PSK])
{
	struct hl_psk_use use = use_of(s);

	CU_ASSERT_EQUAL(hl_psk_derive(hl_bytes(s->secret[0], 32), &use, out), HL_OK);
}

static void is_hkdf_written_by_hand(void)
{
	/* Made with the HMAC of another language. */
	static const char known[] = "6b47767ae8b292f919f026569d599d30e46fc119871a8ea56c9348d2752f8e33"
				    "a862cfa298d18648214903f054ae0ab1";
	struct setting s = setting();
	uint8_t ours[HL_PSK], theirs[HL_PSK];
	char hex[2 * HL_PSK + 1];

	derive(&s, ours);
	psk_by_hand(&s, 0, theirs);
	CU_ASSERT_EQUAL(memcmp(ours, theirs, HL_PSK), 0);
	hl_hex(hl_bytes(ours, HL_PSK), hex);
	CU_ASSERT_STRING_EQUAL(hex, known);
}

static void each_field_makes_another_key(void)
{
	struct setting s[11];
	uint8_t key[HL_COUNT(s)][HL_PSK];

	for (size_t i = 0; i < HL_COUNT(s); i++)
		s[i] = setting();
	s[1].binding[0][31] ^= 1;
	s[2].secret[0][31] ^= 1;
	s[3].initiator[0] = "proxy";
	s[4].responder[0] = "proxy";
	s[5].name[0] = "PRIMUSDEV101";
	s[6].kind[0] = HL_CHANNEL_SETUP;
	s[7].generation[0] = 8;
	s[8].initiator[0] = "hsm", s[8].responder[0] = "client";
	s[9].initiator[0] = "clienth", s[9].responder[0] = "sm"; /* the same bytes, cut elsewhere */
	s[10].responder[0] = "", s[10].name[0] = "hsmPRIMUSDEV100";
	for (size_t i = 0; i < HL_COUNT(s); i++) {
		derive(&s[i], key[i]);
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(memcmp(key[i], key[k], HL_PSK), 0);
	}
}

static void what_is_too_short_or_long_is_refused(void)
{
	struct setting s = setting();
	struct hl_psk_use use = use_of(&s);
	uint8_t out[HL_PSK];
	char text[HL_PSK_FIELD_MAX + 2];

	memset(text, 'x', sizeof text);
	text[HL_PSK_FIELD_MAX + 1] = 0;
	CU_ASSERT_EQUAL(hl_psk_derive(hl_bytes(s.secret[0], 15), &use, out), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_psk_derive(hl_bytes(s.secret[0], 16), &use, out), HL_OK);
	use.name = text;
	CU_ASSERT_EQUAL(hl_psk_derive(hl_bytes(s.secret[0], 32), &use, out), HL_E_ARG);
	use.initiator = use.responder = use.name = text + 1; /* three of the longest */
	CU_ASSERT_EQUAL(hl_psk_derive(hl_bytes(s.secret[0], 32), &use, out), HL_OK);
	use.binding.n = 0;
	CU_ASSERT_EQUAL(hl_psk_derive(hl_bytes(s.secret[0], 32), &use, out), HL_E_ARG);
}

static CU_TestInfo tests[] = {
	{ "the key is HKDF as written by hand", is_hkdf_written_by_hand },
	{ "each field makes another key", each_field_makes_another_key },
	{ "what is too short or too long is refused", what_is_too_short_or_long_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("psk", tests)
