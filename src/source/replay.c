/* The source that plays recorded or generated readings, so that everything can be tried without a meter. */
#include "source/source.h"

#include "base/array.h"
#include "source/replay_script.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct replay_source {
    struct jb_source base;
    const struct jb_clock *clock;
    struct jb_replay *replay;
    int64_t start_ns;          /* boottime at time 0 of the file */
    struct jb_domain *domains; /* those listed now */
    size_t *indexes;           /* of these in the file */
    size_t count;
};

static enum jb_code read_file(const char *path, struct jb_buffer *buffer, struct jb_error *error) {
    _cleanup_close_ int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) < 0)
        return jb_error_set_errno(error, errno, "replay '%s'", path);
    if (!S_ISREG(status.st_mode))
        return jb_error_set(error, JB_INPUT, "replay '%s': not a regular file", path);
    for (;;) {
        char *room = jb_buffer_room(buffer, 65536);
        if (!room)
            return jb_buffer_check(buffer, error);
        ssize_t got = read(descriptor, room, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return jb_error_set_errno(error, errno, "replay '%s'", path);
        if (got == 0)
            return JB_OK;
        buffer->length += (size_t)got;
    }
}

/* Lists the domains that are there at time_ns; true when the list is another one than before. */
static bool list_domains(struct replay_source *source, int64_t time_ns) {
    const struct jb_domain *all;
    size_t total = jb_replay_domains(source->replay, &all), count = 0;
    bool changed = false;
    for (size_t i = 0; i < total; i++) {
        if (!jb_replay_is_listed(source->replay, i, time_ns))
            continue;
        changed = changed || count >= source->count || source->indexes[count] != i;
        source->indexes[count++] = i;
    }
    changed = changed || count != source->count;
    source->count = count;
    for (size_t i = 0; i < count; i++) {
        source->domains[i] = all[source->indexes[i]];
        int32_t parent = source->domains[i].parent;
        source->domains[i].parent = -1;
        for (size_t j = 0; parent >= 0 && j < i; j++) {
            if (source->indexes[j] == (size_t)parent)
                source->domains[i].parent = (int32_t)j;
        }
    }
    return changed;
}

static int64_t time_now_ns(const struct replay_source *source, int64_t *ret_boottime_ns) {
    *ret_boottime_ns = source->clock->boottime_ns(source->clock);
    return *ret_boottime_ns - source->start_ns;
}

static void replay_close(struct jb_source *base) {
    struct replay_source *source = (struct replay_source *)base;
    if (!source)
        return;
    jb_replay_free(source->replay);
    free(source->domains);
    free(source->indexes);
    free(source);
}

static enum jb_code replay_open(const struct jb_source_context *context, struct jb_error *error,
                                struct jb_source **ret_source) {
    if (!context->replay_path)
        return jb_error_set(error, JB_NO_DATA, "not asked for; --replay FILE plays recorded readings");
    _cleanup_buffer_ struct jb_buffer buffer = {.ceiling = JB_REPLAY_SIZE_CEILING};
    enum jb_code code = read_file(context->replay_path, &buffer, error);
    if (code)
        return code;
    struct replay_source *source = calloc(1, sizeof *source);
    if (!source)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    source->base.ops = &jb_source_replay;
    source->clock = context->clock;
    code = jb_replay_parse(buffer.bytes ? buffer.bytes : "", buffer.length, context->replay_path, error,
                           &source->replay);
    if (code) {
        replay_close(&source->base);
        return code;
    }
    const struct jb_domain *all;
    size_t total = jb_replay_domains(source->replay, &all);
    int64_t origin_ns, boottime_ns;
    source->start_ns = jb_replay_origin(source->replay, &origin_ns) == JB_REPLAY_ORIGIN_OPEN
                           ? source->clock->boottime_ns(source->clock)
                           : origin_ns;
    source->domains = calloc(total, sizeof *source->domains);
    source->indexes = calloc(total, sizeof *source->indexes);
    if (!source->domains || !source->indexes) {
        replay_close(&source->base);
        return jb_error_set(error, JB_MEMORY, "out of memory");
    }
    list_domains(source, time_now_ns(source, &boottime_ns));
    *ret_source = &source->base;
    return JB_OK;
}

static size_t replay_domains(const struct jb_source *base, const struct jb_domain **ret_domains) {
    const struct replay_source *source = (const struct replay_source *)base;
    *ret_domains = source->domains;
    return source->count;
}

static void replay_read(struct jb_source *base, struct jb_reading *readings) {
    struct replay_source *source = (struct replay_source *)base;
    int64_t boottime_ns, time_ns = time_now_ns(source, &boottime_ns);
    for (size_t i = 0; i < source->count; i++) {
        readings[i].boottime_ns = boottime_ns;
        jb_replay_read(source->replay, source->indexes[i], time_ns, &readings[i]);
    }
}

static bool replay_rescan(struct jb_source *base) {
    struct replay_source *source = (struct replay_source *)base;
    int64_t boottime_ns;
    return list_domains(source, time_now_ns(source, &boottime_ns));
}

const struct jb_source_ops jb_source_replay = {
    .name = "replay",
    .summary = "recorded or generated readings from a file",
    .open = replay_open,
    .domains = replay_domains,
    .read = replay_read,
    .rescan = replay_rescan,
    .close = replay_close,
};
