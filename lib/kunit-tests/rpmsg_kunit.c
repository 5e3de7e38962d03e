// SPDX-License-Identifier: GPL-2.0
/* Tests of what is taken for a message, or for an announcement, of the rpmsg bus. */
#include <kunit/test.h>

#include "../../drivers/rpmsg/multikernel/wire.h"

static const struct mk_rpmsg_announce announce = {
	.version = MK_RPMSG_VERSION, .src = 1024, .name = "rpmsg-raw",
};

static int check(const struct mk_rpmsg_announce *is)
{
	return mk_rpmsg_announce_check(is, sizeof(*is));
}

static void rpmsg_announcement(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, check(&announce));
	for (u32 len = 0; len < sizeof(announce); len++)
		KUNIT_EXPECT_EQ(test, -EINVAL, mk_rpmsg_announce_check(&announce, len));
	KUNIT_EXPECT_EQ(test, -EINVAL, mk_rpmsg_announce_check(&announce, sizeof(announce) + 1));
}

static void rpmsg_announcement_version(struct kunit *test)
{
	struct mk_rpmsg_announce is = announce;

	is.version = MK_RPMSG_VERSION + 1;
	KUNIT_EXPECT_EQ(test, -EPROTO, check(&is));
}

static void rpmsg_announcement_addr(struct kunit *test)
{
	static const u32 wrong[] = { RPMSG_ADDR_ANY, RPMSG_ADDR_ANY - 1, INT_MAX, 1U << 31 };
	struct mk_rpmsg_announce is = announce;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		is.src = wrong[i];
		KUNIT_EXPECT_EQ(test, -EINVAL, check(&is));
	}
	is.src = 0;
	KUNIT_EXPECT_EQ(test, 0, check(&is));
	is.src = INT_MAX - 1;
	KUNIT_EXPECT_EQ(test, 0, check(&is));
}

static void rpmsg_announcement_name(struct kunit *test)
{
	static const char * const wrong[] = {
		"", "a b", "a/b", "/", "a\n", "\x7f", "\x80", "a\xff", "\x1b[2J",
	};
	struct mk_rpmsg_announce is = announce;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		strscpy_pad(is.name, wrong[i]);
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, check(&is), "%zu", i);
	}
	memset(is.name, 'x', sizeof(is.name));
	KUNIT_EXPECT_EQ(test, -EINVAL, check(&is));
	is.name[sizeof(is.name) - 1] = 0;
	KUNIT_EXPECT_EQ(test, 0, check(&is));
	strscpy_pad(is.name, "%s.%n~");
	KUNIT_EXPECT_EQ(test, 0, check(&is));
}

static bool ok(u32 kind, u32 src, u32 dst, u32 value, u32 len)
{
	const struct mk_rpmsg_head head = {
		.kind = kind, .src = src, .dst = dst, .value = value,
	};

	return mk_rpmsg_head_ok(&head, len);
}

static void rpmsg_message(struct kunit *test)
{
	const u32 any = RPMSG_ADDR_ANY, len = sizeof(struct mk_rpmsg_head);

	KUNIT_EXPECT_TRUE(test, ok(MK_RPMSG_DATA, 1, 2, 0, len));
	KUNIT_EXPECT_TRUE(test, ok(MK_RPMSG_DATA, 1, 2, 0, len + 1));
	KUNIT_EXPECT_TRUE(test, ok(MK_RPMSG_FLOW, 1, 2, 0, len));
	KUNIT_EXPECT_TRUE(test, ok(MK_RPMSG_FLOW, 1, 2, 1, len));
	KUNIT_EXPECT_TRUE(test, ok(MK_RPMSG_RELEASE, 1, 2, 0, len));
	KUNIT_EXPECT_TRUE(test, ok(MK_RPMSG_RELEASE, 1, any, 0, len));

	for (u32 kind = 0; kind < 5; kind++) {
		KUNIT_EXPECT_FALSE(test, ok(kind, 1, 2, 0, len - 1));
		KUNIT_EXPECT_FALSE(test, ok(kind, any, 2, 0, len));
		KUNIT_EXPECT_FALSE(test, ok(kind, 1, INT_MAX, 0, len));
		KUNIT_EXPECT_FALSE(test, ok(kind, 1, 2, 2, len));
	}
	KUNIT_EXPECT_FALSE(test, ok(0, 1, 2, 0, len));
	KUNIT_EXPECT_FALSE(test, ok(4, 1, 2, 0, len));
	KUNIT_EXPECT_FALSE(test, ok(MK_RPMSG_DATA, 1, any, 0, len));
	KUNIT_EXPECT_FALSE(test, ok(MK_RPMSG_FLOW, 1, 2, 1, len + 1));
	KUNIT_EXPECT_FALSE(test, ok(MK_RPMSG_RELEASE, 1, 2, 0, len + 1));
}

static struct kunit_case rpmsg_cases[] = {
	KUNIT_CASE(rpmsg_announcement),
	KUNIT_CASE(rpmsg_announcement_version),
	KUNIT_CASE(rpmsg_announcement_addr),
	KUNIT_CASE(rpmsg_announcement_name),
	KUNIT_CASE(rpmsg_message),
	{}
};

static struct kunit_suite rpmsg_suite = {
	.name		= "mk_rpmsg",
	.test_cases	= rpmsg_cases,
};

kunit_test_suite(rpmsg_suite);
