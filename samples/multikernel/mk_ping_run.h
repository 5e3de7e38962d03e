/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the sample know of each other. */
#ifndef _SAMPLES_MULTIKERNEL_MK_PING_RUN_H
#define _SAMPLES_MULTIKERNEL_MK_PING_RUN_H

#include <multikernel/mk_ipi.h>
#include "mk_ping.h"

#define PING_ECHO	(MK_IPI_TYPE_LOCAL + 0)	/* to be sent back */
#define PING_REPLY	(MK_IPI_TYPE_LOCAL + 1)	/* the same bytes */
#define PING_ASK	(MK_IPI_TYPE_LOCAL + 2)	/* be the initiator of a run */
#define PING_DONE	(MK_IPI_TYPE_LOCAL + 3)	/* how it went */

int ping_run_init(void);
void ping_run_exit(void);

/*
 * Run @ping, which was checked, with this kernel as the initiator, and fill in
 * its out fields. Waits for another run to end. An errno if nothing was sent;
 * what ends a run later is told in @ping->error. Process context, may sleep.
 */
int ping_run(struct mk_ping *ping);

/* The runs that are there end early, and so does each later one. Any context. */
void ping_run_stop(void);

#endif /* _SAMPLES_MULTIKERNEL_MK_PING_RUN_H */
