/* The root of a covariance matrix, to draw from it. */
#ifndef JB_SURVEY_CHOLESKY_H
#define JB_SURVEY_CHOLESKY_H

#include <stddef.h>

/* Cholesky's factor in place: matrix[count²], of which only the lower triangle is read and written. It may be
 * singular: what the rows before it explain gets a column of zeros. ret_first[row]: the first column of the
 * row that is not 0, which blocks on the diagonal keep far to the right. */
void jb_cholesky_factor(double *matrix, size_t count, size_t *ret_first);

#endif
