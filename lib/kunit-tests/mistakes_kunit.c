// SPDX-License-Identifier: GPL-2.0
/*
 * Mistakes that a user of the layer can make, one a case, to see that a kernel with the
 * checkers built in says so. Not tests: who runs them reads the kernel's log.
 *
 * Each case is named after who is to find it, prints its name before it, and is skipped
 * if that is not in the kernel. Some checkers find only the first mistake of a boot:
 *
 *	kasan_*		all of them with kasan_multi_shot on the command line
 *	lockdep_*	one each boot, as kunit.filter_glob=mk_mistakes.lockdep_irq
 *	kmemleak_*	after the boot, from /sys/kernel/debug/kmemleak
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <multikernel/compat.h>

#include "helpers.h"

#define MISTAKE_TYPE	(MK_IPI_TYPE_LOCAL + 0x20)

/**
 * struct mistake - a handler that makes one
 * @handler: the handler, of node 1
 * @machine: two nodes
 * @done:    times that it has
 * @kept:    what it has of an earlier message
 * @counter: what several write
 * @timer:   what it starts
 * @work:    the same
 */
struct mistake {
	struct mk_ipi_handler	handler;
	struct mk_test_machine	*machine;
	atomic_t		done;
	const u8		*kept;
	u64			counter;
	struct hrtimer		*timer;
	struct delayed_work	work;
};

typedef void (*mistake_fn)(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg);

/* What would be optimised away if nobody wanted it */
static u32 mistake_value;

static struct mistake *to_mistake(struct mk_ipi_handler *handler)
{
	return container_of(handler, struct mistake, handler);
}

static void mistake_forget_action(void *arg)
{
	struct mistake *mistake = arg;

	mk_handlers_del(mistake->machine->node[1].handlers, &mistake->handler);
}

/* Two nodes, the second of which has @fn for MISTAKE_TYPE of the lane */
static struct mistake *mistake_setup(struct kunit *test, bool found, u32 lane, mistake_fn fn)
{
	struct mistake *mistake;

	if (!found)
		kunit_skip(test, "nothing in this kernel finds it");
	mistake = kunit_kzalloc(test, sizeof(*mistake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mistake);
	mistake->machine = mk_test_joined(test, 2);
	mistake->handler.type = MISTAKE_TYPE | lane;
	mistake->handler.name = "test mistake";
	mistake->handler.fn = fn;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(mistake->machine->node[1].handlers,
						 &mistake->handler));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mistake_forget_action, mistake));
	kunit_info(test, "the mistake follows\n");
	return mistake;
}

/* Have the handler called with a message of the one byte */
static void mistake_make(struct kunit *test, struct mistake *mistake, u8 byte)
{
	int done = atomic_read(&mistake->done);

	KUNIT_ASSERT_EQ(test, 0, mk_instance_send(mistake->machine->node[0].instance, 1,
						  mistake->handler.type, &byte, 1));
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&mistake->done) > done));
}

/* Believes that there are more bytes than there are */
static void mistake_behind(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const u8 *data = msg->data;

	WRITE_ONCE(mistake_value, READ_ONCE(data[MK_WIRE_URGENT_LEN]));
	atomic_inc(&to_mistake(handler)->done);
}

static void kasan_behind(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_KASAN), 0,
						mistake_behind);

	mistake_make(test, mistake, 0);
}

/* Keeps a message that is valid until it returns */
static void mistake_keep(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	to_mistake(handler)->kept = msg->data;
	atomic_inc(&to_mistake(handler)->done);
}

static void kasan_kept(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_KASAN), 0, mistake_keep);

	mistake_make(test, mistake, 0);
	mk_test_leave(&mistake->machine->node[1]);
	WRITE_ONCE(mistake_value, READ_ONCE(*mistake->kept));
}

static atomic_t mistake_after;

static void mistake_count(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	atomic_inc(&mistake_after);
}

/* Frees a handler that is registered: the layer itself runs into it */
static void kasan_registered(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_KASAN), 0, mistake_keep);
	struct mk_test_node *node = mistake->machine->node;
	struct mk_ipi_handler *handler = kzalloc(sizeof(*handler), GFP_KERNEL);
	u64 __percpu *taken;

	KUNIT_ASSERT_NOT_NULL(test, handler);
	handler->type = MISTAKE_TYPE + 1;
	handler->fn = mistake_count;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[1].handlers, handler));
	taken = handler->taken;
	atomic_set(&mistake_after, 0);
	kfree(handler);
	mk_instance_send(node[0].instance, 1, MISTAKE_TYPE + 1, NULL, 0);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&mistake_after)));

	RCU_INIT_POINTER(node[1].handlers->handler[MK_URGENT][MISTAKE_TYPE + 1], NULL);
	synchronize_rcu();
	free_percpu(taken);
}

static void mistake_add(struct mistake *mistake)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		mistake->counter++;
		barrier();
	}
}

static void mistake_race(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	mistake_add(to_mistake(handler));
	atomic_inc(&to_mistake(handler)->done);
}

/* Counts in a handler and elsewhere, without a lock */
static void kcsan_counter(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_KCSAN), 0, mistake_race);
	unsigned long end = jiffies + 5 * HZ;

	while (time_before(jiffies, end)) {
		mk_instance_send(mistake->machine->node[0].instance, 1, MISTAKE_TYPE, NULL, 0);
		mistake_add(mistake);
		cond_resched();
	}
	KUNIT_EXPECT_GT(test, atomic_read(&mistake->done), 0);
}

/* An array, and room behind it, so that nothing else is hit */
static struct {
	u8	value[4];
	u8	room[252];
} mistake_table;

/* Uses what another kernel says as an index */
static void mistake_index(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const u8 *data = msg->data;

	WRITE_ONCE(mistake_value, mistake_table.value[READ_ONCE(*data)]);
	atomic_inc(&to_mistake(handler)->done);
}

static void ubsan_index(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_UBSAN_BOUNDS), 0,
						mistake_index);

	mistake_make(test, mistake, 100);
}

/* Uses it as the number of a bit */
static void mistake_shift(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const u8 *data = msg->data;

	WRITE_ONCE(mistake_value, 1U << READ_ONCE(*data));
	atomic_inc(&to_mistake(handler)->done);
}

static void ubsan_shift(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_UBSAN_SHIFT), 0,
						mistake_shift);

	mistake_make(test, mistake, 100);
}

static DEFINE_MUTEX(mistake_first);	/* nothing */
static DEFINE_MUTEX(mistake_second);	/* nothing */

static void mistake_inversion(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	mutex_lock(&mistake_second);
	mutex_lock(&mistake_first);
	mutex_unlock(&mistake_first);
	mutex_unlock(&mistake_second);
	atomic_inc(&to_mistake(handler)->done);
}

/* A handler takes two locks in another order than who sends */
static void lockdep_inversion(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_PROVE_LOCKING),
						MK_IPI_BULK, mistake_inversion);

	mutex_lock(&mistake_first);
	mutex_lock(&mistake_second);
	mutex_unlock(&mistake_second);
	mutex_unlock(&mistake_first);
	mistake_make(test, mistake, 0);
}

static DEFINE_SPINLOCK(mistake_spinlock);	/* nothing */

static void mistake_irq(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	spin_lock(&mistake_spinlock);
	spin_unlock(&mistake_spinlock);
	atomic_inc(&to_mistake(handler)->done);
}

/* A lock of an urgent handler is taken with interrupts on */
static void lockdep_irq(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_PROVE_LOCKING), 0,
						mistake_irq);

	spin_lock(&mistake_spinlock);
	spin_unlock(&mistake_spinlock);
	mistake_make(test, mistake, 0);
}

static void mistake_sleep(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	might_sleep();
	atomic_inc(&to_mistake(handler)->done);
}

/* An urgent handler does what may sleep */
static void sleep_in_handler(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP), 0,
						mistake_sleep);

	/* It says so once a second */
	msleep(1500);
	mistake_make(test, mistake, 0);
}

static void mistake_wait(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mistake *mistake = to_mistake(handler);

	mk_instance_sendv_wait(mistake->machine->node[1].instance, msg->from, MK_TEST_INBOX,
			       NULL, 0, HZ);
	atomic_inc(&mistake->done);
}

/* An urgent handler sends, and would wait for room if there were none */
static void sleep_for_room(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP), 0,
						mistake_wait);

	msleep(1500);
	mistake_make(test, mistake, 0);
}

static enum hrtimer_restart mistake_timer(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static void mistake_start(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mistake *mistake = to_mistake(handler);

	hrtimer_start(mistake->timer, ms_to_ktime(MK_TEST_NEVER_MS), HRTIMER_MODE_REL);
	atomic_inc(&mistake->done);
}

/* What a handler has started is freed while it runs */
static void objects_free_active(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_DEBUG_OBJECTS_TIMERS) &&
						IS_ENABLED(CONFIG_DEBUG_OBJECTS_FREE), 0,
						mistake_start);

	mistake->timer = kzalloc(sizeof(*mistake->timer), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mistake->timer);
	hrtimer_setup(mistake->timer, mistake_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	mistake_make(test, mistake, 0);
	kfree(mistake->timer);
}

static void mistake_nothing(struct work_struct *work)
{
}

static void mistake_init(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mistake *mistake = to_mistake(handler);

	INIT_DELAYED_WORK(&mistake->work, mistake_nothing);
	schedule_delayed_work(&mistake->work, 3600 * HZ);
	atomic_inc(&mistake->done);
}

/* With each message a handler makes anew what it has started at the last */
static void objects_init_active(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_DEBUG_OBJECTS_TIMERS),
						MK_IPI_BULK, mistake_init);

	mistake_make(test, mistake, 0);
	mistake_make(test, mistake, 0);
	cancel_delayed_work_sync(&mistake->work);
}

static void mistake_lose(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	u8 *copy = kmalloc(1000 + msg->len, GFP_ATOMIC);

	if (copy)
		memcpy(copy, msg->data, msg->len);
	atomic_inc(&to_mistake(handler)->done);
}

/* Copies messages, and forgets where */
static void kmemleak_lost(struct kunit *test)
{
	struct mistake *mistake = mistake_setup(test, IS_ENABLED(CONFIG_DEBUG_KMEMLEAK), 0,
						mistake_lose);
	unsigned int i;

	for (i = 0; i < 20; i++)
		mistake_make(test, mistake, i);
}

static struct kunit_case mistakes_cases[] = {
	KUNIT_CASE(kasan_behind),
	KUNIT_CASE(kasan_kept),
	KUNIT_CASE(kasan_registered),
	KUNIT_CASE(kcsan_counter),
	KUNIT_CASE(ubsan_index),
	KUNIT_CASE(ubsan_shift),
	KUNIT_CASE(lockdep_inversion),
	KUNIT_CASE(lockdep_irq),
	KUNIT_CASE(sleep_in_handler),
	KUNIT_CASE(sleep_for_room),
	KUNIT_CASE(objects_free_active),
	KUNIT_CASE(objects_init_active),
	KUNIT_CASE(kmemleak_lost),
	{}
};

static struct kunit_suite mistakes_suite = {
	.name = "mk_mistakes",
	.test_cases = mistakes_cases,
};

kunit_test_suite(mistakes_suite);
