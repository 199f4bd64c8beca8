/* The setting (joulebook.ini): what the user declares about sites, contracts, tariffs, servers, functional
 * units and targets; docs/SPEC-setting.md has every key. */
#ifndef JB_ACCOUNT_SETTING_H
#define JB_ACCOUNT_SETTING_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "types/account.h"
#include "types/commodity.h"

#include <stdbool.h>
#include <stdint.h>

/* "VALUE UNIT +- PERCENT %": a number with its relative standard uncertainty (1 σ). */
struct jb_declared {
    double value;       /* in the unit that the member's name ends in; NaN: not declared */
    double uncertainty; /* 0.05 is 5 %; NaN: not stated, so intervals that rest on it are not known */
    uint32_t line;      /* of the file; 0: not declared */
};
static inline bool jb_declared_is_set(const struct jb_declared *declared) {
    return declared->line != 0;
}

struct jb_name_list {
    const char **items;
    size_t count;
};

enum jb_pue_category { /* of where IT energy is measured: ISO/IEC 30134-2, table 1 */
                       JB_PUE_CATEGORY_NONE = 0,
                       JB_PUE_CATEGORY_1, /* at the output of the UPS */
                       JB_PUE_CATEGORY_2, /* at the output of the PDU */
                       JB_PUE_CATEGORY_3, /* at the input of the IT equipment */
};

/* [site NAME] */
struct jb_site {
    const char *name;
    struct jb_name_list accounts;  /* globs; empty: site/NAME and the hosts that it feeds in the book */
    const char *grid;              /* region of the factors, as in grid_intensity/KR; "" not said */
    const char *provider, *region; /* of a cloud, as in pue/gcp/europe-west1; "" its own site */
    bool
        is_provided; /* somebody else runs it: all of its carbon is scope 3 of the user (GHG Protocol, cat. 1)
                      */
    struct jb_declared intensity_g_per_kwh;        /* life cycle; in place of the factor */
    struct jb_declared intensity_direct_g_per_kwh; /* combustion only */
    struct jb_declared residual_g_per_kwh;
    const char *intensity_series, *residual_series; /* names of series in the book; "" none */
    struct jb_declared series_uncertainty;          /* of both; value 1 */
    struct jb_declared pue;
    enum jb_pue_category pue_category;
    struct jb_declared wue_l_per_kwh, grid_water_l_per_kwh;
    const char *water_source;                      /* for people: "municipal", "river" */
    struct jb_declared reused_energy_kwh_per_year; /* for ERF (ISO/IEC 30134-6) */
    struct jb_declared latency_ms;                 /* from where the users are, for `rank` */
    const char *tariff;                            /* name of a [tariff]; "" none */
    uint32_t line;
};

enum jb_contract_kind { JB_CONTRACT_PPA, JB_CONTRACT_CERTIFICATE, JB_CONTRACT_ON_SITE };

/* [contract NAME]: electricity that is the user's by contract or from an own plant on the site. */
struct jb_contract {
    const char *name;
    enum jb_contract_kind kind;
    struct jb_name_list sites;       /* names of [site]s that it may serve; empty: all */
    const char *technology;          /* as in technology_intensity/wind-onshore; "" not said */
    const char *zone;                /* where it was generated */
    struct jb_name_list deliverable; /* grids that it can reach; never empty: the zone when not said */
    struct jb_name_list market; /* grids of its market (market-based); the deliverable ones when not said */
    int64_t from_ns, until_ns;  /* vintage: generated in [from, until) */
    struct jb_declared volume_kwh;          /* over all of [from, until) */
    bool is_flat;                           /* profile = flat: the volume evenly over [from, until) */
    const char *series;                     /* profile = series:NAME, power in kW or MW; "" none */
    struct jb_declared intensity_g_per_kwh; /* in place of the technology's factor */
    uint32_t line;
};
/* By the hour it counts only with a profile; an annual volume alone has no hours. */
static inline bool jb_contract_has_hours(const struct jb_contract *contract) {
    return contract->is_flat || *contract->series;
}

enum jb_daylight_saving { JB_DAYLIGHT_NONE, JB_DAYLIGHT_EU, JB_DAYLIGHT_US };

/* A line "rate = PRICE CUR/kWh [days] [hours] [months]". */
struct jb_rate {
    struct jb_declared price_per_kwh;
    uint8_t weekdays;                   /* bit 0 is Monday */
    uint16_t months;                    /* bit 0 is January */
    uint16_t minute_from, minute_until; /* local time; from > until: over midnight; 0 and 1440: all day */
};

/* [tariff NAME] */
struct jb_tariff {
    const char *name;
    jb_commodity currency;
    int32_t utc_offset_minutes; /* of standard time */
    enum jb_daylight_saving daylight_saving;
    struct jb_rate *rates; /* the first that fits holds; the last fits always */
    size_t rate_count;
    uint32_t line;
};

/* [server NAME]: embodied carbon of hosts, written off over their lifetime. */
struct jb_server {
    const char *name;
    struct jb_name_list hosts;          /* globs over the component behind host/ */
    struct jb_declared embodied_kgco2e; /* of one host; not set: the factor */
    const char *provider, *model;       /* of the factor embodied/PROVIDER/MODEL; "" none */
    struct jb_declared lifetime_years;  /* of 365 days */
    int64_t from_ns;                    /* in service since; INT64_MIN: not said */
    uint32_t line;
};

/* Amount of a functional unit in [from, until), evenly. */
struct jb_unit_amount {
    int64_t from_ns, until_ns;
    double amount;
    const char *account; /* glob; "" when it has a label, or holds for all the unit's accounts */
    const char *label;   /* "team=search"; "" */
};

/* [unit NAME]: what the carbon is stated per (SCI, ISO/IEC 21031). */
struct jb_functional_unit {
    const char *name;
    struct jb_name_list accounts; /* globs; empty: all */
    struct jb_unit_amount *amounts;
    size_t amount_count;
    const char *file; /* CSV of more; "" none, or already read */
    uint32_t line;
};

enum jb_target_kind {
    JB_TARGET_PUE,
    JB_TARGET_CLEAN,
    JB_TARGET_WUE,
    JB_TARGET_CUE,
    JB_TARGET_REF,
    JB_TARGET_ERF
};

/* [target NAME] */
struct jb_target {
    const char *name;
    enum jb_target_kind kind;
    const char *site; /* "" all */
    double value;     /* a ratio: 1.2; clean, ref and erf as parts of 1 */
    int64_t by_ns;    /* to be reached at this time at the latest */
    bool is_hourly;   /* clean: matched by the hour, not by annual volume */
    uint32_t line;
};

struct jb_setting {
    struct jb_site *sites;
    struct jb_contract *contracts;
    struct jb_tariff *tariffs;
    struct jb_server *servers;
    struct jb_functional_unit *units;
    struct jb_target *targets;
    size_t site_count, contract_count, tariff_count, server_count, unit_count, target_count;
    char sha256[JB_SHA256_SIZE]; /* over the file and the CSV files that it names */
    char file[256];              /* the end of its path, for messages */
    struct jb_strings *texts;    /* owns all texts */
};

#define JB_SETTING_CEILING      10000 /* sections of one kind */
#define JB_UNIT_AMOUNT_CEILING  ((size_t)5000000)
#define JB_SETTING_FILE_CEILING ((size_t)16 << 20) /* bytes */

/* Takes a setting from its text. Nothing is opened: units keep the names of their files. JB_INPUT with file,
 * line, field and mend. */
enum jb_code jb_setting_parse(const char *text, size_t length, const char *file, struct jb_error *error,
                              struct jb_setting **ret_setting);
/* The same from a file, with the CSV files of its units, which lie beside it unless their paths are absolute.
 * JB_NO_DATA when there is no such file. */
enum jb_code jb_setting_load(const char *path, struct jb_error *error, struct jb_setting **ret_setting);
void jb_setting_free(struct jb_setting *setting); /* NULL-safe */

/* Adds the amounts of a unit from CSV: columns from, until (or to), amount and, when wanted, account or
 * label. */
enum jb_code jb_setting_add_amounts(struct jb_setting *setting, size_t unit, const char *text, size_t length,
                                    const char *file, struct jb_error *error);

/* The site of that name, the tariff, the unit; NULL when there is none. */
const struct jb_site *jb_setting_site(const struct jb_setting *setting, const char *name);
const struct jb_tariff *jb_setting_tariff(const struct jb_setting *setting, const char *name);
const struct jb_functional_unit *jb_setting_unit(const struct jb_setting *setting, const char *name);
/* The first site one of whose globs holds for the account or something that it lies below; NULL: none says so
 * (sites without globs are matched by the book's flows, see site.h). */
const struct jb_site *jb_setting_site_of(const struct jb_setting *setting, const char *account);
/* Whether one of the globs matches the account or something that it lies below. */
bool jb_setting_list_holds(const struct jb_name_list *globs, const char *account);
/* The first server whose globs match the host. */
const struct jb_server *jb_setting_server_of(const struct jb_setting *setting, const char *host);

JB_DEFINE_CLEANUP(struct jb_setting, jb_setting_free);

#endif
