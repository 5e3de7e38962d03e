// SPDX-License-Identifier: GPL-2.0
/* mk ls: the instances of this machine and the traffic with them. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>
#include "mk.h"

static void print_json(const struct mk_info *info, bool first)
{
	printf("%s{\"instance\":%u,\"self\":%s,", first ? "" : ",", info->instance,
	       info->instance == info->self ? "true" : "false");
	printf("\"state\":\"%s\",\"reason\":\"%s\",\"incarnation\":%u,",
	       state_name(info->state), reason_name(info->reason), info->incarnation);
	if (info->cpu == MK_NO_CPU)
		printf("\"cpu\":null,");
	else
		printf("\"cpu\":%u,", info->cpu);
	printf("\"hwid\":%llu,\"ram_base\":%llu,\"ram_size\":%llu,\"sent\":%llu,\"received\":%llu,",
	       info->hwid, info->ram_base, info->ram_size, info->sent, info->received);
	printf("\"doorbells\":%llu,\"full\":%llu,\"unhandled\":%llu,\"corrupt\":%llu}",
	       info->doorbells, info->full, info->unhandled, info->corrupt);
}

static void print_row(const struct mk_info *info)
{
	char state[32], cpu[16] = "-", ram[48] = "-";

	if (info->reason == MK_REASON_NONE)
		snprintf(state, sizeof(state), "%s", state_name(info->state));
	else
		snprintf(state, sizeof(state), "%s: %s", state_name(info->state),
			 reason_name(info->reason));
	if (info->cpu != MK_NO_CPU)
		snprintf(cpu, sizeof(cpu), "%u", info->cpu);
	if (info->ram_size)
		snprintf(ram, sizeof(ram), "%llu MiB at 0x%llx", info->ram_size >> 20,
			 info->ram_base);
	printf("%5u%c  %-16s  %11u  %3s  %4llu  %-22s  %10llu  %10llu  %10llu\n", info->instance,
	       info->instance == info->self ? '*' : ' ', state, info->incarnation, cpu,
	       info->hwid, ram, info->sent, info->received, info->doorbells);
}

int cmd_ls(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	bool json = false, first = true;
	struct mk_info info;
	unsigned int n = 0;
	int fd, opt, err;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return MK_USAGE;
		json = true;
	}
	if (optind != argc)
		return misused("ls: takes no argument but --json");

	fd = open_multikernel();
	if (fd < 0)
		return 1;
	err = get_info(fd, 0, &info);
	if (err) {
		close(fd);
		return fail_info(0, err);
	}
	if (json)
		putchar('[');
	else
		printf("%5s   %-16s  %11s  %3s  %4s  %-22s  %10s  %10s  %10s\n", "inst", "state",
		       "incarnation", "cpu", "hwid", "ram", "sent", "received", "doorbells");
	do {
		err = get_info(fd, n, &info);
		if (err)
			break;
		if (info.state == MK_STATE_ABSENT)
			continue;
		if (json)
			print_json(&info, first);
		else
			print_row(&info);
		first = false;
	} while (++n < info.nr_instances);
	puts(json ? "]" : "* this kernel");
	close(fd);
	return err ? fail_info(n, err) : 0;
}
