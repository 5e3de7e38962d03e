// SPDX-License-Identifier: GPL-2.0
/* Tests of handlers that keep the memory of their messages. */
#include <linux/slab.h>

#include "helpers.h"

#define TAKE_TYPE	((MK_IPI_TYPE_LOCAL + 0x40) | MK_IPI_BULK)
#define TAKE_URGENT	(MK_IPI_TYPE_LOCAL + 0x41)
#define TAKE_MESSAGES	20

/**
 * struct take_keeper - keeps what comes
 * @handler: for TAKE_TYPE or TAKE_URGENT
 * @count:   messages so far; raised with release after the rest
 * @data:    what was kept of them, or NULL
 * @len:     bytes of each
 */
struct take_keeper {
	struct mk_ipi_handler	handler;
	atomic_t		count;
	void			*data[TAKE_MESSAGES];
	u32			len[TAKE_MESSAGES];
};

static void take_keep(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct take_keeper *keeper = container_of(handler, struct take_keeper, handler);
	unsigned int i = atomic_read(&keeper->count);

	if (i < TAKE_MESSAGES) {
		keeper->data[i] = mk_ipi_take(msg);
		keeper->len[i] = msg->len;
		/* There is nothing more to take */
		if (keeper->data[i] && (keeper->data[i] != msg->data || mk_ipi_take(msg)))
			keeper->len[i] = U32_MAX;
	}
	atomic_inc_return_release(&keeper->count);
}

static int take_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		     struct mk_ipi_reply *reply)
{
	return mk_ipi_take(msg) ? -EBUSY : 0;
}

static void take_free(void *arg)
{
	struct take_keeper *keeper = arg;
	unsigned int i;

	for (i = 0; i < TAKE_MESSAGES; i++)
		kfree(keeper->data[i]);
}

static struct take_keeper *take_keeper(struct kunit *test, struct mk_test_node *node, u32 type)
{
	struct take_keeper *keeper = kunit_kzalloc(test, sizeof(*keeper), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, keeper);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, take_free, keeper));
	keeper->handler.type = type;
	keeper->handler.name = "test keeper";
	keeper->handler.fn = take_keep;
	keeper->handler.call = take_call;
	mk_test_handle(test, node, &keeper->handler);
	return keeper;
}

static bool take_arrived(struct take_keeper *keeper, int count)
{
	/* Pairs with the release in take_keep() */
	return mk_test_wait(atomic_read_acquire(&keeper->count) == count);
}

/* Each stays as it was sent, whatever comes after it, and has room behind it */
static void take_is_kept(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct take_keeper *keeper = take_keeper(test, &machine->node[1], TAKE_TYPE);
	u8 *data = mk_test_buf(test, MK_IPI_MAX_BULK_LEN);
	unsigned int i, len, kept = 0;

	for (i = 0; i < TAKE_MESSAGES; i++) {
		len = i & 1 ? i : MK_IPI_MAX_BULK_LEN - i;
		mk_test_fill(data, len, i);
		KUNIT_ASSERT_EQ(test, 0, mk_instance_send(machine->node[0].instance, 1, TAKE_TYPE,
							  data, len));
		KUNIT_ASSERT_TRUE(test, take_arrived(keeper, i + 1));
	}
	for (i = 0; i < TAKE_MESSAGES; i++) {
		len = i & 1 ? i : MK_IPI_MAX_BULK_LEN - i;
		KUNIT_EXPECT_EQ(test, len, keeper->len[i]);
		if (!keeper->data[i])
			continue;
		kept++;
		mk_test_fill(data, len, i);
		KUNIT_EXPECT_EQ(test, 0, memcmp(keeper->data[i], data, len));
		KUNIT_EXPECT_GE(test, ksize(keeper->data[i]),
				MK_IPI_MAX_BULK_LEN + MK_IPI_TAKE_SPARE);
	}
	if (!kept)
		kunit_skip(test, "no memory of that size was in one piece");
}

/* What is behind a call, or in the interrupt, is not to be had */
static void take_is_refused(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_instance *from = machine->node[0].instance;
	struct take_keeper *urgent = take_keeper(test, &machine->node[1], TAKE_URGENT);

	take_keeper(test, &machine->node[1], TAKE_TYPE);
	KUNIT_EXPECT_EQ(test, 0, mk_instance_call(from, 1, TAKE_TYPE, "x", 1, NULL,
						  mk_test_long()));
	KUNIT_EXPECT_EQ(test, 0, mk_instance_send(from, 1, TAKE_URGENT, "x", 1));
	KUNIT_EXPECT_TRUE(test, take_arrived(urgent, 1));
	KUNIT_EXPECT_NULL(test, urgent->data[0]);
}

static struct kunit_case take_cases[] = {
	KUNIT_CASE(take_is_kept),
	KUNIT_CASE(take_is_refused),
	{}
};

static struct kunit_suite take_suite = {
	.name = "mk_take",
	.test_cases = take_cases,
};

kunit_test_suite(take_suite);
