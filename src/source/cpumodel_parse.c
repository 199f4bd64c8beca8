/* Reads what the cpumodel source needs from /proc/cpuinfo and /proc/stat. Pure: bytes in, facts out. */
#include "source/cpumodel.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SOCKET_CEILING 4096

/* A line of /proc/cpuinfo: "key<tabs>: value". */
struct line {
    const char *key, *value;
    size_t key_length, value_length;
};

/* Takes one line off *text; false at the end. A line without ':' has an empty key. */
static bool next_line(const char **text, size_t *length, struct line *ret_line) {
    if (*length == 0)
        return false;
    const char *end = memchr(*text, '\n', *length);
    size_t whole = end ? (size_t)(end - *text) : *length;
    const char *colon = memchr(*text, ':', whole);
    struct line line = {.key = *text, .value = *text};
    if (colon) {
        line.key_length = (size_t)(colon - *text);
        while (line.key_length > 0 && isspace((unsigned char)line.key[line.key_length - 1]))
            line.key_length--;
        line.value = colon + 1;
        line.value_length = whole - (size_t)(line.value - *text);
        while (line.value_length > 0 && *line.value == ' ') {
            line.value++;
            line.value_length--;
        }
    }
    size_t used = end ? whole + 1 : whole;
    *text += used;
    *length -= used;
    *ret_line = line;
    return true;
}

static bool key_is(const struct line *line, const char *key) {
    return strlen(key) == line->key_length && memcmp(key, line->key, line->key_length) == 0;
}

static void copy_value(const struct line *line, char *ret, size_t size) {
    snprintf(ret, size, "%.*s", (int)(line->value_length < size ? line->value_length : size - 1),
             line->value);
}

/* Decimal or 0x… digits at the start of the value; 0 when there are none or too many. */
static uint32_t number_of(const struct line *line) {
    const char *digits = line->value, *end = line->value + line->value_length;
    unsigned base = 10;
    if (end - digits > 2 && digits[0] == '0' && digits[1] == 'x') {
        base = 16;
        digits += 2;
    }
    uint64_t value = 0;
    for (; digits < end && isxdigit((unsigned char)*digits) && value <= UINT32_MAX; digits++) {
        unsigned digit = *digits <= '9' ? (unsigned)(*digits - '0') : ((unsigned)*digits | 32U) - 'a' + 10;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    return value <= UINT32_MAX ? (uint32_t)value : 0;
}

static bool has_word(const struct line *line, const char *word) {
    size_t length = strlen(word);
    const char *at = line->value, *end = line->value + line->value_length;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        size_t this_length = space ? (size_t)(space - at) : (size_t)(end - at);
        if (this_length == length && memcmp(at, word, length) == 0)
            return true;
        at += this_length + 1;
    }
    return false;
}

void jb_cpu_identity_parse(const char *text, size_t length, struct jb_cpu_identity *ret_identity) {
    struct jb_cpu_identity identity = {0};
    uint8_t sockets[SOCKET_CEILING / 8] = {0};
    struct line line;
    unsigned seen = 0; /* the first CPU speaks for all (big.LITTLE: the first cluster) */
    enum { VENDOR = 1, FAMILY = 2, MODEL = 4, STEPPING = 8, NAME = 16, FLAGS = 32 };
    while (next_line(&text, &length, &line)) {
        if (!(seen & VENDOR) && key_is(&line, "vendor_id")) {
            copy_value(&line, identity.vendor, sizeof identity.vendor);
            seen |= VENDOR;
        } else if (!(seen & VENDOR) && key_is(&line, "CPU implementer")) {
            snprintf(identity.vendor, sizeof identity.vendor, "arm/0x%02x", number_of(&line));
            seen |= VENDOR;
        } else if (!(seen & FAMILY) && (key_is(&line, "cpu family") || key_is(&line, "CPU architecture"))) {
            identity.family = number_of(&line);
            seen |= FAMILY;
        } else if (!(seen & MODEL) && (key_is(&line, "model") || key_is(&line, "CPU part"))) {
            identity.model = number_of(&line);
            seen |= MODEL;
        } else if (!(seen & STEPPING) && (key_is(&line, "stepping") || key_is(&line, "CPU revision"))) {
            identity.stepping = number_of(&line);
            seen |= STEPPING;
        } else if (!(seen & NAME) && (key_is(&line, "model name") || key_is(&line, "Model"))) {
            copy_value(&line, identity.model_name, sizeof identity.model_name);
            seen |= NAME;
        } else if (!(seen & FLAGS) && key_is(&line, "flags")) {
            identity.is_virtual = has_word(&line, "hypervisor");
            seen |= FLAGS;
        } else if (key_is(&line, "physical id")) {
            uint32_t id = number_of(&line);
            if (id < SOCKET_CEILING && !(sockets[id / 8] >> (id % 8) & 1)) {
                sockets[id / 8] |= (uint8_t)(1U << (id % 8));
                identity.socket_count++;
            }
        }
    }
    if (identity.socket_count == 0)
        identity.socket_count = 1;
    *ret_identity = identity;
}

/* Removes every `phrase` from text (lower case), up to the end of the text when to_end. */
static void cut(char *text, const char *phrase, bool to_end) {
    char *at;
    while ((at = strstr(text, phrase))) {
        if (to_end)
            *at = '\0';
        else
            memmove(at, at + strlen(phrase), strlen(at + strlen(phrase)) + 1);
    }
}

char *jb_cpu_name_normalise(const char *name, char *ret, size_t size) {
    size_t length = 0;
    for (; *name && length + 1 < size; name++) {
        char c = (char)tolower((unsigned char)*name);
        bool is_space = isspace((unsigned char)c);
        if (is_space && (length == 0 || ret[length - 1] == ' '))
            continue;
        ret[length++] = is_space ? ' ' : c;
    }
    ret[length] = '\0';
    cut(ret, "(r)", false);
    cut(ret, "(tm)", false);
    cut(ret, " @ ", true);
    cut(ret, " with radeon", true);
    cut(ret, " w/ radeon", true);
    cut(ret, " processor", false);
    cut(ret, " cpu", false);
    char *core = strstr(ret, "-core"); /* " 64-core", " 8-core" */
    if (core) {
        while (core > ret && isdigit((unsigned char)core[-1]))
            core--;
        if (core > ret && core[-1] == ' ')
            core[-1] = '\0';
    }
    char *generation = strstr(ret, "th gen "); /* "11th gen intel core …" */
    if (generation && generation - ret <= 2)
        memmove(ret, generation + 7, strlen(generation + 7) + 1);
    length = strlen(ret);
    while (length > 0 && ret[length - 1] == ' ')
        ret[--length] = '\0';
    return ret;
}

enum jb_code jb_cpu_stat_parse(const char *text, size_t length, struct jb_error *error,
                               struct jb_cpu_stat *ret_stat) {
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMN_COUNT };
    if (length < 4 || memcmp(text, "cpu ", 4) != 0)
        return jb_error_set(error, JB_INPUT, "/proc/stat does not begin with 'cpu'");
    const char *at = text + 3, *end = text + length;
    uint64_t columns[COLUMN_COUNT] = {0};
    size_t count = 0;
    while (count < COLUMN_COUNT && at < end && *at == ' ') {
        while (at < end && *at == ' ')
            at++;
        uint64_t value = 0;
        const char *digits = at;
        for (; at < end && isdigit((unsigned char)*at); at++) {
            if (__builtin_mul_overflow(value, 10U, &value) ||
                __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
                return jb_error_set(error, JB_INPUT, "/proc/stat: a number of its first line is too large");
        }
        if (at == digits)
            break;
        columns[count++] = value;
    }
    if (count <= IDLE)
        return jb_error_set(error, JB_INPUT, "/proc/stat: its first line has %zu numbers, not 4 or more",
                            count);
    struct jb_cpu_stat stat = {0};
    static const unsigned busy[] = {USER, NICE, SYSTEM, IRQ, SOFTIRQ, STEAL};
    for (size_t i = 0; i < sizeof busy / sizeof busy[0]; i++) {
        if (__builtin_add_overflow(stat.busy_ticks, columns[busy[i]], &stat.busy_ticks))
            return jb_error_set(error, JB_INPUT, "/proc/stat: a number of its first line is too large");
    }
    for (const char *line; (line = memchr(at, '\n', (size_t)(end - at))); at = line) {
        line++;
        if (end - line < 4 || memcmp(line, "cpu", 3) != 0 || !isdigit((unsigned char)line[3]))
            break;
        stat.cpu_count++;
    }
    *ret_stat = stat;
    return JB_OK;
}
