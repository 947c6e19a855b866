/* fdht info FILE - what a file holds; fdht info --preset NAME. Each kind of file is one row of `readers`. */
#include "info/info.h"
#include "frame/output.h"

#include <string.h>

static const cli_option options[] = {
    CLI_STRING(info_args, preset, 0, "preset", "NAME", "describe a preset instead of a file"),
    CLI_FLAG(info_args, presets, 0, "presets", "list the presets"),
    CLI_FLAG(info_args, plan, 0, "plan", "how a frame is computed, step by step (models and presets)"),
    CLI_FLAG(info_args, config, 0, "config", "the options that made a model, for fdht train --config"),
    CLI_END,
};

static const struct {
    fdht_file_kind kind;
    const char *name; /* `kind` of the document */
    info_reader *read;
} readers[] = {
    {FDHT_FILE_HDF5, "weights", info_weights},
    {FDHT_FILE_ZIP, "weights", info_weights}, /* refused, saying what is inside */
    {FDHT_FILE_SAFETENSORS, "weights", info_weights},
    {FDHT_FILE_NPY, "weights", info_weights},
    {FDHT_FILE_NPZ, "weights", info_weights},
    {FDHT_FILE_TORCH, "weights", info_weights},
    {FDHT_FILE_ONNX, "weights", info_weights},
    {FDHT_FILE_KERAS, "weights", info_weights},
    {FDHT_FILE_MODEL, "model", info_model},
    {FDHT_FILE_DATASET, "dataset", info_dataset},
    {FDHT_FILE_PNG, "png", info_picture},
    {FDHT_FILE_PNM, "pnm", info_picture},
};

static int parse(cli *c, void *p)
{
    info_args *a = p;
    if (a->presets + (a->preset != NULL) + (c->argc > 0) > 1)
        return cli_usage(c, "a FILE, --preset and --presets exclude each other");
    if (a->config && (c->argc != 1 || a->plan))
        return cli_usage(c, "--config needs one MODEL.h5 and nothing else");
    if (a->presets && a->plan)
        return cli_usage(c, "--plan needs a FILE or --preset");
    if (a->presets || a->preset)
        return FDHT_OK;
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
    else { /* strings, and numbers as raw digits (frame/json.c) */
        cli_one_line(item->valuestring);
        fputs(item->valuestring, stdout);
    }
}

/* Short enough for one line: plain values, no sentences. */
static bool is_flat(const cJSON *object)
{
    for (const cJSON *item = object->child; item; item = item->next)
        if (cJSON_IsArray(item) || cJSON_IsObject(item) ||
            (cJSON_IsString(item) && strchr(item->valuestring, ' ')))
            return false;
    return true;
}

static void print_tree(const cJSON *parent, int indent)
{
    for (const cJSON *item = parent->child; item; item = item->next) {
        printf("%*s%s", indent, "", item->string ? item->string : "-");
        fputs(item->string ? ":" : "", stdout);
        if (!is_nested(item)) {
            putchar(' ');
            print_value(item);
            putchar('\n');
        } else if (!item->string && is_flat(item)) { /* a row of a list */
            for (const cJSON *v = item->child; v; v = v->next) {
                printf(" %s ", v->string);
                print_value(v);
                fputs(v->next ? "," : "\n", stdout);
            }
        } else {
            putchar('\n');
            print_tree(item, indent + 2);
        }
    }
}

static int describe(cli *c, const info_args *a, const char *kind, info_reader *read)
{
    cJSON *json = cli_json_new(c);
    if (a->path)
        cli_json_string(json, "file", a->path);
    cli_json_string(json, "kind", kind);
    int status = read(c, a, json);
    if (!status && c->json) {
        cli_json_print(stdout, json);
        return status;
    }
    if (!status && !a->presets) { /* that has printed its table */
        cJSON_DeleteItemFromObject(json, "schema");
        print_tree(json, 0);
    }
    cJSON_Delete(json);
    return status;
}

static int run(cli *c, void *p)
{
    const info_args *a = p;
    fdht_file_kind kind;
    if (a->presets)
        return describe(c, a, "presets", info_presets);
    if (a->preset)
        return describe(c, a, "preset", info_preset);
    int status = fdht_file_identify(a->path, &kind, &c->err);
    if (status)
        return status;
    if (a->config)
        return info_config(c, a);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (readers[i].kind == kind)
            return describe(c, a, readers[i].name, readers[i].read);
    if (kind == FDHT_FILE_JSON) {
        const char *name;
        info_reader *read;
        status = info_json(c, a, &name, &read);
        return status ? status : describe(c, a, name, read);
    }
    if (kind == FDHT_FILE_OTHER)
        return cli_fail(c, FDHT_EFORMAT, "%s: not a file that fdht knows", a->path);
    if (fdht_file_kind_advice(kind))
        return cli_fail(c, FDHT_EFORMAT, "%s: %s", a->path, fdht_file_kind_advice(kind));
    return cli_fail(c, FDHT_EFORMAT, "%s: %s: nothing more is known of such files", a->path,
                    fdht_file_kind_name(kind));
}

const cli_command cmd_info = {
    .name = "info",
    .summary = "what a file holds; presets and plans",
    .usage = "FILE|--preset NAME|--presets [options]",
    .common = CLI_WITH_JSON | CLI_WITH_TRUST,
    .options = options,
    .args_size = sizeof(info_args),
    .parse = parse,
    .run = run,
};
