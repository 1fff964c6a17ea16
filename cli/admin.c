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

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static hl_err await(struct cli *c, int fd, short events, int64_t until)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = until - hl_clock_mono_us();

		if (left <= 0 || cli_signal)
			return cli_fail(c, HL_E_TIMEOUT, "the directory's admin socket");
		if (poll(&p, 1, (int)(left / 1000) + 1) > 0)
			return HL_OK;
	}
}

static hl_err dial(struct cli *c, const struct cli_world *w, int *fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char path[CLI_PATH];

	cli_world_path(w, path, "run/directory1.sock");
	if (strlen(path) >= sizeof at.sun_path)
		return cli_fail(c, HL_E_ARG, "too long for a socket: %s", path);
	memcpy(at.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return cli_fail_errno(c, HL_E_IO, "socket");
	if (connect(*fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return HL_OK;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return cli_fail(c, HL_E_WORLD, "the directory of %s does not listen", w->dir);
	return cli_fail_errno(c, errno == EAGAIN ? HL_E_BUSY : HL_E_IO, path);
}

static hl_err send_all(struct cli *c, int fd, struct hl_buf *out, int64_t until)
{
	while (out->n > 0) {
		struct hl_bytes left = hl_buf_view(out);
		ssize_t n = send(fd, left.p, left.n, MSG_NOSIGNAL);

		if (n >= 0)
			hl_buf_eat(out, (size_t)n);
		else if (errno == EAGAIN || errno == EINTR)
			HL_TRY(await(c, fd, POLLOUT, until));
		else
			return cli_fail_errno(c, HL_E_CLOSED, "the directory's admin socket");
	}
	return HL_OK;
}

static hl_err receive(struct cli *c, int fd, struct hl_buf *in, int64_t until, struct hl_frame *f)
{
	for (;;) {
		hl_err err = hl_frame_peek(hl_buf_view(in), HL_FRAME_MAX, f);
		uint8_t *room;
		ssize_t n;

		if (err != HL_E_SHORT)
			return err == HL_OK ? HL_OK : cli_fail(c, err, "the directory's answer");
		HL_TRY(await(c, fd, POLLIN, until));
		room = hl_buf_room(in, 4096);
		if (!room)
			return cli_fail(c, in->err, "the directory's answer");
		n = recv(fd, room, 4096, 0);
		if (n > 0)
			hl_buf_grow(in, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return cli_fail(c, HL_E_CLOSED, "the directory's admin socket");
	}
}

static hl_err refused(struct cli *c, const struct hl_frame *f)
{
	struct hl_refused no;
	hl_err err = hl_msg_get(&hl_msg_refused, f, &no);

	if (err != HL_OK)
		return cli_fail(c, err, "the directory's answer");
	err = hl_err_of_wire(no.code);
	return cli_fail(c, err, "%.*s", (int)no.detail.n, (const char *)no.detail.p);
}

hl_err cli_admin_ask(struct cli *c, const struct cli_world *w, const struct hl_msg *msg,
	const void *body, const struct hl_msg *expect, void *answer, struct hl_buf *keep)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(CLI_ANSWER_MAX);
	HL_AUTO(close_fd) int fd = -1;
	int64_t until = hl_clock_mono_us() + CLI_ADMIN_MS * 1000;
	struct hl_frame f;
	hl_err err;

	hl_msg_put(&out, msg, 1, body);
	if (out.err != HL_OK)
		return cli_fail(c, out.err == HL_E_RANGE ? HL_E_ARG : out.err,
			"a value of the request %s is too long or missing", msg->name);
	HL_TRY(dial(c, w, &fd));
	HL_TRY(send_all(c, fd, &out, until));
	HL_TRY(receive(c, fd, keep, until, &f));
	if (f.type == HL_T_refused)
		return refused(c, &f);
	err = hl_msg_get(expect, &f, answer);
	return err == HL_OK ? HL_OK : cli_fail(c, err, "the directory's answer");
}

/* -- status ------------------------------------------------------------------------------------- */

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
	struct hl_status ask = { 0 };
	struct hl_status_answer answer;
	struct hl_status_member m;
	struct hl_bytes at;

	HL_TRY(cli_admin_ask(c, w, &hl_msg_status, &ask, &hl_msg_status_answer, &answer, &keep));
	at = answer.members.raw;
	*up = 0;
	while (hl_list_next(&hl_msg_status_member, &at, &m))
		*up += m.up && is_member(w, &m);
	return HL_OK;
}

hl_err cli_admin_has_partition(struct cli *c, const struct cli_world *w, bool *there)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	struct hl_status ask = { 0 };
	struct hl_status_answer answer;
	struct hl_status_partition p;
	struct hl_bytes at;

	HL_TRY(cli_admin_ask(c, w, &hl_msg_status, &ask, &hl_msg_status_answer, &answer, &keep));
	at = answer.partitions.raw;
	*there = false;
	while (hl_list_next(&hl_msg_status_partition, &at, &p))
		if (hl_bytes_eq(p.partition, hl_text(w->partition)))
			*there = true;
	return HL_OK;
}
