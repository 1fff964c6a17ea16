/* Two connections joined: bytes move between them without the core.
 *
 *	a --read--> scratch --write--> b	what b does not take waits in b.pend, and a is
 *	b --read--> scratch --write--> a	not read until that is written
 *
 * A direction ends when its reader is `done` (end of file, or told to stop) and its writer has been
 * `shut` after all that waited; the relay ends when both have. */
#include "lib/os/conn.h"

#include <errno.h>
#include <sys/socket.h>

static void count(struct hl_conn *to, size_t n)
{
	size_t own = n < to->owed ? n : to->owed;

	to->owed -= own;
	to->other->moved += n - own;
}

/* Nothing can be written to `c` any more. What it sent before may still be there to be read. */
static void lose_output(struct hl_conn *c)
{
	c->broken = c->shut = true;
	hl_buf_reset(&c->pend);
	hl_conn_watch(c, &c->wr, false);
	c->other->done = true;
	hl_conn_watch(c->other, &c->other->rd, false);
	hl_conn_limit(c, hl_mono_us(c->shell->env) + HL_DRAIN_US);
}

static void lose(struct hl_conn *c)
{
	c->done = true;
	hl_conn_watch(c, &c->rd, false);
	lose_output(c);
}

static void end_both(struct hl_conn *a, hl_err err)
{
	struct hl_shell *s = a->shell;
	struct hl_conn *b = a->other;
	struct hl_event e[2] = {
		{ .kind = HL_EV_ENDED, .port = a->port, .err = err, .moved = a->moved },
		{ .kind = HL_EV_ENDED, .port = b->port, .err = err, .moved = b->moved },
	};

	hl_conn_retire(a);
	hl_conn_retire(b);
	hl_shell_tell(s, &e[0]);
	hl_shell_tell(s, &e[1]);
	hl_shell_pump(s);
}

/* Watch what can move towards `c`, and pass on the end of the other's side. */
static void balance(struct hl_conn *c)
{
	struct hl_conn *from = c->other;
	bool full = c->pend.n > 0;

	hl_conn_watch(c, &c->wr, full);
	hl_conn_watch(from, &from->rd, !full && !from->done);
	if (!full && from->done && !c->shut) {
		shutdown(c->fd, SHUT_WR);
		c->shut = true;
	}
}

/* The last thing that a callback does: afterwards both may be gone. */
static void settle(struct hl_conn *c)
{
	struct hl_conn *other = c->other;

	balance(c);
	balance(other);
	if (c->shut && other->shut)
		end_both(c, c->broken || other->broken ? HL_E_CLOSED : HL_OK);
}

static void push(struct hl_conn *c)
{
	struct hl_bytes b = hl_buf_view(&c->pend);
	ssize_t n = b.n > 0 ? hl_conn_send(c, b.p, b.n) : 0;

	if (n < 0 || c->pend.err != HL_OK) {
		lose_output(c);
	} else if (n > 0) {
		count(c, (size_t)n);
		hl_buf_eat(&c->pend, (size_t)n);
	}
}

static void pass(struct hl_conn *to, const uint8_t *p, size_t n)
{
	ssize_t sent = hl_conn_send(to, p, n);

	if (sent < 0) {
		lose_output(to);
		return;
	}
	count(to, (size_t)sent);
	if ((size_t)sent == n)
		return;
	hl_buf_put(&to->pend, hl_bytes(p + sent, n - (size_t)sent));
	if (to->pend.err != HL_OK)
		lose_output(to);
}

void hl_relay_readable(struct hl_conn *c)
{
	uint8_t *scratch = c->shell->scratch;
	ssize_t n = recv(c->fd, scratch, HL_SCRATCH, 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n > 0)
		pass(c->other, scratch, (size_t)n);
	else if (n == 0)
		c->fin = c->done = true;
	else
		lose(c);
	settle(c);
}

void hl_relay_writable(struct hl_conn *c)
{
	push(c);
	settle(c);
}

/* What the core wrote to `c` goes first, then what it had not yet taken from the other. */
static void join(struct hl_conn *c, struct hl_conn *other)
{
	struct hl_shell *s = c->shell;
	struct hl_port *to = s->ops->port(s->core, c->port);
	struct hl_port *from = s->ops->port(s->core, other->port);

	c->state = CONN_RELAY;
	c->other = other;
	c->stuck = false;
	if (to) {
		c->owed = to->out.n;
		hl_buf_move(&c->pend, &to->out);
	}
	if (from)
		hl_buf_move(&c->pend, &from->in);
}

void hl_relay_start(struct hl_conn *a, struct hl_conn *b)
{
	hl_conn_unpause(a);
	hl_conn_unpause(b);
	join(a, b);
	join(b, a);
	push(a);
	push(b);
	settle(a);
}

void hl_relay_close(struct hl_conn *c, bool drain)
{
	struct hl_conn *other = c->other;

	if (!drain) {
		c->broken = other->broken = true; /* nothing lingers */
		end_both(c, HL_OK);
		return;
	}
	c->done = other->done = true;
	hl_conn_limit(c, hl_mono_us(c->shell->env) + HL_DRAIN_US);
	settle(c);
}

void hl_relay_expired(struct hl_conn *c)
{
	bool cut = c->broken || c->other->broken;

	c->broken = c->other->broken = true;
	end_both(c, cut ? HL_E_CLOSED : HL_E_TIMEOUT);
}
