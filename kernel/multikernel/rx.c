// SPDX-License-Identifier: GPL-2.0
/*
 * An incoming ring: follow its sender to it, drain it, hand on what is in it.
 *
 * An urgent ring, or one of replies, is drained by whoever looks, in the interrupt; one of
 * replies also by callers that wait for one. A bulk ring is drained by a work of its own, in
 * a thread:
 *
 *	asleep --> mk_rx_wake() --> queued --> awake: drains, polls, arms
 *	   ^                          ^                 |	    |
 *	   |                          +-- turn is over -+	    |
 *	   +--------------------------- nothing more ---------------+
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <trace/events/multikernel.h>

#include "internal.h"

/* Messages of an urgent ring before it is another's turn */
#define RX_TURN		8

/* The same for a bulk ring, whose next turn is at the end of a queue */
#define RX_BATCH	64

static_assert(MK_IPI_MAX_LEN + sizeof(struct mk_wire_reply) == MK_WIRE_URGENT_LEN);
static_assert(MK_IPI_MAX_BULK_LEN + sizeof(struct mk_wire_reply) == MK_WIRE_BULK_LEN);
static_assert(MK_WIRE_BULK_LEN + MK_RX_REPLY_LEN >= MK_IPI_MAX_BULK_LEN + MK_IPI_TAKE_SPARE);
static_assert(IS_ALIGNED(MK_WIRE_URGENT_LEN, 8) && IS_ALIGNED(MK_WIRE_BULK_LEN, 8));

static const struct mk_wire_tx *rx_wire_tx(const struct mk_rx *rx)
{
	const struct mk_region *region = rx->link->instance->region;
	const struct mk_wire_tx *tx = mk_region_arena(region, rx->link->peer) + MK_WIRE_TX;

	return &tx[region->self * MK_WIRE_LINK_RINGS + rx->index];
}

static u32 rx_max_len(const struct mk_rx *rx)
{
	return mk_ring_lane(rx->index) == MK_BULK ? MK_WIRE_BULK_LEN : MK_WIRE_URGENT_LEN;
}

/*
 * Whether what was read after @key belongs to it, and was not being written by the
 * sender's next life.
 */
static bool rx_same_life(const struct mk_rx *rx, u64 key)
{
	/*
	 * Orders what was read before the look at the key. Pairs with virt_wmb()
	 * in link_open().
	 */
	virt_rmb();
	return READ_ONCE(rx_wire_tx(rx)->key) == key;
}

/* The sender's ring makes no sense: nothing is taken from this life of it any more. */
static void rx_break(struct mk_rx *rx, u64 key)
{
	struct mk_link *link = rx->link;

	if (!rx_same_life(rx, key))
		return;
	WRITE_ONCE(link->broken, FIELD_GET(MK_WIRE_KEY_SENDER, key));
	mk_count(&rx->stats.corrupt);
	if (__ratelimit(&link->log))
		pr_err("instance %u: its ring %u makes no sense\n", link->peer, rx->index);
	mk_peers_look(link->instance);
}

/* Whether @key is of a ring of the peer's present life, and can be received from */
static bool rx_key_valid(const struct mk_rx *rx, u64 key)
{
	u32 sender = FIELD_GET(MK_WIRE_KEY_SENDER, key);

	return sender && sender != READ_ONCE(rx->link->broken) &&
	       sender == mk_link_life(rx->link) &&
	       FIELD_GET(MK_WIRE_KEY_RECEIVER, key) == rx->link->instance->incarnation &&
	       !mk_region_fenced(rx->link->instance->region, rx->link->peer, sender);
}

/*
 * Follow the sender to the ring that it shows; under rx->lock. 0 if there is one
 * and it is open.
 */
static int rx_follow(struct mk_rx *rx)
{
	const struct mk_wire_tx *wire = rx_wire_tx(rx);
	struct mk_region *region = rx->link->instance->region;
	struct mk_wire_rx *near = region->arena + MK_WIRE_RX;
	/*
	 * Orders the key before the ring that it shows. Pairs with
	 * virt_store_release() in link_open().
	 */
	u64 key = virt_load_acquire(&wire->key);
	u32 offset, nr_slots;

	if (!rx_key_valid(rx, key)) {
		WRITE_ONCE(rx->key, 0);
		return -EAGAIN;
	}
	if (key == rx->key)
		return 0;
	WRITE_ONCE(rx->key, 0);

	offset = READ_ONCE(wire->offset);
	nr_slots = READ_ONCE(wire->nr_slots);
	if (!is_power_of_2(nr_slots) || nr_slots < MK_WIRE_SLOTS_MIN ||
	    nr_slots > MK_WIRE_SLOTS_MAX || offset < MK_WIRE_RINGS ||
	    !IS_ALIGNED(offset, sizeof(struct mk_wire_slot)) ||
	    offset + (u64)nr_slots * sizeof(struct mk_wire_slot) > region->arena_size) {
		rx_break(rx, key);
		return -EAGAIN;
	}

	WRITE_ONCE(rx->key, key);
	mk_ring_rx_open(&rx->ring, mk_region_arena(region, rx->link->peer) + offset, nr_slots,
			near + rx->link->peer * MK_WIRE_LINK_RINGS + rx->index, wire,
			FIELD_GET(MK_WIRE_KEY_SENDER, key), rx_max_len(rx));
	mk_count(&rx->stats.resets);
	return 0;
}

/* The sender waits for room, at the door that it says, and there is some. */
static void rx_ring_back(struct mk_rx *rx)
{
	mk_count(&rx->stats.doorbells);
	mk_link_ring(rx->link, FIELD_GET(MK_WIRE_WANT_DOOR, READ_ONCE(rx_wire_tx(rx)->want)));
}

/* A quarter of the ring: the sender need not run out of room before it learns of some. */
static void rx_ack_now_and_then(struct mk_rx *rx)
{
	if (rx->ring.pos - rx->ring.acked >= rx->ring.nr_slots / 4 && mk_ring_ack(&rx->ring))
		rx_ring_back(rx);
}

/*
 * How much later than for the next message the sender is to ring: of replies for which nobody
 * sleeps, when they fill a quarter of the ring. Some may be for callers that have given up, and
 * must not stay. Who is going to sleep says so before it takes rx->lock: either it is seen here,
 * under that lock, or it comes later and finds the ring as it is left now.
 */
static u32 rx_ahead(const struct mk_rx *rx)
{
	if (mk_ring_lane(rx->index) != MK_REPLY || atomic_read(&rx->link->sleepers))
		return 0;
	return rx->ring.nr_slots / 4;
}

/* Have the sender ring for what comes next, or later. Whether something has come already. */
static bool rx_arm(struct mk_rx *rx)
{
	u32 ahead = rx_ahead(rx);
	bool wanted, more;

	if (mk_ring_armed(&rx->ring, ahead))
		return false;
	more = mk_ring_arm(&rx->ring, ahead, &wanted);
	if (wanted)
		rx_ring_back(rx);
	return more;
}

/* Hand a message on. -EPROTO if it makes no sense. */
static int rx_deliver(struct mk_rx *rx, const struct mk_ring_msg *in, void *reply)
{
	enum mk_lane lane = mk_ring_lane(rx->index);
	struct mk_ipi_msg msg = {
		.data	= in->data,
		.len	= in->len,
		.from	= rx->link->peer,
		.incarnation = rx->ring.sender,
		.type	= in->type | (lane == MK_BULK ? MK_IPI_BULK : 0),
		/* Behind a request is where its answer goes */
		.memory	= in->kind == MK_WIRE_MESSAGE && lane == MK_BULK ? &rx->buf : NULL,
	};
	int ret;

	trace_mk_receive(rx, in);
	mk_count(&rx->stats.received);
	if (lane == MK_REPLY ? in->kind != MK_WIRE_REPLY : in->kind == MK_WIRE_REPLY)
		return -EPROTO;
	switch (in->kind) {
	case MK_WIRE_MESSAGE:
		if (msg.len > (lane == MK_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN))
			return -EPROTO;
		ret = mk_ipi_dispatch(rx->link->instance->handlers, &msg, NULL);
		if (!ret)
			trace_mk_dispatch(rx->link, &msg, 0);
		break;
	case MK_WIRE_REQUEST:
		ret = mk_call_handle(rx->link, &msg, reply);
		break;
	default:
		return mk_call_reply(rx->link, &msg);
	}

	if (ret == -ENOENT) {
		mk_count(&rx->stats.unhandled);
		trace_mk_drop(rx->link, &msg, "no handler");
	} else if (ret == -EBADMSG) {
		mk_count(&rx->stats.wrong_lane);
		trace_mk_drop(rx->link, &msg, "wrong lane");
	}
	return ret == -EPROTO ? ret : 0;
}

/*
 * Take in a message and hand it on. 0; -EAGAIN: there is none; -ESTALE: the ring is
 * not the sender's any more, or makes no sense and was closed.
 */
static int rx_take(struct mk_rx *rx, void *buf, void *reply)
{
	struct mk_ring_msg msg;
	u64 key = rx->key;
	int ret;

	if (READ_ONCE(rx->link->broken) == rx->ring.sender)
		return -ESTALE;
	ret = mk_ring_receive(&rx->ring, &msg, buf);
	if (!ret) {
		if (!rx_same_life(rx, key))
			return -ESTALE;
		ret = rx_deliver(rx, &msg, reply);
	}
	if (ret == -EPROTO) {
		rx_break(rx, key);
		return -ESTALE;
	}
	return ret;
}

/*
 * Whether the next message may be taken. A request has to stay where it is if there is no
 * room for its reply; the peer, whose reply rings wait for nothing but their readers, rings
 * when there is. 0; -EAGAIN: there is no message, and one that comes later may be such a
 * request; -ENOSPC, -EBUSY: as mk_link_reply_room().
 */
static int rx_may_take(struct mk_rx *rx, unsigned int door)
{
	if (!mk_ring_peek(&rx->ring))
		return -EAGAIN;
	if (mk_ring_lane(rx->index) != MK_URGENT || !mk_ring_peek_request(&rx->ring))
		return 0;
	return mk_link_reply_room(rx->link, MK_RX_REPLY_LEN, rx->ring.sender, door);
}

/* As mk_rx_drain(), under rx->lock; if not @arm, somebody else has the sender ring. */
static bool rx_drain(struct mk_rx *rx, unsigned int door, void *buf, void *reply, bool arm,
		     unsigned int *taken)
{
	unsigned int n, before = *taken;
	int ret;

	if (rx_follow(rx))
		return false;
	/* A peer that flickers is heard no longer than one that sends. */
	for (n = 0; n < RX_TURN; n++) {
		ret = rx_may_take(rx, door);
		if (ret == -ENOSPC || ret == -EBUSY) {
			if (mk_ring_ack(&rx->ring))
				rx_ring_back(rx);
			if (ret == -ENOSPC)
				return false;
			break;
		}
		if (!ret)
			ret = rx_take(rx, buf, reply);
		if (ret == -ESTALE || (ret == -EAGAIN && !(arm && rx_arm(rx))))
			return false;
		if (!ret) {
			++*taken;
			rx_ack_now_and_then(rx);
		}
	}
	if (*taken == before)
		++*taken;
	return true;
}

/*
 * Whether a caller has taken the reply for which the sender was to ring: one that is awake does
 * not arm. The doorbell, which may bring nothing now, was rung for something.
 */
static bool rx_overtaken(const struct mk_rx *rx)
{
	return mk_ring_lane(rx->index) == MK_REPLY && rx->key &&
	       !mk_ring_armed(&rx->ring, rx->ring.nr_slots);
}

/**
 * mk_rx_drain - take urgent messages or replies, until it is another's turn
 * @rx:	   an urgent ring, or one of replies
 * @door:  the door that drains it
 * @buf:   MK_WIRE_URGENT_LEN bytes, where each is copied to
 * @reply: MK_RX_REPLY_LEN bytes, for the answers to calls
 * @taken: counts them; and 1 if there were none, and the peer kept it busy, or if callers
 *	   have taken what it was rung for
 *
 * Hard interrupt context.
 *
 * Return: whether there may be more; if not, the sender rings when there is.
 */
bool mk_rx_drain(struct mk_rx *rx, unsigned int door, void *buf, void *reply,
		 unsigned int *taken)
{
	guard(raw_spinlock)(&rx->lock);
	if (rx_overtaken(rx))
		++*taken;
	return rx_drain(rx, door, buf, reply, true, taken);
}

/* Where callers copy replies to, with interrupts off */
static DEFINE_PER_CPU(u64 [MK_WIRE_URGENT_LEN / sizeof(u64)], rx_reply);

/* Take replies, for as long as one turn. Whether there may be more. */
static bool rx_take_replies(struct mk_rx *rx, bool sleeps)
{
	unsigned int taken = 0;

	guard(raw_spinlock_irqsave)(&rx->lock);
	/* By one that is not open the peer rings for all that it sends: that opens it. */
	if (!rx->key || (!sleeps && !mk_ring_peek(&rx->ring)))
		return false;
	return rx_drain(rx, 0, this_cpu_ptr(rx_reply), NULL, sleeps, &taken);
}

/**
 * mk_link_take_replies - take in replies, of each ring for one turn, without a doorbell
 * @link:   the link
 * @sleeps: the caller counts among @link->sleepers already: the peer is to ring for what
 *	    comes next
 *
 * Who does not sleep arms nothing: what it takes was not to be rung for, or the interrupt
 * that it was rung for comes yet, and arms the ring.
 *
 * Any context but NMI.
 *
 * Return: whether there may be more; if not, and @sleeps, the peer rings when there is.
 */
bool mk_link_take_replies(struct mk_link *link, bool sleeps)
{
	bool more = false;
	unsigned int i;

	for (i = MK_REPLY * MK_LANE_RINGS; i < (MK_REPLY + 1) * MK_LANE_RINGS; i++)
		if (sleeps || READ_ONCE(link->rx[i].key))
			more |= rx_take_replies(&link->rx[i], sleeps);
	return more;
}

/*
 * Whether a bulk ring has something for its work, which is asleep, to do. Nothing orders the
 * head behind the key: one of the life before may be seen, and the work wakes in vain.
 */
static bool rx_has_work(struct mk_rx *rx)
{
	u64 key;

	guard(raw_spinlock_irqsave)(&rx->lock);
	key = READ_ONCE(rx_wire_tx(rx)->key);
	if (!rx_key_valid(rx, key))
		return false;
	return key != rx->key || mk_ring_peek(&rx->ring);
}

/**
 * mk_rx_wake - have the work of a bulk ring see to it
 * @rx:	 a bulk ring
 * @cpu: where it is to run
 *
 * Any context but NMI.
 *
 * Return: whether there is anything for it to do.
 */
bool mk_rx_wake(struct mk_rx *rx, unsigned int cpu)
{
	if (READ_ONCE(rx->awake))
		return true;
	if (!rx_has_work(rx))
		return false;
	queue_work_on(cpu, rx->link->instance->wq, &rx->work);
	return true;
}

/* Memory for the next message, if that of the last one was taken. The beat tries again. */
static int rx_get_buf(struct mk_rx *rx)
{
	if (!rx->buf)
		rx->buf = kvmalloc(MK_WIRE_BULK_LEN + MK_RX_REPLY_LEN, GFP_KERNEL);
	return rx->buf ? 0 : -ENOMEM;
}

/* The ring may be empty, or its sender dead, when this work begins. */
static int rx_work_begin(struct mk_rx *rx)
{
	int ret = rx_get_buf(rx);

	if (ret)
		return ret;
	guard(raw_spinlock_irqsave)(&rx->lock);
	return rx_follow(rx);
}

/* The work looks no more by itself: whoever has rung while it did has not been heard. */
static void rx_work_end(struct mk_rx *rx)
{
	WRITE_ONCE(rx->awake, false);
	/*
	 * Orders that it sleeps before the last look. Pairs with the full barrier
	 * of the sender, between its key or head and the bell that rx_has_work()
	 * was called for: either this sees what was sent, or that sees it asleep.
	 */
	virt_mb();
	if (rx_has_work(rx) && !READ_ONCE(rx->link->instance->leaving))
		queue_work(rx->link->instance->wq, &rx->work);
}

/* Its turn is over, and there may be more. */
static void rx_work_again(struct mk_rx *rx)
{
	if (mk_ring_ack(&rx->ring))
		rx_ring_back(rx);
	if (!READ_ONCE(rx->link->instance->leaving))
		queue_work(rx->link->instance->wq, &rx->work);
}

/* Drain a bulk ring, for as long as it is this one's turn. */
static void rx_work(struct work_struct *work)
{
	struct mk_rx *rx = container_of(work, struct mk_rx, work);
	unsigned int n = 0;
	u64 until = 0;
	int ret;

	WRITE_ONCE(rx->awake, true);
	ret = rx_work_begin(rx);
	while (!ret && n < RX_BATCH) {
		ret = rx_take(rx, rx->buf, rx->buf + MK_WIRE_BULK_LEN);
		if (!ret) {
			n++;
			until = 0;
			rx_ack_now_and_then(rx);
			ret = rx_get_buf(rx);
			/* What has been read is told now: an empty ring wakes nobody. */
			if (ret && mk_ring_ack(&rx->ring))
				rx_ring_back(rx);
		} else if (ret == -EAGAIN) {
			ret = 0;
			if (mk_poll(&until))
				continue;
			n++;
			if (!rx_arm(rx))
				ret = -EAGAIN;
		}
	}
	if (ret == -ENOMEM)
		WRITE_ONCE(rx->awake, false);
	else if (ret)
		rx_work_end(rx);
	else
		rx_work_again(rx);
}

/**
 * mk_rx_init - an incoming ring that is not open
 * @rx:	   zeroed
 * @link:  whose it is
 * @index: which of the link's rings
 */
void mk_rx_init(struct mk_rx *rx, struct mk_link *link, unsigned int index)
{
	rx->link = link;
	rx->index = index;
	raw_spin_lock_init(&rx->lock);
	INIT_WORK(&rx->work, rx_work);
}
