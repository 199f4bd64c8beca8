/* Holds power below the limit. */
#include "estimate/energy_power.h"

#include <math.h>

/* Regulators settle a little below the limit: measured steps draw up to 0.98 of it. */
#define LIMIT_SHARE 0.98
#define SHARPNESS   8
#define UNLIKE      1.5 /* our judgement: no run tells */

double jb_smooth_maximum(double a, double b, double p) {
    double larger = fmax(a, b), smaller = fmin(a, b);
    return larger > 0 ? larger * pow(1 + pow(smaller / larger, p), 1 / p) : 0;
}

void jb_interval_around(const struct jb_accelerator *accelerator, bool is_typical, double low, double high,
                        double energy_j, double *ret_low_j, double *ret_high_j) {
    double width = (accelerator->is_measured ? 1 : UNLIKE) * (is_typical ? UNLIKE : 1);
    *ret_low_j = energy_j * pow(low, width);
    *ret_high_j = energy_j * pow(high, width);
}

double jb_stretch_limit(const struct jb_accelerator *accelerator, double awake_w,
                        const struct jb_stretch *stretch, double *ret_energy_j) {
    double limit_w = LIMIT_SHARE * accelerator->tdp_w;
    awake_w = fmin(awake_w, limit_w / 2);
    double limited_s = stretch->dynamic_j / (limit_w - awake_w);
    double time_s = jb_smooth_maximum(stretch->time_s, limited_s, SHARPNESS);
    *ret_energy_j = awake_w * time_s + stretch->dynamic_j;
    return time_s;
}
