#include "cli/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/say.h"
#include "cli/world.h"
#include "lib/os/files.h"

extern char **environ;

static void sig_freep(ECDSA_SIG **s)
{
	ECDSA_SIG_free(*s);
}

static void pkey_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void ctx_freep(EVP_MD_CTX **m)
{
	EVP_MD_CTX_free(*m);
}

static void bio_freep(BIO **b)
{
	BIO_free(*b);
}

hl_err cli_judge_der(struct hl_bytes raw, struct hl_buf *out)
{
	HL_AUTO(sig_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.p, (int)(raw.n / 2), NULL);
	BIGNUM *s = BN_bin2bn(raw.p + raw.n / 2, (int)(raw.n / 2), NULL);
	unsigned char *at;
	int n;

	if (raw.n == 0 || raw.n % 2 != 0 || !sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return HL_E_SIGNATURE;
	}
	n = i2d_ECDSA_SIG(sig, NULL);
	at = n > 0 ? hl_buf_room(out, (size_t)n) : NULL;
	if (!at)
		return HL_E_NOMEM;
	hl_buf_grow(out, (size_t)i2d_ECDSA_SIG(sig, &at));
	return HL_OK;
}

static EVP_PKEY *parse_key(struct hl_bytes public_key)
{
	const unsigned char *p = public_key.p;

	return d2i_PUBKEY(NULL, &p, (long)public_key.n);
}

hl_err cli_judge_by_library(
	struct cli *c, struct hl_bytes public_key, struct hl_bytes data, struct hl_bytes der)
{
	HL_AUTO(pkey_freep) EVP_PKEY *key = parse_key(public_key);
	HL_AUTO(ctx_freep) EVP_MD_CTX *m = EVP_MD_CTX_new();

	if (!key || !m || EVP_DigestVerifyInit_ex(m, NULL, "SHA256", NULL, NULL, key, NULL) != 1)
		return cli_fail(c, HL_E_CRYPTO, "OpenSSL does not take the public key");
	if (EVP_DigestVerify(m, der.p, der.n, data.p, data.n) != 1)
		return cli_fail(c, HL_E_SIGNATURE, "the OpenSSL library says no");
	return HL_OK;
}

/* -- files ---------------------------------------------------------------------------------------- */

static hl_err write_file(struct cli *c, const char *path, struct hl_bytes content)
{
	hl_err err;

	errno = 0;
	err = hl_file_write(path, 0600, content);
	return err == HL_OK ? HL_OK : cli_fail_errno(c, err, path);
}

static hl_err write_pem(struct cli *c, const char *path, struct hl_bytes public_key)
{
	HL_AUTO(pkey_freep) EVP_PKEY *key = parse_key(public_key);
	HL_AUTO(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!key || !bio || PEM_write_bio_PUBKEY(bio, key) != 1)
		return cli_fail(c, HL_E_CRYPTO, "OpenSSL does not take the public key");
	n = BIO_get_mem_data(bio, &text);
	return write_file(c, path, hl_bytes(text, n > 0 ? (size_t)n : 0));
}

hl_err cli_judge_files(struct cli *c, const char *folder, struct hl_bytes public_key,
	struct hl_bytes data, struct hl_bytes der)
{
	char path[CLI_PATH];

	snprintf(path, sizeof path, "%s/public.pem", folder);
	HL_TRY(write_pem(c, path, public_key));
	snprintf(path, sizeof path, "%s/data.bin", folder);
	HL_TRY(write_file(c, path, data));
	snprintf(path, sizeof path, "%s/signature.der", folder);
	return write_file(c, path, der);
}

/* -- the command ---------------------------------------------------------------------------------------- */

/* Its words are of no use beside its exit code. HL_E_NOT_FOUND: it is not there. */
static hl_err run(char *const *argv, int *status)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t plain;
	pid_t pid;
	int wrong;

	sigemptyset(&plain);
	sigaddset(&plain, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &plain);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	wrong = posix_spawnp(&pid, argv[0], &files, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	if (wrong)
		return wrong == ENOENT ? HL_E_NOT_FOUND : HL_E_IO;
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return HL_E_IO;
	return HL_OK;
}

hl_err cli_judge_by_command(struct cli *c, const char *folder)
{
	char key[CLI_PATH], input[CLI_PATH], signature[CLI_PATH];
	char *argv[] = { (char *)(uintptr_t)"openssl", (char *)(uintptr_t)"dgst",
		(char *)(uintptr_t)"-sha256", (char *)(uintptr_t)"-verify", key,
		(char *)(uintptr_t)"-signature", signature, input, NULL };
	int status = 0;
	hl_err err;

	snprintf(key, sizeof key, "%s/public.pem", folder);
	snprintf(input, sizeof input, "%s/data.bin", folder);
	snprintf(signature, sizeof signature, "%s/signature.der", folder);
	err = run(argv, &status);
	if (err != HL_OK)
		return cli_next(c, cli_fail(c, err, "the command `openssl`"),
			"install openssl, or let the library judge: `hsmlet try --no-openssl`");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return cli_fail(c, HL_E_SIGNATURE, "`openssl dgst -verify` says no");
	return HL_OK;
}
