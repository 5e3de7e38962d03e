// SPDX-License-Identifier: GPL-2.0
/* Our ring, from the source that is in the kernel. */
#include "internal.h"
#include "bench.h"

static struct way {
	alignas(128) struct mk_ring_tx tx;
	alignas(128) struct mk_ring_rx rx;
	alignas(128) struct mk_wire_rx far;
	alignas(128) struct mk_wire_tx near;
	alignas(128) struct mk_wire_slot slots[BENCH_SLOTS];
} *ways;

static bool ring_send(unsigned int direction, const struct bench_msg *msg)
{
	const struct kvec vec = { .iov_base = (void *)msg, .iov_len = sizeof(*msg) };

	return !mk_ring_send(&ways[direction].tx, 1, MK_WIRE_MESSAGE, &vec, 1, sizeof(*msg));
}

static bool ring_receive(unsigned int direction, struct bench_msg *msg)
{
	struct mk_ring_rx *rx = &ways[direction].rx;
	struct mk_ring_msg in;

	if (mk_ring_receive(rx, &in, msg))
		return false;
	/* As rx_ack_now_and_then() */
	if (rx->pos - rx->acked >= rx->nr_slots / 4)
		mk_ring_ack(rx);
	return true;
}

#include "loops.h"

static void mk_open(void)
{
	unsigned int i;

	free(ways);
	ways = bench_alloc(2 * sizeof(*ways));
	memset(ways, 0, 2 * sizeof(*ways));
	for (i = 0; i < 2; i++) {
		mk_ring_tx_open(&ways[i].tx, ways[i].slots, BENCH_SLOTS, &ways[i].far, 1);
		mk_ring_rx_open(&ways[i].rx, ways[i].slots, BENCH_SLOTS, &ways[i].far,
				&ways[i].near, 1, MK_WIRE_URGENT_LEN);
	}
}

const struct bench_ring bench_mk = {
	.name = "mk_ring",
	.open = mk_open,
	.ping = loop_ping,
	.pong = loop_pong,
	.send = loop_stream,
	.receive = loop_drain,
};
