/* stage.h - a real loop and shell around the toy core, which listens at a port of its own. */
#pragma once

#include <ev.h>

#include "lib/os/conn.h"
#include "lib/os/env.h"
#include "tests/support/test.h"
#include "tests/support/toy.h"

struct stage {
	struct ev_loop *loop;
	struct hl_os_env env;
	struct toy toy;
	struct hl_shell *shell;
	struct hl_addr at; /* where the toy listens */
	int64_t until_us;
};

#define LIMIT_US 60000000 /* no test takes longer */

extern const struct hl_addr anywhere; /* any port of 127.0.0.1 */

/** With these bounds of the ports' buffers; fatal where it fails. */
void set_up(struct stage *s, enum play play, size_t in_max, size_t out_max);
void tear_down(struct stage *s);
/** Let the loop turn once, waiting or not; false when the test has taken too long. */
bool turn(struct stage *s, int how);
/** The connection of the toy's i-th port. */
struct hl_conn *conn_of(struct stage *s, unsigned i);
/** A socket that is connected and does not block; fatal where it fails. */
int connect_to(const struct hl_addr *to);

/** A timer that ends a wait. */
void bound_begin(struct stage *s, ev_timer *bound);
/* Block in the loop until it has brought about what is expected. */
#define WAIT_UNTIL(s, condition) \
	do { \
		ev_timer bound_; \
		bound_begin(s, &bound_); \
		while (!(condition) && turn(s, EVRUN_ONCE)) \
			; \
		ev_timer_stop((s)->loop, &bound_); \
		CU_ASSERT((condition) != 0); \
	} while (0)
