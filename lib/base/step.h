/* step.h - the steps of a connection, under the names that code, traces, logs, exit messages and
 * documents share. */
#pragma once

/* clang-format off */
/* name in C, number, name everywhere else, from, to, what crosses */
#define HL_STEPS(X) \
	X(HL_STEP_DNS,     0, "dns.pick",     "client",    "dns",       "pool name; one address is drawn at random") \
	X(HL_STEP_HELLO,   1, "hello.proxy",  "client",    "proxy",     "versions, connection id, partition, SCRAM client-first") \
	X(HL_STEP_REQUEST, 2, "auth.request", "proxy",     "client",    "SCRAM server-first: nonce, salt, iterations") \
	X(HL_STEP_ANSWER,  3, "auth.answer",  "client",    "proxy",     "SCRAM client-final: proof of the service password") \
	X(HL_STEP_QUERY,   4, "dir.query",    "proxy",     "directory", "the exact bytes of steps 1 to 3, the peer's address") \
	X(HL_STEP_GRANT,   5, "dir.grant",    "directory", "proxy",     "a ticket for each HSM of the cluster, server signature") \
	X(HL_STEP_RESULT,  6, "auth.result",  "proxy",     "client",    "server signature; an HSM was reached") \
	X(HL_STEP_TLS,     7, "hello.hsm",    "client",    "hsm",       "TLS 1.3 ClientHello, through the proxy") \
	X(HL_STEP_PROVED,  8, "hsm.result",   "hsm",       "client",    "ServerHello to Finished, then the HSM's signature") \
	X(HL_STEP_OPEN,    9, "operation",    "client",    "hsm",       "requests and replies inside the channel")
/* clang-format on */

#define X(id, n, name, from, to, what) id = n,
enum hl_step { HL_STEPS(X) HL_STEP_COUNT };
#undef X

struct hl_step_row {
	const char *name, *from, *to, *what;
};

/** The row of `step`; that of HL_STEP_OPEN for a number outside the table. */
const struct hl_step_row *hl_step_row(unsigned step);
