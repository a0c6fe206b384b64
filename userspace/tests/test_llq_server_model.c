// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clients that do as they are told, on a network that loses every third message, of a
 * server that is killed now and then: when all is quiet each knows what there is.
 */
#include "test.h"

#include "llq_server_world.h"

#define TUNNEL	"\x0b_autotunnel\x04_udp"
#define RECORDS	6
static const uint8_t tunnel[] = TUNNEL "\4host\5alice\7example\3com";
static const uint8_t outer[] = "\5outer\5alice\7example\3com";

static struct client {
	struct subs_origin at;
	const struct subs_identity *who;
	const uint8_t *name;
	uint16_t type;
	uint8_t id[LLQ_ID_LEN];
	bool has[256];
	char place[256];
} clients[10];

static uint32_t seed;

static unsigned int draw(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* What w.text says, applied to what @c knows. */
static void learn(struct client *c)
{
	const char *p = w.text;

	c->place[0] = '\0';
	while ((p = strchr(p, ' '))) {
		p++;
		if (*p == '+' || *p == '-')
			c->has[atoi(strchr(p, '.') + 1) % 256] = *p == '+';
		if (*p == '&') {
			snprintf(c->place, sizeof(c->place), "%s", p);
			return;
		}
	}
}

static void up(struct client *c)
{
	set_up(&c->at, c->who, c->name, c->type, 3600);
	memcpy(c->id, w.id[0], LLQ_ID_LEN);
	memset(c->has, 0, sizeof(c->has));
	learn(c);
}

static struct client *client_of(const uint8_t id[LLQ_ID_LEN])
{
	unsigned int i;

	for (i = 0; i < N_OF(clients); i++) {
		if (!memcmp(clients[i].id, id, LLQ_ID_LEN))
			return &clients[i];
	}
	return NULL;
}

/* All that is under way arrives, or (one in @loss, both ways) does not. */
static void deliver(unsigned int loss)
{
	struct client *c;

	while (strcmp(next(), "nothing")) {
		assert_int_equal(strncmp(w.text, "event", 5), 0);
		if (loss && !draw(loss))
			continue;
		c = client_of(w.id[0]);
		if (c)
			learn(c);
		if (loss && !draw(loss))
			continue;
		ack_as(w.got, &w.got->to, c ? c->who : NULL, &w.got->mac, c ? 0 : LLQ_NO_SUCH);
	}
}

static void toggle(const uint8_t *name, uint16_t type, unsigned int n, const uint8_t *target)
{
	uint8_t rdata[512];
	uint16_t len = (uint16_t)rdata_of(type, n, target, rdata);
	struct zone *z = zone_of(name)->z;

	if (zone_remove(z, name, type, rdata, len))
		assert_int_equal(zone_add(z, name, type, 120, rdata, len), 0);
}

static void change_something(void)
{
	switch (draw(5)) {
	case 0:
		toggle(host, DNS_A, draw(RECORDS), host);
		break;
	case 1:
		toggle(secret_host, DNS_A, draw(RECORDS), host);
		break;
	case 2:
		toggle(secret_host, DNS_AAAA, draw(RECORDS), host);
		break;
	case 3:
		toggle(tunnel, DNS_SRV, 4500 + draw(2), draw(4) ? outer : secret_host);
		break;
	default:
		toggle(outer, DNS_A, draw(RECORDS), host);
		break;
	}
}

/* Who was given up learns that when it refreshes. */
static void refresh_all(void)
{
	unsigned int i;

	w.now += SECOND;
	for (i = 0; i < N_OF(clients); i++) {
		struct client *c = &clients[i];

		say(&c->at, c->who, c->name, c->type, LLQ_REFRESH, c->id, 3600);
		next();
		if (strcmp(w.text, "refresh 3600")) {
			assert_string_equal(w.text, "refresh!4 0");
			up(c);
		}
	}
}

static void assert_all_know(void)
{
	struct client truth = { .at = from_host(99, 1) };
	unsigned int i;

	commit();
	for (i = 0; i < 30; i++) {
		deliver(0);
		pass(SECOND);
	}
	refresh_all();
	assert_int_equal(stats().waiting, 0);
	for (i = 0; i < N_OF(clients); i++) {
		struct client *c = &clients[i];

		truth.who = c->who;
		truth.name = c->name;
		truth.type = c->type;
		up(&truth);
		say(&truth.at, c->who, c->name, c->type, LLQ_REFRESH, truth.id, 0);
		assert_next("refresh 0");
		assert_memory_equal(c->has, truth.has, sizeof(c->has));
		if (memchr(c->has, 1, sizeof(c->has)))
			assert_string_equal(c->place, truth.place);
		w.now += SECOND;
	}
}

static void run(unsigned int rounds, unsigned int loss, bool kills)
{
	unsigned int i, j;

	for (i = 0; i < N_OF(clients); i++) {
		struct client *c = &clients[i];

		*c = (struct client){ .at = from_host((uint8_t)(i + 1), 5000) };
		c->name = i % 3 ? secret_host : host;
		c->who = i % 3 ? (i % 2 ? &mac_key : &mini_key) : NULL;
		c->type = i % 3 == 1 ? DNS_AAAA : DNS_A;
		up(c);
	}
	for (i = 0; i < rounds; i++) {
		for (j = 0; j < 40; j++) {
			switch (draw(6)) {
			case 0:
			case 1:
			case 2:
				change_something();
				break;
			case 3:
				commit();
				break;
			case 4:
				deliver(loss);
				break;
			default:
				pass(draw(3000));
				break;
			}
		}
		if (kills && draw(2)) {
			commit();
			if (draw(2))
				deliver(loss);
			/* What was still under way may arrive all the same. */
			killed();
			for (j = draw(6); j; j--)
				change_something();
			restarted();
			zones_come();
		}
		if (!draw(3))
			assert_all_know();
	}
	assert_all_know();
}

static void no_loss(void **state)
{
	(void)state;
	seed = 1;
	run(100, 0, false);
}

static void loss(void **state)
{
	(void)state;
	seed = 2;
	run(150, 3, false);
	assert_true(stats().retried > 100);
	assert_true(stats().given_up > 0);
}

static void loss_and_little_memory(void **state)
{
	(void)state;
	seed = 3;
	w.config.max_waiting = 2;
	world_again();
	run(150, 3, false);
}

static void loss_and_kills(void **state)
{
	(void)state;
	seed = 4;
	w.config.max_waiting = 3;
	world_again();
	run(150, 3, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(no_loss),
		world_test(loss),
		world_test(loss_and_little_memory),
		world_test(loss_and_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
