/* AMD GPUs: power through the amdgpu driver's hwmon, use by process through DRM fdinfo. */
#include "source/amdgpu.h"
#include "source/channel.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CARD_CEILING ((size_t)64)

/* Relative standard uncertainties, of our judgement: AMD publishes no figure. The firmware averages power
 * over a second or so; what an APU reports is of the whole package and estimated by its firmware. */
enum { CARD_PPM = 50000, PACKAGE_PPM = 100000 };

struct card {
    char device[16]; /* PCI address */
    int power_descriptor;
    int status_descriptor; /* runtime_status: a sleeping card is not woken to be asked; −1 unknown */
};

struct amdgpu {
    struct jb_source source;
    const struct jb_root *root;
    const struct jb_clock *clock;
    struct jb_drm_watch *watch;
    size_t count;
    struct card cards[CARD_CEILING];
    struct jb_domain domains[CARD_CEILING];
};

static struct amdgpu *of(struct jb_source *source) {
    return (struct amdgpu *)source;
}

/* What uevent says of a device: its driver, PCI address and ids. */
struct identity {
    char driver[16], device[16], pci_id[16];
};

static void copy_if(const char *line, const char *key, char *ret, size_t size) {
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0)
        return;
    size_t i = 0;
    for (; i + 1 < size && isgraph((unsigned char)line[length + i]); i++)
        ret[i] = line[length + i];
    ret[i] = '\0';
}

static enum jb_code read_identity(const struct jb_root *root, unsigned card, struct identity *ret_identity) {
    char path[64];
    struct jb_buffer text = {.ceiling = 64 << 10};
    snprintf(path, sizeof path, "/sys/class/drm/card%u/device/uevent", card);
    enum jb_code code = jb_root_read(root, path, &text, NULL);
    struct identity identity = {0};
    for (const char *line = code ? NULL : text.bytes; line && *line;) {
        copy_if(line, "DRIVER=", identity.driver, sizeof identity.driver);
        copy_if(line, "PCI_SLOT_NAME=", identity.device, sizeof identity.device);
        copy_if(line, "PCI_ID=", identity.pci_id, sizeof identity.pci_id);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    jb_buffer_free(&text);
    if (!code)
        *ret_identity = identity;
    return code;
}

/* Whether the card is part of a processor. The driver's table of measurements is of version 2 or 3 for these
 * and 1 for cards of their own (Linux, drivers/gpu/drm/amd/include/kgd_pp_interface.h, struct
 * metrics_table_header). */
static bool is_in_processor(const struct jb_root *root, unsigned card) {
    char path[64], header[8];
    size_t length = 0;
    snprintf(path, sizeof path, "/sys/class/drm/card%u/device/gpu_metrics", card);
    _cleanup_close_ int descriptor = jb_root_openat(root, path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0 || jb_descriptor_read(descriptor, header, sizeof header, NULL, &length) || length < 4)
        return false;
    return header[2] == 2 || header[2] == 3; /* u16 size, u8 format_revision, u8 content_revision */
}

static bool is_asleep(const struct card *card) {
    char text[32];
    size_t length = 0;
    return card->status_descriptor >= 0 &&
           jb_descriptor_read(card->status_descriptor, text, sizeof text, NULL, &length) == JB_OK &&
           strncmp(text, "suspended", strlen("suspended")) == 0;
}

/* Finds the hwmon folder of a card ("hwmon3"); false when it has none. */
static bool find_hwmon(const struct jb_root *root, unsigned card, char *ret_path, size_t size) {
    char folder[64];
    snprintf(folder, sizeof folder, "/sys/class/drm/card%u/device/hwmon", card);
    DIR *directory = jb_root_opendir(root, folder);
    bool is_found = false;
    const struct dirent *entry;
    while (directory && !is_found && (entry = readdir(directory))) {
        if (strncmp(entry->d_name, "hwmon", 5) != 0 || !isdigit((unsigned char)entry->d_name[5]) ||
            strlen(entry->d_name) > 16)
            continue;
        snprintf(ret_path, size, "%s/%s", folder, entry->d_name);
        is_found = true;
    }
    if (directory)
        closedir(directory);
    return is_found;
}

/* Opens the first channel there is: an energy counter, the average, the instant. */
static void open_power(const struct jb_root *root, const char *hwmon, struct card *card,
                       struct jb_domain *domain) {
    static const struct {
        const char *name;
        enum jb_domain_form form;
    } channels[] = {{"energy1_input", JB_COUNTER}, {"power1_average", JB_GAUGE}, {"power1_input", JB_GAUGE}};
    char path[128];
    int denied = 0;
    for (size_t i = 0; i < JB_COUNT(channels); i++) {
        snprintf(path, sizeof path, "%s/%s", hwmon, channels[i].name);
        card->power_descriptor = jb_root_openat(root, path, O_RDONLY | O_NONBLOCK);
        domain->form = channels[i].form;
        if (card->power_descriptor >= 0)
            break;
        denied += errno == EACCES || errno == EPERM;
    }
    if (card->power_descriptor < 0) {
        domain->state = denied ? JB_DOMAIN_DENIED : JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "%s",
                 denied ? "may not be read: run as root, or grant CAP_DAC_READ_SEARCH"
                        : "the driver offers no power channel for this card");
    }
    uint64_t cap_uw = 0;
    snprintf(path, sizeof path, "%s/power1_cap_max", hwmon);
    if (jb_root_read_uint64(root, path, NULL, &cap_uw) == JB_OK)
        domain->power_max_uw = cap_uw;
}

static void describe(struct amdgpu *amdgpu, unsigned number, const struct identity *identity) {
    struct card *card = &amdgpu->cards[amdgpu->count];
    struct jb_domain *domain = &amdgpu->domains[amdgpu->count++];
    char path[128], hwmon[96], name[64] = "";
    *card = (struct card){.power_descriptor = -1, .status_descriptor = -1};
    *domain = (struct jb_domain){
        .kind = JB_GPU, .parent = -1, .method = JB_MEASURED, .form = JB_GAUGE, .uncertainty_ppm = CARD_PPM};
    memcpy(card->device, identity->device, sizeof card->device);
    memcpy(domain->id, "amdgpu/", sizeof "amdgpu/");
    jb_channel_id(identity->device, domain->id + strlen("amdgpu/"), sizeof domain->id - strlen("amdgpu/"));
    snprintf(domain->account, sizeof domain->account, "amdgpu%u", number);
    snprintf(path, sizeof path, "/sys/class/drm/card%u/device/product_name", number);
    if (jb_root_read_line(amdgpu->root, path, name, sizeof name, NULL) || !name[0])
        snprintf(name, sizeof name, "AMD GPU %s", identity->pci_id);
    jb_text_display(name, domain->name, sizeof domain->name);
    snprintf(path, sizeof path, "/sys/class/drm/card%u/device/power/runtime_status", number);
    card->status_descriptor = jb_root_openat(amdgpu->root, path, O_RDONLY | O_NONBLOCK);
    if (!find_hwmon(amdgpu->root, number, hwmon, sizeof hwmon)) {
        domain->state = JB_DOMAIN_DISABLED;
        snprintf(domain->note, sizeof domain->note, "the driver has no hwmon for this card");
        return;
    }
    open_power(amdgpu->root, hwmon, card, domain);
    if (!is_asleep(card) && is_in_processor(amdgpu->root, number)) {
        /* The power is of the whole package: the same thing that RAPL measures better, booked only where RAPL
         * may not be read. */
        domain->kind = JB_PACKAGE;
        domain->uncertainty_ppm = PACKAGE_PPM;
        snprintf(domain->account, sizeof domain->account, "cpu0");
        if (domain->state == JB_DOMAIN_OK)
            snprintf(domain->note, sizeof domain->note,
                     "graphics of the processor: the power is of the whole package, its CPU within");
    }
}

static void drop_cards(struct amdgpu *amdgpu) {
    for (size_t i = 0; i < amdgpu->count; i++) {
        if (amdgpu->cards[i].power_descriptor >= 0)
            close(amdgpu->cards[i].power_descriptor);
        if (amdgpu->cards[i].status_descriptor >= 0)
            close(amdgpu->cards[i].status_descriptor);
    }
    amdgpu->count = 0;
}

static int compare_numbers(const void *a, const void *b) {
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

/* Lists the cards of the driver, by number. */
static void find_cards(struct amdgpu *amdgpu) {
    unsigned numbers[CARD_CEILING];
    size_t count = 0;
    DIR *directory = jb_root_opendir(amdgpu->root, "/sys/class/drm");
    const struct dirent *entry;
    while (directory && count < CARD_CEILING && (entry = readdir(directory))) {
        char *end = NULL;
        if (strncmp(entry->d_name, "card", 4) != 0 || !isdigit((unsigned char)entry->d_name[4]))
            continue;
        unsigned long number = strtoul(entry->d_name + 4, &end, 10);
        if (*end == '\0' && number < 10000) /* not its connectors, card0-DP-1 */
            numbers[count++] = (unsigned)number;
    }
    if (directory)
        closedir(directory);
    qsort(numbers, count, sizeof numbers[0], compare_numbers);
    for (size_t i = 0; i < count; i++) {
        struct identity identity;
        if (read_identity(amdgpu->root, numbers[i], &identity) == JB_OK &&
            strcmp(identity.driver, "amdgpu") == 0 && identity.device[0])
            describe(amdgpu, numbers[i], &identity);
    }
}

static void amdgpu_close(struct jb_source *source) {
    if (!source)
        return;
    struct amdgpu *amdgpu = of(source);
    drop_cards(amdgpu);
    jb_drm_watch_free(amdgpu->watch);
    free(amdgpu);
}

static enum jb_code amdgpu_open(const struct jb_source_context *context, struct jb_error *error,
                                struct jb_source **ret_source) {
    struct amdgpu *amdgpu = calloc(1, sizeof *amdgpu);
    if (!amdgpu)
        return jb_error_set(error, JB_MEMORY, "no memory for AMD GPUs");
    amdgpu->source.ops = &jb_source_amdgpu;
    amdgpu->root = context->root;
    amdgpu->clock = context->clock;
    find_cards(amdgpu);
    size_t denied_count = 0;
    for (size_t i = 0; i < amdgpu->count; i++)
        denied_count += amdgpu->domains[i].state == JB_DOMAIN_DENIED;
    enum jb_code code = JB_OK;
    if (amdgpu->count == 0)
        code = jb_error_set(error, JB_NO_DATA, "no card of the amdgpu driver in %s/sys/class/drm",
                            context->root->path);
    else if (denied_count == amdgpu->count)
        code = jb_error_set(error, JB_PERMISSION,
                            "AMD GPUs may not be read: run as root, or grant "
                            "CAP_DAC_READ_SEARCH");
    else
        code = jb_drm_watch_make(context->root, context->clock, "amdgpu", error, &amdgpu->watch);
    if (code) {
        amdgpu_close(&amdgpu->source);
        return code;
    }
    *ret_source = &amdgpu->source;
    return JB_OK;
}

static size_t amdgpu_domains(const struct jb_source *source, const struct jb_domain **ret_domains) {
    const struct amdgpu *amdgpu = (const struct amdgpu *)source;
    *ret_domains = amdgpu->domains;
    return amdgpu->count;
}

static void amdgpu_read(struct jb_source *source, struct jb_reading *readings) {
    struct amdgpu *amdgpu = of(source);
    for (size_t i = 0; i < amdgpu->count; i++) {
        const struct card *card = &amdgpu->cards[i];
        struct jb_reading *reading = &readings[i];
        *reading = (struct jb_reading){.state = JB_READING_NONE};
        if (amdgpu->domains[i].state == JB_DOMAIN_DENIED)
            reading->state = JB_READING_DENIED;
        else if (card->power_descriptor >= 0 && amdgpu->domains[i].form == JB_GAUGE && is_asleep(card))
            reading->state = JB_READING_OK; /* 0 W: its supply is off, and asking would switch it on */
        else if (card->power_descriptor >= 0)
            jb_channel_read(card->power_descriptor, 1, reading);
        reading->boottime_ns = amdgpu->clock->boottime_ns(amdgpu->clock);
    }
}

/* Cards come and go (Thunderbolt, a driver that is unbound). The files are opened anew even when the list
 * stays, since those of a driver that was bound again are others. */
static bool amdgpu_rescan(struct jb_source *source) {
    struct amdgpu *amdgpu = of(source);
    struct amdgpu *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return false;
    fresh->root = amdgpu->root;
    fresh->clock = amdgpu->clock;
    find_cards(fresh);
    bool is_same = fresh->count == amdgpu->count;
    for (size_t i = 0; is_same && i < fresh->count; i++)
        is_same = strcmp(fresh->domains[i].id, amdgpu->domains[i].id) == 0 &&
                  strcmp(fresh->domains[i].account, amdgpu->domains[i].account) == 0 &&
                  fresh->domains[i].state == amdgpu->domains[i].state;
    drop_cards(amdgpu);
    memcpy(amdgpu->cards, fresh->cards, sizeof amdgpu->cards);
    memcpy(amdgpu->domains, fresh->domains, sizeof amdgpu->domains);
    amdgpu->count = fresh->count;
    free(fresh);
    return !is_same;
}

static enum jb_code amdgpu_processes(struct jb_source *source, uint32_t domain_base, struct jb_sample *sample,
                                     struct jb_error *error) {
    struct amdgpu *amdgpu = of(source);
    const struct jb_drm_use *uses = NULL;
    size_t count = 0;
    enum jb_code code = jb_drm_watch_ask(amdgpu->watch, error, &uses, &count);
    if (code)
        return code;
    code = jb_array_reserve(&sample->gpus, &sample->gpu_capacity, sample->gpu_count + count, JB_GPU_CEILING,
                            "processes on GPUs", error);
    for (size_t i = 0; !code && i < count; i++) {
        for (size_t k = 0; k < amdgpu->count; k++) {
            if (strcmp(amdgpu->cards[k].device, uses[i].device) != 0)
                continue;
            sample->gpus[sample->gpu_count++] = (struct jb_gpu_usage){
                .domain = domain_base + (uint32_t)k,
                .pid = uses[i].pid,
                .busy_ns = uses[i].busy_ns,
                .memory_bytes = uses[i].memory_bytes,
            };
            break;
        }
    }
    return code;
}

const struct jb_source_ops jb_source_amdgpu = {
    .name = "amdgpu",
    .summary = "AMD GPUs, through the amdgpu driver",
    .open = amdgpu_open,
    .domains = amdgpu_domains,
    .read = amdgpu_read,
    .rescan = amdgpu_rescan,
    .processes = amdgpu_processes,
    .close = amdgpu_close,
};
