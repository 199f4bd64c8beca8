/* A line on the terminal that says how far long work has come. */
#ifndef JB_CLI_PROGRESS_H
#define JB_CLI_PROGRESS_H

#include "base/progress.h"

#include <stddef.h>

/* Shows progress on standard error from the second second on, until it is ended; nothing where that is no
 * terminal, or a dumb one. Both outlive it; names: of the places, from 1 on; "-" is standard input. There is
 * one terminal, so there is one line. Until it is ended, signals that end a program erase it first; threads
 * are started after this, since these signals are blocked in them. */
void progress_show(const struct jb_progress *progress, const char *const *names, size_t name_count);
/* The same for work of one phase (a text that stays) that does not say how far it is: its name and the time.
 */
void progress_wait(const char *phase);
/* Erases the line, if there is one. jb_cli_fail, jb_cli_usage and jb_cli_print begin with this. */
void progress_end(void);

#define PROGRESS_TEXT_SIZE 1024
/* What the line says, in at most so many columns. name: of the place, NULL when there is none yet; elapsed_s:
 * of the phase; rate: done per second of late, 0 when it is not known. Returns ret. */
char *progress_format(const struct jb_progress *progress, const char *name, size_t name_count,
                      double elapsed_s, double rate, unsigned columns, char ret[static PROGRESS_TEXT_SIZE]);

#endif
