// SPDX-License-Identifier: GPL-2.0
/*
 * The conformance suite for backends: what each of them owes the layer. It is run
 * against the soft one and against that of the architecture, if there is one. See
 * Documentation/multikernel/porting.rst.
 *
 * No beat helps: a doorbell that is lost, or comes before what it was rung for, is a
 * message that does not arrive.
 */
#include <linux/bottom_half.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "helpers.h"

/* Doorbells without pause, and messages there and back */
#define BACKEND_RINGS	mk_test_many(2000)
#define BACKEND_TRIPS	mk_test_many(200)
#define BACKEND_NOTES	mk_test_many(2000)

static void destroy_action(void *backend)
{
	mk_soft_destroy(backend);
}

static struct mk_backend *backend_soft(struct kunit *test)
{
	struct mk_backend *backend = mk_soft_create();

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, backend);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_action, backend));
	return backend;
}

static struct mk_backend *backend_arch(struct kunit *test)
{
	struct mk_backend *backend = mk_arch_backend();

	if (!backend)
		kunit_skip(test, "no backend for this machine");
	if (rcu_access_pointer(backend->instance))
		kunit_skip(test, "it serves this kernel's own instance");
	return backend;
}

/**
 * struct backend_kind - a backend to be tried
 * @name: for people to read
 * @get:  it, not started; skips the test if it cannot be had
 */
struct backend_kind {
	const char		*name;
	struct mk_backend	*(*get)(struct kunit *test);
};

static const struct backend_kind backend_kinds[] = {
	{ "soft", backend_soft },
	{ "arch", backend_arch },
};

KUNIT_ARRAY_PARAM_DESC(backend, backend_kinds, name);

static struct mk_backend *backend_get(struct kunit *test)
{
	const struct backend_kind *kind = test->param_value;

	return kind->get(test);
}

static void stop_action(void *arg)
{
	struct mk_backend *backend = arg;

	backend->stop(backend);
}

static struct mk_backend *backend_start(struct kunit *test)
{
	struct mk_backend *backend = backend_get(test);

	KUNIT_ASSERT_EQ(test, 0, backend->start(backend));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, stop_action, backend));
	return backend;
}

/* An instance that receives on all CPUs, and sends to itself, over the backend */
static struct mk_test_machine *backend_machine(struct kunit *test)
{
	struct mk_backend *backend = backend_get(test);
	struct mk_test_machine *machine = mk_test_machine(test, 1);
	struct mk_test_node *node = machine->node;

	node->backend = backend;
	node->ring = backend->ring;
	cpumask_copy(&node->cpus, cpu_online_mask);
	mk_test_join(test, node);
	return machine;
}

static struct mk_door backend_door(struct kunit *test, struct mk_backend *backend,
				   unsigned int cpu)
{
	struct mk_door door = {};

	KUNIT_ASSERT_EQ(test, 0, backend->get_door(backend, cpu, &door));
	return door;
}

static u64 backend_total(struct mk_backend *backend)
{
	unsigned int cpu;
	u64 total = 0;

	for_each_online_cpu(cpu)
		total += backend->count(backend, cpu);
	return total;
}

static void backend_is_complete(struct kunit *test)
{
	struct mk_backend *backend = backend_get(test);

	KUNIT_EXPECT_NOT_NULL(test, backend->name);
	KUNIT_EXPECT_NOT_NULL(test, backend->start);
	KUNIT_EXPECT_NOT_NULL(test, backend->stop);
	KUNIT_EXPECT_NOT_NULL(test, backend->get_door);
	KUNIT_EXPECT_NOT_NULL(test, backend->ring);
	KUNIT_EXPECT_NOT_NULL(test, backend->count);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(backend->instance));
}

static void backend_door_of_every_cpu(struct kunit *test)
{
	struct mk_backend *backend = backend_start(test);
	struct mk_door door, other;
	unsigned int cpu, k;
	bool same;

	for_each_online_cpu(cpu) {
		door = backend_door(test, backend, cpu);
		for_each_online_cpu(k) {
			other = backend_door(test, backend, k);
			same = door.hwid == other.hwid && door.number == other.number;
			KUNIT_EXPECT_EQ(test, k == cpu, same);
		}
	}
}

static void backend_no_door_without_a_cpu(struct kunit *test)
{
	struct mk_backend *backend = backend_start(test);
	struct mk_door door;

	KUNIT_EXPECT_EQ(test, -EINVAL, backend->get_door(backend, nr_cpu_ids, &door));
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->get_door(backend, UINT_MAX, &door));
}

/**
 * struct backend_ring - a doorbell, as a thread or an interrupt rings it
 * @backend: rings
 * @door:    what
 * @times:   how often, without pause
 * @error:   what the last one gave that did not give 0
 * @lock:    held by those that ring under a lock
 * @task:    who does
 */
struct backend_ring {
	struct mk_backend	*backend;
	struct mk_door		door;
	unsigned int		times;
	int			error;
	raw_spinlock_t		lock;	/* nothing: to have one that is held */
	struct task_struct	*task;
};

static void backend_ring(void *arg)
{
	struct backend_ring *ring = arg;

	ring->error = ring->backend->ring(ring->backend, &ring->door);
}

/* Rung once at CPU @to, by @how: it is taken once there, and nowhere else */
static void backend_expect_one(struct kunit *test, struct mk_backend *backend, unsigned int to,
			       void (*how)(struct backend_ring *ring, unsigned int from),
			       unsigned int from)
{
	struct backend_ring ring = {
		.backend = backend,
		.door = backend_door(test, backend, to),
		.error = -EINPROGRESS,
	};
	u64 before = backend->count(backend, to);
	u64 total = backend_total(backend);

	raw_spin_lock_init(&ring.lock);
	how(&ring, from);
	KUNIT_ASSERT_EQ(test, 0, ring.error);
	KUNIT_ASSERT_TRUE(test, mk_test_wait(backend->count(backend, to) > before));
	KUNIT_EXPECT_EQ(test, before + 1, backend->count(backend, to));
	KUNIT_EXPECT_EQ(test, total + 1, backend_total(backend));
}

static void backend_on_cpu(struct backend_ring *ring, unsigned int from)
{
	smp_call_function_single(from, backend_ring, ring, 1);
}

/* Each CPU rings each, itself as well, in a hard interrupt of its own */
static void backend_rings_every_pair(struct kunit *test)
{
	struct mk_backend *backend = backend_start(test);
	unsigned int from, to;

	for_each_online_cpu(from)
		for_each_online_cpu(to)
			backend_expect_one(test, backend, to, backend_on_cpu, from);
}

static void backend_in_task(struct backend_ring *ring, unsigned int from)
{
	backend_ring(ring);
}

static void backend_with_irqs_off(struct backend_ring *ring, unsigned int from)
{
	guard(irqsave)();
	backend_ring(ring);
}

static void backend_with_bh_off(struct backend_ring *ring, unsigned int from)
{
	local_bh_disable();
	backend_ring(ring);
	local_bh_enable();
}

static void backend_with_preemption_off(struct backend_ring *ring, unsigned int from)
{
	guard(preempt)();
	backend_ring(ring);
}

static void backend_under_a_lock(struct backend_ring *ring, unsigned int from)
{
	guard(raw_spinlock_irqsave)(&ring->lock);
	backend_ring(ring);
}

static void backend_rings_in_any_context(struct kunit *test)
{
	static void (* const how[])(struct backend_ring *ring, unsigned int from) = {
		backend_in_task, backend_with_irqs_off, backend_with_bh_off,
		backend_with_preemption_off, backend_under_a_lock,
	};
	struct mk_backend *backend = backend_start(test);
	unsigned int cpu, i;

	for (i = 0; i < ARRAY_SIZE(how); i++)
		for_each_online_cpu(cpu)
			backend_expect_one(test, backend, cpu, how[i], 0);
}

static int backend_ring_thread(void *arg)
{
	struct backend_ring *ring = arg;
	unsigned int i;
	int error;

	for (i = 0; i < ring->times; i++) {
		error = ring->backend->ring(ring->backend, &ring->door);
		if (error)
			WRITE_ONCE(ring->error, error);
	}
	return 0;
}

/*
 * All CPUs ring one of them at once. What comes together may be taken together; but a
 * doorbell that is rung when all others have been taken is taken, too.
 */
static void backend_many_ring(struct kunit *test)
{
	struct mk_backend *backend = backend_start(test);
	unsigned int to = cpumask_last(cpu_online_mask);
	unsigned int cpu, nr = num_online_cpus(), i = 0;
	struct backend_ring *ring = mk_test_buf(test, nr * sizeof(*ring));
	u64 before = backend->count(backend, to);
	u64 total = backend_total(backend);

	mk_test_params(test);
	for_each_online_cpu(cpu) {
		ring[i].backend = backend;
		ring[i].door = backend_door(test, backend, to);
		ring[i].times = BACKEND_RINGS;
		ring[i].task = mk_test_thread(test, backend_ring_thread, &ring[i], cpu);
		i++;
	}
	while (i--) {
		/* A thread that was not run yet would not be run any more */
		KUNIT_EXPECT_TRUE(test, mk_test_wait(backend->count(backend, to) > before));
		mk_test_thread_stop(test, ring[i].task);
		KUNIT_EXPECT_EQ(test, 0, ring[i].error);
	}
	KUNIT_EXPECT_LE(test, backend->count(backend, to) - before, (u64)nr * BACKEND_RINGS);
	/* Nobody else was rung */
	KUNIT_EXPECT_EQ(test, backend->count(backend, to) - before,
			backend_total(backend) - total);
	backend_expect_one(test, backend, to, backend_in_task, 0);
}

/* On the CPU that was rung, in hard interrupt, with what was sent */
static void backend_carries_a_message(struct kunit *test)
{
	static const char text[] = "rung for this";
	struct mk_test_machine *machine = backend_machine(test);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	for (i = 0; i < node->instance->nr_receivers; i++) {
		KUNIT_ASSERT_EQ(test, 0, mk_instance_send(node->instance, 0,
							  MK_TEST_INBOX | MK_IPI_TO_CPU(i),
							  text, sizeof(text)));
		KUNIT_ASSERT_TRUE(test, mk_test_arrived(node, i + 1));
		KUNIT_EXPECT_MEMEQ(test, node->inbox.data, text, sizeof(text));
		KUNIT_EXPECT_TRUE(test, node->inbox.hardirq);
		KUNIT_EXPECT_EQ(test, node->instance->receivers[i].cpu, node->inbox.cpu);
	}
}

/**
 * struct backend_trip - messages that go round between two CPUs
 * @handler: takes one, and sends the next to the other CPU
 * @node:    who does
 * @doors:   of the CPUs
 * @trips:   messages so far
 * @error:   what sending one gave
 */
struct backend_trip {
	struct mk_ipi_handler	handler;
	struct mk_test_node	*node;
	unsigned int		doors[2];
	unsigned int		trips;
	int			error;
};

static void backend_trip(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct backend_trip *trip = container_of(handler, struct backend_trip, handler);
	unsigned int trips = trip->trips + 1;
	u32 type = handler->type | MK_IPI_TO_CPU(trip->doors[trips % 2]);

	WRITE_ONCE(trip->trips, trips);
	if (trips < BACKEND_TRIPS)
		WRITE_ONCE(trip->error, mk_instance_send(trip->node->instance, 0, type, NULL, 0));
}

/*
 * All that was stored before is there when the interrupt is: each message finds the
 * receiver at rest, and one that is not seen then would lie there.
 */
static void backend_brings_what_was_stored(struct kunit *test)
{
	struct mk_test_machine *machine = backend_machine(test);
	struct backend_trip *trip = mk_test_buf(test, sizeof(*trip));
	struct mk_test_node *node = machine->node;
	unsigned int from, to;

	trip->node = node;
	trip->handler.type = MK_IPI_TYPE_LOCAL + 0x10;
	trip->handler.name = "test trip";
	trip->handler.fn = backend_trip;
	mk_test_handle(test, node, &trip->handler);
	for (from = 0; from < node->instance->nr_receivers; from++) {
		for (to = 0; to < node->instance->nr_receivers; to++) {
			trip->doors[0] = from;
			trip->doors[1] = to;
			trip->trips = 0;
			KUNIT_ASSERT_EQ(test, 0,
					mk_instance_send(node->instance, 0, trip->handler.type |
							 MK_IPI_TO_CPU(from), NULL, 0));
			KUNIT_ASSERT_TRUE(test, mk_test_wait(READ_ONCE(trip->trips) ==
							     BACKEND_TRIPS));
			KUNIT_ASSERT_EQ(test, 0, READ_ONCE(trip->error));
		}
	}
}

/* From all CPUs to all at once, by both lanes: each comes, in the order of its sender */
static void backend_many_send(struct kunit *test)
{
	struct mk_test_machine *machine = backend_machine(test);
	struct mk_test_node *node = machine->node;
	unsigned int i, nr = min(num_online_cpus(), MK_TEST_SENDERS / 2);
	struct mk_test_writer *writer = mk_test_buf(test, 2 * nr * sizeof(*writer));

	for (i = 0; i < 2 * nr; i++) {
		writer[i].from = node;
		writer[i].type = i % 2 ? MK_TEST_BULK : MK_TEST_INBOX;
		writer[i].id = i / 2;
		writer[i].notes = BACKEND_NOTES;
		writer[i].cpu = mk_test_cpu(i / 2);
		mk_test_write(test, &writer[i]);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(node, nr * BACKEND_NOTES));
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(node, nr * BACKEND_NOTES));
	for (i = 0; i < 2 * nr; i++)
		mk_test_written(test, &writer[i]);
	KUNIT_EXPECT_EQ(test, 0, node->inbox.misordered);
	KUNIT_EXPECT_EQ(test, 0, node->bulk.misordered);
}

/* No CPU has such a door, whatever the architecture makes of the numbers */
static void backend_refuses(struct kunit *test)
{
	struct mk_backend *backend = backend_start(test);
	struct mk_door good = backend_door(test, backend, cpumask_first(cpu_online_mask));
	u64 total = backend_total(backend);
	struct mk_door door;

	door = good;
	door.hwid = U64_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	door = good;
	door.number = U32_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	KUNIT_EXPECT_EQ(test, total, backend_total(backend));
}

/* Started and stopped any number of times, and rung when it is not */
static void backend_stops_and_starts(struct kunit *test)
{
	struct mk_backend *backend = backend_start(test);
	unsigned int cpu = cpumask_first(cpu_online_mask);
	struct mk_door door = backend_door(test, backend, cpu);
	unsigned int i;
	u64 before;

	for (i = 0; i < 3; i++) {
		backend->stop(backend);
		KUNIT_EXPECT_EQ(test, 0, backend->ring(backend, &door));
		KUNIT_ASSERT_EQ(test, 0, backend->start(backend));
		/* Where the hardware kept it, the one of before may come now */
		before = backend->count(backend, cpu);
		KUNIT_ASSERT_EQ(test, 0, backend->ring(backend, &door));
		KUNIT_ASSERT_TRUE(test, mk_test_wait(backend->count(backend, cpu) > before));
		KUNIT_EXPECT_LE(test, backend->count(backend, cpu), before + 2);
	}
}

/* An instance joins, leaves and joins over it, and gets what was sent to it meanwhile */
static void backend_serves_again(struct kunit *test)
{
	struct mk_test_machine *machine = backend_machine(test);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_PTR_EQ(test, node->instance,
				    rcu_access_pointer(node->backend->instance));
		mk_test_exchange(test, machine, 0, 0, MK_TEST_INBOX, 100);
		mk_test_exchange(test, machine, 0, 0, MK_TEST_BULK, 100);
		mk_test_leave(node);
		KUNIT_EXPECT_NULL(test, rcu_access_pointer(node->backend->instance));
		mk_test_join(test, node);
	}
}

static void add_cpu_action(void *arg)
{
	unsigned int cpu = (unsigned long)arg;

	if (!cpu_online(cpu))
		add_cpu(cpu);
}

/* Its door is as it was, and is rung as it was, once a CPU comes back */
static void backend_cpu_comes_back(struct kunit *test)
{
	struct mk_backend *backend = backend_start(test);
	unsigned int i, cpu = cpumask_last(cpu_online_mask);
	struct mk_door door = backend_door(test, backend, cpu), again;

	if (!IS_ENABLED(CONFIG_HOTPLUG_CPU) || num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs, and CONFIG_HOTPLUG_CPU");
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, add_cpu_action,
							   (void *)(unsigned long)cpu));
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, 0, remove_cpu(cpu));
		/* Nobody is there, and nobody is hurt */
		backend->ring(backend, &door);
		backend_expect_one(test, backend, cpumask_first(cpu_online_mask),
				   backend_in_task, 0);
		KUNIT_ASSERT_EQ(test, 0, add_cpu(cpu));
		again = backend_door(test, backend, cpu);
		KUNIT_EXPECT_EQ(test, door.hwid, again.hwid);
		KUNIT_EXPECT_EQ(test, door.number, again.number);
		/* One that was rung meanwhile may come yet */
		msleep(20);
		backend_expect_one(test, backend, cpu, backend_in_task, 0);
	}
}

static struct kunit_case backend_cases[] = {
	KUNIT_CASE_PARAM(backend_is_complete, backend_gen_params),
	KUNIT_CASE_PARAM(backend_door_of_every_cpu, backend_gen_params),
	KUNIT_CASE_PARAM(backend_no_door_without_a_cpu, backend_gen_params),
	KUNIT_CASE_PARAM(backend_rings_every_pair, backend_gen_params),
	KUNIT_CASE_PARAM(backend_rings_in_any_context, backend_gen_params),
	KUNIT_CASE_PARAM(backend_many_ring, backend_gen_params),
	KUNIT_CASE_PARAM(backend_carries_a_message, backend_gen_params),
	KUNIT_CASE_PARAM(backend_brings_what_was_stored, backend_gen_params),
	KUNIT_CASE_PARAM(backend_many_send, backend_gen_params),
	KUNIT_CASE_PARAM(backend_refuses, backend_gen_params),
	KUNIT_CASE_PARAM(backend_stops_and_starts, backend_gen_params),
	KUNIT_CASE_PARAM(backend_serves_again, backend_gen_params),
	KUNIT_CASE_PARAM(backend_cpu_comes_back, backend_gen_params),
	{}
};

static struct kunit_suite backend_suite = {
	.name = "mk_backend",
	.test_cases = backend_cases,
};

kunit_test_suite(backend_suite);
