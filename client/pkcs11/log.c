#include "client/pkcs11/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "client/os_fd.h"
#include "lib/os/clock.h"

#define LINE 1024
const char *p11_log_default = "/tmp/primus.log";
#define DEFAULT_LEVEL P11_LOG_WARNING

/* Set by C_Initialize alone, while no other call is inside. */
static struct {
	bool syslog, linenumber, timestamp, function, inout, pid, filename;
	unsigned mask;
	int level;
	struct client_fd fd;
} to = { .fd = CLIENT_FD_NONE, .level = -1 };

static void open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	to.fd = client_fd_of(fd);
}

void p11_log_open(const struct client_conf *conf)
{
	p11_log_close();
	to.level = conf ? (int)conf->log.level : DEFAULT_LEVEL;
	to.syslog = !conf || conf->log.write_syslog;
	to.timestamp = !conf || conf->log.timestamp;
	to.function = !conf || conf->log.function;
	to.pid = !conf || conf->log.pid;
	to.linenumber = conf && conf->log.linenumber;
	to.filename = conf && conf->log.filename;
	to.inout = conf && conf->log.inout;
	to.mask = conf ? conf->log.mask : 0;
	if (!conf || conf->log.write_log_file)
		open_file(conf ? conf->log.file : p11_log_default);
}

void p11_log_close(void)
{
	client_fd_close(&to.fd);
	to.level = -1;
	to.mask = 0;
	to.inout = false;
}

void p11_log_abandon(void)
{
	p11_log_close();
}

bool p11_log_wants(int level)
{
	return level <= to.level;
}

bool p11_log_masks(unsigned mask)
{
	return (to.mask & mask) != 0;
}

bool p11_log_inout(void)
{
	return to.inout;
}

/* -- lines ---------------------------------------------------------------------------------------------------- */

struct line {
	char text[LINE];
	size_t n;
};

static void put(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void add(struct line *l, const char *format, va_list args)
{
	int n = vsnprintf(l->text + l->n, sizeof l->text - l->n - 1, format, args); /* one for the newline */

	if (n > 0)
		l->n += (size_t)n < sizeof l->text - l->n - 1 ? (size_t)n : sizeof l->text - l->n - 2;
}

static void put(struct line *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(l, format, args);
	va_end(args);
}

static void put_time(struct line *l)
{
	int64_t ms = hl_clock_wall_ms(NULL);
	time_t s = (time_t)(ms / 1000);
	struct tm t;

	gmtime_r(&s, &t);
	put(l, "%04d-%02d-%02d %02d:%02d:%02d.%03d - ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
		t.tm_min, t.tm_sec, (int)(ms % 1000));
}

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

/* A line is one line: what a name or a path brings along does not end it. */
static void tame(struct line *l, size_t from)
{
	for (size_t i = from; i < l->n; i++)
		if ((unsigned char)l->text[i] < 0x20 || l->text[i] == 0x7f)
			l->text[i] = '?';
}

static void write_line(struct line *l, int level)
{
	if (to.syslog)
		syslog(LOG_LOCAL1 | level, "%s", l->text);
	l->text[l->n++] = '\n';
	/* Nobody could be told that the log is lost. */
	if (to.fd.fd >= 0 && write(to.fd.fd, l->text, l->n) < 0)
		return;
}

void p11_log_at(const char *file, int line, int level, const char *function, const char *format, ...)
{
	int saved = errno;
	struct line l = { .n = 0 };
	va_list args;

	if (to.timestamp)
		put_time(&l);
	if (to.pid)
		put(&l, "%s[%d:%d] - ", program_invocation_short_name, (int)getpid(), (int)gettid());
	put(&l, "%d - ", level);
	if (to.filename)
		put(&l, "%s%s", base_name(file), to.linenumber ? ":" : " - ");
	if (to.linenumber)
		put(&l, "%d - ", line);
	if (to.function)
		put(&l, "%s() - ", function);
	va_start(args, format);
	add(&l, format, args);
	va_end(args);
	tame(&l, 0);
	write_line(&l, level < LOG_DEBUG ? level : LOG_DEBUG);
	errno = saved;
}
