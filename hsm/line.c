#include "hsm/line.h"

#include "lib/base/date.h"

void hsm_line_head(struct hl_buf *out, int64_t wall_ms, const char *device, enum hsm_severity severity,
	enum hsm_facility facility)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	static const char *const severities[] = { [HSM_NOTICE] = "notice", [HSM_INFO] = "info", [HSM_ERR] = "err" };
	static const char *const facilities[] = { [HSM_BY_PKCS11] = "PKCS", [HSM_CRYPTO] = "Crypto" };
	struct hl_date d;
	unsigned s;

	if (hl_date_of(wall_ms, &d) != HL_OK) {
		d = (struct hl_date){ 1970, 1, 1 };
		wall_ms = 0;
	}
	s = (unsigned)(wall_ms / 1000 % 86400);
	hl_buf_printf(out, "%04u %s %2u %02u:%02u:%02u UTC ", d.year, months[d.month - 1], d.day, s / 3600, s / 60 % 60,
		s % 60);
	hsm_line_name(out, hl_text(device));
	hl_buf_printf(out, " %s %s Process: ", severities[severity], facilities[facility]);
}

static void put(struct hl_buf *out, struct hl_bytes text, bool (*plain)(uint8_t c))
{
	for (size_t i = 0; i < text.n; i++)
		if (plain(text.p[i]))
			hl_buf_u8(out, text.p[i]);
		else
			hl_buf_printf(out, "\\x%02x", text.p[i]);
}

static bool in_name(uint8_t c)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

	return letter || (c != 0 && strchr("._@:/+=#~[]-", c));
}

static bool in_quotes(uint8_t c)
{
	return c >= ' ' && c <= '~' && c != '\'' && c != '\\';
}

void hsm_line_name(struct hl_buf *out, struct hl_bytes name)
{
	if (name.n == 0)
		hl_buf_u8(out, '-');
	put(out, name, in_name);
}

void hsm_line_quoted(struct hl_buf *out, struct hl_bytes text)
{
	hl_buf_u8(out, '\'');
	put(out, text, in_quotes);
	hl_buf_u8(out, '\'');
}
