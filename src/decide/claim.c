/* Holds claims against evidence. */
#include "decide/claim.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const struct jb_claim_kind_info infos[JB_CLAIM_KIND_COUNT] = {
    [JB_CLAIM_PUE] = {"pue", "", 1, true, 1, INFINITY, "power usage effectiveness (ISO/IEC 30134-2)"},
    [JB_CLAIM_WUE] = {"wue", "L/kWh", 1, true, 0, INFINITY, "water usage effectiveness (ISO/IEC 30134-9)"},
    [JB_CLAIM_CUE] = {"cue", "kg/kWh", 1, true, 0, INFINITY, "carbon usage effectiveness (ISO/IEC 30134-8)"},
    [JB_CLAIM_CLEAN] = {"clean", "%", 100, false, 0, 1, "carbon-free part of the electricity"},
    [JB_CLAIM_RENEWABLE] = {"renewable", "%", 100, false, 0, 1, "renewable part of the electricity"},
    [JB_CLAIM_REUSE] = {"reuse", "%", 100, false, 0, 1, "energy reuse factor (ISO/IEC 30134-6)"},
};

const struct jb_claim_kind_info *jb_claim_kind_info(enum jb_claim_kind kind) {
    assert((unsigned)kind < JB_CLAIM_KIND_COUNT);
    return &infos[kind];
}

const char *jb_claim_verdict_name(enum jb_claim_verdict verdict) {
    static const char *const names[] = {[JB_CLAIM_SUPPORTED] = "supported",
                                        [JB_CLAIM_CONTRADICTED] = "contradicted",
                                        [JB_CLAIM_NOT_SHOWN] = "not shown"};
    return names[verdict];
}

__attribute__((format(printf, 3, 4))) static void
decide(struct jb_claim_result *result, enum jb_claim_verdict verdict, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->reason, sizeof result->reason, format, arguments);
    va_end(arguments);
    result->verdict = verdict;
}

static void judge_figure(const struct jb_claim *claim, const struct jb_claim_evidence *evidence,
                         struct jb_claim_result *result) {
    const struct jb_claim_kind_info *info = &infos[claim->kind];
    const struct jb_claim_figure *figure = &evidence->metered;
    double low = figure->low, high = figure->high, value = figure->value, claimed = claim->value;
    if (!figure->is_known) {
        decide(result, JB_CLAIM_NOT_SHOWN, "%s",
               evidence->declared.is_known
                   ? "no meter of yours covers it; the provider's own word is no evidence"
                   : "no meter covers it");
        return;
    }
    if (isnan(low) || isnan(high)) {
        decide(result, JB_CLAIM_NOT_SHOWN,
               "an uncertainty behind the figure is not known, so it decides nothing");
        return;
    }
    if (info->ceiling == 1) {
        low *= figure->coverage;
        high = high * figure->coverage + (1 - figure->coverage);
        value = fmin(fmax(value, low), high);
    }
    /* From here on more is worse. */
    if (!info->is_at_most) {
        double kept = low;
        low = -high, high = -kept, value = -value, claimed = -claimed;
    }
    double bound = claimed + claim->half_width, material = claim->materiality * fabs(claim->value);
    bool is_covered = figure->coverage >= JB_CLAIM_COVERAGE || info->ceiling == 1;
    if (!is_covered)
        decide(result, JB_CLAIM_NOT_SHOWN, "meters cover only %.0f %% of the period", figure->coverage * 100);
    else if (low > bound)
        decide(result, JB_CLAIM_CONTRADICTED, "the whole 95 %% interval lies %s the claim",
               info->is_at_most ? "above" : "below");
    else if (value <= bound && high <= bound + material)
        decide(result, JB_CLAIM_SUPPORTED, "the figure keeps it, and its 95 %% interval within %.0f %%",
               claim->materiality * 100);
    else if (figure->coverage < JB_CLAIM_COVERAGE)
        decide(result, JB_CLAIM_NOT_SHOWN, "meters cover only %.0f %% of the period, and the rest can tip it",
               figure->coverage * 100);
    else
        decide(result, JB_CLAIM_NOT_SHOWN, "the 95 %% interval reaches past the claim on %s",
               value <= bound ? "its bad side" : "its good side");
}

static void judge_goal(const struct jb_claim *claim, const struct jb_claim_evidence *evidence, int64_t now_ns,
                       struct jb_claim_result *result) {
    const struct jb_claim_kind_info *info = &infos[claim->kind];
    double target = info->is_at_most ? claim->value + claim->half_width : claim->value - claim->half_width;
    if (evidence->point_count == 0) {
        decide(result, JB_CLAIM_NOT_SHOWN, "%s",
               evidence->declared.is_known
                   ? "a goal, and no meter of yours tells how far it is; the provider's "
                     "own word is no evidence"
                   : "a goal, and no meter tells how far it is");
        return;
    }
    result->has_course =
        jb_course_find(evidence->points, evidence->point_count, target, claim->until_ns, info->is_at_most,
                       info->floor, info->ceiling, NULL, &result->course) == JB_OK;
    enum jb_course_verdict course = result->course.verdict;
    if (course == JB_COURSE_REACHED)
        decide(result, JB_CLAIM_SUPPORTED, "reached");
    else if (claim->until_ns <= now_ns)
        decide(result, JB_CLAIM_CONTRADICTED, "its date has passed, and it was not reached");
    else if (course == JB_COURSE_ON)
        decide(result, JB_CLAIM_SUPPORTED, "on course: the trend reaches it in time");
    else
        decide(result, JB_CLAIM_NOT_SHOWN, "not reached yet: %s", jb_course_verdict_name(course));
}

struct jb_claim_result jb_claim_judge(const struct jb_claim *claim, const struct jb_claim_evidence *evidence,
                                      int64_t now_ns) {
    struct jb_claim_result result = {0};
    if (claim->is_goal)
        judge_goal(claim, evidence, now_ns, &result);
    else
        judge_figure(claim, evidence, &result);
    return result;
}
