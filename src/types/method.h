/* How a figure was obtained, from the strongest evidence to the weakest. */
#ifndef JB_TYPES_METHOD_H
#define JB_TYPES_METHOD_H

#include "base/error.h"

enum jb_method {
    JB_MEASURED = 0,    /* read from a meter */
    JB_APPORTIONED = 1, /* a measured whole, split by use */
    JB_MODELLED = 2,    /* from a model of the hardware */
    JB_BILLED = 3,      /* from a bill */
    JB_DECLARED = 4,    /* somebody's word */
};
#define JB_METHOD_COUNT 5

const char *jb_method_name(enum jb_method method);
enum jb_code jb_method_parse(const char *text, struct jb_error *error, enum jb_method *ret_method);
/* What a split of a whole obtained by `whole` is: measured becomes apportioned, the others stay. */
enum jb_method jb_method_of_part(enum jb_method whole);

#endif
