/* login.c - who uses a token: the partition's user, or in the lab profile its security officer, with the PIN. It is kept
 * nowhere. */
#include "client/pkcs11/module.h"

#define PIN_MAX 32

void p11_logged_out(struct p11_slot *slot)
{
	slot->logged_in = slot->officer = false;
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
static CK_RV ask_login(struct p11_slot *slot, struct hl_bytes pin, CK_USER_TYPE type, uint64_t key)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_login request = { .pin = pin, .role = type == CKU_SO, .key = key };
	struct hl_logged_in reply;

	return p11_ask(slot, &hl_msg_login, &request, &hl_msg_logged_in, &reply, &call);
}

CK_RV p11_check_pin(const CK_UTF8CHAR *pin, CK_ULONG n)
{
	if (!p11_bytes_ok(pin, n) || !pin)
		return CKR_ARGUMENTS_BAD;
	if (n > PIN_MAX)
		return CKR_PIN_LEN_RANGE;
	return n == 0 ? CKR_PIN_INCORRECT : CKR_OK;
}

/* What the state of the sessions forbids. Under the lock. */
static CK_RV may_log_in(const struct p11_slot *slot, CK_USER_TYPE type)
{
	if (slot->logged_in)
		return slot->officer == (type == CKU_SO) ? CKR_USER_ALREADY_LOGGED_IN : CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	return type == CKU_SO && slot->sessions > slot->writers ? CKR_SESSION_READ_ONLY_EXISTS : CKR_OK;
}

static CK_RV check_state(struct p11_slot *slot, CK_USER_TYPE type)
{
	CK_RV rv;

	p11_lock();
	rv = may_log_in(slot, type);
	p11_unlock();
	return rv;
}

/* From here on the link, and whatever link comes after it, is logged in by itself. Meanwhile a session that only reads may
 * have been opened, or this one closed, maybe as the last: then the HSM is told that nobody is in. */
static CK_RV log_in(struct p11_session *s, struct hl_bytes pin, CK_USER_TYPE type)
{
	struct p11_slot *slot = s->slot;
	struct hl_logout undo = { 0 };
	CK_RV rv;

	P11_TRY(check_state(slot, type));
	P11_TRY(ask_login(slot, pin, type, 0));
	p11_lock();
	rv = s->closed ? CKR_SESSION_CLOSED : may_log_in(slot, type);
	if (rv == CKR_OK) {
		slot->logged_in = true;
		slot->officer = type == CKU_SO;
	}
	p11_unlock();
	if (rv != CKR_OK && p11_ask_done(slot, &hl_msg_logout, &undo) != CKR_OK)
		p11.wire->close(slot->wire);
	return rv;
}

static CK_RV login_as(struct p11_session *s, struct hl_bytes pin, CK_USER_TYPE type)
{
	CK_RV rv;

	P11_TRY(p11_check_pin(pin.p, pin.n));
	pthread_mutex_lock(&s->slot->door);
	rv = log_in(s, pin, type);
	pthread_mutex_unlock(&s->slot->door);
	return rv;
}

static CK_RV login_user(struct p11_session *s, struct hl_bytes pin)
{
	return login_as(s, pin, CKU_USER);
}

/* In the faithful profile security officers work at the HSM itself, which says so. */
static CK_RV login_officer(struct p11_session *s, struct hl_bytes pin)
{
	return login_as(s, pin, CKU_SO);
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
	P11_TRY(p11_check_pin(pin.p, pin.n));
	P11_TRY(ask_login(s->slot, pin, CKU_USER, waits->remote));
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

/* -- PINs: in the lab profile only, as the HSM says ------------------------------------------------------------------------- */

CK_RV p11_InitPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen)
{
	struct hl_pin_init request = { .fresh = hl_bytes(pPin, ulPinLen) };
	P11_SESSION(s, hSession);

	if (!p11_bytes_ok(pPin, ulPinLen) || !pPin)
		return CKR_ARGUMENTS_BAD;
	if (ulPinLen > PIN_MAX)
		return CKR_PIN_LEN_RANGE;
	return p11_ask_done(s->slot, &hl_msg_pin_init, &request);
}

/* PKCS #11 v3.0, 5.6.3: "modifies the PIN of the user that is currently logged in, or the CKU_USER PIN if the session is
 * not logged in". */
static CK_RV ask_set(struct p11_slot *slot, struct hl_bytes old, struct hl_bytes fresh)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_pin_set request = { .pin = old, .fresh = fresh };
	struct hl_logged_in reply;

	p11_lock();
	request.role = slot->officer;
	p11_unlock();
	return p11_ask(slot, &hl_msg_pin_set, &request, &hl_msg_logged_in, &reply, &call);
}

CK_RV p11_SetPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pOldPin, CK_ULONG ulOldLen, CK_UTF8CHAR_PTR pNewPin,
	CK_ULONG ulNewLen)
{
	P11_SESSION(s, hSession);
	CK_RV rv;

	if (!p11_session_writes(s))
		return CKR_SESSION_READ_ONLY;
	if (!p11_bytes_ok(pNewPin, ulNewLen) || !pNewPin)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_check_pin(pOldPin, ulOldLen));
	if (ulNewLen > PIN_MAX)
		return CKR_PIN_LEN_RANGE;
	pthread_mutex_lock(&s->slot->door); /* nobody logs in or out meanwhile: the answer may bring a login's new ticket */
	rv = ask_set(s->slot, hl_bytes(pOldPin, ulOldLen), hl_bytes(pNewPin, ulNewLen));
	pthread_mutex_unlock(&s->slot->door);
	return rv;
}
