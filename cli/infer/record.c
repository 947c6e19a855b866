/* infer/record.c - what a record says: JSON lines, columns or text, and errors. */
#include "infer/infer.h"
#include "frame/json.h"

#include <math.h>
#include <string.h>

static const char *class_name(const infer_job *j, size_t k, char buf[static 32])
{
    snprintf(buf, 32, "%zu", k);
    if (j->name)
        return j->name[k];
    return j->spec->class_name && *j->spec->class_name[k] ? j->spec->class_name[k] : buf;
}

static void print_escaped(const char *s)
{
    for (; *s; s++)
        *s == '\t'   ? (void)fputs("\\t", stdout)
        : *s == '\n' ? (void)fputs("\\n", stdout)
        : *s == '\\' ? (void)fputs("\\\\", stdout)
                     : (void)putchar(*s);
}

void infer_print_header(const infer_job *j)
{
    if (j->a->format != INFER_TSV)
        return;
    printf("clip\tlabel\tclass\tprob\terror");
    for (size_t k = 2; j->spec->classes && k <= j->a->top && k <= j->width; k++)
        printf("\tlabel_%zu\tprob_%zu", k, k);
    for (size_t k = 0; j->a->logits && k < j->width; k++)
        printf("\tlogit_%zu", k);
    printf("\n");
}

void infer_print_error(infer_job *j, const char *clip, const char *message)
{
    size_t named = strlen(clip); /* whoever opened a file has named it already */
    if (strncmp(message, clip, named) == 0 && strncmp(message + named, ": ", 2) == 0)
        message += named + 2;
    cli_error(j->c, "%s: %s", clip, message);
    if (j->a->format == INFER_TSV) {
        print_escaped(clip);
        printf("\t\t\t\t");
        print_escaped(message);
        printf("\n");
    } else if (j->a->format == INFER_JSONL) {
        cJSON *json = cJSON_CreateObject();
        cli_json_string(json, "clip", clip);
        cli_json_string(json, "error", message);
        cli_json_line(stdout, json);
    }
}

static void print_json(const infer_job *j, const char *clip, const float *logits, size_t top)
{
    cJSON *json = cJSON_CreateObject();
    char buf[32];
    cli_json_string(json, "clip", clip);
    if (top) {
        cli_json_string(json, "label", class_name(j, j->rank[0], buf));
        cli_json_size(json, "class", j->rank[0]);
        cli_json_float(json, "prob", j->row[j->rank[0]]);
        cJSON *list = cli_json_array(json, "top");
        for (size_t k = 0; k < top; k++) {
            cJSON *one = cli_json_object(list, NULL);
            cli_json_string(one, "label", class_name(j, j->rank[k], buf));
            cli_json_float(one, "prob", j->row[j->rank[k]]);
        }
    }
    if (j->a->logits) {
        cJSON *list = cli_json_array(json, "logits");
        for (size_t k = 0; k < j->width; k++)
            cli_json_float(list, NULL, logits[k]);
    }
    cli_json_line(stdout, json);
}

static void print_columns(const infer_job *j, const char *clip, const float *logits, size_t top)
{
    char buf[32];
    print_escaped(clip);
    for (size_t k = 0; k < top; k++) {
        putchar('\t');
        print_escaped(class_name(j, j->rank[k], buf));
        if (k == 0)
            printf("\t%zu", j->rank[0]);
        printf("\t%.6g", (double)j->row[j->rank[k]]);
        if (k == 0)
            putchar('\t');
    }
    if (!top)
        printf("\t\t\t\t");
    for (size_t k = 0; j->a->logits && k < j->width; k++)
        printf("\t%.9g", (double)logits[k]);
    printf("\n");
}

static void print_text(const infer_job *j, const char *clip, const float *logits, size_t top)
{
    char buf[32];
    printf("%s:", clip);
    for (size_t k = 0; k < top; k++)
        printf("%s %s %.3f", k ? "," : "", class_name(j, j->rank[k], buf), (double)j->row[j->rank[k]]);
    for (size_t k = 0; j->a->logits && k < j->width; k++)
        printf(" %.6g", (double)logits[k]);
    printf("\n");
}

/* The `top` largest probabilities, by falling order; equal ones by class. */
static void rank_classes(infer_job *j, size_t top)
{
    for (size_t k = 0; k < j->width; k++)
        j->rank[k] = k;
    for (size_t k = 0; k < top; k++) {
        size_t best = k;
        for (size_t i = k + 1; i < j->width; i++)
            if (j->row[j->rank[i]] > j->row[j->rank[best]] ||
                (j->row[j->rank[i]] == j->row[j->rank[best]] && j->rank[i] < j->rank[best]))
                best = i;
        size_t t = j->rank[k];
        j->rank[k] = j->rank[best];
        j->rank[best] = t;
    }
}

/* Whether the label that the clip came with is this class: by name where both have names. */
static void count_label(infer_job *j, const fdht_clip_item *item, size_t class)
{
    char buf[32];
    if (!item->label_name && item->label < 0)
        return;
    j->labelled++;
    if (item->label_name && (j->name || j->spec->class_name))
        j->right += strcmp(item->label_name, class_name(j, class, buf)) == 0;
    else
        j->right += item->label == (int)class;
}

void infer_print_record(infer_job *j, const fdht_clip_item *item, const char *clip, const float *logits)
{
    static void (*const print[])(const infer_job *j, const char *clip, const float *logits,
                                 size_t top) = {print_json, print_columns, print_text};
    size_t top = j->spec->classes ? j->a->top < j->width ? j->a->top : j->width : 0;
    for (size_t k = 0; k < j->width; k++)
        if (!isfinite(logits[k])) {
            infer_print_error(j, clip, "the scores are not finite");
            return;
        }
    if (top) {
        memcpy(j->row, logits, j->width * sizeof *j->row);
        fdht_softmax(j->row, j->width);
        rank_classes(j, top);
        count_label(j, item, j->rank[0]);
    }
    print[j->a->format](j, clip, logits, top);
}
