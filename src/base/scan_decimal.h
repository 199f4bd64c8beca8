/* Decimal numbers as bills write them, with exponents and any number of digits, as exact 128-bit integers. */
#ifndef JB_BASE_SCAN_DECIMAL_H
#define JB_BASE_SCAN_DECIMAL_H

#include "base/decimal.h"

#include <stdbool.h>

#define JB_SCAN_DECIMALS_CEILING 18
/* Absolute values are below 10^34 units, so that 17,000 of the largest do not overflow 128 bits. */
#define JB_SCAN_DECIMAL_DIGITS 34

extern const uint64_t jb_scan_powers_of_ten[20]; /* 10^0 to 10^19 */

/* text[0 … length - 1] in units of 10^-decimals (0 to 18): sign, digits with or without a point, exponent
 * ("-1.25E-05"). Digits behind the last unit are rounded half to even where may_round, otherwise JB_INPUT
 * unless they are 0. JB_INPUT as well for what is no number, and for 10^34 units or more. Length below 2^21.
 */
enum jb_code jb_scan_decimal_parse(const char *text, size_t length, unsigned decimals, bool may_round,
                                   struct jb_error *error, jb_int128 *ret_value);

#endif
