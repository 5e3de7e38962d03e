// SPDX-License-Identifier: GPL-2.0
/* Tests of the two lanes: what each may do, and that neither delays the other. */
#include <linux/sched/clock.h>

#include "helpers.h"

static void lane_bulk_in_a_thread(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);

	mk_test_exchange(test, machine, 0, 1, MK_TEST_BULK, 8);
	KUNIT_EXPECT_FALSE(test, machine->node[1].bulk.hardirq);
	KUNIT_EXPECT_TRUE(test, machine->node[1].bulk.task);
}

static void lane_urgent_in_interrupt(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);

	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
	KUNIT_EXPECT_TRUE(test, machine->node[1].inbox.hardirq);
	KUNIT_EXPECT_FALSE(test, machine->node[1].inbox.task);
}

/* Each sleeps in the handler, and those behind it wait */
static void lane_bulk_may_sleep(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	u32 i;

	WRITE_ONCE(node[1].bulk.hold, BIT(0));
	for (i = 0; i < 10; i++)
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_BULK, 0, i));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&node[1].bulk.held) == 1));
	msleep(20);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&node[1].bulk.count));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&node[1].bulk.held));
	WRITE_ONCE(node[1].bulk.hold, 0);
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], 10));
	KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
}

static const u32 lane_lens[] = {
	0, 1, 7, 8, 9, 55, 56, 57, 119, 120, 121, 1000, 4095, 4096, 4097, 4111, 4112, 4113, 8192,
	32768, 65535, 65536,
};

static void lane_len_desc(const u32 *len, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u", *len);
}

KUNIT_ARRAY_PARAM(lane_len, lane_lens, lane_len_desc);

static void lane_bulk_length(struct kunit *test)
{
	const u32 *len = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	unsigned int i;

	/* Several times: somewhere in the ring, and past its end */
	for (i = 0; i < 5; i++) {
		mk_test_exchange(test, machine, 0, 1, MK_TEST_BULK, *len);
		mk_test_exchange(test, machine, 1, 0, MK_TEST_BULK, *len);
	}
}

static void lane_too_long(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_instance *instance = machine->node[0].instance;
	u8 *data = mk_test_buf(test, MK_IPI_MAX_BULK_LEN + 1);

	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_BULK, data,
							  MK_IPI_MAX_BULK_LEN + 1));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_BULK, data,
							  BIT_ULL(32)));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_send(instance, 1, MK_TEST_INBOX, data,
							  MK_IPI_MAX_LEN + 1));
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&machine->node[0], 1, MK_BULK).sent);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&machine->node[0], 1, MK_URGENT).sent);
}

/* Registered for one lane, sent by the other: dropped, and counted as what it is */
static void lane_wrong_lane(struct kunit *test)
{
	const u32 *type = test->param_value;
	enum mk_lane wrong = *type & MK_IPI_BULK ? MK_URGENT : MK_BULK;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[1], *type);
	struct mk_ipi_stats stats;

	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, *type ^ MK_IPI_BULK, 0, 0));
	mk_test_settle(test, &node[1]);
	stats = mk_test_stats(&node[1], 0, wrong);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 1, stats.wrong_lane);
	KUNIT_EXPECT_EQ(test, 0, stats.unhandled);
	KUNIT_EXPECT_EQ(test, 0, stats.corrupt);
	KUNIT_EXPECT_EQ(test, 1, stats.received);
	mk_test_exchange(test, machine, 0, 1, *type, 8);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[1], 0, !wrong).wrong_lane);
}

static int lane_answer(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		       struct mk_ipi_reply *reply)
{
	memcpy(reply->data, msg->data, msg->len);
	reply->len = msg->len;
	return 0;
}

/* All the room of the bulk lane is taken, by what waits for a handler that sleeps */
static void lane_full_bulk_delays_nothing(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_handler server = {
		.type = MK_IPI_TYPE_LOCAL + 5, .name = "test answer", .call = lane_answer,
	};
	struct mk_ipi_reply reply[2] = {};
	u64 answer[2] = {}, ask = 77;
	u32 sent, i;
	int error[2];

	for (i = 0; i < 2; i++) {
		reply[i].data = &answer[i];
		reply[i].size = sizeof(answer[i]);
		KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[i].handlers, &server));
		WRITE_ONCE(node[1].bulk.hold, U32_MAX);
		sent = mk_test_note_all(&node[0], 1, MK_TEST_BULK, 0);
		/* One way it is the request that passes the full lane, the other the reply */
		error[i] = mk_instance_call(node[!i].instance, i, server.type, &ask, sizeof(ask),
					    &reply[i], 60 * HZ);
		mk_handlers_del(node[i].handlers, &server);
		if (i)
			mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
		WRITE_ONCE(node[1].bulk.hold, 0);
		KUNIT_EXPECT_GT(test, sent, 100);
		KUNIT_EXPECT_EQ(test, 0, error[i]);
		KUNIT_EXPECT_EQ(test, ask, answer[i]);
		KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], sent));
		KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
		mk_test_box_empty(&node[1].bulk);
	}
}

/* A handler that sleeps holds up those of its own sending CPU, and no other's */
static void lane_bulk_held_for_one_peer(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;

	WRITE_ONCE(node[2].bulk.hold, BIT(0));
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 2, MK_TEST_BULK, 0, 0));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&node[2].bulk.held) == 1));
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[1], 2, MK_TEST_BULK, 1, 0));
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[2], 1));
	KUNIT_EXPECT_EQ(test, 1, node[2].bulk.last.from);
	WRITE_ONCE(node[2].bulk.hold, 0);
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[2], 2));
}

static void lane_bulk_held_for_one_cpu(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_writer writer = {
		.from = &node[0], .to = 1, .type = MK_TEST_BULK, .id = 1, .notes = 10,
		.cpu = mk_test_cpu(0),
	};

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	WRITE_ONCE(node[1].bulk.hold, BIT(0));
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_BULK, 0, 0));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&node[1].bulk.held) == 1));
	mk_test_write(test, &writer);
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], 10));
	mk_test_written(test, &writer);
	WRITE_ONCE(node[1].bulk.hold, 0);
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], 11));
	KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
}

#define LANE_SLOW	(MK_IPI_TYPE_LOCAL + 6)
#define LANE_SLOW_US	20

static void lane_take_slowly(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	udelay(LANE_SLOW_US);
}

/**
 * struct lane_flood - a message that is sent again as soon as it is taken
 * @handler: takes it, and has it sent again
 * @from:    node that sends it, to 2
 * @sent:    how often it was
 * @stop:    it is not any more
 */
struct lane_flood {
	struct mk_ipi_handler	handler;
	struct mk_test_node	*from;
	atomic_t		sent;
	bool			stop;
};

static void lane_flood_again(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct lane_flood *flood = container_of(handler, struct lane_flood, handler);

	if (!READ_ONCE(flood->stop) && !mk_test_note(flood->from, 2, handler->type, 0, 0))
		atomic_inc(&flood->sent);
}

/* However fast the receiver is: there is always one more of node 0, and it serves node 1 */
static void lane_flood_starves_nobody(struct kunit *test)
{
	const u32 *type = test->param_value;
	u32 bulk = *type & MK_IPI_BULK;
	struct lane_flood *flood = kunit_kzalloc(test, sizeof(*flood), GFP_KERNEL);
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, flood);
	for (i = 0; i < 3; i++) {
		node[i].cpu = mk_test_cpu(1);
		cpumask_copy(&node[i].cpus, cpumask_of(node[i].cpu));
		mk_test_join(test, &node[i]);
	}
	flood->handler.type = LANE_SLOW | bulk;
	flood->handler.name = "test flood";
	flood->handler.fn = lane_flood_again;
	flood->from = &node[0];
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[2].handlers, &flood->handler));
	for (i = 0; i < 100; i++)
		atomic_add(!mk_test_note(&node[0], 2, flood->handler.type, 0, 0), &flood->sent);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&flood->sent) > 1000));
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[1], 2, *type, 1, i));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&mk_test_box(&node[2], *type)->count) ==
					     20));
	WRITE_ONCE(flood->stop, true);
	mk_test_settle(test, &node[2]);
	KUNIT_EXPECT_EQ(test, atomic_read(&flood->sent),
			mk_test_stats(&node[2], 0, bulk ? MK_BULK : MK_URGENT).received);
	mk_handlers_del(node[2].handlers, &flood->handler);
}

/* What is above the budget is left for later, and none of it is lost */
static void lane_budget_defers(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	u32 sent;

	mk_param_budget = 8;
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	mk_test_settle(test, &node[1]);
	mk_test_mute(&node[0]);
	sent = mk_test_note_all(&node[0], 1, MK_TEST_INBOX, 0);
	KUNIT_ASSERT_GT(test, sent, 100);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&node[1], sent));
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
	KUNIT_EXPECT_GE(test, node[1].instance->receivers[0].deferred, 1);
}

/* A budget of time, too: one message may take all of it */
static void lane_budget_of_time(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_handler slow = {
		.type = LANE_SLOW, .name = "test slow", .fn = lane_take_slowly,
	};
	unsigned int i;
	u64 before;
	u32 sent;

	/* Once it may go on with a tick, even if it stands still between two of them. */
	for (i = 0; i < 10; i++) {
		before = local_clock();
		udelay(LANE_SLOW_US);
		if (local_clock() == before)
			kunit_skip(test, "the clock stands still in an interrupt");
	}
	mk_param_budget = 100000;
	mk_param_budget_us = 100;
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[1].handlers, &slow));
	mk_test_mute(&node[0]);
	sent = mk_test_note_all(&node[0], 1, LANE_SLOW, 0);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(mk_test_stats(&node[1], 0, MK_URGENT).received ==
					     sent));
	mk_handlers_del(node[1].handlers, &slow);
	KUNIT_EXPECT_GE(test, node[1].instance->receivers[0].deferred, 1);
}

static int lane_release(void *arg)
{
	struct mk_test_inbox *inbox = arg;

	msleep(100);
	WRITE_ONCE(inbox->hold, 0);
	return 0;
}

/* Who unregisters a bulk handler may free what it uses, although it sleeps */
static void lane_unregister_waits(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;

	WRITE_ONCE(node[1].bulk.hold, U32_MAX);
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_BULK, 0, 0));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&node[1].bulk.held) == 1));
	mk_test_thread(test, lane_release, &node[1].bulk, nr_cpu_ids);
	mk_handlers_del(node[1].handlers, &node[1].bulk.handler);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&node[1].bulk.count));

	KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_BULK, 0, 1));
	mk_test_settle(test, &node[1]);
	KUNIT_EXPECT_EQ(test, 1, mk_test_stats(&node[1], 0, MK_BULK).unhandled);
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[1].handlers, &node[1].bulk.handler));
	mk_test_exchange(test, machine, 0, 1, MK_TEST_BULK, 8);
}

static struct kunit_case lane_cases[] = {
	KUNIT_CASE(lane_bulk_in_a_thread),
	KUNIT_CASE(lane_urgent_in_interrupt),
	KUNIT_CASE(lane_bulk_may_sleep),
	KUNIT_CASE_PARAM(lane_bulk_length, lane_len_gen_params),
	KUNIT_CASE(lane_too_long),
	KUNIT_CASE_PARAM(lane_wrong_lane, mk_test_lane_gen_params),
	KUNIT_CASE(lane_full_bulk_delays_nothing),
	KUNIT_CASE(lane_bulk_held_for_one_peer),
	KUNIT_CASE(lane_bulk_held_for_one_cpu),
	KUNIT_CASE_PARAM(lane_flood_starves_nobody, mk_test_lane_gen_params),
	KUNIT_CASE(lane_budget_defers),
	KUNIT_CASE(lane_budget_of_time),
	KUNIT_CASE(lane_unregister_waits),
	{}
};

static struct kunit_suite lane_suite = {
	.name = "mk_lane",
	.test_cases = lane_cases,
};

kunit_test_suite(lane_suite);
