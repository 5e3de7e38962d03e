// SPDX-License-Identifier: GPL-2.0
/* What the suites share: several instances in one kernel, threads, waits. */
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "helpers.h"

/* 251 is prime: bytes that are moved by slots, words or pages are noticed */
void mk_test_fill(void *buf, size_t len, unsigned int seed)
{
	u8 *byte = buf;
	size_t i;

	for (i = 0; i < len; i++)
		byte[i] = (seed + i) % 251;
}

struct mk_test_pages {
	void	*mem;
	size_t	size;
};

static void free_pages_action(void *arg)
{
	struct mk_test_pages *pages = arg;

	free_pages_exact(pages->mem, pages->size);
}

/* Memory as an instance may get it: whole pages, not empty */
void *mk_test_pages(struct kunit *test, size_t size)
{
	struct mk_test_pages *pages = kunit_kzalloc(test, sizeof(*pages), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	pages->size = size;
	pages->mem = alloc_pages_exact(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pages->mem);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_pages_action, pages));
	memset(pages->mem, 0xa5, size);
	return pages->mem;
}

static void stop_thread_action(void *task)
{
	kthread_stop_put(task);
}

/* @fn ends by itself or, at the latest, once kthread_should_stop() */
struct task_struct *mk_test_thread(struct kunit *test, int (*fn)(void *arg), void *arg)
{
	struct task_struct *task = kthread_create(fn, arg, "mk_kunit");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, stop_thread_action, task));
	wake_up_process(task);
	return task;
}

void mk_test_thread_stop(struct kunit *test, struct task_struct *task)
{
	kunit_release_action(test, stop_thread_action, task);
}

static void inbox_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mk_test_inbox *inbox = container_of(handler, struct mk_test_inbox, handler);

	inbox->last = *msg;
	inbox->last.data = inbox->data;
	memcpy(inbox->data, msg->data, msg->len);
	inbox->hardirq = in_hardirq();
	inbox->cpu = smp_processor_id();
	if (msg->len == sizeof(struct mk_test_note)) {
		const struct mk_test_note *note = msg->data;

		if (note->sender >= MK_TEST_SENDERS ||
		    note->number != inbox->next[note->sender]++)
			inbox->misordered++;
	}
	/* Pairs with the acquire in mk_test_arrived() */
	atomic_fetch_inc_release(&inbox->count);
}

static void echo_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mk_test_node *node = container_of(handler, struct mk_test_node, echo);

	/* A failure shows as an answer that does not arrive */
	mk_instance_send(node->instance, msg->from, MK_TEST_INBOX, msg->data, msg->len);
}

/* Whether @count messages arrive in the inbox of @node before long */
bool mk_test_arrived(struct mk_test_node *node, int count)
{
	/* Pairs with the release in inbox_take() */
	return mk_test_wait(atomic_read_acquire(&node->inbox.count) >= count);
}

static void free_machine_action(void *arg)
{
	struct mk_test_machine *machine = arg;
	struct mk_test_node *node;

	for (node = machine->node; node < machine->node + machine->nr; node++)
		mk_test_leave(node);
	for (node = machine->node; node < machine->node + machine->nr; node++) {
		if (node->soft)
			mk_soft_destroy(node->soft);
		if (node->region)
			mk_region_unmap(node->region);
		kvfree(node->handlers);
	}
	kvfree(machine);
}

static void setup_node(struct kunit *test, struct mk_test_machine *machine, unsigned int i)
{
	struct mk_test_node *node = &machine->node[i];
	struct mk_region *region;
	struct mk_backend *soft;

	node->cpu = cpumask_nth(i % num_online_cpus(), cpu_online_mask);

	region = mk_region_map(virt_to_phys(machine->pages), machine->size, i);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, region);
	node->region = region;

	soft = mk_soft_create();
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, soft);
	node->soft = soft;
	node->backend = soft;

	node->handlers = kvzalloc(sizeof(*node->handlers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, node->handlers);
	mk_handlers_init(node->handlers);

	node->inbox.handler.type = MK_TEST_INBOX;
	node->inbox.handler.name = "test inbox";
	node->inbox.handler.fn = inbox_take;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node->handlers, &node->inbox.handler));

	node->echo.type = MK_TEST_ECHO;
	node->echo.name = "test echo";
	node->echo.fn = echo_take;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node->handlers, &node->echo));
}

/*
 * @nr nodes with a region, none of which has joined. It is taken down before
 * anything that was allocated for the test earlier.
 */
struct mk_test_machine *mk_test_machine(struct kunit *test, unsigned int nr)
{
	u64 size = MK_WIRE_ALIGN + nr * MK_TEST_ARENA;
	void *pages = mk_test_pages(test, size);
	struct mk_test_machine *machine;
	unsigned int i;

	machine = kvzalloc(struct_size(machine, node, nr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, machine);
	machine->nr = nr;
	machine->pages = pages;
	machine->size = size;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_machine_action, machine));

	KUNIT_ASSERT_EQ(test, 0, mk_region_format(virt_to_phys(pages), size, nr));
	for (i = 0; i < nr; i++)
		setup_node(test, machine, i);
	return machine;
}

void mk_test_join(struct kunit *test, struct mk_test_node *node)
{
	struct mk_instance *instance;

	instance = mk_instance_join(node->region, node->backend, node->handlers, node->cpu, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, instance);
	node->instance = instance;
}

void mk_test_leave(struct mk_test_node *node)
{
	if (node->instance)
		mk_instance_leave(node->instance, MK_WIRE_REASON_HALT);
	node->instance = NULL;
}

static int ring_nobody(struct mk_backend *backend, const struct mk_door *door)
{
	return 0;
}

/* Nobody hears the doorbells of @node, so that what it sends stays where it is */
void mk_test_mute(struct mk_test_node *node)
{
	node->ring = node->backend->ring;
	node->backend->ring = ring_nobody;
}

void mk_test_unmute(struct mk_test_node *node)
{
	node->backend->ring = node->ring;
}

/* Ring at @to, with no message */
void mk_test_ring(struct kunit *test, struct mk_test_node *from, struct mk_test_node *to)
{
	struct mk_door door = {};

	KUNIT_ASSERT_EQ(test, 0, to->backend->get_door(to->backend, to->cpu, &door));
	KUNIT_ASSERT_EQ(test, 0, from->backend->ring(from->backend, &door));
}

/* All that has been sent to @node and can be received has been once this returns */
void mk_test_settle(struct kunit *test, struct mk_test_node *node)
{
	struct mk_backend *backend = node->backend;
	unsigned int i;
	u64 before;

	/* The second doorbell is taken when the first has been dealt with */
	for (i = 0; i < 2; i++) {
		before = backend->count(backend, node->cpu);
		mk_test_ring(test, node, node);
		KUNIT_ASSERT_TRUE(test, mk_test_wait(backend->count(backend, node->cpu) > before));
	}
}

struct mk_wire_header *mk_test_header(struct mk_test_machine *machine)
{
	return machine->pages;
}

void *mk_test_arena(struct mk_test_machine *machine, unsigned int instance)
{
	struct mk_wire_header *header = mk_test_header(machine);

	return machine->pages + header->arena_offset + instance * header->arena_size;
}
