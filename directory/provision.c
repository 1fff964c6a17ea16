/* provision.c - a new tenant: rows in the store, a partition at an HSM, two credential files.
 *
 *	check > make the verifier > commit the rows > partition.make > deliver the files > settle the rows > answer
 *
 * The passwords exist here from partition.made until the files are delivered, then they are wiped:
 * the directory keeps the verifier only. Where a later stage fails, files and rows are taken back. Until they are
 * settled the rows name the directory that is at it, which takes them back at its next start: a partition whose
 * files nobody got would only be in the way. */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "directory/rooms.h"
#include "lib/auth/credential.h"
#include "lib/auth/scram.h"
#include "lib/auth/setup.h"

enum stage { ADDING, MAKING, DELIVERING, SETTLING, WITHDRAWING, TAKING_BACK };

struct dir_provision {
	struct dir_provision *next;
	struct dir *dir;
	enum stage stage;
	struct dir_conn *admin; /* NULL: whoever asked is gone; it is finished all the same */
	uint32_t admin_id;      /* request id there */
	struct dir_conn *hsm;   /* MAKING: who was asked */
	uint32_t hsm_id;
	int64_t deadline_us;    /* MAKING: an HSM that does not answer ends it */
	char tenant[HL_NAME_TEXT + 1];
	bool pkcs11;
	uint8_t profile;
	struct dir_user user;
	struct dir_partition partition;
	char (*allow)[DIR_RANGE_TEXT];
	size_t allows;
	char setup_fixed[65], pin_fixed[33]; /* lab worlds */
	uint8_t label[HL_LABEL];
	size_t label_n;
	struct hl_credential service, hsm_user;
	struct dir_change change;
	struct dir_commit commit;
	struct dir_delivery delivery;
	hl_err failure; /* WITHDRAWING, TAKING_BACK: what is told afterwards */
	const char *detail;
};

/* The service packages that differ here: by when the setup password's life begins. */
static const struct package {
	const char *name;
	uint8_t life_from_issue;
} packages[] = { { "SBX", 0 }, { "ECO", 0 }, { "ECO-CC", 1 }, { "PLATINUM", 0 } };

static const struct package *package_of(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(packages); i++)
		if (strcmp(packages[i].name, name) == 0)
			return &packages[i];
	return NULL;
}

static void provision_free(struct dir_provision *p)
{
	for (struct dir_provision **at = &p->dir->provision; *at; at = &(*at)->next) {
		if (*at != p)
			continue;
		*at = p->next;
		break;
	}
	hl_credential_clear(&p->service);
	hl_credential_clear(&p->hsm_user);
	for (size_t i = 0; i < HL_COUNT(p->delivery.file); i++)
		hl_buf_clear(&p->delivery.file[i].text);
	free(p->allow);
	OPENSSL_cleanse(p, sizeof *p);
	free(p);
}

/* -- the end, good or bad ------------------------------------------------------------------------ */

static void fail(struct dir_provision *p, hl_err err, const char *detail)
{
	hl_trace_life(p->dir->env, "provision.failed", err, p->partition.name);
	if (p->admin)
		dir_refuse(p->admin, p->admin_id, err, detail);
	provision_free(p);
}

static void commit(struct dir_provision *p, enum stage stage, const struct dir_change *change)
{
	p->stage = stage;
	p->change = *change;
	p->commit.change = &p->change;
	p->dir->conf.store.ops->prepare(p->dir->conf.store.at, &p->commit);
	hl_submit(p->dir->env, &p->commit.job);
}

static void hand_over(struct dir_provision *p, enum stage stage)
{
	p->stage = stage;
	p->delivery.withdraw = stage == WITHDRAWING;
	p->dir->conf.mailbox.prepare(p->dir->conf.mailbox.at, &p->delivery);
	hl_submit(p->dir->env, &p->delivery.job);
}

static struct dir_change removal(const struct dir_partition *p)
{
	return (struct dir_change){ .drop_partition = p->name, .drop_user = p->user };
}

static void take_back(struct dir_provision *p, hl_err err, const char *detail)
{
	struct dir_change change = removal(&p->partition);

	p->failure = err;
	p->detail = detail;
	commit(p, TAKING_BACK, &change);
}

static void delivered(struct dir_provision *p)
{
	if (p->delivery.result != HL_OK)
		take_back(p, p->delivery.result, "credential files");
	else
		commit(p, SETTLING, &(struct dir_change){ .settle_partition = p->partition.name });
}

static void settled(struct dir_provision *p)
{
	struct hl_provisioned done = {
		.service_file = hl_text(p->delivery.file[0].path),
		.hsm_file = hl_text(p->delivery.file[1].path),
	};

	if (p->commit.result != HL_OK) {
		p->failure = p->commit.result;
		p->detail = p->partition.name;
		hand_over(p, WITHDRAWING);
		return;
	}
	hl_trace_life(p->dir->env, "provision.done", HL_OK, p->partition.name);
	if (p->admin)
		dir_send(p->admin, &hl_msg_provisioned, p->admin_id, &done);
	provision_free(p);
}

/* -- the files ----------------------------------------------------------------------------------- */

static hl_err write_file(struct dir_provision *p, size_t i, struct hl_credential *c, const char *user)
{
	struct dir_delivery *d = &p->delivery;

	d->file[i].text = hl_buf(4096);
	HL_TRY(hl_credential_name(p->tenant, p->partition.package, c->kind, user,
		hl_wall_ms(p->dir->env), d->file[i].name, sizeof d->file[i].name));
	return hl_credential_write(c, &d->file[i].text);
}

static hl_err deliver(struct dir_provision *p, const struct hl_partition_made *made)
{
	struct hl_credential *h = &p->hsm_user;

	h->kind = HL_CREDENTIAL_HSM;
	memcpy(h->partition, p->partition.name, sizeof h->partition);
	HL_TRY(hl_secret_set(&h->setup_password, made->setup_password));
	if (made->pin.n > 0)
		HL_TRY(hl_secret_set(&h->pin, made->pin));
	HL_TRY(write_file(p, 0, &p->service, p->user.name));
	HL_TRY(write_file(p, 1, h, p->partition.name));
	hand_over(p, DELIVERING);
	return HL_OK;
}

/* -- the partition at an HSM --------------------------------------------------------------------- */

static struct dir_up *any_hsm(struct dir *d)
{
	for (size_t i = 0; i < d->members; i++)
		if (d->member[i].role == HL_ROLE_HSM && d->member[i].conn &&
			strcmp(d->member[i].cluster, d->conf.cluster) == 0)
			return &d->member[i];
	return NULL;
}

static void ask_hsm(struct dir_provision *p)
{
	struct dir_up *hsm = any_hsm(p->dir);
	struct hl_partition_make make = {
		.partition = hl_text(p->partition.name),
		.setup_life_ms = DIR_SETUP_LIFE_MS,
		.life_from = package_of(p->partition.package)->life_from_issue,
		.pin_wanted = p->pkcs11,
		.setup_password = hl_text(p->setup_fixed),
		.pin = hl_text(p->pin_fixed),
		.profile = p->profile,
		.label = hl_bytes(p->label, p->label_n),
	};

	if (!hsm) {
		take_back(p, HL_E_HSMS, "no HSM of the cluster is up");
		return;
	}
	p->stage = MAKING;
	p->hsm = hsm->conn;
	p->hsm_id = ++p->dir->next_request;
	p->deadline_us = hl_mono_us(p->dir->env) + DIR_MAKING_US;
	dir_send(p->hsm, &hl_msg_partition_make, p->hsm_id, &make);
}

void dir_provision_answer(struct dir_conn *hsm, const struct hl_frame *f)
{
	struct dir_provision *p = hsm->dir->provision;
	struct hl_partition_made made;
	struct hl_refused no;
	hl_err err;

	while (p && !(p->stage == MAKING && p->hsm == hsm && p->hsm_id == f->id))
		p = p->next;
	if (!p)
		return;
	p->hsm = NULL;
	p->deadline_us = 0;
	if (f->type == HL_T_partition_made) {
		err = hl_msg_get(&hl_msg_partition_made, f, &made);
		if (err == HL_OK)
			err = deliver(p, &made);
	} else {
		err = hl_msg_get(&hl_msg_refused, f, &no);
		if (err == HL_OK)
			err = hl_err_of_wire(no.code);
	}
	if (err != HL_OK)
		take_back(p, err, "the HSM");
}

/* -- the rows ------------------------------------------------------------------------------------ */

static void committed(struct dir_provision *p)
{
	if (p->commit.result != HL_OK)
		fail(p, p->commit.result, p->partition.name);
	else
		ask_hsm(p);
}

static void withdrawn(struct dir_provision *p)
{
	if (p->delivery.result != HL_OK)
		hl_trace_life(p->dir->env, "delivery.left-over", p->delivery.result, p->partition.name);
	take_back(p, p->failure, p->detail);
}

/* Rows that could not be taken back stay until the next start, and an attempt before it says that they exist: let the
 * operator see why. */
static void taken_back(struct dir_provision *p)
{
	if (p->commit.result != HL_OK)
		hl_trace_life(p->dir->env, "provision.left-over", p->commit.result, p->partition.name);
	fail(p, p->failure, p->detail);
}

bool dir_provision_job(struct dir *d, struct hl_job *job)
{
	static void (*const done[])(struct dir_provision *p) = {
		[ADDING] = committed,
		[DELIVERING] = delivered,
		[SETTLING] = settled,
		[WITHDRAWING] = withdrawn,
		[TAKING_BACK] = taken_back,
	};
	struct dir_provision *p = d->provision;

	while (p && job != &p->commit.job && job != &p->delivery.job)
		p = p->next;
	if (!p)
		return false;
	if (done[p->stage])
		done[p->stage](p);
	return true;
}

static hl_err take_allowed(struct dir_provision *p, const struct hl_list *list)
{
	struct hl_bytes at = list->raw;
	struct hl_allowed one;

	p->allow = calloc(list->count + 1, sizeof *p->allow);
	if (!p->allow)
		return HL_E_NOMEM;
	while (p->allows < list->count && hl_list_next(&hl_msg_allowed, &at, &one)) {
		p->detail = "allowed";
		HL_TRY(dir_range_check(one.range));
		HL_TRY(hl_bytes_str(one.range, p->allow[p->allows], sizeof *p->allow));
		p->allows++;
	}
	return HL_OK;
}

/* The password, given or made at random, straight into locked memory. */
static hl_err take_password(struct dir_provision *p, struct hl_bytes fixed)
{
	char text[DIR_SERVICE_PASSWORD + 1] = "";
	hl_err err;

	if (fixed.n > 0)
		return hl_secret_set(&p->service.service_password, fixed);
	hl_random_text(p->dir->env, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		DIR_SERVICE_PASSWORD, text);
	err = hl_secret_set(&p->service.service_password, hl_text(text));
	OPENSSL_cleanse(text, sizeof text);
	return err;
}

static hl_err make_verifier(struct dir_provision *p, struct hl_bytes fixed)
{
	HL_AUTO(hl_scram_keys_clear) struct hl_scram_keys keys = { 0 };
	uint8_t salt[HL_SCRAM_SALT];

	p->detail = "service_password";
	p->service.kind = HL_CREDENTIAL_SERVICE;
	memcpy(p->service.service_user, p->user.name, sizeof p->service.service_user);
	memcpy(p->service.partition, p->partition.name, sizeof p->service.partition);
	HL_TRY(take_password(p, fixed));
	HL_TRY(hl_scram_salt(hl_text(p->dir->conf.realm), hl_text(p->user.name), salt));
	HL_TRY(hl_scram_derive(hl_secret_view(&p->service.service_password),
		hl_bytes(salt, sizeof salt), HL_SCRAM_ITERATIONS, &keys));
	memcpy(p->user.stored, keys.stored, sizeof keys.stored);
	memcpy(p->user.server, keys.server, sizeof keys.server);
	return HL_OK;
}

/* Names go into SCRAM, file names and libconfig strings alike: letters, digits and . _ - only. */
static hl_err take_name(struct dir_provision *p, struct hl_bytes name, char *out, const char *which)
{
	p->detail = which;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (i > 0 && (c == '.' || c == '_' || c == '-'))))
			return HL_E_ARG;
	}
	return hl_bytes_str(name, out, HL_NAME_TEXT + 1);
}

static hl_err take_request(struct dir_provision *p, const struct hl_provision *r)
{
	HL_TRY(take_name(p, r->tenant, p->tenant, "tenant"));
	HL_TRY(take_name(p, r->service_user, p->user.name, "service_user"));
	HL_TRY(take_name(p, r->partition, p->partition.name, "partition"));
	p->detail = "package";
	HL_TRY(hl_bytes_str(r->package, p->partition.package, sizeof p->partition.package));
	if (!package_of(p->partition.package))
		return HL_E_ARG;
	p->pkcs11 = r->pkcs11;
	p->profile = r->profile;
	p->label_n = r->label.n; /* within the message's bounds */
	if (r->label.n > 0)
		memcpy(p->label, r->label.p, r->label.n);
	memcpy(p->user.tenant, p->tenant, sizeof p->user.tenant);
	memcpy(p->partition.tenant, p->tenant, sizeof p->partition.tenant);
	memcpy(p->partition.user, p->user.name, sizeof p->partition.user);
	p->detail = "cluster";
	HL_TRY(hl_bytes_str(hl_text(p->dir->conf.cluster), p->partition.cluster,
		sizeof p->partition.cluster));
	HL_TRY(hl_bytes_str(hl_text(p->dir->conf.name), p->partition.maker, sizeof p->partition.maker));
	p->detail = "setup_password";
	if (r->setup_password.n > 0)
		HL_TRY(hl_setup_check(r->setup_password));
	HL_TRY(hl_bytes_str(r->setup_password, p->setup_fixed, sizeof p->setup_fixed));
	p->detail = "pin";
	HL_TRY(hl_bytes_str(r->pin, p->pin_fixed, sizeof p->pin_fixed));
	HL_TRY(take_allowed(p, &r->allowed));
	return make_verifier(p, r->service_password);
}

void dir_provision(struct dir_conn *admin, const struct hl_frame *f)
{
	struct dir *d = admin->dir;
	struct hl_provision request;
	struct dir_provision *p = calloc(1, sizeof *p);
	hl_err err = p ? hl_msg_get(&hl_msg_provision, f, &request) : HL_E_NOMEM;

	if (!p) {
		dir_refuse(admin, f->id, err, NULL);
		return;
	}
	p->dir = d;
	p->next = d->provision;
	d->provision = p;
	p->admin = admin;
	p->admin_id = f->id;
	if (err == HL_OK)
		err = take_request(p, &request);
	if (err == HL_OK && !any_hsm(d)) {
		p->detail = "no HSM of the cluster is up";
		err = HL_E_HSMS;
	}
	if (err != HL_OK) {
		fail(p, err, p->detail);
		return;
	}
	commit(p, ADDING,
		&(struct dir_change){
			.add_tenant = p->tenant,
			.add_user = &p->user,
			.add_partition = &p->partition,
			.allow_user = p->user.name,
			.allow = (const char (*)[DIR_RANGE_TEXT])p->allow,
			.allows = p->allows,
		});
}

/* -- at start ------------------------------------------------------------------------------------ */

struct left_over {
	const char *maker;
	struct dir_partition partition;
	bool found;
};

static bool look_for(void *at, const struct dir_partition *p)
{
	struct left_over *l = at;

	l->found = strcmp(p->maker, l->maker) == 0;
	if (l->found)
		l->partition = *p;
	return !l->found;
}

hl_err dir_provision_sweep(struct dir *d)
{
	const struct dir_store *store = &d->conf.store;
	struct left_over l = { .maker = d->conf.name };

	HL_TRY(store->ops->partitions(store->at, look_for, &l));
	while (l.found) {
		struct dir_change change = removal(&l.partition);
		struct dir_commit c = { .change = &change };

		store->ops->prepare(store->at, &c);
		c.job.run(&c.job); /* before there is a loop to hold up */
		HL_TRY(c.result);
		hl_trace_life(d->env, "provision.swept", HL_OK, l.partition.name);
		l.found = false;
		HL_TRY(store->ops->partitions(store->at, look_for, &l));
	}
	return HL_OK;
}

void dir_provision_gone(struct dir_conn *c)
{
	for (struct dir_provision *p = c->dir->provision, *next; p; p = next) {
		next = p->next;
		if (p->admin == c)
			p->admin = NULL;
		if (p->hsm == c) {
			p->hsm = NULL;
			p->deadline_us = 0;
			take_back(p, HL_E_HSMS, "the HSM went away");
		}
	}
}

int64_t dir_provision_deadline(const struct dir *d)
{
	int64_t at = 0;

	for (const struct dir_provision *p = d->provision; p; p = p->next)
		at = hl_sooner(at, p->deadline_us);
	return at;
}

void dir_provision_time(struct dir *d, int64_t now_us)
{
	for (struct dir_provision *p = d->provision, *next; p; p = next) {
		next = p->next;
		if (!hl_passed(p->deadline_us, now_us))
			continue;
		p->hsm = NULL; /* an answer that comes later is nobody's */
		p->deadline_us = 0;
		take_back(p, HL_E_HSMS, "the HSM does not answer");
	}
}

void dir_provisions_clear(struct dir *d)
{
	while (d->provision)
		provision_free(d->provision);
}
