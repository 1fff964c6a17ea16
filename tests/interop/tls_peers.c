/* tls_peers.c - both ends of many TLS connections, for the story of the OpenSSL engine.
 *
 *	tls_peers serve KEY CERTIFICATE N          one process a connection, the key in the token by the engine "pkcs11";
 *	                                           says "listening on PORT", ends after N connections
 *	tls_peers visit PORT CERTIFICATE N THREADS N connections to such a server or to `openssl s_server -rev`, each with a
 *	                                           full handshake
 *
 * A visitor says a word and wants to hear it backwards. */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "lib/base/err.h"

#define WORD "drawer\n"
#define BACKWARDS "reward\n"
#define THREADS_MAX 16

static int fail(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	return 1;
}

static struct sockaddr_in here(unsigned short port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
}

/* -- the server ---------------------------------------------------------------------------------------------------- */

static EVP_PKEY *load_key(const char *uri)
{
	ENGINE *e = ENGINE_by_id("pkcs11");
	EVP_PKEY *key = NULL;

	if (e && ENGINE_init(e) == 1)
		key = ENGINE_load_private_key(e, uri, NULL, NULL);
	ENGINE_free(e);
	return key;
}

static int answer(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	char word[64], back[64];
	int n;

	if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
		return fail("the server's handshake");
	n = SSL_read(ssl, word, sizeof word);
	if (n < 1 || word[n - 1] != '\n')
		return fail("the server reads");
	for (int i = 0; i < n - 1; i++)
		back[i] = word[n - 2 - i];
	back[n - 1] = '\n';
	n = SSL_write(ssl, back, n) == n ? 0 : fail("the server writes");
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
	return n;
}

static int open_port(void)
{
	struct sockaddr_in a = here(0);
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		return -1;
	printf("listening on %d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static int serve_all(SSL_CTX *ctx, int port, long n)
{
	int rc = 0, status;

	for (long i = 0; i < n; i++) {
		int fd = accept(port, NULL, NULL);
		pid_t child = fd < 0 ? -1 : fork();

		if (child == 0)
			exit(answer(ctx, fd)); /* exit handlers too: what the module does there must not harm the parent */
		if (child < 0)
			return fail("accept or fork");
		close(fd);
	}
	while (wait(&status) > 0)
		rc |= status != 0;
	return rc;
}

static int serve(const char *uri, const char *certificate, long n)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = load_key(uri);
	int port, rc;

	if (!ctx || !key || SSL_CTX_use_certificate_file(ctx, certificate, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return fail("the server's key");
	port = open_port();
	rc = port < 0 ? fail("the server's port") : serve_all(ctx, port, n);
	EVP_PKEY_free(key);
	SSL_CTX_free(ctx);
	return rc;
}

/* -- the visitors -------------------------------------------------------------------------------------------------- */

struct visitor {
	pthread_t thread;
	SSL_CTX *ctx;
	unsigned short port;
	long visits;
	bool good;
};

static bool visit(SSL_CTX *ctx, unsigned short port)
{
	struct sockaddr_in a = here(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 0;
	SSL *ssl = SSL_new(ctx);
	char back[64];
	bool good = fd >= 0 && ssl && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && SSL_set_fd(ssl, fd) == 1 &&
		    SSL_connect(ssl) == 1 && SSL_session_reused(ssl) == 0 &&
		    SSL_write(ssl, WORD, sizeof WORD - 1) == sizeof WORD - 1;

	if (good)
		n = SSL_read(ssl, back, sizeof back);
	good = good && n == sizeof BACKWARDS - 1 && memcmp(back, BACKWARDS, (size_t)n) == 0;
	if (good)
		SSL_shutdown(ssl);
	else
		fail("a visit");
	SSL_free(ssl);
	close(fd);
	return good;
}

static void *visit_all(void *at)
{
	struct visitor *v = at;

	v->good = true;
	for (long i = 0; v->good && i < v->visits; i++)
		v->good = visit(v->ctx, v->port);
	return NULL;
}

static int visit_by(SSL_CTX *ctx, unsigned short port, long n, long threads)
{
	struct visitor v[THREADS_MAX];
	bool good = true;

	if (threads < 1 || threads > THREADS_MAX || n < threads)
		return fail("threads");
	for (long i = 0; i < threads; i++) {
		v[i] = (struct visitor){ .ctx = ctx, .port = port, .visits = n / threads + (i < n % threads) };
		if (pthread_create(&v[i].thread, NULL, visit_all, &v[i]) != 0)
			return fail("a thread");
	}
	for (long i = 0; i < threads; i++) {
		pthread_join(v[i].thread, NULL);
		good = good && v[i].good;
	}
	if (good)
		printf("%ld connections\n", n);
	return !good;
}

static int visits(unsigned short port, const char *certificate, long n, long threads)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int rc;

	if (!ctx || SSL_CTX_load_verify_file(ctx, certificate) != 1)
		return fail("the visitors' trust");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	rc = visit_by(ctx, port, n, threads);
	SSL_CTX_free(ctx);
	return rc;
}

int main(int n, char **arg)
{
	signal(SIGPIPE, SIG_IGN);
	if (n == 5 && strcmp(arg[1], "serve") == 0)
		return serve(arg[2], arg[3], atol(arg[4]));
	if (n == 6 && strcmp(arg[1], "visit") == 0)
		return visits((unsigned short)atoi(arg[2]), arg[3], atol(arg[4]), atol(arg[5]));
	fprintf(stderr, "usage: tls_peers serve KEY CERTIFICATE N | visit PORT CERTIFICATE N THREADS\n");
	return 2;
}
