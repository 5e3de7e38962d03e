// SPDX-License-Identifier: GPL-2.0
/* Tests of what is counted, and of the text in which it is shown. */
#include <linux/atomic.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "helpers.h"

#define STAT_TEXT	SZ_64K
#define STAT_NOTES	mk_test_many(10000)

static void stat_bucket_borders(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, mk_hist_bucket(0));
	for (i = 0; i < MK_HIST_BUCKETS; i++) {
		KUNIT_EXPECT_EQ(test, i, mk_hist_bucket(BIT_ULL(i)));
		KUNIT_EXPECT_EQ(test, i, mk_hist_bucket(2 * BIT_ULL(i) - 1));
	}
	KUNIT_EXPECT_EQ(test, MK_HIST_BUCKETS - 1, mk_hist_bucket(BIT_ULL(MK_HIST_BUCKETS)));
	KUNIT_EXPECT_EQ(test, MK_HIST_BUCKETS - 1, mk_hist_bucket(U64_MAX));
}

static char *stat_buf(struct kunit *test)
{
	char *buf = kunit_kmalloc(test, STAT_TEXT, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

/* What is shown of @node, in @buf */
static void stat_read(struct kunit *test, struct mk_test_node *node, char *buf)
{
	struct seq_file seq = { .buf = buf, .size = STAT_TEXT };

	mk_stat_show(&seq, node->instance);
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(&seq));
	buf[seq.count] = 0;
}

/* The number behind @key= in the first line that begins with @line; -1: there is none */
static s64 stat_field(const char *text, const char *line, const char *key)
{
	char pattern[32];
	const char *end, *at = text;
	u64 value;

	snprintf(pattern, sizeof(pattern), " %s=", key);
	while (strncmp(at, line, strlen(line))) {
		at = strchr(at, '\n');
		if (!at || !*++at)
			return -1;
	}
	end = strchrnul(at, '\n');
	at = strnstr(at, pattern, end - at);
	if (!at || sscanf(at + strlen(pattern), "%lli", &value) != 1)
		return -1;
	return value;
}

static int stat_send(struct mk_test_node *from, unsigned int to, u32 type)
{
	static const u8 data[100];

	return mk_instance_send(from->instance, to, type, data, sizeof(data));
}

static void stat_shows_peers(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 3);
	char *text = stat_buf(test);

	mk_test_leave(&machine->node[2]);
	stat_read(test, &machine->node[1], text);
	KUNIT_EXPECT_TRUE(test, strstarts(text, "mk_stat 1\ninstance n=1 "));
	KUNIT_EXPECT_EQ(test, 3, stat_field(text, "instance ", "instances"));
	KUNIT_EXPECT_EQ(test, MK_WIRE_VERSION, stat_field(text, "instance ", "layout"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\npeer n=0 state=up incarnation=1 "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\npeer n=1 state=up incarnation=1 "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\npeer n=2 state=down incarnation=1 "));
	KUNIT_EXPECT_LT(test, stat_field(text, "peer n=0 ", "age_ms"), 60 * 1000);
	KUNIT_EXPECT_GE(test, stat_field(text, "peer n=0 ", "age_ms"), 0);
	KUNIT_EXPECT_EQ(test, 1, stat_field(text, "peer n=0 ", "doors"));
	KUNIT_EXPECT_EQ(test, machine->node[1].cpu, stat_field(text, "door n=0 ", "cpu"));
}

static void stat_hides_absent_peers(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_machine(test, 2);
	char *text = stat_buf(test);

	mk_test_join(test, &machine->node[0]);
	stat_read(test, &machine->node[0], text);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\npeer n=0 "));
	KUNIT_EXPECT_NULL(test, strstr(text, "\npeer n=1 "));
	KUNIT_EXPECT_NULL(test, strstr(text, "\nlane peer=1 "));
}

static void stat_counts_messages(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	char *text = stat_buf(test);
	unsigned int i;

	for (i = 0; i < 5; i++)
		KUNIT_ASSERT_EQ(test, 0, stat_send(&node[0], 1, MK_TEST_INBOX));
	KUNIT_ASSERT_EQ(test, 0, stat_send(&node[0], 1, MK_IPI_TYPE_LOCAL));
	KUNIT_ASSERT_EQ(test, 0, stat_send(&node[1], 0, MK_TEST_INBOX));
	KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[1], 5));
	KUNIT_ASSERT_TRUE(test, mk_test_arrived(&node[0], 1));
	mk_test_settle(test, &node[1]);

	stat_read(test, &node[0], text);
	KUNIT_EXPECT_EQ(test, 6, stat_field(text, "lane peer=1 lane=urgent ", "sent"));
	KUNIT_EXPECT_EQ(test, 1, stat_field(text, "lane peer=1 lane=urgent ", "received"));
	KUNIT_EXPECT_GE(test, stat_field(text, "lane peer=1 lane=urgent ", "doorbells"), 1);
	KUNIT_EXPECT_EQ(test, 0, stat_field(text, "lane peer=1 lane=bulk ", "sent"));
	KUNIT_EXPECT_EQ(test, 0, stat_field(text, "lane peer=0 lane=urgent ", "sent"));
	KUNIT_EXPECT_EQ(test, 1, stat_field(text, "type n=0x801 lane=urgent ", "taken"));

	stat_read(test, &node[1], text);
	KUNIT_EXPECT_EQ(test, 1, stat_field(text, "lane peer=0 lane=urgent ", "sent"));
	KUNIT_EXPECT_EQ(test, 6, stat_field(text, "lane peer=0 lane=urgent ", "received"));
	KUNIT_EXPECT_EQ(test, 1, stat_field(text, "lane peer=0 lane=urgent ", "unhandled"));
	KUNIT_EXPECT_EQ(test, 5, stat_field(text, "type n=0x801 lane=urgent ", "taken"));
	KUNIT_EXPECT_EQ(test, 0, stat_field(text, "type n=0x802 lane=urgent ", "taken"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " taken=5 name=\"test inbox\"\n"));
	KUNIT_EXPECT_GE(test, stat_field(text, "door n=0 ", "doorbells"), 1);
	KUNIT_EXPECT_GE(test, stat_field(text, "looks door=0 ", "count"), 1);
}

static void stat_nothing(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
}

static void stat_escapes_names(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 1);
	struct mk_ipi_handler odd = {
		.type = (MK_IPI_TYPE_LOCAL + 9) | MK_IPI_BULK,
		.name = "a \"b\\\n\303\244",
		.fn = stat_nothing,
	};
	char *text = stat_buf(test);
	int ret;

	ret = mk_handlers_add(machine->node[0].handlers, &odd);
	if (!ret) {
		stat_read(test, &machine->node[0], text);
		mk_handlers_del(machine->node[0].handlers, &odd);
	}
	KUNIT_ASSERT_EQ(test, 0, ret);
	KUNIT_EXPECT_EQ(test, 0, stat_field(text, "type n=0x809 lane=bulk ", "taken"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text,
					   " name=\"a \\042b\\134\\012\\303\\244\"\n"));
}

static int stat_answer(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		       struct mk_ipi_reply *reply)
{
	return 0;
}

/* Of all buckets, how many calls to @peer were counted */
static s64 stat_calls(const char *text, unsigned int peer)
{
	char line[32];
	s64 sum = 0;

	snprintf(line, sizeof(line), "\ncalls peer=%u ", peer);
	while ((text = strstr(text, line)))
		sum += stat_field(++text, line + 1, "count");
	return sum;
}

static void stat_counts_calls(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_ipi_handler answer = {
		.type = MK_IPI_TYPE_LOCAL + 9,
		.name = "test answer",
		.call = stat_answer,
	};
	char *text = stat_buf(test);
	int i, ret;

	ret = mk_handlers_add(machine->node[1].handlers, &answer);
	KUNIT_ASSERT_EQ(test, 0, ret);
	for (i = 0; !ret && i < 3; i++) {
		struct mk_ipi_reply reply = {};

		ret = mk_instance_call(machine->node[0].instance, 1, answer.type, NULL, 0,
				       &reply, 60 * HZ);
	}
	mk_handlers_del(machine->node[1].handlers, &answer);
	KUNIT_ASSERT_EQ(test, 0, ret);

	stat_read(test, &machine->node[0], text);
	KUNIT_EXPECT_EQ(test, 3, stat_calls(text, 1));
	KUNIT_EXPECT_EQ(test, 0, stat_calls(text, 0));
	stat_read(test, &machine->node[1], text);
	KUNIT_EXPECT_EQ(test, 0, stat_calls(text, 0));
}

/*
 * Look at both ends. Whether all notes have come by both lanes from instance 0 to 1, as
 * the text says; before that they become more and not fewer.
 */
static bool stat_all_received(struct kunit *test, struct mk_test_node *node, char *text,
			      s64 *before)
{
	s64 urgent, bulk;

	stat_read(test, &node[0], text);
	stat_read(test, &node[1], text);
	urgent = stat_field(text, "lane peer=0 lane=urgent ", "received");
	bulk = stat_field(text, "lane peer=0 lane=bulk ", "received");
	KUNIT_EXPECT_GE(test, urgent, before[MK_URGENT]);
	KUNIT_EXPECT_GE(test, bulk, before[MK_BULK]);
	before[MK_URGENT] = urgent;
	before[MK_BULK] = bulk;
	return urgent == STAT_NOTES && bulk == STAT_NOTES;
}

static void stat_read_in_traffic(struct kunit *test)
{
	struct mk_test_machine *machine = mk_test_joined(test, 2);
	struct mk_test_node *node = machine->node;
	struct mk_test_writer writer[] = {
		{ .from = &node[0], .to = 1, .type = MK_TEST_INBOX, .id = 0 },
		{ .from = &node[0], .to = 1, .type = MK_TEST_BULK, .id = 1 },
	};
	s64 before[MK_NR_LANES] = {};
	char *text = stat_buf(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(writer); i++) {
		writer[i].notes = STAT_NOTES;
		writer[i].cpu = mk_test_cpu(i);
		mk_test_write(test, &writer[i]);
	}
	KUNIT_EXPECT_TRUE(test, mk_test_wait(stat_all_received(test, node, text, before)));
	for (i = 0; i < ARRAY_SIZE(writer); i++)
		mk_test_written(test, &writer[i]);

	KUNIT_EXPECT_TRUE(test, mk_test_arrived(&node[1], STAT_NOTES));
	KUNIT_EXPECT_TRUE(test, mk_test_bulk_arrived(&node[1], STAT_NOTES));
	KUNIT_EXPECT_EQ(test, 0, node[1].inbox.misordered);
	KUNIT_EXPECT_EQ(test, 0, node[1].bulk.misordered);
	stat_read(test, &node[1], text);
	KUNIT_EXPECT_EQ(test, STAT_NOTES, stat_field(text, "type n=0x801 lane=urgent ", "taken"));
	KUNIT_EXPECT_EQ(test, STAT_NOTES, stat_field(text, "type n=0x803 lane=bulk ", "taken"));
}

static struct kunit_case stat_cases[] = {
	KUNIT_CASE(stat_bucket_borders),
	KUNIT_CASE(stat_shows_peers),
	KUNIT_CASE(stat_hides_absent_peers),
	KUNIT_CASE(stat_counts_messages),
	KUNIT_CASE(stat_escapes_names),
	KUNIT_CASE(stat_counts_calls),
	KUNIT_CASE(stat_read_in_traffic),
	{}
};

static struct kunit_suite stat_suite = {
	.name = "mk_stat",
	.test_cases = stat_cases,
};

kunit_test_suite(stat_suite);
