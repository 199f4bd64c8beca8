/* Post-stratification, raking, trimming; and the targets of a plan over the rows of a survey. */
#include "survey/calibrate.h"

#include "base/memory.h"
#include "base/strings.h"
#include "survey/calibrate_work.h"

#include <assert.h>
#include <string.h>

#define SUM_TOLERANCE 1e-6 /* by which totals of targets may differ, relative */

void jb_targets_free(struct jb_targets *targets) {
    if (!targets)
        return;
    for (size_t i = 0; i < targets->count; i++) {
        jb_classes_free(&targets->items[i].classes);
        free(targets->items[i].wanted);
        free(targets->items[i].number);
    }
    free(targets->cell);
    free(targets);
}

void jb_calibrated_free(struct jb_calibrated *calibrated) {
    if (!calibrated)
        return;
    free(calibrated->weight);
    calibrated->weight = NULL;
}

/* ---- targets ---- */

static enum jb_code take_total(struct jb_targets *targets, struct jb_target_rows *item,
                               struct jb_error *error) {
    const char *name = item->target->columns.items[0];
    const struct jb_answer_column *column = jb_answers_column(targets->answers, name);
    item->total = item->target->total;
    item->number = jb_memory_large(targets->row_count * sizeof(*item->number));
    if (!item->number)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", targets->row_count);
    for (size_t row = 0; row < targets->row_count; row++) {
        item->number[row] = jb_answer_number(column, row);
        if (isnan(item->number[row]))
            return jb_answers_wrong(
                targets->answers, row, name, error,
                "weights are calibrated to its total, so it has to be a number; fill it in");
    }
    return JB_OK;
}

/* Wanted counts of the classes; every level has to be there, and every class wanted. */
static enum jb_code match_levels(struct jb_targets *targets, struct jb_target_rows *item,
                                 struct jb_error *error) {
    const struct jb_plan_target *target = item->target;
    const char *name = jb_answers_name(targets->answers);
    double sum = 0, size = targets->plan->calibration.size;
    for (size_t i = 0; i < target->level_count; i++) {
        uint32_t class = 0;
        while (class < item->classes.count &&
               strcmp(item->classes.items[class].text, target->levels[i].text) != 0)
            class ++;
        sum += target->levels[i].value;
        if (class < item->classes.count)
            item->wanted[class] = target->levels[i].value;
        else if (target->levels[i].value > 0)
            return jb_error_set(
                error, JB_INPUT,
                "%s: nobody has '%.60s', which target '%.60s' wants %.15g of; join it with another "
                "level",
                name, target->levels[i].text, target->name, target->levels[i].value);
    }
    for (uint32_t class = 0; class < item->classes.count; class ++) {
        if (!(item->wanted[class] > 0))
            return jb_error_set(
                error, JB_INPUT,
                "%s: target '%.60s' wants nobody of '%.60s', but some are in the sample; give it a "
                "count, or leave them out",
                name, target->name, item->classes.items[class].text);
        if (size > 0)
            item->wanted[class] *= size / sum;
    }
    if (size > 0 && fabs(sum - 1) > 1e-3 && fabs(sum - 100) > 0.1)
        return jb_error_set(
            error, JB_INPUT,
            "target '%.60s': its levels sum to %.15g; with a population they are shares, that sum to 1 "
            "or 100",
            target->name, sum);
    return JB_OK;
}

static enum jb_code take_levels(struct jb_targets *targets, struct jb_target_rows *item,
                                struct jb_error *error) {
    enum jb_code code = jb_classes_make(targets->answers, &item->target->columns, error, &item->classes);
    if (code)
        return code;
    for (size_t row = 0; row < targets->row_count; row++) {
        if (item->classes.of_row[row] == JB_CLASS_NONE)
            return jb_answers_wrong(targets->answers, row, item->target->columns.items[0], error,
                                    "weights are calibrated to its level, and there is none; fill it in");
    }
    item->wanted = calloc(item->classes.count, sizeof(*item->wanted));
    if (!item->wanted)
        return jb_error_set(error, JB_MEMORY, "no memory for %u levels", item->classes.count);
    return match_levels(targets, item, error);
}

static double sum_wanted(const struct jb_target_rows *item) {
    double sum = 0;
    for (uint32_t class = 0; class < item->classes.count; class ++)
        sum += item->wanted[class];
    return sum;
}

/* All levels of one population have the same sum. */
static enum jb_code check_sums(const struct jb_targets *targets, struct jb_error *error) {
    const struct jb_target_rows *first = NULL;
    for (size_t i = 0; i < targets->count; i++) {
        const struct jb_target_rows *item = &targets->items[i];
        if (item->number)
            continue;
        first = first ? first : item;
        if (fabs(sum_wanted(item) - sum_wanted(first)) > SUM_TOLERANCE * sum_wanted(first))
            return jb_error_set(
                error, JB_INPUT,
                "the levels of target '%.60s' sum to %.15g and those of '%.60s' to %.15g; they are of "
                "one population, so mend one, or give shares with population = its size",
                item->target->name, sum_wanted(item), first->target->name, sum_wanted(first));
    }
    return JB_OK;
}

/* Combinations of levels that rows have, numbered as they are met. */
static enum jb_code number_cells(struct jb_targets *targets, struct jb_error *error) {
    size_t rows = targets->row_count, slot_count = 16;
    while (slot_count < 2 * rows)
        slot_count *= 2;
    _cleanup_free_ uint64_t *keys = malloc(slot_count * sizeof(*keys));
    _cleanup_free_ uint32_t *numbers = malloc(slot_count * sizeof(*numbers));
    targets->cell = calloc(rows, sizeof(*targets->cell));
    if (!keys || !numbers || !targets->cell)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    targets->cell_count = 1;
    for (size_t i = 0; i < targets->count; i++) {
        const struct jb_target_rows *item = &targets->items[i];
        if (item->number)
            continue;
        targets->cell_count = 0;
        memset(numbers, 0xff, slot_count * sizeof(*numbers));
        for (size_t row = 0; row < rows; row++) {
            uint64_t key = (uint64_t)targets->cell[row] * item->classes.count + item->classes.of_row[row];
            size_t slot = jb_hash_uint64(key) & (slot_count - 1);
            while (numbers[slot] != UINT32_MAX && keys[slot] != key)
                slot = (slot + 1) & (slot_count - 1);
            if (numbers[slot] == UINT32_MAX) {
                keys[slot] = key;
                numbers[slot] = targets->cell_count++;
            }
            targets->cell[row] = numbers[slot];
        }
    }
    return JB_OK;
}

enum jb_code jb_targets_make(const struct jb_plan *plan, const struct jb_answers *answers,
                             struct jb_error *error, struct jb_targets **ret_targets) {
    _cleanup_(jb_targets_free_cleanup) struct jb_targets *made = calloc(1, sizeof(*made));
    if (!made)
        return jb_error_set(error, JB_MEMORY, "no memory for targets");
    made->plan = plan, made->answers = answers, made->row_count = jb_answers_count(answers);
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < plan->target_count && !code; i++) {
        struct jb_target_rows *item = &made->items[made->count++];
        item->target = &plan->targets[i];
        code = item->target->is_number ? take_total(made, item, error) : take_levels(made, item, error);
    }
    if (!code)
        code = check_sums(made, error);
    if (!code)
        code = number_cells(made, error);
    if (!code)
        *ret_targets = JB_TAKE(made);
    return code;
}

/* ---- raking: cells of one combination of levels have one factor ---- */

struct cells {
    size_t count;
    uint32_t *row;          /* one row of each, which names its levels */
    double *start, *weight; /* before, and now */
    double *before;         /* a turn ago */
    double *margin;         /* [class] of the target at hand */
};

static void free_cells(struct cells *cells) {
    free(cells->row);
    free(cells->start);
    free(cells->weight);
    free(cells->before);
    free(cells->margin);
}

static enum jb_code make_cells(const struct jb_targets *targets, const double *weight, struct jb_error *error,
                               struct cells *ret_cells) {
    size_t count = targets->cell_count, classes = 1;
    for (size_t i = 0; i < targets->count; i++)
        classes = targets->items[i].classes.count > classes ? targets->items[i].classes.count : classes;
    *ret_cells = (struct cells){.count = count,
                                .row = calloc(count, sizeof(uint32_t)),
                                .start = calloc(count, sizeof(double)),
                                .weight = calloc(count, sizeof(double)),
                                .before = calloc(count, sizeof(double)),
                                .margin = calloc(classes, sizeof(double))};
    if (!ret_cells->row || !ret_cells->start || !ret_cells->weight || !ret_cells->before ||
        !ret_cells->margin)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu cells", count);
    for (size_t row = 0; row < targets->row_count; row++) {
        ret_cells->row[targets->cell[row]] = (uint32_t)row;
        ret_cells->start[targets->cell[row]] += weight[row];
    }
    memcpy(ret_cells->weight, ret_cells->start, count * sizeof(double));
    return JB_OK;
}

/* One target's levels brought to what is wanted; the largest relative misfit there was. */
static enum jb_code adjust(const struct jb_target_rows *item, struct cells *cells, struct jb_error *error,
                           double *ret_misfit) {
    memset(cells->margin, 0, item->classes.count * sizeof(*cells->margin));
    for (size_t i = 0; i < cells->count; i++)
        cells->margin[item->classes.of_row[cells->row[i]]] += cells->weight[i];
    for (uint32_t class = 0; class < item->classes.count; class ++) {
        double factor = item->wanted[class] / cells->margin[class];
        if (!(cells->margin[class] > 0))
            return jb_error_set(
                error, JB_INPUT,
                "target '%.60s': everybody of '%.60s' has the weight 0, so it cannot be weighted up; "
                "join it with another level",
                item->target->name, item->classes.items[class].text);
        *ret_misfit = fmax(*ret_misfit, fabs(1 / factor - 1));
        cells->margin[class] = factor;
    }
    for (size_t i = 0; i < cells->count; i++)
        cells->weight[i] *= cells->margin[item->classes.of_row[cells->row[i]]];
    return JB_OK;
}

/* Iterative proportional fitting (Deming and Stephan 1940). Converged, as R's survey has it, once no cell of
 * all targets crossed moves by more than the tolerance, times the sum of the weights. */
static enum jb_code rake(const struct jb_targets *targets, const double *weight, struct jb_error *error,
                         double *ret_factor, struct jb_calibrated *calibrated) {
    const struct jb_plan_calibration *settings = &targets->plan->calibration;
    struct cells cells = {0};
    enum jb_code code = make_cells(targets, weight, error, &cells);
    bool is_post = settings->method == JB_CALIBRATE_POSTSTRATIFY;
    double all = 0;
    for (size_t i = 0; i < cells.count && !code; i++)
        all += cells.start[i];
    unsigned turns = is_post ? 1 : settings->iterations;
    for (unsigned turn = 0; turn < turns && !code && !calibrated->is_converged; turn++) {
        double moved = 0, misfit = 0;
        memcpy(cells.before, cells.weight, cells.count * sizeof(*cells.weight));
        for (size_t i = 0; i < targets->count && !code; i++)
            code = adjust(&targets->items[i], &cells, error, &misfit);
        for (size_t i = 0; i < cells.count; i++)
            moved = fmax(moved, fabs(cells.weight[i] - cells.before[i]));
        calibrated->iterations = turn + 1;
        calibrated->is_converged = is_post || moved < settings->tolerance * all;
    }
    for (size_t row = 0; row < targets->row_count && !code; row++) {
        uint32_t cell = targets->cell[row];
        ret_factor[row] = cells.start[cell] > 0 ? cells.weight[cell] / cells.start[cell] : 1;
    }
    free_cells(&cells);
    return code;
}

/* ---- all methods ---- */

/* What is cut off goes to the others in equal parts, as R's trimWeights has it. */
static enum jb_code trim(const struct jb_plan_calibration *settings, size_t count,
                         struct jb_calibrated *calibrated, struct jb_error *error) {
    double *weight = calibrated->weight;
    for (unsigned turn = 0; turn < (settings->is_trim_strict ? 10000 : 1); turn++) {
        size_t outside = 0;
        long double cut = 0;
        for (size_t i = 0; i < count; i++) {
            double inside = fmin(fmax(weight[i], settings->trim_low), settings->trim_high);
            outside += inside != weight[i];
            cut += weight[i] - inside;
        }
        if (outside == 0)
            return JB_OK;
        if (outside == count)
            return jb_error_set(error, JB_INPUT,
                                "every weight is beyond trim_low or trim_high; the weights are around %g",
                                weight[0]);
        calibrated->trimmed_count += outside;
        double share = (double)(cut / (long double)(count - outside));
        for (size_t i = 0; i < count; i++) {
            double inside = fmin(fmax(weight[i], settings->trim_low), settings->trim_high);
            weight[i] = inside != weight[i] ? inside : weight[i] + share;
        }
    }
    if (!settings->is_trim_strict)
        return JB_OK;
    return jb_error_set(error, JB_INPUT,
                        "trimming does not come to an end; move trim_low and trim_high apart");
}

static double largest_misfit(const struct jb_targets *targets, const double *weight) {
    double largest = 0;
    for (size_t i = 0; i < targets->count; i++) {
        const struct jb_target_rows *item = &targets->items[i];
        for (uint32_t class = 0; class < (item->number ? 1 : item->classes.count); class ++) {
            long double sum = 0;
            double wanted = item->number ? item->total : item->wanted[class];
            for (size_t row = 0; row < targets->row_count; row++) {
                if (item->number)
                    sum += (long double)weight[row] * item->number[row];
                else if (item->classes.of_row[row] == class)
                    sum += weight[row];
            }
            largest = fmax(largest, fabs((double)sum - wanted) / fmax(fabs(wanted), 1e-300));
        }
    }
    return largest;
}

enum jb_code jb_calibrate(const struct jb_targets *targets, const double *weight, struct jb_error *error,
                          struct jb_calibrated *ret_calibrated) {
    const struct jb_plan_calibration *settings = &targets->plan->calibration;
    size_t rows = targets->row_count;
    struct jb_calibrated made = {0};
    double *factor = made.weight = jb_memory_large(rows * sizeof(*factor));
    enum jb_code code = !factor ? jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows)
                        : settings->method <= JB_CALIBRATE_POSTSTRATIFY
                            ? rake(targets, weight, error, factor, &made)
                            : jb_calibrate_newton(targets, weight, error, factor, &made);
    for (size_t row = 0; row < rows && !code; row++)
        made.weight[row] = weight[row] * factor[row];
    if (!code && (isfinite(settings->trim_low) || isfinite(settings->trim_high)))
        code = trim(settings, rows, &made, error);
    if (!code)
        made.misfit = largest_misfit(targets, made.weight);
    if (code)
        jb_calibrated_free(&made);
    else
        *ret_calibrated = made;
    return code;
}

enum jb_code jb_targets_compare(const struct jb_targets *targets, const double *before, const double *after,
                                struct jb_error *error, struct jb_margin **ret_margins, size_t *ret_count) {
    size_t count = 0, at = 0;
    for (size_t i = 0; i < targets->count; i++)
        count += targets->items[i].number ? 1 : targets->items[i].classes.count;
    struct jb_margin *margins = calloc(count ? count : 1, sizeof(*margins));
    if (!margins)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu margins", count);
    for (size_t i = 0; i < targets->count; i++) {
        const struct jb_target_rows *item = &targets->items[i];
        uint32_t classes = item->number ? 1 : item->classes.count;
        for (uint32_t class = 0; class < classes; class ++)
            margins[at + class] =
                (struct jb_margin){.target = item->target,
                                   .text = item->number ? NULL : item->classes.items[class].text,
                                   .label = item->number ? NULL : item->classes.items[class].label,
                                   .wanted = item->number ? item->total : item->wanted[class]};
        for (size_t row = 0; row < targets->row_count; row++) {
            struct jb_margin *margin = &margins[at + (item->number ? 0 : item->classes.of_row[row])];
            double value = item->number ? item->number[row] : 1;
            margin->row_count += before[row] > 0;
            margin->before += before[row] * value;
            margin->after += after[row] * value;
        }
        at += classes;
    }
    *ret_margins = margins;
    *ret_count = count;
    return JB_OK;
}

/* ---- the variance afterwards ---- */

/* Levels as auxiliaries: of post-stratification and raking all of every target. */
static enum jb_code make_levels(const struct jb_targets *targets, struct jb_error *error,
                                struct jb_calibration **ret_calibration) {
    size_t rows = targets->row_count, entries = rows * targets->count;
    struct jb_calibration *made = calloc(1, sizeof(*made));
    if (made) {
        made->first = malloc((rows + 1) * sizeof(*made->first));
        made->auxiliary = malloc(entries * sizeof(*made->auxiliary));
        made->value = malloc(entries * sizeof(*made->value));
    }
    if (!made || !made->first || !made->auxiliary || !made->value) {
        jb_calibration_free(made);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu auxiliaries", entries);
    }
    uint32_t at = 0;
    for (size_t row = 0; row < rows; row++) {
        uint32_t begin = 0;
        made->first[row] = at;
        for (size_t i = 0; i < targets->count; i++) {
            made->auxiliary[at] = begin + targets->items[i].classes.of_row[row];
            made->value[at++] = 1;
            begin += targets->items[i].classes.count;
        }
        made->auxiliary_count = begin;
    }
    made->first[rows] = at;
    made->row_count = rows;
    *ret_calibration = made;
    return JB_OK;
}

enum jb_code jb_calibration_make(const struct jb_targets *targets, const double *weight,
                                 const struct jb_calibrated *calibrated, struct jb_error *error,
                                 struct jb_calibration **ret_calibration) {
    enum jb_calibration_method method = targets->plan->calibration.method;
    size_t rows = targets->row_count;
    struct jb_calibration *made = NULL;
    _cleanup_free_ double *total = NULL;
    if (rows * (targets->count + 1) >= UINT32_MAX)
        return jb_error_set(error, JB_LIMIT, "%zu rows of %zu targets are too many", rows, targets->count);
    enum jb_code code = method <= JB_CALIBRATE_POSTSTRATIFY
                            ? make_levels(targets, error, &made)
                            : jb_calibrate_auxiliaries(targets, error, &made, &total);
    if (code)
        return code;
    made->scale = jb_memory_large(rows * sizeof(*made->scale));
    made->weight = jb_memory_large(rows * sizeof(*made->weight));
    if (!made->scale || !made->weight) {
        jb_calibration_free(made);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    }
    /* The scale is the weight before it was trimmed. */
    struct jb_calibrated untrimmed = {0};
    const struct jb_plan_calibration *settings = &targets->plan->calibration;
    if (calibrated->trimmed_count) {
        code = settings->method <= JB_CALIBRATE_POSTSTRATIFY
                   ? rake(targets, weight, error, made->scale, &untrimmed)
                   : jb_calibrate_newton(targets, weight, error, made->scale, &untrimmed);
    }
    for (size_t row = 0; row < rows; row++) {
        made->scale[row] =
            calibrated->trimmed_count ? weight[row] * made->scale[row] : calibrated->weight[row];
        made->weight[row] = method == JB_CALIBRATE_RAKE ? 1 : weight[row];
    }
    made->is_swept = method == JB_CALIBRATE_RAKE;
    if (code)
        jb_calibration_free(made);
    else
        *ret_calibration = made;
    return code;
}
