/* The arithmetic of flows: what part of an amount lies in a period; coarse uncertainties. */
#include "types/flow.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>

/* magnitude · elapsed / whole, rounded down, without overflow for any magnitude below 2^127. */
static jb_uint128 scale(jb_uint128 magnitude, uint64_t elapsed, uint64_t whole) {
    jb_uint128 quotient = magnitude / whole, rest = magnitude % whole;
    return quotient * elapsed + rest * elapsed / whole;
}

jb_int128 jb_amount_part(jb_int128 amount, int64_t start_ns, int64_t end_ns, int64_t from_ns, int64_t to_ns) {
    assert(start_ns < end_ns);
    if (from_ns <= start_ns && to_ns >= end_ns)
        return amount;
    if (from_ns < start_ns)
        from_ns = start_ns;
    if (to_ns > end_ns)
        to_ns = end_ns;
    if (from_ns >= to_ns)
        return 0;
    uint64_t whole = (uint64_t)end_ns - (uint64_t)start_ns;
    jb_uint128 magnitude = amount < 0 ? -(jb_uint128)amount : (jb_uint128)amount;
    jb_uint128 part = scale(magnitude, (uint64_t)to_ns - (uint64_t)start_ns, whole) -
                      scale(magnitude, (uint64_t)from_ns - (uint64_t)start_ns, whole);
    return amount < 0 ? -(jb_int128)part : (jb_int128)part;
}

uint32_t jb_uncertainty_coarse(double ppm) {
    static const double steps[] = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10};
    if (!(ppm > 0))
        return 0;
    double power = pow(10, floor(log10(ppm)));
    for (size_t i = 0; i < JB_COUNT(steps); i++) {
        if (ppm <= steps[i] * power * (1 + 1e-9))
            return (uint32_t)lround(fmin(steps[i] * power, 4e9));
    }
    return (uint32_t)lround(fmin(10 * power, 4e9));
}
