// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUs of a spawned kernel but the first: they wait in the lobby, are called
 * from there to be brought online, and go back when they are taken offline. Nobody
 * needs memory below 1 MiB for it, which is another kernel's.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <multikernel/compat.h>
#include <asm/apic.h>
#include <asm/barrier.h>
#include <asm/init.h>
#include <asm/msr.h>
#include <asm/pgalloc.h>
#include <asm/processor.h>
#include <asm/realmode.h>
#include <asm/smp.h>
#include <asm/x86_init.h>

#include "handover.h"
#include "guest.h"
#include "lobby.h"

/* How long a CPU may take to the lobby */
#define LOBBY_TIMEOUT	USEC_PER_SEC

static const struct mk_handover *smp_handover __ro_after_init;
static struct lobby_slot *smp_slots __ro_after_init;
static u64 smp_cr3 __ro_after_init;

/* do_boot_cpu() looks up in it where its trampoline is. There is none. */
static struct real_mode_header smp_no_real_mode;

/* The slot's number, or -ENODEV */
static int smp_find(u32 hwid)
{
	unsigned int i;

	for (i = 0; i < smp_handover->nr_cpus; i++)
		if (smp_handover->hwids[i] == hwid)
			return i;
	return -ENODEV;
}

static bool smp_waits(const struct lobby_slot *slot)
{
	u32 state;

	return !read_poll_timeout_atomic(READ_ONCE, state, state == LOBBY_WAITING, 1,
					 LOBBY_TIMEOUT, false, slot->state);
}

/* apic->wakeup_secondary_cpu_64() */
DEFINE_MK_WAKEUP(smp_call)
{
	struct lobby_slot *slot;
	u32 efer, high;
	int i;

	i = smp_find(hwid);
	if (i < 0 || !smp_slots)
		return -ENODEV;
	slot = &smp_slots[i];
	if (!smp_waits(slot)) {
		pr_err("the CPU with APIC id %#x is not in the lobby\n", hwid);
		return -ETIMEDOUT;
	}
	/* Else the first look at a table with an NX bit would be its last. */
	rdmsr(MSR_EFER, efer, high);
	slot->efer = efer & EFER_NX;
	slot->cr3 = smp_cr3;
	slot->entry = (unsigned long)secondary_startup_64;
	/*
	 * Orders what the CPU is told before the call, for which any NMI will do.
	 * Pairs with the read of the state in mk_lobby_nmi.
	 */
	smp_store_release(&slot->state, LOBBY_CALLED);
	/*
	 * Orders the call before the NMI, as for doorbells: in x2APIC mode that is
	 * an MSR write, which is not serialising. Pairs with the NMI's delivery,
	 * before which the slot is not read.
	 */
	weak_wrmsr_fence();

	/* No interrupt may come between the idle ICR and its use. */
	guard(irqsave)();
	if (safe_apic_wait_icr_idle())
		return -EIO;
	apic_icr_write(APIC_DM_NMI | APIC_DEST_PHYSICAL, hwid);
	return 0;
}

static void smp_play_dead(void)
{
	int i = smp_find(this_cpu_read(x86_cpu_to_apicid));

	play_dead_common();
	mk_lobby_enter(smp_handover->lobby,
		       smp_handover->lobby + LOBBY_SLOTS + i * LOBBY_SLOT_SIZE, smp_cr3);
}

/* Whoever declares a CPU dead has to know that it runs no code of this kernel. */
static void smp_cpu_die(unsigned int cpu)
{
	int i = smp_find(cpu_physical_id(cpu));

	if (i < 0 || !smp_waits(&smp_slots[i]))
		pr_err("CPU %u did not go to the lobby\n", cpu);
}

static void *__init smp_alloc_pgt(void *context)
{
	return (void *)get_zeroed_page(GFP_KERNEL);
}

/*
 * The tables between lobby and kernel: the lobby one to one, and all that the
 * kernel's own tables have, as the trampoline's have it elsewhere. The 2 MiB that
 * are mapped are what the handover takes of this kernel's RAM, and no more.
 */
static struct x86_mapping_info smp_mapping __initdata = {
	.alloc_pgt_page	= smp_alloc_pgt,
	.page_flag	= __PAGE_KERNEL_LARGE_EXEC,
	.kernpg_flag	= _KERNPG_TABLE,
};

static pgd_t *__init smp_build_tables(void)
{
	u64 start = ALIGN_DOWN(smp_handover->lobby, SZ_2M);
	unsigned int i;
	pgd_t *pgd;

	/* With page table isolation set_pgd() writes to the page behind it, too. */
	pgd = (pgd_t *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, pgd_allocation_order());
	if (!pgd || kernel_ident_mapping_init(&smp_mapping, pgd, start, start + SZ_2M))
		return NULL;
	for (i = pgd_index(__PAGE_OFFSET); i < PTRS_PER_PGD; i++)
		pgd[i] = init_top_pgt[i];
	return pgd;
}

/* Where other kernels copy their trampoline: before any further CPU is booted */
static void __init smp_init_lobby(void)
{
	pgd_t *pgd = smp_build_tables();

	/* Without them it boots with one CPU, and a message for each other. */
	if (!pgd)
		return;
	smp_cr3 = __pa(pgd);
	smp_slots = memremap(smp_handover->lobby + LOBBY_SLOTS,
			     smp_handover->nr_cpus * LOBBY_SLOT_SIZE, MEMREMAP_WB);
}

/**
 * mk_guest_smp_register - make this kernel's CPUs known
 *
 * Once, while booting, when the local APIC's address is known.
 */
void __init mk_guest_smp_register(void)
{
	unsigned int i;

	/*
	 * The machine's boot CPU is the first that topology_register_apic() is
	 * told. It takes this kernel for one that runs after a crash, and so
	 * rejects that one, and that alone.
	 */
	topology_register_apic(smp_handover->bsp, CPU_ACPIID_INVALID, true);
	for (i = 0; i < smp_handover->nr_cpus; i++)
		topology_register_apic(smp_handover->hwids[i], CPU_ACPIID_INVALID, true);
	apic_update_callback(wakeup_secondary_cpu_64, smp_call);
}

/**
 * mk_guest_smp_setup - replace the hooks by which CPUs come and go
 * @handover: what this kernel was told
 */
void __init mk_guest_smp_setup(const struct mk_handover *handover)
{
	if (!handover->nr_cpus || handover->nr_cpus > MK_MAX_CPUS)
		panic("multikernel: handover of %u CPUs", handover->nr_cpus);
	smp_handover = handover;
	real_mode_header = &smp_no_real_mode;
	x86_platform.realmode_reserve	= x86_init_noop;
	x86_platform.realmode_init	= smp_init_lobby;
	smp_ops.play_dead		= smp_play_dead;
	smp_ops.cpu_die			= smp_cpu_die;
	/* Without interrupts of the chipset a delay can't be measured. */
	preset_lpj = (u64)handover->tsc_khz * 1000 / HZ;
}
