/*
 * The event scanner: one pass over an event line (pgcdc-events(5)) that
 * checks it and says where its parts are.  Values are neither copied nor unescaped.
 *
 * A line is one JSON object, exactly as RFC 8259 has it, in valid UTF-8, with
 * JSON whitespace around it; lone surrogate escapes are grammatical.
 * Keys may come in any order.  Unknown keys are legal anywhere; they are
 * checked and passed over.  A known key may stand once in its object.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stddef.h>

/* Levels of objects and arrays in a line; its own object is the first. */
#define EVENT_DEPTH 64

/* Entries of an array: a table has at most 1600 columns (MaxHeapAttributeNumber). */
#define EVENT_ENTRIES 1600

/* A JSON value as it stands in the line, with its quotes; p is NULL if it is absent. */
struct event_span {
	const char *p;
	size_t len;
};

/* One object of "columns" or "identity". */
struct event_entry {
	struct event_span whole; /* with its braces */
	struct event_span name;  /* a string */
	struct event_span type;  /* a string */
	struct event_span value; /* any value */
	struct event_span id;    /* a string */
};

struct event_array {
	struct event_span whole;   /* with its brackets */
	struct event_entry *entry; /* n of them, the struct event's own */
	size_t n;
	size_t cap;
};

/* Start with all zero; each event_scan() overwrites what was there. */
struct event {
	char code;                   /* "action" if it is one of HBCIUDTMR, else 0 */
	struct event_span action;    /* a string, always there */
	struct event_span lsn;       /* a string */
	struct event_span seq;       /* a number */
	struct event_span xid;       /* a number */
	struct event_span timestamp; /* a string */
	struct event_span origin;    /* a string */
	struct event_span schema;    /* a string */
	struct event_span table;     /* a string */
	struct event_array columns;
	struct event_span unchanged; /* an array */
	struct event_array identity;
	struct event_span metadata;          /* an object */
	struct event_span baseline;          /* true or false */
	struct event_span transactional;     /* true or false */
	struct event_span prefix;            /* a string */
	struct event_span content;           /* a string */
	struct event_span content_hex;       /* a string */
	struct event_span format;            /* a number */
	struct event_span system_identifier; /* a string */
	struct event_span timeline;          /* a number */
	struct event_span slot;              /* a string */
	struct event_span start;             /* a string */
	struct event_span prev;              /* a string */
	struct event_span ack;               /* a string */
	char error[96];                      /* why the last scan failed, for a message */
	size_t error_at;                     /* and at which byte of the line, from 0 */
};

/*
 * Scan the len bytes at line, without a line feed.  The spans point into
 * the line and live as long as it does; the entries live until the next scan.
 * 0, or -1 with e->error and e->error_at set and errno EBADMSG (the line is no
 * event line) or ENOMEM; then the spans are undefined.
 */
int event_scan(struct event *e, const char *line, size_t len);

/* Free what event_scan() allocated; e can be used again. */
void event_free(struct event *e);

/*
 * The member whose value this is, with its key and one comma beside it: the line without it
 * is an object, too.  When several are taken away, only one of them may be the first.
 */
struct event_span event_member(struct event_span value);

/*
 * What stands between the quotes of a string, such as a token.
 * 0, or -1 if it is absent, no string, or written with escapes.
 */
int event_text(struct event_span *text, struct event_span string);

/* Is it a string with this text, written without escapes? */
int event_is_text(struct event_span span, const char *text);

/* Is the line an insert into pgcdc.schema_log (pgcdc-schema(5))? */
int event_is_schema_row(const struct event *e);

#endif
