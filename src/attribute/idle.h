/* Idle power of a domain, learned from how its power follows utilisation. */
#ifndef JB_ATTRIBUTE_IDLE_H
#define JB_ATTRIBUTE_IDLE_H

#include <stddef.h>
#include <stdint.h>

/* Exponentially decayed sums of a least-squares line power = idle + slope · utilisation. Plain numbers, so
 * that they can be kept in the book over restarts. */
struct jb_idle {
    double weight;                      /* effective number of seconds seen */
    double utilisation, power_w;        /* Σ w·u, Σ w·p */
    double utilisation_square, product; /* Σ w·u², Σ w·u·p */
    double least_w;                     /* least power seen, slowly forgotten; 0 none yet */
};
#define JB_IDLE_NUMBERS 6 /* doubles in it, in order, for storing */

/* One observation: mean power and utilisation (0 to 1) over elapsed_s (> 0). */
void jb_idle_learn(struct jb_idle *idle, double power_w, double utilisation, double elapsed_s);

/* Idle power in W now, ≥ 0 and ≤ the least power seen; NaN before the first observation. While the
 * utilisation seen varies too little for a line, the mean power is divided by 1 + JB_IDLE_PRIOR · mean
 * utilisation. */
double jb_idle_power_w(const struct jb_idle *idle);

/* How much more than idle a fully used server CPU takes, over idle: median of (max − min)/min of the
 * W-per-vCPU table that ships (data/cpu, after SPECpower_ssj2008). */
#define JB_IDLE_PRIOR 4.0

#endif
