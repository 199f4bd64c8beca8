/* Claims: verdicts at their borders, goals, what is no evidence; the claims file. */
#include "decide/claim.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW (INT64_C(1790000000) * 1000000000) /* 2026-09-21 */

static struct jb_claims *parse(const char *text) {
    struct jb_claims *claims = NULL;
    struct jb_error error = {0};
    if (jb_claims_parse(text, strlen(text), "claims.ini", &error, &claims))
        fail_msg("%s", error.message);
    return claims;
}

static struct jb_claim_result judge_metered(const struct jb_claim *claim, double value, double low,
                                            double high, double coverage) {
    struct jb_claim_evidence evidence = {.metered = {true, value, low, high, coverage}};
    return jb_claim_judge(claim, &evidence, NOW);
}

static void a_file_is_read(void **state) {
    (void)state;
    _cleanup_(jb_claims_free_cleanup) struct jb_claims *claims = parse(
        "[claim pue]\nkind = pue\nvalue = 1.200\nfrom = 2023-04-01\nuntil = 2024-04-01\nprovider = alibaba\n"
        "says = average PUE 1.200 in FY2024\n[claim  clean]\nkind = clean\nvalue = 56 %\nyear = 2024\n"
        "basis = hourly\nsite = seoul1\nmateriality = 2 %\n[claim goal]\nkind=renewable\nvalue=100 "
        "%\nby=2030\n"
        "[claim c]\nkind = cue\nvalue = 450 g/kWh\nyear = 2025\n");
    assert_int_equal(claims->count, 4);
    const struct jb_claim *pue = &claims->items[0], *clean = &claims->items[1], *goal = &claims->items[2];
    assert_true(pue->value == 1.2 && fabs(pue->half_width - 0.0005) < 1e-12 && !pue->is_goal);
    assert_int_equal(pue->from_ns, INT64_C(1680307200000000000));
    assert_int_equal(pue->until_ns, INT64_C(1711929600000000000));
    assert_true(pue->materiality == 0.05);
    assert_string_equal(clean->name, "clean");
    assert_true(clean->is_hourly && fabs(clean->value - 0.56) < 1e-12 &&
                fabs(clean->half_width - 0.005) < 1e-12);
    assert_int_equal(clean->until_ns, INT64_C(1735689600000000000));
    assert_true(goal->is_goal &&
                goal->until_ns == INT64_C(1924992000000000000)); /* 2031-01-01: the end of 2030 */
    assert_true(fabs(claims->items[3].value - 0.45) < 1e-12 &&
                fabs(claims->items[3].half_width - 0.0005) < 1e-12);
}

static void bad_files_name_line_field_and_mend(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "no claim in it"},
        {"kind = pue\n", "line 1: 'kind = pue' stands before the first"},
        {"[claims]\n", "line 1: [claims] is no section; write [claim NAME]"},
        {"[claim ]\n", "line 1: [claim] is no section"},
        {"[claim a]\nkind = pue\n[claim b]\n", "line 1: [claim a] has no value"},
        {"[claim a]\nvalue = 1\nyear = 2024\n", "line 1: [claim a] has no kind"},
        {"[claim a]\nkind = peu\nvalue = 1.2\nyear = 2024\n",
         "line 2, field kind: 'peu' is none of pue, wue"},
        {"[claim a]\nkind = pue\nvalu = 1.2\n", "line 3, field valu: no key of a claim; did you mean value?"},
        {"[claim a]\nkind = pue\nvalue = 0.9\nyear = 2024\n", "line 3, field value"},
        {"[claim a]\nkind = clean\nvalue = 56\nyear = 2024\n", "line 3, field value: '56' has no unit"},
        {"[claim a]\nkind = pue\nvalue = 1.2\n", "line 1: [claim a] has no period"},
        {"[claim a]\nkind = pue\nvalue = 1.2\nyear = 24\n", "line 4, field year"},
        {"[claim a]\nkind = pue\nvalue = 1.2\nyear = 2024\nby = 2030\n",
         "line 5, field by: a goal has a date"},
        {"[claim a]\nkind = pue\nvalue = 1.2\nfrom = 2024-02-01\nuntil = 2024-01-01\n",
         "line 5, field until"},
        {"[claim a]\nkind = pue\nvalue = 1.2\nyear = 2024\nbasis = hourly\n", "line 5, field basis"},
        {"[claim a]\nkind = pue\nvalue = 1.2\nyear = 2024\nregion = x\n", "line 5, field region"},
        {"[claim a]\nkind = pue\nkind = pue\n", "line 3, field kind: stands on line 2 already"},
        {"[claim a]\nkind = pue\nvalue = 1.2\nyear=2024\n[claim a]\n",
         "line 5: [claim a] stands on line 1 already"},
        {"[claim a]\nkind = pue\nvalue = 1.2 +- 1 %\nyear = 2024\n", "line 3, field value: a claim has no"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_claims *claims = NULL;
        struct jb_error error = {0};
        assert_int_equal(jb_claims_parse(cases[i].text, strlen(cases[i].text), "claims.ini", &error, &claims),
                         JB_INPUT);
        assert_null(claims);
        if (!strstr(error.message, cases[i].says))
            fail_msg("case %zu: %s", i, error.message);
    }
}

static void verdicts_turn_where_they_should(void **state) {
    (void)state;
    _cleanup_(jb_claims_free_cleanup) struct jb_claims *claims =
        parse("[claim p]\nkind = pue\nvalue = 1.20\nyear = 2024\n[claim c]\nkind = clean\nvalue = 56 %\nyear "
              "= 2024\n");
    const struct jb_claim *pue = &claims->items[0], *clean = &claims->items[1];
    assert_int_equal(judge_metered(pue, 1.18, 1.17, 1.19, 1).verdict, JB_CLAIM_SUPPORTED);
    assert_int_equal(judge_metered(pue, 1.204, 1.19, 1.22, 1).verdict,
                     JB_CLAIM_SUPPORTED); /* rounds to 1.20 */
    assert_int_equal(judge_metered(pue, 1.206, 1.19, 1.22, 1).verdict, JB_CLAIM_NOT_SHOWN);
    assert_int_equal(judge_metered(pue, 1.18, 1.05, 1.31, 1).verdict, JB_CLAIM_NOT_SHOWN); /* past 1.265 */
    assert_int_equal(judge_metered(pue, 1.25, 1.204, 1.30, 1).verdict, JB_CLAIM_NOT_SHOWN);
    assert_int_equal(judge_metered(pue, 1.25, 1.206, 1.30, 1).verdict, JB_CLAIM_CONTRADICTED);
    assert_int_equal(judge_metered(pue, 1.1, 1.09, 1.11, 0.94).verdict, JB_CLAIM_NOT_SHOWN);
    assert_int_equal(judge_metered(pue, 1.1, NAN, NAN, 1).verdict, JB_CLAIM_NOT_SHOWN);
    assert_int_equal(judge_metered(clean, 0.60, 0.57, 0.63, 1).verdict, JB_CLAIM_SUPPORTED);
    assert_int_equal(judge_metered(clean, 0.50, 0.45, 0.54, 1).verdict, JB_CLAIM_CONTRADICTED);
    assert_int_equal(judge_metered(clean, 0.50, 0.45, 0.57, 1).verdict, JB_CLAIM_NOT_SHOWN);
    /* Half of the year unknown: a share of 0.9 in the rest makes 0.45 to 0.95; one of 0.05 cannot reach 0.56.
     */
    assert_int_equal(judge_metered(clean, 0.90, 0.88, 0.92, 0.5).verdict, JB_CLAIM_NOT_SHOWN);
    assert_int_equal(judge_metered(clean, 0.05, 0.04, 0.06, 0.5).verdict, JB_CLAIM_CONTRADICTED);
}

static void a_providers_own_word_shows_nothing(void **state) {
    (void)state;
    _cleanup_(jb_claims_free_cleanup) struct jb_claims *claims = parse(
        "[claim p]\nkind = pue\nvalue = 1.200\nyear = 2024\nprovider = alibaba\n[claim g]\nkind = clean\n"
        "value = 100 %\nby = 2030\nprovider = alibaba\n");
    struct jb_claim_evidence evidence = {.declared = {true, 1.2, NAN, NAN, 1}};
    struct jb_claim_result result = jb_claim_judge(&claims->items[0], &evidence, NOW);
    assert_int_equal(result.verdict, JB_CLAIM_NOT_SHOWN);
    assert_non_null(strstr(result.reason, "own word"));
    assert_int_equal(jb_claim_judge(&claims->items[1], &evidence, NOW).verdict, JB_CLAIM_NOT_SHOWN);
}

static void goals_are_reached_on_course_or_not_shown(void **state) {
    (void)state;
    _cleanup_(jb_claims_free_cleanup) struct jb_claims *claims =
        parse("[claim g]\nkind = clean\nvalue = 100 %\nby = 2030\n[claim past]\nkind = clean\nvalue = 80 "
              "%\nby = 2025\n");
    struct jb_course_point points[3];
    struct jb_claim_evidence evidence = {.points = points, .point_count = 3};
    const double fast[] = {0.5, 0.65, 0.8}, slow[] = {0.5, 0.52, 0.54};
    for (int i = 0; i < 3; i++)
        points[i] = (struct jb_course_point){(53 + i) * JB_YEAR_NS, (54 + i) * JB_YEAR_NS, fast[i], 0.01};
    assert_int_equal(jb_claim_judge(&claims->items[0], &evidence, NOW).verdict, JB_CLAIM_SUPPORTED);
    for (int i = 0; i < 3; i++)
        points[i].value = slow[i];
    struct jb_claim_result result = jb_claim_judge(&claims->items[0], &evidence, NOW);
    assert_int_equal(result.verdict, JB_CLAIM_NOT_SHOWN);
    assert_true(result.has_course && result.course.verdict == JB_COURSE_OFF);
    assert_true(fabs(result.course.needed_per_year - (0.995 - 0.54) / 5) < 0.01);
    assert_int_equal(jb_claim_judge(&claims->items[1], &evidence, NOW).verdict, JB_CLAIM_CONTRADICTED);
    points[2].value = 0.81;
    assert_int_equal(jb_claim_judge(&claims->items[1], &evidence, NOW).verdict, JB_CLAIM_SUPPORTED);
}

/* By how much a truth breaks a claim beyond its rounding; negative: it keeps it. */
static double breaks_by(const struct jb_claim *claim, double truth) {
    return jb_claim_kind_info(claim->kind)->is_at_most ? truth - (claim->value + claim->half_width)
                                                       : claim->value - claim->half_width - truth;
}

/* Over every truth that the interval, and for shares the hours that nothing is known of, leave open. */
static enum jb_claim_verdict judge_truths(const struct jb_claim *claim,
                                          const struct jb_claim_figure *figure) {
    bool is_share = jb_claim_kind_info(claim->kind)->ceiling == 1;
    double open = is_share ? 1 - figure->coverage : 0, known = 1 - open, least = INFINITY, most = -INFINITY;
    for (int i = 0; i <= 8; i++) {
        for (int u = 0; u <= (is_share ? 8 : 0); u++) {
            double truth = known * (figure->low + (figure->high - figure->low) * i / 8) + open * u / 8;
            least = fmin(least, breaks_by(claim, truth));
            most = fmax(most, breaks_by(claim, truth));
        }
    }
    /* The figure itself, where it can lie. */
    double low = known * figure->low, high = known * figure->high + open;
    double value = is_share ? fmin(fmax(figure->value, low), high) : figure->value;
    if (!is_share && figure->coverage < JB_CLAIM_COVERAGE)
        return JB_CLAIM_NOT_SHOWN;
    return least > 0                                                                   ? JB_CLAIM_CONTRADICTED
           : breaks_by(claim, value) <= 0 && most <= claim->materiality * claim->value ? JB_CLAIM_SUPPORTED
                                                                                       : JB_CLAIM_NOT_SHOWN;
}

static void verdicts_are_those_of_all_truths(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(9);
    size_t counts[3] = {0};
    for (int i = 0; i < 20000; i++) {
        struct jb_claim claim = {.kind = (enum jb_claim_kind)jb_random_below(&random, JB_CLAIM_KIND_COUNT),
                                 .half_width = 0.0005,
                                 .materiality = jb_random_below(&random, 2) ? 0.05 : 0};
        const struct jb_claim_kind_info *info = jb_claim_kind_info(claim.kind);
        double ceiling = fmin(info->ceiling, info->floor + 1), middle = (info->floor + ceiling) / 2;
        claim.value = middle + (jb_random_unit(&random) - 0.5) / 2;
        double width = jb_random_unit(&random) * 0.1,
               value = claim.value + (jb_random_unit(&random) - 0.5) * 0.3;
        struct jb_claim_evidence evidence = {
            .metered = {true, value, fmax(info->floor, value - width), fmin(info->ceiling, value + width),
                        jb_random_below(&random, 2) ? 1 : jb_random_unit(&random)}};
        enum jb_claim_verdict verdict = jb_claim_judge(&claim, &evidence, NOW).verdict;
        counts[verdict]++;
        if (verdict != judge_truths(&claim, &evidence.metered))
            fail_msg("case %d: %s %g is %s by %g (%g to %g, covered %g)", i, info->name, claim.value,
                     jb_claim_verdict_name(verdict), value, evidence.metered.low, evidence.metered.high,
                     evidence.metered.coverage);
        /* A figure of no use decides nothing, whatever it is. */
        evidence.metered.low = NAN;
        assert_int_equal(jb_claim_judge(&claim, &evidence, NOW).verdict, JB_CLAIM_NOT_SHOWN);
    }
    assert_true(counts[0] > 1000 && counts[1] > 1000 && counts[2] > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(bad_files_name_line_field_and_mend),
        cmocka_unit_test(verdicts_turn_where_they_should),
        cmocka_unit_test(a_providers_own_word_shows_nothing),
        cmocka_unit_test(goals_are_reached_on_course_or_not_shown),
        cmocka_unit_test(verdicts_are_those_of_all_truths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
