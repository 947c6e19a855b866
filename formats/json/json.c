/* json/json.c - the one reader of small JSON files: one object, its schema, numbers and lists. */
#include "json/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clips/bytes.h"
#include "fdht/hardware.h"

int fdht_json_text(const char *text, size_t size, const char **end, cJSON **out, fdht_error *err)
{
    errno = 0;
    *out = cJSON_ParseWithLengthOpts(text, size, end, false);
    return !*out && errno == ENOMEM ? fdht_fail(err, FDHT_ENOMEM, "out of memory: JSON") : FDHT_OK;
}

int fdht_json_parse(const char *text, size_t size, const char *path, const char *schema, cJSON **out,
                    fdht_error *err)
{
    const char *end = NULL;
    cJSON *json = NULL;
    int status = fdht_json_text(text, size, &end, &json, err);
    if (status)
        return fdht_fail_prefix(err, status, "%s", path);
    size_t at = end ? (size_t)(end - text) : 0;
    while (json && at < size && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    if (!json || at != size || !cJSON_IsObject(json)) {
        status = fdht_fail(err, FDHT_EFORMAT, "%s: not a JSON object (at byte %zu)", path, at);
        goto out;
    }
    const char *said = fdht_json_string(json, "schema");
    if (schema && (!said || strcmp(said, schema))) {
        size_t stem = strlen(schema) - 1;
        int code = said && !strncmp(said, schema, stem) ? FDHT_EVERSION : FDHT_EFORMAT;
        status =
            fdht_fail(err, code, "%s: schema is %.40s, expected %s", path, said ? said : "missing", schema);
        goto out;
    }
    *out = json;
    json = NULL;
out:
    cJSON_Delete(json);
    return status;
}

int fdht_json_read(const char *path, const char *schema, cJSON **out, fdht_error *err)
{
    return fdht_json_read_up_to(path, 1 << 20, schema, out, err);
}

int fdht_json_read_up_to(const char *path, size_t most, const char *schema, cJSON **out, fdht_error *err)
{
    uint8_t *text = NULL;
    size_t size;
    int status = fdht_read_file(path, most, &text, &size, err);
    if (!status)
        status = fdht_json_parse((const char *)text, size, path, schema, out, err);
    fdht_free(text);
    return status;
}

const char *fdht_json_string(const cJSON *json, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static bool whole(const cJSON *n, size_t *v)
{
    if (!cJSON_IsNumber(n) || !(n->valuedouble >= 1 && n->valuedouble <= 1e9) ||
        n->valuedouble != floor(n->valuedouble))
        return false;
    *v = (size_t)n->valuedouble;
    return true;
}

int fdht_json_size(const cJSON *json, const char *path, const char *key, size_t absent, size_t *v,
                   fdht_error *err)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(json, key);
    *v = absent;
    if (n && !whole(n, v))
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s: expected a whole number from 1", path, key);
    return FDHT_OK;
}

int fdht_json_sizes(const cJSON *json, const char *path, const char *key, bool required, size_t max,
                    size_t *v, size_t *n, fdht_error *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, key), *item;
    *n = 0;
    if (!list && !required)
        return FDHT_OK;
    if (!cJSON_IsArray(list))
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s: expected a list of numbers", path, key);
    cJSON_ArrayForEach(item, list)
    {
        /* enlarge holds zeros */
        bool zero = cJSON_IsNumber(item) && item->valuedouble == 0 && !strcmp(key, "enlarge");
        if (*n == max)
            return fdht_fail(err, FDHT_EFORMAT, "%s: %s: more than %zu numbers", path, key, max);
        if (zero)
            v[*n] = 0;
        else if (!whole(item, &v[*n]))
            return fdht_fail(err, FDHT_EFORMAT, "%s: %s: entry %zu is not a whole number from 1", path, key,
                             *n + 1);
        ++*n;
    }
    return FDHT_OK;
}

int fdht_json_schema(const char *path, char *buf, size_t size, fdht_error *err)
{
    cJSON *json = NULL;
    int status = fdht_json_read_up_to(path, 1 << 28, NULL, &json, err); /* mappings may hold large tables */
    const char *said = status ? NULL : fdht_json_string(json, "schema");
    snprintf(buf, size, "%s", said ? said : "");
    cJSON_Delete(json);
    return status;
}

bool fdht_json_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}
