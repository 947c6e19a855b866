/* json/json.h - reading small JSON files. Internal. */
#ifndef FDHT_JSON_JSON_H
#define FDHT_JSON_JSON_H

#include <cjson/cJSON.h>

#include "base/base.h"

/* Parse a file of at most 1 MiB that holds one object of this schema ("fdht-hw-1"; NULL: any). FDHT_EVERSION if only
 * the number at the schema's end differs. Free with cJSON_Delete. */
int fdht_json_read(const char *path, const char *schema, cJSON **out, fdht_error *err);

/* The same of at most so many bytes. */
int fdht_json_read_up_to(const char *path, size_t most, const char *schema, cJSON **out, fdht_error *err);

/* The same from text; path names it in errors. */
int fdht_json_parse(const char *text, size_t size, const char *path, const char *schema, cJSON **out,
                    fdht_error *err);

/* Parse anything, up to *end; *out = NULL: it is no JSON. FDHT_ENOMEM, which cJSON itself does not tell from that. */
int fdht_json_text(const char *text, size_t size, const char **end, cJSON **out, fdht_error *err);

/* List of n (at most max) whole numbers >= 1 under key; FDHT_EFORMAT names file and key. required = false: n = 0 if it
 * is not there. */
int fdht_json_sizes(const cJSON *json, const char *path, const char *key, bool required, size_t max,
                    size_t *v, size_t *n, fdht_error *err);
int fdht_json_size(const cJSON *json, const char *path, const char *key, size_t absent, size_t *v,
                   fdht_error *err);
const char *fdht_json_string(const cJSON *json, const char *key);
/* Whether text holds no control characters, which a terminal would obey. */
bool fdht_json_plain(const char *text);

#endif
