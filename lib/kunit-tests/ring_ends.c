// SPDX-License-Identifier: GPL-2.0
/* Both ends of a ring, and what they write on the wire, for the tests of it. */
#include <linux/bitfield.h>

#include "ring_ends.h"

u64 ring_ack(u32 sender, u32 pos)
{
	return FIELD_PREP(MK_WIRE_ACK_SENDER, (u64)sender) |
	       FIELD_PREP(MK_WIRE_ACK_POSITION, (u64)pos);
}

u64 ring_head(u32 sender, u32 pos, u32 type, u32 len)
{
	u32 seq = MK_WIRE_SEQ_VALID |
		  FIELD_PREP(MK_WIRE_SEQ_SENDER, sender % BIT(11)) |
		  FIELD_PREP(MK_WIRE_SEQ_POSITION, pos % BIT(20));

	return FIELD_PREP(MK_WIRE_HEAD_SEQ, (u64)seq) |
	       FIELD_PREP(MK_WIRE_HEAD_TYPE, (u64)type) |
	       FIELD_PREP(MK_WIRE_HEAD_LEN, (u64)len);
}

static int ring_make(struct kunit *test, u32 nr_slots, u32 max_len)
{
	struct ring_ends *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ring);
	ring->nr_slots = nr_slots;
	ring->max_len = max_len;
	ring->out = mk_test_buf(test, max_len);
	ring->in = mk_test_buf(test, 2 * max_len);
	ring->slots = mk_test_pages(test, nr_slots * sizeof(struct mk_wire_slot));
	ring_open(ring, RING_SENDER);
	test->priv = ring;
	return 0;
}

/* A new ring, as the .init of a suite */
int ring_init(struct kunit *test)
{
	return ring_make(test, RING_SLOTS, MK_WIRE_URGENT_LEN);
}

int ring_init_bulk(struct kunit *test)
{
	return ring_make(test, RING_BULK_SLOTS, MK_WIRE_BULK_LEN);
}

/* Both ends begin, in the same slots as before */
void ring_open(struct ring_ends *ring, u32 sender)
{
	mk_ring_tx_open(&ring->tx, ring->slots, ring->nr_slots, &ring->wire_rx, sender);
	mk_ring_rx_open(&ring->rx, ring->slots, ring->nr_slots, &ring->wire_rx, &ring->wire_tx,
			sender, ring->max_len);
}

/* Both ends of an empty ring that has been in use up to @pos */
void ring_move(struct ring_ends *ring, u32 pos)
{
	memset(ring->slots, 0, ring->nr_slots * sizeof(struct mk_wire_slot));
	ring->wire_tx.want = 0;
	ring->wire_rx.ack = ring_ack(RING_SENDER, pos);
	ring->wire_rx.event = ring_ack(RING_SENDER, pos);
	ring->tx.pos = pos;
	ring->tx.limit = pos;	/* nothing known to be free: look at the ack */
	ring->rx.pos = pos;
	ring->rx.acked = pos;
}

int ring_send(struct ring_ends *ring, u32 type, const void *data, u32 len)
{
	struct kvec vec = { .iov_base = (void *)data, .iov_len = len };

	return mk_ring_send(&ring->tx, type, MK_WIRE_MESSAGE, &vec, 1, len);
}

int ring_put(struct ring_ends *ring, u32 len, unsigned int seed)
{
	mk_test_fill(ring->out, len, seed);
	return ring_send(ring, RING_TYPE, ring->out, len);
}

/* Take a message, and tell the sender at once */
int ring_get(struct ring_ends *ring, struct mk_ring_msg *msg)
{
	int error = mk_ring_receive(&ring->rx, msg, ring->in);

	if (!error)
		mk_ring_ack(&ring->rx);
	return error;
}

/* The next message is what ring_put() made of @len and @seed */
void ring_expect(struct kunit *test, u32 len, unsigned int seed)
{
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg = {};

	KUNIT_ASSERT_EQ(test, 0, ring_get(ring, &msg));
	KUNIT_ASSERT_EQ(test, len, msg.len);
	KUNIT_ASSERT_EQ(test, RING_TYPE, msg.type);
	KUNIT_ASSERT_EQ(test, MK_WIRE_MESSAGE, msg.kind);
	mk_test_fill(ring->out, len, seed);
	KUNIT_ASSERT_EQ(test, 0, memcmp(msg.data, ring->out, len));
}

void ring_expect_empty(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg;

	KUNIT_ASSERT_FALSE(test, mk_ring_peek(&ring->rx));
	KUNIT_ASSERT_EQ(test, -EAGAIN, ring_get(ring, &msg));
}

/* One message, in and out */
void ring_round(struct kunit *test, u32 len, unsigned int seed)
{
	KUNIT_ASSERT_EQ(test, 0, ring_put(test->priv, len, seed));
	ring_expect(test, len, seed);
	ring_expect_empty(test);
}
