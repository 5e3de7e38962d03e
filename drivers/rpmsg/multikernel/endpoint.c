// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints: who listens at a local address, and what is sent from there.
 *
 *	CLOSED --> HELD --> OPEN
 *	   ^        |        |		the driver goes
 *	   +--------+--------+
 *
 * A peer may speak as soon as its end of a channel is there, which is before the driver
 * here has been probed, and many drivers cannot be called before that. So an endpoint of a
 * channel is held first. It opens when probe() has returned, or when the driver sends: it
 * has to be ready for an answer then, and its probe() may be waiting for that.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "bus.h"

/* A message that waits */
struct ept_held {
	struct list_head list;
	u32		 len;
	u8		 data[] __aligned(8);
};

/* With so many bytes unread there is room for any message */
#define EPT_ROOM	MK_IPI_UNREAD_FOR(MK_IPI_MAX_BULK_LEN)

static const struct rpmsg_endpoint_ops ept_ops;

static struct mk_ept *to_ept(struct rpmsg_endpoint *ept)
{
	return container_of(ept, struct mk_ept, ept);
}

static void ept_free(struct kref *kref)
{
	struct mk_ept *ept = container_of(kref, struct mk_ept, ept.refcount);

	mutex_destroy(&ept->ept.cb_lock);
	kfree(ept);
}

static void ept_put(struct mk_ept *ept)
{
	kref_put(&ept->ept.refcount, ept_free);
}

static void ept_take_held(struct mk_ept *ept, struct ept_held *held)
{
	list_del(&held->list);
	ept->bus->held -= struct_size(held, data, held->len);
}

static void ept_close(struct mk_ept *ept)
{
	struct ept_held *held, *next;

	list_for_each_entry_safe(held, next, &ept->held, list) {
		ept_take_held(ept, held);
		kvfree(held);
		mk_bus_drop(ept->bus, "no driver");
	}
	WRITE_ONCE(ept->state, EPT_CLOSED);
}

/* To the driver, if it is still there; one call at a time */
static void ept_deliver(struct mk_ept *ept, const void *data, u32 len)
{
	const struct mk_rpmsg_head *head = data;
	struct rpmsg_endpoint *to = &ept->ept;
	int err = -ENOENT;

	guard(mutex)(&to->cb_lock);
	/* A callback may write to what it gets, and nobody else has it */
	if (head->kind == MK_RPMSG_DATA && to->cb)
		err = to->cb(to->rpdev, (void *)(head + 1), len - sizeof(*head), to->priv,
			     head->src);
	else if (head->kind == MK_RPMSG_FLOW && to->flow_cb)
		err = to->flow_cb(to->rpdev, to->priv, head->value);
	if (err < 0)
		mk_bus_drop(ept->bus, "not taken");
}

/* What comes meanwhile is put behind what waits, and so stays in order */
static void ept_open(struct work_struct *work)
{
	struct mk_ept *ept = container_of(work, struct mk_ept, open);
	struct ept_held *held;

	do {
		scoped_guard(mutex, &ept->bus->lock) {
			held = list_first_entry_or_null(&ept->held, struct ept_held, list);
			if (held)
				ept_take_held(ept, held);
			else if (ept->state == EPT_HELD)
				WRITE_ONCE(ept->state, EPT_OPEN);
		}
		if (held)
			ept_deliver(ept, held->data, held->len);
		kvfree(held);
	} while (held);
	ept_put(ept);
}

static void ept_open_soon(struct mk_ept *ept)
{
	kref_get(&ept->ept.refcount);
	if (!queue_work(mk_bus_wq, &ept->open))
		ept_put(ept);
}

/**
 * mk_ept_reserve - take an address
 * @bus:  where; mk_bus.lock is held
 * @addr: which; RPMSG_ADDR_ANY: one that is free
 *
 * Addresses are not soon taken again, so that a late message finds nobody.
 *
 * Return: its endpoint, closed, or an ERR_PTR().
 */
struct mk_ept *mk_ept_reserve(struct mk_bus *bus, u32 addr)
{
	struct mk_ept *ept;
	int err;

	if (addr != RPMSG_ADDR_ANY && !mk_rpmsg_addr_ok(addr))
		return ERR_PTR(-EINVAL);
	ept = kzalloc(sizeof(*ept), GFP_KERNEL);
	if (!ept)
		return ERR_PTR(-ENOMEM);
	kref_init(&ept->ept.refcount);
	mutex_init(&ept->ept.cb_lock);
	INIT_LIST_HEAD(&ept->held);
	INIT_WORK(&ept->open, ept_open);
	ept->ept.ops = &ept_ops;
	ept->bus = bus;
	if (addr == RPMSG_ADDR_ANY)
		err = xa_alloc_cyclic(&bus->epts, &addr, ept,
				      XA_LIMIT(BUS_DYNAMIC_ADDR, INT_MAX - 1), &bus->next_addr,
				      GFP_KERNEL);
	else
		err = xa_insert(&bus->epts, addr, ept, GFP_KERNEL);
	if (err < 0) {
		ept_put(ept);
		return ERR_PTR(err == -EBUSY ? -EADDRINUSE : err);
	}
	ept->ept.addr = addr;
	return ept;
}

/**
 * mk_ept_release - give an address back
 * @ept: its endpoint, which no driver has; mk_bus.lock is held
 */
void mk_ept_release(struct mk_ept *ept)
{
	xa_erase(&ept->bus->epts, ept->ept.addr);
	ept_close(ept);
	ept_put(ept);
}

/**
 * mk_ept_hold - keep what comes from now on, since a driver may
 * @ept: endpoint of a channel; mk_bus.lock is held
 */
void mk_ept_hold(struct mk_ept *ept)
{
	if (ept->state == EPT_CLOSED)
		WRITE_ONCE(ept->state, EPT_HELD);
}

/**
 * mk_ept_settle - do not, if none has
 * @ept: endpoint of a channel; mk_bus.lock is held
 */
void mk_ept_settle(struct mk_ept *ept)
{
	if (!ept->bound)
		ept_close(ept);
}

/**
 * mk_ept_create - rpmsg_device_ops.create_ept
 * @rpdev: device of the driver that listens
 * @cb:	   called with what comes
 * @priv:  what else it is given
 * @info:  where it listens
 *
 * Process context; may sleep.
 *
 * Return: the endpoint, or NULL.
 */
struct rpmsg_endpoint *mk_ept_create(struct rpmsg_device *rpdev, rpmsg_rx_cb_t cb, void *priv,
				     struct rpmsg_channel_info info)
{
	struct mk_bus_device *device = to_mk_bus_device(rpdev);
	struct mk_ept *ept = device->home;

	scoped_guard(mutex, &device->bus->lock) {
		if (ept && info.src == ept->ept.addr && !ept->bound) {
			kref_get(&ept->ept.refcount);
			mk_ept_hold(ept);
		} else {
			ept = mk_ept_reserve(device->bus, info.src);
		}
		if (!IS_ERR(ept))
			ept->bound = true;
	}
	if (IS_ERR(ept)) {
		dev_err(&rpdev->dev, "no endpoint at address %d: %pe\n", info.src, ept);
		return NULL;
	}
	scoped_guard(mutex, &ept->ept.cb_lock) {
		ept->ept.rpdev = rpdev;
		ept->ept.priv = priv;
		ept->ept.cb = cb;
	}
	if (!ept->reserved) {
		guard(mutex)(&device->bus->lock);
		WRITE_ONCE(ept->state, EPT_OPEN);
	}
	return &ept->ept;
}

static void ept_destroy(struct rpmsg_endpoint *endpoint)
{
	struct mk_ept *ept = to_ept(endpoint);
	struct mk_bus *bus = ept->bus;

	/* So that it is not found any more, and then that it is not called */
	scoped_guard(mutex, &bus->lock) {
		if (!ept->reserved)
			xa_erase(&bus->epts, endpoint->addr);
		ept_close(ept);
	}
	scoped_guard(mutex, &endpoint->cb_lock) {
		endpoint->cb = NULL;
		endpoint->flow_cb = NULL;
	}
	/* The next driver is not to be opened on behalf of this one */
	if (cancel_work_sync(&ept->open))
		ept_put(ept);
	scoped_guard(mutex, &bus->lock)
		ept->bound = false;
	ept_put(ept);
}

/**
 * mk_ept_ready - rpmsg_device_ops.announce_create: a driver has been probed
 * @rpdev: device of its channel
 *
 * Channels are announced before that, by who creates them.
 *
 * Return: 0.
 */
int mk_ept_ready(struct rpmsg_device *rpdev)
{
	if (to_mk_bus_device(rpdev)->home)
		ept_open_soon(to_mk_bus_device(rpdev)->home);
	return 0;
}

static void ept_keep(struct mk_ept *ept, const struct mk_ipi_msg *msg)
{
	struct ept_held *held;
	size_t size = struct_size(held, data, msg->len);

	held = size <= BUS_MAX_HELD - ept->bus->held ? kvmalloc(size, GFP_KERNEL) : NULL;
	if (!held) {
		mk_bus_drop(ept->bus, "too much waits");
		return;
	}
	held->len = msg->len;
	memcpy(held->data, msg->data, msg->len);
	list_add_tail(&held->list, &ept->held);
	ept->bus->held += size;
}

/**
 * mk_ept_receive - a message came for an endpoint
 * @bus: by which bus
 * @msg: what; its head has been checked
 *
 * In a bulk handler; sleeps.
 */
void mk_ept_receive(struct mk_bus *bus, const struct mk_ipi_msg *msg)
{
	const struct mk_rpmsg_head *head = msg->data;
	struct mk_ept *ept;

	scoped_guard(mutex, &bus->lock) {
		ept = xa_load(&bus->epts, head->dst);
		if (!ept || ept->state == EPT_CLOSED) {
			mk_bus_drop(bus, "nobody listens");
			return;
		}
		if (ept->state == EPT_HELD) {
			ept_keep(ept, msg);
			return;
		}
		kref_get(&ept->ept.refcount);
	}
	ept_deliver(ept, msg->data, msg->len);
	ept_put(ept);
}

/* With a @timeout of 0 it never sleeps */
static int ept_send_to(struct rpmsg_endpoint *from, u32 dst, enum mk_rpmsg_kind kind, u32 value,
		       const void *data, int len, unsigned long timeout)
{
	struct mk_bus_device *device = to_mk_bus_device(from->rpdev);
	struct mk_rpmsg_head head = {
		.kind = kind, .src = from->addr, .dst = dst, .value = value,
	};
	const struct kvec vec[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	struct mk_bus *bus = device->bus;
	int err;

	if (!mk_rpmsg_addr_ok(dst) || len < 0)
		return -EINVAL;
	if (len > MK_RPMSG_MTU)
		return -EMSGSIZE;
	/* The next life of the peer does not know the addresses of this one */
	if (READ_ONCE(bus->told) != READ_ONCE(device->life))
		return -ENOTCONN;
	if (READ_ONCE(to_ept(from)->state) == EPT_HELD)
		ept_open_soon(to_ept(from));
	if (timeout)
		return mk_ipi_sendv_wait(bus->peer, MK_RPMSG_SEND, vec, ARRAY_SIZE(vec), timeout);
	err = mk_ipi_sendv(bus->peer, MK_RPMSG_SEND, vec, ARRAY_SIZE(vec));
	/* What users of rpmsg_trysend() take for a bus that is full */
	return err == -EAGAIN ? -ENOMEM : err;
}

static int ept_sendto(struct rpmsg_endpoint *ept, mk_rpmsg_data *data, int len, u32 dst)
{
	return ept_send_to(ept, dst, MK_RPMSG_DATA, 0, data, len, BUS_SEND_WAIT);
}

static int ept_send(struct rpmsg_endpoint *ept, mk_rpmsg_data *data, int len)
{
	return ept_sendto(ept, data, len, ept->rpdev->dst);
}

static int ept_trysendto(struct rpmsg_endpoint *ept, mk_rpmsg_data *data, int len, u32 dst)
{
	return ept_send_to(ept, dst, MK_RPMSG_DATA, 0, data, len, 0);
}

static int ept_trysend(struct rpmsg_endpoint *ept, mk_rpmsg_data *data, int len)
{
	return ept_trysendto(ept, data, len, ept->rpdev->dst);
}

static int ept_set_flow_control(struct rpmsg_endpoint *ept, bool pause, u32 dst)
{
	return ept_send_to(ept, dst, MK_RPMSG_FLOW, pause, NULL, 0, BUS_SEND_WAIT);
}

static ssize_t ept_get_mtu(struct rpmsg_endpoint *ept)
{
	return MK_RPMSG_MTU;
}

/* There is room if there is for the largest message */
static __poll_t ept_poll(struct rpmsg_endpoint *ept, struct file *filp, poll_table *wait)
{
	struct mk_bus *bus = to_mk_bus_device(ept->rpdev)->bus;
	int unread, err;

	poll_wait(filp, &bus->sendq, wait);
	do {
		unread = mk_ipi_unread(bus->peer, MK_RPMSG_SEND);
		if (unread < 0)
			return EPOLLERR;
		if (unread <= EPT_ROOM)
			return EPOLLOUT | EPOLLWRNORM;
		err = mk_ipi_want_room(bus->peer, MK_RPMSG_SEND, &bus->room, EPT_ROOM);
	} while (err == -EALREADY);
	return err ? EPOLLERR : 0;
}

static const struct rpmsg_endpoint_ops ept_ops = {
	.destroy_ept	  = ept_destroy,
	.send		  = ept_send,
	.sendto		  = ept_sendto,
	.trysend	  = ept_trysend,
	.trysendto	  = ept_trysendto,
	.poll		  = ept_poll,
	.set_flow_control = ept_set_flow_control,
	.get_mtu	  = ept_get_mtu,
};
