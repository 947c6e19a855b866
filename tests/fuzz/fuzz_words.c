/* What a user spells: trees, formats, cells, layouts, pixel formats, lists and sizes. A tree that is taken is spelled back the same. */
#include "fuzz.h"

#include "fdht/clips.h"
#include "fdht/model.h"
#include "fdht/weights.h"
#include "frame/parse.h"

static void tree(const char *text, int d)
{
    fdht_tree tree, again;
    fdht_error err = {0};
    char spelled[256], twice[256];
    int rc = fdht_tree_parse(text, d, &tree, &err);
    fuzz_judge(rc, &err);
    if (rc)
        return;
    size_t n = fdht_tree_spell(&tree, spelled, sizeof spelled);
    if (n >= sizeof spelled || tree.d != d || fdht_tree_parse(spelled, d, &again, NULL) ||
        fdht_tree_spell(&again, twice, sizeof twice) != n || strcmp(spelled, twice))
        abort();
}

static void names(const char *text)
{
    fdht_format format;
    fdht_cell_kind cell;
    fdht_recurrent recurrent;
    fdht_activation activation;
    fdht_layout layout;
    fdht_raw raw;
    fdht_error err = {0};
    fuzz_judge(fdht_format_parse(text, &format, &err), &err);
    fuzz_judge(fdht_cell_parse(text, &cell, &err), &err);
    fuzz_judge(fdht_recurrent_parse(text, &recurrent, &err), &err);
    fuzz_judge(fdht_activation_parse(text, &activation, &err), &err);
    fuzz_judge(fdht_layout_parse(text, &layout, &err), &err);
    fuzz_judge(fdht_raw_parse(text, &raw, &err), &err);
}

static void numbers(const char *text)
{
    long i;
    uint64_t u;
    size_t size;
    double x;
    cli_sizes sizes;
    cli_extent extent;
    if ((cli_parse_int(text, -5, 10, &i) && (i < -5 || i > 10)) ||
        (cli_parse_size(text, 1, 100, &size) && (size < 1 || size > 100)) ||
        (cli_parse_double(text, -1, 1, &x) && !(x >= -1 && x <= 1)) ||
        (cli_parse_sizes(text, 1, 1000, &sizes) && (sizes.n < 1 || sizes.n > CLI_MAX_LIST)) ||
        (cli_parse_extent(text, &extent) && (!extent.width || !extent.height)) ||
        (cli_parse_choice(text, "gram|qr|none") > 2))
        abort();
    cli_parse_u64(text, &u);
    cli_parse_bytes(text, &size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    for (int d = 1; d <= FDHT_MAX_MODES; d += size > 40 ? 15 : 3)
        tree(text, d);
    names(text);
    numbers(text);
    free(text);
    return 0;
}

void fuzz_seeds(void)
{
    static const char *const text[] = {"balanced",
                                       "linear",
                                       "((1,2),(3,4))",
                                       "(1,(2,(3,4)))",
                                       "(1,2)",
                                       "1",
                                       "8,20,20,18",
                                       "160x120",
                                       "200M",
                                       "0x1fff",
                                       "-3",
                                       "1e-3",
                                       "gram",
                                       "fdht",
                                       "lstm",
                                       "sigmoid",
                                       "keras",
                                       "rgb24",
                                       "yuv420p",
                                       "pytorch",
                                       "tt",
                                       "((1,3),(2,(4,(5,(6,7)))))"};
    for (size_t i = 0; i < FDHT_COUNT(text); i++)
        fuzz_seed(text[i], strlen(text[i]));
}
