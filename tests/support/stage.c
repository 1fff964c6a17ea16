#include "tests/support/stage.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/listen.h"

const struct hl_addr anywhere = { .family = HL_INET, .ip = { 127, 0, 0, 1 } };

void set_up(struct stage *s, enum play play, size_t in_max, size_t out_max)
{
	static const struct hl_os_env_config config = { .role = "toy", .who = "toy" };
	int fd = -1;

	*s = (struct stage){ .loop = ev_loop_new(0) };
	s->toy = (struct toy){ .play = play, .in_max = in_max, .out_max = out_max };
	CU_ASSERT_FATAL(s->loop != NULL);
	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(&s->env, &config), HL_OK);
	CU_ASSERT_EQUAL_FATAL(
		hl_shell_new(s->loop, &s->env.env, &toy_ops, &s->toy, &s->shell), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp(&anywhere, &fd, &s->at), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_shell_listen(s->shell, fd, 7, 0), HL_OK);
	s->until_us = hl_clock_mono_us() + LIMIT_US;
}

void tear_down(struct stage *s)
{
	hl_shell_free(s->shell);
	for (unsigned i = 0; i < s->toy.ports; i++) {
		hl_buf_clear(&s->toy.port[i].port.in);
		hl_buf_clear(&s->toy.port[i].port.out);
	}
	hl_wishes_clear(&s->toy.wishes);
	hl_os_env_close(&s->env);
	ev_loop_destroy(s->loop);
}

bool turn(struct stage *s, int how)
{
	ev_run(s->loop, how);
	return hl_clock_mono_us() < s->until_us;
}

struct hl_conn *conn_of(struct stage *s, unsigned i)
{
	return hl_map_get(&s->shell->conns, s->toy.port[i].number);
}

int connect_to(const struct hl_addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&ss, n), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void on_bound(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)w, (void)events;
}

void bound_begin(struct stage *s, ev_timer *bound)
{
	ev_timer_init(bound, on_bound, LIMIT_US / 1e6, 0.);
	ev_timer_start(s->loop, bound);
}
