/* nn/preset.c - the table of presets (lib/README.md section 3.3 counts their parameters). */
#include "fdht/preset.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

typedef struct row {
    const char *name, *description;
    bool layer;
    fdht_cell_kind kind;
    int d;
    size_t in[FDHT_MAX_MODES], out[FDHT_MAX_MODES];
    const char *tree;
    size_t leaf, inner; /* ranks; formats without a tree: leaf */
    int blocks;
    size_t enlarge[FDHT_MAX_MODES]; /* fdht: slices for h; all 0: mode 1 by the fewest */
    size_t hidden, width, height, channels, classes;
    bool diff;
    double lr;
    int epochs;
} row;

/* frames of all video models: 160x120 pixels, RGB */
#define FRAMES .width = 160, .height = 120, .channels = 3
#define VIDEO  .hidden = 256, FRAMES

static const row table[] = {
    {"ucf11-dense", "dense LSTM end to end on UCF11, 57,600 -> 256", .kind = FDHT_CELL_DENSE, .d = 1,
     .in = {57600}, .out = {1024}, .classes = 11, VIDEO},
    {"ucf11-tt", "TT-LSTM on UCF11 (Yang, Krompass, Tresp, ICML 2017)", .kind = FDHT_CELL_TT, .d = 4,
     .in = {8, 20, 20, 18}, .out = {16, 4, 4, 4}, .leaf = 4, .classes = 11, VIDEO},
    {"ucf11-bt", "BT-LSTM on UCF11 (Ye et al., CVPR 2018)", .kind = FDHT_CELL_BT, .d = 4,
     .in = {8, 20, 20, 18}, .out = {16, 4, 4, 4}, .leaf = 4, .blocks = 2, .classes = 11, VIDEO},
    {"ucf11-tr",
     "TR-LSTM on UCF11 after Pan et al., AAAI 2019, our bookkeeping: 8 input and 5 output cores, rank 5",
     .kind = FDHT_CELL_TR, .d = 13, .in = {4, 2, 5, 8, 6, 5, 3, 2, 1, 1, 1, 1, 1},
     .out = {1, 1, 1, 1, 1, 1, 1, 1, 16, 4, 2, 4, 2}, .leaf = 5, .classes = 11, VIDEO},
    {"ucf11-ht", "HT-LSTM on UCF11 (Yin et al., 2020)", .kind = FDHT_CELL_HT, .d = 5, .in = {8, 10, 10, 9, 8},
     .out = {16, 4, 2, 4, 2}, .tree = "((1,2),(3,(4,5)))", .leaf = 4, .inner = 5, .classes = 11, VIDEO},
    {"ucf11-fdht", "FDHT-LSTM for UCF11, shapes of our choice", .kind = FDHT_CELL_FDHT, .d = 4,
     .in = {8, 20, 20, 18}, .out = {16, 4, 4, 4}, .tree = "balanced", .leaf = 4, .inner = 4, .classes = 11,
     VIDEO},
    {"youtube-tt", "TT-LSTM on YouTube Celebrities Face (Yang, Krompass, Tresp, ICML 2017)",
     .kind = FDHT_CELL_TT, .d = 4, .in = {4, 20, 20, 36}, .out = {16, 4, 4, 4}, .leaf = 4, .classes = 47,
     VIDEO},
    {"youtube-fdht", "FDHT-LSTM for YouTube Celebrities Face, shapes of our choice", .kind = FDHT_CELL_FDHT,
     .d = 4, .in = {4, 20, 20, 36}, .out = {16, 4, 4, 4}, .tree = "balanced", .leaf = 4, .inner = 4,
     .classes = 47, VIDEO},
    {"clips-fdht", "FDHT-LSTM on difference frames, modes that follow the picture: the demo's",
     .kind = FDHT_CELL_FDHT, .d = 5, .in = {8, 15, 10, 16, 3}, .out = {8, 4, 4, 4, 4},
     .tree = "(((1,2),(3,4)),5)", .leaf = 8, .inner = 8, .enlarge = {4, 4, 4, 8}, .diff = true, .hidden = 512,
     FRAMES, .lr = 6e-3, .epochs = 120},
    {"tie-fc6", "TT layer VGG-16 fc6 of the TIE accelerator (ISCA 2019)", .layer = true, .kind = FDHT_CELL_TT,
     .d = 6, .in = {2, 7, 8, 8, 7, 4}, .out = {4, 4, 4, 4, 4, 4}, .leaf = 4},
    {"tie-fc7", "TT layer VGG-16 fc7 of the TIE accelerator (ISCA 2019)", .layer = true, .kind = FDHT_CELL_TT,
     .d = 6, .in = {4, 4, 4, 4, 4, 4}, .out = {4, 4, 4, 4, 4, 4}, .leaf = 4},
    {"tie-ucf11", "TT layer LSTM-UCF11, one gate, of the TIE accelerator (ISCA 2019)", .layer = true,
     .kind = FDHT_CELL_TT, .d = 4, .in = {8, 20, 20, 18}, .out = {4, 4, 4, 4}, .leaf = 4},
    {"tie-youtube", "TT layer LSTM-Youtube, one gate, of the TIE accelerator (ISCA 2019)", .layer = true,
     .kind = FDHT_CELL_TT, .d = 4, .in = {4, 20, 20, 36}, .out = {4, 4, 4, 4}, .leaf = 4},
};

int fdht_presets(void)
{
    return FDHT_COUNT(table);
}

const char *fdht_preset_name(int i)
{
    return i >= 0 && i < fdht_presets() ? table[i].name : NULL;
}

static int fill(const row *r, fdht_preset *p, fdht_error *err)
{
    fdht_cell_spec *c = &p->cell;
    int status = FDHT_OK;
    *p = (fdht_preset){
        .name = r->name, .description = r->description, .layer = r->layer, .classes = r->classes};
    p->lr = r->lr;
    p->epochs = r->epochs;
    p->frame = (fdht_frame_spec){
        .width = r->width, .height = r->height, .channels = r->channels, .std = 1, .diff = r->diff};
    fdht_cell_spec_default(c);
    c->kind = r->kind;
    c->hidden = r->hidden;
    c->op = (fdht_op_spec){.format = fdht_cell_format(r->kind), .d = r->d, .blocks = r->blocks};
    memcpy(c->op.in, r->in, sizeof c->op.in);
    memcpy(c->op.out, r->out, sizeof c->op.out);
    (void)fdht_product(r->in, (size_t)r->d, &c->inputs);
    if (r->tree && (status = fdht_tree_parse(r->tree, r->d, &c->op.tree, err)))
        return status;
    fdht_op_spec_set_rank(&c->op, r->leaf);
    for (int i = 0; r->tree && i < c->op.tree.n_nodes - 1; i++)
        c->op.rank[i] = c->op.tree.node[i].left < 0 ? r->leaf : r->inner;
    if (r->kind == FDHT_CELL_FDHT)
        status = fdht_cell_place(c, 0, r->enlarge[0] ? r->enlarge : NULL, NULL, err);
    return status;
}

int fdht_preset_get(const char *name, fdht_preset *out, fdht_error *err)
{
    char names[256] = "";
    size_t at = 0;
    for (int i = 0; i < fdht_presets(); i++) {
        if (strcmp(name, table[i].name) == 0)
            return fill(&table[i], out, err);
        if (at < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", table[i].name);
    }
    return fdht_fail(err, FDHT_EINVAL, "preset '%.40s': expected %s", name, names);
}

int fdht_preset_parameters(const fdht_preset *p, size_t *out, fdht_error *err)
{
    fdht_op *op;
    int status = fdht_op_new(&p->cell.op, &op, err);
    if (status)
        return status;
    *out = fdht_op_parameters(op);
    fdht_op_free(op);
    return FDHT_OK;
}
