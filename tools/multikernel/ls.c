// SPDX-License-Identifier: GPL-2.0
/* mk ls: the instances of this machine and the traffic with them. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>
#include "mk.h"

static void print_json(const struct mk_info *info, const __u32 *cpus, bool first)
{
	printf("%s{\"instance\":%u,\"self\":%s,", first ? "" : ",", info->instance,
	       info->instance == info->self ? "true" : "false");
	printf("\"state\":\"%s\",\"reason\":\"%s\",\"incarnation\":%u,",
	       state_name(info->state), reason_name(info->reason), info->incarnation);
	if (info->cpu == MK_NO_CPU)
		printf("\"cpu\":null,");
	else
		printf("\"cpu\":%u,", info->cpu);
	printf("\"cpus\":[");
	for (unsigned int i = 0; i < info->nr_cpus && i < MK_MAX_CPUS; i++)
		printf("%s%u", i ? "," : "", cpus[i]);
	printf("],");
	printf("\"hwid\":%llu,\"ram_base\":%llu,\"ram_size\":%llu,\"sent\":%llu,\"received\":%llu,",
	       info->hwid, info->ram_base, info->ram_size, info->sent, info->received);
	printf("\"doorbells\":%llu,\"full\":%llu,\"unhandled\":%llu,\"corrupt\":%llu,",
	       info->doorbells, info->full, info->unhandled, info->corrupt);
	printf("\"age_ms\":%llu,\"version\":%u}", info->age_ms, info->version);
}

static void print_row(const struct mk_info *info, const __u32 *cpus)
{
	char state[32], age[AGE_SIZE] = "-", lent[CPUS_TEXT] = "-", ram[48] = "-";

	if (info->reason == MK_REASON_NONE)
		snprintf(state, sizeof(state), "%s", state_name(info->state));
	else
		snprintf(state, sizeof(state), "%s: %s", state_name(info->state),
			 reason_name(info->reason));
	/* Who has only been started has no state yet that could be of some age */
	if (info->state != MK_STATE_STARTED)
		format_age(age, info->age_ms);
	if (info->nr_cpus)
		format_cpus(lent, cpus,
			    info->nr_cpus < MK_MAX_CPUS ? info->nr_cpus : MK_MAX_CPUS);
	if (info->ram_size)
		snprintf(ram, sizeof(ram), "%llu MiB at 0x%llx", info->ram_size >> 20,
			 info->ram_base);
	printf("%5u%c  %-16s  %11u  %6s  %5s  %4llu  %-22s  %10llu  %10llu  %10llu\n",
	       info->instance, info->instance == info->self ? '*' : ' ', state,
	       info->incarnation, age, lent, info->hwid, ram, info->sent, info->received,
	       info->doorbells);
}

int cmd_ls(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	bool json = false, first = true;
	__u32 cpus[MK_MAX_CPUS];
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
		printf("%5s   %-16s  %11s  %6s  %5s  %4s  %-22s  %10s  %10s  %10s\n", "inst",
		       "state", "incarnation", "age", "cpus", "hwid", "ram", "sent", "received",
		       "doorbells");
	do {
		err = get_info_cpus(fd, n, &info, cpus);
		if (err)
			break;
		if (info.state == MK_STATE_ABSENT)
			continue;
		if (json)
			print_json(&info, cpus, first);
		else
			print_row(&info, cpus);
		first = false;
	} while (++n < info.nr_instances);
	puts(json ? "]" : "* this kernel");
	close(fd);
	return err ? fail_info(n, err) : 0;
}
