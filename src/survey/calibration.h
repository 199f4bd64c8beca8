/* Calibrated weights, and what calibration leaves of a variance: that of residuals. */
#ifndef JB_SURVEY_CALIBRATION_H
#define JB_SURVEY_CALIBRATION_H

#include "survey/design.h"

/* The auxiliaries that weights were calibrated to. The influence z of a row becomes z − c x·β, where β is the
 * regression of z/c on x, rows weighted with `weight` (Deville and Särndal 1992; as R's survey does it). */
struct jb_calibration {
    size_t row_count, auxiliary_count;
    /* Auxiliaries of a row: entries first[row] … first[row + 1]. */
    uint32_t *first;     /* [row + 1] */
    uint32_t *auxiliary; /* [entry] */
    double *value;       /* [entry] */
    double *scale;       /* [row]: c, the calibrated weight */
    double *weight;      /* [row]: of the regression */
    bool is_swept;       /* of raking: the regression is swept over the margins a few times, not solved */
};

/* jb_design_covariance for a design with a calibration. */
enum jb_code jb_calibration_covariance(const struct jb_design *design, const double *influence,
                                       const uint32_t *block, size_t width, size_t block_count,
                                       struct jb_error *error, double *ret_covariance);
void jb_calibration_free(struct jb_calibration *calibration); /* NULL-safe */

#endif
