/* live_impl.h - what the files of live.h share. */
#pragma once

#include <sys/types.h>

#include "lib/wire/messages.h"
#include "tests/support/live.h"

struct live_member {
	char name[16];
	const char *program;
	pid_t pid;   /* 0: does not run */
	int life_fd; /* hangs up when the process is gone */
};

struct live {
	struct live_options options;
	char folder[PATH_MAX - 256], bin[PATH_MAX - 256];
	unsigned a, b; /* 127.a.b.0/24 */
	int die[2];    /* every member ends when [1] is closed */
	struct live_member member[1 + 2 * LIVE_EACH]; /* the directory first */
	size_t members;
};

/** A moment so long after now. */
int64_t live_deadline(void);
/** poll() for one descriptor until then; false: time is up. */
bool live_poll(int fd, short events, int64_t deadline_us);
/** Print why, and give false. */
bool live_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* live_config.c */
bool live_write_configs(const struct live *w);
/** Folders, keys and the clock page: what does not depend on addresses. */
bool live_make_files(struct live *w);
