/* json/machines.h - the text of the built-in machines: formats/json/machines/NAME.json, compiled in by the build
 * (machines.awk). Internal. */
#ifndef FDHT_JSON_MACHINES_H
#define FDHT_JSON_MACHINES_H

typedef struct fdht_machine_text {
    const char *name, *json;
} fdht_machine_text;

/* One row a file, in the order of their names; the last has name NULL. */
extern const fdht_machine_text fdht_machine_texts[];

#endif
