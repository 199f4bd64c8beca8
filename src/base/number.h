/* Numbers in answers and settings: decimal text to double, the same in every locale. */
#ifndef JB_BASE_NUMBER_H
#define JB_BASE_NUMBER_H

#include <stdbool.h>

/* "-12.5", "1e-3": the whole text, at most 19 significant digits count. False when it is none. */
bool jb_number_parse(const char *text, double *ret_value);

#endif
