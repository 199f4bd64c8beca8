/* What the files that read settings share: values with their units, lists, dates, and errors that name their
 * place.
 */
#ifndef JB_ACCOUNT_SETTING_INTERNAL_H
#define JB_ACCOUNT_SETTING_INTERNAL_H

#include "account/setting.h"

/* Where a value stands, for messages. */
struct jb_setting_place {
    const char *file;
    uint32_t line;
    const char *field;
};

/* JB_INPUT "FILE, line N, field X: …". */
__attribute__((format(printf, 3, 4))) enum jb_code
jb_setting_fault(const struct jb_setting_place *place, struct jb_error *error, const char *format, ...);

/* A unit that a number may be written in, and how many of ours it makes. */
struct jb_setting_unit {
    const char *name;
    double multiplier;
};
/* What a number may be. units end with a NULL name; the first is ours; "" stands for none at all. */
struct jb_setting_range {
    const struct jb_setting_unit *units;
    double low, high;
};
extern const struct jb_setting_range jb_setting_intensity, jb_setting_ratio, jb_setting_water, jb_setting_pue,
    jb_setting_energy, jb_setting_percent, jb_setting_mass, jb_setting_years, jb_setting_latency;

enum jb_code jb_setting_number(const char *text, const struct jb_setting_range *range,
                               const struct jb_setting_place *place, struct jb_error *error,
                               struct jb_declared *ret_number);
/* "a, b, c": none empty. The items array is malloc'd. */
enum jb_code jb_setting_list(struct jb_strings *texts, const char *text, const struct jb_setting_place *place,
                             struct jb_error *error, struct jb_name_list *ret_list);
/* A date or time, or a year: its first instant, or (is_end) the first after it. */
enum jb_code jb_setting_time(const char *text, bool is_end, const struct jb_setting_place *place,
                             struct jb_error *error, int64_t *ret_ns);
enum jb_code jb_setting_text(struct jb_strings *texts, const char *text, struct jb_error *error,
                             const char **ret_text);
/* PRICE CUR/kWh [+- P %] [days] [hours] [months] */
enum jb_code jb_setting_rate(const char *text, jb_commodity currency, const struct jb_setting_place *place,
                             struct jb_error *error, struct jb_rate *ret_rate);
/* FROM UNTIL AMOUNT [WHOM] */
enum jb_code jb_setting_amount(struct jb_strings *texts, const char *text,
                               const struct jb_setting_place *place, struct jb_error *error,
                               struct jb_unit_amount *ret_amount);

#endif
