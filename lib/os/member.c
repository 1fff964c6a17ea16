#include "lib/os/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>

#include "lib/os/files.h"
#include "lib/os/listen.h"

/* Traces tell of members, logs of processes. */
static void say_who(const struct hl_member *m, const char *name)
{
	char who[80];

	snprintf(who, sizeof who, m->daemon.worker ? "%.64s.%u" : "%.64s", name, m->daemon.worker);
	hl_log_who(who);
}

hl_err hl_member_named(const char *value, hl_err err)
{
	bool of_system = errno != 0 && (err == HL_E_IO || err == HL_E_CREATE);
	bool no_room = err == HL_E_FULL && errno == ENOSPC; /* nobody has sent too much: nobody is there yet */

	if (err != HL_OK)
		hl_log(HL_LOG_ERROR, "start", "value=%s err=HL-%04d text=%s cause=%s next=%s", value, -(int)err,
			of_system || no_room ? strerror(errno) : hl_err_text(err),
			no_room ? "the disk is full, or a quota or a limit is reached" : hl_err_row(err)->cause,
			no_room ? "make room, then start it again" : hl_err_row(err)->next);
	return err;
}

static hl_err open_env(struct hl_member *m, const struct hl_os_env_config *conf)
{
	char culprit[512];
	hl_err err;

	errno = 0;
	err = hl_os_env_open(&m->env, conf);
	if (err == HL_OK)
		return HL_OK;
	hl_os_env_culprit(conf, err, culprit, sizeof culprit);
	return hl_member_named(culprit, err);
}

static void print_fault(void *at, const char *text)
{
	(void)at;
	printf("%s\n", text);
}

/* Every fault of it, where it can be read at all. */
static void print_faults(const char *path, const struct hl_config_schema *schema, const char *first)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);

	if (hl_file_read(path, HL_BUF_MAX, &text) != HL_OK ||
		hl_config_faults(path, hl_buf_view(&text), schema, print_fault, NULL) != HL_E_CONFIG)
		print_fault(NULL, first);
}

static void check_and_end(struct hl_member *m, const struct hl_config_schema *schema, void *conf)
{
	struct hl_config_error error;
	hl_err err = hl_config_read(m->daemon.config, schema, conf, &m->config, &error);

	if (err == HL_OK)
		printf("%s: good\n", m->daemon.config);
	else
		print_faults(m->daemon.config, schema, error.text);
	exit(hl_member_end(m, HL_OK) == 0 ? hl_err_row(err)->exit_code : 1);
}

hl_err hl_member_begin(struct hl_member *m, const struct hl_daemon_spec *spec, int argc, char **argv,
	const struct hl_config_schema *schema, void *conf, const struct hl_member_conf *conf_member)
{
	struct hl_config_error error;
	struct hl_os_env_config env;

	hl_daemon_options(&m->daemon, spec, argc, argv);
	HL_TRY(hl_daemon_protect(&m->daemon));
	if (!m->daemon.config) {
		hl_log(HL_LOG_ERROR, "config", "text=%s", "--config FILE is missing");
		return HL_E_ARG;
	}
	if (m->daemon.check)
		check_and_end(m, schema, conf);
	if (hl_config_read(m->daemon.config, schema, conf, &m->config, &error) != HL_OK) {
		hl_log(HL_LOG_ERROR, "config", "text=%s", error.text);
		return HL_E_CONFIG;
	}
	say_who(m, conf_member->name);
	env = (struct hl_os_env_config){
		.role = spec->role,
		.who = conf_member->name,
		.worker = m->daemon.worker,
		.clock_page = conf_member->clock_page,
		.trace = conf_member->trace,
	};
	HL_TRY(open_env(m, &env));
	return hl_jobs_new(m->daemon.loop, &m->jobs);
}

hl_err hl_member_key(const char *path, size_t n, struct hl_secret *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf bytes = hl_buf(n + 1);
	hl_err err = hl_file_read_private(path, HL_SECRET_OF_DAEMON, n, &bytes);

	if (err == HL_OK && bytes.n != n)
		err = HL_E_CONFIG;
	if (err != HL_OK) {
		hl_log(HL_LOG_ERROR, "key", "file=%s err=HL-%04d text=%s", path, -(int)err, hl_err_text(err));
		return err;
	}
	return hl_secret_set(out, hl_buf_view(&bytes));
}

hl_err hl_member_address(const char *key, const char *text, struct hl_addr *out)
{
	if (hl_addr_parse(text, out) == HL_OK)
		return HL_OK;
	hl_log(HL_LOG_ERROR, "config", "key=%s value=%s text=%s", key, text,
		"an address is written 127.0.0.1:2310 or [::1]:2310");
	return HL_E_CONFIG;
}

hl_err hl_member_shell(struct hl_member *m, const struct hl_core_ops *ops, void *core)
{
	HL_TRY(hl_shell_new(m->daemon.loop, &m->env.env, ops, core, &m->shell));
	hl_shell_jobs(m->shell, &m->env, m->jobs);
	m->daemon.shell[0] = m->shell;
	m->daemon.jobs = m->jobs;
	hl_shell_pump(m->shell);
	return HL_OK;
}

/* The socket for `text`, and its port. */
static hl_err open_one(struct hl_member *m, const char *text, size_t i, int *fd, unsigned *port)
{
	struct hl_addr at, real;

	HL_TRY(hl_member_address("listen", text, &at));
	if (m->daemon.worker) {
		*fd = m->daemon.listen_fd[i];
		*port = at.port;
		return HL_OK;
	}
	HL_TRY(hl_member_named(text, hl_listen_tcp(&at, fd, &real)));
	*port = real.port;
	return HL_OK;
}

hl_err hl_member_listen(struct hl_member *m, const char *const *text, size_t n, unsigned *port)
{
	unsigned one;
	int fd;

	if (m->daemon.worker && m->daemon.listens != n)
		return HL_E_ARG;
	for (size_t i = 0; i < n; i++) {
		HL_TRY(open_one(m, text[i], i, &fd, &one));
		HL_TRY(hl_shell_listen(m->shell, fd, (unsigned)i, 0));
		*port = i == 0 ? one : *port;
	}
	return HL_OK;
}

hl_err hl_member_run(struct hl_member *m, const struct hl_member_conf *conf, unsigned port)
{
	bool drained;

	if (conf->lock && !m->daemon.worker)
		HL_TRY(hl_daemon_lock(&m->daemon, conf->lock));
	HL_TRY(hl_daemon_drop(&m->daemon, conf->user));
	hl_trace_life(&m->env.env, "start", HL_OK, conf->name);
	HL_TRY(hl_daemon_ready(&m->daemon, port));
	hl_daemon_run(&m->daemon);
	drained = hl_jobs_drain(m->jobs, 0); /* they had their second in the loop */
	hl_trace_life(&m->env.env, "stop", HL_OK, conf->name);
	/* An RSA key takes many seconds to make, and its thread cannot be stopped. Nobody was told of anything that
	 * is still under way, so to leave it is what a crash would do, no worse. */
	if (!drained)
		_exit(0);
	return HL_OK;
}

void hl_member_quiet(struct hl_member *m)
{
	hl_jobs_free(m->jobs);
	hl_shell_free(m->shell);
	m->jobs = NULL;
	m->shell = NULL;
}

int hl_member_end(struct hl_member *m, hl_err err)
{
	hl_member_quiet(m);
	if (m->env.env.ops)
		hl_os_env_close(&m->env);
	hl_config_close(&m->config);
	if (m->daemon.loop)
		ev_loop_destroy(m->daemon.loop);
	return err == HL_OK ? 0 : hl_daemon_fail(&m->daemon, err, NULL);
}
