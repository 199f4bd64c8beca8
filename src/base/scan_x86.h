/* What both x86 kernels of a scan do with 16 bytes at a time. KERNEL_TARGET is that of the file that includes
 * this. */
#ifndef JB_BASE_SCAN_X86_H
#define JB_BASE_SCAN_X86_H

#include "base/scan_internal.h"

#include <immintrin.h>

#define KERNEL_INLINE KERNEL_TARGET __attribute__((always_inline)) static inline

/* A carry-less product with all ones is a running exclusive or. */
KERNEL_INLINE uint64_t prefix_xor(uint64_t bits) {
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)bits), _mm_set1_epi8((char)0xff), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Three rounds of AES spread each byte over all bits. */
KERNEL_INLINE uint64_t hash_lanes(__m128i a, __m128i b, __m128i c, __m128i d) {
    __m128i mixed = _mm_aesenc_si128(_mm_aesenc_si128(a, b), _mm_aesenc_si128(c, d));
    return (uint64_t)_mm_cvtsi128_si64(_mm_aesenc_si128(mixed, mixed));
}

/* Row p moves the bytes before place p one up, onto the point at p; row 16 moves nothing. */
#define Z ((char)0x80)
static const char close_gap[17][16] = {
    {Z, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15},
    {Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
};
#undef Z

/* The number stands at the upper end of a register; the digits are joined in pairs: 2, 4, 8, 16. */
KERNEL_INLINE bool take_digits(const char *bytes, size_t length, uint64_t *ret_mantissa,
                               unsigned *ret_fraction) {
    const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m128i text = _mm_loadu_si128((const __m128i *)(bytes + length - 16));
    __m128i is_kept = _mm_cmpgt_epi8(places, _mm_set1_epi8((char)(15 - (int)length)));
    __m128i is_point = _mm_and_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8('.')), is_kept);
    __m128i digits = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    __m128i is_wrong = _mm_andnot_si128(_mm_or_si128(is_digit, is_point), is_kept);
    unsigned points = (unsigned)_mm_movemask_epi8(is_point);
    unsigned place = (unsigned)__builtin_ctz(points | 0x10000);
    digits = _mm_and_si128(digits, _mm_andnot_si128(is_point, is_kept));
    digits = _mm_shuffle_epi8(digits, _mm_loadu_si128((const __m128i *)close_gap[place]));
    __m128i twos = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010a));
    __m128i fours = _mm_madd_epi16(twos, _mm_set1_epi32(0x00010064));
    __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710));
    uint64_t halves = (uint64_t)_mm_cvtsi128_si64(eights);
    *ret_mantissa = (uint32_t)halves * UINT64_C(100000000) + (halves >> 32);
    *ret_fraction = points ? 15 - place : 0;
    return _mm_movemask_epi8(is_wrong) == 0 && (points & (points - 1)) == 0 && length > (points != 0);
}

#endif
