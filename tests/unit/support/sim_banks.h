/* support/sim_banks.h - where the words of a tensor lie, word by word and group by group, for the tests of bank functions. Only
 * fdht_sim_place is the library's; indices are taken apart here. */
#ifndef FDHT_SUPPORT_SIM_BANKS_H
#define FDHT_SUPPORT_SIM_BANKS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

enum { LOOK_SIDE = 256 }; /* most banks, lanes and rows */

/* A tensor seen from one side: (majors, minors) = (inner, columns) of its reader, or (rows, columns) of its writer. Address and
 * skew of each index: of the majors, then of the minors. Free it with close_view. */
typedef struct side_view {
    size_t majors, minors, *a, *k;
} side_view;

static inline size_t view_extent(const fdht_sim_leg *leg, int n)
{
    size_t p = 1;
    for (int i = 0; i < n; i++)
        p *= leg[i].extent;
    return p;
}

static inline void view_indices(const fdht_sim_leg *leg, int n, bool out, size_t many, size_t *a, size_t *k)
{
    for (size_t index = 0; index < many; index++) {
        size_t rest = index;
        for (int i = n - 1; i >= 0; i--) {
            size_t at = rest % leg[i].extent;
            a[index] += at * (out ? leg[i].stride_out : leg[i].stride_in);
            k[index] += at * (out ? leg[i].skew_out : leg[i].skew_in);
            rest /= leg[i].extent;
        }
    }
}

static inline side_view view_of(const fdht_sim_leg *major, int n_major, const fdht_sim_leg *minor,
                                int n_minor, bool out)
{
    side_view v = {.majors = view_extent(major, n_major), .minors = view_extent(minor, n_minor)};
    v.a = calloc(2 * (v.majors + v.minors), sizeof *v.a);
    if (!v.a)
        abort();
    v.k = v.a + v.majors + v.minors;
    view_indices(major, n_major, out, v.majors, v.a, v.k);
    view_indices(minor, n_minor, out, v.minors, v.a + v.majors, v.k + v.majors);
    return v;
}

static inline side_view reading(const fdht_sim_stage *r)
{
    return view_of(r->inner, r->n_inner, r->col, r->n_col, false);
}

static inline side_view writing(const fdht_sim_stage *w)
{
    return view_of(w->row, w->n_row, w->col, w->n_col, true);
}

static inline void close_view(side_view *v)
{
    free(v->a);
}

static inline size_t bank_at(const side_view *v, const fdht_bank_map *m, size_t banks, size_t major,
                             size_t minor, size_t *line)
{
    minor += v->majors;
    return fdht_sim_place(m, banks, v->a[major] + v->a[minor], v->k[major] + v->k[minor], line);
}

/* Most words of a group in one bank. */
static inline size_t most_in_a_bank(const size_t *bank, size_t n)
{
    unsigned short in[LOOK_SIDE] = {0};
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        in[bank[i]]++;
        most = in[bank[i]] > most ? in[bank[i]] : most;
    }
    return most;
}

/* Whether every word has a place of its own inside the tensor. */
static inline bool places_distinct(const side_view *v, const fdht_bank_map *m, size_t banks)
{
    bool good = true;
    unsigned char *seen = calloc(m->lines * banks, 1);
    if (!seen)
        abort();
    for (size_t i = 0; i < v->majors && good; i++)
        for (size_t c = 0; c < v->minors && good; c++) {
            size_t line, bank = bank_at(v, m, banks, i, c, &line);
            good = bank < banks && line < m->lines && !seen[line * banks + bank]++;
        }
    free(seen);
    return good;
}

/* The most cycles of a read of `lanes` consecutive columns at one inner index. */
static inline size_t slowest_read(const side_view *v, const fdht_bank_map *m, size_t banks, size_t lanes)
{
    size_t bank[LOOK_SIDE], line, most = 0;
    for (size_t i = 0; i < v->majors; i++)
        for (size_t c = 0; c < v->minors; c += lanes) {
            size_t n = 0;
            for (; n < lanes && c + n < v->minors; n++)
                bank[n] = bank_at(v, m, banks, i, c + n, &line);
            size_t now = most_in_a_bank(bank, n);
            most = now > most ? now : most;
        }
    return most;
}

/* The most cycles of a write of up to `words` rows of one column, of tiles of `side` rows. */
static inline size_t slowest_column(const side_view *v, const fdht_bank_map *m, size_t banks, size_t side,
                                    size_t words)
{
    size_t bank[LOOK_SIDE], line, most = 0;
    for (size_t c = 0; c < v->minors; c++)
        for (size_t r0 = 0; r0 < v->majors; r0 += side)
            for (size_t r = r0; r < v->majors && r < r0 + side; r += words) {
                size_t n = 0;
                for (; n < words && r + n < r0 + side && r + n < v->majors; n++)
                    bank[n] = bank_at(v, m, banks, r + n, c, &line);
                size_t now = most_in_a_bank(bank, n);
                most = now > most ? now : most;
            }
    return most;
}

/* The most cycles of a write of all rows of a tile of `columns` columns, consecutive indices of the fastest column leg of extent
 * `extent`. */
static inline size_t slowest_block(const side_view *v, const fdht_bank_map *m, size_t banks, size_t side,
                                   size_t columns, size_t extent)
{
    size_t bank[LOOK_SIDE], line, most = 0;
    for (size_t c = 0; c < v->minors; c++)
        for (size_t r0 = 0; r0 < v->majors && c % extent + columns <= extent; r0 += side) {
            size_t n = 0;
            for (size_t j = 0; j < columns; j++)
                for (size_t r = r0; r < v->majors && r < r0 + side; r++)
                    bank[n++] = bank_at(v, m, banks, r, c + j, &line);
            size_t now = most_in_a_bank(bank, n);
            most = now > most ? now : most;
        }
    return most;
}

/* What conflicts cost a stage that writes one tensor: cycles of a run, and extra cycles of the banks, of reads and writes. Tile k
 * computes when tile k - 1 has computed and tile k - 2 is written; it is written when tile k - 1 is. */
typedef struct conflict_cost {
    size_t cycles, extra;
} conflict_cost;

static inline conflict_cost cost_of_conflicts(const fdht_sim_stage *w, const fdht_sim_stage *r,
                                              const fdht_sim_hw *hw)
{
    side_view in = reading(r), out = writing(w);
    size_t inner = view_extent(w->inner, w->n_inner), bank[LOOK_SIDE], line, extra[2] = {0, 0},
           end[2] = {0, 0};
    for (size_t i = 0; i < in.majors; i++)
        for (size_t c = 0; c < in.minors; c += hw->n_pe) {
            size_t n = 0;
            for (; n < hw->n_pe && c + n < in.minors; n++)
                bank[n] = bank_at(&in, &r->in, hw->x_banks, i, c + n, &line);
            extra[0] += most_in_a_bank(bank, n) - 1;
        }
    for (int real = 0; real < 2; real++) {
        size_t computed = 0, before = 0;
        for (size_t c0 = 0; c0 < out.minors; c0 += hw->n_pe)
            for (size_t r0 = 0; r0 < out.majors; r0 += hw->macs_per_pe) {
                size_t nr = FDHT_MIN(out.majors - r0, hw->macs_per_pe),
                       nc = FDHT_MIN(out.minors - c0, hw->n_pe);
                size_t drain = 0;
                for (size_t at = 0; at < nr * nc; at += hw->wb_words) {
                    size_t n = FDHT_MIN(nr * nc - at, hw->wb_words);
                    for (size_t i = at; i < at + n; i++)
                        bank[i - at] =
                            bank_at(&out, &r->in, hw->x_banks, r0 + (w->drain_column ? i % nr : i / nc),
                                    c0 + (w->drain_column ? i / nr : i % nc), &line);
                    size_t turns = real ? most_in_a_bank(bank, n) : 1;
                    drain += turns;
                    extra[1] += turns - 1;
                }
                computed = FDHT_MAX(computed, before) + inner;
                before = end[real];
                end[real] = FDHT_MAX(computed, end[real]) + drain;
            }
    }
    close_view(&in);
    close_view(&out);
    return (conflict_cost){end[1] - end[0] + extra[0], extra[0] + extra[1]};
}

typedef struct drained {
    size_t groups, slow; /* groups; those that take more than one cycle */
    size_t over;         /* groups that take more cycles than they have columns */
} drained;

/* The groups of tiles of pe columns and `side` rows, `words` at a time down the columns. */
static inline drained drained_by_column(const side_view *v, const fdht_bank_map *m, size_t banks, size_t pe,
                                        size_t side, size_t words)
{
    drained w = {0};
    size_t bank[LOOK_SIDE], line;
    for (size_t c0 = 0; c0 < v->minors; c0 += pe)
        for (size_t r0 = 0; r0 < v->majors; r0 += side) {
            size_t nr = v->majors - r0 < side ? v->majors - r0 : side;
            size_t nc = v->minors - c0 < pe ? v->minors - c0 : pe;
            for (size_t at = 0; at < nr * nc; at += words) {
                size_t n = nr * nc - at < words ? nr * nc - at : words;
                for (size_t i = 0; i < n; i++)
                    bank[i] = bank_at(v, m, banks, r0 + (at + i) % nr, c0 + (at + i) / nr, &line);
                size_t cycles = most_in_a_bank(bank, n), columns = (at + n - 1) / nr - at / nr + 1;
                w.groups++;
                w.slow += cycles > 1;
                w.over += cycles > columns;
            }
        }
    return w;
}

#endif
