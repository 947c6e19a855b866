/* seeds.c - inputs that targets begin with, and the file through which an input reaches a reader. */
#include <dirent.h>
#include <hdf5.h>
#include <sys/stat.h>

#include "fuzz.h"

#include "fdht/dataset.h"
#include "fdht/modelfile.h"

fuzz_input *fuzz_inputs;
size_t fuzz_n_inputs;

enum { LARGE_SEED = 1 << 16, KEPT = 1 << 24 };

void fuzz_setup(void)
{
    fdht_hdf5_quiet();
    /* Each file that is opened has a table of half a megabyte, which libhdf5 would give back to the system, and fault in again. */
    H5set_free_list_limits(KEPT, KEPT, KEPT, KEPT, KEPT, KEPT);
    fuzz_start_taster(); /* libhdf5 itself crashes on damaged files */
}

void fuzz_seed(const void *data, size_t size)
{
    fuzz_input *all = realloc(fuzz_inputs, (fuzz_n_inputs + 1) * sizeof *all);
    uint8_t *copy = malloc(size + 1);
    if (!all || !copy)
        abort();
    memcpy(copy, data, size);
    fuzz_inputs = all;
    all[fuzz_n_inputs++] = (fuzz_input){copy, size};
}

void fuzz_seed_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    static uint8_t data[1 << 22];
    if (!f) {
        perror(path);
        abort();
    }
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    fuzz_seed(data, n);
}

static bool ends_in(const char *name, const char *const *ending, size_t n)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(ending[i]);
        if (length > m && !strcmp(name + length - m, ending[i]))
            return true;
    }
    return false;
}

void fuzz_seed_folder(const char *dir, const char *const *ending, size_t n)
{
    struct dirent **list;
    int found = scandir(dir, &list, NULL, alphasort);
    if (found < 0) {
        perror(dir);
        abort();
    }
    for (int i = 0; i < found; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        struct stat st;
        if (*list[i]->d_name != '.' &&
            (!n || (ends_in(path, ending, n) && !stat(path, &st) && st.st_size < LARGE_SEED)))
            fuzz_seed_file(path);
        free(list[i]);
    }
    free(list);
}

static char file[64];

const char *fuzz_path(const uint8_t *data, size_t size)
{
    if (!*file) {
        const char *dir = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(file, sizeof file, "%s/fdht-fuzz-%ld", dir, (long)getpid());
        atexit(fuzz_clean);
    }
    /* a new inode: a file that libhdf5 could not close would be taken for one of the same */
    unlink(file);
    FILE *f = fopen(file, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
        perror(file);
        abort();
    }
    return file;
}

void fuzz_clean(void)
{
    if (*file)
        unlink(file);
}

/* ---- models ---- */

static void model(fdht_cell_kind kind, fdht_format format)
{
    fdht_cell_spec cell;
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &cell, .classes = 2};
    fdht_out_options force = {.force = true};
    uint64_t rng[4] = {1, 2, 3, 4};
    fdht_blob blob = {"rng", FDHT_BLOB_U64, 4, rng};
    fdht_blobs training = {1, &blob};
    fdht_model *m;
    fdht_cell_spec_default(&cell);
    cell.kind = kind;
    cell.inputs = 8;
    cell.hidden = 4;
    cell.op = (fdht_op_spec){
        .format = format, .d = 3, .in = {2, 2, 2}, .out = {4, 2, 2}, .blocks = format == FDHT_BT ? 2 : 0};
    if (fdht_tree_balanced(3, &cell.op.tree, NULL) ||
        (kind == FDHT_CELL_FDHT && fdht_cell_place(&cell, 0, NULL, NULL, NULL)))
        abort();
    fdht_op_spec_set_rank(&cell.op, 2);
    const char *path = fuzz_path((const uint8_t *)"", 0);
    if (fdht_model_new(&spec, &m, NULL) || fdht_model_init(m, 1, 1, FDHT_START_NORMAL, NULL) ||
        fdht_modelfile_write(path, m, &training, &force, NULL))
        abort();
    fdht_model_free(m);
    fuzz_seed_file(path);
}

void fuzz_seed_models(void)
{
    model(FDHT_CELL_FDHT, FDHT_HT);
    model(FDHT_CELL_BT, FDHT_BT);
    model(FDHT_CELL_TT, FDHT_TT);
    fuzz_seed_file("tests/data/chain/tagger.h5");
    fuzz_seed_file("tests/data/chain/autoencoder.h5");
}

/* ---- data sets ---- */

static void native(bool features, int gzip)
{
    static const char *const classes[] = {"walk", "run"};
    fdht_dataset_spec spec = {.shape = {3, 4, 2, 3, 0}, .gzip = gzip};
    fdht_dataset_writer *w;
    fdht_out_options force = {.force = true};
    float clip[64];
    if (features)
        spec.shape = (fdht_clip_shape){.length = 3, .features = 4};
    for (int i = 0; i < 64; i++)
        clip[i] = (float)i;
    const char *path = fuzz_path((const uint8_t *)"", 0);
    if (fdht_dataset_create(path, &spec, &force, &w, NULL) ||
        fdht_dataset_append(w, clip, 3, 0, "a", 0, NULL) ||
        fdht_dataset_append(w, clip, 2, 1, "b", 2, NULL) || fdht_dataset_finish(w, classes, 2, NULL))
        abort();
    fuzz_seed_file(path);
}

static void put(hid_t loc, const char *name, int rank, const hsize_t *dim, hid_t type, const void *data,
                int packed)
{
    hid_t space = H5Screate_simple(rank, dim, NULL), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(dcpl, 0); /* the same file in every run */
    if (packed) {
        H5Pset_chunk(dcpl, rank, dim);
        H5Pset_shuffle(dcpl);
        H5Pset_deflate(dcpl, 1);
    }
    hid_t d = H5Dcreate2(loc, name, type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    if (d < 0 || H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        abort();
    H5Dclose(d);
    H5Sclose(space);
    H5Pclose(dcpl);
}

static void label(hid_t object, hid_t type, const char *word)
{
    hid_t space = H5Screate(H5S_SCALAR),
          a = H5Acreate2(object, "label", type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a < 0 || H5Awrite(a, type, &word) < 0)
        abort();
    H5Aclose(a);
    H5Sclose(space);
}

/* Files of the old kind. Form 0: all frames in one data set, classes of a fixed width; 1: a group a clip; 2: a data set a clip; 3: as 0
 * with classes of variable length. */
static void foreign(int form)
{
    const hsize_t clip[4] = {3, 2, 4, 3}, flat[4] = {6, 3, 2, 4}, pairs[2] = {2, 2}, matrix[2] = {3, 5},
                  two = 2;
    static const char words[2][8] = {"walk", "run"}, *const name[] = {"clip_1", "clip_2"};
    const char *text_of[2] = {words[0], words[1]};
    const int index[4] = {0, 4, 4, 2};
    uint8_t frames[144];
    float x[15];
    const char *path = fuzz_path((const uint8_t *)"", 0);
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), fixed = H5Tcopy(H5T_C_S1),
          variable = H5Tcopy(H5T_C_S1);
    H5Tset_size(fixed, sizeof words[0]);
    H5Tset_size(variable, H5T_VARIABLE);
    for (int i = 0; i < 144; i++)
        frames[i] = (uint8_t)(i * 5);
    for (int i = 0; i < 15; i++)
        x[i] = (float)i / 3;
    if (form == 0 || form == 3) {
        put(f, "frames", 4, flat, H5T_NATIVE_UINT8, frames, 1);
        put(f, "index", 2, pairs, H5T_NATIVE_INT, index, 0);
        put(f, "classes", 1, &two, form ? variable : fixed, form ? (const void *)text_of : words, 0);
    } else
        for (int i = 0; i < 2; i++) {
            hid_t object;
            if (form == 1) {
                object = H5Gcreate2(f, name[i], H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
                put(object, "frames", 4, clip, H5T_NATIVE_UINT8, frames, i);
            } else {
                put(f, name[i], 2, matrix, H5T_NATIVE_FLOAT, x, i);
                object = H5Dopen2(f, name[i], H5P_DEFAULT);
            }
            label(object, variable, words[i]);
            H5Oclose(object);
        }
    H5Tclose(fixed);
    H5Tclose(variable);
    H5Fclose(f);
    fuzz_seed_file(path);
}

void fuzz_seed_datasets(void)
{
    native(false, 1);
    native(false, 0);
    native(true, 4);
    for (int form = 0; form < 4; form++)
        foreign(form);
}
