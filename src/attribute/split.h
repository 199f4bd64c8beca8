/* Exact integer splits: a whole is shared by weights, to the last unit, without starving the small. */
#ifndef JB_ATTRIBUTE_SPLIT_H
#define JB_ATTRIBUTE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One share of a split. */
struct jb_share {
    uint64_t weight; /* in: what it used, in any unit common to the split */
    int64_t carry;   /* in and out: what earlier splits still owe it, in 2^-32 units, within ±2^32 */
    uint64_t part;   /* out: what it gets */
    uint64_t key;    /* scratch */
};

/* Splits `whole` over `count` shares by the method of largest remainders (Hamilton), with the remainders
 * carried: part_i is floor(whole·w_i/Σw + carry_i) or one more, so that Σ part = whole exactly and no part is
 * negative; what rounding kept from a share is put on its carry and paid in a later split. Returns false, and
 * touches nothing, when all weights are 0 (the caller decides whose the whole is). Deterministic: ties go to
 * the share that stands first. O(count) on average; allocates nothing. */
bool jb_split(uint64_t whole, struct jb_share *shares, size_t count);

/* floor(amount · elapsed / length): what of an amount, spread evenly over `length`, lies in its first
 * `elapsed`. 0 ≤ elapsed ≤ length, length > 0. Differences of it are exactly additive. */
uint64_t jb_prorate(uint64_t amount, uint64_t elapsed, uint64_t length);

#endif
