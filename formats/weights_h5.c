/* weights_h5.c - a weights file as a catalogue of data sets and string attributes; nothing here knows an
 * LSTM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "weights_internal.h"

enum { MAX_DEPTH = 32, MAX_SETS = 100000, MAX_NAMES = 1000000, LZF = 32000 };

/* Deflate cannot shrink data more than 1032 times: a data set that claims more than this times what is stored
 * is a claim only, and memory must not follow it. */
#define MAX_RATIO     1100.0
#define MAX_ATTRIBUTE (64u << 20)
#define CHUNK_CACHE   (8u << 20)

/* Files must not make us open other files. */
static herr_t refuse_external(const char *a, const char *b, const char *c, const char *d, unsigned *flags,
                              hid_t fapl, void *arg)
{
    (void)a, (void)b, (void)c, (void)d, (void)flags, (void)fapl, (void)arg;
    return -1;
}

static hid_t access_list(void)
{
    hid_t lapl = H5Pcreate(H5P_LINK_ACCESS);
    if (lapl >= 0)
        H5Pset_elink_cb(lapl, refuse_external, NULL);
    return lapl;
}

/* --- the catalogue
 * --------------------------------------------------------------------------------------------- */

typedef struct walk {
    fdht_weights *w;
    const char *prefix;
    int depth;
    int status;
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
    *s = (fdht_wset){.rank = rank, .dim = {1, 1, 1}, .id = -1};
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
        walk down = {up->w, path, up->depth + 1, FDHT_OK, up->err};
        if (H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, &down) < 0 && !down.status)
            down.status = fdht_fail(up->err, FDHT_EFORMAT, "%s: damaged group", path);
        up->status = down.status;
    }
    if (id >= 0)
        H5Oclose(id);
    fdht_free(path);
    return up->status ? -1 : 0;
}

/* The file is not HDF5: say what it is, for those people try to give us. */
static int explain(const char *path, fdht_error *err)
{
    unsigned char head[64] = {0};
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    if (n >= 30 && !memcmp(head, "PK\3\4", 4)) {
        size_t len = head[26] | (size_t)head[27] << 8;
        const char *name = (const char *)head + 30;
        if (len > n - 30)
            len = n - 30;
        for (size_t i = 0; i < len; i++)
            if (!memcmp(name + i, "data.pkl", FDHT_MIN(len - i, (size_t)8)) && len - i >= 8)
                return fdht_fail(err, FDHT_EFORMAT,
                                 "a PyTorch archive (.pt), not HDF5: write its state_dict with h5py first");
        return fdht_fail(
            err, FDHT_EFORMAT,
            "a zip archive, as Keras 3 writes .keras files: unzip it and give model.weights.h5 from inside");
    }
    if (n > 9 && head[8] == '{')
        return fdht_fail(err, FDHT_EFORMAT,
                         "a safetensors file, not HDF5: write its tensors with h5py first");
    return fdht_fail(err, FDHT_EFORMAT, "not an HDF5 file");
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const fdht_wset *)a)->path, ((const fdht_wset *)b)->path);
}

int fdht_w_file_open(fdht_weights *w, const char *path, fdht_error *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return fdht_fail(err, FDHT_ENOENT, "no such file");
    if (!S_ISREG(st.st_mode))
        return fdht_fail(err, FDHT_EINVAL, "not a regular file: HDF5 needs one that it can seek in");
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5E_BEGIN_TRY
    {
        H5Pset_file_locking(fapl, 0, 1);
        w->id = H5Fopen(path, H5F_ACC_RDONLY, fapl);
    }
    H5E_END_TRY
    H5Pclose(fapl);
    if (w->id < 0) {
        FILE *f = fopen(path, "rb");
        if (!f)
            return fdht_fail(err, FDHT_EIO, "cannot be opened for reading");
        unsigned char magic[4] = {0};
        size_t n = fread(magic, 1, 4, f);
        fclose(f);
        if (n == 4 && !memcmp(magic, "\211HDF", 4))
            return fdht_fail(err, FDHT_EFORMAT, "damaged or truncated HDF5 file");
        return explain(path, err);
    }
    walk top = {w, "", 0, FDHT_OK, err};
    herr_t rc;
    H5E_BEGIN_TRY
    {
        rc = H5Literate(w->id, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, &top);
    }
    H5E_END_TRY
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

static int check_type(const fdht_weights *w, fdht_wset *s, fdht_error *err)
{
    hid_t type = H5Dget_type(s->id);
    H5T_class_t class = H5Tget_class(type);
    size_t size = H5Tget_size(type);
    char *note = fdht_w_attr_string(w, s->path, "dtype");
    bool bf16 = note && !strcmp(note, "bfloat16");
    fdht_free(note);
    s->kind = FDHT_WKIND_OTHER;
    if (size == 2 && (class == H5T_OPAQUE || class == H5T_INTEGER) && bf16) {
        s->kind = FDHT_WKIND_BFLOAT16;
        snprintf(s->dtype, sizeof s->dtype, "bfloat16");
    } else if (class == H5T_FLOAT && size <= 16) {
        size_t spos, epos, esize = 0, mpos, msize;
        H5Tget_fields(type, &spos, &epos, &esize, &mpos, &msize);
        s->kind = FDHT_WKIND_FLOAT;
        snprintf(s->dtype, sizeof s->dtype, "%sfloat%zu%s", size == 2 && esize == 8 ? "b" : "", 8 * size,
                 H5Tget_order(type) == H5T_ORDER_BE ? " big-endian" : "");
    }
    H5Tclose(type);
    if (s->kind == FDHT_WKIND_OTHER)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: numbers of %s, %zu bytes: expected float16, float32, float64 or bfloat16",
                         s->path,
                         class == H5T_INTEGER  ? "class integer"
                         : class == H5T_OPAQUE ? "class opaque (without attribute dtype=\"bfloat16\")"
                                               : "another class",
                         size);
    return FDHT_OK;
}

static int check_filters(const fdht_weights *w, const fdht_wset *s, hid_t dcpl, fdht_error *err)
{
    int n = H5Pget_nfilters(dcpl);
    for (int i = 0; i < n; i++) {
        unsigned flags, info;
        size_t nothing = 0;
        char name[64] = "";
        H5Z_filter_t id =
            H5Pget_filter(dcpl, (unsigned)i, &flags, &nothing, NULL, sizeof name - 1, name, &info);
        if (id < 0)
            return fdht_fail(err, FDHT_EFORMAT, "%s: damaged filter list", s->path);
        if (H5Zfilter_avail(id) > 0)
            continue;
        if (id == LZF)
            return fdht_fail(err, FDHT_EFORMAT,
                             "%s: compressed with LZF (filter 32000), not in libhdf5. Rewrite the file (with "
                             "hdf5-plugin-lzf): h5repack -f GZIP=4 %s new.h5",
                             s->path, w->file);
        return fdht_fail(
            err, FDHT_EFORMAT,
            "%s: filter %d (%s) is not in libhdf5. Rewrite the file: h5repack -f GZIP=4 %s new.h5", s->path,
            (int)id, name, w->file);
    }
    return FDHT_OK;
}

static int check_storage(const fdht_weights *w, const fdht_wset *s, hid_t dcpl, fdht_error *err)
{
    H5D_layout_t layout = H5Pget_layout(dcpl);
    if (layout == H5D_VIRTUAL || (layout == H5D_CONTIGUOUS && H5Pget_external_count(dcpl) != 0))
        return fdht_fail(err, FDHT_EFORMAT, "%s: its data stand in other files, which are not opened",
                         s->path);
    if (layout < 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: damaged storage layout", s->path);
    hid_t type = H5Dget_type(s->id);
    size_t item = H5Tget_size(type), bytes;
    H5Tclose(type);
    if (!fdht_product(s->dim, 3, &bytes) || !fdht_mul(bytes, item, &bytes))
        return fdht_fail(err, FDHT_EFORMAT, "%s: more numbers than memory can address", s->path);
    double stored = (double)H5Dget_storage_size(s->id), chunk_bytes = 0;
    hsize_t file_bytes = 0, chunk[H5S_MAX_RANK];
    H5Fget_filesize(w->id, &file_bytes);
    if (layout == H5D_CHUNKED) {
        int rank = H5Pget_chunk(dcpl, H5S_MAX_RANK, chunk);
        chunk_bytes = (double)item;
        for (int k = 0; k < rank; k++)
            chunk_bytes *= (double)chunk[k];
    }
    double most = layout == H5D_CHUNKED ? MAX_RATIO * stored : stored;
    if (stored > (double)file_bytes || (double)bytes > most || chunk_bytes > most)
        return fdht_fail(err, FDHT_EFORMAT, "%s: claims %zu bytes, the file holds %.0f for it", s->path,
                         bytes, stored);
    return FDHT_OK;
}

static int open_set(const fdht_weights *w, fdht_wset *s, fdht_error *err)
{
    int rc = FDHT_OK;
    hid_t dapl = H5Pcreate(H5P_DATASET_ACCESS), dcpl = -1;
    H5Pset_chunk_cache(dapl, 4099, CHUNK_CACHE, 1.0);
    H5E_BEGIN_TRY
    {
        s->id = H5Dopen2(w->id, s->path, dapl);
        dcpl = s->id >= 0 ? H5Dget_create_plist(s->id) : -1;
        if (dcpl < 0)
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: damaged data set", s->path);
        if (!rc)
            rc = check_type(w, s, err);
        if (!rc)
            rc = check_filters(w, s, dcpl, err);
        if (!rc)
            rc = check_storage(w, s, dcpl, err);
        if (dcpl >= 0)
            H5Pclose(dcpl);
        if (rc && s->id >= 0) {
            H5Dclose(s->id);
            s->id = -1;
        }
    }
    H5E_END_TRY
    H5Pclose(dapl);
    return rc;
}

int fdht_w_bind(fdht_weights *w, int set, size_t d0, size_t d1, size_t d2, fdht_error *err)
{
    fdht_wset *s = &w->set[set];
    int rank = d2 ? 3 : d1 ? 2 : 1;
    size_t want[3] = {d0, d1 ? d1 : 1, d2 ? d2 : 1};
    if (s->rank != rank || memcmp(want, s->dim, sizeof want) != 0) {
        char expected[80], found[80];
        int a = snprintf(expected, sizeof expected, "(%zu", d0), b;
        for (int k = 1; k < rank; k++)
            a += snprintf(expected + a, sizeof expected - (size_t)a, ",%zu", want[k]);
        b = snprintf(found, sizeof found, "(");
        for (int k = 0; k < s->rank && k < 3; k++)
            b += snprintf(found + b, sizeof found - (size_t)b, "%s%zu", k ? "," : "", s->dim[k]);
        return fdht_fail(err, FDHT_EFORMAT, "%s: expected %s), file has %s%s)", s->path, expected, found,
                         s->rank > 3 ? ",.." : "");
    }
    return s->id >= 0 ? FDHT_OK : open_set(w, s, err);
}

/* --- attributes
 * ------------------------------------------------------------------------------------------------ */

static hid_t open_attr(const fdht_weights *w, const char *path, const char *name)
{
    hid_t lapl = access_list(), id = -1;
    H5E_BEGIN_TRY
    {
        if (H5Aexists_by_name(w->id, path, name, lapl) > 0)
            id = H5Aopen_by_name(w->id, path, name, H5P_DEFAULT, lapl);
    }
    H5E_END_TRY
    H5Pclose(lapl);
    return id;
}

static char *copy_text(const char *text, size_t most)
{
    size_t n = text ? strnlen(text, most) : 0;
    char *copy = fdht_calloc(n + 1, 1);
    if (copy && n)
        memcpy(copy, text, n);
    return copy;
}

/* All strings of an open attribute; *n as fdht_w_attr_strings. Variable-length strings come as pointers,
 * others as fixed fields, padded or not. */
static int read_strings(hid_t attr, const char *what, char ***out, int *n, fdht_error *err)
{
    int rc = FDHT_OK;
    char **list = NULL, *raw = NULL;
    hid_t type = H5Aget_type(attr), space = H5Aget_space(attr), memory = -1;
    hssize_t points = H5Sget_simple_extent_npoints(space);
    size_t size = 0, bytes = 0;
    bool variable = false, read = false;
    *n = 0;
    if (points == 0)
        goto out;
    if (points < 0 || points > MAX_NAMES || H5Tget_class(type) != H5T_STRING) {
        rc = fdht_fail(err, FDHT_EFORMAT, "attribute %s: expected a list of strings", what);
        goto out;
    }
    variable = H5Tis_variable_str(type) > 0;
    memory = H5Tget_native_type(type, H5T_DIR_DEFAULT);
    size = variable ? sizeof(char *) : H5Tget_size(memory);
    if (!size || !fdht_mul(size, (size_t)points, &bytes) || bytes > MAX_ATTRIBUTE) {
        rc = fdht_fail(err, FDHT_EFORMAT, "attribute %s: too long", what);
        goto out;
    }
    raw = fdht_calloc_err(bytes, 1, what, err);
    list = raw ? fdht_calloc_err((size_t)points, sizeof *list, what, err) : NULL;
    if (!list) {
        rc = FDHT_ENOMEM;
        goto out;
    }
    read = H5Aread(attr, memory, raw) >= 0;
    if (!read) {
        rc = fdht_fail(err, FDHT_EFORMAT, "attribute %s: cannot be read", what);
        goto out;
    }
    for (hssize_t i = 0; i < points && !rc; i++) {
        const char *text = raw + (size_t)i * size;
        list[i] = variable ? copy_text(((char **)(void *)raw)[i], SIZE_MAX) : copy_text(text, size);
        if (!list[i])
            rc = fdht_fail(err, FDHT_ENOMEM, "out of memory: attribute %s", what);
    }
    if (!rc) {
        *n = (int)points;
        *out = list;
        list = NULL;
    }
out:
    fdht_w_strings_free(list, list ? (int)points : 0);
    if (variable && read)
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, raw);
    fdht_free(raw);
    if (memory >= 0)
        H5Tclose(memory);
    H5Tclose(type);
    H5Sclose(space);
    return rc;
}

void fdht_w_strings_free(char **list, int n)
{
    for (int i = 0; list && i < n; i++)
        fdht_free(list[i]);
    fdht_free(list);
}

char *fdht_w_attr_string(const fdht_weights *w, const char *path, const char *name)
{
    hid_t attr = open_attr(w, path, name);
    if (attr < 0)
        return NULL;
    char **list = NULL, *text = NULL;
    int n = 0, rc;
    H5E_BEGIN_TRY
    {
        rc = read_strings(attr, name, &list, &n, NULL);
        H5Aclose(attr);
    }
    H5E_END_TRY
    if (!rc && n == 1) {
        text = list[0];
        list[0] = NULL;
    }
    fdht_w_strings_free(list, n);
    return text;
}

/* Append one attribute's strings to a list; *found tells whether it exists. */
static int append(const fdht_weights *w, const char *path, const char *name, char ***list, int *n,
                  bool *found, fdht_error *err)
{
    char **more = NULL, what[300];
    int n_more = 0, rc;
    hid_t attr = open_attr(w, path, name);
    *found = attr >= 0;
    if (!*found)
        return FDHT_OK;
    snprintf(what, sizeof what, "%s of %s", name, path);
    H5E_BEGIN_TRY
    {
        rc = read_strings(attr, what, &more, &n_more, err);
        H5Aclose(attr);
    }
    H5E_END_TRY
    if (rc || !n_more)
        return rc;
    if (*n > MAX_NAMES - n_more) {
        fdht_w_strings_free(more, n_more);
        return fdht_fail(err, FDHT_EFORMAT, "attribute %s: too long", what);
    }
    char **all = fdht_calloc_err((size_t)(*n + n_more), sizeof *all, what, err);
    if (!all) {
        fdht_w_strings_free(more, n_more);
        return FDHT_ENOMEM;
    }
    if (*n)
        memcpy(all, *list, (size_t)*n * sizeof *all);
    memcpy(all + *n, more, (size_t)n_more * sizeof *all);
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
    int count = 0;
    bool found, any;
    int rc = append(w, path, name, &list, &count, &any, err);
    for (int k = 0; !rc && !any; k++) { /* split above 64,512 bytes: name0, name1, .. */
        char part[64];
        snprintf(part, sizeof part, "%s%d", name, k);
        rc = append(w, path, part, &list, &count, &found, err);
        if (!found) {
            any = k > 0;
            break;
        }
    }
    if (rc) {
        fdht_w_strings_free(list, count);
        return rc;
    }
    *out = list;
    *n = any ? count : -1;
    return FDHT_OK;
}
