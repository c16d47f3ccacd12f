#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ack.h"
#include "log.h"

static int
is_token_byte(char c)
{
	return c > ' ' && c < 0x7f;
}

int
ack_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < ACK_NAME_SIZE &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
	           len;
}

static int
check_name(const char *option, const char *name)
{
	if (ack_name_valid(name))
		return 0;
	return log_permanent("invalid name \"%s\" for option \"%s\"; expected letters, digits, "
			     "\"_\", \"-\" and \".\"",
	    name, option);
}

int
ack_check_name(const char *name)
{
	return check_name("--ack-name", name);
}

int
ack_check_wait_for(const struct opt_list *names, const char *path)
{
	int err;

	for (size_t i = 0; i < names->n; i++)
		if ((err = check_name("--wait-for", names->item[i])) != 0)
			return err;
	if (names->n > 0 && (path == NULL || strcmp(path, "stdout") == 0))
		return log_permanent("option --wait-for needs --ack with the path of a FIFO");
	return 0;
}

/* Refuse what is not a FIFO of our own: an ack decides what the server may forget. */
static int
check_fifo(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return log_temporary("could not stat ack FIFO \"%s\": %s", path, strerror(errno));
	if (!S_ISFIFO(st.st_mode))
		return log_permanent(
		    "\"%s\" is not a FIFO; remove it or give --ack another path", path);
	return 0;
}

static int
check_owner(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return log_temporary("could not stat ack FIFO \"%s\": %s", path, strerror(errno));
	if (st.st_uid != geteuid())
		return log_permanent("ack FIFO \"%s\" belongs to user ID %u, not to us (%u); "
				     "remove it or give --ack another path",
		    path, st.st_uid, geteuid());
	if ((st.st_mode & S_IWOTH) != 0)
		log_warn("everybody may write into ack FIFO \"%s\", and so make the server forget "
			 "changes; remove that right with \"chmod o-w\"",
		    path);
	return 0;
}

/* What open(2) with O_NOFOLLOW says in so many words. */
static int
is_link(const char *path)
{
	return log_permanent("\"%s\" is a symbolic link; give --ack the path of a FIFO", path);
}

int
ack_listen(struct ack_fifo *f, const char *path)
{
	int err;

	*f = (struct ack_fifo){ .fd = -1 };
	if (mkfifo(path, 0600) != 0 && errno != EEXIST)
		return log_permanent("could not make ack FIFO \"%s\": %s; "
				     "give --ack a path in a folder of ours",
		    path, strerror(errno));
	f->fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd < 0 && errno == ELOOP)
		return is_link(path);
	if (f->fd < 0)
		return log_permanent("could not open ack FIFO \"%s\": %s; "
				     "give --ack another path",
		    path, strerror(errno));
	if ((err = check_fifo(f->fd, path)) != 0 || (err = check_owner(f->fd, path)) != 0)
		return err;
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return log_temporary("ack FIFO \"%s\" is held by another reader; "
					     "stop that one or give --ack another path",
			    path);
		return log_temporary("could not lock ack FIFO \"%s\": %s", path, strerror(errno));
	}
	return 0;
}

/* "TOKEN[ NAME]", len bytes without the line feed. */
static void
parse(struct ack *ack, const char *s, size_t len)
{
	size_t token = 0;

	*ack = (struct ack){ .malformed = 1 };
	while (token < len && is_token_byte(s[token]))
		token++;
	if (token == 0 || token >= ACK_TOKEN_SIZE)
		return;
	if (token < len) {
		size_t name = len - token - 1;

		if (s[token] != ' ' || name == 0 || name >= ACK_NAME_SIZE)
			return;
		memcpy(ack->name, s + token + 1, name);
		if (strlen(ack->name) != name || !ack_name_valid(ack->name)) {
			ack->name[0] = '\0';
			return;
		}
	}
	memcpy(ack->token, s, token);
	ack->malformed = 0;
}

/* Hand out the next whole line that is in the buffer, if there is one. */
static int
next_in_buffer(struct ack_fifo *f, struct ack *ack)
{
	const char *line = f->buffer + f->done;
	const char *lf = memchr(line, '\n', f->len - f->done);

	if (lf == NULL)
		return 0;
	f->done = (size_t)(lf + 1 - f->buffer);
	if (f->skipping) {
		f->skipping = 0;
		*ack = (struct ack){ .malformed = 1 };
	} else {
		parse(ack, line, (size_t)(lf - line));
	}
	return 1;
}

int
ack_next(struct ack_fifo *f, struct ack *ack)
{
	for (;;) {
		if (next_in_buffer(f, ack))
			return 1;
		f->len -= f->done;
		memmove(f->buffer, f->buffer + f->done, f->len);
		f->done = 0;
		if (f->len == sizeof(f->buffer)) {
			f->skipping = 1;
			f->len = 0;
		}
		ssize_t n = read(f->fd, f->buffer + f->len, sizeof(f->buffer) - f->len);
		if (n > 0)
			f->len += (size_t)n;
		else if (n == 0 || errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -1;
	}
}

int
ack_connect(struct ack_sink *s, const char *path, const char *name)
{
	int err;

	if (s->fd >= 0)
		close(s->fd);
	*s = (struct ack_sink){ .path = path, .name = name };
	s->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0 && errno == ENXIO) {
		s->unheard = 1;
		return 0;
	}
	if (s->fd < 0 && errno == ELOOP)
		return is_link(path);
	if (s->fd < 0)
		return log_permanent("could not open ack FIFO \"%s\": %s; "
				     "give --ack the path that the source of this stream was given",
		    path, strerror(errno));
	if ((err = check_fifo(s->fd, path)) != 0)
		ack_disconnect(s);
	return err;
}

int
ack_send(struct ack_sink *s, const char *token, size_t len)
{
	size_t name = strlen(s->name);

	if (len == 0 || len >= ACK_TOKEN_SIZE)
		return -1;
	for (size_t i = 0; i < len; i++)
		if (!is_token_byte(token[i]))
			return -1;
	if (s->unheard)
		log_warn("nobody reads the ack FIFO \"%s\"; nothing will be acknowledged", s->path);
	s->unheard = 0;
	memcpy(s->pending, token, len);
	s->pending[len] = ' ';
	memcpy(s->pending + len + 1, s->name, name);
	s->pending[len + 1 + name] = '\n';
	s->len = len + name + 2;
	ack_flush(s);
	return 0;
}

int
ack_flush(struct ack_sink *s)
{
	ssize_t n;

	if (s->fd < 0 || s->len == 0)
		return 0;
	do
		n = write(s->fd, s->pending, s->len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 1;
	if (n < 0 && errno == EPIPE) {
		log_warn(
		    "the source that read ack FIFO \"%s\" has ended; nothing more is acknowledged",
		    s->path);
		ack_disconnect(s);
	} else if (n < 0) {
		log_warn("could not write to ack FIFO \"%s\": %s", s->path, strerror(errno));
		ack_disconnect(s);
	}
	s->len = 0;
	return 0;
}

void
ack_disconnect(struct ack_sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
