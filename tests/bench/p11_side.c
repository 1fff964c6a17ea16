#include "tests/bench/p11_side.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH 512
#define LINE 160
#define ARGS 12
#define ANSWER_S 60
#define TOKEN "hsmlet-bench"

struct process {
	pid_t pid; /* 0: none */
	FILE *to, *from;
};

struct sides {
	const struct bench_options *o;
	char folder[PATH], player[PATH], module[SIDES][PATH], pin_file[PATH + 16], ms[12];
	char absent[SIDES][128];
	struct process play[SIDES], server;
};

/* clang-format off */
static const struct { const char *name, *key, *where; } rows[SIDES] = {
	[OURS]   = { "ours",    "ours",    NULL },
	[SOFT]   = { "softhsm", "softhsm", "/usr/lib/softhsm/libsofthsm2.so" },
	[SERVED] = { "p11-kit", "p11_kit", "/usr/lib/*/pkcs11/p11-kit-client.so" },
};
/* clang-format on */

const char *side_name(enum side side)
{
	return rows[side].name;
}

const char *side_key(enum side side)
{
	return rows[side].key;
}

const char *side_absent(const struct sides *s, enum side side)
{
	return s->absent[side][0] ? s->absent[side] : NULL;
}

static void leave_out(struct sides *s, enum side side, const char *why)
{
	if (!side_absent(s, side))
		snprintf(s->absent[side], sizeof s->absent[side], "%s", why);
}

/* -- processes --------------------------------------------------------------------------------------------------- */

/* Who ends for any reason takes it along. */
static void become(char *const argv[], int in, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(in, 0);
	dup2(out, 1);
	execvp(argv[0], argv);
	fprintf(stderr, "hsmlet-bench: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static bool start(char *const argv[], struct process *out)
{
	int in[2] = { -1, -1 }, from[2] = { -1, -1 };
	bool piped = pipe2(in, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0;
	pid_t pid = piped ? fork() : -1;

	if (pid == 0)
		become(argv, in[0], from[1]);
	if (pid > 0)
		*out = (struct process){ pid, fdopen(in[1], "w"), fdopen(from[0], "r") };
	for (int i = 0; i < 2; i++) {
		if (pid <= 0 && in[1 - i] >= 0)
			close(in[1 - i]);
		if (pid <= 0 && from[i] >= 0)
			close(from[i]);
	}
	if (pid > 0) {
		close(in[0]);
		close(from[1]);
	}
	return pid > 0 && out->to && out->from;
}

/* One that reads its standard input ends with it; to the others it is said. */
static int end(struct process *p, bool say)
{
	int status = -1;

	if (p->pid == 0)
		return -1;
	if (p->to)
		fclose(p->to);
	if (say)
		kill(p->pid, SIGTERM);
	if (p->from)
		fclose(p->from);
	if (waitpid(p->pid, &status, 0) != p->pid)
		status = -1;
	*p = (struct process){ 0 };
	return status;
}

/* A line, without its end; false: none came. Each line is asked for, so nothing waits behind it. */
static bool hear(struct process *p, char line[LINE])
{
	struct pollfd fd = { .fd = fileno(p->from), .events = POLLIN };

	if (poll(&fd, 1, ANSWER_S * 1000) != 1 || !fgets(line, LINE, p->from))
		return false;
	line[strcspn(line, "\n")] = 0;
	return true;
}

/* -- what the peers need --------------------------------------------------------------------------------------------- */

static bool write_text(const struct sides *s, const char *name, const char *text)
{
	char path[PATH + 64];
	FILE *f;
	bool bad;

	snprintf(path, sizeof path, "%s/%s", s->folder, name);
	f = fopen(path, "wx");
	if (!f)
		return false;
	bad = fchmod(fileno(f), 0600) != 0 || fputs(text, f) < 0;
	return fclose(f) == 0 && !bad;
}

/* Players are started in all their environments; each variable is read by one module only. */
static bool set_environment(const struct sides *s)
{
	char conf[PATH + 64], address[PATH + 64];

	snprintf(conf, sizeof conf, "%s/softhsm2.conf", s->folder);
	snprintf(address, sizeof address, "unix:path=%s/served", s->folder);
	return setenv("SOFTHSM2_CONF", conf, 1) == 0 && setenv("P11_KIT_SERVER_ADDRESS", address, 1) == 0 &&
	       (!s->o->conf || setenv("HSMLET_CONF", s->o->conf, 1) == 0) &&
	       (!s->o->secrets || setenv("HSMLET_SECRETS", s->o->secrets, 1) == 0);
}

static bool furnish(struct sides *s)
{
	char conf[2 * PATH], tokens[PATH + 64];

	snprintf(tokens, sizeof tokens, "%s/tokens", s->folder);
	snprintf(conf, sizeof conf, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens);
	snprintf(s->pin_file, sizeof s->pin_file, "%s/pin", s->folder);
	return mkdir(tokens, 0700) == 0 && write_text(s, "softhsm2.conf", conf) && write_text(s, "pin", "12345678\n") &&
	       set_environment(s);
}

static void player_argv(struct sides *s, enum side side, char *argv[ARGS], bool make)
{
	char *const words[] = { s->player, (char *)"--module", s->module[side], (char *)"--pin-file",
		side == OURS ? (char *)(uintptr_t)s->o->pin_file : s->pin_file, (char *)"--ms", s->ms,
		side == OURS ? NULL : (char *)"--label", (char *)TOKEN, make ? (char *)"--make" : NULL, NULL };

	memcpy(argv, words, sizeof words);
}

static void make_token(struct sides *s)
{
	struct process p = { 0 };
	char *argv[ARGS];

	player_argv(s, SOFT, argv, true);
	if (!start(argv, &p) || end(&p, false) != 0)
		leave_out(s, SOFT, "its token cannot be made");
}

static void serve(struct sides *s)
{
	char name[PATH + 16], line[LINE] = "";
	char *argv[] = { (char *)"p11-kit", (char *)"server", (char *)"--foreground", (char *)"--name", name,
		(char *)"--provider", s->module[SOFT], (char *)"pkcs11:", NULL };

	snprintf(name, sizeof name, "%s/served", s->folder);
	if (!start(argv, &s->server) || !hear(&s->server, line) || !strstr(line, "P11_KIT_SERVER_ADDRESS"))
		leave_out(s, SERVED, "p11-kit server does not start");
}

/* -- life --------------------------------------------------------------------------------------------------------------- */

static void find_module(struct sides *s, enum side side, const char *given)
{
	glob_t found = { 0 };

	if (glob(given ? given : rows[side].where, 0, NULL, &found) == 0)
		snprintf(s->module[side], PATH, "%s", found.gl_pathv[0]);
	else
		leave_out(s, side, "it is not installed");
	globfree(&found);
}

static void find_player(struct sides *s)
{
	ssize_t n = readlink("/proc/self/exe", s->player, PATH - 16);
	char *slash;

	s->player[n > 0 ? n : 0] = 0;
	slash = strrchr(s->player, '/');
	snprintf(slash ? slash + 1 : s->player, 20, "hsmlet-bench-p11");
}

hl_err sides_new(const struct bench_options *o, struct sides **out)
{
	const char *tmp = getenv("TMPDIR");
	struct sides *s = calloc(1, sizeof *s);

	if (!s)
		return HL_E_NOMEM;
	s->o = o;
	snprintf(s->ms, sizeof s->ms, "%u", o->p11_ms);
	snprintf(s->folder, PATH - 64, "%s/hsmlet-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(s->folder)) {
		free(s);
		return HL_E_CREATE;
	}
	if (!furnish(s)) {
		sides_free(s);
		return HL_E_CREATE;
	}
	find_player(s);
	find_module(s, OURS, o->pkcs11);
	find_module(s, SOFT, o->softhsm);
	find_module(s, SERVED, o->p11_kit);
	if (!side_absent(s, SOFT))
		make_token(s);
	if (side_absent(s, SOFT))
		leave_out(s, SERVED, "SoftHSM, which it would serve, is absent");
	if (!side_absent(s, SERVED))
		serve(s);
	*out = s;
	return HL_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void sides_free(struct sides *s)
{
	if (!s)
		return;
	sides_stop(s);
	end(&s->server, true);
	nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
}

/* -- a round --------------------------------------------------------------------------------------------------------------- */

/* What goes wrong with a peer is no failure of ours. */
static hl_err trouble(struct sides *s, enum side side, const char *what)
{
	fprintf(stderr, "hsmlet-bench: %s: %s\n", rows[side].name, what);
	end(&s->play[side], true);
	if (side == OURS)
		return HL_E_BUG;
	leave_out(s, side, what);
	return HL_OK;
}

hl_err sides_start(struct sides *s, double ready_ms[SIDES])
{
	char *argv[ARGS], line[LINE];

	for (enum side side = OURS; side < SIDES; side++) {
		ready_ms[side] = 0;
		if (side_absent(s, side))
			continue;
		player_argv(s, side, argv, false);
		if (!start(argv, &s->play[side]) || !hear(&s->play[side], line) ||
			sscanf(line, "ready %lf", &ready_ms[side]) != 1)
			HL_TRY(trouble(s, side, "it does not start"));
	}
	return HL_OK;
}

void sides_stop(struct sides *s)
{
	for (enum side side = OURS; side < SIDES; side++)
		end(&s->play[side], false);
}

hl_err side_ask(struct sides *s, enum side side, const char *work, struct side_answer *out)
{
	struct process *p = &s->play[side];
	char line[LINE] = "";

	*out = (struct side_answer){ 0 };
	if (side_absent(s, side) || p->pid == 0)
		return HL_E_NOT_FOUND;
	if (fprintf(p->to, "%s\n", work) < 0 || fflush(p->to) != 0 || !hear(p, line))
		return trouble(s, side, "it ended in the middle of its work");
	if (sscanf(line, "%*s %lf %lf %lf", &out->per_second, &out->p50_us, &out->p99_us) == 3)
		return HL_OK;
	*out = (struct side_answer){ 0 };
	return side == OURS ? trouble(s, side, line) : HL_OK;
}
