/* The meter: the loop that ties sampler and ledger together. */
#include "meter/meter.h"

#include "base/time.h"
#include "meter/booking.h"
#include "meter/gap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jb_meter {
    struct jb_ledger *ledger;
    struct jb_meter_options options;
    struct jb_sampler *sampler;
    struct jb_booking *booking;
    char site[JB_ACCOUNT_SIZE], grid[JB_ACCOUNT_SIZE];
    int64_t begun_boottime_ns;  /* first sample */
    int64_t booked_boottime_ns; /* up to here everything is in the book */
    int64_t booked_ns;          /* the same moment, UTC */
    int64_t book_slot;          /* multiple of book_every that was last booked in */
    int64_t rolled_hour;
    uint64_t batch_count, energy_uj;
    bool any_known;
};

static enum jb_code lock_book(struct jb_meter *meter, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(meter->ledger);
    char name[JB_COMPONENT_SIZE + 16];
    snprintf(name, sizeof name, "meter %s", jb_sampler_host(meter->sampler));
    enum jb_code code = store->ops->lock(store, name, error);
    if (code == JB_BUSY)
        jb_error_prefix(error, "another meter is booking this host into this book");
    return code;
}

static int64_t slot_of(const struct jb_meter *meter, int64_t realtime_ns) {
    return jb_time_floor(realtime_ns, meter->options.book_every_ns) / meter->options.book_every_ns;
}

static void mark_booked(struct jb_meter *meter, const struct jb_tick *tick) {
    meter->booked_boottime_ns = tick->boottime_ns;
    meter->booked_ns = tick->realtime_ns;
    meter->book_slot = slot_of(meter, tick->realtime_ns);
}

enum jb_code jb_meter_open(struct jb_ledger *ledger, const struct jb_meter_options *options,
                           struct jb_error *error, struct jb_meter **ret_meter) {
    _cleanup_(jb_meter_close_cleanup) struct jb_meter *meter = calloc(1, sizeof *meter);
    if (!meter)
        return jb_error_set(error, JB_MEMORY, "no memory for the meter");
    meter->ledger = ledger;
    meter->options = *options;
    snprintf(meter->site, sizeof meter->site, "%s", options->site);
    snprintf(meter->grid, sizeof meter->grid, "%s", options->grid);
    enum jb_code code = jb_sampler_open(&options->sampler, error, &meter->sampler);
    if (!code)
        code = lock_book(meter, error);
    if (code)
        return code;
    const struct jb_booking_place place = {
        .host = jb_sampler_host(meter->sampler),
        .boot_id = jb_sampler_boot_id(meter->sampler),
        .site = meter->site,
        .grid = meter->grid,
    };
    code = jb_booking_make(ledger, &place, error, &meter->booking);
    if (!code)
        code = jb_sampler_tick(meter->sampler, error);
    if (!code)
        code = jb_gap_book(ledger, meter->booking, meter->sampler, error);
    if (code)
        return code;
    meter->begun_boottime_ns = jb_sampler_last(meter->sampler)->boottime_ns;
    mark_booked(meter, jb_sampler_last(meter->sampler));
    *ret_meter = JB_TAKE(meter);
    return JB_OK;
}

void jb_meter_close(struct jb_meter *meter) {
    if (!meter)
        return;
    jb_booking_free(meter->booking);
    jb_sampler_close(meter->sampler);
    free(meter);
}

int64_t jb_meter_next_ns(const struct jb_meter *meter) {
    const struct jb_clock *clock = meter->options.sampler.clock;
    int64_t now_ns = clock->monotonic_ns(clock), interval_ns = meter->options.interval_ns;
    return (now_ns / interval_ns + 1) * interval_ns;
}

/* The interval since the last booking. It joins the last one without a seam, unless the wall clock stepped:
 * then it is counted back from now, so that its length is true. */
static struct jb_interval interval_until(const struct jb_meter *meter, const struct jb_tick *tick) {
    int64_t elapsed_ns = tick->boottime_ns - meter->booked_boottime_ns;
    struct jb_interval interval = {
        .start_ns = tick->realtime_ns - elapsed_ns,
        .end_ns = tick->realtime_ns,
        .start_boottime_ns = meter->booked_boottime_ns,
        .end_boottime_ns = tick->boottime_ns,
    };
    int64_t seam_ns = llabs(interval.start_ns - meter->booked_ns);
    if (seam_ns < elapsed_ns / 100 + 50 * 1000000 && meter->booked_ns < interval.end_ns)
        interval.start_ns = meter->booked_ns;
    return interval;
}

static enum jb_code roll_up(struct jb_meter *meter, int64_t now_ns, struct jb_error *error) {
    int64_t hour = jb_time_floor(now_ns, JB_HOUR_NS);
    if (hour == meter->rolled_hour)
        return JB_OK;
    struct jb_store *store = jb_ledger_store(meter->ledger);
    int64_t keep_from_ns = meter->options.keep_ns ? hour - meter->options.keep_ns : INT64_MIN;
    enum jb_code code = store->ops->rollup(store, keep_from_ns, error);
    if (!code)
        meter->rolled_hour = hour;
    return code;
}

static enum jb_code book(struct jb_meter *meter, struct jb_error *error) {
    const struct jb_tick *tick = jb_sampler_last(meter->sampler);
    if (tick->boottime_ns <= meter->booked_boottime_ns)
        return JB_OK;
    size_t count;
    const struct jb_metered_domain *domains = jb_domains_list(jb_sampler_domains(meter->sampler), &count);
    const struct jb_domain_totals *totals = jb_domains_totals(jb_sampler_domains(meter->sampler));
    const struct jb_booking_input input = {
        .interval = interval_until(meter, tick),
        .slots = jb_sampler_slots(meter->sampler),
        .attribution = jb_sampler_attribution(meter->sampler),
        .domains = domains,
        .domain_count = count,
        .totals = *totals,
        .sample = jb_sampler_sample(meter->sampler),
        .gap_reason = totals->any_known ? NULL : "no power source could be read",
    };
    bool is_new;
    enum jb_code code = jb_booking_book(meter->booking, &input, error, &is_new);
    if (code)
        return code;
    meter->batch_count++;
    mark_booked(meter, tick);
    code = jb_sampler_reset(meter->sampler, error);
    return code ? code : roll_up(meter, tick->realtime_ns, error);
}

enum jb_code jb_meter_step(struct jb_meter *meter, struct jb_error *error) {
    enum jb_code code = jb_sampler_tick(meter->sampler, error);
    const struct jb_tick *tick = jb_sampler_last(meter->sampler);
    meter->energy_uj += tick->energy_uj;
    meter->any_known |= jb_domains_totals(jb_sampler_domains(meter->sampler))->any_known;
    /* Due in another slot of the wall clock (also after it stepped back), or when a slot has long passed. */
    bool due = slot_of(meter, tick->realtime_ns) != meter->book_slot ||
               tick->boottime_ns - meter->booked_boottime_ns > meter->options.book_every_ns;
    /* What could be read is booked also when a part of the sample failed. */
    enum jb_code booked = due ? book(meter, code ? NULL : error) : JB_OK;
    return code ? code : booked;
}

enum jb_code jb_meter_finish(struct jb_meter *meter, struct jb_error *error) {
    enum jb_code code = jb_sampler_tick(meter->sampler, error);
    meter->energy_uj += jb_sampler_last(meter->sampler)->energy_uj;
    return code ? code : book(meter, error);
}

struct jb_meter_status jb_meter_status(const struct jb_meter *meter) {
    const struct jb_tick *tick = jb_sampler_last(meter->sampler);
    return (struct jb_meter_status){
        .tick_count = tick->number,
        .batch_count = meter->batch_count,
        .booked_until_ns = meter->booked_ns,
        .energy_uj = meter->energy_uj,
        .any_known = meter->any_known,
        .elapsed_ns = tick->boottime_ns - meter->begun_boottime_ns,
    };
}

struct jb_sampler *jb_meter_sampler(struct jb_meter *meter) {
    return meter->sampler;
}
