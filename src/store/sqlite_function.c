/* SQL functions for sums that are exact past 64 bits: 2^63 µJ is only 2.56 GWh. */
#include "store/sqlite.h"

#include <string.h>

/* In two halves: SQLite aligns a context to 8 bytes only. */
struct sum {
    uint64_t low;
    int64_t high;
    bool overflowed;
};

static jb_int128 value_of(const struct sum *sum) {
    return (jb_int128)((jb_uint128)(uint64_t)sum->high << 64 | sum->low);
}

static bool read_value(sqlite3_value *value, jb_int128 *ret) {
    if (sqlite3_value_type(value) == SQLITE_INTEGER) {
        *ret = sqlite3_value_int64(value);
        return true;
    }
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return false;
    const char *text = (const char *)sqlite3_value_text(value);
    return text && jb_int128_parse(text, NULL, ret) == JB_OK;
}

static void give_value(sqlite3_context *context, jb_int128 value) {
    if (value >= INT64_MIN && value <= INT64_MAX) {
        sqlite3_result_int64(context, (int64_t)value);
        return;
    }
    char text[JB_INT128_SIZE];
    sqlite3_result_text(context, jb_int128_format(value, text), -1, SQLITE_TRANSIENT);
}

static void sum_step(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count;
    struct sum *sum = sqlite3_aggregate_context(context, sizeof *sum);
    if (!sum) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        return;
    jb_int128 value;
    if (!read_value(values[0], &value)) {
        sqlite3_result_error(context, "jb_sum128: not a whole number", -1);
        return;
    }
    if (__builtin_add_overflow(value_of(sum), value, &value))
        sum->overflowed = true;
    sum->low = (uint64_t)value;
    sum->high = (int64_t)(value >> 64);
}

static void sum_final(sqlite3_context *context) {
    struct sum *sum = sqlite3_aggregate_context(context, 0);
    if (!sum)
        sqlite3_result_int64(context, 0);
    else if (sum->overflowed)
        sqlite3_result_error(context, "jb_sum128: past 128 bits", -1);
    else
        give_value(context, value_of(sum));
}

static void add(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count;
    jb_int128 left, right, total;
    if (!read_value(values[0], &left) || !read_value(values[1], &right))
        sqlite3_result_error(context, "jb_add128: not a whole number", -1);
    else if (__builtin_add_overflow(left, right, &total))
        sqlite3_result_error(context, "jb_add128: past 128 bits", -1);
    else
        give_value(context, total);
}

int jb_sqlite_add_functions(sqlite3 *db) {
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int result = sqlite3_create_function_v2(db, "jb_sum128", 1, flags, NULL, NULL, sum_step, sum_final, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_create_function_v2(db, "jb_add128", 2, flags, NULL, add, NULL, NULL, NULL);
    return result;
}

enum jb_code jb_sqlite_int128(sqlite3_stmt *statement, int column, struct jb_error *error,
                              jb_int128 *ret_value) {
    if (sqlite3_column_type(statement, column) == SQLITE_INTEGER) {
        *ret_value = sqlite3_column_int64(statement, column);
        return JB_OK;
    }
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return jb_int128_parse(text ? text : "", error, ret_value);
}
