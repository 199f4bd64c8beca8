/* Interned strings. */
#include "base/strings.h"

#include "base/array.h"

#include <string.h>

struct jb_strings {
    char **texts; /* by id; each its own allocation, so pointers stay */
    uint64_t *hashes;
    size_t count, texts_capacity, hashes_capacity, ceiling;
    uint32_t *slots; /* open addressing, id + 1, 0 is empty */
    size_t slot_count;
};

uint64_t jb_hash_uint64(uint64_t value) {
    value ^= value >> 30;
    value *= 0xbf58476d1ce4e5b9ULL;
    value ^= value >> 27;
    value *= 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

uint64_t jb_hash_bytes(const void *bytes, size_t length) {
    const unsigned char *cursor = bytes;
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ cursor[i]) * 0x100000001b3ULL;
    return jb_hash_uint64(hash);
}

enum jb_code jb_strings_make(size_t ceiling, struct jb_error *error, struct jb_strings **ret_strings) {
    struct jb_strings *strings = calloc(1, sizeof *strings);
    if (!strings)
        return jb_error_set(error, JB_MEMORY, "no memory for a string table");
    strings->ceiling = ceiling < JB_STRING_NONE ? ceiling : JB_STRING_NONE - 1;
    *ret_strings = strings;
    return JB_OK;
}

void jb_strings_free(struct jb_strings *strings) {
    if (!strings)
        return;
    for (size_t i = 0; i < strings->count; i++)
        free(strings->texts[i]);
    free(strings->texts);
    free(strings->hashes);
    free(strings->slots);
    free(strings);
}

/* The slot that holds text, or the empty one where it would go. */
static size_t find_slot(const struct jb_strings *strings, const char *text, uint64_t hash) {
    size_t mask = strings->slot_count - 1;
    size_t slot = hash & mask;
    while (strings->slots[slot]) {
        uint32_t id = strings->slots[slot] - 1;
        if (strings->hashes[id] == hash && strcmp(strings->texts[id], text) == 0)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static enum jb_code grow_slots(struct jb_strings *strings, struct jb_error *error) {
    size_t slot_count = strings->slot_count ? strings->slot_count * 2 : 64;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu strings", slot_count);
    free(strings->slots);
    strings->slots = slots;
    strings->slot_count = slot_count;
    for (size_t i = 0; i < strings->count; i++)
        strings->slots[find_slot(strings, strings->texts[i], strings->hashes[i])] = (uint32_t)i + 1;
    return JB_OK;
}

uint32_t jb_strings_find(const struct jb_strings *strings, const char *text) {
    if (!strings->slot_count)
        return JB_STRING_NONE;
    uint32_t stored = strings->slots[find_slot(strings, text, jb_hash_bytes(text, strlen(text)))];
    return stored ? stored - 1 : JB_STRING_NONE;
}

enum jb_code jb_strings_intern(struct jb_strings *strings, const char *text, struct jb_error *error,
                               uint32_t *ret_id) {
    size_t length = strlen(text);
    uint64_t hash = jb_hash_bytes(text, length);
    if (strings->slot_count) {
        uint32_t stored = strings->slots[find_slot(strings, text, hash)];
        if (stored) {
            *ret_id = stored - 1;
            return JB_OK;
        }
    }
    enum jb_code code = jb_array_reserve(&strings->texts, &strings->texts_capacity, strings->count + 1,
                                         strings->ceiling, "names", error);
    if (!code)
        code = jb_array_reserve(&strings->hashes, &strings->hashes_capacity, strings->count + 1,
                                strings->ceiling, "names", error);
    if (!code && (strings->count + 1) * 2 > strings->slot_count)
        code = grow_slots(strings, error);
    if (code)
        return code;
    char *copy = malloc(length + 1);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for a name of %zu bytes", length);
    memcpy(copy, text, length + 1);
    strings->texts[strings->count] = copy;
    strings->hashes[strings->count] = hash;
    strings->slots[find_slot(strings, text, hash)] = (uint32_t)strings->count + 1;
    *ret_id = (uint32_t)strings->count++;
    return JB_OK;
}

const char *jb_strings_text(const struct jb_strings *strings, uint32_t id) {
    return id < strings->count ? strings->texts[id] : "";
}

size_t jb_strings_count(const struct jb_strings *strings) {
    return strings->count;
}

uint64_t jb_strings_hash(const struct jb_strings *strings, uint32_t id) {
    return id < strings->count ? strings->hashes[id] : jb_hash_bytes("", 0);
}
