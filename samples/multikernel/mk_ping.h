/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* /dev/mk_ping: have two kernels exchange messages, and see how it went. */
#ifndef _SAMPLES_MULTIKERNEL_MK_PING_H
#define _SAMPLES_MULTIKERNEL_MK_PING_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MK_PING_MIN_SIZE	32	/* what the sample itself needs of a message */
#define MK_PING_MAX_SIZE	4096
#define MK_PING_MAX_COUNT	1000000
#define MK_PING_MAX_WINDOW	64
#define MK_PING_MAX_TIMEOUT_MS	60000
#define MK_PING_SELF		0xffffffff

/**
 * struct mk_ping - one exchange: @count messages out, each to be sent back
 * @from:	 in: instance that sends; MK_PING_SELF: this kernel; out: its number
 * @to:		 in: instance that sends back
 * @count:	 in: round trips, 1 to MK_PING_MAX_COUNT
 * @size:	 in: bytes of a message, MK_PING_MIN_SIZE to MK_PING_MAX_SIZE
 * @window:	 in: messages under way at once, 1 to MK_PING_MAX_WINDOW;
 *		 out: as many as there were at most, fewer than asked for if so
 *		 many of @size do not fit into half of a ring
 * @timeout_ms:	 in: after so long without an answer to the oldest of the messages
 *		 under way the exchange ends, 1 to MK_PING_MAX_TIMEOUT_MS
 * @error:	 out: 0, or the errno (positive) that ended it early
 * @done:	 out: round trips completed
 * @lost:	 out: messages without an answer
 * @reordered:	 out: messages that came after a later one, on the way there or back
 * @damaged:	 out: answers with other bytes than those sent, or to no message
 *		 under way
 * @pad:	 zero
 * @min_ns:	 out: shortest round trip
 * @median_ns:	 out: half of them took no longer
 * @p99_ns:	 out: 99 % of them took no longer
 * @max_ns:	 out: longest round trip
 * @elapsed_ns:  out: the whole exchange
 * @messages:	 out: messages that both sides sent to each other meanwhile
 * @doorbells:	 out: doorbells that both sides rang at each other meanwhile, but
 *		 for that of the last answer, which comes after its own count
 *
 * Times are by the sender's own clock, those of round trips 4.29 s at the most
 * and zero if none was completed. A sender that is not this kernel says itself
 * how its exchange went.
 */
struct mk_ping {
	__u32 from;
	__u32 to;
	__u32 count;
	__u32 size;
	__u32 window;
	__u32 timeout_ms;
	__u32 error;
	__u32 done;
	__u32 lost;
	__u32 reordered;
	__u32 damaged;
	__u32 pad;
	__u64 min_ns;
	__u64 median_ns;
	__u64 p99_ns;
	__u64 max_ns;
	__u64 elapsed_ns;
	__u64 messages;
	__u64 doorbells;
};

/*
 * Returns once the exchange has ended; another one of the same sender is waited
 * for first. An exchange that ended early, and any failure in another sender
 * than this kernel, is told in @error: ETIMEDOUT if what was under way was not
 * answered, as when the peer was stopped meanwhile, or if the other sender does not
 * say how it went; ECONNRESET if that one has gone; EBUSY if it still works on an
 * earlier request of this kernel. The ioctl itself fails if nothing was sent:
 *
 *	EINVAL		a field is out of its range, or @pad is not zero
 *	ENODEV		this kernel is in no region
 *	ENOENT		there is no instance @from, or @to
 *	ENOTCONN	it is not up
 *	EAGAIN		the ring to @from stayed full
 *	ETIMEDOUT	the ring to @to stayed full
 *	ENOMEM		no memory for the times of @count round trips
 *	EPROTO		what @from says of its exchange makes no sense
 *	EINTR		a signal came
 */
#define MK_PING_IOC_RUN	_IOWR(0xEA, 0x80, struct mk_ping)

#endif /* _SAMPLES_MULTIKERNEL_MK_PING_H */
