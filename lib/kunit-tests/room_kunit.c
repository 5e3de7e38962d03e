// SPDX-License-Identifier: GPL-2.0
/* Tests of being told of room, of how much is unread, and of orders that are no CPU's. */
#include <linux/smp.h>

#include "helpers.h"

/* An order that no CPU of these machines has as its own */
#define ROOM_ORDER	MK_IPI_IN_ORDER(MK_IPI_ORDERS - 1)

/**
 * struct room_told - counts how often it is told
 * @room: what is told
 * @told: how often
 * @off:  each time with interrupts off
 */
struct room_told {
	struct mk_ipi_room	room;
	atomic_t		told;
	bool			off;
};

static void room_tell(struct mk_ipi_room *room)
{
	struct room_told *told = container_of(room, struct room_told, room);

	told->off &= irqs_disabled();
	atomic_inc(&told->told);
}

static struct room_told *room_new(struct kunit *test)
{
	struct room_told *told = kunit_kzalloc(test, sizeof(*told), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, told);
	mk_ipi_room_init(&told->room, room_tell);
	told->off = true;
	return told;
}

/* Node 1 does not read what node 0 has sent in the order, and there is no room */
static struct mk_test_machine *room_full(struct kunit *test, u32 type, u32 *sent)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;

	if (type & MK_IPI_BULK)
		WRITE_ONCE(node[1].bulk.hold, U32_MAX);
	else
		mk_test_mute(&node[0]);
	*sent = mk_test_note_all(&node[0], 1, type | ROOM_ORDER, 0);
	/* Held, it has taken one out of the ring, or will */
	if (type & MK_IPI_BULK) {
		KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&node[1].bulk.held)));
		while (!mk_test_note(&node[0], 1, type | ROOM_ORDER, 0, *sent))
			++*sent;
	}
	return machine;
}

/* Node 1 reads it all */
static void room_read(struct kunit *test, struct mk_test_machine *machine, u32 type, u32 sent)
{
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[1], type);

	WRITE_ONCE(node[1].bulk.hold, 0);
	mk_test_unmute(&node[0]);
	mk_test_ring(test, &node[0], &node[1]);
	KUNIT_ASSERT_TRUE(test, mk_test_wait(atomic_read(&box->count) == sent));
	mk_test_settle(test, &node[1]);
}

/* Be told as soon as anything is read */
static int room_want(struct mk_test_node *node, u32 type, struct room_told *told)
{
	int unread = mk_instance_unread(node->instance, 1, type | ROOM_ORDER);

	return mk_instance_want_room(node->instance, 1, type | ROOM_ORDER, &told->room,
				     max(unread - 1, 0));
}

static void room_is_told_once(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct room_told *told = room_new(test);
	u32 sent;
	struct mk_test_machine *machine = room_full(test, *type, &sent);
	struct mk_test_node *node = machine->node;

	KUNIT_EXPECT_EQ(test, 0, room_want(&node[0], *type, told));
	/* Asked for twice it is told once */
	KUNIT_EXPECT_EQ(test, 0, room_want(&node[0], *type, told));
	msleep(50);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&told->told));
	room_read(test, machine, *type, sent);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&told->told)));
	KUNIT_EXPECT_TRUE(test, told->off);

	/* Not of what is read later, as nobody has asked */
	KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[0], 1, *type | ROOM_ORDER, 0, sent));
	mk_test_settle(test, &node[1]);
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&told->told));
	mk_instance_forget_room(node[0].instance, 1, &told->room);
}

static void room_is_there_already(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct room_told *told = room_new(test);
	u32 sent;
	struct mk_test_machine *machine = room_full(test, *type, &sent);
	struct mk_test_node *node = machine->node;

	room_read(test, machine, *type, sent);
	KUNIT_EXPECT_EQ(test, -EALREADY, room_want(&node[0], *type, told));
	KUNIT_EXPECT_EQ(test, 0, mk_test_note(&node[0], 1, *type | ROOM_ORDER, 0, sent));
	mk_test_settle(test, &node[1]);
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&told->told));
}

/* One who looks again, and may go on, does not keep another from being told */
static void room_is_asked_for_twice(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct room_told *told = room_new(test);
	u32 sent;
	struct mk_test_machine *machine = room_full(test, *type, &sent);
	struct mk_test_node *node = machine->node;

	mk_test_mute(&node[1]);
	KUNIT_EXPECT_EQ(test, 0, room_want(&node[0], *type, told));
	room_read(test, machine, *type, sent);
	KUNIT_EXPECT_EQ(test, -EALREADY, room_want(&node[0], *type, told));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&told->told));
	mk_test_unmute(&node[1]);
	mk_test_ring(test, &node[1], &node[0]);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&told->told)));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&told->told));
}

static void room_is_forgotten(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct room_told *told = room_new(test);
	u32 sent;
	struct mk_test_machine *machine = room_full(test, *type, &sent);
	struct mk_test_node *node = machine->node;

	KUNIT_EXPECT_EQ(test, 0, room_want(&node[0], *type, told));
	mk_instance_forget_room(node[0].instance, 1, &told->room);
	room_read(test, machine, *type, sent);
	mk_test_settle(test, &node[0]);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&told->told));
}

static void room_is_told_of_death(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct room_told *told = room_new(test);
	u32 sent;
	struct mk_test_machine *machine = room_full(test, *type, &sent);
	struct mk_test_node *node = machine->node;

	KUNIT_EXPECT_EQ(test, 0, room_want(&node[0], *type, told));
	mk_instance_fence(node[0].instance, 1, node[1].instance->incarnation);
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&told->told)));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, room_want(&node[0], *type, told));
	KUNIT_EXPECT_EQ(test, -ENOTCONN, mk_instance_unread(node[0].instance, 1, *type));
	/* As there was nothing to tell */
	KUNIT_EXPECT_TRUE(test, list_empty(&told->room.list));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&told->told));
}

/* Of each message its space, until it is read; of the one that is being read, either */
static void room_unread(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	u8 *data = mk_test_buf(test, 4096);
	static const u16 len[] = { 0, 1, 56, 57, 120, 121, 4096 };
	struct mk_instance *from = node[0].instance;
	unsigned int i, space = 0;

	KUNIT_EXPECT_EQ(test, 0, mk_instance_unread(from, 1, *type));
	if (*type & MK_IPI_BULK)
		WRITE_ONCE(node[1].bulk.hold, U32_MAX);
	else
		mk_test_mute(&node[0]);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		KUNIT_EXPECT_EQ(test, 0, mk_instance_send(from, 1, *type | ROOM_ORDER, data,
							  len[i]));
		space += MK_IPI_SPACE(len[i]);
		KUNIT_EXPECT_EQ(test, space, mk_instance_unread(from, 1, *type | ROOM_ORDER));
	}
	/* The ring of another order is another */
	KUNIT_EXPECT_EQ(test, 0, mk_instance_unread(from, 1, *type | MK_IPI_IN_ORDER(0)));
	room_read(test, machine, *type, ARRAY_SIZE(len));
	KUNIT_EXPECT_EQ(test, 0, mk_instance_unread(from, 1, *type | ROOM_ORDER));
}

/**
 * struct room_note - a note that is sent by another CPU
 * @from:  node that sends, to 1
 * @type:  of the message
 * @number: of the note
 * @error: how it went
 */
struct room_note {
	struct mk_test_node	*from;
	u32			type;
	u32			number;
	int			error;
};

static void room_send_note(void *arg)
{
	struct room_note *note = arg;

	note->error = mk_test_note(note->from, 1, note->type, 0, note->number);
}

/* By whichever CPU they are sent, and whether or not its own ring is behind */
static void room_order(struct kunit *test)
{
	const u32 *type = test->param_value;
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_inbox *box = mk_test_box(&node[1], *type);
	struct room_note note = { .from = &node[0], .type = *type | ROOM_ORDER };
	unsigned int cpu, notes = mk_test_many(2000);

	while (note.number < notes) {
		cpu = mk_test_cpu(note.number % num_online_cpus());
		KUNIT_ASSERT_EQ(test, 0, smp_call_function_single(cpu, room_send_note, &note, 1));
		if (note.error == -EAGAIN) {
			usleep_range(100, 1000);
			continue;
		}
		KUNIT_ASSERT_EQ(test, 0, note.error);
		note.number++;
	}
	KUNIT_EXPECT_TRUE(test, mk_test_wait(atomic_read(&box->count) == notes));
	KUNIT_EXPECT_EQ(test, 0, box->misordered);
	KUNIT_EXPECT_EQ(test, 1, cpumask_weight(&box->cpus[0]));
}

static void room_refuses(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct room_told *told = room_new(test);
	struct mk_instance *instance;

	mk_test_join(test, &machine->node[0]);
	instance = machine->node[0].instance;
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_unread(instance, 1, MK_TEST_INBOX));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_unread(instance, 2, MK_TEST_INBOX));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_unread(instance, 0, U32_MAX));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_want_room(instance, 1, MK_TEST_INBOX,
							     &told->room, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, mk_instance_want_room(instance, 2, MK_TEST_INBOX,
							     &told->room, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_instance_want_room(instance, 0, U32_MAX, &told->room, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_test_note(&machine->node[0], 0, MK_TEST_INBOX |
						    ((MK_IPI_ORDERS + 1) << 25), 0, 0));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&told->told));
	mk_instance_forget_room(instance, 2, &told->room);
}

static struct kunit_case room_cases[] = {
	KUNIT_CASE_PARAM(room_is_told_once, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(room_is_there_already, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(room_is_asked_for_twice, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(room_is_forgotten, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(room_is_told_of_death, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(room_unread, mk_test_lane_gen_params),
	KUNIT_CASE_PARAM(room_order, mk_test_lane_gen_params),
	KUNIT_CASE(room_refuses),
	{}
};

static struct kunit_suite room_suite = {
	.name = "mk_room",
	.test_cases = room_cases,
};

kunit_test_suite(room_suite);
