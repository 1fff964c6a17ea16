/* end.h - one end of a test's connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUCH (10u << 20) /* more than all buffers on the way hold */

/* What it still sends, and what has come. */
struct end {
	int fd;
	size_t to_send, sent, got;
	size_t skip; /* bytes in front that are not of the pattern */
	bool fin;    /* end the side after the last byte */
	bool eof, cut, wrong;
};

/** The byte at this place of what is sent. */
uint8_t pattern(size_t i);
/** Send, receive, or both, as much as goes without waiting. */
void end_send(struct end *e);
void end_receive(struct end *e);
void end_turn(struct end *e);
/** Whether nothing more can be sent now. */
bool end_is_full(int fd);
/** Close it so that the other side gets a reset. */
void end_reset(int fd);
