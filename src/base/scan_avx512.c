/* Kernels of a scan for processors with AVX-512 and its byte compression (Ice Lake, Zen 4 and later). */
#include "base/scan_internal.h"

#ifdef __x86_64__
#define KERNEL_TARGET                                                                                        \
    __attribute__((                                                                                          \
        target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi2,avx2,bmi,bmi2,popcnt,aes,pclmul,sse4.1")))
#include "base/scan_x86.h"

static bool is_supported(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
}

KERNEL_INLINE struct jb_scan_masks load_masks(const char *bytes, char separator) {
    __m512i text = _mm512_loadu_si512(bytes);
    return (struct jb_scan_masks){
        .separators = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(separator)),
        .newlines = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n')),
        .quotes = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('"')),
        .controls = _mm512_cmplt_epu8_mask(text, _mm512_set1_epi8(0x20)),
    };
}

KERNEL_INLINE uint64_t equal_bits(const char *bytes, char c) {
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(bytes), _mm512_set1_epi8(c));
}

/* The places of the bits as bytes, side by side, then as 32-bit numbers: 16 at a time, most often once. */
KERNEL_INLINE size_t put_ends(uint32_t *ends, uint32_t base, uint64_t bits) {
    const __m512i places =
        _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,
                        42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22,
                        21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i bases = _mm512_set1_epi32((int)base);
    size_t count = (size_t)__builtin_popcountll(bits);
    __m512i packed = _mm512_maskz_compress_epi8(bits, places);
    _mm512_storeu_si512(ends, _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed)), bases));
    if (__builtin_expect(count > 16, 0)) {
        __m128i parts[4];
        _mm512_storeu_si512(parts, packed);
        for (size_t i = 1; i < 4; i++)
            _mm512_storeu_si512(ends + 16 * i, _mm512_add_epi32(_mm512_cvtepu8_epi32(parts[i]), bases));
    }
    return count;
}

struct short_text {
    __m512i bytes;
};

KERNEL_INLINE struct short_text load_short(const char *bytes, size_t length) {
    return (struct short_text){_mm512_maskz_loadu_epi8(_bzhi_u64(UINT64_MAX, (unsigned)length), bytes)};
}

KERNEL_INLINE uint64_t hash_short(struct short_text text) {
    return hash_lanes(_mm512_castsi512_si128(text.bytes), _mm512_extracti32x4_epi32(text.bytes, 1),
                      _mm512_extracti32x4_epi32(text.bytes, 2), _mm512_extracti32x4_epi32(text.bytes, 3));
}

KERNEL_INLINE bool is_equal_short(const struct jb_scan_memo_text *known, struct short_text text) {
    return _mm512_mask_cmpneq_epi8_mask(((uint64_t)1 << JB_SCAN_MEMO_TEXT) - 1, text.bytes,
                                        _mm512_load_si512(known)) == 0;
}

KERNEL_INLINE uint64_t differ_short(struct short_text a, struct short_text b) {
    return _mm512_cmpneq_epi8_mask(a.bytes, b.bytes);
}

#include "base/scan_kernel.h"

const struct jb_scan_kernel jb_scan_kernel_avx512 = KERNEL("avx512");
#endif
