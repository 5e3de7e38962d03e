/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages between the Linux kernels that share one machine: what kernel
 * subsystems use. Documentation/multikernel/handler.rst is the short way in.
 */
#ifndef _MULTIKERNEL_MK_IPI_H
#define _MULTIKERNEL_MK_IPI_H

#include <linux/types.h>

/*
 * Message types. Who wants one for good adds it to the assigned ones here;
 * the local ones are for experiments, samples and tests.
 */
#define MK_IPI_TYPE_CORE	0x000	/* .. 0x00f: the layer's own */
#define MK_IPI_TYPE_ASSIGNED	0x010	/* .. 0x7ff: one line each, below */
#define MK_IPI_TYPE_LOCAL	0x800	/* .. 0xfff: for whom it may serve */
#define MK_IPI_NR_TYPES		0x1000

/* Bytes of the largest message; 0 is the smallest */
#define MK_IPI_MAX_LEN		4096

/* Instances are numbered from 0 to one less, at the most */
#define MK_IPI_MAX_INSTANCES	64

/**
 * struct mk_ipi_msg - a received message
 * @data: its bytes, a private copy, aligned to 8; valid until the handler
 *	  returns, and only there
 * @len:  number of bytes, 0 to MK_IPI_MAX_LEN
 * @from: instance that sent it, as the link says and not the message
 * @type: its type
 *
 * The layer has checked @len, @from and @type. The bytes are what another
 * kernel wrote: the handler checks them before it believes them.
 */
struct mk_ipi_msg {
	const void	*data;
	u32		len;
	u32		from;
	u32		type;
};

/**
 * struct mk_ipi_handler - who takes the messages of one type
 * @type: message type, below MK_IPI_NR_TYPES
 * @name: for people to read
 * @fn:	  called for each message of the type that arrives, in hard interrupt
 *	  context, in the order in which one sender's CPU has sent them; calls for
 *	  one sender never overlap. It must not sleep. It may send. Its first
 *	  argument is this structure, so that container_of() finds what belongs
 *	  to it.
 *
 * Owned by the caller, who keeps it unchanged from mk_ipi_register() until
 * mk_ipi_unregister() has returned.
 */
struct mk_ipi_handler {
	u32		type;
	const char	*name;
	void		(*fn)(struct mk_ipi_handler *handler,
			      const struct mk_ipi_msg *msg);
};

/**
 * enum mk_ipi_peer_state - what this kernel knows of an instance
 * @MK_IPI_PEER_ABSENT: there is none of that number, or nobody has been it yet
 * @MK_IPI_PEER_DOWN:	it is not up yet, or has left, or was declared dead
 * @MK_IPI_PEER_UP:	messages can be sent to it
 */
enum mk_ipi_peer_state {
	MK_IPI_PEER_ABSENT,
	MK_IPI_PEER_DOWN,
	MK_IPI_PEER_UP,
};

/**
 * struct mk_ipi_stats - what has gone over the link to one peer
 * @sent:	messages put into the ring
 * @received:	messages taken out of the peer's ring
 * @doorbells:	doorbells rung at the peer
 * @full:	messages refused with -EAGAIN
 * @unhandled:	messages received for whose type there was no handler
 * @corrupt:	times that what the peer wrote made no sense and its ring was
 *		closed
 * @resets:	times that one of the two rings was opened for new incarnations
 *
 * Counts are of this boot of this kernel. They are read without stopping the
 * traffic, each by itself.
 */
struct mk_ipi_stats {
	u64	sent;
	u64	received;
	u64	doorbells;
	u64	full;
	u64	unhandled;
	u64	corrupt;
	u64	resets;
};

int mk_ipi_register(struct mk_ipi_handler *handler);
void mk_ipi_unregister(struct mk_ipi_handler *handler);
int mk_ipi_send(unsigned int peer, unsigned int type, const void *data, size_t len);
int mk_ipi_self(void);
unsigned int mk_ipi_nr_instances(void);
enum mk_ipi_peer_state mk_ipi_peer_state(unsigned int peer);
int mk_ipi_peer_stats(unsigned int peer, struct mk_ipi_stats *stats);

#endif /* _MULTIKERNEL_MK_IPI_H */
