/* Booking: what was accumulated over an interval → one batch of balanced flows, positions and gaps. */
#ifndef JB_METER_BOOKING_H
#define JB_METER_BOOKING_H

#include "attribute/attribution.h"
#include "ledger/ledger.h"
#include "meter/domains.h"

/* Relative standard uncertainty that splitting by use adds to that of the meter: CPU time does not tell what
 * instructions cost. After the spread that RAPL-based per-process models are reported to have (for instance
 * Fieni, Rouvoy, Seinturier: SmartWatts, CCGRID 2020: errors of a few to ten per cent). */
#define JB_SPLIT_UNCERTAINTY_PPM 100000

/* An interval on both clocks. */
struct jb_interval {
    int64_t start_ns, end_ns;                   /* UTC */
    int64_t start_boottime_ns, end_boottime_ns; /* the same moments since boot */
};

struct jb_booking_place {
    const char *host; /* encoded component */
    const char *boot_id;
    const char *site; /* account, "site/local" */
    const char *grid; /* account, "grid/unknown" */
};

/* What is booked: the leaves' energy by domain, and the whole. */
struct jb_booking_input {
    struct jb_interval interval;
    const struct jb_slots *slots;
    const struct jb_attribution *attribution;
    const struct jb_metered_domain *domains;
    size_t domain_count;
    struct jb_domain_totals totals;
    const struct jb_sample *sample; /* whose cgroup counters are kept as positions */
    const char *gap_reason;         /* NULL, or why the host's energy is not known for the whole interval */
};

struct jb_booking; /* opaque: reused arrays, and what one interval owes the next */

enum jb_code jb_booking_make(struct jb_ledger *ledger, const struct jb_booking_place *place,
                             struct jb_error *error, struct jb_booking **ret_booking);
void jb_booking_free(struct jb_booking *booking); /* NULL-safe */

/* Books the interval in one transaction under the identity "meter <host> <boot> <start>-<end>" (boottimes,
 * ns). Flows: grid → site → host → domain → cgroup → process, with idle, rest and the other leaves beside;
 * every account in between balances to the microjoule. An interval over a full hour is cut there. Booking it
 * twice changes nothing (*ret_new false). On failure nothing is booked and the same input may be tried again.
 */
enum jb_code jb_booking_book(struct jb_booking *booking, const struct jb_booking_input *input,
                             struct jb_error *error, bool *ret_new);

/* Position names. "energy:<id>#<epoch>", "cpu:<path of the cgroup's account>", "idle:<id>:<number>". */
void jb_booking_energy_counter(const struct jb_domain *domain, const struct jb_reading *reading,
                               char ret[static JB_COUNTER_SIZE]);
void jb_booking_cpu_counter(const char *cgroup_path, char ret[static JB_COUNTER_SIZE]);
void jb_booking_idle_counter(const struct jb_domain *domain, unsigned number,
                             char ret[static JB_COUNTER_SIZE]);
#define JB_BOOKING_DEBT_COUNTER "state:debt"

/* What the last interval borrowed from the next (inner meters ahead of the outer one), µJ; kept as a
 * position. */
void jb_booking_set_debt(struct jb_booking *booking, uint64_t debt_uj);

JB_DEFINE_CLEANUP(struct jb_booking, jb_booking_free);

#endif
