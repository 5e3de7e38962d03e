// SPDX-License-Identifier: GPL-2.0
/* Tests of what is the x86 backend's own; backend_kunit.c has the rest. */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/kstrtox.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/irq_vectors.h>

#include "helpers.h"

static int vector_init(struct kunit *test)
{
	struct mk_backend *backend = mk_arch_backend();

	if (!backend)
		kunit_skip(test, "this machine has no local APIC that can be used");
	if (rcu_access_pointer(backend->instance))
		kunit_skip(test, "the backend serves this kernel's own instance");
	KUNIT_ASSERT_EQ(test, 0, backend->start(backend));
	test->priv = backend;
	return 0;
}

static void vector_exit(struct kunit *test)
{
	struct mk_backend *backend = test->priv;

	if (backend)
		backend->stop(backend);
}

static struct mk_door vector_door(struct kunit *test, unsigned int cpu)
{
	struct mk_backend *backend = test->priv;
	struct mk_door door = {};

	KUNIT_ASSERT_EQ(test, 0, backend->get_door(backend, cpu, &door));
	return door;
}

static u64 vector_total(struct mk_backend *backend)
{
	unsigned int cpu;
	u64 total = 0;

	for_each_online_cpu(cpu)
		total += backend->count(backend, cpu);
	return total;
}

static void vector_door_is_apic_id_and_vector(struct kunit *test)
{
	struct mk_door door;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		door = vector_door(test, cpu);
		KUNIT_EXPECT_EQ(test, cpu_physical_id(cpu), door.hwid);
		KUNIT_EXPECT_EQ(test, MULTIKERNEL_VECTOR, door.number);
	}
	KUNIT_EXPECT_EQ(test, 0xea, MULTIKERNEL_VECTOR);
}

static void vector_refuses_apic_id(struct kunit *test)
{
	struct mk_backend *backend = test->priv;
	struct mk_door door = vector_door(test, cpumask_first(cpu_online_mask));
	u64 total = vector_total(backend);
	u64 good = door.hwid;

	door.hwid = good | BIT_ULL(32);
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	door.hwid = U64_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	door.hwid = U32_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	if (!x2apic_enabled()) {
		door.hwid = 0xff;
		KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
		door.hwid = good | BIT_ULL(8);
		KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	}
	KUNIT_EXPECT_EQ(test, total, vector_total(backend));
}

static void vector_refuses_vector(struct kunit *test)
{
	static const u32 vector[] = {
		0, 2, 14, 31, 0x80, 0xeb, 0xf8, 256, 256 + MULTIKERNEL_VECTOR, U32_MAX,
	};
	struct mk_backend *backend = test->priv;
	struct mk_door door = vector_door(test, cpumask_first(cpu_online_mask));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vector); i++) {
		door.number = vector[i];
		KUNIT_EXPECT_EQ(test, -EINVAL, backend->ring(backend, &door));
	}
}

/* The row of /proc/interrupts, a number for each CPU that is online */
static void vector_has_a_row_of_its_own(struct kunit *test)
{
	struct mk_backend *backend = test->priv;
	unsigned int cpu = cpumask_last(cpu_online_mask);
	struct seq_file seq = { .size = SZ_64K };
	struct mk_door door = vector_door(test, cpu);
	u64 shown, before = backend->count(backend, cpu);
	char *row, *word;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, backend->ring(backend, &door));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(backend->count(backend, cpu) > before));
	seq.buf = kunit_kzalloc(test, seq.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seq.buf);
	arch_show_interrupts(&seq, 3);
	KUNIT_ASSERT_LT(test, seq.count, seq.size);

	row = strstr(seq.buf, "MKI:");
	KUNIT_ASSERT_NOT_NULL(test, row);
	row += strlen("MKI:");
	for_each_online_cpu(i) {
		row = skip_spaces(row);
		word = strsep(&row, " ");
		KUNIT_ASSERT_NOT_NULL(test, row);
		KUNIT_ASSERT_EQ(test, 0, kstrtou64(word, 10, &shown));
		KUNIT_EXPECT_EQ(test, backend->count(backend, i), shown);
	}
}

static struct kunit_case vector_cases[] = {
	KUNIT_CASE(vector_door_is_apic_id_and_vector),
	KUNIT_CASE(vector_refuses_apic_id),
	KUNIT_CASE(vector_refuses_vector),
	KUNIT_CASE(vector_has_a_row_of_its_own),
	{}
};

static struct kunit_suite vector_suite = {
	.name = "mk_x86",
	.init = vector_init,
	.exit = vector_exit,
	.test_cases = vector_cases,
};

kunit_test_suite(vector_suite);
