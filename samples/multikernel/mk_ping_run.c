// SPDX-License-Identifier: GPL-2.0
/*
 * A run of messages to another kernel and back, and the other side of it.
 *
 * The initiator sends numbered ECHO messages; the handler on the other side
 * sends each of them back as a REPLY. A kernel is the initiator of one run at a
 * time, and may be the other side of many meanwhile.
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping_run.h"

/*
 * The start of an ECHO and of its REPLY, which ping_fill() fills up. What the side
 * that sends back has to say is zero in an ECHO.
 */
struct ping_header {
	u64	run;		/* random, not zero */
	u32	seq;		/* 0 to count - 1 */
	u32	reordered;	/* ECHOs of this run that came after a later one */
	u32	sent;		/* messages sent back, this one included */
	u32	doorbells;	/* doorbells rung for them, this one's not included */
	u64	reserved;	/* zero */
};

static_assert(sizeof(struct ping_header) == MK_PING_MIN_SIZE);

/* The run of which this kernel is the initiator; all under @lock */
static struct {
	raw_spinlock_t	lock;
	u64		id;		/* 0: none */
	unsigned int	to;
	u32		size;
	u32		sent;		/* the next to be sent */
	u32		oldest;		/* the first without an answer; also read without @lock */
	u32		next;		/* the answer that is expected next */
	u64		pending;	/* without an answer; of oldest .. sent - 1, by seq % 64 */
	u64		sent_at[MK_PING_MAX_WINDOW];
	u32		done;
	u32		reordered;
	u32		damaged;
	struct ping_header other;	/* the latest of what the other side says */
	u32		*rtt;		/* ns, the first @done of them */
} run = { .lock = __RAW_SPIN_LOCK_UNLOCKED(run.lock) };

static_assert(MK_PING_MAX_WINDOW <= 64);

/* Held by the initiator; run.lock is taken inside, and by the REPLY handler */
static DEFINE_MUTEX(run_mutex);

/* The run that an instance sends ECHOs of; under echo_lock */
struct ping_echo {
	u64			run;
	u32			next;
	u32			reordered;
	struct mk_ipi_stats	before;
};

/* Taken by the ECHO handler alone, which may run for several instances at once */
static DEFINE_RAW_SPINLOCK(echo_lock);
static struct ping_echo echoes[MK_IPI_MAX_INSTANCES];	/* by instance */
static u8 echo_buf[MK_PING_MAX_SIZE] __aligned(8);

static u64 ping_bit(u32 seq)
{
	return BIT_ULL(seq % MK_PING_MAX_WINDOW);
}

/*
 * An interrupt handler cannot wait, so that an answer for which the ring has no
 * room is lost: the layer counts it, and the initiator misses it. ping_window()
 * keeps that from happening.
 */
static void ping_handle_echo(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const struct ping_header *header = msg->data;
	struct ping_header *reply = (struct ping_header *)echo_buf;
	struct ping_echo *echo = &echoes[msg->from];
	struct mk_ipi_stats stats;

	if (msg->len < sizeof(*header) || header->seq >= MK_PING_MAX_COUNT ||
	    mk_ipi_peer_stats(msg->from, 0, &stats))
		return;

	raw_spin_lock(&echo_lock);
	if (header->run != echo->run) {
		echo->run = header->run;
		echo->next = 0;
		echo->reordered = 0;
		echo->before = stats;
	}
	if (header->seq < echo->next)
		echo->reordered++;
	else
		echo->next = header->seq + 1;

	memcpy(reply, header, msg->len);
	reply->reordered = echo->reordered;
	reply->sent = stats.sent - echo->before.sent + 1;
	reply->doorbells = stats.doorbells - echo->before.doorbells;
	mk_ipi_send(msg->from, PING_REPLY, reply, msg->len);
	raw_spin_unlock(&echo_lock);
}

/* An answer of the run that is there; under run.lock */
static void ping_take_reply(const struct ping_header *reply, u32 len, u64 now)
{
	u32 seq = reply->seq;

	if (seq - run.oldest >= run.sent - run.oldest || !(run.pending & ping_bit(seq))) {
		run.damaged++;
		return;
	}
	run.pending &= ~ping_bit(seq);
	run.other = *reply;
	if (seq < run.next)
		run.reordered++;
	else
		run.next = seq + 1;

	if (len == run.size &&
	    ping_intact(reply + 1, len - sizeof(*reply), reply->run, seq))
		run.rtt[run.done++] = min_t(u64, now - run.sent_at[seq % MK_PING_MAX_WINDOW],
					    U32_MAX);
	else
		run.damaged++;

	/* Read by ping_exchange(), which takes the lock before it reads the rest */
	while (run.oldest != run.sent && !(run.pending & ping_bit(run.oldest)))
		WRITE_ONCE(run.oldest, run.oldest + 1);
}

static void ping_handle_reply(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const struct ping_header *reply = msg->data;
	u64 now = ktime_get_ns();

	if (msg->len < sizeof(*reply))
		return;

	raw_spin_lock(&run.lock);
	if (run.id && reply->run == run.id && msg->from == run.to)
		ping_take_reply(reply, msg->len, now);
	raw_spin_unlock(&run.lock);
}

/*
 * How many messages may be under way so that neither they nor their answers
 * fill an urgent ring of the default 256 slots, even if the CPU that sends back runs
 * an exchange of its own meanwhile: half of the ring, less some for replies to
 * calls. Of the largest messages it is one.
 */
static u32 ping_window(const struct mk_ping *ping)
{
	u32 fit = (SZ_8K - SZ_1K) / (ping->size + 72);	/* 72: a head, and rounding up */

	return clamp(fit, 1, ping->window);
}

/* 0 or the -errno of mk_ipi_send(); -EPROTO if it was answered without having been sent */
static int ping_send_echo(struct ping_header *echo, u32 seq)
{
	int err;

	echo->seq = seq;
	ping_fill(echo + 1, run.size - sizeof(*echo), echo->run, seq);

	/* First, since the answer may be here before mk_ipi_send() has returned */
	raw_spin_lock_irq(&run.lock);
	run.sent_at[seq % MK_PING_MAX_WINDOW] = ktime_get_ns();
	run.pending |= ping_bit(seq);
	run.sent = seq + 1;
	raw_spin_unlock_irq(&run.lock);

	err = mk_ipi_send(run.to, PING_ECHO, echo, run.size);
	if (!err)
		return 0;

	raw_spin_lock_irq(&run.lock);
	if (run.pending & ping_bit(seq)) {
		run.pending &= ~ping_bit(seq);
		run.sent = seq;
	} else {
		err = -EPROTO;
	}
	raw_spin_unlock_irq(&run.lock);
	return err;
}

/* 0 once every message was answered, or the -errno that ended it */
static int ping_exchange(const struct mk_ping *ping, struct ping_header *echo, u32 ends)
{
	unsigned long timeout = msecs_to_jiffies(ping->timeout_ms);
	unsigned long since = jiffies;
	u32 sent = 0, seen = 0, oldest;
	int err;

	while ((oldest = READ_ONCE(run.oldest)) != ping->count) {
		if (oldest != seen) {
			seen = oldest;
			since = jiffies;
		}
		if (sent < ping->count && sent - oldest < ping->window) {
			err = ping_send_echo(echo, sent);
			if (!err) {
				sent++;
				continue;
			}
			if (err != -EAGAIN)
				return err;
		}
		if (ping_ends(ping->to) != ends)
			return -ECONNRESET;
		if (time_after(jiffies, since + timeout))
			return -ETIMEDOUT;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (READ_ONCE(ping_stop))
			return -ESHUTDOWN;
		cpu_relax();
		cond_resched();
	}
	return 0;
}

static int ping_cmp(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

static void ping_times(struct mk_ping *ping, u32 *rtt)
{
	u32 n = ping->done;

	if (!n)
		return;
	sort(rtt, n, sizeof(*rtt), ping_cmp, NULL);
	ping->min_ns = rtt[0];
	ping->median_ns = rtt[DIV_ROUND_UP(n, 2) - 1];
	ping->p99_ns = rtt[DIV_ROUND_UP(n * 99, 100) - 1];
	ping->max_ns = rtt[n - 1];
}

int ping_run(struct mk_ping *ping)
{
	struct mk_ipi_stats before, after;
	struct ping_header *echo;
	u32 *rtt, ends;
	u64 start;
	int err;

	ping->window = ping_window(ping);
	echo = kzalloc(ping->size, GFP_KERNEL);
	rtt = kvmalloc_array(ping->count, sizeof(*rtt), GFP_KERNEL);
	if (!echo || !rtt) {
		err = -ENOMEM;
		goto free;
	}
	err = mutex_lock_interruptible(&run_mutex);
	if (err)
		goto free;
	err = mk_ipi_peer_stats(ping->to, 0, &before);
	if (err)
		goto unlock;

	ends = ping_ends(ping->to);
	echo->run = get_random_u64() ?: 1;
	raw_spin_lock_irq(&run.lock);
	run.id = echo->run;
	run.to = ping->to;
	run.size = ping->size;
	run.sent = 0;
	run.oldest = 0;
	run.next = 0;
	run.pending = 0;
	run.done = 0;
	run.reordered = 0;
	run.damaged = 0;
	memset(&run.other, 0, sizeof(run.other));
	run.rtt = rtt;
	raw_spin_unlock_irq(&run.lock);

	/* There is an order among the messages of one CPU, and only among those */
	migrate_disable();
	start = ktime_get_ns();
	err = ping_exchange(ping, echo, ends);
	ping->elapsed_ns = ktime_get_ns() - start;
	migrate_enable();

	/* From here on the handler leaves the run, and @rtt, alone */
	raw_spin_lock_irq(&run.lock);
	run.id = 0;
	run.rtt = NULL;
	raw_spin_unlock_irq(&run.lock);
	err = ping_errno(err, run.sent);
	if (err && !run.sent)
		goto unlock;

	ping->error = -err;
	ping->done = run.done;
	ping->lost = hweight64(run.pending);
	ping->reordered = run.reordered + min(run.other.reordered, run.sent);
	ping->damaged = run.damaged;
	mk_ipi_peer_stats(ping->to, 0, &after);
	ping->messages = after.sent - before.sent;
	ping->doorbells = after.doorbells - before.doorbells;
	if (ping->to != ping->from) {
		ping->messages += run.other.sent;
		ping->doorbells += run.other.doorbells;
	}
	err = 0;
unlock:
	mutex_unlock(&run_mutex);
	if (!err)
		ping_times(ping, rtt);
free:
	kvfree(rtt);
	kfree(echo);
	return err;
}

static struct mk_ipi_handler ping_reply = {
	.type = PING_REPLY,
	.name = "ping reply",
	.fn = ping_handle_reply,
};

static struct mk_ipi_handler ping_echo = {
	.type = PING_ECHO,
	.name = "ping echo",
	.fn = ping_handle_echo,
};

int ping_run_init(void)
{
	int err;

	err = mk_ipi_register(&ping_reply);
	if (err)
		return err;
	err = mk_ipi_register(&ping_echo);
	if (err)
		mk_ipi_unregister(&ping_reply);
	return err;
}

void ping_run_exit(void)
{
	mk_ipi_unregister(&ping_echo);
	mk_ipi_unregister(&ping_reply);
}
