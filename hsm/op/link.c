/* link.c - operations that touch no key: ping, information, random bytes. */
#include <openssl/crypto.h>

#include "hsm/rooms.h"

hl_err hsm_op_ping(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hl_pong pong;

	(void)body, (void)detail;
	hsm_reply(c, &hl_msg_pong, f->id, &pong);
	return HL_OK;
}

/* Failures of a window that has ended count no more. */
static uint32_t pin_failures(const struct hl_partition_row *row, int64_t now)
{
	return now - (int64_t)row->pin_window_ms < HSM_LOGIN_WINDOW_MS ? row->pin_failures : 0;
}

static uint32_t pin_left(const struct hl_partition_row *row, int64_t now)
{
	uint32_t failed = pin_failures(row, now);

	if (!row->pin_set || (int64_t)row->pin_locked_ms > now || failed >= HSM_LOGIN_FAILURES)
		return 0;
	return HSM_LOGIN_FAILURES - failed;
}

hl_err hsm_op_info(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hsm *h = c->hsm;
	int64_t now = hl_wall_ms(h->env);
	struct hsm_partition p;
	uint64_t objects = 0;
	hl_err err;

	(void)body, (void)detail;
	HL_TRY(hsm_partition_load(h, hl_text(c->partition), &p));
	err = h->conf.store.ops->count(h->conf.store.at, HSM_OBJECT, p.id, &objects);
	if (err == HL_OK) {
		struct hl_info_answer info = {
			.device = hl_text(h->conf.name),
			.version = hl_text(h->conf.version),
			.partition = p.row.name,
			.serial = p.row.serial,
			.objects = (uint32_t)objects,
			.objects_max = p.row.objects_max,
			.pin_set = p.row.pin_set,
			.logged_in = c->logged_in,
			.pin_left = pin_left(&p.row, now),
			.pin_failed = pin_failures(&p.row, now) > 0 || (int64_t)p.row.pin_locked_ms > now,
		};

		hsm_reply(c, &hl_msg_info_answer, f->id, &info);
	}
	hsm_partition_clear(&p);
	return err;
}

hl_err hsm_op_random(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_random *request = body;
	struct hl_buf bytes = hl_buf(65536);
	uint8_t *room = hl_buf_room(&bytes, request->length);
	struct hl_random_answer answer;

	(void)detail;
	if (!room)
		return bytes.err;
	hl_random(c->hsm->env, room, request->length);
	hl_buf_grow(&bytes, request->length);
	answer.bytes = hl_buf_view(&bytes);
	hsm_reply(c, &hl_msg_random_answer, f->id, &answer);
	hl_buf_clear(&bytes);
	return HL_OK;
}
