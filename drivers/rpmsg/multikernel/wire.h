/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What two kernels say to each other on the rpmsg bus between them: messages and calls
 * of MK_IPI_TYPE_RPMSG.
 *
 * All of it is written by the sender, in the byte order of the machine that both are on.
 */
#ifndef _RPMSG_MULTIKERNEL_WIRE_H
#define _RPMSG_MULTIKERNEL_WIRE_H

#include <linux/build_bug.h>
#include <linux/ctype.h>
#include <linux/limits.h>
#include <linux/rpmsg.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <multikernel/mk_ipi.h>

/*
 * All go one way, so that what belongs to a channel is in order, and behind its
 * announcement
 */
#define MK_RPMSG_SEND		(MK_IPI_TYPE_RPMSG | MK_IPI_IN_ORDER(0))

#define MK_RPMSG_VERSION	1

enum mk_rpmsg_kind {
	MK_RPMSG_DATA		= 1,	/* behind the head is what the endpoint gets */
	MK_RPMSG_FLOW		= 2,	/* value: 1, send no more for now; 0, go on */
	MK_RPMSG_RELEASE	= 3,	/* the channel between the two is no more */
};

/**
 * struct mk_rpmsg_head - what a message begins with
 * @kind:  enum mk_rpmsg_kind
 * @src:   address of the sender
 * @dst:   address there; of MK_RPMSG_RELEASE, RPMSG_ADDR_ANY if it is not known
 * @value: as the kind says, else 0
 */
struct mk_rpmsg_head {
	u32	kind;
	u32	src;
	u32	dst;
	u32	value;
};

static_assert(sizeof(struct mk_rpmsg_head) == 16);

/* Bytes that a message has room for */
#define MK_RPMSG_MTU		(MK_IPI_MAX_BULK_LEN - sizeof(struct mk_rpmsg_head))

/**
 * struct mk_rpmsg_announce - a call: there is a channel, make your end of it
 * @version: MK_RPMSG_VERSION
 * @src:     address of the caller's end
 * @name:    of the channel; bytes behind its end are 0
 */
struct mk_rpmsg_announce {
	u32	version;
	u32	src;
	char	name[RPMSG_NAME_SIZE];
};

static_assert(sizeof(struct mk_rpmsg_announce) == 40);
static_assert(offsetof(struct mk_rpmsg_announce, name) == 8);

/**
 * struct mk_rpmsg_answer - the answer to it
 * @src: address of the end that was made
 */
struct mk_rpmsg_answer {
	u32	src;
};

static_assert(sizeof(struct mk_rpmsg_answer) == 4);

/* Whether something listens there or might; they are kept as integers */
static inline bool mk_rpmsg_addr_ok(u32 addr)
{
	return addr < INT_MAX;
}

/* Whether a channel may have that name, which goes into sysfs and logs */
static inline bool mk_rpmsg_name_ok(const char name[RPMSG_NAME_SIZE])
{
	size_t len = strnlen(name, RPMSG_NAME_SIZE);

	if (!len || len == RPMSG_NAME_SIZE)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isascii(name[i]) || !isgraph(name[i]) || name[i] == '/')
			return false;
	return true;
}

/* The errno that a call gets whose bytes are wrong, or 0 */
static inline int mk_rpmsg_announce_check(const void *data, u32 len)
{
	const struct mk_rpmsg_announce *announce = data;

	if (len != sizeof(*announce))
		return -EINVAL;
	if (announce->version != MK_RPMSG_VERSION)
		return -EPROTO;
	if (!mk_rpmsg_addr_ok(announce->src) || !mk_rpmsg_name_ok(announce->name))
		return -EINVAL;
	return 0;
}

/* Whether a message has a head that makes sense */
static inline bool mk_rpmsg_head_ok(const void *data, u32 len)
{
	const struct mk_rpmsg_head *head = data;

	if (len < sizeof(*head) || !mk_rpmsg_addr_ok(head->src))
		return false;
	if (!mk_rpmsg_addr_ok(head->dst) &&
	    (head->kind != MK_RPMSG_RELEASE || head->dst != RPMSG_ADDR_ANY))
		return false;
	switch (head->kind) {
	case MK_RPMSG_DATA:
		return !head->value;
	case MK_RPMSG_FLOW:
		return head->value <= 1 && len == sizeof(*head);
	case MK_RPMSG_RELEASE:
		return !head->value && len == sizeof(*head);
	default:
		return false;
	}
}

#endif /* _RPMSG_MULTIKERNEL_WIRE_H */
