/* What the files of the meter import share: meters while they are read and booked. */
#ifndef JB_IMPORT_METER_INTERNAL_H
#define JB_IMPORT_METER_INTERNAL_H

#include "import/meter.h"

#include "import/input.h"

struct jb_meter_reading {
    int64_t time_ns, end_ns; /* end INT64_MIN: the table has none */
    jb_int128 value;         /* µJ, µl; of power µW */
    uint64_t line;
    uint32_t input;
};

struct jb_meter_step {
    int64_t start_ns, end_ns;
    jb_int128 amount; /* µJ or µl; ≥ 0 */
};

struct jb_meter {
    char name[JB_METER_NAME_SIZE];
    const struct jb_meter_rule *rule;
    enum jb_meter_kind kind;
    bool is_column;      /* its table has a column a meter, not a row a reading */
    jb_int128 unit_size; /* of its readings: µJ, µW or µl in one, times 10^-6 */
    struct jb_meter_reading *readings;
    size_t count, capacity;
    struct jb_stamp_state start_state, end_state;
    struct jb_meter_step *steps; /* ordered, without overlap */
    size_t step_count;
    uint64_t wrap_count, restart_count;
};

struct jb_meters {
    struct jb_meter *items;
    size_t count, capacity;
    size_t last; /* that a row named */
    size_t reading_count;
};
void jb_meters_free(struct jb_meters *meters);

/* meter_csv.c: the readings of one file. */
enum jb_code jb_meter_read_csv(FILE *file, const char *name, uint32_t input,
                               const struct jb_meter_request *request, struct jb_meters *meters,
                               struct jb_error *error);
/* meter_step.c: readings into steps. inputs: their names, for messages. */
enum jb_code jb_meter_make_steps(struct jb_meters *meters, const struct jb_meter_request *request,
                                 const struct jb_inputs *inputs, struct jb_error *error);

/* What a meter of a role measures. */
static inline bool jb_meter_is_it(enum jb_meter_role role) {
    return role == JB_METER_UPS || role == JB_METER_PDU || role == JB_METER_IT;
}

/* meter_book.c: the flows and gaps of one site. */
enum jb_code jb_meter_book_site(struct jb_meters *meters, const char *site, struct jb_ledger *ledger,
                                bool is_dry_run, struct jb_error *error, struct jb_meter_result *result);

#endif
