/* nn/params.c - the named arrays of a model: laying them out, finding them. */
#include <string.h>

#include "nn/model.h"

size_t fdht_model_add_param(fdht_model *m, size_t d0, size_t d1)
{
    fdht_param *p = &m->param[m->n_params++];
    p->order = d1 ? 2 : 1;
    p->dim[0] = d0;
    p->dim[1] = d1;
    p->offset = m->size;
    p->size = d0 * (d1 ? d1 : 1);
    m->size += p->size;
    return p->offset;
}

const fdht_param *fdht_model_find(const fdht_model *m, const char *name)
{
    for (int i = 0; i < m->n_params; i++)
        if (strcmp(m->param[i].name, name) == 0)
            return &m->param[i];
    return NULL;
}
