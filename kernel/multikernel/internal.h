/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the generic layer, and its tests, know of each other. */
#ifndef _KERNEL_MULTIKERNEL_INTERNAL_H
#define _KERNEL_MULTIKERNEL_INTERNAL_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/ratelimit_types.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <multikernel/mk_backend.h>
#include <multikernel/mk_ipi.h>
#include <multikernel/mk_wire.h>

struct kvec;
struct mk_link;
struct seq_file;

/* Counters have one writer at a time and any number of readers without a lock. */
static inline void mk_count(u64 *counter)
{
	if (!IS_ENABLED(CONFIG_MULTIKERNEL_BARE))
		WRITE_ONCE(*counter, *counter + 1);
}

/* The instance that made the region: it alone writes the header. */
#define MK_KEEPER	0

/* CPUs of this kernel that have a door, at the most: a ring of each lane for each */
#define MK_DOORS	8

/**
 * enum mk_lane - the two lanes of a link, and what else its rings are for
 * @MK_URGENT: handled in the interrupt
 * @MK_BULK:   handled in a thread
 * @MK_NR_LANES: how many lanes there are
 * @MK_REPLY:  rings of replies, which are handled as urgent ones are
 * @MK_NR_USES: what rings can be for
 */
enum mk_lane {
	MK_URGENT,
	MK_BULK,
	MK_NR_LANES,
	MK_REPLY = MK_NR_LANES,
	MK_NR_USES,
};

#define MK_LANE_RINGS	MK_WIRE_LANE_RINGS

/* Histograms: bucket i counts what took from 2^i to 2^(i+1) - 1 ns, the last all above */
#define MK_HIST_BUCKETS	32

/**
 * mk_hist_bucket - where in a histogram a time is counted
 * @ns: the time
 *
 * Context: Any.
 * Return: Its bucket, below MK_HIST_BUCKETS.
 */
static inline unsigned int mk_hist_bucket(u64 ns)
{
	return ns ? min_t(unsigned int, ilog2(ns), MK_HIST_BUCKETS - 1) : 0;
}

/* params.c: multikernel.*= on the command line */
extern unsigned int mk_param_budget;
extern unsigned int mk_param_budget_us;
extern unsigned int mk_param_poll_us;
extern unsigned int mk_param_storm;
extern unsigned int mk_param_beat_ms;
extern unsigned int mk_param_hang_ms;
extern unsigned int mk_param_layout;

/**
 * mk_poll - whether to look once more for what is about to come
 * @until: 0 before the first look
 *
 * Looking on for a while saves doorbells and sleep. Process context.
 *
 * Return: false once mk_param_poll_us are over, or somebody else wants the CPU.
 */
static inline bool mk_poll(u64 *until)
{
	u64 now = local_clock();

	if (!*until)
		*until = now + (u64)READ_ONCE(mk_param_poll_us) * NSEC_PER_USEC;
	if (now >= *until || need_resched())
		return false;
	cpu_relax();
	return true;
}

/* region.c: the shared memory, as this kernel sees it */

/**
 * struct mk_region - a region that is mapped
 * @header:	  the whole region, read-only
 * @arena:	  the own arena, the only part that can be written
 * @keeper:	  the header, writable; of the keeper only, else NULL
 * @size:	  bytes of the region
 * @arena_offset: as the header said when it was checked
 * @arena_size:	  the same
 * @nr_instances: the same
 * @self:	  whose arena @arena is
 * @over:	  by instance: lives up to this one were seen to be declared dead
 */
struct mk_region {
	const struct mk_wire_header	*header;
	void				*arena;
	struct mk_wire_header		*keeper;
	u64				size;
	u64				arena_offset;
	u64				arena_size;
	unsigned int			nr_instances;
	unsigned int			self;
	u32				over[MK_WIRE_MAX_INSTANCES];
};

u64 mk_region_bytes(unsigned int nr_instances, u64 arena_size);
int mk_region_format(phys_addr_t phys, u64 size, unsigned int nr_instances);
struct mk_region *mk_region_map(phys_addr_t phys, u64 size, unsigned int self, u32 incarnation);
void mk_region_unmap(struct mk_region *region);
u64 mk_region_life(struct mk_region *region, unsigned int instance);
bool mk_region_fenced(struct mk_region *region, unsigned int instance, u32 incarnation);
void mk_region_fence(struct mk_region *region, unsigned int instance, u32 incarnation);

/* Somebody's arena, to be read: that of @instance, below @region->nr_instances */
static inline const void *mk_region_arena(const struct mk_region *region, unsigned int instance)
{
	return (const void *)region->header + region->arena_offset +
	       instance * region->arena_size;
}

static inline const struct mk_wire_self *mk_region_self(const struct mk_region *region,
							unsigned int instance)
{
	return mk_region_arena(region, instance) + MK_WIRE_SELF;
}

/* ring.c: one direction, one sender, one receiver */

/**
 * struct mk_ring_tx - the sending end of a ring
 * @slots:    the ring, in this kernel's arena
 * @far:      how far the receiver has read, in the receiver's arena
 * @nr_slots: a power of two
 * @sender:   incarnation of this kernel
 * @pos:      position of the next slot to be written, counting up for ever
 * @limit:    position that must not be reached: everything before it is free
 * @want:     position that the receiver was last asked to ring for
 */
struct mk_ring_tx {
	struct mk_wire_slot	*slots;
	const struct mk_wire_rx	*far;
	u32			nr_slots;
	u32			sender;
	u32			pos;
	u32			limit;
	u32			want;
};

/**
 * struct mk_ring_rx - the receiving end of a ring
 * @slots:    the ring, in the sender's arena
 * @near:     how far this kernel has read, in this kernel's arena
 * @far:      whether the sender waits for room, in the sender's arena
 * @nr_slots: a power of two
 * @sender:   incarnation of the sender
 * @max_len:  bytes of the largest message of the lane, with the head of a call
 * @pos:      position of the next slot to be read, counting up for ever
 * @acked:    position that the sender has been told
 * @event:    position for which it was asked to ring
 */
struct mk_ring_rx {
	const struct mk_wire_slot	*slots;
	struct mk_wire_rx		*near;
	const struct mk_wire_tx		*far;
	u32				nr_slots;
	u32				sender;
	u32				max_len;
	u32				pos;
	u32				acked;
	u32				event;
};

/**
 * struct mk_ring_msg - what a ring carries
 * @data: the message, where it was copied to
 * @len:  bytes of it
 * @type: below MK_IPI_NR_TYPES
 * @kind: enum mk_wire_kind
 */
struct mk_ring_msg {
	const void	*data;
	u32		len;
	u32		type;
	u32		kind;
};

void mk_ring_tx_open(struct mk_ring_tx *tx, struct mk_wire_slot *slots, u32 nr_slots,
		     const struct mk_wire_rx *far, u32 sender);
int mk_ring_send(struct mk_ring_tx *tx, u32 type, enum mk_wire_kind kind,
		 const struct kvec *vec, unsigned int nr, u32 len);
bool mk_ring_must_ring(const struct mk_ring_tx *tx, u32 before);
bool mk_ring_want_room(struct mk_ring_tx *tx, struct mk_wire_tx *near, u32 door, u32 unread);
u32 mk_ring_unread_for(const struct mk_ring_tx *tx, u32 len);
bool mk_ring_has_room(struct mk_ring_tx *tx, u32 len);
u32 mk_ring_unread(struct mk_ring_tx *tx);
void mk_ring_rx_open(struct mk_ring_rx *rx, const struct mk_wire_slot *slots, u32 nr_slots,
		     struct mk_wire_rx *near, const struct mk_wire_tx *far, u32 sender,
		     u32 max_len);
int mk_ring_receive(struct mk_ring_rx *rx, struct mk_ring_msg *msg, void *buf);
bool mk_ring_peek(const struct mk_ring_rx *rx);
bool mk_ring_peek_request(const struct mk_ring_rx *rx);
bool mk_ring_ack(struct mk_ring_rx *rx);
bool mk_ring_arm(struct mk_ring_rx *rx, u32 ahead, bool *wanted);
bool mk_ring_armed(const struct mk_ring_rx *rx, u32 ahead);

/* dispatch.c: the registration table */

/**
 * struct mk_handlers - what subsystems have registered
 * @lock:      serialises those who change @handler
 * @handler:   by lane and message type; a type is in one lane at the most. Read
 *	       under RCU (urgent) and SRCU (bulk)
 * @notify_lock: held while notifiers are called, and while one is added
 * @notifiers: who is told of peers that come and go
 */
struct mk_handlers {
	struct mutex			lock;	/* writers of @handler */
	struct mk_ipi_handler __rcu	*handler[MK_NR_LANES][MK_IPI_NR_TYPES];
	struct mutex			notify_lock;	/* what notifiers have been told */
	struct raw_notifier_head	notifiers;
};

extern struct mk_handlers mk_ipi_handlers;

void mk_handlers_init(struct mk_handlers *handlers);
int mk_handlers_add(struct mk_handlers *handlers, struct mk_ipi_handler *handler);
void mk_handlers_del(struct mk_handlers *handlers, struct mk_ipi_handler *handler);
int mk_ipi_dispatch(struct mk_handlers *handlers, const struct mk_ipi_msg *msg,
		    struct mk_ipi_reply *reply);

/* An outgoing ring; link.c opens it, send.c sends into it */

/**
 * struct mk_tx - an outgoing ring
 * @lock:     serialises those who send into it; taken inside mk_link.lock
 * @ring:     the ring
 * @peer:     incarnation of the peer that it is open for; 0: none
 * @door:     the peer's door that drains it
 * @back:     this kernel's door, which the peer rings when it has made room
 * @offset:   where in the arena it has its slots; 0: it has none yet
 * @stats:    sent, full, doorbells, resets; the others are 0
 */
struct mk_tx {
	raw_spinlock_t		lock ____cacheline_aligned;	/* sending */
	struct mk_ring_tx	ring;
	u32			peer;
	u32			door;
	u32			back;
	u32			offset;
	struct mk_ipi_stats	stats;
};

/* rx.c: an incoming ring */

/* Room for the answer to a call */
#define MK_RX_REPLY_LEN	(sizeof(struct mk_wire_reply) + MK_IPI_MAX_LEN)

/**
 * struct mk_rx - an incoming ring
 * @lock:    serialises those who look at an urgent ring, or one of replies; of a bulk ring,
 *	     guards what the interrupt needs to see whether there is something in it
 * @link:    whose it is
 * @index:   which of the link's rings
 * @ring:    the ring
 * @key:     mk_wire_tx.key that it is open for; 0: none
 * @awake:   of a bulk ring: its work looks at it without being told
 * @buf:     of a bulk ring: the copy of the message that is being received, and
 *	     behind it the answer to a call
 * @work:    of a bulk ring: drains it
 * @stats:   received, unhandled, wrong_lane, corrupt, resets, and doorbells that
 *	     told the peer of room; the others are 0
 */
struct mk_rx {
	raw_spinlock_t		lock ____cacheline_aligned;	/* receiving */
	struct mk_link		*link;
	unsigned int		index;
	struct mk_ring_rx	ring;
	u64			key;
	bool			awake;
	void			*buf;
	struct work_struct	work;
	struct mk_ipi_stats	stats;
};

void mk_rx_init(struct mk_rx *rx, struct mk_link *link, unsigned int index);
bool mk_rx_drain(struct mk_rx *rx, unsigned int door, void *buf, void *reply,
		 unsigned int *taken);
bool mk_rx_wake(struct mk_rx *rx, unsigned int cpu);
bool mk_link_take_replies(struct mk_link *link, bool sleeps);

/* link.c: all that is between this kernel and one peer */

/**
 * struct mk_beat - sign of life of a peer's door
 * @count:   at MK_WIRE_BEATS
 * @changed: ktime_get() when it was first seen
 */
struct mk_beat {
	u32	count;
	ktime_t	changed;
};

/**
 * struct mk_link - all that is between this kernel and one peer
 * @instance:	this kernel's side
 * @peer:	the peer's number
 * @lock:	serialises those who open rings to it
 * @map:	which ring: by lane, sending CPU modulo MK_DOORS, and 0 or the door
 *		that was asked for and 1. Its index and 1; 0: none yet. Written under
 *		@lock
 * @peer_life:	incarnation of the peer that @map is for; under @lock
 * @tx:		the outgoing rings
 * @waiters_lock: guards @waiters
 * @waiters:	struct mk_ipi_room of those who wait for room in an outgoing ring
 * @rx_lock:	serialises those who follow the peer to new rings
 * @opened:	mk_wire_bell.opened when that was done last; under @rx_lock
 * @rx_mask:	by door: the incoming rings that it drains; written under @rx_lock
 * @rx:		the incoming rings
 * @broken:	incarnation of the peer that wrote what made no sense: nothing is
 *		taken from it any more
 * @log:	keeps it from filling the log
 * @state:	of the peer, as the peers' work has seen it
 * @life:	the same of its incarnation
 * @told_state:	as notifiers were told; under mk_handlers.notify_lock
 * @told_life:	the same of its incarnation
 * @since:	ktime_get() when it came into @state
 * @seen:	mk_region_life() when the peers' work looked last
 * @beat:	by door; by the peers' work
 * @sleepers:	callers that sleep until their reply is there, for which the peer has to ring
 * @calls:	round trips of calls, a histogram
 */
struct mk_link {
	struct mk_instance	*instance;
	unsigned int		peer;

	raw_spinlock_t		lock;		/* opening of outgoing rings */
	u8			map[MK_NR_USES][MK_DOORS][MK_DOORS + 1];
	u32			peer_life;
	struct mk_tx		tx[MK_WIRE_LINK_RINGS];

	raw_spinlock_t		waiters_lock;	/* waiters */
	struct list_head	waiters;

	raw_spinlock_t		rx_lock;	/* opening of incoming rings */
	u32			opened;
	u32			rx_mask[MK_DOORS];
	struct mk_rx		rx[MK_WIRE_LINK_RINGS];
	u32			broken;
	struct ratelimit_state	log;

	enum mk_ipi_peer_state	state;
	u32			life;
	enum mk_ipi_peer_state	told_state;
	u32			told_life;
	ktime_t			since;
	u64			seen;
	struct mk_beat		beat[MK_DOORS];
	atomic_t		sleepers;
	atomic_long_t		calls[MK_HIST_BUCKETS];
};

static inline enum mk_lane mk_ring_lane(unsigned int index)
{
	return index / MK_LANE_RINGS;
}

/* A ring of replies; it is as large as an urgent one */
#define MK_LINK_REPLY_BYTES	(CONFIG_MULTIKERNEL_URGENT_SLOTS * sizeof(struct mk_wire_slot))

void mk_link_init(struct mk_link *link, struct mk_instance *instance, unsigned int peer);
void mk_link_reserve_reply(struct mk_link *link);
struct mk_wire_tx *mk_link_wire_tx(struct mk_link *link, unsigned int index);
struct mk_tx *mk_link_lock_tx(struct mk_link *link, enum mk_lane lane, unsigned int cpu,
			      unsigned int wanted, u32 only);
struct mk_tx *mk_link_trylock_tx(struct mk_link *link, enum mk_lane lane);
u32 mk_link_life(const struct mk_link *link);
int mk_link_ring(struct mk_link *link, unsigned int door);
enum mk_ipi_peer_state mk_link_state(const struct mk_link *link);
enum mk_ipi_peer_state mk_link_state_in(const struct mk_link *link, u64 life);
void mk_link_stats(struct mk_link *link, enum mk_lane lane, struct mk_ipi_stats *stats);

/* send.c: sending to a peer */
int mk_link_send(struct mk_link *link, u32 type, enum mk_wire_kind kind,
		 const struct kvec *vec, unsigned int nr, u32 len, u32 life);
int mk_link_trysend(struct mk_link *link, u32 type, const void *data, u32 len);
int mk_link_send_wait(struct mk_link *link, u32 type, enum mk_wire_kind kind,
		      const struct kvec *vec, unsigned int nr, u32 len, u32 life,
		      unsigned long timeout);
int mk_link_reply_room(struct mk_link *link, u32 len, u32 life, u32 door);
bool mk_link_wake(struct mk_link *link);
int mk_link_unread(struct mk_link *link, u32 type);
int mk_link_want_room(struct mk_link *link, u32 type, struct mk_ipi_room *room, u32 unread);
void mk_link_forget_room(struct mk_link *link, struct mk_ipi_room *room);

/* receive.c: who answers at a door */

/**
 * struct mk_receiver - who answers at a door
 * @instance: whose
 * @door:     its number
 * @home:     the CPU that is rung there, if it is online
 * @cpu:      the CPU that is rung there
 * @lock:     serialises those who look; taken outside of mk_rx.lock
 * @seen:     by peer: mk_wire_bell.rung when it was looked at last
 * @pending:  peers that have something to say and were not heard out
 * @next:     peer whose turn it is
 * @turn:     ring whose turn it is, of the peer whose turn it is
 * @slow:     interrupts are left alone, @timer looks: the budget was used up, or
 *	      there is a storm
 * @storm:    there is one
 * @stopped:  @timer is started no more
 * @empty:    doorbells in a row that brought nothing
 * @since:    when the first of them came, by local_clock()
 * @storm_from: @doorbells when the storm was looked at last
 * @window:   when the window began in which @used counts, by local_clock()
 * @used:     nanoseconds of it that went into looking
 * @timer:    looks, while @slow
 * @beat:     looks at everything, and shows that this CPU is alive
 * @buf:      the copy of the message that is being received
 * @reply:    the answer to a call
 * @doorbells: interrupts taken
 * @empties:  those that brought nothing
 * @storms:   storms of them
 * @deferred: times that the budget, or half of the time, was used up
 * @looks:    what looking took, a histogram
 */
struct mk_receiver {
	struct mk_instance	*instance;
	unsigned int		door;
	unsigned int		home;
	unsigned int		cpu;

	raw_spinlock_t		lock ____cacheline_aligned;	/* looking */
	u32			seen[MK_WIRE_MAX_INSTANCES];
	u64			pending;
	unsigned int		next;
	unsigned int		turn;
	bool			slow;
	bool			storm;
	bool			stopped;
	unsigned int		empty;
	u64			since;
	u64			storm_from;
	u64			window;
	u64			used;
	struct hrtimer		timer;
	struct hrtimer		beat;
	void			*buf;
	void			*reply;
	u64			doorbells;
	u64			empties;
	u64			storms;
	u64			deferred;
	u64			looks[MK_HIST_BUCKETS];
};

int mk_receiver_init(struct mk_receiver *receiver, struct mk_instance *instance,
		     unsigned int door, unsigned int cpu);
void mk_receiver_start(struct mk_receiver *receiver);
void mk_receiver_stop(struct mk_receiver *receiver);
void mk_receiver_free(struct mk_receiver *receiver);
int mk_receiver_move(struct mk_receiver *receiver, unsigned int cpu);
bool mk_ipi_receive(struct mk_receiver *receiver);
void mk_receiver_empty(struct mk_receiver *receiver);

/* peer.c: peers come, go and hang */
void mk_peers_init(struct mk_instance *instance);
bool mk_peers_look(struct mk_instance *instance);
void mk_peers_stop(struct mk_instance *instance);
void mk_peers_tell(struct mk_instance *instance, struct notifier_block *nb);

/* call.c: requests, and the replies to them */

#define MK_CALL_BUCKETS	64

/**
 * struct mk_call_bucket - some of the calls that wait for a reply
 * @lock: guards @list, and the calls in it
 * @list: the calls
 */
struct mk_call_bucket {
	raw_spinlock_t		lock;	/* list */
	struct hlist_head	list;
};

/**
 * struct mk_calls - the calls that wait for a reply
 * @next:   number of the latest
 * @bucket: by token
 */
struct mk_calls {
	atomic64_t		next;
	struct mk_call_bucket	bucket[MK_CALL_BUCKETS];
};

void mk_calls_init(struct mk_calls *calls);
int mk_link_call(struct mk_link *link, u32 type, const void *data, u32 len,
		 struct mk_ipi_reply *reply, unsigned long timeout);
void mk_calls_fail(struct mk_link *link, u32 incarnation);
int mk_call_reply(struct mk_link *link, const struct mk_ipi_msg *msg);
int mk_call_handle(struct mk_link *link, const struct mk_ipi_msg *request, void *buf);

/* instance.c: one kernel's side of a region */

/**
 * struct mk_instance - one kernel's side of a region
 * @region:	 the shared memory
 * @backend:	 how doorbells are rung and taken
 * @handlers:	 who takes the messages
 * @incarnation: which life of this instance number this is
 * @rings_lock:	 guards @rings_used
 * @rings_used:	 bytes of the arena that have been given to outgoing rings
 * @wq:		 runs what drains bulk rings
 * @peers:	 looks how the peers are
 * @peers_early: it was asked to look before its time, or has been a moment ago
 * @peers_rest:	 it has been, and looks again after a moment; its own
 * @peers_lock:	 guards @state and @life of links
 * @notify:	 tells notifiers of what the peers' work has seen
 * @leaving:	 nothing is taken in any more
 * @looked:	 ktime_get() when it did so last
 * @nr_fenced:	 mk_wire_header.nr_fenced then
 * @calls:	 calls that wait for a reply
 * @nr_receivers: entries of @receivers
 * @receivers:	 by door
 * @nr_links:	 entries of @links, as many as instances in the region
 * @links:	 by instance number; the own one is a loop
 */
struct mk_instance {
	struct mk_region	*region;
	struct mk_backend	*backend;
	struct mk_handlers	*handlers;
	u32			incarnation;
	raw_spinlock_t		rings_lock;	/* rings_used */
	u64			rings_used;
	struct workqueue_struct	*wq;
	struct delayed_work	peers;
	atomic_t		peers_early;
	bool			peers_rest;
	spinlock_t		peers_lock;	/* state and life of links */
	struct work_struct	notify;
	bool			leaving;
	ktime_t			looked;
	u32			nr_fenced;
	struct mk_calls		calls;
	unsigned int		nr_receivers;
	struct mk_receiver	*receivers;
	unsigned int		nr_links;
	struct mk_link		links[] __counted_by(nr_links);
};

struct mk_instance *mk_instance_open(struct mk_region *region, struct mk_backend *backend,
				     struct mk_handlers *handlers, u32 incarnation);
int mk_instance_start(struct mk_instance *instance, const struct cpumask *cpus);
void mk_instance_up(struct mk_instance *instance);
struct mk_instance *mk_instance_join(struct mk_region *region, struct mk_backend *backend,
				     struct mk_handlers *handlers, const struct cpumask *cpus,
				     u32 incarnation);
void mk_instance_leave(struct mk_instance *instance, enum mk_wire_reason reason);
void mk_instance_say_left(struct mk_instance *instance, enum mk_wire_reason reason);
void mk_instance_cpu_online(struct mk_instance *instance, unsigned int cpu);
void mk_instance_cpu_offline(struct mk_instance *instance, unsigned int cpu);
void mk_instance_announce(struct mk_instance *instance);
void mk_instance_fence(struct mk_instance *instance, unsigned int peer, u32 incarnation);
int mk_instance_send(struct mk_instance *instance, unsigned int peer, u32 type,
		     const void *data, size_t len);
int mk_instance_sendv(struct mk_instance *instance, unsigned int peer, u32 type,
		      const struct kvec *vec, unsigned int nr);
int mk_instance_sendv_wait(struct mk_instance *instance, unsigned int peer, u32 type,
			   const struct kvec *vec, unsigned int nr, unsigned long timeout);
int mk_instance_broadcast(struct mk_instance *instance, u64 peers, u32 type, const void *data,
			  size_t len, int *errors);
int mk_instance_unread(struct mk_instance *instance, unsigned int peer, u32 type);
int mk_instance_want_room(struct mk_instance *instance, unsigned int peer, u32 type,
			  struct mk_ipi_room *room, u32 unread);
void mk_instance_forget_room(struct mk_instance *instance, unsigned int peer,
			     struct mk_ipi_room *room);
int mk_instance_call(struct mk_instance *instance, unsigned int peer, u32 type,
		     const void *data, size_t len, struct mk_ipi_reply *reply,
		     unsigned long timeout);
u32 mk_instance_take_ring(struct mk_instance *instance, u32 nr_slots);

/* core.c: this kernel's own instance */
int mk_ipi_open(phys_addr_t phys, u64 size, unsigned int self, u32 incarnation);
int mk_ipi_start(void);
struct mk_instance *mk_ipi_opened(void);
struct mk_instance *mk_ipi_instance(void);

/* stat.c: what people and programs are shown of it */
u64 mk_link_age_ms(const struct mk_link *link);
void mk_stat_show(struct seq_file *seq, struct mk_instance *instance);

#endif /* _KERNEL_MULTIKERNEL_INTERNAL_H */
