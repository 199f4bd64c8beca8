/* What a RAPL zone is, from the name of its folder and the name that it gives itself. Pure but for the last.
 */
#ifndef JB_SOURCE_RAPL_ZONE_H
#define JB_SOURCE_RAPL_ZONE_H

#include "base/root.h"
#include "types/domain.h"

#define RAPL_DIRECTORY_SIZE 48
#define RAPL_DEPTH          3

struct rapl_zone {
    char directory[RAPL_DIRECTORY_SIZE]; /* "intel-rapl:0:1" */
    char name[JB_DOMAIN_ID_SIZE];        /* as it calls itself, first line, cleaned of control characters */
    uint32_t numbers[RAPL_DEPTH];        /* 0, 1 */
    size_t depth;                        /* numbers in use */
    bool is_mmio;                        /* the same registers, seen another way */
    bool is_known;                       /* the name is one of those that there are */
    enum jb_domain_kind kind;
    int32_t parent;       /* index of the zone above it, -1 none */
    int32_t package, die; /* -1: none given */
};

/* Takes "intel-rapl:0", "intel-rapl:0:1", "intel-rapl-mmio:0" apart; false for anything else. */
bool jb_rapl_zone_of_directory(const char *directory, struct rapl_zone *ret_zone);
/* For qsort: MSR zones before mmio ones, then by number, parents before children. */
int jb_rapl_zone_compare(const void *a, const void *b);
/* Completes zones[index] from its name; the zones before it are complete. */
void jb_rapl_zone_classify(struct rapl_zone *zones, size_t index, const char *name);
/* id, name and account of the domain. parent may be NULL. */
void jb_rapl_zone_name(const struct rapl_zone *zone, const struct rapl_zone *parent,
                       struct jb_domain *domain);
/* Whether both measure the same kind of thing of the same package. */
bool jb_rapl_zone_is_same_package(const struct rapl_zone *a, const struct rapl_zone *b);
/* "cpu0-die0" → "cpu0": the only die that counts is the package. */
void jb_rapl_zone_drop_die(struct jb_domain *domain);

/* Whether /proc/cpuinfo names AMD or Hygon: there RAPL is a model, and of the package as a whole. */
bool jb_rapl_is_amd(const struct jb_root *root);

#endif
