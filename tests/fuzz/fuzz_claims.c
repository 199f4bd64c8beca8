/* Claims files of any bytes: what is read can be judged, what is not is told. */
#include "decide/claim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct jb_error error = {0};
    _cleanup_(jb_claims_free_cleanup) struct jb_claims *claims = NULL;
    enum jb_code code = jb_claims_parse((const char *)bytes, size, "input", &error, &claims);
    require(code == JB_OK ? claims && claims->count > 0 : !claims && error.message[0]);
    for (size_t i = 0; claims && i < claims->count; i++) {
        const struct jb_claim *claim = &claims->items[i];
        const struct jb_claim_kind_info *info = jb_claim_kind_info(claim->kind);
        require(claim->name[0] && claim->from_ns < claim->until_ns && isfinite(claim->value));
        require(claim->value >= info->floor && claim->value <= info->ceiling && claim->half_width >= 0);
        struct jb_claim_evidence evidence = {.metered = {true, claim->value, claim->value, claim->value, 1}};
        struct jb_claim_result result = jb_claim_judge(claim, &evidence, 0);
        require(result.reason[0] && (claim->is_goal || result.verdict == JB_CLAIM_SUPPORTED));
    }
    return 0;
}
