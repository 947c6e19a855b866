/* sim/beside.h - what works beside the array: the LSTM unit and the link to the host. Internal to lib/sim. */
#ifndef FDHT_SIM_BESIDE_H
#define FDHT_SIM_BESIDE_H

#include "sim/plan.h"

/* A word of the LSTM unit's tick. */
typedef struct fdht_unit_word {
    char port;
    int buffer;
    fdht_place at;
    bool served;
} fdht_unit_word;

/* The LSTM unit: a pipeline that takes lstm_lanes hidden units at a time. A tick reads one gate of a group, its words of z_x
 * and z_h, and writes h of the group whose last gate was read lstm_latency_cycles ticks before.
 *   - In a cycle the port of a bank serves one word of the tick: one of h before one of z_x before one of z_h, the first
 *     units first; none if the array uses it.
 *   - The tick ends with the cycle in which its last word is served; until then the whole unit stands. */
typedef struct fdht_unit {
    fdht_array *m;
    const fdht_plan *q;
    bool busy;
    size_t job;
    uint64_t started;            /* cycle in which the job's input was taken up */
    int16_t *c, *h;              /* (clips, units) cell states; (units) */
    int16_t *y;                  /* (units) of this job */
    uint64_t tick, *due;         /* (groups) tick in which h of the group is written */
    size_t group, gate, written; /* the next to read, the next to write */
    bool open;                   /* the tick has begun */
    fdht_unit_word word[3 * FDHT_SIM_SIDE];
    size_t n_words;
    int16_t value[FDHT_SIM_SIDE][4]; /* the group's gates */
} fdht_unit;

int fdht_unit_open(fdht_unit *u, fdht_array *m, const fdht_plan *q, fdht_error *err);
void fdht_unit_close(fdht_unit *u);
/* Begin job j; its result goes to y (units). */
void fdht_unit_start(fdht_unit *u, size_t j, uint64_t started, int16_t *y);
/* One cycle beside the array. */
int fdht_unit_beside(fdht_unit *u, fdht_error *err);
/* The array waits until the unit is idle. */
int fdht_unit_wait(fdht_unit *u, fdht_error *err);

/* The link: input_words words of an input vector a cycle, in their order. In a cycle the port of a bank serves one word of
 * the group, none if array or LSTM unit use it; the next group comes when the last word of this one is served. */
typedef struct fdht_link {
    fdht_array *m;
    const fdht_plan *q;
    bool busy;
    const int16_t *x;
    size_t base, at;
    fdht_place word[FDHT_SIM_SIDE];
    size_t n_words; /* of the group that are not served yet */
} fdht_link;

void fdht_link_start(fdht_link *l, const int16_t *x, size_t base);
int fdht_link_cycle(fdht_link *l, fdht_error *err);

#endif
