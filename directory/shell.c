#include "directory/shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ev.h>

#include "lib/os/files.h"
#include "lib/os/listen.h"
#include "lib/os/log.h"

#define POOL_MAX 64
#define BURST 16 /* queries answered before the loop looks at anything else */

struct dir_dns_shell {
	struct ev_loop *loop;
	ev_io io;
	char pool[HL_NAME_MAX + 1];
	struct hl_addr address[POOL_MAX];
	size_t addresses;
};

static hl_err look_up(void *at, const char *name, struct hl_addr *list, size_t max, size_t *n)
{
	const struct dir_dns_shell *s = at;

	if (strcmp(name, s->pool) != 0)
		return HL_E_NOT_FOUND;
	*n = s->addresses < max ? s->addresses : max;
	memcpy(list, s->address, *n * sizeof *list);
	return HL_OK;
}

static bool answer_one(struct dir_dns_shell *s, int fd)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(DIR_DNS_UDP);
	struct sockaddr_storage from;
	socklen_t from_n = sizeof from;
	uint8_t query[DIR_DNS_UDP];
	ssize_t n = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_n);

	if (n < 0)
		return errno == EINTR;
	/* What is no query gets no answer. */
	if (dir_dns_answer(hl_bytes(query, (size_t)n), DIR_DNS_UDP, look_up, s, &out) == HL_OK)
		(void)!sendto(fd, hl_buf_view(&out).p, out.n, MSG_NOSIGNAL, (struct sockaddr *)&from, from_n);
	return true;
}

static void on_query(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop, (void)events;
	for (int i = 0; i < BURST && answer_one(w->data, w->fd); i++)
		;
}

hl_err dir_dns_shell_new(struct ev_loop *loop, const struct hl_addr *at, const char *pool,
	const struct dir_member *member, size_t members, struct dir_dns_shell **out)
{
	struct dir_dns_shell *s = calloc(1, sizeof *s);
	int fd;
	hl_err err;

	if (!s)
		return HL_E_NOMEM;
	err = hl_listen_udp(at, &fd, NULL);
	if (err != HL_OK) {
		free(s);
		return err;
	}
	s->loop = loop;
	snprintf(s->pool, sizeof s->pool, "%s", pool);
	for (size_t i = 0; i < members && i < POOL_MAX; i++)
		s->address[s->addresses++] = member[i].address;
	ev_io_init(&s->io, on_query, fd, EV_READ);
	s->io.data = s;
	ev_io_start(loop, &s->io);
	*out = s;
	return HL_OK;
}

void dir_dns_shell_free(struct dir_dns_shell *s)
{
	if (!s)
		return;
	ev_io_stop(s->loop, &s->io);
	close(s->io.fd);
	free(s);
}

/* -- the mailbox --------------------------------------------------------------------------------------- */

static hl_err write_one(const char *folder, struct dir_delivery *d, size_t i)
{
	int n = snprintf(d->file[i].path, sizeof d->file[i].path, "%s/%s", folder, d->file[i].name);

	if (n < 0 || (size_t)n >= sizeof d->file[i].path)
		return HL_E_RANGE;
	return hl_file_write(d->file[i].path, 0600, hl_buf_view(&d->file[i].text));
}

/* Half of the credentials is of no use to anybody, and is still a secret. */
static hl_err remove_files(const struct dir_delivery *d, size_t n)
{
	hl_err err = HL_OK;

	for (size_t i = 0; i < n; i++)
		if (unlink(d->file[i].path) != 0 && errno != ENOENT)
			err = HL_E_IO;
	return err;
}

static hl_err write_files(const char *folder, struct dir_delivery *d)
{
	hl_err err;

	HL_TRY(hl_folder_make(folder, 0700));
	for (size_t i = 0; i < HL_COUNT(d->file); i++) {
		err = write_one(folder, d, i);
		if (err == HL_OK)
			continue;
		if (remove_files(d, i) != HL_OK)
			hl_log(HL_LOG_ERROR, "delivery", "folder=%s text=half of a delivery stays", folder);
		return err;
	}
	return HL_OK;
}

static void deliver(struct hl_job *j)
{
	struct dir_delivery *d = (struct dir_delivery *)j;
	const char *folder = d->mailbox;

	d->result = d->withdraw ? remove_files(d, HL_COUNT(d->file)) : write_files(folder, d);
	if (d->result != HL_OK)
		hl_log(HL_LOG_ERROR, "delivery", "folder=%s err=HL-%04d text=%s", folder, -(int)d->result,
			hl_err_text(d->result));
}

static void prepare(void *at, struct dir_delivery *d)
{
	d->mailbox = at;
	d->job.run = deliver;
	d->job.lane = HL_LANE_STORE;
}

struct dir_mailbox dir_folder_mailbox(const char *folder)
{
	return (struct dir_mailbox){ prepare, (void *)(uintptr_t)folder };
}
