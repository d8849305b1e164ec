"""The Unix socket: who may connect, what travels, what runs.

endpoint   the one socket of this user: lock, systemd's or our own            (standard library only)
life       from the loaded program to its end: signals, systemd, draining
listener   accepts, refuses strangers, starts a session per connection, drains
peer       who is at the other end
session    one connection: a reader, a writer, a task per question
outbox     what waits to be written to one connection: bounded, written by one place
requests   what runs now, in the whole daemon
faults     an exception as the error of a response
handlers   HANDLERS: method name -> what answers it

To add a method: its shapes in ``lokid.rpc.methods``, a line in ``handlers.HANDLERS``.
"""
