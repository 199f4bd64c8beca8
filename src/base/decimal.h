/* Exact decimal text for integers: 64 and 128 bits, and fixed-point numbers scaled to integers. */
#ifndef JB_BASE_DECIMAL_H
#define JB_BASE_DECIMAL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef __int128 jb_int128;
typedef unsigned __int128 jb_uint128;

#define JB_INT128_SIZE 48 /* bytes that hold any printed jb_int128 */

/* Whole texts only, optional sign; JB_INPUT on anything else or out of range. */
enum jb_code jb_int64_parse(const char *text, struct jb_error *error, int64_t *ret_value);
enum jb_code jb_uint64_parse(const char *text, struct jb_error *error, uint64_t *ret_value);
enum jb_code jb_int128_parse(const char *text, struct jb_error *error, jb_int128 *ret_value);

/* Decimal digits of value into ret; returns ret. */
char *jb_int128_format(jb_int128 value, char ret[static JB_INT128_SIZE]);

/* "12.5" with scale 1000 → 12500. Digits beyond the scale are rounded half to even, exactly, however many
 * there are. "5." and ".5" are numbers. No exponent, no grouping. JB_INPUT out of range or malformed. scale:
 * 1 to 10^18. */
enum jb_code jb_decimal_parse(const char *text, int64_t scale, struct jb_error *error, int64_t *ret_value);

/* "0.05", "5%", "5 %" → 50000, in millionths: 0 to 1,000,000. False when it is no share. */
bool jb_share_parse(const char *text, uint32_t *ret_ppm);

#endif
