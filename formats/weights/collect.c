/* weights/collect.c - what a scan calls to put down what it finds: layers, strings, and parts of data sets. */
#include <stdio.h>
#include <string.h>

#include "weights/weights.h"

int fdht_w_grow(void **array, int n, int *cap, size_t size, fdht_error *err)
{
    if (n < *cap)
        return FDHT_OK;
    int more = *cap ? 2 * *cap : 8;
    void *grown = fdht_calloc_err((size_t)more, size, "weights", err);
    if (!grown)
        return FDHT_ENOMEM;
    if (n)
        memcpy(grown, *array, (size_t)n * size);
    fdht_free(*array);
    *array = grown;
    *cap = more;
    return FDHT_OK;
}

const char *fdht_w_text(fdht_weights *w, fdht_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    void *list = w->string;
    if (fdht_w_grow(&list, w->n_strings, &w->cap_strings, sizeof *w->string, err))
        return NULL;
    w->string = list;
    char *text = fdht_calloc_err((size_t)n + 1, 1, "weights", err);
    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return w->string[w->n_strings++] = text;
}

int fdht_w_add_lstm(fdht_weights *w, fdht_error *err)
{
    void *a = w->lstm, *b = w->bound;
    int cap = w->cap_lstm;
    if (fdht_w_grow(&a, w->n_lstm, &cap, sizeof *w->lstm, err))
        return FDHT_ENOMEM;
    w->lstm = a;
    if (fdht_w_grow(&b, w->n_lstm, &w->cap_lstm, sizeof *w->bound, err))
        return FDHT_ENOMEM;
    w->bound = b;
    w->lstm[w->n_lstm] = (fdht_weights_lstm){
        .name = "", .path = "", .dtype = "", .why = "", .candidate = FDHT_TANH, .output = FDHT_TANH};
    w->bound[w->n_lstm] = (fdht_wlstm){.module = ""};
    return w->n_lstm++;
}

int fdht_w_add_norm(fdht_weights *w, fdht_error *err)
{
    void *a = w->norm;
    if (fdht_w_grow(&a, w->n_norm, &w->cap_norm, sizeof *w->norm, err))
        return FDHT_ENOMEM;
    w->norm = a;
    w->norm[w->n_norm] = (fdht_wnorm){.name = "", .gamma = -1, .beta = -1, .mean = -1, .variance = -1};
    return w->n_norm++;
}

int fdht_w_add_dense(fdht_weights *w, fdht_error *err)
{
    void *a = w->dense;
    if (fdht_w_grow(&a, w->n_dense, &w->cap_dense, sizeof *w->dense, err))
        return FDHT_ENOMEM;
    w->dense = a;
    w->dense[w->n_dense] = (fdht_wdense){.name = ""};
    return w->n_dense++;
}

const char *fdht_w_gate_order(const fdht_weights *w, const char *layout_order)
{
    return *w->order ? w->order : layout_order;
}

int fdht_w_gate_at(const char *order, int g)
{
    return (int)(strchr(order, (order[3] ? "ifgo" : "rzn")[g]) - order);
}

fdht_wpart fdht_w_gates(int set, size_t lead, fdht_weight_map map, size_t base, size_t rows, size_t cols,
                        const char *order)
{
    fdht_wpart p = {.gates = (int)strlen(order), .rows = rows, .cols = cols};
    for (int g = 0; g < p.gates; g++) {
        size_t at = base + (size_t)fdht_w_gate_at(order, g) * rows;
        bool by_row = map == FDHT_WEIGHT_ROWS;
        p.block[g] = (fdht_wblock){set, lead, by_row ? at : 0, by_row ? 0 : at, map};
    }
    return p;
}

void fdht_w_gru_bias(fdht_wpart bias[2])
{
    bias[0].gates = bias[1].gates = 4;
    bias[1].block[3] = bias[1].block[2];
    bias[0].block[3].set = bias[1].block[2].set = -1;
}

fdht_wpart fdht_w_whole(int set, fdht_weight_map map, size_t rows, size_t cols)
{
    return (fdht_wpart){.gates = 1, .rows = rows, .cols = cols, .block = {{set, SIZE_MAX, 0, 0, map}}};
}

size_t fdht_w_outputs(const fdht_weights_lstm *l)
{
    return (size_t)l->directions * (l->proj_size ? l->proj_size : l->hidden_size);
}
