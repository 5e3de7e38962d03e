// SPDX-License-Identifier: GPL-2.0
/* DPDK's ring, with one sender and one receiver, and messages in its slots */
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include "bench.h"

static struct rte_ring *ways[2];

static bool ring_send(unsigned int direction, const struct bench_msg *msg)
{
	return !rte_ring_sp_enqueue_elem(ways[direction], (void *)msg, sizeof(*msg));
}

static bool ring_receive(unsigned int direction, struct bench_msg *msg)
{
	return !rte_ring_sc_dequeue_elem(ways[direction], msg, sizeof(*msg));
}

#include "loops.h"

static void rte_open(void)
{
	ssize_t size = rte_ring_get_memsize_elem(sizeof(struct bench_msg), BENCH_SLOTS);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		free(ways[i]);
		ways[i] = bench_alloc(size);
		if (rte_ring_init(ways[i], "bench", BENCH_SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ))
			abort();
	}
}

const struct bench_ring bench_rte = {
	.name = "rte_ring",
	.open = rte_open,
	.ping = loop_ping,
	.pong = loop_pong,
	.send = loop_stream,
	.receive = loop_drain,
};
