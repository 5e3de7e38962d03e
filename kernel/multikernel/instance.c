// SPDX-License-Identifier: GPL-2.0
/*
 * One kernel's side of a region: it joins, sends, is rung, and leaves.
 *
 * A kernel of its own has one. Tests have several in one kernel, over the soft
 * backend.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/bitfield.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "internal.h"

static void instance_say(struct mk_instance *instance, enum mk_wire_state state)
{
	struct mk_wire_self *self = instance->region->arena + MK_WIRE_SELF;

	/*
	 * Orders all that this instance has written of itself, its doors and
	 * its empty rings, before the life that peers see it in. Pairs with
	 * virt_load_acquire() in mk_region_life().
	 */
	virt_store_release(&self->life,
			   FIELD_PREP(MK_WIRE_LIFE_INCARNATION, instance->incarnation) |
			   FIELD_PREP(MK_WIRE_LIFE_STATE, state));
}

/* Begin a new life: whatever an earlier one has left in the arena goes. */
static void instance_begin(struct mk_instance *instance, const struct mk_door *door,
			   u32 incarnation)
{
	void *arena = instance->region->arena;
	struct mk_wire_self *self = arena + MK_WIRE_SELF;

	instance->incarnation = incarnation ?:
				FIELD_GET(MK_WIRE_LIFE_INCARNATION, self->life) + 1;
	instance_say(instance, MK_WIRE_JOINING);
	/*
	 * Orders the end of the life before ahead of what is written over it.
	 * Pairs with virt_rmb() in link_open_tx().
	 */
	virt_wmb();

	memset(arena + MK_WIRE_TX, 0, MK_WIRE_RINGS - MK_WIRE_TX);
	self->version = MK_WIRE_VERSION;
	self->features = MK_WIRE_FEATURES;
	self->reason = MK_WIRE_REASON_NONE;
	self->doors[0].hwid = door->hwid;
	self->doors[0].number = door->number;
	self->nr_doors = 1;
	instance->rings_used = MK_WIRE_RINGS;
}

/**
 * mk_instance_join - become an instance of a region
 * @region:   mapped, and not in use by another instance of this kernel
 * @backend:  how doorbells are rung and taken; not in use either
 * @handlers: who takes the messages
 * @cpu:      the CPU of this kernel that receives; it must stay online
 * @incarnation: which life of the instance number this is, as the keeper counts
 *	      them; 0: one more than the arena says
 *
 * From here on peers see this kernel, and messages may arrive. All that is
 * passed stays the caller's, and in use until mk_instance_leave() has returned.
 *
 * Process context; may sleep.
 *
 * Return: the instance; an error pointer: -EINVAL: @cpu cannot be rung; -EBUSY:
 * @backend is in use; -ENOMEM; what the backend's start gave.
 */
struct mk_instance *mk_instance_join(struct mk_region *region, struct mk_backend *backend,
				     struct mk_handlers *handlers, unsigned int cpu,
				     u32 incarnation)
{
	unsigned int i, n = region->nr_instances;
	struct mk_instance *instance;
	struct mk_door door;
	int ret;

	if (rcu_access_pointer(backend->instance))
		return ERR_PTR(-EBUSY);
	ret = backend->get_door(backend, cpu, &door);
	if (ret)
		return ERR_PTR(ret);

	instance = kvzalloc(struct_size(instance, links, n), GFP_KERNEL);
	if (!instance)
		return ERR_PTR(-ENOMEM);
	instance->nr_links = n;
	instance->region = region;
	instance->backend = backend;
	instance->handlers = handlers;
	instance->cpu = cpu;
	raw_spin_lock_init(&instance->rings_lock);
	for (i = 0; i < n; i++)
		mk_link_init(&instance->links[i], instance, i);

	ret = -ENOMEM;
	instance->buf = kmalloc(MK_IPI_MAX_LEN, GFP_KERNEL);
	if (!instance->buf)
		goto fail_free_instance;

	instance_begin(instance, &door, incarnation);
	rcu_assign_pointer(backend->instance, instance);
	ret = backend->start(backend);
	if (ret)
		goto fail_leave;

	/* Reception is on; who sends from here on will be heard. */
	instance_say(instance, MK_WIRE_UP);
	return instance;

fail_leave:
	instance_say(instance, MK_WIRE_LEFT);
	RCU_INIT_POINTER(backend->instance, NULL);
	synchronize_rcu();
	kfree(instance->buf);
fail_free_instance:
	kvfree(instance);
	return ERR_PTR(ret);
}

/**
 * mk_instance_say_left - tell the peers that this kernel has gone
 * @instance: the instance
 * @reason:   why
 *
 * A few stores, for those who go down in a hurry. Any context.
 */
void mk_instance_say_left(struct mk_instance *instance, enum mk_wire_reason reason)
{
	struct mk_wire_self *self = instance->region->arena + MK_WIRE_SELF;

	WRITE_ONCE(self->reason, reason);
	instance_say(instance, MK_WIRE_LEFT);
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

	mk_instance_say_left(instance, reason);
	backend->stop(backend);
	rcu_assign_pointer(backend->instance, NULL);
	/* Pairs with rcu_read_lock() in generic_multikernel_interrupt(). */
	synchronize_rcu();
	kfree(instance->buf);
	kvfree(instance);
}

/**
 * mk_instance_take_ring - get room in the arena for an outgoing ring
 * @instance: the instance
 *
 * Any context but NMI.
 *
 * Return: offset in the arena of CONFIG_MULTIKERNEL_RING_SLOTS slots, or 0 if
 * there is no room left.
 */
u32 mk_instance_take_ring(struct mk_instance *instance)
{
	const u64 bytes = CONFIG_MULTIKERNEL_RING_SLOTS * sizeof(struct mk_wire_slot);
	u64 limit = min_t(u64, instance->region->arena_size, U32_MAX);
	unsigned long flags;
	u32 offset = 0;

	raw_spin_lock_irqsave(&instance->rings_lock, flags);
	if (instance->rings_used + bytes <= limit) {
		offset = instance->rings_used;
		instance->rings_used += bytes;
	}
	raw_spin_unlock_irqrestore(&instance->rings_lock, flags);
	return offset;
}

/**
 * mk_instance_send - send a message as a given instance
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
int mk_instance_send(struct mk_instance *instance, unsigned int peer, unsigned int type,
		     const void *data, size_t len)
{
	if (type >= MK_IPI_NR_TYPES || (len && !data))
		return -EINVAL;
	if (len > MK_IPI_MAX_LEN)
		return -EMSGSIZE;
	if (peer >= instance->nr_links)
		return -ENOENT;
	peer = array_index_nospec(peer, instance->nr_links);
	return mk_link_send(&instance->links[peer], type, data, len);
}

/**
 * mk_ipi_receive - take in what all peers have sent
 * @instance: who receives
 *
 * Hard interrupt context. On another CPU than the one whose door is published,
 * where nobody has a reason to ring, it does nothing.
 */
void mk_ipi_receive(struct mk_instance *instance)
{
	unsigned int i;

	if (smp_processor_id() != instance->cpu)
		return;
	for (i = 0; i < instance->nr_links; i++)
		mk_link_receive(&instance->links[i]);
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
	struct mk_instance *instance;

	guard(rcu)();
	instance = rcu_dereference(backend->instance);
	if (instance)
		mk_ipi_receive(instance);
}
