/* Distribution functions and quantiles: normal, beta, t and F.
 *
 * The incomplete beta function is its continued fraction (DLMF 8.17.22) by Lentz's method. Its prefactor
 * x^a (1-x)^b / B(a,b) is put together from deviance terms (C. Loader, "Fast and accurate computation of
 * binomial probabilities", 2000), since differences of lgamma lose all digits for large a and b. */
#include "base/distribution.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#define HALF_LOG_2PI 0.91893853320467274178

/* log Γ(z+1) − (z+½) log z + z − ½ log 2π: what Stirling's formula misses. z > 0. */
static double stirling_error(double z) {
    if (z >= 16) {
        double square = z * z;
        return (1.0 / 12 -
                (1.0 / 360 -
                 (1.0 / 1260 - (1.0 / 1680 - (1.0 / 1188 - 691.0 / 360360 / square) / square) / square) /
                     square) /
                    square) /
               z;
    }
    long double exact = lgammal((long double)z + 1) - ((long double)z + 0.5L) * logl((long double)z) +
                        (long double)z - 0.918938533204672741780329736405617640L;
    return (double)exact;
}

/* x log(x/m) + m − x, without cancellation near x = m. */
static double deviance(double x, double m) {
    if (fabs(x - m) < 0.1 * (x + m)) {
        double v = (x - m) / (x + m), sum = (x - m) * v, term = 2 * x * v;
        for (int i = 1; i < 1000; i++) {
            term *= v * v;
            double next = sum + term / (2 * i + 1);
            if (next == sum)
                return sum;
            sum = next;
        }
        return sum;
    }
    return x * log(x / m) + m - x;
}

/* x^a y^b / B(a,b) for x + y = 1. */
static double beta_prefactor(double x, double y, double a, double b) {
    double n = a + b;
    double log_value = stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) -
                       deviance(b, n * y) + 0.5 * (log(a) + log(b) - log(n)) - HALF_LOG_2PI;
    return exp(log_value);
}

/* The continued fraction; converges fast for x < (a+1)/(a+b+2). Long doubles, for its steps lose digits where
 * a and b are of very different size. */
static double beta_fraction(long double x, long double a, long double b) {
    const long double tiny = 1e-300L;
    long double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabsl(d) < tiny ? tiny : d);
    long double h = d;
    for (int m = 1; m < 200000; m++) {
        long double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        long double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabsl(d) < tiny ? tiny : d);
        c = fabsl(c) < tiny ? tiny : c;
        long double even_step = d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabsl(d) < tiny ? tiny : d);
        c = fabsl(c) < tiny ? tiny : c;
        long double odd_step = d * c;
        h *= even_step * odd_step;
        if (fabsl(even_step - 1) < 1e-18L && fabsl(odd_step - 1) < 1e-18L)
            break;
    }
    return (double)h;
}

/* I_x(a,½) for a from 500 and y = 1 − x up to 0.1, where the fraction needs √a steps: the expansion in
 * incomplete gamma functions (Didonato and Morris 1992, "Algorithm 708", BGRAT), which of order ½ are error
 * functions. p are its coefficients for b = ½; the terms left out are below 1e-17 of the first. */
static double beta_half(double y, double a) {
    static const double p[] = {1, -1.0 / 12, 1.0 / 160, -61.0 / 120960, 1261.0 / 29030400};
    double t = a - 0.25, minus_log = -log1p(-y), u = t * minus_log, square = 1 / (t * t);
    double ratio = 1 + square / 64 * (1 - 19.0 / 128 * square); /* Γ(a+½)/(Γ(a)√t), DLMF 5.11.14 */
    double factor = ratio * exp(-u) * sqrt(u / M_PI), power = 1;
    double term = ratio * erfc(sqrt(u)), sum = term;
    for (int n = 0; n + 1 < (int)(sizeof(p) / sizeof(*p)); n++) {
        term = ((2 * n + 0.5) * (2 * n + 1.5) * term + factor * (u + 2 * n + 1.5) * power) * square / 4;
        power *= minus_log * minus_log / 4;
        sum += p[n + 1] * term;
    }
    return sum;
}

/* I_x(a,b), or with is_upper 1 − I_x(a,b), the smaller of them without cancellation; x + y = 1. */
static double beta_tail(double x, double y, double a, double b, bool is_upper) {
    if (x <= 0 || y <= 0)
        return (x <= 0) == is_upper ? 1 : 0;
    if (b == 0.5 && a >= 500 && y <= 0.1 && !is_upper)
        return beta_half(y, a);
    if (x > (a + 1) / (a + b + 2))
        return beta_tail(y, x, b, a, !is_upper);
    /* Near 1 the fraction depends on the digits of 1 − x, which y still has. */
    double lower = beta_prefactor(x, y, a, b) * beta_fraction(x > 0.5 ? 1 - (long double)y : x, a, b) / a;
    return is_upper ? 1 - lower : lower;
}

double jb_beta_probability(double x, double a, double b) {
    assert(a > 0 && b > 0 && x >= 0 && x <= 1);
    return beta_tail(x, 1 - x, a, b, false);
}

/* log(x/(1−x)) of the x at which the lower (or upper) tail is p: on this scale both ends have all digits. */
static double beta_logit_quantile(double p, double a, double b, bool is_upper) {
    double low = -740, high = 740, at = log(a / b);
    for (int i = 0; i < 400; i++) {
        double x = 1 / (1 + exp(-at)), y = 1 / (1 + exp(at));
        double tail = beta_tail(x, y, a, b, is_upper);
        if ((tail < p) == is_upper)
            high = at;
        else
            low = at;
        double slope = beta_prefactor(x, y, a, b); /* d tail / d logit */
        double next = at + (is_upper ? tail - p : p - tail) / slope;
        if (!(next > low && next < high))
            next = low + (high - low) / 2;
        if (fabs(next - at) <= 1e-16 * fmax(1, fabs(at)))
            return next;
        at = next;
    }
    return at;
}

double jb_beta_quantile(double p, double a, double b) {
    assert(p >= 0 && p <= 1 && a >= 0 && b >= 0);
    if (a == 0 || p == 0)
        return 0;
    if (b == 0 || p == 1)
        return 1;
    double logit = p <= 0.5 ? beta_logit_quantile(p, a, b, false) : beta_logit_quantile(1 - p, a, b, true);
    return 1 / (1 + exp(-logit));
}

double jb_normal_quantile(double p) {
    assert(p > 0 && p < 1);
    if (p == 0.5)
        return 0;
    double tail = p < 0.5 ? p : 1 - p;
    /* A start to three digits (Abramowitz and Stegun 26.2.23), then Halley's method on erfc. */
    double s = sqrt(-2 * log(tail));
    double z = -(s - (2.515517 + s * (0.802853 + s * 0.010328)) /
                         (1 + s * (1.432788 + s * (0.189269 + s * 0.001308))));
    for (int i = 0; i < 4; i++) {
        double density = exp(-0.5 * z * z - HALF_LOG_2PI);
        double step = (0.5 * erfc(-z * M_SQRT1_2) - tail) / density;
        z -= step / (1 + 0.5 * z * step);
    }
    return p < 0.5 ? z : -z;
}

double jb_t_quantile(double p, double df) {
    assert(p > 0 && p < 1 && df > 0);
    if (isinf(df))
        return jb_normal_quantile(p);
    if (p == 0.5)
        return 0;
    double tail = p < 0.5 ? p : 1 - p;
    /* 2 P(T < −t) = I_x(df/2, ½) with x = df/(df + t²), so t² = df (1−x)/x. */
    double two = 2 * tail;
    double logit = two <= 0.5 ? beta_logit_quantile(two, df / 2, 0.5, false)
                              : beta_logit_quantile(1 - two, df / 2, 0.5, true);
    double t = sqrt(df * exp(-logit));
    return p < 0.5 ? -t : t;
}

double jb_t_two_sided(double t, double df) {
    assert(df > 0);
    if (isinf(df))
        return erfc(fabs(t) * M_SQRT1_2);
    double square = t * t;
    return beta_tail(df / (df + square), square / (df + square), df / 2, 0.5, false);
}

double jb_f_upper(double f, double df1, double df2) {
    assert(df1 > 0 && df2 > 0);
    if (!(f > 0))
        return 1;
    double scale = df2 + df1 * f;
    return beta_tail(df2 / scale, df1 * f / scale, df2 / 2, df1 / 2, false);
}

void jb_interval_95(double value, double standard, double *ret_low, double *ret_high) {
    double size = fabs(value), near = -JB_NORMAL_95 * standard, far = JB_NORMAL_95 * standard;
    if (size > 0) {
        double relative = standard / size, width = JB_NORMAL_95 * sqrt(log1p(relative * relative));
        near = size * exp(-width);
        far = size * exp(width);
    }
    *ret_low = value < 0 ? -far : near;
    *ret_high = value < 0 ? -near : far;
}

double jb_interval_95_standard(double low, double high) {
    if (!(low > 0) || !(high > low))
        return (high - low) / (2 * JB_NORMAL_95);
    double s = log(high / low) / (2 * JB_NORMAL_95);
    return sqrt(low * high) * sqrt(expm1(s * s));
}
