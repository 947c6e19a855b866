/* pack/resume.h - what `fdht pack` writes down of each clip so that a run that was killed can be gone on with. */
#ifndef CLI_PACK_RESUME_H
#define CLI_PACK_RESUME_H

#include "fdht/clips.h"
#include "frame/cli.h"

/* Facts of a clip that are counted. */
enum { PACK_HAS_LABEL = 1, PACK_HAS_GROUP = 2, PACK_NO_MATCH = 4, PACK_HAS_TARGET = 8 };

/* One clip, packed or left out. */
typedef struct pack_note {
    char *name;
    int code;          /* 0: packed */
    char *message;     /* of one that was left out */
    int split, facts;  /* of a packed one .. */
    char *label, *key; /* .. NULL: none */
    size_t length;
} pack_note;

/* The notes of an earlier run, and those since the last fdht_dataset_keep. Zeroed to start. */
typedef struct pack_resume {
    pack_note *note;
    size_t n, size;
    FILE *out; /* of this run */
    char *text;
    size_t bytes;
    /* the clips that are there already, in the order in which they come again */
    size_t seen;
    char *other; /* the first name that differs; NULL: none */
    size_t other_at;
} pack_resume;

/* Write down, and start over after a keep. */
void pack_resume_add(pack_resume *r, const pack_note *note);
const char *pack_resume_text(pack_resume *r);
void pack_resume_kept(pack_resume *r);

/* Read what an earlier run wrote down. FDHT_EFORMAT. */
int pack_resume_read(cli *c, pack_resume *r, const char *text);
/* For fdht_clips_options.skip, arg a pack_resume: clips that are there already. */
bool pack_resume_skip(void *arg, const char *name, size_t number);
/* FDHT_EINVAL if other clips came than those that are there. all: none will come any more. */
int pack_resume_check(cli *c, const pack_resume *r, bool all);
void pack_resume_free(pack_resume *r);

/* What a file is made of: the options of this run as JSON, and its inputs. Free with free(). */
char *pack_made_of(cli *c, const void *args, const char *const *input, size_t n, const char *labels);
/* FDHT_EINVAL, naming the first option or input that differs. */
int pack_made_check(cli *c, const char *was, const char *now);

#endif
