/* members.c - who is there: proxies and HSMs by their heartbeats, and the nonce epoch they share. */
#include "directory/rooms.h"

#include <stdlib.h>

const struct dir_peer *dir_peer(const struct dir *d, enum hl_role role, const char *name)
{
	for (size_t i = 0; i < d->conf.peers; i++)
		if (d->conf.peer[i].role == role && strcmp(d->conf.peer[i].name, name) == 0)
			return &d->conf.peer[i];
	return NULL;
}

struct dir_up *dir_member(struct dir *d, enum hl_role role, const char *name)
{
	for (size_t i = 0; i < d->members; i++)
		if (d->member[i].role == role && strcmp(d->member[i].name, name) == 0)
			return &d->member[i];
	return NULL;
}

static struct dir_up *enter(struct dir_conn *c)
{
	struct dir *d = c->dir;
	struct dir_up *m = dir_member(d, c->role, c->name);

	if (!m) {
		if (d->members == DIR_MEMBERS)
			return NULL;
		m = &d->member[d->members++];
		*m = (struct dir_up){ .role = c->role };
		memcpy(m->name, c->name, sizeof m->name);
	}
	if (m->links == 0)
		hl_trace_life(d->env, "member.up", HL_OK, m->name);
	m->links += c->up == NULL;
	c->up = m;
	m->conn = c;
	return m;
}

void dir_member_beat(struct dir_conn *c, const struct hl_frame *f)
{
	struct dir *d = c->dir;
	struct hl_heartbeat beat;
	struct hl_heartbeat_answer answer = {
		.epoch = hl_bytes(d->epoch, sizeof d->epoch),
		.realm = hl_text(d->conf.realm),
		.iterations = HL_SCRAM_ITERATIONS,
		.wall_ms = (uint64_t)hl_wall_ms(d->env),
	};
	struct dir_up *m;

	/* Who it is was proved by the channel; what it says besides must not contradict that. */
	if (hl_msg_get(&hl_msg_heartbeat, f, &beat) != HL_OK || beat.role != c->role ||
		!hl_bytes_eq(beat.name, hl_text(c->name)) || !(m = enter(c)) ||
		hl_bytes_str(beat.address, m->address, sizeof m->address) != HL_OK ||
		hl_bytes_str(beat.cluster, m->cluster, sizeof m->cluster) != HL_OK) {
		dir_refuse(c, f->id, HL_E_ARG, "heartbeat");
		return;
	}
	m->has_incarnation = beat.incarnation.n == HL_INCARNATION;
	if (m->has_incarnation)
		memcpy(m->incarnation, beat.incarnation.p, HL_INCARNATION);
	dir_send(c, &hl_msg_heartbeat_answer, f->id, &answer);
}

/* Any link that is left of this member. */
static struct dir_conn *another(const struct dir_conn *c)
{
	struct dir_conn *other;
	size_t at = 0;

	while ((other = hl_map_next(&c->dir->ports, &at)) != NULL)
		if (other != c && other->up == c->up)
			return other;
	return NULL;
}

void dir_member_gone(struct dir_conn *c)
{
	struct dir_up *m = c->up;

	if (!m)
		return;
	m->links--;
	if (m->conn == c)
		m->conn = another(c);
	c->up = NULL;
	if (m->links == 0)
		hl_trace_life(c->dir->env, "member.down", HL_OK, m->name);
}

void dir_epoch_time(struct dir *d, int64_t now_us)
{
	if (now_us < d->epoch_us)
		return;
	memcpy(d->epoch_before, d->epoch, sizeof d->epoch);
	hl_random(d->env, d->epoch, sizeof d->epoch);
	d->epoch_us = now_us + DIR_EPOCH_US;
}

/* -- status for the front command --------------------------------------------------------------- */

#define STATUS_PARTITIONS 1024

struct listing {
	struct dir_partition *copy;
	struct hl_status_partition *row;
	size_t n;
};

static bool list_partition(void *at, const struct dir_partition *p)
{
	struct listing *l = at;
	struct dir_partition *copy = &l->copy[l->n];

	*copy = *p;
	l->row[l->n++] = (struct hl_status_partition){
		.partition = hl_text(copy->name),
		.tenant = hl_text(copy->tenant),
		.service_user = hl_text(copy->user),
		.package = hl_text(copy->package),
		.cluster = hl_text(copy->cluster),
	};
	return l->n < STATUS_PARTITIONS;
}

void dir_status(struct dir_conn *admin, const struct hl_frame *f)
{
	struct dir *d = admin->dir;
	struct hl_status_member member[DIR_MEMBERS];
	struct hl_status_answer answer = { .members.items = member, .members.count = d->members };
	struct listing l = { 0 };
	hl_err err = HL_E_NOMEM;

	for (size_t i = 0; i < d->members; i++)
		member[i] = (struct hl_status_member){
			.role = (uint8_t)d->member[i].role,
			.name = hl_text(d->member[i].name),
			.address = hl_text(d->member[i].address),
			.up = d->member[i].conn != NULL,
		};
	l.copy = calloc(STATUS_PARTITIONS, sizeof *l.copy);
	l.row = calloc(STATUS_PARTITIONS, sizeof *l.row);
	if (l.copy && l.row)
		err = d->conf.store.ops->partitions(d->conf.store.at, list_partition, &l);
	answer.partitions = (struct hl_list){ .items = l.row, .count = l.n };
	if (err == HL_OK)
		dir_send(admin, &hl_msg_status_answer, f->id, &answer);
	else
		dir_refuse(admin, f->id, err, NULL);
	free(l.copy);
	free(l.row);
}
