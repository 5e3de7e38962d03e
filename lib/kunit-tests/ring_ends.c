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

/* A new ring, as the .init of a suite */
int ring_init(struct kunit *test)
{
	struct ring_ends *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ring);
	ring->slots = mk_test_pages(test, RING_BYTES);
	mk_ring_tx_open(&ring->tx, ring->slots, RING_SLOTS, &ring->ack, RING_SENDER);
	mk_ring_rx_open(&ring->rx, ring->slots, RING_SLOTS, &ring->ack, RING_SENDER);
	test->priv = ring;
	return 0;
}

/* Both ends of an empty ring that has been in use up to @pos */
void ring_move(struct ring_ends *ring, u32 pos)
{
	memset(ring->slots, 0, RING_BYTES);
	ring->ack = ring_ack(RING_SENDER, pos);
	ring->tx.pos = pos;
	ring->tx.limit = pos;	/* nothing known to be free: look at the ack */
	ring->rx.pos = pos;
}

int ring_put(struct ring_ends *ring, u32 len, unsigned int seed)
{
	mk_test_fill(ring->out, len, seed);
	return mk_ring_send(&ring->tx, RING_TYPE, ring->out, len);
}

int ring_get(struct ring_ends *ring, struct mk_ipi_msg *msg)
{
	return mk_ring_receive(&ring->rx, msg, ring->in);
}

/* The next message is what ring_put() made of @len and @seed */
void ring_expect(struct kunit *test, u32 len, unsigned int seed)
{
	struct ring_ends *ring = test->priv;
	struct mk_ipi_msg msg = {};

	KUNIT_ASSERT_EQ(test, 0, ring_get(ring, &msg));
	KUNIT_ASSERT_EQ(test, len, msg.len);
	KUNIT_ASSERT_EQ(test, RING_TYPE, msg.type);
	mk_test_fill(ring->out, len, seed);
	KUNIT_ASSERT_MEMEQ(test, msg.data, ring->out, len);
}

void ring_expect_empty(struct kunit *test)
{
	struct mk_ipi_msg msg;

	KUNIT_ASSERT_EQ(test, -EAGAIN, ring_get(test->priv, &msg));
}

/* One message, in and out */
void ring_round(struct kunit *test, u32 len, unsigned int seed)
{
	KUNIT_ASSERT_EQ(test, 0, ring_put(test->priv, len, seed));
	ring_expect(test, len, seed);
	ring_expect_empty(test);
}
