// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of doorbells that go wrong: whatever becomes of them, each message arrives,
 * once and in order, and those who wait are woken; within a beat, if by no doorbell.
 */
#include <linux/kthread.h>

#include "../../kernel/multikernel/fault.h"
#include "helpers.h"

#define FAULT_NR	2
#define FAULT_BEAT_MS	20
#define FAULT_NOTES	2000
#define FAULT_CALLS	40
#define FAULT_TYPE	(MK_IPI_TYPE_LOCAL + 0x10)

/**
 * struct fault_odds - what happens to the doorbells
 * @name:  for people to read
 * @every: by kind: to each doorbell of so many; 0: never
 */
struct fault_odds {
	const char	*name;
	unsigned int	every[MK_FAULT_KINDS];
};

static const struct fault_odds fault_oddses[] = {
	{ "all lost",		{ [MK_FAULT_LOST] = 1 } },
	{ "some lost",		{ [MK_FAULT_LOST] = 3 } },
	{ "all doubled",	{ [MK_FAULT_DOUBLED] = 1 } },
	{ "all delayed",	{ [MK_FAULT_DELAYED] = 1 } },
	{ "some delayed",	{ [MK_FAULT_DELAYED] = 2 } },
	{ "as many invented",	{ [MK_FAULT_INVENTED] = 1 } },
	{ "all together",	{ 3, 2, 2, 2 } },
};

KUNIT_ARRAY_PARAM_DESC(fault, fault_oddses, name);

/**
 * struct fault_run - nodes whose doorbells go wrong
 * @machine: the nodes
 * @fault:   what is in front of their backends
 */
struct fault_run {
	struct mk_test_machine	*machine;
	struct mk_fault		fault[FAULT_NR];
};

/* What is to be rung later must not be once the soft backends are gone */
static void fault_stop_action(void *arg)
{
	struct fault_run *run = arg;
	unsigned int i;

	for (i = 0; i < FAULT_NR; i++)
		mk_test_leave(&run->machine->node[i]);
	for (i = 0; i < FAULT_NR; i++)
		mk_fault_stop(&run->fault[i]);
}

static void fault_set(struct fault_run *run, const struct fault_odds *odds)
{
	unsigned int i, kind;

	for (i = 0; i < FAULT_NR; i++) {
		for (kind = 0; kind < MK_FAULT_KINDS; kind++) {
			struct fault_attr *attr = &run->fault[i].odds[kind];

			attr->interval = odds->every[kind];
			atomic_set(&attr->times, -1);
			WRITE_ONCE(attr->probability, odds->every[kind] ? 100 : 0);
			atomic_set(&run->fault[i].happened[kind], 0);
		}
	}
}

/* Nodes that have joined; nothing happens to their doorbells yet */
static struct fault_run *fault_setup(struct kunit *test, unsigned int beat_ms)
{
	static const struct fault_attr nothing = FAULT_ATTR_INITIALIZER;
	struct fault_run *run = mk_test_buf(test, sizeof(*run));
	struct mk_test_machine *machine = mk_test_machine(test, FAULT_NR);
	unsigned int i, kind;

	run->machine = machine;
	for (i = 0; i < FAULT_NR; i++) {
		for (kind = 0; kind < MK_FAULT_KINDS; kind++)
			run->fault[i].odds[kind] = nothing;
		run->fault[i].delay_us = USEC_PER_MSEC;
		mk_fault_init(&run->fault[i], machine->node[i].soft);
		machine->node[i].backend = &run->fault[i].backend;
	}
	mk_param_beat_ms = beat_ms;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fault_stop_action, run));
	for (i = 0; i < FAULT_NR; i++)
		mk_test_join(test, &machine->node[i]);
	for (i = 0; i < FAULT_NR; i++)
		mk_test_settle(test, &machine->node[i]);
	return run;
}

/* Whatever was asked for has happened, to all of them together */
static void fault_expect_happened(struct kunit *test, struct fault_run *run,
				  const struct fault_odds *odds)
{
	unsigned int i, kind;

	for (kind = 0; kind < MK_FAULT_KINDS; kind++) {
		int happened = 0;

		for (i = 0; i < FAULT_NR; i++)
			happened += atomic_read(&run->fault[i].happened[kind]);
		if (odds->every[kind])
			KUNIT_EXPECT_GT(test, happened, 0);
		else
			KUNIT_EXPECT_EQ(test, 0, happened);
	}
}

/* Both ways by both lanes; who finds no room tries again */
static void fault_stream(struct kunit *test)
{
	const struct fault_odds *odds = test->param_value;
	struct fault_run *run = fault_setup(test, FAULT_BEAT_MS);
	struct mk_test_node *node = run->machine->node;
	struct mk_test_writer writer[4] = {};
	struct mk_test_inbox *box;
	unsigned int i;

	fault_set(run, odds);
	for (i = 0; i < ARRAY_SIZE(writer); i++) {
		writer[i].from = &node[i % 2];
		writer[i].to = !(i % 2);
		writer[i].type = i / 2 ? MK_TEST_BULK : MK_TEST_INBOX;
		writer[i].notes = FAULT_NOTES;
		writer[i].cpu = mk_test_cpu(i);
		mk_test_write(test, &writer[i]);
	}
	for (i = 0; i < ARRAY_SIZE(writer); i++) {
		box = mk_test_box(&node[writer[i].to], writer[i].type);
		KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) >= FAULT_NOTES));
		mk_test_written(test, &writer[i]);
	}
	fault_expect_happened(test, run, odds);
	for (i = 0; i < FAULT_NR; i++)
		mk_test_settle(test, &node[i]);
	for (i = 0; i < ARRAY_SIZE(writer); i++) {
		box = mk_test_box(&node[writer[i].to], writer[i].type);
		KUNIT_EXPECT_EQ(test, FAULT_NOTES, atomic_read(&box->count));
		KUNIT_EXPECT_EQ(test, 0, box->misordered);
	}
}

static int fault_wait_thread(void *arg)
{
	struct mk_test_writer *writer = arg;
	struct mk_test_note note = { .sender = writer->id };
	struct kvec vec = { .iov_base = &note, .iov_len = sizeof(note) };

	while (note.number < writer->notes && !writer->error && !kthread_should_stop()) {
		writer->error = mk_instance_sendv_wait(writer->from->instance, writer->to,
						       writer->type, &vec, 1, 60 * HZ);
		note.number++;
	}
	return 0;
}

/* Those who wait for room wait for a doorbell, too */
static void fault_waiters(struct kunit *test)
{
	const struct fault_odds *odds = test->param_value;
	struct fault_run *run = fault_setup(test, FAULT_BEAT_MS);
	struct mk_test_node *node = run->machine->node;
	struct mk_test_writer writer[6] = {};
	struct mk_test_inbox *box;
	unsigned int i;
	int total;

	fault_set(run, odds);
	for (i = 0; i < ARRAY_SIZE(writer); i++) {
		writer[i].from = &node[0];
		writer[i].to = 1;
		writer[i].type = i % 2 ? MK_TEST_BULK : MK_TEST_INBOX;
		writer[i].id = i;
		/* More than fit into either ring */
		writer[i].notes = i % 2 ? FAULT_NOTES : FAULT_NOTES / 4;
		/* Two of each three have a ring in common */
		writer[i].task = mk_test_thread(test, fault_wait_thread, &writer[i],
						mk_test_cpu(i / 4));
	}
	for (i = 0; i < 2; i++) {
		box = mk_test_box(&node[1], writer[i].type);
		total = 3 * writer[i].notes;
		KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) >= total));
		KUNIT_EXPECT_EQ(test, total, atomic_read(&box->count));
		KUNIT_EXPECT_EQ(test, 0, box->misordered);
	}
	for (i = 0; i < ARRAY_SIZE(writer); i++)
		mk_test_written(test, &writer[i]);
	fault_expect_happened(test, run, odds);
}

/**
 * struct fault_server - who answers calls
 * @handler: of either lane
 * @taken:   by caller: the calls that were answered
 * @wrong:   calls that were not the next of their caller
 */
struct fault_server {
	struct mk_ipi_handler	handler;
	u32			taken[2];
	atomic_t		wrong;
};

/**
 * struct fault_caller - a thread that calls
 * @from:  node that calls
 * @to:	   whom
 * @type:  FAULT_TYPE, with its lane
 * @id:	   which of the callers of the server it is
 * @error: what ended it early
 * @task:  the thread
 */
struct fault_caller {
	struct mk_test_node	*from;
	unsigned int		to;
	u32			type;
	u32			id;
	int			error;
	struct task_struct	*task;
};

static int fault_answer(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			struct mk_ipi_reply *reply)
{
	struct fault_server *server = container_of(handler, struct fault_server, handler);
	const struct mk_test_note *note = msg->data;
	u32 *taken = &server->taken[note->sender % 2];

	if (note->number != *taken)
		atomic_inc(&server->wrong);
	WRITE_ONCE(*taken, *taken + 1);
	memcpy(reply->data, note, sizeof(*note));
	reply->len = sizeof(*note);
	return 0;
}

static int fault_call_thread(void *arg)
{
	struct fault_caller *caller = arg;
	struct mk_test_note note = { .sender = caller->id }, answer;
	struct mk_ipi_reply reply = { .data = &answer, .size = sizeof(answer) };

	for (; note.number < FAULT_CALLS && !kthread_should_stop(); note.number++) {
		memset(&answer, 0xff, sizeof(answer));
		caller->error = mk_instance_call(caller->from->instance, caller->to, caller->type,
						 &note, sizeof(note), &reply, 60 * HZ);
		if (!caller->error && memcmp(&answer, &note, sizeof(note)))
			caller->error = -EBADMSG;
		if (caller->error)
			break;
	}
	return 0;
}

/* Each call has its answer, and was made once */
static void fault_calls(struct kunit *test)
{
	const struct fault_odds *odds = test->param_value;
	struct fault_run *run = fault_setup(test, FAULT_BEAT_MS);
	struct mk_test_node *node = run->machine->node;
	struct fault_server *server = mk_test_buf(test, 4 * sizeof(*server));
	struct fault_caller caller[8] = {};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		server[i].handler.type = (FAULT_TYPE + i / 2) | (i / 2 ? MK_IPI_BULK : 0);
		server[i].handler.name = "test server";
		server[i].handler.call = fault_answer;
		KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[i % 2].handlers,
							 &server[i].handler));
	}
	fault_set(run, odds);
	/* Two that call each of them, from different CPUs */
	for (i = 0; i < ARRAY_SIZE(caller); i++) {
		caller[i].from = &node[!(i % 2)];
		caller[i].to = i % 2;
		caller[i].type = server[i % 4].handler.type;
		caller[i].id = i / 4;
		caller[i].task = mk_test_thread(test, fault_call_thread, &caller[i],
						mk_test_cpu(i / 2));
	}
	for (i = 0; i < 4; i++) {
		u32 *taken = server[i].taken;

		KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(taken[0]) >= FAULT_CALLS &&
						     READ_ONCE(taken[1]) >= FAULT_CALLS));
	}
	for (i = 0; i < ARRAY_SIZE(caller); i++) {
		mk_test_thread_stop(test, caller[i].task);
		KUNIT_EXPECT_EQ(test, 0, caller[i].error);
	}
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, FAULT_CALLS, server[i].taken[0]);
		KUNIT_EXPECT_EQ(test, FAULT_CALLS, server[i].taken[1]);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&server[i].wrong));
		mk_handlers_del(node[i % 2].handlers, &server[i].handler);
	}
	fault_expect_happened(test, run, odds);
}

/* Who comes and goes is seen to */
static void fault_lives(struct kunit *test)
{
	const struct fault_odds *odds = test->param_value;
	struct fault_run *run = fault_setup(test, FAULT_BEAT_MS);
	struct mk_test_node *node = run->machine->node;
	unsigned int i;
	u32 life;

	fault_set(run, odds);
	for (i = 0; i < 5; i++) {
		life = node[1].instance->incarnation;
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_UP, life));
		mk_test_exchange(test, run->machine, 0, 1, MK_TEST_INBOX, 100);
		mk_test_exchange(test, run->machine, 1, 0, MK_TEST_BULK, 100);
		mk_test_leave(&node[1]);
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_DOWN, life));
		mk_test_join(test, &node[1]);
	}
	fault_expect_happened(test, run, odds);
}

/* Without a doorbell, by the beat and by nothing else */
static void fault_beat_makes_good(struct kunit *test)
{
	const u32 *type = test->param_value;
	const struct fault_odds odds = { .every = { [MK_FAULT_LOST] = 1 } };
	struct fault_run *run = fault_setup(test, 200);
	struct mk_test_node *node = run->machine->node;
	struct mk_receiver *receiver = &node[1].instance->receivers[0];
	u64 doorbells = READ_ONCE(receiver->doorbells);
	unsigned int i;

	fault_set(run, &odds);
	for (i = 0; i < 10; i++)
		mk_test_exchange(test, run->machine, 0, 1, *type, 8);
	fault_expect_happened(test, run, &odds);
	KUNIT_EXPECT_EQ(test, doorbells, READ_ONCE(receiver->doorbells));
}

/* Rings @nr times, for nothing */
static void fault_ring(struct kunit *test, struct fault_run *run, unsigned int nr)
{
	struct mk_test_node *node = run->machine->node;
	struct mk_door door = {};

	KUNIT_ASSERT_EQ(test, 0, node[1].backend->get_door(node[1].backend, node[1].cpu, &door));
	while (nr--)
		KUNIT_EXPECT_EQ(test, 0, node[0].backend->ring(node[0].backend, &door));
}

struct fault_count {
	struct fault_odds	odds;
	int			rung;
};

/* Of 12 doorbells; what is to be rung later is not counted at once */
static const struct fault_count fault_counts[] = {
	{ { "none" }, 12 },
	{ { "lost",	{ [MK_FAULT_LOST] = 1 } }, 0 },
	{ { "third lost", { [MK_FAULT_LOST] = 3 } }, 8 },
	{ { "doubled",	{ [MK_FAULT_DOUBLED] = 1 } }, 24 },
	{ { "delayed",	{ [MK_FAULT_DELAYED] = 1 } }, 12 },
	{ { "invented", { [MK_FAULT_INVENTED] = 1 } }, 24 },
	{ { "some invented", { [MK_FAULT_INVENTED] = 4 } }, 15 },
};

static void fault_count_desc(const struct fault_count *count, char *desc)
{
	strscpy(desc, count->odds.name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fault_count, fault_counts, fault_count_desc);

static void fault_count(struct kunit *test)
{
	const struct fault_count *count = test->param_value;
	struct fault_run *run = fault_setup(test, MK_TEST_NEVER_MS);
	struct mk_test_node *node = run->machine->node;
	int before = mk_test_rings(&node[0]), rung = before + count->rung;

	fault_set(run, &count->odds);
	fault_ring(test, run, 12);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(mk_test_rings(&node[0]) >= rung));
	mk_fault_stop(&run->fault[0]);
	KUNIT_EXPECT_EQ(test, rung, mk_test_rings(&node[0]));
	fault_expect_happened(test, run, &count->odds);
}

/* Later is not at once; and more than can wait are not lost */
static void fault_later(struct kunit *test)
{
	const struct fault_odds odds = { .every = { [MK_FAULT_DELAYED] = 1 } };
	struct fault_run *run = fault_setup(test, MK_TEST_NEVER_MS);
	struct mk_test_node *node = run->machine->node;
	int before = mk_test_rings(&node[0]);

	run->fault[0].delay_us = U32_MAX;
	fault_set(run, &odds);
	fault_ring(test, run, MK_FAULT_LATE);
	msleep(20);
	KUNIT_EXPECT_EQ(test, before, mk_test_rings(&node[0]));
	fault_ring(test, run, 3);
	KUNIT_EXPECT_EQ(test, before + 3, mk_test_rings(&node[0]));
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE_PARAM(fault_count, fault_count_gen_params),
	KUNIT_CASE(fault_later),
	KUNIT_CASE_PARAM_ATTR(fault_beat_makes_good, mk_test_lane_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(fault_stream, fault_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(fault_waiters, fault_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(fault_calls, fault_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(fault_lives, fault_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "mk_fault",
	.test_cases = fault_cases,
};

kunit_test_suite(fault_suite);
