/* Kernels of a scan in plain C, eight bytes at a time. */
#include "base/scan_internal.h"

#include <string.h>

#define KERNEL_TARGET

static bool is_supported(void) {
    return true;
}

static inline uint64_t load64(const char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* One bit for each byte of word that is 0. */
static inline uint64_t zero_bits(uint64_t word) {
    const uint64_t low = 0x7f7f7f7f7f7f7f7fU;
    uint64_t high = ~(((word & low) + low) | word | low);
    return ((high >> 7) * 0x0102040810204080U) >> 56;
}

static inline struct jb_scan_masks load_masks(const char *bytes, char separator) {
    const uint64_t ones = 0x0101010101010101U;
    struct jb_scan_masks masks = {0};
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t word = load64(bytes + i);
        masks.separators |= zero_bits(word ^ (ones * (unsigned char)separator)) << i;
        masks.newlines |= zero_bits(word ^ (ones * '\n')) << i;
        masks.quotes |= zero_bits(word ^ (ones * '"')) << i;
        masks.controls |= zero_bits(word & (ones * 0xe0)) << i;
    }
    return masks;
}

static inline uint64_t equal_bits(const char *bytes, char c) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < 64; i += 8)
        bits |= zero_bits(load64(bytes + i) ^ (0x0101010101010101U * (unsigned char)c)) << i;
    return bits;
}

static inline uint64_t prefix_xor(uint64_t bits) {
    for (unsigned shift = 1; shift < 64; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

static inline size_t put_ends(uint32_t *ends, uint32_t base, uint64_t bits) {
    size_t count = 0;
    for (; bits; bits &= bits - 1)
        ends[count++] = base + (uint32_t)__builtin_ctzll(bits);
    return count;
}

/* A short text, filled with NUL. */
struct short_text {
    uint64_t words[8];
};

static inline struct short_text load_short(const char *bytes, size_t length) {
    struct short_text text = {{0}};
    memcpy(text.words, bytes, length);
    return text;
}

static inline uint64_t hash_short(struct short_text text) {
    uint64_t hash = 0;
    for (size_t i = 0; i < 8 && text.words[i]; i++) {
        hash = (hash ^ text.words[i]) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    return hash * 0xbf58476d1ce4e5b9U;
}

static inline bool is_equal_short(const struct jb_scan_memo_text *known, struct short_text text) {
    return memcmp(known->text, text.words, JB_SCAN_MEMO_TEXT) == 0;
}

static inline uint64_t differ_short(struct short_text a, struct short_text b) {
    uint64_t different = 0;
    for (size_t i = 0; i < 8; i++)
        different |= a.words[i] ^ b.words[i];
    return different;
}

/* Up to 16 digits with a point among them. */
static inline bool take_digits(const char *bytes, size_t length, uint64_t *ret_mantissa,
                               unsigned *ret_fraction) {
    uint64_t mantissa = 0;
    size_t point = length;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)(unsigned char)bytes[i] - '0';
        if (digit <= 9)
            mantissa = mantissa * 10 + digit;
        else if (bytes[i] == '.' && point == length)
            point = i;
        else
            return false;
    }
    *ret_mantissa = mantissa;
    *ret_fraction = point == length ? 0 : (unsigned)(length - point - 1);
    return length > (point != length);
}

#include "base/scan_kernel.h"

const struct jb_scan_kernel jb_scan_kernel_portable = KERNEL("portable");
