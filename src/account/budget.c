/* Parts of uncertainties, kept sparse: figures times inputs are many, and most are empty. */
#include "account/budget.h"

#include "base/array.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#define PART_CEILING ((size_t)1 << 27)

struct jb_budget {
    struct jb_budget_part *parts;
    size_t count, capacity, finished; /* the first `finished` parts are ordered and merged */
    bool is_finished;
};

enum jb_code jb_budget_make(struct jb_error *error, struct jb_budget **ret_budget) {
    struct jb_budget *budget = calloc(1, sizeof *budget);
    if (!budget)
        return jb_error_set(error, JB_MEMORY, "no memory to combine uncertainties");
    *ret_budget = budget;
    return JB_OK;
}

void jb_budget_free(struct jb_budget *budget) {
    if (budget)
        free(budget->parts);
    free(budget);
}

static int compare(const void *left, const void *right) {
    const struct jb_budget_part *a = left, *b = right;
    if (a->figure != b->figure)
        return a->figure < b->figure ? -1 : 1;
    if (a->input != b->input)
        return a->input < b->input ? -1 : 1;
    /* Sums of doubles do not depend on the order in which qsort leaves equal ones. */
    return (a->standard > b->standard) - (a->standard < b->standard);
}

static void merge(struct jb_budget *budget) {
    size_t kept = 0;
    if (budget->count)
        qsort(budget->parts, budget->count, sizeof *budget->parts, compare);
    for (size_t i = 0; i < budget->count; i++) {
        struct jb_budget_part *part = &budget->parts[i], *last = kept ? &budget->parts[kept - 1] : NULL;
        if (last && last->figure == part->figure && last->input == part->input)
            last->standard += part->standard;
        else
            budget->parts[kept++] = *part;
    }
    budget->count = budget->finished = kept;
}

enum jb_code jb_budget_add(struct jb_budget *budget, uint32_t figure, uint32_t input, double standard,
                           struct jb_error *error) {
    assert(!budget->is_finished);
    if (standard == 0)
        return JB_OK;
    /* Merged before it grows, so that memory follows what is distinct. */
    if (budget->count == budget->capacity && budget->count > 2 * budget->finished && budget->count > 4096)
        merge(budget);
    enum jb_code code = jb_array_reserve(&budget->parts, &budget->capacity, budget->count + 1, PART_CEILING,
                                         "parts of an uncertainty", error);
    if (!code)
        budget->parts[budget->count++] = (struct jb_budget_part){figure, input, standard};
    return code;
}

void jb_budget_finish(struct jb_budget *budget) {
    assert(!budget->is_finished);
    merge(budget);
    budget->is_finished = true;
}

size_t jb_budget_parts(const struct jb_budget *budget, uint32_t figure,
                       const struct jb_budget_part **ret_parts) {
    size_t low = 0, high = budget->count, end;
    assert(budget->is_finished);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (budget->parts[middle].figure < figure)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < budget->count && budget->parts[end].figure == figure;)
        end++;
    *ret_parts = budget->parts ? budget->parts + low : NULL;
    return end - low;
}

double jb_budget_standard(const struct jb_budget *budget, uint32_t figure) {
    const struct jb_budget_part *parts;
    size_t count = jb_budget_parts(budget, figure, &parts);
    double square = 0;
    for (size_t i = 0; i < count; i++)
        square += parts[i].standard * parts[i].standard;
    return sqrt(square);
}
