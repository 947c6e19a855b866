/* infer/journal.c - records into FILE.partial, and going on with one that an earlier run left. */
#include "infer/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frame/json.h"
#include "infer/record.h"

static char *partial_name(const cli *c)
{
    size_t size = strlen(c->output) + sizeof ".partial";
    char *name = cli_calloc(size, 1);
    snprintf(name, size, "%s.partial", c->output);
    return name;
}

/* Standard output, and files that are written in place: nothing to rename, nothing to go on with. */
static bool in_place(const cli *c)
{
    struct stat st;
    return !c->output || !strcmp(c->output, "-") || (!stat(c->output, &st) && !S_ISREG(st.st_mode));
}

static fdht_out_options options_of(const cli *c, bool resume)
{
    return (fdht_out_options){.force = c->force || resume, .guard = c->out.guard, .keep = !in_place(c)};
}

int infer_journal_check(cli *c, bool resume)
{
    fdht_out_options opt = options_of(c, resume);
    struct stat st;
    if (resume && in_place(c))
        return cli_usage(c, "--resume needs -o FILE, a regular file");
    if (!c->output)
        return FDHT_OK;
    char *partial = partial_name(c);
    int status = fdht_out_check(c->output, false, &opt, &c->err);
    if (!status && opt.keep && !opt.force && !stat(partial, &st))
        status = cli_fail(c, FDHT_EEXIST, "%s: exists; --resume goes on with it", partial);
    free(partial);
    return status;
}

/* ---- the records that are there ---- */

static int bad_record(const infer_journal *j, const char *path, size_t line)
{
    return cli_fail(j->c, FDHT_EFORMAT, "%s: line %zu is no record of --format %s", path, line,
                    j->format == INFER_TSV ? "tsv" : "jsonl");
}

/* The clip's name in a record, as infer_journal_known spells it; NULL: it is none. */
static char *key_of_line(infer_journal *j, const char *line)
{
    char *key = NULL;
    if (j->format == INFER_TSV) {
        size_t n = strcspn(line, "\t\n");
        if (line[n] == '\t')
            key = memcpy(cli_calloc(n + 1, 1), line, n);
        return key;
    }
    cJSON *json = cli_json_parse(line);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "clip"));
    if (name)
        key = strcpy(cli_calloc(strlen(name) + 1, 1), name);
    if (name && cJSON_GetObjectItemCaseSensitive(json, "error"))
        j->failed++;
    cJSON_Delete(json);
    return key;
}

char *infer_journal_key(const infer_journal *j, const char *name)
{
    char *key = NULL;
    size_t size;
    if (j->format != INFER_TSV)
        return cli_utf8(name);
    FILE *f = cli_must(open_memstream(&key, &size));
    infer_print_escaped(f, name);
    if (fclose(f))
        cli_no_memory();
    return key;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All whole records of the file; *whole: the bytes they take. What follows is a record that was cut off. */
static int read_records(infer_journal *j, const char *path, off_t *whole)
{
    char *line = NULL;
    size_t room = 0, lines = 0, keys = 0;
    ssize_t length;
    int status = FDHT_OK;
    FILE *f = fopen(path, "r");
    *whole = 0;
    if (!f)
        return cli_fail_errno(j->c, path);
    while (!status && (length = getline(&line, &room, f)) > 0 && line[length - 1] == '\n') {
        lines++;
        *whole += length;
        if (j->format == INFER_TSV && lines == 1) {
            j->head = strncmp(line, "clip\t", 5) == 0;
            status = j->head ? FDHT_OK : bad_record(j, path, lines);
            continue;
        }
        char *key = strlen(line) == (size_t)length ? key_of_line(j, line) : NULL;
        if (!key) {
            status = bad_record(j, path, lines);
            break;
        }
        if (j->n == keys) {
            char **more = cli_calloc(keys = 2 * keys + 64, sizeof *more);
            if (j->n)
                memcpy(more, j->key, j->n * sizeof *more);
            free(j->key);
            j->key = more;
        }
        j->key[j->n++] = key;
        free(j->last);
        j->last = strcpy(cli_calloc((size_t)length + 1, 1), line);
    }
    if (!status && length < 0 && !feof(f))
        status = cli_fail_errno(j->c, path);
    free(line);
    fclose(f);
    if (!status && j->n) {
        const char *key = j->key[j->n - 1];
        j->last_key = strcpy(cli_calloc(strlen(key) + 1, 1), key);
        j->taken = cli_calloc(j->n, sizeof *j->taken);
        j->written = cli_calloc(j->n, sizeof *j->written);
        memcpy(j->written, j->key, j->n * sizeof *j->key);
        qsort(j->key, j->n, sizeof *j->key, compare_keys);
    }
    return status;
}

/* A FILE that is whole becomes FILE.partial first, so that it is never without its records. */
static int copy_whole(infer_journal *j, const char *partial)
{
    fdht_out_options opt = {.guard = j->c->out.guard};
    fdht_out *out = NULL;
    char buf[1 << 14];
    size_t n;
    FILE *from = fopen(j->c->output, "r");
    if (!from)
        return errno == ENOENT ? FDHT_OK : cli_fail_errno(j->c, j->c->output);
    int status = fdht_out_open(partial, false, &opt, &out, &j->c->err);
    while (!status && (n = fread(buf, 1, sizeof buf, from)) > 0)
        fwrite(buf, 1, n, fdht_out_stream(out));
    if (!status && ferror(from))
        status = cli_fail_errno(j->c, j->c->output);
    fclose(from);
    if (!status)
        return fdht_out_commit(out, &j->c->err);
    fdht_out_discard(out);
    return status;
}

/* ---- the file ---- */

int infer_journal_open(cli *c, int format, bool resume, infer_journal *j)
{
    fdht_out_options opt = options_of(c, resume);
    struct stat st;
    off_t whole = 0;
    int status = FDHT_OK;
    *j = (infer_journal){.c = c, .format = format, .resume = resume, .out = stdout};
    if (!c->output)
        return FDHT_OK;
    char *partial = partial_name(c);
    if (resume && stat(partial, &st))
        status = copy_whole(j, partial);
    if (!status)
        status = fdht_out_open(c->output, false, &opt, &j->file, &c->err);
    if (!status) {
        j->out = fdht_out_stream(j->file);
        if (resume)
            status = read_records(j, partial, &whole);
        if (!status && opt.keep)
            status = fdht_out_cut(j->file, (uint64_t)whole, &c->err);
    }
    if (!status && resume)
        cli_note(c, "%s: %zu records are there", partial, j->n);
    if (!status && j->failed)
        c->status = 1; /* as the run that wrote them */
    free(partial);
    return status;
}

infer_known infer_journal_known(infer_journal *j, const char *name)
{
    if (!j->n)
        return INFER_NEW;
    char *key = infer_journal_key(j, name);
    size_t low = 0, high = j->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(j->key[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t at = low < j->n ? low + j->taken[low] : j->n;
    infer_known known = INFER_NEW;
    if (at < j->n && !strcmp(j->key[at], key)) {
        j->taken[low]++;
        bool more = at + 1 < j->n && !strcmp(j->key[at + 1], key);
        known = !more && !strcmp(key, j->last_key) ? INFER_LAST : INFER_KNOWN;
    }
    free(key);
    return known;
}

bool infer_journal_is_last(const infer_journal *j, const char *name)
{
    char *key = j->n ? infer_journal_key(j, name) : NULL;
    bool last = key && !strcmp(key, j->last_key);
    free(key);
    return last;
}

int infer_journal_compare(const infer_journal *j, const char *record)
{
    if (!strcmp(record, j->last))
        return FDHT_OK;
    return cli_fail(
        j->c, FDHT_EINVAL,
        "--resume: the last record of %s, of clip %.100s, is not what this model and these options give",
        j->c->output, j->last_key);
}

int infer_journal_flush(infer_journal *j)
{
    errno = 0;
    if (fflush(j->out) || ferror(j->out))
        return cli_fail(j->c, FDHT_EIO, "%s: %s", j->file ? j->c->output : "standard output",
                        strerror(errno ? errno : EIO));
    return FDHT_OK;
}

int infer_journal_close(infer_journal *j, int status)
{
    if (j->file && !status)
        status = fdht_out_commit(j->file, &j->c->err);
    else if (j->file) {
        bool ours = status != FDHT_EINVAL && status != FDHT_EFORMAT; /* else the records are not this run's */
        bool kept = ours && !in_place(j->c) && fdht_out_size(j->file) > 0;
        fdht_out_discard(j->file);
        if (kept)
            cli_warn(j->c, "%s.partial holds the records so far; --resume goes on with them", j->c->output);
    }
    for (size_t i = 0; i < j->n; i++)
        free(j->key[i]);
    free(j->key);
    free(j->written);
    free(j->taken);
    free(j->last);
    free(j->last_key);
    return status;
}
