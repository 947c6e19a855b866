/* train/teacher.c - --teacher: models of any kind are asked what they think of the training clips. */
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/basics.h"

/* The clips in the size and colours that a teacher takes, where they are not those of the model. */
static int open_for(cli *c, const train_args *a, const fdht_model *teacher, const train_classes *k,
                    train_set *out)
{
    const fdht_frame_spec *f = &fdht_model_spec_of(teacher)->frame;
    train_args own = *a;
    own.gray = f->gray;
    own.resize = f->resize ? (cli_extent){f->width, f->height} : (cli_extent){0};
    own.memory = 1; /* they are read once */
    return train_set_open(c, &own, a->data, NULL, FDHT_SPLIT_TRAIN, k, out);
}

static bool fits(const train_set *s, const fdht_model *m)
{
    const fdht_frame_spec *f = &fdht_model_spec_of(m)->frame;
    const fdht_train_data *d = &s->data;
    return f->width == d->width && f->height == d->height && (!f->width || f->channels == d->channels) &&
           (f->width || d->features == fdht_model_inputs(m));
}

/* The teacher's number of each class of the clips: matched by name where both have names. */
static int match_classes(cli *c, const char *path, const fdht_model *m, const train_classes *k,
                         size_t *number)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    if (!s->classes || s->output != FDHT_OUTPUT_SOFTMAX)
        return cli_usage(c, "--teacher %s: a model of classes is needed", path);
    if (s->classes != k->n)
        return cli_usage(c, "--teacher %s has %zu classes, the clips have %zu", path, s->classes, k->n);
    for (size_t i = 0; i < k->n; i++) {
        size_t j = i;
        if (s->class_name && k->name)
            for (j = 0; j < k->n && strcmp(s->class_name[j], k->name[i]) != 0;)
                j++;
        if (j == k->n)
            return cli_usage(c, "--teacher %s does not know the class %s", path, k->name[i]);
        number[i] = j;
    }
    return FDHT_OK;
}

/* One teacher: its share of the mean is added to out (rows, classes). */
static int ask(cli *c, const train_args *a, const char *path, const train_set *s, const train_classes *k,
               double share, fdht_model *m, float *out)
{
    train_set own = {0};
    const train_set *from = s;
    float *said = NULL;
    size_t *number = cli_calloc(k->n, sizeof *number);
    int status = match_classes(c, path, m, k, number);
    if (!status && !fits(s, m)) {
        status = open_for(c, a, m, k, &own);
        from = &own;
    }
    if (!status)
        status = train_check_model(c, "teacher", path, m, false, &from->shape);
    for (size_t i = 0; i < s->data.clips && !status; i++)
        if (fdht_model_rows(m, s->length[i]) != 1)
            status = cli_usage(c, "--teacher %s: one answer a clip is needed", path);
    if (!status) {
        said = cli_calloc(from->data.clips * k->n, sizeof *said);
        status = fdht_teacher_ask(m, &from->data, a->temperature, c->threads, c->ranks, said, &c->err);
        c->agreed = status;
    }
    for (size_t i = 0, at = 0; i < s->data.clips && !status; i++, at++) {
        while (from->id[at] != s->id[i]) /* --val-split took the others */
            at++;
        for (size_t j = 0; j < k->n; j++)
            out[i * k->n + j] += (float)share * said[at * k->n + number[j]];
    }
    free(said);
    free(number);
    if (from == &own)
        train_set_close(&own);
    return status;
}

static double agreement(const train_set *s, size_t classes, const float *said)
{
    size_t right = 0;
    for (size_t i = 0; i < s->data.clips; i++) {
        size_t best = 0;
        for (size_t j = 1; j < classes; j++)
            best = said[i * classes + j] > said[i * classes + best] ? j : best;
        right += (size_t)s->label[i] == best;
    }
    return (double)right / (double)s->data.clips;
}

static uint64_t hash_values(uint64_t h, const fdht_model *m)
{
    const float *v = fdht_model_values_const(m);
    for (size_t i = 0; i < fdht_model_size(m); i++) {
        uint32_t bits;
        memcpy(&bits, v + i, sizeof bits);
        h = fdht_rng_hash(h ^ bits);
    }
    return h;
}

int train_teachers(cli *c, const train_args *a, const fdht_model *student, const train_set *s,
                   const train_classes *k, float **out, uint64_t *hash)
{
    char *list = NULL, *rest, *path;
    size_t n = 1;
    int status = FDHT_OK;
    *out = NULL;
    *hash = 0;
    if (!a->teacher)
        return FDHT_OK;
    if (fdht_model_spec_of(student)->output != FDHT_OUTPUT_SOFTMAX || fdht_model_each(student))
        return cli_usage(c, "--teacher: the model to train gives no class of a clip");
    for (const char *p = a->teacher; *p; p++)
        n += *p == ',';
    list = cli_calloc(strlen(a->teacher) + 1, 1);
    strcpy(list, a->teacher);
    *out = cli_calloc(s->data.clips * k->n + 1, sizeof **out);
    for (path = strtok_r(list, ",", &rest); path && !status; path = strtok_r(NULL, ",", &rest)) {
        fdht_model *m = NULL;
        if (!(status = fdht_modelfile_read(path, &m, NULL, NULL, &c->err)))
            status = ask(c, a, path, s, k, 1 / (double)n, m, *out);
        if (!status)
            *hash = hash_values(*hash + 1, m);
        fdht_model_free(m);
    }
    if (!status)
        cli_note(c, "the teacher names %.4f of the training clips right", agreement(s, k->n, *out));
    free(list);
    return status;
}
