/* info/info.h - the readers behind `fdht info`. Each adds what it knows to json, whose `kind` is already set; cmd_info.c
 * prints it, as JSON or as text. */
#ifndef CLI_INFO_INFO_H
#define CLI_INFO_INFO_H

#include "frame/cli.h"
#include "frame/json.h"
#include "fdht/model.h"

typedef struct info_args {
    const char *path, *preset;
    bool presets, plan, config;
} info_args;

typedef int info_reader(cli *c, const info_args *a, cJSON *json);

int info_dataset(cli *c, const info_args *a, cJSON *json);
int info_model(cli *c, const info_args *a, cJSON *json);
/* --config: a document of its own. */
int info_config(cli *c, const info_args *a);
int info_picture(cli *c, const info_args *a, cJSON *json);
int info_hardware(cli *c, const info_args *a, cJSON *json);
int info_workload(cli *c, const info_args *a, cJSON *json);
int info_mapping(cli *c, const info_args *a, cJSON *json);
int info_preset(cli *c, const info_args *a, cJSON *json);
int info_presets(cli *c, const info_args *a, cJSON *json);

/* Which of them reads a JSON file. */
int info_json(cli *c, const info_args *a, const char **kind, info_reader **read);

/* The keys `cell`, `in_modes`, `out_modes`, `tree`, `ranks` and so on of one cell. */
int info_cell(cli *c, const fdht_cell_spec *cell, cJSON *json);
/* The key `plan`: what one frame costs in n cells. */
int info_plan(cli *c, const fdht_cell_spec *cell, int n, cJSON *json);
/* The keys `kind`, `name`, `inputs`, `outputs` and so on of one link of a chain. */
void info_link(const fdht_link *l, cJSON *link);
int info_weights(cli *c, const info_args *a, cJSON *json);

#endif
