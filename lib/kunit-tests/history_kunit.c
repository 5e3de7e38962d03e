// SPDX-License-Identifier: GPL-2.0
/* Tests of what the host keeps of a console. */
#include <linux/kthread.h>

#include "helpers.h"
#include "../../kernel/multikernel/console.h"

static void history_free_action(void *arg)
{
	mk_history_free(arg);
}

static struct mk_history *kept(struct kunit *test)
{
	struct mk_history *history = mk_test_buf(test, sizeof(*history));

	mk_history_init(history);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, history_free_action, history));
	KUNIT_ASSERT_EQ(test, 0, mk_history_keep(history));
	return history;
}

/* What a byte is that says at which position it is */
static u8 byte_at(u64 pos)
{
	return pos + (pos >> 8) + (pos >> 16);
}

static void add_bytes(struct mk_history *history, size_t len)
{
	u64 pos = mk_history_end(history);
	u8 byte;

	for (; len; len--, pos++) {
		byte = byte_at(pos);
		mk_history_add(history, &byte, 1);
	}
}

/* Read up to @size from *@pos on; each byte has to be that of its position */
static size_t read_bytes(struct kunit *test, struct mk_history *history, u64 *pos, size_t size)
{
	u8 *buf = mk_test_buf(test, size);
	size_t i, n = mk_history_read(history, pos, buf, size);
	u64 from = *pos - n;

	for (i = 0; i < n; i++)
		if (buf[i] != byte_at(from + i))
			break;
	KUNIT_EXPECT_EQ(test, n, i);
	return n;
}

static void history_keeps_nothing_unasked(struct kunit *test)
{
	struct mk_history *history = mk_test_buf(test, sizeof(*history));
	u64 pos = 0;
	u8 byte;

	mk_history_init(history);
	KUNIT_EXPECT_FALSE(test, mk_history_kept(history));
	mk_history_add(history, "lost", 4);
	KUNIT_EXPECT_EQ(test, 0, mk_history_end(history));
	KUNIT_EXPECT_EQ(test, 0, mk_history_read(history, &pos, &byte, 1));
}

static void history_is_kept_once(struct kunit *test)
{
	struct mk_history *history = kept(test);
	u64 pos = 0;

	add_bytes(history, 100);
	KUNIT_EXPECT_EQ(test, 0, mk_history_keep(history));
	KUNIT_EXPECT_TRUE(test, mk_history_kept(history));
	KUNIT_EXPECT_EQ(test, 100, read_bytes(test, history, &pos, 1000));
}

static void history_reads_on(struct kunit *test)
{
	struct mk_history *history = kept(test);
	u64 pos = 0;

	KUNIT_EXPECT_EQ(test, 0, read_bytes(test, history, &pos, 10));
	add_bytes(history, 25);
	KUNIT_EXPECT_EQ(test, 10, read_bytes(test, history, &pos, 10));
	KUNIT_EXPECT_EQ(test, 10, read_bytes(test, history, &pos, 10));
	KUNIT_EXPECT_EQ(test, 5, read_bytes(test, history, &pos, 10));
	KUNIT_EXPECT_EQ(test, 0, read_bytes(test, history, &pos, 10));
	KUNIT_EXPECT_EQ(test, 25, pos);
	/* Nobody takes it away from another reader */
	pos = 0;
	KUNIT_EXPECT_EQ(test, 25, read_bytes(test, history, &pos, 100));
}

static void history_forgets_the_oldest(struct kunit *test)
{
	struct mk_history *history = kept(test);
	const u64 more = 12345;
	u64 pos = 0;

	add_bytes(history, MK_HISTORY_SIZE);
	KUNIT_EXPECT_EQ(test, MK_HISTORY_SIZE,
			read_bytes(test, history, &pos, 2 * MK_HISTORY_SIZE));
	add_bytes(history, more);
	pos = 0;
	KUNIT_EXPECT_EQ(test, 100, read_bytes(test, history, &pos, 100));
	KUNIT_EXPECT_EQ(test, more + 100, pos);
	KUNIT_EXPECT_EQ(test, MK_HISTORY_SIZE - 100,
			read_bytes(test, history, &pos, 2 * MK_HISTORY_SIZE));
	KUNIT_EXPECT_EQ(test, more + MK_HISTORY_SIZE, pos);
}

/* Pieces of each length end up where single bytes would */
static void history_takes_pieces(struct kunit *test)
{
	struct mk_history *history = kept(test);
	const size_t most = 3 * MK_HISTORY_SIZE;
	u8 *buf = mk_test_buf(test, most);
	size_t len, i;
	u64 pos = 0;

	for (len = 1; len <= most; len = 3 * len + 1) {
		for (i = 0; i < len; i++)
			buf[i] = byte_at(mk_history_end(history) + i);
		mk_history_add(history, buf, len);
		pos = 0;
		KUNIT_EXPECT_EQ(test, min(mk_history_end(history), MK_HISTORY_SIZE),
				read_bytes(test, history, &pos, most));
		KUNIT_EXPECT_EQ(test, mk_history_end(history), pos);
	}
	mk_history_add(history, buf, 0);
	KUNIT_EXPECT_EQ(test, mk_history_end(history), pos);
}

static void history_has_no_future(struct kunit *test)
{
	struct mk_history *history = kept(test);
	u64 pos = 1000;

	add_bytes(history, 10);
	KUNIT_EXPECT_EQ(test, 0, read_bytes(test, history, &pos, 10));
	KUNIT_EXPECT_EQ(test, 1000, pos);
	pos = ~0ULL;
	KUNIT_EXPECT_EQ(test, 0, read_bytes(test, history, &pos, 10));
}

static int adder(void *arg)
{
	while (!kthread_should_stop()) {
		add_bytes(arg, 1000);
		cond_resched();
	}
	return 0;
}

/* What a reader gets while it is written is each time of one piece and in its place */
static void history_while_it_is_written(struct kunit *test)
{
	struct mk_history *history = kept(test);
	struct task_struct *task;
	unsigned int i;
	u64 pos;

	mk_test_params(test);
	task = mk_test_thread(test, adder, history, mk_test_cpu(1));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(mk_history_end(history) > MK_HISTORY_SIZE));
	for (i = 0; i < mk_test_many(200); i++) {
		pos = 0;
		KUNIT_EXPECT_EQ(test, 5000, read_bytes(test, history, &pos, 5000));
	}
	mk_test_thread_stop(test, task);
}

static struct kunit_case history_cases[] = {
	KUNIT_CASE(history_keeps_nothing_unasked),
	KUNIT_CASE(history_is_kept_once),
	KUNIT_CASE(history_reads_on),
	KUNIT_CASE(history_forgets_the_oldest),
	KUNIT_CASE(history_takes_pieces),
	KUNIT_CASE(history_has_no_future),
	KUNIT_CASE(history_while_it_is_written),
	{}
};

static struct kunit_suite history_suite = {
	.name		= "mk_history",
	.test_cases	= history_cases,
};

kunit_test_suite(history_suite);
