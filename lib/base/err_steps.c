/* err_steps.c - where on its way a connection may meet an error. */
#include "lib/base/err_steps.h"

#include <stddef.h>

#define AT(step) (1u << HL_STEP_##step)
#define NOWHERE 0u
#define GRANTING (AT(GRANT) | AT(RESULT)) /* the directory decides, the client hears of it */
#define GATEWAY (AT(HELLO) | AT(REQUEST) | AT(ANSWER) | AT(QUERY) | AT(GRANT) | AT(RESULT))
#define CHANNEL (AT(TLS) | AT(PROVED))
#define EVERYWHERE (GATEWAY | CHANNEL | AT(OPEN))

/* At which steps traces and messages tell of an error: first those that differ from their group, then the groups
 * (HL-01xx, ...), of which a code that stands nowhere else takes its steps. */
/* clang-format off */
static const struct { int least, most; unsigned steps; } rows[] = {
#define ONE(err, steps) { -(err), -(err), steps }
	ONE(HL_E_NOMEM,         AT(DNS) | EVERYWHERE),
	ONE(HL_E_BUG,           EVERYWHERE),
	ONE(HL_E_ARG,           AT(GRANT) | AT(RESULT) | AT(OPEN)),
	ONE(HL_E_FULL,          AT(OPEN)),
	ONE(HL_E_CRYPTO,        EVERYWHERE),
	ONE(HL_E_VERSION,       AT(HELLO) | AT(REQUEST)),
	ONE(HL_E_CHANNEL,       CHANNEL | AT(OPEN)),
	ONE(HL_E_PROXY_AUTH,    AT(REQUEST) | GRANTING),
	ONE(HL_E_SCRAM,         GATEWAY),
	ONE(HL_E_DIRECTORY,     AT(REQUEST) | AT(QUERY) | GRANTING),
	ONE(HL_E_TICKET,        AT(RESULT)),
	ONE(HL_E_STALE,         AT(RESULT)),
	ONE(HL_E_USED,          AT(PROVED)),
	ONE(HL_E_BUSY,          AT(HELLO) | AT(REQUEST) | AT(RESULT) | AT(PROVED) | AT(OPEN)),
	ONE(HL_E_HSM_AUTH,      AT(PROVED)),
	ONE(HL_E_IDENTITY,      AT(PROVED)),
	ONE(HL_E_SETUP_EXPIRED, AT(PROVED) | AT(OPEN)),
	ONE(HL_E_STORE,         GRANTING | AT(PROVED) | AT(OPEN)),
	ONE(HL_E_STORE_SCHEMA,  NOWHERE),
	ONE(HL_E_STORE_KEY,     NOWHERE),
	ONE(HL_E_NAME,          AT(DNS)),
	ONE(HL_E_NAME_TIMEOUT,  AT(DNS)),
	ONE(HL_E_PROXIES,       AT(HELLO)),
	ONE(HL_E_HSMS,          GRANTING),
	ONE(HL_E_TIMEOUT,       EVERYWHERE),
	ONE(HL_E_CLOSED,        EVERYWHERE),
	ONE(HL_E_REFUSED,       AT(HELLO) | AT(RESULT)),
	ONE(HL_E_UNKNOWN,       AT(OPEN)),
	{ 200, 299, EVERYWHERE },
	{ 300, 499, GRANTING },
	{ 500, 599, AT(OPEN) },
	{ 600, 699, AT(PROVED) | AT(OPEN) },
};
/* clang-format on */

unsigned hl_err_steps(hl_err err)
{
	int code = -(int)err;

	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (code >= rows[i].least && code <= rows[i].most)
			return rows[i].steps;
	return NOWHERE;
}
