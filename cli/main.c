/* main.c - hsmlet: the front command. */
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"

/* A closed descriptor would be given to the next file or socket, and notes would be written into that. What stands
 * in its place refuses what it is for, as the closed one does: stdout that is closed stays an error. */
static void keep_places(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	keep_places();
	return cli_main(argc, argv);
}
