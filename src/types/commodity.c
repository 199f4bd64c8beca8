/* Commodities and their names. */
#include "types/commodity.h"

#include <stdio.h>
#include <string.h>

bool jb_commodity_is_money(jb_commodity commodity) {
    return commodity > 0xffff;
}

enum jb_code jb_commodity_parse(const char *text, struct jb_error *error, jb_commodity *ret_commodity) {
    if (strcmp(text, "energy") == 0) {
        *ret_commodity = JB_ENERGY;
    } else if (strcmp(text, "embodied") == 0) {
        *ret_commodity = JB_EMBODIED;
    } else if (strcmp(text, "water") == 0) {
        *ret_commodity = JB_WATER;
    } else if (strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3) {
        *ret_commodity = (jb_commodity)text[0] << 16 | (jb_commodity)text[1] << 8 | (jb_commodity)text[2];
    } else {
        return jb_error_set(
            error, JB_INPUT,
            "'%.40s' is not a commodity; expected energy, embodied, water or a currency such as EUR", text);
    }
    return JB_OK;
}

char *jb_commodity_format(jb_commodity commodity, char ret[static JB_COMMODITY_SIZE]) {
    if (commodity == JB_ENERGY || commodity == JB_EMBODIED || commodity == JB_WATER)
        snprintf(ret, JB_COMMODITY_SIZE, "%s",
                 commodity == JB_ENERGY     ? "energy"
                 : commodity == JB_EMBODIED ? "embodied"
                                            : "water");
    else
        snprintf(ret, JB_COMMODITY_SIZE, "%c%c%c", (char)(commodity >> 16), (char)(commodity >> 8),
                 (char)commodity);
    return ret;
}

char *jb_commodity_unit(jb_commodity commodity, char ret[static JB_COMMODITY_SIZE]) {
    if (commodity == JB_ENERGY || commodity == JB_EMBODIED || commodity == JB_WATER)
        snprintf(ret, JB_COMMODITY_SIZE, "%s",
                 commodity == JB_ENERGY     ? "uJ"
                 : commodity == JB_EMBODIED ? "ugCO2e"
                                            : "ul");
    else
        snprintf(ret, JB_COMMODITY_SIZE, "u%c%c%c", (char)(commodity >> 16), (char)(commodity >> 8),
                 (char)commodity);
    return ret;
}
