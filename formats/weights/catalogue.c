/* weights/catalogue.c - a weights file as a catalogue of data sets and string attributes; nothing here knows an
 * LSTM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5/h5.h"
#include "hdf5/walk.h"
#include "weights/container.h"

enum { MAX_DEPTH = 32, MAX_SETS = 100000, MAX_NAMES = 1000000 };

/* --- the catalogue
 * --------------------------------------------------------------------------------------------- */

typedef struct walk {
    fdht_weights *w;
    const char *prefix;
    int depth;
    int status;
    fdht_h5_seen *seen; /* groups: each is listed once, under the first of its names */
    fdht_error *err;
} walk;

static int add_set(fdht_weights *w, const char *path, hid_t id, fdht_error *err)
{
    if (w->n_sets == MAX_SETS)
        return fdht_fail(err, FDHT_EFORMAT, "more than %d data sets", MAX_SETS);
    if (w->n_sets == w->cap_sets) {
        int cap = w->cap_sets ? 2 * w->cap_sets : 64;
        fdht_wset *grown = fdht_calloc_err((size_t)cap, sizeof *grown, "catalogue", err);
        if (!grown)
            return FDHT_ENOMEM;
        if (w->n_sets)
            memcpy(grown, w->set, (size_t)w->n_sets * sizeof *grown);
        fdht_free(w->set);
        w->set = grown, w->cap_sets = cap;
    }
    fdht_wset *s = &w->set[w->n_sets];
    hid_t space = H5Dget_space(id);
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    hsize_t dim[H5S_MAX_RANK] = {0};
    if (rank > 0)
        H5Sget_simple_extent_dims(space, dim, NULL);
    if (space >= 0)
        H5Sclose(space);
    *s = (fdht_wset){.rank = rank, .dim = {1, 1, 1}};
    for (int k = 0; k < rank && k < 3; k++)
        s->dim[k] = (size_t)dim[k];
    s->path = fdht_strdup(path);
    if (!s->path)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: catalogue");
    w->n_sets++;
    return FDHT_OK;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *arg)
{
    walk *up = arg;
    if (link->type != H5L_TYPE_HARD)
        return 0;
    /* training state has the kernels' names and shapes */
    if (!up->depth && (!strcmp(name, "optimizer") || !strcmp(name, "optimizer_weights")))
        return 0;
    size_t size = strlen(up->prefix) + strlen(name) + 2;
    char *path = fdht_calloc_err(size, 1, "catalogue", up->err);
    if (!path) {
        up->status = FDHT_ENOMEM;
        return -1;
    }
    snprintf(path, size, "%s/%s", up->prefix, name);
    hid_t id = H5Oopen(group, name, H5P_DEFAULT);
    H5I_type_t type = id >= 0 ? H5Iget_type(id) : H5I_BADID;
    if (type == H5I_BADID) {
        up->status = fdht_fail(up->err, FDHT_EFORMAT, "%s: damaged object", path);
    } else if (type == H5I_DATASET) {
        up->status = add_set(up->w, path, id, up->err);
    } else if (type == H5I_GROUP && up->depth >= MAX_DEPTH) {
        up->status = fdht_fail(up->err, FDHT_EFORMAT, "%s: groups nested deeper than %d", path, MAX_DEPTH);
    } else if (type == H5I_GROUP) {
        bool fresh = false;
        walk down = {up->w, path, up->depth + 1, FDHT_OK, up->seen, up->err};
        down.status = fdht_h5_seen_add(up->seen, id, &fresh, up->err);
        if (fresh && H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, &down) < 0 && !down.status)
            down.status = fdht_fail(up->err, FDHT_EFORMAT, "%s: damaged group", path);
        up->status = down.status;
    }
    if (id >= 0)
        H5Oclose(id);
    fdht_free(path);
    return up->status ? -1 : 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const fdht_wset *)a)->path, ((const fdht_wset *)b)->path);
}

int fdht_w_file_open(fdht_weights *w, const char *path, fdht_error *err)
{
    bool done;
    int status = fdht_w_container_open(w, path, &done, err);
    if (!status && !done && w->id < 0)
        status = fdht_h5_open(path, &w->id, err);
    if (!status && done && w->n_sets)
        qsort(w->set, (size_t)w->n_sets, sizeof *w->set, by_path);
    if (status || done)
        return status;
    /* Native order: for any other libhdf5 makes a table first and, in a damaged file, frees one it has not filled. */
    fdht_h5_seen seen = {0};
    walk top = {w, "", 0, FDHT_OK, &seen, err};
    herr_t rc;
    FDHT_H5_TRY
    {
        rc = H5Literate(w->id, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, &top);
    }
    FDHT_H5_END
    fdht_free(seen.slot);
    if (rc < 0 && !top.status)
        return fdht_fail(err, FDHT_EFORMAT, "/: damaged group");
    if (w->n_sets)
        qsort(w->set, (size_t)w->n_sets, sizeof *w->set, by_path);
    return top.status;
}

int fdht_w_find(const fdht_weights *w, const char *path)
{
    fdht_wset key = {.path = (char *)path};
    const fdht_wset *hit = w->n_sets ? bsearch(&key, w->set, (size_t)w->n_sets, sizeof key, by_path) : NULL;
    return hit ? (int)(hit - w->set) : -1;
}

/* --- checking a data set before use
 * ---------------------------------------------------------------------------- */

static int check_type(const fdht_weights *w, fdht_wset *s, const fdht_h5_array *a, fdht_error *err)
{
    char *note = fdht_w_attr_string(w, s->path, "dtype");
    bool bf16 = note && !strcmp(note, "bfloat16");
    fdht_free(note);
    s->kind = FDHT_WKIND_OTHER;
    if (a->type_size == 2 && (a->class == H5T_OPAQUE || a->class == H5T_INTEGER) && bf16) {
        s->kind = FDHT_WKIND_BFLOAT16;
        snprintf(s->dtype, sizeof s->dtype, "bfloat16");
    } else if (a->class == H5T_FLOAT && a->type_size <= 16) {
        size_t spos, epos, esize = 0, mpos, msize;
        H5Tget_fields(a->type, &spos, &epos, &esize, &mpos, &msize);
        s->kind = FDHT_WKIND_FLOAT;
        snprintf(s->dtype, sizeof s->dtype, "%sfloat%zu%s", a->type_size == 2 && esize == 8 ? "b" : "",
                 8 * a->type_size, H5Tget_order(a->type) == H5T_ORDER_BE ? " big-endian" : "");
    }
    if (s->kind == FDHT_WKIND_OTHER)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: numbers of %s, %zu bytes: expected float16, float32, float64 or bfloat16",
                         s->path,
                         a->class == H5T_INTEGER  ? "class integer"
                         : a->class == H5T_OPAQUE ? "class opaque (without attribute dtype=\"bfloat16\")"
                                                  : "another class",
                         a->type_size);
    return FDHT_OK;
}

/* Open the data set for good, as s->numbers. */
static int open_set(const fdht_weights *w, fdht_wset *s, fdht_error *err)
{
    fdht_h5_array *a = fdht_calloc_err(1, sizeof *a, s->path, err);
    if (!a)
        return FDHT_ENOMEM;
    int rc = fdht_h5_open_array(w->id, s->path, a, err);
    if (!rc && !(rc = check_type(w, s, a, err))) {
        s->numbers = a;
        return FDHT_OK;
    }
    fdht_h5_close_array(a);
    fdht_free(a);
    return rc;
}

int fdht_w_bind(fdht_weights *w, int set, size_t d0, size_t d1, size_t d2, fdht_error *err)
{
    fdht_wset *s = &w->set[set];
    fdht_h5_array seen = {.rank = s->rank, .dim = {s->dim[0], s->dim[1], s->dim[2]}};
    snprintf(seen.path, sizeof seen.path, "%s", s->path);
    size_t want[3] = {d0, d1, d2};
    int rc = fdht_h5_expect(&seen, d2 ? 3 : d1 ? 2 : 1, want, err);
    if (rc || s->numbers)
        return rc;
    return w->arrays ? fdht_w_container_bind(w, s, err) : open_set(w, s, err);
}

/* --- attributes
 * ------------------------------------------------------------------------------------------------ */

/* The object at path, reached by hard links only; -1 if there is none. */
static hid_t open_object(const fdht_weights *w, const char *path)
{
    hid_t id = -1;
    if (w->id < 0)
        return -1;
    FDHT_H5_TRY
    {
        if (!strcmp(path, "/") || fdht_h5_is_group(w->id, path) || fdht_h5_is_dataset(w->id, path))
            id = H5Oopen(w->id, path, H5P_DEFAULT);
    }
    FDHT_H5_END
    return id;
}

/* Keras leaves an empty float64 array where a layer has no weights. */
static bool is_empty(hid_t object, const char *name)
{
    hssize_t points = -1;
    FDHT_H5_TRY
    {
        hid_t attr = H5Aopen(object, name, H5P_DEFAULT), space = attr < 0 ? -1 : H5Aget_space(attr);
        if (space >= 0) {
            points = H5Sget_simple_extent_npoints(space);
            H5Sclose(space);
        }
        if (attr >= 0)
            H5Aclose(attr);
    }
    FDHT_H5_END
    return points == 0;
}

typedef struct group_list {
    char **name;
    int n;
    bool count; /* only count them */
} group_list;

static herr_t visit_group(hid_t group, const char *name, const H5L_info_t *link, void *arg)
{
    group_list *l = arg;
    if (link->type != H5L_TYPE_HARD || !fdht_h5_is_group(group, name) || l->n == MAX_SETS)
        return 0;
    if (!l->count && !(l->name[l->n] = fdht_strdup(name)))
        return -1;
    l->n++;
    return 0;
}

int fdht_w_groups(const fdht_weights *w, const char *path, char ***out, int *n, fdht_error *err)
{
    hid_t object = open_object(w, path);
    group_list all = {.count = true}, list = {0};
    *n = 0;
    if (object < 0)
        return FDHT_OK;
    FDHT_H5_TRY
    {
        H5Literate(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_group, &all);
        list.name = fdht_calloc_err((size_t)all.n + 1, sizeof *list.name, path, err);
        if (list.name)
            H5Literate(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_group, &list);
    }
    FDHT_H5_END
    H5Oclose(object);
    if (!list.name)
        return FDHT_ENOMEM;
    *out = list.name;
    *n = list.n;
    return FDHT_OK;
}

void fdht_w_strings_free(char **list, int n)
{
    fdht_h5_free_strings(list, (size_t)n);
}

char *fdht_w_attr_string(const fdht_weights *w, const char *path, const char *name)
{
    hid_t object = open_object(w, path);
    char **list = NULL, *text = NULL;
    size_t n = 0;
    if (object < 0)
        return NULL;
    if (!fdht_h5_attr_strings(object, name, &list, &n, NULL) && n == 1) {
        text = list[0];
        list[0] = NULL;
    }
    fdht_h5_free_strings(list, n);
    H5Oclose(object);
    return text;
}

/* Append one attribute's strings to a list; *found tells whether it exists. */
static int append(hid_t object, const char *name, char ***list, size_t *n, bool *found, fdht_error *err)
{
    char **more = NULL;
    size_t n_more = 0;
    *found = fdht_h5_has_attr(object, name);
    if (!*found || is_empty(object, name))
        return FDHT_OK;
    int rc = fdht_h5_attr_strings(object, name, &more, &n_more, err);
    if (rc)
        return rc;
    char **all = *n + n_more > MAX_NAMES ? NULL : fdht_calloc_err(*n + n_more + 1, sizeof *all, name, err);
    if (!all) {
        fdht_h5_free_strings(more, n_more);
        return *n + n_more > MAX_NAMES ? fdht_fail(err, FDHT_EFORMAT, "%s: too long", name) : FDHT_ENOMEM;
    }
    if (*n)
        memcpy(all, *list, *n * sizeof *all);
    if (n_more)
        memcpy(all + *n, more, n_more * sizeof *all);
    fdht_free(*list);
    fdht_free(more);
    *list = all;
    *n += n_more;
    return FDHT_OK;
}

int fdht_w_attr_strings(const fdht_weights *w, const char *path, const char *name, char ***out, int *n,
                        fdht_error *err)
{
    char **list = NULL;
    size_t count = 0;
    bool found, any;
    *n = -1;
    hid_t object = open_object(w, path);
    if (object < 0)
        return FDHT_OK;
    int rc = append(object, name, &list, &count, &any, err);
    for (int k = 0; !rc && !any; k++) { /* split above 64,512 bytes: name0, name1, .. */
        char part[64];
        snprintf(part, sizeof part, "%s%d", name, k);
        rc = append(object, part, &list, &count, &found, err);
        if (!found) {
            any = k > 0;
            break;
        }
    }
    H5Oclose(object);
    if (rc) {
        fdht_h5_free_strings(list, count);
        return fdht_fail_prefix(err, rc, "%s", path);
    }
    *out = list;
    *n = any ? (int)count : -1;
    return FDHT_OK;
}
