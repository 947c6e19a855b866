/* nn/activation_tmpl.h - the declarations of nn/activation.h for one number type. Template (base/real.h). */

/* a of one number; not for softmax. */
REAL R(fdht_activation_value)(fdht_activation a, REAL x);

/* y = a(x), n numbers; y may be x. Softmax: of all n. */
void R(fdht_activation_run)(fdht_activation a, size_t n, const REAL *x, REAL *y);

/* y = a(x) was computed by _run; the gradient of y in g becomes that of x. Only gelu reads x, all others only y; the one
 * that is not read may be NULL. */
void R(fdht_activation_back)(fdht_activation a, size_t n, const REAL *x, const REAL *y, REAL *g);

/* y += x; y = a b; n numbers each, none of which overlap. */
void R(fdht_add_row)(size_t n, const REAL *x, REAL *y);
void R(fdht_multiply_row)(size_t n, const REAL *a, const REAL *b, REAL *y);

/* The derivative where a(x) = y; not for softmax and gelu. */
REAL R(fdht_activation_slope)(fdht_activation a, REAL y);

/* p = softmax(z), n numbers, p may be z. Returns log sum_i exp(z_i). */
double R(fdht_softmax_row)(size_t n, const REAL *z, REAL *p);
