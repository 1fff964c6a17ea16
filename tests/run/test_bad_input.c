/* Bad input for real daemons: frames that are too long, malformed, of another version or out of turn; peers that say
 * nothing; members that stand still. Each ends with a refusal that has a name, or by its limit, and leaves no
 * descriptor behind. The limits themselves are measured in the simulator (tests/sim/test_silence.c). */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/auth/link.h"
#include "lib/os/clock.h"
#include "tests/support/live_impl.h"
#include "tests/support/speaker.h"
#include "tests/support/tapped.h"
#include "tests/support/test.h"

static struct tapped t;
static struct live_account acme;
static struct live_client client; /* through both relays */
static struct hl_buf ticket;      /* a frame hsm.open */
static char proxy_at[HL_ADDR_TEXT];

static struct speaker a_speaker(void)
{
	return (struct speaker){
		.user = acme.user,
		.partition = acme.partition,
		.realm = "hsmlet",
		.dialled = proxy_at,
		.password = hl_text(acme.password),
	};
}

static bool gets_in(void)
{
	hsmlet_options o = live_options_of(&client);
	hsmlet_error e;
	hsmlet *h = NULL;
	int rc = hsmlet_open(&o, &h, &e);

	hsmlet_close(h);
	return rc == 0;
}

/* Of a channel that was completed and closed just now: it opens again, for as long as a grant is good. */
static void take_ticket(void)
{
	struct hl_buf said;
	struct hl_frame f;

	CU_ASSERT_FATAL(gets_in());
	said = relay_said(t.inner, relay_count(t.inner) - 1, RELAY_NEAR);
	CU_ASSERT_EQUAL_FATAL(hl_frame_peek(hl_buf_view(&said), HL_FRAME_GATEWAY, &f), HL_OK);
	CU_ASSERT_EQUAL(f.type, HL_T_hsm_open);
	hl_buf_reset(&ticket);
	hl_buf_put(&ticket, f.whole);
	hl_buf_clear(&said);
}

/* -- what a daemon holds -------------------------------------------------------------------------------- */

static size_t descriptors(const char *member)
{
	char path[64];
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", live_pid(t.w, member));
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static const char *const members[] = { "directory1", "proxy1", "hsm1" };
struct held {
	size_t n[HL_COUNT(members)];
};

static struct held held(void)
{
	struct held h;

	for (size_t i = 0; i < HL_COUNT(members); i++)
		h.n[i] = descriptors(members[i]);
	return h;
}

static struct held at_first; /* before there was any client */

static bool more_than_at_first(void)
{
	struct held now = held();

	for (size_t i = 0; i < HL_COUNT(members); i++)
		if (now.n[i] > at_first.n[i])
			return true;
	return false;
}

/* What was closed lingers for a while. Between two looks the directory's life is watched. */
static void nothing_is_left(void)
{
	int64_t deadline = live_deadline();

	while (more_than_at_first() && hl_clock_mono_us() < deadline)
		CU_ASSERT_FATAL(!live_poll(t.w->member[0].life_fd, POLLIN, hl_clock_mono_us() + 10000));
	CU_ASSERT(!more_than_at_first());
}

/* -- frames --------------------------------------------------------------------------------------------------- */

typedef void build_fn(struct hl_buf *out);

static void put_head(struct hl_buf *out, uint32_t length, uint16_t type)
{
	hl_buf_u32(out, length);
	hl_buf_u16(out, type);
	hl_buf_u32(out, 0);
}

static void over_a_mebibyte(struct hl_buf *out)
{
	put_head(out, HL_FRAME_MAX + 1, HL_T_hello_proxy);
}

static void over_what_a_gateway_takes(struct hl_buf *out)
{
	put_head(out, HL_FRAME_GATEWAY + 1, HL_T_hello_proxy);
}

static void shorter_than_a_head(struct hl_buf *out)
{
	put_head(out, HL_FRAME_HEAD - 5, HL_T_hello_proxy);
}

static void of_a_later_version(struct hl_buf *out)
{
	struct speaker s = a_speaker();

	speaker_hello(&s);
	speaker_versions(&s, 2, 9);
	hl_buf_put(out, hl_buf_view(&s.hello));
	speaker_clear(&s);
}

static void hello_twice(struct hl_buf *out)
{
	struct speaker s = a_speaker();

	speaker_hello(&s);
	hl_buf_put(out, hl_buf_view(&s.hello));
	hl_buf_put(out, hl_buf_view(&s.hello));
	speaker_clear(&s);
}

static void with_a_request_id(struct hl_buf *out)
{
	hello_twice(out);
	out->base[out->off + HL_FRAME_HEAD - 1] = 1;
}

/* A hello by hand, since the encoder keeps to the bounds; `odd` replaces the field of that tag. */
static void put_hello(struct hl_buf *out, uint16_t odd, struct hl_bytes content)
{
	static const uint8_t one[] = { 0, 1 }, id[HL_CONNECTION_ID] = { 9 };
	struct hl_bytes value[] = { { 0 }, { one, 2 }, { one, 2 }, { id, sizeof id }, hl_text("me"),
		hl_text(acme.partition), hl_text(LIVE_POOL), hl_text(proxy_at), hl_text("n,a=p,n=u,r=abc") };
	size_t begun = hl_frame_begin(out, HL_T_hello_proxy, 0);

	for (uint16_t tag = 1; tag < HL_COUNT(value); tag++) {
		struct hl_bytes v = tag == odd ? content : value[tag];

		hl_buf_u16(out, tag);
		hl_buf_u32(out, (uint32_t)v.n);
		hl_buf_put(out, v);
	}
	hl_frame_end(out, begun);
}

static const char long_name[] = "a-name-of-sixty-five-characters-is-one-more-than-any-name-may-have";

static void long_client_id(struct hl_buf *out)
{
	put_hello(out, 4, hl_bytes(long_name, HL_NAME_TEXT + 1));
}

static void long_partition(struct hl_buf *out)
{
	put_hello(out, 5, hl_bytes(long_name, HL_NAME_TEXT + 1));
}

static void short_connection_id(struct hl_buf *out)
{
	put_hello(out, 3, hl_text("fifteen bytes.."));
}

static void scram_without_sense(struct hl_buf *out)
{
	put_hello(out, 8, hl_text("p=tls-unique,,n=u,r=abc"));
}

static void unknown_field(struct hl_buf *out)
{
	put_hello(out, 0, hl_bytes(NULL, 0));
	hl_buf_u16(out, 0x7fff); /* from 0x8000 on it would be skipped */
	hl_buf_u32(out, 0);
	hl_buf_set_u32(out, 0, (uint32_t)out->n - 4);
}

static void field_that_is_cut(struct hl_buf *out)
{
	put_hello(out, 0, hl_bytes(NULL, 0));
	hl_buf_cut(out, out->n - 1);
	hl_buf_set_u32(out, 0, (uint32_t)out->n - 4);
}

static void an_answer_first(struct hl_buf *out)
{
	struct hl_auth_answer answer = { .scram = hl_text("c=biws,r=abc,p=AAAA") };

	hl_msg_put(out, &hl_msg_auth_answer, 0, &answer);
}

static void a_type_of_nobody(struct hl_buf *out)
{
	put_head(out, HL_FRAME_HEAD - 4, 0x7777);
}

static void a_ticket_of_zeros(struct hl_buf *out)
{
	uint8_t zeros[200] = { 0 };
	struct hl_hsm_open open = { .ticket = hl_bytes(zeros, sizeof zeros) };

	hl_msg_put(out, &hl_msg_hsm_open, 0, &open);
}

static void put_link_hello(struct hl_buf *out, const char *name, const char *peer)
{
	uint8_t id[HL_CONNECTION_ID] = { 1 };
	struct hl_link_hello hello = {
		.role = HL_ROLE_PROXY,
		.name = hl_text(name),
		.peer = hl_text(peer),
		.connection = hl_bytes(id, sizeof id),
	};

	hl_msg_put(out, &hl_msg_link_hello, 0, &hello);
}

static void for_another_directory(struct hl_buf *out)
{
	put_link_hello(out, "proxy1", "directory2");
}

/* Whoever it says it is, the handshake is what shows it: this one is garbage behind a good hello. */
static void garbage_behind_a_hello(struct hl_buf *out)
{
	put_link_hello(out, "proxy1", "directory1");
	hl_buf_text(out, "GET / HTTP/1.1\r\n\r\n");
}

static void garbage_behind_a_ticket(struct hl_buf *out)
{
	hl_buf_put(out, hl_buf_view(&ticket));
	hl_buf_text(out, "GET / HTTP/1.1\r\n\r\n");
}

/* -- the table -------------------------------------------------------------------------------------------------- */

enum where { PROXY, HSM, DIRECTORY, ADMIN };

/* clang-format off */
static const struct {
	const char *what;
	enum where to;
	build_fn *build;
	hl_err err; /* told in the clear; HL_OK: hung up on without a word of ours */
	int step;
} bad[] = {
	{ "a frame over 1 MiB",                     PROXY,     over_a_mebibyte,           HL_E_TOO_LONG, HL_STEP_HELLO },
	{ "a frame over what a gateway takes",      PROXY,     over_what_a_gateway_takes, HL_E_TOO_LONG, HL_STEP_HELLO },
	{ "a frame shorter than a head",            PROXY,     shorter_than_a_head,       HL_E_TYPE,     HL_STEP_HELLO },
	{ "a client id of 65 bytes",                PROXY,     long_client_id,            HL_E_RANGE,    HL_STEP_HELLO },
	{ "a partition of 65 bytes",                PROXY,     long_partition,            HL_E_RANGE,    HL_STEP_HELLO },
	{ "a connection id that is too short",      PROXY,     short_connection_id,       HL_E_RANGE,    HL_STEP_HELLO },
	{ "a field that nobody knows",              PROXY,     unknown_field,             HL_E_FIELD,    HL_STEP_HELLO },
	{ "a field that is cut",                    PROXY,     field_that_is_cut,         HL_E_SHORT,    HL_STEP_HELLO },
	{ "a SCRAM message without sense",          PROXY,     scram_without_sense,       HL_E_SCRAM,    HL_STEP_HELLO },
	{ "versions of later times",                PROXY,     of_a_later_version,        HL_E_VERSION,  HL_STEP_HELLO },
	{ "the answer before the hello",            PROXY,     an_answer_first,           HL_E_TYPE,     HL_STEP_HELLO },
	{ "a hello with a request id",              PROXY,     with_a_request_id,         HL_E_TYPE,     HL_STEP_HELLO },
	{ "two hellos",                             PROXY,     hello_twice,               HL_E_TYPE,     HL_STEP_ANSWER },
	{ "a frame over 1 MiB",                     HSM,       over_a_mebibyte,           HL_E_TOO_LONG, HL_STEP_RESULT },
	{ "a frame of a type that nobody knows",    HSM,       a_type_of_nobody,          HL_E_TYPE,     HL_STEP_RESULT },
	{ "a ticket of zeros",                      HSM,       a_ticket_of_zeros,         HL_E_TICKET,   HL_STEP_RESULT },
	{ "garbage behind a ticket",                HSM,       garbage_behind_a_ticket,   HL_OK,         0 },
	{ "a frame over 1 MiB",                     DIRECTORY, over_a_mebibyte,           HL_OK,         0 },
	{ "a frame of a type that nobody knows",    DIRECTORY, a_type_of_nobody,          HL_OK,         0 },
	{ "a hello for another directory",          DIRECTORY, for_another_directory,     HL_OK,         0 },
	{ "garbage behind a hello",                 DIRECTORY, garbage_behind_a_hello,    HL_OK,         0 },
	{ "a frame over 1 MiB",                     ADMIN,     over_a_mebibyte,           HL_OK,         0 },
	{ "a frame of a type that nobody knows",    ADMIN,     a_type_of_nobody,          HL_OK,         0 },
};
/* clang-format on */

static int dial_admin(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[PATH_MAX];

	live_path(t.w, "run/directory1.sock", path);
	snprintf(at.sun_path, sizeof at.sun_path, "%.*s", (int)sizeof at.sun_path - 1, path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static int dial(enum where to)
{
	struct hl_addr directory = live_address(t.w, 21, 2500);
	const struct hl_addr *const at[] = { [PROXY] = &t.proxy_at, [HSM] = &t.hsm_at, [DIRECTORY] = &directory };
	int fd = to == ADMIN ? dial_admin() : raw_dial(at[to]);

	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

/* The last frame in the clear, where that is a refusal; HL_OK: there is none. */
static hl_err told(const struct hl_buf *said, int *step)
{
	struct hl_bytes at = hl_buf_view(said);
	struct hl_refused no = { .code = 0 };
	struct hl_frame f;

	while (hl_frame_peek(at, HL_FRAME_GATEWAY, &f) == HL_OK) {
		if (f.type == HL_T_refused)
			CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_refused, &f, &no), HL_OK);
		at = hl_bytes(at.p + f.whole.n, at.n - f.whole.n);
	}
	*step = no.step;
	return no.code ? hl_err_of_wire(no.code) : HL_OK;
}

static void each_is_refused_by_name_and_leaves_nothing(void)
{
	take_ticket();
	for (size_t i = 0; i < HL_COUNT(bad); i++) {
		struct hl_buf out = hl_buf(64u << 10), said;
		bool ended = false;
		int fd = dial(bad[i].to), step = -1;
		hl_err err;

		bad[i].build(&out);
		CU_ASSERT_EQUAL(out.err, HL_OK);
		(void)raw_send(fd, hl_buf_view(&out)); /* the peer may hang up before it has heard all */
		said = raw_read_all(fd, &ended);
		err = told(&said, &step);
		if (!ended || err != bad[i].err || step != bad[i].step) {
			fprintf(stderr, "%s: told HL-%04d at %d\n", bad[i].what, -(int)err, step);
			CU_FAIL("not refused as it should be");
		}
		close(fd);
		hl_buf_clear(&out);
		hl_buf_clear(&said);
	}
	nothing_is_left();
	CU_ASSERT(gets_in());
}

/* -- who says nothing, all at once --------------------------------------------------------------------------------- */

static void half_a_hello(struct hl_buf *out)
{
	put_hello(out, 0, hl_bytes(NULL, 0));
	hl_buf_cut(out, out->n / 2);
}

static void a_hello(struct hl_buf *out)
{
	struct speaker s = a_speaker();

	speaker_hello(&s);
	hl_buf_put(out, hl_buf_view(&s.hello));
	speaker_clear(&s);
}

static void nothing(struct hl_buf *out)
{
	(void)out;
}

static void half_a_ticket(struct hl_buf *out)
{
	hl_buf_put(out, hl_bytes(hl_buf_view(&ticket).p, ticket.n / 2));
}

static void a_ticket(struct hl_buf *out)
{
	hl_buf_put(out, hl_buf_view(&ticket));
}

static void a_link_hello(struct hl_buf *out)
{
	put_link_hello(out, "proxy1", "directory1");
}

static const struct {
	enum where to;
	build_fn *build;
	hl_err err;
	int step, least_ms;
} silent[] = {
	{ PROXY, nothing, HL_E_TIMEOUT, HL_STEP_HELLO, 5000 },
	{ PROXY, half_a_hello, HL_E_TIMEOUT, HL_STEP_HELLO, 5000 },
	{ PROXY, a_hello, HL_E_TIMEOUT, HL_STEP_ANSWER, 5000 },
	{ HSM, nothing, HL_OK, 0, 2000 },
	{ HSM, half_a_ticket, HL_OK, 0, 2000 },
	{ HSM, a_ticket, HL_OK, 0, 5000 },
	{ DIRECTORY, nothing, HL_OK, 0, 2000 },
	{ DIRECTORY, a_link_hello, HL_OK, 0, 2000 },
};

static void who_says_nothing_is_hung_up_on(void)
{
	int fd[HL_COUNT(silent)], step;
	int64_t begun;

	take_ticket();
	begun = hl_clock_mono_us();
	for (size_t i = 0; i < HL_COUNT(silent); i++) {
		struct hl_buf out = hl_buf(64u << 10);

		fd[i] = dial(silent[i].to);
		silent[i].build(&out);
		CU_ASSERT(raw_send(fd[i], hl_buf_view(&out)));
		hl_buf_clear(&out);
	}
	for (size_t i = 0; i < HL_COUNT(silent); i++) {
		bool ended = false;
		struct hl_buf said = raw_read_all(fd[i], &ended);

		CU_ASSERT(ended);
		CU_ASSERT_EQUAL(told(&said, &step), silent[i].err);
		CU_ASSERT_EQUAL(step, silent[i].step);
		CU_ASSERT(hl_clock_mono_us() - begun >= silent[i].least_ms * 1000ll);
		close(fd[i]);
		hl_buf_clear(&said);
	}
	nothing_is_left();
	CU_ASSERT(gets_in());
}

/* -- members that stand still ---------------------------------------------------------------------------------------- */

/* So much time that one attempt ends by its own limit, and no second one can. */
static const struct {
	const char *member, *step;
	unsigned limit_ms;
	int id, least_ms;
} stopped[] = {
	{ "proxy1", "auth.request", 2800, 704, 2000 },
	{ "directory1", "auth.result", 1500, 404, 1000 },
	{ "hsm1", "auth.result", 3800, 703, 3000 },
};

static void a_member_that_stands_still_is_told_by_name(void)
{
	struct hl_addr direct = live_address(t.w, LIVE_PROXY, 0);
	struct live_route route = { .host = proxy_at };
	struct live_client c;
	char host[HL_ADDR_TEXT];

	/* By its address, for the directory that stands still answers for no name. */
	hl_addr_text(&direct, host);
	host[strcspn(host, ":")] = 0;
	route.host = host;
	CU_ASSERT_FATAL(live_client(t.w, "direct", &acme, &route, &c));
	CU_ASSERT_FATAL(live_client_secret(&c, &client, acme.partition, false));
	for (size_t i = 0; i < HL_COUNT(stopped); i++) {
		hsmlet_options o = live_options_of(&c);
		int64_t begun = hl_clock_mono_us(), took;
		hsmlet_error e = { 0 };
		hsmlet *h = NULL;

		o.limit_ms = stopped[i].limit_ms;
		CU_ASSERT(live_pause(t.w, stopped[i].member));
		CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), stopped[i].id);
		took = hl_clock_mono_us() - begun;
		CU_ASSERT(live_resume(t.w, stopped[i].member));
		CU_ASSERT_PTR_NULL(h);
		CU_ASSERT_STRING_EQUAL(e.step_name, stopped[i].step);
		CU_ASSERT(e.attempts >= 1);
		CU_ASSERT(took >= stopped[i].least_ms * 1000ll);
		CU_ASSERT(gets_in());
	}
}

static CU_TestInfo tests[] = {
	{ "each is refused by name and leaves nothing", each_is_refused_by_name_and_leaves_nothing },
	{ "who says nothing is hung up on", who_says_nothing_is_hung_up_on },
	{ "a member that stands still is told by name", a_member_that_stands_still_is_told_by_name },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE",
	};

	if (!tapped_start(&t, 1) || live_provision(t.w, &tenant, &acme) != HL_OK)
		return false;
	at_first = held();
	if (!tapped_client_ready(&t, "acme", &acme, &client))
		return false;
	ticket = hl_buf(HL_FRAME_GATEWAY);
	hl_addr_text(&t.proxy_at, proxy_at);
	return true;
}

int main(void)
{
	int rc = prepare() ? hl_test_main("bad input", tests) : 1;

	if (rc != 0)
		live_dump(t.w);
	hl_buf_clear(&ticket);
	return tapped_stop(&t) ? rc : 1;
}
