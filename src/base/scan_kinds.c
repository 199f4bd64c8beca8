/* Kinds of a scan's groups: what their keys say besides times. */
#include "base/scan_internal.h"

#include <string.h>

#define KIND_CEILING ((size_t)UINT32_MAX - 1)

/* For each span, and each of its ids, a number that is equal for ids that differ in times alone. */
struct classes {
    uint32_t *numbers[JB_SCAN_SLOT_CEILING]; /* NULL: ids are their own, or all alike where is_time */
    bool is_time[JB_SCAN_SLOT_CEILING];
};

static void free_classes(struct classes *classes) {
    for (size_t span = 0; span < JB_SCAN_SLOT_CEILING; span++)
        free(classes->numbers[span]);
}

static bool is_time_key(const struct jb_scan_layout *layout, size_t key) {
    return key < layout->key_count && layout->request->slots[layout->key_slots[key]]->kind == JB_SCAN_TIME;
}

/* Numbers the tuples of a span, with their times left out. */
static enum jb_code classify(const struct jb_scan_layout *layout, const struct jb_scan_span *span,
                             struct jb_error *error, uint32_t **ret_numbers) {
    _cleanup_(jb_tuples_free_cleanup) struct jb_tuples *texts = NULL;
    size_t count = jb_tuples_count(span->tuples);
    _cleanup_free_ uint32_t *numbers = calloc(count + 1, sizeof *numbers);
    enum jb_code code = numbers ? jb_tuples_make(span->key_count, KIND_CEILING, "keys", error, &texts)
                                : jb_error_set(error, JB_MEMORY, "no memory for %zu keys", count);
    for (uint32_t id = 0; !code && id < count; id++) {
        uint32_t tuple[JB_SCAN_KEY_CEILING];
        memcpy(tuple, jb_tuples_at(span->tuples, id), span->key_count * sizeof *tuple);
        for (size_t i = 0; i < span->key_count; i++)
            tuple[i] = is_time_key(layout, span->keys[i]) ? 0 : tuple[i];
        code = jb_tuples_intern(texts, tuple, error, &numbers[id]);
    }
    if (!code)
        *ret_numbers = JB_TAKE(numbers);
    return code;
}

enum jb_code jb_scan_groups_kinds(const struct jb_scan_groups *groups, const uint32_t *order, size_t count,
                                  struct jb_error *error, uint32_t *ret_kinds, size_t *ret_kind_count) {
    __attribute__((cleanup(free_classes))) struct classes classes = {.numbers = {NULL}};
    _cleanup_(jb_tuples_free_cleanup) struct jb_tuples *kinds = NULL;
    const size_t span_count = groups->span_count;
    enum jb_code code = JB_OK;
    if (span_count) /* otherwise all groups are one */
        code = jb_tuples_make(span_count, KIND_CEILING, "kinds of rows", error, &kinds);
    for (size_t i = 0; !code && i < span_count; i++) {
        const struct jb_scan_span *span = &groups->spans[i];
        classes.is_time[i] = !span->tuples && is_time_key(groups->layout, span->keys[0]);
        code = span->tuples ? classify(groups->layout, span, error, &classes.numbers[i]) : JB_OK;
    }
    for (size_t group = 0; !code && kinds && group < count; group++) {
        const uint32_t *ids = jb_scan_groups_ids(groups, order ? order[group] : group);
        uint32_t kind[JB_SCAN_SLOT_CEILING];
        for (size_t i = 0; i < span_count; i++)
            kind[i] = classes.numbers[i] ? classes.numbers[i][ids[i]] : classes.is_time[i] ? 0 : ids[i];
        code = jb_tuples_intern(kinds, kind, error, &ret_kinds[group]);
    }
    if (!code)
        *ret_kind_count = kinds ? jb_tuples_count(kinds) : count > 0;
    return code;
}
