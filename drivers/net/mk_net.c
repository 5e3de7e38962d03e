// SPDX-License-Identifier: GPL-2.0
/*
 * Ethernet between the kernels that share a machine: a device for each peer, mkN to
 * instance N, over the bulk lane.
 *
 *	xmit --> mk_ipi_sendv() -->  ...  --> net_take() --> backlog --> NAPI --> stack
 *	  ^                                                  of the peer
 *	  +-- tx NAPI <-- net_room() <-- the peer has read on
 *
 * Memory is the wire, so a frame may be as large as a message, its checksum need not be
 * computed, and TCP does not cut what it sends into packets: what the peer has to know of
 * that goes with the frame, in the words of virtio. Each transmit queue is an order of the
 * lane (MK_IPI_IN_ORDER()), so that a flow stays in order and two CPUs do not wait for
 * each other. Nothing is dropped for want of room: a queue stops, and byte queue limits
 * keep what lies unread in the ring short.
 */
#define pr_fmt(fmt) "mk_net: " fmt

#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_net.h>
#include <linux/wait.h>
#include <multikernel/mk_ipi.h>

/**
 * struct net_head - what is before each frame
 * @offload: checksum and segmentation, as virtio has them; in the machine's byte order
 * @reserved: zero
 */
struct net_head {
	struct virtio_net_hdr	offload;
	u8			reserved[6];
};

static_assert(sizeof(struct net_head) == 16);

#define NET_MAX_FRAME	(MK_IPI_MAX_BULK_LEN - sizeof(struct net_head))
#define NET_MAX_MTU	(NET_MAX_FRAME - VLAN_ETH_HLEN)

/* Bytes of a received frame that are linear: more than any headers take */
#define NET_LINEAR	256

/*
 * From this on the memory that TCP's segments came in is kept, which is cheaper than a copy.
 * It counts twice as much as they do to a socket; datagrams are copied, as theirs may take
 * few and then drop them.
 */
#define NET_TAKE	32768
static_assert(SKB_DATA_ALIGN(sizeof(struct skb_shared_info)) <= MK_IPI_TAKE_SPARE);

/* Frames that wait for NAPI; with more the peer has to wait, in its ring */
#define NET_BACKLOG	64

/*
 * So much may be unread at least: the peer has half of it left to read when it tells that it
 * has read the other half, so that neither side waits for the other.
 */
#define NET_UNREAD	(MK_IPI_BULK_RING / 2)

/* What goes to a message: its head, a linear part, and fragments */
#define NET_PIECES	(2 + MAX_SKB_FRAGS)

/**
 * struct net_queue - a transmit queue
 * @napi: completes what the peer has read
 * @room: schedules it
 * @net:  whose queue it is
 * @type: by which its messages go
 * @sent: bytes of the ring that were ever filled
 * @done: of those, bytes that byte queue limits were told to be read
 * @full: times that there was no room in the ring
 * @waits: times that the peer was asked to say that it has read on
 *
 * All but @napi and @room are under the lock of the device's queue.
 */
struct net_queue {
	struct napi_struct	napi;
	struct mk_ipi_room	room;
	struct mk_net		*net;
	u32			type;
	u64			sent;
	u64			done;
	u64			full;
	u64			waits;
};

/**
 * struct mk_net - the device to a peer
 * @dev:     the device
 * @peer:    instance number of the peer
 * @life:    incarnation of the peer that @queue has sent to
 * @napi:    takes frames from @backlog to the stack
 * @backlog: frames that have arrived
 * @room:    woken when @backlog is short again
 * @malformed: frames that made no sense
 * @no_memory: frames for which there was no memory
 * @queue:   by number
 */
struct mk_net {
	struct net_device	*dev;
	unsigned int		peer;
	u32			life;
	struct napi_struct	napi;
	struct sk_buff_head	backlog;
	wait_queue_head_t	room;
	atomic64_t		malformed;
	atomic64_t		no_memory;
	struct net_queue	queue[MK_IPI_ORDERS];
};

/* By peer; made when it is first up, and there until the module goes */
static struct mk_net *nets[MK_IPI_MAX_INSTANCES];

/* Tell byte queue limits what the peer has read: what it has not. Under the queue's lock. */
static unsigned int net_complete(struct net_queue *queue, struct netdev_queue *txq)
{
	/* Of a peer that has gone, nothing is unread. */
	unsigned int unread = max(mk_ipi_unread(queue->net->peer, queue->type), 0);
	u64 left = queue->sent - queue->done;
	unsigned int read;

	/* Others may use the ring, too. */
	read = left - min_t(u64, left, unread);
	queue->done += read;
	/* How many frames that was is not known, and nobody asks */
	netdev_tx_completed_queue(txq, 0, read);
	return unread;
}

/*
 * Ask to be told when no more than so much is unread; under the queue's lock. False if there
 * is nothing to wait for.
 */
static bool net_want_room(struct net_queue *queue, unsigned int unread)
{
	if (mk_ipi_want_room(queue->net->peer, queue->type, &queue->room, unread))
		return false;
	queue->waits++;
	return true;
}

/* Let byte queue limits know what was read, and have a queue that they stop go on later. */
static void net_progress(struct net_queue *queue, struct netdev_queue *txq)
{
	unsigned int unread;

	do {
		unread = net_complete(queue, txq);
	} while (netif_xmit_stopped(txq) && !net_want_room(queue, unread / 2));
}

/* Of a queue that has asked; with interrupts off */
static void net_room(struct mk_ipi_room *room)
{
	napi_schedule(&container_of(room, struct net_queue, room)->napi);
}

/* The peer has read on, or gone. */
static int net_tx_poll(struct napi_struct *napi, int budget)
{
	struct net_queue *queue = container_of(napi, struct net_queue, napi);
	struct net_device *dev = queue->net->dev;
	struct netdev_queue *txq = netdev_get_tx_queue(dev, queue - queue->net->queue);

	__netif_tx_lock(txq, smp_processor_id());
	netif_tx_start_queue(txq);
	net_progress(queue, txq);
	__netif_tx_unlock(txq);
	if (!netif_xmit_stopped(txq))
		netif_schedule_queue(txq);
	/* net_stop() waits for this. If it was told meanwhile it is polled again. */
	napi_complete_done(napi, 0);
	return 0;
}

static unsigned int net_pieces(const struct sk_buff *skb, struct net_head *head, struct kvec *vec)
{
	unsigned int i, nr = 0;

	vec[nr++] = (struct kvec) { .iov_base = head, .iov_len = sizeof(*head) };
	vec[nr++] = (struct kvec) { .iov_base = skb->data, .iov_len = skb_headlen(skb) };
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		vec[nr++] = (struct kvec) { .iov_base = skb_frag_address(frag),
					    .iov_len = skb_frag_size(frag) };
	}
	return nr;
}

static netdev_tx_t net_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct mk_net *net = netdev_priv(dev);
	unsigned int index = skb_get_queue_mapping(skb);
	struct netdev_queue *txq = netdev_get_tx_queue(dev, index);
	struct net_queue *queue = &net->queue[index];
	struct kvec vec[NET_PIECES];
	struct net_head head = {};
	unsigned int nr, space;
	bool asked;
	int ret;

	if (skb->len > NET_MAX_FRAME ||
	    virtio_net_hdr_from_skb(skb, &head.offload, virtio_legacy_is_little_endian(), false, 0))
		goto drop;
	nr = net_pieces(skb, &head, vec);
	ret = mk_ipi_sendv(net->peer, queue->type, vec, nr);
	if (ret == -EAGAIN) {
		queue->full++;
		netif_tx_stop_queue(txq);
		asked = net_want_room(queue, min(NET_UNREAD,
						 MK_IPI_UNREAD_FOR(sizeof(head) + skb->len)));
		ret = mk_ipi_sendv(net->peer, queue->type, vec, nr);
		if (ret != -EAGAIN || !asked)
			netif_tx_start_queue(txq);
		if (ret == -EAGAIN)
			return NETDEV_TX_BUSY;
	}
	/* With -EIO the peer finds it, if late. */
	if (ret && ret != -EIO)
		goto drop;

	space = MK_IPI_SPACE(sizeof(head) + skb->len);
	queue->sent += space;
	netdev_tx_sent_queue(txq, space);
	dev_sw_netstats_tx_add(dev, 1, skb->len);
	skb_tx_timestamp(skb);
	dev_consume_skb_any(skb);
	net_progress(queue, txq);
	return NETDEV_TX_OK;
drop:
	dev_core_stats_tx_dropped_inc(dev);
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static int net_poll(struct napi_struct *napi, int budget)
{
	struct mk_net *net = container_of(napi, struct mk_net, napi);
	struct sk_buff *skb;
	int done;

	for (done = 0; done < budget; done++) {
		skb = skb_dequeue(&net->backlog);
		if (!skb)
			break;
		napi_gro_receive(napi, skb);
	}
	if (done < budget)
		napi_complete_done(napi, done);
	if (skb_queue_len_lockless(&net->backlog) <= NET_BACKLOG / 2)
		wake_up(&net->room);
	return done;
}

/* A copy of a frame, in pieces of memory that can be had; NULL: no memory */
static struct sk_buff *net_copy(const struct mk_ipi_msg *msg)
{
	u32 len = msg->len - sizeof(struct net_head);
	u32 linear = min(len, NET_LINEAR);
	struct sk_buff *skb;
	int error;

	skb = alloc_skb_with_frags(NET_SKB_PAD + NET_IP_ALIGN + linear, len - linear,
				   PAGE_ALLOC_COSTLY_ORDER, &error, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len = len;
	/* It has just been made to have so many bytes */
	WARN_ON_ONCE(skb_store_bits(skb, 0, msg->data + sizeof(struct net_head), len));
	return skb;
}

/* A frame out of a message that was checked to be long enough; NULL: no memory */
static struct sk_buff *net_frame(const struct mk_ipi_msg *msg, const struct net_head *head)
{
	u8 gso = head->offload.gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	bool tcp = gso == VIRTIO_NET_HDR_GSO_TCPV4 || gso == VIRTIO_NET_HDR_GSO_TCPV6;
	void *data = tcp && msg->len >= NET_TAKE ? mk_ipi_take(msg) : NULL;
	struct sk_buff *skb;

	if (!data)
		return net_copy(msg);
	skb = slab_build_skb(data);
	if (!skb) {
		kfree(data);
		return NULL;
	}
	skb_reserve(skb, sizeof(struct net_head));
	skb_put(skb, msg->len - sizeof(struct net_head));
	return skb;
}

/* If the device does not run it does not matter */
static bool net_has_room(const struct mk_net *net)
{
	return skb_queue_len_lockless(&net->backlog) < NET_BACKLOG || !netif_running(net->dev);
}

static void net_take(struct mk_ipi_handler *handler, const struct mk_ipi_msg *msg)
{
	struct mk_net *net = smp_load_acquire(&nets[msg->from]);	/* pairs with net_make() */
	struct net_head head;
	struct sk_buff *skb;

	if (!net || !netif_running(net->dev))
		return;
	if (msg->len < sizeof(head) + ETH_HLEN) {
		atomic64_inc(&net->malformed);
		return;
	}
	memcpy(&head, msg->data, sizeof(head));
	skb = net_frame(msg, &head);
	if (!skb) {
		atomic64_inc(&net->no_memory);
		dev_core_stats_rx_dropped_inc(net->dev);
		return;
	}
	skb->dev = net->dev;
	if (virtio_net_hdr_to_skb(skb, &head.offload, virtio_legacy_is_little_endian())) {
		atomic64_inc(&net->malformed);
		kfree_skb(skb);
		return;
	}
	dev_sw_netstats_rx_add(net->dev, skb->len);
	skb->protocol = eth_type_trans(skb, net->dev);
	wait_event(net->room, net_has_room(net));
	skb_queue_tail(&net->backlog, skb);
	/* The interrupts are soft ones, which run when they are enabled. */
	local_bh_disable();
	napi_schedule(&net->napi);
	local_bh_enable();
}

static struct mk_ipi_handler net_handler = {
	.type	= MK_IPI_TYPE_NET,
	.name	= "net",
	.fn	= net_take,
};

static int net_open(struct net_device *dev)
{
	struct mk_net *net = netdev_priv(dev);
	unsigned int i;

	napi_enable(&net->napi);
	for (i = 0; i < dev->num_tx_queues; i++)
		napi_enable(&net->queue[i].napi);
	netif_tx_start_all_queues(dev);
	/* What came when the device ran already, but could not be polled yet */
	local_bh_disable();
	napi_schedule(&net->napi);
	local_bh_enable();
	return 0;
}

static int net_stop(struct net_device *dev)
{
	struct mk_net *net = netdev_priv(dev);
	unsigned int i;

	/* Polls start queues, and senders ask for room. */
	for (i = 0; i < dev->num_tx_queues; i++)
		napi_disable(&net->queue[i].napi);
	netif_tx_disable(dev);
	for (i = 0; i < dev->num_tx_queues; i++)
		mk_ipi_forget_room(net->peer, &net->queue[i].room);
	/* A handler that waits does not any more, as the device does not run. */
	wake_up(&net->room);
	napi_disable(&net->napi);
	skb_queue_purge(&net->backlog);
	return 0;
}

static const struct net_device_ops net_ops = {
	.ndo_open		= net_open,
	.ndo_stop		= net_stop,
	.ndo_start_xmit		= net_xmit,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
};

/* What ethtool -S says: of the device, then of each queue */
static const char net_stat_names[][ETH_GSTRING_LEN] = {
	"rx_malformed", "rx_no_memory", "rx_backlog",
};

static const char net_queue_stat_names[][ETH_GSTRING_LEN] = {
	"unread", "full", "waits",
};

static void net_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct mk_net *net = netdev_priv(dev);

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	snprintf(info->bus_info, sizeof(info->bus_info), "instance %u", net->peer);
}

static int net_get_sset_count(struct net_device *dev, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return ARRAY_SIZE(net_stat_names) + dev->num_tx_queues * ARRAY_SIZE(net_queue_stat_names);
}

static void net_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(net_stat_names); i++)
		ethtool_puts(&data, net_stat_names[i]);
	for (i = 0; i < dev->num_tx_queues; i++)
		for (j = 0; j < ARRAY_SIZE(net_queue_stat_names); j++)
			ethtool_sprintf(&data, "tx%u_%s", i, net_queue_stat_names[j]);
}

static void net_get_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	struct mk_net *net = netdev_priv(dev);
	unsigned int i;

	*data++ = atomic64_read(&net->malformed);
	*data++ = atomic64_read(&net->no_memory);
	*data++ = skb_queue_len_lockless(&net->backlog);
	for (i = 0; i < dev->num_tx_queues; i++) {
		struct net_queue *queue = &net->queue[i];

		*data++ = max(mk_ipi_unread(net->peer, queue->type), 0);
		*data++ = READ_ONCE(queue->full);
		*data++ = READ_ONCE(queue->waits);
	}
}

/* As fast as a copy is, which is not known */
static int net_get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *cmd)
{
	cmd->base.speed = SPEED_UNKNOWN;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_OTHER;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static const struct ethtool_ops net_ethtool_ops = {
	.get_drvinfo		= net_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= net_get_link_ksettings,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= net_get_sset_count,
	.get_strings		= net_get_strings,
	.get_ethtool_stats	= net_get_stats,
};

/* The same for each life of the two kernels, and known to be of nobody else */
static void net_address(struct net_device *dev, unsigned int self, unsigned int peer)
{
	const u8 address[ETH_ALEN] = { 0x02, 'm', 'k', 0, self, peer };

	eth_hw_addr_set(dev, address);
}

static void net_setup(struct net_device *dev, unsigned int peer)
{
	const netdev_features_t features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO |
					   NETIF_F_TSO6 | NETIF_F_TSO_ECN | NETIF_F_GSO_UDP_L4;

	dev->netdev_ops = &net_ops;
	dev->ethtool_ops = &net_ethtool_ops;
	dev->features = features | NETIF_F_HIGHDMA;
	dev->hw_features = features;
	dev->vlan_features = features;
	dev->max_mtu = NET_MAX_MTU;
	dev->dev_port = peer;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	netif_set_tso_max_size(dev, NET_MAX_FRAME);
	net_address(dev, mk_ipi_self(), peer);
	netif_carrier_off(dev);
}

static struct mk_net *net_make(unsigned int peer)
{
	unsigned int i, nr_queues = min(num_possible_cpus(), MK_IPI_ORDERS);
	char name[IFNAMSIZ];
	struct net_device *dev;
	struct mk_net *net;
	int ret;

	snprintf(name, sizeof(name), "mk%u", peer);
	dev = alloc_netdev_mqs(sizeof(*net), name, NET_NAME_PREDICTABLE, ether_setup, nr_queues, 1);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	net_setup(dev, peer);
	net = netdev_priv(dev);
	net->dev = dev;
	net->peer = peer;
	skb_queue_head_init(&net->backlog);
	init_waitqueue_head(&net->room);
	netif_napi_add(dev, &net->napi, net_poll);
	for (i = 0; i < nr_queues; i++) {
		struct net_queue *queue = &net->queue[i];

		queue->net = net;
		/* From the last one: who needs no more than one takes the first. */
		queue->type = MK_IPI_TYPE_NET | MK_IPI_IN_ORDER(MK_IPI_ORDERS - 1 - i);
		mk_ipi_room_init(&queue->room, net_room);
		netif_napi_add_tx(dev, &queue->napi, net_tx_poll);
		netdev_queue_set_dql_min_limit(netdev_get_tx_queue(dev, i), NET_UNREAD);
	}
	ret = register_netdev(dev);
	if (ret) {
		free_netdev(dev);
		return ERR_PTR(ret);
	}
	/* Orders the device before the pointer. Pairs with net_take(). */
	smp_store_release(&nets[peer], net);
	return net;
}

/* Another life of the peer: what was unread of the last one is gone. */
static void net_begin(struct mk_net *net, u32 life)
{
	unsigned int i;

	net->life = life;
	for (i = 0; i < net->dev->num_tx_queues; i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(net->dev, i);

		__netif_tx_lock_bh(txq);
		net->queue[i].done = net->queue[i].sent;
		netdev_tx_reset_queue(txq);
		__netif_tx_unlock_bh(txq);
	}
}

static void net_up(struct mk_net *net, u32 life)
{
	unsigned int i;

	if (net->life != life)
		net_begin(net, life);
	netif_carrier_on(net->dev);
	/* Of one that hung there may be something unread, for which nobody waits any more. */
	local_bh_disable();
	for (i = 0; i < net->dev->num_tx_queues; i++)
		napi_schedule(&net->queue[i].napi);
	local_bh_enable();
}

static int net_notify(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct mk_ipi_peer_event *event = data;
	struct mk_net *net = nets[event->peer];

	if (state != MK_IPI_PEER_UP) {
		if (net)
			netif_carrier_off(net->dev);
		return NOTIFY_OK;
	}
	if (!net)
		net = net_make(event->peer);
	if (IS_ERR(net))
		pr_err("instance %u gets no device: %pe\n", event->peer, net);
	else
		net_up(net, event->incarnation);
	return NOTIFY_OK;
}

static struct notifier_block net_notifier = {
	.notifier_call = net_notify,
};

static int __init net_init(void)
{
	int ret;

	ret = mk_ipi_register(&net_handler);
	if (ret)
		return ret;
	ret = mk_ipi_register_notifier(&net_notifier);
	if (ret)
		mk_ipi_unregister(&net_handler);
	return ret;
}
module_init(net_init);

static void __exit net_exit(void)
{
	unsigned int i;

	mk_ipi_unregister_notifier(&net_notifier);
	/* From here on no frame is on its way to a device. */
	mk_ipi_unregister(&net_handler);
	for (i = 0; i < ARRAY_SIZE(nets); i++) {
		if (!nets[i])
			continue;
		unregister_netdev(nets[i]->dev);
		skb_queue_purge(&nets[i]->backlog);
		free_netdev(nets[i]->dev);
	}
}
module_exit(net_exit);

MODULE_DESCRIPTION("Ethernet between Linux kernels that share one machine");
MODULE_LICENSE("GPL");
