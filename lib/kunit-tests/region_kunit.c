// SPDX-License-Identifier: GPL-2.0
/* Tests of the region: what is formatted can be mapped, what is not is refused. */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/string.h>

#include "helpers.h"

#define REGION_NR	3
#define REGION_LIFE	11
#define REGION_SIZE	(MK_WIRE_ALIGN * (1 + 4 * REGION_NR))

static int region_init(struct kunit *test)
{
	mk_test_params(test);
	test->priv = mk_test_pages(test, REGION_SIZE);
	return 0;
}

static void region_format(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, mk_region_format(virt_to_phys(test->priv), REGION_SIZE,
						  REGION_NR));
}

static void unmap_action(void *region)
{
	mk_region_unmap(region);
}

static struct mk_region *region_map(struct kunit *test, unsigned int self)
{
	struct mk_region *region = mk_region_map(virt_to_phys(test->priv), REGION_SIZE, self, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, region);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unmap_action, region));
	return region;
}

static void region_expect_refused(struct kunit *test, u64 size, unsigned int self, int error)
{
	struct mk_region *region = mk_region_map(virt_to_phys(test->priv), size, self, REGION_LIFE);

	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(error), region);
	if (!IS_ERR_OR_NULL(region))
		mk_region_unmap(region);
}

static void region_formats_the_header(struct kunit *test)
{
	const struct mk_wire_header *header = test->priv;
	unsigned int i;

	region_format(test);
	KUNIT_EXPECT_EQ(test, MK_WIRE_MAGIC, header->magic);
	KUNIT_EXPECT_EQ(test, MK_WIRE_VERSION, header->version);
	KUNIT_EXPECT_EQ(test, REGION_NR, header->nr_instances);
	KUNIT_EXPECT_EQ(test, REGION_SIZE, header->size);
	KUNIT_EXPECT_EQ(test, MK_WIRE_FEATURES, header->features);
	KUNIT_EXPECT_EQ(test, 0, header->nr_fenced);
	for (i = 0; i < ARRAY_SIZE(header->reserved); i++)
		KUNIT_EXPECT_EQ(test, 0, header->reserved[i]);
	for (i = 0; i < MK_WIRE_MAX_INSTANCES; i++)
		KUNIT_EXPECT_EQ(test, 0, header->fenced[i]);
}

static void region_formats_arenas_up_to_their_rings(struct kunit *test)
{
	const struct mk_wire_header *header = test->priv;
	const void *arena;
	unsigned int i;

	region_format(test);
	for (i = 0; i < REGION_NR; i++) {
		arena = test->priv + header->arena_offset + i * header->arena_size;
		KUNIT_EXPECT_NULL(test, memchr_inv(arena, 0, MK_WIRE_RINGS));
	}
}

static void region_arenas_fit(struct kunit *test)
{
	const struct mk_wire_header *header = test->priv;

	region_format(test);
	KUNIT_EXPECT_EQ(test, 0, header->arena_offset % MK_WIRE_ALIGN);
	KUNIT_EXPECT_EQ(test, 0, header->arena_size % MK_WIRE_ALIGN);
	KUNIT_EXPECT_GE(test, header->arena_offset, sizeof(*header));
	KUNIT_EXPECT_GT(test, header->arena_size, MK_WIRE_RINGS);
	KUNIT_EXPECT_LE(test, header->arena_offset + REGION_NR * header->arena_size,
			REGION_SIZE);
}

/* As many bytes as were asked for are as many arenas as were asked for */
static void region_bytes_for_arenas(struct kunit *test)
{
	const struct mk_wire_header *header = test->priv;
	u64 size = mk_region_bytes(REGION_NR, 4 * MK_WIRE_ALIGN);

	KUNIT_ASSERT_LE(test, size, REGION_SIZE);
	KUNIT_ASSERT_EQ(test, 0, mk_region_format(virt_to_phys(test->priv), size, REGION_NR));
	KUNIT_EXPECT_EQ(test, 4 * MK_WIRE_ALIGN, header->arena_size);
	KUNIT_EXPECT_EQ(test, size, header->size);
}

static void region_formats_vacant_arenas(struct kunit *test)
{
	struct mk_region *region;
	unsigned int i;

	region_format(test);
	region = region_map(test, 0);
	for (i = 0; i < REGION_NR; i++)
		KUNIT_EXPECT_EQ(test, 0, mk_region_life(region, i));
}

static void region_formats_again(struct kunit *test)
{
	struct mk_wire_header *header = test->priv;

	region_format(test);
	header->fenced[1] = 7;
	region_format(test);
	KUNIT_EXPECT_EQ(test, 0, header->fenced[1]);
}

static void region_format_refuses(struct kunit *test)
{
	phys_addr_t phys = virt_to_phys(test->priv);
	const struct mk_wire_header *header = test->priv;

	KUNIT_EXPECT_EQ(test, -EINVAL, mk_region_format(phys, REGION_SIZE, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			mk_region_format(phys, REGION_SIZE, MK_WIRE_MAX_INSTANCES + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_region_format(phys, REGION_SIZE, UINT_MAX));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_region_format(phys, 0, REGION_NR));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			mk_region_format(phys, MK_WIRE_ALIGN * REGION_NR, REGION_NR));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			mk_region_format(phys + PAGE_SIZE, REGION_SIZE - MK_WIRE_ALIGN, 1));
	KUNIT_EXPECT_NE(test, MK_WIRE_MAGIC, header->magic);
}

static void region_maps_what_was_formatted(struct kunit *test)
{
	const struct mk_wire_header *header = test->priv;
	struct mk_region *region;

	region_format(test);
	region = region_map(test, 1);
	KUNIT_EXPECT_EQ(test, REGION_SIZE, region->size);
	KUNIT_EXPECT_EQ(test, header->arena_offset, region->arena_offset);
	KUNIT_EXPECT_EQ(test, header->arena_size, region->arena_size);
	KUNIT_EXPECT_EQ(test, REGION_NR, region->nr_instances);
	KUNIT_EXPECT_EQ(test, 1, region->self);
	KUNIT_EXPECT_EQ(test, MK_WIRE_MAGIC, region->header->magic);
}

static void region_own_arena_is_written(struct kunit *test)
{
	const struct mk_wire_header *header = test->priv;
	struct mk_region *region;
	void *arena;

	region_format(test);
	region = region_map(test, 2);
	arena = test->priv + header->arena_offset + 2 * header->arena_size;
	mk_test_fill(region->arena, region->arena_size, 1);
	KUNIT_EXPECT_EQ(test, 0, memcmp(region->arena, arena, region->arena_size));
}

static void region_peers_can_be_read(struct kunit *test)
{
	const struct mk_wire_header *header = test->priv;
	struct mk_region *region;
	unsigned int i;
	void *arena;

	region_format(test);
	region = region_map(test, 1);
	for (i = 0; i < REGION_NR; i++) {
		arena = test->priv + header->arena_offset + i * header->arena_size;
		mk_test_fill(arena, header->arena_size, i);
		KUNIT_EXPECT_EQ(test, 0, memcmp(mk_region_arena(region, i), arena,
						header->arena_size));
	}
}

/**
 * struct region_bad - a header that cannot be
 * @name:   what is wrong
 * @offset: of the field that is
 * @value:  what it says
 */
struct region_bad {
	const char	*name;
	size_t		offset;
	u64		value;
};

#define REGION_FIELD(_field)	offsetof(struct mk_wire_header, _field)

static const struct region_bad region_bads[] = {
	{ "other magic",	REGION_FIELD(magic),		MK_WIRE_MAGIC ^ 1 },
	{ "no magic",		REGION_FIELD(magic),		0 },
	{ "next version",	REGION_FIELD(version),		MK_WIRE_VERSION + 1 },
	{ "last version",	REGION_FIELD(version),		U32_MAX },
	{ "a feature",		REGION_FIELD(features),		1 },
	{ "last feature",	REGION_FIELD(features),		BIT_ULL(63) },
	{ "larger",		REGION_FIELD(size),		REGION_SIZE + MK_WIRE_ALIGN },
	{ "smaller",		REGION_FIELD(size),		REGION_SIZE - MK_WIRE_ALIGN },
	{ "no size",		REGION_FIELD(size),		0 },
	{ "no instances",	REGION_FIELD(nr_instances),	0 },
	{ "twice as many",	REGION_FIELD(nr_instances),	REGION_NR * 2 },
	{ "too many",		REGION_FIELD(nr_instances),	MK_WIRE_MAX_INSTANCES + 1 },
	{ "very many",		REGION_FIELD(nr_instances),	U32_MAX },
	{ "arenas at 0",	REGION_FIELD(arena_offset),	0 },
	{ "arenas unaligned",	REGION_FIELD(arena_offset),	MK_WIRE_ALIGN / 2 },
	{ "arenas at the end",	REGION_FIELD(arena_offset),	REGION_SIZE },
	{ "arenas before it",	REGION_FIELD(arena_offset),	-(u64)MK_WIRE_ALIGN },
	{ "no arena",		REGION_FIELD(arena_size),	0 },
	{ "arena unaligned",	REGION_FIELD(arena_size),	2 * MK_WIRE_ALIGN + 64 },
	{ "arena too small",	REGION_FIELD(arena_size),	3 * MK_WIRE_ALIGN },
	{ "arena too large",	REGION_FIELD(arena_size),	5 * MK_WIRE_ALIGN },
	{ "arena overflows",	REGION_FIELD(arena_size),	BIT_ULL(63) },
};

KUNIT_ARRAY_PARAM_DESC(region_bad, region_bads, name);

static void region_map_refuses_layout(struct kunit *test)
{
	const struct region_bad *bad = test->param_value;

	region_format(test);
	if (bad->offset == REGION_FIELD(version) || bad->offset == REGION_FIELD(nr_instances))
		*(u32 *)(test->priv + bad->offset) = bad->value;
	else
		*(u64 *)(test->priv + bad->offset) = bad->value;
	region_expect_refused(test, REGION_SIZE, 0, -EPROTO);
	region_expect_refused(test, REGION_SIZE, 1, -EPROTO);
}

static void region_map_refuses_unformatted(struct kunit *test)
{
	region_expect_refused(test, REGION_SIZE, 0, -EPROTO);
}

static void region_map_refuses_arguments(struct kunit *test)
{
	region_format(test);
	region_expect_refused(test, REGION_SIZE, REGION_NR, -EINVAL);
	region_expect_refused(test, REGION_SIZE, UINT_MAX, -EINVAL);
	region_expect_refused(test, 0, 0, -EINVAL);
	region_expect_refused(test, REGION_SIZE - PAGE_SIZE, 0, -EINVAL);
}

/* What instance @i says of itself, as if it had joined */
static void region_set_life(struct kunit *test, unsigned int i, u32 incarnation, u32 state)
{
	const struct mk_wire_header *header = test->priv;
	struct mk_wire_self *self;

	self = test->priv + header->arena_offset + i * header->arena_size + MK_WIRE_SELF;
	self->life = FIELD_PREP(MK_WIRE_LIFE_INCARNATION, (u64)incarnation) |
		     FIELD_PREP(MK_WIRE_LIFE_STATE, (u64)state);
}

static void region_shows_life(struct kunit *test)
{
	struct mk_region *region;
	u64 life;

	region_format(test);
	region = region_map(test, 0);
	region_set_life(test, 2, 9, MK_WIRE_UP);
	life = mk_region_life(region, 2);
	KUNIT_EXPECT_EQ(test, 9, FIELD_GET(MK_WIRE_LIFE_INCARNATION, life));
	KUNIT_EXPECT_EQ(test, MK_WIRE_UP, FIELD_GET(MK_WIRE_LIFE_STATE, life));
	KUNIT_EXPECT_EQ(test, 0, mk_region_life(region, 1));
}

static void region_fence_ends_a_life(struct kunit *test)
{
	struct mk_region *keeper, *peer;

	region_format(test);
	keeper = region_map(test, 0);
	peer = region_map(test, 1);
	region_set_life(test, 1, 4, MK_WIRE_UP);
	region_set_life(test, 2, 9, MK_WIRE_UP);
	mk_region_fence(keeper, 2, 9);

	KUNIT_EXPECT_EQ(test, 9, peer->header->fenced[2]);
	KUNIT_EXPECT_EQ(test, 0, peer->header->fenced[1]);
	KUNIT_EXPECT_NE(test, MK_WIRE_UP,
			FIELD_GET(MK_WIRE_LIFE_STATE, mk_region_life(peer, 2)));
	KUNIT_EXPECT_EQ(test, MK_WIRE_UP,
			FIELD_GET(MK_WIRE_LIFE_STATE, mk_region_life(peer, 1)));
}

static void region_fence_spares_the_next_life(struct kunit *test)
{
	struct mk_region *region;

	region_format(test);
	region = region_map(test, 0);
	region_set_life(test, 2, 9, MK_WIRE_UP);
	mk_region_fence(region, 2, 9);
	region_set_life(test, 2, 10, MK_WIRE_UP);
	KUNIT_EXPECT_EQ(test, MK_WIRE_UP,
			FIELD_GET(MK_WIRE_LIFE_STATE, mk_region_life(region, 2)));
}

static void region_fence_is_noticed(struct kunit *test)
{
	struct mk_region *region;
	u32 before;

	region_format(test);
	region = region_map(test, 0);
	before = region->header->nr_fenced;
	mk_region_fence(region, 2, 9);
	KUNIT_EXPECT_NE(test, before, region->header->nr_fenced);
}

static void region_fenced(struct kunit *test)
{
	struct mk_region *region;

	region_format(test);
	region = region_map(test, 0);
	KUNIT_EXPECT_FALSE(test, mk_region_fenced(region, 2, 1));
	mk_region_fence(region, 2, 9);
	KUNIT_EXPECT_TRUE(test, mk_region_fenced(region, 2, 1));
	KUNIT_EXPECT_TRUE(test, mk_region_fenced(region, 2, 9));
	KUNIT_EXPECT_FALSE(test, mk_region_fenced(region, 2, 10));
	KUNIT_EXPECT_FALSE(test, mk_region_fenced(region, 1, 1));
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE(region_formats_the_header),
	KUNIT_CASE(region_formats_arenas_up_to_their_rings),
	KUNIT_CASE(region_arenas_fit),
	KUNIT_CASE(region_bytes_for_arenas),
	KUNIT_CASE(region_formats_vacant_arenas),
	KUNIT_CASE(region_formats_again),
	KUNIT_CASE(region_format_refuses),
	KUNIT_CASE(region_maps_what_was_formatted),
	KUNIT_CASE(region_own_arena_is_written),
	KUNIT_CASE(region_peers_can_be_read),
	KUNIT_CASE_PARAM(region_map_refuses_layout, region_bad_gen_params),
	KUNIT_CASE(region_map_refuses_unformatted),
	KUNIT_CASE(region_map_refuses_arguments),
	KUNIT_CASE(region_shows_life),
	KUNIT_CASE(region_fence_ends_a_life),
	KUNIT_CASE(region_fence_spares_the_next_life),
	KUNIT_CASE(region_fence_is_noticed),
	KUNIT_CASE(region_fenced),
	{}
};

static struct kunit_suite region_suite = {
	.name = "mk_region",
	.init = region_init,
	.test_cases = region_cases,
};

kunit_test_suite(region_suite);
