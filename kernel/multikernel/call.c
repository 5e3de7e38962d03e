// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: a request, and the reply that belongs to it.
 *
 * A call is known by a token, which no other call of this incarnation has or will
 * have; whatever reply brings it back is the one, or comes too late. Replies go by
 * rings of their own, so that nothing but replies is before them.
 */
#include <linux/bitfield.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <trace/events/multikernel.h>

#include "internal.h"

/* In so many turns, of 8 replies, any ring is read that is not filled again all the time. */
#define CALL_TURNS	(MK_WIRE_SLOTS_MAX / 8)

/* How long the reply to a bulk request waits for room */
#define CALL_REPLY_WAIT	(10 * HZ)

/* A token: the caller's incarnation, lowest bits, above the number of the call */
#define CALL_NUMBER	GENMASK_ULL(39, 0)
#define CALL_LIFE	GENMASK_ULL(63, 40)

/**
 * struct call - a call that waits for its reply
 * @node:	 in a bucket, until it is answered or given up
 * @link:	 to whom it went
 * @incarnation: to which life
 * @token:	 what it is known by
 * @reply:	 where the answer goes
 * @ret:	 how it went
 * @done:	 completed when @ret is there
 */
struct call {
	struct hlist_node	node;
	struct mk_link		*link;
	u32			incarnation;
	u64			token;
	struct mk_ipi_reply	*reply;
	int			ret;
	struct completion	done;
};

/**
 * mk_calls_init - no call waits
 * @calls: filled in
 */
void mk_calls_init(struct mk_calls *calls)
{
	unsigned int i;

	atomic64_set(&calls->next, 0);
	for (i = 0; i < MK_CALL_BUCKETS; i++) {
		raw_spin_lock_init(&calls->bucket[i].lock);
		INIT_HLIST_HEAD(&calls->bucket[i].list);
	}
}

static struct mk_call_bucket *call_bucket(struct mk_link *link, u64 token)
{
	return &link->instance->calls.bucket[token % MK_CALL_BUCKETS];
}

/* Under the bucket's lock; the caller's stack may be gone after the last line. */
static void call_end(struct call *call, int ret)
{
	hlist_del_init(&call->node);
	call->ret = ret;
	complete(&call->done);
}

/* Wait for the reply. Who calls urgently looks for it before it sleeps: nobody has to ring. */
static int call_wait(struct call *call, bool urgent, unsigned long end)
{
	struct mk_link *link = call->link;
	unsigned int turns = 0;
	u64 until = 0;
	long left;

	while (urgent && !completion_done(&call->done) && time_before(jiffies, end) &&
	       mk_poll(&until))
		mk_link_take_replies(link, false);
	if (completion_done(&call->done))
		return 0;
	atomic_inc(&link->sleepers);
	/* More than these are a flood, whose rest waits for an interrupt or the beat. */
	while (mk_link_take_replies(link, true) && ++turns < CALL_TURNS)
		cond_resched();
	left = max_t(long, end - jiffies, 0);
	left = wait_for_completion_killable_timeout(&call->done, left);
	atomic_dec(&link->sleepers);
	return left < 0 ? -EINTR : -ETIMEDOUT;
}

/**
 * mk_link_call - call the peer, and wait for its reply
 * @link:    the link
 * @type:    message type, with what belongs to it
 * @data:    the request
 * @len:     bytes of it
 * @reply:   where the answer goes, or NULL
 * @timeout: jiffies for all of it
 *
 * Process context; sleeps.
 *
 * Return: as mk_ipi_call().
 */
int mk_link_call(struct mk_link *link, u32 type, const void *data, u32 len,
		 struct mk_ipi_reply *reply, unsigned long timeout)
{
	struct mk_instance *instance = link->instance;
	struct call call = {
		.link		= link,
		.incarnation	= mk_link_life(link),
		.token		= FIELD_PREP(CALL_LIFE, instance->incarnation &
							FIELD_MAX(CALL_LIFE)) |
				  (atomic64_inc_return(&instance->calls.next) & CALL_NUMBER),
		.reply		= reply,
	};
	struct mk_call_bucket *bucket = call_bucket(link, call.token);
	struct mk_wire_request head = { .token = call.token };
	const struct kvec vec[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	unsigned long end = jiffies + min_t(unsigned long, timeout, MAX_JIFFY_OFFSET);
	u64 began = ktime_get_ns();
	int ret;

	if (reply) {
		reply->len = 0;
		reply->error = 0;
	}
	init_completion(&call.done);
	/* Before it is sent: whoever declares the peer dead later finds it. */
	scoped_guard(raw_spinlock_irqsave, &bucket->lock)
		hlist_add_head(&call.node, &bucket->list);

	ret = mk_link_send_wait(link, type, MK_WIRE_REQUEST, vec, ARRAY_SIZE(vec),
				sizeof(head) + len, call.incarnation, timeout);
	/* One that was sent may be answered even if the peer could not be told. */
	if (!ret || ret == -EIO)
		ret = call_wait(&call, !(type & MK_IPI_BULK), end);

	scoped_guard(raw_spinlock_irqsave, &bucket->lock) {
		if (hlist_unhashed(&call.node))
			ret = call.ret;
		else
			hlist_del(&call.node);
	}
	if (!ret)
		atomic_long_inc(&link->calls[mk_hist_bucket(ktime_get_ns() - began)]);
	return ret;
}

/**
 * mk_calls_fail - a life of the peer has ended: nobody answers its calls
 * @link:	 the link
 * @incarnation: which life
 *
 * Any context but NMI.
 */
void mk_calls_fail(struct mk_link *link, u32 incarnation)
{
	struct mk_calls *calls = &link->instance->calls;
	struct hlist_node *next;
	struct call *call;
	unsigned int i;

	for (i = 0; i < MK_CALL_BUCKETS; i++) {
		guard(raw_spinlock_irqsave)(&calls->bucket[i].lock);
		hlist_for_each_entry_safe(call, next, &calls->bucket[i].list, node)
			if (call->link == link && call->incarnation <= incarnation)
				call_end(call, -ECONNRESET);
	}
}

/* What a reply says, for the one who called */
static int call_result(struct mk_ipi_reply *reply, const struct mk_wire_reply *head,
		       const void *data, u32 len)
{
	u32 size = reply ? reply->size : 0;

	switch (head->result) {
	case MK_WIRE_RESULT_DONE:
		if (len > size)
			return -EMSGSIZE;
		if (reply) {
			memcpy(reply->data, data, len);
			reply->len = len;
		}
		return 0;
	case MK_WIRE_RESULT_FAILED:
		if (reply)
			reply->error = -(int)clamp(head->error, 1, MAX_ERRNO);
		return -EREMOTEIO;
	case MK_WIRE_RESULT_NO_HANDLER:
		return -EOPNOTSUPP;
	default:
		return -EPROTO;
	}
}

/**
 * mk_call_reply - a reply has arrived
 * @link: from whom
 * @msg:  the reply
 *
 * One to no call that waits, or from another peer than was called, is dropped.
 *
 * Any context but NMI.
 *
 * Return: 0; -EPROTO: it is too short to be one.
 */
int mk_call_reply(struct mk_link *link, const struct mk_ipi_msg *msg)
{
	const struct mk_wire_reply *head = msg->data;
	struct mk_call_bucket *bucket;
	struct call *call;

	if (msg->len < sizeof(*head))
		return -EPROTO;
	bucket = call_bucket(link, head->token);
	guard(raw_spinlock_irqsave)(&bucket->lock);
	hlist_for_each_entry(call, &bucket->list, node) {
		if (call->token != head->token || call->link != link)
			continue;
		call_end(call, call_result(call->reply, head, head + 1, msg->len - sizeof(*head)));
		return 0;
	}
	trace_mk_drop(link, msg, "late reply");
	return 0;
}

/**
 * mk_call_handle - a request has arrived: have it answered
 * @link:    from whom
 * @request: the message
 * @buf:     room for the reply, aligned to 8
 *
 * In the context of the lane. The reply to a bulk request waits for room; an urgent
 * request is not taken before there is some.
 *
 * Return: 0; -ENOENT: nobody takes calls of the type; -EBADMSG: the type is of the
 * other lane; either was told to the caller. -EPROTO: it is too short, or too long,
 * to be a request.
 */
int mk_call_handle(struct mk_link *link, const struct mk_ipi_msg *request, void *buf)
{
	u32 max = request->type & MK_IPI_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN;
	const struct mk_wire_request *in = request->data;
	struct mk_wire_reply *out = buf;
	struct mk_ipi_reply reply = { .data = out + 1, .size = MK_IPI_MAX_LEN };
	struct mk_ipi_msg msg = *request;
	u32 type = request->type % MK_IPI_NR_TYPES;
	struct kvec vec = { .iov_base = out };
	int ret, err;

	if (request->len < sizeof(*in) || request->len - sizeof(*in) > max)
		return -EPROTO;
	msg.data = in + 1;
	msg.len -= sizeof(*in);
	ret = mk_ipi_dispatch(link->instance->handlers, &msg, &reply);
	if (!ret)
		trace_mk_dispatch(link, &msg, reply.error);

	*out = (struct mk_wire_reply) { .token = in->token };
	if (ret) {
		out->result = MK_WIRE_RESULT_NO_HANDLER;
		reply.len = 0;
	} else if (reply.error || WARN_ON_ONCE(reply.len > reply.size)) {
		out->result = MK_WIRE_RESULT_FAILED;
		out->error = clamp(-reply.error, 1, MAX_ERRNO);
		reply.len = 0;
	}
	vec.iov_len = sizeof(*out) + reply.len;

	/* To the life that has asked: the next may have asked something else. */
	if (request->type & MK_IPI_BULK)
		err = mk_link_send_wait(link, type, MK_WIRE_REPLY, &vec, 1, vec.iov_len,
					request->incarnation, CALL_REPLY_WAIT);
	else
		err = mk_link_send(link, type, MK_WIRE_REPLY, &vec, 1, vec.iov_len,
				   request->incarnation);
	if (err)
		trace_mk_drop(link, request, "reply not sent");
	return ret;
}
