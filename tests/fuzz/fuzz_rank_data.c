/* Evidence of places as CSV of any bytes: what is taken can be ranked, what is not changes nothing. */
#include "decide/rank_places.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

/* No factors and no regions: only what the input names is ranked. */
static struct jb_rank_places *places_make(void) {
    static struct jb_factors *factors;
    struct jb_rank_places *places = NULL;
    struct jb_rank_origin origin = {0};
    if (!factors)
        require(jb_factors_make(NULL, &factors) == JB_OK && jb_factors_finish(factors, NULL) == JB_OK);
    require(jb_rank_places_make(factors, NULL, &origin, NULL, &places) == JB_OK);
    return places;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct jb_error error = {0};
    struct jb_candidate *candidates;
    size_t count = 0;
    if (size == 0)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)bytes, size, "r");
    require(file != NULL);
    _cleanup_(jb_rank_places_free_cleanup) struct jb_rank_places *places = places_make();
    enum jb_code code = jb_rank_places_add(places, file, "input", &error);
    fclose(file);
    require(code == JB_OK || error.message[0]);
    require(code == JB_OK || !*jb_rank_places_price_unit(places));
    struct jb_rank_filter filter = {.latency_limit_ms = NAN};
    if (jb_rank_places_select(places, &filter, NULL, &candidates, &count))
        return 0;
    struct jb_rank_request request = {.concentration = 30, .draw_count = 3, .seed = 1};
    struct jb_ranking ranking;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        request.weights[k] = 1;
        request.goalposts[k] = (struct jb_goalpost){100, 0};
    }
    if (jb_rank(&request, candidates, count, NULL, &ranking) == JB_OK) {
        require(ranking.count == count);
        for (size_t i = 0; i < count; i++)
            require(ranking.rows[i].confidence == 0 ||
                    (ranking.rows[i].score >= 0 && ranking.rows[i].score <= 100 + 1e-9));
        jb_ranking_free(&ranking);
    }
    free(candidates);
    return 0;
}
