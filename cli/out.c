/* out.c - files that a user named for our output. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"
#include "lib/os/files.h"

/* A link, too: what it leads to is meant (/dev/stdout is one), and not to be replaced. */
static bool is_special(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static hl_err write_special(const char *path, mode_t mode, struct hl_bytes b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode), kept;

	if (fd < 0)
		return HL_E_CREATE;
	while (b.n > 0) {
		ssize_t n = write(fd, b.p, b.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		b = hl_bytes(b.p + n, b.n - (size_t)n);
	}
	kept = errno;
	close(fd);
	errno = kept;
	return b.n == 0 ? HL_OK : HL_E_IO;
}

hl_err cli_write_file(struct cli *c, const char *path, mode_t mode, struct hl_bytes content)
{
	hl_err err;

	errno = 0;
	err = is_special(path) ? write_special(path, mode, content) : hl_file_write(path, mode, content);
	return err == HL_OK ? HL_OK : cli_fail_errno(c, err, path);
}
