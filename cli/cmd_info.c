/* fdht info FILE - what a file holds. Each kind of file is one row of `readers`. */
#include "info.h"

#include <string.h>

static const cli_option options[] = {
    CLI_END,
};

static const struct {
    fdht_file_kind kind;
    const char *name; /* `kind` of the document */
    int (*read)(cli *c, const info_args *a, cJSON *json);
} readers[] = {
    {FDHT_FILE_DATASET, "dataset", info_dataset},
    {FDHT_FILE_PNG, "png", info_picture},
    {FDHT_FILE_PNM, "pnm", info_picture},
};

static int parse(cli *c, void *p)
{
    info_args *a = p;
    if (c->argc != 1)
        return cli_usage(c, "expected one FILE, got %d", c->argc);
    a->path = c->argv[0];
    return cli_check_hdf5_input(c, a->path);
}

/* ---- the same tree as text: "key: value" lines, lists of numbers in one line ---- */

static bool is_nested(const cJSON *item)
{
    return cJSON_IsObject(item) || (cJSON_IsArray(item) && item->child && is_nested(item->child)) ||
           (cJSON_IsArray(item) && item->child && cJSON_IsArray(item->child));
}

static void print_value(const cJSON *item)
{
    if (cJSON_IsArray(item)) {
        for (const cJSON *v = item->child; v; v = v->next) {
            print_value(v);
            if (v->next)
                fputs(", ", stdout);
        }
    } else if (cJSON_IsNull(item))
        fputs("none", stdout);
    else if (cJSON_IsBool(item))
        fputs(cJSON_IsTrue(item) ? "yes" : "no", stdout);
    else
        fputs(item->valuestring, stdout); /* strings, and numbers as raw digits (json.c) */
}

static void print_tree(const cJSON *parent, int indent)
{
    for (const cJSON *item = parent->child; item; item = item->next) {
        bool in_list = !item->string;
        if (!in_list)
            printf("%*s%s:", indent, "", item->string);
        if (!is_nested(item)) {
            in_list ? (void)printf("%*s- ", indent, "") : (void)putchar(' ');
            print_value(item);
            putchar('\n');
        } else if (in_list) {
            printf("%*s-\n", indent, "");
            print_tree(item, indent + 2);
        } else {
            putchar('\n');
            print_tree(item, indent + 2);
        }
    }
}

static int run(cli *c, void *p)
{
    const info_args *a = p;
    fdht_file_kind kind;
    int st = fdht_file_identify(a->path, &kind, &c->err);
    if (st)
        return st;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (readers[i].kind != kind)
            continue;
        cJSON *json = cli_json_new(c);
        cli_json_string(json, "file", a->path);
        cli_json_string(json, "kind", readers[i].name);
        st = readers[i].read(c, a, json);
        if (st)
            cJSON_Delete(json);
        else if (c->json)
            cli_json_print(stdout, json);
        else {
            cJSON_DeleteItemFromObject(json, "schema");
            print_tree(json, 0);
            cJSON_Delete(json);
        }
        return st;
    }
    if (kind == FDHT_FILE_OTHER)
        return cli_fail(c, FDHT_EFORMAT, "%s: not a file that fdht knows", a->path);
    return cli_fail(c, FDHT_EFORMAT, "%s: %s: nothing more is known of such files", a->path,
                    fdht_file_kind_name(kind));
}

const cli_command cmd_info = {
    .name = "info",
    .summary = "what a file holds",
    .usage = "FILE [options]",
    .common = CLI_WITH_JSON,
    .options = options,
    .args_size = sizeof(info_args),
    .parse = parse,
    .run = run,
};
