/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stands in for the kernel around kernel/multikernel/, in user space.
 *
 * It is included ahead of each source (-include), and the kernel's headers that it
 * stands in for are empty files then: see the Makefile. There is one thread. What else
 * runs in a kernel, interrupts, timers and works, runs when whoever uses this says so.
 * What would be a bug in a kernel, a WARN, a lock taken twice, a sleep under a lock, is
 * the end of the program: shim_fail().
 */
#ifndef _MULTIKERNEL_SHIM_H
#define _MULTIKERNEL_SHIM_H

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/build_bug.h>

/* compiler attributes */
#define __cleanup(func)		__maybe_unused __attribute__((__cleanup__(func)))
#define __counted_by(member)
#define __nonnull_args(...)
#define __no_context_analysis
#undef auto
#define auto			__auto_type
#define __percpu
#define __init
#define ____cacheline_aligned	__attribute__((__aligned__(64)))
#define absolute_pointer(p)	((void *)(p))
#ifndef fallthrough
#define fallthrough		__attribute__((__fallthrough__))
#endif

/* What went wrong; does not return. */
void shim_fail(const char *what, const char *file, int line) __attribute__((__noreturn__));

#define SHIM_ASSERT(condition)						\
	do {								\
		if (!(condition))					\
			shim_fail(#condition, __FILE__, __LINE__);	\
	} while (0)

#define WARN_ON_ONCE(condition) ({					\
	if (condition)							\
		shim_fail("WARN_ON(" #condition ")", __FILE__, __LINE__); \
	false;								\
})
#define WARN_ON(condition)	WARN_ON_ONCE(condition)

/*
 * Shared memory may be another at each look. After each marked access, copy and full
 * barrier shim_looked() is called, if somebody wants to know: SHIM_WATCHED.
 */
#ifdef SHIM_WATCHED
void shim_looked(const void *at);
#else
static inline void shim_looked(const void *at)
{
}
#endif

#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(x) ({							\
	const typeof(x) __value = *(const volatile typeof(x) *)&(x);	\
	shim_looked(&(x));						\
	__value;							\
})
#define WRITE_ONCE(x, value)	((void)(*(volatile typeof(x) *)&(x) = (value)))

#define virt_load_acquire(p) ({						\
	const typeof(*(p)) __loaded = __atomic_load_n((p), __ATOMIC_ACQUIRE); \
	shim_looked(p);							\
	__loaded;							\
})
#define virt_store_release(p, value)	__atomic_store_n((p), (value), __ATOMIC_RELEASE)
#define virt_mb()							\
	do {								\
		__atomic_thread_fence(__ATOMIC_SEQ_CST);		\
		shim_looked(NULL);					\
	} while (0)
#define virt_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, value)	__atomic_store_n((p), (value), __ATOMIC_RELEASE)

static inline void *shim_memcpy(void *to, const void *from, size_t n)
{
	/* The kernel's takes any pointer if @n is 0. */
	if (n)
		memcpy(to, from, n);
	shim_looked(from);
	return to;
}

#define memcpy(to, from, n)	shim_memcpy(to, from, n)

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/sizes.h>

/* Those of tools/ compare what may not be compared. */
#undef min
#undef max
#undef min_t
#undef max_t
#undef clamp
#undef static_assert
#define static_assert(expr, ...)	__static_assert(expr, ##__VA_ARGS__, #expr)
#define statically_true(x)	(__builtin_constant_p(x) && (x))
#define __UNIQUE_ID(prefix)	__PASTE(__PASTE(__unique_, prefix), __COUNTER__)
#include <linux/minmax.h>

#define U32_MAX				((u32)~0U)
#define NSEC_PER_USEC			1000L
#define NSEC_PER_MSEC			1000000L
#define NSEC_PER_SEC			1000000000L
#define MSEC_PER_SEC			1000L
#define EXPORT_SYMBOL_GPL(name)
#define module_param_named(name, value, type, perm)
#define MODULE_PARM_DESC(name, text)
#define array_index_nospec(index, size)	({ SHIM_ASSERT((index) < (size)); (index); })
#define div_u64(dividend, divisor)	((u64)(dividend) / (divisor))
#define cpu_relax()			do { } while (0)
#define cond_resched()			do { } while (0)
#define in_nmi()			false

/* Of one word, at no more cost for bits that are not set than in the kernel */
#define for_each_set_bit_wrap(bit, addr, size, start)			\
	for (unsigned long __low = *(addr) & ~(~0UL << (start)),	\
	     __high = *(addr) & (~0UL << (start));			\
	     ((bit) = __high ? __builtin_ctzl(__high) :			\
	      __low ? __builtin_ctzl(__low) : (size)) < (size);		\
	     __high ? (__high &= __high - 1) : (__low &= __low - 1))

/* prefetch.h */
#define prefetchw(x)		__builtin_prefetch(x, 1)

static inline u64 ror64(u64 word, unsigned int shift)
{
	return (word >> (shift & 63)) | (word << (-shift & 63));
}

#define __ffs64(word)		((unsigned int)__builtin_ctzll(word))

/* atomic.h */
typedef struct {
	s64 counter;
} atomic64_t;

#define try_cmpxchg_relaxed(p, old, new) \
	__atomic_compare_exchange_n(p, old, new, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define atomic_read(v)		__atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)
#define atomic_inc(v)		((void)__atomic_add_fetch(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_dec(v)		((void)__atomic_sub_fetch(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_xchg(v, new)	__atomic_exchange_n(&(v)->counter, new, __ATOMIC_SEQ_CST)
#define atomic_long_read(v)	atomic_read(v)
#define atomic_fetch_inc_release(v)	__atomic_fetch_add(&(v)->counter, 1, __ATOMIC_RELEASE)
#define atomic_long_inc(v)	atomic_inc(v)
#define atomic64_read(v)	atomic_read(v)
#define atomic64_set(v, i)	((void)((v)->counter = (i)))
#define atomic64_inc_return(v)	__atomic_add_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST)

/* Contexts, and the CPU that runs */
extern unsigned int shim_cpu;		/* which one */
extern bool shim_idle;			/* its task is the idle task */
extern unsigned int shim_irqs_off;	/* an interrupt, or interrupts are off */
extern unsigned int shim_locks;		/* spinlocks held */

#define might_sleep()			SHIM_ASSERT(!shim_irqs_off && !shim_locks)
#define smp_processor_id()		shim_cpu
#define raw_smp_processor_id()		shim_cpu
#define current				NULL
#define is_idle_task(task)		shim_idle
#define need_resched()			false
#define local_irq_save(flags)		((flags) = shim_irqs_off++)
#define local_irq_restore(flags)	(shim_irqs_off = (flags))

/* cpumask.h, smp.h, percpu.h */
struct cpumask {
	unsigned long bits;
};

#define SHIM_CPUS			4
#define nr_cpu_ids			SHIM_CPUS
extern const struct cpumask shim_cpus_online;
#define cpu_online_mask			(&shim_cpus_online)
#define cpumask_weight(mask)		((unsigned int)__builtin_popcountl((mask)->bits))
#define for_each_cpu(cpu, mask)						\
	for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)			\
		if ((mask)->bits & BIT(cpu))
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)

static inline unsigned int cpumask_any_but(const struct cpumask *mask, unsigned int but)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (cpu != but)
			return cpu;
	return nr_cpu_ids;
}

static inline int smp_call_function_single(unsigned int cpu, void (*fn)(void *arg), void *arg,
					   int wait)
{
	unsigned int here = shim_cpu;

	shim_cpu = cpu;
	shim_irqs_off++;
	fn(arg);
	shim_irqs_off--;
	shim_cpu = here;
	return 0;
}

#define alloc_percpu(type)	calloc(SHIM_CPUS, sizeof(type))
#define free_percpu(p)		free(p)
#define per_cpu_ptr(p, cpu)	((p) + (cpu))
#define this_cpu_inc(x)		((void)((&(x))[shim_cpu]++))
/* Of arrays */
#define DEFINE_PER_CPU(type, name)	__typeof__(type) name[SHIM_CPUS]
#define this_cpu_ptr(name)	((name)[shim_cpu])

/* spinlock.h, mutex.h */
typedef struct {
	bool held;
} raw_spinlock_t, spinlock_t;

#define raw_spin_lock_init(lock)	((lock)->held = false)
#define spin_lock_init(lock)		raw_spin_lock_init(lock)

static inline void raw_spin_lock(raw_spinlock_t *lock)
{
	/* Whoever holds it is below on this very stack. */
	SHIM_ASSERT(!lock->held);
	lock->held = true;
	shim_locks++;
}

static inline bool raw_spin_trylock(raw_spinlock_t *lock)
{
	if (lock->held)
		return false;
	raw_spin_lock(lock);
	return true;
}

static inline void raw_spin_unlock(raw_spinlock_t *lock)
{
	SHIM_ASSERT(lock->held);
	lock->held = false;
	shim_locks--;
}

DEFINE_LOCK_GUARD_1(raw_spinlock, raw_spinlock_t, raw_spin_lock(_T->lock),
		    raw_spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock, raw_spinlock_t, raw_spin_lock(_T->lock),
		    raw_spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(raw_spinlock_irq, raw_spinlock_t,
		    ({ shim_irqs_off++; raw_spin_lock(_T->lock); }),
		    ({ raw_spin_unlock(_T->lock); shim_irqs_off--; }))
DEFINE_LOCK_GUARD_1(raw_spinlock_irqsave, raw_spinlock_t,
		    ({ shim_irqs_off++; raw_spin_lock(_T->lock); }),
		    ({ raw_spin_unlock(_T->lock); shim_irqs_off--; }))

struct mutex {
	bool held;
};

#define __MUTEX_INITIALIZER(name)	{}
#define mutex_init(lock)		((lock)->held = false)

static inline void mutex_lock(struct mutex *lock)
{
	might_sleep();
	SHIM_ASSERT(!lock->held);
	lock->held = true;
}

static inline void mutex_unlock(struct mutex *lock)
{
	SHIM_ASSERT(lock->held);
	lock->held = false;
}

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))

/* rcupdate.h, srcu.h: nobody else runs, so nobody has to be waited for */
struct srcu_struct {
	unsigned int readers;
};

extern unsigned int shim_rcu_readers;

#define DEFINE_STATIC_SRCU(name)	static struct srcu_struct name
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_dereference(p)		READ_ONCE(p)
#define srcu_dereference(p, srcu)	READ_ONCE(p)
#define rcu_assign_pointer(p, value)	WRITE_ONCE(p, value)
#define RCU_INIT_POINTER(p, value)	WRITE_ONCE(p, value)
#define rcu_dereference_protected(p, c)	(p)
#undef synchronize_rcu
#define synchronize_rcu()		SHIM_ASSERT(!shim_rcu_readers)
#define synchronize_srcu(srcu)		SHIM_ASSERT(!(srcu)->readers)
#define srcu_read_lock(srcu)		((int)(srcu)->readers++)
#define srcu_read_unlock(srcu, idx)	((srcu)->readers--, (void)(idx))

DEFINE_LOCK_GUARD_0(rcu, shim_rcu_readers++, shim_rcu_readers--)

/* slab.h, mm.h */
extern unsigned int shim_alloc_fails;	/* as many allocations as this fail */

void *shim_alloc(size_t size, bool zero) __attribute__((__malloc__));

#define kmalloc(size, gfp)	shim_alloc(size, false)
#define kvmalloc(size, gfp)	shim_alloc(size, false)
#define kzalloc(size, gfp)	shim_alloc(size, true)
#define kvzalloc(size, gfp)	shim_alloc(size, true)
#define kcalloc(n, size, gfp)	shim_alloc((n) * (size), true)
#define kfree(p)		free(p)
#define kvfree(p)		free(p)

/* vmalloc.h, pgtable.h: physical memory is a file, of which parts are mapped */
typedef int pgprot_t;

struct vm_struct {
	struct list_head	list;
	void			*addr;
	size_t			size;
	phys_addr_t		phys;
	pgprot_t		prot;
	bool			used;
};

/* mm.h, io.h, page.h: no memory is mapped already */
#define IS_ENABLED(CONFIG_name)	0
#define PAGE_SHIFT		12
#define page_is_ram(pfn)	((void)(pfn), false)
#define phys_to_virt(phys)	((void *)(phys))
#define is_vmalloc_addr(addr)	((addr) != NULL)

#define VM_IOREMAP		0
#define PAGE_KERNEL		1
#define PAGE_KERNEL_RO		0

void shim_memory_init(size_t size);
struct vm_struct *get_vm_area(unsigned long size, unsigned long flags);
void free_vm_area(struct vm_struct *area);
int vmap_page_range(unsigned long addr, unsigned long end, phys_addr_t phys, pgprot_t prot);
void vunmap(const void *addr);

/* sched/clock.h, ktime.h, jiffies.h: a look at the clock takes time */
typedef s64 ktime_t;

extern u64 shim_now;

#define HZ			250
#define SHIM_JIFFY		(NSEC_PER_MSEC * 1000 / HZ)
#define MAX_JIFFY_OFFSET	((LONG_MAX >> 1) - 1)
#define jiffies			((unsigned long)(shim_now / SHIM_JIFFY))
#define time_before(a, b)	((long)((a) - (b)) < 0)
#define msecs_to_jiffies(ms)	((unsigned long)DIV_ROUND_UP((u64)(ms) * HZ, 1000))
#define local_clock()		(shim_now += 100)
#define ktime_get()		((ktime_t)shim_now)
#define ktime_get_ns()		shim_now
#define ns_to_ktime(ns)		((ktime_t)(ns))
#define ms_to_ktime(ms)		((ktime_t)(ms) * NSEC_PER_MSEC)
#define ktime_ms_delta(a, b)	(((a) - (b)) / NSEC_PER_MSEC)

/* hrtimer.h */
enum hrtimer_restart {
	HRTIMER_NORESTART,
	HRTIMER_RESTART,
};

struct hrtimer {
	struct list_head	list;
	ktime_t			expires;
	unsigned int		cpu;
	enum hrtimer_restart	(*function)(struct hrtimer *timer);
};

#define hrtimer_setup(timer, fn, clock, mode)	\
	(INIT_LIST_HEAD(&(timer)->list), (timer)->function = (fn))

void hrtimer_start(struct hrtimer *timer, ktime_t after, int mode);
void hrtimer_cancel(struct hrtimer *timer);
void hrtimer_forward_now(struct hrtimer *timer, ktime_t interval);

#define HRTIMER_MODE_REL_PINNED_HARD	0
#define CLOCK_MONOTONIC			1

/* workqueue.h */
struct workqueue_struct {
	struct list_head works;
};

struct work_struct {
	struct list_head		list;
	struct workqueue_struct		*wq;
	void				(*func)(struct work_struct *work);
	bool				running;
};

struct delayed_work {
	struct work_struct		work;
	struct workqueue_struct		*wq;
	struct hrtimer			timer;
	bool				disabled;
};

#define WQ_CPU_INTENSIVE	0
#define WQ_PERCPU		0
#define WQ_MAX_ACTIVE		0

extern struct workqueue_struct *system_percpu_wq, *system_long_wq;

struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max, ...);
void destroy_workqueue(struct workqueue_struct *wq);
void INIT_WORK(struct work_struct *work, void (*func)(struct work_struct *work));
void INIT_DELAYED_WORK(struct delayed_work *work, void (*func)(struct work_struct *work));
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
void queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
			unsigned long delay);
void mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
		      unsigned long delay);
void cancel_work_sync(struct work_struct *work);
void disable_delayed_work_sync(struct delayed_work *work);

#define queue_work_on(cpu, wq, work)	queue_work(wq, work)
#define to_delayed_work(w)		container_of(w, struct delayed_work, work)

/* completion.h: who waits has the rest of the machine go on, by shim_wait() */
struct completion {
	unsigned int done;
};

#define init_completion(x)	((x)->done = 0)
#define reinit_completion(x)	((x)->done = 0)
#define complete(x)		((void)(x)->done++)
#define completion_done(x)	((x)->done > 0)

long wait_for_completion_killable_timeout(struct completion *x, unsigned long timeout);

/* notifier.h */
struct notifier_block {
	int			(*notifier_call)(struct notifier_block *nb, unsigned long action,
						 void *data);
	struct notifier_block	*next;
};

struct raw_notifier_head {
	struct notifier_block *head;
};

#define NOTIFY_DONE			0
#define RAW_NOTIFIER_INIT(name)		{}
#define RAW_INIT_NOTIFIER_HEAD(name)	((name)->head = NULL)

int raw_notifier_chain_register(struct raw_notifier_head *head, struct notifier_block *nb);
int raw_notifier_chain_unregister(struct raw_notifier_head *head, struct notifier_block *nb);
void raw_notifier_call_chain(struct raw_notifier_head *head, unsigned long action, void *data);

/* printk.h, ratelimit.h: nobody reads it, but it is formatted */
struct ratelimit_state {
	int unused;
};

/* Not checked: u64 is another type here. */
void shim_print(const char *fmt, ...);

#define ratelimit_state_init(state, interval, burst)	((state)->unused = 0)
#define __ratelimit(state)				((void)(state), true)
#define pr_err(...)					shim_print(__VA_ARGS__)
#define pr_info(...)					shim_print(__VA_ARGS__)
#define pr_info_ratelimited(...)			shim_print(__VA_ARGS__)
#define pr_warn_ratelimited(...)			shim_print(__VA_ARGS__)

/* seq_file.h */
struct seq_file {
	size_t count;
};

#define seq_printf(seq, ...)	((void)(seq), shim_print(__VA_ARGS__))
#define seq_puts(seq, s)	seq_printf(seq, "%s", s)
#define seq_putc(seq, c)	seq_printf(seq, "%c", c)
#define seq_escape_str(seq, s, flags, chars)	seq_puts(seq, s)

/* uio.h */
struct kvec {
	void	*iov_base;
	size_t	iov_len;
};

/* tracepoint.h */
#define TP_PROTO(...)			__VA_ARGS__
#define TP_ARGS(...)
#define TRACE_DEFINE_ENUM(value)
#define TRACE_EVENT(name, proto, ...)	static inline void trace_##name(proto) { }
#define DECLARE_EVENT_CLASS(name, ...)
#define DEFINE_EVENT(class, name, proto, ...)	TRACE_EVENT(name, TP_PROTO(proto))

/* What whoever uses this does with it */

/* Runs an expired timer, or the oldest work. False if there is none. */
bool shim_run_timer(void);
bool shim_run_work(void);
/* Has time go on, to when the next timer expires if that is soon. */
void shim_sleep(u64 ns);
/* Given by whoever uses this: what happens while a task waits. False: nothing any more */
bool shim_wait(void);
/* Forgets all timers and works. */
void shim_reset(void);

#endif /* _MULTIKERNEL_SHIM_H */
