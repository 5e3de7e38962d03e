/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM multikernel

#if !defined(_TRACE_MULTIKERNEL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MULTIKERNEL_H

#include <linux/tracepoint.h>
#include <multikernel/mk_ipi.h>
#include <multikernel/mk_wire.h>

/*
 * Of the layer's own structures, which kernel/multikernel/trace.c alone looks into: who calls a
 * tracepoint fetches nothing for one that is off.
 */
struct mk_link;
struct mk_receiver;
struct mk_ring_msg;
struct mk_rx;

TRACE_DEFINE_ENUM(MK_WIRE_MESSAGE);
TRACE_DEFINE_ENUM(MK_WIRE_REQUEST);
TRACE_DEFINE_ENUM(MK_WIRE_REPLY);

#define mk_show_kind(kind)				\
	__print_symbolic(kind,				\
		{ MK_WIRE_MESSAGE, "message" },		\
		{ MK_WIRE_REQUEST, "request" },		\
		{ MK_WIRE_REPLY, "reply" })

TRACE_DEFINE_ENUM(MK_IPI_PEER_ABSENT);
TRACE_DEFINE_ENUM(MK_IPI_PEER_DOWN);
TRACE_DEFINE_ENUM(MK_IPI_PEER_UP);
TRACE_DEFINE_ENUM(MK_IPI_PEER_HUNG);
TRACE_DEFINE_ENUM(MK_IPI_PEER_BROKEN);
TRACE_DEFINE_ENUM(MK_IPI_PEER_REFUSED);

#define mk_show_peer_state(state)			\
	__print_symbolic(state,				\
		{ MK_IPI_PEER_ABSENT, "absent" },	\
		{ MK_IPI_PEER_DOWN, "down" },		\
		{ MK_IPI_PEER_UP, "up" },		\
		{ MK_IPI_PEER_HUNG, "hung" },		\
		{ MK_IPI_PEER_BROKEN, "broken" },	\
		{ MK_IPI_PEER_REFUSED, "refused" })

/**
 * mk_send - a message was put into a ring, or refused
 * @link:  to whom: self, the instance number of this kernel, and peer
 * @type:  message type, with MK_IPI_BULK and MK_IPI_TO_CPU() as the sender gave it
 * @len:   bytes of it, with the head of a call
 * @error: 0, or the negative errno that the sender is given
 *
 * The mk_doorbell for the message, if there is one, comes next on that CPU. A message
 * whose doorbell could not be rung shows twice: put into the ring, then refused.
 */
TRACE_EVENT(mk_send,
	TP_PROTO(const struct mk_link *link, u32 type, u32 len, int error),

	TP_ARGS(link, type, len, error),

	TP_STRUCT__entry(
		__field(u32, self)
		__field(u32, peer)
		__field(u32, type)
		__field(u32, len)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->self = link->instance->region->self;
		__entry->peer = link->peer;
		__entry->type = type;
		__entry->len = len;
		__entry->error = error;
	),

	TP_printk("self=%u peer=%u type=0x%x len=%u error=%d", __entry->self, __entry->peer,
		  __entry->type, __entry->len, __entry->error)
);

/**
 * mk_doorbell - a doorbell was rung
 * @link: at whom: self, the instance number of this kernel, and peer
 * @door: which door of the peer
 */
TRACE_EVENT(mk_doorbell,
	TP_PROTO(const struct mk_link *link, u32 door),

	TP_ARGS(link, door),

	TP_STRUCT__entry(
		__field(u32, self)
		__field(u32, peer)
		__field(u32, door)
	),

	TP_fast_assign(
		__entry->self = link->instance->region->self;
		__entry->peer = link->peer;
		__entry->door = door;
	),

	TP_printk("self=%u peer=%u door=%u", __entry->self, __entry->peer, __entry->door)
);

/**
 * mk_interrupt - a doorbell was taken
 * @receiver: where: self, the instance number of this kernel, and door
 *
 * A doorbell has no sender: the mk_receive that follow say who it was.
 */
TRACE_EVENT(mk_interrupt,
	TP_PROTO(const struct mk_receiver *receiver),

	TP_ARGS(receiver),

	TP_STRUCT__entry(
		__field(u32, self)
		__field(u32, door)
	),

	TP_fast_assign(
		__entry->self = receiver->instance->region->self;
		__entry->door = receiver->door;
	),

	TP_printk("self=%u door=%u", __entry->self, __entry->door)
);

/**
 * mk_receive - a message was taken out of a ring
 * @rx:  out of which: self, the instance number of this kernel, and from, that of the sender
 * @msg: which: type, with MK_IPI_BULK if it came by the bulk lane; kind, of enum mk_wire_kind;
 *	 and len, the bytes of it
 */
TRACE_EVENT(mk_receive,
	TP_PROTO(const struct mk_rx *rx, const struct mk_ring_msg *msg),

	TP_ARGS(rx, msg),

	TP_STRUCT__entry(
		__field(u32, self)
		__field(u32, from)
		__field(u32, type)
		__field(u32, kind)
		__field(u32, len)
	),

	TP_fast_assign(
		__entry->self = rx->link->instance->region->self;
		__entry->from = rx->link->peer;
		__entry->type = msg->type | (mk_ring_lane(rx->index) == MK_BULK ? MK_IPI_BULK : 0);
		__entry->kind = msg->kind;
		__entry->len = msg->len;
	),

	TP_printk("self=%u from=%u type=0x%x kind=%s len=%u", __entry->self, __entry->from,
		  __entry->type, mk_show_kind(__entry->kind), __entry->len)
);

/**
 * mk_dispatch - the handler of a message has returned
 * @link: by which it came: self, the instance number of this kernel
 * @msg:  which: from, who sent it, and type, with MK_IPI_BULK if it came by the bulk lane
 * @ret:  of a call, what its handler returned: 0 or a negative errno; else 0
 *
 * The time since mk_receive on the same CPU is what the handler took.
 */
TRACE_EVENT(mk_dispatch,
	TP_PROTO(const struct mk_link *link, const struct mk_ipi_msg *msg, int ret),

	TP_ARGS(link, msg, ret),

	TP_STRUCT__entry(
		__field(u32, self)
		__field(u32, from)
		__field(u32, type)
		__field(int, ret)
	),

	TP_fast_assign(
		__entry->self = link->instance->region->self;
		__entry->from = msg->from;
		__entry->type = msg->type;
		__entry->ret = ret;
	),

	TP_printk("self=%u from=%u type=0x%x ret=%d", __entry->self, __entry->from,
		  __entry->type, __entry->ret)
);

/**
 * mk_drop - a message that was received goes to nobody
 * @link: by which it came: self, the instance number of this kernel
 * @msg:  which: from, who sent it, and type, with MK_IPI_BULK if it came by the bulk lane
 * @why:  for people to read
 */
TRACE_EVENT(mk_drop,
	TP_PROTO(const struct mk_link *link, const struct mk_ipi_msg *msg, const char *why),

	TP_ARGS(link, msg, why),

	TP_STRUCT__entry(
		__field(u32, self)
		__field(u32, from)
		__field(u32, type)
		__string(why, why)
	),

	TP_fast_assign(
		__entry->self = link->instance->region->self;
		__entry->from = msg->from;
		__entry->type = msg->type;
		__assign_str(why);
	),

	TP_printk("self=%u from=%u type=0x%x why=%s", __entry->self, __entry->from,
		  __entry->type, __get_str(why))
);

/**
 * mk_peer - this kernel sees another state of an instance than before
 * @link:	 whose: self, the instance number of this kernel, and peer
 * @incarnation: which life of it
 * @state:	 enum mk_ipi_peer_state: what it has become
 */
TRACE_EVENT(mk_peer,
	TP_PROTO(const struct mk_link *link, u32 incarnation, u32 state),

	TP_ARGS(link, incarnation, state),

	TP_STRUCT__entry(
		__field(u32, self)
		__field(u32, peer)
		__field(u32, incarnation)
		__field(u32, state)
	),

	TP_fast_assign(
		__entry->self = link->instance->region->self;
		__entry->peer = link->peer;
		__entry->incarnation = incarnation;
		__entry->state = state;
	),

	TP_printk("self=%u peer=%u incarnation=%u state=%s", __entry->self, __entry->peer,
		  __entry->incarnation, mk_show_peer_state(__entry->state))
);

#endif /* _TRACE_MULTIKERNEL_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
