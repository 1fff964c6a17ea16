#include "hsm/guard_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "hsm/private_store.h"

#define SLOTS 2
#define SLOT 4096 /* what a disk writes at once, or a multiple of it: a torn slot spoils no other */
#define FILE_SIZE (SLOTS * SLOT)
#define LOCK_MS 5000
#define RETRY_MS 1

static const uint8_t magic[8] = { 'h', 's', 'm', 'g', 'u', 'a', 'r', 'd' };

#define AT_PAIR sizeof magic
#define PAIR (8 + HSM_MAC)
#define AT_MAC (AT_PAIR + PAIR)
#define AT_ZEROS (AT_MAC + HSM_MAC)

struct hsm_guard {
	int fd;
	struct hsm_macs macs;
	/* As last read: */
	uint64_t newest;
	unsigned spare; /* the slot that the newest pair does not stand in */
};

/* -- pairs --------------------------------------------------------------------------------------- */

void hsm_sum_add(uint8_t sum[HSM_MAC], const uint8_t mac[HSM_MAC])
{
	unsigned carry = 0;

	for (size_t i = HSM_MAC; i-- > 0; carry >>= 8) {
		carry += (unsigned)sum[i] + mac[i];
		sum[i] = (uint8_t)carry;
	}
}

void hsm_sum_take(uint8_t sum[HSM_MAC], const uint8_t mac[HSM_MAC])
{
	unsigned carry = 1; /* minus x is the complement of x, and one more */

	for (size_t i = HSM_MAC; i-- > 0; carry >>= 8) {
		carry += (unsigned)sum[i] + (0xffu ^ mac[i]);
		sum[i] = (uint8_t)carry;
	}
}

bool hsm_pair_eq(const struct hsm_pair *a, const struct hsm_pair *b)
{
	return a->generation == b->generation && memcmp(a->sum, b->sum, HSM_MAC) == 0;
}

static void encode(const struct hsm_pair *p, uint8_t out[PAIR])
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(p->generation >> (56 - 8 * i));
	memcpy(out + 8, p->sum, HSM_MAC);
}

static void decode(const uint8_t in[PAIR], struct hsm_pair *p)
{
	struct hl_rd r = hl_rd(hl_bytes(in, PAIR));

	p->generation = hl_rd_u64(&r);
	memcpy(p->sum, in + 8, HSM_MAC);
}

hl_err hsm_pair_mac(const struct hsm_macs *macs, enum hsm_pair_place what, const struct hsm_pair *p,
	uint8_t out[HSM_MAC])
{
	uint8_t bytes[PAIR];

	encode(p, bytes);
	return macs->pair(macs->at, what, hl_bytes(bytes, sizeof bytes), out);
}

/* -- slots --------------------------------------------------------------------------------------- */

static hl_err fill_slot(const struct hsm_macs *macs, const struct hsm_pair *p, uint8_t slot[SLOT])
{
	memset(slot, 0, SLOT);
	memcpy(slot, magic, sizeof magic);
	encode(p, slot + AT_PAIR);
	return hsm_pair_mac(macs, HSM_PAIR_SLOT, p, slot + AT_MAC);
}

/* A slot is what fill_slot() makes of its pair, to the last byte, or it is nothing. */
static hl_err read_slot(const struct hsm_macs *macs, const uint8_t slot[SLOT], struct hsm_pair *p, bool *good)
{
	uint8_t right[SLOT];

	decode(slot + AT_PAIR, p);
	HL_TRY(fill_slot(macs, p, right));
	*good = memcmp(slot, right, SLOT) == 0;
	return HL_OK;
}

static hl_err read_file(int fd, uint8_t out[FILE_SIZE])
{
	ssize_t n;

	do
		n = pread(fd, out, FILE_SIZE, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return HL_E_IO;
	return n == FILE_SIZE ? HL_OK : HL_E_STORE_GUARD;
}

static hl_err read_newest(struct hsm_guard *g, struct hsm_pair *out)
{
	uint8_t bytes[FILE_SIZE];
	struct hsm_pair p, newest = { 0 };
	bool good, any = false;

	HL_TRY(read_file(g->fd, bytes));
	for (unsigned i = 0; i < SLOTS; i++) {
		HL_TRY(read_slot(&g->macs, bytes + (size_t)i * SLOT, &p, &good));
		if (!good || (any && p.generation <= newest.generation))
			continue;
		newest = p;
		g->spare = SLOTS - 1 - i;
		any = true;
	}
	if (!any)
		return HL_E_STORE_GUARD;
	g->newest = newest.generation;
	*out = newest;
	return HL_OK;
}

static hl_err write_slot(int fd, unsigned i, const uint8_t slot[SLOT])
{
	size_t done = 0;

	while (done < SLOT) {
		ssize_t n = pwrite(fd, slot + done, SLOT - done, (off_t)(i * SLOT + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return HL_E_IO;
		done += (size_t)n;
	}
	return HL_OK;
}

/* -- the file -------------------------------------------------------------------------------------- */

static void closep(struct hsm_guard **g)
{
	hsm_guard_close(*g);
}

hl_err hsm_guard_make(const char *path, const struct hsm_macs *macs, const struct hsm_pair *first)
{
	uint8_t bytes[FILE_SIZE];

	HL_TRY(hsm_private_folder(path));
	for (size_t i = 0; i < SLOTS; i++)
		HL_TRY(fill_slot(macs, first, bytes + i * SLOT));
	return hsm_private_write(path, hl_bytes(bytes, sizeof bytes));
}

/* It has its length from its first moment, and is never written but in place. */
static hl_err check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return HL_E_IO;
	HL_TRY(hsm_private_file(&st));
	return st.st_size == FILE_SIZE ? HL_OK : HL_E_STORE_GUARD;
}

hl_err hsm_guard_open(const char *path, const struct hsm_macs *macs, struct hsm_guard **out)
{
	HL_AUTO(closep) struct hsm_guard *g = calloc(1, sizeof *g);

	if (!g)
		return HL_E_NOMEM;
	g->macs = *macs;
	g->fd = -1;
	HL_TRY(hsm_private_folder(path));
	g->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (g->fd < 0)
		return errno == ENOENT ? HL_E_NOT_FOUND : errno == ELOOP ? HL_E_MODE : HL_E_IO;
	HL_TRY(check_file(g->fd));

	*out = hl_take(g);
	return HL_OK;
}

hl_err hsm_guard_read(struct hsm_guard *g, struct hsm_pair *out)
{
	hl_err rc = read_newest(g, out);

	if (rc != HL_E_STORE_GUARD)
		return rc;
	HL_TRY(hsm_guard_lock(g, out));
	hsm_guard_unlock(g);
	return HL_OK;
}

/* Not without end, since whoever holds the lock may be stopped. The wait is SQLite's, so that who has a file
 * layer of his own has the time of this one too. */
static hl_err take_lock(int fd)
{
	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += RETRY_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return HL_E_IO;
		if (waited_ms >= LOCK_MS)
			return HL_E_BUSY;
		sqlite3_sleep(RETRY_MS);
	}
	return HL_OK;
}

hl_err hsm_guard_lock(struct hsm_guard *g, struct hsm_pair *out)
{
	hl_err rc;

	HL_TRY(take_lock(g->fd));
	rc = read_newest(g, out);
	if (rc != HL_OK)
		hsm_guard_unlock(g);
	return rc;
}

/* Synced also where there is nothing to write: who wrote that pair may have died before it could. */
hl_err hsm_guard_write(struct hsm_guard *g, const struct hsm_pair *p)
{
	uint8_t slot[SLOT];

	if (p->generation > g->newest) {
		HL_TRY(fill_slot(&g->macs, p, slot));
		HL_TRY(write_slot(g->fd, g->spare, slot));
		g->newest = p->generation;
		g->spare = SLOTS - 1 - g->spare;
	}
	return fdatasync(g->fd) == 0 ? HL_OK : HL_E_IO;
}

void hsm_guard_unlock(struct hsm_guard *g)
{
	flock(g->fd, LOCK_UN);
}

void hsm_guard_close(struct hsm_guard *g)
{
	if (!g)
		return;
	if (g->fd >= 0)
		close(g->fd);
	free(g);
}
