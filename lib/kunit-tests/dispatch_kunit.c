// SPDX-License-Identifier: GPL-2.0
/* Tests of the registration table: who gets a message, and until when. */
#include <linux/completion.h>
#include <linux/slab.h>

#include "helpers.h"

#define DISPATCH_TYPE	(MK_IPI_NR_TYPES - 1)

/**
 * struct dispatch_taker - a handler that keeps what it is given
 * @handler: the handler
 * @count:   calls that have ended
 * @msg:     what the latest was given
 * @entered: set by each call when it starts
 * @linger:  ms that a call lasts
 */
struct dispatch_taker {
	struct mk_ipi_handler	handler;
	unsigned int		count;
	const struct mk_ipi_msg	*msg;
	struct completion	entered;
	unsigned int		linger;
};

static void dispatch_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct dispatch_taker *taker = container_of(handler, struct dispatch_taker, handler);

	complete(&taker->entered);
	mdelay(taker->linger);
	taker->msg = msg;
	WRITE_ONCE(taker->count, taker->count + 1);
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
	kvfree(test->priv);
}

static void dispatch_gives_the_message(struct kunit *test)
{
	struct dispatch_taker *taker = dispatch_taker(test, DISPATCH_TYPE);
	const struct mk_ipi_msg msg = { .data = "abc", .len = 3, .from = 7, .type = DISPATCH_TYPE };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg));
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
		KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg));
		for (k = 0; k < ARRAY_SIZE(type); k++)
			KUNIT_EXPECT_EQ(test, k <= i, taker[k]->count);
	}
}

static void dispatch_unknown_type(struct kunit *test)
{
	struct dispatch_taker *taker = dispatch_taker(test, DISPATCH_TYPE);
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE - 1 };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg));
	KUNIT_EXPECT_EQ(test, 0, taker->count);
}

static void dispatch_type_out_of_range(struct kunit *test)
{
	struct mk_ipi_msg msg = { .type = MK_IPI_NR_TYPES };

	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg));
	msg.type = U32_MAX;
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg));
}

static void dispatch_taken_type(struct kunit *test)
{
	struct dispatch_taker *first = dispatch_taker(test, DISPATCH_TYPE);
	struct dispatch_taker *second = dispatch_taker(test, DISPATCH_TYPE);
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE };

	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &first->handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_handlers_add(test->priv, &second->handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_handlers_add(test->priv, &first->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg));
	KUNIT_EXPECT_EQ(test, 1, first->count);
	KUNIT_EXPECT_EQ(test, 0, second->count);
}

static void dispatch_refuses_handler(struct kunit *test)
{
	struct dispatch_taker *taker = dispatch_taker(test, MK_IPI_NR_TYPES);

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
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(test->priv, &msg));

	KUNIT_EXPECT_EQ(test, 0, mk_handlers_add(test->priv, &second->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(test->priv, &msg));
	KUNIT_EXPECT_EQ(test, 0, first->count);
	KUNIT_EXPECT_EQ(test, 1, second->count);
}

static int dispatch_thread(void *handlers)
{
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE };

	return mk_ipi_dispatch(handlers, &msg);
}

/* The call outlasts by far what unregistering takes if it does not wait */
static void dispatch_unregister_during_a_call(struct kunit *test)
{
	struct dispatch_taker *taker = dispatch_taker(test, DISPATCH_TYPE);
	struct task_struct *task;
	bool entered;

	taker->linger = 200;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(test->priv, &taker->handler));
	task = mk_test_thread(test, dispatch_thread, test->priv);
	entered = wait_for_completion_timeout(&taker->entered, 10 * HZ);
	mk_handlers_del(test->priv, &taker->handler);
	if (entered)
		KUNIT_EXPECT_EQ(test, 1, READ_ONCE(taker->count));
	mk_test_thread_stop(test, task);
	KUNIT_EXPECT_TRUE(test, entered);
}

static void dispatch_public_table(struct kunit *test)
{
	struct dispatch_taker *first = dispatch_taker(test, DISPATCH_TYPE);
	struct dispatch_taker *second = dispatch_taker(test, DISPATCH_TYPE);
	struct mk_ipi_msg msg = { .type = DISPATCH_TYPE };

	KUNIT_ASSERT_EQ(test, 0, mk_ipi_register(&first->handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_ipi_register(&second->handler));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_dispatch(&mk_ipi_handlers, &msg));
	mk_ipi_unregister(&first->handler);
	KUNIT_EXPECT_EQ(test, 1, first->count);

	KUNIT_EXPECT_EQ(test, 0, mk_ipi_register(&second->handler));
	mk_ipi_unregister(&second->handler);
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_dispatch(&mk_ipi_handlers, &msg));
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
	KUNIT_CASE(dispatch_unregister_during_a_call),
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
