// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include <errno.h>

#include "../lib/nat/upnp_msg.h"
#include "../lib/nat/upnp_url.h"

static const struct ipv4 router = { { 192, 168, 1, 1 } };

static void requests(void **state)
{
	static const struct upnp_request want = {
		.op = UPNP_ADD, .id = 0x01020304, .gateway = { { 192, 168, 1, 1 } },
		.own = { { 192, 168, 1, 10 } }, .external = 4501, .internal = 4500,
		.lease = 3600, .timeout = 500, .description = "btmm laptop",
	};
	static const char bytes[] =
		"\0\x22\3\1\2\3\4\xc0\xa8\1\1\xc0\xa8\1\x0a\x11\x95\x11\x94\0\0\x0e\x10\1\xf4"
		"btmm laptop";
	uint8_t out[UPNP_MSG_MAX], *copy;
	struct upnp_request r;
	size_t i, n = sizeof(bytes) - 1;

	(void)state;
	assert_int_equal(upnp_request_put(out, &want), n);
	assert_memory_equal(out, bytes, n);
	for (i = 0; i <= n; i++) {
		copy = exact_copy(bytes, i);
		assert_int_equal(upnp_request_read(copy, i, &r), i < n ? 0 : (int)n);
		free(copy);
	}
	assert_memory_equal(&r, &want, sizeof(r));
	/* More than one frame */
	out[n] = 9;
	assert_int_equal(upnp_request_read(out, n + 1, &r), n);

	/* Lengths, operations, what would not be text in XML */
	out[1] = 22;
	assert_int_equal(upnp_request_read(out, n, &r), -EBADMSG);
	out[1] = 23 + UPNP_DESCRIPTION;
	assert_int_equal(upnp_request_read(out, n, &r), -EBADMSG);
	out[0] = 1;
	assert_int_equal(upnp_request_read(out, 2, &r), -EBADMSG);
	out[0] = 0;
	out[1] = 23;
	assert_int_equal(upnp_request_read(out, 25, &r), 25);
	assert_string_equal(r.description, "");
	out[2] = 0;
	assert_int_equal(upnp_request_read(out, 25, &r), -EBADMSG);
	out[2] = UPNP_DELETE + 1;
	assert_int_equal(upnp_request_read(out, 25, &r), -EBADMSG);
	out[2] = UPNP_DELETE;
	out[1] = 24;
	for (i = 0; i < 256; i++) {
		out[25] = (uint8_t)i;
		assert_int_equal(upnp_request_read(out, 26, &r),
				 i < 32 || i > 126 || i == '<' || i == '>' || i == '&' ||
				 i == '"' || i == '\'' ? -EBADMSG : 26);
	}
}

static void responses(void **state)
{
	static const struct upnp_response want = {
		.op = UPNP_GET, .id = 0xfffefdfc, .status = 718, .version = 2, .enabled = true,
		.address = { { 198, 51, 100, 7 } }, .external = 4501, .internal = 4500,
		.lease = 604800,
	};
	static const char bytes[] =
		"\0\x15\5\xff\xfe\xfd\xfc\2\xce\2\1\xc6\x33\x64\7\x11\x95\x11\x94\0\x09\x3a\x80";
	uint8_t out[UPNP_MSG_MAX], *copy;
	struct upnp_response r;
	size_t i;

	(void)state;
	assert_int_equal(upnp_response_put(out, &want), 23);
	assert_memory_equal(out, bytes, 23);
	for (i = 0; i <= 23; i++) {
		copy = exact_copy(bytes, i);
		assert_int_equal(upnp_response_read(copy, i, &r), i < 23 ? 0 : 23);
		free(copy);
	}
	assert_int_equal(r.op, want.op);
	assert_true(r.id == want.id);
	assert_int_equal(r.status, want.status);
	assert_int_equal(r.version, 2);
	assert_true(r.enabled);
	assert_true(ipv4_equal(r.address, want.address));
	assert_int_equal(r.external, 4501);
	assert_int_equal(r.internal, 4500);
	assert_int_equal(r.lease, 604800);
	out[1] = 22;
	assert_int_equal(upnp_response_read(out, 24, &r), -EBADMSG);
	out[1] = 20;
	assert_int_equal(upnp_response_read(out, 24, &r), -EBADMSG);
	out[1] = 21;
	out[2] = 99;
	assert_int_equal(upnp_response_read(out, 23, &r), -EBADMSG);
}

static void urls(void **state)
{
	static const char *const good[] = {
		"http://192.168.1.1", "http://192.168.1.1/", "http://192.168.1.1:5000/desc.xml",
		"HTTP://192.168.1.1:65535", "http://192.168.1.1:80/@example.com/",
	};
	static const char *const bad[] = {
		"", "http://", "http:/192.168.1.1/", "https://192.168.1.1/", "ftp://192.168.1.1/",
		"http://192.168.1", "http://192.168.1.1.1/", "http://192.168.1.256/",
		"http://192.168.01.1/", "http://192.168.1.1:/", "http://192.168.1.1:0/",
		"http://192.168.1.1:65536/", "http://192.168.1.1@192.0.2.1/",
		"http://user@192.168.1.1/", "http://192.168.1.1:80@192.0.2.1/",
		"http://router.example.com/", "http://3232235777/", "http://0xc0a80101/",
		"http://[::1]/", "http://192.168.1.1.example.com/", "http://192.168.1.1 /",
		"http://192.168..1/", "http://192.168.1.99999999999999999999/", "//192.168.1.1/",
	};
	struct ipv4 a;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		memset(&a, 0, sizeof(a));
		assert_true(upnp_url_host(good[i], &a));
		assert_true(ipv4_equal(a, router));
	}
	for (i = 0; i < N_OF(bad); i++)
		if (upnp_url_host(bad[i], &a))
			fail_msg("%s", bad[i]);
}

static bool location(const char *msg, char *out)
{
	size_t len = strlen(msg);
	char *copy = exact_copy(msg, len);
	bool ok = upnp_search_location((const uint8_t *)copy, len, router, out);

	free(copy);
	return ok;
}

#define IGD	"urn:schemas-upnp-org:device:InternetGatewayDevice:1"

static void searches(void **state)
{
	static const char *const bad[] = {
		"", "\n", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200\n\n",
		/* not an answer, not good news, not a gateway, nowhere, elsewhere */
		"NOTIFY * HTTP/1.1\r\nST: " IGD "\r\nLOCATION: http://192.168.1.1/d\r\n\r\n",
		"HTTP/1.1 404 OK\r\nST: " IGD "\r\nLOCATION: http://192.168.1.1/d\r\n\r\n",
		"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:MediaServer:1\r\n"
		"LOCATION: http://192.168.1.1/d\r\n\r\n",
		"HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1/d\r\n\r\n",
		"HTTP/1.1 200 OK\r\nST: " IGD "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nST: " IGD "\r\nLOCATION: http://192.168.1.2/d\r\n\r\n",
		"HTTP/1.1 200 OK\r\nST: " IGD "\r\nLOCATION: http://example.com/d\r\n\r\n",
		/* behind the header */
		"HTTP/1.1 200 OK\r\nST: " IGD "\r\n\r\nLOCATION: http://192.168.1.1/d\r\n",
		"HTTP/1.1 200 OK\r\nST: " IGD "\r\nXLOCATION: http://192.168.1.1/d\r\n\r\n",
		"HTTP/1.1 200 OK\r\nST: " IGD "\r\nLOCATION http://192.168.1.1/d\r\n\r\n",
		"HTTP/1.1 200 OK\r\nST: " IGD "\r\nLOCATION: http://192.168.1.1/d",
	};
	char out[UPNP_URL_MAX], search[UPNP_SEARCH_MAX], longest[600];
	size_t i, n;

	(void)state;
	assert_true(location("HTTP/1.1 200 OK\r\nST: " IGD "\r\nUSN: uuid:1\r\n"
			     "Location: http://192.168.1.1:5000/d.xml\r\n\r\n", out));
	assert_string_equal(out, "http://192.168.1.1:5000/d.xml");
	/* As some write it */
	assert_true(location("HTTP/1.0 200 OK\nlocation:\thttp://192.168.1.1/d\n"
			     "st:upnp:rootdevice\n\n", out));
	assert_string_equal(out, "http://192.168.1.1/d");
	for (i = 0; i < N_OF(bad); i++)
		if (location(bad[i], out))
			fail_msg("%s", bad[i]);
	/* A zero, and what is too long */
	assert_false(upnp_search_location((const uint8_t *)
		"HTTP/1.1 200 OK\nST: upnp:rootdevice\nLOCATION: http://192.168.1.1\0/\n\n", 73,
		router, out));
	for (i = 200; i < 300; i++) {
		n = (size_t)snprintf(longest, sizeof(longest), "HTTP/1.1 200 OK\n"
				     "ST: upnp:rootdevice\nLOCATION: http://192.168.1.1/");
		memset(longest + n, 'x', i - 19);
		strcpy(longest + n + i - 19, "\n\n");
		assert_int_equal(location(longest, out), i < UPNP_URL_MAX);
	}

	n = upnp_search_put(search, IGD, 1);
	search[n] = 0;
	assert_string_equal(search, "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
			    "ST: " IGD "\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\r\n");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(upnp_search_put(search, longest, 1), 0);
}

static void services(void **state)
{
#define URN	"urn:schemas-upnp-org:service:"
	(void)state;
	assert_int_equal(upnp_service_version(URN "WANIPConnection:1"), 1);
	assert_int_equal(upnp_service_version(URN "WANIPConnection:2"), 2);
	assert_int_equal(upnp_service_version(URN "WANPPPConnection:1"), 1);
	assert_int_equal(upnp_service_version(URN "WANPPPConnection:"), 0);
	assert_int_equal(upnp_service_version(URN "WANIPConnection:1x"), 0);
	assert_int_equal(upnp_service_version(URN "WANIPConnection:256"), 0);
	assert_int_equal(upnp_service_version(URN "Layer3Forwarding:1"), 0);
	assert_int_equal(upnp_service_version(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(responses),
		cmocka_unit_test(urls),
		cmocka_unit_test(searches),
		cmocka_unit_test(services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
