/* Opens NVIDIA's management library and looks its functions up. */
#include "source/nvml_api.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <string.h>

/* Where a function goes, and the names under which drivers have had it, newest first. */
struct symbol {
    size_t offset;
    const char *names[2];
};

#define SYMBOL(member, ...)                                                                                  \
    {                                                                                                        \
        offsetof(struct jb_nvml_api, member), {                                                              \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static const struct symbol symbols[] = {
    SYMBOL(init, "nvmlInit_v2", "nvmlInit"),
    SYMBOL(shutdown, "nvmlShutdown"),
    SYMBOL(device_count, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"),
    SYMBOL(device_by_index, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"),
    SYMBOL(device_uuid, "nvmlDeviceGetUUID"),
    SYMBOL(device_name, "nvmlDeviceGetName"),
    SYMBOL(energy_mj, "nvmlDeviceGetTotalEnergyConsumption"),
    SYMBOL(power_mw, "nvmlDeviceGetPowerUsage"),
    SYMBOL(field_values, "nvmlDeviceGetFieldValues"),
    SYMBOL(power_limits_mw, "nvmlDeviceGetPowerManagementLimitConstraints"),
    SYMBOL(enforced_limit_mw, "nvmlDeviceGetEnforcedPowerLimit"),
    SYMBOL(utilization, "nvmlDeviceGetUtilizationRates"),
    SYMBOL(process_utilization, "nvmlDeviceGetProcessUtilization"),
    SYMBOL(processes[0], "nvmlDeviceGetComputeRunningProcesses_v3",
           "nvmlDeviceGetComputeRunningProcesses_v2"),
    SYMBOL(processes[1], "nvmlDeviceGetGraphicsRunningProcesses_v3",
           "nvmlDeviceGetGraphicsRunningProcesses_v2"),
    SYMBOL(processes[2], "nvmlDeviceGetMPSComputeRunningProcesses_v3",
           "nvmlDeviceGetMPSComputeRunningProcesses_v2"),
    SYMBOL(mig_mode, "nvmlDeviceGetMigMode"),
    SYMBOL(mig_ceiling, "nvmlDeviceGetMaxMigDeviceCount"),
    SYMBOL(mig_device, "nvmlDeviceGetMigDeviceHandleByIndex"),
    SYMBOL(attributes, "nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes"),
};
#define REQUIRED_COUNT 5

/* POSIX lets an object pointer of dlsym be read as a function pointer. */
static bool look_up(struct jb_nvml_api *api, const char *name, size_t offset) {
    void *address = dlsym((void *)api->library, name);
    if (address)
        memcpy((char *)api + offset, &address, sizeof address);
    return address;
}

enum jb_code jb_nvml_api_open(const char *library, struct jb_error *error, struct jb_nvml_api *ret_api) {
    struct jb_nvml_api api = {0};
    api.library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!api.library)
        return jb_error_set(error, JB_NO_DATA,
                            "%s is not there; where there is an NVIDIA GPU, install its driver's management "
                            "library (libnvidia-ml1)",
                            library);
    for (size_t i = 0; i < JB_COUNT(symbols); i++) {
        bool is_found = false;
        for (size_t k = 0; k < JB_COUNT(symbols[i].names) && symbols[i].names[k] && !is_found; k++)
            is_found = look_up(&api, symbols[i].names[k], symbols[i].offset);
        if (!is_found && i < REQUIRED_COUNT) {
            jb_nvml_api_close(&api);
            return jb_error_set(error, JB_UNSUPPORTED, "%s lacks %s: not the NVIDIA management library",
                                library, symbols[i].names[0]);
        }
    }
    /* drivers before 460 have these two only, with a shorter record */
    static const char *const old_names[] = {"nvmlDeviceGetComputeRunningProcesses",
                                            "nvmlDeviceGetGraphicsRunningProcesses"};
    for (size_t i = 0; i < JB_COUNT(old_names); i++) {
        if (!api.processes[i])
            api.has_old_processes[i] = look_up(
                &api, old_names[i], offsetof(struct jb_nvml_api, processes) + i * sizeof api.processes[0]);
    }
    *ret_api = api;
    return JB_OK;
}

void jb_nvml_api_close(struct jb_nvml_api *api) {
    if (api && api->library) {
        dlclose((void *)api->library);
        api->library = NULL;
    }
}

enum jb_code jb_nvml_error(unsigned status, const char *what, struct jb_error *error) {
    switch (status) {
    case JB_NVML_DRIVER_NOT_LOADED:
    case JB_NVML_UNINITIALIZED:
        return jb_error_set(error, JB_NO_DATA, "%s: the NVIDIA driver is not loaded (modprobe nvidia)", what);
    case JB_NVML_NO_PERMISSION:
        return jb_error_set(error, JB_PERMISSION,
                            "%s: not allowed; grant read and write on /dev/nvidiactl and /dev/nvidia*", what);
    case JB_NVML_LIBRARY_MISMATCH:
        return jb_error_set(error, JB_IO,
                            "%s: the NVIDIA library and the loaded driver are of different versions; reboot, "
                            "or load the driver anew",
                            what);
    case JB_NVML_GPU_IS_LOST:
    case JB_NVML_RESET_REQUIRED:
        return jb_error_set(error, JB_IO, "%s: the GPU fell off the bus or must be reset", what);
    case JB_NVML_NOT_SUPPORTED:
    case JB_NVML_FUNCTION_NOT_FOUND:
        return jb_error_set(error, JB_UNSUPPORTED, "%s: this GPU or driver does not tell", what);
    case JB_NVML_NOT_FOUND:
    case JB_NVML_NO_DATA:
        return jb_error_set(error, JB_NO_DATA, "%s: no data", what);
    default:
        return jb_error_set(error, JB_IO, "%s: NVML status %u", what, status);
    }
}
