/* secret_in.c - secrets from outside: a file, a descriptor, the environment, the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli/client.h"
#include "cli/process.h"
#include "cli/say.h"

#define SECRET_MAX 256

static hl_err keep_line(struct cli *c, const char *text, size_t n, const char *what, struct hl_secret *out)
{
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (n > SECRET_MAX)
		return cli_fail(c, HL_E_ARG, "%s has more than %d bytes", what, SECRET_MAX);
	if (n == 0) {
		hl_secret_clear(out);
		return HL_OK;
	}
	return hl_secret_set(out, hl_bytes(text, n)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, "%s", what);
}

/* Byte by byte: what follows the line is for whoever reads next. An empty line is an empty secret. */
static hl_err read_line(struct cli *c, int fd, const char *what, struct hl_secret *out)
{
	char text[SECRET_MAX + 3];
	size_t n = 0;
	ssize_t got = 1;
	hl_err err;

	while (n < sizeof text && got > 0 && (n == 0 || text[n - 1] != '\n')) {
		got = read(fd, text + n, 1);
		if (got < 0 && errno == EINTR && !cli_signal)
			got = 1;
		else if (got > 0)
			n++;
	}
	err = got < 0 ? cli_fail_errno(c, HL_E_IO, what) : keep_line(c, text, n, what, out);
	OPENSSL_cleanse(text, sizeof text);
	return err;
}

static hl_err read_some(struct cli *c, int fd, const char *what, struct hl_secret *out)
{
	HL_TRY(read_line(c, fd, what, out));
	return out->n > 0 ? HL_OK : cli_fail(c, HL_E_ARG, "%s is empty", what);
}

hl_err cli_secret_of_fd(struct cli *c, int64_t fd, const char *what, struct hl_secret *out)
{
	if (fcntl((int)fd, F_GETFD) < 0)
		return cli_usage(c, "%s: %lld is no open descriptor", what, (long long)fd);
	return read_some(c, (int)fd, what, out);
}

/* A pipe or a terminal (`<(pass show pin)`) has no mode that would tell anything. */
bool cli_is_open_to(int fd, mode_t mask)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & mask);
}

hl_err cli_secret_of_file(struct cli *c, const char *path, const char *what, struct hl_secret *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	hl_err err;

	if (fd < 0)
		return cli_fail_file(c, errno == ENOENT ? HL_E_NOT_FOUND : HL_E_IO, path);
	err = cli_is_open_to(fd, 037) ? cli_fail(c, HL_E_MODE, "%s", path) : read_some(c, fd, what, out);
	close(fd);
	return err;
}

static hl_err ask(struct cli *c, const char *prompt, const char *what, const struct termios *before, struct hl_secret *out)
{
	struct termios silent = *before;
	hl_err err;

	silent.c_lflag &= ~(tcflag_t)ECHO;
	/* Interrupted while it is off, the terminal must get its echo back. */
	cli_signals_catch();
	/* First of all, because it forgets what was typed until then: nothing that answers the question. */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(prompt, stderr);
	err = read_line(c, STDIN_FILENO, what, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
	fputc('\n', stderr);
	cli_signals_obey();
	return err;
}

hl_err cli_secret_of_terminal(struct cli *c, const char *prompt, const char *what, struct hl_secret *out)
{
	struct termios before;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
		return cli_usage(c, "stdin is no terminal to ask for %s", what);
	HL_TRY(ask(c, prompt, what, &before, out));
	return out->n > 0 ? HL_OK : cli_fail(c, HL_E_ARG, "%s is empty", what);
}

hl_err cli_secret_of_stdin(struct cli *c, const char *prompt, const char *what, struct hl_secret *out)
{
	struct termios before;

	if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0)
		return ask(c, prompt, what, &before, out);
	fputs(prompt, stderr);
	fputc('\n', stderr);
	return read_line(c, STDIN_FILENO, what, out);
}

hl_err cli_pin(struct cli *c, const struct cli_pin *from, struct hl_secret *out)
{
	const char *pin = getenv("HSMLET_PIN");

	if (from->pin_fd >= 0)
		return cli_secret_of_fd(c, from->pin_fd, "the PIN", out);
	if (from->pin_file)
		return cli_secret_of_file(c, from->pin_file, "the PIN", out);
	if (pin && strlen(pin) > SECRET_MAX)
		return cli_fail(c, HL_E_ARG, "the PIN has more than %d bytes", SECRET_MAX);
	if (pin && *pin)
		return hl_secret_set(out, hl_text(pin)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, "the PIN");
	return HL_OK;
}
