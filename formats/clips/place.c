/* clips/place.c - what the folders above a clip say: its split, its class, and the group it belongs to. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clips/clips.h"

enum { MAX_PARTS = FDHT_FOLDER_DEPTH + 2 };

static int split_of(const char *part, size_t n)
{
    static const struct {
        const char *name;
        int split;
    } known[] = {{"train", FDHT_SPLIT_TRAIN}, {"training", FDHT_SPLIT_TRAIN}, {"val", FDHT_SPLIT_VAL},
                 {"valid", FDHT_SPLIT_VAL},   {"validation", FDHT_SPLIT_VAL}, {"test", FDHT_SPLIT_TEST},
                 {"testing", FDHT_SPLIT_TEST}};
    for (size_t i = 0; i < FDHT_COUNT(known); i++)
        if (strlen(known[i].name) == n && !strncasecmp(part, known[i].name, n))
            return known[i].split;
    return FDHT_SPLIT_NONE;
}

static char *copy(const char *from, const char *end)
{
    size_t n = (size_t)(end - from);
    char *s = fdht_calloc(n + 1, 1);
    if (s)
        memcpy(s, from, n);
    return s;
}

/* Levels count from 1. Two folders and the clip are needed before the first one can be a split: DIR/test/CLIP is class "test". */
int fdht_place(const char *below, size_t class_level, fdht_clip_item *item)
{
    const char *part[MAX_PARTS + 1];
    size_t n = 0, level = class_level;
    int split;
    while (*below == '/')
        below++;
    for (const char *at = below; at && *at && n < MAX_PARTS; at = strchr(at, '/'), at = at ? at + 1 : NULL)
        part[n++] = at;
    if (n < 2) /* the clip lies in the folder that was given */
        return FDHT_OK;
    part[n] = part[n - 1] + strlen(part[n - 1]) + 1;
    split = n >= 3 ? split_of(part[0], (size_t)(part[1] - part[0] - 1)) : FDHT_SPLIT_NONE;
    if (!level)
        level = split >= 0 ? 2 : 1;
    if (split >= 0 && level >= 2)
        item->split = split;
    if (level >= n)
        return FDHT_OK;
    if (!(item->label_name = copy(part[level - 1], part[level] - 1)))
        return FDHT_ENOMEM;
    if (level < n - 1 && !(item->group = copy(part[level], part[n - 1] - 1)))
        return FDHT_ENOMEM;
    return FDHT_OK;
}
