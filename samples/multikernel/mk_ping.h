/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* /dev/mk_ping: have one kernel send messages to another, and see how it went. */
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

#define MK_STREAM_MAX_URGENT_SIZE	4096
#define MK_STREAM_MAX_BULK_SIZE		65536
#define MK_STREAM_MAX_COUNT		1000000
#define MK_STREAM_MAX_CPUS		8

/* mk_stream.lane */
#define MK_STREAM_URGENT	0
#define MK_STREAM_BULK		1

/**
 * struct mk_stream_cpu - what one CPU of the initiator has sent
 * @cpu:	its number, in the initiator
 * @error:	0, or the errno (positive) that ended it early
 * @sent:	messages sent
 * @received:	as many as have arrived, says the receiver; 0 if it was not asked,
 *		because of @error
 * @lost:	messages that have not; the same
 * @reordered:	messages that came after a later one
 * @damaged:	messages with other bytes, or another length, than those sent
 * @pad:	zero
 * @at:		CPUs of the receiver on which they arrived: bit n for CPU n
 * @elapsed_ns: from the first message until all were handled
 */
struct mk_stream_cpu {
	__u32 cpu;
	__u32 error;
	__u32 sent;
	__u32 received;
	__u32 lost;
	__u32 reordered;
	__u32 damaged;
	__u32 pad;
	__u64 at;
	__u64 elapsed_ns;
};

/**
 * struct mk_stream - messages one way, as fast as they go
 * @from:	 in: instance that sends; MK_PING_SELF: this kernel; out: its number
 * @to:		 in: instance that receives
 * @count:	 in: messages of each stream, 1 to MK_STREAM_MAX_COUNT
 * @size:	 in: bytes of a message, 0 to MK_STREAM_MAX_URGENT_SIZE or
 *		 MK_STREAM_MAX_BULK_SIZE
 * @lane:	 in: MK_STREAM_URGENT or MK_STREAM_BULK
 * @cpus:	 in: CPUs of the sender that send at once, a stream each: 1, or 0 for
 *		 all that are online, up to MK_STREAM_MAX_CPUS; out: how many did
 * @timeout_ms:	 in: after so long without room for a message, or without an answer
 *		 to how many have arrived, a stream ends; 1 to MK_PING_MAX_TIMEOUT_MS
 * @error:	 out: 0, or the errno (positive) that ended one of them early
 * @doorbells:	 out: doorbells that the sender rang on that lane meanwhile: for the
 *		 messages; and if there are several streams, for the questions that
 *		 others of them begin and end with
 * @room:	 out: doorbells that the receiver rang back meanwhile, to say that
 *		 there is room again; on the urgent lane with those of its answers
 * @elapsed_ns:	 out: all of it
 * @cpu:	 out: the first @cpus of them are filled in
 *
 * Messages are numbered, and so filled that one differs from its neighbours. Of
 * those of fewer than 4 bytes, which have no room for the number, one that was
 * lost or came too early shows as damaged.
 */
struct mk_stream {
	__u32 from;
	__u32 to;
	__u32 count;
	__u32 size;
	__u32 lane;
	__u32 cpus;
	__u32 timeout_ms;
	__u32 error;
	__u64 doorbells;
	__u64 room;
	__u64 elapsed_ns;
	struct mk_stream_cpu cpu[MK_STREAM_MAX_CPUS];
};

#define MK_CAST_MAX_PEERS		64

/**
 * struct mk_cast_peer - what was sent to one instance
 * @peer:	its number
 * @error:	0, or the errno (positive) that ended it early
 * @sent:	messages sent to it
 * @received:	as many as have arrived, says the instance, as far as it was asked
 *		before an @error
 * @lost:	messages that have not; the same
 * @reordered:	messages that came after a later one
 * @damaged:	messages with other bytes, or another length, than those sent
 * @cpus:	CPUs of it that receive; 0 if it did not get to them
 * @at:		CPUs of it on which those arrived that were for each: bit n for CPU n
 * @retried:	messages for which there was no room when they were sent to all, and
 *		which were sent to it alone
 * @pad:	zero
 */
struct mk_cast_peer {
	__u32 peer;
	__u32 error;
	__u32 sent;
	__u32 received;
	__u32 lost;
	__u32 reordered;
	__u32 damaged;
	__u32 cpus;
	__u64 at;
	__u32 retried;
	__u32 pad;
};

/**
 * struct mk_cast - messages from this kernel to all others that are up
 * @count:	 in: messages to all, 1 to MK_STREAM_MAX_COUNT; after them comes one
 *		 to each CPU
 * @size:	 in: bytes of a message, 0 to MK_STREAM_MAX_URGENT_SIZE or
 *		 MK_STREAM_MAX_BULK_SIZE
 * @lane:	 in: MK_STREAM_URGENT or MK_STREAM_BULK
 * @timeout_ms:	 in: after so long without room for a message, or without an answer
 *		 to how many have arrived, it ends with an instance; 1 to
 *		 MK_PING_MAX_TIMEOUT_MS
 * @from:	 out: number of this kernel
 * @nr_peers:	 out: to how many it was sent
 * @peer:	 out: the first @nr_peers of them are filled in
 *
 * Messages are filled as those of streams are.
 */
struct mk_cast {
	__u32 count;
	__u32 size;
	__u32 lane;
	__u32 timeout_ms;
	__u32 from;
	__u32 nr_peers;
	struct mk_cast_peer peer[MK_CAST_MAX_PEERS];
};

/*
 * Each returns once it has ended; another one of the same kind and sender is waited
 * for first; streams and casts are of one kind. What ended early, and any failure in
 * another sender than this kernel, is told in @error: ECONNRESET, at once, if one of
 * them has gone meanwhile; ETIMEDOUT if the receiver did not answer or take what was
 * sent, as when it hangs, or if the other sender does not say how it went. A cast tells
 * all that fails with an instance in the @error of that one. The ioctl itself fails if
 * nothing was sent:
 *
 *	EINVAL		a field is out of its range, or @pad is not zero
 *	ENODEV		this kernel is in no region
 *	ENOENT		there is no instance @from, or @to
 *	ENOTCONN	it is not up; of a cast: no other instance is
 *	EOPNOTSUPP	it is up, but has no part of this
 *	ETIMEDOUT	the ring to @to stayed full
 *	ENOMEM		no memory for the times of @count round trips, or the messages
 *	ENOSPC		no room for a ring to it
 *	EIO		it cannot be rung
 *	EPROTO		what @from or @to says makes no sense, or it is of another version
 *	EINTR		a signal came
 *
 * As long as another kernel works on it, it takes no other bulk message from the CPU
 * of this kernel that has asked.
 */
#define MK_PING_IOC_RUN		_IOWR(0xEA, 0x80, struct mk_ping)
#define MK_STREAM_IOC_RUN	_IOWR(0xEA, 0x81, struct mk_stream)
#define MK_CAST_IOC_RUN		_IOWR(0xEA, 0x82, struct mk_cast)

#define MK_MIX_MAX_PEERS	16
#define MK_MIX_MAX_PAUSE_US	1000000

/* mk_mix_start.defect: what this kernel does wrong now and then, to be found by others */
#define MK_MIX_DEFECT_NONE	0
#define MK_MIX_DEFECT_LOSE	1	/* a message is not sent */
#define MK_MIX_DEFECT_DOUBLE	2	/* it is sent twice */
#define MK_MIX_DEFECT_REORDER	3	/* two are sent in the wrong order */
#define MK_MIX_DEFECT_DAMAGE	4	/* a bit of it is turned */

/**
 * struct mk_mix_start - mixed traffic between all kernels that are up, until it is stopped
 * @seed:	from which all that is random comes, but for what is up to time
 * @pause_us:	longest pause between two bursts of messages, up to MK_MIX_MAX_PAUSE_US
 * @defect:	what this kernel does wrong: one of MK_MIX_DEFECT_*
 * @pad:	zero
 */
struct mk_mix_start {
	__u64 seed;
	__u32 pause_us;
	__u32 defect;
	__u64 pad;
};

/**
 * struct mk_mix_sums - what came of mixed traffic
 * @sent:	messages sent, broadcasts and calls included
 * @received:	messages that have arrived, calls included
 * @bytes:	of those sent
 * @calls:	calls that were answered, with the right bytes
 * @lost:	messages that have not arrived, though a later one of the same stream has
 * @reordered:	messages that came after a later one of the same stream
 * @doubled:	messages that came twice
 * @damaged:	messages or answers with other bytes, or of another life, than were sent
 * @strays:	messages of no stream that this life knows: what was meant for the last one
 * @full:	messages for which there was no room at first
 * @gone:	messages and calls that failed since the peer was not there any more
 * @late:	messages and calls that failed because of the time they took
 * @other:	those that failed otherwise
 * @last_other:	errno of the last of these
 */
struct mk_mix_sums {
	__u64 sent;
	__u64 received;
	__u64 bytes;
	__u64 calls;
	__u32 lost;
	__u32 reordered;
	__u32 doubled;
	__u32 damaged;
	__u32 strays;
	__u32 full;
	__u32 gone;
	__u32 late;
	__u32 other;
	__u32 last_other;
};

/**
 * struct mk_mix_peer - traffic with one instance
 * @state:	enum mk_ipi_peer_state: 0 absent, 1 down, 2 up, 3 hung, 4 broken, 5 refused
 * @ends:	how many of its lives have ended, since this kernel was booted
 * @messages:	messages sent to it, of whatever kind, since this kernel was booted
 * @doorbells:	doorbells rung at it
 * @here:	what this kernel has counted with it
 * @there:	what it has counted with all of its peers, as far as was told: it tells once
 *		a second, and at the end. Of all of its lives
 * @running:	it takes part
 * @pad:	zero
 */
struct mk_mix_peer {
	__u32 state;
	__u32 ends;
	__u64 messages;
	__u64 doorbells;
	struct mk_mix_sums here;
	struct mk_mix_sums there;
	__u32 running;
	__u32 pad;
};

/**
 * struct mk_mix - what came of it so far
 * @self:	number of this kernel
 * @running:	it takes part
 * @peer:	by instance number
 */
struct mk_mix {
	__u32 self;
	__u32 running;
	struct mk_mix_peer peer[MK_MIX_MAX_PEERS];
};

/*
 * Every kernel that gets the first message of such traffic takes part, and so do those
 * that are spawned meanwhile. It ends with MK_MIX_IOC_STOP, or when the file is closed by
 * which it was started. STOP takes for how many milliseconds to wait until the others
 * have ended it as well and have told what they counted; then it fails with ETIMEDOUT.
 *
 *	EINVAL		a field is out of its range
 *	ENODEV		this kernel is in no region, or has a number above those that take part
 *	EBUSY		it goes on already
 *	ENOMEM, EINTR	as usual
 */
#define MK_MIX_IOC_START	_IOW(0xEA, 0x83, struct mk_mix_start)
#define MK_MIX_IOC_STOP		_IOW(0xEA, 0x84, __u32)
#define MK_MIX_IOC_READ		_IOR(0xEA, 0x85, struct mk_mix)

#endif /* _SAMPLES_MULTIKERNEL_MK_PING_H */
