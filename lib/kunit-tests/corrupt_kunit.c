// SPDX-License-Identifier: GPL-2.0
/* Tests of a peer that writes nonsense: it loses its own link, and no other. */
#include "helpers.h"

#define CORRUPT_FROM	0	/* who writes it */
#define CORRUPT_TO	1	/* who reads it */
#define CORRUPT_OTHER	2	/* who is not concerned */

static struct mk_wire_tx *corrupt_tx(struct mk_test_machine *machine)
{
	struct mk_wire_tx *tx = mk_test_arena(machine, CORRUPT_FROM) + MK_WIRE_TX;

	return &tx[CORRUPT_TO];
}

/* The ring from FROM to TO */
static struct mk_wire_slot *corrupt_slots(struct mk_test_machine *machine)
{
	return mk_test_arena(machine, CORRUPT_FROM) + corrupt_tx(machine)->offset;
}

static void corrupt_note(struct kunit *test, struct mk_test_machine *machine, u32 from)
{
	KUNIT_ASSERT_EQ(test, 0, mk_instance_send(machine->node[from].instance, CORRUPT_TO,
						  MK_TEST_INBOX, NULL, 0));
}

/* Three nodes, and a message from FROM to TO that TO has not looked at yet */
static struct mk_test_machine *corrupt_setup(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	unsigned int i;

	for (i = 0; i < machine->nr; i++)
		mk_test_join(test, &machine->node[i]);
	mk_test_mute(&machine->node[CORRUPT_FROM]);
	corrupt_note(test, machine, CORRUPT_FROM);
	mk_test_unmute(&machine->node[CORRUPT_FROM]);
	return machine;
}

static struct mk_ipi_stats corrupt_stats(struct mk_test_node *node, unsigned int peer)
{
	struct mk_ipi_stats stats = {};

	mk_link_stats(&node->instance->links[peer], &stats);
	return stats;
}

/* TO closes the ring of FROM, once, and hears the others; a new life is heard */
static void corrupt_expect_closed(struct kunit *test, struct mk_test_machine *machine)
{
	struct mk_test_node *from = &machine->node[CORRUPT_FROM];
	struct mk_test_node *to = &machine->node[CORRUPT_TO];
	int count = atomic_read(&to->inbox.count);

	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, 1, corrupt_stats(to, CORRUPT_FROM).corrupt);

	corrupt_note(test, machine, CORRUPT_FROM);
	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, count, atomic_read(&to->inbox.count));
	KUNIT_EXPECT_EQ(test, 1, corrupt_stats(to, CORRUPT_FROM).corrupt);

	corrupt_note(test, machine, CORRUPT_OTHER);
	corrupt_note(test, machine, CORRUPT_TO);
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(to, count + 2));
	KUNIT_EXPECT_EQ(test, 0, corrupt_stats(to, CORRUPT_OTHER).corrupt);

	mk_test_leave(from);
	mk_test_join(test, from);
	corrupt_note(test, machine, CORRUPT_FROM);
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(to, count + 3));
	KUNIT_EXPECT_EQ(test, 1, corrupt_stats(to, CORRUPT_FROM).corrupt);
}

struct corrupt_tx {
	const char	*name;
	u32		offset;
	u32		nr_slots;
};

static const struct corrupt_tx corrupt_txs[] = {
	{ "no slots",		MK_WIRE_RINGS,		0 },
	{ "odd slots",		MK_WIRE_RINGS,		MK_WIRE_SLOTS_MIN + 1 },
	{ "few slots",		MK_WIRE_RINGS,		MK_WIRE_SLOTS_MIN / 2 },
	{ "many slots",		MK_WIRE_RINGS,		MK_WIRE_SLOTS_MAX },
	{ "too many slots",	MK_WIRE_RINGS,		MK_WIRE_SLOTS_MAX * 2 },
	{ "very many slots",	MK_WIRE_RINGS,		BIT(31) },
	{ "at 0",		0,			MK_WIRE_SLOTS_MIN },
	{ "low",		MK_WIRE_RINGS - 64,	MK_WIRE_SLOTS_MIN },
	{ "unaligned",		MK_WIRE_RINGS + 8,	MK_WIRE_SLOTS_MIN },
	{ "outside",		MK_TEST_ARENA,		MK_WIRE_SLOTS_MIN },
	{ "half outside",	MK_TEST_ARENA - 64,	MK_WIRE_SLOTS_MIN },
	{ "far outside",	-64U,			MK_WIRE_SLOTS_MIN },
};

KUNIT_ARRAY_PARAM_DESC(corrupt_tx, corrupt_txs, name);

static void corrupt_ring_elsewhere(struct kunit *test)
{
	const struct corrupt_tx *bad = test->param_value;
	struct mk_test_machine *machine = corrupt_setup(test);

	corrupt_tx(machine)->offset = bad->offset;
	corrupt_tx(machine)->nr_slots = bad->nr_slots;
	corrupt_expect_closed(test, machine);
}

static void corrupt_length(struct kunit *test)
{
	struct mk_test_machine *machine = corrupt_setup(test);

	corrupt_slots(machine)->head |= MK_IPI_MAX_LEN + 1;
	corrupt_expect_closed(test, machine);
}

static void corrupt_reserved_bits(struct kunit *test)
{
	struct mk_test_machine *machine = corrupt_setup(test);

	corrupt_slots(machine)->head |= MK_WIRE_HEAD_ZERO;
	corrupt_expect_closed(test, machine);
}

/* What came before the nonsense has been taken in */
static void corrupt_after_good_ones(struct kunit *test)
{
	struct mk_test_machine *machine = corrupt_setup(test);
	struct mk_test_node *to = &machine->node[CORRUPT_TO];

	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&to->inbox.count));
	mk_test_mute(&machine->node[CORRUPT_FROM]);
	corrupt_note(test, machine, CORRUPT_FROM);
	mk_test_unmute(&machine->node[CORRUPT_FROM]);
	corrupt_slots(machine)[1].head ^= BIT_ULL(18);
	corrupt_expect_closed(test, machine);
}

/* A ring that was opened for another life of the receiver is none of its own */
static void corrupt_key_of_another_life(struct kunit *test)
{
	struct mk_test_machine *machine = corrupt_setup(test);
	struct mk_test_node *to = &machine->node[CORRUPT_TO];

	corrupt_tx(machine)->key ^= BIT_ULL(5);
	mk_test_settle(test, to);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&to->inbox.count));
	KUNIT_EXPECT_EQ(test, 0, corrupt_stats(to, CORRUPT_FROM).corrupt);
}

/* A door that nobody can ring is the peer's own loss */
static void corrupt_door(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	struct mk_wire_self *self;
	unsigned int i;

	for (i = 0; i < machine->nr; i++)
		mk_test_join(test, &machine->node[i]);
	self = mk_test_arena(machine, CORRUPT_TO) + MK_WIRE_SELF;
	self->doors[0].hwid = U64_MAX;
	KUNIT_EXPECT_EQ(test, -EPROTO,
			mk_instance_send(machine->node[CORRUPT_FROM].instance, CORRUPT_TO,
					 MK_TEST_INBOX, NULL, 0));
	KUNIT_EXPECT_EQ(test, 0,
			mk_instance_send(machine->node[CORRUPT_FROM].instance, CORRUPT_OTHER,
					 MK_TEST_INBOX, NULL, 0));
	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&machine->node[CORRUPT_OTHER], 1));
}

static struct kunit_case corrupt_cases[] = {
	KUNIT_CASE_PARAM(corrupt_ring_elsewhere, corrupt_tx_gen_params),
	KUNIT_CASE(corrupt_length),
	KUNIT_CASE(corrupt_reserved_bits),
	KUNIT_CASE(corrupt_after_good_ones),
	KUNIT_CASE(corrupt_key_of_another_life),
	KUNIT_CASE(corrupt_door),
	{}
};

static struct kunit_suite corrupt_suite = {
	.name = "mk_corrupt",
	.test_cases = corrupt_cases,
};

kunit_test_suite(corrupt_suite);
