// SPDX-License-Identifier: GPL-2.0
/* Tests of instances: two or three in one kernel, over the soft backend. */
#include <linux/kthread.h>

#include "helpers.h"

static struct mk_test_machine *instance_setup(struct kunit *test, unsigned int nr)
{
	struct mk_test_machine *machine = mk_test_machine(test, nr);
	unsigned int i;

	for (i = 0; i < nr; i++)
		mk_test_join(test, &machine->node[i]);
	return machine;
}

static struct mk_ipi_stats instance_stats(struct mk_test_node *node, unsigned int peer)
{
	struct mk_ipi_stats stats = {};

	mk_link_stats(&node->instance->links[peer], &stats);
	return stats;
}

static int instance_note(struct mk_test_node *from, unsigned int to, u32 sender, u32 number)
{
	struct mk_test_note note = { .sender = sender, .number = number };

	return mk_instance_send(from->instance, to, MK_TEST_INBOX, &note, sizeof(note));
}

/* A message of @len bytes from instance @from to @to, and nothing but it */
static void instance_exchange(struct kunit *test, struct mk_test_machine *machine,
			      unsigned int from, unsigned int to, size_t len)
{
	struct mk_test_inbox *inbox = &machine->node[to].inbox;
	int count = atomic_read(&inbox->count);
	u8 *data = kunit_kmalloc(test, MK_IPI_MAX_LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	mk_test_fill(data, len, from + to + len);
	KUNIT_ASSERT_EQ(test, 0, mk_instance_send(machine->node[from].instance, to,
						  MK_TEST_INBOX, data, len));
	KUNIT_ASSERT_TRUE(test, mk_test_arrived(&machine->node[to], count + 1));
	KUNIT_EXPECT_EQ(test, count + 1, atomic_read(&inbox->count));
	KUNIT_EXPECT_EQ(test, from, inbox->last.from);
	KUNIT_EXPECT_EQ(test, MK_TEST_INBOX, inbox->last.type);
	KUNIT_EXPECT_EQ(test, len, inbox->last.len);
	KUNIT_EXPECT_MEMEQ(test, inbox->data, data, len);
	kunit_kfree(test, data);
}

static void instance_both_ways(struct kunit *test)
{
	static const size_t len[] = { 0, 1, 8, 55, 56, 57, 120, 121, 1000, MK_IPI_MAX_LEN };
	struct mk_test_machine *machine = instance_setup(test, 2);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		instance_exchange(test, machine, 0, 1, len[i]);
		instance_exchange(test, machine, 1, 0, len[i]);
	}
}

static void instance_every_pair(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 3);
	unsigned int from, to;

	for (from = 0; from < 3; from++)
		for (to = 0; to < 3; to++)
			instance_exchange(test, machine, from, to, 100);
}

static void instance_to_itself(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 1);

	instance_exchange(test, machine, 0, 0, 0);
	instance_exchange(test, machine, 0, 0, MK_IPI_MAX_LEN);
}

static void instance_handler_context(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 3);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		instance_exchange(test, machine, 0, i, 8);
		KUNIT_EXPECT_TRUE(test, machine->node[i].inbox.hardirq);
		KUNIT_EXPECT_EQ(test, machine->node[i].cpu, machine->node[i].inbox.cpu);
	}
}

static void instance_reply_from_handler(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 2);
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

/**
 * struct instance_writer - a thread that sends notes
 * @from:   node that sends
 * @to:	    instance that they are for
 * @number: sender number of the notes
 * @error:  what ended it early
 */
struct instance_writer {
	struct mk_test_node	*from;
	unsigned int		to;
	u32			number;
	int			error;
};

static int instance_write(void *arg)
{
	struct instance_writer *writer = arg;
	u32 i = 0;

	while (i < INSTANCE_NOTES && !kthread_should_stop()) {
		int error = instance_note(writer->from, writer->to, writer->number, i);

		if (!error) {
			i++;
		} else if (error == -EAGAIN) {
			usleep_range(100, 1000);
		} else {
			writer->error = error;
			break;
		}
	}
	return 0;
}

/* @nr threads, each on the node that its turn is; all of them send to @to */
static void instance_write_all(struct kunit *test, unsigned int nodes, unsigned int to,
			       unsigned int nr)
{
	struct instance_writer *writer = kunit_kcalloc(test, nr, sizeof(*writer), GFP_KERNEL);
	struct task_struct *task[MK_TEST_SENDERS];
	struct mk_test_machine *machine;
	bool arrived;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, writer);
	machine = instance_setup(test, nodes);
	for (i = 0; i < nr; i++) {
		writer[i].from = &machine->node[i % nodes];
		writer[i].to = to;
		writer[i].number = i;
		task[i] = mk_test_thread(test, instance_write, &writer[i]);
	}
	arrived = mk_test_arrived(&machine->node[to], nr * INSTANCE_NOTES);
	for (i = 0; i < nr; i++)
		mk_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_TRUE(test, arrived);
	KUNIT_EXPECT_EQ(test, nr * INSTANCE_NOTES, atomic_read(&machine->node[to].inbox.count));
	KUNIT_EXPECT_EQ(test, 0, machine->node[to].inbox.misordered);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, 0, writer[i].error);
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
	struct mk_test_machine *machine = instance_setup(test, 2);
	struct mk_test_node *node = machine->node;
	u32 sent = 0;
	int error;

	mk_test_mute(&node[0]);
	do {
		error = instance_note(&node[0], 1, 0, sent);
	} while (!error && ++sent < MK_WIRE_SLOTS_MAX);
	KUNIT_EXPECT_EQ(test, -EAGAIN, error);
	KUNIT_EXPECT_EQ(test, -EAGAIN, instance_note(&node[0], 1, 0, sent));
	KUNIT_EXPECT_GE(test, sent, MK_WIRE_SLOTS_MIN - 1);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&node[1].inbox.count));
	KUNIT_EXPECT_EQ(test, 2, instance_stats(&node[0], 1).full);
	KUNIT_EXPECT_EQ(test, sent, instance_stats(&node[0], 1).sent);

	mk_test_unmute(&node[0]);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&node[1], sent));
	KUNIT_EXPECT_EQ(test, 0, instance_note(&node[0], 1, 0, sent));
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&node[1], sent + 1));
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
}

static void instance_full_ring_is_one_of_many(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 3);
	struct mk_test_node *node = machine->node;
	int error = 0, sent = 0;

	mk_test_mute(&node[0]);
	while (!error && ++sent < MK_WIRE_SLOTS_MAX)
		error = instance_note(&node[0], 1, 0, 0);
	mk_test_unmute(&node[0]);
	KUNIT_EXPECT_EQ(test, -EAGAIN, error);
	instance_exchange(test, machine, 0, 2, 100);
	instance_exchange(test, machine, 1, 0, 100);
}

static void instance_send_refuses(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 2);
	struct mk_instance *instance = machine->node[0].instance;
	u8 *data = kunit_kzalloc(test, MK_IPI_MAX_LEN + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_INBOX, data,
							  MK_IPI_MAX_LEN + 1));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_INBOX, data,
							  BIT_ULL(32)));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_INBOX, data,
							  SIZE_MAX));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_send(instance, 1, MK_IPI_NR_TYPES, data, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_send(instance, 1, UINT_MAX, data, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_send(instance, 2, MK_TEST_INBOX, data, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			mk_instance_send(instance, UINT_MAX, MK_TEST_INBOX, data, 1));
	KUNIT_EXPECT_EQ(test, 0, instance_stats(&machine->node[0], 1).sent);
	instance_exchange(test, machine, 0, 1, 8);
}

static void instance_join_refuses_cpu(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 1);
	struct mk_test_node *node = machine->node;

	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    mk_instance_join(node->region, node->backend, node->handlers,
					     nr_cpu_ids, 0));
	mk_test_join(test, node);
	instance_exchange(test, machine, 0, 0, 8);
}

static void instance_join_refuses_taken_backend(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_test_join(test, &node[0]);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EBUSY),
			    mk_instance_join(node[1].region, node[0].backend, node[1].handlers,
					     node[1].cpu, 0));
	mk_test_join(test, &node[1]);
	instance_exchange(test, machine, 0, 1, 8);
}

/* A ring is made when a link is first used; there may be more peers than room */
static void instance_no_room_for_a_ring(struct kunit *test)
{
	const size_t ring = CONFIG_MULTIKERNEL_RING_SLOTS * sizeof(struct mk_wire_slot);
	const unsigned int nr = 8;
	struct mk_test_machine *machine = instance_setup(test, nr);
	unsigned int fit = (mk_test_header(machine)->arena_size - MK_WIRE_RINGS) / ring;
	unsigned int i;

	if (fit >= nr)
		kunit_skip(test, "an arena has room for a ring to each of %u instances", nr);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, i < fit ? 0 : -ENOSPC,
				instance_note(&machine->node[0], i, 0, 0));
	mk_test_settle(test, &machine->node[0]);
	instance_exchange(test, machine, 0, 0, 8);
}

static void instance_peer_state(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_link *link;

	mk_test_join(test, &node[0]);
	link = &node[0].instance->links[1];
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_ABSENT, mk_link_state(link));
	KUNIT_EXPECT_EQ(test, -ENOENT, instance_note(&node[0], 1, 0, 0));

	mk_test_join(test, &node[1]);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_UP, mk_link_state(link));
	KUNIT_EXPECT_EQ(test, 0, instance_note(&node[0], 1, 0, 0));

	mk_test_leave(&node[1]);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(link));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, instance_note(&node[0], 1, 0, 0));
}

static void instance_says_why_it_left(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 2);
	struct mk_wire_self *self = mk_test_arena(machine, 1) + MK_WIRE_SELF;

	KUNIT_EXPECT_EQ(test, MK_WIRE_REASON_NONE, self->reason);
	mk_instance_say_left(machine->node[1].instance, MK_WIRE_REASON_PANIC);
	KUNIT_EXPECT_EQ(test, MK_WIRE_REASON_PANIC, self->reason);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, instance_note(&machine->node[0], 1, 0, 0));
}

static void instance_fenced(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 3);
	struct mk_test_node *node = machine->node;

	instance_exchange(test, machine, 0, 1, 8);
	mk_region_fence(node[0].region, 1, node[1].instance->incarnation);
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_DOWN, mk_link_state(&node[2].instance->links[1]));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, instance_note(&node[0], 1, 0, 0));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, instance_note(&node[2], 1, 0, 0));
	instance_exchange(test, machine, 0, 2, 8);

	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);
	instance_exchange(test, machine, 0, 1, 8);
	instance_exchange(test, machine, 1, 2, 8);
}

static void instance_joins_again(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int i, self;
	u32 incarnation;

	for (i = 0; i < 6; i++) {
		instance_exchange(test, machine, 0, 1, 100);
		instance_exchange(test, machine, 1, 0, 100);
		self = i % 2;
		incarnation = node[self].instance->incarnation;
		mk_test_leave(&node[self]);
		mk_test_join(test, &node[self]);
		KUNIT_EXPECT_EQ(test, incarnation + 1, node[self].instance->incarnation);
	}
}

static void instance_stale_messages(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 2);
	struct mk_test_node *node = machine->node;
	u32 i;

	mk_test_mute(&node[0]);
	mk_test_mute(&node[1]);
	for (i = 0; i < 5; i++) {
		KUNIT_ASSERT_EQ(test, 0, instance_note(&node[0], 1, 0, i));
		KUNIT_ASSERT_EQ(test, 0, instance_note(&node[1], 0, 1, i));
	}
	mk_test_unmute(&node[0]);
	mk_test_unmute(&node[1]);
	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);

	/* Nothing to the earlier life of 1, which 0 had not sent to this one */
	mk_test_settle(test, &node[1]);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&node[1].inbox.count));
	instance_exchange(test, machine, 0, 1, 100);
	instance_exchange(test, machine, 1, 0, 100);
}

/* How far an earlier life has read says nothing of what the next one has */
static void instance_stale_ack(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 2);
	struct mk_test_node *node = machine->node;
	unsigned int i;
	int sent = 0;

	for (i = 0; i < 100; i++)
		instance_exchange(test, machine, 0, 1, 8);
	mk_test_leave(&node[1]);
	mk_test_join(test, &node[1]);

	node[1].inbox.next[0] = 0;
	node[1].inbox.misordered = 0;
	atomic_set(&node[1].inbox.count, 0);
	mk_test_mute(&node[0]);
	while (sent < MK_WIRE_SLOTS_MAX && !instance_note(&node[0], 1, 0, sent))
		sent++;
	mk_test_unmute(&node[0]);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&node[1], sent));
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
}

static void instance_unknown_type(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 2);
	struct mk_test_node *node = machine->node;

	KUNIT_ASSERT_EQ(test, 0, mk_instance_send(node[0].instance, 1, MK_IPI_TYPE_LOCAL + 9,
						  NULL, 0));
	mk_test_settle(test, &node[1]);
	KUNIT_EXPECT_EQ(test, 1, instance_stats(&node[1], 0).unhandled);
	KUNIT_EXPECT_EQ(test, 1, instance_stats(&node[1], 0).received);
	KUNIT_EXPECT_EQ(test, 0, instance_stats(&node[1], 0).corrupt);
	instance_exchange(test, machine, 0, 1, 8);
	KUNIT_EXPECT_EQ(test, 1, instance_stats(&node[1], 0).unhandled);
}

static void instance_statistics(struct kunit *test)
{
	struct mk_test_machine *machine = instance_setup(test, 3);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_stats out, in;
	u32 i;

	for (i = 0; i < 50; i++)
		KUNIT_ASSERT_EQ(test, 0, instance_note(&node[0], 1, 0, i));
	KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[1], 50));
	mk_test_settle(test, &node[1]);

	out = instance_stats(&node[0], 1);
	in = instance_stats(&node[1], 0);
	KUNIT_EXPECT_EQ(test, 50, out.sent);
	KUNIT_EXPECT_EQ(test, 50, in.received);
	KUNIT_EXPECT_GE(test, out.doorbells, 1);
	KUNIT_EXPECT_LE(test, out.doorbells, 50);
	KUNIT_EXPECT_EQ(test, 0, out.full + in.full);
	KUNIT_EXPECT_EQ(test, 0, out.received + in.sent);
	KUNIT_EXPECT_EQ(test, 0, in.unhandled + in.corrupt);
	KUNIT_EXPECT_EQ(test, 0, instance_stats(&node[2], 0).received);
	KUNIT_EXPECT_EQ(test, 0, instance_stats(&node[0], 2).sent);
}

static struct kunit_case instance_cases[] = {
	KUNIT_CASE(instance_both_ways),
	KUNIT_CASE(instance_every_pair),
	KUNIT_CASE(instance_to_itself),
	KUNIT_CASE(instance_handler_context),
	KUNIT_CASE(instance_reply_from_handler),
	KUNIT_CASE(instance_many_in_order),
	KUNIT_CASE(instance_several_threads),
	KUNIT_CASE(instance_several_senders),
	KUNIT_CASE(instance_full_ring),
	KUNIT_CASE(instance_full_ring_is_one_of_many),
	KUNIT_CASE(instance_send_refuses),
	KUNIT_CASE(instance_join_refuses_cpu),
	KUNIT_CASE(instance_join_refuses_taken_backend),
	KUNIT_CASE(instance_no_room_for_a_ring),
	KUNIT_CASE(instance_peer_state),
	KUNIT_CASE(instance_says_why_it_left),
	KUNIT_CASE(instance_fenced),
	KUNIT_CASE(instance_joins_again),
	KUNIT_CASE(instance_stale_messages),
	KUNIT_CASE(instance_stale_ack),
	KUNIT_CASE(instance_unknown_type),
	KUNIT_CASE(instance_statistics),
	{}
};

static struct kunit_suite instance_suite = {
	.name = "mk_instance",
	.test_cases = instance_cases,
};

kunit_test_suite(instance_suite);
