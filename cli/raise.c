#include "cli/raise.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/client.h"
#include "cli/say.h"
#include "lib/os/files.h"

#define PROXIES 3
#define HSMS 2

/* -- the wish ------------------------------------------------------------------------------------- */

/* As the directory takes them. It is asked last, when world.json holds the name already. */
static bool is_name(const char *s)
{
	static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strlen(s);

	return n > 0 && n <= HL_NAME_TEXT && !strchr("._-", s[0]) && strspn(s, more) == n;
}

static bool is_prefix(const char *s, unsigned most)
{
	char spelt[8];
	unsigned bits = (unsigned)strtoul(s, NULL, 10);

	snprintf(spelt, sizeof spelt, "%u", bits);
	return bits <= most && strcmp(s, spelt) == 0;
}

static bool is_range(const char *s)
{
	size_t n = strcspn(s, "/");
	char host[INET6_ADDRSTRLEN];
	struct in6_addr ip;
	unsigned bits;

	if (n >= sizeof host)
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	bits = inet_pton(AF_INET, host, &ip) == 1 ? 32 : inet_pton(AF_INET6, host, &ip) == 1 ? 128 : 0;
	return bits && (!s[n] || is_prefix(s + n + 1, bits));
}

hl_err cli_wish_check(struct cli *c, const struct cli_wish *wish)
{
	const char *const names[] = { wish->tenant, wish->service_user, wish->partition };

	for (size_t i = 0; i < HL_COUNT(names); i++)
		if (names[i] && !is_name(names[i]))
			return cli_usage(c, "a name is 1 to %d of [A-Za-z0-9._-], the first a letter or a digit: %s",
				HL_NAME_TEXT, names[i]);
	for (size_t i = 0; i < wish->allow.n; i++)
		if (!is_range(wish->allow.item[i]))
			return cli_usage(c, "no address or range: %s", wish->allow.item[i]);
	return HL_OK;
}

/* -- a new world --------------------------------------------------------------------------------- */

static void set_text(char *out, size_t size, const char *value, const char *otherwise)
{
	snprintf(out, size, "%s", value ? value : otherwise);
}

/* The last part of the folder's path names the world. */
static const char *name_of(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return slash && slash[1] ? slash + 1 : "world";
}

static void fold_name(char *name)
{
	for (; *name; name++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *name))
			*name = '-';
}

static void plan(const char *dir, const struct cli_wish *wish, struct cli_world *w)
{
	*w = (struct cli_world){ .dev = wish->dev, .dumpable = wish->dumpable };
	set_text(w->dir, sizeof w->dir, dir, "");
	set_text(w->name, sizeof w->name, name_of(dir), "");
	fold_name(w->name);
	set_text(w->profile, sizeof w->profile, wish->profile, "faithful");
	set_text(w->pool, sizeof w->pool, NULL, "pool.hsmlet.test");
	set_text(w->realm, sizeof w->realm, NULL, "hsmlet");
	set_text(w->cluster, sizeof w->cluster, NULL, "cluster1");
	set_text(w->tenant, sizeof w->tenant, wish->tenant, "acme");
	set_text(w->service_user, sizeof w->service_user, wish->service_user, "acmeservice");
	set_text(w->partition, sizeof w->partition, wish->partition, "ACMEPARTONE");
	set_text(w->package, sizeof w->package, wish->package, "SBX");
	w->workers = wish->workers ? wish->workers : 1;
	for (size_t i = 0; i < wish->allow.n; i++)
		set_text(w->allow[i], sizeof w->allow[i], wish->allow.item[i], "");
	w->allows = wish->allow.n;
	cli_world_people(w, wish->proxies ? (unsigned)wish->proxies : PROXIES,
		wish->hsms ? (unsigned)wish->hsms : HSMS);
}

static bool is_ours(const char *name)
{
	static const char *const ours[] = { ".", "..", "world.json", "etc", "run", "log", "trace", "clock",
		"directory", "hsm", "credentials", "client" };

	for (size_t i = 0; i < HL_COUNT(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	return false;
}

/* A slip of --dir must not strew a world over somebody's home. */
static hl_err check_folder(struct cli *c, const char *dir)
{
	DIR *d = opendir(dir);
	hl_err err = HL_OK;

	for (struct dirent *e = d ? readdir(d) : NULL; e && err == HL_OK; e = readdir(d))
		if (!is_ours(e->d_name))
			err = cli_fail(c, HL_E_EXISTS, "%s holds other things, e.g. %s", dir, e->d_name);
	if (d)
		closedir(d);
	return err == HL_OK ? HL_OK : cli_next(c, err, "choose a new or an empty folder");
}

static hl_err make_folder(struct cli *c, const char *dir)
{
	char run[CLI_PATH];

	HL_TRY(check_folder(c, dir));
	errno = 0;
	if (hl_folder_make(dir, 0700) != HL_OK)
		return cli_fail_errno(c, HL_E_CREATE, dir);
	snprintf(run, sizeof run, "%s/run", dir);
	return hl_folder_make(run, 0700) == HL_OK ? HL_OK : cli_fail_errno(c, HL_E_CREATE, run);
}

/* -- an old one ----------------------------------------------------------------------------------- */

static hl_err differs(struct cli *c, const char *what, const char *has, const char *asked)
{
	hl_err err = cli_fail(c, HL_E_EXISTS, "this world's %s is %s, not %s", what, has, asked);

	cli_cause(c, err, "it was made with other options, which cannot be changed");
	return cli_next(c, err,
		"`hsmlet up` without that option, or another world: --dir DIR or -i NAME");
}

static hl_err same_text(struct cli *c, const char *what, const char *has, const char *asked)
{
	return !asked || strcmp(has, asked) == 0 ? HL_OK : differs(c, what, has, asked);
}

static hl_err same_number(struct cli *c, const char *what, int64_t has, int64_t asked)
{
	char a[24], b[24];

	snprintf(a, sizeof a, "%lld", (long long)has);
	snprintf(b, sizeof b, "%lld", (long long)asked);
	return has == asked ? HL_OK : differs(c, what, a, b);
}

static hl_err same_allow_list(struct cli *c, const struct cli_world *w, const struct cli_texts *asked)
{
	bool same = asked->n == 0 || asked->n == w->allows;

	for (size_t i = 0; same && i < asked->n; i++)
		same = strcmp(w->allow[i], asked->item[i]) == 0;
	return same ? HL_OK : differs(c, "allow-list", "another", "the one given");
}

static hl_err check_same(struct cli *c, const struct cli_world *w, const struct cli_wish *wish)
{
	HL_TRY(same_text(c, "profile", w->profile, wish->profile));
	HL_TRY(same_text(c, "package", w->package, wish->package));
	HL_TRY(same_text(c, "tenant", w->tenant, wish->tenant));
	HL_TRY(same_text(c, "service user", w->service_user, wish->service_user));
	HL_TRY(same_text(c, "partition", w->partition, wish->partition));
	if (wish->proxies)
		HL_TRY(same_number(c, "number of proxies", cli_world_count(w, CLI_PROXY), wish->proxies));
	if (wish->hsms)
		HL_TRY(same_number(c, "number of HSMs", cli_world_count(w, CLI_HSM), wish->hsms));
	if (wish->workers)
		HL_TRY(same_number(c, "number of workers", w->workers, wish->workers));
	HL_TRY(same_allow_list(c, w, &wish->allow));
	if (wish->dev && !w->dev)
		return differs(c, "kind", "without --dev", "with it");
	if (wish->dumpable && !w->dumpable)
		return differs(c, "kind", "without --dumpable", "with it");
	return HL_OK;
}

/* -- start ---------------------------------------------------------------------------------------- */

static hl_err choose_block(struct cli *c, struct cli_world *w, unsigned *at)
{
	char block[12];

	if (cli_block_choose(w->dir, at, block) != HL_OK)
		return cli_fail(c, HL_E_FULL, "all blocks from 127.16.0 to 127.254.255 are taken");
	cli_world_move(w, block);
	return HL_OK;
}

static hl_err choose_another(struct cli *c, struct cli_world *w, unsigned *at)
{
	char taken[12];

	memcpy(taken, w->block, sizeof taken);
	do {
		++*at;
		HL_TRY(choose_block(c, w, at));
	} while (strcmp(taken, w->block) == 0);
	return HL_OK;
}

static hl_err start_in_block(struct cli *c, const struct cli_world *w, struct cli_start *s)
{
	HL_TRY(cli_world_write_files(c, w));
	HL_TRY(cli_world_save(c, w));
	HL_TRY(cli_client_move(c, w));
	return cli_world_start(c, w, s);
}

/* Between the look at a block and the directory's own bind somebody may be faster: the next one then. A world
 * of which a part runs stays where it is. */
static hl_err start(struct cli *c, struct cli_world *w, struct cli_start *s)
{
	bool free_to_move = cli_world_running(w) == 0;
	unsigned at = 0;
	hl_err err;

	if (free_to_move && (!w->block[0] || !cli_block_is_free(w->block)))
		HL_TRY(choose_block(c, w, &at));
	for (unsigned tries = 0;; tries++) {
		err = start_in_block(c, w, s);
		if (err != HL_E_EXISTS || !free_to_move || tries == 16)
			return err;
		cli_note(c, "%s is taken, trying the next block", w->block);
		cli_world_undo(s);
		HL_TRY(choose_another(c, w, &at));
	}
}

/* -- the first tenant ------------------------------------------------------------------------------ */

static hl_err provision(struct cli *c, struct cli_world *w)
{
	HL_AUTO(hl_buf_clear) struct hl_buf keep = hl_buf(CLI_ANSWER_MAX);
	struct hl_allowed allowed[CLI_ALLOW_MAX];
	struct hl_provision request = {
		.tenant = hl_text(w->tenant),
		.service_user = hl_text(w->service_user),
		.partition = hl_text(w->partition),
		.package = hl_text(w->package),
		.pkcs11 = 1,
		.allowed = { .items = allowed, .count = w->allows },
		.profile = strcmp(w->profile, "lab") == 0,
	};
	struct hl_provisioned made;

	for (size_t i = 0; i < w->allows; i++)
		allowed[i].range = hl_text(w->allow[i]);
	if (w->dev) {
		request.service_password = hl_text(CLI_DEV_SERVICE_PASSWORD);
		request.setup_password = hl_text(CLI_DEV_SETUP_PASSWORD);
		request.pin = hl_text(CLI_DEV_PIN);
	}
	cli_progress(c, "provisioning %s for %s", w->partition, w->tenant);
	HL_TRY(cli_admin_ask(c, w, cli_world_directory(w), 0, &hl_msg_provision, &request, &hl_msg_provisioned,
		&made, &keep));
	if (hl_bytes_str(made.service_file, w->service_file, sizeof w->service_file) != HL_OK ||
		hl_bytes_str(made.hsm_file, w->hsm_file, sizeof w->hsm_file) != HL_OK)
		return cli_fail(c, HL_E_RANGE, "the directory's answer");
	return cli_world_save(c, w);
}

/* What is done already stays: an `up` that was cut short is taken up where it stopped. */
static hl_err settle(struct cli *c, struct cli_world *w)
{
	bool there;

	HL_TRY(cli_admin_has_partition(c, w, w->partition, &there));
	if (!there)
		HL_TRY(provision(c, w));
	if (!w->dev || cli_client_has_secret(w))
		return HL_OK;
	return cli_client_import(c, w, (const char *const[]){ w->service_file, w->hsm_file }, 2, true);
}

/* -- all of it -------------------------------------------------------------------------------------- */

static hl_err find_or_plan(
	struct cli *c, const char *dir, const struct cli_wish *wish, struct cli_world *w)
{
	hl_err err = cli_world_load(c, dir, w);

	if (err == HL_OK)
		return check_same(c, w, wish);
	if (err != HL_E_WORLD)
		return err;
	plan(dir, wish, w);
	return HL_OK;
}

hl_err cli_raise(struct cli *c, const char *dir, const struct cli_wish *wish, int die_fd,
	struct cli_world *w, bool *already)
{
	HL_AUTO(client_lock_release) struct client_lock lock = CLIENT_LOCK_NONE;
	struct cli_start s = { .die_fd = die_fd };
	struct cli_world here = { 0 };
	hl_err err;

	snprintf(here.dir, sizeof here.dir, "%s", dir);
	HL_TRY(make_folder(c, dir));
	HL_TRY(cli_world_lock(c, &here, &lock));
	HL_TRY(find_or_plan(c, dir, wish, w));
	HL_TRY(cli_world_awake(c, w));
	*already = w->block[0] && cli_world_running(w) == w->members;
	err = *already ? HL_OK : start(c, w, &s);
	if (err == HL_OK)
		err = cli_world_await(c, w, &s, CLI_AWAIT_MS);
	if (err == HL_OK)
		err = settle(c, w);
	if (err != HL_OK)
		cli_world_undo(&s);
	return err;
}

void cli_ready_line(const struct cli_world *w, char out[1024])
{
	unsigned proxies = cli_world_count(w, CLI_PROXY), hsms = cli_world_count(w, CLI_HSM);

	snprintf(out, 1024,
		"ready: simulator \"%s\" in %s: %u %s, %u %s, pool %s, resolver %s.1:5300", w->name, w->dir,
		proxies, proxies == 1 ? "proxy" : "proxies", hsms, hsms == 1 ? "HSM" : "HSMs", w->pool,
		w->block);
}
