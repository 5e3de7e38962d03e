// SPDX-License-Identifier: GPL-2.0
/* Tests of instances: two or three in one kernel, over the soft backend. */
#include <linux/io.h>

#include "helpers.h"

static void instance_both_ways(struct kunit *test)
{
	const u32 *type = test->param_value;
	static const size_t len[] = { 0, 1, 8, 55, 56, 57, 120, 121, 1000, MK_IPI_MAX_LEN };
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		mk_test_exchange(test, machine, 0, 1, *type, len[i]);
		mk_test_exchange(test, machine, 1, 0, *type, len[i]);
	}
}

static void instance_every_pair(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	unsigned int from, to;

	for (from = 0; from < 3; from++)
		for (to = 0; to < 3; to++)
			mk_test_exchange(test, machine, from, to, *type, 100);
}

static void instance_to_itself(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 1);

	mk_test_exchange(test, machine, 0, 0, *type, 0);
	mk_test_exchange(test, machine, 0, 0, *type, MK_IPI_MAX_LEN);
}

static void instance_handler_context(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		mk_test_exchange(test, machine, 0, i, MK_TEST_INBOX, 8);
		KUNIT_EXPECT_TRUE(test, machine->node[i].inbox.hardirq);
		KUNIT_EXPECT_EQ(test, machine->node[i].cpu, machine->node[i].inbox.cpu);
	}
}

static void instance_reply_from_handler(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	static const char ask[] = "who is there";

	KUNIT_ASSERT_EQ(test, 0, mk_instance_send(node[0].instance, 1, MK_TEST_ECHO,
						  ask, sizeof(ask)));
	KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[0], 1));
	KUNIT_EXPECT_EQ(test, 1, node[0].inbox.last.from);
	KUNIT_EXPECT_EQ(test, sizeof(ask), node[0].inbox.last.len);
	KUNIT_EXPECT_MEMEQ(test, node[0].inbox.data, ask, sizeof(ask));
}

#define INSTANCE_NOTES	2000

/* @nr writers, each on the node and the CPU that its turn is; all of them send to @to */
static void instance_write_all(struct kunit *test, unsigned int nodes, unsigned int to,
			       unsigned int nr)
{
	const u32 *type = test->param_value;
	struct mk_test_writer *writer = kunit_kcalloc(test, nr, sizeof(*writer), GFP_KERNEL);
	struct mk_test_machine *machine;
	struct mk_test_inbox *box;
	bool arrived;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, writer);
	machine = mk_test_joined(test, nodes);
	box = mk_test_box(&machine->node[to], *type);
	for (i = 0; i < nr; i++) {
		writer[i].from = &machine->node[i % nodes];
		writer[i].to = to;
		writer[i].type = *type;
		writer[i].id = i;
		writer[i].notes = INSTANCE_NOTES;
		writer[i].cpu = mk_test_cpu(i);
		mk_test_write(test, &writer[i]);
	}
	arrived = mk_test_wait(atomic_read(&box->count) >= nr * INSTANCE_NOTES);
	for (i = 0; i < nr; i++)
		mk_test_written(test, &writer[i]);
	KUNIT_EXPECT_TRUE(test, arrived);
	KUNIT_EXPECT_EQ(test, nr * INSTANCE_NOTES, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

static void instance_many_in_order(struct kunit *test)
{
	instance_write_all(test, 2, 1, 1);
}

static void instance_several_threads(struct kunit *test)
{
	instance_write_all(test, 1, 0, 4);
}

static void instance_several_senders(struct kunit *test)
{
	instance_write_all(test, 3, 2, 6);
}

/* Nothing is lost or overtaken, and there is room again after the doorbell */
static void instance_full_ring(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	enum mk_lane lane = *type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	struct mk_test_inbox *box = mk_test_box(&node[1], *type);
	u32 sent;

	mk_test_mute(&node[0]);
	sent = mk_test_note_all(&node[0], 1, *type, 0);
	KUNIT_EXPECT_EQ(test, -EAGAIN, mk_test_note(&node[0], 1, *type, 0, sent));
	KUNIT_EXPECT_GE(test, sent, MK_WIRE_SLOTS_MIN - 1);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 2, mk_test_stats(&node[0], 1, lane).full);
	KUNIT_EXPECT_EQ(test, sent, mk_test_stats(&node[0], 1, lane).sent);

	mk_test_unmute(&node[0]);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent));
	KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[0], 1, *type, 0, sent));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent + 1));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

static void instance_full_ring_is_one_of_many(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;

	mk_test_mute(&node[0]);
	mk_test_note_all(&node[0], 1, *type, 0);
	KUNIT_EXPECT_EQ(test, -EAGAIN, mk_test_note(&node[0], 1, *type, 0, 0));
	mk_test_unmute(&node[0]);
	mk_test_exchange(test, machine, 0, 2, *type, 100);
	mk_test_exchange(test, machine, 1, 0, *type, 100);
}

/*
 * A region that is made in memory of an earlier boot, where lives of the same number have
 * written what would be messages of this one: nothing arrives but what is sent.
 */
static void instance_memory_of_an_earlier_boot(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[1], *type);
	unsigned int i, boot;

	/* Less than a lap: a slot each, of a ring of MK_WIRE_SLOTS_MIN at least */
	for (i = 0; i < 12; i++)
		mk_test_exchange(test, machine, 0, 1, *type, 4 * i);
	mk_test_box_empty(box);
	for (boot = 0; boot < 2; boot++) {
		for (i = 0; i < 2; i++)
			mk_test_leave(&node[i]);
		KUNIT_ASSERT_EQ(test, 0, mk_region_format(virt_to_phys(machine->pages),
							  machine->size, 2));
		for (i = 0; i < 2; i++)
			mk_test_join(test, &node[i]);
		for (i = 0; i < 2; i++)
			mk_test_settle(test, &node[i]);
		KUNIT_EXPECT_EQ(test, 1, node[0].instance->incarnation);

		for (i = 0; i < 8 - boot; i++)
			mk_test_exchange(test, machine, 0, 1, *type, 4 * i);
		mk_test_settle(test, &node[1]);
		KUNIT_EXPECT_EQ(test, 8 - boot, atomic_read(&box->count));
		mk_test_box_empty(box);
	}
}

static void instance_send_refuses(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_instance *instance = machine->node[0].instance;
	u8 *data = kunit_kzalloc(test, MK_IPI_MAX_LEN + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_INBOX, data,
							  MK_IPI_MAX_LEN + 1));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_INBOX, data,
							  BIT_ULL(32)));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_INBOX, data,
							  SIZE_MAX));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_send(instance, 1, 2 * MK_IPI_NR_TYPES, data, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_send(instance, 1, UINT_MAX, data, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_send(instance, 2, MK_TEST_INBOX, data, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			mk_instance_send(instance, UINT_MAX, MK_TEST_INBOX, data, 1));
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&machine->node[0], 1, MK_URGENT).sent);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
}

static void instance_join_refuses_no_cpu(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 1);
	struct mk_test_node *node = machine->node;

	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    mk_instance_join(node->region, node->backend, node->handlers,
					     cpu_none_mask, 0));
	mk_test_join(test, node);
	mk_test_exchange(test, machine, 0, 0, MK_TEST_INBOX, 8);
}

static void instance_join_refuses_taken_backend(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_test_join(test, &node[0]);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EBUSY),
			    mk_instance_join(node[1].region, node[0].backend, node[1].handlers,
					     &node[1].cpus, 0));
	mk_test_join(test, &node[1]);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
}

static void instance_unknown_type(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;

	KUNIT_ASSERT_EQ(test, 0, mk_instance_send(node[0].instance, 1, MK_IPI_TYPE_LOCAL + 9,
						  NULL, 0));
	mk_test_settle(test, &node[1]);
	KUNIT_EXPECT_EQ(test, 1, mk_test_stats(&node[1], 0, MK_URGENT).unhandled);
	KUNIT_EXPECT_EQ(test, 1, mk_test_stats(&node[1], 0, MK_URGENT).received);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[1], 0, MK_URGENT).corrupt);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
	KUNIT_EXPECT_EQ(test, 1, mk_test_stats(&node[1], 0, MK_URGENT).unhandled);
}

static void instance_statistics(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_stats out, in;
	u32 i;

	for (i = 0; i < 50; i++)
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_INBOX, 0, i));
	KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[1], 50));
	mk_test_settle(test, &node[1]);

	out = mk_test_stats(&node[0], 1, MK_URGENT);
	in = mk_test_stats(&node[1], 0, MK_URGENT);
	KUNIT_EXPECT_EQ(test, 50, out.sent);
	KUNIT_EXPECT_EQ(test, 50, in.received);
	KUNIT_EXPECT_GE(test, out.doorbells, 1);
	KUNIT_EXPECT_LE(test, out.doorbells, 50);
	KUNIT_EXPECT_EQ(test, 0, out.full + in.full);
	KUNIT_EXPECT_EQ(test, 0, out.received + in.sent);
	KUNIT_EXPECT_EQ(test, 0, in.unhandled + in.corrupt);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[2], 0, MK_URGENT).received);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[0], 2, MK_URGENT).sent);
}

static int instance_no_door(struct mk_backend *backend, unsigned int cpu, struct mk_door *door)
{
	return -EINVAL;
}

static int instance_no_start(struct mk_backend *backend)
{
	return -EIO;
}

static void instance_cannot_join(struct kunit *test, struct mk_test_machine *machine, int error)
{
	struct mk_test_node *node = &machine->node[1];
	struct mk_instance *instance;

	instance = mk_instance_join(node->region, node->backend, node->handlers, &node->cpus, 0);
	KUNIT_EXPECT_EQ(test, error, PTR_ERR_OR_ZERO(instance));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_test_note(&machine->node[0], 1, MK_TEST_INBOX, 0, 0));
}

/* A backend that has no door, or does not start: nobody takes this for an instance that is up */
static void instance_backend_fails(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_backend *backend = machine->node[1].backend;
	struct mk_backend whole = *backend;

	mk_test_join(test, &machine->node[0]);
	backend->get_door = instance_no_door;
	instance_cannot_join(test, machine, -EINVAL);
	backend->get_door = whole.get_door;
	backend->start = instance_no_start;
	instance_cannot_join(test, machine, -EIO);
	backend->start = whole.start;
	mk_test_join(test, &machine->node[1]);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 100);
	mk_test_exchange(test, machine, 1, 0, MK_TEST_INBOX, 100);
}

static struct kunit_case instance_cases[] = {
	KUNIT_CASE_PARAM(instance_both_ways, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(instance_every_pair, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(instance_to_itself, mk_test_lane_gen_params),
	KUNIT_CASE(instance_handler_context),
	KUNIT_CASE(instance_reply_from_handler),
	KUNIT_CASE_PARAM(instance_many_in_order, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(instance_several_threads, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(instance_several_senders, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(instance_full_ring, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(instance_full_ring_is_one_of_many, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(instance_memory_of_an_earlier_boot, mk_test_lane_gen_params),
	KUNIT_CASE(instance_send_refuses),
	KUNIT_CASE(instance_join_refuses_no_cpu),
	KUNIT_CASE(instance_join_refuses_taken_backend),
	KUNIT_CASE(instance_unknown_type),
	KUNIT_CASE(instance_statistics),
	KUNIT_CASE(instance_backend_fails),
	{}
};

static struct kunit_suite instance_suite = {
	.name = "mk_instance",
	.test_cases = instance_cases,
};

kunit_test_suite(instance_suite);
