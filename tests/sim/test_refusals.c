/* Every refusal of the eight steps, at its step, with its code, after one attempt. */
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;

static void begin(uint64_t seed, size_t proxies, size_t hsms)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, proxies, hsms, &w), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* The configuration of a client that would get in; the tests spoil one thing each. */
static struct client_conf_link good(struct world_client **out)
{
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, out), HL_OK);
	return (*out)->conf;
}

static void is_refused(const struct client_conf_link *conf, hl_err err, enum hl_step step, unsigned attempts)
{
	struct world_client *c;

	CU_ASSERT_EQUAL_FATAL(world_client(w, conf, &c), HL_OK);
	CU_ASSERT_EQUAL(world_open(c), err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client_failed(c->core));
	CU_ASSERT_EQUAL(client_failed(c->core)->step, step);
	CU_ASSERT_EQUAL(client_failed(c->core)->attempts, attempts);
	world_client_free(c);
}

static void a_wrong_service_password_and_an_unknown_user_look_alike(void)
{
	struct world_client *c;
	struct client_conf_link conf;

	begin(1, 3, 2);
	conf = good(&c);
	conf.service_password = hl_text("not-the-password-of-acmeservice");
	is_refused(&conf, HL_E_SERVICE_AUTH, HL_STEP_RESULT, 1);
	conf = c->conf;
	conf.service_user = "nobody";
	is_refused(&conf, HL_E_SERVICE_AUTH, HL_STEP_RESULT, 1);
	end();
}

static void a_missing_and_a_foreign_partition_look_alike(void)
{
	struct world_client *c;
	struct client_conf_link conf;

	begin(2, 3, 2);
	conf = good(&c);
	conf.partition = "NOSUCHPART";
	is_refused(&conf, HL_E_PARTITION, HL_STEP_RESULT, 1);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "globex", "globexservice", "GLOBEXPART", NULL), HL_OK);
	conf.partition = "GLOBEXPART";
	conf.service_user = "acmeservice";
	is_refused(&conf, HL_E_PARTITION, HL_STEP_RESULT, 1);
	end();
}

static void an_address_outside_the_allow_list_is_told_after_a_right_proof_only(void)
{
	struct world_client *setup;
	struct client_conf_link conf;

	begin(3, 3, 2);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "far", "farservice", "FARPART", "10.0.0.0/8"), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &setup), HL_OK);
	CU_ASSERT_EQUAL(world_open(setup), HL_E_ADDRESS);
	CU_ASSERT_EQUAL(client_failed(setup->core)->attempts, 1);
	conf = setup->conf;
	conf.service_password = hl_text("not-the-password-of-farservice");
	is_refused(&conf, HL_E_SERVICE_AUTH, HL_STEP_RESULT, 1);
	end();
}

/* One more service user of acme, with the password that the first one has. */
static void add_user(const struct client_conf_link *conf, const char *name, bool disabled, int64_t expires_ms)
{
	struct dir_store store = dir_memory_store(w->dir_store);
	struct dir_user user = { .tenant = "acme", .disabled = disabled, .expires_ms = expires_ms };
	struct dir_commit commit = { .change = &(struct dir_change){ .add_user = &user } };
	struct hl_scram_keys keys;
	uint8_t salt[HL_SCRAM_SALT];

	CU_ASSERT_EQUAL_FATAL(hl_bytes_str(hl_text(name), user.name, sizeof user.name), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_scram_salt(hl_text(conf->realm), hl_text(name), salt), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_scram_derive(conf->service_password, hl_bytes(salt, sizeof salt), HL_SCRAM_ITERATIONS,
				      &keys), HL_OK);
	memcpy(user.stored, keys.stored, sizeof user.stored);
	memcpy(user.server, keys.server, sizeof user.server);
	hl_scram_keys_clear(&keys);
	store.ops->prepare(store.at, &commit);
	commit.job.run(&commit.job);
	CU_ASSERT_EQUAL_FATAL(commit.result, HL_OK);
}

static void who_is_disabled_or_expired_is_told_so_after_a_right_proof_only(void)
{
	struct world_client *c;
	struct client_conf_link conf;
	int64_t now;

	begin(15, 3, 2);
	conf = good(&c);
	now = hl_wall_ms(sim_env(c->node));
	add_user(&conf, "goneservice", true, 0);
	add_user(&conf, "lateservice", false, now + 60000);
	conf.service_user = "goneservice";
	is_refused(&conf, HL_E_DISABLED, HL_STEP_RESULT, 1);
	conf.service_user = "lateservice";
	is_refused(&conf, HL_E_PARTITION, HL_STEP_RESULT, 1); /* in time, and it has none */
	sim_wall_advance(w->sim, 60000);
	is_refused(&conf, HL_E_EXPIRED, HL_STEP_RESULT, 1);
	conf.service_password = hl_text("not-the-password-of-lateservice");
	is_refused(&conf, HL_E_SERVICE_AUTH, HL_STEP_RESULT, 1);
	conf.service_user = "goneservice";
	is_refused(&conf, HL_E_SERVICE_AUTH, HL_STEP_RESULT, 1);
	end();
}

static void a_wrong_user_secret_is_refused_by_the_hsm(void)
{
	struct world_client *c;
	struct client_conf_link conf;
	uint8_t wrong[HL_SECRET_BYTES] = { 1, 2, 3 };

	begin(4, 3, 2);
	conf = good(&c);
	conf.secret = hl_bytes(wrong, sizeof wrong);
	is_refused(&conf, HL_E_HSM_AUTH, HL_STEP_PROVED, 1);
	conf = c->conf;
	conf.generation++; /* a secret that was replaced */
	is_refused(&conf, HL_E_HSM_AUTH, HL_STEP_PROVED, 1);
	end();
}

static void a_wrong_setup_password_is_refused_by_the_hsm(void)
{
	struct world_client *setup;
	struct client_conf_link conf;
	uint8_t wrong[32] = { 9 };

	begin(5, 3, 2);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &setup), HL_OK);
	conf = setup->conf;
	conf.secret = hl_bytes(wrong, sizeof wrong);
	is_refused(&conf, HL_E_HSM_AUTH, HL_STEP_PROVED, 1);
	end();
}

static void an_hsm_without_the_pinned_identity_is_refused_before_anything_is_sent(void)
{
	struct world_client *c;
	struct client_conf_link conf;
	uint8_t other[32];

	begin(6, 3, 2);
	conf = good(&c);
	memcpy(other, conf.identity, sizeof other);
	other[0] ^= 1;
	conf.identity = other;
	is_refused(&conf, HL_E_IDENTITY, HL_STEP_PROVED, 1);
	end();
}

static void a_setup_password_expires_seven_days_after_its_first_use(void)
{
	struct world_client *one, *two;

	begin(7, 3, 2);
	sim_wall_advance(w->sim, 30ll * 24 * 3600 * 1000); /* unused it keeps */
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &one), HL_OK);
	CU_ASSERT_EQUAL(world_open(one), HL_OK);
	story_close(one);
	sim_wall_advance(w->sim, 6ll * 24 * 3600 * 1000);
	CU_ASSERT_EQUAL(world_open(one), HL_OK); /* each host fetches its own copy */
	story_close(one);
	sim_wall_advance(w->sim, 1ll * 24 * 3600 * 1000);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &two), HL_OK);
	CU_ASSERT_EQUAL(world_open(two), HL_E_SETUP_EXPIRED);
	CU_ASSERT_EQUAL(client_failed(two->core)->step, HL_STEP_PROVED);
	end();
}

static void a_setup_channel_fetches_the_secret_and_nothing_else(void)
{
	struct world_client *setup;
	struct hl_generated key;

	begin(8, 3, 2);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &setup), HL_OK);
	CU_ASSERT_EQUAL(world_open(setup), HL_OK);
	CU_ASSERT_EQUAL(story_ping(setup), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(setup, hl_secret_view(&w->user.pin)), HL_E_SETUP_ONLY);
	CU_ASSERT_EQUAL(story_make_key(setup, "x", &key), HL_E_SETUP_ONLY);
	end();
}

static void deaf_event(void *core, const struct hl_event *e)
{
	(void)core, (void)e;
}

static bool deaf_wish(void *core, struct hl_wish *out)
{
	(void)core, (void)out;
	return false;
}

static struct hl_port *deaf_port(void *core, uint32_t port)
{
	(void)port;
	return core;
}

/* A host that takes connections and says nothing holds nobody up for longer than was asked for. */
static void opening_ends_when_its_own_limit_has_passed(void)
{
	static const struct hl_core_ops deaf = { deaf_event, deaf_wish, deaf_port };
	struct hl_addr at = { .family = HL_INET, .ip = { 127, 16, 0, 98 }, .port = 2310 };
	struct hl_port port = { hl_buf(65536), hl_buf(65536) };
	struct client_conf_link conf;
	struct world_client *c;
	struct sim_node *n;
	int64_t begun;

	begin(17, 1, 1);
	conf = good(&c);
	n = sim_node(w->sim, "deaf");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	sim_core(n, &deaf, &port);
	CU_ASSERT_EQUAL(sim_listen(n, &at, 0), HL_OK);
	conf.host = "deaf.hsmlet.test";
	conf.open_ms = 300;
	CU_ASSERT_EQUAL(sim_name(w->sim, conf.host, &at, 1), HL_OK);
	begun = sim_now_us(w->sim);
	is_refused(&conf, HL_E_TIMEOUT, HL_STEP_REQUEST, 1);
	CU_ASSERT(sim_now_us(w->sim) - begun <= 300000);
	end();
	hl_buf_clear(&port.in);
	hl_buf_clear(&port.out);
}

static void an_open_setup_channel_does_not_outlive_the_password(void)
{
	struct hl_secret_fetch fetch = { 0 };
	struct hl_secret_fetched fetched;
	struct world_client *setup;
	struct client_call call;

	begin(16, 3, 2);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &setup), HL_OK);
	CU_ASSERT_EQUAL(world_open(setup), HL_OK);
	sim_wall_advance(w->sim, 7ll * 24 * 3600 * 1000);
	CU_ASSERT_EQUAL(world_call(setup, &hl_msg_secret_fetch, &fetch, &hl_msg_secret_fetched, &fetched, &call),
		HL_E_SETUP_EXPIRED);
	hl_buf_clear(&call.frame);
	end();
}

static void a_proxy_that_is_not_the_one_dialled_is_refused(void)
{
	struct hl_addr lie = { .family = HL_INET, .ip = { 127, 16, 0, 99 }, .port = 2310 };
	struct world_client *c;
	struct client_conf_link conf;

	begin(9, 1, 1);
	conf = good(&c);
	conf.host = "lie.hsmlet.test";
	CU_ASSERT_EQUAL(sim_name(w->sim, conf.host, &lie, 1), HL_OK);
	CU_ASSERT_EQUAL(sim_listen(w->proxy[0].node, &lie, 0), HL_OK); /* it passes our words on */
	is_refused(&conf, HL_E_PROXY_AUTH, HL_STEP_RESULT, 1);
	end();
}

static void a_directory_that_is_down_opens_nothing(void)
{
	struct world_client *c;
	struct client_conf_link conf;

	begin(10, 3, 2);
	conf = good(&c);
	sim_kill(w->directory.node);
	is_refused(&conf, HL_E_DIRECTORY, HL_STEP_RESULT, 9); /* every proxy was asked, once in each round */
	end();
}

static void proxies_hsms_and_names_that_cannot_be_reached_are_told_apart(void)
{
	struct world_client *c;
	struct client_conf_link conf;

	begin(11, 3, 2);
	conf = good(&c);
	conf.host = "nowhere.hsmlet.test";
	is_refused(&conf, HL_E_NAME, HL_STEP_DNS, 0);
	for (size_t i = 0; i < w->hsms; i++)
		sim_kill(w->hsm[i].node);
	is_refused(&c->conf, HL_E_HSMS, HL_STEP_RESULT, 9);
	for (size_t i = 0; i < w->proxies; i++)
		sim_kill(w->proxy[i].node);
	is_refused(&c->conf, HL_E_PROXIES, HL_STEP_HELLO, 9);
	end();
}

/* The tap records what the client said to the proxy; then somebody says the same again. */
struct recording {
	struct hl_buf said;
};

static void record(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	struct recording *r = at;

	if (strcmp(from, "client2") == 0 && strcmp(to, "proxy1") == 0)
		hl_buf_put(&r->said, bytes);
}

/* A core that says what it was given, once, and listens. */
struct parrot {
	struct hl_wishes wishes;
	struct hl_port io;
	struct hl_addr to;
	bool over, refused;
	hl_err code;
};

static void parrot_event(void *at, const struct hl_event *e)
{
	struct parrot *p = at;
	struct hl_refused no;
	struct hl_frame f;
	struct hl_bytes in = hl_buf_view(&p->io.in);

	if (e->kind == HL_EV_OPENED && e->err == HL_OK)
		hl_wish_send(&p->wishes, e->port);
	p->over = p->over || e->kind == HL_EV_ENDED;
	while (hl_frame_peek(in, HL_FRAME_MAX, &f) == HL_OK) {
		if (hl_msg_get(&hl_msg_refused, &f, &no) == HL_OK) {
			p->refused = true;
			p->code = hl_err_of_wire(no.code);
		}
		in = hl_bytes(in.p + f.whole.n, in.n - f.whole.n);
	}
}

static bool parrot_wish(void *at, struct hl_wish *out)
{
	return hl_wishes_take(&((struct parrot *)at)->wishes, 0, out);
}

static struct hl_port *parrot_port(void *at, uint32_t port)
{
	(void)port;
	return &((struct parrot *)at)->io;
}

static const struct hl_core_ops parrot_ops = { parrot_event, parrot_wish, parrot_port };

static bool parrot_done(void *at)
{
	return ((struct parrot *)at)->over;
}

static void what_was_said_before_is_refused_when_said_again(void)
{
	struct recording r = { hl_buf(1 << 20) };
	struct parrot p = { .io = { hl_buf(1 << 20), hl_buf(1 << 20) },
		.to = { .family = HL_INET, .ip = { 127, 16, 0, 11 }, .port = 2310 } };
	struct world_client *c;
	struct sim_node *node;

	begin(12, 1, 1);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	story_pass(w, 1000000);
	sim_tap_set(w->sim, record, &r);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	sim_tap_set(w->sim, NULL, NULL);
	hl_buf_put(&p.io.out, hl_buf_view(&r.said));
	node = sim_node(w->sim, "parrot");
	hl_wish_dial(&p.wishes, HL_PORT_DIALLED | 1, &p.to, 0);
	sim_core(node, &parrot_ops, &p);
	CU_ASSERT(sim_run(w->sim, parrot_done, &p, 30000000));
	/* The proxy's nonce is new, so the old proof does not fit it. */
	CU_ASSERT(p.refused);
	CU_ASSERT(p.code == HL_E_SCRAM || p.code == HL_E_SERVICE_AUTH);
	CU_ASSERT(client_is_open(c->core));
	sim_kill(node);
	hl_buf_clear(&r.said);
	hl_buf_clear(&p.io.in);
	hl_buf_clear(&p.io.out);
	hl_wishes_clear(&p.wishes);
	end();
}

static void a_new_epoch_is_learnt_and_the_client_tries_again_by_itself(void)
{
	struct world_client *c;

	begin(13, 3, 2);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	for (int i = 0; i < 5; i++) { /* over several changes of the epoch */
		story_pass(w, 17000000);
		CU_ASSERT_EQUAL(world_open(c), HL_OK);
		story_close(c);
	}
	end();
}

/* Each named point of the eight steps can fail, as often as the client tries. */
static void every_fault_point_of_the_handshake_fires(void)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };
	struct world_client *c;
	struct {
		struct sim_node *node;
		enum hl_point point;
	} at[8];

	begin(14, 1, 1);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	story_pass(w, 1000000);
	for (size_t i = 0; i < 4; i++) {
		at[i].node = c->node;
		at[i].point = (enum hl_point)(HL_AT_CLIENT_HELLO + i);
		at[4 + i].node = w->proxy[0].node;
		at[4 + i].point = (enum hl_point)(HL_AT_PROXY_HELLO + i);
	}
	for (size_t i = 0; i < HL_COUNT(at); i++) {
		sim_fault(at[i].node, at[i].point, &cut, 0, CLIENT_ROUNDS);
		CU_ASSERT_NOT_EQUAL(world_open(c), HL_OK);
		CU_ASSERT_EQUAL(sim_fired(at[i].node, at[i].point), client_failed(c->core)->attempts);
		sim_fault(at[i].node, at[i].point, &cut, 0, 0);
		client_close(c->core);
		story_pass(w, 20000000);
	}
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	end();
}

static CU_TestInfo tests[] = {
	{ "a wrong service password and an unknown user look alike", a_wrong_service_password_and_an_unknown_user_look_alike },
	{ "a missing and a foreign partition look alike", a_missing_and_a_foreign_partition_look_alike },
	{ "an address outside the allow-list is told after a right proof only", an_address_outside_the_allow_list_is_told_after_a_right_proof_only },
	{ "a wrong user secret is refused by the HSM", a_wrong_user_secret_is_refused_by_the_hsm },
	{ "a wrong setup password is refused by the HSM", a_wrong_setup_password_is_refused_by_the_hsm },
	{ "an HSM without the pinned identity is refused before anything is sent", an_hsm_without_the_pinned_identity_is_refused_before_anything_is_sent },
	{ "a setup password expires seven days after its first use", a_setup_password_expires_seven_days_after_its_first_use },
	{ "a setup channel fetches the secret and nothing else", a_setup_channel_fetches_the_secret_and_nothing_else },
	{ "opening ends when its own limit has passed", opening_ends_when_its_own_limit_has_passed },
	{ "an open setup channel does not outlive the password", an_open_setup_channel_does_not_outlive_the_password },
	{ "a proxy that is not the one dialled is refused", a_proxy_that_is_not_the_one_dialled_is_refused },
	{ "a directory that is down opens nothing", a_directory_that_is_down_opens_nothing },
	{ "proxies, HSMs and names that cannot be reached are told apart", proxies_hsms_and_names_that_cannot_be_reached_are_told_apart },
	{ "what was said before is refused when said again", what_was_said_before_is_refused_when_said_again },
	{ "a new epoch is learnt and the client tries again by itself", a_new_epoch_is_learnt_and_the_client_tries_again_by_itself },
	{ "every fault point of the handshake fires", every_fault_point_of_the_handshake_fires },
	{ "who is disabled or expired is told so after a right proof only",
		who_is_disabled_or_expired_is_told_so_after_a_right_proof_only },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("refusals", tests)
