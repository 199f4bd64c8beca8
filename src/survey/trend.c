/* Differences of scores over time. */
#include "survey/trend.h"

#include "base/distribution.h"

#include <math.h>
#include <string.h>

static double degrees(const struct jb_wave *earlier, const struct jb_wave *later, double variance_a,
                      double variance_b) {
    double a = earlier->scoring->items.df[earlier->block], b = later->scoring->items.df[later->block];
    if (earlier->scoring == later->scoring)
        return fmin(a, b);
    double sum = variance_a + variance_b;
    return a > 0 && b > 0 ? sum * sum / (variance_a * variance_a / a + variance_b * variance_b / b) : 0;
}

struct jb_change jb_change_between(const struct jb_wave *earlier, const struct jb_wave *later, size_t figure,
                                   double confidence) {
    struct jb_change made = {.earlier = jb_score_figure(earlier->scoring, earlier->block, figure, confidence),
                             .later = jb_score_figure(later->scoring, later->block, figure, confidence),
                             .low = NAN,
                             .high = NAN,
                             .correlation = NAN,
                             .p = NAN};
    double a = made.earlier.se * made.earlier.se, b = made.later.se * made.later.se;
    double covariance =
        earlier->scoring == later->scoring
            ? jb_score_covariance(earlier->scoring, earlier->block, figure, later->block, figure)
            : 0;
    made.value = made.later.value - made.earlier.value;
    made.se = isnan(made.value) ? NAN : sqrt(fmax(a + b - 2 * covariance, 0));
    if (a > 0 && b > 0)
        made.correlation = covariance / sqrt(a * b);
    double df = degrees(earlier, later, a, b);
    if (df > 0 && made.se > 0) {
        double half = jb_t_quantile(0.5 + confidence / 2, df) * made.se;
        made.low = made.value - half, made.high = made.value + half;
        made.p = jb_t_two_sided(made.value / made.se, df);
    }
    return made;
}

static bool is_same_text(const char *one, const char *other) {
    return one == other || (one && other && strcmp(one, other) == 0);
}

static bool is_same_item(const struct jb_index_item *one, const struct jb_index_item *other) {
    bool has_same_posts = !one->is_mean || (one->low == other->low && one->high == other->high);
    return is_same_text(one->name, other->name) && one->pillar == other->pillar &&
           one->is_down == other->is_down && one->is_mean == other->is_mean && has_same_posts &&
           fabs(one->weight - other->weight) < 1e-9;
}

enum jb_code jb_index_check_same(const struct jb_index *one, const struct jb_index *other,
                                 struct jb_error *error) {
    if (one->pillar_count != other->pillar_count || one->item_count != other->item_count)
        return jb_error_set(
            error, JB_INPUT,
            "its index has %zu pillars and %zu items, the one before %zu and %zu; scores of different "
            "indices do not compare",
            other->pillar_count, other->item_count, one->pillar_count, one->item_count);
    for (size_t p = 0; p < one->pillar_count; p++) {
        if (!is_same_text(one->pillars[p].name, other->pillars[p].name) ||
            fabs(one->pillars[p].weight - other->pillars[p].weight) > 1e-9)
            return jb_error_set(
                error, JB_INPUT,
                "pillar '%.60s' has another name or weight than in the plan before; scores of different "
                "indices do not compare",
                other->pillars[p].name);
    }
    for (size_t i = 0; i < one->item_count; i++) {
        if (!is_same_item(&one->items[i], &other->items[i]))
            return jb_error_set(
                error, JB_INPUT,
                "item '%.60s' is not the item '%.60s' of the plan before (name, pillar, direction, weight, "
                "low and high have to be the same); scores of different indices do not compare",
                other->items[i].name, one->items[i].name);
    }
    return JB_OK;
}
