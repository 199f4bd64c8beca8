/* Meters killed at random instants while they book every second: after each restart the book balances, and in
 * the end it holds what the replayed counter counted, to the microjoule. `kill_test JOULEBOOK [KILLS]`. */
#include "base/cleanup.h"
#include "base/random.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

enum { BOOKS = 8, LIFE_MS = 1700 };

struct book {
    char path[128];
    pid_t pid;
    int64_t due_ns;
    unsigned kills;
    uint64_t first_uj; /* where the counter stood when the book was begun */
};

static const char *joulebook;
static unsigned kill_count = 200;
static char folder[] = "/tmp/joulebook-kill-XXXXXX";
static char replay[64];

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void wait_until(int64_t due_ns) {
    const struct timespec due = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        ;
}

static void start_meter(struct book *book) {
    pid_t parent = getpid();
    book->pid = fork();
    assert_true(book->pid >= 0);
    if (book->pid)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    execl(joulebook, joulebook, "--book", book->path, "meter", "--replay", replay, "--interval", "100ms",
          "--book-every", "1s", "--process-load", "process_clock", "--quiet", (char *)NULL);
    _exit(127);
}

static void end_meter(struct book *book, int number) {
    int status;
    assert_int_equal(kill(book->pid, number), 0);
    assert_int_equal(waitpid(book->pid, &status, 0), book->pid);
    if (number == SIGTERM)
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    else if (WIFEXITED(status)) /* it may not end by itself, least of all with an error */
        fail_msg("a meter ended with status %d before it was killed", WEXITSTATUS(status));
}

/* Where the counter stood when the book was last added to; false when there is nothing in it yet. */
static bool read_position(const struct book *book, uint64_t *ret_value) {
    struct jb_ledger *ledger;
    struct jb_error error = {0};
    char host[JB_COMPONENT_SIZE], name[256], boot_id[JB_BOOT_SIZE];
    struct jb_position *positions;
    size_t count;
    bool found = false;
    assert_int_equal(gethostname(name, sizeof name), 0);
    jb_account_encode(name, strlen(name), host);
    if (jb_ledger_open(book->path, JB_STORE_READ, &error, &ledger))
        return false; /* killed before the book was made */
    struct jb_store *store = jb_ledger_store(ledger);
    if (!store->ops->positions(store, host, &error, &positions, &count, boot_id)) {
        for (size_t i = 0; i < count; i++) {
            if (strncmp(positions[i].counter, "energy:", 7) == 0) {
                *ret_value = positions[i].value;
                found = true;
            }
        }
        free(positions);
    }
    jb_ledger_close(ledger);
    return found;
}

static struct jb_balance balance_of(const struct book *book) {
    struct jb_ledger *ledger;
    struct jb_error error = {0};
    struct jb_balance balance;
    const struct jb_query all = JB_QUERY_ALL;
    assert_int_equal(jb_ledger_open(book->path, JB_STORE_READ, &error, &ledger), JB_OK);
    assert_int_equal(jb_ledger_balance(ledger, &all, &error, &balance), JB_OK);
    jb_ledger_close(ledger);
    return balance;
}

static uint64_t supplied(const struct book *book) {
    struct jb_balance balance = balance_of(book);
    uint64_t energy_uj = (uint64_t)balance.energy_supplied_uj;
    jb_balance_free(&balance);
    return energy_uj;
}

/* The book balances and holds exactly what the counter counted since the book was begun. */
static void check_book(const struct book *book, uint64_t *ret_stretches) {
    uint64_t last_uj;
    assert_true(read_position(book, &last_uj));
    struct jb_balance balance = balance_of(book);
    assert_true(jb_balance_is_good(&balance));
    assert_int_equal(balance.gap_count, 0);
    assert_true(balance.energy_supplied_uj == (jb_int128)(last_uj - book->first_uj));
    assert_true(balance.energy_consumed_uj == balance.energy_supplied_uj);
    *ret_stretches = balance.stretch_count;
    jb_balance_free(&balance);
}

static void killed_at_random_instants(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(20261124);
    struct book books[BOOKS] = {0};
    /* Each book is begun by a meter that is stopped at once: what it holds by then is taken as the beginning.
     */
    for (size_t i = 0; i < BOOKS; i++) {
        snprintf(books[i].path, sizeof books[i].path, "%s/%zu.db", folder, i);
        start_meter(&books[i]);
    }
    for (size_t i = 0; i < BOOKS; i++) {
        uint64_t stood_uj;
        int64_t give_up_ns = now_ns() + 60LL * 1000000000;
        while (!read_position(&books[i], &stood_uj)) {
            assert_true(now_ns() < give_up_ns);
            wait_until(now_ns() + 5000000);
        }
        end_meter(&books[i], SIGTERM);
        assert_true(read_position(&books[i], &stood_uj));
        books[i].first_uj = stood_uj - supplied(&books[i]);
    }
    unsigned kills = 0;
    while (kills < kill_count) {
        struct book *next = &books[0];
        for (size_t i = 0; i < BOOKS; i++) {
            if (books[i].due_ns < next->due_ns)
                next = &books[i];
        }
        wait_until(next->due_ns);
        if (next->due_ns) {
            end_meter(next, SIGKILL);
            kills++;
        }
        start_meter(next);
        next->due_ns = now_ns() + (int64_t)jb_random_below(&random, LIFE_MS * 1000000ULL);
    }
    uint64_t stretches = 0;
    for (size_t i = 0; i < BOOKS; i++) {
        wait_until(books[i].due_ns);
        wait_until(now_ns() + 1200000000);
        end_meter(&books[i], SIGTERM);
        uint64_t own = 0;
        check_book(&books[i], &own);
        stretches += own;
    }
    print_message("%u kills over %d books, %lu stretches of time in the books\n", kills, BOOKS,
                  (unsigned long)stretches);
    assert_true(stretches > kills);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(replay, sizeof replay, "%s/replay", folder);
    FILE *file = fopen(replay, "w");
    if (!file)
        return -1;
    fputs("joulebook-replay 1\ndomain package-0 kind=package rate_uw=54321987\n", file);
    return fclose(file);
}

static int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fputs("usage: kill_test JOULEBOOK [KILLS]\n", stderr);
        return 2;
    }
    joulebook = argv[1];
    if (argc > 2)
        kill_count = (unsigned)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_at_random_instants)};
    return cmocka_run_group_tests_name("kill", tests, make_folder, remove_folder);
}
