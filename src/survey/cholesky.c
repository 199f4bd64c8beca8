/* Cholesky's factor, row by row within its envelope, of matrices that may be singular. */
#include "survey/cholesky.h"

#include <math.h>

void jb_cholesky_factor(double *matrix, size_t count, size_t *ret_first) {
    for (size_t i = 0; i < count; i++) {
        double *row = matrix + i * count;
        size_t from = 0;
        while (from < i && row[from] == 0)
            from++;
        ret_first[i] = from;
        for (size_t j = from; j <= i; j++) {
            const double *other = matrix + j * count;
            double rest = row[j];
            for (size_t k = from > ret_first[j] ? from : ret_first[j]; k < j; k++)
                rest -= row[k] * other[k];
            if (j == i)
                /* Rounding leaves about 1e-16 of the variance where nothing is left. */
                row[j] = rest > 1e-12 * fabs(row[j]) ? sqrt(rest) : 0;
            else
                row[j] = other[j] > 0 ? rest / other[j] : 0;
        }
    }
}
