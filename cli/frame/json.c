/* frame/json.c - JSON documents and lines, built with cJSON. */
#include "frame/cli.h"
#include "frame/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(cJSON *parent, const char *key, cJSON *item)
{
    cli_must(item);
    if (!(key ? cJSON_AddItemToObject(parent, key, item) : cJSON_AddItemToArray(parent, item)))
        cli_no_memory();
}

cJSON *cli_json_parse(const char *text)
{
    errno = 0; /* cJSON has one answer for text that is no JSON and for no memory, but malloc says which */
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    if (!json && errno == ENOMEM)
        cli_no_memory();
    return json;
}

cJSON *cli_json_new(const cli *c)
{
    char schema[80];
    cJSON *json = cli_must(cJSON_CreateObject());
    snprintf(schema, sizeof schema, "fdht.%s/1", c->command->name);
    cli_json_string(json, "schema", schema);
    return json;
}

cJSON *cli_json_object(cJSON *parent, const char *key)
{
    cJSON *item = cJSON_CreateObject();
    add(parent, key, item);
    return item;
}

cJSON *cli_json_array(cJSON *parent, const char *key)
{
    cJSON *item = cJSON_CreateArray();
    add(parent, key, item);
    return item;
}

/* cJSON's own printer stops at "equal within an epsilon"; these digits read back as the very number. */
static void add_digits(cJSON *parent, const char *key, double value, bool single)
{
    char text[40];
    if (!isfinite(value)) {
        add(parent, key, cJSON_CreateNull());
        return;
    }
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            break;
    }
    add(parent, key, cJSON_CreateRaw(text));
}

void cli_json_number(cJSON *parent, const char *key, double value)
{
    add_digits(parent, key, value, false);
}

void cli_json_float(cJSON *parent, const char *key, float value)
{
    add_digits(parent, key, (double)value, true);
}

void cli_json_size(cJSON *parent, const char *key, size_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", value);
    add(parent, key, cJSON_CreateRaw(text));
}

void cli_json_int(cJSON *parent, const char *key, long long value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", value);
    add(parent, key, cJSON_CreateRaw(text));
}

void cli_json_bool(cJSON *parent, const char *key, bool value)
{
    add(parent, key, cJSON_CreateBool(value));
}

/* Length of the UTF-8 sequence at s, 0 if it is none. */
static size_t utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char mask, lead;
        unsigned least;
    } form[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 0; n < 4; n++) {
        if ((s[0] & form[n].mask) != form[n].lead)
            continue;
        unsigned code = s[0] & (unsigned char)~form[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (s[i] & 0x3fu);
        }
        bool bad = code < form[n].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
        return bad ? 0 : n + 1;
    }
    return 0;
}

char *cli_utf8(const char *value)
{
    char *clean = cli_calloc(3 * strlen(value) + 1, 1), *to = clean;
    for (const unsigned char *s = (const unsigned char *)value; *s;) {
        size_t n = utf8_length(s);
        memcpy(to, n ? (const char *)s : "\xef\xbf\xbd", n ? n : 3);
        to += n ? n : 3;
        s += n ? n : 1;
    }
    return clean;
}

void cli_json_string(cJSON *parent, const char *key, const char *value)
{
    if (!value) {
        add(parent, key, cJSON_CreateNull());
        return;
    }
    char *clean = cli_utf8(value);
    add(parent, key, cJSON_CreateString(clean));
    free(clean);
}

void cli_json_sizes(cJSON *parent, const char *key, const size_t *v, size_t n)
{
    cJSON *array = cli_json_array(parent, key);
    for (size_t i = 0; i < n; i++)
        cli_json_size(array, NULL, v[i]);
}

void cli_json_numbers(cJSON *parent, const char *key, const double *v, size_t n)
{
    cJSON *array = cli_json_array(parent, key);
    for (size_t i = 0; i < n; i++)
        cli_json_number(array, NULL, v[i]);
}

static void print(FILE *f, cJSON *json, bool indented)
{
    char *text = cli_must(indented ? cJSON_Print(json) : cJSON_PrintUnformatted(json));
    fputs(text, f);
    fputc('\n', f);
    cJSON_free(text);
    cJSON_Delete(json);
}

void cli_json_print(FILE *f, cJSON *json)
{
    print(f, json, true);
}

void cli_json_line(FILE *f, cJSON *json)
{
    print(f, json, false);
}
