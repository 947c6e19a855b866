/* sheets.c - reads the sprite sheets of flare-game: the text that names the frames, and the picture. */
#include "sheets.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

const char *const sheet_actions[SHEET_ACTIONS] = {"stance", "run",   "swing", "shoot",
                                                  "cast",   "block", "hit",   "die"};
const char *const sheet_slots[SHEET_LAYERS] = {"main", "feet", "legs", "hands", "chest", "head", "off"};

static int index_of(const char *const *names, int n, const char *word)
{
    for (int k = 0; k < n; k++)
        if (!strcmp(names[k], word))
            return k;
    return -1;
}

static int read_picture(sheet *s, const char *path, char *msg, size_t size)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, path)) {
        snprintf(msg, size, "%s: %s", path, image.message);
        return -1;
    }
    if (image.width > 8192 || image.height > 8192) {
        snprintf(msg, size, "%s: %ux%u pixels are too many for a sprite sheet", path, image.width,
                 image.height);
        png_image_free(&image);
        return -1;
    }
    image.format = PNG_FORMAT_RGBA;
    s->width = (int)image.width;
    s->height = (int)image.height;
    s->rgba = malloc(PNG_IMAGE_SIZE(image));
    if (!s->rgba || !png_image_finish_read(&image, NULL, s->rgba, 0, NULL)) {
        snprintf(msg, size, "%s: %s", path, s->rgba ? image.message : "out of memory");
        png_image_free(&image);
        return -1;
    }
    return 0;
}

/* frame=INDEX,DIRECTION,X,Y,W,H,FOOT_X,FOOT_Y */
static int read_frame(sheet_action *a, const char *value)
{
    int k, d, end = 0;
    sheet_cut c;
    if (sscanf(value, "%d,%d,%d,%d,%d,%d,%d,%d%n", &k, &d, &c.x, &c.y, &c.w, &c.h, &c.foot_x, &c.foot_y,
               &end) != 8 ||
        value[end])
        return -1;
    if (k < 0 || k >= SHEET_FRAMES || d < 0 || d >= SHEET_DIRECTIONS || c.x < 0 || c.y < 0 || c.w < 0 ||
        c.h < 0)
        return -1;
    a->cut[k][d] = c;
    return 0;
}

/* What comes before the first [action] may only be the picture's name; other actions than ours are skipped.
 */
static int read_line(sheet *s, sheet_action **now, char *line, char *image, size_t size)
{
    line[strcspn(line, "\r\n")] = 0;
    if (line[0] == '[') {
        line[strcspn(line, "]")] = 0;
        int k = index_of(sheet_actions, SHEET_ACTIONS, line + 1);
        *now = k < 0 ? NULL : &s->action[k];
        return 0;
    }
    char *value = strchr(line, '=');
    if (!value || line[0] == '#')
        return 0;
    *value++ = 0;
    if (!strcmp(line, "image"))
        return snprintf(image, size, "%s", value) < (int)size ? 0 : -1;
    if (!*now)
        return 0;
    if (!strcmp(line, "frame"))
        return read_frame(*now, value);
    if (!strcmp(line, "frames"))
        return ((*now)->frames = atoi(value)) >= 1 && (*now)->frames <= SHEET_FRAMES ? 0 : -1;
    if (!strcmp(line, "type")) {
        (*now)->back_forth = !strcmp(value, "back_forth");
        (*now)->looped = strcmp(value, "play_once") != 0;
    }
    return 0;
}

static int read_index(sheet *s, const char *path, char *image, size_t image_size, char *msg, size_t size)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        snprintf(msg, size, "%s: %s", path, strerror(errno));
        return -1;
    }
    char line[512];
    int number = 0, bad = 0;
    sheet_action *now = NULL;
    while (!bad && fgets(line, sizeof line, f)) {
        number++;
        bad = read_line(s, &now, line, image, image_size);
    }
    fclose(f);
    if (bad)
        snprintf(msg, size, "%s:%d: not an animation line this program knows", path, number);
    else if (!image[0])
        snprintf(msg, size, "%s: names no image", path);
    return bad || !image[0] ? -1 : 0;
}

/* Cuts must lie inside the picture; an action with too few of them is struck out. */
static int check_cuts(sheet *s, const char *path, char *msg, size_t size)
{
    for (int a = 0; a < SHEET_ACTIONS; a++) {
        sheet_action *act = &s->action[a];
        int drawn = 0;
        for (int k = 0; k < act->frames; k++)
            for (int d = 0; d < SHEET_DIRECTIONS; d++) {
                const sheet_cut *c = &act->cut[k][d];
                if (c->x > s->width - c->w || c->y > s->height - c->h) {
                    snprintf(msg, size, "%s: frame %d,%d of [%s] lies outside the %dx%d picture", path, k, d,
                             sheet_actions[a], s->width, s->height);
                    return -1;
                }
                drawn += c->w > 0 && c->h > 0;
            }
        if (10 * drawn < 9 * act->frames * SHEET_DIRECTIONS)
            act->frames = 0;
    }
    return 0;
}

int sheet_read(sheet *s, const char *art, const char *body, const char *name, char *msg, size_t size)
{
    char path[4096], image[512] = "", picture[4096 + 520];
    memset(s, 0, sizeof *s);
    snprintf(path, sizeof path, "%s/animations/avatar/%s/%s.txt", art, body, name);
    if (read_index(s, path, image, sizeof image, msg, size))
        return -1;
    snprintf(picture, sizeof picture, "%s/%s", art, image);
    if (read_picture(s, picture, msg, size) || check_cuts(s, path, msg, size)) {
        sheet_free(s);
        return -1;
    }
    return 0;
}

void sheet_free(sheet *s)
{
    free(s->rgba);
    s->rgba = NULL;
}

/* layer=DIRECTION,SLOT,SLOT,.. */
static int read_layer(int order[SHEET_DIRECTIONS][SHEET_LAYERS], char *value)
{
    char *rest = NULL, *word = strtok_r(value, ",\r\n", &rest);
    int d = word && word[0] >= '0' && word[0] < '0' + SHEET_DIRECTIONS && !word[1] ? word[0] - '0' : -1;
    if (d < 0)
        return -1;
    unsigned seen = 0;
    for (int k = 0; k < SHEET_LAYERS; k++) {
        word = strtok_r(NULL, ",\r\n", &rest);
        int slot = word ? index_of(sheet_slots, SHEET_LAYERS, word) : -1;
        if (slot < 0 || seen >> slot & 1)
            return -1;
        order[d][k] = slot;
        seen |= 1u << slot;
    }
    return d;
}

int sheet_layers(int order[SHEET_DIRECTIONS][SHEET_LAYERS], const char *art, char *msg, size_t size)
{
    char path[4096], line[512];
    snprintf(path, sizeof path, "%s/engine/hero_layers.txt", art);
    FILE *f = fopen(path, "r");
    if (!f) {
        snprintf(msg, size, "%s: %s", path, strerror(errno));
        return -1;
    }
    unsigned seen = 0;
    int bad = 0;
    while (!bad && fgets(line, sizeof line, f)) {
        if (strncmp(line, "layer=", 6))
            continue;
        int d = read_layer(order, line + 6);
        bad = d < 0;
        seen |= bad ? 0 : 1u << d;
    }
    fclose(f);
    if (bad || seen != (1u << SHEET_DIRECTIONS) - 1) {
        snprintf(msg, size, "%s: expected one layer line with the seven slots for each of 8 directions",
                 path);
        return -1;
    }
    return 0;
}

void sheet_draw(const sheet *s, const sheet_cut *cut, uint8_t *rgb, int width, int height, int x, int y)
{
    for (int j = 0; j < cut->h; j++) {
        int py = y - cut->foot_y + j;
        if (py < 0 || py >= height)
            continue;
        for (int i = 0; i < cut->w; i++) {
            int px = x - cut->foot_x + i;
            if (px < 0 || px >= width)
                continue;
            const uint8_t *from =
                s->rgba + 4 * ((size_t)(cut->y + j) * (size_t)s->width + (size_t)(cut->x + i));
            uint8_t *to = rgb + 3 * ((size_t)py * (size_t)width + (size_t)px);
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)((from[c] * from[3] + to[c] * (255 - from[3]) + 127) / 255);
        }
    }
}
