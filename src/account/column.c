/* The columns of a valued statement: names, formulas and the standards that they follow. */
#include "account/value.h"

#include <assert.h>
#include <string.h>

static const struct jb_column_info infos[JB_COLUMN_COUNT] = {
    [JB_COLUMN_LOCATION] = {"carbon_location", "Location", "Σt E·PUE·I",
                            "GHG Protocol Scope 2 Guidance (2015), 6.2, location-based method"},
    [JB_COLUMN_MARKET] = {"carbon_market", "Market",
                          "Σt E·PUE·(Σc x·Ic + (1 − Σc x)·R), x by volume within the year",
                          "GHG Protocol Scope 2 Guidance (2015), 6.2 and 7, market-based method"},
    [JB_COLUMN_HOURLY] =
        {"carbon_hourly", "Hourly", "Σt E·PUE·(Σc x·Ic + (1 − Σc x)·R), x within the hour",
         "EnergyTag Granular Certificate Scheme Standard v2 (2024); Google, 24/7 Carbon-Free Energy: "
         "Methodologies and Metrics (2021)"},
    [JB_COLUMN_SCOPE2_LOCATION] = {"scope2_location", "Scope 2", "Σt E·PUE·Id",
                                   "GHG Protocol Scope 2 Guidance (2015), 6.2; combustion at generation"},
    [JB_COLUMN_SCOPE2_MARKET] = {"scope2_market", "Scope 2 market", "Σt E·PUE·(Σc x·Idc + (1 − Σc x)·R)",
                                 "GHG Protocol Scope 2 Guidance (2015), 6.2 and 7"},
    [JB_COLUMN_SCOPE3_LOCATION] = {"scope3_location", "Scope 3",
                                   "Σt E·PUE·(I − Id) + M; what providers run, whole",
                                   "GHG Protocol Scope 3 Standard (2011), categories 1, 2 and 3"},
    [JB_COLUMN_SCOPE3_MARKET] = {"scope3_market", "Scope 3 market", "market − scope 2 market + M",
                                 "GHG Protocol Scope 3 Standard (2011), categories 1, 2 and 3"},
    [JB_COLUMN_EMBODIED] = {"carbon_embodied", "Embodied",
                            "M = Σt TE·TS·RS, TS = t ÷ lifetime, RS = share of the host's energy",
                            "ISO/IEC 21031:2024 (SCI), 5: M = TE × TS × RS"},
    [JB_COLUMN_SCI] = {"carbon_sci", "SCI carbon", "E·I + M", "ISO/IEC 21031:2024 (SCI), 5"},
    [JB_COLUMN_WATER] = {"water_used", "Water", "Σt E·WUE + E·PUE·W",
                         "ISO/IEC 30134-9:2022 (WUE category 2); Li et al. 2025, Making AI Less Thirsty"},
    [JB_COLUMN_MONEY] = {"cost", "Cost", "Σt E·PUE·T, and what is booked", "the tariff; bills in the book"},
};

const struct jb_column_info *jb_column_info(enum jb_value_column column) {
    assert((unsigned)column < JB_COLUMN_COUNT);
    return &infos[column];
}

bool jb_column_of_name(const char *name, enum jb_value_column *ret_column) {
    for (unsigned c = 0; c < JB_COLUMN_COUNT; c++) {
        if (strcmp(infos[c].name, name) == 0) {
            *ret_column = (enum jb_value_column)c;
            return true;
        }
    }
    return false;
}
