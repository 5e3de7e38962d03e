// SPDX-License-Identifier: GPL-2.0
/* Tests of a peer that writes at random over its arena, at any moment, for ever. */
#include <linux/kthread.h>
#include <linux/prandom.h>

#include "helpers.h"

#define SCRIBBLE_NOTES	500

/**
 * struct scribble - who writes what it should not
 * @machine: whose node 0 it is
 * @what:    what it does
 * @rnd:     its source of ideas
 * @times:   how often it has
 */
struct scribble {
	struct mk_test_machine		*machine;
	const struct scribble_what	*what;
	struct rnd_state		rnd;
	unsigned int			times;
};

/**
 * struct scribble_what - what is written
 * @name:  for people to read
 * @first: first byte of the arena that may be
 * @end:   behind the last one
 * @write: writes
 */
struct scribble_what {
	const char	*name;
	u32		first;
	u32		end;
	void		(*write)(struct scribble *scribble, void *arena);
};

static u64 scribble_u64(struct scribble *scribble)
{
	u64 high = prandom_u32_state(&scribble->rnd);

	return high << 32 | prandom_u32_state(&scribble->rnd);
}

static u32 scribble_below(struct scribble *scribble, u32 n)
{
	return prandom_u32_state(&scribble->rnd) % n;
}

static void scribble_words(struct scribble *scribble, void *arena)
{
	const struct scribble_what *what = scribble->what;
	u32 i, n = scribble_below(scribble, 16);
	u64 *word;

	for (i = 0; i < n; i++) {
		word = arena + what->first +
		       8 * scribble_below(scribble, (what->end - what->first) / 8);
		/* A bit of what is there, something small, or anything */
		switch (scribble_below(scribble, 3)) {
		case 0:
			WRITE_ONCE(*word, *word ^ BIT_ULL(scribble_below(scribble, 64)));
			break;
		case 1:
			WRITE_ONCE(*word, scribble_below(scribble, 100));
			break;
		default:
			WRITE_ONCE(*word, scribble_u64(scribble));
		}
	}
}

/* A ring of its own that it shows to one of the others */
static struct mk_wire_tx *scribble_tx(struct scribble *scribble, void *arena)
{
	struct mk_wire_tx *tx = arena + MK_WIRE_TX;

	return &tx[(1 + scribble_below(scribble, 2)) * MK_WIRE_LINK_RINGS +
		   scribble_below(scribble, 2) * MK_LANE_RINGS];
}

/* How far it has read a ring that one of the others shows to it */
static struct mk_wire_rx *scribble_rx(struct scribble *scribble, void *arena)
{
	struct mk_wire_rx *rx = arena + MK_WIRE_RX;

	return &rx[(1 + scribble_below(scribble, 2)) * MK_WIRE_LINK_RINGS +
		   scribble_below(scribble, 2) * MK_LANE_RINGS];
}

static struct mk_wire_bell *scribble_bell(struct scribble *scribble, void *arena)
{
	struct mk_wire_bell *bells = arena + MK_WIRE_BELLS;

	return &bells[1 + scribble_below(scribble, 2)];
}

static void scribble_acks(struct scribble *scribble, void *arena)
{
	WRITE_ONCE(scribble_rx(scribble, arena)->ack, BIT_ULL(32) | scribble_below(scribble, 5000));
}

static void scribble_events(struct scribble *scribble, void *arena)
{
	WRITE_ONCE(scribble_rx(scribble, arena)->event,
		   BIT_ULL(32) | scribble_below(scribble, 5000));
}

static void scribble_wants(struct scribble *scribble, void *arena)
{
	WRITE_ONCE(scribble_tx(scribble, arena)->want,
		   MK_WIRE_WANT | scribble_below(scribble, 5000));
}

/* Of this life, or of one long before */
static void scribble_keys(struct scribble *scribble, void *arena)
{
	struct mk_wire_tx *tx = scribble_tx(scribble, arena);

	if (scribble_below(scribble, 3))
		WRITE_ONCE(tx->key, BIT_ULL(32) | 1);
	else
		WRITE_ONCE(tx->key, scribble_below(scribble, 2) ? 0 : 1000 * BIT_ULL(32) | 1);
	WRITE_ONCE(scribble_bell(scribble, arena)->opened, scribble->times);
}

static void scribble_opened(struct scribble *scribble, void *arena)
{
	WRITE_ONCE(scribble_bell(scribble, arena)->opened, scribble->times);
}

static void scribble_rung(struct scribble *scribble, void *arena)
{
	WRITE_ONCE(scribble_bell(scribble, arena)->rung[scribble_below(scribble, 8)],
		   scribble->times);
}

static void scribble_rings(struct scribble *scribble, void *arena)
{
	struct mk_wire_tx *tx = scribble_tx(scribble, arena);

	WRITE_ONCE(tx->offset, scribble_below(scribble, 2 * MK_TEST_ARENA(3)) & ~63);
	WRITE_ONCE(tx->nr_slots, BIT(scribble_below(scribble, 32)));
	WRITE_ONCE(tx->door, scribble_below(scribble, 70));
	scribble_keys(scribble, arena);
}

/* Heads as they would be, but for their length, kind and type */
static void scribble_heads(struct scribble *scribble, void *arena)
{
	struct mk_wire_slot *slot = arena + scribble->what->first;
	u64 *head = &slot[scribble_below(scribble, 4096)].head;

	WRITE_ONCE(*head, (*head & ~(u64)U32_MAX) | prandom_u32_state(&scribble->rnd));
}

static void scribble_life(struct scribble *scribble, void *arena)
{
	struct mk_wire_self *self = arena + MK_WIRE_SELF;

	WRITE_ONCE(self->life, (u64)scribble_below(scribble, 4) << 32 |
			       scribble_below(scribble, 6));
	WRITE_ONCE(self->nr_doors, scribble_below(scribble, 70));
	WRITE_ONCE(self->version, scribble_below(scribble, 4) ? MK_WIRE_VERSION : 0);
	WRITE_ONCE(self->doors[0].hwid, scribble_below(scribble, 8));
	WRITE_ONCE(self->doors[0].number, scribble_below(scribble, 70));
	WRITE_ONCE(self->beat_ms, prandom_u32_state(&scribble->rnd));
}

static const struct scribble_what scribble_whats[] = {
	{ "acks",	0,		0,		scribble_acks },
	{ "events",	0,		0,		scribble_events },
	{ "wants",	0,		0,		scribble_wants },
	{ "keys",	0,		0,		scribble_keys },
	{ "opened",	0,		0,		scribble_opened },
	{ "rung",	0,		0,		scribble_rung },
	{ "rings",	0,		0,		scribble_rings },
	{ "heads",	MK_WIRE_RINGS,	0,		scribble_heads },
	{ "life",	0,		0,		scribble_life },
	{ "self",	MK_WIRE_SELF,	MK_WIRE_BEATS,	scribble_words },
	{ "bells",	MK_WIRE_BELLS,	MK_WIRE_BELLS + 192, scribble_words },
	{ "tx",		MK_WIRE_TX,	MK_WIRE_TX + SZ_4K, scribble_words },
	{ "rx",		MK_WIRE_RX,	MK_WIRE_RX + SZ_4K, scribble_words },
	{ "slots",	MK_WIRE_RINGS,	MK_WIRE_RINGS + SZ_256K, scribble_words },
	{ "anything",	0,		MK_TEST_ARENA(3), scribble_words },
};

KUNIT_ARRAY_PARAM_DESC(scribble, scribble_whats, name);

static int scribble_thread(void *arg)
{
	struct scribble *scribble = arg;
	struct mk_test_node *node = scribble->machine->node;
	void *arena = mk_test_arena(scribble->machine, 0);
	struct mk_door door;
	unsigned int to;

	while (!kthread_should_stop()) {
		scribble->times++;
		scribble->what->write(scribble, arena);
		/* It sends something now and then, and has the others look */
		to = 1 + scribble_below(scribble, 2);
		mk_test_note(&node[0], to, MK_TEST_INBOX, 0, 0);
		mk_test_note(&node[0], to, MK_TEST_BULK, 0, 0);
		if (!(scribble->times % 8)) {
			to = 1 + scribble_below(scribble, 2);
			node[to].backend->get_door(node[to].backend, node[to].cpu, &door);
			node[0].ring(node[0].backend, &door);
		}
		usleep_range(10, 100);
	}
	return 0;
}

static void scribble_traffic(struct kunit *test, struct mk_test_machine *machine)
{
	struct mk_test_writer *writer = kunit_kcalloc(test, 4, sizeof(*writer), GFP_KERNEL);
	struct mk_test_inbox *box;
	unsigned int i;
	bool arrived;

	KUNIT_ASSERT_NOT_NULL(test, writer);
	/* 1 to 2 and 2 to 1, by either lane */
	for (i = 0; i < 4; i++) {
		writer[i].from = &machine->node[1 + i % 2];
		writer[i].to = 2 - i % 2;
		writer[i].type = i / 2 ? MK_TEST_BULK : MK_TEST_INBOX;
		writer[i].id = 1 + i;
		writer[i].notes = SCRIBBLE_NOTES;
		writer[i].cpu = mk_test_cpu(i);
		mk_test_write(test, &writer[i]);
	}
	for (i = 0; i < 4; i++) {
		box = mk_test_box(&machine->node[writer[i].to], writer[i].type);
		arrived = mk_test_wait(READ_ONCE(box->next[1 + i]) == SCRIBBLE_NOTES);
		KUNIT_EXPECT_TRUE(test, arrived);
		KUNIT_EXPECT_FALSE(test, box->misordered & BIT(1 + i));
		mk_test_written(test, &writer[i]);
	}
}

/*
 * Nothing is promised to node 0 itself, as long as it does that. The others are not
 * concerned, and with its next life all is well.
 */
static void scribble(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	struct mk_test_node *node = machine->node;
	struct scribble *scribble = kunit_kzalloc(test, sizeof(*scribble), GFP_KERNEL);
	struct task_struct *task;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, scribble);
	mk_param_beat_ms = 100;
	mk_param_hang_ms = 100;
	for (i = 0; i < 3; i++)
		mk_test_join(test, &node[i]);
	scribble->machine = machine;
	scribble->what = test->param_value;
	prandom_seed_state(&scribble->rnd, 1234);
	task = mk_test_thread(test, scribble_thread, scribble, mk_test_cpu(0));
	for (i = 0; i < 3; i++) {
		scribble_traffic(test, machine);
		mk_test_note(&node[1], 0, MK_TEST_INBOX, 0, 0);
		mk_test_note(&node[2], 0, MK_TEST_BULK, 0, 0);
		mk_test_box_empty(&node[1].inbox);
		mk_test_box_empty(&node[1].bulk);
		mk_test_box_empty(&node[2].inbox);
		mk_test_box_empty(&node[2].bulk);
	}
	mk_test_thread_stop(test, task);
	KUNIT_EXPECT_GT(test, scribble->times, 10);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[1], 2, MK_URGENT).corrupt);
	KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[2], 1, MK_BULK).corrupt);

	mk_test_leave(&node[0]);
	mk_test_join(test, &node[0]);
	for (i = 0; i < 3; i++) {
		mk_test_settle(test, &node[i]);
		mk_test_box_empty(&node[i].inbox);
		mk_test_box_empty(&node[i].bulk);
	}
	for (i = 1; i < 3; i++) {
		mk_test_exchange(test, machine, 0, i, MK_TEST_INBOX, 100);
		mk_test_exchange(test, machine, 0, i, MK_TEST_BULK, 100);
		mk_test_exchange(test, machine, i, 0, MK_TEST_INBOX, 100);
		mk_test_exchange(test, machine, i, 0, MK_TEST_BULK, 100);
	}
}

static struct kunit_case scribble_cases[] = {
	KUNIT_CASE_PARAM_ATTR(scribble, scribble_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite scribble_suite = {
	.name = "mk_scribble",
	.test_cases = scribble_cases,
};

kunit_test_suite(scribble_suite);
