// SPDX-License-Identifier: GPL-2.0
/* Concurrency Kit's ring, with one sender and one receiver, and messages in its slots */
#include <ck_ring.h>
#include "bench.h"

CK_RING_PROTOTYPE(msg, bench_msg)

static struct way {
	alignas(128) ck_ring_t ring;
	alignas(128) struct bench_msg slots[BENCH_SLOTS];
} *ways;

static bool ring_send(unsigned int direction, const struct bench_msg *msg)
{
	struct way *way = &ways[direction];

	return CK_RING_ENQUEUE_SPSC(msg, &way->ring, way->slots, (struct bench_msg *)msg);
}

static bool ring_receive(unsigned int direction, struct bench_msg *msg)
{
	struct way *way = &ways[direction];

	return CK_RING_DEQUEUE_SPSC(msg, &way->ring, way->slots, msg);
}

#include "loops.h"

static void ck_open(void)
{
	free(ways);
	ways = bench_alloc(2 * sizeof(*ways));
	ck_ring_init(&ways[0].ring, BENCH_SLOTS);
	ck_ring_init(&ways[1].ring, BENCH_SLOTS);
}

const struct bench_ring bench_ck = {
	.name = "ck_ring",
	.open = ck_open,
	.ping = loop_ping,
	.pong = loop_pong,
	.send = loop_stream,
	.receive = loop_drain,
};
