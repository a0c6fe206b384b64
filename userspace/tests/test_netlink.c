// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/autotunnel/msg.h"
#include "../lib/netlink/attr.h"
#include "../lib/netlink/message.h"
#include "../lib/netlink/schema.h"

static void writer_and_reader(void **state)
{
	uint8_t buf[256];
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	struct nl_reader r, in;
	struct nl_attr a;
	size_t nest;

	(void)state;
	nl_put_u8(&w, 1, 0xab);
	nest = nl_nest_begin(&w, 2);
	nl_put_be16(&w, 3, 4500);
	nl_put_string(&w, 4, "name");
	nl_nest_end(&w, nest);
	nl_put_u64(&w, 5, UINT64_MAX);
	assert_false(w.failed);
	assert_int_equal(w.len % 4, 0);

	nl_reader_init(&r, buf, w.len);
	assert_true(nl_next(&r, &a));
	assert_int_equal(a.type, 1);
	assert_int_equal(nl_get_u8(&r, &a), 0xab);
	assert_true(nl_next(&r, &a));
	assert_int_equal(a.type, 2);
	nl_reader_init(&in, a.data, a.len);
	assert_true(nl_next(&in, &a));
	assert_int_equal(nl_get_be16(&in, &a), 4500);
	assert_true(nl_next(&in, &a));
	assert_int_equal(a.len, 5);
	assert_string_equal((const char *)a.data, "name");
	assert_false(nl_next(&in, &a));
	assert_false(in.failed);
	assert_true(nl_next(&r, &a));
	assert_true(nl_get_u64(&r, &a) == UINT64_MAX);
	assert_false(nl_next(&r, &a));
	assert_false(r.failed);
}

static void writer_overflow(void **state)
{
	static uint8_t big[70000], buf[200000];
	struct nl_writer w = { .buf = buf, .size = 20 };
	size_t nest;

	(void)state;
	nl_put(&w, 1, big, 12);
	assert_false(w.failed);
	assert_int_equal(w.len, 16);
	nl_put(&w, 1, big, 1);
	assert_true(w.failed);
	assert_int_equal(w.len, 16);
	/* It sticks, also for what would fit. */
	nl_put(&w, 1, NULL, 0);
	assert_int_equal(w.len, 16);

	/* Longer than an attribute can be, though the buffer has room. */
	w = (struct nl_writer){ .buf = buf, .size = sizeof(buf) };
	nl_put(&w, 1, big, 65532);
	assert_true(w.failed);
	w = (struct nl_writer){ .buf = buf, .size = sizeof(buf) };
	nl_put(&w, 1, big, 65531);
	assert_false(w.failed);

	w = (struct nl_writer){ .buf = buf, .size = sizeof(buf) };
	nest = nl_nest_begin(&w, 1);
	nl_put(&w, 1, big, 40000);
	nl_put(&w, 1, big, 40000);
	assert_false(w.failed);
	nl_nest_end(&w, nest);
	assert_true(w.failed);

	w = (struct nl_writer){ .buf = buf, .size = 8 };
	assert_null(nl_reserve(&w, SIZE_MAX));
	assert_true(w.failed);
}

static void reader_malformed(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
		{ "\x04", 1 },
		{ "\x04\x00\x01", 3 },
		{ "\x00\x00\x01\x00", 4 },	/* shorter than its header */
		{ "\x03\x00\x01\x00", 4 },
		{ "\x05\x00\x01\x00", 4 },	/* over the end */
		{ "\xff\xff\x01\x00", 4 },
		{ "\x04\x00\x01\x00\x05\x00\x01\x00", 8 },
	};
	struct nl_reader r;
	struct nl_attr a;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		uint8_t *data = exact_copy(bad[i].data, bad[i].len);

		nl_reader_init(&r, data, bad[i].len);
		while (nl_next(&r, &a))
			;
		assert_true(r.failed);
		assert_false(nl_next(&r, &a));
		free(data);
	}

	/* The last attribute may lack its padding. */
	nl_reader_init(&r, "\x05\x00\x01\x00x", 5);
	assert_true(nl_next(&r, &a));
	assert_int_equal(a.len, 1);
	assert_false(nl_next(&r, &a));
	assert_false(r.failed);
}

static void values_of_wrong_length(void **state)
{
	struct nl_attr a = { .len = 3, .data = (const uint8_t *)"abc" };
	uint8_t out[4];
	struct nl_reader r;

	(void)state;
#define CHECK(get)							\
	do {								\
		nl_reader_init(&r, NULL, 0);				\
		assert_true((get) == 0);				\
		assert_true(r.failed);					\
	} while (0)

	CHECK(nl_get_u8(&r, &a));
	CHECK(nl_get_u16(&r, &a));
	CHECK(nl_get_u32(&r, &a));
	CHECK(nl_get_u64(&r, &a));
	CHECK(nl_get_be16(&r, &a));
	CHECK(nl_get_be32(&r, &a));
	CHECK((nl_get_bytes(&r, &a, out, sizeof(out)), 0));
}

/* Offset of attribute @nth of type @type below @nest. */
static size_t peer_request(uint8_t *buf, size_t size, size_t *port_at,
			   size_t *endpoint_at)
{
	struct nl_writer w = { .buf = buf, .size = size };
	struct in6_addr ula = { .s6_addr = { 0xfd } };
	size_t peer, endpoint;

	nl_put_u32(&w, AUTOTUNNEL_A_IFINDEX, 1);
	peer = nl_nest_begin(&w, AUTOTUNNEL_A_PEER);
	nl_put(&w, AUTOTUNNEL_PEER_A_ULA, &ula, sizeof(ula));
	endpoint = nl_nest_begin(&w, AUTOTUNNEL_PEER_A_ENDPOINT);
	nl_put_u32(&w, AUTOTUNNEL_ENDPOINT_A_ADDR, 0);
	*port_at = w.len;
	nl_put_be16(&w, AUTOTUNNEL_ENDPOINT_A_PORT, 0);
	nl_nest_end(&w, endpoint);
	nl_nest_end(&w, peer);
	assert_false(w.failed);
	*endpoint_at = endpoint;
	return w.len;
}

static void paths(void **state)
{
	size_t len, port, endpoint, i;
	uint8_t buf[128];
	char path[64];

	(void)state;
	len = peer_request(buf, sizeof(buf), &port, &endpoint);

	nl_attr_path(&at_schema, buf, len, 0, path, sizeof(path));
	assert_string_equal(path, "ifindex");
	nl_attr_path(&at_schema, buf, len, 8, path, sizeof(path));
	assert_string_equal(path, "peer");
	nl_attr_path(&at_schema, buf, len, endpoint, path, sizeof(path));
	assert_string_equal(path, "peer.endpoint");
	nl_attr_path(&at_schema, buf, len, port, path, sizeof(path));
	assert_string_equal(path, "peer.endpoint.port");

	nl_attr_path(&at_schema, buf, len, len, path, sizeof(path));
	assert_string_equal(path, "");
	nl_attr_path(&at_schema, buf, len, SIZE_MAX, path, sizeof(path));
	assert_string_equal(path, "");
	nl_attr_path(NULL, buf, len, 8, path, sizeof(path));
	assert_string_equal(path, "3");

	nl_missing_path(&at_schema, buf, len, SIZE_MAX, AUTOTUNNEL_A_DEV, path,
			sizeof(path));
	assert_string_equal(path, "dev");
	nl_missing_path(&at_schema, buf, len, endpoint,
			AUTOTUNNEL_ENDPOINT_A_LOCAL, path, sizeof(path));
	assert_string_equal(path, "peer.endpoint.local");
	nl_missing_path(&at_schema, buf, len, 8, 4711, path, sizeof(path));
	assert_string_equal(path, "peer.4711");

	/* Whatever the kernel says, and into however small a buffer. */
	for (i = 0; i <= len + 4; i++) {
		char tiny[4];

		nl_attr_path(&at_schema, buf, len, i, path, sizeof(path));
		nl_attr_path(&at_schema, buf, len, i, tiny, sizeof(tiny));
		nl_missing_path(&at_schema, buf, len, i, 3, tiny,
				sizeof(tiny));
	}
}

static void messages(void **state)
{
	struct nlmsghdr hdr[3] = {
		{ .nlmsg_len = sizeof(hdr[0]), .nlmsg_type = 1 },
		{ .nlmsg_len = sizeof(hdr[0]), .nlmsg_type = 2 },
		{ .nlmsg_len = sizeof(hdr[0]), .nlmsg_type = 3 },
	};
	static const uint32_t bad_len[] = { 0, 15, 17, 20, UINT32_MAX };
	const uint8_t *payload, *p = (const uint8_t *)hdr;
	size_t left = sizeof(hdr), i;
	struct nlmsghdr nlh;
	bool bad;

	(void)state;
	for (i = 1; i <= 3; i++) {
		assert_true(nl_message_next(&p, &left, &nlh, &payload, &bad));
		assert_int_equal(nlh.nlmsg_type, i);
	}
	assert_false(nl_message_next(&p, &left, &nlh, &payload, &bad));
	assert_false(bad);

	for (i = 0; i < N_OF(bad_len); i++) {
		struct nlmsghdr *one;

		hdr[0].nlmsg_len = bad_len[i];
		one = exact_copy(&hdr[0], sizeof(hdr[0]));
		p = (const uint8_t *)one;
		left = sizeof(hdr[0]);
		assert_false(nl_message_next(&p, &left, &nlh, &payload, &bad));
		assert_true(bad);
		left = 7;
		assert_false(nl_message_next(&p, &left, &nlh, &payload, &bad));
		assert_true(bad);
		free(one);
	}
}

struct refusal {
	struct nlmsghdr nlh;
	uint8_t payload[512];
	size_t len;
};

/* What a kernel answers, with CAP_ACK, and @sentence and @offset. */
static void refuse(struct refusal *r, int err, const char *sentence,
		   uint32_t offset)
{
	struct nl_writer w = { .buf = r->payload, .size = sizeof(r->payload) };
	struct nlmsgerr e = { .error = err };
	void *p = nl_reserve(&w, sizeof(e));

	e.msg.nlmsg_len = 1000;
	memcpy(p, &e, sizeof(e));
	if (sentence)
		nl_put_string(&w, NLMSGERR_ATTR_MSG, sentence);
	if (offset)
		nl_put_u32(&w, NLMSGERR_ATTR_OFFS, offset);
	assert_false(w.failed);
	r->len = w.len;
	r->nlh = (struct nlmsghdr){
		.nlmsg_type = NLMSG_ERROR,
		.nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS,
	};
}

static void refusals(void **state)
{
	size_t len, port, endpoint;
	uint8_t request[16 + 4 + 128] = { 0 };
	struct nl_outcome o;
	struct refusal r;
	char text[128];

	(void)state;
	len = 20 + peer_request(request + 20, 128, &port, &endpoint);

	refuse(&r, -EINVAL, "port must not be 0", (uint32_t)(20 + port));
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len), 0);
	assert_int_equal(o.err, -EINVAL);
	nl_outcome_explain(&o, &at_schema, request, len, 4, text,
			   sizeof(text));
	assert_string_equal(text, "port must not be 0 (attribute peer.endpoint.port)");
	nl_outcome_explain(&o, NULL, NULL, 0, 4, text, sizeof(text));
	assert_string_equal(text, "port must not be 0");

	/* No sentence: the errno has one. */
	refuse(&r, -EPERM, NULL, 0);
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len), 0);
	nl_outcome_explain(&o, &at_schema, request, len, 4, text,
			   sizeof(text));
	assert_string_equal(text, "Operation not permitted");

	/* Nothing of a sentence can move the cursor of a terminal. */
	refuse(&r, -EPERM, "\033[2J", 3);
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len), 0);
	nl_outcome_explain(&o, &at_schema, request, len, 4, text,
			   sizeof(text));
	assert_string_equal(text, "?[2J");

	/* An acknowledgement. */
	refuse(&r, 0, NULL, 0);
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len), 0);
	assert_int_equal(o.err, 0);
}

/* What an answer says of an attribute that is not there. */
static void say_missing(struct refusal *r, uint32_t type, uint32_t nest)
{
	struct nl_writer w = { .buf = r->payload, .size = sizeof(r->payload), .len = r->len };

	nl_put_u32(&w, NLMSGERR_ATTR_MISS_TYPE, type);
	if (nest)
		nl_put_u32(&w, NLMSGERR_ATTR_MISS_NEST, nest);
	assert_false(w.failed);
	r->len = w.len;
}

static void missing_attributes(void **state)
{
	size_t len, port, endpoint;
	uint8_t request[16 + 4 + 128] = { 0 };
	struct nl_outcome o;
	struct refusal r;
	char text[128];

	(void)state;
	len = 20 + peer_request(request + 20, 128, &port, &endpoint);
	refuse(&r, -EINVAL, NULL, 0);
	say_missing(&r, AUTOTUNNEL_A_DEV, 0);
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len), 0);
	nl_outcome_explain(&o, &at_schema, request, len, 4, text, sizeof(text));
	assert_string_equal(text, "Invalid argument (missing attribute dev)");

	refuse(&r, -EINVAL, "an endpoint needs it", 0);
	say_missing(&r, AUTOTUNNEL_ENDPOINT_A_LOCAL, (uint32_t)(20 + endpoint));
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len), 0);
	nl_outcome_explain(&o, &at_schema, request, len, 4, text, sizeof(text));
	assert_string_equal(text,
			    "an endpoint needs it (missing attribute peer.endpoint.local)");

	/* In the header: there are no attributes. */
	say_missing(&r, AUTOTUNNEL_A_DEV, 3);
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len), 0);
	nl_outcome_explain(&o, &at_schema, request, len, 4, text, sizeof(text));
	assert_string_equal(text, "an endpoint needs it (missing attribute dev)");
}

static void malformed_refusals(void **state)
{
	struct nl_outcome o;
	struct refusal r;
	size_t len, i;

	(void)state;
	refuse(&r, 5, NULL, 0);
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len),
			 -EBADMSG);
	refuse(&r, INT32_MIN, NULL, 0);
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, r.len),
			 -EBADMSG);

	/* Cut anywhere; and a length inside that is a lie. */
	refuse(&r, -EINVAL, "a sentence", 30);
	for (i = 0; i < 2; i++) {
		for (len = 0; len <= r.len; len++) {
			uint8_t *cut = exact_copy(r.payload, len);
			int err = nl_outcome_read(&o, &r.nlh, cut, len);

			assert_int_equal(err, len < sizeof(struct nlmsgerr) ?
					 -EBADMSG : 0);
			free(cut);
		}
		r.nlh.nlmsg_flags &= ~NLM_F_CAPPED;
	}

	/* The end of a dump: of old without a number, or with a length. */
	r.nlh.nlmsg_type = NLMSG_DONE;
	assert_int_equal(nl_outcome_read(&o, &r.nlh, r.payload, 0), 0);
	assert_int_equal(o.err, 0);
	assert_int_equal(nl_outcome_read(&o, &r.nlh,
					 (const uint8_t *)"\x05\0\0\0", 4), 0);
	assert_int_equal(o.err, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writer_and_reader),
		cmocka_unit_test(writer_overflow),
		cmocka_unit_test(reader_malformed),
		cmocka_unit_test(values_of_wrong_length),
		cmocka_unit_test(paths),
		cmocka_unit_test(messages),
		cmocka_unit_test(refusals),
		cmocka_unit_test(missing_attributes),
		cmocka_unit_test(malformed_refusals),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
