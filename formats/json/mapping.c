/* json/mapping.c - mappings of the accelerator model: order, legs, strides, skews and banks of a program, out and in. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fdht/hardware.h"
#include "json/json.h"

#define SCHEMA "fdht-mapping-1"

/* ---- out */

static bool add_leg(cJSON *list, const fdht_sim_leg *l, size_t stride, size_t skew)
{
    cJSON *o = cJSON_CreateObject();
    return o && cJSON_AddItemToArray(list, o) && cJSON_AddStringToObject(o, "leg", l->name) &&
           cJSON_AddNumberToObject(o, "extent", (double)l->extent) &&
           cJSON_AddNumberToObject(o, "stride", (double)stride) &&
           cJSON_AddNumberToObject(o, "skew", (double)skew);
}

static bool add_in(cJSON *list, const fdht_sim_leg *l, int n)
{
    bool ok = list != NULL;
    for (int i = 0; i < n && ok; i++)
        ok = add_leg(list, &l[i], l[i].stride_in, l[i].skew_in);
    return ok;
}

static bool add_out(cJSON *list, const fdht_sim_leg *l, int n)
{
    bool ok = list != NULL;
    for (int i = 0; i < n && ok; i++)
        ok = add_leg(list, &l[i], l[i].stride_out, l[i].skew_out);
    return ok;
}

static bool add_names(cJSON *o, const char *key, const fdht_sim_leg *l, int n)
{
    cJSON *list = cJSON_AddArrayToObject(o, key);
    bool ok = list != NULL;
    for (int i = 0; i < n && ok; i++) {
        cJSON *s = cJSON_CreateString(l[i].name);
        ok = s && cJSON_AddItemToArray(list, s);
    }
    return ok;
}

/* The tensor that s reads, or (out) writes. */
static bool add_tensor(cJSON *list, const fdht_sim_stage *s, bool out)
{
    const fdht_bank_map *m = out ? &s->out : &s->in;
    cJSON *o = cJSON_CreateObject(), *legs;
    if (!o || !cJSON_AddItemToArray(list, o) ||
        !cJSON_AddStringToObject(o, "bank", fdht_bank_function_name((int)m->function)) ||
        !cJSON_AddNumberToObject(o, "words", (double)m->words) ||
        !cJSON_AddNumberToObject(o, "lines", (double)m->lines))
        return false;
    legs = cJSON_AddArrayToObject(o, "legs");
    bool ok = out ? add_out(legs, s->row, s->n_row) && add_out(legs, s->col, s->n_col)
                  : add_in(legs, s->inner, s->n_inner) && add_in(legs, s->col, s->n_col);
    cJSON *table = ok && m->table ? cJSON_AddArrayToObject(o, "table") : NULL;
    ok = ok && (table || !m->table);
    for (size_t i = 0; i < m->words && ok && table; i++) {
        cJSON *n = cJSON_CreateNumber(m->table[i]);
        ok = n && cJSON_AddItemToArray(table, n);
    }
    return ok;
}

static bool add_chain(cJSON *json, const char *key, const fdht_sim_chain *c)
{
    cJSON *o = cJSON_AddObjectToObject(json, key);
    cJSON *stages = cJSON_AddArrayToObject(o, "stages"), *tensors = cJSON_AddArrayToObject(o, "tensors");
    bool ok = stages && tensors;
    for (int i = 0; i < c->n_stages && ok; i++) {
        const fdht_sim_stage *s = &c->stage[i];
        cJSON *t = cJSON_CreateObject();
        ok = t && cJSON_AddItemToArray(stages, t) && cJSON_AddStringToObject(t, "cores", s->name) &&
             add_names(t, "rows", s->row, s->n_row) && add_names(t, "inner", s->inner, s->n_inner) &&
             add_names(t, "columns", s->col, s->n_col) &&
             cJSON_AddNumberToObject(t, "lane_legs", s->lane_legs) &&
             cJSON_AddStringToObject(t, "drain", s->drain_column ? "column" : "row") &&
             add_tensor(tensors, s, false);
    }
    return ok && add_tensor(tensors, &c->stage[c->n_stages - 1], true);
}

int fdht_mapping_write(FILE *f, const char *workload, const fdht_sim_program *p, size_t banks,
                       fdht_error *err)
{
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;
    int status = FDHT_ENOMEM;
    if (json && cJSON_AddStringToObject(json, "schema", SCHEMA) &&
        cJSON_AddStringToObject(json, "workload", workload) &&
        cJSON_AddNumberToObject(json, "banks", (double)banks) && add_chain(json, "x", &p->x) &&
        (!p->lstm || add_chain(json, "h", &p->h)) && (text = cJSON_Print(json)))
        status = fputs(text, f) < 0 || fputc('\n', f) < 0 ? FDHT_EIO : FDHT_OK;
    if (status)
        fdht_fail(err, status, "mapping: %s", status == FDHT_EIO ? strerror(errno) : "out of memory");
    cJSON_free(text);
    cJSON_Delete(json);
    return status;
}

/* ---- in */

/* Where a reader is, for errors: "file: x: stage 2". */
typedef struct place {
    const char *path, *chain, *what;
    int i;
    fdht_error *err;
} place;

#define FAIL(p, ...) fail_at(p, fdht_text(__VA_ARGS__))

typedef struct text {
    char s[120];
} text;

__attribute__((format(printf, 1, 2))) static text fdht_text(const char *format, ...)
{
    text t;
    va_list list;
    va_start(list, format);
    vsnprintf(t.s, sizeof t.s, format, list);
    va_end(list);
    return t;
}

static int fail_at(const place *p, text why)
{
    return fdht_fail(p->err, FDHT_EFORMAT, "%s: %s: %s %d: %s", p->path, p->chain, p->what, p->i + 1, why.s);
}

static bool number(const cJSON *o, const char *key, double most, size_t *v)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, key);
    if (!cJSON_IsNumber(n) || !(n->valuedouble >= 0 && n->valuedouble <= most) ||
        n->valuedouble != floor(n->valuedouble))
        return false;
    *v = (size_t)n->valuedouble;
    return true;
}

enum { MOST_WORDS = 1 << 28, MOST_STAGES = 64 };

/* A leg with stride and skew, of both sides alike. */
static int take_leg(const place *p, const cJSON *o, fdht_sim_leg *l)
{
    const char *name = fdht_json_string(o, "leg");
    size_t stride, skew;
    if (!name || !*name || strlen(name) >= sizeof l->name || !fdht_json_plain(name))
        return FAIL(p, "a leg without a name");
    *l = (fdht_sim_leg){0};
    memcpy(l->name, name, strlen(name) + 1);
    if (!number(o, "extent", MOST_WORDS, &l->extent) || !l->extent ||
        !number(o, "stride", MOST_WORDS, &stride) || !number(o, "skew", MOST_WORDS, &skew))
        return FAIL(p, "leg %s: extent, stride and skew must be whole numbers", name);
    l->stride_in = l->stride_out = stride;
    l->skew_in = l->skew_out = skew;
    return FDHT_OK;
}

/* Legs of a list; sum over legs of (extent - 1) stride fits 32 bits. */
static int take_legs(const place *p, const cJSON *list, fdht_sim_leg *leg, int most, int *n)
{
    const cJSON *item;
    double span = 0, turn = 0, words = 1;
    *n = 0;
    if (!cJSON_IsArray(list))
        return FAIL(p, "expected a list of legs");
    cJSON_ArrayForEach(item, list)
    {
        int status = *n == most ? FAIL(p, "more than %d legs", most) : take_leg(p, item, &leg[*n]);
        if (status)
            return status;
        for (int k = 0; k < *n; k++)
            if (!strcmp(leg[k].name, leg[*n].name))
                return FAIL(p, "leg %s stands twice", leg[k].name);
        span += (double)(leg[*n].extent - 1) * (double)leg[*n].stride_in;
        turn += (double)(leg[*n].extent - 1) * (double)leg[*n].skew_in;
        words *= (double)leg[*n].extent;
        ++*n;
    }
    if (span > MOST_WORDS || turn > UINT32_MAX || words > MOST_WORDS)
        return FAIL(p, "more than %d words", MOST_WORDS);
    return FDHT_OK;
}

/* A tensor of a chain. */
typedef struct tensor {
    fdht_bank_map map;
    uint32_t *table;
    int n;
    fdht_sim_leg leg[2 * FDHT_SIM_MAX_LEGS];
} tensor;

static int take_table(const place *p, const cJSON *list, size_t banks, tensor *t)
{
    const cJSON *item;
    size_t i = 0;
    if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) != t->map.words)
        return FAIL(p, "table: expected %zu entries", t->map.words);
    t->table = fdht_calloc_err(t->map.words, sizeof *t->table, "bank table", p->err);
    if (!t->table)
        return FDHT_ENOMEM;
    cJSON_ArrayForEach(item, list)
    {
        double most = (double)t->map.lines * (double)banks - 1;
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most) ||
            item->valuedouble != floor(item->valuedouble))
            return FAIL(p, "table: entry %zu is no place of %zu x %zu", i + 1, banks, t->map.lines);
        t->table[i++] = (uint32_t)item->valuedouble;
    }
    t->map.table = t->table;
    return FDHT_OK;
}

static int take_tensor(const place *p, const cJSON *o, size_t banks, tensor *t)
{
    const char *bank = fdht_json_string(o, "bank");
    int f = FDHT_BANK_AUTO + 1;
    while (bank && f < FDHT_BANK_FUNCTIONS && strcmp(bank, fdht_bank_function_name(f)))
        f++;
    if (!bank || f == FDHT_BANK_FUNCTIONS)
        return FAIL(p, "bank: %.40s is no bank function", bank ? bank : "this");
    t->map.function = (fdht_bank_function)f;
    if (!number(o, "words", MOST_WORDS, &t->map.words) || !t->map.words ||
        !number(o, "lines", (double)(MOST_WORDS / banks), &t->map.lines) || !t->map.lines)
        return FAIL(p, "words and lines must be whole numbers from 1");
    int status =
        take_legs(p, cJSON_GetObjectItemCaseSensitive(o, "legs"), t->leg, 2 * FDHT_SIM_MAX_LEGS, &t->n);
    const cJSON *table = cJSON_GetObjectItemCaseSensitive(o, "table");
    if (!status && (table != NULL) != (f == FDHT_BANK_TABLE))
        status = FAIL(p, "a table goes with bank table, and only with it");
    return status || !table ? status : take_table(p, table, banks, t);
}

/* Legs by name, with strides and skews as in the tensor t: in (the tensor read) or out. */
static int take_names(const place *p, const cJSON *o, const char *key, const tensor *t, bool out,
                      fdht_sim_leg *leg, int *n)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, key), *item;
    *n = 0;
    if (!cJSON_IsArray(list))
        return FAIL(p, "%s: expected a list of legs' names", key);
    cJSON_ArrayForEach(item, list)
    {
        const char *name = cJSON_GetStringValue(item);
        int k = 0;
        while (name && k < t->n && strcmp(t->leg[k].name, name))
            k++;
        if (!name || k == t->n)
            return FAIL(p, "%s: leg %.15s is not in the tensor that it %s", key, name ? name : "?",
                        out ? "writes" : "reads");
        if (*n == FDHT_SIM_MAX_LEGS)
            return FAIL(p, "%s: more than %d legs", key, FDHT_SIM_MAX_LEGS);
        leg[(*n)++] = t->leg[k];
    }
    return FDHT_OK;
}

static int take_stage(const place *p, const cJSON *o, const tensor *in, const tensor *out, fdht_sim_stage *s)
{
    const char *name = fdht_json_string(o, "cores"), *drain = fdht_json_string(o, "drain");
    size_t lanes;
    if (!name || !*name || strlen(name) >= sizeof s->name || !fdht_json_plain(name))
        return FAIL(p, "cores: expected names joined by *");
    if (!drain || (strcmp(drain, "column") && strcmp(drain, "row")))
        return FAIL(p, "drain: expected column or row");
    memcpy(s->name, name, strlen(name) + 1);
    s->drain_column = !strcmp(drain, "column");
    fdht_sim_leg col[FDHT_SIM_MAX_LEGS];
    int n_col, status;
    if ((status = take_names(p, o, "rows", out, true, s->row, &s->n_row)) ||
        (status = take_names(p, o, "inner", in, false, s->inner, &s->n_inner)) ||
        (status = take_names(p, o, "columns", in, false, s->col, &s->n_col)) ||
        (status = take_names(p, o, "columns", out, true, col, &n_col)))
        return status;
    for (int i = 0; i < n_col; i++) { /* a column leg has a stride on either side */
        s->col[i].stride_out = col[i].stride_out;
        s->col[i].skew_out = col[i].skew_out;
        if (col[i].extent != s->col[i].extent)
            return FAIL(p, "columns: leg %s changes its extent", col[i].name);
    }
    if (!number(o, "lane_legs", s->n_col, &lanes))
        return FAIL(p, "lane_legs: expected a whole number of up to %d", s->n_col);
    s->lane_legs = (int)lanes;
    s->in = in->map;
    s->out = out->map;
    return FDHT_OK;
}

static int take_chain(const cJSON *json, const char *path, const char *key, size_t banks, fdht_sim_chain *c,
                      uint32_t **owned, int *n_owned, fdht_error *err)
{
    const cJSON *o = cJSON_GetObjectItemCaseSensitive(json, key), *item;
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(o, "stages");
    const cJSON *tensors = cJSON_GetObjectItemCaseSensitive(o, "tensors");
    int n = cJSON_GetArraySize(stages), status = FDHT_OK;
    place p = {.path = path, .chain = key, .what = "tensor", .err = err};
    if (!cJSON_IsArray(stages) || n < 1 || n > MOST_STAGES || cJSON_GetArraySize(tensors) != n + 1)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s: expected 1 to %d stages and one tensor more", path, key,
                         MOST_STAGES);
    tensor *t = fdht_calloc_err((size_t)n + 1, sizeof *t, "mapping", err);
    c->stage = t ? fdht_calloc_err((size_t)n, sizeof *c->stage, "mapping", err) : NULL;
    if (!c->stage) {
        fdht_free(t);
        return FDHT_ENOMEM;
    }
    c->n_stages = n;
    cJSON_ArrayForEach(item, tensors)
    {
        status = take_tensor(&p, item, banks, &t[p.i]);
        if (t[p.i].table)
            owned[(*n_owned)++] = t[p.i].table;
        if (status)
            break;
        p.i++;
    }
    p.i = 0;
    p.what = "stage";
    cJSON_ArrayForEach(item, stages)
    {
        if (status)
            break;
        status = take_stage(&p, item, &t[p.i], &t[p.i + 1], &c->stage[p.i]);
        p.i++;
    }
    fdht_free(t);
    return status;
}

int fdht_mapping_read(const char *path, size_t banks, fdht_sim_program *out, fdht_error *err)
{
    cJSON *json = NULL;
    fdht_sim_program p = {0};
    size_t said = 0;
    int n_owned = 0, status = fdht_json_read_up_to(path, 1 << 28, SCHEMA, &json, err);
    if (status)
        return status;
    uint32_t **owned = fdht_calloc_err(2 * (MOST_STAGES + 1) + 1, sizeof *owned, "mapping", err);
    p.owned = owned;
    p.lstm = cJSON_HasObjectItem(json, "h");
    if (!owned)
        status = FDHT_ENOMEM;
    else if (!number(json, "banks", 1 << 10, &said) || !said)
        status = fdht_fail(err, FDHT_EFORMAT, "%s: banks: expected a whole number of 1 to 1024", path);
    else if (banks && said != banks)
        status = fdht_fail(err, FDHT_EFORMAT, "%s: banks: the machine has %zu", path, banks);
    else if (!(status = take_chain(json, path, "x", said, &p.x, owned, &n_owned, err)) && p.lstm)
        status = take_chain(json, path, "h", said, &p.h, owned, &n_owned, err);
    cJSON_Delete(json);
    if (status)
        fdht_program_free(&p);
    else
        *out = p;
    return status;
}
