/* files/temp.h - temporary files beside the file they become, and those that dead processes left there. Internal. */
#ifndef FDHT_FILES_TEMP_H
#define FDHT_FILES_TEMP_H

#include <sys/types.h>

#include "base/base.h"
#include "fdht/io.h"

void fdht_directory_of(const char *path, char out[FDHT_OUT_PATH]);

/* Create ".NAME.tmp-PID-XXXXXXXX" in the directory of `path`, which nobody else has, open for reading and writing, locked (flock) as
 * long as it is open. mode: its bits, 0: what the umask leaves. Those of the same name that processes of this machine and user, now
 * dead, left a minute ago or earlier are removed first. FDHT_EIO, FDHT_EINVAL: the name is too long; temp is "" then. */
int fdht_temp_create(const char *path, mode_t mode, char temp[FDHT_OUT_PATH], int *fd, fdht_error *err);

#endif
