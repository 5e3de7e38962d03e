/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shared-memory layout that all kernels of one machine agree on.
 *
 *	offset 0	struct mk_wire_header	  written by the keeper, instance 0
 *	arena_offset	arena of instance 0	  written by instance 0
 *	+ arena_size	arena of instance 1	  written by instance 1
 *	...
 *
 * An arena, the only part of the region that its instance ever writes:
 *
 *	MK_WIRE_SELF	struct mk_wire_self	  who and where I am
 *	MK_WIRE_TX	struct mk_wire_tx[64]	  my outgoing ring to each peer
 *	MK_WIRE_RX	struct mk_wire_rx[64]	  how far I have read from each peer
 *	MK_WIRE_RINGS	struct mk_wire_slot[]	  the outgoing rings themselves
 *
 * All values are in the machine's own byte order: every kernel that can reach
 * the region runs on the same machine. Documentation/multikernel/layout.rst
 * has the same as a page to write another side from.
 */
#ifndef _MULTIKERNEL_MK_WIRE_H
#define _MULTIKERNEL_MK_WIRE_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/sizes.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* "mk_ipi", read as a little-endian number */
#define MK_WIRE_MAGIC		0x00006970695f6b6dULL

/*
 * 0 is the draft: it may change with any commit, and two kernels of one
 * machine must then be built from the same one. 1 will be the first to last.
 */
#define MK_WIRE_VERSION		0

/* Features that every instance of a region must know; none exist yet. */
#define MK_WIRE_FEATURES	0ULL

#define MK_WIRE_MAX_INSTANCES	64
#define MK_WIRE_MAX_DOORS	64

/* Header and arenas start on this boundary: a page of any page size */
#define MK_WIRE_ALIGN		SZ_64K

#define MK_WIRE_SELF		0x0000
#define MK_WIRE_TX		0x1000
#define MK_WIRE_RX		0x2000
#define MK_WIRE_RINGS		0x3000

/**
 * struct mk_wire_header - what the region is; the first bytes of it
 * @magic:	  MK_WIRE_MAGIC, stored last and with release
 * @version:	  layout version, MK_WIRE_VERSION
 * @nr_instances: arenas that follow, 1 to MK_WIRE_MAX_INSTANCES
 * @size:	  bytes of the whole region
 * @features:	  bits that all who join must know
 * @arena_offset: bytes from the region's start to the arena of instance 0
 * @arena_size:	  bytes of one arena
 * @reserved:	  zero
 * @fenced:	  by instance: its incarnations up to this one are dead, whatever
 *		  its own page says
 *
 * Writer: the keeper, which is instance 0. All but @fenced stays as it is
 * from the moment that @magic is there.
 */
struct mk_wire_header {
	u64	magic;
	u32	version;
	u32	nr_instances;
	u64	size;
	u64	features;
	u64	arena_offset;
	u64	arena_size;
	u64	reserved[2];
	u32	fenced[MK_WIRE_MAX_INSTANCES];
};

static_assert(sizeof(struct mk_wire_header) == 64 + 4 * MK_WIRE_MAX_INSTANCES);
static_assert(offsetof(struct mk_wire_header, fenced) == 64);

/**
 * enum mk_wire_state - what an instance says of itself
 * @MK_WIRE_VACANT:  nobody has been here yet
 * @MK_WIRE_JOINING: its arena is being written; no message can be sent to it
 * @MK_WIRE_UP:	     it takes doorbells and messages
 * @MK_WIRE_LEFT:    it has gone, for the reason in mk_wire_self.reason
 */
enum mk_wire_state {
	MK_WIRE_VACANT	= 0,
	MK_WIRE_JOINING	= 1,
	MK_WIRE_UP	= 2,
	MK_WIRE_LEFT	= 3,
};

/* mk_wire_self.life: the incarnation above, the state below, stored as one */
#define MK_WIRE_LIFE_STATE		GENMASK_ULL(31, 0)
#define MK_WIRE_LIFE_INCARNATION	GENMASK_ULL(63, 32)

/**
 * struct mk_wire_door - where one CPU of an instance is rung
 * @hwid:     the architecture's id of the CPU: APIC id, MPIDR, ...
 * @number:   what is rung there: vector, SGI, ...
 * @reserved: zero
 */
struct mk_wire_door {
	u64	hwid;
	u32	number;
	u32	reserved;
};

static_assert(sizeof(struct mk_wire_door) == 16);

/**
 * struct mk_wire_self - who an instance is
 * @life:     incarnation and enum mk_wire_state; stored with release after the
 *	      rest of the arena
 * @version:  layout version that this instance was built for
 * @nr_doors: entries of @doors that are filled in
 * @features: features that this instance knows
 * @reason:   why it has left, enum mk_wire_reason
 * @pad:      zero
 * @reserved: zero
 * @doors:    where it is rung
 *
 * Writer: the arena's instance.
 */
struct mk_wire_self {
	u64			life;
	u32			version;
	u32			nr_doors;
	u64			features;
	u32			reason;
	u32			pad;
	u64			reserved[4];
	struct mk_wire_door	doors[MK_WIRE_MAX_DOORS];
};

static_assert(offsetof(struct mk_wire_self, doors) == 64);
static_assert(sizeof(struct mk_wire_self) <= MK_WIRE_TX - MK_WIRE_SELF);

/**
 * enum mk_wire_reason - why an instance has left
 * @MK_WIRE_REASON_NONE:     it has not
 * @MK_WIRE_REASON_REBOOT:   it was told to reboot
 * @MK_WIRE_REASON_HALT:     it was told to halt
 * @MK_WIRE_REASON_POWEROFF: it was told to power off
 * @MK_WIRE_REASON_PANIC:    it panicked
 */
enum mk_wire_reason {
	MK_WIRE_REASON_NONE	= 0,
	MK_WIRE_REASON_REBOOT	= 1,
	MK_WIRE_REASON_HALT	= 2,
	MK_WIRE_REASON_POWEROFF	= 3,
	MK_WIRE_REASON_PANIC	= 4,
};

/**
 * struct mk_wire_tx - an outgoing ring
 * @key:      incarnation of the sender above, of the receiver below; zero while
 *	      there is no ring; stored with release after the rest
 * @offset:   bytes from the arena's start to the first slot
 * @nr_slots: slots, a power of two
 * @reserved: zero
 *
 * Writer: the arena's instance, which is the sender. It opens the ring anew
 * for each pair of incarnations.
 */
struct mk_wire_tx {
	u64	key;
	u32	offset;
	u32	nr_slots;
	u64	reserved[6];
};

static_assert(sizeof(struct mk_wire_tx) == 64);
static_assert(MK_WIRE_MAX_INSTANCES * sizeof(struct mk_wire_tx) <= MK_WIRE_RX - MK_WIRE_TX);

#define MK_WIRE_KEY_RECEIVER	GENMASK_ULL(31, 0)
#define MK_WIRE_KEY_SENDER	GENMASK_ULL(63, 32)

/**
 * struct mk_wire_rx - how far an incoming ring has been read
 * @ack:      incarnation of the sender above, position of the next slot to be
 *	      read below, as one; stored with release after the slots were copied
 * @reserved: zero
 *
 * Writer: the arena's instance, which is the receiver. A line each, since each
 * is read by another sender.
 */
struct mk_wire_rx {
	u64	ack;
	u64	reserved[7];
};

static_assert(sizeof(struct mk_wire_rx) == 64);
static_assert(MK_WIRE_MAX_INSTANCES * sizeof(struct mk_wire_rx) <= MK_WIRE_RINGS - MK_WIRE_RX);

#define MK_WIRE_ACK_POSITION	GENMASK_ULL(31, 0)
#define MK_WIRE_ACK_SENDER	GENMASK_ULL(63, 32)

/**
 * struct mk_wire_slot - a cache line of a ring
 * @head: of a message's first slot: sequence, type and length; stored with
 *	  release after the message. Of a slot that nothing has been sent in: 0
 * @data: the message's first bytes
 *
 * A message takes as many slots in a row as its head and its bytes fill, past
 * the ring's end those at its start; only the first has a head, the others are
 * all data.
 */
struct mk_wire_slot {
	u64	head;
	u8	data[56];
};

static_assert(sizeof(struct mk_wire_slot) == 64);

#define MK_WIRE_SLOTS_MIN	128
#define MK_WIRE_SLOTS_MAX	65536

/* mk_wire_slot.head; the bits between length and type are zero */
#define MK_WIRE_HEAD_LEN	GENMASK_ULL(16, 0)
#define MK_WIRE_HEAD_TYPE	GENMASK_ULL(31, 20)
#define MK_WIRE_HEAD_SEQ	GENMASK_ULL(63, 32)
#define MK_WIRE_HEAD_ZERO	GENMASK_ULL(19, 17)

/*
 * The sequence of a head: a one, so that no head is 0; the sender's
 * incarnation, so that a slot of an earlier one is stale; the position.
 */
#define MK_WIRE_SEQ_VALID	BIT(31)
#define MK_WIRE_SEQ_SENDER	GENMASK(30, 20)
#define MK_WIRE_SEQ_POSITION	GENMASK(19, 0)

#endif /* _MULTIKERNEL_MK_WIRE_H */
