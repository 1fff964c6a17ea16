/* change.c - what can be said of a change before any store is asked. */
#include "directory/store.h"

/* An array of `size` bytes that holds a C string of at least one byte. */
static hl_err text_check(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	return n > 0 && n < size ? HL_OK : HL_E_ARG;
}

/* A name given by pointer; NULL is a part that is left alone. */
static hl_err name_check(const char *name)
{
	return name ? text_check(name, HL_NAME_TEXT + 1) : HL_OK;
}

static hl_err user_check(const struct dir_user *u)
{
	HL_TRY(text_check(u->name, sizeof u->name));
	return text_check(u->tenant, sizeof u->tenant);
}

static hl_err partition_check(const struct dir_partition *p)
{
	HL_TRY(text_check(p->name, sizeof p->name));
	HL_TRY(text_check(p->tenant, sizeof p->tenant));
	HL_TRY(text_check(p->user, sizeof p->user));
	HL_TRY(text_check(p->package, sizeof p->package));
	HL_TRY(text_check(p->cluster, sizeof p->cluster));
	return p->maker[0] ? text_check(p->maker, sizeof p->maker) : HL_OK;
}

hl_err dir_change_check(const struct dir_change *c)
{
	HL_TRY(name_check(c->add_tenant));
	if (c->add_user)
		HL_TRY(user_check(c->add_user));
	if (c->add_partition)
		HL_TRY(partition_check(c->add_partition));
	HL_TRY(name_check(c->allow_user));
	if (c->allows > 0 && (!c->allow_user || !c->allow))
		return HL_E_ARG;
	for (size_t i = 0; i < c->allows; i++)
		HL_TRY(dir_range_check(
			hl_bytes(c->allow[i], strnlen(c->allow[i], DIR_RANGE_TEXT))));
	HL_TRY(name_check(c->settle_partition));
	HL_TRY(name_check(c->drop_partition));
	return name_check(c->drop_user);
}

/* The address is kept as text, so it must be one that comes back from text. */
static hl_err address_check(const struct hl_addr *a)
{
	return a->family == HL_INET || a->family == HL_INET6 ? HL_OK : HL_E_ARG;
}

hl_err dir_members_check(const char *group, const struct dir_member *member, size_t n)
{
	/* A pool is a DNS name, longer than the other names. */
	HL_TRY(text_check(group, HL_NAME_MAX + 1));
	for (size_t i = 0; i < n; i++) {
		HL_TRY(text_check(member[i].name, sizeof member[i].name));
		HL_TRY(address_check(&member[i].address));
	}
	return HL_OK;
}
