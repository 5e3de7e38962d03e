// SPDX-License-Identifier: GPL-2.0
/*
 * Peers come, go and hang: seen here, told to whoever wants to know.
 *
 *	ABSENT --> DOWN <--> UP <--> HUNG	left, declared dead, came again
 *		    |	     |
 *		    |	     +-----> BROKEN	what it wrote made no sense
 *		    +--> REFUSED		it is of another layout version
 *
 * Each of the last four goes down again, and a new life starts from there. Whoever is
 * joining is DOWN, too: it may send, and cannot be sent to. How a
 * peer is stands in its arena and in the keeper's header; this looks at all of
 * them once a beat, and at once when a doorbell comes from one that has changed.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/bitfield.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/workqueue.h>
#include <trace/events/multikernel.h>

#include "internal.h"

/* Between two looks before their time */
#define PEERS_REST	max(HZ / 100, 1)

static const char *peer_state_name(enum mk_ipi_peer_state state)
{
	switch (state) {
	case MK_IPI_PEER_UP:
		return "up";
	case MK_IPI_PEER_HUNG:
		return "hung: no sign of life";
	case MK_IPI_PEER_BROKEN:
		return "broken: closed until it comes again";
	case MK_IPI_PEER_REFUSED:
		return "refused";
	default:
		return "down";
	}
}

/* Why a life has gone down: the keeper's word, or its own */
static const char *peer_reason(const struct mk_link *link, u32 life)
{
	struct mk_region *region = link->instance->region;

	if (mk_region_fenced(region, link->peer, life))
		return ": was stopped";
	if (FIELD_GET(MK_WIRE_LIFE_INCARNATION, link->seen) != life)
		return ": has come again";
	switch (READ_ONCE(mk_region_self(region, link->peer)->reason)) {
	case MK_WIRE_REASON_REBOOT:
		return ": has left, reboot";
	case MK_WIRE_REASON_HALT:
		return ": has left, halt";
	case MK_WIRE_REASON_POWEROFF:
		return ": has left, power off";
	case MK_WIRE_REASON_PANIC:
		return ": has left, panic";
	default:
		return "";
	}
}

/* Whether messages can have gone to it, or be waited for */
static bool peer_lives(enum mk_ipi_peer_state state)
{
	return state == MK_IPI_PEER_UP || state == MK_IPI_PEER_HUNG ||
	       state == MK_IPI_PEER_BROKEN;
}

/* Whether this life is not up yet, and has not gone either */
static bool peer_comes(const struct mk_link *link, u32 life)
{
	return link->seen == (FIELD_PREP(MK_WIRE_LIFE_INCARNATION, life) |
			      FIELD_PREP(MK_WIRE_LIFE_STATE, MK_WIRE_JOINING));
}

static void peer_log(const struct mk_link *link, u32 life, enum mk_ipi_peer_state state)
{
	const struct mk_wire_self *self = mk_region_self(link->instance->region, link->peer);

	if (state == MK_IPI_PEER_REFUSED)
		pr_err("instance %u: refused: it is of layout version %u, this kernel of version %u\n",
		       link->peer, READ_ONCE(self->version), mk_param_layout);
	else
		pr_info("instance %u: incarnation %u %s%s\n", link->peer, life,
			peer_state_name(state),
			state == MK_IPI_PEER_DOWN ? peer_reason(link, life) : "");
}

/* A life of the peer has come into a state: note it, and do what cannot wait. */
static void peer_say(struct mk_link *link, u32 life, enum mk_ipi_peer_state state)
{
	struct mk_instance *instance = link->instance;
	bool silent = link->peer == instance->region->self ||
		      (state == MK_IPI_PEER_DOWN &&
		       (peer_comes(link, life) || link->state == MK_IPI_PEER_ABSENT));

	scoped_guard(spinlock, &instance->peers_lock) {
		WRITE_ONCE(link->life, life);
		WRITE_ONCE(link->since, ktime_get());
		/* Orders the life before the state. Pairs with mk_link_state_in(). */
		smp_store_release(&link->state, state);
	}
	if (state == MK_IPI_PEER_DOWN || state == MK_IPI_PEER_BROKEN) {
		mk_calls_fail(link, life);
		mk_link_wake(link);
	}
	if (silent)
		return;

	trace_mk_peer(link, life, state);
	/* It may come and go as often as it likes. */
	if (__ratelimit(&link->log))
		peer_log(link, life, state);
	queue_work(system_long_wq, &instance->notify);
}

/* Whether a CPU of the peer that receives has shown no sign of life for too long */
static bool peer_hangs(struct mk_link *link, ktime_t now, bool anew)
{
	const struct mk_region *region = link->instance->region;
	const struct mk_wire_self *self = mk_region_self(region, link->peer);
	const u32 *beats = mk_region_arena(region, link->peer) + MK_WIRE_BEATS;
	u32 i, count, nr_doors = min(READ_ONCE(self->nr_doors), MK_DOORS);
	u32 limit, beat_ms = min(READ_ONCE(self->beat_ms), 60 * MSEC_PER_SEC);
	bool hangs = false;

	/* Whoever beats seldom is given time for a few. */
	limit = max(READ_ONCE(mk_param_hang_ms), 4 * beat_ms);
	for (i = 0; i < nr_doors; i++) {
		struct mk_beat *beat = &link->beat[i];

		count = READ_ONCE(beats[i]);
		if (anew || count != beat->count) {
			beat->count = count;
			beat->changed = now;
		}
		hangs |= ktime_ms_delta(now, beat->changed) > limit;
	}
	return hangs;
}

static void peer_look(struct mk_link *link, ktime_t now, bool late)
{
	u64 word = mk_region_life(link->instance->region, link->peer);
	u32 life = FIELD_GET(MK_WIRE_LIFE_INCARNATION, word);
	enum mk_ipi_peer_state state;
	bool hangs, came = peer_comes(link, life), anew = life != link->life;

	WRITE_ONCE(link->seen, word);
	/* A life that has ended unseen, the next having begun */
	if (anew && peer_lives(link->state))
		peer_say(link, link->life, MK_IPI_PEER_DOWN);
	/* And those that have come and gone so, to which somebody may have sent */
	if (anew && life) {
		mk_calls_fail(link, life - 1);
		mk_link_wake(link);
	}

	state = mk_link_state_in(link, word);
	if (peer_lives(state)) {
		/* Until it is up it does not beat, and its first beat may be late. */
		hangs = peer_hangs(link, now, late || !peer_lives(link->state)) &&
			link->peer != link->instance->region->self;
		if (READ_ONCE(link->broken) == life)
			state = MK_IPI_PEER_BROKEN;
		else
			state = hangs ? MK_IPI_PEER_HUNG : MK_IPI_PEER_UP;
	}
	/* Also of one that has gone before it was up */
	if (anew || state != link->state || (came && state == MK_IPI_PEER_DOWN &&
					     !peer_comes(link, life)))
		peer_say(link, life, state);
}

/*
 * When to look again: after a beat; or after a moment, if this was before its time, so
 * that a peer which changes all the time does not keep this kernel looking.
 */
static unsigned long peers_next(struct mk_instance *instance)
{
	if (instance->peers_rest)
		return PEERS_REST;
	return msecs_to_jiffies(mk_param_beat_ms) ?: 1;
}

static void peers_work(struct work_struct *work)
{
	struct mk_instance *instance = container_of(to_delayed_work(work), struct mk_instance,
						    peers);
	ktime_t now = ktime_get();
	/* If this kernel itself was stopped for long, nobody else is to blame. */
	bool late = ktime_ms_delta(now, instance->looked) > max(READ_ONCE(mk_param_hang_ms) / 2,
								 2 * mk_param_beat_ms);
	u32 nr_fenced;
	unsigned int i;

	/*
	 * Orders the count before the fences. Pairs with virt_store_release() in
	 * mk_region_fence().
	 */
	nr_fenced = virt_load_acquire(&instance->region->header->nr_fenced);
	WRITE_ONCE(instance->nr_fenced, nr_fenced);
	instance->looked = now;
	if (instance->peers_rest) {
		instance->peers_rest = false;
		/* Who asks from here on has not been seen to. */
		atomic_xchg(&instance->peers_early, 0);
	} else {
		instance->peers_rest = atomic_read(&instance->peers_early);
	}
	for (i = 0; i < instance->nr_links; i++)
		peer_look(&instance->links[i], now, late);
	queue_delayed_work(system_percpu_wq, &instance->peers, peers_next(instance));
}

static void peer_tell(struct mk_link *link, struct notifier_block *nb, u32 life,
		      enum mk_ipi_peer_state state)
{
	struct mk_ipi_peer_event event = {
		.peer		= link->peer,
		.incarnation	= life,
		.state		= state,
	};

	if (nb)
		nb->notifier_call(nb, state, &event);
	else
		raw_notifier_call_chain(&link->instance->handlers->notifiers, state, &event);
}

/* Tell what has become of a peer since it was told last. */
static void peer_notify(struct mk_link *link)
{
	enum mk_ipi_peer_state state, told = link->told_state;
	u32 life, told_life = link->told_life;

	scoped_guard(spinlock, &link->instance->peers_lock) {
		state = link->state;
		life = link->life;
	}
	if (state == told && life == told_life)
		return;
	link->told_state = state;
	link->told_life = life;
	if (life != told_life && peer_lives(told)) {
		peer_tell(link, NULL, told_life, MK_IPI_PEER_DOWN);
		told = MK_IPI_PEER_DOWN;
	}
	if (state != MK_IPI_PEER_ABSENT &&
	    (state != MK_IPI_PEER_DOWN || peer_lives(told) || told == MK_IPI_PEER_REFUSED))
		peer_tell(link, NULL, life, state);
}

/*
 * On its own, since a notifier may sleep for long, and may wait for a call to a peer
 * whose death is to be seen meanwhile.
 */
static void peers_notify(struct work_struct *work)
{
	struct mk_instance *instance = container_of(work, struct mk_instance, notify);
	unsigned int i;

	guard(mutex)(&instance->handlers->notify_lock);
	for (i = 0; i < instance->nr_links; i++)
		if (i != instance->region->self)
			peer_notify(&instance->links[i]);
}

/**
 * mk_peers_tell - tell a new notifier how the peers are
 * @instance: the instance
 * @nb:	      the notifier; mk_handlers.notify_lock is held
 *
 * Those of whom the others have been told that they are there.
 *
 * Process context; may sleep.
 */
void mk_peers_tell(struct mk_instance *instance, struct notifier_block *nb)
{
	unsigned int i;

	for (i = 0; i < instance->nr_links; i++) {
		struct mk_link *link = &instance->links[i];

		if (link->told_state != MK_IPI_PEER_ABSENT && link->told_state != MK_IPI_PEER_DOWN)
			peer_tell(link, nb, link->told_life, link->told_state);
	}
}

/**
 * mk_peers_init - prepare to look how the peers are
 * @instance: the instance
 */
void mk_peers_init(struct mk_instance *instance)
{
	INIT_DELAYED_WORK(&instance->peers, peers_work);
	INIT_WORK(&instance->notify, peers_notify);
	spin_lock_init(&instance->peers_lock);
}

/**
 * mk_peers_look - look at once how the peers are
 * @instance: the instance
 *
 * Or in PEERS_REST, if somebody has asked just before.
 *
 * Any context but NMI.
 *
 * Return: false if somebody has.
 */
bool mk_peers_look(struct mk_instance *instance)
{
	if (atomic_xchg(&instance->peers_early, 1))
		return false;
	mod_delayed_work(system_percpu_wq, &instance->peers, 0);
	return true;
}

/**
 * mk_peers_stop - do not look any more
 * @instance: the instance
 *
 * Process context; sleeps.
 */
void mk_peers_stop(struct mk_instance *instance)
{
	disable_delayed_work_sync(&instance->peers);
	cancel_work_sync(&instance->notify);
}
