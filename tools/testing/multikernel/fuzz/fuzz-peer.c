// SPDX-License-Identifier: GPL-2.0
/*
 * Three instances. Two run the core and send each other messages and calls, which have
 * to arrive complete and in order. The third is the input: it sends, lies, dies, comes
 * again, and changes what it wrote while the others look at it.
 *
 * Input: who is who, steps.
 */
#include "machine.h"

#define STEPS		200
#define DEPTH		3
#define TYPE_URGENT	0x800
#define TYPE_BULK	(0x801 | MK_IPI_BULK)
#define TYPE_COMES	0x802	/* its handler comes and goes */

/* Who is who: two that behave, and one that does not */
static const struct {
	u8 self, good, bad;
} roles[] = {
	{ 1, 0, 2 },
	{ 0, 1, 2 },
	{ 1, 2, 0 },
	{ 0, 2, 1 },
};

static unsigned int self, good, bad;
static struct mk_wire_header header;

/* Between self and good, by lane: messages that were sent, and that have arrived */
static u32 sent[NODES][MK_NR_LANES], arrived[NODES][MK_NR_LANES];

/* The rings of the one that is bad: by receiver and index, where it writes next */
static u32 bad_pos[NODES][MK_WIRE_LINK_RINGS];
static u32 bad_life;

static u64 *dirty[8192];
static unsigned int nr_dirty;

static unsigned int depth;
static unsigned int steps;
static bool comes;
static bool shown;

static u8 bytes[MK_IPI_MAX_BULK_LEN];

struct mk_instance *mk_ipi_instance(void)
{
	return nodes[self].instance;
}

/*
 * Messages
 */

struct note {
	u32 number;
	u32 len;
};

static unsigned int handler_node(const struct mk_ipi_handler *handler);

static void check_bytes(const struct mk_ipi_msg *msg)
{
	const u8 *data = msg->data;
	u32 max = msg->type & MK_IPI_BULK ? MK_IPI_MAX_BULK_LEN : MK_IPI_MAX_LEN;

	SHIM_ASSERT(msg->len <= max && IS_ALIGNED((unsigned long)data, 8));
	/* Where ASan sees whether it is there */
	if (msg->len)
		SHIM_ASSERT(READ_ONCE(data[0]) + READ_ONCE(data[msg->len - 1]) >= 0);
}

static void handler_fn(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	enum mk_lane lane = msg->type & MK_IPI_BULK ? MK_BULK : MK_URGENT;
	const struct note *note = msg->data;
	unsigned int node = handler_node(handler);

	SHIM_ASSERT(msg->type == handler->type && msg->from < NODES);
	SHIM_ASSERT(lane == MK_BULK || shim_irqs_off);
	check_bytes(msg);
	if (msg->from == bad || msg->from == node)
		return;
	SHIM_ASSERT(msg->incarnation == 1);
	SHIM_ASSERT(msg->len >= sizeof(*note) && msg->len == note->len);
	SHIM_ASSERT(note->number == arrived[node][lane]);
	SHIM_ASSERT(((u8 *)msg->data)[msg->len - 1] == bytes[msg->len - 1] ||
		    msg->len == sizeof(*note));
	arrived[node][lane]++;
}

/* The answer to a call is what was asked, so far as there is room. */
static int handler_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			struct mk_ipi_reply *reply)
{
	SHIM_ASSERT(msg->type == handler->type && msg->from < NODES);
	SHIM_ASSERT(reply->size >= MK_IPI_MAX_LEN && !reply->len);
	check_bytes(msg);
	reply->len = min(msg->len, reply->size);
	memcpy(reply->data, msg->data, reply->len);
	return msg->from == bad ? -(int)(msg->len & 0xff) : 0;
}

static int notifier(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct mk_ipi_peer_event *event = data;

	SHIM_ASSERT(event->peer < NODES && event->state == state);
	SHIM_ASSERT(state != MK_IPI_PEER_BROKEN || event->peer == bad);
	return NOTIFY_DONE;
}

static struct notifier_block notifiers[NODES];

static struct mk_ipi_handler handlers[NODES][3];

static unsigned int handler_node(const struct mk_ipi_handler *handler)
{
	return (handler - handlers[0]) / ARRAY_SIZE(handlers[0]);
}

static void send_note(unsigned int from, unsigned int to, u8 how)
{
	enum mk_lane lane = how & 1;
	unsigned int cpu = shim_cpu;
	u32 len = sizeof(struct note) + fuzz_u16() % MK_IPI_MAX_LEN / (how & 2 ? 1 : 64);
	struct note note = { .number = sent[to][lane] };
	struct kvec vec[2];
	int ret;

	/* Near the largest of the lane, too */
	len = min(len << (lane == MK_BULK && how & 4 ? 4 : 0), MK_IPI_MAX_LEN << 4 * lane);
	note.len = len;
	vec[0] = (struct kvec) { .iov_base = &note, .iov_len = sizeof(note) };
	vec[1] = (struct kvec) { .iov_base = bytes + sizeof(note), .iov_len = len - sizeof(note) };
	shim_cpu = 0;
	ret = mk_instance_sendv(nodes[from].instance, to, lane ? TYPE_BULK : TYPE_URGENT, vec, 2);
	shim_cpu = cpu;
	SHIM_ASSERT(!ret || ret == -EAGAIN || ret == -ENOSPC ||
		    (ret == -ENOTCONN && header.fenced[0]));
	sent[to][lane] += !ret;
}

static void broadcast(u8 how)
{
	enum mk_lane lane = how & 1;
	struct note note = { .number = sent[good][lane], .len = sizeof(note) };
	int errors[MK_IPI_MAX_INSTANCES] = {};
	unsigned int cpu = shim_cpu;

	shim_cpu = 0;
	mk_instance_broadcast(nodes[self].instance, BIT(NODES) - 1, lane ? TYPE_BULK : TYPE_URGENT,
			      &note, sizeof(note), errors);
	shim_cpu = cpu;
	sent[good][lane] += !errors[good];
}

/* A call of the one who behaves gives what was asked, or says why not. */
static void call(unsigned int from, unsigned int to, u8 how)
{
	u32 len = fuzz_u16() % (MK_IPI_MAX_LEN + 1), size = how & 4 ? len : fuzz_u8();
	struct mk_ipi_reply reply = { .data = malloc(size), .size = size };
	u32 type = how & 1 ? TYPE_BULK : how & 2 ? TYPE_COMES : TYPE_URGENT;
	int ret;

	depth++;
	ret = mk_instance_call(nodes[from].instance, to, type, bytes, len, &reply, 1 + (how >> 3));
	depth--;
	SHIM_ASSERT(reply.len <= size);
	if (!ret && to != bad)
		SHIM_ASSERT(reply.len == len && !memcmp(reply.data, bytes, len));
	if (to != bad)
		SHIM_ASSERT(ret != -EREMOTEIO && ret != -EPROTO && ret != -EAGAIN);
	free(reply.data);
}

/*
 * The one that is bad
 */

static u64 *note_dirty(void *word)
{
	static u64 nowhere;

	if (nr_dirty == ARRAY_SIZE(dirty))
		return &nowhere;
	dirty[nr_dirty] = word;
	return dirty[nr_dirty++];
}

/* Where it has the slots of its rings, if it does not lie */
static u32 bad_offset(unsigned int ring)
{
	if (mk_ring_lane(ring) != MK_BULK)
		return MK_WIRE_RINGS + ring % MK_LANE_RINGS * SZ_8K;
	return MK_WIRE_RINGS + SZ_64K + (ring & 1) * SZ_128K;
}

static u32 bad_slots(unsigned int ring)
{
	return mk_ring_lane(ring) != MK_BULK ? 128 : 2048;
}

static struct mk_wire_slot *bad_slot(unsigned int ring, u32 pos)
{
	struct mk_wire_slot *slots = node_arena(bad) + bad_offset(ring);

	return &slots[pos & (bad_slots(ring) - 1)];
}

static unsigned int victim(u8 which)
{
	return which & 0x80 ? good : self;
}

static unsigned int which_ring(u8 which)
{
	return (which & 0x1f) % MK_WIRE_LINK_RINGS;
}

static void bad_ring(u8 which)
{
	unsigned int to = victim(which), door = which % 4;
	struct mk_wire_bell *bells = node_arena(bad) + MK_WIRE_BELLS;

	bells[to].rung[door]++;
	nodes[to].rung |= BIT(door);
}

static void bad_open(u8 which)
{
	unsigned int to = victim(which), ring = which_ring(which);
	struct mk_wire_tx *tx = node_arena(bad) + MK_WIRE_TX;
	struct mk_wire_bell *bells = node_arena(bad) + MK_WIRE_BELLS;
	u8 how = which & 0x20 ? fuzz_u8() : 0;

	tx += to * MK_WIRE_LINK_RINGS + ring;
	tx->offset = bad_offset(ring);
	tx->nr_slots = bad_slots(ring);
	tx->door = how >> 6;
	if (how & 1)
		tx->offset = fuzz_value(tx->offset);
	if (how & 2)
		tx->nr_slots = fuzz_value(tx->nr_slots);
	if (how & 4)
		tx->door = fuzz_value(tx->door);
	tx->key = (u64)bad_life << 32 | 1;
	if (how & 8)
		tx->key = fuzz_value(tx->key);
	bad_pos[to][ring] = 0;
	bells[to].opened++;
}

/* A message as it has to be, but for what comes in it */
static void bad_send(u8 which)
{
	unsigned int to = victim(which), ring = which_ring(which);
	struct mk_wire_tx *tx = node_arena(bad) + MK_WIRE_TX;
	u32 *pos = &bad_pos[to][ring];
	struct mk_wire_slot *slot = bad_slot(ring, *pos);
	u8 how = fuzz_u8();
	u32 len = fuzz_u16() | (how & 0x80) << 9;
	u32 type = how & 0x20 ? fuzz_u16() : 0x800 + (how >> 2 & 3);

	if (!tx[to * MK_WIRE_LINK_RINGS + ring].key)
		bad_open(which & ~0x20);
	/* A request, or a reply to one of the last calls */
	*note_dirty(slot->data) = how & 0x10 ? fuzz_u64() : 0;
	if ((how & 3) == MK_WIRE_REPLY && !(how & 0x10))
		*(u64 *)slot->data = BIT_ULL(40) |
				     (atomic64_read(&nodes[to].instance->calls.next) - (how >> 6));
	*note_dirty(slot->data + 8) = how >> 4;
	*note_dirty(&bad_slot(ring, *pos + DIV_ROUND_UP(8 + (len & 0x1ffff), 64))->head) = 0;
	*note_dirty(&slot->head) =
		(u64)(MK_WIRE_SEQ_VALID | FIELD_PREP(MK_WIRE_SEQ_SENDER, bad_life & 0x7ff) |
		      FIELD_PREP(MK_WIRE_SEQ_POSITION, *pos & 0xfffff)) << 32 |
		FIELD_PREP(MK_WIRE_HEAD_TYPE, type & 0xfff) |
		FIELD_PREP(MK_WIRE_HEAD_KIND, how & 3) | FIELD_PREP(MK_WIRE_HEAD_LEN, len);
	*pos += DIV_ROUND_UP(8 + len, 64);
	bad_ring(which & 0x80);
}

/* Far ends of the rings of the others: all was read, or a lie */
static void bad_ack(u8 which)
{
	unsigned int to = victim(which), ring = which_ring(which);
	struct mk_wire_rx *rx = node_arena(bad) + MK_WIRE_RX;

	rx += to * MK_WIRE_LINK_RINGS + ring;
	rx->ack = BIT_ULL(32) | nodes[to].instance->links[bad].tx[ring].ring.pos;
	if (which & 0x20)
		rx->ack = fuzz_value(rx->ack);
	if (which & 0x40)
		bad_ring(which & 0x80);
}

static void bad_lives(u8 which)
{
	static const u32 doors[] = { 1, 2, 0, MK_WIRE_MAX_DOORS + 1 };
	struct mk_wire_self *wire = node_self(bad);

	if (which & 0x40) {
		bad_life += which & 3;
		memset(node_arena(bad) + MK_WIRE_TX, 0, NODES * MK_WIRE_LINK_RINGS * 64);
		memset(bad_pos, 0, sizeof(bad_pos));
	}
	wire->version = MK_WIRE_VERSION;
	wire->nr_doors = doors[which >> 2 & 3];
	wire->doors[0] = (struct mk_wire_door) { .hwid = DOOR_HWID(bad, 0), .number = DOOR_NUMBER };
	wire->doors[1] = wire->doors[0];
	wire->life = (u64)bad_life << 32 | (which & 0x20 ? (which >> 3 & 3) + 1 : MK_WIRE_UP);
	if (which & 0x10)
		bad_ring(which & 0x80);
}

/* Any word that somebody looks at */
static void bad_poke(void)
{
	u8 *arena = node_arena(bad);
	u8 what = fuzz_u8(), index = fuzz_u8();
	u64 *word;

	switch (what & 7) {
	case 0:
		word = (u64 *)(arena + MK_WIRE_SELF) + index % 24;
		break;
	case 1:
		word = (u64 *)(arena + MK_WIRE_BEATS) + index % 4;
		break;
	case 2:
		word = (u64 *)(arena + MK_WIRE_BELLS) + index % (8 * NODES);
		break;
	case 3:
	case 4:
		word = (u64 *)(arena + MK_WIRE_TX) + (what >> 3 & 3) % NODES * 128 +
		       (index & 15) * 8 + (index >> 4 & 3);
		break;
	case 5:
		word = (u64 *)(arena + MK_WIRE_RX) + (what >> 3 & 3) % NODES * 128 +
		       (index & 15) * 8 + (index >> 4 & 1);
		break;
	case 6:
		word = note_dirty(bad_slot(index % MK_WIRE_LINK_RINGS,
					   bad_pos[victim(what)][index % MK_WIRE_LINK_RINGS] -
					   (index >> 4)));
		break;
	default:
		if (bad) {
			word = (u64 *)(arena + MK_WIRE_SELF);
			break;
		}
		/* The keeper: the count, and of whom it says that he is dead */
		if (index & 1)
			((struct mk_wire_header *)fuzz_memory)->nr_fenced = fuzz_u8();
		else
			((struct mk_wire_header *)fuzz_memory)->fenced[index >> 1 & 3] = fuzz_u8();
		header.fenced[0] = 1;
		return;
	}
	*word = fuzz_value(*word);
}

void fuzz_change(void)
{
	u8 what = fuzz_u8();

	switch (what & 3) {
	case 0:
	case 1:
		bad_poke();
		break;
	case 2:
		bad_lives(fuzz_u8() & ~0x10);
		break;
	default:
		bad_open(fuzz_u8());
	}
	fuzz_countdown = what >> 2;
}

/*
 * Steps
 */

static void run_all(unsigned int limit)
{
	while (limit-- && machine_step())
		;
}

static void toggle_handler(void)
{
	struct mk_ipi_handler *handler = &handlers[self][2];

	if (comes)
		mk_handlers_del(&nodes[self].handlers, handler);
	else
		SHIM_ASSERT(!mk_handlers_add(&nodes[self].handlers, handler));
	comes = !comes;
}

static void send_bad(u8 how, bool wait)
{
	u32 type = how & 1 ? TYPE_BULK : TYPE_URGENT;
	u32 len = fuzz_u16() % (how & 1 ? MK_IPI_MAX_BULK_LEN + 1 : MK_IPI_MAX_LEN + 1);
	struct kvec vec = { .iov_base = bytes, .iov_len = len };

	if (how & 2)
		type |= MK_IPI_TO_CPU(how >> 4);
	if (!wait) {
		mk_instance_sendv(nodes[self].instance, bad, type, &vec, 1);
		return;
	}
	depth++;
	mk_instance_sendv_wait(nodes[self].instance, bad, type, &vec, 1, how >> 2);
	depth--;
}

/* What only a task does, which sleeps or is not below one that does */
static void step_task(u8 what, u8 how)
{
	static struct seq_file seq;

	switch (what) {
	case 20:
		call(self, good, how);
		break;
	case 21:
		call(good, self, how);
		break;
	case 22:
	case 23:
		call(self, bad, how);
		break;
	case 24:
		send_bad(how, true);
		break;
	case 25:
		if (!depth)
			toggle_handler();
		break;
	case 26:
		if (!depth && bad)
			mk_instance_fence(nodes[self ? good : self].instance, bad, bad_life);
		break;
	case 27:
		if (depth)
			break;
		if (how & 1)
			mk_instance_cpu_offline(nodes[self].instance, how >> 1 & 1);
		else
			mk_instance_cpu_online(nodes[self].instance, how >> 1 & 1);
		break;
	default:
		/* Seldom, since it takes long */
		if (how == 0x5a && !shown)
			mk_stat_show(&seq, nodes[self].instance);
		shown = true;
	}
}

static void step(void)
{
	static const u8 countdowns[] = { 0, 2, 5, 9, 14, 20, 27, 35 };
	u8 what = fuzz_u8(), how = fuzz_u8();

	fuzz_looks = 0;
	fuzz_countdown = countdowns[what >> 5];
	switch (what & 31) {
	case 0:
	case 1:
	case 2:
	case 3:
		bad_send(how);
		break;
	case 4:
		bad_open(how);
		break;
	case 5:
	case 6:
		bad_poke();
		break;
	case 7:
		bad_ring(how);
		break;
	case 8:
		bad_ack(how);
		break;
	case 9:
		bad_lives(how);
		break;
	case 10:
		send_note(self, good, how);
		break;
	case 11:
		send_note(good, self, how);
		break;
	case 12:
		send_bad(how, false);
		break;
	case 13:
		broadcast(how);
		break;
	case 14:
	case 15:
		machine_step();
		break;
	case 16:
		run_all(how & 31);
		break;
	case 17:
		shim_sleep((u64)how << (how & 31));
		machine_step();
		break;
	case 18:
		shim_alloc_fails = how & 1;
		shim_idle = how & 2;
		shim_cpu = how >> 2 & 1;
		break;
	case 19:
		mk_param_budget = how;
		mk_param_storm = how >> 4;
		break;
	default:
		if (depth < DEPTH)
			step_task(what & 31, how);
	}
}

bool shim_wait(void)
{
	unsigned int cpu = shim_cpu;
	bool more = fuzz_more() && steps++ < STEPS;

	if (more)
		step();
	if (!machine_step() && !more)
		shim_sleep(NSEC_PER_SEC);
	shim_cpu = cpu;
	return true;
}

void fuzz_init(void)
{
	unsigned int i;

	machine_init();
	header = *(struct mk_wire_header *)fuzz_memory;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	for (i = 0; i < NODES; i++) {
		handlers[i][0] = (struct mk_ipi_handler) {
			.type = TYPE_URGENT, .fn = handler_fn, .call = handler_call,
		};
		handlers[i][1] = (struct mk_ipi_handler) {
			.type = TYPE_BULK, .fn = handler_fn, .call = handler_call,
		};
		handlers[i][2] = (struct mk_ipi_handler) {
			.type = TYPE_COMES, .fn = handler_fn, .call = handler_call,
		};
		mk_handlers_add(&nodes[i].handlers, &handlers[i][0]);
		mk_handlers_add(&nodes[i].handlers, &handlers[i][1]);
		notifiers[i].notifier_call = notifier;
		raw_notifier_chain_register(&nodes[i].handlers.notifiers, &notifiers[i]);
	}
}

static void begin(void)
{
	unsigned int i;

	memcpy(fuzz_memory, &header, sizeof(header));
	for (i = 0; i < NODES; i++) {
		memset(node_arena(i), 0, MK_WIRE_BELLS + NODES * 64);
		memset(node_arena(i) + MK_WIRE_TX, 0, NODES * MK_WIRE_LINK_RINGS * 64);
		memset(node_arena(i) + MK_WIRE_RX, 0, NODES * MK_WIRE_LINK_RINGS * 64);
		memset(nodes[i].region->over, 0, sizeof(nodes[i].region->over));
		nodes[i].rung = 0;
	}
	memset(sent, 0, sizeof(sent));
	memset(arrived, 0, sizeof(arrived));
	memset(bad_pos, 0, sizeof(bad_pos));
	depth = 0;
	steps = 0;
	shown = false;
	mk_param_budget = 64;
	mk_param_storm = 256;
	mk_param_poll_us = 1;
	bad_life = 1;
	bad_lives(0);
}

/* Between those who behave all is well, whatever the third has done. */
static void check_good(void)
{
	u64 end = shim_now + 60 * NSEC_PER_SEC;
	unsigned int i, lane, node;
	struct mk_ipi_stats stats;

	/* The keeper may end whom it likes. */
	if (header.fenced[0])
		return;
	/* What is lost for a moment is made good by the beats. */
	run_all(1000);
	while (memcmp(sent, arrived, sizeof(sent)) && shim_now < end) {
		shim_sleep(NSEC_PER_SEC);
		run_all(1000);
	}
	SHIM_ASSERT(!memcmp(sent, arrived, sizeof(sent)));
	for (i = 0; i < 2; i++) {
		node = i ? self : good;
		for (lane = 0; lane < MK_NR_LANES; lane++) {
			mk_link_stats(&nodes[node].instance->links[i ? good : self], lane, &stats);
			SHIM_ASSERT(!stats.corrupt && !stats.wrong_lane);
		}
	}
}

void fuzz_run(void)
{
	u8 role = fuzz_u8() % ARRAY_SIZE(roles);

	self = roles[role].self;
	good = roles[role].good;
	bad = roles[role].bad;
	begin();
	machine_join(good, 1);
	machine_join(self, 3);
	run_all(20);

	while (fuzz_more() && steps++ < STEPS)
		step();
	fuzz_countdown = 0;
	shim_alloc_fails = 0;
	shim_cpu = 0;
	mk_param_budget = max(mk_param_budget, 1);
	check_good();

	if (comes)
		toggle_handler();
	machine_leave(self);
	machine_leave(good);
	while (nr_dirty)
		*dirty[--nr_dirty] = 0;
	header.fenced[0] = 0;
}

static void seed_step(u8 what, u8 how)
{
	fuzz_put_u8(what);
	fuzz_put_u8(how);
}

static void seed_send(u8 ring, u8 how, u16 len)
{
	seed_step(0, ring);
	fuzz_put_u8(how);
	fuzz_put_u16(len);
}

/* Found by this: both call each other, and neither leaves room for the other's reply. */
static void seed_calls_of_both(void)
{
	fuzz_put_u8(0);
	seed_step(20, 0x24);
	fuzz_put_u16(MK_IPI_MAX_LEN - 16);
	seed_step(21, 0x24);
	fuzz_put_u16(MK_IPI_MAX_LEN - 16);
	seed_step(10, 0);
	fuzz_put_u16(0);
	seed_step(11, 0);
	fuzz_put_u16(0);
	fuzz_put_end();
}

void fuzz_seeds(void)
{
	unsigned int i, n;

	seed_calls_of_both();

	for (n = 0; n < 12; n++) {
		fuzz_put_u8(n);
		for (i = 0; i < 4; i++) {
			seed_send(n % 3 ? 0 : 8, i == 3, 16 + 100 * n);
			seed_step(10, n);
			fuzz_put_u16(100 * i);
			seed_step(11, n);
			fuzz_put_u16(100 * i);
			seed_step(i ? 16 : 0xb0, 31);
		}
		/* A call, its reply while it waits, and that the caller hears of it */
		seed_step(22, 0x24);
		fuzz_put_u16(20);
		seed_send(2 * MK_LANE_RINGS + 1, MK_WIRE_REPLY, 16 + 4 * n);
		seed_step(16, 31);
		seed_step(20, 0x24);
		fuzz_put_u16(20);
		/* It sends to the other, dies, comes again, and sends */
		seed_step(12, n);
		fuzz_put_u16(30);
		seed_step(9, 0x71);
		seed_step(16, 31);
		seed_send(2, 0, 16);
		seed_step(17, 27);
		seed_step(16, 31);
		if (!n)
			seed_step(28, 0x5a);
		fuzz_put_end();
	}
}
