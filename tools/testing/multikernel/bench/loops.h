/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops by which a ring is measured. Included by each, behind
 *
 *	static bool ring_send(unsigned int direction, const struct bench_msg *msg);
 *	static bool ring_receive(unsigned int direction, struct bench_msg *msg);
 *
 * which are false if there is no room, or no message, so that they can be inlined.
 */
static void loop_send(unsigned int direction, const struct bench_msg *msg)
{
	while (!ring_send(direction, msg))
		;
}

static void loop_receive(unsigned int direction, struct bench_msg *msg, uint64_t seq)
{
	while (!ring_receive(direction, msg))
		;
	if (msg->seq != seq || msg->more[sizeof(msg->more) - 1] != (uint8_t)seq)
		abort();
}

static void loop_fill(struct bench_msg *msg, uint64_t seq)
{
	msg->seq = seq;
	msg->more[sizeof(msg->more) - 1] = seq;
}

static void loop_ping(uint64_t count)
{
	struct bench_msg msg = {}, answer;

	for (uint64_t seq = 1; seq <= count; seq++) {
		loop_fill(&msg, seq);
		loop_send(0, &msg);
		loop_receive(1, &answer, seq);
	}
}

static void loop_pong(uint64_t count)
{
	struct bench_msg msg;

	for (uint64_t seq = 1; seq <= count; seq++) {
		loop_receive(0, &msg, seq);
		loop_send(1, &msg);
	}
}

static inline void loop_stream(uint64_t count)
{
	struct bench_msg msg = {};

	for (uint64_t seq = 1; seq <= count; seq++) {
		loop_fill(&msg, seq);
		loop_send(0, &msg);
	}
}

static inline void loop_drain(uint64_t count)
{
	struct bench_msg msg;

	for (uint64_t seq = 1; seq <= count; seq++)
		loop_receive(0, &msg, seq);
}
