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
 * data of old messages is therefore never taken for a head.
 */
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/string.h>
#include <asm/barrier.h>

#include "internal.h"

/* What the ring's far end is made of: position of the ack, or of a head */
static u32 ring_seq(u32 sender, u32 pos)
{
	return MK_WIRE_SEQ_VALID |
	       FIELD_PREP(MK_WIRE_SEQ_SENDER, sender & FIELD_MAX(MK_WIRE_SEQ_SENDER)) |
	       FIELD_PREP(MK_WIRE_SEQ_POSITION, pos & FIELD_MAX(MK_WIRE_SEQ_POSITION));
}

#define RING_SLOTS(len)	DIV_ROUND_UP(offsetof(struct mk_wire_slot, data) + (len), \
				     sizeof(struct mk_wire_slot))

/* The largest message, and the empty slot behind it, fit into the smallest ring. */
static_assert(RING_SLOTS(MK_IPI_MAX_LEN) < MK_WIRE_SLOTS_MIN);

/* Where the data of the message at @pos begins, and how much fits before the end */
static size_t ring_data(u32 nr_slots, u32 pos, size_t *room)
{
	size_t start = (pos & (nr_slots - 1)) * sizeof(struct mk_wire_slot) +
		       offsetof(struct mk_wire_slot, data);

	*room = nr_slots * sizeof(struct mk_wire_slot) - start;
	return start;
}

/**
 * mk_ring_tx_open - start a ring, sending end
 * @tx:	      filled in
 * @slots:    the ring
 * @nr_slots: its size, a power of two from MK_WIRE_SLOTS_MIN to _MAX
 * @ack:      where the receiver says how far it has read
 * @sender:   incarnation of this kernel
 *
 * The receiver is told of the ring after this.
 */
void mk_ring_tx_open(struct mk_ring_tx *tx, struct mk_wire_slot *slots, u32 nr_slots,
		     const u64 *ack, u32 sender)
{
	tx->slots = slots;
	tx->ack = ack;
	tx->nr_slots = nr_slots;
	tx->sender = sender;
	tx->pos = 0;
	tx->limit = nr_slots;
	WRITE_ONCE(slots[0].head, 0);
}

/* Learn how far the receiver has read; do not believe what cannot be. */
static void ring_update_limit(struct mk_ring_tx *tx)
{
	/*
	 * Orders the receiver's reads of the slots before they are written
	 * again. Pairs with virt_store_release() in mk_ring_receive().
	 */
	u64 ack = virt_load_acquire(tx->ack);
	u32 pos = FIELD_GET(MK_WIRE_ACK_POSITION, ack);

	if (FIELD_GET(MK_WIRE_ACK_SENDER, ack) == tx->sender &&
	    tx->pos - pos <= tx->nr_slots)
		tx->limit = pos + tx->nr_slots;
}

/**
 * mk_ring_send - put a message into a ring
 * @tx:	  the ring; the caller sees to it that nobody else sends
 * @type: message type, below MK_IPI_NR_TYPES
 * @data: its bytes; may be NULL if @len is 0
 * @len:  how many, at most MK_IPI_MAX_LEN
 *
 * Any context. Once it returns 0 the receiver can see the message.
 *
 * Return: 0, or -EAGAIN if there is no room: nothing has changed then.
 */
int mk_ring_send(struct mk_ring_tx *tx, u32 type, const void *data, u32 len)
{
	u32 n = RING_SLOTS(len), mask = tx->nr_slots - 1;
	size_t room, start = ring_data(tx->nr_slots, tx->pos, &room);
	u8 *bytes = (u8 *)tx->slots;
	u64 head;

	/* Its own slots, and the one behind them */
	if (tx->limit - tx->pos < n + 1) {
		ring_update_limit(tx);
		if (tx->limit - tx->pos < n + 1)
			return -EAGAIN;
	}

	if (len <= room) {
		memcpy(bytes + start, data, len);
	} else {
		memcpy(bytes + start, data, room);
		memcpy(bytes, data + room, len - room);
	}
	WRITE_ONCE(tx->slots[(tx->pos + n) & mask].head, 0);

	head = FIELD_PREP(MK_WIRE_HEAD_LEN, len) | FIELD_PREP(MK_WIRE_HEAD_TYPE, type) |
	       FIELD_PREP(MK_WIRE_HEAD_SEQ, (u64)ring_seq(tx->sender, tx->pos));
	/*
	 * Orders the message and the empty slot behind it before the head that
	 * publishes them. Pairs with virt_load_acquire() in mk_ring_receive().
	 */
	virt_store_release(&tx->slots[tx->pos & mask].head, head);
	tx->pos += n;
	return 0;
}

/**
 * mk_ring_rx_open - start a ring, receiving end
 * @rx:	      filled in
 * @slots:    the ring
 * @nr_slots: its size, checked by the caller: a power of two from
 *	      MK_WIRE_SLOTS_MIN to _MAX
 * @ack:      where to say how far has been read
 * @sender:   incarnation of the sender
 */
void mk_ring_rx_open(struct mk_ring_rx *rx, const struct mk_wire_slot *slots, u32 nr_slots,
		     u64 *ack, u32 sender)
{
	rx->slots = slots;
	rx->ack = ack;
	rx->nr_slots = nr_slots;
	rx->sender = sender;
	rx->pos = 0;
	WRITE_ONCE(*ack, FIELD_PREP(MK_WIRE_ACK_SENDER, sender));
}

/**
 * mk_ring_receive - take a message out of a ring
 * @rx:	 the ring; the caller sees to it that nobody else receives
 * @msg: filled in, but for who sent it
 * @buf: MK_IPI_MAX_LEN bytes aligned to 8, to which the message is copied
 *
 * The sender may be writing to the ring at any time, by mistake or on purpose:
 * the head is read once, and the message is looked at only in @buf.
 *
 * Any context.
 *
 * Return: 0; -EAGAIN if there is nothing; -EPROTO if what is there makes no
 * sense, after which the ring must not be read any more.
 */
int mk_ring_receive(struct mk_ring_rx *rx, struct mk_ipi_msg *msg, void *buf)
{
	u32 n, len, mask = rx->nr_slots - 1;
	size_t room, start = ring_data(rx->nr_slots, rx->pos, &room);
	const u8 *bytes = (const u8 *)rx->slots;
	/*
	 * Orders the head before the message that it publishes. Pairs with
	 * virt_store_release() in mk_ring_send().
	 */
	u64 head = virt_load_acquire(&rx->slots[rx->pos & mask].head);

	if (FIELD_GET(MK_WIRE_HEAD_SEQ, head) != ring_seq(rx->sender, rx->pos))
		return -EAGAIN;

	len = FIELD_GET(MK_WIRE_HEAD_LEN, head);
	n = RING_SLOTS(len);
	if (len > MK_IPI_MAX_LEN || head & MK_WIRE_HEAD_ZERO)
		return -EPROTO;

	if (len <= room) {
		memcpy(buf, bytes + start, len);
	} else {
		memcpy(buf, bytes + start, room);
		memcpy(buf + room, bytes, len - room);
	}
	msg->data = buf;
	msg->len = len;
	msg->type = FIELD_GET(MK_WIRE_HEAD_TYPE, head);

	rx->pos += n;
	/*
	 * Orders the reads of the slots before the sender may use them again.
	 * Pairs with virt_load_acquire() in ring_update_limit().
	 */
	virt_store_release(rx->ack, FIELD_PREP(MK_WIRE_ACK_SENDER, rx->sender) |
				   FIELD_PREP(MK_WIRE_ACK_POSITION, rx->pos));
	return 0;
}
