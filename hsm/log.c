/* log.c - the log of a partition: what its users may read of what happened in it.
 *
 * The line of an effect is part of the effect's commit: it stands there exactly if the effect happened. Lines of
 * connections, logins and uses change nothing that anybody waits for, so they wait for the next commit, or a second at
 * most, and a kill may lose them:
 *
 *	effect ----------------- line ---> its commit ---+
 *	connection, login, error, use ---> queue --------+---> one transaction
 *
 * Lines that wait while others are being written may come to stand behind those of later effects: their times tell. */
#include <stdlib.h>

#include "hsm/attribute.h"
#include "hsm/rooms.h"

#define LABEL_SHOWN 48 /* bytes of a label */
#define NUMBERS 32     /* characters of counts in a line */

struct hsm_queued {
	uint64_t partition;
	int64_t at_ms, last_ms; /* of the first and of the last time */
	enum hsm_severity severity;
	enum hsm_facility facility;
	hl_err err;          /* HL_OK: it tells of none */
	struct hl_buf text;  /* behind the head */
	uint64_t times;      /* it happened so often in a row */
	uint64_t lost;       /* lines of the partition behind this one for which there was no room */
};

/* -- lines ------------------------------------------------------------------------------------------------------ */

/* An entry of the log: the line with its head, and what a program reads of it. */
static hl_err add_line(struct hsm *h, struct hsm_change *c, const struct hsm_queued *q, int64_t at_ms, struct hl_bytes text)
{
	HL_AUTO(hl_buf_clear) struct hl_buf line = hl_buf(HL_LOG_LINE), entry = hl_buf(HSM_PART_MAX);
	struct hl_log_row row = { .at_ms = at_ms > 0 ? (uint64_t)at_ms : 0, .code = (uint16_t)-q->err };

	hsm_line_head(&line, at_ms, h->conf.name, q->severity, q->facility);
	hl_buf_put(&line, text);
	HL_TRY(line.err);
	row.line = hl_buf_view(&line);
	hl_body_put(&entry, &hl_msg_log_row, &row);
	HL_TRY(entry.err);
	return hsm_change_append(h, c, q->partition, hl_buf_view(&entry));
}

/* As the modelled product does it: the line once, then how often it was repeated. */
static hl_err add_queued(struct hsm *h, struct hsm_change *c, const struct hsm_queued *q)
{
	HL_AUTO(hl_buf_clear) struct hl_buf more = hl_buf(HL_LOG_LINE), lost = hl_buf(HL_LOG_LINE);
	const struct hsm_queued note = { .partition = q->partition, .severity = HSM_ERR, .facility = HSM_CRYPTO };

	HL_TRY(add_line(h, c, q, q->at_ms, hl_buf_view(&q->text)));
	if (q->times > 1) {
		hl_buf_printf(&more, "message repeated %llu times: [ ", (unsigned long long)(q->times - 1));
		hl_buf_put(&more, hl_buf_view(&q->text));
		hl_buf_text(&more, "]");
		HL_TRY(more.err);
		HL_TRY(add_line(h, c, q, q->last_ms, hl_buf_view(&more)));
	}
	if (q->lost == 0)
		return HL_OK;
	hl_buf_printf(&lost, "Log: %llu lines were not written", (unsigned long long)q->lost);
	HL_TRY(lost.err);
	return add_line(h, c, &note, q->last_ms, hl_buf_view(&lost));
}

/* "billing@192.0.2.7": the id that a client gives itself, and where it is. */
static void put_client(struct hl_buf *b, const struct hsm_conn *c)
{
	const char *port = strrchr(c->client, ':');

	if (c->client_id[0]) {
		hsm_line_name(b, hl_text(c->client_id));
		hl_buf_u8(b, '@');
	}
	hsm_line_name(b, hl_bytes(c->client, port ? (size_t)(port - c->client) : strlen(c->client)));
}

static void put_who(struct hl_buf *b, const struct hsm_conn *c, const char *between)
{
	hl_buf_text(b, "User: ");
	hsm_line_name(b, hl_text(c->partition));
	hl_buf_printf(b, "%s Client: ", between);
	put_client(b, c);
}

static void put_deed(struct hl_buf *b, const struct hsm_conn *c, const char *kind)
{
	hl_buf_printf(b, "%s: ", kind);
	put_who(b, c, ",");
	hl_buf_text(b, ", Protocol: pkcs11, ");
}

static void put_error(struct hl_buf *b, const struct hsm_conn *c, uint16_t type, hl_err err, const char *detail)
{
	const struct hl_msg *m = hl_msg_of_type(type);

	put_deed(b, c, "Error");
	hl_buf_printf(b, "Command: %s, HL-%04d: %s", m ? m->name : "unknown", -(int)err, hl_err_text(err));
	if (detail)
		hl_buf_printf(b, " (%s)", detail);
}

/* Its number is told in hex where it has succeeded, or was refused. */
static void put_connection(struct hl_buf *b, const struct hsm_conn *c, bool hex)
{
	char number[NUMBERS];

	if (hex)
		snprintf(number, sizeof number, "0x%08x", c->port);
	else
		snprintf(number, sizeof number, "%u", c->port);
	hl_buf_printf(b, " over TCP connection %s (IP ", number);
	hsm_line_name(b, hl_text(c->client));
	hl_buf_u8(b, ')');
}

/* -- in the commit of an effect ------------------------------------------------------------------------------------ */

static hl_err write_line(struct hsm *h, struct hsm_change *c, uint64_t partition, enum hsm_severity severity, hl_err err,
	const struct hl_buf *text)
{
	const struct hsm_queued q = { .partition = partition, .severity = severity, .facility = HSM_CRYPTO, .err = err };

	HL_TRY(text->err);
	return add_line(h, c, &q, hl_wall_ms(h->env), hl_buf_view(text));
}

hl_err hsm_log_deed(struct hsm_change *c, struct hsm_conn *conn, const char *what)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_LOG_LINE);

	put_deed(&text, conn, "Interaction");
	hl_buf_text(&text, what);
	return write_line(conn->hsm, c, conn->partition_id, HSM_NOTICE, HL_OK, &text);
}

static const char *class_of(const struct hsm_object *o)
{
	static const struct { uint64_t class; const char *name; } names[] = {
		{ HL_CKO_DATA, "data object" }, { HL_CKO_CERTIFICATE, "certificate" }, { HL_CKO_PUBLIC_KEY, "public key" },
		{ HL_CKO_PRIVATE_KEY, "private key" }, { HL_CKO_SECRET_KEY, "secret key" },
		{ HL_CKO_DOMAIN_PARAMETERS, "domain parameters" },
	};
	uint64_t class = hsm_attribute_number(o, HL_CKA_CLASS);

	for (size_t i = 0; i < HL_COUNT(names); i++)
		if (names[i].class == class)
			return names[i].name;
	return "object";
}

/* A label may be as long as a book. Whoever has the partition's secret reads the log, but needs the PIN to see private
 * objects: of those it tells no name. */
static void put_label(struct hl_buf *b, const struct hsm_object *o)
{
	const struct hl_attribute *label = hsm_attribute(o, HL_CKA_LABEL);
	struct hl_bytes text = label ? label->value : hl_bytes(NULL, 0);
	bool cut = text.n > LABEL_SHOWN;

	if (hsm_attribute_bool(o, HL_CKA_PRIVATE))
		return;
	hl_buf_u8(b, ' ');
	hsm_line_quoted(b, hl_bytes(text.p, cut ? LABEL_SHOWN : text.n));
	hl_buf_text(b, cut ? "..." : "");
}

hl_err hsm_log_object(struct hsm_change *c, struct hsm_conn *conn, const char *what, const struct hsm_object *o)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_LOG_LINE);

	put_deed(&text, conn, "Interaction");
	hl_buf_printf(&text, "%s %s", what, class_of(o));
	put_label(&text, o);
	hl_buf_printf(&text, ", handle 0x%016llx", (unsigned long long)o->handle);
	return write_line(conn->hsm, c, conn->partition_id, HSM_NOTICE, HL_OK, &text);
}

hl_err hsm_log_service(
	struct hsm *h, struct hsm_change *c, const struct hsm_partition *p, const char *who, const char *what)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_LOG_LINE);

	hl_buf_text(&text, "Interaction: User: ");
	hsm_line_name(&text, p->row.name);
	hl_buf_text(&text, ", Client: ");
	hsm_line_name(&text, hl_text(who));
	hl_buf_printf(&text, ", Protocol: admin, %s", what);
	return write_line(h, c, p->id, HSM_NOTICE, HL_OK, &text);
}

hl_err hsm_log_counted(struct hsm_change *c, struct hsm_conn *conn, uint16_t type, hl_err err)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_LOG_LINE);

	put_error(&text, conn, type, err, NULL);
	return write_line(conn->hsm, c, conn->partition_id, HSM_ERR, err, &text);
}

/* -- queued ------------------------------------------------------------------------------------------------------------ */

static hl_err make_room(struct hsm_log *l)
{
	size_t room = l->room ? 2 * l->room : 16;
	struct hsm_queued *line = l->n < l->room ? l->line : realloc(l->line, room * sizeof *line);

	if (!line)
		return HL_E_NOMEM;
	if (l->n == l->room)
		l->room = room;
	l->line = line;
	return HL_OK;
}

/* The partition's newest line that can still be changed, and how many it has. */
static struct hsm_queued *newest(struct hsm_log *l, uint64_t partition, size_t *count)
{
	struct hsm_queued *found = NULL;

	*count = 0;
	for (size_t i = l->writing; i < l->n; i++)
		if (l->line[i].partition == partition) {
			found = &l->line[i];
			++*count;
		}
	return found;
}

static bool is_repeated(const struct hsm_queued *last, const struct hsm_queued *q)
{
	return last && last->lost == 0 && last->severity == q->severity && last->err == q->err &&
		hl_bytes_eq(hl_buf_view(&last->text), hl_buf_view(&q->text));
}

/* Takes q->text. What there is no room for is counted, and told by the line that it would have stood behind. */
static void queue(struct hsm *h, struct hsm_queued *q)
{
	struct hsm_log *l = &h->log;
	struct hsm_queued *last;
	size_t count;

	if (l->silent) {
		hl_buf_clear(&q->text);
		return;
	}
	q->at_ms = q->last_ms = hl_wall_ms(h->env);
	q->times = 1;
	last = newest(l, q->partition, &count);
	if (is_repeated(last, q)) {
		last->times++;
		last->last_ms = q->last_ms;
	} else if (q->text.err == HL_OK && count < HSM_LOG_QUEUE_EACH && l->n < HSM_LOG_QUEUE && make_room(l) == HL_OK) {
		l->line[l->n++] = *q;
		q->text = hl_buf(0);
	} else if (last) {
		last->lost++;
	} else {
		hl_trace_life(h->env, "log.lost", HL_E_FULL, NULL);
	}
	hl_buf_clear(&q->text);
	if (l->due_us == 0 && l->writing == 0 && l->n > 0)
		l->due_us = hl_mono_us(h->env) + HSM_LOG_WAIT_US;
}

static struct hsm_queued line_of(const struct hsm_conn *c, enum hsm_severity severity, enum hsm_facility facility)
{
	return (struct hsm_queued){
		.partition = c->partition_id, .severity = severity, .facility = facility, .text = hl_buf(HL_LOG_LINE)
	};
}

static void queue_request(struct hsm_conn *c, const char *with)
{
	struct hsm_queued q = line_of(c, HSM_NOTICE, HSM_BY_PKCS11);

	hl_buf_text(&q.text, "Login request: ");
	put_who(&q.text, c, "");
	hl_buf_text(&q.text, with);
	put_connection(&q.text, c, false);
	queue(c->hsm, &q);
}

static const char *method_of(const struct hsm_conn *c)
{
	return c->asked_setup ? " with setup password" : " with permanent secret";
}

void hsm_log_opened(struct hsm_conn *c)
{
	struct hsm_queued q = line_of(c, HSM_INFO, HSM_BY_PKCS11);

	queue_request(c, method_of(c));
	hl_buf_text(&q.text, "Login successful: ");
	put_who(&q.text, c, "");
	put_connection(&q.text, c, true);
	queue(c->hsm, &q);
}

void hsm_log_refused(struct hsm_conn *c, hl_err err)
{
	struct hsm_queued q = line_of(c, HSM_ERR, HSM_BY_PKCS11);
	struct hsm_partition p;

	if (hsm_partition_load(c->hsm, hl_text(c->partition), &p) != HL_OK)
		return; /* nobody could read it */
	hsm_partition_clear(&p);
	queue_request(c, c->asked ? method_of(c) : "");
	q.err = err;
	hl_buf_text(&q.text, "Login refused: ");
	put_who(&q.text, c, "");
	put_connection(&q.text, c, true);
	hl_buf_printf(&q.text, ", HL-%04d: %s", -(int)err, hl_err_text(err));
	queue(c->hsm, &q);
}

void hsm_log_did(struct hsm_conn *c, const char *what)
{
	struct hsm_queued q = line_of(c, HSM_NOTICE, HSM_CRYPTO);

	put_deed(&q.text, c, "Interaction");
	hl_buf_text(&q.text, what);
	queue(c->hsm, &q);
}

static void queue_usage(struct hsm_conn *c)
{
	struct hsm_queued q = line_of(c, HSM_INFO, HSM_CRYPTO);

	put_deed(&q.text, c, "Usage statistics");
	hl_buf_printf(&q.text, "Total key usage count: %llu", (unsigned long long)c->uses);
	queue(c->hsm, &q);
}

void hsm_log_ended(struct hsm_conn *c)
{
	struct hsm_queued q = line_of(c, HSM_INFO, HSM_BY_PKCS11);

	if (c->number == 0 || c->logged_end)
		return;
	c->logged_end = true;
	queue_usage(c);
	hl_buf_text(&q.text, "Disconnect: ");
	put_who(&q.text, c, "");
	put_connection(&q.text, c, false);
	queue(c->hsm, &q);
}

/* What clients meet in the ordinary course and ask again for, and what its own commit tells. */
static bool is_quiet(hl_err err)
{
	static const hl_err quiet[] = { HL_E_BLOB, HL_E_BEHIND, HL_E_BUSY, HL_E_TOKEN_TIME, HL_E_CLOSED, HL_E_PIN };

	for (size_t i = 0; i < HL_COUNT(quiet); i++)
		if (quiet[i] == err)
			return true;
	return false;
}

void hsm_log_error(struct hsm_conn *c, uint16_t type, hl_err err, const char *detail)
{
	struct hsm_queued q = line_of(c, HSM_ERR, HSM_CRYPTO);

	if (is_quiet(err))
		return;
	q.err = err;
	put_error(&q.text, c, type, err, detail);
	queue(c->hsm, &q);
}

/* -- written ------------------------------------------------------------------------------------------------------------- */

static void forget(struct hsm_log *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hl_buf_clear(&l->line[i].text);
	l->n -= n;
	if (n > 0)
		memmove(l->line, l->line + n, l->n * sizeof *l->line);
}

static void flush(struct hsm *h);

/* What is full or busy now may not be so in a second: the lines wait on, and ever longer, since each try takes the writer's
 * time. Of a commit of unknown fate nobody waits for the lines, and written again they could stand there twice: they are
 * given up. The next effect meets the same store, and halts; until then keys are used. A store that somebody has put back
 * or altered is another matter: what it says of keys and PINs is wrong. */
static void settle(struct hsm_log *l, hl_err err)
{
	bool again = err != HL_OK && err != HL_E_ARG && !hsm_store_is_lost(err);

	l->silent = hsm_store_is_lost(err);
	if (!again)
		forget(l, l->silent ? l->n : l->writing);
	l->pause_us = !again ? 0 : l->pause_us ? 2 * l->pause_us : HSM_LOG_WAIT_US;
	if (l->pause_us > HSM_LOG_PAUSE_US)
		l->pause_us = HSM_LOG_PAUSE_US;
	l->writing = 0;
	l->due_us = l->n > 0 ? hl_mono_us(l->hsm->env) + (again ? l->pause_us : HSM_LOG_WAIT_US) : 0;
}

static void written(struct hl_job *j)
{
	struct hsm_change *c = (struct hsm_change *)j;
	struct hsm_log *l = (struct hsm_log *)((char *)c - offsetof(struct hsm_log, change));
	struct hsm *h = l->hsm;
	hl_err err = c->commit.result;

	hsm_epoch_committed(h, c);
	settle(l, err);
	hsm_change_reset(c);
	if (l->silent || err == HL_E_ARG)
		hl_trace_life(h->env, "log.lost", err, NULL);
	if (hsm_store_is_lost(err) && err != HL_E_STORE)
		h->env->ops->halt(h->env->at, err);
	else if (err == HL_OK && l->stopping)
		flush(h);
}

struct hl_job *hsm_log_prepare(struct hsm *h)
{
	struct hsm_log *l = &h->log;
	struct hsm_change *c = &l->change;
	hl_err err = HL_OK;

	if (l->n == 0 || l->writing > 0 || (l->pause_us > 0 && !l->stopping && !hl_passed(l->due_us, hl_mono_us(h->env))))
		return NULL;
	for (size_t i = 0; i < l->n && err == HL_OK; i++)
		err = add_queued(h, c, &l->line[i]);
	if (err != HL_OK) {
		hsm_change_reset(c);
		l->due_us = hl_mono_us(h->env) + HSM_LOG_WAIT_US;
		return NULL;
	}
	l->hsm = h;
	l->writing = l->n;
	l->due_us = 0;
	c->commit.put = c->put;
	h->conf.store.ops->prepare(h->conf.store.at, &c->commit);
	c->commit.job.done = written;
	return &c->commit.job;
}

static void flush(struct hsm *h)
{
	struct hl_job *job = hsm_log_prepare(h);

	if (job)
		hl_submit(h->env, job);
}

void hsm_log_stop(struct hsm *h)
{
	h->log.stopping = true;
	for (struct hsm_conn *c = h->first_open; c; c = c->newer)
		hsm_log_ended(c);
	flush(h);
}

void hsm_log_time(struct hsm *h)
{
	if (hl_passed(h->log.due_us, hl_mono_us(h->env)))
		flush(h);
}

void hsm_log_clear(struct hsm *h)
{
	struct hsm_log *l = &h->log;

	forget(l, l->n);
	free(l->line);
	hsm_change_reset(&l->change);
	*l = (struct hsm_log){ 0 };
}
