#include "lib/os/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512
#define FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

/* -- addresses ------------------------------------------------------------------------------- */

unsigned hl_addr_to_system(const struct hl_addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	switch (a->family) {
	case HL_INET:
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip, sizeof v4->sin_addr);
		return sizeof *v4;
	case HL_INET6:
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(a->port);
		memcpy(&v6->sin6_addr, a->ip, sizeof v6->sin6_addr);
		return sizeof *v6;
	default:
		return 0;
	}
}

void hl_addr_of_system(const struct sockaddr_storage *in, struct hl_addr *out)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)in;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)in;

	*out = (struct hl_addr){ 0 };
	switch (in->ss_family) {
	case AF_INET:
		out->family = HL_INET;
		out->port = ntohs(v4->sin_port);
		memcpy(out->ip, &v4->sin_addr, sizeof v4->sin_addr);
		break;
	case AF_INET6:
		out->family = HL_INET6;
		out->port = ntohs(v6->sin6_port);
		memcpy(out->ip, &v6->sin6_addr, sizeof v6->sin6_addr);
		break;
	case AF_UNIX:
		out->family = HL_UNIX;
		break;
	default:
		break;
	}
}

/* -- sockets --------------------------------------------------------------------------------- */

static hl_err why(void)
{
	switch (errno) {
	case EADDRINUSE:
		return HL_E_EXISTS;
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EINVAL:
		return HL_E_ARG;
	default:
		return HL_E_IO;
	}
}

/* Close what did not become a socket of the caller's; errno still tells why. */
static hl_err give_up(int fd)
{
	int kept = errno;
	hl_err err = why();

	if (fd >= 0)
		close(fd);
	errno = kept;
	return err;
}

static hl_err real_address(int fd, struct hl_addr *real)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;

	if (!real)
		return HL_OK;
	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return HL_E_IO;
	hl_addr_of_system(&ss, real);
	return HL_OK;
}

static hl_err open_bound(const struct hl_addr *at, int type, bool shared, int *out, struct hl_addr *real)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(at, &ss);
	int on = 1, fd;
	bool tcp = type == SOCK_STREAM;

	if (n == 0)
		return HL_E_ARG;
	fd = socket(ss.ss_family, type | FLAGS, 0);
	if (fd < 0)
		return why();
	/* A restart must not wait for the old connections' TIME_WAIT. */
	if ((tcp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
		(shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
		bind(fd, (struct sockaddr *)&ss, n) != 0 || (tcp && listen(fd, BACKLOG) != 0) ||
		real_address(fd, real) != HL_OK)
		return give_up(fd);
	*out = fd;
	return HL_OK;
}

hl_err hl_listen_tcp(const struct hl_addr *at, int *fd, struct hl_addr *real)
{
	return open_bound(at, SOCK_STREAM, false, fd, real);
}

hl_err hl_listen_tcp_many(const struct hl_addr *at, size_t n, int *fd, struct hl_addr *real)
{
	size_t made = 0;
	int alone;
	hl_err err;

	HL_TRY(open_bound(at, SOCK_STREAM, false, &alone, real));
	close(alone);
	do
		err = open_bound(real, SOCK_STREAM, true, &fd[made], NULL);
	while (err == HL_OK && ++made < n);
	while (err != HL_OK && made > 0)
		close(fd[--made]);
	return err;
}

hl_err hl_listen_udp(const struct hl_addr *at, int *fd, struct hl_addr *real)
{
	return open_bound(at, SOCK_DGRAM, false, fd, real);
}

/* A socket file outlives a killed process; one that refuses has nobody behind it. */
static bool is_stale(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | FLAGS, 0);
	bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)un, sizeof *un) != 0 &&
		     errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

static bool bind_unix(int fd, const struct sockaddr_un *un)
{
	struct stat st;

	if (bind(fd, (const struct sockaddr *)un, sizeof *un) == 0)
		return true;
	if (errno != EADDRINUSE)
		return false;
	if (stat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode) || !is_stale(un)) {
		errno = EADDRINUSE;
		return false;
	}
	return unlink(un->sun_path) == 0 && bind(fd, (const struct sockaddr *)un, sizeof *un) == 0;
}

hl_err hl_listen_unix(const char *path, int *out)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (!*path || strlen(path) >= sizeof un.sun_path)
		return HL_E_ARG;
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | FLAGS, 0);
	if (fd < 0)
		return why();
	/* Linux gives the mode of the socket to its file, so it is never open to others. */
	if (fchmod(fd, 0600) != 0 || !bind_unix(fd, &un) || listen(fd, BACKLOG) != 0)
		return give_up(fd);
	*out = fd;
	return HL_OK;
}

void hl_tcp_tune(int fd)
{
	static const struct {
		int level, name, value;
	} wanted[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, HL_KEEP_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, HL_KEEP_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, HL_KEEP_PROBES },
		/* Busy or idle, a dead peer is found in the same time. */
		{ IPPROTO_TCP, TCP_USER_TIMEOUT,
			1000 * (HL_KEEP_IDLE_S + HL_KEEP_PROBES * HL_KEEP_INTERVAL_S) },
	};
	int domain = 0;
	socklen_t n = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) != 0 || domain == AF_UNIX)
		return;
	/* None of these can make a connection wrong, only slower to notice a dead one. */
	for (unsigned i = 0; i < HL_COUNT(wanted); i++)
		setsockopt(fd, wanted[i].level, wanted[i].name, &wanted[i].value,
			sizeof wanted[i].value);
}
