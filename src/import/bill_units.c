/* Groups of rows, bill by bill: put in order, added up one bill after the other, and what is to be known of
 * each bill. */
#include "import/bill_flows_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <string.h>

#define FLOWS 4 /* most that a group makes: energy, embodied carbon, money and credits */

/* Days that a bill covers: of its use, for fees and taxes are often of the whole month; of a term the first.
 */
static void widen_unit(struct jb_bill_unit *unit, const struct jb_bill_frame *frame, int64_t start_ns,
                       int64_t end_ns) {
    if (frame->term_h > 0)
        end_ns = start_ns + JB_DAY_NS;
    if (end_ns - start_ns > 2 * JB_DAY_NS)
        return;
    int64_t first_ns = jb_time_floor(start_ns, JB_DAY_NS),
            last_ns = jb_time_floor(end_ns - 1, JB_DAY_NS) + JB_DAY_NS;
    if (first_ns < unit->first_ns)
        unit->first_ns = first_ns;
    if (last_ns > unit->last_ns)
        unit->last_ns = last_ns;
}

static int compare_units(const void *left, const void *right) {
    const struct jb_bill_unit *a = left, *b = right;
    return strcmp(a->identity, b->identity);
}

/* Finds the frame, the bill and the interval of each group of one scan. units: by group. */
static enum jb_code look_at_groups(struct jb_bill_flows *flows, size_t scan_number, size_t first_group,
                                   size_t first_frame, uint32_t *units, struct jb_error *error) {
    const struct jb_bill_scan *scan = &flows->scans->items[scan_number];
    size_t count = jb_scan_group_count(scan->table);
    enum jb_code code = JB_OK;
    for (size_t group = 0; !code && group < count; group++) {
        struct jb_bill_frame *frame = &flows->frames[first_frame + jb_scan_kind(scan->table, group)];
        struct jb_bill_item *item = &flows->items[first_group + group];
        uint32_t *unit = &units[first_group + group];
        int64_t start_ns, end_ns;
        item->group = (uint32_t)(first_group + group);
        if (!frame->is_made)
            code = jb_bill_frame_make(flows->question, flows, scan, group, error, frame);
        jb_bill_row_times(flows->question->files, scan, group, &start_ns, &end_ns);
        if (!code)
            jb_bill_frame_times(frame, &start_ns, &end_ns);
        if (!code)
            code = jb_bill_frame_unit(flows, frame, start_ns, error, unit);
        if (!code)
            code = jb_bill_sums_time(flows->sums, start_ns, end_ns, error, &item->time);
        if (!code && jb_bill_frame_is_use(frame))
            widen_unit(&flows->units[*unit], frame, start_ns, end_ns);
    }
    return code;
}

/* Puts bills in order of their names, whatever the order of rows, and groups in that of their bills. */
static enum jb_code sort_groups(struct jb_bill_flows *flows, const uint32_t *units, struct jb_error *error) {
    size_t count = jb_strings_count(flows->unit_names);
    _cleanup_free_ uint32_t *numbers = calloc(count + 1, sizeof *numbers);
    struct jb_bill_item *sorted = calloc(flows->group_count + 1, sizeof *sorted);
    size_t *starts = flows->starts = calloc(count + 2, sizeof *starts);
    if (!numbers || !sorted || !starts) {
        free(sorted);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu bills", count);
    }
    jb_memory_expect(sorted, flows->group_count * sizeof *sorted);
    if (count)
        qsort(flows->units, count, sizeof *flows->units, compare_units);
    for (size_t u = 0; u < count; u++)
        numbers[jb_strings_find(flows->unit_names, flows->units[u].identity)] = (uint32_t)u;
    /* While they are placed, a bill's start stands one further on, and moves to its end. */
    for (size_t i = 0; i < flows->group_count; i++)
        starts[numbers[units[i]] + 2]++;
    for (size_t u = 2; u < count + 2; u++)
        starts[u] += starts[u - 1];
    for (size_t i = 0; i < flows->group_count; i++)
        sorted[starts[numbers[units[i]] + 1]++] = flows->items[i];
    free(flows->items);
    flows->items = sorted;
    return JB_OK;
}

static enum jb_code add_groups(struct jb_bill_flows *flows, size_t unit, struct jb_error *error) {
    enum { AHEAD = 8 };
    const struct jb_bill_item *items = flows->items;
    size_t first_group = 0, first_frame = 0;
    const struct jb_bill_scan *scan = flows->scans->items; /* a bill's groups are in order of scans */
    enum jb_code code = JB_OK;
    for (size_t i = flows->starts[unit], end = flows->starts[unit + 1]; !code && i < end; i++) {
        while (items[i].group - first_group >= jb_scan_group_count(scan->table)) {
            first_group += jb_scan_group_count(scan->table);
            first_frame += jb_scan_kind_count(scan->table);
            scan++;
        }
        size_t group = items[i].group - first_group, ahead = i + AHEAD < end ? items[i + AHEAD].group : 0;
        if (ahead > items[i].group && ahead - first_group < jb_scan_group_count(scan->table))
            jb_scan_prefetch(scan->table, ahead - first_group);
        struct jb_bill_frame *frame = &flows->frames[first_frame + jb_scan_kind(scan->table, group)];
        code = jb_bill_flows_add(flows, scan, group, frame, items[i].time, error);
    }
    return code;
}

/* Adds up the groups of one bill, and makes its flows. */
static enum jb_code make_unit(struct jb_bill_flows *flows, size_t unit, struct jb_error *error,
                              size_t *ret_count) {
    size_t room = FLOWS * (flows->starts[unit + 1] - flows->starts[unit]);
    enum jb_code code = jb_array_reserve(&flows->flows, &flows->flow_capacity, room, JB_BILL_LIST_CEILING,
                                         "flows of a bill", error);
    if (!code)
        code = add_groups(flows, unit, error);
    return code ? code : jb_bill_sums_finish(flows->sums, flows->texts, error, flows->flows, ret_count);
}

enum jb_code jb_bill_flows_of(struct jb_bill_flows *flows, size_t unit, struct jb_error *error,
                              const struct jb_bill_flow **ret_flows) {
    size_t count = 0;
    enum jb_code code = make_unit(flows, unit, error, &count);
    if (code)
        return code;
    assert(count == flows->units[unit].flow_count);
    *ret_flows = flows->flows;
    return JB_OK;
}

/* What is to be known of a bill's flows, whoever books them. */
static void finish_unit(const struct jb_bill_flows *flows, size_t count, struct jb_bill_unit *unit) {
    uint64_t hash = count;
    bool has_use = unit->first_ns < unit->last_ns;
    unit->flow_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct jb_bill_flow *flow = &flows->flows[i];
        hash = jb_hash_uint64(hash ^ jb_strings_hash(flows->texts, flow->from));
        hash = jb_hash_uint64(hash ^ jb_strings_hash(flows->texts, flow->to));
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->start_ns);
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->end_ns);
        hash = jb_hash_uint64(hash ^ ((uint64_t)flow->commodity << 32 | flow->uncertainty_ppm));
        hash = jb_hash_uint64(hash ^ (uint64_t)flow->amount);
        if (i == 0 || flow->start_ns < unit->first_start_ns)
            unit->first_start_ns = flow->start_ns;
        if (i == 0 || flow->end_ns > unit->last_end_ns)
            unit->last_end_ns = flow->end_ns;
        if (flow->commodity == JB_ENERGY) {
            unit->energy_count++;
            unit->energy_uj += flow->amount;
        } else if (flow->commodity == JB_EMBODIED) {
            unit->embodied_count++;
            unit->embodied_ug += flow->amount;
        }
    }
    unit->digest = hash;
    if (!has_use && count) { /* the days of all its rows */
        unit->first_ns = jb_time_floor(unit->first_start_ns, JB_DAY_NS);
        unit->last_ns = jb_time_floor(unit->last_end_ns - 1, JB_DAY_NS) + JB_DAY_NS;
    }
}

enum jb_code jb_bill_units_make(struct jb_bill_flows *flows, struct jb_error *error) {
    _cleanup_free_ uint32_t *units = calloc(flows->group_count + 1, sizeof *units);
    size_t frame_count = 0, group = 0, frame = 0;
    for (size_t s = 0; s < flows->scans->count; s++)
        frame_count += jb_scan_kind_count(flows->scans->items[s].table);
    flows->items = calloc(flows->group_count + 1, sizeof *flows->items);
    flows->frames = calloc(frame_count + 1, sizeof *flows->frames);
    if (!units || !flows->items || !flows->frames)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups of rows", flows->group_count);
    jb_memory_expect(flows->items, flows->group_count * sizeof *flows->items);
    enum jb_code code = JB_OK;
    for (size_t s = 0; !code && s < flows->scans->count; s++) {
        code = look_at_groups(flows, s, group, frame, units, error);
        group += jb_scan_group_count(flows->scans->items[s].table);
        frame += jb_scan_kind_count(flows->scans->items[s].table);
    }
    if (!code)
        code = sort_groups(flows, units, error);
    for (size_t u = 0; !code && u < jb_strings_count(flows->unit_names); u++) {
        size_t count = 0;
        code = make_unit(flows, u, error, &count);
        if (!code)
            finish_unit(flows, count, &flows->units[u]);
    }
    return code;
}
