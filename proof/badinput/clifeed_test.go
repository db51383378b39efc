package badinput

// feedTo begins a good command line, but for a server that nobody runs there.
const feedTo = "feed --nats nats://127.0.0.1:1"

// The command lines of a feed into a stream, which need no server to be refused.
var feedCases = []cliCase{
	misuse("feed without a server", "feed", `required flag(s) "nats" not set`),
	misuse("feed and an argument", feedTo+" launch", "codepool feed takes no argument"),
	misuse("feed, unknown flag", feedTo+" --after 3", "unknown flag: --after"),
	misuse("feed to a URL without a value", "feed --nats", "flag needs an argument: --nats"),
	misuse("feed, a cursor of nothing", feedTo+" --cursor ''", "--cursor is empty"),
	misuse("feed, a limit of letters", feedTo+" --limit some", `invalid argument "some" for "--limit" flag`),
	misuse("feed, follow sometimes", feedTo+" --follow=sometimes", `invalid argument "sometimes" for "--follow" flag`),
	misuse("feed, create perhaps", feedTo+" --create=perhaps", `invalid argument "perhaps" for "--create" flag`),
	misuse("feed, a limit of the environment", "CODEPOOL_FEED_LIMIT=3 "+feedTo, "CODEPOOL_FEED_LIMIT: --limit is of one call"),
	misuse("feed, a mistyped name of the environment", "CODEPOOL_FEED_STREAMS=x "+feedTo, "the nearest is CODEPOOL_FEED_STREAM"),
	misuse("feed, create perhaps by the environment", "CODEPOOL_FEED_CREATE=perhaps "+feedTo, "CODEPOOL_FEED_CREATE: create:"),
	bad("feed to nothing", "feed --nats ''", wrongUse, "invalid", noURL),
	bad("feed to a page", "feed --nats http://127.0.0.1:1", wrongUse, "invalid", noURL),
	bad("feed to a path", "feed --nats nats://127.0.0.1:1/stream", wrongUse, "invalid", noURL),
	bad("feed, a password with a slash", "feed --nats nats://ann:7/secret@127.0.0.1:1", wrongUse, "invalid", noURL),
	bad("feed, a password with a comma", "feed --nats nats://ann:7,secret@127.0.0.1:1", wrongUse, "invalid", noURL),
	bad("feed, a URL of the environment that is none", "CODEPOOL_FEED_NATS=nats:// feed", wrongUse, "invalid", noURL),
	bad("feed, a limit below zero", feedTo+" --limit -1", wrongUse, "invalid", "limit -1 is below 0"),
	bad("feed, a stream of nothing", feedTo+" --stream ''", wrongUse, "invalid", `stream "" is empty`),
	bad("feed, a stream with a dot", feedTo+" --stream a.b", wrongUse, "invalid", `stream "a.b" has a dot`),
	bad("feed, a stream with a blank", feedTo+" --stream 'a b'", wrongUse, "invalid", `stream "a b" has a blank`),
	bad("feed, a stream of 1025 bytes", feedTo+" --stream $LONG", wrongUse, "invalid", "has 1025 bytes: at most 255"),
	bad("feed, a subject of nothing", feedTo+" --subject ''", wrongUse, "invalid", `subject "" is empty`),
	bad("feed, a subject with a wildcard", feedTo+" --subject codepool.*", wrongUse, "invalid", "has a wildcard: name one"),
	bad("feed, all subjects", feedTo+" --subject '>'", wrongUse, "invalid", "has a wildcard: name one"),
	bad("feed, a subject with an empty part", feedTo+" --subject a..b", wrongUse, "invalid", "has an empty part"),
	bad("feed, a subject of the server", feedTo+" --subject $JS.x", wrongUse, "invalid", "is the server's"),
	bad("feed, a cursor of 1025 bytes", feedTo+" --cursor $LONG", wrongUse, "invalid", "--cursor has 1025 bytes"),
	bad("feed, two mistakes", feedTo+" --stream a.b --subject a..b", wrongUse, "invalid", "has a dot … has an empty part"),
	bad("feed, no such credentials", feedTo+" --nats-creds nofile", failure, "no_file", "credentials: open nofile"),
	bad("feed, a folder of credentials", feedTo+" --nats-creds folder", failure, "failure", "credentials: … folder"),
	bad("feed to no server", feedTo, failure, "no_connection", "127.0.0.1:1: nats: no servers available").advising("the same when the server is there"),
	bad("feed with a password to no server", "feed --nats nats://ann:secret@127.0.0.1:1", failure, "no_connection", "no connection to a NATS server: 127.0.0.1:1: nats: no servers available"),
	bad("feed with a token to no server", "feed --nats tls://secret@127.0.0.1:1", failure, "no_connection", "no connection to a NATS server: 127.0.0.1:1: nats: no servers available"),
}

const noURL = "that is no URL of a NATS server: write nats://HOST:PORT"
