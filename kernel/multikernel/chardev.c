// SPDX-License-Identifier: GPL-2.0
/* /dev/multikernel: what user space sees and drives. */
#include <linux/bitfield.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel_read_file.h>
#include <linux/miscdevice.h>
#include <linux/nospec.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/setup.h>

#include "console.h"
#include "internal.h"
#include "spawn.h"

/* The numbers that user space sees are those of the layout. */
static_assert((int)MK_REASON_REBOOT == (int)MK_WIRE_REASON_REBOOT);
static_assert((int)MK_REASON_HALT == (int)MK_WIRE_REASON_HALT);
static_assert((int)MK_REASON_POWEROFF == (int)MK_WIRE_REASON_POWEROFF);
static_assert((int)MK_REASON_PANIC == (int)MK_WIRE_REASON_PANIC);

/* Take a structure that says its own size, as the header promises. */
static int chardev_copy_in(void *to, size_t size, const void __user *from)
{
	u32 usize;

	if (get_user(usize, (const u32 __user *)from))
		return -EFAULT;
	if (usize < size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(to, size, from, usize);
}

static long chardev_spawn(struct mk_spawn __user *uargs)
{
	struct mk_image image = {};
	struct mk_spawn args;
	char *cmdline;
	u32 *cpus;
	ssize_t len;
	int ret;

	ret = chardev_copy_in(&args, sizeof(args), uargs);
	if (ret)
		return ret;
	args.failed_cpu = MK_NO_CPU;
	if (!args.nr_cpus || args.nr_cpus > MK_MAX_CPUS || args.pad)
		return -EINVAL;
	if (mk_ipi_self() > MK_KEEPER)
		return -EPERM;
	/* What is started here has the run of the machine, as after a kexec. */
	ret = security_locked_down(LOCKDOWN_KEXEC);
	if (ret)
		return ret;
	if (args.cmdline_len >= COMMAND_LINE_SIZE)
		return -E2BIG;
	cpus = memdup_array_user(u64_to_user_ptr(args.cpus), args.nr_cpus, sizeof(*cpus));
	if (IS_ERR(cpus))
		return PTR_ERR(cpus);
	cmdline = memdup_user_nul(u64_to_user_ptr(args.cmdline), args.cmdline_len);
	ret = PTR_ERR_OR_ZERO(cmdline);
	if (ret)
		goto out_free_cpus;
	image.cmdline = cmdline;

	len = kernel_read_file_from_fd(args.kernel_fd, 0, &image.kernel, INT_MAX, NULL,
				       READING_KEXEC_IMAGE);
	/* Not a regular file, or an empty one */
	ret = len == -EINVAL ? -ENOEXEC : len;
	if (len < 0)
		goto out_free_cmdline;
	image.kernel_len = len;
	if (args.initrd_fd != -1) {
		len = kernel_read_file_from_fd(args.initrd_fd, 0, &image.initrd, INT_MAX,
					       NULL, READING_KEXEC_INITRAMFS);
		ret = len;
		if (len < 0)
			goto out_free_kernel;
		image.initrd_len = len;
	}

	ret = mk_spawn_guest(&args, cpus, &image);
	if (!ret && put_user(args.instance, &uargs->instance)) {
		mk_stop_guest(args.instance);
		ret = -EFAULT;
	}

	vfree(image.initrd);
out_free_kernel:
	vfree(image.kernel);
out_free_cmdline:
	kfree(cmdline);
out_free_cpus:
	kfree(cpus);
	if (ret && put_user(args.failed_cpu, &uargs->failed_cpu))
		ret = -EFAULT;
	return ret;
}

static long chardev_stop(struct mk_stop __user *uargs)
{
	struct mk_stop args;
	int ret = chardev_copy_in(&args, sizeof(args), uargs);

	if (ret)
		return ret;
	if (mk_ipi_self() > MK_KEEPER)
		return -EPERM;
	return mk_stop_guest(args.instance);
}

static long chardev_console(struct mk_console __user *uargs)
{
	struct mk_console args;
	int ret = chardev_copy_in(&args, sizeof(args), uargs);

	return ret ?: mk_console_open(args.instance);
}

static u32 chardev_state(struct mk_region *region, unsigned int instance, u64 life)
{
	switch (mk_ipi_peer_state(instance)) {
	case MK_IPI_PEER_HUNG:
		return MK_STATE_HUNG;
	case MK_IPI_PEER_BROKEN:
		return MK_STATE_BROKEN;
	case MK_IPI_PEER_REFUSED:
		return MK_STATE_REFUSED;
	default:
		break;
	}
	switch (FIELD_GET(MK_WIRE_LIFE_STATE, life)) {
	case MK_WIRE_VACANT:
		return MK_STATE_ABSENT;
	case MK_WIRE_JOINING:
		return MK_STATE_STARTED;
	case MK_WIRE_UP:
		return MK_STATE_UP;
	default:
		return mk_region_fenced(region, instance,
					FIELD_GET(MK_WIRE_LIFE_INCARNATION, life)) ?
		       MK_STATE_STOPPED : MK_STATE_PARKED;
	}
}

static long chardev_info(struct mk_info __user *uargs)
{
	const struct mk_instance *instance = mk_ipi_instance();
	const struct mk_wire_self *self;
	struct mk_ipi_stats stats = {}, bulk = {};
	struct mk_info info;
	u64 life;
	u32 room;
	int ret;

	ret = chardev_copy_in(&info, sizeof(info), uargs);
	if (ret)
		return ret;
	if (!instance)
		return -ENODEV;
	if (info.instance >= instance->nr_links)
		return -EINVAL;
	info.instance = array_index_nospec(info.instance, instance->nr_links);

	life = mk_region_life(instance->region, info.instance);
	self = mk_region_arena(instance->region, info.instance) + MK_WIRE_SELF;
	mk_ipi_peer_stats(info.instance, 0, &stats);
	mk_ipi_peer_stats(info.instance, MK_IPI_BULK, &bulk);
	room = info.nr_cpus;
	info = (struct mk_info) {
		.size		= info.size,
		.instance	= info.instance,
		.self		= instance->region->self,
		.nr_instances	= instance->nr_links,
		.state		= chardev_state(instance->region, info.instance, life),
		.incarnation	= FIELD_GET(MK_WIRE_LIFE_INCARNATION, life),
		.cpu		= MK_NO_CPU,
		.hwid		= READ_ONCE(self->doors[0].hwid),
		.sent		= stats.sent + bulk.sent,
		.received	= stats.received + bulk.received,
		.doorbells	= stats.doorbells + bulk.doorbells,
		.full		= stats.full + bulk.full,
		.unhandled	= stats.unhandled + bulk.unhandled,
		.corrupt	= stats.corrupt + bulk.corrupt,
		.age_ms		= mk_link_age_ms(&instance->links[info.instance]),
		.version	= READ_ONCE(self->version),
		.cpus		= info.cpus,
	};
	if (info.state == MK_STATE_PARKED)
		info.reason = READ_ONCE(self->reason);
	ret = mk_spawn_info(&info, room);
	if (ret)
		return ret;
	return copy_to_user(uargs, &info, sizeof(info)) ? -EFAULT : 0;
}

static long chardev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uargs = (void __user *)arg;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (_IOC_TYPE(cmd) != _IOC_TYPE(MK_IOC_INFO))
		return -ENOTTY;
	/* By number alone: the size in @cmd changes when a structure grows. */
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(MK_IOC_SPAWN):
		return chardev_spawn(uargs);
	case _IOC_NR(MK_IOC_STOP):
		return chardev_stop(uargs);
	case _IOC_NR(MK_IOC_INFO):
		return chardev_info(uargs);
	case _IOC_NR(MK_IOC_CONSOLE):
		return chardev_console(uargs);
	default:
		return -ENOTTY;
	}
}

static int chardev_show(struct seq_file *seq, void *unused)
{
	struct mk_instance *instance = mk_ipi_instance();

	if (!instance)
		return -ENODEV;
	mk_stat_show(seq, instance);
	return 0;
}

static int chardev_open(struct inode *inode, struct file *file)
{
	/* The miscdevice, which nobody here asks for; seq_open() wants it to be free */
	file->private_data = NULL;
	return single_open(file, chardev_show, NULL);
}

static const struct file_operations chardev_fops = {
	.owner		= THIS_MODULE,
	.open		= chardev_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= single_release,
	.unlocked_ioctl	= chardev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice chardev_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "multikernel",
	.fops	= &chardev_fops,
	.mode	= 0600,
};

static int __init chardev_init(void)
{
	return misc_register(&chardev_misc);
}
device_initcall(chardev_init);
