/* What metering 5,000 sleeping processes once a second costs: the whole meter, attribution and booking
 * included, against the bare mechanisms and prometheus-process-exporter, all at the same time on the same
 * processes. `sampler [--processes N] [--seconds N]`; the last line has the ratios. */
#include "bare.h"
#include "base/cleanup.h"
#include "sleepers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { EXPORTER_PORT = 19256, BOOK_EVERY_S = 10, SCRAPES = 3, SUBJECTS = 5 };
#define EXPORTER "/usr/bin/prometheus-process-exporter"
#define WARM_S   3 /* ticks that are not counted */

struct subject {
    const char *name;
    pid_t pid;
    char book[PATH_MAX];         /* of a meter; of the exporter its configuration */
    uint64_t begun_ns, ended_ns; /* CPU time */
    double per_tick_us;
    double rss_mib;
};

static void sleep_until(int64_t second) {
    const struct timespec at = {.tv_sec = second};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static int64_t now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* CPU time of another process, all its threads, in the kernel too. */
static uint64_t cpu_of(pid_t pid) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000000000U + (uint64_t)used.tv_nsec;
}

static double rss_of(pid_t pid) {
    char path[64], line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    _cleanup_fclose_ FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmHWM: %lu kB", &kib) == 1)
            break;
    }
    return (double)kib / 1024;
}

static pid_t start_child(void) {
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    return pid;
}

/* The bare BPF loop, once a second. */
static pid_t start_bare_iter(void) {
    pid_t pid = start_child();
    if (pid)
        return pid;
    struct jb_error error = {0};
    struct bare_iter *iter;
    if (bare_iter_open(256 * 1024, &error, &iter)) {
        fprintf(stderr, "bare iter: %s\n", error.message);
        _exit(1);
    }
    for (int64_t second = now_s() + 1;; second++) {
        struct bare_tick tick;
        sleep_until(second);
        if (bare_iter_tick(iter, &error, &tick))
            _exit(1);
    }
}

static pid_t start_bare_clock(void) {
    pid_t pid = start_child();
    if (pid)
        return pid;
    struct jb_error error = {0};
    struct bare_clock *clock;
    if (bare_clock_open(&error, &clock)) {
        fprintf(stderr, "bare clock: %s\n", error.message);
        _exit(1);
    }
    for (int64_t second = now_s() + 1;; second++) {
        struct bare_tick tick;
        sleep_until(second);
        if (bare_clock_tick(clock, &error, &tick))
            _exit(1);
    }
}

static pid_t start_meter(const char *joulebook, const char *book, const char *load) {
    pid_t pid = start_child();
    if (pid)
        return pid;
    char every[16];
    snprintf(every, sizeof every, "%ds", BOOK_EVERY_S);
    execl(joulebook, joulebook, "--book", book, "meter", "--interval", "1s", "--book-every", every,
          "--process-load", load, "--quiet", (char *)NULL);
    _exit(127);
}

/* With the rule of its manual that names every process by its comm: without one it groups nothing. */
static pid_t start_exporter(const char *configuration) {
    pid_t pid = start_child();
    if (pid)
        return pid;
    char address[64];
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    snprintf(address, sizeof address, "--web.listen-address=127.0.0.1:%d", EXPORTER_PORT);
    execl(EXPORTER, EXPORTER, address, "--config.path", configuration, (char *)NULL);
    _exit(127);
}

/* One scrape, read to its end; bytes of the answer, 0 when there was none. */
static size_t scrape(void) {
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(EXPORTER_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    _cleanup_close_ int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    static const char request[] = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
    const struct timeval limit = {.tv_sec = 60};
    char answer[65536];
    size_t total = 0;
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(connection, (const struct sockaddr *)&to, sizeof to) != 0 ||
        write(connection, request, sizeof request - 1) != (ssize_t)(sizeof request - 1))
        return 0;
    for (;;) {
        ssize_t got = read(connection, answer, sizeof answer);
        if (got <= 0)
            return total;
        total += (size_t)got;
    }
}

static void end_child(pid_t pid, int number) {
    if (pid > 0) {
        kill(pid, number);
        waitpid(pid, NULL, 0);
    }
}

static void remove_book(const char *book) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    char path[PATH_MAX + 8];
    for (size_t i = 0; i < JB_COUNT(endings); i++) {
        snprintf(path, sizeof path, "%s%s", book, endings[i]);
        unlink(path);
    }
}

/* joulebook beside this build: build/bench/sampler → build/src/cli/joulebook. */
static void find_joulebook(char *ret, size_t size) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
    }
    if (snprintf(ret, size, "%s/src/cli/joulebook", self) >= (int)size || access(ret, X_OK) != 0)
        snprintf(ret, size, "joulebook");
}

/* CPU per scrape, in µs; 0 when the exporter is not there. */
static double measure_exporter(struct subject *exporter, const char *folder) {
    if (access(EXPORTER, X_OK) != 0)
        return 0;
    snprintf(exporter->book, sizeof exporter->book, "%s/exporter.yml", folder);
    _cleanup_fclose_ FILE *configuration = fopen(exporter->book, "w");
    if (!configuration)
        return 0;
    fputs("process_names:\n  - name: \"{{.Comm}}\"\n    cmdline: ['.+']\n", configuration);
    fflush(configuration);
    exporter->pid = start_exporter(exporter->book);
    /* It reads all of /proc once before it listens. */
    for (int tries = 0; !scrape(); tries++) {
        if (tries == 60)
            return 0;
        sleep(1);
    }
    uint64_t before_ns = cpu_of(exporter->pid);
    for (int i = 0; i < SCRAPES; i++) {
        sleep(1);
        if (!scrape())
            return 0;
    }
    return (double)(cpu_of(exporter->pid) - before_ns) / 1e3 / SCRAPES;
}

static int measure(size_t process_count, int seconds) {
    char joulebook[PATH_MAX], folder[] = "/tmp/joulebook-bench-XXXXXX";
    struct jb_error error = {0};
    struct sleepers sleepers;
    find_joulebook(joulebook, sizeof joulebook);
    if (!mkdtemp(folder)) {
        perror("mkdtemp");
        return 1;
    }
    if (sleepers_start(process_count, &error, &sleepers)) {
        fprintf(stderr, "sampler: %s\n", error.message);
        rmdir(folder);
        return 1;
    }
    struct subject subjects[SUBJECTS] = {
        {.name = "bare iter/task loop"},    {.name = "joulebook meter, bpf"}, {.name = "bare clock loop"},
        {.name = "joulebook meter, clock"}, {.name = "process-exporter"},
    };
    snprintf(subjects[1].book, sizeof subjects[1].book, "%s/bpf.db", folder);
    snprintf(subjects[3].book, sizeof subjects[3].book, "%s/clock.db", folder);
    subjects[0].pid = start_bare_iter();
    subjects[1].pid = start_meter(joulebook, subjects[1].book, "process_bpf");
    subjects[2].pid = start_bare_clock();
    subjects[3].pid = start_meter(joulebook, subjects[3].book, "process_clock");

    /* Whole seconds from a moment between ticks, so that each subject has had the same number of them. */
    int64_t begin_s = now_s() + 1 + WARM_S;
    const struct timespec half = {.tv_nsec = 700000000};
    sleep_until(begin_s);
    nanosleep(&half, NULL);
    for (int i = 0; i < SUBJECTS - 1; i++)
        subjects[i].begun_ns = cpu_of(subjects[i].pid);
    sleep_until(begin_s + seconds);
    nanosleep(&half, NULL);
    for (int i = 0; i < SUBJECTS - 1; i++) {
        subjects[i].ended_ns = cpu_of(subjects[i].pid);
        subjects[i].rss_mib = rss_of(subjects[i].pid);
        subjects[i].per_tick_us = (double)(subjects[i].ended_ns - subjects[i].begun_ns) / 1e3 / seconds;
    }
    for (int i = 0; i < SUBJECTS - 1; i++)
        end_child(subjects[i].pid, i % 2 ? SIGTERM : SIGKILL);
    subjects[4].per_tick_us = measure_exporter(&subjects[4], folder);
    subjects[4].rss_mib = rss_of(subjects[4].pid);
    end_child(subjects[4].pid, SIGKILL);
    sleepers_stop(&sleepers);
    remove_book(subjects[1].book);
    remove_book(subjects[3].book);
    remove_book(subjects[4].book);
    rmdir(folder);

    printf("%zu sleeping processes, 1 Hz, %d s, booked every %d s, exporter scraped %d times\n",
           process_count, seconds, BOOK_EVERY_S, SCRAPES);
    printf("%-24s %14s %12s %10s\n", "", "CPU a tick, µs", "% of a core", "RSS, MiB");
    for (int i = 0; i < SUBJECTS; i++)
        printf("%-24s %14.0f %12.3f %10.1f\n", subjects[i].name, subjects[i].per_tick_us,
               subjects[i].per_tick_us / 1e4, subjects[i].rss_mib);
    if (subjects[4].per_tick_us == 0)
        puts("process-exporter: not measured (is Debian's prometheus-process-exporter installed?)");
    double exporter = subjects[4].per_tick_us;
    double rss_mib = subjects[1].rss_mib > subjects[3].rss_mib ? subjects[1].rss_mib : subjects[3].rss_mib;
    printf("sampler: over_bpf=%.2f over_clock=%.2f over_process_exporter=%.5f rss_mib=%.1f\n",
           subjects[1].per_tick_us / subjects[0].per_tick_us,
           subjects[3].per_tick_us / subjects[2].per_tick_us,
           exporter > 0 ? subjects[1].per_tick_us / exporter : 0, rss_mib);
    return 0;
}

int main(int argc, char **argv) {
    long processes = 5000, seconds = 60;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--processes") == 0)
            processes = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtol(argv[i + 1], NULL, 10);
    }
    if (argc % 2 == 0 || processes < 1 || processes > SLEEPERS_MAX || seconds < 1 || seconds > 3600) {
        fprintf(stderr, "usage: sampler [--processes 1…%d] [--seconds 1…3600]\n", SLEEPERS_MAX);
        return 2;
    }
    return measure((size_t)processes, (int)seconds);
}
