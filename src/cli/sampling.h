/* The options that verbs with a sampler share: how to sample, and from what. */
#ifndef JB_CLI_SAMPLING_H
#define JB_CLI_SAMPLING_H

#include "cli/cli.h"
#include "meter/sampler.h"

#define JB_SAMPLING_INTERVAL_LEAST_NS INT64_C(10000000)

struct jb_sampling {
    struct jb_root root; /* close it at the end */
    struct jb_sampler_options options;
    int64_t interval_ns;
};

/* Values as given on the command line; NULL: not given. */
struct jb_sampling_texts {
    const char *interval, *idle, *replay, *nvml, *process_load;
};

/* Help text of those options. */
#define JB_SAMPLING_HELP                                                                                     \
    "  --idle POLICY          separate: idle energy belongs to nobody (default); by-use: shared like the "   \
    "active\n"                                                                                               \
    "                         energy; by-reservation: shared by the memory that cgroups hold\n"              \
    "  --process-load NAME    insist on process_bpf or process_clock\n"                                      \
    "  --replay FILE          play recorded readings in place of power meters\n"                             \
    "  --nvml LIBRARY         load this library for NVIDIA GPUs\n"

/* Opens the root and fills the options; interval_ns is the default. Returns -1 to go on, or an exit status.
 */
int jb_cli_sampling(const struct jb_cli *cli, const struct jb_sampling_texts *texts, int64_t interval_ns,
                    struct jb_sampling *ret_sampling);

#endif
