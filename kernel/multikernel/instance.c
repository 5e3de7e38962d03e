// SPDX-License-Identifier: GPL-2.0
/*
 * One kernel's side of a region: it joins, sends, is rung, and leaves.
 *
 * A kernel of its own has one. Tests have several in one kernel, over the soft
 * backend.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "internal.h"

/* All that a type may say of how a message is to be sent */
#define INSTANCE_TYPE	(MK_IPI_NR_TYPES - 1 + MK_IPI_BULK + 0x1fff0000)

static struct mk_wire_self *instance_self(struct mk_instance *instance)
{
	return instance->region->arena + MK_WIRE_SELF;
}

static void instance_say(struct mk_instance *instance, enum mk_wire_state state)
{
	/*
	 * Orders all that this instance has written of itself, its doors and
	 * its empty rings, before the life that peers see it in. Pairs with
	 * virt_load_acquire() in mk_region_life().
	 */
	virt_store_release(&instance_self(instance)->life,
			   FIELD_PREP(MK_WIRE_LIFE_INCARNATION, instance->incarnation) |
			   FIELD_PREP(MK_WIRE_LIFE_STATE, state));
}

/*
 * Whoever has sent a request is owed a reply: each peer gets room for a ring of them,
 * which no other ring can take. Not in an arena that has little more.
 */
static void instance_reserve_replies(struct mk_instance *instance)
{
	const u64 room = instance->region->arena_size - MK_WIRE_RINGS;
	unsigned int i;

	if (instance->nr_links * MK_LINK_REPLY_BYTES > room / 2)
		return;
	for (i = 0; i < instance->nr_links; i++)
		mk_link_reserve_reply(&instance->links[i]);
}

/* Begin a new life: whatever an earlier one has left in the arena goes. */
static void instance_begin(struct mk_instance *instance, u32 incarnation)
{
	struct mk_wire_self *self = instance_self(instance);
	void *arena = instance->region->arena;

	instance->incarnation = incarnation ?:
				FIELD_GET(MK_WIRE_LIFE_INCARNATION, self->life) + 1;
	instance_say(instance, MK_WIRE_JOINING);
	/*
	 * Orders the end of the life before ahead of what is written over it.
	 * Pairs with virt_rmb() in link_assign().
	 */
	virt_wmb();

	/* Bells go on from what they are: peers compare them with what they saw. */
	memset(arena + MK_WIRE_BEATS, 0, MK_WIRE_BELLS - MK_WIRE_BEATS);
	memset(arena + MK_WIRE_TX, 0, MK_WIRE_RINGS - MK_WIRE_TX);
	/* Peers may read these at any time, as of the life before. */
	WRITE_ONCE(self->version, mk_param_layout);
	WRITE_ONCE(self->features, MK_WIRE_FEATURES);
	WRITE_ONCE(self->reason, MK_WIRE_REASON_NONE);
	WRITE_ONCE(self->beat_ms, mk_param_beat_ms);
	instance->rings_used = MK_WIRE_RINGS;
	instance_reserve_replies(instance);
}

/* Say where this instance is rung; nobody looks before it is up. */
static int instance_publish_doors(struct mk_instance *instance)
{
	struct mk_wire_self *self = instance_self(instance);
	struct mk_door door;
	unsigned int i;
	int ret;

	for (i = 0; i < instance->nr_receivers; i++) {
		ret = instance->backend->get_door(instance->backend,
						  instance->receivers[i].cpu, &door);
		if (ret)
			return ret;
		WRITE_ONCE(self->doors[i].hwid, door.hwid);
		WRITE_ONCE(self->doors[i].number, door.number);
	}
	WRITE_ONCE(self->nr_doors, instance->nr_receivers);
	return 0;
}

static int instance_init_receivers(struct mk_instance *instance, const struct cpumask *cpus)
{
	unsigned int cpu, i = 0, n = min(cpumask_weight(cpus), MK_DOORS);
	int ret;

	if (!n)
		return -EINVAL;
	instance->receivers = kcalloc(n, sizeof(*instance->receivers), GFP_KERNEL);
	if (!instance->receivers)
		return -ENOMEM;
	/* link_open(), of what is sent meanwhile, looks at it. */
	WRITE_ONCE(instance->nr_receivers, n);
	for_each_cpu(cpu, cpus) {
		if (i == n)
			break;
		ret = mk_receiver_init(&instance->receivers[i], instance, i, cpu);
		if (ret)
			return ret;
		i++;
	}
	return 0;
}

/* What receiving takes, of an instance that does not receive */
static void instance_free_receivers(struct mk_instance *instance)
{
	unsigned int i;

	if (instance->wq)
		destroy_workqueue(instance->wq);
	instance->wq = NULL;
	for (i = 0; i < instance->nr_receivers; i++)
		mk_receiver_free(&instance->receivers[i]);
	kfree(instance->receivers);
	instance->receivers = NULL;
	WRITE_ONCE(instance->nr_receivers, 0);
}

/* All that was allocated, of an instance that nothing looks at any more */
static void instance_free(struct mk_instance *instance)
{
	unsigned int i, k;

	instance_free_receivers(instance);
	for (i = 0; i < instance->nr_links; i++)
		for (k = 0; k < MK_WIRE_LINK_RINGS; k++)
			kvfree(instance->links[i].rx[k].buf);
	kvfree(instance);
}

/**
 * mk_instance_open - begin a life as an instance of a region
 * @region:   mapped, and not in use by another instance of this kernel
 * @backend:  how doorbells are rung and taken; not in use either
 * @handlers: who takes the messages
 * @incarnation: which life of the instance number this is, as the keeper counts
 *	      them; 0: one more than the arena says
 *
 * It may send, and say that it has left. Nobody can send to it, so it is not to call
 * anybody. mk_instance_start() and mk_instance_up() do the rest.
 *
 * Context in which memory can be had, also early in boot: other CPUs, timers and
 * threads need not be there.
 *
 * Return: the instance; an error pointer: -EBUSY: @backend is in use; -ENOMEM.
 */
struct mk_instance *mk_instance_open(struct mk_region *region, struct mk_backend *backend,
				     struct mk_handlers *handlers, u32 incarnation)
{
	unsigned int i, n = region->nr_instances;
	struct mk_instance *instance;

	if (rcu_access_pointer(backend->instance))
		return ERR_PTR(-EBUSY);
	instance = kvzalloc(struct_size(instance, links, n), GFP_KERNEL);
	if (!instance)
		return ERR_PTR(-ENOMEM);
	instance->nr_links = n;
	instance->region = region;
	instance->backend = backend;
	instance->handlers = handlers;
	raw_spin_lock_init(&instance->rings_lock);
	mk_calls_init(&instance->calls);
	mk_peers_init(instance);
	for (i = 0; i < n; i++)
		mk_link_init(&instance->links[i], instance, i);
	instance_begin(instance, incarnation);
	return instance;
}

/**
 * mk_instance_start - have an instance that sends receive, too
 * @instance: as mk_instance_open() gave it; others may be sending
 * @cpus:     the CPUs of this kernel that receive: the first MK_DOORS of them, each
 *	      of which must be online
 *
 * It hears doorbells from here on. Peers do not see it as up: that is mk_instance_up(), which
 * has to follow.
 *
 * Process context; may sleep.
 *
 * Return: 0; an errno with which it is as it was: -EINVAL: no CPU, or one that cannot
 * be rung; -ENOMEM; what the backend's start gave.
 */
int mk_instance_start(struct mk_instance *instance, const struct cpumask *cpus)
{
	struct mk_backend *backend = instance->backend;
	int ret;

	ret = instance_init_receivers(instance, cpus);
	if (ret)
		goto fail_free;
	/*
	 * One work for each bulk ring, whose handlers may sleep: as many at once as
	 * may be. They may look for long: not counted among what a CPU runs.
	 */
	ret = -ENOMEM;
	instance->wq = alloc_workqueue("multikernel/%u", WQ_CPU_INTENSIVE | WQ_PERCPU,
				       WQ_MAX_ACTIVE, instance->region->self);
	if (!instance->wq)
		goto fail_free;

	ret = instance_publish_doors(instance);
	if (ret)
		goto fail_free;
	rcu_assign_pointer(backend->instance, instance);
	ret = backend->start(backend);
	if (ret) {
		RCU_INIT_POINTER(backend->instance, NULL);
		synchronize_rcu();
		goto fail_free;
	}
	return 0;

fail_free:
	instance_free_receivers(instance);
	return ret;
}

/**
 * mk_instance_up - have peers see an instance as up
 * @instance: as mk_instance_start() has left it
 *
 * Messages may arrive before this returns, so all that their handlers need has to be there.
 *
 * Process context; may sleep.
 */
void mk_instance_up(struct mk_instance *instance)
{
	unsigned int i;

	/* Reception is on; who sends from here on will be heard. */
	instance_say(instance, MK_WIRE_UP);
	for (i = 0; i < instance->nr_receivers; i++)
		mk_receiver_start(&instance->receivers[i]);
	mk_peers_look(instance);
	mk_instance_announce(instance);
}

/**
 * mk_instance_join - become an instance of a region
 * @region:   mapped, and not in use by another instance of this kernel
 * @backend:  how doorbells are rung and taken; not in use either
 * @handlers: who takes the messages
 * @cpus:     as mk_instance_start() takes them
 * @incarnation: as mk_instance_open() takes it
 *
 * All of these at once. All that is passed but @cpus stays the caller's, and in use
 * until mk_instance_leave() has returned.
 *
 * Process context; may sleep.
 *
 * Return: the instance, or an error pointer, with what either of them gives.
 */
struct mk_instance *mk_instance_join(struct mk_region *region, struct mk_backend *backend,
				     struct mk_handlers *handlers, const struct cpumask *cpus,
				     u32 incarnation)
{
	struct mk_instance *instance = mk_instance_open(region, backend, handlers, incarnation);
	int ret;

	if (IS_ERR(instance))
		return instance;
	ret = mk_instance_start(instance, cpus);
	if (ret) {
		instance_say(instance, MK_WIRE_LEFT);
		instance_free(instance);
		return ERR_PTR(ret);
	}
	mk_instance_up(instance);
	return instance;
}

/**
 * mk_instance_announce - have all peers look who has come or gone
 * @instance: who has come or gone, or, as the keeper, has fenced somebody
 *
 * Any context.
 */
void mk_instance_announce(struct mk_instance *instance)
{
	unsigned int i;
	u64 life;

	/*
	 * Orders what is announced before the looks at who is up. Pairs with itself
	 * in a peer that joins at the same time: one of the two sees the other up.
	 */
	virt_mb();
	for (i = 0; i < instance->nr_links; i++) {
		if (i == instance->region->self)
			continue;
		life = mk_region_life(instance->region, i);
		if (FIELD_GET(MK_WIRE_LIFE_STATE, life) == MK_WIRE_UP)
			mk_link_ring(&instance->links[i], 0);
	}
}

/**
 * mk_instance_fence - declare a peer dead, and have everybody see it
 * @instance:	 the keeper
 * @peer:	 who is dead; its CPUs no longer run
 * @incarnation: which life of it, as mk_region_fence() takes it
 *
 * Process context, one at a time.
 */
void mk_instance_fence(struct mk_instance *instance, unsigned int peer, u32 incarnation)
{
	mk_region_fence(instance->region, peer, incarnation);
	mk_peers_look(instance);
	mk_instance_announce(instance);
}

/**
 * mk_instance_say_left - tell the peers that this kernel has gone
 * @instance: the instance
 * @reason:   why
 *
 * A few stores and, but for NMI context, doorbells, for those who go down in a hurry.
 * Any context.
 */
void mk_instance_say_left(struct mk_instance *instance, enum mk_wire_reason reason)
{
	WRITE_ONCE(instance_self(instance)->reason, reason);
	instance_say(instance, MK_WIRE_LEFT);
	/* Who panics in an NMI may have been ringing. The beat of the others sees it. */
	if (!in_nmi())
		mk_instance_announce(instance);
}

/**
 * mk_instance_leave - be an instance no longer
 * @instance: the instance, which nobody uses to send any more; freed
 * @reason:   why
 *
 * What peers have sent and was not taken in yet is dropped. When it returns, no
 * handler is being called for this instance any more.
 *
 * Process context; sleeps.
 */
void mk_instance_leave(struct mk_instance *instance, enum mk_wire_reason reason)
{
	struct mk_backend *backend = instance->backend;
	unsigned int i;

	WRITE_ONCE(instance->leaving, true);
	mk_instance_say_left(instance, reason);
	backend->stop(backend);
	RCU_INIT_POINTER(backend->instance, NULL);
	/* Pairs with rcu_read_lock() in generic_multikernel_interrupt(). */
	synchronize_rcu();
	for (i = 0; i < instance->nr_receivers; i++)
		mk_receiver_stop(&instance->receivers[i]);
	mk_peers_stop(instance);
	instance_free(instance);
}

/**
 * mk_instance_cpu_offline - have others answer at the doors of a CPU that goes
 * @instance: the instance
 * @cpu:      the CPU
 *
 * Process context; sleeps. CPUs neither come nor go meanwhile.
 */
void mk_instance_cpu_offline(struct mk_instance *instance, unsigned int cpu)
{
	unsigned int i, to = cpumask_any_but(cpu_online_mask, cpu);

	for (i = 0; i < instance->nr_receivers && to < nr_cpu_ids; i++)
		if (instance->receivers[i].cpu == cpu)
			mk_receiver_move(&instance->receivers[i], to);
}

/**
 * mk_instance_cpu_online - have a CPU that is back answer at its own doors again
 * @instance: the instance
 * @cpu:      the CPU
 *
 * Process context; sleeps. CPUs neither come nor go meanwhile.
 */
void mk_instance_cpu_online(struct mk_instance *instance, unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < instance->nr_receivers; i++)
		if (instance->receivers[i].home == cpu && instance->receivers[i].cpu != cpu)
			mk_receiver_move(&instance->receivers[i], cpu);
}

/**
 * mk_instance_take_ring - get room in the arena for an outgoing ring
 * @instance: the instance
 * @nr_slots: for so many slots
 *
 * Any context but NMI.
 *
 * Return: offset in the arena, or 0 if there is no room left.
 */
u32 mk_instance_take_ring(struct mk_instance *instance, u32 nr_slots)
{
	const u64 bytes = (u64)nr_slots * sizeof(struct mk_wire_slot);
	u64 limit = min_t(u64, instance->region->arena_size, U32_MAX);
	u32 offset = 0;

	guard(raw_spinlock_irqsave)(&instance->rings_lock);
	if (instance->rings_used + bytes <= limit) {
		offset = instance->rings_used;
		instance->rings_used += bytes;
	}
	return offset;
}

/* Check what a subsystem wants sent: its length, or an errno. */
static int instance_check(u32 type, const struct kvec *vec, unsigned int nr)
{
	size_t max = type & MK_IPI_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN;
	size_t len = 0;

	if (type & ~INSTANCE_TYPE)
		return -EINVAL;
	for (; nr; nr--, vec++) {
		if (vec->iov_len > max - len)
			return -EMSGSIZE;
		if (vec->iov_len && !vec->iov_base)
			return -EINVAL;
		len += vec->iov_len;
	}
	return len;
}

static struct mk_link *instance_link(struct mk_instance *instance, unsigned int peer)
{
	if (peer >= instance->nr_links)
		return NULL;
	return &instance->links[array_index_nospec(peer, instance->nr_links)];
}

/**
 * mk_instance_sendv - send a message as a given instance
 * @instance: who sends
 * @peer:     number of the instance to send to
 * @type:     message type
 * @vec:      its bytes, in pieces
 * @nr:	      how many pieces
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_send().
 */
int mk_instance_sendv(struct mk_instance *instance, unsigned int peer, u32 type,
		      const struct kvec *vec, unsigned int nr)
{
	struct mk_link *link = instance_link(instance, peer);
	int len = instance_check(type, vec, nr);

	if (len < 0)
		return len;
	if (!link)
		return -ENOENT;
	return mk_link_send(link, type, MK_WIRE_MESSAGE, vec, nr, len, 0);
}

/**
 * mk_instance_send - the same with all bytes in one piece
 * @instance: who sends
 * @peer:     number of the instance to send to
 * @type:     message type
 * @data:     its bytes
 * @len:      how many
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_send().
 */
int mk_instance_send(struct mk_instance *instance, unsigned int peer, u32 type,
		     const void *data, size_t len)
{
	const struct kvec vec = { .iov_base = (void *)data, .iov_len = len };

	return mk_instance_sendv(instance, peer, type, &vec, 1);
}

/**
 * mk_instance_sendv_wait - send a message as a given instance, once there is room
 * @instance: who sends
 * @peer:     number of the instance to send to
 * @type:     message type
 * @vec:      its bytes, in pieces
 * @nr:	      how many pieces
 * @timeout:  jiffies to wait, at the most
 *
 * Process context; may sleep.
 *
 * Return: as mk_ipi_sendv_wait().
 */
int mk_instance_sendv_wait(struct mk_instance *instance, unsigned int peer, u32 type,
			   const struct kvec *vec, unsigned int nr, unsigned long timeout)
{
	struct mk_link *link = instance_link(instance, peer);
	int len = instance_check(type, vec, nr);

	if (len < 0)
		return len;
	if (!link)
		return -ENOENT;
	return mk_link_send_wait(link, type, MK_WIRE_MESSAGE, vec, nr, len, mk_link_life(link),
				 timeout);
}

/**
 * mk_instance_broadcast - send a message to several peers as a given instance
 * @instance: who sends
 * @peers:    bit n: to instance n
 * @type:     message type
 * @data:     its bytes
 * @len:      how many
 * @errors:   MK_IPI_MAX_INSTANCES of them, or NULL
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_broadcast().
 */
int mk_instance_broadcast(struct mk_instance *instance, u64 peers, u32 type, const void *data,
			  size_t len, int *errors)
{
	int ret, first = 0, reached = 0;
	unsigned int i;

	for (; peers; peers &= peers - 1) {
		i = __ffs64(peers);
		ret = mk_instance_send(instance, i, type, data, len);
		if (errors)
			errors[i] = ret;
		if (!ret)
			reached++;
		else if (!first)
			first = ret;
	}
	return reached ?: first;
}

/**
 * mk_instance_unread - how much of what a given instance has sent was not read
 * @instance: who has sent
 * @peer:     number of the instance that reads
 * @type:     message type
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_unread().
 */
int mk_instance_unread(struct mk_instance *instance, unsigned int peer, u32 type)
{
	struct mk_link *link = instance_link(instance, peer);

	if (type & ~INSTANCE_TYPE)
		return -EINVAL;
	if (!link)
		return -ENOENT;
	return mk_link_unread(link, type);
}

/**
 * mk_instance_want_room - be told when a peer has read on of what a given instance has sent
 * @instance: who has sent
 * @peer:     number of the instance that reads
 * @type:     message type
 * @room:     who is told
 * @unread:   when no more bytes than this are unread
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_want_room().
 */
int mk_instance_want_room(struct mk_instance *instance, unsigned int peer, u32 type,
			  struct mk_ipi_room *room, u32 unread)
{
	struct mk_link *link = instance_link(instance, peer);

	if (type & ~INSTANCE_TYPE)
		return -EINVAL;
	if (!link)
		return -ENOENT;
	return mk_link_want_room(link, type, room, unread);
}

/**
 * mk_instance_forget_room - do not be told any more
 * @instance: who has sent
 * @peer:     number of the instance that reads
 * @room:     who was to be told, or not
 *
 * Any context but NMI.
 */
void mk_instance_forget_room(struct mk_instance *instance, unsigned int peer,
			     struct mk_ipi_room *room)
{
	struct mk_link *link = instance_link(instance, peer);

	if (link)
		mk_link_forget_room(link, room);
}

/**
 * mk_instance_call - call a peer as a given instance, and wait for its reply
 * @instance: who calls
 * @peer:     number of the instance to call
 * @type:     message type
 * @data:     the request
 * @len:      bytes of it
 * @reply:    where the answer goes, or NULL
 * @timeout:  jiffies to wait, at the most
 *
 * Process context; sleeps.
 *
 * Return: as mk_ipi_call().
 */
int mk_instance_call(struct mk_instance *instance, unsigned int peer, u32 type,
		     const void *data, size_t len, struct mk_ipi_reply *reply,
		     unsigned long timeout)
{
	const struct kvec vec = { .iov_base = (void *)data, .iov_len = len };
	struct mk_link *link = instance_link(instance, peer);
	int ret = instance_check(type, &vec, 1);

	if (ret < 0)
		return ret;
	if (reply && reply->size && !reply->data)
		return -EINVAL;
	if (!link)
		return -ENOENT;
	return mk_link_call(link, type, data, len, reply, timeout);
}

/**
 * generic_multikernel_interrupt - a doorbell was taken on this CPU
 * @backend: the backend that took it
 *
 * The one entry by which any architecture hands a doorbell to the generic layer.
 * The doorbell says no more than "look".
 *
 * Hard interrupt context, after the interrupt controller has been told that the
 * interrupt is being handled, so that a doorbell that is rung from here on comes
 * as another interrupt.
 */
void generic_multikernel_interrupt(struct mk_backend *backend)
{
	unsigned int i, cpu = smp_processor_id();
	struct mk_receiver *receiver = NULL;
	struct mk_instance *instance;
	bool found = false;

	guard(rcu)();
	instance = rcu_dereference(backend->instance);
	if (!instance)
		return;
	/* Of several doors that have moved here, it does not say which was rung. */
	for (i = 0; i < instance->nr_receivers; i++) {
		if (READ_ONCE(instance->receivers[i].cpu) != cpu)
			continue;
		receiver = &instance->receivers[i];
		found |= mk_ipi_receive(receiver);
	}
	if (receiver && !found)
		mk_receiver_empty(receiver);
}
