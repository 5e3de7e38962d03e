// SPDX-License-Identifier: GPL-2.0
/* mk: spawn, list, stop the kernels that share this machine, and have them send. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "mk.h"

#define WAIT_SECONDS	60

static const char usage[] =
	"usage: mk COMMAND ...\n"
	"\n"
	"mk spawn --cpu LIST --ram SIZE [OPTION]... KERNEL   start a kernel on CPUs of its own\n"
	"    --cpu LIST         the CPUs to lend, as numbered here: 2 or 2,4-5; it boots on the first\n"
	"    --ram SIZE         RAM to grant, a multiple of 2M: 96M\n"
	"    --offline          take the CPUs offline first\n"
	"    --initrd FILE      initramfs\n"
	"    --cmdline STRING   kernel command line\n"
	"    --instance N       instance number (the lowest that is free)\n"
	"    --wait SECONDS     how long to wait until it is up (60); 0: do not\n"
	"mk ls [--json]                                   the instances and the traffic with them\n"
	"mk stat [OPTION]...                              what this kernel has counted\n"
	"    --json             one JSON object\n"
	"    --file FILE        of a file that has what /dev/multikernel was read as\n"
	"mk top [OPTION]...                               the same as rates, live; q ends it\n"
	"    --interval S       seconds from one look to the next, 0.1 at least (1)\n"
	"    --count N          look N times, then end\n"
	"    --once             look once, and print it as plain text\n"
	"mk console N [OPTION]...                         what instance N says and has said, and what\n"
	"                                                 is typed goes there; Ctrl-] detaches\n"
	"    --history          print what it has said, and end\n"
	"    --from POSITION    from there on\n"
	"    --json             one JSON object, with the positions of its first and next byte\n"
	"mk stop N...                                     stop instances, take their CPUs and RAM back\n"
	"mk wait N [OPTION]...                            wait until an instance is in a state\n"
	"    --state STATE      up, parked, stopped, hung, broken or refused (up)\n"
	"    --timeout SECONDS  how long to wait (60)\n"
	"mk ping --to N [OPTION]...                       exchange messages and show how it went\n"
	"    --from N           the instance that sends (this one)\n"
	"    --all              every ordered pair of instances that are up, one by one; with\n"
	"                       --from, those from that one\n"
	"    --count N          round trips (10000)\n"
	"    --size BYTES       of a message (56)\n"
	"    --window N         messages under way at once (1)\n"
	"    --timeout MS       an answer that takes longer is lost (5000)\n"
	"    --json             one JSON object a line\n"
	"mk stream --to N [OPTION]...                     send messages one way as fast as they go\n"
	"    --from, --all, --json                        as above\n"
	"    --count N          messages (100000)\n"
	"    --size BYTES       of a message (56)\n"
	"    --lane LANE        bulk or urgent (bulk)\n"
	"    --cpus 1|all       all: each CPU of the sender sends so many, at once (1)\n"
	"    --timeout MS       how long to wait for room, and for the receiver (5000)\n"
	"mk cast [OPTION]...                              send to all others that are up, and to each\n"
	"                                                 of their CPUs\n"
	"    --count N          messages to all (10000)\n"
	"    --size, --lane, --timeout, --json            as above\n"
	"mk mix [OPTION]...                               mixed traffic between all kernels, also those\n"
	"                                                 spawned meanwhile; a line each second\n"
	"    --seconds N        for how long (10); Ctrl-C ends it earlier\n"
	"    --seed N           of all that is random (another one each time)\n"
	"    --pause US         longest pause between two bursts of messages (20000)\n"
	"    --defect WORD      what this kernel does wrong, for the others to find: lose, double,\n"
	"                       reorder or damage (none)\n"
	"    --json             one JSON object a line\n"
	"mk help                                          this text\n";

static int stop_one(int fd, unsigned int instance)
{
	struct mk_stop stop = { .size = sizeof(stop), .instance = instance };

	if (!ioctl(fd, MK_IOC_STOP, &stop))
		return 0;
	switch (errno) {
	case ENOENT:
		return fail("instance %u was not spawned by this kernel: mk ls shows the instances",
			    instance);
	case EPERM:
		return fail("instance %u: only root in the kernel that spawned it can stop it",
			    instance);
	case EOPNOTSUPP:
		return fail("this kernel spawns none, so it can stop none: %s is off",
			    "CONFIG_MULTIKERNEL_SPAWN");
	case ETIMEDOUT:
		return fail("instance %u: a CPU of it does not stop, nothing was taken back: dmesg",
			    instance);
	default:
		return fail("stop instance %u: %s", instance, strerror(errno));
	}
}

int cmd_stop(int argc, char **argv)
{
	unsigned long long instance;
	int fd, ret = 0;

	if (argc < 2)
		return misused("stop: which instances? mk ls shows them");
	for (int i = 1; i < argc; i++)
		if (!parse_number(argv[i], MK_ANY_INSTANCE - 1, &instance))
			return misused("stop: %s is no instance number", argv[i]);

	fd = open_multikernel();
	if (fd < 0)
		return 1;
	for (int i = 1; i < argc; i++) {
		parse_number(argv[i], MK_ANY_INSTANCE - 1, &instance);
		ret |= stop_one(fd, instance);
	}
	close(fd);
	return ret;
}

static bool parse_state(const char *text, enum mk_state *state)
{
	for (*state = MK_STATE_UP; *state <= MK_STATE_REFUSED; (*state)++)
		if (!strcmp(text, state_name(*state)))
			return true;
	return false;
}

int cmd_wait(int argc, char **argv)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ }
	};
	unsigned long long instance, seconds = WAIT_SECONDS;
	enum mk_state state = MK_STATE_UP;
	struct mk_info info;
	int fd, opt, ret;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 's') {
			if (!parse_state(optarg, &state))
				return misused("wait: --state is up, %s",
					       "parked, stopped, hung, broken or refused");
		} else if (opt == 't') {
			if (!parse_number(optarg, 86400, &seconds))
				return misused("wait: --timeout is seconds, up to 86400");
		} else {
			return MK_USAGE;
		}
	}
	if (argc - optind != 1 || !parse_number(argv[optind], MK_ANY_INSTANCE - 1, &instance))
		return misused("wait: which instance? mk ls shows them");

	fd = open_multikernel();
	if (fd < 0)
		return 1;
	ret = wait_for(fd, instance, state, seconds, &info);
	if (!ret)
		printf("instance %llu: %s, reason %s\n", instance, state_name(info.state),
		       reason_name(info.reason));
	close(fd);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "spawn", cmd_spawn },
		{ "ls", cmd_ls },
		{ "stop", cmd_stop },
		{ "wait", cmd_wait },
		{ "ping", cmd_ping },
		{ "stream", cmd_stream },
		{ "cast", cmd_cast },
		{ "mix", cmd_mix },
		{ "stat", cmd_stat },
		{ "top", cmd_top },
		{ "console", cmd_console },
	};

	if (argc < 2) {
		fputs(usage, stderr);
		return MK_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return misused("no command %s: mk help lists them", argv[1]);
}
