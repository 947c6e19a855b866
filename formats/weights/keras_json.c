/* weights/keras_json.c - the JSON that Keras writes: numbers that are none, activations in all their spellings. */
#include "weights/keras_json.h"

#include <string.h>

#include "hdf5/h5.h"
#include "json/json.h"

/* Blank out the words that JSON does not have, outside strings: what they stand for is not needed. */
static void replace_words(char *s)
{
    static const struct {
        const char *word, *by;
    } table[] = {{"-Infinity", "null     "}, {"Infinity", "null    "}, {"NaN", "0.0"}};
    bool quoted = false;
    for (; *s; s++) {
        if (quoted && *s == '\\' && s[1])
            s++;
        else if (*s == '"')
            quoted = !quoted;
        for (size_t i = 0; i < FDHT_COUNT(table) && !quoted; i++) {
            size_t n = strlen(table[i].word);
            if (!strncmp(s, table[i].word, n)) {
                memcpy(s, table[i].by, n);
                s += n - 1;
                break;
            }
        }
    }
}

cJSON *fdht_w_json_parse(const char *text)
{
    const char *end;
    char *copy = text ? fdht_strdup(text) : NULL;
    cJSON *root = NULL;
    if (copy)
        replace_words(copy);
    if (text && (!copy || fdht_json_text(copy, strlen(copy), &end, &root, NULL)))
        fdht_h5_no_memory(); /* of fdht_weights_open, which asks in the end */
    fdht_free(copy);
    return root;
}

const cJSON *fdht_w_json_get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *fdht_w_json_text(const cJSON *object, const char *name, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(fdht_w_json_get(object, name));
    return text ? text : otherwise;
}

bool fdht_w_json_bool(const cJSON *object, const char *name, bool otherwise)
{
    const cJSON *v = fdht_w_json_get(object, name);
    return cJSON_IsBool(v) ? cJSON_IsTrue(v) : cJSON_IsNumber(v) ? v->valuedouble != 0 : otherwise;
}

double fdht_w_json_number(const cJSON *object, const char *name, double otherwise)
{
    const cJSON *v = fdht_w_json_get(object, name);
    return cJSON_IsNumber(v) ? v->valuedouble : otherwise;
}

/* {"class_name": "function", "config": "relu"} of Keras 3, {"class_name": "ReLU", "config": {..}} of a layer. */
const char *fdht_w_json_activation(const cJSON *config, const char *name, const char *otherwise)
{
    const cJSON *v = fdht_w_json_get(config, name);
    if (!v)
        return otherwise;
    if (cJSON_IsNull(v))
        return "linear";
    if (!cJSON_IsObject(v))
        return cJSON_IsString(v) ? v->valuestring : "?";
    const cJSON *inner = fdht_w_json_get(v, "config");
    return cJSON_IsString(inner) ? inner->valuestring : fdht_w_json_text(v, "class_name", "?");
}

bool fdht_w_keras_activation(const char *name, int major, fdht_activation *out)
{
    static const struct {
        const char *name;
        fdht_activation is;
    } table[] = {{"sigmoid", FDHT_SIGMOID}, {"tanh", FDHT_TANH},        {"relu", FDHT_RELU},
                 {"linear", FDHT_LINEAR},   {"elu", FDHT_ELU},          {"softmax", FDHT_SOFTMAX},
                 {"gelu", FDHT_GELU},       {"softsign", FDHT_SOFTSIGN}};
    if (!strcmp(name, "hard_sigmoid")) {
        *out = major >= 3 ? FDHT_HARD_SIGMOID3 : FDHT_HARD_SIGMOID;
        return true;
    }
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (!strcmp(name, table[i].name)) {
            *out = table[i].is;
            return true;
        }
    return false;
}
