// SPDX-License-Identifier: GPL-2.0
/* Tests of what is the arm64 backend's own; backend_kunit.c has the rest. */
#include <linux/cpumask.h>
#include <linux/of.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <asm/cputype.h>
#include <asm/smp_plat.h>

#include "helpers.h"

static int sgi_init(struct kunit *test)
{
	struct mk_backend *backend = mk_arch_backend();

	if (!backend)
		kunit_skip(test, "this machine has no GICv2 or GICv3 that can be used");
	if (rcu_access_pointer(backend->instance))
		kunit_skip(test, "the backend serves this kernel's own instance");
	test->priv = backend;
	return 0;
}

static struct mk_door sgi_door(struct kunit *test, unsigned int cpu)
{
	struct mk_backend *backend = test->priv;
	struct mk_door door = {};

	KUNIT_ASSERT_EQ(test, 0, backend->get_door(backend, cpu, &door));
	return door;
}

static u64 sgi_total(struct mk_backend *backend)
{
	unsigned int cpu;
	u64 total = 0;

	for_each_online_cpu(cpu)
		total += backend->count(backend, cpu);
	return total;
}

/* A CPU of whichever kernel: its MPIDR or, with a GICv2, its CPU interface */
static void sgi_door_is_cpu_and_sgi(struct kunit *test)
{
	struct mk_door door;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		door = sgi_door(test, cpu);
		KUNIT_EXPECT_TRUE(test, door.hwid == cpu_logical_map(cpu) || door.hwid < 8);
		KUNIT_EXPECT_EQ(test, IS_ENABLED(CONFIG_KGDB) ? 8 : 7, door.number);
	}
}

/* What Linux talks to itself with, and what is no SGI at all */
static void sgi_refuses_number(struct kunit *test)
{
	static const u32 number[] = { 0, 1, 6, 16, 31, 256 + 7, U32_MAX };
	struct mk_backend *backend = test->priv;
	struct mk_door door = sgi_door(test, cpumask_first(cpu_online_mask));
	u64 total = sgi_total(backend);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(number); i++) {
		door.number = number[i];
		KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	}
	KUNIT_EXPECT_EQ(test, total, sgi_total(backend));
}

/* Bits of an MPIDR that are no affinity; they would be above the interfaces of a GICv2, too */
static void sgi_refuses_hwid(struct kunit *test)
{
	static const u8 bit[] = { 24, 30, 31, 40, 63 };
	struct mk_backend *backend = test->priv;
	struct mk_door good = sgi_door(test, cpumask_first(cpu_online_mask)), door = good;
	u64 total = sgi_total(backend);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bit); i++) {
		door.hwid = good.hwid | BIT_ULL(bit[i]);
		KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	}
	KUNIT_EXPECT_EQ(test, total, sgi_total(backend));
}

/*
 * A CPU that nobody has, in each of the levels of affinity, is rung in vain, or refused
 * where the GIC cannot tell it from another
 */
static void sgi_rings_nobody(struct kunit *test)
{
	static const u8 bit[] = { 4, 8, 16, 32 };
	struct device_node *gic = of_find_compatible_node(NULL, NULL, "arm,gic-v3");
	struct mk_backend *backend = test->priv;
	struct mk_door good = sgi_door(test, cpumask_first(cpu_online_mask)), door = good;
	u64 total = sgi_total(backend);
	unsigned int i, cpu;
	bool taken;
	int error;

	if (!gic)
		kunit_skip(test, "a GICv2 knows no affinity");
	of_node_put(gic);
	for (i = 0; i < ARRAY_SIZE(bit); i++) {
		door.hwid = good.hwid ^ BIT_ULL(bit[i]);
		taken = false;
		for_each_possible_cpu(cpu)
			taken |= cpu_logical_map(cpu) == door.hwid;
		error = taken ? 0 : backend->ring(backend, &door);
		KUNIT_EXPECT_TRUE(test, !error || (bit[i] == 4 && error == -EINVAL));
	}
	msleep(20);
	KUNIT_EXPECT_EQ(test, total, sgi_total(backend));
}

static struct kunit_case sgi_cases[] = {
	KUNIT_CASE(sgi_door_is_cpu_and_sgi),
	KUNIT_CASE(sgi_refuses_number),
	KUNIT_CASE(sgi_refuses_hwid),
	KUNIT_CASE(sgi_rings_nobody),
	{}
};

static struct kunit_suite sgi_suite = {
	.name = "mk_arm64",
	.init = sgi_init,
	.test_cases = sgi_cases,
};

kunit_test_suite(sgi_suite);
