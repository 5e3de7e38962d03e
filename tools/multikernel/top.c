// SPDX-License-Identifier: GPL-2.0
/* mk top: the traffic of this kernel as rates, live. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "mk.h"
#include "stats.h"

#define MAX_TYPES	10
#define BAR		24
#define CELL		16

/* What a terminal is told */
#define ENTER_SCREEN	"\033[?1049h\033[?25l\033[?7l"
#define LEAVE_SCREEN	"\033[?7h\033[?25h\033[?1049l"
#define HOME		"\033[H"
#define END_OF_LINE	"\033[K\n"
#define END_OF_SCREEN	"\033[J"

struct top {
	struct stats	before;
	struct stats	now;
	double		seconds;	/* from the one to the other */
	double		interval;
	bool		live;		/* a terminal that can be drawn on */
	bool		keys;		/* and one at which somebody types */
	struct termios	saved;
	int		signals;	/* those that end us, to be read */
};

/* What a field has grown by in a second; a counter that began anew counts from 0 */
static double rate(const struct top *top, const struct stats_line *line, const char *key)
{
	unsigned long long now = stats_number(line, key), before = 0;
	const struct stats_line *old = NULL;

	while ((old = stats_next(&top->before, old, line->noun))) {
		if (stats_is(old, "n", stats_text(line, "n")) &&
		    stats_is(old, "peer", stats_text(line, "peer")) &&
		    stats_is(old, "lane", stats_text(line, "lane"))) {
			before = stats_number(old, key);
			break;
		}
	}
	return (now < before ? now : now - before) / top->seconds;
}

/* Into one of a few cells that take turns, so that a line can have several */
static const char *format_rate(double rate)
{
	static char cells[8][CELL];
	static unsigned int next;
	char *text = cells[next++ % ARRAY_SIZE(cells)];

	if (!rate)
		return "0";
	if (rate < 9.95)
		snprintf(text, CELL, "%.1f", rate);
	else if (rate < 99999.5)
		snprintf(text, CELL, "%.0f", rate);
	else if (rate < 9999950)
		snprintf(text, CELL, "%.1fk", rate / 1e3);
	else
		snprintf(text, CELL, "%.1fM", rate / 1e6);
	return text;
}

static const char *style(const struct top *top, const char *code)
{
	return top->live ? code : "";
}

static double traffic(const struct top *top, const struct stats_line *lane)
{
	return rate(top, lane, "sent") + rate(top, lane, "received");
}

static void draw_head(const struct top *top, FILE *out)
{
	const struct stats_line *self = stats_next(&top->now, NULL, "instance"), *line = NULL;
	unsigned int up = 0, others = 0;
	char age[AGE_SIZE] = "-";

	if (!self)
		return;
	while ((line = stats_next(&top->now, line, "peer"))) {
		if (stats_is(line, "n", stats_text(self, "n"))) {
			format_age(age, stats_number(line, "age_ms"));
			continue;
		}
		others++;
		up += stats_is(line, "state", "up");
	}
	fprintf(out, "%s mk top   instance %s, up for %s   %u of %u peers up   every %.1f s",
		style(top, "\033[7m"), stats_text(self, "n"), age, up, others, top->interval);
	fprintf(out, "%s %s\n\n", top->keys ? "   q quits" : "", style(top, "\033[0m"));
}

static void draw_lane(const struct top *top, FILE *out, const struct stats_line *line, double most)
{
	double sent = rate(top, line, "sent"), doorbells = rate(top, line, "doorbells");
	int bar = most ? traffic(top, line) / most * BAR + 0.99 : 0;

	fprintf(out, "%-6s  %8s  %8s  %11s  ", stats_text(line, "lane"), format_rate(sent),
		format_rate(rate(top, line, "received")), format_rate(doorbells));
	if (sent)
		fprintf(out, "%7.2f", doorbells / sent);
	else
		fprintf(out, "%7s", "-");
	fprintf(out, "  %6s", format_rate(rate(top, line, "full")));
	if (bar)
		fprintf(out, "  %s%.*s%s", style(top, "\033[32m"), bar, "||||||||||||||||||||||||",
			style(top, "\033[0m"));
	fputc('\n', out);
}

static void draw_peers(const struct top *top, FILE *out)
{
	const struct stats_line *peer = NULL, *lane = NULL;
	char age[AGE_SIZE];
	double most = 0;
	bool first;

	while ((lane = stats_next(&top->now, lane, "lane")))
		if (traffic(top, lane) > most)
			most = traffic(top, lane);

	fprintf(out, "%s%4s  %-8s  %6s  %-6s  %8s  %8s  %11s  %7s  %6s  %-24s%s\n",
		style(top, "\033[1m"), "peer", "state", "age", "lane", "out/s", "in/s",
		"doorbells/s", "per out", "full/s", "traffic", style(top, "\033[0m"));
	while ((peer = stats_next(&top->now, peer, "peer"))) {
		bool up = stats_is(peer, "state", "up");

		format_age(age, stats_number(peer, "age_ms"));
		fprintf(out, "%4s  %s%-8s%s  %6s  ", stats_text(peer, "n"),
			up ? "" : style(top, "\033[31m"), stats_text(peer, "state"),
			up ? "" : style(top, "\033[0m"), age);
		first = true;
		while ((lane = stats_next(&top->now, lane, "lane"))) {
			if (!stats_is(lane, "peer", stats_text(peer, "n")))
				continue;
			if (!first)
				fprintf(out, "%24s", "");
			first = false;
			draw_lane(top, out, lane, most);
		}
		if (first)
			fputc('\n', out);
	}
}

static void draw_doors(const struct top *top, FILE *out)
{
	const struct stats_line *line = NULL;

	fprintf(out, "\n%s%4s  %4s  %11s  %9s  %8s  %10s%s\n", style(top, "\033[1m"), "door", "cpu",
		"doorbells/s", "empties/s", "storms/s", "deferred/s", style(top, "\033[0m"));
	while ((line = stats_next(&top->now, line, "door")))
		fprintf(out, "%4s  %4s  %11s  %9s  %8s  %10s%s\n", stats_text(line, "n"),
			stats_text(line, "cpu"), format_rate(rate(top, line, "doorbells")),
			format_rate(rate(top, line, "empties")),
			format_rate(rate(top, line, "storms")),
			format_rate(rate(top, line, "deferred")),
			stats_number(line, "slow") ? "  slow" : "");
}

/* The busiest types, the busiest first; those that are as busy as in the text */
static void draw_types(const struct top *top, FILE *out)
{
	const struct stats_line *line = NULL, *shown[MAX_TYPES];
	double rates[MAX_TYPES], taken;
	unsigned int nr = 0, at;

	while ((line = stats_next(&top->now, line, "type"))) {
		taken = rate(top, line, "taken");
		for (at = nr; at && rates[at - 1] < taken; at--)
			;
		if (at == MAX_TYPES)
			continue;
		if (nr < MAX_TYPES)
			nr++;
		memmove(&rates[at + 1], &rates[at], (nr - 1 - at) * sizeof(*rates));
		memmove(&shown[at + 1], &shown[at], (nr - 1 - at) * sizeof(*shown));
		rates[at] = taken;
		shown[at] = line;
	}
	fprintf(out, "\n%s%5s  %-6s  %9s  %-20s%s\n", style(top, "\033[1m"), "type", "lane",
		"taken/s", "name", style(top, "\033[0m"));
	for (at = 0; at < nr; at++)
		fprintf(out, "%5s  %-6s  %9s  %s\n", stats_text(shown[at], "n"),
			stats_text(shown[at], "lane"), format_rate(rates[at]),
			stats_text(shown[at], "name"));
}

/* As many lines as there is room for, each over what was there before */
static void put_on_screen(const char *text)
{
	struct winsize size;
	unsigned int rows = 24;
	const char *end;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row)
		rows = size.ws_row;
	fputs(HOME, stdout);
	while (--rows && (end = strchr(text, '\n'))) {
		printf("%.*s%s", (int)(end - text), text, END_OF_LINE);
		text = end + 1;
	}
	fputs(END_OF_SCREEN, stdout);
}

static int draw(const struct top *top)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return fail("no memory");
	draw_head(top, out);
	draw_peers(top, out);
	draw_doors(top, out);
	draw_types(top, out);
	if (fclose(out)) {
		free(text);
		return fail("no memory");
	}
	if (top->live)
		put_on_screen(text);
	else
		puts(text);
	fflush(stdout);
	free(text);
	return 0;
}

/* Until it is time to look again; false: we were told to end */
static bool wait_interval(const struct top *top)
{
	double left, end = seconds_now() + top->interval;
	struct pollfd in[] = {
		{ .fd = top->signals, .events = POLLIN },
		{ .fd = top->keys ? STDIN_FILENO : -1, .events = POLLIN },
	};
	char key;

	while ((left = end - seconds_now()) > 0) {
		if (poll(in, ARRAY_SIZE(in), left * 1e3 + 1) < 1)
			continue;
		if (in[0].revents || read(STDIN_FILENO, &key, 1) != 1 || key == 'q')
			return false;
	}
	return true;
}

static void enter(struct top *top)
{
	struct termios raw;
	sigset_t ending;

	/* Not by a handler: the terminal is put back in order before we end */
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	top->signals = signalfd(-1, &ending, SFD_CLOEXEC);
	if (top->signals >= 0)
		sigprocmask(SIG_BLOCK, &ending, NULL);

	if (!top->live)
		return;
	/* In the background, who reads a terminal or changes it is stopped */
	if (tcgetpgrp(STDIN_FILENO) == getpgrp() && !tcgetattr(STDIN_FILENO, &top->saved)) {
		raw = top->saved;
		raw.c_lflag &= ~(ICANON | ECHO);
		top->keys = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs(ENTER_SCREEN, stdout);
}

static void leave(const struct top *top)
{
	if (top->live) {
		fputs(LEAVE_SCREEN, stdout);
		fflush(stdout);
	}
	if (top->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &top->saved);
	if (top->signals >= 0)
		close(top->signals);
}

static int watch(struct top *top, int fd, unsigned long long looks)
{
	double since = seconds_now();
	int ret;

	ret = stats_read(&top->before, fd, MK_DEVICE);
	while (!ret && wait_interval(top)) {
		ret = stats_read(&top->now, fd, MK_DEVICE);
		if (ret)
			break;
		top->seconds = seconds_now() - since;
		since += top->seconds;
		ret = draw(top);
		stats_free(&top->before);
		top->before = top->now;
		if (!--looks)
			break;
	}
	stats_free(&top->before);
	return ret;
}

static bool can_draw(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

static bool parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && !*end && *seconds >= 0.1 && *seconds <= 86400;
}

int cmd_top(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'c' },
		{ "once", no_argument, NULL, 'o' },
		{ }
	};
	struct top top = { .interval = 1, .live = can_draw() };
	unsigned long long looks = 0;	/* no limit */
	int fd, opt, ret;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'i') {
			if (!parse_seconds(optarg, &top.interval))
				return misused("top: --interval is seconds, 0.1 to 86400");
		} else if (opt == 'c') {
			if (!parse_number(optarg, ~0ULL, &looks) || !looks)
				return misused("top: --count is how often to look, 1 at least");
		} else if (opt == 'o') {
			looks = 1;
			top.live = false;
		} else {
			return MK_USAGE;
		}
	}
	if (optind != argc)
		return misused("top: %s is no option: mk help lists them", argv[optind]);

	fd = open_multikernel();
	if (fd < 0)
		return 1;
	enter(&top);
	ret = watch(&top, fd, looks);
	leave(&top);
	close(fd);
	return ret;
}
