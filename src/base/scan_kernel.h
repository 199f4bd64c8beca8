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
struct quote_state {
    uint64_t is_inside;    /* all bits where the step begins inside quotes, otherwise 0 */
    uint64_t ended_field;  /* 1: the byte before was a separator, a newline, or a closing quote */
    uint64_t closed_quote; /* 1: it was a closing quote */
};

/* Removes what stands inside quotes from the separators and newlines; bits where quotes stand wrong: an
 * opening one must follow the end of a field, or a closing one (which is a doubled quote), a closing one must
 * be followed by the end of a field or an opening one. */
KERNEL_TARGET static inline uint64_t apply_quotes(struct jb_scan_masks *masks, uint64_t returns,
                                                  struct quote_state *state, uint64_t *ret_inside) {
    uint64_t inside = prefix_xor(masks->quotes) ^ state->is_inside;
    uint64_t opening = masks->quotes & inside, closing = masks->quotes & ~inside;
    masks->separators &= ~inside;
    masks->newlines &= ~inside;
    uint64_t ends = masks->separators | masks->newlines;
    uint64_t may_open = (ends | closing) << 1 | state->ended_field;
    uint64_t behind_closing = closing << 1 | state->closed_quote;
    uint64_t wrong = (opening & ~may_open) | (behind_closing & ~(ends | opening | (returns & ~inside)));
    state->is_inside = (uint64_t)((int64_t)inside >> 63);
    state->ended_field = (ends | closing) >> 63;
    state->closed_quote = closing >> 63;
    *ret_inside = inside;
    return wrong;
}

KERNEL_TARGET static void index_rows(const char *bytes, size_t length, char separator,
                                     struct jb_scan_index *ret_index) {
    struct quote_state state = {.ended_field = 1};
    uint32_t *ends = ret_index->ends;
    size_t count = 0, newline_count = 0;
    uint64_t odd = 0, quoted = 0, return_before = 0;
    for (size_t at = 0; at < length && count < JB_SCAN_ENDS; at += 64) {
        struct jb_scan_masks masks = load_masks(bytes + at, separator);
        uint64_t valid = UINT64_MAX, returns = 0, inside = 0, wrong = 0;
        if (length - at < 64) {
            valid = ((uint64_t)1 << (length - at)) - 1;
            masks.separators &= valid, masks.newlines &= valid, masks.quotes &= valid;
        }
        if ((masks.controls ^ masks.newlines) | return_before) {
            returns = equal_bits(bytes + at, '\r');
            wrong = equal_bits(bytes + at, '\0');
        }
        if (masks.quotes | state.is_inside | state.closed_quote) {
            quoted = 1;
            wrong |= apply_quotes(&masks, returns, &state, &inside);
        } else {
            state.ended_field = (masks.separators | masks.newlines) >> 63;
        }
        /* A carriage return must stand before a newline, or inside quotes. */
        returns &= ~inside;
        wrong |= (returns << 1 | return_before) & ~masks.newlines;
        return_before = returns >> 63;
        odd |= wrong & valid; /* what comes behind is judged when it is looked at */
        newline_count += (size_t)__builtin_popcountll(masks.newlines);
        count += put_ends(ends + count, (uint32_t)at, masks.separators | masks.newlines);
    }
    ret_index->count = count;
    ret_index->newline_count = newline_count;
    ret_index->has_quotes = quoted != 0;
    ret_index->is_odd = odd != 0;
}

KERNEL_TARGET static void look_up_texts(const struct jb_scan_memo *memo, const struct jb_scan_rows_view *rows,
                                        size_t field, uint64_t factor, size_t id_stride, uint32_t *ids,
                                        uint64_t *hashes, struct jb_scan_missed *ret_missed) {
    const uint32_t *ends = rows->ends + field;
    size_t missed = 0;
    for (size_t row = 0; row < rows->count; row++, ends += rows->width) {
        uint32_t begin = ends[-1] + 1;
        size_t length = ends[0] - begin;
        uint32_t id = UINT32_MAX;
        if (__builtin_expect(length <= JB_SCAN_MEMO_TEXT, 1)) {
            struct short_text text = load_short(rows->bytes + begin, length);
            uint64_t hash = hash_short(text);
            size_t at = hash & memo->mask;
            for (unsigned probe = 0; probe < JB_SCAN_MEMO_PROBES; probe++) {
                uint64_t entry = memo->index[at];
                if (entry == 0)
                    break;
                const struct jb_scan_memo_text *known = &memo->texts[(uint32_t)entry - 1];
                if ((entry ^ hash) >> 32 == 0 && is_equal_short(known, text)) {
                    id = known->id;
                    break;
                }
                at = (at + 1) & memo->mask;
            }
        }
        ret_missed->rows[missed] = (uint16_t)row;
        missed += id == UINT32_MAX;
        ids[row * id_stride] = id;
        hashes[row] += id * factor;
    }
    ret_missed->count = missed;
}

KERNEL_TARGET static uint64_t hash_text(const char *text, size_t length) {
    return hash_short(load_short(text, length));
}

KERNEL_TARGET static void take_decimals(const struct jb_scan_rows_view *rows, size_t field, unsigned decimals,
                                        jb_int128 *values, struct jb_scan_missed *ret_missed) {
    const uint32_t *ends = rows->ends + field;
    size_t missed = 0;
    for (size_t row = 0; row < rows->count; row++, ends += rows->width) {
        const char *bytes = rows->bytes + (uint32_t)(ends[-1] + 1);
        size_t length = (uint32_t)(ends[0] - ends[-1] - 1);
        length -= length && bytes[length - 1] == '\r';
        bool is_quoted = *bytes == '"';
        bytes += is_quoted;
        length -= 2 * (size_t)is_quoted;
        bool is_negative = *bytes == '-';
        bytes += is_negative;
        length -= is_negative; /* below 0 where an empty cell is followed by such a byte: too long, then */
        uint64_t mantissa = 0;
        unsigned fraction = 0;
        bool is_taken =
            length - 1 < 16 && take_digits(bytes, length, &mantissa, &fraction) && fraction <= decimals;
        jb_int128 value =
            (jb_int128)((jb_uint128)mantissa * jb_scan_powers_of_ten[is_taken ? decimals - fraction : 0]);
        values[row] = is_negative ? -value : value;
        ret_missed->rows[missed] = (uint16_t)row;
        missed += !is_taken;
    }
    ret_missed->count = missed;
}

#define KERNEL(name_)                                                                                        \
    {                                                                                                        \
        .name = (name_), .is_supported = is_supported, .index = index_rows, .texts = look_up_texts,          \
        .hash = hash_text, .decimals = take_decimals                                                         \
    }

#endif
