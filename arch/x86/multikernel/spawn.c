// SPDX-License-Identifier: GPL-2.0
/*
 * Spawning, the x86 part: a bzImage is laid out in granted RAM as the 64-bit boot
 * protocol asks, and a CPU is sent there by INIT and SIPI. So are the guest's other
 * CPUs, but to the lobby, where the guest finds them.
 *
 * The granted RAM:
 *
 *	+ 0		struct boot_params
 *	+ SPAWN_DATA	setup_data record with struct mk_handover
 *	+ SPAWN_CMDLINE	command line
 *	+ SPAWN_LOBBY	the lobby
 *	+ SPAWN_RAM	from here on it is RAM to the guest
 *	...		the image, aligned as it asks
 *	end		the initramfs
 *
 * Boot protocol: Documentation/arch/x86/boot.rst, zero page: zero-page.rst there.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/align.h>
#include <linux/cc_platform.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/iopoll.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <multikernel/compat.h>
#include <multikernel/mk_spawn.h>
#include <uapi/linux/multikernel.h>
#include <asm/apic.h>
#include <asm/barrier.h>
#include <asm/bootparam.h>
#include <asm/desc.h>
#include <asm/e820/api.h>
#include <asm/init.h>
#include <asm/pgalloc.h>
#include <asm/pgtable.h>
#include <asm/realmode.h>
#include <asm/setup.h>
#include <asm/smp.h>
#include <asm/trapnr.h>
#include <asm/tsc.h>

#include "handover.h"
#include "lobby.h"
#include "trampoline.h"

#define SPAWN_DATA	0x1000
#define SPAWN_CMDLINE	0x2000
#define SPAWN_LOBBY	0x3000
#define SPAWN_RAM	SZ_2M

/* The bzImage's 64-bit entry, from where its protected-mode part is loaded */
#define SPAWN_ENTRY64	0x200

/*
 * What every guest is told: "all but self" would be all of the machine, and the
 * NMIs that the chipset sends are the host's. To these come the number of paging
 * levels, so that the guest need not change it by way of low memory, and that
 * microcode, which a core's threads share, is not the guest's to load.
 */
#define SPAWN_PARAMETERS	"no_ipi_broadcast=1 apic_extnmi=none "

#define HDR_MAGIC	0x53726448	/* "HdrS" */
#define HDR_BOOT_FLAG	0xaa55
#define HDR_VERSION	0x020c		/* the first with xloadflags */

/* CPUs that were lent and are back: they have been set up, whatever the mask says */
static struct cpumask spawn_set_up;

int mk_arch_cpu_lend(unsigned int cpu, u64 *hwid)
{
	if (!cpumask_test_cpu(cpu, &cpus_booted_once_mask) &&
	    !cpumask_test_cpu(cpu, &spawn_set_up))
		return -ENODEV;
	/*
	 * It does not count as booted again until this kernel boots it. While a
	 * present CPU is not booted, no IPI is sent by shorthand to "all but
	 * self", which means all of the machine; see apic_smt_update(). Nor
	 * does an NMI go to it when microcode is loaded.
	 */
	cpumask_clear_cpu(cpu, &cpus_booted_once_mask);
	*hwid = cpu_physical_id(cpu);
	return 0;
}

void mk_arch_cpu_return(unsigned int cpu)
{
	cpumask_set_cpu(cpu, &spawn_set_up);
}

void mk_arch_cpus_changed(void)
{
	apic_smt_update();
}

static void *spawn_alloc_pgt(void *context)
{
	return (void *)get_zeroed_page(GFP_KERNEL | GFP_DMA32);
}

static void spawn_free_pgt(void *page, void *context)
{
	free_page((unsigned long)page);
}

/*
 * The tables that the CPU enters the kernel with: its RAM and the trampoline, one
 * to one, in as many levels as this kernel runs with, so that the guest's need
 * not be changed. They lie below 4 GiB, where 32-bit code can load them from.
 */
static struct x86_mapping_info spawn_mapping = {
	.alloc_pgt_page	= spawn_alloc_pgt,
	.free_pgt_page	= spawn_free_pgt,
	.page_flag	= __PAGE_KERNEL_LARGE_EXEC,
	.kernpg_flag	= _KERNPG_TABLE_NOENC,
};

/* With page table isolation set_pgd() writes to the page behind it, too. */
static pgd_t *spawn_alloc_pgd(void)
{
	struct page *pages = alloc_pages(GFP_KERNEL | GFP_DMA32 | __GFP_ZERO,
					 pgd_allocation_order());

	if (!pages)
		return NULL;
	/* kernel_ident_mapping_free() frees the first page, like all others. */
	split_page(pages, pgd_allocation_order());
	return page_address(pages);
}

static void spawn_free_tables(pgd_t *pgd)
{
	unsigned int i;

	for (i = 1; i < BIT(pgd_allocation_order()); i++)
		free_page((unsigned long)pgd + i * PAGE_SIZE);
	kernel_ident_mapping_free(&spawn_mapping, pgd);
}

static int spawn_build_tables(struct mk_guest *guest)
{
	pgd_t *pgd = spawn_alloc_pgd();
	int ret;

	if (!pgd)
		return -ENOMEM;
	ret = kernel_ident_mapping_init(&spawn_mapping, pgd, 0, SZ_1M);
	/* With five levels the guest's decompressor reads what CR3 points to. */
	if (!ret)
		ret = kernel_ident_mapping_init(&spawn_mapping, pgd, __pa(pgd),
						__pa(pgd) + PAGE_SIZE);
	if (!ret)
		ret = kernel_ident_mapping_init(&spawn_mapping, pgd, guest->ram,
						guest->ram + guest->ram_size);
	if (ret) {
		spawn_free_tables(pgd);
		return ret;
	}
	guest->arch = pgd;
	return 0;
}

/* The header ends where the jump at 0x200 leads: boot.rst, "jump" */
static size_t spawn_header_end(const struct mk_image *image)
{
	return 0x202 + ((const u8 *)image->kernel)[0x201];
}

/* Find the protected-mode part of a bzImage; its header is at the file's start. */
static int spawn_check_image(const struct mk_image *image, size_t *offset)
{
	const struct boot_params *file = image->kernel;
	const struct setup_header *hdr = &file->hdr;

	if (image->kernel_len < sizeof(*file) || hdr->boot_flag != HDR_BOOT_FLAG ||
	    hdr->header != HDR_MAGIC) {
		pr_err("not a bzImage\n");
		return -ENOEXEC;
	}
	if (hdr->version < HDR_VERSION || !(hdr->xloadflags & XLF_KERNEL_64) ||
	    !hdr->relocatable_kernel) {
		pr_err("bzImage is not a relocatable 64-bit kernel\n");
		return -ENOEXEC;
	}
	if (pgtable_l5_enabled() && !(hdr->xloadflags & XLF_5LEVEL_ENABLED)) {
		pr_err("bzImage lacks 5-level paging, which this kernel runs with\n");
		return -ENOEXEC;
	}
	*offset = ((hdr->setup_sects ?: 4) + 1) * 512;
	if (*offset + hdr->syssize * 16ULL > image->kernel_len || !hdr->syssize ||
	    !is_power_of_2(hdr->kernel_alignment) ||
	    spawn_header_end(image) < offsetofend(struct boot_params, hdr.init_size) ||
	    hdr->init_size < image->kernel_len - *offset) {
		pr_err("bzImage is cut short or damaged\n");
		return -ENOEXEC;
	}
	return 0;
}

/* The guest is told of all RAM, or it would think there is room for devices. */
static int spawn_fill_e820(struct boot_params *bp, const struct mk_guest *guest)
{
	u64 from = guest->ram, to = guest->ram + guest->ram_size;
	unsigned int i, n = 0;

	for (i = 0; i < e820_table->nr_entries; i++) {
		u64 start = e820_table->entries[i].addr;
		u64 end = start + e820_table->entries[i].size;

		if (n + 4 > E820_MAX_ENTRIES_ZEROPAGE) {
			pr_err("memory map has too many entries\n");
			return -E2BIG;
		}
		if (start < min(end, from))
			bp->e820_table[n++] = (struct boot_e820_entry) {
				start, min(end, from) - start, E820_TYPE_RESERVED };
		if (max(start, to) < end)
			bp->e820_table[n++] = (struct boot_e820_entry) {
				max(start, to), end - max(start, to), E820_TYPE_RESERVED };
	}
	bp->e820_table[n++] = (struct boot_e820_entry) {
		from, SPAWN_RAM, E820_TYPE_RESERVED };
	bp->e820_table[n++] = (struct boot_e820_entry) {
		from + SPAWN_RAM, guest->ram_size - SPAWN_RAM, E820_TYPE_RAM };
	bp->e820_entries = n;
	return 0;
}

static void spawn_fill_handover(struct setup_data *data, const struct mk_guest *guest,
				const struct mk_image *image)
{
	struct mk_handover *handover = (void *)data->data;
	unsigned int i;

	/* TSC and time of day are to be of one moment. */
	guard(irqsave)();
	data->type = SETUP_MULTIKERNEL;
	data->len = sizeof(*handover);
	*handover = (struct mk_handover) {
		.version	= MK_HANDOVER_VERSION,
		.instance	= guest->instance,
		.incarnation	= guest->incarnation,
		.region		= image->region,
		.region_size	= image->region_size,
		.tsc_khz	= tsc_khz,
		.lapic_khz	= (u64)lapic_timer_period * HZ / 1000,
		.tsc		= rdtsc_ordered(),
		.realtime	= ktime_get_real_ns(),
		.lobby		= guest->ram + SPAWN_LOBBY,
		/* CPU 0 of the kernel that the firmware has started */
		.bsp		= cpu_physical_id(0),
		.nr_cpus	= guest->nr_cpus,
	};
	for (i = 0; i < guest->nr_cpus; i++)
		handover->hwids[i] = guest->hwids[i];
}

static void spawn_fill_lobby(const struct mk_guest *guest)
{
	void *lobby = guest->ram_va + SPAWN_LOBBY;
	u64 pa = guest->ram + SPAWN_LOBBY;
	struct lobby_args *args = lobby + LOBBY_ARGS;

	BUILD_BUG_ON(SPAWN_LOBBY + LOBBY_SIZE > SPAWN_RAM);
	memcpy(lobby, mk_lobby_start, mk_lobby_end - mk_lobby_start);
	*args = (struct lobby_args) {
		.gdt_limit	= sizeof(args->gdt) - 1,
		.gdt_base	= pa + LOBBY_ARGS + offsetof(struct lobby_args, gdt),
		.idt_limit	= sizeof(args->idt) - 1,
		.idt_base	= pa + LOBBY_ARGS + offsetof(struct lobby_args, idt),
		.gdt		= {
			[TRAMP_CS64 / 8] = GDT_ENTRY(DESC_CODE64, 0, 0xfffff),
			[TRAMP_DS / 8]	 = GDT_ENTRY(DESC_DATA64, 0, 0xfffff),
		},
	};
	pack_gate(&args->idt[X86_TRAP_NMI], GATE_INTERRUPT,
		  pa + (mk_lobby_nmi - mk_lobby_start), 0, 0, TRAMP_CS64);
}

int mk_arch_load(struct mk_guest *guest, const struct mk_image *image)
{
	const struct boot_params *file = image->kernel;
	struct boot_params *bp = guest->ram_va;
	u64 load, initrd, offset;
	size_t start, hdr_len;
	int ret;

	if (cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT) || !tsc_khz) {
		pr_err("guests are not possible with encrypted memory, or without a TSC\n");
		return -EOPNOTSUPP;
	}
	ret = spawn_check_image(image, &start);
	if (ret)
		return ret;

	load = ALIGN(max(guest->ram + SPAWN_RAM, file->hdr.pref_address),
		     max(file->hdr.kernel_alignment, (u32)SZ_2M));
	offset = load - guest->ram;
	ret = mk_guest_place(guest, image, load, file->hdr.init_size, &initrd);
	if (ret)
		return ret;
	guest->entry = load + SPAWN_ENTRY64;
	if (upper_32_bits(guest->ram + guest->ram_size) &&
	    !(file->hdr.xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G)) {
		pr_err("instance %u: this kernel cannot be loaded above 4 GiB\n", guest->instance);
		return -ENOEXEC;
	}

	memcpy(guest->ram_va + offset, image->kernel + start, image->kernel_len - start);

	memset(bp, 0, SPAWN_RAM);
	hdr_len = spawn_header_end(image) - offsetof(struct boot_params, hdr);
	memcpy(&bp->hdr, &file->hdr, min(hdr_len, sizeof(bp->hdr)));
	bp->hdr.type_of_loader = 0xff;
	bp->hdr.loadflags = LOADED_HIGH;
	bp->hdr.ramdisk_image = lower_32_bits(initrd);
	bp->ext_ramdisk_image = upper_32_bits(initrd);
	bp->hdr.ramdisk_size = lower_32_bits(image->initrd_len);
	bp->ext_ramdisk_size = upper_32_bits(image->initrd_len);
	bp->hdr.cmd_line_ptr = lower_32_bits(guest->ram + SPAWN_CMDLINE);
	bp->ext_cmd_line_ptr = upper_32_bits(guest->ram + SPAWN_CMDLINE);
	bp->hdr.setup_data = guest->ram + SPAWN_DATA;
	ret = spawn_fill_e820(bp, guest);
	if (ret)
		return ret;
	spawn_fill_handover(guest->ram_va + SPAWN_DATA, guest, image);
	spawn_fill_lobby(guest);
	if (snprintf(guest->ram_va + SPAWN_CMDLINE, COMMAND_LINE_SIZE, "%s%s%s%s",
		     SPAWN_PARAMETERS, pgtable_l5_enabled() ? "" : "no5lvl ",
		     IS_ENABLED(CONFIG_MICROCODE) ? "dis_ucode_ldr " : "",
		     image->cmdline) >= COMMAND_LINE_SIZE)
		return -E2BIG;

	return spawn_build_tables(guest);
}

void mk_arch_unload(struct mk_guest *guest)
{
	spawn_free_tables(guest->arch);
}

/*
 * A page for the trampoline. This kernel reserves all RAM below 1 MiB and uses
 * none but for its own trampoline (see setup_arch() at realmode_reserve()).
 * Below 64 KiB firmware is known to write.
 */
static phys_addr_t spawn_find_page(void)
{
	phys_addr_t page, low = 0, high = 0;

	if (real_mode_header) {
		low = __pa(real_mode_header);
		high = low + SZ_64K;	/* it lies in one segment */
	}
	for (page = SZ_64K; page < SZ_512K + SZ_128K; page += PAGE_SIZE) {
		if (page + PAGE_SIZE > low && page < high)
			continue;
		if (region_intersects(page, PAGE_SIZE, IORESOURCE_SYSTEM_RAM,
				      IORES_DESC_NONE) == REGION_INTERSECTS)
			return page;
	}
	return 0;
}

/* To @entry with @rsi in %rsi */
static struct tramp_args *spawn_fill_trampoline(phys_addr_t page, const struct mk_guest *guest,
						u64 entry, u64 rsi)
{
	struct tramp_args *args = __va(page) + TRAMP_ARGS;

	BUILD_BUG_ON(TRAMP_ARGS + sizeof(*args) > PAGE_SIZE);
	memcpy(__va(page), mk_tramp_start, mk_tramp_end - mk_tramp_start);
	*args = (struct tramp_args) {
		.cr3		= __pa(guest->arch),
		.cr4		= X86_CR4_PAE | (pgtable_l5_enabled() ? X86_CR4_LA57 : 0),
		.far32		= { page + (mk_tramp_32 - mk_tramp_start), TRAMP_CS32 },
		.far64		= { page + (mk_tramp_64 - mk_tramp_start), TRAMP_CS64 },
		.gdt_limit	= sizeof(args->gdt) - 1,
		.gdt_base	= page + TRAMP_ARGS + offsetof(struct tramp_args, gdt),
		.rsi		= rsi,
		.entry		= entry,
		.gdt		= {
			[TRAMP_CS32 / 8] = GDT_ENTRY(DESC_CODE32, 0, 0xfffff),
			[TRAMP_CS64 / 8] = GDT_ENTRY(DESC_CODE64, 0, 0xfffff),
			[TRAMP_DS / 8]	 = GDT_ENTRY(DESC_DATA64, 0, 0xfffff),
		},
	};
	return args;
}

/* No interrupt may come between the idle ICR and its use. */
static void spawn_icr(u32 icr, u32 hwid)
{
	guard(irqsave)();
	if (safe_apic_wait_icr_idle())
		pr_err("the local APIC does not send\n");
	apic_icr_write(icr, hwid);
	safe_apic_wait_icr_idle();
}

/* INIT: whatever the CPUs do it ends, and they wait for a SIPI. */
static void spawn_send_init(const struct mk_guest *guest)
{
	unsigned int i;

	for (i = 0; i < guest->nr_cpus; i++)
		spawn_icr(APIC_INT_LEVELTRIG | APIC_INT_ASSERT | APIC_DM_INIT, guest->hwids[i]);
	fsleep(10 * USEC_PER_MSEC);
	for (i = 0; i < guest->nr_cpus; i++)
		spawn_icr(APIC_INT_LEVELTRIG | APIC_DM_INIT, guest->hwids[i]);
}

static void spawn_send_sipi(phys_addr_t page, u32 hwid)
{
	/*
	 * Orders all that the guest was given before the SIPI that starts it.
	 * Pairs with the start of the CPU. As for doorbells, the MSR write of
	 * x2APIC mode needs a fence of its own.
	 */
	mb();
	if (x2apic_mode)
		weak_wrmsr_fence();
	spawn_icr(APIC_DM_STARTUP | (page >> PAGE_SHIFT), hwid);
}

/* True when *@word is @value, in so many microseconds; false: it does not become so */
static bool spawn_wait(const u32 *word, u32 value, u64 us)
{
	u32 now;

	return !read_poll_timeout(READ_ONCE, now, now == value, USEC_PER_MSEC, us, false, *word);
}

/*
 * Start a CPU, which says so by @value in *@word. The first SIPI may be lost, says the
 * Intel MP specification in B.4. A second one that is not needed can do harm: QEMU keeps
 * it for a CPU that has not got round to taking it, and if that is sent INIT meanwhile, to
 * be stopped, it is started anew.
 */
static bool spawn_call(phys_addr_t page, u32 hwid, const u32 *word, u32 value)
{
	spawn_send_sipi(page, hwid);
	if (spawn_wait(word, value, 50 * USEC_PER_MSEC))
		return true;
	spawn_send_sipi(page, hwid);
	return spawn_wait(word, value, 5 * USEC_PER_SEC);
}

/* The first CPU goes to the kernel, any other to its slot in the lobby. */
static bool spawn_start_cpu(phys_addr_t page, const struct mk_guest *guest, unsigned int i)
{
	u64 slot = SPAWN_LOBBY + LOBBY_SLOTS + i * LOBBY_SLOT_SIZE;
	const struct lobby_slot *waits = guest->ram_va + slot;
	const struct tramp_args *args;

	if (i) {
		spawn_fill_trampoline(page, guest, guest->ram + SPAWN_LOBBY, guest->ram + slot);
		return spawn_call(page, guest->hwids[i], &waits->state, LOBBY_WAITING);
	}
	/*
	 * The page must not be used again before the CPU has gone from it. It
	 * says so one jump early, and the next use begins with a longer wait.
	 */
	args = spawn_fill_trampoline(page, guest, guest->entry, guest->ram);
	return spawn_call(page, guest->hwids[i], &args->started, 1);
}

int mk_arch_start(struct mk_guest *guest, u32 *failed_cpu)
{
	phys_addr_t page = spawn_find_page();
	unsigned int i;

	if (!page) {
		pr_err("no RAM below 640 KiB for a CPU to start from\n");
		return -EIO;
	}
	spawn_send_init(guest);
	/* The kernel comes last: it may call the others at once. */
	for (i = 1; i < guest->nr_cpus; i++)
		if (!spawn_start_cpu(page, guest, i))
			goto fail_stop;
	i = 0;
	if (spawn_start_cpu(page, guest, i))
		return 0;

fail_stop:
	*failed_cpu = guest->cpus[i];
	pr_err("instance %u: CPU %u does not start\n", guest->instance, guest->cpus[i]);
	mk_arch_stop(guest);
	return -EIO;
}

int mk_arch_stop(struct mk_guest *guest)
{
	spawn_send_init(guest);
	/* They have to have taken it before their memory is used for something else. */
	fsleep(10 * USEC_PER_MSEC);
	return 0;
}
