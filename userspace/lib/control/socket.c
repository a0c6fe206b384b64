// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the control socket is in the file system. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_int.h"

#define BACKLOG	128

const char control_service_description[] =
	"# What every Varlink service tells of itself\n"
	"interface " CONTROL_SERVICE "\n"
	"\n"
	"method GetInfo() -> (vendor: string, product: string, version: string,\n"
	"  url: string, interfaces: []string)\n"
	"\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static int fail(int err, const char *path, const char *what, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s %s: %s", path, what, strerror(err));
	return -err;
}

/* Its directory, if that is all that is missing: /run is empty after each boot. */
static int make_directory(const char *path, char *why, size_t why_size)
{
	char dir[sizeof(((struct control_socket *)NULL)->path)];
	char *slash;

	strcpy(dir, path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	if (!mkdir(dir, 0755) || errno == EEXIST)
		return 0;
	return fail(errno, dir, "cannot be made", why, why_size);
}

/* A socket that a daemon left behind is in the way, and nobody listens on it. */
static int clear(const struct sockaddr_un *sun, char *why, size_t why_size)
{
	const char *path = sun->sun_path;
	struct stat st;
	int fd, err;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 :
					 fail(errno, path, "cannot be looked at", why, why_size);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, why_size, "%s is there and is no socket: move it away", path);
		return -EEXIST;
	}

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(errno, path, "cannot be tried", why, why_size);
	err = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) ? errno : 0;
	close(fd);
	/* EAGAIN: there are too many waiting for it already. */
	if (!err || err == EAGAIN) {
		snprintf(why, why_size, "another daemon listens on %s already", path);
		return -EADDRINUSE;
	}
	if (err != ECONNREFUSED && err != ENOENT)
		return fail(err, path, "cannot be tried", why, why_size);
	if (unlink(path) && errno != ENOENT)
		return fail(errno, path, "cannot be removed", why, why_size);
	return 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *sun, struct control_socket *out)
{
	struct stat st;

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		return -errno;
	/* From here, the name is to be removed. */
	if (lstat(sun->sun_path, &st))
		return -errno;
	strcpy(out->path, sun->sun_path);
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	if (chmod(sun->sun_path, 0666) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

int control_socket_make(const char *path, struct control_socket *out, char *why, size_t why_size)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err;

	memset(out, 0, sizeof(*out));
	if (!*path || strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(why, why_size, "'%s' is no path for a socket: it has more than %zu octets",
			 path, sizeof(sun.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(sun.sun_path, path);
	err = make_directory(path, why, why_size);
	if (!err)
		err = clear(&sun, why, why_size);
	if (err)
		return err;

	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0)
		return fail(errno, path, "cannot be made", why, why_size);
	err = bind_and_listen(out->fd, &sun, out);
	if (!err)
		return 0;
	control_socket_remove(out);
	close(out->fd);
	return fail(-err, path, "cannot be made", why, why_size);
}

void control_socket_remove(struct control_socket *s)
{
	struct stat st;

	/* A daemon that came after us may have put its own there. */
	if (s->path[0] && !lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	s->path[0] = '\0';
}
