/* clips/film.h - frames of a video file, decoded in a child process (clips/decoder.h) or, without one, here. Internal. */
#ifndef FDHT_CLIPS_FILM_H
#define FDHT_CLIPS_FILM_H

#include "clips/decoder.h"

typedef struct fdht_film fdht_film;

/* Start to decode a file. d: where; NULL: here. total: the frames that it has, where it is known that it claims another number; 0: not
 * known. What is wrong with the file is told by fdht_film_ready. FDHT_ENOENT, FDHT_EIO, FDHT_ENOSUP, FDHT_ENOMEM. */
int fdht_film_start(fdht_decoders *d, const char *path, fdht_file_kind kind, const fdht_clips_options *opt,
                    size_t total, const volatile sig_atomic_t *cancel, fdht_film **out, fdht_error *err);
/* Wait until it is open. FDHT_EFORMAT, FDHT_EIO, FDHT_EINTR. */
int fdht_film_ready(fdht_film *f, fdht_error *err);
void fdht_film_close(fdht_film *f); /* NULL allowed */

/* Of how many frames pixels are wanted: of opt->frames, unless they are chosen otherwise; 0: of all. */
size_t fdht_film_keeps(const fdht_clips_options *opt);
/* Frames that the container claims; 0: it does not say. */
size_t fdht_film_claimed(const fdht_film *f);
/* As fdht_libav_next. want must be what opt->frames and the number of frames say (clips/decoder.h). */
int fdht_film_next(fdht_film *f, bool want, fdht_libav_frame *out, bool *end, fdht_error *err);

#endif
