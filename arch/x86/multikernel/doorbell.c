// SPDX-License-Identifier: GPL-2.0
/* The x86 backend: doorbells are interrupts of vector MULTIKERNEL_VECTOR. */
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <multikernel/compat.h>
#include <multikernel/mk_backend.h>
#include <asm/apic.h>
#include <asm/barrier.h>
#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/hardirq.h>
#include <asm/idtentry.h>
#include <asm/smp.h>

/* Destinations that mean everybody: Intel SDM vol. 3, 11.6.1 and 11.12.9 */
#define XAPIC_BROADCAST		0xff
#define X2APIC_BROADCAST	0xffffffff

static struct mk_backend x86_backend;

DEFINE_IDTENTRY_SYSVEC(sysvec_multikernel)
{
	apic_eoi();
	this_cpu_inc(irq_stat.MK_IRQ_STAT);
	generic_multikernel_interrupt(&x86_backend);
}

/* The IDT and FRED entries are always there; without an instance nothing happens. */
static int x86_start(struct mk_backend *backend)
{
	return 0;
}

static void x86_stop(struct mk_backend *backend)
{
}

static int x86_get_door(struct mk_backend *backend, unsigned int cpu, struct mk_door *door)
{
	if (cpu >= nr_cpu_ids || !cpu_present(cpu))
		return -EINVAL;
	door->hwid = cpu_physical_id(cpu);
	door->number = MULTIKERNEL_VECTOR;
	return 0;
}

/*
 * The destination is a raw APIC id: the CPU need not be one of this kernel's.
 * Physical mode and no shorthand, so that nobody else is rung.
 */
static int x86_ring(struct mk_backend *backend, const struct mk_door *door)
{
	u32 icr = APIC_DM_FIXED | APIC_DEST_PHYSICAL | door->number;
	unsigned long flags;

	/* The vectors above are those by which Linux talks to itself. */
	if (door->number < FIRST_EXTERNAL_VECTOR || door->number > MULTIKERNEL_VECTOR ||
	    door->number == IA32_SYSCALL_VECTOR ||
	    door->hwid >= (x2apic_mode ? X2APIC_BROADCAST : XAPIC_BROADCAST))
		return -EINVAL;

	if (x2apic_mode) {
		/*
		 * Orders what was stored before ahead of the interrupt: the MSR
		 * write is not serialising (SDM vol. 3, 11.12.3). Pairs with
		 * the interrupt's delivery, before which nothing that the
		 * handler reads is read.
		 */
		weak_wrmsr_fence();
		apic_icr_write(icr, door->hwid);
		return 0;
	}
	/*
	 * Here the store to the ICR itself has that order: it is uncacheable,
	 * and stores are not reordered with older ones (SDM vol. 3, 9.2.2). No
	 * interrupt may come between the idle ICR and its use.
	 */
	local_irq_save(flags);
	apic_wait_icr_idle();
	apic_icr_write(icr, door->hwid);
	local_irq_restore(flags);
	return 0;
}

static u64 x86_count(struct mk_backend *backend, unsigned int cpu)
{
	return READ_ONCE(per_cpu(irq_stat, cpu).MK_IRQ_STAT);
}

static struct mk_backend x86_backend = {
	.name		= "x86",
	.start		= x86_start,
	.stop		= x86_stop,
	.get_door	= x86_get_door,
	.ring		= x86_ring,
	.count		= x86_count,
};

/**
 * mk_arch_backend - the x86 backend
 *
 * Any context.
 *
 * Return: it, or NULL if this machine's local APICs are not in use.
 */
struct mk_backend *mk_arch_backend(void)
{
	return boot_cpu_has(X86_FEATURE_APIC) && !apic_is_disabled ? &x86_backend : NULL;
}
