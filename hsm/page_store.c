#include "hsm/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hsm/private_store.h"

#define MARK 0x3265676170736d68u /* "hmspage2" in the file, on a little-endian machine */
#define MARK_1 0x3165676170736d68u /* of pages of an earlier shape */
#define ATTEMPTS 100

/* The mark is written last, so that a member that died while it began leaves no mark. */
struct page_file {
	_Atomic uint64_t mark;
	struct hsm_page page;
};

struct hsm_shared_file {
	int fd;
	struct page_file *map;
};

static void closep(struct hsm_shared_file **f)
{
	hsm_shared_close(*f);
}

static bool lock(int fd, int how)
{
	int rc;

	do
		rc = flock(fd, how);
	while (rc != 0 && errno == EINTR);
	return rc == 0;
}

/* Reserve the blocks: a hole in a mapped file on a full disk would be a SIGBUS later. A quota and a limit on the size
 * of files are full disks too; errno then says so, for whoever tells it. */
static hl_err make_room(int fd)
{
	int rc = posix_fallocate(fd, 0, sizeof(struct page_file));

	if (rc == 0)
		return HL_OK;
	if (ftruncate(fd, 0) != 0)
		return HL_E_IO;
	if (rc != ENOSPC && rc != EDQUOT && rc != EFBIG)
		return HL_E_IO;
	errno = ENOSPC;
	return HL_E_FULL;
}

static hl_err map_file(struct hsm_shared_file *f)
{
	void *p;

	if (f->map)
		return HL_OK;
	p = mmap(NULL, sizeof *f->map, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (p == MAP_FAILED)
		return errno == ENOMEM ? HL_E_NOMEM : HL_E_IO;
	f->map = p;
	return HL_OK;
}

/* A page of an earlier version, which nobody uses any more: its content ends with its life anyway. */
static hl_err empty_older(int fd)
{
	uint64_t mark = 0;

	if (pread(fd, &mark, sizeof mark, 0) != sizeof mark || mark != MARK_1)
		return HL_E_STORE;
	return ftruncate(fd, 0) == 0 ? HL_OK : HL_E_IO;
}

/* We are alone: a new life begins. Only an empty file or one of ours is written to. */
static hl_err begin(struct hsm_shared_file *f, const struct hl_env *env)
{
	struct stat st;
	uint64_t mark;

	if (fstat(f->fd, &st) != 0)
		return HL_E_IO;
	if (st.st_size != 0 && st.st_size != sizeof *f->map) {
		HL_TRY(empty_older(f->fd));
		st.st_size = 0;
	}
	if (st.st_size == 0)
		HL_TRY(make_room(f->fd));
	HL_TRY(map_file(f));
	mark = atomic_load(&f->map->mark);
	if (mark != 0 && mark != MARK)
		return HL_E_STORE;
	atomic_store(&f->map->mark, 0);
	hsm_page_begin(&f->map->page, env);
	atomic_store(&f->map->mark, MARK);
	return HL_OK;
}

/* HL_E_DEFER: whoever was to begin has died, try again. */
static hl_err look(struct hsm_shared_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return HL_E_IO;
	if (st.st_size == 0)
		return HL_E_DEFER;
	if (st.st_size != sizeof *f->map)
		return HL_E_STORE;
	HL_TRY(map_file(f));
	return atomic_load(&f->map->mark) == MARK ? HL_OK : HL_E_DEFER;
}

/* flock() turns an exclusive lock into a shared one in two steps, and another member may begin once
 * more in between. That does no harm: nobody has used the page yet, and all find the same at last.
 * A last holder that leaves between our two locks does none either: its life goes on with us. */
static hl_err join(struct hsm_shared_file *f, const struct hl_env *env)
{
	hl_err rc;

	for (int i = 0; i < ATTEMPTS; i++) {
		if (lock(f->fd, LOCK_EX | LOCK_NB))
			HL_TRY(begin(f, env));
		else if (errno != EWOULDBLOCK)
			return HL_E_IO;
		if (!lock(f->fd, LOCK_SH))
			return HL_E_IO;
		rc = look(f);
		if (rc != HL_E_DEFER)
			return rc;
		lock(f->fd, LOCK_UN);
	}
	return HL_E_IO;
}

hl_err hsm_shared_open(const char *path, const struct hl_env *env, struct hsm_shared_file **out)
{
	HL_AUTO(closep) struct hsm_shared_file *f = calloc(1, sizeof *f);
	struct stat st;

	if (!f)
		return HL_E_NOMEM;
	f->fd = -1;
	HL_TRY(hsm_private_folder(path));
	f->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (f->fd < 0)
		return HL_E_CREATE;
	if (fstat(f->fd, &st) != 0)
		return HL_E_IO;
	HL_TRY(hsm_private_file(&st));
	HL_TRY(join(f, env));

	*out = hl_take(f);
	return HL_OK;
}

/* Closing the descriptor gives the lock back, once no forked child has it any more. */
void hsm_shared_close(struct hsm_shared_file *f)
{
	if (!f)
		return;
	if (f->map)
		munmap(f->map, sizeof *f->map);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

struct hsm_shared hsm_shared_file_ops(struct hsm_shared_file *f)
{
	return hsm_page_shared(&f->map->page);
}
