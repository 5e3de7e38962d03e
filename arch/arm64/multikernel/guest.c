// SPDX-License-Identifier: GPL-2.0
/*
 * The spawned side on arm64: this kernel owns its CPUs and its RAM, and nothing else of
 * the machine.
 *
 * Its device tree has nothing that is another's; what remains is the GIC's distributor,
 * which its driver leaves alone, and PSCI, by which it could reset the machine.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/err.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/kexec.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/notifier.h>
#include <linux/of.h>
#include <linux/printk.h>
#include <linux/psci.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <multikernel/mk_spawn.h>
#include <uapi/linux/psci.h>
#include <asm/arch_timer.h>
#include <asm/barrier.h>
#include <asm/multikernel.h>

#include "handover.h"

/**
 * struct guest_handover - what this kernel was told
 * @instance:	 number that it is to be
 * @incarnation: which life of it
 * @region:	 physical address and bytes of the region
 * @realtime:	 nanoseconds since the epoch, and the counter then
 * @stop:	 physical address of struct mk_handover_stop
 */
struct guest_handover {
	u32	instance;
	u32	incarnation;
	u64	region[2];
	u64	realtime[2];
	u64	stop;
};

static struct guest_handover handover __ro_after_init;
static bool guest __ro_after_init;

bool mk_guest_is(void)
{
	return guest;
}

bool multikernel_guest_is(void)
{
	return guest;
}

void mk_arch_park(void)
{
	local_irq_disable();
	pr_emerg("parked\n");
	if (psci_ops.cpu_off)
		psci_ops.cpu_off(PSCI_POWER_STATE_TYPE_POWER_DOWN <<
				 PSCI_0_2_POWER_STATE_TYPE_SHIFT);
	for (;;)
		wfi();
}

/* The other CPUs have been stopped by those who call it. */
static int guest_restart(struct notifier_block *nb, unsigned long mode, void *command)
{
	mk_guest_leave(MK_WIRE_REASON_REBOOT);
	mk_arch_park();
	return NOTIFY_DONE;
}

/* Before PSCI, which resets the machine: it comes at 129. */
static struct notifier_block guest_restart_nb = {
	.notifier_call	= guest_restart,
	.priority	= 255,
};

/*
 * A halt would have this CPU loop in RAM that may become another's, and the next kernel of
 * a kexec be the same life of this instance.
 */
static int guest_reboot(struct notifier_block *nb, unsigned long event, void *command)
{
	if (event != SYS_HALT && !kexec_in_progress)
		return NOTIFY_DONE;
	local_irq_disable();
	smp_send_stop();
	mk_guest_leave(event == SYS_HALT ? MK_WIRE_REASON_HALT : MK_WIRE_REASON_REBOOT);
	mk_arch_park();
	return NOTIFY_DONE;
}

/* After all others, which may have something to finish */
static struct notifier_block guest_reboot_nb = {
	.notifier_call	= guest_reboot,
	.priority	= INT_MIN,
};

static int __init guest_read_handover(struct device_node *node)
{
	return of_property_read_u32(node, HANDOVER_INSTANCE, &handover.instance) ?:
	       of_property_read_u32(node, HANDOVER_INCARNATION, &handover.incarnation) ?:
	       of_property_read_u64_array(node, HANDOVER_REGION, handover.region,
					  ARRAY_SIZE(handover.region)) ?:
	       of_property_read_u64_array(node, HANDOVER_REALTIME, handover.realtime,
					  ARRAY_SIZE(handover.realtime)) ?:
	       of_property_read_u64(node, HANDOVER_STOP, &handover.stop);
}

/**
 * multikernel_guest_setup - see to it that this kernel does not reset the machine if it
 * was spawned
 *
 * From setup_arch(), when there is a device tree and before PSCI is set up.
 */
void __init multikernel_guest_setup(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, HANDOVER_COMPATIBLE);
	int ret;

	if (!node)
		return;
	guest = true;
	register_restart_handler(&guest_restart_nb);
	ret = guest_read_handover(node);
	of_node_put(node);
	if (ret)
		panic("multikernel: the handover lacks something: %d", ret);
	register_reboot_notifier(&guest_reboot_nb);
	pr_info("spawned as instance %u\n", handover.instance);
}

/**
 * multikernel_guest_stop_sgi - tell who has spawned this kernel how to stop it
 * @sgi: a CPU that gets it goes offline
 *
 * While booting, once SGIs are taken.
 */
void __init multikernel_guest_stop_sgi(unsigned int sgi)
{
	struct mk_handover_stop *stop;

	if (!guest)
		return;
	stop = memremap(handover.stop, sizeof(*stop), MEMREMAP_WB);
	if (!stop) {
		pr_warn("nobody can be told how this kernel is stopped\n");
		return;
	}
	WRITE_ONCE(stop->sgi, sgi);
	memunmap(stop);
}

/* There is no clock but the one that was handed over, and the counter. */
static int __init guest_set_clock(void)
{
	u64 cycles = __arch_counter_get_cntvct() - handover.realtime[1];
	u64 ns = handover.realtime[0] +
		 mul_u64_u64_div_u64(cycles, NSEC_PER_SEC, arch_timer_get_cntfrq());
	struct timespec64 now = ns_to_timespec64(ns);

	return guest ? do_settimeofday64(&now) : 0;
}
subsys_initcall(guest_set_clock);

static int __init guest_open(void)
{
	if (!guest)
		return 0;
	return mk_guest_open(handover.region[0], handover.region[1], handover.instance,
			     handover.incarnation);
}
console_initcall(guest_open);
