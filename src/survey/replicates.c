/* Replicate weights: JK1, JKn, BRR and Fay's variant, bootstraps (Wolter, "Introduction to Variance
 * Estimation", 2007; Rao and Wu 1988; Canty and Davison 1999, as R's survey scales it). */
#include "survey/replicates.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"

#include <assert.h>
#include <string.h>

#define WEIGHT_CEILING ((size_t)1 << 29) /* rows × replicates: 4 GiB */

void jb_replicates_free(struct jb_replicates *replicates) {
    if (!replicates)
        return;
    free(replicates->weight);
    free(replicates->own_scale);
    *replicates = (struct jb_replicates){0};
}

static enum jb_code make_space(size_t count, size_t rows, struct jb_error *error,
                               struct jb_replicates *made) {
    if (count > WEIGHT_CEILING / rows)
        return jb_error_set(error, JB_LIMIT,
                            "%zu replicates of %zu rows are too many; take fewer, or linearise", count, rows);
    made->count = count;
    made->weight = jb_memory_large(count * rows * sizeof(*made->weight));
    made->own_scale = malloc(count * sizeof(*made->own_scale));
    if (!made->weight || !made->own_scale)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu replicates of %zu rows", count, rows);
    for (size_t r = 0; r < count; r++)
        made->own_scale[r] = 1;
    return JB_OK;
}

/* ---- from columns ---- */

static enum jb_code take_columns(const struct jb_plan *plan, const struct jb_answers *answers,
                                 const struct jb_design *design, struct jb_error *error,
                                 struct jb_replicates *made) {
    const struct jb_plan_replicates *settings = &plan->replicates;
    size_t rows = design->count;
    enum jb_code code = make_space(settings->weights.count, rows, error, made);
    for (size_t r = 0; r < made->count && !code; r++) {
        const struct jb_answer_column *column = jb_answers_column(answers, settings->weights.items[r]);
        double *weight = made->weight + r * rows;
        for (size_t row = 0; row < rows && !code; row++) {
            weight[row] = jb_answer_number(column, row);
            if (!isfinite(weight[row]))
                code = jb_answers_wrong(answers, row, column->name, error,
                                        "the replicate weight is missing; fill it in");
            if (!settings->is_combined)
                weight[row] *= design->weight[row];
        }
        if (r < settings->scales.count)
            (void)jb_number_parse(settings->scales.items[r], &made->own_scale[r]);
    }
    return code;
}

/* ---- PSUs of a design ---- */

struct psus {
    uint32_t *of_row;  /* [row] */
    uint32_t *stratum; /* [psu] */
    double *open;      /* [stratum]: 1 − n/N */
    uint32_t *first;   /* [stratum]: its first PSU; [stratum count]: how many there are */
    size_t count, stratum_count;
};

static void free_psus(struct psus *psus) {
    free(psus->of_row);
    free(psus->stratum);
    free(psus->open);
    free(psus->first);
}

static enum jb_code find_psus(const struct jb_design *design, struct jb_error *error, struct psus *psus) {
    const struct jb_design_stage *stage = &design->stages[0];
    psus->of_row = malloc(design->count * sizeof(uint32_t));
    psus->stratum = malloc(design->count * sizeof(uint32_t));
    psus->open = malloc(design->count * sizeof(double));
    psus->first = malloc((design->count + 1) * sizeof(uint32_t));
    if (!psus->of_row || !psus->stratum || !psus->open || !psus->first)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", design->count);
    uint32_t before = 0;
    for (size_t i = 0; i < design->count; i++) {
        uint32_t row = design->order[i];
        bool begins = i == 0 || (stage->stratum && stage->stratum[row] != stage->stratum[before]);
        if (begins) {
            psus->first[psus->stratum_count] = (uint32_t)psus->count;
            psus->open[psus->stratum_count++] = stage->population ? stage->population[row] : INFINITY;
        }
        if (begins || !stage->cluster || stage->cluster[row] != stage->cluster[before])
            psus->stratum[psus->count++] = (uint32_t)psus->stratum_count - 1;
        psus->of_row[row] = (uint32_t)psus->count - 1;
        before = row;
    }
    psus->first[psus->stratum_count] = (uint32_t)psus->count;
    for (size_t h = 0; h < psus->stratum_count; h++) {
        double drawn = psus->first[h + 1] - psus->first[h];
        psus->open[h] = isinf(psus->open[h])     ? 1
                        : design->is_fraction[0] ? 1 - psus->open[h]
                                                 : 1 - drawn / psus->open[h];
    }
    return JB_OK;
}

static size_t size_of(const struct psus *psus, size_t stratum) {
    return psus->first[stratum + 1] - psus->first[stratum];
}

/* Weights of a replicate from the factors of the PSUs. */
static void set_weights(const struct jb_design *design, const struct psus *psus, const double *factor,
                        double *weight) {
    for (size_t row = 0; row < design->count; row++)
        weight[row] = design->weight[row] * factor[psus->of_row[row]];
}

/* One PSU left out at a time: of everybody (JK1), or of its stratum (JKn). */
static enum jb_code make_jackknife(const struct jb_design *design, const struct psus *psus,
                                   bool is_by_stratum, double *factor, struct jb_error *error,
                                   struct jb_replicates *made) {
    if (!is_by_stratum && psus->stratum_count > 1)
        return jb_error_set(error, JB_INPUT, "JK1 is for designs without strata; take type = JKn");
    enum jb_code code = make_space(psus->count, design->count, error, made);
    size_t used = 0;
    for (size_t psu = 0; psu < psus->count && !code; psu++) {
        size_t stratum = psus->stratum[psu], size = size_of(psus, stratum);
        if (size == 1) {
            if (design->lonely == JB_LONELY_FAIL && psus->open[stratum] > 0)
                return jb_error_set(
                    error, JB_INPUT,
                    "a stratum has a single PSU, so none can be left out; join strata, or say lonely = "
                    "certainty");
            continue;
        }
        for (size_t i = 0; i < psus->count; i++)
            factor[i] = i == psu ? 0 : psus->stratum[i] == stratum ? (double)size / (double)(size - 1) : 1;
        made->own_scale[used] = (double)(size - 1) / (double)size * psus->open[stratum];
        set_weights(design, psus, factor, made->weight + used++ * design->count);
    }
    made->count = used;
    made->scale = 1;
    if (!is_by_stratum && used) { /* the same for all: R has it in scale */
        made->scale = made->own_scale[0];
        for (size_t r = 0; r < used; r++)
            made->own_scale[r] = 1;
    }
    return code;
}

/* Balanced half samples: one of two PSUs a stratum, by the signs of a Hadamard matrix (Sylvester's, of the
 * next power of two: rows from 1 on are orthogonal and balanced). */
static enum jb_code make_halves(const struct jb_design *design, const struct psus *psus, double rho,
                                double *factor, struct jb_error *error, struct jb_replicates *made) {
    for (size_t h = 0; h < psus->stratum_count; h++) {
        if (size_of(psus, h) != 2)
            return jb_error_set(
                error, JB_INPUT,
                "balanced replicates need two PSUs in each stratum, and one has %zu; pair the PSUs into "
                "strata, or take type = JKn or bootstrap",
                size_of(psus, h));
    }
    size_t count = 2;
    while (count < psus->stratum_count + 1)
        count *= 2;
    enum jb_code code = make_space(count, design->count, error, made);
    for (size_t r = 0; r < count && !code; r++) {
        for (size_t psu = 0; psu < psus->count; psu++) {
            bool is_odd = __builtin_popcountll(r & (psus->stratum[psu] + 1)) & 1;
            bool is_first = psu == psus->first[psus->stratum[psu]];
            factor[psu] = is_first != is_odd ? 2 - rho : rho;
        }
        set_weights(design, psus, factor, made->weight + r * design->count);
    }
    made->scale = 1 / ((double)count * (1 - rho) * (1 - rho));
    return code;
}

/* PSUs of each stratum drawn with replacement: as many as there are, or one less (Rao and Wu), weights then
 * scaled up so that sums stay right. */
static enum jb_code make_bootstrap(const struct jb_design *design, const struct psus *psus, bool is_one_less,
                                   const struct jb_plan_replicates *settings, double *factor,
                                   struct jb_error *error, struct jb_replicates *made) {
    struct jb_random random = jb_random_make(settings->seed);
    double inverse = 0;
    for (size_t h = 0; h < psus->stratum_count; h++) {
        size_t size = size_of(psus, h);
        if (size < 2)
            return jb_error_set(error, JB_INPUT,
                                "a stratum has a single PSU, so there is nothing to draw from; join strata");
        if (psus->open[h] < 0.9)
            return jb_error_set(
                error, JB_INPUT,
                "more than a tenth of a stratum's PSUs are in the sample, which a bootstrap does not "
                "allow for; take type = JKn, or linearise");
        inverse += 1 / (double)size / (double)psus->stratum_count;
    }
    enum jb_code code = make_space(settings->count, design->count, error, made);
    for (size_t r = 0; r < made->count && !code; r++) {
        memset(factor, 0, psus->count * sizeof(*factor));
        for (size_t h = 0; h < psus->stratum_count; h++) {
            size_t size = size_of(psus, h), drawn = is_one_less ? size - 1 : size;
            for (size_t i = 0; i < drawn; i++)
                factor[psus->first[h] + jb_random_below(&random, size)] += (double)size / (double)drawn;
        }
        set_weights(design, psus, factor, made->weight + r * design->count);
    }
    /* Canty and Davison's variance is n/(n−1) short; R's survey takes the harmonic mean of the strata's n. */
    double mean = 1 / inverse;
    made->scale = (is_one_less ? 1 : mean / (mean - 1)) / (double)(settings->count - 1);
    return code;
}

static enum jb_code make_weights(const struct jb_plan_replicates *settings, const struct jb_design *design,
                                 struct jb_error *error, struct jb_replicates *made) {
    struct psus psus = {0};
    enum jb_code code = find_psus(design, error, &psus);
    _cleanup_free_ double *factor = code ? NULL : malloc(psus.count * sizeof(*factor));
    if (!code && !factor)
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu PSUs", psus.count);
    if (!code) {
        switch (settings->type) {
        case JB_REPLICATE_JK1:
        case JB_REPLICATE_JKN:
            code = make_jackknife(design, &psus, settings->type == JB_REPLICATE_JKN, factor, error, made);
            break;
        case JB_REPLICATE_BRR:
        case JB_REPLICATE_FAY:
            code = make_halves(design, &psus, settings->type == JB_REPLICATE_FAY ? settings->rho : 0, factor,
                               error, made);
            break;
        default:
            code = make_bootstrap(design, &psus, settings->type == JB_REPLICATE_SUBBOOTSTRAP, settings,
                                  factor, error, made);
        }
    }
    free_psus(&psus);
    return code;
}

/* The scale of a type, of weights that came in columns. */
static double usual_scale(const struct jb_plan_replicates *settings, size_t count) {
    switch (settings->type) {
    case JB_REPLICATE_JK1:
        return ((double)count - 1) / (double)count;
    case JB_REPLICATE_BRR:
        return 1 / (double)count;
    case JB_REPLICATE_FAY:
        return 1 / ((double)count * (1 - settings->rho) * (1 - settings->rho));
    case JB_REPLICATE_BOOTSTRAP:
    case JB_REPLICATE_SUBBOOTSTRAP:
        return 1 / ((double)count - 1);
    default:
        return 1;
    }
}

enum jb_code jb_replicates_make(const struct jb_plan *plan, const struct jb_answers *answers,
                                const struct jb_design *design, struct jb_error *error,
                                struct jb_replicates *ret_replicates) {
    const struct jb_plan_replicates *settings = &plan->replicates;
    struct jb_replicates made = {0};
    enum jb_code code;
    if (settings->weights.count) {
        code = take_columns(plan, answers, design, error, &made);
        made.scale = usual_scale(settings, made.count);
    } else {
        code = make_weights(settings, design, error, &made);
    }
    if (!isnan(settings->scale))
        made.scale = settings->scale;
    if (code)
        jb_replicates_free(&made);
    else
        *ret_replicates = made;
    return code;
}

/* Rows added up at random, each with a random factor, to a few per replicate: the rank stays what it was (but
 * for an unlucky draw, of probability 0), and a million rows cost what they have to. */
static enum jb_code sketch(const struct jb_replicates *replicates, size_t rows, size_t kept,
                           struct jb_error *error, double **ret_rows) {
    _cleanup_free_ uint32_t *into = malloc(rows * sizeof(*into));
    _cleanup_free_ double *factor = malloc(rows * sizeof(*factor));
    double *sums = calloc(replicates->count * kept, sizeof(*sums));
    struct jb_random random = jb_random_make(1);
    if (!into || !factor || !sums) {
        free(sums);
        return jb_error_set(error, JB_MEMORY, "no memory for %zu rows", rows);
    }
    for (size_t row = 0; row < rows; row++) {
        into[row] = (uint32_t)jb_random_below(&random, kept);
        factor[row] = 2 * jb_random_unit(&random) - 1;
    }
    for (size_t r = 0; r < replicates->count; r++) {
        for (size_t row = 0; row < rows; row++)
            sums[r * kept + into[row]] += factor[row] * replicates->weight[r * rows + row];
    }
    *ret_rows = sums;
    return JB_OK;
}

/* Products of the replicates, each of length 1. */
static void make_gram(const double *weight, size_t n, size_t rows, long double *gram) {
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t row = 0; row < rows; row++)
                sum += weight[a * rows + row] * weight[b * rows + row];
            gram[a * n + b] = gram[b * n + a] = sum;
        }
    }
    for (size_t a = n; a-- > 0;) {
        for (size_t b = 0; b < a; b++) {
            long double lengths = sqrtl(gram[a * n + a] * gram[b * n + b]);
            gram[a * n + b] = gram[b * n + a] = lengths > 0 ? gram[a * n + b] / lengths : 0;
        }
    }
    for (size_t a = 0; a < n; a++)
        gram[a * n + a] = gram[a * n + a] > 0;
}

static void exchange(long double *gram, size_t n, size_t a, size_t b) {
    for (size_t k = 0; k < n; k++) {
        long double held = gram[a * n + k];
        gram[a * n + k] = gram[b * n + k], gram[b * n + k] = held;
    }
    for (size_t k = 0; k < n; k++) {
        long double held = gram[k * n + a];
        gram[k * n + a] = gram[k * n + b], gram[k * n + b] = held;
    }
}

/* By elimination with pivots. */
static size_t find_rank(long double *gram, size_t n) {
    size_t rank = 0;
    for (; rank < n; rank++) {
        size_t pivot = rank;
        for (size_t a = rank; a < n; a++)
            pivot = gram[a * n + a] > gram[pivot * n + pivot] ? a : pivot;
        if (!(gram[pivot * n + pivot] > 1e-10L)) /* R takes 1e-5 of the length */
            break;
        exchange(gram, n, rank, pivot);
        for (size_t a = rank + 1; a < n; a++) {
            long double factor = gram[a * n + rank] / gram[rank * n + rank];
            for (size_t b = rank; b < n; b++)
                gram[a * n + b] -= factor * gram[rank * n + b];
        }
    }
    return rank;
}

enum jb_code jb_replicates_degrees(const struct jb_replicates *replicates, size_t rows,
                                   struct jb_error *error, double *ret_df) {
    size_t n = replicates->count, kept = 4 * n;
    _cleanup_free_ double *sums = NULL;
    _cleanup_free_ long double *gram = calloc(n * n, sizeof(*gram));
    if (!gram)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu replicates", n);
    enum jb_code code = rows > 4 * kept ? sketch(replicates, rows, kept, error, &sums) : JB_OK;
    if (code)
        return code;
    make_gram(sums ? sums : replicates->weight, n, sums ? kept : rows, gram);
    *ret_df = (double)find_rank(gram, n) - 1;
    return JB_OK;
}
