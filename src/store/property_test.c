/* Random books: whatever was appended late, taken back, rolled up and dropped, sums stay exact. The SQLite
 * store, the memory store and a plain list of every flow ever booked must agree. */
#include "store/rules.h"
#include "store/test_book.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/time.h"

#define T0          INT64_C(1772323200000000000)
#define ACCOUNTS    5
#define FLOW_LIMIT  4000
#define BATCH_LIMIT 400

struct world {
    struct jb_random random;
    struct jb_test_book sqlite, memory;
    struct jb_flow flows[FLOW_LIMIT]; /* all that count */
    size_t flow_count;
    struct {
        size_t first, count;
        bool is_reversed;
    } batches[BATCH_LIMIT];
    size_t batch_count;
    int64_t pruned_ns; /* before it only hours can be asked for exactly */
    int64_t now_ns;
};

static int64_t below(struct world *world, int64_t bound) {
    return (int64_t)jb_random_below(&world->random, (uint64_t)bound);
}

static struct jb_flow random_flow(struct world *world) {
    /* Within an hour, across hours, across days, whole hours. */
    static const int64_t lengths[] = {1, JB_MINUTE_NS, JB_HOUR_NS, 3 * JB_HOUR_NS, 40 * JB_HOUR_NS};
    struct jb_flow flow = {.commodity = below(world, 5) ? JB_ENERGY : JB_WATER,
                           .method = (enum jb_method)below(world, 2),
                           .uncertainty_ppm = (uint32_t)below(world, 2) * 50000};
    flow.from = (jb_account_id)below(world, ACCOUNTS);
    do
        flow.to = (jb_account_id)below(world, ACCOUNTS);
    while (flow.to == flow.from);
    int64_t length = 1 + below(world, lengths[below(world, 5)]);
    /* Mostly now, sometimes late, once in a while before 1970. */
    int64_t start = world->now_ns - (below(world, 4) ? 0 : below(world, 4 * JB_DAY_NS));
    if (below(world, 50) == 0)
        start -= T0 + JB_DAY_NS;
    if (below(world, 5) == 0) {
        start = jb_time_floor(start, JB_HOUR_NS);
        length = below(world, 2) ? JB_HOUR_NS : JB_DAY_NS;
    }
    flow.start_ns = start;
    flow.end_ns = start + length;
    flow.amount = below(world, 20) == 0
                      ? INT64_MAX - below(world, 3)
                      : (int64_t)(jb_random_uint64(&world->random) >> (1 + below(world, 62)));
    return flow;
}

static void append_both(struct world *world, const struct jb_batch *batch) {
    jb_test_append(&world->sqlite, batch, true);
    jb_test_append(&world->memory, batch, true);
}

static void append_random(struct world *world) {
    size_t count = (size_t)below(world, 12);
    if (world->flow_count + 2 * count > FLOW_LIMIT || world->batch_count == BATCH_LIMIT)
        return;
    struct jb_flow *flows = &world->flows[world->flow_count];
    char identity[64];
    world->now_ns += below(world, JB_HOUR_NS);
    for (size_t i = 0; i < count; i++) {
        flows[i] = random_flow(world);
        if (i && below(world, 2)) { /* a batch has few intervals */
            flows[i].start_ns = flows[i - 1].start_ns;
            flows[i].end_ns = flows[i - 1].end_ns;
        }
    }
    snprintf(identity, sizeof identity, "meter h%lld %zu", (long long)below(world, 3), world->batch_count);
    append_both(world, &(struct jb_batch){.identity = identity, .flows = flows, .flow_count = count});
    jb_test_append(&world->sqlite, &(struct jb_batch){.identity = identity}, false);
    world->batches[world->batch_count].first = world->flow_count;
    world->batches[world->batch_count++].count = count;
    world->flow_count += count;
}

/* Takes a batch back by its identity, if any of the three hosts' names fits. */
static void reverse_random(struct world *world) {
    struct jb_error error = {0};
    if (!world->batch_count)
        return;
    size_t index = (size_t)below(world, (int64_t)world->batch_count);
    size_t first = world->batches[index].first, count = world->batches[index].count;
    if (world->flow_count + count > FLOW_LIMIT)
        return;
    for (int host = 0; host < 3; host++) {
        char identity[64];
        bool is_new = false, is_new_too = false;
        snprintf(identity, sizeof identity, "meter h%d %zu", host, index);
        enum jb_code code = world->sqlite.store->ops->reverse(world->sqlite.store, identity, &error, &is_new);
        assert_int_equal(
            world->memory.store->ops->reverse(world->memory.store, identity, &error, &is_new_too), code);
        assert_int_equal(is_new, is_new_too);
        if (code)
            assert_true(code == JB_NO_DATA || code == JB_UNSUPPORTED);
        if (!is_new)
            continue;
        assert_false(world->batches[index].is_reversed);
        world->batches[index].is_reversed = true;
        for (size_t i = 0; i < count; i++) {
            struct jb_flow *flow = &world->flows[world->flow_count++];
            *flow = world->flows[first + i];
            flow->amount = -flow->amount;
        }
    }
}

static void rollup_random(struct world *world) {
    struct jb_error error = {0};
    int64_t keep_ns = below(world, 2) ? INT64_MIN : world->now_ns - below(world, 3 * JB_DAY_NS);
    if (world->sqlite.store->ops->rollup(world->sqlite.store, keep_ns, &error) != JB_OK)
        fail_msg("%s", error.message);
    assert_int_equal(world->memory.store->ops->rollup(world->memory.store, keep_ns, &error), JB_OK);
    if (keep_ns > world->pruned_ns)
        world->pruned_ns = keep_ns;
}

static int64_t random_edge(struct world *world, bool *ret_exact) {
    int64_t ns = T0 - 5 * JB_DAY_NS + below(world, world->now_ns - T0 + 7 * JB_DAY_NS);
    if (below(world, 3) == 0)
        ns = jb_time_floor(ns, below(world, 2) ? JB_HOUR_NS : JB_DAY_NS);
    if (below(world, 20) == 0)
        ns = below(world, 2) ? INT64_MIN : INT64_MAX;
    *ret_exact = ns == INT64_MIN || ns == INT64_MAX || ns % JB_HOUR_NS == 0 || ns >= world->pruned_ns;
    return ns;
}

struct sums {
    struct jb_sum *rows;
    size_t count;
};

static struct sums sums_of(struct jb_test_book *book, const struct jb_query *query) {
    struct jb_error error = {0};
    struct sums sums = {0};
    if (book->store->ops->sums(book->store, query, &error, &sums.rows, &sums.count) != JB_OK)
        fail_msg("%s", error.message);
    return sums;
}

static bool is_of(const struct jb_flow *flow, const struct jb_sum *sum) {
    return flow->from == sum->from && flow->to == sum->to && flow->commodity == sum->commodity &&
           flow->method == sum->method && flow->uncertainty_ppm == sum->uncertainty_ppm;
}

/* The sums are what the list of flows says, and leave nothing out. */
static void compare_with_list(struct world *world, const struct jb_query *query, const struct sums *sums) {
    uint64_t flow_count = 0;
    jb_int128 total = 0;
    for (size_t i = 0; i < sums->count; i++) {
        jb_int128 expected = 0;
        for (size_t j = 0; j < world->flow_count; j++) {
            const struct jb_flow *flow = &world->flows[j];
            if (is_of(flow, &sums->rows[i]))
                expected +=
                    jb_amount_part(flow->amount, flow->start_ns, flow->end_ns, query->from_ns, query->to_ns);
        }
        assert_true(sums->rows[i].amount == expected);
        flow_count += sums->rows[i].flow_count;
        total += expected;
    }
    uint64_t expected_count = 0;
    jb_int128 expected_total = 0;
    for (size_t j = 0; j < world->flow_count; j++) {
        const struct jb_flow *flow = &world->flows[j];
        if (query->from_ns >= query->to_ns || flow->start_ns >= query->to_ns ||
            flow->end_ns <= query->from_ns || (query->commodity && query->commodity != flow->commodity))
            continue;
        if (query->account) {
            const char *from = world->memory.store->ops->account_path(world->memory.store, flow->from);
            const char *to = world->memory.store->ops->account_path(world->memory.store, flow->to);
            if (!jb_account_is_within(from, query->account) && !jb_account_is_within(to, query->account))
                continue;
        }
        expected_count++;
        expected_total +=
            jb_amount_part(flow->amount, flow->start_ns, flow->end_ns, query->from_ns, query->to_ns);
    }
    assert_int_equal(flow_count, expected_count);
    assert_true(total == expected_total);
}

static void compare_with_split(struct world *world, const struct jb_query *query, const struct sums *whole) {
    bool exact;
    struct jb_query left = *query, right = *query;
    int64_t cut = random_edge(world, &exact);
    if (cut <= query->from_ns || cut >= query->to_ns)
        return;
    left.to_ns = right.from_ns = cut;
    struct sums halves[2] = {sums_of(&world->sqlite, &left), sums_of(&world->sqlite, &right)};
    for (size_t i = 0; i < whole->count; i++) {
        jb_int128 amount = 0;
        for (int half = 0; half < 2; half++) {
            for (size_t j = 0; j < halves[half].count; j++) {
                const struct jb_sum *a = &whole->rows[i], *b = &halves[half].rows[j];
                if (a->from == b->from && a->to == b->to && a->commodity == b->commodity &&
                    a->method == b->method && a->uncertainty_ppm == b->uncertainty_ppm)
                    amount += b->amount;
            }
        }
        assert_true(amount == whole->rows[i].amount);
    }
    free(halves[0].rows);
    free(halves[1].rows);
}

static void compare_sums(struct world *world) {
    bool from_exact, to_exact;
    struct jb_query query = JB_QUERY_ALL;
    query.from_ns = random_edge(world, &from_exact);
    query.to_ns = random_edge(world, &to_exact);
    query.commodity = below(world, 3) ? 0 : JB_ENERGY;
    query.account = below(world, 3) ? NULL : below(world, 2) ? "host/h1" : "grid";
    struct sums a = sums_of(&world->sqlite, &query), b = sums_of(&world->memory, &query);
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        const struct jb_sum *x = &a.rows[i], *y = &b.rows[i];
        assert_true(x->from == y->from && x->to == y->to && x->commodity == y->commodity &&
                    x->method == y->method && x->uncertainty_ppm == y->uncertainty_ppm);
        assert_true(x->amount == y->amount);
        assert_int_equal(x->flow_count, y->flow_count);
        assert_int_equal(x->first_ns, y->first_ns);
        assert_int_equal(x->last_ns, y->last_ns);
    }
    if (from_exact && to_exact)
        compare_with_list(world, &query, &a);
    compare_with_split(world, &query, &a);
    free(a.rows);
    free(b.rows);
}

/* Every slice holds what the sums of its own period say. */
static void compare_slices(struct world *world) {
    enum { SLICES = 5 };
    int64_t cuts[SLICES + 1];
    struct jb_query query = JB_QUERY_ALL;
    query.account = below(world, 3) ? NULL : "host/h1";
    cuts[0] = jb_time_floor(T0 - JB_DAY_NS + below(world, world->now_ns - T0 + 2 * JB_DAY_NS), JB_HOUR_NS);
    for (int i = 1; i <= SLICES; i++)
        cuts[i] = cuts[i - 1] +
                  (below(world, 3) ? JB_HOUR_NS * (1 + below(world, 3)) : 1 + below(world, JB_HOUR_NS));
    struct jb_test_book *books[] = {&world->sqlite, &world->memory};
    for (int b = 0; b < 2; b++) {
        struct jb_slices slices;
        struct jb_error error = {0};
        if (books[b]->store->ops->slices(books[b]->store, &query, cuts, SLICES, &error, &slices) != JB_OK)
            fail_msg("%s", error.message);
        size_t found = 0, expected = 0;
        for (int i = 0; i < SLICES; i++) {
            query.from_ns = cuts[i];
            query.to_ns = cuts[i + 1];
            struct sums sums = sums_of(books[b], &query);
            for (size_t j = 0; j < sums.count; j++) {
                const struct jb_sum *x = &sums.rows[j];
                expected += x->amount != 0;
                for (size_t k = 0; k < slices.count; k++) {
                    const struct jb_sum *y = &slices.sums[k];
                    if (x->from == y->from && x->to == y->to && x->commodity == y->commodity &&
                        x->method == y->method && x->uncertainty_ppm == y->uncertainty_ppm)
                        assert_true(slices.amounts[k][i] == x->amount);
                }
            }
            free(sums.rows);
        }
        for (size_t k = 0; k < slices.count; k++) {
            for (int i = 0; i < SLICES; i++)
                found += slices.amounts[k][i] != 0;
        }
        assert_int_equal(found, expected);
        jb_slices_free(&slices);
    }
}

static void compare_cursors(struct world *world) {
    struct jb_error error = {0};
    bool exact;
    struct jb_query query = JB_QUERY_ALL;
    if (below(world, 2)) {
        query.from_ns = random_edge(world, &exact);
        query.to_ns = random_edge(world, &exact);
    }
    query.account = below(world, 3) ? NULL : "host/h1";
    struct jb_flow_cursor *a = NULL, *b = NULL;
    const struct jb_store_ops *x = world->sqlite.store->ops, *y = world->memory.store->ops;
    assert_int_equal(x->flows_open(world->sqlite.store, &query, &error, &a), JB_OK);
    assert_int_equal(y->flows_open(world->memory.store, &query, &error, &b), JB_OK);
    for (;;) {
        struct jb_flow f = {0}, g = {0};
        const char *f_identity = "", *g_identity = "";
        enum jb_code code = x->flows_next(a, &error, &f, &f_identity);
        assert_int_equal(y->flows_next(b, &error, &g, &g_identity), code);
        if (code) {
            assert_int_equal(code, JB_NO_DATA);
            break;
        }
        assert_true(f.start_ns == g.start_ns && f.end_ns == g.end_ns && f.from == g.from && f.to == g.to);
        assert_true(f.amount == g.amount && f.commodity == g.commodity && f.method == g.method &&
                    f.uncertainty_ppm == g.uncertainty_ppm);
        assert_string_equal(f_identity, g_identity);
    }
    x->flows_close(a);
    y->flows_close(b);
}

static void open_world(struct world *world, uint64_t seed) {
    static const char *const paths[ACCOUNTS] = {"grid/KR", "host/h1", "host/h1/cpu0", "host/h2", "host/h11"};
    *world = (struct world){.random = jb_random_make(seed), .pruned_ns = INT64_MIN, .now_ns = T0};
    jb_test_book_open(&world->sqlite, &jb_store_sqlite);
    jb_test_book_open(&world->memory, &jb_store_memory);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        assert_int_equal(jb_test_account(&world->sqlite, paths[i]), i);
        assert_int_equal(jb_test_account(&world->memory, paths[i]), i);
    }
    /* One flow over all accounts in order, so that a handle opened later numbers them alike. */
    for (size_t i = 0; i + 1 < ACCOUNTS; i++)
        world->flows[i] = (struct jb_flow){.start_ns = T0,
                                           .end_ns = T0 + 1,
                                           .from = (jb_account_id)i,
                                           .to = (jb_account_id)i + 1,
                                           .amount = 1,
                                           .commodity = JB_ENERGY};
    world->flow_count = ACCOUNTS - 1;
    append_both(world, &(struct jb_batch){
                           .identity = "accounts", .flows = world->flows, .flow_count = world->flow_count});
}

static void run_world(uint64_t seed, int steps) {
    struct jb_error error = {0};
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    open_world(world, seed);
    for (int step = 0; step < steps; step++) {
        int64_t what = below(world, 22);
        if (what < 9)
            append_random(world);
        else if (what < 10)
            reverse_random(world);
        else if (what < 12)
            rollup_random(world);
        else if (what < 18)
            compare_sums(world);
        else if (what < 19)
            compare_cursors(world);
        else if (what < 21)
            compare_slices(world);
        else if (below(world, 4) == 0) { /* the book on disk is all there is */
            world->sqlite.store->ops->close(world->sqlite.store);
            assert_int_equal(
                jb_store_sqlite.open(world->sqlite.location, JB_STORE_WRITE, &error, &world->sqlite.store),
                JB_OK);
            for (jb_account_id id = 0; id < ACCOUNTS; id++)
                assert_string_equal(world->sqlite.store->ops->account_path(world->sqlite.store, id),
                                    world->memory.store->ops->account_path(world->memory.store, id));
        }
    }
    jb_test_book_close(&world->sqlite);
    jb_test_book_close(&world->memory);
    free(world);
}

static void test_random_books(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        run_world(seed, 250);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_books)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
