/* The kinds of usage that table.c lists, one for each file of this layer that fills a part of a sample. */
#ifndef JB_LOAD_TABLE_H
#define JB_LOAD_TABLE_H

#include "load/load.h"

extern const struct jb_load_ops jb_load_host;          /* host.c */
extern const struct jb_load_ops jb_load_cgroup;        /* cgroup.c */
extern const struct jb_load_ops jb_load_process_bpf;   /* process_bpf.c */
extern const struct jb_load_ops jb_load_process_clock; /* process_clock.c */

#endif
