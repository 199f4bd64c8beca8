/* Joulebook's C API: book flows of energy and more into a ledger that balances exactly, and sum them.
 *
 *   struct joulebook_error error;
 *   struct joulebook *book;
 *   if (joulebook_open("book.db", JOULEBOOK_CREATE, &error, &book))
 *       errx(1, "%s", error.message);
 *
 * Link with `pkg-config --cflags --libs joulebook`. Functions that can fail return a code, fill *error (which
 * may be NULL) and leave their outputs as they were. A book may be used by one thread at a time; any number
 * of books, and processes, may be open on one file. Texts that are handed in are UTF-8 and are not kept. */
#ifndef JOULEBOOK_JOULEBOOK_H
#define JOULEBOOK_JOULEBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef JB_PUBLIC
#define JB_PUBLIC __attribute__((visibility("default")))
#endif

/* "0.1.0": of the library that runs, which may be newer than this header. */
JB_PUBLIC const char *joulebook_version(void);

enum joulebook_code {
    JOULEBOOK_OK = 0,
    JOULEBOOK_NO_DATA,     /* not there: no book, no such batch */
    JOULEBOOK_USAGE,       /* a call that makes no sense */
    JOULEBOOK_INPUT,       /* what was handed in, or the book, is wrong */
    JOULEBOOK_PERMISSION,  /* not allowed */
    JOULEBOOK_BUSY,        /* another process holds it; try again */
    JOULEBOOK_IO,          /* disk full, read-only or gone */
    JOULEBOOK_LIMIT,       /* a ceiling was reached */
    JOULEBOOK_MEMORY,      /* no memory */
    JOULEBOOK_UNSUPPORTED, /* this build, or this book, cannot do it */
    JOULEBOOK_INTERNAL     /* a fault of the library */
};

struct joulebook_error {
    enum joulebook_code code;
    char message[1024]; /* one line without control characters */
};

enum joulebook_mode {
    JOULEBOOK_READ,  /* must be there; nothing is written */
    JOULEBOOK_WRITE, /* must be there */
    JOULEBOOK_CREATE /* made when it is not there, with its folder */
};

struct joulebook; /* an open book */

/* url: a path, "sqlite:PATH" or "memory:"; NULL: the default book of the user. */
JB_PUBLIC enum joulebook_code joulebook_open(const char *url, enum joulebook_mode mode,
                                             struct joulebook_error *error, struct joulebook **ret_book);
JB_PUBLIC void joulebook_close(struct joulebook *book); /* NULL-safe */

/* Relative standard uncertainty that is not known. */
#define JOULEBOOK_UNCERTAINTY_UNKNOWN UINT32_MAX

struct joulebook_flow {
    int64_t start_ns, end_ns; /* [start, end), UTC ns since 1970; start < end */
    const char *from, *to;    /* account paths, such as "grid/KR" and "site/seoul1"; different */
    int64_t amount;        /* ≥ 0; energy in µJ, embodied in µg CO2e, water in µl, money in millionths */
    const char *commodity; /* "energy", "embodied", "water", or a currency such as "EUR"; NULL: energy */
    const char *method;    /* "measured", "apportioned", "modelled", "billed", "declared"; NULL: declared */
    uint32_t uncertainty_ppm; /* 1 σ / value in millionths */
};

/* Books flows as one batch, whole or not at all; it is durable when the call returns. identity (1 to 255
 * bytes) names the batch for good: booking one again changes nothing and sets *ret_new (which may be NULL)
 * false. */
JB_PUBLIC enum joulebook_code joulebook_append(struct joulebook *book, const char *identity,
                                               const struct joulebook_flow *flows, size_t count,
                                               struct joulebook_error *error, bool *ret_new);

/* Takes a batch back, by a batch of its own. Doing so twice changes nothing. */
JB_PUBLIC enum joulebook_code joulebook_reverse(struct joulebook *book, const char *identity,
                                                struct joulebook_error *error, bool *ret_new);

struct joulebook_query {
    int64_t from_ns, to_ns; /* [from, to); INT64_MIN and INT64_MAX leave it open */
    const char *commodity;  /* NULL: any */
    const char *account;    /* flows from or to this account or what lies below it; NULL: all */
};

/* Of everything with the same from, to, commodity, method and uncertainty. Flows count by the part of their
 * interval that lies in the period. */
struct joulebook_sum {
    const char *from, *to; /* good until the book is closed */
    const char *method;
    char commodity[12];
    char amount[48]; /* decimal, exact, past 64 bits */
    uint32_t uncertainty_ppm;
    int64_t first_ns, last_ns; /* of what was summed */
    uint64_t flow_count;
};

/* query NULL: everything. *ret_sums goes to joulebook_sums_free. */
JB_PUBLIC enum joulebook_code joulebook_sums(struct joulebook *book, const struct joulebook_query *query,
                                             struct joulebook_error *error, struct joulebook_sum **ret_sums,
                                             size_t *ret_count);
JB_PUBLIC void joulebook_sums_free(struct joulebook_sum *sums); /* NULL-safe */

struct joulebook_balance {
    bool is_good; /* every account that is neither supply nor final has inflow = outflow, always */
    uint64_t imbalance_count;                          /* stretches of accounts where that is not so */
    uint64_t stretch_count, account_count, flow_count; /* what was checked */
    char energy_supplied_uj[48], energy_consumed_uj[48], energy_unattributed_uj[48];
};

/* query NULL: everything. */
JB_PUBLIC enum joulebook_code joulebook_balance(struct joulebook *book, const struct joulebook_query *query,
                                                struct joulebook_error *error,
                                                struct joulebook_balance *ret_balance);

#ifdef __cplusplus
}
#endif

#endif
