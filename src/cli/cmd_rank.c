/* The verb `rank`. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/time.h"
#include "decide/rank_places.h"
#include "report/view_rank.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum {
    WEIGHTS,
    GOALPOSTS,
    BY,
    PROVIDERS,
    REGIONS,
    COUNTRIES,
    NEAR,
    LATENCY,
    DATA,
    CONCENTRATION,
    DRAWS,
    SEED,
    AT,
    LIMIT,
    EVIDENCE,
    JSON,
    CSV
};

#define SCALE         INT64_C(1000000000)
#define DEFAULT_DRAWS 10000
#define DEFAULT_LIMIT 20

/* What the command line asks for. */
struct request {
    struct jb_rank_request rank;
    struct jb_rank_filter filter;
    struct jb_rank_origin origin;
    enum jb_form form;
    uint64_t limit;
    const char *near, *data;
    bool shows_evidence;
};

static bool number_parse(const char *text, size_t length, double *ret) {
    char copy[64];
    int64_t scaled;
    if (length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (jb_decimal_parse(copy, SCALE, NULL, &scaled))
        return false;
    *ret = (double)scaled / (double)SCALE;
    return true;
}

/* Takes "name=" off the next entry of a list between commas; false when it is no criterion's. */
static bool next_entry(const char **at, enum jb_criterion *ret_criterion, const char **ret_value,
                       size_t *ret_length) {
    const char *entry = *at;
    size_t length = strcspn(entry, ","), name = strcspn(entry, "=");
    if (name >= length || !jb_criterion_parse(entry, name, ret_criterion))
        return false;
    *ret_value = entry + name + 1;
    *ret_length = length - name - 1;
    *at = entry + length + (entry[length] == ',');
    return true;
}

#define NAMES "renewable, efficiency, carbon, water, price, latency"

static int parse_weights(const struct jb_cli *cli, const char *text, struct jb_rank_request *rank) {
    bool is_given[JB_CRITERION_COUNT] = {false};
    for (unsigned k = 0; text && k < JB_CRITERION_COUNT; k++)
        rank->weights[k] = 0;
    for (const char *at = text; at && (*at || at == text);) {
        const char *entry = at, *value;
        size_t length;
        enum jb_criterion criterion;
        if (!next_entry(&at, &criterion, &value, &length) ||
            !number_parse(value, length, &rank->weights[criterion]) || rank->weights[criterion] < 0)
            return jb_cli_usage(cli, "--weights: '%.60s' is not CRITERION=NUMBER,…; criteria are " NAMES,
                                entry);
        if (is_given[criterion])
            return jb_cli_usage(cli, "--weights: %s is given twice", jb_criterion_info(criterion)->name);
        is_given[criterion] = true;
    }
    return -1;
}

static int parse_goalposts(const struct jb_cli *cli, const char *text, struct jb_rank_request *rank) {
    for (const char *at = text; at && (*at || at == text);) {
        const char *entry = at, *value, *dots = NULL;
        size_t length = 0;
        enum jb_criterion criterion;
        struct jb_goalpost goalpost;
        bool is_good = next_entry(&at, &criterion, &value, &length);
        if (is_good)
            dots = memmem(value, length, "..", 2);
        is_good = dots && number_parse(value, (size_t)(dots - value), &goalpost.worst) &&
                  number_parse(dots + 2, (size_t)(value + length - dots - 2), &goalpost.best) &&
                  goalpost.worst != goalpost.best;
        if (!is_good)
            return jb_cli_usage(
                cli, "--goalposts: '%.60s' is not CRITERION=WORST..BEST,…; criteria are " NAMES, entry);
        rank->goalposts[criterion] = goalpost;
    }
    return -1;
}

static int parse_draws(const struct jb_cli *cli, const struct jb_option *options, struct request *request) {
    uint64_t draws = DEFAULT_DRAWS;
    const char *concentration = options[CONCENTRATION].value;
    request->rank.seed = 1;
    request->limit = DEFAULT_LIMIT;
    request->rank.concentration = JB_RANK_CONCENTRATION;
    int status = jb_cli_count(cli, "--draws", options[DRAWS].value, 1, JB_RANK_DRAW_CEILING, &draws);
    if (status < 0)
        status = jb_cli_count(cli, "--seed", options[SEED].value, 0, UINT64_MAX, &request->rank.seed);
    if (status < 0)
        status = jb_cli_count(cli, "--limit", options[LIMIT].value, 0, UINT32_MAX, &request->limit);
    request->rank.draw_count = (unsigned)draws;
    if (status >= 0 || !concentration)
        return status;
    if (strcmp(concentration, "exact") == 0)
        request->rank.concentration = INFINITY;
    else if (!number_parse(concentration, strlen(concentration), &request->rank.concentration) ||
             request->rank.concentration <= 0)
        return jb_cli_usage(cli, "--concentration: '%.60s' is neither a number above 0 nor exact",
                            concentration);
    return -1;
}

/* "37.57,126.98" here; the name of a place is looked up once the regions are there. */
static bool coordinates_parse(const char *text, struct jb_rank_origin *origin) {
    const char *comma = strchr(text, ',');
    return comma && number_parse(text, (size_t)(comma - text), &origin->latitude_degrees) &&
           number_parse(comma + 1, strlen(comma + 1), &origin->longitude_degrees) &&
           fabs(origin->latitude_degrees) <= 90 && fabs(origin->longitude_degrees) <= 180;
}

static int find_near(const struct jb_cli *cli, const struct jb_regions *regions, struct request *request) {
    const struct jb_region *all;
    size_t count = jb_regions_all(regions, &all);
    if (!request->near || coordinates_parse(request->near, &request->origin)) {
        request->origin.is_near = request->near != NULL;
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(all[i].place, request->near) == 0) {
            request->origin.is_near = true;
            request->origin.latitude_degrees = all[i].latitude_degrees;
            request->origin.longitude_degrees = all[i].longitude_degrees;
            return -1;
        }
    }
    return jb_cli_usage(cli,
                        "--near: '%.60s' is neither LATITUDE,LONGITUDE in degrees nor a city with a region",
                        request->near);
}

static int parse_request(const struct jb_cli *cli, const struct jb_option *options, struct request *request) {
    struct jb_error error = {0};
    const char *by = options[BY].value ? options[BY].value : "region", *limit = options[LATENCY].value;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        const struct jb_criterion_info *info = jb_criterion_info((enum jb_criterion)k);
        request->rank.weights[k] = info->weight;
        request->rank.goalposts[k] = (struct jb_goalpost){info->worst, info->best};
    }
    int status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request->form);
    if (status < 0)
        status = parse_weights(cli, options[WEIGHTS].value, &request->rank);
    if (status < 0)
        status = parse_goalposts(cli, options[GOALPOSTS].value, &request->rank);
    if (status < 0)
        status = parse_draws(cli, options, request);
    if (status >= 0)
        return status;
    if (strcmp(by, "region") != 0 && strcmp(by, "provider") != 0)
        return jb_cli_usage(cli, "--by: '%.60s' is neither region nor provider", by);
    request->filter = (struct jb_rank_filter){.providers = options[PROVIDERS].value,
                                              .regions = options[REGIONS].value,
                                              .countries = options[COUNTRIES].value,
                                              .latency_limit_ms = NAN,
                                              .by_provider = strcmp(by, "provider") == 0};
    if (limit && (!number_parse(limit, strlen(limit), &request->filter.latency_limit_ms) ||
                  request->filter.latency_limit_ms < 0))
        return jb_cli_usage(cli, "--max-latency: '%.60s' is no number of milliseconds", limit);
    request->near = options[NEAR].value;
    request->data = options[DATA].value;
    if (limit && !request->near && !request->data)
        return jb_cli_usage(cli, "--max-latency needs --near, or latencies in --data");
    request->origin.at_ns = jb_clock_system.realtime_ns(&jb_clock_system);
    if (options[AT].value && jb_time_parse(options[AT].value, &error, &request->origin.at_ns))
        return jb_cli_usage(cli, "--at: %s", error.message);
    request->shows_evidence = options[EVIDENCE].value != NULL;
    return -1;
}

static enum jb_code add_data(struct jb_rank_places *places, const char *path, struct jb_error *error) {
    bool is_pipe = strcmp(path, "-") == 0;
    FILE *file = is_pipe ? stdin : fopen(path, "re");
    if (!file) {
        jb_error_set_errno(error, errno, "--data %s", path);
        return JB_IO;
    }
    enum jb_code code = jb_rank_places_add(places, file, is_pipe ? "standard input" : path, error);
    if (!is_pipe)
        fclose(file);
    return code;
}

static int make_places(const struct jb_cli *cli, struct request *request,
                       struct jb_rank_places **ret_places) {
    struct jb_error error = {0};
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_(jb_regions_free_cleanup) struct jb_regions *regions = NULL;
    _cleanup_(jb_rank_places_free_cleanup) struct jb_rank_places *places = NULL;
    int status = jb_cli_load_factors(cli, &factors);
    if (status >= 0)
        return status;
    enum jb_code code = jb_regions_load(jb_cli_data_path(cli), &error, &regions);
    if (code)
        return jb_cli_fail(cli, code, &error);
    status = find_near(cli, regions, request);
    if (status >= 0)
        return status;
    code = jb_rank_places_make(factors, regions, &request->origin, &error, &places);
    if (!code && request->data)
        code = add_data(places, request->data, &error);
    if (code)
        return jb_cli_fail(cli, code, &error);
    *ret_places = JB_TAKE(places);
    return -1;
}

static int rank(const struct jb_cli *cli, struct request *request) {
    struct jb_error error = {0};
    _cleanup_(jb_rank_places_free_cleanup) struct jb_rank_places *places = NULL;
    _cleanup_free_ struct jb_candidate *candidates = NULL;
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    struct jb_ranking ranking = {0};
    size_t count;
    int status = make_places(cli, request, &places);
    if (status >= 0)
        return status;
    enum jb_code code = jb_rank_places_select(places, &request->filter, &error, &candidates, &count);
    if (!code)
        code = jb_rank(&request->rank, candidates, count, &error, &ranking);
    if (code == JB_USAGE)
        return jb_cli_usage(cli, "%s", error.message);
    if (code)
        return jb_cli_fail(cli, code == JB_NO_DATA ? JB_INPUT : code, &error);
    struct jb_rank_view view = {.form = request->form,
                                .layout = jb_layout_of_stdout(),
                                .request = &request->rank,
                                .ranking = &ranking,
                                .candidates = candidates,
                                .candidate_count = count,
                                .price_unit = jb_rank_places_price_unit(places),
                                .limit = (size_t)request->limit,
                                .shows_evidence = request->shows_evidence,
                                .out = &out};
    code = jb_view_ranking(&view, &error);
    status = code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
    jb_ranking_free(&ranking);
    return status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [WEIGHTS] = {"--weights", true, NULL},
        [GOALPOSTS] = {"--goalposts", true, NULL},
        [BY] = {"--by", true, NULL},
        [PROVIDERS] = {"--providers", true, NULL},
        [REGIONS] = {"--regions", true, NULL},
        [COUNTRIES] = {"--countries", true, NULL},
        [NEAR] = {"--near", true, NULL},
        [LATENCY] = {"--max-latency", true, NULL},
        [DATA] = {"--data", true, NULL},
        [CONCENTRATION] = {"--concentration", true, NULL},
        [DRAWS] = {"--draws", true, NULL},
        [SEED] = {"--seed", true, NULL},
        [AT] = {"--at", true, NULL},
        [LIMIT] = {"--limit", true, NULL},
        [EVIDENCE] = {"--evidence", false, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    struct request request = {0};
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_rank, options, NULL, 0, &operand_count, false);
    if (status < 0)
        status = parse_request(cli, options, &request);
    return status >= 0 ? status : rank(cli, &request);
}

const struct jb_verb jb_verb_rank = {
    .name = "rank",
    .summary = "providers and regions by weighted criteria, with how sure each rank is",
    .help = "usage: joulebook rank [--weights LIST] [--by region|provider] [OPTIONS]\n"
            "\n"
            "Ranks cloud regions, or providers, by weighted criteria. Each criterion gives 0 to 100\n"
            "points between fixed goalposts, so a place's score does not move when another joins. The\n"
            "rank is an interval: 95 % of draws over the weights and over the errors of the evidence;\n"
            "'First' is how often a place came first. What is not known of a place leaves its score\n"
            "to the rest, lowers 'Known', and widens its rank.\n"
            "\n"
            "  renewable   carbon-free part of the electricity: matched by the hour where it is\n"
            "              published, else as the provider declares it, else the grid's\n"
            "  efficiency  PUE of the region, else of the provider's fleet\n"
            "  carbon      intensity of the region's grid\n"
            "  water       of site and grid, per kWh of IT\n"
            "  price       from --data; needs --goalposts\n"
            "  latency     from --data, or modelled from the distance to --near\n"
            "\n"
            "options\n"
            "  --weights LIST        such as renewable=51,efficiency=46,carbon=42 (the default: how many\n"
            "                        per cent of decision makers name each); only the ratios count\n"
            "  --goalposts LIST      such as price=0.3..0.05: worth 0 points, worth 100\n"
            "  --by WHAT             region (default); provider: the mean of its regions\n"
            "  --providers LIST      only these; names or globs between commas\n"
            "  --regions LIST        only these: europe-west1, gcp/europe-*\n"
            "  --countries LIST      only in these: KR,JP\n"
            "  --near PLACE          from where latency counts: LATITUDE,LONGITUDE, or a region's city\n"
            "  --max-latency MS      only places within this round trip\n"
            "  --data FILE           evidence of your own, which takes precedence: CSV with the columns\n"
            "                        provider, region, criterion, value, unit, and if you like\n"
            "                        uncertainty (relative standard), source, country; - is standard input\n"
            "  --concentration N     how sure the weights are: 30 (default) lets each stray by some 9\n"
            "                        points; 'exact' by none\n"
            "  --draws N             default 10000\n"
            "  --seed N              default 1; the same seed gives the same answer\n"
            "  --at DATE             evidence that holds then; default now\n"
            "  --limit N             show the first N (default 20; 0: all)\n"
            "  --evidence            the figures behind the points: value, interval, basis and source\n"
            "  --json, --csv         for machines, all rows; JSON has the evidence, too\n"
            "\n"
            "examples\n"
            "  joulebook rank --countries KR,JP,SG --near Seoul --max-latency 80\n"
            "  joulebook rank --by provider --weights renewable=1,carbon=1\n"
            "  joulebook rank --regions 'gcp/europe-*' --evidence\n"
            "\n"
            "exit status: 0 done, 2 wrong usage, 3 a file is wrong or no place is left, 4 could not\n",
    .run = run,
};
