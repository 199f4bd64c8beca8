/* Cells of bills: times, months, instance types and tags, in the ways in which providers write them. */
#include "import/bill.h"

#include "base/clock.h"
#include "base/time.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define TIME_TEXT_SIZE 64

static bool is_digits(const char *text, size_t count) {
    return strspn(text, "0123456789") >= count;
}

/* Of at most 2 digits. */
static unsigned small_number(const char *digits, size_t count) {
    return count == 2 ? 10 * (unsigned)(digits[0] - '0') + (unsigned)(digits[1] - '0')
                      : (unsigned)(digits[0] - '0');
}

/* The date in text as YYYY-MM-DD (a month as its first day); what stands behind it goes to *ret_rest. False:
 * none of our notations. */
static bool take_date(const char *text, char ret[static 11], const char **ret_rest, bool *ret_is_month) {
    size_t digits = strspn(text, "0123456789");
    *ret_is_month = false;
    if (digits == 4 && (text[4] == '-' || text[4] == '/') && is_digits(text + 5, 2)) {
        if (text[7] == text[4] && is_digits(text + 8, 2)) {
            snprintf(ret, 11, "%.4s-%.2s-%.2s", text, text + 5, text + 8);
            *ret_rest = text + 10;
            return true;
        }
        if (text[7] != '\0')
            return false;
        snprintf(ret, 11, "%.7s-01", text);
        ret[4] = '-';
        *ret_rest = text + 7;
        *ret_is_month = true;
        return true;
    }
    if ((digits == 1 || digits == 2) && text[digits] == '/') { /* "07/01/2026", "7/1/2026" */
        const char *day = text + digits + 1;
        size_t day_digits = strspn(day, "0123456789");
        const char *year = day + day_digits + (day[day_digits] == '/');
        if (day_digits < 1 || day_digits > 2 || day[day_digits] != '/' || strspn(year, "0123456789") != 4)
            return false;
        snprintf(ret, 11, "%.4s-%02u-%02u", year, small_number(text, digits), small_number(day, day_digits));
        *ret_rest = year + 4;
        return true;
    }
    if ((digits == 8 || digits == 6) && (text[digits] == '\0' || text[digits] == ' ')) {
        snprintf(ret, 11, "%.4s-%.2s-%.2s", text, text + 4, digits == 8 ? text + 6 : "01");
        *ret_rest = text + digits;
        *ret_is_month = digits == 6;
        return true;
    }
    return false;
}

enum jb_code jb_bill_time_parse(const char *text, int64_t zone_ns, struct jb_error *error, int64_t *ret_ns) {
    char copy[TIME_TEXT_SIZE], whole[TIME_TEXT_SIZE], date[11];
    const char *rest;
    bool is_month;
    int64_t ns;
    snprintf(copy, sizeof copy, "%s", text);
    char *range = strstr(copy, " ~ ");
    if (range)
        *range = '\0';
    size_t length = strlen(copy);
    bool is_utc = length > 4 && strcmp(copy + length - 4, " UTC") == 0;
    if (is_utc)
        copy[length - 4] = '\0';
    if (strlen(text) >= sizeof copy || !take_date(copy, date, &rest, &is_month) || (is_month && *rest))
        return jb_error_set(error, JB_INPUT,
                            "'%.60s' is not a time; expected such as 2026-07-01T00:00:00Z or 2026-07-01",
                            text);
    snprintf(whole, sizeof whole, "%.10s%.40s", date, rest);
    if (jb_time_parse(whole, error, &ns))
        return JB_INPUT;
    bool has_zone = is_utc || strpbrk(rest, "Zz+") || (*rest && strchr(rest + 1, '-'));
    if (*rest && !has_zone && __builtin_sub_overflow(ns, zone_ns, &ns))
        return jb_error_set(error, JB_INPUT, "'%.60s' is out of range", text);
    *ret_ns = ns;
    return JB_OK;
}

enum jb_code jb_bill_month_parse(const char *text, struct jb_error *error, struct jb_buffer *ret_month) {
    int64_t ns, year;
    unsigned month, day;
    enum jb_code code = jb_bill_time_parse(text, 0, error, &ns);
    if (code)
        return code;
    jb_civil_from_days(jb_time_floor(ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
    jb_buffer_printf(ret_month, "%04d-%02u", (int)year, month);
    return JB_OK;
}

/* ---- JSON in cells ---- */

static void free_json(json_t **json) {
    json_decref(*json);
}

/* Where a part of a map's text ends that is in no quotes: a key before '=', a value before the next key. */
static const char *find_end(const char *text, const char *end, bool is_key) {
    if (is_key)
        return memchr(text, '=', (size_t)(end - text));
    for (const char *at = text; at < end; at++) {
        if (at[0] != ',' || at[1] != ' ')
            continue;
        const char *equals = memchr(at, '=', (size_t)(end - at)), *comma = strstr(at + 2, ", ");
        if (equals && (!comma || equals < comma || at[2] == '\''))
            return at;
    }
    return end;
}

/* One key or value; false: it is none. */
static bool take_part(const char **cursor, const char *end, bool is_key, struct jb_buffer *ret_part) {
    const char *text = *cursor, *stop;
    jb_buffer_clear(ret_part);
    jb_buffer_add(ret_part, "", 0);
    if (*text != '\'') {
        stop = find_end(text, end, is_key);
        if (!stop)
            return false;
        jb_buffer_add(ret_part, text, (size_t)(stop - text));
        *cursor = stop;
        return true;
    }
    for (stop = text + 1; stop < end && *stop != '\''; stop++) {
        stop += *stop == '\\' && stop + 1 < end;
        jb_buffer_add(ret_part, stop, 1);
    }
    *cursor = stop + 1;
    return stop < end;
}

/* A map as DuckDB writes it into CSV ("{team=a, owner='x, y'}"), as an object; NULL: it is none. */
static json_t *load_map(const char *text, size_t length) {
    _cleanup_buffer_ struct jb_buffer key = {0}, value = {0};
    while (length && strchr(" \t\r\n", text[length - 1]))
        length--;
    if (length < 2 || text[0] != '{' || text[length - 1] != '}' || text[1] == '"')
        return NULL;
    const char *cursor = text + 1, *end = text + length - 1;
    json_t *map = json_object();
    bool is_good = map != NULL;
    while (is_good && cursor < end) {
        is_good = take_part(&cursor, end, true, &key) && *cursor++ == '=' &&
                  take_part(&cursor, end, false, &value) && !jb_buffer_check(&key, NULL) &&
                  !jb_buffer_check(&value, NULL);
        if (is_good && strcmp(value.bytes, "NULL") != 0)
            is_good = json_object_set_new(map, key.bytes, json_string(value.bytes)) == 0;
        if (is_good && cursor < end)
            is_good = strncmp(cursor, ", ", 2) == 0;
        cursor += is_good && cursor < end ? 2 : 0;
    }
    if (is_good)
        return map;
    json_decref(map);
    return NULL;
}

static json_t *load(const char *text, size_t length) {
    json_t *json = json_loadb(text, length, JSON_DECODE_ANY, NULL);
    return json ? json : load_map(text, length);
}

/* What is neither an object nor an array is copied as it is, and NULL. */
static json_t *load_or_copy(const char *text, struct jb_buffer *ret_text) {
    const char *begin = text + strspn(text, " \t");
    if (*begin == '{' || *begin == '[')
        return load(begin, strlen(begin));
    jb_buffer_add_string(ret_text, text);
    return NULL;
}

static void add_value(const json_t *value, struct jb_buffer *out) {
    if (json_is_string(value))
        jb_buffer_add_string(out, json_string_value(value));
    else if (json_is_integer(value))
        jb_buffer_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        jb_buffer_add_string(out, json_is_true(value) ? "true" : "false");
}

/* The value of a key in an object, or in an array of objects with a key and a value; NULL: none. */
static const json_t *find_value(const json_t *json, const char *key) {
    const json_t *found = json_object_get(json, key);
    for (size_t i = 0; !found && i < json_array_size(json); i++) {
        const json_t *item = json_array_get(json, i);
        const char *name = json_string_value(json_object_get(item, "key"));
        if (!name)
            name = json_string_value(json_object_get(item, "Key"));
        if (name && strcmp(name, key) == 0) {
            found = json_object_get(item, "value");
            if (!found)
                found = json_object_get(item, "Value");
        }
    }
    return found;
}

void jb_bill_machine_parse(const char *text, struct jb_buffer *ret_machine) {
    static const char *const keys[] = {"ServiceType",    "InstanceType",
                                       "instance_type",  "instanceType",
                                       "F_InstanceType", "compute.googleapis.com/machine_spec",
                                       "machine_spec"};
    __attribute__((cleanup(free_json))) json_t *json = load_or_copy(text, ret_machine);
    for (size_t i = 0; i < JB_COUNT(keys); i++) {
        const json_t *value = find_value(json, keys[i]);
        if (json_is_string(value)) {
            jb_buffer_add_string(ret_machine, json_string_value(value));
            return;
        }
    }
}

void jb_bill_capacity_parse(const char *text, struct jb_buffer *ret_capacity) {
    __attribute__((cleanup(free_json))) json_t *json = load_or_copy(text, ret_capacity);
    const json_t *value = find_value(json, "compute.googleapis.com/is_unused_reservation");
    if (json_is_true(value) || (json_is_string(value) && strcasecmp(json_string_value(value), "true") == 0))
        jb_buffer_add_string(ret_capacity, "unused");
}

/* Length of a tag's name that stands at text, or 0. "key:" may stand before it, "user:" as well. */
static const char *skip_key(const char *text, const char *key) {
    static const char *const before[] = {"key:", "user:"};
    text += strspn(text, " ");
    for (size_t i = 0; i < JB_COUNT(before); i++) {
        if (strncmp(text, before[i], strlen(before[i])) == 0 &&
            strncmp(key, before[i], strlen(before[i])) != 0)
            text += strlen(before[i]);
    }
    size_t length = strlen(key);
    return strncmp(text, key, length) == 0 ? text + length : NULL;
}

/* "key:value;key:value", "key:k value:v; key:k value:v" */
static void find_plain(const char *text, const char *key, struct jb_buffer *ret_value) {
    for (const char *pair = text; *pair; pair += strcspn(pair, ";"), pair += *pair == ';') {
        const char *rest = skip_key(pair, key);
        size_t length = strcspn(pair, ";");
        if (!rest || rest > pair + length)
            continue;
        if (strncmp(rest, " value:", 7) == 0)
            rest += 7;
        else if (*rest == ':' || *rest == '=')
            rest++;
        else
            continue;
        jb_buffer_add(ret_value, rest, (size_t)(pair + length - rest));
        return;
    }
}

/* CUR 2.0 writes "user_cost_center" for the tag CostCenter. */
static const json_t *find_spelled(json_t *json, const char *key) {
    static const char before[] = "user_";
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value) {
        if (strncmp(name, before, strlen(before)) == 0 && jb_bill_heading_is(name + strlen(before), key))
            return value;
    }
    return NULL;
}

enum jb_code jb_bill_tag_parse(const char *text, const char *key, struct jb_error *error,
                               struct jb_buffer *ret_value) {
    _cleanup_buffer_ struct jb_buffer whole = {0};
    text += strspn(text, " \t\r\n");
    if (*text != '{' && *text != '[' && *text != '"') {
        find_plain(text, key, ret_value);
        return JB_OK;
    }
    if (*text == '"')
        jb_buffer_printf(&whole, "{%s}", text);
    else
        jb_buffer_add_string(&whole, text);
    enum jb_code code = jb_buffer_check(&whole, error);
    if (code)
        return code;
    __attribute__((cleanup(free_json))) json_t *json = load(whole.bytes, whole.length);
    if (!json)
        return jb_error_set(error, JB_INPUT, "'%.60s' is no JSON of tags; expected such as {\"team\": \"a\"}",
                            text);
    const json_t *value = find_value(json, key);
    if (!value) { /* names that AWS puts "user:" before */
        char prefixed[256];
        snprintf(prefixed, sizeof prefixed, "user:%.240s", key);
        value = find_value(json, prefixed);
    }
    if (!value)
        value = find_spelled(json, key);
    add_value(value, ret_value);
    return JB_OK;
}
