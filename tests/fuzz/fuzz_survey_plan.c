/* Fuzzes plans of surveys: any text gives a plan, or one clean error line; a plan names its columns, each
 * once. */
#include "survey/plan.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct jb_error error = {0};
    struct jb_plan *plan = NULL;
    struct jb_wanted_column *wanted = NULL;
    size_t count = 0;
    char *text = malloc(size + 1);
    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    enum jb_code code = jb_plan_parse(text, "fuzz", &error, &plan);
    free(text);
    if (code) {
        assert(!plan && *error.message && !strchr(error.message, '\n'));
        return 0;
    }
    const struct jb_plan_filter *filter;
    (void)jb_plan_add_filter(plan, plan->questions[0].name, &error, &filter);
    code = jb_plan_wanted(plan, &error, &wanted, &count);
    for (size_t i = 0; !code && i < count && i < 50; i++) {
        for (size_t k = 0; k < i; k++)
            assert(strcmp(wanted[i].name, wanted[k].name) != 0);
    }
    free(wanted);
    jb_plan_free(plan);
    return 0;
}
