/* json/hardware.c - machines of the accelerator model: the built-in ones and those in files, by one reader. */
#include "fdht/hardware.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "json/machines.h"

#define SCHEMA "fdht-hw-1"

static const fdht_machine_text *built_in(const char *name)
{
    const fdht_machine_text *m = fdht_machine_texts;
    while (m->name && strcmp(m->name, name))
        m++;
    return m->name ? m : NULL;
}

static int key_index(const char *name)
{
    int n;
    const fdht_sim_key *key = fdht_sim_keys(&n);
    for (int i = 0; i < n; i++)
        if (!strcmp(key[i].name, name))
            return i;
    return -1;
}

int fdht_hardware_set(fdht_hardware *m, const char *key, const char *value, fdht_error *err)
{
    int n, i = key_index(key);
    fdht_sim_hw before = m->hw;
    const fdht_sim_key *k = fdht_sim_keys(&n) + (i < 0 ? 0 : i);
    int status = fdht_sim_hw_set(&m->hw, key, value, err);
    if (!status && i >= 0 && fdht_sim_hw_get(&m->hw, k) != fdht_sim_hw_get(&before, k))
        snprintf(m->source[i], sizeof m->source[i], "set by the user");
    return status;
}

/* KEY: value, or KEY: {"value": value, "source": "published: .."} */
static int take_key(fdht_hardware *m, const cJSON *item, const char *path, fdht_error *err)
{
    char number[64];
    const char *key = item->string, *source = NULL, *text;
    if (cJSON_IsObject(item)) {
        const cJSON *member;
        cJSON_ArrayForEach(member, item)
        {
            bool known = !strcmp(member->string, "value") || !strcmp(member->string, "source");
            if (!known)
                return fdht_fail(err, FDHT_EFORMAT, "%s: %.60s: %.60s is neither value nor source", path, key,
                                 member->string);
        }
        source = fdht_json_string(item, "source");
        item = cJSON_GetObjectItemCaseSensitive(item, "value");
    }
    text = cJSON_GetStringValue(item);
    if (cJSON_IsNumber(item)) {
        fdht_number_text(item->valuedouble, number, sizeof number);
        text = number;
    }
    if (!text)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %.60s: expected a number or a name", path, key);
    fdht_error why = {0};
    if (fdht_hardware_set(m, key, text, &why))
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s", path, why.msg);
    int i = key_index(key);
    if (source && (i < 0 || strlen(source) >= sizeof m->source[i] || !fdht_json_plain(source)))
        return fdht_fail(err, FDHT_EFORMAT, "%s: %.60s: source: expected less than %zu plain characters",
                         path, key, sizeof m->source[0]);
    if (source)
        snprintf(m->source[i], sizeof m->source[i], "%s", source);
    return FDHT_OK;
}

static int read_text(const fdht_machine_text *text, int depth, fdht_hardware *out, fdht_error *err);

/* A machine from its object; without a base of its own it takes `base`, NULL: nothing, every key must be there. */
static int read_object(const cJSON *json, const char *path, const char *base, int depth, fdht_hardware *out,
                       fdht_error *err)
{
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(json, "base"), *item;
    fdht_hardware m = {.hw = {.name = ""}};
    fdht_error why = {0};
    int status = FDHT_OK;
    base = said ? cJSON_GetStringValue(said) : base;
    if (said || base) {
        const fdht_machine_text *from = base && depth ? built_in(base) : NULL;
        if (!from)
            return fdht_fail(err, FDHT_EFORMAT, "%s: base: %.40s is no built-in machine", path,
                             base ? base : "this");
        if ((status = read_text(from, depth - 1, &m, err)))
            return status;
    }
    snprintf(m.hw.name, sizeof m.hw.name, "custom");
    cJSON_ArrayForEach(item, json)
    {
        bool frame = !strcmp(item->string, "schema") || !strcmp(item->string, "base") ||
                     !strcmp(item->string, "comment");
        if (!frame && (status = take_key(&m, item, path, err)))
            return status;
    }
    if (fdht_sim_hw_check(&m.hw, &why))
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s", path, why.msg);
    *out = m;
    return FDHT_OK;
}

static int read_text(const fdht_machine_text *text, int depth, fdht_hardware *out, fdht_error *err)
{
    cJSON *json = NULL;
    int status = fdht_json_parse(text->json, strlen(text->json), text->name, SCHEMA, &json, err);
    if (!status)
        status = read_object(json, text->name, NULL, depth, out, err);
    cJSON_Delete(json);
    return status;
}

enum { DEEPEST = 4 }; /* bases on bases; also ends a circle of them */

int fdht_hardware_open(const char *arch, fdht_hardware *out, fdht_error *err)
{
    const fdht_machine_text *known = built_in(arch);
    cJSON *json = NULL;
    if (known)
        return read_text(known, DEEPEST, out, err);
    int status = fdht_json_read(arch, SCHEMA, &json, err);
    if (!status)
        status = read_object(json, arch, "tie", DEEPEST, out, err);
    cJSON_Delete(json);
    return status;
}

int fdht_hardware_read(const char *path, fdht_sim_hw *out, fdht_error *err)
{
    cJSON *json = NULL;
    fdht_hardware m;
    int status = fdht_json_read(path, SCHEMA, &json, err);
    if (!status && !(status = read_object(json, path, "tie", DEEPEST, &m, err)))
        *out = m.hw;
    cJSON_Delete(json);
    return status;
}

int fdht_sim_hw_named(const char *name, fdht_sim_hw *out, fdht_error *err)
{
    const fdht_machine_text *known = built_in(name);
    fdht_hardware m;
    if (!known)
        return fdht_fail(err, FDHT_ENOENT, "no built-in machine %.40s", name);
    int status = read_text(known, DEEPEST, &m, err);
    if (!status)
        *out = m.hw;
    return status;
}
