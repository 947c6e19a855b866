/* fdht infer MODEL.h5 INPUT... - clips in, labels out, one record a clip, in input order. */
#include "frame/cli.h"
#include "frame/json.h"
#include "frame/output.h"
#include "frame/parse.h"
#include "frame/progress.h"
#include "frame/signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdht/clips.h"
#include "fdht/fixed.h"
#include "fdht/modelfile.h"

enum { FORMAT_JSONL, FORMAT_TSV, FORMAT_TEXT };
enum { CONTROL_SINGLE, CONTROL_SHUFFLE };

typedef struct args {
    const char *labels, *shard;
    size_t top, batch, frames, clip_frames;
    int format, raw, control;
    cli_extent size;
    bool stream, logits, from_stdin, score, fixed16, resize;
} args;

static const cli_option options[] = {
    CLI_SIZE(args, top, 0, "top", "K", 1, 100000, "how many classes a record lists (default 1)"),
    CLI_CHOICE(args, format, 0, "format", "jsonl|tsv|text", "how records are written (default jsonl)"),
    CLI_FLAG(args, logits, 0, "logits", "add the logits; without a classifier the last state"),
    CLI_FILE(args, labels, 0, "labels", "FILE", "class names, one a line, instead of the model's"),
    CLI_FLAG(args, from_stdin, 0, "from-stdin", "read more inputs from standard input, one path a line"),
    CLI_CHOICE(args, raw, 0, "raw", "rgb24|gray", "files and pipes that are not y4m hold such frames"),
    CLI_EXTENT(args, size, 0, "size", "--raw: the size of a frame"),
    CLI_SIZE(args, clip_frames, 0, "clip-frames", "K", 1, 1e9, "cut videos and pipes into clips of K frames"),
    CLI_SIZE(args, frames, 0, "frames", "K", 1, 1e6,
             "take K frames of each clip (default: as the model was trained)"),
    CLI_FLAG(args, resize, 0, "resize",
             "resize frames to the model's size (default: an error record, unless trained so)"),
    CLI_FLAG(args, stream, 0, "stream", "a record after every frame, of all frames since the start"),
    CLI_FLAG(args, fixed16, 0, "fixed16",
             "16-bit arithmetic of the accelerator, its ranges set by the first clips"),
    CLI_SIZE(args, batch, 0, "batch", "N", 1, 4096, "clips run at a time (default: 4 a thread; pipes 1)"),
    CLI_STRING(args, shard, 0, "shard", "I/N", "only clips number I, I + N, .. (I from 0)"),
    CLI_CHOICE(args, control, 0, "control", "single|shuffle",
               "run on one frame repeated, or on frames in random order"),
    CLI_FLAG(args, score, 0, "score",
             "print the share of right labels to standard error, where clips have labels"),
    CLI_END,
};

static const args defaults = {.top = 1, .raw = -1, .control = -1};

static int parse(cli *c, void *p)
{
    args *a = p;
    if (c->argc < 1)
        return cli_usage(c, "MODEL.h5 is missing");
    if (c->argc < 2 && !a->from_stdin)
        return cli_usage(c, "no INPUT; - is standard input");
    if ((a->raw >= 0) != (a->size.width > 0))
        return cli_usage(c, "--raw and --size need each other");
    if (a->stream && (a->control >= 0 || a->frames))
        return cli_usage(c, "--stream takes frames as they come: no --control, no --frames");
    if (a->stream && a->fixed16)
        return cli_usage(c, "--stream and --fixed16 exclude each other");
    if (c->json && cli_given(c, "format") && a->format != FORMAT_JSONL)
        return cli_usage(c, "--json and --format exclude each other");
    for (int i = 1; a->from_stdin && i < c->argc; i++)
        if (strcmp(c->argv[i], "-") == 0)
            return cli_usage(c, "- and --from-stdin both want standard input");
    return cli_check_hdf5_input(c, c->argv[0]);
}

typedef struct job {
    cli *c;
    const args *a;
    fdht_model *model;
    const fdht_model_spec *spec;
    fdht_runner *runner;
    fdht_stream *stream;
    fdht_fixed_model *fixed;
    bool calibrated;
    fdht_clips *clips;
    char **name;           /* (classes) from --labels, or NULL */
    fdht_clip_item **item; /* (batch) */
    fdht_clip *clip;
    float *scores, *row; /* (batch, width), (width) */
    size_t *rank;        /* (width) */
    size_t batch, width, labelled, right, frames_done, done, expected;
    cli_bar bar;
    char *stream_source;
} job;

/* ---- what a record says ---- */

static const char *class_name(const job *j, size_t k, char buf[static 32])
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

static void print_header(const job *j)
{
    if (j->a->format != FORMAT_TSV)
        return;
    printf("clip\tlabel\tclass\tprob\terror");
    for (size_t k = 2; j->spec->classes && k <= j->a->top && k <= j->width; k++)
        printf("\tlabel_%zu\tprob_%zu", k, k);
    for (size_t k = 0; j->a->logits && k < j->width; k++)
        printf("\tlogit_%zu", k);
    printf("\n");
}

static void print_error(job *j, const char *clip, const char *message)
{
    size_t named = strlen(clip); /* whoever opened a file has named it already */
    if (strncmp(message, clip, named) == 0 && strncmp(message + named, ": ", 2) == 0)
        message += named + 2;
    cli_error(j->c, "%s: %s", clip, message);
    if (j->a->format == FORMAT_TSV) {
        print_escaped(clip);
        printf("\t\t\t\t");
        print_escaped(message);
        printf("\n");
    } else if (j->a->format == FORMAT_JSONL) {
        cJSON *json = cJSON_CreateObject();
        cli_json_string(json, "clip", clip);
        cli_json_string(json, "error", message);
        cli_json_line(stdout, json);
    }
}

static void print_json(const job *j, const char *clip, const float *logits, size_t top)
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

static void print_columns(const job *j, const char *clip, const float *logits, size_t top)
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

static void print_text(const job *j, const char *clip, const float *logits, size_t top)
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
static void rank_classes(job *j, size_t top)
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
static void count_label(job *j, const fdht_clip_item *item, size_t class)
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

static void print_record(job *j, const fdht_clip_item *item, const char *clip, const float *logits)
{
    static void (*const print[])(const job *j, const char *clip, const float *logits,
                                 size_t top) = {print_json, print_columns, print_text};
    size_t top = j->spec->classes ? j->a->top < j->width ? j->a->top : j->width : 0;
    for (size_t k = 0; k < j->width; k++)
        if (!isfinite(logits[k])) {
            print_error(j, clip, "the scores are not finite");
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

/* ---- clips ---- */

static size_t frame_bytes(const job *j)
{
    return j->spec->cell[0].inputs * (j->spec->frame.width ? 1 : sizeof(float));
}

/* The item as a clip. message: empty if the model can take it, else why not, without the clip's name. */
static void take_item(const job *j, const fdht_clip_item *item, fdht_clip *clip, char *message, size_t size)
{
    const fdht_frame_spec *f = &j->spec->frame;
    fdht_error err = {0};
    char prefix[sizeof err.msg];
    *message = 0;
    if (!fdht_clip_of_item(item, j->model, clip, &err))
        return;
    int n = snprintf(prefix, sizeof prefix, "clip %.160s: ", item->name);
    const char *why = item->status                               ? item->error.msg
                      : strncmp(err.msg, prefix, (size_t)n) == 0 ? err.msg + n
                                                                 : err.msg;
    bool size_only = !item->status && item->u8 && f->width && item->shape.channels == f->channels;
    snprintf(message, size, "%s%s", why, size_only ? " (--resize)" : "");
}

/* The controls of an accuracy: is it the motion, and the order of the frames, that is recognised? */
static void apply_control(const job *j, fdht_clip_item *item)
{
    size_t bytes = frame_bytes(j), n = item->shape.length;
    unsigned char *data = item->u8 ? (unsigned char *)item->u8 : (unsigned char *)item->f32;
    if (j->a->control == CONTROL_SINGLE)
        for (size_t t = 0; t < n; t++)
            memmove(data + t * bytes, data + n / 2 * bytes, bytes);
    if (j->a->control != CONTROL_SHUFFLE)
        return;
    uint64_t x = (j->c->seed + 1) * 0x9e3779b97f4a7c15u ^ (item->number + 1) * 0xbf58476d1ce4e5b9u;
    unsigned char *kept = cli_calloc(bytes, 1);
    for (size_t t = n; t > 1; t--) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        size_t other = x % t;
        memcpy(kept, data + (t - 1) * bytes, bytes);
        memmove(data + (t - 1) * bytes, data + other * bytes, bytes);
        memcpy(data + other * bytes, kept, bytes);
    }
    free(kept);
}

/* scores of n clips; in 16-bit arithmetic after its ranges have been set by the first ones. */
static int run_scores(job *j, size_t n)
{
    int st = FDHT_OK;
    if (n == 0)
        return FDHT_OK;
    if (!j->fixed)
        return fdht_runner_run(j->runner, j->clip, n, j->scores, &j->c->err);
    if (!j->calibrated)
        st = fdht_fixed_model_calibrate(j->fixed, j->clip, n, &j->c->err);
    j->calibrated = true;
    for (size_t i = 0; !st && i < n; i++)
        st = fdht_fixed_model_run(j->fixed, &j->clip[i], j->scores + i * j->width, NULL, &j->c->err);
    return st;
}

/* Run n items and write their records in order. */
static int run_batch(job *j, size_t n)
{
    char message[512];
    size_t good = 0;
    fdht_clip unused;
    for (size_t i = 0; i < n; i++) {
        fdht_clip_item *item = j->item[i];
        take_item(j, item, &j->clip[good], message, sizeof message);
        if (*message)
            continue;
        apply_control(j, item);
        good++;
    }
    int st = run_scores(j, good);
    if (st)
        return st;
    good = 0;
    for (size_t i = 0; i < n; i++) {
        take_item(j, j->item[i], &unused, message, sizeof message);
        if (*message)
            print_error(j, j->item[i]->name, message);
        else
            print_record(j, j->item[i], j->item[i]->name, j->scores + good++ * j->width);
    }
    fflush(stdout);
    return ferror(stdout) ? cli_fail(j->c, FDHT_EIO, "standard output: cannot be written") : FDHT_OK;
}

static int run_clips(job *j)
{
    size_t n = 0;
    int st = FDHT_OK;
    bool end = false;
    while (!st && !end) {
        st = fdht_clips_next(j->clips, &j->item[n], &j->c->err);
        end = !st && !j->item[n];
        n += !st && !end;
        if (!st && (n == j->batch || (end && n))) {
            st = run_batch(j, n);
            j->done += n;
            if (!st)
                st = cli_bar_update(&j->bar, (double)j->done, (double)j->expected, "clips");
            for (size_t i = 0; i < n; i++)
                fdht_clip_item_free(j->item[i]);
            n = 0;
        }
    }
    for (size_t i = 0; i < n; i++)
        fdht_clip_item_free(j->item[i]);
    return st;
}

/* --stream: items of one frame each, or whole clips, frame by frame; the state starts anew with each source, and every
 * --clip-frames frames. */
static int stream_item(job *j, const fdht_clip_item *item)
{
    char message[512];
    bool fresh = !j->stream_source || strcmp(j->stream_source, item->source) != 0;
    fdht_clip clip;
    take_item(j, item, &clip, message, sizeof message);
    if (*message) {
        print_error(j, item->name, message);
        return FDHT_OK;
    }
    if (fresh) {
        free(j->stream_source);
        j->stream_source = cli_calloc(strlen(item->source) + 1, 1);
        strcpy(j->stream_source, item->source);
    }
    for (size_t t = 0; t < item->shape.length; t++) {
        fdht_clip frame = clip;
        frame.u8 = clip.u8 ? clip.u8 + t * frame_bytes(j) : NULL;
        frame.f32 = clip.f32 ? clip.f32 + t * clip.features : NULL;
        frame.length = 1;
        if ((fresh && t == 0) || (t == 0 && item->shape.length > 1) ||
            (j->a->clip_frames && j->frames_done % j->a->clip_frames == 0)) {
            fdht_stream_reset(j->stream);
            j->frames_done = 0;
        }
        int st = fdht_stream_frame(j->stream, &frame, j->scores, &j->c->err);
        if (st)
            return st;
        j->frames_done++;
        if (item->shape.length > 1)
            snprintf(message, sizeof message, "%.480s#%zu", item->name, t);
        print_record(j, item, item->shape.length > 1 ? message : item->name, j->scores);
    }
    fflush(stdout);
    return ferror(stdout) ? cli_fail(j->c, FDHT_EIO, "standard output: cannot be written") : FDHT_OK;
}

static int run_stream(job *j)
{
    fdht_clip_item *item = NULL;
    int st = fdht_stream_new(j->runner, &j->stream, &j->c->err);
    while (!st && !(st = fdht_clips_next(j->clips, &item, &j->c->err)) && item) {
        st = stream_item(j, item);
        fdht_clip_item_free(item);
    }
    return st;
}

/* ---- setting up ---- */

static int read_labels(job *j)
{
    char *line = NULL;
    size_t room = 0, n = 0;
    ssize_t length;
    FILE *f = j->a->labels ? fopen(j->a->labels, "r") : NULL;
    if (!j->a->labels)
        return FDHT_OK;
    if (!f)
        return cli_fail(j->c, FDHT_ENOENT, "%s: cannot be read", j->a->labels);
    j->name = cli_calloc(j->spec->classes + 1, sizeof *j->name);
    while ((length = getline(&line, &room, f)) > 0) {
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            line[--length] = 0;
        if (n < j->spec->classes)
            j->name[n] = strcpy(cli_calloc((size_t)length + 1, 1), line);
        n++;
    }
    free(line);
    fclose(f);
    if (n != j->spec->classes)
        return cli_fail(j->c, FDHT_EINVAL, "--labels %s: has %zu names, the model has %zu classes",
                        j->a->labels, n, j->spec->classes);
    return FDHT_OK;
}

/* Whether any input is a pipe, so that a record must not wait for the clips after it. */
static bool any_pipe(const cli *c)
{
    for (int i = 1; i < c->argc; i++) {
        fdht_file_kind kind;
        if (!strcmp(c->argv[i], "-") ||
            (!fdht_file_identify(c->argv[i], &kind, NULL) && kind == FDHT_FILE_STREAM))
            return true;
    }
    return false;
}

static int parse_shard(cli *c, const char *text, fdht_clips_options *o)
{
    char *slash = text ? strchr(text, '/') : NULL, first[32] = "";
    if (!text)
        return FDHT_OK;
    if (slash && (size_t)(slash - text) < sizeof first)
        memcpy(first, text, (size_t)(slash - text));
    if (!slash || !cli_parse_size(first, 0, 1e9, &o->shard) ||
        !cli_parse_size(slash + 1, 1, 1e9, &o->shards) || o->shard >= o->shards)
        return cli_usage(c, "--shard %s: expected I/N with 0 <= I < N", text);
    return FDHT_OK;
}

static int open_clips(job *j)
{
    const fdht_frame_spec *f = &j->spec->frame;
    const args *a = j->a;
    fdht_clips_options o;
    if (a->resize && !f->width)
        return cli_usage(j->c, "--resize: %s takes features, not frames", j->c->argv[0]);
    fdht_clips_options_for_model(j->spec, &o);
    o.raw = a->raw == 0 ? FDHT_RAW_RGB24 : a->raw == 1 ? FDHT_RAW_GRAY : FDHT_RAW_NONE;
    o.raw_width = a->size.width;
    o.raw_height = a->size.height;
    o.clip_frames = a->stream ? 1 : a->clip_frames;
    o.frames = a->stream ? 0 : a->frames ? a->frames : f->frames;
    if (a->resize) {
        o.width = f->width;
        o.height = f->height;
    }
    o.list = a->from_stdin ? "-" : NULL;
    o.stop = cli_stop_flag();
    int st = parse_shard(j->c, a->shard, &o);
    if (st)
        return st;
    return fdht_clips_open((const char *const *)(j->c->argv + 1), (size_t)j->c->argc - 1, &o, &j->clips,
                           &j->c->err);
}

/* --fixed16: the machine that `simulate` assumes, and enough clips at once to set its ranges. */
static int set_up_fixed(job *j)
{
    fdht_order_choice best = {.kind = FDHT_ORDER_BEST};
    fdht_sim_hw hw;
    int st = fdht_sim_hw_named("fdht", &hw, &j->c->err);
    return st ? st : fdht_fixed_model_new(j->model, &best, &hw, &j->fixed, &j->c->err);
}

static int set_up(job *j)
{
    cli *c = j->c;
    int st = fdht_modelfile_read(c->argv[0], &j->model, NULL, NULL, &c->err);
    if (st)
        return st;
    j->spec = fdht_model_spec_of(j->model);
    if (!j->spec->classes && !j->a->logits)
        return cli_usage(c, "%s has no classifier; --logits prints its last state", c->argv[0]);
    if ((st = read_labels(j)) || (st = open_clips(j)) ||
        (st = fdht_runner_new(j->model, c->threads, &j->runner, &c->err)))
        return st;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = c->threads ? (size_t)c->threads : cpus > 0 ? (size_t)cpus : 1;
    j->batch = j->a->batch ? j->a->batch : j->a->from_stdin || any_pipe(c) ? 1 : 4 * threads;
    if (j->a->fixed16) {
        j->batch = j->a->batch ? j->a->batch : 16;
        if ((st = set_up_fixed(j)))
            return st;
    }
    j->width = j->spec->classes ? j->spec->classes : fdht_model_outputs(j->model);
    j->item = cli_calloc(j->batch, sizeof *j->item);
    j->clip = cli_calloc(j->batch, sizeof *j->clip);
    j->scores = cli_calloc(j->batch * j->width, sizeof *j->scores);
    j->row = cli_calloc(j->width, sizeof *j->row);
    j->rank = cli_calloc(j->width, sizeof *j->rank);
    return FDHT_OK;
}

static void close_job(job *j)
{
    fdht_clips_close(j->clips);
    fdht_stream_free(j->stream);
    fdht_runner_free(j->runner);
    fdht_fixed_model_free(j->fixed);
    for (size_t k = 0; j->name && k < j->spec->classes; k++)
        free(j->name[k]);
    fdht_model_free(j->model);
    free(j->name);
    free(j->item);
    free(j->clip);
    free(j->scores);
    free(j->row);
    free(j->rank);
    free(j->stream_source);
}

static int run(cli *c, void *p)
{
    job j = {.c = c, .a = p};
    int st = set_up(&j);
    if (!st) {
        print_header(&j);
        cli_bar_start(c, &j.bar, "infer");
        j.bar.on = j.bar.on && !isatty(STDOUT_FILENO); /* records would run through it */
        j.expected = j.bar.on ? fdht_clips_expected(j.clips) : 0;
        st = j.a->stream ? run_stream(&j) : run_clips(&j);
    }
    cli_bar_end(&j.bar);
    if (!st && (j.a->score || j.a->control >= 0)) {
        if (j.labelled)
            fprintf(stderr, "accuracy %.4f (%zu of %zu labelled clips)\n",
                    (double)j.right / (double)j.labelled, j.right, j.labelled);
        else
            cli_warn(c, "no clip has a label: there is no accuracy");
    }
    close_job(&j);
    return st;
}

const cli_command cmd_infer = {
    .name = "infer",
    .summary = "label clips with a model",
    .usage = "MODEL.h5 INPUT... [options]",
    .notes = "An INPUT is a data set file, a folder of pictures (a clip) or of such folders, a picture, a\n"
             "y4m or --raw video, or - for a pipe. A bad clip gives a record with `error`, a line on\n"
             "standard error and, at the end, status 1; the others are labelled all the same.",
    .common = CLI_WITH_THREADS | CLI_WITH_SEED | CLI_WITH_JSON | CLI_WITH_PROGRESS,
    .options = options,
    .args_size = sizeof(args),
    .defaults = &defaults,
    .parse = parse,
    .run = run,
};
