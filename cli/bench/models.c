/* bench/models.c - the machine and the models that `fdht bench` compares, and the operations they are planned to take. */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frame/machine.h"
#include "fdht/peak.h"

enum { CLASSES = 11 }; /* of a preset that names none */

int bench_machine(bench *b, fdht_error *err)
{
    (void)err;
    cli_cpu_name(b->machine.cpu, sizeof b->machine.cpu);
    b->machine.cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    b->machine.read_gb_s = 1e-9 * fdht_machine_read_rate((size_t)256 << 20, 0.5);
    return FDHT_OK;
}

/* Planned operations per input vector, two for each multiply-add; the first step has no gradient of its input. */
static int map_flops(const fdht_op *op, const fdht_box *box, bool first, double *forward, double *train,
                     fdht_error *err)
{
    fdht_plan_report r;
    int status = fdht_op_plan(op, box, &r, err);
    if (status)
        return status;
    *forward = 2.0 * (double)r.multiply_adds;
    *train =
        3 * *forward - (first && r.n_steps ? 2.0 * (double)(r.step[0].multiply_adds * (size_t)r.n_terms) : 0);
    return FDHT_OK;
}

static int count_flops(bench_model *m, const fdht_cell_spec *cell, fdht_error *err)
{
    double rows = (double)fdht_recurrent_gates(cell->recurrent) * (double)cell->hidden;
    double x = 0, x_train = 0, h = 2 * rows * (double)cell->hidden, h_train = 3 * h;
    int status = FDHT_OK;
    if (cell->kind == FDHT_CELL_DENSE) {
        x = 2 * rows * (double)cell->inputs;
        x_train = 2 * x;
    } else {
        status = map_flops(m->op, &cell->x, true, &x, &x_train, err);
        if (!status && cell->kind == FDHT_CELL_FDHT)
            status = map_flops(m->op, &cell->h, false, &h, &h_train, err);
    }
    m->layer_flops = x;
    m->infer_flops = x + h;
    m->train_flops = x_train + h_train;
    return status;
}

int bench_add_model(bench *b, const char *cell, const fdht_preset *p, fdht_error *err)
{
    bench_model *m = &b->model[b->n_models++];
    fdht_cell_spec one = p->cell;
    fdht_model_spec spec = {
        .layers = 1, .directions = 1, .cell = &one, .classes = p->classes ? p->classes : CLASSES};
    one.bias = true;
    spec.frame = p->frame;
    spec.frame.std = 64;
    spec.frame.mean = 128;
    spec.frame.frames = 0;
    spec.frame.diff = spec.frame.gray = false;
    snprintf(m->cell, sizeof m->cell, "%s", cell);
    int status = fdht_model_new(&spec, &m->model, err);
    if (!status)
        status = fdht_model_init(m->model, b->seed, 1, FDHT_START_NORMAL, err);
    if (!status)
        one = fdht_model_spec_of(m->model)->cell[0]; /* its boxes filled in */
    if (!status)
        status = fdht_op_new(&one.op, &m->op, err);
    if (status)
        return status;
    m->parameters = fdht_model_size(m->model);
    m->inputs = one.inputs;
    m->hidden = one.hidden;
    return count_flops(m, &one, err);
}
