// SPDX-License-Identifier: GPL-2.0
/*
 * Mixed traffic, the side that receives: whether each stream is complete, in order and
 * undamaged is seen here and nowhere else.
 */
#define pr_fmt(fmt) "mk_ping: mix: " fmt

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping_mix.h"

/*
 * A stream that arrives. Its handlers never overlap within one life of the sender; the
 * lock is for what reads the sums, and for the last message of a life that is late.
 */
struct mix_in {
	raw_spinlock_t	   lock;
	u32		   from;
	u32		   type;
	u64		   session;
	u64		   run;		/* 0: none */
	u32		   incarnation;	/* of the sender */
	u32		   next;
	u64		   missing;	/* bit n: next - 1 - n has not come */
	struct mk_mix_sums sums;
};

/* A type and what arrives of it, by instance */
struct mix_slot {
	struct mk_ipi_handler handler;
	struct mix_in	      in[MK_MIX_MAX_PEERS];
};

static struct mix_slot slots[MIX_LANES][MIX_SLOTS];

/* Of which the counts tell no more than that it was: where a stream went wrong */
static void mix_log(const struct mix_in *in, const char *what, u32 seq)
{
	pr_warn_ratelimited("%s %u from instance %u by type %#x, expected %u\n", what, seq,
			    in->from, in->type, in->next);
}

/* Message @seq is here: those between it and the last one are lost, until they come */
static void mix_take_seq(struct mix_in *in, u32 seq)
{
	s32 ahead = seq - in->next;
	u32 back = -ahead - 1;

	if (ahead)
		mix_log(in, "message", seq);
	if (ahead >= 0) {
		in->sums.lost += ahead;
		in->missing = ahead < 63 ?
			in->missing << (ahead + 1) | (BIT_ULL(ahead) - 1) << 1 : ~BIT_ULL(0);
		in->next = seq + 1;
	} else if (back < 64 && (in->missing & BIT_ULL(back))) {
		in->missing &= ~BIT_ULL(back);
		in->sums.lost--;
		in->sums.reordered++;
	} else {
		in->sums.doubled++;
	}
}

static bool mix_intact(const struct mk_ipi_msg *msg)
{
	const struct mix_header *header = msg->data;

	return header->check == mix_check(header, msg->len);
}

/* A damaged one is counted as lost as well, if another one follows: it has no number */
static int mix_take(struct mix_in *in, const struct mk_ipi_msg *msg)
{
	const struct mix_header *header = msg->data;
	bool whole = msg->len >= sizeof(*header);
	bool intact = !whole || mix_intact(msg);
	int err = 0;

	guard(raw_spinlock_irqsave)(&in->lock);
	in->sums.received++;
	if (!in->run || (whole && intact && header->run != in->run)) {
		in->sums.strays++;
		return -ESTALE;
	}
	if (!whole && msg->len)
		intact = ping_intact(msg->data, msg->len, in->run, in->next);
	if (!intact || msg->incarnation != in->incarnation) {
		mix_log(in, "damaged message, perhaps", whole ? header->seq : in->next);
		in->sums.damaged++;
		err = -EBADMSG;
	}
	if (!whole)
		mix_take_seq(in, in->next);
	else if (intact)
		mix_take_seq(in, header->seq);
	return err;
}

static struct mix_in *mix_in(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	if (msg->from >= MK_MIX_MAX_PEERS)
		return NULL;
	return &container_of(handler, struct mix_slot, handler)->in[msg->from];
}

static void mix_handle(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mix_in *in = mix_in(handler, msg);

	if (in)
		mix_take(in, msg);
}

static void mix_take_mark(struct mix_in *in, const struct mix_mark *mark, u32 incarnation)
{
	guard(raw_spinlock_irqsave)(&in->lock);
	if (in->session != mark->conf.session) {
		in->session = mark->conf.session;
		in->sums = (struct mk_mix_sums) { };
	} else if (in->run == mark->header.run && in->incarnation == incarnation) {
		if (in->next - mark->sent > mark->most - mark->sent)
			mix_log(in, "mark after message", mark->most);
		if ((s32)(mark->sent - in->next) > 0)
			in->sums.lost += mark->sent - in->next;
		else if ((s32)(in->next - mark->most) > 0)
			in->sums.doubled += in->next - mark->most;
	}
	in->run = mark->header.run;
	in->incarnation = incarnation;
	in->next = mark->header.seq;
	in->missing = 0;
}

static int mix_handle_mark(struct mix_in *in, const struct mk_ipi_msg *msg,
			   struct mk_ipi_reply *reply)
{
	const struct mix_mark *mark = msg->data;

	if (msg->len != sizeof(*mark) || !mark->header.run || !mark->conf.session ||
	    mark->conf.pause_us > MK_MIX_MAX_PAUSE_US || mark->reserved)
		return -EINVAL;
	mix_take_mark(in, mark, msg->incarnation);
	if (!(msg->type & MK_IPI_BULK))
		return 0;
	mix_follow(&mark->conf, mark->stop);
	mix_tell(reply->data);
	reply->len = sizeof(struct mix_told);
	return 0;
}

/* The answer's length and bytes follow from the call's */
static int mix_handle_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			   struct mk_ipi_reply *reply)
{
	const struct mix_header *header = msg->data;
	struct mix_in *in = mix_in(handler, msg);
	int err;

	if (!in || msg->len < sizeof(*header))
		return -EINVAL;
	if (header->kind == MIX_MARK && mix_intact(msg))
		return mix_handle_mark(in, msg, reply);
	err = mix_take(in, msg);
	if (err)
		return err;
	reply->len = header->check % (MK_IPI_MAX_LEN + 1);
	ping_fill(reply->data, reply->len, header->run, header->seq);
	return 0;
}

void mix_in_sum(unsigned int peer, struct mk_mix_sums *sums)
{
	u64 session = mix_session();

	for (unsigned int i = 0; i < MIX_LANES * MIX_SLOTS; i++) {
		struct mix_in *in = &slots[i / MIX_SLOTS][i % MIX_SLOTS].in[peer];

		guard(raw_spinlock_irqsave)(&in->lock);
		if (in->session != session)
			continue;
		sums->received += in->sums.received;
		sums->lost += in->sums.lost;
		sums->reordered += in->sums.reordered;
		sums->doubled += in->sums.doubled;
		sums->damaged += in->sums.damaged;
		sums->strays += in->sums.strays;
	}
}

static void mix_unregister(unsigned int nr)
{
	while (nr--)
		mk_ipi_unregister(&slots[nr / MIX_SLOTS][nr % MIX_SLOTS].handler);
}

int mix_in_init(void)
{
	for (unsigned int i = 0; i < MIX_LANES * MIX_SLOTS; i++) {
		struct mix_slot *slot = &slots[i / MIX_SLOTS][i % MIX_SLOTS];
		int err;

		for (unsigned int peer = 0; peer < MK_MIX_MAX_PEERS; peer++)
			slot->in[peer] = (struct mix_in) {
				.lock = __RAW_SPIN_LOCK_UNLOCKED(slot->in[peer].lock),
				.from = peer,
				.type = mix_type(i % MIX_SLOTS, i / MIX_SLOTS),
			};
		slot->handler = (struct mk_ipi_handler) {
			.type = mix_type(i % MIX_SLOTS, i / MIX_SLOTS),
			.name = "mix",
			.fn = mix_handle,
			.call = mix_handle_call,
		};
		err = mk_ipi_register(&slot->handler);
		if (err) {
			mix_unregister(i);
			return err;
		}
	}
	return 0;
}

void mix_in_exit(void)
{
	mix_unregister(MIX_LANES * MIX_SLOTS);
}
