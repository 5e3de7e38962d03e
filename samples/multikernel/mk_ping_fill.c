// SPDX-License-Identifier: GPL-2.0
/* The bytes that messages are filled with, and by which damage is seen. */
#include <linux/hash.h>
#include <linux/string.h>
#include "mk_ping_run.h"

/* Differs between neighbours in all three; at 0 the low half is @seq itself */
static __le64 ping_word(u64 run, u32 seq, u32 i)
{
	u64 word = ((run + seq) * GOLDEN_RATIO_64 + i) * GOLDEN_RATIO_64;

	return cpu_to_le64(i ? word : (word & ~(u64)U32_MAX) | seq);
}

void ping_fill(void *data, u32 len, u64 run, u32 seq)
{
	__le64 *words = data, last;
	u32 i;

	for (i = 0; i < len / sizeof(last); i++)
		words[i] = ping_word(run, seq, i);
	last = ping_word(run, seq, i);
	memcpy(words + i, &last, len % sizeof(last));
}

bool ping_intact(const void *data, u32 len, u64 run, u32 seq)
{
	const __le64 *words = data;
	__le64 last;
	u32 i;

	for (i = 0; i < len / sizeof(last); i++)
		if (words[i] != ping_word(run, seq, i))
			return false;
	last = ping_word(run, seq, i);
	return !memcmp(words + i, &last, len % sizeof(last));
}
