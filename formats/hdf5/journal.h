/* hdf5/journal.h - an HDF5 file being written that a killed process leaves as it was at the last commit. Internal.
 *
 * libhdf5 writes through a driver of ours. What lies behind the end of the last commit is written to the file; what changes bytes before
 * it is kept in memory. A commit, with the HDF5 file closed, puts those changes and a text of the caller into a log beside the
 * file, then into the file. Whoever goes on takes the log's last whole record: applies its changes once more, cuts the
 * file to the length it had, and has every text. Between commits memory holds only the index of the file that changed.
 *
 * A log is records of: "FDL2", the length of the payload (8 bytes), the payload, its CRC-32. The payload: the file's length, the number of
 * changes, the sum of the file with the changes in it (files/written.h, 16 bytes); then each change as offset, length, bytes;
 * then the text. Numbers are little-endian, 8 bytes. A record is read back once it is written, the file when it is gone on with. */
#ifndef FDHT_HDF5_JOURNAL_H
#define FDHT_HDF5_JOURNAL_H

#include "fdht/io.h"
#include "hdf5/h5.h"

typedef struct fdht_h5_journal fdht_h5_journal;

/* Begin anew with the file of an output opened with `seek` and `keep`, and the log `log`, which holds `text` from now on. The output
 * outlives the journal. FDHT_EIO. */
int fdht_h5_journal_new(fdht_out *file, const char *log, const void *text, size_t bytes,
                        fdht_h5_journal **out, fdht_error *err);
/* Go on. each: called with the text of every record, in order; the first is that of fdht_h5_journal_new. *commits: how many there are
 * behind it; 0: the file holds nothing, and nothing was opened (*out = NULL). A last record that was cut off counts as none.
 * FDHT_ENOENT: there is no log. FDHT_EFORMAT: the log is damaged, or the file is not what was written. */
int fdht_h5_journal_resume(fdht_out *file, const char *log,
                           int (*each)(void *arg, const uint8_t *text, size_t bytes, fdht_error *err),
                           void *arg, size_t *commits, fdht_h5_journal **out, fdht_error *err);
/* The HDF5 file: created, or opened as the last commit left it. Closed with fdht_h5_close. */
int fdht_h5_journal_create(fdht_h5_journal *j, hid_t *file, fdht_error *err);
int fdht_h5_journal_open(fdht_h5_journal *j, hid_t *file, fdht_error *err);
/* The HDF5 file is closed: all of it, and `text`, outlive the process. FDHT_EIO, FDHT_ENOMEM. */
int fdht_h5_journal_commit(fdht_h5_journal *j, const void *text, size_t bytes, fdht_error *err);
/* keep: the last commit is worth something; else the log is removed. NULL allowed. */
void fdht_h5_journal_close(fdht_h5_journal *j, bool keep);

#endif
