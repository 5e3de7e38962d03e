// SPDX-License-Identifier: GPL-2.0
/* What shim.h promises and does not do inline. */
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

#define SHIM_PAGE	4096UL

unsigned int shim_cpu;
bool shim_idle;
unsigned int shim_irqs_off;
unsigned int shim_locks;
unsigned int shim_rcu_readers;
unsigned int shim_alloc_fails;
u64 shim_now;

const struct cpumask shim_cpus_online = { .bits = BIT(SHIM_CPUS) - 1 };

static LIST_HEAD(timers);
static LIST_HEAD(areas);

/* All queues share a list: what was queued first runs first. */
static LIST_HEAD(works);
static struct workqueue_struct system_queue;
struct workqueue_struct *system_percpu_wq = &system_queue;
struct workqueue_struct *system_long_wq = &system_queue;

static int memory_fd = -1;
static size_t memory_size;

void shim_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "shim: %s at %s:%d\n", what, file, line);
	abort();
}

void shim_print(const char *fmt, ...)
{
	static char line[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
}

void *shim_alloc(size_t size, bool zero)
{
	void *p;

	if (shim_alloc_fails) {
		shim_alloc_fails--;
		return NULL;
	}
	if (posix_memalign(&p, 64, size))
		return NULL;
	if (zero)
		memset(p, 0, size);
	return p;
}

/* Have @size bytes of physical memory, from 0 on. */
void shim_memory_init(size_t size)
{
	memory_fd = memfd_create("memory", 0);
	memory_size = size;
	SHIM_ASSERT(memory_fd >= 0 && !ftruncate(memory_fd, size));
}

/*
 * With an unmapped page behind it. One that is freed stays mapped for the next of its
 * size, which is much faster.
 */
struct vm_struct *get_vm_area(unsigned long size, unsigned long flags)
{
	struct vm_struct *area;

	SHIM_ASSERT(size <= memory_size);
	list_for_each_entry(area, &areas, list) {
		if (area->size == size && !area->used) {
			area->used = true;
			return area;
		}
	}
	area = shim_alloc(sizeof(*area), true);
	if (!area)
		return NULL;
	area->addr = mmap(NULL, size + SHIM_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	SHIM_ASSERT(area->addr != MAP_FAILED);
	area->size = size;
	area->prot = -1;
	area->used = true;
	list_add(&area->list, &areas);
	return area;
}

void free_vm_area(struct vm_struct *area)
{
	area->used = false;
}

static struct vm_struct *find_vm_area(const void *addr)
{
	struct vm_struct *area;

	list_for_each_entry(area, &areas, list)
		if (area->used && area->addr == addr)
			return area;
	shim_fail("what is not mapped is mapped or unmapped", __FILE__, __LINE__);
}

int vmap_page_range(unsigned long addr, unsigned long end, phys_addr_t phys, pgprot_t prot)
{
	struct vm_struct *area = find_vm_area((void *)addr);

	SHIM_ASSERT(end - addr == area->size);
	SHIM_ASSERT(phys <= memory_size && area->size <= memory_size - phys);
	if (area->phys == phys && area->prot == prot)
		return 0;
	if (mmap(area->addr, area->size, PROT_READ | (prot == PAGE_KERNEL ? PROT_WRITE : 0),
		 MAP_SHARED | MAP_FIXED, memory_fd, phys) == MAP_FAILED)
		return -ENOMEM;
	area->phys = phys;
	area->prot = prot;
	return 0;
}

void vunmap(const void *addr)
{
	free_vm_area(find_vm_area(addr));
}

void hrtimer_start(struct hrtimer *timer, ktime_t after, int mode)
{
	list_del_init(&timer->list);
	timer->expires = (ktime_t)shim_now + after;
	timer->cpu = shim_cpu;
	/* Such would never come. */
	SHIM_ASSERT(after >= 0 && timer->expires >= 0);
	list_add_tail(&timer->list, &timers);
}

void hrtimer_cancel(struct hrtimer *timer)
{
	list_del_init(&timer->list);
}

void hrtimer_forward_now(struct hrtimer *timer, ktime_t interval)
{
	SHIM_ASSERT(interval > 0);
	timer->expires = (ktime_t)shim_now + interval;
}

static struct hrtimer *first_timer(void)
{
	struct hrtimer *timer, *first = NULL;

	list_for_each_entry(timer, &timers, list)
		if (!first || timer->expires < first->expires)
			first = timer;
	return first;
}

bool shim_run_timer(void)
{
	struct hrtimer *timer = first_timer();
	unsigned int cpu = shim_cpu;

	if (!timer || timer->expires > (ktime_t)shim_now)
		return false;
	list_del_init(&timer->list);
	shim_cpu = timer->cpu;
	shim_irqs_off++;
	if (timer->function(timer) == HRTIMER_RESTART)
		list_add_tail(&timer->list, &timers);
	shim_irqs_off--;
	shim_cpu = cpu;
	return true;
}

void shim_sleep(u64 ns)
{
	struct hrtimer *timer = first_timer();
	u64 end = shim_now + ns;

	if (timer && timer->expires > (ktime_t)shim_now && (u64)timer->expires < end)
		end = timer->expires;
	shim_now = end;
}

struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max, ...)
{
	return shim_alloc(sizeof(struct workqueue_struct), true);
}

static struct work_struct *next_work(const struct workqueue_struct *wq)
{
	struct work_struct *work;

	/* One that is below on this very stack is not run once more beside itself. */
	list_for_each_entry(work, &works, list)
		if (!work->running && (!wq || work->wq == wq))
			return work;
	return NULL;
}

static void run_work(struct work_struct *work)
{
	list_del_init(&work->list);
	work->running = true;
	work->func(work);
	work->running = false;
}

bool shim_run_work(void)
{
	struct work_struct *work = next_work(NULL);

	if (!work)
		return false;
	might_sleep();
	run_work(work);
	return true;
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	struct work_struct *work;
	unsigned int n;

	might_sleep();
	for (n = 0; (work = next_work(wq)); n++) {
		SHIM_ASSERT(n < 1000);
		run_work(work);
	}
	kfree(wq);
}

void INIT_WORK(struct work_struct *work, void (*func)(struct work_struct *work))
{
	INIT_LIST_HEAD(&work->list);
	work->func = func;
	work->running = false;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	if (!list_empty(&work->list))
		return false;
	work->wq = wq;
	list_add_tail(&work->list, &works);
	return true;
}

static enum hrtimer_restart delayed_work_timer(struct hrtimer *timer)
{
	struct delayed_work *work = container_of(timer, struct delayed_work, timer);

	queue_work(work->wq, &work->work);
	return HRTIMER_NORESTART;
}

void INIT_DELAYED_WORK(struct delayed_work *work, void (*func)(struct work_struct *work))
{
	INIT_WORK(&work->work, func);
	hrtimer_setup(&work->timer, delayed_work_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	work->disabled = false;
}

void queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
			unsigned long delay)
{
	if (list_empty(&work->work.list) && list_empty(&work->timer.list))
		mod_delayed_work(wq, work, delay);
}

void mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
		      unsigned long delay)
{
	if (work->disabled)
		return;
	hrtimer_cancel(&work->timer);
	list_del_init(&work->work.list);
	work->wq = wq;
	if (delay)
		hrtimer_start(&work->timer, delay * SHIM_JIFFY, HRTIMER_MODE_REL_PINNED_HARD);
	else
		queue_work(wq, &work->work);
}

void cancel_work_sync(struct work_struct *work)
{
	might_sleep();
	SHIM_ASSERT(!work->running);
	list_del_init(&work->list);
}

void disable_delayed_work_sync(struct delayed_work *work)
{
	work->disabled = true;
	hrtimer_cancel(&work->timer);
	cancel_work_sync(&work->work);
}

long wait_for_completion_killable_timeout(struct completion *x, unsigned long timeout)
{
	unsigned long end = jiffies + timeout;

	might_sleep();
	while (!x->done) {
		if (!time_before(jiffies, end))
			return 0;
		/* Nothing happens any more but that time goes by. */
		if (!shim_wait())
			shim_now += SHIM_JIFFY * (end - jiffies);
	}
	x->done--;
	return max_t(long, end - jiffies, 1);
}

int raw_notifier_chain_register(struct raw_notifier_head *head, struct notifier_block *nb)
{
	nb->next = head->head;
	head->head = nb;
	return 0;
}

int raw_notifier_chain_unregister(struct raw_notifier_head *head, struct notifier_block *nb)
{
	struct notifier_block **p;

	for (p = &head->head; *p; p = &(*p)->next) {
		if (*p == nb) {
			*p = nb->next;
			return 0;
		}
	}
	return -ENOENT;
}

void raw_notifier_call_chain(struct raw_notifier_head *head, unsigned long action, void *data)
{
	struct notifier_block *nb;

	for (nb = head->head; nb; nb = nb->next)
		nb->notifier_call(nb, action, data);
}

void shim_reset(void)
{
	SHIM_ASSERT(!shim_irqs_off && !shim_locks && !shim_rcu_readers);
	INIT_LIST_HEAD(&timers);
	INIT_LIST_HEAD(&works);
	shim_cpu = 0;
	shim_idle = false;
	shim_alloc_fails = 0;
	shim_now = 1000 * NSEC_PER_MSEC;
}
