#include "lib/os/log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/os/clock.h"

#define LINE 2048
#define CUT " cut=1"

static const char *const names[] = { "error", "warn", "info", "debug" };

static char speaker[65] = "hsmlet";
static enum hl_log_level limit = HL_LOG_INFO;
static int sink = STDERR_FILENO;

void hl_log_who(const char *who)
{
	snprintf(speaker, sizeof speaker, "%s", who);
}

void hl_log_limit(enum hl_log_level most)
{
	limit = most;
}

void hl_log_fd(int fd)
{
	sink = fd;
}

hl_err hl_log_parse(const char *name, enum hl_log_level *out)
{
	for (unsigned i = 0; i < HL_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum hl_log_level)i;
			return HL_OK;
		}
	return HL_E_ARG;
}

const char *hl_log_level_text(enum hl_log_level level)
{
	return names[level];
}

/* A line under way: what does not fit is dropped, and remembered. */
struct line {
	char *out;
	size_t n, room;
	bool cut;
};

static void put(struct line *l, const char *s, size_t n)
{
	if (n > l->room - l->n) {
		n = l->room - l->n;
		l->cut = true;
	}
	memcpy(l->out + l->n, s, n);
	l->n += n;
}

static bool plain(const char *s, size_t n)
{
	static const char more[] = "._:/@+,-";

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c != 0 && strchr(more, c))))
			return false;
	}
	return n > 0;
}

static void put_value(struct line *l, const char *s, size_t n)
{
	char hex[5];

	if (plain(s, n)) {
		put(l, s, n);
		return;
	}
	put(l, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			put(l, "\\", 1);
		if (c < 0x20 || c == 0x7f) {
			snprintf(hex, sizeof hex, "\\x%02x", c);
			put(l, hex, 4);
		} else {
			put(l, &s[i], 1);
		}
	}
	put(l, "\"", 1);
}

/* One conversion of a format: %, then flags and width, precision, modifier, letter. */
struct conversion {
	char text[24]; /* as it stands in the format, for snprintf */
	int precision; /* -1: none */
	bool star;     /* the precision is an argument */
	char modifier; /* 0, 'l', 'L' (ll), 'z', 'j'; h and hh arrive as int and are left out */
	char letter;
};

/* Returns where the format goes on. */
static const char *scan(const char *at, struct conversion *c)
{
	const char *begin = at++;
	size_t n;

	*c = (struct conversion){ .precision = -1 };
	at += strspn(at, "-+ #0123456789");
	if (*at == '.') {
		at++;
		if (*at == '*') {
			c->star = true;
			at++;
		} else {
			c->precision = 0;
			while (*at >= '0' && *at <= '9')
				c->precision = c->precision * 10 + (*at++ - '0');
		}
	}
	for (; *at && strchr("hlzj", *at); at++)
		if (*at != 'h')
			c->modifier = c->modifier == 'l' ? 'L' : *at;
	c->letter = *at++;
	n = (size_t)(at - begin);
	assert(n < sizeof c->text && strchr("sdiuxXcp%", c->letter) &&
		(!c->star || c->letter == 's'));
	memcpy(c->text, begin, n);
	return at;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* The format is a piece of one that the compiler has checked against these very arguments. */
#define NUMBER(type) snprintf(out, sizeof out, c->text, va_arg(*args, type))

static void put_number(struct line *l, const struct conversion *c, va_list *args)
{
	char out[64];
	int n;

	if (c->letter == 'p')
		n = NUMBER(void *);
	else if (c->modifier == 'L')
		n = NUMBER(long long);
	else if (c->modifier == 'l')
		n = NUMBER(long);
	else if (c->modifier == 'z')
		n = NUMBER(size_t);
	else if (c->modifier == 'j')
		n = NUMBER(intmax_t);
	else
		n = NUMBER(int);
	if (n > 0)
		put(l, out, (size_t)n < sizeof out ? (size_t)n : sizeof out - 1);
}
#pragma GCC diagnostic pop

static void put_conversion(struct line *l, struct conversion *c, va_list *args)
{
	const char *s;
	char one;

	switch (c->letter) {
	case '%':
		put(l, "%", 1);
		break;
	case 's':
		if (c->star)
			c->precision = va_arg(*args, int);
		s = va_arg(*args, const char *);
		if (!s)
			s = "";
		put_value(l, s, c->precision < 0 ? strlen(s) : strnlen(s, (size_t)c->precision));
		break;
	case 'c':
		one = (char)va_arg(*args, int);
		put_value(l, &one, 1);
		break;
	default:
		put_number(l, c, args);
	}
}

static void put_format(struct line *l, const char *format, va_list *args)
{
	while (*format) {
		struct conversion c;
		size_t n = strcspn(format, "%");

		put(l, format, n);
		format += n;
		if (*format) {
			format = scan(format, &c);
			put_conversion(l, &c, args);
		}
	}
}

/* RFC 3339 5.6, in UTC with milliseconds. Log time is the machine's own: the world's offset moves
 * lifetimes, not the order of what an operator reads. */
static void put_time(struct line *l)
{
	int64_t ms = hl_clock_wall_ms(NULL);
	time_t s = (time_t)(ms / 1000);
	struct tm t;
	char out[40];
	size_t n;

	gmtime_r(&s, &t);
	n = strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%S", &t);
	n += (size_t)snprintf(out + n, sizeof out - n, ".%03dZ", (int)(ms % 1000));
	put(l, out, n);
}

static void put_text(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

size_t hl_log_format(char *out, size_t size, enum hl_log_level level, const char *event,
	const char *format, va_list args)
{
	struct line l = { out, 0, size - sizeof CUT - 1, false };
	va_list copy;

	put_text(&l, "time=");
	put_time(&l);
	put_text(&l, " level=");
	put_text(&l, names[level]);
	put_text(&l, " who=");
	put_value(&l, speaker, strlen(speaker));
	put_text(&l, " event=");
	put_value(&l, event, strlen(event));
	if (*format) {
		put_text(&l, " ");
		va_copy(copy, args);
		put_format(&l, format, &copy);
		va_end(copy);
	}
	l.room = size - 1;
	if (l.cut)
		put_text(&l, CUT);
	put_text(&l, "\n");
	out[l.n] = 0;
	return l.n;
}

void hl_log(enum hl_log_level level, const char *event, const char *format, ...)
{
	char out[LINE];
	va_list args;
	size_t n;

	if (level > limit || sink < 0)
		return;
	va_start(args, format);
	n = hl_log_format(out, sizeof out, level, event, format, args);
	va_end(args);
	/* Nobody could be told that the log is lost. */
	if (write(sink, out, n) < 0)
		return;
}
