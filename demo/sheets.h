/* sheets.h - sprite sheets of the Debian package flare-game (art CC-BY-SA 3.0): one text file and one RGBA picture a
 * piece. */
#ifndef DEMO_SHEETS_H
#define DEMO_SHEETS_H

#include <stdint.h>
#include <stdio.h>

enum { SHEET_ACTIONS = 8, SHEET_DIRECTIONS = 8, SHEET_FRAMES = 8, SHEET_LAYERS = 7 };

/* The eight actions in label order, and the seven slots a piece can fill; both as the art names them. */
extern const char *const sheet_actions[SHEET_ACTIONS];
extern const char *const sheet_slots[SHEET_LAYERS];

/* One picture cut out of a sheet: its corner and size in the sheet, and the avatar's foot point inside it. w
 * == 0: nothing to draw. */
typedef struct sheet_cut {
    int x, y, w, h, foot_x, foot_y;
} sheet_cut;

typedef struct sheet_action {
    int frames;     /* pictures of this animation, 0 if the sheet lacks it */
    int back_forth; /* played forwards, then backwards */
    int looped;     /* has no beginning: may be sampled from any moment */
    sheet_cut cut[SHEET_FRAMES][SHEET_DIRECTIONS];
} sheet_action;

typedef struct sheet {
    int width, height;
    uint8_t *rgba; /* height rows of width straight-alpha pixels, owned */
    sheet_action action[SHEET_ACTIONS];
} sheet;

/* Reads ART/animations/avatar/BODY/NAME.txt and the picture it names. Returns 0, or -1 with one line in msg
 * (size bytes) and nothing to free. An action that has pictures for less than nine tenths of its frames
 * counts as lacking. */
int sheet_read(sheet *s, const char *art, const char *body, const char *name, char *msg, size_t size);
void sheet_free(sheet *s);

/* Reads ART/engine/hero_layers.txt: order[d][k] is the slot drawn k-th, back to front, when the avatar looks
 * in direction d. */
int sheet_layers(int order[SHEET_DIRECTIONS][SHEET_LAYERS], const char *art, char *msg, size_t size);

/* Draws a cut so that its foot point falls on (x, y) of an rgb24 picture; parts outside are left out. */
void sheet_draw(const sheet *s, const sheet_cut *cut, uint8_t *rgb, int width, int height, int x, int y);

#endif
