/* The blocking shell where the application around it does not keep to the rules. */
#include "client/os_blocking.h"

#include <fcntl.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "lib/os/env.h"
#include "tests/support/test.h"

/* A client of a host that takes connections and says nothing. */
struct deaf {
	int listener;
	struct hl_os_env env;
	struct client *core;
	struct client_blocking *shell;
	int next_fd;     /* what the client's socket will be */
	unsigned rounds;           /* of its loop */
	unsigned seen, close_at;   /* how often it was seen with a socket, and at which of these that is closed */
};

static uint16_t listen_anywhere(int *out)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;

	*out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(*out, (struct sockaddr *)&at, n), 0);
	CU_ASSERT_EQUAL_FATAL(listen(*out, 4), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(*out, (struct sockaddr *)&at, &n), 0);
	return ntohs(at.sin_port);
}

static void begin(struct deaf *d)
{
	static const uint8_t key[32] = { 1 };
	const struct hl_addr none = { 0 };
	struct hl_os_env_config config = { .role = "test", .who = "test" };
	struct client_conf_link conf = {
		.host = "127.0.0.1",
		.port = listen_anywhere(&d->listener),
		.partition = "P",
		.service_user = "u",
		.realm = "r",
		.service_password = hl_text("password"),
		.kind = HL_CHANNEL_USER,
		.secret = hl_bytes(key, sizeof key),
		.identity = key,
	};

	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(&d->env, &config), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_new(&d->env.env, &conf, &d->core), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_blocking_new(&d->env.env, d->core, &none, &d->shell), HL_OK);
	d->next_fd = dup(d->listener);
	close(d->next_fd);
	client_open(d->core);
}

static void end(struct deaf *d)
{
	client_blocking_abandon(d->shell);
	client_free(d->core);
	hl_os_env_close(&d->env);
	close(d->listener);
}

static bool failed(void *at)
{
	struct deaf *d = at;

	d->rounds++;
	if (d->seen < d->close_at && fcntl(d->next_fd, F_GETFD) >= 0 && ++d->seen == d->close_at)
		close(d->next_fd);
	return client_failed(d->core) != NULL;
}

/* As a program does that closes all descriptors to become a daemon. */
static void a_descriptor_that_was_closed_under_it_ends_the_link_at_once(void)
{
	for (unsigned when = 1; when <= 3; when += 2) { /* being dialled; connected */
		struct deaf d = { .close_at = when };

		begin(&d);
		CU_ASSERT_EQUAL(client_blocking_run(d.shell, failed, &d), HL_OK);
		CU_ASSERT_EQUAL(client_failed(d.core)->err, when == 1 ? HL_E_PROXIES : HL_E_CLOSED);
		CU_ASSERT(d.rounds < 20); /* it did not turn in circles until the step's time was over */
		end(&d);
	}
}

static CU_TestInfo tests[] = {
	{ "a descriptor that was closed under it ends the link at once",
		a_descriptor_that_was_closed_under_it_ends_the_link_at_once },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("os_blocking", tests)
