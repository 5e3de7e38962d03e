// SPDX-License-Identifier: GPL-2.0
/*
 * A header of arbitrary bytes, which change while they are looked at: mk_region_map()
 * refuses it, or gives a region that lies in the memory that it was given, with an own
 * arena in which nobody else's is.
 *
 * Input: who I am, how large the region is, when what changes, the header.
 */
#include "fuzz.h"

#define BLOCKS		32
#define MEMORY		(BLOCKS * MK_WIRE_ALIGN)

static struct mk_wire_header *header;

struct mk_instance *mk_ipi_instance(void)
{
	return NULL;
}

bool shim_wait(void)
{
	return false;
}

void fuzz_init(void)
{
	fuzz_memory_init(MEMORY);
	header = (struct mk_wire_header *)fuzz_memory;
}

void fuzz_change(void)
{
	u64 *word = (u64 *)header + fuzz_u8() % (sizeof(*header) / 8);

	*word = fuzz_value(*word);
	fuzz_countdown = fuzz_u8() & 7;
}

static void use(struct mk_region *region, u64 size)
{
	const u8 *arena;
	u64 at;
	u32 i;

	SHIM_ASSERT(region->nr_instances && region->nr_instances <= MK_WIRE_MAX_INSTANCES);
	SHIM_ASSERT(region->self < region->nr_instances);
	SHIM_ASSERT(region->arena_size > MK_WIRE_RINGS);
	SHIM_ASSERT(!region->keeper == !!region->self);
	for (i = 0; i < region->nr_instances; i++) {
		arena = mk_region_arena(region, i);
		at = arena - (const u8 *)region->header;
		SHIM_ASSERT(at >= sizeof(*header) && at < size);
		SHIM_ASSERT(region->arena_size <= size - at);
		mk_region_life(region, i);
		mk_region_fenced(region, i, fuzz_u8());
	}
	/* The own arena is the own arena. */
	at = (const u8 *)mk_region_arena(region, region->self) - (const u8 *)region->header;
	memset(region->arena, 0x55, 8);
	memset(region->arena + region->arena_size - 8, 0x55, 8);
	SHIM_ASSERT(fuzz_memory[at] == 0x55 && fuzz_memory[at + region->arena_size - 1] == 0x55);
	memset(region->arena, 0, 8);
	memset(region->arena + region->arena_size - 8, 0, 8);
	if (region->keeper)
		mk_region_fence(region, fuzz_u8() % region->nr_instances, U32_MAX);
}

void fuzz_run(void)
{
	unsigned int i, changed = 0, self = fuzz_u8();
	u32 incarnation = fuzz_u8() & 1;
	u64 size = (1 + fuzz_u8() % BLOCKS) * MK_WIRE_ALIGN;
	unsigned int countdown = fuzz_u8();
	struct mk_region *region;
	size_t n;

	/* The changes are at the end, to be read when they are made, some at once. */
	n = min_t(size_t, fuzz_end - fuzz_at, sizeof(*header));
	memset(header, 0, sizeof(*header));
	memcpy(header, fuzz_at, n);
	fuzz_at += n;
	for (n = countdown >> 3 & 3; n; n--)
		fuzz_change();

	fuzz_countdown = countdown & 7;
	region = mk_region_map(0, size, self, incarnation);
	fuzz_countdown = 0;
	if (!IS_ERR(region)) {
		use(region, size);
		mk_region_unmap(region);
		return;
	}
	/* To refuse is to write at one place at the most, which is in an arena. */
	for (i = 1; i < BLOCKS; i++) {
		struct mk_wire_self *there = (void *)fuzz_memory + i * MK_WIRE_ALIGN;

		changed += !!there->life;
		memset(there, 0, sizeof(*there));
	}
	SHIM_ASSERT(changed <= 1);
}

void fuzz_seeds(void)
{
	struct mk_wire_header seed = {
		.magic = MK_WIRE_MAGIC,
		.version = MK_WIRE_VERSION,
		.arena_offset = MK_WIRE_ALIGN,
		.arena_size = 3 * MK_WIRE_ALIGN,
	};
	unsigned int n;

	for (n = 1; n <= 10; n++) {
		seed.nr_instances = n;
		seed.size = (1 + 3 * n) * MK_WIRE_ALIGN;
		fuzz_put_u8(n / 2);
		fuzz_put_u8(n);
		fuzz_put_u8(3 * n);
		fuzz_put_u8(n);
		fuzz_put(&seed, sizeof(seed));
		fuzz_put_u32(0);
		fuzz_put_end();
	}
}
