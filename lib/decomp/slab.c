/* slab.c - cutting the source tensor into slabs and reading them; the checks of an input. */
#include "decomp/ranks.h"
#include "decomp/slab.h"

#include <string.h>

/* Numbers that a partial read may stage. */
enum { STAGE = 1 << 20 };

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

void fdht_cut_plan(const fdht_op_spec *spec, int p, size_t numbers, bool by_column, fdht_cut *out)
{
    fdht_cut c = {.slabs = 1, .numbers = 1};
    for (int k = 0; k < spec->d; k++) {
        c.bi[k] = spec->out[k];
        c.bj[k] = spec->in[k];
        c.numbers *= spec->out[k] * spec->in[k];
    }
    for (int pass = 0; p >= 0 && pass < 2 && c.numbers > numbers; pass++) {
        size_t *b = (pass == 0) == by_column ? &c.bj[p] : &c.bi[p], full = *b, each = c.numbers / full;
        *b = FDHT_MAX(numbers / each, (size_t)1);
        *b = ceil_div(full, ceil_div(full, *b)); /* as equal as can be */
        c.numbers = each * *b;
        c.slabs *= ceil_div(full, *b);
    }
    *out = c;
}

bool fdht_input_wide(const fdht_decomp_input *in)
{
    for (int p = 0; p < in->parts; p++)
        if (in->part[p].source.f64)
            return true;
    return false;
}

static size_t outputs_of(const fdht_op_spec *s)
{
    size_t n = 1;
    for (int k = 0; k < s->d; k++)
        n *= s->out[k];
    return n;
}

static int check_part(const fdht_decomp_input *in, const fdht_part *p, int number, fdht_error *err)
{
    const fdht_dense_source *s = &p->source;
    size_t cells = 1, outputs = outputs_of(&in->spec);
    if ((s->f32 != NULL) + (s->f64 != NULL) + (s->read != NULL) != 1)
        return fdht_fail(err, FDHT_EINVAL, "part %d: needs exactly one source", number);
    for (int k = 0; k < in->spec.d; k++) {
        if (!p->box.size[k] || p->box.corner[k] > in->spec.in[k] ||
            p->box.size[k] > in->spec.in[k] - p->box.corner[k])
            return fdht_fail(err, FDHT_EINVAL, "part %d: box %zu+%zu does not fit mode %d of %zu", number,
                             p->box.corner[k], p->box.size[k], k + 1, in->spec.in[k]);
        cells *= p->box.size[k];
    }
    if (!s->cols || s->cols > cells)
        return fdht_fail(err, FDHT_EINVAL, "part %d: %zu columns do not fit a box of %zu", number, s->cols,
                         cells);
    if (!s->rows || s->rows % in->blocks || s->rows > outputs)
        return fdht_fail(err, FDHT_EINVAL, "part %d: %zu rows do not fit %zu outputs in %zu blocks", number,
                         s->rows, outputs, in->blocks);
    return FDHT_OK;
}

int fdht_input_check(const fdht_decomp_input *in, fdht_error *err)
{
    const fdht_op_spec *s = &in->spec;
    if (s->d < 1 || s->d > FDHT_MAX_MODES || (fdht_has_tree(s) && s->tree.d != s->d))
        return fdht_fail(err, FDHT_EINVAL, "%d modes with a tree of %d", s->d, s->tree.d);
    size_t total = 1;
    for (int k = 0; k < s->d; k++)
        if (!s->in[k] || !s->out[k] || !fdht_mul(total, s->in[k], &total) ||
            !fdht_mul(total, s->out[k], &total) || total > (size_t)1 << 48)
            return fdht_fail(err, FDHT_EINVAL, "mode %d of %zu x %zu: zero or too large", k + 1, s->out[k],
                             s->in[k]);
    if (!in->blocks || outputs_of(s) % in->blocks)
        return fdht_fail(err, FDHT_EINVAL, "%zu outputs are not %zu blocks", outputs_of(s), in->blocks);
    if (in->parts < 1 || in->parts > 2)
        return fdht_fail(err, FDHT_EINVAL, "%d parts: expected 1 or 2", in->parts);
    for (int p = 0; p < in->parts; p++) {
        int status = check_part(in, &in->part[p], p + 1, err);
        if (status)
            return status;
        if (in->part[p].source.rows != in->part[0].source.rows)
            return fdht_fail(err, FDHT_EINVAL, "parts of %zu and %zu rows", in->part[0].source.rows,
                             in->part[p].source.rows);
    }
    bool apart = in->parts == 1;
    for (int k = 0; k < s->d && in->parts == 2; k++) {
        const fdht_box *a = &in->part[0].box, *b = &in->part[1].box;
        apart |= a->corner[k] + a->size[k] <= b->corner[k] || b->corner[k] + b->size[k] <= a->corner[k];
    }
    return apart ? FDHT_OK : fdht_fail(err, FDHT_EINVAL, "the two parts overlap");
}

size_t fdht_input_numbers(const fdht_decomp_input *in)
{
    size_t n = 0;
    for (int p = 0; p < in->parts; p++)
        n += in->part[p].source.rows * in->part[p].source.cols;
    return n;
}

bool fdht_input_gaps(const fdht_decomp_input *in)
{
    size_t cells = 1;
    for (int k = 0; k < in->spec.d; k++)
        cells *= in->spec.in[k] * in->spec.out[k];
    return fdht_input_numbers(in) < cells;
}

bool fdht_input_row_used(const fdht_decomp_input *in, size_t row)
{
    return row % (outputs_of(&in->spec) / in->blocks) < in->part[0].source.rows / in->blocks;
}

bool fdht_input_col_used(const fdht_decomp_input *in, size_t col)
{
    for (int p = 0; p < in->parts; p++) {
        const fdht_box *b = &in->part[p].box;
        size_t at = 0, scale = 1, rest = col;
        bool inside = true;
        for (int k = in->spec.d - 1; k >= 0; k--) {
            size_t j = rest % in->spec.in[k];
            rest /= in->spec.in[k];
            inside = inside && j >= b->corner[k] && j - b->corner[k] < b->size[k];
            at += (j - b->corner[k]) * scale;
            scale *= b->size[k];
        }
        if (inside && at < in->part[p].source.cols)
            return true;
    }
    return false;
}

int fdht_slab_alloc(const fdht_decomp_input *in, const fdht_cut *cut, fdht_slab *out, fdht_error *err)
{
    *out = (fdht_slab){.rows = 0};
    if (fdht_input_wide(in))
        out->own64 = fdht_calloc_err(cut->numbers, sizeof(double), "slab", err);
    else
        out->own32 = fdht_calloc_err(cut->numbers, sizeof(float), "slab", err);
    return out->own64 || out->own32 ? FDHT_OK : FDHT_ENOMEM;
}

void fdht_slab_free(fdht_slab *s)
{
    fdht_free(s->own32);
    fdht_free(s->own64);
    *s = (fdht_slab){.rows = 0};
}

/* Part of one slab: the intersection of a part's box with the slab, in both coordinates. */
typedef struct fill {
    const fdht_decomp_input *in;
    const fdht_part *part;
    fdht_slab *slab;
    size_t at[FDHT_MAX_MODES], size[FDHT_MAX_MODES]; /* in the box */
    size_t to[FDHT_MAX_MODES];                       /* in the slab */
    int q;                                           /* modes after q are whole in the box */
    size_t run;                                      /* source columns of one read */
    size_t seg;                                      /* of them, neighbours in the slab */
    float *stage;
} fill;

static bool intersect(fill *f, int d)
{
    for (int k = 0; k < d; k++) {
        const fdht_box *b = &f->part->box;
        size_t lo = FDHT_MAX(f->slab->j0[k], b->corner[k]);
        size_t hi = FDHT_MIN(f->slab->j0[k] + f->slab->nj[k], b->corner[k] + b->size[k]);
        if (lo >= hi)
            return false;
        f->at[k] = lo - b->corner[k];
        f->size[k] = hi - lo;
        f->to[k] = lo - f->slab->j0[k];
    }
    f->q = d - 1;
    while (f->q > 0 && f->size[f->q] == f->part->box.size[f->q])
        f->q--;
    f->run = f->seg = 1;
    for (int k = f->q; k < d; k++)
        f->run *= f->size[k];
    for (int k = d - 1; k >= f->q; k--) {
        f->seg *= f->size[k];
        if (f->size[k] != f->slab->nj[k])
            break;
    }
    return true;
}

/* Row `r` of the slab, as a row of the operator matrix: larger r, larger row. */
static size_t row_of(const fdht_slab *s, const fdht_op_spec *spec, size_t r)
{
    size_t row = 0, scale = 1;
    for (int k = spec->d - 1; k >= 0; k--) {
        row += (s->i0[k] + r % s->ni[k]) * scale;
        r /= s->ni[k];
        scale *= spec->out[k];
    }
    return row;
}

static int read_source(const fdht_dense_source *s, size_t row, size_t rows, size_t col, size_t cols,
                       float *dst, size_t ld, fdht_error *err)
{
    if (!s->f32)
        return s->read(s->arg, row, rows, col, cols, dst, ld, err);
    for (size_t r = 0; r < rows; r++)
        memcpy(dst + r * ld, s->f32 + (row + r) * s->cols + col, cols * sizeof(float));
    return FDHT_OK;
}

/* One run of columns, from source column `col`, slab column of element 0 given by the index within modes < q. */
static int fill_run(fill *f, size_t src_row, size_t rows, size_t slab_row, size_t col, size_t slab_col,
                    fdht_error *err)
{
    const fdht_dense_source *s = &f->part->source;
    int d = f->in->spec.d, status;
    if (col >= s->cols)
        return FDHT_OK;
    size_t cols = FDHT_MIN(f->run, s->cols - col), ld = f->slab->cols;
    if (!f->stage && !s->f64)
        return read_source(s, src_row, rows, col, cols, f->slab->own32 + slab_row * ld + slab_col, ld, err);
    for (size_t c0 = 0; c0 < cols; c0 += f->seg) {
        size_t n = FDHT_MIN(f->seg, cols - c0), to = slab_col, rest = c0 / f->seg, stride = 1;
        /* Modes inside the segment are at their start; the others by their digit of the segment's number.
         */
        size_t inside = 1;
        for (int k = d - 1; k >= f->q; k--) {
            if (inside >= f->seg) {
                to += rest % f->size[k] * stride;
                rest /= f->size[k];
            }
            inside *= f->size[k];
            stride *= f->slab->nj[k];
        }
        for (size_t r = 0; s->f64 && r < rows; r++)
            memcpy(f->slab->own64 + (slab_row + r) * ld + to, s->f64 + (src_row + r) * s->cols + col + c0,
                   n * sizeof(double));
        if (s->f64)
            continue;
        if (c0 == 0 && (status = read_source(s, src_row, rows, col, cols, f->stage, f->run, err)))
            return status;
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < n; c++) {
                float x = f->stage[r * f->run + c0 + c];
                if (f->slab->own64)
                    f->slab->own64[(slab_row + r) * ld + to + c] = x;
                else
                    f->slab->own32[(slab_row + r) * ld + to + c] = x;
            }
    }
    return FDHT_OK;
}

/* All columns of the part for `rows` rows that are neighbours in source and slab. */
static int fill_rows(fill *f, size_t src_row, size_t rows, size_t slab_row, fdht_error *err)
{
    int d = f->in->spec.d, status = FDHT_OK;
    size_t runs = 1;
    for (int k = 0; k < f->q; k++)
        runs *= f->size[k];
    for (size_t r = 0; !status && r < runs; r++) {
        size_t rest = r, col = 0, slab_col = 0, cs = 1, ss = 1;
        for (int k = d - 1; k >= 0; k--) {
            size_t digit = k < f->q ? rest % f->size[k] : 0;
            if (k < f->q)
                rest /= f->size[k];
            col += (f->at[k] + digit) * cs;
            slab_col += (f->to[k] + digit) * ss;
            cs *= f->part->box.size[k];
            ss *= f->slab->nj[k];
        }
        status = fill_run(f, src_row, rows, slab_row, col, slab_col, err);
    }
    return status;
}

static int fill_part(fill *f, fdht_error *err)
{
    const fdht_op_spec *spec = &f->in->spec;
    size_t outer = outputs_of(spec) / f->in->blocks, inner = f->part->source.rows / f->in->blocks;
    bool staged = !f->part->source.f64 && (f->slab->own64 || f->seg != f->run);
    size_t most = f->slab->rows;
    if (f->part->source.f64 && !f->slab->own64)
        return fdht_fail(err, FDHT_EINTERNAL, "slab of floats: its source is double");
    if (staged) {
        most = FDHT_MAX((size_t)STAGE / f->run, (size_t)1);
        f->stage = fdht_calloc_err(FDHT_MIN(most, f->slab->rows) * f->run, sizeof(float), "slab", err);
        if (!f->stage)
            return FDHT_ENOMEM;
    }
    int status = FDHT_OK;
    for (size_t r = 0, n; !status && r < f->slab->rows; r += n) {
        size_t row = row_of(f->slab, spec, r), j = row % outer, src = row / outer * inner + j;
        n = 1;
        if (j >= inner)
            continue;
        while (n < most && r + n < f->slab->rows && j + n < inner && row_of(f->slab, spec, r + n) == row + n)
            n++;
        /* Blocks without padding follow one another in the source too. */
        while (outer == inner && n < most && r + n < f->slab->rows && row_of(f->slab, spec, r + n) == row + n)
            n++;
        status = fill_rows(f, src, n, r, err);
    }
    fdht_free(f->stage);
    f->stage = NULL;
    return status;
}

/* The whole slab lies in this part, in rows of one block or of blocks without padding: its first number's place
 * in the source, whose rows and columns then follow the slab's indices. */
static bool lies_within(const fill *f, size_t *row, size_t *col)
{
    const fdht_op_spec *spec = &f->in->spec;
    const fdht_dense_source *source = &f->part->source;
    size_t outer = outputs_of(spec) / f->in->blocks, inner = source->rows / f->in->blocks, scale = 1,
           last = 0;
    size_t first_row = row_of(f->slab, spec, 0), last_row = row_of(f->slab, spec, f->slab->rows - 1);
    *col = 0;
    for (int k = spec->d - 1; k >= 0; k--) {
        if (f->size[k] != f->slab->nj[k])
            return false;
        *col += f->at[k] * scale;
        last += (f->at[k] + f->size[k] - 1) * scale;
        scale *= f->part->box.size[k];
    }
    *row = first_row / outer * inner + first_row % outer;
    return last < source->cols &&
           (outer == inner || (first_row / outer == last_row / outer && last_row % outer < inner));
}

/* Point the slab at numbers of a source in memory. */
static void borrow(fdht_slab *s, const fdht_op_spec *spec, const fdht_part *p, size_t row, size_t col)
{
    const fdht_dense_source *source = &p->source;
    size_t si = source->cols, sj = 1;
    for (int k = spec->d - 1; k >= 0; k--) {
        s->si[k] = si;
        s->sj[k] = sj;
        si *= spec->out[k];
        sj *= p->box.size[k];
    }
    s->f32 = source->f32 ? source->f32 + row * source->cols + col : NULL;
    s->f64 = source->f64 ? source->f64 + row * source->cols + col : NULL;
}

/* The slab's own memory, row-major. */
static void use_own(fdht_slab *s, int d)
{
    size_t stride = 1;
    for (int k = d - 1; k >= 0; k--) {
        s->sj[k] = stride;
        stride *= s->nj[k];
    }
    for (int k = d - 1; k >= 0; k--) {
        s->si[k] = stride;
        stride *= s->ni[k];
    }
    s->f32 = s->own32;
    s->f64 = s->own64;
}

/* The box of slab number `index`. */
static void place(const fdht_op_spec *spec, const fdht_cut *cut, size_t index, fdht_slab *s)
{
    s->rows = s->cols = 1;
    for (int k = spec->d - 1; k >= 0; k--) {
        size_t nj = ceil_div(spec->in[k], cut->bj[k]), ni = ceil_div(spec->out[k], cut->bi[k]);
        s->j0[k] = index % nj * cut->bj[k];
        index /= nj;
        s->i0[k] = index % ni * cut->bi[k];
        index /= ni;
        s->nj[k] = FDHT_MIN(cut->bj[k], spec->in[k] - s->j0[k]);
        s->ni[k] = FDHT_MIN(cut->bi[k], spec->out[k] - s->i0[k]);
        s->rows *= s->ni[k];
        s->cols *= s->nj[k];
    }
}

int fdht_slab_read(const fdht_decomp_input *in, const fdht_cut *cut, size_t index, fdht_slab *s,
                   fdht_error *err)
{
    const fdht_op_spec *spec = &in->spec;
    fill part[2];
    int n = 0, status = FDHT_OK;
    place(spec, cut, index, s);
    s->whole = !fdht_input_gaps(in);
    for (int p = 0; p < in->parts; p++) {
        size_t row, col;
        part[n] = (fill){.in = in, .part = &in->part[p], .slab = s};
        if (!intersect(&part[n], spec->d))
            continue;
        bool within = lies_within(&part[n], &row, &col);
        s->whole |= within;
        if (within && (s->own64 ? in->part[p].source.f64 != NULL : in->part[p].source.f32 != NULL)) {
            borrow(s, spec, &in->part[p], row, col);
            return FDHT_OK;
        }
        n++;
    }
    use_own(s, spec->d);
    if (!s->whole && s->own64)
        memset(s->own64, 0, s->rows * s->cols * sizeof(double));
    else if (!s->whole)
        memset(s->own32, 0, s->rows * s->cols * sizeof(float));
    for (int p = 0; !status && p < n; p++)
        status = fill_part(&part[p], err);
    return status;
}
