/* SPDX-License-Identifier: GPL-2.0 */
/* Both ends of a ring, and what they write on the wire, for the tests of it. */
#ifndef _MK_KUNIT_RING_ENDS_H
#define _MK_KUNIT_RING_ENDS_H

#include <linux/math.h>

#include "helpers.h"

#define RING_SLOTS	MK_WIRE_SLOTS_MIN
#define RING_BYTES	(RING_SLOTS * sizeof(struct mk_wire_slot))
#define RING_SENDER	5
#define RING_TYPE	0xabc

/* The smallest ring that the largest message of the bulk lane fits into */
#define RING_BULK_SLOTS	2048

/**
 * struct ring_ends - both ends of a ring
 * @tx:	      the sending one
 * @rx:	      the receiving one
 * @slots:    of the ring
 * @nr_slots: how many
 * @max_len:  bytes of the largest message
 * @wire_tx:  whether the sender waits for room
 * @wire_rx:  how far the receiver has read, and when it is to be rung
 * @out:      a message to be sent
 * @in:	      where one is received; longer than it need be, to see what is written
 */
struct ring_ends {
	struct mk_ring_tx	tx;
	struct mk_ring_rx	rx;
	struct mk_wire_slot	*slots;
	u32			nr_slots;
	u32			max_len;
	struct mk_wire_tx	wire_tx;
	struct mk_wire_rx	wire_rx;
	u8			*out;
	u8			*in;
};

static inline u32 ring_slots_of(u32 len)
{
	return DIV_ROUND_UP(sizeof(u64) + len, sizeof(struct mk_wire_slot));
}

u64 ring_ack(u32 sender, u32 pos);
u64 ring_head(u32 sender, u32 pos, u32 type, u32 len);

int ring_init(struct kunit *test);
int ring_init_bulk(struct kunit *test);
void ring_open(struct ring_ends *ring, u32 sender);
void ring_move(struct ring_ends *ring, u32 pos);
int ring_send(struct ring_ends *ring, u32 type, const void *data, u32 len);
int ring_put(struct ring_ends *ring, u32 len, unsigned int seed);
int ring_get(struct ring_ends *ring, struct mk_ring_msg *msg);
void ring_expect(struct kunit *test, u32 len, unsigned int seed);
void ring_expect_empty(struct kunit *test);
void ring_round(struct kunit *test, u32 len, unsigned int seed);

#endif /* _MK_KUNIT_RING_ENDS_H */
