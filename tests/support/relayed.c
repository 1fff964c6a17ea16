#include "tests/support/relayed.h"

#include <stdlib.h>

static struct relay *relay[LIVE_EACH];

struct live *relayed_start(struct live_options options)
{
	static const struct hl_addr here = { .family = HL_INET, .ip = { 127, 0, 0, 1 } };
	char text[LIVE_EACH][HL_ADDR_TEXT];
	struct hl_addr at;
	struct live *w;

	for (unsigned i = 0; i < options.hsms; i++) {
		relay[i] = relay_start(&here, &at);
		if (!relay[i])
			return NULL;
		hl_addr_text(&at, text[i]);
		options.hsm_address[i] = text[i];
	}
	w = live_start(&options);
	for (unsigned i = 0; w && i < options.hsms; i++) {
		at = live_address(w, LIVE_HSM + i, LIVE_HSM_PORT);
		relay_to(relay[i], &at);
	}
	return w;
}

struct relay *relayed_of(const char *hsm)
{
	return relay[strtoul(hsm + strlen("hsm"), NULL, 10) - 1];
}

bool relayed_stop(struct live *w)
{
	for (unsigned i = 0; i < LIVE_EACH; i++) {
		relay_stop(relay[i]);
		relay[i] = NULL;
	}
	return live_stop(w);
}
