#include "lib/os/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/listen.h"
#include "lib/os/log.h"

/* How long to leave new connections in the kernel's queue where no descriptor is left. */
#define BACK_OFF_US 100000
/* How many to take at once before those that are open get their turn again. */
#define BATCH 16

struct hl_listener {
	struct hl_shell *shell;
	int fd;
	unsigned index, flags;
	ev_io rd;
	ev_timer again;
	bool short_of; /* descriptors or memory; said once in the log */
	struct hl_listener *next;
};

static void back_off(struct hl_listener *l)
{
	if (!l->short_of)
		hl_log(HL_LOG_WARN, "accept.paused", "listener=%u errno=%d", l->index, errno);
	l->short_of = true;
	ev_io_stop(l->shell->loop, &l->rd);
	hl_shell_arm(l->shell, &l->again, hl_mono_us(l->shell->env) + BACK_OFF_US);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct hl_listener *l = timer->data;

	(void)events;
	ev_io_start(loop, &l->rd);
}

static bool same_user(int fd)
{
	struct ucred who;
	socklen_t n = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.uid == geteuid())
		return true;
	hl_log(HL_LOG_WARN, "accept.refused", "reason=%s", "another user");
	return false;
}

static uint32_t free_port(struct hl_shell *s)
{
	do
		s->last_port = (s->last_port + 1) & ~HL_PORT_DIALLED;
	while (s->last_port == 0 || hl_map_get(&s->conns, s->last_port));
	return s->last_port;
}

static void welcome(struct hl_listener *l, int fd, const struct sockaddr_storage *from)
{
	struct hl_shell *s = l->shell;
	struct hl_event e = { .kind = HL_EV_ACCEPTED, .port = free_port(s), .listener = l->index };
	struct hl_conn *c;

	hl_addr_of_system(from, &e.peer);
	c = hl_conn_new(s, e.port, fd, CONN_OPEN);
	if (!c)
		return;
	hl_conn_watch(c, &c->rd, true);
	hl_shell_tell(s, &e);
	if (!s->ops->port(s->core, e.port))
		hl_conn_free(c);
	hl_shell_pump(s);
}

/* Returns whether there may be more. */
static bool take_one(struct hl_listener *l)
{
	struct sockaddr_storage from = { 0 };
	socklen_t n = sizeof from;
	int fd = accept4(l->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			back_off(l);
		/* ECONNABORTED and its like (accept(2)) speak of one connection that is gone. */
		return errno == EINTR || errno == ECONNABORTED;
	}
	l->short_of = false;
	if ((l->flags & HL_LISTEN_SAME_USER) && !same_user(fd))
		close(fd);
	else
		welcome(l, fd, &from);
	return true;
}

static void on_connection(struct ev_loop *loop, ev_io *w, int events)
{
	struct hl_listener *l = w->data;

	(void)loop, (void)events;
	for (unsigned i = 0; i < BATCH && ev_is_active(w) && take_one(l); i++)
		;
}

hl_err hl_shell_listen(struct hl_shell *s, int fd, unsigned listener, unsigned flags)
{
	struct hl_listener *l = calloc(1, sizeof *l);

	if (!l)
		return HL_E_NOMEM;
	*l = (struct hl_listener){ .shell = s, .fd = fd, .index = listener, .flags = flags };
	l->next = s->listeners;
	s->listeners = l;
	hl_tcp_tune(fd);
	ev_io_init(&l->rd, on_connection, fd, EV_READ);
	ev_timer_init(&l->again, on_again, 0., 0.);
	l->rd.data = l->again.data = l;
	ev_io_start(s->loop, &l->rd);
	return HL_OK;
}

void hl_listeners_stop(struct hl_shell *s)
{
	while (s->listeners) {
		struct hl_listener *l = s->listeners;

		s->listeners = l->next;
		ev_io_stop(s->loop, &l->rd);
		ev_timer_stop(s->loop, &l->again);
		close(l->fd);
		free(l);
	}
}
