/* Every message in every state: what is out of turn is refused there and then, has no effect, and harms nobody
 * else. The states are those of whoever answers: proxy, HSM and directory, in the clear and inside channels. */
#include <stdio.h>

#include "lib/auth/setup.h"
#include "tests/sim/knock.h"
#include "tests/sim/story.h"
#include "tests/support/sample.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *client; /* with the user secret */
static struct knock k;
static struct speaker speaker;
static struct hl_channel_ctx *ctx;
static struct hl_channel *channel;
static struct hl_buf ticket; /* a frame hsm.open that is good */

/* -- messages ------------------------------------------------------------------------------------------ */

static uint64_t draw = 7;

/* A whole frame of it with random content; without content where that is more than a gateway takes. */
static struct hl_buf frame_of(const struct hl_msg *m)
{
	struct hl_buf out = hl_buf(HL_BUF_MAX);
	void *body = sample_make(m, &draw);
	size_t begun;

	hl_msg_put(&out, m, 0, body);
	if (out.err != HL_OK || out.n > HL_FRAME_GATEWAY) {
		hl_buf_reset(&out);
		begun = hl_frame_begin(&out, m->type, 0);
		hl_frame_end(&out, begun);
	}
	sample_free(m, body);
	return out;
}

static bool is_request(const struct hl_msg *m)
{
	return strcmp(m->way, "client > HSM") == 0;
}

/* -- states ------------------------------------------------------------------------------------------------ */

static bool new_at_proxy(void)
{
	struct hl_addr at = KNOCK_PROXY;

	return knock_dial(&k, &at);
}

static bool asked_by_proxy(void)
{
	struct hl_frame f;

	speaker_hello(&speaker);
	if (!new_at_proxy())
		return false;
	knock_say(&k, hl_buf_view(&speaker.hello));
	if (!knock_hear(&k, &f) || f.type != HL_T_auth_request)
		return false;
	knock_eat(&k, &f);
	return true;
}

static bool let_in(void)
{
	return knock_through_gateway(&k, &speaker);
}

static bool new_at_hsm(void)
{
	struct hl_addr at = KNOCK_HSM;

	return knock_dial(&k, &at);
}

static void tap(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	(void)at;
	if (strcmp(from, "proxy1") == 0 && strcmp(to, "hsm1") == 0 && ticket.n == 0)
		hl_buf_put(&ticket, bytes);
}

/* It is good for as long as a grant is. */
static bool fresh_ticket(void)
{
	bool ok;

	hl_buf_reset(&ticket);
	sim_tap_set(w->sim, tap, NULL);
	ok = let_in();
	sim_tap_set(w->sim, NULL, NULL);
	return ok;
}

static bool ticket_taken(void)
{
	struct hl_frame f;

	if (!fresh_ticket() || !new_at_hsm())
		return false;
	knock_say(&k, hl_buf_view(&ticket));
	if (!knock_hear(&k, &f) || f.type != HL_T_hsm_opened)
		return false;
	knock_eat(&k, &f);
	return true;
}

static bool new_at_directory(void)
{
	struct hl_addr at = KNOCK_DIRECTORY;

	return knock_dial(&k, &at);
}

static bool new_at_admin(void)
{
	struct hl_addr at = knock_at(22, 1);

	return knock_dial(&k, &at);
}

static bool shaken_with_hsm(enum hl_channel_kind kind, uint32_t generation, struct hl_bytes secret)
{
	struct hl_frame f;

	hl_channel_freep(&channel);
	channel = NULL;
	return let_in() && speaker_channel(&speaker, ctx, kind, generation, secret, &channel) == HL_OK &&
		knock_shake(&k, channel) && knock_hear_inside(&k, channel, &f) && f.type == HL_T_hsm_result;
}

static bool user_channel(void)
{
	return shaken_with_hsm(HL_CHANNEL_USER, client->conf.generation, client->conf.secret);
}

static bool setup_channel(void)
{
	uint8_t key[HL_SETUP_KEY];

	return hl_setup_key(hl_secret_view(&w->user.setup_password), hl_text(w->user.partition), key) == HL_OK &&
		shaken_with_hsm(HL_CHANNEL_SETUP, 0, hl_bytes(key, sizeof key));
}

static bool link_of(enum hl_role role, const char *name, const uint8_t key[32])
{
	hl_channel_freep(&channel);
	channel = knock_link(&k, ctx, role, name, key);
	return channel;
}

static bool link_of_proxy(void)
{
	return link_of(HL_ROLE_PROXY, "proxy1", w->link_key[0]);
}

static bool link_of_hsm(void)
{
	return link_of(HL_ROLE_HSM, "hsm1", w->link_key[w->proxies]);
}

/* -- what must come of it ------------------------------------------------------------------------------------- */

/* How a refusal is told. HANGS_UP: at most an alert of TLS comes before (RFC 8446 6: two bytes in a record). */
enum telling { IN_CLEAR, INSIDE, HANGS_UP };

static bool hello(const struct hl_msg *m)
{
	return m == &hl_msg_hello_proxy;
}

static bool answer(const struct hl_msg *m)
{
	return m == &hl_msg_auth_answer;
}

static bool open_it(const struct hl_msg *m)
{
	return m == &hl_msg_hsm_open;
}

static bool none(const struct hl_msg *m)
{
	(void)m;
	return false;
}

static bool of_proxy(const struct hl_msg *m)
{
	return m == &hl_msg_heartbeat || m == &hl_msg_dir_query;
}

static bool of_hsm(const struct hl_msg *m)
{
	return m == &hl_msg_heartbeat || m == &hl_msg_partition_made || m == &hl_msg_refused;
}

static bool of_admin(const struct hl_msg *m)
{
	return m == &hl_msg_provision || m == &hl_msg_status;
}

static bool of_setup(const struct hl_msg *m)
{
	return m == &hl_msg_ping || m == &hl_msg_secret_fetch;
}

struct state {
	const char *name;
	bool (*reach)(void);
	bool (*in_turn)(const struct hl_msg *m);
	enum telling telling;
	int step; /* told with a refusal in the clear */
};

static const struct state states[] = {
	{ "a proxy that has heard nothing", new_at_proxy, hello, IN_CLEAR, HL_STEP_HELLO },
	{ "a proxy that has asked for the proof", asked_by_proxy, answer, IN_CLEAR, HL_STEP_ANSWER },
	{ "a proxy that has let the client in", let_in, none, HANGS_UP, 0 },
	{ "an HSM that has heard nothing", new_at_hsm, open_it, IN_CLEAR, HL_STEP_RESULT },
	{ "an HSM that has taken a ticket", ticket_taken, none, HANGS_UP, 0 },
	{ "an HSM on a channel of a user", user_channel, is_request, INSIDE, 0 },
	{ "an HSM on a channel of a setup password", setup_channel, of_setup, INSIDE, 0 },
	{ "a directory that has heard nothing", new_at_directory, none, HANGS_UP, 0 },
	{ "a directory on the link of a proxy", link_of_proxy, of_proxy, HANGS_UP, 0 },
	{ "a directory on the link of an HSM", link_of_hsm, of_hsm, HANGS_UP, 0 },
	{ "a directory on its admin socket", new_at_admin, of_admin, HANGS_UP, 0 },
};

static void say(const struct state *s, const struct hl_msg *m, uint32_t id)
{
	bool inside = s->telling == INSIDE || s->reach == link_of_proxy || s->reach == link_of_hsm;
	struct hl_buf frame = frame_of(m);
	void *body = sample_make(m, &draw);

	if (inside)
		knock_say_inside(&k, channel, m, id, body);
	else
		knock_say(&k, hl_buf_view(&frame));
	sample_free(m, body);
	hl_buf_clear(&frame);
}

/* In the clear: the refusal is the last word, and it names the step. */
static hl_err told_in_clear(const struct state *s)
{
	struct hl_refused no;
	struct hl_frame f;

	if (!knock_hear(&k, &f) || hl_msg_get(&hl_msg_refused, &f, &no) != HL_OK)
		return HL_OK;
	CU_ASSERT(hl_err_of_wire(no.code) != HL_E_TYPE || no.step == s->step);
	knock_eat(&k, &f);
	CU_ASSERT(knock_ended_after(&k) >= 0);
	CU_ASSERT_EQUAL(k.io.in.n, 0);
	return hl_err_of_wire(no.code);
}

/* Inside: one answer with the id of the question, and the channel goes on. */
static hl_err told_inside(uint32_t id)
{
	struct hl_op_refused no;
	struct hl_frame f;

	if (!knock_hear_inside(&k, channel, &f) || f.id != id)
		return HL_E_CLOSED;
	return hl_msg_get(&hl_msg_op_refused, &f, &no) == HL_OK ? hl_err_of_wire(no.code) : HL_OK;
}

#define ALERT 7

static hl_err told(const struct state *s, uint32_t id, bool in_turn)
{
	if (s->telling == IN_CLEAR)
		return told_in_clear(s);
	if (s->telling == INSIDE)
		return told_inside(id);
	if (in_turn)
		return HL_OK; /* whatever comes of it */
	CU_ASSERT(knock_ended_after(&k) >= 0);
	CU_ASSERT(k.io.in.n <= ALERT);
	return HL_E_TYPE;
}

static hl_err expected(const struct state *s, const struct hl_msg *m)
{
	return s->reach == setup_channel && is_request(m) ? HL_E_SETUP_ONLY : HL_E_TYPE;
}

static void one(const struct state *s, const struct hl_msg *m, uint32_t id)
{
	bool in_turn = s->in_turn(m);
	hl_err err;

	if (s->telling != INSIDE || id == 1)
		CU_ASSERT_FATAL(s->reach());
	say(s, m, id);
	err = told(s, id, in_turn);
	if (in_turn ? err == HL_E_TYPE || err == HL_E_SETUP_ONLY : err != expected(s, m)) {
		fprintf(stderr, "%s, told %s: HL-%04d\n", s->name, m->name, -(int)err);
		CU_FAIL("not as its turn is");
	}
}

/* -- the product ------------------------------------------------------------------------------------------------ */

static void begin(void)
{
	CU_ASSERT_EQUAL_FATAL(world_new(51, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &client), HL_OK);
	knock_init(&k, w, "stranger");
	sim_enter(k.node);
	CU_ASSERT_EQUAL_FATAL(hl_channel_ctx_new(&ctx), HL_OK);
	speaker = knock_speaker(w);
	ticket = hl_buf(4096);
	CU_ASSERT(fresh_ticket());
}

static void end(void)
{
	hl_channel_freep(&channel);
	channel = NULL;
	hl_channel_ctx_free(ctx);
	speaker_clear(&speaker);
	hl_buf_clear(&ticket);
	knock_clear(&k);
	world_free(w);
}

static void every_message_in_every_state(void)
{
	size_t n, said = 0;
	const struct hl_msg *const *all = hl_msg_all(&n);

	begin();
	for (size_t i = 0; i < HL_COUNT(states); i++) {
		uint32_t id = 0;

		for (size_t m = 0; m < n; m++)
			if (all[m]->type != 0)
				one(&states[i], all[m], ++id);
		said += id;
		knock_hang_up(&k);
		story_pass(w, 10000000);
		CU_ASSERT_EQUAL(proxy_clients(w->proxy[0].core), 0);
		CU_ASSERT_EQUAL(hsm_channels(w->hsm[0].core), 0);
	}
	CU_ASSERT(said >= HL_COUNT(states) * 40);
	CU_ASSERT_EQUAL(world_open(client), HL_OK);
	end();
}

/* What comes before its turn waits where it is; it is not handed on before the grant, nor taken for something else. */
static void bytes_before_their_turn_go_nowhere_without_a_grant(void)
{
	struct hl_buf early = hl_buf(4096);
	struct hl_refused no;
	struct hl_frame f;

	begin();
	speaker.password = hl_text("not-the-password-of-acmeservice");
	speaker_hello(&speaker);
	CU_ASSERT_FATAL(new_at_proxy());
	knock_say(&k, hl_buf_view(&speaker.hello));
	CU_ASSERT_FATAL(knock_hear(&k, &f) && speaker_answer(&speaker, &f) == HL_OK);
	knock_eat(&k, &f);
	hl_buf_put(&early, hl_buf_view(&speaker.answer));
	hl_buf_put(&early, hl_buf_view(&ticket)); /* behind it, in the same write */
	hl_buf_reset(&ticket);
	sim_tap_set(w->sim, tap, NULL);
	knock_say(&k, hl_buf_view(&early));
	CU_ASSERT_FATAL(knock_hear(&k, &f));
	CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_refused, &f, &no), HL_OK);
	CU_ASSERT_EQUAL(hl_err_of_wire(no.code), HL_E_SERVICE_AUTH);
	CU_ASSERT(knock_ended_after(&k) >= 0);
	sim_tap_set(w->sim, NULL, NULL);
	CU_ASSERT_EQUAL(ticket.n, 0); /* nothing has gone to the HSM */
	hl_buf_clear(&early);
	end();
}

/* -- the client's turn to listen ------------------------------------------------------------------------------- */

static struct hl_buf first_word; /* of a host that plays the proxy */

static void greet(void *core, const struct hl_event *e)
{
	struct knock *host = core;

	if (e->kind != HL_EV_ACCEPTED)
		return;
	host->accepted++;
	hl_buf_put(&host->io.out, hl_buf_view(&first_word));
	hl_wish_send(&host->wishes, e->port);
}

static bool greet_wish(void *core, struct hl_wish *out)
{
	return hl_wishes_take(&((struct knock *)core)->wishes, 0, out);
}

static struct hl_port *greet_port(void *core, uint32_t port)
{
	(void)port;
	return &((struct knock *)core)->io;
}

static const struct hl_core_ops greeter = { greet, greet_wish, greet_port };

/* A refusal is in turn at any step; a request is, and then its content counts. */
static void a_client_takes_no_other_word_than_the_request(void)
{
	struct hl_addr at = knock_at(98, 2310);
	struct client_conf_link conf;
	struct world_client *c;
	const struct hl_msg *const *all;
	size_t n;

	begin();
	all = hl_msg_all(&n);
	sim_core(k.node, &greeter, &k);
	CU_ASSERT_EQUAL(sim_listen(k.node, &at, 0), HL_OK);
	CU_ASSERT_EQUAL(sim_name(w->sim, "greeter.hsmlet.test", &at, 1), HL_OK);
	conf = client->conf;
	conf.host = "greeter.hsmlet.test";
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
	for (size_t m = 0; m < n; m++) {
		bool other = all[m] != &hl_msg_refused && all[m] != &hl_msg_auth_request;
		hl_err err;

		if (all[m]->type == 0)
			continue;
		first_word = frame_of(all[m]);
		k.accepted = 0;
		err = world_open(c);
		CU_ASSERT_NOT_EQUAL(err, HL_OK);
		CU_ASSERT(!other || err == HL_E_TYPE);
		CU_ASSERT(!other || client_failed(c->core)->step == HL_STEP_REQUEST);
		CU_ASSERT(k.accepted >= 1 && k.accepted <= CLIENT_ROUNDS + CLIENT_EPOCH_RETRIES);
		hl_buf_clear(&first_word);
		hl_buf_reset(&k.io.in);
	}
	end();
}

/* What is not between those of the hello was chosen by somebody else. */
static void a_client_takes_no_version_that_it_did_not_offer(void)
{
	struct hl_addr at = knock_at(98, 2310);
	struct hl_auth_request request = { .version = HL_VERSION_MAX + 1, .scram = hl_text("r=x,s=AAAA,i=4096") };
	struct client_conf_link conf;
	struct world_client *c;

	begin();
	sim_core(k.node, &greeter, &k);
	CU_ASSERT_EQUAL(sim_listen(k.node, &at, 0), HL_OK);
	CU_ASSERT_EQUAL(sim_name(w->sim, "greeter.hsmlet.test", &at, 1), HL_OK);
	conf = client->conf;
	conf.host = "greeter.hsmlet.test";
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
	first_word = hl_buf(HL_BUF_MAX);
	hl_msg_put(&first_word, &hl_msg_auth_request, 0, &request);
	CU_ASSERT_EQUAL_FATAL(first_word.err, HL_OK);
	CU_ASSERT_EQUAL(world_open(c), HL_E_VERSION);
	CU_ASSERT_EQUAL(client_failed(c->core)->step, HL_STEP_REQUEST);
	hl_buf_clear(&first_word);
	end();
}

static CU_TestInfo tests[] = {
	{ "every message in every state", every_message_in_every_state },
	{ "bytes before their turn go nowhere without a grant", bytes_before_their_turn_go_nowhere_without_a_grant },
	{ "a client takes no other word than the request", a_client_takes_no_other_word_than_the_request },
	{ "a client takes no version that it did not offer", a_client_takes_no_version_that_it_did_not_offer },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("turns in the simulator", tests)
