/* weights/keras_config.c - Keras' model_config: which activations a layer was built with, and options fdht cannot
 * run. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "weights/weights.h"

fdht_wjson *fdht_w_config_parse(const char *json)
{
    return json ? cJSON_Parse(json) : NULL;
}

void fdht_w_config_free(fdht_wjson *root)
{
    cJSON_Delete(root);
}

/* The config of the layer of this name, anywhere in the tree (models nest). cJSON limits the depth when it
 * parses. */
static const cJSON *find_layer(const cJSON *node, const char *name)
{
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(node, "config"), *child;
    const char *own = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "name"));
    bool is_layer = cJSON_GetObjectItemCaseSensitive(node, "class_name") != NULL;
    if (is_layer && own && !strcmp(own, name))
        return node;
    cJSON_ArrayForEach(child, node)
    {
        const cJSON *found = cJSON_IsObject(child) || cJSON_IsArray(child) ? find_layer(child, name) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

/* "hard_sigmoid", or Keras 3's {"class_name": "function", "config": "hard_sigmoid"} */
static const char *activation_name(const cJSON *value)
{
    if (cJSON_IsObject(value)) {
        const cJSON *config = cJSON_GetObjectItemCaseSensitive(value, "config");
        value = cJSON_IsString(config) ? config : cJSON_GetObjectItemCaseSensitive(value, "class_name");
    }
    return cJSON_GetStringValue(value);
}

fdht_wconfig fdht_w_config_find(const fdht_wjson *root, const char *layer, int major)
{
    fdht_wconfig out = {.activation = FDHT_ACTIVATION_UNKNOWN};
    const cJSON *node = root ? find_layer(root, layer) : NULL;
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(node, "config");
    const cJSON *inner = cJSON_GetObjectItemCaseSensitive(config, "layer");
    const char *merge = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "merge_mode"));
    if (inner) /* Bidirectional */
        config = cJSON_GetObjectItemCaseSensitive(inner, "config");
    if (!config)
        return out;
    const cJSON *gate = cJSON_GetObjectItemCaseSensitive(config, "recurrent_activation");
    if (!gate)
        gate = cJSON_GetObjectItemCaseSensitive(config, "inner_activation"); /* Keras 1 */
    const char *sigma = activation_name(gate);
    const char *tanh_name = activation_name(cJSON_GetObjectItemCaseSensitive(config, "activation"));
    out.found = true;
    if (!sigma)
        out.activation = FDHT_ACTIVATION_UNKNOWN;
    else if (!strcmp(sigma, "sigmoid"))
        out.activation = FDHT_SIGMOID;
    else if (!strcmp(sigma, "hard_sigmoid"))
        out.activation = major >= 3 ? FDHT_HARD_SIGMOID3 : FDHT_HARD_SIGMOID;
    else
        snprintf(out.unsupported, sizeof out.unsupported, "recurrent_activation \"%.40s\" is not supported",
                 sigma);
    if (tanh_name && strcmp(tanh_name, "tanh") != 0)
        snprintf(out.unsupported, sizeof out.unsupported, "activation \"%.40s\" is not supported, only tanh",
                 tanh_name);
    if (merge && strcmp(merge, "concat") != 0)
        snprintf(out.unsupported, sizeof out.unsupported,
                 "merge_mode \"%.40s\" is not supported, only concat", merge);
    if (!inner && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(config, "go_backwards")))
        snprintf(out.unsupported, sizeof out.unsupported, "go_backwards is not supported");
    return out;
}
