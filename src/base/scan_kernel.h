/* The loops of a kernel, written once: each file that includes this gives them the instructions of one
 * machine.
 *
 * Before it stand, with the attribute KERNEL_TARGET that lets the compiler use those instructions:
 *   struct short_text      a text of up to JB_SCAN_MEMO_TEXT bytes, filled with NUL
 *   is_supported()         whether this machine has the instructions
 *   load_masks(bytes, c)   one bit for each of 64 bytes
 *   equal_bits(bytes, c)   the same for one byte
 *   prefix_xor(bits)       bit i: whether an odd number of bits 0 to i is set
 *   put_ends(ends, base, bits)  base + i for every bit i; may write up to 64 places whatever the count, which
 * it returns load_short, hash_short, is_equal_short take_digits(bytes, length, &mantissa, &fraction)  1 to 16
 * digits with at most one point; false for anything else; may read 16 bytes before their end and behind it
 * KERNEL(name) makes the table of functions. */
#ifndef JB_BASE_SCAN_KERNEL_H
#define JB_BASE_SCAN_KERNEL_H

#include "base/scan_decimal.h"
#include "base/scan_internal.h"

/* What one step of 64 bytes hands to the next. */
struct step {
    uint64_t is_inside; /* all bits where the step ended inside quotes, otherwise 0 */
    uint64_t ends;      /* separators and newlines outside quotes */
    uint64_t closing;   /* quotes that close */
    uint64_t returns;   /* carriage returns outside quotes */
};

/* Bits where something stands wrong, for a step with quotes, carriage returns or NULs in it or before it.
 * Removes what stands inside quotes from the masks. An opening quote must follow the end of a field, or a
 * closing one (which is a doubled quote); a closing one must be followed by the end of a field or an opening
 * one; a carriage return must stand before a newline, or inside quotes. */
KERNEL_TARGET __attribute__((noinline)) static uint64_t
look_closely(const char *bytes, struct jb_scan_masks *masks, struct step *step) {
    uint64_t inside = prefix_xor(masks->quotes) ^ step->is_inside;
    uint64_t opening = masks->quotes & inside, closing = masks->quotes & ~inside;
    uint64_t returns = equal_bits(bytes, '\r') & ~inside;
    masks->separators &= ~inside;
    masks->newlines &= ~inside;
    uint64_t ends = masks->separators | masks->newlines;
    uint64_t may_open = (ends | closing) << 1 | (step->ends | step->closing) >> 63;
    uint64_t behind_closing = closing << 1 | step->closing >> 63;
    uint64_t behind_return = returns << 1 | step->returns >> 63;
    step->is_inside = (uint64_t)((int64_t)inside >> 63);
    step->closing = closing;
    step->returns = returns;
    return (opening & ~may_open) | (behind_closing & ~(ends | opening | returns)) |
           (behind_return & ~masks->newlines) | equal_bits(bytes, '\0');
}

KERNEL_TARGET static void index_rows(const char *bytes, size_t length, char separator,
                                     struct jb_scan_index *ret_index) {
    struct step step = {.ends = UINT64_MAX}; /* a row begins */
    uint32_t *ends = ret_index->ends;
    size_t count = 0, newline_count = 0;
    uint64_t odd = 0, quotes = 0, returns = 0;
    for (size_t at = 0; at < length && count < JB_SCAN_ENDS; at += 64) {
        struct jb_scan_masks masks = load_masks(bytes + at, separator);
        uint64_t valid = UINT64_MAX;
        if (__builtin_expect(length - at < 64, 0)) {
            valid = ((uint64_t)1 << (length - at)) - 1;
            masks.separators &= valid, masks.newlines &= valid, masks.quotes &= valid;
        }
        /* Of control characters, what is no newline: a carriage return, a NUL, or just a tab. */
        if ((masks.controls ^ masks.newlines) | masks.quotes | step.is_inside | step.closing | step.returns) {
            quotes |= masks.quotes;
            odd |= look_closely(bytes + at, &masks, &step) & valid; /* what is behind is judged in its turn */
            returns |= step.returns;
        }
        step.ends = masks.separators | masks.newlines;
        newline_count += (size_t)__builtin_popcountll(masks.newlines);
        count += put_ends(ends + count, (uint32_t)at, step.ends);
    }
    ret_index->count = count;
    ret_index->newline_count = newline_count;
    ret_index->has_quotes = quotes != 0;
    ret_index->has_returns = returns != 0;
    ret_index->is_odd = odd != 0;
}

/* The id of a short text; UINT32_MAX when the memo does not know it. Most often it is where it is first
 * looked for. */
KERNEL_TARGET static inline uint32_t look_up(const uint16_t *index, size_t mask,
                                             const struct jb_scan_memo_text *texts, struct short_text text) {
    size_t at = hash_short(text) & mask;
    const struct jb_scan_memo_text *known = &texts[index[at]];
    for (unsigned probe = 1; __builtin_expect(!is_equal_short(known, text), 0); probe++) {
        if (index[at] == 0 || probe == JB_SCAN_MEMO_PROBES)
            return UINT32_MAX;
        at = (at + 1) & mask;
        known = &texts[index[at]];
    }
    return known->id;
}

/* Whether all rows have the same short text in these columns. */
KERNEL_TARGET static bool is_steady_span(const struct jb_scan_rows_view *rows, size_t field, size_t more,
                                         struct short_text first) {
    const uint32_t *ends = rows->ends + field;
    const char *bytes = rows->bytes;
    const size_t width = rows->width, count = rows->count;
    uint64_t different = 0;
    size_t longest = 0;
    for (size_t row = 0; row < count; row++, ends += width) {
        uint32_t begin = ends[-1] + 1;
        size_t length = ends[more] - begin;
        longest |= length;
        different |= differ_short(first, load_short(bytes + begin, length & 63));
    }
    return different == 0 && longest < 64;
}

KERNEL_TARGET static void look_up_texts(struct jb_scan_memo *memo, const struct jb_scan_rows_view *rows,
                                        size_t field, size_t last, size_t id_stride, uint32_t *restrict ids,
                                        struct jb_scan_missed *restrict ret_missed) {
    const uint32_t *ends = rows->ends + field;
    const size_t more = last - field;
    const char *bytes = rows->bytes;
    const struct jb_scan_memo_text *texts = memo->texts;
    const uint16_t *index = memo->index;
    const size_t mask = memo->mask, width = rows->width, count = rows->count;
    ret_missed->count = 0;
    uint32_t begin = ends[-1] + 1;
    if (memo->is_steady && ends[more] - begin <= JB_SCAN_MEMO_TEXT) {
        struct short_text first = load_short(bytes + begin, ends[more] - begin);
        uint32_t id = look_up(index, mask, texts, first);
        if (id != UINT32_MAX && is_steady_span(rows, field, more, first)) {
            for (size_t row = 0; row < count; row++)
                ids[row * id_stride] = id;
            return;
        }
    }
    size_t missed = 0;
    for (size_t row = 0; row < count; row++, ends += width) {
        begin = ends[-1] + 1;
        size_t length = ends[more] - begin;
        uint32_t id = UINT32_MAX;
        if (__builtin_expect(length <= JB_SCAN_MEMO_TEXT, 1))
            id = look_up(index, mask, texts, load_short(bytes + begin, length));
        if (__builtin_expect(id == UINT32_MAX, 0))
            ret_missed->rows[missed++] = (uint16_t)row;
        ids[row * id_stride] = id;
    }
    ret_missed->count = missed;
    /* Samples will do: it is looked at more closely next time. */
    memo->is_steady = ids[0] == ids[count / 2 * id_stride] && ids[0] == ids[(count - 1) * id_stride];
}

KERNEL_TARGET static uint64_t hash_text(const char *text, size_t length) {
    return hash_short(load_short(text, length));
}

KERNEL_TARGET static void take_decimals(const struct jb_scan_rows_view *rows, size_t field, unsigned decimals,
                                        jb_int128 *restrict values,
                                        struct jb_scan_missed *restrict ret_missed) {
    const uint32_t *ends = rows->ends + field;
    const char *text = rows->bytes;
    const bool is_plain = rows->is_plain;
    const size_t width = rows->width, count = rows->count;
    size_t missed = 0;
    for (size_t row = 0; row < count; row++, ends += width) {
        const char *bytes = text + (uint32_t)(ends[-1] + 1);
        size_t length = (uint32_t)(ends[0] - ends[-1] - 1);
        if (!is_plain) {
            length -= (bytes + length)[-1] == '\r'; /* of the line end; before an empty cell stands none */
            bool is_quoted = *bytes == '"';
            bytes += is_quoted;
            length -= 2 * (size_t)is_quoted;
        }
        bool is_negative = *bytes == '-';
        bytes += is_negative;
        length -= is_negative; /* below 0 where an empty cell is followed by such a byte: too long, then */
        uint64_t mantissa = 0;
        unsigned fraction = 0;
        if (__builtin_expect(length - 1 >= 16 || !take_digits(bytes, length, &mantissa, &fraction) ||
                                 fraction > decimals,
                             0)) {
            ret_missed->rows[missed++] = (uint16_t)row;
            continue;
        }
        jb_int128 value = (jb_int128)((jb_uint128)mantissa * jb_scan_powers_of_ten[decimals - fraction]);
        values[row] = is_negative ? -value : value;
    }
    ret_missed->count = missed;
}

#define KERNEL(name_)                                                                                        \
    {                                                                                                        \
        .name = (name_), .is_supported = is_supported, .index = index_rows, .texts = look_up_texts,          \
        .hash = hash_text, .decimals = take_decimals                                                         \
    }

#endif
