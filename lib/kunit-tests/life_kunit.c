// SPDX-License-Identifier: GPL-2.0
/* Tests of lives: who comes again is another, and gets nothing of the one before. */
#include "helpers.h"

static void life_peer_state(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_link *link;

	mk_test_join(test, &node[0]);
	link = &node[0].instance->links[1];
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_ABSENT, mk_link_state(link));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_test_note(&node[0], 1, MK_TEST_INBOX, 0, 0));

	mk_test_join(test, &node[1]);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_UP, mk_link_state(link));
	KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_INBOX, 0, 0));

	mk_test_leave(&node[1]);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(link));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[0], 1, MK_TEST_INBOX, 0, 0));
}

static void life_says_why_it_left(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_wire_self *self = mk_test_arena(machine, 1) + MK_WIRE_SELF;

	KUNIT_EXPECT_EQ(test, MK_WIRE_REASON_NONE, self->reason);
	mk_instance_say_left(machine->node[1].instance, MK_WIRE_REASON_PANIC);
	KUNIT_EXPECT_EQ(test, MK_WIRE_REASON_PANIC, self->reason);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&machine->node[0], 1, MK_TEST_INBOX, 0, 0));
}

static void life_fenced(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;

	mk_test_exchange(test, machine, 0, 1, *type, 8);
	mk_region_fence(node[0].region, 1, node[1].instance->incarnation);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(&node[2].instance->links[1]));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[0], 1, *type, 0, 0));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[2], 1, *type, 0, 0));
	mk_test_exchange(test, machine, 0, 2, *type, 8);

	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);
	mk_test_exchange(test, machine, 0, 1, *type, 8);
	mk_test_exchange(test, machine, 1, 2, *type, 8);
}

/* A keeper that takes it back finds nobody who listens: they would hear all once more. */
static void life_stays_fenced(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[2], *type);

	mk_test_box_empty(box);
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[1], 2, *type, 0, 0));
	mk_test_settle(test, &node[2]);
	KUNIT_ASSERT_EQ(test, 1, atomic_read(&box->count));
	mk_instance_fence(node[0].instance, 1, node[1].instance->incarnation);
	/* It is not dead in truth: it rings, for them to look before and after */
	mk_link_ring(&node[1].instance->links[2], 0);
	mk_test_settle(test, &node[2]);
	WRITE_ONCE(node[0].region->keeper->fenced[1], 0);
	WRITE_ONCE(node[0].region->keeper->nr_fenced, node[0].region->keeper->nr_fenced + 1);
	mk_link_ring(&node[1].instance->links[2], 0);
	mk_test_settle(test, &node[2]);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(&node[2].instance->links[1]));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[2], 1, *type, 0, 0));
	mk_test_exchange(test, machine, 0, 2, *type, 8);
}

static void life_joins_again(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int i, self;
	u32 incarnation;

	for (i = 0; i < 6; i++) {
		mk_test_exchange(test, machine, 0, 1, *type, 100);
		mk_test_exchange(test, machine, 1, 0, *type, 100);
		self = i % 2;
		incarnation = node[self].instance->incarnation;
		mk_test_leave(&node[self]);
		mk_test_join(test, &node[self]);
		KUNIT_EXPECT_EQ(test, incarnation + 1, node[self].instance->incarnation);
	}
}

static void life_stale_messages(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	u32 i;

	mk_test_mute(&node[0]);
	mk_test_mute(&node[1]);
	for (i = 0; i < 5; i++) {
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, *type, 0, i));
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[1], 0, *type, 1, i));
	}
	mk_test_unmute(&node[0]);
	mk_test_unmute(&node[1]);
	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);

	/* Nothing to the earlier life of 1, which 0 had not sent to this one */
	mk_test_settle(test, &node[1]);
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mk_test_box(&node[1], *type)->count));
	mk_test_exchange(test, machine, 0, 1, *type, 100);
	mk_test_exchange(test, machine, 1, 0, *type, 100);
}

/* How far an earlier life has read says nothing of what the next one has */
static void life_stale_ack(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[1], *type);
	unsigned int i, sent;

	for (i = 0; i < 100; i++)
		mk_test_exchange(test, machine, 0, 1, *type, 8);
	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);

	mk_test_box_empty(box);
	mk_test_mute(&node[0]);
	sent = mk_test_note_all(&node[0], 1, *type, 0);
	mk_test_unmute(&node[0]);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

/* A message to a life that has ended is not what the next one is sent first */
static void life_every_pair_anew(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	unsigned int round, from, to;

	for (round = 0; round < 3; round++) {
		for (from = 0; from < 3; from++)
			for (to = 0; to < 3; to++)
				mk_test_exchange(test, machine, from, to, *type, 100);
		mk_test_leave(&machine->node[round]);
		mk_test_join(test, &machine->node[round]);
	}
}

/*
 * Node 0 comes again and sends a note, of all which node 1 is told only then, or of
 * all but that it had left.
 */
static void life_unnoticed(struct kunit *test, struct mk_test_machine *machine, u32 type,
			   bool heard)
{
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[1], type);
	int count;

	if (heard)
		mk_test_leave(&node[0]);
	mk_test_settle(test, &node[1]);
	count = atomic_read(&box->count);
	mk_test_mute(&node[0]);
	mk_test_leave(&node[0]);
	mk_test_join(test, &node[0]);
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, type, 0, 0));
	mk_test_unmute(&node[0]);
	mk_test_settle(test, &node[1]);
	KUNIT_ASSERT_EQ(test, count + 1, atomic_read(&box->count));
}

/* How many rings an earlier life has had says nothing of which ones the next has */
static void life_other_rings(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);

	mk_test_exchange(test, machine, 0, 1, *type, 8);
	life_unnoticed(test, machine, *type == MK_TEST_BULK ? MK_TEST_INBOX : MK_TEST_BULK,
		       false);
}

/* How often an earlier life has rung says nothing of what the next one has to say */
static void life_other_doorbells(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	unsigned int n, i;

	for (n = 1; n < 6; n++) {
		for (i = 0; i < n; i++) {
			mk_test_exchange(test, machine, 0, 1, *type, 8);
			mk_test_settle(test, &machine->node[1]);
		}
		life_unnoticed(test, machine, *type, n % 2);
	}
}

/* The same slots are used for each life: there is room for any number of lives */
static void life_uses_no_more_room(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int i;
	u64 used;

	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_BULK, 8);
	used = node[0].instance->rings_used;
	for (i = 0; i < 20; i++) {
		mk_test_leave(&node[1]);
		mk_test_join(test, &node[1]);
		mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
		mk_test_exchange(test, machine, 0, 1, MK_TEST_BULK, 8);
	}
	KUNIT_EXPECT_EQ(test, used, node[0].instance->rings_used);
}

static struct kunit_case life_cases[] = {
	KUNIT_CASE(life_peer_state),
	KUNIT_CASE(life_says_why_it_left),
	KUNIT_CASE_PARAM(life_fenced, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(life_stays_fenced, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(life_joins_again, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(life_stale_messages, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(life_stale_ack, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(life_every_pair_anew, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(life_other_rings, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(life_other_doorbells, mk_test_lane_gen_params),
	KUNIT_CASE(life_uses_no_more_room),
	{}
};

static struct kunit_suite life_suite = {
	.name = "mk_life",
	.test_cases = life_cases,
};

kunit_test_suite(life_suite);
