// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/mk_ping: have two kernels exchange messages, and see how it went.
 *
 * If the initiator is to be another kernel it is sent an ASK, does the run in a
 * work item, and answers with DONE. It can do so while its own user waits for
 * another kernel: ask_mutex and run_mutex are never held together.
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping.h"
#include "mk_ping_run.h"

/* An ASK, and the DONE that answers it */
struct ping_request {
	u64		token;	/* random, not zero */
	struct mk_ping	ping;	/* ASK: the in fields; DONE: all of them */
};

static_assert(sizeof(struct ping_request) == 112);

/* The request that another kernel works on; all but @answered under @lock */
static struct {
	raw_spinlock_t		lock;
	u64			token;	/* 0: none, or answered */
	unsigned int		of;
	struct mk_ping		answer;
	struct completion	answered;
} ask = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(ask.lock),
	.answered = COMPLETION_INITIALIZER(ask.answered),
};

/* Held by who asks; ask.lock is taken inside, and by the DONE handler */
static DEFINE_MUTEX(ask_mutex);

/* What an instance has asked for; @request is @work's while PING_BUSY is set in @flags */
struct ping_asker {
	unsigned long		flags;
	struct ping_request	request;
	struct work_struct	work;
};

#define PING_BUSY	0

static struct ping_asker askers[MK_IPI_MAX_INSTANCES];	/* by instance */
static struct workqueue_struct *ping_wq;

/* For messages that go out once: a full ring has room again when the peer has read it */
static int ping_send(unsigned int peer, unsigned int type, const void *data, size_t len)
{
	unsigned long end = jiffies + HZ;
	int err;

	while ((err = mk_ipi_send(peer, type, data, len)) == -EAGAIN && time_before(jiffies, end))
		usleep_range(100, 200);
	return err;
}

static int ping_check(const struct mk_ping *ping)
{
	if (!ping->count || ping->count > MK_PING_MAX_COUNT ||
	    ping->size < MK_PING_MIN_SIZE || ping->size > MK_PING_MAX_SIZE ||
	    !ping->window || ping->window > MK_PING_MAX_WINDOW ||
	    !ping->timeout_ms || ping->timeout_ms > MK_PING_MAX_TIMEOUT_MS || ping->pad)
		return -EINVAL;
	return 0;
}

/* Only what goes in */
static void ping_clear(struct mk_ping *ping)
{
	*ping = (struct mk_ping) {
		.from = ping->from,
		.to = ping->to,
		.count = ping->count,
		.size = ping->size,
		.window = ping->window,
		.timeout_ms = ping->timeout_ms,
	};
}

static void ping_work(struct work_struct *work)
{
	struct ping_asker *asker = container_of(work, struct ping_asker, work);
	struct ping_request request = asker->request;
	int err;

	ping_clear(&request.ping);
	request.ping.from = mk_ipi_self();
	err = ping_run(&request.ping);
	if (err)
		request.ping.error = -err;

	/*
	 * Before the answer, which may be followed by the next request at once.
	 * Orders the read of @asker->request before it; pairs with
	 * test_and_set_bit_lock() in ping_handle_ask().
	 */
	clear_bit_unlock(PING_BUSY, &asker->flags);
	ping_send(asker - askers, PING_DONE, &request, sizeof(request));
}

static void ping_handle_ask(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct ping_asker *asker = &askers[msg->from];
	struct ping_request request;
	int err;

	if (msg->len != sizeof(request))
		return;
	memcpy(&request, msg->data, sizeof(request));

	err = ping_check(&request.ping);
	/* Pairs with clear_bit_unlock() in ping_work() */
	if (!err && test_and_set_bit_lock(PING_BUSY, &asker->flags))
		err = -EBUSY;
	if (err) {
		ping_clear(&request.ping);
		request.ping.error = -err;
		mk_ipi_send(msg->from, PING_DONE, &request, sizeof(request));
		return;
	}
	asker->request = request;
	queue_work(ping_wq, &asker->work);
}

static void ping_handle_done(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const struct ping_request *request = msg->data;

	if (msg->len != sizeof(*request))
		return;

	raw_spin_lock(&ask.lock);
	if (ask.token && request->token == ask.token && msg->from == ask.of) {
		ask.token = 0;
		ask.answer = request->ping;
		complete(&ask.answered);
	}
	raw_spin_unlock(&ask.lock);
}

/* Until the answer is there, or -errno */
static int ping_wait(const struct mk_ping *ping)
{
	/* A millisecond for each round trip, and some for runs that are under way there */
	unsigned long end = jiffies + msecs_to_jiffies(ping->timeout_ms + ping->count + 10000);
	long left;

	do {
		left = wait_for_completion_killable_timeout(&ask.answered, HZ / 10);
		if (left)
			return left < 0 ? left : 0;
		if (mk_ipi_peer_state(ping->from) != MK_IPI_PEER_UP)
			return -ECONNRESET;
	} while (time_before(jiffies, end));
	return -ETIMEDOUT;
}

/* What another kernel says of its run: its out fields, if they can be true */
static int ping_take(struct mk_ping *ping, struct mk_ping *answer)
{
	if (answer->error > MAX_ERRNO || answer->window > ping->window ||
	    answer->done > ping->count || answer->lost > ping->count)
		return -EPROTO;
	answer->from = ping->from;
	answer->to = ping->to;
	answer->count = ping->count;
	answer->size = ping->size;
	answer->timeout_ms = ping->timeout_ms;
	answer->pad = 0;
	*ping = *answer;
	return 0;
}

/* Have another kernel run @ping. An errno if it could not be asked, or as ping_run(). */
static int ping_run_by(struct mk_ping *ping)
{
	struct ping_request request = { .ping = *ping };
	struct mk_ping answer;
	bool answered;
	int err;

	err = mutex_lock_interruptible(&ask_mutex);
	if (err)
		return err;

	request.token = get_random_u64() ?: 1;
	reinit_completion(&ask.answered);
	raw_spin_lock_irq(&ask.lock);
	ask.token = request.token;
	ask.of = ping->from;
	raw_spin_unlock_irq(&ask.lock);

	err = ping_send(ping->from, PING_ASK, &request, sizeof(request));
	if (!err)
		err = ping_wait(ping);

	/* From here on a late answer is ignored */
	raw_spin_lock_irq(&ask.lock);
	answered = !ask.token;
	ask.token = 0;
	answer = ask.answer;
	raw_spin_unlock_irq(&ask.lock);
	mutex_unlock(&ask_mutex);

	if (answered)
		return ping_take(ping, &answer);
	if (err == -ETIMEDOUT || err == -ECONNRESET) {
		ping->error = -err;
		return 0;
	}
	return err;
}

static long ping_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct mk_ping ping;
	int self, err;

	if (cmd != MK_PING_IOC_RUN)
		return -ENOTTY;
	if (copy_from_user(&ping, user, sizeof(ping)))
		return -EFAULT;
	err = ping_check(&ping);
	if (err)
		return err;
	ping_clear(&ping);

	self = mk_ipi_self();
	if (self < 0)
		return self;
	if (ping.from == MK_PING_SELF)
		ping.from = self;
	err = ping.from == self ? ping_run(&ping) : ping_run_by(&ping);
	if (err)
		return err;
	return copy_to_user(user, &ping, sizeof(ping)) ? -EFAULT : 0;
}

static const struct file_operations ping_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= ping_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice ping_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "mk_ping",
	.mode	= 0600,
	.fops	= &ping_fops,
};

static struct mk_ipi_handler ping_done = {
	.type = PING_DONE,
	.name = "ping done",
	.fn = ping_handle_done,
};

static struct mk_ipi_handler ping_ask = {
	.type = PING_ASK,
	.name = "ping ask",
	.fn = ping_handle_ask,
};

static int __init ping_init(void)
{
	int err;

	for (unsigned int i = 0; i < ARRAY_SIZE(askers); i++)
		INIT_WORK(&askers[i].work, ping_work);

	err = ping_run_init();
	if (err)
		return err;
	err = mk_ipi_register(&ping_done);
	if (err)
		goto exit_run;
	ping_wq = alloc_workqueue("mk_ping", WQ_UNBOUND, 0);
	if (!ping_wq) {
		err = -ENOMEM;
		goto unregister_done;
	}
	err = mk_ipi_register(&ping_ask);
	if (err)
		goto destroy_wq;
	err = misc_register(&ping_device);
	if (err)
		goto unregister_ask;
	return 0;

unregister_ask:
	ping_run_stop();
	mk_ipi_unregister(&ping_ask);
destroy_wq:
	destroy_workqueue(ping_wq);
unregister_done:
	mk_ipi_unregister(&ping_done);
exit_run:
	ping_run_exit();
	return err;
}
module_init(ping_init);

static void __exit ping_exit(void)
{
	misc_deregister(&ping_device);
	/* What still runs, runs for other kernels; nothing is queued once ASK is gone */
	ping_run_stop();
	mk_ipi_unregister(&ping_ask);
	destroy_workqueue(ping_wq);
	mk_ipi_unregister(&ping_done);
	ping_run_exit();
}
module_exit(ping_exit);

MODULE_DESCRIPTION("Exchange of messages between the kernels of one machine");
MODULE_LICENSE("GPL");
