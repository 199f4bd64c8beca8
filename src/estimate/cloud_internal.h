/* The tables behind estimates of cloud bills, as they are kept in memory. */
#ifndef JB_ESTIMATE_CLOUD_INTERNAL_H
#define JB_ESTIMATE_CLOUD_INTERNAL_H

#include "base/strings.h"
#include "estimate/cloud.h"

/* A row of instances.csv: one type, or (vcpus 0) a family. 0 and "": not stated. */
struct jb_cloud_type {
    double vcpus, memory_gib, memory_gib_per_vcpu, gpus, vcpus_per_gpu, stand_in_uncertainty, server_vcpus;
    const char *gpu, *architecture;
};

/* A row of usage.csv; patterns in lower case. */
struct jb_cloud_rule {
    const char *provider, *service, *item, *dimension;
    enum jb_cloud_resource resource;
    const char *gpu;     /* of "gpu:NAME"; "" none */
    const char *machine; /* of "machine:TYPE", that stands for what is billed; "" it is the line's own */
    const char *own; /* of "own:PREFIX", sizes of a service's own: what their names in the table begin with */
    bool is_host;    /* the whole server behind a family of machines */
    bool is_idle;    /* kept free, and not used */
    double amount;
};

struct jb_cloud_unit {
    const char *dimension;
    double multiplier;
};

struct jb_cloud_constant {
    double value, uncertainty;
};

struct jb_cloud {
    struct jb_strings *texts;      /* what the rows point at */
    struct jb_strings *type_names; /* "aws m5.large"; the index of types */
    struct jb_cloud_type *types;
    size_t type_capacity;
    struct jb_strings *unit_names;
    struct jb_cloud_unit *units;
    size_t unit_capacity;
    struct jb_strings *region_names; /* "azure eu west"; the index of regions */
    const char **regions;
    size_t region_capacity;
    struct jb_strings *constant_names; /* "vcpu_idle_w aws" */
    struct jb_cloud_constant *constants;
    size_t constant_capacity;
    struct jb_cloud_rule *rules;
    size_t rule_count, rule_capacity;
};

/* The provider's own constant, else the one for all; the table has every name that is asked for. */
struct jb_cloud_constant jb_cloud_constant(const struct jb_cloud *cloud, const char *name,
                                           const char *provider);
/* NULL when there is none. name in lower case. */
const struct jb_cloud_type *jb_cloud_type_find(const struct jb_cloud *cloud, const char *provider,
                                               const char *name);

/* Digits at the start of text as a number, at most 6 of them. Returns what stands behind; NULL: none. */
const char *jb_cloud_take_number(const char *text, double *ret);
/* vCPUs of "large", "16xlarge", "metal-24xl" …; 0: the size says nothing (what is smaller than large differs
 * between families, and stands in the table). small, whole: of those sizes, 0 not known. */
double jb_cloud_size_vcpus(const char *size, double small, double whole);
/* The machine of a row that names it, or of a family with that many vCPUs. What the row leaves open its
 * family states (NULL: it has none). False: it says too little. */
bool jb_cloud_machine_make(const struct jb_cloud_type *type, const struct jb_cloud_type *family, double vcpus,
                           struct jb_cloud_machine *ret);
/* A database by the name of its class: "rds.mysql.s2.large", "mysql.x4.large.2c", "pg.n2.2c.2m",
 * "redis.master.small.default" (Alibaba), "… 4 vCPU + 15GB RAM in …" (Google). type in lower case. */
bool jb_cloud_database_find(const struct jb_cloud *cloud, const char *provider, const char *type,
                            struct jb_cloud_machine *ret);

/* Letters of ASCII in lower case, cut to size. Returns ret. */
char *jb_cloud_lower(const char *text, char *ret, size_t size);

#endif
