"""MessagePack-RPC, and the whole API on one page. Pure; the standard library and msgpack only.

messages    what travels: requests, responses, notifications, and their bytes
connection  bytes in, messages out, within limits; no I/O
shapes      is this value of that TypedDict? Errors name the place
methods     every method with its parameters and result, and the notifications
questions   the parameters and results of what goes to a provider
codes       the error codes
address     where the socket and all other files are

Everything that lokictl shares with the daemon is here. ``lokictl ask`` starts in a few milliseconds, so
this file imports none of its modules, and ``messages``, ``connection`` and ``address`` import neither
typing nor dataclasses.

To add a method: two TypedDicts and a line in ``methods.METHODS``, a handler in ``lokid.server``, a table
in docs/rpc.md. Checks and error messages follow by themselves; tests name what is missing.
"""
