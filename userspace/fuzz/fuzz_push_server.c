// SPDX-License-Identifier: GPL-2.0-or-later
/* The DNS Push half of the engine of subscriptions: DSO messages, changes, time. */
#include "subs_world.h"

static void raw_message(void)
{
	struct subs_origin from = get_from();
	const uint8_t *p;
	uint8_t *exact;
	size_t len;

	p = get_octets(&len);
	exact = exact_copy(p, len);
	/* More of the inputs are DSO by this. */
	if (len > 3)
		exact[2] = (uint8_t)((exact[2] & 0x87) | DNS_DSO << 3);
	subs_dso(w.s, &from, exact, len, w.now);
	free(exact);
}

static void give(const struct dso_writer *d)
{
	struct subs_origin from = get_from();
	uint8_t *exact;

	if (d->failed)
		return;
	exact = exact_copy(d->buf, d->len);
	subs_dso(w.s, &from, exact, d->len, w.now);
	free(exact);
}

static void structured(void)
{
	unsigned int kind = get();
	uint8_t msg[1024];
	struct dso_keepalive k = { get() * 1000, get() * 1000 };
	struct dso_writer d;
	const uint8_t *p;
	size_t len;

	if (kind % 8 < 4) {
		dso_writer_init(&d, msg, sizeof(msg), DSO_REQUEST, (uint16_t)(1 + get() % 16), 0);
		dso_put_subscribe(&d, get_name(), get_type(),
				  kind & 8 ? DNS_CLASS_ANY : DNS_IN);
	} else if (kind % 8 == 4) {
		dso_writer_init(&d, msg, sizeof(msg), DSO_REQUEST, (uint16_t)(1 + get()), 0);
		dso_put_keepalive(&d, &k);
	} else if (kind % 8 == 5) {
		dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
		dso_put_unsubscribe(&d, (uint16_t)(1 + get() % 16));
	} else {
		p = get_octets(&len);
		dso_writer_init(&d, msg, sizeof(msg), DSO_UNIDIRECTIONAL, 0, 0);
		dso_put_reconfirm(&d, get_name(), get_type(), DNS_IN, p,
				  len < sizeof(msg) ? len : 0);
	}
	if (kind & 16)
		dso_put_padding(&d, (uint16_t)(get() % 64));
	give(&d);
}

static void others(void)
{
	struct subs_origin from = get_from();
	unsigned int n = get();

	switch (n % 8) {
	case 0:
		if (from.stream)
			subs_push_bind(w.s, &from, n & 8 ? &mac_key : &mini_key, w.now);
		break;
	case 1:
		subs_push_seen(w.s, from.stream, w.now);
		break;
	case 2:
		if (n > 240)
			subs_push_shutdown(w.s, n * 10);
		break;
	case 3:
		subs_end_stream(w.s, 1 + n / 8 % 4);
		break;
	case 4:
		subs_end_identity(w.s, (n & 8 ? &mac_key : &mini_key)->name);
		break;
	case 5:
		subs_end_zone(w.s, n & 8 ? alice : pub);
		break;
	default:
		say(&from, n & 8 ? NULL : &mac_key, n & 16 ? host : secret_host, DNS_AAAA,
		    LLQ_SETUP, NULL, 3600);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	at = data;
	left = size;
	world_start(NULL);
	w.config.max_llqs = 40;
	w.config.max_sessions = 3;
	w.config.replay_entries = 64;
	world_again();
	while (left) {
		switch (get() % 8) {
		case 0:
			raw_message();
			break;
		case 1:
		case 2:
			structured();
			break;
		case 3:
		case 4:
			change_record();
			break;
		case 5:
			commit();
			break;
		case 6:
			pass(get() * 200);
			break;
		case 7:
			others();
			break;
		}
		check_sent();
		w.log[0] = '\0';
	}
	all_ends();
	world_stop(NULL);
	return 0;
}
