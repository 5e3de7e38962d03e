// SPDX-License-Identifier: GPL-2.0
/* Tests of when the ends of a ring have to ring each other. */
#include <linux/bitfield.h>
#include <linux/kthread.h>
#include <linux/prandom.h>

#include "ring_ends.h"

/* Whether the receiver has to be rung for one more message */
static bool ring_put_must_ring(struct kunit *test, u32 len)
{
	struct ring_ends *ring = test->priv;
	u32 before = ring->tx.pos;

	KUNIT_ASSERT_EQ(test, 0, ring_put(ring, len, 0));
	return mk_ring_must_ring(&ring->tx, before);
}

/* The receiver stops looking; false: there is something it has to look at first */
static bool ring_arm(struct ring_ends *ring)
{
	bool wanted = false;

	return !mk_ring_arm(&ring->rx, 0, &wanted);
}

static void ring_take(struct kunit *test, unsigned int nr)
{
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg;

	while (nr--)
		KUNIT_ASSERT_EQ(test, 0, mk_ring_receive(&ring->rx, &msg, ring->in));
}

/* A receiver that has not seen the ring yet cannot have said when to be rung */
static void arm_first_message_rings(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	ring->wire_rx.event = ring_ack(RING_SENDER - 1, 7);
	mk_ring_tx_open(&ring->tx, ring->slots, RING_SLOTS, &ring->wire_rx, RING_SENDER);
	KUNIT_EXPECT_TRUE(test, ring_put_must_ring(test, 8));
	KUNIT_EXPECT_TRUE(test, ring_put_must_ring(test, 8));
}

static void arm_says_where(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	ring_put(ring, 200, 0);
	ring_take(test, 1);
	KUNIT_EXPECT_TRUE(test, ring_arm(ring));
	KUNIT_EXPECT_EQ(test, ring_ack(RING_SENDER, ring_slots_of(200)), ring->wire_rx.event);
	KUNIT_EXPECT_EQ(test, ring_ack(RING_SENDER, ring_slots_of(200)), ring->wire_rx.ack);
}

/* Not for what comes next, but for what fills a slot farther on; and once */
static void arm_ahead(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	bool wanted;
	u32 i;

	KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 200, 0));
	ring_take(test, 1);
	KUNIT_EXPECT_FALSE(test, mk_ring_arm(&ring->rx, 10, &wanted));
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_TRUE(test, mk_ring_armed(&ring->rx, 10 - i));
		KUNIT_EXPECT_FALSE(test, mk_ring_armed(&ring->rx, 9 - i));
		KUNIT_EXPECT_FALSE(test, ring_put_must_ring(test, 8));
		ring_take(test, 1);
	}
	KUNIT_EXPECT_TRUE(test, mk_ring_armed(&ring->rx, 0));
	KUNIT_EXPECT_TRUE(test, ring_put_must_ring(test, 200));
	ring_take(test, 1);
	KUNIT_EXPECT_FALSE(test, mk_ring_armed(&ring->rx, 10));
	KUNIT_EXPECT_FALSE(test, ring_put_must_ring(test, 8));
	/* What has come meanwhile is told, wherever it is to ring */
	KUNIT_EXPECT_TRUE(test, mk_ring_arm(&ring->rx, 10, &wanted));
}

/* Once for all that is sent until the receiver has looked */
static void arm_rings_once(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int round, i;

	for (round = 0; round < 3 * RING_SLOTS; round++) {
		KUNIT_ASSERT_TRUE(test, ring_arm(ring));
		KUNIT_ASSERT_TRUE(test, ring_put_must_ring(test, round));
		for (i = 0; i < 20; i++)
			KUNIT_ASSERT_FALSE(test, ring_put_must_ring(test, i));
		ring_take(test, 21);
		mk_ring_ack(&ring->rx);
	}
}

/* A message fills many slots: the one that was asked for is the first of them */
static void arm_rings_for_long_messages(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 len;

	for (len = 0; len <= MK_WIRE_URGENT_LEN; len += 40) {
		KUNIT_ASSERT_TRUE(test, ring_arm(ring));
		KUNIT_ASSERT_TRUE(test, ring_put_must_ring(test, len));
		ring_take(test, 1);
	}
}

/* Several messages may be put in before it is asked whether to ring */
static void arm_counts_from_before(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 before = ring->tx.pos;

	KUNIT_ASSERT_TRUE(test, ring_arm(ring));
	ring_put(ring, 8, 0);
	ring_put(ring, 8, 1);
	ring_put(ring, 8, 2);
	KUNIT_EXPECT_TRUE(test, mk_ring_must_ring(&ring->tx, before));
	KUNIT_EXPECT_FALSE(test, mk_ring_must_ring(&ring->tx, before + 1));
}

/* While the receiver is looking it need not be told */
static void arm_looking_is_not_rung(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, ring_arm(ring));
	KUNIT_ASSERT_TRUE(test, ring_put_must_ring(test, 8));
	for (i = 0; i < 10 * RING_SLOTS; i++) {
		ring_take(test, 1);
		mk_ring_ack(&ring->rx);
		KUNIT_ASSERT_FALSE(test, ring_put_must_ring(test, 8));
	}
}

/* What came in between is not waited for */
static void arm_looks_again(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	KUNIT_ASSERT_TRUE(test, ring_arm(ring));
	ring_put(ring, 8, 0);
	KUNIT_EXPECT_FALSE(test, ring_arm(ring));
	KUNIT_EXPECT_TRUE(test, mk_ring_peek(&ring->rx));
	ring_take(test, 1);
	KUNIT_EXPECT_TRUE(test, ring_arm(ring));
}

static void arm_peek_takes_nothing(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	KUNIT_EXPECT_FALSE(test, mk_ring_peek(&ring->rx));
	ring_put(ring, 100, 9);
	KUNIT_EXPECT_TRUE(test, mk_ring_peek(&ring->rx));
	KUNIT_EXPECT_TRUE(test, mk_ring_peek(&ring->rx));
	ring_expect(test, 100, 9);
	KUNIT_EXPECT_FALSE(test, mk_ring_peek(&ring->rx));
}

/* Where positions start again, the event and the range around it do, too */
static void arm_where_position_wraps(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int i;

	ring_move(ring, -RING_SLOTS);
	for (i = 0; i < RING_SLOTS; i++) {
		KUNIT_ASSERT_TRUE(test, ring_arm(ring));
		KUNIT_ASSERT_TRUE(test, ring_put_must_ring(test, 100));
		KUNIT_ASSERT_FALSE(test, ring_put_must_ring(test, 8));
		ring_take(test, 2);
	}
}

/* Whatever the receiver writes there: the sender rings, or it does not */
static void arm_lying_event(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 3);
	for (i = 0; i < 1000; i++) {
		ring->wire_rx.event = ((u64)prandom_u32_state(&rnd) << 32) |
				      prandom_u32_state(&rnd);
		ring_put_must_ring(test, prandom_u32_state(&rnd) % 300);
		ring_take(test, 1);
		mk_ring_ack(&ring->rx);
	}
	ring_expect_empty(test);
}

static void want_is_not_set(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int i;

	for (i = 0; i < 3 * RING_SLOTS; i++) {
		ring_put(ring, 8, i);
		ring_take(test, 1);
		KUNIT_ASSERT_FALSE(test, mk_ring_ack(&ring->rx));
	}
}

/* Ask to be rung when no more than so many slots are unread */
static bool want_room(struct ring_ends *ring, u32 unread)
{
	return mk_ring_want_room(&ring->tx, &ring->wire_tx, 0, unread);
}

/* The same of a full ring, when the receiver has read anything */
static bool want_any_room(struct ring_ends *ring)
{
	return want_room(ring, RING_SLOTS - 2);
}

/* The sender wants room: it is told when there is some, at the latest when all is */
static void want_is_told(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int round, i, told;

	for (round = 0; round < 10; round++) {
		for (i = 0; !ring_put(ring, 56, i); i++)
			;
		KUNIT_ASSERT_EQ(test, RING_SLOTS - 1, i);
		KUNIT_ASSERT_TRUE(test, want_any_room(ring));
		KUNIT_ASSERT_TRUE(test, ring->wire_tx.want & MK_WIRE_WANT);
		for (told = 0; i; i--) {
			ring_take(test, 1);
			if (mk_ring_ack(&ring->rx))
				told++;
		}
		KUNIT_ASSERT_GE(test, told, 1);
		KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 56, 0));
		ring_take(test, 1);
		mk_ring_ack(&ring->rx);
	}
}

/* The receiver has read on in between, and need not ring: there is room */
static void want_is_not_needed(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	while (!ring_put(ring, 56, 0))
		;
	ring_take(test, 1);
	mk_ring_ack(&ring->rx);
	KUNIT_EXPECT_FALSE(test, want_any_room(ring));
	KUNIT_EXPECT_EQ(test, 0, ring_put(ring, 56, 0));
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 56, 0));
	KUNIT_EXPECT_TRUE(test, want_any_room(ring));
}

static void has_room(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int i;

	/* The message's slots, and the one behind them */
	for (i = 0; i < RING_SLOTS - 3; i++) {
		KUNIT_ASSERT_TRUE(test, mk_ring_has_room(&ring->tx, 57));
		KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 56, i));
	}
	KUNIT_EXPECT_TRUE(test, mk_ring_has_room(&ring->tx, 57 + 63));
	KUNIT_EXPECT_FALSE(test, mk_ring_has_room(&ring->tx, 57 + 64));
	ring_take(test, 1);
	KUNIT_EXPECT_FALSE(test, mk_ring_has_room(&ring->tx, 57 + 64));
	mk_ring_ack(&ring->rx);
	KUNIT_EXPECT_TRUE(test, mk_ring_has_room(&ring->tx, 57 + 64));
}

static void peek_request(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct kvec vec = { .iov_base = ring->out, .iov_len = 16 };

	KUNIT_EXPECT_FALSE(test, mk_ring_peek_request(&ring->rx));
	mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_MESSAGE, &vec, 1, 16);
	mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_REQUEST, &vec, 1, 16);
	mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_REPLY, &vec, 1, 16);
	KUNIT_EXPECT_FALSE(test, mk_ring_peek_request(&ring->rx));
	ring_take(test, 1);
	KUNIT_EXPECT_TRUE(test, mk_ring_peek_request(&ring->rx));
	KUNIT_EXPECT_TRUE(test, mk_ring_peek_request(&ring->rx));
	ring_take(test, 1);
	KUNIT_EXPECT_FALSE(test, mk_ring_peek_request(&ring->rx));
}

/* Once, and not at every ack from there on */
static void want_is_told_once(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int i, told = 0;

	while (!ring_put(ring, 56, 0))
		;
	KUNIT_ASSERT_TRUE(test, want_any_room(ring));
	for (i = 0; i < RING_SLOTS - 1; i++) {
		ring_take(test, 1);
		told += mk_ring_ack(&ring->rx);
	}
	KUNIT_EXPECT_EQ(test, 1, told);
}

/* When as much is read as was asked for, and neither sooner nor later */
static void want_is_told_in_time(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int unread, left;

	for (unread = 0; unread < RING_SLOTS - 1; unread++) {
		while (!ring_put(ring, 56, 0))
			;
		KUNIT_ASSERT_TRUE(test, want_room(ring, unread));
		for (left = RING_SLOTS - 2; left > unread; left--) {
			ring_take(test, 1);
			KUNIT_ASSERT_FALSE(test, mk_ring_ack(&ring->rx));
		}
		ring_take(test, 1);
		KUNIT_ASSERT_TRUE(test, mk_ring_ack(&ring->rx));
		KUNIT_ASSERT_FALSE(test, want_room(ring, unread));
		ring_take(test, unread);
		KUNIT_ASSERT_FALSE(test, mk_ring_ack(&ring->rx));
	}
}

/* Who asks later, for less, waits no longer; nor does who asked before, for more */
static void want_is_told_to_the_first(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	while (!ring_put(ring, 56, 0))
		;
	KUNIT_ASSERT_TRUE(test, want_room(ring, RING_SLOTS - 4));
	KUNIT_ASSERT_TRUE(test, want_room(ring, 0));
	ring_take(test, 3);
	KUNIT_EXPECT_TRUE(test, mk_ring_ack(&ring->rx));
	/* The one who waits for more asks again, and then it is told, too */
	KUNIT_EXPECT_TRUE(test, want_room(ring, 0));
	ring_take(test, RING_SLOTS - 5);
	KUNIT_EXPECT_FALSE(test, mk_ring_ack(&ring->rx));
	KUNIT_EXPECT_TRUE(test, want_room(ring, 0));
	ring_take(test, 1);
	KUNIT_EXPECT_TRUE(test, mk_ring_ack(&ring->rx));
}

/* A receiver that has read all and stops looking says so, too */
static void want_is_told_when_armed(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	bool wanted = false;
	unsigned int i;

	for (i = 0; !ring_put(ring, 56, i); i++)
		;
	KUNIT_ASSERT_TRUE(test, want_any_room(ring));
	ring_take(test, i);
	KUNIT_EXPECT_FALSE(test, mk_ring_arm(&ring->rx, 0, &wanted));
	KUNIT_EXPECT_TRUE(test, wanted);
}

#define ARM_ROUNDS	mk_test_many(50000)

/**
 * struct arm_race - a sender that is on its own, and wakes only when it must
 * @ring:  the ring
 * @bells: rung for the receiver
 * @sent:  messages
 */
struct arm_race {
	struct ring_ends	*ring;
	atomic_t		bells;
	u32			sent;
};

static int arm_write(void *arg)
{
	struct arm_race *race = arg;
	struct rnd_state rnd;
	u32 before, i = 0;

	prandom_seed_state(&rnd, 4);
	while (i < ARM_ROUNDS && !kthread_should_stop()) {
		before = race->ring->tx.pos;
		if (ring_send(race->ring, RING_TYPE, &i, sizeof(i))) {
			cond_resched();
			continue;
		}
		WRITE_ONCE(race->sent, ++i);
		if (mk_ring_must_ring(&race->ring->tx, before))
			atomic_inc(&race->bells);
		ndelay(prandom_u32_state(&rnd) % 2000);
		if (!(i % 64))
			cond_resched();
	}
	return 0;
}

/*
 * The receiver looks only when it was rung. Were it not rung for a message that it
 * has not seen, neither side would go on.
 */
static void arm_race(struct kunit *test)
{
	struct arm_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	unsigned long end = jiffies + mk_test_long();
	struct ring_ends *ring = test->priv;
	struct task_struct *task;
	struct mk_ring_msg msg;
	bool armed, wrong = false;
	u32 received = 0;

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->ring = ring;
	armed = ring_arm(ring);
	task = mk_test_thread(test, arm_write, race, nr_cpu_ids);
	while (received < ARM_ROUNDS && !wrong && time_before(jiffies, end)) {
		if (armed && !atomic_xchg(&race->bells, 0)) {
			cond_resched();
			continue;
		}
		while (!mk_ring_receive(&ring->rx, &msg, ring->in))
			wrong |= *(u32 *)msg.data != received++;
		armed = ring_arm(ring);
	}
	mk_test_thread_stop(test, task);
	KUNIT_EXPECT_FALSE(test, wrong);
	KUNIT_EXPECT_EQ(test, ARM_ROUNDS, received);
}

static struct kunit_case arm_cases[] = {
	KUNIT_CASE(arm_first_message_rings),
	KUNIT_CASE(arm_says_where),
	KUNIT_CASE(arm_ahead),
	KUNIT_CASE(arm_rings_once),
	KUNIT_CASE(arm_rings_for_long_messages),
	KUNIT_CASE(arm_counts_from_before),
	KUNIT_CASE(arm_looking_is_not_rung),
	KUNIT_CASE(arm_looks_again),
	KUNIT_CASE(arm_peek_takes_nothing),
	KUNIT_CASE(arm_where_position_wraps),
	KUNIT_CASE(arm_lying_event),
	KUNIT_CASE(want_is_not_set),
	KUNIT_CASE(want_is_told),
	KUNIT_CASE(want_is_not_needed),
	KUNIT_CASE(want_is_told_in_time),
	KUNIT_CASE(want_is_told_to_the_first),
	KUNIT_CASE(want_is_told_once),
	KUNIT_CASE(want_is_told_when_armed),
	KUNIT_CASE(has_room),
	KUNIT_CASE(peek_request),
	KUNIT_CASE(arm_race),
	{}
};

static struct kunit_suite arm_suite = {
	.name = "mk_ring_arm",
	.init = ring_init,
	.test_cases = arm_cases,
};

kunit_test_suite(arm_suite);
