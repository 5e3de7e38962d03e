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
 *	MK_WIRE_BEATS	u32[64]			  by door: that its CPU is alive
 *	MK_WIRE_BELLS	struct mk_wire_bell[64]	  by receiver: that I have rung
 *	MK_WIRE_TX	struct mk_wire_tx[64][24] by receiver: my outgoing rings
 *	MK_WIRE_RX	struct mk_wire_rx[64][24] by sender: how far I have read
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
 * What is up to and with mk_wire_header.arena_size, and up to and with
 * mk_wire_self.features, is the same in every version, so that kernels of two
 * versions can tell each other that they do not fit.
 */
#define MK_WIRE_VERSION		2

/* Features that every instance of a region must know; none exist yet. */
#define MK_WIRE_FEATURES	0ULL

#define MK_WIRE_MAX_INSTANCES	64
#define MK_WIRE_MAX_DOORS	64

/* Header and arenas start on this boundary: a page of any page size */
#define MK_WIRE_ALIGN		SZ_64K

/*
 * Rings from one instance to another: the first MK_WIRE_LANE_RINGS are the urgent
 * lane, the next as many the bulk lane, the last are for replies. Nothing that waits
 * for room for its reply is in those, so two kernels that call each other cannot wait
 * for each other.
 */
#define MK_WIRE_LANE_RINGS	8
#define MK_WIRE_LINK_RINGS	(3 * MK_WIRE_LANE_RINGS)

/* Bytes of the largest message of either lane, with the head of a call; or of a reply */
#define MK_WIRE_URGENT_LEN	(SZ_4K + 16)
#define MK_WIRE_BULK_LEN	(SZ_64K + 16)

#define MK_WIRE_SELF		0x00000
#define MK_WIRE_BEATS		0x00800
#define MK_WIRE_BELLS		0x01000
#define MK_WIRE_TX		0x02000
#define MK_WIRE_RX		0x1a000
#define MK_WIRE_RINGS		0x32000

/**
 * struct mk_wire_header - what the region is; the first bytes of it
 * @magic:	  MK_WIRE_MAGIC, stored last and with release
 * @version:	  layout version, MK_WIRE_VERSION
 * @nr_instances: arenas that follow, 1 to MK_WIRE_MAX_INSTANCES
 * @size:	  bytes of the whole region
 * @features:	  bits that all who join must know
 * @arena_offset: bytes from the region's start to the arena of instance 0
 * @arena_size:	  bytes of one arena
 * @nr_fenced:	  how often @fenced was changed, so that others look at it
 * @reserved:	  zero
 * @fenced:	  by instance: its incarnations up to this one are dead, whatever
 *		  its own page says; never grows less
 *
 * Writer: the keeper, which is instance 0. All but @fenced and @nr_fenced stays
 * as it is from the moment that @magic is there.
 */
struct mk_wire_header {
	u64	magic;
	u32	version;
	u32	nr_instances;
	u64	size;
	u64	features;
	u64	arena_offset;
	u64	arena_size;
	u32	nr_fenced;
	u32	reserved[3];
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
 * @MK_WIRE_REFUSED: it does not know the region's layout version or features; it
 *		     has written mk_wire_self.version and .features, and no more
 */
enum mk_wire_state {
	MK_WIRE_VACANT	= 0,
	MK_WIRE_JOINING	= 1,
	MK_WIRE_UP	= 2,
	MK_WIRE_LEFT	= 3,
	MK_WIRE_REFUSED	= 4,
};

/* mk_wire_self.life: the incarnation above, the state below, stored as one */
#define MK_WIRE_LIFE_STATE		GENMASK_ULL(31, 0)
#define MK_WIRE_LIFE_INCARNATION	GENMASK_ULL(63, 32)

/**
 * struct mk_wire_door - where one CPU of an instance is rung
 * @hwid:     the architecture's id of the CPU: APIC id, MPIDR, ...
 * @number:   what is rung there: vector, SGI, ...
 * @reserved: zero
 *
 * @hwid may change while the instance is up, when the door moves to another
 * CPU; @number does not.
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
 * @nr_doors: entries of @doors that are filled in; the same for a whole life
 * @features: features that this instance knows
 * @reason:   why it has left, enum mk_wire_reason
 * @beat_ms:  milliseconds between two beats, at MK_WIRE_BEATS
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
	u32			beat_ms;
	u64			reserved[4];
	struct mk_wire_door	doors[MK_WIRE_MAX_DOORS];
};

static_assert(offsetof(struct mk_wire_self, doors) == 64);
static_assert(sizeof(struct mk_wire_self) <= MK_WIRE_BEATS - MK_WIRE_SELF);
static_assert(MK_WIRE_MAX_DOORS * sizeof(u32) <= MK_WIRE_BELLS - MK_WIRE_BEATS);

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

#define MK_WIRE_BELL_DOORS	8

/**
 * struct mk_wire_bell - that a sender has rung at a receiver
 * @rung:     doorbells rung at door d, counted in entry d modulo
 *	      MK_WIRE_BELL_DOORS
 * @opened:   rings opened; who finds it changed looks at the keys of all
 * @reserved: zero
 *
 * Writer: the arena's instance, which is the one that rings. A doorbell has no
 * sender: whoever is rung looks here, in a line of each instance, for who it
 * was.
 */
struct mk_wire_bell {
	u32	rung[MK_WIRE_BELL_DOORS];
	u32	opened;
	u32	reserved[7];
};

static_assert(sizeof(struct mk_wire_bell) == 64);
static_assert(MK_WIRE_MAX_INSTANCES * sizeof(struct mk_wire_bell) <= MK_WIRE_TX - MK_WIRE_BELLS);

/**
 * struct mk_wire_tx - an outgoing ring
 * @key:      incarnation of the sender above, of the receiver below; zero while
 *	      there is no ring; stored with release after the rest
 * @offset:   bytes from the arena's start to the first slot
 * @nr_slots: slots, a power of two
 * @door:     the receiver's door that drains the ring
 * @pad:      zero
 * @want:     MK_WIRE_WANT, a position and a door: ring me there when the ack
 *	      moves past it. 0: do not
 * @reserved: zero
 *
 * Writer: the arena's instance, which is the sender. It opens the ring anew
 * for each pair of incarnations.
 */
struct mk_wire_tx {
	u64	key;
	u32	offset;
	u32	nr_slots;
	u32	door;
	u32	pad;
	u64	want;
	u64	reserved[4];
};

static_assert(sizeof(struct mk_wire_tx) == 64);
static_assert(MK_WIRE_MAX_INSTANCES * MK_WIRE_LINK_RINGS * sizeof(struct mk_wire_tx) <=
	      MK_WIRE_RX - MK_WIRE_TX);

#define MK_WIRE_KEY_RECEIVER	GENMASK_ULL(31, 0)
#define MK_WIRE_KEY_SENDER	GENMASK_ULL(63, 32)

#define MK_WIRE_WANT		BIT_ULL(63)
#define MK_WIRE_WANT_DOOR	GENMASK_ULL(37, 32)
#define MK_WIRE_WANT_POSITION	GENMASK_ULL(31, 0)

/**
 * struct mk_wire_rx - how far a ring has been read
 * @ack:      incarnation of the sender above, position of the first slot that was
 *	      not read yet below; stored with release after the reads. It may lag
 *	      behind what was read by up to a quarter of the ring
 * @event:    incarnation of the sender above, position below: ring me when the
 *	      slot of that position is filled. Of another incarnation: always
 * @reserved: zero
 *
 * Writer: the arena's instance, which is the receiver.
 */
struct mk_wire_rx {
	u64	ack;
	u64	event;
	u64	reserved[6];
};

static_assert(sizeof(struct mk_wire_rx) == 64);
static_assert(MK_WIRE_MAX_INSTANCES * MK_WIRE_LINK_RINGS * sizeof(struct mk_wire_rx) <=
	      MK_WIRE_RINGS - MK_WIRE_RX);

/* mk_wire_rx.ack and .event */
#define MK_WIRE_ACK_POSITION	GENMASK_ULL(31, 0)
#define MK_WIRE_ACK_SENDER	GENMASK_ULL(63, 32)

/**
 * struct mk_wire_slot - a cache line of a ring
 * @head: of a message's first slot: sequence, type and length; stored with
 *	  release after the message. Of the slot behind the newest message: 0
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

/* mk_wire_slot.head; bit 19 is zero */
#define MK_WIRE_HEAD_LEN	GENMASK_ULL(16, 0)
#define MK_WIRE_HEAD_KIND	GENMASK_ULL(18, 17)
#define MK_WIRE_HEAD_ZERO	BIT_ULL(19)
#define MK_WIRE_HEAD_TYPE	GENMASK_ULL(31, 20)
#define MK_WIRE_HEAD_SEQ	GENMASK_ULL(63, 32)

/**
 * enum mk_wire_kind - what a message is
 * @MK_WIRE_MESSAGE: no more than that
 * @MK_WIRE_REQUEST: it begins with struct mk_wire_request, and is answered by a reply
 * @MK_WIRE_REPLY:   it begins with struct mk_wire_reply; by a ring of replies, in which
 *		     there is nothing else
 */
enum mk_wire_kind {
	MK_WIRE_MESSAGE	= 0,
	MK_WIRE_REQUEST	= 1,
	MK_WIRE_REPLY	= 2,
};

/**
 * struct mk_wire_request - how a request begins
 * @token: whatever the caller knows its call by; the reply brings it back
 */
struct mk_wire_request {
	u64	token;
};

/**
 * struct mk_wire_reply - how a reply begins
 * @token:  of the request
 * @result: enum mk_wire_result
 * @error:  with MK_WIRE_RESULT_FAILED: the handler's errno, 1 to 4095; else 0
 *
 * The bytes of the answer follow, if @result is MK_WIRE_RESULT_DONE.
 */
struct mk_wire_reply {
	u64	token;
	u32	result;
	u32	error;
};

static_assert(sizeof(struct mk_wire_reply) == 16);

/**
 * enum mk_wire_result - how a call went on the side that was called
 * @MK_WIRE_RESULT_DONE:       the handler has answered
 * @MK_WIRE_RESULT_FAILED:     the handler has failed
 * @MK_WIRE_RESULT_NO_HANDLER: no handler on that lane takes calls of the type
 */
enum mk_wire_result {
	MK_WIRE_RESULT_DONE		= 0,
	MK_WIRE_RESULT_FAILED		= 1,
	MK_WIRE_RESULT_NO_HANDLER	= 2,
};

/*
 * The sequence of a head: a one, so that no head is 0; the sender's
 * incarnation, so that a slot of an earlier one is stale; the position.
 */
#define MK_WIRE_SEQ_VALID	BIT(31)
#define MK_WIRE_SEQ_SENDER	GENMASK(30, 20)
#define MK_WIRE_SEQ_POSITION	GENMASK(19, 0)

#endif /* _MULTIKERNEL_MK_WIRE_H */
