/* fdht pack -o DATA.h5 DIR|FILE... - clips into one data set file: its options. pack/run.c does the work. */
#include "pack/pack.h"
#include "pack/resume.h"
#include "frame/output.h"
#include "frame/parse.h"
#include "frame/plot.h"
#include "frame/signals.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    CLI_SIZE(pack_args, frames, 0, "frames", "K", 1, 1e6,
             "keep K frames of each clip, evenly chosen (default all)"),
    CLI_EXTENT(pack_args, resize, 0, "resize", "resize frames by area average"),
    CLI_FLAG(pack_args, gray, 0, "gray", "make frames grey (BT.601)"),
    CLI_FILE(pack_args, labels, 0, "labels", "FILE",
             "table (CSV or TSV) with columns clip,label[,subject..]"),
    CLI_STRING(pack_args, split, 0, "split", "LIST", "divide the clips, as train=.8,val=.1,test=.1"),
    CLI_STRING(pack_args, by, 0, "by", "KEY",
               "one KEY, one split: a column of --labels, group (folders), name:REGEX"),
    CLI_STRING(pack_args, raw, 0, "raw", "rgb24|gray|f32",
               "files without a y4m header hold such frames, or floats"),
    CLI_SIZE(pack_args, features, 0, "features", "D", 1, 1e6, "--raw f32: floats a frame"),
    CLI_EXTENT(pack_args, size, 0, "size", "of raw frames"),
    CLI_SIZE(pack_args, clip_frames, 0, "clip-frames", "K", 1, 1e6, "cut video files into clips of K frames"),
    CLI_CLIP_OPTIONS(pack_args, video),
    CLI_SIZE(pack_args, steps, 0, "steps", "N", 1, 65536,
             "IDX pictures become sequences of N groups of rows"),
    CLI_INT(pack_args, gzip, 0, "gzip", "N", 0, 9, "compress frames, 0 (not) to 9"),
    CLI_FLAG(pack_args, check, 0, "check",
             "write nothing: print classes, groups, sizes, duplicates, bad clips"),
    CLI_FILE(pack_args, plot, 0, "plot", "FILE",
             "--check: one clip of each class, .png, .svg or .pdf (gnuplot)"),
    CLI_FLAG(pack_args, resume, 0, "resume", "go on with what a run that was killed left in DATA.h5.partial"),
    CLI_FLAG(pack_args, strict, 0, "strict", "stop at the first bad clip instead of leaving it out"),
    CLI_END,
};

static const pack_args defaults = {.steps = 7, .gzip = 1};

/* ---- options ---- */

static int parse_part(cli *c, pack_args *a, char *part)
{
    char *equals = strchr(part, '=');
    if (!equals)
        return cli_usage(c, "--split: '%s' is not NAME=FRACTION", part);
    *equals = '\0';
    for (int s = 0; s < FDHT_SPLITS; s++)
        if (!strcmp(part, fdht_split_name(s)))
            return cli_parse_double(equals + 1, 0, 1, &a->fraction[s])
                       ? FDHT_OK
                       : cli_usage(c, "--split: '%s' is not a fraction from 0 to 1", equals + 1);
    return cli_usage(c, "--split: '%s' is none of train, val, test", part);
}

static int parse_split(cli *c, pack_args *a)
{
    char *text = strcpy(cli_calloc(strlen(a->split) + 1, 1), a->split), *save = NULL;
    int status = FDHT_OK;
    for (char *part = strtok_r(text, ",", &save); part && !status; part = strtok_r(NULL, ",", &save))
        status = parse_part(c, a, part);
    free(text);
    double total = a->fraction[0] + a->fraction[1] + a->fraction[2];
    if (!status && (total < 1 - 1e-6 || total > 1 + 1e-6))
        status = cli_usage(c, "--split: the fractions add up to %g, not 1", total);
    return status;
}

static int parse_by(cli *c, pack_args *a)
{
    regex_t re;
    if (!strcmp(a->by, "group"))
        return FDHT_OK;
    if (strncmp(a->by, "name:", 5))
        return a->labels
                   ? FDHT_OK
                   : cli_usage(c, "--by %s: a column needs --labels FILE; group and name:REGEX do without",
                               a->by);
    a->pattern = a->by + 5;
    if (regcomp(&re, a->pattern, REG_EXTENDED))
        return cli_usage(c, "--by: '%s' is not a regular expression", a->pattern);
    regfree(&re);
    return FDHT_OK;
}

static int parse_raw(cli *c, pack_args *a)
{
    bool floats = a->raw && !strcmp(a->raw, "f32");
    if (floats != (a->features > 0))
        return cli_usage(c, "--raw f32 and --features need each other");
    if (floats) {
        a->opt.raw = FDHT_RAW_F32;
        a->opt.raw_width = a->features;
        a->opt.raw_height = 1;
        return FDHT_OK;
    }
    if (!a->raw)
        return cli_given(c, "size") ? cli_usage(c, "--size is for --raw; --resize changes frames") : FDHT_OK;
    if (!a->size.width)
        return cli_usage(c, "--raw needs --size WxH");
    a->opt.raw_width = a->size.width;
    a->opt.raw_height = a->size.height;
    return fdht_raw_parse(a->raw, &a->opt.raw, &c->err);
}

/* What a run left that was killed is not overwritten by accident. */
static int check_partial(cli *c)
{
    size_t size = strlen(c->output) + sizeof ".partial.log";
    char *name = cli_calloc(size, 1);
    snprintf(name, size, "%s.partial.log", c->output);
    bool there = access(name, F_OK) == 0;
    free(name);
    return there && !c->force
               ? cli_fail(c, FDHT_EEXIST, "%s.partial: exists; --resume goes on with it", c->output)
               : FDHT_OK;
}

static int parse(cli *c, void *p)
{
    pack_args *a = p;
    int status;
    if (!c->argc)
        return cli_usage(c, "no folder or file to pack");
    fdht_clips_options_default(&a->opt);
    a->opt.frames = a->frames;
    a->opt.clip_frames = a->clip_frames;
    a->opt.width = a->resize.width;
    a->opt.height = a->resize.height;
    a->opt.channels = a->gray ? 1 : 0;
    a->opt.idx_steps = a->steps;
    a->opt.stop = cli_stop_flag();
    cli_clip_options(&a->video, &a->opt);
    if ((a->split && (status = parse_split(c, a))) || (a->by && (status = parse_by(c, a))) ||
        (status = parse_raw(c, a)))
        return status;
    if (a->plot && !a->check)
        return cli_usage(c, "--plot is for --check");
    if (a->plot && (status = cli_check_plot(c, a->plot, (const char *const *)c->argv, (size_t)c->argc)))
        return status;
    c->dry_run = c->dry_run || a->check;
    if (a->resume && c->dry_run)
        return cli_usage(c, "--resume writes a file: no --check, no --dry-run");
    if (!c->dry_run && (status = cli_check_hdf5_output(c, (const char *const *)c->argv, (size_t)c->argc)))
        return status;
    if (!c->dry_run && !a->resume && (status = check_partial(c)))
        return status;
    for (int i = 0; i < c->argc; i++) {
        fdht_file_kind kind;
        if ((status = fdht_file_identify(c->argv[i], &kind, &c->err)))
            return status;
    }
    return FDHT_OK;
}

static int run(cli *c, void *p)
{
    pack_args *a = p;
    const char *const *input = (const char *const *)c->argv;
    char *made_of = c->dry_run ? NULL : pack_made_of(c, a, input, (size_t)c->argc, a->labels);
    a->made_of = made_of;
    int status = pack_run(c, a, input, (size_t)c->argc, c->output, true);
    free(made_of);
    return status;
}

const cli_command cmd_pack = {
    .name = "pack",
    .summary = "folders of pictures, videos, IDX files into one data set",
    .usage = "-o DATA.h5 | --check DIR|FILE... [options]",
    .notes =
        "Folders: DIR/CLASS/CLIP/*.png (also JPEG, PGM, PPM), DIR/CLASS/CLIP.mp4, DIR/CLASS/GROUP/CLIP, or\n"
        "DIR/CLIP with --labels. Files: videos, y4m, raw video (--raw, --size), IDX pictures with their\n"
        "labels beside them, data sets.\n"
        "A bad clip is named and left out, and the status is 1 at the end.\n",
    .common = CLI_WITH_OUTPUT | CLI_WITH_SEED | CLI_WITH_JSON | CLI_WITH_PROGRESS | CLI_WITH_DRY_RUN |
              CLI_WITH_TRUST,
    .options = options,
    .args_size = sizeof(pack_args),
    .defaults = &defaults,
    .parse = parse,
    .run = run,
};
