/* Readings of one meter into steps of energy: intervals and power as they stand, registers by their
 * differences. */
#include "import/meter_internal.h"

#include "base/clock.h"
#include "base/time.h"

#include <inttypes.h>
#include <string.h>

/* What no meter shows: a mean of 10 GW, a flow of 100,000 m3/h. */
#define POWER_CEILING_UW   ((jb_int128)10000000000000000)
#define WATER_CEILING_UL_H ((jb_int128)100000000000000)
#define WRAP_RATE          4 /* times the fastest other step: what a wrapped register may have run */

static const char *file_of(const struct jb_inputs *inputs, const struct jb_meter_reading *reading) {
    return inputs->items[reading->input].name;
}

static int compare_readings(const void *left, const void *right) {
    const struct jb_meter_reading *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->input != b->input)
        return a->input < b->input ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* In order of time; the same reading in two files stands once. */
static enum jb_code sort_readings(struct jb_meter *meter, const struct jb_meter_request *request,
                                  const struct jb_inputs *inputs, struct jb_error *error) {
    char time[JB_TIME_SIZE];
    size_t kept = 0;
    if (meter->count == 0)
        return JB_OK;
    qsort(meter->readings, meter->count, sizeof *meter->readings, compare_readings);
    for (size_t i = 0; i < meter->count; i++) {
        const struct jb_meter_reading *reading = &meter->readings[i],
                                      *before = kept ? &meter->readings[kept - 1] : NULL;
        bool is_twice = before && before->time_ns == reading->time_ns;
        if (is_twice && before->input != reading->input && before->value == reading->value &&
            before->end_ns == reading->end_ns)
            continue;
        if (is_twice)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %" PRIu64 ": meter '%.80s' has %s on line %" PRIu64
                                "%s%s already; keep one of them%s",
                                file_of(inputs, reading), reading->line, meter->name,
                                jb_time_format(reading->time_ns, time), before->line,
                                before->input == reading->input ? "" : " of ",
                                before->input == reading->input ? "" : file_of(inputs, before),
                                request->style.zone ? ""
                                                    : " (if clocks were put back there, name the zone of the "
                                                      "times with --zone)");
        meter->readings[kept++] = *reading;
    }
    meter->count = kept;
    return JB_OK;
}

static enum jb_code add_step(struct jb_meter *meter, const struct jb_meter_reading *reading, int64_t start_ns,
                             int64_t end_ns, jb_int128 amount, const struct jb_inputs *inputs,
                             struct jb_error *error) {
    bool is_water = meter->rule->role == JB_METER_WATER;
    /* amount / (end − start) against the ceiling, without dividing */
    jb_int128 ceiling = is_water ? WATER_CEILING_UL_H / JB_HOUR_NS * (end_ns - start_ns)
                                 : POWER_CEILING_UW / JB_SECOND_NS * (end_ns - start_ns);
    if (start_ns < 0 || end_ns > JB_BOOK_LAST_NS)
        return jb_error_set(error, JB_INPUT, "%s, line %" PRIu64 ": a step outside the years 1970 to 2261",
                            file_of(inputs, reading), reading->line);
    if (amount > ceiling)
        return jb_error_set(
            error, JB_INPUT,
            "%s, line %" PRIu64 ": meter '%.80s' would show over %s in that step; is the unit "
            "another one, or a register taken for amounts (--kind register)?",
            file_of(inputs, reading), reading->line, meter->name, is_water ? "100,000 m3/h" : "10 GW");
    if (meter->step_count && meter->steps[meter->step_count - 1].end_ns > start_ns)
        return jb_error_set(error, JB_INPUT,
                            "%s, line %" PRIu64
                            ": meter '%.80s': this step begins before the one before it has "
                            "ended",
                            file_of(inputs, reading), reading->line, meter->name);
    meter->steps[meter->step_count++] = (struct jb_meter_step){start_ns, end_ns, amount};
    return JB_OK;
}

/* The shortest distance of two readings, and how many are as short; INT64_MAX with fewer than two. */
static int64_t least_distance(const struct jb_meter *meter, size_t *ret_count) {
    int64_t least_ns = INT64_MAX;
    *ret_count = 0;
    for (size_t i = 1; i < meter->count; i++) {
        int64_t distance_ns = meter->readings[i].time_ns - meter->readings[i - 1].time_ns;
        if (distance_ns < least_ns) {
            least_ns = distance_ns;
            *ret_count = 0;
        }
        *ret_count += distance_ns == least_ns;
    }
    return least_ns;
}

static bool has_ends(const struct jb_meter *meter) {
    return meter->count && meter->readings[0].end_ns != INT64_MIN;
}

/* How long the steps of a meter without ends are: its shortest distance of readings when these are many and
 * even, or no other meter (others_ns: the shortest of all) is read more often. Fewer readings have the steps
 * of the others where they are cells of the same rows; else they do not say. */
static enum jb_code find_step(const struct jb_meter *meter, const struct jb_meter_request *request,
                              int64_t others_ns, const struct jb_inputs *inputs, struct jb_error *error,
                              int64_t *ret_step_ns) {
    size_t count;
    int64_t least_ns = least_distance(meter, &count);
    bool is_even = meter->count >= 4 && count * 2 >= meter->count - 1;
    if (request->step_ns)
        *ret_step_ns = request->step_ns;
    else if (is_even || (meter->count >= 2 && least_ns <= others_ns))
        *ret_step_ns = least_ns;
    else if (meter->is_column && others_ns < INT64_MAX)
        *ret_step_ns = others_ns;
    else
        return jb_error_set(error, JB_INPUT,
                            "%s, line %" PRIu64
                            ": the %zu reading%s of meter '%.80s' do%s not say how long its "
                            "steps are; give --step 1h, or a column 'end'",
                            file_of(inputs, meter->readings), meter->readings->line, meter->count,
                            meter->count == 1 ? "" : "s", meter->name, meter->count == 1 ? "es" : "");
    return JB_OK;
}

/* µW over a step, in µJ, rounded half up. */
static jb_int128 energy_of(jb_int128 power_uw, int64_t length_ns) {
    return (power_uw * length_ns + JB_SECOND_NS / 2) / JB_SECOND_NS;
}

static enum jb_code make_intervals(struct jb_meter *meter, const struct jb_meter_request *request,
                                   int64_t others_ns, const struct jb_inputs *inputs,
                                   struct jb_error *error) {
    int64_t step_ns = 0;
    enum jb_code code =
        has_ends(meter) ? JB_OK : find_step(meter, request, others_ns, inputs, error, &step_ns);
    for (size_t i = 0; !code && i < meter->count; i++) {
        const struct jb_meter_reading *reading = &meter->readings[i];
        bool has_end = reading->end_ns != INT64_MIN;
        int64_t start_ns =
            request->is_stamped_at_end && !has_end ? reading->time_ns - step_ns : reading->time_ns;
        int64_t end_ns = has_end ? reading->end_ns : start_ns + step_ns;
        int64_t distance_ns = i ? reading->time_ns - reading[-1].time_ns : 0;
        if (!has_end && step_ns && distance_ns % step_ns != 0)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %" PRIu64 ": meter '%.80s' is read %" PRId64
                                " s after the reading before, but its steps have %" PRId64
                                " s; give a column 'end' where steps differ",
                                file_of(inputs, reading), reading->line, meter->name,
                                distance_ns / JB_SECOND_NS, step_ns / JB_SECOND_NS);
        code = add_step(meter, reading, start_ns, end_ns,
                        meter->kind == JB_METER_POWER ? energy_of(reading->value, end_ns - start_ns)
                                                      : reading->value,
                        inputs, error);
    }
    return code;
}

/* Where a register begins anew: as the rule says, else behind the digits that it shows. */
static jb_int128 modulus_of(const struct jb_meter *meter, jb_int128 shown) {
    jb_int128 one = meter->unit_size * 1000000, modulus = one;
    if (meter->rule->modulus)
        return one * meter->rule->modulus;
    while (modulus <= shown)
        modulus *= 10;
    return modulus;
}

/* The fastest that the register ran between two readings, in millionths of a µJ (µl) a ns. */
static jb_int128 fastest(const struct jb_meter *meter) {
    jb_int128 most = 0;
    for (size_t i = 1; i < meter->count; i++) {
        const struct jb_meter_reading *reading = &meter->readings[i];
        jb_int128 rate =
            (reading->value - reading[-1].value) * 1000000 / (reading->time_ns - reading[-1].time_ns);
        most = rate > most ? rate : most;
    }
    return most;
}

static enum jb_code make_differences(struct jb_meter *meter, const struct jb_inputs *inputs,
                                     struct jb_error *error) {
    jb_int128 rate = fastest(meter);
    for (size_t i = 0; i < meter->count; i++) {
        const struct jb_meter_reading *reading = &meter->readings[i];
        if (meter->rule->modulus && reading->value >= modulus_of(meter, 0))
            return jb_error_set(error, JB_INPUT,
                                "%s, line %" PRIu64
                                ": the register of meter '%.80s' shows more than the %" PRId64
                                " at which it begins anew",
                                file_of(inputs, reading), reading->line, meter->name, meter->rule->modulus);
        if (i == 0)
            continue;
        jb_int128 difference = reading->value - reading[-1].value;
        int64_t length_ns = reading->time_ns - reading[-1].time_ns;
        if (difference < 0) {
            difference += modulus_of(meter, reading[-1].value);
            if (difference * 1000000 / length_ns > rate * WRAP_RATE) {
                meter->restart_count++; /* exchanged or set back: what it had counted is not known */
                continue;
            }
            meter->wrap_count++;
        }
        enum jb_code code =
            add_step(meter, reading, reading[-1].time_ns, reading->time_ns, difference, inputs, error);
        if (code)
            return code;
    }
    return JB_OK;
}

static enum jb_code make_steps(struct jb_meter *meter, const struct jb_meter_request *request,
                               int64_t others_ns, const struct jb_inputs *inputs, struct jb_error *error) {
    if (meter->count == 0)
        return JB_OK;
    meter->steps = calloc(meter->count, sizeof *meter->steps);
    if (!meter->steps)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", meter->count);
    return meter->kind == JB_METER_REGISTER ? make_differences(meter, inputs, error)
                                            : make_intervals(meter, request, others_ns, inputs, error);
}

enum jb_code jb_meter_make_steps(struct jb_meters *meters, const struct jb_meter_request *request,
                                 const struct jb_inputs *inputs, struct jb_error *error) {
    int64_t others_ns = INT64_MAX;
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < meters->count; i++) {
        const struct jb_meter *meter = &meters->items[i];
        code = sort_readings(&meters->items[i], request, inputs, error);
        size_t count;
        int64_t least_ns =
            has_ends(meter) || meter->kind == JB_METER_REGISTER ? INT64_MAX : least_distance(meter, &count);
        others_ns = least_ns < others_ns ? least_ns : others_ns;
    }
    for (size_t i = 0; !code && i < meters->count; i++)
        code = make_steps(&meters->items[i], request, others_ns, inputs, error);
    return code;
}
