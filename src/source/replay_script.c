/* Recorded readings: what a domain reads at a time, as a pure function in integers. */
#include "source/replay_script.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "source/replay_internal.h"

#include <assert.h>

void jb_replay_free(struct jb_replay *replay) {
    if (!replay)
        return;
    for (size_t i = 0; i < replay->domain_count; i++)
        free(replay->tracks[i].records);
    free(replay->tracks);
    free(replay->domains);
    free(replay);
}

size_t jb_replay_domains(const struct jb_replay *replay, const struct jb_domain **ret_domains) {
    *ret_domains = replay->domains;
    return replay->domain_count;
}

enum jb_replay_origin jb_replay_origin(const struct jb_replay *replay, int64_t *ret_origin_ns) {
    *ret_origin_ns = replay->origin_ns;
    return replay->origin;
}

bool jb_replay_is_listed(const struct jb_replay *replay, size_t domain, int64_t time_ns) {
    const struct replay_track *track = &replay->tracks[domain];
    return time_ns >= track->from_ns && time_ns < track->until_ns;
}

/* (a × b) mod modulus, where modulus 0 means 2^64. */
static uint64_t multiply_modulo(jb_uint128 a, uint64_t b, uint64_t modulus) {
    if (modulus == 0)
        return (uint64_t)a * b;
    return (uint64_t)((a % modulus) * (b % modulus) % modulus);
}

static uint64_t add_modulo(uint64_t a, uint64_t b, uint64_t modulus) {
    if (modulus == 0)
        return a + b;
    return (uint64_t)(((jb_uint128)a + b) % modulus);
}

/* Index of the last record at or before time_ns, or count when there is none. */
static size_t find_record(const struct replay_track *track, int64_t time_ns) {
    size_t low = 0, high = track->record_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (track->records[middle].time_ns <= time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : track->record_count;
}

uint64_t jb_replay_growth(const struct jb_domain *domain, const struct replay_record *before,
                          const struct replay_record *after) {
    if (before->epoch != after->epoch)
        return 0;
    if (after->value >= before->value)
        return after->value - before->value;
    return domain->wrap_modulus_uj ? domain->wrap_modulus_uj - before->value + after->value : 0;
}

/* Value of a recorded counter or gauge at time_ns; index is that of the record that rules then. */
static void read_record(const struct jb_domain *domain, const struct replay_track *track, size_t index,
                        int64_t time_ns, struct jb_reading *reading) {
    size_t base = track->records[index].base;
    if (base == REPLAY_NO_BASE) { /* a state before any value */
        reading->value = 0;
        reading->epoch = 0;
        return;
    }
    const struct replay_record *before = &track->records[base];
    reading->value = before->value;
    reading->epoch = before->epoch;
    if (domain->form != JB_COUNTER || !track->is_linear || before->next == REPLAY_NO_BASE)
        return;
    const struct replay_record *after = &track->records[before->next];
    assert(after->time_ns > before->time_ns && time_ns >= before->time_ns && time_ns < after->time_ns);
    jb_uint128 growth = (jb_uint128)jb_replay_growth(domain, before, after) *
                        (uint64_t)(time_ns - before->time_ns) / (uint64_t)(after->time_ns - before->time_ns);
    reading->value = add_modulo(before->value, (uint64_t)growth, domain->wrap_modulus_uj);
}

static void read_rate(const struct jb_domain *domain, const struct replay_track *track, int64_t time_ns,
                      struct jb_reading *reading) {
    reading->epoch = 0;
    reading->value = track->rate_uw;
    if (domain->form != JB_COUNTER)
        return;
    jb_uint128 energy_uj = (jb_uint128)track->rate_uw * (uint64_t)time_ns / JB_SECOND_NS + track->start_uj;
    reading->value =
        domain->wrap_modulus_uj ? (uint64_t)(energy_uj % domain->wrap_modulus_uj) : (uint64_t)energy_uj;
}

void jb_replay_read(const struct jb_replay *replay, size_t domain_index, int64_t time_ns,
                    struct jb_reading *ret_reading) {
    const struct jb_domain *domain = &replay->domains[domain_index];
    const struct replay_track *track = &replay->tracks[domain_index];
    uint64_t cycle = 0;
    ret_reading->value = 0;
    ret_reading->epoch = 0;
    ret_reading->state = JB_READING_NONE;
    if (domain->state == JB_DOMAIN_DENIED)
        ret_reading->state = JB_READING_DENIED;
    if (time_ns < 0 || domain->state == JB_DOMAIN_DENIED || domain->state == JB_DOMAIN_DISABLED)
        return;
    if (!jb_replay_is_listed(replay, domain_index, time_ns)) {
        ret_reading->state = JB_READING_GONE;
        return;
    }
    int64_t at_ns = time_ns;
    if (replay->loop_ns > 0) {
        cycle = (uint64_t)(time_ns / replay->loop_ns);
        at_ns = time_ns % replay->loop_ns;
    }
    size_t index = find_record(track, at_ns);
    bool has_record = index < track->record_count;
    if (track->has_rate) {
        ret_reading->state = has_record ? track->records[index].state : JB_READING_OK;
        if (ret_reading->state == JB_READING_OK)
            read_rate(domain, track, time_ns, ret_reading);
        return;
    }
    if (!has_record)
        return;
    ret_reading->state = track->records[index].state;
    if (ret_reading->state != JB_READING_OK)
        return;
    read_record(domain, track, index, at_ns, ret_reading);
    /* Each turn of the loop goes on from where the one before it ended. */
    if (domain->form == JB_COUNTER && cycle > 0)
        ret_reading->value =
            add_modulo(ret_reading->value, multiply_modulo(track->cycle_uj, cycle, domain->wrap_modulus_uj),
                       domain->wrap_modulus_uj);
}
