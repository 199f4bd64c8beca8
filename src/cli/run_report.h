/* The report of `run`: text for people, one JSON object for programs. */
#ifndef JB_CLI_RUN_REPORT_H
#define JB_CLI_RUN_REPORT_H

#include "base/buffer.h"
#include "meter/run_book.h"

/* booking NULL: no book was asked for; book_error NULL or why it could not be booked. */
struct jb_run_report {
    const struct jb_run_result *result;
    char *const *argv;
    const struct jb_run_booking *booking;
    const struct jb_error *book_error;
};

void jb_run_report_text(const struct jb_run_report *report, struct jb_buffer *out);
void jb_run_report_json(const struct jb_run_report *report, struct jb_buffer *out);

/* Why the energy is not known, in one line; "" when it is. Returns ret. */
char *jb_run_report_unknown(const struct jb_run_result *result, char *ret, size_t size);

#endif
