// SPDX-License-Identifier: GPL-2.0
/*
 * A test of a peer that writes at random over all of its arena, from all CPUs at once,
 * while there is all kind of traffic with it and among those that behave: theirs is
 * exact, and nothing worse happens to their kernels.
 *
 * evil_kunit.seed= on the command line has the same ideas come again, although not at
 * the same moments; evil_kunit.seconds= has it go on for longer.
 */
#include <linux/bitfield.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rwsem.h>

#include "helpers.h"

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "What the evil peer's ideas come from; 0: another one each time");

static unsigned int seconds = 3;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "How long it goes on");

#define EVIL_TYPE	(MK_IPI_TYPE_LOCAL + 0x10)
#define EVIL_BULK	((EVIL_TYPE + 1) | MK_IPI_BULK)
#define EVIL_CALL	(EVIL_TYPE + 2)
#define EVIL_CALL_BULK	((EVIL_TYPE + 3) | MK_IPI_BULK)

/* The good ones are first; one of them does not stay, and one is none of them */
#define EVIL_GOOD	2
#define EVIL_GUEST	2
#define EVIL_ONE	3
#define EVIL_NR		4

/* Bytes of the longest call among the good ones */
#define EVIL_LEN	600

/* A life of the evil one has a number that it has not invented before */
#define EVIL_LIFE	0x10001

/* Who sends notes: to one other, or to all */
enum evil_sender { EVIL_STREAM, EVIL_CAST, EVIL_SENDERS };

/**
 * struct evil_taker - what a good node takes of one lane
 * @handler: for messages
 * @server:  for calls
 * @next:    by good node and sender: number expected
 * @wrong:   notes of good nodes that had another one
 * @others:  messages of those that are not good, or not for long
 */
struct evil_taker {
	struct mk_ipi_handler	handler;
	struct mk_ipi_handler	server;
	u32			next[EVIL_GOOD][EVIL_SENDERS];
	atomic_t		wrong;
	atomic_t		others;
};

/**
 * struct evil_run - all of it
 * @machine: the nodes
 * @lock:    by node: held for writing while its instance comes or goes
 * @taker:   by node and lane
 * @seed:    what all ideas come from
 */
struct evil_run {
	struct mk_test_machine	*machine;
	struct rw_semaphore	lock[EVIL_NR];	/* instance */
	struct evil_taker	taker[EVIL_NR][MK_NR_LANES];
	u32			seed;
};

/**
 * struct evil_thread - somebody who is busy
 * @run:    in which
 * @from:   node
 * @lane:   by which it sends
 * @sender: of a good node's notes: which
 * @rnd:    its source of ideas
 * @times:  how often it has done what it does
 * @error:  what it should not have got
 * @task:   the thread
 */
struct evil_thread {
	struct evil_run		*run;
	unsigned int		from;
	enum mk_lane		lane;
	enum evil_sender	sender;
	struct rnd_state	rnd;
	u32			times;
	int			error;
	struct task_struct	*task;
};

static u32 evil_below(struct evil_thread *thread, u32 n)
{
	return prandom_u32_state(&thread->rnd) % n;
}

static u32 evil_type(enum mk_lane lane)
{
	return lane == MK_BULK ? EVIL_BULK : EVIL_TYPE;
}

static u32 evil_call_type(enum mk_lane lane)
{
	return lane == MK_BULK ? EVIL_CALL_BULK : EVIL_CALL;
}

static void evil_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct evil_taker *taker = container_of(handler, struct evil_taker, handler);
	const struct mk_test_note *note = msg->data;
	u32 *next;

	if (msg->from >= EVIL_GOOD) {
		atomic_inc(&taker->others);
		return;
	}
	if (msg->len != sizeof(*note) || note->sender >= EVIL_SENDERS) {
		atomic_inc(&taker->wrong);
		return;
	}
	next = &taker->next[msg->from][note->sender];
	if (note->number != *next)
		atomic_inc(&taker->wrong);
	WRITE_ONCE(*next, *next + 1);
}

static int evil_serve(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		      struct mk_ipi_reply *reply)
{
	if (msg->len > reply->size)
		return -EMSGSIZE;
	memcpy(reply->data, msg->data, msg->len);
	reply->len = msg->len;
	return 0;
}

/* What a peer that does as it likes can make of a message or a call to it */
static bool evil_may_be(int error)
{
	switch (error) {
	case 0:
	case -EAGAIN:
	case -ECONNRESET:
	case -EIO:
	case -EMSGSIZE:
	case -ENOENT:
	case -ENOSPC:
	case -ENOTCONN:
	case -ENXIO:
	case -EOPNOTSUPP:
	case -EPROTO:
	case -EREMOTEIO:
	case -ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* One of the others, whom nothing is promised */
static unsigned int evil_other(struct evil_thread *thread)
{
	return EVIL_GOOD + evil_below(thread, EVIL_NR - EVIL_GOOD);
}

/* A good node sends the next one notes that must not get lost, and others to the others */
static int evil_stream(void *arg)
{
	struct evil_thread *thread = arg;
	struct mk_test_node *node = &thread->run->machine->node[thread->from];
	unsigned int to = (thread->from + 1) % EVIL_GOOD;
	u32 type = evil_type(thread->lane);
	int error;

	while (!kthread_should_stop() && !thread->error) {
		error = mk_test_note(node, to, type, EVIL_STREAM, thread->times);
		if (!error)
			WRITE_ONCE(thread->times, thread->times + 1);
		else if (error != -EAGAIN)
			thread->error = error;
		error = mk_test_note(node, evil_other(thread), type, EVIL_STREAM, 0);
		if (!evil_may_be(error))
			thread->error = error;
		if (error || !evil_below(thread, 8))
			usleep_range(50, 500);
		cond_resched();
	}
	return 0;
}

/* The same to all at once; who has not got it gets it later, and nobody twice */
static int evil_cast(void *arg)
{
	struct evil_thread *thread = arg;
	struct mk_instance *instance = thread->run->machine->node[thread->from].instance;
	struct mk_test_note note = { .sender = EVIL_CAST };
	int errors[MK_IPI_MAX_INSTANCES];
	unsigned long end = 0;
	unsigned int i;
	u64 left = 0;

	while (!kthread_should_stop() || left) {
		/* When it ends, whoever has no room gets the last one yet */
		if (kthread_should_stop() && !end)
			end = jiffies + mk_test_long();
		if (end && time_after(jiffies, end)) {
			thread->error = -ETIMEDOUT;
			break;
		}
		if (!left)
			left = GENMASK(EVIL_NR - 1, 0) & ~BIT_ULL(thread->from);
		note.number = thread->times;
		mk_instance_broadcast(instance, left, evil_type(thread->lane), &note, sizeof(note),
				      errors);
		for (i = 0; i < EVIL_NR; i++) {
			if (!(left & BIT_ULL(i)))
				continue;
			if (i >= EVIL_GOOD ? !evil_may_be(errors[i]) :
					     errors[i] && errors[i] != -EAGAIN)
				thread->error = errors[i];
			if (i >= EVIL_GOOD || errors[i] != -EAGAIN)
				left &= ~BIT_ULL(i);
		}
		if (!left)
			WRITE_ONCE(thread->times, thread->times + 1);
		usleep_range(50, 500);
	}
	return 0;
}

/* A good node calls the next one, which must answer, and the others, which need not */
static int evil_call(void *arg)
{
	struct evil_thread *thread = arg;
	struct mk_instance *instance = thread->run->machine->node[thread->from].instance;
	u8 *answer = kmalloc(EVIL_LEN, GFP_KERNEL), *data = kmalloc(EVIL_LEN, GFP_KERNEL);
	struct mk_ipi_reply reply = { .data = answer, .size = EVIL_LEN };
	u32 len, type;
	int error;

	while (answer && data && !kthread_should_stop() && !thread->error) {
		type = evil_call_type(evil_below(thread, MK_NR_LANES));
		len = evil_below(thread, EVIL_LEN + 1);
		mk_test_fill(data, len, prandom_u32_state(&thread->rnd));
		error = mk_instance_call(instance, (thread->from + 1) % EVIL_GOOD, type, data, len,
					 &reply, 60 * HZ);
		if (!error && (reply.len != len || memcmp(answer, data, len)))
			error = -EBADMSG;
		thread->error = error;
		WRITE_ONCE(thread->times, thread->times + 1);

		error = mk_instance_call(instance, evil_other(thread), type, data, len, &reply,
					 HZ / 20);
		if (!evil_may_be(error) || reply.len > EVIL_LEN)
			thread->error = error ?: -EOVERFLOW;
		usleep_range(50, 500);
	}
	kfree(answer);
	kfree(data);
	return 0;
}

/* Those that are not good send and call, too */
static int evil_send(void *arg)
{
	struct evil_thread *thread = arg;
	struct evil_run *run = thread->run;
	struct mk_test_node *node = &run->machine->node[thread->from];
	unsigned int to;
	u64 data = 0;

	while (!kthread_should_stop()) {
		to = evil_below(thread, EVIL_GOOD);
		down_read(&run->lock[thread->from]);
		if (node->instance) {
			mk_test_note(node, to, evil_type(thread->lane), EVIL_STREAM, 0);
			if (!evil_below(thread, 16))
				mk_instance_call(node->instance, to, evil_call_type(thread->lane),
						 &data, sizeof(data), NULL, HZ / 20);
		}
		up_read(&run->lock[thread->from]);
		WRITE_ONCE(thread->times, thread->times + 1);
		usleep_range(50, 500);
	}
	return 0;
}

/* A place in the arena: anywhere, or among what others look at often */
static u64 *evil_place(struct evil_thread *thread)
{
	struct mk_test_machine *machine = thread->run->machine;
	u64 size = mk_test_header(machine)->arena_size;
	u32 link = evil_below(thread, EVIL_NR) * MK_WIRE_LINK_RINGS;
	u32 at;

	switch (evil_below(thread, 8)) {
	case 0:
		at = MK_WIRE_SELF + evil_below(thread, 128);
		break;
	case 1:
		at = MK_WIRE_BEATS + evil_below(thread, 64);
		break;
	case 2:
		at = MK_WIRE_BELLS + evil_below(thread, EVIL_NR * sizeof(struct mk_wire_bell));
		break;
	case 3:
		at = MK_WIRE_TX + (link + evil_below(thread, 16)) * sizeof(struct mk_wire_tx) +
		     evil_below(thread, 32);
		break;
	case 4:
		at = MK_WIRE_RX + (link + evil_below(thread, 16)) * sizeof(struct mk_wire_rx) +
		     evil_below(thread, 16);
		break;
	case 5:
		at = MK_WIRE_RINGS + evil_below(thread, SZ_256K);
		break;
	default:
		at = evil_below(thread, size);
	}
	return mk_test_arena(machine, EVIL_ONE) + ALIGN_DOWN(at, sizeof(u64));
}

static void evil_write(struct evil_thread *thread)
{
	u64 *place = evil_place(thread);
	u64 high = prandom_u32_state(&thread->rnd);

	switch (evil_below(thread, 4)) {
	case 0:
		WRITE_ONCE(*place, READ_ONCE(*place) ^ BIT_ULL(evil_below(thread, 64)));
		break;
	case 1:
		WRITE_ONCE(*place, READ_ONCE(*place) + evil_below(thread, 5) - 2);
		break;
	case 2:
		WRITE_ONCE(*place, evil_below(thread, 100));
		break;
	default:
		WRITE_ONCE(*place, high << 32 | prandom_u32_state(&thread->rnd));
	}
}

/* A few words at a time, and a doorbell at somebody's door; not while it is being born */
static int evil_scribble(void *arg)
{
	struct evil_thread *thread = arg;
	struct evil_run *run = thread->run;
	struct mk_test_node *node = run->machine->node;
	struct mk_door door = {};
	unsigned int i, to;

	while (!kthread_should_stop()) {
		down_read(&run->lock[EVIL_ONE]);
		for (i = evil_below(thread, 32); i; i--)
			evil_write(thread);
		up_read(&run->lock[EVIL_ONE]);
		to = evil_below(thread, EVIL_GOOD);
		node[to].soft->get_door(node[to].soft, node[to].cpu, &door);
		node[EVIL_ONE].ring(node[EVIL_ONE].soft, &door);
		WRITE_ONCE(thread->times, thread->times + 1);
		if (evil_below(thread, 4))
			usleep_range(10, 200);
		cond_resched();
	}
	return 0;
}

/* A new life of the evil one, as the keeper would number it */
static void evil_join(struct kunit *test, struct evil_run *run, u32 life)
{
	struct mk_wire_self *self = mk_test_arena(run->machine, EVIL_ONE) + MK_WIRE_SELF;

	WRITE_ONCE(self->life, FIELD_PREP(MK_WIRE_LIFE_INCARNATION, (u64)life - 1) |
			       FIELD_PREP(MK_WIRE_LIFE_STATE, MK_WIRE_LEFT));
	mk_test_join(test, &run->machine->node[EVIL_ONE]);
}

/* Lives begin and end, by their own will or by the keeper's word */
static void evil_step(struct kunit *test, struct evil_run *run, struct rnd_state *rnd, u32 *life)
{
	struct mk_test_node *node = run->machine->node;
	u32 random = prandom_u32_state(rnd);
	unsigned int i = random % 4 ? EVIL_ONE : EVIL_GUEST;

	down_write(&run->lock[i]);
	if (i == EVIL_ONE && (random >> 8) % 2)
		mk_instance_fence(node[MK_KEEPER].instance, i, *life);
	mk_test_leave(&node[i]);
	node[i].events.nr = 0;
	if (i == EVIL_ONE)
		evil_join(test, run, *life += EVIL_LIFE);
	else
		mk_test_join(test, &node[i]);
	up_write(&run->lock[i]);
}

static struct evil_run *evil_setup(struct kunit *test)
{
	struct evil_run *run = mk_test_buf(test, sizeof(*run));
	struct mk_test_machine *machine = mk_test_machine(test, EVIL_NR);
	struct mk_test_node *node = machine->node;
	unsigned int i, k, lane;

	run->machine = machine;
	run->seed = seed ?: get_random_u32();
	kunit_info(test, "evil_kunit.seed=%u\n", run->seed);
	/* So often, and so late, that it makes no difference to the good ones */
	mk_param_beat_ms = 100;
	for (i = 0; i < EVIL_NR; i++) {
		init_rwsem(&run->lock[i]);
		for (lane = 0; lane < MK_NR_LANES; lane++) {
			struct evil_taker *taker = &run->taker[i][lane];

			taker->handler.type = evil_type(lane);
			taker->handler.name = "test evil";
			taker->handler.fn = evil_take;
			taker->server.type = evil_call_type(lane);
			taker->server.name = "test evil call";
			taker->server.call = evil_serve;
			mk_test_handle(test, &node[i], &taker->handler);
			mk_test_handle(test, &node[i], &taker->server);
		}
		/* It answers whatever has its type, and is not made for that */
		mk_handlers_del(node[i].handlers, &node[i].echo);
		mk_test_join(test, &node[i]);
	}
	/* A ring of each lane to everybody, for whom there is no room later */
	for (i = 0; i < EVIL_NR; i++)
		for (k = 0; k < EVIL_NR; k++)
			for (lane = 0; lane < MK_NR_LANES && i != k; lane++)
				KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[i], k, lane ?
								      MK_TEST_BULK : MK_TEST_INBOX,
								      0, 0));
	return run;
}

static struct evil_thread *evil_begin(struct kunit *test, struct evil_run *run,
				      struct evil_thread *thread, int (*fn)(void *arg),
				      unsigned int from, unsigned int n)
{
	thread->run = run;
	thread->from = from;
	prandom_seed_state(&thread->rnd, run->seed + n);
	thread->task = mk_test_thread(test, fn, thread, mk_test_cpu(n));
	return thread + 1;
}

/* What good nodes have sent to good nodes has arrived, each once and in order */
static void evil_expect_exact(struct kunit *test, struct evil_run *run,
			      const struct evil_thread *thread)
{
	unsigned int i;
	u32 *next;

	for (i = 0; i < EVIL_GOOD; i++) {
		if (i == thread->from || (thread->sender == EVIL_STREAM &&
					  i != (thread->from + 1) % EVIL_GOOD))
			continue;
		next = &run->taker[i][thread->lane].next[thread->from][thread->sender];
		KUNIT_EXPECT_TRUE_MSG(test, mk_test_wait(READ_ONCE(*next) >= thread->times),
				      "%u to %u", thread->from, i);
		KUNIT_EXPECT_EQ(test, thread->times, READ_ONCE(*next));
	}
}

/* With a new life of the evil one, all is as it should be between all of them */
static void evil_expect_well(struct kunit *test, struct evil_run *run)
{
	struct mk_test_machine *machine = run->machine;
	unsigned int i, k;

	for (i = 0; i < EVIL_NR; i++) {
		mk_test_settle(test, &machine->node[i]);
		mk_test_box_empty(&machine->node[i].inbox);
		mk_test_box_empty(&machine->node[i].bulk);
	}
	for (i = 0; i < EVIL_NR; i++) {
		for (k = 0; k < EVIL_NR; k++) {
			if (i == k)
				continue;
			mk_test_exchange(test, machine, i, k, MK_TEST_INBOX, 100);
			mk_test_exchange(test, machine, i, k, MK_TEST_BULK, 100);
		}
	}
}

#define EVIL_SCRIBBLERS	4
#define EVIL_THREADS	(EVIL_GOOD * (MK_NR_LANES + 2) + 3 + EVIL_SCRIBBLERS)

static void evil(struct kunit *test)
{
	struct evil_run *run = evil_setup(test);
	struct evil_thread *thread = mk_test_buf(test, EVIL_THREADS * sizeof(*thread));
	struct evil_thread *end = thread, *good, *t;
	u32 life = run->machine->node[EVIL_ONE].instance->incarnation;
	unsigned long until;
	struct rnd_state rnd;
	unsigned int i;

	for (i = 0; i < EVIL_GOOD * MK_NR_LANES; i++) {
		end->lane = i / EVIL_GOOD;
		end = evil_begin(test, run, end, evil_stream, i % EVIL_GOOD, i);
	}
	for (i = 0; i < EVIL_GOOD; i++) {
		end->lane = i % MK_NR_LANES;
		end->sender = EVIL_CAST;
		end = evil_begin(test, run, end, evil_cast, i, end - thread);
	}
	for (i = 0; i < EVIL_GOOD; i++)
		end = evil_begin(test, run, end, evil_call, i, end - thread);
	good = end;
	for (i = 0; i < 3; i++) {
		end->lane = i % MK_NR_LANES;
		end = evil_begin(test, run, end, evil_send, i / 2 ? EVIL_GUEST : EVIL_ONE,
				 end - thread);
	}
	for (i = 0; i < EVIL_SCRIBBLERS; i++)
		end = evil_begin(test, run, end, evil_scribble, EVIL_ONE, end - thread);

	prandom_seed_state(&rnd, run->seed);
	until = jiffies + seconds * HZ;
	while (time_before(jiffies, until)) {
		msleep(1 + prandom_u32_state(&rnd) % 50);
		evil_step(test, run, &rnd, &life);
	}
	/* However slow this machine is: enough of everything */
	for (t = thread; t < end; t++)
		KUNIT_EXPECT_TRUE_MSG(test, mk_test_wait(READ_ONCE(t->times) >= 20 || t->error),
				      "thread %zu", t - thread);

	/* All have what was sent to them while it still goes on */
	for (t = thread; t < good; t++) {
		mk_test_thread_stop(test, t->task);
		KUNIT_EXPECT_EQ_MSG(test, 0, t->error, "thread %zu", t - thread);
	}
	for (t = thread; t < good - EVIL_GOOD; t++)
		evil_expect_exact(test, run, t);
	for (; t < end; t++)
		if (t >= good)
			mk_test_thread_stop(test, t->task);
	for (i = 0; i < EVIL_GOOD * MK_NR_LANES; i++)
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&run->taker[i / 2][i % 2].wrong));
	for (i = 0; i < EVIL_GOOD * EVIL_GOOD; i++) {
		struct mk_test_node *node = &run->machine->node[i / EVIL_GOOD];

		KUNIT_EXPECT_EQ(test, 0, mk_test_stats(node, i % EVIL_GOOD, MK_URGENT).corrupt);
		KUNIT_EXPECT_EQ(test, 0, mk_test_stats(node, i % EVIL_GOOD, MK_BULK).corrupt);
	}

	mk_test_leave(&run->machine->node[EVIL_ONE]);
	evil_join(test, run, life + EVIL_LIFE);
	evil_expect_well(test, run);
}

static struct kunit_case evil_cases[] = {
	KUNIT_CASE_SLOW(evil),
	{}
};

static struct kunit_suite evil_suite = {
	.name = "mk_evil",
	.test_cases = evil_cases,
};

kunit_test_suite(evil_suite);
