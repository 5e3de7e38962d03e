/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an architecture fills in: how a CPU of another kernel is rung. A backend
 * knows nothing of messages. Documentation/multikernel/porting.rst says what it
 * owes the layer.
 */
#ifndef _MULTIKERNEL_MK_BACKEND_H
#define _MULTIKERNEL_MK_BACKEND_H

#include <linux/types.h>

struct mk_instance;

/**
 * struct mk_door - where one CPU of an instance is rung
 * @hwid:   the architecture's id of the CPU, valid for every kernel of the
 *	    machine: an APIC id, an MPIDR, ...
 * @number: what is rung there: a vector, an SGI, ...
 */
struct mk_door {
	u64	hwid;
	u32	number;
};

/**
 * struct mk_backend - a way to ring doorbells
 * @name:     for people to read
 * @start:    doorbells may be handed to generic_multikernel_interrupt() from
 *	      here on. Process context, may sleep. 0 or an errno.
 * @stop:     doorbells need not be handed over any more; the generic layer takes
 *	      none once @instance is cleared, and waits for those that are being
 *	      handled. Process context, may sleep.
 * @get_door: fill in where @cpu, a Linux CPU number of this kernel, is rung.
 *	      Process context. 0, or -EINVAL for a CPU that cannot be rung.
 * @ring:     ring @door. All that the caller stored before is visible to the
 *	      CPU that is rung when it takes the interrupt. @door comes from
 *	      another kernel: what cannot be rung gives -EINVAL. Any context but
 *	      NMI, interrupts on or off; never sleeps, never waits for the other
 *	      side. 0 or an errno.
 * @count:    doorbells taken by @cpu, a Linux CPU number, since boot. Any
 *	      context.
 * @instance: whom the doorbells are for; the generic layer's, which sets it
 *	      before @start and clears it after @stop
 *
 * All but @instance are set by the backend and stay as they are.
 */
struct mk_backend {
	const char	*name;
	int		(*start)(struct mk_backend *backend);
	void		(*stop)(struct mk_backend *backend);
	int		(*get_door)(struct mk_backend *backend, unsigned int cpu,
				    struct mk_door *door);
	int		(*ring)(struct mk_backend *backend, const struct mk_door *door);
	u64		(*count)(struct mk_backend *backend, unsigned int cpu);
	struct mk_instance __rcu *instance;
};

/* A doorbell was taken on this CPU: the one way in, for every architecture */
void generic_multikernel_interrupt(struct mk_backend *backend);

/* The architecture's backend, or NULL if this machine has no use for it */
struct mk_backend *mk_arch_backend(void);

/* The backend that needs no hardware: irq_work between the CPUs of one kernel */
struct mk_backend *mk_soft_create(void);
void mk_soft_destroy(struct mk_backend *backend);

#endif /* _MULTIKERNEL_MK_BACKEND_H */
