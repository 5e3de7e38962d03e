// SPDX-License-Identifier: GPL-2.0
/* Tests of the ring: one direction, one sender, one receiver. */
#include <linux/bitfield.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "ring_ends.h"

static void ring_empty(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	ring_expect_empty(test);
	KUNIT_EXPECT_EQ(test, 0, ring->rx.pos);
}

static void ring_one_message(struct kunit *test)
{
	ring_round(test, 13, 1);
}

static void ring_zero_length(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg = { .len = 1 };

	KUNIT_ASSERT_EQ(test, 0, mk_ring_send(&ring->tx, RING_TYPE, MK_WIRE_MESSAGE, NULL, 0, 0));
	KUNIT_ASSERT_EQ(test, 0, ring_get(ring, &msg));
	KUNIT_EXPECT_EQ(test, 0, msg.len);
	KUNIT_EXPECT_EQ(test, RING_TYPE, msg.type);
	KUNIT_EXPECT_EQ(test, 1, ring->rx.pos);
	ring_expect_empty(test);
}

static void ring_largest(struct kunit *test)
{
	ring_round(test, MK_WIRE_URGENT_LEN, 2);
}

static void ring_every_type(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	struct mk_ring_msg msg;
	u32 type;

	for (type = 0; type < MK_IPI_NR_TYPES; type++) {
		KUNIT_ASSERT_EQ(test, 0, ring_send(ring, type, &type, sizeof(type)));
		KUNIT_ASSERT_EQ(test, 0, ring_get(ring, &msg));
		KUNIT_ASSERT_EQ(test, type, msg.type);
	}
}

static void ring_every_short_length(struct kunit *test)
{
	u32 len;

	for (len = 0; len <= 300; len++)
		ring_round(test, len, len);
}

/* One byte less than n slots, n slots, one byte more */
static void ring_slot_borders(struct kunit *test)
{
	u32 border, len;

	for (border = 56; border < MK_WIRE_URGENT_LEN; border += 64)
		for (len = border - 1; len <= border + 1; len++)
			ring_round(test, len, len);
}

static void ring_writes_no_more_than_the_message(struct kunit *test)
{
	struct ring_ends *ring = test->priv;

	memset(ring->in, 0xee, 2 * ring->max_len);
	ring_round(test, MK_IPI_MAX_LEN, 3);
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    memchr_inv(ring->in + MK_IPI_MAX_LEN, 0xee,
				       2 * ring->max_len - MK_IPI_MAX_LEN));
}

/* What any other sender or receiver of the layout relies on */
static void ring_on_the_wire(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	const u32 len = 130;

	KUNIT_ASSERT_EQ(test, 0, ring_put(ring, len, 4));
	KUNIT_EXPECT_EQ(test, ring_head(RING_SENDER, 0, RING_TYPE, len), ring->slots[0].head);
	KUNIT_EXPECT_MEMEQ(test, ring->slots[0].data, ring->out, len);
	KUNIT_EXPECT_EQ(test, 0, ring->slots[ring_slots_of(len)].head);
	ring_expect(test, len, 4);
	KUNIT_EXPECT_EQ(test, ring_ack(RING_SENDER, ring_slots_of(len)), ring->wire_rx.ack);
}

static void ring_every_kind(struct kunit *test)
{
	static const enum mk_wire_kind kind[] = {
		MK_WIRE_MESSAGE, MK_WIRE_REQUEST, MK_WIRE_REPLY,
	};
	struct ring_ends *ring = test->priv;
	struct kvec vec = { .iov_base = ring->out, .iov_len = 16 };
	struct mk_ring_msg msg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		KUNIT_ASSERT_EQ(test, 0, mk_ring_send(&ring->tx, RING_TYPE, kind[i], &vec, 1, 16));
		KUNIT_ASSERT_EQ(test, ring_head(RING_SENDER, i, RING_TYPE, 16) |
				FIELD_PREP(MK_WIRE_HEAD_KIND, (u64)kind[i]), ring->slots[i].head);
		KUNIT_ASSERT_EQ(test, 0, ring_get(ring, &msg));
		KUNIT_ASSERT_EQ(test, kind[i], msg.kind);
		KUNIT_ASSERT_EQ(test, RING_TYPE, msg.type);
		KUNIT_ASSERT_EQ(test, 16, msg.len);
	}
}

static void ring_fifo(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	unsigned int sent = 0, received = 0;
	struct rnd_state rnd;
	u32 len[RING_SLOTS];

	prandom_seed_state(&rnd, 1);
	while (received < 5000) {
		len[sent % RING_SLOTS] = prandom_u32_state(&rnd) % 600;
		while (!ring_put(ring, len[sent % RING_SLOTS], sent)) {
			sent++;
			len[sent % RING_SLOTS] = prandom_u32_state(&rnd) % 600;
		}
		KUNIT_ASSERT_GT(test, sent, received);
		while (received < sent) {
			ring_expect(test, len[received % RING_SLOTS], received);
			received++;
			if (prandom_u32_state(&rnd) % 8 == 0)
				break;
		}
	}
}

static void ring_wraps_at_every_slot(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 pos;

	for (pos = 0; pos < RING_SLOTS; pos++) {
		ring_move(ring, pos);
		ring_round(test, 300, pos);
		ring_round(test, MK_WIRE_URGENT_LEN, pos + 1);
		ring_round(test, 0, pos + 2);
	}
}

/* Also with the length that ends on the ring's last byte, and those beside it */
static void ring_wraps_at_every_byte(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 len;

	for (len = 0; len <= 300; len++) {
		ring_move(ring, RING_SLOTS - 3);
		ring_round(test, len, len);
		ring_round(test, 60, len + 1);
	}
}

static void ring_full(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	void *before = kunit_kmalloc(test, RING_BYTES, GFP_KERNEL);
	u32 i, pos;

	KUNIT_ASSERT_NOT_NULL(test, before);
	for (i = 0; i < RING_SLOTS - 1; i++)
		KUNIT_ASSERT_EQ(test, 0, ring_put(ring, 56, i));

	memcpy(before, ring->slots, RING_BYTES);
	pos = ring->tx.pos;
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 56, i));
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 0, i));
	KUNIT_EXPECT_EQ(test, pos, ring->tx.pos);
	KUNIT_EXPECT_EQ(test, 0, memcmp(before, ring->slots, RING_BYTES));

	ring_expect(test, 56, 0);
	KUNIT_EXPECT_EQ(test, 0, ring_put(ring, 56, i));
	KUNIT_EXPECT_EQ(test, -EAGAIN, ring_put(ring, 56, i + 1));
	for (i = 1; i < RING_SLOTS; i++)
		ring_expect(test, 56, i);
	ring_expect_empty(test);
}

/* One slot is always free: it is the one whose head says that there is no more */
static void ring_keeps_a_slot_free(struct kunit *test)
{
	struct ring_ends *ring = test->priv;
	u32 slots, len, fit, sent, i;

	for (slots = 1; slots <= ring_slots_of(MK_WIRE_URGENT_LEN); slots++) {
		len = min(slots * 64 - 8, (u32)MK_WIRE_URGENT_LEN);
		fit = (RING_SLOTS - 1) / slots;
		ring_move(ring, slots * 7);
		for (sent = 0; sent < RING_SLOTS; sent++)
			if (ring_put(ring, len, sent))
				break;
		KUNIT_EXPECT_EQ(test, fit, sent);
		KUNIT_EXPECT_LT(test, ring->tx.pos - ring->rx.pos, RING_SLOTS);
		for (i = 0; i < sent; i++)
			ring_expect(test, len, i);
		ring_expect_empty(test);
	}
}

#define RING_THREADS	4
#define RING_NOTES	1000

/**
 * struct ring_race - several threads that send into a ring
 * @ring: the ring
 * @lock: serialises those who send
 * @next: number of the next one
 */
struct ring_race {
	struct ring_ends	*ring;
	spinlock_t		lock;	/* of the sending end */
	atomic_t		next;
};

static int ring_write(void *arg)
{
	struct ring_race *race = arg;
	struct mk_test_note *note;
	u8 data[256] = {};
	u32 i = 0;
	int error;

	note = (struct mk_test_note *)data;
	note->sender = atomic_inc_return(&race->next) - 1;
	while (i < RING_NOTES && !kthread_should_stop()) {
		note->number = i;
		spin_lock(&race->lock);
		error = ring_send(race->ring, RING_TYPE, data,
				  sizeof(*note) + i % (sizeof(data) - sizeof(*note)));
		spin_unlock(&race->lock);
		if (error)
			usleep_range(100, 1000);
		else
			i++;
	}
	return 0;
}

static void ring_several_senders(struct kunit *test)
{
	struct ring_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct task_struct *task[RING_THREADS];
	struct ring_ends *ring = test->priv;
	unsigned long end = jiffies + mk_test_long();
	u32 next[RING_THREADS] = {};
	u32 received = 0, misordered = 0, i;
	struct mk_ring_msg msg;
	int error = 0;

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->ring = ring;
	spin_lock_init(&race->lock);
	for (i = 0; i < RING_THREADS; i++)
		task[i] = mk_test_thread(test, ring_write, race, nr_cpu_ids);

	while (received < RING_THREADS * RING_NOTES && time_before(jiffies, end)) {
		const struct mk_test_note *note;

		error = ring_get(ring, &msg);
		if (error == -EAGAIN) {
			usleep_range(100, 1000);
			continue;
		}
		if (error)
			break;
		note = msg.data;
		if (msg.len < sizeof(*note) || note->sender >= RING_THREADS ||
		    note->number != next[note->sender]++)
			misordered++;
		received++;
	}

	for (i = 0; i < RING_THREADS; i++)
		mk_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_EQ(test, 0, error);
	KUNIT_EXPECT_EQ(test, RING_THREADS * RING_NOTES, received);
	KUNIT_EXPECT_EQ(test, 0, misordered);
	ring_expect_empty(test);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_empty),
	KUNIT_CASE(ring_one_message),
	KUNIT_CASE(ring_zero_length),
	KUNIT_CASE(ring_largest),
	KUNIT_CASE(ring_every_type),
	KUNIT_CASE(ring_every_short_length),
	KUNIT_CASE(ring_slot_borders),
	KUNIT_CASE(ring_writes_no_more_than_the_message),
	KUNIT_CASE(ring_on_the_wire),
	KUNIT_CASE(ring_every_kind),
	KUNIT_CASE(ring_fifo),
	KUNIT_CASE(ring_wraps_at_every_slot),
	KUNIT_CASE(ring_wraps_at_every_byte),
	KUNIT_CASE(ring_full),
	KUNIT_CASE(ring_keeps_a_slot_free),
	KUNIT_CASE(ring_several_senders),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "mk_ring",
	.init = ring_init,
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);
