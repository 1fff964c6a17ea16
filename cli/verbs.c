/* verbs.c - the table of verbs: what the front command can do, and how its help shows it. */
#include <string.h>

#include "cli/cli.h"

static const struct cli_options no_options;

/* clang-format off */
#define MEMBER_VERBS(noun, one) \
	{ noun, "list",    cli_member_list,    &no_options, 0, 0, false, "", "the " noun " members: state, address, process", \
		{ "hsmlet " noun " list", "hsmlet " noun " list --json" } }, \
	{ noun, "kill",    cli_member_kill,    &no_options, 1, -1, false, "NAME...", "end them at once, as a crash would", \
		{ "hsmlet " noun " kill " one, "hsmlet -i lab " noun " kill " one } }, \
	{ noun, "restart", cli_member_restart, &no_options, 1, -1, false, "NAME...", "stop them in order and start them again", \
		{ "hsmlet " noun " restart " one, "hsmlet -i lab " noun " restart " one } }

static const struct cli_verb verbs[] = {
	{ NULL, "up", cli_up, &cli_up_options, 0, 0, false, "", "make a world, or start one again: directory, HSMs, proxies, a first tenant",
		{ "hsmlet up --dev", "hsmlet up --dir lab --proxies 5 --hsms 3" } },
	{ NULL, "down", cli_down, &no_options, 0, 0, false, "", "stop the world; its data stays",
		{ "hsmlet down", "hsmlet down -i lab" } },
	{ NULL, "status", cli_status, &no_options, 0, 0, false, "", "the world, its members and partitions",
		{ "hsmlet status", "hsmlet status --json" } },
	{ NULL, "wait", cli_wait, &cli_wait_options, 0, 0, false, "", "until the world is ready",
		{ "hsmlet wait", "hsmlet wait --timeout 5" } },
	{ NULL, "reset", cli_reset, &cli_reset_options, 0, 0, false, "", "the tokens of a lab world as `up` made them: no objects, the first PINs",
		{ "hsmlet -i lab reset", "hsmlet -i lab reset --pin-file pin" } },
	{ NULL, "env", cli_env, &cli_env_options, 0, 0, false, "", "what an application needs to find the world, for eval",
		{ "eval \"$(hsmlet env)\"", "hsmlet env --json" } },
	{ NULL, "try", cli_try, &cli_try_options, 0, 0, false, "", "connect, draw the eight steps, sign with a throw-away key, have it verified outside",
		{ "hsmlet try", "hsmlet try --keep-key --workdir out" } },
	{ NULL, "run", cli_run_command, &cli_run_options, 1, -1, true, "-- COMMAND [ARG...]", "a private world around a command; ends with its exit code",
		{ "hsmlet run -- hsmlet try", "hsmlet run --proxies 1 --hsms 1 -- sh -c 'hsmlet key list'" } },
	{ "cred", "import", cli_cred_import, &cli_cred_import_options, 1, 2, false, "FILE...", "credential files into primus.cfg and .secrets.cfg",
		{ "hsmlet cred import service.txt hsm.txt", "hsmlet cred import --no-exchange service.txt" } },
	{ "secret", "add", cli_secret_add, &cli_secret_add_options, 0, 1, false, "[FILE]", "exchange the setup password for the partition's secret, and store that",
		{ "hsmlet secret add hsm.txt", "hsmlet secret add --setup-password-file setup" } },
	{ "secret", "update", cli_secret_update, &cli_secret_add_options, 0, 1, false, "[FILE]", "fetch a secret that is stored again; the old one stays until the new one has come",
		{ "hsmlet secret update hsm.txt", "hsmlet secret update --setup-password-file setup" } },
	{ "secret", "list", cli_secret_list, &no_options, 0, 0, false, "", "for each slot whether its secret is stored",
		{ "hsmlet secret list", "hsmlet secret list --json" } },
	{ "secret", "test", cli_secret_test, &no_options, 0, 1, false, "[PARTITION]", "connect to each partition with its stored secret, at each host by itself",
		{ "hsmlet secret test", "hsmlet secret test ACMEPARTONE" } },
	{ "secret", "remove", cli_secret_remove, &no_options, 1, 1, false, "PARTITION", "forget the stored secret",
		{ "hsmlet secret remove ACMEPARTONE", "hsmlet -i lab secret remove ACMEPARTONE" } },
	{ "proxy-password", "add", cli_proxy_password_add, &cli_proxy_password_add_options, 0, 1, false, "[SERVICE-USER]", "store a service user's password, once the gateway has taken it",
		{ "hsmlet proxy-password add --proxy-password-file service", "hsmlet proxy-password add acmeservice --no-check --proxy-password-file service" } },
	{ "proxy-password", "list", cli_proxy_password_list, &no_options, 0, 0, false, "", "for each service user whether a password is stored",
		{ "hsmlet proxy-password list", "hsmlet proxy-password list --json" } },
	{ "proxy-password", "test", cli_proxy_password_test, &no_options, 0, 1, false, "[SERVICE-USER]", "ask the gateway whether it takes what is stored",
		{ "hsmlet proxy-password test", "hsmlet proxy-password test acmeservice" } },
	{ "proxy-password", "remove", cli_proxy_password_remove, &no_options, 1, 1, false, "SERVICE-USER", "forget the stored password",
		{ "hsmlet proxy-password remove acmeservice", "hsmlet -i lab proxy-password remove acmeservice" } },
	{ "key", "create", cli_key_create, &cli_key_create_options, 0, 0, false, "", "make a key or a key pair",
		{ "hsmlet key create --type ec-p256 --label signing", "hsmlet key create --type aes-256 --label wrapping --id 0a1b" } },
	{ "key", "list", cli_key_list, &cli_key_list_options, 0, 0, false, "", "the objects of the partition",
		{ "hsmlet key list", "hsmlet key list --pin-file pin --json" } },
	{ "key", "show", cli_key_show, &cli_key_show_options, 1, 1, false, "LABEL|HANDLE", "all attributes of a key, under their PKCS#11 names; its value stays in the HSM",
		{ "hsmlet key show signing", "hsmlet key show --json wrapping" } },
	{ "key", "export-public", cli_key_export_public, &cli_key_export_public_options, 1, 1, false, "LABEL|HANDLE", "the public key of a pair as a SubjectPublicKeyInfo",
		{ "hsmlet key export-public signing", "hsmlet key export-public signing -o signing.der --format der" } },
	{ "key", "import", cli_key_import, &cli_key_import_options, 1, 1, false, "FILE", "bring a private, public or raw key or a certificate into the HSM (- is standard input)",
		{ "hsmlet key import key.pem --label signing", "hsmlet key import - --type aes --label wrapping < aes.bin" } },
	{ "key", "delete", cli_key_delete, &cli_key_delete_options, 1, 1, false, "LABEL|HANDLE", "destroy all objects with this label, or the one with this handle",
		{ "hsmlet key delete signing", "hsmlet key delete --pin-file pin wrapping" } },
	{ "session", "list", cli_session_list, &no_options, 0, 0, false, "", "the channels that are open at the HSMs, and who holds them",
		{ "hsmlet session list", "hsmlet session list --json" } },
	{ "session", "close", cli_session_close, &cli_session_close_options, 0, 1, false, "[CONNECTION]", "end a channel at its HSM, by its id or the beginning of it",
		{ "hsmlet session close --partition ACMEPARTONE", "hsmlet session close --all" } },
	{ "partition", "list", cli_partition_list, &cli_partition_list_options, 0, 0, false, "", "the partitions of all tenants",
		{ "hsmlet partition list", "hsmlet partition list -o uri" } },
	MEMBER_VERBS("proxy", "proxy1"),
	MEMBER_VERBS("hsm", "hsm1"),
	MEMBER_VERBS("directory", "directory1"),
	{ NULL, "doctor", cli_doctor, &cli_doctor_options, 0, 0, false, "", "look at all that a connection needs, from the libraries to the PIN, and say what to mend",
		{ "hsmlet doctor", "hsmlet doctor --pin-file pin --json" } },
	{ NULL, "explain", cli_explain, &no_options, 0, 2, false, "[ERROR | exit N]", "an error or an exit code: cause, next step, where it occurs",
		{ "hsmlet explain HL-0302", "hsmlet explain exit 14" } },
	{ NULL, "fidelity", cli_fidelity, &cli_fidelity_options, 0, 0, false, "", "the published list of mechanisms: which of them are here, and why not the others",
		{ "hsmlet fidelity", "hsmlet fidelity --json" } },
	{ "trace", "list", cli_trace_list, &cli_trace_list_options, 0, 0, false, "", "the connections that were made, the latest last",
		{ "hsmlet trace list", "hsmlet trace list --last 100 --json" } },
	{ "trace", "show", cli_trace_show, &no_options, 0, 1, false, "[CONNECTION]", "draw the eight steps of one (the latest)",
		{ "hsmlet trace show", "hsmlet trace show --json" } },
	{ "config", "show", cli_config_show, &no_options, 0, 0, false, "", "the client's configuration as it is understood, and where each value came from",
		{ "hsmlet config show", "hsmlet config show --json" } },
	{ "config", "check", cli_config_check, &no_options, 0, 1, false, "[FILE]", "whether primus.cfg, .secrets.cfg and the daemons' files, or one file, are good",
		{ "hsmlet config check", "hsmlet config check --json" } },
	{ NULL, "completion", cli_completion, &no_options, 1, 1, false, "bash|zsh|fish", "a script with which the shell completes these words",
		{ "hsmlet completion bash > hsmlet.bash", "hsmlet completion fish" } },
	{ NULL, "version", cli_version, &no_options, 0, 0, false, "", "of hsmlet and what it stands on",
		{ "hsmlet version", "hsmlet version --json" } },
	{ NULL, "help", cli_help, &no_options, 0, 2, false, "[VERB | NOUN VERB]", "this list, or one of its entries",
		{ "hsmlet help up", "hsmlet help key create" } },
};
/* clang-format on */

const struct cli_verb *cli_verbs(size_t *n)
{
	*n = HL_COUNT(verbs);
	return verbs;
}

const struct cli_verb *cli_verb_find(const char *noun, const char *name)
{
	for (size_t i = 0; i < HL_COUNT(verbs); i++) {
		const struct cli_verb *v = &verbs[i];

		if (strcmp(v->name, name) == 0 && !v->noun == !noun && (!noun || strcmp(v->noun, noun) == 0))
			return v;
	}
	return NULL;
}

bool cli_is_noun(const char *word)
{
	for (size_t i = 0; i < HL_COUNT(verbs); i++)
		if (verbs[i].noun && strcmp(verbs[i].noun, word) == 0)
			return true;
	return false;
}
