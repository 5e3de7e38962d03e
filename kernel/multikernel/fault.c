// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells that go wrong on purpose: lost, doubled, delayed, invented, or without end.
 *
 * A backend in front of the real one, with the kernel's own fault injection for odds:
 * fail_mk_lost= and its like on the command line, or the directories of these names in
 * debugfs. Documentation/fault-injection/fault-injection.rst says what is in them.
 *
 * And a storm: who writes a number to multikernel/storm in debugfs has this kernel ring
 * that instance for as long as the other can bear it.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <multikernel/compat.h>

#include "fault.h"
#include "internal.h"

static const char * const fault_names[MK_FAULT_KINDS] = {
	[MK_FAULT_LOST]		= "fail_mk_lost",
	[MK_FAULT_DOUBLED]	= "fail_mk_doubled",
	[MK_FAULT_DELAYED]	= "fail_mk_delayed",
	[MK_FAULT_INVENTED]	= "fail_mk_invented",
	[MK_FAULT_STUCK]	= "fail_mk_stuck",
};

/* In front of the architecture's backend; the command line comes before all else */
static struct mk_fault fault_arch = {
	.odds		= { [0 ... MK_FAULT_KINDS - 1] = FAULT_ATTR_INITIALIZER },
	.delay_us	= USEC_PER_MSEC,
};

static struct mk_fault *to_fault(struct mk_backend *backend)
{
	return container_of(backend, struct mk_fault, backend);
}

static bool fault_happens(struct mk_fault *fault, enum mk_fault_kind kind)
{
	/* It draws from the random numbers under a lock that sleeps on PREEMPT_RT. */
	static DEFINE_WAIT_OVERRIDE_MAP(fault_map, LD_WAIT_SLEEP);
	bool happens;

	lock_map_acquire_try(&fault_map);
	/* Its count is not exact if several CPUs ring at once, and need not be. */
	happens = data_race(should_fail(&fault->odds[kind], 1));
	lock_map_release(&fault_map);
	if (happens)
		atomic_inc(&fault->happened[kind]);
	return happens;
}

static enum hrtimer_restart fault_timer(struct hrtimer *timer)
{
	struct mk_fault_late *late = container_of(timer, struct mk_fault_late, timer);
	struct mk_backend *real = late->fault->real;

	real->ring(real, &late->door);
	clear_bit_unlock(0, &late->busy);
	return HRTIMER_NORESTART;
}

/* Ring @door later. False if too many wait already. */
static bool fault_ring_later(struct mk_fault *fault, const struct mk_door *door)
{
	struct mk_fault_late *late;

	for (late = fault->late; late < fault->late + MK_FAULT_LATE; late++) {
		if (test_and_set_bit_lock(0, &late->busy))
			continue;
		late->door = *door;
		hrtimer_start(&late->timer, ns_to_ktime(READ_ONCE(fault->delay_us) * 1000ULL),
			      HRTIMER_MODE_REL_HARD);
		return true;
	}
	return false;
}

/* A door of instance @peer, as it has published it. False if it has none. */
static bool fault_door(const struct mk_region *region, unsigned int peer, unsigned int i,
		       struct mk_door *door)
{
	const struct mk_wire_self *self = mk_region_self(region, peer);
	u32 nr_doors = min(READ_ONCE(self->nr_doors), MK_WIRE_MAX_DOORS);

	if (!nr_doors)
		return false;
	door->hwid = READ_ONCE(self->doors[i % nr_doors].hwid);
	door->number = READ_ONCE(self->doors[i % nr_doors].number);
	return true;
}

/* Ring somewhere else each time. Who is up takes doorbells; others may have no CPU to do so. */
static void fault_invent(struct mk_fault *fault)
{
	const struct mk_instance *instance;
	struct mk_door door;
	unsigned int peer, turn = atomic_read(&fault->happened[MK_FAULT_INVENTED]);

	guard(rcu)();
	instance = rcu_dereference(fault->backend.instance);
	if (!instance)
		return;
	peer = turn % instance->nr_links;
	if (mk_link_state(&instance->links[peer]) == MK_IPI_PEER_UP &&
	    fault_door(instance->region, peer, turn / instance->nr_links, &door))
		fault->real->ring(fault->real, &door);
}

static int fault_ring(struct mk_backend *backend, const struct mk_door *door)
{
	struct mk_fault *fault = to_fault(backend);

	if (fault_happens(fault, MK_FAULT_INVENTED))
		fault_invent(fault);
	if (fault_happens(fault, MK_FAULT_LOST))
		return 0;
	/* At once they would be one */
	if (fault_happens(fault, MK_FAULT_DOUBLED))
		fault_ring_later(fault, door);
	if (fault_happens(fault, MK_FAULT_DELAYED) && fault_ring_later(fault, door))
		return 0;
	return fault->real->ring(fault->real, door);
}

/* Doorbells that are taken go from the real backend to the generic layer directly. */
static int fault_start(struct mk_backend *backend)
{
	struct mk_backend *real = to_fault(backend)->real;
	int ret;

	rcu_assign_pointer(real->instance, rcu_access_pointer(backend->instance));
	ret = real->start(real);
	if (ret)
		RCU_INIT_POINTER(real->instance, NULL);
	return ret;
}

static void fault_stop(struct mk_backend *backend)
{
	struct mk_backend *real = to_fault(backend)->real;

	real->stop(real);
	/* Who waits for those that have seen it is mk_instance_leave(). */
	RCU_INIT_POINTER(real->instance, NULL);
}

static int fault_get_door(struct mk_backend *backend, unsigned int cpu, struct mk_door *door)
{
	struct mk_fault *fault = to_fault(backend);
	struct mk_backend *real = fault->real;

	if (fault_happens(fault, MK_FAULT_STUCK))
		return -EINVAL;
	return real->get_door(real, cpu, door);
}

static u64 fault_count(struct mk_backend *backend, unsigned int cpu)
{
	struct mk_backend *real = to_fault(backend)->real;

	return real->count(real, cpu);
}

/**
 * mk_fault_init - put a backend whose doorbells go wrong in front of a real one
 * @fault: its odds are set, or zeroed: nothing happens then
 * @real:  not in use, and not used but by way of @fault from here on
 *
 * Any context.
 */
void mk_fault_init(struct mk_fault *fault, struct mk_backend *real)
{
	struct mk_fault_late *late;
	unsigned int i;

	fault->real = real;
	fault->backend = (struct mk_backend) {
		.name		= real->name,
		.start		= fault_start,
		.stop		= fault_stop,
		.get_door	= fault_get_door,
		.ring		= fault_ring,
		.count		= fault_count,
	};
	/* Who is told of each one rings no more: the console may be what rings. */
	for (i = 0; i < MK_FAULT_KINDS; i++)
		fault->odds[i].verbose = 0;
	for (late = fault->late; late < fault->late + MK_FAULT_LATE; late++) {
		late->fault = fault;
		hrtimer_setup(&late->timer, fault_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	}
}

/**
 * mk_fault_stop - forget the doorbells that are to be rung later
 * @fault: whose instance has left
 *
 * Process context; may sleep.
 */
void mk_fault_stop(struct mk_fault *fault)
{
	struct mk_fault_late *late;

	for (late = fault->late; late < fault->late + MK_FAULT_LATE; late++)
		hrtimer_cancel(&late->timer);
}

/**
 * mk_fault_wrap - have the doorbells of this kernel's own instance go wrong
 * @real: the architecture's backend, or NULL
 *
 * By the odds of the command line and of debugfs, which are none as long as nobody
 * has set any.
 *
 * Return: the backend to join with, or NULL.
 */
struct mk_backend * __init mk_fault_wrap(struct mk_backend *real)
{
	if (!real)
		return NULL;
	mk_fault_init(&fault_arch, real);
	return &fault_arch.backend;
}

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX	""

/* fail_mk_lost=INTERVAL,PROBABILITY,SPACE,TIMES and so on */
static int fault_set(const char *val, const struct kernel_param *kp)
{
	return setup_fault_attr(kp->arg, (char *)val) ? 0 : -EINVAL;
}

static const struct kernel_param_ops fault_ops = { .set = fault_set };

core_param_cb(fail_mk_lost, &fault_ops, &fault_arch.odds[MK_FAULT_LOST], 0);
core_param_cb(fail_mk_doubled, &fault_ops, &fault_arch.odds[MK_FAULT_DOUBLED], 0);
core_param_cb(fail_mk_delayed, &fault_ops, &fault_arch.odds[MK_FAULT_DELAYED], 0);
core_param_cb(fail_mk_invented, &fault_ops, &fault_arch.odds[MK_FAULT_INVENTED], 0);

/* The storm */

static DEFINE_MUTEX(storm_lock);	/* what follows */
static int storm_peer = -1;
static DEFINE_PER_CPU(struct task_struct *, storm_task);

/* As a kernel does that means harm: every other time it says that it has rung. */
static int storm_thread(void *arg)
{
	struct mk_link *link = arg;
	struct mk_region *region = link->instance->region;
	struct mk_wire_bell *bell = region->arena + MK_WIRE_BELLS;
	struct mk_backend *real = fault_arch.real;
	struct mk_door door;
	unsigned int i;

	bell += link->peer;
	for (i = 0; !kthread_should_stop(); i++) {
		if (i % (2 * MK_WIRE_BELL_DOORS) < MK_WIRE_BELL_DOORS)
			atomic_inc((atomic_t *)&bell->rung[i % MK_WIRE_BELL_DOORS]);
		if (fault_door(region, link->peer, i, &door))
			real->ring(real, &door);
		cond_resched();
	}
	return 0;
}

static void storm_stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct task_struct *task = per_cpu(storm_task, cpu);

		if (task)
			kthread_stop(task);
		per_cpu(storm_task, cpu) = NULL;
	}
	storm_peer = -1;
}

static int storm_start(struct mk_link *link)
{
	struct task_struct *task;
	unsigned int cpu;

	guard(cpus_read_lock)();
	for_each_online_cpu(cpu) {
		task = kthread_run_on_cpu(storm_thread, link, cpu, "mk_storm/%u");
		if (IS_ERR(task)) {
			storm_stop();
			return PTR_ERR(task);
		}
		per_cpu(storm_task, cpu) = task;
	}
	storm_peer = link->peer;
	return 0;
}

static int storm_get(void *data, u64 *val)
{
	guard(mutex)(&storm_lock);
	*val = storm_peer;
	return 0;
}

static int storm_set(void *data, u64 val)
{
	struct mk_instance *instance = mk_ipi_instance();
	s64 peer = val;

	guard(mutex)(&storm_lock);
	if (peer < -1)
		return -EINVAL;
	if (peer < 0) {
		storm_stop();
		return 0;
	}
	if (!instance || peer >= instance->nr_links ||
	    mk_link_state(&instance->links[peer]) == MK_IPI_PEER_ABSENT)
		return -ENOENT;
	storm_stop();
	return storm_start(&instance->links[peer]);
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(storm_fops, storm_get, storm_set, "%lld\n");

static int __init fault_debugfs(void)
{
	struct dentry *dir;
	unsigned int i;

	for (i = 0; i < MK_FAULT_KINDS; i++) {
		dir = fault_create_debugfs_attr(fault_names[i], NULL, &fault_arch.odds[i]);
		if (IS_ERR(dir))
			return PTR_ERR(dir);
		debugfs_create_atomic_t("happened", 0444, dir, &fault_arch.happened[i]);
		if (i == MK_FAULT_DELAYED || i == MK_FAULT_DOUBLED)
			debugfs_create_u32("delay_us", 0644, dir, &fault_arch.delay_us);
	}
	dir = debugfs_create_dir("multikernel", NULL);
	debugfs_create_file("storm", 0600, dir, NULL, &storm_fops);
	return 0;
}
late_initcall(fault_debugfs);
