/* clips/features.c - clips of features from tables of numbers (CSV, TSV) and from raw floats: a line or a row is a frame. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clips/clips.h"

enum { MAX_TEXT = 1 << 20, MAX_COLUMNS = 1 << 20 };

/* Rows as they come. */
typedef struct rows {
    float *data;
    size_t n, room, columns;
} rows;

static int grow(rows *r, fdht_error *err)
{
    if (r->n < r->room)
        return FDHT_OK;
    size_t room = r->room ? 2 * r->room : 64;
    float *more = fdht_calloc_err(room, r->columns * sizeof *more, "clip", err);
    if (!more)
        return FDHT_ENOMEM;
    if (r->n)
        memcpy(more, r->data, r->n * r->columns * sizeof *more);
    fdht_free(r->data);
    r->data = more;
    r->room = room;
    return FDHT_OK;
}

static bool is_separator(char c)
{
    return c == ',' || c == ';' || c == '\t' || c == ' ';
}

/* The numbers of a line into out (NULL: only count); SIZE_MAX: something in it is no number. Blanks may stand around separators. */
static size_t parse_line(const char *line, float *out, size_t most)
{
    size_t n = 0;
    const char *p = line;
    while (isspace((unsigned char)*p))
        p++;
    while (*p) {
        char *end;
        float v = fdht_text_float(p, &end);
        if (end == p || (*end && !is_separator(*end) && *end != '\r'))
            return SIZE_MAX;
        if (out && n < most)
            out[n] = v;
        n++;
        bool comma = false;
        for (p = end; *p == '\r' || is_separator(*p); p++) {
            bool mark = *p == ',' || *p == ';';
            if (mark && comma) /* an empty cell */
                return SIZE_MAX;
            comma |= mark;
        }
        if (comma && !*p)
            return SIZE_MAX;
    }
    return n;
}

/* Text whose first or second line is numbers; the first may be names of columns. */
bool fdht_is_csv(const uint8_t *head, size_t n)
{
    char line[4100];
    size_t at = 0;
    if (n >= 3 && !memcmp(head, "\xef\xbb\xbf", 3))
        at = 3;
    for (int i = 0; i < 2 && at < n; i++) {
        const uint8_t *nl = memchr(head + at, '\n', n - at);
        size_t length = nl ? (size_t)(nl - head) - at : n - at;
        if (!nl) /* a long line: up to its last separator */
            while (length && n == 4096 && !is_separator((char)head[at + length - 1]))
                length--;
        if (!nl && n == 4096)
            length -= length > 0;
        for (size_t k = 0; k < length; k++)
            if (head[at + k] < ' ' && head[at + k] != '\t' && head[at + k] != '\r')
                return false;
        memcpy(line, head + at, length);
        line[length] = 0;
        size_t cells = parse_line(line, NULL, 0);
        if (cells && cells != SIZE_MAX)
            return true;
        at += length + 1;
    }
    return false;
}

void fdht_source_open_features(fdht_source *s, bool csv)
{
    s->csv = csv;
    s->columns = csv ? 0 : s->opt.raw_width;
    s->line = 0;
    s->active = FDHT_ACTIVE_FEATURES;
}

/* The next line that holds numbers; the first line of the file may hold names instead. */
static int next_line(fdht_source *s, rows *r, bool *end, fdht_error *err)
{
    char *line = fdht_calloc_err(MAX_TEXT, 1, "line", err);
    int status = line ? FDHT_OK : FDHT_ENOMEM;
    while (!status) {
        status = fdht_bytes_line(&s->bytes, line, MAX_TEXT, end, err);
        if (status || *end)
            break;
        const char *text = line;
        if (!s->line++ && !strncmp(text, "\xef\xbb\xbf", 3))
            text += 3;
        size_t n = parse_line(text, NULL, 0);
        if (!n || *text == '#' || (n == SIZE_MAX && s->line == 1))
            continue;
        if (n == SIZE_MAX || n > MAX_COLUMNS)
            status = fdht_fail(err, FDHT_EFORMAT, "line %zu: a cell is not a number", s->line);
        else if (s->columns && n != s->columns)
            status = fdht_fail(err, FDHT_EFORMAT, "line %zu: %zu numbers, the lines before it have %zu",
                               s->line, n, s->columns);
        else {
            r->columns = s->columns = n;
            if (!(status = grow(r, err)))
                parse_line(text, r->data + r->n++ * n, n);
            break;
        }
    }
    fdht_free(line);
    return status;
}

static int next_row(fdht_source *s, rows *r, bool *end, fdht_error *err)
{
    size_t got, bytes = s->columns * sizeof(float);
    r->columns = s->columns;
    int status = grow(r, err);
    float *to = status ? NULL : r->data + r->n * r->columns;
    if (status || (status = fdht_bytes_read(&s->bytes, to, bytes, &got, err)))
        return status;
    *end = !got;
    if (got && got < bytes)
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: truncated (read %zu of %zu bytes)", r->n, got, bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; i < r->columns; i++) {
        uint32_t v;
        memcpy(&v, to + i, 4);
        v = __builtin_bswap32(v);
        memcpy(to + i, &v, 4);
    }
#endif
    r->n += got > 0;
    return FDHT_OK;
}

static int read_rows(fdht_source *s, rows *r, bool *end, fdht_error *err)
{
    int status = FDHT_OK;
    *end = false;
    while (!status && !*end && (!s->opt.clip_frames || r->n < s->opt.clip_frames)) {
        if (s->opt.max_clip_bytes && s->columns &&
            r->n + 1 > s->opt.max_clip_bytes / (s->columns * sizeof(float)))
            return fdht_fail(err, FDHT_ELIMIT, "larger than %zu bytes after %zu frames",
                             s->opt.max_clip_bytes, r->n);
        status = s->csv ? next_line(s, r, end, err) : next_row(s, r, end, err);
    }
    return status;
}

int fdht_source_next_features(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0};
    rows r = {0};
    char *name = NULL;
    bool end, keep = fdht_source_wanted(s, NULL);
    int status = read_rows(s, &r, &end, &why), made = FDHT_OK;
    bool over = status || end;
    if (!status && !r.n && s->next) /* the last clip was a whole one */
        goto out;
    name = fdht_source_part_name(s, s->next);
    if (!(keep && fdht_source_wanted(s, name)) && !fdht_source_fatal(status)) {
        s->number++;
        s->next++;
        status = FDHT_OK;
        goto out;
    }
    if ((made = fdht_source_part(s, s->next++, out, err)))
        goto out;
    if (!status && !r.n)
        status = fdht_fail(&why, FDHT_EFORMAT, "no frames");
    if (!status) {
        float *data = r.data;
        r.data = NULL;
        status =
            fdht_source_fill(s, *out, data, (fdht_clip_shape){.length = r.n, .features = r.columns}, &why);
    }
    if (status)
        status = fdht_source_record(s, out, status, &why, err);
out:
    fdht_free(name);
    fdht_free(r.data);
    if (over)
        fdht_source_close(s);
    return made ? made : status;
}
