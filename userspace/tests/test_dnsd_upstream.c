// SPDX-License-Identifier: GPL-2.0-or-later
/* The connections to a primary, which a transport plays. */
#include "dnsd_transport.h"

#include "../btmm-dnsd/upstream.h"
#include "../lib/dns/message.h"

#define N_REQUESTS	300

struct primary {
	struct fixture *f;	/* the server */
	struct net_addr addr;
	struct upstream *u;
	unsigned int responses, failures, ups, downs;
	uint64_t cookies[N_REQUESTS];	/* of responses, in order */
	enum upstream_failure how;
	char why[200];
	bool resend, free_it;
};

static void on_response(void *arg, uint64_t cookie, uint8_t *msg, size_t len)
{
	struct primary *p = arg;

	assert_true(len >= DNS_HEADER);
	assert_true(dns_flags(msg) & DNS_QR);
	/* What was asked is in it. */
	assert_int_equal(msg[len - 1], (uint8_t)cookie);
	assert_true(p->responses < N_REQUESTS);
	p->cookies[p->responses++] = cookie;
	if (p->free_it) {
		upstream_free(p->u);
		p->u = NULL;
	}
}

static size_t query(uint8_t *msg, uint64_t cookie)
{
	memset(msg, 0, 40);
	msg[39] = (uint8_t)cookie;
	return 40;
}

static int ask(struct primary *p, uint64_t cookie)
{
	uint8_t msg[40];

	return upstream_send(p->u, msg, query(msg, cookie), cookie);
}

static void on_failed(void *arg, uint64_t cookie, enum upstream_failure how, const char *why)
{
	struct primary *p = arg;

	p->failures++;
	p->how = how;
	snprintf(p->why, sizeof(p->why), "%s", why);
	if (p->free_it) {
		upstream_free(p->u);
		p->u = NULL;
	} else if (p->resend) {
		assert_int_equal(ask(p, cookie), 0);
	}
}

static void on_state(void *arg, bool up, const char *why)
{
	struct primary *p = arg;

	p->ups += up;
	p->downs += !up;
	assert_int_equal(up, upstream_is_up(p->u));
	assert_string_equal(why, upstream_why(p->u));
	if (!up)
		assert_true(*why);
}

static void answer(struct fixture *f, const struct origin *from, uint8_t *msg, size_t len)
{
	msg[2] |= 0x80;
	echo(f, from, msg, len);
}

static int start(void **state)
{
	static const struct upstream_ops ops = { on_response, on_failed, on_state };
	struct primary *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	set_up((void **)&p->f);
	p->f->on_message = answer;
	p->addr = serve(p->f, TRANSPORT_TCP, "127.0.0.1:0");
	p->u = upstream_new(p->f->event, &p->addr, &ops, p);
	assert_non_null(p->u);
	*state = p;
	return 0;
}

static int stop(void **state)
{
	struct primary *p = *state;

	upstream_free(p->u);
	tear_down((void **)&p->f);
	free(p);
	return 0;
}

static void asked_and_answered(void **state)
{
	struct primary *p = *state;
	unsigned int i;

	/* Before it is connected, too. */
	for (i = 0; i < 100; i++)
		assert_int_equal(ask(p, i), 0);
	assert_int_equal(upstream_outstanding(p->u), 100);
	run_until(p->f, p->responses == 100);
	for (i = 0; i < 100; i++)
		assert_int_equal(p->cookies[i], i);
	assert_int_equal(upstream_outstanding(p->u), 0);
	assert_int_equal(p->ups, 1);
	assert_int_equal(p->downs, 0);
	assert_int_equal(stats(p->f).streams, 1);
}

/* Answers in another order, and some that nobody asked for. */
static void told_apart_by_id(void **state)
{
	struct primary *p = *state;
	struct origin from;
	uint8_t ids[50][2], msg[40];
	int i;

	p->f->on_message = silent;
	for (i = 0; i < 50; i++) {
		query(msg, i);
		assert_int_equal(upstream_send(p->u, msg, sizeof(msg), i), 0);
		memcpy(ids[i], msg, 2);
	}
	run_until(p->f, p->f->messages == 50);
	from = p->f->from[0];
	query(msg, 99);
	msg[2] = 0x80;
	msg[0] = ids[49][0] + 5;
	transport_send(p->f->t, &from, msg, sizeof(msg));
	/* A request, which only looks like an answer; a scrap. */
	memcpy(msg, ids[7], 2);
	msg[2] = 0;
	transport_send(p->f->t, &from, msg, sizeof(msg));
	transport_send(p->f->t, &from, ids[7], 2);
	for (i = 49; i >= 0; i--) {
		query(msg, i);
		memcpy(msg, ids[i], 2);
		msg[2] = 0x80;
		transport_send(p->f->t, &from, msg, sizeof(msg));
		transport_send(p->f->t, &from, msg, sizeof(msg));
	}
	run_until(p->f, p->responses == 50);
	for (i = 0; i < 50; i++)
		assert_int_equal(p->cookies[i], 49 - i);
	assert_int_equal(p->failures, 0);
}

static void many_large(void **state)
{
	struct primary *p = *state;
	static uint8_t msg[65535];
	unsigned int i;

	p->f->limits.out_queue = 100000000;
	transport_set_limits(p->f->t, &p->f->limits);
	for (i = 0; i < 100; i++) {
		msg[sizeof(msg) - 1] = i;
		assert_int_equal(upstream_send(p->u, msg, sizeof(msg), i), 0);
	}
	run_until(p->f, p->responses == 100);
	assert_int_equal(p->f->last_len, sizeof(msg));
	assert_int_equal(upstream_send(p->u, msg, 65536, 1), -EMSGSIZE);
	assert_int_equal(upstream_send(p->u, msg, 11, 1), -EMSGSIZE);
}

static void too_many(void **state)
{
	struct primary *p = *state;
	unsigned int i;

	p->f->on_message = silent;
	for (i = 0; i < UPSTREAM_OUTSTANDING; i++)
		assert_int_equal(ask(p, i), 0);
	assert_int_equal(ask(p, i), -EBUSY);
	upstream_cancel(p->u, 5);
	assert_int_equal(ask(p, i), 0);
	run_until(p->f, p->f->messages == UPSTREAM_OUTSTANDING + 1);
}

static void lost_and_found(void **state)
{
	struct primary *p = *state;

	assert_int_equal(ask(p, 1), 0);
	run_until(p->f, p->responses == 1);

	p->f->on_message = silent;
	assert_int_equal(ask(p, 2), 0);
	assert_int_equal(ask(p, 3), 0);
	run_until(p->f, p->f->messages == 3);
	p->f->on_message = answer;
	transport_abort(p->f->t, p->f->from[0].stream);
	run_until(p->f, p->failures == 2);
	assert_int_equal(p->how, UPSTREAM_LOST);
	assert_int_equal(p->downs, 1);
	/* It had worked, so that who comes now waits for the next connection. */
	assert_int_equal(ask(p, 4), 0);
	run_until(p->f, p->responses == 2);
	assert_int_equal(p->cookies[1], 4);
	assert_int_equal(p->ups, 2);
	assert_int_equal(p->failures, 2);
}

/* By a server that has waited long enough for a request. */
static void ended_while_idle(void **state)
{
	struct primary *p = *state;
	unsigned int i;

	for (i = 1; i <= 3; i++) {
		assert_int_equal(ask(p, i), 0);
		run_until(p->f, p->responses == i);
		transport_close(p->f->t, p->f->from[i - 1].stream);
		run_until(p->f, !upstream_is_up(p->u));
		run_until(p->f, upstream_is_up(p->u));
	}
	assert_int_equal(p->ups, 1);
	assert_int_equal(p->downs, 0);

	/* With a request outstanding it is a loss, and told. */
	p->f->on_message = silent;
	assert_int_equal(ask(p, 4), 0);
	run_until(p->f, p->f->messages == 4);
	transport_close(p->f->t, p->f->from[3].stream);
	run_until(p->f, p->failures == 1);
	assert_int_equal(p->how, UPSTREAM_LOST);
	assert_int_equal(p->downs, 1);
	run_until(p->f, p->ups == 2);
}

/* ... and is then gone: told, once. */
static void ended_for_good(void **state)
{
	struct primary *p = *state;

	assert_int_equal(ask(p, 1), 0);
	run_until(p->f, p->responses == 1);
	transport_free(p->f->t);
	p->f->t = NULL;
	run_until(p->f, p->downs == 1);
	assert_string_equal(upstream_why(p->u), strerror(ECONNREFUSED));
	assert_int_equal(ask(p, 2), -ENOTCONN);
	assert_int_equal(p->failures, 0);
}

/* Requests that are sent again from within the failure go out anew, once. */
static void sent_again_from_within(void **state)
{
	struct primary *p = *state;
	unsigned int i;

	p->f->on_message = silent;
	p->resend = true;
	for (i = 0; i < 10; i++)
		assert_int_equal(ask(p, i), 0);
	run_until(p->f, p->f->messages == 10);
	/* One answer, so that it counts as a connection that worked. */
	answer(p->f, &p->f->from[0], p->f->last, p->f->last_len);
	run_until(p->f, p->responses == 1);
	p->f->on_message = answer;
	upstream_reset(p->u);
	assert_int_equal(p->failures, 0);
	run_until(p->f, p->responses == 10);
	assert_int_equal(p->failures, 9);
	assert_int_equal(p->how, UPSTREAM_LOST);
	assert_int_equal(p->f->messages, 19);
}

static void nobody_there(void **state)
{
	struct primary *p = *state;
	struct net_addr a = at("127.0.0.1:1", 1);
	static const struct upstream_ops ops = { on_response, on_failed, on_state };
	struct sockaddr_storage ss;
	uint64_t begun;
	socklen_t len;
	int fd;

	/* A port that nobody else gets, and at which nobody listens yet. */
	upstream_free(p->u);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_false(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	a.port = 0;
	len = net_to_sockaddr(&a, &ss);
	assert_false(bind(fd, (struct sockaddr *)&ss, len));
	assert_false(getsockname(fd, (struct sockaddr *)&ss, &len));
	assert_true(net_from_sockaddr(&ss, &a));

	begun = clock_ms();
	p->u = upstream_new(p->f->event, &a, &ops, p);
	assert_int_equal(ask(p, 1), 0);
	run_until(p->f, p->failures == 1);
	assert_int_equal(p->how, UPSTREAM_NOT_SENT);
	assert_int_equal(p->downs, 1);
	assert_int_equal(ask(p, 2), -ENOTCONN);
	assert_true(*upstream_why(p->u));

	/* Still down after some attempts; said once. 50 + 100 + 200 ms */
	run_until(p->f, clock_ms() - begun > 400);
	assert_int_equal(p->downs, 1);
	assert_int_equal(ask(p, 2), -ENOTCONN);
	assert_false(listen(fd, 5));
	assert_int_equal(transport_listen(p->f->t, TRANSPORT_TCP, NULL, fd), 0);
	run_until(p->f, p->ups == 1);
	assert_int_equal(ask(p, 3), 0);
	run_until(p->f, p->responses == 1);
	assert_int_equal(p->failures, 1);
	/* The attempts were spaced: 50, 100, 200, 400, ... */
	assert_true(stats(p->f).streams <= 2);
}

static void no_answer(void **state)
{
	struct primary *p = *state;

	assert_int_equal(ask(p, 1), 0);
	run_until(p->f, p->responses == 1);
	p->f->on_message = silent;
	upstream_set_timeout(p->u, 50);
	assert_int_equal(ask(p, 2), 0);
	run_until(p->f, p->failures == 1);
	assert_int_equal(p->how, UPSTREAM_TIMEOUT);
	/* Nothing came at all: another connection may do better. */
	p->f->on_message = answer;
	upstream_set_timeout(p->u, UPSTREAM_TIMEOUT_MS);
	run_until(p->f, p->ups == 2);
	assert_int_equal(ask(p, 3), 0);
	run_until(p->f, p->responses == 2);
}

static void some_answers(void **state)
{
	struct primary *p = *state;
	uint64_t begun;
	unsigned int i;

	/* One is not answered, but later ones are: the connection is not to blame. */
	upstream_set_timeout(p->u, LIMIT_MS);
	p->f->on_message = silent;
	assert_int_equal(ask(p, 0), 0);
	run_until(p->f, p->f->messages == 1);
	p->f->on_message = answer;
	begun = clock_ms();
	run_until(p->f, clock_ms() > begun + 5);
	for (i = 1; i < 20; i++)
		assert_int_equal(ask(p, i), 0);
	run_until(p->f, p->responses == 19);
	upstream_set_timeout(p->u, 1);
	run_until(p->f, p->failures);
	assert_int_equal(p->how, UPSTREAM_TIMEOUT);
	assert_int_equal(p->downs, 0);
	assert_true(upstream_is_up(p->u));
}

static void not_read(void **state)
{
	struct primary *p = *state;
	static uint8_t msg[65535];
	unsigned int i, sent = 0;

	/* A primary that takes no more octets: those behind were not sent. */
	run_until(p->f, p->ups == 1 && stats(p->f).streams == 1);
	p->f->limits.out_queue = 1;
	transport_set_limits(p->f->t, &p->f->limits);
	p->f->on_message = silent;
	upstream_set_timeout(p->u, 200);
	/* Without a turn of the loop nobody reads at the other end. */
	for (i = 0; i < 240; i++)
		sent += !upstream_send(p->u, msg, sizeof(msg), i);
	assert_int_equal(sent, 240);
	upstream_reset(p->u);
	run_until(p->f, p->failures == 240);
	assert_int_equal(p->how, UPSTREAM_NOT_SENT);
	assert_true(p->f->messages < 240);
}

static void freed_from_within(void **state)
{
	struct primary *p = *state;
	unsigned int i;

	p->free_it = true;
	for (i = 0; i < 5; i++)
		assert_int_equal(ask(p, i), 0);
	run_until(p->f, !p->u);
	assert_int_equal(p->responses, 1);
}

static void freed_from_failure(void **state)
{
	struct primary *p = *state;
	unsigned int i;

	p->free_it = true;
	p->f->on_message = silent;
	for (i = 0; i < 5; i++)
		assert_int_equal(ask(p, i), 0);
	run_until(p->f, p->f->messages == 5);
	transport_abort(p->f->t, p->f->from[0].stream);
	run_until(p->f, !p->u);
	assert_int_equal(p->failures, 1);
}

int main(void)
{
#define TEST(x)	cmocka_unit_test_setup_teardown(x, start, stop)
	static const struct CMUnitTest tests[] = {
		TEST(asked_and_answered), TEST(told_apart_by_id), TEST(many_large),
		TEST(too_many), TEST(lost_and_found), TEST(ended_while_idle),
		TEST(ended_for_good), TEST(sent_again_from_within),
		TEST(nobody_there), TEST(no_answer), TEST(some_answers), TEST(not_read),
		TEST(freed_from_within), TEST(freed_from_failure),
	};

	return cmocka_run_group_tests_name("dnsd upstream", tests, NULL, NULL);
}
