// SPDX-License-Identifier: GPL-2.0
/*
 * Channels: a name, an address on each side, and while the peer is up a device.
 *
 * Who creates a channel calls the peer, which makes its end and answers with the address of
 * it. The creator remembers the channel, and has it come back with the next life of the
 * peer; the other end is gone with the life of its creator.
 *
 * What a channel should be is noted under mk_bus.lock by anybody. To bring it there takes
 * calls and drivers, so it is done by one at a time without the lock: by who has made the
 * channel busy, until nothing is left to do.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "bus.h"

/* A peer that does not know yet that this kernel is up is asked again so often */
#define CHANNEL_TRIES	40
#define CHANNEL_PAUSE	50	/* ms */

/**
 * struct channel - one end of a channel
 * @list:     in mk_bus.channels
 * @bus:      where it is
 * @home:     endpoint of its address
 * @name:     what drivers are found by
 * @dst:      address of the other end
 * @ours:     created by this kernel
 * @announce: the two ends have made it known to each other; else each of them was created
 * @busy:     somebody brings it to what it should be
 * @gone:     it should not be there any more
 * @linked:   life of the peer that has an end of it, or may have; 0: none
 * @round:    mk_bus.round in which it could not be brought there
 * @device:   its device, or NULL
 */
struct channel {
	struct list_head  list;
	struct mk_bus	  *bus;
	struct mk_ept	  *home;
	char		  name[RPMSG_NAME_SIZE];
	u32		  dst;
	bool		  ours;
	bool		  announce;
	bool		  busy;
	bool		  gone;
	u32		  linked;
	unsigned int	  round;
	struct mk_bus_device *device;
};

/* What there is to do for a channel */
enum channel_step {
	CHANNEL_DONE,
	CHANNEL_UP,
	CHANNEL_DOWN,
	CHANNEL_END,
};

/* The life of the peer in which a channel should be up, or 0; under mk_bus.lock */
static u32 channel_life(const struct channel *channel)
{
	u32 life = channel->bus->life;

	if (channel->gone || (!channel->ours && channel->linked != life))
		return 0;
	return life;
}

static enum channel_step channel_step(const struct channel *channel)
{
	u32 life = channel_life(channel);

	if (channel->device)
		return channel->device->life == life ? CHANNEL_DONE : CHANNEL_DOWN;
	if (life)
		return CHANNEL_UP;
	return channel->gone || !channel->ours ? CHANNEL_END : CHANNEL_DONE;
}

/* Of rpmsg_channel_info RPMSG_ADDR_ANY fits all */
static bool channel_fits(const struct channel *channel, const char *name, u32 src, u32 dst)
{
	return !channel->gone && !strncmp(channel->name, name, RPMSG_NAME_SIZE) &&
	       (src == RPMSG_ADDR_ANY || src == channel->home->ept.addr) &&
	       (dst == RPMSG_ADDR_ANY || dst == channel->dst);
}

static struct channel *channel_find(struct mk_bus *bus, const char *name, u32 src, u32 dst)
{
	struct channel *channel;

	list_for_each_entry(channel, &bus->channels, list)
		if (channel_fits(channel, name, src, dst))
			return channel;
	return NULL;
}

/* Whether the peer, which is up, knows of it */
static bool channel_linked(const struct channel *channel)
{
	return channel->announce && channel->bus->life && channel->linked == channel->bus->life;
}

/* That of an address of the peer, which has one at the most for each */
static struct channel *channel_find_dst(struct mk_bus *bus, u32 dst)
{
	struct channel *channel;

	list_for_each_entry(channel, &bus->channels, list)
		if (!channel->gone && channel_linked(channel) && channel->dst == dst)
			return channel;
	return NULL;
}

/* One for which the peer is being called, and has answered as it seems */
static struct channel *channel_find_called(struct mk_bus *bus, u32 src)
{
	struct channel *channel;

	list_for_each_entry(channel, &bus->channels, list)
		if (!channel->gone && channel->ours && channel->announce && channel->busy &&
		    !channel_linked(channel) && channel->home->ept.addr == src)
			return channel;
	return NULL;
}

/* One more, under mk_bus.lock; its endpoint is held, since the peer may speak first */
static struct channel *channel_add(struct mk_bus *bus, const char *name, u32 src, u32 dst)
{
	struct channel *channel;

	if (!bus->life || bus->closing)
		return ERR_PTR(-ENOTCONN);
	if (bus->nr_channels >= BUS_MAX_CHANNELS)
		return ERR_PTR(-ENOSPC);
	channel = kzalloc(sizeof(*channel), GFP_KERNEL);
	if (!channel)
		return ERR_PTR(-ENOMEM);
	channel->home = mk_ept_reserve(bus, src);
	if (IS_ERR(channel->home)) {
		struct mk_ept *error = channel->home;

		kfree(channel);
		return ERR_CAST(error);
	}
	channel->home->reserved = true;
	mk_ept_hold(channel->home);
	channel->bus = bus;
	channel->dst = dst;
	channel->round = bus->round - 1;
	strscpy_pad(channel->name, name, sizeof(channel->name));
	list_add_tail(&channel->list, &bus->channels);
	bus->nr_channels++;
	return channel;
}

/* Call the peer, which makes its end and says where */
static int channel_call(struct channel *channel, u32 life)
{
	struct mk_rpmsg_announce announce = {
		.version = MK_RPMSG_VERSION, .src = channel->home->ept.addr,
	};
	struct mk_rpmsg_answer answer;
	struct mk_ipi_reply reply = { .data = &answer, .size = sizeof(answer) };
	struct mk_bus *bus = channel->bus;
	int err;

	memcpy(announce.name, channel->name, sizeof(announce.name));
	err = mk_ipi_call(bus->peer, MK_RPMSG_SEND, &announce, sizeof(announce), &reply,
			  BUS_CALL_WAIT);
	if (err == -EREMOTEIO)
		err = reply.error;
	else if (!err && (reply.len != sizeof(answer) || !mk_rpmsg_addr_ok(answer.src)))
		err = -EPROTO;
	guard(mutex)(&bus->lock);
	/* After these it may have an end all the same */
	if (!err || err == -ETIMEDOUT || err == -EINTR || err == -EPROTO)
		channel->linked = life;
	if (!err)
		channel->dst = answer.src;
	return err;
}

static int channel_register(struct channel *channel, u32 life)
{
	struct mk_bus *bus = channel->bus;
	struct mk_bus_device *device;
	int err = 0;

	if (channel->ours && channel->announce)
		err = channel_call(channel, life);
	if (err)
		return err;
	device = mk_bus_device_alloc(bus, life);
	if (!device)
		return -ENOMEM;
	device->home = channel->home;
	device->rpdev.src = channel->home->ept.addr;
	device->rpdev.dst = channel->dst;
	device->rpdev.announce = channel->ours && channel->announce;
	memcpy(device->rpdev.id.name, channel->name, sizeof(channel->name));
	err = rpmsg_register_device(&device->rpdev);
	if (!err)
		channel->device = device;
	return err;
}

static int channel_up(struct channel *channel, u32 life, bool keep)
{
	struct mk_bus *bus = channel->bus;
	int err = channel_register(channel, life);

	guard(mutex)(&bus->lock);
	mk_ept_settle(channel->home);
	if (err) {
		channel->round = bus->round;
		channel->busy = keep;
	}
	return err;
}

/* It is in no list any more */
static void channel_free(struct channel *channel, bool tell)
{
	const struct mk_rpmsg_head head = {
		.kind = MK_RPMSG_RELEASE, .src = channel->home->ept.addr, .dst = channel->dst,
	};
	struct mk_bus *bus = channel->bus;

	/* Before the address can be had for another channel */
	if (tell && mk_ipi_send_wait(bus->peer, MK_RPMSG_SEND, &head, sizeof(head), BUS_SEND_WAIT))
		dev_dbg(&bus->dev, "the peer keeps its end of %s\n", channel->name);
	scoped_guard(mutex, &bus->lock) {
		mk_ept_release(channel->home);
		bus->nr_channels--;
	}
	kfree(channel);
}

/*
 * Bring one that the caller has made busy to what it should be: it is not busy any more
 * then, and may be freed. If @keep, one that did not come up stays busy.
 *
 * Return: its device, NULL if it should have none, or why it did not come up.
 */
static struct rpmsg_device *channel_settle(struct channel *channel, bool keep)
{
	struct mk_bus *bus = channel->bus;
	struct mk_bus_device *device;
	enum channel_step step;
	bool tell;
	u32 life;
	int err;

	while (true) {
		scoped_guard(mutex, &bus->lock) {
			step = channel_step(channel);
			device = channel->device;
			life = channel_life(channel);
			tell = channel_linked(channel);
			if (step == CHANNEL_END && keep)
				step = CHANNEL_DONE;
			if (step == CHANNEL_DOWN)
				channel->device = NULL;
			else if (step == CHANNEL_UP)
				mk_ept_hold(channel->home);
			else if (step == CHANNEL_END)
				list_del(&channel->list);
			else
				channel->busy = keep && !device;
		}
		switch (step) {
		case CHANNEL_DONE:
			return device ? &device->rpdev : NULL;
		case CHANNEL_END:
			channel_free(channel, tell);
			return NULL;
		case CHANNEL_DOWN:
			device_unregister(&device->rpdev.dev);
			break;
		case CHANNEL_UP:
			err = channel_up(channel, life, keep);
			if (err)
				return ERR_PTR(err);
			break;
		}
	}
}

/* One that this kernel creates, busy */
static struct channel *channel_add_ours(struct mk_bus *bus, const struct rpmsg_channel_info *info)
{
	struct channel *channel;

	if (!mk_rpmsg_name_ok(info->name))
		return ERR_PTR(-EINVAL);
	if (info->dst != RPMSG_ADDR_ANY && !mk_rpmsg_addr_ok(info->dst))
		return ERR_PTR(-EINVAL);
	guard(mutex)(&bus->lock);
	if (channel_find(bus, info->name, info->src, info->dst))
		return ERR_PTR(-EEXIST);
	channel = channel_add(bus, info->name, info->src, info->dst);
	if (IS_ERR(channel))
		return channel;
	channel->ours = true;
	channel->announce = info->dst == RPMSG_ADDR_ANY;
	channel->busy = true;
	return channel;
}

/**
 * mk_channel_create - rpmsg_device_ops.create_channel
 * @rpdev: a device of the bus
 * @info:  name and addresses; if the other end's is RPMSG_ADDR_ANY it is created, too
 *
 * Process context; sleeps, until the peer has answered or will not.
 *
 * Return: its device, or NULL.
 */
struct rpmsg_device *mk_channel_create(struct rpmsg_device *rpdev,
				       struct rpmsg_channel_info *info)
{
	struct mk_bus *bus = to_mk_bus_device(rpdev)->bus;
	struct channel *channel = channel_add_ours(bus, info);
	struct rpmsg_device *made = ERR_CAST(channel);

	for (int tries = 0; !IS_ERR(channel); tries++) {
		made = channel_settle(channel, true);
		if (made != ERR_PTR(-EAGAIN) || tries == CHANNEL_TRIES || signal_pending(current))
			break;
		msleep(CHANNEL_PAUSE);
	}
	if (!IS_ERR_OR_NULL(made))
		return made;
	dev_err(&bus->dev, "no channel %*pE: %pe\n", (int)strnlen(info->name, RPMSG_NAME_SIZE),
		info->name, made ?: ERR_PTR(-ENOTCONN));
	if (IS_ERR(channel))
		return NULL;
	scoped_guard(mutex, &bus->lock)
		channel->gone = true;
	channel_settle(channel, false);
	return NULL;
}

/**
 * mk_channel_release - rpmsg_device_ops.release_channel
 * @rpdev: a device of the bus
 * @info:  name and addresses of a channel, of which RPMSG_ADDR_ANY is any
 *
 * Process context; sleeps.
 *
 * Return: 0, or -EINVAL: there is none.
 */
int mk_channel_release(struct rpmsg_device *rpdev, struct rpmsg_channel_info *info)
{
	struct mk_bus *bus = to_mk_bus_device(rpdev)->bus;
	struct channel *channel;
	bool busy;

	scoped_guard(mutex, &bus->lock) {
		channel = channel_find(bus, info->name, info->src, info->dst);
		if (!channel)
			return -EINVAL;
		busy = channel->busy;
		channel->gone = true;
		channel->busy = true;
	}
	/* Or who is busy with it will see */
	if (!busy)
		channel_settle(channel, false);
	return 0;
}

/**
 * mk_channel_announced - the peer has a channel, and wants the other end
 * @bus:      the bus to it, up with the life of the peer that has called
 * @announce: what it said, checked
 *
 * Said once more it gets the same answer: the first one may have been late. In a bulk
 * handler; sleeps.
 *
 * Return: the address of this end, or an errno for the peer.
 */
int mk_channel_announced(struct mk_bus *bus, const struct mk_rpmsg_announce *announce)
{
	struct channel *channel;

	guard(mutex)(&bus->lock);
	channel = channel_find_dst(bus, announce->src);
	if (channel && (channel->ours || strncmp(channel->name, announce->name, RPMSG_NAME_SIZE))) {
		/* The peer has given its end up, and the address to this one */
		channel->linked = 0;
		channel->gone = true;
		channel = NULL;
	}
	if (!channel) {
		channel = channel_add(bus, announce->name, RPMSG_ADDR_ANY, announce->src);
		if (IS_ERR(channel))
			return PTR_ERR(channel);
		channel->announce = true;
		channel->linked = bus->life;
	}
	mod_delayed_work(mk_bus_wq, &bus->settle, 0);
	return channel->home->ept.addr;
}

/**
 * mk_channel_released - the peer has given up its end of a channel
 * @bus: the bus to it
 * @src: address here, if the peer knows it
 * @dst: address there
 *
 * In a bulk handler; sleeps.
 */
void mk_channel_released(struct mk_bus *bus, u32 src, u32 dst)
{
	struct channel *channel;

	guard(mutex)(&bus->lock);
	channel = channel_find_dst(bus, dst) ?: channel_find_called(bus, src);
	if (!channel)
		return;
	channel->linked = 0;
	channel->gone = true;
	mod_delayed_work(mk_bus_wq, &bus->settle, 0);
}

/* One for which there is something to do that was not tried in this round */
static struct channel *channel_claim(struct mk_bus *bus)
{
	struct channel *channel;

	guard(mutex)(&bus->lock);
	list_for_each_entry(channel, &bus->channels, list) {
		enum channel_step step = channel->busy ? CHANNEL_DONE : channel_step(channel);

		if (step == CHANNEL_DONE ||
		    (step == CHANNEL_UP && channel->round == bus->round))
			continue;
		channel->busy = true;
		return channel;
	}
	return NULL;
}

/**
 * mk_channels_settle - bring all channels to what they should be
 * @bus: of which
 *
 * Those that somebody else is busy with he will bring there. Process context; sleeps.
 *
 * Return: whether one did not come up, and is to be tried again.
 */
bool mk_channels_settle(struct mk_bus *bus)
{
	struct channel *channel;
	bool again = false;

	scoped_guard(mutex, &bus->lock)
		bus->round++;
	while ((channel = channel_claim(bus)))
		again |= IS_ERR(channel_settle(channel, false));
	return again;
}

/**
 * mk_channels_end - there should be no channels any more
 * @bus: of which
 *
 * Process context; sleeps.
 */
void mk_channels_end(struct mk_bus *bus)
{
	struct channel *channel;

	guard(mutex)(&bus->lock);
	bus->closing = true;
	list_for_each_entry(channel, &bus->channels, list)
		channel->gone = true;
}
