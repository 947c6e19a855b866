/* hdf5/number.c - the types of numbers that libhdf5 may convert.
 *
 * A type says where in its bytes the number lies, and a float's type where its sign, exponent and mantissa are. libhdf5 1.10 believes it:
 * what lies behind the bytes is read then, and an exponent of more than 64 bits is copied over the stack. No conversion happens in the
 * child that tries a file first. */
#include "hdf5/h5.h"

enum { WIDEST = 64 /* bytes of a number */, WIDEST_EXPONENT = 32 /* bits */ };

static bool within(size_t first, size_t n, size_t bits)
{
    return n && first <= bits && n <= bits - first;
}

/* VAX floats are turned around in pairs of pairs of bytes. */
static bool good_float(hid_t type, size_t size, size_t precision)
{
    size_t sign, at, exponent, from, mantissa;
    H5T_order_t order = H5Tget_order(type);
    return H5Tget_fields(type, &sign, &at, &exponent, &from, &mantissa) >= 0 && within(sign, 1, precision) &&
           within(at, exponent, precision) && exponent <= WIDEST_EXPONENT &&
           within(from, mantissa, precision) &&
           (order == H5T_ORDER_LE || order == H5T_ORDER_BE || (order == H5T_ORDER_VAX && size % 4 == 0));
}

int fdht_h5_check_number(hid_t type, const char *name, fdht_error *err)
{
    H5T_class_t class = H5Tget_class(type);
    size_t size = H5Tget_size(type);
    if (class != H5T_INTEGER && class != H5T_FLOAT)
        return FDHT_OK;
    if (!size || size > WIDEST)
        return fdht_fail(err, FDHT_EFORMAT, "%s: numbers of %zu bytes", name, size);
    size_t precision = H5Tget_precision(type);
    int offset = H5Tget_offset(type);
    if (offset < 0 || !within((size_t)offset, precision, 8 * size))
        return fdht_fail(err, FDHT_EFORMAT, "%s: damaged type: %zu bits from bit %d of numbers of %zu bytes",
                         name, precision, offset, size);
    if (class == H5T_FLOAT && !good_float(type, size, precision))
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: damaged type: sign, exponent or mantissa is not within the %zu bits of a float",
                         name, precision);
    return FDHT_OK;
}
