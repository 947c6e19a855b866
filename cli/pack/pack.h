/* pack/pack.h - the parts of `fdht pack`: a table of labels and the list of clips packed so far. */
#ifndef CLI_PACK_PACK_H
#define CLI_PACK_PACK_H

#include <regex.h>

#include "frame/cli.h"
#include "frame/clips.h"
#include "frame/parse.h"
#include "fdht/clips.h"

/* What `fdht pack` is asked for; also filled by whoever packs on the way. */
typedef struct pack_args {
    size_t frames, clip_frames, steps, features;
    cli_extent resize, size;
    bool gray, strict, check, resume;
    const char *made_of; /* of a file that can be gone on with; NULL: it cannot */
    const char *labels, *split, *by, *raw, *plot;
    bool keep_marks; /* split: only clips that do not come marked val or test */
    cli_clip_args video;
    int gzip;
    fdht_clips_options opt;
    double fraction[FDHT_SPLITS];
    const char *pattern; /* of --by name:PATTERN */
} pack_args;

/* ---- pack/run.c ---- */

/* Pack `n` inputs into `output`, or only look at them (c->dry_run, a->check), and report on stdout if `tell`. a is complete: opt holds
 * all that the other options say. */
int pack_run(cli *c, const pack_args *a, const char *const *input, size_t n, const char *output, bool tell);

/* ---- pack/labels.c: --labels FILE, a CSV or TSV table with one row a clip ---- */

typedef struct pack_row {
    char *line;    /* holds the cells */
    char **cell;   /* pack_labels.columns of them; cell[0] is the clip */
    size_t number; /* of the line, from 1 */
} pack_row;

typedef struct pack_labels {
    const char *path;
    char **header; /* NULL: the file has none */
    size_t columns;
    size_t label, split; /* columns; SIZE_MAX: none */
    pack_row *row;       /* sorted by clip */
    size_t n, size;
} pack_labels;

/* A first line whose first cell is clip, name, file or path names the columns; else they are clip, label, .. */
int pack_labels_read(cli *c, const char *path, pack_labels *t);
void pack_labels_free(pack_labels *t);
/* The row of a clip: its whole name, or any end of it that begins after a '/'; NULL if there is none. */
const pack_row *pack_labels_find(const pack_labels *t, const char *clip);
/* A column by its name in the header, or by its number from 1; SIZE_MAX if there is none. */
size_t pack_labels_column(const pack_labels *t, const char *name);

/* ---- pack/list.c: what is remembered of each clip, and the classes ---- */

typedef struct pack_clip {
    int label, split;
    char *key; /* the subject; NULL: the clip itself */
} pack_clip;

typedef struct pack_list {
    pack_clip *clip;
    size_t n, size;
    char **class_name; /* in the order they came, until pack_list_sort */
    size_t classes, class_size;
} pack_list;

void pack_list_add(pack_list *l, const char *label, int split, const char *key);
/* Classes into natural order, labels with them. */
void pack_list_sort(pack_list *l);
void pack_list_free(pack_list *l);

/* ---- pack/list.c: small things that the list and the check share; out of memory ends the program (cli_calloc) ---- */

/* NULL gives NULL. Free with free(). */
char *pack_copy(const char *s);
/* Room for one more after n of `unit` bytes: old, or a larger block with its content; *size is how many fit. */
void *pack_grow(void *old, size_t n, size_t *size, size_t unit);

#endif
