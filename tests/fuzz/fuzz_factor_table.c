/* Factor tables of any bytes, as CSV and as INI: what is taken in is in range and found again, what is not is
 * told. */
#include "factor/factor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_table(const char *text, size_t size, bool is_ini) {
    struct jb_factor_set set = {.name = "fuzz", .version = "own", .is_own = true, .uncertainty = NAN};
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    const struct jb_factor_finding *findings;
    const struct jb_factor *all;
    char id[JB_FACTOR_ID_SIZE];
    if (jb_factors_make(NULL, &factors) || jb_factors_add(factors, &set, text, size, "input", is_ini, NULL))
        return;
    require(jb_factors_finish(factors, NULL) == JB_OK);
    size_t count = jb_factors_all(factors, &all), finding_count = jb_factors_findings(factors, &findings);
    for (size_t i = 0; i < finding_count; i++)
        require(findings[i].message[0] && findings[i].file[0]);
    for (size_t i = 0; i < count; i++) {
        const struct jb_quantity_info *info = jb_quantity_info(all[i].quantity);
        struct jb_factor_query query = {.quantity = all[i].quantity,
                                        .provider = all[i].provider,
                                        .region = all[i].region,
                                        .subject = all[i].subject,
                                        .at_ns = all[i].from_ns};
        struct jb_factor_answer answer;
        require(all[i].value >= info->low && all[i].value <= info->high && all[i].source[0]);
        require(all[i].from_ns < all[i].until_ns);
        require(strlen(jb_factor_id(&all[i], id)) > strlen(info->name));
        require(jb_factors_find(factors, &query, &answer) == JB_OK);
        require(answer.factor->quantity == all[i].quantity &&
                strcmp(answer.factor->region, all[i].region) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    try_table((const char *)bytes, size, false);
    try_table((const char *)bytes, size, true);
    return 0;
}
