#include "lib/auth/identity.h"

hl_err hl_identity_text(struct hl_channel *c, uint8_t out[HL_IDENTITY_TEXT])
{
	memcpy(out, HL_IDENTITY_PREFIX, sizeof HL_IDENTITY_PREFIX); /* its NUL parts the two */
	return hl_channel_export(
		c, HL_IDENTITY_EXPORTER, out + sizeof HL_IDENTITY_PREFIX, HL_IDENTITY_EXPORTED);
}
