/* clips/stack.c - clips from NumPy's arrays (.npy, .npz): which arrays are clips, which their labels, and where one clip lies. */
#include <stdio.h>
#include <string.h>

#include "arrays/arrays.h"
#include "clips/clips.h"

/* An array of clips. */
typedef struct fdht_stack_part {
    int array, labels;     /* labels -1: none */
    bool many;             /* axis 0 is the clips */
    size_t clips, classes; /* classes > 0: labels are one-hot rows */
    int split;
    fdht_clip_shape shape; /* of each clip */
} part;

/* X and y, or x_train and y_train: the name of the labels that belong to an array of clips, and its split. */
static bool label_name(const char *name, char *out, size_t size, int *split)
{
    static const char *const known[] = {"X", "x", "data"};
    static const char *const label[][2] = {{"y", "Y"}, {"y", "Y"}, {"label", "labels"}};
    (void)size;
    *split = FDHT_SPLIT_NONE;
    for (size_t i = 0; i < FDHT_COUNT(known); i++) {
        size_t n = strlen(known[i]);
        if (strncmp(name, known[i], n) || (name[n] && name[n] != '_'))
            continue;
        for (int s = 0; s < FDHT_SPLITS; s++)
            if (name[n] && !strcmp(name + n + 1, fdht_split_name(s)))
                *split = s;
        snprintf(out, size, "%s%.40s\n%s%.40s", label[i][0], name + n, label[i][1], name + n);
        return true;
    }
    return false;
}

static int find_labels(const fdht_stack *a, const char *name, int *split)
{
    char names[128], *second;
    *split = FDHT_SPLIT_NONE;
    if (!label_name(name, names, sizeof names, split))
        return -1;
    second = strchr(names, '\n');
    *second++ = 0;
    int i = fdht_arrays_find(a->file, names);
    return i >= 0 ? i : fdht_arrays_find(a->file, second);
}

static bool is_labels(const fdht_stack *a, int i)
{
    int split;
    for (int k = 0; k < fdht_arrays_count(a->file); k++)
        if (find_labels(a, fdht_arrays_at(a->file, k)->name, &split) == i)
            return true;
    return false;
}

static bool is_float(const fdht_array *x)
{
    return x->type == FDHT_ARRAY_F16 || x->type == FDHT_ARRAY_BF16 || x->type == FDHT_ARRAY_F32 ||
           x->type == FDHT_ARRAY_F64;
}

static bool is_integer(const fdht_array *x)
{
    return x->type >= FDHT_ARRAY_I8 && x->type <= FDHT_ARRAY_BOOL;
}

static int shape_of(const fdht_array *x, part *p, fdht_error *err)
{
    const size_t *d = x->dim;
    p->many = false;
    if (is_float(x) && (x->rank == 2 || x->rank == 3)) {
        p->many = x->rank == 3;
        p->shape = (fdht_clip_shape){.length = d[p->many], .features = d[p->many + 1]};
    } else if (x->type == FDHT_ARRAY_U8 && (x->rank == 4 || x->rank == 5) &&
               (d[x->rank - 1] == 1 || d[x->rank - 1] == 3)) {
        p->many = x->rank == 5;
        p->shape = (fdht_clip_shape){d[p->many], d[p->many + 2], d[p->many + 1], d[p->many + 3], 0};
    } else if (is_float(x) && x->rank > 3)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%.60s: %d axes of floats; frames are bytes, in Python: (255 * "
                         "x).round().astype('uint8') of values "
                         "0 .. 1",
                         x->name, x->rank);
    else
        return fdht_fail(err, FDHT_EFORMAT,
                         "%.60s: %d axes of %s; expected floats (frames,D) or (clips,frames,D), or uint8 "
                         "(frames,height,width,C) "
                         "or (clips,frames,height,width,C) of 1 or 3 channels",
                         x->name, x->rank, x->dtype);
    p->clips = p->many ? d[0] : 1;
    size_t side[4] = {p->shape.length, p->shape.features ? p->shape.features : p->shape.width,
                      p->shape.features ? sizeof(float) : p->shape.height,
                      p->shape.features ? 1 : p->shape.channels},
           bytes;
    if (!p->clips || !fdht_product(side, 4, &bytes) || !bytes)
        return fdht_fail(err, FDHT_EFORMAT, "%.60s: no clips", x->name);
    return FDHT_OK;
}

static int check_labels(const fdht_stack *a, part *p, fdht_error *err)
{
    const fdht_array *y = fdht_arrays_at(a->file, p->labels);
    if (!is_integer(y))
        return fdht_fail(err, FDHT_EFORMAT,
                         "%.60s: %s, which are no labels; store class numbers, in Python: y.argmax(1) of "
                         "one-hot rows, else "
                         "y.astype('int32')",
                         y->name, y->dtype);
    if ((y->rank != 1 && y->rank != 2) || y->dim[0] != p->clips)
        return fdht_fail(err, FDHT_EFORMAT, "%.60s: expected a label for each of %zu clips", y->name,
                         p->clips);
    p->classes = y->rank == 2 && y->dim[1] > 1 ? y->dim[1] : 0;
    return FDHT_OK;
}

static int list_parts(fdht_stack *a, fdht_error *err)
{
    int n = fdht_arrays_count(a->file), status = FDHT_OK;
    a->part = fdht_calloc_err((size_t)n, sizeof *a->part, "arrays", err);
    if (!a->part)
        return FDHT_ENOMEM;
    for (int i = 0; i < n && !status; i++) {
        part *p = &a->part[a->n];
        if (is_labels(a, i))
            continue;
        p->array = i;
        p->labels = find_labels(a, fdht_arrays_at(a->file, i)->name, &p->split);
        status = shape_of(fdht_arrays_at(a->file, i), p, err);
        if (!status && p->labels >= 0)
            status = check_labels(a, p, err);
        a->n++;
    }
    a->alone = a->n == 1;
    return status || a->n ? status : fdht_fail(err, FDHT_EFORMAT, "no arrays");
}

int fdht_source_open_arrays(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0};
    fdht_stack *a = fdht_calloc_err(1, sizeof *a, "arrays", err);
    if (!a)
        return FDHT_ENOMEM;
    int status = fdht_arrays_open(s->now.path, &a->file, &why);
    if (!status)
        status = list_parts(a, &why);
    if (status) {
        fdht_stack_close(a);
        return fdht_source_record(s, out, status, &why, err);
    }
    s->arrays = a;
    s->active = FDHT_ACTIVE_ARRAYS;
    return FDHT_OK;
}

/* Row `row` of array i, or all of it, as floats. */
static int read_box(fdht_stack *a, int i, bool many, size_t row, float *out, fdht_error *err)
{
    const fdht_array *x = fdht_arrays_at(a->file, i);
    size_t start[FDHT_ARRAY_MAX_RANK] = {0}, count[FDHT_ARRAY_MAX_RANK];
    memcpy(count, x->dim, sizeof count);
    if (many) {
        start[0] = row;
        count[0] = 1;
    }
    return fdht_arrays_read(a->file, i, &(fdht_array_box){start, count, NULL}, out, err);
}

static int read_label(fdht_stack *a, const part *p, size_t row, int *label, fdht_error *err)
{
    size_t n = p->classes ? p->classes : 1, ones = 0;
    const char *name = fdht_arrays_at(a->file, p->labels)->name;
    float *v = fdht_calloc_err(n, sizeof *v, "label", err);
    int status = v ? read_box(a, p->labels, true, row, v, err) : FDHT_ENOMEM;
    for (size_t k = 0; !status && p->classes && k < n; k++) {
        if (v[k] != 0 && v[k] != 1)
            ones += 2;
        ones += v[k] == 1;
        *label = v[k] == 1 ? (int)k : *label;
    }
    if (!status && p->classes && ones != 1)
        status =
            fdht_fail(err, FDHT_EFORMAT, "%.60s: row %zu is not one-hot (a single 1 among zeros)", name, row);
    else if (!status && !p->classes && !(v[0] >= -1 && v[0] <= 1000000))
        status = fdht_fail(err, FDHT_EFORMAT, "%.60s: label %zu is %g", name, row, (double)v[0]);
    else if (!status && !p->classes)
        *label = (int)v[0];
    fdht_free(v);
    return status;
}

static int read_clip(fdht_source *s, const part *p, size_t row, fdht_clip_item *item, fdht_error *err)
{
    size_t numbers = fdht_clip_bytes(&p->shape) / (p->shape.features ? sizeof(float) : 1);
    if (s->opt.max_clip_bytes && fdht_clip_bytes(&p->shape) > s->opt.max_clip_bytes)
        return fdht_fail(err, FDHT_ELIMIT, "larger than %zu bytes (%zu)", s->opt.max_clip_bytes,
                         fdht_clip_bytes(&p->shape));
    float *x = fdht_calloc_err(numbers, sizeof *x, "clip", err);
    int status = x ? read_box(s->arrays, p->array, p->many, row, x, err) : FDHT_ENOMEM;
    if (!status && p->labels >= 0)
        status = read_label(s->arrays, p, row, &item->label, err);
    if (status) {
        fdht_free(x);
        return status;
    }
    item->split = p->split;
    uint8_t *byte = (uint8_t *)x;
    for (size_t i = 0; !p->shape.features && i < numbers; i++) { /* in place: byte i lies before float i */
        float v;
        memcpy(&v, byte + i * sizeof v, sizeof v);
        byte[i] = (uint8_t)v;
    }
    return fdht_source_fill(s, item, x, p->shape, err);
}

int fdht_source_next_arrays(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_stack *a = s->arrays;
    fdht_error why = {0};
    if (a->at == a->n) {
        fdht_source_close(s);
        return FDHT_OK;
    }
    const part *p = &a->part[a->at];
    size_t row = a->row++;
    const char *array = fdht_arrays_at(a->file, p->array)->name;
    if (a->row == p->clips) {
        a->at++;
        a->row = 0;
    }
    size_t room = strlen(s->now.path) + strlen(array) + 32;
    char *name = fdht_calloc_err(room, 1, "clip", err);
    if (!name)
        return FDHT_ENOMEM;
    size_t n =
        (size_t)snprintf(name, room, "%s%s%s", s->now.path, a->alone ? "" : "#", a->alone ? "" : array);
    if (p->many)
        snprintf(name + n, room - n, "#%zu", row);
    bool keep = fdht_source_wanted(s, name);
    int status = keep ? fdht_source_item(s, name, NULL, out, err) : FDHT_OK;
    s->number += !keep;
    fdht_free(name);
    if (status || !keep)
        return status;
    status = read_clip(s, p, row, *out, &why);
    return status ? fdht_source_record(s, out, status, &why, err) : FDHT_OK;
}
