/* index.ini: replicate weights, and what the weights are calibrated to. */
#include "base/array.h"
#include "base/number.h"
#include "survey/plan_reader.h"

#include <string.h>

/* ---- [replicates] ---- */

static enum jb_code begin_replicates(struct jb_plan_reader *reader, const char *name) {
    (void)name;
    reader->plan->replicates.line = reader->line;
    return JB_OK;
}

static enum jb_code take_replicates(struct jb_plan_reader *reader, const char *key, char *value) {
    static const char *const types[] = {"none",      "JK1",          "JKn",   "BRR", "Fay",
                                        "bootstrap", "subbootstrap", "other", NULL};
    struct jb_plan_replicates *replicates = &reader->plan->replicates;
    unsigned choice;
    uint64_t whole;
    enum jb_code code = JB_OK;
    if (strcmp(key, "type") == 0) {
        code = jb_plan_read_choice(reader, key, value, types, &choice);
        replicates->type = code ? replicates->type : (enum jb_replication)choice;
    } else if (strcmp(key, "weights") == 0) {
        code = jb_plan_read_list(reader, value, &replicates->weights);
    } else if (strcmp(key, "count") == 0) {
        code = jb_plan_read_whole(reader, key, value, 100000, &whole);
        if (!code && whole < 2)
            code = JB_PLAN_WRONG(reader, "count: fewer than two replicates have no variance");
        replicates->count = code ? replicates->count : (size_t)whole;
    } else if (strcmp(key, "seed") == 0) {
        code = jb_plan_read_whole(reader, key, value, UINT64_C(1) << 53, &replicates->seed);
    } else if (strcmp(key, "rho") == 0) {
        code = jb_plan_read_number(reader, key, value, 0, 0.99, &replicates->rho);
    } else if (strcmp(key, "scale") == 0) {
        code = jb_plan_read_number(reader, key, value, 0, INFINITY, &replicates->scale);
    } else if (strcmp(key, "scales") == 0) {
        code = jb_plan_read_list(reader, value, &replicates->scales);
        for (size_t i = 0; i < replicates->scales.count && !code; i++) {
            double scale;
            code = jb_plan_read_number(reader, key, replicates->scales.items[i], 0, INFINITY, &scale);
        }
    } else if (strcmp(key, "df") == 0) {
        code = jb_plan_read_number(reader, key, value, 1, INFINITY, &replicates->df);
    } else if (strcmp(key, "around") == 0) {
        static const char *const around[] = {"mean", "estimate", NULL};
        code = jb_plan_read_choice(reader, key, value, around, &choice);
        replicates->is_around_estimate = !code && choice == 1;
    } else if (strcmp(key, "combined") == 0) {
        code = jb_plan_read_boolean(reader, key, value, &replicates->is_combined);
    } else {
        code = JB_PLAN_WRONG(
            reader,
            "[replicates] has no key '%.60s'; it may have type, weights, count, seed, rho, scale, "
            "scales, df, around, combined",
            key);
    }
    return code;
}

static enum jb_code check_replicates(struct jb_plan_reader *reader) {
    const struct jb_plan_replicates *replicates = &reader->plan->replicates;
    if (!replicates->line)
        return JB_OK;
    reader->line = replicates->line;
    if (replicates->type == JB_REPLICATE_NONE)
        return JB_PLAN_WRONG(reader, "[replicates] has no type; add: type = JK1, JKn, BRR, Fay, bootstrap, "
                                     "subbootstrap or other");
    size_t count = replicates->weights.count;
    if (count == 1)
        return JB_PLAN_WRONG(reader, "[replicates] has a single column of weights, which has no variance");
    if (replicates->scales.count && replicates->scales.count != count)
        return JB_PLAN_WRONG(reader, "scales has %zu items and weights %zu", replicates->scales.count, count);
    if (replicates->type == JB_REPLICATE_OTHER && (!count || isnan(replicates->scale)))
        return JB_PLAN_WRONG(reader, "type = other needs weights and scale");
    if (replicates->type == JB_REPLICATE_JKN && count && !replicates->scales.count)
        return JB_PLAN_WRONG(reader,
                             "JKn weights in columns need scales: (n_h - 1)/n_h of each replicate's stratum");
    return JB_OK;
}

const struct jb_plan_section jb_plan_section_replicates = {"replicates", false, begin_replicates,
                                                           take_replicates, check_replicates};

/* ---- [calibration] ---- */

static enum jb_code begin_calibration(struct jb_plan_reader *reader, const char *name) {
    (void)name;
    reader->plan->calibration.line = reader->line;
    return JB_OK;
}

static enum jb_code take_calibration(struct jb_plan_reader *reader, const char *key, char *value) {
    static const char *const methods[] = {"rake", "poststratify", "linear", "raking", "logit", NULL};
    struct jb_plan_calibration *calibration = &reader->plan->calibration;
    unsigned choice;
    uint64_t whole;
    enum jb_code code = JB_OK;
    if (strcmp(key, "method") == 0) {
        code = jb_plan_read_choice(reader, key, value, methods, &choice);
        calibration->method = code ? calibration->method : (enum jb_calibration_method)choice;
    } else if (strcmp(key, "population") == 0) {
        code = jb_plan_read_number(reader, key, value, 1e-300, INFINITY, &calibration->size);
    } else if (strcmp(key, "tolerance") == 0) {
        code = jb_plan_read_number(reader, key, value, 1e-14, 0.1, &calibration->tolerance);
    } else if (strcmp(key, "iterations") == 0) {
        code = jb_plan_read_whole(reader, key, value, 100000, &whole);
        calibration->iterations = code ? calibration->iterations : (unsigned)whole;
    } else if (strcmp(key, "low") == 0) {
        code = jb_plan_read_number(reader, key, value, -1e9, 1, &calibration->low);
    } else if (strcmp(key, "high") == 0) {
        code = jb_plan_read_number(reader, key, value, 1, INFINITY, &calibration->high);
    } else if (strcmp(key, "trim_low") == 0) {
        code = jb_plan_read_number(reader, key, value, 0, INFINITY, &calibration->trim_low);
    } else if (strcmp(key, "trim_high") == 0) {
        code = jb_plan_read_number(reader, key, value, 1e-300, INFINITY, &calibration->trim_high);
    } else if (strcmp(key, "trim_strict") == 0) {
        code = jb_plan_read_boolean(reader, key, value, &calibration->is_trim_strict);
    } else {
        code = JB_PLAN_WRONG(reader,
                             "[calibration] has no key '%.60s'; it may have method, population, tolerance, "
                             "iterations, low, high, trim_low, trim_high, trim_strict",
                             key);
    }
    return code;
}

static enum jb_code check_calibration(struct jb_plan_reader *reader) {
    struct jb_plan *plan = reader->plan;
    struct jb_plan_calibration *calibration = &plan->calibration;
    if (!calibration->line)
        return JB_OK;
    reader->line = calibration->line;
    if (isnan(calibration->tolerance)) /* of raking of cells, of the others of totals */
        calibration->tolerance = calibration->method <= JB_CALIBRATE_POSTSTRATIFY ? 1e-9 : 1e-7;
    bool is_bounded = isfinite(calibration->low) || isfinite(calibration->high);
    if (plan->target_count == 0)
        return JB_PLAN_WRONG(reader, "[calibration] has nothing to calibrate to; add [target NAME] sections");
    if (calibration->method == JB_CALIBRATE_LOGIT &&
        !(isfinite(calibration->low) && isfinite(calibration->high)))
        return JB_PLAN_WRONG(reader, "method = logit needs low and high, the bounds of new over old weight");
    if (is_bounded && calibration->method <= JB_CALIBRATE_POSTSTRATIFY)
        return JB_PLAN_WRONG(reader, "low and high go with method = linear, raking or logit");
    if (calibration->low >= 1 || calibration->high <= 1)
        return JB_PLAN_WRONG(reader, "low has to be below 1 and high above it");
    if (!(calibration->trim_low < calibration->trim_high))
        return JB_PLAN_WRONG(reader, "trim_low has to be below trim_high");
    for (size_t i = 0; i < plan->target_count; i++) {
        if (plan->targets[i].is_number && calibration->method <= JB_CALIBRATE_POSTSTRATIFY) {
            reader->line = plan->targets[i].line;
            return JB_PLAN_WRONG(reader,
                                 "target '%.60s' is a total; it goes with method = linear, raking or logit",
                                 plan->targets[i].name);
        }
    }
    if (calibration->method == JB_CALIBRATE_POSTSTRATIFY && plan->target_count > 1)
        return JB_PLAN_WRONG(reader,
                             "method = poststratify takes one [target NAME]; cross its columns, or rake");
    return JB_OK;
}

const struct jb_plan_section jb_plan_section_calibration = {"calibration", false, begin_calibration,
                                                            take_calibration, check_calibration};

/* ---- [target NAME] ---- */

static enum jb_code begin_target(struct jb_plan_reader *reader, const char *name) {
    struct jb_plan *plan = reader->plan;
    for (size_t i = 0; i < plan->target_count; i++) {
        if (strcmp(plan->targets[i].name, name) == 0)
            return JB_PLAN_WRONG(reader, "there is a target '%.60s' already", name);
    }
    if (plan->target_count == JB_PLAN_TARGETS)
        return JB_PLAN_WRONG(reader, "there are more than %d targets", JB_PLAN_TARGETS);
    plan->targets[plan->target_count++] =
        (struct jb_plan_target){.name = name, .total = NAN, .line = reader->line};
    return JB_OK;
}

/* A level may stand in quotes, where it is named like a key. */
static const char *unquote(const char *key) {
    size_t length = strlen(key);
    if (length < 2 || key[0] != '"' || key[length - 1] != '"')
        return key;
    ((char *)(uintptr_t)key)[length - 1] = '\0';
    return key + 1;
}

static enum jb_code take_target(struct jb_plan_reader *reader, const char *key, char *value) {
    struct jb_plan_target *target = &reader->plan->targets[reader->plan->target_count - 1];
    if (strcmp(key, "column") == 0 || strcmp(key, "columns") == 0)
        return jb_plan_read_list(reader, value, &target->columns);
    if (strcmp(key, "total") == 0) {
        if (!jb_number_parse(value, &target->total))
            return JB_PLAN_WRONG(reader, "total: '%.60s' is no number", value);
        target->is_number = true;
        return JB_OK;
    }
    const char *text = unquote(key);
    for (size_t i = 0; i < target->level_count; i++) {
        if (strcmp(target->levels[i].text, text) == 0)
            return JB_PLAN_WRONG(reader, "target '%.60s' has '%.60s' already, in line %u", target->name, text,
                                 target->levels[i].line);
    }
    double number;
    enum jb_code code = jb_plan_read_number(reader, key, value, 0, INFINITY, &number);
    if (!code)
        code = jb_array_reserve(&target->levels, &target->level_capacity, target->level_count + 1,
                                JB_PLAN_LEVELS, "levels of a target", reader->error);
    if (!code)
        target->levels[target->level_count++] = (struct jb_plan_level){text, number, reader->line};
    return code;
}

static enum jb_code check_targets(struct jb_plan_reader *reader) {
    struct jb_plan *plan = reader->plan;
    for (size_t i = 0; i < plan->target_count; i++) {
        struct jb_plan_target *target = &plan->targets[i];
        reader->line = target->line;
        enum jb_code code =
            target->columns.count ? JB_OK : jb_plan_list_of(reader, target->name, &target->columns);
        if (code)
            return code;
        if (target->is_number && (target->level_count || target->columns.count > 1))
            return JB_PLAN_WRONG(reader, "target '%.60s' has a total, so it has one column and no levels",
                                 target->name);
        if (!target->is_number && target->level_count == 0)
            return JB_PLAN_WRONG(reader, "target '%.60s' has neither levels (VALUE = COUNT) nor a total",
                                 target->name);
        if (target->columns.count > JB_PLAN_CROSSED)
            return JB_PLAN_WRONG(reader, "target '%.60s' crosses more than %d columns", target->name,
                                 JB_PLAN_CROSSED);
        if (!plan->calibration.line)
            return JB_PLAN_WRONG(reader, "[target] goes with a section [calibration]");
    }
    return JB_OK;
}

const struct jb_plan_section jb_plan_section_target = {"target", true, begin_target, take_target,
                                                       check_targets};
