// SPDX-License-Identifier: GPL-2.0
/* A region of three instances, for the targets that need one that has joined. */
#include "machine.h"

struct node nodes[NODES];
u8 *fuzz_memory;

static int node_start(struct mk_backend *backend)
{
	return 0;
}

static void node_stop(struct mk_backend *backend)
{
}

static int node_get_door(struct mk_backend *backend, unsigned int cpu, struct mk_door *door)
{
	struct node *node = container_of(backend, struct node, backend);

	door->hwid = DOOR_HWID(node - nodes, cpu);
	door->number = DOOR_NUMBER;
	return 0;
}

static int node_ring(struct mk_backend *backend, const struct mk_door *door)
{
	u64 node = door->hwid >> 8, cpu = door->hwid & 0xff;

	if (door->number != DOOR_NUMBER || node >= NODES || cpu >= SHIM_CPUS)
		return -EINVAL;
	nodes[node].rung |= BIT(cpu);
	return 0;
}

void fuzz_memory_init(size_t size)
{
	struct vm_struct *area;

	shim_memory_init(size);
	area = get_vm_area(size, VM_IOREMAP);
	SHIM_ASSERT(area && !vmap_page_range((unsigned long)area->addr,
					     (unsigned long)area->addr + size, 0, PAGE_KERNEL));
	fuzz_memory = area->addr;
}

void machine_init(void)
{
	const u64 size = MK_WIRE_ALIGN + NODES * ARENA;
	unsigned int i;

	fuzz_memory_init(size);
	SHIM_ASSERT(!mk_region_format(0, size, NODES));
	for (i = 0; i < NODES; i++) {
		nodes[i].backend = (struct mk_backend) {
			.name = "fuzz",
			.start = node_start,
			.stop = node_stop,
			.get_door = node_get_door,
			.ring = node_ring,
		};
		mk_handlers_init(&nodes[i].handlers);
		nodes[i].region = mk_region_map(0, size, i, 0);
		SHIM_ASSERT(!IS_ERR(nodes[i].region));
		SHIM_ASSERT(nodes[i].region->arena_size == ARENA);
	}
}

void machine_join(unsigned int node, unsigned long cpus)
{
	const struct cpumask mask = { .bits = cpus };
	struct mk_instance *instance;

	instance = mk_instance_join(nodes[node].region, &nodes[node].backend,
				    &nodes[node].handlers, &mask, 1);
	SHIM_ASSERT(!IS_ERR(instance));
	nodes[node].instance = instance;
}

void machine_leave(unsigned int node)
{
	mk_instance_leave(nodes[node].instance, MK_WIRE_REASON_HALT);
	nodes[node].instance = NULL;
	nodes[node].rung = 0;
}

static bool machine_interrupt(void)
{
	unsigned int i, before = shim_cpu;

	for (i = 0; i < NODES; i++) {
		if (!nodes[i].rung)
			continue;
		shim_cpu = __builtin_ctzl(nodes[i].rung);
		nodes[i].rung &= nodes[i].rung - 1;
		shim_irqs_off++;
		generic_multikernel_interrupt(&nodes[i].backend);
		shim_irqs_off--;
		shim_cpu = before;
		return true;
	}
	return false;
}

bool machine_step(void)
{
	fuzz_looks = 0;
	return machine_interrupt() || shim_run_timer() || shim_run_work();
}
