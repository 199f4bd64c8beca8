/* Parses the usage that DRM drivers show in /proc/PID/fdinfo/FD. Pure: bytes in, facts out. */
#include "source/amdgpu_fdinfo.h"

#include <ctype.h>
#include <string.h>

/* A piece of the text; not NUL-terminated. */
struct view {
    const char *at;
    size_t length;
};

static bool starts_with(struct view view, const char *prefix) {
    size_t length = strlen(prefix);
    return view.length >= length && memcmp(view.at, prefix, length) == 0;
}

static struct view behind(struct view view, size_t length) {
    return (struct view){.at = view.at + length, .length = view.length - length};
}

static struct view trim(struct view view) {
    while (view.length > 0 && isspace((unsigned char)*view.at))
        view = behind(view, 1);
    while (view.length > 0 && isspace((unsigned char)view.at[view.length - 1]))
        view.length--;
    return view;
}

/* Digits at the start; what follows them, trimmed, goes to *ret_unit. False: no digits, or too many. */
static bool number(struct view view, uint64_t *ret_value, struct view *ret_unit) {
    uint64_t value = 0;
    size_t i = 0;
    for (; i < view.length && isdigit((unsigned char)view.at[i]); i++) {
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(view.at[i] - '0'), &value))
            return false;
    }
    *ret_value = value;
    *ret_unit = trim(behind(view, i));
    return i > 0;
}

static bool is(struct view view, const char *text) {
    return view.length == strlen(text) && memcmp(view.at, text, view.length) == 0;
}

/* Letters, digits and the punctuation of PCI addresses and driver names; false when anything else, or too
 * long. */
static bool copy_name(struct view view, char *ret, size_t size) {
    if (view.length == 0 || view.length >= size)
        return false;
    for (size_t i = 0; i < view.length; i++) {
        if (!isalnum((unsigned char)view.at[i]) && !memchr(":.-_", view.at[i], 4))
            return false;
    }
    memcpy(ret, view.at, view.length);
    ret[view.length] = '\0';
    return true;
}

static void add_saturated(uint64_t *sum, uint64_t value) {
    if (__builtin_add_overflow(*sum, value, sum))
        *sum = UINT64_MAX;
}

/* "123 KiB" in bytes; without a unit it is bytes. */
static bool memory_of(struct view value, uint64_t *ret_bytes) {
    struct view unit;
    uint64_t count;
    if (!number(value, &count, &unit))
        return false;
    uint64_t factor = is(unit, "KiB") ? 1U << 10 : is(unit, "MiB") ? 1U << 20 : 1;
    if ((factor == 1 && unit.length > 0) || __builtin_mul_overflow(count, factor, ret_bytes))
        return false;
    return true;
}

/* Whether a region of memory is on the device (amdgpu vram; xe vram0; i915 local0) and not the host's. */
static bool is_on_device(struct view region) {
    return starts_with(region, "vram") || starts_with(region, "local");
}

struct sums {
    uint64_t resident_bytes, plain_bytes;
    bool has_resident;
};

/* One line, key and value apart. What a driver says that is not known here is skipped, as the kernel's
 * documentation asks of readers. */
static void take(struct view key, struct view value, struct jb_drm_client *client, bool *has_id,
                 struct sums *sums) {
    uint64_t count = 0;
    struct view unit;
    if (is(key, "drm-driver")) {
        copy_name(value, client->driver, sizeof client->driver);
    } else if (is(key, "drm-pdev")) {
        copy_name(value, client->device, sizeof client->device);
    } else if (is(key, "drm-client-id")) {
        if (number(value, &count, &unit) && unit.length == 0) {
            client->id = count;
            *has_id = true;
        }
    } else if (starts_with(key, "drm-engine-") && !starts_with(key, "drm-engine-capacity-")) {
        if (number(value, &count, &unit) && is(unit, "ns"))
            add_saturated(&client->busy_ns, count);
    } else if (starts_with(key, "drm-resident-") && is_on_device(behind(key, strlen("drm-resident-")))) {
        if (memory_of(value, &count)) {
            add_saturated(&sums->resident_bytes, count);
            sums->has_resident = true;
        }
    } else if (starts_with(key, "drm-memory-") && is_on_device(behind(key, strlen("drm-memory-")))) {
        if (memory_of(value, &count)) /* the older name of the same */
            add_saturated(&sums->plain_bytes, count);
    }
}

bool jb_drm_fdinfo_parse(const char *text, size_t length, struct jb_drm_client *ret_client) {
    struct jb_drm_client client = {0};
    struct sums sums = {0};
    bool has_id = false;
    struct view rest = {.at = text, .length = length};
    while (rest.length > 0) {
        const char *end = memchr(rest.at, '\n', rest.length);
        size_t used = end ? (size_t)(end - rest.at) : rest.length;
        const char *colon = memchr(rest.at, ':', used);
        if (colon) {
            size_t key_length = (size_t)(colon - rest.at);
            struct view value = {.at = colon + 1, .length = used - key_length - 1};
            take(trim((struct view){.at = rest.at, .length = key_length}), trim(value), &client, &has_id,
                 &sums);
        }
        rest = behind(rest, end ? used + 1 : used);
    }
    if (!client.driver[0] || !has_id)
        return false;
    client.memory_bytes = sums.has_resident ? sums.resident_bytes : sums.plain_bytes;
    *ret_client = client;
    return true;
}
