/* infer/cmd_infer.c - fdht infer MODEL.h5 INPUT...: clips in, labels out, one record a clip, in input order. */
#include "infer/infer.h"
#include "infer/shard.h"
#include "frame/output.h"
#include "frame/ranks.h"
#include "frame/signals.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdht/hardware.h"
#include "fdht/modelfile.h"

static const cli_option options[] = {
    CLI_SIZE(infer_args, top, 0, "top", "K", 1, 100000, "how many classes a record lists (default 1)"),
    CLI_CHOICE(infer_args, format, 0, "format", "jsonl|tsv|text", "how records are written (default jsonl)"),
    CLI_FLAG(infer_args, steps, 0, "steps", "jsonl: with an output for every step, all of them"),
    CLI_FLAG(infer_args, logits, 0, "logits", "add the logits; without a classifier the last state"),
    CLI_FILE(infer_args, labels, 0, "labels", "FILE", "class names, one a line, instead of the model's"),
    CLI_FLAG(infer_args, from_stdin, 0, "from-stdin",
             "read more inputs from standard input, one path a line"),
    CLI_FLAG(infer_args, zero, '0', NULL, "--from-stdin: paths end with a zero byte (find -print0)"),
    CLI_STRING(infer_args, name, 0, "name", "NAME", "what records call standard input, instead of -"),
    CLI_FLAG(infer_args, resume, 0, "resume",
             "-o: keep the records of a run that was killed, add those that are missing"),
    CLI_CHOICE(infer_args, raw, 0, "raw", "rgb24|gray|f32",
               "files and pipes that are not y4m hold such frames, or floats"),
    CLI_SIZE(infer_args, features, 0, "features", "D", 1, 1e6, "--raw f32: floats a frame"),
    CLI_EXTENT(infer_args, size, 0, "size", "--raw: the size of a frame"),
    CLI_SIZE(infer_args, clip_frames, 0, "clip-frames", "K", 1, 1e9,
             "cut videos and pipes into clips of K frames"),
    CLI_SIZE(infer_args, frames, 0, "frames", "K", 1, 1e6,
             "take K frames of each clip (default: as the model was trained)"),
    CLI_CLIP_OPTIONS(infer_args, video),
    CLI_FLAG(infer_args, resize, 0, "resize",
             "resize frames to the model's size (default: an error record, unless trained so)"),
    CLI_FLAG(infer_args, stream, 0, "stream", "a record after every frame, of all frames since the start"),
    CLI_FLAG(infer_args, fixed16, 0, "fixed16",
             "16-bit arithmetic of the accelerator, its ranges set by the first clips"),
    CLI_SIZE(infer_args, batch, 0, "batch", "N", 1, 4096,
             "clips run at a time (default: 4 a thread; pipes 1)"),
    CLI_STRING(infer_args, shard, 0, "shard", "I/N",
               "only clips number I, I + N, .. (I from 0); auto: as mpirun, srun or a job array says"),
    CLI_CHOICE(infer_args, split, 0, "split", "train|val|test",
               "only the clips of a data set that are marked so"),
    CLI_CHOICE(infer_args, control, 0, "control", "single|shuffle",
               "run on one frame repeated, or on frames in random order"),
    CLI_FLAG(infer_args, score, 0, "score",
             "print accuracy, F1 or error to standard error, where clips have labels"),
    CLI_END,
};

static const infer_args defaults = {.top = 1, .raw = -1, .control = -1, .split = -1};

/* Shards write files of their own: %i in FILE is the number of the shard. */
static void name_output(cli *c, infer_args *a)
{
    const char *at = c->output && a->shards ? strstr(c->output, "%i") : NULL;
    if (!at)
        return;
    size_t size = strlen(c->output) + 32;
    a->output = cli_calloc(size, 1);
    snprintf(a->output, size, "%.*s%zu%s", (int)(at - c->output), c->output, a->shard_number, at + 2);
    c->output = a->output;
}

static int check_output(cli *c, const infer_args *a)
{
    for (int i = 0; c->output && i < c->argc; i++)
        if (fdht_same_file(c->output, c->argv[i]))
            return cli_usage(c, "output '%s' is the input '%s'", c->output, c->argv[i]);
    return infer_journal_check(c, a->resume);
}

static int parse(cli *c, void *p)
{
    infer_args *a = p;
    if (c->argc < 1)
        return cli_usage(c, "MODEL.h5 is missing");
    if (c->argc < 2 && !a->from_stdin)
        return cli_usage(c, "no INPUT; - is standard input");
    bool floats = a->raw == 2;
    if ((a->raw >= 0 && !floats) != (a->size.width > 0))
        return cli_usage(c, "--raw and --size need each other");
    if (floats != (a->features > 0))
        return cli_usage(c, "--raw f32 and --features need each other");
    if (a->stream && (a->control >= 0 || a->frames))
        return cli_usage(c, "--stream takes frames as they come: no --control, no --frames");
    if (a->stream && a->fixed16)
        return cli_usage(c, "--stream and --fixed16 exclude each other");
    if (c->json && cli_given(c, "format") && a->format != INFER_JSONL)
        return cli_usage(c, "--json and --format exclude each other");
    for (int i = 1; a->from_stdin && i < c->argc; i++)
        if (strcmp(c->argv[i], "-") == 0)
            return cli_usage(c, "- and --from-stdin both want standard input");
    if (a->zero && !a->from_stdin)
        return cli_usage(c, "-0 is for --from-stdin");
    if (a->resume && (a->stream || a->score || a->control >= 0 || a->format == INFER_TEXT))
        return cli_usage(c, "--resume excludes --stream, --score, --control and --format text");
    int status = cli_check_hdf5_input(c, c->argv[0]);
    if (status || (status = infer_shard(c, a->shard, &a->shard_number, &a->shards)))
        return status;
    name_output(c, a);
    if ((status = infer_ranks_parse(c, a)) || !cli_first_rank(c))
        return status;
    return check_output(c, a);
}

static int read_labels(infer_job *j)
{
    char *line = NULL;
    size_t room = 0, n = 0;
    ssize_t length;
    FILE *f = j->a->labels ? fopen(j->a->labels, "r") : NULL;
    if (!j->a->labels)
        return FDHT_OK;
    if (!f)
        return cli_fail_errno(j->c, j->a->labels);
    j->name = cli_calloc(j->spec->classes + 1, sizeof *j->name);
    while ((length = getline(&line, &room, f)) > 0) {
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            line[--length] = 0;
        if (n < j->spec->classes)
            j->name[n] = strcpy(cli_calloc((size_t)length + 1, 1), line);
        n++;
    }
    int status = feof(f) ? FDHT_OK : cli_fail_errno(j->c, j->a->labels);
    free(line);
    fclose(f);
    if (status)
        return status;
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

int infer_open_clips(infer_job *j, bool all, bool (*skip)(void *arg, const char *name, size_t number),
                     fdht_clips **out)
{
    const fdht_frame_spec *f = &j->spec->frame;
    const infer_args *a = j->a;
    fdht_clips_options o;
    if (a->resize && !f->width)
        return cli_usage(j->c, "--resize: %s takes features, not frames", j->c->argv[0]);
    fdht_clips_options_for_model(j->spec, &o);
    static const fdht_raw raw[] = {FDHT_RAW_NONE, FDHT_RAW_RGB24, FDHT_RAW_GRAY, FDHT_RAW_F32};
    o.raw = raw[a->raw + 1];
    o.raw_width = a->features ? a->features : a->size.width;
    o.raw_height = a->features ? 1 : a->size.height;
    o.clip_frames = a->stream ? 1 : a->clip_frames;
    o.frames = a->stream ? 0 : a->frames ? a->frames : f->frames;
    if (a->resize) {
        o.width = f->width;
        o.height = f->height;
    }
    o.list = a->from_stdin ? "-" : NULL;
    o.list_zero = a->zero;
    if (!all) {
        o.shard = a->shard_number;
        o.shards = a->shards;
    }
    o.stop = cli_stop_flag();
    cli_clip_options(&a->video, &o);
    o.skip = skip;
    o.skip_arg = j;
    return fdht_clips_open((const char *const *)(j->c->argv + 1), (size_t)j->c->argc - 1, &o, out,
                           &j->c->err);
}

/* The clips to run. What has a record is left out, but --fixed16 sets its ranges by the first clips. */
static int open_clips(infer_job *j)
{
    bool ranks = j->c->ranks && j->a->resume;
    j->skips = j->a->resume && !j->c->ranks && (!j->fixed || j->calibrated);
    j->done = j->skips ? j->journal.n : 0;
    return infer_open_clips(j, false, ranks ? infer_ranks_skip : j->skips ? infer_skip : NULL, &j->clips);
}

/* --fixed16: the machine that `simulate` assumes, and enough clips at once to set its ranges. */
static int set_up_fixed(infer_job *j)
{
    fdht_order_choice best = {.kind = FDHT_ORDER_BEST};
    fdht_sim_hw hw;
    if (!fdht_model_classic(j->model))
        cli_note(
            j->c,
            "link 0 alone, the recurrent layer, is in 16 bits; the %d links after it are in floating point",
            j->spec->links - 1);
    int status = fdht_sim_hw_named("fdht", &hw, &j->c->err);
    return status ? status : fdht_fixed_model_new(j->model, &best, &hw, &j->fixed, &j->c->err);
}

static int set_up(infer_job *j)
{
    cli *c = j->c;
    int status = fdht_modelfile_read(c->argv[0], &j->model, NULL, NULL, &c->err);
    if (status)
        return status;
    j->spec = fdht_model_spec_of(j->model);
    if (!j->spec->classes && !j->a->logits)
        return cli_usage(c, "%s has no classifier; --logits prints its last state", c->argv[0]);
    if ((status = read_labels(j)) || (status = fdht_runner_new(j->model, c->threads, &j->runner, &c->err)))
        return status;
    if (j->a->batch)
        j->batch = j->a->batch;
    else if (c->ranks) /* one size, whatever the threads of each rank */
        j->batch = 32;
    else
        j->batch = j->a->from_stdin || any_pipe(c) ? 1 : 4 * (size_t)c->threads;
    if (j->a->fixed16) {
        j->batch = j->a->batch ? j->a->batch : 16;
        if ((status = set_up_fixed(j)))
            return status;
    }
    j->item = cli_calloc(j->batch, sizeof *j->item);
    j->clip = cli_calloc(j->batch, sizeof *j->clip);
    j->known = cli_calloc(j->batch, sizeof *j->known);
    j->room = fdht_model_width(j->model);
    j->scores = cli_calloc(j->room, sizeof *j->scores);
    if (cli_first_rank(c) && (status = infer_journal_open(c, j->a->format, j->a->resume, &j->journal)))
        return status;
    j->records = (infer_records){.c = c,
                                 .out = j->journal.out,
                                 .model = j->model,
                                 .format = j->a->format,
                                 .logits = j->a->logits,
                                 .steps = j->a->steps,
                                 .stream = j->a->stream,
                                 .top = j->a->top,
                                 .name = j->name};
    infer_records_open(&j->records);
    if (j->a->resume && j->records.each && j->a->format == INFER_TSV)
        return cli_usage(c, "--resume: a model with an output for every step needs --format jsonl");
    if (j->a->fixed16 && j->a->shards > 1 && !j->a->from_stdin && !any_pipe(c))
        status = infer_calibrate(j);
    status = infer_ranks_known(j, status);
    return status ? status : open_clips(j);
}

static void close_job(infer_job *j)
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
    free(j->known);
    free(j->scores);
    infer_records_close(&j->records);
    free(j->stream_source);
    infer_ranks_close(j);
}

static int run(cli *c, void *p)
{
    infer_job j = {.c = c, .a = p};
    bool first = cli_first_rank(c), score = j.a->score || j.a->control >= 0;
    int status = set_up(&j);
    if (!status && first && !j.journal.head)
        infer_print_header(&j.records);
    if (!(status = c->agreed ? status : cli_agree(c, status)) && !(status = infer_ranks_open(&j))) {
        cli_bar_start(c, &j.bar, "infer");
        j.bar.on = j.bar.on && (c->output || !isatty(STDOUT_FILENO)); /* records would run through it */
        j.expected = j.bar.on ? fdht_clips_expected(j.clips) : 0;
        status = j.a->stream ? infer_run_stream(&j) : infer_run_clips(&j);
    }
    cli_bar_end(&j.bar);
    if (!status && score)
        status = infer_ranks_score(&j);
    if (first)
        status = infer_journal_close(&j.journal, status);
    if (!status && score && first)
        infer_print_score(&j.records);
    close_job(&j);
    free(j.a->output);
    return c->agreed ? status : cli_agree(c, status);
}

const cli_command cmd_infer = {
    .name = "infer",
    .summary = "label clips with a model",
    .usage = "MODEL.h5 INPUT... [options]",
    .notes = "An INPUT is a data set file, a folder of pictures (a clip) or of such folders, a picture, a\n"
             "video (MP4, MKV, AVI, .., y4m, or --raw), or - for a pipe. A bad clip gives a record with "
             "`error`, a line on\n"
             "standard error and, at the end, status 1; the others are labelled all the same.",
    .common = CLI_WITH_OUTPUT | CLI_WITH_THREADS | CLI_WITH_SEED | CLI_WITH_JSON | CLI_WITH_PROGRESS |
              CLI_WITH_TRUST | CLI_WITH_RANKS,
    .options = options,
    .args_size = sizeof(infer_args),
    .defaults = &defaults,
    .parse = parse,
    .run = run,
};
