/* effect.h - what the stories of effects begin with: a simulated world of 3 proxies and 2 HSMs with one user, who is logged in,
 * and requests with a token of the test's own choice. */
#pragma once

#include "hsm/rooms.h"
#include "tests/sim/story.h"

#define EFFECT_PARTITION "ACMEPARTONE"

extern struct world *w;
extern struct world_client *c;

struct hl_bytes pin(void);
void log_in(void);
void begin(uint64_t seed);
void end(void);
/** Log in at a member: the one that the link leads to now, or another. */
void move(bool other);
/** The one that it leads to. */
struct hsm *member(void);

/* -- what the store holds ---------------------------------------------------------------------------------- */

uint64_t rows(enum hsm_table table);
/** To be cleared. */
void partition(struct hsm_partition *p);
/** Wrong PINs that were counted. */
uint32_t failures(void);
int64_t floor_ms(void);
/** Another member raises it beyond all times of now. */
void raise_the_floor(void);

/* -- requests with a token of the test's own choice -------------------------------------------------------- */

struct creation {
	struct story_key key;
	struct client_call call;
	struct hl_generated made;
};
void creation(struct creation *k, const char *label);
/** Send it, or send it again. */
hl_err create(struct creation *k);
void creation_clear(struct creation *k);
void set_token(struct client_call *call, int64_t time_ms, uint8_t mark);
int64_t now_ms(void);
/** To the client a token that it did not make is one of an earlier try: that its time is refused leaves the outcome
 * unknown. */
hl_err create_at(int64_t time_ms, uint8_t mark);
/** Cut the link after the next commit of each member, `times` times; 0: no more. */
void cut_after_commits(unsigned times);
