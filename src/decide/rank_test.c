/* Ranking: scores by hand, invariance to order and unit, missing evidence, ties, intervals; the user's file.
 */
#include "base/random.h"
#include "decide/rank_places.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct jb_rank_request request_make(void) {
    struct jb_rank_request request = {.concentration = JB_RANK_CONCENTRATION, .draw_count = 2000, .seed = 7};
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        const struct jb_criterion_info *info = jb_criterion_info((enum jb_criterion)k);
        request.weights[k] = info->weight;
        request.goalposts[k] = (struct jb_goalpost){info->worst, info->best};
    }
    return request;
}

static void know(struct jb_candidate *candidate, enum jb_criterion criterion, double value,
                 double uncertainty, const char *error_id) {
    candidate->evidence[criterion] = (struct jb_evidence){
        .is_known = true, .value = value, .uncertainty = uncertainty, .error_id = error_id};
}

static struct jb_candidate candidate_make(const char *name, double renewable, double pue, double carbon,
                                          double uncertainty) {
    static char ids[64][3][64];
    static size_t used;
    struct jb_candidate candidate = {.group = name, .name = name};
    size_t slot = used++ % 64;
    for (int i = 0; i < 3; i++)
        snprintf(ids[slot][i], sizeof ids[slot][i], "%d %s", i, name);
    know(&candidate, JB_RANK_RENEWABLE, renewable, uncertainty, ids[slot][0]);
    know(&candidate, JB_RANK_EFFICIENCY, pue, uncertainty, ids[slot][1]);
    know(&candidate, JB_RANK_CARBON, carbon, uncertainty, ids[slot][2]);
    return candidate;
}

static struct jb_ranking rank(const struct jb_rank_request *request, const struct jb_candidate *candidates,
                              size_t count) {
    struct jb_error error = {0};
    struct jb_ranking ranking = {0};
    if (jb_rank(request, candidates, count, &error, &ranking))
        fail_msg("%s", error.message);
    return ranking;
}

/* (51·56 + 46·100(2−1.2) + 42·100(1−0.5)) / 139 = 62.129… */
static void scores_are_those_computed_by_hand(void **state) {
    (void)state;
    struct jb_rank_request request = request_make();
    struct jb_candidate candidates[] = {candidate_make("b", 56, 1.2, 500, 0),
                                        candidate_make("a", 100, 1, 0, 0)};
    struct jb_ranking ranking = rank(&request, candidates, 2);
    assert_int_equal(ranking.count, 2);
    assert_string_equal(ranking.rows[0].name, "a");
    assert_true(fabs(ranking.rows[0].score - 100) < 1e-9);
    assert_true(fabs(ranking.rows[1].score - (51 * 56 + 46 * 80 + 42 * 50) / 139.0) < 1e-9);
    assert_true(fabs(ranking.rows[1].points[JB_RANK_EFFICIENCY] - 80) < 1e-9);
    assert_true(isnan(ranking.rows[1].points[JB_RANK_WATER]));
    assert_true(ranking.rows[0].first_probability == 1 && ranking.rows[0].rank_high == 1);
    assert_true(fabs(ranking.rows[0].confidence - 1) < 1e-12);
    assert_true(fabs(ranking.weights[JB_RANK_RENEWABLE] - 51.0 / 139) < 1e-12);
    jb_ranking_free(&ranking);
}

static void what_lies_beyond_a_goalpost_counts_as_the_goalpost(void **state) {
    (void)state;
    struct jb_rank_request request = request_make();
    struct jb_candidate candidates[] = {candidate_make("a", 0, 4, 2000, 0)};
    struct jb_ranking ranking = rank(&request, candidates, 1);
    assert_true(ranking.rows[0].score == 0);
    assert_int_equal(ranking.rows[0].rank_low, 1);
    jb_ranking_free(&ranking);
}

static void assert_same(const struct jb_ranking *a, const struct jb_ranking *b, double tolerance) {
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->rows[i].name, b->rows[i].name);
        assert_true(fabs(a->rows[i].score - b->rows[i].score) <= tolerance);
        assert_true(fabs(a->rows[i].score_low - b->rows[i].score_low) <= tolerance);
        assert_true(fabs(a->rows[i].rank_mean - b->rows[i].rank_mean) <= tolerance);
        assert_int_equal(a->rows[i].rank_low, b->rows[i].rank_low);
        assert_int_equal(a->rows[i].rank_high, b->rows[i].rank_high);
        assert_true(fabs(a->rows[i].first_probability - b->rows[i].first_probability) <= tolerance);
    }
}

#define PLACE_COUNT 12

/* The same places in another order, and weights in another unit, give the same ranking to the last digit. */
static void order_and_scale_of_weights_do_not_matter(void **state) {
    (void)state;
    static const char *const names[PLACE_COUNT] = {"a", "b", "c", "d", "e", "f",
                                                   "g", "h", "i", "j", "k", "l"};
    struct jb_random random = jb_random_make(3);
    struct jb_rank_request request = request_make(), scaled = request;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        scaled.weights[k] *= 0.25;
    for (int round = 0; round < 20; round++) {
        struct jb_candidate candidates[PLACE_COUNT], shuffled[PLACE_COUNT];
        for (size_t i = 0; i < PLACE_COUNT; i++) {
            candidates[i] = candidate_make(names[i], 100 * jb_random_unit(&random),
                                           1 + jb_random_unit(&random), 900 * jb_random_unit(&random), 0.1);
            if (jb_random_below(&random, 4) == 0)
                candidates[i].evidence[jb_random_below(&random, 3)].is_known = false;
        }
        memcpy(shuffled, candidates, sizeof shuffled);
        for (size_t i = PLACE_COUNT - 1; i > 0; i--) {
            size_t other = jb_random_below(&random, i + 1);
            struct jb_candidate kept = shuffled[i];
            shuffled[i] = shuffled[other];
            shuffled[other] = kept;
        }
        struct jb_ranking straight = rank(&request, candidates, PLACE_COUNT);
        struct jb_ranking mixed = rank(&scaled, shuffled, PLACE_COUNT);
        assert_same(&straight, &mixed, 0);
        jb_ranking_free(&straight);
        jb_ranking_free(&mixed);
    }
}

/* A place of which one criterion is unknown keeps its score over the rest; its interval widens. */
static void missing_evidence_lowers_confidence_not_the_score(void **state) {
    (void)state;
    struct jb_rank_request request = request_make();
    struct jb_candidate candidates[] = {
        candidate_make("a", 60, 1.4, 400, 0.05), candidate_make("b", 60, 1.4, 400, 0.05),
        candidate_make("c", 10, 1.9, 900, 0.05), candidate_make("d", 95, 1.1, 50, 0.05)};
    struct jb_ranking whole = rank(&request, candidates, 4);
    candidates[0].evidence[JB_RANK_EFFICIENCY].is_known = false;
    struct jb_ranking partly = rank(&request, candidates, 4);
    const struct jb_ranked *row = NULL, *twin = NULL;
    for (size_t i = 0; i < 4; i++) {
        row = strcmp(partly.rows[i].name, "a") == 0 ? &partly.rows[i] : row;
        twin = strcmp(partly.rows[i].name, "b") == 0 ? &partly.rows[i] : twin;
    }
    assert_true(fabs(row->score - (51 * 60 + 42 * 60) / 93.0) < 1e-9);
    assert_true(fabs(row->confidence - 93.0 / 139) < 1e-9);
    assert_true(row->score_high - row->score_low > 1.5 * (twin->score_high - twin->score_low));
    assert_true(twin->confidence == 1 || fabs(twin->confidence - 1) < 1e-12);
    jb_ranking_free(&whole);
    jb_ranking_free(&partly);
}

static void what_nobody_knows_is_left_out_and_said(void **state) {
    (void)state;
    struct jb_rank_request request = request_make();
    struct jb_error error = {0};
    struct jb_ranking ranking;
    struct jb_candidate candidates[] = {candidate_make("a", 60, 1.4, 400, 0.05),
                                        candidate_make("b", 50, 1.4, 400, 0.05)};
    for (int i = 0; i < 2; i++)
        candidates[i].evidence[JB_RANK_CARBON].is_known = false;
    ranking = rank(&request, candidates, 2);
    assert_true(ranking.is_left_out[JB_RANK_CARBON] && ranking.weights[JB_RANK_CARBON] == 0);
    assert_true(fabs(ranking.rows[0].confidence - 97.0 / 139) < 1e-12);
    jb_ranking_free(&ranking);
    for (int i = 0; i < 2; i++)
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
            candidates[i].evidence[k].is_known = false;
    assert_int_equal(jb_rank(&request, candidates, 2, &error, &ranking), JB_NO_DATA);
}

/* Equal places share the first rank and the probability of it; errors that they share do not part them. */
static void ties_are_shared(void **state) {
    (void)state;
    struct jb_rank_request request = request_make();
    struct jb_candidate candidates[] = {candidate_make("a", 60, 1.4, 400, 0.2),
                                        candidate_make("b", 60, 1.4, 400, 0.2)};
    for (unsigned k = 0; k < 3; k++)
        candidates[1].evidence[k].error_id = candidates[0].evidence[k].error_id;
    struct jb_ranking ranking = rank(&request, candidates, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(fabs(ranking.rows[i].first_probability - 0.5) < 1e-9);
        assert_true(ranking.rows[i].rank_low == 1 && ranking.rows[i].rank_high == 1);
        assert_true(ranking.rows[i].score_high > ranking.rows[i].score_low);
    }
    jb_ranking_free(&ranking);
}

/* Two places that differ in one criterion by d with independent relative errors u: P(first) is a normal tail.
 */
static void the_probability_of_being_first_is_the_normal_one(void **state) {
    (void)state;
    struct jb_rank_request request = request_make();
    request.draw_count = 40000;
    request.concentration = INFINITY;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        request.weights[k] = k == JB_RANK_CARBON;
    struct jb_candidate candidates[] = {candidate_make("a", 0, 1, 400, 0.1),
                                        candidate_make("b", 0, 1, 450, 0.1)};
    struct jb_ranking ranking = rank(&request, candidates, 2);
    double expected = 0.5 * erfc(-50 / hypot(40, 45) / sqrt(2));
    assert_string_equal(ranking.rows[0].name, "a");
    assert_true(fabs(ranking.rows[0].first_probability - expected) < 0.01);
    double half_width = 1.959964 * 40 / 10;
    assert_true(fabs(ranking.rows[0].score_high - ranking.rows[0].score_low - 2 * half_width) < 0.3);
    jb_ranking_free(&ranking);
}

static void groups_are_means_of_their_places(void **state) {
    (void)state;
    struct jb_rank_request request = request_make();
    struct jb_candidate candidates[] = {candidate_make("a/1", 100, 1, 0, 0),
                                        candidate_make("a/2", 0, 2, 1000, 0),
                                        candidate_make("b/1", 40, 1.6, 600, 0)};
    candidates[0].group = candidates[1].group = "a";
    candidates[2].group = "b";
    struct jb_ranking ranking = rank(&request, candidates, 3);
    assert_int_equal(ranking.count, 2);
    assert_string_equal(ranking.rows[0].name, "a");
    assert_int_equal(ranking.rows[0].candidate_count, 2);
    assert_true(fabs(ranking.rows[0].score - 50) < 1e-9);
    assert_true(fabs(ranking.rows[1].score - 40) < 1e-9);
    jb_ranking_free(&ranking);
}

static void requests_that_make_no_sense_are_refused(void **state) {
    (void)state;
    struct jb_candidate candidate = candidate_make("a", 60, 1.4, 400, 0.05);
    struct jb_error error = {0};
    struct jb_ranking ranking;
    struct jb_rank_request request = request_make();
    request.weights[JB_RANK_PRICE] = 1;
    assert_int_equal(jb_rank(&request, &candidate, 1, &error, &ranking), JB_USAGE);
    assert_non_null(strstr(error.message, "--goalposts price="));
    request = request_make();
    request.draw_count = 0;
    assert_int_equal(jb_rank(&request, &candidate, 1, &error, &ranking), JB_USAGE);
    request = request_make();
    request.weights[JB_RANK_CARBON] = -1;
    assert_int_equal(jb_rank(&request, &candidate, 1, &error, &ranking), JB_USAGE);
    request = request_make();
    assert_int_equal(jb_rank(&request, &candidate, 0, &error, &ranking), JB_NO_DATA);
}

static struct jb_rank_places *places_make(bool is_near) {
    char path[4096];
    struct jb_error error = {0};
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_(jb_regions_free_cleanup) struct jb_regions *regions = NULL;
    struct jb_rank_places *places = NULL;
    struct jb_rank_origin origin = {.at_ns = INT64_C(1790000000000000000),
                                    .is_near = is_near,
                                    .latitude_degrees = 37.57,
                                    .longitude_degrees = 126.98};
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    if (jb_factors_load(&(struct jb_factor_load){.data_path = path}, &error, &factors) ||
        jb_regions_load(path, &error, &regions) ||
        jb_rank_places_make(factors, regions, &origin, &error, &places))
        fail_msg("%s", error.message);
    return places;
}

static enum jb_code add(struct jb_rank_places *places, const char *text, struct jb_error *error) {
    FILE *file = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(file);
    enum jb_code code = jb_rank_places_add(places, file, "own.csv", error);
    fclose(file);
    return code;
}

static void own_evidence_takes_precedence_in_any_unit(void **state) {
    (void)state;
    _cleanup_(jb_rank_places_free_cleanup) struct jb_rank_places *places = places_make(true);
    struct jb_error error = {0};
    struct jb_rank_filter filter = {.regions = "own/*,gcp/asia-northeast3", .latency_limit_ms = NAN};
    struct jb_candidate *candidates;
    size_t count;
    if (add(places,
            "unit,value,criterion,region,provider,uncertainty\n"
            "kg/kWh,0.2,carbon,seoul1,own,0.02\nfraction,0.4,renewable,seoul1,own,\n"
            "EUR/MWh,120,price,seoul1,own,\nEUR/kWh,0.2,price,asia-northeast3,gcp,\n"
            "s,0.05,latency,asia-northeast3,gcp,\n",
            &error))
        fail_msg("%s", error.message);
    assert_string_equal(jb_rank_places_price_unit(places), "EUR/MWh");
    assert_int_equal(jb_rank_places_select(places, &filter, &error, &candidates, &count), JB_OK);
    assert_int_equal(count, 2);
    const struct jb_candidate *google = &candidates[strncmp(candidates[0].name, "gcp", 3) != 0];
    const struct jb_candidate *own = &candidates[google == candidates];
    assert_true(fabs(own->evidence[JB_RANK_CARBON].value - 200) < 1e-9);
    assert_true(fabs(own->evidence[JB_RANK_RENEWABLE].value - 40) < 1e-9);
    assert_true(own->evidence[JB_RANK_RENEWABLE].is_assumed && !own->evidence[JB_RANK_CARBON].is_assumed);
    assert_true(fabs(google->evidence[JB_RANK_PRICE].value - 200) < 1e-9);
    assert_true(fabs(google->evidence[JB_RANK_LATENCY].value - 50) < 1e-9);
    assert_string_equal(google->evidence[JB_RANK_LATENCY].basis, "given");
    assert_string_equal(google->evidence[JB_RANK_RENEWABLE].basis, "hourly matched");
    free(candidates);
}

/* The same evidence in other units and in another order of rows ranks the same. */
static void order_and_units_of_inputs_do_not_matter(void **state) {
    (void)state;
    static const char *const texts[] = {
        "provider,region,criterion,value,unit,uncertainty\n"
        "own,a,carbon,200,g/kWh,0.02\nown,a,renewable,40,%,0.1\nown,a,price,0.12,EUR/kWh,\n"
        "own,b,carbon,350,g/kWh,0.05\nown,b,renewable,75,%,0.05\nown,b,price,0.08,EUR/kWh,\n"
        "own,c,efficiency,1.2,ratio,0.01\nown,c,carbon,90,g/kWh,0.2\n",
        "unit,region,provider,uncertainty,value,criterion\n"
        "kg/MWh,c,own,0.2,90,carbon\nEUR/MWh,b,own,,80,price\nfraction,a,own,0.1,0.4,renewable\n"
        "1,c,own,0.01,1.2,efficiency\nkg/kWh,a,own,0.02,0.2,carbon\nfraction,b,own,0.05,0.75,renewable\n"
        "EUR/MWh,a,own,,120,price\nt/MWh,b,own,0.05,0.35,carbon\n"};
    struct jb_rank_request request = request_make();
    struct jb_ranking rankings[JB_COUNT(texts)];
    struct jb_rank_places *places[JB_COUNT(texts)]; /* which have the names */
    for (size_t t = 0; t < JB_COUNT(texts); t++) {
        places[t] = places_make(true);
        struct jb_rank_filter filter = {.regions = "own/*", .latency_limit_ms = NAN};
        struct jb_error error = {0};
        struct jb_candidate *candidates;
        size_t count;
        if (add(places[t], texts[t], &error))
            fail_msg("%s", error.message);
        assert_int_equal(jb_rank_places_select(places[t], &filter, &error, &candidates, &count), JB_OK);
        assert_int_equal(count, 3);
        rankings[t] = rank(&request, candidates, count);
        free(candidates);
    }
    assert_same(&rankings[0], &rankings[1], 1e-12);
    for (size_t t = 0; t < JB_COUNT(texts); t++) {
        jb_ranking_free(&rankings[t]);
        jb_rank_places_free(places[t]);
    }
}

static void constraints_pick_places(void **state) {
    (void)state;
    _cleanup_(jb_rank_places_free_cleanup) struct jb_rank_places *places = places_make(true);
    struct jb_error error = {0};
    struct jb_candidate *candidates;
    size_t count;
    struct jb_rank_filter filter = {
        .countries = "kr,JP", .providers = "GCP,alibaba", .latency_limit_ms = NAN};
    assert_int_equal(jb_rank_places_select(places, &filter, &error, &candidates, &count), JB_OK);
    assert_int_equal(count, 5);
    free(candidates);
    filter.latency_limit_ms = 15; /* Seoul to Tokyo is 23 ms by the model */
    assert_int_equal(jb_rank_places_select(places, &filter, &error, &candidates, &count), JB_OK);
    assert_int_equal(count, 2);
    free(candidates);
    filter.countries = "KR,XX";
    assert_int_equal(jb_rank_places_select(places, &filter, &error, &candidates, &count), JB_USAGE);
    assert_non_null(strstr(error.message, "'XX'"));
    filter = (struct jb_rank_filter){.regions = "us-*", .latency_limit_ms = 1};
    assert_int_equal(jb_rank_places_select(places, &filter, &error, &candidates, &count), JB_NO_DATA);
}

static void bad_files_name_line_field_and_mend(void **state) {
    (void)state;
    static const char heading[] = "provider,region,criterion,value,unit,uncertainty\n";
    static const struct {
        const char *rows, *says;
    } cases[] = {
        {"", "own.csv: empty"},
        {"provider,region,criterion,value\na,b,carbon,1\n", "line 1: the column 'unit' is missing"},
        {"provider,region,criterion,value,unit,weight\n", "'weight' is unknown"},
        {"+a,b,carbon,1,t/kg,\n", "line 2, field unit: 't/kg' is none of the units of carbon"},
        {"+a,b,carbon,-1,g/kWh,\n", "line 2, field value"},
        {"+a,b,carbon,1e3,g/kWh,\n", "line 2, field value"},
        {"+a,b,efficiency,0.9,PUE,\n", "outside 1 to 5"},
        {"+a,b,colour,1,g/kWh,\n", "line 2, field criterion"},
        {"+a,b,carbon,1,g/kWh,2\n", "line 2, field uncertainty"},
        {"+a,b,carbon,1,g/kWh,\nA,B,carbon,2,g/kWh,\n", "line 3, field criterion: carbon of a/b was given"},
        {"+a,b,price,1,euros,\n", "line 2, field unit: 'euros' is no price"},
        {"+a,b,price,1,EUR/h,\na,c,price,1,USD/h,\n", "line 3, field unit: USD/h does not compare"},
        {"+a,b,price,1,EUR/h,\na,c,price,1,EUR/kWh,\n", "line 3, field unit"},
        {"+a/b,c,price,1,EUR/h,\n", "line 2, field provider"},
        {"+a,b,latency,1,min,\n", "neither ms nor s"},
        {"+a,b,carbon,1,g/kWh\n", "line 2: 5 fields"},
    };
    _cleanup_(jb_rank_places_free_cleanup) struct jb_rank_places *places = places_make(false);
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        char text[512];
        struct jb_error error = {0};
        bool has_heading = cases[i].rows[0] == '+';
        snprintf(text, sizeof text, "%s%s", has_heading ? heading : "", cases[i].rows + has_heading);
        if (!*text)
            strcpy(text, "\n");
        assert_int_equal(add(places, text, &error), JB_INPUT);
        if (!strstr(error.message, cases[i].says))
            fail_msg("case %zu: %s", i, error.message);
        assert_string_equal(jb_rank_places_price_unit(places), "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_computed_by_hand),
        cmocka_unit_test(what_lies_beyond_a_goalpost_counts_as_the_goalpost),
        cmocka_unit_test(order_and_scale_of_weights_do_not_matter),
        cmocka_unit_test(missing_evidence_lowers_confidence_not_the_score),
        cmocka_unit_test(what_nobody_knows_is_left_out_and_said),
        cmocka_unit_test(ties_are_shared),
        cmocka_unit_test(the_probability_of_being_first_is_the_normal_one),
        cmocka_unit_test(groups_are_means_of_their_places),
        cmocka_unit_test(requests_that_make_no_sense_are_refused),
        cmocka_unit_test(own_evidence_takes_precedence_in_any_unit),
        cmocka_unit_test(order_and_units_of_inputs_do_not_matter),
        cmocka_unit_test(constraints_pick_places),
        cmocka_unit_test(bad_files_name_line_field_and_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
