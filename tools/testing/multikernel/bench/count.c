// SPDX-License-Identifier: GPL-2.0
/*
 * Messages through the layer, from one instance to another, on one thread, for callgrind to
 * count the instructions of: a dump for each of what is named below, of MESSAGES of it.
 */
#include <valgrind/callgrind.h>

#include "machine.h"

#define MESSAGES	1024
#define BATCH		32
#define LEN		56

/* What fuzz.c counts for the fuzzer */
unsigned int fuzz_looks;

static unsigned int handled;

static void handle(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	handled++;
}

static int handle_call(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg,
		       struct mk_ipi_reply *reply)
{
	reply->len = LEN;
	return 0;
}

static struct mk_ipi_handler handler = { .type = 0x800, .fn = handle, .call = handle_call };

struct mk_instance *mk_ipi_instance(void)
{
	return nodes[0].instance;
}

/* Whoever waits has the rest of the machine go on. */
bool shim_wait(void)
{
	return machine_step();
}

static void settle(void)
{
	while (machine_step())
		;
}

static void begin(void)
{
	CALLGRIND_ZERO_STATS;
	CALLGRIND_TOGGLE_COLLECT;
}

static void pause(void)
{
	CALLGRIND_TOGGLE_COLLECT;
}

#define end(name)	CALLGRIND_DUMP_STATS_AT(name)

/* A batch into a ring, then an interrupt that takes it out */
static void send_and_receive(bool sends)
{
	static u8 data[LEN];
	unsigned int i, n;

	CALLGRIND_ZERO_STATS;
	for (n = 0; n < MESSAGES; n += BATCH) {
		if (sends)
			CALLGRIND_TOGGLE_COLLECT;
		for (i = 0; i < BATCH; i++)
			mk_instance_send(nodes[0].instance, 1, handler.type, data, LEN);
		CALLGRIND_TOGGLE_COLLECT;
		settle();
		if (!sends)
			CALLGRIND_TOGGLE_COLLECT;
	}
}

static void dispatch(void)
{
	static u8 data[LEN];
	struct mk_ipi_msg msg = { .data = data, .len = LEN, .type = 0x800 };
	unsigned int n;

	begin();
	for (n = 0; n < MESSAGES; n++)
		mk_ipi_dispatch(&nodes[1].handlers, &msg, NULL);
	pause();
}

static void call(void)
{
	static u8 data[LEN], answer[LEN];
	unsigned int n;

	begin();
	for (n = 0; n < MESSAGES; n++) {
		struct mk_ipi_reply reply = { .data = answer, .size = LEN };

		SHIM_ASSERT(!mk_instance_call(nodes[0].instance, 1, handler.type, data, LEN,
					      &reply, 1000));
	}
	pause();
}

int main(void)
{
	shim_reset();
	/* Nobody else wants the CPU, so no door is slow */
	shim_idle = true;
	/* On one thread nothing comes while somebody looks for it. */
	mk_param_poll_us = 0;
	machine_init();
	SHIM_ASSERT(!mk_handlers_add(&nodes[1].handlers, &handler));
	machine_join(0, 1);
	machine_join(1, 1);
	settle();
	send_and_receive(true);
	end("warm");

	handled = 0;
	send_and_receive(true);
	end("send");
	SHIM_ASSERT(handled == MESSAGES);
	send_and_receive(false);
	end("receive");
	SHIM_ASSERT(handled == 2 * MESSAGES);
	dispatch();
	end("dispatch");
	SHIM_ASSERT(handled == 3 * MESSAGES);
	call();
	end("call");
	return 0;
}
