/* Interned strings: equal texts get one small dense id; the hash table behind names of accounts and more. */
#ifndef JB_BASE_STRINGS_H
#define JB_BASE_STRINGS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdint.h>
#include <string.h>

#define JB_STRING_NONE UINT32_MAX

struct jb_strings; /* opaque */

/* ceiling: most distinct strings it takes (JB_LIMIT past it). */
enum jb_code jb_strings_make(size_t ceiling, struct jb_error *error, struct jb_strings **ret_strings);
void jb_strings_free(struct jb_strings *strings); /* NULL-safe */

/* Id of text (copied when new): 0, 1, 2 … in order of first sight. No allocation when it is known. */
enum jb_code jb_strings_intern(struct jb_strings *strings, const char *text, struct jb_error *error,
                               uint32_t *ret_id);
uint32_t jb_strings_find(const struct jb_strings *strings, const char *text); /* JB_STRING_NONE if absent */
const char *jb_strings_text(const struct jb_strings *strings, uint32_t id);   /* valid until free */
size_t jb_strings_count(const struct jb_strings *strings);
uint64_t jb_strings_hash(const struct jb_strings *strings, uint32_t id); /* jb_hash_bytes of the text */

/* 64-bit hash of bytes (FNV-1a with a final avalanche); stable across runs and machines. */
uint64_t jb_hash_bytes(const void *bytes, size_t length);
/* Mixes an integer (splitmix64 finaliser). */
uint64_t jb_hash_uint64(uint64_t value);
/* Takes eight more bytes into a hash: a product of 128 bits, folded. */
static inline uint64_t jb_hash_fold(uint64_t hash, uint64_t word) {
    unsigned __int128 wide = (unsigned __int128)(hash ^ word) * 0xd6e8feb86659fd93U;
    return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}
/* Of numbers, two at a time. */
__attribute__((always_inline)) static inline uint64_t jb_hash_numbers(const uint32_t *numbers, size_t count) {
    uint64_t hash = 0x9e3779b97f4a7c15U ^ (count & 1 ? numbers[count - 1] : 0);
    for (size_t i = 0; i + 1 < count; i += 2) {
        uint64_t word;
        memcpy(&word, numbers + i, sizeof word);
        hash = jb_hash_fold(hash, word);
    }
    return hash * 0xbf58476d1ce4e5b9U;
}

JB_DEFINE_CLEANUP(struct jb_strings, jb_strings_free);

#endif
