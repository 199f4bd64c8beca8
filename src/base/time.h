/* ISO 8601 in UTC: parsing, formatting and calendar arithmetic on int64 nanoseconds since 1970. */
#ifndef JB_BASE_TIME_H
#define JB_BASE_TIME_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define JB_TIME_SIZE 40 /* bytes that hold any formatted time */

/* Accepts 2026-11-24, 2026-11-24T08:00, 2026-11-24T08:00:01.5Z, offsets +09:00; a space may stand for T;
 * no zone means UTC. Years 1678 to 2261 (what int64 ns can hold). JB_INPUT says what was expected. */
enum jb_code jb_time_parse(const char *text, struct jb_error *error, int64_t *ret_ns);

/* "2026-11-24T08:00:01Z", with as many decimals (0, 3, 6 or 9) as are not zero. Returns ret. */
char *jb_time_format(int64_t ns, char ret[static JB_TIME_SIZE]);

/* "250ms", "1s", "10m", "2h", "3d", "1.5h"; a bare number is seconds. Must be > 0. */
enum jb_code jb_duration_parse(const char *text, struct jb_error *error, int64_t *ret_ns);

/* "last 24h" relative to now, or anything jb_time_parse takes. */
enum jb_code jb_time_parse_relative(const char *text, int64_t now_ns, struct jb_error *error,
                                    int64_t *ret_ns);

/* The start of the UTC bucket (hour, day) that holds ns; floor also for times before 1970. INT64_MIN where
 * the start lies before what int64 holds. bucket_ns > 0. */
int64_t jb_time_floor(int64_t ns, int64_t bucket_ns);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back (Hinnant, chrono-compatible algorithms). */
int64_t jb_days_from_civil(int64_t year, unsigned month, unsigned day);
void jb_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

#endif
