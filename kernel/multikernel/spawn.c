// SPDX-License-Identifier: GPL-2.0
/*
 * Spawning, the common part: RAM and CPUs are lent to further kernels, and taken
 * back from them.
 *
 *	(none) -> spawn_guest() -> started -> up -> parked
 *	   ^                          |       |       |
 *	   +------- stop_guest() -----+-------+-------+
 *
 * From started on it is the guest that says, in its arena, how it is.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/bitfield.h>
#include <linux/cpu.h>
#include <linux/genalloc.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/suspend.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <multikernel/mk_spawn.h>
#include <uapi/linux/multikernel.h>

#include "console.h"
#include "internal.h"
#include "spawn.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX	"multikernel."

/* Granted RAM begins and ends on this boundary. */
#define SPAWN_ORDER	21

static unsigned int instances = 8;
module_param(instances, uint, 0444);
MODULE_PARM_DESC(instances, "Instances that the region has room for, this kernel included");

static unsigned int arena;
module_param(arena, uint, 0444);
MODULE_PARM_DESC(arena, "KiB of each instance's part of the region; 0: room for 8 links");

static DEFINE_MUTEX(spawn_lock);
static bool spawn_closed;		/* this kernel is going down */
static struct gen_pool *spawn_pool;	/* RAM that can be granted */
static phys_addr_t spawn_region;
static u64 spawn_region_size;
static struct mk_guest *spawn_guests[MK_WIRE_MAX_INSTANCES];
static struct cpumask spawn_lent;	/* written under spawn_lock */

static struct mk_region *spawn_shared(void)
{
	return mk_ipi_instance()->region;
}

/* Its CPUs do nothing any more: whatever it has said of itself, it is dead. */
static void spawn_fence(const struct mk_guest *guest)
{
	mk_instance_fence(mk_ipi_instance(), guest->instance, guest->incarnation);
}

static int spawn_grant(struct mk_guest *guest, size_t size)
{
	unsigned long base = gen_pool_alloc(spawn_pool, size);

	if (!base) {
		pr_err("instance %u: no %zu MiB left in a piece, of %zu MiB that are free\n",
		       guest->instance, size >> 20, gen_pool_avail(spawn_pool) >> 20);
		return -ENOMEM;
	}
	guest->ram = base;
	guest->ram_size = size;
	guest->ram_va = memremap(guest->ram, size, MEMREMAP_WB);
	if (!guest->ram_va) {
		gen_pool_free(spawn_pool, base, size);
		return -ENOMEM;
	}
	return 0;
}

static void spawn_ungrant(struct mk_guest *guest)
{
	memunmap(guest->ram_va);
	gen_pool_free(spawn_pool, guest->ram, guest->ram_size);
}

/* Under cpus_read_lock() */
static int spawn_lend_cpu(struct mk_guest *guest, u32 cpu)
{
	int ret;

	if (cpu >= nr_cpu_ids || !cpu_present(cpu))
		return -ENODEV;
	if (cpumask_test_cpu(cpu, &guest->lent))
		return -EINVAL;
	if (cpu_online(cpu) || cpumask_test_cpu(cpu, &spawn_lent))
		return -EBUSY;
	ret = mk_arch_cpu_lend(cpu, &guest->hwids[guest->nr_cpus]);
	if (ret)
		return ret;
	guest->cpus[guest->nr_cpus++] = cpu;
	cpumask_set_cpu(cpu, &guest->lent);
	return 0;
}

static void spawn_return_cpus(struct mk_guest *guest)
{
	unsigned int cpu;

	for_each_cpu(cpu, &guest->lent)
		mk_arch_cpu_return(cpu);
	cpumask_andnot(&spawn_lent, &spawn_lent, &guest->lent);
}

/*
 * All or none. From here to spawn_return_cpus(), spawn_cpu_prepare() keeps them
 * offline.
 */
static int spawn_lend_cpus(struct mk_guest *guest, struct mk_spawn *args, const u32 *cpus)
{
	unsigned int i;
	int ret = 0;

	/* No CPU comes or goes until mk_arch_cpus_changed() has done its work. */
	cpu_maps_update_begin();
	cpus_read_lock();
	for (i = 0; i < args->nr_cpus && !ret; i++)
		ret = spawn_lend_cpu(guest, cpus[i]);
	if (ret) {
		args->failed_cpu = cpus[i - 1];
		spawn_return_cpus(guest);
	} else {
		cpumask_or(&spawn_lent, &spawn_lent, &guest->lent);
	}
	cpus_read_unlock();
	mk_arch_cpus_changed();
	cpu_maps_update_done();
	return ret;
}

static int spawn_pick(u32 wanted)
{
	unsigned int i, n = mk_ipi_nr_instances();

	if (wanted != MK_ANY_INSTANCE) {
		if (wanted == MK_KEEPER || wanted >= n)
			return -EINVAL;
		return spawn_guests[wanted] ? -EBUSY : wanted;
	}
	for (i = MK_KEEPER + 1; i < n; i++)
		if (!spawn_guests[i])
			return i;
	return -EBUSY;
}

/**
 * mk_spawn_guest - load a kernel and start it
 * @args:  as in the ioctl; @args->instance, or @args->failed_cpu, is filled in
 * @cpus:  the CPUs to be lent, @args->nr_cpus of them, 1 to MK_MAX_CPUS
 * @image: the files and the command line; where the region is gets filled in
 *
 * Process context; sleeps.
 *
 * Return: 0, or an errno with which nothing has changed: -ENXIO: no memory was
 * reserved; -EINVAL: no such instance, a CPU is there twice, or @args->ram is no
 * multiple of 2 MiB; -ENODEV: no such CPU, or it was never online; -EBUSY: a CPU is
 * online or lent, the instance number is in use or all are; -ENOMEM: that much RAM is
 * not left; -ENOEXEC: no image for this machine; -ENOSPC: the RAM is too small for it;
 * -E2BIG: the command line or the memory map is too long for it; -ESHUTDOWN: this
 * kernel is going down; -EOPNOTSUPP: memory is encrypted; -EIO: a CPU did not start.
 */
int mk_spawn_guest(struct mk_spawn *args, const u32 *cpus, struct mk_image *image)
{
	struct mk_guest *guest;
	int ret;

	if (!spawn_pool)
		return -ENXIO;
	if (!args->ram || !IS_ALIGNED(args->ram, BIT(SPAWN_ORDER)))
		return -EINVAL;

	guard(mutex)(&spawn_lock);
	if (spawn_closed)
		return -ESHUTDOWN;
	ret = spawn_pick(args->instance);
	if (ret < 0)
		return ret;
	guest = kzalloc(sizeof(*guest), GFP_KERNEL);
	if (!guest)
		return -ENOMEM;
	guest->instance = ret;
	/* What was stopped before counts, not what it has said of itself. */
	guest->incarnation = spawn_shared()->keeper->fenced[guest->instance] + 1;
	image->region = spawn_region;
	image->region_size = spawn_region_size;

	ret = spawn_lend_cpus(guest, args, cpus);
	if (ret)
		goto fail_free_guest;
	ret = spawn_grant(guest, args->ram);
	if (ret)
		goto fail_return_cpus;
	ret = mk_arch_load(guest, image);
	if (ret)
		goto fail_ungrant;
	ret = mk_console_expect(guest->instance, guest->incarnation);
	if (ret)
		goto fail_unload;
	ret = mk_arch_start(guest, &args->failed_cpu);
	if (ret)
		goto fail_fence;

	spawn_guests[guest->instance] = guest;
	args->instance = guest->instance;
	pr_info("instance %u started on CPU %*pbl, boots on %u (hardware id %#llx), RAM %zu MiB at %pa\n",
		guest->instance, cpumask_pr_args(&guest->lent), guest->cpus[0], guest->hwids[0],
		guest->ram_size >> 20, &guest->ram);
	return 0;

fail_fence:
	/* Whatever it has come to, it is over. */
	spawn_fence(guest);
fail_unload:
	mk_arch_unload(guest);
fail_ungrant:
	spawn_ungrant(guest);
fail_return_cpus:
	spawn_return_cpus(guest);
fail_free_guest:
	kfree(guest);
	return ret;
}

/**
 * mk_guest_place - put the initramfs at the end of a guest's RAM
 * @guest:  the guest
 * @image:  what it is made from
 * @load:   physical address at which its kernel wants to be loaded
 * @size:   bytes that the kernel takes there, as its file says: any number
 * @initrd: physical address of the initramfs, which has been copied there
 *
 * Process context.
 *
 * Return: 0; -ENOSPC: kernel and initramfs do not fit into the RAM.
 */
int mk_guest_place(struct mk_guest *guest, const struct mk_image *image, u64 load, u64 size,
		   u64 *initrd)
{
	u64 end = guest->ram + guest->ram_size;

	*initrd = ALIGN_DOWN(end - image->initrd_len, PAGE_SIZE);
	/* Sums may wrap. */
	if (image->initrd_len > guest->ram_size || load < guest->ram || load >= *initrd ||
	    size > *initrd - load) {
		pr_err("instance %u: kernel at %#llx + %#llx and initramfs of %zu KiB do not fit into %zu MiB at %pa\n",
		       guest->instance, load, size, image->initrd_len >> 10,
		       guest->ram_size >> 20, &guest->ram);
		return -ENOSPC;
	}
	memcpy(guest->ram_va + (*initrd - guest->ram), image->initrd, image->initrd_len);
	return 0;
}

/**
 * mk_stop_guest - stop a kernel, whatever it does, and take back what it had
 * @instance: its number
 *
 * Process context; sleeps.
 *
 * Return: 0; -ENOENT: this kernel has spawned no such instance; -ETIMEDOUT: a CPU of it
 * does not stop, and nothing was taken back.
 */
int mk_stop_guest(unsigned int instance)
{
	struct mk_guest *guest;
	int ret;

	guard(mutex)(&spawn_lock);
	if (instance >= MK_WIRE_MAX_INSTANCES || !spawn_guests[instance])
		return -ENOENT;
	guest = spawn_guests[instance];
	ret = mk_arch_stop(guest);
	if (ret)
		return ret;
	spawn_guests[instance] = NULL;
	spawn_fence(guest);
	mk_arch_unload(guest);
	spawn_ungrant(guest);
	spawn_return_cpus(guest);
	pr_info("instance %u stopped, CPU %*pbl is back\n", instance,
		cpumask_pr_args(&guest->lent));
	kfree(guest);
	return 0;
}

/**
 * mk_spawn_info - add what is known of a guest by having spawned it
 * @info: what every instance can know, filled in already
 * @room: CPU numbers that fit at the user's address @info->cpus
 *
 * Process context; sleeps.
 *
 * Return: 0; -EFAULT: the address is wrong.
 */
int mk_spawn_info(struct mk_info *info, u32 room)
{
	struct mk_guest *guest;

	guard(mutex)(&spawn_lock);
	guest = spawn_guests[info->instance];
	if (!guest)
		return 0;
	if (info->incarnation != guest->incarnation) {
		info->state = MK_STATE_STARTED;
		info->reason = MK_REASON_NONE;
		info->incarnation = guest->incarnation;
	}
	info->cpu = guest->cpus[0];
	info->nr_cpus = guest->nr_cpus;
	info->hwid = guest->hwids[0];
	info->ram_base = guest->ram;
	info->ram_size = guest->ram_size;
	room = min(room, guest->nr_cpus);
	return copy_to_user(u64_to_user_ptr(info->cpus), guest->cpus, room * sizeof(u32)) ?
	       -EFAULT : 0;
}

/* A CPU that is lent is not this kernel's to bring online. */
static int spawn_cpu_prepare(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, &spawn_lent) ? -EBUSY : 0;
}

/* Guests must not run on when this kernel hands its memory to another. */
static int spawn_reboot(struct notifier_block *nb, unsigned long event, void *p)
{
	unsigned int i;

	scoped_guard(mutex, &spawn_lock)
		spawn_closed = true;
	for (i = 0; i < MK_WIRE_MAX_INSTANCES; i++)
		mk_stop_guest(i);
	return NOTIFY_DONE;
}

static struct notifier_block spawn_reboot_nb = {
	.notifier_call = spawn_reboot,
};

/* The CPUs and the RAM of guests would not outlive it. */
static int spawn_suspend(struct notifier_block *nb, unsigned long event, void *p)
{
	if (event != PM_SUSPEND_PREPARE && event != PM_HIBERNATION_PREPARE)
		return NOTIFY_DONE;
	guard(mutex)(&spawn_lock);
	return cpumask_empty(&spawn_lent) ? NOTIFY_DONE : NOTIFY_BAD;
}

static struct notifier_block spawn_suspend_nb = {
	.notifier_call = spawn_suspend,
};

/*
 * What reserve_mem= has set aside under the name "multikernel" becomes the
 * region, at its start, and RAM to be granted.
 */
static int __init spawn_init(void)
{
	phys_addr_t start, size, ram;
	int ret;

	if (mk_guest_is() || !reserve_mem_find_by_name("multikernel", &start, &size))
		return 0;
	if (instances < 2 || instances > MK_WIRE_MAX_INSTANCES) {
		pr_err("instances=%u: must be from 2 to %u\n", instances, MK_WIRE_MAX_INSTANCES);
		return -EINVAL;
	}
	spawn_region = start;
	spawn_region_size = mk_region_bytes(instances, (u64)arena << 10);
	ram = ALIGN(start + spawn_region_size, BIT(SPAWN_ORDER));
	if (!IS_ALIGNED(start, MK_WIRE_ALIGN) || ram + BIT(SPAWN_ORDER) > start + size) {
		pr_err("reserve_mem: %pa bytes at %pa: too few, or not aligned to %u\n",
		       &size, &start, MK_WIRE_ALIGN);
		return -EINVAL;
	}

	ret = mk_region_format(start, spawn_region_size, instances);
	if (!ret)
		ret = mk_ipi_open(start, spawn_region_size, MK_KEEPER, 1);
	if (!ret)
		ret = mk_ipi_start();
	if (ret) {
		pr_err("no region at %pa: %d\n", &start, ret);
		return ret;
	}
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "multikernel:lent",
					spawn_cpu_prepare, NULL);
	if (ret < 0)
		return ret;
	spawn_pool = gen_pool_create(SPAWN_ORDER, NUMA_NO_NODE);
	if (!spawn_pool)
		return -ENOMEM;
	ret = gen_pool_add(spawn_pool, ram,
			   ALIGN_DOWN(start + size - ram, BIT(SPAWN_ORDER)), NUMA_NO_NODE);
	if (ret) {
		gen_pool_destroy(spawn_pool);
		spawn_pool = NULL;
		return ret;
	}
	register_pm_notifier(&spawn_suspend_nb);
	return register_reboot_notifier(&spawn_reboot_nb);
}
late_initcall_sync(spawn_init);
