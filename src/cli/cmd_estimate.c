/* The verb `estimate`: what a model will use, and whether a smaller one would do. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/csv.h"
#include "base/number.h"
#include "base/time.h"
#include "cli/estimate_view.h"
#include "estimate/rows.h"
#include "report/output.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Options behind those that are keys of a task. */
enum {
    CONFIG = JB_TASK_KEY_COUNT - 1,
    REGION,
    AT,
    PUE,
    WUE,
    ELECTRICITY_PRICE,
    GPU_PRICE,
    CURRENCY,
    COMPARE,
    SCORE,
    AT_LEAST,
    ROWS,
    OUT,
    JSON,
    CSV,
    OPTION_COUNT,
};

#define COMPARE_CEILING  64
#define OPTION_NAME_SIZE 32

struct request {
    const struct jb_cli *cli;
    struct jb_task task;
    struct jb_footprint_request footprint;
    const char *models[COMPARE_CEILING];
    size_t model_count;
    char list[4096]; /* what models points into */
    const char *currency, *score_path;
    bool is_comparison, has_floor;
    double floor;
    enum jb_form form;
};

/* "--input-tokens" of "input_tokens", for every key of a task but the model itself. */
static void name_options(struct jb_option options[static OPTION_COUNT + 1],
                         char names[static JB_TASK_KEY_COUNT][OPTION_NAME_SIZE]) {
    static const struct jb_option others[] = {
        {"--config", true, NULL},    {"--region", true, NULL},   {"--at", true, NULL},
        {"--pue", true, NULL},       {"--wue", true, NULL},      {"--electricity-price", true, NULL},
        {"--gpu-price", true, NULL}, {"--currency", true, NULL}, {"--compare", true, NULL},
        {"--score", true, NULL},     {"--at-least", true, NULL}, {"--rows", true, NULL},
        {"--out", true, NULL},       {"--json", false, NULL},    {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    for (size_t i = 1; i < JB_TASK_KEY_COUNT; i++) {
        const char *key = jb_task_keys[i];
        (void)snprintf(names[i], OPTION_NAME_SIZE, "--%s", key);
        for (char *at = names[i]; *at; at++)
            *at = *at == '_' ? '-' : *at;
        bool is_flag = strcmp(key, "sparse_attention") == 0 || strcmp(key, "expert_parallel") == 0;
        options[i - 1] = (struct jb_option){names[i], !is_flag, NULL};
    }
    memcpy(options + JB_TASK_KEY_COUNT - 1, others, sizeof others);
}

static int parse_task(const struct jb_cli *cli, const struct jb_option *options, struct jb_task *task) {
    struct jb_error error = {0};
    for (size_t i = 1; i < JB_TASK_KEY_COUNT; i++) {
        const struct jb_option *option = &options[i - 1];
        if (option->value &&
            jb_task_set(task, jb_task_keys[i], option->takes_value ? option->value : "yes", &error))
            return jb_cli_usage(cli, "%s: %s", option->name, error.message);
    }
    return -1;
}

static int parse_number(const struct jb_cli *cli, const struct jb_option *option, double least, double most,
                        double *number) {
    if (option->value && (!jb_number_parse(option->value, number) || *number < least || *number > most))
        return jb_cli_usage(cli, "%s: '%.40s' is no number from %g to %g", option->name, option->value, least,
                            most);
    return -1;
}

static int parse_worth(const struct jb_cli *cli, const struct jb_option *options, struct request *request) {
    struct jb_footprint_request *footprint = &request->footprint;
    struct jb_error error = {0};
    *footprint = (struct jb_footprint_request){.region = options[REGION].value,
                                               .at_ns = jb_clock_system.realtime_ns(&jb_clock_system),
                                               .pue = NAN,
                                               .wue_l_per_kwh = NAN,
                                               .price_per_kwh = NAN,
                                               .price_per_accelerator_h = NAN};
    int status = parse_number(cli, &options[PUE], 1, 5, &footprint->pue);
    if (status < 0)
        status = parse_number(cli, &options[WUE], 0, 30, &footprint->wue_l_per_kwh);
    if (status < 0)
        status = parse_number(cli, &options[ELECTRICITY_PRICE], 0, 1e9, &footprint->price_per_kwh);
    if (status < 0)
        status = parse_number(cli, &options[GPU_PRICE], 0, 1e9, &footprint->price_per_accelerator_h);
    if (status >= 0)
        return status;
    if (options[AT].value && jb_time_parse(options[AT].value, &error, &footprint->at_ns))
        return jb_cli_usage(cli, "--at: %s", error.message);
    bool has_price = options[ELECTRICITY_PRICE].value || options[GPU_PRICE].value;
    const char *currency = options[CURRENCY].value;
    if (has_price != (currency != NULL))
        return jb_cli_usage(cli, "--electricity-price and --gpu-price go with --currency, such as EUR");
    if (currency && (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
        return jb_cli_usage(cli, "--currency: '%.40s' is no currency such as EUR", currency);
    request->currency = currency ? currency : "";
    return -1;
}

/* Models apart by commas. */
static int parse_models(const struct jb_cli *cli, const struct jb_option *options, const char *operand,
                        struct request *request) {
    const char *compare = options[COMPARE].value, *config = options[CONFIG].value;
    if ((compare != NULL) + (config != NULL) + (operand != NULL) != 1)
        return jb_cli_usage(cli, "say which model: a NAME or file, --config FILE, or --compare NAME,NAME");
    request->is_comparison = compare != NULL;
    if (!compare) {
        request->models[request->model_count++] = config ? config : operand;
        return -1;
    }
    if (strlen(compare) >= sizeof request->list)
        return jb_cli_usage(cli, "--compare: the list is too long");
    strcpy(request->list, compare);
    char *rest = request->list, *name;
    while ((name = strsep(&rest, ","))) {
        name += strspn(name, " ");
        if (!*name)
            return jb_cli_usage(cli, "--compare: a name between the commas is empty");
        if (request->model_count == COMPARE_CEILING)
            return jb_cli_usage(cli, "--compare: more than %d models", COMPARE_CEILING);
        request->models[request->model_count++] = name;
    }
    return -1;
}

static int parse_request(const struct jb_cli *cli, const struct jb_option *options, const char *operand,
                         struct request *request) {
    int status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request->form);
    if (status < 0)
        status = parse_task(cli, options, &request->task);
    if (status < 0)
        status = parse_worth(cli, options, request);
    if (status < 0)
        status = parse_models(cli, options, operand, request);
    if (status < 0)
        status = parse_number(cli, &options[AT_LEAST], -1e300, 1e300, &request->floor);
    if (status >= 0)
        return status;
    request->score_path = options[SCORE].value;
    request->has_floor = options[AT_LEAST].value != NULL;
    if ((request->score_path || request->has_floor) && !request->is_comparison)
        return jb_cli_usage(cli, "--score and --at-least go with --compare");
    if (request->has_floor && !request->score_path)
        return jb_cli_usage(cli, "--at-least needs --score FILE");
    return -1;
}

/* The score of a line goes to every model that is called so, or was asked for so. */
static void take_score(const char *name, double score, struct jb_estimated *models, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *found = models[i].estimate.model, *slash = strrchr(found, '/');
        if (strcasecmp(name, models[i].name) == 0 || strcasecmp(name, found) == 0 ||
            (slash && strcasecmp(name, slash + 1) == 0)) {
            models[i].score = score;
            models[i].has_score = true;
        }
    }
}

/* Scores are a CSV with the columns model and score; larger is better. */
static enum jb_code read_scores(const char *path, struct jb_estimated *models, size_t count,
                                struct jb_error *error) {
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    const char *const *fields;
    size_t field_count, model_at = SIZE_MAX, score_at = SIZE_MAX;
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    enum jb_code code = jb_csv_reader_make(file, path, error, &reader);
    if (!code)
        code = jb_csv_read(reader, error, &fields, &field_count);
    for (size_t i = 0; !code && i < field_count; i++) {
        model_at = strcmp(fields[i], "model") == 0 ? i : model_at;
        score_at = strcmp(fields[i], "score") == 0 ? i : score_at;
    }
    if (code == JB_NO_DATA || (!code && (model_at == SIZE_MAX || score_at == SIZE_MAX)))
        return jb_error_set(error, JB_INPUT, "%s, line 1: the heading needs the columns model and score",
                            path);
    while (!code && !(code = jb_csv_read(reader, error, &fields, &field_count))) {
        double score;
        if (model_at >= field_count || score_at >= field_count || !jb_number_parse(fields[score_at], &score))
            return jb_error_set(error, JB_INPUT, "%s, line %llu: score: '%.40s' is no number", path,
                                (unsigned long long)jb_csv_line(reader),
                                score_at < field_count ? fields[score_at] : "");
        take_score(fields[model_at], score, models, count);
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

/* Marks the model with the least energy among those that are good enough. Returns whether there is one. */
static bool mark_least(const struct request *request, struct jb_estimated *models, size_t count) {
    struct jb_estimated *least = NULL;
    for (size_t i = 0; i < count; i++) {
        struct jb_estimated *model = &models[i];
        if (*model->refusal || (request->has_floor && !(model->has_score && model->score >= request->floor)))
            continue;
        if (!least || model->footprint.server_j.value < least->footprint.server_j.value)
            least = model;
    }
    if (least)
        least->is_least = true;
    return least != NULL;
}

static enum jb_code estimate_one(const struct request *request, const struct jb_task_tables *tables,
                                 const char *name, struct jb_error *error, struct jb_estimated *ret_model) {
    struct jb_task task = request->task;
    struct jb_estimated model = {.name = name};
    task.model = name;
    enum jb_code code = jb_task_estimate(tables, &task, error, &model.estimate);
    if (code == JB_LIMIT && request->is_comparison) {
        /* One that does not fit does not spoil the others. */
        (void)snprintf(model.refusal, sizeof model.refusal, "%s", error->message);
        code = JB_OK;
    }
    if (!code)
        *ret_model = model;
    return code;
}

/* Many at once: each row of a table with its estimate behind it. Options other than the two files would have
 * no effect. */
static int estimate_rows(const struct jb_cli *cli, const struct jb_option *options, bool has_operand) {
    const char *in_path = options[ROWS].value, *out_path = options[OUT].value;
    struct jb_error error = {0};
    struct jb_row_counts counts = {0};
    struct jb_output output;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].value && i != ROWS && i != OUT)
            return jb_cli_usage(cli, "%s does not go with --rows: each row says on what and doing what",
                                options[i].name);
    }
    if (has_operand || !in_path)
        return jb_cli_usage(cli, in_path ? "--rows FILE takes no MODEL" : "--out goes with --rows FILE");
    _cleanup_fclose_ FILE *in = fopen(in_path, "re"), *out = NULL;
    if (!in)
        return jb_cli_fail(cli, jb_error_set_errno(&error, errno, "%s", in_path), &error);
    enum jb_code code = jb_output_open(out_path, &error, &output);
    if (code)
        return jb_cli_fail(cli, code, &error);
    int descriptor = dup(output.descriptor);
    out = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (!out) {
        code = jb_error_set_errno(&error, errno, "%s", output.name);
        if (descriptor >= 0)
            close(descriptor);
    }
    if (!code)
        code = jb_rows_estimate(jb_cli_data_path(cli), in, in_path, out, &error, &counts);
    if (!code && (fflush(out) != 0 || ferror(out))) {
        output.is_closed = errno == EPIPE;
        code = jb_error_set_errno(&error, errno, "%s", output.name);
    }
    if (!code)
        code = jb_output_commit(&output, &error);
    bool is_closed = output.is_closed;
    jb_output_close(&output);
    if (is_closed)
        return jb_error_exit_status(code);
    if (code)
        return jb_cli_fail(cli, code, &error);
    fprintf(stderr, "joulebook estimate: %llu rows estimated, %llu refused%s\n",
            (unsigned long long)counts.estimated, (unsigned long long)counts.refused,
            counts.refused ? "; the column refusal says why" : "");
    return counts.refused ? 1 : 0;
}

/* A model that does not fit is neither wrong usage nor a broken file: the answer is no. */
static int fail(const struct jb_cli *cli, enum jb_code code, const struct jb_error *error) {
    int status = jb_cli_fail(cli, code, error);
    return code == JB_LIMIT ? 1 : status;
}

static int estimate(const struct request *request) {
    struct jb_error error = {0};
    _cleanup_(jb_task_tables_free_cleanup) struct jb_task_tables *tables = NULL;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_free_ struct jb_estimated *models = calloc(request->model_count, sizeof *models);
    _cleanup_buffer_ struct jb_buffer out = {0};
    if (!models)
        return jb_cli_fail(request->cli, JB_MEMORY, &error);
    enum jb_code code = jb_task_tables_read(jb_cli_data_path(request->cli), &error, &tables);
    for (size_t i = 0; i < request->model_count && !code; i++)
        code = estimate_one(request, tables, request->models[i], &error, &models[i]);
    if (!code)
        code = jb_cli_factors(request->cli, &error, &factors);
    for (size_t i = 0; i < request->model_count && !code; i++) {
        if (!*models[i].refusal)
            code = jb_footprint_make(&models[i].estimate, factors, &request->footprint, &error,
                                     &models[i].footprint);
    }
    if (!code && request->score_path)
        code = read_scores(request->score_path, models, request->model_count, &error);
    bool has_least = !code && request->is_comparison && mark_least(request, models, request->model_count);
    struct jb_estimate_view view = {.form = request->form,
                                    .layout = jb_layout_of_stdout(),
                                    .factors = factors,
                                    .currency = request->currency,
                                    .is_comparison = request->is_comparison,
                                    .has_floor = request->has_floor,
                                    .floor = request->floor};
    if (!code)
        code = estimate_view_print(&view, models, request->model_count, &error, &out);
    if (code)
        return fail(request->cli, code, &error);
    int status = jb_cli_print(request->cli, &out);
    return status == 0 && request->is_comparison && !has_least ? 1 : status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[OPTION_COUNT + 1];
    char names[JB_TASK_KEY_COUNT][OPTION_NAME_SIZE];
    const char *operands[1] = {NULL};
    size_t operand_count = 0;
    struct request request = {.cli = cli};
    name_options(options, names);
    int status =
        jb_cli_parse(cli, &jb_verb_estimate, options, operands, JB_COUNT(operands), &operand_count, false);
    if (status < 0 && (options[ROWS].value || options[OUT].value))
        return estimate_rows(cli, options, operand_count > 0);
    if (status < 0)
        status = parse_request(cli, options, operand_count ? operands[0] : NULL, &request);
    return status < 0 ? estimate(&request) : status;
}

const struct jb_verb jb_verb_estimate = {
    .name = "estimate",
    .summary = "what an AI model will use, and whether a smaller one would do",
    .help = "usage: joulebook estimate MODEL [OPTIONS]\n"
            "       joulebook estimate --config FILE [OPTIONS]\n"
            "       joulebook estimate --compare LIST [--score FILE --at-least SCORE] [OPTIONS]\n"
            "       joulebook estimate --rows FILE [--out FILE]\n"
            "\n"
            "Estimates energy, time and power of an open model that nobody has run yet, from its shape and\n"
            "the accelerator: what must be read, what must be computed, and how much power that draws.\n"
            "Then what the server takes beside its GPUs, cooling, carbon, water and money.\n"
            "\n"
            "MODEL is a name of the catalogue (qwen2.5-7b, qwen2.5-vl-7b, wan2.1-t2v-14b), or a file:\n"
            "config.json, .safetensors, model.safetensors.index.json or .gguf, of which only the header\n"
            "is read. A figure says what it is of: gpu, server (with the rest of the machine), facility\n"
            "(with cooling and losses).\n"
            "\n"
            "options\n"
            "  on what\n"
            "  --gpu NAME               H100 when nothing is said; A100, B200, H20, L40S, 4090, MI300X ...\n"
            "  --gpus N                 the fewest on which it fits when nothing is said\n"
            "  --precision NAME         bf16, fp8, int8, int4 or mxfp4; as published when nothing is said\n"
            "  --tensor-parallel N      each matrix on N GPUs\n"
            "  --data-parallel N        N copies\n"
            "  --pipeline-parallel N    N stages\n"
            "  --expert-parallel        whole experts on each GPU\n"
            "  --ring-parallel N        pictures: attention in rings of N GPUs\n"
            "\n"
            "  text, and what it sees\n"
            "  --input-tokens N         of each request; 500\n"
            "  --output-tokens N        of each request; 250\n"
            "  --cached-tokens N        of the input: found in a prefix cache\n"
            "  --concurrency N          requests in flight; 32\n"
            "  --rate N                 in its place: requests that arrive a second\n"
            "  --image SIZE             an image that each request shows: 1280x720 (Qwen2.5-VL)\n"
            "  --images N               how many of them\n"
            "  --video SIZE             a clip that each request shows, two frames a second\n"
            "  --video-seconds N        how long it is; 10\n"
            "  --vision-tokens N        of models whose way to see is not known\n"
            "  --sparse-attention       prefill as of Qwen2.5-1M\n"
            "  --experts-per-token N    where a file of weights does not say\n"
            "\n"
            "  pictures\n"
            "  --size SIZE              832x480; the model's own when nothing is said, as below\n"
            "  --frames N               of a clip\n"
            "  --steps N                of the denoiser\n"
            "  --guidance FLAG          yes or no: two passes a step, or one\n"
            "  --batch N                made together\n"
            "\n"
            "  training\n"
            "  --train-tokens N         all that it is trained on, epochs counted\n"
            "  --sequence-tokens N      of one sequence; 4096\n"
            "  --trained-share N        of the parameters: 1 is full, LoRA has 0.001 to 0.02\n"
            "  --mfu N                  share of the peak that is reached; 0.4\n"
            "\n"
            "  where, and what it is worth\n"
            "  --region NAME            whose grid: KR, or gcp/europe-west1, which has a PUE as well\n"
            "  --at DATE                when; today\n"
            "  --pue N                  of the facility\n"
            "  --wue N                  litres that it evaporates for a kWh of IT\n"
            "  --electricity-price N    of a kWh\n"
            "  --gpu-price N            of a GPU hour; stands in for that of electricity\n"
            "  --currency NAME          of both: EUR\n"
            "\n"
            "  which\n"
            "  --config FILE            a config.json\n"
            "  --compare LIST           names with commas, side by side, per million requests\n"
            "  --score FILE             your own quality figures: a CSV with the columns model and score\n"
            "  --at-least SCORE         the least energy among models with that score\n"
            "  --rows FILE              many at once: a CSV with the columns of the ML.ENERGY tables\n"
            "  --out FILE               where its rows go, with predicted_energy_j, low_j, high_j,\n"
            "                           predicted_latency_s and refusal behind; standard output\n"
            "  --json, --csv            for machines: joules, grams, litres, seconds\n"
            "\n"
            "examples\n"
            "  joulebook estimate qwen2.5-7b --gpu H100 --region KR --pue 1.2\n"
            "  joulebook estimate wan2.1-t2v-14b --size 832x480 --frames 81 --steps 50\n"
            "  joulebook estimate qwen2.5-14b-1m --input-tokens 1000000 --sparse-attention\n"
            "  joulebook estimate --rows in.csv --out out.csv\n"
            "  joulebook estimate --compare qwen2.5-7b,qwen2.5-72b --score scores.csv --at-least 70\n"
            "\n"
            "exit status: 0 done, 1 it does not fit (with how many GPUs it needs), no model has that score,\n"
            "or a row was refused, 2 wrong usage, 3 bad input (file and field are named), 4 could not\n",
    .run = run,
};
