/* Model files. */
#include "fuzz.h"

#include "fdht/modelfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fdht_model *m;
    fdht_blobs *training;
    fdht_error err = {0};
    int rc = fdht_modelfile_read(fuzz_path(data, size), &m, &training, NULL, &err);
    fuzz_judge(rc, &err);
    fdht_model_free(m);
    fdht_blobs_free(training);
    return 0;
}

static void seed(fdht_cell_kind kind, fdht_format format)
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
    if (fdht_model_new(&spec, &m, NULL) || fdht_model_init(m, 1, 1, NULL) ||
        fdht_modelfile_write(path, m, &training, &force, NULL))
        abort();
    fdht_model_free(m);
    fuzz_seed_file(path);
}

void fuzz_seeds(void)
{
    fdht_hdf5_quiet();
    fdht_guard(true); /* as the command has it: libhdf5 itself crashes on damaged files */
    seed(FDHT_CELL_FDHT, FDHT_HT);
    seed(FDHT_CELL_BT, FDHT_BT);
    seed(FDHT_CELL_TT, FDHT_TT);
    fuzz_seed_file("tests/data/chain/tagger.h5");
    fuzz_seed_file("tests/data/chain/autoencoder.h5");
}
