/* Series in a book in SQLite: runs of steps of one length, in blocks of values. */
#include "store/sqlite.h"

#include "base/array.h"
#include "base/clock.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <string.h>

#define BLOCK_STEPS    1024 /* most steps of one block */
#define LENGTH_CEILING ((size_t)1 << 20)

/* Binds what both ways of writing a series take. */
static void bind_series(sqlite3_stmt *statement, const struct jb_series *series) {
    const char *const texts[] = {series->name,    series->quantity, series->unit,    series->region,
                                 series->subject, series->source,   series->licence, series->note};
    for (int i = 0; i < (int)JB_COUNT(texts); i++)
        sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
    if (isnan(series->uncertainty))
        sqlite3_bind_null(statement, 9);
    else
        sqlite3_bind_double(statement, 9, series->uncertainty);
    sqlite3_bind_int64(statement, 10, jb_clock_system.realtime_ns(&jb_clock_system));
}

static enum jb_code read_series_row(struct jb_sqlite_store *store, sqlite3_stmt *statement,
                                    struct jb_error *error, int64_t *ret_id, struct jb_series *ret_series) {
    struct jb_series series = {.uncertainty = sqlite3_column_type(statement, 9) == SQLITE_NULL
                                                  ? NAN
                                                  : sqlite3_column_double(statement, 9),
                               .changed_ns = sqlite3_column_int64(statement, 10)};
    bool fits = jb_sqlite_copy_text(statement, 1, series.name, sizeof series.name) &&
                jb_sqlite_copy_text(statement, 2, series.quantity, sizeof series.quantity) &&
                jb_sqlite_copy_text(statement, 3, series.unit, sizeof series.unit) &&
                jb_sqlite_copy_text(statement, 4, series.region, sizeof series.region) &&
                jb_sqlite_copy_text(statement, 5, series.subject, sizeof series.subject) &&
                jb_sqlite_copy_text(statement, 6, series.source, sizeof series.source) &&
                jb_sqlite_copy_text(statement, 7, series.licence, sizeof series.licence) &&
                jb_sqlite_copy_text(statement, 8, series.note, sizeof series.note);
    if (!fits || jb_series_check(&series, NULL, 0, NULL))
        return jb_sqlite_damaged(store, "a series makes no sense", error);
    *ret_id = sqlite3_column_int64(statement, 0);
    *ret_series = series;
    return JB_OK;
}

/* JB_NO_DATA with a message when there is none. */
static enum jb_code find_within(struct jb_sqlite_store *store, const char *name, struct jb_error *error,
                                int64_t *ret_id, struct jb_series *ret_series) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_SERIES_FIND, error, &statement);
    if (code)
        return code;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (!jb_sqlite_row(store, statement, "read", error, &code))
        return code ? code
                    : jb_error_set(error, JB_NO_DATA, "there is no series '%.127s' in the book %s", name,
                                   store->path);
    code = read_series_row(store, statement, error, ret_id, ret_series);
    sqlite3_reset(statement);
    return code;
}

/* What is known of a series from its blocks alone. */
static enum jb_code read_extent(struct jb_sqlite_store *store, int64_t id, struct jb_error *error,
                                struct jb_series *series) {
    _cleanup_free_ struct jb_step_length *lengths = NULL;
    size_t count = 0, capacity = 0;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BLOCK_LENGTHS, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, id);
    while (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        int64_t length_ns = sqlite3_column_int64(statement, 0), steps = sqlite3_column_int64(statement, 1);
        int64_t first_ns = sqlite3_column_int64(statement, 2), last_ns = sqlite3_column_int64(statement, 3);
        if (length_ns < 1 || steps < 1 || steps > (int64_t)JB_STEP_CEILING || first_ns < 0 ||
            last_ns > JB_BOOK_LAST_NS || (last_ns - first_ns) / length_ns < steps) {
            code = jb_sqlite_damaged(store, "a block of a series makes no sense", error);
            break;
        }
        code = jb_array_reserve(&lengths, &capacity, count + 1, LENGTH_CEILING, "lengths of steps", error);
        if (code)
            break;
        lengths[count] = (struct jb_step_length){length_ns, (uint64_t)steps};
        if (count == 0 || first_ns < series->first_ns)
            series->first_ns = first_ns;
        if (count == 0 || last_ns > series->last_ns)
            series->last_ns = last_ns;
        series->step_count += (uint64_t)steps;
        if (__builtin_add_overflow(series->covered_ns, length_ns * steps, &series->covered_ns) ||
            series->covered_ns > JB_BOOK_LAST_NS)
            code = jb_sqlite_damaged(store, "blocks of a series overlap", error);
        count++;
    }
    sqlite3_reset(statement);
    series->resolution_ns = jb_step_lengths_most(lengths, count);
    return code;
}

/* Steps of all blocks that overlap or touch [from, to), whole; malloc'd. *ret_block_ns: where the first of
 * these begins (from_ns when there is none). */
static enum jb_code read_blocks(struct jb_sqlite_store *store, int64_t id, int64_t from_ns, int64_t to_ns,
                                struct jb_error *error, struct jb_step **ret_steps, size_t *ret_count,
                                int64_t *ret_block_ns) {
    _cleanup_free_ struct jb_step *steps = NULL;
    size_t count = 0, capacity = 0;
    int64_t block_ns = from_ns;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BLOCKS, error, &statement);
    if (!code)
        code = jb_array_reserve(&steps, &capacity, 1, JB_STEP_CEILING, "steps", error);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_int64(statement, 2, from_ns);
    sqlite3_bind_int64(statement, 3, to_ns);
    while (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        int64_t start_ns = sqlite3_column_int64(statement, 0), step_ns = sqlite3_column_int64(statement, 1),
                step_count = sqlite3_column_int64(statement, 2);
        const unsigned char *levels = sqlite3_column_blob(statement, 3);
        bool makes_sense = start_ns >= 0 && start_ns < JB_BOOK_LAST_NS && step_ns > 0 && step_count > 0 &&
                           step_count <= BLOCK_STEPS &&
                           (JB_BOOK_LAST_NS - start_ns) / step_ns >= step_count && levels &&
                           sqlite3_column_bytes(statement, 3) == (int)step_count * 8 &&
                           (count == 0 || steps[count - 1].end_ns <= start_ns);
        if (!makes_sense) {
            code = jb_sqlite_damaged(store, "a block of a series makes no sense", error);
            break;
        }
        if (count == 0)
            block_ns = start_ns;
        code =
            jb_array_reserve(&steps, &capacity, count + (size_t)step_count, JB_STEP_CEILING, "steps", error);
        for (int64_t i = 0; !code && i < step_count; i++) {
            uint64_t bits;
            struct jb_step *step = &steps[count++];
            memcpy(&bits, levels + i * 8, sizeof bits);
            bits = le64toh(bits);
            memcpy(&step->value, &bits, sizeof bits);
            step->start_ns = start_ns + i * step_ns;
            step->end_ns = step->start_ns + step_ns;
            if (!isfinite(step->value))
                code = jb_sqlite_damaged(store, "a series has a value that is no number", error);
        }
    }
    sqlite3_reset(statement);
    if (code)
        return code;
    *ret_steps = JB_TAKE(steps);
    *ret_count = count;
    *ret_block_ns = block_ns;
    return JB_OK;
}

static enum jb_code add_blocks(struct jb_sqlite_store *store, int64_t id, const struct jb_step *steps,
                               size_t count, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BLOCK_ADD, error, &statement);
    for (size_t i = 0, next; !code && i < count; i = next) {
        uint64_t levels[BLOCK_STEPS];
        int64_t step_ns = steps[i].end_ns - steps[i].start_ns;
        for (next = i; next < count && next - i < BLOCK_STEPS; next++) {
            if (steps[next].end_ns - steps[next].start_ns != step_ns ||
                (next > i && steps[next].start_ns != steps[next - 1].end_ns))
                break;
            memcpy(&levels[next - i], &steps[next].value, sizeof levels[0]);
            levels[next - i] = htole64(levels[next - i]);
        }
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_int64(statement, 2, steps[i].start_ns);
        sqlite3_bind_int64(statement, 3, step_ns);
        sqlite3_bind_int64(statement, 4, (sqlite3_int64)(next - i));
        sqlite3_bind_blob(statement, 5, levels, (int)(next - i) * 8, SQLITE_STATIC);
        code = jb_sqlite_run(store, statement, "put a series into", error);
    }
    return code;
}

static enum jb_code drop_blocks(struct jb_sqlite_store *store, int64_t id, int64_t from_ns, int64_t to_ns,
                                struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_BLOCKS_DROP, error, &statement);
    if (code)
        return code;
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_int64(statement, 2, from_ns);
    sqlite3_bind_int64(statement, 3, to_ns);
    return jb_sqlite_run(store, statement, "put a series into", error);
}

static enum jb_code write_series(struct jb_sqlite_store *store, enum jb_sql which,
                                 const struct jb_series *series, struct jb_error *error) {
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, which, error, &statement);
    if (code)
        return code;
    sqlite3_clear_bindings(statement);
    bind_series(statement, series);
    return jb_sqlite_run(store, statement, "put a series into", error);
}

static enum jb_code put_steps(struct jb_sqlite_store *store, int64_t id, const struct jb_step *steps,
                              size_t count, struct jb_error *error, bool *ret_changed) {
    _cleanup_free_ struct jb_step *old = NULL, *merged = NULL;
    size_t old_count = 0, merged_count = 0;
    int64_t block_ns = 0, to_ns = count ? steps[count - 1].end_ns : 0;
    if (!count)
        return JB_OK;
    enum jb_code code = read_blocks(store, id, steps[0].start_ns, to_ns, error, &old, &old_count, &block_ns);
    if (!code)
        code = jb_steps_merge(old, old_count, steps, count, error, &merged, &merged_count);
    if (code || jb_steps_are_same(old, old_count, merged, merged_count))
        return code;
    *ret_changed = true;
    code = drop_blocks(store, id, block_ns, to_ns, error);
    return code ? code : add_blocks(store, id, merged, merged_count, error);
}

static enum jb_code put_within(struct jb_sqlite_store *store, const struct jb_series *series,
                               const struct jb_step *steps, size_t count, struct jb_error *error,
                               bool *ret_changed) {
    int64_t id = 0;
    struct jb_series stored = {0};
    bool is_new = false;
    enum jb_code code = find_within(store, series->name, error, &id, &stored);
    if (code == JB_NO_DATA) {
        is_new = true;
        code = write_series(store, JB_SQL_SERIES_ADD, series, error);
        id = sqlite3_last_insert_rowid(store->db);
    } else if (!code) {
        code = jb_series_check_same(series, &stored, error);
        if (!code)
            code = read_extent(store, id, error, &stored);
        if (!code && stored.step_count + count > JB_STEP_CEILING)
            code = jb_error_set(error, JB_LIMIT, "series '%s' would have over %zu steps", series->name,
                                JB_STEP_CEILING);
    }
    *ret_changed = is_new;
    if (!code)
        code = put_steps(store, id, steps, count, error, ret_changed);
    if (!code && !is_new && (*ret_changed || !jb_series_is_same(series, &stored))) {
        *ret_changed = true;
        code = write_series(store, JB_SQL_SERIES_SET, series, error);
    }
    return code;
}

enum jb_code jb_sqlite_series_put(struct jb_store *base, const struct jb_series *series,
                                  const struct jb_step *steps, size_t count, struct jb_error *error,
                                  bool *ret_changed) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    bool changed = false;
    enum jb_code code = jb_series_check(series, steps, count, error);
    if (!code)
        code = jb_sqlite_begin(store, true, error);
    if (code)
        return code;
    code = jb_sqlite_end(store, put_within(store, series, steps, count, error, &changed), error);
    if (!code)
        *ret_changed = changed;
    return code;
}

static enum jb_code find_whole(struct jb_sqlite_store *store, const char *name, struct jb_error *error,
                               struct jb_series *ret_series) {
    int64_t id = 0;
    struct jb_series series = {0};
    enum jb_code code = find_within(store, name, error, &id, &series);
    if (!code)
        code = read_extent(store, id, error, &series);
    if (!code)
        *ret_series = series;
    return code;
}

enum jb_code jb_sqlite_series_find(struct jb_store *base, const char *name, struct jb_error *error,
                                   struct jb_series *ret_series) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code : jb_sqlite_end(store, find_whole(store, name, error, ret_series), error);
}

static enum jb_code list_within(struct jb_sqlite_store *store, struct jb_error *error,
                                struct jb_series **ret_series, size_t *ret_count) {
    _cleanup_free_ struct jb_series *list = calloc(1, sizeof *list);
    _cleanup_free_ int64_t *ids = calloc(1, sizeof *ids);
    size_t count = 0, capacity = list ? 1 : 0, id_capacity = ids ? 1 : 0;
    sqlite3_stmt *statement = NULL;
    enum jb_code code = jb_sqlite_statement(store, JB_SQL_SERIES_LIST, error, &statement);
    if (code)
        return code;
    while (!code && jb_sqlite_row(store, statement, "read", error, &code)) {
        code = jb_array_reserve(&list, &capacity, count + 1, JB_SERIES_CEILING, "series", error);
        if (!code)
            code = jb_array_reserve(&ids, &id_capacity, count + 1, JB_SERIES_CEILING, "series", error);
        if (!code)
            code = read_series_row(store, statement, error, &ids[count], &list[count]);
        count++;
    }
    sqlite3_reset(statement);
    for (size_t i = 0; !code && i < count; i++)
        code = read_extent(store, ids[i], error, &list[i]);
    if (code)
        return code;
    *ret_series = JB_TAKE(list);
    *ret_count = count;
    return JB_OK;
}

enum jb_code jb_sqlite_series_list(struct jb_store *base, struct jb_error *error,
                                   struct jb_series **ret_series, size_t *ret_count) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code : jb_sqlite_end(store, list_within(store, error, ret_series, ret_count), error);
}

static enum jb_code read_within(struct jb_sqlite_store *store, const char *name, int64_t from_ns,
                                int64_t to_ns, struct jb_error *error, struct jb_step **ret_steps,
                                size_t *ret_count) {
    _cleanup_free_ struct jb_step *steps = NULL;
    struct jb_series series = {0};
    size_t count = 0;
    int64_t id = 0, block_ns;
    enum jb_code code = find_within(store, name, error, &id, &series);
    if (!code)
        code = read_blocks(store, id, from_ns, to_ns, error, &steps, &count, &block_ns);
    if (code)
        return code;
    *ret_count = jb_steps_cut(steps, count, from_ns, to_ns);
    *ret_steps = JB_TAKE(steps);
    return JB_OK;
}

enum jb_code jb_sqlite_series_read(struct jb_store *base, const char *name, int64_t from_ns, int64_t to_ns,
                                   struct jb_error *error, struct jb_step **ret_steps, size_t *ret_count) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, false, error);
    return code ? code
                : jb_sqlite_end(store, read_within(store, name, from_ns, to_ns, error, ret_steps, ret_count),
                                error);
}

static enum jb_code drop_within(struct jb_sqlite_store *store, const char *name, struct jb_error *error) {
    struct jb_series series = {0};
    sqlite3_stmt *statement = NULL;
    int64_t id = 0;
    enum jb_code code = find_within(store, name, error, &id, &series);
    const enum jb_sql drops[] = {JB_SQL_BLOCKS_DROP_ALL, JB_SQL_SERIES_DROP};
    for (size_t i = 0; !code && i < JB_COUNT(drops); i++) {
        code = jb_sqlite_statement(store, drops[i], error, &statement);
        if (code)
            break;
        sqlite3_bind_int64(statement, 1, id);
        code = jb_sqlite_run(store, statement, "drop a series of", error);
    }
    return code;
}

enum jb_code jb_sqlite_series_drop(struct jb_store *base, const char *name, struct jb_error *error) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    enum jb_code code = jb_sqlite_begin(store, true, error);
    return code ? code : jb_sqlite_end(store, drop_within(store, name, error), error);
}
