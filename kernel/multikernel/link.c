// SPDX-License-Identifier: GPL-2.0
/*
 * The link between this kernel and one peer: its state, its outgoing rings, its doors.
 *
 * A ring serves one incarnation of the sender and one of the receiver. It is
 * opened when it is first needed: for a lane, a sending CPU and a door of the
 * peer, so that CPUs do not wait for each other. The receiver follows the key that
 * is published with it. Either side may come and go at any time without asking the
 * other.
 */
#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/smp.h>
#include <trace/events/multikernel.h>

#include "internal.h"

static_assert(!(CONFIG_MULTIKERNEL_URGENT_SLOTS & (CONFIG_MULTIKERNEL_URGENT_SLOTS - 1)));
static_assert(CONFIG_MULTIKERNEL_URGENT_SLOTS >= MK_WIRE_SLOTS_MIN);
static_assert(CONFIG_MULTIKERNEL_URGENT_SLOTS <= MK_WIRE_SLOTS_MAX);
static_assert(!(CONFIG_MULTIKERNEL_BULK_SLOTS & (CONFIG_MULTIKERNEL_BULK_SLOTS - 1)));
static_assert(CONFIG_MULTIKERNEL_BULK_SLOTS <= MK_WIRE_SLOTS_MAX);

/* So often is a peer that lives another life each time it is looked at asked again */
#define LINK_TRIES		3

static const void *link_peer_arena(const struct mk_link *link)
{
	return mk_region_arena(link->instance->region, link->peer);
}

static struct mk_wire_bell *link_bell(struct mk_link *link)
{
	struct mk_wire_bell *bells = link->instance->region->arena + MK_WIRE_BELLS;

	return &bells[link->peer];
}

/**
 * mk_link_wire_tx - what an outgoing ring is in the arena
 * @link:  the link
 * @index: which of its rings
 *
 * Any context.
 *
 * Return: its entry.
 */
struct mk_wire_tx *mk_link_wire_tx(struct mk_link *link, unsigned int index)
{
	struct mk_wire_tx *tx = link->instance->region->arena + MK_WIRE_TX;

	return &tx[link->peer * MK_WIRE_LINK_RINGS + index];
}

/**
 * mk_link_init - a link on which nothing has happened yet
 * @link:     zeroed
 * @instance: this kernel's side
 * @peer:     number of the peer
 */
void mk_link_init(struct mk_link *link, struct mk_instance *instance, unsigned int peer)
{
	unsigned int i;

	link->instance = instance;
	link->peer = peer;
	raw_spin_lock_init(&link->lock);
	raw_spin_lock_init(&link->waiters_lock);
	raw_spin_lock_init(&link->rx_lock);
	INIT_LIST_HEAD(&link->waiters);
	ratelimit_state_init(&link->log, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	for (i = 0; i < MK_WIRE_LINK_RINGS; i++) {
		raw_spin_lock_init(&link->tx[i].lock);
		mk_rx_init(&link->rx[i], link, i);
	}
}

/**
 * mk_link_reserve_reply - keep room in the arena for a ring of replies
 * @link: the link, of an instance that nobody sees yet
 *
 * There are MK_LINK_REPLY_BYTES bytes left.
 */
void mk_link_reserve_reply(struct mk_link *link)
{
	/* link_open_any() takes one that has its slots first. */
	link->tx[MK_REPLY * MK_LANE_RINGS].offset =
		mk_instance_take_ring(link->instance, CONFIG_MULTIKERNEL_URGENT_SLOTS);
}

/* Whether a peer in this @life can be sent to */
static int link_check(const struct mk_link *link, u64 life)
{
	switch (FIELD_GET(MK_WIRE_LIFE_STATE, life)) {
	case MK_WIRE_VACANT:
		return -ENOENT;
	case MK_WIRE_UP:
		if (READ_ONCE(mk_region_self(link->instance->region, link->peer)->version) ==
		    mk_param_layout)
			return 0;
		fallthrough;
	case MK_WIRE_REFUSED:
		return -EPROTO;
	default:
		return -ENOTCONN;
	}
}

/**
 * mk_link_life - which life of the peer is, or was last
 * @link: the link
 *
 * Any context.
 *
 * Return: its incarnation; 0: nobody has been it yet.
 */
u32 mk_link_life(const struct mk_link *link)
{
	return FIELD_GET(MK_WIRE_LIFE_INCARNATION,
			 mk_region_life(link->instance->region, link->peer));
}

/**
 * mk_link_state_in - whether the peer can be sent to
 * @link: the link
 * @life: mk_region_life() of the peer
 *
 * Any context.
 *
 * Return: its state.
 */
enum mk_ipi_peer_state mk_link_state_in(const struct mk_link *link, u64 life)
{
	enum mk_ipi_peer_state state;

	switch (link_check(link, life)) {
	case -ENOENT:
		return MK_IPI_PEER_ABSENT;
	case -EPROTO:
		return MK_IPI_PEER_REFUSED;
	case -ENOTCONN:
		return MK_IPI_PEER_DOWN;
	}
	/* What only time or a look at its rings can tell */
	state = smp_load_acquire(&link->state);	/* pairs with peer_say() */
	if (READ_ONCE(link->life) == FIELD_GET(MK_WIRE_LIFE_INCARNATION, life) &&
	    (state == MK_IPI_PEER_HUNG || state == MK_IPI_PEER_BROKEN))
		return state;
	return MK_IPI_PEER_UP;
}

/**
 * mk_link_state - whether the peer can be sent to now
 * @link: the link
 *
 * Any context.
 *
 * Return: its state.
 */
enum mk_ipi_peer_state mk_link_state(const struct mk_link *link)
{
	return mk_link_state_in(link, mk_region_life(link->instance->region, link->peer));
}

/* Open an outgoing ring for @incarnation of the peer; under link->lock. */
static void link_open(struct mk_link *link, unsigned int index, u32 nr_slots, u32 door,
		      u32 incarnation)
{
	const struct mk_wire_rx *far = link_peer_arena(link) + MK_WIRE_RX;
	struct mk_wire_tx *wire = mk_link_wire_tx(link, index);
	struct mk_instance *instance = link->instance;
	struct mk_wire_bell *bell = link_bell(link);
	struct mk_tx *tx = &link->tx[index];

	far += instance->region->self * MK_WIRE_LINK_RINGS + index;
	raw_spin_lock(&tx->lock);
	WRITE_ONCE(wire->key, 0);
	/*
	 * Orders the end of the earlier ring before what is written where it
	 * was. Pairs with virt_rmb() in rx_same_life(). A write barrier would
	 * not do for a ring of an earlier life, which instance_begin() may have
	 * ended on another CPU.
	 */
	virt_mb();
	mk_ring_tx_open(&tx->ring, instance->region->arena + tx->offset, nr_slots, far,
			instance->incarnation);
	WRITE_ONCE(wire->offset, tx->offset);
	WRITE_ONCE(wire->nr_slots, nr_slots);
	WRITE_ONCE(wire->door, door);
	WRITE_ONCE(wire->want, 0);
	/*
	 * Orders the empty ring and where it is before the key that shows it.
	 * Pairs with virt_load_acquire() in rx_follow().
	 */
	virt_store_release(&wire->key, FIELD_PREP(MK_WIRE_KEY_SENDER, instance->incarnation) |
				       FIELD_PREP(MK_WIRE_KEY_RECEIVER, incarnation));
	tx->door = door;
	/* None yet while this instance is joining: the first will be there. */
	tx->back = index % (READ_ONCE(instance->nr_receivers) ?: 1);
	tx->peer = incarnation;
	mk_count(&tx->stats.resets);
	/*
	 * Orders the key and the door before the count that says to look at
	 * them. Pairs with virt_load_acquire() in link_follow().
	 */
	virt_store_release(&bell->opened, READ_ONCE(bell->opened) + 1);
	raw_spin_unlock(&tx->lock);
}

/*
 * A ring of @lane to @door that this life of the peer has not seen: its index, or
 * -ENOSPC. One that has its slots from an earlier life is taken first. Under
 * link->lock.
 */
static int link_open_any(struct mk_link *link, enum mk_lane lane, u32 door, u32 incarnation)
{
	u32 nr_slots = lane == MK_BULK ? CONFIG_MULTIKERNEL_BULK_SLOTS :
					 CONFIG_MULTIKERNEL_URGENT_SLOTS;
	unsigned int i, first = lane * MK_LANE_RINGS;
	int found = -ENOSPC;

	for (i = first; i < first + MK_LANE_RINGS; i++) {
		if (link->tx[i].peer == incarnation)
			continue;
		if (found < 0 || (link->tx[i].offset && !link->tx[found].offset))
			found = i;
	}
	if (found < 0)
		return found;
	if (!link->tx[found].offset)
		link->tx[found].offset = mk_instance_take_ring(link->instance, nr_slots);
	if (!link->tx[found].offset)
		return -ENOSPC;
	link_open(link, found, nr_slots, door, incarnation);
	return found;
}

/* A ring of @lane that is open already, to @door or, if @any, wherever */
static int link_share(struct mk_link *link, enum mk_lane lane, u32 door, bool any,
		      u32 incarnation)
{
	unsigned int i, first = lane * MK_LANE_RINGS;
	int found = -ENOSPC;

	for (i = first; i < first + MK_LANE_RINGS; i++) {
		if (link->tx[i].peer != incarnation)
			continue;
		if (link->tx[i].door == door)
			return i;
		if (any)
			found = i;
	}
	return found;
}

/*
 * Find or open the ring for a place in the map, in the peer's @life. Not in one that
 * is over: rings are opened in the order of lives, so that no key comes again.
 */
static int link_assign(struct mk_link *link, enum mk_lane lane, unsigned int cpu,
		       unsigned int wanted, u64 life)
{
	const struct mk_wire_self *self = mk_region_self(link->instance->region, link->peer);
	u32 incarnation = FIELD_GET(MK_WIRE_LIFE_INCARNATION, life);
	u32 door, nr_doors;
	int i;

	guard(raw_spinlock)(&link->lock);
	nr_doors = READ_ONCE(self->nr_doors);
	/*
	 * Orders the number of doors before the look at the life: if it is still
	 * the same, the number is that life's. Pairs with virt_wmb() in
	 * instance_begin().
	 */
	virt_rmb();
	if (READ_ONCE(self->life) != life)
		return -ENOTCONN;
	if (!nr_doors || nr_doors > MK_WIRE_MAX_DOORS)
		return -EPROTO;
	nr_doors = min(nr_doors, MK_DOORS);
	door = wanted ? wanted - 1 : cpu % nr_doors;
	if (door >= nr_doors)
		return -ENXIO;

	if (link->peer_life != incarnation) {
		memset(link->map, 0, sizeof(link->map));
		link->peer_life = incarnation;
	}
	if (link->map[lane][cpu][wanted])
		return 0;
	/* Who names a door shares, so that there is a ring left for each door. */
	i = wanted ? link_share(link, lane, door, false, incarnation) : -ENOSPC;
	if (i < 0)
		i = link_open_any(link, lane, door, incarnation);
	if (i < 0)
		i = link_share(link, lane, door, !wanted, incarnation);
	if (i < 0)
		return i;
	WRITE_ONCE(link->map[lane][cpu][wanted], i + 1);
	return 0;
}

/* Find, or open, and lock the ring of @cpu. If not @wait: -EAGAIN, if somebody has it. */
static struct mk_tx *link_lock_tx(struct mk_link *link, enum mk_lane lane, unsigned int cpu,
				  unsigned int wanted, u32 only, bool wait)
{
	unsigned int tries;
	struct mk_tx *tx;
	u8 index;
	u64 life;
	int ret;

	for (tries = 0; tries < LINK_TRIES; tries++) {
		life = mk_region_life(link->instance->region, link->peer);
		ret = link_check(link, life);
		if (!ret && only && FIELD_GET(MK_WIRE_LIFE_INCARNATION, life) != only)
			ret = -ENOTCONN;
		if (ret)
			return ERR_PTR(ret);
		index = READ_ONCE(link->map[lane][cpu][wanted]);
		if (index) {
			tx = &link->tx[index - 1];
			if (wait)
				raw_spin_lock(&tx->lock);
			else if (!raw_spin_trylock(&tx->lock))
				return ERR_PTR(-EAGAIN);
			/* The map is cleared before a ring is opened for another life. */
			if (tx->peer == FIELD_GET(MK_WIRE_LIFE_INCARNATION, life) &&
			    READ_ONCE(link->map[lane][cpu][wanted]) == index)
				return tx;
			raw_spin_unlock(&tx->lock);
		}
		/* There is one since the first message, unless that is this one. */
		if (!wait && in_nmi())
			return ERR_PTR(-EAGAIN);
		ret = link_assign(link, lane, cpu, wanted, life);
		if (ret)
			return ERR_PTR(ret);
	}
	return ERR_PTR(-ENOTCONN);
}

/**
 * mk_link_lock_tx - find, or open, and lock the ring for a message
 * @link:   the link
 * @lane:   by which it goes
 * @cpu:    the CPU that sends, or in whose order it is to go; below MK_DOORS
 * @wanted: the peer's door that it is for, and 1; 0: the one that @cpu maps to
 * @only:   to this life of the peer only; 0: whichever is up
 *
 * Interrupts are off.
 *
 * Return: the ring, with its lock held; an error pointer: -ENOENT, -ENOTCONN, -EPROTO,
 * -ENXIO, -ENOSPC as mk_ipi_send().
 */
struct mk_tx *mk_link_lock_tx(struct mk_link *link, enum mk_lane lane, unsigned int cpu,
			      unsigned int wanted, u32 only)
{
	return link_lock_tx(link, lane, cpu, wanted, only, true);
}

/**
 * mk_link_trylock_tx - the same for who must not wait
 * @link: the link
 * @lane: by which the message goes
 *
 * All CPUs get the same ring, so that what they send stays in order.
 *
 * Interrupts are off.
 *
 * Return: as mk_link_lock_tx(); -EAGAIN: somebody has it, as may be a CPU that was
 * stopped in the middle.
 */
struct mk_tx *mk_link_trylock_tx(struct mk_link *link, enum mk_lane lane)
{
	return link_lock_tx(link, lane, 0, 0, 0, false);
}

/**
 * mk_link_ring - ring at a door of the peer
 * @link: the link
 * @door: its number, below MK_WIRE_MAX_DOORS
 *
 * Any context but NMI.
 *
 * Return: 0; -EIO: what the peer says of the door cannot be rung.
 */
int mk_link_ring(struct mk_link *link, unsigned int door)
{
	struct mk_instance *instance = link->instance;
	struct mk_wire_bell *bell = link_bell(link);
	const struct mk_wire_self *self = mk_region_self(instance->region, link->peer);
	struct mk_door where = {
		.hwid	= READ_ONCE(self->doors[door].hwid),
		.number	= READ_ONCE(self->doors[door].number),
	};

	/*
	 * Several CPUs may ring at once. Orders what they ring for before the bell,
	 * and what others have stored that made them ring. Pairs with virt_rmb() in
	 * receiver_gather().
	 */
	atomic_fetch_inc_release((atomic_t *)&bell->rung[door % ARRAY_SIZE(bell->rung)]);
	trace_mk_doorbell(link, door);
	return instance->backend->ring(instance->backend, &where) ? -EIO : 0;
}

/**
 * mk_link_stats - what has gone over a lane of a link
 * @link:  the link
 * @lane:  the lane; the urgent one with all replies
 * @stats: filled in
 *
 * Any context. Stops nobody.
 */
void mk_link_stats(struct mk_link *link, enum mk_lane lane, struct mk_ipi_stats *stats)
{
	unsigned int i;

	*stats = (struct mk_ipi_stats) {};
	for (i = 0; i < MK_WIRE_LINK_RINGS; i++) {
		const struct mk_ipi_stats *tx = &link->tx[i].stats, *rx = &link->rx[i].stats;

		if (mk_ring_lane(i) != lane && (lane != MK_URGENT || mk_ring_lane(i) != MK_REPLY))
			continue;
		stats->sent += READ_ONCE(tx->sent);
		stats->received += READ_ONCE(rx->received);
		stats->doorbells += READ_ONCE(tx->doorbells) + READ_ONCE(rx->doorbells);
		stats->full += READ_ONCE(tx->full);
		stats->unhandled += READ_ONCE(rx->unhandled);
		stats->wrong_lane += READ_ONCE(rx->wrong_lane);
		stats->corrupt += READ_ONCE(rx->corrupt);
		stats->resets += READ_ONCE(tx->resets) + READ_ONCE(rx->resets);
	}
}
