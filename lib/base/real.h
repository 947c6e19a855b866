/* base/real.h - one source, two number types. Internal.
 *
 * A module that exists for float and for double has NAME_tmpl.h (declarations, included twice by NAME.h) and NAME_tmpl.c
 * (code, included once by NAME_f32.c and once by NAME_f64.c). Before each of them FDHT_REAL is defined as 32 or 64 and
 * this file is included, which defines
 *
 *   REAL        float      double
 *   R(name)     name_f32   name_f64     types and functions of a template
 *   MATH(name)  namef      name         functions of <math.h>
 *
 * and takes FDHT_REAL away again. There is no include guard: the last inclusion counts, so a NAME_f32.c includes every
 * header before it chooses the type. */
#undef REAL
#undef R
#undef MATH
#if FDHT_REAL == 32
#define REAL       float
#define R(name)    name##_f32
#define MATH(name) name##f
#elif FDHT_REAL == 64
#define REAL       double
#define R(name)    name##_f64
#define MATH(name) name
#else
#error "define FDHT_REAL as 32 or 64 before including base/real.h"
#endif
#undef FDHT_REAL
