// SPDX-License-Identifier: GPL-2.0
/*
 * Rpmsg buses to the other kernels on this machine, one to each: how they come and go, and
 * what arrives on them. Documentation/multikernel/rpmsg.rst says how they are used.
 */
#define pr_fmt(fmt) "multikernel_rpmsg: " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "bus.h"

/* Between tries to have a channel come back */
#define BUS_MIN_PAUSE	max(HZ / 20, 1)
#define BUS_MAX_PAUSE	(10 * HZ)

/* Made by the notifier, when a peer is first up, and kept as long as the module */
static struct mk_bus *buses[MK_IPI_MAX_INSTANCES];

struct workqueue_struct *mk_bus_wq;

static const struct rpmsg_device_ops bus_ops = {
	.create_channel	 = mk_channel_create,
	.release_channel = mk_channel_release,
	.create_ept	 = mk_ept_create,
	.announce_create = mk_ept_ready,
};

static void bus_device_free(struct device *dev)
{
	kfree(to_mk_bus_device(to_rpmsg_device(dev)));
}

/**
 * mk_bus_device_alloc - a device to be registered
 * @bus:  where
 * @life: of the peer, in which it is there
 *
 * Return: it, or NULL.
 */
struct mk_bus_device *mk_bus_device_alloc(struct mk_bus *bus, u32 life)
{
	struct mk_bus_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return NULL;
	device->bus = bus;
	device->life = life;
	device->rpdev.ops = &bus_ops;
	device->rpdev.little_endian = !IS_ENABLED(CONFIG_CPU_BIG_ENDIAN);
	device->rpdev.dev.parent = &bus->dev;
	device->rpdev.dev.release = bus_device_free;
	return device;
}

/**
 * mk_bus_drop - count a message that nobody takes
 * @bus: by which it came
 * @why: nobody does
 *
 * Any context.
 */
void mk_bus_drop(struct mk_bus *bus, const char *why)
{
	atomic64_inc(&bus->dropped);
	dev_dbg_ratelimited(&bus->dev, "message dropped: %s\n", why);
}

static void bus_down(struct mk_bus *bus)
{
	/* From here on nobody makes a channel, so that the control device is not waited for */
	scoped_guard(mutex, &bus->lock)
		WRITE_ONCE(bus->life, 0);
	mk_channels_settle(bus);
	/* It is not unregistered: a program may have it open, and rpmsg_ctrl would use it */
	if (bus->ctrl)
		device_release_driver(&bus->ctrl->rpdev.dev);
}

static int bus_add_ctrl(struct mk_bus *bus)
{
	struct mk_bus_device *ctrl = mk_bus_device_alloc(bus, bus->life);
	int err;

	if (!ctrl)
		return -ENOMEM;
	err = rpmsg_ctrldev_register_device(&ctrl->rpdev);
	if (!err)
		bus->ctrl = ctrl;
	return err;
}

static void bus_up(struct mk_bus *bus, u32 life)
{
	int err;

	scoped_guard(mutex, &bus->lock) {
		WRITE_ONCE(bus->life, life);
		bus->pause = BUS_MIN_PAUSE;
		if (bus->ctrl)
			WRITE_ONCE(bus->ctrl->life, life);
	}
	if (bus->ctrl)
		err = device_attach(&bus->ctrl->rpdev.dev);
	else
		err = bus_add_ctrl(bus);
	if (err < 0)
		dev_err(&bus->dev, "no control device: %pe\n", ERR_PTR(err));
}

static void bus_settle(struct work_struct *work)
{
	struct mk_bus *bus = container_of(to_delayed_work(work), struct mk_bus, settle);
	u32 told = READ_ONCE(bus->told);

	if (bus->life && bus->life != told)
		bus_down(bus);
	if (told && !bus->life)
		bus_up(bus, told);
	if (mk_channels_settle(bus)) {
		queue_delayed_work(mk_bus_wq, &bus->settle, bus->pause);
		bus->pause = min(2 * bus->pause, BUS_MAX_PAUSE);
	}
}

static void bus_wake(struct irq_work *work)
{
	wake_up_interruptible(&container_of(work, struct mk_bus, room_work)->sendq);
}

static void bus_has_room(struct mk_ipi_room *room)
{
	irq_work_queue(&container_of(room, struct mk_bus, room)->room_work);
}

static ssize_t dropped_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mk_bus *bus = container_of(dev, struct mk_bus, dev);

	return sysfs_emit(buf, "%lld\n", atomic64_read(&bus->dropped));
}
static DEVICE_ATTR_RO(dropped);

static struct attribute *bus_attrs[] = { &dev_attr_dropped.attr, NULL };
ATTRIBUTE_GROUPS(bus);

static void bus_free(struct device *dev)
{
	struct mk_bus *bus = container_of(dev, struct mk_bus, dev);

	xa_destroy(&bus->epts);
	kfree(bus);
}

static struct mk_bus *bus_make(unsigned int peer)
{
	struct mk_bus *bus = kzalloc(sizeof(*bus), GFP_KERNEL);
	int err;

	if (!bus)
		return ERR_PTR(-ENOMEM);
	bus->peer = peer;
	mutex_init(&bus->lock);
	xa_init_flags(&bus->epts, XA_FLAGS_ALLOC);
	INIT_LIST_HEAD(&bus->channels);
	INIT_DELAYED_WORK(&bus->settle, bus_settle);
	init_waitqueue_head(&bus->sendq);
	mk_ipi_room_init(&bus->room, bus_has_room);
	init_irq_work(&bus->room_work, bus_wake);
	bus->dev.release = bus_free;
	bus->dev.groups = bus_groups;
	device_initialize(&bus->dev);
	err = dev_set_name(&bus->dev, "multikernel-rpmsg.%u", peer) ?: device_add(&bus->dev);
	if (err) {
		put_device(&bus->dev);
		return ERR_PTR(err);
	}
	return bus;
}

/* The last life of a peer that hangs is still there, and may come back */
static int bus_notify(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct mk_ipi_peer_event *event = data;
	struct mk_bus *bus = buses[event->peer];

	if (state == MK_IPI_PEER_HUNG)
		return NOTIFY_DONE;
	if (!bus && state == MK_IPI_PEER_UP) {
		bus = bus_make(event->peer);
		if (IS_ERR(bus)) {
			pr_err("no bus to instance %u: %pe\n", event->peer, bus);
			return NOTIFY_DONE;
		}
		/* Orders what it is made of before it. Pairs with bus_of(). */
		smp_store_release(&buses[event->peer], bus);
	}
	if (bus) {
		WRITE_ONCE(bus->told, state == MK_IPI_PEER_UP ? event->incarnation : 0);
		mod_delayed_work(mk_bus_wq, &bus->settle, 0);
	}
	return NOTIFY_DONE;
}

static struct notifier_block bus_peers = { .notifier_call = bus_notify };

/* The bus by which a message came, if it is up with the life of the peer that has sent it */
static struct mk_bus *bus_of(const struct mk_ipi_msg *msg)
{
	struct mk_bus *bus;

	if (msg->from >= MK_IPI_MAX_INSTANCES)
		return NULL;
	/* Pairs with smp_store_release() in bus_notify(). */
	bus = smp_load_acquire(&buses[array_index_nospec(msg->from, MK_IPI_MAX_INSTANCES)]);
	if (!bus || READ_ONCE(bus->life) != msg->incarnation)
		return NULL;
	return bus;
}

static void bus_handle(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const struct mk_rpmsg_head *head = msg->data;
	struct mk_bus *bus = bus_of(msg);

	/* No endpoint knows of the peer yet, or any more */
	if (!bus)
		return;
	if (!mk_rpmsg_head_ok(head, msg->len))
		mk_bus_drop(bus, "it makes no sense");
	else if (head->kind == MK_RPMSG_RELEASE)
		mk_channel_released(bus, head->dst, head->src);
	else
		mk_ept_receive(bus, msg);
}

/* -EAGAIN: this kernel will soon know that the peer is up */
static int bus_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		    struct mk_ipi_reply *reply)
{
	struct mk_rpmsg_answer *answer = reply->data;
	struct mk_bus *bus = bus_of(msg);
	int ret = mk_rpmsg_announce_check(msg->data, msg->len);

	if (ret)
		return ret;
	if (!bus)
		return -EAGAIN;
	ret = mk_channel_announced(bus, msg->data);
	if (ret < 0)
		return ret;
	answer->src = ret;
	reply->len = sizeof(*answer);
	return 0;
}

static struct mk_ipi_handler bus_handler = {
	.type = MK_IPI_TYPE_RPMSG,
	.name = "rpmsg",
	.fn   = bus_handle,
	.call = bus_call,
};

static int __init bus_init(void)
{
	int err;

	mk_bus_wq = alloc_workqueue("mk_rpmsg", WQ_UNBOUND, 0);
	if (!mk_bus_wq)
		return -ENOMEM;
	err = mk_ipi_register(&bus_handler);
	if (err)
		goto destroy_wq;
	err = mk_ipi_register_notifier(&bus_peers);
	if (err)
		goto unregister;
	return 0;

unregister:
	mk_ipi_unregister(&bus_handler);
destroy_wq:
	destroy_workqueue(mk_bus_wq);
	return err;
}
module_init(bus_init);

/* Programs go, then channels, of which the peers are told, then what messages call */
static void __exit bus_exit(void)
{
	struct mk_bus *bus;

	mk_ipi_unregister_notifier(&bus_peers);
	for (unsigned int peer = 0; peer < MK_IPI_MAX_INSTANCES; peer++) {
		bus = buses[peer];
		if (!bus)
			continue;
		flush_delayed_work(&bus->settle);
		mk_channels_end(bus);
		if (bus->ctrl)
			device_unregister(&bus->ctrl->rpdev.dev);
		mk_channels_settle(bus);
		cancel_delayed_work_sync(&bus->settle);
	}
	mk_ipi_unregister(&bus_handler);
	destroy_workqueue(mk_bus_wq);
	for (unsigned int peer = 0; peer < MK_IPI_MAX_INSTANCES; peer++) {
		bus = buses[peer];
		if (!bus)
			continue;
		mk_ipi_forget_room(peer, &bus->room);
		irq_work_sync(&bus->room_work);
		device_unregister(&bus->dev);
	}
}
module_exit(bus_exit);

MODULE_DESCRIPTION("Rpmsg buses between kernels that share a machine");
MODULE_LICENSE("GPL");
