/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where supported versions of Linux differ. The layer is written for the newest of them,
 * and what older ones lack is made up for here, once for each version that goes as a
 * whole when that version does. No other file asks for the version.
 */
#ifndef _MULTIKERNEL_COMPAT_H
#define _MULTIKERNEL_COMPAT_H

#include <linux/version.h>

/* Goes with 6.12, and the names with an MK_ with it */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)

#include <linux/hrtimer.h>

static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *timer),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}

/* x86: pages of a PGD */
#define pgd_allocation_order()	PGD_ALLOCATION_ORDER

/* x86: the member of irq_stat that counts doorbells */
#define MK_IRQ_STAT	irq_multikernel_count

/* KUnit: the function that alloc_workqueue() is */
#define MK_ALLOC_WORKQUEUE	"alloc_workqueue"

/* x86: what wakes a CPU */
#define DEFINE_MK_WAKEUP(func) \
	static int func(u32 hwid, unsigned long start)

/* rpmsg: what is sent */
#define mk_rpmsg_data	void

#else

#define mk_rpmsg_data	const void

#define MK_ALLOC_WORKQUEUE	"alloc_workqueue_noprof"
#define MK_IRQ_STAT	counts[IRQ_COUNT_MULTIKERNEL]
#define DEFINE_MK_WAKEUP(func) \
	static int func(u32 hwid, unsigned long start, unsigned int cpu)

#endif

#endif /* _MULTIKERNEL_COMPAT_H */
