/* Hosts that do not keep to the rules, against a real world: one that plays the HSM, one that leads a
 * client through itself, one that says again what it has heard. */
#include <stdio.h>
#include <unistd.h>

#include "client/secrets.h"
#include "lib/auth/link.h"
#include "lib/auth/scram.h"
#include "lib/auth/ticket.h"
#include "lib/os/clock.h"
#include "lib/os/env.h"
#include "lib/os/files.h"
#include "lib/wire/numbers.h"
#include "tests/support/fake_hsm.h"
#include "tests/support/key.h"
#include "tests/support/lines.h"
#include "tests/support/tapped.h"
#include "tests/support/test.h"

static struct tapped t;
static struct live_account acme;
static struct live_client client; /* through both relays */

static int open_as(const struct live_client *c, hsmlet **h, hsmlet_error *e)
{
	hsmlet_options o = live_options_of(c);

	*e = (hsmlet_error){ 0 };
	*h = NULL;
	return hsmlet_open(&o, h, e);
}

static unsigned objects(void)
{
	hsmlet_info info = { 0 };
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
	if (h)
		CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	hsmlet_close(h);
	return info.objects;
}

static int at_hsm(const char *conn, const char *step, const char *way, const char *err)
{
	struct line like = { .conn = conn, .step = step, .way = way, .err = err };

	return lines_of(t.w, "hsm", &like);
}

/* -- a host that plays the HSM ---------------------------------------------------------------------------- */

static hl_err user_secret(struct client_secret *out)
{
	char error[512];

	return client_secret_get(client.secrets, acme.partition, out, error);
}

/* All that can be stolen from partition and links, and not the identity key of the cluster. */
static hl_err steal(struct fake_hsm_conf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf link = hl_buf(64);
	struct client_secret s = { 0 };
	char path[PATH_MAX];

	live_path(t.w, "etc/links/hsm1-directory1.key", path);
	HL_TRY(hl_file_read(path, 64, &link));
	HL_TRY(hl_link_ticket_key(hl_buf_view(&link), out->ticket_key));
	HL_TRY(user_secret(&s));
	memcpy(out->secret, s.secret.p, sizeof out->secret);
	out->generation = s.generation;
	hl_secret_clear(&s.secret);
	return HL_OK;
}

static struct fake_hsm *fake_start(void)
{
	struct fake_hsm_conf conf;
	struct fake_hsm *fake = NULL;
	struct hl_addr at;

	CU_ASSERT_EQUAL(steal(&conf), HL_OK);
	fake = fake_hsm_start(&conf, &at);
	CU_ASSERT_PTR_NOT_NULL(fake);
	if (fake)
		relay_to(t.inner, &at);
	return fake;
}

static void fake_stop(struct fake_hsm *fake, struct fake_hsm_seen *seen)
{
	relay_to(t.inner, &t.hsm_at);
	*seen = (struct fake_hsm_seen){ 0 };
	if (fake)
		fake_hsm_stop(fake, seen);
}

static void a_host_that_knows_the_secret_is_told_no_pin(void)
{
	struct fake_hsm *fake = fake_start();
	struct fake_hsm_seen seen;
	struct line at;
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 501);
	CU_ASSERT_PTR_NULL(h);
	CU_ASSERT_EQUAL(e.exit_code, 12);
	CU_ASSERT_STRING_EQUAL(e.step_name, "hsm.result");
	CU_ASSERT_EQUAL(e.attempts, 1);
	CU_ASSERT(e.what[0] && e.where[0] && e.cause[0] && e.next[0]);
	at = (struct line){ .conn = e.connection, .step = "hsm.result", .err = "HL-0501" };
	CU_ASSERT_EQUAL(lines_count(client.trace, &at), 1);
	fake_stop(fake, &seen);
	/* It came as far as the channel: all that was missing is the identity. */
	CU_ASSERT_EQUAL(seen.connections, 1);
	CU_ASSERT_EQUAL(seen.channels, 1);
	CU_ASSERT_EQUAL(seen.frames, 0);
	CU_ASSERT_EQUAL(seen.logins, 0);
}

/* Pin the identity of the host that plays the HSM: then it is believed, and is told the PIN. So nothing but
 * the pinned key keeps the PIN from it, and what it is told is noticed. */
static void the_pinned_identity_is_what_protects_the_pin(void)
{
	struct fake_hsm *fake = fake_start();
	struct fake_hsm_seen seen;
	struct client_secret s = { 0 };
	struct hl_os_env env;
	struct live_client fooled;
	char error[512];
	hsmlet_error e;
	hsmlet *h = NULL;

	CU_ASSERT(tapped_client(&t, "fooled", &acme, NULL, &fooled));
	CU_ASSERT_EQUAL(user_secret(&s), HL_OK);
	if (fake)
		fake_hsm_identity(fake, s.identity);
	CU_ASSERT_EQUAL(hl_os_env_open(&env, &(struct hl_os_env_config){ .role = "test", .who = "test" }), HL_OK);
	CU_ASSERT_EQUAL(client_secret_put(&env.env, fooled.secrets, &s, error), HL_OK);
	hl_os_env_close(&env);
	hl_secret_clear(&s.secret);
	CU_ASSERT_EQUAL(open_as(&fooled, &h, &e), 0);
	if (h)
		CU_ASSERT_NOT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
	hsmlet_close(h);
	fake_stop(fake, &seen);
	CU_ASSERT(seen.logins >= 1); /* it does not answer, and is asked again */
	CU_ASSERT_STRING_EQUAL(seen.pin, acme.pin);
}

/* -- a host that only passes on ----------------------------------------------------------------------------- */

static void a_client_that_was_led_to_another_host_is_refused(void)
{
	static const struct hl_addr here = { .family = HL_INET, .ip = { 127, 0, 0, 1 } };
	struct live_route route = { .host = "127.0.0.1" };
	struct live_client led;
	struct hl_addr at;
	struct relay *between = relay_start(&here, &at);
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_PTR_NOT_NULL(between);
	relay_to(between, &t.proxy_at);
	route.port = at.port;
	CU_ASSERT(live_client(t.w, "led", &acme, &route, &led));
	CU_ASSERT(live_client_secret(&led, &client, acme.partition, false));
	CU_ASSERT_EQUAL(open_as(&led, &h, &e), 301);
	CU_ASSERT_EQUAL(e.exit_code, 10);
	CU_ASSERT_STRING_EQUAL(e.step_name, "auth.result");
	CU_ASSERT_EQUAL(relay_count(between), 1);
	hsmlet_close(h);
	relay_stop(between);
}

/* -- recordings ------------------------------------------------------------------------------------------------ */

/* A connection of the client, as the relays heard it. */
struct recording {
	char id[33];
	struct hl_buf to_proxy, from_proxy, to_hsm;
};

/* A whole life on it: login, and a key that is made. */
static void record(struct recording *r)
{
	size_t outer = relay_count(t.outer), inner = relay_count(t.inner);
	hsmlet_info info = { 0 };
	struct key_pair k;
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
	if (h) {
		CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
		CU_ASSERT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
		CU_ASSERT_EQUAL(key_make_p256(h, "recorded", &k, &e), 0);
	}
	memcpy(r->id, info.connection, sizeof r->id);
	r->to_proxy = relay_said(t.outer, outer, RELAY_NEAR);
	r->from_proxy = relay_said(t.outer, outer, RELAY_FAR);
	r->to_hsm = relay_said(t.inner, inner, RELAY_NEAR);
	hsmlet_close(h);
	CU_ASSERT(r->to_proxy.n > 800 && r->to_hsm.n > 600); /* gateway or ticket, handshake, three requests */
}

static void recording_clear(struct recording *r)
{
	hl_buf_clear(&r->to_proxy);
	hl_buf_clear(&r->from_proxy);
	hl_buf_clear(&r->to_hsm);
}

/* Say it all again; what was answered is to be cleared by the caller. */
static struct hl_buf replayed(const struct hl_addr *to, const struct hl_buf *said)
{
	struct hl_buf answer = { 0 };
	bool ended = false;
	int fd = raw_dial(to);

	CU_ASSERT(fd >= 0);
	if (fd < 0)
		return answer;
	/* The peer may hang up before it has heard all. */
	(void)raw_send(fd, hl_buf_view(said));
	answer = raw_read_all(fd, &ended);
	CU_ASSERT(ended);
	close(fd);
	return answer;
}

/* The next frame in the clear, and *at behind it; type 0: there is none. */
static struct hl_frame take_frame(struct hl_bytes *at)
{
	struct hl_frame f = { 0 };

	if (hl_frame_peek(*at, HL_FRAME_GATEWAY, &f) != HL_OK)
		return (struct hl_frame){ 0 };
	*at = hl_bytes(at->p + f.whole.n, at->n - f.whole.n);
	return f;
}

static struct hl_frame first_frame(const struct hl_buf *b)
{
	struct hl_bytes at = hl_buf_view(b);

	return take_frame(&at);
}

static int refusal_in(const struct hl_frame *f)
{
	struct hl_refused no;

	return hl_msg_get(&hl_msg_refused, f, &no) == HL_OK ? no.code : 0;
}

static void a_recorded_login_does_not_pass_the_gateway_again(void)
{
	struct recording r;
	struct hl_buf answer;
	struct hl_bytes at;
	struct hl_frame f;
	struct line granted;

	record(&r);
	answer = replayed(&t.proxy_at, &r.to_proxy);
	at = hl_buf_view(&answer);
	CU_ASSERT_EQUAL(take_frame(&at).type, HL_T_auth_request);
	f = take_frame(&at);
	CU_ASSERT_EQUAL(refusal_in(&f), 304); /* the proof is for another nonce */
	CU_ASSERT_EQUAL(at.n, 0);
	granted = (struct line){ .conn = r.id, .step = "dir.grant", .way = "sent", .err = "" };
	CU_ASSERT_EQUAL(lines_of(t.w, "directory", &granted), 1);
	hl_buf_clear(&answer);
	recording_clear(&r);
}

/* The recorded proof, dressed up with the nonce of now (RFC 5802 7: c=header,r=nonce,p=proof). */
static void put_forged_answer(struct hl_buf *out, const struct recording *r, struct hl_bytes nonce)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(1024), scram = hl_buf(1024);
	struct hl_bytes said = hl_buf_view(&r->to_proxy);
	struct hl_auth_answer answer = { 0 };
	const char *header, *proof;
	struct hl_frame f;

	take_frame(&said);
	f = take_frame(&said);
	CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_auth_answer, &f, &answer), HL_OK);
	hl_buf_put(&text, answer.scram);
	hl_buf_u8(&text, 0);
	header = (const char *)hl_buf_view(&text).p;
	proof = strstr(header, ",p=");
	CU_ASSERT(proof && strstr(header, ",r="));
	hl_buf_printf(&scram, "%.*s,r=%.*s%s", (int)strcspn(header, ","), header, (int)nonce.n,
		(const char *)nonce.p, proof ? proof : "");
	answer.scram = hl_buf_view(&scram);
	hl_msg_put(out, &hl_msg_auth_answer, 0, &answer);
}

static int code_of_forged_answer(const struct recording *r)
{
	HL_AUTO(hl_buf_clear) struct hl_buf in = hl_buf(HL_BUF_MAX), out = hl_buf(4096);
	struct hl_bytes said = hl_buf_view(&r->to_proxy), nonce = { 0 };
	int fd = raw_dial(&t.proxy_at), code = 0;
	struct hl_auth_request request;
	struct hl_frame f;
	bool ok = raw_send(fd, take_frame(&said).whole);

	while (ok && (f = first_frame(&in)).type == 0)
		ok = raw_read(fd, &in);
	CU_ASSERT(ok && hl_msg_get(&hl_msg_auth_request, &f, &request) == HL_OK);
	if (ok && hl_scram_server_nonce(request.scram, &nonce) == HL_OK) {
		put_forged_answer(&out, r, nonce);
		hl_buf_reset(&in);
		ok = raw_send(fd, hl_buf_view(&out));
		while (ok && (f = first_frame(&in)).type == 0)
			ok = raw_read(fd, &in);
		code = ok ? refusal_in(&f) : 0;
	}
	close(fd);
	return code;
}

static void a_recorded_proof_is_worth_nothing_for_another_nonce(void)
{
	struct recording r;

	record(&r);
	CU_ASSERT_EQUAL(code_of_forged_answer(&r), 300);
	recording_clear(&r);
}

static void a_recorded_channel_does_not_open_again(void)
{
	unsigned before;
	struct recording r;
	struct hl_buf answer;

	record(&r);
	before = objects();
	answer = replayed(&t.hsm_at, &r.to_hsm);
	/* The ticket still lives; whoever shows it must then shake hands. */
	CU_ASSERT_EQUAL(first_frame(&answer).type, HL_T_hsm_opened);
	CU_ASSERT_EQUAL(at_hsm(r.id, "hsm.result", "did", "HL-0208"), 1);
	CU_ASSERT_EQUAL(at_hsm(r.id, "hello.hsm", "got", ""), 1);
	CU_ASSERT_EQUAL(at_hsm(r.id, "hsm.result", "sent", ""), 1);
	CU_ASSERT_EQUAL(objects(), before);
	hl_buf_clear(&answer);
	recording_clear(&r);
}

/* -- a grant is good once ------------------------------------------------------------------------------------- */

static hl_err dial_channel(struct recording *r, const struct client_secret *s, struct hl_channel_ctx *ctx,
	struct hl_channel **out)
{
	struct hl_bytes said = hl_buf_view(&r->to_proxy);
	struct hl_frame hello = take_frame(&said), answer = take_frame(&said);
	struct hl_frame request = first_frame(&r->from_proxy);
	uint8_t binding[HL_BINDING];
	struct hl_channel_bond bond = {
		.binding = hl_bytes(binding, sizeof binding),
		.initiator = "client",
		.responder = "hsm",
		.name = acme.partition,
		.alpn = HL_ALPN_OP,
	};

	HL_TRY(hl_binding(hello.whole, request.whole, answer.whole, binding));
	return hl_channel_dial(
		ctx, &bond, HL_CHANNEL_USER, s->generation, hl_secret_view(&s->secret), out);
}

/* Show the recorded ticket, then shake hands anew, with the right secret. What the HSM says inside the channel
 * in place of its proof; 0: nothing. */
static int code_inside(struct recording *r, struct hl_channel *c, bool *ready)
{
	struct hl_port port = { hl_buf(HL_BUF_MAX), hl_buf(HL_BUF_MAX) };
	struct hl_frame ticket = first_frame(&r->to_hsm), f;
	struct hl_op_refused no = { 0 };
	int fd = raw_dial(&t.hsm_at);
	bool ok = fd >= 0 && raw_send(fd, ticket.whole), over = false;

	while (ok && hl_frame_peek(hl_buf_view(&port.in), HL_FRAME_GATEWAY, &f) == HL_E_SHORT)
		ok = raw_read(fd, &port.in);
	CU_ASSERT(ok && f.type == HL_T_hsm_opened);
	hl_buf_eat(&port.in, ok ? f.whole.n : 0);
	while (ok && !over) {
		ok = hl_channel_pump(c, &port) == HL_OK && raw_send(fd, hl_buf_view(&port.out));
		hl_buf_eat(&port.out, port.out.n);
		over = hl_channel_next(c, &f) == HL_OK;
		ok = ok && (over || raw_read(fd, &port.in));
	}
	*ready = hl_channel_ready(c);
	if (over && hl_msg_get(&hl_msg_op_refused, &f, &no) != HL_OK)
		no.code = 0;
	hl_buf_clear(&port.in);
	hl_buf_clear(&port.out);
	if (fd >= 0)
		close(fd);
	return no.code;
}

#define SAYINGS 6 /* enough to meet the other worker */

/* The worst case: who says it again knows the secret, too. */
static void a_grant_opens_one_channel_even_for_who_knows_the_secret(void)
{
	struct hl_channel_ctx *ctx = NULL;
	struct client_secret s = { 0 };
	struct recording r;

	record(&r);
	CU_ASSERT_EQUAL(user_secret(&s), HL_OK);
	CU_ASSERT_EQUAL(hl_channel_ctx_new(&ctx), HL_OK);
	for (int i = 0; i < SAYINGS; i++) {
		struct hl_channel *c = NULL;
		bool ready = false;

		CU_ASSERT_EQUAL(dial_channel(&r, &s, ctx, &c), HL_OK);
		if (c)
			CU_ASSERT_EQUAL(code_inside(&r, c, &ready), 407);
		CU_ASSERT(ready);
		hl_channel_free(c);
	}
	CU_ASSERT_EQUAL(at_hsm(r.id, "hsm.result", "sent", "HL-0407"), SAYINGS);
	CU_ASSERT_EQUAL(at_hsm(r.id, "hsm.result", "sent", ""), 1); /* the first time */
	hl_channel_ctx_free(ctx);
	hl_secret_clear(&s.secret);
	recording_clear(&r);
}

static int code_of_ticket(const struct hl_buf *frame)
{
	struct hl_buf answer = replayed(&t.hsm_at, frame);
	struct hl_frame f = first_frame(&answer);
	int code = refusal_in(&f);

	CU_ASSERT_NOT_EQUAL(f.type, HL_T_hsm_opened);
	hl_buf_clear(&answer);
	return code;
}

static void a_ticket_with_any_byte_changed_is_refused(void)
{
	struct recording r;
	struct hl_buf frame = hl_buf(4096);

	record(&r);
	hl_buf_put(&frame, first_frame(&r.to_hsm).whole);
	for (size_t i = HL_FRAME_HEAD + HL_FIELD_HEAD; i < frame.n; i++) {
		frame.base[frame.off + i] ^= 0x20;
		CU_ASSERT_EQUAL(code_of_ticket(&frame), 405);
		frame.base[frame.off + i] ^= 0x20;
	}
	hl_buf_clear(&frame);
	recording_clear(&r);
}

/* Moves the clock of the world, so it stands last. */
static void a_ticket_ends_with_its_time(void)
{
	struct recording r;
	struct hl_buf answer;
	struct hl_buf frame = hl_buf(4096);
	char clock[PATH_MAX];

	record(&r);
	hl_buf_put(&frame, first_frame(&r.to_hsm).whole);
	live_path(t.w, "clock", clock);
	CU_ASSERT_EQUAL(hl_clock_advance(clock, 15000, NULL), HL_OK);
	answer = replayed(&t.hsm_at, &frame);
	CU_ASSERT_EQUAL(first_frame(&answer).type, HL_T_hsm_opened);
	CU_ASSERT_EQUAL(hl_clock_advance(clock, 16000, NULL), HL_OK);
	CU_ASSERT_EQUAL(code_of_ticket(&frame), 405);
	CU_ASSERT_EQUAL(at_hsm(r.id, "auth.result", "did", "HL-0405"), 1);
	CU_ASSERT(objects() > 0); /* everybody else goes on */
	hl_buf_clear(&answer);
	hl_buf_clear(&frame);
	recording_clear(&r);
}

static CU_TestInfo tests[] = {
	{ "a host that knows the secret is told no PIN", a_host_that_knows_the_secret_is_told_no_pin },
	{ "the pinned identity is what protects the PIN", the_pinned_identity_is_what_protects_the_pin },
	{ "a client that was led to another host is refused",
		a_client_that_was_led_to_another_host_is_refused },
	{ "a recorded login does not pass the gateway again",
		a_recorded_login_does_not_pass_the_gateway_again },
	{ "a recorded proof is worth nothing for another nonce",
		a_recorded_proof_is_worth_nothing_for_another_nonce },
	{ "a recorded channel does not open again", a_recorded_channel_does_not_open_again },
	{ "a grant opens one channel, even for who knows the secret",
		a_grant_opens_one_channel_even_for_who_knows_the_secret },
	{ "a ticket with any byte changed is refused", a_ticket_with_any_byte_changed_is_refused },
	{ "a ticket ends with its time", a_ticket_ends_with_its_time },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE",
	};
	bool ready = tapped_start(&t, 2) && live_provision(t.w, &tenant, &acme) == HL_OK &&
		tapped_client_ready(&t, "acme", &acme, &client);
	int rc = ready ? hl_test_main("hostile", tests) : 1;

	if (rc != 0)
		live_dump(t.w);
	return tapped_stop(&t) ? rc : 1;
}
