/* Orders what the tables hold into the rows that `top` shows. */
#include "cli/top/top_model.h"

#include "base/array.h"
#include "base/text.h"
#include "cli/top/top_tables.h"
#include "meter/run_energy.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define COLLAPSED_CEILING 10000
#define ROW_CEILING       (JB_PROCESS_CEILING + 64)
#define NO_ROW            UINT32_MAX

/* Keys of different kinds of things never meet: the upper two bits say which kind. */
#define KEY_GROUP     (UINT64_C(1) << 62)
#define KEY_CONTAINER (UINT64_C(2) << 62)
#define KEY_HOST      (UINT64_C(3) << 62)
#define HOST_EXITED   ((uint64_t)JB_TOP_PART_COUNT)

/* A row before it has its place. */
struct candidate {
    struct jb_top_row row;
    uint32_t parent; /* index of another candidate, NO_ROW none */
    bool is_wanted;  /* passes the filter */
    bool is_kept;    /* wanted, or something below it is */
};

struct jb_top_model {
    struct jb_top_tables tables;
    struct jb_top_summary summary;
    struct jb_top_settings settings;
    int64_t elapsed_ns;
    bool is_known, was_ever_known;
    bool has_processes;
    struct candidate *candidates;
    size_t candidate_count, candidate_capacity;
    uint32_t *order; /* indexes of candidates: siblings together, in order */
    size_t order_capacity;
    uint32_t *first_child; /* by candidate: where its children begin in order */
    size_t first_child_capacity;
    uint32_t *group_row; /* scratch: group → candidate */
    size_t group_row_capacity;
    struct jb_top_row *rows;
    size_t row_count, row_capacity;
    uint64_t *collapsed; /* keys, unordered */
    size_t collapsed_count, collapsed_capacity;
};

enum jb_code jb_top_model_make(struct jb_error *error, struct jb_top_model **ret_model) {
    struct jb_top_model *model = calloc(1, sizeof *model);
    if (!model)
        return jb_error_set(error, JB_MEMORY, "no memory for the table");
    enum jb_code code = jb_top_tables_make(&model->tables, error);
    if (code) {
        jb_top_model_free(model);
        return code;
    }
    model->summary.energy_j = model->summary.power_w = model->summary.idle_power_w = NAN;
    *ret_model = model;
    return JB_OK;
}

void jb_top_model_free(struct jb_top_model *model) {
    if (!model)
        return;
    jb_top_tables_free(&model->tables);
    free(model->candidates);
    free(model->order);
    free(model->first_child);
    free(model->group_row);
    free(model->rows);
    free(model->collapsed);
    free(model);
}

/* --- the header --- */

static void add_text(char *text, size_t size, const char *separator, const char *more) {
    size_t length = strlen(text);
    if (!strstr(text, more) && length + strlen(separator) + strlen(more) + 1 < size)
        snprintf(text + length, size - length, "%s%s", length ? separator : "", more);
}

static const char *source_name(uint32_t source) {
    for (uint32_t i = 0; jb_source_table[i]; i++) {
        if (i == source)
            return jb_source_table[i]->name;
    }
    return "?";
}

static void add_segment(struct jb_top_summary *summary, const char *name, bool is_known, double power_w) {
    if (summary->segment_count == JB_TOP_SEGMENT_COUNT)
        return;
    struct jb_top_segment *segment = &summary->segments[summary->segment_count++];
    *segment = (struct jb_top_segment){.is_known = is_known, .power_w = is_known ? power_w : NAN};
    snprintf(segment->name, sizeof segment->name, "%s", name);
}

static void summarise_domains(struct jb_top_summary *summary, const struct jb_tick *tick, double seconds) {
    double idle_uj = 0;
    bool has_authority = false, idle_is_known = false;
    for (size_t i = 0; i < tick->domain_count; i++) {
        const struct jb_metered_domain *one = &tick->domains[i];
        if (one->place != JB_COVER_AUTHORITY && one->place != JB_COVER_PART)
            continue;
        bool is_known = one->known && seconds > 0;
        has_authority = has_authority || one->place == JB_COVER_AUTHORITY;
        add_text(summary->sources, sizeof summary->sources, ", ", source_name(one->source));
        if (one->place == JB_COVER_PART) {
            add_segment(summary, one->domain.account, is_known,
                        is_known ? (double)one->energy_uj / 1e6 / seconds : NAN);
            idle_is_known = idle_is_known || is_known;
            idle_uj += is_known ? (double)one->idle_uj : 0;
        }
        if (!is_known && seconds > 0) {
            char reason[128];
            snprintf(reason, sizeof reason, "%s: %s", one->domain.account,
                     one->unknown_reason && one->unknown_reason[0] ? one->unknown_reason : "no value");
            add_text(summary->unknown, sizeof summary->unknown, "; ", reason);
        }
    }
    summary->idle_power_w = idle_is_known && seconds > 0 ? idle_uj / 1e6 / seconds : NAN;
    summary->has_authority = has_authority;
}

/* Uncertainty and method of the total, by the same rule as for `run`. */
static enum jb_code summarise_evidence(struct jb_top_summary *summary, const struct jb_tick *tick,
                                       const struct jb_slot *slots, struct jb_error *error) {
    _cleanup_free_ struct jb_run_energy *energy = calloc(1, sizeof *energy);
    if (!energy)
        return jb_error_set(error, JB_MEMORY, "no memory for the table");
    jb_run_energy_add(energy, tick, slots, (struct jb_run_selection){0});
    summary->uncertainty = jb_run_energy_uncertainty(energy, false);
    summary->method = jb_run_energy_method(energy, false);
    return JB_OK;
}

enum jb_code jb_top_model_update(struct jb_top_model *model, const struct jb_tick *tick,
                                 const struct jb_slot *slots, struct jb_error *error) {
    struct jb_top_summary *summary = &model->summary;
    double seconds = (double)tick->elapsed_ns / 1e9;
    enum jb_code code = jb_top_tables_update(&model->tables, tick, slots, error);
    if (code)
        return code;
    model->elapsed_ns = tick->elapsed_ns;
    model->is_known = !isnan(tick->host_power_w);
    model->was_ever_known = model->was_ever_known || model->is_known;
    model->has_processes = tick->process_count > 0;
    double energy_j = model->is_known ? (double)tick->energy_uj / 1e6 : 0;
    *summary = (struct jb_top_summary){
        .tick_number = tick->number,
        .realtime_ns = tick->realtime_ns,
        .since_ns = summary->since_ns + tick->elapsed_ns,
        .is_first = tick->elapsed_ns == 0,
        .power_w = tick->host_power_w,
        .energy_j = isnan(summary->energy_j) && !model->is_known
                        ? NAN
                        : (isnan(summary->energy_j) ? 0 : summary->energy_j) + energy_j,
        .process_count = (uint32_t)model->tables.process_count,
        .cpu_count = tick->cpu_count,
        .utilisation = tick->busy_ns + tick->idle_ns > 0
                           ? (double)tick->busy_ns / (double)(tick->busy_ns + tick->idle_ns)
                           : NAN,
    };
    summarise_domains(summary, tick, seconds);
    if (summary->has_authority && model->is_known && seconds > 0)
        add_segment(summary, "rest", true, model->tables.parts[JB_TOP_PART_REST].tick_uj / 1e6 / seconds);
    return summarise_evidence(summary, tick, slots, error);
}

void jb_top_model_reset(struct jb_top_model *model) {
    jb_top_tables_reset(&model->tables);
    model->summary.since_ns = 0;
    model->summary.energy_j = model->was_ever_known ? 0 : NAN;
}

const struct jb_top_summary *jb_top_model_summary(const struct jb_top_model *model) {
    return &model->summary;
}

/* --- rows of each kind --- */

static struct candidate *add_row(struct jb_top_model *model, struct jb_error *error) {
    if (jb_array_reserve(&model->candidates, &model->candidate_capacity, model->candidate_count + 1,
                         ROW_CEILING, "rows", error))
        return NULL;
    struct candidate *added = &model->candidates[model->candidate_count++];
    *added = (struct candidate){.parent = NO_ROW};
    added->row.group = "";
    return added;
}

static void set_use(const struct jb_top_model *model, struct jb_top_row *row, double tick_uj, double total_uj,
                    uint64_t tick_cpu_ns, uint64_t time_ns) {
    double seconds = (double)model->elapsed_ns / 1e9;
    bool is_known = model->is_known && seconds > 0;
    row->power_w = is_known ? tick_uj / 1e6 / seconds : NAN;
    row->energy_j = model->was_ever_known ? total_uj / 1e6 : NAN;
    row->share = is_known && model->summary.power_w > 0 ? row->power_w / model->summary.power_w : NAN;
    row->cpus = model->elapsed_ns > 0 ? (double)tick_cpu_ns / (double)model->elapsed_ns : 0;
    row->time_ns = time_ns;
}

static enum jb_code add_host_row(struct jb_top_model *model, uint64_t number, const char *name,
                                 const struct jb_top_use *use, struct jb_error *error) {
    if (use->tick_uj == 0 && use->total_uj == 0 && use->tick_cpu_ns == 0 && use->total_cpu_ns == 0)
        return JB_OK;
    struct candidate *added = add_row(model, error);
    if (!added)
        return JB_MEMORY;
    added->row.key = KEY_HOST | number;
    added->row.kind = JB_TOP_HOST;
    added->row.name = name;
    set_use(model, &added->row, use->tick_uj, use->total_uj, use->tick_cpu_ns, use->total_cpu_ns);
    return JB_OK;
}

/* What belongs to nobody who is alive. Differences of sums of doubles may leave dust: less than 1 µJ is none.
 */
static struct jb_top_use difference(struct jb_top_use whole, double tick_uj, double total_uj,
                                    uint64_t tick_cpu_ns) {
    whole.tick_uj -= tick_uj;
    whole.total_uj -= total_uj;
    if (fabs(whole.tick_uj) < 1)
        whole.tick_uj = 0;
    if (fabs(whole.total_uj) < 1)
        whole.total_uj = 0;
    whole.tick_cpu_ns = whole.tick_cpu_ns > tick_cpu_ns ? whole.tick_cpu_ns - tick_cpu_ns : 0;
    whole.total_cpu_ns = whole.tick_cpu_ns;
    return whole;
}

static enum jb_code add_host_rows(struct jb_top_model *model, struct jb_top_use ended, bool has_kernel_rows,
                                  const struct jb_top_use *kernel, struct jb_error *error) {
    static const char *const names[JB_TOP_PART_COUNT] = {"idle",         "interrupt", "steal",
                                                         "unattributed", "rest",      "kernel"};
    const struct jb_top_use *parts = model->tables.parts;
    if (model->settings.hides_host)
        return JB_OK;
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < JB_TOP_PART_KERNEL; i++) {
        bool is_over = i == JB_TOP_PART_REST && parts[i].total_uj < 0;
        code = add_host_row(model, i, is_over ? "meter-variance" : names[i], &parts[i], error);
    }
    if (!code && !has_kernel_rows)
        code = add_host_row(model, JB_TOP_PART_KERNEL, names[JB_TOP_PART_KERNEL], kernel, error);
    if (!code)
        code = add_host_row(model, HOST_EXITED, "exited", &ended, error);
    return code;
}

static enum jb_code add_processes(struct jb_top_model *model, struct jb_error *error) {
    const struct jb_top_tables *tables = &model->tables;
    bool hides_kernel = model->settings.hides_kernel;
    struct jb_top_use kernel = {0};
    for (size_t i = 0; i < tables->process_count; i++) {
        const struct jb_top_process *process = &tables->processes[i];
        bool is_kernel = process->tick.flags & JB_PROCESS_KERNEL;
        if (is_kernel && hides_kernel) {
            kernel.tick_uj += process->tick.energy_uj;
            kernel.total_uj += process->total_uj;
            kernel.tick_cpu_ns += process->tick.cpu_ns;
            kernel.total_cpu_ns += process->tick.cpu_total_ns;
            continue;
        }
        struct candidate *added = add_row(model, error);
        if (!added)
            return JB_MEMORY;
        struct jb_top_row *row = &added->row;
        row->key = jb_top_process_key(process->tick.pid, process->tick.start_ns);
        row->kind = is_kernel ? JB_TOP_KERNEL_THREAD : JB_TOP_PROCESS;
        row->pid = process->tick.pid;
        row->start_ns = process->tick.start_ns;
        row->process_count = 1;
        row->name = process->command && process->command[0] ? process->command : process->tick.comm;
        if (process->group != JB_STRING_NONE)
            row->group = tables->containers[tables->groups[process->group].container].name;
        added->parent = (uint32_t)process->tick.parent_pid; /* a pid for now: see link_processes */
        set_use(model, row, process->tick.energy_uj, process->total_uj, process->tick.cpu_ns,
                process->tick.cpu_total_ns);
    }
    struct jb_top_use ended = difference(tables->workloads, tables->living.tick_uj, tables->living.total_uj,
                                         tables->living.tick_cpu_ns);
    return add_host_rows(model, ended, !hides_kernel, &kernel, error);
}

static enum jb_code add_groups(struct jb_top_model *model, const struct jb_top_group *groups, size_t count,
                               const struct jb_strings *paths, struct jb_error *error) {
    const struct jb_top_tables *tables = &model->tables;
    enum jb_code code = jb_array_reserve(&model->group_row, &model->group_row_capacity, count,
                                         JB_TOP_GROUP_CEILING + 1, "rows", error);
    if (code)
        return code;
    double tick_uj = 0, total_uj = 0;
    uint64_t tick_cpu_ns = 0;
    size_t first = model->candidate_count;
    for (size_t i = 0; i < count; i++)
        model->group_row[i] = NO_ROW;
    for (size_t i = 0; i < count; i++) {
        /* Without a load of processes nobody knows which groups have some. */
        if (!groups[i].is_alive && model->has_processes)
            continue;
        for (uint32_t at = (uint32_t)i; at != JB_STRING_NONE && model->group_row[at] == NO_ROW;) {
            const struct jb_top_group *group = &groups[at];
            struct candidate *added = add_row(model, error);
            if (!added)
                return JB_MEMORY;
            model->group_row[at] = (uint32_t)(model->candidate_count - 1);
            const char *name = paths ? jb_strings_text(paths, at) : group->name;
            added->row = (struct jb_top_row){.kind = JB_TOP_GROUP,
                                             .key = (paths ? KEY_GROUP : KEY_CONTAINER) | at,
                                             .process_count = group->process_count,
                                             .name = name,
                                             .group = tables->containers[group->container].what};
            added->parent = group->parent; /* a group for now */
            set_use(model, &added->row, group->use.tick_uj, group->use.total_uj, group->use.tick_cpu_ns,
                    group->use.total_cpu_ns);
            tick_uj += group->use.tick_uj;
            total_uj += group->use.total_uj;
            tick_cpu_ns += group->use.tick_cpu_ns;
            /* In a tree the groups above must stand, alive themselves or not. */
            at = model->settings.is_tree ? group->parent : JB_STRING_NONE;
        }
    }
    for (size_t i = first; i < model->candidate_count; i++) {
        uint32_t parent = model->candidates[i].parent;
        model->candidates[i].parent = parent == JB_STRING_NONE ? NO_ROW : model->group_row[parent];
    }
    const struct jb_top_use *kernel = &tables->parts[JB_TOP_PART_KERNEL];
    struct jb_top_use ended = difference(tables->workloads, tick_uj + kernel->tick_uj,
                                         total_uj + kernel->total_uj, tick_cpu_ns + kernel->tick_cpu_ns);
    return add_host_rows(model, ended, false, kernel, error);
}

/* --- filter, tree, order --- */

static bool has_text(const char *where, const char *what, size_t length) {
    for (; *where; where++) {
        if (strncasecmp(where, what, length) == 0)
            return true;
    }
    return length == 0;
}

static bool row_has(const struct jb_top_row *row, const char *text, size_t length) {
    char pid[16];
    if (has_text(row->name, text, length) || has_text(row->group, text, length))
        return true;
    if (row->pid <= 0)
        return false;
    snprintf(pid, sizeof pid, "%d", row->pid);
    return strlen(pid) == length && strncmp(pid, text, length) == 0;
}

static bool is_wanted(const struct jb_top_settings *settings, const struct jb_top_row *row) {
    if (settings->hides_quiet && !(row->power_w > 0) && row->cpus <= 0)
        return false;
    if (!settings->filter[0])
        return true;
    for (const char *part = settings->filter;;) {
        size_t length = strcspn(part, "|");
        if (length > 0 && row_has(row, part, length))
            return true;
        if (part[length] == '\0')
            return false;
        part += length + 1;
    }
}

static int compare_figures(double a, double b) {
    /* Unknown stands last. */
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a < b) - (a > b);
}

static int compare_by(enum jb_top_sort sort, const struct jb_top_row *a, const struct jb_top_row *b) {
    switch (sort) {
    case JB_TOP_SORT_POWER:
        return compare_figures(a->power_w, b->power_w);
    case JB_TOP_SORT_ENERGY:
        return compare_figures(a->energy_j, b->energy_j);
    case JB_TOP_SORT_CPU:
        return compare_figures(a->cpus, b->cpus);
    case JB_TOP_SORT_TIME:
        return (a->time_ns < b->time_ns) - (a->time_ns > b->time_ns);
    case JB_TOP_SORT_PID:
        if (a->pid != b->pid)
            return (a->pid > b->pid) - (a->pid < b->pid);
        return (a->process_count < b->process_count) - (a->process_count > b->process_count);
    case JB_TOP_SORT_GROUP:
        return strcasecmp(a->group, b->group);
    case JB_TOP_SORT_NAME:
        return strcasecmp(a->name, b->name);
    case JB_TOP_SORT_COUNT:
        break;
    }
    return 0;
}

static int compare_rows(const struct jb_top_settings *settings, const struct jb_top_row *a,
                        const struct jb_top_row *b) {
    int difference = compare_by(settings->sort, a, b);
    if (difference)
        return settings->is_reversed ? -difference : difference;
    /* Where power says nothing CPU time does; then an order that does not change from tick to tick. */
    if (!(difference = compare_figures(a->cpus, b->cpus)) && a->pid != b->pid)
        difference = a->pid < b->pid ? -1 : 1;
    return difference ? difference : (a->key > b->key) - (a->key < b->key);
}

static int compare_candidates(const void *left, const void *right, void *context) {
    const struct jb_top_model *model = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct candidate *one = &model->candidates[a], *two = &model->candidates[b];
    if (model->settings.is_tree && one->parent != two->parent)
        return one->parent + 1 < two->parent + 1 ? -1 : 1; /* roots (NO_ROW + 1 = 0) first */
    return compare_rows(&model->settings, &one->row, &two->row);
}

static int compare_pids(const void *left, const void *right, void *context) {
    const struct jb_top_model *model = context;
    int32_t a = model->candidates[*(const uint32_t *)left].row.pid;
    int32_t b = model->candidates[*(const uint32_t *)right].row.pid;
    return (a > b) - (a < b);
}

/* Turns parents that are pids into parents that are candidates. order is scratch. */
static void link_processes(struct jb_top_model *model) {
    size_t count = model->candidate_count;
    qsort_r(model->order, count, sizeof *model->order, compare_pids, model);
    for (size_t i = 0; i < count; i++) {
        struct candidate *one = &model->candidates[i];
        int32_t wanted = (int32_t)one->parent;
        size_t low = 0, high = count;
        bool is_process = one->row.kind != JB_TOP_HOST;
        one->parent = NO_ROW;
        while (is_process && wanted > 0 && wanted != one->row.pid && low < high) {
            size_t middle = low + (high - low) / 2;
            int32_t pid = model->candidates[model->order[middle]].row.pid;
            if (pid == wanted) {
                one->parent = model->order[middle];
                break;
            }
            if (pid < wanted)
                low = middle + 1;
            else
                high = middle;
        }
    }
}

/* Keeps what leads to a wanted row. A ring of parents (a pid used again between two reads) is cut. */
static void keep_ancestors(struct jb_top_model *model) {
    for (size_t i = 0; i < model->candidate_count; i++) {
        uint32_t at = (uint32_t)i;
        size_t steps = 0;
        while (model->candidates[at].parent != NO_ROW) {
            if (++steps > model->candidate_count) {
                model->candidates[i].parent = NO_ROW;
                break;
            }
            at = model->candidates[at].parent;
        }
    }
    for (size_t i = 0; i < model->candidate_count; i++) {
        uint32_t at = (uint32_t)i;
        if (!model->candidates[i].is_wanted)
            continue;
        while (at != NO_ROW && !model->candidates[at].is_kept) {
            model->candidates[at].is_kept = true;
            at = model->candidates[at].parent;
        }
    }
}

static bool is_collapsed(const struct jb_top_model *model, uint64_t key) {
    for (size_t i = 0; i < model->collapsed_count; i++) {
        if (model->collapsed[i] == key)
            return true;
    }
    return false;
}

static void add_figures(struct jb_top_row *to, const struct jb_top_row *from) {
    to->power_w += from->power_w;
    to->energy_j += from->energy_j;
    to->share += from->share;
    to->cpus += from->cpus;
    to->time_ns += from->time_ns;
    to->process_count += from->process_count;
}

/* Where the children of a candidate begin and end in order. */
static size_t children_end(const struct jb_top_model *model, uint32_t parent, size_t begin, size_t kept) {
    size_t end = begin;
    while (end < kept && model->candidates[model->order[end]].parent == parent)
        end++;
    return end;
}

struct level {
    size_t at, end; /* in order */
};

/* Walks the tree from its roots. Below a collapsed row nothing is emitted, its figures take the rows' in. */
static enum jb_code emit_tree(struct jb_top_model *model, size_t kept, struct jb_error *error) {
    /* The depth is bounded by the number of rows; the stack is bounded by 64 shown levels and what lies
     * deeper is shown at the last level. */
    _cleanup_free_ struct level *stack = malloc((kept + 1) * sizeof *stack);
    if (!stack)
        return jb_error_set(error, JB_MEMORY, "no memory for the tree");
    size_t depth = 0, folded_depth = SIZE_MAX, folded_row = 0;
    uint64_t open = 0;
    stack[0] = (struct level){.at = 0, .end = children_end(model, NO_ROW, 0, kept)};
    for (;;) {
        struct level *level = &stack[depth];
        if (level->at == level->end) {
            if (depth-- == 0)
                return JB_OK;
            if (folded_depth != SIZE_MAX && depth <= folded_depth)
                folded_depth = SIZE_MAX;
            continue;
        }
        uint32_t index = model->order[level->at++];
        bool is_last = level->at == level->end;
        size_t begin = model->first_child[index];
        size_t end = begin == NO_ROW ? begin : children_end(model, index, begin, kept);
        if (folded_depth != SIZE_MAX) {
            add_figures(&model->rows[folded_row], &model->candidates[index].row);
        } else {
            struct jb_top_row *row = &model->rows[model->row_count];
            *row = model->candidates[index].row;
            row->depth = (unsigned)(depth < 63 ? depth : 63);
            row->is_last = is_last;
            row->open_levels = open & ((UINT64_C(1) << row->depth) - 1);
            row->has_children = begin != NO_ROW;
            row->is_collapsed = row->has_children && is_collapsed(model, row->key);
            open = (open & ~(UINT64_C(1) << row->depth)) | ((uint64_t)!is_last << row->depth);
            if (row->is_collapsed) {
                folded_depth = depth;
                folded_row = model->row_count;
            }
            model->row_count++;
        }
        if (begin != NO_ROW)
            stack[++depth] = (struct level){.at = begin, .end = end};
    }
}

static enum jb_code gather(struct jb_top_model *model, struct jb_error *error) {
    const struct jb_top_tables *tables = &model->tables;
    model->candidate_count = 0;
    switch (model->settings.by) {
    case JB_TOP_BY_CGROUP:
        return add_groups(model, tables->groups, jb_strings_count(tables->paths), tables->paths, error);
    case JB_TOP_BY_CONTAINER:
        return add_groups(model, tables->containers, jb_strings_count(tables->container_keys), NULL, error);
    default:
        return add_processes(model, error);
    }
}

static enum jb_code reserve_order(struct jb_top_model *model, struct jb_error *error) {
    size_t count = model->candidate_count;
    enum jb_code code =
        jb_array_reserve(&model->order, &model->order_capacity, count, ROW_CEILING, "rows", error);
    if (!code)
        code = jb_array_reserve(&model->first_child, &model->first_child_capacity, count, ROW_CEILING, "rows",
                                error);
    if (!code)
        code = jb_array_reserve(&model->rows, &model->row_capacity, count, ROW_CEILING, "rows", error);
    return code;
}

enum jb_code jb_top_model_arrange(struct jb_top_model *model, const struct jb_top_settings *settings,
                                  struct jb_error *error) {
    model->settings = *settings;
    model->row_count = 0;
    enum jb_code code = gather(model, error);
    if (!code)
        code = reserve_order(model, error);
    if (code)
        return code;
    size_t count = model->candidate_count, kept = 0;
    for (size_t i = 0; i < count; i++)
        model->order[i] = (uint32_t)i;
    if (settings->is_tree && settings->by == JB_TOP_BY_PROCESS)
        link_processes(model);
    double shown_w = 0;
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        struct candidate *one = &model->candidates[i];
        one->is_wanted = one->is_kept = is_wanted(settings, &one->row);
        if (one->is_wanted) {
            wanted++;
            shown_w += isnan(one->row.power_w) ? 0 : one->row.power_w;
        }
    }
    if (settings->is_tree) {
        for (size_t i = 0; i < count; i++)
            model->candidates[i].is_kept = false;
        keep_ancestors(model);
    }
    for (size_t i = 0; i < count; i++) {
        if (model->candidates[i].is_kept)
            model->order[kept++] = (uint32_t)i;
    }
    if (kept > 0)
        qsort_r(model->order, kept, sizeof *model->order, compare_candidates, model);
    model->summary.shown_count = wanted;
    model->summary.total_count = count;
    model->summary.shown_power_w = model->is_known ? shown_w : NAN;
    if (!settings->is_tree) {
        for (size_t i = 0; i < kept; i++)
            model->rows[model->row_count++] = model->candidates[model->order[i]].row;
        return JB_OK;
    }
    for (size_t i = 0; i < count; i++)
        model->first_child[i] = NO_ROW;
    for (size_t i = kept; i-- > 0;) {
        uint32_t parent = model->candidates[model->order[i]].parent;
        if (parent != NO_ROW)
            model->first_child[parent] = (uint32_t)i;
    }
    return emit_tree(model, kept, error);
}

const struct jb_top_row *jb_top_model_rows(const struct jb_top_model *model, size_t *ret_count) {
    *ret_count = model->row_count;
    return model->rows;
}

/* --- what the screen asks for --- */

size_t jb_top_model_find(const struct jb_top_model *model, uint64_t key) {
    size_t at = 0;
    while (at < model->row_count && model->rows[at].key != key)
        at++;
    return at;
}

size_t jb_top_model_search(const struct jb_top_model *model, const char *text, size_t from,
                           bool is_backward) {
    size_t count = model->row_count, length = strlen(text);
    for (size_t step = 0; length > 0 && step < count; step++) {
        size_t at = is_backward ? (from + count - step) % count : (from + step) % count;
        if (row_has(&model->rows[at], text, length))
            return at;
    }
    return count;
}

enum jb_code jb_top_model_collapse(struct jb_top_model *model, uint64_t key, bool is_wanted_collapsed,
                                   struct jb_error *error) {
    for (size_t i = 0; i < model->collapsed_count; i++) {
        if (model->collapsed[i] != key)
            continue;
        if (!is_wanted_collapsed)
            model->collapsed[i] = model->collapsed[--model->collapsed_count];
        return JB_OK;
    }
    if (!is_wanted_collapsed)
        return JB_OK;
    enum jb_code code = jb_array_reserve(&model->collapsed, &model->collapsed_capacity,
                                         model->collapsed_count + 1, COLLAPSED_CEILING, "folded rows", error);
    if (!code)
        model->collapsed[model->collapsed_count++] = key;
    return code;
}

bool jb_top_model_needs_command(const struct jb_top_model *model, const struct jb_top_row *row) {
    if (row->kind != JB_TOP_PROCESS)
        return false;
    const struct jb_top_process *process = jb_top_tables_process(&model->tables, row->key);
    return process && !process->command;
}

enum jb_code jb_top_model_set_command(struct jb_top_model *model, uint64_t key, const char *command,
                                      struct jb_error *error) {
    struct jb_top_process *process = jb_top_tables_process(&model->tables, key);
    if (!process)
        return JB_OK;
    char *copy = strndup(command, JB_TOP_COMMAND_SIZE - 1);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for a command line");
    free(process->command);
    process->command = copy;
    size_t at = jb_top_model_find(model, key);
    if (at < model->row_count)
        model->rows[at].name = copy[0] ? copy : process->tick.comm;
    return JB_OK;
}

static const char *const sort_names[JB_TOP_SORT_COUNT] = {"power", "energy", "cpu", "time",
                                                          "pid",   "group",  "name"};
static const char *const by_names[JB_TOP_BY_COUNT] = {"process", "cgroup", "container"};

const char *jb_top_sort_name(enum jb_top_sort sort) {
    return sort_names[sort];
}

const char *jb_top_by_name(enum jb_top_by by) {
    return by_names[by];
}

bool jb_top_sort_parse(const char *text, enum jb_top_sort *ret_sort) {
    for (int i = 0; i < JB_TOP_SORT_COUNT; i++) {
        if (strcmp(text, sort_names[i]) == 0) {
            *ret_sort = (enum jb_top_sort)i;
            return true;
        }
    }
    return false;
}

bool jb_top_by_parse(const char *text, enum jb_top_by *ret_by) {
    for (int i = 0; i < JB_TOP_BY_COUNT; i++) {
        if (strcmp(text, by_names[i]) == 0) {
            *ret_by = (enum jb_top_by)i;
            return true;
        }
    }
    return false;
}
