/* Idle power of a domain: decayed least squares with a prior and bounds. */
#include "attribute/idle.h"

#include <math.h>

/* Half of what is known is forgotten in about ten minutes of seconds; the least power in about a day. */
#define MEMORY_S       900.0
#define LEAST_MEMORY_S 86400.0

void jb_idle_learn(struct jb_idle *idle, double power_w, double utilisation, double elapsed_s) {
    if (!(elapsed_s > 0) || !(power_w >= 0) || !isfinite(power_w) || !(utilisation >= 0))
        return;
    if (utilisation > 1)
        utilisation = 1;
    double keep = exp(-elapsed_s / MEMORY_S), weight = elapsed_s;
    idle->weight = idle->weight * keep + weight;
    idle->utilisation = idle->utilisation * keep + weight * utilisation;
    idle->power_w = idle->power_w * keep + weight * power_w;
    idle->utilisation_square = idle->utilisation_square * keep + weight * utilisation * utilisation;
    idle->product = idle->product * keep + weight * utilisation * power_w;
    if (idle->least_w <= 0 || power_w < idle->least_w)
        idle->least_w = power_w;
    else
        idle->least_w += (power_w - idle->least_w) * (1 - exp(-elapsed_s / LEAST_MEMORY_S));
}

double jb_idle_power_w(const struct jb_idle *idle) {
    if (!(idle->weight > 0))
        return NAN;
    double mean_u = idle->utilisation / idle->weight, mean_p = idle->power_w / idle->weight;
    double variance = idle->utilisation_square / idle->weight - mean_u * mean_u;
    double covariance = idle->product / idle->weight - mean_u * mean_p;
    double prior = mean_p / (1 + JB_IDLE_PRIOR * mean_u);
    /* The line is believed as utilisation spreads: at a standard deviation of 5 % half and half. */
    double trust = variance > 0 ? variance / (variance + 0.05 * 0.05) : 0;
    double slope = variance > 1e-12 ? covariance / variance : 0;
    double line = mean_p - slope * mean_u;
    double power_w = trust * line + (1 - trust) * prior;
    if (power_w > idle->least_w)
        power_w = idle->least_w;
    return power_w > 0 ? power_w : 0;
}
