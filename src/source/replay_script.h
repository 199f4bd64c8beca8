/* Recorded or generated readings as text: the parser and the pure function from time to readings. */
#ifndef JB_SOURCE_REPLAY_SCRIPT_H
#define JB_SOURCE_REPLAY_SCRIPT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "types/domain.h"

/* The format is described in docs/sources/replay.md. */
struct jb_replay; /* opaque */

#define JB_REPLAY_SIZE_CEILING   ((size_t)64 << 20) /* bytes of a file */
#define JB_REPLAY_DOMAIN_CEILING ((size_t)1024)
#define JB_REPLAY_RECORD_CEILING ((size_t)2000000)

enum jb_replay_origin {
    JB_REPLAY_ORIGIN_BOOT, /* times count from boot, plus origin_ns */
    JB_REPLAY_ORIGIN_OPEN, /* times count from when the file was opened */
};

/* Parses bytes (any bytes; not NUL-terminated). name is for messages. JB_INPUT names the line and the mend,
 * JB_LIMIT a ceiling that was passed. */
enum jb_code jb_replay_parse(const char *bytes, size_t length, const char *name, struct jb_error *error,
                             struct jb_replay **ret_replay);
void jb_replay_free(struct jb_replay *replay); /* NULL-safe */

/* All domains of the file, also those not listed at the moment. */
size_t jb_replay_domains(const struct jb_replay *replay, const struct jb_domain **ret_domains);
enum jb_replay_origin jb_replay_origin(const struct jb_replay *replay, int64_t *ret_origin_ns);

/* Whether the domain is listed (from=, until=) at time_ns of the file. */
bool jb_replay_is_listed(const struct jb_replay *replay, size_t domain, int64_t time_ns);
/* What the domain reads at time_ns of the file: value, epoch and state; boottime_ns is left alone.
 * A pure function of its arguments, in integers. */
void jb_replay_read(const struct jb_replay *replay, size_t domain, int64_t time_ns,
                    struct jb_reading *ret_reading);

JB_DEFINE_CLEANUP(struct jb_replay, jb_replay_free);

#endif
