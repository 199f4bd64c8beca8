/* A seeded generator: xoshiro256**, seeded by splitmix64. */
#include "base/random.h"

#include <assert.h>
#include <math.h>

static uint64_t rotate_left(uint64_t value, int count) {
    return (value << count) | (value >> (64 - count));
}

struct jb_random jb_random_make(uint64_t seed) {
    struct jb_random random;
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15ULL;
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
        random.state[i] = mixed ^ (mixed >> 31);
    }
    return random;
}

uint64_t jb_random_uint64(struct jb_random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t jb_random_below(struct jb_random *random, uint64_t bound) {
    uint64_t threshold = -bound % bound;
    for (;;) {
        uint64_t value = jb_random_uint64(random);
        if (value >= threshold)
            return value % bound;
    }
}

double jb_random_unit(struct jb_random *random) {
    return (double)(jb_random_uint64(random) >> 11) * 0x1.0p-53;
}

double jb_random_normal(struct jb_random *random) {
    for (;;) {
        double x = 2 * jb_random_unit(random) - 1, y = 2 * jb_random_unit(random) - 1;
        double square = x * x + y * y;
        if (square > 0 && square < 1)
            return x * sqrt(-2 * log(square) / square);
    }
}

double jb_random_gamma(struct jb_random *random, double shape) {
    assert(shape > 0);
    if (shape < 1) {
        double boost = pow(1 - jb_random_unit(random), 1 / shape);
        return jb_random_gamma(random, shape + 1) * boost;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = jb_random_normal(random), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = 1 - jb_random_unit(random);
        if (log(u) < x * x / 2 + d - d * v + d * log(v))
            return d * v;
    }
}
