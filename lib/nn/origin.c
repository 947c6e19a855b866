/* nn/origin.c - how a model was made: what the program that made it says, kept with it. */
#include <stdio.h>

#include "nn/model.h"

const char *fdht_origin_name(fdht_origin key)
{
    static const char *const name[FDHT_ORIGINS] = {
#define FDHT_ORIGIN_NAME(NAME, name) [FDHT_ORIGIN_##NAME] = #name,
        FDHT_ORIGIN_MAP(FDHT_ORIGIN_NAME)
#undef FDHT_ORIGIN_NAME
    };
    return (unsigned)key < FDHT_ORIGINS ? name[key] : "unknown";
}

const char *fdht_model_origin(const fdht_model *m, fdht_origin key)
{
    return (unsigned)key < FDHT_ORIGINS ? m->origin[key] : "";
}

void fdht_model_set_origin(fdht_model *m, fdht_origin key, const char *text)
{
    if ((unsigned)key < FDHT_ORIGINS)
        snprintf(m->origin[key], sizeof m->origin[key], "%s", text ? text : "");
}
