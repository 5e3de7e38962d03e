// SPDX-License-Identifier: GPL-2.0
/* Tests of kernels of two layout versions that meet in a region. */
#include <linux/bitfield.h>
#include <linux/io.h>

#include "helpers.h"

#define LAYOUT_OTHER	(MK_WIRE_VERSION + 1)
#define LAYOUT_LIFE	7

/* Node @i maps again, now claiming to know the layout @version and no other */
static void layout_map_refused(struct kunit *test, struct mk_test_machine *machine,
			       unsigned int i, u32 version)
{
	struct mk_test_node *node = &machine->node[i];
	unsigned int mine = mk_param_layout;
	struct mk_region *region;

	mk_region_unmap(node->region);
	node->region = NULL;
	mk_param_layout = version;
	region = mk_region_map(virt_to_phys(machine->pages), machine->size, i, LAYOUT_LIFE);
	mk_param_layout = mine;
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EPROTO), region);
	if (!IS_ERR_OR_NULL(region))
		node->region = region;
}

static void layout_expect_said(struct kunit *test, struct mk_test_machine *machine,
			       unsigned int i, u32 version)
{
	const struct mk_wire_self *self = mk_test_arena(machine, i) + MK_WIRE_SELF;

	KUNIT_EXPECT_EQ(test, version, self->version);
	KUNIT_EXPECT_EQ(test, MK_WIRE_FEATURES, self->features);
	KUNIT_EXPECT_EQ(test, MK_WIRE_REFUSED, FIELD_GET(MK_WIRE_LIFE_STATE, self->life));
	KUNIT_EXPECT_EQ(test, LAYOUT_LIFE, FIELD_GET(MK_WIRE_LIFE_INCARNATION, self->life));
}

/* Who cannot join says what it would have needed */
static void layout_joiner_says_its_own(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);

	layout_map_refused(test, machine, 1, LAYOUT_OTHER);
	layout_expect_said(test, machine, 1, LAYOUT_OTHER);
}

/* The others see it, whenever it comes, and cannot send to it */
static void layout_others_see_it(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 3);
	struct mk_test_node *node = machine->node;
	unsigned int i;

	mk_param_beat_ms = 20;
	mk_test_join(test, &node[0]);
	layout_map_refused(test, machine, 1, LAYOUT_OTHER);
	mk_test_join(test, &node[2]);
	for (i = 0; i < 3; i += 2) {
		KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[i], 1, MK_IPI_PEER_REFUSED,
						    LAYOUT_LIFE));
		KUNIT_EXPECT_EQ(test, MK_IPI_PEER_REFUSED,
				mk_link_state(&node[i].instance->links[1]));
		KUNIT_EXPECT_EQ(test, -EPROTO, mk_test_note(&node[i], 1, MK_TEST_INBOX, 0, 0));
		KUNIT_EXPECT_EQ(test, -EPROTO, mk_test_note(&node[i], 1, MK_TEST_BULK, 0, 0));
	}
	mk_test_exchange(test, machine, 0, 2, MK_TEST_INBOX, 8);
}

/* Once it knows the layout it is as welcome as any other */
static void layout_comes_again(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_param_beat_ms = 20;
	mk_test_join(test, &node[0]);
	layout_map_refused(test, machine, 1, LAYOUT_OTHER);
	KUNIT_ASSERT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_REFUSED, LAYOUT_LIFE));

	mk_test_map(test, machine, 1);
	mk_test_join(test, &node[1]);
	KUNIT_EXPECT_EQ(test, LAYOUT_LIFE + 1, node[1].instance->incarnation);
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_UP, LAYOUT_LIFE + 1));
	mk_test_exchange(test, machine, 0, 1, MK_TEST_INBOX, 8);
	mk_test_exchange(test, machine, 1, 0, MK_TEST_INBOX, 8);
}

/* The keeper is the newer one */
static void layout_of_the_keeper(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_test_node *node = machine->node;

	mk_region_unmap(node[0].region);
	node[0].region = NULL;
	mk_param_beat_ms = 20;
	mk_param_layout = LAYOUT_OTHER;
	KUNIT_ASSERT_EQ(test, 0, mk_region_format(virt_to_phys(machine->pages),
						  machine->size, 2));
	KUNIT_EXPECT_EQ(test, LAYOUT_OTHER, mk_test_header(machine)->version);
	mk_test_map(test, machine, 0);
	mk_test_join(test, &node[0]);

	layout_map_refused(test, machine, 1, MK_WIRE_VERSION);
	layout_expect_said(test, machine, 1, MK_WIRE_VERSION);
	KUNIT_EXPECT_TRUE(test, mk_test_saw(&node[0], 1, MK_IPI_PEER_REFUSED, LAYOUT_LIFE));
	KUNIT_EXPECT_EQ(test, -EPROTO, mk_test_note(&node[0], 1, MK_TEST_INBOX, 0, 0));
	mk_test_exchange(test, machine, 0, 0, MK_TEST_INBOX, 8);
}

/* Where a region's arenas cannot be, nothing is written to say so */
static void layout_nowhere_to_say(struct kunit *test)
{
	static const u64 offset[] = { 0, MK_WIRE_ALIGN / 2, BIT_ULL(40), -(u64)MK_WIRE_ALIGN };
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	struct mk_wire_header *header = mk_test_header(machine);
	void *before = mk_test_buf(test, machine->size);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offset); i++) {
		header->version = LAYOUT_OTHER;
		header->arena_offset = offset[i];
		memcpy(before, machine->pages, machine->size);
		KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EPROTO),
				    mk_region_map(virt_to_phys(machine->pages), machine->size,
						  1, LAYOUT_LIFE));
		KUNIT_EXPECT_EQ(test, 0, memcmp(before, machine->pages, machine->size));
	}
}

/* One that says it is up, and in another version, is not believed */
static void layout_up_all_the_same(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	struct mk_test_node *node = machine->node;
	struct mk_wire_self *self = mk_test_arena(machine, 1) + MK_WIRE_SELF;

	self->version = LAYOUT_OTHER;
	KUNIT_EXPECT_EQ(test, MK_IPI_PEER_REFUSED, mk_link_state(&node[0].instance->links[1]));
	KUNIT_EXPECT_EQ(test, -EPROTO, mk_test_note(&node[0], 1, MK_TEST_INBOX, 0, 0));
	mk_test_exchange(test, machine, 0, 2, MK_TEST_INBOX, 8);
}

static struct kunit_case layout_cases[] = {
	KUNIT_CASE(layout_joiner_says_its_own),
	KUNIT_CASE(layout_others_see_it),
	KUNIT_CASE(layout_comes_again),
	KUNIT_CASE(layout_of_the_keeper),
	KUNIT_CASE(layout_nowhere_to_say),
	KUNIT_CASE(layout_up_all_the_same),
	{}
};

static struct kunit_suite layout_suite = {
	.name = "mk_layout",
	.test_cases = layout_cases,
};

kunit_test_suite(layout_suite);
