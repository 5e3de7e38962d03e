// SPDX-License-Identifier: GPL-2.0
/* Tests of who has begun its life and is not up yet: it sends, and cannot be sent to. */
#include <linux/bitfield.h>

#include "helpers.h"

/* Node @i begins its life; mk_test_leave() ends it. */
static void open_node(struct kunit *test, struct mk_test_machine *machine, unsigned int i)
{
	struct mk_test_node *node = &machine->node[i];
	struct mk_instance *instance;

	instance = mk_instance_open(node->region, node->backend, node->handlers, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, instance);
	node->instance = instance;
}

static void start_node(struct kunit *test, struct mk_test_node *node)
{
	KUNIT_ASSERT_EQ(test, 0, mk_instance_start(node->instance, &node->cpus));
	mk_instance_up(node->instance);
}

/* Instance 0 has joined, 1 has only begun */
static struct mk_test_machine *opened(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);

	mk_test_join(test, &machine->node[0]);
	open_node(test, machine, 1);
	return machine;
}

static u64 state_of(struct mk_test_machine *machine, unsigned int i)
{
	const struct mk_wire_self *self = mk_test_arena(machine, i) + MK_WIRE_SELF;

	return READ_ONCE(self->life) & MK_WIRE_LIFE_STATE;
}

static void open_sends(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = opened(test);
	struct mk_test_node *node = machine->node;

	KUNIT_EXPECT_EQ(test, MK_WIRE_JOINING, state_of(machine, 1));
	mk_test_exchange(test, machine, 1, 0, *type, 8);
	mk_test_exchange(test, machine, 1, 0, *type, 1000);
	KUNIT_EXPECT_EQ(test, MK_WIRE_JOINING, state_of(machine, 1));
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(&node[0].instance->links[1]));
	KUNIT_EXPECT_FALSE(test, node[0].events.nr);
}

static void open_is_not_sent_to(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = opened(test);
	struct mk_test_node *node = machine->node;

	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[0], 1, *type, 0, 0));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[1], 1, *type, 0, 0));
	KUNIT_EXPECT_EQ(test, -ENOTCONN,
			mk_link_trysend(&node[0].instance->links[1], *type, "x", 1));
	KUNIT_EXPECT_EQ(test, 0, mk_test_rings(&node[0]));
}

/* The life goes on, and so do its rings: no message of before is lost or comes twice. */
static void open_then_start(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = opened(test);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[0], *type);
	u32 i, incarnation = node[1].instance->incarnation;

	for (i = 0; i < 10; i++) {
		if (i == 5)
			start_node(test, &node[1]);
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[1], 0, *type, 0, i));
	}
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 10, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
	KUNIT_EXPECT_EQ(test, incarnation, node[1].instance->incarnation);
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_UP, incarnation));
	mk_test_exchange(test, machine, 0, 1, *type, 8);
	mk_test_exchange(test, machine, 1, 0, *type, 8);
}

/* Nobody looks while there is nobody to look: what is sent before the other is up waits. */
static void open_before_the_other(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	open_node(test, machine, 1);
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_test_note(&node[1], 0, *type, 0, 0));
	open_node(test, machine, 0);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[1], 0, *type, 0, 0));
	start_node(test, &node[0]);
	mk_test_exchange(test, machine, 1, 0, *type, 8);
	start_node(test, &node[1]);
	mk_test_exchange(test, machine, 0, 1, *type, 8);
}

/* It goes before it was up: what it has said is heard, and nobody was told that it came. */
static void open_then_gone(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = opened(test);
	struct mk_test_node *node = machine->node;
	const struct mk_wire_self *self = mk_test_arena(machine, 1) + MK_WIRE_SELF;
	struct mk_test_inbox *box = mk_test_box(&node[0], *type);

	mk_test_mute(&node[1]);
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[1], 0, *type, 0, 0));
	mk_test_unmute(&node[1]);
	mk_instance_say_left(node[1].instance, MK_WIRE_REASON_PANIC);
	/* Whoever goes in a panic has more to say of it. */
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[1], 0, *type, 0, 1));
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, MK_WIRE_LEFT, state_of(machine, 1));
	KUNIT_EXPECT_EQ(test, MK_WIRE_REASON_PANIC, self->reason);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(&node[0].instance->links[1]));
	KUNIT_EXPECT_FALSE(test, node[0].events.nr);

	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_UP,
					    node[1].instance->incarnation));
	mk_test_exchange(test, machine, 0, 1, *type, 8);
	mk_test_exchange(test, machine, 1, 0, *type, 8);
}

static void open_then_fenced(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = opened(test);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[0], *type);

	mk_test_exchange(test, machine, 1, 0, *type, 8);
	mk_test_box_empty(box);
	/* Who looks already goes on to the end of it */
	mk_test_settle(test, &node[0]);
	mk_instance_fence(node[0].instance, 1, node[1].instance->incarnation);
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[1], 0, *type, 0, 0));
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&box->count));
	KUNIT_EXPECT_FALSE(test, node[0].events.nr);
	/* Nor is it up, whatever it does */
	start_node(test, &node[1]);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(&node[0].instance->links[1]));
}

/* Whoever was long in coming does not hang when it is up and has yet to beat. */
static void open_has_yet_to_beat(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_peer_event event = {};
	struct mk_wire_self *self;

	mk_param_beat_ms = 20;
	mk_param_hang_ms = 500;
	mk_test_join(test, &node[0]);
	open_node(test, machine, 1);
	mk_peers_look(node[0].instance);
	msleep(2 * mk_param_hang_ms);
	KUNIT_ASSERT_EQ(test, 0, mk_test_events_of(&node[0], 1, &event, 1));

	/* As mk_instance_up() leaves it until a timer interrupts */
	self = node[1].region->arena + MK_WIRE_SELF;
	WRITE_ONCE(self->nr_doors, 1);
	WRITE_ONCE(self->life, FIELD_PREP(MK_WIRE_LIFE_INCARNATION, 1) |
			       FIELD_PREP(MK_WIRE_LIFE_STATE, MK_WIRE_UP));
	mk_peers_look(node[0].instance);
	KUNIT_ASSERT_TRUE(test, mk_test_wait(mk_test_events_of(&node[0], 1, &event, 1) > 0));
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_UP, event.state);
}

/* What handlers need to answer is put in place when all can fail that can, and before they run. */
static void open_start_is_not_up(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = opened(test);
	struct mk_test_node *node = machine->node;

	KUNIT_ASSERT_EQ(test, 0, mk_instance_start(node[1].instance, &node[1].cpus));
	KUNIT_EXPECT_EQ(test, MK_WIRE_JOINING, state_of(machine, 1));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&node[0], 1, *type, 0, 0));
	mk_instance_up(node[1].instance);
	mk_test_exchange(test, machine, 0, 1, *type, 8);
}

/* What starting took is given back, and the rest goes on. */
static void open_cannot_start(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = opened(test);
	struct mk_test_node *node = machine->node;
	struct cpumask none = {};

	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_start(node[1].instance, &none));
	KUNIT_EXPECT_EQ(test, MK_WIRE_JOINING, state_of(machine, 1));
	mk_test_exchange(test, machine, 1, 0, *type, 8);
	start_node(test, &node[1]);
	mk_test_exchange(test, machine, 1, 0, *type, 8);
	mk_test_exchange(test, machine, 0, 1, *type, 8);
}

static int try_note(struct mk_test_node *from, u32 type, u32 number)
{
	struct mk_test_note note = { .number = number };

	return mk_link_trysend(&from->instance->links[0], type, &note, sizeof(note));
}

/* Else each CPU would have a ring of its own, and there is no order between those. */
static void trysend_is_in_order(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[0], *type);
	unsigned int cpu;
	u32 i;

	mk_test_box_empty(box);
	mk_test_mute(&node[1]);
	for (i = 0; i < 40; i++) {
		cpu = mk_test_cpu(i % num_online_cpus());
		KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
		KUNIT_ASSERT_EQ(test, 0, try_note(&node[1], *type, i));
	}
	mk_test_unmute(&node[1]);
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 40, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
	KUNIT_EXPECT_EQ(test, 1, mk_test_stats(&node[1], 0, *type & MK_IPI_BULK ? MK_BULK :
					       MK_URGENT).resets);
}

/* A CPU that was stopped in the middle of sending keeps the lock for ever. */
static void trysend_waits_for_no_lock(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[0], *type);
	enum mk_lane lane = *type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	unsigned long flags;
	struct mk_tx *tx;
	int ret;

	mk_test_box_empty(box);
	KUNIT_ASSERT_EQ(test, 0, try_note(&node[1], *type, 0));
	local_irq_save(flags);
	tx = mk_link_trylock_tx(&node[1].instance->links[0], lane);
	ret = IS_ERR(tx) ? PTR_ERR(tx) : try_note(&node[1], *type, 1);
	if (!IS_ERR(tx))
		raw_spin_unlock(&tx->lock);
	local_irq_restore(flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tx);
	KUNIT_EXPECT_EQ(test, -EAGAIN, ret);
	KUNIT_EXPECT_EQ(test, 0, try_note(&node[1], *type, 1));
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

static void trysend_finds_it_full(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[0], *type);
	u32 sent = 0;
	int ret;

	mk_test_box_empty(box);
	mk_test_mute(&node[1]);
	do {
		ret = try_note(&node[1], *type, sent);
		sent += !ret;
	} while (!ret && sent < MK_WIRE_SLOTS_MAX);
	KUNIT_EXPECT_EQ(test, -EAGAIN, ret);
	mk_test_unmute(&node[1]);
	mk_test_ring(test, &node[1], &node[0]);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent));
	KUNIT_EXPECT_EQ(test, 0, try_note(&node[1], *type, sent));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent + 1));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

static struct kunit_case open_cases[] = {
	KUNIT_CASE_PARAM(open_sends, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(open_is_not_sent_to, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(open_then_start, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(open_before_the_other, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(open_then_gone, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(open_then_fenced, mk_test_lane_gen_params),
	KUNIT_CASE(open_has_yet_to_beat),
	KUNIT_CASE_PARAM(open_start_is_not_up, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(open_cannot_start, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(trysend_is_in_order, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(trysend_waits_for_no_lock, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(trysend_finds_it_full, mk_test_lane_gen_params),
	{}
};

static struct kunit_suite open_suite = {
	.name		= "mk_open",
	.test_cases	= open_cases,
};

kunit_test_suite(open_suite);
