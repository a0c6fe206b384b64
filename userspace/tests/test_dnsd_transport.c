// SPDX-License-Identifier: GPL-2.0-or-later
/* Streams over TCP: framing, pipelining, ends, numbers. */
#include "dnsd_transport.h"

static void in_pieces(void **state)
{
	struct fixture *f = *state;
	struct net_addr from, to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	uint8_t buf[300];
	size_t i, len = frame(buf, 260, 'p');
	int fd = client(SOCK_STREAM, &to, "127.0.0.5:0");

	for (i = 0; i < len; i++) {
		assert_int_equal(f->messages, 0);
		put(fd, buf + i, 1);
		turn(f);
		turn(f);
	}
	take_message(f, fd, 260, 'p');
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->from[0].kind, TRANSPORT_TCP);
	assert_true(net_equal(&f->from[0].local, &to));
	from = at("127.0.0.5:1", f->from[0].peer.port);
	assert_true(net_equal(&f->from[0].peer, &from));
	assert_int_equal(stats(f).buffered, 0);
	close(fd);
}

static void over_ipv6(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "[::]:0");
	int fd;

	to = at("[::1]:1", to.port);
	fd = client(SOCK_STREAM, &to, NULL);
	put_message(fd, 20, '6');
	take_message(f, fd, 20, '6');
	assert_true(net_equal(&f->from[0].local, &to));
	close(fd);
}

/* Length and message leave together, or Nagle and delayed ACKs meet. */
static void in_one_piece(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);
	uint8_t buf[1000];
	unsigned int i;

	for (i = 0; i < 50; i++) {
		put_message(fd, 700, i);
		run_until(f, readable(fd));
		assert_int_equal(recv(fd, buf, sizeof(buf), 0), 702);
	}
	close(fd);
}

static void largest(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		put_message(fd, 65535, i);
		take_message(f, fd, 65535, i);
	}
	assert_int_equal(stats(f).buffered, 0);
	assert_int_equal(stats(f).tcp_in, 5);
	assert_int_equal(stats(f).tcp_out, 5);
	close(fd);
}

static void pipelined(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);
	static uint8_t buf[1000 * 22];
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < 1000; i++)
		len += frame(buf + len, 1 + i % 20, i);
	put(fd, buf, len);
	for (i = 0; i < 1000; i++)
		take_message(f, fd, 1 + i % 20, i);
	assert_int_equal(f->messages, 1000);
	close(fd);
}

/* Answers in whatever order they are ready, after all questions came. */
static void out_of_order(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);
	int i;

	f->on_message = silent;
	for (i = 0; i < 10; i++)
		put_message(fd, 30, i);
	run_until(f, f->messages == 10);
	for (i = 9; i >= 0; i--) {
		uint8_t msg[30];

		memset(msg, i, sizeof(msg));
		assert_int_equal(transport_send(f->t, &f->from[i], msg, sizeof(msg)), 0);
	}
	for (i = 9; i >= 0; i--)
		take_message(f, fd, 30, i);
	close(fd);
}

static void empty_messages(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);
	static const uint8_t zeros[20001];

	/* They mean nothing and end nothing; the odd one begins the next length. */
	put(fd, zeros, sizeof(zeros));
	put(fd, "\3abc", 4);
	take_octets(f, fd, f->last, 5);
	assert_memory_equal(f->last, "\0\3abc", 5);
	assert_int_equal(f->messages, 1);
	close(fd);
}

/* The client says that it has no more questions; its answer still comes. */
static void half_closed(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);

	f->on_message = silent;
	put_message(fd, 10, 'a');
	put_message(fd, 10, 'b');
	shutdown(fd, SHUT_WR);
	run_until(f, f->messages == 2);
	turn(f);
	assert_int_equal(transport_send(f->t, &f->from[0], (const uint8_t *)"A", 1), 0);
	take_message(f, fd, 1, 'A');
	assert_int_equal(stats(f).streams, 1);
	assert_int_equal(transport_send(f->t, &f->from[1], (const uint8_t *)"B", 1), 0);
	take_message(f, fd, 1, 'B');
	/* Nothing is owed: it need not wait for a time-out. */
	run_until(f, at_end(fd));
	run_until(f, f->closed == 1);
	assert_int_equal(stats(f).streams, 0);
	assert_int_equal(stats(f).timed_out, 0);
	close(fd);
}

static void gone_while_held(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);

	/* Subscriptions of one who went are of no use, whatever is owed. */
	f->on_message = silent;
	put_message(fd, 10, 'a');
	run_until(f, f->messages == 1);
	transport_hold(f->t, f->from[0].stream, true);
	close(fd);
	run_until(f, f->closed == 1);
	assert_true(f->closed_streams[0] == f->from[0].stream);
	assert_int_equal(transport_send(f->t, &f->from[0], (const uint8_t *)"A", 1), -ENOTCONN);
}

static void answer_and_close(struct fixture *f, const struct origin *from, uint8_t *msg,
			     size_t len)
{
	echo(f, from, msg, len);
	echo(f, from, msg, len);
	transport_close(f->t, from->stream);
	assert_int_equal(transport_send(f->t, from, msg, len), -ENOTCONN);
}

static void closed_by_us(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL), i;

	f->on_message = answer_and_close;
	for (i = 0; i < 4; i++)
		put_message(fd, 60000, 'c');
	/* All that was sent before arrives, and no reset eats it. */
	take_message(f, fd, 60000, 'c');
	take_message(f, fd, 60000, 'c');
	run_until(f, readable(fd));
	assert_int_equal(recv(fd, f->last, 1, 0), 0);
	assert_int_equal(f->messages, 1);
	close(fd);
	run_until(f, f->closed == 1);
	assert_int_equal(stats(f).streams, 0);
}

static void closed_from_outside(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);

	put_message(fd, 10, 'c');
	take_message(f, fd, 10, 'c');
	transport_close(f->t, f->from[0].stream);
	transport_close(f->t, f->from[0].stream);
	run_until(f, at_end(fd));
	assert_int_equal(f->closed, 0);
	close(fd);
	run_until(f, f->closed == 1);
	/* Of what is gone nothing can be said and nothing breaks. */
	transport_close(f->t, f->from[0].stream);
	transport_abort(f->t, f->from[0].stream);
	transport_hold(f->t, f->from[0].stream, true);
}

static void abort_it(struct fixture *f, const struct origin *from, uint8_t *msg, size_t len)
{
	transport_abort(f->t, from->stream);
	transport_abort(f->t, from->stream);
	assert_int_equal(transport_send(f->t, from, msg, len), -ENOTCONN);
	/* Not from within. */
	assert_int_equal(f->closed, 0);
}

static void aborted(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL), i;
	char c;

	f->on_message = abort_it;
	for (i = 0; i < 10; i++)
		put_message(fd, 10, 'c');
	run_until(f, f->closed == 1);
	assert_int_equal(f->messages, 1);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static void numbers_are_new(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	unsigned int i, k;

	for (i = 0; i < 300; i++) {
		int fd = client(SOCK_STREAM, &to, NULL);

		put_message(fd, 10, 'n');
		take_message(f, fd, 10, 'n');
		close(fd);
		run_until(f, f->closed == i + 1);
		assert_true(f->from[i].stream != 0);
		assert_true(f->from[i].stream == f->closed_streams[i]);
		for (k = 0; k < i; k++)
			assert_true(f->from[k].stream != f->from[i].stream);
	}
}

static void who_said_nothing(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int a = client(SOCK_STREAM, &to, NULL), b = client(SOCK_STREAM, &to, NULL);

	run_until(f, stats(f).streams == 2);
	put(b, "\0\12abc", 5);
	turn(f);
	close(a);
	close(b);
	run_until(f, stats(f).streams == 0);
	assert_int_equal(f->closed, 0);
	assert_int_equal(stats(f).buffered, 0);
}

/* One stream's message brings the end of others, which are ready as well. */
static void abort_all(struct fixture *f, const struct origin *from, uint8_t *msg, size_t len)
{
	unsigned int i;

	(void)from;
	(void)msg;
	(void)len;
	if (f->messages > 20)
		for (i = 0; i < 20; i++)
			transport_abort(f->t, f->from[i].stream);
}

static void ends_of_others(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd[20], i;

	f->on_message = silent;
	for (i = 0; i < 20; i++) {
		fd[i] = client(SOCK_STREAM, &to, NULL);
		put_message(fd[i], 10, i);
	}
	run_until(f, f->messages == 20);
	f->on_message = abort_all;
	for (i = 0; i < 20; i++)
		put_message(fd[i], 10, i);
	run_until(f, f->closed == 20);
	assert_int_equal(f->messages, 21);
	for (i = 0; i < 20; i++)
		close(fd[i]);
}

static void freed_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);

	/* With octets kept, answers waiting, and a dead one not yet buried. */
	f->on_message = silent;
	put_message(fd, 100, 'x');
	put(fd, "\1\0abc", 5);
	run_until(f, f->messages == 1);
	f->limits.out_queue = 50000000;
	transport_set_limits(f->t, &f->limits);
	while (stats(f).buffered < 1000000)
		assert_int_equal(transport_send(f->t, &f->from[0], f->last, 60000), 0);
	close(client(SOCK_STREAM, &to, NULL));
	transport_abort(f->t, f->from[0].stream);
	close(fd);
}

int main(void)
{
#define TEST(x)	cmocka_unit_test_setup_teardown(x, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(in_pieces), TEST(over_ipv6), TEST(in_one_piece), TEST(largest),
		TEST(pipelined), TEST(out_of_order), TEST(empty_messages), TEST(half_closed),
		TEST(gone_while_held), TEST(closed_by_us), TEST(closed_from_outside),
		TEST(aborted), TEST(numbers_are_new), TEST(who_said_nothing),
		TEST(ends_of_others), TEST(freed_in_the_middle),
	};

	return cmocka_run_group_tests_name("dnsd streams", tests, NULL, NULL);
}
