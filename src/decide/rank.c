/* Scores places by weighted criteria and draws how their ranks spread. */
#include "decide/rank.h"

#include "base/random.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Default weights: how many per cent of decision makers say that renewable energy (51), efficient data
 * centres (46) and cutting emissions (42) count when they choose a provider (Tech-Driven Sustainability
 * Trends and Index 2024). Goalposts: no electricity is carbon-free and all is; PUE of a poor server room and
 * the bound; a coal-only grid and none; a water-hungry grid and none; a round trip halfway around the world
 * and none. */
static const struct jb_criterion_info infos[JB_CRITERION_COUNT] = {
    [JB_RANK_RENEWABLE] = {"renewable", "%", 0, 100, 0, 100, 51, 0.10, "carbon-free part of the electricity"},
    [JB_RANK_EFFICIENCY] = {"efficiency", "PUE", 2, 1, 1, 5, 46, 0.05, "power usage effectiveness"},
    [JB_RANK_CARBON] = {"carbon", "g/kWh", 1000, 0, 0, 2500, 42, 0.15, "carbon intensity of the grid"},
    [JB_RANK_WATER] = {"water", "L/kWh", 10, 0, 0, 200, 0, 0.50, "water of site and grid"},
    [JB_RANK_PRICE] = {"price", "", 0, 0, 0, 1e12, 0, 0.05, "price, in the unit of the data"},
    [JB_RANK_LATENCY] = {"latency", "ms", 300, 0, 0, 1e5, 0, 0.10, "round trip"},
};

const struct jb_criterion_info *jb_criterion_info(enum jb_criterion criterion) {
    assert((unsigned)criterion < JB_CRITERION_COUNT);
    return &infos[criterion];
}

bool jb_criterion_parse(const char *name, size_t length, enum jb_criterion *ret_criterion) {
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        if (strlen(infos[k].name) == length && strncmp(infos[k].name, name, length) == 0) {
            *ret_criterion = (enum jb_criterion)k;
            return true;
        }
    }
    return false;
}

/* What the draws work on: candidates in order of name, their errors and groups as indexes. */
struct field {
    const struct jb_candidate **candidates;
    size_t count;
    uint32_t (*errors)[JB_CRITERION_COUNT]; /* index of the source's error */
    size_t error_count;
    size_t *groups; /* of each candidate */
    size_t group_count;
    const struct jb_rank_request *request;
    double weights[JB_CRITERION_COUNT];
    uint32_t *known_index[JB_CRITERION_COUNT]; /* those with evidence, which the others borrow from */
    size_t known_count[JB_CRITERION_COUNT];
};

static void field_clear(struct field *field) {
    free(field->candidates);
    free(field->errors);
    free(field->groups);
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        free(field->known_index[k]);
}

static int compare_candidates(const void *left, const void *right) {
    const struct jb_candidate *a = *(const struct jb_candidate *const *)left;
    const struct jb_candidate *b = *(const struct jb_candidate *const *)right;
    int order = strcmp(a->group, b->group);
    return order ? order : strcmp(a->name, b->name);
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static double points_of(const struct jb_goalpost *goalpost, double value) {
    double points = (value - goalpost->worst) / (goalpost->best - goalpost->worst);
    return points < 0 ? 0 : points > 1 ? 1 : points;
}

static enum jb_code check(const struct jb_rank_request *request, const struct jb_candidate *candidates,
                          size_t count, struct jb_error *error) {
    double sum = 0;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        double weight = request->weights[k];
        const struct jb_goalpost *goalpost = &request->goalposts[k];
        if (!isfinite(weight) || weight < 0)
            return jb_error_set(error, JB_USAGE, "the weight of %s is not 0 or more", infos[k].name);
        if (weight > 0 &&
            (!isfinite(goalpost->worst) || !isfinite(goalpost->best) || goalpost->worst == goalpost->best))
            return jb_error_set(error, JB_USAGE,
                                "%s has no goalposts: say at which value it is worth nothing and all, as "
                                "--goalposts %s=WORST..BEST",
                                infos[k].name, infos[k].name);
        sum += weight;
    }
    if (!(sum > 0) || !isfinite(sum))
        return jb_error_set(error, JB_USAGE, "no criterion has a weight above 0");
    if (!(request->concentration > 0))
        return jb_error_set(error, JB_USAGE, "the concentration of the weights is not above 0");
    if (request->draw_count < 1 || request->draw_count > JB_RANK_DRAW_CEILING)
        return jb_error_set(error, JB_USAGE, "the number of draws is not 1 to %d", JB_RANK_DRAW_CEILING);
    if (count == 0)
        return jb_error_set(error, JB_NO_DATA, "there is nothing to rank");
    if (count > JB_RANK_CANDIDATE_CEILING)
        return jb_error_set(error, JB_LIMIT, "%zu places are more than the %d that can be ranked", count,
                            JB_RANK_CANDIDATE_CEILING);
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
            assert(!candidates[i].evidence[k].is_known ||
                   (isfinite(candidates[i].evidence[k].value) && candidates[i].evidence[k].uncertainty >= 0 &&
                    candidates[i].evidence[k].error_id));
    return JB_OK;
}

/* Numbers the sources by name, so that a source has the same errors in whatever order places come. */
static enum jb_code number_errors(struct field *field, struct jb_error *error) {
    size_t count = 0;
    _cleanup_free_ const char **ids = calloc(field->count * JB_CRITERION_COUNT, sizeof *ids);
    if (!ids)
        return jb_error_set(error, JB_MEMORY, "no memory to rank");
    for (size_t i = 0; i < field->count; i++)
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
            if (field->candidates[i]->evidence[k].is_known)
                ids[count++] = field->candidates[i]->evidence[k].error_id;
    if (count == 0)
        return JB_OK;
    qsort(ids, count, sizeof *ids, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(ids[i], ids[field->error_count - 1]) != 0)
            ids[field->error_count++] = ids[i];
    for (size_t i = 0; i < field->count; i++) {
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
            const struct jb_evidence *evidence = &field->candidates[i]->evidence[k];
            if (!evidence->is_known)
                continue;
            const char **found =
                bsearch(&evidence->error_id, ids, field->error_count, sizeof *ids, compare_texts);
            field->errors[i][k] = (uint32_t)(found - ids);
        }
    }
    return JB_OK;
}

static enum jb_code field_make(const struct jb_rank_request *request, const struct jb_candidate *candidates,
                               size_t count, struct jb_error *error, struct field *field) {
    field->request = request;
    field->count = count;
    field->candidates = calloc(count, sizeof *field->candidates);
    field->errors = calloc(count, sizeof *field->errors);
    field->groups = calloc(count, sizeof *field->groups);
    bool has_memory = field->candidates && field->errors && field->groups;
    for (unsigned k = 0; has_memory && k < JB_CRITERION_COUNT; k++)
        has_memory = (field->known_index[k] = calloc(count, sizeof **field->known_index)) != NULL;
    if (!has_memory)
        return jb_error_set(error, JB_MEMORY, "no memory to rank");
    for (size_t i = 0; i < count; i++)
        field->candidates[i] = &candidates[i];
    qsort(field->candidates, count, sizeof *field->candidates, compare_candidates);
    for (size_t i = 0; i < count; i++) {
        if (i && strcmp(field->candidates[i]->group, field->candidates[i - 1]->group) != 0)
            field->group_count++;
        field->groups[i] = field->group_count;
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
            if (field->candidates[i]->evidence[k].is_known)
                field->known_index[k][field->known_count[k]++] = (uint32_t)i;
    }
    field->group_count++;
    return number_errors(field, error);
}

/* A criterion of which no place has evidence tells nobody apart: it is left out, and said. */
static enum jb_code weigh(struct field *field, struct jb_error *error, struct jb_ranking *ranking) {
    double sum = 0;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        double weight = field->request->weights[k];
        ranking->is_left_out[k] = weight > 0 && field->known_count[k] == 0;
        field->weights[k] = field->known_count[k] ? weight : 0;
        sum += field->weights[k];
    }
    if (!(sum > 0))
        return jb_error_set(error, JB_NO_DATA,
                            "nothing is known of any weighted criterion at any of these places");
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        ranking->weights[k] = field->weights[k] /= sum;
    return JB_OK;
}

/* The figures over what is known, without any draw. Confidence is part of the weight that was asked for, so
 * that a criterion left out lowers it. */
static void score(const struct field *field, struct jb_ranking *ranking) {
    for (size_t i = 0; i < field->count; i++) {
        const struct jb_candidate *candidate = field->candidates[i];
        struct jb_ranked *row = &ranking->rows[field->groups[i]];
        row->name = candidate->group;
        row->candidate_count++;
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
            if (field->weights[k] > 0 && candidate->evidence[k].is_known) {
                row->known[k]++;
                row->points[k] +=
                    100 * points_of(&field->request->goalposts[k], candidate->evidence[k].value);
            }
        }
    }
    double asked = 0;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        asked += field->request->weights[k];
    for (size_t g = 0; g < field->group_count; g++) {
        struct jb_ranked *row = &ranking->rows[g];
        double sum = 0, weight = 0;
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
            row->points[k] = row->known[k] > 0 ? row->points[k] / row->known[k] : NAN;
            row->known[k] /= (double)row->candidate_count;
            row->confidence += field->request->weights[k] / asked * row->known[k];
            if (row->known[k] > 0) {
                sum += field->weights[k] * row->points[k];
                weight += field->weights[k];
            }
        }
        row->score = weight > 0 ? sum / weight : NAN;
    }
}

static void draw_weights(const struct field *field, struct jb_random *random,
                         double ret[static JB_CRITERION_COUNT]) {
    double sum = 0;
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        ret[k] = field->weights[k];
        if (ret[k] > 0 && isfinite(field->request->concentration))
            ret[k] = jb_random_gamma(random, ret[k] * field->request->concentration);
        sum += ret[k];
    }
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        ret[k] = sum > 0 ? ret[k] / sum : field->weights[k];
}

static double draw_points(const struct field *field, size_t i, unsigned k, const double *errors) {
    const struct jb_evidence *evidence = &field->candidates[i]->evidence[k];
    double value = evidence->value * (1 + evidence->uncertainty * errors[field->errors[i][k]]);
    value = fmin(fmax(value, infos[k].low), infos[k].high);
    return points_of(&field->request->goalposts[k], value);
}

/* One draw: the score of each group, 0 to 1. */
static void draw_scores(const struct field *field, struct jb_random *random, double *errors, double *scores) {
    double weights[JB_CRITERION_COUNT];
    draw_weights(field, random, weights);
    for (size_t e = 0; e < field->error_count; e++)
        errors[e] = jb_random_normal(random);
    memset(scores, 0, field->group_count * sizeof *scores);
    for (size_t i = 0, first = 0; i < field->count; i++) {
        double sum = 0;
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
            if (field->weights[k] <= 0)
                continue;
            size_t from = i;
            if (!field->candidates[i]->evidence[k].is_known)
                from = field->known_index[k][jb_random_below(random, field->known_count[k])];
            sum += weights[k] * draw_points(field, from, k, errors);
        }
        scores[field->groups[i]] += sum;
        bool is_last = i + 1 == field->count || field->groups[i + 1] != field->groups[i];
        if (is_last) {
            scores[field->groups[i]] /= (double)(i + 1 - first);
            first = i + 1;
        }
    }
}

struct place {
    double score;
    size_t group;
};

static int compare_places(const void *left, const void *right) {
    const struct place *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return a->group < b->group ? -1 : a->group > b->group;
}

/* Everything the draws are counted into. */
struct tally {
    double *errors, *scores;
    struct place *places;
    uint32_t *ranks;     /* group × rank: how often */
    float *drawn_scores; /* group × draw */
};

static void tally_clear(struct tally *tally) {
    free(tally->errors);
    free(tally->scores);
    free(tally->places);
    free(tally->ranks);
    free(tally->drawn_scores);
}

/* Equal scores share the better rank; the probability of being first is split between them. */
static void count_draw(const struct field *field, struct tally *tally, unsigned draw,
                       struct jb_ranking *ranking) {
    size_t count = field->group_count, firsts = 0;
    for (size_t g = 0; g < count; g++) {
        tally->places[g] = (struct place){tally->scores[g], g};
        tally->drawn_scores[g * field->request->draw_count + draw] = (float)(100 * tally->scores[g]);
    }
    qsort(tally->places, count, sizeof *tally->places, compare_places);
    while (firsts < count && tally->places[firsts].score == tally->places[0].score)
        firsts++;
    for (size_t p = 0, rank = 0; p < count; p++) {
        if (p && tally->places[p].score != tally->places[p - 1].score)
            rank = p;
        struct jb_ranked *row = &ranking->rows[tally->places[p].group];
        tally->ranks[tally->places[p].group * count + rank]++;
        row->rank_mean += (double)(rank + 1);
        if (p < firsts)
            row->first_probability += 1 / (double)firsts;
    }
}

static int compare_floats(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return a < b ? -1 : a > b;
}

/* Bounds that leave at most 2.5 % of the draws out on either side. */
static void summarise(const struct field *field, const struct tally *tally, struct jb_ranking *ranking) {
    unsigned draws = field->request->draw_count;
    size_t outside = draws / 40;
    for (size_t g = 0; g < field->group_count; g++) {
        struct jb_ranked *row = &ranking->rows[g];
        const uint32_t *ranks = &tally->ranks[g * field->group_count];
        float *scores = &tally->drawn_scores[g * draws];
        size_t below = 0, rank = 0;
        while (below + ranks[rank] <= outside)
            below += ranks[rank++];
        row->rank_low = (unsigned)rank + 1;
        size_t above = 0;
        rank = field->group_count - 1;
        while (above + ranks[rank] <= outside)
            above += ranks[rank--];
        row->rank_high = (unsigned)rank + 1;
        row->rank_mean /= draws;
        row->first_probability /= draws;
        qsort(scores, draws, sizeof *scores, compare_floats);
        row->score_low = (double)scores[outside];
        row->score_high = (double)scores[draws - 1 - outside];
    }
}

static enum jb_code draw(const struct field *field, struct jb_error *error, struct jb_ranking *ranking) {
    size_t count = field->group_count;
    __attribute__((cleanup(tally_clear))) struct tally tally = {
        .errors = calloc(field->error_count + 1, sizeof *tally.errors),
        .scores = calloc(count, sizeof *tally.scores),
        .places = calloc(count, sizeof *tally.places),
        .ranks = calloc(count * count, sizeof *tally.ranks),
        .drawn_scores = calloc(count * field->request->draw_count, sizeof *tally.drawn_scores),
    };
    if (!tally.errors || !tally.scores || !tally.places || !tally.ranks || !tally.drawn_scores)
        return jb_error_set(error, JB_MEMORY, "no memory for %u draws; give fewer",
                            field->request->draw_count);
    struct jb_random random = jb_random_make(field->request->seed);
    for (unsigned d = 0; d < field->request->draw_count; d++) {
        draw_scores(field, &random, tally.errors, tally.scores);
        count_draw(field, &tally, d, ranking);
    }
    summarise(field, &tally, ranking);
    return JB_OK;
}

static int compare_rows(const void *left, const void *right) {
    const struct jb_ranked *a = left, *b = right;
    bool a_known = a->confidence > 0, b_known = b->confidence > 0;
    if (a_known != b_known)
        return a_known ? -1 : 1;
    if (a_known && a->rank_mean != b->rank_mean)
        return a->rank_mean < b->rank_mean ? -1 : 1;
    if (a_known && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return strcmp(a->name, b->name);
}

enum jb_code jb_rank(const struct jb_rank_request *request, const struct jb_candidate *candidates,
                     size_t count, struct jb_error *error, struct jb_ranking *ret_ranking) {
    __attribute__((cleanup(field_clear))) struct field field = {0};
    struct jb_ranking ranking = {0};
    enum jb_code code = check(request, candidates, count, error);
    if (!code)
        code = field_make(request, candidates, count, error, &field);
    if (!code)
        code = weigh(&field, error, &ranking);
    if (code)
        return code;
    ranking.count = field.group_count;
    ranking.rows = calloc(ranking.count, sizeof *ranking.rows);
    if (!ranking.rows)
        return jb_error_set(error, JB_MEMORY, "no memory to rank");
    score(&field, &ranking);
    code = draw(&field, error, &ranking);
    if (code) {
        jb_ranking_free(&ranking);
        return code;
    }
    qsort(ranking.rows, ranking.count, sizeof *ranking.rows, compare_rows);
    *ret_ranking = ranking;
    return JB_OK;
}

void jb_ranking_free(struct jb_ranking *ranking) {
    if (!ranking)
        return;
    free(ranking->rows);
    *ranking = (struct jb_ranking){0};
}
