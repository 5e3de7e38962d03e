// SPDX-License-Identifier: GPL-2.0
/*
 * The shared memory: made by the keeper, checked and mapped by everybody.
 *
 * The whole region is mapped read-only and the own arena once more, writable:
 * what is not this kernel's to write cannot be written by accident.
 */
#define pr_fmt(fmt) "multikernel: " fmt

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/overflow.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "internal.h"

/* Instances to which one has two rings of each kind, if nobody asks for more room */
#define REGION_PEERS	8

static u64 region_arena_size(unsigned int nr_instances)
{
	return MK_WIRE_RINGS + 2ULL * min(nr_instances, REGION_PEERS) *
	       sizeof(struct mk_wire_slot) *
	       (2 * CONFIG_MULTIKERNEL_URGENT_SLOTS + CONFIG_MULTIKERNEL_BULK_SLOTS);
}

/**
 * mk_region_bytes - how large a region must be
 * @nr_instances: for so many instances, 1 to MK_WIRE_MAX_INSTANCES
 * @arena_size:	  bytes of each arena; 0: room for two rings of each kind to each
 *		  instance, of up to REGION_PEERS
 *
 * Return: bytes, a multiple of MK_WIRE_ALIGN.
 */
u64 mk_region_bytes(unsigned int nr_instances, u64 arena_size)
{
	return MK_WIRE_ALIGN +
	       nr_instances * ALIGN(arena_size ?: region_arena_size(nr_instances), MK_WIRE_ALIGN);
}

static void *region_map(phys_addr_t phys, u64 size, pgprot_t prot)
{
	struct vm_struct *area;
	unsigned long addr;

	/*
	 * KCSAN tells accesses apart by virtual address: instances that share a kernel,
	 * for tests, then have to share a mapping as well, and can write all of it.
	 */
	if (IS_ENABLED(CONFIG_KCSAN) && page_is_ram(PHYS_PFN(phys)))
		return phys_to_virt(phys);

	area = get_vm_area(size, VM_IOREMAP);
	if (!area)
		return NULL;
	addr = (unsigned long)area->addr;
	if (vmap_page_range(addr, addr + size, phys, prot)) {
		free_vm_area(area);
		return NULL;
	}
	return area->addr;
}

static void region_unmap(const void *addr)
{
	if (is_vmalloc_addr(addr))
		vunmap(addr);
}

/**
 * mk_region_format - make an empty region
 * @phys:	  physical address, aligned to MK_WIRE_ALIGN
 * @size:	  bytes, a multiple of MK_WIRE_ALIGN; all of it is put to use
 * @nr_instances: how many arenas, 1 to MK_WIRE_MAX_INSTANCES
 *
 * The keeper does this once, before anybody else knows of the region.
 * Process context; may sleep.
 *
 * Return: 0; -EINVAL: misaligned, or too small for a ring to be made in each
 * arena; -ENOMEM.
 */
int mk_region_format(phys_addr_t phys, u64 size, unsigned int nr_instances)
{
	struct mk_wire_header *header;
	u64 arena_size;
	unsigned int i;

	if (!nr_instances || nr_instances > MK_WIRE_MAX_INSTANCES ||
	    !IS_ALIGNED(phys, MK_WIRE_ALIGN) || !IS_ALIGNED(size, MK_WIRE_ALIGN) ||
	    size <= MK_WIRE_ALIGN)
		return -EINVAL;
	arena_size = ALIGN_DOWN(div_u64(size - MK_WIRE_ALIGN, nr_instances), MK_WIRE_ALIGN);
	if (arena_size < MK_WIRE_RINGS + MK_WIRE_SLOTS_MIN * sizeof(struct mk_wire_slot))
		return -EINVAL;

	header = region_map(phys, size, PAGE_KERNEL);
	if (!header)
		return -ENOMEM;
	/* Not the slots: a head is zeroed before one looks at it, see ring.c */
	memset(header, 0, MK_WIRE_ALIGN);
	for (i = 0; i < nr_instances; i++)
		memset((void *)header + MK_WIRE_ALIGN + i * arena_size, 0, MK_WIRE_RINGS);
	header->version = mk_param_layout;
	header->nr_instances = nr_instances;
	header->size = size;
	header->features = MK_WIRE_FEATURES;
	header->arena_offset = MK_WIRE_ALIGN;
	header->arena_size = arena_size;
	/*
	 * Orders the whole region before the magic that says it is one. Pairs
	 * with virt_load_acquire() in mk_region_map().
	 */
	virt_store_release(&header->magic, MK_WIRE_MAGIC);
	region_unmap(header);
	return 0;
}

/*
 * Where the arenas are. This much of the header is the same in every layout
 * version.
 */
static int region_find_arenas(struct mk_region *region, const struct mk_wire_header *header)
{
	u64 bytes;

	if (header->size != region->size) {
		pr_err("region of %llu bytes, where %llu were expected\n",
		       header->size, region->size);
		return -EPROTO;
	}
	if (!header->nr_instances || header->nr_instances > MK_WIRE_MAX_INSTANCES ||
	    !IS_ALIGNED(header->arena_offset, MK_WIRE_ALIGN) || !header->arena_offset ||
	    !IS_ALIGNED(header->arena_size, MK_WIRE_ALIGN) || !header->arena_size ||
	    check_mul_overflow(header->arena_size, (u64)header->nr_instances, &bytes) ||
	    check_add_overflow(bytes, header->arena_offset, &bytes) || bytes > region->size) {
		pr_err("region with %u arenas of %llu bytes from %llu does not fit into %llu\n",
		       header->nr_instances, header->arena_size, header->arena_offset,
		       region->size);
		return -EPROTO;
	}
	if (region->self >= header->nr_instances) {
		pr_err("region has %u instances, %u is none of them\n",
		       header->nr_instances, region->self);
		return -EINVAL;
	}
	region->arena_offset = header->arena_offset;
	region->arena_size = header->arena_size;
	region->nr_instances = header->nr_instances;
	return 0;
}

/* Whether this kernel knows the layout of the rest, and whether that can be */
static int region_check_layout(const struct mk_wire_header *header)
{
	if (header->version != mk_param_layout) {
		pr_err("region of layout version %u, this kernel knows version %u\n",
		       header->version, mk_param_layout);
		return -EPROTO;
	}
	if (header->features & ~MK_WIRE_FEATURES) {
		pr_err("region has features %#llx, this kernel knows %#llx\n",
		       header->features, MK_WIRE_FEATURES);
		return -EPROTO;
	}
	if (header->arena_size <= MK_WIRE_RINGS) {
		pr_err("region with arenas of %llu bytes, too few\n", header->arena_size);
		return -EPROTO;
	}
	return 0;
}

/* Tell the others why this kernel does not join. It has its arena already. */
static void region_refuse(struct mk_region *region, u32 incarnation)
{
	struct mk_wire_self *self = region->arena + MK_WIRE_SELF;

	if (!incarnation)
		incarnation = FIELD_GET(MK_WIRE_LIFE_INCARNATION, self->life) + 1;
	WRITE_ONCE(self->version, mk_param_layout);
	WRITE_ONCE(self->features, MK_WIRE_FEATURES);
	/*
	 * Orders version and features before the life that says to look at
	 * them. Pairs with virt_load_acquire() in mk_region_life().
	 */
	virt_store_release(&self->life, FIELD_PREP(MK_WIRE_LIFE_INCARNATION, incarnation) |
					FIELD_PREP(MK_WIRE_LIFE_STATE, MK_WIRE_REFUSED));
}

/**
 * mk_region_unmap - let go of a region
 * @region: as mk_region_map() gave it; freed
 *
 * Process context; may sleep.
 */
void mk_region_unmap(struct mk_region *region)
{
	region_unmap(region->keeper);
	region_unmap(region->arena);
	region_unmap(region->header);
	kfree(region);
}

/**
 * mk_region_map - look at a region and map it
 * @phys: physical address
 * @size: bytes
 * @self: number of the instance that this kernel is
 * @incarnation: which life of it, for the others to be told of a refusal; 0: one
 *	  more than the arena says
 *
 * Process context; may sleep. What is wrong with a region is logged. If it is of
 * another layout version, or has a feature that this kernel does not know, the
 * other instances are told so.
 *
 * Return: the region; an error pointer: -EPROTO: it is of another layout, or
 * none; -EINVAL: misaligned, or it has no instance @self; -ENOMEM.
 */
struct mk_region *mk_region_map(phys_addr_t phys, u64 size, unsigned int self, u32 incarnation)
{
	struct mk_wire_header header;
	struct mk_region *region;
	u64 magic;
	int ret;

	if (!IS_ALIGNED(phys, MK_WIRE_ALIGN) || !IS_ALIGNED(size, MK_WIRE_ALIGN) || !size)
		return ERR_PTR(-EINVAL);
	region = kzalloc(sizeof(*region), GFP_KERNEL);
	if (!region)
		return ERR_PTR(-ENOMEM);

	ret = -ENOMEM;
	region->size = size;
	region->self = self;
	region->header = region_map(phys, size, PAGE_KERNEL_RO);
	if (!region->header)
		goto fail_unmap;

	/* Pairs with virt_store_release() in mk_region_format(). */
	magic = virt_load_acquire(&region->header->magic);
	ret = -EPROTO;
	if (magic != MK_WIRE_MAGIC) {
		pr_err("no region: its magic number would be %#llx, found %#llx\n",
		       MK_WIRE_MAGIC, magic);
		goto fail_unmap;
	}
	/* Checked and used is the copy. */
	memcpy(&header, region->header, sizeof(header));
	ret = region_find_arenas(region, &header);
	if (ret)
		goto fail_unmap;

	ret = -ENOMEM;
	region->arena = region_map(phys + region->arena_offset + self * region->arena_size,
				   region->arena_size, PAGE_KERNEL);
	if (!region->arena)
		goto fail_unmap;
	ret = region_check_layout(&header);
	if (ret) {
		region_refuse(region, incarnation);
		goto fail_unmap;
	}
	if (self == MK_KEEPER) {
		ret = -ENOMEM;
		region->keeper = region_map(phys, MK_WIRE_ALIGN, PAGE_KERNEL);
		if (!region->keeper)
			goto fail_unmap;
	}
	return region;

fail_unmap:
	mk_region_unmap(region);
	return ERR_PTR(ret);
}

/**
 * mk_region_fenced - whether a life has been declared dead
 * @region:	 the region
 * @instance:	 whose, below @region->nr_instances
 * @incarnation: which life of it
 *
 * A life that was seen to be over stays so, whatever the keeper says later: others have
 * let go of it, and would take for new what they had taken before.
 *
 * Any context.
 *
 * Return: whether the keeper has.
 */
bool mk_region_fenced(struct mk_region *region, unsigned int instance, u32 incarnation)
{
	u32 fenced = READ_ONCE(region->header->fenced[instance]);
	u32 over = READ_ONCE(region->over[instance]);

	while (fenced > over && !try_cmpxchg_relaxed(&region->over[instance], &over, fenced))
		;
	return incarnation <= max(fenced, over);
}

/**
 * mk_region_life - how an instance is
 * @region:   the region
 * @instance: whom, below @region->nr_instances
 *
 * What the instance says of itself, unless the keeper has declared it dead: then
 * its state is MK_WIRE_LEFT, whatever it says.
 *
 * Any context.
 *
 * Return: incarnation and state, as in mk_wire_self.life.
 */
u64 mk_region_life(struct mk_region *region, unsigned int instance)
{
	/* Pairs with virt_store_release() in instance_say() and region_refuse(). */
	u64 life = virt_load_acquire(&mk_region_self(region, instance)->life);

	if (FIELD_GET(MK_WIRE_LIFE_STATE, life) != MK_WIRE_VACANT &&
	    mk_region_fenced(region, instance, FIELD_GET(MK_WIRE_LIFE_INCARNATION, life))) {
		life &= ~MK_WIRE_LIFE_STATE;
		life |= MK_WIRE_LEFT;
	}
	return life;
}

/**
 * mk_region_fence - declare an instance dead
 * @region:	 the region; this kernel is its keeper
 * @instance:	 whom; its CPUs no longer run
 * @incarnation: which life of it, as the keeper counts them; never one before the
 *		 last that was declared dead
 *
 * From here on nobody sends to that life or those before, or takes anything from
 * them. The next one is not concerned. mk_instance_fence() has everybody look.
 *
 * Process context, one at a time.
 */
void mk_region_fence(struct mk_region *region, unsigned int instance, u32 incarnation)
{
	if (WARN_ON_ONCE(!region->keeper || incarnation < region->keeper->fenced[instance]))
		return;
	WRITE_ONCE(region->keeper->fenced[instance], incarnation);
	/*
	 * Orders the fence before the count that says to look for it. Pairs
	 * with virt_load_acquire() in peers_work().
	 */
	virt_store_release(&region->keeper->nr_fenced, region->keeper->nr_fenced + 1);
}
