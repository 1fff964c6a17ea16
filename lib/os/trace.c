#include "lib/os/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/wire/msg.h"

#define LINE_USUAL 1024
#define LINE_MAX_BYTES (64u << 10)

hl_err hl_trace_log_open(
	struct hl_trace_log *log, const char *path, const char *role, const char *who)
{
	struct hl_trace_log l = { .fd = -1 };

	snprintf(l.role, sizeof l.role, "%s", role);
	snprintf(l.who, sizeof l.who, "%s", who);
	if (path && *path) {
		l.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (l.fd < 0)
			return HL_E_CREATE;
	}
	*log = l;
	return HL_OK;
}

void hl_trace_log_close(struct hl_trace_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

static void put_key_text(struct hl_buf *out, const char *key, struct hl_bytes text)
{
	hl_buf_printf(out, ",\"%s\":", key);
	hl_json_text(out, text);
}

static void put_step(struct hl_buf *out, const struct hl_trace *t)
{
	if (t->step < 0) {
		put_key_text(out, "what", hl_text(t->what));
		return;
	}
	hl_buf_printf(out, ",\"n\":%d", t->step);
	put_key_text(out, "step", hl_text(hl_step_row((unsigned)t->step)->name));
}

void hl_trace_log_format(struct hl_buf *out, const struct hl_trace_log *log, int64_t mono_us,
	int64_t wall_ms, const struct hl_trace *t)
{
	static const char *const ways[] = {
		[HL_GOT] = "got", [HL_SENT] = "sent", [HL_DID] = "did"
	};
	char hex[2 * HL_CONNECTION_ID + 1];

	hl_buf_printf(
		out, "{\"mono_us\":%lld,\"wall_ms\":%lld", (long long)mono_us, (long long)wall_ms);
	put_key_text(out, "who", hl_text(log->who));
	put_key_text(out, "role", hl_text(log->role));
	if (log->worker)
		hl_buf_printf(out, ",\"worker\":%u", log->worker);
	if (t->conn) {
		hl_hex(hl_bytes(t->conn, HL_CONNECTION_ID), hex);
		put_key_text(out, "conn", hl_text(hex));
	}
	put_step(out, t);
	put_key_text(out, "way", hl_text(ways[t->way]));
	if (t->err != HL_OK)
		hl_buf_printf(out, ",\"err\":\"HL-%04d\"", -(int)t->err);
	if (t->msg) {
		put_key_text(out, "msg", hl_text(t->msg->name));
		if (t->body) {
			hl_buf_text(out, ",\"fields\":{");
			hl_msg_json(out, t->msg, t->body);
			hl_buf_text(out, "}");
		}
	}
	if (t->note)
		put_key_text(out, "note", hl_text(t->note));
	hl_buf_text(out, "}\n");
}

void hl_trace_log_write(
	const struct hl_trace_log *log, int64_t mono_us, int64_t wall_ms, const struct hl_trace *t)
{
	HL_AUTO(hl_buf_clear) struct hl_buf line = hl_buf(LINE_MAX_BYTES);

	if (log->fd < 0)
		return;
	hl_buf_room(&line, LINE_USUAL); /* one allocation for nearly every line */
	hl_trace_log_format(&line, log, mono_us, wall_ms, t);
	if (line.err != HL_OK)
		return;
	if (write(log->fd, line.base + line.off, line.n) < 0)
		return;
}
