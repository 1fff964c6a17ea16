/* doctor.h - the checks of `doctor`, each a function that looks at one thing and says what it found. */
#pragma once

#include "cli/client.h"
#include "client/conf.h"

enum cli_verdict { CLI_OK, CLI_WARN, CLI_BAD, CLI_SKIP };

/* What the checks share: each may use what those before it have found. */
struct cli_doctor {
	struct cli *c;
	const char *partition;      /* as was asked for; NULL: that of the first slot */
	const struct hl_secret *pin; /* n 0: none was given */
	bool has_world, has_conf;
	struct cli_world world;
	struct cli_client files;
	struct client_conf conf;
	struct hl_addr address[64]; /* of the pool */
	size_t addresses;
	bool tried; /* a connection */
	hsmlet *h;
	hsmlet_error failure; /* where it did not come about */
};

struct cli_finding {
	enum cli_verdict verdict;
	char text[512], next[256];
};

/** Give `verdict` with this text; the next step is for what is not good. */
void cli_found(struct cli_finding *f, enum cli_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void cli_found_next(struct cli_finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is not said is CLI_OK with an empty text. */
typedef void cli_check(struct cli_doctor *d, struct cli_finding *f);

/* doctor.c */
cli_check cli_check_libraries, cli_check_programs, cli_check_descriptors, cli_check_memory;
/* doctor_world.c */
cli_check cli_check_world, cli_check_modes, cli_check_space, cli_check_locks, cli_check_clock, cli_check_members,
	cli_check_versions;
/* doctor_client.c */
cli_check cli_check_configuration, cli_check_secrets, cli_check_resolver, cli_check_pool, cli_check_gateway,
	cli_check_channel, cli_check_partition, cli_check_pin;
