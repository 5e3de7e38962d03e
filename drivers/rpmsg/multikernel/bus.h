/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the rpmsg bus between kernels have in common. */
#ifndef _RPMSG_MULTIKERNEL_BUS_H
#define _RPMSG_MULTIKERNEL_BUS_H

#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <multikernel/compat.h>
#include <multikernel/mk_ipi.h>
#include "../rpmsg_internal.h"
#include "wire.h"

/* Dynamic addresses begin here; those below are for services that are known by number */
#define BUS_DYNAMIC_ADDR	1024

/* A peer can have no more channels, and no more bytes that wait for drivers */
#define BUS_MAX_CHANNELS	256
#define BUS_MAX_HELD		(256 * 1024)

/* How long to wait for room, as other rpmsg buses do, and for an answer */
#define BUS_SEND_WAIT		(15 * HZ)
#define BUS_CALL_WAIT		(5 * HZ)

/**
 * struct mk_bus - the bus to one peer
 * @dev:	parent of its channels; it stays when the peer goes
 * @peer:	instance number
 * @told:	which life of the peer is up, or 0: the notifier's word
 * @life:	with which the bus is up, or 0; written by @settle, under @lock
 * @lock:	is held for short, and never around a driver or a call
 * @closing:	the module goes
 * @epts:	struct mk_ept by address
 * @next_addr:	the next that is tried for one
 * @channels:	list of struct channel
 * @nr_channels: how many
 * @held:	bytes that wait for drivers
 * @round:	of @settle
 * @pause:	jiffies after which it tries again
 * @dropped:	messages from the peer that nobody took
 * @ctrl:	the device by which programs create channels; it stays, too
 * @settle:	brings what is there to what should be
 * @sendq:	who polls for room
 * @room:	wakes it, by way of @room_work
 * @room_work:	not under the lock under which @room is called
 */
struct mk_bus {
	struct device		dev;
	unsigned int		peer;
	u32			told;
	u32			life;
	struct mutex		lock;	/* guards the rest */
	bool			closing;
	struct xarray		epts;
	u32			next_addr;
	struct list_head	channels;
	unsigned int		nr_channels;
	size_t			held;
	unsigned int		round;
	unsigned long		pause;
	atomic64_t		dropped;
	struct mk_bus_device	*ctrl;
	struct delayed_work	settle;
	wait_queue_head_t	sendq;
	struct mk_ipi_room	room;
	struct irq_work		room_work;
};

/**
 * struct mk_bus_device - a device on it
 * @rpdev: what rpmsg knows of it
 * @bus:   where it is
 * @home:  endpoint of the channel that it is; NULL: it is none
 * @life:  of the peer, in which it is there
 */
struct mk_bus_device {
	struct rpmsg_device	rpdev;
	struct mk_bus		*bus;
	struct mk_ept		*home;
	u32			life;
};

static inline struct mk_bus_device *to_mk_bus_device(struct rpmsg_device *rpdev)
{
	return container_of(rpdev, struct mk_bus_device, rpdev);
}

/**
 * enum ept_state - what happens to a message for an endpoint
 * @EPT_CLOSED: dropped: no driver has it
 * @EPT_HELD:	kept, until the driver is ready for it
 * @EPT_OPEN:	handed to the driver
 */
enum ept_state {
	EPT_CLOSED,
	EPT_HELD,
	EPT_OPEN,
};

/**
 * struct mk_ept - who listens at a local address
 * @ept:      what drivers know of it
 * @bus:      where it is
 * @reserved: a channel has it, and keeps it when there is no driver; of all others the
 *	      endpoint goes with its driver
 * @bound:    a driver has it
 * @state:    under mk_bus.lock; who sends looks at it without
 * @held:     messages that wait, oldest first
 * @open:     hands these over
 */
struct mk_ept {
	struct rpmsg_endpoint	ept;
	struct mk_bus		*bus;
	bool			reserved;
	bool			bound;
	enum ept_state		state;
	struct list_head	held;
	struct work_struct	open;
};

extern struct workqueue_struct *mk_bus_wq;

struct mk_bus_device *mk_bus_device_alloc(struct mk_bus *bus, u32 life);
void mk_bus_drop(struct mk_bus *bus, const char *why);

struct mk_ept *mk_ept_reserve(struct mk_bus *bus, u32 addr);
void mk_ept_release(struct mk_ept *ept);
void mk_ept_hold(struct mk_ept *ept);
void mk_ept_settle(struct mk_ept *ept);
struct rpmsg_endpoint *mk_ept_create(struct rpmsg_device *rpdev, rpmsg_rx_cb_t cb, void *priv,
				     struct rpmsg_channel_info info);
int mk_ept_ready(struct rpmsg_device *rpdev);
void mk_ept_receive(struct mk_bus *bus, const struct mk_ipi_msg *msg);

struct rpmsg_device *mk_channel_create(struct rpmsg_device *rpdev,
				       struct rpmsg_channel_info *info);
int mk_channel_release(struct rpmsg_device *rpdev, struct rpmsg_channel_info *info);
int mk_channel_announced(struct mk_bus *bus, const struct mk_rpmsg_announce *announce);
void mk_channel_released(struct mk_bus *bus, u32 src, u32 dst);
bool mk_channels_settle(struct mk_bus *bus);
void mk_channels_end(struct mk_bus *bus);

#endif /* _RPMSG_MULTIKERNEL_BUS_H */
