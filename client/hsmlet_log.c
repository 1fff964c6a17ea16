/* hsmlet_log.c - the public API's log of the partition. */
#include "client/hsmlet_impl.h"

#include <stdlib.h>

struct hsmlet_log {
	struct hl_buf frame; /* behind the texts */
	size_t n;
	hsmlet_log_line line[HL_LOG_LINES_MAX];
};

static void take_lines(const struct hl_list *list, hsmlet_log *out)
{
	struct hl_log_line l;

	for (struct hl_bytes at = list->raw; out->n < HL_LOG_LINES_MAX && hl_list_next(&hl_msg_log_line, &at, &l);)
		out->line[out->n++] = (hsmlet_log_line){
			.number = l.number,
			.time_ms = l.at_ms <= INT64_MAX ? (int64_t)l.at_ms : INT64_MAX,
			.error = l.code,
			.text = (const char *)l.line.p,
			.n = l.line.n,
		};
}

/* Else whoever asks for the next lines, and the next, would go on for ever. */
static bool goes_on(const struct hl_log_fetch *asked, const struct hl_log_lines *answer)
{
	if (!answer->more)
		return true;
	if (asked->reverse)
		return answer->last > 0 && (asked->from == 0 || answer->last < asked->from);
	return answer->last > asked->from;
}

API int hsmlet_get_log(hsmlet *h, int64_t since_ms, int reverse, uint64_t *from, hsmlet_log **out, hsmlet_error *e)
{
	struct hl_log_fetch request = {
		.since_ms = since_ms > 0 ? (uint64_t)since_ms : 0,
		.from = *from,
		.reverse = reverse != 0,
		.limit = HL_LOG_LINES_MAX,
	};
	struct hl_log_lines answer;
	struct client_call call;
	hsmlet_log *l = calloc(1, sizeof *l);
	int rc;

	if (!l)
		return client_api_fail(e, HL_E_NOMEM, NULL, NULL);
	rc = client_api_ask(h, &hl_msg_log_fetch, &request, &hl_msg_log_lines, &answer, &call, LIMIT_MS, e);
	l->frame = call.frame;
	if (rc == 0 && !goes_on(&request, &answer))
		rc = client_api_fail(e, HL_E_RANGE, NULL, "log.lines");
	if (rc != 0) {
		hsmlet_log_free(l);
		return rc;
	}
	take_lines(&answer.lines, l);
	*from = answer.more ? answer.last : 0;
	*out = l;
	return 0;
}

API size_t hsmlet_log_count(const hsmlet_log *l)
{
	return l->n;
}

API hsmlet_log_line hsmlet_log_at(const hsmlet_log *l, size_t i)
{
	return i < l->n ? l->line[i] : (hsmlet_log_line){ 0 };
}

API void hsmlet_log_free(hsmlet_log *l)
{
	if (l)
		hl_buf_clear(&l->frame);
	free(l);
}
