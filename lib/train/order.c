/* train/order.c - the order of an epoch's clips: all shuffled, or shuffled in a window that runs over shuffled blocks. */
#include "train/order.h"

#include <string.h>

#include "base/base.h"
#include "fdht/basics.h"

enum { BLOCKS = 16 }; /* of a window, where nothing else is asked for */

int fdht_order_new(fdht_order_plan *p, size_t clips, size_t window, size_t block, fdht_error *err)
{
    *p = (fdht_order_plan){.clips = clips, .window = window};
    if (!window || window >= clips)
        return FDHT_OK;
    p->block = block ? FDHT_MIN(block, window) : FDHT_MAX(window / BLOCKS, (size_t)1);
    p->stream = fdht_calloc_err(clips, sizeof *p->stream, "order of clips", err);
    p->held = fdht_calloc_err(window, sizeof *p->held, "order of clips", err);
    p->wanted = fdht_calloc_err(clips, sizeof *p->wanted, "order of clips", err);
    return p->stream && p->held && p->wanted ? FDHT_OK : FDHT_ENOMEM;
}

void fdht_order_free(fdht_order_plan *p)
{
    fdht_free(p->stream);
    fdht_free(p->held);
    fdht_free(p->wanted);
    *p = (fdht_order_plan){0};
}

/* Blocks in random order; `scratch` (clips) is overwritten. */
static void lay_blocks(fdht_order_plan *p, fdht_rng *rng, size_t *scratch)
{
    size_t blocks = (p->clips + p->block - 1) / p->block, n = 0;
    for (size_t b = 0; b < blocks; b++)
        scratch[b] = b;
    fdht_rng_shuffle(rng, scratch, blocks);
    for (size_t b = 0; b < blocks; b++)
        for (size_t i = scratch[b] * p->block; i < FDHT_MIN((scratch[b] + 1) * p->block, p->clips); i++)
            p->stream[n++] = i;
}

void fdht_order_deal(fdht_order_plan *p, uint64_t key, size_t *order)
{
    fdht_rng rng;
    fdht_rng_seed(&rng, key, 0);
    if (!p->stream) {
        for (size_t i = 0; i < p->clips; i++)
            order[i] = i;
        fdht_rng_shuffle(&rng, order, p->clips);
        return;
    }
    lay_blocks(p, &rng, order);
    size_t held = p->window, next = held;
    memcpy(p->held, p->stream, held * sizeof *p->held);
    for (size_t i = 0; i < p->clips; i++) {
        size_t j = fdht_rng_below(&rng, held);
        order[i] = p->held[j];
        p->held[j] = next < p->clips ? p->stream[next++] : p->held[--held];
    }
}

void fdht_order_keep(fdht_order_plan *p, const size_t *mine, size_t n)
{
    if (!p->stream)
        return;
    memset(p->wanted, 0, p->clips);
    for (size_t i = 0; i < n; i++)
        p->wanted[mine[i]] = 1;
    for (size_t i = 0, kept = 0; i < p->clips; i++)
        if (p->wanted[p->stream[i]])
            p->stream[kept++] = p->stream[i];
}
