/* pack/run.c - clips from any source into one data set file. They pass through one at a time; only a name, a label and a subject of
 * each stay in memory. */
#include "pack/check.h"
#include "pack/pack.h"
#include "pack/resume.h"
#include "frame/json.h"
#include "frame/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct job {
    cli *c;
    const pack_args *a;
    const char *output;
    pack_labels table;
    size_t by; /* column of the table; SIZE_MAX: none */
    regex_t re;
    bool has_re;
    pack_list list;
    pack_check check;
    fdht_dataset_writer *w;
    fdht_out_options out;
    bool pictures; /* IDX ones are among the inputs */
    pack_resume resume;
    fdht_clip_shape shape; /* of the first clip */
    size_t bad, unlabelled, unmatched, groups, longest, targets;
    int first_code; /* the first failure is held back: alone it is the command's own */
    char *first_name, first_message[256];
} job;

static void tell_first(job *j)
{
    if (j->first_name)
        cli_error(j->c, "%s: %s", j->first_name, j->first_message);
    free(j->first_name);
    j->first_name = NULL;
}

/* A clip that cannot be packed: left out, or with --strict the end. */
static int leave_out(job *j, const char *clip, int code, const char *message)
{
    if (j->a->check)
        pack_check_bad(&j->check, clip, message);
    if (j->a->made_of)
        pack_resume_add(&j->resume,
                        &(pack_note){.name = (char *)clip, .code = code, .message = (char *)message});
    if (j->a->strict)
        return cli_fail(j->c, code, "%s: %s", clip, message);
    if (j->bad++ || j->list.n) {
        tell_first(j);
        cli_error(j->c, "%s: %s", clip, message);
        return FDHT_OK;
    }
    j->first_code = code;
    j->first_name = strcpy(cli_calloc(strlen(clip) + 1, 1), clip);
    snprintf(j->first_message, sizeof j->first_message, "%s", message);
    return FDHT_OK;
}

static int start_writer(job *j, const fdht_clip_item *item)
{
    fdht_dataset_spec spec = {.shape = item->shape, .gzip = j->a->gzip, .made_of = j->a->made_of};
    j->shape = item->shape;
    if (j->c->dry_run)
        return FDHT_OK;
    return fdht_dataset_create(j->output, &spec, &j->out, &j->w, &j->c->err);
}

static bool same_size(const fdht_clip_shape *a, const fdht_clip_shape *b)
{
    return a->width == b->width && a->height == b->height && a->channels == b->channels &&
           a->features == b->features;
}

/* The subject of a clip: as --by says, else the folder of its group; buf is scratch. */
static const char *key_of(const job *j, const fdht_clip_item *item, const pack_row *row, char *buf,
                          size_t size, bool *unmatched)
{
    regmatch_t m[2];
    if (row && j->by != SIZE_MAX)
        return row->cell[j->by];
    if (!j->has_re) {
        snprintf(buf, size, "%s%s", item->group ? "" : "//", item->group ? item->group : item->name);
        return buf;
    }
    if (regexec(&j->re, item->name, 2, m, 0)) {
        *unmatched = true;
        snprintf(buf, size, "//%s", item->name); /* a key no other clip has */
        return buf;
    }
    regmatch_t *best = m[1].rm_so >= 0 ? &m[1] : &m[0];
    snprintf(buf, size, "%.*s", (int)(best->rm_eo - best->rm_so), item->name + best->rm_so);
    return buf;
}

static int split_of(const char *word)
{
    for (int s = 0; s < FDHT_SPLITS; s++)
        if (!strcmp(fdht_split_name(s), word))
            return s;
    return FDHT_SPLIT_NONE;
}

static void count(job *j, const pack_note *n)
{
    if (!j->list.n)
        tell_first(j);
    j->longest = n->length > j->longest ? n->length : j->longest;
    j->unlabelled += !(n->facts & PACK_HAS_LABEL);
    j->targets += (n->facts & PACK_HAS_TARGET) != 0;
    j->groups += (n->facts & PACK_HAS_GROUP) != 0;
    j->unmatched += (n->facts & PACK_NO_MATCH) != 0;
    pack_list_add(&j->list, n->label, n->split, n->key);
}

static int keep(job *j)
{
    int status = fdht_dataset_keep(j->w, pack_resume_text(&j->resume), &j->c->err);
    if (!status)
        pack_resume_kept(&j->resume);
    return status;
}

static int pack_one(job *j, const fdht_clip_item *item)
{
    char message[256], key[1024], number[24];
    const pack_row *row = NULL;
    const char *label = item->label_name;
    int split = item->split, status;
    if (!label && item->label >= 0) {
        snprintf(number, sizeof number, "%d", item->label);
        label = number;
    }
    if (j->a->labels) {
        if (!(row = pack_labels_find(&j->table, item->name))) {
            snprintf(message, sizeof message, "is not in %.200s", j->a->labels);
            return leave_out(j, item->name, FDHT_EFORMAT, message);
        }
        label = *row->cell[j->table.label] ? row->cell[j->table.label] : NULL;
        if (j->table.split != SIZE_MAX)
            split = split_of(row->cell[j->table.split]);
    }
    if (j->a->check)
        pack_check_add(&j->check, item, label, j->list.n);
    if (!j->list.n) {
        if ((status = start_writer(j, item)))
            return status;
    } else if (!j->a->check && !same_size(&j->shape, &item->shape)) {
        snprintf(message, sizeof message, "frames of %zux%zux%zu, the clips before are %zux%zux%zu%s",
                 item->shape.width, item->shape.height, item->shape.channels, j->shape.width, j->shape.height,
                 j->shape.channels, j->shape.features ? "" : " (--resize and --gray make them equal)");
        return leave_out(j, item->name, FDHT_EFORMAT, message);
    }
    size_t length = item->shape.length;
    const void *data = item->u8 ? (const void *)item->u8 : item->f32;
    if (j->w &&
        (status = fdht_dataset_append(j->w, data, length, -1, item->name, FDHT_SPLIT_NONE, &j->c->err)))
        return status;
    int facts = (label ? PACK_HAS_LABEL : 0) | (item->group ? PACK_HAS_GROUP : 0) |
                (item->target ? PACK_HAS_TARGET : 0);
    bool unmatched = false;
    pack_note note = {.name = item->name, .split = split, .label = (char *)label, .length = length};
    note.key = (char *)key_of(j, item, row, key, sizeof key, &unmatched);
    note.facts = facts | (unmatched ? PACK_NO_MATCH : 0);
    count(j, &note);
    if (j->a->made_of)
        pack_resume_add(&j->resume, &note);
    return j->w && fdht_dataset_keep_due(j->w) ? keep(j) : FDHT_OK;
}

/* Behind what an earlier run has packed, if it got so far. */
static int go_on(job *j)
{
    char *made_of, *text;
    fdht_dataset_spec spec;
    cli *c = j->c;
    int status = fdht_dataset_resume(j->output, &j->out, &spec, &made_of, &text, &j->w, &c->err);
    if (status == FDHT_ENOENT) {
        cli_note(c, "%s.partial holds nothing to go on with: starting from the beginning", j->output);
        return FDHT_OK;
    }
    if (status)
        return status;
    j->shape = spec.shape;
    if (!(status = pack_made_check(c, made_of, j->a->made_of)))
        status = pack_resume_read(c, &j->resume, text);
    fdht_dataset_text_free(made_of);
    fdht_dataset_text_free(text);
    for (size_t i = 0; i < j->resume.n && !status; i++) {
        const pack_note *n = &j->resume.note[i];
        if (n->code)
            status = leave_out(j, n->name, n->code, n->message);
        else
            count(j, n);
    }
    pack_resume_kept(&j->resume); /* they are in the log already */
    if (!status)
        cli_note(c, "%s.partial: %zu clips are there", j->output, j->list.n);
    return status;
}

static int pack_all(job *j, fdht_clips *clips)
{
    cli_bar bar;
    double done = 0, total = (double)fdht_clips_expected(clips);
    int status = FDHT_OK;
    cli_bar_start(j->c, &bar, "packing");
    while (!status) {
        fdht_clip_item *item;
        if ((status = fdht_clips_next(clips, &item, &j->c->err)) ||
            (status = pack_resume_check(j->c, &j->resume, !item)) || !item)
            break;
        char message[sizeof item->error.msg + 80];
        snprintf(message, sizeof message, "%s%s", item->error.msg, cli_clip_hint(item));
        status = item->status ? leave_out(j, item->name, item->status, message) : pack_one(j, item);
        fdht_clip_item_free(item);
        int stop = cli_bar_update(&bar, ++done, total, NULL);
        status = status ? status : stop;
    }
    cli_bar_end(&bar);
    if (!status && !j->list.n) {
        if (j->first_name && j->bad == 1)
            return cli_fail(j->c, j->first_code, "%s: %s", j->first_name, j->first_message);
        tell_first(j);
        return cli_fail(j->c, FDHT_EIO, "no clips to pack");
    }
    return status;
}

static int by_key(const void *a, const void *b)
{
    const pack_clip *x = *(const pack_clip *const *)a, *y = *(const pack_clip *const *)b;
    return strcmp(x->key ? x->key : "", y->key ? y->key : "");
}

static int by_side(const void *a, const void *b)
{
    const pack_clip *x = *(const pack_clip *const *)a, *y = *(const pack_clip *const *)b;
    int order = by_key(a, b);
    return order ? order : x->split - y->split;
}

/* With --by, splits that the clips came with must not part a group. */
static int check_sides(job *j)
{
    size_t n = j->list.n, split = 0;
    int status = FDHT_OK;
    if (!j->a->by || j->a->split)
        return FDHT_OK;
    const pack_clip **order = cli_calloc(n, sizeof *order);
    for (size_t i = 0; i < n; i++) {
        order[i] = &j->list.clip[i];
        split += order[i]->split >= 0;
    }
    qsort(order, n, sizeof *order, by_side);
    for (size_t i = 1; i < n && !status; i++)
        if (order[i]->key && !by_key(&order[i], &order[i - 1]) && order[i]->split != order[i - 1]->split &&
            order[i]->split >= 0 && order[i - 1]->split >= 0)
            status = cli_fail(j->c, FDHT_EFORMAT, "--by %s: clips of '%.80s' are in %s and in %s", j->a->by,
                              order[i]->key, fdht_split_name(order[i - 1]->split),
                              fdht_split_name(order[i]->split));
    free(order);
    if (!status && !split && !j->a->check)
        status = cli_usage(j->c, "--by needs --split, or clips that come with a split");
    return status;
}

static bool is_divided(const job *j, size_t i)
{
    int split = j->list.clip[i].split;
    return !j->a->keep_marks || (split != FDHT_SPLIT_VAL && split != FDHT_SPLIT_TEST);
}

/* With --split the clips are divided anew; otherwise each keeps what its file or the table said. */
static int divide(job *j)
{
    size_t n = 0;
    if (!j->a->split)
        return FDHT_OK;
    const char **key = cli_calloc(j->list.n, sizeof *key);
    int *label = cli_calloc(j->list.n, sizeof *label);
    int8_t *split = cli_calloc(j->list.n, 1);
    for (size_t i = 0; i < j->list.n; i++)
        if (is_divided(j, i)) {
            key[n] = j->list.clip[i].key;
            label[n++] = j->list.clip[i].label;
        }
    int status = fdht_split_assign(j->by != SIZE_MAX || j->has_re || j->groups ? key : NULL, label, n,
                                   j->a->fraction, j->c->seed, split, &j->c->err);
    for (size_t i = 0, at = 0; !status && i < j->list.n; i++)
        if (is_divided(j, i))
            j->list.clip[i].split = split[at++];
    free(key);
    free(label);
    free(split);
    return status;
}

static int finish(job *j)
{
    pack_list_sort(&j->list);
    int status = check_sides(j);
    if (!status)
        status = divide(j);
    if (!status && j->w && j->a->made_of)
        status = keep(j); /* a file that is finished, but not renamed any more, is gone on with, too */
    if (status || !j->w)
        return status;
    for (size_t i = 0; i < j->list.n; i++) {
        fdht_dataset_set_label(j->w, i, j->list.clip[i].label);
        fdht_dataset_set_split(j->w, i, j->list.clip[i].split);
    }
    status = fdht_dataset_finish(j->w, (const char *const *)j->list.class_name, j->list.classes, &j->c->err);
    j->w = NULL;
    return status;
}

/* ---- what was done ---- */

static void count_splits(const job *j, size_t count[FDHT_SPLITS])
{
    memset(count, 0, FDHT_SPLITS * sizeof *count);
    for (size_t i = 0; i < j->list.n; i++)
        if (j->list.clip[i].split >= 0)
            count[j->list.clip[i].split]++;
}

static void report_json(const job *j, const size_t *count)
{
    cJSON *json = cli_json_new(j->c);
    cli_json_string(json, "output", j->c->dry_run ? NULL : j->output);
    cli_json_size(json, "clips", j->list.n);
    cli_json_size(json, "left_out", j->bad);
    cli_json_size(json, "unlabelled", j->unlabelled);
    cli_json_size(json, "frames", j->longest);
    if (j->shape.features)
        cli_json_size(json, "features", j->shape.features);
    else {
        cli_json_size(json, "width", j->shape.width);
        cli_json_size(json, "height", j->shape.height);
        cli_json_size(json, "channels", j->shape.channels);
    }
    cJSON *classes = cli_json_array(json, "classes");
    for (size_t k = 0; k < j->list.classes; k++)
        cli_json_string(classes, NULL, j->list.class_name[k]);
    cJSON *split = cli_json_object(json, "split");
    for (int s = 0; s < FDHT_SPLITS; s++)
        cli_json_size(split, fdht_split_name(s), count[s]);
    cli_json_print(stdout, json);
}

/* What is odd about the clips as a whole. */
static void warn(const job *j)
{
    if (j->targets)
        cli_warn(j->c, "/targets of %zu clips are left out: pack keeps labels alone", j->targets);
    if (j->unlabelled == j->list.n && j->pictures)
        cli_warn(j->c, "no clip has a label; those of IDX pictures are looked for next to them, as "
                       "train-labels-idx1-ubyte of train-images-idx3-ubyte");
    else if (j->unlabelled && j->list.classes)
        cli_warn(j->c, "%zu of %zu clips have no label", j->unlabelled, j->list.n);
    if (j->list.classes == 1 && j->list.n > 1 && !j->a->labels)
        cli_warn(j->c, "all %zu clips are of one class, '%s' (--class-level says which folder names it)",
                 j->list.n, j->list.class_name[0]);
    if (j->unmatched)
        cli_warn(j->c, "--by: %zu clip names do not match; each is a subject of its own", j->unmatched);
}

static void report(const job *j)
{
    size_t count[FDHT_SPLITS];
    const char *gap = " (";
    count_splits(j, count);
    if (j->c->json) {
        report_json(j, count);
        return;
    }
    printf("%s%zu clips of up to %zu frames ", j->c->dry_run ? "would pack " : "packed ", j->list.n,
           j->longest);
    if (j->shape.features)
        printf("with %zu features", j->shape.features);
    else
        printf("%zux%zux%zu", j->shape.width, j->shape.height, j->shape.channels);
    printf(", %zu classes", j->list.classes);
    for (int s = 0; s < FDHT_SPLITS; s++)
        if (count[s]) {
            printf("%s%s %zu", gap, fdht_split_name(s), count[s]);
            gap = ", ";
        }
    printf("%s%s%s\n", *gap == ',' ? ")" : "", j->c->dry_run ? "" : " into ", j->c->dry_run ? "" : j->output);
}

/* Without a result: what was kept stays, and is worth a word. */
static void leave(job *j, int status)
{
    struct stat st;
    if (!j->w)
        return;
    size_t size = strlen(j->output) + sizeof ".partial";
    char *partial = cli_calloc(size, 1);
    snprintf(partial, size, "%s.partial", j->output);
    fdht_dataset_discard(j->w);
    bool ours = status != FDHT_EINVAL && status != FDHT_EFORMAT; /* else what is there is not this run's */
    if (status && ours && j->a->made_of && !stat(partial, &st))
        cli_warn(j->c, "%s holds most of what was packed; --resume goes on with it", partial);
    free(partial);
}

int pack_run(cli *c, const pack_args *a, const char *const *input, size_t n, const char *output, bool tell)
{
    job j = {.c = c, .a = a, .output = output, .by = SIZE_MAX};
    fdht_clips *clips = NULL;
    fdht_clips_options opt;
    int status = FDHT_OK;
    j.out = c->out;
    j.out.keep = a->made_of != NULL;
    if (a->labels && (status = pack_labels_read(c, a->labels, &j.table)))
        return status;
    bool by_group =
        a->by && !strcmp(a->by, "group") && !(a->labels && pack_labels_column(&j.table, "group") != SIZE_MAX);
    if (a->by && !a->pattern && !by_group && (j.by = pack_labels_column(&j.table, a->by)) == SIZE_MAX) {
        status = cli_usage(c, "--by: %s has no column '%s'", a->labels, a->by);
        goto out;
    }
    j.has_re = a->pattern && !regcomp(&j.re, a->pattern, REG_EXTENDED);
    opt = a->opt;
    if (a->resume && (status = go_on(&j)))
        goto out;
    if (j.resume.n) {
        opt.skip = pack_resume_skip;
        opt.skip_arg = &j.resume;
    }
    for (size_t i = 0; i < n; i++) {
        fdht_file_kind kind;
        j.pictures |= !fdht_file_identify(input[i], &kind, NULL) && kind == FDHT_FILE_IDX;
    }
    if ((status = fdht_clips_open(input, n, &opt, &clips, &c->err)) || (status = pack_all(&j, clips)) ||
        (status = finish(&j)))
        goto out;
    if (a->check)
        pack_check_report(c, &j.check, &j.list);
    else {
        warn(&j);
        if (tell)
            report(&j);
    }
    if (a->plot)
        status = pack_check_plot(c, &j.check, a->plot);
out:
    fdht_clips_close(clips);
    leave(&j, status);
    free(j.first_name);
    if (j.has_re)
        regfree(&j.re);
    pack_list_free(&j.list);
    pack_resume_free(&j.resume);
    pack_check_free(&j.check);
    pack_labels_free(&j.table);
    return status;
}
