/* Helpers of the storage faults: a book of a few batches, whole or not. */
#ifndef JB_TESTS_STORE_BOOK_H
#define JB_TESTS_STORE_BOOK_H

#include "store/rules.h"
#include "store/test_book.h"

#include "base/clock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define T0          INT64_C(1772323200000000000)
#define BATCH_FLOWS 40

/* Books batch `number`: BATCH_FLOWS flows of amount number + 1 in its minute, one position. */
static inline enum jb_code book_batch(struct jb_store *store, unsigned number, struct jb_error *error) {
    struct jb_flow flows[BATCH_FLOWS];
    char identity[64];
    bool is_new;
    for (unsigned i = 0; i < BATCH_FLOWS; i++) {
        char path[64];
        jb_account_id from, to;
        snprintf(path, sizeof path, "host/h1/cgroup/c%u", i);
        enum jb_code code = store->ops->account_id(store, "host/h1", true, error, &from);
        if (!code)
            code = store->ops->account_id(store, path, true, error, &to);
        if (code)
            return code;
        flows[i] = (struct jb_flow){.start_ns = T0 + number * JB_MINUTE_NS,
                                    .end_ns = T0 + (number + 1) * JB_MINUTE_NS,
                                    .from = from,
                                    .to = to,
                                    .amount = number + 1,
                                    .commodity = JB_ENERGY,
                                    .method = JB_APPORTIONED,
                                    .uncertainty_ppm = JB_UNCERTAINTY_UNKNOWN};
    }
    struct jb_position position = {.counter = "energy:rapl/package-0", .value = number};
    struct jb_gap gap = {.start_ns = T0, .end_ns = T0 + 1, .account = flows[0].from, .reason = "test"};
    snprintf(identity, sizeof identity, "meter h1 %u", number);
    struct jb_batch batch = {.identity = identity,
                             .host = "h1",
                             .boot_id = "boot",
                             .flows = flows,
                             .flow_count = BATCH_FLOWS,
                             .positions = &position,
                             .position_count = 1,
                             .gaps = &gap,
                             .gap_count = number == 0};
    return store->ops->append(store, &batch, error, &is_new);
}

static inline jb_int128 total_of_batches(unsigned count) {
    return (jb_int128)BATCH_FLOWS * count * (count + 1) / 2;
}

/* JB_OK and the sum of everything, or why not. */
static inline enum jb_code read_total(struct jb_store *store, struct jb_error *error, jb_int128 *ret_total) {
    struct jb_query query = JB_QUERY_ALL;
    struct jb_sum *sums = NULL;
    size_t count = 0;
    enum jb_code code = store->ops->sums(store, &query, error, &sums, &count);
    if (code)
        return code;
    *ret_total = 0;
    for (size_t i = 0; i < count; i++)
        *ret_total += sums[i].amount;
    free(sums);
    return JB_OK;
}

/* A closed book of `count` batches at path, with roll-ups up to the `rolled`th. */
static inline void make_book(const char *path, unsigned count, unsigned rolled) {
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    if (jb_store_sqlite.open(path, JB_STORE_CREATE, &error, &store) != JB_OK)
        fail_msg("%s", error.message);
    for (unsigned i = 0; i < count; i++) {
        if (book_batch(store, i, &error) != JB_OK)
            fail_msg("%s", error.message);
        if (i + 1 == rolled && store->ops->rollup(store, T0 + (i + 1) * JB_MINUTE_NS, &error) != JB_OK)
            fail_msg("%s", error.message);
    }
    store->ops->close(store);
}

static inline unsigned char *read_file(const char *path, size_t *ret_size) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0 && fstat(descriptor, &status) == 0);
    unsigned char *bytes = malloc((size_t)status.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(descriptor, bytes, (size_t)status.st_size), status.st_size);
    close(descriptor);
    *ret_size = (size_t)status.st_size;
    return bytes;
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
    close(descriptor);
}

/* Runs body in a child of its own; its result is the exit status. */
static inline int in_child(int (*body)(void *context), void *context) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body(context));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In a child: says what went wrong and ends with status 1. */
#define CHECK(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                  \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fputc('\n', stderr);                                                                             \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (0)

#endif
