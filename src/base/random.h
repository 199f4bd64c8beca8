/* A seeded generator (xoshiro256**, Blackman and Vigna 2018): the same stream on every machine. */
#ifndef JB_BASE_RANDOM_H
#define JB_BASE_RANDOM_H

#include <stdint.h>

struct jb_random {
    uint64_t state[4];
};

struct jb_random jb_random_make(uint64_t seed);
uint64_t jb_random_uint64(struct jb_random *random);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t jb_random_below(struct jb_random *random, uint64_t bound);
/* Uniform in [0, 1), 53 bits. */
double jb_random_unit(struct jb_random *random);

/* Normal with mean 0 and standard deviation 1 (polar method, Marsaglia and Bray 1964; the second of a pair is
 * not kept, so that the stream depends on the calls alone). */
double jb_random_normal(struct jb_random *random);
/* Gamma with this shape > 0 and scale 1 (Marsaglia and Tsang 2000; below 1 with their boost). Shares of a
 * Dirichlet distribution are gammas of its parameters over their sum. */
double jb_random_gamma(struct jb_random *random, double shape);

#endif
