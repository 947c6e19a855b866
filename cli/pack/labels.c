/* pack/labels.c - the table of labels: quoted CSV cells ("a,b", "" for a quote) or TSV, read whole, looked up by name. */
#include "pack/pack.h"
#include "frame/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Cut a line into cells in place; returns how many, SIZE_MAX for an open quote. cell NULL: only count. */
static size_t cut(char *line, char separator, char **cell)
{
    size_t n = 0;
    char *from = line, *to = line;
    for (;;) {
        bool quoted = *from == '"' && separator == ',';
        if (cell)
            cell[n] = to;
        n++;
        from += quoted;
        while (quoted ? *from != '\0' : *from && *from != separator) {
            if (quoted && *from == '"') {
                if (from[1] != '"')
                    break;
                from++;
            }
            if (cell)
                *to++ = *from;
            from++;
        }
        if (quoted && *from++ != '"')
            return SIZE_MAX;
        char end = *from;
        if (end && end != separator)
            return SIZE_MAX;
        if (cell)
            *to++ = '\0';
        if (!end)
            return n;
        from++;
    }
}

static void trim(char *line)
{
    size_t n = strlen(line);
    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        line[--n] = '\0';
}

static bool is_header(const char *cell)
{
    static const char *const word[] = {"clip", "name", "file", "path"};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (!strcasecmp(cell, word[i]))
            return true;
    return false;
}

static void add_row(pack_labels *t, char **cell, char *line, size_t number)
{
    if (t->n == t->size) {
        t->size = t->size ? 2 * t->size : 256;
        pack_row *more = cli_calloc(t->size, sizeof *more);
        if (t->n)
            memcpy(more, t->row, t->n * sizeof *more);
        free(t->row);
        t->row = more;
    }
    t->row[t->n++] = (pack_row){line, cell, number};
}

/* Takes the line. */
static int read_line(cli *c, pack_labels *t, char *line, size_t number, char *separator)
{
    trim(line);
    if (!*line || *line == '#') {
        free(line);
        return FDHT_OK;
    }
    if (!*separator)
        *separator = strchr(line, '\t') ? '\t' : ',';
    size_t n = cut(line, *separator, NULL);
    bool first = !t->columns;
    if (n == SIZE_MAX || n < 2 || (!first && n != t->columns)) {
        free(line);
        if (n == SIZE_MAX)
            return cli_fail(c, FDHT_EFORMAT, "%s: line %zu: a quote is not closed", t->path, number);
        return cli_fail(c, FDHT_EFORMAT, "%s: line %zu: %zu columns, expected %zu", t->path, number, n,
                        first ? 2 : t->columns);
    }
    char **cell = cli_calloc(n, sizeof *cell);
    cut(line, *separator, cell);
    t->columns = n;
    if (first && is_header(cell[0]))
        t->header = cell; /* its line is cell[0] */
    else
        add_row(t, cell, line, number);
    return FDHT_OK;
}

static int by_clip(const void *a, const void *b)
{
    return strcmp(((const pack_row *)a)->cell[0], ((const pack_row *)b)->cell[0]);
}

size_t pack_labels_column(const pack_labels *t, const char *name)
{
    size_t number;
    for (size_t i = 0; t->header && i < t->columns; i++)
        if (!strcasecmp(t->header[i], name))
            return i;
    return cli_parse_size(name, 1, (double)t->columns, &number) ? number - 1 : SIZE_MAX;
}

static int check(cli *c, pack_labels *t)
{
    if (!t->n)
        return cli_fail(c, FDHT_EFORMAT, "%s: no rows", t->path);
    qsort(t->row, t->n, sizeof *t->row, by_clip);
    for (size_t i = 1; i < t->n; i++)
        if (!by_clip(&t->row[i - 1], &t->row[i]))
            return cli_fail(c, FDHT_EFORMAT, "%s: %s stands in lines %zu and %zu", t->path, t->row[i].cell[0],
                            t->row[i - 1].number, t->row[i].number);
    t->label = 1;
    t->split = SIZE_MAX;
    for (size_t i = 1; t->header && i < t->columns; i++) {
        if (!strcasecmp(t->header[i], "label") || !strcasecmp(t->header[i], "class"))
            t->label = i;
        if (!strcasecmp(t->header[i], "split"))
            t->split = i;
    }
    return FDHT_OK;
}

int pack_labels_read(cli *c, const char *path, pack_labels *t)
{
    int status = FDHT_OK;
    char separator = 0;
    *t = (pack_labels){.path = path};
    FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
    if (!f)
        return cli_fail_errno(c, path);
    for (size_t number = 1; !status; number++) {
        char *line = NULL;
        size_t size = 0;
        errno = 0;
        ssize_t got = getline(&line, &size, f);
        if (got < 0) {
            free(line);
            if (!feof(f))
                status = cli_fail_errno(c, path);
            break;
        }
        if (strlen(line) != (size_t)got) {
            free(line);
            status = cli_fail(c, FDHT_EFORMAT, "%s: line %zu holds a NUL byte", path, number);
        } else
            status = read_line(c, t, line, number, &separator);
    }
    if (f != stdin)
        fclose(f);
    if (!status)
        status = check(c, t);
    if (status)
        pack_labels_free(t);
    return status;
}

void pack_labels_free(pack_labels *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->row[i].line);
        free(t->row[i].cell);
    }
    free(t->row);
    if (t->header)
        free(t->header[0]);
    free(t->header);
    *t = (pack_labels){0};
}

const pack_row *pack_labels_find(const pack_labels *t, const char *clip)
{
    for (const char *end = clip; end && *end; end = strchr(end, '/'), end = end ? end + 1 : NULL) {
        char *cell = (char *)(uintptr_t)end;
        pack_row key = {.cell = &cell};
        pack_row *row = bsearch(&key, t->row, t->n, sizeof *t->row, by_clip);
        if (row)
            return row;
    }
    return NULL;
}
