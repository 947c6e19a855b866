/* fdht/io.h - output files that are whole or absent, and what a path holds.
 *
 * An output is written under a temporary name next to its target (".NAME.tmp-PID-XXXXXXXX" in the same
 * directory), flushed, fsynced, read back and renamed over it; until fdht_out_commit returns FDHT_OK the target is as it
 * was. Whatever is not committed is removed by fdht_out_discard, or by fdht_out_guard_clean from a signal
 * handler; what a process left that was killed, by the next fdht_out_open of the same output a minute later. An output is used by one thread at a time; different outputs by different threads. */
#ifndef FDHT_IO_H
#define FDHT_IO_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a file holds, as text: "sha256:" and 64 hexadecimal digits; of a file over FDHT_DIGEST_WHOLE bytes "sha256-pieces:",
 * the digest of its length (8 bytes, most significant first) and of 1,024 pieces of 64 KiB, the i-th from byte
 * i floor((length - 64 KiB) / 1023) on. FDHT_ENOENT, FDHT_EIO; FDHT_EINVAL: no regular file; FDHT_ENOMEM. Any thread. */
enum { FDHT_DIGEST_TEXT = 80 };
#define FDHT_DIGEST_WHOLE ((uint64_t)256 << 20)
FDHT_API int fdht_file_digest(const char *path, char text[FDHT_DIGEST_TEXT], fdht_error *err);

enum { FDHT_OUT_GUARD_SLOTS = 8, FDHT_OUT_PATH = 4096 };

/* The temporary files now open, for a program that catches signals. Belongs to the caller, valid when zeroed,
 * usually static; the writers below fill and clear its slots. A writer that finds no free slot fails with
 * FDHT_ELIMIT. */
typedef struct fdht_out_guard {
    struct {
        volatile sig_atomic_t used;
        char path[FDHT_OUT_PATH];
    } slot[FDHT_OUT_GUARD_SLOTS];
} fdht_out_guard;

/* Unlink every temporary file in the guard. Async-signal-safe: call it from a handler, then _exit. */
FDHT_API void fdht_out_guard_clean(fdht_out_guard *g);

/* How an output is made. Every writer of formats/ takes one; NULL means all false. Kept by reference until the output is
 * committed or discarded. */
typedef struct fdht_out_options {
    bool force;            /* replace an existing target; otherwise FDHT_EEXIST "NAME: exists" */
    fdht_out_guard *guard; /* NULL: none */
    /* The temporary file is FILE.partial, written at its end, locked against a second writer (FDHT_EIO), and left there by
     * fdht_out_discard and by signals unless it is empty: what a killed run had written is still there for the next one. It
     * is opened as it is; a caller that does not go on with it truncates it. */
    bool keep;
} fdht_out_options;

typedef struct fdht_out fdht_out;

/* Could `path` be written now? FDHT_EEXIST as above; FDHT_EIO if it is a directory or its directory is
 * missing or not writable; FDHT_EINVAL for "-" or anything that is not a regular file if `seek` (HDF5 needs
 * seek). For use before long work. */
FDHT_API int fdht_out_check(const char *path, bool seek, const fdht_out_options *opt, fdht_error *err);

/* Start an output. "-" is stdout; a target that exists and is no regular file (/dev/null, a FIFO) is written
 * in place; both are refused with FDHT_EINVAL if `seek`. A symbolic link is followed: the file it points to
 * is replaced, the link stays. The errors of fdht_out_check. End it with exactly one of fdht_out_commit and
 * fdht_out_discard. */
FDHT_API int fdht_out_open(const char *path, bool seek, const fdht_out_options *opt, fdht_out **out,
                           fdht_error *err);

/* The stream to write to, buffered; with `seek` it may be positioned anywhere. It has no descriptor (fileno) of its own. Its
 * errors need no checking: commit does. Belongs to the output. */
FDHT_API FILE *fdht_out_stream(fdht_out *o);

/* Bytes of the temporary file, with what the stream has buffered. */
FDHT_API uint64_t fdht_out_size(fdht_out *o);
/* Take away what the temporary file holds behind `size` bytes; the stream goes on there. For what an earlier run left (`keep`).
 * FDHT_EIO; FDHT_EINVAL: it is smaller, or no temporary file. */
FDHT_API int fdht_out_cut(fdht_out *o, uint64_t size, fdht_error *err);

/* Flush, check for any error since the start, fsync, read the file back and compare it with the sum of what was written, close,
 * rename, fsync the directory; frees the output in every case. On failure (FDHT_EIO with the system's reason, or "what was written is
 * not what is read back"; FDHT_EEXIST if the target appeared meanwhile; FDHT_ENOMEM) nothing is left behind. The file is read from
 * the disk where the system lets its cache go. Standard output, and what is written in place, is not read back. */
FDHT_API int fdht_out_commit(fdht_out *o, fdht_error *err);

/* Remove the temporary file and free. NULL allowed. errno is kept. */
FDHT_API void fdht_out_discard(fdht_out *o);

/* Do both paths lead to the same file (device and inode, through links), or, where neither is there yet, to the same name in the
 * same directory? "-" is the same as nothing. */
FDHT_API bool fdht_same_file(const char *a, const char *b);

/* What a path holds, by its content and never by its name. */
typedef enum fdht_file_kind {
    FDHT_FILE_OTHER, /* none of these */
    FDHT_FILE_DIRECTORY,
    FDHT_FILE_STREAM,  /* a pipe, a socket or a terminal: cannot be looked into */
    FDHT_FILE_MODEL,   /* HDF5 with attribute format = "fdht-model" */
    FDHT_FILE_DATASET, /* HDF5 that fdht_dataset_open would read as clips */
    FDHT_FILE_HDF5,    /* any other HDF5: dense weights, perhaps */
    FDHT_FILE_PNG,
    FDHT_FILE_PNM, /* PGM or PPM, P5 or P6 */
    FDHT_FILE_Y4M,
    FDHT_FILE_IDX,  /* IDX, gzipped or plain, of unsigned bytes */
    FDHT_FILE_ZIP,  /* a zip archive that is none of those below */
    FDHT_FILE_JSON, /* first printing character is '{' */
    FDHT_FILE_SAFETENSORS,
    FDHT_FILE_NPY,
    FDHT_FILE_NPZ,
    FDHT_FILE_TORCH, /* a zip archive as torch.save writes it */
    FDHT_FILE_ONNX,
    FDHT_FILE_KERAS,       /* a zip archive with model.weights.h5 */
    FDHT_FILE_TORCHSCRIPT, /* from here on: named, never read */
    FDHT_FILE_TORCH_OLD,   /* torch.save before PyTorch 1.6 */
    FDHT_FILE_PICKLE,
    FDHT_FILE_LFS, /* what git leaves where Git LFS is missing */
    FDHT_FILE_HTML,
    FDHT_FILE_GZIP,
    FDHT_FILE_PDF,
    FDHT_FILE_MP4, /* from here on: read as clips (fdht/clips.h), otherwise named; MP4 with QuickTime and 3GP */
    FDHT_FILE_MATROSKA, /* with WebM */
    FDHT_FILE_AVI,
    FDHT_FILE_GIF,
    FDHT_FILE_MPEG,  /* program or transport stream */
    FDHT_FILE_VIDEO, /* FLV, Windows Media, Ogg */
    FDHT_FILE_JPEG,
    FDHT_FILE_KINDS
} fdht_file_kind;

/* Is this kind a container of video that libavformat reads? */
FDHT_API bool fdht_file_is_video(fdht_file_kind kind);

/* FDHT_ENOENT if there is nothing at path, FDHT_EIO if it cannot be read. An HDF5 file too damaged to open is
 * FDHT_FILE_HDF5. */
FDHT_API int fdht_file_identify(const char *path, fdht_file_kind *out, fdht_error *err);

/* The same of the first `n` bytes (512 tell all) of something that cannot be looked into twice, such as a pipe; what needs
 * more than that, as the kinds of HDF5 and of zip archives, is given by its outer form. */
FDHT_API fdht_file_kind fdht_file_identify_bytes(const void *bytes, size_t n);

/* For programs, before any other use of libhdf5: libhdf5 then prints nothing on this thread and does nothing at exit.
 * After a full disk or a damaged file libhdf5 can hold objects that it fails to free; at exit it would complain on
 * stderr, or crash. The library closes each file itself, and without this call silences libhdf5 call by call. FDHT_ENOMEM: libhdf5
 * cannot start; no function that needs it is to be called then. While it starts stderr leads nowhere. */
FDHT_API int fdht_hdf5_quiet(void);

/* From now on child processes stand between this one and files that may crash a library, under limits of address space, processor
 * time and files. Every HDF5 file is walked in one before any reader of this library opens it; a file that passed is not walked again
 * while it stays as it is. Video files are decoded in one a file, and only pixels come back. A damaged or hostile file that
 * crashes libhdf5 or libav, fills the memory or never ends is FDHT_EFORMAT. For programs that read files of others; off at first,
 * since it forks (from the thread that opens an HDF5 file, under libhdf5's lock, and from the one in fdht_clips_open). Threads:
 * any; call it before the first file is opened. */
FDHT_API void fdht_guard(bool on);

/* "model", "dataset", "hdf5", "png", ... Static storage. */
FDHT_API const char *fdht_file_kind_name(fdht_file_kind kind);
/* For a kind that is named, never read: what the file is and what to do about it, one line without the file's name. NULL
 * for every other kind. Static storage. */
FDHT_API const char *fdht_file_kind_advice(fdht_file_kind kind);

/* The one order of names here: runs of digits compare as numbers, the rest as bytes; "f2" < "f10". Equal only for equal
 * strings. */
FDHT_API int fdht_natural_compare(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
