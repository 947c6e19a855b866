/* nn/chain.c - the links of a model: names, the classic chain, widths and order checked, parameters laid out
 * (lib/README.md section 6.6). */
#include <stdio.h>
#include <string.h>

#include "nn/activation.h"
#include "nn/model.h"

enum { MOST_LINKS = 4096 };

static const char *const link_name[FDHT_LINKS] = {"lstm",       "norm", "layer_norm", "dense",
                                                  "activation", "pool", "repeat"};
static const char *const pool_name[FDHT_POOLS] = {"last", "mean", "max", "each"};
static const char *const merge_name[FDHT_MERGES] = {"concat", "sum", "average", "mul"};
static const char *const output_name[FDHT_OUTPUTS] = {"softmax", "sigmoid", "linear"};

const char *fdht_link_name(fdht_link_kind kind)
{
    return (unsigned)kind < FDHT_LINKS ? link_name[kind] : "unknown";
}

const char *fdht_pool_name(fdht_pool pool)
{
    return (unsigned)pool < FDHT_POOLS ? pool_name[pool] : "unknown";
}

const char *fdht_merge_name(fdht_merge merge)
{
    return (unsigned)merge < FDHT_MERGES ? merge_name[merge] : "unknown";
}

const char *fdht_output_name(fdht_output_kind output)
{
    return (unsigned)output < FDHT_OUTPUTS ? output_name[output] : "unknown";
}

/* "link 3 (dense_1)", or without a name "link 3 (dense)". */
const char *fdht_chain_label(const fdht_model_spec *s, int k, char *buf, size_t size)
{
    const fdht_link *l = &s->link[k];
    snprintf(buf, size, "link %d (%s)", k, l->name[0] ? l->name : fdht_link_name(l->kind));
    return buf;
}

static int bad_link(const fdht_model_spec *s, int k, fdht_error *err)
{
    char label[96];
    return fdht_fail_prefix(err, FDHT_EINVAL, "%s", fdht_chain_label(s, k, label, sizeof label));
}

/* The links of layers, pool and classifier. */
static void classic_links(const fdht_model_spec *from, fdht_link *link)
{
    int n = 0;
    for (int l = 0; l < from->layers; l++)
        link[n++] =
            (fdht_link){.kind = FDHT_LINK_LSTM, .cell = l * from->directions, .directions = from->directions};
    link[n++] = (fdht_link){.kind = FDHT_LINK_POOL, .pool = from->pool};
    if (from->classes)
        link[n] = (fdht_link){
            .kind = FDHT_LINK_DENSE, .outputs = from->classes, .bias = true, .activation = FDHT_LINEAR};
}

/* The cells of a chain are those of its lstm links, in order. */
static int count_cells(fdht_model_spec *s, fdht_error *err)
{
    s->cells = s->layers = s->directions = 0;
    for (int k = 0; k < s->links; k++) {
        const fdht_link *l = &s->link[k];
        if ((unsigned)l->kind >= FDHT_LINKS || !memchr(l->name, 0, sizeof l->name))
            return fdht_fail(err, FDHT_EINVAL, "link %d: unknown kind or endless name", k);
        if (l->kind != FDHT_LINK_LSTM)
            continue;
        int status = FDHT_OK;
        if (l->directions < 1 || l->directions > 2)
            status = fdht_fail(err, FDHT_EINVAL, "expected 1 or 2 directions, got %d", l->directions);
        else if (l->cell != s->cells)
            status = fdht_fail(err, FDHT_EINVAL, "expected cell %d, got %d", s->cells, l->cell);
        if (status)
            return bad_link(s, k, err);
        s->cells += l->directions;
        s->layers++;
        s->directions = FDHT_MAX(s->directions, l->directions);
    }
    return s->layers ? FDHT_OK : fdht_fail(err, FDHT_EINVAL, "chain: expected at least 1 lstm link");
}

int fdht_chain_copy(const fdht_model_spec *from, fdht_model_spec *to, fdht_error *err)
{
    bool classic = from->links == 0;
    if (from->links < 0 || from->links > MOST_LINKS)
        return fdht_fail(err, FDHT_EINVAL, "chain: expected up to %d links, got %d", MOST_LINKS, from->links);
    if (classic && from->output != FDHT_OUTPUT_SOFTMAX)
        return fdht_fail(err, FDHT_EINVAL, "chain: output %s needs links", fdht_output_name(from->output));
    if (classic && from->pool != FDHT_POOL_LAST && from->pool != FDHT_POOL_MEAN)
        return fdht_fail(err, FDHT_EINVAL, "chain: pool %s needs links", fdht_pool_name(from->pool));
    to->links = classic ? from->layers + 1 + (from->classes > 0) : from->links;
    to->link = fdht_calloc_err((size_t)to->links + 1, sizeof *to->link, "links", err);
    if (!to->link)
        return FDHT_ENOMEM;
    if (classic)
        classic_links(from, to->link);
    else
        memcpy(to->link, from->link, (size_t)from->links * sizeof *to->link);
    if (to->link[to->links - 1].kind == FDHT_LINK_LSTM)
        to->link[to->links++] = (fdht_link){.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_EACH};
    return count_cells(to, err);
}

/* Fill a width that is not given; otherwise it must be right. */
static int set_width(size_t *width, size_t want, const char *what, fdht_error *err)
{
    if (*width && *width != want)
        return fdht_fail(err, FDHT_EINVAL, "%s %zu numbers, expected %zu", what, *width, want);
    *width = want;
    return FDHT_OK;
}

/* Numbers of an input step: what the first link that knows its inputs takes. */
static size_t first_inputs(const fdht_model *m)
{
    for (int k = 0; k < m->spec.links; k++) {
        const fdht_link *l = &m->spec.link[k];
        if (l->kind == FDHT_LINK_LSTM)
            return m->cell[l->cell].spec.inputs;
        if (l->inputs || l->kind == FDHT_LINK_DENSE)
            return l->inputs;
    }
    return 0;
}

static int check_lstm(fdht_model *m, int k, fdht_error *err)
{
    fdht_link *l = &m->spec.link[k];
    size_t state = m->cell[l->cell].state;
    if ((unsigned)l->merge >= FDHT_MERGES)
        return fdht_fail(err, FDHT_EINVAL, "unknown merge");
    if (l->directions == 2 && l->reversed)
        return fdht_fail(err, FDHT_EINVAL, "reversed is for one direction");
    for (int d = 0; d < l->directions; d++) {
        fdht_cell *c = &m->cell[l->cell + d];
        c->link = k;
        c->backwards = d == 1 || l->reversed;
        if (c->spec.inputs != l->inputs)
            return fdht_fail(err, FDHT_EINVAL, "cells/%d takes %zu numbers, expected %zu", l->cell + d,
                             c->spec.inputs, l->inputs);
        if (c->state != state)
            return fdht_fail(err, FDHT_EINVAL, "both directions must have the same size, got %zu and %zu",
                             state, c->state);
    }
    m->outputs = l->directions == 2 && l->merge == FDHT_MERGE_CONCAT ? 2 * state : state;
    return set_width(&l->outputs, m->outputs, "gives", err);
}

/* What a link needs and gives: a sequence (*sequence) of *segment, or a vector. */
static int check_link(fdht_model *m, int k, bool *sequence, int *segment, fdht_error *err)
{
    fdht_link *l = &m->spec.link[k];
    int status;
    bool needs = l->kind == FDHT_LINK_LSTM || l->kind == FDHT_LINK_POOL;
    if (needs && !*sequence)
        return fdht_fail(err, FDHT_EINVAL, "takes a sequence, the link before gives a vector");
    if (l->kind == FDHT_LINK_LSTM)
        return check_lstm(m, k, err);
    if (l->kind == FDHT_LINK_DENSE) {
        if ((unsigned)l->activation >= FDHT_ACTIVATIONS || !l->outputs || !l->inputs)
            return fdht_fail(err, FDHT_EINVAL, "expected an activation and 1 or more inputs and outputs");
        return FDHT_OK;
    }
    if ((status = set_width(&l->outputs, l->inputs, "gives", err)))
        return status;
    switch (l->kind) {
    case FDHT_LINK_ACTIVATION:
        if ((unsigned)l->activation >= FDHT_ACTIVATIONS)
            return fdht_fail(err, FDHT_EINVAL, "unknown activation");
        break;
    case FDHT_LINK_LAYER_NORM:
        if (!(l->epsilon >= 0 && l->epsilon < 1e30))
            return fdht_fail(err, FDHT_EINVAL, "epsilon: expected 0 or more, got %g", l->epsilon);
        break;
    case FDHT_LINK_POOL:
        if ((unsigned)l->pool >= FDHT_POOLS)
            return fdht_fail(err, FDHT_EINVAL, "unknown pool");
        m->spec.pool = l->pool;
        *sequence = l->pool == FDHT_POOL_EACH;
        break;
    case FDHT_LINK_REPEAT:
        if (*sequence)
            return fdht_fail(err, FDHT_EINVAL, "takes a vector, the link before gives a sequence");
        if (l->steps < 1)
            return fdht_fail(err, FDHT_EINVAL, "expected 1 or more steps, got 0");
        *sequence = true;
        ++*segment;
        break;
    default:
        break;
    }
    return FDHT_OK;
}

int fdht_chain_check(fdht_model *m, fdht_error *err)
{
    bool sequence = true;
    int segment = 0;
    size_t width = m->inputs = first_inputs(m);
    m->chain = fdht_calloc_err((size_t)m->spec.links, sizeof *m->chain, "links", err);
    if (!m->chain)
        return FDHT_ENOMEM;
    if ((unsigned)m->spec.output >= FDHT_OUTPUTS)
        return fdht_fail(err, FDHT_EINVAL, "chain: unknown output kind");
    for (int k = 0; k < m->spec.links; k++) {
        int status = set_width(&m->spec.link[k].inputs, width, "takes", err);
        if (!status)
            status = check_link(m, k, &sequence, &segment, err);
        if (status)
            return bad_link(&m->spec, k, err);
        width = m->spec.link[k].outputs;
        m->chain[k].sequence = sequence;
        m->chain[k].segment = segment;
    }
    m->segments = segment + 1;
    m->width = width;
    if (m->spec.classes && m->spec.classes != width)
        return fdht_fail(err, FDHT_EINVAL, "chain: %zu classes or values, the last link gives %zu",
                         m->spec.classes, width);
    return FDHT_OK;
}

static bool plain_lstm(const fdht_link *l, int directions)
{
    return l->kind == FDHT_LINK_LSTM && l->directions == directions && !l->reversed &&
           (directions == 1 || l->merge == FDHT_MERGE_CONCAT);
}

bool fdht_model_classic(const fdht_model *m)
{
    const fdht_model_spec *s = &m->spec;
    const fdht_link *pool = &s->link[s->layers], *head = pool + 1;
    if (s->links != s->layers + 1 + (s->classes > 0) || s->output != FDHT_OUTPUT_SOFTMAX)
        return false;
    for (int k = 0; k < s->layers; k++)
        if (!plain_lstm(&s->link[k], s->directions))
            return false;
    return pool->kind == FDHT_LINK_POOL && (pool->pool == FDHT_POOL_LAST || pool->pool == FDHT_POOL_MEAN) &&
           (!s->classes || (head->kind == FDHT_LINK_DENSE && head->bias && head->activation == FDHT_LINEAR));
}

static void name_of_param(const fdht_model *m, int k, const char *what, char *buf, size_t size)
{
    if (k == m->spec.links - 1 && fdht_model_classic(m))
        snprintf(buf, size, "classifier/%s", what);
    else
        snprintf(buf, size, "chain/%d/%s", k, what);
}

/* Append a parameter of link k. Returns its offset. */
static size_t add_link_param(fdht_model *m, int k, const char *what, size_t d0, size_t d1)
{
    size_t offset = fdht_model_add_param(m, d0, d1);
    fdht_param *p = &m->param[m->n_params - 1];
    name_of_param(m, k, what, p->name, sizeof p->name);
    return offset;
}

const fdht_param *fdht_model_link_param(const fdht_model *m, int link, const char *what)
{
    char name[96];
    name_of_param(m, link, what, name, sizeof name);
    return fdht_model_find(m, name);
}

void fdht_chain_lay_out(fdht_model *m)
{
    for (int k = 0; k < m->spec.links; k++) {
        const fdht_link *l = &m->spec.link[k];
        fdht_chain_link *c = &m->chain[k];
        if (l->kind == FDHT_LINK_DENSE) {
            c->weight = add_link_param(m, k, "weight", l->outputs, l->inputs);
            if (l->bias)
                c->bias = add_link_param(m, k, "bias", l->outputs, 0);
        } else if (l->kind == FDHT_LINK_NORM || l->kind == FDHT_LINK_LAYER_NORM) {
            c->weight = add_link_param(m, k, "scale", l->inputs, 0);
            c->bias = add_link_param(m, k, "shift", l->inputs, 0);
        }
    }
}

size_t fdht_chain_rows(const fdht_model *m, int link, size_t rows, size_t clips)
{
    size_t n = 0;
    if (link >= 0 && !m->chain[link].sequence)
        return clips;
    for (; link >= 0; link--)
        if (m->spec.link[link].kind == FDHT_LINK_REPEAT)
            return fdht_mul(clips, m->spec.link[link].steps, &n) ? n : SIZE_MAX;
    return rows;
}

size_t fdht_model_inputs(const fdht_model *m)
{
    return m->inputs;
}

size_t fdht_model_outputs(const fdht_model *m)
{
    return m->outputs;
}

size_t fdht_model_width(const fdht_model *m)
{
    return m->width;
}

bool fdht_model_each(const fdht_model *m)
{
    return m->chain[m->spec.links - 1].sequence;
}

size_t fdht_model_rows(const fdht_model *m, size_t length)
{
    return fdht_chain_rows(m, m->spec.links - 1, length, 1);
}

void fdht_model_probabilities(const fdht_model *m, float *row)
{
    if (m->spec.classes && m->spec.output == FDHT_OUTPUT_SOFTMAX)
        fdht_softmax(row, m->width);
    else if (m->spec.classes && m->spec.output == FDHT_OUTPUT_SIGMOID)
        fdht_activation_run_f32(FDHT_SIGMOID, m->width, row, row);
}
