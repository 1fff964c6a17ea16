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

static struct hsm_pin_state pin_state(const struct hsm_partition *p, enum hsm_role role, int64_t now)
{
	struct hsm_pin pin = hsm_pin_of(p, role);

	return hsm_pin_state(&pin, now);
}

hl_err hsm_op_info(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	struct hsm *h = c->hsm;
	int64_t now = hl_wall_ms(h->env);
	struct hsm_pin_state user, officer;
	struct hsm_partition p;
	uint64_t objects = 0;
	hl_err err;

	(void)body, (void)detail;
	HL_TRY(hsm_partition_load(h, hl_text(c->partition), &p));
	err = h->conf.store.ops->count(h->conf.store.at, HSM_OBJECT, p.id, &objects);
	user = pin_state(&p, HSM_ROLE_USER, now);
	officer = pin_state(&p, HSM_ROLE_OFFICER, now);
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
			.pin_left = user.left,
			.pin_failed = user.failed,
			.lab = hsm_partition_is_lab(&p),
			.label = p.row.label,
			.blank = p.row.blank,
			.officer_left = officer.left,
			.officer_failed = officer.failed,
			.officer = c->officer,
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
