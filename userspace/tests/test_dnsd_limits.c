// SPDX-License-Identifier: GPL-2.0-or-later
/* What streams may not: be too many, wait too long, want too much. */
#define _GNU_SOURCE
#include "dnsd_transport.h"

static void set_limits(struct fixture *f)
{
	transport_set_limits(f->t, &f->limits);
}

/* A stream whose first message has been answered. */
static int served(struct fixture *f, const struct net_addr *to, const char *from)
{
	int fd = client(SOCK_STREAM, to, from);

	put_message(fd, 20, 's');
	take_message(f, fd, 20, 's');
	return fd;
}

/* --- how many ------------------------------------------------------------------- */

static void per_address(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int a, b, c, other;

	f->limits.streams_per_peer = 2;
	set_limits(f);
	a = served(f, &to, "127.0.0.7:0");
	b = served(f, &to, "127.0.0.7:0");
	c = client(SOCK_STREAM, &to, "127.0.0.7:0");
	run_until(f, at_end(c));
	assert_int_equal(stats(f).refused, 1);
	close(c);
	other = served(f, &to, "127.0.0.8:0");
	/* one that ends makes room for another */
	close(a);
	run_until(f, stats(f).streams == 2);
	a = served(f, &to, "127.0.0.7:0");
	close(a);
	close(b);
	close(other);
}

/* At the limit, the one that has been idle longest goes; who is held stays. */
static void in_total(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	uint64_t begun;
	int fd[3], more;

	f->limits.streams = 3;
	set_limits(f);
	fd[0] = served(f, &to, NULL);
	transport_hold(f->t, f->from[0].stream, true);
	begun = clock_ms();
	fd[1] = served(f, &to, NULL);
	fd[2] = served(f, &to, NULL);
	/* Young ones are not cut: else who floods could cut everybody. */
	more = client(SOCK_STREAM, &to, NULL);
	run_until(f, at_end(more) || stats(f).evicted);
	/* ... unless this machine was so slow that they are old by now */
	assert_true(stats(f).refused == 1 || clock_ms() - begun >= 1000);
	close(more);
	if (stats(f).evicted)
		skip();

	/* What is to be waited for is their age itself. */
	begun = clock_ms();
	run_until(f, clock_ms() > begun + 1100);
	more = served(f, &to, NULL);
	assert_int_equal(stats(f).evicted, 1);
	assert_int_equal(stats(f).streams, 3);
	run_until(f, f->closed == 1);
	assert_true(f->closed_streams[0] == f->from[1].stream);
	assert_true(at_end(fd[1]));
	assert_false(at_end(fd[0]));
	assert_false(at_end(fd[2]));
	close(more);
	close(fd[0]);
	close(fd[1]);
	close(fd[2]);
}

/* Without descriptors accepting pauses, and goes on when there are some again. */
static void no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int first = served(f, &to, NULL), late = client(SOCK_STREAM, &to, NULL), top;
	struct rlimit was, is;

	put_message(late, 20, 'l');
	assert_false(getrlimit(RLIMIT_NOFILE, &was));
	top = dup(first);
	assert_true(top >= 0);
	close(top);
	is = was;
	is.rlim_cur = top;
	assert_false(setrlimit(RLIMIT_NOFILE, &is));
	run_until(f, stats(f).starved);
	/* who is there is served on */
	put_message(first, 20, 'f');
	take_message(f, first, 20, 'f');
	assert_false(setrlimit(RLIMIT_NOFILE, &was));
	take_message(f, late, 20, 'l');
	close(first);
	close(late);
}

/* Descriptors are left for the rest of the daemon. */
static void fewer_descriptors(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	char said[1000];
	struct rlimit was, is;
	int fd[64], n, more;
	ssize_t len;

	assert_false(getrlimit(RLIMIT_NOFILE, &was));
	is = was;
	is.rlim_cur = 64;
	assert_false(setrlimit(RLIMIT_NOFILE, &is));
	while (read(f->log[0], said, sizeof(said)) > 0)
		;
	set_limits(f);
	assert_false(setrlimit(RLIMIT_NOFILE, &was));
	len = read(f->log[0], said, sizeof(said) - 1);
	assert_true(len > 0);
	said[len] = '\0';
	assert_non_null(strstr(said, "64 open files allow 56 streams, not 20000 (see "
			       "LimitNOFILE=)"));

	for (n = 0; n < 56; n++)
		fd[n] = served(f, &to, NULL);
	more = client(SOCK_STREAM, &to, NULL);
	run_until(f, at_end(more));
	assert_int_equal(stats(f).streams, 56);
	close(more);
	while (n--)
		close(fd[n]);
}

/* --- how long ------------------------------------------------------------------------- */

static void idle(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int spoken = served(f, &to, NULL), held = served(f, &to, NULL);
	int mute = client(SOCK_STREAM, &to, NULL);

	transport_hold(f->t, f->from[1].stream, true);
	run_until(f, stats(f).streams == 3);
	f->limits.idle_ms = 30;
	set_limits(f);
	run_until(f, stats(f).streams == 1);
	assert_int_equal(stats(f).timed_out, 2);
	assert_true(at_end(spoken));
	assert_true(at_end(mute));
	/* the one that said nothing is nobody's */
	assert_int_equal(f->closed, 1);
	assert_true(f->closed_streams[0] == f->from[0].stream);
	put_message(held, 20, 'h');
	take_message(f, held, 20, 'h');

	/* what was held is idle from then on */
	transport_hold(f->t, f->from[1].stream, false);
	run_until(f, at_end(held));
	assert_int_equal(stats(f).timed_out, 3);
	close(spoken);
	close(held);
	close(mute);
}

/* Half messages by the thousand: others are served, and they are cut in time. */
static void half_messages(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	unsigned int i, n = many(2000);
	int *fd = calloc(n, sizeof(*fd)), good;

	assert_non_null(fd);
	for (i = 0; i < n; i++) {
		fd[i] = client(SOCK_STREAM, &to, NULL);
		/* a length alone, half of one, and the largest begun */
		put(fd[i], "\377\377abc", i % 3 ? i % 3 : 5);
		if (i % 100 == 0)
			turn(f);
	}
	run_until(f, stats(f).streams == n && stats(f).buffered == 512 * n);
	good = served(f, &to, NULL);
	transport_hold(f->t, f->from[0].stream, true);

	/* More of it now and then does not help. */
	f->limits.handshake_ms = 200;
	set_limits(f);
	while (stats(f).streams > 1) {
		for (i = 0; i < n; i++)
			send(fd[i], "x", 1, MSG_NOSIGNAL);
		turn(f);
	}
	assert_int_equal(stats(f).timed_out, n);
	assert_int_equal(stats(f).buffered, 0);
	assert_int_equal(f->closed, 0);
	put_message(good, 20, 'g');
	take_message(f, good, 20, 'g');
	for (i = 0; i < n; i++)
		close(fd[i]);
	free(fd);
	close(good);
}

/* --- how much -------------------------------------------------------------------------- */

#define FRAME	(2 + 30000)

/* As many of @n equal messages as go out now. @sent: octets so far. */
static bool pump(int fd, size_t *sent, size_t n)
{
	static uint8_t buf[FRAME];
	size_t at = *sent % FRAME;
	ssize_t put_now;

	if (*sent == n * FRAME)
		return false;
	frame(buf, FRAME - 2, 'r');
	put_now = send(fd, buf + at, FRAME - at, MSG_NOSIGNAL);
	if (put_now > 0)
		*sent += put_now;
	return put_now > 0;
}

/* Who does not read is read no more, until he does; nothing is lost. */
static void slow_reader(void **state)
{
	enum { N = 1000 };
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = client(SOCK_STREAM, &to, NULL);
	unsigned int quiet = 0, i;
	static uint8_t in[FRAME];
	size_t sent = 0, have = 0;

	while (quiet < 100) {
		unsigned int before = f->messages;

		quiet = pump(fd, &sent, N) ? 0 : quiet + 1;
		assert_true(sd_event_run(f->event, 0) >= 0);
		if (f->messages != before)
			quiet = 0;
	}
	assert_true(f->messages < N);
	assert_true(stats(f).buffered > f->limits.out_queue / 2);
	assert_true(stats(f).buffered < f->limits.out_queue + 2 * 65536);

	for (i = 0; i < N; have = 0, i++) {
		uint64_t limit = clock_ms() + LIMIT_MS;

		while (have < FRAME) {
			ssize_t n = recv(fd, in + have, FRAME - have, 0);

			have += n > 0 ? n : 0;
			pump(fd, &sent, N);
			assert_true(sd_event_run(f->event, 0) >= 0);
			assert_true(clock_ms() < limit);
		}
		assert_int_equal(in[0] << 8 | in[1], FRAME - 2);
		assert_true(in[2] == 'r' && in[FRAME - 1] == 'r');
	}
	assert_int_equal(f->messages, N);
	assert_int_equal(stats(f).overflowed, 0);
	assert_int_equal(stats(f).streams, 1);
	run_until(f, !stats(f).buffered);
	close(fd);
}

/* Events nobody asked for now: over the limit of the queue, the stream is cut. */
static void overflow(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	int fd = served(f, &to, NULL), other = served(f, &to, NULL);
	static uint8_t msg[60000];
	unsigned int i;
	int err = 0;
	char c;

	for (i = 0; i < 1000 && !err; i++)
		err = transport_send(f->t, &f->from[0], msg, sizeof(msg));
	assert_int_equal(err, -ENOTCONN);
	assert_int_equal(stats(f).overflowed, 1);
	/* told from the loop, not from within */
	assert_int_equal(f->closed, 0);
	run_until(f, f->closed == 1);
	assert_int_equal(stats(f).buffered, 0);
	/* a reset: what has come already must not look like all there was */
	while (recv(fd, &c, 1, 0) > 0)
		;
	assert_int_equal(errno, ECONNRESET);
	put_message(other, 20, 'o');
	take_message(f, other, 20, 'o');
	close(fd);
	close(other);
}

/* All together: beyond the limit nobody gets more than a small share. */
static void in_memory(void **state)
{
	struct fixture *f = *state;
	struct net_addr to = serve(f, TRANSPORT_TCP, "127.0.0.1:0");
	static uint8_t big[60000];
	int fd[40], good;
	unsigned int i;

	f->limits.buffered = 500000;
	set_limits(f);
	good = served(f, &to, NULL);
	big[0] = 0xff;
	big[1] = 0xff;
	for (i = 0; i < 40; i++) {
		fd[i] = client(SOCK_STREAM, &to, NULL);
		put(fd[i], big, sizeof(big));
		turn(f);
	}
	run_until(f, stats(f).overflowed > 20);
	assert_true(stats(f).buffered < 700000);
	put_message(good, 1000, 'm');
	take_message(f, good, 1000, 'm');
	for (i = 0; i < 40; i++)
		close(fd[i]);
	run_until(f, stats(f).streams == 1);
	assert_int_equal(stats(f).buffered, 0);
	close(good);
}

int main(void)
{
#define TEST(x)	cmocka_unit_test_setup_teardown(x, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(per_address), TEST(in_total), TEST(no_descriptors),
		TEST(fewer_descriptors), TEST(idle), TEST(half_messages), TEST(slow_reader),
		TEST(overflow), TEST(in_memory),
	};

	return cmocka_run_group_tests_name("dnsd limits", tests, NULL, NULL);
}
