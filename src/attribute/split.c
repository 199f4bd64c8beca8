/* Exact integer splits by largest remainders with carry. */
#include "attribute/split.h"

#include "base/decimal.h"

#include <assert.h>

#define UNIT ((int64_t)1 << 32)

/* Weights are shifted right together until their sum fits 63 bits, so that a remainder times 2^32 fits 128.
 */
static unsigned shift_for(const struct jb_share *shares, size_t count, uint64_t *ret_sum) {
    jb_uint128 sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += shares[i].weight;
    unsigned shift = 0;
    while (sum >> shift > INT64_MAX)
        shift++;
    if (shift) {
        sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += shares[i].weight >> shift;
    }
    *ret_sum = (uint64_t)sum;
    return shift;
}

static void swap_keys(struct jb_share *shares, size_t a, size_t b) {
    uint64_t key = shares[a].key;
    shares[a].key = shares[b].key;
    shares[b].key = key;
}

/* The key of rank `rank` from the top (0 is the largest). All keys differ. Reorders the key column only. */
static uint64_t select_key(struct jb_share *shares, size_t count, size_t rank) {
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t pivot = shares[middle].key;
        size_t i = low, j = high;
        for (;;) {
            while (shares[i].key > pivot)
                i++;
            while (shares[j].key < pivot)
                j--;
            if (i >= j)
                break;
            swap_keys(shares, i++, j--);
        }
        size_t boundary = j;
        if (rank <= boundary)
            high = boundary;
        else
            low = boundary + 1;
    }
    return shares[rank].key;
}

/* What is owed (to 2^-30) in the upper half, order in the lower: unique, and ties go to the first. */
static uint64_t key_of(int64_t owed, size_t index) {
    int64_t clamped = owed < -UNIT ? -UNIT : owed > UNIT ? UNIT : owed;
    return (uint64_t)(clamped + UNIT) >> 2 << 32 | (uint32_t)~index;
}

/* Hands `units` (at most count) more to those that are owed most. */
static void give(struct jb_share *shares, size_t count, size_t units) {
    for (size_t i = 0; i < count; i++)
        shares[i].key = key_of(shares[i].carry, i);
    uint64_t threshold = select_key(shares, count, units - 1);
    for (size_t i = 0; i < count; i++) {
        if (key_of(shares[i].carry, i) >= threshold) {
            shares[i].part++;
            shares[i].carry -= UNIT;
        }
    }
}

/* Takes one unit from each of the `units` that are owed least and have one; returns how many were taken. */
static uint64_t take(struct jb_share *shares, size_t count, uint64_t units) {
    uint64_t taken = 0;
    for (size_t i = 0; i < count; i++)
        shares[i].key = shares[i].part ? ~key_of(shares[i].carry, i) : 0;
    uint64_t threshold = select_key(shares, count, (units < count ? units : count) - 1);
    for (size_t i = 0; i < count && taken < units; i++) {
        if (shares[i].part && ~key_of(shares[i].carry, i) >= threshold) {
            shares[i].part--;
            shares[i].carry += UNIT;
            taken++;
        }
    }
    return taken;
}

bool jb_split(uint64_t whole, struct jb_share *shares, size_t count) {
    uint64_t sum;
    unsigned shift = shift_for(shares, count, &sum);
    if (sum == 0)
        return false;
    jb_int128 given = 0;
    for (size_t i = 0; i < count; i++) {
        struct jb_share *share = &shares[i];
        jb_uint128 product = (jb_uint128)whole * (share->weight >> shift);
        jb_uint128 quotient = product / sum;
        uint64_t remainder = (uint64_t)(product - quotient * sum);
        /* In 2^-32 units: the fraction, and what was owed. */
        int64_t owed = (int64_t)(((jb_uint128)remainder << 32) / sum) + share->carry;
        int64_t whole_units = owed >> 32; /* floor, also when negative */
        jb_int128 part = (jb_int128)quotient + whole_units;
        if (part < 0)
            part = 0;
        share->part = (uint64_t)part;
        share->carry = owed - (int64_t)(part - (jb_int128)quotient) * UNIT;
        given += part;
    }
    jb_int128 left = (jb_int128)whole - given;
    while (left > 0) {
        size_t units = left < (jb_int128)count ? (size_t)left : count;
        give(shares, count, units);
        left -= (jb_int128)units;
    }
    while (left < 0)
        left += (jb_int128)take(shares, count, (uint64_t)-left);
    for (size_t i = 0; i < count; i++) {
        if (shares[i].carry > UNIT)
            shares[i].carry = UNIT;
        if (shares[i].carry < -UNIT)
            shares[i].carry = -UNIT;
    }
    return true;
}

uint64_t jb_prorate(uint64_t amount, uint64_t elapsed, uint64_t length) {
    assert(length > 0 && elapsed <= length);
    return (uint64_t)((jb_uint128)amount * elapsed / length);
}
