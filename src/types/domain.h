/* What a power source can be asked: domains, and the readings they give. */
#ifndef JB_TYPES_DOMAIN_H
#define JB_TYPES_DOMAIN_H

#include "types/method.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jb_domain_kind {
    JB_FACILITY, /* a room or building */
    JB_NODE,     /* the whole machine, at its power supply */
    JB_PSYS,     /* platform: SoC and what hangs on it, over all packages */
    JB_PACKAGE,  /* one CPU socket */
    JB_CORE,     /* inside a package */
    JB_UNCORE,   /* inside a package */
    JB_DRAM,     /* outside the package, though RAPL nests it */
    JB_GPU,
    JB_ACCELERATOR,
};

enum jb_domain_form {
    JB_COUNTER, /* readings are cumulative µJ */
    JB_GAUGE,   /* readings are µW */
};

enum jb_domain_state {
    JB_DOMAIN_OK,
    JB_DOMAIN_DUPLICATE, /* another domain shows the same energy (rapl-mmio, mirrored dies); note names it */
    JB_DOMAIN_DENIED,    /* there, but may not be read: note has the mend */
    JB_DOMAIN_DISABLED,  /* there, but switched off or without data */
};

#define JB_DOMAIN_ID_SIZE   96
#define JB_DOMAIN_NOTE_SIZE 192

struct jb_domain {
    char id[JB_DOMAIN_ID_SIZE];   /* stable over restarts, "rapl/package-0/dram": safe characters only */
    char name[JB_DOMAIN_ID_SIZE]; /* for people: what the machine calls it, cleaned of control characters */
    char account[32];             /* component below host/<h>/: "cpu0", "dram0", "gpu0", "node", "psys" */
    enum jb_domain_kind kind;
    int32_t parent; /* index in the same source's list of the domain that contains it physically,
                       −1 for none */
    enum jb_domain_form form;
    enum jb_method method; /* JB_MEASURED, or JB_MODELLED */
    enum jb_domain_state state;
    uint64_t wrap_modulus_uj;       /* the counter runs 0 … modulus−1; 0: it does not wrap in 64 bits */
    uint64_t resolution;            /* smallest step, µJ or µW; 0 unknown */
    uint64_t power_max_uw;          /* ceiling by which a wrap may be trusted; 0 unknown (1 kW is taken) */
    uint64_t idle_uw;               /* idle power when the source knows it (models); 0: it must be learned */
    uint32_t uncertainty_ppm;       /* relative standard uncertainty of an energy difference */
    char note[JB_DOMAIN_NOTE_SIZE]; /* why not, and the mend; or a caveat; "" */
};

enum jb_reading_state {
    JB_READING_OK,
    JB_READING_NONE,   /* no value this time */
    JB_READING_DENIED, /* permission */
    JB_READING_GONE,   /* the device went away; it may come back */
};

struct jb_reading {
    uint64_t value;      /* µJ (counter) or µW (gauge) */
    int64_t boottime_ns; /* when it was read */
    uint64_t epoch;      /* changes when the counter restarted for a reason the source knows (driver load) */
    enum jb_reading_state state;
};

const char *jb_domain_kind_name(enum jb_domain_kind kind);

#endif
