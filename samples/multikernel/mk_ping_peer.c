// SPDX-License-Identifier: GPL-2.0
/*
 * Which peers have gone: a run with one of them ends at once, since what it waits for
 * will not come.
 */
#include <linux/compiler.h>
#include <linux/nospec.h>
#include <linux/notifier.h>
#include <linux/wait.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping_run.h"

/* Lives of each instance that have ended, by it; written by the notifier alone */
static u32 ends[MK_IPI_MAX_INSTANCES];

/* Woken when the state of any has changed */
DECLARE_WAIT_QUEUE_HEAD(ping_changed);

u32 ping_ends(unsigned int peer)
{
	if (peer >= MK_IPI_MAX_INSTANCES)
		return 0;
	return READ_ONCE(ends[array_index_nospec(peer, MK_IPI_MAX_INSTANCES)]);
}

/* One that hangs may come back; from one that is broken nothing is taken any more */
static int ping_notify(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct mk_ipi_peer_event *event = data;

	if (state != MK_IPI_PEER_UP && state != MK_IPI_PEER_HUNG)
		WRITE_ONCE(ends[event->peer], ends[event->peer] + 1);
	wake_up_all(&ping_changed);
	return NOTIFY_DONE;
}

static struct notifier_block ping_peers = { .notifier_call = ping_notify };

int ping_peer_init(void)
{
	return mk_ipi_register_notifier(&ping_peers);
}

void ping_peer_exit(void)
{
	mk_ipi_unregister_notifier(&ping_peers);
}
