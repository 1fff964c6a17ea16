/* turn.c - PIN checks of one partition take turns: who guesses at one partition does not hold up the PINs of the others,
 * and no guess is begun before the count of the one in front of it is on the disk. */
#include <stdlib.h>

#include "hsm/rooms.h"

/* The line of a partition; it lives while somebody stands in it. */
struct hsm_turns {
	struct hsm *hsm;
	uint64_t partition;
	struct hsm_turn *first, **last; /* the first is under way */
	size_t n;
	bool moving;
};

static hl_err line_of(struct hsm *h, uint64_t partition, struct hsm_turns **out)
{
	struct hsm_turns *line = hl_map_get(&h->turns, partition);
	hl_err err;

	if (!line) {
		line = calloc(1, sizeof *line);
		err = line ? hl_map_put(&h->turns, partition, line) : HL_E_NOMEM;
		if (err != HL_OK) {
			free(line);
			return err;
		}
		line->hsm = h;
		line->partition = partition;
		line->last = &line->first;
	}
	*out = line;
	return HL_OK;
}

/* A turn may be over as soon as it has begun: then the next one begins here, and not inside that one's end. */
static void move_on(struct hsm_turns *line)
{
	if (line->moving)
		return;
	line->moving = true;
	while (line->first && !line->first->began) {
		line->first->began = true;
		line->first->go(line->first);
	}
	line->moving = false;
	if (line->first)
		return;
	hl_map_take(&line->hsm->turns, line->partition);
	free(line);
}

hl_err hsm_turn_take(struct hsm_turn *t, uint64_t partition)
{
	struct hsm_turns *line;

	HL_TRY(line_of(t->task.hsm, partition, &line));
	if (line->n == HSM_TURNS_MAX)
		return HL_E_BUSY;
	t->turns = line;
	*line->last = t;
	line->last = &t->behind;
	line->n++;
	move_on(line);
	return HL_OK;
}

void hsm_turn_end(struct hsm_turn *t)
{
	struct hsm_turns *line = t->turns;

	if (!line)
		return;
	t->turns = NULL;
	line->first = t->behind;
	if (!line->first)
		line->last = &line->first;
	line->n--;
	move_on(line);
}

void hsm_turns_clear(struct hsm *h)
{
	struct hsm_turns *line;
	size_t at = 0;

	while ((line = hl_map_next(&h->turns, &at)) != NULL)
		free(line);
	hl_map_clear(&h->turns);
}
