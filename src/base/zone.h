/* Local time: zones of the tz database (RFC 8536) and rules in POSIX notation, and the instants that a local
 * time can mean. */
#ifndef JB_BASE_ZONE_H
#define JB_BASE_ZONE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct jb_zone; /* opaque; may be read by several threads */

#define JB_ZONE_FILE_CEILING ((size_t)1 << 20) /* bytes */

/* From the bytes of a TZif file, or from a rule such as "CET-1CEST,M3.5.0,M10.5.0/3". name is for messages.
 * JB_INPUT when they are none. */
enum jb_code jb_zone_parse(const void *bytes, size_t length, const char *name, struct jb_error *error,
                           struct jb_zone **ret_zone);
enum jb_code jb_zone_parse_rule(const char *rule, struct jb_error *error, struct jb_zone **ret_zone);
/* "Europe/Madrid" from $TZDIR or /usr/share/zoneinfo, else a rule. JB_INPUT when it is neither. */
enum jb_code jb_zone_load(const char *name, struct jb_error *error, struct jb_zone **ret_zone);
void jb_zone_free(struct jb_zone *zone); /* NULL-safe */

/* Local time minus UTC at an instant (s since 1970), in seconds. */
int32_t jb_zone_offset_s(const struct jb_zone *zone, int64_t utc_s);

/* The instants (UTC ns, the earlier first) at which clocks showed local_ns (local time as if it were UTC):
 * 0 where clocks leapt over it, 2 where they showed it twice. */
size_t jb_zone_to_utc(const struct jb_zone *zone, int64_t local_ns, int64_t ret_ns[static 2]);

JB_DEFINE_CLEANUP(struct jb_zone, jb_zone_free);

#endif
