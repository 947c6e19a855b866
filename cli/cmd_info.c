/* fdht info FILE - what a file holds. Each kind of file is one row of `kinds`. */
#include "cli.h"

#include <errno.h>
#include <string.h>

typedef struct args {
    const char *path;
} args;

static const cli_option options[] = {
    CLI_END,
};

/* The first bytes of the file, zero-padded. */
typedef struct head {
    char bytes[64];
    size_t n;
} head;

static bool is_png(const head *h)
{
    return !memcmp(h->bytes, "\x89PNG\r\n\x1a\n", 8);
}

static bool is_y4m(const head *h)
{
    return !memcmp(h->bytes, "YUV4MPEG2 ", 10);
}

/* What the first bytes say; show prints the rest of what is known about a file of the kind. */
static const struct {
    const char *kind, *text;
    bool (*is)(const head *h);
    int (*show)(cli *c, const char *path, cJSON *json);
} kinds[] = {
    {"png", "PNG image", is_png, NULL},
    {"y4m", "YUV4MPEG2 video", is_y4m, NULL},
};

static int read_head(cli *c, const char *path, head *h)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return cli_fail(c, FDHT_ENOENT, "%s: %s", path, strerror(errno));
    *h = (head){.n = 0};
    errno = 0;
    h->n = fread(h->bytes, 1, sizeof h->bytes, f);
    bool bad = ferror(f);
    int error = errno;
    fclose(f);
    return bad ? cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(error)) : FDHT_OK;
}

static int parse(cli *c, void *p)
{
    args *a = p;
    if (c->argc != 1)
        return cli_usage(c, "expected one FILE, got %d", c->argc);
    a->path = c->argv[0];
    return cli_check_hdf5_input(c, a->path);
}

static int run(cli *c, void *p)
{
    const args *a = p;
    head h;
    int st = read_head(c, a->path, &h);
    if (st)
        return st;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!kinds[i].is(&h))
            continue;
        cJSON *json = c->json ? cli_json_new(c) : NULL;
        if (json) {
            cli_json_string(json, "file", a->path);
            cli_json_string(json, "kind", kinds[i].kind);
        } else
            printf("%s: %s\n", a->path, kinds[i].text);
        st = kinds[i].show ? kinds[i].show(c, a->path, json) : FDHT_OK;
        if (st)
            cJSON_Delete(json);
        else if (json)
            cli_json_print(stdout, json);
        return st;
    }
    return cli_fail(c, FDHT_EFORMAT, "%s: not a file that fdht knows", a->path);
}

const cli_command cmd_info = {
    .name = "info",
    .summary = "what a file holds",
    .usage = "FILE [options]",
    .common = CLI_WITH_JSON,
    .options = options,
    .args_size = sizeof(args),
    .parse = parse,
    .run = run,
};
