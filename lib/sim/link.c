/* link.c - the link from the host: input vectors come in their order, a few words a cycle, behind array and LSTM unit. */
#include "sim/beside.h"

void fdht_link_start(fdht_link *l, const int16_t *x, size_t base)
{
    l->busy = true;
    l->x = x;
    l->base = base;
    l->at = l->n_words = 0;
}

/* The next words, and their places. */
static int next_group(fdht_link *l, fdht_error *err)
{
    const fdht_plan *q = l->q;
    fdht_array *m = l->m;
    size_t n = FDHT_MIN(FDHT_MIN(m->hw->input_words, (size_t)FDHT_SIM_SIDE), q->n_x - l->at);
    for (size_t i = 0; i < n; i++) {
        size_t e = l->at + i;
        fdht_place at = fdht_plan_place(m->hw, &q->p->x.stage[0].in, q->xi_a[e], q->xi_k[e], l->base);
        if (!fdht_array_holds(m, 0, at))
            return fdht_fail(err, FDHT_EFORMAT, "input word %zu: line %zu is outside the memory", e, at.line);
        *fdht_array_word(m, 0, at) = l->x[e];
        l->word[i] = at;
    }
    l->at += n;
    l->n_words = n;
    m->report->input_words += n;
    m->report->stage[0].input_words += n;
    return FDHT_OK;
}

int fdht_link_cycle(fdht_link *l, fdht_error *err)
{
    fdht_array *m = l->m;
    size_t left = 0;
    int status = l->busy && !l->n_words ? next_group(l, err) : FDHT_OK;
    if (!l->busy || status)
        return status;
    m->report->link_cycles++;
    for (size_t i = 0; i < l->n_words; i++) {
        uint64_t *port = fdht_array_port(m, 0, l->word[i].bank, m->cycle);
        if (*port / 4 == m->cycle + 1) {
            l->word[left++] = l->word[i];
            continue;
        }
        *port = (m->cycle + 1) * 4;
        fdht_array_trace(m, m->cycle, 'i', 0, l->word[i], 0);
    }
    l->n_words = left;
    l->busy = left || l->at < l->q->n_x;
    return FDHT_OK;
}
