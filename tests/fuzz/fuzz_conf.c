/* fuzz_conf.c - any bytes as a primus.cfg: read it, and bring a host into what could be read. */
#include <stdio.h>
#include <stdlib.h>

#include "client/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max);

#define SLOT "slots: { slot0: { user_name = \"P\"; proxy_user = \"s\"; id = 1; }; };"

static const char *const seeds[] = {
	"primus: { hsms: { hsm0: { host = \"h\"; port = 1; " SLOT " }; }; };",
	"# c\nversion = \"1.0\";\nprimus = {\n wait_delay = 300, wait_max_tries = 0x7;\n connect_on_init = false;\n"
	" hsms: {\n  hsm0: { host = \"a\" \"b\"; port = \"2310\"; priority = 127; " SLOT
	" }; // x\n"
	"  hsm1: { host = \"c\"; port = 1; " SLOT " }; /* y */ };\n"
	" log: { file = \"C:\\tmp\\p.log\"; trace_mask = 0x05; trace_level = 6; trace_inout = true; };\n"
	" hsmlet: { resolver = \"[::1]:5300\"; realm = \"r\"; clock_page = \"/c\"; trace = \"/t\"; };\n};\n",
};

/* What was read once can be edited, or the edit is refused; it never makes a file that is not
 * read. */
static void edit(const uint8_t *data, size_t n)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	struct client_host h = { .host = "new.example", .port = 2310, .slots = 1 };
	struct client_conf own, c;
	char error[512];

	snprintf(h.slot[0].partition, sizeof h.slot[0].partition, "NEW");
	snprintf(h.slot[0].service_user, sizeof h.slot[0].service_user, "svc");
	h.slot[0].id = INT32_MAX;
	hl_buf_put(&text, hl_bytes(data, n));
	if (client_conf_defaults(&own) != HL_OK ||
		client_conf_edit("f", &text, &h, &own, error) != HL_OK)
		return;
	if (client_conf_parse("f", hl_buf_view(&text), &c, error) != HL_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct client_conf c;
	char error[512];

	if (client_conf_parse("f", hl_bytes(data, n), &c, error) == HL_OK)
		edit(data, n);
	client_conf_clear(&c);
	return 0;
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	size_t n = i < HL_COUNT(seeds) ? strlen(seeds[i]) : 0;

	if (n > max)
		return 0;
	if (n > 0)
		memcpy(out, seeds[i], n);
	return n;
}
