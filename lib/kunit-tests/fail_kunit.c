// SPDX-License-Identifier: GPL-2.0
/* Tests with functions of the kernel that fail: what was done is undone, and said so. */
#include <linux/err.h>
#include <linux/error-injection.h>
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <multikernel/compat.h>

#include "helpers.h"

/* A type that nobody has registered */
#define FAIL_TYPE	(MK_IPI_TYPE_LOCAL + 7)

/**
 * struct fail_point - a function that takes what there may be none of
 * @name:  the function
 * @value: what it returns then
 * @maps:  maps the region, which KCSAN's kernel does not: see region_map()
 */
struct fail_point {
	const char	*name;
	long		value;
	bool		maps;
};

static const struct fail_point fail_points[] = {
	{ "__kmalloc_cache_noprof",	0 },
	{ "__kmalloc_noprof",		0 },
	{ "__kvmalloc_node_noprof",	0 },
	{ "pcpu_alloc_noprof",		0 },
	{ MK_ALLOC_WORKQUEUE,		0 },
	{ "get_vm_area",		0,		true },
	{ "vmap_page_range",		-ENOMEM,	true },
};

KUNIT_ARRAY_PARAM_DESC(fail_point, fail_points, name);

/* Which call fails: one of @task, or of any worker; @left more come before it */
static struct {
	struct kprobe		probe;
	struct task_struct	*task;
	unsigned int		left;
	long			value;
	bool			armed;
	bool			hit;
} fail;

static int fail_pre(struct kprobe *probe, struct pt_regs *regs)
{
	/* On some architectures the probe is an NMI itself, which counts as an interrupt, too */
	if (!READ_ONCE(fail.armed) || in_serving_softirq() ||
	    hardirq_count() != (in_nmi() ? HARDIRQ_OFFSET : 0))
		return 0;
	if (fail.task ? current != fail.task : !(current->flags & PF_WQ_WORKER))
		return 0;
	if (fail.hit || fail.left--)
		return 0;
	WRITE_ONCE(fail.hit, true);
	regs_set_return_value(regs, fail.value);
	override_function_with_return(regs);
	return 1;
}

NOKPROBE_SYMBOL(fail_pre);

/* A probe that has this is not made a jump, from which it could not return elsewhere */
static void fail_post(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

NOKPROBE_SYMBOL(fail_post);

static void fail_begin(struct kunit *test, const struct fail_point *point,
		       struct task_struct *task, unsigned int after)
{
	fail.probe = (struct kprobe) {
		.symbol_name	= point->name,
		.pre_handler	= fail_pre,
		.post_handler	= fail_post,
	};
	fail.task = task;
	fail.left = after;
	fail.value = point->value;
	fail.hit = false;
	KUNIT_ASSERT_EQ(test, 0, register_kprobe(&fail.probe));
	/* Not while the probe itself is set up, or taken away */
	WRITE_ONCE(fail.armed, true);
}

/* Whether it has failed */
static bool fail_end(void)
{
	WRITE_ONCE(fail.armed, false);
	unregister_kprobe(&fail.probe);
	return fail.hit;
}

/* All that takes something; each gives it back if it was successful */

static int fail_join(struct mk_test_machine *machine)
{
	struct mk_test_node *node = machine->node;
	struct mk_instance *instance;

	instance = mk_instance_join(node->region, node->backend, node->handlers, &node->cpus, 0);
	if (IS_ERR(instance))
		return PTR_ERR(instance);
	mk_instance_leave(instance, MK_WIRE_REASON_HALT);
	return 0;
}

static int fail_map(struct mk_test_machine *machine)
{
	struct mk_region *region;

	region = mk_region_map(virt_to_phys(machine->pages), machine->size, MK_KEEPER, 0);
	if (IS_ERR(region))
		return PTR_ERR(region);
	mk_region_unmap(region);
	return 0;
}

static int fail_format(struct mk_test_machine *machine)
{
	return mk_region_format(virt_to_phys(machine->pages), machine->size, machine->nr);
}

static int fail_backend(struct mk_test_machine *machine)
{
	struct mk_backend *backend = mk_soft_create();

	if (IS_ERR(backend))
		return PTR_ERR(backend);
	mk_soft_destroy(backend);
	return 0;
}

static void fail_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
}

static int fail_handler(struct mk_test_machine *machine)
{
	struct mk_ipi_handler handler = { .type = FAIL_TYPE, .name = "fail", .fn = fail_take };
	int ret = mk_handlers_add(machine->node[0].handlers, &handler);

	if (!ret)
		mk_handlers_del(machine->node[0].handlers, &handler);
	return ret;
}

/*
 * Whichever call of the function fails, it says -ENOMEM, and nothing is in the way later.
 * Returns how many calls there are.
 */
static unsigned int fail_each(struct kunit *test, struct mk_test_machine *machine,
			      int (*take)(struct mk_test_machine *machine))
{
	unsigned int n;
	bool hit;
	int ret;

	for (n = 0; n < 1000; n++) {
		fail_begin(test, test->param_value, current, n);
		ret = take(machine);
		hit = fail_end();
		if (!hit)
			break;
		KUNIT_EXPECT_EQ_MSG(test, -ENOMEM, ret, "call %u of %s in %ps", n,
				    fail.probe.symbol_name, take);
	}
	KUNIT_EXPECT_FALSE(test, hit);
	KUNIT_EXPECT_EQ(test, 0, ret);
	return n;
}

static void fail_takers(struct kunit *test)
{
	const struct fail_point *point = test->param_value;
	struct mk_test_machine *machine;
	unsigned int calls;

	if (point->maps && IS_ENABLED(CONFIG_KCSAN))
		kunit_skip(test, "with KCSAN the region is not mapped");
	machine = mk_test_machine(test, 2);
	calls = fail_each(test, machine, fail_format);
	calls += fail_each(test, machine, fail_map);
	calls += fail_each(test, machine, fail_backend);
	calls += fail_each(test, machine, fail_handler);
	calls += fail_each(test, machine, fail_join);
	/* Or the point is none */
	KUNIT_EXPECT_GT(test, calls, 0);
	mk_test_join(test, &machine->node[0]);
	mk_test_join(test, &machine->node[1]);
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 100);
}

/* Memory for what comes by the bulk lane is taken when the first message does */
static void fail_bulk_buffer(struct kunit *test)
{
	static const struct fail_point point = { "__kvmalloc_node_noprof", 0 };
	struct mk_test_machine *machine;
	struct mk_test_node *node;
	bool tried;

	mk_test_params(test);
	machine = mk_test_machine(test, 2);
	mk_param_beat_ms = 20;
	node = machine->node;
	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);

	fail_begin(test, &point, NULL, 0);
	KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_BULK, 0, 0));
	tried = mk_test_wait(READ_ONCE(fail.hit));
	fail_end();
	KUNIT_EXPECT_TRUE(test, tried);
	/* It was not lost, and the next beat has it tried again */
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], 1));
	KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[0], 1, MK_TEST_BULK, 0, 1));
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], 2));
	KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
}

static struct kunit_case fail_cases[] = {
	KUNIT_CASE_PARAM(fail_takers, fail_point_gen_params),
	KUNIT_CASE(fail_bulk_buffer),
	{}
};

static struct kunit_suite fail_suite = {
	.name = "mk_fail",
	.test_cases = fail_cases,
};

kunit_test_suite(fail_suite);
