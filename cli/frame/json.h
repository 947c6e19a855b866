/* frame/json.h - JSON documents and lines, with the number formats that scripts rely on. */
#ifndef CLI_FRAME_JSON_H
#define CLI_FRAME_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

typedef struct cli cli; /* frame/cli.h */

/* Numbers print in the fewest digits that read back as the same number; NaN and infinities as null. */

/* NULL: text is NULL or no JSON. Out of memory ends the program. */
cJSON *cli_json_parse(const char *text);
/* An object whose `schema` is "fdht.NAME/1". */
cJSON *cli_json_new(const cli *c);
/* key = NULL where parent is an array. Both return the new item, owned by parent. */
cJSON *cli_json_object(cJSON *parent, const char *key);
cJSON *cli_json_array(cJSON *parent, const char *key);
void cli_json_number(cJSON *parent, const char *key, double value);
/* A float's own shortest digits: 0.1f is 0.1. */
void cli_json_float(cJSON *parent, const char *key, float value);
void cli_json_size(cJSON *parent, const char *key, size_t value);
void cli_json_int(cJSON *parent, const char *key, long long value);
void cli_json_bool(cJSON *parent, const char *key, bool value);
/* s with U+FFFD for every byte that is not UTF-8, as strings are printed. Free with free(). */
char *cli_utf8(const char *s);
/* NULL prints null. */
void cli_json_string(cJSON *parent, const char *key, const char *value);
void cli_json_sizes(cJSON *parent, const char *key, const size_t *v, size_t n);
void cli_json_numbers(cJSON *parent, const char *key, const double *v, size_t n);
/* Print to f as one indented document, or as one line, and delete it. */
void cli_json_print(FILE *f, cJSON *json);
void cli_json_line(FILE *f, cJSON *json);

#endif
