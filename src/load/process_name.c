/* The name that a process is booked under. */
#include "load/process_name.h"

#include <stdio.h>
#include <string.h>

void jb_process_name_kernel(const char comm[static JB_COMM_SIZE], char ret[static JB_COMM_SIZE]) {
    size_t length = 0;
    while (length + 1 < JB_COMM_SIZE && comm[length] && comm[length] != '/' && comm[length] != ':')
        length++;
    size_t cut = length;
    while (cut > 0 && ((comm[cut - 1] >= '0' && comm[cut - 1] <= '9') || comm[cut - 1] == '_' ||
                       comm[cut - 1] == '-' || comm[cut - 1] == ' '))
        cut--;
    if (cut > 0)
        length = cut;
    memmove(ret, comm, length);
    ret[length] = '\0';
    if (!length)
        snprintf(ret, JB_COMM_SIZE, "%s", "unnamed");
}

void jb_process_name(const struct jb_root *root, const struct jb_process_usage *process, char *ret,
                     size_t size) {
    static const char deleted[] = " (deleted)";
    char name[4096];
    if (process->flags & JB_PROCESS_KERNEL) {
        char kernel_name[JB_COMM_SIZE];
        jb_process_name_kernel(process->comm, kernel_name);
        snprintf(ret, size, "%s", kernel_name);
        return;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", process->pid);
    if ((process->flags & JB_PROCESS_EXITED) || jb_root_readlink(root, path, name, sizeof name, NULL))
        name[0] = '\0';
    size_t length = strlen(name), suffix = sizeof deleted - 1;
    if (length > suffix && strcmp(name + length - suffix, deleted) == 0)
        name[length - suffix] = '\0';
    if (!*name)
        snprintf(name, sizeof name, "%.*s", JB_COMM_SIZE - 1, process->comm);
    snprintf(ret, size, "%s", *name ? name : "unnamed");
}
