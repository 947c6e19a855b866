/* infer/record.c - records of `fdht infer`: classes, independent labels, values; one row a clip or one a step. */
#include "infer/record.h"

#include "frame/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void infer_records_open(infer_records *r)
{
    r->spec = fdht_model_spec_of(r->model);
    r->width = fdht_model_width(r->model);
    r->each = fdht_model_each(r->model) && !r->stream;
    bool sigmoid = r->spec->classes && r->spec->output == FDHT_OUTPUT_SIGMOID;
    r->values = !r->spec->classes || r->spec->output == FDHT_OUTPUT_LINEAR;
    r->labels = sigmoid && r->width > 1;
    r->classes = r->values ? 0 : r->width == 1 && sigmoid ? 2 : r->width;
    r->p = cli_calloc((r->classes > r->width ? r->classes : r->width) + 1,
                      sizeof *r->p); /* values pass through it */
    r->rank = cli_calloc(r->classes + 1, sizeof *r->rank);
}

void infer_records_close(infer_records *r)
{
    free(r->p);
    free(r->rank);
}

/* The name of a class, or its number; of one sigmoid output class 1 has the model's name. */
static const char *class_name(const infer_records *r, size_t k, char buf[static 32])
{
    bool two = r->classes == 2 && r->width == 1;
    char **names = r->name ? r->name : r->spec->class_name;
    const char *name = names ? names[two ? 0 : k] : "";
    if (two && !k && *name)
        snprintf(buf, 32, "not %.27s", name);
    else
        snprintf(buf, 32, "%zu", k);
    return *name && !(two && !k) ? name : buf;
}

/* Probabilities of a row, and the classes by falling probability as far as they are listed; equal ones by class. */
static void rank_row(infer_records *r, const float *scores)
{
    size_t top = r->top < r->classes ? r->top : r->classes;
    float *p = r->p + (r->classes > r->width);
    memcpy(p, scores, r->width * sizeof *p);
    fdht_model_probabilities(r->model, p);
    if (r->classes > r->width)
        r->p[0] = 1 - r->p[1];
    for (size_t k = 0; k < r->classes; k++)
        r->rank[k] = k;
    for (size_t k = 0; k < top; k++) {
        size_t best = k;
        for (size_t i = k + 1; i < r->classes; i++)
            if (r->p[r->rank[i]] > r->p[r->rank[best]] ||
                (r->p[r->rank[i]] == r->p[r->rank[best]] && r->rank[i] < r->rank[best]))
                best = i;
        size_t t = r->rank[k];
        r->rank[k] = r->rank[best];
        r->rank[best] = t;
    }
}

static size_t listed(const infer_records *r)
{
    return r->top < r->classes ? r->top : r->classes;
}

/* ---- formats ---- */

/* Names come from files: what a terminal would obey (C0, DEL, C1 in UTF-8) is written as \xHH. */
void infer_print_escaped(FILE *f, const char *s)
{
    for (; *s; s++) {
        unsigned char byte = (unsigned char)*s, next = (unsigned char)s[1];
        if (byte == '\t')
            fputs("\\t", f);
        else if (byte == '\n')
            fputs("\\n", f);
        else if (byte == '\\')
            fputs("\\\\", f);
        else if (byte < ' ' || byte == 0x7f)
            fprintf(f, "\\x%02x", byte);
        else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
            fprintf(f, "\\xc2\\x%02x", next);
            s++;
        } else
            putc(byte, f);
    }
}

void infer_print_header(const infer_records *r)
{
    char buf[32];
    if (r->format != INFER_TSV)
        return;
    if (r->labels) {
        fprintf(r->out, "clip\tlabels\terror");
        for (size_t k = 0; k < r->width; k++) {
            fprintf(r->out, "\tprob_");
            infer_print_escaped(r->out, class_name(r, k, buf));
        }
    } else if (r->values && r->spec->classes) {
        fprintf(r->out, "clip\terror");
        for (size_t k = 0; k < r->width; k++)
            fprintf(r->out, "\tvalue_%zu", k);
    } else {
        fprintf(r->out, "clip\tlabel\tclass\tprob\terror");
        for (size_t k = 2; k <= listed(r); k++)
            fprintf(r->out, "\tlabel_%zu\tprob_%zu", k, k);
    }
    for (size_t k = 0; r->logits && k < r->width; k++)
        fprintf(r->out, "\tlogit_%zu", k);
    fprintf(r->out, "\n");
}

void infer_print_error(const infer_records *r, const char *clip, const char *message)
{
    size_t named = strlen(clip); /* whoever opened a file has named it already */
    if (strncmp(message, clip, named) == 0 && strncmp(message + named, ": ", 2) == 0)
        message += named + 2;
    cli_error(r->c, "%s: %s", clip, message);
    if (r->format == INFER_TSV) {
        infer_print_escaped(r->out, clip);
        fputs(r->labels ? "\t\t" : r->values && r->spec->classes ? "\t" : "\t\t\t\t", r->out);
        infer_print_escaped(r->out, message);
        fprintf(r->out, "\n");
    } else if (r->format == INFER_JSONL) {
        cJSON *json = cJSON_CreateObject();
        cli_json_string(json, "clip", clip);
        cli_json_string(json, "error", message);
        cli_json_line(r->out, json);
    }
}

static void add_numbers(cJSON *json, const char *key, const float *v, size_t n)
{
    cJSON *list = cli_json_array(json, key);
    for (size_t k = 0; k < n; k++)
        cli_json_float(list, NULL, v[k]);
}

/* What one row says, into a record or into one of its steps. */
static void add_row(const infer_records *r, cJSON *json, const float *scores)
{
    char buf[32];
    if (r->labels) {
        cJSON *list = cli_json_array(json, "labels");
        for (size_t k = 0; k < r->width; k++)
            if (r->p[k] >= 0.5f)
                cli_json_string(list, NULL, class_name(r, k, buf));
    } else if (r->classes) {
        cli_json_string(json, "label", class_name(r, r->rank[0], buf));
        cli_json_size(json, "class", r->rank[0]);
        cli_json_float(json, "prob", r->p[r->rank[0]]);
    } else if (r->spec->classes)
        add_numbers(json, "values", scores, r->width);
    if (r->classes) {
        cJSON *list = cli_json_array(json, "top");
        for (size_t k = 0; k < listed(r); k++) {
            cJSON *one = cli_json_object(list, NULL);
            cli_json_string(one, "label", class_name(r, r->rank[k], buf));
            cli_json_float(one, "prob", r->p[r->rank[k]]);
        }
    }
    if (r->logits)
        add_numbers(json, "logits", scores, r->width);
}

/* A record; with an output for every step that of the last one, and with --steps all under `steps`. */
static void print_json(infer_records *r, const char *clip, const float *scores, size_t n)
{
    cJSON *json = cJSON_CreateObject();
    cli_json_string(json, "clip", clip);
    const float *last = scores + (n - 1) * r->width;
    rank_row(r, last);
    add_row(r, json, last);
    if (r->each && r->steps) {
        cJSON *steps = cli_json_array(json, "steps");
        for (size_t s = 0; s < n; s++) {
            rank_row(r, scores + s * r->width);
            add_row(r, cli_json_object(steps, NULL), scores + s * r->width);
        }
    }
    cli_json_line(r->out, json);
}

static void print_columns(const infer_records *r, const char *clip, const float *scores)
{
    char buf[32];
    bool any = false;
    infer_print_escaped(r->out, clip);
    if (r->labels) {
        putc('\t', r->out);
        for (size_t k = 0; k < r->width; k++)
            if (r->p[k] >= 0.5f) {
                fputs(any ? "," : "", r->out);
                infer_print_escaped(r->out, class_name(r, k, buf));
                any = true;
            }
        putc('\t', r->out);
        for (size_t k = 0; k < r->width; k++)
            fprintf(r->out, "\t%.6g", (double)r->p[k]);
    } else if (r->classes) {
        for (size_t k = 0; k < listed(r); k++) {
            putc('\t', r->out);
            infer_print_escaped(r->out, class_name(r, r->rank[k], buf));
            if (k == 0)
                fprintf(r->out, "\t%zu", r->rank[0]);
            fprintf(r->out, "\t%.6g", (double)r->p[r->rank[k]]);
            if (k == 0)
                putc('\t', r->out);
        }
    } else if (r->spec->classes) {
        putc('\t', r->out);
        for (size_t k = 0; k < r->width; k++)
            fprintf(r->out, "\t%.9g", (double)scores[k]);
    } else
        fprintf(r->out, "\t\t\t\t");
    for (size_t k = 0; r->logits && k < r->width; k++)
        fprintf(r->out, "\t%.9g", (double)scores[k]);
    fprintf(r->out, "\n");
}

/* A class and its probability, one of several. */
static void print_class(const infer_records *r, bool more, size_t k)
{
    char buf[32];
    fputs(more ? ", " : " ", r->out);
    infer_print_escaped(r->out, class_name(r, k, buf));
    fprintf(r->out, " %.3f", (double)r->p[k]);
}

static void print_text(const infer_records *r, const char *clip, const float *scores)
{
    bool any = false;
    infer_print_escaped(r->out, clip);
    putc(':', r->out);
    for (size_t k = 0; r->labels && k < r->width; k++)
        if (r->p[k] >= 0.5f) {
            print_class(r, any, k);
            any = true;
        }
    if (r->labels && !any)
        fprintf(r->out, " none");
    for (size_t k = 0; !r->labels && k < listed(r); k++)
        print_class(r, k > 0, r->rank[k]);
    for (size_t k = 0; r->values && r->spec->classes && k < r->width; k++)
        fprintf(r->out, " %.6g", (double)scores[k]);
    for (size_t k = 0; r->logits && k < r->width; k++)
        fprintf(r->out, " %.6g", (double)scores[k]);
    fprintf(r->out, "\n");
}

/* ---- the score ---- */

/* Whether the label that the clip came with is this class: by name where both have names. */
static bool is_label(const infer_records *r, const fdht_clip_item *item, size_t class)
{
    char buf[32];
    return item->label_name && (r->name || r->spec->class_name)
               ? strcmp(item->label_name, class_name(r, class, buf)) == 0
               : item->label == (int)class;
}

/* A clip's label as the value that a model of one value should give: its name where that is a number. */
static double label_value(const fdht_clip_item *item)
{
    char *end = NULL;
    double v = item->label_name ? strtod(item->label_name, &end) : 0;
    return end && *item->label_name && !*end ? v : item->label;
}

/* The targets of a row, if the data set has some of the model's width; NULL: there are none. */
static const float *target_of(const infer_records *r, const fdht_clip_item *item, size_t step)
{
    bool fits = item->target && item->target_width == r->width && r->spec->output != FDHT_OUTPUT_SOFTMAX;
    bool has = item->target_rows == 1 || (r->each && step < item->target_rows);
    return fits && has ? item->target + (item->target_rows > 1 ? step * r->width : 0) : NULL;
}

static void count_row(infer_records *r, const fdht_clip_item *item, const float *scores, size_t step)
{
    const float *target = target_of(r, item, step);
    bool labelled = item->label_name || item->label >= 0;
    if (!r->spec->classes || !(target || (labelled && !(r->values && r->width != 1))))
        return;
    r->labelled++;
    for (size_t k = 0; r->values && k < r->width; k++) {
        double e = (double)scores[k] - (target ? (double)target[k] : label_value(item));
        r->absolute += fabs(e) / (double)r->width;
        r->square += e * e / (double)r->width;
    }
    if (!r->values && !r->labels)
        r->right += target ? (target[0] > 0.5f) == (r->rank[0] == 1) : is_label(r, item, r->rank[0]);
    for (size_t k = 0; r->labels && k < r->width; k++) {
        bool said = r->p[k] >= 0.5f, set = target ? target[k] > 0.5f : is_label(r, item, k);
        r->hit += said && set;
        r->missed += !said && set;
        r->false_ones += said && !set;
    }
}

void infer_print_score(const infer_records *r)
{
    const char *what = r->each ? "steps" : "clips";
    size_t n = r->labelled;
    if (!n)
        cli_warn(r->c, "no clip has a label: there is no %s",
                 r->labels   ? "F1"
                 : r->values ? "error"
                             : "accuracy");
    else if (r->labels)
        fprintf(stderr, "F1 %.4f, precision %.4f, recall %.4f (labels of %zu labelled %s)\n",
                2.0 * (double)r->hit / (double)(2 * r->hit + r->missed + r->false_ones),
                (double)r->hit / (double)(r->hit + r->false_ones),
                (double)r->hit / (double)(r->hit + r->missed), n, what);
    else if (r->values)
        fprintf(stderr, "error: mean absolute %.6g, root mean square %.6g (%zu labelled %s)\n",
                r->absolute / (double)n, sqrt(r->square / (double)n), n, what);
    else
        fprintf(stderr, "accuracy %.4f (%zu of %zu labelled %s)\n", (double)r->right / (double)n, r->right, n,
                what);
}

/* ---- records ---- */

void infer_print_record(infer_records *r, const fdht_clip_item *item, const char *clip, const float *scores,
                        size_t n)
{
    for (size_t k = 0; k < n * r->width; k++)
        if (!isfinite(scores[k])) {
            infer_print_error(r, clip, "the scores are not finite");
            return;
        }
    for (size_t s = 0; s < n; s++) {
        const float *row = scores + s * r->width;
        char *step = NULL;
        rank_row(r, row);
        count_row(r, item, row, s);
        if (r->format == INFER_JSONL)
            continue;
        if (r->each) {
            size_t size = strlen(clip) + 32;
            step = cli_calloc(size, 1);
            snprintf(step, size, "%s#%zu", clip, s);
        }
        r->format == INFER_TSV ? print_columns(r, step ? step : clip, row)
                               : print_text(r, step ? step : clip, row);
        free(step);
    }
    if (r->format == INFER_JSONL)
        print_json(r, clip, scores, n);
}
