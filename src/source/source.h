/* The seam of power sources: one ops struct per kind, a table of them, and what they are handed. */
#ifndef JB_SOURCE_SOURCE_H
#define JB_SOURCE_SOURCE_H

#include "base/clock.h"
#include "base/error.h"
#include "base/root.h"
#include "types/domain.h"
#include "types/usage.h"

struct jb_source; /* opaque to all but its own file; each file defines its own struct with struct jb_source
                     first */

struct jb_source_context {
    const struct jb_root *root;
    const struct jb_clock *clock;
    const char *replay_path;  /* recorded readings for replay.c; NULL: that source is not there */
    const char *nvml_library; /* path or soname; NULL: libnvidia-ml.so.1. Not opened when root is not real,
                                 unless it is given */
    const char *data_path;    /* folder of factor tables that ship (cpumodel) */
};

struct jb_source_ops {
    const char *name;    /* "rapl" */
    const char *summary; /* one line for `sources` */

    /* Looks for domains. JB_OK also when some of them cannot be used (their state and note say so).
     * JB_NO_DATA: this machine has none; JB_PERMISSION: it has, but nothing may be read; JB_INPUT: what is
     * there makes no sense. The message then says why, and the mend. Never blocks for more than 100 ms. */
    enum jb_code (*open)(const struct jb_source_context *context, struct jb_error *error,
                         struct jb_source **ret_source);

    /* The domains, indexes stable until the next rescan that returns true. At least one after open, save
     * where one is known to come later (replay). */
    size_t (*domains)(const struct jb_source *source, const struct jb_domain **ret_domains);

    /* Reads every domain now: readings[i] belongs to domains[i], always filled (state says how it went).
     * Allocates nothing. */
    void (*read)(struct jb_source *source, struct jb_reading *readings);

    /* Looks for domains that came or went; true when the list changed (ids of those that stayed are the
     * same). Called every few seconds. May be NULL. */
    bool (*rescan)(struct jb_source *source);

    /* Appends GPU use by process since the last call to sample->gpus (domain: index in this source's list
     * plus domain_base). May be NULL. JB_UNSUPPORTED when the driver does not tell. */
    enum jb_code (*processes)(struct jb_source *source, uint32_t domain_base, struct jb_sample *sample,
                              struct jb_error *error);

    void (*close)(struct jb_source *source); /* NULL-safe */
};

extern const struct jb_source_ops jb_source_nvml;
extern const struct jb_source_ops jb_source_amdgpu;
extern const struct jb_source_ops jb_source_cpumodel;

struct jb_source {
    const struct jb_source_ops *ops;
};

extern const struct jb_source_ops jb_source_replay;
extern const struct jb_source_ops jb_source_rapl;
extern const struct jb_source_ops jb_source_rapl_perf;
extern const struct jb_source_ops jb_source_hwmon;

/* Every source there is, in the order in which they are looked for; ends with NULL. */
extern const struct jb_source_ops *const jb_source_table[];

/* ops->open, save that a replay stands in for every other source: where context has one, the others are
 * JB_NO_DATA, so that what is played is all there is. */
enum jb_code jb_source_open(const struct jb_source_ops *ops, const struct jb_source_context *context,
                            struct jb_error *error, struct jb_source **ret_source);

#endif
