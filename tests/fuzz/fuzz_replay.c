/* Recorded readings of any bytes: what is accepted reads the same twice, and within its modulus. */
#include "base/clock.h"
#include "source/replay_script.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_domain(const struct jb_replay *replay, const struct jb_domain *domains, size_t index) {
    static const int64_t times[] = {-1,       0, 1, JB_SECOND_NS, 90 * JB_SECOND_NS + 7, JB_DAY_NS * 4000,
                                    INT64_MAX};
    const struct jb_domain *domain = &domains[index];
    require(domain->parent < (int32_t)index);
    require(memchr(domain->id, '\0', sizeof domain->id) && domain->account[0]);
    for (size_t i = 0; i < JB_COUNT(times); i++) {
        struct jb_reading first = {.boottime_ns = 42}, second = {.boottime_ns = 42};
        jb_replay_read(replay, index, times[i], &first);
        jb_replay_read(replay, index, times[i], &second);
        require(first.value == second.value && first.epoch == second.epoch && first.state == second.state);
        require(first.boottime_ns == 42);
        require(first.state == JB_READING_OK || first.value == 0);
        require(domain->wrap_modulus_uj == 0 || first.value < domain->wrap_modulus_uj);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct jb_error error = {0};
    struct jb_replay *replay = NULL;
    const struct jb_domain *domains;
    if (jb_replay_parse((const char *)bytes, size, "input", &error, &replay)) {
        require(error.code && error.message[0] && !replay);
        return 0;
    }
    size_t count = jb_replay_domains(replay, &domains);
    require(count > 0);
    for (size_t i = 0; i < count && i < 64; i++)
        try_domain(replay, domains, i);
    jb_replay_free(replay);
    return 0;
}
