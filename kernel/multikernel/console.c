// SPDX-License-Identifier: GPL-2.0
/*
 * The consoles of spawned kernels, as whoever has spawned them sees them.
 *
 * What a guest says is kept, whether anybody reads it or not, and outlives the guest: the
 * next life of the instance number goes on below it. Any number of files can be opened
 * for a console; what is written to one is typed there.
 */
#include <linux/anon_inodes.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <multikernel/mk_spawn.h>

#include "console.h"
#include "internal.h"

/* Bytes that are copied at once, on the stack */
#define CONSOLE_PIECE	256

/**
 * struct console_end - the host's end of a console
 * @history:	 what was said
 * @wait:	 those who wait for more
 * @instance:	 who says it
 * @incarnation: which life of it; what an earlier one has sent is dropped
 */
struct console_end {
	struct mk_history	history;
	wait_queue_head_t	wait;
	unsigned int		instance;
	u32			incarnation;
};

static struct console_end consoles[MK_WIRE_MAX_INSTANCES];

static void console_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct console_end *console = &consoles[msg->from];

	if (msg->incarnation != READ_ONCE(console->incarnation))
		return;
	mk_history_add(&console->history, msg->data, msg->len);
	wake_up_interruptible(&console->wait);
}

static struct mk_ipi_handler console_handler = {
	.type	= MK_IPI_TYPE_CONSOLE,
	.name	= "console",
	.fn	= console_take,
};

/**
 * mk_console_expect - keep what an instance says that is about to be started
 * @instance:	 its number, below MK_WIRE_MAX_INSTANCES
 * @incarnation: which life of it
 *
 * Process context, one at a time; may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int mk_console_expect(unsigned int instance, u32 incarnation)
{
	struct console_end *console = &consoles[instance];
	char line[64];
	int len, ret;

	ret = mk_history_keep(&console->history);
	if (ret)
		return ret;
	WRITE_ONCE(console->incarnation, incarnation);
	len = scnprintf(line, sizeof(line), "--- instance %u, incarnation %u ---\r\n", instance,
			incarnation);
	mk_history_add(&console->history, line, len);
	wake_up_interruptible(&console->wait);
	return 0;
}

static bool console_has_more(struct console_end *console, u64 pos)
{
	return pos < mk_history_end(&console->history);
}

static ssize_t console_read(struct file *file, char __user *to, size_t size, loff_t *ppos)
{
	struct console_end *console = file->private_data;
	u8 piece[CONSOLE_PIECE];
	u64 pos = *ppos;
	size_t n, done;
	int ret;

	if (!size)
		return 0;
	if (!(file->f_flags & O_NONBLOCK)) {
		ret = wait_event_interruptible(console->wait, console_has_more(console, pos));
		if (ret)
			return ret;
	}
	for (done = 0; done < size; done += n) {
		n = mk_history_read(&console->history, &pos, piece,
				    min(size - done, sizeof(piece)));
		if (!n)
			break;
		if (copy_to_user(to + done, piece, n))
			return done ?: -EFAULT;
		*ppos = pos;
	}
	return done ?: -EAGAIN;
}

/* In pieces, each of which is sent or not. */
static ssize_t console_write(struct file *file, const char __user *from, size_t size,
			     loff_t *ppos)
{
	struct console_end *console = file->private_data;
	struct mk_link *link = &mk_ipi_instance()->links[console->instance];
	u8 piece[CONSOLE_PIECE];
	int ret;

	size = min(size, sizeof(piece));
	if (copy_from_user(piece, from, size))
		return -EFAULT;
	for (;;) {
		ret = mk_link_trysend(link, MK_IPI_TYPE_CONSOLE, piece, size);
		if (ret != -EAGAIN || file->f_flags & O_NONBLOCK)
			break;
		if (msleep_interruptible(1))
			return -ERESTARTSYS;
	}
	/* Whether its number was ever up makes no difference here. */
	if (ret == -ENOENT)
		ret = -ENOTCONN;
	return ret ?: size;
}

static __poll_t console_poll(struct file *file, struct poll_table_struct *table)
{
	struct console_end *console = file->private_data;
	__poll_t ready = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &console->wait, table);
	if (console_has_more(console, file->f_pos))
		ready |= EPOLLIN | EPOLLRDNORM;
	return ready;
}

static loff_t console_llseek(struct file *file, loff_t offset, int whence)
{
	struct console_end *console = file->private_data;

	return generic_file_llseek_size(file, offset, whence, LLONG_MAX,
					mk_history_end(&console->history));
}

static const struct file_operations console_fops = {
	.owner	= THIS_MODULE,
	.read	= console_read,
	.write	= console_write,
	.poll	= console_poll,
	.llseek	= console_llseek,
};

/**
 * mk_console_open - open the console of an instance
 * @instance: its number
 *
 * Process context; may sleep.
 *
 * Return: a file descriptor; -ENOENT: this kernel has never spawned such an instance; or
 * why no file could be opened.
 */
int mk_console_open(unsigned int instance)
{
	struct console_end *console;

	if (instance >= MK_WIRE_MAX_INSTANCES)
		return -ENOENT;
	console = &consoles[array_index_nospec(instance, MK_WIRE_MAX_INSTANCES)];
	if (!mk_history_kept(&console->history))
		return -ENOENT;
	return anon_inode_getfd("[multikernel-console]", &console_fops, console,
				O_RDWR | O_CLOEXEC);
}

static int __init console_init(void)
{
	unsigned int i;

	if (mk_guest_is())
		return 0;
	for (i = 0; i < MK_WIRE_MAX_INSTANCES; i++) {
		mk_history_init(&consoles[i].history);
		init_waitqueue_head(&consoles[i].wait);
		consoles[i].instance = i;
	}
	return mk_ipi_register(&console_handler);
}
device_initcall(console_init);
