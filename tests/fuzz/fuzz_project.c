/* Projects of any bytes: what is read can be drawn, and comes to the same figures twice. */
#include "decide/payback.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    _cleanup_(jb_project_free_cleanup) struct jb_project *project = NULL;
    _cleanup_(jb_payback_model_free) struct jb_payback_model model = {0};
    _cleanup_(jb_payback_free) struct jb_payback one = {0}, two = {0};
    struct jb_payback_sources sources = {0};
    struct jb_payback_request request = {.draw_count = JB_PAYBACK_DRAWS_FLOOR, .seed = 3, .thread_count = 1};
    struct jb_error error = {0};
    char verdict[JB_VERDICT_SIZE];
    if (jb_project_parse((const char *)bytes, size, "input", NULL, &error, &project) ||
        jb_payback_model_make(project, &sources, &error, &model)) {
        require(error.message[0] && strncmp(error.message, "input", 5) == 0);
        return 0;
    }
    /* Few inputs only: the draws are not what is fuzzed. */
    if (project->inputs.count > 8 || jb_payback_run(&model, &request, &error, &one))
        return 0;
    request.thread_count = 2;
    require(jb_payback_run(&model, &request, &error, &two) == JB_OK);
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        require(one.worths[worth].probability >= 0 && one.worths[worth].probability <= 1);
        require(memcmp(&one.worths[worth].net, &two.worths[worth].net, sizeof one.worths[worth].net) == 0);
    }
    require(strlen(jb_payback_verdict(&one, verdict)) > 5);
    return 0;
}
