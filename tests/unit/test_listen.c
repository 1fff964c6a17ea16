/* Sockets that listen: files and addresses, shared or not, and what happens where no descriptor is left. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/os/listen.h"
#include "lib/os/log.h"
#include "tests/support/end.h"
#include "tests/support/stage.h"

static void a_socket_file_serves_its_own_user(void)
{
	struct stage s;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/hsmlet-shell-XXXXXX";
	struct end e = { .to_send = 10 };
	struct stat st;
	int fd = -1, other = -1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(un.sun_path, sizeof un.sun_path, "%s/admin", folder);
	set_up(&s, ECHO, 100, 100);
	CU_ASSERT_EQUAL_FATAL(hl_listen_unix(un.sun_path, &fd), HL_OK);
	close(fd); /* the file stays, nobody listens */
	CU_ASSERT_EQUAL_FATAL(hl_listen_unix(un.sun_path, &fd), HL_OK);
	CU_ASSERT_EQUAL(hl_listen_unix(un.sun_path, &other), HL_E_EXISTS);
	CU_ASSERT(stat(un.sun_path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CU_ASSERT_EQUAL_FATAL(hl_shell_listen(s.shell, fd, 3, HL_LISTEN_SAME_USER), HL_OK);
	e.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(connect(e.fd, (struct sockaddr *)&un, sizeof un), 0);
	fcntl(e.fd, F_SETFL, O_NONBLOCK);
	while (e.got < 10 && turn(&s, EVRUN_NOWAIT))
		end_turn(&e);
	CU_ASSERT_EQUAL(e.got, 10);
	CU_ASSERT_EQUAL(s.toy.listener, 3);
	close(e.fd);
	tear_down(&s);
	unlink(un.sun_path);
	rmdir(folder);
}

static void an_address_that_is_taken_is_told(void)
{
	struct hl_addr at;
	int a = -1, b = -1;

	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp(&anywhere, &a, &at), HL_OK);
	CU_ASSERT_NOT_EQUAL(at.port, 0);
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &b, NULL), HL_E_EXISTS);
	close(a);
	CU_ASSERT_EQUAL_FATAL(hl_listen_udp(&anywhere, &a, &at), HL_OK);
	CU_ASSERT_EQUAL(hl_listen_udp(&at, &b, NULL), HL_E_EXISTS);
	close(a);
	at.family = HL_UNIX;
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &b, NULL), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_listen_unix("", &b), HL_E_ARG);
}

static bool connects(const struct hl_addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0);
	bool ok = connect(fd, (struct sockaddr *)&ss, n) == 0;

	close(fd);
	return ok;
}

/* How many wait at a socket that listens. */
static unsigned waiting_at(int listening)
{
	unsigned n = 0;
	int fd;

	while ((fd = accept(listening, NULL, NULL)) >= 0) {
		close(fd);
		n++;
	}
	return n;
}

static void connections_are_spread_among_sockets_of_one_address(void)
{
	enum { SOCKETS = 4, DIALS = 64 }; /* that one of them gets none has a chance of 4 in 100 million */
	int fd[SOCKETS], other[2], alone = -1;
	unsigned sum = 0;
	struct hl_addr at;

	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp_many(&anywhere, SOCKETS, fd, &at), HL_OK);
	for (int i = 0; i < DIALS; i++)
		CU_ASSERT(connects(&at));
	for (int i = 0; i < SOCKETS; i++) {
		unsigned n = waiting_at(fd[i]);

		CU_ASSERT(n > 0);
		sum += n;
	}
	CU_ASSERT_EQUAL(sum, DIALS);
	CU_ASSERT_EQUAL(hl_listen_tcp_many(&at, 2, other, &at), HL_E_EXISTS); /* a stranger gets no share */
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &alone, NULL), HL_E_EXISTS);
	for (int i = 0; i < SOCKETS; i++)
		close(fd[i]);
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &alone, NULL), HL_OK);
	close(alone);
}

static void without_descriptors_it_waits(void)
{
	struct stage s;
	struct rlimit was, few;
	int fd, top;

	if (hl_test_is_slow())
		return; /* Valgrind plays the limit: it lets the kernel accept, and throws the connection away */
	set_up(&s, ECHO, 100, 100);
	turn(&s, EVRUN_NOWAIT); /* libev has opened its own */
	hl_log_fd(-1);
	fd = connect_to(&s.at);
	top = dup(fd);
	close(top);
	getrlimit(RLIMIT_NOFILE, &was);
	few = (struct rlimit){ (rlim_t)top, was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	turn(&s, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(s.toy.ports, 0);
	CU_ASSERT_EQUAL(ev_pending_count(s.loop), 0);
	setrlimit(RLIMIT_NOFILE, &was);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	hl_log_fd(STDERR_FILENO);
	close(fd);
	tear_down(&s);
}

static CU_TestInfo tests[] = {
	{ "a socket file serves its own user", a_socket_file_serves_its_own_user },
	{ "an address that is taken is told", an_address_that_is_taken_is_told },
	{ "connections are spread among sockets of one address", connections_are_spread_among_sockets_of_one_address },
	{ "without descriptors it waits", without_descriptors_it_waits },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("listen", tests)
