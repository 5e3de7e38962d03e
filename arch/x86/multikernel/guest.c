// SPDX-License-Identifier: GPL-2.0
/*
 * The spawned side on x86: this kernel owns its CPUs and its RAM, and nothing
 * else of the machine.
 *
 * The platform's hooks that would touch what another kernel owns are replaced here:
 * ACPI, PIC, PIT, RTC, IO-APIC, PCI, the keyboard controller, NMI reasons, the BIOS
 * area, the serial ports, and the machine's reset. Drivers that probe ISA ports by
 * themselves are not to be built into a guest.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/acpi.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec.h>
#include <linux/math64.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/serial_8250.h>
#include <linux/smp.h>
#include <linux/time64.h>
#include <multikernel/mk_spawn.h>
#include <uapi/linux/multikernel.h>
#include <asm/apic.h>
#include <asm/bootparam.h>
#include <asm/cpufeature.h>
#include <asm/i8259.h>
#include <asm/io_apic.h>
#include <asm/irqflags.h>
#include <asm/multikernel.h>
#include <asm/pci_x86.h>
#include <asm/reboot.h>
#include <asm/setup.h>
#include <asm/tsc.h>
#include <asm/x86_init.h>

#include "guest.h"
#include "handover.h"

static struct mk_handover handover __ro_after_init;
static bool guest __ro_after_init;

bool mk_guest_is(void)
{
	return guest;
}

static unsigned long guest_tsc_khz(void)
{
	return handover.tsc_khz;
}

static void __init guest_timer_init(void)
{
	lapic_timer_period = (u64)handover.lapic_khz * 1000 / HZ;
}

/* The wall clock that was handed over, and what the TSC has counted since */
static void guest_get_wallclock(struct timespec64 *now)
{
	s64 cycles = rdtsc_ordered() - handover.tsc;
	u64 ns = 0;

	/* The TSCs of two sockets may differ. */
	if (cycles > 0)
		ns = mul_u64_u64_div_u64(cycles, NSEC_PER_MSEC, handover.tsc_khz);
	*now = ns_to_timespec64(handover.realtime + ns);
}

static int guest_set_wallclock(const struct timespec64 *now)
{
	return -ENODEV;
}

static unsigned char guest_get_nmi_reason(void)
{
	return 0;
}

static bool __init guest_x2apic_available(void)
{
	return x2apic_enabled();
}

static void __init guest_parse_smp_cfg(void)
{
	/*
	 * The APIC stays in the mode that the machine's owner has put it in.
	 * The rest is for physical destinations: logical ids are not the
	 * guest's to hand out.
	 */
	if (IS_ENABLED(CONFIG_X86_X2APIC) && x2apic_enabled()) {
		x2apic_phys = 1;
		default_acpi_madt_oem_check("", "");
	}
	register_lapic_address(APIC_DEFAULT_PHYS_BASE);
	mk_guest_smp_register();
	/* Else the boot CPU would take the PIC's interrupts, as ExtINT. */
	smp_found_config = 1;
}

void mk_arch_park(void)
{
	local_irq_disable();
	pr_emerg("parked\n");
	lapic_shutdown();
	for (;;)
		native_halt();
}

/*
 * The other CPUs halt for good, with their local APICs off. Once said to have left,
 * this kernel must not write to anything that is shared, but for its last words on the
 * console, so this comes first.
 */
static void guest_stop_others(void)
{
	local_irq_disable();
	/* Elsewhere reboot=force may leave them to the reset. There is none. */
	reboot_force = 0;
	smp_send_stop();
}

static void guest_restart(char *cmd)
{
	guest_stop_others();
	mk_guest_leave(MK_WIRE_REASON_REBOOT);
	mk_arch_park();
}

static void guest_emergency_restart(void)
{
	guest_restart(NULL);
}

static void guest_halt(void)
{
	guest_stop_others();
	mk_guest_leave(MK_WIRE_REASON_HALT);
	mk_arch_park();
}

/* The next kernel of a kexec would not know that it is not alone. */
static void guest_shutdown(void)
{
	guest_stop_others();
	if (kexec_in_progress)
		guest_restart(NULL);
}

static void guest_crash_shutdown(struct pt_regs *regs)
{
	guest_stop_others();
	mk_guest_leave(MK_WIRE_REASON_PANIC);
	mk_arch_park();
}

/* Before anything can go wrong: the native ones reset the machine. */
static void __init guest_machine_setup(void)
{
	machine_ops.restart		= guest_restart;
	machine_ops.emergency_restart	= guest_emergency_restart;
	machine_ops.halt		= guest_halt;
	machine_ops.shutdown		= guest_shutdown;
	machine_ops.crash_shutdown	= guest_crash_shutdown;
}

#ifdef CONFIG_SERIAL_8250
/* No serial port is this kernel's. */
static void guest_uart(int port, struct uart_port *up, u32 *capabilities)
{
	up->iobase = 0;
	up->flags &= ~UPF_BOOT_AUTOCONF;
}

static void __init guest_uart_setup(void)
{
	serial8250_set_isa_configurator(guest_uart);
}
#else
static void __init guest_uart_setup(void)
{
}
#endif

#ifdef CONFIG_ACPI
static void __init guest_acpi_setup(void)
{
	disable_acpi();
}
#else
static void __init guest_acpi_setup(void)
{
}
#endif

#ifdef CONFIG_PCI
static void __init guest_pci_setup(void)
{
	pci_probe = 0;
}
#else
static void __init guest_pci_setup(void)
{
}
#endif

static bool __init guest_find_handover(void)
{
	u64 next, pa = boot_params.hdr.setup_data;
	struct setup_data *data;
	bool found;
	u32 len;

	for (; pa; pa = next) {
		data = early_memremap(pa, sizeof(*data));
		next = data->next;
		len = data->len;
		found = data->type == SETUP_MULTIKERNEL;
		early_memunmap(data, sizeof(*data));
		if (!found)
			continue;

		guest_machine_setup();
		if (len < sizeof(handover))
			panic("multikernel: handover of %u bytes, %zu expected", len,
			      sizeof(handover));
		data = early_memremap(pa, sizeof(*data) + sizeof(handover));
		memcpy(&handover, data->data, sizeof(handover));
		early_memunmap(data, sizeof(*data) + sizeof(handover));
		if (handover.version != MK_HANDOVER_VERSION)
			panic("multikernel: handover of version %u, this kernel knows %u",
			      handover.version, MK_HANDOVER_VERSION);
		return true;
	}
	return false;
}

/**
 * multikernel_guest_setup - replace the platform's hooks if this kernel was spawned
 *
 * From setup_arch(), after hypervisors have installed theirs.
 */
void __init multikernel_guest_setup(void)
{
	if (!guest_find_handover())
		return;
	guest = true;

	x86_init.resources.probe_roms		= x86_init_noop;
	x86_init.mpparse.find_mptable		= x86_init_noop;
	x86_init.mpparse.early_parse_smp_cfg	= x86_init_noop;
	x86_init.mpparse.parse_smp_cfg		= guest_parse_smp_cfg;
	x86_init.irqs.pre_vector_init		= x86_init_noop;
	x86_init.timers.timer_init		= guest_timer_init;
	x86_init.timers.wallclock_init		= x86_init_noop;
	x86_init.hyper.x2apic_available		= guest_x2apic_available;

	x86_platform.calibrate_cpu		= guest_tsc_khz;
	x86_platform.calibrate_tsc		= guest_tsc_khz;
	x86_platform.get_wallclock		= guest_get_wallclock;
	x86_platform.set_wallclock		= guest_set_wallclock;
	x86_platform.get_nmi_reason		= guest_get_nmi_reason;
	x86_platform.legacy.rtc			= 0;
	x86_platform.legacy.warm_reset		= 0;
	x86_platform.legacy.no_vga		= 1;
	x86_platform.legacy.reserve_bios_regions = 0;
	x86_platform.legacy.i8042		= X86_LEGACY_I8042_PLATFORM_ABSENT;
	x86_platform.legacy.devices.pnpbios	= 0;

	legacy_pic				= &null_legacy_pic;

	/* INIT, by which this kernel is stopped, must not be blocked. */
	setup_clear_cpu_cap(X86_FEATURE_VMX);
	setup_clear_cpu_cap(X86_FEATURE_SVM);
	/*
	 * Without ACPI there is no idle state but C1, in which a local APIC's timer goes on.
	 * There is no other timer either that could wake a CPU: Linux would have ticks of a
	 * fixed period, and no timers in between.
	 */
	setup_force_cpu_cap(X86_FEATURE_ARAT);
	/* TSC_ADJUST is as the host wants it. */
	mark_tsc_async_resets("multikernel");
	setup_force_cpu_cap(X86_FEATURE_TSC_KNOWN_FREQ);
	setup_force_cpu_cap(X86_FEATURE_TSC_RELIABLE);
	guest_acpi_setup();
	guest_pci_setup();
	guest_uart_setup();
	mk_guest_smp_setup(&handover);
	pr_info("spawned as instance %u with %u CPUs\n", handover.instance, handover.nr_cpus);
}

static int __init guest_open(void)
{
	if (!guest)
		return 0;
	return mk_guest_open(handover.region, handover.region_size, handover.instance,
			     handover.incarnation);
}
console_initcall(guest_open);
