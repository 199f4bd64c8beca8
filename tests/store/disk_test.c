/* Writers that are killed, and disks that fill up: what was booked stays, whole, and booking goes on after.
 */
#include "book.h"

#include "base/random.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

static char folder[200], path[256];

static int make(void **state) {
    (void)state;
    jb_test_folder(folder);
    snprintf(path, sizeof path, "%s/book.db", folder);
    return 0;
}

static int remove_all(void **state) {
    (void)state;
    jb_test_folder_remove(folder);
    return 0;
}

/* Books batches from `first` until one fails; *ret_count: those that did not. */
static enum jb_code book_until_failure(struct jb_store *store, unsigned first, struct jb_error *error,
                                       unsigned *ret_count) {
    enum jb_code code = JB_OK;
    unsigned number = first;
    while (number < 100000 && (code = book_batch(store, number, error)) == JB_OK)
        number++;
    *ret_count = number;
    return code;
}

/* The book as it is, and as another process sees it, holds exactly `count` batches. */
static int check_intact(struct jb_store *store, unsigned count) {
    struct jb_error error = {0};
    struct jb_store *reader = NULL;
    jb_int128 total = 0;
    CHECK(read_total(store, &error, &total) == JB_OK, "%s", error.message);
    CHECK(total == total_of_batches(count), "%u batches", count);
    CHECK(jb_store_sqlite.open(path, JB_STORE_READ, &error, &reader) == JB_OK, "%s", error.message);
    CHECK(read_total(reader, &error, &total) == JB_OK, "%s", error.message);
    CHECK(total == total_of_batches(count), "%u batches", count);
    struct jb_position *positions = NULL;
    size_t position_count;
    char boot[JB_BOOT_SIZE];
    CHECK(reader->ops->positions(reader, "h1", &error, &positions, &position_count, boot) == JB_OK, "%s",
          error.message);
    CHECK(position_count == 1 && positions[0].value == count - 1, "positions go with the flows");
    free(positions);
    reader->ops->close(reader);
    return 0;
}

/* No file may grow past a limit, which stands for a full disk where we may not mount one. */
static int with_file_limit(void *context) {
    (void)context;
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    struct rlimit limit;
    unsigned count = 0;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
    CHECK(jb_store_sqlite.open(path, JB_STORE_CREATE, &error, &store) == JB_OK, "%s", error.message);
    for (rlim_t size = 200000; size <= 3200000; size *= 4) {
        struct rlimit small = {.rlim_cur = size, .rlim_max = limit.rlim_max};
        CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
        enum jb_code code = book_until_failure(store, count, &error, &count);
        CHECK(code == JB_IO, "code %d: %s", code, error.message);
        CHECK(strstr(error.message, path), "%s", error.message);
        CHECK(count > 0, "some were booked first");
        CHECK(check_intact(store, count) == 0, "size %ld", (long)size);
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
        /* There is room again. */
        CHECK(book_batch(store, count, &error) == JB_OK, "%s", error.message);
        count++;
        CHECK(check_intact(store, count) == 0, "after");
    }
    store->ops->close(store);
    return 0;
}

static void test_file_limit(void **state) {
    (void)state;
    assert_int_equal(in_child(with_file_limit, NULL), 0);
}

static int on_small_disk(void *context) {
    (void)context;
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    unsigned count = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", 0, "size=2m") != 0)
        return 77;
    CHECK(jb_store_sqlite.open(path, JB_STORE_CREATE, &error, &store) == JB_OK, "%s", error.message);
    enum jb_code code = book_until_failure(store, 0, &error, &count);
    CHECK(code == JB_IO, "code %d: %s", code, error.message);
    CHECK(strstr(error.message, "full"), "%s", error.message);
    CHECK(check_intact(store, count) == 0, "full");
    code = store->ops->rollup(store, INT64_MAX, &error);
    CHECK(code == JB_OK || code == JB_IO, "code %d: %s", code, error.message);
    CHECK(check_intact(store, count) == 0, "full, rolled up");
    CHECK(mount("none", folder, NULL, MS_REMOUNT, "size=16m") == 0, "remount");
    CHECK(book_batch(store, count, &error) == JB_OK, "%s", error.message);
    CHECK(check_intact(store, count + 1) == 0, "room again");
    store->ops->close(store);
    /* No room for a book at all. */
    char filler[300], other[300];
    snprintf(filler, sizeof filler, "%s/filler", folder);
    snprintf(other, sizeof other, "%s/other.db", folder);
    int descriptor = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char zeros[4096];
    while (write(descriptor, zeros, sizeof zeros) > 0)
        ;
    close(descriptor);
    code = jb_store_sqlite.open(other, JB_STORE_CREATE, &error, &store);
    CHECK(code == JB_IO, "code %d: %s", code, error.message);
    return 0;
}

static void test_small_disk(void **state) {
    (void)state;
    int status = in_child(on_small_disk, NULL);
    if (status == 77) {
        print_message("SKIP: may not mount a file system here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

/* Books and rolls up on and on, and says of each batch when it was booked. */
static int book_and_tell(int pipe_out, unsigned first) {
    struct jb_error error = {0};
    struct jb_store *store = NULL;
    CHECK(jb_store_sqlite.open(path, JB_STORE_CREATE, &error, &store) == JB_OK, "%s", error.message);
    for (unsigned number = first; number < first + 100000; number++) {
        CHECK(book_batch(store, number, &error) == JB_OK, "%s", error.message);
        if (write(pipe_out, &number, sizeof number) != sizeof number)
            return 0;
        if (number % 7 == 0)
            CHECK(store->ops->rollup(store, T0 + (int64_t)number / 2 * JB_MINUTE_NS, &error) == JB_OK, "%s",
                  error.message);
    }
    return 0;
}

static void test_killed_writer(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(3);
    unsigned next = 0;
    for (int round = 0; round < 40; round++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(pipes[0]);
            _exit(book_and_tell(pipes[1], next));
        }
        close(pipes[1]);
        unsigned number, told = next;
        for (uint64_t left = 1 + jb_random_below(&random, 12);
             left && read(pipes[0], &number, sizeof number) == sizeof number; left--)
            told = number + 1;
        nanosleep(&(struct timespec){.tv_nsec = (long)jb_random_below(&random, 2000000)}, NULL);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        while (read(pipes[0], &number, sizeof number) == sizeof number)
            told = number + 1;
        close(pipes[0]);
        /* All that was told is there; of what came after, batches are there whole. */
        struct jb_error error = {0};
        struct jb_store *store = NULL;
        jb_int128 total = 0;
        assert_int_equal(jb_store_sqlite.open(path, JB_STORE_WRITE, &error, &store), JB_OK);
        assert_int_equal(read_total(store, &error, &total), JB_OK);
        next = told;
        while (total_of_batches(next) < total)
            next++;
        assert_true(next - told <= 1);
        assert_int_equal(check_intact(store, next), 0);
        store->ops->close(store);
    }
    assert_true(next >= 40);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, remove_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_file_limit),
        TEST(test_small_disk),
        TEST(test_killed_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
