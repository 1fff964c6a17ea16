#include "client/pkcs11/module.h"

#include <stdlib.h>

/* -- finding and keeping one ----------------------------------------------------------------------------------------- */

/* The client's core keeps session objects for as long as somebody has a handle of them. */
static void forget(struct p11_slot *slot, struct hl_buf *ended)
{
	uint64_t remote;

	for (; ended->n >= sizeof remote; hl_buf_eat(ended, sizeof remote)) {
		memcpy(&remote, hl_buf_view(ended).p, sizeof remote);
		p11.wire->forget(slot->wire, remote);
	}
	hl_buf_clear(ended);
}

static void session_free(struct p11_session *s)
{
	for (int kind = 0; kind < P11_KINDS; kind++)
		p11_operation_end(&s->op[kind]);
	pthread_mutex_destroy(&s->busy);
	free(s);
}

CK_RV p11_session_take(CK_SESSION_HANDLE handle, struct p11_session **out)
{
	struct p11_session *s;

	p11_lock();
	s = hl_map_get(&p11.sessions, handle);
	if (s)
		s->refs++;
	p11_unlock();
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	pthread_mutex_lock(&s->busy);
	*out = s;
	return CKR_OK;
}

void p11_session_give(struct p11_session **at)
{
	struct hl_buf ended = hl_buf(HL_BUF_MAX);
	struct p11_session *s = *at;
	struct p11_slot *slot;
	bool last;

	if (!s)
		return;
	slot = s->slot; /* who does not give it last does not look at it after that */
	pthread_mutex_unlock(&s->busy);
	p11_lock();
	last = --s->refs == 0 && s->closed;
	if (last) /* it may have made some after it was closed */
		p11_objects_of_session(slot, s->handle, &ended);
	p11_unlock();
	forget(slot, &ended);
	if (last)
		session_free(s);
}

bool p11_session_writes(const struct p11_session *s)
{
	return (s->flags & CKF_RW_SESSION) != 0;
}

bool p11_session_logged_in(const struct p11_session *s)
{
	bool in;

	p11_lock();
	in = s->slot->logged_in && !s->slot->officer;
	p11_unlock();
	return in;
}

/* -- opening ------------------------------------------------------------------------------------------------------------ */

/* A security officer works with sessions that write; behind one that only reads nobody could be it. Under the lock. */
static bool is_barred(const struct p11_slot *slot, CK_FLAGS flags)
{
	return slot->officer && !(flags & CKF_RW_SESSION);
}

static CK_RV add_session(struct p11_slot *slot, CK_FLAGS flags, CK_SESSION_HANDLE *out)
{
	struct p11_session *s = calloc(1, sizeof *s);
	hl_err err;
	bool barred;

	if (!s || pthread_mutex_init(&s->busy, NULL) != 0) {
		free(s);
		return CKR_HOST_MEMORY;
	}
	s->slot = slot;
	s->flags = flags & (CKF_SERIAL_SESSION | CKF_RW_SESSION);
	p11_lock();
	s->handle = p11_new_handle();
	barred = is_barred(slot, flags);
	err = barred ? HL_E_DEFER : hl_map_put(&p11.sessions, s->handle, s);
	if (err == HL_OK) {
		slot->sessions++;
		slot->writers += p11_session_writes(s) ? 1 : 0;
		*out = s->handle;
	}
	p11_unlock();
	if (err == HL_OK)
		return CKR_OK;
	session_free(s);
	return barred ? CKR_SESSION_READ_WRITE_SO_EXISTS : CKR_HOST_MEMORY;
}

static bool is_ready(struct p11_slot *slot)
{
	bool ready;

	p11_lock();
	ready = slot->ready;
	p11_unlock();
	return ready;
}

/* On an open connection nothing is sent, once the token is known to be initialised. */
static CK_RV need_token(struct p11_slot *slot)
{
	static const uint8_t none[HL_CONNECTION_ID];
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_info_answer answer;
	uint8_t id[HL_CONNECTION_ID] = { 0 };

	if (slot->wire)
		p11.wire->connection(slot->wire, id);
	if (memcmp(id, none, sizeof id) != 0 && is_ready(slot))
		return CKR_OK;
	P11_TRY(p11_slot_info(slot, &answer, &call));
	return answer.blank ? CKR_TOKEN_NOT_RECOGNIZED : CKR_OK;
}

CK_RV p11_OpenSession(CK_SLOT_ID slotID, CK_FLAGS flags, CK_VOID_PTR pApplication, CK_NOTIFY Notify,
	CK_SESSION_HANDLE_PTR phSession)
{
	struct p11_slot *slot;

	(void)pApplication, (void)Notify; /* nothing here calls back */
	P11_TRY(p11_slot_of(slotID, &slot));
	if (!phSession)
		return CKR_ARGUMENTS_BAD;
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	P11_TRY(need_token(slot));
	return add_session(slot, flags, phSession);
}

/* -- closing ------------------------------------------------------------------------------------------------------------- */

/* Under the lock; true: nobody holds it any more, so it is the caller's to free. `ended`: its objects. */
static bool take_out(struct p11_session *s, struct hl_buf *ended)
{
	struct p11_slot *slot = s->slot;

	p11_objects_of_session(slot, s->handle, ended);
	hl_map_take(&p11.sessions, s->handle);
	s->closed = true;
	slot->writers -= p11_session_writes(s) ? 1 : 0;
	slot->sessions--;
	return s->refs == 0;
}

/* A login belongs to the application's sessions at this token and ends with the last of them. Under the lock; true: the
 * HSM is to be told. */
static bool last_is_gone(struct p11_slot *slot)
{
	if (slot->sessions > 0 || !slot->logged_in)
		return false;
	p11_logged_out(slot);
	return true;
}

CK_RV p11_CloseSession(CK_SESSION_HANDLE hSession)
{
	struct p11_session *s;
	struct hl_buf ended = hl_buf(HL_BUF_MAX);
	struct p11_slot *slot = NULL;
	bool ours = false, tell = false;

	p11_lock();
	s = hl_map_get(&p11.sessions, hSession);
	if (s) {
		slot = s->slot;
		ours = take_out(s, &ended);
		tell = last_is_gone(slot);
	}
	p11_unlock();
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	forget(slot, &ended);
	if (ours)
		session_free(s);
	if (tell)
		p11_tell_logout(slot);
	return CKR_OK;
}

/* The next session of the slot, or of any. Under the lock. */
static struct p11_session *next_of(const struct p11_slot *slot)
{
	struct p11_session *s;
	size_t at = 0;

	while ((s = hl_map_next(&p11.sessions, &at)) != NULL)
		if (!slot || s->slot == slot)
			return s;
	return NULL;
}

void p11_sessions_close(struct p11_slot *slot)
{
	struct p11_session *s;

	do {
		struct hl_buf ended = hl_buf(HL_BUF_MAX);
		struct p11_slot *of = NULL;
		bool ours = false;

		p11_lock();
		s = next_of(slot);
		if (s) {
			of = s->slot;
			ours = take_out(s, &ended);
		}
		p11_unlock();
		forget(of, &ended);
		if (ours)
			session_free(s);
	} while (s);
}

CK_RV p11_CloseAllSessions(CK_SLOT_ID slotID)
{
	struct p11_slot *slot;
	bool tell;

	P11_TRY(p11_slot_of(slotID, &slot));
	p11_sessions_close(slot);
	p11_lock();
	tell = last_is_gone(slot);
	p11_unlock();
	if (tell)
		p11_tell_logout(slot);
	return CKR_OK;
}

static bool is_officers(struct p11_slot *slot)
{
	bool officer;

	p11_lock();
	officer = slot->officer;
	p11_unlock();
	return officer;
}

CK_RV p11_GetSessionInfo(CK_SESSION_HANDLE hSession, CK_SESSION_INFO_PTR pInfo)
{
	P11_SESSION(s, hSession);
	bool writes = p11_session_writes(s);

	if (!pInfo)
		return CKR_ARGUMENTS_BAD;
	*pInfo = (CK_SESSION_INFO){ .slotID = s->slot->id, .flags = s->flags };
	if (is_officers(s->slot))
		pInfo->state = CKS_RW_SO_FUNCTIONS;
	else if (p11_session_logged_in(s))
		pInfo->state = writes ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	else
		pInfo->state = writes ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
	return CKR_OK;
}

/* Functions of an age when calls could run in parallel. */
CK_RV p11_GetFunctionStatus(CK_SESSION_HANDLE hSession)
{
	P11_SESSION(s, hSession);
	return CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV p11_CancelFunction(CK_SESSION_HANDLE hSession)
{
	P11_SESSION(s, hSession);
	return CKR_FUNCTION_NOT_PARALLEL;
}

/* Each flag ends what its Init began. */
CK_RV p11_SessionCancel(CK_SESSION_HANDLE hSession, CK_FLAGS flags)
{
	static const struct {
		CK_FLAGS flag;
		enum p11_kind kind;
	} ends[] = {
		{ CKF_FIND_OBJECTS, P11_FIND },
		{ CKF_DIGEST, P11_DIGEST },
		{ CKF_SIGN, P11_SIGN },
		{ CKF_VERIFY, P11_VERIFY },
		{ CKF_ENCRYPT, P11_ENCRYPT },
		{ CKF_DECRYPT, P11_DECRYPT },
		{ CKF_MESSAGE_SIGN, P11_MESSAGE_SIGN },
		{ CKF_MESSAGE_VERIFY, P11_MESSAGE_VERIFY },
		{ CKF_MESSAGE_ENCRYPT, P11_MESSAGE_ENCRYPT },
		{ CKF_MESSAGE_DECRYPT, P11_MESSAGE_DECRYPT },
	};
	P11_SESSION(s, hSession);

	for (size_t i = 0; i < HL_COUNT(ends); i++)
		if (flags & ends[i].flag)
			p11_operation_end(&s->op[ends[i].kind]);
	return CKR_OK;
}
