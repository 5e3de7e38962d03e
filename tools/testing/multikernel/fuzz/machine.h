/* SPDX-License-Identifier: GPL-2.0 */
/* A region of three instances, for the targets that need one that has joined. */
#ifndef _MULTIKERNEL_FUZZ_MACHINE_H
#define _MULTIKERNEL_FUZZ_MACHINE_H

#include "fuzz.h"

#define NODES		3
#define ARENA		(9 * MK_WIRE_ALIGN)

/* What doors say: the node above, the CPU below; and the number */
#define DOOR_HWID(node, cpu)	((u64)(node) << 8 | (cpu))
#define DOOR_NUMBER		0x51

/**
 * struct node - an instance of the region
 * @backend:  how it is rung
 * @region:   mapped once
 * @handlers: its own
 * @instance: if it runs the core: not of the one that the fuzzer plays
 * @rung:     by CPU: it has been, and the interrupt was not taken yet
 */
struct node {
	struct mk_backend	backend;
	struct mk_region	*region;
	struct mk_handlers	handlers;
	struct mk_instance	*instance;
	unsigned long		rung;
};

extern struct node nodes[NODES];

/* A node's arena, writable whosever it is */
static inline void *node_arena(unsigned int node)
{
	return fuzz_memory + MK_WIRE_ALIGN + node * ARENA;
}

static inline struct mk_wire_self *node_self(unsigned int node)
{
	return node_arena(node) + MK_WIRE_SELF;
}

void machine_init(void);
/* Node @node runs the core, on @cpus CPUs, from here on, or does no more. */
void machine_join(unsigned int node, unsigned long cpus);
void machine_leave(unsigned int node);
/* An interrupt, a timer or a work that is due. False if there is none. */
bool machine_step(void);

#endif /* _MULTIKERNEL_FUZZ_MACHINE_H */
