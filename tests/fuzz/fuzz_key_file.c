/* fuzz_key_file.c - any bytes are a key or a certificate, all of whose parts lie within them, or are refused with a reason. */
#include "cli/key_file.h"
#include "lib/wire/numbers.h"
#include "tests/fuzz/fuzz.h"

/* Keys of RFC 8410 (10.1, 10.3), a point and a scalar on P-256 and an RSA key of small numbers, and the frame of a certificate. */
static const char *const seeds[] = {
	"302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842",
	"302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
	"3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420"
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	"3059301306072a8648ce3d020106082a8648ce3d03010703420004"
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	"3031020100300d06092a864886f70d0101010500041d301b020100020121020103020107020103020105020101020101020102",
	"30193012a003020102020105300030003000300030003000030100",
};

static bool lies_in(hsmlet_attribute a, const void *p, size_t n)
{
	uintptr_t at = (uintptr_t)a.value, in = (uintptr_t)p;

	return at >= in && at + a.n <= in + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cli_key_parts k;
	char why[CLI_KEY_WHY] = "";
	hl_err err = cli_key_parse(hl_bytes(data, n), &k, why);

	HL_FUZZ_MUST(err == HL_OK || (err == HL_E_KEY_FILE && why[0]));
	if (err != HL_OK)
		return 0;
	HL_FUZZ_MUST(cli_key_form_of(hl_bytes(data, n)) <= CLI_KEY_CERTIFICATE);
	HL_FUZZ_MUST(k.parts >= 2 && k.parts <= CLI_KEY_PARTS && k.kind[0]);
	for (size_t i = 0; i < k.parts; i++)
		HL_FUZZ_MUST(lies_in(k.part[i], data, n) || lies_in(k.part[i], k.point, sizeof k.point));
	return 0;
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	size_t n = 0;

	if (i < HL_COUNT(seeds))
		HL_FUZZ_MUST(hl_unhex(seeds[i], strlen(seeds[i]), out, max, &n) == HL_OK);
	return n;
}
