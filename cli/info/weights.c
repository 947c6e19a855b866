/* info/weights.c - dense LSTM weights: every layer found, and why it was taken for what it is. */
#include "info/info.h"

#include "fdht/weights.h"

static const char *activation(const fdht_weights_lstm *l)
{
    return l->activation == FDHT_ACTIVATION_UNKNOWN ? "unknown"
                                                    : fdht_activation_name((fdht_activation)l->activation);
}

/* Numbers in W_ih, W_hh, W_hr and the bias that is added. */
static double parameters(const fdht_weights_lstm *l)
{
    double D = (double)l->input_size, H = (double)l->hidden_size, P = (double)l->proj_size;
    double gates = fdht_recurrent_gates(l->recurrent),
           biases = l->bias ? fdht_recurrent_biases(l->recurrent) : 0;
    return l->directions * (gates * H * (D + (P > 0 ? P : H)) + biases * H + P * H);
}

static void add_layer(cJSON *list, const fdht_weights_lstm *l)
{
    cJSON *o = cli_json_object(list, NULL);
    cli_json_string(o, "name", l->name);
    cli_json_string(o, "path", l->path);
    cli_json_string(o, "recurrent", fdht_recurrent_name(l->recurrent));
    cli_json_size(o, "input_size", l->input_size);
    cli_json_size(o, "hidden_size", l->hidden_size);
    cli_json_size(o, "proj_size", l->proj_size);
    cli_json_int(o, "directions", l->directions);
    cli_json_bool(o, "bias", l->bias);
    cli_json_string(o, "layout", fdht_layout_name(l->layout));
    cli_json_string(o, "gate_order", l->gate_order);
    cli_json_string(o, "recurrent_activation", activation(l));
    cli_json_string(o, "dtype", l->dtype);
    cli_json_number(o, "parameters", parameters(l));
    cli_json_string(o, "why", l->why);
}

/* The network around the LSTMs: what is read of it, link by link, and what is not. */
static int add_chain(cli *c, const fdht_weights *w, cJSON *json)
{
    fdht_weights_chain *k = NULL;
    int status = fdht_weights_chain_of(w, 0, fdht_weights_info_of(w)->n_lstm, &k, &c->err);
    if (status)
        return status;
    cJSON *chain = cli_json_array(json, "chain");
    for (int i = 0; i < k->n_links; i++)
        info_link(&k->link[i], cli_json_object(chain, NULL));
    cli_json_string(json, "output", k->classes ? fdht_output_name(k->output) : "states");
    if (*k->features)
        cli_json_string(json, "inputs_are", k->features);
    if (*k->left_out)
        cli_json_string(json, "left_out", k->left_out);
    if (*k->assumed)
        cli_json_string(json, "assumed", k->assumed);
    fdht_weights_chain_free(k);
    return FDHT_OK;
}

int info_weights(cli *c, const info_args *a, cJSON *json)
{
    fdht_weights *w = NULL;
    int status = fdht_weights_open(a->path, NULL, &w, &c->err);
    if (status)
        return status;
    const fdht_weights_info *info = fdht_weights_info_of(w);
    cJSON *layers = cli_json_array(json, "layers");
    for (int i = 0; i < info->n_lstm; i++)
        add_layer(layers, &info->lstm[i]);
    cli_json_bool(json, "stack", info->stack);
    cli_json_string(json, "head", info->head);
    cli_json_size(json, "classes", info->classes);
    if (info->stack)
        status = add_chain(c, w, json);
    else
        cli_json_string(json, "left_out",
                        "the LSTMs do not run one after the other; each can be chosen alone");
    fdht_weights_close(w);
    return status;
}
