/* The seam of cloud bills: one table of columns and charges per format, and how formats are found. */
#ifndef JB_IMPORT_BILL_H
#define JB_IMPORT_BILL_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is read of each row. */
enum jb_bill_field {
    JB_BILL_START,  /* time of use, from */
    JB_BILL_END,    /* to; none: the row is of one day, or of the month when there is no day either */
    JB_BILL_PERIOD, /* month of the bill; none: that of the start */
    JB_BILL_PROVIDER,
    JB_BILL_PAYER,    /* who gets the bill */
    JB_BILL_ACCOUNT,  /* whose use it is: account, subscription, project */
    JB_BILL_REGION,   /* id or name */
    JB_BILL_SERVICE,  /* name or code */
    JB_BILL_ITEM,     /* usage type, meter, description of the SKU */
    JB_BILL_MACHINE,  /* instance type, or JSON that has it */
    JB_BILL_UNIT,     /* of the quantity */
    JB_BILL_CHARGE,   /* what kind of charge it is */
    JB_BILL_STATUS,   /* more about the charge */
    JB_BILL_CLASS,    /* and more */
    JB_BILL_TERM,     /* paid ahead for: a number, or the day on which it ends */
    JB_BILL_TERM_OF,  /* its unit, or the day on which it began */
    JB_BILL_CAPACITY, /* "Unused" where capacity that was kept free was not used */
    /* Where the column before is empty: rows of several providers have each their own columns. */
    JB_BILL_SERVICE_2,
    JB_BILL_SERVICE_3,
    JB_BILL_ITEM_2,
    JB_BILL_ITEM_3,
    JB_BILL_MACHINE_2,
    JB_BILL_CURRENCY, /* of costs: three letters */
    JB_BILL_QUANTITY, /* used */
    JB_BILL_COST,
    JB_BILL_CREDITS, /* taken off the cost, a number below 0 */
    JB_BILL_FIELD_COUNT,
    JB_BILL_TAGS = JB_BILL_FIELD_COUNT, /* all tags in one cell; no slot of its own */
};

/* The name by which --map calls it: "start", "account" …; "" none. */
const char *jb_bill_field_name(enum jb_bill_field field);

/* What a row stands for. */
enum jb_bill_kind {
    JB_BILL_USAGE,    /* something was used */
    JB_BILL_UNKNOWN,  /* something was used, and the bill does not say how much */
    JB_BILL_PREPAID,  /* a machine is paid ahead for the term, and no other row counts its hours */
    JB_BILL_PURCHASE, /* of reservations, savings plans, commitments: their use stands in other rows */
    JB_BILL_UNUSED,   /* what was reserved and not used */
    JB_BILL_CREDIT,
    JB_BILL_REFUND,
    JB_BILL_DISCOUNT,
    JB_BILL_TAX,
    JB_BILL_SUPPORT,
    JB_BILL_FEE,
    JB_BILL_ADJUSTMENT, /* rounding, corrections of former bills */
    JB_BILL_KIND_COUNT,
};
/* The last part of the account that it is booked to; of usage that is what was used. */
const char *jb_bill_kind_name(enum jb_bill_kind kind);

struct jb_bill_column {
    enum jb_bill_field field;
    const char
        *heading; /* compared by letters and digits alone: "lineItem/UsageAmount" is line_item_usage_amount */
};

/* Globs over texts in lower case; NULL: any. */
struct jb_bill_charge {
    const char *charge, *status, *class, *service, *item;
    enum jb_bill_kind kind;
};

#define JB_BILL_SIGNATURE_CEILING 6

struct jb_bill_format {
    const char *name;     /* "focus", as in --format */
    const char *summary;  /* one line for the help */
    const char *provider; /* of all rows; "" when a column says it */
    /* A file is of this format when it has all headings of one of these; the last one is empty. */
    const char *const (*signatures)[JB_BILL_SIGNATURE_CEILING];
    const struct jb_bill_column *columns; /* of one field the first that is there; ends with a NULL heading */
    const struct jb_bill_charge
        *charges;           /* the first that fits; ends with all NULL and the kind of the rest */
    const char *tag_prefix; /* of the headings of tags that have a column each; NULL: none */
    /* The n-th headings of QUANTITY and UNIT, and those of TERM and TERM_OF, go together. */
    bool is_paired;
    int64_t zone_ns;      /* what times without a zone are ahead of UTC */
    const char *currency; /* when there is no column for it; "" none */
    const char *unit;     /* when there is no column for it; "" none */
};

/* Every format there is, in the order in which they are tried; ends with NULL. */
extern const struct jb_bill_format *const jb_bill_table[];
const struct jb_bill_format *jb_bill_format_find(const char *name); /* NULL when there is none */

/* Whether two headings are the same by ASCII letters (in any case) and digits, and by bytes beyond ASCII. */
bool jb_bill_heading_is(const char *heading, const char *other);

/* How a file begins. */
struct jb_bill_opening {
    const struct jb_bill_format *format; /* NULL: of no format of bills */
    char separator;                      /* of a table */
    bool is_json;                        /* JSON lines */
    bool is_parquet, is_utf16, is_empty;
    bool is_json_array; /* of the rows of JSON lines */
};
/* From the first bytes (as many as there are, up to 1 MiB). wanted: only this format, NULL any. Pure. */
struct jb_bill_opening jb_bill_look(const char *bytes, size_t length, const struct jb_bill_format *wanted);

/* ---- cells ---- */

/* Times as bills write them: ISO 8601 with or without " UTC", MM/DD/YYYY, M/D/YYYY, YYYY/MM/DD, YYYYMMDD,
 * YYYY-MM, YYYYMM, and the first of "10:00:00 ~ 11:00:00". Times of day without a zone are zone_ns ahead of
 * UTC; days without a time are taken as days of UTC. */
enum jb_code jb_bill_time_parse(const char *text, int64_t zone_ns, struct jb_error *error, int64_t *ret_ns);
/* Any of these → "2026-07". */
enum jb_code jb_bill_month_parse(const char *text, struct jb_error *error, struct jb_buffer *ret_month);
/* The instance type of a cell that has it in JSON (objects, or arrays of key and value), else the cell
 * itself. Nothing when the JSON has none. */
void jb_bill_machine_parse(const char *text, struct jb_buffer *ret_machine);
/* What else a cell says of the charge: "unused" when it is JSON that says so of a reservation, nothing when
 * it is other JSON, else the cell itself. */
void jb_bill_capacity_parse(const char *text, struct jb_buffer *ret_capacity);
/* A cell of a term as rows are grouped by it: numbers and units as they are; times as their day, the end of a
 * term only when it is midnight (of zone_ns), as the ends of terms are and most others are not. */
void jb_bill_term_parse(const char *text, bool is_end, int64_t zone_ns, struct jb_buffer *ret_term);
/* How long a machine was paid for, from such cells: whole months or years, as terms are; what changes an
 * order is paid for the rest of its term, whose hours the order has. *ret_from_ns is JB_BILL_NO_TIME where
 * they do not say when it began. JB_NO_DATA: the message says why it is not known. */
#define JB_BILL_NO_TIME INT64_MIN
enum jb_code jb_bill_term_find(const char *term, const char *of, struct jb_error *error, int64_t *ret_from_ns,
                               double *ret_hours);
/* The value of a tag in a cell of tags: a JSON object with or without its braces, a JSON array of key and
 * value, "key:value;key:value" or "key:k value:v; …". Nothing when it is not there. JB_INPUT: neither of
 * them. */
enum jb_code jb_bill_tag_parse(const char *text, const char *key, struct jb_error *error,
                               struct jb_buffer *ret_value);

/* ---- --map ---- */

struct jb_bill_map; /* opaque: a format made from an INI file */
/* text: of the file. JB_INPUT names line and mend. */
enum jb_code jb_bill_map_parse(const char *text, const char *name, struct jb_error *error,
                               struct jb_bill_map **ret_map);
void jb_bill_map_free(struct jb_bill_map *map); /* NULL-safe */
const struct jb_bill_format *jb_bill_map_format(const struct jb_bill_map *map);
/* Separator that it states; 0 none. */
char jb_bill_map_separator(const struct jb_bill_map *map);

JB_DEFINE_CLEANUP(struct jb_bill_map, jb_bill_map_free);

/* The n-th heading of a field, from 0, by preference; NULL when it has no more. */
const char *jb_bill_heading_at(const struct jb_bill_format *format, enum jb_bill_field field, size_t n);

extern const struct jb_bill_format jb_bill_focus, jb_bill_aws, jb_bill_azure, jb_bill_gcp, jb_bill_alibaba;

#endif
