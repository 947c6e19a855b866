/* info/model.c - cells, their plans, and presets. */
#include "info/info.h"

#include "fdht/preset.h"

static void add_tree(cJSON *json, const fdht_tree *tree)
{
    char text[8 * FDHT_MAX_NODES];
    fdht_tree_spell(tree, text, sizeof text);
    cli_json_string(json, "tree", text);
}

static void add_box(cJSON *json, const char *key, const fdht_box *box, int d)
{
    cJSON *item = cli_json_object(json, key);
    cli_json_sizes(item, "corner", box->corner, (size_t)d);
    cli_json_sizes(item, "size", box->size, (size_t)d);
}

int info_cell(cli *c, const fdht_cell_spec *cell, cJSON *json)
{
    const fdht_op_spec *op = &cell->op;
    const fdht_format_traits *format = fdht_format_traits_of(op->format);
    (void)c;
    cli_json_string(json, "cell", fdht_cell_name(cell->kind));
    cli_json_size(json, "input_size", cell->inputs);
    if (cell->hidden) {
        cli_json_size(json, "hidden_size", cell->hidden);
        cli_json_size(json, "proj_size", cell->proj);
        cli_json_bool(json, "bias", cell->bias);
        cli_json_string(json, "recurrent_activation", fdht_activation_name(cell->activation));
        if (cell->candidate != FDHT_TANH)
            cli_json_string(json, "candidate_activation", fdht_activation_name(cell->candidate));
        if (cell->output != FDHT_TANH)
            cli_json_string(json, "output_activation", fdht_activation_name(cell->output));
    }
    cli_json_sizes(json, "in_modes", op->in, (size_t)op->d);
    cli_json_sizes(json, "out_modes", op->out, (size_t)op->d);
    if (format->tree)
        add_tree(json, &op->tree);
    if (format->blocks)
        cli_json_int(json, "blocks", op->blocks);
    if (!format->dense)
        cli_json_sizes(json, "ranks", op->rank, fdht_op_spec_ranks(op));
    if (cell->kind == FDHT_CELL_FDHT) {
        add_box(json, "x_box", &cell->x, op->d);
        add_box(json, "hidden_box", &cell->h, op->d);
    }
    return FDHT_OK;
}

/* ---- plans ---- */

typedef struct totals {
    size_t input, hidden, merge, bytes, peak; /* bytes read and written per frame, as float32 */
} totals;

static cJSON *add_step(cJSON *steps, int cell, const char *map, const char *name, size_t m, size_t k,
                       size_t n)
{
    cJSON *step = cli_json_object(steps, NULL);
    cli_json_int(step, "cell", cell);
    cli_json_string(step, "map", map);
    cli_json_string(step, "name", name);
    cli_json_size(step, "rows", m);
    cli_json_size(step, "inner", k);
    cli_json_size(step, "cols", n);
    return step;
}

/* The plan of one box of an operator; returns its multiply-adds in *work. */
static int plan_map(cli *c, const fdht_op *op, int cell, const char *map, const fdht_box *box, cJSON *steps,
                    size_t *work, totals *t)
{
    static fdht_plan_report plan; /* large */
    int status = fdht_op_plan(op, box, &plan, &c->err);
    if (status)
        return status;
    for (int i = 0; i < plan.n_steps; i++) {
        const fdht_plan_step *s = &plan.step[i];
        cJSON *step = add_step(steps, cell, map, s->name, s->m, s->k, s->n);
        cli_json_size(step, "multiply_adds", s->multiply_adds);
        cli_json_size(step, "bytes", sizeof(float) * (s->m * s->k + s->outputs));
        cli_json_size(step, "intermediate", s->outputs);
    }
    t->bytes += plan.bytes;
    *work += plan.multiply_adds;
    t->merge += plan.merge_multiply_adds;
    if (plan.peak_intermediate > t->peak)
        t->peak = plan.peak_intermediate;
    return FDHT_OK;
}

/* A matrix in front of h: the hidden map of all cells but fdht, and projections. */
static void plan_matrix(int cell, const char *map, size_t rows, size_t cols, cJSON *steps, size_t *work,
                        totals *t)
{
    cJSON *step = add_step(steps, cell, map, "dense", 1, cols, rows);
    size_t bytes = sizeof(float) * (rows * cols + rows + cols); /* its matrix is read for each frame */
    cli_json_size(step, "multiply_adds", rows * cols);
    cli_json_size(step, "bytes", bytes);
    cli_json_size(step, "intermediate", rows);
    *work += rows * cols;
    t->bytes += bytes;
}

static int plan_cell(cli *c, const fdht_cell_spec *cell, int number, cJSON *steps, totals *t)
{
    fdht_op *op = NULL;
    bool fdht = cell->kind == FDHT_CELL_FDHT;
    size_t p = cell->proj ? cell->proj : cell->hidden;
    int status = fdht_op_new(&cell->op, &op, &c->err);
    if (!status)
        status = plan_map(c, op, number, "input", fdht ? &cell->x : NULL, steps, &t->input, t);
    if (!status && fdht)
        status = plan_map(c, op, number, "hidden", &cell->h, steps, &t->hidden, t);
    else if (!status && cell->hidden)
        plan_matrix(number, "hidden", (size_t)fdht_recurrent_gates(cell->recurrent) * cell->hidden, p, steps,
                    &t->hidden, t);
    if (!status && cell->proj)
        plan_matrix(number, "projection", cell->proj, cell->hidden, steps, &t->hidden, t);
    fdht_op_free(op);
    return status;
}

int info_plan(cli *c, const fdht_cell_spec *cell, int n, cJSON *json)
{
    totals t = {0};
    cJSON *plan = cli_json_object(json, "plan"), *steps = cJSON_CreateArray();
    int status = FDHT_OK;
    for (int i = 0; i < n && !status; i++)
        status = plan_cell(c, &cell[i], i, steps, &t);
    if (status) {
        cJSON_Delete(steps);
        return status;
    }
    cli_json_size(plan, "multiply_adds_per_frame", t.input + t.hidden);
    cli_json_size(plan, "input_multiply_adds", t.input);
    cli_json_size(plan, "hidden_multiply_adds", t.hidden);
    cli_json_size(plan, "merge_multiply_adds", t.merge);
    cli_json_size(plan, "bytes_per_frame", t.bytes);
    cli_json_size(plan, "peak_intermediate", t.peak);
    cJSON_AddItemToObject(plan, "steps", steps);
    return FDHT_OK;
}

/* ---- presets ---- */

static int describe_preset(cli *c, const char *name, fdht_preset *p, cJSON *json)
{
    size_t parameters = 0;
    int status = fdht_preset_get(name, p, &c->err);
    if (!status)
        status = fdht_preset_parameters(p, &parameters, &c->err);
    if (status)
        return status;
    cli_json_string(json, "name", p->name);
    cli_json_string(json, "description", p->description);
    cli_json_size(json, "parameters", parameters);
    return info_cell(c, &p->cell, json);
}

int info_preset(cli *c, const info_args *a, cJSON *json)
{
    fdht_preset p;
    int status = describe_preset(c, a->preset, &p, json);
    if (status)
        return status;
    if (!p.layer) {
        cJSON *frame = cli_json_object(json, "frame");
        cli_json_size(frame, "width", p.frame.width);
        cli_json_size(frame, "height", p.frame.height);
        cli_json_size(frame, "channels", p.frame.channels);
        cli_json_bool(frame, "diff", p.frame.diff);
        if (p.classes)
            cli_json_size(json, "classes", p.classes);
    }
    return a->plan ? info_plan(c, &p.cell, 1, json) : FDHT_OK;
}

/* Text is a table: a name and what it is, a line each. */
int info_presets(cli *c, const info_args *a, cJSON *json)
{
    cJSON *list = cli_json_array(json, "presets");
    (void)a;
    for (int i = 0; i < fdht_presets(); i++) {
        fdht_preset p;
        int status = describe_preset(c, fdht_preset_name(i), &p, cli_json_object(list, NULL));
        if (status)
            return status;
        if (!c->json)
            printf("%-14s %s\n", p.name, p.description);
    }
    return FDHT_OK;
}
