// SPDX-License-Identifier: GPL-2.0
/* Tests of sending to several at once: each gets it, or an errno of its own. */
#include "helpers.h"

#define BROADCAST_NR	5

/* Not an errno that anything gives */
#define BROADCAST_UNSET	1

static struct mk_test_machine *broadcast_setup(struct kunit *test, int *errors)
{
	unsigned int i;

	for (i = 0; i < MK_IPI_MAX_INSTANCES; i++)
		errors[i] = BROADCAST_UNSET;
	return mk_test_machine(test, BROADCAST_NR);
}

static void broadcast_to_all(struct kunit *test)
{
	const u32 *type = test->param_value;
	int errors[MK_IPI_MAX_INSTANCES];
	struct mk_test_machine *machine = broadcast_setup(test, errors);
	static const char text[] = "to whom it may concern";
	struct mk_test_inbox *box;
	unsigned int i;

	for (i = 0; i < BROADCAST_NR; i++)
		mk_test_join(test, &machine->node[i]);
	/* An arena has room for so many bulk rings, and not for one more */
	KUNIT_EXPECT_EQ(test, 3, mk_instance_broadcast(machine->node[1].instance,
						       GENMASK_ULL(2, 0), *type, text,
						       sizeof(text), errors));
	KUNIT_EXPECT_EQ(test, BROADCAST_UNSET, errors[3]);
	for (i = 0; i < 3; i++) {
		box = mk_test_box(&machine->node[i], *type);
		KUNIT_EXPECT_EQ(test, 0, errors[i]);
		KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&box->count) == 1));
		KUNIT_EXPECT_EQ(test, 1, box->last.from);
		KUNIT_EXPECT_EQ(test, sizeof(text), box->last.len);
		KUNIT_EXPECT_MEMEQ(test, box->data, text, sizeof(text));
	}
}

static void broadcast_to_a_set(struct kunit *test)
{
	int errors[MK_IPI_MAX_INSTANCES];
	struct mk_test_machine *machine = broadcast_setup(test, errors);
	unsigned int i;

	for (i = 0; i < BROADCAST_NR; i++)
		mk_test_join(test, &machine->node[i]);
	KUNIT_EXPECT_EQ(test, 2, mk_instance_broadcast(machine->node[0].instance,
						       BIT_ULL(2) | BIT_ULL(4), MK_TEST_INBOX,
						       NULL, 0, errors));
	for (i = 0; i < BROADCAST_NR; i++) {
		mk_test_settle(test, &machine->node[i]);
		KUNIT_EXPECT_EQ(test, i == 2 || i == 4,
				atomic_read(&machine->node[i].inbox.count));
	}
}

/* Up: 0 and 3; full: 4; left: 1; never there: 2; not in the region: 63 */
static struct mk_test_machine *broadcast_mixed(struct kunit *test, int *errors)
{
	struct mk_test_machine *machine = broadcast_setup(test, errors);
	struct mk_test_node *node = machine->node;

	mk_test_join(test, &node[0]);
	mk_test_join(test, &node[1]);
	mk_test_join(test, &node[3]);
	mk_test_join(test, &node[4]);
	mk_test_leave(&node[1]);
	/* It stays full, since what it is at does not end */
	WRITE_ONCE(node[4].bulk.hold, U32_MAX);
	KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[0], 4, MK_TEST_BULK, 0, 0));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&node[4].bulk.held) == 1));
	mk_test_note_all(&node[0], 4, MK_TEST_BULK, 0);
	return machine;
}

static void broadcast_errors(struct kunit *test)
{
	int errors[MK_IPI_MAX_INSTANCES];
	struct mk_test_machine *machine = broadcast_mixed(test, errors);

	KUNIT_EXPECT_EQ(test, 2, mk_instance_broadcast(machine->node[0].instance, U64_MAX,
						       MK_TEST_BULK, NULL, 0, errors));
	KUNIT_EXPECT_EQ(test, 0, errors[0]);
	KUNIT_EXPECT_EQ(test, -ENOTCONN, errors[1]);
	KUNIT_EXPECT_EQ(test, -ENOENT, errors[2]);
	KUNIT_EXPECT_EQ(test, 0, errors[3]);
	KUNIT_EXPECT_EQ(test, -EAGAIN, errors[4]);
	KUNIT_EXPECT_EQ(test, -ENOENT, errors[5]);
	KUNIT_EXPECT_EQ(test, -ENOENT, errors[63]);
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&machine->node[0], 1));
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&machine->node[3], 1));
}

static void broadcast_without_errors(struct kunit *test)
{
	int errors[MK_IPI_MAX_INSTANCES];
	struct mk_test_machine *machine = broadcast_mixed(test, errors);

	KUNIT_EXPECT_EQ(test, 2, mk_instance_broadcast(machine->node[0].instance, U64_MAX,
						       MK_TEST_BULK, NULL, 0, NULL));
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&machine->node[3], 1));
}

static void broadcast_to_nobody(struct kunit *test)
{
	int errors[MK_IPI_MAX_INSTANCES];
	struct mk_test_machine *machine = broadcast_mixed(test, errors);
	struct mk_instance *instance = machine->node[0].instance;

	KUNIT_EXPECT_EQ(test, -ENOTCONN,
			mk_instance_broadcast(instance, BIT_ULL(1) | BIT_ULL(2) | BIT_ULL(4),
					      MK_TEST_BULK, NULL, 0, NULL));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			mk_instance_broadcast(instance, BIT_ULL(2) | BIT_ULL(4),
					      MK_TEST_BULK, NULL, 0, NULL));
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			mk_instance_broadcast(instance, BIT_ULL(4), MK_TEST_BULK,
					      NULL, 0, errors));
	KUNIT_EXPECT_EQ(test, -EAGAIN, errors[4]);
}

static void broadcast_refuses(struct kunit *test)
{
	int errors[MK_IPI_MAX_INSTANCES];
	struct mk_test_machine *machine = broadcast_mixed(test, errors);
	struct mk_instance *instance = machine->node[0].instance;
	u8 *data = mk_test_buf(test, MK_IPI_MAX_LEN + 1);

	KUNIT_EXPECT_EQ(test, -EMSGSIZE,
			mk_instance_broadcast(instance, BIT_ULL(3), MK_TEST_INBOX, data,
					      MK_IPI_MAX_LEN + 1, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			mk_instance_broadcast(instance, BIT_ULL(3), U32_MAX, data, 1, NULL));
}

static struct kunit_case broadcast_cases[] = {
	KUNIT_CASE_PARAM(broadcast_to_all, mk_test_lane_gen_params),
	KUNIT_CASE(broadcast_to_a_set),
	KUNIT_CASE(broadcast_errors),
	KUNIT_CASE(broadcast_without_errors),
	KUNIT_CASE(broadcast_to_nobody),
	KUNIT_CASE(broadcast_refuses),
	{}
};

static struct kunit_suite broadcast_suite = {
	.name = "mk_broadcast",
	.test_cases = broadcast_cases,
};

kunit_test_suite(broadcast_suite);
