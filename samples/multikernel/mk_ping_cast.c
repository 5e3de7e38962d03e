// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to all other instances that are up, and to each of their CPUs.
 *
 * They are of the types of streams, and the other side takes them as it takes those:
 * each part begins and ends with a call, which says what has arrived in between.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping_run.h"

static_assert(MK_CAST_MAX_PEERS == MK_IPI_MAX_INSTANCES);

struct cast {
	struct mk_cast	*result;
	u32		type;
	unsigned long	timeout;
	u64		run;
	u64		peers;		/* bit n: instance n, with which nothing has failed */
	u32		ends[MK_IPI_MAX_INSTANCES];	/* ping_ends() before */
	int		errors[MK_IPI_MAX_INSTANCES];
	void		*data;		/* of the message that is sent */
};

/* 0, and @peer is still one of them; or it is none any more */
static int cast_check(struct cast *cast, struct mk_cast_peer *peer, int err)
{
	if (!err && ping_ends(peer->peer) != cast->ends[peer->peer])
		err = -ECONNRESET;
	if (err) {
		peer->error = -ping_errno(err, peer->sent);
		cast->peers &= ~BIT_ULL(peer->peer);
	}
	return err;
}

static int cast_ask(struct cast *cast, struct mk_cast_peer *peer, u32 to_cpu, u64 run,
		    struct stream_answer *answer)
{
	int err = stream_call(peer->peer, cast->type | to_cpu, run, cast->result->size,
			      cast->timeout, answer);

	return cast_check(cast, peer, err);
}

static void cast_count(struct mk_cast_peer *peer, u32 sent, const struct stream_answer *answer)
{
	peer->received += answer->received;
	peer->lost += sent - min(answer->received, sent);
	peer->reordered += answer->reordered;
	peer->damaged += answer->damaged;
}

/* One whose ring is full is waited for, while the others work on what they have */
static void cast_send(struct cast *cast, u32 seq)
{
	struct mk_cast *result = cast->result;

	ping_fill(cast->data, result->size, cast->run, seq);
	mk_ipi_broadcast(cast->peers, cast->type, cast->data, result->size, cast->errors);
	for (u32 i = 0; i < result->nr_peers; i++) {
		struct mk_cast_peer *peer = &result->peer[i];
		int err = cast->errors[peer->peer];

		if (!(cast->peers & BIT_ULL(peer->peer)))
			continue;
		if (err == -EAGAIN) {
			peer->retried++;
			err = mk_ipi_send_wait(peer->peer, cast->type, cast->data, result->size,
					       cast->timeout);
		}
		if (!cast_check(cast, peer, err))
			peer->sent++;
	}
}

static int cast_send_to_cpu(struct cast *cast, struct mk_cast_peer *peer, u32 to_cpu)
{
	u32 type = cast->type | to_cpu, size = cast->result->size, part = size / 3;
	const struct kvec vec[] = {
		{ .iov_base = cast->data, .iov_len = part },
		{ .iov_base = NULL, .iov_len = 0 },
		{ .iov_base = cast->data + part, .iov_len = size - part },
	};
	int err = mk_ipi_sendv(peer->peer, type, vec, ARRAY_SIZE(vec));

	if (err == -EAGAIN)
		err = mk_ipi_sendv_wait(peer->peer, type, vec, ARRAY_SIZE(vec), cast->timeout);
	return cast_check(cast, peer, err);
}

/*
 * There is no order between messages to several CPUs. So each is asked for by a call
 * to the same CPU before the next one is sent.
 */
static void cast_to_cpus(struct cast *cast, struct mk_cast_peer *peer)
{
	int nr_cpus = mk_ipi_nr_cpus(peer->peer);
	u64 run = get_random_u64() ?: 1;
	struct stream_answer answer;

	if (cast_check(cast, peer, min(nr_cpus, 0)) || cast_ask(cast, peer, 0, run, &answer))
		return;
	peer->cpus = nr_cpus;
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		ping_fill(cast->data, cast->result->size, run, cpu);
		if (cast_send_to_cpu(cast, peer, MK_IPI_TO_CPU(cpu)))
			return;
		peer->sent++;
		if (cast_ask(cast, peer, MK_IPI_TO_CPU(cpu), run, &answer))
			return;
	}
	cast_count(peer, nr_cpus, &answer);
	peer->at = answer.at;
}

static void cast_find_peers(struct cast *cast)
{
	struct mk_cast *result = cast->result;

	for (u32 i = 0; i < mk_ipi_nr_instances(); i++) {
		/* Before the look at the state: an end after that is one of this life */
		cast->ends[i] = ping_ends(i);
		if (i == result->from || mk_ipi_peer_state(i) != MK_IPI_PEER_UP)
			continue;
		result->peer[result->nr_peers++].peer = i;
		cast->peers |= BIT_ULL(i);
	}
}

static int cast_exchange(struct cast *cast)
{
	struct mk_cast *result = cast->result;
	struct stream_answer answer;
	u32 i, seq;

	cast_find_peers(cast);
	for (i = 0; i < result->nr_peers; i++)
		cast_ask(cast, &result->peer[i], 0, cast->run, &answer);
	for (seq = 0; seq < result->count && cast->peers; seq++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cast_send(cast, seq);
		cond_resched();
	}
	for (i = 0; i < result->nr_peers; i++) {
		struct mk_cast_peer *peer = &result->peer[i];

		if (!(cast->peers & BIT_ULL(peer->peer)) ||
		    cast_ask(cast, peer, 0, cast->run, &answer))
			continue;
		cast_count(peer, peer->sent, &answer);
		cast_to_cpus(cast, peer);
	}
	return result->nr_peers ? 0 : -ENOTCONN;
}

int cast_run(struct mk_cast *result)
{
	struct cast *cast;
	int err = -ENOMEM;

	cast = kzalloc(sizeof(*cast), GFP_KERNEL);
	if (!cast)
		return err;
	cast->result = result;
	cast->type = stream_type(result->lane, 0);
	cast->timeout = msecs_to_jiffies(result->timeout_ms);
	cast->run = get_random_u64() ?: 1;
	cast->data = kvmalloc(max(result->size, 1U), GFP_KERNEL);
	if (!cast->data)
		goto free;
	err = mutex_lock_interruptible(&stream_mutex);
	if (err)
		goto free;
	/* There is an order among the messages of one CPU, and only among those */
	migrate_disable();
	err = cast_exchange(cast);
	migrate_enable();
	mutex_unlock(&stream_mutex);
free:
	kvfree(cast->data);
	kfree(cast);
	return err;
}
