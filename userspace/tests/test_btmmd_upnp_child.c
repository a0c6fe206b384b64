// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The UPnP child, as a process, against a device on the loopback interface: what it is
 * asked by the engine, and what it makes of devices that are not what they should be.
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../btmmd/upnp_child.h"
#include "../lib/nat/upnp.h"

static const struct ipv4 router = { { 127, 18, 0, 1 } };
static const struct ipv4 other = { { 127, 18, 0, 2 } };
static const struct ipv4 own = { { 127, 0, 0, 1 } };
static const struct ipv4 outer = { { 198, 51, 100, 7 } };

/* What the device does */
struct device {
	struct ipv4 at;		/* where it answers from; the description is at router's */
	const char *control;	/* before the port, or NULL: a relative URL */
	int version;
	bool ppp_first;		/* a WANPPPConnection that is not connected comes first */
	bool no_service;
	int add_error;
	bool redirect;		/* the description is said to be at other's */
	bool endless;		/* ... and never ends */
};

static struct {
	pid_t device, child;
	int fd;
} w;

static int bound(int type, struct ipv4 a, uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t size = sizeof(sin);
	int fd = socket(AF_INET, type, 0), on = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	memcpy(&sin.sin_addr, a.b, 4);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &size), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

static int service(const struct device *d, const char *name, int version, const char *path,
		   uint16_t port, char *out, size_t size)
{
	char base[64] = "";

	if (d->control)
		snprintf(base, sizeof(base), "%s:%u", d->control, port);
	return snprintf(out, size,
			"<service><serviceType>urn:schemas-upnp-org:service:%s:%d</serviceType>"
			"<controlURL>%s%s</controlURL><eventSubURL>/e</eventSubURL>"
			"<SCPDURL>/s.xml</SCPDURL></service>", name, version, base, path);
}

static void description(const struct device *d, uint16_t port, char *out, size_t size)
{
	char services[1024] = "";
	size_t n = 0;

	if (d->ppp_first)
		n = (size_t)service(d, "WANPPPConnection", 1, "/off", port, services,
				    sizeof(services));
	if (!d->no_service)
		service(d, "WANIPConnection", d->version, "/ctl", port, services + n,
			sizeof(services) - n);
	snprintf(out, size, "<?xml version=\"1.0\"?>"
		 "<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:%d"
		 "</deviceType><deviceList><device><deviceType>urn:schemas-upnp-org:device:"
		 "WANDevice:1</deviceType><deviceList><device><deviceType>urn:schemas-upnp-org:"
		 "device:WANConnectionDevice:1</deviceType><serviceList>%s</serviceList></device>"
		 "</deviceList></device></deviceList></device></root>", d->version, services);
}

static bool value(const char *body, const char *name, char *out, size_t size)
{
	char tag[64];
	const char *p, *end;

	snprintf(tag, sizeof(tag), "<%s>", name);
	p = strstr(body, tag);
	end = p ? strstr(p, "</") : NULL;
	if (!end)
		return false;
	p += strlen(tag);
	snprintf(out, size, "%.*s", (int)(end - p), p);
	return true;
}

/* What the one mapping is, in the device's process */
static char map_port[8], map_client[32], map_lease[16];

static int act(const struct device *d, const char *req, char *out, size_t size)
{
	bool off = strstr(req, "POST /off");

	*out = 0;
	if (strstr(req, "#GetStatusInfo")) {
		snprintf(out, size, "<NewConnectionStatus>%s</NewConnectionStatus><NewUptime>5"
			 "</NewUptime>", off ? "Disconnected" : "Connected");
	} else if (off) {
		return 501;
	} else if (strstr(req, "#GetExternalIPAddress")) {
		snprintf(out, size, "<NewExternalIPAddress>198.51.100.7</NewExternalIPAddress>");
	} else if (strstr(req, "PortMapping\"")) {
		char port[8] = "";

		value(req, "NewExternalPort", port, sizeof(port));
		if (strstr(req, "#DeletePortMapping"))
			return strcmp(port, map_port) ? 714 : (*map_port = 0);
		if (d->add_error)
			return d->add_error;
		value(req, "NewInternalClient", map_client, sizeof(map_client));
		value(req, "NewLeaseDuration", map_lease, sizeof(map_lease));
		strcpy(map_port, port);
		if (strstr(req, "#AddAnyPortMapping")) {
			strcpy(map_port, "4777");
			snprintf(out, size, "<NewReservedPort>4777</NewReservedPort>");
		}
	} else if (strstr(req, "#GetSpecificPortMappingEntry")) {
		if (!*map_port)
			return 714;
		snprintf(out, size, "<NewInternalPort>4500</NewInternalPort><NewInternalClient>%s"
			 "</NewInternalClient><NewEnabled>1</NewEnabled>"
			 "<NewPortMappingDescription>d</NewPortMappingDescription>"
			 "<NewLeaseDuration>%s</NewLeaseDuration>", map_client, map_lease);
	} else {
		return 401;
	}
	return 0;
}

/* Another place for it, or as much as anybody reads. */
static void astray(const struct device *d, int fd, uint16_t port)
{
	static char much[65536];
	char out[256];
	int n;

	if (d->redirect) {
		n = snprintf(out, sizeof(out), "HTTP/1.1 301 Moved\r\nLocation: "
			     "http://127.18.0.2:%u/desc.xml\r\nContent-Length: 0\r\n\r\n", port);
		send(fd, out, (size_t)n, MSG_NOSIGNAL);
	} else {
		n = snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"
			     "<root>");
		send(fd, out, (size_t)n, MSG_NOSIGNAL);
		memset(much, ' ', sizeof(much));
		while (send(fd, much, sizeof(much), MSG_NOSIGNAL) > 0)
			;
	}
	close(fd);
}

static void http(const struct device *d, int fd, uint16_t port)
{
	char req[8192] = "", body[4096], fields[2048], out[8192];
	const char *length = NULL, *end = NULL;
	size_t len = 0;
	int error = 0, n;
	ssize_t got;

	do {
		got = recv(fd, req + len, sizeof(req) - 1 - len, 0);
		len += got > 0 ? (size_t)got : 0;
		req[len] = 0;
		end = strstr(req, "\r\n\r\n");
		length = strstr(req, "Content-Length: ");
	} while (got > 0 && (!end || (length && strlen(end + 4) < strtoul(length + 16, NULL, 10))));

	if (d->redirect || d->endless) {
		astray(d, fd, port);
		return;
	}
	if (!strncmp(req, "GET /desc.xml", 13)) {
		description(d, port, body, sizeof(body));
	} else {
		error = act(d, req, fields, sizeof(fields));
		if (error)
			snprintf(fields, sizeof(fields), "<UPnPError><errorCode>%d</errorCode>"
				 "</UPnPError>", error);
		snprintf(body, sizeof(body), "<?xml version=\"1.0\"?><s:Envelope><s:Body>"
			 "<u:Response>%s</u:Response></s:Body></s:Envelope>", fields);
	}
	n = snprintf(out, sizeof(out), "HTTP/1.1 %s\r\nContent-Type: text/xml\r\n"
		     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		     error ? "500 Internal Server Error" : "200 OK", strlen(body), body);
	send(fd, out, (size_t)n, MSG_NOSIGNAL);
	close(fd);
}

static void ssdp(int fd, int answer_fd, uint16_t port)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char msg[1500], out[512];
	int n = (int)recvfrom(fd, msg, sizeof(msg) - 1, 0, (struct sockaddr *)&from, &size);

	if (n <= 0)
		return;
	n = snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n"
		     "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
		     "LOCATION: http://127.18.0.1:%u/desc.xml\r\n\r\n", port);
	sendto(answer_fd, out, (size_t)n, 0, (struct sockaddr *)&from, size);
}

static void run_device(const struct device *d)
{
	uint16_t port = 0, ssdp_port = 1900, any = 0;
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int ready[2], answers;

	assert_int_equal(pipe(ready), 0);
	w.device = fork();
	assert_true(w.device >= 0);
	if (w.device) {
		char c;

		/* Until it listens; end of file: it could not */
		close(ready[1]);
		assert_int_equal(read(ready[0], &c, 1), 1);
		close(ready[0]);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	p[0].fd = bound(SOCK_DGRAM, router, &ssdp_port);
	answers = ipv4_equal(d->at, router) ? p[0].fd : bound(SOCK_DGRAM, d->at, &any);
	p[1].fd = bound(SOCK_STREAM, router, &port);
	if (listen(p[1].fd, 8) || write(ready[1], "", 1) != 1)
		_exit(1);
	while (poll(p, 2, -1) > 0) {
		if (p[0].revents)
			ssdp(p[0].fd, answers, port);
		if (p[1].revents)
			http(d, accept(p[1].fd, NULL, NULL), port);
	}
	_exit(0);
}

static void run_child(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	w.child = fork();
	assert_true(w.child >= 0);
	if (!w.child) {
		close(fds[0]);
		_exit(upnp_child(fds[1]));
	}
	close(fds[1]);
	w.fd = fds[0];
}

static void start(struct device d)
{
	run_device(&d);
	run_child();
}

static int end_child(void)
{
	int how;

	close(w.fd);
	assert_int_equal(waitpid(w.child, &how, 0), w.child);
	return how;
}

static void finish(void)
{
	assert_int_equal(end_child(), 0);
	kill(w.device, SIGKILL);
	assert_int_equal(waitpid(w.device, NULL, 0), w.device);
}

static struct upnp_response ask(struct upnp_request q)
{
	static uint32_t id;
	uint8_t buf[UPNP_MSG_MAX];
	struct upnp_response a;
	size_t len = 0;
	ssize_t got;
	int n;

	q.id = ++id;
	if (q.gateway.b[0] == 0)
		q.gateway = router;
	q.own = own;
	len = upnp_request_put(buf, &q);
	/* In two pieces, as a stream may */
	assert_int_equal(write(w.fd, buf, 7), 7);
	assert_int_equal(write(w.fd, buf + 7, len - 7), len - 7);
	for (len = 0; !(n = upnp_response_read(buf, len, &a)); len += (size_t)got) {
		got = read(w.fd, buf + len, sizeof(buf) - len);
		assert_true(got > 0);
	}
	assert_int_equal(n, len);
	assert_int_equal(a.id, id);
	assert_int_equal(a.op, q.op);
	return a;
}

static struct upnp_response discover(void)
{
	return ask((struct upnp_request){ .op = UPNP_DISCOVER, .timeout = 400 });
}

static void whole_engine(void **state)
{
	struct upnp_config config = {
		.gateway = router, .own = own, .description = "btmm test", .seed = "seed",
	};
	int version;

	(void)state;
	for (version = 1; version <= 2; version++) {
		struct upnp *u = upnp_new(&config);
		struct upnp_response a;
		struct upnp_mapping m;
		struct upnp_request q;
		uint64_t now = 1000;

		start((struct device){ .at = router, .version = version });
		assert_int_equal(upnp_map(u, 4500, 0, now), 0);
		while (upnp_output(u, now, &q)) {
			uint32_t id = q.id;

			a = ask(q);
			a.id = id;
			assert_true(upnp_input(u, now, &a));
		}
		assert_int_equal(upnp_version(u), version);
		assert_true(upnp_mapping(u, 4500, &m));
		assert_int_equal(m.reason, UPNP_R_OK);
		assert_int_equal(m.external, version == 1 ? 4500 : 4777);
		assert_true(ipv4_equal(m.address, outer));
		assert_true(m.verified);
		assert_true(m.expires == now + 3600000);
		upnp_stop(u, now);
		while (upnp_output(u, now, &q)) {
			uint32_t id = q.id;

			a = ask(q);
			assert_int_equal(a.status, UPNP_OK);
			a.id = id;
			assert_true(upnp_input(u, now, &a));
		}
		assert_true(upnp_stopped(u));
		upnp_free(u);
		finish();
	}
}

static void errors(void **state)
{
	struct upnp_request q = { .op = UPNP_ADD, .external = 4500, .internal = 4500 };

	(void)state;
	start((struct device){ .at = router, .version = 2, .add_error = 718 });
	/* Nothing is known yet. */
	assert_int_equal(ask(q).status, UPNP_FAILED);
	assert_int_equal(discover().status, UPNP_OK);
	assert_int_equal(ask(q).status, UPNP_CONFLICT);
	q.op = UPNP_ADD_ANY;
	assert_int_equal(ask(q).status, UPNP_CONFLICT);
	q.op = UPNP_GET;
	assert_int_equal(ask(q).status, UPNP_NO_SUCH_ENTRY);
	q.op = UPNP_DELETE;
	assert_int_equal(ask(q).status, UPNP_NO_SUCH_ENTRY);
	/* Another gateway is another device. */
	q.gateway = other;
	assert_int_equal(ask(q).status, UPNP_FAILED);
	/* The device goes away. */
	kill(w.device, SIGKILL);
	assert_int_equal(waitpid(w.device, NULL, 0), w.device);
	q = (struct upnp_request){ .op = UPNP_ADDRESS };
	assert_int_equal(ask(q).status, UPNP_FAILED);
	assert_int_equal(discover().status, UPNP_NO_DEVICE);
	assert_int_equal(end_child(), 0);
}

static void second_service(void **state)
{
	struct upnp_response a;

	(void)state;
	/* The first is there, but not connected. */
	start((struct device){ .at = router, .version = 2, .ppp_first = true });
	a = discover();
	assert_int_equal(a.status, UPNP_OK);
	assert_int_equal(a.version, 2);
	a = ask((struct upnp_request){ .op = UPNP_ADDRESS });
	assert_int_equal(a.status, UPNP_OK);
	assert_true(ipv4_equal(a.address, outer));
	finish();

	/* There is no other one. */
	start((struct device){
		.at = router, .version = 1, .ppp_first = true, .no_service = true,
	});
	a = discover();
	assert_int_equal(a.status, UPNP_OK);
	assert_int_equal(a.version, 1);
	assert_int_equal(ask((struct upnp_request){ .op = UPNP_ADDRESS }).status, 501);
	finish();
}

static void hostile(void **state)
{
	(void)state;
	/* It sends us to another host, */
	start((struct device){ .at = router, .version = 1, .control = "http://127.18.0.2" });
	assert_int_equal(discover().status, UPNP_FOREIGN);
	assert_int_equal(ask((struct upnp_request){ .op = UPNP_ADDRESS }).status, UPNP_FAILED);
	finish();
	/* to a name, */
	start((struct device){ .at = router, .version = 1, .control = "http://localhost" });
	assert_int_equal(discover().status, UPNP_FOREIGN);
	finish();
	/* maps no ports, */
	start((struct device){ .at = router, .version = 1, .no_service = true });
	assert_int_equal(discover().status, UPNP_NO_DEVICE);
	finish();
	/* is not the gateway. */
	start((struct device){ .at = other, .version = 1 });
	assert_int_equal(discover().status, UPNP_NO_DEVICE);
	finish();
}

static void rights(void **state)
{
	char path[64], text[4096];
	size_t n;
	FILE *f;

	(void)state;
	start((struct device){ .at = router, .version = 1 });
	assert_int_equal(discover().status, UPNP_OK);
	snprintf(path, sizeof(path), "/proc/%d/status", w.child);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "CapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000\n"));
	assert_non_null(strstr(text, "CapInh:\t0000000000000000\n"));
	assert_non_null(strstr(text, "CapAmb:\t0000000000000000\n"));
	finish();
}

/* A description that is elsewhere */
static void astray_child(void **state)
{
	(void)state;
	start((struct device){ .at = router, .version = 1, .redirect = true });
	assert_int_equal(discover().status, UPNP_FAILED);
	finish();
}

/* One without an end. A sanitizer's memory is without a limit: `make coverage` runs this. */
#ifndef __SANITIZE_ADDRESS__
/* kB of that in /proc/PID/status */
static unsigned long status_of(pid_t pid, const char *what)
{
	char path[64], line[256];
	unsigned long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, what, strlen(what)))
			n = strtoul(line + strlen(what), NULL, 10);
	}
	fclose(f);
	return n;
}

static void endless_child(void **state)
{
	unsigned long before;

	(void)state;
	start((struct device){ .at = router, .version = 1, .endless = true });
	/* It has begun, and begun nothing */
	assert_int_equal(ask((struct upnp_request){ .op = UPNP_ADDRESS }).status, UPNP_FAILED);
	before = status_of(w.child, "VmHWM:");
	assert_int_equal(discover().status, UPNP_FAILED);
	assert_in_range(status_of(w.child, "VmHWM:"), before, before + (17 << 10));
	finish();
}
#endif

static void nonsense(void **state)
{
	int how;

	(void)state;
	run_child();
	assert_int_equal(write(w.fd, "\377\377nonsense", 10), 10);
	assert_int_equal(waitpid(w.child, &how, 0), w.child);
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == EXIT_FAILURE);
	close(w.fd);
	/* Half a request, then nothing: the parent has died. */
	run_child();
	assert_int_equal(write(w.fd, "\0\27", 2), 2);
	assert_int_equal(end_child(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_engine), cmocka_unit_test(errors),
		cmocka_unit_test(second_service), cmocka_unit_test(hostile),
		cmocka_unit_test(rights), cmocka_unit_test(astray_child),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(endless_child),
#endif
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
