/* frame/config.h - options from a file of JSON, and the options of a run as such a text. */
#ifndef CLI_FRAME_CONFIG_H
#define CLI_FRAME_CONFIG_H

typedef struct cli cli; /* frame/cli.h */

/* {"hidden": 64, "in-modes": "8,8,3", "diff": true}: each option of the command by its long name, as if it had been given,
 * unless it was given on the command line. For parse, before anything is checked. FDHT_EINVAL: an option or a value that the
 * command does not take; FDHT_EFORMAT: no JSON object; FDHT_EIO, FDHT_ENOENT. */
int cli_config_read(cli *c, void *args, const char *path);

/* The options of the command's table that were given, without those of leave_out (NULL last), and the seed. One line; free
 * with free(). */
char *cli_config_text(const cli *c, const void *args, const char *const *leave_out);

#endif
