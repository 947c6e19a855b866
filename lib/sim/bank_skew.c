/* bank_skew.c - the skews of a tensor in closed form: the theorem of lib/README.md section 9.4, with its letters. */
#include "sim/sim.h"

typedef struct seam {
    const fdht_sim_hw *hw;
    const fdht_sim_stage *w;
    fdht_sim_stage *r;
} seam;

/* The writer's leg as its reader has it. */
static fdht_sim_leg *reader_leg(const seam *t, const fdht_sim_leg *l)
{
    fdht_sim_stage *r = t->r;
    fdht_sim_leg *at = fdht_sim_find(r->inner, r->n_inner, l->id);
    return at ? at : fdht_sim_find(r->col, r->n_col, l->id);
}

/* Whether a line holds words of several of the leg's indices, so that its stride decides its banks. Every other leg takes a skew;
 * columns only where no read goes over the end of a line. */
static bool is_fixed(const seam *t, const fdht_sim_leg *l)
{
    const fdht_sim_hw *hw = t->hw;
    const fdht_sim_leg *at = reader_leg(t, l);
    bool inner = at < t->r->inner + t->r->n_inner && at >= t->r->inner;
    return !inner && (at->stride_in % hw->x_banks || hw->x_banks % hw->n_pe || hw->x_banks % hw->lstm_lanes);
}

static void set_skew(const seam *t, const fdht_sim_leg *l, size_t skew)
{
    reader_leg(t, l)->skew_in = is_fixed(t, l) ? 0 : skew % t->hw->x_banks;
}

/* The fastest fixed column leg among those that `columns` consecutive columns take through several indices; NULL: none. *beside:
 * through how many combinations they take those legs. */
static const fdht_sim_leg *fixed_column(const seam *t, size_t columns, size_t *beside)
{
    const fdht_sim_leg *first = NULL;
    const fdht_sim_stage *w = t->w;
    *beside = 1;
    for (int i = w->n_col - 1; i >= 0 && columns > 1; i--) {
        const fdht_sim_leg *l = &w->col[i];
        if (is_fixed(t, l)) {
            if (!first && i == w->n_col - 1) { /* what follows it goes on with its numbers */
                *beside = columns;
                return reader_leg(t, l);
            }
            first = first ? first : reader_leg(t, l);
            *beside *= FDHT_MIN(columns, l->extent);
        }
        columns = (columns + l->extent - 1) / l->extent;
    }
    return first;
}

/* Whether the fixed rows have their radix as stride, and `at` is the radix of a row leg or the number of rows. */
static bool rows_split(const seam *t, size_t at)
{
    size_t radix = 1;
    bool split = at == 1;
    for (int i = t->w->n_row - 1; i >= 0; i--) {
        const fdht_sim_leg *l = &t->w->row[i];
        if (is_fixed(t, l) && reader_leg(t, l)->stride_in != radix)
            return false;
        radix *= l->extent;
        split |= radix == at;
    }
    return split;
}

/* The least skew from `least` on with which indices of a row leg of this extent fit between those of the fixed rows. Where these have
 * their radix as stride, it is the leg's radix. */
static size_t between(const seam *t, size_t least, size_t extent)
{
    for (int i = t->w->n_row - 1; i >= 0; i--) {
        const fdht_sim_leg *l = &t->w->row[i];
        size_t stride = reader_leg(t, l)->stride_in;
        if (!is_fixed(t, l) || least * extent <= stride || least >= stride * l->extent)
            continue;
        least = stride * l->extent;
        i = t->w->n_row; /* against all of them again */
    }
    return least;
}

void fdht_sim_skew(const fdht_sim_hw *hw, const fdht_sim_stage *w, size_t group, fdht_sim_stage *r)
{
    seam t = {hw, w, r};
    size_t side = FDHT_MIN(fdht_sim_rows(w), hw->macs_per_pe);
    size_t words = FDHT_MIN(group ? group : hw->wb_words, hw->x_banks);
    size_t columns = FDHT_MIN(FDHT_MAX(words / side, (size_t)1), group ? group : hw->n_pe), beside;
    const fdht_sim_leg *fixed = fixed_column(&t, columns, &beside);
    size_t at = fixed ? fixed->stride_in : 1, skew = 1;
    bool first = fixed && fixed->id == w->col[w->n_col - 1].id;
    if (side % at || beside * side > hw->x_banks || !rows_split(&t, at))
        beside = 1;
    for (int i = w->n_row - 1; i >= 0; i--) {
        if (is_fixed(&t, &w->row[i]))
            continue;
        skew = between(&t, skew, w->row[i].extent);
        set_skew(&t, &w->row[i], skew < at ? skew : skew * beside);
        skew *= w->row[i].extent;
    }
    skew = first ? at : side * beside;
    for (int i = w->n_col - 1; i >= 0; i--) {
        set_skew(&t, &w->col[i], skew);
        skew *= first || !is_fixed(&t, &w->col[i]) ? w->col[i].extent : 1;
    }
}
