/* ppin_log.c - --fetchlog: the log of a partition, as its HSM tells it. */
#include "cli/ppin.h"

#include <string.h>

#include "lib/base/date.h"

struct dump {
	struct ppin *p;
	int64_t since_ms;
	struct hl_buf file; /* for --out: all lines, to be written in the end */
	struct cli_failures failures;
};

/* -- what is asked for -------------------------------------------------------------------------------------------- */

static bool digits(const char *text, size_t n, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*out = *out * 10 + (unsigned)(text[i] - '0');
	}
	return true;
}

/* "2026-01-31" */
static bool read_date(const char *text, int64_t *wall_ms)
{
	struct hl_date d;

	return strlen(text) == 10 && text[4] == '-' && text[7] == '-' && digits(text, 4, &d.year) &&
	       digits(text + 5, 2, &d.month) && digits(text + 8, 2, &d.day) && hl_date_begin(&d, wall_ms) == HL_OK;
}

static bool is_meant(const struct ppin *p, const struct client_host *host, const struct client_slot *slot)
{
	return strcmp(p->o.user, slot->partition) == 0 && (!p->o.hsm || client_host_is(host, p->o.hsm)) &&
	       (!p->o.slot || strcmp(p->o.slot, slot->name) == 0) && (p->o.slot_id < 0 || p->o.slot_id == slot->id);
}

typedef void slot_each(struct dump *d, const struct client_host *host, const struct client_slot *slot);

/* How many are meant. */
static unsigned each_slot(struct dump *d, slot_each *each)
{
	const struct client_conf *conf = &d->p->conf;
	unsigned n = 0;

	for (size_t i = 0; i < conf->hosts; i++)
		for (size_t k = 0; k < conf->host[i].slots; k++)
			if (is_meant(d->p, &conf->host[i], &conf->host[i].slot[k])) {
				n++;
				if (each)
					each(d, &conf->host[i], &conf->host[i].slot[k]);
			}
	return n;
}

/* -- lines -------------------------------------------------------------------------------------------------------- */

/* With the return value that an application saw, where the line tells of an error. The HSM's word that all of it is
 * printable is not taken: it goes to a terminal. */
static void put_line(struct hl_buf *out, const hsmlet_log_line *l)
{
	CK_RV rv;

	for (size_t i = 0; i < l->n; i++)
		hl_buf_u8(out, l->text[i] >= ' ' && l->text[i] <= '~' ? (uint8_t)l->text[i] : '?');
	if (l->error != 0) {
		rv = p11_ckr(hl_err_of_wire((uint32_t)l->error), HL_STEP_OPEN, NULL);
		hl_buf_printf(out, ", PKCS#11: 0x%08lX %s", rv, p11_ckr_name(rv));
	}
	hl_buf_u8(out, '\n');
}

static hl_err put_page(struct dump *d, const hsmlet_log *page)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	struct hl_buf *out = d->p->o.out ? &d->file : &text;
	struct hl_bytes all;

	for (size_t i = 0; i < hsmlet_log_count(page); i++) {
		hsmlet_log_line l = hsmlet_log_at(page, i);

		put_line(out, &l);
	}
	if (out->err != HL_OK)
		return cli_fail(&d->p->c, out->err, "the lines of the log");
	all = hl_buf_view(&text);
	if (all.n > 0 && fwrite(all.p, 1, all.n, d->p->c.out) != all.n)
		return cli_fail_errno(&d->p->c, HL_E_IO, "stdout");
	return HL_OK;
}

static hl_err fetch(struct dump *d, hsmlet *h)
{
	uint64_t from = 0;
	hsmlet_error e;
	hl_err err;

	do {
		hsmlet_log *page;

		if (hsmlet_get_log(h, d->since_ms, d->p->o.reverse, &from, &page, &e) != 0)
			return cli_client_trouble(&d->p->c, &e);
		err = put_page(d, page);
		hsmlet_log_free(page);
	} while (err == HL_OK && from != 0);
	return err;
}

static hl_err ask(struct dump *d, const struct client_host *host, const struct client_slot *slot)
{
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	hsmlet_options options = cli_client_options(&d->p->k, slot->partition);
	hsmlet_error e;

	options.host = host->name;
	if (hsmlet_open(&options, &h, &e) != 0)
		return cli_client_open_trouble(&d->p->c, &d->p->k, &e);
	return fetch(d, h);
}

/* One HSM that does not answer keeps no other from being asked. */
static void fetch_slot(struct dump *d, const struct client_host *host, const struct client_slot *slot)
{
	hl_err err = ask(d, host, slot);
	char word[CLI_ERR_TEXT];

	cli_failures_add(&d->p->c, &d->failures, err);
	if (err == HL_OK)
		return;
	cli_err_text(err, word);
	fprintf(stderr, "%s (%s), %s: its log was not fetched: %s\n", host->name, host->host, slot->name, word);
}

static hl_err dump(struct dump *d)
{
	struct ppin *p = d->p;
	const struct cli_slot_filter filter = { p->o.user, p->o.hsm, p->o.slot, p->o.slot_id };
	unsigned n = each_slot(d, NULL);

	if (n == 0)
		return ppin_numbered(p, cli_slots_none(&p->c, &p->conf, &filter), P11_USER_UNKNOWN);
	fprintf(p->c.out, "Dump log starting from %s 00:00 UTC\nFetching log from HSM.\nNumber of slots: %u\n",
		p->o.since ? p->o.since : "1970-01-01", n);
	each_slot(d, fetch_slot);
	HL_TRY(cli_failures_end(&p->c, &d->failures));
	return p->o.out ? cli_write_file(&p->c, p->o.out, 0600, hl_buf_view(&d->file)) : HL_OK;
}

hl_err ppin_fetch_log(struct ppin *p)
{
	struct dump d = { .p = p, .file = hl_buf(HL_BUF_MAX) };
	hl_err err;

	if (p->o.since && !read_date(p->o.since, &d.since_ms))
		return cli_usage(&p->c, "--since takes a day from 1970-01-01 on, like 2026-01-31, not %s", p->o.since);
	err = dump(&d);
	hl_buf_clear(&d.file);
	return err;
}
