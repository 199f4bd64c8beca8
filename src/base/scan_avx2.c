/* Kernels of a scan for processors with AVX2 (Haswell, Zen and later). */
#include "base/scan_internal.h"

#ifdef __x86_64__
#define KERNEL_TARGET __attribute__((target("avx2,bmi,bmi2,popcnt,aes,pclmul,sse4.1")))
#include "base/scan_x86.h"

static bool is_supported(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("aes") &&
           __builtin_cpu_supports("pclmul");
}

/* 64 bytes. */
struct short_text {
    __m256i low, high;
};

KERNEL_INLINE struct short_text load_pair(const char *bytes) {
    return (struct short_text){_mm256_loadu_si256((const __m256i *)bytes),
                               _mm256_loadu_si256((const __m256i *)(bytes + 32))};
}

KERNEL_INLINE uint64_t join_bits(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

KERNEL_INLINE uint64_t equal_pair(struct short_text text, char c) {
    const __m256i wanted = _mm256_set1_epi8(c);
    return join_bits(_mm256_cmpeq_epi8(text.low, wanted), _mm256_cmpeq_epi8(text.high, wanted));
}

KERNEL_INLINE uint64_t equal_bits(const char *bytes, char c) {
    return equal_pair(load_pair(bytes), c);
}

KERNEL_INLINE struct jb_scan_masks load_masks(const char *bytes, char separator) {
    const __m256i last_control = _mm256_set1_epi8(0x1f);
    struct short_text text = load_pair(bytes);
    return (struct jb_scan_masks){
        .separators = equal_pair(text, separator),
        .newlines = equal_pair(text, '\n'),
        .quotes = equal_pair(text, '"'),
        .controls = join_bits(_mm256_cmpeq_epi8(_mm256_min_epu8(text.low, last_control), text.low),
                              _mm256_cmpeq_epi8(_mm256_min_epu8(text.high, last_control), text.high)),
    };
}

/* Eight at a time whether they are there or not: most often once, and without a branch for each. */
KERNEL_INLINE size_t put_ends(uint32_t *ends, uint32_t base, uint64_t bits) {
    size_t count = (size_t)__builtin_popcountll(bits);
    for (size_t done = 0; done < count; done += 8) {
        for (size_t i = 0; i < 8; i++) {
            ends[done + i] = base + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
        }
    }
    return count;
}

/* All ones up to a length, read from its place. */
static const unsigned char ones_then_zeroes[128] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

KERNEL_INLINE struct short_text load_short(const char *bytes, size_t length) {
    struct short_text text = load_pair(bytes), kept = load_pair((const char *)ones_then_zeroes + 64 - length);
    return (struct short_text){_mm256_and_si256(text.low, kept.low), _mm256_and_si256(text.high, kept.high)};
}

KERNEL_INLINE uint64_t hash_short(struct short_text text) {
    return hash_lanes(_mm256_castsi256_si128(text.low), _mm256_extracti128_si256(text.low, 1),
                      _mm256_castsi256_si128(text.high), _mm256_extracti128_si256(text.high, 1));
}

KERNEL_INLINE bool is_equal_short(const struct jb_scan_memo_text *known, struct short_text text) {
    struct short_text there = load_pair((const char *)known);
    uint64_t same =
        join_bits(_mm256_cmpeq_epi8(there.low, text.low), _mm256_cmpeq_epi8(there.high, text.high));
    return (~same & (((uint64_t)1 << JB_SCAN_MEMO_TEXT) - 1)) == 0;
}

KERNEL_INLINE uint64_t differ_short(struct short_text a, struct short_text b) {
    return ~join_bits(_mm256_cmpeq_epi8(a.low, b.low), _mm256_cmpeq_epi8(a.high, b.high));
}

#include "base/scan_kernel.h"

const struct jb_scan_kernel jb_scan_kernel_avx2 = KERNEL("avx2");
#endif
