#include "lib/os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char magic[8] = "hsmclock";

struct hl_clock_page {
	char magic[8];
	int64_t offset_ms;
};

int64_t hl_clock_mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t hl_clock_wall_ms(const struct hl_clock *c)
{
	struct timespec t;
	int64_t offset_ms = 0;

	if (c && c->page)
		offset_ms = __atomic_load_n(&c->page->offset_ms, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + offset_ms;
}

hl_err hl_clock_create(const char *path)
{
	struct hl_clock_page page = { .offset_ms = 0 };
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;

	if (fd < 0)
		return errno == EEXIST ? HL_E_EXISTS : HL_E_CREATE;
	memcpy(page.magic, magic, sizeof page.magic);
	n = write(fd, &page, sizeof page);
	if (close(fd) == 0 && n == (ssize_t)sizeof page)
		return HL_OK;
	unlink(path);
	return HL_E_IO;
}

/* A page that is cut short after this moment kills its reader with SIGBUS: the world never does. */
static hl_err map_page(const char *path, bool writable, struct hl_clock_page **out)
{
	int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	struct hl_clock_page *page = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? HL_E_NOT_FOUND : HL_E_IO;
	if (fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof *page)
		page = mmap(NULL, sizeof *page, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
			fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return HL_E_CONFIG;
	if (memcmp(page->magic, magic, sizeof magic) != 0) {
		munmap(page, sizeof *page);
		return HL_E_CONFIG;
	}
	*out = page;
	return HL_OK;
}

hl_err hl_clock_open(struct hl_clock *c, const char *path)
{
	struct hl_clock_page *page = NULL;

	if (path && *path)
		HL_TRY(map_page(path, false, &page));
	c->page = page;
	return HL_OK;
}

void hl_clock_close(struct hl_clock *c)
{
	if (c->page)
		munmap((void *)(uintptr_t)c->page, sizeof *c->page);
	c->page = NULL;
}

hl_err hl_clock_advance(const char *path, int64_t by_ms, int64_t *offset_ms)
{
	struct hl_clock_page *page;
	int64_t was, now;
	hl_err err = HL_OK;

	HL_TRY(map_page(path, true, &page));
	was = __atomic_load_n(&page->offset_ms, __ATOMIC_RELAXED);
	do {
		if (__builtin_add_overflow(was, by_ms, &now)) {
			err = HL_E_RANGE;
			break;
		}
	} while (!__atomic_compare_exchange_n(
		&page->offset_ms, &was, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	munmap(page, sizeof *page);
	if (err == HL_OK && offset_ms)
		*offset_ms = now;
	return err;
}

hl_err hl_clock_set(const char *path, int64_t offset_ms)
{
	struct hl_clock_page *page;

	HL_TRY(map_page(path, true, &page));
	__atomic_store_n(&page->offset_ms, offset_ms, __ATOMIC_RELAXED);
	munmap(page, sizeof *page);
	return HL_OK;
}
