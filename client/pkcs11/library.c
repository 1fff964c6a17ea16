#include "client/pkcs11/module.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client/account.h"
#include "client/os_files.h"
#include "lib/os/clock.h"

struct p11_library p11 = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.change = PTHREAD_COND_INITIALIZER,
	.wire = &p11_network,
};

void p11_lock(void)
{
	pthread_mutex_lock(&p11.lock);
}

void p11_unlock(void)
{
	pthread_mutex_unlock(&p11.lock);
}

CK_ULONG p11_new_handle(void)
{
	if (++p11.next == CK_INVALID_HANDLE)
		p11.next++;
	return p11.next;
}

/* -- forks ---------------------------------------------------------------------------------------------------- */

/* Whose process `p11` is; its negative: that process is making it its own just now. */
static _Atomic pid_t owner;

/* Libraries of parents. Threads that the child does not have may have left anything half done, so nothing of them is
 * freed; leak checkers find it here. */
static struct left {
	struct p11_library was;
	struct left *next;
} *lefts;

static void leave_to_parent(void)
{
	struct left *l = p11.state == P11_OFF ? NULL : calloc(1, sizeof *l);

	for (size_t i = 0; i < p11.slots; i++)
		p11.wire->abandon(p11.slot[i].wire);
	p11_log_abandon();
	if (l) {
		l->was = p11;
		l->next = lefts;
		lefts = l;
	}
	p11 = (struct p11_library){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.change = PTHREAD_COND_INITIALIZER,
		.wire = p11.wire,
		.next = p11.next,
	};
}

/* The child has one thread at first, but may have more when it comes here. */
void p11_own(void)
{
	pid_t me = getpid(), was = atomic_load(&owner);

	while (was != me) {
		if (was == -me) {
			sched_yield();
		} else if (atomic_compare_exchange_strong(&owner, &was, -me)) {
			leave_to_parent();
			atomic_store(&owner, me);
		}
		was = atomic_load(&owner);
	}
}

/* -- who is inside ------------------------------------------------------------------------------------------------ */

CK_RV p11_begin(void)
{
	CK_RV rv;

	p11_lock();
	rv = p11.state == P11_ON ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
	if (rv == CKR_OK)
		p11.calls++;
	p11_unlock();
	return rv;
}

void p11_end(void)
{
	p11_lock();
	if (--p11.calls <= 1 && p11.state == P11_ENDING)
		pthread_cond_broadcast(&p11.change);
	p11_unlock();
}

bool p11_is_ending(void)
{
	bool ending;

	p11_lock();
	ending = p11.state == P11_ENDING;
	p11_unlock();
	return ending;
}

static void set_state(enum p11_state state)
{
	p11.state = state;
	pthread_cond_broadcast(&p11.change);
}

/* -- C_Initialize --------------------------------------------------------------------------------------------------- */

/* We lock as the system does. An application that wants its own functions instead, and nothing else, cannot be
 * served. Threads are not made here, so it may forbid them. */
static CK_RV check_args(const CK_C_INITIALIZE_ARGS *a)
{
	unsigned given;

	if (!a)
		return CKR_OK;
	given = (a->CreateMutex ? 1u : 0) + (a->DestroyMutex ? 1u : 0) + (a->LockMutex ? 1u : 0) +
		(a->UnlockMutex ? 1u : 0);
	if (a->pReserved || (given != 0 && given != 4))
		return CKR_ARGUMENTS_BAD;
	return given == 4 && !(a->flags & CKF_OS_LOCKING_OK) ? CKR_CANT_LOCK : CKR_OK;
}

struct files {
	char conf_path[CLIENT_PATH], secrets_path[CLIENT_PATH];
	struct client_conf conf;
};

static const char *look_up(const char *name)
{
	return getenv(name);
}

static hl_err read_files(struct files *f, char detail[512])
{
	hl_err err = client_conf_find(look_up, f->conf_path);

	if (err == HL_OK)
		err = client_conf_load(f->conf_path, &f->conf, detail);
	p11_log_open(err == HL_OK ? &f->conf : NULL);
	HL_TRY(err);
	HL_TRY(client_secrets_find(look_up, f->secrets_path));
	if (client_file_exists(f->secrets_path))
		return HL_OK;
	return client_file_trouble(detail, f->secrets_path, HL_E_SECRETS_NONE);
}

static bool has_slot(CK_SLOT_ID id)
{
	for (size_t i = 0; i < p11.slots; i++)
		if (p11.slot[i].id == id)
			return true;
	return false;
}

/* A slot whose secret is missing is there, without a token. Files that cannot be read are everybody's trouble. */
static hl_err add_slot(const struct files *f, const struct client_slot *from)
{
	struct p11_slot *s = &p11.slot[p11.slots];
	hl_err err;

	*s = (struct p11_slot){ .id = from->id, .door = PTHREAD_MUTEX_INITIALIZER };
	snprintf(s->partition, sizeof s->partition, "%s", from->partition);
	err = p11.wire->open(f->conf_path, f->secrets_path, s->partition, &s->wire, s->why);
	if (err == HL_E_SECRETS || err == HL_E_MODE || err == HL_E_NOMEM)
		return err;
	s->broken = err;
	if (err != HL_OK)
		p11_log(P11_LOG_ERROR, "addSlot", "slot %lu, %s: HL-%04d %s (%s)", s->id, s->partition, -(int)err,
			hl_err_text(err), s->why);
	p11.slots++;
	return HL_OK;
}

/* The slot with the lowest id of those that we do not have yet. */
static const struct client_slot *lowest(const struct client_conf *c)
{
	const struct client_slot *low = NULL;

	for (size_t h = 0; h < c->hosts; h++)
		for (size_t i = 0; i < c->host[h].slots; i++) {
			const struct client_slot *s = &c->host[h].slot[i];

			if (!has_slot(s->id) && (!low || s->id < low->id))
				low = s;
		}
	return low;
}

/* Equal ids on several hosts are one redundant slot. In ascending order, whatever the file's. */
static hl_err add_slots(const struct files *f, char detail[512])
{
	const struct client_slot *next;
	hl_err err;

	p11.slot = calloc(CLIENT_HOSTS * CLIENT_SLOTS, sizeof *p11.slot);
	if (!p11.slot)
		return HL_E_NOMEM;
	while ((next = lowest(&f->conf)) != NULL) {
		err = add_slot(f, next);
		if (err != HL_OK) {
			snprintf(detail, 512, "%s", p11.slot[p11.slots].why);
			return err;
		}
	}
	return HL_OK;
}

static void clear_slots(void)
{
	for (size_t i = 0; i < p11.slots; i++) {
		p11.wire->free(p11.slot[i].wire);
		p11_slot_clear(&p11.slot[i]);
	}
	free(p11.slot);
	p11.slot = NULL;
	p11.slots = 0;
}

static CK_RV rv_of(hl_err err)
{
	if (err == HL_OK)
		return CKR_OK;
	return err == HL_E_NOMEM ? CKR_HOST_MEMORY : CKR_GENERAL_ERROR;
}

static hl_err start(bool *connect)
{
	struct files *f = calloc(1, sizeof *f);
	char detail[512] = "";
	uint32_t number;
	hl_err err;

	if (!f)
		return HL_E_NOMEM;
	err = read_files(f, detail);
	if (err == HL_OK)
		err = add_slots(f, detail);
	*connect = err == HL_OK && f->conf.connect_on_init;
	if (err != HL_OK) {
		p11_ckr(err, HL_STEP_DNS, &number);
		number = err == HL_E_SECRETS_NONE ? 0x80005004 : number;
		p11_log(P11_LOG_ERROR, "readConfig", "rv: 0x%x - HL-%04d %s %s", number, -(int)err, hl_err_text(err), detail);
		clear_slots();
	}
	p11_log(err == HL_OK ? P11_LOG_NOTICE : P11_LOG_ERROR, "C_Initialize", "rv: 0x%lx", rv_of(err));
	if (err != HL_OK)
		p11_log_close();
	client_conf_clear(&f->conf);
	free(f);
	return err;
}

/* What fails here is told by the first call that needs the token, and may have come back until then. */
static void connect_all(void)
{
	int64_t end_us = hl_clock_mono_us() + CLIENT_CALL_MS * 1000;

	for (size_t i = 0; i < p11.slots; i++) {
		HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
		int64_t left_ms = (end_us - hl_clock_mono_us()) / 1000;
		struct hl_info request = { 0 };
		struct hl_info_answer answer;

		if (left_ms > 0 && p11_ask_within(&p11.slot[i], &hl_msg_info, &request, &hl_msg_info_answer, &answer,
					   &call, (unsigned)left_ms) == CKR_OK)
			p11_slot_note(&p11.slot[i], &answer);
	}
}

CK_RV p11_Initialize(CK_VOID_PTR pInitArgs)
{
	bool connect;
	CK_RV rv = CKR_OK;
	hl_err err;

	P11_TRY(check_args(pInitArgs));
	p11_lock();
	while (p11.state == P11_STARTING || p11.state == P11_ENDING)
		pthread_cond_wait(&p11.change, &p11.lock);
	if (p11.state == P11_ON)
		rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
	else
		set_state(P11_STARTING);
	p11_unlock();
	P11_TRY(rv);
	err = start(&connect);
	p11_lock();
	p11.calls += err == HL_OK ? 1 : 0; /* ourselves, while we connect */
	set_state(err == HL_OK ? P11_ON : P11_OFF);
	p11_unlock();
	if (err != HL_OK)
		return rv_of(err);
	if (connect)
		connect_all();
	p11_end();
	return CKR_OK;
}

/* -- C_Finalize ------------------------------------------------------------------------------------------------------- */

#define AGAIN_NS 20000000

static void close_all(void)
{
	for (size_t i = 0; i < p11.slots; i++)
		if (p11.slot[i].wire)
			p11.wire->close(p11.slot[i].wire);
}

/* Requests end with their connections, and then the calls leave. One that had looked before whether this is the end may
 * open a connection anew after it: so they are closed until nobody is left. */
static void send_away(void)
{
	struct timespec until;

	p11_lock();
	do {
		p11_unlock();
		close_all();
		p11_lock();
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += AGAIN_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (p11.calls > 1)
			pthread_cond_clockwait(&p11.change, &p11.lock, CLOCK_MONOTONIC, &until);
	} while (p11.calls > 1);
	p11_unlock();
}

/* The first to come ends it all. */
CK_RV p11_Finalize(CK_VOID_PTR pReserved)
{
	if (pReserved)
		return CKR_ARGUMENTS_BAD;
	p11_lock();
	if (p11.state != P11_ON) {
		p11_unlock();
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	}
	set_state(P11_ENDING);
	p11_unlock();
	send_away();
	p11_sessions_close(NULL);
	hl_map_clear(&p11.sessions);
	clear_slots();
	p11_log(P11_LOG_INFO, "C_Finalize", "rv: 0x0");
	p11_log_close();
	p11_lock();
	set_state(P11_OFF);
	p11_unlock();
	return CKR_OK;
}
