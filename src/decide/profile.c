/* How much of an amount has come in by when. */
#include "decide/payback.h"

#include <math.h>

static double rate_at(const struct jb_profile *profile, double t) {
    double since = t - profile->from_h;
    double risen = profile->ramp_h > 0 && since < profile->ramp_h ? since / profile->ramp_h : 1;
    return risen * exp(profile->growth * since + profile->trend * t);
}

/* Gauss and Legendre with four points: exact for straight lines, and to 1e-12 for growth that the parser lets
 * through over pieces this short. */
static double integrate(const struct jb_profile *profile, double from, double until) {
    static const double nodes[] = {0.33998104358485626, 0.86113631159405258};
    static const double weights[] = {0.65214515486254614, 0.34785484513745386};
    const double piece_h = JB_HOURS_PER_YEAR / 4;
    double sum = 0;
    size_t pieces = (size_t)ceil((until - from) / piece_h);
    for (size_t i = 0; i < pieces; i++) {
        double half = (until - from) / (2 * (double)pieces), middle = from + half * (2 * (double)i + 1);
        for (int k = 0; k < 2; k++)
            sum += half * weights[k] *
                   (rate_at(profile, middle - half * nodes[k]) + rate_at(profile, middle + half * nodes[k]));
    }
    return sum;
}

double jb_profile_until(const struct jb_profile *profile, double t_h) {
    if (!profile->is_rate)
        return t_h >= profile->from_h ? exp(profile->trend * profile->from_h) : 0;
    double end = fmin(t_h, profile->until_h), kink = fmin(end, profile->from_h + profile->ramp_h);
    if (end <= profile->from_h)
        return 0;
    return integrate(profile, profile->from_h, kink) + integrate(profile, kink, end);
}
