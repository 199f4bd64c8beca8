/* Inside of the cpumodel source: what the CPU is, and which factors of data/cpu hold for it. */
#ifndef JB_SOURCE_CPUMODEL_H
#define JB_SOURCE_CPUMODEL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What /proc/cpuinfo says about the first CPU, and over all of them. */
struct jb_cpu_identity {
    char vendor[24];                  /* "GenuineIntel"; "arm/0x41" for Arm (the implementer); "" unknown */
    uint32_t family, model, stepping; /* Arm: architecture, part, revision */
    char model_name[96];              /* as the kernel has it, "" when it has none; any bytes */
    bool is_virtual;                  /* the hypervisor flag is set */
    uint32_t socket_count;            /* distinct physical ids; 1 when there are none */
};

/* Reads the text of /proc/cpuinfo. Pure: any bytes are taken, what is not understood is left out. */
void jb_cpu_identity_parse(const char *text, size_t length, struct jb_cpu_identity *ret_identity);

/* "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz" → "intel xeon gold 6230", for look-ups in tables of TDP. Returns
 * ret. */
char *jb_cpu_name_normalise(const char *name, char *ret, size_t size);

struct jb_cpu_stat {
    uint64_t busy_ticks; /* user + nice + system + irq + softirq + steal, all CPUs, since boot */
    uint32_t cpu_count;  /* CPUs online */
};

/* Reads the text of /proc/stat (its end may be cut off). JB_INPUT when its first line is not "cpu …". Pure.
 */
enum jb_code jb_cpu_stat_parse(const char *text, size_t length, struct jb_error *error,
                               struct jb_cpu_stat *ret_stat);

struct jb_cpu_factors {
    uint64_t min_uw_per_vcpu, max_uw_per_vcpu; /* idle and fully busy; min ≤ max */
    uint32_t uncertainty_ppm;                  /* relative standard uncertainty of both */
    uint64_t memory_uw_per_gib;
    uint64_t memory_included_mib_per_vcpu; /* memory whose power the figure per vCPU has in it already */
    uint32_t memory_uncertainty_ppm;
    char basis[120]; /* "Zen 5 taken as EPYC 4th Gen" */
};

/* Looks identity up in the tables below data_path/cpu. vcpu_count ≥ 1 spreads a TDP over the CPUs. JB_NO_DATA
 * when a table is not there (message has the mend), JB_INPUT with file and line when one is malformed. */
enum jb_code jb_cpu_factors_load(const char *data_path, const struct jb_cpu_identity *identity,
                                 uint32_t vcpu_count, struct jb_error *error,
                                 struct jb_cpu_factors *ret_factors);

#endif
