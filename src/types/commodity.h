/* What is counted: energy, embodied carbon, water, or money in one ISO 4217 currency. */
#ifndef JB_TYPES_COMMODITY_H
#define JB_TYPES_COMMODITY_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* JB_ENERGY, JB_EMBODIED, JB_WATER, or money: the three letters of the currency packed as 'E'<<16|'U'<<8|'R'.
 */
typedef uint32_t jb_commodity;

#define JB_ENERGY   ((jb_commodity)1) /* amounts in µJ */
#define JB_EMBODIED ((jb_commodity)2) /* amounts in µg CO2e */
#define JB_WATER    ((jb_commodity)3) /* amounts in µl */
/* money: amounts in millionths of the currency's unit */

#define JB_COMMODITY_SIZE 12

bool jb_commodity_is_money(jb_commodity commodity);
/* "energy", "embodied", "water" or an upper-case currency such as "EUR"; JB_INPUT otherwise. */
enum jb_code jb_commodity_parse(const char *text, struct jb_error *error, jb_commodity *ret_commodity);
char *jb_commodity_format(jb_commodity commodity, char ret[static JB_COMMODITY_SIZE]); /* returns ret */
/* The unit that amounts are kept in, as machine output names it: "uJ", "ugCO2e", "ul", "uEUR". Returns ret.
 */
char *jb_commodity_unit(jb_commodity commodity, char ret[static JB_COMMODITY_SIZE]);

#endif
