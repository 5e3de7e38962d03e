// SPDX-License-Identifier: GPL-2.0
/*
 * Spawning, the arm64 part: an Image is laid out in granted RAM as the boot protocol asks,
 * beside a device tree that has nothing but what was lent, and a CPU is sent there by
 * PSCI. The guest starts its other CPUs itself, by PSCI as well.
 *
 * The granted RAM:
 *
 *	+ 0		the trampoline
 *	+ SPAWN_STOP	struct mk_handover_stop
 *	+ SPAWN_FDT	the device tree
 *	+ SPAWN_RAM	from here on it is RAM to the guest
 *	...		the image, aligned as it asks
 *	end		the initramfs
 *
 * Boot protocol: Documentation/arch/arm64/booting.rst.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/acpi.h>
#include <linux/align.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/libfdt.h>
#include <linux/mm.h>
#include <linux/of_fdt.h>
#include <linux/printk.h>
#include <linux/psci.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <multikernel/mk_spawn.h>
#include <uapi/linux/psci.h>
#include <asm/arch_timer.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <asm/cacheflush.h>
#include <asm/cpufeature.h>
#include <asm/image.h>
#include <asm/setup.h>
#include <asm/smp_plat.h>

#include "doorbell.h"
#include "handover.h"
#include "trampoline.h"

#define SPAWN_STOP	0x1000
#define SPAWN_FDT	0x10000
#define SPAWN_RAM	SZ_2M

/* What the guest's device tree may have beyond that of this kernel */
#define SPAWN_FDT_MORE	SZ_16K

/* What every guest is told: with pseudo-NMIs it can be stopped whatever it does */
#define SPAWN_PARAMETERS	"irqchip.gicv3_pseudo_nmi=1 "

/* How long a CPU may take from CPU_ON to where AFFINITY_INFO tells of it */
#define SPAWN_START_MS	1000

/* How long CPUs may take to go offline */
#define SPAWN_STOP_MS	3000

/* Between two looks at them */
#define SPAWN_LOOK_US	(10 * USEC_PER_MSEC)

int mk_arch_cpu_lend(unsigned int cpu, u64 *hwid)
{
	u64 interface;

	if (!acpi_disabled || !psci_ops.cpu_on || !psci_ops.affinity_info) {
		pr_err("guests are not possible without a device tree and PSCI 0.2\n");
		return -EOPNOTSUPP;
	}
	*hwid = cpu_logical_map(cpu);
	/* It has to be known how to send it an SGI, or it could not be stopped. */
	return mk_doorbell_address(cpu, &interface);
}

void mk_arch_cpu_return(unsigned int cpu)
{
}

/* SGIs of this kernel go to those of its CPUs that are online, and to no other. */
void mk_arch_cpus_changed(void)
{
}

/* The image's header says where it wants to be, and how much RAM it takes. */
static int spawn_check_image(const struct mk_image *image)
{
	const struct arm64_image_header *header = image->kernel;
	u64 flags;
	bool granule;

	if (image->kernel_len < sizeof(*header) ||
	    memcmp(&header->magic, ARM64_IMAGE_MAGIC, sizeof(header->magic))) {
		pr_err("not an arm64 Image\n");
		return -ENOEXEC;
	}
	if (le64_to_cpu(header->image_size) < image->kernel_len ||
	    le64_to_cpu(header->text_offset) >= SZ_2M) {
		pr_err("Image is damaged, or too old\n");
		return -ENOEXEC;
	}
	flags = le64_to_cpu(header->flags);
	/* What kernels share is in one byte order. */
	if (arm64_image_flag_field(flags, ARM64_IMAGE_FLAG_BE)) {
		pr_err("Image is big-endian\n");
		return -ENOEXEC;
	}
	switch (arm64_image_flag_field(flags, ARM64_IMAGE_FLAG_PAGE_SIZE)) {
	case ARM64_IMAGE_FLAG_PAGE_SIZE_4K:
		granule = system_supports_4kb_granule();
		break;
	case ARM64_IMAGE_FLAG_PAGE_SIZE_16K:
		granule = system_supports_16kb_granule();
		break;
	case ARM64_IMAGE_FLAG_PAGE_SIZE_64K:
		granule = system_supports_64kb_granule();
		break;
	default:
		granule = true;
		break;
	}
	if (!granule) {
		pr_err("Image is for a page size that these CPUs do not have\n");
		return -ENOEXEC;
	}
	return 0;
}

/**
 * typedef spawn_keep - whether a node of this kernel's device tree is for a guest
 * @fdt:   the tree
 * @node:  the node
 * @guest: the guest
 */
typedef bool spawn_keep(const void *fdt, int node, const struct mk_guest *guest);

static bool spawn_keep_device(const void *fdt, int node, const struct mk_guest *guest)
{
	static const char * const names[] = { "cpus", "psci", "timer" };
	const char *name = fdt_get_name(fdt, node, NULL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return fdt_getprop(fdt, node, "interrupt-controller", NULL);
}

static bool spawn_keep_cpu(const void *fdt, int node, const struct mk_guest *guest)
{
	const fdt32_t *reg;
	unsigned int i;
	u64 hwid = 0;
	int len;

	reg = fdt_getprop(fdt, node, "reg", &len);
	if (!reg)
		return false;
	for (; len >= (int)sizeof(*reg); len -= sizeof(*reg))
		hwid = hwid << 32 | fdt32_to_cpu(*reg++);
	for (i = 0; i < guest->nr_cpus; i++)
		if (guest->hwids[i] == hwid)
			return true;
	return false;
}

/* The redistributors' ITS, frames of messages: interrupts of devices */
static bool spawn_keep_none(const void *fdt, int node, const struct mk_guest *guest)
{
	return false;
}

static int spawn_prune(void *fdt, int parent, spawn_keep *keep, const struct mk_guest *guest)
{
	int ret, node, next;

	if (parent < 0)
		return parent;
	for (node = fdt_first_subnode(fdt, parent); node >= 0; node = next) {
		if (keep(fdt, node, guest)) {
			next = fdt_next_subnode(fdt, node);
			continue;
		}
		ret = fdt_del_node(fdt, node);
		if (ret)
			return ret;
		/* Those behind it have moved up. */
		next = fdt_first_subnode(fdt, parent);
	}
	return 0;
}

static int spawn_find_gic(const void *fdt)
{
	int node;

	fdt_for_each_subnode(node, fdt, 0)
		if (fdt_getprop(fdt, node, "interrupt-controller", NULL))
			break;
	return node;
}

static int spawn_drop_reservations(void *fdt)
{
	int i, ret = 0;

	for (i = fdt_num_mem_rsv(fdt); i > 0 && !ret; i--)
		ret = fdt_del_mem_rsv(fdt, i - 1);
	return ret;
}

static int spawn_add_memory(void *fdt, const struct mk_guest *guest)
{
	int node = fdt_add_subnode(fdt, 0, "memory");

	if (node < 0)
		return node;
	return fdt_setprop_string(fdt, node, "device_type", "memory") ?:
	       fdt_appendprop_addrrange(fdt, 0, node, "reg", guest->ram + SPAWN_RAM,
					guest->ram_size - SPAWN_RAM);
}

static int spawn_add_chosen(void *fdt, const struct mk_image *image, u64 initrd)
{
	int node = fdt_add_subnode(fdt, 0, "chosen");
	u8 seed[64];
	int ret;

	if (node < 0)
		return node;
	get_random_bytes(seed, sizeof(seed));
	ret = fdt_setprop(fdt, node, "rng-seed", seed, sizeof(seed)) ?:
	      fdt_setprop_u64(fdt, node, "kaslr-seed", get_random_u64()) ?:
	      /* One string of two */
	      fdt_setprop(fdt, node, "bootargs", SPAWN_PARAMETERS, strlen(SPAWN_PARAMETERS)) ?:
	      fdt_appendprop_string(fdt, node, "bootargs", image->cmdline);
	memzero_explicit(seed, sizeof(seed));
	if (ret || !image->initrd_len)
		return ret;
	return fdt_setprop_u64(fdt, node, "linux,initrd-start", initrd) ?:
	       fdt_setprop_u64(fdt, node, "linux,initrd-end", initrd + image->initrd_len);
}

static int spawn_add_handover(void *fdt, const struct mk_guest *guest,
			      const struct mk_image *image)
{
	fdt64_t region[2] = { cpu_to_fdt64(image->region), cpu_to_fdt64(image->region_size) };
	int node = fdt_add_subnode(fdt, 0, "multikernel");
	fdt64_t realtime[2];

	if (node < 0)
		return node;
	/* Time of day and counter are to be of one moment. */
	scoped_guard(irqsave) {
		realtime[0] = cpu_to_fdt64(ktime_get_real_ns());
		realtime[1] = cpu_to_fdt64(__arch_counter_get_cntvct());
	}
	return fdt_setprop_string(fdt, node, "compatible", HANDOVER_COMPATIBLE) ?:
	       fdt_setprop_u32(fdt, node, HANDOVER_INSTANCE, guest->instance) ?:
	       fdt_setprop_u32(fdt, node, HANDOVER_INCARNATION, guest->incarnation) ?:
	       fdt_setprop(fdt, node, HANDOVER_REGION, region, sizeof(region)) ?:
	       fdt_setprop(fdt, node, HANDOVER_REALTIME, realtime, sizeof(realtime)) ?:
	       fdt_setprop_u64(fdt, node, HANDOVER_STOP, guest->ram + SPAWN_STOP);
}

/* This kernel's device tree, less all that was not lent */
static int spawn_build_fdt(void *fdt, size_t size, const struct mk_guest *guest,
			   const struct mk_image *image, u64 initrd)
{
	return fdt_open_into(initial_boot_params, fdt, size) ?:
	       spawn_drop_reservations(fdt) ?:
	       spawn_prune(fdt, 0, spawn_keep_device, guest) ?:
	       spawn_prune(fdt, fdt_path_offset(fdt, "/cpus"), spawn_keep_cpu, guest) ?:
	       spawn_prune(fdt, spawn_find_gic(fdt), spawn_keep_none, guest) ?:
	       fdt_setprop_empty(fdt, spawn_find_gic(fdt), HANDOVER_SHARED_GIC) ?:
	       spawn_add_memory(fdt, guest) ?:
	       spawn_add_chosen(fdt, image, initrd) ?:
	       spawn_add_handover(fdt, guest, image) ?:
	       fdt_pack(fdt);
}

static void spawn_fill_trampoline(const struct mk_guest *guest)
{
	struct tramp_args *args = guest->ram_va + (mk_tramp_args - mk_tramp_start);

	memcpy(guest->ram_va, mk_tramp_start, mk_tramp_end - mk_tramp_start);
	args->fdt = guest->ram + SPAWN_FDT;
	args->entry = guest->entry;
}

int mk_arch_load(struct mk_guest *guest, const struct mk_image *image)
{
	const struct arm64_image_header *header = image->kernel;
	size_t fdt_size = SPAWN_RAM - SPAWN_FDT;
	u64 load, initrd;
	int ret;

	if (strlen(SPAWN_PARAMETERS) + strlen(image->cmdline) >= COMMAND_LINE_SIZE)
		return -E2BIG;
	ret = spawn_check_image(image);
	if (ret)
		return ret;
	load = ALIGN(guest->ram + SPAWN_RAM, SZ_2M) + le64_to_cpu(header->text_offset);
	ret = mk_guest_place(guest, image, load, le64_to_cpu(header->image_size), &initrd);
	if (ret)
		return ret;
	guest->entry = load;

	memset(guest->ram_va, 0, SPAWN_FDT);
	memcpy(guest->ram_va + (load - guest->ram), image->kernel, image->kernel_len);
	if (fdt_totalsize(initial_boot_params) + SPAWN_FDT_MORE > fdt_size)
		return -E2BIG;
	ret = spawn_build_fdt(guest->ram_va + SPAWN_FDT, fdt_size, guest, image, initrd);
	if (ret) {
		pr_err("instance %u: no device tree could be made for it: %s\n", guest->instance,
		       fdt_strerror(ret));
		return ret == -FDT_ERR_NOSPACE ? -E2BIG : -EOPNOTSUPP;
	}
	spawn_fill_trampoline(guest);

	/* Its first CPU reads all this with its caches off. */
	dcache_clean_inval_poc((unsigned long)guest->ram_va,
			       (unsigned long)guest->ram_va + guest->ram_size);
	icache_inval_all_pou();
	return 0;
}

void mk_arch_unload(struct mk_guest *guest)
{
}

static bool spawn_cpu_is_off(u64 hwid)
{
	return psci_ops.affinity_info(hwid, 0) == PSCI_0_2_AFFINITY_LEVEL_OFF;
}

/*
 * From CPU_ON on a CPU is on or ON_PENDING (Arm DEN 0022, section 5.6), but under QEMU it
 * still is off until its thread has run: to be stopped at once, it has to be seen.
 */
int mk_arch_start(struct mk_guest *guest, u32 *failed_cpu)
{
	ktime_t end = ktime_add_ms(ktime_get(), SPAWN_START_MS);
	int ret = psci_ops.cpu_on(guest->hwids[0], guest->ram);

	if (ret) {
		*failed_cpu = guest->cpus[0];
		pr_err("instance %u: CPU %u does not start: %d\n", guest->instance,
		       guest->cpus[0], ret);
		return -EIO;
	}
	while (spawn_cpu_is_off(guest->hwids[0]) && ktime_before(ktime_get(), end))
		fsleep(50);
	return 0;
}

/* The first CPU that is on, or NULL */
static const u32 *spawn_find_on(const struct mk_guest *guest)
{
	unsigned int i;

	for (i = 0; i < guest->nr_cpus; i++)
		if (!spawn_cpu_is_off(guest->hwids[i]))
			return &guest->cpus[i];
	return NULL;
}

static void spawn_send_stop(const struct mk_guest *guest)
{
	const struct mk_handover_stop *stop = guest->ram_va + SPAWN_STOP;
	u32 sgi = READ_ONCE(stop->sgi);
	unsigned int i;
	u64 address;

	if (!sgi || sgi > DOORBELL_LAST)
		return;
	for (i = 0; i < guest->nr_cpus; i++)
		if (!spawn_cpu_is_off(guest->hwids[i]) &&
		    !mk_doorbell_address(guest->cpus[i], &address))
			mk_doorbell_send(address, sgi);
}

/*
 * PSCI has no way to stop a CPU but its own. One that has interrupts off is reached only if
 * its kernel uses pseudo-NMIs. One that goes may have started another just before: none
 * is on if none was at two looks, the second of them later than CPU_ON takes.
 */
int mk_arch_stop(struct mk_guest *guest)
{
	ktime_t end = ktime_add_ms(ktime_get(), SPAWN_STOP_MS);
	unsigned int looks = 0;
	const u32 *on;

	for (;;) {
		on = spawn_find_on(guest);
		looks = on ? 0 : looks + 1;
		if (looks == 2)
			return 0;
		if (on && ktime_after(ktime_get(), end))
			break;
		spawn_send_stop(guest);
		fsleep(SPAWN_LOOK_US);
	}
	pr_err("instance %u: CPU %u does not stop: is it in a loop with interrupts off?\n",
	       guest->instance, *on);
	return -ETIMEDOUT;
}
