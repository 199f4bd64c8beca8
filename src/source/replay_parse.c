/* The parser of recorded readings: header lines that describe domains, then time-stamped values. */
#include "source/replay_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/strings.h"
#include "types/account.h"
#include "types/flow.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE     4096
#define ID_PREFIX     "replay/"
#define FIELD_CEILING 4

struct parser {
    struct jb_replay *replay;
    struct jb_strings *ids; /* of domains, in the order of the file */
    const char *name;
    size_t line;
    bool has_version, in_records;
    struct jb_error *error;
};

#define FAIL(parser, ...) fail((parser), JB_INPUT, __VA_ARGS__)

static enum jb_code fail(const struct parser *parser, enum jb_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum jb_code fail(const struct parser *parser, enum jb_code code, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return jb_error_set(parser->error, code, "%s:%zu: %s", parser->name, parser->line, text);
}

static enum jb_code parse_uint64(const struct parser *parser, const char *what, const char *text,
                                 uint64_t *ret_value) {
    struct jb_error reason = {0};
    if (jb_uint64_parse(text, &reason, ret_value))
        return FAIL(parser, "%s: %s", what, reason.message);
    return JB_OK;
}

/* Seconds with up to nine decimals. */
static enum jb_code parse_seconds(const struct parser *parser, const char *what, const char *text,
                                  int64_t *ret_ns) {
    struct jb_error reason = {0};
    int64_t value_ns;
    if (jb_decimal_parse(text, JB_SECOND_NS, &reason, &value_ns))
        return FAIL(parser, "%s: %s", what, reason.message);
    if (value_ns < 0)
        return FAIL(parser, "%s: seconds may not be negative", what);
    *ret_ns = value_ns;
    return JB_OK;
}

/* Index of text in names (ends with NULL), or -1. */
static int find_name(const char *const *names, const char *text) {
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], text) == 0)
            return i;
    }
    return -1;
}

static bool is_safe(const char *text, size_t ceiling) {
    size_t length = strlen(text);
    return length > 0 && length < ceiling && text[0] != '/' && text[length - 1] != '/' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-/") == length;
}

static enum jb_code parse_kind(const struct parser *parser, const char *value, struct jb_domain *domain) {
    for (int kind = JB_FACILITY; kind <= JB_ACCELERATOR; kind++) {
        if (strcmp(value, jb_domain_kind_name((enum jb_domain_kind)kind)) == 0) {
            domain->kind = (enum jb_domain_kind)kind;
            return JB_OK;
        }
    }
    return FAIL(parser,
                "kind '%s' is none of facility, node, psys, package, core, uncore, dram, gpu, accelerator",
                value);
}

static enum jb_code parse_word(const struct parser *parser, const char *key, const char *value,
                               struct jb_domain *domain, struct replay_track *track) {
    static const char *const forms[] = {"counter", "gauge", NULL};
    static const char *const states[] = {"ok", "duplicate", "denied", "disabled", NULL};
    static const char *const plays[] = {"step", "linear", NULL};
    int index;
    if (strcmp(key, "kind") == 0)
        return parse_kind(parser, value, domain);
    if (strcmp(key, "form") == 0) {
        if ((index = find_name(forms, value)) < 0)
            return FAIL(parser, "form '%s' is neither counter nor gauge", value);
        domain->form = (enum jb_domain_form)index;
    } else if (strcmp(key, "state") == 0) {
        if ((index = find_name(states, value)) < 0)
            return FAIL(parser, "state '%s' is none of ok, duplicate, denied, disabled", value);
        domain->state = (enum jb_domain_state)index;
    } else if (strcmp(key, "play") == 0) {
        if ((index = find_name(plays, value)) < 0)
            return FAIL(parser, "play '%s' is neither linear nor step", value);
        track->is_linear = index == 1;
    } else if (strcmp(key, "method") == 0) {
        struct jb_error reason = {0};
        if (jb_method_parse(value, &reason, &domain->method) ||
            (domain->method != JB_MEASURED && domain->method != JB_MODELLED))
            return FAIL(parser, "method '%s' is neither measured nor modelled", value);
    } else if (strcmp(key, "parent") == 0) {
        uint32_t parent = jb_strings_find(parser->ids, value);
        if (parent == JB_STRING_NONE)
            return FAIL(parser, "parent '%s' is no domain above this line", value);
        domain->parent = (int32_t)parent;
    } else if (strcmp(key, "account") == 0) {
        if (!is_safe(value, sizeof domain->account) || strchr(value, '/') || jb_account_validate(value, NULL))
            return FAIL(parser, "account '%s' is not 1 to %zu of A-Z a-z 0-9 . _ : -", value,
                        sizeof domain->account - 1);
        strcpy(domain->account, value);
    } else if (strcmp(key, "name") == 0) {
        snprintf(domain->name, sizeof domain->name, "%s", value);
    } else if (strcmp(key, "note") == 0) {
        snprintf(domain->note, sizeof domain->note, "%s", value);
    } else if (strcmp(key, "from_s") == 0) {
        return parse_seconds(parser, key, value, &track->from_ns);
    } else if (strcmp(key, "until_s") == 0) {
        return parse_seconds(parser, key, value, &track->until_ns);
    } else {
        return FAIL(parser, "a domain has no '%s'", key);
    }
    return JB_OK;
}

static enum jb_code parse_property(const struct parser *parser, const char *key, const char *value,
                                   struct jb_domain *domain, struct replay_track *track) {
    const struct {
        const char *key;
        uint64_t *value;
    } numbers[] = {
        {"wrap_uj", &domain->wrap_modulus_uj},
        {"resolution", &domain->resolution},
        {"power_max_uw", &domain->power_max_uw},
        {"idle_uw", &domain->idle_uw},
        {"rate_uw", &track->rate_uw},
        {"start_uj", &track->start_uj},
    };
    for (size_t i = 0; i < JB_COUNT(numbers); i++) {
        if (strcmp(key, numbers[i].key) == 0) {
            track->has_rate = track->has_rate || numbers[i].value == &track->rate_uw;
            return parse_uint64(parser, key, value, numbers[i].value);
        }
    }
    if (strcmp(key, "uncertainty_ppm") == 0) {
        uint64_t number;
        enum jb_code code = parse_uint64(parser, key, value, &number);
        if (!code && number >= JB_UNCERTAINTY_UNKNOWN)
            return FAIL(parser, "uncertainty_ppm is too large");
        if (!code)
            domain->uncertainty_ppm = (uint32_t)number;
        return code;
    }
    return parse_word(parser, key, value, domain, track);
}

/* Cuts the next token off *cursor: key=value, where value may stand in double quotes. NULL at the end. */
static enum jb_code next_token(const struct parser *parser, char **cursor, char **ret_key, char **ret_value) {
    char *at = *cursor + strspn(*cursor, " \t");
    *ret_key = NULL;
    *ret_value = NULL;
    if (!*at) {
        *cursor = at;
        return JB_OK;
    }
    *ret_key = at;
    at += strcspn(at, " \t=");
    if (*at != '=') {
        if (*at)
            *at++ = '\0';
        *cursor = at;
        return JB_OK;
    }
    *at++ = '\0';
    if (*at == '"') {
        *ret_value = ++at;
        at += strcspn(at, "\"");
        if (*at != '"' || (at[1] && !strchr(" \t", at[1])))
            return FAIL(parser, "%s: a quoted value ends with a double quote and a space", *ret_key);
    } else {
        *ret_value = at;
        at += strcspn(at, " \t");
    }
    if (*at)
        *at++ = '\0';
    *cursor = at;
    return JB_OK;
}

/* An account for a domain that names none: cpu0, cpu1, dram0, gpu0, node, psys … by order in the file. */
static void default_account(const struct jb_replay *replay, struct jb_domain *domain) {
    unsigned number = 0;
    for (size_t i = 0; i < replay->domain_count; i++)
        number += replay->domains[i].kind == domain->kind;
    const char *stem = domain->kind == JB_PACKAGE ? "cpu" : jb_domain_kind_name(domain->kind);
    if (number == 0 && (domain->kind == JB_FACILITY || domain->kind == JB_NODE || domain->kind == JB_PSYS))
        snprintf(domain->account, sizeof domain->account, "%s", stem);
    else
        snprintf(domain->account, sizeof domain->account, "%s%u", stem, number);
}

static enum jb_code check_domain(const struct parser *parser, const struct jb_domain *domain,
                                 const struct replay_track *track) {
    if (domain->form == JB_GAUGE && (domain->wrap_modulus_uj || track->start_uj))
        return FAIL(parser, "a gauge has neither wrap_uj nor start_uj");
    if (domain->wrap_modulus_uj && track->start_uj >= domain->wrap_modulus_uj)
        return FAIL(parser, "start_uj must be below wrap_uj");
    if (track->from_ns >= track->until_ns)
        return FAIL(parser, "from_s must be before until_s");
    return JB_OK;
}

static enum jb_code parse_domain(struct parser *parser, char *cursor) {
    struct jb_replay *replay = parser->replay;
    struct jb_domain domain = {.parent = -1, .uncertainty_ppm = JB_UNCERTAINTY_UNKNOWN};
    struct replay_track track = {.until_ns = INT64_MAX, .is_linear = true};
    char *id, *key, *value;
    bool has_kind = false;
    enum jb_code code = next_token(parser, &cursor, &id, &value);
    if (code)
        return code;
    if (!id || value || !is_safe(id, sizeof domain.id - strlen(ID_PREFIX)))
        return FAIL(parser, "'domain' wants an id of A-Z a-z 0-9 . _ : - / first");
    if (jb_strings_find(parser->ids, id) != JB_STRING_NONE)
        return FAIL(parser, "domain '%s' is there already", id);
    snprintf(domain.id, sizeof domain.id, ID_PREFIX "%s", id);
    snprintf(domain.name, sizeof domain.name, "%s", id);
    for (;;) {
        code = next_token(parser, &cursor, &key, &value);
        if (code)
            return code;
        if (!key)
            break;
        if (!value)
            return FAIL(parser, "'%s' wants a value: %s=…", key, key);
        code = parse_property(parser, key, value, &domain, &track);
        if (code)
            return code;
        has_kind = has_kind || strcmp(key, "kind") == 0;
    }
    if (!has_kind)
        return FAIL(parser, "domain '%s' wants kind=…", id);
    code = check_domain(parser, &domain, &track);
    if (code)
        return code;
    if (!domain.account[0])
        default_account(replay, &domain);
    uint32_t index;
    code = jb_array_reserve(&replay->domains, &replay->domain_capacity, replay->domain_count + 1,
                            JB_REPLAY_DOMAIN_CEILING, "domains", parser->error);
    if (!code)
        code = jb_array_reserve(&replay->tracks, &replay->track_capacity, replay->domain_count + 1,
                                JB_REPLAY_DOMAIN_CEILING, "domains", parser->error);
    if (!code)
        code = jb_strings_intern(parser->ids, id, parser->error, &index);
    if (code)
        return code == JB_LIMIT ? fail(parser, code, "more than %zu domains", JB_REPLAY_DOMAIN_CEILING)
                                : code;
    replay->domains[replay->domain_count] = domain;
    replay->tracks[replay->domain_count] = track;
    replay->domain_count++;
    return JB_OK;
}

static enum jb_code parse_header(struct parser *parser, char *line) {
    char *key, *value, *cursor = line;
    enum jb_code code = next_token(parser, &cursor, &key, &value);
    if (code)
        return code;
    assert(key); /* lines of blanks were skipped */
    if (!parser->has_version) {
        if (strcmp(line, "joulebook-replay") != 0 || value || strcmp(cursor, "1") != 0)
            return FAIL(parser, "the first line must be 'joulebook-replay 1'");
        parser->has_version = true;
        return JB_OK;
    }
    if (!value && strcmp(key, "domain") == 0)
        return parse_domain(parser, cursor);
    if (!value && strcmp(key, "origin") == 0) {
        if (strcmp(cursor, "open") == 0) {
            parser->replay->origin = JB_REPLAY_ORIGIN_OPEN;
            return JB_OK;
        }
        parser->replay->origin = JB_REPLAY_ORIGIN_BOOT;
        return parse_seconds(parser, "origin", cursor, &parser->replay->origin_ns);
    }
    if (!value && strcmp(key, "loop") == 0) {
        code = parse_seconds(parser, "loop", cursor, &parser->replay->loop_ns);
        if (!code && parser->replay->loop_ns == 0)
            return FAIL(parser, "loop must be more than 0 seconds");
        return code;
    }
    return FAIL(parser, "'%s' is none of origin, loop, domain, or the line 'time,domain,value'", key);
}

static enum jb_code parse_value(const struct parser *parser, const char *text, const struct jb_domain *domain,
                                const struct replay_track *track, struct replay_record *record) {
    static const char *const states[] = {"ok", "none", "denied", "gone", NULL};
    int state = find_name(states, text);
    if (state > 0 || (state == 0 && track->has_rate)) {
        record->state = (enum jb_reading_state)state;
        return JB_OK;
    }
    if (track->has_rate)
        return FAIL(parser, "value of a domain with rate_uw is ok, none, denied or gone, not '%s'", text);
    record->state = JB_READING_OK;
    record->has_value = true;
    enum jb_code code = parse_uint64(parser, "value", text, &record->value);
    if (!code && domain->wrap_modulus_uj && record->value >= domain->wrap_modulus_uj)
        return FAIL(parser, "value %s is not below wrap_uj", text);
    return code;
}

static enum jb_code parse_record(struct parser *parser, char *line) {
    struct jb_replay *replay = parser->replay;
    char *fields[FIELD_CEILING];
    size_t count = 0;
    struct replay_record record = {.base = REPLAY_NO_BASE, .next = REPLAY_NO_BASE};
    for (char *cursor = line; cursor;) {
        if (count == FIELD_CEILING)
            return FAIL(parser, "more than %d fields; wanted time,domain,value[,epoch]", FIELD_CEILING);
        fields[count++] = strsep(&cursor, ",");
    }
    if (count < 3)
        return FAIL(parser, "wanted time,domain,value[,epoch]");
    uint32_t index = jb_strings_find(parser->ids, fields[1]);
    if (index == JB_STRING_NONE)
        return FAIL(parser, "domain '%s' is not declared above", fields[1]);
    struct replay_track *track = &replay->tracks[index];
    enum jb_code code = parse_seconds(parser, "time", fields[0], &record.time_ns);
    if (!code)
        code = parse_value(parser, fields[2], &replay->domains[index], track, &record);
    if (!code && count > 3)
        code = parse_uint64(parser, "epoch", fields[3], &record.epoch);
    if (code)
        return code;
    if (count > 3 && !record.has_value)
        return FAIL(parser, "only a value has an epoch");
    if (replay->loop_ns && record.time_ns >= replay->loop_ns)
        return FAIL(parser, "time is not below loop");
    if (track->record_count && record.time_ns <= track->records[track->record_count - 1].time_ns)
        return FAIL(parser, "times of one domain must ascend");
    if (replay->record_total >= JB_REPLAY_RECORD_CEILING)
        return fail(parser, JB_LIMIT, "more than %zu readings", JB_REPLAY_RECORD_CEILING);
    code = jb_array_reserve(&track->records, &track->record_capacity, track->record_count + 1,
                            JB_REPLAY_RECORD_CEILING, "readings", parser->error);
    if (code)
        return code;
    track->records[track->record_count++] = record;
    replay->record_total++;
    return JB_OK;
}

static enum jb_code parse_line(struct parser *parser, char *line) {
    if (parser->in_records)
        return parse_record(parser, line);
    if (parser->has_version &&
        (strcmp(line, "time,domain,value") == 0 || strcmp(line, "time,domain,value,epoch") == 0)) {
        parser->in_records = true;
        return JB_OK;
    }
    return parse_header(parser, line);
}

/* Links the records of one track, and sums what a turn of the loop adds. */
static enum jb_code finish_track(const struct parser *parser, const struct jb_domain *domain,
                                 struct replay_track *track) {
    size_t base = REPLAY_NO_BASE;
    for (size_t i = 0; i < track->record_count; i++) {
        struct replay_record *record = &track->records[i];
        if (record->has_value) {
            if (base != REPLAY_NO_BASE) {
                struct replay_record *before = &track->records[base];
                before->next = i;
                track->cycle_uj += jb_replay_growth(domain, before, record);
                bool restarts = before->epoch != record->epoch ||
                                (record->value < before->value && !domain->wrap_modulus_uj);
                if (parser->replay->loop_ns && domain->form == JB_COUNTER && restarts)
                    return jb_error_set(parser->error, JB_INPUT,
                                        "%s: counter '%s' restarts within the loop; take out 'loop'",
                                        parser->name, domain->name);
            }
            base = i;
        }
        record->base = base;
    }
    return JB_OK;
}

static enum jb_code parse_all(struct parser *parser, const char *bytes, size_t length) {
    char line[LINE_SIZE];
    for (size_t start = 0; start < length;) {
        const char *newline = memchr(bytes + start, '\n', length - start);
        size_t end = newline ? (size_t)(newline - bytes) : length;
        size_t size = end - start;
        parser->line++;
        if (size >= sizeof line)
            return fail(parser, JB_LIMIT, "line of more than %d bytes", LINE_SIZE - 1);
        memcpy(line, bytes + start, size);
        while (size && (line[size - 1] == '\r' || line[size - 1] == ' ' || line[size - 1] == '\t'))
            size--;
        line[size] = '\0';
        start = end + 1;
        for (size_t i = 0; i < size; i++) {
            if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
                return FAIL(parser, "control character in the line; this is a text format");
        }
        if (size == 0 || line[0] == '#')
            continue;
        enum jb_code code = parse_line(parser, line);
        if (code)
            return code;
    }
    if (!parser->has_version)
        return jb_error_set(parser->error, JB_INPUT, "%s: empty; the first line must be 'joulebook-replay 1'",
                            parser->name);
    if (parser->replay->domain_count == 0)
        return jb_error_set(parser->error, JB_INPUT, "%s: no 'domain' line", parser->name);
    for (size_t i = 0; i < parser->replay->domain_count; i++) {
        enum jb_code code = finish_track(parser, &parser->replay->domains[i], &parser->replay->tracks[i]);
        if (code)
            return code;
    }
    return JB_OK;
}

enum jb_code jb_replay_parse(const char *bytes, size_t length, const char *name, struct jb_error *error,
                             struct jb_replay **ret_replay) {
    _cleanup_(jb_replay_free_cleanup) struct jb_replay *replay = calloc(1, sizeof *replay);
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *ids = NULL;
    if (!replay)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    enum jb_code code = jb_strings_make(JB_REPLAY_DOMAIN_CEILING, error, &ids);
    if (code)
        return code;
    struct parser parser = {.replay = replay, .ids = ids, .name = name, .error = error};
    code = parse_all(&parser, bytes, length);
    if (code)
        return code;
    *ret_replay = JB_TAKE(replay);
    return JB_OK;
}
