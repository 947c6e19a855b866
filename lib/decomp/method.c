/* decomp/method.c - the table of formats that dense matrices are decomposed into. */
#include "decomp/method.h"

#include "decomp/bt.h"
#include "decomp/ht_svd.h"
#include "decomp/tt_svd.h"

static const fdht_method table[FDHT_FORMATS] = {
    [FDHT_HT] = {.parameters = fdht_ht_parameters, .core = fdht_core_ht},
    [FDHT_TT] = {.parameters = fdht_tt_parameters, .core = fdht_core_tt},
    [FDHT_TR] = {.closed = true, .parameters = fdht_tt_parameters, .core = fdht_core_tr},
    [FDHT_BT] = {.parameters = fdht_bt_parameters, .decompose = fdht_bt_decompose, .curve = fdht_bt_curve},
};

const fdht_method *fdht_method_of(fdht_format f)
{
    return (unsigned)f < FDHT_FORMATS && table[f].parameters ? &table[f] : NULL;
}

size_t fdht_spec_parameters(const fdht_op_spec *spec)
{
    const fdht_method *m = fdht_method_of(spec->format);
    return m ? m->parameters(spec) : 0;
}
