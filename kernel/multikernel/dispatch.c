// SPDX-License-Identifier: GPL-2.0
/* The registration table: which handler takes the messages of which type. */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>
#include <trace/events/multikernel.h>

#include "internal.h"

/* This kernel's table; it is there from the start, with or without a region. */
struct mk_handlers mk_ipi_handlers = {
	.lock = __MUTEX_INITIALIZER(mk_ipi_handlers.lock),
	.notify_lock = __MUTEX_INITIALIZER(mk_ipi_handlers.notify_lock),
	.notifiers = RAW_NOTIFIER_INIT(mk_ipi_handlers.notifiers),
};

/* Held while a bulk handler runs, which may sleep */
DEFINE_STATIC_SRCU(dispatch_srcu);

static enum mk_lane dispatch_lane(u32 type)
{
	return type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
}

/**
 * mk_handlers_init - make an empty registration table
 * @handlers: zeroed memory
 */
void mk_handlers_init(struct mk_handlers *handlers)
{
	mutex_init(&handlers->lock);
	mutex_init(&handlers->notify_lock);
	RAW_INIT_NOTIFIER_HEAD(&handlers->notifiers);
}

/**
 * mk_handlers_add - enter a handler into a table
 * @handlers: the table
 * @handler:  the handler
 *
 * Process context.
 *
 * Return: 0; -EINVAL, -EBUSY, -ENOMEM as mk_ipi_register().
 */
int mk_handlers_add(struct mk_handlers *handlers, struct mk_ipi_handler *handler)
{
	u32 number = handler->type & ~MK_IPI_BULK;
	enum mk_lane lane = dispatch_lane(handler->type);

	if (number >= MK_IPI_NR_TYPES || !(handler->fn || handler->call))
		return -EINVAL;

	guard(mutex)(&handlers->lock);
	if (rcu_access_pointer(handlers->handler[MK_URGENT][number]) ||
	    rcu_access_pointer(handlers->handler[MK_BULK][number]))
		return -EBUSY;
	handler->taken = alloc_percpu(u64);
	if (!handler->taken)
		return -ENOMEM;
	rcu_assign_pointer(handlers->handler[lane][number], handler);
	return 0;
}

/**
 * mk_handlers_del - take a handler out of a table
 * @handlers: the table
 * @handler:  a handler that is in it
 *
 * Process context. Sleeps until no call of @handler is running any more.
 */
void mk_handlers_del(struct mk_handlers *handlers, struct mk_ipi_handler *handler)
{
	u32 number = handler->type & ~MK_IPI_BULK;
	enum mk_lane lane = dispatch_lane(handler->type);

	if (WARN_ON_ONCE(number >= MK_IPI_NR_TYPES))
		return;
	scoped_guard(mutex, &handlers->lock) {
		if (WARN_ON_ONCE(rcu_access_pointer(handlers->handler[lane][number]) != handler))
			return;
		RCU_INIT_POINTER(handlers->handler[lane][number], NULL);
	}
	/* Pairs with the read-side sections of mk_ipi_dispatch(). */
	if (lane == MK_BULK)
		synchronize_srcu(&dispatch_srcu);
	else
		synchronize_rcu();
	free_percpu(handler->taken);
}

static int dispatch_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			 struct mk_ipi_reply *reply)
{
	if (reply ? !handler->call : !handler->fn)
		return -ENOENT;
	if (!IS_ENABLED(CONFIG_MULTIKERNEL_BARE))
		this_cpu_inc(*handler->taken);
	if (reply)
		reply->error = handler->call(handler, msg, reply);
	else
		handler->fn(handler, msg);
	return 0;
}

/**
 * mk_ipi_dispatch - hand a message to the handler of its type
 * @handlers: the table to look in
 * @msg:      the message, private and checked
 * @reply:    for a call: where the answer goes, with @reply->error as the handler
 *	      has returned it; else NULL
 *
 * Costs the same however many types are registered. Takes no lock; in the context
 * that handlers of the lane are promised.
 *
 * Return: 0; -ENOENT: no handler is registered for the type, or it takes no calls,
 * or nothing but calls; -EBADMSG: there is one, but for the other lane.
 */
int mk_ipi_dispatch(struct mk_handlers *handlers, const struct mk_ipi_msg *msg,
		    struct mk_ipi_reply *reply)
{
	enum mk_lane lane = dispatch_lane(msg->type);
	u32 number = msg->type & ~MK_IPI_BULK;
	struct mk_ipi_handler __rcu **slot;
	struct mk_ipi_handler *handler;
	int idx, ret = -ENOENT;

	if (number >= MK_IPI_NR_TYPES)
		return -ENOENT;
	number = array_index_nospec(number, MK_IPI_NR_TYPES);
	slot = &handlers->handler[lane][number];

	if (lane == MK_BULK) {
		idx = srcu_read_lock(&dispatch_srcu);
		handler = srcu_dereference(*slot, &dispatch_srcu);
		if (handler)
			ret = dispatch_call(handler, msg, reply);
		srcu_read_unlock(&dispatch_srcu, idx);
	} else {
		guard(rcu)();
		handler = rcu_dereference(*slot);
		if (handler)
			ret = dispatch_call(handler, msg, reply);
	}
	if (ret && rcu_access_pointer(handlers->handler[!lane][number]))
		ret = -EBADMSG;
	return ret;
}

/**
 * mk_ipi_take - keep the bytes of a message
 * @msg: a bulk message that is no call, within the handler that was called with it
 *
 * For large ones, instead of a copy. The layer gets itself memory for the next message, which
 * has to be worth that.
 *
 * In a bulk handler, once.
 *
 * Return: @msg->data, which is the caller's from here on, kmalloc() memory of
 * MK_IPI_MAX_BULK_LEN + MK_IPI_TAKE_SPARE bytes at least, to be given back by kfree(); NULL
 * if it cannot be had: copy it.
 */
void *mk_ipi_take(const struct mk_ipi_msg *msg)
{
	void *data = msg->memory ? *msg->memory : NULL;

	if (!data || is_vmalloc_addr(data))
		return NULL;
	*msg->memory = NULL;
	return data;
}
EXPORT_SYMBOL_GPL(mk_ipi_take);

/**
 * mk_ipi_register - take the messages of a type
 * @handler: type and functions; see there
 *
 * Messages may arrive before this returns. It needs no region and no peer, so
 * that an initcall of any level may use it.
 *
 * Process context; may sleep.
 *
 * Return: 0; -EINVAL: no such type, or no function; -EBUSY: the type is taken, on
 * this lane or the other; -ENOMEM.
 */
int mk_ipi_register(struct mk_ipi_handler *handler)
{
	return mk_handlers_add(&mk_ipi_handlers, handler);
}
EXPORT_SYMBOL_GPL(mk_ipi_register);

/**
 * mk_ipi_unregister - take the messages of a type no more
 * @handler: as it was registered
 *
 * When it returns, no call of the handler is running and none will come: what
 * the handler uses may be freed. Messages of the type that arrive from here on
 * are counted as unhandled and dropped; calls get -EOPNOTSUPP.
 *
 * Process context; sleeps: of a bulk type, until the bulk handlers that run now,
 * of whatever type, have returned. Not from a handler.
 */
void mk_ipi_unregister(struct mk_ipi_handler *handler)
{
	mk_handlers_del(&mk_ipi_handlers, handler);
}
EXPORT_SYMBOL_GPL(mk_ipi_unregister);

/**
 * mk_ipi_register_notifier - be told of peers that come and go
 * @nb: called with enum mk_ipi_peer_state and struct mk_ipi_peer_event
 *
 * In process context, one call at a time; it may sleep, send and call, and holds up
 * other notifiers meanwhile. It is told of all peers that are there before this
 * returns, and of each change from then on. It needs no region.
 *
 * Messages do not wait for notifiers: one of a peer's next life may come before the
 * notifier is told that the last one is down. mk_ipi_msg.incarnation says which it is.
 *
 * Process context; may sleep. Not from a notifier.
 *
 * Return: 0, or -EEXIST if it is registered.
 */
int mk_ipi_register_notifier(struct notifier_block *nb)
{
	struct mk_instance *instance = mk_ipi_instance();
	int ret;

	guard(mutex)(&mk_ipi_handlers.notify_lock);
	ret = raw_notifier_chain_register(&mk_ipi_handlers.notifiers, nb);
	if (!ret && instance)
		mk_peers_tell(instance, nb);
	return ret;
}
EXPORT_SYMBOL_GPL(mk_ipi_register_notifier);

/**
 * mk_ipi_unregister_notifier - be told no more
 * @nb: as it was registered
 *
 * When it returns, it is not running. Process context; sleeps. Not from a notifier.
 *
 * Return: 0, or -ENOENT if it was not registered.
 */
int mk_ipi_unregister_notifier(struct notifier_block *nb)
{
	guard(mutex)(&mk_ipi_handlers.notify_lock);
	return raw_notifier_chain_unregister(&mk_ipi_handlers.notifiers, nb);
}
EXPORT_SYMBOL_GPL(mk_ipi_unregister_notifier);
