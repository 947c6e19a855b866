/* tensor/format.c - the table of formats, and what callers ask it. */
#include "tensor/format.h"

#include <stdio.h>
#include <string.h>

static const fdht_format_row *const table[FDHT_FORMATS] = {
#define ROW(NAME, name) [FDHT_##NAME] = &fdht_format_##name,
    FDHT_FORMAT_MAP(ROW)
#undef ROW
};

const fdht_format_row *fdht_format_row_of(fdht_format f)
{
    return (unsigned)f < FDHT_FORMATS ? table[f] : NULL;
}

const fdht_format_traits *fdht_format_traits_of(fdht_format f)
{
    const fdht_format_row *row = fdht_format_row_of(f);
    return row ? &row->traits : NULL;
}

const char *fdht_format_name(fdht_format f)
{
    const fdht_format_row *row = fdht_format_row_of(f);
    return row ? row->traits.name : "unknown";
}

int fdht_format_parse(const char *name, fdht_format *out, fdht_error *err)
{
    char list[128] = "";
    size_t at = 0;
    for (int f = 0; f < FDHT_FORMATS; f++) {
        if (strcmp(name, table[f]->traits.name) == 0) {
            *out = (fdht_format)f;
            return FDHT_OK;
        }
        const char *before = f == 0 ? "" : f == FDHT_FORMATS - 1 ? " or " : ", ";
        if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", before, table[f]->traits.name);
    }
    return fdht_fail(err, FDHT_EINVAL, "format '%.40s': expected %s", name, list);
}

size_t fdht_op_spec_ranks(const fdht_op_spec *spec)
{
    const fdht_format_row *row = fdht_format_row_of(spec->format);
    return row && row->ranks ? row->ranks(spec) : 0;
}

void fdht_op_spec_set_rank(fdht_op_spec *spec, size_t rank)
{
    const fdht_format_row *row = fdht_format_row_of(spec->format);
    size_t n = FDHT_MIN(fdht_op_spec_ranks(spec), (size_t)FDHT_MAX_NODES);
    memset(spec->rank, 0, sizeof spec->rank);
    for (size_t i = 0; i < n; i++)
        spec->rank[i] = row->rank_at ? row->rank_at(spec, i, rank) : rank;
}
