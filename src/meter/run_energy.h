/* The energy of one command, summed over the sampler's ticks. Pure. */
#ifndef JB_METER_RUN_ENERGY_H
#define JB_METER_RUN_ENERGY_H

#include "meter/run_members.h"
#include "meter/sampler.h"

#define JB_RUN_DOMAIN_CEILING 64

/* A booked domain over the whole run. */
struct jb_run_domain {
    struct jb_domain domain; /* a copy: the source may drop its own when a device goes */
    uint32_t source;         /* index in jb_source_table */
    enum jb_cover_place place;
    bool counts; /* its energy is in the host's total: the authority, and parts that it does not contain */
    uint64_t energy_uj, idle_uj; /* of the whole host */
    uint64_t member_uj;          /* of the command's control group; see jb_run_energy_collect */
    int64_t unknown_ns;          /* for how long it gave no value */
};

struct jb_run_energy {
    struct jb_run_domain domains[JB_RUN_DOMAIN_CEILING];
    size_t domain_count;
    bool is_known;             /* some meter told the host's energy */
    bool parts_known;          /* some inner one told what CPUs or GPUs took of it: that is split */
    double member_uj;          /* of the rows of the command */
    uint64_t member_cpu_ns;    /* CPU time behind them */
    uint64_t host_uj;          /* of the cover, idle included */
    uint64_t active_uj;        /* of everything that used CPU time, on the whole host */
    uint64_t active_cpu_ns;    /* that CPU time */
    uint64_t busy_ns, idle_ns; /* of the host, all CPUs */
    int64_t elapsed_ns;
    uint32_t cpu_count;
};

/* What the rows of a tick belong to: one of both is set. */
struct jb_run_selection {
    const bool *slot_held; /* the slots of the command's control group; NULL: by process */
    const bool *is_member; /* of tick->processes */
};

/* Adds a tick; slots[slot_count of the tick]. The first tick of a sampler (elapsed 0) only names domains. */
void jb_run_energy_add(struct jb_run_energy *energy, const struct jb_tick *tick, const struct jb_slot *slots,
                       struct jb_run_selection selection);

/* Adds what the attribution accumulated for the held slots since its last clear, by domain. Call before each
 * clear, and at the end. */
void jb_run_energy_collect(struct jb_run_energy *energy, const struct jb_metered_domain *domains,
                           size_t count, const struct jb_attribution *attribution, const bool *slot_held,
                           size_t slot_count);

struct jb_run_figure {
    bool is_known;
    int64_t energy_uj;
    double low_uj, high_uj;   /* 95 % interval; NaN when an uncertainty is unknown */
    uint32_t uncertainty_ppm; /* relative standard uncertainty, JB_UNCERTAINTY_UNKNOWN (flow.h) */
    enum jb_method method;
    double unseen_share; /* of its CPU time, that no row of the command shows and that counts at the host's
                            mean energy per CPU second */
};
/* The command's energy. cpu_ns: its CPU time as the kernel counted it; what exceeds member_cpu_ns ran in
 * processes too short to be seen, or not yet on a row. Its uncertainty is that of the inner meters and of
 * splitting by use (JB_SPLIT_UNCERTAINTY_PPM). */
struct jb_run_figure jb_run_energy_figure(const struct jb_run_energy *energy, uint64_t cpu_ns);

/* Relative standard uncertainty (1 σ) of the host's energy (of_parts: of what inner meters saw): errors of
 * one source are common to its domains and add, those of different sources combine in quadrature. NaN when
 * one is unknown or nothing is known. */
double jb_run_energy_uncertainty(const struct jb_run_energy *energy, bool of_parts);

/* How that is obtained: the weakest evidence among the domains that make it up. */
enum jb_method jb_run_energy_method(const struct jb_run_energy *energy, bool of_parts);

#endif
