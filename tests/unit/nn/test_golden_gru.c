/* GRU models against PyTorch (tests/data/gru, made by make.py there): outputs, states, logits, loss and gradients, in double
 * to 1e-12. */
#include "support/nn_test.h"
#include "train/bptt.h"

#define GRU "tests/data/gru/"

static hid_t open_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, GRU "%s.h5", name);
    hid_t f = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

/* Array `key` of cell i: prefix "gru.bias_ih" and layer and direction. */
static double *of_cell(hid_t f, const char *prefix, const char *key, int i, int dirs)
{
    char path[128];
    hsize_t dim[3];
    snprintf(path, sizeof path, "%sgru.%s_l%d%s", prefix, key, i / dirs, i % dirs ? "_reverse" : "");
    return numbers(f, path, dim);
}

/* PyTorch's two biases (r, z, n each) as one of four blocks: r, z added or, of gradients, either; then both of n. */
static double *joined_bias(hid_t f, const char *prefix, int i, int dirs, size_t hidden, bool add)
{
    double *ih = of_cell(f, prefix, "bias_ih", i, dirs), *hh = of_cell(f, prefix, "bias_hh", i, dirs);
    if (!ih)
        return NULL;
    double *b = calloc(4 * hidden, sizeof *b);
    for (size_t j = 0; j < 3 * hidden; j++)
        b[j] = ih[j] + (add && j < 2 * hidden ? hh[j] : 0);
    memcpy(b + 3 * hidden, hh + 2 * hidden, hidden * sizeof *b);
    free(ih);
    free(hh);
    return b;
}

/* What the file holds for parameter p, as values or, with a prefix, as gradients. */
static double *torch_param(hid_t f, const char *prefix, const fdht_param *p, int dirs, size_t hidden)
{
    hsize_t dim[3];
    int i, at = 0;
    char path[64];
    if (sscanf(p->name, "cells/%d/%n", &i, &at) != 1 || !at) {
        snprintf(path, sizeof path, "%sfc.%s", prefix, strchr(p->name, '/') + 1);
        return numbers(f, path, dim);
    }
    if (!strcmp(p->name + at, "bias"))
        return joined_bias(f, prefix, i, dirs, hidden, !*prefix);
    return of_cell(f, prefix, strcmp(p->name + at, "hidden") ? "weight_ih" : "weight_hh", i, dirs);
}

static fdht_model *gru_model(int layers, int dirs, size_t inputs, size_t hidden, bool bias)
{
    fdht_cell_spec cell[4];
    fdht_model_spec spec = {.layers = layers, .directions = dirs, .cell = cell, .classes = 3, .frame.std = 1};
    fdht_model *m = NULL;
    for (int i = 0; i < layers * dirs; i++) {
        fdht_cell_spec *c = &cell[i];
        fdht_cell_spec_default(c);
        c->recurrent = FDHT_GRU;
        c->inputs = i < dirs ? inputs : hidden * (size_t)dirs;
        c->hidden = hidden;
        c->bias = bias;
        c->op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {c->inputs}, .out = {3 * hidden}};
    }
    assert_int_equal(fdht_model_new(&spec, &m, NULL), FDHT_OK);
    return m;
}

static void close_to(const char *name, const char *what, const double *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= 1e-12))
            fail_msg("%s: %s[%zu]: expected %.17g, got %.17g", name, what, i, want[i], got[i]);
}

typedef struct source {
    const double *x;
    size_t steps, inputs;
} source;

static void load(void *arg, size_t clip, size_t t, int worker, size_t first, size_t n, double *dst)
{
    const source *s = arg;
    (void)worker;
    memcpy(dst, s->x + (clip * s->steps + t) * s->inputs + first, n * sizeof *dst);
}

static void check_states(const char *name, hid_t g, const fdht_bptt_f64 *b, int cells, size_t hidden,
                         size_t clips)
{
    hsize_t dim[3];
    double *y = numbers(g, "y", dim), *h_n = numbers(g, "h_n", dim), *logits = numbers(g, "logits", dim);
    size_t steps = b->tape->rows->steps, outputs = b->net->model->outputs;
    const double *top = b->tape->y[b->net->model->spec.layers - 1];
    for (size_t p = 0; p < clips; p++) { /* clips of one length: position = clip */
        for (size_t s = 0; s < steps; s++)
            close_to(name, "y", top + (s * clips + p) * b->net->ldy[b->net->model->spec.layers - 1],
                     y + (p * steps + s) * outputs, outputs);
        for (int i = 0; i < cells; i++)
            close_to(name, "h_n", b->tape->cell[i].h + ((steps - 1) * clips + p) * b->net->cell[i].ldh,
                     h_n + ((size_t)i * clips + p) * hidden, hidden);
    }
    close_to(name, "logits", b->scores, logits, clips * 3);
    free(y);
    free(h_n);
    free(logits);
}

static void golden(const char *name, int layers, int dirs, bool bias)
{
    enum { B = 3, T = 5, D = 6, H = 4 };
    hid_t weights = open_file(name), f = open_file("expected"), g = H5Gopen2(f, name, H5P_DEFAULT);
    hsize_t dim[3];
    double *x = numbers(g, "x", dim), *label = numbers(g, "labels", dim), *loss = numbers(g, "loss", dim);
    fdht_model *m = gru_model(layers, dirs, D, H, bias);
    size_t size = fdht_model_size(m), length[B] = {T, T, T};
    double correct = 0;
    double *values = calloc(size, sizeof *values), *grad = calloc(size, sizeof *grad),
           *gx = calloc(B * T * D, sizeof *gx);
    fdht_team *team = NULL;
    fdht_net_f64 *net = NULL;
    fdht_bptt_f64 *b = NULL;
    int labels[B];
    for (int i = 0; i < B; i++)
        labels[i] = (int)label[i];
    for (int i = 0; i < fdht_model_params(m); i++) {
        const fdht_param *p = fdht_model_param(m, i);
        double *v = torch_param(weights, "", p, dirs, H);
        memcpy(values + p->offset, v, p->size * sizeof *v);
        free(v);
    }
    assert_int_equal(fdht_team_new(2, &team, NULL), FDHT_OK);
    assert_int_equal(fdht_net_new_f64(m, 2, true, &net, NULL), FDHT_OK);
    assert_int_equal(fdht_bptt_new_f64(net, team, false, &b, NULL), FDHT_OK);
    assert_int_equal(fdht_bptt_set_f64(b, B, length, NULL), FDHT_OK);
    source s = {x, T, D};
    fdht_input_f64 input = {.load = load, .arg = &s};
    double weight = 0;
    fdht_net_pack_f64(net, values);
    fdht_bptt_forward_f64(b, &input);
    check_states(name, g, b, layers * dirs, H, B);
    double got = fdht_loss_f64(FDHT_OUTPUT_SOFTMAX, B, 3, b->scores, labels, NULL, 0, NULL, b->dscores,
                               &weight, &correct) /
                 weight;
    close_to(name, "loss", &got, loss, 1);
    for (int i = 0; i < B * 3; i++)
        b->dscores[i] /= weight;
    assert_int_equal(fdht_bptt_backward_f64(b, grad, NULL), FDHT_OK);
    for (int i = 0; i < fdht_model_params(m); i++) {
        const fdht_param *p = fdht_model_param(m, i);
        double *want = torch_param(g, "grads/", p, dirs, H);
        close_to(name, p->name, grad + p->offset, want, p->size);
        free(want);
    }
    if (dirs == 1) {
        double *want = numbers(g, "grads/x", dim);
        fdht_bptt_input_gradient_f64(b, gx);
        for (size_t r = 0; r < B * T; r++)
            close_to(name, "x", gx + r * D, want + (r % B * T + r / B) * D, D);
        free(want);
    }
    free(x), free(label), free(loss), free(values), free(grad), free(gx);
    fdht_bptt_free_f64(b);
    fdht_net_free_f64(net);
    fdht_team_free(team);
    fdht_model_free(m);
    H5Gclose(g);
    H5Fclose(f);
    H5Fclose(weights);
}

static void test_torch(void **state)
{
    (void)state;
    golden("torch_1layer", 1, 1, true);
    golden("torch_nobias", 1, 1, false);
    golden("torch_bidir", 1, 2, true);
    golden("torch_2layer_bidir", 2, 2, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_torch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
