/* Names of the methods by which figures are obtained. */
#include "types/method.h"

#include <string.h>

static const char *const names[JB_METHOD_COUNT] = {"measured", "apportioned", "modelled", "billed",
                                                   "declared"};

const char *jb_method_name(enum jb_method method) {
    return (unsigned)method < JB_METHOD_COUNT ? names[method] : "?";
}

enum jb_code jb_method_parse(const char *text, struct jb_error *error, enum jb_method *ret_method) {
    for (int i = 0; i < JB_METHOD_COUNT; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_method = (enum jb_method)i;
            return JB_OK;
        }
    }
    return jb_error_set(
        error, JB_INPUT,
        "'%.40s' is not a method; expected measured, apportioned, modelled, billed or declared", text);
}

enum jb_method jb_method_of_part(enum jb_method whole) {
    return whole == JB_MEASURED ? JB_APPORTIONED : whole;
}
