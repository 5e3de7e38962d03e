/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the generic layer, and its tests, know of each other. */
#ifndef _KERNEL_MULTIKERNEL_INTERNAL_H
#define _KERNEL_MULTIKERNEL_INTERNAL_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <multikernel/mk_backend.h>
#include <multikernel/mk_ipi.h>
#include <multikernel/mk_wire.h>

/* The instance that made the region: it alone writes the header. */
#define MK_KEEPER	0

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
};

u64 mk_region_bytes(unsigned int nr_instances);
int mk_region_format(phys_addr_t phys, u64 size, unsigned int nr_instances);
struct mk_region *mk_region_map(phys_addr_t phys, u64 size, unsigned int self);
void mk_region_unmap(struct mk_region *region);
const void *mk_region_arena(const struct mk_region *region, unsigned int instance);
u64 mk_region_life(const struct mk_region *region, unsigned int instance);
void mk_region_fence(struct mk_region *region, unsigned int instance, u32 incarnation);

/* ring.c: one direction, one sender, one receiver */

/**
 * struct mk_ring_tx - the sending end of a ring
 * @slots:    the ring, in this kernel's arena
 * @ack:      how far the receiver has read, in the receiver's arena
 * @nr_slots: a power of two
 * @sender:   incarnation of this kernel
 * @pos:      position of the next slot to be written, counting up for ever
 * @limit:    position that must not be reached: everything before it is free
 */
struct mk_ring_tx {
	struct mk_wire_slot	*slots;
	const u64		*ack;
	u32			nr_slots;
	u32			sender;
	u32			pos;
	u32			limit;
};

/**
 * struct mk_ring_rx - the receiving end of a ring
 * @slots:    the ring, in the sender's arena
 * @ack:      how far this kernel has read, in this kernel's arena
 * @nr_slots: a power of two
 * @sender:   incarnation of the sender
 * @pos:      position of the next slot to be read, counting up for ever
 */
struct mk_ring_rx {
	const struct mk_wire_slot	*slots;
	u64				*ack;
	u32				nr_slots;
	u32				sender;
	u32				pos;
};

void mk_ring_tx_open(struct mk_ring_tx *tx, struct mk_wire_slot *slots, u32 nr_slots,
		     const u64 *ack, u32 sender);
int mk_ring_send(struct mk_ring_tx *tx, u32 type, const void *data, u32 len);
void mk_ring_rx_open(struct mk_ring_rx *rx, const struct mk_wire_slot *slots, u32 nr_slots,
		     u64 *ack, u32 sender);
int mk_ring_receive(struct mk_ring_rx *rx, struct mk_ipi_msg *msg, void *buf);

/* dispatch.c: the registration table */

/**
 * struct mk_handlers - a registration table
 * @lock:    serialises those who change @handler
 * @handler: by message type; read under RCU
 */
struct mk_handlers {
	struct mutex			lock;	/* writers of @handler */
	struct mk_ipi_handler __rcu	*handler[MK_IPI_NR_TYPES];
};

extern struct mk_handlers mk_ipi_handlers;

void mk_handlers_init(struct mk_handlers *handlers);
int mk_handlers_add(struct mk_handlers *handlers, struct mk_ipi_handler *handler);
void mk_handlers_del(struct mk_handlers *handlers, struct mk_ipi_handler *handler);
int mk_ipi_dispatch(struct mk_handlers *handlers, const struct mk_ipi_msg *msg);

/* link.c: the two rings between this kernel and one peer */

/**
 * struct mk_link - the two rings between this kernel and one peer
 * @instance:	this kernel's side
 * @peer:	the peer's number
 * @tx_lock:	serialises those who send to the peer
 * @tx:		the outgoing ring
 * @tx_peer:	incarnation of the peer that @tx is open for; 0: none
 * @tx_offset:	where in the arena @tx has its slots; 0: it has none yet
 * @door:	where the peer is rung
 * @rx:		the incoming ring; only the receiving CPU touches it
 * @rx_key:	mk_wire_tx.key that @rx is open for, 0: none
 * @rx_broken:	mk_wire_tx.key of a ring that made no sense: ignored until the
 *		peer opens another
 * @tx_stats:	sent, full, resets; under @tx_lock
 * @doorbells:	doorbells rung at the peer
 * @rx_stats:	the others; written by the receiving CPU
 */
struct mk_link {
	struct mk_instance	*instance;
	unsigned int		peer;

	raw_spinlock_t		tx_lock ____cacheline_aligned;
	struct mk_ring_tx	tx;
	u32			tx_peer;
	u32			tx_offset;
	struct mk_door		door;
	struct mk_ipi_stats	tx_stats;
	atomic64_t		doorbells;

	struct mk_ring_rx	rx ____cacheline_aligned;
	u64			rx_key;
	u64			rx_broken;
	struct mk_ipi_stats	rx_stats;
};

void mk_link_init(struct mk_link *link, struct mk_instance *instance, unsigned int peer);
int mk_link_send(struct mk_link *link, u32 type, const void *data, u32 len);
void mk_link_receive(struct mk_link *link);
enum mk_ipi_peer_state mk_link_state(const struct mk_link *link);
void mk_link_stats(struct mk_link *link, struct mk_ipi_stats *stats);

/* instance.c: one kernel's side of a region */

/**
 * struct mk_instance - one kernel's side of a region
 * @region:	 the shared memory
 * @backend:	 how doorbells are rung and taken
 * @handlers:	 who takes the messages
 * @buf:	 the copy of the message that is being received
 * @cpu:	 the CPU that receives: the one whose door is published
 * @incarnation: which life of this instance number this is
 * @rings_lock:	 serialises @rings_used
 * @rings_used:	 bytes of the arena that have been given to outgoing rings
 * @nr_links:	 entries of @links, as many as instances in the region
 * @links:	 by instance number; the own one is a loop
 */
struct mk_instance {
	struct mk_region	*region;
	struct mk_backend	*backend;
	struct mk_handlers	*handlers;
	void			*buf;
	unsigned int		cpu;
	u32			incarnation;
	raw_spinlock_t		rings_lock;
	u64			rings_used;
	unsigned int		nr_links;
	struct mk_link		links[] __counted_by(nr_links);
};

struct mk_instance *mk_instance_join(struct mk_region *region, struct mk_backend *backend,
				     struct mk_handlers *handlers, unsigned int cpu,
				     u32 incarnation);
void mk_instance_leave(struct mk_instance *instance, enum mk_wire_reason reason);
void mk_instance_say_left(struct mk_instance *instance, enum mk_wire_reason reason);
int mk_instance_send(struct mk_instance *instance, unsigned int peer, unsigned int type,
		     const void *data, size_t len);
u32 mk_instance_take_ring(struct mk_instance *instance);
void mk_ipi_receive(struct mk_instance *instance);

/* core.c: this kernel's own instance */
int mk_ipi_join(phys_addr_t phys, u64 size, unsigned int self, u32 incarnation);
struct mk_instance *mk_ipi_instance(void);

#endif /* _KERNEL_MULTIKERNEL_INTERNAL_H */
