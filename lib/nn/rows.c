/* nn/rows.c - laying out the time steps of a set of clips. */
#include "nn/rows.h"

static int grow(size_t **array, size_t n, size_t *cap, fdht_error *err)
{
    if (n <= *cap && *array)
        return FDHT_OK;
    fdht_free(*array);
    *array = fdht_calloc_err(n, sizeof **array, "clip layout", err);
    *cap = *array ? n : 0;
    return *array ? FDHT_OK : FDHT_ENOMEM;
}

/* Stable insertion of clips by falling length: batches are small and mostly of one length. */
static void sort_by_length(fdht_rows *r, const size_t *length)
{
    for (size_t i = 0; i < r->clips; i++) {
        size_t j = i;
        for (; j > 0 && r->length[j - 1] < length[i]; j--) {
            r->length[j] = r->length[j - 1];
            r->order[j] = r->order[j - 1];
        }
        r->length[j] = length[i];
        r->order[j] = i;
    }
}

int fdht_rows_set(fdht_rows *r, size_t clips, const size_t *length, fdht_error *err)
{
    size_t steps = 0, rows = 0, cap = r->cap_clips, cap_rows = r->cap_rows;
    int status;
    for (size_t i = 0; i < clips; i++) {
        if (length[i] == 0)
            return fdht_fail(err, FDHT_EINVAL, "clip %zu: expected at least 1 frame, got 0", i);
        steps = FDHT_MAX(steps, length[i]);
        rows += length[i];
    }
    if ((status = grow(&r->order, clips, &cap, err)) ||
        (status = grow(&r->length, clips, &r->cap_clips, err)) ||
        (status = grow(&r->off, steps + 1, &r->cap_steps, err)) ||
        (status = grow(&r->pos, rows, &cap_rows, err)) || (status = grow(&r->step, rows, &r->cap_rows, err)))
        return status;
    r->clips = clips;
    r->steps = steps;
    r->rows = rows;
    sort_by_length(r, length);
    size_t row = 0;
    for (size_t s = 0; s < steps; s++) {
        r->off[s] = row;
        for (size_t p = 0; p < clips && r->length[p] > s; p++, row++) {
            r->pos[row] = p;
            r->step[row] = s;
        }
    }
    r->off[steps] = row;
    return FDHT_OK;
}

void fdht_rows_free(fdht_rows *r)
{
    fdht_free(r->order);
    fdht_free(r->length);
    fdht_free(r->off);
    fdht_free(r->pos);
    fdht_free(r->step);
    *r = (fdht_rows){0};
}
