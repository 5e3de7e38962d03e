// SPDX-License-Identifier: GPL-2.0
/*
 * The last of what was said: bytes, each of which has a position that counts up for ever.
 *
 * Whoever adds never waits for those who read: who is too slow misses what is in between.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "console.h"

/**
 * mk_history_init - one that keeps nothing yet
 * @history: zeroed
 */
void mk_history_init(struct mk_history *history)
{
	spin_lock_init(&history->lock);
}

/**
 * mk_history_keep - keep what is added from here on
 * @history: may be kept already
 *
 * Process context; may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int mk_history_keep(struct mk_history *history)
{
	u8 *buf;

	if (mk_history_kept(history))
		return 0;
	buf = kvmalloc(MK_HISTORY_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	scoped_guard(spinlock_irqsave, &history->lock)
		if (!history->buf)
			swap(history->buf, buf);
	kvfree(buf);
	return 0;
}

/**
 * mk_history_free - keep nothing any more
 * @history: nobody else uses it
 */
void mk_history_free(struct mk_history *history)
{
	kvfree(history->buf);
	history->buf = NULL;
}

/* Where the byte at @pos is, and in @len how many there are before the buffer's end */
static u8 *history_at(struct mk_history *history, u64 pos, size_t *len)
{
	size_t offset = pos % MK_HISTORY_SIZE;

	*len = min(*len, MK_HISTORY_SIZE - offset);
	return history->buf + offset;
}

/**
 * mk_history_add - add bytes at the end
 * @history: if it keeps nothing they are lost
 * @data:    the bytes
 * @len:     how many
 *
 * Any context but NMI.
 */
void mk_history_add(struct mk_history *history, const void *data, size_t len)
{
	size_t n;
	u8 *to;

	guard(spinlock_irqsave)(&history->lock);
	if (!history->buf)
		return;
	for (; len; len -= n, data += n) {
		n = len;
		to = history_at(history, history->end, &n);
		memcpy(to, data, n);
		history->end += n;
	}
}

/**
 * mk_history_read - read from a position on
 * @history: the history
 * @pos:     where from: if that is no more there, the oldest. Moved on to what comes next
 * @to:      where the bytes go
 * @size:    room there
 *
 * Any context but NMI.
 *
 * Return: how many bytes were read; 0: nothing is behind @pos yet.
 */
size_t mk_history_read(struct mk_history *history, u64 *pos, void *to, size_t size)
{
	size_t n, done = 0;
	const u8 *from;

	guard(spinlock_irqsave)(&history->lock);
	if (!history->buf || *pos >= history->end)
		return 0;
	if (history->end - *pos > MK_HISTORY_SIZE)
		*pos = history->end - MK_HISTORY_SIZE;
	size = min(size, history->end - *pos);
	for (; done < size; done += n, *pos += n) {
		n = size - done;
		from = history_at(history, *pos, &n);
		memcpy(to + done, from, n);
	}
	return done;
}

/**
 * mk_history_end - the position of what will be added next
 * @history: the history
 *
 * Any context but NMI.
 *
 * Return: it.
 */
u64 mk_history_end(struct mk_history *history)
{
	guard(spinlock_irqsave)(&history->lock);
	return history->end;
}

/**
 * mk_history_kept - whether anything is kept
 * @history: the history
 *
 * Any context but NMI.
 *
 * Return: whether it is.
 */
bool mk_history_kept(struct mk_history *history)
{
	guard(spinlock_irqsave)(&history->lock);
	return history->buf;
}
