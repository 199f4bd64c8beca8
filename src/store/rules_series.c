/* What every store holds to when it keeps series: which are valid, and how new steps take the place of old.
 */
#include "store/rules.h"

#include "base/array.h"
#include "base/text.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Up to size - 1 bytes of valid UTF-8 without control characters. */
static bool is_plain(const char *text, size_t size) {
    size_t length = strnlen(text, size);
    if (length == size)
        return false;
    for (size_t i = 0; i < length;) {
        size_t width = jb_utf8_length(text + i, length - i);
        if (width == 0 || jb_control_length(text + i, length - i))
            return false;
        i += width;
    }
    return true;
}

static enum jb_code check_texts(const struct jb_series *series, struct jb_error *error) {
    const struct {
        const char *what, *text;
        size_t size;
        bool is_needed;
    } texts[] = {
        {"name", series->name, sizeof series->name, true},
        {"quantity", series->quantity, sizeof series->quantity, true},
        {"unit", series->unit, sizeof series->unit, true},
        {"region", series->region, sizeof series->region, false},
        {"subject", series->subject, sizeof series->subject, false},
        {"source", series->source, sizeof series->source, false},
        {"licence", series->licence, sizeof series->licence, false},
        {"note", series->note, sizeof series->note, false},
    };
    for (size_t i = 0; i < JB_COUNT(texts); i++) {
        if (!is_plain(texts[i].text, texts[i].size) || (texts[i].is_needed && !texts[i].text[0]))
            return jb_error_set(error, JB_INPUT,
                                "series '%.127s': its %s is not %s to %zu bytes of plain text", series->name,
                                texts[i].what, texts[i].is_needed ? "1" : "up", texts[i].size - 1);
    }
    if (!isnan(series->uncertainty) && !(series->uncertainty >= 0 && series->uncertainty <= 1e6))
        return jb_error_set(error, JB_INPUT, "series '%.127s': its uncertainty is not 0 or more",
                            series->name);
    return JB_OK;
}

enum jb_code jb_series_check(const struct jb_series *series, const struct jb_step *steps, size_t count,
                             struct jb_error *error) {
    enum jb_code code = check_texts(series, error);
    if (code)
        return code;
    if (count > JB_STEP_CEILING)
        return jb_error_set(error, JB_LIMIT, "series '%.127s' has %zu steps, the ceiling is %zu",
                            series->name, count, JB_STEP_CEILING);
    for (size_t i = 0; i < count; i++) {
        const struct jb_step *step = &steps[i];
        const char *wrong = NULL;
        char start[JB_TIME_SIZE];
        if (step->start_ns >= step->end_ns)
            wrong = "ends before it starts, or as it starts";
        else if (step->start_ns < 0 || step->end_ns > JB_BOOK_LAST_NS)
            wrong = "lies outside the years 1970 to 2261";
        else if (i && steps[i - 1].end_ns > step->start_ns)
            wrong = "overlaps the one before it";
        else if (!isfinite(step->value))
            wrong = "has no value; leave it out";
        if (wrong)
            return jb_error_set(error, JB_INPUT, "series '%.127s': step %zu (%s) %s", series->name, i,
                                jb_time_format(step->start_ns, start), wrong);
    }
    return JB_OK;
}

enum jb_code jb_series_check_same(const struct jb_series *series, const struct jb_series *stored,
                                  struct jb_error *error) {
    const struct {
        const char *what, *now, *stored;
    } texts[] = {
        {"quantity", series->quantity, stored->quantity},
        {"unit", series->unit, stored->unit},
        {"region", series->region, stored->region},
        {"subject", series->subject, stored->subject},
    };
    for (size_t i = 0; i < JB_COUNT(texts); i++) {
        if (strcmp(texts[i].now, texts[i].stored) != 0)
            return jb_error_set(error, JB_INPUT,
                                "series '%.127s' is in the book with %s '%s', not '%s'; give the new one "
                                "another name",
                                series->name, texts[i].what, texts[i].stored, texts[i].now);
    }
    return JB_OK;
}

bool jb_series_is_same(const struct jb_series *a, const struct jb_series *b) {
    return jb_series_check_same(a, b, NULL) == JB_OK && strcmp(a->name, b->name) == 0 &&
           strcmp(a->source, b->source) == 0 && strcmp(a->licence, b->licence) == 0 &&
           strcmp(a->note, b->note) == 0 &&
           (isnan(a->uncertainty) ? isnan(b->uncertainty)
                                  : !(a->uncertainty < b->uncertainty) &&
                                        !(a->uncertainty > b->uncertainty) && !isnan(b->uncertainty));
}

enum jb_code jb_steps_merge(const struct jb_step *old, size_t old_count, const struct jb_step *new,
                            size_t new_count, struct jb_error *error, struct jb_step **ret_steps,
                            size_t *ret_count) {
    /* Each new step adds itself, and may cut an old one in two. */
    struct jb_step *steps = calloc(old_count + 2 * new_count + 1, sizeof *steps);
    if (!steps)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", old_count + new_count);
    size_t count = 0, i = 0, j = 0;
    int64_t from_ns = old_count ? old[0].start_ns : 0; /* what is left of old[i] begins here */
    while (i < old_count || j < new_count) {
        if (j < new_count && (i == old_count || new[j].start_ns <= from_ns)) {
            steps[count++] = new[j];
            while (i < old_count && from_ns < new[j].end_ns) {
                if (old[i].end_ns > new[j].end_ns)
                    from_ns = new[j].end_ns;
                else if (++i < old_count)
                    from_ns = old[i].start_ns;
            }
            j++;
            continue;
        }
        int64_t end_ns = j < new_count && new[j].start_ns < old[i].end_ns ? new[j].start_ns : old[i].end_ns;
        steps[count++] = (struct jb_step){from_ns, end_ns, old[i].value};
        from_ns = end_ns;
        if (end_ns == old[i].end_ns && ++i < old_count)
            from_ns = old[i].start_ns;
    }
    assert(count <= old_count + 2 * new_count);
    *ret_steps = steps;
    *ret_count = count;
    return JB_OK;
}

size_t jb_steps_cut(struct jb_step *steps, size_t count, int64_t from_ns, int64_t to_ns) {
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        struct jb_step step = steps[i];
        if (step.start_ns < from_ns)
            step.start_ns = from_ns;
        if (step.end_ns > to_ns)
            step.end_ns = to_ns;
        if (step.start_ns < step.end_ns)
            steps[left++] = step;
    }
    return left;
}

bool jb_steps_are_same(const struct jb_step *a, size_t a_count, const struct jb_step *b, size_t b_count) {
    bool same = a_count == b_count;
    for (size_t i = 0; same && i < a_count; i++)
        same = a[i].start_ns == b[i].start_ns && a[i].end_ns == b[i].end_ns &&
               memcmp(&a[i].value, &b[i].value, sizeof a[i].value) == 0;
    return same;
}
