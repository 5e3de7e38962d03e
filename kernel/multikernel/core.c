// SPDX-License-Identifier: GPL-2.0
/* This kernel's own instance, and the calls by which its subsystems use it. */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/printk.h>

#include "internal.h"

static_assert(MK_IPI_MAX_INSTANCES == MK_WIRE_MAX_INSTANCES);

/* Set once, when this kernel joins; it stays for as long as the kernel runs. */
static struct mk_instance *self_instance;

/* For architectures that have no backend */
struct mk_backend * __weak mk_arch_backend(void)
{
	return NULL;
}

/**
 * mk_ipi_instance - this kernel's own instance
 *
 * Any context.
 *
 * Return: it, or NULL while this kernel is in no region.
 */
struct mk_instance *mk_ipi_instance(void)
{
	/* Pairs with smp_store_release() in mk_ipi_join(). */
	return smp_load_acquire(&self_instance);
}

/**
 * mk_ipi_join - have this kernel join a region
 * @phys: physical address of the region
 * @size: bytes of it
 * @self: number of the instance that this kernel is to be
 * @incarnation: which life of it, as mk_instance_join() takes it
 *
 * Once, while booting, at a time when what is built in has registered its
 * handlers: whom the peers see as up takes their messages.
 *
 * Return: 0; -ENODEV: this machine has no way to ring doorbells; -EBUSY: it is
 * in a region already; what mk_region_map() and mk_instance_join() give.
 */
int __init mk_ipi_join(phys_addr_t phys, u64 size, unsigned int self, u32 incarnation)
{
	struct mk_backend *backend = mk_arch_backend();
	struct mk_instance *instance;
	struct mk_region *region;

	if (!backend)
		return -ENODEV;
	if (self_instance)
		return -EBUSY;
	region = mk_region_map(phys, size, self);
	if (IS_ERR(region))
		return PTR_ERR(region);
	instance = mk_instance_join(region, backend, &mk_ipi_handlers,
				    cpumask_first(cpu_online_mask), incarnation);
	if (IS_ERR(instance)) {
		mk_region_unmap(region);
		return PTR_ERR(instance);
	}
	/* Orders the instance before the pointer. Pairs with mk_ipi_instance(). */
	smp_store_release(&self_instance, instance);
	pr_info("instance %u of %u, incarnation %u, region of %llu KiB at %pa, backend %s\n",
		self, region->nr_instances, instance->incarnation, size >> 10, &phys,
		backend->name);
	return 0;
}

/**
 * mk_ipi_send - send a message to another kernel
 * @peer: number of the instance to send to; the own one is allowed
 * @type: message type, below MK_IPI_NR_TYPES
 * @data: its bytes, copied before this returns
 * @len:  how many, 0 to MK_IPI_MAX_LEN
 *
 * Never sleeps, never waits for the peer, logs nothing. Messages that one CPU
 * sends to one peer arrive in that order. 0 means that the message is where the
 * peer will find it, not that a handler has run.
 *
 * Any context but NMI, with interrupts on or off; takes the link's raw spinlock.
 * All that the caller has stored before is visible to the handler.
 *
 * Return: 0, or an errno with which nothing has been sent:
 *
 * * -EMSGSIZE: @len is above MK_IPI_MAX_LEN
 * * -EINVAL: no such @type, or no @data
 * * -ENODEV: this kernel is in no region
 * * -ENOENT: no such instance, or nobody has been it yet
 * * -ENOTCONN: the instance is not up yet, has left, or was declared dead
 * * -EAGAIN: the ring to it is full; it empties as the peer reads
 * * -ENOSPC: no room in this kernel's arena for a ring to another peer
 *
 * and one with which the message lies in the ring but the peer was not told:
 *
 * * -EPROTO: the door that the peer has published cannot be rung
 */
int mk_ipi_send(unsigned int peer, unsigned int type, const void *data, size_t len)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_send(instance, peer, type, data, len);
}
EXPORT_SYMBOL_GPL(mk_ipi_send);

/**
 * mk_ipi_self - which instance this kernel is
 *
 * Any context.
 *
 * Return: its number, or -ENODEV if this kernel is in no region.
 */
int mk_ipi_self(void)
{
	struct mk_instance *instance = mk_ipi_instance();

	return instance ? instance->region->self : -ENODEV;
}
EXPORT_SYMBOL_GPL(mk_ipi_self);

/**
 * mk_ipi_nr_instances - how many instances there can be
 *
 * Any context.
 *
 * Return: their number, the instances being 0 to one less; 0 if this kernel is
 * in no region.
 */
unsigned int mk_ipi_nr_instances(void)
{
	struct mk_instance *instance = mk_ipi_instance();

	return instance ? instance->nr_links : 0;
}
EXPORT_SYMBOL_GPL(mk_ipi_nr_instances);

/**
 * mk_ipi_peer_state - whether an instance can be sent to
 * @peer: its number
 *
 * Any context. It may change at any moment: the answer of mk_ipi_send() counts.
 *
 * Return: its state.
 */
enum mk_ipi_peer_state mk_ipi_peer_state(unsigned int peer)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance || peer >= instance->nr_links)
		return MK_IPI_PEER_ABSENT;
	return mk_link_state(&instance->links[peer]);
}
EXPORT_SYMBOL_GPL(mk_ipi_peer_state);

/**
 * mk_ipi_peer_stats - what has gone over the link to an instance
 * @peer:  its number
 * @stats: filled in
 *
 * Any context.
 *
 * Return: 0; -ENODEV: this kernel is in no region; -ENOENT: no such instance.
 */
int mk_ipi_peer_stats(unsigned int peer, struct mk_ipi_stats *stats)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	if (peer >= instance->nr_links)
		return -ENOENT;
	mk_link_stats(&instance->links[peer], stats);
	return 0;
}
EXPORT_SYMBOL_GPL(mk_ipi_peer_stats);
