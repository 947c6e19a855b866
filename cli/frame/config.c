/* frame/config.c - options as JSON: read from a file, or printed of a run. */
#include "frame/config.h"

#include <stdlib.h>
#include <string.h>

#include "frame/cli.h"
#include "frame/json.h"

enum { MOST = 1 << 16 }; /* bytes of a file */

static int read_text(cli *c, const char *path, char **out)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return cli_fail_errno(c, path);
    char *text = cli_calloc(MOST + 1, 1);
    size_t n = fread(text, 1, MOST, f);
    int status = ferror(f) ? cli_fail_errno(c, path)
                 : n == MOST
                     ? cli_fail(c, FDHT_EFORMAT, "%s: more than %d bytes, no file of options", path, MOST - 1)
                     : FDHT_OK;
    fclose(f);
    *out = text;
    return status;
}

/* A value as the text of the command line, behind *at in c->config; NULL: it has none. */
static const char *spell(cli *c, const cJSON *item, char **at)
{
    char *start = *at;
    size_t room = (size_t)(c->config + c->config_size - start);
    int n = -1;
    if (cJSON_IsString(item))
        n = snprintf(start, room, "%s", item->valuestring);
    else if (cJSON_IsNumber(item))
        n = snprintf(start, room, "%.17g", item->valuedouble);
    else if (cJSON_IsArray(item)) {
        n = 0;
        *start = 0;
        for (const cJSON *v = item->child; v && n >= 0 && (size_t)n < room; v = v->next)
            n = cJSON_IsNumber(v)
                    ? n + snprintf(start + n, room - (size_t)n, "%s%.17g", n ? "," : "", v->valuedouble)
                    : -1;
    }
    if (n < 0 || (size_t)n >= room)
        return NULL;
    *at = start + n + 1;
    return start;
}

int cli_config_read(cli *c, void *args, const char *path)
{
    char *text = NULL, *at;
    int status = read_text(c, path, &text);
    cJSON *json = status ? NULL : cli_json_parse(text);
    if (!status && !cJSON_IsObject(json))
        status = cli_fail(c, FDHT_EFORMAT, "%s: no JSON object of options", path);
    free(text);
    free(c->config);
    c->config_size = 8 * (size_t)MOST; /* a number takes more room here than there */
    at = c->config = cli_calloc(c->config_size, 1);
    for (const cJSON *item = status ? NULL : json->child; item && !status; item = item->next) {
        if (!strcmp(item->string, "schema") || cJSON_IsFalse(item))
            continue;
        const char *value = cJSON_IsTrue(item) ? "" : spell(c, item, &at);
        if (!value)
            status = cli_usage(c, "%s: '%.40s' has no value that an option takes", path, item->string);
        else
            status = cli_set_option(c, args, item->string, cJSON_IsTrue(item) ? NULL : value, path);
    }
    cJSON_Delete(json);
    return status;
}

static bool is_listed(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (!strcmp(*list, name))
            return true;
    return false;
}

char *cli_config_text(const cli *c, const void *args, const char *const *leave_out)
{
    cJSON *json = cli_json_new(c);
    for (const cli_option *o = c->command->options; o->name || o->letter; o++) {
        char *value = NULL;
        size_t size;
        if (!o->name || !cli_given(c, o->name) || is_listed(leave_out, o->name))
            continue;
        FILE *f = cli_must(open_memstream(&value, &size));
        cli_option_print(f, o, args);
        if (fclose(f))
            cli_no_memory();
        bool number = o->type == CLI_T_INT || o->type == CLI_T_SIZE || o->type == CLI_T_DOUBLE ||
                      o->type == CLI_T_BYTES;
        if (o->type == CLI_T_FLAG)
            cli_json_bool(json, o->name, true);
        else if (number)
            cli_json_number(json, o->name, strtod(value, NULL));
        else
            cli_json_string(json, o->name, value);
        free(value);
    }
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->seed);
    cli_json_string(json, "seed", seed); /* 64 bits, more than a number of JSON holds */
    char *line = cJSON_PrintUnformatted(json), *out = NULL;
    cJSON_Delete(json);
    out = line ? strcpy(cli_calloc(strlen(line) + 1, 1), line) : cli_calloc(1, 1);
    cJSON_free(line);
    return out;
}
