/* The readings behind a site's flows as text that is kept in the book, and back:
 *   joulebook site readings 1
 *   site NAME, revision N, grid ACCOUNT
 *   meter ROLE UNCERTAINTY ACCOUNT            (millionths)
 *   interval START END HOST_IN HOST_OUT       (ns since 1970; µJ)
 *   step METER AMOUNT [START END]             (of the interval above; the whole of it without times) */
#include "ledger/site.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEADING_FIRST "joulebook"
#define HEADING_REST  "site readings 1"

static const char *const role_names[JB_SITE_ROLE_COUNT] = {"facility", "generation", "it", "overhead"};

enum jb_code jb_site_write(const struct jb_site_readings *site, struct jb_buffer *text,
                           struct jb_error *error) {
    char in[JB_INT128_SIZE], out[JB_INT128_SIZE];
    jb_buffer_printf(text, HEADING_FIRST " " HEADING_REST "\nsite %s\nrevision %" PRIu64 "\ngrid %s\n",
                     site->name, site->revision, site->grid);
    for (size_t m = 0; m < site->meter_count; m++)
        jb_buffer_printf(text, "meter %s %" PRIu32 " %s\n", role_names[site->meters[m].role],
                         site->meters[m].uncertainty_ppm, site->meters[m].path);
    for (size_t i = 0; i < site->interval_count; i++) {
        const struct jb_site_interval *interval = &site->intervals[i];
        jb_buffer_printf(text, "interval %" PRId64 " %" PRId64 " %s %s\n", interval->start_ns,
                         interval->end_ns, jb_int128_format(interval->host_in, in),
                         jb_int128_format(interval->host_out, out));
        for (size_t s = 0; s < interval->step_count; s++) {
            const struct jb_site_step *step = &site->steps[interval->first_step + s];
            jb_buffer_printf(text, "step %" PRIu32 " %s", step->meter, jb_int128_format(step->amount, in));
            if (step->start_ns != interval->start_ns || step->end_ns != interval->end_ns)
                jb_buffer_printf(text, " %" PRId64 " %" PRId64, step->start_ns, step->end_ns);
            jb_buffer_add_char(text, '\n');
        }
    }
    return jb_buffer_check(text, error);
}

/* ---- and back ---- */

#define FIELD_COUNT 5

/* A line of at most five fields; the last one takes what is left. */
struct line {
    const char *fields[FIELD_COUNT];
    size_t count;
};

static struct line split(char *text, size_t most) {
    struct line line = {0};
    while (line.count < most) {
        line.fields[line.count++] = text;
        char *space = strchr(text, ' ');
        if (!space || line.count == most)
            break;
        *space = '\0';
        text = space + 1;
    }
    return line;
}

static bool take_meter(struct jb_site_readings *site, char *text, struct jb_error *error,
                       enum jb_code *ret_code) {
    struct line line = split(text, 3);
    struct jb_site_meter meter = {0};
    uint64_t ppm = 0;
    size_t role = 0;
    if (line.count != 3 || site->interval_count)
        return false;
    while (role < JB_SITE_ROLE_COUNT && strcmp(line.fields[0], role_names[role]) != 0)
        role++;
    if (role == JB_SITE_ROLE_COUNT || jb_uint64_parse(line.fields[1], NULL, &ppm) || ppm > UINT32_MAX ||
        jb_account_validate(line.fields[2], NULL))
        return false;
    meter.role = (enum jb_site_role)role;
    meter.uncertainty_ppm = (uint32_t)ppm;
    snprintf(meter.path, sizeof meter.path, "%s", line.fields[2]);
    *ret_code = jb_site_add_meter(site, &meter, error);
    return true;
}

static bool is_time(int64_t ns) {
    return ns >= JB_BOOK_FIRST_NS && ns <= JB_BOOK_LAST_NS;
}

/* So that sums of them fit into 128 bits, and one makes no end of flows. */
static bool is_amount(jb_int128 amount) {
    const jb_int128 ceiling = (jb_int128)1 << 76; /* twenty million GWh */
    return amount < ceiling && amount > -ceiling;
}

static bool take_interval(struct jb_site_readings *site, char *text, struct jb_error *error,
                          enum jb_code *ret_code) {
    struct line line = split(text, FIELD_COUNT);
    int64_t start_ns, end_ns;
    jb_int128 in, out;
    if (line.count != 4 || jb_int64_parse(line.fields[0], NULL, &start_ns) ||
        jb_int64_parse(line.fields[1], NULL, &end_ns) || jb_int128_parse(line.fields[2], NULL, &in) ||
        jb_int128_parse(line.fields[3], NULL, &out) || !is_time(start_ns) || !is_time(end_ns) ||
        start_ns >= end_ns || !is_amount(in) || !is_amount(out) ||
        (site->interval_count && start_ns < site->intervals[site->interval_count - 1].end_ns))
        return false;
    *ret_code = jb_site_add_interval(site, start_ns, end_ns, error);
    if (*ret_code)
        return true;
    site->intervals[site->interval_count - 1].host_in = in;
    site->intervals[site->interval_count - 1].host_out = out;
    return true;
}

static bool take_step(struct jb_site_readings *site, char *text, struct jb_error *error,
                      enum jb_code *ret_code) {
    struct line line = split(text, FIELD_COUNT);
    uint64_t meter;
    if ((line.count != 2 && line.count != 4) || site->interval_count == 0)
        return false;
    const struct jb_site_interval *interval = &site->intervals[site->interval_count - 1];
    const struct jb_site_step *last = interval->step_count ? &site->steps[site->step_count - 1] : NULL;
    struct jb_site_step step = {.start_ns = interval->start_ns, .end_ns = interval->end_ns};
    if (jb_uint64_parse(line.fields[0], NULL, &meter) || meter >= site->meter_count ||
        jb_int128_parse(line.fields[1], NULL, &step.amount) || step.amount < 0 || !is_amount(step.amount))
        return false;
    if (line.count == 4 && (jb_int64_parse(line.fields[2], NULL, &step.start_ns) ||
                            jb_int64_parse(line.fields[3], NULL, &step.end_ns)))
        return false;
    step.meter = (uint32_t)meter;
    if (step.start_ns >= step.end_ns || step.start_ns < interval->start_ns ||
        step.end_ns > interval->end_ns ||
        (last && (step.meter < last->meter || (step.meter == last->meter && step.start_ns < last->end_ns))))
        return false;
    *ret_code = jb_site_add_step(site, &step, error);
    return true;
}

static bool take_line(struct jb_site_readings *site, size_t number, char *text, struct jb_error *error,
                      enum jb_code *ret_code) {
    const struct line line = split(text, 2);
    uint64_t revision;
    if (number == 1)
        return line.count == 2 && strcmp(line.fields[0], HEADING_FIRST) == 0 &&
               strcmp(line.fields[1], HEADING_REST) == 0;
    if (line.count != 2)
        return false;
    char *rest = text + strlen(text) + 1;
    if (number == 2)
        return strcmp(text, "site") == 0 &&
               snprintf(site->name, sizeof site->name, "%s", rest) < (int)sizeof site->name;
    if (number == 3) {
        bool is_good = strcmp(text, "revision") == 0 && !jb_uint64_parse(rest, NULL, &revision);
        site->revision = is_good ? revision : 0;
        return is_good;
    }
    if (number == 4)
        return strcmp(text, "grid") == 0 && !jb_account_validate(rest, NULL) &&
               snprintf(site->grid, sizeof site->grid, "%s", rest) < (int)sizeof site->grid;
    return strcmp(text, "meter") == 0      ? take_meter(site, rest, error, ret_code)
           : strcmp(text, "interval") == 0 ? take_interval(site, rest, error, ret_code)
           : strcmp(text, "step") == 0     ? take_step(site, rest, error, ret_code)
                                           : false;
}

enum jb_code jb_site_parse(const char *text, size_t length, struct jb_error *error,
                           struct jb_site_readings *ret_site) {
    _cleanup_(jb_site_readings_free) struct jb_site_readings site = {0};
    enum jb_code code = JB_OK;
    char line[JB_ACCOUNT_SIZE + 64];
    size_t number = 0;
    for (size_t at = 0; !code && at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t size = end ? (size_t)(end - text) - at : length - at;
        bool is_good = end && size < sizeof line && !memchr(text + at, '\0', size);
        if (is_good) {
            memcpy(line, text + at, size);
            line[size] = '\0';
            is_good = take_line(&site, ++number, line, error, &code);
        }
        if (!is_good)
            return jb_error_set(error, JB_INPUT, "line %zu of a site's readings makes no sense", number);
        at += size + 1;
    }
    if (!code && number < 4)
        code = jb_error_set(error, JB_INPUT, "a site's readings end early");
    if (code)
        return code;
    *ret_site = site;
    site = (struct jb_site_readings){0};
    return JB_OK;
}
