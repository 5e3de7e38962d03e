// SPDX-License-Identifier: GPL-2.0
/* Tests of the registration table: who gets a message, and until when. */
#include <linux/completion.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "helpers.h"

#define DISPATCH_TYPE	(MK_IPI_NR_TYPES - 1)

/**
 * struct dispatch_taker - a handler that keeps what it is given
 * @handler: the handler
 * @count:   calls that have ended
 * @msg:     what the latest was given
 * @entered: set by each call when it starts
 * @linger:  ms that a call lasts
 * @answered: calls that wanted an answer
 */
struct dispatch_taker {
	struct mk_ipi_handler	handler;
	unsigned int		count;
	const struct mk_ipi_msg	*msg;
	struct completion	entered;
	unsigned int		linger;
	unsigned int		answered;
};

static void dispatch_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct dispatch_taker *taker = container_of(handler, struct dispatch_taker, handler);

	complete(&taker->entered);
	if (handler->type & MK_IPI_BULK)
		msleep(taker->linger);
	else
		mdelay(taker->linger);
	taker->msg = msg;
	WRITE_ONCE(taker->count, taker->count + 1);
}

static int dispatch_answer(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			   struct mk_ipi_reply *reply)
{
	struct dispatch_taker *taker = container_of(handler, struct dispatch_taker, handler);

	taker->answered++;
	memcpy(reply->data, "yes", 3);
	reply->len = 3;
	return 0;
}

static struct dispatch_taker *dispatch_taker(struct kunit *test, u32 type)
{
	struct dispatch_taker *taker = kunit_kzalloc(test, sizeof(*taker), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, taker);
	taker->handler.type = type;
	taker->handler.name = "test";
	taker->handler.fn = dispatch_take;
	init_completion(&taker->entered);
	return taker;
}

static int dispatch_init(struct kunit *test)
{
	struct mk_handlers *handlers = kvzalloc(sizeof(*handlers), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, handlers);
	mk_handlers_init(handlers);
	test->priv = handlers;
	return 0;
}

static void dispatch_exit(struct kunit *test)
{
	struct mk_handlers *handlers = test->priv;
	unsigned int i, lane;

	for (lane = 0; lane < MK_NR_LANES; lane++) {
		for (i = 0; i < MK_IPI_NR_TYPES; i++) {
			struct mk_ipi_handler *handler;

			/* Nobody else has the table */
			handler = rcu_access_pointer(handlers->handler[lane][i]);
			if (handler)
				mk_handlers_del(handlers, handler);
		}
	}
	kvfree(handlers);
}

static void dispatch_gives_the_message(struct kunit *test)
{
	struct dispatch_taker *taker = dispatch_taker(test, DISPATCH_TYPE);
	const struct mk_ipi_msg msg = { .data = "abc", .len = 3, .from = 7, .type = DISPATCH_TYPE };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 1, taker->count);
	KUNIT_EXPECT_PTR_EQ(test, &msg, taker->msg);
	mk_handlers_del(test->priv, &taker->handler);
}

static void dispatch_goes_by_type(struct kunit *test)
{
	static const u32 type[] = { 0, 1, MK_IPI_TYPE_LOCAL, DISPATCH_TYPE };
	struct dispatch_taker *taker[ARRAY_SIZE(type)];
	struct mk_ipi_msg msg = {};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(type); i++) {
		taker[i] = dispatch_taker(test, type[i]);
		KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker[i]->handler));
	}
	for (i = 0; i < ARRAY_SIZE(type); i++) {
		msg.type = type[i];
		KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, NULL));
		for (k = 0; k < ARRAY_SIZE(type); k++)
			KUNIT_EXPECT_EQ(test, k <= i, taker[k]->count);
	}
}

static void dispatch_unknown_type(struct kunit *test)
{
	struct dispatch_taker *taker = dispatch_taker(test, DISPATCH_TYPE);
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE - 1 };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 0, taker->count);
}

static void dispatch_type_out_of_range(struct kunit *test)
{
	struct mk_ipi_msg msg = { .type = 2 * MK_IPI_NR_TYPES };

	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg, NULL));
	msg.type = U32_MAX;
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg, NULL));
}

static void dispatch_taken_type(struct kunit *test)
{
	struct dispatch_taker *first = dispatch_taker(test, DISPATCH_TYPE);
	struct dispatch_taker *second = dispatch_taker(test, DISPATCH_TYPE);
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &first->handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_handlers_add(test->priv, &second->handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_handlers_add(test->priv, &first->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 1, first->count);
	KUNIT_EXPECT_EQ(test, 0, second->count);
}

static void dispatch_refuses_handler(struct kunit *test)
{
	struct dispatch_taker *taker = dispatch_taker(test, 2 * MK_IPI_NR_TYPES);

	KUNIT_EXPECT_EQ(test, -EINVAL, mk_handlers_add(test->priv, &taker->handler));
	taker->handler.type = DISPATCH_TYPE | MK_IPI_TO_CPU(0);
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_handlers_add(test->priv, &taker->handler));
	taker->handler.type = U32_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_handlers_add(test->priv, &taker->handler));
	taker->handler.type = DISPATCH_TYPE;
	taker->handler.fn = NULL;
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_handlers_add(test->priv, &taker->handler));
}

static void dispatch_after_unregistering(struct kunit *test)
{
	struct dispatch_taker *first = dispatch_taker(test, DISPATCH_TYPE);
	struct dispatch_taker *second = dispatch_taker(test, DISPATCH_TYPE);
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &first->handler));
	mk_handlers_del(test->priv, &first->handler);
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg, NULL));

	KUNIT_EXPECT_EQ(test, 0, mk_handlers_add(test->priv, &second->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 0, first->count);
	KUNIT_EXPECT_EQ(test, 1, second->count);
}

/**
 * struct dispatch_run - a message that is dispatched in a thread
 * @handlers: the table to look in
 * @type:     of the message
 */
struct dispatch_run {
	struct mk_handlers	*handlers;
	u32			type;
};

static int dispatch_thread(void *arg)
{
	struct dispatch_run *run = arg;
	struct mk_ipi_msg msg = { .type = run->type };

	return mk_ipi_dispatch(run->handlers, &msg, NULL);
}

static const u32 dispatch_lanes[] = { DISPATCH_TYPE, DISPATCH_TYPE | MK_IPI_BULK };

static void dispatch_lane_desc(const u32 *type, char *desc)
{
	strscpy(desc, *type & MK_IPI_BULK ? "bulk" : "urgent", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(dispatch_lane, dispatch_lanes, dispatch_lane_desc);

/* The call outlasts by far what unregistering takes if it does not wait */
static void dispatch_unregister_during_a_call(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct dispatch_taker *taker = dispatch_taker(test, *type);
	struct dispatch_run run = { .handlers = test->priv, .type = *type };
	struct task_struct *task;
	bool entered;

	taker->linger = 200;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	task = mk_test_thread(test, dispatch_thread, &run, nr_cpu_ids);
	entered = wait_for_completion_timeout(&taker->entered, 10 * HZ);
	mk_handlers_del(test->priv, &taker->handler);
	if (entered)
		KUNIT_EXPECT_EQ(test, 1, READ_ONCE(taker->count));
	mk_test_thread_stop(test, task);
	KUNIT_EXPECT_TRUE(test, entered);
}

static void dispatch_wrong_lane(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct dispatch_taker *taker = dispatch_taker(test, *type);
	struct mk_ipi_msg msg = { .type = *type ^ MK_IPI_BULK };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_EQ(test, -EBADMSG, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 0, taker->count);
	msg.type = *type;
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 1, taker->count);
	mk_handlers_del(test->priv, &taker->handler);
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg, NULL));
}

/* A type is in one lane at the most */
static void dispatch_taken_in_the_other_lane(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct dispatch_taker *first = dispatch_taker(test, *type);
	struct dispatch_taker *second = dispatch_taker(test, *type ^ MK_IPI_BULK);

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &first->handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_handlers_add(test->priv, &second->handler));
	mk_handlers_del(test->priv, &first->handler);
	KUNIT_EXPECT_EQ(test, 0, mk_handlers_add(test->priv, &second->handler));
	mk_handlers_del(test->priv, &second->handler);
}

static void dispatch_call(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct dispatch_taker *taker = dispatch_taker(test, *type);
	struct mk_ipi_msg msg = { .type = *type };
	u8 answer[8] = {};
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer) };

	taker->handler.call = dispatch_answer;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, &reply));
	KUNIT_EXPECT_EQ(test, 3, reply.len);
	KUNIT_EXPECT_MEMEQ(test, answer, "yes", 3);
	KUNIT_EXPECT_EQ(test, 1, taker->answered);
	KUNIT_EXPECT_EQ(test, 0, taker->count);
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 1, taker->answered);
	KUNIT_EXPECT_EQ(test, 1, taker->count);
	mk_handlers_del(test->priv, &taker->handler);
}

/* A handler may take messages, or calls, and not the other */
static void dispatch_only_one_of_both(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct dispatch_taker *taker = dispatch_taker(test, *type);
	struct mk_ipi_msg msg = { .type = *type };
	u8 answer[8] = {};
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer) };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_NE(test, 0, mk_ipi_dispatch(test->priv, &msg, &reply));
	KUNIT_EXPECT_EQ(test, 0, taker->answered + taker->count);
	mk_handlers_del(test->priv, &taker->handler);

	taker->handler.fn = NULL;
	taker->handler.call = dispatch_answer;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg, &reply));
	KUNIT_EXPECT_EQ(test, 1, taker->answered);
	mk_handlers_del(test->priv, &taker->handler);
}

static u64 dispatch_counted(const struct mk_ipi_handler *handler)
{
	unsigned int cpu;
	u64 sum = 0;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(handler->taken, cpu);
	return sum;
}

static void dispatch_counts(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct dispatch_taker *taker = dispatch_taker(test, *type);
	struct mk_ipi_msg msg = { .type = *type };
	u8 answer[8] = {};
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer) };
	unsigned int i;

	taker->handler.call = dispatch_answer;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_ASSERT_TRUE(test, !!taker->handler.taken);
	KUNIT_EXPECT_EQ(test, 0, dispatch_counted(&taker->handler));
	for (i = 0; i < 5; i++)
		mk_ipi_dispatch(test->priv, &msg, NULL);
	mk_ipi_dispatch(test->priv, &msg, &reply);
	KUNIT_EXPECT_EQ(test, 6, dispatch_counted(&taker->handler));
}

static void dispatch_public_table(struct kunit *test)
{
	struct dispatch_taker *first = dispatch_taker(test, DISPATCH_TYPE);
	struct dispatch_taker *second = dispatch_taker(test, DISPATCH_TYPE);
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE };

	KUNIT_ASSERT_EQ(test, 0, mk_ipi_register(&first->handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_ipi_register(&second->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(&mk_ipi_handlers, &msg, NULL));
	mk_ipi_unregister(&first->handler);
	KUNIT_EXPECT_EQ(test, 1, first->count);

	KUNIT_EXPECT_EQ(test, 0, mk_ipi_register(&second->handler));
	mk_ipi_unregister(&second->handler);
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(&mk_ipi_handlers, &msg, NULL));
	KUNIT_EXPECT_EQ(test, 0, second->count);
}

static struct kunit_case dispatch_cases[] = {
	KUNIT_CASE(dispatch_gives_the_message),
	KUNIT_CASE(dispatch_goes_by_type),
	KUNIT_CASE(dispatch_unknown_type),
	KUNIT_CASE(dispatch_type_out_of_range),
	KUNIT_CASE(dispatch_taken_type),
	KUNIT_CASE(dispatch_refuses_handler),
	KUNIT_CASE(dispatch_after_unregistering),
	KUNIT_CASE_PARAM(dispatch_unregister_during_a_call, dispatch_lane_gen_params),
	KUNIT_CASE_PARAM(dispatch_wrong_lane, dispatch_lane_gen_params),
	KUNIT_CASE_PARAM(dispatch_taken_in_the_other_lane, dispatch_lane_gen_params),
	KUNIT_CASE_PARAM(dispatch_call, dispatch_lane_gen_params),
	KUNIT_CASE_PARAM(dispatch_only_one_of_both, dispatch_lane_gen_params),
	KUNIT_CASE_PARAM(dispatch_counts, dispatch_lane_gen_params),
	KUNIT_CASE(dispatch_public_table),
	{}
};

static struct kunit_suite dispatch_suite = {
	.name = "mk_dispatch",
	.init = dispatch_init,
	.exit = dispatch_exit,
	.test_cases = dispatch_cases,
};

kunit_test_suite(dispatch_suite);
