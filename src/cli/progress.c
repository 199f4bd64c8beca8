/* Draws how far long work has come: a thread that looks a few times a second, and costs those who work
 * nothing. */
#include "cli/progress.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "report/table.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define FIRST_MS     1000 /* what is done by then needs no line */
#define STEP_MS      250
#define SAMPLES      20 /* steps that a rate is taken over: 5 s */
#define NAME_COLUMNS 12 /* fewer are not worth it */

#define LEFT_CEILING_S (100 * 3600.0) /* more is a guess */

struct sample {
    int64_t at_ns;
    uint64_t done;
};

struct line {
    const struct jb_progress *progress;
    const char *const *names;
    size_t name_count;
    pthread_t thread;
    int end, signals; /* readable when it is to end; when a signal has come */
    sigset_t caught, before;

    /* The thread's own. */
    bool is_drawn;
    const char *phase;
    int64_t begun_ns;
    struct sample samples[SAMPLES];
    size_t sample_count;
};

static struct line *current; /* the one that stands on the terminal */

/* ---- text ---- */

static char *format_bytes(double bytes, char ret[static 32]) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    for (; bytes >= 999.5 && unit + 1 < JB_COUNT(units); unit++)
        bytes /= 1000;
    snprintf(ret, 32, "%.*f %s",
             unit == 0 || bytes >= 99.95 ? 0
             : bytes >= 9.995            ? 1
                                         : 2,
             bytes, units[unit]);
    return ret;
}

static char *format_seconds(double seconds, char ret[static 32]) {
    unsigned long whole = (unsigned long)seconds;
    if (whole < 60)
        snprintf(ret, 32, "%lu s", whole);
    else if (whole < 3600)
        snprintf(ret, 32, "%lu min %02lu s", whole / 60, whole % 60);
    else
        snprintf(ret, 32, "%lu h %02lu min", whole / 3600, whole / 60 % 60);
    return ret;
}

/* "1.24 GB of 9.80 GB, 12 %", "400 of 1000 flows, 40 %"; returns its length. */
static size_t format_done(uint64_t done, uint64_t total, const char *unit, char *to, size_t size) {
    char first[32], second[32] = "";
    if (unit) {
        snprintf(first, sizeof first, "%" PRIu64, done);
        snprintf(second, sizeof second, "%" PRIu64, total);
    } else {
        format_bytes((double)done, first);
        format_bytes((double)total, second);
    }
    snprintf(to, size, "%s%s%s%s%.40s", first, total ? " of " : "", total ? second : "", unit ? " " : "",
             unit ? unit : "");
    size_t length = strlen(to);
    if (total)
        snprintf(to + length, size - length, ", %u %%", (unsigned)(100.0 * (double)done / (double)total));
    return strlen(to);
}

/* What is being done: the phase, or the name of the file without its folder. */
static void format_head(const char *phase, const char *name, char *to, size_t size) {
    if (phase || !name)
        snprintf(to, size, "%s", phase ? phase : "reading");
    else if (strcmp(name, "-") == 0)
        snprintf(to, size, "standard input");
    else
        jb_text_display(strrchr(name, '/') ? strrchr(name, '/') + 1 : name, to, size);
}

/* How far it is, and how long it takes. */
static void format_tail(const struct jb_progress *progress, double elapsed_s, double rate, char *to,
                        size_t size) {
    const char *unit = atomic_load_explicit(&progress->unit, memory_order_relaxed);
    uint64_t done = atomic_load_explicit(&progress->done, memory_order_relaxed);
    uint64_t total = atomic_load_explicit(&progress->total, memory_order_relaxed);
    bool is_phase = atomic_load_explicit(&progress->phase, memory_order_relaxed) != NULL;
    char text[32];
    size_t length = 0;
    *to = '\0';
    if (total && done > total) /* a file that has grown, or a part of it that was read twice */
        done = total;
    if (done || total || !is_phase)
        length = format_done(done, total, unit, to, size);
    if (!unit && rate > 0)
        length += (size_t)snprintf(to + length, size - length, ", %s/s", format_bytes(rate, text));
    double left_s = rate > 0 && total ? (double)(total - done) / rate : LEFT_CEILING_S;
    if (left_s < LEFT_CEILING_S && elapsed_s >= 1)
        snprintf(to + length, size - length, ", %s left", format_seconds(left_s + 1, text));
    else if (elapsed_s >= 1)
        snprintf(to + length, size - length, "%s%s", length ? ", " : "", format_seconds(elapsed_s, text));
}

char *progress_format(const struct jb_progress *progress, const char *name, size_t name_count,
                      double elapsed_s, double rate, unsigned columns, char ret[static PROGRESS_TEXT_SIZE]) {
    const char *phase = atomic_load_explicit(&progress->phase, memory_order_relaxed);
    size_t place = atomic_load_explicit(&progress->place, memory_order_relaxed);
    char head[256], fitted[256], count[48] = "", tail[256];
    format_head(phase, name, head, sizeof head);
    format_tail(progress, elapsed_s, rate, tail, sizeof tail);
    size_t taken = jb_text_width(tail), room = columns > taken + 2 ? columns - taken - 2 : 0;
    if (!phase && name_count > 1 && place)
        snprintf(count, sizeof count, " (%zu of %zu)", place, name_count);
    if (room < strlen(count) + NAME_COLUMNS)
        *count = '\0';
    if (room < NAME_COLUMNS)
        return jb_text_fit(tail, columns, ret, PROGRESS_TEXT_SIZE);
    jb_text_fit(head, room - strlen(count), fitted, sizeof fitted);
    snprintf(ret, PROGRESS_TEXT_SIZE, "%s%s%s%s", fitted, count, *tail ? "  " : "", tail);
    return ret;
}

/* ---- the thread ---- */

/* Done per second over the last samples. */
static double take_sample(struct line *line, int64_t now_ns) {
    const char *phase = atomic_load_explicit(&line->progress->phase, memory_order_relaxed);
    uint64_t done = atomic_load_explicit(&line->progress->done, memory_order_relaxed);
    if (phase != line->phase) {
        line->phase = phase;
        line->begun_ns = now_ns;
        line->sample_count = 0;
    }
    struct sample *oldest = &line->samples[line->sample_count < SAMPLES ? 0 : line->sample_count % SAMPLES];
    double elapsed_s = (double)(now_ns - oldest->at_ns) / 1e9;
    double rate = line->sample_count && done >= oldest->done && elapsed_s > 0
                      ? (double)(done - oldest->done) / elapsed_s
                      : 0;
    line->samples[line->sample_count++ % SAMPLES] = (struct sample){now_ns, done};
    return rate;
}

static void write_line(const char *text, size_t length) {
    while (write(STDERR_FILENO, text, length) < 0 && errno == EINTR)
        ;
}

static void erase(struct line *line) {
    static const char blank[] = "\r\033[K";
    if (line->is_drawn)
        write_line(blank, sizeof blank - 1);
    line->is_drawn = false;
}

/* In the background, the terminal is somebody else's. */
static bool is_in_front(void) {
    pid_t front = tcgetpgrp(STDERR_FILENO);
    return front < 0 || front == getpgrp();
}

static void draw(struct line *line) {
    int64_t now_ns = jb_clock_system.monotonic_ns(&jb_clock_system);
    double rate = take_sample(line, now_ns);
    size_t place = atomic_load_explicit(&line->progress->place, memory_order_relaxed);
    const char *name = place && place <= line->name_count ? line->names[place - 1] : NULL;
    char text[PROGRESS_TEXT_SIZE], out[PROGRESS_TEXT_SIZE + 8];
    struct winsize size = {0};
    unsigned columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
    if (!is_in_front())
        return;
    progress_format(line->progress, name, line->name_count, (double)(now_ns - line->begun_ns) / 1e9, rate,
                    columns - 1, text);
    int length = snprintf(out, sizeof out, "\r%s\033[K", text);
    write_line(out, (size_t)length);
    line->is_drawn = true;
}

/* The signal does what it does without us, once the line is gone. */
static void pass_on(const struct line *line) {
    struct signalfd_siginfo info;
    if (read(line->signals, &info, sizeof info) != sizeof info)
        return;
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, (int)info.ssi_signo);
    raise((int)info.ssi_signo);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
}

static void *run(void *argument) {
    struct line *line = argument;
    struct pollfd polled[] = {{.fd = line->end, .events = POLLIN}, {.fd = line->signals, .events = POLLIN}};
    int64_t begun_ns = jb_clock_system.monotonic_ns(&jb_clock_system);
    line->begun_ns = begun_ns;
    line->samples[line->sample_count++] = (struct sample){begun_ns, 0};
    for (int wait_ms = FIRST_MS;; wait_ms = STEP_MS) {
        int count = poll(polled, JB_COUNT(polled), wait_ms);
        if (count < 0 && errno != EINTR)
            break;
        if (count > 0 && polled[0].revents)
            break;
        if (count > 0 && polled[1].revents) {
            erase(line);
            pass_on(line);
        }
        if (count == 0)
            draw(line);
    }
    erase(line);
    return NULL;
}

/* ---- beginning and end ---- */

static bool can_draw(void) {
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

/* What the user has said to ignore stays ignored. */
static void choose_signals(struct line *line) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigemptyset(&line->caught);
    for (size_t i = 0; i < JB_COUNT(numbers); i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL)
            sigaddset(&line->caught, numbers[i]);
    }
}

static void close_line(struct line *line) {
    if (line->end >= 0)
        close(line->end);
    if (line->signals >= 0)
        close(line->signals);
    free(line);
}

void progress_show(const struct jb_progress *progress, const char *const *names, size_t name_count) {
    struct line *line = current || !can_draw() ? NULL : calloc(1, sizeof *line);
    if (!line)
        return;
    line->progress = progress;
    line->names = names;
    line->name_count = name_count;
    choose_signals(line);
    line->end = eventfd(0, EFD_CLOEXEC);
    line->signals = signalfd(-1, &line->caught, SFD_CLOEXEC);
    pthread_sigmask(SIG_BLOCK, &line->caught, &line->before);
    /* Without a line the work is the same. */
    if (line->end < 0 || line->signals < 0 || pthread_create(&line->thread, NULL, run, line) != 0) {
        pthread_sigmask(SIG_SETMASK, &line->before, NULL);
        close_line(line);
        return;
    }
    current = line;
}

void progress_wait(const char *phase) {
    static struct jb_progress waiting;
    jb_progress_begin(&waiting, phase, NULL, 0);
    progress_show(&waiting, NULL, 0);
}

void progress_end(void) {
    struct line *line = JB_TAKE(current);
    uint64_t one = 1;
    if (!line)
        return;
    while (write(line->end, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(line->thread, NULL);
    /* A signal that came just now takes effect here. */
    pthread_sigmask(SIG_SETMASK, &line->before, NULL);
    close_line(line);
}
