// SPDX-License-Identifier: GPL-2.0
/* Tests of instances with several CPUs that receive, and several that send. */
#include <linux/bitfield.h>
#include <linux/smp.h>

#include "helpers.h"

#define SMP_NOTES	1000

/* Two nodes; all CPUs receive for 1, and for 0 if @both */
static struct mk_test_machine *smp_setup(struct kunit *test, bool both)
{
	struct mk_test_machine *machine;
	struct mk_test_node *node;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	machine = mk_test_machine(test, 2);
	node = machine->node;
	cpumask_copy(&node[1].cpus, cpu_online_mask);
	if (both)
		cpumask_copy(&node[0].cpus, cpu_online_mask);
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	mk_test_settle(test, &node[0]);
	mk_test_settle(test, &node[1]);
	return machine;
}

static unsigned int smp_nr(void)
{
	return min(num_online_cpus(), MK_DOORS);
}

/* A CPU that answers at each door: the first ones that were asked for */
static void smp_doors(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_instance *instance = machine->node[1].instance;
	const struct mk_wire_self *self = mk_test_arena(machine, 1) + MK_WIRE_SELF;
	struct mk_door door;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, smp_nr(), instance->nr_receivers);
	KUNIT_EXPECT_EQ(test, smp_nr(), self->nr_doors);
	for (i = 0; i < instance->nr_receivers; i++) {
		KUNIT_EXPECT_EQ(test, mk_test_cpu(i), instance->receivers[i].cpu);
		KUNIT_ASSERT_EQ(test, 0, instance->backend->get_door(instance->backend,
								     mk_test_cpu(i), &door));
		KUNIT_EXPECT_EQ(test, door.hwid, self->doors[i].hwid);
		KUNIT_EXPECT_EQ(test, door.number, self->doors[i].number);
	}
}

/* Node 0 sends notes to 1 from each CPU, all at once; writer i is on the i-th of them */
static void smp_write_all(struct kunit *test, struct mk_test_machine *machine,
			  struct mk_test_writer *writer)
{
	unsigned int i;

	for (i = 0; i < smp_nr(); i++) {
		writer[i].from = &machine->node[0];
		writer[i].to = 1;
		writer[i].type = MK_TEST_INBOX;
		writer[i].id = i;
		writer[i].notes = SMP_NOTES;
		writer[i].cpu = mk_test_cpu(i);
		mk_test_write(test, &writer[i]);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&machine->node[1], smp_nr() * SMP_NOTES));
	for (i = 0; i < smp_nr(); i++)
		mk_test_written(test, &writer[i]);
}

/* What CPU c sends arrives at door c modulo their number, in order */
static void smp_door_of_the_sender(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_inbox *box = &machine->node[1].inbox;
	struct mk_instance *instance = machine->node[1].instance;
	struct mk_test_writer writer[MK_DOORS] = {};
	unsigned int i, cpu;

	smp_write_all(test, machine, writer);
	for (i = 0; i < smp_nr(); i++) {
		cpu = instance->receivers[writer[i].cpu % instance->nr_receivers].cpu;
		KUNIT_EXPECT_EQ(test, 1, cpumask_weight(&box->cpus[i]));
		KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(cpu, &box->cpus[i]));
	}
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

/* To each CPU by name, from one and the same */
static void smp_to_a_cpu(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_node *node = machine->node;
	struct mk_instance *instance = node[1].instance;
	unsigned int round, i;
	int count = 0;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < instance->nr_receivers; i++) {
			KUNIT_ASSERT_EQ(test, 0, mk_instance_send(node[0].instance, 1,
								  MK_TEST_INBOX | MK_IPI_TO_CPU(i),
								  NULL, 0));
			KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[1], ++count));
			KUNIT_EXPECT_EQ(test, instance->receivers[i].cpu, node[1].inbox.cpu);
			KUNIT_EXPECT_EQ(test, MK_TEST_INBOX, node[1].inbox.last.type);
		}
	}
}

/* A call, too, is answered on the CPU that was asked for */
static unsigned int smp_answered_on;

static int smp_answer(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		      struct mk_ipi_reply *reply)
{
	smp_answered_on = smp_processor_id();
	return 0;
}

static void smp_call_a_cpu(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_handler *server = kunit_kzalloc(test, sizeof(*server), GFP_KERNEL);
	struct mk_ipi_reply reply = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, server);
	server->type = MK_IPI_TYPE_LOCAL + 0x10;
	server->name = "test answer";
	server->call = smp_answer;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[1].handlers, server));
	for (i = 0; i < node[1].instance->nr_receivers; i++) {
		KUNIT_EXPECT_EQ(test, 0, mk_instance_call(node[0].instance, 1,
							  server->type | MK_IPI_TO_CPU(i),
							  NULL, 0, &reply, 60 * HZ));
		KUNIT_EXPECT_EQ(test, node[1].instance->receivers[i].cpu, smp_answered_on);
	}
	mk_handlers_del(node[1].handlers, server);
}

/* Node 1 has no room left for what this CPU answers */
static int smp_fill(void *arg)
{
	return mk_test_reply_all(arg, 0);
}

static int smp_call_last(void *arg)
{
	struct mk_test_node *node = arg;
	unsigned int last = node[1].instance->nr_receivers - 1;
	struct mk_ipi_reply reply = {};

	return mk_instance_call(node[0].instance, 1,
				(MK_IPI_TYPE_LOCAL + 0x10) | MK_IPI_TO_CPU(last), NULL, 0,
				&reply, 60 * HZ);
}

/* A request waits for room for its answer, and is rung for it where it waits */
static void smp_call_waits_for_room(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_node *node = machine->node;
	struct mk_ipi_handler *server = kunit_kzalloc(test, sizeof(*server), GFP_KERNEL);
	struct mk_receiver *last = &node[1].instance->receivers[node[1].instance->nr_receivers - 1];
	const struct mk_wire_tx *tx = mk_test_arena(machine, 1) + MK_WIRE_TX;
	u64 want;
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, server);
	server->type = MK_IPI_TYPE_LOCAL + 0x10;
	server->name = "test answer";
	server->call = smp_answer;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[1].handlers, server));

	mk_test_mute(&node[1]);
	KUNIT_EXPECT_GT(test, smp_call_on_cpu(last->cpu, smp_fill, &node[1], false), 0);
	task = mk_test_thread(test, smp_call_last, node, nr_cpu_ids);
	tx += MK_REPLY * MK_LANE_RINGS;
	KUNIT_EXPECT_TRUE(test, mk_test_wait((want = READ_ONCE(tx->want)) & MK_WIRE_WANT));
	KUNIT_EXPECT_EQ(test, last->door, FIELD_GET(MK_WIRE_WANT_DOOR, want));
	mk_test_unmute(&node[1]);
	mk_test_ring(test, &node[1], &node[0]);
	KUNIT_EXPECT_EQ(test, 0, mk_test_thread_stop(test, task));
	mk_handlers_del(node[1].handlers, server);
}

static void smp_no_such_cpu(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	static const unsigned int cpu[] = { 1, 7, 8, 63, 64, 254 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cpu); i++)
		KUNIT_EXPECT_EQ(test, -ENXIO, mk_instance_send(node[0].instance, 1,
							       *type | MK_IPI_TO_CPU(cpu[i]),
							       NULL, 0));
	KUNIT_EXPECT_EQ(test, 0, mk_instance_send(node[0].instance, 1, *type | MK_IPI_TO_CPU(0),
						  NULL, 0));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&mk_test_box(&node[1], *type)->count)));
}

/* By name or not: the messages of one CPU to one CPU keep their order among themselves */
static void smp_order_to_a_cpu(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_node *node = machine->node;
	struct mk_test_writer writer[MK_DOORS] = {};
	unsigned int i;

	for (i = 0; i < smp_nr(); i++) {
		writer[i].from = &node[0];
		writer[i].to = 1;
		writer[i].type = MK_TEST_INBOX | MK_IPI_TO_CPU(i);
		writer[i].id = i;
		writer[i].notes = SMP_NOTES;
		writer[i].cpu = mk_test_cpu(0);
		mk_test_write(test, &writer[i]);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&node[1], smp_nr() * SMP_NOTES));
	for (i = 0; i < smp_nr(); i++) {
		mk_test_written(test, &writer[i]);
		KUNIT_EXPECT_TRUE(test, cpumask_equal(cpumask_of(mk_test_cpu(i)),
						      &node[1].inbox.cpus[i]));
	}
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
}

/* Both ways, by both lanes, from all CPUs to all CPUs; and no storm is seen in it */
static void smp_all_at_once(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, true);
	unsigned int i, nr = 4 * smp_nr();
	struct mk_test_writer *writer = kunit_kcalloc(test, nr, sizeof(*writer), GFP_KERNEL);
	struct mk_test_inbox *box;

	KUNIT_ASSERT_NOT_NULL(test, writer);
	for (i = 0; i < nr; i++) {
		writer[i].from = &machine->node[i % 2];
		writer[i].to = !(i % 2);
		writer[i].type = i / 2 % 2 ? MK_TEST_BULK : MK_TEST_INBOX;
		writer[i].id = i / 4;
		writer[i].notes = SMP_NOTES;
		writer[i].cpu = mk_test_cpu(i / 4);
		mk_test_write(test, &writer[i]);
	}
	for (i = 0; i < 4; i++) {
		box = mk_test_box(&machine->node[i % 2], i / 2 ? MK_TEST_BULK : MK_TEST_INBOX);
		KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) ==
						     smp_nr() * SMP_NOTES));
		KUNIT_EXPECT_EQ(test, 0, box->misordered);
	}
	for (i = 0; i < nr; i++)
		mk_test_written(test, &writer[i]);
	for (i = 0; i < smp_nr(); i++) {
		KUNIT_EXPECT_EQ(test, 0, machine->node[0].instance->receivers[i].storms);
		KUNIT_EXPECT_EQ(test, 0, machine->node[1].instance->receivers[i].storms);
	}
}

/*
 * When a CPU goes, another answers at its door; when it is back, it does again. Not before the
 * old one has taken the doorbells that it had: with them it hears what comes meanwhile, too.
 */
static void smp_cpu_goes(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_node *node = machine->node;
	struct mk_instance *instance = node[1].instance;
	unsigned int last = instance->nr_receivers - 1, round;
	struct mk_receiver *receiver = &instance->receivers[last];
	unsigned int home = receiver->cpu;
	u32 to_last = MK_TEST_INBOX | MK_IPI_TO_CPU(last);

	for (round = 0; round < 3; round++) {
		mk_instance_cpu_offline(instance, home);
		KUNIT_EXPECT_NE(test, home, receiver->cpu);
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, to_last, 0, 2 * round));
		KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[1], 2 * round + 1));
		KUNIT_EXPECT_EQ(test, receiver->cpu, node[1].inbox.cpu);
		mk_test_settle(test, &node[1]);

		mk_instance_cpu_online(instance, home);
		KUNIT_EXPECT_EQ(test, home, receiver->cpu);
		KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 1, to_last, 0, 2 * round + 1));
		KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[1], 2 * round + 2));
		KUNIT_EXPECT_EQ(test, home, node[1].inbox.cpu);
		mk_test_settle(test, &node[1]);
	}
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
}

/* To and fro, under load: the first look at the new place finds what was rung for at the old */
static void smp_cpu_goes_in_traffic(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_node *node = machine->node;
	struct mk_instance *instance = node[1].instance;
	unsigned int home = instance->receivers[0].cpu;
	struct mk_test_writer writer[4] = {};
	unsigned int i, moves = 0;

	for (i = 0; i < ARRAY_SIZE(writer); i++) {
		writer[i].from = &node[0];
		writer[i].to = 1;
		writer[i].type = (i % 2 ? MK_TEST_BULK : MK_TEST_INBOX) | MK_IPI_TO_CPU(0);
		writer[i].id = i;
		writer[i].notes = 5 * SMP_NOTES;
		writer[i].cpu = mk_test_cpu(i);
		mk_test_write(test, &writer[i]);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_wait(({
		if (moves++ % 2)
			mk_instance_cpu_online(instance, home);
		else
			mk_instance_cpu_offline(instance, home);
		atomic_read(&node[1].inbox.count) + atomic_read(&node[1].bulk.count) ==
			ARRAY_SIZE(writer) * 5 * SMP_NOTES;
	})));
	for (i = 0; i < ARRAY_SIZE(writer); i++)
		mk_test_written(test, &writer[i]);
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
	KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
}

/* Where there is no room for a ring of its own a CPU shares one, which goes to another door */
static void smp_no_room_for_a_ring(struct kunit *test)
{
	struct mk_test_machine *machine = smp_setup(test, false);
	struct mk_test_node *node = machine->node;
	struct mk_test_writer writer[MK_DOORS] = {};
	unsigned int i, cpu;

	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
	cpu = node[1].inbox.cpu;
	mk_test_box_empty(&node[1].inbox);
	while (mk_instance_take_ring(node[0].instance, 1))
		;
	smp_write_all(test, machine, writer);
	for (i = 0; i < smp_nr(); i++)
		KUNIT_EXPECT_TRUE(test, cpumask_equal(cpumask_of(cpu), &node[1].inbox.cpus[i]));
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
}

static struct kunit_case smp_cases[] = {
	KUNIT_CASE(smp_doors),
	KUNIT_CASE(smp_door_of_the_sender),
	KUNIT_CASE(smp_to_a_cpu),
	KUNIT_CASE(smp_call_a_cpu),
	KUNIT_CASE(smp_call_waits_for_room),
	KUNIT_CASE_PARAM(smp_no_such_cpu, mk_test_lane_gen_params),
	KUNIT_CASE(smp_order_to_a_cpu),
	KUNIT_CASE(smp_all_at_once),
	KUNIT_CASE(smp_cpu_goes),
	KUNIT_CASE(smp_cpu_goes_in_traffic),
	KUNIT_CASE(smp_no_room_for_a_ring),
	{}
};

static struct kunit_suite smp_suite = {
	.name = "mk_smp",
	.test_cases = smp_cases,
};

kunit_test_suite(smp_suite);
