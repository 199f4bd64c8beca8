/* Published figures and their places; our answers beside them; percentiles among respondents. */
#include "survey/stand.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char places_text[] = "place,within\nSeoul,Korea\nKorea,Asia\nAsia,\nLoop,Pool\nPool,Loop\n";
static const char figures_text[] = "source,question,answer,place,value,rounding,respondents\n"
                                   "a,q,yes,,60,0.5,1300\nb,q,yes,Korea,50,0.5,100\nc,r,yes,,20,0.5,1300\n";

static enum jb_code read_texts(const char *figures, const char *places, struct jb_error *error,
                               struct jb_published **ret_published) {
    FILE *of_figures = fmemopen((void *)(uintptr_t)figures, strlen(figures), "r");
    FILE *of_places = fmemopen((void *)(uintptr_t)places, strlen(places), "r");
    assert_true(of_figures && of_places);
    enum jb_code code = jb_published_read(of_figures, "f.csv", of_places, "p.csv", error, ret_published);
    fclose(of_figures);
    fclose(of_places);
    return code;
}

static void the_smallest_place_around_answers(void **state) {
    (void)state;
    struct jb_published *published;
    assert_int_equal(read_texts(figures_text, places_text, NULL, &published), JB_OK);
    assert_int_equal(jb_published_find(published, "q", "yes", "Seoul")->value, 50);
    assert_int_equal(jb_published_find(published, "q", "yes", "Asia")->value, 60);
    assert_string_equal(jb_published_find(published, "q", "yes", "Korea")->source, "b");
    assert_int_equal(jb_published_find(published, "r", "yes", "Seoul")->value, 20);
    assert_null(jb_published_find(published, "q", "no", "Seoul"));
    assert_null(jb_published_find(published, "r", "yes", "Loop")); /* places in a circle end */
    assert_true(jb_published_has_place(published, "Seoul") && !jb_published_has_place(published, "Mars"));
    jb_published_free(published);
}

static void wrong_tables_are_named_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *figures, *places, *said;
    } wrongs[] = {
        {"question,answer\n", places_text, "f.csv:1: there is no column 'place'"},
        {"", places_text, "f.csv: the file is empty"},
        {"source,question,answer,place,value,rounding,respondents\na,q,yes,,160,0,9\n", places_text,
         "f.csv:2: value: '160' is no number from 0 to 100"},
        {"source,question,answer,place,value,rounding,respondents\na,q,yes,,60,0,9\n\nb,q,yes,,61,0,9\n",
         places_text, "f.csv:4: this figure is there already"},
        {"source,question,answer,place,value,rounding,respondents\na,q\n", places_text,
         "f.csv:2: the row has 2 fields"},
        {figures_text, "place,within\nA,B\nA,\n", "p.csv:3: the place is empty, or is there already"},
    };
    for (size_t i = 0; i < JB_COUNT(wrongs); i++) {
        struct jb_error error = {0};
        struct jb_published *published = NULL;
        assert_int_equal(read_texts(wrongs[i].figures, wrongs[i].places, &error, &published), JB_INPUT);
        if (!strstr(error.message, wrongs[i].said))
            fail_msg("'%s' does not say '%s'", error.message, wrongs[i].said);
    }
}

static const char *yes = "yes";

static struct jb_index model(void) {
    return (struct jb_index){
        .pillar_count = 2,
        .item_count = 2,
        .pillars = {{.name = "p", .weight = 0.5}, {.name = "r", .weight = 0.5}},
        .items = {{.name = "q", .question = "q", .answers = &yes, .answer_count = 1, .weight = 1},
                  {.name = "r",
                   .question = "r",
                   .answers = &yes,
                   .answer_count = 1,
                   .weight = 1,
                   .pillar = 1,
                   .is_down = true}}};
}

static void published_markets_have_the_interval_that_100_people_deserve(void **state) {
    (void)state;
    struct jb_published *published;
    struct jb_index index = model();
    const double own_values[] = {100, 0, 0, NAN};
    double own[6];
    struct jb_stand_line lines[6];
    assert_int_equal(read_texts(figures_text, places_text, NULL, &published), JB_OK);
    jb_stand_own(&index, own_values, 2, own);
    assert_true(own[0] == 50 && own[1] == 0 && own[4] == 25 && own[5] == 0);
    jb_stand_against_published(published, &index, "Seoul", own, 0.95, lines);
    assert_true(lines[0].market == 50 && lines[0].gap == 0 && lines[0].respondents == 100);
    assert_true(lines[0].high - lines[0].low > 16 && lines[0].high - lines[0].low < 22);
    assert_true(lines[1].market == 80 && lines[1].low < 80 && lines[1].high > 80 && lines[1].gap == -80);
    /* The index is that of all places: 60 and 80. */
    assert_true(fabs(lines[4].market - 70) < 1e-12 && *lines[4].place == '\0');
    assert_true(fabs(lines[5].market - sqrt(60.0 * 80)) < 1e-12);
    assert_true(lines[4].low > 66 && lines[4].low < 68 && lines[4].high > 72 && lines[4].high < 74);
    jb_published_free(published);
}

static void the_percentile_counts_ties_by_half(void **state) {
    (void)state;
    enum { N = 80 };
    struct jb_index index = model();
    double values[2 * N], weight[N];
    uint32_t block[N];
    for (size_t i = 0; i < N; i++) {
        weight[i] = 1, block[i] = i < 40 ? 0 : 1;
        values[2 * i] = i % 4 < 2 ? 0 : 100,
                   values[2 * i + 1] = i % 4 == 0 ? 0 : 100; /* scores 0, 50, 100, 100 */
    }
    struct jb_design design = {.count = N, .weight = weight, .stage_count = 1};
    struct jb_percentile found;
    assert_int_equal(jb_design_prepare(&design, NULL), JB_OK);
    assert_int_equal(
        jb_stand_percentile(&design, &index, values, block, 1, 50, JB_INTERVAL_XLOGIT, 0.95, NULL, &found),
        JB_OK);
    assert_true(fabs(found.value - 0.375) < 1e-12 && found.respondents == 40);
    assert_true(found.low > 0.2 && found.low < 0.35 && found.high < 0.55 && found.high > 0.4);
    assert_int_equal(
        jb_stand_percentile(&design, &index, values, block, 1, NAN, JB_INTERVAL_XLOGIT, 0.95, NULL, &found),
        JB_OK);
    assert_true(isnan(found.value));
    jb_design_finish(&design);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_place_around_answers),
        cmocka_unit_test(wrong_tables_are_named_with_their_line),
        cmocka_unit_test(published_markets_have_the_interval_that_100_people_deserve),
        cmocka_unit_test(the_percentile_counts_ties_by_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
