// SPDX-License-Identifier: GPL-2.0
/* Tests of lives in no particular order, while messages are under way. */
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#include "helpers.h"

#define RANDOM_NR	3
#define RANDOM_STEPS	mk_test_many(150)
#define RANDOM_TYPE	(MK_IPI_TYPE_LOCAL + 0x20)
#define RANDOM_BULK	((MK_IPI_TYPE_LOCAL + 0x21) | MK_IPI_BULK)

/**
 * struct random_note - a message that says whose life it is from, and for which
 * @from:   incarnation of the sender
 * @to:	    incarnation of the receiver
 * @number: counts those of this pair of lives and lane, from 0
 */
struct random_note {
	u32	from;
	u32	to;
	u32	number;
};

/**
 * struct random_taker - who takes the notes of one lane at one node
 * @handler: the handler
 * @node:    the node
 * @last:    by sender: the latest note
 * @count:   how many
 * @wrong:   those that were lost before, came twice, or were meant for another life
 */
struct random_taker {
	struct mk_ipi_handler	handler;
	struct mk_test_node	*node;
	struct random_note	last[RANDOM_NR];
	atomic_t		count;
	atomic_t		wrong;
};

/**
 * struct random_run - what goes on
 * @machine: who with
 * @lock:    by node: read to use its instance, written to end or begin it
 * @life:    by node: its incarnation, 0 while it has none
 * @taker:   by node and lane
 */
struct random_run {
	struct mk_test_machine	*machine;
	struct rw_semaphore	lock[RANDOM_NR];
	u32			life[RANDOM_NR];
	struct random_taker	taker[RANDOM_NR][MK_NR_LANES];
};

/**
 * struct random_writer - a thread that sends to a node by a lane
 * @run:  what it takes part in
 * @from: node that sends
 * @to:   node that it sends to
 * @type: RANDOM_TYPE or RANDOM_BULK
 * @note: the next one
 * @sent: how many
 * @task: the thread
 */
struct random_writer {
	struct random_run	*run;
	unsigned int		from;
	unsigned int		to;
	u32			type;
	struct random_note	note;
	unsigned int		sent;
	struct task_struct	*task;
};

/* One writer for each node and lane, so those of one sender come one by one */
static void random_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct random_taker *taker = container_of(handler, struct random_taker, handler);
	const struct random_note *note = msg->data;
	struct random_note *last = &taker->last[msg->from];
	const struct mk_wire_self *self = taker->node->region->arena + MK_WIRE_SELF;
	bool same = note->from == last->from && note->to == last->to;

	if (msg->len != sizeof(*note) || note->from != msg->incarnation ||
	    note->to != READ_ONCE(self->life) >> 32 || note->from < last->from ||
	    note->number != (same ? last->number + 1 : 0))
		atomic_inc(&taker->wrong);
	*last = *note;
	atomic_inc(&taker->count);
}

/* With both lives held fast, it is known which pair the message is of */
static int random_send(struct random_writer *writer)
{
	unsigned int low = min(writer->from, writer->to), high = max(writer->from, writer->to);
	struct random_run *run = writer->run;
	struct random_note *note = &writer->note;
	int ret = -ENOTCONN;

	down_read(&run->lock[low]);
	if (high != low)
		down_read_nested(&run->lock[high], SINGLE_DEPTH_NESTING);
	if (run->life[writer->from] && run->life[writer->to]) {
		if (note->from != run->life[writer->from] || note->to != run->life[writer->to])
			*note = (struct random_note) {
				.from = run->life[writer->from], .to = run->life[writer->to],
			};
		ret = mk_instance_send(run->machine->node[writer->from].instance, writer->to,
				       writer->type, note, sizeof(*note));
		if (!ret)
			note->number++;
	}
	if (high != low)
		up_read(&run->lock[high]);
	up_read(&run->lock[low]);
	return ret;
}

static int random_write(void *arg)
{
	struct random_writer *writer = arg;

	while (!kthread_should_stop()) {
		if (random_send(writer))
			usleep_range(100, 1000);
		else
			writer->sent++;
		cond_resched();
	}
	return 0;
}

/* Ends or begins the life of a node: in good order, or declared dead before */
static void random_step(struct kunit *test, struct random_run *run, u32 random)
{
	unsigned int i = random % RANDOM_NR;
	struct mk_test_node *keeper, *node = &run->machine->node[i];
	bool crash = i != MK_KEEPER && (random >> 8) % 2 && run->life[MK_KEEPER];

	down_write(&run->lock[i]);
	if (run->life[i]) {
		if (crash) {
			keeper = &run->machine->node[MK_KEEPER];
			if ((random >> 9) % 2)
				mk_region_fence(keeper->region, i, run->life[i]);
			else
				mk_instance_fence(keeper->instance, i, run->life[i]);
		}
		mk_test_leave(node);
		/* The next life begins to be told anew */
		node->events.nr = 0;
		run->life[i] = 0;
	}
	if ((random >> 10) % 4) {
		mk_test_join(test, node);
		run->life[i] = node->instance->incarnation;
	}
	up_write(&run->lock[i]);
}

static struct random_run *random_setup(struct kunit *test)
{
	struct random_run *run = mk_test_buf(test, sizeof(*run));
	struct mk_test_machine *machine = mk_test_joined(test, RANDOM_NR);
	struct random_taker *taker;
	unsigned int i, lane;

	run->machine = machine;
	for (i = 0; i < RANDOM_NR; i++) {
		init_rwsem(&run->lock[i]);
		run->life[i] = machine->node[i].instance->incarnation;
		for (lane = 0; lane < MK_NR_LANES; lane++) {
			taker = &run->taker[i][lane];
			taker->node = &machine->node[i];
			taker->handler.type = lane ? RANDOM_BULK : RANDOM_TYPE;
			taker->handler.name = "test random";
			taker->handler.fn = random_take;
			mk_test_handle(test, &machine->node[i], &taker->handler);
		}
	}
	return run;
}

/*
 * Whatever the order: what arrives is of the present pair of lives, in order and
 * without a gap. When all is quiet again everything arrives.
 */
static void random_lives(struct kunit *test)
{
	struct random_run *run = random_setup(test);
	struct mk_test_machine *machine = run->machine;
	unsigned int i, k, nr = RANDOM_NR * RANDOM_NR * MK_NR_LANES;
	struct random_writer *writer = kunit_kcalloc(test, nr, sizeof(*writer), GFP_KERNEL);
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, writer);
	for (i = 0; i < nr; i++) {
		writer[i].run = run;
		writer[i].from = i % RANDOM_NR;
		writer[i].to = i / RANDOM_NR % RANDOM_NR;
		writer[i].type = i / RANDOM_NR / RANDOM_NR ? RANDOM_BULK : RANDOM_TYPE;
		writer[i].task = mk_test_thread(test, random_write, &writer[i], mk_test_cpu(i));
	}
	prandom_seed_state(&rnd, 42);
	for (i = 0; i < RANDOM_STEPS; i++) {
		random_step(test, run, prandom_u32_state(&rnd));
		usleep_range(100, 5000);
	}
	for (i = 0; i < nr; i++)
		mk_test_thread_stop(test, writer[i].task);

	for (i = 0; i < RANDOM_NR; i++)
		if (!run->life[i])
			mk_test_join(test, &machine->node[i]);
	for (i = 0; i < RANDOM_NR; i++) {
		mk_test_settle(test, &machine->node[i]);
		for (k = 0; k < MK_NR_LANES; k++) {
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&run->taker[i][k].wrong));
			KUNIT_EXPECT_GT(test, atomic_read(&run->taker[i][k].count), 100);
		}
	}
	for (i = 0; i < RANDOM_NR * RANDOM_NR; i++) {
		mk_test_exchange(test, machine, i % RANDOM_NR, i / RANDOM_NR, MK_TEST_INBOX, 100);
		mk_test_exchange(test, machine, i % RANDOM_NR, i / RANDOM_NR, MK_TEST_BULK, 100);
	}
}

/* Each of them sees the others as they are in the end, however that came about */
static void random_states(struct kunit *test)
{
	struct random_run *run = random_setup(test);
	struct mk_test_node *node = run->machine->node;
	struct mk_ipi_peer_event event;
	struct rnd_state rnd;
	unsigned int i, k;

	prandom_seed_state(&rnd, 43);
	for (i = 0; i < 30; i++)
		random_step(test, run, prandom_u32_state(&rnd));
	for (i = 0; i < RANDOM_NR; i++) {
		if (!run->life[i])
			continue;
		for (k = 0; k < RANDOM_NR; k++) {
			if (k == i)
				continue;
			/* Who left before this one came was never told of */
			if (!run->life[k] && !mk_test_events_of(&node[i], k, &event, 1))
				continue;
			KUNIT_EXPECT_TRUE_MSG(test, mk_test_saw_last(&node[i], k, run->life[k] ?
								     MK_IPI_PEER_UP :
								     MK_IPI_PEER_DOWN),
					      "what %u was told of %u in life %u", i, k,
					      run->life[k]);
		}
	}
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE_SLOW(random_lives),
	KUNIT_CASE(random_states),
	{}
};

static struct kunit_suite random_suite = {
	.name = "mk_random",
	.test_cases = random_cases,
};

kunit_test_suite(random_suite);
