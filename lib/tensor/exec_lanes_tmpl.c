/* tensor/exec_lanes_tmpl.c - an executor in lane form: as many vectors at a time as a register has lanes, each number of every
 * tensor a register (lib/README.md section 4.4). Template (base/real.h).
 *
 * A block runs in the loops of the plan. Within them, step after step, lies all it needs in the nearest caches: slices of the
 * activations and of their gradients. No size of a mode is a special case. */
#include <math.h>
#include <string.h>

/* One block on its way through one term. */
typedef struct block {
    const R(fdht_exec) *e;
    const R(fdht_vectors) *x;
    size_t first, rows; /* its vectors */
    int worker;
    bool bytes; /* they are read as bytes, */
    bool moves; /* some of them moved: */
    fdht_bytes of[FDHT_LANES];
    fdht_number numbers; /* of the slices of the input */
    int term;
    REAL *act, *back; /* scratch; back NULL: forward only */
    REAL *outer,
        *gW;  /* gradients of the weights of the term: in lanes, and of large ones, as they are packed */
    REAL *gx; /* where the gradient of the input goes, or NULL */
    size_t ldgx;
    bool accumulate;
    size_t index[FDHT_MAX_LEGS]; /* of the loops */
} block;

/* Bytes and their differences are whole numbers, and where the mean is whole, bytes less it are bytes that stand for that. */
static fdht_number choose_numbers(const fdht_bytes *of)
{
    if (of->before)
        return FDHT_SHORTS;
    if (of->mean == 0)
        return FDHT_BYTES;
    return of->mean > 0 && of->mean <= 255 && rintf(of->mean) == of->mean ? FDHT_CENTRED : FDHT_REALS;
}

/* Whether all vectors of the block are made of bytes in one way, and in which. */
static bool find_bytes(block *b)
{
    const R(fdht_vectors) *x = b->x;
    const bool whole = b->e->kernels->whole;
    for (size_t l = 0; l < b->rows; l++) {
        fdht_bytes *of = &b->of[l];
        *of = (fdht_bytes){0};
        if (x->u8)
            of->now = x->u8 + (b->first + l) * x->ld;
        else if (!x->bytes || !x->bytes(x->arg, b->first + l, of))
            return false;
        b->moves |= of->move != NULL;
        if (of->mean != b->of->mean || !of->before != !b->of->before || of->drop != b->of->drop ||
            (of->before && !whole))
            return false;
    }
    if (b->of->drop && (b->e->plan.nest.run % 4 || b->e->plan.nest.runs > 1))
        return false;
    if (whole)
        b->numbers = choose_numbers(b->of);
    return true;
}

/* Number `at` of the slice of the input in lanes. */
static void *slice_number(const block *b, size_t at)
{
    static const size_t size[] = {sizeof(REAL), sizeof(int16_t), sizeof(uint8_t), sizeof(uint8_t)};
    char *slice = (char *)(b->act + b->e->tables[0].act);
    return slice + at * b->e->kernels->lanes * size[b->numbers];
}

/* n numbers of the input from `first` on, from the bytes of every lane, become those of a slice from `at` on. line: room for 2 n of each. */
static void load_bytes(const block *b, size_t first, size_t n, uint8_t *line, size_t at)
{
    const R(fdht_exec) *e = b->e;
    fdht_pixels p = {.mean = b->of->mean, .drop = b->of->drop, .first = first};
    for (size_t l = 0; l < b->rows; l++) {
        const fdht_bytes *of = &b->of[l];
        const uint8_t *from[] = {of->now, of->before}, **to[] = {&p.now[l], &p.before[l]};
        p.key[l] = of->key;
        for (int i = 0; i < (of->before ? 2 : 1); i++, line += n) {
            *to[i] = from[i] + first;
            if (!of->move)
                continue;
            of->move(of->how, from[i], first, n, line);
            *to[i] = line;
        }
    }
    for (size_t l = b->rows; l < e->kernels->lanes; l++) { /* any number will do in a lane without a vector */
        p.now[l] = p.now[0];
        p.before[l] = p.before[0];
    }
    e->kernels->bytes_to_lanes(n, &p, b->numbers, slice_number(b, at));
}

/* Where the slice at the loops' indices begins in the input. */
static size_t slice_at(const block *b)
{
    const fdht_nest *s = &b->e->plan.nest;
    size_t at = 0;
    for (int j = 0; j < s->loops; j++)
        at += b->index[j] * s->stride[j];
    return at;
}

/* The slice of the input at the loops' indices into lanes. */
static void load_slice(const block *b)
{
    const R(fdht_exec) *e = b->e;
    const R(fdht_vectors) *x = b->x;
    const fdht_nest *s = &e->plan.nest;
    const size_t lanes = e->kernels->lanes, most = FDHT_MIN(s->run, (size_t)FDHT_EXEC_LANES_PIECE);
    const size_t piece = b->bytes && !b->moves ? s->run : most; /* the first need no room */
    REAL *line = b->act + e->lanes_size - most * lanes;
    size_t at = 0;
    for (size_t r = 0; r < s->runs; r++)
        for (size_t i = 0, n; i < s->run; i += n, at += n) {
            size_t first = slice_at(b) + s->run_at[r] + i;
            n = FDHT_MIN(s->run - i, piece);
            if (b->bytes) {
                load_bytes(b, first, n, (uint8_t *)line, at);
            } else if (x->real) {
                e->kernels->to_lanes(n, x->real + b->first * x->ld + first, x->ld, b->rows, NULL,
                                     slice_number(b, at));
            } else {
                for (size_t l = 0; l < b->rows; l++)
                    x->load(x->arg, b->first + l, b->worker, first, n, line + l * n);
                e->kernels->to_lanes(n, line, n, b->rows, NULL, slice_number(b, at));
            }
        }
}

/* A step at the loops' indices, as the kernels take it: from its activation to the next, and with back the gradients' way. */
static R(fdht_contraction) step_of(const block *b, int at, bool back)
{
    const R(fdht_exec) *e = b->e;
    const fdht_step *s = &e->plan.step[at];
    const fdht_step_tables *t = &e->tables[at];
    const size_t row = fdht_slices_weight(&e->plan, at, b->index) * s->slice.sums;
    if (back)
        return (R(fdht_contraction)){.positions = s->slice.positions,
                                     .k = s->n,
                                     .n = s->slice.sums,
                                     .A = b->back + t[1].grad,
                                     .a = s->slice.out,
                                     .sum = e->plan.nest.ramp,
                                     .C = at ? b->back + t->grad : b->act + t->act,
                                     .c = s->slice.in,
                                     .out = s->slice.sum,
                                     .W = e->turned + (size_t)b->term * e->turned_size + t->turned +
                                          row * s->n,
                                     .ldw = s->slice.sums};
    return (R(fdht_contraction)){.positions = s->slice.positions,
                                 .k = s->slice.sums,
                                 .n = s->n,
                                 .A = b->act + t->act,
                                 .numbers = at ? FDHT_REALS : b->numbers,
                                 .mean = b->of->mean,
                                 .a = s->slice.in,
                                 .sum = s->slice.sum,
                                 .C = b->act + t[1].act,
                                 .c = s->slice.out,
                                 .out = e->plan.nest.ramp,
                                 .W = e->packed + (size_t)b->term * e->packed_size + t->weight +
                                      row * s->n_pad,
                                 .ldw = s->n_pad,
                                 .accumulate = row > 0};
}

/* gW (n in a row) += the lanes of k x n gradients, which become 0. */
static void collect(const R(fdht_exec) *e, int at, size_t k, REAL *outer, REAL *gW)
{
    const fdht_step *s = &e->plan.step[at];
    for (size_t x = 0; x < k; x++)
        e->kernels->sum_lanes(s->n, outer + x * s->n * e->kernels->lanes, gW + x * s->n_pad);
    memset(outer, 0, k * s->n * e->kernels->lanes * sizeof *outer);
}

/* Add to the gradient of a step's weight; of a large one some rows at a time, whose lanes are summed at once. */
static void add_outer(const block *b, int at)
{
    const R(fdht_exec) *e = b->e;
    const fdht_step *s = &e->plan.step[at];
    const fdht_step_tables *t = &e->tables[at];
    R(fdht_contraction) g = step_of(b, at, false);
    size_t x = fdht_slices_weight(&e->plan, at, b->index) * s->slice.sums, end = x + s->slice.sums;
    g.C = b->back + t[1].grad;
    if (s->k * s->n <= FDHT_EXEC_LANES_WEIGHT) {
        e->kernels->outer(&g, b->outer + t->outer + x * s->n * e->kernels->lanes);
        return;
    }
    for (; x < end; x += g.k, g.sum += g.k) {
        g.k = FDHT_MIN(end - x, FDHT_MAX(FDHT_EXEC_LANES_WEIGHT / 4 / s->n, (size_t)1));
        e->kernels->outer(&g, b->back + e->some_outer);
        collect(e, at, g.k, b->back + e->some_outer, b->gW + t->weight + x * s->n_pad);
    }
}

/* Numbers that were dropped raise the others, which the bytes of a slice do not show: times the output, or its gradient, in lanes. */
static void scale_output(const block *b, REAL *lanes)
{
    const size_t n = b->e->plan.output_size * b->e->kernels->lanes;
    const REAL scale = (REAL)256 / (REAL)(256 - b->of->drop);
    if (!b->bytes || !b->of->drop)
        return;
    for (size_t i = 0; i < n; i++)
        lanes[i] *= scale;
}

/* The gradient of the input's slice into the rows of gx. */
static void store_slice(const block *b)
{
    const R(fdht_exec) *e = b->e;
    const fdht_nest *s = &e->plan.nest;
    for (size_t r = 0; r < s->runs; r++)
        e->kernels->from_lanes(s->run, slice_number(b, r * s->run), NULL, b->rows,
                               b->gx + slice_at(b) + s->run_at[r], b->ldgx, b->accumulate);
}

/* All steps within `loop` loops. Gradients come down before the activations are there: no step back needs one. */
static void run_loop(block *b, int loop)
{
    const R(fdht_exec) *e = b->e;
    const fdht_plan *p = &e->plan;
    const bool gradient = b->outer != NULL, back = gradient || b->gx;
    int from = loop < p->nest.loops ? p->nest.steps[loop] : 0;
    int to = loop ? p->nest.steps[loop - 1] : p->n_steps;
    for (int i = to; back && i-- > (gradient ? FDHT_MAX(from, 1) : from);) {
        R(fdht_contraction) g = step_of(b, i, true);
        e->kernels->contract(&g);
    }
    if (loop < p->nest.loops)
        for (b->index[loop] = 0; b->index[loop] < p->nest.extent[loop]; b->index[loop]++)
            run_loop(b, loop + 1);
    else if (b->gx)
        store_slice(b);
    else
        load_slice(b);
    for (int i = from; !b->gx && i < to; i++) {
        if (gradient)
            add_outer(b, i);
        if (gradient && i == p->n_steps - 1)
            continue;
        R(fdht_contraction) g = step_of(b, i, false);
        e->kernels->contract(&g);
    }
}

void R(fdht_lanes_forward)(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t first,
                           size_t rows, REAL *y, size_t ldy, bool accumulate)
{
    block b = {.e = e, .x = x, .first = first, .rows = rows, .worker = worker};
    b.act = R(fdht_exec_scratch)(e, worker) + e->lanes_at;
    b.bytes = find_bytes(&b);
    for (b.term = 0; b.term < e->op->n_terms; b.term++) {
        REAL *output = b.act + e->tables[e->plan.n_steps].act;
        run_loop(&b, 0);
        scale_output(&b, output);
        e->kernels->from_lanes(e->plan.output_size, output, e->plan.nest.natural, rows, y, ldy,
                               accumulate || b.term > 0);
    }
}

void R(fdht_lanes_transpose)(const R(fdht_exec) *e, int worker, size_t rows, const REAL *g, size_t ldg,
                             REAL *gx, size_t ldgx, bool accumulate)
{
    REAL *back = e->back + (size_t)worker * e->back_size;
    block b = {.e = e, .rows = rows, .back = back, .gx = gx, .ldgx = ldgx};
    b.act = R(fdht_exec_scratch)(e, worker) + e->lanes_at;
    e->kernels->to_lanes(e->plan.output_size, g, ldg, rows, e->plan.nest.natural,
                         back + e->tables[e->plan.n_steps].grad);
    for (b.term = 0; b.term < e->op->n_terms; b.term++) {
        b.accumulate = accumulate || b.term > 0;
        run_loop(&b, 0);
    }
}

void R(fdht_lanes_gradient)(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t first,
                            size_t rows, const REAL *g, size_t ldg, REAL *gW)
{
    REAL *back = e->back + (size_t)worker * e->back_size;
    block b = {.e = e, .x = x, .first = first, .rows = rows, .worker = worker, .back = back};
    b.act = R(fdht_exec_scratch)(e, worker) + e->lanes_at;
    b.bytes = find_bytes(&b);
    REAL *output = back + e->tables[e->plan.n_steps].grad;
    e->kernels->to_lanes(e->plan.output_size, g, ldg, rows, e->plan.nest.natural, output);
    scale_output(&b, output);
    for (b.term = 0; b.term < e->op->n_terms; b.term++) {
        b.outer = back + (size_t)b.term * e->outer_size;
        b.gW = gW + (size_t)b.term * e->packed_size;
        run_loop(&b, 0);
    }
}

void R(fdht_lanes_collect)(const R(fdht_exec) *e, int worker, REAL *gW)
{
    REAL *outer = e->back + (size_t)worker * e->back_size;
    for (int term = 0; term < e->op->n_terms; term++, outer += e->outer_size, gW += e->packed_size)
        for (int i = 0; i < e->plan.n_steps; i++) {
            const fdht_step *s = &e->plan.step[i];
            if (s->k * s->n <= FDHT_EXEC_LANES_WEIGHT)
                collect(e, i, s->k, outer + e->tables[i].outer, gW + e->tables[i].weight);
        }
}
