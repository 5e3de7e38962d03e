// SPDX-License-Identifier: GPL-2.0
/* This kernel's own instance, and the calls by which its subsystems use it. */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/printk.h>
#include <linux/uio.h>

#include "fault.h"
#include "internal.h"

static_assert(MK_IPI_MAX_INSTANCES == MK_WIRE_MAX_INSTANCES);

/*
 * Set once, when this kernel opens it, and when it is up; it stays for as long as the
 * kernel runs.
 */
static struct mk_instance *open_instance;
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
	/* Pairs with smp_store_release() in mk_ipi_start(). */
	return smp_load_acquire(&self_instance);
}

/**
 * mk_ipi_opened - the same, from when it may send and nobody can send to it
 *
 * In a spawned kernel that is from before there is another CPU. Any context.
 *
 * Return: it, or NULL.
 */
struct mk_instance *mk_ipi_opened(void)
{
	return READ_ONCE(open_instance);
}

static int core_cpu_online(unsigned int cpu)
{
	mk_instance_cpu_online(self_instance, cpu);
	return 0;
}

static int core_cpu_offline(unsigned int cpu)
{
	mk_instance_cpu_offline(self_instance, cpu);
	return 0;
}

/**
 * mk_ipi_open - have this kernel begin its life as an instance of a region
 * @phys: physical address of the region
 * @size: bytes of it
 * @self: number of the instance that this kernel is to be
 * @incarnation: which life of it, as mk_instance_open() takes it
 *
 * Once, while booting, as early as memory can be had. What the kernel has of its own
 * may send then, by mk_ipi_opened(); for all others it is in no region yet.
 *
 * Return: 0; -ENODEV: this machine has no way to ring doorbells; -EBUSY: it is
 * in a region already; what mk_region_map() and mk_instance_open() give.
 */
int __init mk_ipi_open(phys_addr_t phys, u64 size, unsigned int self, u32 incarnation)
{
	struct mk_backend *backend = mk_fault_wrap(mk_arch_backend());
	struct mk_instance *instance;
	struct mk_region *region;

	if (!backend)
		return -ENODEV;
	if (open_instance)
		return -EBUSY;
	region = mk_region_map(phys, size, self, incarnation);
	if (IS_ERR(region))
		return PTR_ERR(region);
	instance = mk_instance_open(region, backend, &mk_ipi_handlers, incarnation);
	if (IS_ERR(instance)) {
		mk_region_unmap(region);
		return PTR_ERR(instance);
	}
	WRITE_ONCE(open_instance, instance);
	return 0;
}

/**
 * mk_ipi_start - have it receive
 *
 * Once, after mk_ipi_open(), at a time when all CPUs that are to receive are online, and
 * what is built in has registered its handlers: whom the peers see as up takes
 * their messages.
 *
 * Return: 0; what mk_instance_start() gives, and this kernel has left.
 */
int __init mk_ipi_start(void)
{
	struct mk_instance *instance = open_instance;
	struct mk_region *region = instance->region;
	int ret;

	/* No CPU goes between getting a door and being watched. */
	guard(cpus_read_lock)();
	ret = mk_instance_start(instance, cpu_online_mask);
	if (ret) {
		/* Who has it from mk_ipi_opened() keeps it. */
		mk_instance_say_left(instance, MK_WIRE_REASON_NONE);
		return ret;
	}
	/*
	 * Before anybody can send to it: handlers answer. Orders the instance before the
	 * pointer. Pairs with mk_ipi_instance().
	 */
	smp_store_release(&self_instance, instance);
	mk_instance_up(instance);
	ret = cpuhp_setup_state_nocalls_cpuslocked(CPUHP_AP_ONLINE_DYN, "multikernel:doors",
						   core_cpu_online, core_cpu_offline);
	if (ret < 0)
		pr_err("doors stay at CPUs that go offline: %d\n", ret);
	pr_info("instance %u of %u, incarnation %u, %u doors, region of %llu KiB, backend %s\n",
		region->self, region->nr_instances, instance->incarnation,
		instance->nr_receivers, region->size >> 10, instance->backend->name);
	return 0;
}

/**
 * mk_ipi_send - send a message to another kernel
 * @peer: number of the instance to send to; the own one is allowed
 * @type: message type as it is registered there, with MK_IPI_BULK if it is of the
 *	  bulk lane; MK_IPI_TO_CPU() and MK_IPI_IN_ORDER() may be added
 * @data: its bytes, copied before this returns
 * @len:  how many, 0 to MK_IPI_MAX_LEN or, of a bulk type, MK_IPI_MAX_BULK_LEN
 *
 * Never sleeps, never waits for the peer, logs nothing. Messages that one CPU
 * sends to one peer on one lane arrive in that order, as long as all of them are
 * for the same CPU of the peer, or for none in particular; so do those of one
 * MK_IPI_IN_ORDER(), from whichever CPUs. 0 means that the
 * message is where the peer will find it, not that a handler has run.
 *
 * Any context but NMI, with interrupts on or off; takes a raw spinlock that it
 * shares with other CPUs only if there are more than 8 of them, or no room for
 * more rings. Interrupts are off while the bytes are copied. All that the caller
 * has stored before is visible to the handler.
 *
 * Return: 0, or an errno with which nothing has been sent:
 *
 * * -EMSGSIZE: @len is above what the lane takes
 * * -EINVAL: no such @type, or no @data
 * * -ENODEV: this kernel is in no region
 * * -ENOENT: no such instance, or nobody has been it yet
 * * -ENXIO: the instance has no such CPU as MK_IPI_TO_CPU() names
 * * -ENOTCONN: the instance is not up yet, has left, or was declared dead
 * * -EPROTO: the instance is of another layout version, or says that it has no doors
 * * -EAGAIN: the ring to it is full; it empties as the peer reads
 * * -ENOSPC: no room in this kernel's arena for a ring to the instance, and none to
 *   share; or none to the CPU that MK_IPI_TO_CPU() names
 *
 * and one with which the message lies in the ring but the peer was not told:
 *
 * * -EIO: the door that the peer has published cannot be rung
 */
int mk_ipi_send(unsigned int peer, u32 type, const void *data, size_t len)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_send(instance, peer, type, data, len);
}
EXPORT_SYMBOL_GPL(mk_ipi_send);

/**
 * mk_ipi_sendv - send a message that lies in several pieces
 * @peer: number of the instance to send to
 * @type: message type
 * @vec:  its bytes, in pieces; some may be empty
 * @nr:	  how many pieces
 *
 * As mk_ipi_send() otherwise.
 *
 * Any context but NMI.
 *
 * Return: as mk_ipi_send().
 */
int mk_ipi_sendv(unsigned int peer, u32 type, const struct kvec *vec, unsigned int nr)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_sendv(instance, peer, type, vec, nr);
}
EXPORT_SYMBOL_GPL(mk_ipi_sendv);

/**
 * mk_ipi_sendv_wait - send a message in pieces, once there is room for it
 * @peer:    number of the instance to send to
 * @type:    message type
 * @vec:     its bytes, in pieces; some may be empty
 * @nr:	     how many pieces
 * @timeout: jiffies to wait, at the most; MAX_SCHEDULE_TIMEOUT: no limit
 *
 * Sleeps while the ring is full, and is woken when the peer has read on.
 *
 * Process context; may sleep. A message is sent by the CPU on which the one that
 * finds room runs: who relies on the order of messages stays on one. It goes to the
 * life of the peer that is up now, or not at all.
 *
 * Return: as mk_ipi_send(), but never -EAGAIN; -ETIMEDOUT: there was no room in
 * time; -EINTR: a fatal signal came; -ENOTCONN also if the peer goes meanwhile.
 */
int mk_ipi_sendv_wait(unsigned int peer, u32 type, const struct kvec *vec, unsigned int nr,
		      unsigned long timeout)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_sendv_wait(instance, peer, type, vec, nr, timeout);
}
EXPORT_SYMBOL_GPL(mk_ipi_sendv_wait);

/**
 * mk_ipi_send_wait - send a message, once there is room for it
 * @peer:    number of the instance to send to
 * @type:    message type
 * @data:    its bytes
 * @len:     how many
 * @timeout: jiffies to wait, at the most; MAX_SCHEDULE_TIMEOUT: no limit
 *
 * Process context; may sleep.
 *
 * Return: as mk_ipi_sendv_wait().
 */
int mk_ipi_send_wait(unsigned int peer, u32 type, const void *data, size_t len,
		     unsigned long timeout)
{
	const struct kvec vec = { .iov_base = (void *)data, .iov_len = len };

	return mk_ipi_sendv_wait(peer, type, &vec, 1, timeout);
}
EXPORT_SYMBOL_GPL(mk_ipi_send_wait);

/**
 * mk_ipi_broadcast - send a message to several instances
 * @peers:  bit n: to instance n; the own one is allowed
 * @type:   message type
 * @data:   its bytes
 * @len:    how many
 * @errors: MK_IPI_MAX_INSTANCES of them, of which those of @peers are filled in, with
 *	    0 or the errno that mk_ipi_send() would give; or NULL
 *
 * One after the other; one that cannot be sent to does not keep the others from
 * being sent to.
 *
 * Any context but NMI.
 *
 * Return: how many it was sent to; if none, the first errno, or 0 if @peers is
 * empty.
 */
int mk_ipi_broadcast(u64 peers, u32 type, const void *data, size_t len, int *errors)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_broadcast(instance, peers, type, data, len, errors);
}
EXPORT_SYMBOL_GPL(mk_ipi_broadcast);

/**
 * mk_ipi_unread - how much of what was sent a peer has not read
 * @peer: its number
 * @type: message type as it was sent, with what was added: it says which ring
 *
 * Each message counts MK_IPI_SPACE() of its length. What the peer has read it says now
 * and then: when it has read all, and at least after each quarter of a ring.
 *
 * Any context but NMI.
 *
 * Return: bytes of the ring, 0 or more; an errno of mk_ipi_send().
 */
int mk_ipi_unread(unsigned int peer, u32 type)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_unread(instance, peer, type);
}
EXPORT_SYMBOL_GPL(mk_ipi_unread);

/**
 * mk_ipi_want_room - be told, once, when a peer has read on
 * @peer: its number
 * @type: message type as it was sent, with what was added: it says which ring
 * @room: who is told; if it is asked for already, it is told once
 * @unread: bytes of the ring: it is told when no more than these are unread.
 *	    MK_IPI_UNREAD_FOR() of a bulk message is when there is room for it
 *
 * For those who may not sleep until there is room. The peer rings for it, so it is not
 * asked for without need, nor sooner than is of use: who is told when half is read has
 * something to do, and the peer, too. @room is told also when the peer goes, and may be
 * told too soon, as when others wait for less: it looks again.
 *
 * Any context but NMI.
 *
 * Return: 0: it will be told, or has been; -EALREADY: no more are unread, or the peer reads
 * at this moment, so look; an errno of mk_ipi_send(). With these it is told only if it was
 * going to be.
 */
int mk_ipi_want_room(unsigned int peer, u32 type, struct mk_ipi_room *room, u32 unread)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_want_room(instance, peer, type, room, unread);
}
EXPORT_SYMBOL_GPL(mk_ipi_want_room);

/**
 * mk_ipi_forget_room - do not be told any more
 * @peer: as it was asked for
 * @room: who was to be told, or not
 *
 * When it returns, @room->fn is not running, and will not be called.
 *
 * Any context but NMI; not from @room->fn.
 */
void mk_ipi_forget_room(unsigned int peer, struct mk_ipi_room *room)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (instance)
		mk_instance_forget_room(instance, peer, room);
}
EXPORT_SYMBOL_GPL(mk_ipi_forget_room);

/**
 * mk_ipi_call - call another kernel, and wait for its answer
 * @peer:    number of the instance to call
 * @type:    message type, whose handler there has @call
 * @data:    the request
 * @len:     bytes of it, 0 to MK_IPI_MAX_LEN or, of a bulk type, MK_IPI_MAX_BULK_LEN
 * @reply:   where the answer goes, up to MK_IPI_MAX_LEN bytes; NULL: none is wanted
 * @timeout: jiffies to wait for all of it, at the most; MAX_SCHEDULE_TIMEOUT: no limit
 *
 * Any number of calls may be under way, from any number of CPUs. The answer comes
 * by a ring that carries nothing else, whatever lane the request goes by. For the answer
 * to an urgent one this looks during multikernel.poll_us, unless another task wants the
 * CPU, before it sleeps; as long as no call to that peer sleeps, few answers interrupt
 * anybody.
 *
 * Process context; sleeps.
 *
 * Return: 0, or
 *
 * * -ETIMEDOUT: no answer in time; the handler may have run or may run yet
 * * -ECONNRESET: the peer has gone meanwhile
 * * -EOPNOTSUPP: no handler there takes calls of that type, on that lane
 * * -EREMOTEIO: the handler has failed; @reply->error says with what
 * * -EMSGSIZE: the answer is longer than @reply->size, or the request too long
 * * -EINTR: a fatal signal came
 * * another one of mk_ipi_send(), but never -EAGAIN: it was not sent
 */
int mk_ipi_call(unsigned int peer, u32 type, const void *data, size_t len,
		struct mk_ipi_reply *reply, unsigned long timeout)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	return mk_instance_call(instance, peer, type, data, len, reply, timeout);
}
EXPORT_SYMBOL_GPL(mk_ipi_call);

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
	return mk_link_state(&instance->links[array_index_nospec(peer, instance->nr_links)]);
}
EXPORT_SYMBOL_GPL(mk_ipi_peer_state);

/**
 * mk_ipi_nr_cpus - how many CPUs of an instance receive
 * @peer: its number
 *
 * Any context.
 *
 * Return: their number, for MK_IPI_TO_CPU(); -ENODEV: this kernel is in no region;
 * -ENOENT: no such instance; -ENOTCONN: it is not up.
 */
int mk_ipi_nr_cpus(unsigned int peer)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	if (peer >= instance->nr_links)
		return -ENOENT;
	peer = array_index_nospec(peer, instance->nr_links);
	switch (mk_ipi_peer_state(peer)) {
	case MK_IPI_PEER_UP:
	case MK_IPI_PEER_HUNG:
	case MK_IPI_PEER_BROKEN:
		return min(READ_ONCE(mk_region_self(instance->region, peer)->nr_doors), MK_DOORS);
	default:
		return -ENOTCONN;
	}
}
EXPORT_SYMBOL_GPL(mk_ipi_nr_cpus);

/**
 * mk_ipi_peer_stats - what has gone over a lane of the link to an instance
 * @peer:  its number
 * @lane:  0: the urgent one; MK_IPI_BULK: the bulk one
 * @stats: filled in
 *
 * Any context.
 *
 * Return: 0; -ENODEV: this kernel is in no region; -ENOENT: no such instance;
 * -EINVAL: no such lane.
 */
int mk_ipi_peer_stats(unsigned int peer, u32 lane, struct mk_ipi_stats *stats)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	if (peer >= instance->nr_links)
		return -ENOENT;
	if (lane & ~MK_IPI_BULK)
		return -EINVAL;
	mk_link_stats(&instance->links[array_index_nospec(peer, instance->nr_links)],
		      lane ? MK_BULK : MK_URGENT, stats);
	return 0;
}
EXPORT_SYMBOL_GPL(mk_ipi_peer_stats);
