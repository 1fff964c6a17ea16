#include "tests/support/fake_hsm.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "lib/auth/channel.h"
#include "lib/auth/ticket.h"
#include "lib/os/clock.h"
#include "lib/os/listen.h"

#define IDENTITY_LABEL "EXPORTER-hsmlet-identity"
#define IDENTITY_PREFIX "hsmlet hsm.result 1"
#define EXPORTED 32

struct fake_hsm {
	struct fake_hsm_conf conf;
	pthread_t thread;
	int listener, wake[2];
	struct hl_channel_ctx *ctx;
	EVP_PKEY *identity;
	struct fake_hsm_seen seen;
};

/* One connection. */
struct visit {
	struct fake_hsm *f;
	int fd;
	struct hl_port port;
	struct hl_channel *channel;
	char partition[HL_NAME_TEXT + 1];
	bool proved;
};

/* False: the peer has ended, or the test is over. */
static bool receive(struct visit *v)
{
	struct pollfd p[] = { { .fd = v->f->wake[0], .events = POLLIN }, { .fd = v->fd, .events = POLLIN } };
	uint8_t *room = hl_buf_room(&v->port.in, 16384);
	ssize_t n;

	if (!room || poll(p, 2, -1) < 0 || p[0].revents)
		return false;
	n = recv(v->fd, room, 16384, 0);
	if (n > 0)
		hl_buf_grow(&v->port.in, (size_t)n);
	return n > 0;
}

static bool flush(struct visit *v)
{
	while (v->port.out.n > 0) {
		struct hl_bytes b = hl_buf_view(&v->port.out);
		ssize_t n = send(v->fd, b.p, b.n, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		hl_buf_eat(&v->port.out, (size_t)n);
	}
	return true;
}

static hl_err look_up(void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out)
{
	const struct fake_hsm *f = ((struct visit *)at)->f;

	if (kind != HL_CHANNEL_USER || generation != f->conf.generation)
		return HL_E_NOT_FOUND;
	return hl_secret_set(out, hl_bytes(f->conf.secret, sizeof f->conf.secret));
}

static hl_err read_ticket(struct visit *v)
{
	struct hl_hsm_opened opened = { .hsm = hl_text("hsm1") };
	struct hl_channel_bond bond = {
		.initiator = "client",
		.responder = "hsm",
		.name = v->partition,
		.alpn = HL_ALPN_OP,
	};
	struct hl_hsm_open open;
	struct hl_ticket ticket;
	struct hl_frame frame;

	HL_TRY(hl_frame_peek(hl_buf_view(&v->port.in), HL_FRAME_GATEWAY, &frame));
	HL_TRY(hl_msg_get(&hl_msg_hsm_open, &frame, &open));
	HL_TRY(hl_ticket_open(hl_bytes(v->f->conf.ticket_key, 32), open.ticket, &ticket));
	HL_TRY(hl_bytes_str(ticket.partition, v->partition, sizeof v->partition));
	bond.binding = ticket.binding;
	HL_TRY(hl_channel_answer(v->f->ctx, &bond, look_up, v, &v->channel));
	hl_buf_eat(&v->port.in, frame.whole.n);
	hl_msg_put(&v->port.out, &hl_msg_hsm_opened, 0, &opened);
	return HL_OK;
}

/* As the HSM does, with another key. */
static hl_err prove(struct visit *v)
{
	uint8_t text[sizeof IDENTITY_PREFIX + EXPORTED] = IDENTITY_PREFIX, signature[64];
	struct hl_hsm_result result = {
		.term = 1,
		.time_ms = (uint64_t)hl_clock_wall_ms(NULL),
		.signature = hl_bytes(signature, sizeof signature),
	};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = sizeof signature;
	hl_err err = hl_channel_export(v->channel, IDENTITY_LABEL, text + sizeof IDENTITY_PREFIX, EXPORTED);

	if (err == HL_OK && (EVP_DigestSignInit(ctx, NULL, NULL, NULL, v->f->identity) != 1 ||
				    EVP_DigestSign(ctx, signature, &n, text, sizeof text) != 1))
		err = HL_E_CRYPTO;
	EVP_MD_CTX_free(ctx);
	HL_TRY(err);
	v->proved = true;
	v->f->seen.channels++;
	return hl_channel_send(v->channel, &v->port, &hl_msg_hsm_result, 0, &result);
}

static hl_err note_frames(struct visit *v)
{
	struct fake_hsm_seen *seen = &v->f->seen;
	struct hl_login login;
	struct hl_frame f;
	hl_err err;

	while ((err = hl_channel_next(v->channel, &f)) == HL_OK) {
		seen->frames++;
		if (f.type != HL_T_login)
			continue;
		seen->logins++;
		HL_TRY(hl_msg_get(&hl_msg_login, &f, &login));
		HL_TRY(hl_bytes_str(login.pin, seen->pin, sizeof seen->pin));
		return HL_E_CLOSED; /* it has what it wants */
	}
	return err == HL_E_SHORT ? HL_OK : err;
}

static hl_err step(struct visit *v)
{
	if (!v->channel) {
		hl_err err = read_ticket(v);

		if (err != HL_OK)
			return err == HL_E_SHORT ? HL_OK : err;
	}
	HL_TRY(hl_channel_pump(v->channel, &v->port));
	if (!v->proved && hl_channel_ready(v->channel))
		HL_TRY(prove(v));
	return v->proved ? note_frames(v) : HL_OK;
}

static void serve(struct fake_hsm *f, int fd)
{
	struct visit v = { .f = f, .fd = fd };
	hl_err err = HL_OK;

	v.port.in = v.port.out = hl_buf(HL_BUF_MAX);
	f->seen.connections++;
	while (err == HL_OK && receive(&v)) {
		err = step(&v);
		if (!flush(&v))
			break;
	}
	hl_channel_free(v.channel);
	hl_buf_clear(&v.port.in);
	hl_buf_clear(&v.port.out);
	close(fd);
}

static void *run(void *at)
{
	struct fake_hsm *f = at;
	struct pollfd p[] = { { .fd = f->wake[0], .events = POLLIN }, { .fd = f->listener, .events = POLLIN } };
	int fd;

	while (poll(p, 2, -1) > 0 && !p[0].revents) {
		fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(f, fd);
	}
	return NULL;
}

struct fake_hsm *fake_hsm_start(const struct fake_hsm_conf *conf, struct hl_addr *at)
{
	static const struct hl_addr here = { .family = HL_INET, .ip = { 127, 0, 0, 1 } };
	struct fake_hsm *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->conf = *conf;
	f->identity = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (f->identity && hl_channel_ctx_new(&f->ctx) == HL_OK && pipe2(f->wake, O_CLOEXEC) == 0 &&
		hl_listen_tcp(&here, &f->listener, at) == HL_OK &&
		pthread_create(&f->thread, NULL, run, f) == 0)
		return f;
	hl_channel_ctx_free(f->ctx);
	EVP_PKEY_free(f->identity);
	free(f);
	return NULL;
}

void fake_hsm_identity(const struct fake_hsm *f, uint8_t out[32])
{
	size_t n = 32;

	if (EVP_PKEY_get_raw_public_key(f->identity, out, &n) != 1)
		abort();
}

void fake_hsm_stop(struct fake_hsm *f, struct fake_hsm_seen *seen)
{
	if (write(f->wake[1], "", 1) < 0)
		abort();
	pthread_join(f->thread, NULL);
	*seen = f->seen;
	close(f->listener);
	close(f->wake[0]);
	close(f->wake[1]);
	hl_channel_ctx_free(f->ctx);
	EVP_PKEY_free(f->identity);
	free(f);
}
