/* Classes of managed databases: from the table, else by the rule in which a provider names them. */
#include "estimate/cloud_internal.h"

#include <stdio.h>
#include <string.h>

#define PART_SIZE    64
#define PART_CEILING 8

/* A name taken apart at its dots. */
struct parts {
    char texts[PART_CEILING][PART_SIZE];
    size_t count;
};

static bool split(const char *name, struct parts *ret) {
    ret->count = 0;
    for (;;) {
        size_t length = strcspn(name, ".");
        if (ret->count == PART_CEILING || length >= PART_SIZE)
            return false;
        memcpy(ret->texts[ret->count], name, length);
        ret->texts[ret->count++][length] = '\0';
        if (!name[length])
            return true;
        name += length + 1;
    }
}

static bool is_one_of(const char *text, const char *const *list) {
    for (; *list; list++) {
        if (strcmp(text, *list) == 0)
            return true;
    }
    return false;
}

/* Classes that the table lists, and how many machines run under one name: high-availability editions have a
 * standby, replica sets three members. */
static bool find_listed(const struct jb_cloud *cloud, const char *name, struct jb_cloud_machine *ret) {
    static const struct {
        const char *prefix;
        double copies;
    } kinds[] = {{"rds.", 2}, {"redis.", 2}, {"dds.mongo.", 3}, {"mysql.", 1}, {"pg.", 1}};
    for (size_t i = 0; i < JB_COUNT(kinds); i++) {
        const struct jb_cloud_type *type = strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0
                                               ? jb_cloud_type_find(cloud, "alibaba", name)
                                               : NULL;
        if (type && jb_cloud_machine_make(type, NULL, 0, ret)) {
            ret->copies = kinds[i].copies;
            return true;
        }
    }
    return false;
}

/* "<engine>.<letter><GB per vCPU>.<size>.<edition>", where large has 4 vCPUs and small one; newer ones of
 * PostgreSQL "pg.n2.2c.1m": 2 vCPUs, one machine. The edition begins with the number of machines ("1", "2",
 * "2c", "3"; "e2" and the like of SQL Server), and is "xc" of clusters, which have two or more. Help pages
 * "Primary ApsaraDB RDS instance types" of each engine. */
static bool find_rds(const char *name, struct jb_cloud_machine *ret) {
    static const char *const engines[] = {"mysql",   "mysqlro", "pg",   "pgro", "mssql",
                                          "mssqlro", "mariadb", "ppas", NULL};
    struct parts parts;
    double vcpus, gib_per_vcpu, copies = 0;
    if (!split(name, &parts) || parts.count != 4 || !is_one_of(parts.texts[0], engines))
        return false;
    const char *family = parts.texts[1], *size = parts.texts[2], *edition = parts.texts[3];
    if (!strchr("nxs", *family) || !jb_cloud_take_number(family + (*family != '\0'), &gib_per_vcpu) ||
        gib_per_vcpu <= 0 || gib_per_vcpu > 16)
        return false;
    const char *rest = jb_cloud_take_number(size, &vcpus);
    bool is_thirteen = rest && vcpus == 13; /* they have the memory of 12 */
    if (rest && strcmp(rest, "large") == 0)
        vcpus *= 4; /* "13large" */
    else if (strcmp(size, "micro") == 0 || strcmp(size, "small") == 0)
        vcpus = 1;
    else if (strcmp(size, "medium") == 0)
        vcpus = 2;
    else if (!rest || strcmp(rest, "c") != 0)
        vcpus = 2 * jb_cloud_size_vcpus(size, 0, 0);
    if (strcmp(edition, "xc") == 0)
        copies = 2;
    else
        jb_cloud_take_number(edition + strcspn(edition, "0123456789"), &copies);
    if (vcpus <= 0 || copies < 1 || copies > 3)
        return false;
    *ret = (struct jb_cloud_machine){.vcpus = vcpus,
                                     .memory_gib = vcpus * gib_per_vcpu * (is_thirteen ? 12.0 / 13 : 1),
                                     .gpu = "",
                                     .architecture = "",
                                     .copies = copies};
    return true;
}

/* "redis.logic.sharding.<GB>g.<shards>db.<read-only>rodb.<proxies>proxy.default": two vCPUs a shard, each
 * shard with a replica (help page "Cluster master-replica instances"). */
static bool find_redis_cluster(const char *name, struct jb_cloud_machine *ret) {
    struct parts parts;
    double gib, shards;
    if (!split(name, &parts) || parts.count != 8 || strncmp(name, "redis.logic.sharding.", 21) != 0)
        return false;
    const char *unit = jb_cloud_take_number(parts.texts[3], &gib),
               *kind = jb_cloud_take_number(parts.texts[4], &shards);
    if (!unit || strcmp(unit, "g") != 0 || !kind || strcmp(kind, "db") != 0 || shards < 1 || gib <= 0)
        return false;
    *ret = (struct jb_cloud_machine){
        .vcpus = 2 * shards, .memory_gib = gib * shards, .gpu = "", .architecture = "", .copies = 2};
    return true;
}

/* "Cloud SQL for PostgreSQL: Zonal - 4 vCPU + 15GB RAM in Americas". */
static bool find_cloud_sql(const char *name, struct jb_cloud_machine *ret) {
    const char *at = strstr(name, " vcpu + "), *number = at;
    double vcpus, gib, tenths = 0;
    while (number && number > name && number[-1] >= '0' && number[-1] <= '9')
        number--;
    if (!at || !jb_cloud_take_number(number, &vcpus) || vcpus <= 0)
        return false;
    const char *rest = jb_cloud_take_number(at + strlen(" vcpu + "), &gib);
    if (rest && *rest == '.') {
        const char *decimals = rest + 1;
        rest = jb_cloud_take_number(decimals, &tenths);
        for (; rest && decimals < rest; decimals++)
            tenths /= 10;
    }
    if (!rest || strncmp(rest, "gb ram", 6) != 0)
        return false;
    *ret = (struct jb_cloud_machine){
        .vcpus = vcpus, .memory_gib = gib + tenths, .gpu = "", .architecture = "", .copies = 1};
    return true;
}

bool jb_cloud_database_find(const struct jb_cloud *cloud, const char *provider, const char *type,
                            struct jb_cloud_machine *ret) {
    if (strcmp(provider, "gcp") == 0)
        return find_cloud_sql(type, ret);
    return strcmp(provider, "alibaba") == 0 &&
           (find_listed(cloud, type, ret) || find_rds(type, ret) || find_redis_cluster(type, ret));
}
