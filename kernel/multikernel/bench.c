// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the layer beside what it stands on: multikernel/bench in debugfs, for
 * scripts/bench. Documentation/multikernel/performance.rst says what is measured.
 *
 * Who writes "TEST PEER COUNT [ARGUMENT]" has that run; reading gives a line with what a
 * microsecond is in cycles, and then one for each sample, in cycles. The peer runs a kernel
 * with this, too. One way is measured by the cycle counter, which is that of the machine and
 * so the same for its kernels.
 */
#include <linux/bitfield.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>
#include <trace/events/multikernel.h>

#include "internal.h"

/* The last of those that are free for all */
#define BENCH_LOOP	(0xffb | MK_IPI_BULK)
#define BENCH_ASK	0xffc
#define BENCH_STREAM	0xffd
#define BENCH_LARGE	(0xffe | MK_IPI_BULK)
#define BENCH_PROBE	(0xfff | MK_IPI_BULK)

#define BENCH_MAX	1000000
#define BENCH_LEN	56
#define BENCH_STREAM_LEN 64

/* Between samples of a CPU that is to be idle */
#define BENCH_PAUSE_US	200

#define BENCH_WAIT	(10 * HZ)

/* Samples of a peer's loop that an answer has room for, and messages for each */
#define BENCH_LOOPS	(MK_IPI_MAX_LEN / sizeof(u64))
#define BENCH_BATCH	32

/* As small as an arena can be: that of instances which send no bulk messages */
#define BENCH_ARENA	ALIGN(MK_WIRE_RINGS + 1, MK_WIRE_ALIGN)

/**
 * enum bench_kind - what an ask is for
 * @BENCH_TAKEN:  say how long this was under way
 * @BENCH_RUNG:	  say when the last doorbell was taken before that of this
 * @BENCH_EXPECT: say so when as many messages have come as @value says
 * @BENCH_SAID:	  an answer
 */
enum bench_kind {
	BENCH_TAKEN,
	BENCH_RUNG,
	BENCH_EXPECT,
	BENCH_SAID,
};

/* Filled up to BENCH_LEN */
struct bench_ask {
	u64 kind;
	u64 value;
};

static DEFINE_MUTEX(bench_lock);	/* one at a time */
static u64 *bench_samples;
static unsigned int bench_nr;
static u64 bench_cycles_per_us;
static DECLARE_COMPLETION(bench_answered);
static u64 bench_answer;

/* Of the other side: interrupts, and messages that are expected */
static u64 bench_rung[2];
static atomic_t bench_left;

static int bench_say(unsigned int peer, u64 kind, u64 value)
{
	struct bench_ask ask[BENCH_LEN / sizeof(struct bench_ask) + 1] = {
		{ .kind = kind, .value = value },
	};

	return mk_ipi_send(peer, BENCH_ASK, ask, BENCH_LEN);
}

static void bench_asked(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const struct bench_ask *ask = msg->data;
	u64 now = get_cycles();

	if (msg->len != BENCH_LEN)
		return;
	switch (ask->kind) {
	case BENCH_TAKEN:
		bench_say(msg->from, BENCH_SAID, now - ask->value);
		break;
	case BENCH_RUNG:
		bench_say(msg->from, BENCH_SAID, bench_rung[1]);
		break;
	case BENCH_EXPECT:
		atomic_set(&bench_left, ask->value);
		break;
	case BENCH_SAID:
		bench_answer = ask->value;
		complete(&bench_answered);
		break;
	}
}

static void bench_streamed(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	if (atomic_dec_and_test(&bench_left) && msg->from != mk_ipi_self())
		bench_say(msg->from, BENCH_SAID, 0);
}

static void bench_probe(void *data, const struct mk_receiver *receiver)
{
	bench_rung[1] = bench_rung[0];
	bench_rung[0] = get_cycles();
}

/* A call, and on the bulk lane, since it sleeps: with a byte, whether to look at doorbells */
static int bench_set_probe(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			   struct mk_ipi_reply *reply)
{
	static bool probed;
	bool wanted;
	int ret = 0;

	if (msg->len != 1)
		return -EINVAL;
	wanted = *(const u8 *)msg->data;
	if (wanted && !probed)
		ret = register_trace_mk_interrupt(bench_probe, NULL);
	else if (!wanted && probed)
		ret = unregister_trace_mk_interrupt(bench_probe, NULL);
	if (!ret)
		probed = wanted;
	return ret;
}

/* What is asked and answered, and nothing more */
static int bench_ping(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		      struct mk_ipi_reply *reply)
{
	memcpy(reply->data, msg->data, msg->len);
	reply->len = msg->len;
	return 0;
}

/*
 * Messages of a kernel to itself, on one CPU: the whole way, and no other CPU. They wait in
 * the ring until interrupts are on again. A call, and on the bulk lane: how often. The answer
 * is what each batch took.
 */
static int bench_looped(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			struct mk_ipi_reply *reply)
{
	u64 then, count, *took = reply->data;
	u8 data[BENCH_STREAM_LEN] = {};
	unsigned int i, n;
	unsigned long end;
	int ret = 0;

	if (msg->len != sizeof(count))
		return -EINVAL;
	memcpy(&count, msg->data, sizeof(count));
	if (count > BENCH_LOOPS)
		return -EINVAL;
	for (n = 0; n < count; n++) {
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		atomic_set(&bench_left, BENCH_BATCH);
		end = jiffies + HZ;
		then = get_cycles();
		scoped_guard(irq) {
			for (i = 0; !ret && i < BENCH_BATCH; i++)
				ret = mk_ipi_send(mk_ipi_self(), BENCH_STREAM, data, sizeof(data));
		}
		while (!ret && atomic_read(&bench_left)) {
			if (time_after(jiffies, end))
				ret = -ETIMEDOUT;
			cpu_relax();
		}
		took[n] = get_cycles() - then;
		if (ret)
			return ret;
	}
	reply->len = count * sizeof(*took);
	return 0;
}

static struct mk_ipi_handler bench_handlers[] = {
	{ .type = BENCH_LOOP, .name = "bench loop", .call = bench_looped },
	{ .type = BENCH_ASK, .name = "bench", .fn = bench_asked, .call = bench_ping },
	{ .type = BENCH_STREAM, .name = "bench stream", .fn = bench_streamed },
	{ .type = BENCH_LARGE, .name = "bench large", .fn = bench_streamed },
	{ .type = BENCH_PROBE, .name = "bench probe", .call = bench_set_probe },
};

/* The other side has said something */
static int bench_wait(u64 *value)
{
	long left = wait_for_completion_killable_timeout(&bench_answered, BENCH_WAIT);

	if (left <= 0)
		return left ? -EINTR : -ETIMEDOUT;
	*value = bench_answer;
	return 0;
}

static void bench_add(u64 cycles)
{
	bench_samples[bench_nr++] = cycles;
}

static int bench_message(unsigned int peer, u64 count, u64 argument)
{
	u64 value;
	int ret;

	while (count--) {
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		ret = bench_say(peer, BENCH_TAKEN, get_cycles()) ?: bench_wait(&value);
		if (ret)
			return ret;
		bench_add(value);
	}
	return 0;
}

/* Ring at a door, with nothing behind it, and not even its bell */
static int bench_ring(unsigned int peer, unsigned int door)
{
	struct mk_instance *instance = mk_ipi_instance();
	const struct mk_wire_self *self = mk_region_self(instance->region, peer);
	const struct mk_door where = {
		.hwid	= READ_ONCE(self->doors[door].hwid),
		.number	= READ_ONCE(self->doors[door].number),
	};

	return instance->backend->ring(instance->backend, &where);
}

static int bench_doorbell(unsigned int peer, u64 count, u64 argument)
{
	u64 then, value;
	u8 on = 1;
	int ret;

	ret = mk_ipi_call(peer, BENCH_PROBE, &on, 1, NULL, BENCH_WAIT);
	while (!ret && count--) {
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		then = get_cycles();
		ret = bench_ring(peer, 0);
		if (ret)
			break;
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		ret = bench_say(peer, BENCH_RUNG, 0) ?: bench_wait(&value);
		/* Another doorbell may have come between */
		if (!ret && value - then < bench_cycles_per_us * USEC_PER_SEC)
			bench_add(value - then);
	}
	on = 0;
	return mk_ipi_call(peer, BENCH_PROBE, &on, 1, NULL, BENCH_WAIT) ?: ret;
}

static int bench_call(unsigned int peer, u64 count, u64 argument)
{
	u8 data[BENCH_LEN] = {}, answer[BENCH_LEN];
	u64 then;
	int ret;

	while (count--) {
		struct mk_ipi_reply reply = { .data = answer, .size = sizeof(answer) };

		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		then = get_cycles();
		ret = mk_ipi_call(peer, BENCH_ASK, data, sizeof(data), &reply, BENCH_WAIT);
		if (ret)
			return ret;
		bench_add(get_cycles() - then);
	}
	return 0;
}

static void bench_called(void *arg)
{
	u64 *value = arg;

	WRITE_ONCE(*value, get_cycles());
}

/* The kernel's own way to another CPU of this kernel; with an argument, waiting for it */
static int bench_ipi(unsigned int peer, u64 count, u64 argument)
{
	static u64 value;
	static call_single_data_t csd = CSD_INIT(bench_called, &value);
	unsigned int cpu;
	u64 then;
	int ret;

	while (count--) {
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		scoped_guard(preempt) {
			cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
			if (cpu >= nr_cpu_ids)
				return -ENXIO;
			WRITE_ONCE(value, 0);
			then = get_cycles();
			if (argument)
				ret = smp_call_function_single(cpu, bench_called, &value, 1);
			else
				ret = smp_call_function_single_async(cpu, &csd);
			if (argument)
				bench_add(get_cycles() - then);
		}
		if (ret)
			return ret;
		if (argument)
			continue;
		do {
			usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		} while (!READ_ONCE(value));
		bench_add(value - then);
	}
	return 0;
}

/* A message to another CPU of this kernel, as bench_ipi() */
static int bench_self(unsigned int peer, u64 count, u64 argument)
{
	struct bench_ask ask[BENCH_LEN / sizeof(struct bench_ask) + 1] = {
		{ .kind = BENCH_TAKEN },
	};
	unsigned int self = mk_ipi_self(), cpu;
	u64 value;
	int ret;

	while (count--) {
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		scoped_guard(preempt) {
			/* As they are counted by the layer, if all are online */
			cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
			ask->value = get_cycles();
			ret = mk_ipi_send(self, BENCH_ASK | MK_IPI_TO_CPU(cpu), ask, BENCH_LEN);
		}
		ret = ret ?: bench_wait(&value);
		if (ret)
			return ret;
		bench_add(value);
	}
	return 0;
}

/**
 * struct bench_sender - a CPU that sends
 * @peer:  to whom
 * @count: so many messages
 * @ring:  and rings for each
 * @error: how it went
 * @begin: completed for it to begin
 */
struct bench_sender {
	unsigned int	   peer;
	u64		   count;
	bool		   ring;
	int		   error;
	struct completion *begin;
};

static int bench_send(void *arg)
{
	struct bench_sender *sender = arg;
	u8 data[BENCH_STREAM_LEN] = {};

	wait_for_completion(sender->begin);
	while (sender->count-- && !sender->error) {
		sender->error = mk_ipi_send_wait(sender->peer, BENCH_STREAM, data, sizeof(data),
						 BENCH_WAIT);
		if (sender->ring)
			mk_link_ring(&mk_ipi_instance()->links[sender->peer], 0);
	}
	return 0;
}

/* By @argument CPUs, 0 and 1; 0: by one, which rings for each message */
static int bench_stream(unsigned int peer, u64 count, u64 argument)
{
	static DECLARE_COMPLETION(begin);
	struct bench_sender senders[2] = {};
	struct task_struct *task[2] = {};
	unsigned int i, nr = clamp_t(u64, argument, 1, 2);
	struct mk_ipi_stats before, after;
	u64 then, value;
	int ret;

	reinit_completion(&begin);
	ret = bench_say(peer, BENCH_EXPECT, count / nr * nr) ?:
	      mk_ipi_peer_stats(peer, 0, &before);
	if (ret)
		return ret;
	for (i = 0; i < nr; i++) {
		senders[i] = (struct bench_sender) {
			.peer = peer, .count = count / nr, .ring = !argument, .begin = &begin,
		};
		task[i] = kthread_create_on_cpu(bench_send, &senders[i], i, "mk_bench/%u");
		if (IS_ERR(task[i])) {
			ret = PTR_ERR(task[i]);
			nr = i;
			break;
		}
		get_task_struct(task[i]);
		wake_up_process(task[i]);
	}
	then = get_cycles();
	complete_all(&begin);
	ret = ret ?: bench_wait(&value);
	value = get_cycles() - then;
	for (i = 0; i < nr; i++) {
		kthread_stop_put(task[i]);
		ret = ret ?: senders[i].error;
	}
	ret = ret ?: mk_ipi_peer_stats(peer, 0, &after);
	if (ret)
		return ret;
	bench_add(value);
	/* What is not in there is what bench_send() rang */
	bench_add(after.doorbells - before.doorbells + (argument ? 0 : count));
	return 0;
}

/* So many messages in a row, to a CPU that is idle before, until the last is handled */
static int bench_burst(unsigned int peer, u64 count, u64 argument)
{
	u8 data[BENCH_STREAM_LEN] = {};
	u64 then, value, i;
	int ret = 0;

	while (!ret && count--) {
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		ret = bench_say(peer, BENCH_EXPECT, argument);
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		then = get_cycles();
		for (i = 0; !ret && i < argument; i++)
			ret = mk_ipi_send_wait(peer, BENCH_STREAM, data, sizeof(data), BENCH_WAIT);
		ret = ret ?: bench_wait(&value);
		if (!ret)
			bench_add(get_cycles() - then);
	}
	return ret;
}

/* Messages as large as there can be; without an argument, copies of as many bytes */
static int bench_large(unsigned int peer, u64 count, u64 argument)
{
	u8 *from = vzalloc(MK_IPI_MAX_BULK_LEN), *to = vzalloc(MK_IPI_MAX_BULK_LEN);
	u64 then, value = 0, i;
	int ret = from && to ? 0 : -ENOMEM;

	if (!ret && argument)
		ret = bench_say(peer, BENCH_EXPECT, count);
	then = get_cycles();
	for (i = 0; !ret && i < count; i++) {
		if (argument) {
			ret = mk_ipi_send_wait(peer, BENCH_LARGE, from, MK_IPI_MAX_BULK_LEN,
					       BENCH_WAIT);
		} else {
			memcpy(to, from, MK_IPI_MAX_BULK_LEN);
			barrier_data(to);
			memcpy(from, to, MK_IPI_MAX_BULK_LEN);
			barrier_data(from);
			cond_resched();
		}
	}
	if (!ret && argument)
		ret = bench_wait(&value);
	if (!ret)
		bench_add(get_cycles() - then);
	vfree(from);
	vfree(to);
	return ret;
}

static void bench_nothing(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
}

/* Find the handlers of the first @active types, one after the other, of @wanted in a table */
static int bench_find(u64 count, u64 wanted, u64 active)
{
	unsigned int i, nr = clamp_t(u64, wanted, 1, MK_IPI_NR_TYPES - MK_IPI_TYPE_ASSIGNED);
	unsigned int turn = 0, turns = clamp_t(u64, active, 1, nr);
	struct mk_ipi_handler *handlers = kvcalloc(nr, sizeof(*handlers), GFP_KERNEL);
	struct mk_handlers *table = kvzalloc(sizeof(*table), GFP_KERNEL);
	struct mk_ipi_msg msg = { .from = mk_ipi_self() };
	int ret = handlers && table ? 0 : -ENOMEM;
	unsigned long flags;
	u64 then;

	if (!ret)
		mk_handlers_init(table);
	for (i = 0; !ret && i < nr; i++) {
		handlers[i] = (struct mk_ipi_handler) {
			.type = MK_IPI_NR_TYPES - 1 - i, .name = "bench", .fn = bench_nothing,
		};
		ret = mk_handlers_add(table, &handlers[i]);
	}
	for (; !ret && count; count--) {
		local_irq_save(flags);
		then = get_cycles();
		for (i = 0; i < 64; i++) {
			msg.type = MK_IPI_NR_TYPES - 1 - turn;
			mk_ipi_dispatch(table, &msg, NULL);
			if (++turn == turns)
				turn = 0;
		}
		bench_add(get_cycles() - then);
		local_irq_restore(flags);
		cond_resched();
	}
	/* Nobody else knows of the table: to take each out of it would wait for each */
	for (i = 0; handlers && i < nr; i++)
		free_percpu(handlers[i].taken);
	kvfree(handlers);
	kvfree(table);
	return ret;
}

/* One that is used, of @argument */
static int bench_dispatch(unsigned int peer, u64 count, u64 argument)
{
	return bench_find(count, argument, 1);
}

/* All of them, in turn */
static int bench_each(unsigned int peer, u64 count, u64 argument)
{
	return bench_find(count, argument, argument);
}

static int bench_loop(unsigned int peer, u64 count, u64 argument)
{
	u64 *took = kcalloc(BENCH_LOOPS, sizeof(*took), GFP_KERNEL);
	/* No more than bench_samples has room for, whatever the peer says */
	struct mk_ipi_reply reply = {
		.data = took, .size = min(count, BENCH_LOOPS) * sizeof(*took),
	};
	unsigned int i;
	int ret = -ENOMEM;

	if (took)
		ret = mk_ipi_call(peer, BENCH_LOOP, &count, sizeof(count), &reply, BENCH_WAIT);
	for (i = 0; !ret && i < reply.len / sizeof(*took); i++)
		bench_add(took[i]);
	kfree(took);
	return ret;
}

/**
 * struct bench_node - one of many instances in this kernel
 * @backend:  its soft backend
 * @region:   the shared memory as it sees it
 * @instance: its side
 */
struct bench_node {
	struct mk_backend  *backend;
	struct mk_region   *region;
	struct mk_instance *instance;
};

static void bench_many_taken(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	const struct bench_ask *ask = msg->data;

	bench_answer = get_cycles() - ask->value;
	complete(&bench_answered);
}

static int bench_node_join(struct bench_node *node, phys_addr_t phys, u64 size, unsigned int i,
			   struct mk_handlers *handlers, unsigned int cpu)
{
	void *made;

	made = mk_soft_create();
	if (IS_ERR(made))
		return PTR_ERR(made);
	node->backend = made;
	made = mk_region_map(phys, size, i, 0);
	if (IS_ERR(made))
		return PTR_ERR(made);
	node->region = made;
	made = mk_instance_join(node->region, node->backend, handlers, cpumask_of(cpu), 0);
	if (IS_ERR(made))
		return PTR_ERR(made);
	node->instance = made;
	return 0;
}

static void bench_node_leave(struct bench_node *node)
{
	if (node->instance)
		mk_instance_leave(node->instance, MK_WIRE_REASON_HALT);
	if (node->region)
		mk_region_unmap(node->region);
	if (node->backend)
		mk_soft_destroy(node->backend);
}

/*
 * From an instance on this CPU, where the caller has to stay, to one on another, which has
 * @argument peers in all
 */
static int bench_peers(unsigned int peer, u64 count, u64 argument)
{
	unsigned int i, nr = clamp_t(u64, argument, 1, MK_WIRE_MAX_INSTANCES - 1) + 1;
	struct bench_ask ask[BENCH_LEN / sizeof(struct bench_ask) + 1] = {};
	u64 size = mk_region_bytes(nr, BENCH_ARENA);
	struct mk_handlers *handlers = kvzalloc(sizeof(*handlers), GFP_KERNEL);
	struct bench_node *nodes = kcalloc(nr, sizeof(*nodes), GFP_KERNEL);
	struct mk_ipi_handler handler = {
		.type = BENCH_ASK, .name = "bench", .fn = bench_many_taken,
	};
	unsigned int cpu = raw_smp_processor_id(), other = cpumask_any_but(cpu_online_mask, cpu);
	phys_addr_t phys, reserved;
	int ret = -ENOMEM;
	u64 value;

	if (!handlers || !nodes)
		goto out;
	ret = -ENXIO;
	if (other >= nr_cpu_ids || !reserve_mem_find_by_name("bench", &phys, &reserved) ||
	    size > reserved)
		goto out;
	mk_handlers_init(handlers);
	ret = mk_handlers_add(handlers, &handler) ?: mk_region_format(phys, size, nr);
	for (i = 0; !ret && i < nr; i++)
		ret = bench_node_join(&nodes[i], phys, size, i, handlers, i ? cpu : other);
	/* Until nobody has anything to say of it any more */
	if (!ret)
		fsleep(300 * USEC_PER_MSEC);
	while (!ret && count--) {
		usleep_range(BENCH_PAUSE_US, 2 * BENCH_PAUSE_US);
		ask->value = get_cycles();
		ret = mk_instance_send(nodes[1].instance, 0, BENCH_ASK, ask, BENCH_LEN) ?:
		      bench_wait(&value);
		if (!ret)
			bench_add(value);
	}
	for (i = 0; i < nr; i++)
		bench_node_leave(&nodes[i]);
	free_percpu(handler.taken);
out:
	kfree(nodes);
	kvfree(handlers);
	return ret;
}

static const struct bench_test {
	const char *name;
	int	   (*run)(unsigned int peer, u64 count, u64 argument);
} bench_tests[] = {
	{ "doorbell", bench_doorbell },
	{ "message", bench_message },
	{ "call", bench_call },
	{ "ipi", bench_ipi },
	{ "self", bench_self },
	{ "stream", bench_stream },
	{ "burst", bench_burst },
	{ "large", bench_large },
	{ "dispatch", bench_dispatch },
	{ "each", bench_each },
	{ "loop", bench_loop },
	{ "peers", bench_peers },
};

/* Of the time since, by the clock of the kernel */
static void bench_calibrate(void)
{
	u64 ns = ktime_get_ns(), cycles = get_cycles();

	fsleep(20 * USEC_PER_MSEC);
	cycles = get_cycles() - cycles;
	ns = ktime_get_ns() - ns;
	bench_cycles_per_us = div64_u64(cycles * NSEC_PER_USEC, ns) ?: 1;
}

static int bench_run(const struct bench_test *test, unsigned int peer, u64 count, u64 argument)
{
	if (!count || count > BENCH_MAX)
		return -EINVAL;
	if (!mk_ipi_instance())
		return -ENODEV;
	if (mk_ipi_peer_state(peer) != MK_IPI_PEER_UP)
		return -ENOTCONN;
	kvfree(bench_samples);
	bench_nr = 0;
	/* A test that gives two numbers of all of it has at least as many */
	bench_samples = kvcalloc(count + 1, sizeof(*bench_samples), GFP_KERNEL);
	if (!bench_samples)
		return -ENOMEM;
	bench_calibrate();
	reinit_completion(&bench_answered);
	return test->run(peer, count, argument);
}

static ssize_t bench_write(struct file *file, const char __user *text, size_t len, loff_t *pos)
{
	char line[64], name[16];
	unsigned int i, peer;
	u64 count, argument = 0;
	int ret;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, text, len))
		return -EFAULT;
	line[len] = 0;
	if (sscanf(line, "%15s %u %llu %llu", name, &peer, &count, &argument) < 3)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(bench_tests); i++) {
		if (strcmp(name, bench_tests[i].name))
			continue;
		guard(mutex)(&bench_lock);
		ret = bench_run(&bench_tests[i], peer, count, argument);
		return ret ?: len;
	}
	return -EINVAL;
}

static int bench_show(struct seq_file *seq, void *unused)
{
	unsigned int i;

	guard(mutex)(&bench_lock);
	seq_printf(seq, "%llu\n", bench_cycles_per_us);
	for (i = 0; i < bench_nr; i++)
		seq_printf(seq, "%llu\n", bench_samples[i]);
	return 0;
}

DEFINE_SHOW_STORE_ATTRIBUTE(bench);

/* Behind that of fault.c, and ahead of those that join */
static int __init bench_init(void)
{
	struct dentry *dir = debugfs_lookup("multikernel", NULL);
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(bench_handlers); i++) {
		ret = mk_ipi_register(&bench_handlers[i]);
		if (ret)
			return ret;
	}
	if (dir)
		dput(dir);
	else
		dir = debugfs_create_dir("multikernel", NULL);
	debugfs_create_file("bench", 0600, dir, NULL, &bench_fops);
	return 0;
}
late_initcall(bench_init);
