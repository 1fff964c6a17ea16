/* live_admin.c - the front command's part: what is asked of the directory on its admin socket. */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "tests/support/live_impl.h"

static int dial(const struct live *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	int fd;

	live_path(w, "run/directory1.sock", path);
	if (strlen(path) >= sizeof sun.sun_path)
		return -1;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static hl_err receive(int fd, struct hl_buf *in, struct hl_frame *f)
{
	int64_t deadline = live_deadline();
	hl_err err;

	while ((err = hl_frame_peek(hl_buf_view(in), HL_FRAME_MAX, f)) == HL_E_SHORT) {
		uint8_t *room = hl_buf_room(in, 4096);
		ssize_t n = room && live_poll(fd, POLLIN, deadline) ? recv(fd, room, 4096, 0) : -1;

		if (n <= 0)
			return n == 0 ? HL_E_CLOSED : HL_E_TIMEOUT;
		hl_buf_grow(in, (size_t)n);
	}
	return err;
}

/* The answer's struct points into `in`, which the caller clears. */
static hl_err ask(const struct live *w, const struct hl_msg *m, const void *body,
	const struct hl_msg *expect, struct hl_buf *in, void *answer)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(HL_FRAME_MAX);
	struct hl_refused no;
	struct hl_frame f;
	int fd = dial(w);
	hl_err err = fd >= 0 ? HL_OK : HL_E_WORLD;

	*in = hl_buf(HL_FRAME_MAX + HL_FRAME_HEAD);
	hl_msg_put(&out, m, 1, body);
	if (err == HL_OK && send(fd, hl_buf_view(&out).p, out.n, MSG_NOSIGNAL) != (ssize_t)out.n)
		err = HL_E_IO;
	if (err == HL_OK)
		err = receive(fd, in, &f);
	if (fd >= 0)
		close(fd);
	if (err == HL_OK && f.type == HL_T_refused)
		return hl_msg_get(&hl_msg_refused, &f, &no) == HL_OK ? hl_err_of_wire(no.code) : HL_E_BUG;
	return err == HL_OK ? hl_msg_get(expect, &f, answer) : err;
}

enum live_state live_state(struct live *w, const char *name)
{
	HL_AUTO(hl_buf_clear) struct hl_buf in = hl_buf(0);
	struct hl_status request = { 0 };
	struct hl_status_answer answer;
	struct hl_status_member m;
	struct hl_bytes at;

	if (ask(w, &hl_msg_status, &request, &hl_msg_status_answer, &in, &answer) != HL_OK)
		return LIVE_UNKNOWN;
	at = answer.members.raw;
	while (hl_list_next(&hl_msg_status_member, &at, &m))
		if (hl_bytes_eq(m.name, hl_text(name)))
			return m.up ? LIVE_UP : LIVE_DOWN;
	return LIVE_UNKNOWN;
}

/* -- provisioning ------------------------------------------------------------------------------------ */

static hl_err read_one(struct hl_bytes path, enum hl_credential_kind kind, struct hl_credential *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(64u << 10);
	struct hl_credential c[2] = { 0 };
	char name[PATH_MAX];
	const char *why;
	unsigned line;
	size_t n;

	HL_TRY(hl_bytes_str(path, name, sizeof name));
	HL_TRY(hl_file_read_private(name, HL_SECRET_OF_DAEMON, 64u << 10, &text));
	HL_TRY(hl_credential_read(hl_buf_view(&text), c, &n, &line, &why));
	*out = c[0];
	return n == 1 && c[0].kind == kind ? HL_OK : HL_E_CRED_FILE;
}

static hl_err read_files(const struct hl_provisioned *made, struct live_account *out)
{
	HL_AUTO(hl_credential_clear) struct hl_credential service = { 0 };
	HL_AUTO(hl_credential_clear) struct hl_credential hsm = { 0 };

	HL_TRY(read_one(made->service_file, HL_CREDENTIAL_SERVICE, &service));
	HL_TRY(read_one(made->hsm_file, HL_CREDENTIAL_HSM, &hsm));
	memcpy(out->user, service.service_user, sizeof out->user);
	memcpy(out->partition, hsm.partition, sizeof out->partition);
	HL_TRY(hl_bytes_str(
		hl_secret_view(&service.service_password), out->password, sizeof out->password));
	HL_TRY(hl_bytes_str(hl_secret_view(&hsm.setup_password), out->setup, sizeof out->setup));
	return hl_bytes_str(hl_secret_view(&hsm.pin), out->pin, sizeof out->pin);
}

hl_err live_provision(struct live *w, const struct live_tenant *t, struct live_account *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf in = hl_buf(0);
	struct hl_allowed allowed = { .range = hl_text(t->allowed) };
	struct hl_provision request = {
		.tenant = hl_text(t->tenant),
		.service_user = hl_text(t->user),
		.partition = hl_text(t->partition),
		.package = hl_text("SBX"),
		.pkcs11 = !t->blank,
		.profile = t->label != NULL,
		.label = hl_text(t->label),
		.allowed = { .items = &allowed, .count = t->allowed != NULL },
		.service_password = hl_text(t->service_password),
		.setup_password = hl_text(t->setup_password),
		.pin = hl_text(t->pin),
	};
	struct hl_provisioned made;
	hl_err err = ask(w, &hl_msg_provision, &request, &hl_msg_provisioned, &in, &made);

	if (err == HL_OK)
		err = read_files(&made, out);
	if (err != HL_OK)
		live_fail("provision %s: %s", t->partition, hl_err_text(err));
	return err;
}
