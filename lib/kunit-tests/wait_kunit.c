// SPDX-License-Identifier: GPL-2.0
/* Tests of senders that wait for room, and of what ends that. */
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "helpers.h"

/**
 * struct wait_sender - a thread that sends one note, and waits for room
 * @from:    node that sends, to 1
 * @type:    of the message
 * @id:	     of the note
 * @timeout: jiffies
 * @begun:   it has begun
 * @done:    it has ended
 * @error:   how
 * @task:    the thread
 */
struct wait_sender {
	struct mk_test_node	*from;
	u32			type;
	u32			id;
	unsigned long		timeout;
	bool			begun;
	bool			done;
	int			error;
	struct task_struct	*task;
};

static int wait_thread(void *arg)
{
	struct wait_sender *sender = arg;
	struct mk_test_note note = { .sender = sender->id };
	struct kvec vec = { .iov_base = &note, .iov_len = sizeof(note) };

	allow_signal(SIGKILL);
	WRITE_ONCE(sender->begun, true);
	sender->error = mk_instance_sendv_wait(sender->from->instance, 1, sender->type, &vec, 1,
					       sender->timeout);
	WRITE_ONCE(sender->done, true);
	return 0;
}

/* On the CPU of the test, whose ring it is that is full */
static struct wait_sender *wait_begin(struct kunit *test, struct mk_test_node *from, u32 type,
				      u32 id)
{
	struct wait_sender *sender = kunit_kzalloc(test, sizeof(*sender), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sender);
	sender->from = from;
	sender->type = type;
	sender->id = id;
	sender->timeout = 600 * HZ;
	sender->task = mk_test_thread(test, wait_thread, sender,
				      mk_test_cpu(num_online_cpus() - 1));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(READ_ONCE(sender->begun)));
	return sender;
}

/* How it has ended; asserts that it has */
static int wait_end(struct kunit *test, struct wait_sender *sender)
{
	bool done = mk_test_wait(READ_ONCE(sender->done));

	if (!done)
		send_sig(SIGKILL, sender->task, 1);
	mk_test_thread_stop(test, sender->task);
	KUNIT_ASSERT_TRUE(test, done);
	return sender->error;
}

/* Node 1 of @nr does not read what node 0 sends by the lane, and there is no room */
static struct mk_test_machine *wait_full(struct kunit *test, unsigned int nr, u32 type,
					 u32 *sent)
{
	struct mk_test_machine *machine = mk_test_joined(test, nr);
	struct mk_test_node *node = machine->node;

	if (type & MK_IPI_BULK)
		WRITE_ONCE(node[1].bulk.hold, U32_MAX);
	else
		mk_test_mute(&node[0]);
	*sent = mk_test_note_all(&node[0], 1, type, 0);
	/* Held, it has taken one out of the ring, or will */
	if (type & MK_IPI_BULK) {
		KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&node[1].bulk.held)));
		while (!mk_test_note(&node[0], 1, type, 0, *sent))
			++*sent;
	}
	KUNIT_ASSERT_EQ(test, -EAGAIN, mk_test_note(&node[0], 1, type, 0, *sent));
	return machine;
}

/* Node 1 reads again */
static void wait_read(struct kunit *test, struct mk_test_machine *machine)
{
	struct mk_test_node *node = machine->node;

	WRITE_ONCE(node[1].bulk.hold, 0);
	mk_test_unmute(&node[0]);
	mk_test_ring(test, &node[0], &node[1]);
}

static void wait_not_needed(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct kvec vec = { .iov_base = (void *)type, .iov_len = sizeof(*type) };
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	unsigned int i;

	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_EQ(test, 0, mk_instance_sendv_wait(machine->node[0].instance, 1,
								*type, &vec, 1, HZ));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == 20));
}

/* Room is all that it takes, and the receiver says that there is some */
static void wait_is_woken(struct kunit *test)
{
	const u32 *type = test->param_value;
	u32 sent;
	struct mk_test_machine *machine = wait_full(test, 2, *type, &sent);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	struct wait_sender *sender = wait_begin(test, &machine->node[0], *type, 1);

	msleep(50);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(sender->done));
	wait_read(test, machine);
	KUNIT_EXPECT_EQ(test, 0, wait_end(test, sender));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent + 1));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

static void wait_several_are_woken(struct kunit *test)
{
	const u32 *type = test->param_value;
	u32 sent;
	struct mk_test_machine *machine = wait_full(test, 2, *type, &sent);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	struct wait_sender *sender[6];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sender); i++)
		sender[i] = wait_begin(test, &machine->node[0], *type, i + 1);
	msleep(50);
	wait_read(test, machine);
	for (i = 0; i < ARRAY_SIZE(sender); i++)
		KUNIT_EXPECT_EQ(test, 0, wait_end(test, sender[i]));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) ==
					     sent + ARRAY_SIZE(sender)));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

#define WAIT_STREAM	mk_test_many(20000)

static int wait_stream_thread(void *arg)
{
	struct mk_test_writer *writer = arg;
	struct mk_test_note note = { .sender = writer->id };
	struct kvec vec = { .iov_base = &note, .iov_len = sizeof(note) };

	while (note.number < writer->notes && !writer->error) {
		writer->error = mk_instance_sendv_wait(writer->from->instance, writer->to,
						       writer->type, &vec, 1,
						       mk_test_long());
		note.number++;
	}
	return 0;
}

/* Again and again, at whatever moment the receiver has made room */
static void wait_stream(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	struct mk_test_writer writer[3] = {};
	unsigned int i, total = ARRAY_SIZE(writer) * WAIT_STREAM;

	for (i = 0; i < ARRAY_SIZE(writer); i++) {
		writer[i].from = &machine->node[0];
		writer[i].to = 1;
		writer[i].type = *type;
		writer[i].id = i;
		writer[i].notes = WAIT_STREAM;
		/* Two of them have a ring in common */
		writer[i].task = mk_test_thread(test, wait_stream_thread, &writer[i],
						mk_test_cpu(i / 2));
	}
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == total));
	for (i = 0; i < ARRAY_SIZE(writer); i++)
		mk_test_written(test, &writer[i]);
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
}

static void wait_times_out(struct kunit *test)
{
	const u32 *type = test->param_value;
	u32 sent;
	struct mk_test_machine *machine = wait_full(test, 2, *type, &sent);
	struct mk_test_inbox *box = mk_test_box(&machine->node[1], *type);
	struct kvec vec = { .iov_base = &sent, .iov_len = sizeof(sent) };

	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, mk_instance_sendv_wait(machine->node[0].instance, 1,
								 *type, &vec, 1, HZ / 10));
	wait_read(test, machine);
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&box->count) >= sent));
	mk_test_settle(test, &machine->node[1]);
	KUNIT_EXPECT_EQ(test, sent, atomic_read(&box->count));
}

static void wait_ends_when_the_peer_leaves(struct kunit *test)
{
	u32 sent;
	struct mk_test_machine *machine = wait_full(test, 2, MK_TEST_INBOX, &sent);
	struct wait_sender *sender = wait_begin(test, &machine->node[0], MK_TEST_INBOX, 1);

	msleep(20);
	mk_test_leave(&machine->node[1]);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, wait_end(test, sender));
}

/* Who is declared dead cannot say so itself; the keeper does */
static void wait_ends_when_the_peer_is_fenced(struct kunit *test)
{
	const u32 *type = test->param_value;
	u32 sent;
	struct mk_test_machine *machine = wait_full(test, 2, *type, &sent);
	struct wait_sender *sender = wait_begin(test, &machine->node[0], *type, 1);

	msleep(20);
	mk_instance_fence(machine->node[0].instance, 1, machine->node[1].instance->incarnation);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, wait_end(test, sender));
}

/* The next life has room, but it is not whom the message was meant for */
static void wait_ends_when_the_peer_restarts(struct kunit *test)
{
	u32 sent;
	struct mk_test_machine *machine = wait_full(test, 2, MK_TEST_INBOX, &sent);
	struct wait_sender *sender = wait_begin(test, &machine->node[0], MK_TEST_INBOX, 1);

	msleep(20);
	mk_test_leave(&machine->node[1]);
	mk_test_join(test, &machine->node[1]);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, wait_end(test, sender));
	mk_test_settle(test, &machine->node[1]);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&machine->node[1].inbox.count));
}

static void wait_can_be_killed(struct kunit *test)
{
	u32 sent;
	struct mk_test_machine *machine = wait_full(test, 2, MK_TEST_INBOX, &sent);
	struct wait_sender *sender = wait_begin(test, &machine->node[0], MK_TEST_INBOX, 1);

	msleep(20);
	send_sig(SIGKILL, sender->task, 1);
	KUNIT_EXPECT_EQ(test, -EINTR, wait_end(test, sender));
}

/* Nothing to wait for */
static void wait_refuses_at_once(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	u8 *data = mk_test_buf(test, MK_IPI_MAX_BULK_LEN + 1);
	struct kvec vec = { .iov_base = data, .iov_len = 8 };
	struct mk_instance *instance;

	mk_test_join(test, &machine->node[0]);
	mk_test_join(test, &machine->node[1]);
	mk_test_leave(&machine->node[1]);
	instance = machine->node[0].instance;
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_instance_sendv_wait(instance, 1, MK_TEST_INBOX,
								&vec, 1, 600 * HZ));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_sendv_wait(instance, 2, MK_TEST_INBOX,
							      &vec, 1, 600 * HZ));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_sendv_wait(instance, 3, MK_TEST_INBOX,
							      &vec, 1, 600 * HZ));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_sendv_wait(instance, 0, U32_MAX,
							      &vec, 1, 600 * HZ));
	vec.iov_len = MK_IPI_MAX_BULK_LEN + 1;
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, mk_instance_sendv_wait(instance, 0, MK_TEST_BULK,
								&vec, 1, 600 * HZ));
}

static struct kunit_case wait_cases[] = {
	KUNIT_CASE_PARAM(wait_not_needed, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(wait_is_woken, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(wait_several_are_woken, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(wait_stream, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(wait_times_out, mk_test_lane_gen_params),
	KUNIT_CASE(wait_ends_when_the_peer_leaves),
	KUNIT_CASE_PARAM(wait_ends_when_the_peer_is_fenced, mk_test_lane_gen_params),
	KUNIT_CASE(wait_ends_when_the_peer_restarts),
	KUNIT_CASE(wait_can_be_killed),
	KUNIT_CASE(wait_refuses_at_once),
	{}
};

static struct kunit_suite wait_suite = {
	.name = "mk_wait",
	.test_cases = wait_cases,
};

kunit_test_suite(wait_suite);
