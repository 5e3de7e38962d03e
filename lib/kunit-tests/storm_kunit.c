// SPDX-License-Identifier: GPL-2.0
/* Tests of doorbells that go wrong: lost ones, and those that bring nothing. */
#include <linux/kthread.h>

#include "helpers.h"

/* Two nodes; nobody hears the doorbells of the first */
static struct mk_test_machine *storm_lost(struct kunit *test, unsigned int beat_ms)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_param_beat_ms = beat_ms;
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	mk_test_settle(test, &node[1]);
	mk_test_mute(&node[0]);
	return machine;
}

static void lost_doorbell_is_made_good(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = storm_lost(test, 20);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	u32 i;

	for (i = 0; i < 10; i++)
		mk_test_exchange(test, machine, 0, 1, *type, 8);
	KUNIT_EXPECT_EQ(test, 10, atomic_read(&box->count));
}

/* More than one beat takes in, for as long as it takes */
static void lost_doorbells_of_a_full_ring(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = storm_lost(test, 20);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	u32 sent;

	mk_param_budget = 8;
	sent = mk_test_note_all(&machine->node[0], 1, *type, 0);
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

/* Nobody but the beat would have noticed */
static void lost_doorbell_without_a_beat(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = storm_lost(test, MK_TEST_NEVER_MS);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);

	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&machine->node[0], 1, *type, 0, 0));
	msleep(100);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&box->count));
	mk_test_settle(test, &machine->node[1]);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&box->count));
}

/* A peer that was not heard joining is noticed, too */
static void lost_doorbell_of_joining(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_param_beat_ms = 20;
	mk_test_mute(&node[1]);
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_UP,
					    node[1].instance->incarnation));
	mk_test_leave(&node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_saw_last(&node[0], 1, MK_IPI_PEER_DOWN));
}

static void beat_is_counted(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 1);
	const u32 *beats = mk_test_arena(machine, 0) + MK_WIRE_BEATS;
	const struct mk_wire_self *self = mk_test_arena(machine, 0) + MK_WIRE_SELF;
	u32 before;

	mk_param_beat_ms = 20;
	mk_test_join(test, &machine->node[0]);
	KUNIT_EXPECT_EQ(test, 20, self->beat_ms);
	before = READ_ONCE(beats[0]);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(beats[0]) - before > 3));
	mk_test_leave(&machine->node[0]);
	before = READ_ONCE(beats[0]);
	msleep(100);
	KUNIT_EXPECT_EQ(test, before, READ_ONCE(beats[0]));
}

static void empty_doorbell_is_counted(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_receiver *receiver = &node[1].instance->receivers[0];
	u64 doorbells, empties;
	unsigned int i;

	mk_test_settle(test, &node[1]);
	for (i = 0; i < 10; i++) {
		doorbells = READ_ONCE(receiver->doorbells);
		empties = READ_ONCE(receiver->empties);
		mk_test_ring(test, &node[0], &node[1]);
		KUNIT_ASSERT_TRUE(test, mk_test_wait(READ_ONCE(receiver->doorbells) ==
						     doorbells + 1));
		KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(receiver->empties) == empties + 1));
	}
	empties = READ_ONCE(receiver->empties);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
	KUNIT_EXPECT_EQ(test, empties, READ_ONCE(receiver->empties));
	mk_test_settle(test, &node[1]);
	empties = READ_ONCE(receiver->empties);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_BULK, 8);
	KUNIT_EXPECT_EQ(test, empties, READ_ONCE(receiver->empties));
	KUNIT_EXPECT_EQ(test, 0, receiver->storms);
}

/**
 * struct storm - somebody who rings all the time
 * @from: with whose backend
 * @door: where
 */
struct storm {
	struct mk_test_node	*from;
	struct mk_door		door;
};

static int storm_ring(void *arg)
{
	struct storm *storm = arg;

	while (!kthread_should_stop()) {
		storm->from->ring(storm->from->backend, &storm->door);
		cond_resched();
	}
	return 0;
}

/* Node 0 begins to ring at node 1 for nothing, until it has had enough of it */
static struct task_struct *storm_begin(struct kunit *test, struct mk_test_machine *machine)
{
	struct storm *storm = kunit_kzalloc(test, sizeof(*storm), GFP_KERNEL);
	struct mk_test_node *node = machine->node;
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, storm);
	mk_param_storm = 4;
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	mk_test_settle(test, &node[0]);
	mk_test_settle(test, &node[1]);
	storm->from = &node[0];
	KUNIT_ASSERT_EQ(test, 0, node[1].backend->get_door(node[1].backend, node[1].cpu,
							   &storm->door));
	task = mk_test_thread(test, storm_ring, storm, mk_test_cpu(2));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(READ_ONCE(node[1].instance->receivers[0].storms)));
	return task;
}

static void storm_sets_in(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_receiver *receiver;

	storm_begin(test, machine);
	receiver = &machine->node[1].instance->receivers[0];
	KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(receiver->slow)));
	KUNIT_EXPECT_GE(test, READ_ONCE(receiver->empties), 4);
}

/* What is sent during a storm is received during it, only later */
static void storm_messages_arrive(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	storm_begin(test, machine);
	for (i = 0; i < 20; i++) {
		mk_test_exchange(test, machine, 0, 1, *type, 8);
		mk_test_exchange(test, machine, 1, 0, *type, 8);
	}
	KUNIT_EXPECT_GE(test, node[1].instance->receivers[0].storms, 1);
}

/* When it is over, a doorbell is worth as much as before */
static void storm_ends(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_receiver *receiver;
	struct task_struct *task;
	u64 storms;
	unsigned int i;
	int rings;

	task = storm_begin(test, machine);
	receiver = &node[1].instance->receivers[0];
	mk_test_thread_stop(test, task);
	KUNIT_ASSERT_TRUE(test, mk_test_wait(!READ_ONCE(receiver->slow)));
	storms = READ_ONCE(receiver->storms);
	mk_param_storm = 1000000;
	for (i = 0; i < 10; i++) {
		mk_test_settle(test, &node[1]);
		rings = mk_test_rings(&node[0]);
		mk_test_exchange(test, machine, 0, 1, *type, 8);
		KUNIT_EXPECT_EQ(test, rings + 1, mk_test_rings(&node[0]));
	}
	KUNIT_EXPECT_EQ(test, storms, READ_ONCE(receiver->storms));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(receiver->slow));
}

/* A doorbell that brings something ends what would have become a storm */
static void storm_of_messages_is_none(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_receiver *receiver;
	unsigned int i;

	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	mk_param_storm = 4;
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
	receiver = &node[1].instance->receivers[0];
	for (i = 0; i < 500; i++) {
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_INBOX, 0, i));
		while (atomic_read(&node[1].inbox.count) < i + 2)
			cond_resched();
	}
	KUNIT_EXPECT_EQ(test, 0, READ_ONCE(receiver->storms));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(receiver->slow));
}

static struct kunit_case storm_cases[] = {
	KUNIT_CASE_PARAM(lost_doorbell_is_made_good, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(lost_doorbells_of_a_full_ring, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(lost_doorbell_without_a_beat, mk_test_lane_gen_params),
	KUNIT_CASE(lost_doorbell_of_joining),
	KUNIT_CASE(beat_is_counted),
	KUNIT_CASE(empty_doorbell_is_counted),
	KUNIT_CASE(storm_sets_in),
	KUNIT_CASE_PARAM(storm_messages_arrive, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(storm_ends, mk_test_lane_gen_params),
	KUNIT_CASE(storm_of_messages_is_none),
	{}
};

static struct kunit_suite storm_suite = {
	.name = "mk_storm",
	.test_cases = storm_cases,
};

kunit_test_suite(storm_suite);
