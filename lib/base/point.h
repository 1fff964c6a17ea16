/* point.h - the named fault points: each is one line in the code, hl_fault(env, POINT, ...). */
#pragma once

/* clang-format off */
/* name in C, role.part.event, step, text */
#define HL_POINTS(X) \
	X(HL_AT_CLIENT_HELLO,    "client.hello.send",     1, "the client is about to say hello to a proxy") \
	X(HL_AT_CLIENT_REQUEST,  "client.request.read",   2, "the client has read the proxy's request") \
	X(HL_AT_CLIENT_RESULT,   "client.result.read",    6, "the client has read the gateway's result") \
	X(HL_AT_CLIENT_PROOF,    "client.proof.read",     8, "the client has read the HSM's signature") \
	X(HL_AT_PROXY_HELLO,     "proxy.hello.read",      1, "the proxy has read a hello") \
	X(HL_AT_PROXY_ANSWER,    "proxy.answer.read",     3, "the proxy has read the client's proof") \
	X(HL_AT_PROXY_GRANT,     "proxy.grant.read",      5, "the proxy has read the directory's grant") \
	X(HL_AT_PROXY_RELAY,     "proxy.relay.start",     7, "the proxy is about to pass bytes through") \
	X(HL_AT_DIR_QUERY,       "directory.query.read",  4, "the directory has read a query") \
	X(HL_AT_DIR_GRANT,       "directory.grant.send",  5, "the directory is about to grant") \
	X(HL_AT_HSM_TICKET,      "hsm.ticket.read",       7, "the HSM has read a ticket") \
	X(HL_AT_HSM_FINISHED,    "hsm.finished.read",     8, "the client's Finished has verified") \
	X(HL_AT_HSM_REQUEST,     "hsm.op.read",           9, "the HSM has read a request") \
	X(HL_AT_HSM_COMMITTED,   "hsm.op.committed",      9, "an effect is committed, its answer not yet sent")
/* clang-format on */

#define X(id, name, step, text) id,
enum hl_point { HL_POINTS(X) HL_POINT_COUNT };
#undef X
