// SPDX-License-Identifier: GPL-2.0
/* What the suites share: memory, threads, parameters. */
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "helpers.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX	"mk_test."

/* How many times slower this kernel is than others; 0 is 1, too */
unsigned int mk_test_slow = 1;
module_param_named(slow, mk_test_slow, uint, 0444);

/* Nothing takes longer, in a kernel that is not slow */
unsigned int mk_test_seconds = 60;
module_param_named(seconds, mk_test_seconds, uint, 0444);

struct mk_test_saved {
	unsigned int	budget, budget_us, poll_us, storm, beat_ms, hang_ms, layout;
};

static void restore_params_action(void *arg)
{
	struct mk_test_saved *saved = arg;

	mk_param_budget = saved->budget;
	mk_param_budget_us = saved->budget_us;
	mk_param_poll_us = saved->poll_us;
	mk_param_storm = saved->storm;
	mk_param_beat_ms = saved->beat_ms;
	mk_param_hang_ms = saved->hang_ms;
	mk_param_layout = saved->layout;
}

/*
 * Whatever the test makes of the parameters is undone after it. It begins
 * without a beat, so that nothing that went wrong is made good by one.
 */
void mk_test_params(struct kunit *test)
{
	struct mk_test_saved *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, saved);
	saved->budget = mk_param_budget;
	saved->budget_us = mk_param_budget_us;
	saved->poll_us = mk_param_poll_us;
	saved->storm = mk_param_storm;
	saved->beat_ms = mk_param_beat_ms;
	saved->hang_ms = mk_param_hang_ms;
	saved->layout = mk_param_layout;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, restore_params_action, saved));
	mk_param_beat_ms = MK_TEST_NEVER_MS;
	mk_param_hang_ms = 10 * MK_TEST_NEVER_MS;
}

const u32 mk_test_lanes[2] = { MK_TEST_INBOX, MK_TEST_BULK };

void mk_test_lane_desc(const u32 *type, char *desc)
{
	strscpy(desc, *type & MK_IPI_BULK ? "bulk" : "urgent", KUNIT_PARAM_DESC_SIZE);
}

/* 251 is prime: bytes that are moved by slots, words or pages are noticed */
void mk_test_fill(void *buf, size_t len, unsigned int seed)
{
	u8 *byte = buf;
	size_t i;

	for (i = 0; i < len; i++)
		byte[i] = (seed + i) % 251;
}

static void free_buf_action(void *buf)
{
	kvfree(buf);
}

/* @size zeroed bytes, which may be more than fit into a message */
void *mk_test_buf(struct kunit *test, size_t size)
{
	void *buf = kvzalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_buf_action, buf));
	return buf;
}

#define MK_TEST_PIECES	16

/**
 * struct mk_test_pages - whole pages
 * @mem:   the first one
 * @size:  bytes that are used
 * @piece: what they were made of
 * @nr:    entries of @piece
 */
struct mk_test_pages {
	void		*mem;
	size_t		size;
	void		*piece[MK_TEST_PIECES];
	unsigned int	nr;
};

static void free_pages_action(void *arg)
{
	struct mk_test_pages *pages = arg;

	while (pages->nr)
		free_pages((unsigned long)pages->piece[--pages->nr], MAX_PAGE_ORDER);
	if (pages->mem)
		free_pages_exact(pages->mem, pages->size);
}

/* The piece from which on the pieces make up @size bytes in a row, or NULL */
static void *pages_in_a_row(const struct mk_test_pages *pages, size_t size)
{
	unsigned int first, i, k;

	for (first = 0; first < pages->nr; first++) {
		for (i = 1; i * MK_TEST_PIECE < size; i++) {
			for (k = 0; k < pages->nr; k++)
				if (pages->piece[k] == pages->piece[first] + i * MK_TEST_PIECE)
					break;
			if (k == pages->nr)
				break;
		}
		if (i * MK_TEST_PIECE >= size)
			return pages->piece[first];
	}
	return NULL;
}

/*
 * Memory as an instance may get it: whole pages, not empty. What is more than
 * the allocator has in one piece is put together of several, if there are
 * neighbours among them.
 */
void *mk_test_pages(struct kunit *test, size_t size)
{
	struct mk_test_pages *pages = kunit_kzalloc(test, sizeof(*pages), GFP_KERNEL);
	void *mem = NULL;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	pages->size = size;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_pages_action, pages));
	if (size <= MK_TEST_PIECE) {
		mem = alloc_pages_exact(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, mem);
		pages->mem = mem;
	}
	while (!mem && pages->nr < MK_TEST_PIECES) {
		void *piece = (void *)__get_free_pages(GFP_KERNEL | __GFP_NOWARN,
						       MAX_PAGE_ORDER);

		if (!piece)
			break;
		pages->piece[pages->nr++] = piece;
		mem = pages_in_a_row(pages, size);
	}
	if (!mem)
		kunit_skip(test, "needs %zu bytes of memory in a row", size);
	memset(mem, 0xa5, size);
	return mem;
}

/* The CPUs that are online, counted round and round */
unsigned int mk_test_cpu(unsigned int i)
{
	return cpumask_nth(i % num_online_cpus(), cpu_online_mask);
}

static void stop_thread_action(void *task)
{
	kthread_stop_put(task);
}

/*
 * @fn ends by itself or, at the latest, once kthread_should_stop(). It runs on
 * @cpu, since order is kept among what one CPU sends; nr_cpu_ids: anywhere.
 */
struct task_struct *mk_test_thread(struct kunit *test, int (*fn)(void *arg), void *arg,
				   unsigned int cpu)
{
	struct task_struct *task = kthread_create(fn, arg, "mk_kunit");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	if (cpu < nr_cpu_ids)
		kthread_bind(task, cpu);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, stop_thread_action, task));
	wake_up_process(task);
	return task;
}

/* What the thread's function returned */
int mk_test_thread_stop(struct kunit *test, struct task_struct *task)
{
	int ret;

	kunit_remove_action(test, stop_thread_action, task);
	ret = kthread_stop(task);
	put_task_struct(task);
	return ret;
}

static int write_notes(void *arg)
{
	struct mk_test_writer *writer = arg;
	u32 i = 0;

	while (i < writer->notes && !kthread_should_stop()) {
		int error = mk_test_note(writer->from, writer->to, writer->type, writer->id, i);

		if (!error) {
			i++;
		} else if (error == -EAGAIN) {
			usleep_range(100, 1000);
		} else {
			writer->error = error;
			break;
		}
	}
	return 0;
}

/* The writer begins */
void mk_test_write(struct kunit *test, struct mk_test_writer *writer)
{
	writer->task = mk_test_thread(test, write_notes, writer, writer->cpu);
}

/* The writer is done, or is stopped */
void mk_test_written(struct kunit *test, struct mk_test_writer *writer)
{
	mk_test_thread_stop(test, writer->task);
	KUNIT_EXPECT_EQ(test, 0, writer->error);
}
