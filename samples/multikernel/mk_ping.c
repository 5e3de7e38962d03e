// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/mk_ping: have one kernel send messages to another, and see how it went.
 *
 * If the initiator is to be another kernel it is called, and does the run in the
 * handler of the call: that of a bulk type may sleep.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping.h"
#include "mk_ping_run.h"

static_assert(sizeof(struct mk_ping) == 104);
static_assert(sizeof(struct mk_stream) == 56 + 48 * MK_STREAM_MAX_CPUS);
static_assert(sizeof(struct mk_stream) <= MK_IPI_MAX_LEN);
static_assert(sizeof(struct mk_cast) == 24 + 48 * MK_CAST_MAX_PEERS);
static_assert(sizeof(struct mk_mix) == 8 + 176 * MK_MIX_MAX_PEERS);

bool ping_stop;

static int ping_check(const struct mk_ping *ping)
{
	if (!ping->count || ping->count > MK_PING_MAX_COUNT ||
	    ping->size < MK_PING_MIN_SIZE || ping->size > MK_PING_MAX_SIZE ||
	    !ping->window || ping->window > MK_PING_MAX_WINDOW ||
	    !ping->timeout_ms || ping->timeout_ms > MK_PING_MAX_TIMEOUT_MS || ping->pad)
		return -EINVAL;
	return 0;
}

/* Only what goes in */
static void ping_clear(struct mk_ping *ping)
{
	*ping = (struct mk_ping) {
		.from = ping->from,
		.to = ping->to,
		.count = ping->count,
		.size = ping->size,
		.window = ping->window,
		.timeout_ms = ping->timeout_ms,
	};
}

/* What streams have and casts have, too */
static int stream_check_fields(u32 count, u32 size, u32 lane, u32 timeout_ms)
{
	u32 max = lane == MK_STREAM_BULK ? MK_STREAM_MAX_BULK_SIZE : MK_STREAM_MAX_URGENT_SIZE;

	if (!count || count > MK_STREAM_MAX_COUNT || size > max || lane > MK_STREAM_BULK ||
	    !timeout_ms || timeout_ms > MK_PING_MAX_TIMEOUT_MS)
		return -EINVAL;
	return 0;
}

static int stream_check(const struct mk_stream *stream)
{
	if (stream->cpus > 1)
		return -EINVAL;
	return stream_check_fields(stream->count, stream->size, stream->lane,
				   stream->timeout_ms);
}

static void stream_clear(struct mk_stream *stream)
{
	*stream = (struct mk_stream) {
		.from = stream->from,
		.to = stream->to,
		.count = stream->count,
		.size = stream->size,
		.lane = stream->lane,
		.cpus = stream->cpus,
		.timeout_ms = stream->timeout_ms,
	};
}

/* What other kernels ask of this one; what they have sent is checked as a user's is */

static int ping_handle_ask(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			   struct mk_ipi_reply *reply)
{
	struct mk_ping *ping = reply->data;
	int err;

	if (msg->len != sizeof(*ping))
		return -EPROTO;
	memcpy(ping, msg->data, sizeof(*ping));
	err = ping_check(ping);
	if (err)
		return err;
	ping_clear(ping);
	ping->from = mk_ipi_self();
	err = ping_run(ping);
	if (!err)
		reply->len = sizeof(*ping);
	return err;
}

static int stream_handle_ask(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			     struct mk_ipi_reply *reply)
{
	struct mk_stream *stream = reply->data;
	int err;

	if (msg->len != sizeof(*stream))
		return -EPROTO;
	memcpy(stream, msg->data, sizeof(*stream));
	err = stream_check(stream);
	if (err)
		return err;
	stream_clear(stream);
	stream->from = mk_ipi_self();
	err = stream_run(stream);
	if (!err)
		reply->len = sizeof(*stream);
	return err;
}

/*
 * Have another kernel do @run, of @size bytes. 0, and what it says of it is in
 * @answer; or the errno that the run ended with, positive; or a negative one if it
 * was not begun.
 */
static int ping_call(unsigned int peer, u32 type, const void *run, void *answer, u32 size,
		     u32 ms)
{
	struct mk_ipi_reply reply = { .data = answer, .size = size };
	/* Some more, for runs that are under way there */
	int err = mk_ipi_call(peer, type, run, size, &reply, msecs_to_jiffies(ms + 10000));

	switch (err) {
	case 0:
		return reply.len == size ? 0 : -EPROTO;
	case -EREMOTEIO:
		return reply.error < 0 ? -reply.error : -EPROTO;
	case -ECONNRESET:
	case -ETIMEDOUT:
		return -err;
	case -EMSGSIZE:
		return -EPROTO;
	default:
		return err;
	}
}

/* What another kernel says of its run: its out fields, if they can be true */
static int ping_take(struct mk_ping *ping, struct mk_ping *answer)
{
	if (answer->error > MAX_ERRNO || answer->window > ping->window ||
	    answer->done > ping->count || answer->lost > ping->count)
		return -EPROTO;
	answer->from = ping->from;
	answer->to = ping->to;
	answer->count = ping->count;
	answer->size = ping->size;
	answer->timeout_ms = ping->timeout_ms;
	answer->pad = 0;
	*ping = *answer;
	return 0;
}

/* As ping_run(), but in another kernel. A millisecond for each round trip */
static int ping_run_by(struct mk_ping *ping)
{
	struct mk_ping answer;
	int err;

	err = ping_call(ping->from, PING_ASK, ping, &answer, sizeof(answer),
			ping->timeout_ms + ping->count);
	if (!err)
		return ping_take(ping, &answer);
	if (err < 0)
		return err;
	ping->error = err;
	return 0;
}

static int stream_take(struct mk_stream *stream, struct mk_stream *answer)
{
	if (answer->error > MAX_ERRNO || answer->cpus > MK_STREAM_MAX_CPUS)
		return -EPROTO;
	for (unsigned int i = 0; i < answer->cpus; i++)
		if (answer->cpu[i].error > MAX_ERRNO || answer->cpu[i].sent > stream->count)
			return -EPROTO;
	answer->from = stream->from;
	answer->to = stream->to;
	answer->count = stream->count;
	answer->size = stream->size;
	answer->lane = stream->lane;
	answer->timeout_ms = stream->timeout_ms;
	*stream = *answer;
	return 0;
}

/* The same for a stream. A millisecond for each message, or 8 KiB of it */
static int stream_run_by(struct mk_stream *stream)
{
	struct mk_stream *answer;
	int err;

	answer = kmalloc(sizeof(*answer), GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	err = ping_call(stream->from, STREAM_ASK, stream, answer, sizeof(*answer),
			stream->timeout_ms + stream->count * (1 + stream->size / SZ_8K));
	if (!err)
		err = stream_take(stream, answer);
	kfree(answer);
	if (err > 0) {
		stream->error = err;
		err = 0;
	}
	return err;
}

static int ping_ioctl_run(struct mk_ping __user *user, unsigned int self)
{
	struct mk_ping ping;
	int err;

	if (copy_from_user(&ping, user, sizeof(ping)))
		return -EFAULT;
	err = ping_check(&ping);
	if (err)
		return err;
	ping_clear(&ping);
	if (ping.from == MK_PING_SELF)
		ping.from = self;
	err = ping.from == self ? ping_run(&ping) : ping_run_by(&ping);
	if (err)
		return err;
	return copy_to_user(user, &ping, sizeof(ping)) ? -EFAULT : 0;
}

static int stream_ioctl_run(struct mk_stream __user *user, unsigned int self)
{
	struct mk_stream *stream;
	int err;

	stream = memdup_user(user, sizeof(*stream));
	if (IS_ERR(stream))
		return PTR_ERR(stream);
	err = stream_check(stream);
	if (err)
		goto free;
	stream_clear(stream);
	if (stream->from == MK_PING_SELF)
		stream->from = self;
	err = stream->from == self ? stream_run(stream) : stream_run_by(stream);
	if (!err && copy_to_user(user, stream, sizeof(*stream)))
		err = -EFAULT;
free:
	kfree(stream);
	return err;
}

static int cast_ioctl_run(struct mk_cast __user *user, unsigned int self)
{
	struct mk_cast *cast;
	int err;

	cast = kzalloc(sizeof(*cast), GFP_KERNEL);
	if (!cast)
		return -ENOMEM;
	/* Only what goes in */
	err = -EFAULT;
	if (copy_from_user(cast, user, offsetof(struct mk_cast, from)))
		goto free;
	err = stream_check_fields(cast->count, cast->size, cast->lane, cast->timeout_ms);
	if (err)
		goto free;
	cast->from = self;
	err = cast_run(cast);
	if (!err && copy_to_user(user, cast, sizeof(*cast)))
		err = -EFAULT;
free:
	kfree(cast);
	return err;
}

static int mix_ioctl_start(const struct mk_mix_start __user *user, const void *owner)
{
	struct mk_mix_start start;

	if (copy_from_user(&start, user, sizeof(start)))
		return -EFAULT;
	if (start.pause_us > MK_MIX_MAX_PAUSE_US || start.defect > MK_MIX_DEFECT_DAMAGE ||
	    start.pad)
		return -EINVAL;
	return mix_start(&start, owner);
}

static int mix_ioctl_stop(const u32 __user *user)
{
	u32 timeout_ms;

	return get_user(timeout_ms, user) ?: mix_stop(timeout_ms);
}

static int mix_ioctl_read(struct mk_mix __user *user)
{
	struct mk_mix *mix = kzalloc(sizeof(*mix), GFP_KERNEL);
	int err;

	if (!mix)
		return -ENOMEM;
	mix_read(mix);
	err = copy_to_user(user, mix, sizeof(*mix)) ? -EFAULT : 0;
	kfree(mix);
	return err;
}

static long ping_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	int self = mk_ipi_self();

	if (self < 0)
		return self;
	switch (cmd) {
	case MK_PING_IOC_RUN:
		return ping_ioctl_run(user, self);
	case MK_STREAM_IOC_RUN:
		return stream_ioctl_run(user, self);
	case MK_CAST_IOC_RUN:
		return cast_ioctl_run(user, self);
	case MK_MIX_IOC_START:
		return mix_ioctl_start(user, file);
	case MK_MIX_IOC_STOP:
		return mix_ioctl_stop(user);
	case MK_MIX_IOC_READ:
		return mix_ioctl_read(user);
	default:
		return -ENOTTY;
	}
}

static int ping_release(struct inode *inode, struct file *file)
{
	mix_release(file);
	return 0;
}

static const struct file_operations ping_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= ping_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= ping_release,
};

static struct miscdevice ping_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "mk_ping",
	.mode	= 0600,
	.fops	= &ping_fops,
};

static struct mk_ipi_handler ping_ask = {
	.type = PING_ASK,
	.name = "ping ask",
	.call = ping_handle_ask,
};

static struct mk_ipi_handler stream_ask = {
	.type = STREAM_ASK,
	.name = "stream ask",
	.call = stream_handle_ask,
};

static int __init ping_init(void)
{
	int err;

	err = ping_peer_init();
	if (err)
		return err;
	err = ping_run_init();
	if (err)
		goto exit_peer;
	err = stream_init();
	if (err)
		goto exit_run;
	err = mix_init();
	if (err)
		goto exit_stream;
	err = mk_ipi_register(&ping_ask);
	if (err)
		goto exit_mix;
	err = mk_ipi_register(&stream_ask);
	if (err)
		goto unregister_ping;
	err = misc_register(&ping_device);
	if (err)
		goto unregister_stream;
	return 0;

unregister_stream:
	WRITE_ONCE(ping_stop, true);
	mk_ipi_unregister(&stream_ask);
unregister_ping:
	WRITE_ONCE(ping_stop, true);
	mk_ipi_unregister(&ping_ask);
exit_mix:
	mix_exit();
exit_stream:
	stream_exit();
exit_run:
	ping_run_exit();
exit_peer:
	ping_peer_exit();
	return err;
}
module_init(ping_init);

static void __exit ping_exit(void)
{
	misc_deregister(&ping_device);
	/* What still runs, runs for other kernels, in the handlers of their calls */
	WRITE_ONCE(ping_stop, true);
	mk_ipi_unregister(&stream_ask);
	mk_ipi_unregister(&ping_ask);
	mix_exit();
	stream_exit();
	ping_run_exit();
	ping_peer_exit();
}
module_exit(ping_exit);

MODULE_DESCRIPTION("Messages from one kernel of a machine to another, and how it went");
MODULE_LICENSE("GPL");
