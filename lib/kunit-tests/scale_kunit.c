// SPDX-License-Identifier: GPL-2.0
/* Tests with many instances, and with all types that there are. */
#include <linux/slab.h>

#include "helpers.h"

#define SCALE_NR	32

/* As many arenas as there may be in one kernel, each as small as it can be */
static struct mk_test_machine *scale_setup(struct kunit *test)
{
	struct mk_test_machine *machine;
	unsigned int i;

	machine = mk_test_machine_sized(test, SCALE_NR, MK_TEST_ARENA_MIN);
	for (i = 0; i < SCALE_NR; i++)
		mk_test_join(test, &machine->node[i]);
	for (i = 0; i < SCALE_NR; i++)
		mk_test_settle(test, &machine->node[i]);
	return machine;
}

static void scale_everybody_is_reached(struct kunit *test)
{
	struct mk_test_machine *machine = scale_setup(test);
	unsigned int i;

	for (i = 0; i < SCALE_NR; i++) {
		mk_test_exchange(test, machine, i, (i + 1) % SCALE_NR, MK_TEST_INBOX, 100);
		mk_test_exchange(test, machine, i, (i + 17) % SCALE_NR, MK_TEST_INBOX, 100);
		KUNIT_EXPECT_EQ(test, -ENOENT, mk_test_note(&machine->node[i], SCALE_NR,
							    MK_TEST_INBOX, 0, 0));
	}
	for (i = 0; i < SCALE_NR; i++)
		KUNIT_EXPECT_EQ(test, 2, atomic_read(&machine->node[i].inbox.count));
}

/* All of them at once to one, who hears each */
static void scale_all_to_one(struct kunit *test)
{
	struct mk_test_machine *machine = scale_setup(test);
	unsigned int i, k;

	for (k = 0; k < 20; k++)
		for (i = 0; i < SCALE_NR; i++)
			KUNIT_ASSERT_EQ(test, 0, mk_test_note(&machine->node[i], 0, MK_TEST_INBOX,
							      i, k));
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&machine->node[0], 20 * SCALE_NR));
	KUNIT_EXPECT_EQ(test, 0, machine->node[0].inbox.misordered);
}

static void scale_everybody_is_seen(struct kunit *test)
{
	struct mk_test_machine *machine = scale_setup(test);
	unsigned int i;

	for (i = 1; i < SCALE_NR; i++)
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&machine->node[0], i, MK_IPI_PEER_UP, 1));
	mk_test_leave(&machine->node[SCALE_NR - 1]);
	for (i = 0; i < SCALE_NR - 1; i++)
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&machine->node[i], SCALE_NR - 1,
						    MK_IPI_PEER_DOWN, 1));
}

static u64 scale_looks(const struct mk_receiver *receiver)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < MK_HIST_BUCKETS; i++)
		sum += READ_ONCE(receiver->looks[i]);
	return sum;
}

/* One message is one doorbell and one look, however many peers have nothing to say */
static void scale_idle_peers_cost_nothing(struct kunit *test)
{
	struct mk_test_machine *machine = scale_setup(test);
	struct mk_test_node *node = machine->node;
	struct mk_receiver *receiver = &node[0].instance->receivers[0];
	unsigned int i, turn;
	u64 doorbells, looks, empties;

	for (i = 1; i < 10; i++) {
		mk_test_settle(test, &node[0]);
		doorbells = READ_ONCE(receiver->doorbells);
		empties = READ_ONCE(receiver->empties);
		looks = scale_looks(receiver);
		turn = READ_ONCE(receiver->turn);
		mk_test_exchange(test, machine, i, 0, MK_TEST_INBOX, 8);
		KUNIT_EXPECT_TRUE(test, mk_test_wait(scale_looks(receiver) == looks + 1));
		/* Of all of them it was the turn of one only */
		KUNIT_EXPECT_EQ(test, turn + 1, READ_ONCE(receiver->turn));
		KUNIT_EXPECT_EQ(test, doorbells + 1, READ_ONCE(receiver->doorbells));
		KUNIT_EXPECT_EQ(test, empties, READ_ONCE(receiver->empties));
	}
	for (i = 10; i < SCALE_NR; i++) {
		KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[0], i, MK_URGENT).resets);
		KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[0], i, MK_URGENT).received);
	}
}

/* The largest region of all: as many instances as the layout knows */
static void scale_most_instances(struct kunit *test)
{
	u64 size = mk_region_bytes(MK_WIRE_MAX_INSTANCES, MK_TEST_ARENA_MIN);
	struct mk_test_machine *machine;
	unsigned int last = MK_WIRE_MAX_INSTANCES - 1;

	machine = mk_test_machine_sized(test, MK_WIRE_MAX_INSTANCES, MK_TEST_ARENA_MIN);
	KUNIT_ASSERT_EQ(test, size, machine->size);
	mk_test_join(test, &machine->node[0]);
	mk_test_join(test, &machine->node[31]);
	mk_test_join(test, &machine->node[32]);
	mk_test_join(test, &machine->node[last]);
	mk_test_exchange(test, machine, 0, last, MK_TEST_INBOX, 8);
	mk_test_exchange(test, machine, last, 0, MK_TEST_INBOX, 8);
	mk_test_exchange(test, machine, last, last, MK_TEST_INBOX, 8);
	mk_test_exchange(test, machine, 31, 32, MK_TEST_INBOX, 8);
	mk_test_exchange(test, machine, 32, last, MK_TEST_INBOX, 8);
}

struct scale_taker {
	struct mk_ipi_handler	handler;
	unsigned int		count;
	u32			type;
};

static void scale_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct scale_taker *taker = container_of(handler, struct scale_taker, handler);

	taker->type = msg->type;
	taker->count++;
}

/* Every type can be registered, all at once, and each gets its own */
static void scale_all_types(struct kunit *test)
{
	struct scale_taker *taker = mk_test_buf(test, MK_IPI_NR_TYPES * sizeof(*taker));
	struct mk_handlers *handlers = mk_test_buf(test, sizeof(*handlers));
	unsigned int i, added = 0, wrong = 0;
	struct mk_ipi_msg msg = {};

	mk_handlers_init(handlers);
	for (i = 0; i < MK_IPI_NR_TYPES; i++) {
		taker[i].handler.type = i | (i % 3 ? 0 : MK_IPI_BULK);
		taker[i].handler.name = "test scale";
		taker[i].handler.fn = scale_take;
		added += !mk_handlers_add(handlers, &taker[i].handler);
	}
	for (i = 0; i < MK_IPI_NR_TYPES; i++) {
		msg.type = taker[i].handler.type;
		wrong += mk_ipi_dispatch(handlers, &msg, NULL) || taker[i].type != msg.type;
	}
	for (i = 0; i < MK_IPI_NR_TYPES; i++) {
		wrong += taker[i].count != 1;
		mk_handlers_del(handlers, &taker[i].handler);
	}
	KUNIT_EXPECT_EQ(test, MK_IPI_NR_TYPES, added);
	KUNIT_EXPECT_EQ(test, 0, wrong);
}

static struct kunit_case scale_cases[] = {
	KUNIT_CASE_SLOW(scale_everybody_is_reached),
	KUNIT_CASE_SLOW(scale_all_to_one),
	KUNIT_CASE_SLOW(scale_everybody_is_seen),
	KUNIT_CASE_SLOW(scale_idle_peers_cost_nothing),
	KUNIT_CASE_SLOW(scale_most_instances),
	KUNIT_CASE_SLOW(scale_all_types),
	{}
};

static struct kunit_suite scale_suite = {
	.name = "mk_scale",
	.test_cases = scale_cases,
};

kunit_test_suite(scale_suite);
