#include "client/os_blocking.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/os_crew.h"
#include "client/os_dns.h"
#include "client/os_fd.h"
#include "client/os_spin.h"

#define READ_ROOM (64u << 10)
#define DRAIN_MS 1000
#define DNS_FDS 16
#define OUT_MAX (16u << 20) /* never reached: the core's own bound is lower */
#define FRESH_US 1000 /* a link that has just been looked at is not looked at again before each request */
/* POLLNVAL: the application has closed a descriptor that was ours. */
#define BROKEN (POLLERR | POLLHUP | POLLNVAL)

struct client_blocking {
	const struct hl_env *env;
	struct client *core;
	struct hl_addr resolver;
	struct client_crew crew; /* its lock guards all of this */
	/* what the core wished for and the leader has not done yet */
	struct hl_wishes todo;
	int64_t wait_us;
	/* the one connection; who leads opens and closes it */
	struct client_fd fd;
	uint32_t port;
	bool connecting;
	int64_t dial_us;
	/* what is being written, by one thread at a time */
	struct hl_buf sending;
	bool writing, stuck, much; /* much: the core may wait for room, as `sending` was half of what it may have */
	pthread_cond_t written;
	/* the leader's, while it reads or polls without the lock */
	uint8_t *inbox;
	bool polling, told;
	int64_t poll_until_us, polled_us;
	struct client_spin spin;
	struct client_fd bell[2];
	/* the one lookup, the leader's */
	struct client_dns *dns;
	uint32_t dns_port;
};

/* -- life -------------------------------------------------------------------------------------------------- */

static void release(struct client_blocking *b)
{
	client_fd_close(&b->fd);
	client_fd_close(&b->bell[0]);
	client_fd_close(&b->bell[1]);
	client_dns_free(b->dns);
	hl_wishes_clear(&b->todo);
	hl_buf_clear(&b->sending);
	pthread_cond_destroy(&b->written);
	client_crew_clear(&b->crew);
	free(b->inbox);
	free(b);
}

hl_err client_blocking_new(const struct hl_env *env, struct client *core, const struct hl_addr *resolver,
	struct client_blocking **out)
{
	struct client_blocking *b = calloc(1, sizeof *b);
	hl_err err;

	if (!b || client_crew_init(&b->crew) != HL_OK) {
		free(b);
		return HL_E_NOMEM;
	}
	pthread_cond_init(&b->written, NULL);
	b->env = env;
	b->core = core;
	b->resolver = *resolver;
	b->fd = CLIENT_FD_NONE;
	b->sending = hl_buf(OUT_MAX);
	b->inbox = malloc(READ_ROOM);
	client_spin_init(&b->spin);
	err = client_fd_pipe(b->bell);
	if (err == HL_OK && !b->inbox)
		err = HL_E_NOMEM;
	if (err != HL_OK)
		release(b);
	else
		*out = b;
	return err;
}

void client_blocking_abandon(struct client_blocking *b)
{
	client_fd_close(&b->fd);
	client_fd_close(&b->bell[0]);
	client_fd_close(&b->bell[1]);
}

static void lock(struct client_blocking *b)
{
	client_crew_lock(&b->crew);
}

static void unlock(struct client_blocking *b)
{
	client_crew_unlock(&b->crew);
}

/* -- between core and shell: under the lock ------------------------------------------------------------------ */

/* Everybody whose wait may be over is looked at after every event. */
static void tell(struct client_blocking *b, const struct hl_event *e)
{
	client_event(b->core, e);
	client_crew_look(&b->crew);
}

static void tell_port(struct client_blocking *b, enum hl_event_kind kind, hl_err err)
{
	tell(b, &(struct hl_event){ .kind = kind, .port = b->port, .err = err });
}

static void tell_time(struct client_blocking *b)
{
	tell(b, &(struct hl_event){ .kind = HL_EV_TIME });
}

/* SEND needs no note: whoever made the core write flushes. */
static void take_wishes(struct client_blocking *b)
{
	struct hl_wish w;

	while (client_wish(b->core, &w)) {
		if (w.kind == HL_WISH_WAIT)
			b->wait_us = w.at_us;
		else if (w.kind != HL_WISH_SEND)
			hl_wishes_put(&b->todo, &w);
	}
}

static struct hl_port *port_of(struct client_blocking *b)
{
	return client_core.port(b->core, b->port);
}

/* -- bytes out: the lock is given back over each send() -------------------------------------------------------- */

static bool has_more(struct client_blocking *b)
{
	struct hl_port *io = port_of(b);

	if (b->sending.n == 0 && io && io->out.n > 0) {
		struct hl_buf empty = b->sending;
		size_t max = io->out.max;

		b->much = b->much || io->out.n >= max / 2;
		b->sending = io->out;
		b->sending.max = OUT_MAX;
		io->out = empty;
		io->out.max = max;
	}
	return b->sending.n > 0;
}

/* What was put into the core's buffer while another thread is writing, that one takes along. */
static void flush(struct client_blocking *b)
{
	int fd = b->fd.fd;

	if (b->writing || fd < 0 || b->connecting)
		return;
	b->writing = true;
	while (has_more(b)) {
		struct hl_bytes v = hl_buf_view(&b->sending);
		ssize_t n;
		int why;

		unlock(b);
		n = send(fd, v.p, v.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		why = errno;
		lock(b);
		if (n > 0)
			hl_buf_eat(&b->sending, (size_t)n);
		else if (why != EINTR)
			break; /* full: poll waits for room; broken: reading tells */
	}
	b->writing = false;
	pthread_cond_broadcast(&b->written);
	if (b->sending.n > 0) {
		b->stuck = true;
	} else if (b->stuck || b->much) {
		b->stuck = b->much = false;
		tell_port(b, HL_EV_ROOM, HL_OK);
		flush(b);
	}
}

/* The descriptor of a thread in send() must not be closed: its number could be another file's by then. */
static void await_writer(struct client_blocking *b)
{
	while (b->writing)
		pthread_cond_wait(&b->written, &b->crew.lock);
}

/* -- the leader: dialling and ending ---------------------------------------------------------------------------- */

static void end(struct client_blocking *b, hl_err err)
{
	bool connecting = b->connecting;
	struct client_fd fd;

	await_writer(b);
	fd = b->fd;
	b->fd = CLIENT_FD_NONE;
	b->connecting = b->stuck = b->much = false;
	hl_buf_clear(&b->sending);
	tell_port(b, connecting ? HL_EV_OPENED : HL_EV_ENDED, connecting && err == HL_OK ? HL_E_CLOSED : err);
	unlock(b);
	client_fd_close(&fd);
	lock(b);
}

static void dial(struct client_blocking *b, const struct hl_wish *w)
{
	struct client_fd fd;

	unlock(b);
	fd = client_fd_dial(&w->addr);
	lock(b);
	b->port = w->port;
	b->dial_us = w->at_us;
	b->fd = fd;
	b->connecting = fd.fd >= 0;
	if (fd.fd < 0)
		tell_port(b, HL_EV_OPENED, HL_E_REFUSED);
}

static void connected(struct client_blocking *b)
{
	hl_err err;

	unlock(b);
	err = client_fd_connected(&b->fd);
	lock(b);
	if (err != HL_OK) {
		end(b, err);
		return;
	}
	b->connecting = false;
	tell_port(b, HL_EV_OPENED, HL_OK);
}

/* What waits goes out first, but nobody waits long for a peer that does not read. */
static void close_port(struct client_blocking *b, bool drain)
{
	if (drain)
		flush(b);
	if (drain && !b->connecting && (b->writing || b->sending.n > 0)) {
		unlock(b);
		poll(&(struct pollfd){ .fd = b->fd.fd, .events = POLLOUT }, 1, DRAIN_MS);
		lock(b);
		flush(b);
	}
	end(b, HL_OK);
}

/* -- the leader: names -------------------------------------------------------------------------------------------- */

static void resolved(struct client_blocking *b, hl_err err, const struct hl_addr *list, size_t n)
{
	tell(b, &(struct hl_event){
			.kind = HL_EV_RESOLVED, .port = b->dns_port, .err = err, .list = list, .count = n });
}

static void resolve(struct client_blocking *b, const struct hl_wish *w)
{
	hl_err err;

	b->dns_port = w->port;
	unlock(b);
	client_dns_free(b->dns);
	b->dns = NULL;
	err = client_dns_start(w->name, 0, &b->resolver, &b->dns);
	lock(b);
	if (err != HL_OK)
		resolved(b, err, NULL, 0);
}

static void step_dns(struct client_blocking *b, const struct pollfd *fds, size_t n)
{
	struct client_dns *d = b->dns;
	const struct hl_addr *list = NULL;
	size_t count = 0;
	hl_err err;
	bool over;

	unlock(b);
	over = client_dns_step(d, fds, n);
	lock(b);
	if (!over)
		return;
	err = client_dns_result(d, &list, &count);
	b->dns = NULL;
	resolved(b, err, list, count);
	unlock(b);
	client_dns_free(d);
	lock(b);
}

/* -- the leader: the loop ------------------------------------------------------------------------------------------- */

static void fulfil(struct client_blocking *b)
{
	struct hl_wish w;

	flush(b);
	for (take_wishes(b); hl_wishes_take(&b->todo, 0, &w); take_wishes(b)) {
		if (w.kind == HL_WISH_DIAL)
			dial(b, &w);
		else if (w.kind == HL_WISH_RESOLVE)
			resolve(b, &w);
		else if (w.kind == HL_WISH_CLOSE && w.port == b->port && b->fd.fd >= 0)
			close_port(b, w.drain);
		flush(b);
	}
}

/* The bell, the connection, then the lookup's descriptors. */
struct watch {
	struct pollfd fds[2 + DNS_FDS];
	size_t n;
	int timeout_ms;
	size_t room; /* to read into */
	bool few;    /* waiting: it may be worth a look first */
	ssize_t got; /* -1: nothing was read */
	int why;
};

static int until_ms(const struct client_blocking *b, int64_t at_us, int timeout_ms)
{
	int64_t left_ms;

	if (at_us == 0)
		return timeout_ms;
	left_ms = (at_us - hl_mono_us(b->env) + 999) / 1000;
	left_ms = left_ms < 0 ? 0 : left_ms;
	return timeout_ms < 0 || left_ms < timeout_ms ? (int)left_ms : timeout_ms;
}

static void watch(struct client_blocking *b, struct watch *w)
{
	struct hl_port *io = port_of(b);
	size_t room = io ? io->in.max - io->in.n : 0;

	w->room = room < READ_ROOM ? room : READ_ROOM;
	w->timeout_ms = -1;
	w->got = -1;
	w->why = EAGAIN;
	w->fds[0] = (struct pollfd){ .fd = b->bell[0].fd, .events = POLLIN };
	w->fds[1] = (struct pollfd){ .fd = b->fd.fd, .events = w->room ? POLLIN : 0 };
	if (b->connecting || b->stuck)
		w->fds[1].events |= POLLOUT;
	w->n = 2;
	if (b->dns)
		w->n += client_dns_fds(b->dns, w->fds + 2, DNS_FDS, &w->timeout_ms);
	b->poll_until_us = hl_sooner(b->wait_us, b->connecting ? b->dial_us : 0);
	w->timeout_ms = until_ms(b, b->poll_until_us, w->timeout_ms);
	w->few = client_crew_is_few(&b->crew);
}

/* Whether it was worth it: bytes came, or an end, before it was time to sleep. Between two connections there is nothing
 * to look at. */
static bool look_first(struct client_blocking *b, struct watch *w)
{
	if (w->fds[1].fd < 0 || !w->few || w->n > 2 || w->timeout_ms == 0 || w->fds[1].events != POLLIN || !client_spin_begin(&b->spin))
		return false;
	w->got = client_spin_recv(b->env, w->fds[1].fd, b->inbox, w->room);
	w->why = errno;
	return client_spin_end(&b->spin, w->got >= 0 || w->why != EAGAIN);
}

/* Without the lock. Nobody but the leader reads or closes, so the descriptor stays what it is. A poll that
 * fails tells of no descriptor, but time goes on all the same. */
static void wait_and_read(struct client_blocking *b, struct watch *w, bool connecting)
{
	char rung[16];

	if (look_first(b, w) || poll(w->fds, (nfds_t)w->n, w->timeout_ms) < 0)
		return;
	if (w->fds[0].revents)
		while (read(w->fds[0].fd, rung, sizeof rung) == sizeof rung)
			;
	if (connecting || w->room == 0 || !(w->fds[1].revents & (POLLIN | BROKEN)))
		return;
	w->got = recv(w->fds[1].fd, b->inbox, w->room, MSG_DONTWAIT);
	w->why = errno;
}

static void take_bytes(struct client_blocking *b, const struct watch *w)
{
	struct hl_port *io = port_of(b);

	if (w->got > 0 && io) {
		hl_buf_put(&io->in, hl_bytes(b->inbox, (size_t)w->got));
		tell_port(b, HL_EV_BYTES, HL_OK);
	} else if (w->got == 0) {
		end(b, HL_OK);
	} else if (w->got < 0 && w->why != EAGAIN && w->why != EINTR) {
		end(b, HL_E_CLOSED);
	}
}

static void check_time(struct client_blocking *b)
{
	int64_t now = hl_mono_us(b->env);

	if (b->connecting && now >= b->dial_us)
		end(b, HL_E_TIMEOUT);
	if (b->wait_us && now >= b->wait_us) {
		b->wait_us = 0;
		tell_time(b);
	}
}

static void wait_once(struct client_blocking *b, bool at_all)
{
	bool connecting = b->connecting;
	struct watch w;

	watch(b, &w);
	w.timeout_ms = at_all ? w.timeout_ms : 0;
	b->polling = true;
	b->told = false;
	unlock(b);
	wait_and_read(b, &w, connecting);
	lock(b);
	b->polling = false;
	if (b->dns)
		step_dns(b, w.fds + 2, w.n - 2);
	if (connecting && b->fd.fd >= 0 && (w.fds[1].revents & (POLLOUT | BROKEN)))
		connected(b);
	else if (b->fd.fd >= 0)
		take_bytes(b, &w);
	if (b->stuck && (w.fds[1].revents & POLLOUT))
		flush(b);
	check_time(b);
	b->polled_us = hl_mono_us(b->env);
}

/* -- who waits --------------------------------------------------------------------------------------------------------- */

/* A leader that polls must hear of what it does not poll for yet. */
static void ring(struct client_blocking *b)
{
	bool sooner_now = b->wait_us && (!b->poll_until_us || b->wait_us < b->poll_until_us);
	int bell = b->bell[1].fd;

	if (!b->polling || b->told || !(b->todo.n > 0 || b->stuck || sooner_now))
		return;
	b->told = true;
	unlock(b);
	while (write(bell, "!", 1) < 0 && errno == EINTR)
		;
	lock(b);
}

static void lead(struct client_blocking *b, const struct client_waiter *w)
{
	b->crew.led = true;
	fulfil(b);
	while (!w->done(w->at)) {
		wait_once(b, true);
		fulfil(b);
	}
	b->crew.led = false;
}

/* A link that broke within the last moment is noticed when the answer is awaited, and the request goes over the next one
 * just as well; but of one with an effect nobody should have to ask whether it was received. */
static bool is_fresh(struct client_blocking *b, const struct client_call *call)
{
	return hl_mono_us(b->env) - b->polled_us < FRESH_US && !client_has_effect(call->msg);
}

/* What happened while nobody waited: a link that the peer has ended is opened anew for the next request. */
static void catch_up(struct client_blocking *b, const struct client_call *call)
{
	if (b->crew.led || is_fresh(b, call))
		return;
	b->crew.led = true;
	fulfil(b);
	wait_once(b, false);
	fulfil(b);
	b->crew.led = false;
}

/* What a follower has made the core wish for: bytes it writes itself, all else is for the leader. */
static void hand_over(struct client_blocking *b)
{
	take_wishes(b);
	flush(b);
	ring(b);
}

static void follow(struct client_blocking *b, struct client_waiter *w, int64_t until_us)
{
	hand_over(b);
	if (w->done(w->at) || !b->crew.led)
		return;
	if (client_crew_follow(&b->crew, w, until_us) || hl_mono_us(b->env) < until_us)
		return;
	tell_time(b);
	hand_over(b);
}

/* Under the lock, which stays held. */
static void await(struct client_blocking *b, struct client_waiter *w, int64_t until_us)
{
	do {
		if (b->crew.led)
			follow(b, w, until_us);
		else
			lead(b, w);
	} while (!w->done(w->at));
	client_crew_leave(&b->crew, w);
}

static bool call_done(void *at)
{
	return ((struct client_call *)at)->done;
}

hl_err client_blocking_call(struct client_blocking *b, struct client_call *call)
{
	struct client_waiter *w;

	lock(b);
	w = client_crew_join(&b->crew, call_done, call);
	if (w) {
		call->done = true; /* not submitted yet, so nothing to wait for */
		catch_up(b, call);
		client_submit(b->core, call);
		await(b, w, call->deadline_us);
	}
	unlock(b);
	return w ? HL_OK : HL_E_NOMEM;
}

hl_err client_blocking_run(struct client_blocking *b, bool (*done)(void *at), void *at)
{
	struct client_waiter *w;

	lock(b);
	w = client_crew_join(&b->crew, done, at);
	if (w)
		await(b, w, 0);
	unlock(b);
	return w ? HL_OK : HL_E_NOMEM;
}

void client_blocking_with(
	struct client_blocking *b, void (*with)(struct client *core, void *at), void *at)
{
	lock(b);
	with(b->core, at);
	unlock(b);
}

void client_blocking_free(struct client_blocking *b)
{
	if (!b)
		return;
	lock(b);
	fulfil(b);
	unlock(b);
	release(b);
}
