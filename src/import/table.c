/* The formats that can be imported. */
#include "import/import.h"

#include "import/flows.h"

#include <string.h>

const struct jb_import_ops *const jb_import_table[] = {
    &jb_import_flows,
    NULL,
};

const struct jb_import_ops *jb_import_find(const char *name) {
    for (size_t i = 0; jb_import_table[i]; i++) {
        if (strcmp(jb_import_table[i]->name, name) == 0)
            return jb_import_table[i];
    }
    return NULL;
}
