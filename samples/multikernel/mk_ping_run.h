/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the sample know of each other. */
#ifndef _SAMPLES_MULTIKERNEL_MK_PING_RUN_H
#define _SAMPLES_MULTIKERNEL_MK_PING_RUN_H

#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <multikernel/mk_ipi.h>
#include "mk_ping.h"

/* Messages of a run of pings: urgent, so that nothing that sleeps holds them up */
#define PING_ECHO	(MK_IPI_TYPE_LOCAL + 0)	/* to be sent back */
#define PING_REPLY	(MK_IPI_TYPE_LOCAL + 1)	/* the same bytes */

/* Calls that have another kernel be the initiator, and end when its run does */
#define PING_ASK	((MK_IPI_TYPE_LOCAL + 2) | MK_IPI_BULK)	/* struct mk_ping */
#define STREAM_ASK	((MK_IPI_TYPE_LOCAL + 3) | MK_IPI_BULK)	/* struct mk_stream */

/* Streams that can be there at once have types of their own, one for each: + @slot */
#define STREAM_URGENT(slot)	(MK_IPI_TYPE_LOCAL + 0x10 + (slot))
#define STREAM_BULK(slot)	((MK_IPI_TYPE_LOCAL + 0x18 + (slot)) | MK_IPI_BULK)

/* So have those of mixed traffic; messages and calls alike */
#define MIX_URGENT(slot)	(MK_IPI_TYPE_LOCAL + 0x30 + (slot))
#define MIX_BULK(slot)		((MK_IPI_TYPE_LOCAL + 0x38 + (slot)) | MK_IPI_BULK)

/* The module goes: runs that are there end early, and so does each later one */
extern bool ping_stop;

/* mk_ping_peer.c */
int ping_peer_init(void);
void ping_peer_exit(void);

/*
 * How many lives of @peer have ended, as far as was told: a run that sees this change
 * ends. So does one with the next life, begun before the end of the last one was told.
 */
u32 ping_ends(unsigned int peer);

/* Woken after the state of any peer has changed */
extern struct wait_queue_head ping_changed;

/* @err, which ended a run; a peer that is not there has gone if anything was @sent */
static inline int ping_errno(int err, bool sent)
{
	if (err == -ENOTCONN || err == -ECONNRESET)
		return sent ? -ECONNRESET : -ENOTCONN;
	return err;
}

/* mk_ping_run.c */
int ping_run_init(void);
void ping_run_exit(void);

/*
 * Run @ping, which was checked, with this kernel as the initiator, and fill in
 * its out fields. Waits for another run to end. An errno if nothing was sent;
 * what ends a run later is told in @ping->error. Process context, may sleep.
 */
int ping_run(struct mk_ping *ping);

/* mk_ping_stream.c */
int stream_init(void);
void stream_exit(void);

/* The same for a stream */
int stream_run(struct mk_stream *stream);

extern struct mutex stream_mutex;
u32 stream_type(u32 lane, unsigned int slot);

/* What has come of a stream, as the receiver says */
struct stream_answer {
	u64	at;
	u64	doorbells;	/* rung so far on the lane, for the one who asks */
	u32	received;
	u32	reordered;
	u32	damaged;
	u32	reserved;	/* zero */
};

/*
 * Tell @peer of a stream to come, @run, of messages of @size bytes, or ask what has
 * come of it. Process context, sleeps. 0, or an errno of mk_ipi_call(), or -EPROTO.
 */
int stream_call(unsigned int peer, u32 type, u64 run, u32 size, unsigned long timeout,
		struct stream_answer *answer);

/* mk_ping_cast.c: as ping_run(), to all that are up; each has its own @error */
int cast_run(struct mk_cast *cast);

/* mk_ping_mix.c */
int mix_init(void);
void mix_exit(void);

/* The ioctls of mixed traffic; process context, sleep */
int mix_start(const struct mk_mix_start *start, const void *owner);
int mix_stop(u32 timeout_ms);
void mix_read(struct mk_mix *mix);
/* Stop what was started by @owner, if it goes on */
void mix_release(const void *owner);

/* mk_ping_fill.c: message @seq of @run; a word of 64 bits begins at @data */
void ping_fill(void *data, u32 len, u64 run, u32 seq);
bool ping_intact(const void *data, u32 len, u64 run, u32 seq);

#endif /* _SAMPLES_MULTIKERNEL_MK_PING_RUN_H */
