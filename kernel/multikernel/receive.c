// SPDX-License-Identifier: GPL-2.0
/*
 * Who answers at a door: looks who has rung, and has their rings drained.
 *
 *	interrupt --> mk_ipi_receive() --> mk_rx_drain() --> urgent handlers
 *	   beat --/                   \--> mk_rx_wake() --> bulk ring's work
 *	  timer --/
 *
 * A doorbell has no sender. Whoever is rung compares one word of each peer with
 * what it saw there last, and works for those that it finds changed, in turn. When
 * that takes longer than it may, at once or in half of the time, or when there are
 * only doorbells and nothing behind them, the door is slow for a while: interrupts
 * return at once and a timer looks.
 *
 * Doorbells may get lost, as when a door moves from one CPU to another. That costs
 * time, up to a beat, and no message: with each beat everything is looked at.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <linux/nospec.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <multikernel/compat.h>
#include <trace/events/multikernel.h>

#include "internal.h"

/* How long a slow door waits before it looks again */
#define RX_PAUSE_MIN	(20 * NSEC_PER_USEC)
#define RX_PAUSE_MAX	(10 * NSEC_PER_MSEC)
#define RX_STORM_PAUSE	NSEC_PER_MSEC
#define RX_STORM_WINDOW	(10 * NSEC_PER_MSEC)

/* Of each of these, looking may take half, if there is a task that wants the CPU */
#define RX_SHARE_WINDOW	NSEC_PER_MSEC

/* What an interrupt costs besides the looking: a guess */
#define RX_INTERRUPT	500

/* Learn which rings there are, and which door drains which. */
static void link_follow(struct mk_link *link)
{
	const struct mk_region *region = link->instance->region;
	const void *arena = mk_region_arena(region, link->peer);
	const struct mk_wire_bell *bells = arena + MK_WIRE_BELLS;
	const struct mk_wire_tx *tx = arena + MK_WIRE_TX;
	u32 mask[MK_DOORS] = {};
	unsigned int i;
	u32 opened;

	/*
	 * Orders the count before the keys and doors. Pairs with
	 * virt_store_release() in link_open().
	 */
	opened = virt_load_acquire(&bells[region->self].opened);
	/*
	 * Orders this before the look at rx_mask, in which another CPU may have
	 * noted the new rings. Pairs with smp_store_release() below.
	 */
	if (opened == smp_load_acquire(&link->opened))
		return;

	guard(raw_spinlock)(&link->rx_lock);
	tx += region->self * MK_WIRE_LINK_RINGS;
	for (i = 0; i < MK_WIRE_LINK_RINGS; i++) {
		u32 door = READ_ONCE(tx[i].door);

		/* To a door that is not there: to the first, so that it is seen. */
		if (door >= link->instance->nr_receivers)
			door = 0;
		if (READ_ONCE(tx[i].key))
			mask[array_index_nospec(door, MK_DOORS)] |= BIT(i);
	}
	for (i = 0; i < MK_DOORS; i++)
		WRITE_ONCE(link->rx_mask[i], mask[i]);
	/* Orders the masks before the count. Pairs with smp_load_acquire() above. */
	smp_store_release(&link->opened, opened);
}

/* Whether the peer, or what its keeper says of it, is not as it was last seen */
static bool link_changed(struct mk_link *link, u64 life)
{
	const struct mk_wire_header *header = link->instance->region->header;

	if (life == READ_ONCE(link->seen) &&
	    (link->peer != MK_KEEPER ||
	     READ_ONCE(header->nr_fenced) == READ_ONCE(link->instance->nr_fenced)))
		return false;
	return mk_peers_look(link->instance);
}

/* Whether an interrupt has handled as much as it may, which is one message at least */
static bool receiver_spent(u64 start, unsigned int taken)
{
	u64 limit = (u64)READ_ONCE(mk_param_budget_us) * NSEC_PER_USEC;

	return taken && (taken >= READ_ONCE(mk_param_budget) || local_clock() - start >= limit);
}

/* Hear a peer out, or as long as it is its turn. Whether there may be more. */
static bool link_take(struct mk_link *link, struct mk_receiver *receiver, u64 start,
		      bool *found, unsigned int *taken)
{
	struct mk_instance *instance = link->instance;
	u64 life = mk_region_life(instance->region, link->peer);
	unsigned long mask;
	unsigned int i, turn;
	bool more = false;

	*found |= link_changed(link, life);
	/* Who waits is in the list before it asks to be rung. */
	if (!list_empty(&link->waiters))
		*found |= mk_link_wake(link);
	if (FIELD_GET(MK_WIRE_LIFE_STATE, life) == MK_WIRE_VACANT)
		return false;
	link_follow(link);
	mask = READ_ONCE(link->rx_mask[receiver->door]);
	/* Another ring first each time, since there may be no budget for the last. */
	turn = receiver->turn++ % MK_WIRE_LINK_RINGS;
	for_each_set_bit_wrap(i, &mask, MK_WIRE_LINK_RINGS, turn) {
		struct mk_rx *rx = &link->rx[i];

		if (mk_ring_lane(i) != MK_BULK)
			more |= receiver_spent(start, *taken) ||
				mk_rx_drain(rx, receiver->door, receiver->buf, receiver->reply,
					    taken);
		else
			*found |= mk_rx_wake(rx, receiver->cpu);
	}
	return more;
}

/* Who has rung at this door? A few instructions for each, as most are silent. */
static void receiver_gather(struct mk_receiver *receiver, bool all)
{
	const struct mk_region *region = receiver->instance->region;
	const struct mk_wire_bell *bells = mk_region_arena(region, 0) + MK_WIRE_BELLS;
	const void *bell = &bells[region->self].rung[receiver->door % MK_WIRE_BELL_DOORS];
	unsigned int i, nr = region->nr_instances;
	u64 arena_size = region->arena_size;

	/* With many peers this is most of what a doorbell costs. */
#pragma GCC unroll 4
	for (i = 0; i < nr; i++, bell += arena_size) {
		u32 rung = READ_ONCE(*(const u32 *)bell);

		if (likely(rung == receiver->seen[i]))
			continue;
		receiver->seen[i] = rung;
		receiver->pending |= BIT_ULL(i);
	}
	if (all)
		receiver->pending |= GENMASK_ULL(nr - 1, 0);
	/*
	 * Orders the bells before what they were rung for. Pairs with
	 * atomic_fetch_inc_release() in mk_link_ring().
	 */
	virt_rmb();
}

/* Leave interrupts alone, and look again in @ns. */
static void receiver_slow_down(struct mk_receiver *receiver, u64 ns)
{
	if (receiver->stopped)
		return;
	WRITE_ONCE(receiver->slow, true);
	hrtimer_start(&receiver->timer, ns_to_ktime(ns), HRTIMER_MODE_REL_PINNED_HARD);
}

/*
 * Count the time that a look took. How long the CPU is to be left alone: 0, or as long
 * as was used of the window, if that is half of it and a task wants the CPU.
 */
static u64 receiver_share(struct mk_receiver *receiver, u64 start, u64 took)
{
	if (start + took - receiver->window >= RX_SHARE_WINDOW) {
		receiver->window = start;
		receiver->used = 0;
	}
	receiver->used += took + RX_INTERRUPT;
	if (receiver->used < RX_SHARE_WINDOW / 2 || is_idle_task(current))
		return 0;
	return clamp(receiver->used, RX_PAUSE_MIN, RX_PAUSE_MAX);
}

/*
 * Look who has something to say, and take it in; under receiver->lock. Whether
 * there was anything.
 */
static bool receiver_look(struct mk_receiver *receiver, bool all)
{
	struct mk_instance *instance = receiver->instance;
	u64 pause, took, start = local_clock();
	unsigned int i, taken = 0;
	bool found = false;

	receiver_gather(receiver, all);
	if (!receiver->pending)
		return false;
	while (receiver->pending) {
		i = receiver->next % 64;
		i = (i + __ffs64(ror64(receiver->pending, i))) % 64;
		receiver->next = i + 1;
		if (!link_take(&instance->links[i], receiver, start, &found, &taken))
			receiver->pending &= ~BIT_ULL(i);
		if (receiver_spent(start, taken))
			break;
	}
	took = local_clock() - start;
	mk_count(&receiver->looks[mk_hist_bucket(took)]);

	pause = receiver_share(receiver, start, took);
	if (receiver->pending && !pause)
		pause = RX_PAUSE_MIN;
	/* In a storm the timer looks in its own time. */
	if (pause && !receiver->storm) {
		mk_count(&receiver->deferred);
		receiver_slow_down(receiver, pause);
	}
	if (found || taken)
		receiver->empty = 0;
	return found || taken;
}

/* Whether a storm goes on: as many doorbells since the timer was started as make one */
static bool receiver_storms(struct mk_receiver *receiver)
{
	u64 rung = receiver->doorbells - receiver->storm_from;
	unsigned int limit = READ_ONCE(mk_param_storm);

	if (!receiver->storm)
		return false;
	receiver->storm_from = receiver->doorbells;
	receiver->storm = limit && rung * (RX_STORM_WINDOW / RX_STORM_PAUSE) >= limit;
	if (!receiver->storm)
		pr_info_ratelimited("door %u on CPU %u: the storm is over\n", receiver->door,
				    receiver->cpu);
	return receiver->storm;
}

static enum hrtimer_restart receiver_timer(struct hrtimer *timer)
{
	struct mk_receiver *receiver = container_of(timer, struct mk_receiver, timer);

	guard(raw_spinlock)(&receiver->lock);
	WRITE_ONCE(receiver->slow, false);
	receiver->empty = 0;
	if (receiver_storms(receiver))
		receiver_slow_down(receiver, RX_STORM_PAUSE);
	receiver_look(receiver, false);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart receiver_beat(struct hrtimer *timer)
{
	struct mk_receiver *receiver = container_of(timer, struct mk_receiver, beat);
	u32 *beats = receiver->instance->region->arena + MK_WIRE_BEATS;

	WRITE_ONCE(beats[receiver->door], READ_ONCE(beats[receiver->door]) + 1);
	scoped_guard(raw_spinlock, &receiver->lock) {
		if (receiver->slow)
			receiver_gather(receiver, true);	/* the timer hears them */
		else
			receiver_look(receiver, true);
	}
	hrtimer_forward_now(timer, ms_to_ktime(max(mk_param_beat_ms, 1)));
	return HRTIMER_RESTART;
}

/**
 * mk_receiver_init - somebody to answer at a door
 * @receiver: zeroed
 * @instance: whose
 * @door:     its number
 * @cpu:      the CPU that is rung there
 *
 * Process context; may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int mk_receiver_init(struct mk_receiver *receiver, struct mk_instance *instance,
		     unsigned int door, unsigned int cpu)
{
	receiver->instance = instance;
	receiver->door = door;
	receiver->home = cpu;
	receiver->cpu = cpu;
	raw_spin_lock_init(&receiver->lock);
	hrtimer_setup(&receiver->timer, receiver_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_setup(&receiver->beat, receiver_beat, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	receiver->buf = kmalloc(MK_WIRE_URGENT_LEN, GFP_KERNEL);
	receiver->reply = kmalloc(MK_RX_REPLY_LEN, GFP_KERNEL);
	return receiver->buf && receiver->reply ? 0 : -ENOMEM;
}

/**
 * mk_receiver_free - what mk_receiver_init() has taken
 * @receiver: zeroed, initialised, or stopped
 */
void mk_receiver_free(struct mk_receiver *receiver)
{
	kfree(receiver->buf);
	kfree(receiver->reply);
}

static void receiver_start_beat(void *arg)
{
	struct mk_receiver *receiver = arg;

	hrtimer_start(&receiver->beat, 0, HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * mk_receiver_start - begin to beat, now
 * @receiver: its CPU is online
 *
 * Process context; may sleep.
 */
void mk_receiver_start(struct mk_receiver *receiver)
{
	WARN_ON_ONCE(smp_call_function_single(receiver->cpu, receiver_start_beat, receiver, 1));
}

/**
 * mk_receiver_stop - end all that looks by itself
 * @receiver: no interrupt calls mk_ipi_receive() for it any more
 *
 * Process context; may sleep.
 */
void mk_receiver_stop(struct mk_receiver *receiver)
{
	/* Either may start the other timer, but not once this is set. */
	hrtimer_cancel(&receiver->beat);
	scoped_guard(raw_spinlock_irq, &receiver->lock)
		receiver->stopped = true;
	hrtimer_cancel(&receiver->timer);
}

/**
 * mk_receiver_empty - a doorbell brought nothing
 * @receiver: one that answers on the CPU that was rung, and not slow
 *
 * That happens, as when a message is seen before its doorbell is taken; many in a
 * row are a storm.
 *
 * Hard interrupt context.
 */
void mk_receiver_empty(struct mk_receiver *receiver)
{
	unsigned int limit = READ_ONCE(mk_param_storm);
	u64 now = local_clock();

	guard(raw_spinlock)(&receiver->lock);
	mk_count(&receiver->empties);
	if (receiver->slow)
		return;
	if (!receiver->empty || now - receiver->since > RX_STORM_WINDOW) {
		receiver->since = now;
		receiver->empty = 0;
	}
	receiver->empty++;
	if (!limit || receiver->empty < limit)
		return;
	receiver->storm = true;
	receiver->storm_from = receiver->doorbells;
	mk_count(&receiver->storms);
	pr_warn_ratelimited("door %u on CPU %u: a storm of doorbells that bring nothing, looking once a millisecond\n",
			    receiver->door, receiver->cpu);
	receiver_slow_down(receiver, RX_STORM_PAUSE);
}

/**
 * mk_ipi_receive - a doorbell was taken: take in what was sent
 * @receiver: who answers at that door
 *
 * Hard interrupt context, on any CPU.
 *
 * Return: whether there was anything; false also while the door is slow.
 */
bool mk_ipi_receive(struct mk_receiver *receiver)
{
	trace_mk_interrupt(receiver);
	guard(raw_spinlock)(&receiver->lock);
	/* Not only shown: the end of a storm is seen by it. */
	WRITE_ONCE(receiver->doorbells, receiver->doorbells + 1);
	return !receiver->slow && receiver_look(receiver, false);
}

/**
 * mk_receiver_move - have another CPU answer at a door
 * @receiver: who answers there
 * @cpu:      a CPU that is online
 *
 * A doorbell that is rung at the old CPU yet is made good by the beat.
 *
 * Process context; may sleep.
 *
 * Return: 0; -EINVAL: the CPU cannot be rung.
 */
int mk_receiver_move(struct mk_receiver *receiver, unsigned int cpu)
{
	struct mk_backend *backend = receiver->instance->backend;
	struct mk_wire_self *self = receiver->instance->region->arena + MK_WIRE_SELF;
	struct mk_door door;
	int ret;

	ret = backend->get_door(backend, cpu, &door);
	if (ret)
		return ret;
	hrtimer_cancel(&receiver->beat);
	scoped_guard(raw_spinlock_irq, &receiver->lock) {
		WRITE_ONCE(receiver->cpu, cpu);
		WRITE_ONCE(self->doors[receiver->door].hwid, door.hwid);
	}
	/* The first beat is the look at what was rung for at the old one. */
	mk_receiver_start(receiver);
	return 0;
}
