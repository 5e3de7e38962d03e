// SPDX-License-Identifier: GPL-2.0
/* Tests of what is told of peers that come, go, hang and break. */
#include <linux/smp.h>

#include "helpers.h"

#define PEER_EVENTS	16

/* Node @node was told of @peer what @nr of @expected say, in this order, and no more */
static void peer_expect(struct kunit *test, struct mk_test_node *node, unsigned int peer,
			const struct mk_ipi_peer_event *expected, unsigned int nr)
{
	struct mk_ipi_peer_event event[PEER_EVENTS];
	unsigned int i, had;

	mk_test_wait(mk_test_events_of(node, peer, event, PEER_EVENTS) >= nr);
	mk_test_settle(test, node);
	had = mk_test_events_of(node, peer, event, PEER_EVENTS);
	KUNIT_ASSERT_EQ(test, nr, had);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, expected[i].state, event[i].state);
		KUNIT_EXPECT_EQ(test, expected[i].incarnation, event[i].incarnation);
	}
	KUNIT_EXPECT_EQ(test, 0, node->events.strange);
}

static const struct mk_ipi_peer_event peer_three_lives[] = {
	{ .incarnation = 1, .state = MK_IPI_PEER_UP },
	{ .incarnation = 1, .state = MK_IPI_PEER_DOWN },
	{ .incarnation = 2, .state = MK_IPI_PEER_UP },
	{ .incarnation = 2, .state = MK_IPI_PEER_DOWN },
	{ .incarnation = 3, .state = MK_IPI_PEER_UP },
};

static void peer_comes_and_goes(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[2]);
	for (i = 0; i < 3; i++) {
		mk_test_join(test, &node[1]);
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_UP, i + 1));
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[2], 1, MK_IPI_PEER_UP, i + 1));
		if (i == 2)
			break;
		mk_test_leave(&node[1]);
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_DOWN, i + 1));
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[2], 1, MK_IPI_PEER_DOWN, i + 1));
	}
	peer_expect(test, &node[0], 1, peer_three_lives, 5);
	peer_expect(test, &node[2], 1, peer_three_lives, 5);
}

/* Who was there before is told to who comes, too */
static void peer_was_there_before(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	peer_expect(test, &node[1], 0, peer_three_lives, 1);
	peer_expect(test, &node[0], 1, peer_three_lives, 1);
}

/* Whoever has left before is no news */
static void peer_has_left_before(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_test_join(test, &node[0]);
	mk_test_leave(&node[0]);
	mk_test_join(test, &node[1]);
	peer_expect(test, &node[1], 0, NULL, 0);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(&node[1].instance->links[0]));
}

/* Down and up again between two looks: the end of the first life is told all the same */
static void peer_restarts_unseen(struct kunit *test)
{
	struct mk_ipi_peer_event event[PEER_EVENTS];
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;

	peer_expect(test, &node[0], 1, peer_three_lives, 1);
	mk_test_mute(&node[1]);
	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);
	mk_test_unmute(&node[1]);
	KUNIT_EXPECT_EQ(test, 1, mk_test_events_of(&node[0], 1, event, PEER_EVENTS));
	mk_instance_announce(node[1].instance);
	peer_expect(test, &node[0], 1, peer_three_lives, 3);
}

static void peer_is_fenced(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;

	mk_instance_fence(node[0].instance, 1, 1);
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[2], 1, MK_IPI_PEER_DOWN, 1));
	peer_expect(test, &node[2], 1, peer_three_lives, 2);
	peer_expect(test, &node[2], 0, peer_three_lives, 1);

	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);
	peer_expect(test, &node[2], 1, peer_three_lives, 3);
}

/* A notifier is told once for each change, and not for each look */
static void peer_is_looked_at_often(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	mk_param_beat_ms = 5;
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	for (i = 0; i < 20; i++) {
		mk_peers_look(node[0].instance);
		usleep_range(5000, 6000);
	}
	peer_expect(test, &node[0], 1, peer_three_lives, 1);
}

static void peer_start_beat(void *arg)
{
	struct mk_receiver *receiver = arg;

	hrtimer_start(&receiver->beat, 0, HRTIMER_MODE_REL_PINNED_HARD);
}

/* Its beat stops and goes on; nothing else of it does */
static void peer_hangs(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	struct mk_test_node *node = machine->node;
	struct mk_receiver *receiver;
	unsigned int i;

	mk_param_beat_ms = 20;
	mk_param_hang_ms = 500;
	for (i = 0; i < 3; i++)
		mk_test_join(test, &node[i]);
	KUNIT_ASSERT_TRUE(test, mk_test_saw_last(&node[0], 1, MK_IPI_PEER_UP));
	receiver = &node[1].instance->receivers[0];
	for (i = 0; i < 2; i++) {
		hrtimer_cancel(&receiver->beat);
		KUNIT_EXPECT_TRUE(test, mk_test_saw_last(&node[0], 1, MK_IPI_PEER_HUNG));
		KUNIT_EXPECT_TRUE(test, mk_test_saw_last(&node[2], 1, MK_IPI_PEER_HUNG));
		KUNIT_EXPECT_EQ(test, MK_IPI_PEER_HUNG,
				mk_link_state(&node[0].instance->links[1]));
		/* It can be sent to, and may yet answer */
		mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);

		smp_call_function_single(receiver->cpu, peer_start_beat, receiver, 1);
		KUNIT_EXPECT_TRUE(test, mk_test_saw_last(&node[0], 1, MK_IPI_PEER_UP));
		KUNIT_EXPECT_EQ(test, MK_IPI_PEER_UP, mk_link_state(&node[0].instance->links[1]));
	}
	KUNIT_EXPECT_EQ(test, 0, node[0].events.strange);
}

/* Who hangs and is declared dead goes down as anybody does */
static void peer_hangs_and_is_fenced(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	mk_param_beat_ms = 20;
	mk_param_hang_ms = 500;
	for (i = 0; i < 3; i++)
		mk_test_join(test, &node[i]);
	KUNIT_ASSERT_TRUE(test, mk_test_saw(&node[2], 1, MK_IPI_PEER_UP, 1));
	hrtimer_cancel(&node[1].instance->receivers[0].beat);
	KUNIT_ASSERT_TRUE(test, mk_test_saw(&node[2], 1, MK_IPI_PEER_HUNG, 1));
	mk_region_fence(node[0].region, 1, 1);
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[2], 1, MK_IPI_PEER_DOWN, 1));
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_DOWN, 1));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[2], 1, MK_TEST_INBOX, 0, 0));
}

/* Any of its CPUs that receive may hang */
static void peer_hangs_in_part(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_instance *instance;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	mk_param_beat_ms = 20;
	mk_param_hang_ms = 500;
	cpumask_copy(&node[1].cpus, cpu_online_mask);
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	instance = node[1].instance;
	KUNIT_ASSERT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_UP, 1));
	hrtimer_cancel(&instance->receivers[instance->nr_receivers - 1].beat);
	KUNIT_EXPECT_TRUE(test, mk_test_saw_last(&node[0], 1, MK_IPI_PEER_HUNG));
}

/* Node 0 writes what makes no sense; 1 notices, 2 has nothing to do with it */
static void peer_break(struct kunit *test, struct mk_test_machine *machine, u32 type)
{
	struct mk_test_node *node = machine->node;
	struct kvec vec = { .iov_base = machine, .iov_len = 3 };

	/* A request of 3 bytes */
	KUNIT_ASSERT_EQ(test, 0, mk_link_send(&node[0].instance->links[1], type,
					      MK_WIRE_REQUEST, &vec, 1, 3, 0));
}

static void peer_breaks(struct kunit *test)
{
	static const struct mk_ipi_peer_event expected[] = {
		{ .incarnation = 1, .state = MK_IPI_PEER_UP },
		{ .incarnation = 1, .state = MK_IPI_PEER_BROKEN },
		{ .incarnation = 1, .state = MK_IPI_PEER_DOWN },
		{ .incarnation = 2, .state = MK_IPI_PEER_UP },
	};
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;

	peer_break(test, machine, *type);
	peer_expect(test, &node[1], 0, expected, 2);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_BROKEN, mk_link_state(&node[1].instance->links[0]));
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_UP, mk_link_state(&node[1].instance->links[2]));
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_UP, mk_link_state(&node[2].instance->links[0]));
	mk_test_exchange(test, machine, 0, 2, *type, 8);
	mk_test_exchange(test, machine, 2, 1, *type, 8);
	peer_expect(test, &node[2], 0, expected, 1);

	mk_test_leave(&node[0]);
	mk_test_join(test, &node[0]);
	peer_expect(test, &node[1], 0, expected, 4);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_UP, mk_link_state(&node[1].instance->links[0]));
	mk_test_exchange(test, machine, 0, 1, *type, 8);
}

/* As a peer restarts that had nothing to do with it, it stays broken */
static void peer_stays_broken(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;

	peer_break(test, machine, MK_TEST_INBOX);
	KUNIT_ASSERT_TRUE(test, mk_test_saw(&node[1], 0, MK_IPI_PEER_BROKEN, 1));
	mk_test_leave(&node[2]);
	mk_test_join(test, &node[2]);
	KUNIT_ASSERT_TRUE(test, mk_test_saw(&node[1], 2, MK_IPI_PEER_UP, 2));
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_BROKEN, mk_link_state(&node[1].instance->links[0]));
}

/* A notifier that is registered no more is told nothing */
static void peer_notifier_goes(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;

	peer_expect(test, &node[0], 1, peer_three_lives, 1);
	mutex_lock(&node[0].handlers->notify_lock);
	raw_notifier_chain_unregister(&node[0].handlers->notifiers, &node[0].events.nb);
	mutex_unlock(&node[0].handlers->notify_lock);
	mk_test_leave(&node[1]);
	mk_test_settle(test, &node[0]);
	peer_expect(test, &node[0], 1, peer_three_lives, 1);
}

/* One that comes late is told of who is there, and how */
static void peer_notifier_comes_late(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 4);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_peer_event event;

	raw_notifier_chain_unregister(&node[1].handlers->notifiers, &node[1].events.nb);
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	mk_test_join(test, &node[2]);
	mk_test_leave(&node[2]);
	peer_break(test, machine, MK_TEST_INBOX);
	mk_test_settle(test, &node[1]);
	KUNIT_EXPECT_EQ(test, 0, node[1].events.nr);

	mutex_lock(&node[1].handlers->notify_lock);
	mk_peers_tell(node[1].instance, &node[1].events.nb);
	mutex_unlock(&node[1].handlers->notify_lock);
	KUNIT_EXPECT_EQ(test, 1, node[1].events.nr);
	KUNIT_ASSERT_EQ(test, 1, mk_test_events_of(&node[1], 0, &event, 1));
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_BROKEN, event.state);
	KUNIT_EXPECT_EQ(test, 1, event.incarnation);
}

static struct kunit_case peer_cases[] = {
	KUNIT_CASE(peer_comes_and_goes),
	KUNIT_CASE(peer_was_there_before),
	KUNIT_CASE(peer_has_left_before),
	KUNIT_CASE(peer_restarts_unseen),
	KUNIT_CASE(peer_is_fenced),
	KUNIT_CASE(peer_is_looked_at_often),
	KUNIT_CASE(peer_hangs),
	KUNIT_CASE(peer_hangs_and_is_fenced),
	KUNIT_CASE(peer_hangs_in_part),
	KUNIT_CASE_PARAM(peer_breaks, mk_test_lane_gen_params),
	KUNIT_CASE(peer_stays_broken),
	KUNIT_CASE(peer_notifier_goes),
	KUNIT_CASE(peer_notifier_comes_late),
	{}
};

static struct kunit_suite peer_suite = {
	.name = "mk_peer",
	.test_cases = peer_cases,
};

kunit_test_suite(peer_suite);
