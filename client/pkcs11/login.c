/* login.c - who uses a token: the partition's user, with the PIN. It is kept nowhere. */
#include "client/pkcs11/module.h"

#define PIN_MAX 32

void p11_logged_out(struct p11_slot *slot)
{
	slot->logged_in = false;
	slot->logouts++;
	p11_objects_clear(slot, false);
}

static bool is_logged_in(struct p11_slot *slot)
{
	bool in;

	p11_lock();
	in = slot->logged_in;
	p11_unlock();
	return in;
}

/* Somebody may have logged in again since: that must not be undone. */
void p11_tell_logout(struct p11_slot *slot)
{
	struct hl_logout request = { 0 };

	pthread_mutex_lock(&slot->door);
	if (!is_logged_in(slot) && p11_ask_done(slot, &hl_msg_logout, &request) != CKR_OK)
		p11.wire->close(slot->wire);
	pthread_mutex_unlock(&slot->door);
}

/* -- login ------------------------------------------------------------------------------------------------------------- */

/* `key`: for one use of it; 0: for all. */
static CK_RV ask_login(struct p11_slot *slot, struct hl_bytes pin, uint64_t key)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_login request = { .pin = pin, .key = key };
	struct hl_logged_in reply;

	return p11_ask(slot, &hl_msg_login, &request, &hl_msg_logged_in, &reply, &call);
}

/* From here on the link, and whatever link comes after it, is logged in by itself. */
static CK_RV log_in(struct p11_slot *slot, struct hl_bytes pin)
{
	P11_TRY(ask_login(slot, pin, 0));
	p11_lock();
	slot->logged_in = true;
	p11_unlock();
	return CKR_OK;
}

static CK_RV check_pin(const CK_UTF8CHAR *pin, CK_ULONG n)
{
	if (!p11_bytes_ok(pin, n) || !pin)
		return CKR_ARGUMENTS_BAD;
	if (n > PIN_MAX)
		return CKR_PIN_LEN_RANGE;
	return n == 0 ? CKR_PIN_INCORRECT : CKR_OK;
}

static CK_RV login_user(struct p11_session *s, struct hl_bytes pin)
{
	CK_RV rv;

	P11_TRY(check_pin(pin.p, pin.n));
	pthread_mutex_lock(&s->slot->door);
	rv = is_logged_in(s->slot) ? CKR_USER_ALREADY_LOGGED_IN : log_in(s->slot, pin);
	pthread_mutex_unlock(&s->slot->door);
	return rv;
}

/* Security officers work at the HSM itself; what the state of the sessions forbids is told first. */
static CK_RV login_officer(struct p11_session *s, struct hl_bytes pin)
{
	bool reads;

	(void)pin;
	if (is_logged_in(s->slot))
		return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	p11_lock();
	reads = s->slot->sessions > s->slot->writers;
	p11_unlock();
	return reads ? CKR_SESSION_READ_ONLY_EXISTS : CKR_FUNCTION_NOT_SUPPORTED;
}

/* For one use of a key that wants the PIN each time. One that is wrong leaves the login as it was. */
static CK_RV login_for_key(struct p11_session *s, struct hl_bytes pin)
{
	struct p11_operation *waits = NULL;

	for (int kind = 0; kind < P11_KINDS; kind++)
		if (p11_operation_is_active(s, (enum p11_kind)kind) && s->op[kind].facts.always_authenticate &&
			!s->op[kind].authenticated)
			waits = &s->op[kind];
	if (!waits)
		return CKR_OPERATION_NOT_INITIALIZED;
	P11_TRY(check_pin(pin.p, pin.n));
	P11_TRY(ask_login(s->slot, pin, waits->remote));
	waits->authenticated = true;
	return CKR_OK;
}

CK_RV p11_Login(CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen)
{
	static CK_RV (*const login[])(struct p11_session *s, struct hl_bytes pin) = {
		[CKU_SO] = login_officer,
		[CKU_USER] = login_user,
		[CKU_CONTEXT_SPECIFIC] = login_for_key,
	};
	P11_SESSION(s, hSession);

	if (userType >= HL_COUNT(login))
		return CKR_USER_TYPE_INVALID;
	return login[userType](s, hl_bytes(pPin, ulPinLen));
}

/* A partition has one user, and no name is asked for; one that is given must be empty. */
CK_RV p11_LoginUser(CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen,
	CK_UTF8CHAR_PTR pUsername, CK_ULONG ulUsernameLen)
{
	{
		P11_SESSION(s, hSession);

		if (!p11_bytes_ok(pUsername, ulUsernameLen))
			return CKR_ARGUMENTS_BAD;
		if (ulUsernameLen > 0)
			return CKR_USER_TYPE_INVALID;
	}
	return p11_Login(hSession, userType, pPin, ulPinLen);
}

CK_RV p11_Logout(CK_SESSION_HANDLE hSession)
{
	P11_SESSION(s, hSession);
	bool was_in;

	p11_lock();
	was_in = s->slot->logged_in;
	if (was_in)
		p11_logged_out(s->slot);
	p11_unlock();
	if (!was_in)
		return CKR_USER_NOT_LOGGED_IN;
	p11_tell_logout(s->slot);
	return CKR_OK;
}

/* -- PINs are set by the security officer, at the HSM ---------------------------------------------------------------------- */

CK_RV p11_InitPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen)
{
	P11_SESSION(s, hSession);
	return p11_bytes_ok(pPin, ulPinLen) ? CKR_FUNCTION_NOT_SUPPORTED : CKR_ARGUMENTS_BAD;
}

CK_RV p11_SetPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pOldPin, CK_ULONG ulOldLen, CK_UTF8CHAR_PTR pNewPin,
	CK_ULONG ulNewLen)
{
	P11_SESSION(s, hSession);

	if (!p11_session_writes(s))
		return CKR_SESSION_READ_ONLY;
	return p11_bytes_ok(pOldPin, ulOldLen) && p11_bytes_ok(pNewPin, ulNewLen) ? CKR_FUNCTION_NOT_SUPPORTED
										  : CKR_ARGUMENTS_BAD;
}
