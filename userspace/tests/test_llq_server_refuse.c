// SPDX-License-Identifier: GPL-2.0-or-later
/* What an LLQ server refuses, and how it says so; several questions; limits. */
#include "test.h"

#include "llq_server_world.h"

static const uint8_t foreign[] = "\4host\7example\3net";
static const uint8_t static_host[] = "\4host\5still\7example\3com";

static void bad_version(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	struct asked q = llq(host, DNS_A, LLQ_SETUP, NULL, 3600);

	(void)state;
	q.o.version = 2;
	say_all(&me, NULL, &q, 1);
	assert_next("setup!5 0");	/* next() wants version 1 in it */
	q.o.version = 0;
	say_all(&me, NULL, &q, 1);
	assert_next("setup!5 0");
	assert_int_equal(stats().refused[SUBS_REFUSED_VERSION], 2);
	assert_int_equal(dns_rcode(w.got->msg), 0);
}

/* RFC 8764 3.1, 3.2: each of them an LLQ error, none of them FORMERR. */
static void format_errors(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	static const uint16_t types[] = { 0, DNS_OPT, 249, DNS_TSIG, DNS_IXFR, DNS_AXFR, DNS_ANY };
	static const uint16_t classes[] = { 0, 3, 4, DNS_NONE, DNS_CLASS_ANY };
	static const uint16_t opcodes[] = { 0, LLQ_EVENT, 4, UINT16_MAX };
	struct asked q;
	unsigned int i;

	(void)state;
	for (i = 0; i < N_OF(types); i++) {
		say(&me, NULL, host, types[i], LLQ_SETUP, NULL, 3600);
		assert_next("setup!3 0");
		assert_int_equal(dns_rcode(w.got->msg), 0);
	}
	for (i = 0; i < N_OF(classes); i++) {
		q = llq(host, DNS_A, LLQ_SETUP, NULL, 3600);
		q.class_ = classes[i];
		say_all(&me, NULL, &q, 1);
		assert_next("setup!3 0");
	}
	for (i = 0; i < N_OF(opcodes); i++) {
		say(&me, NULL, host, DNS_A, opcodes[i], NULL, 3600);
		assert_non_null(strstr(next(), "!3 0"));
	}
	/* By UDP the error field of a request has no meaning. */
	q = llq(host, DNS_A, LLQ_SETUP, NULL, 3600);
	q.o.error = 5353;
	say_all(&me, NULL, &q, 1);
	assert_next("setup!3 0");
	assert_int_equal(stats().refused[SUBS_REFUSED_FORMAT],
			 N_OF(types) + N_OF(classes) + N_OF(opcodes) + 1);
	assert_int_equal(n_llqs(), 0);
}

static void not_ours(void **state)
{
	uint8_t msg[DNS_MAX], options[] = { 0, 2, 0, 4, 0, 0, 0, 60 };
	struct subs_in in = { .from = from_host(1, 5000), .msg = msg };
	struct asked q = llq(host, DNS_A, LLQ_SETUP, NULL, 3600);
	struct dns_writer d;

	(void)state;
	/* No OPT; an OPT with another option; another opcode; cut short. */
	dns_writer_init(&d, msg, sizeof(msg), 1, 0);
	dns_put_question(&d, host, DNS_A, DNS_IN);
	in.len = d.len;
	assert_false(subs_is_llq(msg, in.len));
	assert_int_equal(subs_message(w.s, &in, w.now), -EBADMSG);
	dns_put_opt(&d, 1232, 0, options, sizeof(options));
	in.len = d.len;
	assert_false(subs_is_llq(msg, in.len));
	assert_int_equal(subs_message(w.s, &in, w.now), -EBADMSG);

	in.len = put_asked(msg, 1, DNS_UPDATE << 11, &q, 1);
	assert_false(subs_is_llq(msg, in.len));
	assert_int_equal(subs_message(w.s, &in, w.now), -EBADMSG);
	in.len = put_asked(msg, 1, 0, &q, 1);
	assert_true(subs_is_llq(msg, in.len));
	for (in.len--; in.len; in.len--) {
		uint8_t *exact = exact_copy(msg, in.len);

		in.msg = exact;
		assert_false(subs_is_llq(exact, in.len));
		assert_int_equal(subs_message(w.s, &in, w.now), -EBADMSG);
		free(exact);
	}
	assert_next("nothing");
}

/* An option of another length than 18 is an LLQ all the same, and malformed. */
static void option_of_wrong_length(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t msg[DNS_MAX], option[4 + 32] = { 0, 1 };
	struct dns_writer d;
	unsigned int len;

	(void)state;
	for (len = 0; len <= 32; len++) {
		if (len == LLQ_OPTION_LEN)
			continue;
		option[3] = (uint8_t)len;
		dns_writer_init(&d, msg, sizeof(msg), 1, 0);
		dns_put_question(&d, host, DNS_A, DNS_IN);
		dns_put_opt(&d, 1232, 0, option, 4 + len);
		assert_int_equal(tell(&me, NULL, msg, d.len), 0);
		assert_next("setup!3 0");
	}
}

static void no_question(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	struct asked q = llq(NULL, 0, LLQ_SETUP, NULL, 3600);

	(void)state;
	say_all(&me, NULL, &q, 1);
	assert_next("setup!3 0");
	assert_int_equal(dns_rcode(w.got->msg), 0);
}

static void static_zone(void **state)
{
	struct subs_origin me = from_host(1, 5000), stream = from_stream(SUBS_TCP, 1);

	(void)state;
	say(&me, NULL, static_host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup!2 0");
	say(&stream, NULL, static_host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup!2 0");
	assert_int_equal(stats().refused[SUBS_REFUSED_STATIC], 2);
}

/* Not ours, and not to be known by who asks: the same to the last bit. */
static void refused(void **state)
{
	static const uint8_t nowhere[] = "\4gone\5alice\7example\3com";
	struct subs_origin me = from_host(1, 5000);
	struct sent first;

	(void)state;
	rr_add(secret_host, DNS_AAAA, 1);
	commit();
	say(&me, NULL, foreign, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("rcode5");
	assert_false(dns_flags(w.got->msg) & DNS_AA);

	w.message_id = 7;
	say(&me, NULL, secret_host, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	assert_next("rcode5");
	assert_int_equal(w.got->sign, SUBS_UNSIGNED);
	first = *w.got;
	/* The same length of name, that does not exist. */
	w.message_id = 7;
	say(&me, NULL, nowhere, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	assert_next("rcode5");
	assert_int_equal(w.got->len, first.len);
	assert_memory_equal(w.got->msg, first.msg, 12);
	/* Behind the names there is no difference either. */
	assert_memory_equal(w.got->msg + 17, first.msg + 17, first.len - 17);

	/* Another account's key is as good as none, but answered with a signature. */
	say(&me, &bob_key, secret_host, DNS_AAAA, LLQ_SETUP, NULL, 3600);
	assert_next("rcode5");
	assert_int_equal(w.got->sign, SUBS_ANSWER);
	/* Also what could be told to be malformed or STATIC only by who may ask. */
	say(&me, NULL, secret_host, DNS_ANY, LLQ_SETUP, NULL, 3600);
	assert_next("rcode5");
	assert_int_equal(stats().refused[SUBS_REFUSED_ACCESS], 5);
	assert_int_equal(n_llqs(), 0);
}

static void zone_not_loaded(void **state)
{
	struct subs_origin me = from_host(1, 5000);

	(void)state;
	w.zones[0].unloaded = true;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("rcode2");
}

/* RFC 8764 3.2: an option for each question, in the same order. */
static void several_questions(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	struct asked q[4] = {
		llq(host, DNS_A, LLQ_SETUP, NULL, 3600),
		llq(host, DNS_AAAA, LLQ_SETUP, NULL, 1800),
		llq(static_host, DNS_A, LLQ_SETUP, NULL, 1800),
		llq(other, DNS_A, LLQ_SETUP, NULL, 10),
	};
	unsigned int i;

	(void)state;
	rr_add(host, DNS_A, 1);
	rr_add(host, DNS_AAAA, 2);
	rr_add(other, DNS_A, 3);
	commit();
	say_all(&me, NULL, q, 4);
	assert_next("setup 3600, setup 1800, setup!2 0, setup 900");
	assert_int_equal(dns_count(w.got->msg, 0), 4);
	assert_memory_not_equal(w.id[0], w.id[1], LLQ_ID_LEN);

	q[2] = q[3];
	memcpy(q[0].o.id, w.id[0], LLQ_ID_LEN);
	memcpy(q[1].o.id, w.id[1], LLQ_ID_LEN);
	memcpy(q[2].o.id, w.id[3], LLQ_ID_LEN);
	q[2].o.lease = 900;
	say_all(&me, NULL, q, 3);
	assert_next("setup 3600, setup 1800, setup 900 +host/A.1 +host/AAAA.2 +other/A.3");
	assert_int_equal(n_llqs(), 3);

	/* One of them ends, one goes on, one is not there. */
	for (i = 0; i < 3; i++)
		q[i].o.opcode = LLQ_REFRESH;
	q[1].o.lease = 0;
	q[2].o.id[0] ^= 1;
	say_all(&me, NULL, q, 3);
	assert_next("refresh 3600, refresh 0, refresh!4 0");
	assert_int_equal(n_llqs(), 2);
}

static void questions_and_options_differ(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	struct asked q[3] = {
		llq(host, DNS_A, LLQ_SETUP, NULL, 3600),
		llq(other, DNS_A, LLQ_SETUP, NULL, 3600),
		llq(NULL, 0, LLQ_SETUP, NULL, 3600),
	};
	uint8_t msg[DNS_MAX], option[4 + LLQ_OPTION_LEN];
	struct dns_writer d;

	(void)state;
	/* Two questions, three options. */
	say_all(&me, NULL, q, 3);
	assert_next("setup!3 0, setup!3 0");
	/* Two questions, one option. */
	dns_writer_init(&d, msg, sizeof(msg), 1, 0);
	dns_put_question(&d, host, DNS_A, DNS_IN);
	dns_put_question(&d, other, DNS_A, DNS_IN);
	llq_option_write(&q[0].o, option);
	dns_put_opt(&d, 1232, 0, option, sizeof(option));
	assert_int_equal(tell(&me, NULL, msg, d.len), 0);
	assert_next("setup!3 0");
	/* The same question twice. */
	q[1] = q[0];
	say_all(&me, NULL, q, 2);
	assert_next("setup!3 0, setup!3 0");
	assert_int_equal(n_llqs(), 0);
}

/* The size of the one answer, an error. */
static size_t answered(const struct subs_origin *from, const uint8_t *msg, size_t len)
{
	assert_int_equal(tell(from, NULL, msg, len), 0);
	assert_int_equal(w.n_sent, 1);
	next();
	assert_null(strstr(w.text, "setup 3600"));
	return w.got->len;
}

/* @n questions and @options options with @len octets each. */
static size_t put_many(uint8_t *msg, unsigned int n, unsigned int options, unsigned int len)
{
	static const struct llq_option setup = { .version = LLQ_VERSION, .opcode = LLQ_SETUP };
	uint8_t body[65 * (4 + LLQ_OPTION_LEN)];
	struct dns_writer d;
	size_t pos = 0;

	dns_writer_init(&d, msg, DNS_MAX, 1, 0);
	while (n--)
		dns_put_question(&d, host, DNS_A, DNS_IN);
	while (options--) {
		llq_option_write(&setup, body + pos);
		dns_put16(body + pos + 2, (uint16_t)len);
		pos += 4 + len;
	}
	dns_put_opt(&d, 1232, 0, body, pos);
	assert_false(d.failed);
	return d.len;
}

/* To an address that nobody has verified. By a stream, nobody else can have asked. */
static void no_larger_than_asked(void **state)
{
	struct subs_origin me = from_host(1, 5000), stream = from_stream(SUBS_TCP, 1);
	unsigned int i, n, options;
	uint8_t msg[DNS_MAX];
	size_t len;

	(void)state;
	for (i = 0; i < 5 * 9 * (LLQ_OPTION_LEN + 1); i++) {
		n = i % 5 * 16;
		options = i / 5 % 9 * 8 + 1;
		len = put_many(msg, n, options, i / 45);
		assert_true(answered(&me, msg, len) <= len);
		assert_int_equal(dns_rcode(w.got->msg), 0);
		/* Header, OPT, one option. */
		assert_int_equal(w.n_options > 0, len >= 12 + 11 + 4 + LLQ_OPTION_LEN);
	}
	len = put_many(msg, 64, 1, LLQ_OPTION_LEN);
	assert_true(answered(&stream, msg, len) > len);
	assert_int_equal(w.n_options, 64);
}

static void too_many_questions(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t names[65][16];
	struct asked q[65];
	unsigned int i;

	(void)state;
	for (i = 0; i < 65; i++) {
		memcpy(names[i], "\2xx\7example\3com", 16);
		names[i][1] = (uint8_t)('a' + i / 26);
		names[i][2] = (uint8_t)('a' + i % 26);
		q[i] = llq(names[i], DNS_A, LLQ_SETUP, NULL, 3600);
	}
	say_all(&me, NULL, q, 64);
	next();
	assert_int_equal(w.n_options, 64);
	assert_int_equal(w.lease[63], 3600);
	assert_null(strchr(w.text, '!'));
	say_all(&me, NULL, q, 65);
	next();
	assert_int_equal(w.n_options, 64);
	assert_non_null(strstr(w.text, "setup!3 0"));
	assert_null(strstr(w.text, "setup 3600"));
}

static bool admitted(const struct subs_origin *from, const struct subs_identity *who,
		     const uint8_t *name, uint16_t type)
{
	uint8_t id[LLQ_ID_LEN];

	say(from, who, name, type, LLQ_SETUP, NULL, 3600);
	next();
	if (strcmp(w.text, "setup!1 300") == 0)
		return false;
	assert_string_equal(w.text, "setup 3600");
	memcpy(id, w.id[0], LLQ_ID_LEN);
	say(from, who, name, type, LLQ_SETUP, id, 3600);
	next();
	return strncmp(w.text, "setup 3600", 10) == 0;
}

static void full(void **state)
{
	struct subs_origin stream = from_stream(SUBS_TCP, 1), me;
	unsigned int i;
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	w.config.max_llqs = 10;
	world_again();
	for (i = 0; i < 10; i++) {
		me = from_host((uint8_t)i, 5000);
		assert_true(admitted(&me, NULL, host, DNS_A));
	}
	memcpy(id, w.id[0], LLQ_ID_LEN);
	me = from_host(77, 5000);
	assert_false(admitted(&me, NULL, host, DNS_A));
	say(&stream, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup!1 300");
	assert_int_equal(n_llqs(), 10);
	assert_true(stats().refused[SUBS_REFUSED_FULL] >= 2);
	/* Nothing is left of who was refused. */
	assert_int_equal(stats().clients, 10);

	/* One goes, one more has room. */
	me = from_host(9, 5000);
	say(&me, NULL, host, DNS_A, LLQ_REFRESH, id, 0);
	assert_next("refresh 0");
	me = from_host(77, 5000);
	assert_true(admitted(&me, NULL, host, DNS_A));
}

/* Who set up an LLQ that fits no more between challenge and response is told, too. */
static void full_at_the_third_step(void **state)
{
	struct subs_origin a = from_host(1, 5000), b = from_host(2, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	w.config.max_llqs = 1;
	world_again();
	say(&a, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);
	set_up(&b, NULL, host, DNS_A, 3600);
	say(&a, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup!1 300");
	assert_int_equal(n_llqs(), 1);
	assert_int_equal(stats().clients, 1);
}

static void limit_of_a_zone(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	unsigned int i;

	(void)state;
	w.config.max_per_zone = 3;
	world_again();
	for (i = 0; i < 5; i++) {
		w.now += SECOND;
		assert_int_equal(admitted(&me, &mac_key, secret_host, (uint16_t)(i + 1)), i < 3);
	}
	/* Not the others' loss. */
	assert_true(admitted(&me, &bob_key, bob, DNS_A));
	assert_true(admitted(&me, NULL, host, DNS_A));
}

static void limit_of_an_address(void **state)
{
	struct subs_origin me = from_host(1, 5000), v6 = from_host(1, 5000);
	unsigned int i;

	(void)state;
	w.config.max_per_client = 3;
	world_again();
	/* Whatever the port */
	for (i = 0; i < 5; i++) {
		me.peer.port++;
		assert_int_equal(admitted(&me, NULL, host, DNS_A), i < 3);
	}
	me = from_host(2, 5000);
	assert_true(admitted(&me, NULL, host, DNS_A));
	/* or, of IPv6, the host within its network. */
	memset(&v6.peer.ip, 0, 16);
	v6.peer.ip.s6_addr[0] = 0x20;
	for (i = 0; i < 5; i++) {
		v6.peer.ip.s6_addr[9] = (uint8_t)i;
		assert_int_equal(admitted(&v6, NULL, host, DNS_A), i < 3);
	}
	v6.peer.ip.s6_addr[7] = 1;
	assert_true(admitted(&v6, NULL, host, DNS_A));
}

/* A million first messages from everywhere leave nothing behind. */
static void challenges_cost_nothing(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	size_t before = stats().octets;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		me.peer.ip.s6_addr[13] = (uint8_t)(i >> 8);
		me.peer.ip.s6_addr[14] = (uint8_t)i;
		me.peer.port = (uint16_t)i;
		say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	}
	assert_int_equal(w.total, 20000);
	assert_int_equal(stats().octets, before);
	assert_int_equal(stats().challenges, 20000);
}

static void limits_can_change(void **state)
{
	struct subs_origin me = from_host(1, 5000);
	uint8_t id[LLQ_ID_LEN];

	(void)state;
	say(&me, NULL, host, DNS_A, LLQ_SETUP, NULL, 3600);
	next();
	memcpy(id, w.id[0], LLQ_ID_LEN);
	w.config.retry_after = 77;
	w.config.max_llqs = 1;
	memset(w.config.secret, 0, 16);		/* is not changed */
	subs_configure(w.s, &w.config);
	say(&me, NULL, host, DNS_A, LLQ_SETUP, id, 3600);
	assert_next("setup 3600");
	say(&me, NULL, other, DNS_A, LLQ_SETUP, NULL, 3600);
	assert_next("setup!1 77");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(bad_version),
		world_test(format_errors),
		world_test(not_ours),
		world_test(option_of_wrong_length),
		world_test(no_question),
		world_test(static_zone),
		world_test(refused),
		world_test(zone_not_loaded),
		world_test(several_questions),
		world_test(questions_and_options_differ),
		world_test(no_larger_than_asked),
		world_test(too_many_questions),
		world_test(full),
		world_test(full_at_the_third_step),
		world_test(limit_of_a_zone),
		world_test(limit_of_an_address),
		world_test(challenges_cost_nothing),
		world_test(limits_can_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
