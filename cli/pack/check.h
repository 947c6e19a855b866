/* pack/check.h - `fdht pack --check`: what a data set would be, and what is wrong with it. */
#ifndef CLI_PACK_CHECK_H
#define CLI_PACK_CHECK_H

#include "fdht/clips.h"
#include "frame/cli.h"
#include "pack/pack.h"

enum {
    CHECK_CLASSES = 24,
    CHECK_FRAMES = 6,
    CHECK_SIDE = 96
}; /* of the contact sheet, CHECK_SIDE pixels a picture */

typedef struct check_clip {
    uint64_t digest[2]; /* of shape and pixels */
    char *name;
    fdht_clip_shape shape;
    size_t number; /* in the list of clips, where its class, split and key are */
} check_clip;

typedef struct check_bad {
    char *name, *message;
} check_bad;

/* Zeroed to start. */
typedef struct pack_check {
    check_clip *clip;
    size_t n, size;
    check_bad *bad;
    size_t bads, bad_size;
    size_t shown;   /* classes on the contact sheet */
    uint8_t *sheet; /* (CHECK_CLASSES * CHECK_SIDE, CHECK_FRAMES * CHECK_SIDE, 3) */
    char *class_name[CHECK_CLASSES];
} pack_check;

/* A clip that pack would take, the number-th of its list; label NULL: none. */
void pack_check_add(pack_check *k, const fdht_clip_item *item, const char *label, size_t number);
/* A clip that it would leave out. */
void pack_check_bad(pack_check *k, const char *name, const char *message);
/* The report on standard output, text or --json. */
void pack_check_report(cli *c, pack_check *k, const pack_list *list);
/* One clip of each class, CHECK_FRAMES of its frames in a row. FDHT_EINVAL: no frames; and what frame/plot.h says. */
int pack_check_plot(cli *c, const pack_check *k, const char *path);
void pack_check_free(pack_check *k);

#endif
