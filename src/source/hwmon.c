/* Power and energy channels of the kernel's hardware monitoring chips (hwmon). */
#include "source/hwmon_rules.h"
#include "source/source.h"

#include "base/cleanup.h"
#include "base/strings.h"
#include "base/text.h"
#include "source/channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HWMON           "/sys/class/hwmon"
#define CONFIGURATION   "/etc/joulebook/hwmon.conf"
#define CHIP_CEILING    512
#define CHANNEL_CEILING 128
#define PATH_SIZE       192

struct hwmon_list {
    struct jb_domain domains[CHANNEL_CEILING];
    int descriptors[CHANNEL_CEILING];
    size_t count;
    bool wants_retry; /* something may be readable later */
};

struct hwmon_chip {
    char base[PATH_SIZE / 2]; /* folder of its files */
    char driver[64], device[64];
    unsigned instance;
};

struct hwmon_source {
    struct jb_source base;
    const struct jb_root *root;
    const struct jb_clock *clock;
    struct hwmon_list *list, *spare;
    struct jb_hwmon_declaration declarations[JB_HWMON_DECLARATION_CEILING];
    size_t declaration_count;
    uint64_t tree_hash;
    bool went_away;
};

static void list_clear(struct hwmon_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->descriptors[i] >= 0)
            close(list->descriptors[i]);
    }
    memset(list->domains, 0, list->count * sizeof list->domains[0]);
    list->count = 0;
    list->wants_retry = false;
}

/* A whole number that ends where the text does or where `end` says; -1 for anything else. */
static int parse_number(const char *text, const char *end) {
    int value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || strcmp(text + digits, end) != 0)
        return -1;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

static int compare_numbers(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Numbers of the chips that there are, sorted, and a hash of them. */
static enum jb_code list_chips(const struct jb_root *root, int *ret_numbers, struct jb_error *error,
                               size_t *ret_count, uint64_t *ret_hash) {
    DIR *directory = jb_root_opendir(root, HWMON);
    if (!directory)
        return jb_error_set_errno(error, errno, "%s" HWMON, root->path);
    size_t count = 0;
    uint64_t hash = 1;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        int number = strncmp(entry->d_name, "hwmon", 5) == 0 ? parse_number(entry->d_name + 5, "") : -1;
        if (number < 0)
            continue;
        if (count >= CHIP_CEILING) {
            closedir(directory);
            return jb_error_set(error, JB_LIMIT, "%s" HWMON " has more than %d chips", root->path,
                                CHIP_CEILING);
        }
        hash ^= jb_hash_uint64((uint64_t)number + 1);
        ret_numbers[count++] = number;
    }
    closedir(directory);
    qsort(ret_numbers, count, sizeof *ret_numbers, compare_numbers);
    *ret_count = count;
    *ret_hash = hash;
    return JB_OK;
}

static bool read_line(const struct jb_root *root, const char *base, const char *file, char *ret,
                      size_t size) {
    char path[PATH_SIZE], line[256];
    snprintf(path, sizeof path, "%s/%s", base, file);
    if (jb_root_read_line(root, path, line, sizeof line, NULL))
        return false;
    jb_text_display(line, ret, size);
    return true;
}

/* Where a chip's files are: its own folder, or its device's for drivers of the old kind (acpi_power_meter up
 * to Linux 6.x). */
static bool find_chip(const struct jb_root *root, int number, struct hwmon_chip *ret_chip) {
    char path[PATH_SIZE];
    snprintf(ret_chip->base, sizeof ret_chip->base, HWMON "/hwmon%d", number);
    if (!read_line(root, ret_chip->base, "name", ret_chip->driver, sizeof ret_chip->driver)) {
        snprintf(ret_chip->base, sizeof ret_chip->base, HWMON "/hwmon%d/device", number);
        if (!read_line(root, ret_chip->base, "name", ret_chip->driver, sizeof ret_chip->driver))
            return false;
    }
    snprintf(path, sizeof path, HWMON "/hwmon%d/device", number);
    if (jb_root_readlink(root, path, ret_chip->device, sizeof ret_chip->device, NULL))
        ret_chip->device[0] = '\0';
    return true;
}

/* Opens the channel's file and looks whether it gives anything. */
static void probe(struct hwmon_source *source, struct hwmon_list *list, size_t index, const char *path) {
    struct jb_domain *domain = &list->domains[index];
    struct jb_reading reading = {0};
    enum jb_code code = jb_channel_open(source->root, path, NULL, &list->descriptors[index]);
    if (!code)
        jb_channel_read(list->descriptors[index], 1, &reading);
    if (code == JB_PERMISSION || (!code && reading.state == JB_READING_DENIED)) {
        domain->state = JB_DOMAIN_DENIED;
        snprintf(domain->note, sizeof domain->note,
                 "run as root, or make the file readable by a udev rule (docs/sources/hwmon.md)");
        list->wants_retry = true;
        return;
    }
    if (!code && reading.state == JB_READING_OK)
        return;
    /* One that had data before keeps its place: it has none for the moment. */
    for (size_t i = 0; list != source->list && i < source->list->count; i++) {
        if (source->list->domains[i].state == JB_DOMAIN_OK &&
            strcmp(source->list->domains[i].id, domain->id) == 0)
            return;
    }
    domain->state = JB_DOMAIN_DISABLED;
    snprintf(domain->note, sizeof domain->note, "it gives no data");
    list->wants_retry = true;
}

static void make_id(const struct hwmon_chip *chip, const char *channel, const struct hwmon_list *list,
                    struct jb_domain *domain) {
    char driver[32], device[32];
    jb_channel_id(chip->driver, driver, sizeof driver);
    if (chip->device[0])
        jb_channel_id(chip->device, device, sizeof device);
    else
        snprintf(device, sizeof device, "%u", chip->instance);
    snprintf(domain->id, sizeof domain->id, "hwmon/%s@%s/%s", driver, device, channel);
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->domains[i].id, domain->id) == 0)
            snprintf(domain->id, sizeof domain->id, "hwmon/%s@%u/%s", driver, chip->instance, channel);
    }
}

/* Adds powerN or energyN of the chip, unless it is not worth a line. file: what to read. */
static void add_channel(struct hwmon_source *source, struct hwmon_list *list, const struct hwmon_chip *chip,
                        enum jb_domain_form form, unsigned number, const char *suffix) {
    const char *stem = form == JB_COUNTER ? "energy" : "power";
    char channel[24], file[48], path[PATH_SIZE], label[64] = "", value[16] = "";
    snprintf(channel, sizeof channel, "%s%u", stem, number);
    snprintf(file, sizeof file, "%s_label", channel);
    if (!read_line(source->root, chip->base, file, label, sizeof label)) {
        snprintf(file, sizeof file, "%s_oem_info", channel);
        read_line(source->root, chip->base, file, label, sizeof label);
    }
    if (list->count >= CHANNEL_CEILING)
        return;
    struct jb_domain *domain = &list->domains[list->count];
    memset(domain, 0, sizeof *domain);
    domain->form = form;
    domain->parent = -1;
    domain->method = JB_MEASURED;
    domain->resolution = 1;
    snprintf(domain->name, sizeof domain->name, "%.40s %.50s", chip->driver, label[0] ? label : channel);
    make_id(chip, channel, list, domain);
    struct jb_hwmon_channel about = {
        .driver = chip->driver, .label = label, .form = form, .number = number, .instance = chip->instance};
    bool is_listed = jb_hwmon_judge(&about, domain);
    jb_hwmon_declare(source->declarations, source->declaration_count, domain);
    if (!is_listed && domain->note[0] == '\0')
        return;
    list->descriptors[list->count] = -1;
    snprintf(file, sizeof file, "%s_enable", channel);
    if (read_line(source->root, chip->base, file, value, sizeof value) && strcmp(value, "0") == 0) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "switched off: write 1 to %s_enable of the chip",
                 channel);
    }
    snprintf(file, sizeof file, "%s_is_battery", channel);
    if (read_line(source->root, chip->base, file, value, sizeof value) && strcmp(value, "1") == 0) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "not booked: what a battery gives or takes");
    }
    snprintf(path, sizeof path, "%s/%s_%s", chip->base, channel, suffix);
    if (domain->state == JB_DOMAIN_OK)
        probe(source, list, list->count, path);
    list->count++;
}

/* All channels of a chip by number: an average is better than a momentary value, and a counter than both. */
static void add_chip(struct hwmon_source *source, struct hwmon_list *list, const struct hwmon_chip *chip) {
    enum { NUMBERS = 256 };
    bool energy[NUMBERS] = {false}, input[NUMBERS] = {false}, average[NUMBERS] = {false};
    DIR *directory = jb_root_opendir(source->root, chip->base);
    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        int number;
        if (strncmp(entry->d_name, "energy", 6) == 0 &&
            (number = parse_number(entry->d_name + 6, "_input")) >= 0 && number < NUMBERS)
            energy[number] = true;
        if (strncmp(entry->d_name, "power", 5) != 0)
            continue;
        if ((number = parse_number(entry->d_name + 5, "_input")) >= 0 && number < NUMBERS)
            input[number] = true;
        if ((number = parse_number(entry->d_name + 5, "_average")) >= 0 && number < NUMBERS)
            average[number] = true;
    }
    closedir(directory);
    for (unsigned number = 0; number < NUMBERS; number++) {
        if (energy[number])
            add_channel(source, list, chip, JB_COUNTER, number, "input");
    }
    for (unsigned number = 0; number < NUMBERS; number++) {
        if (average[number] || input[number])
            add_channel(source, list, chip, JB_GAUGE, number, average[number] ? "average" : "input");
    }
}

/* One chip may tell the same thing as energy and as power: the counter is taken. */
static void find_duplicates(struct hwmon_list *list, size_t first) {
    for (size_t i = first; i < list->count; i++) {
        for (size_t j = first; j < i; j++) {
            struct jb_domain *mine = &list->domains[i], *other = &list->domains[j];
            if (mine->state == JB_DOMAIN_OK && other->state == JB_DOMAIN_OK && mine->kind == other->kind &&
                strcmp(mine->account, other->account) == 0 && strcmp(mine->name, other->name) == 0) {
                mine->state = JB_DOMAIN_DUPLICATE;
                snprintf(mine->note, sizeof mine->note, "shows the same as %s", other->id);
            }
        }
    }
}

static enum jb_code scan(struct hwmon_source *source, struct hwmon_list *list, struct jb_error *error) {
    int numbers[CHIP_CEILING];
    size_t chip_count;
    char drivers[CHIP_CEILING][32];
    enum jb_code code = list_chips(source->root, numbers, error, &chip_count, &source->tree_hash);
    if (code)
        return code;
    for (size_t i = 0; i < chip_count; i++) {
        struct hwmon_chip chip = {0};
        drivers[i][0] = '\0';
        if (!find_chip(source->root, numbers[i], &chip) || jb_hwmon_is_skipped(chip.driver))
            continue;
        jb_channel_id(chip.driver, drivers[i], sizeof drivers[i]);
        for (size_t j = 0; j < i; j++)
            chip.instance += strcmp(drivers[j], drivers[i]) == 0;
        size_t first = list->count;
        add_chip(source, list, &chip);
        find_duplicates(list, first);
    }
    return JB_OK;
}

static enum jb_code read_declarations(struct hwmon_source *source, struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer buffer = {.ceiling = 65536};
    char name[4200];
    enum jb_code code = jb_root_read(source->root, CONFIGURATION, &buffer, error);
    if (code == JB_NO_DATA)
        return JB_OK;
    if (code)
        return code;
    snprintf(name, sizeof name, "%s" CONFIGURATION, source->root->path);
    return jb_hwmon_declarations_parse(buffer.bytes, name, error, source->declarations,
                                       &source->declaration_count);
}

static void hwmon_close(struct jb_source *base) {
    struct hwmon_source *source = (struct hwmon_source *)base;
    if (!source)
        return;
    if (source->list)
        list_clear(source->list);
    free(source->list);
    free(source->spare);
    free(source);
}

static enum jb_code open_whole(struct hwmon_source *source, struct jb_error *error) {
    source->list = calloc(1, sizeof *source->list);
    source->spare = calloc(1, sizeof *source->spare);
    if (!source->list || !source->spare)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    enum jb_code code = read_declarations(source, error);
    if (!code)
        code = scan(source, source->list, error);
    if (code == JB_NO_DATA)
        return jb_error_set(error, code, "no %s" HWMON ": a virtual machine or a container",
                            source->root->path);
    if (!code && source->list->count == 0)
        return jb_error_set(error, JB_NO_DATA, "no chip under %s" HWMON " has a power or energy channel",
                            source->root->path);
    size_t denied = 0;
    for (size_t i = 0; !code && i < source->list->count; i++)
        denied += source->list->domains[i].state == JB_DOMAIN_DENIED;
    if (!code && denied == source->list->count)
        return jb_error_set(error, JB_PERMISSION, "%zu channels that may not be read: %s", denied,
                            source->list->domains[0].note);
    return code;
}

static enum jb_code hwmon_open(const struct jb_source_context *context, struct jb_error *error,
                               struct jb_source **ret_source) {
    struct hwmon_source *source = calloc(1, sizeof *source);
    if (!source)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    source->base.ops = &jb_source_hwmon;
    source->root = context->root;
    source->clock = context->clock;
    enum jb_code code = open_whole(source, error);
    if (code) {
        hwmon_close(&source->base);
        return code;
    }
    *ret_source = &source->base;
    return JB_OK;
}

static size_t hwmon_domains(const struct jb_source *base, const struct jb_domain **ret_domains) {
    const struct hwmon_source *source = (const struct hwmon_source *)base;
    *ret_domains = source->list->domains;
    return source->list->count;
}

static void hwmon_read(struct jb_source *base, struct jb_reading *readings) {
    struct hwmon_source *source = (struct hwmon_source *)base;
    const struct hwmon_list *list = source->list;
    for (size_t i = 0; i < list->count; i++) {
        readings[i] = (struct jb_reading){.state = JB_READING_NONE};
        readings[i].boottime_ns = source->clock->boottime_ns(source->clock);
        if (list->domains[i].state == JB_DOMAIN_DENIED)
            readings[i].state = JB_READING_DENIED;
        /* Chips may answer slowly: what is not booked is not asked. */
        else if (list->domains[i].state == JB_DOMAIN_OK)
            jb_channel_read(list->descriptors[i], 1, &readings[i]);
        source->went_away = source->went_away || readings[i].state == JB_READING_GONE;
    }
}

static bool hwmon_rescan(struct jb_source *base) {
    struct hwmon_source *source = (struct hwmon_source *)base;
    struct hwmon_list *fresh = source->spare, *old = source->list;
    if (!old->wants_retry && !source->went_away) {
        int numbers[CHIP_CEILING];
        size_t count;
        uint64_t hash;
        if (!list_chips(source->root, numbers, NULL, &count, &hash) && hash == source->tree_hash)
            return false;
    }
    if (scan(source, fresh, NULL)) {
        list_clear(fresh);
        source->tree_hash = 0;
    }
    source->went_away = false;
    bool changed = fresh->count != old->count;
    for (size_t i = 0; i < fresh->count && !changed; i++)
        changed = memcmp(&fresh->domains[i], &old->domains[i], sizeof fresh->domains[i]) != 0;
    source->list = fresh;
    source->spare = old;
    list_clear(old);
    return changed;
}

const struct jb_source_ops jb_source_hwmon = {
    .name = "hwmon",
    .summary = "power meters of boards, supplies and chips (hwmon)",
    .open = hwmon_open,
    .domains = hwmon_domains,
    .read = hwmon_read,
    .rescan = hwmon_rescan,
    .close = hwmon_close,
};
