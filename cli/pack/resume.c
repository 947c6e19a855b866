/* pack/resume.c - notes of the clips of a run, a line each, and how a later run goes on behind them. */
#include "pack/resume.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "frame/config.h"
#include "frame/json.h"
#include "frame/parse.h"
#include "pack/pack.h"

/* ---- notes: fields parted by tabs, an absent one is empty, any other begins with '=' ---- */

static void put_field(FILE *f, const char *s)
{
    fputc('\t', f);
    if (!s)
        return;
    fputc('=', f);
    for (; *s; s++)
        if (*s == '\t' || *s == '\n' || *s == '\\')
            fprintf(f, "\\%c", *s == '\t' ? 't' : *s == '\n' ? 'n' : '\\');
        else
            fputc(*s, f);
}

void pack_resume_add(pack_resume *r, const pack_note *n)
{
    if (!r->out && !(r->out = open_memstream(&r->text, &r->bytes)))
        cli_no_memory();
    fprintf(r->out, "%d\t%d\t%d\t%zu", n->code, n->split, n->facts, n->length);
    put_field(r->out, n->name);
    put_field(r->out, n->message);
    put_field(r->out, n->label);
    put_field(r->out, n->key);
    fputc('\n', r->out);
}

const char *pack_resume_text(pack_resume *r)
{
    if (r->out)
        fflush(r->out);
    return r->out ? r->text : "";
}

void pack_resume_kept(pack_resume *r)
{
    if (r->out)
        fclose(r->out);
    free(r->text);
    r->out = NULL;
    r->text = NULL;
}

/* The next field of a line, unescaped in place; *at goes behind it. */
static char *get_field(char **at)
{
    char *s = *at, *end = s + strcspn(s, "\t"), *to;
    *at = *end ? end + 1 : end;
    *end = 0;
    if (*s != '=')
        return NULL;
    char *copy = pack_copy(s + 1);
    for (s = to = copy; *s; s++)
        *to++ = *s != '\\' ? *s : *++s == 't' ? '\t' : *s == 'n' ? '\n' : *s;
    *to = 0;
    return copy;
}

/* The next number of a line; *at goes behind its tab. */
static bool get_number(char **at, long min, long max, long *out)
{
    char *s = *at, *end = s + strcspn(s, "\t");
    if (!*end)
        return false;
    *end = 0;
    *at = end + 1;
    return cli_parse_int(s, min, max, out);
}

int pack_resume_read(cli *c, pack_resume *r, const char *text)
{
    char *copy = pack_copy(text), *save = NULL;
    int status = FDHT_OK;
    for (char *line = strtok_r(copy, "\n", &save); line && !status; line = strtok_r(NULL, "\n", &save)) {
        char *at = line;
        long code, split, facts, length;
        if (!get_number(&at, INT_MIN, 0, &code) ||
            !get_number(&at, FDHT_SPLIT_NONE, FDHT_SPLITS - 1, &split) ||
            !get_number(&at, 0, INT_MAX, &facts) || !get_number(&at, 0, LONG_MAX, &length)) {
            status = cli_fail(c, FDHT_EFORMAT, "%s.partial.log: damaged", c->output);
            break;
        }
        pack_note n = {.code = (int)code, .split = (int)split, .facts = (int)facts, .length = (size_t)length};
        n.name = get_field(&at);
        n.message = get_field(&at);
        n.label = get_field(&at);
        n.key = get_field(&at);
        r->note = pack_grow(r->note, r->n, &r->size, sizeof *r->note);
        r->note[r->n++] = n;
        if (!n.name)
            status = cli_fail(c, FDHT_EFORMAT, "%s.partial.log: damaged", c->output);
    }
    free(copy);
    return status;
}

bool pack_resume_skip(void *arg, const char *name, size_t number)
{
    pack_resume *r = arg;
    if (number >= r->n)
        return false;
    r->seen++;
    if (!r->other && strcmp(r->note[number].name, name) != 0) {
        r->other = pack_copy(name);
        r->other_at = number;
    }
    return true;
}

int pack_resume_check(cli *c, const pack_resume *r, bool all)
{
    if (r->other)
        return cli_usage(c, "--resume: clip %zu is %.80s, in %s.partial it is %.80s", r->other_at, r->other,
                         c->output, r->note[r->other_at].name);
    if (all && r->seen < r->n)
        return cli_usage(c, "--resume: %s.partial is of %zu clips at least, here are %zu", c->output, r->n,
                         r->seen);
    return FDHT_OK;
}

void pack_resume_free(pack_resume *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->note[i].name);
        free(r->note[i].message);
        free(r->note[i].label);
        free(r->note[i].key);
    }
    pack_resume_kept(r);
    free(r->note);
    free(r->other);
    *r = (pack_resume){0};
}

/* ---- what a file is made of ---- */

char *pack_made_of(cli *c, const void *args, const char *const *input, size_t n, const char *labels)
{
    static const char *const own[] = {"resume", "check", "plot", NULL};
    char *options = cli_config_text(c, args, own), sum[FDHT_DIGEST_TEXT] = "";
    cJSON *json = cli_json_parse(options), *list = cJSON_AddArrayToObject(json, "inputs");
    for (size_t i = 0; i < n; i++) {
        char *name = cli_utf8(input[i]);
        cJSON_AddItemToArray(list, cJSON_CreateString(name));
        free(name);
    }
    if (labels && !fdht_file_digest(labels, sum, NULL))
        cJSON_AddStringToObject(json, "labels-digest", sum);
    char *text = cli_must(cJSON_PrintUnformatted(json)), *copy = pack_copy(text);
    cJSON_free(text);
    cJSON_Delete(json);
    free(options);
    return copy;
}

static void say(char *to, size_t size, const char *name, const cJSON *value)
{
    char *text = value ? cJSON_PrintUnformatted(value) : NULL;
    if (!value)
        snprintf(to, size, "without --%.40s", name);
    else if (cJSON_IsTrue(value))
        snprintf(to, size, "with --%.40s", name);
    else if (!strcmp(name, "inputs"))
        snprintf(to, size, "from %.90s", text ? text : "");
    else
        snprintf(to, size, "with --%.40s %.60s", name, text ? text : "");
    cJSON_free(text);
}

int pack_made_check(cli *c, const char *was, const char *now)
{
    cJSON *a = cli_json_parse(was), *b = cli_json_parse(now);
    int status = a && b ? FDHT_OK : cli_fail(c, FDHT_EFORMAT, "%s.partial.log: damaged", c->output);
    for (int side = 0; side < 2 && !status; side++)
        for (const cJSON *v = side ? b->child : a->child; v && !status; v = v->next) {
            const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, v->string),
                        *y = cJSON_GetObjectItemCaseSensitive(b, v->string);
            char first[128], second[128];
            if (!strcmp(v->string, "schema") || (x && y && cJSON_Compare(x, y, true)))
                continue;
            say(first, sizeof first, v->string, x);
            say(second, sizeof second, v->string, y);
            status = cli_usage(c, "--resume: %s.partial was made %s, not %s", c->output, first, second);
        }
    cJSON_Delete(a);
    cJSON_Delete(b);
    return status;
}
