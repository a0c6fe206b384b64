// SPDX-License-Identifier: GPL-2.0-or-later
/* What is told to subscribers has names in the primary's case, also after a restart. */
#include "test.h"

#include "push_server_world.h"

#define SSH	"\4_ssh\4_tcp\7example\3com"
static const uint8_t ssh[] = SSH;
static const uint8_t imac[] = "\4iMac" SSH, imac2[] = "\4IMAC" SSH, imac3[] = "\4imac" SSH;
static const uint8_t imac4[] = "\4ImAc" SSH;
static const uint8_t tunnel[] = "\x0b_autotunnel\x04_udp\4host\7example\3com";
static const uint8_t outer[] = "\5Outer\7Example\3com";

static struct subs_origin me;

static void up(void)
{
	me = from_host(1, 5000);
	set_up(&me, NULL, ssh, DNS_PTR, 3600);
}

static void events(void **state)
{
	(void)state;
	rr_add_to(ssh, DNS_PTR, 0, imac);
	commit();
	up();
	assert_string_equal(w.text, "setup 3600 +_ssh/PTR.iMac");
	rr_add_to(ssh, DNS_PTR, 0, (const uint8_t *)"\3Bob" SSH);
	commit();
	assert_next("event 0 +_ssh/PTR.Bob");
	assert_true(ack(w.got, NULL));

	/* Another case is no news, but shows when there is some. */
	rr_add_to(ssh, DNS_PTR, 0, imac2);
	commit();
	rr_add_to(ssh, DNS_PTR, 0, imac3);
	commit();
	rr_add_to(ssh, DNS_PTR, 0, imac2);
	commit();
	assert_next("nothing");
	say(&me, NULL, ssh, DNS_PTR, LLQ_SETUP, w.id[0], 3600);
	assert_next("setup 3600 +_ssh/PTR.Bob +_ssh/PTR.IMAC");
	rr_del_to(ssh, DNS_PTR, 0, imac);
	commit();
	assert_next("event 0 -_ssh/PTR.IMAC");
	assert_true(ack(w.got, NULL));
}

/* Several changes of one record while an acknowledgement is awaited, or in a batch. */
static void put_together(void **state)
{
	struct zone_rr rr;

	(void)state;
	up();
	rr_add_to(ssh, DNS_PTR, 0, imac);
	commit();
	assert_next("event 0 +_ssh/PTR.iMac");
	rr_del_to(ssh, DNS_PTR, 0, imac);
	commit();
	rr_add_to(ssh, DNS_PTR, 0, imac2);
	commit();
	rr = record_of(DNS_PTR, 0, imac3);
	rr.ttl = 60;
	assert_int_equal(zone_put(w.zones[0].z, ssh, &rr), 0);
	commit();
	rr = record_of(DNS_PTR, 0, imac4);
	rr.ttl = 61;
	assert_int_equal(zone_put(w.zones[0].z, ssh, &rr), 0);
	commit();
	assert_next("nothing");
	assert_true(ack(&w.sent[(w.first + N_SENT - 1) % N_SENT], NULL));
	assert_next("event 0 +_ssh/PTR.ImAc");
	assert_true(ack(w.got, NULL));

	/* It goes in the case in which it was told. */
	rr_add_to(ssh, DNS_PTR, 0, imac3);
	rr_del_to(ssh, DNS_PTR, 0, imac3);
	commit();
	assert_next("event 0 -_ssh/PTR.ImAc");
}

/* More than fits into the answer comes as events. */
static void rest_of_the_answer(void **state)
{
	uint8_t name[DNAME_MAX];
	unsigned int i, seen = 0;
	const char *p;

	(void)state;
	for (i = 0; i < 100; i++) {
		char label[24];

		snprintf(label, sizeof(label), "Service Number %02u", i);
		assert_true(dname_prefix(label, strlen(label), ssh, name));
		rr_add_to(ssh, DNS_PTR, 0, name);
	}
	commit();
	up();
	do {
		for (p = w.text; (p = strstr(p, "+_ssh/PTR.Service Number ")); p++)
			seen++;
		if (seen < 100 && w.got->sign == SUBS_UNSIGNED && strstr(w.text, "event"))
			assert_true(ack(w.got, NULL));
	} while (strcmp(next(), "nothing"));
	assert_int_equal(seen, 100);
}

static void restarts(void **state)
{
	uint8_t *answers;
	size_t len, i;

	(void)state;
	rr_add_to(ssh, DNS_PTR, 0, imac);
	rr_add_to(ssh, DNS_PTR, 0, (const uint8_t *)"\3bob" SSH);
	commit();
	up();
	killed();
	/* Another case while it was down is no news either. */
	rr_add_to(ssh, DNS_PTR, 0, imac2);
	restarted();
	zones_come();
	assert_next("nothing");
	killed();
	rr_del_to(ssh, DNS_PTR, 0, imac2);
	rr_del_to(ssh, DNS_PTR, 0, (const uint8_t *)"\3bob" SSH);
	restarted();
	zones_come();
	assert_next("event 0 -_ssh/PTR.bob -_ssh/PTR.iMac");
	assert_true(ack(w.got, NULL));

	/* What is on disk is damaged. */
	rr_add_to(ssh, DNS_PTR, 0, imac);
	commit();
	assert_next("event 0 +_ssh/PTR.iMac");
	assert_true(ack(w.got, NULL));
	len = saved_at(w.id[0])->r.answers_len;
	answers = exact_copy(saved_at(w.id[0])->answers, len);
	for (i = 8; i < len; i++) {
		uint8_t *cut = exact_copy(answers, i);

		killed();
		restarted();
		w.zones[0].unloaded = false;
		assert_int_equal(subs_resync(w.s, w.id[0], cut, i, w.now), i == 8 ? 0 : -EBADMSG);
		pass(0);
		free(cut);
		assert_next("event 0 +_ssh/PTR.iMac");
		assert_true(ack(w.got, NULL));
	}
	free(answers);
}

/* Do these octets stand in the message? */
static bool says(const uint8_t *what, size_t len)
{
	size_t at;

	for (at = 0; at + len <= w.got->len; at++) {
		if (!memcmp(w.got->msg + at, what, len))
			return true;
	}
	return false;
}

/* Where a host is: looked up whatever the case, told in that. */
static void place(void **state)
{
	(void)state;
	rr_add(host, DNS_AAAA, 1);
	rr_add_to(tunnel, DNS_SRV, 4500, outer);
	rr_add(outer, DNS_A, 1);
	commit();
	me = from_host(1, 5000);
	set_up(&me, NULL, host, DNS_AAAA, 3600);
	assert_string_equal(w.text, "setup 3600 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.1");
	assert_true(says(outer, sizeof(outer) - 1));
	rr_del(outer, DNS_A, 1);
	rr_add(outer, DNS_A, 2);
	commit();
	assert_next("event 0 +host/AAAA.1 &_autotunnel/SRV.4500 &outer/A.2");
	assert_true(says(outer, sizeof(outer) - 1));
	assert_true(ack(w.got, NULL));

	/* Nobody has moved. */
	rr_add_to(tunnel, DNS_SRV, 4500, (const uint8_t *)"\5OUTER\7example\3com");
	commit();
	assert_next("nothing");
}

static void pushed(void **state)
{
	(void)state;
	rr_add_to(ssh, DNS_PTR, 0, imac);
	commit();
	subscribe(1, 5, ssh, DNS_PTR);
	assert_dso("ok 5");
	assert_dso("push +_ssh/PTR.iMac");
	rr_add_to(ssh, DNS_PTR, 0, (const uint8_t *)"\3Bob" SSH);
	commit();
	assert_dso("push +_ssh/PTR.Bob");
	rr_add_to(ssh, DNS_PTR, 0, imac2);
	commit();
	assert_dso("nothing");
	rr_del_to(ssh, DNS_PTR, 0, imac);
	commit();
	assert_dso("push -_ssh/PTR.IMAC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(events),
		world_test(put_together),
		world_test(rest_of_the_answer),
		world_test(restarts),
		world_test(place),
		world_test(pushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
