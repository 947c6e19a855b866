/* mutate_json.c - JSON text in which a number, a string or a list takes the place of another. */
#include <ctype.h>

#include "mutate.h"

enum { TOKENS = 1024, LONGEST = 256 };

typedef struct token {
    size_t at, n;
} token;

/* The bytes of the value or key that begins at `at`, to its closing bracket if it has one; 0 where none begins. */
static size_t token_size(const uint8_t *d, size_t size, size_t at)
{
    size_t n = 1, depth = 1;
    if (d[at] == '"') {
        while (at + n < size && d[at + n] != '"')
            n += d[at + n] == '\\' ? 2 : 1;
        return at + n < size ? n + 1 : 0;
    }
    if (d[at] == '[' || d[at] == '{') {
        for (; at + n < size && depth; n++)
            depth += (d[at + n] == '[' || d[at + n] == '{') - (d[at + n] == ']' || d[at + n] == '}');
        return depth ? 0 : n;
    }
    if (!isalnum(d[at]) && d[at] != '-')
        return 0;
    while (at + n < size && (isalnum(d[at + n]) || strchr("+-.", d[at + n])))
        n++;
    return n;
}

static size_t find_tokens(const uint8_t *d, size_t size, token *t)
{
    size_t found = 0;
    for (size_t at = 0; at < size && found < TOKENS;) {
        size_t n = token_size(d, size, at);
        if (n)
            t[found++] = (token){at, n};
        at += n && d[at] != '[' && d[at] != '{' ? n : 1;
    }
    return found;
}

size_t mutate_json(uint8_t *data, size_t size, size_t max, fdht_rng *r)
{
    static const char *const telling[] = {
        "0",         "1",     "-1",          "2",        "4294967295", "4294967296", "18446744073709551616",
        "268435456", "1e999", "-0",          "0.5",      "null",       "true",       "\"\"",
        "[]",        "{}",    "\"\\u0000\"", "\"a\\nb\""};
    static token t[TOKENS];
    uint8_t with[LONGEST];
    size_t n = find_tokens(data, size, t), new;
    if (!n)
        return 0;
    token to = t[fdht_rng_below(r, n)], from = t[fdht_rng_below(r, n)];
    if (fdht_rng_below(r, 3) == 0) {
        const char *text = telling[fdht_rng_below(r, FDHT_COUNT(telling))];
        new = strlen(text);
        memcpy(with, text, new);
    } else if (from.n <= sizeof with) {
        new = from.n;
        memcpy(with, data + from.at, new);
    } else
        return 0;
    return mutate_splice(data, &size, max, to.at, to.n, with, new) ? size : 0;
}
