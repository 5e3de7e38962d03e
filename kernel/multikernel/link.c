// SPDX-License-Identifier: GPL-2.0
/*
 * The link between this kernel and one peer: a ring each way, and its door.
 *
 * A ring serves one incarnation of the sender and one of the receiver. The
 * sender opens another when it finds the peer in a new life; the receiver
 * follows the key that the sender publishes with it. Either may come and go at
 * any time without asking the other.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/bitfield.h>
#include <linux/log2.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "internal.h"

static_assert(!(CONFIG_MULTIKERNEL_RING_SLOTS & (CONFIG_MULTIKERNEL_RING_SLOTS - 1)));
static_assert(CONFIG_MULTIKERNEL_RING_SLOTS >= MK_WIRE_SLOTS_MIN);
static_assert(CONFIG_MULTIKERNEL_RING_SLOTS <= MK_WIRE_SLOTS_MAX);

/* Counters have one writer at a time and any number of readers without a lock. */
static void link_count(u64 *counter)
{
	WRITE_ONCE(*counter, *counter + 1);
}

static const void *link_peer_arena(const struct mk_link *link)
{
	return mk_region_arena(link->instance->region, link->peer);
}

/**
 * mk_link_init - a link on which nothing has happened yet
 * @link:     zeroed
 * @instance: this kernel's side
 * @peer:     number of the peer
 */
void mk_link_init(struct mk_link *link, struct mk_instance *instance, unsigned int peer)
{
	link->instance = instance;
	link->peer = peer;
	raw_spin_lock_init(&link->tx_lock);
}

/**
 * mk_link_state - whether the peer can be sent to
 * @link: the link
 *
 * Any context.
 *
 * Return: its state at this moment.
 */
enum mk_ipi_peer_state mk_link_state(const struct mk_link *link)
{
	u64 life = mk_region_life(link->instance->region, link->peer);

	switch (FIELD_GET(MK_WIRE_LIFE_STATE, life)) {
	case MK_WIRE_VACANT:
		return MK_IPI_PEER_ABSENT;
	case MK_WIRE_UP:
		return MK_IPI_PEER_UP;
	default:
		return MK_IPI_PEER_DOWN;
	}
}

/* Open the outgoing ring for the peer's @life, in which it is up; under tx_lock. */
static int link_open_tx(struct mk_link *link, u64 life)
{
	const struct mk_wire_self *self = link_peer_arena(link) + MK_WIRE_SELF;
	const struct mk_wire_rx *rx = link_peer_arena(link) + MK_WIRE_RX;
	u32 incarnation = FIELD_GET(MK_WIRE_LIFE_INCARNATION, life);
	struct mk_instance *instance = link->instance;
	struct mk_region *region = instance->region;
	struct mk_wire_tx *tx = region->arena + MK_WIRE_TX;

	if (!READ_ONCE(self->nr_doors))
		return -ENOTCONN;
	if (!link->tx_offset) {
		link->tx_offset = mk_instance_take_ring(instance);
		if (!link->tx_offset)
			return -ENOSPC;
	}
	link->door.hwid = READ_ONCE(self->doors[0].hwid);
	link->door.number = READ_ONCE(self->doors[0].number);
	/*
	 * Orders the door before the look at the life: if it is still the same,
	 * the door is that life's. Pairs with virt_wmb() in instance_begin().
	 */
	virt_rmb();
	if (READ_ONCE(self->life) != life)
		return -ENOTCONN;
	link->tx_peer = incarnation;
	link_count(&link->tx_stats.resets);

	tx += link->peer;
	WRITE_ONCE(tx->key, 0);
	/*
	 * Orders the end of the earlier ring before what is written where it
	 * was. Pairs with virt_rmb() in link_same_life().
	 */
	virt_wmb();
	mk_ring_tx_open(&link->tx, region->arena + link->tx_offset,
			CONFIG_MULTIKERNEL_RING_SLOTS, &rx[region->self].ack,
			instance->incarnation);
	WRITE_ONCE(tx->offset, link->tx_offset);
	WRITE_ONCE(tx->nr_slots, CONFIG_MULTIKERNEL_RING_SLOTS);
	/*
	 * Orders the empty ring and where it is before the key that shows it.
	 * Pairs with virt_load_acquire() in mk_link_receive().
	 */
	virt_store_release(&tx->key, FIELD_PREP(MK_WIRE_KEY_SENDER, instance->incarnation) |
				    FIELD_PREP(MK_WIRE_KEY_RECEIVER, incarnation));
	return 0;
}

/* Put a message into the ring, opening it if need be; under tx_lock. */
static int link_put(struct mk_link *link, u32 type, const void *data, u32 len)
{
	u64 life = mk_region_life(link->instance->region, link->peer);
	int ret;

	switch (FIELD_GET(MK_WIRE_LIFE_STATE, life)) {
	case MK_WIRE_VACANT:
		return -ENOENT;
	case MK_WIRE_UP:
		break;
	default:
		return -ENOTCONN;
	}
	if (FIELD_GET(MK_WIRE_LIFE_INCARNATION, life) != link->tx_peer) {
		ret = link_open_tx(link, life);
		if (ret)
			return ret;
	}
	return mk_ring_send(&link->tx, type, data, len);
}

/**
 * mk_link_send - send a message to the peer
 * @link: the link
 * @type: message type, below MK_IPI_NR_TYPES
 * @data: its bytes
 * @len:  how many, at most MK_IPI_MAX_LEN
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_send().
 */
int mk_link_send(struct mk_link *link, u32 type, const void *data, u32 len)
{
	struct mk_backend *backend = link->instance->backend;
	struct mk_door door;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&link->tx_lock, flags);
	ret = link_put(link, type, data, len);
	if (!ret)
		link_count(&link->tx_stats.sent);
	else if (ret == -EAGAIN)
		link_count(&link->tx_stats.full);
	door = link->door;
	raw_spin_unlock_irqrestore(&link->tx_lock, flags);
	if (ret)
		return ret;

	if (backend->ring(backend, &door))
		return -EPROTO;
	atomic64_inc(&link->doorbells);
	return 0;
}

/*
 * Whether what was read after @key belongs to it, and was not being written by the
 * sender's next life.
 */
static bool link_same_life(const struct mk_wire_tx *tx, u64 key)
{
	/*
	 * Orders what was read before the look at the key. Pairs with virt_wmb()
	 * in link_open_tx().
	 */
	virt_rmb();
	return READ_ONCE(tx->key) == key;
}

/* The sender's ring makes no sense: leave it alone until there is another. */
static void link_break_rx(struct mk_link *link, const struct mk_wire_tx *tx, u64 key)
{
	if (!link_same_life(tx, key))
		return;
	link->rx_key = 0;
	link->rx_broken = key;
	link_count(&link->rx_stats.corrupt);
	pr_err_ratelimited("instance %u: its ring makes no sense, closed\n", link->peer);
}

/* Follow the sender to the ring that it shows with @key. */
static int link_open_rx(struct mk_link *link, const struct mk_wire_tx *shared, u64 key)
{
	struct mk_region *region = link->instance->region;
	struct mk_wire_rx *rx = region->arena + MK_WIRE_RX;
	u32 offset = READ_ONCE(shared->offset);
	u32 nr_slots = READ_ONCE(shared->nr_slots);

	link->rx_key = 0;
	if (FIELD_GET(MK_WIRE_KEY_RECEIVER, key) != link->instance->incarnation ||
	    !FIELD_GET(MK_WIRE_KEY_SENDER, key))
		return -EAGAIN;
	if (!is_power_of_2(nr_slots) || nr_slots < MK_WIRE_SLOTS_MIN ||
	    nr_slots > MK_WIRE_SLOTS_MAX || offset < MK_WIRE_RINGS ||
	    !IS_ALIGNED(offset, sizeof(struct mk_wire_slot)) ||
	    offset + (u64)nr_slots * sizeof(struct mk_wire_slot) > region->arena_size)
		return -EPROTO;

	link->rx_key = key;
	mk_ring_rx_open(&link->rx, link_peer_arena(link) + offset, nr_slots,
			&rx[link->peer].ack, FIELD_GET(MK_WIRE_KEY_SENDER, key));
	link_count(&link->rx_stats.resets);
	return 0;
}

/**
 * mk_link_receive - take in and dispatch what the peer has sent
 * @link: the link
 *
 * Takes in at most as many messages as fit into the ring. Those were sent before
 * this began; for each one that was sent later the sender has rung, and it will
 * be taken in then. So nothing is left behind, and a peer that goes on sending
 * does not keep this CPU here.
 *
 * On the receiving CPU, in hard interrupt context.
 */
void mk_link_receive(struct mk_link *link)
{
	struct mk_instance *instance = link->instance;
	const struct mk_wire_tx *tx = link_peer_arena(link) + MK_WIRE_TX;
	struct mk_ipi_msg msg = { .from = link->peer };
	u32 budget;
	u64 key;
	int ret;

	tx += instance->region->self;
	/*
	 * Orders the key before the ring that it shows. Pairs with
	 * virt_store_release() in link_open_tx().
	 */
	key = virt_load_acquire(&tx->key);
	if (!key || key == link->rx_broken)
		return;
	if (key != link->rx_key) {
		ret = link_open_rx(link, tx, key);
		if (ret == -EPROTO)
			link_break_rx(link, tx, key);
		if (ret)
			return;
	}

	for (budget = link->rx.nr_slots; budget; budget--) {
		ret = mk_ring_receive(&link->rx, &msg, instance->buf);
		if (ret == -EPROTO)
			link_break_rx(link, tx, key);
		if (ret || !link_same_life(tx, key))
			return;
		link_count(&link->rx_stats.received);
		if (mk_ipi_dispatch(instance->handlers, &msg))
			link_count(&link->rx_stats.unhandled);
	}
}

/**
 * mk_link_stats - what has gone over a link
 * @link:  the link
 * @stats: filled in
 *
 * Any context. Stops nobody.
 */
void mk_link_stats(struct mk_link *link, struct mk_ipi_stats *stats)
{
	stats->sent = READ_ONCE(link->tx_stats.sent);
	stats->received = READ_ONCE(link->rx_stats.received);
	stats->doorbells = atomic64_read(&link->doorbells);
	stats->full = READ_ONCE(link->tx_stats.full);
	stats->unhandled = READ_ONCE(link->rx_stats.unhandled);
	stats->corrupt = READ_ONCE(link->rx_stats.corrupt);
	stats->resets = READ_ONCE(link->tx_stats.resets) + READ_ONCE(link->rx_stats.resets);
}
