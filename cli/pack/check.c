/* pack/check.c - classes, groups, lengths, sizes, duplicates and a contact sheet, without writing a data set. */
#include "pack/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/basics.h"
#include "fdht/image.h"
#include "frame/json.h"
#include "frame/plot.h"

/* ---- clips as they come ---- */

static void digest(const fdht_clip_item *item, uint64_t out[2])
{
    const fdht_clip_shape *s = &item->shape;
    size_t shape[] = {s->length, s->width, s->height, s->channels, s->features}, n = fdht_clip_bytes(s),
           i = 0;
    const unsigned char *data = item->u8 ? item->u8 : (const unsigned char *)item->f32;
    uint64_t a = 1, b = 2, word;
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
        a = fdht_rng_hash(a ^ shape[k]);
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, data + i, 8);
        a = fdht_rng_hash(a ^ word);
        b = b * UINT64_C(0x9e3779b97f4a7c15) + word;
    }
    for (; i < n; i++)
        a = fdht_rng_hash(a ^ data[i]);
    out[0] = a;
    out[1] = b;
}

/* A frame into its place on the sheet, as large as it fits, the rest grey. */
static void show_frame(pack_check *k, const fdht_clip_shape *s, const uint8_t *pixel, size_t row,
                       size_t column)
{
    size_t longest = s->width > s->height ? s->width : s->height;
    size_t w = s->width * CHECK_SIDE / longest, h = s->height * CHECK_SIDE / longest;
    uint8_t small[CHECK_SIDE * CHECK_SIDE * 3];
    w = w ? w : 1;
    h = h ? h : 1;
    if (s->width > 65536 || s->height > 65536 ||
        fdht_image_resize(pixel, s->width, s->height, s->channels, small, w, h, NULL))
        return;
    size_t x = column * CHECK_SIDE + (CHECK_SIDE - w) / 2, y = row * CHECK_SIDE + (CHECK_SIDE - h) / 2;
    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < w; j++)
            for (size_t p = 0; p < 3; p++)
                k->sheet[((y + i) * CHECK_FRAMES * CHECK_SIDE + x + j) * 3 + p] =
                    small[(i * w + j) * s->channels + (s->channels == 3 ? p : 0)];
}

static void show(pack_check *k, const fdht_clip_item *item, const char *label)
{
    const fdht_clip_shape *s = &item->shape;
    if (!item->u8 || k->shown == CHECK_CLASSES)
        return;
    for (size_t i = 0; i < k->shown; i++)
        if (!strcmp(k->class_name[i], label))
            return;
    if (!k->sheet) {
        size_t bytes = (size_t)CHECK_CLASSES * CHECK_SIDE * CHECK_FRAMES * CHECK_SIDE * 3;
        k->sheet = memset(cli_calloc(bytes, 1), 224, bytes);
    }
    for (size_t i = 0; i < CHECK_FRAMES; i++)
        show_frame(k, s,
                   item->u8 +
                       fdht_sample_even(s->length, CHECK_FRAMES, i) * s->width * s->height * s->channels,
                   k->shown, i);
    k->class_name[k->shown++] = pack_copy(label);
}

void pack_check_add(pack_check *k, const fdht_clip_item *item, const char *label, size_t number)
{
    k->clip = pack_grow(k->clip, k->n, &k->size, sizeof *k->clip);
    check_clip *c = &k->clip[k->n++];
    *c = (check_clip){.name = pack_copy(item->name), .shape = item->shape, .number = number};
    digest(item, c->digest);
    show(k, item, label ? label : "(no label)");
}

void pack_check_bad(pack_check *k, const char *name, const char *message)
{
    k->bad = pack_grow(k->bad, k->bads, &k->bad_size, sizeof *k->bad);
    k->bad[k->bads++] = (check_bad){pack_copy(name), pack_copy(message)};
}

/* ---- the report ---- */

/* What is counted of a class, or of all. */
typedef struct tally {
    size_t clips, groups, shortest, longest;
} tally;

static int by_size(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* A key that begins with two slashes is of one clip alone. */
static bool in_group(const pack_clip *c)
{
    return c->key && strncmp(c->key, "//", 2) != 0;
}

static const pack_list *sorting; /* for by_key */

static int by_key(const void *a, const void *b)
{
    const check_clip *x = *(check_clip *const *)a, *y = *(check_clip *const *)b;
    const pack_clip *p = &sorting->clip[x->number], *q = &sorting->clip[y->number];
    int order = strcmp(p->key ? p->key : "", q->key ? q->key : "");
    return order ? order : p->label < q->label ? -1 : p->label > q->label;
}

/* all, then one a class (no label: none). */
static tally *count(const pack_check *k, const pack_list *list)
{
    tally *t = cli_calloc(list->classes + 1, sizeof *t);
    check_clip **order = cli_calloc(k->n + 1, sizeof *order);
    for (size_t i = 0; i < k->n; i++) {
        const check_clip *c = order[i] = &k->clip[i];
        int label = list->clip[c->number].label;
        for (int at = 0; at < (label >= 0 ? 2 : 1); at++) {
            tally *one = &t[at ? label + 1 : 0];
            size_t length = c->shape.length;
            one->shortest = !one->clips++ || length < one->shortest ? length : one->shortest;
            one->longest = length > one->longest ? length : one->longest;
        }
    }
    sorting = list;
    if (k->n > 1)
        qsort(order, k->n, sizeof *order, by_key);
    for (size_t i = 0; i < k->n; i++) {
        const pack_clip *now = &list->clip[order[i]->number],
                        *last = i ? &list->clip[order[i - 1]->number] : NULL;
        if (!in_group(now))
            continue;
        bool fresh = !last || !last->key || strcmp(last->key, now->key) != 0;
        t[0].groups += fresh;
        if (now->label >= 0)
            t[now->label + 1].groups += fresh || last->label != now->label;
    }
    free(order);
    return t;
}

static size_t median(const pack_check *k)
{
    size_t *length = cli_calloc(k->n + 1, sizeof *length);
    for (size_t i = 0; i < k->n; i++)
        length[i] = k->clip[i].shape.length;
    if (k->n > 1)
        qsort(length, k->n, sizeof *length, by_size);
    size_t middle = k->n ? length[k->n / 2] : 0;
    free(length);
    return middle;
}

static int by_digest(const void *a, const void *b)
{
    const check_clip *x = a, *y = b;
    for (int i = 0; i < 2; i++)
        if (x->digest[i] != y->digest[i])
            return x->digest[i] < y->digest[i] ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The end of the run of equal clips that starts at i; the clips are sorted by digest. */
static size_t run_end(const pack_check *k, size_t i)
{
    size_t j = i + 1;
    while (j < k->n && !memcmp(k->clip[i].digest, k->clip[j].digest, sizeof k->clip[i].digest))
        j++;
    return j;
}

static size_t duplicates(const pack_check *k)
{
    size_t n = 0;
    for (size_t i = 0, j; i < k->n; i = j)
        n += (j = run_end(k, i)) - i - 1;
    return n;
}

static void describe(char text[static 64], const fdht_clip_shape *s)
{
    if (s->features)
        snprintf(text, 64, "%zu features", s->features);
    else
        snprintf(text, 64, "%zux%zux%zu", s->width, s->height, s->channels);
}

/* Each size once, with how many clips have it: f(arg, size, clips). */
static void each_size(const pack_check *k, void (*f)(void *, const char *, size_t), void *arg)
{
    bool *seen = cli_calloc(k->n + 1, sizeof *seen);
    for (size_t i = 0, kinds = 0; i < k->n && kinds < 100; i++) {
        char text[64], other[64];
        size_t n = 0;
        if (seen[i])
            continue;
        describe(text, &k->clip[i].shape);
        for (size_t j = i; j < k->n; j++) {
            describe(other, &k->clip[j].shape);
            bool equal = !seen[j] && !strcmp(text, other);
            seen[j] |= equal;
            n += equal;
        }
        f(arg, text, n);
        kinds++;
    }
    free(seen);
}

static void print_size(void *arg, const char *size, size_t clips)
{
    (void)arg;
    printf("size %-24s %8zu clips\n", size, clips);
}

static void add_size(void *arg, const char *size, size_t clips)
{
    cJSON *one = cli_json_object(arg, NULL);
    cli_json_string(one, "size", size);
    cli_json_size(one, "clips", clips);
}

static void report_text(const pack_check *k, const pack_list *list, const tally *t)
{
    printf("%zu clips, %zu classes, %zu groups, %zu duplicates, %zu left out\n", k->n, list->classes,
           t[0].groups, duplicates(k), k->bads);
    printf("frames %zu to %zu, median %zu\n", t[0].shortest, t[0].longest, median(k));
    each_size(k, print_size, NULL);
    for (size_t c = 0; c < list->classes; c++) {
        printf("class ");
        cli_print_name(list->class_name[c], 0);
        printf(": %zu clips, %zu groups, %zu to %zu frames\n", t[c + 1].clips, t[c + 1].groups,
               t[c + 1].shortest, t[c + 1].longest);
    }
    for (size_t i = 0, j; i < k->n; i = j) {
        j = run_end(k, i);
        for (size_t d = i + 1; d < j; d++) {
            printf("duplicate ");
            cli_print_name(k->clip[d].name, 0);
            printf(" of ");
            cli_print_name(k->clip[i].name, 0);
            printf("\n");
        }
    }
}

static void report_json(cli *c, const pack_check *k, const pack_list *list, const tally *t)
{
    cJSON *json = cli_json_new(c);
    cli_json_size(json, "clips", k->n);
    cli_json_size(json, "groups", t[0].groups);
    cJSON *classes = cli_json_array(json, "classes");
    for (size_t i = 0; i < list->classes; i++) {
        cJSON *one = cli_json_object(classes, NULL);
        cli_json_string(one, "class", list->class_name[i]);
        cli_json_size(one, "clips", t[i + 1].clips);
        cli_json_size(one, "groups", t[i + 1].groups);
        cli_json_size(one, "min_frames", t[i + 1].shortest);
        cli_json_size(one, "max_frames", t[i + 1].longest);
    }
    cli_json_size(json, "min_frames", t[0].shortest);
    cli_json_size(json, "median_frames", median(k));
    cli_json_size(json, "max_frames", t[0].longest);
    each_size(k, add_size, cli_json_array(json, "sizes"));
    cJSON *same = cli_json_array(json, "duplicates");
    for (size_t i = 0, j; i < k->n; i = j)
        if ((j = run_end(k, i)) > i + 1) {
            cJSON *run = cli_json_array(same, NULL);
            for (size_t d = i; d < j; d++)
                cli_json_string(run, NULL, k->clip[d].name);
        }
    cJSON *bad = cli_json_array(json, "left_out");
    for (size_t i = 0; i < k->bads; i++) {
        cJSON *one = cli_json_object(bad, NULL);
        cli_json_string(one, "clip", k->bad[i].name);
        cli_json_string(one, "error", k->bad[i].message);
    }
    cli_json_print(stdout, json);
}

void pack_check_report(cli *c, pack_check *k, const pack_list *list)
{
    tally *t = count(k, list);
    if (k->n > 1)
        qsort(k->clip, k->n, sizeof *k->clip, by_digest);
    for (size_t i = 0, j; i < k->n; i = j) {
        j = run_end(k, i);
        for (size_t d = i + 1; d < j; d++) {
            const pack_clip *a = &list->clip[k->clip[i].number], *b = &list->clip[k->clip[d].number];
            if (a->label != b->label || a->split != b->split)
                cli_warn(c, "%s is the same clip as %s, in another %s", k->clip[d].name, k->clip[i].name,
                         a->label != b->label ? "class" : "split");
        }
    }
    if (c->json)
        report_json(c, k, list, t);
    else
        report_text(k, list, t);
    free(t);
}

/* ---- the contact sheet ---- */

int pack_check_plot(cli *c, const pack_check *k, const char *path)
{
    char title[80];
    FILE *g = NULL, *pixels = NULL;
    size_t width = CHECK_FRAMES * CHECK_SIDE, height = k->shown * CHECK_SIDE, bytes = width * height * 3;
    if (!k->shown)
        return cli_fail(c, FDHT_EINVAL, "--plot: there are no frames to draw");
    if (!(pixels = tmpfile()) || fwrite(k->sheet, 1, bytes, pixels) != bytes || fflush(pixels)) {
        int why = errno;
        if (pixels)
            fclose(pixels);
        return cli_fail(c, FDHT_EIO, "%s: no picture: a temporary file: %s", path, strerror(why));
    }
    snprintf(title, sizeof title, "a clip of each class, %d frames of it", CHECK_FRAMES);
    int status = cli_plot_begin(c, path,
                                &(cli_plot){.width = (int)width + 240,
                                            .height = (int)height + 90,
                                            .rows = 1,
                                            .title = title,
                                            .model = c->argv[0]},
                                &g);
    if (!status) {
        fprintf(
            g,
            "unset grid\nunset key\nunset xtics\nset border 0\nset lmargin screen %g\nset rmargin screen %g\n"
            "set tmargin screen %g\nset bmargin screen %g\nset xrange [0:%zu]\nset yrange [%zu:0]\nset ytics "
            "scale 0 (",
            220. / (double)(width + 240), 1 - 20. / (double)(width + 240), 1 - 70. / (double)(height + 90),
            20. / (double)(height + 90), width, height);
        for (size_t i = 0; i < k->shown; i++) {
            fprintf(g, "%s'", i ? ", " : "");
            for (const char *s = k->class_name[i]; *s && s < k->class_name[i] + 24; s++)
                fputc((unsigned char)*s < ' ' || *s == '\'' ? '?' : *s, g);
            fprintf(g, "' %g", ((double)i + .5) * CHECK_SIDE);
        }
        fprintf(g, ")\nplot '/dev/fd/%d' binary array=(%zu,%zu) format='%%uchar' using 1:2:3 with rgbimage\n",
                fileno(pixels), width, height);
        rewind(pixels);
        status = cli_plot_end(c, path, g);
    }
    fclose(pixels);
    return status;
}

void pack_check_free(pack_check *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->clip[i].name);
    for (size_t i = 0; i < k->bads; i++) {
        free(k->bad[i].name);
        free(k->bad[i].message);
    }
    for (size_t i = 0; i < k->shown; i++)
        free(k->class_name[i]);
    free(k->clip);
    free(k->bad);
    free(k->sheet);
    *k = (pack_check){0};
}
