/* What `sources` found, and its three forms: text, JSON, CSV. */
#ifndef JB_CLI_SOURCES_VIEW_H
#define JB_CLI_SOURCES_VIEW_H

#include "attribute/cover.h"
#include "base/buffer.h"
#include "load/load.h"
#include "source/source.h"

struct sources_domain {
    const struct jb_domain *domain;
    enum jb_cover_place place;
    const char *reason; /* why it is not booked; "" when it is */
    struct jb_reading before, reading;
    bool has_power;
    uint64_t power_uw; /* now */
};

struct sources_source {
    const struct jb_source_ops *ops;
    struct jb_source *source; /* NULL: not there */
    enum jb_code code;        /* of opening it */
    struct jb_error error;
    struct sources_domain *domains;
    size_t domain_count;
};

struct sources_load {
    const struct jb_load_ops *ops;
    enum jb_code code;
    struct jb_error error;
    bool is_used;
};

struct sources_view {
    struct sources_source *sources;
    size_t source_count;
    struct sources_load *loads;
    size_t load_count;
};

void sources_view_clear(struct sources_view *view);

/* Words of both forms. */
const char *sources_place_word(enum jb_cover_place place);
const char *sources_reading_word(enum jb_reading_state state);
const char *sources_role_word(enum jb_load_role role);
bool sources_is_booked(const struct sources_domain *domain);

/* Power of the whole host now, as the cover has it: false when a part of it is unknown, or nothing is booked.
 */
bool sources_view_total_uw(const struct sources_view *view, uint64_t *ret_power_uw);

enum jb_code sources_view_text(const struct sources_view *view, struct jb_buffer *out,
                               struct jb_error *error);
enum jb_code sources_view_csv(const struct sources_view *view, struct jb_buffer *out, struct jb_error *error);
void sources_view_json(const struct sources_view *view, struct jb_buffer *out);

#endif
