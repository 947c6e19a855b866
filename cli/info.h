/* info.h - the readers behind `fdht info`. Each adds what it knows to json, whose `file` and `kind` stand
 * already; the frame prints it, as JSON or as text. */
#ifndef FDHT_CLI_INFO_H
#define FDHT_CLI_INFO_H

#include "cli.h"

typedef struct info_args {
    const char *path;
} info_args;

int info_dataset(cli *c, const info_args *a, cJSON *json);
int info_picture(cli *c, const info_args *a, cJSON *json);

#endif
