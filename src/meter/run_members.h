/* Which processes of a tick belong to the command, and how many were seen in all. Pure. */
#ifndef JB_METER_RUN_MEMBERS_H
#define JB_METER_RUN_MEMBERS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "meter/sampler.h"

struct jb_run_members; /* opaque */

/* own_pid: this process, whose children the members are; only descent uses it. */
enum jb_code jb_run_members_make(int32_t own_pid, struct jb_error *error,
                                 struct jb_run_members **ret_members);
void jb_run_members_free(struct jb_run_members *members); /* NULL-safe */

/* Members are the descendants of own_pid: by the chain of parents among the processes of this tick (those
 * that ended in it too), and whoever was a member in the tick before. ret_is_member[i] belongs to
 * processes[i], valid until the next update. */
enum jb_code jb_run_members_by_descent(struct jb_run_members *members,
                                       const struct jb_process_tick *processes, size_t count,
                                       struct jb_error *error, const bool **ret_is_member);

/* Members are the processes whose slot is held: slot_held[slot], slot < slot_count. */
enum jb_code jb_run_members_by_slot(struct jb_run_members *members, const struct jb_process_tick *processes,
                                    size_t count, const bool *slot_held, size_t slot_count,
                                    struct jb_error *error, const bool **ret_is_member);

/* Distinct members seen so far. */
uint64_t jb_run_members_seen(const struct jb_run_members *members);

JB_DEFINE_CLEANUP(struct jb_run_members, jb_run_members_free);

#endif
