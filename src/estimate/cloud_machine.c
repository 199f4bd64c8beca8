/* Instance types: from the table, else from their family and the way each provider names sizes. */
#include "estimate/cloud_internal.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 64
#define TEXT_SIZE 512 /* of an item that describes a machine in words */

const char *jb_cloud_take_number(const char *text, double *ret) {
    size_t digits = strspn(text, "0123456789");
    double value = 0;
    if (digits == 0 || digits > 6)
        return NULL;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    *ret = value;
    return text + digits;
}

bool jb_cloud_machine_make(const struct jb_cloud_type *type, const struct jb_cloud_type *family, double vcpus,
                           struct jb_cloud_machine *ret) {
    if (!family)
        family = type;
    struct jb_cloud_machine machine = {
        .vcpus = type->vcpus > 0 ? type->vcpus : vcpus,
        .memory_gib = type->memory_gib,
        .gpus = type->gpus,
        .gpu = *type->gpu ? type->gpu : family->gpu,
        .architecture = *type->architecture ? type->architecture : family->architecture,
        .stand_in_uncertainty = family->stand_in_uncertainty,
        .server_vcpus = type->server_vcpus > 0 ? type->server_vcpus : family->server_vcpus,
        .copies = 1};
    if (machine.vcpus <= 0)
        return false;
    if (machine.memory_gib <= 0)
        machine.memory_gib = machine.vcpus * family->memory_gib_per_vcpu;
    if (machine.gpus <= 0 && family->vcpus_per_gpu > 0)
        machine.gpus = machine.vcpus / family->vcpus_per_gpu;
    /* How many accelerators it has must be known: they draw most of the power. */
    if (*machine.gpu && machine.gpus <= 0)
        return false;
    if (machine.server_vcpus > 0 && machine.server_vcpus < machine.vcpus)
        machine.server_vcpus = machine.vcpus;
    *ret = machine;
    return true;
}

double jb_cloud_size_vcpus(const char *size, double small, double whole) {
    double count;
    const char *rest = jb_cloud_take_number(size, &count);
    if (rest)
        return strcmp(rest, "xlarge") == 0 ? 4 * count : 0;
    if (strcmp(size, "xlarge") == 0)
        return 4;
    if (strcmp(size, "large") == 0)
        return 2;
    if (strcmp(size, "small") == 0)
        return small;
    if (strcmp(size, "metal") == 0)
        return whole;
    if (strncmp(size, "metal-", 6) == 0 && (rest = jb_cloud_take_number(size + 6, &count)) &&
        strcmp(rest, "xl") == 0)
        return 4 * count;
    return 0;
}

/* "<family>.<size>" of AWS, with what its services put before and behind it. */
static bool find_aws(const struct jb_cloud *cloud, char *type, struct jb_cloud_machine *ret) {
    char name[NAME_SIZE];
    for (char *family = type; family;) {
        char *size = strchr(family, '.'), *end = size ? strchr(size + 1, '.') : NULL;
        if (!size)
            return false;
        snprintf(name, sizeof name, "%.*s", (int)(size - family), family);
        const struct jb_cloud_type *of_family = jb_cloud_type_find(cloud, "aws", name);
        if (of_family) {
            if (end)
                *end = '\0';
            const struct jb_cloud_type *exact = jb_cloud_type_find(cloud, "aws", family);
            double vcpus = jb_cloud_size_vcpus(size + 1, 0, of_family->server_vcpus);
            if (!jb_cloud_machine_make(exact ? exact : of_family, of_family, vcpus, ret))
                return false;
            snprintf(ret->name, sizeof ret->name, "%s", family);
            return true;
        }
        family = size + 1;
    }
    return false;
}

/* As the provider writes it, and tables of embodied carbon by name with it: letters of the series large,
 * words behind a blank, all but the version with a large letter ("NC4as T4 v3"); "B2MS" and "Gs1" are as they
 * are. */
static void write_azure(const char *type, size_t letters, char *ret, size_t size) {
    bool is_all_large = strncmp(type, "b", letters) == 0 && !strchr(type, '_'),
         is_first_large = strncmp(type, "gs", letters) == 0;
    snprintf(ret, size, "%s", type);
    for (size_t i = 0; ret[i]; i++) {
        bool is_word = i > 0 && ret[i - 1] == ' ' && ret[i] != 'v';
        if (ret[i] == '_')
            ret[i] = ' ';
        else if (ret[i] >= 'a' && ret[i] <= 'z' &&
                 (is_word || is_all_large || (i < letters && !(is_first_large && i > 0))))
            ret[i] = (char)(ret[i] - 'a' + 'A');
    }
}

/* "Standard_D4s_v5", "D4s v5", "D4s v5 Spot", "D2 v3/D2s v3": family ds_v5, size 4. In "E8-4ds v5" the first
 * number is what the machine has, the second what it is limited to. */
static bool find_azure(const struct jb_cloud *cloud, char *type, struct jb_cloud_machine *ret) {
    static const char *const prefixes[] = {"standard_", "basic_", "standard ", "basic "};
    static const char *const ends[] = {"/",  " spot", " low priority", " expired", " promo", "_promo",
                                       " -", ","};
    char family[NAME_SIZE];
    double size;
    for (size_t i = 0; i < JB_COUNT(prefixes); i++) {
        if (strncmp(type, prefixes[i], strlen(prefixes[i])) == 0)
            type += strlen(prefixes[i]);
    }
    for (size_t i = 0; i < JB_COUNT(ends); i++) {
        char *end = strstr(type, ends[i]);
        if (end)
            *end = '\0';
    }
    for (char *c = type; *c; c++) {
        if (*c == ' ')
            *c = '_';
    }
    size_t letters = strspn(type, "abcdefghijklmnopqrstuvwxyz");
    const char *rest = letters ? jb_cloud_take_number(type + letters, &size) : NULL;
    double limited;
    if (rest && *rest == '-') {
        rest = jb_cloud_take_number(rest + 1, &limited);
    }
    if (!rest)
        return false;
    snprintf(family, sizeof family, "%.*s%s", (int)letters, type, rest);
    const struct jb_cloud_type *exact = jb_cloud_type_find(cloud, "azure", type);
    const struct jb_cloud_type *of_family = jb_cloud_type_find(cloud, "azure", family);
    if (!of_family && *rest == 'i') { /* a machine on its own: "E104ids v5" */
        snprintf(family, sizeof family, "%.*s%s", (int)letters, type, rest + 1);
        of_family = jb_cloud_type_find(cloud, "azure", family);
    }
    if (!exact && !of_family)
        return false;
    if (!jb_cloud_machine_make(exact ? exact : of_family, of_family, size, ret))
        return false;
    write_azure(type, letters, ret->name, sizeof ret->name);
    return true;
}

/* "n2-standard-4", "n2-custom-4-8192", "custom-4-8192-ext": the first number behind the family is vCPUs, a
 * second one MiB. */
static bool find_gcp(const struct jb_cloud *cloud, char *type, struct jb_cloud_machine *ret) {
    char family[NAME_SIZE];
    double vcpus = 0, memory_mib = 0;
    const struct jb_cloud_type *exact = jb_cloud_type_find(cloud, "gcp", type);
    const char *rest = NULL, *dash = type;
    while ((dash = strchr(dash, '-')) && !(rest = jb_cloud_take_number(dash + 1, &vcpus)))
        dash++;
    if (dash && rest && *rest && *rest != '-')
        rest = NULL; /* "a2-highgpu-1g": not vCPUs */
    snprintf(family, sizeof family, "%.*s", (int)(dash ? (size_t)(dash - type) : strcspn(type, "-")), type);
    const struct jb_cloud_type *of_family = jb_cloud_type_find(cloud, "gcp", family);
    if (!of_family && exact) { /* "e2-micro" */
        snprintf(family, sizeof family, "%.*s", (int)strcspn(type, "-"), type);
        of_family = jb_cloud_type_find(cloud, "gcp", family);
    }
    if (!exact && !(of_family && rest))
        return false;
    if (!jb_cloud_machine_make(exact ? exact : of_family, of_family, vcpus, ret))
        return false;
    if (!exact && *rest == '-' && strstr(family, "custom") && jb_cloud_take_number(rest + 1, &memory_mib))
        ret->memory_gib = memory_mib / 1024;
    snprintf(ret->name, sizeof ret->name, "%s", type);
    return true;
}

/* "ecs.g7.xlarge", "ecs.gn7i-c16g1.4xlarge" (16 vCPUs to 1 GPU), "ecs.t6-c1m2.large" (1 vCPU to 2 GiB). */
static bool find_alibaba(const struct jb_cloud *cloud, char *type, struct jb_cloud_machine *ret) {
    char family[NAME_SIZE];
    if (strncmp(type, "ecs.", 4) == 0)
        type += 4;
    char *size = strchr(type, '.');
    if (!size)
        return false;
    const struct jb_cloud_type *exact = jb_cloud_type_find(cloud, "alibaba", type);
    size_t length = strcspn(type, "-.");
    snprintf(family, sizeof family, "%.*s", (int)length, type);
    const struct jb_cloud_type *of_family = jb_cloud_type_find(cloud, "alibaba", family);
    if (!of_family)
        return false;
    double vcpus = jb_cloud_size_vcpus(size + 1, 1, of_family->server_vcpus);
    struct jb_cloud_type spec = *of_family;
    double per_vcpus, other;
    const char *at = type[length] == '-' ? strchr(type + length, 'c') : NULL;
    if (at && at < size && (at = jb_cloud_take_number(at + 1, &per_vcpus)) && per_vcpus > 0 &&
        (*at == 'g' || *at == 'm') && jb_cloud_take_number(at + 1, &other)) {
        if (*at == 'g')
            spec.gpus = other * vcpus / per_vcpus;
        else
            spec.memory_gib_per_vcpu = other / per_vcpus;
    }
    if (!jb_cloud_machine_make(exact ? exact : &spec, &spec, vcpus, ret))
        return false;
    snprintf(ret->name, sizeof ret->name, "ecs.%s", type);
    return true;
}

bool jb_cloud_machine_find(const struct jb_cloud *cloud, const char *provider, const char *type,
                           struct jb_cloud_machine *ret_machine) {
    static const struct {
        const char *provider;
        bool (*find)(const struct jb_cloud *cloud, char *type, struct jb_cloud_machine *ret);
    } finders[] = {{"aws", find_aws}, {"azure", find_azure}, {"gcp", find_gcp}, {"alibaba", find_alibaba}};
    for (size_t i = 0; i < JB_COUNT(finders); i++) {
        char name[TEXT_SIZE];
        if (strcmp(finders[i].provider, provider) != 0)
            continue;
        jb_cloud_lower(type, name, sizeof name);
        return jb_cloud_database_find(cloud, provider, name, ret_machine) ||
               (strlen(type) < NAME_SIZE && finders[i].find(cloud, name, ret_machine));
    }
    return false;
}
