/* How near the energy model comes to measured runs of models that it was not fitted on: one family left out
 * at a time, beside the EcoLogits regression on the same rows.
 *
 * usage: accuracy [--quick | --fit] [DATA]
 *
 * --quick takes the constants that ship instead of fitting without each family: what the model explains, not
 * what it foretells. --fit prints constants.csv anew, fitted to all rows, with intervals from the rows left
 * out; tools/fit-energy keeps it. */
#include "energy_fit.h"

#include "estimate/facts.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define FIRST_ITERATIONS 60
#define NEXT_ITERATIONS  15
#define GROUP_COUNT      4

enum group { TEXT, VISION, IMAGE, VIDEO };
static const char *const group_names[GROUP_COUNT] = {"text", "vision", "image", "video"};

static enum group group_of(const struct jb_sample *sample) {
    if (sample->job.is_picture)
        return sample->job.diffuser.is_video ? VIDEO : IMAGE;
    return sample->job.is_vision ? VISION : TEXT;
}

/* EcoLogits 0.8: W h of GPU per output token from the batch and the active parameters in 10^9. */
static double ecologits_j(const struct jb_sample *sample) {
    return 3600 * (1.1665e-6 * exp(-0.011206 * sample->batch) * sample->active_b + 4.0529e-5);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, between the two nearest; 0 of none. */
static double quantile(const double *sorted, size_t count, double share) {
    if (count == 0)
        return 0;
    double at = share * (double)(count - 1);
    size_t below = (size_t)at;
    double above = below + 1 < count ? sorted[below + 1] : sorted[below];
    return sorted[below] + (at - (double)below) * (above - sorted[below]);
}

struct bench {
    struct jb_samples samples;
    struct jb_constant described[JB_CONSTANT_COUNT];
    struct jb_energy_constants *constants;
    double *predicted_j; /* by constants that were fitted without the family */
};

static enum jb_code predict(struct bench *bench, bool is_picture, const char *family,
                            const struct jb_energy_constants *constants, struct jb_error *error) {
    for (size_t i = 0; i < bench->samples.count; i++) {
        const struct jb_sample *sample = &bench->samples.items[i];
        double ignored;
        if (sample->job.is_picture != is_picture || (family && strcmp(sample->family, family) != 0))
            continue;
        enum jb_code code = jb_sample_predict(constants, sample, error, &bench->predicted_j[i], &ignored);
        if (code)
            return code;
    }
    return JB_OK;
}

static bool is_first_of_family(const struct bench *bench, size_t index) {
    const struct jb_sample *sample = &bench->samples.items[index];
    for (size_t i = 0; i < index; i++) {
        const struct jb_sample *other = &bench->samples.items[i];
        if (other->job.is_picture == sample->job.is_picture && strcmp(other->family, sample->family) == 0)
            return false;
    }
    return true;
}

static enum jb_code leave_out_each(struct bench *bench, struct jb_error *error) {
    for (size_t i = 0; i < bench->samples.count; i++) {
        const struct jb_sample *sample = &bench->samples.items[i];
        bool is_picture = sample->job.is_picture;
        if (!is_first_of_family(bench, i))
            continue;
        struct jb_energy_constants constants = *bench->constants;
        enum jb_code code = jb_fit(&bench->samples, is_picture, sample->family, bench->described,
                                   NEXT_ITERATIONS, error, &constants);
        if (!code)
            code = predict(bench, is_picture, sample->family, &constants, error);
        if (code)
            return code;
    }
    return JB_OK;
}

/* Logarithms of measured over predicted energy of a group, sorted; without a family, where one is given. */
static size_t residuals_of(const struct bench *bench, enum group group, const char *without, double *ret) {
    size_t count = 0;
    for (size_t i = 0; i < bench->samples.count; i++) {
        const struct jb_sample *sample = &bench->samples.items[i];
        if (group_of(sample) == group && (!without || strcmp(sample->family, without) != 0))
            ret[count++] = log(sample->energy_j / bench->predicted_j[i]);
    }
    qsort(ret, count, sizeof *ret, ascending);
    return count;
}

/* Two percent on either side: 96 % of the rows, so that a family unlike the others leaves some 95. */
static void interval_of(const double *sorted, size_t count, double *ret_low, double *ret_high) {
    *ret_low = exp(fmin(0, quantile(sorted, count, 0.02)));
    *ret_high = exp(fmax(0, quantile(sorted, count, 0.98)));
}

struct figures {
    size_t count;
    double median, p90, bias, covered, ecologits;
};

/* Over the rows that a filter takes: empty strings take all. */
static struct figures figures_of(const struct bench *bench, int group, const char *task, const char *gpu,
                                 const char *family, double *scratch) {
    struct figures figures = {0};
    size_t n = bench->samples.count, covered = 0;
    double *absolute = scratch, *relative = scratch + n, *ecologits = scratch + 2 * n,
           *others = scratch + 3 * n;
    for (size_t i = 0; i < n; i++) {
        const struct jb_sample *sample = &bench->samples.items[i];
        double low, high, error = bench->predicted_j[i] / sample->energy_j - 1;
        if ((group >= 0 && (int)group_of(sample) != group) || (*task && strcmp(task, sample->task) != 0) ||
            (*gpu && strcmp(gpu, sample->gpu) != 0) || (*family && strcmp(family, sample->family) != 0))
            continue;
        size_t known = residuals_of(bench, group_of(sample), sample->family, others);
        interval_of(others, known, &low, &high);
        covered += sample->energy_j >= low * bench->predicted_j[i] &&
                   sample->energy_j <= high * bench->predicted_j[i];
        relative[figures.count] = error;
        ecologits[figures.count] = fabs(ecologits_j(sample) / sample->energy_j - 1);
        absolute[figures.count++] = fabs(error);
    }
    qsort(absolute, figures.count, sizeof *absolute, ascending);
    qsort(relative, figures.count, sizeof *relative, ascending);
    qsort(ecologits, figures.count, sizeof *ecologits, ascending);
    figures.median = quantile(absolute, figures.count, 0.5);
    figures.p90 = quantile(absolute, figures.count, 0.9);
    figures.bias = quantile(relative, figures.count, 0.5);
    figures.ecologits = quantile(ecologits, figures.count, 0.5);
    figures.covered = figures.count ? (double)covered / (double)figures.count : 0;
    return figures;
}

static void print_line(const char *name, const struct figures *f, bool is_text) {
    printf("%-44s %5zu  %5.1f %%  %5.1f %%  %+5.1f %%  %5.1f %%", name, f->count, 100 * f->median,
           100 * f->p90, 100 * f->bias, 100 * f->covered);
    if (is_text)
        printf("  %5.0f %%", 100 * f->ecologits);
    putchar('\n');
}

static void print_by(const struct bench *bench, double *scratch, bool is_family) {
    for (size_t i = 0; i < bench->samples.count; i++) {
        const struct jb_sample *sample = &bench->samples.items[i];
        bool is_new = true;
        for (size_t j = 0; j < i && is_new; j++) {
            const struct jb_sample *other = &bench->samples.items[j];
            is_new = is_family
                         ? strcmp(other->family, sample->family) != 0
                         : strcmp(other->task, sample->task) != 0 || strcmp(other->gpu, sample->gpu) != 0;
        }
        if (!is_new)
            continue;
        char name[112];
        snprintf(name, sizeof name, is_family ? "  without %s" : "  %s, %s",
                 is_family ? sample->family : sample->task, sample->gpu);
        struct figures figures = is_family ? figures_of(bench, -1, "", "", sample->family, scratch)
                                           : figures_of(bench, -1, sample->task, sample->gpu, "", scratch);
        print_line(name, &figures, !sample->job.is_picture);
    }
}

static void report(const struct bench *bench, double *scratch) {
    printf("%-44s %5s  %7s  %7s  %7s  %7s  %s\n", "error of the energy", "rows", "median", "p90", "bias",
           "held", "EcoLogits");
    struct figures figures[GROUP_COUNT], all = figures_of(bench, -1, "", "", "", scratch);
    for (int i = 0; i < GROUP_COUNT; i++) {
        figures[i] = figures_of(bench, i, "", "", "", scratch);
        print_line(group_names[i], &figures[i], i == TEXT || i == VISION);
    }
    print_by(bench, scratch, false);
    print_by(bench, scratch, true);
    printf("accuracy: text_median=%.3f text_p90=%.3f text_bias=%.3f vision_median=%.3f vision_p90=%.3f "
           "image_median=%.3f image_p90=%.3f video_median=%.3f video_p90=%.3f coverage=%.3f "
           "ecologits_text_median=%.3f\n",
           figures[TEXT].median, figures[TEXT].p90, figures[TEXT].bias, figures[VISION].median,
           figures[VISION].p90, figures[IMAGE].median, figures[IMAGE].p90, figures[VIDEO].median,
           figures[VIDEO].p90, all.covered, figures[TEXT].ecologits);
}

/* constants.csv as it is, with the values in `constants`, and the intervals of the rows left out. */
static enum jb_code print_constants(struct bench *bench, const char *data_path, double *scratch,
                                    struct jb_error *error) {
    static const char *const columns[] = {"name", "value", "start", "least", "most", "unit", "meaning"};
    _cleanup_(jb_facts_free_cleanup) struct jb_facts *facts = NULL;
    enum jb_code code =
        jb_facts_read(data_path, "estimate/constants.csv", columns, JB_COUNT(columns), error, &facts);
    if (code)
        return code;
    struct jb_energy_constants *c = bench->constants;
    double *const bounds[GROUP_COUNT][2] = {{&c->text_low, &c->text_high},
                                            {&c->vision_low, &c->vision_high},
                                            {&c->image_low, &c->image_high},
                                            {&c->video_low, &c->video_high}};
    for (int i = 0; i < GROUP_COUNT; i++) {
        size_t count = residuals_of(bench, (enum group)i, NULL, scratch);
        interval_of(scratch, count, bounds[i][0], bounds[i][1]);
    }
    puts("name,value,start,least,most,unit,meaning");
    for (size_t i = 0; i < jb_facts_count(facts); i++) {
        const char *name = jb_facts_text(facts, i, 0), *meaning = jb_facts_text(facts, i, 6);
        double value = NAN;
        for (size_t j = 0; j < JB_CONSTANT_COUNT; j++) {
            if (strcmp(bench->described[j].name, name) == 0)
                memcpy(&value, (char *)c + bench->described[j].offset, sizeof value);
        }
        const char *quote = strchr(meaning, ',') ? "\"" : "";
        printf("%s,%.4g,%s,%s,%s,%s,%s%s%s\n", name, value, jb_facts_text(facts, i, 2),
               jb_facts_text(facts, i, 3), jb_facts_text(facts, i, 4), jb_facts_text(facts, i, 5), quote,
               meaning, quote);
    }
    return JB_OK;
}

static enum jb_code run(const char *data_path, bool is_quick, bool is_fit, struct jb_error *error) {
    static const char *const tables[] = {"mlenergy_v3.csv", "mlenergy_v2.csv"};
    _cleanup_(jb_job_maker_free_cleanup) struct jb_job_maker *maker = NULL;
    _cleanup_(jb_energy_constants_free_cleanup) struct jb_energy_constants *constants = NULL;
    struct bench bench = {0};
    enum jb_code code = jb_job_maker_make(data_path, error, &maker);
    if (!code)
        code = jb_energy_constants_read(data_path, error, &constants);
    if (!code)
        code = jb_constants_describe(data_path, error, bench.described);
    for (size_t i = 0; !code && i < JB_COUNT(tables); i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/estimate/%s", data_path, tables[i]);
        code = jb_samples_read(maker, path, error, &bench.samples);
    }
    bench.constants = constants;
    _cleanup_free_ double *predicted = calloc(bench.samples.count + 1, sizeof *predicted);
    _cleanup_free_ double *scratch = calloc(4 * bench.samples.count + 1, sizeof *scratch);
    if (!code && (!predicted || !scratch))
        code = jb_error_set(error, JB_MEMORY, "no memory for the figures");
    bench.predicted_j = predicted;
    for (size_t i = 0; !code && is_fit && i < JB_CONSTANT_COUNT; i++)
        memcpy((char *)constants + bench.described[i].offset, &bench.described[i].start, sizeof(double));
    for (int i = 0; !code && is_fit && i < 2; i++)
        code = jb_fit(&bench.samples, i == 1, NULL, bench.described, FIRST_ITERATIONS, error, constants);
    for (int i = 0; !code && is_quick && i < 2; i++)
        code = predict(&bench, i == 1, NULL, constants, error);
    if (!code && !is_quick)
        code = leave_out_each(&bench, error);
    if (!code && is_fit)
        code = print_constants(&bench, data_path, scratch, error);
    else if (!code)
        report(&bench, scratch);
    jb_samples_free(&bench.samples);
    return code;
}

int main(int argc, char **argv) {
    bool is_quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    bool is_fit = argc > 1 && strcmp(argv[1], "--fit") == 0;
    int first = is_quick || is_fit ? 2 : 1;
    struct jb_error error = {0};
    enum jb_code code = run(argc > first ? argv[first] : "data", is_quick, is_fit, &error);
    if (code)
        fprintf(stderr, "accuracy: %s\n", error.message);
    return code ? jb_error_exit_status(code) : 0;
}
