/* Modes, tree, ranks and places of a cell as they are spelled, a line each: kind, sizes, modes of the input and of the gates, tree, ranks,
 * place of the hidden state. A cell that is designed spells itself, and that designs it again. */
#include "fuzz.h"

#include "fdht/design.h"
#include "frame/parse.h"

enum { LINES = 8 };
static const size_t SMALL = 256;

/* A list into `to`, which has room for `most`; how many there are, 0 where the line is empty or no such list. */
static int list(const char *line, size_t *to, size_t most)
{
    cli_sizes s;
    if (!cli_parse_sizes(line, 1, (size_t)1 << 40, &s) || s.n > most)
        return 0;
    for (size_t i = 0; i < s.n; i++)
        to[i] = s.v[i];
    return (int)s.n;
}

static void again(const fdht_cell_spec *cell)
{
    static fdht_cell_spec other;
    fdht_cell_options o;
    char tree[8 * FDHT_MAX_NODES], reason[256];
    fdht_error err = {0};
    size_t n[2];
    fdht_op *op[2];
    fdht_cell_options_of(cell, &o, tree);
    if (fdht_cell_design(&o, &other, reason, &err) || cell->op.d != other.op.d ||
        cell->inputs != other.inputs || cell->hidden != other.hidden) {
        fprintf(stderr, "not designed again: %s\n", err.msg);
        abort();
    }
    const fdht_op_spec *spec[2] = {&cell->op, &other.op};
    for (int i = 0; i < 2; i++) {
        int rc = fdht_op_new(spec[i], &op[i], &err);
        fuzz_judge(rc, &err);
        n[i] = rc ? 0 : fdht_op_parameters(op[i]);
        if (!rc)
            fdht_op_free(op[i]);
    }
    if (n[0] != n[1])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fdht_cell_spec cell;
    char *text = malloc(size + 1), *line[LINES] = {0}, reason[256];
    fdht_cell_options o;
    fdht_error err = {0};
    size_t sizes[2] = {0};
    int n = 0;
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    for (char *at = text; at && n < LINES;)
        line[n++] = strsep(&at, "\n");
    fdht_cell_options_default(&o);
    for (; n < LINES; n++)
        line[n] = text + size;
    if (!fdht_cell_parse(line[0], &o.kind, NULL)) {
        list(line[1], sizes, 2);
        o.inputs = sizes[0];
        o.hidden = sizes[1];
        int d_in = list(line[2], o.in, FDHT_MAX_MODES), d_out = list(line[3], o.out, FDHT_MAX_MODES);
        o.d = d_in ? d_in : d_out;
        if (!d_in || !d_out) { /* the search for modes takes up to a second: small sizes reach as much */
            o.inputs = FDHT_MIN(o.inputs, SMALL);
            o.hidden = FDHT_MIN(o.hidden, SMALL);
        }
        o.tree = *line[4] ? line[4] : NULL;
        o.n_ranks = (size_t)list(line[5], o.ranks, FDHT_MAX_NODES);
        o.rank = o.n_ranks == 1 ? o.ranks[0] : 0;
        o.n_ranks = o.n_ranks == 1 ? 0 : o.n_ranks;
        list(line[6], o.hidden_box, FDHT_MAX_MODES);
        list(line[7], o.enlarge, FDHT_MAX_MODES);
        o.feasible = size % 2;
        int rc = fdht_cell_design(&o, &cell, reason, &err);
        fuzz_judge(rc, &err);
        if (!rc)
            again(&cell);
    }
    free(text);
    return 0;
}

void fuzz_seeds(void)
{
    static const char *const text[] = {"fdht\n192,16\n8,8,3\n4,4,4\n((1,2),3)\n2\n\n",
                                       "fdht\n120,16\n4,6,5\n8,4,2\nbalanced\n3,2,5,3\n1,4,4\n",
                                       "ht\n64,32\n4,4,4\n8,4,4\nlinear\n4\n\n",
                                       "tt\n57600,256\n8,20,20,18\n16,4,4,4\n\n1,4,4,4,1\n\n",
                                       "tr\n64,16\n8,8\n8,8\n\n3\n\n",
                                       "bt\n64,16\n8,8\n8,8\n\n3\n\n",
                                       "dense\n3,4\n\n\n\n\n\n",
                                       "fdht\n60,16\n\n\n\n\n\n"};
    for (size_t i = 0; i < FDHT_COUNT(text); i++)
        fuzz_seed(text[i], strlen(text[i]));
}
