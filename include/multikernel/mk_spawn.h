/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the common part of spawning and the architecture's: kernels are
 * started, stopped, and told who they are. The messaging layer does not know of
 * it.
 */
#ifndef _MULTIKERNEL_MK_SPAWN_H
#define _MULTIKERNEL_MK_SPAWN_H

#include <linux/cpumask.h>
#include <linux/types.h>
#include <multikernel/mk_wire.h>
#include <uapi/linux/multikernel.h>

/**
 * struct mk_guest - a kernel that this one has spawned
 * @instance:	 number of the instance that it is
 * @nr_cpus:	 CPUs lent to it
 * @cpus:	 their Linux CPU numbers, on this kernel; it boots on the first
 * @hwids:	 their hardware ids
 * @lent:	 the same CPUs as a mask
 * @incarnation: which life of that instance number it is
 * @ram:	 physical address of the RAM granted
 * @ram_size:	 bytes of it
 * @ram_va:	 where this kernel sees it
 * @entry:	 physical address at which its first CPU enters the kernel
 * @arch:	 the architecture's own
 */
struct mk_guest {
	unsigned int	instance;
	unsigned int	nr_cpus;
	u32		cpus[MK_MAX_CPUS];
	u64		hwids[MK_MAX_CPUS];
	struct cpumask	lent;
	u32		incarnation;
	phys_addr_t	ram;
	size_t		ram_size;
	void		*ram_va;
	u64		entry;
	void		*arch;
};

/**
 * struct mk_image - what a guest is made from
 * @kernel:	 the kernel image file
 * @kernel_len:	 bytes of it
 * @initrd:	 the initramfs file, or NULL
 * @initrd_len:	 bytes of it
 * @cmdline:	 command line
 * @region:	 physical address of the region that it is to join
 * @region_size: bytes of it
 */
struct mk_image {
	void		*kernel;
	size_t		kernel_len;
	void		*initrd;
	size_t		initrd_len;
	const char	*cmdline;
	phys_addr_t	region;
	u64		region_size;
};

/*
 * The architecture's part. All in process context, under the spawn lock; may
 * sleep.
 */

/*
 * Under cpus_read_lock(), of a CPU that is present and offline. -ENODEV: it was
 * never online, and so is not set up.
 */
int mk_arch_cpu_lend(unsigned int cpu, u64 *hwid);
/* The CPU does nothing any more; this kernel may bring it online again. */
void mk_arch_cpu_return(unsigned int cpu);
/* After CPUs were lent, without locks: no broadcast of this kernel reaches them. */
void mk_arch_cpus_changed(void);
/* -ENOEXEC: no image for this machine; -ENOSPC: the RAM is too small for it */
int mk_arch_load(struct mk_guest *guest, const struct mk_image *image);
void mk_arch_unload(struct mk_guest *guest);
/*
 * The first CPU begins to run what was loaded, the others are where it finds them.
 * -EIO: one does not start: @failed_cpu. None does anything then.
 */
int mk_arch_start(struct mk_guest *guest, u32 *failed_cpu);
/*
 * Its CPUs do nothing any more, whatever they did, and touch no memory. -ETIMEDOUT: one
 * of them does not stop; it may be tried again.
 */
int mk_arch_stop(struct mk_guest *guest);

/* spawn.c: what architectures need to load a guest */
int mk_guest_place(struct mk_guest *guest, const struct mk_image *image, u64 load, u64 size,
		   u64 *initrd);

/* guest.c: what every spawned kernel does */

/*
 * Enter the region as told by the kernel that spawned this one: from a
 * console_initcall() of the architecture.
 */
int mk_guest_open(phys_addr_t region, u64 region_size, unsigned int instance,
		  u32 incarnation);
/* Tell the others that this kernel has gone. Any context. */
void mk_guest_leave(enum mk_wire_reason reason);
/* The architecture's: this kernel was spawned */
bool mk_guest_is(void);
/*
 * The architecture's: stop this CPU for good, touching nothing that is shared; never
 * returns. The others have been stopped.
 */
void mk_arch_park(void);

#endif /* _MULTIKERNEL_MK_SPAWN_H */
