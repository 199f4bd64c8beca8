/* What the fuzz targets of bills share: any bytes give flows that a book takes, or one clean error line. */
#include "base/array.h"
#include "import/bill_import.h"
#include "store/rules.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct jb_cloud *cloud;
static struct jb_factors *factors;
static struct jb_regions *regions;

/* The tables that ship, from the source tree that the build or the current folder is in. */
static void load_tables(void) {
    const char *root = getenv("JB_SOURCE_ROOT");
    char path[4096], probe[4200];
    struct jb_error error = {0};
    if (cloud)
        return;
    snprintf(path, sizeof path, "%s/data", root ? root : ".");
    for (int up = 0; up < 6; up++) {
        snprintf(probe, sizeof probe, "%s/PROVENANCE.md", path);
        if (access(probe, R_OK) == 0)
            break;
        memmove(path + 3, path, strlen(path) + 1);
        memcpy(path, "../", 3);
    }
    enum jb_code code = jb_cloud_load(path, &error, &cloud);
    if (!code)
        code = jb_factors_load(&(struct jb_factor_load){.data_path = path}, &error, &factors);
    if (!code)
        code = jb_regions_load(path, &error, &regions);
    if (code) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
}

static void check_flows(struct jb_bill_flows *flows) {
    const struct jb_bill_unit *units;
    const struct jb_bill_label *labels;
    size_t unit_count = jb_bill_flows_units(flows, &units);
    for (size_t u = 0; u < unit_count; u++) {
        const struct jb_bill_flow *all;
        assert(jb_bill_flows_of(flows, u, NULL, &all) == JB_OK);
        for (size_t i = 0; i < units[u].flow_count; i++) {
            const char *from = jb_bill_flows_text(flows, all[i].from),
                       *to = jb_bill_flows_text(flows, all[i].to);
            assert(jb_account_validate(from, NULL) == JB_OK && jb_account_validate(to, NULL) == JB_OK);
            assert(strcmp(from, to) != 0 && all[i].start_ns < all[i].end_ns && all[i].amount >= 0);
            assert(all[i].start_ns >= JB_BOOK_FIRST_NS && all[i].end_ns <= JB_BOOK_LAST_NS);
        }
        assert(units[u].flow_count == 0 ||
               (units[u].first_ns < units[u].last_ns && strlen(units[u].identity) < 210));
    }
    for (size_t i = 0, label_count = jb_bill_flows_labels(flows, &labels); i < label_count; i++) {
        struct jb_label label;
        snprintf(label.pattern, sizeof label.pattern, "%s", labels[i].pattern);
        snprintf(label.key, sizeof label.key, "%s", labels[i].key);
        snprintf(label.value, sizeof label.value, "%s", labels[i].value);
        assert(jb_label_check(&label, NULL) == JB_OK);
    }
}

/* Reads the bytes as a bill of the format, with any number of bad rows, and turns it into flows. */
static inline void fuzz_bill(const uint8_t *data, size_t size, const struct jb_bill_format *format,
                             const struct jb_bill_map *map) {
    static const char *const labels[] = {"team"};
    const char *path = "-";
    struct jb_error error = {0};
    struct jb_stream *stream = NULL;
    struct jb_bill_scans scans = {0};
    struct jb_bill_flows *flows = NULL;
    load_tables();
    int descriptor = memfd_create("bill", MFD_CLOEXEC);
    assert(descriptor >= 0 && write(descriptor, data, size) == (ssize_t)size &&
           lseek(descriptor, 0, SEEK_SET) == 0);
    enum jb_code code = jb_stream_open(descriptor, "fuzz", &error, &stream);
    struct jb_bill_files files = {.paths = &path,
                                  .path_count = 1,
                                  .streams = &stream,
                                  .format = format,
                                  .map = map,
                                  .bucket_ns = INT64_C(3600000000000),
                                  .labels = labels,
                                  .label_count = 1,
                                  .bad_ceiling = size % 2 ? 1000 : 0,
                                  .thread_count = 1};
    struct jb_bill_question question = {.cloud = cloud,
                                        .factors = factors,
                                        .regions = regions,
                                        .files = &files,
                                        .utilisation = 0.5,
                                        .utilisation_uncertainty = 0.25};
    if (!code)
        code = jb_bill_scan(&files, &error, &scans);
    if (!code)
        code = jb_bill_flows_make(&question, &scans, &error, &flows);
    if (code)
        assert(error.message[0] && !strpbrk(error.message, "\n\r\033"));
    else
        check_flows(flows);
    jb_bill_flows_free(flows);
    jb_bill_scans_free(&scans);
    jb_stream_free(stream);
}
