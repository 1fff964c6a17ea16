/* The PKCS#11 provider in a process that has threads, forks, unloads it and ends, against a service whose members go and
 * come back. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "tests/support/descriptors.h"
#include "tests/support/p11.h"
#include "tests/support/test.h"

#define THREADS 8
#define SIGNS 100
#define FORKS 10

static struct live *w;
static struct live_account acme;
static struct p11_client client;

#define IS(code, call) CU_ASSERT_EQUAL(p11_f->call, CKR_##code)
#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)

static CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };

static CK_RV open_session(CK_SESSION_HANDLE *s)
{
	return p11_f->C_OpenSession(P11_SLOT, RW, NULL, NULL, s);
}

static CK_RV log_in(CK_SESSION_HANDLE s)
{
	return p11_f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)acme.pin, strlen(acme.pin));
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- threads ------------------------------------------------------------------------------------------------------ */

struct signer {
	pthread_t thread;
	struct p11_pair key;
	unsigned number, failed;
	CK_RV last;
	atomic_bool *stop; /* NULL: SIGNS times */
};

static CK_RV sign_and_verify(CK_SESSION_HANDLE s, const struct p11_pair *key, const void *data, CK_ULONG n)
{
	CK_BYTE *d = (CK_BYTE *)(uintptr_t)data, signature[64];
	CK_ULONG signature_n = sizeof signature;

	if (p11_f->C_SignInit(s, &ecdsa, key->key) != CKR_OK)
		return CKR_GENERAL_ERROR;
	CK_RV rv = p11_f->C_Sign(s, d, n, signature, &signature_n);
	if (rv == CKR_OK)
		rv = p11_f->C_VerifyInit(s, &ecdsa, key->public_key);
	return rv == CKR_OK ? p11_f->C_Verify(s, d, n, signature, signature_n) : rv;
}

/* A session of its own, and data that no other thread signs. */
static void *sign_often(void *at)
{
	struct signer *g = at;
	CK_SESSION_HANDLE s;
	char data[32] = "";

	g->last = open_session(&s);
	for (unsigned i = 0; g->last == CKR_OK && (g->stop ? !atomic_load(g->stop) : i < SIGNS); i++) {
		snprintf(data, sizeof data, "%u/%u", g->number, i);
		g->last = sign_and_verify(s, &g->key, data, sizeof data);
	}
	g->failed = g->last != CKR_OK;
	return NULL;
}

static void start(struct signer *g, const struct p11_pair *key, atomic_bool *stop)
{
	for (unsigned i = 0; i < THREADS; i++) {
		g[i] = (struct signer){ .key = *key, .number = i, .stop = stop };
		if (pthread_create(&g[i].thread, NULL, sign_often, &g[i]) != 0)
			abort();
	}
}

static void threads_share_a_slot_and_each_gets_its_own_answers(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct signer g[THREADS];
	struct p11_pair key;

	CU_ASSERT_EQUAL(p11_make_p256(s, "threads", &key), CKR_OK);
	start(g, &key, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(g[i].thread, NULL);
		CU_ASSERT_EQUAL(g[i].failed, 0);
	}
	IS(OK, C_DestroyObject(s, key.key));
	IS(OK, C_DestroyObject(s, key.public_key));
	p11_over();
}

/* What is under way is told that it is over; nothing hangs and nothing crashes. */
static void finalize_ends_the_calls_of_other_threads(void)
{
	for (int round = 0; round < 5; round++) {
		CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
		atomic_bool stop = false;
		struct signer g[THREADS];
		struct p11_pair key;

		CU_ASSERT_EQUAL(p11_make_p256(s, "finalize", &key), CKR_OK);
		start(g, &key, &stop);
		CU_ASSERT_EQUAL(sign_and_verify(s, &key, "x", 1), CKR_OK); /* they are under way, or about to be */
		p11_over();
		for (unsigned i = 0; i < THREADS; i++) {
			pthread_join(g[i].thread, NULL);
			CU_ASSERT_NOT_EQUAL(g[i].last, CKR_OK);
		}
	}
}

static void a_call_ends_soon_when_finalize_comes_while_the_hsm_stands_still(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair key;
	struct signer g[THREADS];
	int64_t begun;

	CU_ASSERT_EQUAL(p11_make_p256(s, "still", &key), CKR_OK);
	CU_ASSERT(live_pause(w, "hsm1") && live_pause(w, "hsm2"));
	start(g, &key, NULL);
	begun = now_ms();
	p11_over();
	CU_ASSERT(now_ms() - begun < live_limit_ms());
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(g[i].thread, NULL);
	CU_ASSERT(live_resume(w, "hsm1") && live_resume(w, "hsm2"));
}

/* -- forks -------------------------------------------------------------------------------------------------------------- */

/* The library of a child is not initialised, and what it does there is its own. Its exit code. */
static int in_the_child(CK_SESSION_HANDLE s, bool use)
{
	CK_OBJECT_HANDLE both[2];
	CK_SESSION_HANDLE own;
	CK_INFO info;

	alarm((unsigned)live_limit_ms() / 1000); /* a lock of the parent's would hold it for ever */
	if (p11_f->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED || p11_f->C_CloseSession(s) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 2;
	if (!use)
		return 0;
	if (p11_f->C_Initialize(NULL) != CKR_OK)
		return 3;
	if (p11_f->C_CloseSession(s) != CKR_SESSION_HANDLE_INVALID || open_session(&own) != CKR_OK || log_in(own) != CKR_OK)
		return 4;
	if (p11_find(own, "forks", both, 2) != 2)
		return 5;
	return p11_f->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

static void fork_once(CK_SESSION_HANDLE s, bool use)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(in_the_child(s, use));
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What runs in a child of many threads may not be much: they may have held the lock of any allocator or library. */
static void a_child_of_many_threads_is_told_and_they_go_on(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	atomic_bool stop = false;
	struct signer g[THREADS];
	struct p11_pair key;

	CU_ASSERT_EQUAL(p11_make_p256(s, "many", &key), CKR_OK);
	start(g, &key, &stop);
	for (int i = 0; i < FORKS; i++)
		fork_once(s, false);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(g[i].thread, NULL);
		CU_ASSERT_EQUAL(g[i].last, CKR_OK);
	}
	IS(OK, C_DestroyObject(s, key.key));
	IS(OK, C_DestroyObject(s, key.public_key));
	p11_over();
}

static void a_child_begins_anew_and_its_parent_goes_on(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair key;
	CK_SESSION_INFO info;

	CU_ASSERT_EQUAL(p11_make_p256(s, "forks", &key), CKR_OK);
	for (int i = 0; i < FORKS; i++) {
		fork_once(s, true);
		CU_ASSERT_EQUAL(sign_and_verify(s, &key, "x", 1), CKR_OK); /* on the same link, logged in as before */
	}
	IS(OK, C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	IS(OK, C_DestroyObject(s, key.key));
	IS(OK, C_DestroyObject(s, key.public_key));
	p11_over();
}

/* -- loaded, unloaded, ended --------------------------------------------------------------------------------------------- */

static void it_can_be_unloaded_and_loaded_again(void)
{
	CK_SESSION_HANDLE s;
	int before;

	p11_unload();
	before = descriptors();
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(p11_load(w));
		s = p11_begin_logged_in(&acme);
		CU_ASSERT(s != 0);
		p11_over();
		p11_unload();
		CU_ASSERT_EQUAL(descriptors(), before);
	}
	CU_ASSERT(p11_load(w));
}

static void a_process_may_end_without_finalize_and_says_nothing(void)
{
	int out[2], status = -1;
	char byte;
	pid_t pid;

	CU_ASSERT_EQUAL(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		CK_SESSION_HANDLE s;

		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		if (p11_f->C_Initialize(NULL) != CKR_OK || open_session(&s) != CKR_OK || log_in(s) != CKR_OK)
			_exit(1);
		_exit(0);
	}
	close(out[1]);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(read(out[0], &byte, 1), 0);
	close(out[0]);
}

static void signal_handlers_stay_what_they_were(void)
{
	struct sigaction before[32], after;

	for (int i = 1; i < 32; i++)
		sigaction(i, NULL, &before[i]);
	p11_begin_logged_in(&acme);
	p11_over();
	for (int i = 1; i < 32; i++) {
		sigaction(i, NULL, &after);
		CU_ASSERT_PTR_EQUAL(after.sa_handler, before[i].sa_handler);
	}
}

/* -- configuration ----------------------------------------------------------------------------------------------------------- */

static void without_its_secrets_it_cannot_be_initialised(void)
{
	char broken[PATH_MAX];

	live_path(w, "client/broken.cfg", broken);
	CU_ASSERT_EQUAL(hl_file_write(broken, 0600, hl_text("version = ;\n")), HL_OK);
	setenv("HSMLET_SECRETS", "/no/such/.secrets.cfg", 1);
	IS(GENERAL_ERROR, C_Initialize(NULL));
	CU_ASSERT(p11_logged(&client, "rv: 0x80005004") > 0);
	setenv("HSMLET_SECRETS", broken, 1);
	IS(GENERAL_ERROR, C_Initialize(NULL));
	CU_ASSERT(p11_logged(&client, "rv: 0x80005006") > 0);
	setenv("HSMLET_SECRETS", client.files.secrets, 1);
	IS(OK, C_Initialize(NULL));
	p11_over();
}

/* -- members that go and come back ------------------------------------------------------------------------------------------- */

/* Whichever member serves: with both replaced one after the other, it was one of them. */
static void a_login_and_a_session_key_outlive_their_member(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_BYTE signature[64];
	CK_ULONG n = sizeof signature;
	CK_SESSION_INFO info;
	struct p11_pair key;
	CK_OBJECT_HANDLE found[2];

	CK_MECHANISM aes = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 16, of_session_length = 0;
	CK_ATTRIBUTE t = { CKA_VALUE_LEN, &length, sizeof length };
	CK_OBJECT_HANDLE of_session;

	CU_ASSERT_EQUAL(p11_make_p256(s, "failover", &key), CKR_OK);
	IS(OK, C_GenerateKey(s, &aes, &t, 1, &of_session));
	IS(OK, C_SignInit(s, &ecdsa, key.key));
	CU_ASSERT(live_kill(w, "hsm1") && live_restart(w, "hsm1"));
	CU_ASSERT(live_kill(w, "hsm2") && live_restart(w, "hsm2"));
	IS(OK, C_Sign(s, (CK_BYTE *)"x", 1, signature, &n));
	IS(OK, C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	IS(OK, C_GetObjectSize(s, key.key, &n));
	t.pValue = &of_session_length;
	IS(OK, C_GetAttributeValue(s, of_session, &t, 1)); /* its members' memory is gone */
	CU_ASSERT_EQUAL(of_session_length, 16);
	CU_ASSERT_EQUAL(p11_find(s, "failover", found, 2), 2);
	CU_ASSERT_EQUAL(log_in(s), CKR_USER_ALREADY_LOGGED_IN);
	IS(OK, C_Logout(s));
	CU_ASSERT(live_kill(w, "hsm1") && live_restart(w, "hsm1"));
	CU_ASSERT(live_kill(w, "hsm2") && live_restart(w, "hsm2"));
	CU_ASSERT_EQUAL(p11_find(s, "failover", found, 2), 1); /* the public key */
	p11_over();
}

static void with_all_members_gone_there_is_no_token_until_one_is_back(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_SLOT_INFO info;
	CK_BYTE byte;
	CK_ULONG n = 0;
	int64_t begun = now_ms();

	CU_ASSERT(live_kill(w, "hsm1") && live_kill(w, "hsm2"));
	IS(TOKEN_NOT_PRESENT, C_GenerateRandom(s, &byte, 1));
	IS(TOKEN_NOT_PRESENT, C_GetSlotInfo(P11_SLOT, &info));
	CU_ASSERT(now_ms() - begun < 3 * live_limit_ms());
	p11_over();
	IS(OK, C_Initialize(NULL)); /* which connects, fails, and does not mind */
	IS(OK, C_GetSlotList(CK_TRUE, NULL, &n));
	CU_ASSERT_EQUAL(n, 1);
	IS(TOKEN_NOT_PRESENT, C_GetSlotInfo(P11_SLOT, &info));
	CU_ASSERT_EQUAL(open_session(&s), CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT(p11_logged(&client, "connectHSM() - Failed to login on HSM") > 0);
	CU_ASSERT(live_restart(w, "hsm2"));
	IS(OK, C_GetSlotInfo(P11_SLOT, &info));
	CU_ASSERT_EQUAL(open_session(&s), CKR_OK);
	IS(OK, C_GenerateRandom(s, &byte, 1));
	CU_ASSERT(live_restart(w, "hsm1"));
	p11_over();
}

static void connecting_can_wait_for_the_first_call(void)
{
	CK_SESSION_HANDLE s;
	int dialled;

	CU_ASSERT(p11_set(&client, "primus.connect_on_init", "false"));
	dialled = p11_logged(&client, "got info.answer");
	IS(OK, C_Initialize(NULL));
	CU_ASSERT_EQUAL(p11_logged(&client, "got info.answer"), dialled);
	CU_ASSERT_EQUAL(open_session(&s), CKR_OK);
	CU_ASSERT_EQUAL(p11_logged(&client, "got info.answer"), dialled + 1);
	p11_over();
	CU_ASSERT(p11_set(&client, "primus.connect_on_init", "true"));
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(threads_share_a_slot_and_each_gets_its_own_answers),
	TEST(finalize_ends_the_calls_of_other_threads),
	TEST(a_call_ends_soon_when_finalize_comes_while_the_hsm_stands_still),
	TEST(a_child_of_many_threads_is_told_and_they_go_on),
	TEST(a_child_begins_anew_and_its_parent_goes_on),
	TEST(it_can_be_unloaded_and_loaded_again),
	TEST(a_process_may_end_without_finalize_and_says_nothing),
	TEST(signal_handlers_stay_what_they_were),
	TEST(without_its_secrets_it_cannot_be_initialised),
	TEST(a_login_and_a_session_key_outlive_their_member),
	TEST(with_all_members_gone_there_is_no_token_until_one_is_back),
	TEST(connecting_can_wait_for_the_first_call),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool prepare(void)
{
	static const struct live_options two = { .proxies = 2, .hsms = 2 };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "12345678",
	};

	w = live_start(&two);
	return w && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client) && p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("pkcs11 process", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
