/* The golden FDHT cells for one type. Template (base/real.h). The includer defines TOLERANCE (of values), GRADIENT (of
 * gradients, relative to the largest entry) and LOSS. */

typedef struct R(golden) {
    hid_t group;
    fdht_model *m;
    R(fdht_net) *net;
    R(fdht_bptt) *bptt;
    fdht_team *team;
    size_t clips, steps, inputs;
    double *x;
    int label[8];
    REAL *values, *grad, *moment, *variance;
} R(golden);

static void R(load)(void *arg, size_t clip, size_t t, int worker, size_t first, size_t n, REAL *dst)
{
    R(golden) *g = arg;
    (void)worker;
    for (size_t j = 0; j < n; j++)
        dst[j] = (REAL)g->x[(clip * g->steps + t) * g->inputs + first + j];
}

static void R(set_values)(R(golden) *g)
{
    for (int i = 0; i < fdht_model_params(g->m); i++) {
        const fdht_param *p = fdht_model_param(g->m, i);
        double *v = golden_param(g->group, "params", p);
        for (size_t j = 0; j < p->size; j++)
            g->values[p->offset + j] = (REAL)v[j];
        free(v);
    }
}

static double R(forward)(R(golden) *g)
{
    R(fdht_input) input = {.load = R(load), .arg = g};
    size_t classes = fdht_model_spec_of(g->m)->classes;
    double weight = 0, correct = 0;
    R(fdht_net_pack)(g->net, g->values);
    R(fdht_bptt_forward)(g->bptt, &input);
    double loss = R(fdht_loss)(FDHT_OUTPUT_SOFTMAX, g->clips, classes, g->bptt->scores, g->label, NULL, 0,
                               NULL, g->bptt->dscores, &weight, &correct);
    assert_true(weight == (double)g->clips);
    for (size_t i = 0; i < g->clips * classes; i++)
        g->bptt->dscores[i] /= (REAL)weight;
    return loss / weight;
}

static double R(backward)(R(golden) *g)
{
    double loss = R(forward)(g);
    memset(g->grad, 0, fdht_model_size(g->m) * sizeof *g->grad);
    assert_int_equal(R(fdht_bptt_backward)(g->bptt, g->grad, NULL), FDHT_OK);
    return loss;
}

static void R(close_to)(const char *what, const REAL *v, const double *want, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)v[i] - want[i]) <= tolerance))
            fail_msg("%s[%zu]: expected %.17g, got %.17g", what, i, want[i], (double)v[i]);
}

static void R(check_states)(R(golden) *g)
{
    hsize_t dim[3];
    double *y = numbers(g->group, "y", dim), *c = numbers(g->group, "c_n", dim);
    double *logits = numbers(g->group, "logits", dim);
    size_t hidden = fdht_model_spec_of(g->m)->cell[0].hidden, classes = fdht_model_spec_of(g->m)->classes;
    const R(fdht_tape_cell) *t = &g->bptt->tape->cell[0];
    for (size_t i = 0; i < g->clips; i++) { /* clips of one length: position = clip */
        for (size_t s = 0; s < g->steps; s++)
            R(close_to)
        ("y", t->h + (s * g->clips + i) * g->net->cell[0].ldh, y + (i * g->steps + s) * hidden, hidden,
         TOLERANCE);
        R(close_to)
        ("c_n", t->c + ((g->steps - 1) * g->clips + i) * hidden, c + i * hidden, hidden, TOLERANCE);
    }
    R(close_to)("logits", g->bptt->scores, logits, g->clips * classes, TOLERANCE);
    free(y);
    free(c);
    free(logits);
}

static double R(largest)(const double *v, size_t n)
{
    double top = 0;
    for (size_t i = 0; i < n; i++)
        top = fmax(top, fabs(v[i]));
    return top;
}

static void R(check_gradients)(R(golden) *g)
{
    hsize_t dim[3];
    for (int i = 0; i < fdht_model_params(g->m); i++) {
        const fdht_param *p = fdht_model_param(g->m, i);
        double *want = golden_param(g->group, "grads", p);
        R(close_to)
        (p->name, g->grad + p->offset, want, p->size, GRADIENT * R(largest)(want, p->size));
        free(want);
    }
    double *want = numbers(g->group, "grads/x", dim);
    size_t n = g->inputs, rows = g->clips * g->steps;
    REAL *gx = calloc(rows * n, sizeof *gx);
    R(fdht_bptt_input_gradient)(g->bptt, gx);
    for (size_t r = 0; r < rows; r++)
        R(close_to)
    ("x", gx + r * n, want + (r % g->clips * g->steps + r / g->clips) * n, n,
     GRADIENT * R(largest)(want, rows * n));
    free(gx);
    free(want);
}

static void R(check_training)(R(golden) *g)
{
    static const struct {
        const char *name;
        fdht_optimizer optimizer;
        double lr, momentum, decay;
    } rule[] = {{"sgd", FDHT_SGD, 0.5, 0, 0},
                {"sgd_momentum", FDHT_SGD, 0.2, 0.9, 0},
                {"adam", FDHT_ADAM, 0.02, 0, 0},
                {"adamw", FDHT_ADAMW, 0.02, 0, 0.1}};
    size_t n = fdht_model_size(g->m);
    for (size_t k = 0; k < FDHT_COUNT(rule); k++) {
        char path[128];
        hsize_t dim[3];
        fdht_train_options opt;
        fdht_train_options_default(&opt);
        opt.optimizer = rule[k].optimizer;
        opt.momentum = rule[k].momentum;
        opt.weight_decay = rule[k].decay;
        R(set_values)(g);
        memset(g->moment, 0, n * sizeof *g->moment);
        memset(g->variance, 0, n * sizeof *g->variance);
        snprintf(path, sizeof path, "train/%s/losses", rule[k].name);
        double *want = numbers(g->group, path, dim);
        for (size_t t = 0; t < dim[0]; t++) {
            double loss = R(backward)(g);
            if (!(fabs(loss - want[t]) <= LOSS))
                fail_msg("%s: loss %zu: expected %.17g, got %.17g", rule[k].name, t, want[t], loss);
            R(fdht_optimizer)(&opt, t + 1, rule[k].lr, n, g->values, g->grad, g->moment, g->variance, 1);
        }
        free(want);
        snprintf(path, sizeof path, "train/%s/final_bias", rule[k].name);
        want = numbers(g->group, path, dim);
        const fdht_param *bias = fdht_model_find(g->m, "cells/0/bias");
        R(close_to)(path, g->values + bias->offset, want, bias->size, LOSS);
        free(want);
    }
}

static void R(check_golden)(hid_t group, int threads)
{
    R(golden) g = {.group = group};
    size_t modes[FDHT_MAX_MODES], length[8];
    hsize_t dim[3], one[3];
    fdht_error err = {0};
    g.m = golden_model(group, modes);
    g.x = numbers(group, "x", dim);
    g.clips = dim[0];
    g.steps = dim[1];
    g.inputs = dim[2];
    double *label = numbers(group, "labels", one), *loss = numbers(group, "loss", one);
    for (size_t i = 0; i < g.clips; i++) {
        g.label[i] = (int)label[i];
        length[i] = g.steps;
    }
    assert_int_equal(fdht_team_new(threads, &g.team, &err), FDHT_OK);
    assert_int_equal(R(fdht_net_new)(g.m, threads, true, &g.net, &err), FDHT_OK);
    assert_int_equal(R(fdht_bptt_new)(g.net, g.team, false, &g.bptt, &err), FDHT_OK);
    assert_int_equal(R(fdht_bptt_set)(g.bptt, g.clips, length, &err), FDHT_OK);
    REAL **all[] = {&g.values, &g.grad, &g.moment, &g.variance};
    for (size_t i = 0; i < FDHT_COUNT(all); i++)
        *all[i] = calloc(fdht_model_size(g.m), sizeof **all[i]);
    R(set_values)(&g);
    assert_true(fabs(R(backward)(&g) - *loss) <= LOSS);
    R(check_states)(&g);
    R(check_gradients)(&g);
    R(check_training)(&g);
    for (size_t i = 0; i < FDHT_COUNT(all); i++)
        free(*all[i]);
    free(g.x);
    free(label);
    free(loss);
    R(fdht_bptt_free)(g.bptt);
    R(fdht_net_free)(g.net);
    fdht_team_free(g.team);
    fdht_model_free(g.m);
}
