/* The texts that /proc and cgroup files hold, taken apart. */
#include "load/proc.h"

#include <string.h>

#define NS_PER_SECOND UINT64_C(1000000000)

uint64_t jb_ticks_ns(uint64_t ticks, uint64_t user_hz) {
    unsigned __int128 ns = (unsigned __int128)ticks * NS_PER_SECOND / user_hz;
    return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static const char *line_end(const char *cursor, const char *end) {
    const char *newline = memchr(cursor, '\n', (size_t)(end - cursor));
    return newline ? newline : end;
}

static void skip_blanks(const char **cursor, const char *end) {
    while (*cursor < end && (**cursor == ' ' || **cursor == '\t'))
        (*cursor)++;
}

/* The number at *cursor (blanks before it allowed), which a blank, a newline or the end must follow. */
static bool take_number(const char **cursor, const char *end, uint64_t *ret) {
    skip_blanks(cursor, end);
    uint64_t value = 0;
    const char *start = *cursor;
    const char *at = start;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    if (at == start || (at < end && *at != ' ' && *at != '\t' && *at != '\n'))
        return false;
    *cursor = at;
    *ret = value;
    return true;
}

static bool take_word(const char **cursor, const char *end, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(end - *cursor) < length || memcmp(*cursor, word, length) != 0)
        return false;
    *cursor += length;
    return true;
}

static uint64_t add_saturated(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

enum jb_code jb_proc_stat_parse(const char *text, size_t length, uint64_t user_hz, struct jb_error *error,
                                struct jb_host_usage *ret) {
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };
    uint64_t ticks[COLUMNS] = {0};
    bool found = false;
    uint32_t cpu_count = 0;
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = line_end(line, end);
        const char *cursor = line;
        line = stop < end ? stop + 1 : end;
        if (!take_word(&cursor, stop, "cpu"))
            continue;
        if (cursor < stop && *cursor >= '0' && *cursor <= '9') {
            cpu_count++;
        } else if (cursor < stop && *cursor == ' ' && !found) {
            size_t columns = 0;
            while (columns < COLUMNS && take_number(&cursor, stop, &ticks[columns]))
                columns++;
            skip_blanks(&cursor, stop);
            if (columns <= IDLE || (columns < COLUMNS && cursor < stop))
                return jb_error_set(error, JB_INPUT, "the cpu line has %s: '%.*s'",
                                    columns <= IDLE ? "fewer than four numbers"
                                                    : "something else than numbers",
                                    (int)(stop - cursor < 40 ? stop - cursor : 40), cursor);
            found = true;
        }
    }
    if (!found)
        return jb_error_set(error, JB_INPUT, "no line that begins with 'cpu '");
    uint64_t busy = add_saturated(add_saturated(ticks[USER], ticks[NICE]), ticks[SYSTEM]);
    ret->busy_ns = jb_ticks_ns(busy, user_hz);
    ret->interrupt_ns = jb_ticks_ns(add_saturated(ticks[IRQ], ticks[SOFTIRQ]), user_hz);
    ret->steal_ns = jb_ticks_ns(ticks[STEAL], user_hz);
    ret->idle_ns = jb_ticks_ns(add_saturated(ticks[IDLE], ticks[IOWAIT]), user_hz);
    ret->cpu_count = cpu_count;
    return JB_OK;
}

enum jb_code jb_proc_meminfo_parse(const char *text, size_t length, struct jb_error *error,
                                   uint64_t *ret_total_bytes, uint64_t *ret_available_bytes) {
    static const char *const names[] = {"MemTotal:", "MemAvailable:", "MemFree:", "Buffers:", "Cached:"};
    enum { TOTAL, AVAILABLE, FREE, BUFFERS, CACHED, NAMES };
    uint64_t kib[NAMES] = {0};
    bool found[NAMES] = {0};
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = line_end(line, end);
        for (size_t i = 0; i < NAMES; i++) {
            const char *cursor = line;
            if (!found[i] && take_word(&cursor, stop, names[i]))
                found[i] = take_number(&cursor, stop, &kib[i]) && kib[i] <= UINT64_MAX / 4096;
        }
        line = stop < end ? stop + 1 : end;
    }
    if (!found[TOTAL])
        return jb_error_set(error, JB_INPUT, "no MemTotal with a number");
    uint64_t available = found[AVAILABLE] ? kib[AVAILABLE] : kib[FREE] + kib[BUFFERS] + kib[CACHED];
    *ret_total_bytes = kib[TOTAL] * 1024;
    *ret_available_bytes = (available < kib[TOTAL] ? available : kib[TOTAL]) * 1024;
    return JB_OK;
}

/* "1234 (comm) S 1 …": comm may hold anything, so the last ')' ends it and fields are counted from there. */
enum jb_code jb_proc_pid_stat_parse(const char *text, size_t length, struct jb_error *error,
                                    struct jb_proc_pid_stat *ret) {
    enum { STATE = 3, PARENT = 4, FLAGS = 9, UTIME = 14, STIME = 15, START = 22 };
    const char *open = memchr(text, '(', length);
    const char *close = memrchr(text, ')', length);
    if (!open || !close || close < open)
        return jb_error_set(error, JB_INPUT, "no (name) in it");
    struct jb_proc_pid_stat result = {0};
    size_t comm_length = (size_t)(close - open - 1);
    if (comm_length >= sizeof result.comm)
        comm_length = sizeof result.comm - 1; /* the kernel's own names of workers may be longer */
    memcpy(result.comm, open + 1, comm_length);
    const char *cursor = close + 1, *end = text + length;
    for (int field = STATE; field <= START; field++) {
        skip_blanks(&cursor, end);
        const char *start = cursor;
        while (cursor < end && *cursor != ' ' && *cursor != '\n')
            cursor++;
        if (cursor == start)
            return jb_error_set(error, JB_INPUT, "ends before field %d of %d", field, START);
        if (field != PARENT && field != FLAGS && field != UTIME && field != STIME && field != START)
            continue;
        uint64_t value;
        if (!take_number(&start, cursor, &value))
            return jb_error_set(error, JB_INPUT, "field %d is not a whole number", field);
        if (field == PARENT)
            result.parent_pid = value <= INT32_MAX ? (int32_t)value : 0;
        else if (field == FLAGS)
            result.flags = value;
        else if (field == START)
            result.start_ticks = value;
        else
            result.cpu_ticks = add_saturated(result.cpu_ticks, value);
    }
    *ret = result;
    return JB_OK;
}

bool jb_list_has(const char *list, size_t length, const char *word) {
    size_t word_length = strlen(word);
    const char *end = list + length;
    while (list < end) {
        const char *comma = memchr(list, ',', (size_t)(end - list));
        const char *stop = comma ? comma : end;
        if ((size_t)(stop - list) == word_length && memcmp(list, word, word_length) == 0)
            return true;
        list = comma ? comma + 1 : end;
    }
    return false;
}

/* "4:cpu,cpuacct:/path": number, controllers, path; the kernel refuses names with a newline. */
enum jb_code jb_proc_pid_cgroup_parse(const char *text, size_t length, const char *controller, char *ret,
                                      size_t size, struct jb_error *error) {
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = line_end(line, end);
        const char *first = memchr(line, ':', (size_t)(stop - line));
        const char *second = first ? memchr(first + 1, ':', (size_t)(stop - first - 1)) : NULL;
        if (second) {
            size_t list_length = (size_t)(second - first - 1), path_length = (size_t)(stop - second - 1);
            bool matches = *controller ? jb_list_has(first + 1, list_length, controller)
                                       : list_length == 0 && first - line == 1 && *line == '0';
            if (matches && path_length > 0 && second[1] == '/') {
                if (path_length >= size || memchr(second + 1, '\0', path_length))
                    return jb_error_set(error, JB_LIMIT, "a cgroup path of %zu bytes", path_length);
                memcpy(ret, second + 1, path_length);
                ret[path_length] = '\0';
                return JB_OK;
            }
        }
        line = stop < end ? stop + 1 : end;
    }
    return jb_error_set(error, JB_NO_DATA, "no cgroup of %s",
                        *controller ? controller : "the unified hierarchy");
}

enum jb_code jb_cgroup_cpu_stat_parse(const char *text, size_t length, struct jb_error *error,
                                      uint64_t *ret_cpu_ns) {
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = line_end(line, end), *cursor = line;
        uint64_t usec;
        if (take_word(&cursor, stop, "usage_usec ")) {
            if (!take_number(&cursor, stop, &usec) || usec > UINT64_MAX / 1000)
                return jb_error_set(error, JB_INPUT, "usage_usec is not a whole number in range");
            *ret_cpu_ns = usec * 1000;
            return JB_OK;
        }
        line = stop < end ? stop + 1 : end;
    }
    return jb_error_set(error, JB_INPUT, "no usage_usec in it");
}

/* A blank-separated field, with \040 and the like turned back into bytes. False when it is missing or does
 * not fit. */
static bool take_field(const char **cursor, const char *end, char *ret, size_t size) {
    skip_blanks(cursor, end);
    size_t length = 0;
    const char *at = *cursor;
    for (; at < end && *at != ' '; length++) {
        if (length + 1 >= size)
            return false;
        bool octal = end - at >= 4 && at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' &&
                     at[2] <= '7' && at[3] >= '0' && at[3] <= '7';
        ret[length] = *at;
        if (octal)
            ret[length] = (char)(((at[1] - '0') << 6) | ((at[2] - '0') << 3) | (at[3] - '0'));
        if (ret[length] == '\0')
            return false;
        at += octal ? 4 : 1;
    }
    ret[length] = '\0';
    *cursor = at;
    return length > 0;
}

/* "36 35 98:0 /root /point rw,noatime master:1 - cgroup2 cgroup2 rw,nsdelegate" */
static bool parse_mount(const char *cursor, const char *end, struct jb_mount *ret) {
    char ignored[4096];
    for (int i = 0; i < 3; i++) {
        if (!take_field(&cursor, end, ignored, sizeof ignored))
            return false;
    }
    if (!take_field(&cursor, end, ret->root, sizeof ret->root) ||
        !take_field(&cursor, end, ret->point, sizeof ret->point))
        return false;
    do {
        if (!take_field(&cursor, end, ignored, sizeof ignored))
            return false;
    } while (strcmp(ignored, "-") != 0);
    return take_field(&cursor, end, ret->type, sizeof ret->type) &&
           take_field(&cursor, end, ignored, sizeof ignored) &&
           take_field(&cursor, end, ret->options, sizeof ret->options);
}

bool jb_mountinfo_next(const char **cursor, const char *end, struct jb_mount *ret) {
    while (*cursor < end) {
        const char *line = *cursor, *stop = line_end(line, end);
        *cursor = stop < end ? stop + 1 : end;
        if (parse_mount(line, stop, ret))
            return true;
    }
    return false;
}
