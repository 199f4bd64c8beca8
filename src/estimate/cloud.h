/* What a line of a cloud bill used, and the energy and embodied carbon that this is: pure, from tables. */
#ifndef JB_ESTIMATE_CLOUD_H
#define JB_ESTIMATE_CLOUD_H

#include "base/cleanup.h"
#include "base/error.h"
#include "factor/factor.h"

#include <stdbool.h>
#include <stdint.h>

struct jb_cloud; /* opaque: data_path/cloud/{instances,usage,units,names,constants}.csv */

enum jb_code jb_cloud_load(const char *data_path, struct jb_error *error, struct jb_cloud **ret_cloud);
void jb_cloud_free(struct jb_cloud *cloud); /* NULL-safe */

/* Providers are named as the factor tables name them: "aws", "azure", "gcp", "alibaba". */

/* The machine behind the name of an instance type. */
struct jb_cloud_machine {
    char name[64];     /* as the provider writes it: "m5.xlarge", "D4s v4", "n2-standard-4", "ecs.g7.large" */
    double vcpus;      /* above 0 */
    double memory_gib; /* 0 not known */
    double gpus;       /* may be a part of one; 0 none */
    const char *gpu;   /* subject of `tdp` in the factor tables; "" none */
    const char *architecture;    /* subject of `vcpu_idle` and `vcpu_full`; "" not known */
    double stand_in_uncertainty; /* relative, when another architecture stands in for its own */
    double server_vcpus;         /* of the server that it is a part of; 0 not known */
    double copies; /* machines that run under the one name: a database and its standby are 2; else 1 */
};
/* By the name that bills use, in any case, with what services put around it ("db.r5.large",
 * "m5.large.search", "Standard_E8-4ds_v5", "D4s v5 Spot", "n2-custom-4-8192", "ecs.gn7i-c16g1.4xlarge",
 * "mysql.x4.large.2c"): from the table, else from its family and the rule by which the provider names sizes.
 * False when neither knows it. */
bool jb_cloud_machine_find(const struct jb_cloud *cloud, const char *provider, const char *type,
                           struct jb_cloud_machine *ret_machine);

/* The texts of a line that say what it is for; "" where it has none. Case does not matter. */
struct jb_cloud_line {
    const char *provider;
    const char *service; /* its name or code */
    const char *item;    /* usage type, meter, description of the SKU */
    const char *machine; /* instance type, when a column names it */
    const char *unit;    /* of the quantity: "Hrs", "GB-Mo", "1 Hour", "byte-seconds" */
    bool is_idle;        /* what it names was kept free, and not used */
};

enum jb_cloud_resource {
    JB_CLOUD_MACHINE,    /* hours of a machine */
    JB_CLOUD_VCPU,       /* vCPU-hours, with some memory of theirs */
    JB_CLOUD_CORE,       /* vCPU-hours whose memory is a line of its own */
    JB_CLOUD_MEMORY,     /* GB-hours */
    JB_CLOUD_SSD,        /* GB-hours */
    JB_CLOUD_HDD,        /* GB-hours */
    JB_CLOUD_NETWORK,    /* GB */
    JB_CLOUD_SERVERLESS, /* GB-hours of memory, with the vCPUs that go with it */
    JB_CLOUD_GPU,        /* GPU-hours */
    JB_CLOUD_INCLUDED,   /* nothing that another line does not count */
};

struct jb_cloud_use {
    enum jb_cloud_resource resource;
    double amount; /* of the resource, for one of the line's quantity; copies that are kept are counted */
    struct jb_cloud_machine machine; /* MACHINE; VCPU and CORE when its family is known (vcpus is 1 then) */
    const char *gpu;                 /* GPU */
    bool is_idle;                    /* vCPUs and GPUs had nothing to do, whatever others are taken to have */
};
/* What one of a line's quantity is, by the first rule of the table that fits. JB_NO_DATA: the message says
 * why it is not known. */
enum jb_code jb_cloud_use_find(const struct jb_cloud *cloud, const struct jb_cloud_line *line,
                               struct jb_error *error, struct jb_cloud_use *ret_use);

/* Id of a region by any name that bills have for it; NULL when it is not known as another name. */
const char *jb_cloud_region_find(const struct jb_cloud *cloud, const char *provider, const char *name);

/* ---- arithmetic ---- */

/* P = idle + u (full - idle), a straight line as in SPECpower_ssj2008 and Cloud Carbon Footprint;
 * E = vCPU-hours × P × PUE / 1000, in kWh. utilisation 0 to 1. */
double jb_cloud_compute_kwh(double vcpu_hours, double utilisation, double idle_w, double full_w, double pue);
/* Embodied carbon by time and by share of the server (SCI specification, ISO/IEC 21031:2024: M = TE × TS ×
 * RS), in g CO2e. */
double jb_cloud_embodied_g(double hours, double server_share, double server_kg, double lifetime_h);

struct jb_cloud_question {
    const struct jb_factors *factors; /* of power, PUE and embodied carbon */
    const char *provider, *region;    /* ids; region "" for none */
    int64_t at_ns;
    double utilisation;             /* of vCPUs and GPUs, 0 to 1 */
    double utilisation_uncertainty; /* its standard uncertainty, absolute */
};
/* Uncertainties are relative standard ones; 0 of what is 0. */
struct jb_cloud_answer {
    double energy_kwh, energy_uncertainty; /* with what the data centre adds (PUE) */
    double embodied_g, embodied_uncertainty;
    bool has_embodied;
};
/* quantity: of the line, 0 or more. JB_NO_DATA: a factor is missing, the message names it. */
enum jb_code jb_cloud_estimate(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                               const struct jb_cloud_use *use, double quantity, struct jb_error *error,
                               struct jb_cloud_answer *ret_answer);

/* The same in two steps, for many lines of one use: what one of its resource is, then times a quantity. */
struct jb_cloud_rate {
    double amount;                 /* of the resource, for one of the line's quantity */
    double wh, energy_uncertainty; /* for one of the resource, with PUE */
    double embodied_g, embodied_uncertainty;
    bool has_embodied;
};
enum jb_code jb_cloud_rate_find(const struct jb_cloud *cloud, const struct jb_cloud_question *question,
                                const struct jb_cloud_use *use, struct jb_error *error,
                                struct jb_cloud_rate *ret_rate);
struct jb_cloud_answer jb_cloud_rate_times(const struct jb_cloud_rate *rate, double quantity);
/* Times, rising, at which a factor that rates depend on begins or ends: between two of them every rate stays
 * what it is. *ret_times_ns is the caller's to free. */
enum jb_code jb_cloud_changes(const struct jb_factors *factors, struct jb_error *error,
                              int64_t **ret_times_ns, size_t *ret_count);

JB_DEFINE_CLEANUP(struct jb_cloud, jb_cloud_free);

#endif
