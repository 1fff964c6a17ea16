/* main.c - hsmlet: the front command. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	cli_keep_places();
	return cli_main(argc, argv);
}
