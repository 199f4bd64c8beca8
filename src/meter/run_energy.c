/* Sums ticks into the energy of a command, with its uncertainty. */
#include "meter/run_energy.h"

#include "types/flow.h"

#include <math.h>
#include <string.h>

/* Two-sided 95 % of a normal distribution, in standard uncertainties (JCGM 100, 6.3.3). */
#define COVERAGE_95 1.959964

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
    *added = (struct jb_run_domain){.domain = tick->domain, .source = tick->source, .place = tick->place};
    return added;
}

/* Adds the domains; returns the host's energy in the tick. */
static uint64_t add_domains(struct jb_run_energy *energy, const struct jb_tick *tick) {
    uint64_t authority_uj = 0, parts_uj = 0;
    bool authority_known = false;
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
        energy->is_known = energy->is_known || tick->elapsed_ns > 0;
        if (domain) {
            domain->energy_uj += one->energy_uj;
            domain->idle_uj += one->idle_uj;
        }
        if (one->place == JB_COVER_AUTHORITY) {
            authority_uj += one->energy_uj;
            authority_known = true;
        } else {
            parts_uj += one->energy_uj;
        }
    }
    return authority_known ? authority_uj : parts_uj;
}

static bool leaf_is_active(enum jb_leaf leaf) {
    return leaf == JB_LEAF_PROCESS || leaf == JB_LEAF_EXITED || leaf == JB_LEAF_KERNEL;
}

void jb_run_energy_add(struct jb_run_energy *energy, const struct jb_tick *tick, const struct jb_slot *slots,
                       struct jb_run_selection selection) {
    energy->host_uj += add_domains(energy, tick);
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

bool jb_run_domain_counts(const struct jb_run_energy *energy, size_t index) {
    bool has_authority = false;
    for (size_t i = 0; i < energy->domain_count; i++)
        has_authority = has_authority || energy->domains[i].place == JB_COVER_AUTHORITY;
    return energy->domains[index].place == (has_authority ? JB_COVER_AUTHORITY : JB_COVER_PART);
}

double jb_run_energy_uncertainty(const struct jb_run_energy *energy) {
    double square = 0, total = 0;
    for (size_t i = 0; i < energy->domain_count; i++) {
        uint32_t source = energy->domains[i].source;
        double sigma = 0;
        bool is_first = true;
        for (size_t k = 0; k < energy->domain_count; k++) {
            const struct jb_run_domain *domain = &energy->domains[k];
            if (domain->source != source || !jb_run_domain_counts(energy, k))
                continue;
            if (k < i)
                is_first = false; /* the source was summed already */
            if (domain->domain.uncertainty_ppm == JB_UNCERTAINTY_UNKNOWN)
                return NAN;
            sigma += (double)domain->energy_uj * domain->domain.uncertainty_ppm / 1e6;
        }
        if (is_first)
            square += sigma * sigma;
        if (jb_run_domain_counts(energy, i))
            total += (double)energy->domains[i].energy_uj;
    }
    return total > 0 ? sqrt(square) / total : NAN;
}

enum jb_method jb_run_energy_method(const struct jb_run_energy *energy) {
    enum jb_method weakest = JB_MEASURED;
    for (size_t i = 0; i < energy->domain_count; i++) {
        if (jb_run_domain_counts(energy, i) && energy->domains[i].domain.method > weakest)
            weakest = energy->domains[i].domain.method;
    }
    return weakest;
}

struct jb_run_figure jb_run_energy_figure(const struct jb_run_energy *energy, uint64_t cpu_ns) {
    struct jb_run_figure figure = {.is_known = energy->is_known,
                                   .low_uj = NAN,
                                   .high_uj = NAN,
                                   .uncertainty_ppm = JB_UNCERTAINTY_UNKNOWN,
                                   .method = jb_method_of_part(jb_run_energy_method(energy))};
    if (!figure.is_known)
        return figure;
    double energy_uj = energy->member_uj;
    if (cpu_ns > energy->member_cpu_ns) {
        uint64_t unseen_ns = cpu_ns - energy->member_cpu_ns;
        figure.unseen_share = (double)unseen_ns / (double)cpu_ns;
        if (energy->active_cpu_ns > 0) {
            double rate = (double)energy->active_uj / (double)energy->active_cpu_ns;
            energy_uj += rate * (double)unseen_ns;
        } else if (energy->busy_ns > 0) {
            /* No row used anything yet, the host did: the share of its busy time. */
            double busy_uj = (double)energy->host_uj;
            for (size_t i = 0; i < energy->domain_count; i++) {
                if (jb_run_domain_counts(energy, i))
                    busy_uj -= (double)energy->domains[i].idle_uj;
            }
            energy_uj += busy_uj * fmin(1, (double)unseen_ns / (double)energy->busy_ns);
        }
    }
    /* Nobody used more than the whole host, however the clocks of the counters differ. */
    energy_uj = fmax(0, fmin(energy_uj, (double)energy->host_uj));
    figure.energy_uj = llround(energy_uj);
    double relative = jb_run_energy_uncertainty(energy);
    if (energy->host_uj > 0 && !isnan(relative)) {
        figure.uncertainty_ppm = (uint32_t)fmin(round(relative * 1e6), (double)UINT32_MAX - 1);
        figure.low_uj = fmax(0, energy_uj * (1 - COVERAGE_95 * relative));
        figure.high_uj = energy_uj * (1 + COVERAGE_95 * relative);
    }
    return figure;
}
