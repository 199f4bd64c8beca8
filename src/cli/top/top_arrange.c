/* Filters rows, orders them and puts them into their tree. */
#include "base/array.h"
#include "cli/top/top_model_internal.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static bool has_text(const char *where, const char *what, size_t length) {
    for (; *where; where++) {
        if (strncasecmp(where, what, length) == 0)
            return true;
    }
    return length == 0;
}

bool jb_top_row_has(const struct jb_top_row *row, const char *text, size_t length) {
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
        if (length > 0 && jb_top_row_has(row, part, length))
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
    const struct jb_top_candidate *one = &model->candidates[a], *two = &model->candidates[b];
    if (model->settings.is_tree && one->parent != two->parent)
        return one->parent + 1 < two->parent + 1 ? -1 : 1; /* roots (JB_TOP_NO_ROW + 1 = 0) first */
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
        struct jb_top_candidate *one = &model->candidates[i];
        int32_t wanted = (int32_t)one->parent;
        size_t low = 0, high = count;
        bool is_process = one->row.kind != JB_TOP_HOST;
        one->parent = JB_TOP_NO_ROW;
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
        while (model->candidates[at].parent != JB_TOP_NO_ROW) {
            if (++steps > model->candidate_count) {
                model->candidates[i].parent = JB_TOP_NO_ROW;
                break;
            }
            at = model->candidates[at].parent;
        }
    }
    for (size_t i = 0; i < model->candidate_count; i++) {
        uint32_t at = (uint32_t)i;
        if (!model->candidates[i].is_wanted)
            continue;
        while (at != JB_TOP_NO_ROW && !model->candidates[at].is_kept) {
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
    stack[0] = (struct level){.at = 0, .end = children_end(model, JB_TOP_NO_ROW, 0, kept)};
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
        size_t end = begin == JB_TOP_NO_ROW ? begin : children_end(model, index, begin, kept);
        if (folded_depth != SIZE_MAX) {
            add_figures(&model->rows[folded_row], &model->candidates[index].row);
        } else {
            struct jb_top_row *row = &model->rows[model->row_count];
            *row = model->candidates[index].row;
            row->depth = (unsigned)(depth < 63 ? depth : 63);
            row->is_last = is_last;
            row->open_levels = open & ((UINT64_C(1) << row->depth) - 1);
            row->has_children = begin != JB_TOP_NO_ROW;
            row->is_collapsed = row->has_children && is_collapsed(model, row->key);
            open = (open & ~(UINT64_C(1) << row->depth)) | ((uint64_t)!is_last << row->depth);
            if (row->is_collapsed) {
                folded_depth = depth;
                folded_row = model->row_count;
            }
            model->row_count++;
        }
        if (begin != JB_TOP_NO_ROW)
            stack[++depth] = (struct level){.at = begin, .end = end};
    }
}

static enum jb_code reserve_order(struct jb_top_model *model, struct jb_error *error) {
    size_t count = model->candidate_count;
    enum jb_code code =
        jb_array_reserve(&model->order, &model->order_capacity, count, JB_TOP_ROW_CEILING, "rows", error);
    if (!code)
        code = jb_array_reserve(&model->first_child, &model->first_child_capacity, count, JB_TOP_ROW_CEILING,
                                "rows", error);
    if (!code)
        code = jb_array_reserve(&model->rows, &model->row_capacity, count, JB_TOP_ROW_CEILING, "rows", error);
    return code;
}

enum jb_code jb_top_model_arrange(struct jb_top_model *model, const struct jb_top_settings *settings,
                                  struct jb_error *error) {
    model->settings = *settings;
    model->row_count = 0;
    enum jb_code code = jb_top_model_gather(model, error);
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
        struct jb_top_candidate *one = &model->candidates[i];
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
        model->first_child[i] = JB_TOP_NO_ROW;
    for (size_t i = kept; i-- > 0;) {
        uint32_t parent = model->candidates[model->order[i]].parent;
        if (parent != JB_TOP_NO_ROW)
            model->first_child[parent] = (uint32_t)i;
    }
    return emit_tree(model, kept, error);
}

const struct jb_top_row *jb_top_model_rows(const struct jb_top_model *model, size_t *ret_count) {
    *ret_count = model->row_count;
    return model->rows;
}
