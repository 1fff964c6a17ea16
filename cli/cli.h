/* cli.h - what all verbs of the front command share: the call under way, and the table of verbs. */
#pragma once

#include <stdio.h>

#include "cli/options.h"
#include "lib/base/err.h"

struct cli_globals {
	const char *dir, *instance; /* which world */
	bool world_typed;           /* one of the two stood on the command line, not in the environment */
	bool json, quiet, help, version;
};

/* How the call failed; filled by cli_fail() and its like, told once, by main. */
struct cli_trouble {
	hl_err err;
	int step; /* enum hl_step; -1: not on a connection */
	unsigned retry_after_ms;
	bool stored; /* of an exchange: the new secret is in the file, and what failed is the login with it */
	char detail[768], cause[256], next[256]; /* "" means the words of the error's own row */
};

struct cli {
	const struct cli_verb *verb; /* NULL until it is known */
	char command[64];            /* "hsmlet key list" */
	struct cli_globals global;
	const void *options; /* the verb's struct, filled */
	int operands;
	char **operand;
	FILE *out; /* becomes stdout on success, stderr on failure */
	char *text; /* behind `out` */
	size_t text_n;
	int unprinted; /* errno of a cli_print_now() that failed; 0: none did */
	struct cli_trouble trouble;
	struct json_t *report; /* what a verb that failed has to say beside its error; NULL: nothing. See cli_end_json() */
	int exit_code; /* on success: 0, or what `run` has seen */
};

typedef hl_err cli_run(struct cli *c);

struct cli_verb {
	const char *noun; /* NULL: none */
	const char *name;
	cli_run *run;
	const struct cli_options *options;
	int least, most;      /* operands; -1: any number */
	bool command_follows; /* the first operand ends the options */
	const char *operands; /* for the help */
	const char *text;
	const char *example[2];
};

/** All verbs, in the order of the help. */
const struct cli_verb *cli_verbs(size_t *n);
/** The verb called `noun name`, or `name` alone (then `noun` is NULL); NULL: there is none. */
const struct cli_verb *cli_verb_find(const char *noun, const char *name);
/** Whether some verb has this noun. */
bool cli_is_noun(const char *word);

/** First of all: descriptors 0 to 2 that are closed are taken. One would be given to the next file or socket, and notes
 * would be written into that. */
void cli_keep_places(void);
/** The whole command: dispatch, output, error, exit code. */
int cli_main(int argc, char **argv);

/** What c->out holds goes to stdout now: the verb goes on for long. */
void cli_print_now(struct cli *c);

/** The help of one verb, of the verbs of a noun, or of the whole command, into c->out. */
void cli_help_verb(struct cli *c, const struct cli_verb *v);
void cli_help_noun(struct cli *c, const char *noun);
void cli_help_all(struct cli *c);

/* One function a verb, in the file of its name. */
cli_run cli_up, cli_down, cli_status, cli_wait, cli_reset, cli_env, cli_try, cli_run_command;
cli_run cli_cred_import, cli_secret_add, cli_secret_update, cli_secret_list, cli_secret_test, cli_secret_remove;
cli_run cli_proxy_password_add, cli_proxy_password_list, cli_proxy_password_test, cli_proxy_password_remove;
cli_run cli_key_show, cli_key_export_public, cli_key_import;
cli_run cli_key_create, cli_key_list, cli_key_delete, cli_partition_list;
cli_run cli_member_list, cli_member_kill, cli_member_restart;
cli_run cli_completion, cli_doctor, cli_config_check, cli_config_show;
cli_run cli_explain, cli_fidelity, cli_session_list, cli_session_close;
cli_run cli_trace_list, cli_trace_show, cli_version, cli_help;

extern const struct cli_options cli_up_options, cli_wait_options, cli_reset_options, cli_env_options, cli_try_options;
extern const struct cli_options cli_cred_import_options, cli_secret_add_options, cli_proxy_password_add_options;
extern const struct cli_options cli_key_show_options, cli_key_export_public_options, cli_key_import_options;
extern const struct cli_options cli_key_create_options, cli_key_list_options, cli_key_delete_options;
extern const struct cli_options cli_partition_list_options;
extern const struct cli_options cli_doctor_options, cli_fidelity_options, cli_session_close_options, cli_trace_list_options, cli_run_options;
