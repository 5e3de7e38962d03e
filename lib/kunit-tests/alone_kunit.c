// SPDX-License-Identifier: GPL-2.0
/* Tests of a kernel that is in no region: all calls say so, and handlers can be registered. */
#include <linux/notifier.h>

#include "helpers.h"

static int alone_init(struct kunit *test)
{
	if (mk_ipi_instance())
		kunit_skip(test, "this kernel is in a region");
	return 0;
}

static void alone_sends_nothing(struct kunit *test)
{
	struct mk_ipi_reply reply = {};
	int errors[MK_IPI_MAX_INSTANCES];
	const u32 type = MK_IPI_TYPE_LOCAL;
	const struct kvec vec = {};

	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_send(0, type, NULL, 0));
	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_sendv(0, type, &vec, 1));
	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_send_wait(0, type, NULL, 0, HZ));
	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_sendv_wait(0, type, &vec, 1, HZ));
	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_broadcast(1, type, NULL, 0, errors));
	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_call(0, type, NULL, 0, &reply, HZ));
}

static void alone_has_no_peers(struct kunit *test)
{
	struct mk_ipi_stats stats;

	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_self());
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_nr_instances());
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_ABSENT, mk_ipi_peer_state(0));
	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_nr_cpus(0));
	KUNIT_EXPECT_EQ(test, -ENODEV, mk_ipi_peer_stats(0, 0, &stats));
}

static void alone_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
}

static int alone_told(struct notifier_block *nb, unsigned long state, void *event)
{
	return NOTIFY_DONE;
}

/* A driver need not know whether this kernel will ever join */
static void alone_registers(struct kunit *test)
{
	struct mk_ipi_handler handler = { .type = MK_IPI_TYPE_LOCAL + 5, .fn = alone_take };
	struct mk_ipi_handler other = handler;
	struct notifier_block nb = { .notifier_call = alone_told };

	KUNIT_EXPECT_EQ(test, 0, mk_ipi_register(&handler));
	KUNIT_EXPECT_EQ(test, -EBUSY, mk_ipi_register(&other));
	mk_ipi_unregister(&handler);
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_register(&other));
	mk_ipi_unregister(&other);

	KUNIT_EXPECT_EQ(test, 0, mk_ipi_register_notifier(&nb));
	KUNIT_EXPECT_EQ(test, 0, mk_ipi_unregister_notifier(&nb));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_ipi_unregister_notifier(&nb));
}

static struct kunit_case alone_cases[] = {
	KUNIT_CASE(alone_sends_nothing),
	KUNIT_CASE(alone_has_no_peers),
	KUNIT_CASE(alone_registers),
	{}
};

static struct kunit_suite alone_suite = {
	.name = "mk_alone",
	.init = alone_init,
	.test_cases = alone_cases,
};

kunit_test_suite(alone_suite);
