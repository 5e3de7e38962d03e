/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages between the Linux kernels that share one machine: what kernel
 * subsystems use. Documentation/multikernel/handler.rst is the short way in.
 */
#ifndef _MULTIKERNEL_MK_IPI_H
#define _MULTIKERNEL_MK_IPI_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>

struct kvec;
struct notifier_block;

/*
 * Message types. Who wants one for good adds it to the assigned ones here;
 * the local ones are for experiments, samples and tests.
 */
#define MK_IPI_TYPE_CORE	0x000	/* .. 0x00f: the layer's own */
#define MK_IPI_TYPE_ASSIGNED	0x010	/* .. 0x7ff: one line each, below */
#define MK_IPI_TYPE_LOCAL	0x800	/* .. 0xfff: for whom it may serve */
#define MK_IPI_NR_TYPES		0x1000

/*
 * Part of a type: its messages go by the bulk lane, and are handled in a thread.
 * Without it they go by the urgent lane, and are handled in the interrupt. Both
 * sides use the same constant, in registering as in sending:
 *
 *	#define FOO_DATA	(0x123 | MK_IPI_BULK)
 */
#define MK_IPI_BULK		BIT(12)

/* Consoles of spawned kernels: what is said there, and what is typed */
#define MK_IPI_TYPE_CONSOLE	((MK_IPI_TYPE_ASSIGNED + 0) | MK_IPI_BULK)

/* The rpmsg bus between two kernels: messages for its endpoints, calls for its channels */
#define MK_IPI_TYPE_RPMSG	((MK_IPI_TYPE_ASSIGNED + 1) | MK_IPI_BULK)

/* Ethernet frames */
#define MK_IPI_TYPE_NET		((MK_IPI_TYPE_ASSIGNED + 2) | MK_IPI_BULK)

/*
 * For the type of a message that is sent: to CPU @cpu of the instance, counted
 * from 0 among those that receive (mk_ipi_nr_cpus()), and not to the one that
 * the instance maps the sending CPU to.
 */
#define MK_IPI_TO_CPU(cpu)	((((cpu) & 0xffU) + 1) << 16)

/*
 * For the type of a message that is sent: whichever CPU sends it, it arrives behind those
 * that were sent on the lane to the same peer with the same @n, 0 to MK_IPI_ORDERS - 1.
 * For those who have queues rather than CPUs.
 */
#define MK_IPI_IN_ORDER(n)	((((n) & 0x7U) + 1) << 25)
#define MK_IPI_ORDERS		8

/* Bytes of the largest message of either lane; 0 is the smallest */
#define MK_IPI_MAX_LEN		4096
#define MK_IPI_MAX_BULK_LEN	65536

/* Bytes of a ring that a message of @len bytes takes: it has a head, and fills slots */
#define MK_IPI_SPACE(len)	(((len) + 8 + 63) & ~63U)

/* Bytes of a ring that this kernel sends bulk messages into; a slot of it stays empty */
#define MK_IPI_BULK_RING	(CONFIG_MULTIKERNEL_BULK_SLOTS * 64U)

/* With so many bytes of it unread there is room for a message of @len bytes, just so */
#define MK_IPI_UNREAD_FOR(len)	(MK_IPI_BULK_RING - 64 - MK_IPI_SPACE(len))

/* Bytes that memory from mk_ipi_take() has behind the largest message */
#define MK_IPI_TAKE_SPARE	4096

/* Instances are numbered from 0 to one less, at the most */
#define MK_IPI_MAX_INSTANCES	64

/**
 * struct mk_ipi_msg - a received message
 * @data: its bytes, a private copy, aligned to 8; valid until the handler
 *	  returns, and only there, unless mk_ipi_take() is called
 * @len:  number of bytes, 0 to MK_IPI_MAX_LEN, or to MK_IPI_MAX_BULK_LEN
 * @from: instance that sent it, as the link says and not the message
 * @incarnation: which life of it
 * @type: its type, with MK_IPI_BULK if it came by the bulk lane
 * @memory: the layer's: what mk_ipi_take() takes
 *
 * The layer has checked @len, @from and @type. The bytes are what another
 * kernel wrote: the handler checks them before it believes them.
 */
struct mk_ipi_msg {
	const void	*data;
	u32		len;
	u32		from;
	u32		incarnation;
	u32		type;
	void		**memory;
};

/**
 * struct mk_ipi_reply - an answer to a call
 * @data:  where its bytes go
 * @size:  room there
 * @len:   how many there are
 * @error: to the caller, with -EREMOTEIO: the errno that the handler gave, negative
 *
 * The caller of mk_ipi_call() sets @data and @size, and finds @len and @error. A
 * handler finds @data, aligned to 8, and @size, at least MK_IPI_MAX_LEN, and sets
 * @len, which is 0 before.
 */
struct mk_ipi_reply {
	void	*data;
	u32	size;
	u32	len;
	int	error;
};

/**
 * struct mk_ipi_handler - who takes the messages of one type
 * @type: message type, below MK_IPI_NR_TYPES, with or without MK_IPI_BULK
 * @name: for people to read
 * @fn:	  called for each message of the type that arrives, or NULL. Its first
 *	  argument is this structure, so that container_of() finds what belongs
 *	  to it.
 * @call: called for each call of the type, to fill in the answer, or NULL.
 *	  0, or a negative errno that the caller is told.
 * @taken: the layer's: messages and calls that were handed over, per CPU
 *
 * Of an urgent type both are called in hard interrupt context and must not sleep;
 * of a bulk type, in a thread, and may. Either may send. They are called in the
 * order in which one CPU of the sender has sent on that lane, and calls for one
 * such CPU never overlap; for several CPUs or senders they may.
 *
 * A bulk handler that sleeps holds up the bulk messages of that sending CPU, and
 * those alone.
 *
 * Owned by the caller, who keeps it unchanged from mk_ipi_register() until
 * mk_ipi_unregister() has returned.
 */
struct mk_ipi_handler {
	u32		type;
	const char	*name;
	void		(*fn)(struct mk_ipi_handler *handler,
			      const struct mk_ipi_msg *msg);
	int		(*call)(struct mk_ipi_handler *handler,
				const struct mk_ipi_msg *msg,
				struct mk_ipi_reply *reply);
	u64 __percpu	*taken;
};

/**
 * enum mk_ipi_peer_state - what this kernel knows of an instance
 * @MK_IPI_PEER_ABSENT:	 there is none of that number, or nobody has been it yet
 * @MK_IPI_PEER_DOWN:	 it is not up yet, or has left, or was declared dead
 * @MK_IPI_PEER_UP:	 messages can be sent to it
 * @MK_IPI_PEER_HUNG:	 it is up, but a CPU of it that receives has shown no sign of
 *			 life for longer than multikernel.hang_ms. What is sent waits
 *			 there; it may come back.
 * @MK_IPI_PEER_BROKEN:	 it is up, but what it wrote made no sense: nothing is taken
 *			 from it any more before its next life
 * @MK_IPI_PEER_REFUSED: it is of another layout version, or lacks a feature
 */
enum mk_ipi_peer_state {
	MK_IPI_PEER_ABSENT,
	MK_IPI_PEER_DOWN,
	MK_IPI_PEER_UP,
	MK_IPI_PEER_HUNG,
	MK_IPI_PEER_BROKEN,
	MK_IPI_PEER_REFUSED,
};

/**
 * struct mk_ipi_peer_event - a change in the state of an instance
 * @peer:	 its number
 * @incarnation: which life of it
 * @state:	 what it has become
 *
 * What notifiers are given. Each life that was told to be up is told to go down
 * before the next one is told to be up.
 */
struct mk_ipi_peer_event {
	unsigned int		peer;
	u32			incarnation;
	enum mk_ipi_peer_state	state;
};

/**
 * struct mk_ipi_stats - what has gone over one lane of the link to one peer
 * @sent:	messages put into a ring
 * @received:	messages taken out of a ring of the peer
 * @doorbells:	doorbells rung at the peer, for messages of this lane or for room
 *		in its rings of this lane
 * @full:	times that a message found no room
 * @unhandled:	messages received for whose type there was no handler
 * @wrong_lane:	messages received whose type is registered for the other lane
 * @corrupt:	times that what the peer wrote made no sense and a ring was closed
 * @resets:	times that a ring was opened
 *
 * Counts are of this boot of this kernel. They are read without stopping the
 * traffic, each by itself. Replies to calls of either lane count as urgent.
 */
struct mk_ipi_stats {
	u64	sent;
	u64	received;
	u64	doorbells;
	u64	full;
	u64	unhandled;
	u64	wrong_lane;
	u64	corrupt;
	u64	resets;
};

/**
 * struct mk_ipi_room - who is told when a peer has read on
 * @fn:	  called once for each mk_ipi_want_room() that gave 0: in hard interrupt context, or
 *	  with interrupts off, under a raw spinlock. It must not send, nor ask again
 * @list: the layer's
 *
 * Made by mk_ipi_room_init(), and kept until mk_ipi_forget_room().
 */
struct mk_ipi_room {
	void			(*fn)(struct mk_ipi_room *room);
	struct list_head	list;
};

/**
 * mk_ipi_room_init - prepare to be told
 * @room: filled in
 * @fn:	  what is called
 */
static inline void mk_ipi_room_init(struct mk_ipi_room *room,
				    void (*fn)(struct mk_ipi_room *room))
{
	room->fn = fn;
	INIT_LIST_HEAD(&room->list);
}

int mk_ipi_register(struct mk_ipi_handler *handler);
void *mk_ipi_take(const struct mk_ipi_msg *msg);
void mk_ipi_unregister(struct mk_ipi_handler *handler);

int mk_ipi_send(unsigned int peer, u32 type, const void *data, size_t len);
int mk_ipi_sendv(unsigned int peer, u32 type, const struct kvec *vec, unsigned int nr);
int mk_ipi_send_wait(unsigned int peer, u32 type, const void *data, size_t len,
		     unsigned long timeout);
int mk_ipi_sendv_wait(unsigned int peer, u32 type, const struct kvec *vec, unsigned int nr,
		      unsigned long timeout);
int mk_ipi_broadcast(u64 peers, u32 type, const void *data, size_t len, int *errors);
int mk_ipi_unread(unsigned int peer, u32 type);
int mk_ipi_want_room(unsigned int peer, u32 type, struct mk_ipi_room *room, u32 unread);
void mk_ipi_forget_room(unsigned int peer, struct mk_ipi_room *room);
int mk_ipi_call(unsigned int peer, u32 type, const void *data, size_t len,
		struct mk_ipi_reply *reply, unsigned long timeout);

int mk_ipi_self(void);
unsigned int mk_ipi_nr_instances(void);
enum mk_ipi_peer_state mk_ipi_peer_state(unsigned int peer);
int mk_ipi_nr_cpus(unsigned int peer);
int mk_ipi_peer_stats(unsigned int peer, u32 lane, struct mk_ipi_stats *stats);
int mk_ipi_register_notifier(struct notifier_block *nb);
int mk_ipi_unregister_notifier(struct notifier_block *nb);

#endif /* _MULTIKERNEL_MK_IPI_H */
