/* What a hwmon channel measures, from its driver and label, or because the user says so. Pure. */
#ifndef JB_SOURCE_HWMON_RULES_H
#define JB_SOURCE_HWMON_RULES_H

#include "base/error.h"
#include "types/domain.h"

struct jb_hwmon_channel {
    const char *driver; /* what the chip calls itself: "power_meter" */
    const char *label;  /* of the channel, or what ACPI says of the meter; "" */
    enum jb_domain_form form;
    unsigned number;   /* N of powerN, energyN */
    unsigned instance; /* how many chips of the same driver come before this one */
};

/* Whether the whole chip is left out: another source reads it. */
bool jb_hwmon_is_skipped(const char *driver);
/* Fills kind, account, uncertainty, state and note of *domain. False: the channel is not worth a line (one of
 * a hundred cores). A channel of which nothing is known is JB_DOMAIN_DISABLED, with a note on how to declare
 * it. */
bool jb_hwmon_judge(const struct jb_hwmon_channel *channel, struct jb_domain *domain);

/* A user's word on a channel: a line "ID-PATTERN KIND [ACCOUNT]" of /etc/joulebook/hwmon.conf. */
struct jb_hwmon_declaration {
    char pattern[JB_DOMAIN_ID_SIZE]; /* glob over the domain's id */
    char account[32];                /* "": by kind */
    enum jb_domain_kind kind;
    bool is_ignored; /* kind "ignore" */
};
#define JB_HWMON_DECLARATION_CEILING ((size_t)64)

/* Parses the whole file. JB_INPUT names the line. */
enum jb_code jb_hwmon_declarations_parse(const char *text, const char *name, struct jb_error *error,
                                         struct jb_hwmon_declaration *ret_declarations, size_t *ret_count);
/* Applies the first declaration that matches the domain's id, if any. */
void jb_hwmon_declare(const struct jb_hwmon_declaration *declarations, size_t count,
                      struct jb_domain *domain);

#endif
