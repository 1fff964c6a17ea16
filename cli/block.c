/* block.c - which 127.a.b.0/24 a world gets: the first that nobody holds, from a place that depends on
 * the folder, so that a world mostly comes back to where it was. */
#include <string.h>
#include <unistd.h>

#include "cli/world.h"
#include "lib/os/listen.h"

#define FIRST_A 16
#define DNS_PORT 5300

/* FNV-1a, 32 bits. */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

void cli_block_name(const char *dir, unsigned i, char out[12])
{
	unsigned n = (hash(dir) % CLI_BLOCKS + i % CLI_BLOCKS) % CLI_BLOCKS;

	snprintf(out, 12, "127.%u.%u", (FIRST_A + n / 256) & 0xff, n % 256);
}

bool cli_block_is_free(const char *block)
{
	struct hl_addr at;
	char text[HL_ADDR_TEXT];
	int fd = -1;

	snprintf(text, sizeof text, "%s.1:%d", block, DNS_PORT);
	if (hl_addr_parse(text, &at) != HL_OK || hl_listen_udp(&at, &fd, NULL) != HL_OK)
		return false;
	close(fd);
	return true;
}

hl_err cli_block_choose(const char *dir, unsigned *i, char out[12])
{
	for (unsigned tried = 0; tried < CLI_BLOCKS; tried++) {
		char block[12];

		cli_block_name(dir, *i + tried, block);
		if (!cli_block_is_free(block))
			continue;
		memcpy(out, block, sizeof block);
		*i += tried;
		return HL_OK;
	}
	return HL_E_FULL;
}
