// SPDX-License-Identifier: GPL-2.0
/* mk console: what a spawned kernel says, and what is typed there. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include "mk.h"

#define DETACH		0x1d	/* Ctrl-] */
#define PIECE		4096

struct console {
	unsigned int	instance;
	int		fd;
	off_t		pos;		/* where the next byte is expected */
	bool		refused;	/* it was said that it takes no input */
};

static int open_console(struct console *console)
{
	struct mk_console args = { .size = sizeof(args), .instance = console->instance };
	int fd = open_multikernel();
	int err;

	if (fd < 0)
		return 1;
	console->fd = ioctl(fd, MK_IOC_CONSOLE, &args);
	err = errno;
	close(fd);
	if (console->fd >= 0) {
		/* Who types must not be stopped by a kernel that does not listen. */
		fcntl(console->fd, F_SETFL, O_NONBLOCK);
		return 0;
	}
	switch (err) {
	case ENOENT:
		return fail("instance %u was not spawned by this kernel: mk ls shows the instances",
			    console->instance);
	case EPERM:
		return fail("instance %u: only root may see its console", console->instance);
	case EOPNOTSUPP:
		return fail("this kernel keeps no consoles: %s is off",
			    "CONFIG_MULTIKERNEL_CONSOLE");
	case ENOTTY:
		return fail("mk and the running kernel do not fit: build both from one source");
	default:
		return fail("console of instance %u: %s", console->instance, strerror(err));
	}
}

static bool write_all(const char *data, size_t len)
{
	ssize_t n;

	for (; len; len -= n, data += n) {
		n = write(STDOUT_FILENO, data, len);
		if (n < 0)
			return false;
	}
	return true;
}

/* A line of mk's own among those of the console */
#define note(...)	dprintf(STDOUT_FILENO, __VA_ARGS__)

/* The next piece, or 0 if there is none now; and in @lost what was missed before it */
static size_t next_piece(struct console *console, char *piece, size_t size, off_t *lost)
{
	ssize_t n = read(console->fd, piece, size);
	off_t now;

	*lost = 0;
	if (n <= 0)
		return 0;
	now = lseek(console->fd, 0, SEEK_CUR);
	*lost = now - n - console->pos;
	console->pos = now;
	return n;
}

static bool show_piece(struct console *console)
{
	char piece[PIECE];
	off_t lost;
	size_t n = next_piece(console, piece, sizeof(piece), &lost);

	if (lost)
		note("\r\n[mk: %lld bytes were not read in time]\r\n", (long long)lost);
	return write_all(piece, n);
}

static void print_json_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
}

/* All that there is now */
static int print_history(struct console *console, off_t from, bool json)
{
	off_t last = lseek(console->fd, 0, SEEK_END), lost, first;
	char piece[PIECE], end = '\n';
	size_t n = 0;

	console->pos = from < last ? from : last;
	if (last < 0 || lseek(console->fd, console->pos, SEEK_SET) < 0)
		return fail("console of instance %u: %s", console->instance, strerror(errno));
	if (console->pos < last)
		n = next_piece(console, piece, sizeof(piece), &lost);
	first = console->pos - n;
	if (json)
		printf("{\"instance\":%u,\"from\":%lld,\"text\":\"", console->instance,
		       (long long)first);
	while (n) {
		if (json)
			print_json_text(piece, n);
		else
			fwrite(piece, 1, n, stdout);
		end = piece[n - 1];
		n = 0;
		if (console->pos < last)
			n = next_piece(console, piece, sizeof(piece), &lost);
		/* What has gone meanwhile is at the beginning of what a next look has. */
		if (n && lost) {
			console->pos -= n + lost;
			n = 0;
		}
	}
	if (json)
		printf("\",\"to\":%lld}\n", (long long)console->pos);
	else if (end != '\n')
		putchar('\n');
	return 0;
}

/* False: nobody types any more, or it was the key that detaches */
static bool type(struct console *console)
{
	char keys[256], *stop;
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n <= 0)
		return false;
	stop = memchr(keys, DETACH, n);
	if (stop)
		n = stop - keys;
	if (n && write(console->fd, keys, n) != n) {
		if (!console->refused)
			note("\r\n[mk: instance %u takes no input now]\r\n", console->instance);
		console->refused = true;
	} else {
		console->refused = false;
	}
	return !stop;
}

/* What came before. What is oldest was not lost. */
static void show_history(struct console *console)
{
	off_t lost, last = lseek(console->fd, 0, SEEK_END);
	char piece[PIECE];
	size_t n;

	lseek(console->fd, 0, SEEK_SET);
	do {
		n = next_piece(console, piece, sizeof(piece), &lost);
	} while (n && write_all(piece, n) && console->pos < last);
}

static int attach(struct console *console)
{
	struct termios before, raw;
	bool tty = !tcgetattr(STDIN_FILENO, &before);
	struct pollfd fds[] = {
		{ .fd = console->fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .events = POLLIN },
	};
	sigset_t ends;

	/* The terminal is to be as it was, however this ends. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	fds[2].fd = signalfd(-1, &ends, SFD_CLOEXEC);
	if (tty) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	show_history(console);
	note("\r\n[mk: console of instance %u, Ctrl-] detaches]\r\n", console->instance);

	while (poll(fds, ARRAY_SIZE(fds), -1) > 0) {
		if (fds[2].revents || (fds[1].revents && !type(console)))
			break;
		if (fds[0].revents && !show_piece(console))
			break;
	}

	note("\r\n[mk: detached]\r\n");
	if (tty)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	return 0;
}

int cmd_console(int argc, char **argv)
{
	static const struct option options[] = {
		{ "history", no_argument, NULL, 'h' },
		{ "from", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	unsigned long long instance, from = 0;
	struct console console = { };
	bool history = false, json = false;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h') {
			history = true;
		} else if (opt == 'f') {
			if (!parse_number(optarg, 1ULL << 62, &from))
				return misused("console: --from is a position, as --json says it");
		} else if (opt == 'j') {
			json = true;
		} else {
			return MK_USAGE;
		}
	}
	if (argc - optind != 1 || !parse_number(argv[optind], MK_ANY_INSTANCE - 1, &instance))
		return misused("console: which instance? mk ls shows them");
	if (!history && (from || json))
		return misused("console: --from and --json go with --history");

	console.instance = instance;
	ret = open_console(&console);
	if (ret)
		return ret;
	ret = history ? print_history(&console, from, json) : attach(&console);
	close(console.fd);
	return ret;
}
