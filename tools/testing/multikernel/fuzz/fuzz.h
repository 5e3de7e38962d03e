/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzz targets share. An input is a sequence of steps, read byte by byte; what
 * it does not have is 0.
 */
#ifndef _MULTIKERNEL_FUZZ_H
#define _MULTIKERNEL_FUZZ_H

#include "internal.h"

extern const u8 *fuzz_at, *fuzz_end;

static inline bool fuzz_more(void)
{
	return fuzz_at < fuzz_end;
}

static inline u8 fuzz_u8(void)
{
	return fuzz_more() ? *fuzz_at++ : 0;
}

static inline u32 fuzz_u16(void)
{
	u32 low = fuzz_u8();

	return low | fuzz_u8() << 8;
}

static inline u32 fuzz_u32(void)
{
	u32 low = fuzz_u16();

	return low | fuzz_u16() << 16;
}

static inline u64 fuzz_u64(void)
{
	u64 low = fuzz_u32();

	return low | (u64)fuzz_u32() << 32;
}

/* Something that is likely to matter, near @about, or anything */
u64 fuzz_value(u64 about);

/* The memory that the peers share, writable: what is not the core's look at it */
extern u8 *fuzz_memory;
void fuzz_memory_init(size_t size);

/* Looks at memory that may be shared: so many at once are an endless loop. */
extern unsigned int fuzz_looks;
#define FUZZ_MAX_LOOKS	1000000

/* They are counted down, and at 0 the target changes what it likes. */
extern unsigned int fuzz_countdown;
void fuzz_change(void);

/* Of each target: once; for each input; and valid traffic to begin with */
void fuzz_init(void);
void fuzz_run(void);
void fuzz_seeds(void);

/* What libFuzzer and ASan look for */
int fuzz_initialize(int *argc, char ***argv) __asm__("LLVMFuzzerInitialize");
int fuzz_one(const u8 *data, size_t len) __asm__("LLVMFuzzerTestOneInput");
const char *__asan_default_options(void);

/* For fuzz_seeds(): bytes of an input, and the end of it */
void fuzz_put(const void *bytes, size_t len);
void fuzz_put_u8(u8 value);
void fuzz_put_u16(u16 value);
void fuzz_put_u32(u32 value);
void fuzz_put_u64(u64 value);
void fuzz_put_end(void);

#endif /* _MULTIKERNEL_FUZZ_H */
