// SPDX-License-Identifier: GPL-2.0
/*
 * The arm64 backend: doorbells are a software generated interrupt (SGI) of the GIC.
 *
 * The GIC drivers hand SGIs 0 to 7 to arch/arm64/kernel/smp.c, which needs the last one
 * for kgdb only; they map any of the 16 as they do other interrupts of a CPU. SGIs from 8
 * on are meant for the secure world, so they are second choice: where its firmware has
 * kept the one that is wanted, there are no doorbells.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/irqdomain.h>
#include <linux/kernel_stat.h>
#include <linux/of.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <multikernel/mk_backend.h>
#include <asm/arch_gicv3.h>
#include <asm/barrier.h>
#include <asm/cputype.h>
#include <asm/smp_plat.h>

#include "doorbell.h"

#define DOORBELL_SGI	(IS_ENABLED(CONFIG_KGDB) ? DOORBELL_FIRST + 1 : DOORBELL_FIRST)

static struct mk_backend arm64_backend;
static bool doorbell_works __ro_after_init;
static bool doorbell_gicv2 __ro_after_init;
static unsigned int doorbell_irq __ro_after_init;	/* 0: not requested yet, or not to be had */
static DEFINE_PER_CPU(u8, doorbell_cookie);

/*
 * The GIC driver has acknowledged it. One that is rung from here on is pending
 * beside the active one, and comes when this has returned.
 */
static irqreturn_t doorbell_interrupt(int irq, void *cookie)
{
	generic_multikernel_interrupt(&arm64_backend);
	return IRQ_HANDLED;
}

/* It is enabled on each CPU for good; without an instance nothing happens. */
static int arm64_start(struct mk_backend *backend)
{
	return doorbell_irq ? 0 : -ENXIO;
}

static void arm64_stop(struct mk_backend *backend)
{
}

/**
 * mk_doorbell_address - what the GIC calls a CPU
 * @cpu:     its Linux number
 * @address: it goes there: MPIDR or, with a GICv2, the number of its CPU interface
 *
 * Any context.
 *
 * Return: 0; -ENODEV: of a GICv2, it is known only of CPUs that have been online.
 */
int mk_doorbell_address(unsigned int cpu, u64 *address)
{
	int interface;

	if (!doorbell_gicv2) {
		*address = cpu_logical_map(cpu);
		return 0;
	}
	interface = mk_gicv2_interface(cpu);
	if (interface < 0)
		return -ENODEV;
	*address = interface;
	return 0;
}

static int arm64_get_door(struct mk_backend *backend, unsigned int cpu, struct mk_door *door)
{
	if (cpu >= nr_cpu_ids || !cpu_present(cpu))
		return -EINVAL;
	door->number = DOORBELL_SGI;
	return mk_doorbell_address(cpu, &door->hwid) ? -EINVAL : 0;
}

/*
 * The target is a raw MPIDR: the CPU need not be one of this kernel's. As the list of
 * targets has 16 bits, affinity level 0 is a range of 16 and a bit in it (GIC
 * architecture specification, ICC_SGI1R_EL1). A GIC that knows no ranges takes each for
 * the first one, and has no CPU in another.
 */
static int doorbell_send_v3(u64 mpidr, u32 sgi)
{
	u64 aff0 = MPIDR_AFFINITY_LEVEL(mpidr, 0);
	u64 value = MPIDR_AFFINITY_LEVEL(mpidr, 3) << ICC_SGI1R_AFFINITY_3_SHIFT |
		    MPIDR_AFFINITY_LEVEL(mpidr, 2) << ICC_SGI1R_AFFINITY_2_SHIFT |
		    MPIDR_AFFINITY_LEVEL(mpidr, 1) << ICC_SGI1R_AFFINITY_1_SHIFT |
		    (aff0 >> 4) << ICC_SGI1R_RS_SHIFT |
		    (u64)sgi << ICC_SGI1R_SGI_ID_SHIFT |
		    BIT_ULL(aff0 & 15) << ICC_SGI1R_TARGET_LIST_SHIFT;

	if (mpidr & ~MPIDR_HWID_BITMASK || (aff0 > 15 && !(gic_read_ctlr() & ICC_CTLR_EL1_RSS)))
		return -EINVAL;
	/*
	 * Orders what was stored before ahead of the interrupt: a write to a system
	 * register waits for no store. Pairs with the interrupt's delivery, before
	 * which nothing that the handler reads is read.
	 */
	dsb(ishst);
	gic_write_sgi1r(value);
	/* Now, not some time later */
	isb();
	return 0;
}

/**
 * mk_doorbell_send - send an SGI to a CPU of whichever kernel
 * @address: as of mk_doorbell_address()
 * @sgi:     its number, below 16
 *
 * Any context.
 *
 * Return: 0; -EINVAL: there can be no such CPU.
 */
int mk_doorbell_send(u64 address, u32 sgi)
{
	return doorbell_gicv2 ? mk_gicv2_send(address, sgi) : doorbell_send_v3(address, sgi);
}

static int arm64_ring(struct mk_backend *backend, const struct mk_door *door)
{
	if (door->number < DOORBELL_FIRST || door->number > DOORBELL_LAST)
		return -EINVAL;
	return mk_doorbell_send(door->hwid, door->number);
}

static u64 arm64_count(struct mk_backend *backend, unsigned int cpu)
{
	return kstat_irqs_cpu(doorbell_irq, cpu);
}

static struct mk_backend arm64_backend = {
	.name		= "arm64",
	.start		= arm64_start,
	.stop		= arm64_stop,
	.get_door	= arm64_get_door,
	.ring		= arm64_ring,
	.count		= arm64_count,
};

/**
 * mk_arch_backend - the arm64 backend
 *
 * Any context.
 *
 * Return: it, or NULL if this machine has no GICv2 or GICv3 of which an SGI could be
 * had. (GICv5 has none: its interrupts between CPUs are LPIs, in a table that one
 * kernel owns.)
 */
struct mk_backend *mk_arch_backend(void)
{
	return doorbell_works ? &arm64_backend : NULL;
}

static int doorbell_cpu_up(unsigned int cpu)
{
	bool masked = false;

	enable_percpu_irq(doorbell_irq, IRQ_TYPE_NONE);
	/* What the secure world has kept reads as zero, and ignores writes. */
	if (!irq_get_irqchip_state(doorbell_irq, IRQCHIP_STATE_MASKED, &masked) && !masked)
		return 0;
	disable_percpu_irq(doorbell_irq);
	pr_err("CPU %u: the secure world keeps SGI %u\n", cpu, DOORBELL_SGI);
	return -ENXIO;
}

static int doorbell_cpu_down(unsigned int cpu)
{
	disable_percpu_irq(doorbell_irq);
	return 0;
}

#define DOORBELL_GICV2	((void *)2)
#define DOORBELL_GICV3	((void *)3)

static const struct of_device_id doorbell_gics[] __initconst = {
	{ .compatible = "arm,gic-v3", .data = DOORBELL_GICV3 },
	{ .compatible = "arm,gic-400", .data = DOORBELL_GICV2 },
	{ .compatible = "arm,cortex-a15-gic", .data = DOORBELL_GICV2 },
	{}
};

/* The console of a spawned kernel rings from its console_initcall() on, which is next. */
static int __init doorbell_find(void)
{
	const struct of_device_id *id;
	struct device_node *node;

	node = of_find_matching_node_and_match(NULL, doorbell_gics, &id);
	if (!node)
		return 0;
	doorbell_gicv2 = id->data == DOORBELL_GICV2;
	doorbell_works = true;
	of_node_put(node);
	return 0;
}
console_initcall(doorbell_find);

static int __init doorbell_request(struct device_node *node)
{
	struct irq_fwspec fwspec = {
		.fwnode = of_fwnode_handle(node), .param_count = 1, .param = { DOORBELL_SGI },
	};
	unsigned int irq = irq_create_fwspec_mapping(&fwspec);
	int ret;

	if (!irq)
		return -ENXIO;
	ret = request_percpu_irq(irq, doorbell_interrupt, "multikernel", &doorbell_cookie);
	if (ret)
		return ret;
	doorbell_irq = irq;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "arm64/multikernel:doorbell",
				doorbell_cpu_up, doorbell_cpu_down);
	if (ret >= 0)
		return 0;
	doorbell_irq = 0;
	free_percpu_irq(irq, &doorbell_cookie);
	return ret;
}

static int __init doorbell_init(void)
{
	struct device_node *node = of_find_matching_node(NULL, doorbell_gics);
	int ret;

	if (!node) {
		pr_info("no GICv2 or GICv3 in the device tree: this kernel cannot be rung\n");
		return 0;
	}
	ret = doorbell_request(node);
	of_node_put(node);
	if (ret) {
		pr_err("SGI %u cannot be had: %d\n", DOORBELL_SGI, ret);
		doorbell_works = false;
	}
	return ret;
}
subsys_initcall(doorbell_init);
