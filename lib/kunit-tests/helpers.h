/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites share: several instances in one kernel, threads, waits. */
#ifndef _MK_KUNIT_HELPERS_H
#define _MK_KUNIT_HELPERS_H

#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/uio.h>

#include "../../kernel/multikernel/internal.h"

/* The types that the inboxes and the echo of each node are registered for */
#define MK_TEST_INBOX	(MK_IPI_TYPE_LOCAL + 1)
#define MK_TEST_ECHO	(MK_IPI_TYPE_LOCAL + 2)
#define MK_TEST_BULK	((MK_IPI_TYPE_LOCAL + 3) | MK_IPI_BULK)

#define MK_TEST_SENDERS	32
#define MK_TEST_EVENTS	256

/* Bytes of one piece of memory, and the smallest arena: it has no bulk ring */
#define MK_TEST_PIECE		(MAX_ORDER_NR_PAGES * PAGE_SIZE)
#define MK_TEST_ARENA(nr)	ALIGN_DOWN((MK_TEST_PIECE - MK_WIRE_ALIGN) / (nr), MK_WIRE_ALIGN)
#define MK_TEST_ARENA_MIN	ALIGN(MK_WIRE_RINGS + 1, MK_WIRE_ALIGN)

/* mk_param_beat_ms while no beat is wanted */
#define MK_TEST_NEVER_MS	(3600 * MSEC_PER_SEC)

extern unsigned int mk_test_slow, mk_test_seconds;

/* Rounds in which races are looked for: fewer where each takes longer, or one CPU has few */
static inline unsigned int mk_test_many(unsigned int n)
{
	return n / max(mk_test_slow, 1) / (num_possible_cpus() > 1 ? 1 : 5);
}

/* Longer than anything takes; jiffies */
static inline unsigned long mk_test_long(void)
{
	return mk_test_seconds * HZ * max(mk_test_slow, 1);
}

/* True as soon as @cond is; false if that takes longer than mk_test_long() */
#define mk_test_wait(cond)						\
({									\
	unsigned long mk_end = jiffies + mk_test_long();		\
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
 * struct mk_test_inbox - what has arrived for one node on one lane
 * @handler:	for MK_TEST_INBOX or MK_TEST_BULK
 * @count:	messages so far; raised with release after the rest
 * @lock:	guards the rest but @hold
 * @last:	the latest one; its data is @data
 * @data:	its bytes
 * @hardirq:	whether its handler ran in hard interrupt context
 * @task:	whether its handler ran where it may sleep
 * @cpu:	where it ran
 * @next:	number expected from each writer of notes
 * @cpus:	by writer: where its notes were taken
 * @misordered: bit n: a note of writer n had another number
 * @hold:	of a bulk inbox: notes of these writers are not let go, nor is any
 *		other message if all bits are set
 * @held:	times that the handler has waited for @hold
 */
struct mk_test_inbox {
	struct mk_ipi_handler	handler;
	atomic_t		count;
	raw_spinlock_t		lock;		/* what has arrived */
	struct mk_ipi_msg	last;
	u8			*data;
	bool			hardirq;
	bool			task;
	unsigned int		cpu;
	u32			next[MK_TEST_SENDERS];
	struct cpumask		cpus[MK_TEST_SENDERS];
	u32			misordered;
	u32			hold;
	atomic_t		held;
};

/**
 * struct mk_test_events - what a node's notifier was told
 * @nb:	     the notifier
 * @lock:    guards the rest
 * @nr:	     entries of @event; no more than MK_TEST_EVENTS are kept
 * @event:   in the order in which it was told
 * @strange: events whose action was not their state, or that came in interrupt
 */
struct mk_test_events {
	struct notifier_block		nb;
	spinlock_t			lock;	/* event */
	unsigned int			nr;
	struct mk_ipi_peer_event	event[MK_TEST_EVENTS];
	unsigned int			strange;
};

/**
 * struct mk_test_node - one instance among several in this kernel
 * @region:   the shared memory as this instance maps it
 * @soft:     its own soft backend
 * @backend:  the one it joins with: @soft, if the test does not say otherwise
 * @ring:     what the soft backend rings with
 * @rings:    doorbells that were rung by it, whether heard or not
 * @on_ring:  called, once, when it rings next
 * @muted:    nobody hears them
 * @handlers: its own registration table
 * @instance: NULL while it has not joined
 * @cpus:     where it receives
 * @cpu:      the first of them
 * @inbox:    keeps what arrives by the urgent lane
 * @bulk:     keeps what arrives by the bulk lane
 * @echo:     sends what arrives back, from within the handler
 * @events:   keeps what it is told of its peers
 */
struct mk_test_node {
	struct mk_region	*region;
	struct mk_backend	*soft;
	struct mk_backend	*backend;
	int			(*ring)(struct mk_backend *backend, const struct mk_door *door);
	atomic_t		rings;
	void			(*on_ring)(struct mk_test_node *node);
	bool			muted;
	struct mk_handlers	*handlers;
	struct mk_instance	*instance;
	struct cpumask		cpus;
	unsigned int		cpu;
	struct mk_test_inbox	inbox;
	struct mk_test_inbox	bulk;
	struct mk_ipi_handler	echo;
	struct mk_test_events	events;
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

/**
 * struct mk_test_writer - a thread that sends notes, bound to a CPU
 * @from:  node that sends
 * @to:	   instance that they are for
 * @type:  MK_TEST_INBOX or MK_TEST_BULK
 * @id:	   what the notes say of who has sent them
 * @notes: how many
 * @cpu:   where it runs
 * @error: what ended it early
 * @task:  the thread
 */
struct mk_test_writer {
	struct mk_test_node	*from;
	unsigned int		to;
	u32			type;
	u32			id;
	u32			notes;
	unsigned int		cpu;
	int			error;
	struct task_struct	*task;
};

/* helpers.c */
extern const u32 mk_test_lanes[2];
void mk_test_lane_desc(const u32 *type, char *desc);

/* A case for each lane: its parameter is the type of the lane's inbox */
__maybe_unused KUNIT_ARRAY_PARAM(mk_test_lane, mk_test_lanes, mk_test_lane_desc);

void mk_test_params(struct kunit *test);
void mk_test_fill(void *buf, size_t len, unsigned int seed);
void *mk_test_buf(struct kunit *test, size_t size);
void *mk_test_pages(struct kunit *test, size_t size);
unsigned int mk_test_cpu(unsigned int i);
struct task_struct *mk_test_thread(struct kunit *test, int (*fn)(void *arg), void *arg,
				   unsigned int cpu);
int mk_test_thread_stop(struct kunit *test, struct task_struct *task);
void mk_test_write(struct kunit *test, struct mk_test_writer *writer);
void mk_test_written(struct kunit *test, struct mk_test_writer *writer);

/* node.c */
struct mk_test_machine *mk_test_machine_sized(struct kunit *test, unsigned int nr, u64 arena);
struct mk_test_machine *mk_test_machine(struct kunit *test, unsigned int nr);
struct mk_test_machine *mk_test_joined(struct kunit *test, unsigned int nr);
void mk_test_map(struct kunit *test, struct mk_test_machine *machine, unsigned int i);
void mk_test_join(struct kunit *test, struct mk_test_node *node);
void mk_test_leave(struct mk_test_node *node);
void mk_test_handle(struct kunit *test, struct mk_test_node *node,
		    struct mk_ipi_handler *handler);
void mk_test_mute(struct mk_test_node *node);
void mk_test_unmute(struct mk_test_node *node);
int mk_test_rings(struct mk_test_node *node);
void mk_test_ring(struct kunit *test, struct mk_test_node *from, struct mk_test_node *to);
void mk_test_settle(struct kunit *test, struct mk_test_node *node);
struct mk_wire_header *mk_test_header(struct mk_test_machine *machine);
void *mk_test_arena(struct mk_test_machine *machine, unsigned int instance);

/* inbox.c */
int mk_test_inbox_init(struct mk_test_inbox *inbox, u32 type, struct mk_handlers *handlers);
struct mk_test_inbox *mk_test_box(struct mk_test_node *node, u32 type);
void mk_test_box_empty(struct mk_test_inbox *box);
bool mk_test_arrived(struct mk_test_node *node, int count);
bool mk_test_bulk_arrived(struct mk_test_node *node, int count);
int mk_test_note(struct mk_test_node *from, unsigned int to, u32 type, u32 sender, u32 number);
u32 mk_test_note_all(struct mk_test_node *from, unsigned int to, u32 type, u32 sender);
u32 mk_test_reply_all(struct mk_test_node *from, unsigned int to);
void mk_test_exchange(struct kunit *test, struct mk_test_machine *machine,
		      unsigned int from, unsigned int to, u32 type, size_t len);
struct mk_ipi_stats mk_test_stats(struct mk_test_node *node, unsigned int peer,
				  enum mk_lane lane);
void mk_test_events_init(struct mk_test_events *events, struct mk_handlers *handlers);
unsigned int mk_test_events_of(struct mk_test_node *node, unsigned int peer,
			       struct mk_ipi_peer_event *event, unsigned int max);
bool mk_test_saw(struct mk_test_node *node, unsigned int peer, enum mk_ipi_peer_state state,
		 u32 incarnation);
bool mk_test_saw_last(struct mk_test_node *node, unsigned int peer,
		      enum mk_ipi_peer_state state);

#endif /* _MK_KUNIT_HELPERS_H */
