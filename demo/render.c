/* render: labelled action clips from the sprite sheets of Debian's flare-game, drawn on the user's machine.
 *
 * An avatar in full gear is put together from one piece per slot and drawn at the size the artists gave it
 * (about 65 pixels tall) on flat grey, 160x120, 6 frames spread evenly over one of eight actions. A subject
 * is a body with an outfit; every subject does all eight actions once. Gear is split by piece: a piece of the
 * test set is never worn in training or validation (recolours of one shape count as one). The two bodies, the
 * empty hand and nothing else are common to all sets. Each clip depends only on the seed, its set and its
 * number: asking for more clips does not change the first ones. */
#include "sheets.h"

#include <errno.h>
#include <getopt.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 160, HEIGHT = 120, FRAMES = 6, GREY = 128, FOOT_X = 80, FOOT_Y = 86 };
enum { FRAME_BYTES = WIDTH * HEIGHT * 3, CLIP_BYTES = FRAME_BYTES * FRAMES };
enum { TRAIN, VAL, TEST, SETS };
enum { MALE, FEMALE, BODIES };

static const char *const set_names[SETS] = {"train", "val", "test"};
static const char *const body_names[BODIES] = {"male", "female"};
static const int two_directions[2] = {5, 7}; /* front right and front left: faces are seen */

/* Weapons whose sheets lack an action (all axes, hammers, maces, clubs: no shooting) would give the action
 * away and stay out. */
static const struct piece {
    const char *slot, *name;
    int set;
    unsigned bodies; /* bit mask of body_names */
} pieces[] = {
    {"head", "head_short", TRAIN, 1},
    {"head", "head_long", TRAIN, 2},
    {"head", "plate_helm", TRAIN, 3},
    {"head", "mage_hood", TRAIN, 3},
    {"head", "mage_hood_alt1", TRAIN, 3},
    {"head", "mage_hood_alt2", TRAIN, 3},
    {"head", "leather_hood", VAL, 3},
    {"head", "chain_coif", TEST, 3},
    {"head", "head_bald", TEST, 1},
    {"chest", "default_chest", TRAIN, 3},
    {"chest", "leather_chest", TRAIN, 3},
    {"chest", "mage_vest", TRAIN, 3},
    {"chest", "mage_vest_alt1", TRAIN, 3},
    {"chest", "mage_vest_alt2", TRAIN, 3},
    {"chest", "chain_cuirass", VAL, 3},
    {"chest", "cloth_shirt", TEST, 3},
    {"chest", "plate_cuirass", TEST, 3},
    {"legs", "cloth_pants", TRAIN, 3},
    {"legs", "chain_greaves", TRAIN, 3},
    {"legs", "plate_greaves", TRAIN, 3},
    {"legs", "default_legs", VAL, 3},
    {"legs", "leather_pants", TEST, 3},
    {"legs", "mage_skirt", TEST, 3},
    {"legs", "mage_skirt_alt1", TEST, 3},
    {"legs", "mage_skirt_alt2", TEST, 3},
    {"hands", "leather_gloves", TRAIN, 3},
    {"hands", "chain_gloves", TRAIN, 3},
    {"hands", "mage_sleeves", TRAIN, 3},
    {"hands", "mage_sleeves_alt1", TRAIN, 3},
    {"hands", "mage_sleeves_alt2", TRAIN, 3},
    {"hands", "plate_gauntlets", VAL, 3},
    {"hands", "default_hands", TEST, 3},
    {"hands", "cloth_gloves", TEST, 3},
    {"feet", "cloth_sandals", TRAIN, 3},
    {"feet", "leather_boots", TRAIN, 3},
    {"feet", "plate_boots", TRAIN, 3},
    {"feet", "mage_boots", VAL, 3},
    {"feet", "mage_boots_alt1", VAL, 3},
    {"feet", "mage_boots_alt2", VAL, 3},
    {"feet", "default_feet", TEST, 3},
    {"feet", "chain_boots", TEST, 3},
    {"main", "dagger", TRAIN, 3},
    {"main", "greatsword", TRAIN, 3},
    {"main", "staff", TRAIN, 3},
    {"main", "wand", TRAIN, 3},
    {"main", "shortsword", VAL, 3},
    {"main", "longsword", TEST, 3},
    {"main", "greatstaff", TEST, 3},
    {"main", "rod", TEST, 3},
    {"off", "buckler", TRAIN, 3},
    {"off", "shield", TRAIN, 3},
    {"off", "shortbow", TRAIN, 3},
    {"off", "greatbow", TRAIN, 3},
    {"off", "slingshot", VAL, 3},
    {"off", "iron_buckler", TEST, 3},
    {"off", "longbow", TEST, 3},
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

typedef struct options {
    const char *art, *out, *raw, *y4m, *labels;
    long count[SETS];
    int directions, jitter, list;
    uint64_t seed;
} options;

typedef struct library {
    sheet sheets[BODIES][PIECES]; /* rgba == NULL: the body has no such piece */
    int order[SHEET_DIRECTIONS][SHEET_LAYERS];
} library;

/* Everything drawn at random about one clip. worn[slot] is a piece or -1. */
typedef struct clip {
    int set, label, body, direction, x, y;
    int worn[SHEET_LAYERS];
    int moment[FRAMES]; /* picture of the animation shown in each frame */
} clip;

static _Noreturn void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "render: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    exit(status);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int below(uint64_t *state, int n)
{
    return (int)((next(state) >> 32) * (uint64_t)n >> 32);
}

static uint64_t stream(uint64_t seed, int set, long number)
{
    uint64_t s = seed;
    s = next(&s) ^ (uint64_t)set;
    s = next(&s) ^ (uint64_t)number;
    next(&s);
    return s;
}

static int slot_of(const char *name)
{
    int k = 0;
    while (strcmp(sheet_slots[k], name))
        k++;
    return k;
}

/* One piece of the set for each slot; a hand stays empty once in as many draws as it has pieces, plus one. */
static void dress(clip *c, uint64_t *state)
{
    c->body = below(state, BODIES);
    for (int slot = 0; slot < SHEET_LAYERS; slot++) {
        int fit[PIECES], n = 0;
        for (int p = 0; p < PIECES; p++)
            if (pieces[p].set == c->set && pieces[p].bodies >> c->body & 1 && slot_of(pieces[p].slot) == slot)
                fit[n++] = p;
        int may_be_empty = !strcmp(sheet_slots[slot], "main") || !strcmp(sheet_slots[slot], "off");
        int k = below(state, n + may_be_empty);
        c->worn[slot] = k < n ? fit[k] : -1;
    }
}

/* A camera of steady rate: frame k shows the animation at (k + u) sixths of its length, u the same for the
 * clip. */
static void choose_moments(clip *c, const sheet_action *a, uint64_t *state)
{
    int length = a->back_forth && a->frames > 1 ? 2 * a->frames - 2 : a->frames;
    double u = (double)below(state, 1 << 20) / (1 << 20);
    int from = a->looped ? below(state, length) : 0;
    for (int k = 0; k < FRAMES; k++) {
        int m = (int)((k + u) * length / FRAMES + from) % length;
        c->moment[k] = m < a->frames ? m : length - m;
    }
}

static const sheet_action *action_of(const library *lib, const clip *c)
{
    int chest = c->worn[slot_of("chest")];
    return &lib->sheets[c->body][chest].action[c->label];
}

/* Clip number n of a set: subject n / 8 doing action n % 8. */
static void choose_clip(clip *c, const library *lib, const options *o, int set, long n)
{
    uint64_t subject = stream(o->seed, set, n / SHEET_ACTIONS), own = stream(~o->seed, set, n);
    memset(c, 0, sizeof *c);
    c->set = set;
    c->label = (int)(n % SHEET_ACTIONS);
    dress(c, &subject);
    c->direction = o->directions == 2 ? two_directions[below(&own, 2)] : below(&own, SHEET_DIRECTIONS);
    c->x = FOOT_X - o->jitter + below(&own, 2 * o->jitter + 1);
    c->y = FOOT_Y - o->jitter + below(&own, 2 * o->jitter + 1);
    choose_moments(c, action_of(lib, c), &own);
}

static void draw_clip(uint8_t *rgb, const library *lib, const clip *c)
{
    memset(rgb, GREY, CLIP_BYTES);
    for (int k = 0; k < FRAMES; k++)
        for (int z = 0; z < SHEET_LAYERS; z++) {
            int p = c->worn[lib->order[c->direction][z]];
            if (p < 0)
                continue;
            const sheet *s = &lib->sheets[c->body][p];
            sheet_draw(s, &s->action[c->label].cut[c->moment[k]][c->direction], rgb + k * FRAME_BYTES, WIDTH,
                       HEIGHT, c->x, c->y);
        }
}

static void load(library *lib, const options *o)
{
    char msg[8192];
    if (sheet_layers(lib->order, o->art, msg, sizeof msg))
        fail(3, msg, NULL);
    for (int p = 0; p < PIECES; p++)
        for (int b = 0; b < BODIES; b++) {
            sheet *s = &lib->sheets[b][p];
            if (!(pieces[p].bodies >> b & 1) || !o->count[pieces[p].set])
                continue;
            if (sheet_read(s, o->art, body_names[b], pieces[p].name, msg, sizeof msg))
                fail(3, msg, NULL);
            for (int a = 0; a < SHEET_ACTIONS; a++)
                if (!s->action[a].frames) {
                    snprintf(msg, sizeof msg, "%s/%s: the sheet lacks the action %s", body_names[b],
                             pieces[p].name, sheet_actions[a]);
                    fail(3, msg, NULL);
                }
        }
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        fail(1, path, strerror(errno));
}

static void make_folders(const options *o)
{
    char path[4096];
    make_folder(o->out);
    for (int set = 0; set < SETS; set++)
        for (int a = -1; o->count[set] && a < SHEET_ACTIONS; a++) {
            snprintf(path, sizeof path, "%s/%s/%s", o->out, set_names[set], a < 0 ? "" : sheet_actions[a]);
            make_folder(path);
        }
}

static void write_pngs(const char *out, const char *clip_name, const uint8_t *rgb)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", out, clip_name);
    make_folder(path);
    for (int k = 0; k < FRAMES; k++) {
        png_image image = {.version = PNG_IMAGE_VERSION,
                           .width = WIDTH,
                           .height = HEIGHT,
                           .format = PNG_FORMAT_RGB,
                           .flags = PNG_IMAGE_FLAG_FAST};
        snprintf(path, sizeof path, "%s/%s/%d.png", out, clip_name, k);
        if (!png_image_write_to_file(&image, path, 0, rgb + k * FRAME_BYTES, 0, NULL))
            fail(1, path, image.message);
    }
}

/* BT.601, limited range, no subsampling */
static void write_y4m(FILE *f, const uint8_t *rgb)
{
    static uint8_t plane[3][WIDTH * HEIGHT];
    for (int k = 0; k < FRAMES; k++, rgb += FRAME_BYTES) {
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            double r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2], y = .299 * r + .587 * g + .114 * b;
            plane[0][i] = (uint8_t)(16 + y * 219 / 255 + .5);
            plane[1][i] = (uint8_t)(128 + (b - y) / 1.772 * 224 / 255 + .5);
            plane[2][i] = (uint8_t)(128 + (r - y) / 1.402 * 224 / 255 + .5);
        }
        fputs("FRAME\n", f);
        fwrite(plane, 1, sizeof plane, f);
    }
}

static FILE *open_file(const char *path)
{
    if (!path)
        return NULL;
    FILE *f = strcmp(path, "-") ? fopen(path, "wb") : stdout;
    if (!f)
        fail(1, path, strerror(errno));
    return f;
}

static void close_file(FILE *f, const char *path)
{
    if (f && (ferror(f) | fclose(f)))
        fail(1, path, errno ? strerror(errno) : "write failed");
}

static void write_label(FILE *f, const char *name, const clip *c, long n)
{
    fprintf(f, "%s\t%s\t%s-%04ld\t%s\t%d\t%s", name, sheet_actions[c->label], set_names[c->set],
            n / SHEET_ACTIONS, set_names[c->set], c->direction, body_names[c->body]);
    for (int slot = 0; slot < SHEET_LAYERS; slot++)
        if (c->worn[slot] >= 0)
            fprintf(f, "+%s", pieces[c->worn[slot]].name);
    fputc('\n', f);
}

static void render(const options *o, const library *lib)
{
    static uint8_t rgb[CLIP_BYTES];
    char name[64];
    FILE *raw = open_file(o->raw), *y4m = open_file(o->y4m), *labels = open_file(o->labels);
    long all = o->count[TRAIN] + o->count[VAL] + o->count[TEST], done = 0;
    if (o->out)
        make_folders(o);
    if (labels)
        fputs("clip\tlabel\tsubject\tsplit\tdirection\tgear\n", labels);
    if (y4m)
        fprintf(y4m, "YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C444 XCOLORRANGE=LIMITED\n", WIDTH, HEIGHT);
    for (int set = 0; set < SETS; set++)
        for (long n = 0; n < o->count[set]; n++) {
            clip c;
            choose_clip(&c, lib, o, set, n);
            draw_clip(rgb, lib, &c);
            snprintf(name, sizeof name, "%s/%s/%05ld", set_names[set], sheet_actions[c.label], n);
            if (o->out)
                write_pngs(o->out, name, rgb);
            if (raw && fwrite(rgb, 1, CLIP_BYTES, raw) != CLIP_BYTES)
                fail(1, o->raw, strerror(errno));
            if (y4m)
                write_y4m(y4m, rgb);
            if (labels)
                write_label(labels, name, &c, n);
            if (++done % 100 == 0 && isatty(2))
                fprintf(stderr, "\rrender: %ld of %ld clips%s", done, all, done == all ? "\n" : "");
        }
    close_file(raw, o->raw);
    close_file(y4m, o->y4m);
    close_file(labels, o->labels);
}

static void usage(FILE *f)
{
    fputs(
        "usage: render --art DIR (--out DIR | --raw FILE | --y4m FILE) [--labels FILE] [--split "
        "train=N,val=N,test=N]\n"
        "              [--directions 2|8] [--seed N] [--jitter PX]\n"
        "       render --list\n\n"
        "Draws labelled action clips (160x120, 6 frames, 8 actions) from the sprite sheets of flare-game.\n\n"
        "  --art DIR        the art: .../share/games/flare/mods/fantasycore of the unpacked package\n"
        "  --out DIR        PNG folders DIR/SET/ACTION/CLIP/0.png .. 5.png (and DIR/labels.tsv)\n"
        "  --raw FILE       rgb24 frames, clip after clip; - for standard output\n"
        "  --y4m FILE       the same as YUV4MPEG2 4:4:4, BT.601 limited range; - for standard output\n"
        "  --labels FILE    a table: clip, label, subject, split, direction, gear\n"
        "  --split LIST     clips of each set (train=840,val=120,test=240); no piece of gear is in two sets\n"
        "  --directions N   2: two views of the avatar, 8: all of them (2)\n"
        "  --seed N         (1)\n"
        "  --jitter PX      the avatar stands up to PX pixels off the middle, each way (8)\n"
        "  --list           the pieces of gear: slot, name, set, bodies\n",
        f);
}

static long number(const char *text, long low, long high, const char *what)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < low || v > high)
        fail(2, what, text);
    return v;
}

static void parse_split(options *o, char *list)
{
    for (int k = 0; k < SETS; k++)
        o->count[k] = 0;
    char *rest = NULL;
    for (char *w = strtok_r(list, ",", &rest); w; w = strtok_r(NULL, ",", &rest)) {
        int k = 0;
        size_t n = strcspn(w, "=");
        while (k < SETS && (strlen(set_names[k]) != n || strncmp(w, set_names[k], n)))
            k++;
        if (k == SETS || w[n] != '=')
            fail(2, "--split wants train=N,val=N,test=N, not", w);
        o->count[k] = number(w + n + 1, 0, 10000000, "--split");
    }
}

static void parse(options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"art", 1, 0, 'a'},        {"out", 1, 0, 'o'},   {"raw", 1, 0, 'r'},  {"y4m", 1, 0, 'y'},
        {"labels", 1, 0, 'l'},     {"split", 1, 0, 's'}, {"seed", 1, 0, 'S'}, {"jitter", 1, 0, 'j'},
        {"directions", 1, 0, 'd'}, {"list", 0, 0, 'L'},  {"help", 0, 0, 'h'}, {0, 0, 0, 0},
    };
    for (int k; (k = getopt_long(argc, argv, "h", longs, NULL)) != -1;)
        switch (k) {
        case 'a':
            o->art = optarg;
            break;
        case 'o':
            o->out = optarg;
            break;
        case 'r':
            o->raw = optarg;
            break;
        case 'y':
            o->y4m = optarg;
            break;
        case 'l':
            o->labels = optarg;
            break;
        case 's':
            parse_split(o, optarg);
            break;
        case 'S':
            o->seed = (uint64_t)number(optarg, 0, 2147483647, "--seed");
            break;
        case 'j':
            o->jitter = (int)number(optarg, 0, 40, "--jitter");
            break;
        case 'd':
            o->directions = (int)number(optarg, 2, 8, "--directions");
            break;
        case 'L':
            o->list = 1;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    if (o->directions != 2 && o->directions != 8)
        fail(2, "--directions is 2 or 8", NULL);
    if (optind < argc)
        fail(2, "unexpected argument", argv[optind]);
    if (!o->list && (!o->art || (!o->out && !o->raw && !o->y4m))) {
        usage(stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static library lib;
    options o = {.count = {840, 120, 240}, .directions = 2, .jitter = 8, .seed = 1};
    char labels[4096];
    parse(&o, argc, argv);
    if (o.list) {
        for (int p = 0; p < PIECES; p++)
            printf("%s\t%s\t%s\t%s\n", pieces[p].slot, pieces[p].name, set_names[pieces[p].set],
                   (const char *[]){"male", "female", "male,female"}[pieces[p].bodies - 1]);
        return fflush(stdout) ? 1 : 0;
    }
    if (o.out && !o.labels) {
        snprintf(labels, sizeof labels, "%s/labels.tsv", o.out);
        make_folder(o.out);
        o.labels = labels;
    }
    load(&lib, &o);
    render(&o, &lib);
    for (int b = 0; b < BODIES; b++)
        for (int p = 0; p < PIECES; p++)
            sheet_free(&lib.sheets[b][p]);
    return 0;
}
