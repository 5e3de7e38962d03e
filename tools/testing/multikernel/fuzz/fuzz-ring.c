// SPDX-License-Identifier: GPL-2.0
/*
 * Both ends of a ring whose other ends write what they like, when they like: at each
 * look at a head, an ack, an event or a want it may be another.
 *
 * Input: the lane, the incarnation of the sender, steps.
 */
#include "fuzz.h"

#define INCARNATIONS	0x7ff

/* The shared memory, each of it as large as it is, so that ASan knows its ends */
static struct mk_wire_slot *slots[MK_NR_LANES], *tx_slots[MK_NR_LANES];
static void *buf[MK_NR_LANES];
static struct mk_wire_tx *tx_wire, *peer_tx;
static struct mk_wire_rx *rx_wire, *peer_rx;

static const u32 nr_slots[] = {
	CONFIG_MULTIKERNEL_URGENT_SLOTS,
	CONFIG_MULTIKERNEL_BULK_SLOTS,
};

static const u32 max_len[] = { MK_WIRE_URGENT_LEN, MK_WIRE_BULK_LEN };

static struct mk_ring_rx rx;
static struct mk_ring_tx tx;
static enum mk_lane lane;

/* Slots that are not 0 */
static unsigned int dirty[4096], nr_dirty;

static u8 bytes[MK_WIRE_BULK_LEN];

struct mk_instance *mk_ipi_instance(void)
{
	return NULL;
}

bool shim_wait(void)
{
	return false;
}

void fuzz_init(void)
{
	unsigned int i;

	for (i = 0; i < MK_NR_LANES; i++) {
		slots[i] = shim_alloc(nr_slots[i] * sizeof(*slots[i]), true);
		tx_slots[i] = shim_alloc(nr_slots[i] * sizeof(*slots[i]), true);
		buf[i] = shim_alloc(max_len[i], true);
	}
	tx_wire = shim_alloc(sizeof(*tx_wire), true);
	rx_wire = shim_alloc(sizeof(*rx_wire), true);
	peer_tx = shim_alloc(sizeof(*peer_tx), true);
	peer_rx = shim_alloc(sizeof(*peer_rx), true);
}

static struct mk_wire_slot *dirty_slot(u32 i)
{
	i &= nr_slots[lane] - 1;
	if (nr_dirty == ARRAY_SIZE(dirty))
		return NULL;
	dirty[nr_dirty++] = i;
	return &slots[lane][i];
}

/* A head as the receiver waits for, but for what comes with it */
static void write_head(void)
{
	struct mk_wire_slot *slot = dirty_slot(rx.pos);
	u32 what = fuzz_u32();

	if (slot)
		slot->head = (u64)(MK_WIRE_SEQ_VALID |
				   FIELD_PREP(MK_WIRE_SEQ_SENDER, rx.sender & INCARNATIONS) |
				   FIELD_PREP(MK_WIRE_SEQ_POSITION,
					      rx.pos & FIELD_MAX(MK_WIRE_SEQ_POSITION))) << 32 |
			     what;
}

static void write_word(void)
{
	u8 where = fuzz_u8();
	struct mk_wire_slot *slot;
	u64 *word;

	switch (where & 3) {
	case 0:
		slot = dirty_slot(rx.pos + (where >> 2));
		if (!slot)
			return;
		word = &slot->head;
		break;
	case 1:
		word = &peer_tx->want;
		*word = MK_WIRE_WANT | rx.pos;
		break;
	case 2:
		word = &peer_rx->ack;
		*word = (u64)tx.sender << 32 | tx.pos;
		break;
	default:
		word = &peer_rx->event;
		*word = (u64)tx.sender << 32 | tx.pos;
	}
	if (where & 4)
		*word = fuzz_value(*word);
}

void fuzz_change(void)
{
	u8 what = fuzz_u8();

	if (what & 1)
		write_head();
	else
		write_word();
	fuzz_countdown = what >> 5;
}

static void receive(void)
{
	struct mk_ring_msg msg;
	u32 before = rx.pos;
	int ret = mk_ring_receive(&rx, &msg, buf[lane]);

	if (ret) {
		SHIM_ASSERT(ret == -EAGAIN || ret == -EPROTO);
		SHIM_ASSERT(rx.pos == before);
		return;
	}
	SHIM_ASSERT(msg.data == buf[lane] && msg.len <= max_len[lane]);
	SHIM_ASSERT(msg.type < MK_IPI_NR_TYPES && msg.kind <= MK_WIRE_REPLY);
	SHIM_ASSERT(rx.pos - before == DIV_ROUND_UP(8 + msg.len, 64));
}

static void send(u32 len)
{
	const struct kvec vec[] = {
		{ .iov_base = bytes, .iov_len = min(len, 16) },
		{ .iov_base = bytes, .iov_len = len - min(len, 16) },
	};
	u32 before = tx.pos;
	int ret = mk_ring_send(&tx, fuzz_u8(), MK_WIRE_MESSAGE, vec, ARRAY_SIZE(vec), len);

	SHIM_ASSERT(!ret || ret == -EAGAIN);
	SHIM_ASSERT(tx.pos == before + (ret ? 0 : DIV_ROUND_UP(8 + len, 64)));
	mk_ring_must_ring(&tx, before);
}

static void step(void)
{
	u8 what = fuzz_u8(), ahead;
	bool wanted;

	/* Whether something changes in the middle of it */
	fuzz_countdown = what >> 5;
	switch (what & 15) {
	case 0:
	case 1:
		write_head();
		break;
	case 2:
		write_word();
		break;
	case 3:
	case 4:
	case 5:
		receive();
		break;
	case 6:
		ahead = fuzz_u8();
		mk_ring_arm(&rx, ahead, &wanted);
		SHIM_ASSERT(mk_ring_armed(&rx, ahead));
		SHIM_ASSERT(!ahead || !mk_ring_armed(&rx, ahead - 1));
		break;
	case 7:
		mk_ring_ack(&rx);
		break;
	case 8:
		mk_ring_peek(&rx);
		break;
	case 9:
		mk_ring_peek_request(&rx);
		break;
	case 10:
	case 11:
		send(min(fuzz_u16() << (what >> 4 & 1), max_len[lane]));
		break;
	case 12:
		mk_ring_want_room(&tx, tx_wire, 0, fuzz_u16());
		break;
	case 13:
		mk_ring_has_room(&tx, max_len[lane]);
		break;
	case 14:
		mk_ring_rx_open(&rx, slots[lane], nr_slots[lane], rx_wire, peer_tx, rx.sender + 1,
				max_len[lane]);
		break;
	default:
		/* Far on, as after a long time */
		rx.pos = fuzz_u32();
		rx.acked = rx.pos - fuzz_u8();
	}
	fuzz_countdown = 0;
	SHIM_ASSERT(tx.limit - tx.pos <= nr_slots[lane]);
}

void fuzz_run(void)
{
	u32 sender = fuzz_u16();
	unsigned int n;

	lane = fuzz_u8() & 1;
	memset(tx_wire, 0, sizeof(*tx_wire));
	memset(rx_wire, 0, sizeof(*rx_wire));
	memset(peer_tx, 0, sizeof(*peer_tx));
	memset(peer_rx, 0, sizeof(*peer_rx));
	mk_ring_rx_open(&rx, slots[lane], nr_slots[lane], rx_wire, peer_tx, sender,
			max_len[lane]);
	mk_ring_tx_open(&tx, tx_slots[lane], nr_slots[lane], peer_rx, sender);
	for (n = 0; n < 256 && fuzz_more(); n++)
		step();
	while (nr_dirty)
		slots[lane][dirty[--nr_dirty]].head = 0;
}

void fuzz_seeds(void)
{
	unsigned int i, n;

	for (n = 0; n < 8; n++) {
		fuzz_put_u16(n);
		fuzz_put_u8(n);
		for (i = 0; i < 4; i++) {
			fuzz_put_u8(0);			/* a head */
			fuzz_put_u32(i << 20 | (n % 3) << 17 | 100 * n);
			fuzz_put_u8(8);			/* peek */
			fuzz_put_u8(3);			/* receive */
			fuzz_put_u8(10);		/* send */
			fuzz_put_u16(1000 * n);
			fuzz_put_u8(i);
			fuzz_put_u8(6);			/* arm */
			fuzz_put_u8(2);			/* the peer has read all */
			fuzz_put_u8(2);
		}
		fuzz_put_u8(0x60 | 3);			/* receive, changed at the third look */
		fuzz_put_u8(1);
		fuzz_put_u32(0xffffffff);
		fuzz_put_end();
	}
}
