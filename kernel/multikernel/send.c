// SPDX-License-Identifier: GPL-2.0
/* Sending to a peer, now or once there is room, and those who wait for room. */
#include <linux/bitfield.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/uio.h>
#include <trace/events/multikernel.h>

#include "internal.h"

/* A door, as a type asks for it, and 1; 0: none in particular */
#define SEND_TYPE_DOOR		GENMASK(24, 16)

/* The same of the order that it keeps; 0: that of the CPU */
#define SEND_TYPE_ORDER		GENMASK(28, 25)

static_assert(MK_IPI_ORDERS <= MK_DOORS);

/* So often is a ring tried again whose receiver reads on at this very moment */
#define SEND_TRIES		3

/**
 * struct send_waiter - a task that waits for room
 * @room: has it woken
 * @done: completed when there may be some, or will be none
 */
struct send_waiter {
	struct mk_ipi_room	room;
	struct completion	done;
};

static enum mk_lane send_lane(u32 type, enum mk_wire_kind kind)
{
	if (kind == MK_WIRE_REPLY)
		return MK_REPLY;
	return type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
}

/* As mk_ring_want_room() */
static bool send_want_room(struct mk_link *link, struct mk_tx *tx, u32 unread)
{
	return mk_ring_want_room(&tx->ring, mk_link_wire_tx(link, tx - link->tx), tx->back, unread);
}

/* Until a message of @len bytes finds room */
static bool send_want_room_for(struct mk_link *link, struct mk_tx *tx, u32 len)
{
	return send_want_room(link, tx, mk_ring_unread_for(&tx->ring, len));
}

/*
 * Into a ring that is locked. If it is full and @wait, the peer is asked to ring:
 * -EAGAIN; or -EBUSY, if it reads on all the time, and trying again is better.
 */
static int send_put(struct mk_link *link, struct mk_tx *tx, u32 number, enum mk_wire_kind kind,
		    const struct kvec *vec, unsigned int nr, u32 len, bool wait)
{
	unsigned int tries;
	int ret;

	/* Nothing is taken from a peer that is broken, so no reply either. */
	if (kind == MK_WIRE_REQUEST && READ_ONCE(link->broken) == tx->peer)
		return -ECONNRESET;
	ret = mk_ring_send(&tx->ring, number, kind, vec, nr, len);
	if (!ret)
		return 0;
	mk_count(&tx->stats.full);
	if (!wait)
		return ret;
	for (tries = 0; ret && tries < SEND_TRIES; tries++) {
		if (send_want_room_for(link, tx, len))
			return ret;
		ret = mk_ring_send(&tx->ring, number, kind, vec, nr, len);
	}
	return ret ? -EBUSY : 0;
}

/* The same, and unlock it, and ring if the peer wants to be rung; interrupts are off. */
static int send_locked(struct mk_link *link, struct mk_tx *tx, u32 type, enum mk_wire_kind kind,
		       const struct kvec *vec, unsigned int nr, u32 len, bool wait)
{
	u32 before, door = 0, number = type % MK_IPI_NR_TYPES;
	bool ring = false;
	int ret;

	before = tx->ring.pos;
	ret = send_put(link, tx, number, kind, vec, nr, len, wait);
	if (!ret) {
		mk_count(&tx->stats.sent);
		door = tx->door;
		ring = mk_ring_must_ring(&tx->ring, before);
		if (ring)
			mk_count(&tx->stats.doorbells);
	}
	raw_spin_unlock(&tx->lock);
	if (!ret)
		trace_mk_send(link, type, len, 0);
	/*
	 * At once: others send into the ring and count on this doorbell. Who is in an NMI
	 * may have been ringing: the peer's beat makes up for it.
	 */
	if (ring && !in_nmi())
		ret = mk_link_ring(link, door);
	return ret;
}

/* Find and lock the ring that a message of @type goes into; interrupts are off. */
static struct mk_tx *send_lock_tx(struct mk_link *link, u32 type, enum mk_wire_kind kind, u32 only)
{
	unsigned int wanted = FIELD_GET(SEND_TYPE_DOOR, type);
	unsigned int order = FIELD_GET(SEND_TYPE_ORDER, type);

	if (wanted > MK_DOORS)
		return ERR_PTR(-ENXIO);
	if (order > MK_IPI_ORDERS)
		return ERR_PTR(-EINVAL);
	return mk_link_lock_tx(link, send_lane(type, kind),
			       order ? order - 1 : raw_smp_processor_id() % MK_DOORS, wanted, only);
}

static int send_once(struct mk_link *link, u32 type, enum mk_wire_kind kind,
		     const struct kvec *vec, unsigned int nr, u32 len, u32 only, bool wait)
{
	unsigned long flags;
	struct mk_tx *tx;
	int ret;

	local_irq_save(flags);
	tx = send_lock_tx(link, type, kind, only);
	ret = PTR_ERR_OR_ZERO(tx);
	if (!ret)
		ret = send_locked(link, tx, type, kind, vec, nr, len, wait);
	local_irq_restore(flags);
	return ret;
}

/**
 * mk_link_send - send a message to the peer
 * @link: the link
 * @type: message type, with what belongs to it
 * @kind: what it is
 * @vec:  its bytes, in pieces
 * @nr:	  how many pieces
 * @len:  bytes of all of them, no more than the lane takes
 * @life: to this life of the peer only; 0: whichever is up
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_send(); -ECONNRESET: a request, and the peer is broken.
 */
int mk_link_send(struct mk_link *link, u32 type, enum mk_wire_kind kind,
		 const struct kvec *vec, unsigned int nr, u32 len, u32 life)
{
	int ret = send_once(link, type, kind, vec, nr, len, life, false);

	if (ret)
		trace_mk_send(link, type, len, ret);
	return ret;
}

/**
 * mk_link_trysend - send a message to the peer, whatever this CPU is in the middle of
 * @link: the link
 * @type: message type, to no door in particular
 * @data: its bytes
 * @len:  how many, no more than the lane takes
 *
 * For consoles. What is sent so arrives in order, whichever CPUs send it. It waits for
 * no other CPU, and none that this one has interrupted is waited for.
 *
 * Any context; in NMI the peer may not be rung, and sees it with its next beat.
 *
 * Return: as mk_link_send(); -EAGAIN also if somebody else is sending.
 */
int mk_link_trysend(struct mk_link *link, u32 type, const void *data, u32 len)
{
	const struct kvec vec = { .iov_base = (void *)data, .iov_len = len };
	unsigned long flags;
	struct mk_tx *tx;
	int ret;

	local_irq_save(flags);
	tx = mk_link_trylock_tx(link, send_lane(type, MK_WIRE_MESSAGE));
	ret = PTR_ERR_OR_ZERO(tx);
	if (!ret)
		ret = send_locked(link, tx, type, MK_WIRE_MESSAGE, &vec, 1, len, false);
	local_irq_restore(flags);
	return ret;
}

static void send_wake(struct mk_ipi_room *room)
{
	complete(&container_of(room, struct send_waiter, room)->done);
}

/* Under link->waiters_lock. False if it is there already. */
static bool send_enlist(struct mk_link *link, struct mk_ipi_room *room)
{
	if (!list_empty(&room->list))
		return false;
	list_add_tail(&room->list, &link->waiters);
	return true;
}

/**
 * mk_link_send_wait - send a message to the peer, once there is room for it
 * @link: the link
 * @type: message type, with what belongs to it
 * @kind: what it is
 * @vec:  its bytes, in pieces
 * @nr:	  how many pieces
 * @len:  bytes of all of them, no more than the lane takes
 * @life: to this life of the peer only
 * @timeout: jiffies to wait, at the most
 *
 * The receiver rings when it has read on.
 *
 * Process context; may sleep.
 *
 * Return: as mk_ipi_send_wait(); -ECONNRESET: a request, and the peer is broken.
 */
int mk_link_send_wait(struct mk_link *link, u32 type, enum mk_wire_kind kind,
		      const struct kvec *vec, unsigned int nr, u32 len, u32 life,
		      unsigned long timeout)
{
	unsigned long end = jiffies + min_t(unsigned long, timeout, MAX_JIFFY_OFFSET);
	struct send_waiter waiter;
	long left;
	int ret;

	might_sleep();
	ret = send_once(link, type, kind, vec, nr, len, life, false);
	if (ret != -EAGAIN)
		goto out;

	init_completion(&waiter.done);
	mk_ipi_room_init(&waiter.room, send_wake);
	for (;;) {
		/* Either it is woken after this, or it sees what it was woken for. */
		scoped_guard(raw_spinlock_irqsave, &link->waiters_lock) {
			reinit_completion(&waiter.done);
			send_enlist(link, &waiter.room);
		}
		ret = send_once(link, type, kind, vec, nr, len, life, true);
		if (ret == -EBUSY && time_before(jiffies, end)) {
			cond_resched();
			continue;
		}
		if (ret != -EAGAIN && ret != -EBUSY)
			break;
		/* Not what is left of the last wait: the peer may wake it at will. */
		left = max_t(long, end - jiffies, 0);
		left = wait_for_completion_killable_timeout(&waiter.done, left);
		if (left <= 0) {
			ret = left ? -EINTR : -ETIMEDOUT;
			break;
		}
	}
	mk_link_forget_room(link, &waiter.room);
out:
	if (ret)
		trace_mk_send(link, type, len, ret);
	return ret;
}

/**
 * mk_link_reply_room - whether a reply of this CPU would find room
 * @link: the link
 * @len:  bytes of it
 * @life: to this life of the peer
 * @door: this kernel's door, where the answer is waited for
 *
 * If not, the peer is asked to ring there when it has read on, and from then on does so
 * for whoever waits for room in this ring.
 *
 * Hard interrupt context.
 *
 * Return: 0, also if it could not be sent anyhow; -ENOSPC: there is no room; -EBUSY: nor
 * is there, but the peer reads on all the time, and looking again is better.
 */
int mk_link_reply_room(struct mk_link *link, u32 len, u32 life, u32 door)
{
	struct mk_tx *tx = send_lock_tx(link, 0, MK_WIRE_REPLY, life);
	unsigned int tries;
	int ret = -EBUSY;

	if (IS_ERR(tx))
		return 0;
	for (tries = 0; ret == -EBUSY && tries < SEND_TRIES; tries++) {
		if (mk_ring_has_room(&tx->ring, len)) {
			ret = 0;
		} else {
			tx->back = door;
			if (send_want_room_for(link, tx, len))
				ret = -ENOSPC;
		}
	}
	raw_spin_unlock(&tx->lock);
	return ret;
}

/**
 * mk_link_wake - have those who wait for room try again
 * @link: the link
 *
 * Any context but NMI.
 *
 * Return: whether there was anybody.
 */
bool mk_link_wake(struct mk_link *link)
{
	struct mk_ipi_room *room, *next;
	bool woken = false;

	guard(raw_spinlock_irqsave)(&link->waiters_lock);
	list_for_each_entry_safe(room, next, &link->waiters, list) {
		list_del_init(&room->list);
		woken = true;
		room->fn(room);
	}
	return woken;
}

/**
 * mk_link_unread - how much of what was sent the peer has not read
 * @link: the link
 * @type: message type, with what belongs to it
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_unread().
 */
int mk_link_unread(struct mk_link *link, u32 type)
{
	unsigned long flags;
	struct mk_tx *tx;
	int ret;

	local_irq_save(flags);
	tx = send_lock_tx(link, type, MK_WIRE_MESSAGE, 0);
	ret = PTR_ERR_OR_ZERO(tx);
	if (!ret) {
		ret = mk_ring_unread(&tx->ring) * sizeof(struct mk_wire_slot);
		raw_spin_unlock(&tx->lock);
	}
	local_irq_restore(flags);
	return ret;
}

/**
 * mk_link_want_room - be told when the peer has read on
 * @link:   the link
 * @type:   message type, with what belongs to it
 * @room:   who is told
 * @unread: when no more bytes than this are unread
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_want_room().
 */
int mk_link_want_room(struct mk_link *link, u32 type, struct mk_ipi_room *room, u32 unread)
{
	u32 slots = unread / sizeof(struct mk_wire_slot);
	unsigned long flags;
	struct mk_tx *tx;
	bool added;
	int ret;

	/* Before the peer is asked, who may be quick. */
	scoped_guard(raw_spinlock_irqsave, &link->waiters_lock)
		added = send_enlist(link, room);
	local_irq_save(flags);
	tx = send_lock_tx(link, type, MK_WIRE_MESSAGE, 0);
	ret = PTR_ERR_OR_ZERO(tx);
	if (!ret) {
		ret = send_want_room(link, tx, slots) ? 0 : -EALREADY;
		raw_spin_unlock(&tx->lock);
	}
	local_irq_restore(flags);
	/* Who has asked before is told all the same. */
	if (ret && added)
		mk_link_forget_room(link, room);
	return ret;
}

/**
 * mk_link_forget_room - do not be told any more
 * @link: the link
 * @room: who was to be told, or not
 *
 * Any context but NMI.
 */
void mk_link_forget_room(struct mk_link *link, struct mk_ipi_room *room)
{
	guard(raw_spinlock_irqsave)(&link->waiters_lock);
	list_del_init(&room->list);
}
