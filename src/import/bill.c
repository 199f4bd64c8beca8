/* The formats of cloud bills, and which of them a file is of. */
#include "import/bill.h"

#include <string.h>

#define HEADING_CEILING 4096

const struct jb_bill_format *const jb_bill_table[] = {
    &jb_bill_focus, &jb_bill_aws, &jb_bill_azure, &jb_bill_gcp, &jb_bill_alibaba, NULL,
};

const struct jb_bill_format *jb_bill_format_find(const char *name) {
    for (size_t i = 0; jb_bill_table[i]; i++) {
        if (strcmp(jb_bill_table[i]->name, name) == 0)
            return jb_bill_table[i];
    }
    return NULL;
}

const char *jb_bill_field_name(enum jb_bill_field field) {
    static const char *const names[] = {
        [JB_BILL_START] = "start",       [JB_BILL_END] = "end",           [JB_BILL_PERIOD] = "month",
        [JB_BILL_PROVIDER] = "provider", [JB_BILL_PAYER] = "payer",       [JB_BILL_ACCOUNT] = "account",
        [JB_BILL_REGION] = "region",     [JB_BILL_SERVICE] = "service",   [JB_BILL_ITEM] = "sku",
        [JB_BILL_MACHINE] = "machine",   [JB_BILL_UNIT] = "unit",         [JB_BILL_CHARGE] = "charge",
        [JB_BILL_STATUS] = "status",     [JB_BILL_CLASS] = "class",       [JB_BILL_TERM] = "term",
        [JB_BILL_TERM_OF] = "term_of",   [JB_BILL_CAPACITY] = "capacity", [JB_BILL_SERVICE_2] = "",
        [JB_BILL_SERVICE_3] = "",        [JB_BILL_ITEM_2] = "",           [JB_BILL_ITEM_3] = "",
        [JB_BILL_MACHINE_2] = "",        [JB_BILL_CURRENCY] = "currency", [JB_BILL_QUANTITY] = "quantity",
        [JB_BILL_COST] = "cost",         [JB_BILL_CREDITS] = "credits",   [JB_BILL_TAGS] = "tags"};
    return names[field];
}

const char *jb_bill_kind_name(enum jb_bill_kind kind) {
    static const char *const names[] = {[JB_BILL_USAGE] = "usage",     [JB_BILL_UNKNOWN] = "unestimated",
                                        [JB_BILL_PREPAID] = "prepaid", [JB_BILL_PURCHASE] = "purchase",
                                        [JB_BILL_UNUSED] = "unused",   [JB_BILL_CREDIT] = "credit",
                                        [JB_BILL_REFUND] = "refund",   [JB_BILL_DISCOUNT] = "discount",
                                        [JB_BILL_TAX] = "tax",         [JB_BILL_SUPPORT] = "support",
                                        [JB_BILL_FEE] = "fee",         [JB_BILL_ADJUSTMENT] = "adjustment"};
    return names[kind];
}

const char *jb_bill_heading_at(const struct jb_bill_format *format, enum jb_bill_field field, size_t n) {
    for (const struct jb_bill_column *column = format->columns; column->heading; column++) {
        if (column->field == field && n-- == 0)
            return column->heading;
    }
    return NULL;
}

/* The next byte that counts, in lower case; 0 at the end. */
static unsigned char next_letter(const char **at) {
    for (;; ++*at) {
        unsigned char c = (unsigned char)**at;
        if (c == '\0')
            return 0;
        if (c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')) {
            ++*at;
            return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
        }
    }
}

bool jb_bill_heading_is(const char *heading, const char *other) {
    for (;;) {
        unsigned char a = next_letter(&heading), b = next_letter(&other);
        if (a != b)
            return false;
        if (a == 0)
            return true;
    }
}

/* The first line, taken apart: headings point into text. */
struct headings {
    char *text;
    const char *items[HEADING_CEILING];
    size_t count;
};

/* Takes the first record apart; false when it is none. Nothing of it is kept but names, so what is wrong in
 * the quoting is left to the reader of the table. */
static bool split(const char *bytes, size_t length, char separator, struct headings *ret) {
    size_t at = 0, out = 0, begin = 0;
    bool is_quoted = false;
    ret->count = 0;
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        at = 3;
    for (;; at++) {
        char c = at < length ? bytes[at] : '\n';
        if (c == '"') {
            is_quoted = !is_quoted;
            continue;
        }
        if (at < length && (is_quoted || (c != separator && c != '\n' && c != '\r'))) {
            ret->text[out++] = c;
            continue;
        }
        ret->text[out++] = '\0';
        if (ret->count == HEADING_CEILING)
            return false;
        ret->items[ret->count++] = ret->text + begin;
        begin = out;
        if (at >= length || c != separator)
            return true;
    }
}

static bool has_heading(const struct headings *headings, const char *heading) {
    for (size_t i = 0; i < headings->count; i++) {
        if (jb_bill_heading_is(headings->items[i], heading))
            return true;
    }
    return false;
}

static bool is_signed(const struct jb_bill_format *format, const struct headings *headings) {
    for (size_t s = 0; format->signatures[s][0]; s++) {
        bool has_all = true;
        for (size_t i = 0; has_all && i < JB_BILL_SIGNATURE_CEILING && format->signatures[s][i]; i++)
            has_all = has_heading(headings, format->signatures[s][i]);
        if (has_all)
            return true;
    }
    return false;
}

/* JSON is Google Cloud's when it names the table's columns. */
static bool is_json_bill(const char *bytes, size_t length) {
    static const char *const keys[] = {"\"billing_account_id\"", "\"service\"", "\"sku\"",
                                       "\"usage_start_time\""};
    for (size_t i = 0; i < JB_COUNT(keys); i++) {
        if (!memmem(bytes, length, keys[i], strlen(keys[i])))
            return false;
    }
    return true;
}

struct jb_bill_opening jb_bill_look(const char *bytes, size_t length, const struct jb_bill_format *wanted) {
    static const char separators[] = ",;\t|";
    struct jb_bill_opening opening = {.separator = ','};
    size_t blank = 0;
    opening.is_empty = length == 0;
    opening.is_utf16 =
        length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0 ||
                        (bytes[0] && !bytes[1]) || (!bytes[0] && bytes[1]));
    if (opening.is_empty || opening.is_utf16)
        return opening;
    if (length >= 4 && memcmp(bytes, "PAR1", 4) == 0) {
        opening.is_parquet = true;
        return opening;
    }
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        blank = 3;
    while (blank < length && strchr(" \t\r\n", bytes[blank]) && bytes[blank])
        blank++;
    if (blank < length && bytes[blank] == '[') {
        opening.is_json_array = is_json_bill(bytes + blank, length - blank);
        return opening;
    }
    if (blank < length && bytes[blank] == '{') {
        const char *end = memchr(bytes + blank, '\n', length - blank);
        size_t line = end ? (size_t)(end - bytes) - blank : length - blank;
        if ((!wanted || wanted == &jb_bill_gcp) && is_json_bill(bytes + blank, line)) {
            opening.format = &jb_bill_gcp;
            opening.is_json = true;
        }
        return opening;
    }
    struct headings headings = {.text = malloc(length + 1)};
    for (const char *separator = separators; headings.text && !opening.format && *separator; separator++) {
        if (!split(bytes, length, *separator, &headings))
            continue;
        if (wanted && is_signed(wanted, &headings)) { /* of the table, or made of a map */
            opening.format = wanted;
            opening.separator = *separator;
        }
        for (size_t i = 0; !opening.format && !wanted && jb_bill_table[i]; i++) {
            if (is_signed(jb_bill_table[i], &headings)) {
                opening.format = jb_bill_table[i];
                opening.separator = *separator;
            }
        }
    }
    free(headings.text);
    return opening;
}
