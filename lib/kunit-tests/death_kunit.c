// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of those who die, or go, in the middle of something: between two stores to the
 * shared memory, while others wait for them, or while they are called.
 */
#include <linux/bitfield.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "helpers.h"

#define DEATH_TYPE	(MK_IPI_TYPE_LOCAL + 0x10)
#define DEATH_NR	3
#define DEATH_VICTIM	1	/* who dies; node 0 is the keeper, and says so */
#define DEATH_OTHER	2	/* who had to do with it */

static enum mk_lane death_lane(u32 type)
{
	return type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
}

/* The only ring of the lane from one to another */
static unsigned int death_ring(u32 type)
{
	return death_lane(type) * MK_LANE_RINGS;
}

static struct mk_tx *death_tx(struct mk_test_machine *machine, unsigned int from,
			      unsigned int to, u32 type)
{
	return &machine->node[from].instance->links[to].tx[death_ring(type)];
}

static struct mk_wire_tx *death_wire_tx(struct mk_test_machine *machine, unsigned int from,
					unsigned int to, u32 type)
{
	return mk_link_wire_tx(&machine->node[from].instance->links[to], death_ring(type));
}

/*
 * Its CPUs stop: it says nothing, and writes nothing any more. The keeper declares it
 * dead. What is left of it in this kernel goes then, which nobody listens to.
 */
static void death_kill(struct mk_test_machine *machine, unsigned int victim)
{
	struct mk_test_node *node = machine->node;

	mk_instance_fence(node[MK_KEEPER].instance, victim, node[victim].instance->incarnation);
	mk_test_leave(&node[victim]);
}

/* All to all by both lanes, each message once and no other */
static void death_expect_well(struct kunit *test, struct mk_test_machine *machine)
{
	unsigned int i, k;

	for (i = 0; i < machine->nr; i++) {
		mk_test_settle(test, &machine->node[i]);
		mk_test_box_empty(&machine->node[i].inbox);
		mk_test_box_empty(&machine->node[i].bulk);
	}
	for (i = 0; i < machine->nr; i++) {
		for (k = 0; k < machine->nr; k++) {
			mk_test_exchange(test, machine, i, k, MK_TEST_INBOX, 300);
			mk_test_exchange(test, machine, i, k, MK_TEST_BULK, 300);
		}
	}
	for (i = 0; i < machine->nr; i++) {
		mk_test_settle(test, &machine->node[i]);
		KUNIT_EXPECT_EQ(test, machine->nr, atomic_read(&machine->node[i].inbox.count));
		KUNIT_EXPECT_EQ(test, machine->nr, atomic_read(&machine->node[i].bulk.count));
		for (k = 0; k < MK_NR_LANES; k++)
			KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&machine->node[i], DEATH_VICTIM,
							       k).corrupt);
	}
}

/* A head that would be right for a message of @sender at @pos */
static u64 death_head(u32 sender, u32 pos, u32 type)
{
	return FIELD_PREP(MK_WIRE_HEAD_LEN, sizeof(struct mk_test_note)) |
	       FIELD_PREP(MK_WIRE_HEAD_TYPE, type % MK_IPI_NR_TYPES) |
	       FIELD_PREP(MK_WIRE_HEAD_SEQ, MK_WIRE_SEQ_VALID |
			  FIELD_PREP(MK_WIRE_SEQ_SENDER, sender) |
			  FIELD_PREP(MK_WIRE_SEQ_POSITION, pos));
}

/*
 * Before it has published the head of a long message, whose bytes look like heads of its
 * own life or, as memory may be reused, of the next.
 */
static void death_half_written(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, DEATH_NR);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[DEATH_OTHER], *type);
	unsigned int next, i, round;
	struct mk_ring_tx *ring;

	for (round = 0; round < 4; round++) {
		mk_test_box_empty(box);
		for (i = 0; i < 3; i++)
			KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[DEATH_VICTIM], DEATH_OTHER,
							      *type, 0, i));
		mk_test_settle(test, &node[DEATH_OTHER]);
		ring = &death_tx(machine, DEATH_VICTIM, DEATH_OTHER, *type)->ring;
		next = ring->sender + round % 2;
		/* All of the slots but the head of the first; then it is over */
		for (i = 0; i < 60; i++) {
			WRITE_ONCE(*(u64 *)ring->slots[ring->pos + i].data,
				   death_head(next, i, *type));
			if (i)
				WRITE_ONCE(ring->slots[ring->pos + i].head,
					   death_head(next, ring->pos + i, *type));
		}
		if (round < 2)
			WRITE_ONCE(ring->slots[ring->pos + i].head, 0);
		mk_test_settle(test, &node[DEATH_OTHER]);
		KUNIT_EXPECT_EQ(test, 3, atomic_read(&box->count));

		death_kill(machine, DEATH_VICTIM);
		mk_test_join(test, &node[DEATH_VICTIM]);
		mk_test_box_empty(box);
		for (i = 0; i < 80; i++) {
			KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[DEATH_VICTIM], DEATH_OTHER,
							      *type, 0, i));
			/* None of what is left there comes before what is written next */
			if (i < 8) {
				mk_test_settle(test, &node[DEATH_OTHER]);
				KUNIT_EXPECT_EQ(test, i + 1, atomic_read(&box->count));
			}
		}
		mk_test_settle(test, &node[DEATH_OTHER]);
		KUNIT_EXPECT_EQ(test, 80, atomic_read(&box->count));
		KUNIT_EXPECT_EQ(test, 0, box->misordered);
		/* From the start of a ring again, whatever was in there */
		death_kill(machine, DEATH_VICTIM);
		mk_test_join(test, &node[DEATH_VICTIM]);
	}
	death_expect_well(test, machine);
}

/* Before a ring that it has opened has its key: said to be there, or not yet */
static void death_before_the_key(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, DEATH_NR);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[DEATH_OTHER], *type);
	struct mk_wire_bell *bells = mk_test_arena(machine, DEATH_VICTIM) + MK_WIRE_BELLS;
	struct mk_wire_tx *wire;
	unsigned int i, round;
	struct mk_rx *rx;

	for (round = 0; round < 4; round++) {
		mk_test_box_empty(box);
		rx = &node[DEATH_OTHER].instance->links[DEATH_VICTIM].rx[death_ring(*type)];
		wire = death_wire_tx(machine, DEATH_VICTIM, DEATH_OTHER, *type);
		/* The first ring of all, or one for a life of the other's that is over */
		if (round % 2) {
			/* No beat of the other's looks at them */
			guard(raw_spinlock_irqsave)(&rx->lock);
			mk_test_mute(&node[DEATH_VICTIM]);
			for (i = 0; i < 5; i++)
				mk_test_note(&node[DEATH_VICTIM], DEATH_OTHER, *type, 0, i);
			mk_test_unmute(&node[DEATH_VICTIM]);
			WRITE_ONCE(wire->key, 0);
		}
		WRITE_ONCE(wire->offset, 0x1234567);
		WRITE_ONCE(wire->nr_slots, round / 2 ? 77 : MK_WIRE_SLOTS_MIN);
		WRITE_ONCE(wire->door, 0);
		if (round / 2)
			WRITE_ONCE(bells[DEATH_OTHER].opened, bells[DEATH_OTHER].opened + 1);
		mk_test_settle(test, &node[DEATH_OTHER]);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&box->count));
		KUNIT_EXPECT_EQ(test, 0, mk_test_stats(&node[DEATH_OTHER], DEATH_VICTIM,
						       death_lane(*type)).corrupt);
		death_kill(machine, DEATH_VICTIM);
		mk_test_join(test, &node[DEATH_VICTIM]);
	}
	death_expect_well(test, machine);
}

/**
 * struct death_cut - an urgent handler in whose midst the sender dies
 * @handler: of DEATH_TYPE
 * @wire:    the sender's ring, which goes with the message numbered @at
 * @at:	     from 1
 * @taken:   messages that came
 */
struct death_cut {
	struct mk_ipi_handler	handler;
	struct mk_wire_tx	*wire;
	int			at;
	atomic_t		taken;
};

/* What its next life does first to the ring */
static void death_cut(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct death_cut *cut = container_of(handler, struct death_cut, handler);

	if (atomic_inc_return(&cut->taken) == cut->at)
		WRITE_ONCE(cut->wire->key, 0);
}

/* A receiver in the midst of a ring takes no more of it once the sender lives anew */
static void death_in_mid_drain(struct kunit *test)
{
	const u32 *type = test->param_value;
	u32 lane = *type & MK_IPI_BULK;
	struct mk_test_machine *machine = mk_test_joined(test, DEATH_NR);
	struct mk_test_node *node = machine->node;
	struct death_cut *cut = mk_test_buf(test, sizeof(*cut));
	unsigned int i;

	cut->handler.type = DEATH_TYPE | lane;
	cut->handler.name = "test cut";
	cut->handler.fn = death_cut;
	cut->at = 3;
	KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[DEATH_OTHER].handlers, &cut->handler));
	cut->wire = death_wire_tx(machine, DEATH_VICTIM, DEATH_OTHER, *type);
	mk_test_mute(&node[DEATH_VICTIM]);
	for (i = 0; i < 7; i++)
		KUNIT_EXPECT_EQ(test, 0, mk_instance_send(node[DEATH_VICTIM].instance, DEATH_OTHER,
							  cut->handler.type, NULL, 0));
	mk_test_unmute(&node[DEATH_VICTIM]);
	mk_test_settle(test, &node[DEATH_OTHER]);
	KUNIT_EXPECT_EQ(test, 3, atomic_read(&cut->taken));
	mk_handlers_del(node[DEATH_OTHER].handlers, &cut->handler);

	death_kill(machine, DEATH_VICTIM);
	mk_test_join(test, &node[DEATH_VICTIM]);
	death_expect_well(test, machine);
}

/* What was copied is not acked yet, or what was acked not armed: nothing comes twice */
static void death_of_the_receiver(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, DEATH_NR);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[DEATH_VICTIM], *type);
	struct mk_wire_rx *rx = mk_test_arena(machine, DEATH_VICTIM) + MK_WIRE_RX;
	unsigned int i, round;
	u64 ack, event;

	rx += DEATH_OTHER * MK_WIRE_LINK_RINGS + death_lane(*type) * MK_LANE_RINGS;
	for (round = 0; round < 4; round++) {
		mk_test_note(&node[DEATH_OTHER], DEATH_VICTIM, *type, 0, 0);
		mk_test_settle(test, &node[DEATH_VICTIM]);
		ack = rx->ack;
		event = rx->event;
		for (i = 1; i < 20; i++)
			mk_test_note(&node[DEATH_OTHER], DEATH_VICTIM, *type, 0, i);
		mk_test_settle(test, &node[DEATH_VICTIM]);
		/* As it would have been left */
		if (round % 2)
			WRITE_ONCE(rx->ack, ack);
		WRITE_ONCE(rx->event, event);
		mk_test_box_empty(box);
		for (i = 0; i < 5; i++)
			mk_test_note(&node[DEATH_OTHER], DEATH_VICTIM, *type, 0, i);
		/* Who sent lives on, or dies as well */
		death_kill(machine, DEATH_VICTIM);
		if (round / 2)
			death_kill(machine, DEATH_OTHER);
		mk_test_join(test, &node[DEATH_VICTIM]);
		if (round / 2)
			mk_test_join(test, &node[DEATH_OTHER]);
		mk_test_settle(test, &node[DEATH_VICTIM]);
		mk_test_box_empty(box);
		for (i = 0; i < 20; i++)
			KUNIT_ASSERT_EQ(test, 0, mk_test_note(&node[DEATH_OTHER], DEATH_VICTIM,
							      *type, 0, i));
		/* By the doorbells of the one who sent, and no other */
		KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) >= 20));
		mk_test_settle(test, &node[DEATH_VICTIM]);
		KUNIT_EXPECT_EQ(test, 20, atomic_read(&box->count));
		KUNIT_EXPECT_EQ(test, 0, box->misordered);
	}
	death_expect_well(test, machine);
}

/**
 * struct death_waiter - a thread that waits for the victim
 * @machine: the nodes
 * @type:    to send or call
 * @call:    it calls, and is not answered; else it sends, and there is no room
 * @done:    it has ended
 * @error:   how
 * @task:    the thread
 */
struct death_waiter {
	struct mk_test_machine	*machine;
	u32			type;
	bool			call;
	bool			done;
	int			error;
	struct task_struct	*task;
};

static int death_wait_thread(void *arg)
{
	struct death_waiter *waiter = arg;
	struct mk_instance *instance = waiter->machine->node[DEATH_OTHER].instance;
	struct kvec vec = {};

	allow_signal(SIGKILL);
	if (waiter->call)
		waiter->error = mk_instance_call(instance, DEATH_VICTIM, waiter->type, NULL, 0,
						 NULL, 3600 * HZ);
	else
		waiter->error = mk_instance_sendv_wait(instance, DEATH_VICTIM, waiter->type, &vec,
						       1, 3600 * HZ);
	WRITE_ONCE(waiter->done, true);
	return 0;
}

static int death_wait_end(struct kunit *test, struct death_waiter *waiter)
{
	bool done = mk_test_wait(READ_ONCE(waiter->done));

	if (!done)
		send_sig(SIGKILL, waiter->task, 1);
	mk_test_thread_stop(test, waiter->task);
	KUNIT_EXPECT_TRUE(test, done);
	return waiter->error;
}

static void death_leaves(struct kunit *test, struct mk_test_machine *machine)
{
	mk_test_leave(&machine->node[DEATH_VICTIM]);
}

static void death_is_fenced(struct kunit *test, struct mk_test_machine *machine)
{
	death_kill(machine, DEATH_VICTIM);
}

/* And nobody has heard of its end before the next life says that it is there */
static void death_comes_again(struct kunit *test, struct mk_test_machine *machine)
{
	struct mk_test_node *victim = &machine->node[DEATH_VICTIM];

	mk_test_mute(victim);
	mk_test_leave(victim);
	mk_test_join(test, victim);
	mk_test_unmute(victim);
	mk_instance_announce(victim->instance);
}

struct death_manner {
	const char	*name;
	void		(*die)(struct kunit *test, struct mk_test_machine *machine);
};

static const struct death_manner death_manners[] = {
	{ "leaves",	 death_leaves },
	{ "is fenced",	 death_is_fenced },
	{ "comes again", death_comes_again },
};

KUNIT_ARRAY_PARAM_DESC(death_manner, death_manners, name);

/* All that wait for it, for room or for an answer, are told, however it goes */
static void death_of_who_is_waited_for(struct kunit *test)
{
	const struct death_manner *manner = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, DEATH_NR);
	struct mk_test_node *node = machine->node;
	struct death_waiter waiter[8] = {};
	struct mk_ipi_stats stats;
	unsigned int i;

	mk_test_mute(&node[DEATH_OTHER]);
	/* Calls first, for which there is room yet, on the CPU that finds none later */
	for (i = 0; i < ARRAY_SIZE(waiter); i++) {
		waiter[i].machine = machine;
		waiter[i].call = i < 4;
		waiter[i].type = i % 2 ? MK_TEST_BULK : MK_TEST_INBOX;
	}
	for (i = 0; i < 4; i++)
		waiter[i].task = mk_test_thread(test, death_wait_thread, &waiter[i],
						mk_test_cpu(num_online_cpus() - 1));
	for (i = 0; i < MK_NR_LANES; i++)
		KUNIT_ASSERT_TRUE(test, mk_test_wait(mk_test_stats(&node[DEATH_OTHER], DEATH_VICTIM,
								   i).sent == 2));
	mk_test_note_all(&node[DEATH_OTHER], DEATH_VICTIM, MK_TEST_INBOX, 0);
	mk_test_note_all(&node[DEATH_OTHER], DEATH_VICTIM, MK_TEST_BULK, 0);
	stats = mk_test_stats(&node[DEATH_OTHER], DEATH_VICTIM, MK_BULK);
	for (i = 4; i < 8; i++)
		waiter[i].task = mk_test_thread(test, death_wait_thread, &waiter[i],
						mk_test_cpu(num_online_cpus() - 1));
	KUNIT_EXPECT_TRUE(test, mk_test_wait(mk_test_stats(&node[DEATH_OTHER], DEATH_VICTIM,
							   MK_BULK).full >= stats.full + 4));
	for (i = 0; i < ARRAY_SIZE(waiter); i++)
		KUNIT_EXPECT_FALSE(test, READ_ONCE(waiter[i].done));

	manner->die(test, machine);
	for (i = 0; i < ARRAY_SIZE(waiter); i++)
		KUNIT_EXPECT_EQ(test, waiter[i].call ? -ECONNRESET : -ENOTCONN,
				death_wait_end(test, &waiter[i]));
	mk_test_unmute(&node[DEATH_OTHER]);
	if (!node[DEATH_VICTIM].instance)
		mk_test_join(test, &node[DEATH_VICTIM]);
	death_expect_well(test, machine);
}

/**
 * struct death_server - a handler that goes while it is called
 * @handler: the handler
 * @gone:    it is not registered
 * @called:  calls that it has taken
 * @wrong:   those in which it was not registered
 */
struct death_server {
	struct mk_ipi_handler	handler;
	bool			gone;
	atomic_t		called;
	atomic_t		wrong;
};

/* Long enough to be met in the midst */
static int death_serve(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		       struct mk_ipi_reply *reply)
{
	struct death_server *server = container_of(handler, struct death_server, handler);

	atomic_inc(&server->called);
	if (READ_ONCE(server->gone))
		atomic_inc(&server->wrong);
	if (msg->type & MK_IPI_BULK)
		usleep_range(500, 1000);
	else
		mdelay(1);
	if (READ_ONCE(server->gone))
		atomic_inc(&server->wrong);
	return 0;
}

/**
 * struct death_caller - a thread that calls until it is stopped
 * @from:    node that calls DEATH_VICTIM
 * @type:    what
 * @served:  calls that were answered
 * @refused: those that nobody took
 * @strange: those that had another end
 */
struct death_caller {
	struct mk_test_node	*from;
	u32			type;
	int			served;
	int			refused;
	int			strange;
};

static int death_call_thread(void *arg)
{
	struct death_caller *caller = arg;

	while (!kthread_should_stop()) {
		/* On one CPU the answer can be there before the wait for it */
		cond_resched();
		switch (mk_instance_call(caller->from->instance, DEATH_VICTIM, caller->type, NULL,
					 0, NULL, 60 * HZ)) {
		case 0:
			WRITE_ONCE(caller->served, caller->served + 1);
			break;
		case -EOPNOTSUPP:
			WRITE_ONCE(caller->refused, caller->refused + 1);
			break;
		default:
			caller->strange++;
		}
	}
	return 0;
}

/* Its caller has an answer or an errno; it is not called once it is unregistered */
static void death_of_a_handler(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, DEATH_NR);
	struct mk_test_node *node = machine->node;
	struct death_server *server = mk_test_buf(test, sizeof(*server));
	struct death_caller caller[3] = {};
	struct task_struct *task[3];
	unsigned int i, round;
	int served = 0;

	server->handler.type = DEATH_TYPE | (*type & MK_IPI_BULK);
	server->handler.name = "test server";
	server->handler.call = death_serve;
	for (i = 0; i < ARRAY_SIZE(caller); i++) {
		caller[i].from = &node[i % 2 ? MK_KEEPER : DEATH_OTHER];
		caller[i].type = server->handler.type;
		task[i] = mk_test_thread(test, death_call_thread, &caller[i], mk_test_cpu(i));
	}
	for (round = 0; round < 50; round++) {
		int called = atomic_read(&server->called);

		WRITE_ONCE(server->gone, false);
		KUNIT_ASSERT_EQ(test, 0, mk_handlers_add(node[DEATH_VICTIM].handlers,
							 &server->handler));
		if (!mk_test_wait(atomic_read(&server->called) > called + round % 3))
			KUNIT_FAIL(test, "nobody calls");
		mk_handlers_del(node[DEATH_VICTIM].handlers, &server->handler);
		WRITE_ONCE(server->gone, true);
		if (round % 8 == 7)
			msleep(20);
	}
	for (i = 0; i < ARRAY_SIZE(caller); i++)
		KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(caller[i].refused)));
	for (i = 0; i < ARRAY_SIZE(caller); i++) {
		mk_test_thread_stop(test, task[i]);
		served += caller[i].served;
		KUNIT_EXPECT_EQ(test, 0, caller[i].strange);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&server->called), served);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&server->wrong));
}

/**
 * struct death_notifier - a notifier that takes its time
 * @nb:	    the notifier
 * @hold:   it does not return
 * @up:     incarnation in which it was last told of each peer that is up
 * @down:   times that it was told of a peer that is down
 * @called: times that it was called at all
 * @gone:   mk_ipi_unregister_notifier() has returned
 */
struct death_notifier {
	struct notifier_block	nb;
	bool			hold;
	u32			up[DEATH_NR];
	atomic_t		down;
	atomic_t		called;
	bool			gone;
};

static int death_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct death_notifier *notifier = container_of(nb, struct death_notifier, nb);
	const struct mk_ipi_peer_event *event = data;

	atomic_inc(&notifier->called);
	if (action == MK_IPI_PEER_UP)
		WRITE_ONCE(notifier->up[event->peer], event->incarnation);
	if (action == MK_IPI_PEER_DOWN) {
		atomic_inc(&notifier->down);
		while (READ_ONCE(notifier->hold))
			usleep_range(100, 1000);
	}
	return NOTIFY_OK;
}

static int death_unregister_thread(void *arg)
{
	struct death_notifier *notifier = arg;

	mk_ipi_unregister_notifier(&notifier->nb);
	WRITE_ONCE(notifier->gone, true);
	return 0;
}

/* While it is told of a death: unregistering waits for it, and then it is told no more */
static void death_of_a_notifier(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, DEATH_NR);
	struct mk_test_node *node = machine->node;
	struct death_notifier *notifier = mk_test_buf(test, sizeof(*notifier));
	struct mk_instance *instance;
	struct task_struct *task;
	int called;

	/* The public functions have the public table */
	instance = mk_instance_join(node[0].region, node[0].backend, &mk_ipi_handlers,
				    &node[0].cpus, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, instance);
	node[0].instance = instance;
	mk_test_join(test, &node[1]);
	notifier->nb.notifier_call = death_notify;
	notifier->hold = true;
	KUNIT_ASSERT_EQ(test, 0, mk_ipi_register_notifier(&notifier->nb));
	mk_test_join(test, &node[2]);
	/* Nobody is told of the death of whom they did not see */
	KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(notifier->up[2])));

	mk_test_leave(&node[2]);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&notifier->down)));
	task = mk_test_thread(test, death_unregister_thread, notifier, nr_cpu_ids);
	mk_test_leave(&node[1]);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(notifier->gone));
	WRITE_ONCE(notifier->hold, false);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(READ_ONCE(notifier->gone)));
	mk_test_thread_stop(test, task);

	called = atomic_read(&notifier->called);
	mk_test_join(test, &node[1]);
	mk_test_join(test, &node[2]);
	mk_test_leave(&node[1]);
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, called, atomic_read(&notifier->called));
}

static struct kunit_case death_cases[] = {
	KUNIT_CASE_PARAM(death_half_written, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(death_before_the_key, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(death_in_mid_drain, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(death_of_the_receiver, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(death_of_who_is_waited_for, death_manner_gen_params),
	KUNIT_CASE_PARAM_ATTR(death_of_a_handler, mk_test_lane_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(death_of_a_notifier),
	{}
};

static struct kunit_suite death_suite = {
	.name = "mk_death",
	.test_cases = death_cases,
};

kunit_test_suite(death_suite);
