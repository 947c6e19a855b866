/* compress/eval.c - accuracy of the original and of compressed models on the clips of --eval. */
#include "compress/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame/signals.h"

/* The clips of one split, of all where nothing is marked so, in the order of the file. */
static int read_clips(cli *c, const char *path, const fdht_model *m, compress_eval *e)
{
    fdht_dataset *file = NULL;
    fdht_clips_options opt;
    fdht_clips *src = NULL;
    int status = fdht_dataset_open(path, &file, &c->err), split = FDHT_SPLIT_NONE;
    if (status)
        return status;
    const fdht_dataset_info *info = fdht_dataset_info_of(file);
    for (int s = FDHT_SPLIT_VAL; info->has_split && s <= FDHT_SPLIT_TEST; s++)
        if (info->split[s])
            split = s;
    e->split = split == FDHT_SPLIT_NONE ? "all" : fdht_split_name(split);
    size_t *order = cli_calloc(info->clips + 1, sizeof *order), n = 0;
    for (size_t i = 0; i < info->clips; i++)
        if (split == FDHT_SPLIT_NONE || fdht_dataset_split(file, i) == split)
            order[n++] = i;
    e->item = cli_calloc(n + 1, sizeof *e->item);
    e->clip = cli_calloc(n + 1, sizeof *e->clip);
    fdht_clips_options_for_model(fdht_model_spec_of(m), &opt);
    opt.stop = cli_stop_flag();
    status = n ? fdht_clips_open_dataset(file, order, n, &opt, &src, &c->err)
               : cli_fail(c, FDHT_EFORMAT, "%s: no clips", path);
    fdht_clip_item *item = NULL;
    while (!status && e->n < n && !(status = fdht_clips_next(src, &item, &c->err)) && item) {
        fdht_error why;
        e->item[e->n] = item;
        if (fdht_clip_of_item(item, m, &e->clip[e->n], &why))
            status = cli_fail(c, item->status ? item->status : FDHT_EFORMAT, "%s: %s%s", path, why.msg,
                              item->u8 && !fdht_model_spec_of(m)->frame.width
                                  ? " (--frame says what frames it takes)"
                                  : "");
        e->n++;
    }
    fdht_clips_close(src);
    fdht_dataset_close(file);
    free(order);
    return status;
}

/* The class of an item by its name where both have names, else by its number. */
static int label_of(const fdht_clip_item *item, const fdht_model_spec *s)
{
    if (item->label_name && s->class_name) {
        for (size_t k = 0; k < s->classes; k++)
            if (!strcmp(item->label_name, s->class_name[k]))
                return (int)k;
        return -1;
    }
    return item->label >= 0 && (size_t)item->label < (s->classes > 1 ? s->classes : 2) ? item->label : -1;
}

/* Whether a row of outputs is one answer that a label can be compared with. */
static bool has_class(const fdht_model_spec *s)
{
    return s->classes &&
           (s->output == FDHT_OUTPUT_SOFTMAX || (s->output == FDHT_OUTPUT_SIGMOID && s->classes == 1));
}

static int class_of(const fdht_model_spec *s, const float *row)
{
    int best = 0;
    if (s->output == FDHT_OUTPUT_SIGMOID)
        return row[0] > 0;
    for (size_t k = 1; k < s->classes; k++)
        best = row[k] > row[best] ? (int)k : best;
    return best;
}

static void score(const compress_eval *e, const fdht_model *m, const float *got, compress_score *out)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    size_t right = 0, agree = 0, answers = 0;
    double d2 = 0, norm2 = 0;
    for (size_t i = 0; i < e->rows * e->width; i++) {
        double d = (double)got[i] - (double)e->want[i];
        d2 += d * d;
        norm2 += (double)e->want[i] * (double)e->want[i];
    }
    for (size_t i = 0; i < e->n; i++)
        for (size_t r = e->row[i]; r < e->row[i + 1]; r++) {
            const float *a = got + r * e->width, *b = e->want + r * e->width;
            if (has_class(s)) {
                answers++;
                agree += class_of(s, a) == class_of(s, b);
                right += e->label[i] >= 0 && class_of(s, a) == e->label[i];
            } else if (s->classes && s->output == FDHT_OUTPUT_SIGMOID)
                for (size_t k = 0; k < s->classes; k++, answers++)
                    agree += (a[k] > 0) == (b[k] > 0);
        }
    out->accuracy = e->labelled ? (double)right / (double)e->labelled : NAN;
    out->agreement = answers ? (double)agree / (double)answers : NAN;
    out->difference = norm2 > 0 ? sqrt(d2 / norm2) : 0;
}

static int run(cli *c, compress_eval *e, const fdht_model *m, float *scores)
{
    fdht_runner *r = NULL;
    int status = fdht_runner_new(m, c->threads, &r, &c->err);
    if (!status)
        status = fdht_runner_run(r, e->clip, e->n, scores, &c->err);
    fdht_runner_free(r);
    return status;
}

int compress_eval_open(cli *c, const char *path, const fdht_model *original, compress_eval *e)
{
    const fdht_model_spec *s = fdht_model_spec_of(original);
    *e = (compress_eval){.width = fdht_model_width(original)};
    int status = read_clips(c, path, original, e);
    if (status)
        return status;
    e->label = cli_calloc(e->n, sizeof *e->label);
    e->row = cli_calloc(e->n + 1, sizeof *e->row);
    bool labels = has_class(s) && !fdht_model_each(original);
    for (size_t i = 0; i < e->n; i++) {
        e->label[i] = labels ? label_of(e->item[i], s) : -1;
        e->labelled += e->label[i] >= 0;
        e->row[i + 1] = e->row[i] + fdht_model_rows(original, e->clip[i].length);
    }
    e->rows = e->row[e->n];
    e->want = cli_calloc(e->rows * e->width, sizeof *e->want);
    e->got = cli_calloc(e->rows * e->width, sizeof *e->got);
    if (!(status = run(c, e, original, e->want)))
        score(e, original, e->want, &e->original);
    return status;
}

int compress_eval_model(cli *c, compress_eval *e, const fdht_model *m, compress_score *out)
{
    int status = run(c, e, m, e->got);
    if (!status)
        score(e, m, e->got, out);
    return status;
}

void compress_eval_close(compress_eval *e)
{
    for (size_t i = 0; i < e->n; i++)
        fdht_clip_item_free(e->item[i]);
    free(e->item);
    free(e->clip);
    free(e->label);
    free(e->row);
    free(e->want);
    free(e->got);
}
