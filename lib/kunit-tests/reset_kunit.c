// SPDX-License-Identifier: GPL-2.0
/* Tests of calls that must not be answered, or not by whoever answers. */
#include <linux/bitfield.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "helpers.h"

#define RESET_TYPE	(MK_IPI_TYPE_LOCAL + 0x10)

/**
 * struct reset_call - a call that waits for its answer
 * @from:   node that calls
 * @to:	    whom
 * @answer: where it goes
 * @reply:  the answer
 * @begun:  it has begun
 * @done:   it has ended
 * @error:  how
 * @task:   the thread
 */
struct reset_call {
	struct mk_test_node	*from;
	unsigned int		to;
	u64			answer;
	struct mk_ipi_reply	reply;
	bool			begun;
	bool			done;
	int			error;
	struct task_struct	*task;
};

/* A time that no test has: what ends the call is not that */
static int reset_thread(void *arg)
{
	struct reset_call *call = arg;

	allow_signal(SIGKILL);
	call->error = mk_instance_call(call->from->instance, call->to, RESET_TYPE, &call->to,
				       sizeof(call->to), &call->reply, 3600 * HZ);
	WRITE_ONCE(call->done, true);
	return 0;
}

static bool reset_waits(struct mk_instance *instance)
{
	unsigned int i;

	for (i = 0; i < MK_CALL_BUCKETS; i++)
		if (!hlist_empty(&instance->calls.bucket[i].list))
			return true;
	return false;
}

static void reset_kill_action(void *arg)
{
	struct reset_call *call = arg;

	if (!READ_ONCE(call->done))
		send_sig(SIGKILL, call->task, 1);
}

/* Node @from calls @to, which does not look at it */
static struct reset_call *reset_begin(struct kunit *test, struct mk_test_machine *machine,
				      unsigned int from, unsigned int to)
{
	struct reset_call *call = kunit_kzalloc(test, sizeof(*call), GFP_KERNEL);
	struct mk_ipi_stats stats;

	KUNIT_ASSERT_NOT_NULL(test, call);
	call->from = &machine->node[from];
	call->to = to;
	call->reply.data = &call->answer;
	call->reply.size = sizeof(call->answer);
	mk_test_mute(call->from);
	stats = mk_test_stats(call->from, to, MK_URGENT);
	call->task = mk_test_thread(test, reset_thread, call,
				    mk_test_cpu(num_online_cpus() - 1));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, reset_kill_action, call));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(mk_test_stats(call->from, to, MK_URGENT).sent >
					     stats.sent));
	KUNIT_ASSERT_TRUE(test, reset_waits(call->from->instance));
	return call;
}

static int reset_end(struct kunit *test, struct reset_call *call)
{
	bool done = mk_test_wait(READ_ONCE(call->done));

	kunit_release_action(test, reset_kill_action, call);
	mk_test_thread_stop(test, call->task);
	KUNIT_ASSERT_TRUE(test, done);
	return call->error;
}

static void reset_peer_leaves(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct reset_call *call = reset_begin(test, machine, 0, 1);

	mk_test_leave(&machine->node[1]);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, reset_end(test, call));
}

static void reset_peer_restarts(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct reset_call *call = reset_begin(test, machine, 0, 1);

	mk_test_leave(&machine->node[1]);
	mk_test_join(test, &machine->node[1]);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, reset_end(test, call));
}

/* It is told of the next life only, not of the end of the one that it has called */
static void reset_peer_restarts_unseen(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct reset_call *call = reset_begin(test, machine, 0, 1);

	mk_test_mute(&machine->node[1]);
	mk_test_leave(&machine->node[1]);
	mk_test_join(test, &machine->node[1]);
	mk_test_unmute(&machine->node[1]);
	mk_instance_announce(machine->node[1].instance);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, reset_end(test, call));
}

/* The keeper says that it is dead: of those that the keeper calls, and others */
static void reset_peer_is_fenced(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;
	struct reset_call *keeper = reset_begin(test, machine, 0, 1);
	struct reset_call *other = reset_begin(test, machine, 2, 1);

		mk_test_unmute(&node[0]);
	mk_instance_fence(node[0].instance, 1, node[1].instance->incarnation);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, reset_end(test, other));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, reset_end(test, keeper));
}

/* Nothing is taken from who has written nonsense: neither that answer nor any other */
static void reset_peer_breaks(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct reset_call *call = reset_begin(test, machine, 0, 1);
	struct kvec vec = { .iov_base = machine, .iov_len = 3 };
	struct mk_ipi_reply reply = {};

	KUNIT_ASSERT_EQ(test, 0, mk_link_send(&node[1].instance->links[0], RESET_TYPE,
					      MK_WIRE_REQUEST, &vec, 1, 3, 0));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, reset_end(test, call));
	KUNIT_EXPECT_EQ(test, -ECONNRESET, mk_instance_call(node[0].instance, 1, RESET_TYPE,
							    NULL, 0, &reply, 3600 * HZ));
}

/* Calls to others than the one that has gone go on */
static void reset_of_one_peer_only(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;
	struct reset_call *gone = reset_begin(test, machine, 0, 1);
	struct reset_call *goes_on = reset_begin(test, machine, 0, 2);

	mk_test_leave(&node[1]);
	KUNIT_EXPECT_EQ(test, -ECONNRESET, reset_end(test, gone));
	mk_test_settle(test, &node[2]);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, reset_end(test, goes_on));
}

static void reset_can_be_killed(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct reset_call *call = reset_begin(test, machine, 0, 1);

	send_sig(SIGKILL, call->task, 1);
	KUNIT_EXPECT_EQ(test, -EINTR, reset_end(test, call));
	KUNIT_EXPECT_FALSE(test, reset_waits(machine->node[0].instance));
}

/* Who asks and does not read has no answer, and holds up nobody; once it reads, it has */
static void reset_no_room_for_the_reply(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;
	struct reset_call *call;

	/* Both on the CPU of the door, whose ring the reply would go into */
	set_cpus_allowed_ptr(current, cpumask_of(node[1].cpu));
	mk_test_mute(&node[1]);
	KUNIT_EXPECT_GT(test, mk_test_reply_all(&node[1], 0), 0);
	call = reset_begin(test, machine, 0, 1);
	mk_test_settle(test, &node[1]);
	mk_test_exchange(test, machine, 2, 1, MK_TEST_INBOX, 8);
	mk_test_exchange(test, machine, 2, 1, MK_TEST_BULK, 8);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(call->done));

	mk_test_unmute(&node[0]);
	mk_test_unmute(&node[1]);
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, reset_end(test, call));
}

/* What node 0 has sent to node 1 last: its token, as node 1 would find it */
static u64 forge_token(struct mk_test_machine *machine)
{
	struct mk_link *link = &machine->node[0].instance->links[1];
	const struct mk_wire_request *request;
	const struct mk_wire_slot *slot;
	struct mk_ring_tx *ring;
	u8 index = link->map[MK_URGENT][mk_test_cpu(num_online_cpus() - 1) % MK_DOORS][0];

	ring = &link->tx[index - 1].ring;
	slot = &ring->slots[(ring->pos - 1) & (ring->nr_slots - 1)];
	request = (const void *)slot->data;
	return request->token;
}

/* Node @from answers node 0, to whatever has @token */
static void forge(struct kunit *test, struct mk_test_machine *machine, unsigned int from,
		  const struct mk_wire_reply *head, u64 answer)
{
	struct kvec vec[2] = {
		{ .iov_base = (void *)head, .iov_len = sizeof(*head) },
		{ .iov_base = &answer, .iov_len = sizeof(answer) },
	};

	KUNIT_ASSERT_EQ(test, 0, mk_link_send(&machine->node[from].instance->links[0],
					      RESET_TYPE, MK_WIRE_REPLY, vec, 2,
					      sizeof(*head) + sizeof(answer), 0));
	mk_test_settle(test, &machine->node[0]);
}

/* Of this one all the tests below differ in one respect */
static void forge_none(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct reset_call *call = reset_begin(test, machine, 0, 1);
	struct mk_wire_reply head = { .token = forge_token(machine) };

	forge(test, machine, 1, &head, 77);
	KUNIT_EXPECT_EQ(test, 0, reset_end(test, call));
	KUNIT_EXPECT_EQ(test, 77, call->answer);
	KUNIT_EXPECT_EQ(test, sizeof(call->answer), call->reply.len);
}

/* @call has not been answered; it is by the right answer */
static void forge_expect_nothing(struct kunit *test, struct mk_test_machine *machine,
				 struct reset_call *call)
{
	struct mk_wire_reply head = { .token = forge_token(machine) };

	msleep(20);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(call->done));
	forge(test, machine, 1, &head, 78);
	KUNIT_EXPECT_EQ(test, 0, reset_end(test, call));
	KUNIT_EXPECT_EQ(test, 78, call->answer);
}

static void forge_wrong_token(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct reset_call *call = reset_begin(test, machine, 0, 1);
	struct mk_wire_reply head = {};
	u64 token = forge_token(machine);
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		head.token = token ^ BIT_ULL(bit);
		forge(test, machine, 1, &head, 77);
	}
	head.token = 0;
	forge(test, machine, 1, &head, 77);
	forge_expect_nothing(test, machine, call);
}

static void forge_from_another_peer(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct reset_call *call = reset_begin(test, machine, 0, 1);
	struct mk_wire_reply head = { .token = forge_token(machine) };

	forge(test, machine, 2, &head, 77);
	forge(test, machine, 0, &head, 77);
	forge_expect_nothing(test, machine, call);
}

/* The answer to a call that has been answered answers no other one */
static void forge_replayed(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct reset_call *call = reset_begin(test, machine, 0, 1);
	struct mk_wire_reply head = { .token = forge_token(machine) };

	forge(test, machine, 1, &head, 76);
	KUNIT_EXPECT_EQ(test, 0, reset_end(test, call));
	forge(test, machine, 1, &head, 77);
	call = reset_begin(test, machine, 0, 1);
	KUNIT_EXPECT_NE(test, head.token, forge_token(machine));
	forge(test, machine, 1, &head, 77);
	forge_expect_nothing(test, machine, call);
}

/* Nor does one that was meant for an earlier life of the caller */
static void forge_for_an_earlier_life(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct reset_call *call = reset_begin(test, machine, 0, 1);
	struct mk_wire_reply head = { .token = forge_token(machine) };

	forge(test, machine, 1, &head, 76);
	KUNIT_EXPECT_EQ(test, 0, reset_end(test, call));
	mk_test_unmute(&machine->node[0]);
	mk_test_leave(&machine->node[0]);
	mk_test_join(test, &machine->node[0]);
	/* It has been rung for the new life, and looks at no call that comes now */
	mk_test_settle(test, &machine->node[1]);
	call = reset_begin(test, machine, 0, 1);
	forge(test, machine, 1, &head, 77);
	forge_expect_nothing(test, machine, call);
}

/* Answers that make no sense are no success, and no errno that is none */
static void forge_result(struct kunit *test)
{
	static const u32 value[] = { 0, 1, MAX_ERRNO, MAX_ERRNO + 1, BIT(31), U32_MAX };
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_wire_reply head = {};
	struct reset_call *call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(value); i++) {
		call = reset_begin(test, machine, 0, 1);
		head.token = forge_token(machine);
		head.result = MK_WIRE_RESULT_FAILED;
		head.error = value[i];
		forge(test, machine, 1, &head, 77);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, reset_end(test, call));
		KUNIT_EXPECT_LT(test, call->reply.error, 0);
		KUNIT_EXPECT_GE(test, call->reply.error, -MAX_ERRNO);

		call = reset_begin(test, machine, 0, 1);
		head.token = forge_token(machine);
		head.result = value[i] + MK_WIRE_RESULT_NO_HANDLER + 1;
		if (head.result <= MK_WIRE_RESULT_NO_HANDLER)
			head.result = MK_WIRE_RESULT_NO_HANDLER;
		forge(test, machine, 1, &head, 77);
		KUNIT_EXPECT_LT(test, reset_end(test, call), 0);
		KUNIT_EXPECT_EQ(test, 0, call->answer);
	}
}

static struct kunit_case reset_cases[] = {
	KUNIT_CASE(reset_peer_leaves),
	KUNIT_CASE(reset_peer_restarts),
	KUNIT_CASE(reset_peer_restarts_unseen),
	KUNIT_CASE(reset_peer_is_fenced),
	KUNIT_CASE(reset_peer_breaks),
	KUNIT_CASE(reset_of_one_peer_only),
	KUNIT_CASE(reset_can_be_killed),
	KUNIT_CASE(reset_no_room_for_the_reply),
	KUNIT_CASE(forge_none),
	KUNIT_CASE(forge_wrong_token),
	KUNIT_CASE(forge_from_another_peer),
	KUNIT_CASE(forge_replayed),
	KUNIT_CASE(forge_for_an_earlier_life),
	KUNIT_CASE(forge_result),
	{}
};

static struct kunit_suite reset_suite = {
	.name = "mk_reset",
	.test_cases = reset_cases,
};

kunit_test_suite(reset_suite);
