/* infer/journal.h - where the records of `fdht infer` go, and which clips have theirs already. */
#ifndef CLI_INFER_JOURNAL_H
#define CLI_INFER_JOURNAL_H

#include "frame/cli.h"

/* With -o FILE records are written to FILE.partial, a batch at a time, and renamed at the end; a run that was killed leaves
 * it, and --resume goes on behind its last whole record. */
typedef struct infer_journal {
    cli *c;
    int format;
    bool resume;
    fdht_out *file; /* NULL: standard output */
    FILE *out;
    bool head; /* the head line of a tsv is there */

    char **key;     /* (n) names of the clips with a record, sorted */
    char **written; /* (n) the same in the order of the records */
    size_t *taken;  /* (n) at the first of equal names: how many clips had that name so far */
    size_t n, failed;
    char *last, *last_key; /* the last record, with its newline, and the clip's name; NULL: none */
} infer_journal;

typedef enum infer_known { INFER_NEW, INFER_KNOWN, INFER_LAST } infer_known;

/* Before any work: can FILE be written? FDHT_EEXIST for a FILE or a FILE.partial without --resume or --force. */
int infer_journal_check(cli *c, bool resume);
int infer_journal_open(cli *c, int format, bool resume, infer_journal *j);
/* Has the next clip of this name a record? INFER_LAST: it has the last one, which the caller writes again to compare. */
infer_known infer_journal_known(infer_journal *j, const char *name);
/* Is this the name of the clip whose record is the last one? */
bool infer_journal_is_last(const infer_journal *j, const char *name);
/* A clip's name as the keys spell it. Free with free(). */
char *infer_journal_key(const infer_journal *j, const char *name);
/* FDHT_EINVAL unless this record is the last one, to the byte. */
int infer_journal_compare(const infer_journal *j, const char *record);
/* Write out what is buffered. FDHT_EIO. */
int infer_journal_flush(infer_journal *j);
/* status of the run: FDHT_OK renames FILE.partial to FILE; anything else leaves it and says so. Returns the status. */
int infer_journal_close(infer_journal *j, int status);

#endif
