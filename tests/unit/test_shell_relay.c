/* Two connections that the shell relays into each other. */
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/listen.h"
#include "tests/support/end.h"
#include "tests/support/stage.h"

/* A client at the toy, and the server that the toy dials for it. */
static void set_up_relay(struct stage *s, struct end *client, struct end *server)
{
	int listening = -1;

	set_up(s, RELAY, 2500, 100);
	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp(&anywhere, &listening, &s->toy.target), HL_OK);
	client->fd = connect_to(&s->at);
	end_send(client); /* some of it comes before the relay stands */
	do
		server->fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (server->fd < 0 && turn(s, EVRUN_NOWAIT));
	CU_ASSERT_FATAL(server->fd >= 0);
	close(listening);
	client->skip = server->skip = 1;
}

static void a_relay_moves_both_ways_and_passes_half_closes(void)
{
	struct stage s;
	struct end client = { .to_send = MUCH, .fin = true };
	struct end server = { .to_send = MUCH / 2, .fin = true };
	struct toy_port *a, *b;

	set_up_relay(&s, &client, &server);
	/* The server's half is over before the client's begins: its end goes through alone. */
	while (!client.eof && turn(&s, EVRUN_NOWAIT)) {
		end_receive(&client);
		end_turn(&server);
	}
	CU_ASSERT_EQUAL(client.got, 1 + MUCH / 2);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 2);
	while (!server.eof && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_receive(&server);
	}
	CU_ASSERT_EQUAL(server.got, 1 + MUCH);
	CU_ASSERT_FALSE(client.wrong || server.wrong || server.cut);
	a = &s.toy.port[0];
	b = &s.toy.port[1];
	CU_ASSERT_EQUAL(a->ended, 1);
	CU_ASSERT_EQUAL(b->ended, 1);
	CU_ASSERT_EQUAL(a->moved, MUCH); /* without the core's own bytes */
	CU_ASSERT_EQUAL(b->moved, MUCH / 2);
	CU_ASSERT_EQUAL(a->err, HL_OK);
	CU_ASSERT_EQUAL(b->err, HL_OK);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	close(client.fd);
	close(server.fd);
	tear_down(&s);
}

/* A reader that lags behind: everything that is not yet taken waits in one place, bounded. */
static void a_slow_reader_holds_back_the_sender(void)
{
	struct stage s;
	struct end client = { .to_send = MUCH, .fin = true }, server = { 0 };

	set_up_relay(&s, &client, &server);
	do
		end_send(&client);
	while (turn(&s, EVRUN_NOWAIT) && !(conn_of(&s, 1)->pend.n > 0 && end_is_full(client.fd)));
	CU_ASSERT(conn_of(&s, 1)->pend.n <= HL_SCRATCH);
	CU_ASSERT(client.sent < MUCH);
	while (!server.eof && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_receive(&server);
	}
	CU_ASSERT_EQUAL(server.got, 1 + MUCH);
	CU_ASSERT_FALSE(server.wrong);
	close(client.fd);
	close(server.fd);
	tear_down(&s);
}

static void a_cut_on_one_side_cuts_the_other(void)
{
	struct stage s;
	struct end client = { .to_send = 1000 }, server = { .to_send = 500 };

	set_up_relay(&s, &client, &server);
	while ((server.got < 1001 || client.got < 501) && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_turn(&server);
	}
	end_reset(server.fd);
	while (!client.eof && !client.cut && turn(&s, EVRUN_NOWAIT))
		end_receive(&client);
	CU_ASSERT_EQUAL(client.got, 501);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[1].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_CLOSED);
	CU_ASSERT_EQUAL(s.toy.port[1].err, HL_E_CLOSED);
	close(client.fd);
	tear_down(&s);
}

/* The server answers and closes without reading on; its answer reaches the client all the same. */
static void a_server_that_stops_reading_is_still_heard(void)
{
	struct stage s;
	struct end client = { .to_send = MUCH }, server = { .to_send = 3000 };

	set_up_relay(&s, &client, &server);
	while (server.sent < server.to_send)
		end_send(&server);
	shutdown(server.fd, SHUT_RD);
	close(server.fd); /* unread bytes wait in it: a reset */
	while (!client.eof && !client.cut && turn(&s, EVRUN_NOWAIT)) {
		end_send(&client);
		end_receive(&client);
	}
	CU_ASSERT_FALSE(client.wrong);
	WAIT_UNTIL(&s, s.toy.port[0].ended && s.toy.port[1].ended);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_CLOSED);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	close(client.fd);
	tear_down(&s);
}

static void closing_one_closes_both(bool drain)
{
	struct stage s;
	struct end client = { .to_send = 1000 }, server = { 0 };

	set_up_relay(&s, &client, &server);
	while ((server.got < 1001 || client.got < 1) && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_turn(&server);
	}
	hl_wish_close(&s.toy.wishes, s.toy.port[1].number, drain);
	hl_wish_close(&s.toy.wishes, s.toy.port[0].number, drain);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[1].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_OK);
	while (!(client.eof && server.eof) && turn(&s, EVRUN_NOWAIT)) {
		end_receive(&client);
		end_receive(&server);
	}
	CU_ASSERT(client.eof && server.eof);
	close(client.fd);
	close(server.fd);
	tear_down(&s);
}

static void closing_one_side_of_a_relay_closes_both(void)
{
	closing_one_closes_both(false);
	closing_one_closes_both(true);
}

static CU_TestInfo tests[] = {
	{ "a relay moves both ways and passes half-closes", a_relay_moves_both_ways_and_passes_half_closes },
	{ "a slow reader holds back the sender", a_slow_reader_holds_back_the_sender },
	{ "a cut on one side cuts the other", a_cut_on_one_side_cuts_the_other },
	{ "a server that stops reading is still heard", a_server_that_stops_reading_is_still_heard },
	{ "closing one side of a relay closes both", closing_one_side_of_a_relay_closes_both },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("shell relay", tests)
