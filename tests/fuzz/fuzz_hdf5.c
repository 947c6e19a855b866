/* Files that libhdf5 wrote and our readers do not expect. The input names a file of tests/data and changes to it, which libhdf5 makes:
 * data sets of another type, rank or extent, other attributes, text, names and links. Nothing in the file is damaged, so no child tries
 * it first, and a crash is a fault of the readers. (Damaged files are what the targets weights, dataset and modelfile are for.) */
#include <hdf5.h>

#include "fuzz.h"

#include "fdht/io.h"
#include "hdf5/h5.h"
#include "hdf5/walk.h"

enum { OBJECTS = 64, NAME = 128, MOST_CHANGES = 16, TEXT = 1 << 16 };

static const size_t extents[] = {0, 1, 2, 3, 4, 5, 8, 12, 16, 20, 32, 64, 7, 6, 100, 1000};

typedef struct bytes {
    const uint8_t *p;
    size_t n;
} bytes;

typedef struct object {
    char name[NAME];
    bool data;
} object;

typedef struct target {
    hid_t file;
    size_t n;
    object object[OBJECTS];
} target;

static unsigned next(bytes *b)
{
    if (!b->n)
        return 0;
    b->n--;
    return *b->p++;
}

/* Some bytes as text without a zero, at most `size` with the end. */
static void word(bytes *b, char *out, size_t size)
{
    size_t n = FDHT_MIN(FDHT_MIN((size_t)next(b) % 48, b->n), size - 1), used = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned c = next(b);
        if (c)
            out[used++] = (char)c;
    }
    out[used] = 0;
}

static herr_t note(hid_t id, const char *name, const H5O_info_t *info, void *arg)
{
    target *t = arg;
    (void)id;
    if (t->n == OBJECTS)
        return 1;
    object *o = &t->object[t->n];
    if (strlen(name) < NAME) {
        strcpy(o->name, name);
        o->data = info->type == H5O_TYPE_DATASET;
        t->n++;
    }
    return 0;
}

static hid_t type_of(bytes *b, bool *text)
{
    unsigned k = next(b);
    *text = false;
    switch (k % 10) {
    case 0:
        return H5Tcopy(H5T_IEEE_F64LE);
    case 1:
        return H5Tcopy(H5T_STD_I64LE);
    case 2:
        return H5Tcopy(H5T_STD_U8LE);
    case 3:
        return H5Tcopy(H5T_STD_I32BE);
    case 4:
    case 5: {
        hid_t t = H5Tcopy(H5T_C_S1);
        H5Tset_size(t, k % 10 == 4 ? H5T_VARIABLE : 1 + k / 10);
        *text = true;
        return t;
    }
    case 6: {
        hid_t t = H5Tcreate(H5T_COMPOUND, 8);
        H5Tinsert(t, "r", 0, H5T_IEEE_F32LE);
        H5Tinsert(t, "i", 4, H5T_IEEE_F32LE);
        return t;
    }
    case 7:
        return H5Tcopy(H5T_STD_U64LE);
    default:
        return H5Tcopy(H5T_IEEE_F32LE);
    }
}

static hid_t space_of(bytes *b, size_t *count)
{
    int rank = (int)(next(b) % 6) - 1;
    hsize_t dim[4];
    *count = 1;
    if (rank < 0)
        return *count = 0, H5Screate(H5S_NULL);
    for (int i = 0; i < rank; i++) {
        dim[i] = extents[next(b) % FDHT_COUNT(extents)];
        *count *= (size_t)dim[i];
    }
    return rank ? H5Screate_simple(rank, dim, NULL) : H5Screate(H5S_SCALAR);
}

/* Numbers or text for `count` elements, the bytes over and over; NULL where that would be much. */
static void *values(bytes *b, hid_t type, bool text, size_t count, char *store)
{
    bool variable = text && H5Tis_variable_str(type) > 0;
    size_t each = variable ? sizeof(char *) : H5Tget_size(type);
    char *out = count <= TEXT / each ? malloc(count * each + 1) : NULL;
    if (variable)
        word(b, store, NAME);
    size_t n = FDHT_MIN((size_t)16, b->n);
    for (size_t i = 0; out && i < count * each; i++)
        out[i] = (char)(n ? b->p[i % n] : 0);
    for (size_t i = 0; out && variable && i < count; i++)
        ((char **)(void *)out)[i] = store;
    if (out && !variable) {
        b->p += n;
        b->n -= n;
    }
    return out;
}

static void new_dataset(target *t, const char *name, bytes *b)
{
    bool text;
    size_t count;
    char store[NAME];
    hid_t type = type_of(b, &text), space = space_of(b, &count), set;
    void *v = values(b, type, text, count, store);
    H5Ldelete(t->file, name, H5P_DEFAULT);
    set = H5Dcreate2(t->file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (set >= 0 && v && count)
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
    free(v);
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
}

static void new_attribute(hid_t id, const char *name, bytes *b)
{
    bool text;
    size_t count;
    char store[NAME];
    hid_t type = type_of(b, &text), space = space_of(b, &count), a;
    void *v = values(b, type, text, count, store);
    H5Adelete(id, name);
    a = v ? H5Acreate2(id, name, type, space, H5P_DEFAULT, H5P_DEFAULT)
          : -1; /* libhdf5 takes memory for all of it */
    if (a >= 0 && count)
        H5Awrite(a, type, v);
    if (a >= 0)
        H5Aclose(a);
    free(v);
    H5Sclose(space);
    H5Tclose(type);
}

/* A piece of an attribute's text replaced: what JSON in files is reached by. */
static void edit_text(hid_t id, const char *name, bytes *b)
{
    char *old = NULL, *new = NULL;
    hid_t a = H5Aopen(id, name, H5P_DEFAULT), space = H5Aget_space(a), type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t own = H5Aget_type(a);
    if (a >= 0 && H5Sget_simple_extent_npoints(space) == 1 && H5Tis_variable_str(own) > 0) {
        H5Tset_cset(type, H5Tget_cset(own));
        H5Aread(a, type, &old);
    }
    H5Tclose(own);
    H5Aclose(a);
    if (old && strlen(old) < TEXT && (new = malloc(TEXT + NAME))) {
        char with[NAME];
        size_t n = strlen(old), at = (next(b) | (size_t)next(b) << 8) % (n + 1), gone = next(b) % 32;
        gone = FDHT_MIN(gone, n - at);
        word(b, with, sizeof with);
        snprintf(new, TEXT + NAME, "%.*s%s%s", (int)at, old, with, old + at + gone);
        H5Adelete(id, name);
        a = H5Acreate2(id, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(a, type, &new);
        H5Aclose(a);
    }
    free(new);
    H5free_memory(old);
    H5Sclose(space);
    H5Tclose(type);
}

static void attribute(target *t, const char *path, unsigned what, bytes *b)
{
    char name[NAME] = "";
    hid_t id = H5Oopen(t->file, path, H5P_DEFAULT);
    int n = id < 0 ? 0 : H5Aget_num_attrs(id);
    if (n > 0)
        H5Aget_name_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_INC, next(b) % (unsigned)n, name, sizeof name,
                           H5P_DEFAULT);
    if (*name && what == 0)
        H5Adelete(id, name);
    else if (*name && what == 1)
        new_attribute(id, name, b);
    else if (*name)
        edit_text(id, name, b);
    H5Oclose(id);
}

/* One element of a data set. */
static void value(target *t, const object *o, bytes *b)
{
    hid_t set = H5Dopen2(t->file, o->name, H5P_DEFAULT), space = H5Dget_space(set),
          one = H5Screate(H5S_SCALAR);
    hsize_t dim[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    double x = 0;
    uint8_t raw[sizeof x];
    for (int i = 0; i < rank; i++)
        dim[i] = dim[i] ? next(b) % dim[i] : 0;
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)next(b);
    memcpy(&x, raw, sizeof x);
    if (rank > 0 && H5Sselect_elements(space, H5S_SELECT_SET, 1, dim) >= 0)
        H5Dwrite(set, H5T_NATIVE_DOUBLE, one, space, H5P_DEFAULT, &x);
    H5Sclose(one);
    H5Sclose(space);
    H5Dclose(set);
}

static void change(target *t, bytes *b)
{
    unsigned what = next(b) % 12;
    const object *o = &t->object[next(b) % t->n], *other;
    char name[NAME];
    switch (what) {
    case 0:
        H5Ldelete(t->file, o->name, H5P_DEFAULT);
        break;
    case 1:
        if (o->data)
            new_dataset(t, o->name, b);
        break;
    case 2:
        if (o->data)
            value(t, o, b);
        break;
    case 3:
        attribute(t, o->name, 0, b);
        break;
    case 4:
    case 5:
        attribute(t, o->name, 1, b);
        break;
    case 6:
    case 7:
        attribute(t, o->name, 2, b);
        break;
    case 8:
        word(b, name, sizeof name);
        H5Lmove(t->file, o->name, t->file, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 9:
        other = &t->object[next(b) % t->n]; /* a group within itself, too */
        snprintf(name, sizeof name, "%.60s/%.60s", other->name, o->name);
        H5Lcreate_hard(t->file, o->name, t->file, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 10:
        word(b, name, sizeof name);
        new_dataset(t, name, b);
        break;
    default:
        word(b, name, sizeof name);
        H5Lcreate_soft(o->name, t->file, name, H5P_DEFAULT, H5P_DEFAULT);
    }
}

/* ---- the files that are changed ---- */

static fuzz_input *base;
static size_t bases;

static void load(void)
{
    static const char *const ending[] = {".h5"};
    fuzz_input *before = fuzz_inputs;
    size_t n = fuzz_n_inputs;
    fuzz_inputs = NULL;
    fuzz_n_inputs = 0;
    fuzz_seed_models();
    fuzz_seed_datasets();
    fuzz_seed_folder("tests/data/lstm", ending, 1);
    fuzz_seed_folder("tests/data/cases", ending, 1);
    base = fuzz_inputs;
    bases = FDHT_MIN(fuzz_n_inputs, (size_t)256);
    fuzz_inputs = before;
    fuzz_n_inputs = n;
}

/* What the child does with a file. */
static void walk_through(const char *path, size_t size)
{
    hid_t file;
    fdht_error err = {0};
    if (fdht_h5_open_unguarded(path, &file, &err))
        return;
    fuzz_judge(fdht_h5_walk(file, size, &err), &err);
    H5Fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static target t;
    bytes b = {data, size};
    if (!bases)
        load();
    const fuzz_input *from = &base[next(&b) % bases];
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    const char *path = fuzz_path(from->data, from->size);
    t.n = 0;
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    t.file = H5Fopen(path, H5F_ACC_RDWR, access);
    H5Pclose(access);
    if (t.file < 0)
        return 0;
    H5Ovisit(t.file, H5_INDEX_NAME, H5_ITER_INC, note, &t);
    for (int i = 0; i < MOST_CHANGES && b.n && t.n; i++)
        change(&t, &b);
    if (H5Fclose(t.file) < 0)
        return 0;
    walk_through(path, from->size);
    fuzz_read_weights(path);
    fuzz_read_model(path);
    fuzz_read_dataset(path);
    if (H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) != 0) {
        fprintf(stderr, "objects of the file are still open\n");
        abort();
    }
    return 0;
}

void fuzz_seeds(void)
{
    load();
    for (size_t i = 0; i < bases; i++) {
        uint8_t change[24] = {(uint8_t)i};
        for (size_t k = 1; k < sizeof change; k++)
            change[k] = (uint8_t)(i * 31 + k * 17);
        change[1] = (uint8_t)(i % 12);
        fuzz_seed(change, sizeof change);
    }
}
