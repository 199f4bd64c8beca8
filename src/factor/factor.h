/* Factors: dated, sourced numbers with a unit, a validity, a place and an uncertainty; their tables, and the
 * look-up. */
#ifndef JB_FACTOR_FACTOR_H
#define JB_FACTOR_FACTOR_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"

#include <stdbool.h>
#include <stdint.h>

/* What a factor says; names, units and ranges stand in factor_quantity.c. */
enum jb_quantity {
    JB_GRID_INTENSITY,        /* life cycle, of what is consumed in a region */
    JB_GRID_INTENSITY_DIRECT, /* of combustion only */
    JB_TECHNOLOGY_INTENSITY,  /* life cycle, by way of generation */
    JB_SHARE_COAL,            /* of the electricity generated in a region: JB_SHARE_COAL … JB_SHARE_OTHER */
    JB_SHARE_GAS,
    JB_SHARE_OIL,
    JB_SHARE_NUCLEAR,
    JB_SHARE_HYDRO,
    JB_SHARE_WIND,
    JB_SHARE_SOLAR,
    JB_SHARE_BIO,
    JB_SHARE_OTHER,
    JB_RENEWABLE_SHARE,
    JB_CARBON_FREE_SHARE,
    JB_CLEAN_SHARE, /* as a provider states it, by annual volume */
    JB_CFE,         /* carbon-free energy, matched by the hour */
    JB_PUE,
    JB_WUE,
    JB_GRID_WATER,
    JB_TECHNOLOGY_WATER,
    JB_VCPU_IDLE,
    JB_VCPU_FULL,
    JB_MEMORY_POWER,
    JB_STORAGE_POWER,
    JB_EMBODIED_FACTOR,
    JB_TDP,
    JB_MEMORY_SIZE,
    JB_MEMORY_BANDWIDTH,
    JB_COMPUTE_BF16,
    JB_ACTIVITY_ENERGY, /* of one unit of a fuel, a way to travel, a material: "diesel/l" */
    JB_ACTIVITY_CARBON,
    JB_HOST_POWER, /* of a server beside its accelerators, for each of them */
    JB_QUANTITY_COUNT,
};

struct jb_quantity_info {
    const char *name;   /* "grid_intensity" */
    const char *unit;   /* "g/kWh": values are kept in it */
    const char *column; /* "grid_intensity_g_per_kwh": a column of that name holds values in that unit */
    double low, high;   /* what lies outside is refused */
    const char *meaning;
};
const struct jb_quantity_info *jb_quantity_info(enum jb_quantity quantity);
bool jb_quantity_of_name(const char *name, enum jb_quantity *ret_quantity);
bool jb_quantity_of_column(const char *column, enum jb_quantity *ret_quantity);
/* How many of the quantity's own unit one `unit` is ("t/MWh" of g/kWh: 1000); false when it is none of its
 * units. */
bool jb_quantity_unit(enum jb_quantity quantity, const char *unit, double *ret_multiplier);
/* "g/kWh, kg/kWh, …" into ret. Returns ret. */
char *jb_quantity_units(enum jb_quantity quantity, char *ret, size_t size);

struct jb_factor {
    enum jb_quantity quantity;
    const char *provider, *region, *subject; /* "" where it has none */
    double value;
    double uncertainty;        /* relative standard uncertainty; NaN: not known */
    int64_t from_ns, until_ns; /* valid in [from, until); INT64_MIN, INT64_MAX: open */
    const char *source;        /* of the row; "" when the set's holds */
    const char *note;
    uint32_t set; /* index into the sets */
    uint32_t line;
};

#define JB_FACTOR_NAME_SIZE 65

/* One table. Lower index: takes precedence; the user's own tables come first. */
struct jb_factor_set {
    char name[JB_FACTOR_NAME_SIZE];
    char version[JB_FACTOR_NAME_SIZE]; /* date or commit of the source; of the user's own: "own" */
    char licence[JB_FACTOR_NAME_SIZE];
    char source[512];
    char sha256[JB_SHA256_SIZE]; /* of the file's bytes */
    double uncertainty;          /* for rows that state none; NaN: not known */
    bool is_own;
    uint32_t factor_count;
};

struct jb_factor_finding {
    bool is_error;     /* else a warning: the table may be used */
    uint32_t line;     /* 0: the file as a whole */
    char file[128];    /* the end of its path */
    char field[64];    /* "" when it is the row as a whole */
    char message[384]; /* what, and the mend */
};

struct jb_factors; /* opaque: tables, and the index over them */

#define JB_FACTOR_CEILING         1000000 /* rows over all tables */
#define JB_FACTOR_FINDING_CEILING 1000
#define JB_FACTOR_FIELD_CEILING   1000 /* bytes of one field */

enum jb_code jb_factors_make(struct jb_error *error, struct jb_factors **ret_factors);
void jb_factors_free(struct jb_factors *factors); /* NULL-safe */

/* Takes in one table from the text of a CSV or (is_ini) INI file. What is wrong in it becomes findings, and
 * the row is left out; the code is for what the table is not to blame for (memory). set->sha256 and
 * factor_count are filled here. Tables come in order of precedence, own ones first, all before
 * jb_factors_finish. */
enum jb_code jb_factors_add(struct jb_factors *factors, const struct jb_factor_set *set, const char *text,
                            size_t length, const char *file, bool is_ini, struct jb_error *error);
/* Looks for duplicates, overlaps and gaps, and makes the index. Once. */
enum jb_code jb_factors_finish(struct jb_factors *factors, struct jb_error *error);

/* The tables that ship (data_path/factors/sets.csv lists them) and those in own_path (NULL, or not there:
 * none), finished. `without`: an own table left out, NULL none; `extra_*`: one more own table, file NULL
 * none. */
struct jb_factor_load {
    const char *data_path, *own_path, *without;
    const char *extra_file, *extra_name; /* read as an own table of that name */
};
enum jb_code jb_factors_load(const struct jb_factor_load *load, struct jb_error *error,
                             struct jb_factors **ret_factors);
/* Whole file into text (cleared first), at most its ceiling. */
enum jb_code jb_factor_file_read(const char *path, struct jb_buffer *text, struct jb_error *error);
/* Whether a name may be an own table's: 1 to 64 of a-z A-Z 0-9 . _ -, not opening with a dot. */
bool jb_factor_name_is_valid(const char *name);
/* Whether the file's name ends in ".ini"; what is not, is CSV. */
bool jb_factor_file_is_ini(const char *path);

size_t jb_factors_findings(const struct jb_factors *factors, const struct jb_factor_finding **ret_findings);
/* JB_INPUT with the first error and how many more there are; JB_OK when there is none. */
enum jb_code jb_factors_check(const struct jb_factors *factors, struct jb_error *error);
size_t jb_factors_sets(const struct jb_factors *factors, const struct jb_factor_set **ret_sets);
/* The file that a set was read from, as it was named. */
const char *jb_factors_file(const struct jb_factors *factors, uint32_t set);
/* All rows. Finished: those of one id stand together, by precedence and then by time. */
size_t jb_factors_all(const struct jb_factors *factors, const struct jb_factor **ret_factors);
/* Digest over name, version and digest of every set, in order: equal digest, equal answers. Returns ret. */
char *jb_factors_sha256(const struct jb_factors *factors, char ret[static JB_SHA256_SIZE]);

struct jb_factor_query {
    enum jb_quantity quantity;
    const char *provider, *region, *subject; /* NULL is "" */
    int64_t at_ns;
    bool allows_earlier; /* nothing is valid then: the one that ended last before it */
    bool allows_fleet;   /* nothing for the region: the provider's own figure without a region */
};
struct jb_factor_answer {
    const struct jb_factor *factor;
    bool is_earlier, is_fleet; /* what was allowed was needed: say so beside the figure */
};
/* Of several that are valid, the one whose table takes precedence. JB_NO_DATA (error untouched) when there is
 * none: not zero. Allocates nothing; safe from several threads. */
enum jb_code jb_factors_find(const struct jb_factors *factors, const struct jb_factor_query *query,
                             struct jb_factor_answer *ret_answer);

#define JB_FACTOR_ID_SIZE 512
/* "grid_intensity/KR", "pue/gcp/europe-west1": quantity, provider, region, subject without the empty ones.
 * Returns ret.
 */
char *jb_factor_id(const struct jb_factor *factor, char ret[static JB_FACTOR_ID_SIZE]);
/* 95 % interval (jb_interval_95) within the quantity's range; false when u is not known. */
bool jb_factor_interval(const struct jb_factor *factor, double *ret_low, double *ret_high);

JB_DEFINE_CLEANUP(struct jb_factors, jb_factors_free);

#endif
