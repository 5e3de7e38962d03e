/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites share: several instances in one kernel, threads, waits. */
#ifndef _MK_KUNIT_HELPERS_H
#define _MK_KUNIT_HELPERS_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/jiffies.h>

#include "../../kernel/multikernel/internal.h"

/* The types that the inbox and the echo of each node are registered for */
#define MK_TEST_INBOX	(MK_IPI_TYPE_LOCAL + 1)
#define MK_TEST_ECHO	(MK_IPI_TYPE_LOCAL + 2)

#define MK_TEST_SENDERS	8

/* Bytes of a machine's arenas */
#define MK_TEST_ARENA	(2 * MK_WIRE_ALIGN)

/* True as soon as @cond is; false if that takes longer than 60 s */
#define mk_test_wait(cond)						\
({									\
	unsigned long mk_end = jiffies + 60 * HZ;			\
	bool mk_done;							\
									\
	for (;;) {							\
		mk_done = (cond);					\
		if (mk_done || time_after(jiffies, mk_end))		\
			break;						\
		usleep_range(100, 1000);				\
	}								\
	mk_done;							\
})

/**
 * struct mk_test_note - a message by which order can be seen
 * @sender: who numbers it, below MK_TEST_SENDERS
 * @number: counts up from 0
 */
struct mk_test_note {
	u32	sender;
	u32	number;
};

/**
 * struct mk_test_inbox - what has arrived for one node
 * @handler:	for MK_TEST_INBOX
 * @count:	messages so far; raised with release after the rest
 * @last:	the latest one; its data is @data
 * @data:	its bytes
 * @hardirq:	whether its handler ran in hard interrupt context
 * @cpu:	where it ran
 * @next:	number expected from each writer of notes
 * @misordered: notes that had another number
 */
struct mk_test_inbox {
	struct mk_ipi_handler	handler;
	atomic_t		count;
	struct mk_ipi_msg	last;
	u8			data[MK_IPI_MAX_LEN];
	bool			hardirq;
	unsigned int		cpu;
	u32			next[MK_TEST_SENDERS];
	unsigned int		misordered;
};

/**
 * struct mk_test_node - one instance among several in this kernel
 * @region:   the shared memory as this instance maps it
 * @soft:     its own soft backend
 * @backend:  the one it joins with: @soft, if the test does not say otherwise
 * @ring:     what @backend rings with, while the node is muted
 * @handlers: its own registration table
 * @instance: NULL while it has not joined
 * @cpu:      where it receives
 * @inbox:    keeps what arrives
 * @echo:     sends what arrives back, from within the handler
 */
struct mk_test_node {
	struct mk_region	*region;
	struct mk_backend	*soft;
	struct mk_backend	*backend;
	int			(*ring)(struct mk_backend *backend, const struct mk_door *door);
	struct mk_handlers	*handlers;
	struct mk_instance	*instance;
	unsigned int		cpu;
	struct mk_test_inbox	inbox;
	struct mk_ipi_handler	echo;
};

/**
 * struct mk_test_machine - several instances that share a region
 * @pages: the region, writable in every place, as no instance has it
 * @size:  its bytes
 * @nr:	   entries of @node
 * @node:  by instance number
 */
struct mk_test_machine {
	void			*pages;
	u64			size;
	unsigned int		nr;
	struct mk_test_node	node[] __counted_by(nr);
};

void mk_test_fill(void *buf, size_t len, unsigned int seed);
void *mk_test_pages(struct kunit *test, size_t size);

struct task_struct *mk_test_thread(struct kunit *test, int (*fn)(void *arg), void *arg);
void mk_test_thread_stop(struct kunit *test, struct task_struct *task);

struct mk_test_machine *mk_test_machine(struct kunit *test, unsigned int nr);
void mk_test_join(struct kunit *test, struct mk_test_node *node);
void mk_test_leave(struct mk_test_node *node);
void mk_test_mute(struct mk_test_node *node);
void mk_test_unmute(struct mk_test_node *node);
void mk_test_ring(struct kunit *test, struct mk_test_node *from, struct mk_test_node *to);
void mk_test_settle(struct kunit *test, struct mk_test_node *node);
bool mk_test_arrived(struct mk_test_node *node, int count);
struct mk_wire_header *mk_test_header(struct mk_test_machine *machine);
void *mk_test_arena(struct mk_test_machine *machine, unsigned int instance);

#endif /* _MK_KUNIT_HELPERS_H */
