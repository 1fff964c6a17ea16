/* log.h - the provider's log, in the grammar of the vendor's:
 *
 *	2026-02-03 10:11:12.345 - app[411:411] - 6 - C_OpenSession() - slotID=0 flags=0x6
 *
 * To a file and to syslog (LOCAL1), as primus.cfg says. No PIN, key or data at any level: of pointers it is told where
 * they point, never to what. */
#pragma once

#include "client/conf.h"

/* Levels are the severities of syslog. */
enum { P11_LOG_ERROR = 3, P11_LOG_WARNING = 4, P11_LOG_NOTICE = 5, P11_LOG_INFO = 6 };
/* trace_mask */
enum { P11_MASK_INPUT = 1, P11_MASK_MESSAGES = 2, P11_MASK_DATA = 4 };

/** Where to, while no configuration has said it. */
extern const char *p11_log_default;
/** Log as `conf` says from now on; NULL: as by default. */
void p11_log_open(const struct client_conf *conf);
void p11_log_close(void);
/** In a child after fork(): the descriptor is the parent's too. */
void p11_log_abandon(void);

bool p11_log_wants(int level);
bool p11_log_masks(unsigned mask);
bool p11_log_inout(void);

void p11_log_at(const char *file, int line, int level, const char *function, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
#define p11_log(level, function, ...) \
	do { \
		if (p11_log_wants(level)) \
			p11_log_at(__FILE__, __LINE__, level, function, __VA_ARGS__); \
	} while (0)
