/* Fuzzes single cells: times, months, tags, instance types and names of regions. */
#include "bill.h"

#include "import/bill_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const providers[] = {"aws", "azure", "gcp", "alibaba"};
    struct jb_error error = {0};
    struct jb_buffer out = {0};
    struct jb_cloud_machine machine;
    const struct jb_region *region;
    char name[JB_BILL_NAME_SIZE];
    int64_t ns;
    char *text = strndup((const char *)data, size);
    assert(text);
    load_tables();
    if (jb_bill_time_parse(text, INT64_C(28800000000000), &error, &ns))
        assert(error.message[0]);
    jb_bill_month_parse(text, &error, &out);
    jb_bill_machine_parse(text, &out);
    jb_bill_tag_parse(text, "team", &error, &out);
    jb_bill_capacity_parse(text, &out);
    jb_buffer_clear(&out);
    jb_bill_term_parse(text, true, INT64_C(28800000000000), &out);
    double hours;
    if (jb_bill_term_find(out.length ? out.bytes : "", "2026-07-01", &error, &ns, &hours) == JB_OK ||
        jb_bill_term_find("2026-08-01", text, &error, &ns, &hours) == JB_OK ||
        jb_bill_term_find(text, text, &error, &ns, &hours) == JB_OK)
        assert(hours >= 672 && hours <= 24 * 3660);
    for (size_t i = 0; i < JB_COUNT(providers); i++) {
        struct jb_cloud_use use;
        struct jb_cloud_line line = {providers[i], text, text, text, text, i % 2 == 0};
        if (jb_cloud_machine_find(cloud, providers[i], text, &machine))
            assert(machine.vcpus > 0 && machine.memory_gib >= 0 && machine.gpus >= 0);
        if (jb_cloud_use_find(cloud, &line, &error, &use) == JB_OK)
            assert(use.amount >= 0);
        jb_bill_region(cloud, regions, providers[i], text, text, &region, name);
        assert(strlen(name) > 0 && jb_account_validate(name, NULL) == JB_OK);
    }
    jb_bill_provider(text, name);
    assert(jb_account_validate(name, NULL) == JB_OK);
    jb_buffer_free(&out);
    free(text);
    return 0;
}
