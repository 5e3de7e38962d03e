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

/**
 * struct ring_ends - both ends of a ring
 * @tx:	   the sending one
 * @rx:	   the receiving one
 * @slots: RING_SLOTS of them
 * @ack:   how far the receiver has read
 * @out:   a message to be sent
 * @in:	   where one is received; longer than it need be, to see what is written
 */
struct ring_ends {
	struct mk_ring_tx	tx;
	struct mk_ring_rx	rx;
	struct mk_wire_slot	*slots;
	u64			ack;
	u8			out[MK_IPI_MAX_LEN];
	u8			in[2 * MK_IPI_MAX_LEN] __aligned(8);
};

static inline u32 ring_slots_of(u32 len)
{
	return DIV_ROUND_UP(sizeof(u64) + len, sizeof(struct mk_wire_slot));
}

u64 ring_ack(u32 sender, u32 pos);
u64 ring_head(u32 sender, u32 pos, u32 type, u32 len);

int ring_init(struct kunit *test);
void ring_move(struct ring_ends *ring, u32 pos);
int ring_put(struct ring_ends *ring, u32 len, unsigned int seed);
int ring_get(struct ring_ends *ring, struct mk_ipi_msg *msg);
void ring_expect(struct kunit *test, u32 len, unsigned int seed);
void ring_expect_empty(struct kunit *test);
void ring_round(struct kunit *test, u32 len, unsigned int seed);

#endif /* _MK_KUNIT_RING_ENDS_H */
