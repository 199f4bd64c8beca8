/* Amounts for people: one unit a column, and no more digits than the 95 % interval supports. */
#ifndef JB_REPORT_NUMBER_H
#define JB_REPORT_NUMBER_H

#include "base/decimal.h"
#include "types/commodity.h"

#include <stdbool.h>
#include <stdint.h>

#define JB_NUMBER_SIZE 64 /* bytes that hold any figure printed here */

struct jb_unit {
    char name[16];     /* "kWh", "EUR", "kg CO2e" */
    double size;       /* how many of the commodity's own units (µJ, µg, µl, millionths) make one */
    unsigned decimals; /* a figure is never given more */
    bool is_money;
};

/* The unit in which `largest` (its sign does not matter) reads best; a column then keeps to it. */
struct jb_unit jb_unit_choose(jb_commodity commodity, jb_int128 largest);

/* Digits behind the point that a figure with this 95 % interval supports: down to the first digit of the
 * half-width, the second when the first is small (JCGM 100, 7.2.6: at most two). Negative: tens, hundreds …
 * are rounded away. Unknown (NaN) low or high: three significant digits, of money two decimals. No width at
 * all: up to six. */
int jb_number_decimals(const struct jb_unit *unit, jb_int128 amount, double low, double high);

/* The amount in the unit, without its name: "12.3". A figure that is not 0 never shows as 0: the first digit
 * that it has is shown then. Returns ret. */
char *jb_amount_format(const struct jb_unit *unit, jb_int128 amount, int decimals,
                       char ret[static JB_NUMBER_SIZE]);

/* "11.7 – 12.9" in the unit, or "unknown". Returns ret. */
char *jb_interval_format(const struct jb_unit *unit, double low, double high, int decimals,
                         char ret[static JB_NUMBER_SIZE]);

/* A share of the whole: "12.3 %", "<0.1 %", "100 %"; "" when there is no whole. Returns ret. */
char *jb_share_format(double share, char ret[static JB_NUMBER_SIZE]);

/* A figure with its unit on its own, "1.23 kJ". Returns ret. */
char *jb_amount_alone(jb_commodity commodity, jb_int128 amount, double low, double high,
                      char ret[static JB_NUMBER_SIZE]);

/* "±5 %" from a relative standard uncertainty in millionths (coverage factor 1.96), "unknown". Returns ret.
 */
char *jb_uncertainty_format(uint32_t uncertainty_ppm, char ret[static JB_NUMBER_SIZE]);

#endif
