// SPDX-License-Identifier: GPL-2.0
/* Tests of what a ring must not believe: what is old, or makes no sense. */
#include "ring_ends.h"

/* Bytes that look like the head that the next lap has there */
static void ring_payload_is_no_head(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg;
	u32 slots, step, pos, k;
	u64 *data;

	for (step = 1; step <= 4; step++) {
		ring_move(ring, 0);
		slots = ring_slots_of(MK_IPI_MAX_LEN);
		for (k = 1; k < slots; k++) {
			data = (u64 *)(ring->out + 64 * k - 8);
			*data = ring_head(RING_SENDER, k + RING_SLOTS, RING_TYPE, 0);
		}
		KUNIT_ASSERT_EQ(test, 0, ring_send(ring, RING_TYPE, ring->out, MK_IPI_MAX_LEN));
		KUNIT_ASSERT_EQ(test, 0, ring_get(ring, &msg));
		for (pos = slots; pos < 2 * RING_SLOTS; pos += step)
			ring_round(test, step * 64 - 8, pos);
	}
}

/* The same slots for a new pair of incarnations, one of whom may be the old */
static void ring_opened_anew(struct kunit *test)
{
	static const u32 sender[] = { RING_SENDER, RING_SENDER + 1, RING_SENDER + 1 + BIT(11) };
	struct ring_ends *ring = test->priv;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(sender); i++) {
		for (k = 0; k < 5; k++)
			KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 20, k));
		ring_open(ring, sender[i]);
		ring_expect_empty(test);
		for (k = 0; k < RING_SLOTS; k++)
			ring_round(test, 20, k);
	}
}

/* The sender may start before the receiver has seen the ring */
static void ring_sends_before_it_is_received(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 i;

	ring->wire_rx.ack = ring_ack(RING_SENDER - 1, 77);
	mk_ring_tx_open(&ring->tx, ring->slots, RING_SLOTS, &ring->wire_rx, RING_SENDER);
	for (i = 0; i < RING_SLOTS - 1; i++)
		KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 56, i));
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 56, i));

	mk_ring_rx_open(&ring->rx, ring->slots, RING_SLOTS, &ring->wire_rx, &ring->wire_tx,
			RING_SENDER, ring->max_len);
	for (i = 0; i < RING_SLOTS - 1; i++)
		ring_expect(test, 56, i);
	ring_round(test, 56, i);
}

/* Where the sequence in the head, or the position itself, starts again */
static const u32 ring_wraps[] = { BIT(20), BIT(20) * 2, BIT(31), 0 };

static void ring_wrap_desc(const u32 *pos, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "0x%x", *pos);
}

KUNIT_ARRAY_PARAM(ring_wrap, ring_wraps, ring_wrap_desc);

static void ring_position_wraps(struct kunit *test)
{
	const u32 *wrap = test->param_value;
	struct ring_ends *ring = test->priv;
	u32 i;

	ring_move(ring, *wrap - 200);
	for (i = 0; i < 400; i++)
		ring_round(test, i, i);
}

static void ring_full_where_position_wraps(struct kunit *test)
{
	const u32 *wrap = test->param_value;
	struct ring_ends *ring = test->priv;
	u32 i;

	ring_move(ring, *wrap - RING_SLOTS / 2);
	for (i = 0; i < RING_SLOTS - 1; i++)
		KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 56, i));
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 56, i));
	for (i = 0; i < RING_SLOTS - 1; i++)
		ring_expect(test, 56, i);
	ring_expect_empty(test);
}

struct ring_bad_head {
	const char	*name;
	u64		flip;
	u32		len;
	int		error;
};

static const struct ring_bad_head ring_bad_heads[] = {
	{ "too long",		0,			  MK_WIRE_URGENT_LEN + 1, -EPROTO },
	{ "bulk",		0,			  MK_WIRE_BULK_LEN,	  -EPROTO },
	{ "longest",		0,			  0x1ffff,		  -EPROTO },
	{ "reserved bit 19",	BIT_ULL(19),		  8,			  -EPROTO },
	{ "other position",	BIT_ULL(32),		  8,			  -EAGAIN },
	{ "an earlier lap",	BIT_ULL(32) * RING_SLOTS, 8,			  -EAGAIN },
	{ "other sender",	BIT_ULL(52),		  8,			  -EAGAIN },
	{ "not valid",		BIT_ULL(63),		  8,			  -EAGAIN },
};

KUNIT_ARRAY_PARAM_DESC(ring_bad_head, ring_bad_heads, name);

static void ring_refuses_head(struct kunit *test)
{
	const struct ring_bad_head *bad = test->param_value;
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg;
	u64 head = ring_head(RING_SENDER, 0, RING_TYPE, bad->len) ^ bad->flip;

	ring->slots[0].head = head;
	KUNIT_EXPECT_EQ(test, bad->error, ring_get(ring, &msg));
	KUNIT_EXPECT_EQ(test, 0, ring->rx.pos);
}

struct ring_bad_ack {
	const char	*name;
	u32		sender;
	s32		ahead;
};

static const struct ring_bad_ack ring_bad_acks[] = {
	{ "one ahead",		RING_SENDER,		1 },
	{ "a lap ahead",	RING_SENDER,		RING_SLOTS },
	{ "half way round",	RING_SENDER,		S32_MIN },
	{ "one too far behind",	RING_SENDER,		-RING_SLOTS },
	{ "a lap behind",	RING_SENDER,		-2 * RING_SLOTS },
	{ "other sender",	RING_SENDER - 1,	0 },
	{ "bit 11 of sender",	RING_SENDER | BIT(11),	0 },
	{ "no sender",		0,			0 },
};

KUNIT_ARRAY_PARAM_DESC(ring_bad_ack, ring_bad_acks, name);

static void ring_refuses_ack(struct kunit *test)
{
	const struct ring_bad_ack *bad = test->param_value;
	struct ring_ends *ring = test->priv;
	u32 start = 3 * RING_SLOTS, i;

	ring_move(ring, start);
	for (i = 0; i < RING_SLOTS - 1; i++)
		KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 56, i));

	ring->wire_rx.ack = ring_ack(bad->sender, ring->tx.pos + bad->ahead);
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 56, i));

	/* Whatever the receiver says: what it has not read is still there */
	for (i = 0; i < RING_SLOTS - 1; i++)
		ring_expect(test, 56, i);
	ring_expect_empty(test);
}

static struct kunit_case ring_stale_cases[] = {
	KUNIT_CASE(ring_payload_is_no_head),
	KUNIT_CASE(ring_opened_anew),
	KUNIT_CASE(ring_sends_before_it_is_received),
	KUNIT_CASE_PARAM(ring_position_wraps, ring_wrap_gen_params),
	KUNIT_CASE_PARAM(ring_full_where_position_wraps, ring_wrap_gen_params),
	KUNIT_CASE_PARAM(ring_refuses_head, ring_bad_head_gen_params),
	KUNIT_CASE_PARAM(ring_refuses_ack, ring_bad_ack_gen_params),
	{}
};

static struct kunit_suite ring_stale_suite = {
	.name = "mk_ring_stale",
	.init = ring_init,
	.test_cases = ring_stale_cases,
};

kunit_test_suite(ring_stale_suite);
