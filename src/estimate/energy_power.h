/* Power while a step runs, held below the limit of the accelerator; inside of the energy model only. */
#ifndef JB_ESTIMATE_ENERGY_POWER_H
#define JB_ESTIMATE_ENERGY_POWER_H

#include "estimate/accelerator.h"

/* A stretch of work on one accelerator: how long it takes at full clocks, and what it draws beside what being
 * awake draws. */
struct jb_stretch {
    double time_s;
    double dynamic_j;
};

/* Where work would draw more than the limit, clocks fall and the work takes longer: the smooth maximum of the
 * time at full clocks and the time in which the limit delivers the energy. Returns the time; *ret_energy_j is
 * at most the limit times it. */
double jb_stretch_limit(const struct jb_accelerator *accelerator, double awake_w,
                        const struct jb_stretch *stretch, double *ret_energy_j);

/* The 95 % interval around an estimate, from the bounds over it that hold for models and accelerators like
 * those measured (low below 1 below high): half as wide again, in logarithms, for an accelerator that was not
 * among them, and once more for a model of which only the size is known. */
void jb_interval_around(const struct jb_accelerator *accelerator, bool is_typical, double low, double high,
                        double energy_j, double *ret_low_j, double *ret_high_j);

/* (a^p + b^p)^(1/p): the larger, rounded where both are alike. */
double jb_smooth_maximum(double a, double b, double p);

#endif
