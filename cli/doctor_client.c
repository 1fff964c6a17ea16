/* doctor_client.c - what `doctor` looks at on the way of a connection, from the files to the PIN. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/say.h"
#include "client/os_dns.h"
#include "client/secrets.h"
#include "lib/os/clock.h"
#include "lib/os/files.h"
#include "lib/os/listen.h"

#define CONNECT_MS 1000
#define OPEN_MS 8000

static void next_of(struct cli_finding *f, hl_err err)
{
	cli_found_next(f, "%s", hl_err_row(err)->next);
}

/* -- files ------------------------------------------------------------------------------------------------ */

void cli_check_configuration(struct cli_doctor *d, struct cli_finding *f)
{
	char error[512] = "";
	hl_err err;

	if (!d->has_conf && cli_client_find(d->c, &d->files) != HL_OK) {
		cli_found(f, CLI_BAD, "no primus.cfg was found");
		next_of(f, HL_E_CONFIG_NONE);
		return;
	}
	err = client_conf_load(d->files.conf, &d->conf, error);
	d->has_conf = err == HL_OK;
	if (err != HL_OK) {
		cli_found(f, CLI_BAD, "%s", error);
		next_of(f, err);
		return;
	}
	cli_found(f, CLI_OK, "%s", d->files.conf);
}

static bool skipped(const struct cli_doctor *d, struct cli_finding *f)
{
	if (!d->has_conf)
		cli_found(f, CLI_SKIP, "there is no configuration to go by");
	return !d->has_conf;
}

static hl_err check_slot(const struct cli_doctor *d, const struct client_slot *slot, char error[512])
{
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	struct client_secret secret = { 0 };
	hl_err err = client_secret_get(d->files.secrets, slot->partition, &secret, error);

	hl_secret_clear(&secret.secret);
	if (err == HL_OK && !*slot->service_password)
		err = client_password_get(d->files.secrets, slot->service_user, &password, error);
	return err;
}

/* Mode, owner and content of the file, and that it has what each slot needs. */
void cli_check_secrets(struct cli_doctor *d, struct cli_finding *f)
{
	char error[512] = "";
	unsigned n = 0;

	if (skipped(d, f))
		return;
	for (size_t i = 0; i < d->conf.hosts; i++) {
		for (size_t s = 0; s < d->conf.host[i].slots; s++, n++) {
			const struct client_slot *slot = &d->conf.host[i].slot[s];
			hl_err err = check_slot(d, slot, error);

			if (err == HL_OK)
				continue;
			cli_found(f, CLI_BAD, "%s (slot of %s)", error, slot->partition);
			next_of(f, err);
			return;
		}
	}
	cli_found(f, CLI_OK, "%s: private, with all that %u slot%s need%s", d->files.secrets, n, n == 1 ? "" : "s",
		n == 1 ? "s" : "");
}

/* -- the resolver and the pool ---------------------------------------------------------------------------- */

static hl_err resolve(struct cli_doctor *d, const struct client_host *host)
{
	struct client_dns *dns = NULL;
	const struct hl_addr *list;
	struct pollfd fds[16];
	size_t n;
	hl_err err = client_dns_start(host->host, host->port, &d->conf.own.resolver, &dns);

	for (bool over = false; err == HL_OK && !over;) {
		int wait_ms;

		n = client_dns_fds(dns, fds, HL_COUNT(fds), &wait_ms);
		poll(fds, n, wait_ms);
		over = client_dns_step(dns, fds, n);
	}
	if (err == HL_OK)
		err = client_dns_result(dns, &list, &n);
	for (size_t i = 0; err == HL_OK && i < n && d->addresses < HL_COUNT(d->address); i++)
		d->address[d->addresses++] = list[i];
	client_dns_free(dns);
	return err;
}

void cli_check_resolver(struct cli_doctor *d, struct cli_finding *f)
{
	char resolver[HL_ADDR_TEXT] = "the system's resolver";

	if (skipped(d, f))
		return;
	if (d->conf.own.resolver.family)
		hl_addr_text(&d->conf.own.resolver, resolver);
	for (size_t i = 0; i < d->conf.hosts; i++) {
		hl_err err = resolve(d, &d->conf.host[i]);

		if (err == HL_OK)
			continue;
		cli_found(f, CLI_BAD, "%s, asked of %s: %s", d->conf.host[i].host, resolver, hl_err_text(err));
		next_of(f, err);
		return;
	}
	cli_found(f, CLI_OK, "%s knows %s: %zu address%s", resolver, d->conf.host[0].host, d->addresses,
		d->addresses == 1 ? "" : "es");
}

static bool is_reachable(const struct hl_addr *a)
{
	struct sockaddr_storage at;
	unsigned n = hl_addr_to_system(a, &at);
	int fd = n ? socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1, error = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof error;
	bool good = fd >= 0 && (connect(fd, (const struct sockaddr *)&at, n) == 0 || errno == EINPROGRESS);

	good = good && poll(&p, 1, CONNECT_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
		error == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

void cli_check_pool(struct cli_doctor *d, struct cli_finding *f)
{
	char lost[HL_ADDR_TEXT] = "";
	size_t reached = 0;

	if (d->addresses == 0) {
		cli_found(f, CLI_SKIP, "there is no address to dial");
		return;
	}
	for (size_t i = 0; i < d->addresses; i++) {
		bool good = is_reachable(&d->address[i]);

		reached += good;
		if (!good && !*lost)
			hl_addr_text(&d->address[i], lost);
	}
	cli_found(f, reached == 0 ? CLI_BAD : *lost ? CLI_WARN : CLI_OK, "%zu of %zu addresses take connections%s%s", reached,
		d->addresses, *lost ? ", not " : "", lost);
	next_of(f, HL_E_PROXIES);
}

/* -- one connection ----------------------------------------------------------------------------------------- */

static void connect_once(struct cli_doctor *d)
{
	hsmlet_options options = cli_client_options(&d->files, d->partition);

	options.limit_ms = OPEN_MS;
	if (!d->tried)
		hsmlet_open(&options, &d->h, &d->failure);
	d->tried = true;
}

static void tell_failure(const struct cli_doctor *d, struct cli_finding *f)
{
	const hsmlet_error *e = &d->failure;

	cli_found(f, CLI_BAD, "HL-%04d %s%s%s%s%s", e->id, e->what, *e->detail ? ": " : "", e->detail,
		e->step >= 0 ? " at step " : "", e->step >= 0 ? e->step_name : "");
	cli_found_next(f, "%s", e->next);
}

/* Who is told that no HSM is reached has proved the service password before. */
static bool gateway_failed(const struct cli_doctor *d)
{
	return !d->h && d->failure.step <= (int)HL_STEP_RESULT && d->failure.id != -(int)HL_E_HSMS;
}

static const struct client_slot *slot_of(const struct cli_doctor *d)
{
	for (size_t i = 0; d->partition && i < d->conf.hosts; i++)
		for (size_t s = 0; s < d->conf.host[i].slots; s++)
			if (strcmp(d->conf.host[i].slot[s].partition, d->partition) == 0)
				return &d->conf.host[i].slot[s];
	return &d->conf.host[0].slot[0];
}

void cli_check_gateway(struct cli_doctor *d, struct cli_finding *f)
{
	if (d->addresses == 0) {
		cli_found(f, CLI_SKIP, "there is no address to dial");
		return;
	}
	connect_once(d);
	if (gateway_failed(d))
		tell_failure(d, f);
	else
		cli_found(f, CLI_OK, "the password of %s was accepted, and the gateway knows it too",
			slot_of(d)->service_user);
}

void cli_check_channel(struct cli_doctor *d, struct cli_finding *f)
{
	hsmlet_info info;

	if (!d->tried || gateway_failed(d))
		cli_found(f, CLI_SKIP, "the gateway comes before it");
	else if (!d->h || hsmlet_get_info(d->h, &info, &d->failure) != 0)
		tell_failure(d, f);
	else
		cli_found(f, CLI_OK, "%s has proved who it is, connection %s", info.hsm, info.connection);
}

/* How an HSM of this version calls itself. */
static bool is_of_this_version(const hsmlet_info *info)
{
	char version[64];

	snprintf(version, sizeof version, "hsmlet %s ", hsmlet_version());
	return strncmp(info->version, version, strlen(version)) == 0;
}

void cli_check_partition(struct cli_doctor *d, struct cli_finding *f)
{
	hsmlet_info info;

	if (!d->h) {
		cli_found(f, CLI_SKIP, "there is no channel to ask on");
	} else if (hsmlet_get_info(d->h, &info, &d->failure) != 0) {
		tell_failure(d, f);
	} else {
		cli_found(f, !is_of_this_version(&info) || info.objects >= info.objects_max ? CLI_WARN : CLI_OK,
			"%s: %u of %u objects, %s, %s", info.partition, info.objects, info.objects_max,
			info.pin_set ? "with a PIN" : "without a PIN", info.version);
		cli_found_next(f, "%s", is_of_this_version(&info) ? "delete keys: `hsmlet key delete`" :
								   "run the same version at both ends");
	}
}

void cli_check_pin(struct cli_doctor *d, struct cli_finding *f)
{
	if (!d->h)
		cli_found(f, CLI_SKIP, "there is no channel to log in on");
	else if (d->pin->n == 0)
		cli_found(f, CLI_SKIP, "none was given (HSMLET_PIN, --pin-file)");
	else if (hsmlet_login(d->h, (const char *)d->pin->p, d->pin->n, &d->failure) != 0)
		tell_failure(d, f);
	else
		cli_found(f, CLI_OK, "it is right");
}
