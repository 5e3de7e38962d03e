// SPDX-License-Identifier: GPL-2.0
/* No ring: a cache line each way, of which one word is written. What nothing goes below. */
#include "bench.h"

/* Each way, and what its reader has seen last */
static struct line {
	alignas(128) uint64_t seq;
	alignas(128) uint64_t last;
} *lines;

static bool ring_send(unsigned int direction, const struct bench_msg *msg)
{
	__atomic_store_n(&lines[direction].seq, msg->seq, __ATOMIC_RELEASE);
	return true;
}

static bool ring_receive(unsigned int direction, struct bench_msg *msg)
{
	uint64_t seq = __atomic_load_n(&lines[direction].seq, __ATOMIC_ACQUIRE);

	if (seq == lines[direction].last)
		return false;
	lines[direction].last = seq;
	msg->seq = seq;
	msg->more[sizeof(msg->more) - 1] = seq;
	return true;
}

#include "loops.h"

static void line_open(void)
{
	free(lines);
	lines = bench_alloc(2 * sizeof(*lines));
	lines[0] = (struct line) {};
	lines[1] = (struct line) {};
}

const struct bench_ring bench_line = {
	.name = "a cache line",
	.open = line_open,
	.ping = loop_ping,
	.pong = loop_pong,
};
