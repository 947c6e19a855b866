/* weights/read.c - canonical slabs of a part, whatever way its blocks stand in the file, in bounded memory.
 */
#include <math.h>
#include <string.h>

#include "weights/container.h"

enum { BUFFER = 1 << 21, TILE = 32 }; /* numbers; 8 MiB of float */

/* A rectangle of one data set. */
typedef struct rect {
    size_t lead, row, rows, col, cols;
} rect;

static int read_box(const fdht_wset *s, const rect *r, hid_t mem, void *out, fdht_error *err)
{
    size_t start[3], count[3];
    int k = 0;
    if (r->lead != SIZE_MAX)
        start[k] = r->lead, count[k++] = 1;
    start[k] = r->row, count[k++] = r->rows;
    if (k < s->rank)
        start[k] = r->col, count[k++] = r->cols;
    return k == s->rank ? fdht_h5_read_box(s->numbers, start, count, mem, out, err) : FDHT_EFORMAT;
}

/* Raw 2-byte numbers become the upper halves of floats. */
static void widen(const uint8_t *raw, size_t n, float *out)
{
    for (size_t k = 0; k < n; k++) {
        uint32_t bits = (uint32_t)raw[2 * k] << 16 | (uint32_t)raw[2 * k + 1] << 24;
        memcpy(&out[k], &bits, sizeof bits);
    }
}

/* Part by part through a buffer, where they are bfloat16 or do not lie side by side in `out`. */
static int read_parts(const fdht_wset *s, const rect *r, float *out, size_t ld, fdht_error *err)
{
    size_t cols = FDHT_MIN(r->cols, (size_t)BUFFER), rows = FDHT_MIN(r->rows, BUFFER / cols);
    bool upper = s->kind == FDHT_WKIND_BFLOAT16;
    hid_t mem = !upper                             ? H5T_NATIVE_FLOAT
                : s->numbers->class == H5T_INTEGER ? H5T_STD_U16LE
                                                   : s->numbers->type;
    float *buffer = fdht_calloc_err(rows * cols, sizeof *buffer, s->path, err);
    int rc = buffer ? FDHT_OK : FDHT_ENOMEM;
    for (size_t i = 0; i < r->rows && !rc; i += rows)
        for (size_t j = 0; j < r->cols && !rc; j += cols) {
            rect part = {r->lead, r->row + i, FDHT_MIN(rows, r->rows - i), r->col + j,
                         FDHT_MIN(cols, r->cols - j)};
            rc = read_box(s, &part, mem, buffer, err);
            for (size_t k = 0; k < part.rows && !rc; k++) {
                float *to = out + (i + k) * ld + j;
                if (upper)
                    widen((const uint8_t *)buffer + 2 * k * part.cols, part.cols, to);
                else
                    memcpy(to, buffer + k * part.cols, part.cols * sizeof *to);
            }
        }
    fdht_free(buffer);
    return rc;
}

static int read_hdf5(const fdht_wset *s, const rect *r, float *out, size_t ld, fdht_error *err)
{
    bool direct = s->kind != FDHT_WKIND_BFLOAT16 && r->cols == ld;
    int rc = direct ? read_box(s, r, H5T_NATIVE_FLOAT, out, err) : read_parts(s, r, out, ld, err);
    if (rc == FDHT_EFORMAT)
        return fdht_fail(err, rc,
                         "%s: rows %zu..%zu, columns %zu..%zu cannot be read (damaged data or checksum)",
                         s->path, r->row, r->row + r->rows - 1, r->col, r->col + r->cols - 1);
    return rc;
}

static int read_rect(const fdht_weights *w, const fdht_wset *s, const rect *r, float *out, size_t ld,
                     fdht_error *err)
{
    int rc = FDHT_OK;
    if (w->arrays)
        rc = fdht_w_container_read(w, s, r->lead, r->row, r->rows, r->col, r->cols, out, ld, err);
    else
        rc = read_hdf5(s, r, out, ld, err);
    for (size_t i = 0; i < r->rows && !rc; i++)
        for (size_t j = 0; j < r->cols; j++)
            if (!isfinite(out[i * ld + j]))
                return fdht_fail(err, FDHT_EFORMAT, "%s: the number at row %zu, column %zu is %s", s->path,
                                 r->row + i, r->col + j,
                                 isnan(out[i * ld + j]) ? "not a number" : "infinite");
    return rc;
}

/* out[j][c] = in[c][j], tile by tile. in (cols, ld_in), out (rows, ld). */
static void transpose(const float *in, size_t ld_in, size_t rows, size_t cols, float *out, size_t ld)
{
    for (size_t j0 = 0; j0 < rows; j0 += TILE)
        for (size_t c0 = 0; c0 < cols; c0 += TILE)
            for (size_t j = j0; j < FDHT_MIN(j0 + TILE, rows); j++)
                for (size_t c = c0; c < FDHT_MIN(c0 + TILE, cols); c++)
                    out[j * ld + c] = in[c * ld_in + j];
}

/* Columns [col, col+cols) of n blocks that stand side by side in the file's rows [..][at, at + n rows): whole
 * rows of the file are read at once and each block goes where its gate belongs. */
static int read_transposed(const fdht_weights *w, const fdht_wset *s, const fdht_wblock *b, size_t at,
                           size_t width, const size_t *gate_at, float *const *gate_out, int n, size_t rows,
                           size_t col, size_t cols, size_t ld, float *buffer, fdht_error *err)
{
    size_t wide = FDHT_MIN(width, (size_t)BUFFER), step = BUFFER / wide;
    int rc = FDHT_OK;
    for (size_t c = 0; c < cols && !rc; c += step) {
        size_t part = FDHT_MIN(step, cols - c);
        for (size_t j = 0; j < width && !rc; j += wide) {
            rect r = {b->lead, b->row + col + c, part, at + j, FDHT_MIN(wide, width - j)};
            rc = read_rect(w, s, &r, buffer, r.cols, err);
            for (int g = 0; g < n && !rc; g++) { /* what of gate g stands in [j, j + r.cols) */
                size_t from = FDHT_MAX(gate_at[g], j), to = FDHT_MIN(gate_at[g] + rows, j + r.cols);
                if (from < to)
                    transpose(buffer + (from - j), r.cols, to - from, part,
                              gate_out[g] + (from - gate_at[g]) * ld + c, ld);
            }
        }
    }
    return rc;
}

/* Numbers [from, from + n) of a CuDNN block read as one run, to out[0..n). */
static int read_run(const fdht_weights *w, const fdht_wset *s, const fdht_wblock *b, size_t width,
                    size_t from, size_t n, float *out, float *buffer, fdht_error *err)
{
    int rc = FDHT_OK;
    while (n && !rc) {
        size_t skip = from % width;
        size_t rows = (skip + n + width - 1) / width;
        size_t wide = width;
        if (width > BUFFER) { /* one row at a time, only what is wanted of it */
            wide = FDHT_MIN(FDHT_MIN(n, width - skip), (size_t)BUFFER);
            rows = 1;
        } else {
            rows = FDHT_MIN(rows, BUFFER / width);
        }
        size_t offset = width > BUFFER ? 0 : skip, got = FDHT_MIN(n, rows * wide - offset);
        rect r = {b->lead, b->row + from / width, rows, b->col + skip - offset, wide};
        rc = read_rect(w, s, &r, buffer, wide, err);
        if (!rc)
            memcpy(out, buffer + offset, got * sizeof *out);
        out += got, from += got, n -= got;
    }
    return rc;
}

/* Rows [row, row+rows) of one gate's block, columns [col, col+cols). */
static int read_block(const fdht_weights *w, const fdht_wpart *p, const fdht_wblock *b, size_t row,
                      size_t rows, size_t col, size_t cols, float *out, size_t ld, float *buffer,
                      fdht_error *err)
{
    const fdht_wset *s = &w->set[b->set];
    int rc = FDHT_OK;
    size_t zero = 0;
    switch (b->map) {
    case FDHT_WEIGHT_ROWS: {
        rect r = {b->lead, b->row + row, rows, b->col + col, cols};
        return read_rect(w, s, &r, out, ld, err);
    }
    case FDHT_WEIGHT_COLS:
        return read_transposed(w, s, b, b->col + row, rows, &zero, &out, 1, rows, col, cols, ld, buffer, err);
    case FDHT_WEIGHT_CUDNN:
        for (size_t j = 0; j < rows && !rc; j++)
            rc = read_run(w, s, b, p->rows, (row + j) * p->cols + col, cols, out + j * ld, buffer, err);
    }
    return rc;
}

/* All gates of a transposed matrix stand in one data set: read its rows whole. */
static bool side_by_side(const fdht_wpart *p)
{
    for (int g = 0; g < p->gates; g++)
        if (p->block[g].map != FDHT_WEIGHT_COLS || p->block[g].set != p->block[0].set)
            return false;
    return p->gates > 1;
}

static int read_part(const fdht_weights *w, const fdht_wpart *p, size_t row, size_t rows, size_t col,
                     size_t cols, float *out, size_t ld, float *buffer, fdht_error *err)
{
    if (side_by_side(p) && rows == (size_t)p->gates * p->rows) {
        size_t at[4];
        float *to[4];
        for (int g = 0; g < p->gates; g++)
            at[g] = p->block[g].col, to[g] = out + (size_t)g * p->rows * ld;
        return read_transposed(w, &w->set[p->block[0].set], &p->block[0], 0, rows, at, to, p->gates, p->rows,
                               col, cols, ld, buffer, err);
    }
    int rc = FDHT_OK;
    for (size_t g = 0; g < (size_t)p->gates && !rc; g++) {
        size_t from = FDHT_MAX(row, g * p->rows), to = FDHT_MIN(row + rows, (g + 1) * p->rows);
        if (from < to && p->block[g].set >= 0)
            rc = read_block(w, p, &p->block[g], from - g * p->rows, to - from, col, cols,
                            out + (from - row) * ld, ld, buffer, err);
    }
    return rc;
}

/* The same with the memory that it takes, small for small pieces: it is cleared at each call. */
static int read_piece(const fdht_weights *w, const fdht_wpart *p, size_t row, size_t rows, size_t col,
                      size_t cols, float *out, size_t ld, fdht_error *err)
{
    float *buffer = NULL;
    if (p->block[0].map != FDHT_WEIGHT_ROWS) {
        size_t need = p->block[0].map == FDHT_WEIGHT_CUDNN ? cols + 2 * p->rows : 0;
        if (!need && !fdht_mul(rows, cols, &need))
            need = BUFFER;
        buffer = fdht_calloc_err(FDHT_MIN(need, (size_t)BUFFER), sizeof *buffer, "slab of weights", err);
        if (!buffer)
            return FDHT_ENOMEM;
    }
    int rc = read_part(w, p, row, rows, col, cols, out, ld, buffer, err);
    fdht_free(buffer);
    return rc;
}

/* The sum of two biases, or one, or zeros. bias (rows) with stride ld. */
static int read_bias(const fdht_weights *w, const fdht_wpart bias[2], size_t row, size_t rows, float *out,
                     size_t ld, fdht_error *err)
{
    for (size_t i = 0; i < rows; i++)
        out[i * ld] = 0;
    for (int b = 0; b < 2 && bias[b].gates; b++) {
        float *term = fdht_calloc_err(rows, sizeof *term, "bias", err);
        if (!term)
            return FDHT_ENOMEM;
        int rc = read_part(w, &bias[b], row, rows, 0, 1, term, 1, NULL, err);
        for (size_t i = 0; i < rows && !rc; i++)
            out[i * ld] += term[i];
        fdht_free(term);
        if (rc)
            return rc;
    }
    return FDHT_OK;
}

static const fdht_wpart *part_of(const fdht_wcell *cell, fdht_weights_part part)
{
    return part == FDHT_W_IH   ? &cell->ih
           : part == FDHT_W_HH ? &cell->hh
           : part == FDHT_W_HR ? &cell->hr
                               : NULL;
}

void fdht_weights_shape(const fdht_weights *w, int lstm, fdht_weights_part part, size_t *rows, size_t *cols)
{
    const fdht_wpart *p = part_of(&w->bound[lstm].cell[0], part);
    *rows = p ? (size_t)p->gates * p->rows
              : (size_t)fdht_recurrent_biases(w->lstm[lstm].recurrent) * w->lstm[lstm].hidden_size;
    *cols = p ? p->cols : 1;
}

int fdht_weights_read(const fdht_weights *w, int lstm, int direction, fdht_weights_part part, size_t row,
                      size_t rows, size_t col, size_t cols, float *out, size_t ld, fdht_error *err)
{
    if (lstm < 0 || lstm >= w->n_lstm || direction < 0 || direction >= w->lstm[lstm].directions)
        return fdht_fail(err, FDHT_EINVAL, "%s: no LSTM %d with direction %d", w->file, lstm, direction);
    size_t R, C;
    fdht_weights_shape(w, lstm, part, &R, &C);
    if (row > R || rows > R - row || col > C || cols > C - col || ld < cols)
        return fdht_fail(err, FDHT_EINVAL, "%s: rows %zu+%zu, columns %zu+%zu of a (%zu,%zu) matrix", w->file,
                         row, rows, col, cols, R, C);
    if (!rows || !cols)
        return FDHT_OK;
    const fdht_wcell *cell = &w->bound[lstm].cell[direction];
    int rc;
    fdht_h5_begin();
    if (part == FDHT_W_BIAS) {
        rc = read_bias(w, cell->bias, row, rows, out, ld, err);
    } else {
        const fdht_wpart *p = part_of(cell, part);
        rc = read_piece(w, p, row, rows, col, cols, out, ld, err);
    }
    rc = fdht_h5_end(rc, err);
    return rc ? fdht_fail_prefix(err, rc, "%s", w->file) : FDHT_OK;
}

int fdht_w_read_whole(const fdht_weights *w, const fdht_wpart *p, float *out, fdht_error *err)
{
    int rc = read_piece(w, p, 0, p->rows, 0, p->cols, out, p->cols, err);
    return rc ? fdht_fail_prefix(err, rc, "%s", w->file) : FDHT_OK;
}

int fdht_w_read_norm(const fdht_weights *w, const fdht_wlink *l, double *scale, double *shift,
                     fdht_error *err)
{
    size_t n = l->link.outputs;
    const fdht_wpart *part[4] = {&l->gamma, &l->beta, &l->mean, &l->variance};
    float *v = fdht_calloc_err(4 * n, sizeof *v, "weights of a layer", err);
    int rc = v ? FDHT_OK : FDHT_ENOMEM;
    for (size_t p = 0; p < 4 && !rc; p++) {
        for (size_t i = 0; i < n; i++)
            v[p * n + i] = p == 0 || p == 3;
        if (part[p]->gates)
            rc = fdht_w_read_whole(w, part[p], v + p * n, err);
    }
    for (size_t i = 0; i < n && !rc; i++) {
        double s = v[i];
        if (l->link.kind == FDHT_LINK_NORM) {
            double variance = (double)v[3 * n + i] + l->link.epsilon;
            if (!(variance > 0))
                rc = fdht_fail(err, FDHT_EFORMAT, "%s: %s: the variance at %zu is %g", w->file, l->link.name,
                               i, (double)v[3 * n + i]);
            s /= sqrt(variance);
        }
        scale[i] = s;
        shift[i] = (double)v[n + i] - s * (double)v[2 * n + i];
    }
    fdht_free(v);
    return rc;
}
