#include "cli/admin.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/process.h"
#include "cli/say.h"
#include "lib/os/clock.h"

/* One conversation; `told`: the user knows by now who is waited for. */
struct talk {
	const struct cli_member *with;
	unsigned worker;
	int fd;
	int64_t begun_us;
	bool told;
};

static void tell_patience(struct cli *c, struct talk *t, int64_t waited_ms)
{
	if (t->told || waited_ms < CLI_ADMIN_PATIENCE_MS)
		return;
	t->told = true;
	cli_note(c, "%s does not answer; waiting up to %d s for it", t->with->name, CLI_ADMIN_MS / 1000);
}

static hl_err await(struct cli *c, struct talk *t, short events)
{
	for (;;) {
		struct pollfd p = { .fd = t->fd, .events = events };
		int64_t waited_ms = (hl_clock_mono_us() - t->begun_us) / 1000;
		int64_t next_ms = t->told ? CLI_ADMIN_MS : CLI_ADMIN_PATIENCE_MS;

		if (waited_ms >= CLI_ADMIN_MS || cli_signal)
			return cli_fail(c, HL_E_TIMEOUT, "%s does not answer", t->with->name);
		tell_patience(c, t, waited_ms);
		if (poll(&p, 1, next_ms > waited_ms ? (int)(next_ms - waited_ms) : 1) > 0)
			return HL_OK;
	}
}

static hl_err dial(struct cli *c, const struct cli_world *w, struct talk *t)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char path[CLI_PATH];

	if (t->worker)
		cli_world_path(w, path, "run/%s.sock.%u", t->with->name, t->worker);
	else
		cli_world_path(w, path, "run/%s.sock", t->with->name);
	if (strlen(path) >= sizeof at.sun_path)
		return cli_fail(c, HL_E_ARG, "too long for a socket: %s", path);
	memcpy(at.sun_path, path, strlen(path) + 1);
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return cli_fail_errno(c, HL_E_IO, "socket");
	if (connect(t->fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return HL_OK;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return cli_fail(c, HL_E_WORLD, "%s of %s does not listen", t->with->name, w->dir);
	return cli_fail_errno(c, errno == EAGAIN ? HL_E_BUSY : HL_E_IO, path);
}

static hl_err closed(struct cli *c, const struct talk *t)
{
	return cli_fail(c, HL_E_CLOSED, "the admin socket of %s", t->with->name);
}

static hl_err send_all(struct cli *c, struct talk *t, struct hl_buf *out)
{
	while (out->n > 0) {
		struct hl_bytes left = hl_buf_view(out);
		ssize_t n = send(t->fd, left.p, left.n, MSG_NOSIGNAL);

		if (n >= 0)
			hl_buf_eat(out, (size_t)n);
		else if (errno == EAGAIN || errno == EINTR)
			HL_TRY(await(c, t, POLLOUT));
		else
			return closed(c, t);
	}
	return HL_OK;
}

static hl_err wrong_answer(struct cli *c, const struct talk *t, hl_err err)
{
	return cli_fail(c, err, "the answer of %s", t->with->name);
}

static hl_err receive(struct cli *c, struct talk *t, struct hl_buf *in, struct hl_frame *f)
{
	for (;;) {
		hl_err err = hl_frame_peek(hl_buf_view(in), HL_FRAME_MAX, f);
		uint8_t *room;
		ssize_t n;

		if (err != HL_E_SHORT)
			return err == HL_OK ? HL_OK : wrong_answer(c, t, err);
		HL_TRY(await(c, t, POLLIN));
		room = hl_buf_room(in, 4096);
		if (!room)
			return wrong_answer(c, t, in->err);
		n = recv(t->fd, room, 4096, 0);
		if (n > 0)
			hl_buf_grow(in, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return closed(c, t);
	}
}

static hl_err refused(struct cli *c, const struct talk *t, const struct hl_frame *f)
{
	struct hl_refused no;
	hl_err err = hl_msg_get(&hl_msg_refused, f, &no);

	if (err != HL_OK)
		return wrong_answer(c, t, err);
	return cli_fail(c, hl_err_of_wire(no.code), "%.*s", (int)no.detail.n, (const char *)no.detail.p);
}

static hl_err exchange(struct cli *c, const struct cli_world *w, struct talk *t, struct hl_buf *out,
	const struct hl_msg *expect, void *answer, struct hl_buf *keep)
{
	struct hl_frame f;
	hl_err err;

	HL_TRY(cli_member_awake(c, w, t->with));
	HL_TRY(dial(c, w, t));
	HL_TRY(send_all(c, t, out));
	HL_TRY(receive(c, t, keep, &f));
	if (f.type == HL_T_refused)
		return refused(c, t, &f);
	err = hl_msg_get(expect, &f, answer);
	return err == HL_OK ? HL_OK : wrong_answer(c, t, err);
}

hl_err cli_admin_ask(struct cli *c, const struct cli_world *w, const struct cli_member *m,
	unsigned worker, const struct hl_msg *msg, const void *body, const struct hl_msg *expect, void *answer, struct hl_buf *keep)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(CLI_ANSWER_MAX);
	struct talk t = { .with = m, .worker = worker, .fd = -1, .begun_us = hl_clock_mono_us() };
	hl_err err;

	hl_msg_put(&out, msg, 1, body);
	if (out.err != HL_OK)
		return cli_fail(c, out.err == HL_E_RANGE ? HL_E_ARG : out.err,
			"a value of the request %s is too long or missing", msg->name);
	err = exchange(c, w, &t, &out, expect, answer, keep);
	if (t.fd >= 0)
		close(t.fd);
	return err;
}

/* -- status ------------------------------------------------------------------------------------- */

hl_err cli_admin_status(struct cli *c, const struct cli_world *w, struct hl_status_answer *answer,
	struct hl_buf *keep)
{
	struct hl_status ask = { 0 };

	return cli_admin_ask(
		c, w, cli_world_directory(w), 0, &hl_msg_status, &ask, &hl_msg_status_answer, answer, keep);
}

static bool is_member(const struct cli_world *w, const struct hl_status_member *m)
{
	for (size_t i = 0; i < w->members; i++)
		if (hl_bytes_eq(m->name, hl_text(w->member[i].name)))
			return true;
	return false;
}

hl_err cli_admin_up(struct cli *c, const struct cli_world *w, unsigned *up)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	struct hl_status_answer answer;
	struct hl_status_member m;
	struct hl_bytes at;

	HL_TRY(cli_admin_status(c, w, &answer, &keep));
	at = answer.members.raw;
	*up = 0;
	while (hl_list_next(&hl_msg_status_member, &at, &m))
		*up += m.up && is_member(w, &m);
	return HL_OK;
}

hl_err cli_admin_has_partition(struct cli *c, const struct cli_world *w, const char *partition, bool *there)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	struct hl_status_answer answer;
	struct hl_status_partition p;
	struct hl_bytes at;

	HL_TRY(cli_admin_status(c, w, &answer, &keep));
	at = answer.partitions.raw;
	*there = false;
	while (hl_list_next(&hl_msg_status_partition, &at, &p))
		*there = *there || hl_bytes_eq(p.partition, hl_text(partition));
	return HL_OK;
}
