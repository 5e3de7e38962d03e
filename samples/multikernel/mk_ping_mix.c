// SPDX-License-Identifier: GPL-2.0
/*
 * Mixed traffic between all kernels, until it is stopped: who takes part.
 *
 * One kernel begins a session. All others learn of it by the first mark that they get,
 * begin to send themselves, and so tell those that did not know; the end goes the same way.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <linux/xxhash.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping_mix.h"

/* What a peer has told, in this life and in those before, added up */
struct mix_heard {
	struct mix_told	   now;
	struct mk_mix_sums before;
};

static struct {
	raw_spinlock_t	 lock;
	u64		 life;		/* random, of this boot */
	struct mix_conf	 want;		/* of the session that should go on; none: 0 */
	u64		 done;		/* the last one that should not any more */
	u64		 session;	/* that goes on, or was the last */
	bool		 running;	/* there are threads, or will be */
	const void	*owner;		/* the file by which it was started, or none */
	struct mix_heard heard[MK_MIX_MAX_PEERS];
} mix = { .lock = __RAW_SPIN_LOCK_UNLOCKED(mix.lock) };

/* Held by who begins or ends it; mix.lock is taken inside */
static DEFINE_MUTEX(mix_mutex);

static void mix_work(struct work_struct *work);
static DECLARE_WORK(mix_settle_work, mix_work);

u64 mix_check(const struct mix_header *header, u32 len)
{
	size_t skip = sizeof(header->check);

	return xxh64((const u8 *)header + skip, len - skip, len);
}

u64 mix_session(void)
{
	return READ_ONCE(mix.session);
}

/* Under mix_mutex: begin what is wanted, end what is not */
static int mix_settle(void)
{
	static struct mix_conf now;
	int err = 0;

	if (mix.running && now.session != READ_ONCE(mix.want.session)) {
		mix_out_end();
		WRITE_ONCE(mix.running, false);
	}
	scoped_guard(raw_spinlock_irqsave, &mix.lock) {
		now = mix.want;
		if (!now.session || mix.running)
			return 0;
		memset(mix.heard, 0, sizeof(mix.heard));
		WRITE_ONCE(mix.session, now.session);
		WRITE_ONCE(mix.running, true);
	}
	err = mix_out_begin(&now);
	if (err) {
		WRITE_ONCE(mix.running, false);
		guard(raw_spinlock_irqsave)(&mix.lock);
		mix.want.session = 0;
	}
	return err;
}

static void mix_work(struct work_struct *work)
{
	guard(mutex)(&mix_mutex);
	if (!READ_ONCE(ping_stop))
		mix_settle();
}

void mix_follow(const struct mix_conf *conf, bool stop)
{
	guard(raw_spinlock_irqsave)(&mix.lock);
	if (stop) {
		mix.done = conf->session;
		if (mix.want.session == conf->session)
			mix.want.session = 0;
	} else if (conf->session != mix.done && conf->session != mix.want.session) {
		/* What went on before is over: who has not heard of that cannot bring it back */
		if (mix.want.session)
			mix.done = mix.want.session;
		mix.want = *conf;
	} else {
		return;
	}
	queue_work(system_long_wq, &mix_settle_work);
}

static void mix_add(struct mk_mix_sums *sums, const struct mk_mix_sums *add)
{
	sums->sent += add->sent;
	sums->received += add->received;
	sums->bytes += add->bytes;
	sums->calls += add->calls;
	sums->lost += add->lost;
	sums->reordered += add->reordered;
	sums->doubled += add->doubled;
	sums->damaged += add->damaged;
	sums->strays += add->strays;
	sums->full += add->full;
	sums->gone += add->gone;
	sums->late += add->late;
	sums->other += add->other;
	sums->last_other = add->last_other ?: sums->last_other;
}

void mix_tell(struct mix_told *told)
{
	*told = (struct mix_told) {
		.life = mix.life, .session = mix_session(), .running = READ_ONCE(mix.running),
	};
	for (unsigned int peer = 0; peer < MK_MIX_MAX_PEERS; peer++) {
		mix_in_sum(peer, &told->sums);
		mix_out_sum(peer, &told->sums);
	}
}

void mix_hear(unsigned int peer, const struct mix_told *told)
{
	struct mix_heard *heard = &mix.heard[peer];

	guard(raw_spinlock_irqsave)(&mix.lock);
	if (told->session != mix.session)
		return;
	if (told->life != heard->now.life)
		mix_add(&heard->before, &heard->now.sums);
	heard->now = *told;
}

int mix_start(const struct mk_mix_start *start, const void *owner)
{
	if (mk_ipi_self() >= MK_MIX_MAX_PEERS)
		return -ENODEV;
	guard(mutex)(&mix_mutex);
	scoped_guard(raw_spinlock_irqsave, &mix.lock) {
		if (mix.want.session)
			return -EBUSY;
		mix.want = (struct mix_conf) {
			.session = get_random_u64() ?: 1,
			.seed = start->seed,
			.pause_us = start->pause_us,
			.defect = start->defect,
		};
	}
	mix.owner = owner;
	return mix_settle();
}

/* Whether @peer has no part in it any more; what it says last is what it has counted */
static bool mix_ended(const struct mix_conf *conf, unsigned int peer)
{
	struct mix_told told;

	return mk_ipi_peer_state(peer) != MK_IPI_PEER_UP ||
	       (!mix_out_ask(conf, peer, &told) && !told.running);
}

int mix_stop(u32 timeout_ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(timeout_ms);
	unsigned int self = mk_ipi_self();
	struct mix_conf conf;

	guard(mutex)(&mix_mutex);
	mix.owner = NULL;
	scoped_guard(raw_spinlock_irqsave, &mix.lock) {
		conf = mix.want;
		conf.session = mix.session;
		mix.done = mix.session;
		mix.want.session = 0;
	}
	mix_settle();
	for (unsigned int peer = 0; peer < MK_MIX_MAX_PEERS; peer++) {
		while (peer != self && !mix_ended(&conf, peer)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			if (time_after(jiffies, end))
				return -ETIMEDOUT;
			msleep(20);
		}
	}
	return 0;
}

void mix_release(const void *owner)
{
	if (READ_ONCE(mix.owner) == owner)
		mix_stop(0);
}

void mix_read(struct mk_mix *read)
{
	read->self = mk_ipi_self();
	read->running = READ_ONCE(mix.running);
	for (unsigned int n = 0; n < MK_MIX_MAX_PEERS; n++) {
		struct mk_mix_peer *peer = &read->peer[n];
		struct mk_ipi_stats stats;

		peer->state = mk_ipi_peer_state(n);
		peer->ends = ping_ends(n);
		for (unsigned int lane = 0; lane < MIX_LANES; lane++) {
			if (mk_ipi_peer_stats(n, lane ? MK_IPI_BULK : 0, &stats))
				continue;
			peer->messages += stats.sent;
			peer->doorbells += stats.doorbells;
		}
		mix_in_sum(n, &peer->here);
		mix_out_sum(n, &peer->here);
		scoped_guard(raw_spinlock_irqsave, &mix.lock) {
			peer->there = mix.heard[n].before;
			mix_add(&peer->there, &mix.heard[n].now.sums);
			peer->running = mix.heard[n].now.running;
		}
	}
}

int mix_init(void)
{
	mix.life = get_random_u64();
	return mix_in_init();
}

void mix_exit(void)
{
	mix_in_exit();
	cancel_work_sync(&mix_settle_work);
	guard(mutex)(&mix_mutex);
	mix.want.session = 0;
	mix_settle();
}
