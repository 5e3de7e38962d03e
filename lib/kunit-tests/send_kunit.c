// SPDX-License-Identifier: GPL-2.0
/* Tests of sending: in pieces, to a CPU, from any context, with little memory. */
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/smp.h>

#include "helpers.h"

#define SEND_PIECES	70

/* @len bytes in @nr pieces, the first of which has @first bytes */
static void send_pieces(struct kunit *test, struct mk_test_machine *machine, u32 type,
			size_t len, unsigned int nr, size_t first)
{
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], type);
	int count = atomic_read(&box->count);
	static struct kvec vec[SEND_PIECES];
	u8 *data = mk_test_buf(test, len ?: 1);
	size_t done = 0, n = first;
	unsigned int i;

	mk_test_fill(data, len, len + nr + first);
	for (i = 0; i < nr; i++) {
		n = i == nr - 1 ? len - done : min(i ? (len - first) / nr : first, len - done);
		vec[i].iov_base = n ? data + done : NULL;
		vec[i].iov_len = n;
		done += n;
	}
	KUNIT_ASSERT_EQ(test, 0, mk_instance_sendv(machine->node[0].instance, 1, type, vec, nr));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&box->count) == count + 1));
	KUNIT_ASSERT_EQ(test, len, box->last.len);
	KUNIT_ASSERT_EQ(test, 0, memcmp(box->data, data, len));
}

static void send_no_piece(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);

	send_pieces(test, machine, *type, 0, 0, 0);
	send_pieces(test, machine, *type, 0, 1, 0);
	send_pieces(test, machine, *type, 0, SEND_PIECES, 0);
}

static void send_many_pieces(struct kunit *test)
{
	const u32 *type = test->param_value;
	size_t max = *type & MK_IPI_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN;
	struct mk_test_machine *machine = mk_test_joined(test, 2);

	send_pieces(test, machine, *type, 100, 1, 100);
	send_pieces(test, machine, *type, 100, 2, 0);
	send_pieces(test, machine, *type, 100, 2, 100);
	send_pieces(test, machine, *type, SEND_PIECES, SEND_PIECES, 1);
	send_pieces(test, machine, *type, 20, SEND_PIECES, 1);
	send_pieces(test, machine, *type, max, 1, max);
	send_pieces(test, machine, *type, max, 3, 57);
	send_pieces(test, machine, *type, max, SEND_PIECES, 1);
}

/* All over the ring, and past its end: five slots each, of a power of two */
static void send_pieces_anywhere(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	unsigned int i;

	for (i = 0; i < CONFIG_MULTIKERNEL_URGENT_SLOTS; i++)
		send_pieces(test, machine, MK_TEST_INBOX, 300, 3, i % 256);
}

static void send_pieces_too_long(struct kunit *test)
{
	const u32 *type = test->param_value;
	size_t max = *type & MK_IPI_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_instance *instance = machine->node[0].instance;
	u8 *data = mk_test_buf(test, max + 1);
	struct kvec vec[3] = {
		{ .iov_base = data, .iov_len = max }, { .iov_base = data, .iov_len = 1 },
		{ .iov_base = data, .iov_len = 0 },
	};

	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_sendv(instance, 1, *type, vec, 2));
	vec[0].iov_len = SIZE_MAX;
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_sendv(instance, 1, *type, vec, 2));
	vec[0].iov_len = SIZE_MAX / 2 + 1;
	vec[1].iov_len = SIZE_MAX / 2 + 1;
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_sendv(instance, 1, *type, vec, 2));
	vec[1].iov_len = SIZE_MAX / 2 + 9;
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_sendv(instance, 1, *type, vec, 3));
	vec[0].iov_len = BIT_ULL(32);
	vec[1].iov_len = 8;
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_sendv(instance, 1, *type, vec, 2));
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&machine->node[0], 1, MK_URGENT).sent);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&machine->node[0], 1, MK_BULK).sent);
}

static void send_no_data(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_instance *instance = machine->node[0].instance;
	struct kvec vec[2] = { { .iov_base = &vec, .iov_len = 8 }, { .iov_len = 8 } };

	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_send(instance, 1, MK_TEST_INBOX, NULL, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_sendv(instance, 1, MK_TEST_INBOX, vec, 2));
	KUNIT_EXPECT_EQ(test, 0, mk_instance_send(instance, 1, MK_TEST_INBOX, NULL, 0));
}

static void send_bad_type(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_instance *instance = machine->node[0].instance;
	unsigned int bit;

	for (bit = 13; bit < 32; bit++) {
		if (bit >= 16 && bit < 29)
			continue;	/* MK_IPI_TO_CPU(), MK_IPI_IN_ORDER() */
		KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_send(instance, 1,
								MK_TEST_INBOX | BIT(bit), NULL, 0));
	}
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&machine->node[0], 1, MK_URGENT).sent);
}

static void send_with_interrupts_off(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	unsigned long flags;
	int error;
	u32 i;

	for (i = 0; i < 100; i++) {
		local_irq_save(flags);
		error = mk_test_note(&machine->node[0], 1, *type, 0, i);
		local_irq_restore(flags);
		KUNIT_ASSERT_EQ(test, 0, error);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == 100));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

/**
 * struct send_work - sends in hard interrupt context
 * @work:  the interrupt
 * @node:  who sends, to 1
 * @type:  of the message
 * @next:  number of the next note
 * @error: what came of the latest
 */
struct send_work {
	struct irq_work		work;
	struct mk_test_node	*node;
	u32			type;
	u32			next;
	int			error;
};

static void send_in_interrupt(struct irq_work *work)
{
	struct send_work *send = container_of(work, struct send_work, work);

	send->error = mk_test_note(send->node, 1, send->type, 0, send->next++);
}

static void send_from_interrupt(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	struct send_work send = {
		.work = IRQ_WORK_INIT_HARD(send_in_interrupt),
		.node = machine->node, .type = *type,
	};
	unsigned int i;

	for (i = 0; i < 100; i++) {
		irq_work_queue(&send.work);
		irq_work_sync(&send.work);
		KUNIT_ASSERT_EQ(test, 0, send.error);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == 100));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

/* The smallest arenas, for 5 nodes */
static struct mk_test_machine *send_little_room(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine_sized(test, 5, MK_TEST_ARENA_MIN);
	unsigned int i;

	for (i = 0; i < machine->nr; i++)
		mk_test_join(test, &machine->node[i]);
	return machine;
}

/* Rings are made when they are first used; there may be more peers than room */
static void send_no_room_for_a_ring(struct kunit *test)
{
	const size_t ring = CONFIG_MULTIKERNEL_URGENT_SLOTS * sizeof(struct mk_wire_slot);
	struct mk_test_machine *machine = send_little_room(test);
	unsigned int fit = (mk_test_header(machine)->arena_size - MK_WIRE_RINGS) / ring;
	unsigned int i;

	if (fit >= machine->nr)
		kunit_skip(test, "an arena has room for a ring to each of %u", machine->nr);
	for (i = 0; i < machine->nr; i++)
		KUNIT_EXPECT_EQ(test, i < fit ? 0 : -ENOSPC,
				mk_test_note(&machine->node[0], i, MK_TEST_INBOX, 0, 0));
	for (i = 0; i < fit; i++) {
		mk_test_settle(test, &machine->node[i]);
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&machine->node[i].inbox.count));
		mk_test_exchange(test, machine, 0, i, MK_TEST_INBOX, 8);
	}
}

static void send_no_room_for_a_bulk_ring(struct kunit *test)
{
	const size_t ring = CONFIG_MULTIKERNEL_BULK_SLOTS * sizeof(struct mk_wire_slot);
	struct mk_test_machine *machine = send_little_room(test);

	if (mk_test_header(machine)->arena_size - MK_WIRE_RINGS >= ring)
		kunit_skip(test, "an arena has room for a bulk ring");
	KUNIT_EXPECT_EQ(test, -ENOSPC, mk_test_note(machine->node, 1, MK_TEST_BULK, 0, 0));
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
}

/* CPUs for which there is no ring share one with another, and its order */
static void send_shares_a_ring(struct kunit *test)
{
	const size_t ring = CONFIG_MULTIKERNEL_URGENT_SLOTS * sizeof(struct mk_wire_slot);
	struct mk_test_machine *machine = send_little_room(test);
	unsigned int fit = (mk_test_header(machine)->arena_size - MK_WIRE_RINGS) / ring;
	struct mk_test_writer writer[8] = {};
	unsigned int i, nr = min(num_online_cpus(), ARRAY_SIZE(writer));

	if (nr <= fit)
		kunit_skip(test, "needs more than %u CPUs", fit);
	for (i = 0; i < nr; i++) {
		writer[i].from = &machine->node[0];
		writer[i].to = 1;
		writer[i].type = MK_TEST_INBOX;
		writer[i].id = i;
		writer[i].notes = 300;
		writer[i].cpu = mk_test_cpu(i);
		mk_test_write(test, &writer[i]);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&machine->node[1], nr * 300));
	for (i = 0; i < nr; i++)
		mk_test_written(test, &writer[i]);
	KUNIT_EXPECT_EQ(test, 0, machine->node[1].inbox.misordered);
}

/* Which of its rings to 1 node 0 uses on each CPU of @writer, by its index and 1 */
static void send_from_each_cpu(struct kunit *test, struct mk_test_machine *machine, u32 type,
			       u8 *index, unsigned int nr)
{
	struct mk_link *link = &machine->node[0].instance->links[1];
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], type);
	enum mk_lane lane = type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	struct mk_test_writer writer = {
		.from = &machine->node[0], .to = 1, .type = type, .notes = 200,
	};
	unsigned int i;

	for (i = 0; i < nr; i++) {
		writer.id = i;
		writer.cpu = mk_test_cpu(i);
		mk_test_write(test, &writer);
		KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == (i + 1) * 200));
		mk_test_written(test, &writer);
		index[i] = link->map[lane][writer.cpu % MK_DOORS][0];
	}
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

static void send_each_cpu_has_a_ring(struct kunit *test)
{
	const u32 *type = test->param_value;
	enum mk_lane lane = *type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	unsigned int i, k, nr = min(num_online_cpus(), MK_DOORS);
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	u8 index[MK_DOORS];

	send_from_each_cpu(test, machine, *type, index, nr);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_NE(test, 0, index[i]);
		KUNIT_EXPECT_EQ(test, lane, mk_ring_lane(index[i] - 1));
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_NE(test, index[k], index[i]);
	}
}

static struct kunit_case send_cases[] = {
	KUNIT_CASE_PARAM(send_no_piece, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(send_many_pieces, mk_test_lane_gen_params),
	KUNIT_CASE(send_pieces_anywhere),
	KUNIT_CASE_PARAM(send_pieces_too_long, mk_test_lane_gen_params),
	KUNIT_CASE(send_no_data),
	KUNIT_CASE(send_bad_type),
	KUNIT_CASE_PARAM(send_with_interrupts_off, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(send_from_interrupt, mk_test_lane_gen_params),
	KUNIT_CASE(send_no_room_for_a_ring),
	KUNIT_CASE(send_no_room_for_a_bulk_ring),
	KUNIT_CASE(send_shares_a_ring),
	KUNIT_CASE_PARAM(send_each_cpu_has_a_ring, mk_test_lane_gen_params),
	{}
};

static struct kunit_suite send_suite = {
	.name = "mk_send",
	.test_cases = send_cases,
};

kunit_test_suite(send_suite);
