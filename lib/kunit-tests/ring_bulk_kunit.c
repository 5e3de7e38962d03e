// SPDX-License-Identifier: GPL-2.0
/* Tests of the ring of the bulk lane, and of messages in pieces. */
#include "ring_ends.h"

static void bulk_ring_lengths(struct kunit *test)
{
	static const u32 len[] = {
		0, 1, 56, 57, MK_IPI_MAX_LEN, MK_WIRE_URGENT_LEN, MK_WIRE_URGENT_LEN + 1, SZ_32K,
		MK_IPI_MAX_BULK_LEN - 1, MK_IPI_MAX_BULK_LEN, MK_IPI_MAX_BULK_LEN + 1,
		MK_WIRE_BULK_LEN - 1, MK_WIRE_BULK_LEN,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++)
		ring_round(test, len[i], i);
}

static void bulk_ring_too_long(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg;

	ring->slots[0].head = ring_head(RING_SENDER, 0, RING_TYPE, MK_WIRE_BULK_LEN + 1);
	KUNIT_EXPECT_EQ(test, -EPROTO, ring_get(ring, &msg));
}

/* The largest message, begun at many slots: most of them go past the end */
static void bulk_ring_wraps(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 pos;

	for (pos = 0; pos < RING_BULK_SLOTS; pos += 61) {
		ring_move(ring, pos);
		ring_round(test, MK_WIRE_BULK_LEN, pos);
	}
}

static void bulk_ring_full(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 i;

	for (i = 0; i < RING_BULK_SLOTS - 1; i++)
		KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 56, i));
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 0, i));
	for (i = 0; i < RING_BULK_SLOTS - 1; i++)
		ring_expect(test, 56, i);
	ring_expect_empty(test);
}

/* What is sent in pieces of @piece bytes, cut at @offset first, arrives in one */
static void ring_gather(struct kunit *test, u32 len, u32 offset, u32 piece)
{
	struct ring_ends *ring = test->priv;
	struct kvec vec[40] = {};
	unsigned int nr = 0;
	u32 done = 0, n;

	mk_test_fill(ring->out, len, len);
	while (done < len && nr < ARRAY_SIZE(vec)) {
		n = min(done ? piece : offset, len - done);
		if (nr == ARRAY_SIZE(vec) - 1)
			n = len - done;
		vec[nr].iov_base = ring->out + done;
		vec[nr++].iov_len = n;
		done += n;
	}
	KUNIT_ASSERT_EQ(test, 0, mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_MESSAGE,
					      vec, nr, len));
	ring_expect(test, len, len);
	ring_expect_empty(test);
}

static void gather_pieces(struct kunit *test)
{
	static const u32 piece[] = { 1, 7, 8, 55, 56, 57, 63, 64, 65, 1000, 5000 };
	u32 offset, i;

	for (i = 0; i < ARRAY_SIZE(piece); i++)
		for (offset = 1; offset < 70; offset++)
			ring_gather(test, 777, offset, piece[i]);
}

/* Pieces that end at the ring's last byte, and beside it */
static void gather_past_the_end(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 offset;

	for (offset = 1; offset < 300; offset++) {
		ring_move(ring, RING_BULK_SLOTS - 3);
		ring_gather(test, 600, offset, 100);
		ring_move(ring, RING_BULK_SLOTS - 1);
		ring_gather(test, 600, offset, 9);
	}
}

static void gather_empty_pieces(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct kvec vec[6] = {};

	mk_test_fill(ring->out, 90, 1);
	vec[1].iov_base = ring->out;
	vec[1].iov_len = 30;
	vec[4].iov_base = ring->out + 30;
	vec[4].iov_len = 60;
	KUNIT_ASSERT_EQ(test, 0, mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_MESSAGE, vec, 6, 90));
	ring_expect(test, 90, 1);

	KUNIT_ASSERT_EQ(test, 0, mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_MESSAGE, vec, 1, 0));
	ring_expect(test, 0, 0);
}

/* What is behind the message in its last slot, and the slot behind, is left alone */
static void gather_writes_no_more(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct kvec vec[2] = {
		{ .iov_base = ring->out, .iov_len = 50 },
		{ .iov_base = ring->out + 50, .iov_len = 20 },
	};

	memset(ring->slots, 0xee, 3 * sizeof(*ring->slots));
	KUNIT_ASSERT_EQ(test, 0, mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_MESSAGE, vec, 2, 70));
	KUNIT_EXPECT_PTR_EQ(test, NULL, memchr_inv((u8 *)ring->slots + 78, 0xee, 128 - 78));
	KUNIT_EXPECT_PTR_EQ(test, NULL, memchr_inv(ring->slots[2].data, 0xee, 56));
	KUNIT_EXPECT_EQ(test, 0, ring->slots[2].head);
}

static struct kunit_case ring_bulk_cases[] = {
	KUNIT_CASE(bulk_ring_lengths),
	KUNIT_CASE(bulk_ring_too_long),
	KUNIT_CASE(bulk_ring_wraps),
	KUNIT_CASE(bulk_ring_full),
	KUNIT_CASE(gather_pieces),
	KUNIT_CASE(gather_past_the_end),
	KUNIT_CASE(gather_empty_pieces),
	KUNIT_CASE(gather_writes_no_more),
	{}
};

static struct kunit_suite ring_bulk_suite = {
	.name = "mk_ring_bulk",
	.init = ring_init_bulk,
	.test_cases = ring_bulk_cases,
};

kunit_test_suite(ring_bulk_suite);
