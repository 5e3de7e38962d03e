/* SPDX-License-Identifier: GPL-2.0 */
/* Doorbells that go wrong on purpose: what fault.c, its users and its tests share. */
#ifndef _KERNEL_MULTIKERNEL_FAULT_H
#define _KERNEL_MULTIKERNEL_FAULT_H

#include <linux/atomic.h>
#include <linux/fault-inject.h>
#include <linux/hrtimer.h>
#include <multikernel/mk_backend.h>

/**
 * enum mk_fault_kind - what can happen to a doorbell
 * @MK_FAULT_LOST:     it is not rung
 * @MK_FAULT_DOUBLED:  it is rung, and once more later
 * @MK_FAULT_DELAYED:  it is rung later
 * @MK_FAULT_INVENTED: another one is rung, at any door of anybody
 * @MK_FAULT_STUCK:    not to a doorbell: a door cannot be had at another CPU
 * @MK_FAULT_KINDS:    how many there are
 */
enum mk_fault_kind {
	MK_FAULT_LOST,
	MK_FAULT_DOUBLED,
	MK_FAULT_DELAYED,
	MK_FAULT_INVENTED,
	MK_FAULT_STUCK,
	MK_FAULT_KINDS,
};

/* Doorbells that can be waiting to be rung later */
#define MK_FAULT_LATE	64

struct mk_fault;

/**
 * struct mk_fault_late - a doorbell to be rung later
 * @timer: rings it
 * @fault: whose
 * @door:  where
 * @busy:  bit 0: it is in use
 */
struct mk_fault_late {
	struct hrtimer		timer;
	struct mk_fault		*fault;
	struct mk_door		door;
	unsigned long		busy;
};

/**
 * struct mk_fault - a backend whose doorbells go wrong, in front of a real one
 * @backend:  what the generic layer sees
 * @real:     what rings, and is rung
 * @odds:     by kind
 * @happened: by kind: how often it has
 * @delay_us: microseconds, what "later" means
 * @late:     doorbells to be rung later
 */
struct mk_fault {
	struct mk_backend	backend;
	struct mk_backend	*real;
	struct fault_attr	odds[MK_FAULT_KINDS];
	atomic_t		happened[MK_FAULT_KINDS];
	u32			delay_us;
	struct mk_fault_late	late[MK_FAULT_LATE];
};

#ifdef CONFIG_FAIL_MULTIKERNEL
void mk_fault_init(struct mk_fault *fault, struct mk_backend *real);
void mk_fault_stop(struct mk_fault *fault);
struct mk_backend *mk_fault_wrap(struct mk_backend *real);
#else
static inline struct mk_backend *mk_fault_wrap(struct mk_backend *real)
{
	return real;
}
#endif

#endif /* _KERNEL_MULTIKERNEL_FAULT_H */
