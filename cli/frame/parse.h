/* frame/parse.h - text to numbers, sizes and lists. */
#ifndef CLI_FRAME_PARSE_H
#define CLI_FRAME_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLI_MAX_LIST = 64 };

/* Filled by list options; n = 0 when the option was not given. */
typedef struct cli_sizes {
    size_t n, v[CLI_MAX_LIST];
} cli_sizes;
/* WxH; 0 x 0 when not given. */
typedef struct cli_extent {
    size_t width, height;
} cli_extent;

/* Each parses the whole text: false if anything is left over or the value is out of range. */
bool cli_parse_int(const char *s, long min, long max, long *out);
bool cli_parse_u64(const char *s, uint64_t *out);
bool cli_parse_size(const char *s, double min, double max, size_t *out);
bool cli_parse_double(const char *s, double min, double max, double *out);
bool cli_parse_sizes(const char *s, double min, double max, cli_sizes *out);
bool cli_parse_extent(const char *s, cli_extent *out);
bool cli_parse_bytes(const char *s, size_t *out);
/* Index of s in "a|b|c", -1 if it is none of them. */
int cli_parse_choice(const char *s, const char *choices);

#endif
