// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server of updates that answers anything at any time: libFuzzer target for the
 * client of leases. What it sends must be well-formed, what it says of itself must fit
 * together, and it must never want to act before its time.
 *
 * The input is a list of steps: what to do, two octets of length or time, octets.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "../lib/lease/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t zone[] = "\7example\3com";
static const uint8_t host[] = "\4host\7example\3com";

static struct world {
	struct lease_client *c;
	uint64_t now;
	uint16_t id;		/* of the last update */
} w;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int sign(void *arg, uint8_t *msg, size_t *len, size_t size, const struct tsig_mac *prior,
		struct tsig_mac *mac)
{
	(void)arg;
	must(!prior && *len <= size);
	*mac = (struct tsig_mac){ .len = 2, .b = { msg[0], msg[1] } };
	return 0;
}

/* By a bit that the answer has no use for */
static enum signer_result verify(void *arg, const uint8_t *msg, size_t len,
				 const struct tsig_mac *prior, struct tsig_mac *mac,
				 uint64_t *time)
{
	(void)arg;
	must(len >= DNS_HEADER && prior->len == 2);
	*mac = *prior;
	*time = 0;
	if (msg[3] & 0x10)
		return SIGNER_BAD;
	return msg[3] & 0x20 ? SIGNER_AGAIN : SIGNER_GOOD;
}

static void drain(void)
{
	uint8_t out[DNS_UDP_MAX];
	struct dns_shape shape;
	unsigned int n = 0;
	size_t len;

	while ((len = lease_client_output(w.c, w.now, out, sizeof(out)))) {
		must(++n < 10);
		must(!dns_shape(out, len, &shape) && shape.has_opt);
		must(dns_opcode(out) == DNS_UPDATE && dns_count(out, 0) == 1);
		w.id = dns_id(out);
	}
	must(lease_client_deadline(w.c) > w.now);
	must(!lease_client_expires(w.c) || lease_client_expires(w.c) > w.now);
	must(!lease_client_granted(w.c) || lease_client_expires(w.c));
	if (lease_client_withdrawn(w.c))
		must(lease_client_deadline(w.c) == UINT64_MAX || lease_client_expires(w.c));
}

static void hear(uint8_t how, const uint8_t *data, size_t len)
{
	uint8_t msg[2048] = { 0 }, *exact;
	size_t head = how & 1 ? DNS_HEADER : 0;

	if (len > sizeof(msg) - head)
		len = sizeof(msg) - head;
	memcpy(msg + head, data, len);
	len += head;
	if (head) {
		dns_put16(msg + 2, (uint16_t)(DNS_QR | DNS_UPDATE << 11 | how >> 2));
		msg[11] = len > head;
	}
	if (len >= DNS_HEADER)
		dns_put16(msg, w.id);
	exact = malloc(len + !len);
	must(exact);
	memcpy(exact, msg, len);
	lease_client_input(w.c, w.now, exact, len);
	free(exact);
}

/* By bits, which of six records */
static void set(unsigned int which)
{
	static const uint8_t ips[4] = { 192, 0, 2, 1 };
	struct lease_client_record records[6];
	size_t n = 0, i;

	for (i = 0; i < 6; i++) {
		if (!(which >> i & 1))
			continue;
		records[n++] = (struct lease_client_record){
			.owner = i & 1 ? host : zone, .type = i == 4 ? DNS_KEY : DNS_A,
			.shared = i == 5, .ttl = (uint32_t)(which >> 8), .rdata = ips + i / 3,
			.rdlen = (uint16_t)(i / 2),
		};
	}
	must(!lease_client_set(w.c, records, n, w.now));
}

static void step(uint8_t what, size_t n)
{
	switch (what & 0xf8) {
	case 0:
		w.now += n * 100;
		break;
	case 8:
		lease_client_moved(w.c, w.now);
		break;
	case 16:
		lease_client_pause(w.c);
		break;
	case 24:
		lease_client_retry(w.c, w.now);
		break;
	case 32:
		lease_client_stuck(w.c);
		break;
	default:
		set((unsigned int)n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lease_client_config config = { .zone = zone, .lease = 5400, .seed = "fuzz" };
	uint8_t what;
	size_t n;

	if (size < 1)
		return 0;
	memset(&w, 0, sizeof(w));
	config.stream = data[0] & 1;
	config.key_lease = data[0] & 2 ? 86400 : 0;
	if (data[0] & 4)
		config.signer = (struct signer){ NULL, sign, verify };
	w.c = lease_client_new(&config);
	must(w.c);
	for (data++, size--; size >= 3; data += n, size -= n) {
		what = data[0];
		n = dns_u16(data + 1);
		data += 3;
		size -= 3;
		if ((what & 7) < 4) {
			n = n < size ? n : size;
			hear(what, data, n);
		} else {
			step(what, n);
			n = 0;
		}
		drain();
	}
	lease_client_free(w.c);
	return 0;
}
