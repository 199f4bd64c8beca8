/* Zones: the table of changes of a TZif file, and the rule that holds behind it. */
#include "base/zone.h"

#include "base/clock.h"
#include "base/time.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define DAY_S        86400
#define CHANGE_LIMIT 5000
#define OFFSET_LIMIT (26 * 3600) /* s; RFC 8536, 3.2 recommends less */

/* When in a year clocks change: a day by number or by month, week and weekday, and a local time. */
struct moment {
    enum { MOMENT_JULIAN, MOMENT_DAY, MOMENT_MONTH } form; /* Jn, n, Mm.w.d of POSIX */
    int day, month, week;                                  /* day: of the year or, 0 Sunday, of the week */
    int32_t time_s;                                        /* may be negative or past a day (RFC 8536, 3.3) */
};

struct rule {
    bool exists, has_summer;
    int32_t standard_s, summer_s; /* offsets */
    struct moment start, end;     /* of summer time */
};

struct jb_zone {
    int64_t *times_s; /* of the changes, ascending */
    int32_t *offsets; /* from then on */
    size_t count;
    int32_t first_s;  /* before the first change */
    struct rule rule; /* from the last change on */
};

void jb_zone_free(struct jb_zone *zone) {
    if (!zone)
        return;
    free(zone->times_s);
    free(zone->offsets);
    free(zone);
}

/* ---- rules ---- */

static bool read_number(const char **cursor, int low, int high, int *ret) {
    int value = 0, digits = 0;
    for (; **cursor >= '0' && **cursor <= '9' && digits < 4; (*cursor)++, digits++)
        value = value * 10 + (**cursor - '0');
    *ret = value;
    return digits > 0 && value >= low && value <= high;
}

/* [+-]hh[:mm[:ss]] */
static bool read_clock(const char **cursor, int hour_limit, int32_t *ret_s) {
    int sign = **cursor == '-' ? -1 : 1, hours, minutes = 0, seconds = 0;
    if (**cursor == '-' || **cursor == '+')
        (*cursor)++;
    if (!read_number(cursor, 0, hour_limit, &hours))
        return false;
    if (**cursor == ':' && ((*cursor)++, !read_number(cursor, 0, 59, &minutes)))
        return false;
    if (**cursor == ':' && ((*cursor)++, !read_number(cursor, 0, 59, &seconds)))
        return false;
    *ret_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

/* Three or more letters, or anything in angle brackets. */
static bool skip_name(const char **cursor) {
    const char *start = *cursor;
    if (*start == '<') {
        const char *end = strchr(start, '>');
        if (!end || end - start > 16)
            return false;
        *cursor = end + 1;
        return true;
    }
    while ((**cursor >= 'A' && **cursor <= 'Z') || (**cursor >= 'a' && **cursor <= 'z'))
        (*cursor)++;
    return *cursor - start >= 3;
}

/* ,Mm.w.d[/time] */
static bool read_moment(const char **cursor, struct moment *ret) {
    struct moment moment = {.time_s = 7200};
    if (*(*cursor)++ != ',')
        return false;
    if (**cursor == 'M') {
        (*cursor)++;
        moment.form = MOMENT_MONTH;
        if (!read_number(cursor, 1, 12, &moment.month) || *(*cursor)++ != '.' ||
            !read_number(cursor, 1, 5, &moment.week) || *(*cursor)++ != '.' ||
            !read_number(cursor, 0, 6, &moment.day))
            return false;
    } else {
        moment.form = **cursor == 'J' ? MOMENT_JULIAN : MOMENT_DAY;
        *cursor += **cursor == 'J';
        if (!read_number(cursor, moment.form == MOMENT_JULIAN, 365, &moment.day))
            return false;
    }
    if (**cursor == '/' && ((*cursor)++, !read_clock(cursor, 167, &moment.time_s)))
        return false;
    *ret = moment;
    return true;
}

/* POSIX.1-2017, 8.3, TZ; its offsets are positive west of Greenwich. */
static bool read_rule(const char *text, struct rule *ret) {
    struct rule rule = {.exists = true};
    int32_t west_s;
    if (!skip_name(&text) || !read_clock(&text, 24, &west_s))
        return false;
    rule.standard_s = -west_s;
    rule.summer_s = rule.standard_s + 3600;
    if (*text) {
        rule.has_summer = true;
        if (!skip_name(&text))
            return false;
        if (*text && *text != ',') {
            if (!read_clock(&text, 24, &west_s))
                return false;
            rule.summer_s = -west_s;
        }
        if (!read_moment(&text, &rule.start) || !read_moment(&text, &rule.end) || *text)
            return false;
    }
    *ret = rule;
    return true;
}

static bool is_leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Local seconds since 1970 of a moment in a year. */
static int64_t moment_in(const struct moment *moment, int64_t year) {
    int64_t first = jb_days_from_civil(year, 1, 1), day;
    if (moment->form == MOMENT_MONTH) {
        unsigned month = (unsigned)moment->month;
        int64_t month_first = jb_days_from_civil(year, month, 1);
        int64_t next_first =
            month == 12 ? jb_days_from_civil(year + 1, 1, 1) : jb_days_from_civil(year, month + 1, 1);
        int64_t weekday = ((month_first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = month_first + (moment->day - weekday + 7) % 7 + (moment->week - 1) * 7;
        while (day >= next_first)
            day -= 7;
    } else {
        /* Jn never counts the 29th of February. */
        day = first + moment->day - (moment->form == MOMENT_JULIAN);
        if (moment->form == MOMENT_JULIAN && moment->day >= 60 && is_leap(year))
            day++;
    }
    return day * DAY_S + moment->time_s;
}

static int32_t rule_offset(const struct rule *rule, int64_t utc_s) {
    int64_t year;
    unsigned month, day;
    if (!rule->has_summer)
        return rule->standard_s;
    int64_t days = (utc_s + rule->standard_s) / DAY_S - ((utc_s + rule->standard_s) % DAY_S < 0);
    jb_civil_from_days(days, &year, &month, &day);
    int64_t start_s = moment_in(&rule->start, year) - rule->standard_s,
            end_s = moment_in(&rule->end, year) - rule->summer_s;
    bool is_summer = start_s < end_s ? utc_s >= start_s && utc_s < end_s : utc_s < end_s || utc_s >= start_s;
    return is_summer ? rule->summer_s : rule->standard_s;
}

/* ---- files ---- */

struct header {
    uint32_t utc_count, standard_count, leap_count, time_count, type_count, char_count;
};

static int64_t read_big(const unsigned char *bytes, size_t width) {
    uint64_t value = width == 4 && bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

static bool read_header(const unsigned char *bytes, size_t length, struct header *ret, int *ret_version) {
    uint32_t counts[6];
    if (length < 44 || memcmp(bytes, "TZif", 4) != 0)
        return false;
    for (size_t i = 0; i < JB_COUNT(counts); i++) {
        counts[i] = (uint32_t)read_big(bytes + 20 + 4 * i, 4);
        if (counts[i] > CHANGE_LIMIT)
            return false;
    }
    *ret = (struct header){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    *ret_version = bytes[4] ? bytes[4] - '0' : 1;
    return counts[4] > 0;
}

static size_t body_size(const struct header *header, size_t width) {
    return header->time_count * width + header->time_count + header->type_count * (size_t)6 +
           header->char_count + header->leap_count * (width + 4) + header->standard_count + header->utc_count;
}

/* The table behind a header; false when it makes no sense. */
static bool read_body(const unsigned char *bytes, const struct header *header, size_t width,
                      struct jb_zone *zone) {
    const unsigned char *types = bytes + header->time_count * width, *infos = types + header->time_count;
    zone->first_s = (int32_t)read_big(infos, 4);
    for (uint32_t i = 0; i < header->time_count; i++) {
        if (types[i] >= header->type_count)
            return false;
        zone->times_s[i] = read_big(bytes + i * width, width);
        zone->offsets[i] = (int32_t)read_big(infos + types[i] * (size_t)6, 4);
        if (i && zone->times_s[i] <= zone->times_s[i - 1])
            return false;
    }
    zone->count = header->time_count;
    for (size_t i = 0; i <= zone->count; i++) {
        int32_t offset = i < zone->count ? zone->offsets[i] : zone->first_s;
        if (offset < -OFFSET_LIMIT || offset > OFFSET_LIMIT)
            return false;
    }
    return true;
}

/* false: bytes that make no sense. */
static bool read_file(const unsigned char *bytes, size_t length, struct jb_zone *zone) {
    struct header header;
    int version;
    size_t width = 4;
    if (!read_header(bytes, length, &header, &version))
        return false;
    bytes += 44, length -= 44;
    if (version >= 2) { /* the same again with 8 bytes a time */
        size_t skipped = body_size(&header, 4);
        if (skipped > length || !read_header(bytes + skipped, length - skipped, &header, &version))
            return false;
        bytes += skipped + 44, length -= skipped + 44, width = 8;
    }
    size_t size = body_size(&header, width);
    zone->times_s = calloc(header.time_count + 1, sizeof *zone->times_s);
    zone->offsets = calloc(header.time_count + 1, sizeof *zone->offsets);
    if (size > length || !zone->times_s || !zone->offsets || !read_body(bytes, &header, width, zone))
        return false;
    bytes += size, length -= size;
    char rule[128] = "";
    if (version >= 2) {
        const unsigned char *end =
            length > 1 && bytes[0] == '\n' ? memchr(bytes + 1, '\n', length - 1) : NULL;
        if (!end || (size_t)(end - bytes) >= sizeof rule)
            return false;
        memcpy(rule, bytes + 1, (size_t)(end - bytes) - 1);
    }
    return !rule[0] || read_rule(rule, &zone->rule);
}

enum jb_code jb_zone_parse(const void *bytes, size_t length, const char *name, struct jb_error *error,
                           struct jb_zone **ret_zone) {
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = calloc(1, sizeof *zone);
    if (!zone)
        return jb_error_set(error, JB_MEMORY, "no memory for a time zone");
    if (!read_file(bytes, length, zone))
        return jb_error_set(error, JB_INPUT, "%s is no time zone file (TZif, RFC 8536)", name);
    *ret_zone = JB_TAKE(zone);
    return JB_OK;
}

enum jb_code jb_zone_parse_rule(const char *rule, struct jb_error *error, struct jb_zone **ret_zone) {
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = calloc(1, sizeof *zone);
    if (!zone)
        return jb_error_set(error, JB_MEMORY, "no memory for a time zone");
    if (!read_rule(rule, &zone->rule))
        return jb_error_set(error, JB_INPUT,
                            "'%.60s' is no time zone; name one such as Europe/Madrid, or a rule such as "
                            "CET-1CEST,M3.5.0,M10.5.0/3",
                            rule);
    *ret_zone = JB_TAKE(zone);
    return JB_OK;
}

/* Whether a name may be looked for as a file: no way out of the folder. */
static bool is_file_name(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length < 100 && name[0] != '/' && name[0] != '.' && !strstr(name, "..") &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == length;
}

enum jb_code jb_zone_load(const char *name, struct jb_error *error, struct jb_zone **ret_zone) {
    const char *folder = getenv("TZDIR");
    char path[PATH_MAX];
    _cleanup_fclose_ FILE *file = NULL;
    if (strcmp(name, "UTC") == 0)
        return jb_zone_parse_rule("UTC0", error, ret_zone);
    if (is_file_name(name) &&
        (size_t)snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo",
                         name) < sizeof path)
        file = fopen(path, "re");
    if (!file) {
        enum jb_code code = jb_zone_parse_rule(name, error, ret_zone);
        if (code == JB_INPUT && is_file_name(name) && access("/usr/share/zoneinfo", R_OK) != 0 && !folder)
            jb_error_set(error, JB_INPUT,
                         "time zone '%.60s' cannot be looked up: this machine has no /usr/share/zoneinfo; "
                         "install the package tzdata, or give a rule such as CET-1CEST,M3.5.0,M10.5.0/3",
                         name);
        return code;
    }
    _cleanup_free_ char *bytes = malloc(JB_ZONE_FILE_CEILING);
    if (!bytes)
        return jb_error_set(error, JB_MEMORY, "no memory for a time zone");
    size_t length = fread(bytes, 1, JB_ZONE_FILE_CEILING, file);
    if (ferror(file))
        return jb_error_set(error, JB_INPUT, "'%.60s' is no time zone", name);
    return jb_zone_parse(bytes, length, name, error, ret_zone);
}

int32_t jb_zone_offset_s(const struct jb_zone *zone, int64_t utc_s) {
    size_t low = 0, high = zone->count; /* the number of changes up to utc_s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->times_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->rule.exists)
        return rule_offset(&zone->rule, utc_s);
    return low ? zone->offsets[low - 1] : zone->first_s;
}

size_t jb_zone_to_utc(const struct jb_zone *zone, int64_t local_ns, int64_t ret_ns[static 2]) {
    int64_t local_s = jb_time_floor(local_ns, JB_SECOND_NS) / JB_SECOND_NS;
    int32_t offsets[2] = {jb_zone_offset_s(zone, local_s - DAY_S), jb_zone_offset_s(zone, local_s + DAY_S)};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        if ((i && offsets[1] == offsets[0]) || jb_zone_offset_s(zone, local_s - offsets[i]) != offsets[i])
            continue;
        ret_ns[count++] = local_ns - offsets[i] * JB_SECOND_NS;
    }
    if (count == 2 && ret_ns[0] > ret_ns[1]) {
        int64_t later_ns = ret_ns[0];
        ret_ns[0] = ret_ns[1];
        ret_ns[1] = later_ns;
    }
    return count;
}
