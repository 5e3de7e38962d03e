// SPDX-License-Identifier: GPL-2.0
/*
 * Calls under way, nested, and replies of any token, result and length, from the one
 * who was called or from somebody else, in time or late: each call ends as the first
 * reply says that is its own, or as a failure.
 *
 * Input: steps, which are taken while a call waits, and else begin one.
 */
#include "machine.h"

#define SELF	0
#define DEPTH	4

/**
 * struct pending - a call that waits
 * @peer:   who is called
 * @token:  by what the call is known; 0: not yet
 * @reply:  where the answer goes
 * @ret:    how it has to end; 1: not known yet
 * @len:    bytes of the answer
 * @fill:   what they are
 */
struct pending {
	unsigned int		peer;
	u64			token;
	struct mk_ipi_reply	reply;
	int			ret;
	u32			len;
	u8			fill;
};

static struct pending pending[DEPTH];
static unsigned int depth;
static unsigned int steps;

static int handler_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
			struct mk_ipi_reply *reply)
{
	u8 what = fuzz_u8();

	if (what & 1)
		return -(int)fuzz_u16();
	reply->len = min(fuzz_u16(), reply->size);
	memset(reply->data, what, reply->len);
	return 0;
}

static void handler_fn(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
}

static struct mk_ipi_handler handlers[] = {
	{ .type = 0x800, .fn = handler_fn, .call = handler_call },
	{ .type = 0x801 | MK_IPI_BULK, .call = handler_call },
};

struct mk_instance *mk_ipi_instance(void)
{
	return nodes[SELF].instance;
}

void fuzz_change(void)
{
}

/* The others are up, and have read all that was sent to them. */
static void peers_read(void)
{
	struct mk_instance *instance = nodes[SELF].instance;
	struct mk_wire_rx *rx;
	unsigned int i, k;

	for (i = 1; i < NODES; i++) {
		rx = node_arena(i) + MK_WIRE_RX;
		for (k = 0; k < MK_WIRE_LINK_RINGS; k++)
			rx[k].ack = BIT_ULL(32) | instance->links[i].tx[k].ring.pos;
	}
}

void fuzz_init(void)
{
	unsigned int i;

	machine_init();
	for (i = 0; i < ARRAY_SIZE(handlers); i++)
		SHIM_ASSERT(!mk_handlers_add(&nodes[SELF].handlers, &handlers[i]));
	for (i = 1; i < NODES; i++) {
		node_self(i)->version = MK_WIRE_VERSION;
		node_self(i)->nr_doors = 1;
		node_self(i)->life = BIT_ULL(32) | MK_WIRE_UP;
	}
	machine_join(SELF, 1);
	while (machine_step())
		;
}

static u64 a_token(void)
{
	u8 which = fuzz_u8();

	if (which < 0xf0)
		return pending[which % DEPTH].token + (which >> 5);
	return fuzz_u64();
}

/* The message lies in as many bytes as it has, so that ASan knows its end. */
static void reply(unsigned int from)
{
	struct mk_wire_reply head = { .token = a_token() };
	u32 error = fuzz_u16(), len = fuzz_u16() % (MK_WIRE_URGENT_LEN + 1);
	u8 fill = fuzz_u8(), how = fuzz_u8();
	struct mk_ipi_msg msg = { .from = from, .len = len };
	u8 *data = shim_alloc(len, false);
	struct pending *call;
	int ret, i;

	head.result = how < 0xc0 ? how % 4 : fuzz_u32();
	head.error = how & 0x10 ? error : fuzz_u32();
	memset(data, fill, len);
	memcpy(data, &head, min(len, sizeof(head)));
	msg.data = data;

	for (i = depth - 1; i >= 0 && len >= sizeof(head); i--) {
		call = &pending[i];
		if (call->ret <= 0 || call->token != head.token || call->peer != from)
			continue;
		call->len = 0;
		if (head.result == MK_WIRE_RESULT_DONE) {
			call->ret = len - sizeof(head) > call->reply.size ? -EMSGSIZE : 0;
			call->len = len - sizeof(head);
			call->fill = fill;
		} else if (head.result == MK_WIRE_RESULT_FAILED) {
			call->ret = -EREMOTEIO;
		} else {
			call->ret = head.result == MK_WIRE_RESULT_NO_HANDLER ? -EOPNOTSUPP :
									       -EPROTO;
		}
		break;
	}
	ret = mk_call_reply(&nodes[SELF].instance->links[from], &msg);
	SHIM_ASSERT(ret == (len < sizeof(head) ? -EPROTO : 0));
	kfree(data);
}

static void request(unsigned int from)
{
	u32 len = fuzz_u16() % (MK_WIRE_URGENT_LEN + 1);
	struct mk_ipi_msg msg = {
		.from = from,
		.len = len,
		.incarnation = 1,
		.type = 0x800 + (fuzz_u8() & 3),
	};
	void *data = shim_alloc(len, true);
	void *room = shim_alloc(MK_RX_REPLY_LEN, false);
	int ret;

	if (msg.type == 0x801)
		msg.type |= MK_IPI_BULK;
	msg.data = data;
	ret = mk_call_handle(&nodes[SELF].instance->links[from], &msg, room);
	SHIM_ASSERT(!ret || ret == -ENOENT || ret == -EPROTO);
	kfree(data);
	kfree(room);
}

static void fail(unsigned int peer)
{
	unsigned int i;

	for (i = 0; i < depth; i++)
		if (pending[i].peer == peer && pending[i].ret > 0 && pending[i].token)
			pending[i].ret = -ECONNRESET;
	mk_calls_fail(&nodes[SELF].instance->links[peer], 1);
}

static void call(u8 how)
{
	struct pending *this = &pending[depth];
	u8 type = fuzz_u8();
	int ret;

	this->peer = 1 + (how & 1);
	this->token = 0;
	this->ret = 1;
	this->reply = (struct mk_ipi_reply) { .size = fuzz_u16() % (2 * MK_IPI_MAX_LEN) };
	this->reply.data = shim_alloc(this->reply.size, false);
	depth++;
	ret = mk_link_call(&nodes[SELF].instance->links[this->peer],
			   type & 1 ? 0x801 | MK_IPI_BULK : 0x800, &type, type & 1,
			   how & 2 ? &this->reply : NULL, type);
	depth--;
	if (this->ret > 0)
		SHIM_ASSERT(ret == -ETIMEDOUT);
	else if (how & 2 || this->ret || !this->len)
		SHIM_ASSERT(ret == this->ret);
	else
		SHIM_ASSERT(ret == -EMSGSIZE);
	if (!ret && how & 2) {
		SHIM_ASSERT(this->reply.len == this->len && this->len <= this->reply.size);
		if (this->len)
			SHIM_ASSERT(((u8 *)this->reply.data)[this->len - 1] == this->fill);
	} else {
		SHIM_ASSERT(!this->reply.len);
	}
	SHIM_ASSERT(this->reply.error <= 0 && this->reply.error >= -MAX_ERRNO);
	kfree(this->reply.data);
}

static bool step(void)
{
	u8 what = fuzz_u8();

	if (!fuzz_more() || ++steps > 64)
		return false;
	peers_read();
	switch (what >> 4 & 7) {
	case 0:
	case 1:
	case 2:
	case 3:
		reply(what % NODES);
		break;
	case 4:
		request(what % NODES);
		break;
	case 5:
		fail(what % NODES);
		break;
	case 6:
		shim_now += (what & 15) * SHIM_JIFFY;
		break;
	default:
		if (depth < DEPTH)
			call(what);
	}
	return true;
}

/* The innermost call waits. Those below it cannot be told before it has ended. */
bool shim_wait(void)
{
	struct mk_instance *instance = nodes[SELF].instance;

	fuzz_looks = 0;
	if (depth && !pending[depth - 1].token)
		pending[depth - 1].token = BIT_ULL(40) |
					   (u64)atomic64_read(&instance->calls.next);
	return step();
}

void fuzz_run(void)
{
	atomic64_set(&nodes[SELF].instance->calls.next, 0);
	memset(pending, 0, sizeof(pending));
	steps = 0;
	while (fuzz_more() && steps < 64) {
		peers_read();
		call(fuzz_u8());
		steps++;
	}
}

static void seed_call(u32 size, u8 how)
{
	fuzz_put_u8(how);
	fuzz_put_u16(size);
	fuzz_put_u8(100);
}

static void seed_reply(u8 token, u32 len, u8 result)
{
	fuzz_put_u8(1);
	fuzz_put_u8(token);
	fuzz_put_u16(5);
	fuzz_put_u16(len);
	fuzz_put_u8(0x77);
	fuzz_put_u8(result);
}

void fuzz_seeds(void)
{
	unsigned int i, n;

	for (n = 0; n < 8; n++) {
		for (i = 0; i < 4; i++) {
			seed_call(64 * n, 0x70 + i);
			seed_reply(0, 16 + 8 * i, n % 4);
		}
		fuzz_put_u32(0x60606060);
		fuzz_put_end();
	}
}
