// SPDX-License-Identifier: GPL-2.0
/*
 * Mixed traffic, the side that sends: a thread for each CPU and peer, so that one that
 * hangs holds up no other, and one for broadcasts.
 *
 * A stream is opened by a call, the mark, and then the peer knows what has to come. The
 * next life of a peer has to be sent another one, or it takes what it gets for strays.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping_mix.h"

/* A mark once a second: whether the last messages have come, and what the peer has counted */
#define MIX_MARK_EVERY	HZ
#define MIX_CALL_WAIT	(10 * HZ)
/* What broadcasts wait for one peer, and what the end does: it may hang */
#define MIX_SHORT_WAIT	(HZ / 4)
#define MIX_CLOSE_WAIT	(2 * HZ)
#define MIX_CAST_PAUSE	(HZ / 50)
#define MIX_MAX_BURST	64
/* Of so many messages one is a call, and one in so many suffers the defect */
#define MIX_CALLS	16
#define MIX_DEFECTS	128
/* Lengths are evenly spread over their powers of two, and one in so many is the largest */
#define MIX_LARGEST	128

struct mix_stream {
	u64		run;		/* 0: none yet */
	u32		seq;		/* the next message's */
	u32		unsure;		/* of those before, that may not have been sent */
	u32		ends;		/* ping_ends() when the run began */
	bool		open;		/* the peer knows of it */
	unsigned long	mark_at;	/* jiffies: not before that is there another try */
};

/* What a slot sends to a peer; written by one thread */
struct mix_out {
	struct mix_stream  stream[MIX_LANES];
	struct mk_mix_sums sums;
};

static struct mix_out outs[MIX_SLOTS][MK_MIX_MAX_PEERS];

struct mix_thread {
	struct task_struct	*task;
	const struct mix_conf	*conf;
	unsigned int		slot;
	unsigned int		cpu;	/* on which alone it sends */
	unsigned int		peer;	/* none of the one that broadcasts */
	struct mix_stream	cast[MIX_LANES];	/* its own: run and seq */
	struct rnd_state	rnd;
	void			*data;	/* a message, and behind it the answer to a call */
};

#define MIX_DATA_SIZE		(MK_IPI_MAX_BULK_LEN + MK_IPI_MAX_LEN)

/* The last one broadcasts */
static struct mix_thread threads[MIX_CAST * MK_MIX_MAX_PEERS + 1];
static unsigned int nr_threads;
static struct mix_conf out_conf;
static bool out_stop;

static bool mix_up(unsigned int peer)
{
	return mk_ipi_peer_state(peer) == MK_IPI_PEER_UP;
}

static void mix_count(struct mk_mix_sums *sums, int err)
{
	switch (err) {
	case 0:
		break;
	case -ENOENT:
	case -ENOTCONN:
	case -ECONNRESET:
		sums->gone++;
		break;
	case -ETIMEDOUT:
		sums->late++;
		break;
	default:
		sums->other++;
		sums->last_other = -err;
	}
}

/* A message of @len bytes in @thread->data */
static struct mix_header *mix_fill(struct mix_thread *thread, u64 run, u32 seq, u32 len)
{
	struct mix_header *header = thread->data;

	if (len < sizeof(*header)) {
		ping_fill(thread->data, len, run, seq);
		return header;
	}
	prandom_bytes_state(&thread->rnd, header + 1, len - sizeof(*header));
	header->run = run;
	header->seq = seq;
	header->kind = MIX_DATA;
	header->check = mix_check(header, len);
	return header;
}

static u32 mix_len(struct mix_thread *thread, unsigned int lane, u32 min)
{
	u32 max = lane == MK_STREAM_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN;
	u32 bits;

	if (!(prandom_u32_state(&thread->rnd) % MIX_LARGEST))
		return max;
	bits = prandom_u32_state(&thread->rnd) % (ilog2(max) + 1);
	return max(prandom_u32_state(&thread->rnd) & (BIT(bits) - 1), min);
}

/* Say how far the stream has got, and that @header.seq comes next */
static int mix_mark(const struct mix_conf *conf, unsigned int slot, unsigned int peer,
		    unsigned int lane, u64 run, u32 next, unsigned long timeout,
		    struct mix_told *told)
{
	struct mix_out *out = &outs[slot][peer];
	struct mix_stream *stream = &out->stream[lane];
	struct mix_mark mark = {
		.header = { .run = run, .seq = next, .kind = MIX_MARK },
		.conf = *conf,
		.sent = stream->seq - stream->unsure,
		.most = stream->seq,
		.stop = READ_ONCE(out_stop),
	};
	struct mk_ipi_reply reply = { .data = told, .size = sizeof(*told) };
	int err;

	/* Defects are for us alone */
	mark.conf.defect = MK_MIX_DEFECT_NONE;
	mark.header.check = mix_check(&mark.header, sizeof(mark));
	stream->run = run;
	stream->mark_at = jiffies + MIX_MARK_EVERY;
	err = mk_ipi_call(peer, mix_type(slot, lane), &mark, sizeof(mark), &reply, timeout);
	if (!err && reply.len != (lane == MK_STREAM_BULK ? sizeof(*told) : 0))
		err = -EPROTO;
	stream->open = !err;
	/* A mark that failed may have been taken, or may be yet */
	stream->unsure = err ? stream->unsure + next - stream->seq : 0;
	stream->seq = next;
	if (err)
		return err;
	if (lane == MK_STREAM_BULK)
		mix_hear(peer, told);
	return 0;
}

static int mix_send_mark(struct mix_thread *thread, unsigned int lane, unsigned long timeout)
{
	struct mix_stream *stream = &outs[thread->slot][thread->peer].stream[lane];
	struct mix_told told;
	int err;

	err = mix_mark(thread->conf, thread->slot, thread->peer, lane, stream->run, stream->seq,
		       timeout, &told);
	mix_count(&outs[thread->slot][thread->peer].sums, err);
	return err;
}

static int mix_send_call(struct mix_thread *thread, unsigned int lane)
{
	struct mix_out *out = &outs[thread->slot][thread->peer];
	struct mix_stream *stream = &out->stream[lane];
	u32 len = mix_len(thread, lane, sizeof(struct mix_header));
	struct mix_header *header = mix_fill(thread, stream->run, stream->seq, len);
	u32 answer_len = header->check % (MK_IPI_MAX_LEN + 1);
	struct mk_ipi_reply reply = {
		.data = thread->data + MK_IPI_MAX_BULK_LEN, .size = MK_IPI_MAX_LEN,
	};
	u32 seq = stream->seq;
	int err;

	err = mk_ipi_call(thread->peer, mix_type(thread->slot, lane), header, len, &reply,
			  MIX_CALL_WAIT);
	stream->seq++;
	if (err) {
		stream->unsure++;
		stream->open = false;
		/* The next life was asked, which does not know of this stream */
		if (err == -EREMOTEIO && reply.error == -ESTALE)
			err = -ECONNRESET;
		mix_count(&out->sums, err);
	} else {
		out->sums.sent++;
		out->sums.bytes += len;
		if (reply.len == answer_len &&
		    ping_intact(reply.data, answer_len, stream->run, seq))
			out->sums.calls++;
		else
			out->sums.damaged++;
	}
	return err;
}

/* Until there is room: in parts, since nobody else can end the wait of a thread */
static int mix_send_data(struct mix_thread *thread, unsigned int lane, u32 len)
{
	struct mix_out *out = &outs[thread->slot][thread->peer];
	struct mix_stream *stream = &out->stream[lane];
	u32 type = mix_type(thread->slot, lane), part = prandom_u32_state(&thread->rnd) % (len + 1);
	const struct kvec vec[] = {
		{ .iov_base = thread->data, .iov_len = part },
		{ .iov_base = thread->data + part, .iov_len = len - part },
	};
	int err;

	if (prandom_u32_state(&thread->rnd) % 2)
		err = mk_ipi_send(thread->peer, type, thread->data, len);
	else
		err = mk_ipi_sendv(thread->peer, type, vec, ARRAY_SIZE(vec));
	if (err == -EAGAIN)
		out->sums.full++;
	while (err == -EAGAIN || err == -ETIMEDOUT) {
		if (READ_ONCE(out_stop) || ping_ends(thread->peer) != stream->ends)
			return err;
		err = mk_ipi_sendv_wait(thread->peer, type, vec, ARRAY_SIZE(vec), HZ / 4);
	}
	if (err) {
		stream->open = false;
		mix_count(&out->sums, err);
		return err;
	}
	out->sums.sent++;
	out->sums.bytes += len;
	return 0;
}

/* Two messages, or one, and none of them as it should be: the peer has to say so */
static int mix_send_defect(struct mix_thread *thread, unsigned int lane)
{
	struct mix_stream *stream = &outs[thread->slot][thread->peer].stream[lane];
	u32 len = mix_len(thread, lane, sizeof(struct mix_header) + 1), seq = stream->seq;
	struct mix_header *header;
	int err;

	switch (thread->conf->defect) {
	case MK_MIX_DEFECT_DOUBLE:
		mix_fill(thread, stream->run, seq, len);
		err = mix_send_data(thread, lane, len) ?: mix_send_data(thread, lane, len);
		break;
	case MK_MIX_DEFECT_REORDER:
		mix_fill(thread, stream->run, seq + 1, len);
		err = mix_send_data(thread, lane, len);
		mix_fill(thread, stream->run, seq, len);
		err = err ?: mix_send_data(thread, lane, len);
		stream->seq++;
		break;
	case MK_MIX_DEFECT_DAMAGE:
		header = mix_fill(thread, stream->run, seq, len);
		*(u8 *)(header + 1) ^= BIT(prandom_u32_state(&thread->rnd) % 8);
		err = mix_send_data(thread, lane, len);
		break;
	default:
		err = 0;
	}
	stream->seq++;
	return err;
}

static int mix_send(struct mix_thread *thread)
{
	unsigned int lane = prandom_u32_state(&thread->rnd) % MIX_LANES;
	struct mix_stream *stream = &outs[thread->slot][thread->peer].stream[lane];
	u32 ends = ping_ends(thread->peer);
	u32 len;
	int err;

	if (!stream->run || stream->ends != ends)
		*stream = (struct mix_stream) {
			.run = get_random_u64() ?: 1, .ends = ends, .mark_at = jiffies,
		};
	if (!stream->open || time_after_eq(jiffies, stream->mark_at))
		return mix_send_mark(thread, lane, MIX_CALL_WAIT);
	if (!(prandom_u32_state(&thread->rnd) % MIX_CALLS))
		return mix_send_call(thread, lane);
	if (thread->conf->defect && !(prandom_u32_state(&thread->rnd) % MIX_DEFECTS))
		return mix_send_defect(thread, lane);

	len = mix_len(thread, lane, 0);
	mix_fill(thread, stream->run, stream->seq, len);
	err = mix_send_data(thread, lane, len);
	if (!err)
		stream->seq++;
	return err;
}

/* The stream to one of those that are to be sent a broadcast: whether it is open */
static bool mix_cast_open(struct mix_thread *thread, unsigned int peer, unsigned int lane)
{
	struct mix_stream *stream = &outs[MIX_CAST][peer].stream[lane];
	u32 ends = ping_ends(peer);
	struct mix_told told;

	if (!mix_up(peer))
		return false;
	if (stream->ends != ends) {
		stream->ends = ends;
		stream->open = false;
		stream->mark_at = jiffies;
	}
	if (time_before(jiffies, stream->mark_at))
		return stream->open;
	return !mix_mark(thread->conf, MIX_CAST, peer, lane, thread->cast[lane].run,
			 thread->cast[lane].seq, MIX_SHORT_WAIT, &told);
}

/* A peer that had no room has missed a number: that is what the next mark tells it */
static void mix_cast_sent(struct mix_thread *thread, unsigned int peer, unsigned int lane,
			  u32 len, int err)
{
	struct mix_out *out = &outs[MIX_CAST][peer];

	if (err == -EAGAIN) {
		out->sums.full++;
		err = mk_ipi_send_wait(peer, mix_type(MIX_CAST, lane), thread->data, len,
				       MIX_SHORT_WAIT);
	}
	if (err) {
		out->stream[lane].open = false;
		mix_count(&out->sums, err);
		return;
	}
	out->stream[lane].seq++;
	out->sums.sent++;
	out->sums.bytes += len;
}

static int mix_cast(struct mix_thread *thread)
{
	unsigned int lane = prandom_u32_state(&thread->rnd) % MIX_LANES;
	struct mix_stream *cast = &thread->cast[lane];
	int errors[MK_IPI_MAX_INSTANCES], self = mk_ipi_self();
	u32 len = mix_len(thread, lane, 0);
	u64 peers = 0;

	for (int peer = 0; peer < MK_MIX_MAX_PEERS; peer++)
		if (peer != self && mix_cast_open(thread, peer, lane))
			peers |= BIT_ULL(peer);
	mix_fill(thread, cast->run, cast->seq++, len);
	mk_ipi_broadcast(peers, mix_type(MIX_CAST, lane), thread->data, len, errors);
	for (unsigned int peer = 0; peer < MK_MIX_MAX_PEERS; peer++)
		if (peers & BIT_ULL(peer))
			mix_cast_sent(thread, peer, lane, len, errors[peer]);
	return 0;
}

/* What has been sent is complete: the peer may count what it misses */
static void mix_close_peer(struct mix_thread *thread, unsigned int peer)
{
	for (unsigned int lane = 0; lane < MIX_LANES; lane++) {
		struct mix_stream *stream = &outs[thread->slot][peer].stream[lane];
		struct mix_told told;

		if (stream->open && stream->ends == ping_ends(peer))
			mix_mark(thread->conf, thread->slot, peer, lane, stream->run, stream->seq,
				 MIX_CLOSE_WAIT, &told);
	}
}

static int mix_close(struct mix_thread *thread)
{
	mix_close_peer(thread, thread->peer);
	return 0;
}

static int mix_cast_close(struct mix_thread *thread)
{
	for (unsigned int peer = 0; peer < MK_MIX_MAX_PEERS; peer++)
		mix_close_peer(thread, peer);
	return 0;
}

static void mix_rest(struct mix_thread *thread, unsigned int most)
{
	schedule_timeout_interruptible(prandom_u32_state(&thread->rnd) % (most + 1));
}

/* Do it on the thread's CPU, or not at all: while that is offline, its streams rest */
static int mix_on_cpu(struct mix_thread *thread, int (*send)(struct mix_thread *thread))
{
	int err = -ENXIO;

	if (raw_smp_processor_id() != thread->cpu)
		set_cpus_allowed_ptr(current, cpumask_of(thread->cpu));
	migrate_disable();
	if (raw_smp_processor_id() == thread->cpu)
		err = send(thread);
	migrate_enable();
	return err;
}

static int mix_end(struct mix_thread *thread)
{
	wait_event_interruptible(ping_changed, kthread_should_stop());
	return 0;
}

static int mix_thread(void *data)
{
	unsigned int burst = 1, pause;
	struct mix_thread *thread = data;

	pause = usecs_to_jiffies(thread->conf->pause_us);
	while (!READ_ONCE(out_stop)) {
		wait_event_interruptible_timeout(ping_changed,
						 READ_ONCE(out_stop) || mix_up(thread->peer), HZ);
		if (!mix_up(thread->peer))
			continue;
		if (mix_on_cpu(thread, mix_send)) {
			mix_rest(thread, HZ / 20);
		} else if (!--burst) {
			mix_rest(thread, pause);
			burst = prandom_u32_state(&thread->rnd) % MIX_MAX_BURST + 1;
		}
		cond_resched();
	}
	mix_on_cpu(thread, mix_close);
	return mix_end(thread);
}

static int mix_cast_thread(void *data)
{
	struct mix_thread *thread = data;

	while (!READ_ONCE(out_stop)) {
		mix_on_cpu(thread, mix_cast);
		mix_rest(thread, MIX_CAST_PAUSE);
	}
	mix_on_cpu(thread, mix_cast_close);
	return mix_end(thread);
}

static int mix_begin(unsigned int slot, unsigned int cpu, unsigned int peer,
		     int (*run)(void *data))
{
	struct mix_thread *thread = &threads[nr_threads];

	*thread = (struct mix_thread) {
		.conf = &out_conf, .slot = slot, .cpu = cpu, .peer = peer,
	};
	for (unsigned int lane = 0; lane < MIX_LANES; lane++)
		thread->cast[lane].run = get_random_u64() ?: 1;
	prandom_seed_state(&thread->rnd,
			   out_conf.seed + ((u64)mk_ipi_self() << 16 | slot << 8 | peer));
	thread->data = kvmalloc(MIX_DATA_SIZE, GFP_KERNEL);
	if (!thread->data)
		return -ENOMEM;
	thread->task = kthread_run(run, thread, "mk_mix/%u-%u", slot, peer);
	if (IS_ERR(thread->task)) {
		kvfree(thread->data);
		return PTR_ERR(thread->task);
	}
	nr_threads++;
	return 0;
}

int mix_out_begin(const struct mix_conf *conf)
{
	unsigned int cpu, peers = min(mk_ipi_nr_instances(), MK_MIX_MAX_PEERS);
	int err, self = mk_ipi_self();

	memset(outs, 0, sizeof(outs));
	out_conf = *conf;
	WRITE_ONCE(out_stop, false);
	err = mix_begin(MIX_CAST, cpumask_first(cpu_online_mask), 0, mix_cast_thread);
	for_each_online_cpu(cpu)
		for (unsigned int peer = 0; peer < peers && cpu < MIX_CAST && !err; peer++)
			if (peer != self)
				err = mix_begin(cpu, cpu, peer, mix_thread);
	if (err)
		mix_out_end();
	return err;
}

void mix_out_end(void)
{
	WRITE_ONCE(out_stop, true);
	wake_up_all(&ping_changed);
	while (nr_threads) {
		struct mix_thread *thread = &threads[--nr_threads];

		kthread_stop(thread->task);
		kvfree(thread->data);
	}
}

int mix_out_ask(const struct mix_conf *conf, unsigned int peer, struct mix_told *told)
{
	struct mix_stream *stream = &outs[MIX_CAST][peer].stream[MK_STREAM_BULK];

	/* Perhaps from another CPU than that of the stream, so that it may overtake it */
	stream->unsure = stream->seq;
	return mix_mark(conf, MIX_CAST, peer, MK_STREAM_BULK, stream->run ?: 1, stream->seq,
			MIX_SHORT_WAIT, told);
}

void mix_out_sum(unsigned int peer, struct mk_mix_sums *sums)
{
	for (unsigned int slot = 0; slot < MIX_SLOTS; slot++) {
		const struct mk_mix_sums *add = &outs[slot][peer].sums;

		sums->sent += add->sent;
		sums->bytes += add->bytes;
		sums->calls += add->calls;
		sums->damaged += add->damaged;
		sums->full += add->full;
		sums->gone += add->gone;
		sums->late += add->late;
		sums->other += add->other;
		sums->last_other = add->last_other ?: sums->last_other;
	}
}
