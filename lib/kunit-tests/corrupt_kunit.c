// SPDX-License-Identifier: GPL-2.0
/* Tests of a peer that writes nonsense: it loses its own link, and no other. */
#include <linux/bitfield.h>

#include "helpers.h"

#define CORRUPT_NR	3
#define CORRUPT_FROM	0	/* who writes it */
#define CORRUPT_TO	1	/* who reads it */
#define CORRUPT_OTHER	2	/* who is not concerned */

static enum mk_lane corrupt_lane(u32 type)
{
	return type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
}

/* The only ring of the lane from FROM to TO */
static struct mk_wire_tx *corrupt_tx(struct mk_test_machine *machine, u32 type)
{
	struct mk_wire_tx *tx = mk_test_arena(machine, CORRUPT_FROM) + MK_WIRE_TX;

	return &tx[CORRUPT_TO * MK_WIRE_LINK_RINGS + corrupt_lane(type) * MK_LANE_RINGS];
}

static struct mk_wire_slot *corrupt_slots(struct mk_test_machine *machine, u32 type)
{
	return mk_test_arena(machine, CORRUPT_FROM) + corrupt_tx(machine, type)->offset;
}

/* FROM sends @len bytes as what it should not; TO has not looked at them yet */
static void corrupt_send(struct kunit *test, struct mk_test_machine *machine, u32 type,
			 unsigned int kind, u32 len)
{
	struct mk_test_node *from = &machine->node[CORRUPT_FROM];
	struct kvec vec = { .iov_base = mk_test_buf(test, len ?: 1), .iov_len = len };

	mk_test_mute(from);
	KUNIT_ASSERT_EQ(test, 0, mk_link_send(&from->instance->links[CORRUPT_TO], type,
					      (enum mk_wire_kind)kind, &vec, 1, len, 0));
	mk_test_unmute(from);
}

/* Three nodes, and a message from FROM to TO that TO has not looked at yet */
static struct mk_test_machine *corrupt_setup(struct kunit *test, u32 type)
{
	struct mk_test_machine *machine = mk_test_joined(test, CORRUPT_NR);

	corrupt_send(test, machine, type, MK_WIRE_MESSAGE, 0);
	return machine;
}

static u64 corrupt_count(struct mk_test_machine *machine, unsigned int peer, u32 type)
{
	return mk_test_stats(&machine->node[CORRUPT_TO], peer, corrupt_lane(type)).corrupt;
}

/* TO closes the ring of FROM, once, and hears the others; a new life is heard */
static void corrupt_expect_closed(struct kunit *test, struct mk_test_machine *machine, u32 type)
{
	struct mk_test_node *from = &machine->node[CORRUPT_FROM];
	struct mk_test_node *to = &machine->node[CORRUPT_TO];
	struct mk_test_inbox *box = mk_test_box(to, type);
	int count = atomic_read(&box->count);

	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, 1, corrupt_count(machine, CORRUPT_FROM, type));

	KUNIT_EXPECT_EQ(test, 0, mk_test_note(from, CORRUPT_TO, type, 0, 0));
	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, count, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, 1, corrupt_count(machine, CORRUPT_FROM, type));

	mk_test_exchange(test, machine, CORRUPT_OTHER, CORRUPT_TO, type, 8);
	mk_test_exchange(test, machine, CORRUPT_TO, CORRUPT_TO, type, 8);
	KUNIT_EXPECT_EQ(test, 0, corrupt_count(machine, CORRUPT_OTHER, type));

	mk_test_leave(from);
	mk_test_join(test, from);
	mk_test_exchange(test, machine, CORRUPT_FROM, CORRUPT_TO, type, 8);
	KUNIT_EXPECT_EQ(test, 1, corrupt_count(machine, CORRUPT_FROM, type));
}

struct corrupt_tx {
	const char	*name;
	u32		offset;
	u32		nr_slots;
};

static const struct corrupt_tx corrupt_txs[] = {
	{ "no slots",		MK_WIRE_RINGS,			0 },
	{ "odd slots",		MK_WIRE_RINGS,			MK_WIRE_SLOTS_MIN + 1 },
	{ "few slots",		MK_WIRE_RINGS,			MK_WIRE_SLOTS_MIN / 2 },
	{ "many slots",		MK_WIRE_RINGS,			MK_WIRE_SLOTS_MAX },
	{ "too many slots",	MK_WIRE_RINGS,			MK_WIRE_SLOTS_MAX * 2 },
	{ "very many slots",	MK_WIRE_RINGS,			BIT(31) },
	{ "at 0",		0,				MK_WIRE_SLOTS_MIN },
	{ "low",		MK_WIRE_RINGS - 64,		MK_WIRE_SLOTS_MIN },
	{ "unaligned",		MK_WIRE_RINGS + 8,		MK_WIRE_SLOTS_MIN },
	{ "outside",		MK_TEST_ARENA(CORRUPT_NR),	MK_WIRE_SLOTS_MIN },
	{ "half outside",	MK_TEST_ARENA(CORRUPT_NR) - 64,	MK_WIRE_SLOTS_MIN },
	{ "far outside",	-64U,				MK_WIRE_SLOTS_MIN },
};

KUNIT_ARRAY_PARAM_DESC(corrupt_tx, corrupt_txs, name);

static void corrupt_ring_elsewhere(struct kunit *test)
{
	const struct corrupt_tx *bad = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, MK_TEST_INBOX);

	corrupt_tx(machine, MK_TEST_INBOX)->offset = bad->offset;
	corrupt_tx(machine, MK_TEST_INBOX)->nr_slots = bad->nr_slots;
	corrupt_expect_closed(test, machine, MK_TEST_INBOX);
}

static void corrupt_bulk_ring_elsewhere(struct kunit *test)
{
	struct mk_test_machine *machine = corrupt_setup(test, MK_TEST_BULK);

	corrupt_tx(machine, MK_TEST_BULK)->offset = MK_TEST_ARENA(CORRUPT_NR) - 64;
	corrupt_expect_closed(test, machine, MK_TEST_BULK);
}

static void corrupt_length(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);

	corrupt_slots(machine, *type)->head |= FIELD_MAX(MK_WIRE_HEAD_LEN);
	corrupt_expect_closed(test, machine, *type);
}

static void corrupt_reserved_bits(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);

	corrupt_slots(machine, *type)->head |= MK_WIRE_HEAD_ZERO;
	corrupt_expect_closed(test, machine, *type);
}

/* What came before the nonsense has been taken in */
static void corrupt_after_good_ones(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);
	struct mk_test_node *to = &machine->node[CORRUPT_TO];

	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mk_test_box(to, *type)->count));
	corrupt_send(test, machine, *type, MK_WIRE_MESSAGE, 0);
	corrupt_slots(machine, *type)[1].head ^= MK_WIRE_HEAD_ZERO;
	corrupt_expect_closed(test, machine, *type);
}

struct corrupt_kind {
	const char	*name;
	unsigned int	kind;
	u32		type;
	u32		len;
};

static const struct corrupt_kind corrupt_kinds[] = {
	{ "kind 3",			3,		 MK_TEST_INBOX, 16 },
	{ "kind 3, bulk",		3,		 MK_TEST_BULK,	16 },
	{ "message too long",		MK_WIRE_MESSAGE, MK_TEST_INBOX, MK_IPI_MAX_LEN + 1 },
	{ "message too long, bulk",	MK_WIRE_MESSAGE, MK_TEST_BULK,	MK_IPI_MAX_BULK_LEN + 1 },
	{ "empty request",		MK_WIRE_REQUEST, MK_TEST_INBOX, 0 },
	{ "short request",		MK_WIRE_REQUEST, MK_TEST_INBOX, 7 },
	{ "short request, bulk",	MK_WIRE_REQUEST, MK_TEST_BULK,	7 },
	{ "request too long",		MK_WIRE_REQUEST, MK_TEST_INBOX, MK_IPI_MAX_LEN + 9 },
	{ "request too long, bulk",	MK_WIRE_REQUEST, MK_TEST_BULK,	MK_IPI_MAX_BULK_LEN + 9 },
	{ "empty reply",		MK_WIRE_REPLY,	 MK_TEST_INBOX, 0 },
	{ "short reply",		MK_WIRE_REPLY,	 MK_TEST_INBOX, 15 },
};

KUNIT_ARRAY_PARAM_DESC(corrupt_kind, corrupt_kinds, name);

static void corrupt_kind(struct kunit *test)
{
	const struct corrupt_kind *bad = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, CORRUPT_NR);

	corrupt_send(test, machine, bad->type, bad->kind, bad->len);
	corrupt_expect_closed(test, machine, bad->type);
}

/* Replies have rings of their own, in which there is nothing else */
static void corrupt_reply_in_a_lane(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);

	corrupt_slots(machine, *type)->head |= FIELD_PREP(MK_WIRE_HEAD_KIND, MK_WIRE_REPLY);
	corrupt_expect_closed(test, machine, *type);
}

static void corrupt_message_among_replies(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, CORRUPT_NR);
	void *arena = mk_test_arena(machine, CORRUPT_FROM);
	const struct mk_wire_tx *tx = arena + MK_WIRE_TX;
	struct mk_wire_slot *slots;

	corrupt_send(test, machine, MK_TEST_INBOX, MK_WIRE_REPLY, sizeof(struct mk_wire_reply));
	tx += CORRUPT_TO * MK_WIRE_LINK_RINGS + MK_REPLY * MK_LANE_RINGS;
	slots = arena + tx->offset;
	slots->head &= ~MK_WIRE_HEAD_KIND;
	corrupt_expect_closed(test, machine, MK_TEST_INBOX);
}

/* A ring that was opened for another life of the receiver is none of its own */
static void corrupt_key_of_another_life(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);
	struct mk_test_node *to = &machine->node[CORRUPT_TO];

	corrupt_tx(machine, *type)->key ^= BIT_ULL(5);
	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mk_test_box(to, *type)->count));
	KUNIT_EXPECT_EQ(test, 0, corrupt_count(machine, CORRUPT_FROM, *type));
}

/* That which was closed stays closed, although it is shown as another, and again */
static void corrupt_key_comes_again(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);
	struct mk_test_node *to = &machine->node[CORRUPT_TO];
	struct mk_wire_tx *tx = corrupt_tx(machine, *type);
	u64 key = tx->key;
	unsigned int i;

	corrupt_slots(machine, *type)->head |= MK_WIRE_HEAD_ZERO;
	mk_test_settle(test, to);
	for (i = 0; i < 20; i++) {
		WRITE_ONCE(tx->key, i % 2 ? key : 0);
		mk_test_settle(test, to);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mk_test_box(to, *type)->count));
	KUNIT_EXPECT_EQ(test, 1, corrupt_count(machine, CORRUPT_FROM, *type));
	mk_test_exchange(test, machine, CORRUPT_OTHER, CORRUPT_TO, *type, 8);
}

/* To a door that is not there: whatever becomes of it, the others are served */
static void corrupt_ring_to_no_door(struct kunit *test)
{
	static const u32 door[] = { 1, 7, 8, 63, 64, U32_MAX };
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);
	struct mk_test_node *from = &machine->node[CORRUPT_FROM];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(door); i++) {
		corrupt_tx(machine, *type)->door = door[i];
		mk_test_settle(test, &machine->node[CORRUPT_TO]);
		mk_test_exchange(test, machine, CORRUPT_OTHER, CORRUPT_TO, *type, 8);
		mk_test_leave(from);
		mk_test_join(test, from);
		mk_test_settle(test, &machine->node[CORRUPT_TO]);
		mk_test_exchange(test, machine, CORRUPT_FROM, CORRUPT_TO, *type, 8);
	}
}

/* A door that nobody can ring is the peer's own loss */
static void corrupt_door(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, CORRUPT_NR);
	struct mk_wire_self *self = mk_test_arena(machine, CORRUPT_TO) + MK_WIRE_SELF;

	self->doors[0].hwid = U64_MAX;
	KUNIT_EXPECT_EQ(test, -EIO, mk_test_note(&machine->node[CORRUPT_FROM], CORRUPT_TO,
						 MK_TEST_INBOX, 0, 0));
	mk_test_exchange(test, machine, CORRUPT_FROM, CORRUPT_OTHER, MK_TEST_INBOX, 8);
}

static void corrupt_nr_doors(struct kunit *test)
{
	static const u32 nr[] = { 0, MK_WIRE_MAX_DOORS + 1, BIT(31), U32_MAX };
	struct mk_test_machine *machine = mk_test_joined(test, CORRUPT_NR);
	struct mk_wire_self *self = mk_test_arena(machine, CORRUPT_TO) + MK_WIRE_SELF;
	struct mk_test_node *from = &machine->node[CORRUPT_FROM];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		WRITE_ONCE(self->nr_doors, nr[i]);
		KUNIT_EXPECT_EQ(test, -EPROTO, mk_test_note(from, CORRUPT_TO, MK_TEST_INBOX, 0, 0));
		KUNIT_EXPECT_EQ(test, -EPROTO, mk_test_note(from, CORRUPT_TO, MK_TEST_BULK, 0, 0));
		mk_test_exchange(test, machine, CORRUPT_FROM, CORRUPT_OTHER, MK_TEST_INBOX, 8);
	}
	/* More than a kernel of this version has, but no nonsense */
	WRITE_ONCE(self->nr_doors, MK_WIRE_MAX_DOORS);
	mk_test_note(from, CORRUPT_TO, MK_TEST_INBOX, 0, 0);
	mk_test_exchange(test, machine, CORRUPT_FROM, CORRUPT_OTHER, MK_TEST_INBOX, 8);
}

/* A peer that acknowledges what it likes has its messages overwritten, and no others */
static void corrupt_ack(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test, *type);
	struct mk_wire_rx *rx = mk_test_arena(machine, CORRUPT_TO) + MK_WIRE_RX;
	struct mk_test_node *from = &machine->node[CORRUPT_FROM];
	struct mk_link *link = &from->instance->links[CORRUPT_TO];
	unsigned int i, index = corrupt_lane(*type) * MK_LANE_RINGS;
	u32 nr_slots = corrupt_tx(machine, *type)->nr_slots;
	int error;

	mk_test_mute(from);
	rx += CORRUPT_FROM * MK_WIRE_LINK_RINGS + index;
	for (i = 0; i < 3 * nr_slots; i++) {
		/* Now all is read, now nothing, now more than there is */
		rx->ack = FIELD_PREP(MK_WIRE_ACK_SENDER, (u64)from->instance->incarnation) |
			  FIELD_PREP(MK_WIRE_ACK_POSITION,
				     (u64)(link->tx[index].ring.pos + i % 3 - 1));
		error = mk_test_note(from, CORRUPT_TO, *type, 0, i);
		KUNIT_ASSERT_TRUE(test, error == 0 || error == -EAGAIN);
	}
	mk_test_unmute(from);
	mk_test_exchange(test, machine, CORRUPT_FROM, CORRUPT_OTHER, *type, 8);
	mk_test_exchange(test, machine, CORRUPT_OTHER, CORRUPT_TO, *type, 8);
}

static struct kunit_case corrupt_cases[] = {
	KUNIT_CASE_PARAM(corrupt_ring_elsewhere, corrupt_tx_gen_params),
	KUNIT_CASE(corrupt_bulk_ring_elsewhere),
	KUNIT_CASE_PARAM(corrupt_length, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(corrupt_reserved_bits, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(corrupt_after_good_ones, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(corrupt_kind, corrupt_kind_gen_params),
	KUNIT_CASE_PARAM(corrupt_reply_in_a_lane, mk_test_lane_gen_params),
	KUNIT_CASE(corrupt_message_among_replies),
	KUNIT_CASE_PARAM(corrupt_key_of_another_life, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(corrupt_key_comes_again, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(corrupt_ring_to_no_door, mk_test_lane_gen_params),
	KUNIT_CASE(corrupt_door),
	KUNIT_CASE(corrupt_nr_doors),
	KUNIT_CASE_PARAM(corrupt_ack, mk_test_lane_gen_params),
	{}
};

static struct kunit_suite corrupt_suite = {
	.name = "mk_corrupt",
	.test_cases = corrupt_cases,
};

kunit_test_suite(corrupt_suite);
