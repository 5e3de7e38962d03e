// SPDX-License-Identifier: GPL-2.0
/* Tests of doorbells: as few as possible, and never one too few. */
#include <linux/kthread.h>
#include <linux/prandom.h>

#include "helpers.h"

static const struct mk_wire_bell *doorbell_wire(struct mk_test_machine *machine,
						unsigned int from, unsigned int to)
{
	const struct mk_wire_bell *bell = mk_test_arena(machine, from) + MK_WIRE_BELLS;

	return &bell[to];
}

/* On an idle link, one for each message, which the sender has counted where it is seen */
static void doorbell_idle_link(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	const struct mk_wire_bell *bell = doorbell_wire(machine, 0, 1);
	unsigned int i;
	u32 rung;
	int rings;

	for (i = 0; i < 30; i++) {
		mk_test_settle(test, &node[0]);
		mk_test_settle(test, &node[1]);
		rings = mk_test_rings(&node[0]);
		rung = READ_ONCE(bell->rung[0]);
		mk_test_exchange(test, machine, 0, 1, *type, 100);
		KUNIT_ASSERT_EQ(test, rings + 1, mk_test_rings(&node[0]));
		KUNIT_ASSERT_EQ(test, rung + 1, READ_ONCE(bell->rung[0]));
	}
}

/* The receiver says nothing to those who do not wait for it */
static void doorbell_receiver_is_silent(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int i;
	int rings;

	mk_test_settle(test, &node[1]);
	rings = mk_test_rings(&node[1]);
	for (i = 0; i < 1000; i++) {
		while (mk_test_note(&node[0], 1, *type, 0, i) == -EAGAIN)
			usleep_range(1000, 2000);
	}
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&mk_test_box(&node[1], *type)->count) ==
					     1000));
	mk_test_settle(test, &node[1]);
	KUNIT_EXPECT_EQ(test, rings, mk_test_rings(&node[1]));
}

/* One for all that is sent until the receiver has looked */
static void doorbell_until_looked_at(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int round, i;
	int rings, count = 0;

	/* A receiver that has not seen the ring yet has not said when to be rung */
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, *type, 0, count++));
	for (round = 0; round < 5; round++) {
		mk_test_settle(test, &node[1]);
		mk_test_mute(&node[0]);
		rings = mk_test_rings(&node[0]);
		for (i = 0; i < 50; i++)
			KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, *type, 0, count++));
		KUNIT_EXPECT_EQ(test, rings + 1, mk_test_rings(&node[0]));
		mk_test_unmute(&node[0]);
		mk_test_settle(test, &node[1]);
		KUNIT_EXPECT_EQ(test, count, atomic_read(&mk_test_box(&node[1], *type)->count));
	}
	KUNIT_EXPECT_EQ(test, 0, mk_test_box(&node[1], *type)->misordered);
}

/* The statistics say what the backend has seen */
static void doorbell_statistics(struct kunit *test)
{
	const u32 *type = test->param_value;
	enum mk_lane lane = *type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	int rings = mk_test_rings(&node[0]);
	u32 i;

	for (i = 0; i < 200; i++) {
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, *type, 0, i));
		if (i % 10 == 0)
			mk_test_settle(test, &node[1]);
	}
	KUNIT_EXPECT_GE(test, mk_test_stats(&node[0], 1, lane).doorbells, 20);
	KUNIT_EXPECT_EQ(test, mk_test_rings(&node[0]) - rings,
			mk_test_stats(&node[0], 1, lane).doorbells);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[0], 1, !lane).doorbells);
}

#define DOORBELL_STREAM	mk_test_many(100000)

static void doorbell_bulk_stream(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_writer writer = {
		.from = &node[0], .to = 1, .type = MK_TEST_BULK, .notes = DOORBELL_STREAM,
		.cpu = mk_test_cpu(0),
	};
	int rings = mk_test_rings(&node[0]);

	mk_test_write(test, &writer);
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], DOORBELL_STREAM));
	mk_test_written(test, &writer);
	KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
	/* Of one CPU, the receiver may be done with each before the next is sent */
	if (num_online_cpus() > 1)
		KUNIT_EXPECT_LE(test, mk_test_rings(&node[0]) - rings, DOORBELL_STREAM / 20);
}

#define DOORBELL_ROUNDS	mk_test_many(20000)

/**
 * struct doorbell_race - a sender that is silent until its last message was taken
 * @from:  node that sends
 * @box:   where it arrives
 * @type:  of the messages
 * @sent:  how many, all but the last of which have arrived
 * @error: what ended it early
 */
struct doorbell_race {
	struct mk_test_node	*from;
	struct mk_test_inbox	*box;
	u32			type;
	u32			sent;
	int			error;
};

/* Wait without sleeping, for the next message to come close behind the last one */
static bool doorbell_taken(struct doorbell_race *race)
{
	unsigned long end = jiffies + mk_test_long();

	while (atomic_read(&race->box->count) < race->sent) {
		if (time_after(jiffies, end) || kthread_should_stop())
			break;
		cond_resched();
	}
	/* The test stops it when the last one has arrived */
	return atomic_read(&race->box->count) >= race->sent;
}

static int doorbell_write(void *arg)
{
	struct doorbell_race *race = arg;
	struct rnd_state rnd;
	int error = 0;

	prandom_seed_state(&rnd, race->type);
	while (race->sent < DOORBELL_ROUNDS && !kthread_should_stop()) {
		error = mk_test_note(race->from, 1, race->type, 0, race->sent);
		if (error)
			break;
		WRITE_ONCE(race->sent, race->sent + 1);
		/* Often enough the next one is sent only when all have arrived */
		if (prandom_u32_state(&rnd) % 4 && !doorbell_taken(race)) {
			error = -ETIMEDOUT;
			break;
		}
		ndelay(prandom_u32_state(&rnd) % 8000);
	}
	WRITE_ONCE(race->error, error);
	return 0;
}

/*
 * Nobody rings, sends or looks but these two, and no beat makes anything good: a
 * message that the receiver was not rung for when it stopped looking stays there.
 */
static void doorbell_none_is_lost(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct doorbell_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct task_struct *task;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	KUNIT_ASSERT_NOT_NULL(test, race);
	mk_param_poll_us = 5;
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	race->from = &node[0];
	race->box = mk_test_box(&node[1], *type);
	race->type = *type;
	task = mk_test_thread(test, doorbell_write, race, mk_test_cpu(2));
	mk_test_wait(READ_ONCE(race->sent) == DOORBELL_ROUNDS || READ_ONCE(race->error));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&race->box->count) == race->sent));
	mk_test_thread_stop(test, task);
	KUNIT_EXPECT_EQ(test, 0, race->error);
	KUNIT_EXPECT_EQ(test, DOORBELL_ROUNDS, atomic_read(&race->box->count));
	KUNIT_EXPECT_EQ(test, 0, race->box->misordered);
}

/* Node 1 rings back, which it does between saying when to be rung and going to sleep */
static void doorbell_one_more(struct mk_test_node *node)
{
	struct mk_test_node *from = node - 1;

	mk_test_note(from, 1, MK_TEST_BULK, 0, 3);
}

/* Who was rung for a message while it was not yet asleep looks at it all the same */
static void doorbell_before_it_sleeps(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int index = MK_LANE_RINGS;
	struct mk_wire_tx *tx = mk_test_arena(machine, 0) + MK_WIRE_TX;
	unsigned int i;

	/* All in one ring: the thread of node 1 sends on the CPU that node 1 is rung at */
	set_cpus_allowed_ptr(current, cpumask_of(node[1].cpu));
	mk_test_mute(&node[0]);
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_BULK, 0, i));
	WRITE_ONCE(tx[MK_WIRE_LINK_RINGS + index].want, MK_WIRE_WANT);
	mk_test_unmute(&node[0]);
	WRITE_ONCE(node[1].on_ring, doorbell_one_more);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], 4));
	KUNIT_EXPECT_NULL(test, READ_ONCE(node[1].on_ring));
	KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
}

/* From several CPUs: the doorbell of one serves what another has sent */
static void doorbell_of_several_cpus(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	struct mk_test_writer writer[4] = {};
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		mk_test_box_empty(box);
		for (i = 0; i < ARRAY_SIZE(writer); i++) {
			writer[i].from = &machine->node[0];
			writer[i].to = 1;
			writer[i].type = *type;
			writer[i].id = i;
			writer[i].notes = 50;
			writer[i].cpu = mk_test_cpu(i);
			mk_test_write(test, &writer[i]);
		}
		KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == 200));
		for (i = 0; i < ARRAY_SIZE(writer); i++)
			mk_test_written(test, &writer[i]);
		KUNIT_ASSERT_EQ(test, 0, box->misordered);
	}
}

static struct kunit_case doorbell_cases[] = {
	KUNIT_CASE_PARAM(doorbell_idle_link, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(doorbell_receiver_is_silent, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(doorbell_until_looked_at, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(doorbell_statistics, mk_test_lane_gen_params),
	KUNIT_CASE(doorbell_bulk_stream),
	KUNIT_CASE_PARAM(doorbell_none_is_lost, mk_test_lane_gen_params),
	KUNIT_CASE(doorbell_before_it_sleeps),
	KUNIT_CASE_PARAM(doorbell_of_several_cpus, mk_test_lane_gen_params),
	{}
};

static struct kunit_suite doorbell_suite = {
	.name = "mk_doorbell",
	.test_cases = doorbell_cases,
};

kunit_test_suite(doorbell_suite);
