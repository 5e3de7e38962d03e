// SPDX-License-Identifier: GPL-2.0
/* mk stat: what this kernel has counted, as tables or as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mk.h"
#include "stats.h"

#define BAR	40

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* Whatever this kernel says: fields that this program does not know, too */
static void print_object(const struct stats_line *line)
{
	unsigned long long number;

	for (unsigned int i = 0; i < line->nr; i++) {
		putchar(i ? ',' : '{');
		print_string(line->field[i].key);
		putchar(':');
		if (parse_number(line->field[i].value, ~0ULL, &number))
			printf("%llu", number);
		else
			print_string(line->field[i].value);
	}
	fputs(line->nr ? "}" : "{}", stdout);
}

static void print_list(const struct stats *stats, const char *noun)
{
	const struct stats_line *line = NULL;
	bool first = true;

	printf(",\"%s\":[", noun);
	while ((line = stats_next(stats, line, noun))) {
		if (!first)
			putchar(',');
		first = false;
		print_object(line);
	}
	putchar(']');
}

static void print_json(const struct stats *stats)
{
	static const char * const nouns[] = { "peer", "lane", "calls", "door", "looks", "type" };
	const struct stats_line *instance = stats_next(stats, NULL, "instance");

	printf("{\"version\":1");
	if (instance) {
		printf(",\"instance\":");
		print_object(instance);
	}
	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++)
		print_list(stats, nouns[i]);
	puts("}");
}

static void print_peers(const struct stats *stats, unsigned long long self)
{
	const struct stats_line *line = NULL;
	char age[AGE_SIZE];

	printf("%4s   %-8s  %11s  %6s  %6s  %5s\n", "peer", "state", "incarnation", "age", "layout",
	       "doors");
	while ((line = stats_next(stats, line, "peer"))) {
		format_age(age, stats_number(line, "age_ms"));
		printf("%4s%c  %-8s  %11s  %6s  %6s  %5s\n", stats_text(line, "n"),
		       stats_number(line, "n") == self ? '*' : ' ', stats_text(line, "state"),
		       stats_text(line, "incarnation"), age, stats_text(line, "layout"),
		       stats_text(line, "doors"));
	}
	puts("* this kernel");
}

static void print_lanes(const struct stats *stats)
{
	const struct stats_line *line = NULL;
	unsigned long long sent;

	printf("\n%4s   %-6s  %11s  %11s  %11s  %8s  %8s  %9s  %10s  %7s  %6s\n", "peer", "lane",
	       "sent", "received", "doorbells", "per sent", "full", "unhandled", "wrong lane",
	       "corrupt", "resets");
	while ((line = stats_next(stats, line, "lane"))) {
		sent = stats_number(line, "sent");
		printf("%4s   %-6s  %11llu  %11s  %11s  ", stats_text(line, "peer"),
		       stats_text(line, "lane"), sent, stats_text(line, "received"),
		       stats_text(line, "doorbells"));
		if (sent)
			printf("%8.2f", (double)stats_number(line, "doorbells") / sent);
		else
			printf("%8s", "-");
		printf("  %8s  %9s  %10s  %7s  %6s\n", stats_text(line, "full"),
		       stats_text(line, "unhandled"), stats_text(line, "wrong_lane"),
		       stats_text(line, "corrupt"), stats_text(line, "resets"));
	}
}

static void print_doors(const struct stats *stats)
{
	const struct stats_line *line = NULL;

	printf("\n%4s   %4s  %11s  %11s  %6s  %8s  %4s\n", "door", "cpu", "doorbells", "empties",
	       "storms", "deferred", "now");
	while ((line = stats_next(stats, line, "door")))
		printf("%4s   %4s  %11s  %11s  %6s  %8s  %4s\n", stats_text(line, "n"),
		       stats_text(line, "cpu"), stats_text(line, "doorbells"),
		       stats_text(line, "empties"), stats_text(line, "storms"),
		       stats_text(line, "deferred"), stats_number(line, "slow") ? "slow" : "");
}

static void print_types(const struct stats *stats)
{
	const struct stats_line *line = NULL;

	printf("\n%5s  %-6s  %11s  %s\n", "type", "lane", "taken", "name");
	while ((line = stats_next(stats, line, "type")))
		printf("%5s  %-6s  %11s  %s\n", stats_text(line, "n"), stats_text(line, "lane"),
		       stats_text(line, "taken"), stats_text(line, "name"));
}

static void format_time(char *text, size_t size, unsigned long long ns)
{
	if (ns < 1000)
		snprintf(text, size, "%llu ns", ns);
	else if (ns < 1000000)
		snprintf(text, size, "%.1f us", ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text, size, "%.1f ms", ns / 1e6);
	else
		snprintf(text, size, "%.1f s", ns / 1e9);
}

static void print_bucket(const struct stats_line *line, unsigned long long most)
{
	unsigned long long count = stats_number(line, "count");
	char from[32], below[32] = "";
	int bar = most ? (count * BAR + most - 1) / most : 0;

	format_time(from, sizeof(from), stats_number(line, "from_ns"));
	if (*stats_text(line, "below_ns"))
		format_time(below, sizeof(below), stats_number(line, "below_ns"));
	printf("%10s .. %-10s  %11llu  %.*s\n", from, below, count, bar,
	       "########################################");
}

/* The histograms of one noun, each headed by @what and by whose it is, as @key says */
static void print_histograms(const struct stats *stats, const char *noun, const char *key,
			     const char *what)
{
	const struct stats_line *line = NULL, *other = NULL;
	const char *whose = "";
	unsigned long long most = 0, count;

	while ((line = stats_next(stats, line, noun))) {
		if (strcmp(whose, stats_text(line, key))) {
			whose = stats_text(line, key);
			most = 0;
			while ((other = stats_next(stats, other, noun))) {
				count = stats_number(other, "count");
				if (stats_is(other, key, whose) && count > most)
					most = count;
			}
			printf("\n%s %s\n", what, whose);
		}
		print_bucket(line, most);
	}
}

static void print_tables(const struct stats *stats)
{
	const struct stats_line *instance = stats_next(stats, NULL, "instance");
	unsigned long long self = ~0ULL;

	if (instance) {
		self = stats_number(instance, "n");
		printf("instance %llu of %s, layout %s, %s doorbells\n\n", self,
		       stats_text(instance, "instances"), stats_text(instance, "layout"),
		       stats_text(instance, "backend"));
	}
	print_peers(stats, self);
	print_lanes(stats);
	print_doors(stats);
	print_types(stats);
	print_histograms(stats, "calls", "peer", "how long calls took, to peer");
	print_histograms(stats, "looks", "door", "how long it took to look at all rings, at door");
}

static int open_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		complain("%s: %s", path, strerror(errno));
	return fd;
}

int cmd_stat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "file", required_argument, NULL, 'f' },
		{ }
	};
	const char *path = NULL;
	struct stats stats;
	bool json = false;
	int fd, opt, ret;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'j')
			json = true;
		else if (opt == 'f')
			path = optarg;
		else
			return MK_USAGE;
	}
	if (optind != argc)
		return misused("stat: takes no argument but --json and --file FILE");

	fd = path ? open_text(path) : open_multikernel();
	if (fd < 0)
		return 1;
	ret = stats_read(&stats, fd, path ? path : MK_DEVICE);
	close(fd);
	if (ret)
		return ret;
	if (json)
		print_json(&stats);
	else
		print_tables(&stats);
	stats_free(&stats);
	return 0;
}
