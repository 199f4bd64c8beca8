/* Two tables of a scan's groups become one. */
#include "base/scan_internal.h"

#include <string.h>

#define UNKNOWN UINT32_MAX

/* The ids of `from` in terms of `to`. */
struct translation {
    uint32_t *ids[JB_SCAN_SLOT_CEILING];      /* by key */
    uint32_t *span_ids[JB_SCAN_SLOT_CEILING]; /* by span, where both have the same */
};

static void translation_free(struct translation *translation) {
    for (size_t i = 0; i < JB_SCAN_SLOT_CEILING; i++) {
        free(translation->ids[i]);
        free(translation->span_ids[i]);
    }
}

static enum jb_code translate(struct jb_scan_groups *to, const struct jb_scan_groups *from,
                              struct translation *translation, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t key = 0; key < to->layout->key_count; key++) {
        bool is_text = to->texts[key] != NULL;
        size_t count = is_text ? jb_strings_count(from->texts[key]) : from->times[key].count;
        uint32_t *ids = translation->ids[key] = calloc(count + 1, sizeof *ids);
        if (!ids)
            return jb_error_set(error, JB_MEMORY, "no memory for %zu texts", count);
        for (size_t id = 0; !code && id < count; id++)
            code = is_text ? jb_scan_groups_text(to, key, jb_strings_text(from->texts[key], (uint32_t)id),
                                                 error, &ids[id])
                           : jb_scan_groups_time(to, key, from->times[key].values[id], error, &ids[id]);
        if (code)
            return code;
    }
    return JB_OK;
}

/* The number in `to` for the ids of a span's keys in `from`; NULL tuples: there is one. */
static enum jb_code translate_span(struct jb_scan_groups *to, struct jb_scan_span *span,
                                   const uint32_t *from_ids, const struct translation *translation,
                                   struct jb_error *error, uint32_t *ret_id) {
    uint32_t ids[JB_SCAN_KEY_CEILING];
    for (size_t i = 0; i < span->key_count; i++) {
        size_t key = span->keys[i];
        ids[i] = key < to->layout->key_count ? translation->ids[key][from_ids[i]] : from_ids[i];
    }
    return jb_scan_groups_intern(to, span, ids, error, ret_id);
}

/* `to` has one span for all keys. */
static enum jb_code find_by_keys(struct jb_scan_groups *to, const struct jb_scan_groups *from, size_t number,
                                 struct translation *translation, struct jb_error *error, uint32_t *ret_ids) {
    struct jb_scan_span *span = &to->spans[0];
    uint32_t ids[JB_SCAN_KEY_CEILING];
    for (size_t i = 0; i < span->key_count; i++)
        ids[i] = jb_scan_groups_id(from, number, span->keys[i]);
    return span->key_count ? translate_span(to, span, ids, translation, error, ret_ids) : JB_OK;
}

/* Both have the same spans: each of their ids is translated once. */
static enum jb_code find_by_spans(struct jb_scan_groups *to, const struct jb_scan_groups *from, size_t number,
                                  struct translation *translation, struct jb_error *error,
                                  uint32_t *ret_ids) {
    const uint32_t *ids = jb_scan_groups_ids(from, number);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < to->span_count; i++) {
        uint32_t *known = &translation->span_ids[i][ids[i]];
        if (*known == UNKNOWN) {
            const struct jb_tuples *tuples = from->spans[i].tuples;
            code = translate_span(to, &to->spans[i], tuples ? jb_tuples_at(tuples, ids[i]) : &ids[i],
                                  translation, error, known);
        }
        ret_ids[i] = *known;
    }
    return code;
}

bool jb_scan_groups_are_alike(const struct jb_scan_groups *a, const struct jb_scan_groups *b) {
    bool is_alike = a->span_count == b->span_count;
    for (size_t i = 0; is_alike && i < a->span_count; i++)
        is_alike =
            a->spans[i].key_count == b->spans[i].key_count &&
            memcmp(a->spans[i].keys, b->spans[i].keys, a->spans[i].key_count * sizeof *a->spans[i].keys) == 0;
    return is_alike;
}

/* For each id of the spans of `from`: not known yet. */
static enum jb_code prepare_spans(const struct jb_scan_groups *from, struct translation *translation,
                                  struct jb_error *error) {
    for (size_t i = 0; i < from->span_count; i++) {
        size_t count = jb_scan_span_count(from, &from->spans[i]);
        translation->span_ids[i] = malloc((count + 1) * sizeof *translation->span_ids[i]);
        if (!translation->span_ids[i])
            return jb_error_set(error, JB_MEMORY, "no memory for %zu keys", count);
        memset(translation->span_ids[i], 0xff, (count + 1) * sizeof *translation->span_ids[i]);
    }
    return JB_OK;
}

enum jb_code jb_scan_groups_merge(struct jb_scan_groups *to, const struct jb_scan_groups *from,
                                  uint64_t first_row, struct jb_error *error) {
    _cleanup_(translation_free) struct translation translation = {.ids = {NULL}};
    bool is_alike = jb_scan_groups_are_alike(to, from);
    enum jb_code code = translate(to, from, &translation, error);
    if (!code && is_alike)
        code = prepare_spans(from, &translation, error);
    for (size_t number = 0; !code && number < from->count; number++) {
        const struct jb_scan_margin *margin = jb_scan_groups_margin(from, number);
        uint32_t ids[JB_SCAN_ID_CEILING] = {0};
        size_t ours = 0;
        if (jb_scan_groups_rows(from, number) == 0) /* its key is wrong */
            continue;
        code = (is_alike ? find_by_spans : find_by_keys)(to, from, number, &translation, error, ids);
        if (!code)
            code = jb_scan_groups_find(to, ids, first_row + margin->first_row, margin->input, error, &ours);
        if (!code)
            code = jb_scan_groups_add_group(to, ours, from, number, error);
    }
    return code;
}
