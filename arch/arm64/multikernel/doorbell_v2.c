// SPDX-License-Identifier: GPL-2.0
/* Doorbells by a GICv2: a CPU is named by the number of its CPU interface, 0 to 7. */
#include <linux/errno.h>
#include <linux/irqchip/arm-gic.h>
#include <asm/barrier.h>

#include "doorbell.h"

#define GICV2_INTERFACES	8

/**
 * mk_gicv2_interface - where a CPU is rung
 * @cpu: its Linux number
 *
 * Any context.
 *
 * Return: the number of its CPU interface; -EINVAL: it is not known.
 */
int mk_gicv2_interface(unsigned int cpu)
{
	int interface = gic_get_cpu_id(cpu);

	return interface < 0 ? -EINVAL : interface;
}

/**
 * mk_gicv2_send - send an SGI
 * @interface: of the CPU, of whichever kernel
 * @sgi:       its number, below 16
 *
 * Any context.
 *
 * Return: 0; -EINVAL: no such interface.
 */
int mk_gicv2_send(u64 interface, u32 sgi)
{
	if (interface >= GICV2_INTERFACES)
		return -EINVAL;
	/*
	 * Orders what was stored before ahead of the interrupt: the write to the
	 * distributor is relaxed. Pairs with the interrupt's delivery, before which
	 * nothing that the handler reads is read.
	 */
	dmb(ishst);
	gic_send_sgi(interface, sgi);
	return 0;
}
