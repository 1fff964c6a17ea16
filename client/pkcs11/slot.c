#include "client/pkcs11/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/pkcs11/text.h"

#define PIN_MIN_LAB 4 /* of PINs that are set here; elsewhere they come as they are */
#define PIN_MAX 32

CK_RV p11_slot_of(CK_SLOT_ID id, struct p11_slot **out)
{
	for (size_t i = 0; i < p11.slots; i++) {
		if (p11.slot[i].id == id) {
			*out = &p11.slot[i];
			return CKR_OK;
		}
	}
	return CKR_SLOT_ID_INVALID;
}

void p11_slot_clear(struct p11_slot *slot)
{
	p11_objects_clear(slot, true);
	hl_map_clear(&slot->objects);
	hl_map_clear(&slot->handles);
	free(slot->mechanism);
	pthread_mutex_destroy(&slot->door);
}

/* -- slots -------------------------------------------------------------------------------------------------------- */

/* Every slot has its token, present or not: whether it can be reached is for the call that needs it. */
CK_RV p11_GetSlotList(CK_BBOOL tokenPresent, CK_SLOT_ID_PTR pSlotList, CK_ULONG_PTR pulCount)
{
	CK_ULONG room;

	(void)tokenPresent;
	if (!pulCount)
		return CKR_ARGUMENTS_BAD;
	room = *pulCount;
	*pulCount = p11.slots;
	if (!pSlotList)
		return CKR_OK;
	if (room < p11.slots)
		return CKR_BUFFER_TOO_SMALL;
	for (size_t i = 0; i < p11.slots; i++)
		pSlotList[i] = p11.slot[i].id;
	return CKR_OK;
}

void p11_slot_note(struct p11_slot *slot, const struct hl_info_answer *answer)
{
	p11_lock();
	slot->ready = !answer->blank;
	p11_unlock();
}

CK_RV p11_slot_info(struct p11_slot *slot, struct hl_info_answer *answer, struct client_call *call)
{
	struct hl_info request = { 0 };

	P11_TRY(p11_ask(slot, &hl_msg_info, &request, &hl_msg_info_answer, answer, call));
	p11_slot_note(slot, answer);
	return CKR_OK;
}

static CK_VERSION hsm_version(const struct hl_info_answer *a)
{
	char text[HL_NAME_TEXT + 1] = "";

	return hl_bytes_str(a->version, text, sizeof text) == HL_OK ? p11_version(text) : (CK_VERSION){ 0, 0 };
}

CK_RV p11_GetSlotInfo(CK_SLOT_ID slotID, CK_SLOT_INFO_PTR pInfo)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_info_answer answer;
	struct p11_slot *slot;

	P11_TRY(p11_slot_of(slotID, &slot));
	if (!pInfo)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_slot_info(slot, &answer, &call));
	*pInfo = (CK_SLOT_INFO){ .flags = CKF_TOKEN_PRESENT | CKF_HW_SLOT };
	p11_pad(pInfo->slotDescription, sizeof pInfo->slotDescription, slot->partition);
	p11_pad(pInfo->manufacturerID, sizeof pInfo->manufacturerID, P11_MAKER);
	pInfo->hardwareVersion = hsm_version(&answer);
	pInfo->firmwareVersion = p11_version(VERSION);
	return CKR_OK;
}

/* Tokens neither come nor go, so who waits for that waits until C_Finalize. */
CK_RV p11_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID_PTR pSlot, CK_VOID_PTR pReserved)
{
	if (!pSlot || pReserved)
		return CKR_ARGUMENTS_BAD;
	if (flags & CKF_DONT_BLOCK)
		return CKR_NO_EVENT;
	p11_lock();
	while (p11.state == P11_ON)
		pthread_cond_wait(&p11.change, &p11.lock);
	p11_unlock();
	return CKR_CRYPTOKI_NOT_INITIALIZED;
}

/* -- tokens ---------------------------------------------------------------------------------------------------------- */

#define TOKEN_FLAGS \
	(CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_RESTORE_KEY_NOT_NEEDED | CKF_CLOCK_ON_TOKEN | \
		CKF_SECONDARY_AUTHENTICATION)

static CK_FLAGS user_flags(const struct hl_info_answer *a)
{
	return CKF_USER_PIN_INITIALIZED | (a->pin_failed ? CKF_USER_PIN_COUNT_LOW : 0) |
		(a->pin_left == 1 ? CKF_USER_PIN_FINAL_TRY : 0) | (a->pin_left == 0 ? CKF_USER_PIN_LOCKED : 0);
}

static CK_FLAGS officer_flags(const struct hl_info_answer *a)
{
	return (a->officer_failed ? CKF_SO_PIN_COUNT_LOW : 0) | (a->officer_left == 1 ? CKF_SO_PIN_FINAL_TRY : 0) |
		(a->officer_left == 0 ? CKF_SO_PIN_LOCKED : 0);
}

static CK_FLAGS token_flags(const struct hl_info_answer *a)
{
	CK_FLAGS flags = TOKEN_FLAGS;

	if (a->blank)
		return flags & ~(CK_FLAGS)CKF_TOKEN_INITIALIZED;
	if (a->pin_set)
		flags |= user_flags(a);
	return a->lab ? flags | officer_flags(a) : flags;
}

/* A lab token has a label of its own, which may be empty; any other is named as its partition. */
static void put_label(const struct p11_slot *slot, const struct hl_info_answer *a, CK_TOKEN_INFO *out)
{
	p11_pad(out->label, sizeof out->label, a->lab ? "" : slot->partition);
	if (a->lab && a->label.n > 0)
		memcpy(out->label, a->label.p, a->label.n);
}

static void put_time(CK_CHAR out[16], uint64_t time_ms)
{
	time_t s = (time_t)(time_ms / 1000);
	struct tm t;
	char text[64];

	gmtime_r(&s, &t);
	snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02d00", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
		t.tm_min, t.tm_sec);
	p11_pad(out, 16, text);
}

static void put_counts(const struct p11_slot *slot, const struct hl_info_answer *a, CK_TOKEN_INFO *out)
{
	out->ulMaxSessionCount = out->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	out->ulTotalPublicMemory = out->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	out->ulTotalPrivateMemory = out->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	out->ulMinPinLen = a->lab ? PIN_MIN_LAB : 0;
	out->ulMaxPinLen = PIN_MAX;
	p11_lock();
	out->ulSessionCount = slot->sessions;
	out->ulRwSessionCount = slot->writers;
	p11_unlock();
}

CK_RV p11_GetTokenInfo(CK_SLOT_ID slotID, CK_TOKEN_INFO_PTR pInfo)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_info_answer answer;
	struct p11_slot *slot;
	char serial[17] = "";

	P11_TRY(p11_slot_of(slotID, &slot));
	if (!pInfo)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_slot_info(slot, &answer, &call));
	*pInfo = (CK_TOKEN_INFO){ .flags = token_flags(&answer) };
	put_label(slot, &answer, pInfo);
	p11_pad(pInfo->manufacturerID, sizeof pInfo->manufacturerID, P11_MAKER);
	p11_pad(pInfo->model, sizeof pInfo->model, P11_MODEL);
	if (hl_bytes_str(answer.serial, serial, sizeof serial) != HL_OK)
		return CKR_DEVICE_ERROR;
	p11_pad(pInfo->serialNumber, sizeof pInfo->serialNumber, serial);
	pInfo->hardwareVersion = hsm_version(&answer);
	pInfo->firmwareVersion = p11_version(VERSION);
	put_time(pInfo->utcTime, answer.time_ms);
	put_counts(slot, &answer, pInfo);
	return CKR_OK;
}

/* The faithful profile: tokens come initialised, and what a security officer does is done elsewhere. */
static CK_RV may_init(struct p11_slot *slot)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_info_answer answer;
	bool in_use;

	P11_TRY(p11_slot_info(slot, &answer, &call));
	p11_lock();
	in_use = slot->sessions > 0;
	p11_unlock();
	if (!answer.lab)
		return CKR_FUNCTION_NOT_SUPPORTED;
	return in_use ? CKR_SESSION_EXISTS : CKR_OK;
}

/* PKCS #11 v3.0, 5.5.7: the label "must be padded with blank characters, and which must not be null-terminated". */
static struct hl_bytes label_of(const CK_UTF8CHAR *label)
{
	size_t n = HL_LABEL;

	while (n > 0 && label[n - 1] == ' ')
		n--;
	return hl_bytes(label, n);
}

CK_RV p11_InitToken(CK_SLOT_ID slotID, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen, CK_UTF8CHAR_PTR pLabel)
{
	struct p11_slot *slot;
	struct hl_token_init request = { .pin = hl_bytes(pPin, ulPinLen) };

	P11_TRY(p11_slot_of(slotID, &slot));
	if (!p11_bytes_ok(pPin, ulPinLen) || !pLabel)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(may_init(slot));
	P11_TRY(p11_check_pin(pPin, ulPinLen));
	request.label = label_of(pLabel);
	return p11_ask_done(slot, &hl_msg_token_init, &request);
}

/* -- mechanisms ----------------------------------------------------------------------------------------------------------- */

/* What the HSM offers and we can ask for: a parameter that we do not know could not be carried. */
static CK_RV take_mechanisms(const struct hl_list *list, struct hl_mechanism **out, size_t *n)
{
	struct hl_mechanism *all = calloc(list->count + 1, sizeof *all);
	struct hl_bytes at = list->raw;

	if (!all)
		return CKR_HOST_MEMORY;
	*n = 0;
	while (*n < list->count && hl_list_next(&hl_msg_mechanism, &at, &all[*n]))
		if (p11_mechanism(all[*n].number))
			(*n)++;
	*out = all;
	return CKR_OK;
}

static CK_RV ask_mechanisms(struct p11_slot *slot)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_mechanisms request = { 0 };
	struct hl_mechanisms_answer answer;
	struct hl_mechanism *all;
	size_t n;

	P11_TRY(p11_ask(slot, &hl_msg_mechanisms, &request, &hl_msg_mechanisms_answer, &answer, &call));
	P11_TRY(take_mechanisms(&answer.mechanisms, &all, &n));
	p11_lock();
	if (!slot->mechanism) {
		slot->mechanisms = n;
		slot->mechanism = hl_take(all);
	}
	p11_unlock();
	free(all);
	return CKR_OK;
}

/* They stay as they are until C_Finalize. */
static CK_RV need_mechanisms(struct p11_slot *slot)
{
	bool known;

	p11_lock();
	known = slot->mechanism != NULL;
	p11_unlock();
	return known ? CKR_OK : ask_mechanisms(slot);
}

CK_RV p11_GetMechanismList(CK_SLOT_ID slotID, CK_MECHANISM_TYPE_PTR pMechanismList, CK_ULONG_PTR pulCount)
{
	struct p11_slot *slot;
	size_t digests;
	const struct p11_digest *digest = p11_digests(&digests);
	CK_ULONG room;

	P11_TRY(p11_slot_of(slotID, &slot));
	if (!pulCount)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(need_mechanisms(slot));
	room = *pulCount;
	*pulCount = slot->mechanisms + digests;
	if (!pMechanismList)
		return CKR_OK;
	if (room < *pulCount)
		return CKR_BUFFER_TOO_SMALL;
	for (size_t i = 0; i < slot->mechanisms; i++)
		pMechanismList[i] = slot->mechanism[i].number;
	for (size_t i = 0; i < digests; i++)
		pMechanismList[slot->mechanisms + i] = digest[i].type;
	return CKR_OK;
}

/* Messages of version 3.0 are made of the same requests. Those that are signed have one parameter, that of the Init. */
static CK_FLAGS with_messages(CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
	static const struct {
		CK_FLAGS one, message;
	} twins[] = {
		{ CKF_ENCRYPT, CKF_MESSAGE_ENCRYPT | CKF_MULTI_MESSAGE },
		{ CKF_DECRYPT, CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE },
		{ CKF_SIGN, CKF_MESSAGE_SIGN | CKF_MULTI_MESSAGE },
		{ CKF_VERIFY, CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE },
	};
	CK_FLAGS all = flags;

	for (size_t i = 0; i < HL_COUNT(twins); i++)
		if (flags & twins[i].one && !p11_mechanism(type)->once)
			all |= twins[i].message;
	return all;
}

CK_RV p11_slot_mechanism(struct p11_slot *slot, CK_MECHANISM_TYPE type, CK_FLAGS flags, CK_MECHANISM_INFO *out)
{
	*out = (CK_MECHANISM_INFO){ .flags = p11_digest(type) ? CKF_DIGEST : 0 };
	if (out->flags)
		return (out->flags & flags) == flags ? CKR_OK : CKR_MECHANISM_INVALID;
	P11_TRY(need_mechanisms(slot));
	for (size_t i = 0; i < slot->mechanisms; i++) {
		const struct hl_mechanism *m = &slot->mechanism[i];

		if (m->number != type)
			continue;
		out->ulMinKeySize = m->min;
		out->ulMaxKeySize = m->max;
		out->flags = CKF_HW | with_messages(type, m->flags);
		return (out->flags & flags) == flags ? CKR_OK : CKR_MECHANISM_INVALID;
	}
	return CKR_MECHANISM_INVALID;
}

CK_RV p11_GetMechanismInfo(CK_SLOT_ID slotID, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR pInfo)
{
	struct p11_slot *slot;
	CK_MECHANISM_INFO info;

	P11_TRY(p11_slot_of(slotID, &slot));
	if (!pInfo)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_slot_mechanism(slot, type, 0, &info));
	*pInfo = info;
	return CKR_OK;
}
