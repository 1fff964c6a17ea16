/* advice.c - commands that a user is told to type, for the world that this call is about. */
#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "cli/world.h"

/* " --dir DIR", " -i NAME", or "" where no world was typed. */
static void world_words(const struct cli *c, char out[CLI_SHELL_TEXT + 8])
{
	const struct cli_globals *g = &c->global;
	char word[CLI_SHELL_TEXT];

	out[0] = 0;
	if (!g->world_typed)
		return;
	cli_shell_word(g->dir ? g->dir : g->instance, word, sizeof word);
	snprintf(out, CLI_SHELL_TEXT + 8, " %s %s", g->dir ? "--dir" : "-i", word);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Whether the command whose first word after "hsmlet " is at `text` is about a world. */
static bool is_about_a_world(const char *text)
{
	static const char *const not[] = { "help", "explain", "version", "completion", "-" };
	const char *help = strstr(text, "--help`"), *end = strchr(text, '`');

	for (size_t i = 0; i < HL_COUNT(not); i++)
		if (begins(text, not[i]))
			return false;
	return !help || !end || help > end;
}

void cli_advice(const struct cli *c, const char *text, char out[CLI_ADVICE_TEXT])
{
	static const char name[] = "hsmlet ";
	char world[CLI_SHELL_TEXT + 8];
	size_t n = 0;

	world_words(c, world);
	for (const char *p = text; *p && n + 1 < CLI_ADVICE_TEXT; p++) {
		bool begun = p > text && (p[-1] == '`' || p[-1] == '(' || p[-1] == ' ') && begins(p, name);

		if (!begun || !is_about_a_world(p + sizeof name - 1) || n + sizeof name + strlen(world) >= CLI_ADVICE_TEXT) {
			out[n++] = *p;
			continue;
		}
		n += (size_t)snprintf(out + n, CLI_ADVICE_TEXT - n, "hsmlet%s ", world);
		p += sizeof name - 2;
	}
	out[n] = 0;
}
