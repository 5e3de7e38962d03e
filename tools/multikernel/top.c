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
#include "top.h"

/* What a terminal is told */
#define ENTER_SCREEN	"\033[?1049h\033[?25l\033[?7l"
#define LEAVE_SCREEN	"\033[?7h\033[?25h\033[?1049l"
#define HOME		"\033[H"
#define END_OF_LINE	"\033[K\n"
#define END_OF_SCREEN	"\033[J"

/* The terminal as it was, and the signals that end us, to be read */
static struct termios saved;
static int signals = -1;

/* As large as the terminal says, each time anew; a serial line does not know */
static void look_at_screen(struct top *top)
{
	struct winsize size;

	top->rows = 24;
	top->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		return;
	top->rows = size.ws_row;
	top->columns = size.ws_col;
}

/* As many lines as there is room for, each over what was there before */
static void put_on_screen(const char *text, unsigned int rows)
{
	const char *end;

	fputs(HOME, stdout);
	while (--rows && (end = strchr(text, '\n'))) {
		printf("%.*s%s", (int)(end - text), text, END_OF_LINE);
		text = end + 1;
	}
	fputs(END_OF_SCREEN, stdout);
}

static int draw(struct top *top)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return fail("no memory");
	look_at_screen(top);
	top_draw(top, out);
	if (fclose(out)) {
		free(text);
		return fail("no memory");
	}
	if (top->live)
		put_on_screen(text, top->rows);
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
		{ .fd = signals, .events = POLLIN },
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
	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	if (signals >= 0)
		sigprocmask(SIG_BLOCK, &ending, NULL);

	if (!top->live)
		return;
	/* In the background, who reads a terminal or changes it is stopped */
	if (tcgetpgrp(STDIN_FILENO) == getpgrp() && !tcgetattr(STDIN_FILENO, &saved)) {
		raw = saved;
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
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	if (signals >= 0)
		close(signals);
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

/* As a locale says; there need not be any */
static bool can_utf8(void)
{
	static const char * const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
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
	/* Too large for a stack */
	static struct top top = { .interval = 1 };
	unsigned long long looks = 0;	/* no limit */
	int fd, opt, ret;

	top.live = can_draw();
	top.utf8 = can_utf8();
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
