// SPDX-License-Identifier: GPL-2.0-or-later
/* The LLQ half of the engine of subscriptions: messages, changes, time, restarts. */
#include "subs_world.h"

static uint8_t ids[16][LLQ_ID_LEN];
static struct sent event;	/* the last that went by UDP */
static uint8_t event_msg[DNS_MAX];

static void keep_event(void)
{
	check_sent();
	if (!w.got || w.got->to.transport != SUBS_UDP || w.n_options != 1 ||
	    strncmp(w.text, "event", 5))
		return;
	event = *w.got;
	event.msg = memcpy(event_msg, w.got->msg, w.got->len);
}

static void raw_message(void)
{
	struct subs_in in = { .from = get_from(), .who = get_who() };
	const struct subs_identity *who;
	struct tsig_mac mac;
	const uint8_t *p;
	uint8_t *exact;

	p = get_octets(&in.len);
	exact = exact_copy(p, in.len);
	in.msg = exact;
	in.time_signed = w.now / 1000;
	in.mac.len = 4;
	in.mac.b[0] = (uint8_t)get();
	subs_event_mac(w.s, &in.from, exact, in.len, &who, &mac);
	assert_int_equal(subs_is_llq(exact, in.len), !subs_message(w.s, &in, w.now));
	free(exact);
}

static void whole_setup(void)
{
	const struct subs_identity *who = get_who();
	struct subs_origin from = get_from();
	struct asked q = llq(get_name(), get_type(), LLQ_SETUP, NULL, get() << 5);
	unsigned int n = get();

	if (from.transport != SUBS_UDP && n & 64)
		q.o.error = (uint16_t)(5000 + n);
	w.udp_size = (uint16_t)(get() << 3);
	say_all(&from, who, &q, 1);
	check_sent();
	if (!w.got || !w.n_options)
		return;
	memcpy(q.o.id, w.id[0], LLQ_ID_LEN);
	memcpy(ids[n % 16], w.id[0], LLQ_ID_LEN);
	q.o.lease = w.lease[0];
	q.o.error = 0;
	if (from.transport == SUBS_UDP)
		say_all(&from, who, &q, 1);
}

static void refresh(void)
{
	const struct subs_identity *who = get_who();
	struct subs_origin from = get_from();
	struct asked q = llq(get_name(), get_type(), LLQ_REFRESH, ids[get() % 16], get() << 5);

	q.o.error = get() & 1 ? 5001 : 0;
	say_all(&from, who, &q, 1);
}

static void several(void)
{
	const struct subs_identity *who = get_who();
	struct subs_origin from = get_from();
	unsigned int i, n = 1 + get() % 8;
	struct asked q[8];

	for (i = 0; i < n; i++)
		q[i] = llq(get_name(), get_type(), LLQ_SETUP, ids[get() % 16], get() << 5);
	say_all(&from, who, q, n);
}

static void acknowledge(void)
{
	uint16_t error = get() & 1 ? LLQ_NO_SUCH : 0;

	if (event.msg)
		ack_as(&event, &event.to, get_who(), &event.mac, error);
}

static void restart(void)
{
	const uint8_t *p;
	unsigned int i;
	size_t len;

	subs_free(w.s);
	memset(w.held, 0, sizeof(w.held));
	world_new();
	for (i = 0; i < N_SAVED; i++) {
		if (w.saved[i].used && subs_restore(w.s, &w.saved[i].r, w.now))
			op_forget(NULL, w.saved[i].r.id);
	}
	for (i = 0; i < N_SAVED; i++) {
		struct saved copy = w.saved[i];

		if (!copy.used)
			continue;
		p = copy.answers;
		len = copy.r.answers_len;
		if (get() & 1)
			p = get_octets(&len);
		copy.answers = exact_copy(p ? p : no_id, p ? len : 0);
		subs_resync(w.s, copy.r.id, copy.answers, p ? len : 0, w.now);
		free(copy.answers);
	}
}

static void ends(void)
{
	unsigned int n = get();

	switch (n % 4) {
	case 0:
		subs_end_stream(w.s, 1 + n / 4 % 4);
		break;
	case 1:
		subs_end_identity(w.s, (n & 4 ? &mac_key : &mini_key)->name);
		break;
	default:
		subs_end_zone(w.s, n & 4 ? alice : pub);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	at = data;
	left = size;
	memset(ids, 0, sizeof(ids));
	event.msg = NULL;
	world_start(NULL);
	w.config.max_llqs = 40;
	w.config.max_waiting = 4;
	w.config.replay_entries = 64;
	world_again();
	while (left) {
		switch (get() % 10) {
		case 0:
			raw_message();
			break;
		case 1:
			whole_setup();
			break;
		case 2:
			refresh();
			break;
		case 3:
			several();
			break;
		case 4:
			acknowledge();
			break;
		case 5:
			change_record();
			break;
		case 6:
			commit();
			break;
		case 7:
			pass(get() * 100);
			break;
		case 8:
			restart();
			break;
		case 9:
			ends();
			break;
		}
		keep_event();
	}
	all_ends();
	world_stop(NULL);
	return 0;
}
