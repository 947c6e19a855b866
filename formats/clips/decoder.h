/* clips/decoder.h - what passes between a process that reads clips and those that decode video files for it. Internal.
 *
 *   this process              the server, forked once          a worker, forked by the server
 *   fdht_decoders_take  -->   forks with ring and socket  -->  waits
 *   fdht_decoder_ask    ------------------------------------>  a file
 *        <---------------------------------------------------  news: opened, frames, end or failure
 *        --------------------------------------------------->  how many slots of the ring are free again
 *        <-----------------   its fate: it died, and how
 *
 * The server is forked while the process is still alone with its thread: it has no other threads, so that what it forks is sound. The
 * ring is shared memory; the worker puts pixels there. Whatever a worker says is checked: it may be under control of the file. One
 * that has decoded a file without fault takes further ones; clips/film.c asks a fresh one where a used one fails. */
#ifndef FDHT_CLIPS_DECODER_H
#define FDHT_CLIPS_DECODER_H

#include <sys/types.h>

#include "clips/libav.h"

enum {
    FDHT_DECODER_BATCH = 8, /* frames in one piece of news */
    FDHT_DECODER_SLOTS = 64,
    FDHT_DECODER_RING = 4 << 20, /* bytes of the ring that are used, unless three frames need more */
    FDHT_DECODER_LEAST = 3,      /* slots */
    FDHT_DECODER_FILES = 64      /* that a worker takes, one after the other */
};
/* Bytes that a ring may ever have: LEAST of the largest frames. It takes memory only as far as it is used. */
#define FDHT_DECODER_LARGEST (FDHT_DECODER_LEAST * (size_t)3 * FDHT_IMAGE_MAX_PIXELS)

typedef struct fdht_decoder_request {
    int kind, matrix, range;
    size_t keep,
        total; /* pixels are wanted of `keep` frames, evenly chosen from `total` (0: as the file claims); keep 0: of all */
} fdht_decoder_request;

typedef enum fdht_decoder_word {
    FDHT_DECODER_OPENED,
    FDHT_DECODER_FRAMES,
    FDHT_DECODER_END,
    FDHT_DECODER_FAILED
} fdht_decoder_word;

typedef struct fdht_decoder_frame {
    size_t width, height, channels;
    size_t at;   /* in the ring */
    bool pixels; /* they are there, and take a slot */
    double time, duration;
} fdht_decoder_frame;

typedef struct fdht_decoder_news {
    fdht_decoder_word word;
    int status;            /* FAILED: a status */
    size_t claimed;        /* OPENED */
    double time, duration; /* END */
    size_t frames;
    fdht_decoder_frame frame[FDHT_DECODER_BATCH];
    char text[sizeof((fdht_error *)0)->msg]; /* FAILED */
} fdht_decoder_news;

typedef struct fdht_worker {
    unsigned id, files; /* that it was asked for */
    int socket, fate;   /* fate: an int, the state of waitpid, when it is dead */
    int ring;
    const uint8_t *map; /* so much of the ring in this process */
    size_t mapped;
} fdht_worker;

typedef struct fdht_decoders fdht_decoders;

/* Fork the server, if fdht_guard asked for children; *out = NULL if not. FDHT_ENOMEM: no process. */
int fdht_decoders_start(fdht_decoders **out, fdht_error *err);
void fdht_decoders_stop(fdht_decoders *d); /* NULL allowed */
/* A worker, an idle one or, if `fresh`, one that has had no file; back when it has ended a file without fault, else dropped, which
 * kills it. FDHT_ENOMEM, FDHT_EIO. */
int fdht_decoders_take(fdht_decoders *d, bool fresh, fdht_worker *out, fdht_error *err);
void fdht_decoders_back(fdht_decoders *d, fdht_worker *w);
void fdht_decoders_drop(fdht_decoders *d, fdht_worker *w);
/* Ask for the file `fd`, which stays the caller's. FDHT_EIO. */
int fdht_decoder_ask(fdht_worker *w, const fdht_decoder_request *r, int fd, fdht_error *err);

/* For tests: the signal that a worker gives itself at the fourth frame of its file number fdht_decoder_dies_in, from 1; 0: none. */
extern int fdht_decoder_dies, fdht_decoder_dies_in;

#endif
