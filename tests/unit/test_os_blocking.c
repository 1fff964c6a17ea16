/* The blocking shell where the application around it does not keep to the rules. */
#include "client/os_blocking.h"

#include <sys/stat.h>
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
	unsigned rounds, close_at; /* looks at it: how many there were with a socket, in which it is closed */
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
	client_blocking_free(d->shell);
	client_free(d->core);
	hl_os_env_close(&d->env);
	if (d->listener >= 0)
		close(d->listener);
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The socket and the host go at once: whoever tries again is refused. */
static bool failed(void *at)
{
	struct deaf *d = at;

	if (is_socket(d->next_fd) && ++d->rounds == d->close_at) {
		close(d->next_fd);
		close(d->listener);
		d->listener = -1;
	}
	return client_failed(d->core) != NULL;
}

/* As a program does that closes all descriptors to become a daemon. */
static void a_descriptor_that_was_closed_under_it_ends_the_link_at_once(void)
{
	for (unsigned round = 1; round <= 2; round++) { /* being dialled; connected */
		struct deaf d = { .close_at = round };

		begin(&d);
		CU_ASSERT_EQUAL(client_blocking_run(d.shell, failed, &d), HL_OK);
		CU_ASSERT_EQUAL(d.listener, -1);
		CU_ASSERT_NOT_EQUAL(client_failed(d.core)->err, HL_E_TIMEOUT); /* it did not wait for an answer */
		CU_ASSERT(d.rounds < 40); /* nor turn in circles */
		end(&d);
	}
}

static CU_TestInfo tests[] = {
	{ "a descriptor that was closed under it ends the link at once",
		a_descriptor_that_was_closed_under_it_ends_the_link_at_once },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("os_blocking", tests)
