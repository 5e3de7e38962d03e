// SPDX-License-Identifier: GPL-2.0
/*
 * What every spawned kernel does: join, and when its end comes say so and park.
 *
 *	mk_guest_open()		early in boot: it may send, and so has a console
 *	guest_start()		when all else is there: it can be sent to
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/init.h>
#include <linux/panic.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <multikernel/mk_spawn.h>

#include "console.h"
#include "internal.h"

/**
 * mk_guest_leave - tell the others that this kernel has gone
 * @reason: why
 *
 * The first reason stands: a panic that ends in a reboot was a panic.
 *
 * Any context.
 */
void mk_guest_leave(enum mk_wire_reason reason)
{
	static atomic_t left = ATOMIC_INIT(0);
	struct mk_instance *instance = mk_ipi_opened();

	if (instance && !atomic_xchg(&left, 1))
		mk_instance_say_left(instance, reason);
}

static int guest_panic(struct notifier_block *nb, unsigned long event, void *p)
{
	mk_guest_leave(MK_WIRE_REASON_PANIC);
	return NOTIFY_DONE;
}

static struct notifier_block guest_panic_nb = {
	.notifier_call = guest_panic,
};

static int guest_power_off(struct sys_off_data *data)
{
	mk_guest_leave(MK_WIRE_REASON_POWEROFF);
	mk_arch_park();
	return NOTIFY_DONE;
}

/**
 * mk_guest_open - enter the region, as told by the kernel that spawned this one
 * @region:	 physical address of the region
 * @region_size: bytes of it
 * @instance:	 number that this kernel is to be
 * @incarnation: which life of it
 *
 * By the architecture, from a console_initcall(). The rest comes by itself, later.
 *
 * Return: as mk_ipi_open().
 */
int __init mk_guest_open(phys_addr_t region, u64 region_size, unsigned int instance,
			 u32 incarnation)
{
	int ret = mk_ipi_open(region, region_size, instance, incarnation);

	if (ret) {
		pr_err("instance %u: cannot join the region at %pa: %d\n", instance, &region, ret);
		return ret;
	}
	atomic_notifier_chain_register(&panic_notifier_list, &guest_panic_nb);
	/* Nobody is there to press the button: park as soon as all is said. */
	if (!panic_timeout)
		panic_timeout = -1;
	mk_hvc_open();
	return 0;
}

static int __init guest_start(void)
{
	int ret;

	if (!mk_guest_is() || !mk_ipi_opened())
		return 0;
	/*
	 * Without a handler the kernel makes a halt of a power-off. It comes before that of
	 * the firmware, which would switch off the whole machine.
	 */
	register_sys_off_handler(SYS_OFF_MODE_POWER_OFF, SYS_OFF_PRIO_FIRMWARE + 1,
				 guest_power_off, NULL);
	ret = mk_ipi_start();
	if (ret)
		pr_err("cannot receive: %d\n", ret);
	return ret;
}
late_initcall_sync(guest_start);
