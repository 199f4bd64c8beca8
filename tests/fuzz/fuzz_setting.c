/* Settings of any bytes: what is taken in keeps its promises, what is not is told with its place. */
#include "account/setting.h"
#include "account/tariff.h"
#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_tariff(const struct jb_tariff *tariff) {
    int64_t until_ns;
    for (int64_t at_ns = -JB_DAY_NS; at_ns < 400 * JB_DAY_NS; at_ns += 31 * JB_HOUR_NS) {
        const struct jb_rate *rate = jb_tariff_at(tariff, at_ns, &until_ns);
        require(rate->price_per_kwh.value >= 0 && until_ns > at_ns);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = NULL;
    struct jb_error error = {0};
    enum jb_code code = jb_setting_parse((const char *)bytes, size, "input", &error, &setting);
    if (code) {
        require(!setting && error.message[0]);
        return 0;
    }
    for (size_t i = 0; i < setting->site_count; i++) {
        const struct jb_site *site = &setting->sites[i];
        require(jb_setting_site(setting, site->name) == site);
        require(isnan(site->pue.value) == !jb_declared_is_set(&site->pue));
        require(!jb_declared_is_set(&site->pue) || (site->pue.value >= 1 && site->pue.value <= 5));
        require(!*site->tariff || jb_setting_tariff(setting, site->tariff));
    }
    for (size_t i = 0; i < setting->contract_count; i++)
        require(setting->contracts[i].from_ns < setting->contracts[i].until_ns);
    for (size_t i = 0; i < setting->tariff_count; i++)
        try_tariff(&setting->tariffs[i]);
    for (size_t i = 0; i < setting->server_count; i++)
        require(setting->servers[i].lifetime_years.value > 0);
    /* The same bytes as amounts of a unit. */
    if (setting->unit_count)
        code = jb_setting_add_amounts(setting, 0, (const char *)bytes, size, "input.csv", &error);
    jb_setting_site_of(setting, "host/h1/cgroup/a/process/b");
    return 0;
}
