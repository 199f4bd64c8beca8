/* INI files: sections of lines "name = value", each with its line number; the reader behind every setting. */
#ifndef JB_BASE_INI_H
#define JB_BASE_INI_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdint.h>

struct jb_ini; /* opaque: a copy of the text, and where its entries are */

#define JB_INI_LINE_CEILING  4096 /* bytes of a line */
#define JB_INI_ENTRY_CEILING 200000

struct jb_ini_entry {
    const char *section; /* of the heading [section] that it stands under; blanks about it removed */
    const char *name;    /* NULL: this is the heading itself */
    const char *value;   /* "" when nothing follows '='; NULL with name */
    uint32_t line;       /* from 1 */
};

/* Takes a text apart. A line is blank, a comment (first character ; or #), a heading, or "name = value"; what
 * follows a blank and ; or # in a value is a comment as well. Repeated names and sections are the caller's to
 * judge. JB_INPUT with file, line and mend: UTF-16, NUL and other control characters, invalid UTF-8, a line
 * past the ceiling, a line that is none of these. JB_LIMIT: too many entries. file is for messages. */
enum jb_code jb_ini_read(const char *text, size_t length, const char *file, struct jb_error *error,
                         struct jb_ini **ret_ini);
void jb_ini_free(struct jb_ini *ini); /* NULL-safe */
/* In order of the file; valid until jb_ini_free. Returns their number. */
size_t jb_ini_entries(const struct jb_ini *ini, const struct jb_ini_entry **ret_entries);

/* The one of `count` names that `name` was most likely meant to be: at most a third of its letters (and at
 * most three) wrong, missing, too many or swapped with their neighbour; NULL when there is none. */
const char *jb_ini_near(const char *name, const char *const *names, size_t count);

JB_DEFINE_CLEANUP(struct jb_ini, jb_ini_free);

#endif
