/* The quantities that factors give: names, units, columns, and the range outside of which a value is refused.
 */
#include "factor/factor.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* No grid emits more than its worst plant: lignite and oil stay below 2000 g/kWh; the rest likewise leaves
 * room. */
static const struct jb_quantity_info infos[JB_QUANTITY_COUNT] = {
    [JB_GRID_INTENSITY] = {"grid_intensity", "g/kWh", "grid_intensity_g_per_kwh", 0, 2500,
                           "CO2e of electricity consumed, life cycle"},
    [JB_GRID_INTENSITY_DIRECT] = {"grid_intensity_direct", "g/kWh", "grid_intensity_direct_g_per_kwh", 0,
                                  2500, "CO2e of electricity, combustion only"},
    [JB_TECHNOLOGY_INTENSITY] = {"technology_intensity", "g/kWh", "technology_intensity_g_per_kwh", 0, 2500,
                                 "CO2e of a way of generation, life cycle"},
    [JB_SHARE_COAL] = {"share_coal", "%", "share_coal_percent", 0, 100, "part of generation"},
    [JB_SHARE_GAS] = {"share_gas", "%", "share_gas_percent", 0, 100, "part of generation"},
    [JB_SHARE_OIL] = {"share_oil", "%", "share_oil_percent", 0, 100, "part of generation"},
    [JB_SHARE_NUCLEAR] = {"share_nuclear", "%", "share_nuclear_percent", 0, 100, "part of generation"},
    [JB_SHARE_HYDRO] = {"share_hydro", "%", "share_hydro_percent", 0, 100, "part of generation"},
    [JB_SHARE_WIND] = {"share_wind", "%", "share_wind_percent", 0, 100, "part of generation"},
    [JB_SHARE_SOLAR] = {"share_solar", "%", "share_solar_percent", 0, 100, "part of generation"},
    [JB_SHARE_BIO] = {"share_bio", "%", "share_bio_percent", 0, 100, "part of generation"},
    [JB_SHARE_OTHER] = {"share_other_renewable", "%", "share_other_renewable_percent", 0, 100,
                        "part of generation"},
    [JB_RENEWABLE_SHARE] = {"renewable_share", "%", "renewable_share_percent", 0, 100,
                            "renewable part of consumption"},
    [JB_CARBON_FREE_SHARE] = {"carbon_free_share", "%", "carbon_free_share_percent", 0, 100,
                              "renewable and nuclear part of consumption"},
    [JB_CLEAN_SHARE] = {"clean_share", "%", "clean_share_percent", 0, 100,
                        "clean part of a provider's electricity as it states it, by annual volume"},
    [JB_CFE] = {"cfe", "%", "cfe_percent", 0, 100, "carbon-free energy, matched by the hour"},
    [JB_PUE] = {"pue", "1", "pue", 1, 5, "power usage effectiveness (ISO/IEC 30134-2)"},
    [JB_WUE] = {"wue", "L/kWh", "wue_l_per_kwh", 0, 30,
                "water usage effectiveness of a site (ISO/IEC 30134-9)"},
    [JB_GRID_WATER] = {"grid_water", "L/kWh", "grid_water_l_per_kwh", 0, 100,
                       "water consumed for electricity of a region"},
    [JB_TECHNOLOGY_WATER] = {"technology_water", "L/kWh", "technology_water_l_per_kwh", 0, 100,
                             "water consumed by a way of generation"},
    [JB_VCPU_IDLE] = {"vcpu_idle", "W/vCPU", "min_w_per_vcpu", 0.01, 50, "power of a server per vCPU, idle"},
    [JB_VCPU_FULL] = {"vcpu_full", "W/vCPU", "max_w_per_vcpu", 0.01, 50,
                      "power of a server per vCPU, full load"},
    [JB_MEMORY_POWER] = {"memory_power", "W/GB", "memory_w_per_gb", 0, 10, "power of memory"},
    [JB_STORAGE_POWER] = {"storage_power", "W/TB", "storage_w_per_tb", 0, 100, "power of storage"},
    [JB_EMBODIED_FACTOR] = {"embodied", "kgCO2e", "embodied_kgco2e", 0, 1000000, "CO2e of making one"},
    [JB_TDP] = {"tdp", "W", "tdp_w", 0.1, 5000, "thermal design power"},
    [JB_MEMORY_SIZE] = {"memory_size", "GB", "memory_size_gb", 0, 10000, "memory of an accelerator"},
    [JB_MEMORY_BANDWIDTH] = {"memory_bandwidth", "GB/s", "memory_bandwidth_gb_per_s", 0, 1000000,
                             "bandwidth of its memory"},
    [JB_COMPUTE_BF16] = {"compute_bf16", "TFLOPS", "compute_bf16_tflops", 0, 1000000,
                         "dense BF16 matrix arithmetic"},
    [JB_ACTIVITY_ENERGY] = {"activity_energy", "kWh", "activity_energy_kwh", 0, 1000000,
                            "energy of one unit of a fuel, a way to travel or a material"},
    [JB_ACTIVITY_CARBON] = {"activity_carbon", "kgCO2e", "activity_carbon_kgco2e", 0, 1000000,
                            "CO2e of one unit of a fuel, a way to travel or a material"},
    [JB_HOST_POWER] = {"host_power", "W", "host_power_w", 0, 5000,
                       "power of a server beside its accelerators, for each of them"},
};

/* Other ways to write a unit, and how many of ours it makes. */
static const struct {
    const char *unit, *name;
    double multiplier;
} units[] = {
    {"g/kWh", "g/kWh", 1},
    {"g/kWh", "gCO2e/kWh", 1},
    {"g/kWh", "gCO2eq/kWh", 1},
    {"g/kWh", "kgCO2e/kWh", 1e3},
    {"g/kWh", "kg/kWh", 1e3},
    {"g/kWh", "kgCO2e/MWh", 1},
    {"g/kWh", "kg/MWh", 1},
    {"g/kWh", "tCO2e/MWh", 1e3},
    {"g/kWh", "t/MWh", 1e3},
    {"g/kWh", "tCO2e/kWh", 1e6},
    {"g/kWh", "t/kWh", 1e6},
    {"%", "%", 1},
    {"%", "percent", 1},
    {"%", "fraction", 100},
    {"1", "1", 1},
    {"1", "ratio", 1},
    {"L/kWh", "L/kWh", 1},
    {"L/kWh", "l/kWh", 1},
    {"L/kWh", "L/MWh", 1e-3},
    {"L/kWh", "m3/MWh", 1},
    {"W/vCPU", "W/vCPU", 1},
    {"W/GB", "W/GB", 1},
    {"W/GB", "W/GiB", 1 / 1.073741824},
    {"W/TB", "W/TB", 1},
    {"kWh", "kWh", 1},
    {"kWh", "MWh", 1e3},
    {"kgCO2e", "kgCO2e", 1},
    {"kgCO2e", "kg", 1},
    {"kgCO2e", "gCO2e", 1e-3},
    {"kgCO2e", "tCO2e", 1e3},
    {"W", "W", 1},
    {"W", "kW", 1e3},
    {"GB", "GB", 1},
    {"GB", "GiB", 1.073741824},
    {"GB/s", "GB/s", 1},
    {"GB/s", "TB/s", 1e3},
    {"TFLOPS", "TFLOPS", 1},
};

const struct jb_quantity_info *jb_quantity_info(enum jb_quantity quantity) {
    assert((unsigned)quantity < JB_QUANTITY_COUNT);
    return &infos[quantity];
}

bool jb_quantity_of_name(const char *name, enum jb_quantity *ret_quantity) {
    for (unsigned i = 0; i < JB_QUANTITY_COUNT; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            *ret_quantity = (enum jb_quantity)i;
            return true;
        }
    }
    return false;
}

bool jb_quantity_of_column(const char *column, enum jb_quantity *ret_quantity) {
    for (unsigned i = 0; i < JB_QUANTITY_COUNT; i++) {
        if (strcmp(infos[i].column, column) == 0) {
            *ret_quantity = (enum jb_quantity)i;
            return true;
        }
    }
    return false;
}

bool jb_quantity_unit(enum jb_quantity quantity, const char *unit, double *ret_multiplier) {
    for (size_t i = 0; i < JB_COUNT(units); i++) {
        if (strcmp(units[i].unit, jb_quantity_info(quantity)->unit) == 0 &&
            strcmp(units[i].name, unit) == 0) {
            *ret_multiplier = units[i].multiplier;
            return true;
        }
    }
    return false;
}

char *jb_quantity_units(enum jb_quantity quantity, char *ret, size_t size) {
    size_t length = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < JB_COUNT(units); i++) {
        if (strcmp(units[i].unit, jb_quantity_info(quantity)->unit) != 0)
            continue;
        int more = snprintf(ret + length, size - length, "%s%s", length ? ", " : "", units[i].name);
        if (more < 0 || (size_t)more >= size - length)
            break;
        length += (size_t)more;
    }
    return ret;
}
