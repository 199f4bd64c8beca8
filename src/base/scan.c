/* A scan: ranges of its inputs on several threads, what they found put together in order. */
#include "base/scan_internal.h"

#include "base/array.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#define MEMORY_CEILING ((size_t)160 << 20)
#define THREAD_CEILING 64
#define THREAD_DEFAULT 8
#define RANGE_FLOOR    ((uint64_t)4 << 20) /* a smaller file is not worth a second thread */
#define RANGE_CEILING  ((size_t)1 << 20)

struct jb_scan_table {
    struct jb_scan_layout layout;
    struct jb_scan_request request; /* of the layout; its inputs may be gone when the scan is over */
    bool *has_heading;              /* by input */
    const struct jb_scan_slot *slots[JB_SCAN_SLOT_CEILING];
    struct jb_scan_memory memory;
    struct jb_scan_groups *groups;
    uint32_t *order; /* the groups that have rows; NULL: all */
    uint32_t *kinds; /* of them */
    size_t group_count, kind_count;
    uint32_t
        *text_ids[JB_SCAN_SLOT_CEILING];   /* by key: the number that a text of the groups has for others */
    uint32_t *texts[JB_SCAN_SLOT_CEILING]; /* and back */
    size_t text_counts[JB_SCAN_SLOT_CEILING];
    struct jb_scan_bad *bad;
    size_t bad_count, bad_capacity;
    uint64_t row_count;
};

/* What the threads share. */
struct scan {
    struct jb_scan_table *table;
    const struct jb_scan_request *request;
    struct jb_scan_range *ranges;
    size_t range_count, range_capacity;
    unsigned thread_count;
    atomic_bool is_stopped;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t started, merged; /* ranges so far */
    bool is_merging;
    uint64_t row_base, line_base, expected; /* of the input whose ranges are being merged */
    enum jb_code code;
    struct jb_error error;
};

/* ---- putting together ------------------------------------------------------------------------------- */

static const char *input_name(const struct jb_scan_input *input) {
    return input->source ? jb_stream_name(input->source->stream) : input->rows->name;
}

/* ", column "Cost"": what a message calls the place in a row. */
static void name_column(const struct scan *scan, const struct jb_scan_input *input,
                        const struct jb_scan_fault *fault, struct jb_buffer *to) {
    const char *name = NULL;
    size_t field = fault->field;
    if (fault->slot < scan->request->slot_count) {
        if (input->names)
            name = input->names[fault->slot];
        if (input->source)
            field = input->fields[fault->slot];
    }
    if (!name && input->source && field < input->source->width)
        name = input->source->headings[field];
    if (name)
        jb_buffer_printf(to, ", column \"%.80s\"", name);
    else if (field < JB_SCAN_WIDTH_CEILING)
        jb_buffer_printf(to, ", column %zu", field + 1);
}

/* Lists one more bad row of all; JB_INPUT when it is one too many. */
static enum jb_code keep_bad(struct scan *scan, const struct jb_scan_range *range,
                             const struct jb_scan_left_out *left_out, struct jb_error *error) {
    struct jb_scan_table *table = scan->table;
    const struct jb_scan_input *input = &scan->request->inputs[range->input];
    bool has_heading = input->source != NULL;
    uint64_t row = scan->row_base + left_out->row + 1 + has_heading;
    uint64_t line = scan->line_base + left_out->line + 1;
    _cleanup_buffer_ struct jb_buffer message = {0};
    if (has_heading && row != line)
        jb_buffer_printf(&message, "%s, row %" PRIu64 " (line %" PRIu64 ")", input_name(input), row, line);
    else
        jb_buffer_printf(&message, "%s, row %" PRIu64, input_name(input), has_heading ? row : line);
    name_column(scan, input, &left_out->fault, &message);
    jb_buffer_printf(&message, ": %s", left_out->fault.what);
    enum jb_code code = jb_buffer_check(&message, error);
    if (!code && table->bad_count >= scan->request->bad_ceiling)
        return jb_error_set(error, JB_INPUT, "%s%s", message.bytes,
                            table->bad_count ? " (more bad rows than may be left out)" : "");
    if (!code)
        code = jb_array_reserve(&table->bad, &table->bad_capacity, table->bad_count + 1, SIZE_MAX / 2,
                                "bad rows", error);
    if (code)
        return code;
    table->bad[table->bad_count++] = (struct jb_scan_bad){.input = range->input,
                                                          .row = row,
                                                          .line = line,
                                                          .offset = left_out->offset,
                                                          .length = left_out->length,
                                                          .message = JB_TAKE(message.bytes)};
    return JB_OK;
}

/* The place before what ended a range early. */
static enum jb_code fail_range(const struct scan *scan, const struct jb_scan_range *range,
                               struct jb_error *error) {
    const char *name = input_name(&scan->request->inputs[range->input]);
    if (range->code == JB_NO_DATA) /* stopped, since a range before it has failed */
        return jb_error_set(error, JB_INTERNAL, "%s: a scan was stopped for no reason", name);
    *error = range->error;
    if (range->code == JB_INPUT && strncmp(error->message, name, strlen(name)) != 0)
        jb_error_prefix(error, "%s, row %" PRIu64, name, scan->row_base + range->row_count + 2);
    else if (range->code == JB_LIMIT)
        jb_error_prefix(error, "%s", name);
    return range->code;
}

/* What ranges are added up in. */
static enum jb_code make_groups(struct jb_scan_table *table, struct jb_error *error) {
    enum jb_code code = jb_scan_groups_make(&table->layout, &table->memory, error, &table->groups);
    return code ? code : jb_scan_groups_lay_out(table->groups, NULL, NULL, error);
}

/* Ranges of one input most often have the same spans, so that the first can take the others up. */
static enum jb_code add_groups(struct scan *scan, struct jb_scan_range *range, struct jb_error *error) {
    struct jb_scan_table *table = scan->table;
    enum jb_code code = JB_OK;
    if (!table->groups && scan->request->input_count == 1) {
        table->groups = JB_TAKE(range->groups);
        return JB_OK;
    }
    if (!table->groups) {
        code = make_groups(table, error);
    } else if (!table->groups->is_whole && !jb_scan_groups_are_alike(table->groups, range->groups)) {
        _cleanup_(jb_scan_groups_free_cleanup) struct jb_scan_groups *before = JB_TAKE(table->groups);
        code = make_groups(table, error);
        if (!code)
            code = jb_scan_groups_merge(table->groups, before, 0, error);
    }
    return code ? code : jb_scan_groups_merge(table->groups, range->groups, scan->row_base, error);
}

/* Adds the next range in order. A wrong guess of where its first row begins is found here, and made good. */
static enum jb_code merge_range(struct scan *scan, struct jb_scan_worker *worker, struct jb_scan_range *range,
                                struct jb_error *error) {
    struct jb_scan_table *table = scan->table;
    bool is_source = scan->request->inputs[range->input].source != NULL;
    if (range->is_first) {
        scan->row_base = 0;
        scan->line_base = is_source ? scan->request->inputs[range->input].source->heading_lines : 0;
    } else if (range->start != scan->expected) {
        jb_scan_range_clear(range);
        range->begin = scan->expected;
        range->is_first = true;
        jb_scan_worker_scan(worker, range);
    }
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < range->bad_count; i++)
        code = keep_bad(scan, range, &range->bad[i], error);
    if (!code && range->code)
        code = fail_range(scan, range, error);
    if (code)
        return code;
    code = add_groups(scan, range, error);
    scan->row_base += range->row_count;
    scan->line_base += range->line_count;
    scan->expected = range->stop;
    table->row_count += range->row_count - range->bad_count;
    jb_scan_range_clear(range);
    return code;
}

/* ---- threads ---------------------------------------------------------------------------------------- */

/* Under the lock. The first failure counts. */
static void fail(struct scan *scan, enum jb_code code, const struct jb_error *error) {
    if (!scan->code) {
        scan->code = code;
        scan->error = *error;
    }
    atomic_store(&scan->is_stopped, true);
    pthread_cond_broadcast(&scan->changed);
}

/* Merges what is ready, if nobody else is at it. Under the lock, but for the merging itself. */
static void merge_ready(struct scan *scan, struct jb_scan_worker *worker) {
    if (scan->is_merging)
        return;
    scan->is_merging = true;
    while (!scan->code && scan->merged < scan->range_count && scan->ranges[scan->merged].is_done) {
        struct jb_scan_range *range = &scan->ranges[scan->merged];
        struct jb_error error = {0};
        pthread_mutex_unlock(&scan->lock);
        enum jb_code code = merge_range(scan, worker, range, &error);
        pthread_mutex_lock(&scan->lock);
        scan->merged++;
        if (code)
            fail(scan, code, &error);
        pthread_cond_broadcast(&scan->changed);
    }
    scan->is_merging = false;
}

static void work(struct scan *scan) {
    _cleanup_(jb_scan_worker_free_cleanup) struct jb_scan_worker *worker = NULL;
    struct jb_error error = {0};
    enum jb_code code =
        jb_scan_worker_make(&scan->table->layout, &scan->table->memory, &scan->is_stopped, &error, &worker);
    pthread_mutex_lock(&scan->lock);
    if (code)
        fail(scan, code, &error);
    while (!code && !scan->code && scan->started < scan->range_count) {
        /* What is found waits in memory for what comes before it: not too far ahead. */
        if (scan->started >= scan->merged + 2 * scan->thread_count) {
            pthread_cond_wait(&scan->changed, &scan->lock);
            continue;
        }
        struct jb_scan_range *range = &scan->ranges[scan->started++];
        pthread_mutex_unlock(&scan->lock);
        jb_scan_worker_scan(worker, range);
        pthread_mutex_lock(&scan->lock);
        range->is_done = true;
        merge_ready(scan, worker);
    }
    pthread_mutex_unlock(&scan->lock);
}

static void *run_work(void *argument) {
    work(argument);
    return NULL;
}

/* ---- what there is to do ---------------------------------------------------------------------------- */

static enum jb_code add_range(struct scan *scan, struct jb_scan_range range, struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&scan->ranges, &scan->range_capacity, scan->range_count + 1,
                                         RANGE_CEILING, "files", error);
    if (!code)
        scan->ranges[scan->range_count++] = range;
    return code;
}

/* One range for each thread, of a large file that can be read at any place. */
static enum jb_code add_input(struct scan *scan, size_t number, struct jb_error *error) {
    struct jb_scan_source *source = scan->request->inputs[number].source;
    uint64_t begin = 0, end = UINT64_MAX, ranges = 1;
    if (source && jb_stream_file(source->stream, &begin, &end) >= 0) {
        ranges = (end - begin) / (scan->request->range_floor ? scan->request->range_floor : RANGE_FLOOR);
        ranges = ranges < 1 ? 1 : ranges > scan->thread_count ? scan->thread_count : ranges;
    } else if (source) {
        begin = source->heading_length;
        end = UINT64_MAX;
    }
    enum jb_code code = JB_OK;
    uint64_t size = ranges > 1 ? (end - begin) / ranges : 0;
    for (uint64_t i = 0; !code && i < ranges; i++) {
        struct jb_scan_range range = {.input = number,
                                      .begin = begin + i * size,
                                      .end = i + 1 < ranges ? begin + (i + 1) * size : UINT64_MAX,
                                      .is_first = i == 0};
        code = add_range(scan, range, error);
    }
    return code;
}

static unsigned count_threads(const struct jb_scan_request *request) {
    if (request->thread_count)
        return request->thread_count < THREAD_CEILING ? request->thread_count : THREAD_CEILING;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > THREAD_DEFAULT ? THREAD_DEFAULT : (unsigned)processors;
}

static enum jb_code check_request(const struct jb_scan_request *request, struct jb_error *error) {
    assert(request->slot_count <= JB_SCAN_SLOT_CEILING);
    for (size_t slot = 0; slot < request->slot_count; slot++) {
        const struct jb_scan_slot *wanted = request->slots[slot];
        assert(wanted->kind != JB_SCAN_TIME || wanted->bucket_ns > 0);
        assert(wanted->kind != JB_SCAN_DECIMAL || wanted->decimals <= 18);
    }
    for (size_t i = 0; i < request->input_count; i++) {
        const struct jb_scan_input *input = &request->inputs[i];
        assert(!input->source != !input->rows);
        if (!input->source)
            continue;
        assert(!input->source->was_scanned);
        input->source->was_scanned = true;
        for (size_t slot = 0; slot < request->slot_count; slot++) {
            assert(input->fields[slot] == JB_SCAN_NO_FIELD || input->fields[slot] < input->source->width);
            if (input->fields[slot] == JB_SCAN_NO_FIELD && request->slots[slot]->is_required)
                return jb_error_set(error, JB_INPUT, "%s: no column \"%.80s\"", input_name(input),
                                    input->names && input->names[slot] ? input->names[slot] : "?");
        }
    }
    return JB_OK;
}

static void lay_out(struct jb_scan_table *table, const struct jb_scan_request *request) {
    struct jb_scan_layout *layout = &table->layout;
    for (size_t slot = 0; slot < request->slot_count; slot++) {
        bool is_sum = request->slots[slot]->kind == JB_SCAN_DECIMAL;
        layout->place[slot] = is_sum ? layout->sum_count : layout->key_count;
        if (is_sum)
            layout->sum_slots[layout->sum_count++] = slot;
        else
            layout->key_slots[layout->key_count++] = slot;
    }
    layout->request = request;
    layout->kernel = request->kernel ? request->kernel : jb_scan_kernel_best();
    table->memory.ceiling = request->memory_ceiling ? request->memory_ceiling : MEMORY_CEILING;
}

static void run_threads(struct scan *scan) {
    pthread_t threads[THREAD_CEILING];
    unsigned count = 0, wanted = scan->thread_count;
    if (wanted > scan->range_count)
        wanted = (unsigned)scan->range_count;
    /* With fewer threads than asked for the result is the same. */
    while (count + 1 < wanted && pthread_create(&threads[count], NULL, run_work, scan) == 0)
        count++;
    work(scan);
    while (count)
        pthread_join(threads[--count], NULL);
}

/* ---- the table -------------------------------------------------------------------------------------- */

static size_t number_of(const struct jb_scan_table *table, size_t group) {
    assert(group < table->group_count);
    return table->order ? table->order[group] : group;
}

/* Numbers texts by the first row that counts. */
static enum jb_code number_texts(struct jb_scan_table *table, size_t key, struct jb_error *error) {
    const struct jb_scan_groups *groups = table->groups;
    size_t count = jb_strings_count(groups->texts[key]);
    uint32_t *ids = table->text_ids[key] = malloc((count + 1) * sizeof *ids);
    uint32_t *texts = table->texts[key] = malloc((count + 1) * sizeof *texts);
    if (!ids || !texts)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu texts", count);
    memset(ids, 0xff, (count + 1) * sizeof *ids);
    for (size_t i = 0, kind = 0; i < table->group_count; i++) {
        if (table->kinds[i] != kind) /* texts of another group */
            continue;
        kind++;
        uint32_t id = jb_scan_groups_id(groups, number_of(table, i), key);
        if (ids[id] != UINT32_MAX)
            continue;
        texts[table->text_counts[key]] = id;
        ids[id] = (uint32_t)table->text_counts[key]++;
    }
    return JB_OK;
}

/* Groups whose keys are wrong have no rows. */
static enum jb_code leave_faults(struct jb_scan_table *table, struct jb_error *error) {
    table->order = malloc((table->groups->count + 1) * sizeof *table->order);
    if (!table->order)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups", table->groups->count);
    table->group_count = 0;
    for (size_t number = 0; number < table->groups->count; number++) {
        if (jb_scan_groups_rows(table->groups, number))
            table->order[table->group_count++] = (uint32_t)number;
    }
    return JB_OK;
}

static enum jb_code finish_table(struct jb_scan_table *table, struct jb_error *error) {
    enum jb_code code = JB_OK;
    if (!table->groups)
        code = make_groups(table, error);
    if (code)
        return code;
    table->group_count = table->groups->count;
    code = table->groups->fault_count ? leave_faults(table, error) : JB_OK;
    if (code)
        return code;
    table->kinds = calloc(table->group_count + 1, sizeof *table->kinds);
    if (!table->kinds)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu groups", table->group_count);
    code = jb_scan_groups_kinds(table->groups, table->order, table->group_count, error, table->kinds,
                                &table->kind_count);
    for (size_t key = 0; !code && key < table->layout.key_count; key++) {
        if (table->groups->texts[key])
            code = number_texts(table, key, error);
    }
    return code;
}

enum jb_code jb_scan_run(const struct jb_scan_request *request, struct jb_error *error,
                         struct jb_scan_table **ret_table) {
    enum jb_code code = check_request(request, error);
    if (code)
        return code;
    _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = calloc(1, sizeof *table);
    if (!table)
        return jb_error_set(error, JB_MEMORY, "no memory for a scan");
    for (size_t slot = 0; slot < request->slot_count; slot++)
        table->slots[slot] = request->slots[slot];
    table->request = *request;
    table->request.slots = table->slots;
    table->has_heading = calloc(request->input_count + 1, sizeof *table->has_heading);
    if (!table->has_heading)
        return jb_error_set(error, JB_MEMORY, "no memory for a scan");
    for (size_t i = 0; i < request->input_count; i++)
        table->has_heading[i] = request->inputs[i].source != NULL;
    lay_out(table, &table->request);
    struct scan scan = {.table = table, .request = &table->request, .thread_count = count_threads(request)};
    for (size_t i = 0; !code && i < request->input_count; i++)
        code = add_input(&scan, i, error);
    if (!code) {
        pthread_mutex_init(&scan.lock, NULL);
        pthread_cond_init(&scan.changed, NULL);
        run_threads(&scan);
        pthread_mutex_destroy(&scan.lock);
        pthread_cond_destroy(&scan.changed);
        code = scan.code;
        if (code && error)
            *error = scan.error;
    }
    for (size_t i = 0; i < scan.range_count; i++)
        jb_scan_range_clear(&scan.ranges[i]);
    free(scan.ranges);
    if (!code)
        code = finish_table(table, error);
    if (!code)
        *ret_table = JB_TAKE(table);
    return code;
}

void jb_scan_table_free(struct jb_scan_table *table) {
    if (!table)
        return;
    for (size_t i = 0; i < table->bad_count; i++)
        free((char *)table->bad[i].message);
    for (size_t key = 0; key < JB_SCAN_SLOT_CEILING; key++) {
        free(table->text_ids[key]);
        free(table->texts[key]);
    }
    free(table->bad);
    free(table->order);
    free(table->kinds);
    free(table->has_heading);
    jb_scan_groups_free(table->groups);
    free(table);
}

uint64_t jb_scan_row_count(const struct jb_scan_table *table) {
    return table->row_count;
}

size_t jb_scan_group_count(const struct jb_scan_table *table) {
    return table->group_count;
}

size_t jb_scan_bad_count(const struct jb_scan_table *table) {
    return table->bad_count;
}

const struct jb_scan_bad *jb_scan_bad(const struct jb_scan_table *table, size_t number) {
    assert(number < table->bad_count);
    return &table->bad[number];
}

static uint32_t id_of(const struct jb_scan_table *table, size_t group, size_t slot) {
    return jb_scan_groups_id(table->groups, number_of(table, group), table->layout.place[slot]);
}

struct jb_scan_group jb_scan_group(const struct jb_scan_table *table, size_t group) {
    size_t number = number_of(table, group);
    const struct jb_scan_margin *margin = jb_scan_groups_margin(table->groups, number);
    return (struct jb_scan_group){.input = margin->input,
                                  .first_row = margin->first_row + 1 + table->has_heading[margin->input],
                                  .row_count = jb_scan_groups_rows(table->groups, number)};
}

uint32_t jb_scan_kind(const struct jb_scan_table *table, size_t group) {
    assert(group < table->group_count);
    return table->kinds[group];
}

size_t jb_scan_kind_count(const struct jb_scan_table *table) {
    return table->kind_count;
}

void jb_scan_prefetch(const struct jb_scan_table *table, size_t group) {
    jb_scan_groups_prefetch(table->groups, number_of(table, group));
}

uint32_t jb_scan_text_id(const struct jb_scan_table *table, size_t group, size_t slot) {
    assert(table->slots[slot]->kind == JB_SCAN_TEXT);
    return table->text_ids[table->layout.place[slot]][id_of(table, group, slot)];
}

size_t jb_scan_text_count(const struct jb_scan_table *table, size_t slot) {
    return table->text_counts[table->layout.place[slot]];
}

const char *jb_scan_text(const struct jb_scan_table *table, size_t slot, uint32_t id) {
    size_t key = table->layout.place[slot];
    assert(table->slots[slot]->kind == JB_SCAN_TEXT && id < table->text_counts[key]);
    return jb_strings_text(table->groups->texts[key], table->texts[key][id]);
}

int64_t jb_scan_time_ns(const struct jb_scan_table *table, size_t group, size_t slot) {
    assert(table->slots[slot]->kind == JB_SCAN_TIME);
    return table->groups->times[table->layout.place[slot]].values[id_of(table, group, slot)];
}

jb_int128 jb_scan_sum(const struct jb_scan_table *table, size_t group, size_t slot) {
    assert(table->slots[slot]->kind == JB_SCAN_DECIMAL);
    return jb_scan_groups_sum(table->groups, number_of(table, group), table->layout.place[slot]);
}

uint64_t jb_scan_number_count(const struct jb_scan_table *table, size_t group, size_t slot) {
    assert(table->slots[slot]->kind == JB_SCAN_DECIMAL);
    size_t number = number_of(table, group);
    return jb_scan_groups_rows(table->groups, number) -
           jb_scan_groups_absents(table->groups, number, table->layout.place[slot]);
}
