// SPDX-License-Identifier: GPL-2.0
/* What arrives for a node, messages and news of its peers, and how it is sent. */
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "helpers.h"

/* In a bulk handler: let the test decide how long it takes */
static void inbox_hold(struct mk_test_inbox *inbox, const struct mk_test_note *note)
{
	u32 bit = note ? BIT(note->sender % MK_TEST_SENDERS) : 0;
	u32 hold = READ_ONCE(inbox->hold);

	if (!(hold & bit) && hold != U32_MAX)
		return;
	atomic_inc(&inbox->held);
	while ((hold & bit) || hold == U32_MAX) {
		usleep_range(1000, 2000);
		hold = READ_ONCE(inbox->hold);
	}
}

static void inbox_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mk_test_inbox *inbox = container_of(handler, struct mk_test_inbox, handler);
	const struct mk_test_note *note = NULL;
	unsigned long flags;

	if (msg->len == sizeof(*note))
		note = msg->data;
	if (READ_ONCE(inbox->hold))
		inbox_hold(inbox, note);

	raw_spin_lock_irqsave(&inbox->lock, flags);
	inbox->last = *msg;
	inbox->last.data = inbox->data;
	memcpy(inbox->data, msg->data, msg->len);
	inbox->hardirq = in_hardirq();
	inbox->task = in_task() && !irqs_disabled_flags(flags);
	inbox->cpu = smp_processor_id();
	if (note && note->sender < MK_TEST_SENDERS) {
		cpumask_set_cpu(inbox->cpu, &inbox->cpus[note->sender]);
		if (note->number != inbox->next[note->sender])
			inbox->misordered |= BIT(note->sender);
		WRITE_ONCE(inbox->next[note->sender], inbox->next[note->sender] + 1);
	}
	raw_spin_unlock_irqrestore(&inbox->lock, flags);
	/* Pairs with the acquire in box_has() */
	atomic_fetch_inc_release(&inbox->count);
}

int mk_test_inbox_init(struct mk_test_inbox *inbox, u32 type, struct mk_handlers *handlers)
{
	raw_spin_lock_init(&inbox->lock);
	inbox->data = kvzalloc(MK_IPI_MAX_BULK_LEN, GFP_KERNEL);
	if (!inbox->data)
		return -ENOMEM;
	inbox->handler.type = type;
	inbox->handler.name = "test inbox";
	inbox->handler.fn = inbox_take;
	return mk_handlers_add(handlers, &inbox->handler);
}

struct mk_test_inbox *mk_test_box(struct mk_test_node *node, u32 type)
{
	return type & MK_IPI_BULK ? &node->bulk : &node->inbox;
}

/* As if nothing had arrived, and the writers began anew */
void mk_test_box_empty(struct mk_test_inbox *box)
{
	guard(raw_spinlock_irqsave)(&box->lock);
	memset(box->next, 0, sizeof(box->next));
	memset(box->cpus, 0, sizeof(box->cpus));
	box->misordered = 0;
	atomic_set(&box->count, 0);
}

static bool box_has(struct mk_test_inbox *box, int count)
{
	/* Pairs with the release in inbox_take() */
	return mk_test_wait(atomic_read_acquire(&box->count) >= count);
}

/* Whether @count messages arrive in the inbox of @node before long */
bool mk_test_arrived(struct mk_test_node *node, int count)
{
	return box_has(&node->inbox, count);
}

bool mk_test_bulk_arrived(struct mk_test_node *node, int count)
{
	return box_has(&node->bulk, count);
}

int mk_test_note(struct mk_test_node *from, unsigned int to, u32 type, u32 sender, u32 number)
{
	struct mk_test_note note = { .sender = sender, .number = number };

	return mk_instance_send(from->instance, to, type, &note, sizeof(note));
}

/* Notes until there is no room, or something else is wrong: how many there were */
u32 mk_test_note_all(struct mk_test_node *from, unsigned int to, u32 type, u32 sender)
{
	u32 sent = 0;

	while (sent < MK_WIRE_SLOTS_MAX && !mk_test_note(from, to, type, sender, sent))
		sent++;
	return sent;
}

/* As many replies, to no call, as there is room for: how many */
u32 mk_test_reply_all(struct mk_test_node *from, unsigned int to)
{
	struct mk_wire_reply head = {};
	struct kvec vec = { .iov_base = &head, .iov_len = sizeof(head) };
	u32 sent = 0;

	while (sent < MK_WIRE_SLOTS_MAX &&
	       !mk_link_send(&from->instance->links[to], MK_TEST_INBOX, MK_WIRE_REPLY, &vec, 1,
			     sizeof(head), 0))
		sent++;
	return sent;
}

/* A message of @len bytes from instance @from to @to, and nothing but it */
void mk_test_exchange(struct kunit *test, struct mk_test_machine *machine,
		      unsigned int from, unsigned int to, u32 type, size_t len)
{
	struct mk_test_inbox *box = mk_test_box(&machine->node[to], type);
	int count = atomic_read(&box->count);
	u8 *data = kvmalloc(MK_IPI_MAX_BULK_LEN, GFP_KERNEL);
	bool arrived = false, same = false;
	int error;

	KUNIT_ASSERT_NOT_NULL(test, data);
	mk_test_fill(data, len, from + to + len);
	error = mk_instance_send(machine->node[from].instance, to, type, data, len);
	if (!error)
		arrived = box_has(box, count + 1);
	if (arrived)
		same = box->last.len == len && !memcmp(box->data, data, len);
	kvfree(data);

	KUNIT_ASSERT_EQ(test, 0, error);
	KUNIT_ASSERT_TRUE(test, arrived);
	KUNIT_EXPECT_EQ(test, count + 1, atomic_read(&box->count));
	KUNIT_EXPECT_EQ(test, from, box->last.from);
	KUNIT_EXPECT_EQ(test, machine->node[from].instance->incarnation, box->last.incarnation);
	KUNIT_EXPECT_EQ(test, type, box->last.type);
	KUNIT_EXPECT_EQ(test, len, box->last.len);
	KUNIT_EXPECT_TRUE(test, same);
}

struct mk_ipi_stats mk_test_stats(struct mk_test_node *node, unsigned int peer,
				  enum mk_lane lane)
{
	struct mk_ipi_stats stats = {};

	mk_link_stats(&node->instance->links[peer], lane, &stats);
	return stats;
}

static int events_take(struct notifier_block *nb, unsigned long action, void *data)
{
	struct mk_test_events *events = container_of(nb, struct mk_test_events, nb);
	const struct mk_ipi_peer_event *event = data;

	spin_lock(&events->lock);
	if (action != event->state || !in_task() || irqs_disabled())
		events->strange++;
	if (events->nr < MK_TEST_EVENTS)
		events->event[events->nr++] = *event;
	spin_unlock(&events->lock);
	return NOTIFY_OK;
}

void mk_test_events_init(struct mk_test_events *events, struct mk_handlers *handlers)
{
	spin_lock_init(&events->lock);
	events->nb.notifier_call = events_take;
	raw_notifier_chain_register(&handlers->notifiers, &events->nb);
}

/* What @node was told of @peer so far: the first @max of it, and how many those are */
unsigned int mk_test_events_of(struct mk_test_node *node, unsigned int peer,
			       struct mk_ipi_peer_event *event, unsigned int max)
{
	struct mk_test_events *events = &node->events;
	unsigned int i, nr = 0;

	spin_lock(&events->lock);
	for (i = 0; i < events->nr && nr < max; i++)
		if (events->event[i].peer == peer)
			event[nr++] = events->event[i];
	spin_unlock(&events->lock);
	return nr;
}

/* Whether @node is told, before long, that @incarnation of @peer is in @state */
bool mk_test_saw(struct mk_test_node *node, unsigned int peer, enum mk_ipi_peer_state state,
		 u32 incarnation)
{
	const struct mk_ipi_peer_event *event = node->events.event;
	unsigned int i;

	return mk_test_wait(({
		bool saw = false;

		spin_lock(&node->events.lock);
		for (i = 0; i < node->events.nr; i++)
			saw |= event[i].peer == peer && event[i].state == state &&
			       event[i].incarnation == incarnation;
		spin_unlock(&node->events.lock);
		saw;
	}));
}

/* The same of the latest event, of whatever incarnation */
bool mk_test_saw_last(struct mk_test_node *node, unsigned int peer,
		      enum mk_ipi_peer_state state)
{
	const struct mk_ipi_peer_event *event = node->events.event;
	unsigned int i;

	return mk_test_wait(({
		bool saw = false;

		spin_lock(&node->events.lock);
		for (i = 0; i < node->events.nr; i++)
			if (event[i].peer == peer)
				saw = event[i].state == state;
		spin_unlock(&node->events.lock);
		saw;
	}));
}
