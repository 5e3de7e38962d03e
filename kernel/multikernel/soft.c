// SPDX-License-Identifier: GPL-2.0
/*
 * The soft backend: doorbells between instances that live in one kernel.
 *
 * It needs no hardware but what irq_work needs, which is there on every
 * architecture; the whole layer can be tested over it. A door is the number of a
 * soft backend and a Linux CPU number.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <multikernel/compat.h>

#include "internal.h"

#define SOFT_MAX	MK_WIRE_MAX_INSTANCES

/**
 * struct soft_cpu - what a CPU is rung with
 * @work:  the doorbell
 * @timer: the same, where irq_work would wait for the tick, or comes without an interrupt
 * @soft:  whose
 * @count: doorbells taken; written by the CPU itself
 */
struct soft_cpu {
	struct irq_work	work;
	struct hrtimer	timer;
	struct mk_soft	*soft;
	u64		count;
};

/**
 * struct mk_soft - a soft backend
 * @backend: what the generic layer sees
 * @number:  its place in soft_table, which is what its doors say
 * @running: doorbells are taken
 * @cpus:    what its CPUs are rung with
 */
struct mk_soft {
	struct mk_backend		backend;
	unsigned int			number;
	bool				running;
	struct soft_cpu __percpu	*cpus;
};

static struct mk_soft __rcu *soft_table[SOFT_MAX];
static DEFINE_MUTEX(soft_lock);

static struct mk_soft *to_soft(struct mk_backend *backend)
{
	return container_of(backend, struct mk_soft, backend);
}

static void soft_interrupt(struct soft_cpu *cpu)
{
	WRITE_ONCE(cpu->count, cpu->count + 1);
	generic_multikernel_interrupt(&cpu->soft->backend);
}

static void soft_work(struct irq_work *work)
{
	struct soft_cpu *cpu = container_of(work, struct soft_cpu, work);

	/* An idle CPU that was about to sleep runs it without having been interrupted. */
	if (in_hardirq())
		soft_interrupt(cpu);
	else
		hrtimer_start(&cpu->timer, 0, HRTIMER_MODE_REL_PINNED_HARD);
}

static enum hrtimer_restart soft_timer(struct hrtimer *timer)
{
	soft_interrupt(container_of(timer, struct soft_cpu, timer));
	return HRTIMER_NORESTART;
}

static int soft_start(struct mk_backend *backend)
{
	WRITE_ONCE(to_soft(backend)->running, true);
	return 0;
}

static void soft_stop(struct mk_backend *backend)
{
	struct mk_soft *soft = to_soft(backend);
	unsigned int cpu;

	WRITE_ONCE(soft->running, false);
	/* Nobody is between the check of running and the queueing any more. */
	synchronize_rcu();
	for_each_possible_cpu(cpu) {
		irq_work_sync(&per_cpu_ptr(soft->cpus, cpu)->work);
		hrtimer_cancel(&per_cpu_ptr(soft->cpus, cpu)->timer);
	}
}

static int soft_get_door(struct mk_backend *backend, unsigned int cpu, struct mk_door *door)
{
	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return -EINVAL;
	door->hwid = cpu;
	door->number = to_soft(backend)->number;
	return 0;
}

/*
 * The payload is ordered before the doorbell by irq_work_queue_on(), whose
 * atomic operation is a full barrier; see irq_work_claim() in kernel/irq_work.c.
 * The timer comes on the same CPU.
 */
static int soft_ring(struct mk_backend *backend, const struct mk_door *door)
{
	unsigned int cpu = door->hwid;
	struct soft_cpu *bell;
	struct mk_soft *soft;

	if (door->number >= SOFT_MAX || door->hwid >= nr_cpu_ids || !cpu_possible(cpu))
		return -EINVAL;

	/* No CPU goes offline meanwhile; and it is a read-side section of RCU. */
	guard(preempt)();
	soft = rcu_dereference_sched(soft_table[array_index_nospec(door->number, SOFT_MAX)]);
	if (!soft)
		return -EINVAL;
	if (!READ_ONCE(soft->running) || !cpu_online(cpu))
		return 0;	/* rung, and nobody at home */
	bell = per_cpu_ptr(soft->cpus, cpu);
	/* Of a CPU for itself, irq_work waits for the tick if it has no interrupt, as on UML. */
	if (cpu == smp_processor_id() && !arch_irq_work_has_interrupt())
		hrtimer_start(&bell->timer, 0, HRTIMER_MODE_REL_PINNED_HARD);
	else
		irq_work_queue_on(&bell->work, cpu);
	return 0;
}

static u64 soft_count(struct mk_backend *backend, unsigned int cpu)
{
	return READ_ONCE(per_cpu_ptr(to_soft(backend)->cpus, cpu)->count);
}

static const struct mk_backend soft_backend = {
	.name		= "soft",
	.start		= soft_start,
	.stop		= soft_stop,
	.get_door	= soft_get_door,
	.ring		= soft_ring,
	.count		= soft_count,
};

/**
 * mk_soft_create - make a soft backend
 *
 * Each instance needs one of its own. Process context; may sleep.
 *
 * Return: the backend; an error pointer: -ENOMEM; -ENOSPC: there are
 * MK_WIRE_MAX_INSTANCES of them.
 */
struct mk_backend *mk_soft_create(void)
{
	struct mk_soft *soft = kzalloc(sizeof(*soft), GFP_KERNEL);
	unsigned int i, cpu;
	int ret = -ENOMEM;

	if (!soft)
		return ERR_PTR(ret);
	soft->backend = soft_backend;
	soft->cpus = alloc_percpu(struct soft_cpu);
	if (!soft->cpus)
		goto fail_free_soft;
	for_each_possible_cpu(cpu) {
		struct soft_cpu *c = per_cpu_ptr(soft->cpus, cpu);

		c->soft = soft;
		c->work = IRQ_WORK_INIT_HARD(soft_work);
		hrtimer_setup(&c->timer, soft_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	}

	ret = -ENOSPC;
	mutex_lock(&soft_lock);
	for (i = 0; i < SOFT_MAX && rcu_access_pointer(soft_table[i]); i++)
		;
	if (i < SOFT_MAX) {
		soft->number = i;
		rcu_assign_pointer(soft_table[i], soft);
		ret = 0;
	}
	mutex_unlock(&soft_lock);
	if (!ret)
		return &soft->backend;

	free_percpu(soft->cpus);
fail_free_soft:
	kfree(soft);
	return ERR_PTR(ret);
}

/**
 * mk_soft_destroy - unmake a soft backend
 * @backend: as mk_soft_create() gave it, stopped
 *
 * Process context; sleeps.
 */
void mk_soft_destroy(struct mk_backend *backend)
{
	struct mk_soft *soft = to_soft(backend);

	scoped_guard(mutex, &soft_lock)
		RCU_INIT_POINTER(soft_table[soft->number], NULL);
	synchronize_rcu();
	free_percpu(soft->cpus);
	kfree(soft);
}
