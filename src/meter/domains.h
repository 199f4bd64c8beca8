/* The domains of every source in one table: readings, energy between them, cover, idle power, totals. */
#ifndef JB_METER_DOMAINS_H
#define JB_METER_DOMAINS_H

#include "attribute/attribution.h"
#include "attribute/cover.h"
#include "attribute/idle.h"
#include "source/source.h"

/* Readings of a gauge that lie further apart than this say nothing about the time between. */
#define JB_GAUGE_GAP_NS (30 * JB_SECOND_NS)

struct jb_metered_domain {
    struct jb_domain domain; /* a copy: stays when the device goes */
    uint32_t source;         /* index in jb_source_table */
    int32_t index;           /* in the source's list; −1: gone */
    enum jb_cover_place place;
    const char *place_reason;  /* why it is not booked; static */
    bool inside_authority;     /* a part that the authority's figure contains */
    struct jb_reading reading; /* the last one with a value; state JB_READING_NONE before there was any */
    int64_t suspended_ns;      /* how long the machine had slept since boot when that was read */
    struct jb_idle idle;
    /* of the last tick */
    bool known;
    uint64_t energy_uj, idle_uj;
    const char *unknown_reason; /* static; "" when known */
    /* since the last reset */
    uint64_t interval_uj;
    int64_t unknown_from_ns, unknown_until_ns; /* boottime; 0: always known */
    const char *interval_reason;
};

/* Whole-host figures since the last reset, by which `rest` and `meter-variance` are found. */
struct jb_domain_totals {
    uint64_t authority_uj; /* what the outermost meter saw in ticks in which it could be read */
    uint64_t inside_uj;    /* what the parts inside it saw in those ticks */
    uint64_t other_uj;     /* parts beside it, and all parts in ticks without it */
    bool any_known;
};

struct jb_domains; /* opaque */

/* Opens every source of the table. Never fails for want of a source; notes get one line a source that is not
 * there: "rapl: not found: …\n", and one that is: "rapl: 3 domains\n". */
enum jb_code jb_domains_open(const struct jb_source_context *context, struct jb_buffer *notes,
                             struct jb_error *error, struct jb_domains **ret_domains);
void jb_domains_close(struct jb_domains *domains); /* NULL-safe */

struct jb_metered_domain *jb_domains_list(struct jb_domains *domains, size_t *ret_count);
const struct jb_metered_domain *jb_domains_authority(const struct jb_domains *domains); /* NULL: none */

/* Reads every domain: `known`, `energy_uj` and the interval's sums are up to date then. is_first: only a
 * starting point. utilisation (0 to 1, NaN unknown) is that of the host in the tick, by which idle power is
 * learned; gpu use by domain comes from `sample`. elapsed_ns > 0 unless is_first. */
void jb_domains_read(struct jb_domains *domains, bool is_first);
void jb_domains_learn(struct jb_domains *domains, const struct jb_sample *sample, double utilisation,
                      int64_t elapsed_ns);
const struct jb_domain_totals *jb_domains_totals(const struct jb_domains *domains);
/* Of the last tick alone: µJ of the whole host; false when nothing is known. */
bool jb_domains_tick_total(const struct jb_domains *domains, uint64_t *ret_energy_uj);
void jb_domains_reset(struct jb_domains *domains);

/* GPU use by process of all sources → sample->gpus; domains are indexes of this table. */
void jb_domains_processes(struct jb_domains *domains, struct jb_sample *sample);

/* Looks for devices that came or went; chooses the cover anew when there are any. True when something
 * changed. */
enum jb_code jb_domains_rescan(struct jb_domains *domains, struct jb_error *error, bool *ret_changed);

#endif
