/* taster.h - what sound.c and the program taster say to each other: packets on a socket, a path there, one of these bytes back. */
#ifndef FDHT_FUZZ_TASTER_H
#define FDHT_FUZZ_TASTER_H

#include <sys/socket.h>

enum { TASTER_PATH = 64 }; /* bytes of a path */
/* DEAD: the file is refused or libhdf5 died of it. STUCK: sound, but libhdf5 does not close it again. */
enum { TASTER_DEAD, TASTER_SOUND, TASTER_STUCK };

#endif
