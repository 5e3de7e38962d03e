// SPDX-License-Identifier: GPL-2.0
/* Tests of calls: a request, and what comes back. */
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "helpers.h"

/* For each lane one that takes calls, and one that takes messages only */
#define CALL_URGENT	(MK_IPI_TYPE_LOCAL + 0x10)
#define CALL_BULK	((MK_IPI_TYPE_LOCAL + 0x11) | MK_IPI_BULK)

static const u32 call_types[] = { CALL_URGENT, CALL_BULK };

static void call_type_desc(const u32 *type, char *desc)
{
	strscpy(desc, *type & MK_IPI_BULK ? "bulk" : "urgent", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(call_type, call_types, call_type_desc);

/**
 * struct call_ask - how a request begins: what is to be done with it
 * @len:   bytes to answer: those of the request, over and over, each plus one
 * @error: to fail with; 0: do not
 * @hold:  not before call_server.hold is over
 */
struct call_ask {
	u32	len;
	int	error;
	u32	hold;
};

/**
 * struct call_server - who answers, at node 1
 * @urgent: to calls by the urgent lane
 * @bulk:   to calls by the bulk lane
 * @hold:   those that ask to be held are not answered
 * @held:   how many have been, up to now
 */
struct call_server {
	struct mk_ipi_handler	urgent;
	struct mk_ipi_handler	bulk;
	bool			hold;
	atomic_t		held;
};

static void call_fill(u8 *answer, u32 n, const u8 *request, u32 len)
{
	u32 i;

	for (i = 0; i < n; i++)
		answer[i] = request[i % len] + 1;
}

static int call_answer(struct call_server *server, const struct mk_ipi_msg *msg,
		       struct mk_ipi_reply *reply)
{
	const struct call_ask *ask = msg->data;

	if (!msg->len)
		return 0;
	if (msg->len < sizeof(*ask) || ask->len > reply->size)
		return -EINVAL;
	if (ask->hold)
		atomic_inc(&server->held);
	while (ask->hold && READ_ONCE(server->hold))
		usleep_range(1000, 2000);
	if (ask->error)
		return ask->error;
	call_fill(reply->data, ask->len, msg->data, msg->len);
	reply->len = ask->len;
	return 0;
}

static int call_answer_urgent(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			      struct mk_ipi_reply *reply)
{
	return call_answer(container_of(handler, struct call_server, urgent), msg, reply);
}

static int call_answer_bulk(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			    struct mk_ipi_reply *reply)
{
	return call_answer(container_of(handler, struct call_server, bulk), msg, reply);
}

static void call_stop_holding_action(void *server)
{
	WRITE_ONCE(((struct call_server *)server)->hold, false);
}

static struct mk_test_machine *call_setup(struct kunit *test)
{
	struct call_server *server = kunit_kzalloc(test, sizeof(*server), GFP_KERNEL);
	struct mk_test_machine *machine = mk_test_joined(test, 2);

	KUNIT_ASSERT_NOT_NULL(test, server);
	server->urgent.type = CALL_URGENT;
	server->urgent.name = "test urgent call";
	server->urgent.call = call_answer_urgent;
	server->bulk.type = CALL_BULK;
	server->bulk.name = "test bulk call";
	server->bulk.call = call_answer_bulk;
	mk_test_handle(test, &machine->node[1], &server->urgent);
	mk_test_handle(test, &machine->node[1], &server->bulk);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, call_stop_holding_action, server));
	test->priv = server;
	return machine;
}

static int call_ask(struct mk_test_machine *machine, u32 type, const void *ask, u32 len,
		    struct mk_ipi_reply *reply)
{
	return mk_instance_call(machine->node[0].instance, 1, type, ask, len, reply, 60 * HZ);
}

/* A request of @len bytes is answered by @n bytes */
static void call_round(struct kunit *test, struct mk_test_machine *machine, u32 type, u32 len,
		       u32 n)
{
	u8 *data = mk_test_buf(test, len), *answer = mk_test_buf(test, MK_IPI_MAX_LEN);
	u8 *expected = mk_test_buf(test, MK_IPI_MAX_LEN);
	struct mk_ipi_reply reply = { .data = answer, .size = MK_IPI_MAX_LEN };
	struct call_ask *ask = (struct call_ask *)data;

	mk_test_fill(data, len, len + n);
	*ask = (struct call_ask) { .len = n };
	KUNIT_ASSERT_EQ(test, 0, call_ask(machine, type, data, len, &reply));
	KUNIT_ASSERT_EQ(test, n, reply.len);
	KUNIT_ASSERT_EQ(test, 0, reply.error);
	call_fill(expected, n, data, len);
	KUNIT_ASSERT_EQ(test, 0, memcmp(answer, expected, MK_IPI_MAX_LEN));
}

static void call_replies(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	u32 i;

	for (i = 0; i < 200; i++)
		call_round(test, machine, *type, sizeof(struct call_ask) + i, i);
}

static void call_zero_length(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	u8 answer[8] = { 7 };
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer), .len = 5 };

	KUNIT_EXPECT_EQ(test, 0, call_ask(machine, *type, NULL, 0, &reply));
	KUNIT_EXPECT_EQ(test, 0, reply.len);
	KUNIT_EXPECT_EQ(test, 7, answer[0]);
	reply.data = NULL;
	reply.size = 0;
	KUNIT_EXPECT_EQ(test, 0, call_ask(machine, *type, NULL, 0, &reply));
}

static void call_largest_request(struct kunit *test)
{
	const u32 *type = test->param_value;
	u32 max = *type & MK_IPI_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN;
	struct mk_test_machine *machine = call_setup(test);

	call_round(test, machine, *type, max, 100);
	call_round(test, machine, *type, max - 1, 100);
	call_round(test, machine, *type, max, MK_IPI_MAX_LEN);
}

static void call_largest_reply(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);

	call_round(test, machine, *type, 100, MK_IPI_MAX_LEN);
	call_round(test, machine, *type, 100, MK_IPI_MAX_LEN - 1);
}

/* The caller said how much room there is, and there it ends */
static void call_reply_too_long(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	struct call_ask ask = { .len = 101 };
	u8 answer[200];
	struct mk_ipi_reply reply = { .data = answer, .size = 100 };

	memset(answer, 0xee, sizeof(answer));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, call_ask(machine, *type, &ask, sizeof(ask), &reply));
	KUNIT_EXPECT_PTR_EQ(test, NULL, memchr_inv(answer + 100, 0xee, 100));
	reply.size = 101;
	KUNIT_EXPECT_EQ(test, 0, call_ask(machine, *type, &ask, sizeof(ask), &reply));
	KUNIT_EXPECT_EQ(test, 101, reply.len);
	KUNIT_EXPECT_PTR_EQ(test, NULL, memchr_inv(answer + 101, 0xee, 99));
}

static void call_no_handler(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	struct mk_ipi_reply reply = {};
	u32 unknown = MK_IPI_TYPE_LOCAL + 0x20;

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, call_ask(machine, unknown, NULL, 0, &reply));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			call_ask(machine, unknown | MK_IPI_BULK, NULL, 0, &reply));
}

static void call_handler_takes_messages_only(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	struct mk_ipi_reply reply = {};

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, call_ask(machine, *type, NULL, 0, &reply));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mk_test_box(&machine->node[1], *type)->count));
}

static void call_wrong_lane(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	struct mk_ipi_reply reply = {};

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			call_ask(machine, *type ^ MK_IPI_BULK, NULL, 0, &reply));
	mk_test_settle(test, &machine->node[1]);
	KUNIT_EXPECT_EQ(test, 1, mk_test_stats(&machine->node[1], 0, *type & MK_IPI_BULK ?
					       MK_URGENT : MK_BULK).wrong_lane);
}

/* A message of a type that takes calls only is dropped */
static void call_message_is_none(struct kunit *test)
{
	const u32 *type = test->param_value;
	enum mk_lane lane = *type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	struct mk_test_machine *machine = call_setup(test);

	KUNIT_ASSERT_EQ(test, 0, mk_test_note(machine->node, 1, *type, 0, 0));
	mk_test_settle(test, &machine->node[1]);
	KUNIT_EXPECT_EQ(test, 1, mk_test_stats(&machine->node[1], 0, lane).unhandled);
	call_round(test, machine, *type, 20, 20);
}

static const int call_errors[] = { -EPERM, -ENODATA, -EAGAIN, -ERESTARTSYS, -MAX_ERRNO };

static void call_handler_fails(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	struct mk_ipi_reply reply = {};
	struct call_ask ask = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(call_errors); i++) {
		ask.error = call_errors[i];
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				call_ask(machine, *type, &ask, sizeof(ask), &reply));
		KUNIT_EXPECT_EQ(test, ask.error, reply.error);
		KUNIT_EXPECT_EQ(test, 0, reply.len);
	}
	ask.error = 0;
	KUNIT_EXPECT_EQ(test, 0, call_ask(machine, *type, &ask, sizeof(ask), &reply));
	KUNIT_EXPECT_EQ(test, 0, reply.error);
}

/* Its answer comes after all, when another call is waiting for one */
static void call_times_out(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	struct call_server *server = test->priv;
	struct call_ask ask = { .len = 16, .hold = 1 };
	u8 answer[16] = {}, expected[16];
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer) };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		WRITE_ONCE(server->hold, true);
		ask.error = 0;
		memset(answer, 0, sizeof(answer));
		KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
				mk_instance_call(machine->node[0].instance, 1, CALL_BULK, &ask,
						 sizeof(ask), &reply, HZ / 20));
		KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&server->held) > i * 2));
		WRITE_ONCE(server->hold, false);
		ask.len = 8;
		KUNIT_EXPECT_EQ(test, 0, call_ask(machine, CALL_BULK, &ask, sizeof(ask), &reply));
		KUNIT_EXPECT_EQ(test, 8, reply.len);
		call_fill(expected, 8, (u8 *)&ask, sizeof(ask));
		KUNIT_EXPECT_MEMEQ(test, answer, expected, 8);
		KUNIT_EXPECT_PTR_EQ(test, NULL, memchr_inv(answer + 8, 0, 8));
		ask.len = 16;
	}
}

static void call_oneself(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	struct call_ask ask = { .len = 16 };
	u8 answer[16];
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer) };

	KUNIT_EXPECT_EQ(test, 0, mk_instance_call(machine->node[1].instance, 1, *type, &ask,
						  sizeof(ask), &reply, 60 * HZ));
	KUNIT_EXPECT_EQ(test, 16, reply.len);
}

/* The arena of the one that is called has no room for any ring */
static void call_arena_is_full(struct kunit *test)
{
	const u32 type = *(const u32 *)test->param_value;
	struct mk_test_machine *machine = call_setup(test);

	while (mk_instance_take_ring(machine->node[1].instance, 1))
		;
	KUNIT_EXPECT_EQ(test, -ENOSPC, mk_test_note(&machine->node[1], 0, MK_TEST_INBOX, 0, 0));
	call_round(test, machine, type, 1000, 100);
}

static void call_refuses(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	struct mk_instance *instance = machine->node[0].instance;
	u8 *data = mk_test_buf(test, MK_IPI_MAX_BULK_LEN + 1);
	struct mk_ipi_reply reply = {};

	KUNIT_EXPECT_EQ(test, -EMSGSIZE, call_ask(machine, CALL_URGENT, data,
						  MK_IPI_MAX_LEN + 1, &reply));
	KUNIT_EXPECT_EQ(test, -EMSGSIZE, call_ask(machine, CALL_BULK, data,
						  MK_IPI_MAX_BULK_LEN + 1, &reply));
	KUNIT_EXPECT_EQ(test, -EINVAL, call_ask(machine, U32_MAX, data, 1, &reply));
	KUNIT_EXPECT_EQ(test, -EINVAL, call_ask(machine, CALL_URGENT, NULL, 1, &reply));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_call(instance, 2, CALL_URGENT, data, 1, &reply,
							60 * HZ));
	mk_test_leave(&machine->node[1]);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, call_ask(machine, CALL_URGENT, data, 1, &reply));
}

/**
 * struct call_many - a thread that calls again and again
 * @machine: whose node 0 calls
 * @type:    by which lane
 * @id:	     in each request
 * @calls:   how many were answered rightly
 * @error:   of the first that was not
 * @task:    the thread
 */
struct call_many {
	struct mk_test_machine	*machine;
	u32			type;
	u32			id;
	u32			calls;
	int			error;
	struct task_struct	*task;
};

#define CALL_MANY	200

static int call_many_thread(void *arg)
{
	struct call_many *many = arg;
	struct {
		struct call_ask	ask;
		u32		id, number;
	} request = { .ask.len = sizeof(request), .id = many->id };
	u8 answer[sizeof(request)], expected[sizeof(request)];
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer) };
	int error = 0;

	while (many->calls < CALL_MANY && !error && !kthread_should_stop()) {
		request.number = many->calls;
		error = call_ask(many->machine, many->type, &request, sizeof(request), &reply);
		call_fill(expected, sizeof(request), (u8 *)&request, sizeof(request));
		if (!error &&
		    (reply.len != sizeof(request) || memcmp(answer, expected, sizeof(answer))))
			error = -EBADMSG;
		if (!error)
			WRITE_ONCE(many->calls, many->calls + 1);
	}
	WRITE_ONCE(many->error, error);
	return 0;
}

/* To each its own answer */
static void call_many_at_once(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	struct call_many many[12] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].machine = machine;
		many[i].type = call_types[i % 2];
		many[i].id = 1000 + i;
		many[i].task = mk_test_thread(test, call_many_thread, &many[i], mk_test_cpu(i));
	}
	for (i = 0; i < ARRAY_SIZE(many); i++)
		mk_test_wait(READ_ONCE(many[i].calls) == CALL_MANY || READ_ONCE(many[i].error));
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		mk_test_thread_stop(test, many[i].task);
		KUNIT_EXPECT_EQ(test, 0, many[i].error);
		KUNIT_EXPECT_EQ(test, CALL_MANY, many[i].calls);
	}
}

#define BOTH_THREADS	6	/* of each side: three full rings of requests */
#define BOTH_CALLS	mk_test_many(400)

/**
 * struct call_both - a thread that calls with as much as goes, and has it back
 * @from:   who calls
 * @to:	    whom
 * @data:   what it sends, and then what came back
 * @calls:  how many it has made
 * @error:  what ended it early
 * @task:   the thread
 */
struct call_both {
	struct mk_test_node	*from;
	unsigned int		to;
	u8			*data;
	unsigned int		calls;
	int			error;
	struct task_struct	*task;
};

static int call_echo(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		     struct mk_ipi_reply *reply)
{
	memcpy(reply->data, msg->data, msg->len);
	reply->len = msg->len;
	return 0;
}

static int call_both_thread(void *arg)
{
	struct call_both *both = arg;
	struct mk_ipi_reply reply = { .data = both->data, .size = MK_IPI_MAX_LEN };
	int error = 0;

	while (both->calls < BOTH_CALLS && !kthread_should_stop()) {
		error = mk_instance_call(both->from->instance, both->to, CALL_URGENT, both->data,
					 MK_IPI_MAX_LEN, &reply, 60 * HZ);
		if (error)
			break;
		WRITE_ONCE(both->calls, both->calls + 1);
	}
	WRITE_ONCE(both->error, error);
	return 0;
}

/* Both sides call all the time; neither's requests are in the way of the other's replies */
static void call_both_ways(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_ipi_handler *server = kunit_kcalloc(test, 2, sizeof(*server), GFP_KERNEL);
	struct call_both both[2 * BOTH_THREADS] = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, server);
	for (i = 0; i < 2; i++) {
		server[i].type = CALL_URGENT;
		server[i].name = "test echo of calls";
		server[i].call = call_echo;
		mk_test_handle(test, &machine->node[i], &server[i]);
	}
	for (i = 0; i < ARRAY_SIZE(both); i++) {
		both[i].from = &machine->node[i % 2];
		both[i].to = !(i % 2);
		both[i].data = mk_test_buf(test, MK_IPI_MAX_LEN);
		/* Where it is rung, so that it answers by the ring by which it calls */
		both[i].task = mk_test_thread(test, call_both_thread, &both[i],
					      both[i].from->cpu);
	}
	for (i = 0; i < ARRAY_SIZE(both); i++)
		KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(both[i].calls) == BOTH_CALLS ||
						     READ_ONCE(both[i].error)));
	for (i = 0; i < ARRAY_SIZE(both); i++) {
		mk_test_thread_stop(test, both[i].task);
		KUNIT_EXPECT_EQ(test, 0, both[i].error);
		KUNIT_EXPECT_EQ(test, BOTH_CALLS, both[i].calls);
	}
}

/* Node 1 answers what nobody waits for: it is taken in, and dropped. Any context. */
static int call_late_replies(struct mk_test_machine *machine, unsigned int n)
{
	struct mk_link *link = &machine->node[1].instance->links[0];
	struct mk_wire_reply head = {};
	struct kvec vec = { .iov_base = &head, .iov_len = sizeof(head) };
	int ret = 0;

	for (; n && !ret; n--)
		ret = mk_link_send(link, 0, MK_WIRE_REPLY, &vec, 1, sizeof(head), 0);
	return ret;
}

/* The same by one ring, of which node 0 has had one already */
static struct mk_link *call_late_setup(struct kunit *test, struct mk_test_machine *machine)
{
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(machine->node[0].cpu)));
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
	mk_test_settle(test, &machine->node[0]);
	return &machine->node[0].instance->links[1];
}

static u64 call_replies_taken(struct mk_test_machine *machine)
{
	return mk_test_stats(&machine->node[0], 1, MK_URGENT).received;
}

/* As long as all who wait look themselves, no doorbell is rung; who sleeps is rung for */
static void call_rings_who_sleeps(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	struct mk_link *link = call_late_setup(test, machine);
	struct mk_test_node *node = machine->node;
	u64 taken = call_replies_taken(machine);
	int rings = mk_test_rings(&node[1]);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 2));
	mk_link_take_replies(link, false);
	KUNIT_EXPECT_EQ(test, taken + 2, call_replies_taken(machine));
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
	KUNIT_EXPECT_EQ(test, rings, mk_test_rings(&node[1]));

	atomic_inc(&link->sleepers);
	KUNIT_EXPECT_FALSE(test, mk_link_take_replies(link, true));
	KUNIT_EXPECT_EQ(test, taken + 3, call_replies_taken(machine));
	for (i = 1; i <= 10; i++) {
		KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
		/* Some of which others take: the next is rung for all the same */
		if (i % 2)
			mk_link_take_replies(link, false);
		mk_test_settle(test, &node[0]);
		KUNIT_EXPECT_EQ(test, taken + 3 + i, call_replies_taken(machine));
		KUNIT_EXPECT_EQ(test, rings + i, mk_test_rings(&node[1]));
	}
	atomic_dec(&link->sleepers);

	/* The next is rung for, as it was asked for; then none is */
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
	mk_test_settle(test, &node[0]);
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
	KUNIT_EXPECT_EQ(test, rings + 11, mk_test_rings(&node[1]));
}

/* A ring that nobody has looked at yet is rung for, whoever waits; the doorbell opens it */
static void call_rings_by_a_new_ring(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	struct mk_link *link = &machine->node[0].instance->links[1];
	struct mk_test_node *node = machine->node;
	int rings = mk_test_rings(&node[1]);

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(node[0].cpu)));
	mk_test_mute(&node[1]);
	mk_link_take_replies(link, false);
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
	KUNIT_EXPECT_EQ(test, rings + 1, mk_test_rings(&node[1]));
	atomic_inc(&link->sleepers);
	mk_link_take_replies(link, true);
	mk_test_unmute(&node[1]);
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
	KUNIT_EXPECT_EQ(test, rings + 2, mk_test_rings(&node[1]));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(call_replies_taken(machine) == 2));
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 1));
	KUNIT_EXPECT_EQ(test, rings + 3, mk_test_rings(&node[1]));
	atomic_dec(&link->sleepers);
}

static const bool call_sleeps[] = { false, true };

static void call_sleeps_desc(const bool *sleeps, char *desc)
{
	strscpy(desc, *sleeps ? "sleeps" : "awake", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(call_sleeps, call_sleeps, call_sleeps_desc);

/* One turn is taken at a time, and the caller is told that there is more */
static void call_takes_in_turns(struct kunit *test)
{
	const bool sleeps = *(const bool *)test->param_value;
	struct mk_test_machine *machine = call_setup(test);
	struct mk_link *link = call_late_setup(test, machine);
	u64 taken = call_replies_taken(machine);
	unsigned int turns = 0;

	mk_test_mute(&machine->node[1]);
	KUNIT_ASSERT_EQ(test, 0, call_late_replies(machine, 50));
	KUNIT_EXPECT_EQ(test, taken, call_replies_taken(machine));
	if (sleeps)
		atomic_inc(&link->sleepers);
	while (mk_link_take_replies(link, sleeps))
		turns++;
	KUNIT_EXPECT_EQ(test, 50 / 8, turns);
	KUNIT_EXPECT_EQ(test, taken + 50, call_replies_taken(machine));
	if (sleeps)
		atomic_dec(&link->sleepers);
	mk_test_unmute(&machine->node[1]);
}

/* What nobody waits for any more does not fill the ring for good, though no beat comes */
static void call_given_up(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	u64 taken;
	u32 i;

	call_late_setup(test, machine);
	taken = call_replies_taken(machine);
	for (i = 0; i < 2000; i++)
		KUNIT_ASSERT_TRUE(test, mk_test_wait(!call_late_replies(machine, 1)));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(call_replies_taken(machine) > taken + 1500));
}

/* A doorbell for a reply that a caller has taken was not for nothing, as those of storms are */
static void call_overtaken_is_no_storm(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	struct mk_link *link = call_late_setup(test, machine);
	struct mk_receiver *receiver = machine->node[0].instance->receivers;
	u64 taken = call_replies_taken(machine), rung, empties;
	unsigned int i;
	int ret;

	atomic_inc(&link->sleepers);
	mk_link_take_replies(link, true);
	for (i = 0; i < 20; i++) {
		/* By doorbells that bring nothing, but then it is not slow */
		mk_test_settle(test, &machine->node[0]);
		empties = READ_ONCE(receiver->empties);
		rung = READ_ONCE(receiver->doorbells);
		local_irq_disable();
		ret = call_late_replies(machine, 1);
		mk_link_take_replies(link, false);
		local_irq_enable();
		KUNIT_ASSERT_EQ(test, 0, ret);
		KUNIT_ASSERT_EQ(test, taken + i + 1, call_replies_taken(machine));
		KUNIT_ASSERT_TRUE(test, mk_test_wait(READ_ONCE(receiver->doorbells) > rung));
		KUNIT_EXPECT_EQ(test, empties, READ_ONCE(receiver->empties));
	}
	atomic_dec(&link->sleepers);
}

/* Who calls one time after the other is awake when the answers come, most of the time */
static void call_looks_for_its_answer(struct kunit *test)
{
	struct mk_test_machine *machine = call_setup(test);
	int rings = mk_test_rings(&machine->node[1]);
	u32 i;

	mk_param_poll_us = 10 * USEC_PER_SEC;
	for (i = 0; i < 100; i++)
		call_round(test, machine, CALL_URGENT, sizeof(struct call_ask), i);
	KUNIT_EXPECT_LT(test, mk_test_rings(&machine->node[1]) - rings, 50);
}

static struct kunit_case call_cases[] = {
	KUNIT_CASE_PARAM(call_replies, call_type_gen_params),
	KUNIT_CASE_PARAM(call_zero_length, call_type_gen_params),
	KUNIT_CASE_PARAM(call_largest_request, call_type_gen_params),
	KUNIT_CASE_PARAM(call_largest_reply, call_type_gen_params),
	KUNIT_CASE_PARAM(call_reply_too_long, call_type_gen_params),
	KUNIT_CASE(call_no_handler),
	KUNIT_CASE_PARAM(call_handler_takes_messages_only, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(call_wrong_lane, call_type_gen_params),
	KUNIT_CASE_PARAM(call_message_is_none, call_type_gen_params),
	KUNIT_CASE_PARAM(call_handler_fails, call_type_gen_params),
	KUNIT_CASE(call_times_out),
	KUNIT_CASE_PARAM(call_oneself, call_type_gen_params),
	KUNIT_CASE_PARAM(call_arena_is_full, call_type_gen_params),
	KUNIT_CASE(call_refuses),
	KUNIT_CASE(call_many_at_once),
	KUNIT_CASE(call_both_ways),
	KUNIT_CASE(call_looks_for_its_answer),
	KUNIT_CASE(call_rings_who_sleeps),
	KUNIT_CASE(call_rings_by_a_new_ring),
	KUNIT_CASE_PARAM(call_takes_in_turns, call_sleeps_gen_params),
	KUNIT_CASE(call_given_up),
	KUNIT_CASE(call_overtaken_is_no_storm),
	{}
};

static struct kunit_suite call_suite = {
	.name = "mk_call",
	.test_cases = call_cases,
};

kunit_test_suite(call_suite);
