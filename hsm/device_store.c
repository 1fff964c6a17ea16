#include "hsm/device_store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "hsm/private_store.h"
#include "hsm/seal.h"

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool read_all(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* HL_E_NOT_FOUND where there is no file. */
static hl_err read_key(const char *path, struct hl_secret *out)
{
	HL_AUTO(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? HL_E_NOT_FOUND : errno == ELOOP ? HL_E_MODE : HL_E_IO;
	if (fstat(fd, &st) != 0)
		return HL_E_IO;
	HL_TRY(hsm_private_file(&st));
	if (st.st_size != HSM_DEVICE_KEY)
		return HL_E_STORE_KEY;
	HL_TRY(hl_secret_make(&key, HSM_DEVICE_KEY));
	if (!read_all(fd, key.p, key.n))
		return HL_E_IO;

	hl_secret_clear(out);
	*out = key;
	key = (struct hl_secret){ 0 };
	return HL_OK;
}

static hl_err make_key(const char *path)
{
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };

	HL_TRY(hl_secret_make(&key, HSM_DEVICE_KEY));
	if (RAND_priv_bytes(key.p, (int)key.n) != 1)
		return HL_E_CRYPTO;
	return hsm_private_write(path, hl_secret_view(&key));
}

hl_err hsm_device_key_load(const char *path, bool store_is_new, struct hl_secret *out)
{
	hl_err rc;

	HL_TRY(hsm_private_folder(path));
	rc = read_key(path, out);
	if (rc != HL_E_NOT_FOUND)
		return rc;
	if (!store_is_new)
		return HL_E_STORE_KEY;
	HL_TRY(make_key(path));
	return read_key(path, out);
}
