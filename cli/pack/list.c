/* pack/list.c - what `fdht pack` remembers of each clip, and the list of classes. */
#include "pack/pack.h"

#include <stdlib.h>
#include <string.h>

char *pack_copy(const char *s)
{
    return s ? strcpy(cli_calloc(strlen(s) + 1, 1), s) : NULL;
}

void *pack_grow(void *old, size_t n, size_t *size, size_t unit)
{
    if (n < *size)
        return old;
    *size = *size ? 2 * *size : 64;
    void *more = cli_calloc(*size, unit);
    if (n)
        memcpy(more, old, n * unit);
    free(old);
    return more;
}

static int class_of(pack_list *l, const char *name)
{
    if (!name)
        return -1;
    for (size_t k = l->classes; k-- > 0;) /* clips of one class mostly follow each other */
        if (!strcmp(l->class_name[k], name))
            return (int)k;
    l->class_name = pack_grow(l->class_name, l->classes, &l->class_size, sizeof *l->class_name);
    l->class_name[l->classes] = pack_copy(name);
    return (int)l->classes++;
}

void pack_list_add(pack_list *l, const char *label, int split, const char *key)
{
    l->clip = pack_grow(l->clip, l->n, &l->size, sizeof *l->clip);
    l->clip[l->n++] = (pack_clip){class_of(l, label), split, pack_copy(key)};
}

struct ordered {
    char *name;
    size_t was;
};

static int by_name(const void *a, const void *b)
{
    return fdht_natural_compare(((const struct ordered *)a)->name, ((const struct ordered *)b)->name);
}

void pack_list_sort(pack_list *l)
{
    struct ordered *o = cli_calloc(l->classes + 1, sizeof *o);
    int *now = cli_calloc(l->classes + 1, sizeof *now);
    for (size_t k = 0; k < l->classes; k++)
        o[k] = (struct ordered){l->class_name[k], k};
    qsort(o, l->classes, sizeof *o, by_name);
    for (size_t k = 0; k < l->classes; k++) {
        l->class_name[k] = o[k].name;
        now[o[k].was] = (int)k;
    }
    for (size_t i = 0; i < l->n; i++)
        if (l->clip[i].label >= 0)
            l->clip[i].label = now[l->clip[i].label];
    free(o);
    free(now);
}

void pack_list_free(pack_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->clip[i].key);
    for (size_t k = 0; k < l->classes; k++)
        free(l->class_name[k]);
    free(l->clip);
    free(l->class_name);
    *l = (pack_list){0};
}
