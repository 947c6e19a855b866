/* train/settings.c - what made a model, as words: a resumed run must have the same. */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

#include "fdht/basics.h"

/* Options that shape the model; those of the training are in fdht_train_options, with their defaults filled in. */
static const char *const shaping[] = {
    "cell",      "recurrent",  "preset", "init",   "layer",  "recurrent-activation", "hidden",  "in-modes",
    "out-modes", "rank",       "ranks",  "blocks", "tree",   "enlarge-mode",         "enlarge", "hidden-box",
    "pool",      "init-scale", "start",  "gray",   "resize",
};

static const cli_option *find_option(const cli *c, const char *name)
{
    const cli_option *o = c->command->options;
    while (o->name && strcmp(o->name, name) != 0)
        o++;
    return o;
}

static void put_model(cli *c, const train_args *a, FILE *f)
{
    for (size_t i = 0; i < sizeof shaping / sizeof *shaping; i++) {
        char *value = NULL;
        size_t size;
        FILE *word = cli_must(open_memstream(&value, &size));
        cli_option_print(word, find_option(c, shaping[i]), a);
        if (fclose(word))
            cli_no_memory();
        for (char *s = value; *s; s++)
            *s = *s == ' ' ? '_' : *s; /* words are parted by spaces */
        fprintf(f, " %s=%s", shaping[i], *value ? value : "(none)");
        free(value);
    }
}

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = fdht_rng_hash(h ^ word);
    }
    for (; n; n--, p++)
        h = fdht_rng_hash(h ^ *p);
    return h;
}

/* Shapes, labels or targets, and the pixels of the first clip. */
static int hash_data(cli *c, const train_set *s, const fdht_model *m, uint64_t *out)
{
    const fdht_train_data *d = &s->data;
    size_t shape[] = {d->clips, d->width, d->height, d->channels, d->features}, rows = 0, bytes;
    for (size_t i = 0; i < d->clips; i++)
        rows += fdht_model_rows(m, s->length[i]);
    uint64_t h = hash_bytes(1, shape, sizeof shape);
    h = hash_bytes(h, s->length, d->clips * sizeof *s->length);
    h = hash_bytes(h, s->label, d->clips * sizeof *s->label);
    if (s->target)
        h = hash_bytes(h, s->target, rows * fdht_model_width(m) * sizeof *s->target);
    bytes = s->offset[1] - s->offset[0];
    void *first = cli_calloc(bytes, 1);
    int status = d->read(d->arg, 0, first, bytes, &c->err);
    *out = hash_bytes(h, first, bytes);
    free(first);
    return status;
}

int train_settings(cli *c, const train_args *a, const fdht_train_options *o, const fdht_model *m,
                   train_set *train, train_set *val, uint64_t teacher, char **out)
{
    const fdht_frame_spec *f = &fdht_model_spec_of(m)->frame;
    uint64_t data = 0, val_data = 0;
    size_t size;
    int status = hash_data(c, train, m, &data);
    if (!status && val)
        status = hash_data(c, val, m, &val_data);
    if (status)
        return status;
    FILE *w = open_memstream(out, &size);
    if (!w)
        return cli_fail(c, FDHT_ENOMEM, "out of memory: settings");
    fprintf(w,
            "seed=%llu clips=%zu validation=%zu inputs=%zu parameters=%zu epochs=%d batch=%zu optimizer=%s",
            (unsigned long long)o->seed, train->data.clips, val ? val->data.clips : 0, fdht_model_inputs(m),
            fdht_model_size(m), o->epochs, o->batch, fdht_optimizer_name(o->optimizer));
    fprintf(w, " lr=%.17g momentum=%.17g wd=%.17g schedule=%s step-epochs=%d step-factor=%.17g warmup=%zu",
            o->lr, o->momentum, o->weight_decay, fdht_schedule_name(o->schedule), o->step_epochs,
            o->step_factor, o->warmup);
    fprintf(w,
            " core-lr=%.17g ema=%.17g clip=%.17g dropout=%.17g recurrent-dropout=%.17g smoothing=%.17g "
            "balance=%d",
            o->core_lr, o->ema, o->clip, o->dropout, o->recurrent_dropout, o->label_smoothing,
            o->class_weight != NULL);
    fprintf(w, " shift=%d frames=%zu sample=%d diff=%d keep-last=%d", o->shift, f->frames, (int)f->sample,
            f->diff, !o->keep_best);
    if (o->window)
        fprintf(w, " window=%zu", o->window);
    fprintf(w, " teacher=%016llx temperature=%.17g distill=%.17g", (unsigned long long)teacher,
            o->temperature, o->distill);
    put_model(c, a, w);
    fprintf(w, " data=%016llx validation-data=%016llx", (unsigned long long)data,
            (unsigned long long)val_data);
    return fclose(w) ? cli_fail(c, FDHT_ENOMEM, "out of memory: settings") : FDHT_OK;
}
