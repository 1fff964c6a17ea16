#include "tests/support/toy.h"

static struct toy_port *find(struct toy *t, uint32_t number)
{
	for (unsigned i = 0; i < t->ports; i++)
		if (t->port[i].number == number)
			return &t->port[i];
	return NULL;
}

static struct toy_port *add(struct toy *t, uint32_t number)
{
	struct toy_port *p = &t->port[t->ports++];

	*p = (struct toy_port){ .number = number, .open = true };
	p->port.in = hl_buf(t->in_max);
	p->port.out = hl_buf(t->out_max);
	return p;
}

void toy_dial(struct toy *t, uint32_t number, const struct hl_addr *to, int64_t at_us)
{
	add(t, number);
	hl_wish_dial(&t->wishes, number, to, at_us);
}

static void echo(struct toy *t, struct toy_port *p)
{
	size_t room = p->port.out.max - p->port.out.n;
	struct hl_bytes b = hl_buf_view(&p->port.in);

	b.n = b.n < room ? b.n : room;
	hl_buf_put(&p->port.out, b);
	hl_buf_eat(&p->port.in, b.n);
	hl_wish_send(&t->wishes, p->number);
}

static void accepted(struct toy *t, const struct hl_event *e)
{
	struct toy_port *p;

	if (t->deaf)
		return;
	p = add(t, e->port);
	t->listener = e->listener;
	p->opened++;
	if (t->play == RELAY)
		toy_dial(t, DIALLED(e->port), &t->target, 0);
}

static void opened(struct toy *t, const struct hl_event *e)
{
	struct toy_port *p = find(t, e->port);

	p->opened++;
	p->err = e->err;
	p->open = e->err == HL_OK;
	if (e->err == HL_OK && t->play == RELAY) {
		/* What the core has to say itself goes before what it passes on. */
		hl_buf_text(&p->port.out, "<");
		hl_buf_text(&find(t, e->port & ~HL_PORT_DIALLED)->port.out, ">");
		hl_wish_relay(&t->wishes, e->port & ~HL_PORT_DIALLED, e->port);
	}
}

static void ended(struct toy *t, const struct hl_event *e)
{
	struct toy_port *p = find(t, e->port);

	p->ended++;
	p->err = e->err;
	p->moved = e->moved;
	p->open = false;
	hl_buf_clear(&p->port.in);
	hl_buf_clear(&p->port.out);
}

static void toy_event(void *core, const struct hl_event *e)
{
	struct toy *t = core;
	struct toy_port *p = find(t, e->port);

	switch (e->kind) {
	case HL_EV_ACCEPTED:
		accepted(t, e);
		break;
	case HL_EV_OPENED:
		opened(t, e);
		break;
	case HL_EV_BYTES:
		if (t->play == ECHO)
			echo(t, p);
		break;
	case HL_EV_ROOM:
		p->rooms++;
		if (t->play == ECHO)
			echo(t, p);
		break;
	case HL_EV_ENDED:
		ended(t, e);
		break;
	case HL_EV_RESOLVED:
		t->resolved++;
		t->resolve_err = e->err;
		t->addresses = e->count;
		break;
	case HL_EV_JOB:
		t->jobs++;
		break;
	case HL_EV_TIME:
		t->times++;
		t->deadline_us = 0;
		break;
	}
}

static bool toy_wish(void *core, struct hl_wish *out)
{
	struct toy *t = core;

	return hl_wishes_take(&t->wishes, t->deadline_us, out);
}

static struct hl_port *toy_port(void *core, uint32_t number)
{
	struct toy_port *p = find(core, number);

	return p && p->open ? &p->port : NULL;
}

const struct hl_core_ops toy_ops = { toy_event, toy_wish, toy_port };
