/* export/safetensors.c - dense weights as a safetensors file with the keys of a PyTorch state dict: 8 bytes of length, a JSON object, the
 * numbers. */
#include <cjson/cJSON.h>
#include <string.h>

#include "export/rawfile.h"

/* One tensor: a dense map of a cell, or numbers in memory after some zeros. */
typedef struct tensor {
    char name[64];
    size_t dim[2];
    int rank, cell; /* cell -1: memory */
    bool hidden;
    const float *data;
    size_t n, zeros; /* zeros come before the n numbers */
} tensor;

typedef struct list {
    fdht_rawfile *r;
    const fdht_model_spec *spec;
    tensor *t;
    int n;
} list;

static tensor *add(list *l, const char *name, size_t rows, size_t cols)
{
    tensor *t = &l->t[l->n++];
    snprintf(t->name, sizeof t->name, "%s", name);
    t->rank = cols ? 2 : 1;
    t->dim[0] = rows;
    t->dim[1] = cols;
    t->cell = -1;
    t->n = rows * (cols ? cols : 1);
    return t;
}

static void add_param(list *l, const char *name, const fdht_param *p)
{
    if (p)
        add(l, name, p->dim[0], p->order == 2 ? p->dim[1] : 0)->data =
            fdht_model_values_const(l->r->m) + p->offset;
}

/* The whole bias in bias_ih; in bias_hh zeros, of a GRU its last block alone. */
static void add_bias(list *l, const char *module, const char *tail, int cell)
{
    const fdht_cell_spec *c = &l->spec->cell[cell];
    const fdht_param *p = fdht_export_cell_param(l->r->m, cell, "bias");
    const float *v = p ? fdht_model_values_const(l->r->m) + p->offset : NULL;
    size_t rows = fdht_export_rows(c);
    char name[64];
    snprintf(name, sizeof name, "%s.bias_ih%s", module, tail);
    tensor *t = add(l, name, rows, 0);
    t->data = v;
    if (!v)
        t->zeros = rows, t->n = 0;
    snprintf(name, sizeof name, "%s.bias_hh%s", module, tail);
    t = add(l, name, rows, 0);
    t->zeros = rows;
    t->n = 0;
    if (v && c->recurrent == FDHT_GRU) {
        t->zeros = rows - c->hidden;
        t->n = c->hidden;
        t->data = v + rows;
    }
}

static int refuse_link(const list *l, int k)
{
    const fdht_link *x = &l->spec->link[k];
    return fdht_fail(l->r->err, FDHT_ENOSUP,
                     "link %d (%s): a state dict has no name that says what it does: another layout can", k,
                     x->name[0] ? x->name : fdht_link_name(x->kind));
}

/* Layers of one LSTM or GRU module, a pool link, at most one linear map. */
static int check(const list *l)
{
    const fdht_model_spec *s = l->spec;
    const fdht_cell_spec *a = &s->cell[0];
    for (int i = 0; i < s->cells; i++) {
        const fdht_cell_spec *c = &s->cell[i];
        if (c->hidden != a->hidden || c->proj != a->proj || c->recurrent != a->recurrent)
            return fdht_fail(l->r->err, FDHT_ENOSUP,
                             "PyTorch has one kind and size for all layers, cell %d is another", i);
        if (c->candidate != FDHT_TANH || c->output != FDHT_TANH)
            return fdht_fail(l->r->err, FDHT_ENOSUP,
                             "PyTorch weights cannot say that cell %d has %s and %s in place of tanh", i,
                             fdht_activation_name(c->candidate), fdht_activation_name(c->output));
    }
    for (int k = 0; k < s->links; k++) {
        const fdht_link *x = &s->link[k];
        bool layer = k < s->layers && x->kind == FDHT_LINK_LSTM && x->directions == s->directions &&
                     !x->reversed && (x->directions == 1 || x->merge == FDHT_MERGE_CONCAT);
        bool pool = k == s->layers && x->kind == FDHT_LINK_POOL && x->pool != FDHT_POOL_MAX;
        bool head = k == s->layers + 1 && x->kind == FDHT_LINK_DENSE && x->activation == FDHT_LINEAR;
        if (!layer && !pool && !head)
            return refuse_link(l, k);
    }
    return FDHT_OK;
}

static void gather(list *l)
{
    const fdht_model_spec *s = l->spec;
    const char *module = fdht_recurrent_name(s->cell[0].recurrent);
    bool bias = false;
    for (int i = 0; i < s->cells; i++)
        bias |= s->cell[i].bias;
    for (int i = 0; i < s->cells; i++) {
        const fdht_cell_spec *c = &s->cell[i];
        char tail[32], name[64];
        snprintf(tail, sizeof tail, "_l%d%s", i / s->directions, i % s->directions ? "_reverse" : "");
        for (int hidden = 0; hidden < 2; hidden++) {
            snprintf(name, sizeof name, "%s.weight_%s%s", module, hidden ? "hh" : "ih", tail);
            tensor *t = add(l, name, fdht_export_rows(c), hidden ? fdht_export_state(c) : c->inputs);
            t->cell = i;
            t->hidden = hidden;
        }
        if (bias)
            add_bias(l, module, tail, i);
        snprintf(name, sizeof name, "%s.weight_hr%s", module, tail);
        if (c->proj)
            add_param(l, name, fdht_export_cell_param(l->r->m, i, "projection"));
    }
    if (s->layers + 1 < s->links) {
        add_param(l, "fc.weight", fdht_model_link_param(l->r->m, s->layers + 1, "weight"));
        add_param(l, "fc.bias", fdht_model_link_param(l->r->m, s->layers + 1, "bias"));
    }
}

static int put_header(const list *l)
{
    cJSON *root = cJSON_CreateObject(), *meta = cJSON_AddObjectToObject(root, "__metadata__");
    double at = 0;
    cJSON_AddStringToObject(meta, "format", "pt");
    cJSON_AddStringToObject(meta, "output", fdht_output_name(l->spec->output));
    for (int i = 0; i < l->n; i++) {
        const tensor *t = &l->t[i];
        cJSON *item = cJSON_AddObjectToObject(root, t->name), *numbers;
        double bytes = sizeof(float) * (double)t->dim[0] * (t->rank == 2 ? (double)t->dim[1] : 1);
        cJSON_AddStringToObject(item, "dtype", "F32");
        numbers = cJSON_AddArrayToObject(item, "shape");
        for (int k = 0; k < t->rank; k++)
            cJSON_AddItemToArray(numbers, cJSON_CreateNumber((double)t->dim[k]));
        numbers = cJSON_AddArrayToObject(item, "data_offsets");
        cJSON_AddItemToArray(numbers, cJSON_CreateNumber(at));
        cJSON_AddItemToArray(numbers, cJSON_CreateNumber(at + bytes));
        at += bytes;
    }
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    if (!text)
        return fdht_fail(l->r->err, FDHT_ENOMEM, "out of memory: header");
    size_t n = strlen(text), padded = (n + 7) / 8 * 8; /* numbers start at a multiple of 8 */
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((unsigned long long)padded >> 8 * i);
    int status = fdht_rawfile_put(l->r, length, 8);
    if (!status)
        status = fdht_rawfile_put(l->r, text, n);
    if (!status)
        status = fdht_rawfile_put(l->r, "       ", padded - n);
    cJSON_free(text);
    return status;
}

static int put_tensor(const list *l, const tensor *t)
{
    static const float none[64];
    int status = FDHT_OK;
    if (t->cell >= 0)
        return fdht_rawfile_map(l->r, t->cell, t->hidden, NULL);
    for (size_t left = t->zeros, n; left && !status; left -= n) {
        n = FDHT_MIN(left, FDHT_COUNT(none));
        status = fdht_rawfile_put(l->r, none, n * sizeof *none);
    }
    return status ? status : fdht_rawfile_put(l->r, t->data, t->n * sizeof *t->data);
}

int fdht_export_safetensors(fdht_rawfile *r)
{
    list l = {.r = r, .spec = fdht_model_spec_of(r->m)};
    int status = check(&l);
    if (status)
        return status;
    l.t = fdht_calloc_err(5 * (size_t)l.spec->cells + 2, sizeof *l.t, "tensors", r->err);
    if (!l.t)
        return FDHT_ENOMEM;
    gather(&l);
    status = put_header(&l);
    for (int i = 0; i < l.n && !status; i++)
        status = put_tensor(&l, &l.t[i]);
    fdht_free(l.t);
    return status;
}
