// SPDX-License-Identifier: GPL-2.0
/*
 * A one-way ring of messages: one sender, one receiver, no lock, no interrupt.
 *
 * The slots lie in the sender's arena, the position up to which they have been
 * read (the ack) in the receiver's. Neither end reads the other's position on
 * its way: the receiver sees from a slot's head whether it is filled, the sender
 * looks at the ack only when it seems to have run out of room.
 *
 * The slot behind the newest message always has head 0. Whatever lies in the
 * data of old messages, or was in this memory before there was a ring, is
 * therefore never taken for a head.
 *
 * Either end can ask to be woken when the other moves past a position: the
 * receiver by its event, the sender by its want. Who asks stores, then looks once
 * more whether the other has moved; who moves stores, then looks whether it was
 * asked. With a full barrier between the two on both sides, one of them sees the
 * other.
 */
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/kcsan-checks.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/prefetch.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <asm/barrier.h>

#include "internal.h"

#define RING_SLOTS(len)	DIV_ROUND_UP(offsetof(struct mk_wire_slot, data) + (len), \
				     sizeof(struct mk_wire_slot))

/* The largest message, and the empty slot behind it, fit into the smallest ring. */
static_assert(RING_SLOTS(MK_WIRE_URGENT_LEN) < MK_WIRE_SLOTS_MIN);
static_assert(RING_SLOTS(MK_WIRE_BULK_LEN) < CONFIG_MULTIKERNEL_BULK_SLOTS);
static_assert(MK_WIRE_BULK_LEN <= MK_WIRE_HEAD_LEN);
static_assert(MK_IPI_SPACE(56) == RING_SLOTS(56) * sizeof(struct mk_wire_slot));
static_assert(MK_IPI_SPACE(57) == RING_SLOTS(57) * sizeof(struct mk_wire_slot));

static u32 ring_seq(u32 sender, u32 pos)
{
	return MK_WIRE_SEQ_VALID |
	       FIELD_PREP(MK_WIRE_SEQ_SENDER, sender & FIELD_MAX(MK_WIRE_SEQ_SENDER)) |
	       FIELD_PREP(MK_WIRE_SEQ_POSITION, pos & FIELD_MAX(MK_WIRE_SEQ_POSITION));
}

static u64 ring_ack(u32 sender, u32 pos)
{
	return FIELD_PREP(MK_WIRE_ACK_SENDER, (u64)sender) |
	       FIELD_PREP(MK_WIRE_ACK_POSITION, (u64)pos);
}

/* Whether @pos is among those that were passed in going from @before to @now */
static bool ring_passed(u32 pos, u32 before, u32 now)
{
	return now - pos - 1 < now - before;
}

/* Where the data of the message at @pos begins */
static size_t ring_data(u32 nr_slots, u32 pos)
{
	return (pos & (nr_slots - 1)) * sizeof(struct mk_wire_slot) +
	       offsetof(struct mk_wire_slot, data);
}

/**
 * mk_ring_tx_open - start a ring, sending end
 * @tx:	      filled in
 * @slots:    the ring
 * @nr_slots: its size, a power of two from MK_WIRE_SLOTS_MIN to _MAX
 * @far:      where the receiver says how far it has read
 * @sender:   incarnation of this kernel
 *
 * The receiver is told of the ring after this.
 */
void mk_ring_tx_open(struct mk_ring_tx *tx, struct mk_wire_slot *slots, u32 nr_slots,
		     const struct mk_wire_rx *far, u32 sender)
{
	tx->slots = slots;
	tx->far = far;
	tx->nr_slots = nr_slots;
	tx->sender = sender;
	tx->pos = 0;
	tx->limit = nr_slots;
	/* Passed already, as the receiver begins */
	tx->want = -1;
	WRITE_ONCE(slots[0].head, 0);
}

/*
 * Learn how far the receiver has read; do not believe what cannot be, or that it
 * went back. Whether that is farther than was known.
 */
static bool ring_update_limit(struct mk_ring_tx *tx)
{
	/*
	 * Orders the receiver's reads of the slots before they are written
	 * again. Pairs with virt_store_release() in ring_store_ack().
	 */
	u64 ack = virt_load_acquire(&tx->far->ack);
	u32 pos = FIELD_GET(MK_WIRE_ACK_POSITION, ack);
	u32 gained = pos + tx->nr_slots - tx->limit;

	if (FIELD_GET(MK_WIRE_ACK_SENDER, ack) != tx->sender ||
	    tx->pos - pos > tx->nr_slots || !gained || gained > tx->nr_slots)
		return false;
	tx->limit += gained;
	return true;
}

/*
 * Gather the pieces into the ring from byte @at on, past its end at its start.
 *
 * KCSAN does not see what memcpy() does, so it is told: nobody else may touch these
 * bytes meanwhile. A receiver that does reads what is not published, or is still at
 * it when its ack has let them go.
 */
static void ring_copy_in(struct mk_ring_tx *tx, size_t at, const struct kvec *vec,
			 unsigned int nr)
{
	size_t size = tx->nr_slots * sizeof(struct mk_wire_slot);
	u8 *bytes = (u8 *)tx->slots;

	for (; nr; nr--, vec++) {
		size_t n = min(vec->iov_len, size - at);

		kcsan_check_write(bytes + at, n);
		memcpy(bytes + at, vec->iov_base, n);
		kcsan_check_write(bytes, vec->iov_len - n);
		memcpy(bytes, vec->iov_base + n, vec->iov_len - n);
		at = (at + vec->iov_len) & (size - 1);
	}
}

/**
 * mk_ring_send - put a message into a ring
 * @tx:	  the ring; the caller sees to it that nobody else sends
 * @type: message type, below MK_IPI_NR_TYPES
 * @kind: what it is
 * @vec:  its bytes, in pieces
 * @nr:	  how many pieces; may be 0
 * @len:  bytes of all of them, at most MK_WIRE_URGENT_LEN or, in a ring of
 *	  CONFIG_MULTIKERNEL_BULK_SLOTS, MK_WIRE_BULK_LEN
 *
 * Any context. Once it returns 0 the receiver can see the message; ask
 * mk_ring_must_ring() whether it has to be told.
 *
 * Return: 0, or -EAGAIN if there is no room: nothing has changed then.
 */
int mk_ring_send(struct mk_ring_tx *tx, u32 type, enum mk_wire_kind kind,
		 const struct kvec *vec, unsigned int nr, u32 len)
{
	u32 n = RING_SLOTS(len), mask = tx->nr_slots - 1;
	u64 head;

	if (!mk_ring_has_room(tx, len))
		return -EAGAIN;

	/*
	 * This first: its line has to come from the receiver's CPU, and that of the message,
	 * once written to, would go there once more meanwhile, as the receiver polls it.
	 */
	WRITE_ONCE(tx->slots[(tx->pos + n) & mask].head, 0);
	ring_copy_in(tx, ring_data(tx->nr_slots, tx->pos), vec, nr);

	head = FIELD_PREP(MK_WIRE_HEAD_LEN, len) | FIELD_PREP(MK_WIRE_HEAD_KIND, kind) |
	       FIELD_PREP(MK_WIRE_HEAD_TYPE, type) |
	       FIELD_PREP(MK_WIRE_HEAD_SEQ, (u64)ring_seq(tx->sender, tx->pos));
	/*
	 * Orders the message and the empty slot behind it before the head that
	 * publishes them. Pairs with virt_load_acquire() in ring_head().
	 */
	virt_store_release(&tx->slots[tx->pos & mask].head, head);
	tx->pos += n;
	/* Have the slot behind the next message here, if that is as long, before it is sent. */
	prefetchw(&tx->slots[(tx->pos + n) & mask]);
	return 0;
}

/**
 * mk_ring_must_ring - whether the receiver has to be rung
 * @tx:	    the ring, by whoever has sent into it
 * @before: position of the first message that was sent since it was asked last
 *
 * Any context.
 *
 * Return: false if the receiver will look by itself.
 */
bool mk_ring_must_ring(const struct mk_ring_tx *tx, u32 before)
{
	u64 event;

	/*
	 * Orders the heads that were stored before the look at the event. Pairs
	 * with virt_mb() in ring_wanted(): either this sees that the receiver
	 * wants to be woken, or the receiver sees the head.
	 */
	virt_mb();
	event = READ_ONCE(tx->far->event);
	return FIELD_GET(MK_WIRE_ACK_SENDER, event) != tx->sender ||
	       ring_passed(FIELD_GET(MK_WIRE_ACK_POSITION, event), before, tx->pos);
}

/**
 * mk_ring_want_room - ask the receiver to ring when it has read on
 * @tx:	    the ring
 * @near:   where to ask
 * @door:   this kernel's door to be rung at, below MK_WIRE_MAX_DOORS
 * @unread: so far that no more slots than this are unread
 *
 * If that was asked before, and is still waited for, it rings for what comes first.
 *
 * Any context.
 *
 * Return: false if no more are unread, or if it reads at this moment: look, and ask again
 * if that does not help, before waiting.
 */
bool mk_ring_want_room(struct mk_ring_tx *tx, struct mk_wire_tx *near, u32 door, u32 unread)
{
	u32 acked, want = tx->pos - unread - 1;

	if (mk_ring_unread(tx) <= unread)
		return false;
	acked = tx->limit - tx->nr_slots;
	if (tx->want - acked < want - acked)
		want = tx->want;
	tx->want = want;
	WRITE_ONCE(near->want, MK_WIRE_WANT | FIELD_PREP(MK_WIRE_WANT_DOOR, door) | want);
	/*
	 * Orders the want before the look at the ack. Pairs with virt_mb() in
	 * ring_wanted(): either this sees the ack, or the receiver sees the want.
	 */
	virt_mb();
	return !ring_update_limit(tx);
}

/**
 * mk_ring_unread_for - of how much that is unread a message would still find room
 * @tx:  the ring
 * @len: bytes of the message
 *
 * Any context.
 *
 * Return: the number of slots.
 */
u32 mk_ring_unread_for(const struct mk_ring_tx *tx, u32 len)
{
	/* Its own slots, and the one behind them */
	return tx->nr_slots - RING_SLOTS(len) - 1;
}

/**
 * mk_ring_has_room - whether a message would find room
 * @tx:	 the ring
 * @len: bytes of the message
 *
 * Any context.
 *
 * Return: whether it would.
 */
bool mk_ring_has_room(struct mk_ring_tx *tx, u32 len)
{
	u32 n = tx->nr_slots - mk_ring_unread_for(tx, len);

	if (tx->limit - tx->pos < n)
		ring_update_limit(tx);
	return tx->limit - tx->pos >= n;
}

/**
 * mk_ring_unread - how much of the ring the receiver has not read, as far as it has said
 * @tx: the ring
 *
 * Any context.
 *
 * Return: the number of slots.
 */
u32 mk_ring_unread(struct mk_ring_tx *tx)
{
	ring_update_limit(tx);
	return tx->pos + tx->nr_slots - tx->limit;
}

/**
 * mk_ring_rx_open - start a ring, receiving end
 * @rx:	      filled in
 * @slots:    the ring
 * @nr_slots: its size, checked by the caller: a power of two from
 *	      MK_WIRE_SLOTS_MIN to _MAX
 * @near:     where to say how far has been read
 * @far:      where the sender says whether it waits for room
 * @sender:   incarnation of the sender
 * @max_len:  bytes of the largest message, with the head of a call
 *
 * Not armed yet: until it is, the sender does not ring.
 */
void mk_ring_rx_open(struct mk_ring_rx *rx, const struct mk_wire_slot *slots, u32 nr_slots,
		     struct mk_wire_rx *near, const struct mk_wire_tx *far, u32 sender,
		     u32 max_len)
{
	rx->slots = slots;
	rx->near = near;
	rx->far = far;
	rx->nr_slots = nr_slots;
	rx->sender = sender;
	rx->max_len = max_len;
	rx->pos = 0;
	rx->acked = 0;
	/* A position that is passed no more before the first arming */
	rx->event = -1;
	WRITE_ONCE(near->ack, ring_ack(sender, 0));
	WRITE_ONCE(near->event, ring_ack(sender, rx->event));
}

/* The head of the slot at the receiver's position */
static u64 ring_head(const struct mk_ring_rx *rx, u32 pos)
{
	/*
	 * Orders the head before the message that it publishes. Pairs with
	 * virt_store_release() in mk_ring_send().
	 */
	return virt_load_acquire(&rx->slots[pos & (rx->nr_slots - 1)].head);
}

/**
 * mk_ring_peek - whether there is a message to be received
 * @rx: the ring; another CPU may be receiving from it, but nobody opens it
 *
 * Any context.
 *
 * Return: true if there was one.
 */
bool mk_ring_peek(const struct mk_ring_rx *rx)
{
	u32 pos = READ_ONCE(rx->pos);

	return FIELD_GET(MK_WIRE_HEAD_SEQ, ring_head(rx, pos)) == ring_seq(rx->sender, pos);
}

/**
 * mk_ring_peek_request - whether the next message is a request
 * @rx: the ring; the caller sees to it that nobody else receives
 *
 * What is received next may be something else: the sender can change it.
 *
 * Any context.
 *
 * Return: true if there is one.
 */
bool mk_ring_peek_request(const struct mk_ring_rx *rx)
{
	u64 head = ring_head(rx, rx->pos);

	return FIELD_GET(MK_WIRE_HEAD_SEQ, head) == ring_seq(rx->sender, rx->pos) &&
	       FIELD_GET(MK_WIRE_HEAD_KIND, head) == MK_WIRE_REQUEST;
}

/*
 * Copy bytes out of the ring. A sender that keeps the protocol does not write to them
 * meanwhile, and KCSAN tells if ours does: see ring_copy_in(). One that does not keep
 * it can only spoil what it sends, so to it this is like a marked access.
 */
static void ring_copy_out(void *buf, const u8 *bytes, size_t n)
{
	kcsan_check_atomic_read(bytes, n);
	memcpy(buf, bytes, n);
}

/**
 * mk_ring_receive - take a message out of a ring
 * @rx:	 the ring; the caller sees to it that nobody else receives
 * @msg: filled in
 * @buf: @rx->max_len bytes aligned to 8, to which the message is copied
 *
 * The sender may be writing to the ring at any time, by mistake or on purpose:
 * the head is read once, and the message is looked at only in @buf. The sender
 * learns that there is room again from mk_ring_ack() or mk_ring_arm().
 *
 * Any context.
 *
 * Return: 0; -EAGAIN if there is nothing; -EPROTO if what is there makes no
 * sense, after which the ring must not be read any more.
 */
int mk_ring_receive(struct mk_ring_rx *rx, struct mk_ring_msg *msg, void *buf)
{
	size_t start = ring_data(rx->nr_slots, rx->pos);
	size_t room = rx->nr_slots * sizeof(struct mk_wire_slot) - start;
	const u8 *bytes = (const u8 *)rx->slots;
	u64 head = ring_head(rx, rx->pos);
	u32 n, len;

	if (FIELD_GET(MK_WIRE_HEAD_SEQ, head) != ring_seq(rx->sender, rx->pos))
		return -EAGAIN;

	len = FIELD_GET(MK_WIRE_HEAD_LEN, head);
	n = RING_SLOTS(len);
	if (len > rx->max_len || n >= rx->nr_slots || head & MK_WIRE_HEAD_ZERO ||
	    FIELD_GET(MK_WIRE_HEAD_KIND, head) > MK_WIRE_REPLY)
		return -EPROTO;

	if (len <= room) {
		ring_copy_out(buf, bytes + start, len);
	} else {
		ring_copy_out(buf, bytes + start, room);
		ring_copy_out(buf + room, bytes, len - room);
	}
	msg->data = buf;
	msg->len = len;
	msg->type = FIELD_GET(MK_WIRE_HEAD_TYPE, head);
	msg->kind = FIELD_GET(MK_WIRE_HEAD_KIND, head);
	WRITE_ONCE(rx->pos, rx->pos + n);
	return 0;
}

/* Say how far was read. */
static void ring_store_ack(struct mk_ring_rx *rx)
{
	/*
	 * Orders the reads of the slots before the sender may use them again.
	 * Pairs with virt_load_acquire() in ring_update_limit().
	 */
	virt_store_release(&rx->near->ack, ring_ack(rx->sender, rx->pos));
}

/* Whether the sender asked to be rung when the ack passes what it has passed now */
static bool ring_wanted(struct mk_ring_rx *rx)
{
	u32 before = rx->acked;
	u64 want;

	rx->acked = rx->pos;
	/*
	 * Orders the ack before the look at the want, and the event before the
	 * look at the head that follows. Pairs with virt_mb() in
	 * mk_ring_want_room() and in mk_ring_must_ring().
	 */
	virt_mb();
	want = READ_ONCE(rx->far->want);
	return want & MK_WIRE_WANT &&
	       ring_passed(FIELD_GET(MK_WIRE_WANT_POSITION, want), before, rx->pos);
}

/**
 * mk_ring_ack - tell the sender how far was read
 * @rx: the ring
 *
 * Any context.
 *
 * Return: whether the sender asked to be rung for it.
 */
bool mk_ring_ack(struct mk_ring_rx *rx)
{
	ring_store_ack(rx);
	return ring_wanted(rx);
}

/**
 * mk_ring_arm - have the sender ring when it sends again
 * @rx:	    the ring, in which nothing was left
 * @ahead:  not before it has filled so many slots more, and the next one
 * @wanted: set to whether the sender asked to be rung for how far was read
 *
 * Tells the sender how far was read, too.
 *
 * Any context.
 *
 * Return: true if there is a message in the ring after all, for which the sender
 * may not have rung.
 */
bool mk_ring_arm(struct mk_ring_rx *rx, u32 ahead, bool *wanted)
{
	rx->event = rx->pos + ahead;
	ring_store_ack(rx);
	WRITE_ONCE(rx->near->event, ring_ack(rx->sender, rx->event));
	*wanted = ring_wanted(rx);
	return mk_ring_peek(rx);
}

/**
 * mk_ring_armed - whether the sender is going to ring as after mk_ring_arm()
 * @rx:	   the ring, in which nothing was left
 * @ahead: at the latest when it has filled so many slots more, and the next one
 *
 * Any context.
 *
 * Return: true if it need not be armed once more for that.
 */
bool mk_ring_armed(const struct mk_ring_rx *rx, u32 ahead)
{
	return rx->event - rx->pos <= ahead;
}
