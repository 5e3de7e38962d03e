// SPDX-License-Identifier: GPL-2.0
/* What the fuzz targets share: between libFuzzer and them. */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"

const u8 *fuzz_at, *fuzz_end;
unsigned int fuzz_looks;
unsigned int fuzz_countdown;

static const char *seeds_folder;
static u8 seed[65536];
static size_t seed_len;
static unsigned int nr_seeds;

/* A call waits on the stack of its caller, and must not be touched after that. */
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=1:malloc_context_size=4:quarantine_size_mb=16";
}

void shim_looked(const void *at)
{
	SHIM_ASSERT(++fuzz_looks < FUZZ_MAX_LOOKS);
	if (fuzz_countdown && !--fuzz_countdown)
		fuzz_change();
}

u64 fuzz_value(u64 about)
{
	u8 how = fuzz_u8();

	switch (how >> 5) {
	case 0:
		return about + (how & 31);
	case 1:
		return about - (how & 31);
	case 2:
		return BIT_ULL(2 * (how & 31)) - (fuzz_u8() & 3);
	case 3:
		return about ^ BIT_ULL((how & 31) + 32 * (fuzz_u8() & 1));
	case 4:
		return fuzz_u8();
	case 5:
		return fuzz_u16();
	case 6:
		return fuzz_u32();
	default:
		return fuzz_u64();
	}
}

void fuzz_put(const void *bytes, size_t len)
{
	SHIM_ASSERT(len <= sizeof(seed) - seed_len);
	memcpy(seed + seed_len, bytes, len);
	seed_len += len;
}

void fuzz_put_u8(u8 value)
{
	fuzz_put(&value, sizeof(value));
}

void fuzz_put_u16(u16 value)
{
	fuzz_put(&value, sizeof(value));
}

void fuzz_put_u32(u32 value)
{
	fuzz_put(&value, sizeof(value));
}

void fuzz_put_u64(u64 value)
{
	fuzz_put(&value, sizeof(value));
}

void fuzz_put_end(void)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/seed-%02u", seeds_folder, nr_seeds++);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd < 0 || write(fd, seed, seed_len) != (ssize_t)seed_len || close(fd)) {
		perror(path);
		exit(1);
	}
	seed_len = 0;
}

/* FUZZ_SEEDS=FOLDER: write inputs to begin with, and no more */
int fuzz_initialize(int *argc, char ***argv)
{
	seeds_folder = getenv("FUZZ_SEEDS");
	if (seeds_folder) {
		fuzz_seeds();
		exit(0);
	}
	shim_reset();
	fuzz_init();
	return 0;
}

int fuzz_one(const u8 *data, size_t len)
{
	fuzz_at = data;
	fuzz_end = data + len;
	fuzz_looks = 0;
	fuzz_countdown = 0;
	shim_reset();
	fuzz_run();
	return 0;
}
