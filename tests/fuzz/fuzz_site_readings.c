/* Readings of a site of any bytes: what is read is written as it was, and its flows balance. */
#include "ledger/site.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

/* What came into the site went out again, whatever is missing. */
static void balance(struct jb_site_readings *site) {
    enum { SITE = 1, GRID, OVERHEAD, UNATTRIBUTED, VARIANCE, METER };
    struct jb_site_accounts accounts = {SITE, GRID, OVERHEAD, UNATTRIBUTED, VARIANCE, NULL};
    accounts.meters = calloc(site->meter_count + 1, sizeof *accounts.meters);
    require(accounts.meters != NULL);
    for (size_t m = 0; m < site->meter_count; m++)
        accounts.meters[m] = (jb_account_id)(METER + m);
    for (size_t i = 0; i < site->interval_count; i++) {
        struct jb_site_flows flows = {0};
        jb_int128 rest = site->intervals[i].host_in - site->intervals[i].host_out;
        require(jb_site_make_flows(site, i, &accounts, &flows, NULL) == JB_OK);
        for (size_t f = 0; f < flows.count; f++) {
            const struct jb_flow *flow = &flows.items[f];
            require(flow->amount >= 0 && flow->start_ns < flow->end_ns && flow->from != flow->to);
            rest += flow->to == SITE ? flow->amount : 0;
            rest -= flow->from == SITE ? flow->amount : 0;
        }
        require(rest == 0 || site->intervals[i].host_in < 0 || site->intervals[i].host_out < 0);
        free(flows.items);
    }
    free(accounts.meters);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct jb_error error = {0};
    struct jb_site_readings site = {0}, again = {0};
    struct jb_buffer text = {0}, twice = {0};
    if (jb_site_parse((const char *)bytes, size, &error, &site)) {
        require(error.message[0] != '\0');
        return 0;
    }
    require(jb_site_write(&site, &text, NULL) == JB_OK);
    require(jb_site_parse(text.bytes, text.length, &error, &again) == JB_OK);
    require(jb_site_write(&again, &twice, NULL) == JB_OK);
    require(text.length == twice.length && memcmp(text.bytes, twice.bytes, text.length) == 0);
    balance(&site);
    jb_site_readings_free(&site);
    jb_site_readings_free(&again);
    jb_buffer_free(&text);
    jb_buffer_free(&twice);
    return 0;
}
