/* Use of GPUs by process over several sources: merged, cleaned, and none of them stops the others. */
#include "load/gpu.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A source that tells what the test wrote into it. */
struct teller {
    struct jb_source source;
    struct jb_gpu_usage rows[8];
    size_t row_count;
    enum jb_code code;
};

static enum jb_code tell(struct jb_source *source, uint32_t domain_base, struct jb_sample *sample,
                         struct jb_error *error) {
    const struct teller *teller = (const struct teller *)source;
    enum jb_code code =
        jb_array_reserve(&sample->gpus, &sample->gpu_capacity, sample->gpu_count + teller->row_count,
                         JB_GPU_CEILING, "rows", error);
    for (size_t i = 0; !code && i < teller->row_count; i++) {
        sample->gpus[sample->gpu_count] = teller->rows[i];
        sample->gpus[sample->gpu_count++].domain += domain_base;
    }
    if (!code && teller->code)
        return jb_error_set(error, teller->code, "it does not tell");
    return code;
}

static const struct jb_source_ops telling = {.name = "teller", .processes = tell};
static const struct jb_source_ops silent = {.name = "silent"};

static void check(const struct jb_gpu_usage *row, uint32_t domain, int32_t pid, uint64_t busy_ns,
                  uint64_t memory_bytes) {
    assert_int_equal(row->domain, domain);
    assert_int_equal(row->pid, pid);
    assert_int_equal(row->busy_ns, busy_ns);
    assert_int_equal(row->memory_bytes, memory_bytes);
}

static void test_merge(void **state) {
    (void)state;
    struct teller a = {.source.ops = &telling,
                       .rows = {{1, 7, 100, 10}, {0, 9, 5, 0}, {1, 7, 50, 4}, {0, 3, 0, 8}},
                       .row_count = 4};
    struct teller b = {.source.ops = &telling, .rows = {{0, 7, 1, 1}}, .row_count = 1};
    struct jb_source none = {.ops = &silent};
    struct jb_source *sources[] = {&none, &a.source, NULL, &b.source};
    static const uint32_t bases[] = {0, 2, 0, 4}, counts[] = {2, 2, 0, 1};
    struct jb_sample sample = {0};
    struct jb_error error = {0};
    assert_int_equal(jb_gpu_sample(sources, bases, counts, 4, &sample, NULL, &error), JB_OK);
    assert_int_equal(sample.gpu_count, 4);
    check(&sample.gpus[0], 2, 3, 0, 8);
    check(&sample.gpus[1], 2, 9, 5, 0);
    check(&sample.gpus[2], 3, 7, 150, 14);
    check(&sample.gpus[3], 4, 7, 1, 1);
    size_t before = jb_array_growths();
    assert_int_equal(jb_gpu_sample(sources, bases, counts, 4, &sample, NULL, &error), JB_OK);
    assert_int_equal(sample.gpu_count, 4); /* emptied first */
    assert_int_equal(jb_array_growths(), before);
    free(sample.gpus);
}

static void test_nonsense(void **state) {
    (void)state;
    struct teller a = {.source.ops = &telling,
                       .rows = {{0, 0, 5, 5},
                                {0, -4, 5, 5},
                                {9, 6, 5, 5},
                                {0, 8, 0, 0},
                                {0, 5, UINT64_MAX, 1},
                                {0, 5, 2, UINT64_MAX},
                                {UINT32_MAX, 5, 1, 1}},
                       .row_count = 7};
    struct jb_source *sources[] = {&a.source};
    static const uint32_t bases[] = {3}, counts[] = {1};
    struct jb_sample sample = {0};
    assert_int_equal(jb_gpu_sample(sources, bases, counts, 1, &sample, NULL, NULL), JB_OK);
    assert_int_equal(sample.gpu_count, 1);
    check(&sample.gpus[0], 3, 5, UINT64_MAX, UINT64_MAX);
    a.row_count = 0;
    assert_int_equal(jb_gpu_sample(sources, bases, counts, 1, &sample, NULL, NULL), JB_OK);
    assert_int_equal(sample.gpu_count, 0);
    assert_int_equal(jb_gpu_sample(NULL, NULL, NULL, 0, &sample, NULL, NULL), JB_OK);
    free(sample.gpus);
}

static void test_failures(void **state) {
    (void)state;
    struct teller mute = {.source.ops = &telling, .code = JB_UNSUPPORTED};
    struct teller half = {
        .source.ops = &telling, .rows = {{0, 2, 2, 2}}, .row_count = 1, .code = JB_PERMISSION};
    struct teller fine = {.source.ops = &telling, .rows = {{0, 1, 1, 1}}, .row_count = 1};
    struct jb_source *sources[] = {&mute.source, &half.source, &fine.source};
    static const uint32_t bases[] = {0, 1, 2}, counts[] = {1, 1, 1};
    struct jb_sample sample = {0};
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer notes = {0};
    assert_int_equal(jb_gpu_sample(sources, bases, counts, 3, &sample, &notes, &error), JB_OK);
    assert_int_equal(sample.gpu_count, 2); /* what was told before it failed counts */
    check(&sample.gpus[1], 2, 1, 1, 1);
    assert_string_equal(notes.bytes, "teller: it does not tell\nteller: it does not tell\n");
    mute.code = JB_LIMIT;
    assert_int_equal(jb_gpu_sample(sources, bases, counts, 3, &sample, NULL, &error), JB_LIMIT);
    assert_string_equal(error.message, "teller: it does not tell");
    free(sample.gpus);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
