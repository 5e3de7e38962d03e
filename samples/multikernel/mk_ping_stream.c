// SPDX-License-Identifier: GPL-2.0
/*
 * Streams of messages to another kernel, and the other side of them.
 *
 * Each stream is sent by a work item that is bound to its CPU, since there is an
 * order among the messages of one CPU, and only among those. It begins and ends with
 * a call of the messages' own type, which is in that order, too: the first is there
 * before any of the messages, the last one is answered after all of them.
 */
#include <linux/build_bug.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping_run.h"

/* A call: what a stream will be, or, if it is known already, what has come of it? */
struct stream_question {
	u64	run;		/* random, not zero */
	u32	size;
	u32	reserved;	/* zero */
};

static_assert(sizeof(struct stream_question) == 16);
static_assert(sizeof(struct stream_answer) == 32);

/* A stream that arrives */
struct stream_in {
	u64	run;
	u32	size;
	u32	next;
	struct stream_answer answer;
};

/*
 * A type and what arrives of it. No lock: all of one stream is sent by one CPU, and
 * what one CPU has sent is handed over one by one. Who sends it otherwise, spoils
 * nothing but its own counts.
 */
struct stream_slot {
	struct mk_ipi_handler	handler;
	struct stream_in	in[MK_IPI_MAX_INSTANCES];	/* by instance */
};

static struct stream_slot slots[2 * MK_STREAM_MAX_CPUS];	/* those of the urgent lane first */

struct stream_all;

/* Doorbells rung on the lane so far, from one to the other */
struct stream_bells {
	u64	sender;
	u64	receiver;
};

/* A stream that is sent */
struct stream_out {
	struct work_struct	work;
	struct completion	done;
	struct stream_all	*all;
	unsigned int		slot;
	u64			run;
	struct stream_bells	before;
	struct stream_bells	after;
	int			err;
	struct mk_stream_cpu	*result;
};

/* All that are sent at once */
struct stream_all {
	const struct mk_stream	*stream;
	unsigned long		timeout;
	u32			ends;		/* ping_ends() before */
	bool			stop;		/* who has asked for it was killed */
	struct stream_out	out[MK_STREAM_MAX_CPUS];
};

/* Held by the initiator, whose the types are then */
DEFINE_MUTEX(stream_mutex);
static struct workqueue_struct *stream_wq;

static u32 stream_lane(u32 lane)
{
	return lane == MK_STREAM_BULK ? MK_IPI_BULK : 0;
}

u32 stream_type(u32 lane, unsigned int slot)
{
	return lane == MK_STREAM_BULK ? STREAM_BULK(slot) : STREAM_URGENT(slot);
}

/* The other side */

static struct stream_in *stream_in(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	return &container_of(handler, struct stream_slot, handler)->in[msg->from];
}

static void stream_handle(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct stream_in *in = stream_in(handler, msg);
	struct stream_answer *answer = &in->answer;
	u32 seq = in->next;

	if (msg->len >= sizeof(seq))
		seq = le32_to_cpup(msg->data);

	answer->received++;
	answer->at |= BIT_ULL(raw_smp_processor_id() % BITS_PER_LONG_LONG);
	if (msg->len != in->size || !ping_intact(msg->data, msg->len, in->run, seq))
		answer->damaged++;
	else if (seq < in->next)
		answer->reordered++;
	else
		in->next = seq + 1;
}

static int stream_handle_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			      struct mk_ipi_reply *reply)
{
	const struct stream_question *question = msg->data;
	struct stream_in *in = stream_in(handler, msg);
	struct mk_ipi_stats stats;
	int err;

	if (msg->len != sizeof(*question) || !question->run || question->reserved)
		return -EINVAL;
	err = mk_ipi_peer_stats(msg->from, handler->type & MK_IPI_BULK, &stats);
	if (err)
		return err;

	if (question->run != in->run)
		*in = (struct stream_in) { .run = question->run, .size = question->size };
	in->answer.doorbells = stats.doorbells;
	memcpy(reply->data, &in->answer, sizeof(in->answer));
	reply->len = sizeof(in->answer);
	return 0;
}

/* The initiator */

int stream_call(unsigned int peer, u32 type, u64 run, u32 size, unsigned long timeout,
		struct stream_answer *answer)
{
	struct stream_question question = { .run = run, .size = size };
	struct mk_ipi_reply reply = { .data = answer, .size = sizeof(*answer) };
	int err;

	err = mk_ipi_call(peer, type, &question, sizeof(question), &reply, timeout);
	if (err == -EREMOTEIO || err == -EMSGSIZE || (!err && reply.len != sizeof(*answer)))
		return -EPROTO;
	return err;
}

static int stream_ask(struct stream_out *out, struct stream_answer *answer)
{
	const struct mk_stream *stream = out->all->stream;

	return stream_call(stream->to, stream_type(stream->lane, out->slot), out->run,
			   stream->size, out->all->timeout, answer);
}

/* It waits in parts, since nobody else can end the wait of a work item */
static int stream_send(struct stream_out *out, const void *data)
{
	const struct mk_stream *stream = out->all->stream;
	unsigned long end = jiffies + out->all->timeout;
	int err;

	do {
		if (READ_ONCE(ping_stop))
			return -ESHUTDOWN;
		if (READ_ONCE(out->all->stop))
			return -EINTR;
		if (ping_ends(stream->to) != out->all->ends)
			return -ECONNRESET;
		err = mk_ipi_send_wait(stream->to, stream_type(stream->lane, out->slot), data,
				       stream->size, min(out->all->timeout, HZ / 4UL));
	} while (err == -ETIMEDOUT && time_before(jiffies, end));
	return err;
}

static int stream_send_all(struct stream_out *out)
{
	const struct mk_stream *stream = out->all->stream;
	void *data;
	int err = 0;

	data = kvmalloc(max(stream->size, 1U), GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	for (u32 seq = 0; !err && seq < stream->count; seq++) {
		ping_fill(data, stream->size, out->run, seq);
		err = stream_send(out, data);
		if (!err)
			out->result->sent++;
		cond_resched();
	}
	kvfree(data);
	return err;
}

static u64 stream_doorbells(const struct mk_stream *stream)
{
	struct mk_ipi_stats stats = { };

	mk_ipi_peer_stats(stream->to, stream_lane(stream->lane), &stats);
	return stats.doorbells;
}

static int stream_one(struct stream_out *out)
{
	const struct mk_stream *stream = out->all->stream;
	struct mk_stream_cpu *result = out->result;
	struct stream_answer answer;
	u64 start;
	int err;

	err = stream_ask(out, &answer);
	if (err)
		return err;
	out->before.sender = stream_doorbells(stream);
	out->before.receiver = answer.doorbells;

	start = ktime_get_ns();
	err = stream_send_all(out);
	out->after.sender = stream_doorbells(stream);
	if (!err)
		err = stream_ask(out, &answer);
	result->elapsed_ns = ktime_get_ns() - start;
	out->after.receiver = answer.doorbells;
	if (err)
		return err;

	result->received = answer.received;
	result->lost = result->sent - min(answer.received, result->sent);
	result->reordered = answer.reordered;
	result->damaged = answer.damaged;
	result->at = answer.at;
	return 0;
}

static void stream_work(struct work_struct *work)
{
	struct stream_out *out = container_of(work, struct stream_out, work);

	out->err = ping_errno(stream_one(out), out->result->sent);
	out->result->error = -out->err;
	complete(&out->done);
}

static void stream_start(struct stream_all *all, struct mk_stream *stream, unsigned int cpu)
{
	struct stream_out *out = &all->out[stream->cpus];

	out->all = all;
	out->slot = stream->cpus;
	out->run = get_random_u64() ?: 1;
	out->result = &stream->cpu[stream->cpus++];
	out->result->cpu = cpu;
	init_completion(&out->done);
	INIT_WORK(&out->work, stream_work);
	queue_work_on(cpu, stream_wq, &out->work);
}

/* 0, or the -errno that ended the first that ended early */
static int stream_send_from_all(struct stream_all *all, struct mk_stream *stream)
{
	bool one = stream->cpus == 1;
	unsigned int cpu;
	int err = 0;

	stream->cpus = 0;
	cpus_read_lock();
	if (one) {
		stream_start(all, stream, raw_smp_processor_id());
	} else {
		for_each_online_cpu(cpu)
			if (stream->cpus < MK_STREAM_MAX_CPUS)
				stream_start(all, stream, cpu);
	}
	cpus_read_unlock();

	for (unsigned int i = 0; i < stream->cpus; i++)
		if (wait_for_completion_killable(&all->out[i].done))
			WRITE_ONCE(all->stop, true);
	for (unsigned int i = 0; i < stream->cpus; i++) {
		flush_work(&all->out[i].work);
		err = err ?: all->out[i].err;
	}
	return err;
}

static void stream_sum(struct mk_stream *stream, const struct stream_all *all)
{
	struct stream_bells before = { U64_MAX, U64_MAX }, after = { };

	for (unsigned int i = 0; i < stream->cpus; i++) {
		const struct stream_out *out = &all->out[i];

		if (!out->result->sent)
			continue;
		before.sender = min(before.sender, out->before.sender);
		before.receiver = min(before.receiver, out->before.receiver);
		after.sender = max(after.sender, out->after.sender);
		after.receiver = max(after.receiver, out->after.receiver);
	}
	stream->doorbells = after.sender - before.sender;
	stream->room = after.receiver - before.receiver;
}

static bool stream_sent(const struct mk_stream *stream)
{
	for (unsigned int i = 0; i < stream->cpus; i++)
		if (stream->cpu[i].sent)
			return true;
	return false;
}

int stream_run(struct mk_stream *stream)
{
	struct stream_all *all;
	u64 start;
	int err;

	all = kzalloc(sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	all->stream = stream;
	all->timeout = msecs_to_jiffies(stream->timeout_ms);
	err = mutex_lock_interruptible(&stream_mutex);
	if (err)
		goto free;

	all->ends = ping_ends(stream->to);
	start = ktime_get_ns();
	err = stream_send_from_all(all, stream);
	stream->elapsed_ns = ktime_get_ns() - start;
	mutex_unlock(&stream_mutex);

	if (stream_sent(stream)) {
		stream_sum(stream, all);
		stream->error = -ping_errno(err, true);
		err = 0;
	}
free:
	kfree(all);
	return err;
}

static void stream_unregister(unsigned int nr)
{
	while (nr--)
		mk_ipi_unregister(&slots[nr].handler);
}

int stream_init(void)
{
	int err;

	stream_wq = alloc_workqueue("mk_stream", WQ_CPU_INTENSIVE | WQ_PERCPU, 0);
	if (!stream_wq)
		return -ENOMEM;

	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++) {
		slots[i].handler = (struct mk_ipi_handler) {
			.type = stream_type(i / MK_STREAM_MAX_CPUS, i % MK_STREAM_MAX_CPUS),
			.name = "stream",
			.fn = stream_handle,
			.call = stream_handle_call,
		};
		err = mk_ipi_register(&slots[i].handler);
		if (err) {
			stream_unregister(i);
			destroy_workqueue(stream_wq);
			return err;
		}
	}
	return 0;
}

void stream_exit(void)
{
	stream_unregister(ARRAY_SIZE(slots));
	destroy_workqueue(stream_wq);
}
