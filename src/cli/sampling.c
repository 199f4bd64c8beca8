/* Parses the options of a sampler. */
#include "cli/sampling.h"

#include "base/time.h"

#include <string.h>

static bool parse_idle(const char *text, enum jb_idle_policy *ret_policy) {
    static const struct {
        const char *name;
        enum jb_idle_policy policy;
    } policies[] = {{"separate", JB_IDLE_SEPARATE},
                    {"by-use", JB_IDLE_BY_USE},
                    {"by-reservation", JB_IDLE_BY_RESERVATION}};
    for (size_t i = 0; i < JB_COUNT(policies); i++) {
        if (strcmp(text, policies[i].name) == 0) {
            *ret_policy = policies[i].policy;
            return true;
        }
    }
    return false;
}

int jb_cli_sampling(const struct jb_cli *cli, const struct jb_sampling_texts *texts, int64_t interval_ns,
                    struct jb_sampling *ret_sampling) {
    struct jb_error error = {0};
    struct jb_sampling sampling = {
        .interval_ns = interval_ns,
        .options = {.clock = &jb_clock_system,
                    .replay_path = texts->replay,
                    .nvml_library = texts->nvml,
                    .process_load = texts->process_load,
                    .data_path = jb_cli_data_path(cli)},
    };
    if (texts->interval && jb_duration_parse(texts->interval, &error, &sampling.interval_ns))
        return jb_cli_usage(cli, "--interval: %s", error.message);
    if (sampling.interval_ns < JB_SAMPLING_INTERVAL_LEAST_NS)
        return jb_cli_usage(cli, "--interval: at least 10ms");
    if (texts->idle && !parse_idle(texts->idle, &sampling.options.idle))
        return jb_cli_usage(
            cli, "--idle: '%.40s' is not a policy; expected separate, by-use or by-reservation", texts->idle);
    enum jb_code code = jb_root_open(cli->root, &error, &sampling.root);
    if (code)
        return jb_cli_fail(cli, code, &error);
    *ret_sampling = sampling;
    ret_sampling->options.root = &ret_sampling->root;
    return -1;
}
