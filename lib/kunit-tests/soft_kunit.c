// SPDX-License-Identifier: GPL-2.0
/* Tests of what is the soft backend's own; backend_kunit.c has the rest. */
#include <linux/cpumask.h>

#include "helpers.h"

static void stop_action(void *arg)
{
	struct mk_backend *backend = arg;

	backend->stop(backend);
}

static void destroy_action(void *backend)
{
	mk_soft_destroy(backend);
}

static struct mk_backend *soft_create(struct kunit *test)
{
	struct mk_backend *backend = mk_soft_create();

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, backend);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_action, backend));
	KUNIT_ASSERT_EQ(test, 0, backend->start(backend));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, stop_action, backend));
	return backend;
}

static struct mk_door soft_door(struct kunit *test, struct mk_backend *backend, unsigned int cpu)
{
	struct mk_door door = {};

	KUNIT_ASSERT_EQ(test, 0, backend->get_door(backend, cpu, &door));
	return door;
}

static u64 soft_total(struct mk_backend *backend)
{
	unsigned int cpu;
	u64 total = 0;

	for_each_online_cpu(cpu)
		total += backend->count(backend, cpu);
	return total;
}

static void soft_rings_another_backend(struct kunit *test)
{
	struct mk_backend *from = soft_create(test);
	struct mk_backend *to = soft_create(test);
	unsigned int cpu = cpumask_first(cpu_online_mask);
	struct mk_door door = soft_door(test, to, cpu);

	KUNIT_ASSERT_EQ(test, 0, from->ring(from, &door));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(to->count(to, cpu) == 1));
	KUNIT_EXPECT_EQ(test, 0, soft_total(from));
}

static void soft_refuses_door(struct kunit *test)
{
	struct mk_backend *backend = soft_create(test);
	struct mk_door good = soft_door(test, backend, cpumask_first(cpu_online_mask));
	struct mk_door door;

	door = good;
	door.hwid = U64_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	door.hwid = good.hwid + BIT_ULL(32);
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	door = good;
	door.number = U32_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
}

static void soft_refuses_door_of_the_gone(struct kunit *test)
{
	struct mk_backend *backend = soft_create(test);
	struct mk_backend *gone = mk_soft_create();
	struct mk_door door = {};
	int error;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, gone);
	error = gone->get_door(gone, cpumask_first(cpu_online_mask), &door);
	mk_soft_destroy(gone);
	KUNIT_EXPECT_EQ(test, 0, error);
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
}

/* After stop() nothing is handed over; after start() all is again */
static void soft_stops(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_backend *backend = node[1].backend;

	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	backend->stop(backend);
	mk_instance_send(node[0].instance, 1, MK_TEST_INBOX, NULL, 0);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&node[1].inbox.count));

	KUNIT_ASSERT_EQ(test, 0, backend->start(backend));
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&node[1], 1));
}

/* As many as a region can have instances, and one more */
static void soft_no_more(struct kunit *test)
{
	struct mk_backend *backend[MK_WIRE_MAX_INSTANCES + 1];
	unsigned int i, nr;

	for (nr = 0; nr < ARRAY_SIZE(backend); nr++) {
		backend[nr] = mk_soft_create();
		if (IS_ERR(backend[nr]))
			break;
	}
	for (i = 0; i < nr; i++)
		mk_soft_destroy(backend[i]);
	KUNIT_ASSERT_LT(test, nr, ARRAY_SIZE(backend));
	KUNIT_EXPECT_EQ(test, -ENOSPC, PTR_ERR(backend[nr]));
}

static struct kunit_case soft_cases[] = {
	KUNIT_CASE(soft_rings_another_backend),
	KUNIT_CASE(soft_refuses_door),
	KUNIT_CASE(soft_refuses_door_of_the_gone),
	KUNIT_CASE(soft_stops),
	KUNIT_CASE(soft_no_more),
	{}
};

static struct kunit_suite soft_suite = {
	.name = "mk_soft",
	.test_cases = soft_cases,
};

kunit_test_suite(soft_suite);
