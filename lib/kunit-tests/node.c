// SPDX-License-Identifier: GPL-2.0
/* Several instances in one kernel, over the soft backend. */
#include <linux/cpumask.h>
#include <linux/io.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "helpers.h"

/* A backend does not know whose it is; there is one machine at a time */
static struct mk_test_machine *the_machine;

static int node_ring(struct mk_backend *backend, const struct mk_door *door)
{
	struct mk_test_node *node = the_machine->node;
	void (*on_ring)(struct mk_test_node *node);

	while (node->soft != backend)
		node++;
	atomic_inc(&node->rings);
	on_ring = xchg(&node->on_ring, NULL);
	if (on_ring)
		on_ring(node);
	if (READ_ONCE(node->muted))
		return 0;
	return node->ring(backend, door);
}

static void echo_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mk_test_node *node = container_of(handler, struct mk_test_node, echo);

	/* A failure shows as an answer that does not arrive */
	mk_instance_send(node->instance, msg->from, MK_TEST_INBOX, msg->data, msg->len);
}

/* Give back what a handler has of the layer, unless the test has done so */
static void forget_handler(struct mk_handlers *handlers, struct mk_ipi_handler *handler)
{
	enum mk_lane lane = handler->type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	u32 number = handler->type % MK_IPI_NR_TYPES;

	if (handlers && rcu_access_pointer(handlers->handler[lane][number]) == handler)
		mk_handlers_del(handlers, handler);
}

static void free_machine_action(void *arg)
{
	struct mk_test_machine *machine = arg;
	struct mk_test_node *node;

	for (node = machine->node; node < machine->node + machine->nr; node++)
		WRITE_ONCE(node->bulk.hold, 0);
	for (node = machine->node; node < machine->node + machine->nr; node++)
		mk_test_leave(node);
	for (node = machine->node; node < machine->node + machine->nr; node++) {
		if (node->soft)
			mk_soft_destroy(node->soft);
		if (node->region)
			mk_region_unmap(node->region);
		forget_handler(node->handlers, &node->inbox.handler);
		forget_handler(node->handlers, &node->bulk.handler);
		forget_handler(node->handlers, &node->echo);
		kvfree(node->inbox.data);
		kvfree(node->bulk.data);
		kvfree(node->handlers);
	}
	the_machine = NULL;
	kvfree(machine);
}

struct handled {
	struct mk_handlers	*handlers;
	struct mk_ipi_handler	*handler;
};

static void forget_handler_action(void *arg)
{
	struct handled *handled = arg;

	forget_handler(handled->handlers, handled->handler);
}

/* Register @handler with @node until the test is over, or until the test itself forgets it */
void mk_test_handle(struct kunit *test, struct mk_test_node *node,
		    struct mk_ipi_handler *handler)
{
	struct handled *handled = mk_test_buf(test, sizeof(*handled));

	handled->handlers = node->handlers;
	handled->handler = handler;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node->handlers, handler));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, forget_handler_action, handled));
}

/* Map the region as instance @i */
void mk_test_map(struct kunit *test, struct mk_test_machine *machine, unsigned int i)
{
	struct mk_region *region;

	region = mk_region_map(virt_to_phys(machine->pages), machine->size, i, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, region);
	machine->node[i].region = region;
}

static void setup_node(struct kunit *test, struct mk_test_machine *machine, unsigned int i)
{
	struct mk_test_node *node = &machine->node[i];
	struct mk_backend *soft;

	node->cpu = mk_test_cpu(i);
	cpumask_set_cpu(node->cpu, &node->cpus);
	mk_test_map(test, machine, i);

	soft = mk_soft_create();
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, soft);
	node->soft = soft;
	node->backend = soft;
	node->ring = soft->ring;
	soft->ring = node_ring;

	node->handlers = kvzalloc(sizeof(*node->handlers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, node->handlers);
	mk_handlers_init(node->handlers);
	mk_test_events_init(&node->events, node->handlers);

	KUNIT_ASSERT_EQ(test, 0, mk_test_inbox_init(&node->inbox, MK_TEST_INBOX, node->handlers));
	KUNIT_ASSERT_EQ(test, 0, mk_test_inbox_init(&node->bulk, MK_TEST_BULK, node->handlers));
	node->echo.type = MK_TEST_ECHO;
	node->echo.name = "test echo";
	node->echo.fn = echo_take;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node->handlers, &node->echo));
}

/*
 * @nr nodes with a region, none of which has joined. It is taken down before
 * anything that was allocated for the test earlier.
 *
 * The test itself stays on the last CPU, the one that no node has if there are enough:
 * what it sends goes into one ring, and is in order.
 */
struct mk_test_machine *mk_test_machine_sized(struct kunit *test, unsigned int nr, u64 arena)
{
	u64 size = mk_region_bytes(nr, arena);
	struct mk_test_machine *machine;
	unsigned int i, cpu;
	void *pages;

	mk_test_params(test);
	pages = mk_test_pages(test, size);
	cpu = mk_test_cpu(num_online_cpus() - 1);
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));

	machine = kvzalloc(struct_size(machine, node, nr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, machine);
	machine->nr = nr;
	machine->pages = pages;
	machine->size = size;
	the_machine = machine;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_machine_action, machine));

	KUNIT_ASSERT_EQ(test, 0, mk_region_format(virt_to_phys(pages), size, nr));
	for (i = 0; i < nr; i++)
		setup_node(test, machine, i);
	return machine;
}

/* With arenas as large as one piece of memory allows */
struct mk_test_machine *mk_test_machine(struct kunit *test, unsigned int nr)
{
	return mk_test_machine_sized(test, nr, MK_TEST_ARENA(nr));
}

void mk_test_leave(struct mk_test_node *node)
{
	if (node->instance)
		mk_instance_leave(node->instance, MK_WIRE_REASON_HALT);
	node->instance = NULL;
}

/* Nobody hears the doorbells of @node, so that what it sends stays where it is */
void mk_test_mute(struct mk_test_node *node)
{
	WRITE_ONCE(node->muted, true);
}

void mk_test_unmute(struct mk_test_node *node)
{
	WRITE_ONCE(node->muted, false);
}

/* How often @node has rung, whether anybody heard it or not */
int mk_test_rings(struct mk_test_node *node)
{
	return atomic_read(&node->rings);
}

/* Ring at @to, with no message */
void mk_test_ring(struct kunit *test, struct mk_test_node *from, struct mk_test_node *to)
{
	struct mk_door door = {};

	KUNIT_ASSERT_EQ(test, 0, to->backend->get_door(to->backend, to->cpu, &door));
	KUNIT_ASSERT_EQ(test, 0, from->ring(from->backend, &door));
}

static bool receiver_is_slow(struct mk_receiver *receiver)
{
	bool slow;

	raw_spin_lock_irq(&receiver->lock);
	slow = receiver->slow;
	raw_spin_unlock_irq(&receiver->lock);
	return slow;
}

static void settle_door(struct kunit *test, struct mk_test_node *node,
			struct mk_receiver *receiver)
{
	struct mk_backend *backend = node->backend;
	struct mk_door door = {};
	unsigned int i;
	u64 before;

	KUNIT_ASSERT_EQ(test, 0, backend->get_door(backend, receiver->cpu, &door));
	/* The second doorbell is taken when the first has been dealt with */
	for (i = 0; i < 2; i++) {
		before = backend->count(backend, receiver->cpu);
		KUNIT_ASSERT_EQ(test, 0, node->ring(backend, &door));
		KUNIT_ASSERT_TRUE(test, mk_test_wait(backend->count(backend, receiver->cpu) >
						     before));
	}
	KUNIT_ASSERT_TRUE(test, mk_test_wait(!receiver_is_slow(receiver)));
}

/* Whether nothing drains a bulk ring, and nothing is about to */
static bool bulk_is_quiet(struct mk_instance *instance)
{
	unsigned int i, k;

	for (i = 0; i < instance->nr_links; i++)
		for (k = MK_LANE_RINGS; k < 2 * MK_LANE_RINGS; k++)
			if (READ_ONCE(instance->links[i].rx[k].awake) ||
			    work_busy(&instance->links[i].rx[k].work))
				return false;
	return true;
}

/*
 * All that has been sent to @node and can be received has been once this returns,
 * and it wants to be rung for the next, if that is no reply. Not while its bulk inbox is held.
 */
void mk_test_settle(struct kunit *test, struct mk_test_node *node)
{
	unsigned int i;

	for (i = 0; i < node->instance->nr_receivers; i++)
		settle_door(test, node, &node->instance->receivers[i]);
	KUNIT_ASSERT_TRUE(test, mk_test_wait(bulk_is_quiet(node->instance)));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(!atomic_read(&node->instance->peers_early)));
	flush_workqueue(node->instance->wq);
	flush_work(&node->instance->peers.work);
	flush_work(&node->instance->notify);
}

/*
 * It has joined, and the first beat of each of its doors, at which it looks without
 * being rung, is over.
 */
void mk_test_join(struct kunit *test, struct mk_test_node *node)
{
	const u32 *beats = node->region->arena + MK_WIRE_BEATS;
	struct mk_instance *instance;
	unsigned int i;

	instance = mk_instance_join(node->region, node->backend, node->handlers, &node->cpus, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, instance);
	node->instance = instance;
	for (i = 0; i < instance->nr_receivers; i++)
		KUNIT_ASSERT_TRUE(test, mk_test_wait(READ_ONCE(beats[i])));
}

/* All of them have joined, and have nothing more to say of it */
struct mk_test_machine *mk_test_joined(struct kunit *test, unsigned int nr)
{
	struct mk_test_machine *machine = mk_test_machine(test, nr);
	unsigned int i;

	for (i = 0; i < nr; i++)
		mk_test_join(test, &machine->node[i]);
	for (i = 0; i < nr; i++)
		mk_test_settle(test, &machine->node[i]);
	return machine;
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
