// SPDX-License-Identifier: GPL-2.0
/* The registration table: which handler takes the messages of which type. */
#include <linux/export.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>

#include "internal.h"

/* This kernel's table; it is there from the start, with or without a region. */
struct mk_handlers mk_ipi_handlers = {
	.lock = __MUTEX_INITIALIZER(mk_ipi_handlers.lock),
};

/**
 * mk_handlers_init - make an empty registration table
 * @handlers: zeroed memory
 */
void mk_handlers_init(struct mk_handlers *handlers)
{
	mutex_init(&handlers->lock);
}

/**
 * mk_handlers_add - enter a handler into a table
 * @handlers: the table
 * @handler:  the handler
 *
 * Process context.
 *
 * Return: 0; -EINVAL, -EBUSY as mk_ipi_register().
 */
int mk_handlers_add(struct mk_handlers *handlers, struct mk_ipi_handler *handler)
{
	if (handler->type >= MK_IPI_NR_TYPES || !handler->fn)
		return -EINVAL;

	guard(mutex)(&handlers->lock);
	if (rcu_access_pointer(handlers->handler[handler->type]))
		return -EBUSY;
	rcu_assign_pointer(handlers->handler[handler->type], handler);
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
	if (WARN_ON_ONCE(handler->type >= MK_IPI_NR_TYPES))
		return;
	scoped_guard(mutex, &handlers->lock) {
		if (WARN_ON_ONCE(rcu_access_pointer(handlers->handler[handler->type]) != handler))
			return;
		RCU_INIT_POINTER(handlers->handler[handler->type], NULL);
	}
	/* Pairs with rcu_read_lock() in mk_ipi_dispatch(). */
	synchronize_rcu();
}

/**
 * mk_ipi_dispatch - hand a message to the handler of its type
 * @handlers: the table to look in
 * @msg:      the message, private and checked
 *
 * Costs the same however many types are registered. Takes no lock; hard
 * interrupt context, as that is what handlers are promised.
 *
 * Return: 0, or -ENOENT if no handler is registered for the type.
 */
int mk_ipi_dispatch(struct mk_handlers *handlers, const struct mk_ipi_msg *msg)
{
	struct mk_ipi_handler *handler;

	if (msg->type >= MK_IPI_NR_TYPES)
		return -ENOENT;

	guard(rcu)();
	handler = rcu_dereference(handlers->handler[array_index_nospec(msg->type,
								       MK_IPI_NR_TYPES)]);
	if (!handler)
		return -ENOENT;
	handler->fn(handler, msg);
	return 0;
}

/**
 * mk_ipi_register - take the messages of a type
 * @handler: type and function; see there
 *
 * Messages may arrive before this returns. It needs no region and no peer, so
 * that an initcall of any level may use it.
 *
 * Process context; may sleep.
 *
 * Return: 0; -EINVAL: no such type, or no function; -EBUSY: the type is taken.
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
 * are counted as unhandled and dropped.
 *
 * Process context; sleeps. Not from a handler.
 */
void mk_ipi_unregister(struct mk_ipi_handler *handler)
{
	mk_handlers_del(&mk_ipi_handlers, handler);
}
EXPORT_SYMBOL_GPL(mk_ipi_unregister);
