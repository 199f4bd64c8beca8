/* Sums ticks into the energy of a command, with its uncertainty. */
#include "meter/run_energy.h"

#include "base/distribution.h"
#include "meter/booking.h"
#include "types/flow.h"

#include <math.h>
#include <string.h>

/* Two-sided 95 % of a normal distribution, in standard uncertainties (JCGM 100, 6.3.3). */

static bool is_booked(enum jb_cover_place place) {
    return place == JB_COVER_AUTHORITY || place == JB_COVER_PART;
}

static struct jb_run_domain *domain_of(struct jb_run_energy *energy, const struct jb_metered_domain *tick) {
    for (size_t i = 0; i < energy->domain_count; i++) {
        if (strcmp(energy->domains[i].domain.id, tick->domain.id) == 0)
            return &energy->domains[i];
    }
    if (energy->domain_count == JB_RUN_DOMAIN_CEILING)
        return NULL;
    struct jb_run_domain *added = &energy->domains[energy->domain_count++];
    *added = (struct jb_run_domain){.domain = tick->domain,
                                    .source = tick->source,
                                    .place = tick->place,
                                    .counts = tick->place == JB_COVER_AUTHORITY || !tick->inside_authority};
    return added;
}

static void add_domains(struct jb_run_energy *energy, const struct jb_tick *tick) {
    for (size_t i = 0; i < tick->domain_count; i++) {
        const struct jb_metered_domain *one = &tick->domains[i];
        if (!is_booked(one->place))
            continue;
        struct jb_run_domain *domain = domain_of(energy, one);
        if (!one->known) {
            if (domain)
                domain->unknown_ns += tick->elapsed_ns;
            continue;
        }
        if (one->place == JB_COVER_PART && tick->elapsed_ns > 0)
            energy->parts_known = true;
        if (domain) {
            domain->energy_uj += one->energy_uj;
            domain->idle_uj += one->idle_uj;
        }
    }
}

static bool leaf_is_active(enum jb_leaf leaf) {
    return leaf == JB_LEAF_PROCESS || leaf == JB_LEAF_EXITED || leaf == JB_LEAF_KERNEL;
}

void jb_run_energy_add(struct jb_run_energy *energy, const struct jb_tick *tick, const struct jb_slot *slots,
                       struct jb_run_selection selection) {
    add_domains(energy, tick);
    energy->is_known = energy->is_known || !isnan(tick->host_power_w);
    energy->host_uj += tick->energy_uj;
    energy->elapsed_ns += tick->elapsed_ns;
    energy->busy_ns += tick->busy_ns;
    energy->idle_ns += tick->idle_ns;
    energy->cpu_count = tick->cpu_count;
    if (tick->elapsed_ns == 0)
        return;
    for (size_t slot = 0; slot < tick->slot_count; slot++) {
        if (leaf_is_active(slots[slot].leaf)) {
            energy->active_uj += tick->slot_energy_uj[slot];
            energy->active_cpu_ns += tick->slot_cpu_ns[slot];
        }
        if (selection.slot_held && selection.slot_held[slot]) {
            energy->member_uj += (double)tick->slot_energy_uj[slot];
            energy->member_cpu_ns += tick->slot_cpu_ns[slot];
        }
    }
    for (size_t i = 0; !selection.slot_held && selection.is_member && i < tick->process_count; i++) {
        if (selection.is_member[i]) {
            energy->member_uj += tick->processes[i].energy_uj;
            energy->member_cpu_ns += tick->processes[i].cpu_ns;
        }
    }
}

void jb_run_energy_collect(struct jb_run_energy *energy, const struct jb_metered_domain *domains,
                           size_t count, const struct jb_attribution *attribution, const bool *slot_held,
                           size_t slot_count) {
    for (uint32_t d = 0; d < count; d++) {
        size_t length;
        const uint64_t *energy_uj = jb_attribution_of(attribution, d, &length);
        struct jb_run_domain *domain = energy_uj ? domain_of(energy, &domains[d]) : NULL;
        for (size_t i = 0; domain && i < length && i < slot_count; i++)
            domain->member_uj += slot_held[i] ? energy_uj[i] : 0;
    }
}

static bool belongs(const struct jb_run_domain *domain, bool of_parts) {
    return of_parts ? domain->place == JB_COVER_PART : domain->counts;
}

double jb_run_energy_uncertainty(const struct jb_run_energy *energy, bool of_parts) {
    double square = 0, total = 0;
    for (size_t i = 0; i < energy->domain_count; i++) {
        uint32_t source = energy->domains[i].source;
        double sigma = 0;
        bool is_first = true; /* of its source: the others are summed with it */
        for (size_t k = 0; k < energy->domain_count; k++) {
            const struct jb_run_domain *domain = &energy->domains[k];
            if (domain->source != source || !belongs(domain, of_parts))
                continue;
            is_first = is_first && k >= i;
            if (domain->domain.uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN)
                return NAN;
            sigma += (double)domain->energy_uj * domain->domain.uncertainty_ppm / 1e6;
        }
        if (is_first)
            square += sigma * sigma;
        if (belongs(&energy->domains[i], of_parts))
            total += (double)energy->domains[i].energy_uj;
    }
    return total > 0 ? sqrt(square) / total : NAN;
}

enum jb_method jb_run_energy_method(const struct jb_run_energy *energy, bool of_parts) {
    enum jb_method weakest = JB_MEASURED;
    for (size_t i = 0; i < energy->domain_count; i++) {
        if (belongs(&energy->domains[i], of_parts) && energy->domains[i].domain.method > weakest)
            weakest = energy->domains[i].domain.method;
    }
    return weakest;
}

/* Energy of CPU time that is on no row of the command: at the mean of all rows; where there is none (a run
 * shorter than the first look at its processes), the same share of what was not idle. */
static double unseen_energy_uj(const struct jb_run_energy *energy, uint64_t unseen_ns) {
    if (energy->active_cpu_ns > 0)
        return (double)energy->active_uj / (double)energy->active_cpu_ns * (double)unseen_ns;
    if (energy->busy_ns == 0)
        return 0;
    double busy_uj = 0;
    for (size_t i = 0; i < energy->domain_count; i++) {
        if (belongs(&energy->domains[i], true))
            busy_uj += (double)energy->domains[i].energy_uj - (double)energy->domains[i].idle_uj;
    }
    return busy_uj * fmin(1, (double)unseen_ns / (double)energy->busy_ns);
}

struct jb_run_figure jb_run_energy_figure(const struct jb_run_energy *energy, uint64_t cpu_ns) {
    struct jb_run_figure figure = {.is_known = energy->parts_known,
                                   .low_uj = NAN,
                                   .high_uj = NAN,
                                   .uncertainty_ppm = JB_UNCERTAINTY_UNKNOWN,
                                   .method = jb_method_of_part(jb_run_energy_method(energy, true))};
    if (!figure.is_known)
        return figure;
    double energy_uj = energy->member_uj;
    if (cpu_ns > energy->member_cpu_ns) {
        uint64_t unseen_ns = cpu_ns - energy->member_cpu_ns;
        figure.unseen_share = (double)unseen_ns / (double)cpu_ns;
        energy_uj += unseen_energy_uj(energy, unseen_ns);
    }
    /* Nobody used more than was used at all, however few rows that stood on. */
    double ceiling_uj = energy->active_cpu_ns > 0 ? (double)energy->active_uj : 0;
    for (size_t i = 0; energy->active_cpu_ns == 0 && i < energy->domain_count; i++)
        ceiling_uj += belongs(&energy->domains[i], true) ? (double)energy->domains[i].energy_uj : 0;
    energy_uj = fmax(0, fmin(energy_uj, ceiling_uj));
    figure.energy_uj = llround(energy_uj);
    double relative = hypot(jb_run_energy_uncertainty(energy, true), JB_SPLIT_UNCERTAINTY_PPM / 1e6);
    if (!isnan(relative)) {
        figure.uncertainty_ppm = (uint32_t)fmin(round(relative * 1e6), (double)UINT32_MAX - 1);
        jb_interval_95(energy_uj, energy_uj * relative, &figure.low_uj, &figure.high_uj);
    }
    return figure;
}
