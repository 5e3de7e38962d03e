// SPDX-License-Identifier: GPL-2.0
/*
 * The console of a spawned kernel, hvc0: over the layer, to the kernel that spawned it.
 *
 *	printk --> hvc --> hvc_put() --> mk_link_trysend() --> console.c of the host
 *	  program --/  <-- hvc_get() <-- fifo <-- hvc_take() <--/
 *
 * It sends from a console_initcall() on, and takes input when this kernel is up. Nothing
 * is logged here. When there is no room, a program's output waits, and the kernel's own
 * is dropped after a moment; how much is said before what comes next, whoever says that.
 */
#include <linux/atomic.h>
#include <linux/console.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kfifo.h>
#include <linux/spinlock.h>
#include <multikernel/mk_spawn.h>

#include "../../drivers/tty/hvc/hvc_console.h"
#include "console.h"
#include "internal.h"

/* The one terminal that there is, by any number but -1 */
#define HVC_TERM	0

/* Bytes that a program's output is sent in, at the most */
#define HVC_OUT		512

/* Bytes of input that wait for hvc, which waits for whoever reads the terminal */
#define HVC_IN		4096

/* The kernel's own output waits for room, in steps and for so many of them */
#define HVC_WAIT_US	10
#define HVC_WAITS	1000

static struct hvc_struct *hvc_tty;
static DEFINE_KFIFO(hvc_fifo, u8, HVC_IN);
static DEFINE_SPINLOCK(hvc_fifo_lock);	/* who fills it */
static atomic_t hvc_lost;	/* characters of the kernel's own output */

static struct mk_link *hvc_link(void)
{
	return &mk_ipi_opened()->links[MK_KEEPER];
}

/* Sends. If there is no room, tries again up to @waits times, HVC_WAIT_US apart. */
static int hvc_send_wait(const void *buf, size_t count, unsigned int waits)
{
	int ret;

	for (;;) {
		ret = mk_link_trysend(hvc_link(), MK_IPI_TYPE_CONSOLE, buf, count);
		if (ret != -EAGAIN || !waits--)
			break;
		udelay(HVC_WAIT_US);
	}
	return ret == -EIO ? 0 : ret;
}

/*
 * Nothing else is said before it is told what was lost; but by another CPU, while this one
 * is about to tell it.
 */
static int hvc_tell_lost(void)
{
	unsigned int lost = atomic_read(&hvc_lost) ? atomic_xchg(&hvc_lost, 0) : 0;
	char note[48];
	int len, ret;

	if (!lost)
		return 0;
	len = scnprintf(note, sizeof(note), "\r\n[%u characters lost]\r\n", lost);
	ret = hvc_send_wait(note, len, 0);
	if (ret)
		atomic_add(lost, &hvc_lost);
	return ret;
}

/* A program's output: what does not go now hvc has sent again. */
static ssize_t hvc_put_tty(const u8 *buf, size_t count)
{
	int ret = hvc_tell_lost() ?: hvc_send_wait(buf, count, 0);

	if (!ret)
		return count;
	/* Nobody waits for a host that does not go on: hvc throws it away. */
	if (ret == -EAGAIN)
		return mk_link_state(hvc_link()) == MK_IPI_PEER_HUNG ? -EIO : 0;
	return ret;
}

/*
 * The kernel's own output: hvc drops what was not taken, whatever the reason. Only the first
 * of those that find no room wait for it.
 */
static ssize_t hvc_put_kernel(const u8 *buf, size_t count)
{
	if (!hvc_tell_lost() && !hvc_send_wait(buf, count, HVC_WAITS))
		return count;
	atomic_add(count, &hvc_lost);
	return 0;
}

static ssize_t hvc_put(u32 vtermno, const u8 *buf, size_t count)
{
	const struct hvc_struct *tty = READ_ONCE(hvc_tty);

	if (tty && buf == tty->outbuf)
		return hvc_put_tty(buf, count);
	return hvc_put_kernel(buf, count);
}

static ssize_t hvc_get(u32 vtermno, u8 *buf, size_t count)
{
	return kfifo_out(&hvc_fifo, buf, count);
}

/* It is told when there is input, and need not ask. */
static int hvc_notifier_add(struct hvc_struct *hp, int irq)
{
	hp->irq_requested = 1;
	return 0;
}

static const struct hv_ops hvc_mk_ops = {
	.get_chars	= hvc_get,
	.put_chars	= hvc_put,
	.notifier_add	= hvc_notifier_add,
};

/* As at a serial port, what is typed faster than it is read gets lost. */
static void hvc_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	if (msg->from != MK_KEEPER)
		return;
	kfifo_in_spinlocked(&hvc_fifo, (const u8 *)msg->data, msg->len, &hvc_fifo_lock);
	hvc_kick();
}

static struct mk_ipi_handler hvc_handler = {
	.type	= MK_IPI_TYPE_CONSOLE,
	.name	= "console input",
	.fn	= hvc_take,
};

/**
 * mk_hvc_open - have a spawned kernel say all that it says to its host
 *
 * Once, as soon as this kernel may send. It becomes the console unless the command line
 * names others.
 */
void __init mk_hvc_open(void)
{
	if (!console_set_on_cmdline)
		add_preferred_console("hvc", 0, NULL);
	hvc_instantiate(HVC_TERM, 0, &hvc_mk_ops);
}

/* The terminal, /dev/hvc0 */
static int __init hvc_start(void)
{
	struct hvc_struct *tty;

	if (!mk_guest_is() || !mk_ipi_opened())
		return 0;
	tty = hvc_alloc(HVC_TERM, 0, &hvc_mk_ops, HVC_OUT);
	if (IS_ERR(tty))
		return PTR_ERR(tty);
	WRITE_ONCE(hvc_tty, tty);
	return mk_ipi_register(&hvc_handler);
}
device_initcall(hvc_start);
